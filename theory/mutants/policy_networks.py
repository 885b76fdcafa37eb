"""Mutants about policies of two-layer networks, with kinks and without."""

from __future__ import annotations

from .. import meta_rl_network, meta_rl_smooth_network
from . import core
from .edits import Wrong, halve, put
from .generated import mutants
from .meta_rl import chain_rule, difference


def _of_features(begin: str, smooth: str, ending: str) -> tuple[Wrong, ...]:
    """The look-ahead, and the features at initialisation; `smooth` and `ending` tell titles apart."""
    return (
        chain_rule(
            f"{begin}no-lookahead",
            f"eta grad Q dropped from the {smooth}network's meta-feature",
            "defect_plain",
            "The adapted policy depends on W through the prior's values, too.",
        ),
        difference(
            f"{begin}prior-visitation",
            f"the prior's visitation in the inner product, {smooth}networks",
            "pairing_prior_visitation",
            "The performance difference starts from the adapted policy.",
        ),
        core.no_error_term(begin, f"{smooth}policy features", "R ||w|| E (or N1's own eps)"),
        Wrong(
            f"{begin}init-outer",
            "lifted",
            f"{smooth}policy features at initialisation outside, those at W in grad Q",
            put(misfit="misfit_init_outer"),
            "With eps of L the features must be those of L in both places.",
        ),
        Wrong(
            f"{begin}init-eps",
            "lifted",
            f"eps at initialisation with the {smooth}features at W",
            put(eps="eps_init"),
            "G_0 belongs to the features at initialisation.",
        ),
        Wrong(
            f"{begin}init-half-constant",
            "init",
            f"half the constant in front of the misfit at initialisation{ending and ', smooth policies'}",
            halve("misfit_init"),
            "Cauchy-Schwarz is attained by tangent comparators of the features at initialisation, too.",
        ),
        core.half_gradient_error(
            begin,
            f"half the operator error{ending and ', smooth policies'}",
            "w may be along the worst direction of the difference.",
        ),
        core.half_shortest(
            f"{begin}half-shortest", f"half the norm of the shortest representation of policies{ending}"
        ),
        Wrong(
            f"{begin}shortest-plain",
            "c3",
            f"the shortest representation without the look-ahead{ending}",
            put(min_norm_solution="min_norm_plain"),
            "The gradient of L belongs to the meta-feature, which has grad Q in it.",
        ),
        core.init_no_eps(begin, "pointwise", "T4 with the pointwise error", core.STATIONARY),
        *core.steps(begin),
    )


META_RL_NETWORK = mutants(
    "meta-rl-network",
    meta_rl_network.CLAIMS,
    (
        *_of_features("rl-network-", "", ""),
        chain_rule(
            "rl-network-step-squared",
            "eta squared in the network's meta-feature",
            "defect_step_squared",
            "The step enters the logits once.",
        ),
        *core.gap("rl-network-", ", networks"),
        core.free_infimum("rl-network-", ", networks"),
        Wrong(
            "rl-network-other-kinks",
            "formal",
            "formal gradient with one rule at kinks, features with the other",
            put(misfit="misfit_other_kinks"),
            "Any value of 1{0 > 0} will do, but one and the same in the gradient and in the features.",
        ),
        Wrong(
            "rl-network-no-propagation",
            "error-pointwise",
            "flips at the pair itself only",
            put(error_flips="error_flips_outer"),
            "Flips at later pairs enter through grad Q.",
        ),
        Wrong(
            "rl-network-count-linear",
            "error-count",
            "k* with the sum of the distances",
            put(error_count="error_count_linear"),
            "The ball is Euclidean: squares sum to B^2.",
        ),
        Wrong(
            "rl-network-uncentred",
            "lifted",
            "network meta-feature not centred",
            put(misfit="misfit_uncentred"),
            "A is centred under pi, so the identity does not see it; centring is a projection and only improves.",
            equivalent=True,
        ),
        core.init_no_eps("rl-network-", "count", "T4 with counted flips", "As for the pointwise error."),
    ),
)

META_RL_SMOOTH_NETWORK = mutants(
    "meta-rl-smooth-network",
    meta_rl_smooth_network.CLAIMS,
    (
        *_of_features("rl-smooth-", "smooth ", ", smooth"),
        *core.gap("rl-smooth-", ", smooth policies"),
        Wrong(
            "rl-smooth-no-propagation",
            "error-pointwise",
            "displacements at the pair itself only",
            put(error_pointwise="error_pointwise_outer"),
            "Displacements at later pairs enter through grad Q.",
        ),
        Wrong(
            "rl-smooth-half-bend",
            "error-pointwise",
            "half of sup |sigma''|",
            put(error_pointwise="error_half_curvature"),
            "Where sigma bends most the mean value theorem is nearly an equality for small moves.",
        ),
        Wrong(
            "rl-smooth-narrow-ball",
            "error-ball",
            "m^{-1} for m^{-1/2}",
            put(error_ball="error_ball_narrow"),
            "Neurons that all move alike share the ball: d_r = B m^{-1/2} for each.",
        ),
        core.init_no_eps("rl-smooth-", "ball", "T4 with the error of the ball", "As for the pointwise error."),
    ),
)
