"""Mutants about meta-reinforcement learning with linear policies.

Inequalities at random comparators hardly notice a wrong feature, visitation or advantage; the exact steps S1 and S2
and the tangent comparators do. So mutants of S1 are equalities, and those of S2 distances that should be 0.
"""

from __future__ import annotations

from .. import meta_rl
from . import core
from .edits import rows
from .generated import mutants

MUTANTS = mutants(
    "meta-rl",
    meta_rl.CLAIMS,
    (
        *rows("""
        rl-no-lookahead | s2 | left defect_plain
            eta grad Q dropped from the meta-feature
            The adapted policy depends on theta through the prior's values, too.
        rl-no-lookahead-lifted | lifted | misfit -> misfit_plain
            eta grad Q dropped from the meta-feature, in the bound
            As above; only comparators along the tangent notice.
        rl-prior-visitation | s1 | pairing -> pairing_prior_visitation
            the prior's visitation in the inner product
            The performance difference starts from the adapted policy. The inequality hardly ever notices.
        rl-no-horizon | lifted | weight_norm -> weight_norm_no_horizon
            1/(1-gamma) dropped from w
            Advantages accumulate over 1/(1-gamma) steps.
        rl-swapped-ratio | lifted | misfit -> misfit_swapped_ratio
            visitation ratio upside down
            The change of measure goes from the comparator's visitation to omega's.
        """),
        *core.gap("rl-"),
        *rows("""
        rl-prior-advantage | s1 | pairing -> pairing_prior_advantage
            the prior's advantage in w
            The performance difference sums the adapted policy's advantages.
        """),
        *core.free_infimum("rl-"),
        *rows("""
        rl-largest-entry | lifted | eps -> eps_largest_entry
            largest entry of the gradient as eps
            The ball of directions is Euclidean, so the gradient's norm is.
        rl-first-order-eps | lifted | eps -> eps_first_order
            first-order gradient as eps with the full meta-feature
            Where a first-order method stops, grad L need not vanish.
        rl-mean-of-products | lifted | weight_norm -> mean_weight_norm, misfit -> mean_residual_norm
            means over tasks of norms in place of norms over tasks
            Cauchy-Schwarz over tasks needs root mean squares.
        rl-l1-residual | lifted | misfit -> residual_l1
            L1 norm of the residual with the L2 norm of w
            The dual of L1 is the supremum norm.
        rl-root-n | lifted | misfit -> misfit/root_tasks
            constant divided by the root of the number of tasks
            Tasks are averaged, not independent noise.
        rl-rival-advantage | s1 | pairing -> pairing_rival_advantage
            the comparator's advantage in w
            That is the performance difference the other way round, with the wrong measure.
        rl-discounted-twice | s2 | left defect_discounted
            grad Q with a factor (1-gamma) too many
            Normalised values already carry it.
        rl-step-squared | s2 | left defect_step_squared
            eta squared in the meta-feature
            The step enters the logits once.
        rl-undiscounted | s2 | left defect_undiscounted
            gamma forgotten in grad Q
            Q = (1-gamma) r + gamma P V.
        rl-half-popoviciu | constant | half
            half the a priori constant
            Popoviciu's inequality is attained by two equally likely extremes.
        rl-one-percent | lifted | left 101*gap/100
            one per cent more gap
            The bound is attained by tangent comparators: there is no room.
        """),
        *core.mixed("rl-", "a numerator"),
        *rows("""
        rl-action-values | lifted | weight_norm -> weight_norm_action_value | true
            Q in place of A in w
            u and Phi are centred under pi, so <Q, .> = <A, .>: the constant only grows.
        rl-other-shift | lifted | misfit -> misfit_other_shift | true
            another function of the state subtracted from the visitation ratio
            A is centred under pi, so the identity does not see it; the natural shift is the best in L2.
        rl-uncentred | lifted | misfit -> misfit_uncentred | true
            meta-feature not centred
            A is centred under pi, so the identity does not see it; centring is a projection and only improves.
        """),
        *core.no_direction("rl-"),
        *rows("""
        rl-t3a-one-divergence | t3a | half
            one Kullback-Leibler divergence for both
            The two directions of the divergence are near one another for short steps only.
        rl-t3a-rational-no-step | t3a-rational | cancel step_size
            eta left out of the improvement
            A step twice as long improves more.
        rl-t3a-improvement-divergence | t3a-improvement | prior_return -> prior_return + jeffreys
            the divergence without 1/eta as the improvement
            eta times the improvement is the divergence.
        rl-t3b-solved | t3b | adapted_return -> optimal_return, optimal_return -> adapted_return
            one step solves every task
            Adapted policies are better, not optimal.
        rl-t3c-no-eps | t3c | without eps
            R eps left out of T3c
            Only at exactly stationary points is the term 0.
        rl-t3d-half | t3d | half
            half the Lipschitz constant
            Popoviciu's inequality is attained by two equally likely extremes.
        rl-t3d-smooth-sixteenth | t3d-smooth | smoothness -> smoothness/16
            a sixteenth of beta
            No instance known attains more than about a quarter of it.
        rl-t3e-quarter | t3e | bound eps*tabular_norm/(8*contraction_margin)
            a quarter of the constant of T3e
            The oscillation is halved once, by centring; three quarters of the bound are attained.
        rl-t3f-concave | t3f | zero -> gap
            L as a concave function
            L rises towards better parameters, but is not concave on the way.
        """),
        *core.steps("rl-"),
        *rows("""
        rl-mixed-l1-half | mixed-l1 | half
            half the L1 form
            Attained where the bound of the lifted form is.
        """),
    ),
)
