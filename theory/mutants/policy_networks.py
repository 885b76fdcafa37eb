"""Mutants about policies of two-layer networks, with kinks and without."""

from __future__ import annotations

from .. import meta_rl_network, meta_rl_smooth_network
from . import core
from .edits import Wrong, rows
from .generated import mutants


def _of_features(begin: str, smooth: str, ending: str) -> tuple[Wrong, ...]:
    """The look-ahead, and the features at initialisation; `smooth` and `ending` tell titles apart."""
    return (
        *rows(f"""
        {begin}no-lookahead | s2 | left defect_plain
            eta grad Q dropped from the {smooth}network's meta-feature
            The adapted policy depends on W through the prior's values, too.
        {begin}prior-visitation | s1 | pairing -> pairing_prior_visitation
            the prior's visitation in the inner product, {smooth}networks
            The performance difference starts from the adapted policy.
        {begin}no-error-term | init-operator | without error_operator
            {smooth}policy features at initialisation without the error term
            G_0 is not grad L: the error term R ||w|| E (or N1's own eps) is needed.
        {begin}init-outer | lifted | misfit -> misfit_init_outer
            {smooth}policy features at initialisation outside, those at W in grad Q
            With eps of L the features must be those of L in both places.
        {begin}init-eps | lifted | eps -> eps_init
            eps at initialisation with the {smooth}features at W
            G_0 belongs to the features at initialisation.
        {begin}init-half-constant | init | half misfit_init
            half the constant in front of the misfit at initialisation{ending and ", smooth policies"}
            Cauchy-Schwarz is attained by tangent comparators of the features at initialisation, too.
        {begin}half-gradient-error | error-gradient | half
            half the operator error{ending and ", smooth policies"}
            w may be along the worst direction of the difference.
        {begin}half-shortest | c3 | half
            half the norm of the shortest representation of policies{ending}
            u along the gradient attains Cauchy-Schwarz.
        {begin}shortest-plain | c3 | min_norm_solution -> min_norm_plain
            the shortest representation without the look-ahead{ending}
            The gradient of L belongs to the meta-feature, which has grad Q in it.
        {begin}init-pointwise-no-eps | init-pointwise | without eps
            R eps left out of T4 with the pointwise error
            Only at exactly stationary points is the term 0.
        """),
        *core.steps(begin),
    )


META_RL_NETWORK = mutants(
    "meta-rl-network",
    meta_rl_network.CLAIMS,
    (
        *_of_features("rl-network-", "", ""),
        *rows("""
        rl-network-step-squared | s2 | left defect_step_squared
            eta squared in the network's meta-feature
            The step enters the logits once.
        """),
        *core.gap("rl-network-", ", networks"),
        *core.free_infimum("rl-network-", ", networks"),
        *rows("""
        rl-network-other-kinks | formal | misfit -> misfit_other_kinks
            formal gradient with one rule at kinks, features with the other
            Any value of 1{0 > 0} will do, but one and the same in the gradient and in the features.
        rl-network-no-propagation | error-pointwise | error_flips -> error_flips_outer
            flips at the pair itself only
            Flips at later pairs enter through grad Q.
        rl-network-count-linear | error-count | error_count -> error_count_linear
            k* with the sum of the distances
            The ball is Euclidean: squares sum to B^2.
        rl-network-uncentred | lifted | misfit -> misfit_uncentred | true
            network meta-feature not centred
            A is centred under pi, so the identity does not see it; centring is a projection and only improves.
        rl-network-init-count-no-eps | init-count | without eps
            R eps left out of T4 with counted flips
            As for the pointwise error.
        """),
    ),
)

META_RL_SMOOTH_NETWORK = mutants(
    "meta-rl-smooth-network",
    meta_rl_smooth_network.CLAIMS,
    (
        *_of_features("rl-smooth-", "smooth ", ", smooth"),
        *core.gap("rl-smooth-", ", smooth policies"),
        *rows("""
        rl-smooth-no-propagation | error-pointwise | error_pointwise -> error_pointwise_outer
            displacements at the pair itself only
            Displacements at later pairs enter through grad Q.
        rl-smooth-half-bend | error-pointwise | error_pointwise -> error_half_curvature
            half of sup |sigma''|
            Where sigma bends most the mean value theorem is nearly an equality for small moves.
        rl-smooth-narrow-ball | error-ball | error_ball -> error_ball_narrow
            m^{-1} for m^{-1/2}
            Neurons that all move alike share the ball: d_r = B m^{-1/2} for each.
        rl-smooth-init-ball-no-eps | init-ball | without eps
            R eps left out of T4 with the error of the ball
            As for the pointwise error.
        """),
    ),
)
