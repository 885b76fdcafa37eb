r"""The numbers that a graph is evaluated in: what all have in common, and balls; midpoint-radius ones are in `middles`.

A value is one of

    a `MidRad` or an object array of `arb`   reals, enclosed
    an integer or boolean array              exact: labels, indices, masks that are decided
    `Open`                                   booleans of which some are not decided
    `Picks`                                  indices of which some are not decided: every one that may be meant

`each` does with all of them what numpy does with arrays that are only moved about. What is true of both systems
(operators) is written against this interface, once.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from flint import arb, arb_mat

from ...arithmetic import Array, Balls, bounds
from ...midrad import MidRad
from .products import PLAIN, Moved

Value = Any
Operation = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Open:
    """Booleans: certainly true, and those that are not decided (where `yes` is false)."""

    yes: Array
    open: Array


@dataclass(frozen=True)
class Picks:
    """Indices: the arrays of which one holds the index that is meant, and where each may; the first is the proposal."""

    options: tuple[Array, ...]
    possible: tuple[Array, ...]


class Many(MidRad):
    """Several arrays of one shape at once, of numbers that enclose nothing: mid (count, *shape)."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of each."""
        return self.mid.shape[1:]


def parts(value: Value) -> list[Array]:
    """The arrays that a value is made of, all of its shape."""
    if isinstance(value, Many):
        return list(value.mid)
    if isinstance(value, MidRad):
        if value.rad.shape == value.mid.shape:
            return [value.mid, value.rad]
        shape = value.shape
        return [np.broadcast_to(value.mid, shape), np.broadcast_to(value.rad, shape)]
    if isinstance(value, Open):
        return [value.yes, value.open]
    return [*value.options, *value.possible] if isinstance(value, Picks) else [value]


def rebuilt(value: Value, arrays: Sequence[Array]) -> Value:
    """A value of the same kind from other arrays."""
    if isinstance(value, Many):
        return Many(np.stack(arrays))
    if isinstance(value, MidRad):
        return MidRad(*arrays)
    if isinstance(value, Open):
        return Open(*arrays)
    if isinstance(value, Picks):
        half = len(arrays) // 2
        return Picks(tuple(arrays[:half]), tuple(arrays[half:]))
    return arrays[0]


def each(move: Callable[..., Array], *values: Value) -> Value:
    """Values of one kind, moved about alike; radii that are all 0 stay one number."""
    if all(type(value) is MidRad and value.rad.ndim == 0 and not value.rad for value in values):
        return MidRad(np.asarray(move(*(value.mid for value in values))), 0.0)
    found = [move(*arrays) for arrays in zip(*map(parts, values), strict=True)]
    return rebuilt(values[0], [np.asarray(a) for a in found])


def shape_of(value: Value) -> tuple[int, ...]:
    """The shape of a value."""
    return value.shape if isinstance(value, MidRad) else parts(value)[0].shape


def exact(value: Value) -> bool:
    """Whether a value is an array of integers or booleans."""
    return isinstance(value, np.ndarray) and value.dtype != object


class System(ABC):
    """Reals that are enclosed."""

    name: str

    @abstractmethod
    def of(self, array: Array) -> Value:
        """Float64 or integer numbers, exactly."""

    @abstractmethod
    def combined(self, operation: Operation, a: Value, b: Value) -> Value:
        """One of + - * / (of `operator`), entry by entry."""

    def add(self, a: Value, b: Value) -> Value:
        return self.combined(operator.add, a, b)

    def sub(self, a: Value, b: Value) -> Value:
        return self.combined(operator.sub, a, b)

    def mul(self, a: Value, b: Value) -> Value:
        return self.combined(operator.mul, a, b)

    def div(self, a: Value, b: Value) -> Value:
        return self.combined(operator.truediv, a, b)

    @abstractmethod
    def neg(self, a: Value) -> Value: ...

    @abstractmethod
    def sum(self, a: Value, axes: tuple[int, ...], keep: bool) -> Value:
        """The sums along axes."""

    @abstractmethod
    def product(self, a: Value, b: Value, moved: Moved = PLAIN) -> Value:
        """Matrix products (..., i, n)(..., n, j), the second factor moved."""

    @abstractmethod
    def solve(self, a: Value, b: Value) -> Value:
        """The X of AX = B (..., n, n)(..., n, j), as proved in `solves`; not a number where A may be singular."""

    @abstractmethod
    def apply(self, name: str, a: Value) -> Value:
        """The function of that name in `FUNCTIONS`, entry by entry."""

    @abstractmethod
    def larger(self, a: Value, b: Value) -> Value:
        """max(a, b), entry by entry: continuous, so that nothing is decided."""

    @abstractmethod
    def hull(self, a: Value, b: Value) -> Value:
        """What encloses either, entry by entry."""

    @abstractmethod
    def signs(self, a: Value) -> tuple[Array, Array]:
        """-1, 0, 1 as the entry is certainly negative, exactly 0, certainly positive, and 2 if that is open; lower
        bounds of the size where it is decided."""

    @abstractmethod
    def finite(self, a: Value) -> Array:
        """Whether an entry is enclosed at all."""

    @abstractmethod
    def infinite(self, a: Value) -> Array:
        """-1 and 1 where an entry is exactly -inf or inf, else 0."""

    @abstractmethod
    def middle(self, a: Value) -> Array:
        """Float64 numbers in the midst of the enclosures."""

    @abstractmethod
    def balls(self, a: Value) -> list[arb]:
        """The entries as balls, in the order of rows."""

    @abstractmethod
    def from_balls(self, entries: Sequence[arb], shape: tuple[int, ...]) -> Value:
        """Balls as a value of the system."""

    def lift(self, x: Value) -> Value:
        """Any value as reals: Python's numbers, exact arrays, booleans that are open ([0, 1])."""
        if isinstance(x, bool | int | float):
            return self.of(np.asarray(float(x)))
        if isinstance(x, Open):
            true = self.of(x.yes.astype(float))
            return self.where(x.open, self.hull(self.of(np.zeros(x.open.shape)), self.of(np.ones(x.open.shape))), true)
        return self.of(x) if exact(x) else x

    def joined(self, sums: Value, a: Value, terms: int) -> Value:
        """sums + a, where the sums are of so many terms; whoever rounds may have begun them with a."""
        return self.add(sums, a)

    def chosen(
        self, signs: Array, difference: Value, harmless: Array | bool = False, best: Array | None = None
    ) -> Array:
        """What is decided by these signs of a difference; harmless: where nothing depends on it.

        best: of a largest less each entry, which it is; -1 at another says that this is the largest.
        """
        return signs

    def where(self, mask: Value, a: Value, b: Value) -> Value:
        """a where the mask is true, else b; the hull of both where that is open."""
        if isinstance(mask, Open):
            decided = self.where(mask.yes, a, b)
            return self.where(mask.open, self.hull(a, b), decided) if mask.open.any() else decided
        return each(lambda x, y: np.asarray(np.where(mask, x, y)), a, b)


FUNCTIONS: dict[str, Callable[[arb], arb]] = {
    "exp": arb.exp,
    "log": arb.log,
    "log1p": arb.log1p,
    "expm1": arb.expm1,
    "sqrt": Balls.sqrt,
    "rsqrt": arb.rsqrt,
    "tanh": arb.tanh,
    "sigmoid": Balls.sigmoid,
    "erf": arb.erf,
    "erfc": arb.erfc,
    "erfinv": arb.erfinv,
    "sin": arb.sin,
    "cos": arb.cos,
    "sinh": arb.sinh,
    "cosh": arb.cosh,
    "tan": arb.tan,
    "asin": arb.asin,
    "acos": arb.acos,
    "atan": arb.atan,
    "asinh": arb.asinh,
    "acosh": arb.acosh,
    "atanh": arb.atanh,
    "exp2": lambda x: (x * arb(2).log()).exp(),
    "log2": lambda x: x.log() / arb(2).log(),
    "log10": lambda x: x.log() / arb(10).log(),
    "lgamma": arb.lgamma,
    "digamma": arb.digamma,
}
"""The elementary functions, in balls; midpoint-radius numbers take those of `elementary` where it has them."""


# --- balls --------------------------------------------------------------------------------------------------------


def _vectorised(function: Callable[..., Any], inputs: int = 1, dtype: type = object) -> Callable[..., Array]:
    made = np.frompyfunc(function, inputs, 1)
    return lambda *given: np.asarray(made(*given), dtype=dtype)


def _sign(x: arb) -> int:
    return 1 if x > 0 else -1 if x < 0 else 0 if x.is_zero() else 2


def _size(x: arb) -> float:
    return max(bounds(x.abs_lower())[0], 0.0)


def _larger(x: arb, y: arb) -> arb:
    return x if x >= y else y if y >= x else x.max(y)


class Fine(System):
    """Balls at flint's precision, as object arrays."""

    name = "balls"
    larger = staticmethod(_vectorised(_larger, 2))
    hull = staticmethod(_vectorised(arb.union, 2))
    finite = staticmethod(_vectorised(arb.is_finite, dtype=bool))
    infinite = staticmethod(_vectorised(lambda x: 1 if x == arb("inf") else -1 if x == arb("-inf") else 0, dtype=int))
    middle = staticmethod(_vectorised(lambda x: float(x.mid()), dtype=float))
    _of = staticmethod(_vectorised(arb))
    _signs = staticmethod(_vectorised(_sign, dtype=int))
    _sizes = staticmethod(_vectorised(_size, dtype=float))
    _apply: ClassVar[dict[str, Callable[..., Array]]] = {n: _vectorised(f) for n, f in FUNCTIONS.items()}

    def of(self, array: Array) -> Array:
        return self._of(np.asarray(array, dtype=float))

    def combined(self, operation: Operation, a: Value, b: Value) -> Value:
        return np.asarray(operation(a, b), dtype=object)

    def neg(self, a: Value) -> Value:
        return np.asarray(-a, dtype=object)

    def sum(self, a: Value, axes: tuple[int, ...], keep: bool) -> Value:
        if not axes:
            return a
        if a.size == 0:
            return self.of(np.zeros(a.shape).sum(axes, keepdims=keep))
        return np.asarray(a.sum(axis=axes, keepdims=keep), dtype=object)

    def product(self, a: Value, b: Value, moved: Moved = PLAIN) -> Value:
        return self._matrices(arb_mat.__mul__, a, each(moved.move, b))

    def solve(self, a: Value, b: Value) -> Value:
        return self._matrices(lambda x, y: x.solve(y, nonstop=True), a, b)

    @staticmethod
    def _matrices(function: Callable[[arb_mat, arb_mat], arb_mat], a: Array, b: Array) -> Array:
        """A function of matrices (i, n), (n, j) to (i, j), for stacks of them."""
        stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
        left = np.broadcast_to(a, (*stack, rows, inner)).reshape(-1, rows * inner)
        right = np.broadcast_to(b, (*stack, inner, columns)).reshape(-1, inner * columns)
        found = np.empty((len(left), rows * columns), dtype=object)
        for k, (x, y) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
            found[k] = function(arb_mat(rows, inner, x), arb_mat(inner, columns, y)).entries()
        return found.reshape(*stack, rows, columns)

    def apply(self, name: str, a: Value) -> Value:
        return self._apply[name](a)

    def signs(self, a: Value) -> tuple[Array, Array]:
        return self._signs(a), self._sizes(a)

    def balls(self, a: Value) -> list[arb]:
        return list(a.ravel())

    def from_balls(self, entries: Sequence[arb], shape: tuple[int, ...]) -> Array:
        found = np.empty(len(entries), dtype=object)
        found[:] = list(entries)
        return found.reshape(shape)
