"""The core quantities, for every family: an inner product over lifted points, w, u, the meta-feature, grad L.

A family supplies, in balls or exact rationals, what its problem is made of:

    masses [N], weighted [N] (mass times w), u [N], meta_features (N, d), gradient [d], gap, bregman

and everything in the core claims follows here, once. `quantities(name)` computes a quantity of `theory.notation` when
it is asked for. What needs a root or an infimum exists in balls only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
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
from .dense import Dense
from .infimum import Infimum, misfit, misfit_l1, residuals

WITHIN = 96
"""The direction of an infimum is shortened by a share of 2^-WITHIN."""


class TooLargeError(ArithmeticError):
    """A quantity would take too long to evaluate; the message says what was given, and how much is taken."""


class CoreQuantities(ABC):
    """The quantities of one instance by name. Errors of a call: UndefinedQuantityError, IrrationalError,
    TooLargeError.

    `direction` fixes the v of the identity [d] (exact); by default it is the direction of the lifted infimum.
    """

    coarser: Callable[[], CoreQuantities] | None = None
    """Gives the same at half the bits, for what has bits to spare."""

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

    @staticmethod
    def working(bits: int) -> int:
        """The bits in which quantities are evaluated, where flint's context has so many."""
        return bits

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

    # --- vectors of parameters --------------------------------------------------------------------------------

    def _vector(self, entries: list[Number]) -> Dense:
        """The vector with these coordinates [d]."""
        return Dense(self.m, entries)

    @cached_property
    def _whole_gradient(self) -> Any:
        """grad L, whose coordinates are `_gradient`."""
        return self._vector(self._gradient)

    @cached_property
    def _formal_gradient(self) -> Any:
        """<w, phi>: grad L by the chain rule."""
        return self._vector(self._pulled(self._meta_features))

    @cached_property
    def _features(self) -> Any:
        """The meta-features, as `_misfit` takes them."""
        return self._meta_features

    def _pulled(self, rows: Matrix) -> list[Number]:
        """sum_j weighted_j rows_j [d]."""
        return (rows.transpose() * self.m.matrix([[w] for w in self._weighted])).entries()

    def _scaled(self, rows: Matrix, weights: list[Number]) -> Matrix:
        return self.m.matrix([[w * a for a in row] for w, row in zip(weights, rows.tolist(), strict=True)])

    def _balls_only(self, what: str) -> None:
        if self.m is not Balls:
            raise IrrationalError(f"{what} is evaluated in balls only")

    def _misfit(
        self,
        features: Any,
        target: list[Number] | None = None,
        masses: list[Number] | None = None,
        radius: arb | None = None,
    ) -> Infimum:
        """The infimum with these features, of u or another target [N], over the ball of the instance's or another
        radius (infinite: no constraint)."""
        self._balls_only("an infimum")
        size = self.radius if radius is None else radius
        return misfit(
            features,
            self._u if target is None else target,
            self._masses if masses is None else masses,
            size if size.is_finite() else None,
        )

    def _l1(self, rows: Matrix, target: list[arb]) -> arb:
        self._balls_only("an infimum")
        return misfit_l1(self.eps, rows, target).value

    # --- the core ---------------------------------------------------------------------------------------------

    @cached_property
    def pairing(self) -> Number:
        return self._sum(w * u for w, u in zip(self._weighted, self._u, strict=True))

    @cached_property
    def eps(self) -> arb:
        return self._whole_gradient.length

    @cached_property
    def eps_formal(self) -> arb:
        return self._formal_gradient.length

    @cached_property
    def chain_rule_defect(self) -> Number:
        return self._whole_gradient.plus(self._formal_gradient, -1).length

    @cached_property
    def weight_norm(self) -> arb:
        return self._root_sum((1 / mass, w) for mass, w in zip(self._masses, self._weighted, strict=True))

    @cached_property
    def _lifted(self) -> Infimum:
        return self._misfit(self._features)

    @property
    def misfit(self) -> arb:
        return self._lifted.value

    @cached_property
    def misfit_free(self) -> arb:
        """Over all directions."""
        return self._misfit(self._features, radius=arb("inf")).value

    @cached_property
    def _l1_blocks(self) -> list[Any]:
        """What lifted points [N] are paired in before sizes are taken: those of one name; each by itself."""
        return list(range(len(self._u)))

    def _l1_system(self) -> tuple[Matrix, list[Number]]:
        """Rows and targets of the L1 form, one for each block."""
        target = [w * u for w, u in zip(self._weighted, self._u, strict=True)]
        return self._joined(self._scaled(self._meta_features, self._weighted), target, self._l1_blocks)

    def _joined(self, rows: Matrix, target: list[Number], blocks: Sequence[Any]) -> tuple[Matrix, list[Number]]:
        """Rows and targets with those of one block added."""
        order: dict[Any, list[int]] = {}
        for j, block in enumerate(blocks):
            order.setdefault(block, []).append(j)
        if len(order) == len(target):
            return rows, target
        zero, one = self.m.number(0), self.m.number(1)
        sums = self.m.matrix([[one if j in own else zero for j in range(len(target))] for own in order.values()])
        return sums * rows, (sums * self.m.matrix([[t] for t in target])).entries()

    @cached_property
    def misfit_l1(self) -> arb:
        self._balls_only("an infimum")
        return self._l1(*self._l1_system())

    # --- the identity, along one direction --------------------------------------------------------------------

    @cached_property
    def along(self) -> list[Number]:
        """The direction v [d]: strictly within the ball, whatever the precision, as no enclosure separates R and R."""
        if self._direction is not None:
            return self._placed([self.m.number(v) for v in self._direction])
        self._balls_only("the direction of an infimum")
        return (self._lifted.direction * (1 - arb(2) ** -WITHIN)).mid().entries()

    @cached_property
    def exact_direction(self) -> Vector:
        """The direction v as it is given, rounded to float64 numbers: it can be given to another evaluation."""
        return exact_floats(self._given(self.along))

    def _placed(self, given: list[Number]) -> list[Number]:
        """A direction's coordinates [d], from what it is given by."""
        return given

    def _given(self, along: list[Number]) -> list[Number]:
        """What a direction is given by, from its coordinates in balls [d]."""
        return along

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
