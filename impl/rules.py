r"""Adaptations of one's own: theta -> U(theta), written once, over every number system.

A rule sees a task's support through a `View`: gradients and Hessians of its risk at any parameters, and arithmetic. It
sees nothing else of the task, no number that can be asked (`sealed`), and none of another call; what it catches is
raised again. So whatever theta is, it is the same composition of +, -, *, /, roots, exponentials, linear systems and
derivatives of the risk: where the enclosure of its derivative is finite, and no prediction at a joint of the loss, it
has one.

Over `Affine` numbers nothing that depends on theta may be multiplied by what does: a rule that passes is affine in
theta, which C1 needs of an adaptation; gradient steps and proximal steps of squares are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..theory.claim import UndefinedQuantityError
from .arithmetic import IrrationalError, Number
from .asked import heard
from .files.faults import BadInputError
from .sealed import EXACT, MisuseError, Sealing, Smooth, divided, fault, opened

Vector = list[Any]


@dataclass(frozen=True)
class Rule:
    """adapt(task, theta) -> the adapted parameters; rational: whether it maps rationals to rationals, and cheaply."""

    adapt: Callable[[Any, Vector], Any]
    rational: bool = False


RULES: dict[str, Rule] = {}
"""Those of the claims file that stands, by name."""


def is_rational(name: str) -> bool:
    """Whether exact rationals take the rule of that name."""
    return name in RULES and RULES[name].rational


# --- numbers with tangents ------------------------------------------------------------------------------------


class NotAffineError(UndefinedQuantityError):
    """What depends on theta is multiplied by what does."""


class Dual:
    """A number and its derivatives along several directions."""

    __slots__ = ("tangents", "value")
    __array_ufunc__ = None
    """An array beside it leaves the operation to it."""

    def __init__(self, value: Number, tangents: Vector) -> None:
        self.value, self.tangents = value, tangents

    def __add__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return type(self)(self.value + other, self.tangents)
        return type(self)(self.value + other.value, [s + t for s, t in self._beside(other)])

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return self * -1

    def __sub__(self, other: Any) -> Dual:
        return self + -other

    def __rsub__(self, other: Any) -> Dual:
        return -self + other

    def __mul__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return self._stretched(self.value * other, other)
        self._multiplied(other)
        moved = [s * other.value + self.value * t for s, t in self._beside(other)]
        return type(self)(self.value * other.value, moved)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return self * other.inverse
        return type(self)(self.value / other, [t / other for t in self.tangents])

    def __rtruediv__(self, other: Any) -> Dual:
        return self.inverse * other

    def __pow__(self, exponent: int) -> Dual:
        found = self * 0 + 1
        for _ in range(exponent):
            found = found * self
        return found

    @property
    def inverse(self) -> Dual:
        """1 / the number."""
        found = 1 / self.value
        return self.bent(found, -found * found)

    def bent(self, value: Number, slope: Number) -> Dual:
        """The number's image under a function that is not affine, with that value and slope."""
        return self._stretched(value, slope)

    def _stretched(self, value: Number, slope: Number) -> Dual:
        return type(self)(value, [t * slope for t in self.tangents])

    def _beside(self, other: Dual) -> zip[tuple[Any, Any]]:
        return zip(self.tangents, other.tangents, strict=True)

    def _multiplied(self, other: Dual) -> None:
        """Any two numbers may be multiplied."""


class Affine(Dual):
    """The same of affine functions: those that are constant have derivatives that are 0 exactly."""

    __slots__ = ()

    @property
    def constant(self) -> bool:
        """Whether it does not depend on theta."""
        return all(t == 0 for t in self.tangents)

    def _multiplied(self, other: Dual) -> None:
        if not (self.constant or (isinstance(other, Affine) and other.constant)):
            raise NotAffineError

    def bent(self, value: Number, slope: Number) -> Dual:
        if not self.constant:
            raise NotAffineError
        return super().bent(value, slope)


@dataclass(frozen=True)
class Parts:
    """Numbers as values, and their derivatives along each direction (none: of numbers without any) as `kind`."""

    values: Vector
    moved: list[Vector]
    kind: type[Dual]

    @classmethod
    def of(cls, numbers: Sequence[Any]) -> Parts:
        first = next((v for v in numbers if isinstance(v, Dual)), None)
        if first is None:
            return cls(list(numbers), [], Dual)
        values = [v.value if isinstance(v, Dual) else v for v in numbers]
        count = range(len(first.tangents))
        moved = [[v.tangents[k] if isinstance(v, Dual) else 0 * first.tangents[k] for v in numbers] for k in count]
        return cls(values, moved, type(first))

    def joined(self, values: Vector, moved: list[Vector]) -> Vector:
        """Numbers of these values and derivatives."""
        return [self.kind(v, list(t)) for v, *t in zip(values, *moved, strict=True)] if self.moved else values


PASSED = (UndefinedQuantityError, IrrationalError, BadInputError)
"""What a rule's numbers may say of themselves; anything else that it raises is a defect of it."""


# --- what a rule sees of a task ---------------------------------------------------------------------------------


class View(ABC):
    """What a rule sees of a task, in one number system: its support's risk R, and arithmetic beyond + - * / **.

    Parameters are lists of d numbers. `eta` is the instance's rate, which a rule need not use.
    """

    @property
    @abstractmethod
    def eta(self) -> Number:
        """The rate of the instance."""

    @abstractmethod
    def number(self, value: Any) -> Number:
        """A constant: number("1/3")."""

    def gradient(self, theta: Vector) -> Vector:
        """grad R(theta) [d]."""
        parts = Parts.of(theta)
        values = self._lifted(parts.values)
        bends = self._hessian(values) if parts.moved else []
        return parts.joined(self._gradient(values), [[self.dot(row, t) for row in bends] for t in parts.moved])

    def hessian(self, theta: Vector) -> list[Vector]:
        """Hess R(theta) [d][d]."""
        parts = Parts.of(theta)
        values = self._lifted(parts.values)
        turns = [self._third(values, self._lifted(t)) for t in parts.moved]
        rows = self._hessian(values)
        return [parts.joined(row, [turn[i] for turn in turns]) for i, row in enumerate(rows)]

    def solve(self, rows: list[Vector], right: Vector) -> Vector:
        """The x with rows x = right. Errors: UndefinedQuantityError of a singular system."""
        d = len(right)
        if len(rows) != d or any(len(row) != d for row in rows):
            raise MisuseError(f"solve takes d rows of d numbers, and d numbers: given {len(rows)} rows, {d} numbers")
        flat = [v for row in rows for v in row]
        if any(isinstance(v, Affine) and not v.constant for v in flat):
            raise NotAffineError
        parts = Parts.of([*flat, *right])
        values = self._lifted(parts.values)
        system = [values[i * d : i * d + d] for i in range(d)]
        found = self._solved(system, values[d * d :])
        moved = []
        for t in parts.moved:
            turned = [self.dot(t[i * d : i * d + d], found) for i in range(d)]
            moved.append(self._solved(system, [a - b for a, b in zip(t[d * d :], turned, strict=True)]))
        return parts.joined(found, moved)

    def dot(self, a: Vector, b: Vector) -> Number:
        """The sum of products."""
        return sum(s * t for s, t in zip(a, b, strict=True))

    def sqrt(self, t: Number) -> Number:
        """The square root."""
        if not isinstance(t, Dual):
            return self._root(*self._lifted([t]))
        value = self._root(t.value)
        return t.bent(value, divided(1, 2 * value))

    def exp(self, t: Number) -> Number:
        """The exponential."""
        if not isinstance(t, Dual):
            return self._exponential(*self._lifted([t]))
        value = self._exponential(t.value)
        return t.bent(value, value)

    # --- what a number system supplies, of its own numbers ---

    @abstractmethod
    def _lifted(self, values: Vector) -> Vector:
        """Whole numbers and fractions among them as numbers of the system."""

    @abstractmethod
    def _gradient(self, theta: Vector) -> Vector: ...

    @abstractmethod
    def _hessian(self, theta: Vector) -> list[Vector]: ...

    @abstractmethod
    def _third(self, theta: Vector, direction: Vector) -> list[Vector]:
        """The derivative of Hess R in the direction."""

    @abstractmethod
    def _solved(self, rows: list[Vector], right: Vector) -> Vector: ...

    @abstractmethod
    def _root(self, t: Number) -> Number: ...

    @abstractmethod
    def _exponential(self, t: Number) -> Number: ...


# --- running a rule -----------------------------------------------------------------------------------------------


def run(name: str, view: View, theta: Vector) -> Vector:
    """The rule's U(theta) [d] over the view's numbers.

    Errors: UndefinedQuantityError, IrrationalError; BadInputError with the line of what fails in it.
    """
    if name not in RULES:
        raise UndefinedQuantityError(f"the adaptation {name} is that of a claims file: name it (--claims)")
    adapt, what = RULES[name].adapt, f"the adaptation {name}"

    def ask(adapt: Callable[[Any, Vector], Any]) -> tuple[Vector, list[Vector]]:
        parts = _asked(adapt, what, view, theta)
        return view._lifted(parts.values), parts.moved

    values, moved = heard(what, adapt, ask, adapt)
    given = Parts.of(theta)
    return given.joined(values, moved or [[0 * t for t in own] for own in given.moved])


def _asked(adapt: Callable[[Any, Vector], Any], what: str, view: View, theta: Vector) -> Parts:
    """What the rule gives. Errors: as `run`."""
    code = adapt.__code__
    try:
        kind = Smooth.anew()
        found = list(islice(adapt(Sealing(view, kind=kind), [kind(v) for v in theta]), 2 * len(theta) + 9))
        for caught in kind.heard:  # it has gone another way than where nothing is raised
            raise caught
    except PASSED:
        raise
    except Exception as error:
        raise fault(error, code.co_filename, what) from error
    place = f"line {code.co_firstlineno}, {what}"
    if len(found) != len(theta):
        raise BadInputError(code.co_filename, place, len(found), f"as many numbers as theta has, here {len(theta)}")
    for value in found:
        if not isinstance(value, kind | EXACT):
            required = "numbers that task and theta of this very call gave, or exact ones: no float, no text"
            raise BadInputError(code.co_filename, place, type(value).__name__, required)
    return Parts.of([opened(v) for v in found])
