"""Mutants about any differentiable model: what a program, or whoever wrote its theorem, is likely to leave out."""

from __future__ import annotations

from .. import any_model
from . import core
from .edits import Wrong, drop, put
from .generated import mutants

BEGIN = "any-model-"

MUTANTS = mutants(
    "any-model",
    (*any_model.CLAIMS, any_model.HEADLINE),
    (
        core.no_hessian(BEGIN, "the gradient of the prediction at the adapted parameters", "dz/dtheta"),
        core.first_order_eps(BEGIN, " (a `detach` on the inner gradient)"),
        core.first_order_both(BEGIN, "the first-order theorem: the identity holds for any matrices T_i, here I."),
        Wrong(
            f"{BEGIN}w-at-omega",
            "lifted",
            "functional gradient at the unadapted prediction",
            put(weight_norm="weight_norm_unadapted"),
            "w belongs to the adapted prediction, whose risk the meta-objective sums.",
        ),
        Wrong(
            f"{BEGIN}support-for-query",
            "lifted",
            "the support set used as query",
            put(eps="eps_support", weight_norm="weight_norm_support"),
            "L sums the risks of the queries: the gradient and w of the supports' risks belong to another L.",
        ),
        *core.gap(BEGIN),
        core.free_infimum(BEGIN),
        core.no_direction(BEGIN),
        *core.convex_steps(BEGIN),
        core.half_shortest(f"{BEGIN}half-shortest", "half the norm of the shortest representation"),
        Wrong(
            f"{BEGIN}headline-no-bracket",
            "headline",
            "the comparator taken for the optimum",
            drop("bracket"),
            "The distance to a floor is that to the comparator, and the comparator's own from the floor.",
        ),
    ),
)
