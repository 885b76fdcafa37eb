"""One function for every search: how near each instance of a batch comes to refuting a claim or a mutant.

    ratio = left/bound        more than 1 exactly where left > bound, beyond the rounding of float64
    wrong equality            1 + |left - bound| / max(|left|, |bound|)
    bound <= 0, but true      (left - bound) / |bound|, at most 0: nothing is tight there

An `Objective` is a quotient of two sums of named products, so that numpy, torch and balls evaluate the same text. By
the same quotient `sharpness` asks by which factor a term of a bound could be smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import ctx

from ...theory.claim import Expression, Relation, UndefinedQuantityError
from ..arithmetic import Array, midpoint
from ..families import Family, family_of
from .certify import Subject

HIT = 1e-9
"""By how much a ratio must exceed 1 to be worth a certification."""

ROUNDING = 2.0**-44
"""Room for rounding, relative to what is summed in gap and pairing (the batch quantity `scale`)."""


@dataclass(frozen=True)
class Objective:
    """What a search makes large: left/bound, beyond rounding.

    equal     whether left = bound is claimed, so that any difference counts
    positive  whether only instances with bound > 0 count (a factor in front of a term has a meaning there only)
    """

    family: Family
    left: Callable[[Callable[[str], Any]], Any]
    bound: Callable[[Callable[[str], Any]], Any]
    names: tuple[str, ...]
    equal: bool = False
    positive: bool = False

    @property
    def fast(self) -> bool:
        """Whether the family's float64 engine knows every quantity; otherwise balls are evaluated, one by one."""
        return all(hasattr(self.family.batch_quantities, name) for name in (*self.names, "scale"))

    def quantities(self, batch: Any) -> Callable[[str], Array]:
        """The engine's quantities of a batch by name, each (B,)."""
        floats = self.family.batch_quantities
        if floats is None or not self.fast:
            return BallValues(self.family, batch)
        found: Callable[[str], Array] = floats(batch)
        return found

    def __call__(self, batch: Any, quantities: Callable[[str], Array] | None = None) -> Array:
        """The ratios (B,); -inf where the instance says nothing."""
        with np.errstate(all="ignore"):
            at = quantities or self.quantities(batch)
            try:
                left, bound = self.left(at), self.bound(at)
                room = ROUNDING * at("scale")
            except (UndefinedQuantityError, np.linalg.LinAlgError):
                return np.full(len(batch), -np.inf)
            size = np.maximum(np.abs(bound), room)
            if self.equal:
                size = np.maximum(size, np.abs(left))
                found = 1 + (np.abs(left - bound) - room) / size
            else:
                found = 1 + (left - bound - room) / size
                found = np.where((bound > room) | (found > 1), found, found - 1)
            if self.positive:
                found = np.where(bound > room, found, -np.inf)
        return np.where(np.isfinite(found), found, -np.inf)


def objective(subject: Subject) -> Objective:
    """The ratio of a claim or a mutant."""
    names = tuple(dict.fromkeys((*subject.left.names, *subject.bound.names)))
    equal = subject.relation is Relation.EQUAL
    return Objective(family_of(subject), subject.left, subject.bound, names, equal)


class BallValues:
    """Quantities of a batch by name, each (B,), as midpoints of balls: for what the float64 engine does not know."""

    BITS = 64

    def __init__(self, family: Family, batch: Any) -> None:
        with ctx.workprec(self.BITS):
            self._each = [family.quantities(batch.instance(b)) for b in range(len(batch))]

    def __call__(self, name: str) -> Array:
        with ctx.workprec(self.BITS):
            return np.array([self._value(at, name) for at in self._each])

    def _value(self, at: Any, name: str) -> float:
        try:
            return float(at.scale("gap")) if name == "scale" else midpoint(at(name))
        except UndefinedQuantityError:
            return float("nan")


def summed(terms: Sequence[Expression], quantity: Callable[[str], Any]) -> Any:
    """The sum of the terms; 0 if there are none."""
    return sum((term(quantity) for term in terms), start=0)
