"""Plausible wrong theorems, as data: what somebody could have written instead, and why it is wrong.

Each changes one thing in a claim. The suite must refute every one that is not proved equivalent; if it could not,
its proofs would mean little. A new family only adds rows.
"""

from __future__ import annotations

from .claim import Expression, Mutant

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "no-hessian",
        "meta-sl-lifted",
        "meta-feature without the Hessian",
        Expression("radius*eps + weight_norm*misfit_plain"),
        "Uses the plain feature phi where the chain rule gives (I - eta H_i)phi.",
    ),
    Mutant(
        "hessian-at-adapted",
        "meta-sl-lifted",
        "Hessian at the adapted parameter",
        Expression("radius*eps + weight_norm*misfit_hessian_at_adapted"),
        "The Jacobian of one gradient step has the Hessian at omega, not at omega_i (true for the squared loss).",
    ),
    Mutant(
        "w-at-omega",
        "meta-sl-lifted",
        "functional gradient at the unadapted prediction",
        Expression("radius*eps + weight_norm_unadapted*misfit"),
        "w belongs to the adapted hypothesis, whose risk the meta-objective sums.",
    ),
    Mutant(
        "u-unadapted",
        "meta-sl-lifted",
        "displacement of the unadapted hypotheses",
        Expression("radius*eps + weight_norm*misfit_u_unadapted"),
        "The gap compares adapted hypotheses.",
    ),
    Mutant(
        "no-stationarity-term",
        "meta-sl-lifted",
        "R eps dropped",
        Expression("weight_norm*misfit"),
        "Only at exactly stationary points is the term 0.",
    ),
    Mutant(
        "half-constant",
        "meta-sl-lifted",
        "half the constant in front of the misfit",
        Expression("radius*eps + weight_norm*misfit/2"),
        "Cauchy-Schwarz is attained by tangent comparators.",
    ),
    Mutant(
        "free-infimum",
        "meta-sl-lifted",
        "infimum over all directions, R eps with the small R",
        Expression("radius*eps + weight_norm*misfit_free"),
        "The same R must bound the direction and multiply eps.",
    ),
    Mutant(
        "uniform-norms",
        "meta-sl-lifted",
        "task weights replaced by 1/n in the norms",
        Expression("radius*eps + weight_norm_uniform*misfit_uniform"),
        "The inner product that carries the gap has the weights q_i.",
    ),
    Mutant(
        "first-order-eps",
        "meta-sl-lifted",
        "FOMAML's gradient as eps with the full meta-feature",
        Expression("radius*eps_first_order + weight_norm*misfit"),
        "A first-order stationary point is not stationary for L; with the plain feature it would be a theorem.",
    ),
    Mutant(
        "no-weight",
        "meta-sl-lifted",
        "the norm of w dropped",
        Expression("radius*eps + misfit"),
        "The misfit is weighed by the functional gradient.",
    ),
    Mutant(
        "mixed-zero-over-zero",
        "meta-sl-mixed",
        "0/0 read as 0 in the mixed form",
        Expression("radius*eps + mixed_weight_norm*mixed_misfit"),
        "Where the mixed weight vanishes and its numerator does not, the target is undefined and its mass is lost.",
        drops=("numerator-vanishes",),
    ),
    Mutant(
        "mixed-half-constant",
        "meta-sl-mixed",
        "half the constant in the mixed form",
        Expression("radius*eps + mixed_weight_norm*mixed_misfit/2"),
        "Cauchy-Schwarz again.",
    ),
    Mutant(
        "first-order-both",
        "meta-sl-lifted",
        "no Hessian, together with FOMAML's gradient",
        Expression("radius*eps_first_order + weight_norm*misfit_plain"),
        "Looks like two mistakes and is the first-order theorem: the identity holds for any matrices T_i, here I.",
        equivalent=True,
    ),
    Mutant(
        "no-direction",
        "meta-sl-lifted",
        "no direction at all: the norm of u for the misfit",
        Expression("radius*eps + weight_norm*function_displacement"),
        "v = 0 lies in the ball, so the misfit is at most ||u||: a weaker, true bound.",
        equivalent=True,
    ),
)
