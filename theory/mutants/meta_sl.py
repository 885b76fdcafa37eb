"""Mutants about meta-supervised learning with a linear model."""

from __future__ import annotations

from .. import meta_sl
from . import core
from .edits import Wrong, cancel, drop, halve, instead, put
from .generated import mutants

_TANGENT = "The comparator may be anywhere; near omega the gap is linear."

MUTANTS = mutants(
    "meta-sl",
    meta_sl.CLAIMS,
    (
        core.no_hessian("", "the plain feature phi", "(I - eta H_i)phi"),
        Wrong(
            "hessian-at-adapted",
            "lifted",
            "Hessian at the adapted parameter",
            put(misfit="misfit_hessian_at_adapted"),
            "The Jacobian of one gradient step has the Hessian at omega, not at omega_i (true for the squared loss).",
        ),
        *core.weights("", "hypothesis, whose risk the meta-objective sums"),
        Wrong(
            "u-unadapted",
            "lifted",
            "displacement of the unadapted hypotheses",
            put(misfit="misfit_u_unadapted"),
            "The gap compares adapted hypotheses.",
        ),
        *core.gap(""),
        core.free_infimum(""),
        core.first_order_eps("", "; with the plain feature it would be a theorem"),
        *core.mixed("", "its numerator"),
        core.first_order_both("", "the first-order theorem: the identity holds for any matrices T_i, here I."),
        core.no_direction(""),
        Wrong(
            "c1-first-order",
            "c1",
            "FOMAML's gradient in C1",
            put(eps="eps_first_order"),
            "The gradient of a quadratic L contains the adaptation's Jacobian twice, FOMAML's once.",
        ),
        Wrong(
            "c2-no-eps",
            "c2",
            "eps left out of C2",
            drop("eps"),
            "The remainder is of second order, the step towards the comparator of first.",
        ),
        core.half_shortest(
            "c3-half", "half the shortest representation", "Attained where G and the shortest v are proportional."
        ),
        *core.refined(""),
        Wrong("c5-half", "c5", "half, as between a quadratic and its minimiser", halve(), _TANGENT),
        Wrong(
            "c6-no-deviation",
            "c6",
            "the Jacobian's deviation left out of C6",
            drop("jacobian_deviation"),
            "A first-order stationary point is not one of L.",
        ),
        Wrong(
            "c7-no-jacobian",
            "c7",
            "C7 without the Jacobian",
            cancel("jacobian_min"),
            "Where the adaptation contracts, L is flat although the adapted risk is not.",
        ),
        Wrong("c8-half", "c8", "half, as between a quadratic and its minimiser", halve(), "As for C5."),
        Wrong(
            "c8-dominated-half",
            "c8-dominated",
            "half, as between a quadratic and its minimiser",
            halve(),
            "As for C8, which is its case of one law.",
        ),
        Wrong(
            "c9-half",
            "c9",
            "the factor 2 left out of the descent",
            halve(),
            "A step of length 1/beta on a quadratic of curvature beta gains eps^2/(2 beta).",
        ),
        Wrong("c9-half-curvature", "c9-curvature", "half of beta", halve(), "Attained by one task and one input."),
        Wrong(
            "laws-exchanged",
            "lifted",
            "support and query exchanged",
            put(eps="eps_exchanged", weight_norm="weight_norm_exchanged", misfit="misfit_exchanged"),
            "Tasks adapt on the support and are judged on the query: the other way round is another L.",
        ),
        Wrong(
            "w-on-support",
            "lifted",
            "functional gradient on the support",
            put(weight_norm="weight_norm_support"),
            "w belongs to the risk that L sums, which is that of the query.",
        ),
        Wrong(
            "rho-of-support",
            "lifted",
            "misfit in the norm of the support",
            put(misfit="misfit_support"),
            "The displacement is paired with w under the query's law.",
        ),
        Wrong(
            "query-hessian",
            "lifted",
            "Jacobian with the Hessian of the query",
            put(misfit="misfit_query_hessian"),
            "The adaptation differentiates the support's risk.",
        ),
        Wrong(
            "c8-two-laws",
            "c8",
            "C8 where support and query differ",
            put(),
            "Nothing ties the third derivative on the support to the curvature on the query.",
            drops=("one-law",),
        ),
        Wrong(
            "c3-independent-supports",
            "c3",
            "independent supports in place of full row rank",
            instead(left="independent_supports*gap", bound="2**20*eps"),
            "What must be independent are the rows J_i phi(x) of the queries: the supports only tell them apart. "
            "(Where u has no representation no factor stands before eps, read as one beyond 10^6.)",
            drops=("full-row-rank",),
        ),
        *core.paced(""),
        Wrong(
            "one-rate",
            "c9-curvature",
            "beta with the largest rate for all parameters",
            put(smoothness="smoothness_one_rate"),
            "With unequal rates D H has no symmetric part >= 0: a step may expand where one rate would contract.",
        ),
        *core.outputs(""),
        *core.convex_steps("sl-"),
        core.half_l1("sl-mixed-l1-half", "mixed-l1"),
    ),
)
