"""What the claims on features at initialisation and on the ball around W0 need, whatever the activation.

||G_0|| - eps <= ||G_0 - G|| <= ||w|| E_op <= ||w|| E_2,  and e5 = <G, W - W0> + R ||G||
"""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property
from typing import Any

from flint import arb, arb_mat, ctx, fmpq

from ..arithmetic import Balls, Number, NumberSystem, Rationals, root
from ..balls.singular import largest_eigenvalue
from ..balls.spanned import SpannedQuantities
from ..instances import Vector
from ..models.rows import lengths
from ..models.weights import squared_distance
from .core_quantities import FeatureQuantities, Step
from .instance import NetworkInstance

SPARE_BITS = 64
WITHOUT_SPAN = frozenset({"chain_rule_defect"})
"""What takes neither an infimum nor a Gram matrix needs no twice the bits: of half the precision it has all that are
asked for."""

PRECISIONS = (256, 512)
"""Bits of the balls, in the order in which they are tried. All of an instance's claims are judged together, and one of
them, grad L - <w, phi> = 0, needs 512 bits: every quantity has as many at 256, so that nothing is evaluated twice."""


class StartQuantities(FeatureQuantities, SpannedQuantities):
    """Quantities of three sets of meta-features: phi, those without the Hessian, and phi_0.

    Infima are in their span, at twice the precision: a Gram matrix squares what makes features nearly dependent.
    `direction` gives coefficients of v in the meta-features [N].
    """

    instance: NetworkInstance

    def __init__(self, instance: Any, m: NumberSystem = Balls, direction: Vector | None = None) -> None:
        with ctx.workprec(self.working(ctx.prec)):
            super().__init__(instance, m, direction)

    def __call__(self, name: str) -> Number:
        """The quantity of that name."""
        if name not in self._known:
            if name in WITHOUT_SPAN and self.coarser is not None:
                with ctx.workprec(ctx.prec // 2):
                    self._known[name] = self.coarser()(name)
            else:
                with ctx.workprec(self.working(ctx.prec)):
                    self._known[name] = super().__call__(name)
        return self._known[name]

    @staticmethod
    def working(bits: int) -> int:
        """The bits in which quantities are evaluated, where flint's context has so many."""
        return 2 * bits + SPARE_BITS

    # --- what a family supplies -------------------------------------------------------------------------

    @cached_property
    @abstractmethod
    def _difference(self) -> arb_mat | None:
        """The Gram matrix of phi_0 - phi, None if it is exactly 0."""

    # --- features at initialisation ----------------------------------------------------------

    @property
    def _starts(self) -> list[Any]:
        """The model at W0, per task."""
        return [self.problem.start] * len(self.laws)

    def _steps_at_start(self) -> list[list[Step]]:
        """Factors of the model that is linearised at W0, which has no second derivative."""
        return [[Step(self.problem.start, bends) for bends in each] for each in self._bends]

    @cached_property
    def _initial(self) -> Any:
        """phi_0 in all places; ell'' at the iterates' predictions."""
        return self._set(self._starts, self._steps_at_start())

    @cached_property
    def eps_init(self) -> arb:
        return self._norm_of(self._initial)

    @cached_property
    def misfit_init(self) -> arb:
        return self._misfit(self._initial).value

    @cached_property
    def gradient_difference(self) -> arb:
        self._balls_only("a norm")
        if self._difference is None:
            return arb(0)
        column = arb_mat(len(self._weighted), 1, self._weighted)
        return root((column.transpose() * self._difference * column)[0, 0])

    @cached_property
    def _scaled_difference(self) -> arb_mat:
        """Om^{1/2} (difference) Om^{1/2}."""
        assert self._difference is not None
        sizes = [root(m) for m in self._masses]
        count = len(sizes)
        table = self._difference.tolist()
        return arb_mat(count, count, [sizes[a] * table[a][b] * sizes[b] for a in range(count) for b in range(count)])

    @cached_property
    def error_operator(self) -> arb:
        self._balls_only("an eigenvalue")
        return arb(0) if self._difference is None else root(largest_eigenvalue(self._scaled_difference))

    @cached_property
    def error_trace(self) -> arb:
        self._balls_only("a norm")
        if self._difference is None:
            return arb(0)
        return root(self._sum(m * self._difference[a, a] for a, m in enumerate(self._masses)))

    # --- the ball around W0 -------------------------------------------------------------------------------

    @cached_property
    def _squared_displacement(self) -> fmpq:
        return squared_distance(self.instance.omega, self.instance.initial)

    @cached_property
    def displacement_init(self) -> Number:
        distance = self._squared_displacement
        return root(arb(distance)) if self.m is Balls else Rationals.sqrt(distance)

    def _over_points(self, values: list[Number]) -> arb:
        """The norm over the lifted points of a function of the input."""
        return self._root_sum((mass, values[x]) for _, x, mass in self._points)

    @cached_property
    def eps_projected(self) -> arb:
        return self._gradient_from_start + self.radius * self.eps

    @cached_property
    def misfit_projected(self) -> arb:
        target = [u - d for u, d in zip(self._u, self._from_start, strict=True)]
        return self._misfit(self._features, target).value

    @cached_property
    def _from_start(self) -> list[Number]:
        return self._features.along(*self.problem.offset)

    @cached_property
    def _gradient_from_start(self) -> Number:
        return self._whole_gradient.along(*self.problem.offset)

    # --- margins --------------------------------------------------------------------------------------------

    @cached_property
    def margin_convex_inner(self) -> arb:
        """ell'' >= 0: what the bound of the operator norms of H_i uses."""
        return self._structural(self.problem.loss.profile.convex)

    @cached_property
    def _row_sizes(self) -> list[arb]:
        return [size for size in lengths(self.instance.features) for _ in range(self.problem.loss.outputs)]

    @cached_property
    def _stretches(self) -> list[arb]:
        squares = [size * size for size in self._row_sizes]

        adaptation = self.instance.adaptation
        fastest, fade = max(map(abs, adaptation.relative)), abs(adaptation.eta) * adaptation.decay

        def stretch(step: Step) -> arb:
            parts = [*zip(*step.bends, strict=True), *([] if step.pulls is None else [step.pulls])]
            pulls = (abs(arb(v).mid()) * squares[x] for part in parts for x, v in enumerate(part))
            return 1 + fastest * sum(pulls, start=arb(fade))

        return [math.prod(map(stretch, steps), start=arb(1)) for steps in self._steps]
