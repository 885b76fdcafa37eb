"""Wrong theorems about network policies, as data."""

from __future__ import annotations

from .claim import Expression, Mutant, Relation
from .core_mutants import core_mutants

_LIFTED = "meta-rl-network-lifted"


def _lifted(name: str, title: str, bound: str, why: str, claim: str = _LIFTED, *, equivalent: bool = False) -> Mutant:
    return Mutant(f"rl-network-{name}", claim, title, Expression(bound), why, equivalent=equivalent)


def _step(name: str, claim: str, title: str, left: str, bound: str, why: str) -> Mutant:
    return Mutant(
        f"rl-network-{name}", f"meta-rl-network-{claim}", title, Expression(bound), why, left=Expression(left)
    )


MUTANTS: tuple[Mutant, ...] = (
    _step(
        "no-lookahead",
        "s2",
        "eta grad Q dropped from the network's meta-feature",
        "defect_plain",
        "zero",
        "The adapted policy depends on W through the prior's values, too.",
    ),
    _step(
        "step-squared",
        "s2",
        "eta squared in the network's meta-feature",
        "defect_step_squared",
        "zero",
        "The step enters the logits once.",
    ),
    Mutant(
        "rl-network-prior-visitation",
        "meta-rl-network-s1",
        "the prior's visitation in the inner product, networks",
        Expression("pairing_prior_visitation"),
        "The performance difference starts from the adapted policy.",
        relation=Relation.EQUAL,
    ),
    _lifted(
        "no-error-term",
        "policy features at initialisation without the error term",
        "radius*eps + weight_norm*misfit_init",
        "G_0 is not grad L: the error term R ||w|| E (or N1's own eps) is needed.",
        "meta-rl-network-init-operator",
    ),
    _lifted(
        "init-outer",
        "policy features at initialisation outside, those at W in grad Q",
        "radius*eps + weight_norm*misfit_init_outer",
        "With eps of L the features must be those of L in both places.",
    ),
    _lifted(
        "init-eps",
        "eps at initialisation with the features at W",
        "radius*eps_init + weight_norm*misfit",
        "G_0 belongs to the features at initialisation.",
    ),
    _lifted(
        "half-constant",
        "half the constant in front of the misfit, networks",
        "radius*eps + weight_norm*misfit/2",
        "Cauchy-Schwarz is attained by tangent comparators.",
    ),
    _lifted(
        "init-half-constant",
        "half the constant in front of the misfit at initialisation",
        "radius*eps_init + weight_norm*misfit_init/2",
        "Cauchy-Schwarz is attained by tangent comparators of the features at initialisation, too.",
        "meta-rl-network-init",
    ),
    _lifted(
        "no-stationarity-term",
        "R eps dropped, networks",
        "weight_norm*misfit",
        "Only at exactly stationary points is the term 0.",
    ),
    _lifted(
        "free-infimum",
        "infimum over all directions, R eps with the small R, networks",
        "radius*eps + weight_norm*misfit_free",
        "The same R must bound the direction and multiply eps.",
    ),
    _lifted(
        "other-kinks",
        "formal gradient with one rule at kinks, features with the other",
        "radius*eps_formal + weight_norm*misfit_other_kinks",
        "Any value of 1{0 > 0} will do, but one and the same in the gradient and in the features.",
        "meta-rl-network-formal",
    ),
    _step(
        "half-gradient-error",
        "error-gradient",
        "half the operator error",
        "gradient_difference",
        "weight_norm*error_operator/2",
        "w may be along the worst direction of the difference.",
    ),
    _step(
        "no-propagation",
        "error-pointwise",
        "flips at the pair itself only",
        "error_operator",
        "error_flips_outer",
        "Flips at later pairs enter through grad Q.",
    ),
    _step(
        "count-linear",
        "error-count",
        "k* with the sum of the distances",
        "error_flips",
        "error_count_linear",
        "The ball is Euclidean: squares sum to B^2.",
    ),
    _lifted(
        "half-shortest",
        "half the norm of the shortest representation of policies",
        "eps*min_norm_solution/2",
        "u along the gradient attains Cauchy-Schwarz.",
        "meta-rl-network-c3",
    ),
    _lifted(
        "shortest-plain",
        "the shortest representation without the look-ahead",
        "eps*min_norm_plain",
        "The gradient of L belongs to the meta-feature, which has grad Q in it.",
        "meta-rl-network-c3",
    ),
    _lifted(
        "uncentred",
        "network meta-feature not centred",
        "radius*eps + weight_norm*misfit_uncentred",
        "A is centred under pi, so the identity does not see it; centring is a projection and only improves.",
        equivalent=True,
    ),
    Mutant(
        "rl-network-init-pointwise-no-eps",
        "meta-rl-network-init-pointwise",
        "R eps left out of T4 with the pointwise error",
        Expression("radius*weight_norm*error_flips + weight_norm*misfit_init"),
        "Only at exactly stationary points is the term 0.",
    ),
    Mutant(
        "rl-network-init-count-no-eps",
        "meta-rl-network-init-count",
        "R eps left out of T4 with counted flips",
        Expression("radius*weight_norm*error_count + weight_norm*misfit_init"),
        "As for the pointwise error.",
    ),
    *core_mutants("meta-rl-network", "rl-network-"),
)
