"""Wrong theorems about smooth network policies, as data."""

from __future__ import annotations

from .claim import Expression, Mutant, Relation
from .core_mutants import core_mutants

_PREFIX = "meta-rl-smooth-network"


def _bound(name: str, claim: str, title: str, bound: str, why: str) -> Mutant:
    return Mutant(f"rl-smooth-{name}", f"{_PREFIX}-{claim}", title, Expression(bound), why)


def _step(name: str, claim: str, title: str, left: str, bound: str, why: str) -> Mutant:
    return Mutant(f"rl-smooth-{name}", f"{_PREFIX}-{claim}", title, Expression(bound), why, left=Expression(left))


MUTANTS: tuple[Mutant, ...] = (
    _step(
        "no-lookahead",
        "s2",
        "eta grad Q dropped from the smooth network's meta-feature",
        "defect_plain",
        "zero",
        "The adapted policy depends on W through the prior's values, too.",
    ),
    Mutant(
        "rl-smooth-prior-visitation",
        f"{_PREFIX}-s1",
        "the prior's visitation in the inner product, smooth networks",
        Expression("pairing_prior_visitation"),
        "The performance difference starts from the adapted policy.",
        relation=Relation.EQUAL,
    ),
    _bound(
        "no-error-term",
        "init-operator",
        "smooth policy features at initialisation without the error term",
        "radius*eps + weight_norm*misfit_init",
        "G_0 is not grad L: the error term R ||w|| E (or N1's own eps) is needed.",
    ),
    _bound(
        "init-outer",
        "lifted",
        "smooth policy features at initialisation outside, those at W in grad Q",
        "radius*eps + weight_norm*misfit_init_outer",
        "With eps of L the features must be those of L in both places.",
    ),
    _bound(
        "init-eps",
        "lifted",
        "eps at initialisation with the smooth features at W",
        "radius*eps_init + weight_norm*misfit",
        "G_0 belongs to the features at initialisation.",
    ),
    _bound(
        "half-constant",
        "lifted",
        "half the constant in front of the misfit, smooth policies",
        "radius*eps + weight_norm*misfit/2",
        "Cauchy-Schwarz is attained by tangent comparators.",
    ),
    _bound(
        "init-half-constant",
        "init",
        "half the constant in front of the misfit at initialisation, smooth policies",
        "radius*eps_init + weight_norm*misfit_init/2",
        "Cauchy-Schwarz is attained by tangent comparators of the features at initialisation, too.",
    ),
    _bound(
        "no-stationarity-term",
        "lifted",
        "R eps dropped, smooth policies",
        "weight_norm*misfit",
        "Only at exactly stationary points is the term 0.",
    ),
    _step(
        "half-gradient-error",
        "error-gradient",
        "half the operator error, smooth policies",
        "gradient_difference",
        "weight_norm*error_operator/2",
        "w may be along the worst direction of the difference.",
    ),
    _step(
        "no-propagation",
        "error-pointwise",
        "displacements at the pair itself only",
        "error_operator",
        "error_pointwise_outer",
        "Displacements at later pairs enter through grad Q.",
    ),
    _step(
        "half-bend",
        "error-pointwise",
        "half of sup |sigma''|",
        "error_operator",
        "error_half_curvature",
        "Where sigma bends most the mean value theorem is nearly an equality for small moves.",
    ),
    _step(
        "narrow-ball",
        "error-ball",
        "m^{-1} for m^{-1/2}",
        "error_pointwise",
        "error_ball_narrow",
        "Neurons that all move alike share the ball: d_r = B m^{-1/2} for each.",
    ),
    _bound(
        "half-shortest",
        "c3",
        "half the norm of the shortest representation of policies, smooth",
        "eps*min_norm_solution/2",
        "u along the gradient attains Cauchy-Schwarz.",
    ),
    _bound(
        "shortest-plain",
        "c3",
        "the shortest representation without the look-ahead, smooth",
        "eps*min_norm_plain",
        "The gradient of L belongs to the meta-feature, which has grad Q in it.",
    ),
    Mutant(
        "rl-smooth-init-pointwise-no-eps",
        "meta-rl-smooth-network-init-pointwise",
        "R eps left out of T4 with the pointwise error",
        Expression("radius*weight_norm*error_pointwise + weight_norm*misfit_init"),
        "Only at exactly stationary points is the term 0.",
    ),
    Mutant(
        "rl-smooth-init-ball-no-eps",
        "meta-rl-smooth-network-init-ball",
        "R eps left out of T4 with the error of the ball",
        Expression("radius*weight_norm*error_ball + weight_norm*misfit_init"),
        "As for the pointwise error.",
    ),
    *core_mutants("meta-rl-smooth-network", "rl-smooth-"),
)
