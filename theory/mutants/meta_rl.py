"""Mutants about meta-reinforcement learning with linear policies.

Inequalities at random comparators hardly notice a wrong feature, visitation or advantage; the exact steps S1 and S2
and the tangent comparators do. So mutants of S1 are equalities, and those of S2 distances that should be 0.
"""

from __future__ import annotations

from .. import meta_rl
from . import core
from .edits import Edit, Wrong, cancel, drop, halve, instead, put
from .generated import mutants


def difference(name: str, title: str, pairing: str, why: str) -> Wrong:
    """A wrong performance difference: gap = pairing."""
    return Wrong(name, "s1", title, put(pairing=pairing), why)


def chain_rule(name: str, title: str, defect: str, why: str) -> Wrong:
    """A wrong meta-feature: its distance from grad L is 0."""
    return Wrong(name, "s2", title, instead(left=defect), why)


def _lifted(name: str, title: str, edit: Edit, why: str, *, equivalent: bool = False) -> Wrong:
    return Wrong(f"rl-{name}", "lifted", title, edit, why, equivalent=equivalent)


MUTANTS = mutants(
    "meta-rl",
    meta_rl.CLAIMS,
    (
        chain_rule(
            "rl-no-lookahead",
            "eta grad Q dropped from the meta-feature",
            "defect_plain",
            "The adapted policy depends on theta through the prior's values, too.",
        ),
        _lifted(
            "no-lookahead-lifted",
            "eta grad Q dropped from the meta-feature, in the bound",
            put(misfit="misfit_plain"),
            "As above; only comparators along the tangent notice.",
        ),
        difference(
            "rl-prior-visitation",
            "the prior's visitation in the inner product",
            "pairing_prior_visitation",
            "The performance difference starts from the adapted policy. The inequality hardly ever notices.",
        ),
        _lifted(
            "no-horizon",
            "1/(1-gamma) dropped from w",
            put(weight_norm="weight_norm_no_horizon"),
            "Advantages accumulate over 1/(1-gamma) steps.",
        ),
        _lifted(
            "swapped-ratio",
            "visitation ratio upside down",
            put(misfit="misfit_swapped_ratio"),
            "The change of measure goes from the comparator's visitation to omega's.",
        ),
        *core.gap("rl-"),
        difference(
            "rl-prior-advantage",
            "the prior's advantage in w",
            "pairing_prior_advantage",
            "The performance difference sums the adapted policy's advantages.",
        ),
        core.free_infimum("rl-"),
        _lifted(
            "largest-entry",
            "largest entry of the gradient as eps",
            put(eps="eps_largest_entry"),
            "The ball of directions is Euclidean, so the gradient's norm is.",
        ),
        _lifted(
            "first-order-eps",
            "first-order gradient as eps with the full meta-feature",
            put(eps="eps_first_order"),
            "Where a first-order method stops, grad L need not vanish.",
        ),
        _lifted(
            "mean-of-products",
            "means over tasks of norms in place of norms over tasks",
            put(weight_norm="mean_weight_norm", misfit="mean_residual_norm"),
            "Cauchy-Schwarz over tasks needs root mean squares.",
        ),
        _lifted(
            "l1-residual",
            "L1 norm of the residual with the L2 norm of w",
            put(misfit="residual_l1"),
            "The dual of L1 is the supremum norm.",
        ),
        _lifted(
            "root-n",
            "constant divided by the root of the number of tasks",
            put(misfit="misfit/root_tasks"),
            "Tasks are averaged, not independent noise.",
        ),
        difference(
            "rl-rival-advantage",
            "the comparator's advantage in w",
            "pairing_rival_advantage",
            "That is the performance difference the other way round, with the wrong measure.",
        ),
        chain_rule(
            "rl-discounted-twice",
            "grad Q with a factor (1-gamma) too many",
            "defect_discounted",
            "Normalised values already carry it.",
        ),
        chain_rule(
            "rl-step-squared",
            "eta squared in the meta-feature",
            "defect_step_squared",
            "The step enters the logits once.",
        ),
        chain_rule(
            "rl-undiscounted", "gamma forgotten in grad Q", "defect_undiscounted", "Q = (1-gamma) r + gamma P V."
        ),
        Wrong(
            "rl-half-popoviciu",
            "constant",
            "half the a priori constant",
            halve(),
            "Popoviciu's inequality is attained by two equally likely extremes.",
        ),
        _lifted(
            "one-percent",
            "one per cent more gap",
            instead(left="101*gap/100"),
            "The bound is attained by tangent comparators: there is no room.",
        ),
        *core.mixed("rl-", "a numerator"),
        _lifted(
            "action-values",
            "Q in place of A in w",
            put(weight_norm="weight_norm_action_value"),
            "u and Phi are centred under pi, so <Q, .> = <A, .>: the constant only grows.",
            equivalent=True,
        ),
        _lifted(
            "other-shift",
            "another function of the state subtracted from the visitation ratio",
            put(misfit="misfit_other_shift"),
            "A is centred under pi, so the identity does not see it; the natural shift is the best in L2.",
            equivalent=True,
        ),
        _lifted(
            "uncentred",
            "meta-feature not centred",
            put(misfit="misfit_uncentred"),
            "A is centred under pi, so the identity does not see it; centring is a projection and only improves.",
            equivalent=True,
        ),
        core.no_direction("rl-"),
        Wrong(
            "rl-t3a-one-divergence",
            "t3a",
            "one Kullback-Leibler divergence for both",
            halve(),
            "The two directions of the divergence are near one another for short steps only.",
        ),
        Wrong(
            "rl-t3a-rational-no-step",
            "t3a-rational",
            "eta left out of the improvement",
            cancel("step_size"),
            "A step twice as long improves more.",
        ),
        Wrong(
            "rl-t3a-improvement-divergence",
            "t3a-improvement",
            "the divergence without 1/eta as the improvement",
            put(prior_return="prior_return + jeffreys"),
            "eta times the improvement is the divergence.",
        ),
        Wrong(
            "rl-t3b-solved",
            "t3b",
            "one step solves every task",
            put(adapted_return="optimal_return", optimal_return="adapted_return"),
            "Adapted policies are better, not optimal.",
        ),
        Wrong(
            "rl-t3c-no-eps",
            "t3c",
            "R eps left out of T3c",
            drop("eps"),
            core.STATIONARY,
        ),
        Wrong(
            "rl-t3d-half",
            "t3d",
            "half the Lipschitz constant",
            halve(),
            "Popoviciu's inequality is attained by two equally likely extremes.",
        ),
        Wrong(
            "rl-t3d-smooth-sixteenth",
            "t3d-smooth",
            "a sixteenth of beta",
            put(smoothness="smoothness/16"),
            "No instance known attains more than about a quarter of it.",
        ),
        Wrong(
            "rl-t3e-quarter",
            "t3e",
            "a quarter of the constant of T3e",
            instead(bound="eps*tabular_norm/(8*contraction_margin)"),
            "The oscillation is halved once, by centring; three quarters of the bound are attained.",
        ),
        Wrong(
            "rl-t3f-concave",
            "t3f",
            "L as a concave function",
            put(zero="gap"),
            "L rises towards better parameters, but is not concave on the way.",
        ),
        *core.steps("rl-"),
        core.half_l1("rl-mixed-l1-half", "mixed-l1"),
    ),
)
