"""Mutants about meta-supervised learning with a linear model."""

from __future__ import annotations

from .. import meta_sl
from . import core
from .edits import rows
from .generated import mutants

MUTANTS = mutants(
    "meta-sl",
    meta_sl.CLAIMS,
    (
        *core.no_hessian("", "the plain feature phi", "(I - eta H_i)phi"),
        *rows("""
        hessian-at-adapted | lifted | misfit -> misfit_hessian_at_adapted
            Hessian at the adapted parameter
            The Jacobian of one gradient step has the Hessian at omega, not at omega_i (true for the squared loss).
        """),
        *core.weights("", "hypothesis, whose risk the meta-objective sums"),
        *rows("""
        u-unadapted | lifted | misfit -> misfit_u_unadapted
            displacement of the unadapted hypotheses
            The gap compares adapted hypotheses.
        """),
        *core.gap(""),
        *core.free_infimum(""),
        *core.first_order_eps("", "; with the plain feature it would be a theorem"),
        *core.mixed("", "its numerator"),
        *core.first_order_both("", "the first-order theorem: the identity holds for any matrices T_i, here I."),
        *core.no_direction(""),
        *rows("""
        c1-first-order | c1 | eps -> eps_first_order
            FOMAML's gradient in C1
            The gradient of a quadratic L contains the adaptation's Jacobian twice, FOMAML's once.
        c2-no-eps | c2 | without eps
            eps left out of C2
            The remainder is of second order, the step towards the comparator of first.
        c3-half | c3 | half
            half the shortest representation
            Attained where G and the shortest v are proportional.
        """),
        *core.refined(""),
        *rows("""
        c5-half | c5 | half
            half, as between a quadratic and its minimiser
            The comparator may be anywhere; near omega the gap is linear.
        c6-no-deviation | c6 | without jacobian_deviation
            the Jacobian's deviation left out of C6
            A first-order stationary point is not one of L.
        c7-no-jacobian | c7 | cancel jacobian_min
            C7 without the Jacobian
            Where the adaptation contracts, L is flat although the adapted risk is not.
        c8-half | c8 | half
            half, as between a quadratic and its minimiser
            As for C5.
        c8-dominated-half | c8-dominated | half
            half, as between a quadratic and its minimiser
            As for C8, which is its case of one law.
        c9-half | c9 | half
            the factor 2 left out of the descent
            A step of length 1/beta on a quadratic of curvature beta gains eps^2/(2 beta).
        c9-half-curvature | c9-curvature | half
            half of beta
            Attained by one task and one input.
        laws-exchanged | lifted | eps -> eps_exchanged, weight_norm -> weight_norm_exchanged, misfit -> misfit_exchanged
            support and query exchanged
            Tasks adapt on the support and are judged on the query: the other way round is another L.
        w-on-support | lifted | weight_norm -> weight_norm_support
            functional gradient on the support
            w belongs to the risk that L sums, which is that of the query.
        rho-of-support | lifted | misfit -> misfit_support
            misfit in the norm of the support
            The displacement is paired with w under the query's law.
        query-hessian | lifted | misfit -> misfit_query_hessian
            Jacobian with the Hessian of the query
            The adaptation differentiates the support's risk.
        c8-two-laws | c8 | drops one-law
            C8 where support and query differ
            Nothing ties the third derivative on the support to the curvature on the query.
        c3-independent-supports | c3 | left independent_supports*gap | bound 2**20*eps | drops full-row-rank
            independent supports in place of full row rank
            What must be independent are the rows J_i phi(x) of the queries: the supports only tell them apart. (Where u
            has no representation no factor stands before eps, read as one beyond 10^6.)
        """),
        *core.paced(""),
        *rows("""
        one-rate | c9-curvature | smoothness -> smoothness_one_rate
            beta with the largest rate for all parameters
            With unequal rates D H has no symmetric part >= 0: a step may expand where one rate would contract.
        """),
        *core.outputs(""),
        *core.convex_steps("sl-"),
        *rows("""
        sl-mixed-l1-half | mixed-l1 | half
            half the L1 form
            Attained where the bound of the lifted form is.
        """),
    ),
)
