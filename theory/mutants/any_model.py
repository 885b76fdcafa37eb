"""Mutants about any differentiable model: what a program, or whoever wrote its theorem, is likely to leave out."""

from __future__ import annotations

from .. import any_model
from . import core
from .edits import rows
from .generated import mutants

BEGIN = "any-model-"

MUTANTS = mutants(
    "any-model",
    (*any_model.CLAIMS, any_model.HEADLINE),
    (
        *core.no_hessian(BEGIN, "the gradient of the prediction at the adapted parameters", "dz/dtheta"),
        *core.first_order_eps(BEGIN, " (a `detach` on the inner gradient)"),
        *core.first_order_both(BEGIN, "the first-order theorem: the identity holds for any matrices T_i, here I."),
        *rows(f"""
        {BEGIN}w-at-omega | lifted | weight_norm -> weight_norm_unadapted
            functional gradient at the unadapted prediction
            w belongs to the adapted prediction, whose risk the meta-objective sums.
        {BEGIN}support-for-query | lifted | eps -> eps_support, weight_norm -> weight_norm_support
            the support set used as query
            L sums the risks of the queries: the gradient and w of the supports' risks belong to another L.
        """),
        *core.gap(BEGIN),
        *core.free_infimum(BEGIN),
        *core.no_direction(BEGIN),
        *core.convex_steps(BEGIN),
        *rows(f"""
        {BEGIN}half-shortest | c3 | half
            half the norm of the shortest representation
            u along the gradient attains Cauchy-Schwarz.
        {BEGIN}headline-no-bracket | headline | without bracket
            the comparator taken for the optimum
            The distance to a floor is that to the comparator, and the comparator's own from the floor.
        """),
    ),
)
