"""Plausible wrong theorems of meta-RL, as data.

Inequalities at random comparators hardly notice a wrong feature, visitation or advantage; the exact steps S1 and S2
and the tangent comparators do. So mutants of S1 are equalities, and those of S2 distances that should be 0.
"""

from __future__ import annotations

from .claim import Expression, Mutant, Relation
from .core_mutants import core_mutants, half_l1

_LIFTED = "meta-rl-lifted"


def _lifted(name: str, title: str, bound: str, why: str, *, equivalent: bool = False, left: str = "gap") -> Mutant:
    return Mutant(name, _LIFTED, title, Expression(bound), why, equivalent=equivalent, left=Expression(left))


def _difference(name: str, title: str, pairing: str, why: str) -> Mutant:
    """A wrong performance difference: gap = pairing."""
    return Mutant(name, "meta-rl-s1", title, Expression(pairing), why, relation=Relation.EQUAL)


def _chain_rule(name: str, title: str, defect: str, why: str) -> Mutant:
    """A wrong meta-feature: its distance from grad L is 0."""
    return Mutant(name, "meta-rl-s2", title, Expression("zero"), why, left=Expression(defect))


MUTANTS: tuple[Mutant, ...] = (
    _chain_rule(
        "rl-no-lookahead",
        "eta grad Q dropped from the meta-feature",
        "defect_plain",
        "The adapted policy depends on theta through the prior's values, too.",
    ),
    _lifted(
        "rl-no-lookahead-lifted",
        "eta grad Q dropped from the meta-feature, in the bound",
        "radius*eps + weight_norm*misfit_plain",
        "As above; only comparators along the tangent notice.",
    ),
    _difference(
        "rl-prior-visitation",
        "the prior's visitation in the inner product",
        "pairing_prior_visitation",
        "The performance difference starts from the adapted policy. The inequality hardly ever notices.",
    ),
    _lifted(
        "rl-no-horizon",
        "1/(1-gamma) dropped from w",
        "radius*eps + weight_norm_no_horizon*misfit",
        "Advantages accumulate over 1/(1-gamma) steps.",
    ),
    _lifted(
        "rl-swapped-ratio",
        "visitation ratio upside down",
        "radius*eps + weight_norm*misfit_swapped_ratio",
        "The change of measure goes from the comparator's visitation to omega's.",
    ),
    _lifted(
        "rl-no-stationarity-term",
        "R eps dropped",
        "weight_norm*misfit",
        "Only at exactly stationary points is the term 0.",
    ),
    _lifted(
        "rl-half-constant",
        "half the constant in front of the misfit",
        "radius*eps + weight_norm*misfit/2",
        "Cauchy-Schwarz is attained by tangent comparators.",
    ),
    _difference(
        "rl-prior-advantage",
        "the prior's advantage in w",
        "pairing_prior_advantage",
        "The performance difference sums the adapted policy's advantages.",
    ),
    _lifted(
        "rl-free-infimum",
        "infimum over all directions, R eps with the small R",
        "radius*eps + weight_norm*misfit_free",
        "The same R must bound the direction and multiply eps.",
    ),
    _lifted(
        "rl-largest-entry",
        "largest entry of the gradient as eps",
        "radius*eps_largest_entry + weight_norm*misfit",
        "The ball of directions is Euclidean, so the gradient's norm is.",
    ),
    _lifted(
        "rl-first-order-eps",
        "first-order gradient as eps with the full meta-feature",
        "radius*eps_first_order + weight_norm*misfit",
        "Where a first-order method stops, grad L need not vanish.",
    ),
    _lifted(
        "rl-mean-of-products",
        "means over tasks of norms in place of norms over tasks",
        "radius*eps + mean_weight_norm*mean_residual_norm",
        "Cauchy-Schwarz over tasks needs root mean squares.",
    ),
    _lifted(
        "rl-l1-residual",
        "L1 norm of the residual with the L2 norm of w",
        "radius*eps + weight_norm*residual_l1",
        "The dual of L1 is the supremum norm.",
    ),
    _lifted(
        "rl-root-n",
        "constant divided by the root of the number of tasks",
        "radius*eps + weight_norm*misfit/root_tasks",
        "Tasks are averaged, not independent noise.",
    ),
    _difference(
        "rl-rival-advantage",
        "the comparator's advantage in w",
        "pairing_rival_advantage",
        "That is the performance difference the other way round, with the wrong measure.",
    ),
    _chain_rule(
        "rl-discounted-twice",
        "grad Q with a factor (1-gamma) too many",
        "defect_discounted",
        "Normalised values already carry it.",
    ),
    _chain_rule(
        "rl-step-squared", "eta squared in the meta-feature", "defect_step_squared", "The step enters the logits once."
    ),
    _chain_rule("rl-undiscounted", "gamma forgotten in grad Q", "defect_undiscounted", "Q = (1-gamma) r + gamma P V."),
    Mutant(
        "rl-half-popoviciu",
        "meta-rl-constant",
        "half the a priori constant",
        Expression("weight_bound/2"),
        "Popoviciu's inequality is attained by two equally likely extremes.",
        left=Expression("weight_norm"),
    ),
    _lifted(
        "rl-one-percent",
        "one per cent more gap",
        "radius*eps + weight_norm*misfit",
        "The bound is attained by tangent comparators: there is no room.",
        left="101*gap/100",
    ),
    Mutant(
        "rl-mixed-zero-over-zero",
        "meta-rl-mixed",
        "0/0 read as 0 in the mixed form",
        Expression("radius*eps + mixed_weight_norm*mixed_misfit"),
        "Where the mixed weight vanishes and a numerator does not, the target is undefined and its mass is lost.",
        drops=("numerator-vanishes",),
    ),
    Mutant(
        "rl-mixed-half-constant",
        "meta-rl-mixed",
        "half the constant in the mixed form",
        Expression("radius*eps + mixed_weight_norm*mixed_misfit/2"),
        "Cauchy-Schwarz again.",
    ),
    _lifted(
        "rl-action-values",
        "Q in place of A in w",
        "radius*eps + weight_norm_action_value*misfit",
        "u and Phi are centred under pi, so <Q, .> = <A, .>: the constant only grows.",
        equivalent=True,
    ),
    _lifted(
        "rl-other-shift",
        "another function of the state subtracted from the visitation ratio",
        "radius*eps + weight_norm*misfit_other_shift",
        "A is centred under pi, so the identity does not see it; the natural shift is the best in L2.",
        equivalent=True,
    ),
    _lifted(
        "rl-uncentred",
        "meta-feature not centred",
        "radius*eps + weight_norm*misfit_uncentred",
        "A is centred under pi, so the identity does not see it; centring is a projection and only improves.",
        equivalent=True,
    ),
    _lifted(
        "rl-no-direction",
        "no direction at all: the norm of u for the misfit",
        "radius*eps + weight_norm*function_displacement",
        "v = 0 lies in the ball, so the misfit is at most ||u||: a weaker, true bound.",
        equivalent=True,
    ),
    Mutant(
        "rl-t3a-one-divergence",
        "meta-rl-t3a",
        "one Kullback-Leibler divergence for both",
        Expression("jeffreys/2"),
        "The two directions of the divergence are near one another for short steps only.",
        left=Expression("step_size*improvement"),
        relation=Relation.EQUAL,
    ),
    Mutant(
        "rl-t3a-rational-no-step",
        "meta-rl-t3a-rational",
        "eta left out of the improvement",
        Expression("tilted_variance"),
        "A step twice as long improves more.",
        left=Expression("improvement"),
        relation=Relation.EQUAL,
    ),
    Mutant(
        "rl-t3a-improvement-divergence",
        "meta-rl-t3a-improvement",
        "the divergence without 1/eta as the improvement",
        Expression("adapted_return"),
        "eta times the improvement is the divergence.",
        left=Expression("prior_return + jeffreys"),
    ),
    Mutant(
        "rl-t3b-solved",
        "meta-rl-t3b",
        "one step solves every task",
        Expression("adapted_return"),
        "Adapted policies are better, not optimal.",
        left=Expression("optimal_return"),
    ),
    Mutant(
        "rl-t3c-no-eps",
        "meta-rl-t3c",
        "R eps left out of T3c",
        Expression("weight_norm*misfit_plain"),
        "Only at exactly stationary points is the term 0.",
    ),
    Mutant(
        "rl-t3d-half",
        "meta-rl-t3d",
        "half the Lipschitz constant",
        Expression("lipschitz/2"),
        "Popoviciu's inequality is attained by two equally likely extremes.",
        left=Expression("eps"),
    ),
    Mutant(
        "rl-t3d-smooth-sixteenth",
        "meta-rl-t3d-smooth",
        "a sixteenth of beta",
        Expression("smoothness/16"),
        "No instance known attains more than about a quarter of it.",
        left=Expression("curvature_size"),
    ),
    Mutant(
        "rl-t3e-quarter",
        "meta-rl-t3e",
        "a quarter of the constant of T3e",
        Expression("eps*tabular_norm/(8*contraction_margin)"),
        "The oscillation is halved once, by centring; three quarters of the bound are attained.",
    ),
    Mutant(
        "rl-t3f-concave",
        "meta-rl-t3f",
        "L as a concave function",
        Expression("slope_to_comparator"),
        "L rises towards better parameters, but is not concave on the way.",
        left=Expression("gap"),
    ),
    *core_mutants("meta-rl", "rl-"),
    half_l1("rl-mixed-l1-half", "meta-rl-mixed-l1", "mixed_misfit_l1"),
)
