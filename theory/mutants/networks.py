"""Mutants about two-layer networks, with kinks and without."""

from __future__ import annotations

from .. import network, smooth_network
from . import core
from .edits import Wrong, drop, equal, halve, instead, put
from .generated import mutants

_OWN_FEATURES = "With eps of L the features must be those of L."
_STEEPEST = "Where sigma'' is largest the slopes change at that rate."


def _of_steps(begin: str, adapted: str, outer: str) -> tuple[Wrong, ...]:
    """The factors of the steps, and what else the chain rule gives."""
    return (
        core.no_hessian(begin, "phi_{W_i}", adapted),
        Wrong(
            f"{begin}steps-reversed",
            "lifted",
            "the factors of the steps in reverse order",
            put(misfit="misfit_reversed"),
            "phi_i is the transpose of the Jacobian applied to phi_{W_i}: the last step's factor acts first.",
        ),
        Wrong(
            f"{begin}steps-frozen",
            "lifted",
            "the first step's Jacobian for every step",
            put(misfit="misfit_frozen"),
            "Every step has the features and the ell'' of its own iterate.",
        ),
        Wrong(
            f"{begin}step-missing",
            "lifted",
            "the last step's Jacobian left out",
            put(misfit="misfit_one_missing"),
            "K steps have K factors.",
        ),
        Wrong(
            f"{begin}hessian-at-adapted",
            "lifted",
            "ell'' at the prediction that the step leads to",
            put(misfit="misfit_curvature_adapted"),
            "The Jacobian of a step has the Hessian where the step starts.",
        ),
        Wrong(
            f"{begin}outer-unadapted",
            "lifted",
            "gradient feature of the unadapted network",
            put(misfit="misfit_outer_unadapted"),
            f"The outer feature belongs to W_i{outer}.",
        ),
        core.first_order_eps(begin),
        *core.gap(begin),
        Wrong(
            f"{begin}small-ball",
            "projected",
            "projected stationarity without the radius' part",
            put(eps_projected="eps_projected - radius*eps"),
            "Inside the ball the gradient counts in every direction.",
        ),
        core.half_shortest(f"{begin}half-shortest", "half the norm of the shortest representation"),
        Wrong(
            f"{begin}shortest-at-start",
            "c3",
            "the shortest representation by features at initialisation, with the gradient of L",
            put(min_norm_solution="min_norm_init"),
            "The gradient of L belongs to the features at W.",
        ),
    )


NETWORK = mutants(
    "network",
    network.CLAIMS,
    (
        *_of_steps("network-", "J_i' phi_{W_i}", ", whose patterns differ"),
        Wrong(
            "network-init-in-hessian",
            "lifted",
            "initial features in the Hessian only",
            put(misfit="misfit_init_inner"),
            _OWN_FEATURES,
        ),
        Wrong(
            "network-init-outer",
            "lifted",
            "initial features outside only",
            put(misfit="misfit_init_outer"),
            _OWN_FEATURES,
        ),
        core.no_error_term("network-", "features", "(or N2's own eps)"),
        *core.weights("network-", "network"),
        Wrong(
            "network-u-unadapted",
            "identity",
            "displacement of the unadapted networks",
            lambda claim: equal(instead(bound="pairing_unadapted")(claim)),
            "The gap compares adapted networks; inequalities are nearly blind to this, the identity is not.",
        ),
        core.free_infimum("network-"),
        Wrong(
            "network-two-kink-rules",
            "formal",
            "1{0 > 0} = 0 in the adapted networks and 1 in the gradient",
            put(eps_formal="eps_other_kinks"),
            "At a kink any rule will do, but one and the same everywhere.",
        ),
        Wrong(
            "network-last-factor",
            "error-pointwise",
            "only the last step's factor expands the error",
            put(error_flips="error_last_factor"),
            "The factors multiply: an error of the outer feature passes through all of them.",
        ),
        Wrong(
            "network-own-displacement",
            "error-count",
            "W's own displacement in the count of the adapted flips",
            put(error_count="error_count_own"),
            "The adapted network has moved further than W.",
        ),
        Wrong(
            "network-linear-budget",
            "error-count",
            "k* with the sum of the distances at most B",
            put(error_count="error_count_linear"),
            "Squares of the distances are what a Euclidean ball limits.",
        ),
        Wrong(
            "network-half-reach",
            "linearisation",
            "half the reach of the neurons",
            halve(),
            "One neuron pushed straight over its kink attains the bound.",
        ),
        Wrong(
            "network-half-atom",
            "atom",
            "half the closed form at an atom",
            halve(),
            "The closed form is attained: the nearest neurons of one sign, pushed across equally far.",
        ),
        core.first_order_both("network-", "a theorem: network-first-order."),
        Wrong(
            "network-init-both",
            "lifted",
            "initial features throughout, with their own eps",
            put(eps="eps_init", misfit="misfit_init"),
            "Looks like an approximation and is N2': the identity holds for any features with their own pairing.",
            equivalent=True,
        ),
        Wrong(
            "network-reach-at-omega",
            "linearisation",
            "distances from the kinks at W in place of W0",
            put(linearisation_bound="linearisation_bound_own"),
            "A flip forces |W_r'x| <= d_r ||x|| as well, and the error of a flipped neuron is |W_r'x| itself: so "
            "bounding it by the reach d_r||x|| of the neurons with |W_r'x| <= d_r ||x|| is true.",
            equivalent=True,
        ),
        Wrong(
            "network-init-no-eps",
            "init",
            "the pairing at initialisation left out",
            drop("eps_init"),
            "R ||G_0|| is 0 only where that pairing is.",
        ),
        core.init_no_eps("network-", "pointwise", "N2 with the pointwise error", core.STATIONARY),
        core.init_no_eps(
            "network-",
            "count",
            "N2 with counted flips",
            "As for the pointwise error: 0 at W = W0 does not stop L from changing.",
        ),
        core.half_gradient_error(
            "network-", "half the operator error", "Attained where w is the first singular vector of the difference."
        ),
        Wrong(
            "network-half-trace",
            "error-operator",
            "half the trace error",
            halve(),
            "One lifted point: both norms are the same.",
        ),
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
        Wrong(
            "smooth-network-no-fold",
            "lifted",
            "the Hessian without the network's second derivative",
            put(misfit="misfit_no_fold"),
            "E[ell'' phi phi'] is the Hessian of a model that is linear in its parameters.",
        ),
        *_of_steps("smooth-network-", "J_0 ... J_{K-1} phi_{W_i}", ""),
        Wrong(
            "smooth-network-init-without-its-gradient",
            "init",
            "features at initialisation with the gradient of L",
            put(eps_init="eps"),
            "G_0 is not grad L.",
        ),
        Wrong(
            "smooth-network-half-operator",
            "init-operator",
            "half the operator error",
            halve("error_operator"),
            "With one lifted point G_0 - G = w (phi_0 - phi) is all of it.",
        ),
        *(
            Wrong(
                f"smooth-network-half-curvature{ending}",
                stem,
                f"half of sup |sigma''|{where}",
                put(error_pointwise="error_half_curvature"),
                _STEEPEST,
            )
            for ending, stem, where in (
                ("", "init-pointwise", " in the pointwise error"),
                ("-pointwise", "error-pointwise", ""),
            )
        ),
        Wrong(
            "smooth-network-narrow-ball",
            "init-ball",
            "1/m where the error of the ball has m^{-1/2}",
            put(error_ball="error_ball_narrow"),
            "Neurons that all move alike attain m^{-1/2}.",
        ),
        core.half_gradient_error(
            "smooth-network-", "half the gradient error", "One lifted point attains Cauchy-Schwarz."
        ),
        Wrong(
            "smooth-network-trace-for-operator",
            "error-operator",
            "the trace error at most the operator error",
            instead(left="error_trace", bound="error_operator"),
            "Only where all differences of features are parallel.",
        ),
        Wrong(
            "smooth-network-error-without-fold",
            "error-pointwise",
            "the second derivative's part dropped",
            put(error_pointwise="error_no_fold"),
            "phi has it and phi_0 has not; after a step from W0 it is as large as the rest.",
        ),
        Wrong(
            "smooth-network-own-displacement",
            "error-pointwise",
            "W's own displacement for that of W_i",
            put(error_pointwise="error_own"),
            "The adapted network has moved further than W.",
        ),
        Wrong(
            "smooth-network-ball-own",
            "error-ball",
            "W's own ball for that of W_i",
            put(error_ball="error_ball_own"),
            "W_i lies in the ball of radius B + eta ||grad R_i||.",
        ),
        Wrong(
            "smooth-network-half-remainder",
            "linearisation",
            "half of Taylor's remainder",
            halve(),
            "Where sigma'' is largest short displacements attain it.",
        ),
        Wrong(
            "smooth-network-narrow-remainder",
            "linearisation-ball",
            "1/m where the remainder in the ball has m^{-1/2}",
            instead(left="linearisation", bound="linearisation_ball_narrow"),
            "Neurons of one sign that all move alike attain m^{-1/2}.",
        ),
        *core.convex_steps("smooth-network-"),
        *core.refined("smooth-network-"),
        *core.outputs("smooth-network-"),
        *core.paced("smooth-network-"),
    ),
)
