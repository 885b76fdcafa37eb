"""Mutants about two-layer networks, with kinks and without."""

from __future__ import annotations

from .. import network, smooth_network
from . import core
from .edits import Wrong, rows
from .generated import mutants


def _of_steps(begin: str, adapted: str, outer: str) -> tuple[Wrong, ...]:
    """The factors of the steps, and what else the chain rule gives."""
    return (
        *core.no_hessian(begin, "phi_{W_i}", adapted),
        *rows(f"""
        {begin}steps-reversed | lifted | misfit -> misfit_reversed
            the factors of the steps in reverse order
            phi_i is the transpose of the Jacobian applied to phi_{{W_i}}: the last step's factor acts first.
        {begin}steps-frozen | lifted | misfit -> misfit_frozen
            the first step's Jacobian for every step
            Every step has the features and the ell'' of its own iterate.
        {begin}step-missing | lifted | misfit -> misfit_one_missing
            the last step's Jacobian left out
            K steps have K factors.
        {begin}hessian-at-adapted | lifted | misfit -> misfit_curvature_adapted
            ell'' at the prediction that the step leads to
            The Jacobian of a step has the Hessian where the step starts.
        {begin}outer-unadapted | lifted | misfit -> misfit_outer_unadapted
            gradient feature of the unadapted network
            The outer feature belongs to W_i{outer}.
        """),
        *core.first_order_eps(begin),
        *core.gap(begin),
        *rows(f"""
        {begin}small-ball | projected | eps_projected -> eps_projected - radius*eps
            projected stationarity without the radius' part
            Inside the ball the gradient counts in every direction.
        {begin}half-shortest | c3 | half
            half the norm of the shortest representation
            u along the gradient attains Cauchy-Schwarz.
        {begin}shortest-at-start | c3 | min_norm_solution -> min_norm_init
            the shortest representation by features at initialisation, with the gradient of L
            The gradient of L belongs to the features at W.
        """),
    )


NETWORK = mutants(
    "network",
    network.CLAIMS,
    (
        *_of_steps("network-", "J_i' phi_{W_i}", ", whose patterns differ"),
        *rows("""
        network-init-in-hessian | lifted | misfit -> misfit_init_inner
            initial features in the Hessian only
            With eps of L the features must be those of L.
        network-init-outer | lifted | misfit -> misfit_init_outer
            initial features outside only
            With eps of L the features must be those of L.
        network-no-error-term | init-operator | without error_operator
            features at initialisation without the error term
            G_0 is not grad L: the error term (or N2's own eps) is needed.
        """),
        *core.weights("network-", "network"),
        *rows("""
        network-u-unadapted | identity | bound pairing_unadapted | equal
            displacement of the unadapted networks
            The gap compares adapted networks; inequalities are nearly blind to this, the identity is not.
        """),
        *core.free_infimum("network-"),
        *rows("""
        network-two-kink-rules | formal | eps_formal -> eps_other_kinks
            1{0 > 0} = 0 in the adapted networks and 1 in the gradient
            At a kink any rule will do, but one and the same everywhere.
        network-last-factor | error-pointwise | error_flips -> error_last_factor
            only the last step's factor expands the error
            The factors multiply: an error of the outer feature passes through all of them.
        network-own-displacement | error-count | error_count -> error_count_own
            W's own displacement in the count of the adapted flips
            The adapted network has moved further than W.
        network-linear-budget | error-count | error_count -> error_count_linear
            k* with the sum of the distances at most B
            Squares of the distances are what a Euclidean ball limits.
        network-half-reach | linearisation | half
            half the reach of the neurons
            One neuron pushed straight over its kink attains the bound.
        network-half-atom | atom | half
            half the closed form at an atom
            The closed form is attained: the nearest neurons of one sign, pushed across equally far.
        """),
        *core.first_order_both("network-", "a theorem: network-first-order."),
        *rows("""
        network-init-both | lifted | eps -> eps_init, misfit -> misfit_init | true
            initial features throughout, with their own eps
            Looks like an approximation and is N2': the identity holds for any features with their own pairing.
        network-reach-at-omega | linearisation | linearisation_bound -> linearisation_bound_own | true
            distances from the kinks at W in place of W0
            A flip forces |W_r'x| <= d_r ||x|| as well, and the error of a flipped neuron is |W_r'x| itself: so bounding
            it by the reach d_r||x|| of the neurons with |W_r'x| <= d_r ||x|| is true.
        network-init-no-eps | init | without eps_init
            the pairing at initialisation left out
            R ||G_0|| is 0 only where that pairing is.
        network-init-pointwise-no-eps | init-pointwise | without eps
            R eps left out of N2 with the pointwise error
            Only at exactly stationary points is the term 0.
        network-init-count-no-eps | init-count | without eps
            R eps left out of N2 with counted flips
            As for the pointwise error: 0 at W = W0 does not stop L from changing.
        network-half-gradient-error | error-gradient | half
            half the operator error
            Attained where w is the first singular vector of the difference.
        network-half-trace | error-operator | half
            half the trace error
            One lifted point: both norms are the same.
        """),
        *(row for row in core.convex_steps("network-") if row.stem != "identity"),
        *core.refined("network-"),
        *core.outputs("network-"),
        *core.paced("network-"),
    ),
)

SMOOTH_NETWORK = mutants(
    "smooth-network",
    smooth_network.CLAIMS,
    (
        *rows("""
        smooth-network-no-fold | lifted | misfit -> misfit_no_fold
            the Hessian without the network's second derivative
            E[ell'' phi phi'] is the Hessian of a model that is linear in its parameters.
        """),
        *_of_steps("smooth-network-", "J_0 ... J_{K-1} phi_{W_i}", ""),
        *rows("""
        smooth-network-init-without-its-gradient | init | eps_init -> eps
            features at initialisation with the gradient of L
            G_0 is not grad L.
        smooth-network-half-operator | init-operator | half error_operator
            half the operator error
            With one lifted point G_0 - G = w (phi_0 - phi) is all of it.
        smooth-network-half-curvature | init-pointwise | error_pointwise -> error_half_curvature
            half of sup |sigma''| in the pointwise error
            Where sigma'' is largest the slopes change at that rate.
        smooth-network-half-curvature-pointwise | error-pointwise | error_pointwise -> error_half_curvature
            half of sup |sigma''|
            Where sigma'' is largest the slopes change at that rate.
        smooth-network-narrow-ball | init-ball | error_ball -> error_ball_narrow
            1/m where the error of the ball has m^{-1/2}
            Neurons that all move alike attain m^{-1/2}.
        smooth-network-half-gradient-error | error-gradient | half
            half the gradient error
            One lifted point attains Cauchy-Schwarz.
        smooth-network-trace-for-operator | error-operator | left error_trace | bound error_operator
            the trace error at most the operator error
            Only where all differences of features are parallel.
        smooth-network-error-without-fold | error-pointwise | error_pointwise -> error_no_fold
            the second derivative's part dropped
            phi has it and phi_0 has not; after a step from W0 it is as large as the rest.
        smooth-network-own-displacement | error-pointwise | error_pointwise -> error_own
            W's own displacement for that of W_i
            The adapted network has moved further than W.
        smooth-network-ball-own | error-ball | error_ball -> error_ball_own
            W's own ball for that of W_i
            W_i lies in the ball of radius B + eta ||grad R_i||.
        smooth-network-half-remainder | linearisation | half
            half of Taylor's remainder
            Where sigma'' is largest short displacements attain it.
        smooth-network-narrow-remainder | linearisation-ball | left linearisation | bound linearisation_ball_narrow
            1/m where the remainder in the ball has m^{-1/2}
            Neurons of one sign that all move alike attain m^{-1/2}.
        """),
        *core.convex_steps("smooth-network-"),
        *core.refined("smooth-network-"),
        *core.outputs("smooth-network-"),
        *core.paced("smooth-network-"),
    ),
)
