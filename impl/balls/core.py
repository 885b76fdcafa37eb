"""The core quantities, for every family: an inner product over lifted points, w, u, the meta-feature, grad L.

A family supplies, in balls or exact rationals, what its problem is made of:

    masses [N], weighted [N] (mass times w), u [N], meta_features (N, d), gradient [d], gap, bregman

and everything in the core claims follows here, once. `quantities(name)` computes a quantity of `theory.notation` when
it is asked for. What needs a root or an infimum exists in balls only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Self

from flint import arb, fmpq

from ..arithmetic import (
    Balls,
    IrrationalError,
    Matrix,
    Number,
    NumberSystem,
    Rationals,
    exact_floats,
    fenced,
    root,
    square,
)
from ..instances import Instance, Vector
from .infimum import Infimum, misfit, misfit_l1, residuals


class TooLargeError(ArithmeticError):
    """A quantity would take too long to evaluate; the message says what was given, and how much is taken."""


class CoreQuantities(ABC):
    """The quantities of one instance by name. Errors of a call: UndefinedQuantityError, IrrationalError,
    TooLargeError.

    `direction` fixes the v of the identity [d] (exact); by default it is the direction of the lifted infimum.
    """

    def __init__(self, instance: Instance, m: NumberSystem = Balls, direction: Vector | None = None) -> None:
        self.m = m
        self._radius = instance.radius
        self._direction = direction
        self._known: dict[str, Number] = {}

    def __call__(self, name: str) -> Number:
        """The quantity of that name."""
        if name not in self._known:
            value = getattr(self, name)
            if self.m is not Balls and not isinstance(value, fmpq | int):
                raise IrrationalError(f"{name} is evaluated in balls only")
            self._known[name] = fenced(value) if isinstance(value, arb) else value
        return self._known[name]

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> Self | None:
        """The same quantities in exact rationals, or None where the instance forbids it or it would cost too much."""
        return None

    # --- what a family supplies -------------------------------------------------------------------------

    @cached_property
    @abstractmethod
    def _masses(self) -> list[Number]: ...

    @cached_property
    @abstractmethod
    def _weighted(self) -> list[Number]: ...

    @cached_property
    @abstractmethod
    def _u(self) -> list[Number]: ...

    @cached_property
    @abstractmethod
    def _meta_features(self) -> Matrix: ...

    @cached_property
    @abstractmethod
    def _gradient(self) -> list[Number]: ...

    @cached_property
    @abstractmethod
    def gap(self) -> Number: ...

    @cached_property
    @abstractmethod
    def bregman(self) -> Number: ...

    @abstractmethod
    def scale(self, name: str) -> arb:
        """The size of the sums behind a quantity: what its rounding errors are relative to, beside its own size."""

    @abstractmethod
    def rounding(self, name: str) -> float:
        """What a float64 evaluation of the quantity may differ by, if these are balls of 53 bits."""

    # --- sums and norms -----------------------------------------------------------------------------------

    @property
    def zero(self) -> Number:
        return self.m.number(fmpq(0))

    @property
    def radius(self) -> Number:
        return self.m.number(self._radius)

    def _sum(self, terms: Any) -> Number:
        return sum(terms, start=self.zero)

    def _root_sum(self, terms: Iterable[tuple[Number, Number]]) -> Number:
        """(sum of mass times value^2)^{1/2}; in rationals only if that is rational."""
        if self.m is Balls:
            return root(self._sum(mass * square(value) for mass, value in terms))
        return Rationals.sqrt(self._sum(mass * value * value for mass, value in terms))

    def _length(self, entries: list[Number]) -> Number:
        return self._root_sum((self.m.number(fmpq(1)), v) for v in entries)

    @cached_property
    def function_displacement(self) -> Number:
        """||u||."""
        return self._root_sum(zip(self._masses, self._u, strict=True))

    def _pulled(self, rows: Matrix) -> list[Number]:
        """sum_j weighted_j rows_j [d]."""
        return (rows.transpose() * self.m.matrix([[w] for w in self._weighted])).entries()

    def _scaled(self, rows: Matrix, weights: list[Number]) -> Matrix:
        return self.m.matrix([[w * a for a in row] for w, row in zip(weights, rows.tolist(), strict=True)])

    def _balls_only(self, what: str) -> None:
        if self.m is not Balls:
            raise IrrationalError(f"{what} is evaluated in balls only")

    def _misfit(self, rows: Matrix, target: list[arb], masses: list[arb] | None = None, free: bool = False) -> Infimum:
        self._balls_only("an infimum")
        radius = None if free else self.radius
        return misfit(rows, target, self._masses if masses is None else masses, radius)

    def _l1(self, rows: Matrix, target: list[arb]) -> arb:
        self._balls_only("an infimum")
        return misfit_l1(self.eps, rows, target).value

    # --- the core ---------------------------------------------------------------------------------------------

    @cached_property
    def pairing(self) -> Number:
        return self._sum(w * u for w, u in zip(self._weighted, self._u, strict=True))

    @cached_property
    def eps(self) -> arb:
        return self._length(self._gradient)

    @cached_property
    def chain_rule_defect(self) -> Number:
        pairs = zip(self._gradient, self._pulled(self._meta_features), strict=True)
        return self._length([a - b for a, b in pairs])

    @cached_property
    def weight_norm(self) -> arb:
        return self._root_sum((1 / mass, w) for mass, w in zip(self._masses, self._weighted, strict=True))

    @cached_property
    def _lifted(self) -> Infimum:
        return self._misfit(self._meta_features, self._u)

    @property
    def misfit(self) -> arb:
        return self._lifted.value

    @cached_property
    def misfit_l1(self) -> arb:
        self._balls_only("an infimum")
        target = [w * u for w, u in zip(self._weighted, self._u, strict=True)]
        return self._l1(self._scaled(self._meta_features, self._weighted), target)

    # --- the identity, along one direction --------------------------------------------------------------------

    @cached_property
    def along(self) -> list[Number]:
        """The direction v [d]."""
        if self._direction is not None:
            return [self.m.number(v) for v in self._direction]
        self._balls_only("the direction of an infimum")
        return self._lifted.direction.entries()

    @cached_property
    def exact_direction(self) -> Vector:
        """The direction v rounded to float64 numbers, so that it can be given to another evaluation."""
        return exact_floats(self.along)

    @cached_property
    def _at_direction(self) -> list[Number]:
        v: Matrix = self.m.matrix([[c] for c in self.along])
        return residuals(self._meta_features, self._u, v)

    @cached_property
    def direction(self) -> Number:
        return self._sum(g * v for g, v in zip(self._gradient, self.along, strict=True))

    @cached_property
    def inner_product(self) -> Number:
        return self._sum(w * r for w, r in zip(self._weighted, self._at_direction, strict=True))

    @cached_property
    def residual_norm(self) -> arb:
        return self._root_sum(zip(self._masses, self._at_direction, strict=True))
