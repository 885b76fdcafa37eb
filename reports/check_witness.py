"""Check a witness with nothing but Python's standard library: fractions and intervals between fractions, no package.

    python3 check_witness.py counterexamples

A witness file holds an instance and a statement `left <= bound` (or `left = bound`) that the instance refutes. This
script computes both sides again, from the definitions, and says

    refuted       left is certainly larger than bound (or differs from it), and both are what the file says they are
    no value      as the file says: without an assumption of its claim the statement means nothing there, since a
                  quantity that it names is undefined, for the reason given
    not refuted   one of these is not so (of an infimum: no direction was found for which it is)
    not checked   this script does not compute one of the quantities, for the reason given

What falls is the statement as it stands in the file. Whether it is that of the claim by whose name the file goes, and
whether the instance has what that claim assumes, is not looked at here: `metagap replay` does.

It covers supervised and reinforcement learning, with linear models and two-layer networks (ReLU, tanh, softplus), and
adaptation by gradient steps, implicit steps, KL steps and rational steps; and traced PyTorch programs, which
`check_graph.py`, beside this script, evaluates: their derivatives are those of the graph of predictions, and the file's
own graphs of derivatives must agree with them. What is rational is computed exactly; roots, exp and log are enclosed
between fractions, and so is what follows from them (intervals, rounded outwards). Derivatives come from dual
numbers (a + b e with e^2 = 0) sent through the adaptation; formulas of the theory are used for what a wrong statement
has in their place, and for features at initialisation. Of an infimum over directions any admissible direction gives an
upper bound, which is the side that a refutation needs: directions are proposed in decimals and evaluated in intervals.
Likewise a statement about every direction v falls by one of them, and one about a joint of the loss by either side's
derivatives.

To read it: numbers, losses and models come first; then `Quantities` with what both kinds of learning share; then
`Supervised`, `Policies` and `Programs`, each with a table that says what a name in a statement means; then what a file
may hold.

A file that is no witness, field for field, is said to be `not read`, and the others are checked all the same; a witness
that takes longer than --max-time, or more than 4 GiB of memory, is not checked. Instances in which nothing is claimed
to be refuted are counted. Exit status: 1 some not refuted, else 2 some not read, else 3 some not checked or nothing to
check, else 0.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import math
import os
import re
import signal
import stat
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property, partial, reduce
from operator import add, mul, sub, truediv
from typing import Any

try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]
try:
    from . import check_graph as graphs
except ImportError:
    # A script: its folder stays as it is. (`python -I` looks for no neighbours.)
    sys.dont_write_bytecode = True
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    try:
        import check_graph as graphs  # type: ignore[no-redef]
    except ImportError:
        sys.stderr.write("check_witness.py: check_graph.py beside it is required; take both from the report\n")
        sys.exit(2)


need = graphs.need


class NotCheckedError(Exception):
    """The witness is outside of what this script computes."""


class UndefinedError(Exception):
    """A quantity has no value on the instance; the message is a sentence that says why."""


class WrongGraphError(Exception):
    """A graph of the file is not what it is called."""


class OutOfTimeError(Exception):
    """The witness takes longer than --max-time."""


# --- numbers ----------------------------------------------------------------------------------------------

LONGEST = 4000
"""Binary digits up to which a fraction is kept exactly."""


class Digits:
    """Binary digits after the point that intervals keep; more of them are tried where few leave a question open."""

    TRIED = (256, 1024)
    count = TRIED[0]


class Range:
    """A number between the integers `a` and `b` times 2^-Digits.count; `known` if it is exactly that fraction."""

    __slots__ = ("a", "b", "known")

    def __init__(self, a: int, b: int, known: Fraction | None = None) -> None:
        self.a, self.b, self.known = a, b, known

    def __bool__(self) -> bool:
        """Whether it is not exactly 0."""
        return self.known != 0

    @property
    def low(self) -> Fraction:
        return Fraction(self.a, 1 << Digits.count) if self.known is None else self.known

    @property
    def high(self) -> Fraction:
        return Fraction(self.b, 1 << Digits.count) if self.known is None else self.known

    def __add__(self, other: Number) -> Any:
        if isinstance(other, Dual | graphs.Taped):
            return NotImplemented
        o = ranged(other)
        if self.known is not None and o.known is not None:
            return exactly(self.known + o.known)
        return Range(self.a + o.a, self.b + o.b)

    def __neg__(self) -> Range:
        return Range(-self.b, -self.a, None if self.known is None else -self.known)

    def __sub__(self, other: Number) -> Any:
        return self + -other

    def __rsub__(self, other: Number) -> Any:
        return -self + other

    def __mul__(self, other: Number) -> Any:
        if isinstance(other, Dual | graphs.Taped):
            return NotImplemented
        o = ranged(other)
        if not self or not o:
            return ZERO
        if self.known is not None and o.known is not None:
            return exactly(self.known * o.known)
        ends = (self.a * o.a, self.a * o.b, self.b * o.a, self.b * o.b)
        if max(ends).bit_length() > BITS:
            raise NotCheckedError("a number that is out of reach")
        return Range(min(ends) >> Digits.count, -(-max(ends) >> Digits.count))

    def __truediv__(self, other: Number) -> Any:
        if isinstance(other, Dual | graphs.Taped):
            return NotImplemented
        o = ranged(other)
        if o.a <= 0 <= o.b and not o.known:
            raise NotCheckedError("division by a number that is or may be 0")
        if o.known is not None:
            return self * exactly(1 / o.known)
        if not self:
            return ZERO
        tops = (self.a << Digits.count, self.b << Digits.count)
        return Range(min(top // end for top in tops for end in (o.a, o.b)),
                     max(-(-top // end) for top in tops for end in (o.a, o.b)))  # fmt: skip

    def __rtruediv__(self, other: Number) -> Any:
        return ranged(other) / self

    __radd__, __rmul__ = __add__, __mul__


class Dual:
    """value + sum of slopes[k] e_k, with e_j e_k = 0: arithmetic on these differentiates. All parts are intervals, or
    all are dual numbers in another e."""

    __slots__ = ("slopes", "value")

    def __init__(self, value: Any, slopes: dict[int, Any]) -> None:
        self.value, self.slopes = value, slopes

    def __bool__(self) -> bool:
        return bool(self.value) or any(self.slopes.values())

    def mapped(self, value: Any, slope: Any) -> Dual:
        """A function with that value and derivative there."""
        return Dual(value, {k: slope * s for k, s in self.slopes.items()} if slope else {})

    def __add__(self, other: Number) -> Dual:
        if not isinstance(other, Dual):
            return Dual(self.value + other, self.slopes)
        return Dual(self.value + other.value, _plus(self.slopes, other.slopes))

    def __neg__(self) -> Dual:
        return self.mapped(-self.value, exactly(-1))

    def __sub__(self, other: Number) -> Dual:
        return self + -other

    def __rsub__(self, other: Number) -> Dual:
        return -self + other

    def __mul__(self, other: Number) -> Dual:
        if not isinstance(other, Dual):
            o = ranged(other)
            return self.mapped(self.value * o, o)
        own, others = self.mapped(ZERO, other.value), other.mapped(ZERO, self.value)
        return Dual(self.value * other.value, _plus(own.slopes, others.slopes))

    def __truediv__(self, other: Number) -> Dual:
        if not isinstance(other, Dual):
            return Dual(self.value / other, {k: s / other for k, s in self.slopes.items()})
        ratio = self.value / other.value
        slopes = _plus(self.slopes, other.mapped(ZERO, -ratio).slopes)
        return Dual(ratio, {k: s / other.value for k, s in slopes.items()})

    def __rtruediv__(self, other: Number) -> Dual:
        return Dual(ranged(other), {}) / self

    __radd__, __rmul__ = __add__, __mul__


Number = Range | Dual | Fraction | int
Vector = list[Any]


def exactly(x: Fraction | int) -> Range:
    """The number itself (enclosed, if its fraction is long)."""
    x = x if isinstance(x, Fraction) else Fraction(x)
    top, bottom = x.numerator << Digits.count, x.denominator
    short = x.numerator.bit_length() + bottom.bit_length() < LONGEST
    return Range(top // bottom, -(-top // bottom), x if short else None)


def between(low: Fraction, high: Fraction) -> Range:
    return Range(exactly(low).a, exactly(high).b, low if low == high else None)


def ranged(x: Any) -> Range:
    return x if isinstance(x, Range) else exactly(x)


def _plus(a: dict[int, Any], b: dict[int, Any]) -> dict[int, Any]:
    return a | {k: a[k] + s if k in a else s for k, s in b.items()}


ZERO = exactly(0)


def at(x: Number) -> Range:
    """The value of a dual number (of dual ones, too); any other number itself."""
    return at(x.value) if isinstance(x, Dual) else ranged(x)


def slope_of(x: Number, k: int) -> Any:
    """The derivative in direction k."""
    return x.slopes.get(k, ZERO) if isinstance(x, Dual) else ZERO


def bend(value: Callable[[list[Any]], Any], here: list[Any], along: list[Any]) -> Any:
    """The second derivative of a function along a direction: the part e f of its value at here + along (e + f), dual
    numbers in f whose parts are dual numbers in e."""
    moved = [Dual(Dual(x, {0: v}), {0: Dual(v, {})}) for x, v in zip(here, along, strict=True)]
    return slope_of(slope_of(value(moved), 0), 0)


def total(terms: Iterable[Any]) -> Any:
    return sum(terms, start=ZERO)


def dot(a: Iterable[Any], b: Iterable[Any]) -> Any:
    return total(x * y for x, y in zip(a, b, strict=True) if x)


def sign(x: Number) -> int:
    """-1, 0 or 1. A dual number that begins at 0 has the sign of its one slope: e stands for a small step."""
    value = at(x)
    if value.a >= 0 and value and (value.a or value.known):
        return 1
    if value.b <= 0 and value and (value.b or value.known):
        return -1
    if value:
        raise NotCheckedError("a number too near to 0 to tell its sign")
    slopes = list(x.slopes.values()) if isinstance(x, Dual) else []
    if len(slopes) > 1 and any(slopes):
        raise NotCheckedError("a joint of the loss, and several directions")
    return sign(slopes[0]) if slopes else 0


def larger(a: Any, b: Any) -> Range:
    return between(max(ranged(a).low, ranged(b).low), max(ranged(a).high, ranged(b).high))


def smaller(a: Any, b: Any) -> Range:
    return between(min(ranged(a).low, ranged(b).low), min(ranged(a).high, ranged(b).high))


def largest(found: Iterable[Any]) -> Range:
    return reduce(larger, found)


def size(x: Range) -> Range:
    """|x|."""
    return x if x.a >= 0 else -x if x.b <= 0 else Range(0, max(-x.a, x.b))


def squared(x: Range) -> Range:
    return size(x) * size(x)


def root(x: Any) -> Any:
    """The square root of a number >= 0 (exact where it is a fraction)."""
    if isinstance(x, Dual):
        value = root(x.value)
        return x.mapped(value, 1 / (2 * value))
    x = ranged(x)
    if x.high < 0:
        raise NotCheckedError("the root of a negative number")
    if x.known is not None:
        top, bottom = math.isqrt(x.known.numerator), math.isqrt(x.known.denominator)
        if Fraction(top, bottom) ** 2 == x.known:
            return exactly(Fraction(top, bottom))
    return Range(math.isqrt(max(x.a, 0) << Digits.count), math.isqrt(x.b << Digits.count) + 1)


def norm(v: Iterable[Range]) -> Range:
    return root(total(squared(x) for x in v))


def exp(x: Any) -> Any:
    if isinstance(x, Dual):
        value = exp(x.value)
        return x.mapped(value, value)
    return exp_of(x.known) if x.known is not None else Range(exp_of(x.low).a, exp_of(x.high).b)


def exp_of(x: Fraction) -> Range:
    """(sum of t^j/j!)^(2^k), t = x/2^k; what follows the last term is less than it, as t < 1/2."""
    if x > 1 << 12:
        raise NotCheckedError("an exponential that is out of reach")
    if x < -Digits.count:
        return Range(0, 1)
    if x <= 0:
        return 1 / exp_of(-x) if x else exactly(1)
    halvings = int(x).bit_length() + 8
    t = inexact(exactly(x / (1 << halvings)))
    term = found = exactly(1)
    for j in itertools.count(1):
        term = term * t / j
        found = found + term
        if term.b <= 1:
            break
    found = found + Range(0, term.b)
    for _ in range(halvings):
        found = found * found
    return found


def inexact(x: Range) -> Range:
    return Range(x.a, x.b)


def log(x: Any) -> Any:
    if isinstance(x, Dual):
        return x.mapped(log(x.value), 1 / x.value)
    if x.low <= 0:
        raise NotCheckedError("the logarithm of a number that may not be positive")
    return log_of(x.known) if x.known is not None else Range(log_of(x.low).a, log_of(x.high).b)


def log_of(x: Fraction) -> Range:
    """k log 2 + log(x/2^k) with 1/2 < x/2^k < 2, by log y = 2 artanh((y - 1)/(y + 1))."""
    k = x.numerator.bit_length() - x.denominator.bit_length()
    y = x / Fraction(2) ** k
    return 2 * k * odd_series(Fraction(1, 3), 1) + 2 * odd_series((y - 1) / (y + 1), 1)


def odd_series(t: Fraction, sign: int) -> Range:
    """t + s t^3/3 + t^5/5 + s t^7/7 + ..., |t| <= 1/3: artanh (s = 1) or arctan (-1). What follows a term is less than
    the next power."""
    power, square, found = inexact(exactly(t)), inexact(exactly(sign * t * t)), ZERO
    for j in itertools.count(1, 2):
        found = found + power / j
        power = power * square
        if (rest := size(power).b) <= 1:
            break
    return found + Range(-rest, rest)


def tanh(x: Any) -> Any:
    if isinstance(x, Dual):
        value = tanh(x.value)
        return x.mapped(value, 1 - value * value)
    if x.a < 0 < x.b:
        return Range(tanh(exactly(x.low)).a, tanh(exactly(x.high)).b)
    return -tanh(-x) if x.a < 0 else 1 - 2 * exp(-2 * x) / (1 + exp(-2 * x))


def sigmoid(x: Any) -> Any:
    """1/(1 + e^-x)."""
    return (1 + tanh(x / 2)) / 2


def softplus(x: Any) -> Any:
    """log(1 + e^x)."""
    if isinstance(x, Dual):
        return x.mapped(softplus(x.value), sigmoid(x.value))
    return x + log(1 + exp(-x)) if x.a > 0 else log(1 + exp(x))


def erf(x: Range) -> Range:
    return Range(erf_of(x.low).a, erf_of(x.high).b)


def erf_of(x: Fraction) -> Range:
    """2/sqrt(pi) e^(-x^2) (x + 2 x^3/3 + 4 x^5/(3 5) + ...): what follows is at most a term from where they halve."""
    if x < 0:
        return -erf_of(-x)
    if x * x > Digits.count:  # 1 - erf(x) < e^(-x^2)
        return between(1 - Fraction(1, 1 << Digits.count), Fraction(1))
    square, found = exactly(x * x), ZERO
    term = inexact(exactly(x))
    for j in itertools.count(1):
        found = found + term
        term = term * 2 * square / (2 * j + 1)
        if 4 * x * x < 2 * j + 3 and term.b <= 1:
            break
    return bell(exactly(x)) * (found + Range(0, 2 * term.b))


def bell(x: Range) -> Range:
    """2/sqrt(pi) e^(-x^2), the slope of erf (pi = 16 arctan 1/5 - 4 arctan 1/239)."""
    fifth, other = (odd_series(Fraction(1, n), -1) for n in (5, 239))
    return 2 * exp(-squared(x)) / root(16 * fifth - 4 * other)


FRACTION = re.compile(r"([+-]?)([0-9]+)/([0-9]+)")
DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
HEX = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?[0-9]+))?")
CHARACTERS, EXPONENT, BITS = 40_000, 10_000, 2**16
"""The longest number, the largest exponent, and the bits above and below the bar."""


def number(given: Any) -> Fraction:
    """A number of a file: a JSON number stands for its nearest float64; "p/q", a decimal or a hex float for itself."""
    if not isinstance(given, str):
        return Fraction(float(given))
    top, base, shift = 0, 10, 0
    if len(given) <= CHARACTERS and (found := FRACTION.fullmatch(given)):
        value = Fraction(integer(found[2]), integer(found[3]))
    elif (
        len(given) <= CHARACTERS
        and (found := HEX.fullmatch(given) or DECIMAL.fullmatch(given))
        and (found[2] or found[3])
    ):
        part, power = found[3] or "", (found[4] or "0").lstrip("+")
        if len(power.lstrip("-0")) > len(str(EXPONENT)) or abs(int(power)) > EXPONENT:
            raise ValueError(f"an exponent beyond {EXPONENT}")
        if found.re is HEX:
            top, base, shift = int(found[2] + part, 16), 2, int(power) - 4 * len(part)
        else:
            top, shift = integer(found[2] + part), int(power) - len(part)
        value = Fraction(top * base ** max(shift, 0), base ** max(-shift, 0))
    else:
        raise ValueError(f"{given[:40]!r} is no number")
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > BITS:
        raise ValueError(f"a number of more than {BITS} bits")
    return -value if found[1] == "-" else value


def integer(digits: str) -> int:
    """Of any length (Python by itself refuses more than 4,300 digits)."""
    return reduce(lambda n, part: n * 10 ** len(part) + int(part), re.findall("[0-9]{1,4000}", digits), 0)


def shares(given: Iterable[Any]) -> list[Fraction]:
    """Numbers >= 0 that sum to 1; floats among them may miss it by their rounding, and are divided by their sum."""
    given = list(given)
    values = [number(v) for v in given]
    whole = sum(values, start=Fraction(0))
    exact = all(isinstance(v, str) and "x" not in v.lower() for v in given)
    if min(values) < 0 or abs(whole - 1) > (0 if exact else Fraction(1, 10**12)):
        raise ValueError("weights or probabilities that are negative or do not sum to 1")
    return [v / whole for v in values]


def solve(matrix: list[Vector], right: Vector) -> Vector:
    """The solution of a linear system by elimination, without exchanges of rows: of any numbers, decimals too."""
    table = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    count = len(table)
    for k in range(count):
        pivot = 1 / table[k][k]
        for i in range(k + 1, count):
            if table[i][k]:
                factor = table[i][k] * pivot
                table[i][k:] = [a - factor * b for a, b in zip(table[i][k:], table[k][k:], strict=True)]
    found: Vector = [0] * count
    for k in reversed(range(count)):
        known = sum(table[k][j] * found[j] for j in range(k + 1, count) if table[k][j])
        found[k] = (table[k][count] - known) / table[k][k]
    return found


# --- losses and activations -----------------------------------------------------------------------------------


def loss_of(record: dict[str, Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(ell, ell') in (z, y), of numbers or dual numbers: ell'' is the slope of ell'."""
    name = record["name"]
    c, delta = number(record.get("c", 0)), number(record.get("delta", 1))

    def bow(t: Any) -> Any:
        return root(1 + (t / delta) * (t / delta))

    def huber(t: Any) -> tuple[Any, Any]:
        outside = 1 if sign(t - delta) > 0 else -1 if sign(t + delta) < 0 else 0
        edge = outside * delta
        return (t * edge - delta * delta / 2, exactly(edge)) if outside else (t * t / 2, t)

    residual: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
        "squared": (lambda t: t * t / 2, lambda t: t),
        "quartic": (lambda t: t * t / 2 + c * (t * t) * (t * t), lambda t: t + 4 * c * t * t * t),
        "double-well": (lambda t: (t * t - 1) * (t * t - 1), lambda t: 4 * t * (t * t - 1)),
        "geman-mcclure": (lambda t: 1 - 1 / (1 + t * t), lambda t: 2 * t / ((1 + t * t) * (1 + t * t))),
        "log-cosh": (lambda t: softplus(2 * t) - t - log(exactly(2)), tanh),
        "pseudo-huber": (lambda t: delta * delta * (bow(t) - 1), lambda t: t / bow(t)),
        "huber": (lambda t: huber(t)[0], lambda t: huber(t)[1]),
    }
    if name in residual:
        value, slope = residual[name]
        return lambda z, y: value(z - y), lambda z, y: slope(z - y)
    if name == "logistic":
        return lambda z, y: softplus(-y * z), lambda z, y: -y * sigmoid(-y * z)
    if name == "exponential":
        return lambda z, y: exp(-y * z), lambda z, y: -y * exp(-y * z)
    if name == "poisson":
        return lambda z, y: exp(z) - y * z, lambda z, y: exp(z) - y
    raise NotCheckedError(f"the {name} loss")


UNBOUNDED = {
    "quartic": "a polynomial in", "double-well": "a polynomial in",
    "exponential": "an exponential of", "poisson": "an exponential of",
}  # fmt: skip
"""What ell'' is as a function of z, of losses that have it unbounded if it is not constant."""


@dataclass(frozen=True)
class Activation:
    """sigma, sigma' and sup |sigma''|."""

    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    curvature: Callable[[], Range]


ACTIVATIONS = {
    "tanh": Activation(tanh, lambda z: 1 - tanh(z) * tanh(z), lambda: root(Fraction(16, 27))),
    "softplus": Activation(softplus, sigmoid, lambda: exactly(Fraction(1, 4))),
}


class Place(list[Any]):
    """An input of one of several outputs of a network, with that output's b_r."""

    def __init__(self, x: Vector, signs: Vector) -> None:
        super().__init__(x)
        self.signs = signs


class Model:
    """h_theta(x) = x'theta, or m^{-1/2} sum_r b_r sigma(W_r'x) with theta the rows of W one after the other."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.linear, self.scale, self.sigma = record["name"] == "linear", exactly(1), None
        if self.linear:
            return
        kind = "relu" if record["name"] == "relu-network" else record["activation"]
        if record["name"] not in ("relu-network", "smooth-network") or kind not in ("relu", *ACTIVATIONS):
            raise NotCheckedError(f"the model {record['name']} {kind}")
        self.sigma = ACTIVATIONS.get(kind)
        rows = record["b"] if isinstance(record["b"][0], list) else [record["b"]]
        self.output = [[number(b) for b in row] for row in rows]
        self.start, self.width = flat(record["W0"]), len(rows[0])
        self.scale = 1 / root(Fraction(self.width))

    def signs(self, x: Vector) -> Vector:
        """b_r, of the output that x belongs to."""
        return x.signs if isinstance(x, Place) else self.output[0]

    def drives(self, x: Vector, theta: Vector) -> Vector:
        """W_r'x, per neuron."""
        d = len(x)
        return [dot(x, theta[r : r + d]) for r in range(0, len(theta), d)]

    def gates(self, x: Vector, theta: Vector, kink: int = 0) -> Vector:
        """sigma'(W_r'x), per neuron; of ReLU 1{W_r'x > 0}, and `kink` is what stands for 1{0 > 0}."""
        if self.sigma:
            return [self.sigma.slope(z) for z in self.drives(x, theta)]
        return [exactly(int(s > 0) if s else kink) for s in (sign(at(z)) for z in self.drives(x, theta))]

    def kinked(self, x: Vector, theta: Vector) -> bool:
        """Whether a neuron is at its kink."""
        return not self.linear and not self.sigma and any(x) and not all(at(z) for z in self.drives(x, theta))

    def sum(self, x: Vector, theta: Vector) -> Any:
        """m^{1/2} h_theta(x)."""
        if self.linear:
            return dot(x, theta)
        drives = self.drives(x, theta)
        values = [self.sigma.value(z) for z in drives] if self.sigma else map(mul, self.gates(x, theta), drives)
        return dot(self.signs(x), values)

    def value(self, x: Vector, theta: Vector) -> Any:
        return self.sum(x, theta) if self.linear else self.scale * self.sum(x, theta)

    def feature(self, x: Vector, theta: Vector, kink: int = 0) -> Vector:
        """The gradient of h(x) in theta."""
        if self.linear:
            return [exactly(v) for v in x]
        gates = zip(self.signs(x), self.gates(x, theta, kink), strict=True)
        return [(self.scale * b * gate) * v for b, gate in gates for v in x]

    def folds(self, x: Vector, theta: Vector) -> Vector:
        """m^{-1/2} b_r sigma''(W_r'x), per neuron."""
        assert self.sigma
        bends = [slope_of(self.sigma.slope(Dual(z, {0: exactly(1)})), 0) for z in self.drives(x, theta)]
        return [self.scale * b * bend for b, bend in zip(self.signs(x), bends, strict=True)]

    @property
    def curvature(self) -> Range:
        """sup |sigma''|."""
        if self.sigma is None:
            raise NotCheckedError("sup |sigma''| of a model without a smooth activation")
        return self.sigma.curvature()

    def moves(self, theta: Vector, d: int) -> list[Range]:
        """||W_r - W0_r||, per neuron."""
        moved = [a - b for a, b in zip(theta, self.start, strict=True)]
        return [norm(moved[r : r + d]) for r in range(0, len(moved), d)]


def flat(given: Any) -> Vector:
    """Numbers of a list, or of the rows of a matrix, one after the other."""
    return [v for row in given for v in flat(row)] if isinstance(given, list) else [exactly(number(given))]


# --- quantities of every family ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """A point of the lifted space: (task, input) or (task, state, action), its mass, w and u."""

    key: tuple[int, ...]
    mass: Range
    w: Range
    u: Range


Rows = list[Vector]
Table = dict[str, Callable[[Any], Any]]


class Quantities:
    """What statements name, of one instance. A family supplies the lifted `points`, `rows` (the meta-feature at each
    point, by dual numbers), `plain` (without the adaptation's derivative), `initial` (phi_0 in all places), `gradient`,
    `gap` and `mixed`; the tables of names below say what is made of these."""

    names: Table
    model: Model
    points: list[Point]
    rows: Rows
    plain: Rows
    initial: Rows
    gradient: Vector
    gap: Any
    mixed: list[tuple[Range, Range, Vector, Range]]
    """The mixed form's points: weight, target (before the division by the weight), row (after it), mass."""

    def __init__(self, instance: dict[str, Any]) -> None:
        self.model = Model(instance.get("model", {"name": "linear"}))
        self.omega = flat(instance["omega"])
        given = instance["comparator"]
        self.rival = None if isinstance(given, dict) else flat(given)
        self.radius = exactly(number(instance["radius"]))
        if self.radius.low <= 0 or len(self.rival or self.omega) != len(self.omega):
            raise ValueError("a radius that is not positive, or parameters of two sizes")

    def __call__(self, name: str) -> Range:
        if name not in self.names and name not in COMMON:
            other = "" if name in SUPERVISED or name in POLICIES else ", which this script does not have"
            hint = " (those of a claims file it does not run)" if other else ""
            raise NotCheckedError(f"the quantity {name}{other}{hint}")
        return ranged((self.names.get(name) or COMMON[name])(self))

    @property
    def parameter(self) -> Vector:
        if self.rival is None:
            raise UndefinedError("the comparator is given by functions or policies, and is no parameter")
        return self.rival

    def objective(self, theta: Vector) -> Any:
        """L(theta)."""
        raise NotImplementedError

    def curvature(self) -> Range:
        """|v'Hess L v|/||v||^2, v the middle of the enclosure of grad L (where that is 0 the first unit vector)."""
        self.smooth()
        along = [exactly((g.low + g.high) / 2) if g else ZERO for g in self.gradient]
        if not any(along):
            along[0] = exactly(1)
        return size(bend(self.objective, self.omega, along)) / dot(along, along)

    def smooth(self) -> None:
        """Errors: NotCheckedError if L has no gradient at omega: of programs a kink has ended it all before."""

    # -- over the lifted points --

    @cached_property
    def masses(self) -> Vector:
        return [p.mass for p in self.points]

    @cached_property
    def weighted(self) -> Vector:
        """Masses times w."""
        return [p.mass * p.w for p in self.points]

    @cached_property
    def u(self) -> Vector:
        return [p.u for p in self.points]

    def norm(self, values: Iterable[Any], masses: Vector | None = None) -> Range:
        masses = self.masses if masses is None else masses
        return root(total(m * squared(v) for m, v in zip(masses, values, strict=True)))

    def paired(self, rows: Rows) -> Vector:
        """<w, rows>."""
        return [dot(self.weighted, column) for column in zip(*rows, strict=True)]

    def misfit(self, rows: Rows, target: Vector | None = None, masses: Vector | None = None, free: bool = False) -> Any:
        """inf ||target - rows v|| over the ball: from 0 to its value at a nearly best direction."""
        target, masses = self.u if target is None else target, self.masses if masses is None else masses
        if not rows:
            return ZERO
        tried = [[ZERO] * len(rows[0]), proposed(rows, target, masses, None if free else self.radius.low)]
        return between(Fraction(0), min(self.norm(residuals(rows, target, v), masses).high for v in tried))

    def l1(self, rows: Rows, target: Vector) -> Range:
        """inf eps ||v|| + sum |target - rows v|, likewise. Proposals: least squares with several penalties on ||v||,
        weighted again and again so that squares become absolute values."""
        best = [total(map(size, target))]
        for power in range(-40, 6, 3):
            weights: Vector = [exactly(1)] * len(rows)
            for _ in range(6):
                v = proposed(rows, target, weights, None, Decimal(10) ** power)
                rest = [size(r) for r in residuals(rows, target, v)]
                best.append(self("eps") * norm(v) + total(rest))
                weights = [exactly(1 / max(r.high, Fraction(1, 10**30))) for r in rest]
        return between(Fraction(0), min(b.high for b in best))

    @cached_property
    def along(self) -> Vector:
        """One admissible direction: nearly that of the infimum."""
        return proposed(self.rows, self.u, self.masses, self.radius.low)

    @cached_property
    def rest(self) -> Vector:
        return residuals(self.rows, self.u, self.along)

    def equations(self, rows: Rows) -> tuple[Rows, Vector]:
        """What `rows v = u` is meant to say."""
        return rows, self.u

    def shortest(self, rows: Rows) -> Range:
        """The length of the shortest v with rows v = u, for independent rows."""
        rows, target = self.equations(rows)
        solution = solve([[dot(a, b) for b in rows] for a in rows], target)
        return root(larger(dot(target, solution), 0))

    @cached_property
    def live(self) -> list[tuple[Range, Range, Vector, Range]]:
        """The mixed form's points without those of weight 0: 0/0 read as 0, as the statement without the hypothesis on
        the numerator has it."""
        return [entry for entry in self.mixed if entry[0]]

    # -- features at initialisation --

    @cached_property
    def change(self) -> Rows:
        """phi_0 - phi."""
        return [[a - b for a, b in zip(*pair, strict=True)] for pair in zip(self.initial, self.rows, strict=True)]

    def operator_norm(self, rows: Rows) -> Range:
        """The root of the largest eigenvalue of M = rows' masses rows: v'Mv/v'v from below, (trace M^k)^{1/k} above."""
        rows = [[root(m) * v for v in row] for m, row in zip(self.masses, rows, strict=True)]
        rows = rows if len(rows) <= len(rows[0]) else [list(column) for column in zip(*rows, strict=True)]
        gram = power = [[dot(a, b) for b in rows] for a in rows]
        traces = []
        for _ in range(9):
            traces.append(total(power[j][j] for j in range(len(power))))
            if traces[-1].low <= 0:
                return between(Fraction(0), root(larger(traces[-1], 0)).high)
            power = [[v / traces[-1] for v in row] for row in power]
            power = [[dot(row, column) for column in zip(*power, strict=True)] for row in power]
        upper = total(power[j][j] for j in range(len(power)))
        for trace in reversed(traces):
            upper = trace * root(larger(upper, 0))
        v = [exactly(x.low) for x in max(power, key=lambda row: max(abs(x.low) for x in row))]
        lower = dot(v, [dot(row, v) for row in gram]) / dot(v, v)
        return between(root(larger(lower, 0)).low, root(upper).high)

    @cached_property
    def displaced(self) -> Range:
        """||W - W0||."""
        return norm(a - b for a, b in zip(self.omega, self.model.start, strict=True))

    def share(self, x: Vector, count: int) -> Range:
        """||x|| (count/m)^{1/2}: by how much the feature changes if so many neurons flip."""
        return length(x) * root(Fraction(count, self.model.width))

    def flipped(self, x: Vector, theta: Vector, kink: int = 0) -> Range:
        """That of the neurons that did flip."""
        own, start = self.model.gates(x, theta, kink), self.model.gates(x, self.model.start)
        return self.share(x, sum(a.low != b.low for a, b in zip(own, start, strict=True)))

    def counted(self, x: Vector, budget: Range, power: int = 2) -> Range:
        """That of k* neurons: the most whose distances from their kinks, to that power, sum to at most budget^power."""
        if not any(x):
            return ZERO
        reach = budget * length(x) if power == 1 else squared(budget) * sum(v * v for v in x)
        drives = sorted(abs(z.low) ** power for z in self.model.drives(x, self.model.start))
        sums = [sum(drives[:count]) for count in range(len(drives) + 1)]
        fewest, most = (max(c for c, whole in enumerate(sums) if whole <= end) for end in (reach.low, reach.high))
        return between(self.share(x, fewest).low, self.share(x, most).high)

    def moved(self, x: Vector, theta: Vector, half: int = 1) -> Range:
        """||x|| (sum_r min(1, c ||x|| ||W_r - W0_r||)^2/m)^{1/2}, c = sup |sigma''|."""
        changes = [smaller(self.model.curvature / half * length(x) * d, 1) for d in self.model.moves(theta, len(x))]
        return length(x) * self.model.scale * norm(changes)

    def within(self, x: Vector, reach: Range) -> Range:
        """||x|| min(1, c ||x|| reach)."""
        return length(x) * smaller(self.model.curvature * length(x) * reach, 1)


def length(x: Vector) -> Range:
    return root(sum((v * v for v in x), start=Fraction(0)))


COMMON: Table = {
    "zero": lambda s: 0,
    "radius": lambda s: s.radius,
    "gap": lambda s: s.gap,
    "eps": lambda s: s.smooth() or norm(s.gradient),
    "eps_formal": lambda s: norm(s.gradient),
    "curvature_size": lambda s: s.curvature(),
    "eps_first_order": lambda s: norm(s.paired(s.plain)),
    "weight_norm": lambda s: s.norm(p.w for p in s.points),
    "pairing": lambda s: dot(s.weighted, s.u),
    "bregman": lambda s: dot(s.weighted, s.u) - s.gap,
    "misfit": lambda s: s.misfit(s.rows),
    "misfit_free": lambda s: s.misfit(s.rows, free=True),
    "misfit_plain": lambda s: s.misfit(s.plain),
    "misfit_l1": lambda s: s.l1([[c * v for v in row] for c, row in zip(s.weighted, s.rows, strict=True)],
                                [c * u for c, u in zip(s.weighted, s.u, strict=True)]),
    "function_displacement": lambda s: s.norm(s.u),
    "direction": lambda s: s.smooth() or dot(s.gradient, s.along),
    "inner_product": lambda s: dot(s.weighted, s.rest),
    "residual_norm": lambda s: s.norm(s.rest),
    "mixed_weight_norm": lambda s: root(total(squared(w) / m for w, _, _, m in s.mixed)),
    "mixed_misfit": lambda s: s.misfit([row for *_, row, _ in s.live], [t / w for w, t, *_ in s.live],
                                       [m for *_, m in s.live]),
    "mixed_misfit_l1": lambda s: s.l1([[w * v for v in row] for w, _, row, _ in s.mixed], [t for _, t, *_ in s.mixed]),
    "min_norm_solution": lambda s: s.shortest(s.rows),
    "min_norm_plain": lambda s: s.shortest(s.plain),
    "min_norm_init": lambda s: s.shortest(s.initial),
    "eps_init": lambda s: norm(s.paired(s.initial)),
    "misfit_init": lambda s: s.misfit(s.initial),
    "gradient_difference": lambda s: norm(s.paired(s.change)),
    "error_trace": lambda s: s.norm(map(norm, s.change)),
    "error_operator": lambda s: s.operator_norm(s.change),
    "displacement_init": lambda s: s.displaced,
    "eps_other_kinks": lambda s: norm(s.paired(s.other_kinks)),
    "misfit_other_kinks": lambda s: s.misfit(s.other_kinks),
    "min_norm_other_kinks": lambda s: s.shortest(s.other_kinks),
}  # fmt: skip
"""Quantities by name."""


def summed(parts: Iterable[tuple[tuple[Any, ...], Vector]]) -> dict[tuple[Any, ...], Vector]:
    """By key the sum of its vectors."""
    found: dict[tuple[Any, ...], Vector] = {}
    for key, new in parts:
        found[key] = [a + b for a, b in zip(found[key], new, strict=True)] if key in found else new
    return found


def together(entries: Iterable[tuple[tuple[Any, ...], Any, Vector, Any]]) -> tuple[Rows, Vector]:
    """Of (key, weight, row, target) the rows times weights, and targets, those of one key added."""
    found = summed((key, [*(weight * v for v in row), target]) for key, weight, row, target in entries).values()
    return [both[:-1] for both in found], [both[-1] for both in found]


def residuals(rows: Rows, target: Vector, v: Vector) -> Vector:
    return [t - dot(row, v) for row, t in zip(rows, target, strict=True)]


def proposed(
    rows: Rows, target: Vector, masses: Vector, radius: Fraction | None, ridge: Decimal = Decimal(0)
) -> Vector:
    """A v of length at most `radius` that nearly minimises the weighted squares of target - rows v: a proposal.

    (A'MA + s) v = A'Mu with the s for which v has that length, by Newton's method on 1/||v||; in decimals.
    """
    with localcontext() as context:
        context.prec, slack = Digits.count // 2, Decimal(10) ** (-Digits.count // 6)
        table = [[decimal(v) for v in row] for row in rows]
        u, weights = [decimal(t) for t in target], [decimal(m) for m in masses]
        n, d = len(table), len(table[0])
        # Few points: v = A'y with (AA' + s/M) y = u; few parameters: as above.
        few = n < d and all(w > 0 for w in weights)
        columns = list(zip(*table, strict=True))
        if few:
            gram = [[decimal_dot(a, b) for b in table] for a in table]
            shift, right = [1 / w for w in weights], u
        else:
            scaled = [[w * a for w, a in zip(weights, column, strict=True)] for column in columns]
            gram = [[decimal_dot(a, b) for b in columns] for a in scaled]
            shift, right = [Decimal(1)] * d, [decimal_dot(a, u) for a in scaled]
        scale = sum((gram[j][j] for j in range(len(gram))), start=Decimal(0))
        if not scale:
            return [ZERO] * d
        s = scale / sum(shift) * max(ridge, Decimal(10) ** (-Digits.count // 5))
        for _ in range(100):
            bent = [[g + (s * shift[j] if j == k else 0) for k, g in enumerate(row)] for j, row in enumerate(gram)]
            y = solve(bent, right)
            v = [decimal_dot(column, y) for column in columns] if few else y
            length = decimal_dot(v, v).sqrt()
            limit = None if radius is None else decimal(exactly(radius))
            if limit is None or length <= limit * (1 + slack):
                break
            change = solve(bent, [a * b for a, b in zip(shift, y, strict=True)])
            fall = decimal_dot(v, [decimal_dot(c, change) for c in columns] if few else change)
            s += length * length / fall * (length / limit - 1)
        if limit is not None and length > 0:
            v = [x * min(Decimal(1), limit / length * (1 - slack)) for x in v]
        found = [exactly(Fraction(x)) for x in v]
    if radius is not None and sum(x.low * x.low for x in found) > radius * radius:
        return [ZERO] * d
    return found


def decimal(x: Any) -> Decimal:
    x = ranged(x)
    if x.known is not None:
        return Decimal(x.known.numerator) / Decimal(x.known.denominator)
    return Decimal(x.a + x.b) / Decimal(2 << Digits.count)


def decimal_dot(a: Iterable[Decimal], b: Iterable[Decimal]) -> Decimal:
    return sum((x * y for x, y in zip(a, b, strict=True)), start=Decimal(0))


# --- supervised learning -----------------------------------------------------------------------------------------


def strong_root(function: Callable[[Vector], Vector], near: Vector, levels: list[list[int]], strength: Fraction,
                turn: list[list[Decimal]]) -> Vector:  # fmt: skip
    """Where F = `function` is 0, if v'F'v >= strength ||v||^2: intervals, or dual numbers whose slopes are those of the
    `levels`, the innermost first. Proposals: `near`, and `turn` near F'.

    For the root t* and any t, strength ||t - t*||^2 <= (F(t) - F(t*))'(t - t*) <= ||F(t)|| ||t - t*||: so no coordinate
    is further than ||F(t)||/strength. The part e_k of F(t + e_k s) is F'(t) s plus what does not depend on s: as a
    function of s it has the same derivative, and its root is the slope of t*.
    """
    if levels:
        *inner, keys = levels

        def whole(t: Vector) -> Vector:
            return [x.value if isinstance(x, Dual) else x for x in function([Dual(v, {}) for v in t])]

        def part(k: int) -> Callable[[Vector], Vector]:
            def along(s: Vector) -> Vector:
                return [slope_of(x, k) for x in function([Dual(v, {k: w}) for v, w in zip(value, s, strict=True)])]

            return along

        value = strong_root(whole, near, inner, strength, turn)
        slopes = {k: strong_root(part(k), [ZERO] * len(near), inner, strength, turn) for k in keys}
        return [Dual(v, {k: found[j] for k, found in slopes.items()}) for j, v in enumerate(value)]
    best, here = norm(function(near)).high, near
    with localcontext() as context:
        context.prec = Digits.count // 2
        for _ in range(9):
            moves = solve(turn, [decimal(x) for x in function(here)])
            here = [exactly(Fraction(decimal(v) - move)) for v, move in zip(here, moves, strict=True)]
            if (size := norm(function(here)).high) >= best:
                break
            best, near = size, here
    far = best / strength
    return [between(v.low - far, v.high + far) for v in near]


def levels_of(numbers: Vector) -> list[list[int]]:
    """The slopes that dual numbers have, of dual ones the innermost first."""
    duals = [x for x in numbers if isinstance(x, Dual)]
    inside = [part for x in duals for part in (x.value, *x.slopes.values())]
    return [*levels_of(inside), sorted({k for x in duals for k in x.slopes})] if duals else []


Factor = Callable[[Vector], Vector]
"""What a Hessian makes of a vector, sum bend phi phi' + sum pull d2h: a step's derivative is I - rates (it + decay)."""
Law = list[tuple[int, Any, Fraction]]
"""Atoms (x, y, p)."""


class Supervised(Quantities):
    """Tasks are weights and outer laws of (x, y), judged on; U_i takes `steps` steps down the inner law's risk."""

    def __init__(self, instance: dict[str, Any], side: int = 1) -> None:
        super().__init__(instance)
        self.names, self.instance, self.side, self.outputs = SUPERVISED, instance, side, outputs_of(instance)
        adaptation = instance["adaptation"]
        self.step, self.loss = adaptation["name"], instance["loss"]["name"]
        self.ell, self.slopes_at = self.loss_of(instance["loss"])
        self.eta, self.steps = number(adaptation.get("eta", 0)), int(adaptation.get("steps", 1))
        given = adaptation.get("rates", [1] * len(self.omega))
        rates = [r for row in given for r in (row if isinstance(row, list) else [row])]
        self.own_rates, self.decay = [self.eta * number(r) for r in rates], number(adaptation.get("decay", 0))
        self.inputs = [[number(v) for v in row] for row in instance["features"]]
        self.tasks: list[tuple[Fraction, Law]] = []
        self.inner: list[Law] = []
        self.functions: Rows | None = [] if self.rival is None else None
        weights = shares(t["weight"] for t in instance["tasks"])
        for i, (q, task) in enumerate(zip(weights, instance["tasks"], strict=True)):
            if q:
                outer, inner = (self.law(task.get(name, task["atoms"])) for name in ("atoms", "support"))
                self.tasks.append((q, outer))
                self.inner.append(inner)
                if self.functions is not None:
                    self.functions.append(flat(instance["comparator"]["functions"][i]))

    def loss_of(self, record: dict[str, Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """ell of the outputs at one input, and its derivative in each of them."""
        ell, slope = loss_of(record)
        return lambda z, y: ell(z[0], y), lambda z, y: [slope(z[0], y)]

    def bend_at(self, z: Any, y: Any, side: int) -> Any:
        """ell'', of one output; at a joint to that side."""
        return side * slope_of(self.slopes_at([Dual(z, {0: exactly(side)})], y)[0], 0)

    def hessian(self, z: Vector, y: Any, rows: Rows, mixed: bool = True) -> list[tuple[Any, Vector]]:
        """That of the loss at one input as a sum of share f f', from the features of its outputs; mixed: with the
        derivatives in two of them."""
        return [(self.bend_at(z[0], y, self.side), rows[0])]

    @property
    def rates(self) -> Vector:
        """Of gradient steps, one for each parameter. Errors: NotCheckedError for others: no formula is of them."""
        if self.step != "gradient":
            raise NotCheckedError(f"a formula of gradient steps; the adaptation is {self.step!r}")
        return self.own_rates

    @staticmethod
    def law(atoms: list[dict[str, Any]]) -> Law:
        return [(a["x"], number(a["y"]), p) for a, p in zip(atoms, shares(a["p"] for a in atoms), strict=True) if p]

    def block(self, x: int) -> range:
        """The places of x in `inputs`: one per output."""
        return range(x * self.outputs, (x + 1) * self.outputs)

    # -- by definition --

    def value(self, x: int, theta: Vector) -> Any:
        return self.model.value(self.inputs[x], theta)

    def at(self, law: Law, theta: Vector) -> dict[int, Vector]:
        """By input, the outputs."""
        return {x: [self.value(j, theta) for j in self.block(x)] for x in dict.fromkeys(x for x, _, _ in law)}

    def pulls(self, law: Law, theta: Vector) -> dict[int, Any]:
        """By input and output, the sum of p ell'(h_theta(x), y) over the labels of a law."""
        found, values = dict[int, Any](), self.at(law, theta)
        for x, y, p in law:
            for j, pull in zip(self.block(x), self.slopes_at(values[x], y), strict=True):
                found[j] = found.get(j, ZERO) + p * pull
        return found

    def path(self, i: int, theta: Vector) -> list[Vector]:
        """theta, ..., U_i(theta): the iterates of the adaptation."""
        if self.step == "implicit":
            return [theta, self.proximal(i, theta)]
        if self.step != "gradient":
            raise NotCheckedError(f"adaptation {self.step!r}")
        found, moving = [theta], any(self.rates)
        for _ in range(self.steps):
            here = found[-1]
            if moving:
                pulls = self.pulls(self.inner[i], here).items()
                terms = [[pull * f for f in self.model.feature(self.inputs[x], here)] for x, pull in pulls]
                slopes = [total([self.decay * t, *parts]) for t, *parts in zip(here, *terms, strict=True)]
                here = [t - r * g for t, r, g in zip(here, self.rates, slopes, strict=True)]
            found.append(here)
        return found

    def proximal(self, i: int, theta: Vector) -> Vector:
        """The t that minimises the inner risk + lambda/2 ||t - theta||^2, where its slope is 0: of a convex loss and a
        linear model, so that the slope rises by no less than lambda."""
        strength = number(self.instance["adaptation"]["lambda"])

        def force(t: Vector, start: Vector = theta) -> Vector:
            pulls = self.pulls(self.inner[i], t).items()
            terms = [[pull * f for f in self.model.feature(self.inputs[x], t)] for x, pull in pulls]
            return [total([strength * (a - b), *parts]) for a, b, *parts in zip(t, start, *terms, strict=True)]

        middle = [exactly((at(v).low + at(v).high) / 2) for v in theta]
        near, size = middle, norm(force(middle, middle)).high
        with localcontext() as context:
            context.prec = Digits.count // 2
            while True:
                moved = force([Dual(v, {j: exactly(1)}) for j, v in enumerate(near)], middle)
                turn = [[decimal(slope_of(x, j)) for j in range(len(near))] for x in moved]
                step, share = solve(turn, [decimal(at(x)) for x in moved]), Decimal(1)
                while share > Decimal(2) ** -30:
                    tried = [exactly(Fraction(decimal(v) - share * m)) for v, m in zip(near, step, strict=True)]
                    if (less := norm(force(tried, middle)).high) < size / 2 or (less < size and share < 1):
                        break
                    share /= 2
                else:
                    return strong_root(force, near, levels_of(theta), strength, turn)
                near, size = tried, less

    @cached_property
    def paths(self) -> list[list[Vector]]:
        return [self.path(i, self.omega) for i in range(len(self.tasks))]

    @property
    def ends(self) -> list[Vector]:
        return [path[-1] for path in self.paths]

    @cached_property
    def rivals(self) -> list[Vector]:
        return [self.path(i, self.parameter)[-1] for i in range(len(self.tasks))]

    def rival_value(self, i: int, x: int) -> Any:
        return self.value(x, self.rivals[i]) if self.functions is None else self.functions[i][x]

    @cached_property
    def places(self) -> list[tuple[int, int, Fraction]]:
        """(task, input, rho) of the outer laws."""
        return self.placed([law for _, law in self.tasks])

    def placed(self, laws: list[Law]) -> list[tuple[int, int, Fraction]]:
        rho: dict[tuple[int, int], Fraction] = {}
        for i, x, p in ((i, x, p) for i, law in enumerate(laws) for x, _, p in law):
            rho[i, x] = rho.get((i, x), Fraction(0)) + p
        return [(i, j, p) for (i, x), p in rho.items() for j in self.block(x)]

    @cached_property
    def masses(self) -> Vector:
        return [exactly(self.tasks[i][0] * rho) for i, _, rho in self.places]

    @cached_property
    def points(self) -> list[Point]:  # type: ignore[override]
        return self.lifted([law for _, law in self.tasks])

    def lifted(self, laws: list[Law]) -> list[Point]:
        """The points (task, input) of laws, with w and u."""
        pulls = [self.pulls(law, end) for law, end in zip(laws, self.ends, strict=True)]
        return [
            Point(
                (i, x),
                exactly(self.tasks[i][0] * rho),
                pulls[i][x] / rho,
                self.value(x, self.ends[i]) - self.rival_value(i, x),
            )
            for i, x, rho in self.placed(laws)
        ]

    def risk(self, value: Callable[[int, int], Any]) -> Any:
        """sum_i q_i E[ell(value(i, x), y)]."""
        return total(p * self.ell([value(i, j) for j in self.block(x)], y) for i, x, y, p in self.atoms)

    @property
    def atoms(self) -> list[tuple[int, int, Any, Fraction]]:
        """(task, input, label, mass) of the outer laws."""
        return [(i, x, y, q * p) for i, (q, law) in enumerate(self.tasks) for x, y, p in law]

    def objective(self, theta: Vector) -> Any:
        """L(theta)."""
        ends = [self.path(i, theta)[-1] for i in range(len(self.tasks))]
        return self.risk(lambda i, x: self.value(x, ends[i]))

    @cached_property
    def gap(self) -> Any:
        return self.risk(lambda i, x: self.value(x, self.ends[i])) - self.risk(self.rival_value)

    def swapped(self) -> Any:
        """sum_i q_i E[ell(z) - ell(h') - ell'(h')(z - h')]."""
        turned = []
        for i, x, y, p in self.atoms:
            rival = [self.rival_value(i, j) for j in self.block(x)]
            apart = [self.value(j, self.ends[i]) - h for j, h in zip(self.block(x), rival, strict=True)]
            turned.append(p * dot(self.slopes_at(rival, y), apart))
        return self.gap - total(turned)

    def flattest(self, *, segments: bool = True) -> Range:
        """The smallest ell'' at the adapted predictions, or on the segments to the comparator's: where it turns to be
        smaller than at both ends, the residual is 0."""
        if self.loss in ("double-well", "geman-mcclure"):
            raise NotCheckedError("the curvature of a loss that is not convex")
        found = []
        for i, x, y, _ in self.atoms:
            z, h = self.value(x, self.ends[i]), self.rival_value(i, x)
            places = [z, h] if segments else [z]
            if segments and self.loss == "quartic" and sign((z - y) * (h - y)) < 0:
                places.append(exactly(y))
            found += [self.bend_at(place, y, side) for place in places for side in (1, -1)]
        return reduce(smaller, found)

    @cached_property
    def shifted(self) -> list[Vector]:
        """U_i(omega + e), dual."""
        start = [Dual(v, {j: exactly(self.side)}) for j, v in enumerate(self.omega)]
        return [self.path(i, start)[-1] for i in range(len(self.tasks))]

    @cached_property
    def shifted_values(self) -> list[dict[int, Any]]:
        pairs = zip(self.shifted, self.tasks, strict=True)
        return [{j: self.value(j, end) for x, *_ in law for j in self.block(x)} for end, (_, law) in pairs]

    def slopes(self, x: Any) -> Vector:
        return [self.side * slope_of(x, j) for j in range(len(self.omega))]

    @cached_property
    def rows(self) -> Rows:  # type: ignore[override]
        return [self.slopes(self.shifted_values[p.key[0]][p.key[1]]) for p in self.points]

    @cached_property
    def gradient(self) -> Vector:  # type: ignore[override]
        return self.slopes(self.risk(lambda i, x: self.shifted_values[i][x]))

    # -- joints of the loss, for one parameter: there a dual number goes to one side --

    @cached_property
    def sides(self) -> list[Supervised]:
        """To the left and to the right."""
        if len(self.omega) > 1 or not (self.model.linear or self.model.sigma):
            raise NotCheckedError("one-sided derivatives of several parameters")
        return [Supervised(self.instance, -1), Supervised(self.instance, 1)]

    @property
    def rises(self) -> list[Range]:
        """-L' to the left and L' to the right, both as rates at which L rises."""
        return [-self.sides[0].gradient[0], self.sides[1].gradient[0]]

    def smooth(self) -> None:
        for path, inner, (_, outer) in zip(self.paths, self.inner, self.tasks, strict=True):
            used = [(inner, theta) for theta in path[:-1]] + [(outer, path[-1])]
            if any(self.model.kinked(self.inputs[self.block(x)[0]], theta) for law, theta in used for x, *_ in law):
                raise NotCheckedError("the gradient of L at a kink")
            leaving = path[:-1] if self.loss == "huber" and any(self.rates) else []
            joint = number(self.instance["loss"].get("delta", 1))
            if any(sign(size(self.value(x, theta) - y) - joint) == 0 for theta in leaving for x, y, _ in inner):
                raise NotCheckedError("the gradient of L at a joint of the loss")

    def __call__(self, name: str) -> Range:
        if name.endswith("_one_sided"):
            left, right = (side(name.removesuffix("_one_sided")) for side in self.sides)
            return larger(left, right)
        return super().__call__(name)

    # -- meta-features by formula, for statements that have them wrong or at W0 --

    def bends(self, law: Law, theta: Vector) -> dict[int, Any]:
        """By input, the sum of p ell''(h_theta(x), y)."""
        found, values = dict[int, Any](), self.at(law, theta)
        for x, y, p in law:
            found[x] = found.get(x, ZERO) + p * self.bend_at(values[x][0], y, self.side)
        return found

    def factor(self, i: int, here: Vector, ahead: Vector | None = None, features: Vector | None = None,
               fold: bool = True, kink: int = 0, query: bool = False, mixed: bool = True) -> Factor:  # fmt: skip
        """The Hessian of the risk that a step from `here` goes down; with ell'' at `ahead`, features of the network
        `features`; query: under the outer law; mixed: as in `hessian`."""
        law = self.tasks[i][1] if query else self.inner[i]
        phi, bends, values = dict[Any, Vector](), dict[Any, Any](), self.at(law, ahead or here)
        rows = {x: [self.model.feature(self.inputs[j], features or here, kink) for j in self.block(x)] for x in values}
        for x, y, p in law:
            for k, (share, row) in enumerate(self.hessian(values[x], y, rows[x], mixed)):
                phi[x, k], bends[x, k] = row, bends.get((x, k), ZERO) + p * share
        pulls = self.pulls(law, here) if fold and self.model.sigma else {}
        folds = {j: self.model.folds(self.inputs[j], here) for j in pulls}

        def along(v: Vector) -> Vector:
            found: Vector = [ZERO] * len(v)
            for z, feature in phi.items():
                share = bends[z] * dot(feature, v)
                found = [c + share * f for c, f in zip(found, feature, strict=True)]
            for j, pull in pulls.items():
                x, d = self.inputs[j], len(self.inputs[j])
                bent = [f * pull * dot(x, v[r * d : r * d + d]) for r, f in enumerate(folds[j])]
                found = [c + bent[k // d] * x[k % d] for k, c in enumerate(found)]
            return found

        return along

    def steps_of(self, **options: Any) -> list[list[Factor]]:
        """The factors of the steps, per task."""
        return [[self.factor(i, here, **options) for here in path[:-1]] for i, path in enumerate(self.paths)]

    @cached_property
    def factors(self) -> list[list[Factor]]:
        return self.steps_of()

    def built(self, outer: list[Vector], factors: list[list[Factor]], kink: int = 0,
              points: list[Point] | None = None, turned: bool = False, decays: bool = True) -> Rows:  # fmt: skip
        """The factors of each task applied to the features of its `outer` network, the last one first: v less the
        Hessian of (rates times v). turned: rates times (the Hessian of v); decays: with the decay of the Hessian."""
        found = []
        for i, x in (p.key for p in points or self.points):
            v = self.model.feature(self.inputs[x], outer[i], kink)
            for step in reversed(factors[i]):
                whole, v = v, v if turned else [r * a for r, a in zip(self.rates, v, strict=True)]
                change = [self.decay * a + c if decays else c for a, c in zip(v, step(v), strict=True)]
                change = [r * c for r, c in zip(self.rates, change, strict=True)] if turned else change
                v = [a - c for a, c in zip(whole, change, strict=True)]
            found.append(v)
        return found

    @cached_property
    def plain(self) -> Rows:  # type: ignore[override]
        return self.built(self.ends, [[]] * len(self.tasks))

    @property
    def starts(self) -> list[Vector]:
        return [self.model.start] * len(self.tasks)

    @property
    def start_steps(self) -> list[list[Factor]]:
        return self.steps_of(features=self.model.start, fold=False)

    @cached_property
    def initial(self) -> Rows:  # type: ignore[override]
        return self.built(self.starts, self.start_steps)

    @cached_property
    def other_kinks(self) -> Rows:
        """With 1{0 > 0} = 1 in the features, while W_i has 0."""
        return self.built(self.ends, self.steps_of(kink=1), kink=1)

    # -- the mixed form, parameters, the ball around W0 --

    def one_step(self) -> None:
        """Errors: UndefinedError for an adaptation without a mixed feature."""
        if self.step != "gradient" or self.steps != 1:
            other = f"by {self.steps} steps" if self.step == "gradient" else repr(self.step)
            raise UndefinedError("the mixed feature is the part at (x, y) of one gradient step, which is affine in the "
                                 f"inner law; the adaptation is {other}")  # fmt: skip

    @cached_property
    def triples(self) -> dict[tuple[Any, ...], Vector]:
        """By (x, y, x'), the last one lifted: weight, target, mass."""
        return summed(
            ((x, y, point.key[1]), [p * point.mass * v for v in (point.w, point.w * point.u, exactly(1))])
            for point in self.points
            for x, y, p in self.inner[point.key[0]]
        )

    @cached_property
    def mixed(self) -> list[tuple[Range, Range, Vector, Range]]:  # type: ignore[override]
        """On the triples."""
        self.one_step()
        if not self.model.linear:
            raise NotCheckedError("the mixed form of a network")
        found = []
        for (x, y, ahead), (weight, target, mass) in self.triples.items():
            moved = [r * f for r, f in zip(self.rates, self.inputs[ahead], strict=True)]
            row = [f - self.decay * m for f, m in zip(self.inputs[ahead], moved, strict=True)]
            rows = [self.model.feature(self.inputs[j], self.omega) for j in self.block(x)]
            for share, f in self.hessian([self.value(j, self.omega) for j in self.block(x)], y, rows):
                pull = share * dot(f, moved)
                row = [a - pull * b for a, b in zip(row, f, strict=True)]
            found.append((weight, target, row, mass))
        return found

    @property
    def jacobian_min(self) -> Range:
        """s_min(J) of one task: at least 1 over the Frobenius norm of the inverse, at most the length of a column."""
        (end,) = self.shifted
        rows = [self.slopes(v) for v in end]
        units = [[exactly(int(j == k)) for k in range(len(rows))] for j in range(len(rows))]
        inverse = 1 / norm(v for unit in units for v in solve(rows, unit))
        return between(inverse.low, min(norm(column).high for column in zip(*rows, strict=True)))

    def unadapted(self) -> Vector:
        """The displacement of the unadapted hypotheses."""
        found = []
        for i, x in (p.key for p in self.points):
            rival = self.value(x, self.parameter) if self.functions is None else self.functions[i][x]
            found.append(self.value(x, self.omega) - rival)
        return found

    @property
    def weights_unadapted(self) -> Vector:
        before = [self.pulls(law, self.omega) for _, law in self.tasks]
        return [before[p.key[0]][p.key[1]] * self.tasks[p.key[0]][0] / p.mass for p in self.points]

    @property
    def uniform(self) -> Vector:
        """Masses with 1/n for the weights of the tasks."""
        return [p.mass / self.tasks[p.key[0]][0] / len(self.tasks) for p in self.points]

    @cached_property
    def from_start(self) -> Vector:
        moved = [a - b for a, b in zip(self.omega, self.model.start, strict=True)]
        return [dot(row, moved) for row in self.rows]

    def projected(self, left: Range, right: Range) -> Range:
        """The largest rate at which L falls from W towards a network of the ball around W0 (one parameter)."""
        moved = self.omega[0] - self.model.start[0]
        return larger(larger(left * (self.radius + moved), -right * (self.radius - moved)), 0)

    # -- errors of features at initialisation: from bounds of ||phi_0(x) - phi(x)|| at every iterate --

    def errors(self, delta: Callable[[Vector, int, int], Range], fold: Any = 0, first: int = 0) -> Range:
        """||e||, e = (prod kap_k) delta_K(x) + ||x|| sum_k (prod_{j<k} kap_j) g_k prod_{j>k} (kap_j + f_j), for bounds
        delta(x, i, k) of the change of the feature at iterate k and fold of d2h; kap_k = 1 before the step `first`."""
        rate, factors = self.fastest, []
        for i, path in enumerate(self.paths):
            stretch, moved = exactly(1), ZERO
            for k, here in enumerate(path[:-1]):
                bends = [(self.inputs[x], size(b)) for x, b in self.bends(self.inner[i], here).items()]
                whole = total(b * squared(length(x)) for x, b in bends)
                own = self.expansion(whole) if k >= first else exactly(1)
                pulls = self.pulls(self.inner[i], here).items() if fold else []
                folded = total(fold * rate * size(p) * squared(length(self.inputs[x])) for x, p in pulls)
                apart = 2 * rate * total(b * length(x) * delta(x, i, k) for x, b in bends) + folded
                stretch, moved = stretch * own, moved * (own + folded) + stretch * apart
            factors.append((stretch, moved))
        places = [(*factors[p.key[0]], self.inputs[p.key[1]], p.key[0]) for p in self.points]
        return self.norm(stretch * delta(x, i, self.steps) + moved * length(x) for stretch, moved, x, i in places)

    def budget(self, i: int, k: int) -> Range:
        """||W - W0|| + ||W^(k) - W||."""
        return self.displaced + norm(a - b for a, b in zip(self.paths[i][k], self.omega, strict=True))

    def by_flips(self, first: int = 0, kink: int = 0) -> Range:
        return self.errors(lambda x, i, k: self.flipped(x, self.paths[i][k], kink), 0, first)

    def by_counts(self, power: int = 2, own: bool = False) -> Range:
        return self.errors(lambda x, i, k: self.counted(x, self.displaced if own else self.budget(i, k), power))

    def by_displacements(self, half: int = 1, fold: int = 1, own: bool = False) -> Range:
        return self.errors(
            lambda x, i, k: self.moved(x, self.omega if own else self.paths[i][k], half),
            self.model.curvature / half * self.model.scale * fold,
        )

    def by_ball(self, shrink: Range, own: bool = False) -> Range:
        return self.errors(
            lambda x, i, k: self.within(x, (self.displaced if own else self.budget(i, k)) * shrink),
            self.model.curvature * shrink,
        )

    # -- the linearisation at W0 --

    def over_inputs(self, value: Callable[[Vector], Range]) -> Range:
        return self.norm(value(self.inputs[x]) for _, x, _ in self.places)

    def linearisation(self, x: Vector) -> Any:
        start, moved = self.model.start, [a - b for a, b in zip(self.omega, self.model.start, strict=True)]
        change = self.model.value(x, self.omega) - self.model.value(x, start)
        return change - dot(self.model.feature(x, start), moved)

    def by_sign(self, x: Vector, of: Callable[[list[Range], list[Range]], Range]) -> Range:
        """m^{-1/2} times the larger one of both signs' values of d_r ||x|| and |W0_r'x|."""
        moves, drives = self.model.moves(self.omega, len(x)), self.model.drives(x, self.model.start)
        neurons = list(zip(self.model.signs(x), moves, drives, strict=True))
        parts = ([(d * length(x), size(z)) for b, d, z in neurons if b == s] for s in (1, -1))
        return self.model.scale * larger(*(of([d for d, _ in part], [z for _, z in part]) for part in parts))

    def worst(self, drives: list[Range], reach: Range) -> Range:
        """max_K [reach K^{1/2} - the K smallest]."""
        drives = sorted(drives, key=lambda z: z.low)
        best = ZERO
        for count in range(len(drives) + 1):
            best = larger(best, reach * root(Fraction(count)) - total(drives[:count]))
        return best

    def remainder(self, reach: Range, shrink: Any = 1) -> Range:
        return smaller(reach, self.model.curvature * squared(reach) * shrink / 2)

    # -- a priori constants --

    @property
    def longest(self) -> Range:
        """B_q: the largest ||x|| of the outer laws."""
        return largest(length(self.inputs[p.key[1]]) for p in self.points)

    @property
    def longest_inner(self) -> Range:
        """B_s: of the inner ones."""
        return largest(length(self.inputs[j]) for law in self.inner for x, *_ in law for j in self.block(x))

    @property
    def fourth(self) -> Range:
        """B_s^3 B_q."""
        return squared(self.longest_inner) * self.longest_inner * self.longest

    @cached_property
    def constants(self) -> tuple[Any, Any, Any]:
        """Suprema m1, m2, m3 of |ell'|, |ell''|, |ell'''|."""
        delta, three = number(self.instance["loss"].get("delta", 1)), root(Fraction(3))
        # 24 t |1 - t^2|/(1 + t^2)^4, of geman-mcclure, is largest where 5 t^4 - 10 t^2 + 1 = 0 and t < 1.
        turn = 1 - 2 / root(Fraction(5))
        most = 24 * root(turn) * (1 - turn) / (squared(1 + turn) * squared(1 + turn))
        known: dict[str, tuple[Any, Any, Any]] = {
            "squared": (0, exactly(1), ZERO),  # m1 is infinite, and only m1 m3 = 0 is used
            "huber": (delta, exactly(1), None),
            "log-cosh": (1, exactly(1), 4 / (3 * three)),
            "logistic": (1, exactly(Fraction(1, 4)), 1 / (6 * three)),
            "geman-mcclure": (3 * three / 8, exactly(2), most),
        }
        if self.loss in UNBOUNDED:
            one, other = (self.bend_at(exactly(z), Fraction(1), 1) for z in (0, 1))
            if one.high < other.low or other.high < one.low:
                values = f"{digits(one.low)} at 0, {digits(other.low)} at 1"
                raise UndefinedError(f"sup |ell''| is infinite: ell'' of the {self.loss} loss is "
                                     f"{UNBOUNDED[self.loss]} z that is not constant ({values})")  # fmt: skip
        if self.loss not in known:
            raise NotCheckedError(f"constants of the {self.loss} loss")
        return known[self.loss]

    def third(self) -> Range:
        if self.constants[2] is None:
            raise NotCheckedError(f"a bound of the third derivative of the {self.loss} loss")
        return self.constants[2]

    @property
    def fastest(self) -> Fraction:
        """The largest |rate|."""
        return max(map(abs, self.rates))

    @property
    def bend(self) -> Range:
        """m2 B_s^2."""
        return self.constants[1] * squared(self.longest_inner)

    @property
    def bound(self) -> Range:
        """How far a step's factor is from the identity."""
        return self.fastest * (self.bend + self.decay)

    @property
    def stretch(self) -> Range:
        """c: a bound of the norm of a step's factor."""
        return self.expansion(self.bend, self.loss == "geman-mcclure")

    def expansion(self, whole: Any, concave: bool = False) -> Range:
        """A bound of ||I - D (H + decay)|| for 0 <= H <= whole; concave: for |H| <= whole."""
        middle, half = (max(self.rates) + min(self.rates)) / 2, (max(self.rates) - min(self.rates)) / 2
        still = 1 - middle * self.decay
        alike = abs(still) + abs(middle) * whole if concave else larger(abs(still), size(still - middle * whole))
        return alike + half * (whole + self.decay)

    def alike(self) -> Range:
        """beta as if all parameters had the largest rate, without decay."""
        own = larger(self.fastest * self.bend - 1, 1) if self.loss != "geman-mcclure" else 1 + self.fastest * self.bend
        return self.beta_with(own)

    def powers(self, count: int) -> Range:
        """1 + c + ... + c^(count-1)."""
        return total(math.prod([self.stretch] * j, start=exactly(1)) for j in range(count))

    @property
    def kappa(self) -> Range:
        last = math.prod([self.stretch] * (self.steps - 1), start=exactly(1))
        growth = last * self.powers(self.steps) if self.steps > 1 else exactly(1)
        return self.fastest * self.third() * self.fourth / 2 * growth

    @property
    def beta(self) -> Range:
        return self.beta_with(self.stretch)

    def beta_with(self, stretch: Range) -> Range:
        own = squared(stretch) * self.constants[1] * squared(self.longest)
        return own + self.fastest * self.constants[0] * self.third() * self.fourth

    # -- the other law, for statements that take one for the other --

    @cached_property
    def exchanged(self) -> Supervised:
        tasks = [t | {"atoms": t.get("support", t["atoms"]), "support": t["atoms"]} for t in self.instance["tasks"]]
        return type(self)(self.instance | {"tasks": tasks}, self.side)

    @cached_property
    def support_points(self) -> list[Point]:
        return self.lifted(self.inner)

    def misfit_on_support(self) -> Any:
        points = self.support_points
        rows = self.built(self.ends, self.factors, points=points)
        return self.misfit(rows, [p.u for p in points], [p.mass for p in points])

    def independent(self) -> Range:
        """1 if the features of all supports are linearly independent, else 0."""
        rows = [[Fraction(v) for v in self.inputs[x]] for _, x, _ in self.placed(self.inner)]
        rank = 0
        for j in range(len(rows[0])):
            pivot = next((r for r in range(rank, len(rows)) if rows[r][j]), None)
            if pivot is None:
                continue
            rows[rank], rows[pivot] = rows[pivot], rows[rank]
            for r in range(rank + 1, len(rows)):
                share = rows[r][j] / rows[rank][j]
                rows[r] = [a - share * b for a, b in zip(rows[r], rows[rank], strict=True)]
            rank += 1
        return exactly(int(rank == len(rows)))

    def descent(self) -> Any:
        step = [w - g / self.beta for w, g in zip(self.omega, self.gradient, strict=True)]
        return self.objective(self.omega) - self.objective(step)


SUPERVISED: Table = {
    "displacement": lambda s: norm(a - b for a, b in zip(s.omega, s.parameter, strict=True)),
    "adapted_displacement": lambda s: norm(a - b for a, b in zip(*s.ends, *s.rivals, strict=True)),
    "jacobian_min": lambda s: s.jacobian_min,
    "jacobian_inverse": lambda s: 1 / s.jacobian_min,
    "eps_left": lambda s: -s.rises[0],
    "eps_right": lambda s: s.rises[1],
    "eps_directional": lambda s: larger(larger(-s.rises[0], -s.rises[1]), 0),
    "eps_projected": lambda s: s.smooth() or dot(s.weighted, s.from_start) + s.radius * norm(s.gradient),
    "eps_projected_directional": lambda s: s.projected(-s.rises[0], s.rises[1]),
    "misfit_projected": lambda s: s.misfit(s.rows, [u - d for u, d in zip(s.u, s.from_start, strict=True)]),
    "bregman_swapped": lambda s: s.swapped(),
    "strong_convexity": lambda s: s.flattest(),
    "strong_convexity_adapted": lambda s: s.flattest(segments=False),
    "feature_bound": lambda s: s.longest,
    "jacobian_deviation": lambda s: s.bound * s.powers(s.steps),
    "remainder_constant": lambda s: s.kappa,
    "smoothness": lambda s: s.beta,
    "smoothness_one_rate": lambda s: s.alike(),
    "misfit_rates_turned": lambda s: s.misfit(s.built(s.ends, s.factors, turned=True)),
    "misfit_no_decay": lambda s: s.misfit(s.built(s.ends, s.factors, decays=False)),
    "descent": lambda s: s.descent(),
    "misfit_u_unadapted": lambda s: s.misfit(s.rows, s.unadapted()),
    "pairing_unadapted": lambda s: dot(s.weighted, s.unadapted()),
    "weight_norm_unadapted": lambda s: s.norm(s.weights_unadapted),
    "weight_norm_uniform": lambda s: s.norm((p.w for p in s.points), s.uniform),
    "misfit_uniform": lambda s: s.misfit(s.rows, masses=s.uniform),
    "eps_exchanged": lambda s: s.exchanged("eps"),
    "weight_norm_exchanged": lambda s: s.exchanged("weight_norm"),
    "misfit_exchanged": lambda s: s.exchanged("misfit"),
    "weight_norm_support": lambda s: s.norm((p.w for p in s.support_points), [p.mass for p in s.support_points]),
    "misfit_support": lambda s: s.misfit_on_support(),
    "misfit_query_hessian": lambda s: s.misfit(s.built(s.ends, s.steps_of(query=True))),
    "independent_supports": lambda s: s.independent(),
    "misfit_hessian_at_adapted": lambda s: s.misfit(s.built(s.ends, [[s.factor(i, e)] for i, e in enumerate(s.ends)])),
    "misfit_init_inner": lambda s: s.misfit(s.built(s.ends, s.start_steps)),
    "misfit_init_outer": lambda s: s.misfit(s.built(s.starts, s.factors)),
    "misfit_outer_unadapted": lambda s: s.misfit(s.built([s.omega] * len(s.tasks), s.factors)),
    "misfit_reversed": lambda s: s.misfit(s.built(s.ends, [steps[::-1] for steps in s.factors])),
    "misfit_frozen": lambda s: s.misfit(s.built(s.ends, [steps[:1] * s.steps for steps in s.factors])),
    "misfit_one_missing": lambda s: s.misfit(s.built(s.ends, [steps[:-1] for steps in s.factors])),
    "misfit_no_fold": lambda s: s.misfit(s.built(s.ends, s.steps_of(fold=False))),
    "misfit_curvature_adapted": lambda s: s.misfit(s.built(s.ends, [
        [s.factor(i, here, ahead) for here, ahead in itertools.pairwise(path)]
        for i, path in enumerate(s.paths)])),
    "error_flips": lambda s: s.by_flips(),
    "error_flips_other_kinks": lambda s: s.by_flips(kink=1),
    "error_last_factor": lambda s: s.by_flips(first=s.steps - 1),
    "error_operator_other_kinks": lambda s: s.operator_norm(
        [[a - b for a, b in zip(*pair, strict=True)] for pair in zip(s.initial, s.other_kinks, strict=True)]),
    "error_count": lambda s: s.by_counts(),
    "error_count_own": lambda s: s.by_counts(own=True),
    "error_count_linear": lambda s: s.by_counts(power=1),
    "error_pointwise": lambda s: s.by_displacements(),
    "error_half_curvature": lambda s: s.by_displacements(half=2),
    "error_no_fold": lambda s: s.by_displacements(fold=0),
    "error_own": lambda s: s.by_displacements(own=True),
    "error_ball": lambda s: s.by_ball(s.model.scale),
    "error_ball_own": lambda s: s.by_ball(s.model.scale, own=True),
    "error_ball_narrow": lambda s: s.by_ball(squared(s.model.scale)),
    "linearisation": lambda s: s.over_inputs(s.linearisation),
    "linearisation_bound": lambda s: s.over_inputs(lambda x: s.by_sign(
        x, lambda moves, drives: total(larger(d - z, 0) for d, z in zip(moves, drives, strict=True)))),
    "linearisation_worst": lambda s: s.over_inputs(lambda x: s.by_sign(
        x, lambda moves, drives: s.worst(drives, s.displaced * length(x)))),
    "linearisation_taylor": lambda s: s.over_inputs(lambda x: s.model.scale * total(
        s.remainder(d * length(x)) for d in s.model.moves(s.omega, len(x)))),
    "linearisation_ball": lambda s: s.over_inputs(lambda x: s.remainder(s.displaced * length(x), s.model.scale)),
    "linearisation_ball_narrow": lambda s: s.over_inputs(lambda x: s.remainder(
        s.displaced * length(x), squared(s.model.scale))),
}  # fmt: skip


# --- several outputs -------------------------------------------------------------------------------------------------


def outputs_of(instance: dict[str, Any]) -> int:
    """c: the number of classes, or of numbers in a label."""
    label = instance["tasks"][0]["atoms"][0]["y"]
    return len(label) if isinstance(label, list) else int(instance["loss"].get("classes", 1))


def log_sum(z: Vector) -> Any:
    """log sum_a e^{z_a}."""
    found = z[0]
    for other in z[1:]:
        found = found + softplus(other - found)
    return found


class Vectors(Supervised):
    """A model of c outputs: component a at input x is the lifted input x c + a. Of a linear model theta is the rows of
    (c, d) one after the other, and the feature that of x in row a; of a network output a has its own b. Atoms have the
    labels y in R^c; a class is a unit vector."""

    def __init__(self, instance: dict[str, Any], side: int = 1) -> None:
        super().__init__(instance, side)
        c, none = self.outputs, [Fraction(0)]
        if self.model.linear:
            rows = [[none * (a * len(x)) + x + none * ((c - 1 - a) * len(x)) for a in range(c)] for x in self.inputs]
        else:
            rows = [[Place(x, signs) for signs in self.model.output] for x in self.inputs]
        self.inputs = [row for block in rows for row in block]
        self.names = SUPERVISED | {
            "outputs": lambda s: s.outputs,
            "misfit_uncoupled": lambda s: s.misfit(s.built(s.ends, s.steps_of(mixed=False))),
            "weight_norm_shifted": lambda s: s.norm(s.shifted_classes()),
            "misfit_l1": lambda s: s.l1(*together(
                (s.input_of(p.key), c, row, c * p.u) for p, c, row in zip(s.points, s.weighted, s.rows, strict=True))),
            "mixed_misfit_l1": lambda s: s.l1(*together(
                (s.input_of(key), w, row, t) for key, (w, t, row, _) in zip(s.triples, s.mixed, strict=True))),
        }  # fmt: skip

    def loss_of(self, record: dict[str, Any]) -> Any:
        if record["name"] == "squared":
            return (
                lambda z, y: total((a - b) * (a - b) / 2 for a, b in zip(z, y, strict=True)),
                lambda z, y: [a - b for a, b in zip(z, y, strict=True)],
            )
        if record["name"] != "softmax":
            raise NotCheckedError(f"the {record['name']} loss of several outputs")
        return (
            lambda z, y: log_sum(z) - dot(y, z),
            lambda z, y: [p - b for p, b in zip(self.probabilities(z), y, strict=True)],
        )

    @staticmethod
    def probabilities(z: Vector) -> Vector:
        whole = log_sum(z)
        return [exp(v - whole) for v in z]

    def law(self, atoms: list[dict[str, Any]]) -> Law:  # type: ignore[override]
        def label(y: Any) -> Any:
            if isinstance(y, list):
                return tuple(map(number, y))
            return tuple(Fraction(int(number(y) == a)) for a in range(self.outputs))

        return [(a["x"], label(a["y"]), p) for a, p in zip(atoms, shares(a["p"] for a in atoms), strict=True) if p]

    def bends(self, law: Law, theta: Vector) -> dict[int, Any]:
        """By lifted input, the largest sum of absolute values in a row of the block sum p Hess ell, as a bound of its
        norm: of softmax 2 p_a (1 - p_a) times the mass of x."""
        found, values = dict[int, Any](), self.at(law, theta)
        for x, _, p in law:
            z = values[x]
            sums = [2 * q * (1 - q) for q in self.probabilities(z)] if self.loss == "softmax" else [exactly(1)]
            for j in self.block(x):
                found[j] = found.get(j, ZERO) + p * largest(sums)
        return found

    def hessian(self, z: Vector, y: Any, rows: Rows, mixed: bool = True) -> list[tuple[Any, Vector]]:
        """Of softmax diag(p) - pp', else the identity."""
        if self.loss == "squared":
            return [(exactly(1), row) for row in rows]
        p = self.probabilities(z)
        if not mixed:
            return [(q * (1 - q), row) for q, row in zip(p, rows, strict=True)]
        mean = [dot(p, column) for column in zip(*rows, strict=True)]
        return [*zip(p, rows, strict=True), (exactly(-1), mean)]

    def flattest(self, *, segments: bool = True) -> Range:
        """Of softmax 0: the Hessian of the loss takes (1, ..., 1) to 0."""
        return exactly(int(self.loss == "squared"))

    def shifted_classes(self) -> Vector:
        """w with every class taken for the next one."""
        laws: list[Any] = [[(x, (y[-1], *y[:-1]), p) for x, y, p in law] for _, law in self.tasks]
        pulls = [self.pulls(law, end) for law, end in zip(laws, self.ends, strict=True)]
        return [pulls[i][j] * self.tasks[i][0] / p.mass for p in self.points for i, j in [p.key]]

    def input_of(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        """What is lifted, without the output."""
        *rest, j = key
        return *rest, j // self.outputs

    @cached_property
    def constants(self) -> tuple[Any, Any, Any]:
        two, three = root(Fraction(2)), root(Fraction(3))
        return (0, exactly(1), ZERO) if self.loss == "squared" else (two, exactly(Fraction(1, 2)), two / (3 * three))


# --- reinforcement learning ------------------------------------------------------------------------------------------

Policy = list[Vector]


@dataclass(frozen=True)
class Process:
    """A task's weight q and decision process: discount, transitions [S][A][S], rewards [S][A], start [S]."""

    q: Fraction
    gamma: Fraction
    transitions: list[list[list[Fraction]]]
    rewards: list[list[Fraction]]
    start: list[Fraction]

    def chain(self, policy: Policy) -> list[Vector]:
        """I - gamma P_pi."""
        rows = [[dot(column, pi) for column in zip(*table, strict=True)]
                for table, pi in zip(self.transitions, policy, strict=True)]  # fmt: skip
        return [[int(s == t) - self.gamma * p for t, p in enumerate(row)] for s, row in enumerate(rows)]

    def values(self, policy: Policy) -> Vector:
        """V = (1-gamma) r_pi + gamma P_pi V."""
        return solve(
            self.chain(policy), [(1 - self.gamma) * dot(*pair) for pair in zip(self.rewards, policy, strict=True)]
        )

    def visits(self, policy: Policy, start: Sequence[Any] | None = None) -> Vector:
        """nu = (1-gamma) start + gamma P_pi' nu."""
        start = self.start if start is None else start
        columns = [list(column) for column in zip(*self.chain(policy), strict=True)]
        return solve(columns, [(1 - self.gamma) * v for v in start])

    def actions(self, policy: Policy) -> Policy:
        """Q(s, a) = (1-gamma) r + gamma P V."""
        ahead = self.values(policy)
        pairs = zip(self.rewards, self.transitions, strict=True)
        return [
            [(1 - self.gamma) * r + self.gamma * dot(row, ahead) for r, row in zip(*pair, strict=True)]
            for pair in pairs
        ]

    def leads(self, policy: Policy) -> list[list[Vector]]:
        """Q(s, a) - Q(s, b), exactly 0 where both do the same."""
        ahead = self.values(policy)

        def lead(s: int, a: int, b: int) -> Any:
            moves = [p - q for p, q in zip(self.transitions[s][a], self.transitions[s][b], strict=True)]
            return (1 - self.gamma) * (self.rewards[s][a] - self.rewards[s][b]) + self.gamma * dot(moves, ahead)

        count = range(len(self.rewards[0]))
        return [[[lead(s, a, b) for b in count] for a in count] for s in range(len(self.rewards))]

    def advantages(self, policy: Policy) -> Policy:
        """A(s, a) = sum_b pi(b|s) (Q(s, a) - Q(s, b))."""
        return [[dot(pi, row) for row in rows] for pi, rows in zip(policy, self.leads(policy), strict=True)]

    def optimum(self) -> Range:
        """J*: that of a policy to which no action is seen to be better anywhere, or up to max A/(1-gamma) more: values
        V + max A/(1-gamma) satisfy V >= max_a Q, of which V* is the least solution."""
        choice, count = [0] * len(self.rewards), range(len(self.rewards[0]))
        while True:
            policy = [[exactly(int(a == c)) for a in count] for c in choice]
            gains = [[row[c] for row in rows] for rows, c in zip(self.leads(policy), choice, strict=True)]
            best = [max(count, key=lambda a: row[a].low) for row in gains]
            if not any(row[b].low > 0 for row, b in zip(gains, best, strict=True)):
                break
            choice = [b if row[b].low > 0 else c for row, b, c in zip(gains, best, choice, strict=True)]
        value = dot(self.start, self.values(policy))
        more = largest(v for row in gains for v in row) / (1 - self.gamma)
        return between(value.low, (value + larger(more, 0)).high)

    @property
    def span(self) -> Fraction:
        rewards = [r for row in self.rewards for r in row]
        return max(rewards) - min(rewards)


class Policies(Quantities):
    """Policies exp(h_theta(x(s, a))/tau), adapted to each process; L is the mean return, and is maximised."""

    def __init__(self, instance: dict[str, Any]) -> None:
        super().__init__(instance)
        self.names, self.instance, self.step = POLICIES, instance, instance["adaptation"]["name"]
        if self.step not in ("kl-step", "rational-step", "gradient") or (
            self.step == "gradient" and not self.model.linear
        ):
            raise NotCheckedError(f"adaptation {self.step!r}")
        self.tau, self.eta = number(instance["tau"]), number(instance["eta"])
        self.inputs = [[[number(v) for v in x] for x in rows] for rows in instance["features"]]
        self.processes: list[Process] = []
        self.given: list[Policy] = []
        weights = shares(task["weight"] for task in instance["tasks"])
        for i, (q, task) in enumerate(zip(weights, instance["tasks"], strict=True)):
            if q:
                transitions = [[shares(row) for row in table] for table in task["P"]]
                rewards = [[number(r) for r in row] for row in task["r"]]
                process = Process(q, number(task["gamma"]), transitions, rewards, shares(task["start"]))
                if not 0 <= process.gamma < 1 or self.tau <= 0:
                    raise ValueError("a discount outside of [0, 1), or a temperature that is not positive")
                self.processes.append(process)
                if self.rival is None:
                    policy = instance["comparator"]["policies"][i]
                    self.given.append([[exactly(p) for p in shares(row)] for row in policy])

    def smooth(self) -> None:
        if any(self.model.kinked(self.inputs[p.key[1]][p.key[2]], self.omega) for p in self.points):
            raise NotCheckedError("the gradient of L at a kink")

    # -- by definition --

    def softmax(self, logits: Rows) -> Policy:
        """Of logits from which that of the first action is subtracted: equal ones are exactly equal."""
        powers = [[exp(v) for v in row] for row in logits]
        return [[p / total(row) for p in row] for row in powers]

    def energies(self, theta: Vector) -> Rows:
        """h(s, a)/tau - h(s, first)/tau."""
        sums = [[self.model.sum(x, theta) for x in rows] for rows in self.inputs]
        return [[self.model.scale * (v - row[0]) / self.tau for v in row] for row in sums]

    def adapted(self, process: Process, theta: Vector) -> Policy:
        """pi_{i,theta}."""
        prior = self.softmax(self.energies(theta))
        if not self.eta:
            return prior
        if self.step == "kl-step":
            firsts = [[row[0] for row in rows] for rows in process.leads(prior)]
            pairs = zip(self.energies(theta), firsts, strict=True)
            return self.softmax([[e + self.eta * q for e, q in zip(*pair, strict=True)] for pair in pairs])
        if self.step == "rational-step":
            pairs = zip(prior, process.actions(prior), strict=True)
            tilted = [[p * (1 + self.eta * q) for p, q in zip(*pair, strict=True)] for pair in pairs]
            if any(at(v).low < 0 for row in tilted for v in row):
                raise NotCheckedError("a probability that is or may be negative")
            return [[v / total(row) for v in row] for row in tilted]
        visits, advantages = process.visits(prior), process.advantages(prior)
        weights = [n * p * a / (1 - process.gamma) / self.tau
                   for n, pi, row in zip(visits, prior, advantages, strict=True)
                   for p, a in zip(pi, row, strict=True)]  # fmt: skip
        columns = zip(*(x for rows in self.inputs for x in rows), strict=True)
        return self.softmax(
            self.energies([t + self.eta * dot(c, weights) for t, c in zip(theta, columns, strict=True)])
        )

    def mean_return(self, policies: list[Policy]) -> Any:
        pairs = zip(self.processes, policies, strict=True)
        return total(process.q * dot(process.start, process.values(policy)) for process, policy in pairs)

    @cached_property
    def priors(self) -> list[Policy]:
        return [self.softmax(self.energies(self.omega))] * len(self.processes)

    @cached_property
    def own(self) -> list[Policy]:
        return [self.adapted(process, self.omega) for process in self.processes]

    @cached_property
    def rivals(self) -> list[Policy]:
        if self.rival is None:
            return self.given
        return [self.adapted(process, self.rival) for process in self.processes]

    @cached_property
    def gap(self) -> Any:
        return self.mean_return(self.rivals) - self.mean_return(self.own)

    def visits(self, policies: list[Policy]) -> list[Vector]:
        return [process.visits(policy) for process, policy in zip(self.processes, policies, strict=True)]

    @cached_property
    def points(self) -> list[Point]:  # type: ignore[override]
        found = []
        visits = zip(self.visits(self.own), self.visits(self.rivals), strict=True)
        for i, (process, (nus, others)) in enumerate(zip(self.processes, visits, strict=True)):
            advantages = process.advantages(self.own[i])
            for s, nu in enumerate(nus):
                for a, (p, p2) in enumerate(zip(self.own[i][s], self.rivals[i][s], strict=True)):
                    if nu and p:
                        u = others[s] / nu * ((p2 - p) / p)
                        found.append(Point((i, s, a), process.q * nu * p, advantages[s][a] / (1 - process.gamma), u))
        return found

    @cached_property
    def shifted(self) -> list[Policy]:
        """pi_{i, omega + e}, dual."""
        start = [Dual(v, {j: exactly(1)}) for j, v in enumerate(self.omega)]
        return [self.adapted(process, start) for process in self.processes]

    def slopes(self, x: Any) -> Vector:
        return [slope_of(x, j) for j in range(len(self.omega))]

    def objective(self, theta: Vector) -> Any:
        return self.mean_return([self.adapted(process, theta) for process in self.processes])

    @cached_property
    def gradient(self) -> Vector:  # type: ignore[override]
        return self.slopes(self.mean_return(self.shifted))

    @cached_property
    def rows(self) -> Rows:  # type: ignore[override]
        """grad log pi_i."""
        return [[v / self.own[i][s][a] for v in self.slopes(self.shifted[i][s][a])]
                for i, s, a in (p.key for p in self.points)]  # fmt: skip

    # -- meta-features by formula, for statements that have them wrong or at W0 --

    def features(self, theta: Vector, kink: int = 0) -> list[Rows]:
        """phi/tau [S][A]."""
        return [[[v / self.tau for v in self.model.feature(x, theta, kink)] for x in rows] for rows in self.inputs]

    def tilt(self, i: int) -> Policy:
        """What divides eta grad Q: 1 + eta Q for the rational step."""
        values = self.values_of(i)
        return [[1 + self.eta * q if self.step == "rational-step" else exactly(1) for q in row] for row in values]

    def values_of(self, i: int) -> Policy:
        """Q of the prior."""
        return self.processes[i].actions(self.priors[i])

    def built(self, outer: list[Rows], ahead: list[Rows] | None) -> Rows:
        """outer + eta gamma P (I - gamma P_pi)^{-1} E_pi[A ahead], centred under pi_i at each point."""
        tables = []
        for i, process in enumerate(self.processes):
            prior, advantages, tilt = self.priors[i], process.advantages(self.priors[i]), self.tilt(i)
            if ahead is None or not self.eta or self.step == "gradient":
                tables.append(outer)
                continue
            weights = [[p * a for p, a in zip(*pair, strict=True)] for pair in zip(prior, advantages, strict=True)]
            pulls = [
                [dot(w, column) for column in zip(*rows, strict=True)] for w, rows in zip(weights, ahead, strict=True)
            ]
            chain = process.chain(prior)
            slopes = [solve(chain, list(column)) for column in zip(*pulls, strict=True)]
            tables.append([
                [[v + self.eta * process.gamma * dot(process.transitions[s][a], slope) / tilt[s][a]
                  for v, slope in zip(row, slopes, strict=True)]
                 for a, row in enumerate(rows)]
                for s, rows in enumerate(outer)
            ])  # fmt: skip
        found = []
        for i, s, a in (p.key for p in self.points):
            means = [dot(self.own[i][s], column) for column in zip(*tables[i][s], strict=True)]
            found.append([v - mean for v, mean in zip(tables[i][s][a], means, strict=True)])
        return found

    @cached_property
    def plain(self) -> Rows:  # type: ignore[override]
        return self.built(self.features(self.omega), None)

    @cached_property
    def initial(self) -> Rows:  # type: ignore[override]
        return self.built(self.features(self.model.start), self.features(self.model.start))

    @cached_property
    def other_kinks(self) -> Rows:
        return self.built(self.features(self.omega, 1), self.features(self.omega, 1))

    def defect(self, factor: Callable[[Process], Any]) -> Range:
        """||grad L - <w, plain + factor (phi - plain)>||."""
        self.smooth()
        factors = [factor(self.processes[p.key[0]]) for p in self.points]
        rows = [[a + f * (b - a) for a, b in zip(*pair, strict=True)]
                for f, *pair in zip(factors, self.plain, self.rows, strict=True)]  # fmt: skip
        return norm(g - h for g, h in zip(self.gradient, self.paired(rows), strict=True))

    def equations(self, rows: Rows) -> tuple[Rows, Vector]:
        """Differences from the first action, at states where actions do not all do the same."""
        left, right, first = [], [], 0
        for k, point in enumerate(self.points):
            i, s, a = point.key
            process = self.processes[i]
            first = k if a == 0 else first
            ways = list(
                zip(process.rewards[s], process.transitions[s] if process.gamma else process.rewards[s], strict=True)
            )
            if a and any(way != ways[0] for way in ways):
                if self.points[first].key != (i, s, 0):
                    raise NotCheckedError("an action of probability 0, where u is a ratio to it")
                left.append([v - w for v, w in zip(rows[k], rows[first], strict=True)])
                right.append(point.u - self.points[first].u)
        return left, right

    def onward(self, i: int, s: int, a: int) -> Vector:
        """The prior's visits from the next state on."""
        return self.processes[i].visits(self.priors[i], self.processes[i].transitions[s][a])

    @cached_property
    def mixed(self) -> list[tuple[Range, Range, Vector, Range]]:  # type: ignore[override]
        """On (s, a, s', a')."""
        if self.step == "gradient":
            raise UndefinedError("the mixed feature is what a step on policies adds at a next visit; the adaptation is "
                                 "a step on the parameter, which adds a Hessian of returns")  # fmt: skip
        if not self.model.linear:
            raise NotCheckedError("the mixed form of a network")
        features = self.features(self.omega)
        found = []
        for point in self.points:
            i, s, a = point.key
            process, advantages = self.processes[i], self.processes[i].advantages(self.priors[i])
            rate = self.eta * process.gamma / (1 - process.gamma) / self.tilt(i)[s][a]
            for t, visit in enumerate(self.onward(i, s, a)):
                for b, p in enumerate(self.priors[i][t]):
                    mass = point.mass * visit * p
                    if mass:
                        psi = [
                            v + rate * advantages[t][b] * f for v, f in zip(features[s][a], features[t][b], strict=True)
                        ]
                        new = [mass * v for v in (point.w, point.w * point.u, exactly(1), *(point.w * v for v in psi))]
                        found.append(((s, a, t, b), new))
        return [(w, t, [v / w for v in pull] if w else pull, mass) for w, t, mass, *pull in summed(found).values()]

    # -- errors of features at initialisation --

    def errors(self, delta: Callable[[Vector], Range], ahead: int = 1) -> Range:
        """||e||, e = (delta + |eta| gamma/(1-gamma) E[|A| delta])/tau, the mean over the prior's visits."""
        found = []
        sizes = [[delta(x) for x in rows] for rows in self.inputs]
        for i, s, a in (p.key for p in self.points):
            process, advantages = self.processes[i], self.processes[i].advantages(self.priors[i])
            means = [dot(pi, [size(v) * d for v, d in zip(*pair, strict=True)])
                     for pi, *pair in zip(self.priors[i], advantages, sizes, strict=True)]  # fmt: skip
            rate = ahead * abs(self.eta) * process.gamma / (1 - process.gamma) / size(self.tilt(i)[s][a])
            found.append((sizes[s][a] + rate * dot(self.onward(i, s, a), means)) / self.tau)
        return self.norm(found)

    # -- constants, and what wrong theorems use instead --

    def look(self, process: Process) -> Fraction:
        """|eta| gamma span/(2(1-gamma))."""
        return abs(self.eta) * process.gamma * process.span / (2 * (1 - process.gamma))

    @property
    def width(self) -> Range:
        """b = max ||phi(s,a) - phi(s,b)||/(2 tau)."""
        pairs = [(x, y) for rows in self.inputs for x in rows for y in rows]
        return largest(length([a - b for a, b in zip(*pair, strict=True)]) for pair in pairs) / (2 * self.tau)

    def pairing(self, sides: list[Policy], masses: Vector | None = None) -> Any:
        """<w, u> with the advantages of those policies, or with those masses."""
        advantages = [process.advantages(policy) for process, policy in zip(self.processes, sides, strict=True)]
        weights = [advantages[i][s][a] / (1 - self.processes[i].gamma) for i, s, a in (p.key for p in self.points)]
        return total(m * w * u for m, w, u in zip(masses or self.masses, weights, self.u, strict=True))

    @property
    def prior_masses(self) -> Vector:
        visits = self.visits(self.priors)
        return [self.processes[i].q * visits[i][s] * self.priors[i][s][a] for i, s, a in (p.key for p in self.points)]

    @property
    def upside_down(self) -> Vector:
        """(nu/nu') (pi/pi' - 1)."""
        own, rival = self.visits(self.own), self.visits(self.rivals)
        return [own[i][s] / rival[i][s] * (self.own[i][s][a] / self.rivals[i][s][a] - 1)
                for i, s, a in (p.key for p in self.points)]  # fmt: skip

    def per_task(self, values: Vector) -> Any:
        """sum_i q_i E_i[values^2]^{1/2}."""
        places = list(zip(self.points, values, strict=True))
        sums = [(process.q, [p.mass / process.q * squared(v) for p, v in places if p.key[0] == i])
                for i, process in enumerate(self.processes)]  # fmt: skip
        return total(q * root(total(parts)) for q, parts in sums)

    def over_visits(self, value: Callable[[int, int], Any]) -> Any:
        """sum_i q_i E_nu_i[value(i, s)]/(1-gamma_i)."""
        visits = list(enumerate(zip(self.processes, self.visits(self.own), strict=True)))
        return total(p.q * nu * value(i, s) / (1 - p.gamma) for i, (p, nus) in visits for s, nu in enumerate(nus) if nu)

    def jeffreys(self, i: int, s: int) -> Any:
        return total((p - q) * (log(p) - log(q)) for p, q in zip(self.own[i][s], self.priors[i][s], strict=True))

    def tilted(self, i: int, s: int) -> Any:
        """Var_pi(Q)/(1 + eta V)."""
        prior = self.priors[i][s]
        advantages = self.processes[i].advantages(self.priors[i])[s]
        return dot(prior, [squared(v) for v in advantages]) / (1 + self.eta * dot(prior, self.values_of(i)[s]))

    def smoothness(self, process: Process) -> Range:
        """span b_i^2/(1-gamma)^2 + |eta| gamma b^2 span^2/(2 (1-gamma)^3), b_i = b (1 + look)."""
        own, rest = self.width * (1 + self.look(process)), 1 - process.gamma
        later = abs(self.eta) * process.gamma * squared(self.width) * process.span**2 / (2 * rest**3)
        return process.span * squared(own) / rest**2 + later

    def elsewhere(self) -> Any:
        """What the comparator returns where every task starts in the next state, minus L(omega)."""
        moved = [replace(process, start=process.start[-1:] + process.start[:-1]) for process in self.processes]
        rivals = self.given or [self.adapted(process, self.parameter) for process in moved]
        pairs = zip(moved, rivals, strict=True)
        return total(p.q * dot(p.start, p.values(policy)) for p, policy in pairs) - self.mean_return(self.own)

    def oscillation(self) -> Range:
        """max_s osc_a u(s, .)."""
        same = [p.u - o.u for p in self.points for o in self.points if p.key[:2] == o.key[:2]]
        return largest(same)


POLICIES: Table = {
    "bregman": lambda s: 0,
    "step_size": lambda s: s.eta,
    "prior_return": lambda s: s.mean_return(s.priors),
    "adapted_return": lambda s: s.mean_return(s.own),
    "improvement": lambda s: s.mean_return(s.own) - s.mean_return(s.priors),
    "gap_elsewhere": lambda s: s.elsewhere(),
    "jeffreys": lambda s: s.over_visits(s.jeffreys),
    "tilted_variance": lambda s: s.over_visits(s.tilted),
    "weight_bound": lambda s: root(sum(p.q * (p.span / (2 * (1 - p.gamma))) ** 2 for p in s.processes)),
    "lipschitz": lambda s: total(p.q * p.span / (2 * (1 - p.gamma)) * s.width * (1 + s.look(p)) for p in s.processes),
    "smoothness": lambda s: total(p.q * s.smoothness(p) for p in s.processes),
    "optimal_return": lambda s: total(p.q * p.optimum() for p in s.processes),
    "tabular_norm": lambda s: s.tau * root(Fraction(len(s.inputs) * len(s.inputs[0]))) * s.oscillation(),
    "contraction_margin": lambda s: min(1 - s.look(p) for p in s.processes),
    "slope_to_comparator": lambda s: dot(s.gradient, [t - o for t, o in zip(s.parameter, s.omega, strict=True)]),
    "weight_norm_no_horizon": lambda s: s.norm(p.w * (1 - s.processes[p.key[0]].gamma) for p in s.points),
    "misfit_swapped_ratio": lambda s: s.misfit(s.rows, s.upside_down),
    "eps_largest_entry": lambda s: largest(map(size, s.gradient)),
    "mean_weight_norm": lambda s: s.per_task([p.w for p in s.points]),
    "mean_residual_norm": lambda s: s.per_task(s.rest),
    "residual_l1": lambda s: total(m * size(r) for m, r in zip(s.masses, s.rest, strict=True)),
    "root_tasks": lambda s: root(Fraction(len(s.processes))),
    "pairing_prior_visitation": lambda s: s.pairing(s.own, s.prior_masses),
    "pairing_prior_advantage": lambda s: s.pairing(s.priors),
    "pairing_rival_advantage": lambda s: s.pairing(s.rivals),
    "defect_plain": lambda s: s.defect(lambda p: 0),
    "defect_discounted": lambda s: s.defect(lambda p: 1 - p.gamma),
    "defect_step_squared": lambda s: s.defect(lambda p: s.eta),
    "defect_undiscounted": lambda s: s.defect(lambda p: 1 / p.gamma),
    "misfit_init_outer": lambda s: s.misfit(s.built(s.features(s.model.start), s.features(s.omega))),
    "error_flips": lambda s: s.errors(lambda x: s.flipped(x, s.omega)),
    "error_flips_outer": lambda s: s.errors(lambda x: s.flipped(x, s.omega), ahead=0),
    "error_count": lambda s: s.errors(lambda x: s.counted(x, s.displaced)),
    "error_count_linear": lambda s: s.errors(lambda x: s.counted(x, s.displaced, 1)),
    "error_pointwise": lambda s: s.errors(lambda x: s.moved(x, s.omega)),
    "error_pointwise_outer": lambda s: s.errors(lambda x: s.moved(x, s.omega), ahead=0),
    "error_half_curvature": lambda s: s.errors(lambda x: s.moved(x, s.omega, 2)),
    "error_ball": lambda s: s.errors(lambda x: s.within(x, s.displaced * s.model.scale)),
    "error_ball_narrow": lambda s: s.errors(lambda x: s.within(x, s.displaced * squared(s.model.scale))),
}


# --- traced programs -------------------------------------------------------------------------------------------------


def plain(value: Any) -> Range:
    """A number of a table. Errors: NotCheckedError, of inf and nan."""
    if not math.isfinite(value):
        raise NotCheckedError("arithmetic with what is not finite")
    return exactly(Fraction(value))


NUMBERS = graphs.Numbers(plain, sign, larger, {
    "square": squared, "exp": exp, "expm1": lambda x: exp(x) - 1, "log": log, "log1p": lambda x: log(1 + x),
    "sqrt": root, "rsqrt": lambda x: 1 / root(x), "tanh": tanh, "sigmoid": sigmoid, "softplus": softplus,
    "erf": erf, "bell": bell, "sinh": lambda x: (exp(x) - exp(-x)) / 2, "cosh": lambda x: (exp(x) + exp(-x)) / 2,
})  # fmt: skip
GRAPHS = ("predictions", "gradient", "features", "adapted", "plain")
OWN_LOSS = ("risk", "slope")


class Programs(Quantities):
    """Tasks are programs from parameters and four arrays to predictions z (n, c); points are (task, point, component).

    All derivatives are those of the graph `predictions` (of the unadapted model: of `unadapted`), backwards.
    """

    def __init__(self, instance: dict[str, Any]) -> None:
        self.names, self.instance, self.loss = PROGRAMS, instance, instance["loss"]["name"]
        self.radius = exactly(number(instance["radius"]))
        if not self.radius:
            raise NotCheckedError("a radius of 0")
        self.omega = list(map(self.array, instance["omega"]))
        tasks = list(zip(shares(t["weight"] for t in instance["tasks"]), instance["tasks"], strict=True))
        self.tasks = [(q, task, list(map(self.array, task["data"]))) for q, task in tasks if q]
        given = instance["comparator"]
        self.functions = None if isinstance(given, list) else [
            self.array(a).entries for (q, _), a in zip(tasks, given["functions"], strict=True) if q]  # fmt: skip
        self.rival = list(map(self.array, given)) if isinstance(given, list) else None

    @staticmethod
    def array(record: dict[str, Any]) -> graphs.Table:
        return graphs.Rows(NUMBERS).real(graphs.table(record))

    def __call__(self, name: str) -> Range:
        if name not in PROGRAMS:
            raise NotCheckedError(f"the quantity {name} of a program")
        return ranged(PROGRAMS[name](self))

    def run(self, name: str, i: int, inputs: Sequence[graphs.Table]) -> list[graphs.Table]:
        """The outputs of a task's graph."""
        program = self.instance["model"]["programs"][self.tasks[i][1]["program"]]
        if name not in program:
            raise NotCheckedError(f"a quantity that needs the graph {name}")
        try:
            return graphs.Program(program[name])(inputs, NUMBERS)
        except graphs.UnknownError as error:
            raise NotCheckedError(f"the graph {name}: {error}") from None

    def predictions(self, i: int, parameters: Sequence[graphs.Table], name: str = "predictions",
                    support: bool = False) -> Vector:  # fmt: skip
        """z row after row. support: on the support, in the query's place."""
        data = self.tasks[i][2]
        found = self.run(name, i, [*parameters, *(data[:2] * 2 if support else data)])
        need([list(z.shape) for z in found] == [self.tasks[i][1]["shape"]], f"{name} of the shape that the task says")
        return found[0].entries

    def risk(self, i: int, z: Vector, support: bool = False) -> Any:
        """R_i of predictions: of a loss with a name by its formula."""
        _, task, data = self.tasks[i]
        labels, rows = data[1 if support else 3], graphs.Rows(NUMBERS)
        if self.loss == "own":
            (whole,) = self.run("risk", i, [graphs.Table(tuple(task["shape"]), z), labels])
            need(whole.shape == (), "risk: one number")
            return whole.entries[0]
        if self.loss == "cross_entropy":
            c = len(z) // len(labels.entries)
            logs = rows.softmax(graphs.Table((len(labels.entries), c), z), 1, log=True).entries
            return -rows.total([logs[j * c + y] for j, y in enumerate(labels.entries)]) / len(labels.entries)
        terms = {"mse": lambda a, y: NUMBERS.apply("square", a - y) / 2,
                 "bce": lambda a, y: NUMBERS.apply("softplus", a) - y * a}[self.loss]  # fmt: skip
        return rows.total(list(map(terms, z, labels.entries))) / len(z)

    def slope(self, i: int, z: Vector, support: bool = False) -> Vector:
        """dR_i/dz."""
        at = list(map(graphs.Taped, z))
        return graphs.slopes(self.risk(i, at, support), at, ZERO)

    def mean(self, values: Iterable[Any]) -> Any:
        return total(q * v for (q, _, _), v in zip(self.tasks, values, strict=True))

    @cached_property
    def every(self) -> range:
        return range(len(self.tasks))

    @cached_property
    def ends(self) -> list[Vector]:
        """z per task."""
        return [self.predictions(i, self.omega) for i in self.every]

    @cached_property
    def rivals(self) -> list[Vector]:
        if self.functions is not None:
            return self.functions
        return [self.predictions(i, self.parameter) for i in self.every]

    @cached_property
    def value(self) -> Any:
        """L(omega)."""
        return self.mean(self.risk(i, z) for i, z in enumerate(self.ends))

    @cached_property
    def gap(self) -> Any:
        return self.value - self.mean(self.risk(i, z) for i, z in enumerate(self.rivals))

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(points, components) per task."""
        return [(task["shape"][0], math.prod(task["shape"][1:])) for _, task, _ in self.tasks]

    def lifted(self, ends: list[Vector], support: bool = False) -> list[Point]:
        """The points, with w from these predictions."""
        found = []
        for i, ((q, _, _), (n, c), z) in enumerate(zip(self.tasks, self.shapes, ends, strict=True)):
            pulls = zip(self.slope(i, z, support), self.ends[i], self.rivals[i], strict=True)
            found += [Point((i, k // c, k % c), exactly(q / n), w * n, a - b) for k, (w, a, b) in enumerate(pulls)]
        return found

    @cached_property
    def points(self) -> list[Point]:  # type: ignore[override]
        return self.lifted(self.ends)

    # -- derivatives --

    def taped(self, tables: Sequence[graphs.Table]) -> tuple[list[graphs.Table], list[graphs.Taped]]:
        """Parameters that derivatives are taken in: tensor by tensor, and one after the other."""
        at = [graphs.Table(t.shape, list(map(graphs.Taped, t.entries))) for t in tables]
        return at, [v for t in at for v in t.entries]

    def gradient_of(self, i: int, support: bool = False) -> Vector:
        """grad L_i, of a task's risk along all of its program."""
        at, leaves = self.taped(self.omega)
        return graphs.slopes(self.risk(i, self.predictions(i, at, support=support), support), leaves, ZERO)

    def whole(self, gradients: Iterable[Vector]) -> Vector:
        return [self.mean(column) for column in zip(*gradients, strict=True)]

    @cached_property
    def gradient(self) -> Vector:  # type: ignore[override]
        found = [self.gradient_of(i) for i in self.every]
        self.agree("gradient", found)
        return self.whole(found)

    def jacobian(self, i: int, parameters: Sequence[graphs.Table], name: str) -> Rows:
        at, leaves = self.taped(parameters)
        return [graphs.slopes(z, leaves, ZERO) for z in self.predictions(i, at, name)]

    @cached_property
    def rows(self) -> Rows:  # type: ignore[override]
        found = [self.jacobian(i, self.omega, "predictions") for i in self.every]
        self.agree("features", [self.by_tensor(rows) for rows in found])
        return [row for rows in found for row in rows]

    def by_tensor(self, rows: Rows) -> Vector:
        """The entries of a Jacobian as graphs give them: all of a tensor's, then those of the next."""
        ends = list(itertools.accumulate(len(t.entries) for t in self.omega))
        return [
            v for t, end in zip(self.omega, ends, strict=True) for row in rows for v in row[end - len(t.entries) : end]
        ]

    def agree(self, name: str, told: Sequence[Vector], at: Sequence[Sequence[graphs.Table]] | None = None) -> None:
        """Errors: WrongGraphError, unless the file's graph gives these numbers at omega (at: at those parameters), to
        nine digits of the largest: in derivatives PyTorch has constants, as 1/sqrt(2 pi), rounded to float64."""
        for i, own in enumerate(told):
            slack = max((size(v).high for v in own), default=Fraction(0)) / 10**9
            outputs = self.run(name, i, [*(self.omega if at is None else at[i]), *self.tasks[i][2]])
            given = [v for output in outputs for v in output.entries]
            if len(given) != len(own) or any(
                a.high < b.low - slack or b.high + slack < a.low for a, b in zip(given, own, strict=True)
            ):
                raise WrongGraphError(f"the graph {name} does not give what follows from that of predictions")

    @cached_property
    def plain(self) -> Rows:  # type: ignore[override]
        """d f_p(x)/dp at the adapted parameters, whose predictions must be those of omega."""
        adapted = [self.run("adapted", i, [*self.omega, *self.tasks[i][2]]) for i in self.every]
        need(
            all([t.shape for t in own] == [t.shape for t in self.omega] for own in adapted), "adapted: shapes of omega"
        )
        found = [self.jacobian(i, adapted[i], "unadapted") for i in self.every]
        self.agree("unadapted", self.ends, adapted)
        self.agree("plain", [self.by_tensor(rows) for rows in found], adapted)
        return [row for rows in found for row in rows]

    def on_support(self) -> None:
        """Errors: NotCheckedError, if the support has another shape than the query."""
        for _, _, (xs, ys, x, y) in self.tasks:
            if (xs.shape, ys.shape) != (x.shape, y.shape):
                raise NotCheckedError("a support of another shape than the query")

    def of_weights(self, ends: list[Vector], support: bool = False) -> Range:
        return self.norm(p.w for p in self.lifted(ends, support))

    def distance(self, value: Any) -> Any:
        """From the floor of a loss with a name: 0."""
        if self.loss == "own":
            raise NotCheckedError("a floor of a loss of one's own")
        return value


PROGRAMS: Table = {
    **{name: COMMON[name] for name in (
        "zero", "radius", "gap", "eps", "eps_formal", "eps_first_order", "weight_norm", "pairing", "bregman", "misfit",
        "misfit_free", "misfit_plain", "function_displacement", "direction", "inner_product", "residual_norm",
        "min_norm_solution")},
    "misfit_l1": lambda s: s.l1(*together(
        (p.key[:2], c, row, c * p.u) for p, c, row in zip(s.points, s.weighted, s.rows, strict=True))),
    "certified_gap": lambda s: s.distance(s.value),
    "bracket": lambda s: s.distance(s.value - s.gap),
    "weight_norm_unadapted": lambda s: s.of_weights([s.predictions(i, s.omega, "unadapted") for i in s.every]),
    "weight_norm_support": lambda s: s.on_support() or s.of_weights(
        [s.predictions(i, s.omega, support=True) for i in s.every], True),
    "eps_support": lambda s: s.on_support() or norm(s.whole(s.gradient_of(i, True) for i in s.every)),
}  # fmt: skip


# --- statements -------------------------------------------------------------------------------------------


OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv
}  # fmt: skip


def evaluate(text: str, at: Callable[[str], Range]) -> Range:
    """A sum of products of named quantities."""

    def walk(node: ast.expr) -> Range:
        if isinstance(node, ast.Name):
            return at(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return exactly(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -walk(node.operand)
        if isinstance(node, ast.BinOp):
            a, b = walk(node.left), walk(node.right)
            if type(node.op) in OPERATORS:
                return OPERATORS[type(node.op)](a, b)
            if isinstance(node.op, ast.Pow) and b.known in range(1, 65):
                if max(abs(a.a), abs(a.b)).bit_length() * int(b.low) > BITS:
                    raise NotCheckedError("a power that is out of reach")
                return math.prod([a] * int(b.low), start=exactly(1))
        raise NotCheckedError(f"the expression {text}")

    return walk(parsed(text))


STATEMENT = re.compile("[A-Za-z0-9_+*/() -]{1,1000}")


def parsed(text: str) -> ast.expr:
    """The syntax of one side of a statement. Errors: ValueError."""
    if not STATEMENT.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no side of a statement")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"{text[:40]!r} is no side of a statement") from None


def readings(instance: dict[str, Any]) -> list[Quantities]:
    """The quantities of an instance; at a joint of the loss with the derivatives of either side (one parameter)."""
    if instance["problem"] in ("meta-rl", PROGRAM):
        return [(Policies if instance["problem"] == "meta-rl" else Programs)(instance)]
    if outputs_of(instance) > 1:
        return [Vectors(instance)]
    own = Supervised(instance)
    return [own, Supervised(instance, -1)] if own.loss == "huber" and len(own.omega) == 1 else [own]


def check(witness: dict[str, Any]) -> tuple[str, str]:
    """(`refuted`, `no value`, `not refuted` or `not checked`, the two sides or the reason)."""
    for Digits.count in Digits.TRIED:  # noqa: B020
        try:
            for own in tried(witness):
                there = readings(witness["population"])[0] if witness["population"] else own
                outcome, detail = (empty if nothing_said(witness) else compare)(witness, there, own)
                if outcome in ("refuted", "no value"):
                    return outcome, detail
        except NotCheckedError as reason:
            outcome, detail = "not checked", str(reason)
        except WrongGraphError as reason:
            outcome, detail = "not refuted", str(reason)
        except UndefinedError as reason:
            return "not refuted", f"the statement has no value there: {reason}"
    return outcome, detail


def tried(witness: dict[str, Any]) -> Iterator[Quantities]:
    """The readings of its instance; of a statement about every direction also with the direction 0, as that of the
    infimum may leave nothing to compare."""
    yield from readings(witness["instance"])
    names = re.findall(r"\w+", " ".join(witness["statement"][side] for side in ("left", "bound")))
    if not nothing_said(witness) and not ALONG.isdisjoint(names):
        still = readings(witness["instance"])[0]
        still.along = [ZERO] * len(still.rows[0])
        yield still


def nothing_said(witness: dict[str, Any]) -> bool:
    """Whether the file says that the statement has no value: neither side has one."""
    return witness["judged"] == {"left": None, "bound": None}


def empty(witness: dict[str, Any], there: Quantities, own: Quantities) -> tuple[str, str]:
    """Of a statement that should have no value without the assumption: the quantity that has none, and why."""
    said = witness["statement"]
    for side, at in (("left", there), ("bound", own)):
        for name in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", said[side])):
            try:
                at(name)
            except UndefinedError as reason:
                why = f"the statement means nothing here, as {name} is undefined: {reason}"
                if witness["kind"] in WITHOUT:
                    return "no value", f"without the assumption {why}"
                return "not refuted", why
            except NotCheckedError:
                continue
    left, bound = evaluate(said["left"], there), evaluate(said["bound"], own)
    return "not refuted", f"the file gives it no value, and it has one: {sides_of(said, left, bound)}"


def sides_of(said: dict[str, str], left: Range, bound: Range) -> str:
    """Both sides, from the ends that face each other."""
    if said["relation"] == "=" and left.high < bound.low:
        return f"{said['left']} <= {digits(left.high)}, {said['bound']} >= {digits(bound.low)}"
    return f"{said['left']} >= {digits(left.low)}, {said['bound']} <= {digits(bound.high)}"


def compare(witness: dict[str, Any], there: Quantities, own: Quantities) -> tuple[str, str]:
    """Both sides of the statement, with each other and with what the file says that they are."""
    said, judged = witness["statement"], witness["judged"]
    left, bound = evaluate(said["left"], there), evaluate(said["bound"], own)
    sides = sides_of(said, left, bound)
    if not (left.low > bound.high or (said["relation"] == "=" and left.high < bound.low)):
        return ("not refuted" if judged["left"] and judged["bound"] else "not checked"), sides
    if any(name in ALONG for side in ("left", "bound") for name in re.findall(r"\w+", said[side])):
        return "refuted", f"{sides} (at a direction of our own: the file's numbers are those of another)"
    ends = [("left", left.low, left.high), ("bound", bound.low if said["relation"] == "=" else None, bound.high)]
    for name, low, high in ends:
        told = judged[name]
        if told and (
            (told["lo"] is not None and high < _near(told["lo"], -1))
            or (low is not None and told["hi"] is not None and _near(told["hi"], 1) < low)
        ):
            return "not refuted", f"{sides}; the file has a {name} side of {told['lo']} to {told['hi']}"
    return "refuted", sides


WITHOUT = ("ablation", "leave-one-out")
"""Kinds of witnesses of a claim without one of its assumptions."""
ALONG = {"direction", "inner_product", "residual_norm", "mean_residual_norm", "residual_l1", "curvature_size"}
"""Quantities along one direction. A statement that names one is about every direction, and falls by any of them."""


def _near(told: Any, side: int) -> Fraction:
    """A number of the file, a little to that side: directions are not the same to the last digit."""
    return number(told) + side * abs(number(told)) / 10**9


def digits(x: Fraction) -> str:
    return f"{decimal(x):.9g}"


# --- reading ----------------------------------------------------------------------------------------------

LARGEST, DEEPEST = 2**26, 32
"""Bytes of the largest file, and brackets around its innermost value."""


def read(path: str) -> Any:
    """The JSON value in a regular file: no field twice, and nothing that another reader might take otherwise."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a regular file")
    if status.st_size > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    with open(path, "rb") as file:
        return loads(file.read(LARGEST + 1))


def loads(content: bytes) -> Any:
    """The JSON value in a file's bytes, as `read` takes it."""
    if len(content) > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    text = content.decode()

    def fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError(f"{Counter(name for name, _ in pairs).most_common(1)[0][0]!r} is given twice")
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=fields, parse_int=lambda d: int(d) if len(d) < 19 else float(d))
    except RecursionError:
        raise ValueError("brackets that are nested too deep") from None
    level = [value]
    for _ in range(DEEPEST + 1):
        parts = [list(v) + list(v.values()) if isinstance(v, dict) else v for v in level if isinstance(v, dict | list)]
        level = [v for part in parts for v in part]
        for v in level:
            if isinstance(v, str):
                v.encode()
    if level:
        raise ValueError("brackets that are nested too deep")
    return value


def fits(value: Any, form: Any) -> bool:
    """Whether a value has a form: a type, a text, None, a list of one, an object of fields, or one of several."""
    if isinstance(form, tuple):
        return any(fits(value, one) for one in form)
    if isinstance(form, list):
        return isinstance(value, list) and all(fits(v, form[0]) for v in value)
    if isinstance(form, dict):
        return isinstance(value, dict) and set(value) == set(form) and all(fits(value[k], form[k]) for k in form)
    if isinstance(form, type):
        return isinstance(value, form) and not isinstance(value, bool)
    return isinstance(value, str) and value == form if isinstance(form, str) else form is None and value is None


NUMBER = (str, int, float)
ROW = [NUMBER]
END = (int, float, None)
SIDE = (None, {"lo": END, "hi": END})
WITNESS = {
    "format": "metagap/witness/1",
    "kind": ("claim", "mutant", "ablation", "leave-one-out"),
    "name": str,
    "instance": dict,
    "population": (None, dict),
    "statement": {"left": str, "relation": ("<=", "="), "bound": str},
    "judged": {"left": SIDE, "bound": SIDE},
}
LINEAR: dict[str, Any] = {"name": "linear"}
RELU: dict[str, Any] = {"name": "relu-network", "b": ROW, "W0": [ROW]}
MODELS = (LINEAR, RELU, *(RELU | {"name": "smooth-network", "activation": kind} for kind in ACTIVATIONS))
VECTOR_MODELS = (LINEAR, *(model | {"b": [ROW]} for model in MODELS[1:]))
LOSSES = (
    *({"name": name} for name in ("squared", "logistic", "log-cosh", "exponential", "poisson", "absolute")),
    *({"name": name} for name in ("double-well", "geman-mcclure")),
    {"name": "quartic", "c": NUMBER}, {"name": "pseudo-huber", "delta": NUMBER}, {"name": "huber", "delta": NUMBER},
)  # fmt: skip
IMPLICIT = {"squared", "quartic", "logistic", "log-cosh", "pseudo-huber", "exponential", "poisson", "softmax"}
ATOMS = [{"x": int, "y": NUMBER, "p": NUMBER}]
TASK = {"weight": NUMBER, "atoms": ATOMS}
SUPERVISED_FILE = {
    "format": "metagap/instance/1",
    "problem": "meta-sl",
    "loss": LOSSES,
    "adaptation": ({"name": "gradient", "eta": NUMBER, "steps": int}, {"name": "implicit", "lambda": NUMBER}),
    "model": MODELS,
    "features": [ROW],
    "tasks": [TASK],
    "omega": (ROW, [ROW]),
    "comparator": (ROW, [ROW], {"functions": [ROW]}),
    "radius": NUMBER,
}
RATES = (ROW, [ROW])
STEPS = {"name": "gradient", "eta": NUMBER, "steps": int}
SPLIT_FILE = SUPERVISED_FILE | {
    "format": "metagap/instance/2",
    "tasks": [(TASK, TASK | {"support": ATOMS})],
    "adaptation": (
        *(STEPS | more for more in ({}, {"rates": RATES}, {"decay": NUMBER}, {"rates": RATES, "decay": NUMBER})),
        {"name": "implicit", "lambda": NUMBER},
        {"name": "own", "rule": str, "eta": NUMBER},
    ),
}
TARGETS = [{"x": int, "y": ROW, "p": NUMBER}]
TARGET_TASK = {"weight": NUMBER, "atoms": TARGETS}
VECTOR_FILES = (
    SPLIT_FILE | {"loss": {"name": "softmax", "classes": int}, "model": VECTOR_MODELS},
    SPLIT_FILE | {"loss": {"name": "squared"}, "model": VECTOR_MODELS,
                  "tasks": [(TARGET_TASK, TARGET_TASK | {"support": TARGETS})]},
)  # fmt: skip
PROCESS = {"weight": NUMBER, "gamma": NUMBER, "P": [[ROW]], "r": [ROW], "start": ROW}
POLICIES_FILE = {
    "format": "metagap/instance/1",
    "problem": "meta-rl",
    "model": MODELS,
    "features": [[ROW]],
    "tasks": [PROCESS],
    "tau": NUMBER,
    "eta": NUMBER,
    "adaptation": tuple({"name": name} for name in ("kl-step", "rational-step", "gradient")),
    "omega": (ROW, [ROW]),
    "comparator": (ROW, [ROW], {"policies": [[ROW]]}),
    "radius": NUMBER,
}


def validate(witness: Any) -> None:
    """Errors: ValueError if this is no witness of an instance."""
    need(fits(witness, WITNESS), "exactly the fields of the format metagap/witness/1")
    for side in ("left", "bound"):
        parsed(witness["statement"][side])
        told = witness["judged"][side] or {"lo": None, "hi": None}
        ends = [told[name] for name in ("lo", "hi") if told[name] is not None]
        need(all(math.isfinite(v) for v in ends) and ends == sorted(ends), "lo <= hi, finite or null")
    for instance in (witness["instance"], witness["population"]):
        if instance is not None:
            validate_instance(instance)


PROGRAM = "any-model"
"""The problem of files with a program."""
ARRAY = {"kind": ("real", "int", "bool"), "shape": [int], "values": [(int, float, "inf", "-inf", "nan")]}
GRAPH = {"nodes": [str], "constants": [ARRAY], "inputs": int, "outputs": [int], "varying": [int]}
PROGRAM_FILE = {
    "format": "metagap/instance/1",
    "problem": PROGRAM,
    "model": {"name": "program", "parameters": [str], "programs": [dict]},
    "loss": {"name": ("mse", "cross_entropy", "bce", "own")},
    "tasks": [{"weight": NUMBER, "program": int, "shape": [int], "data": [ARRAY]}],
    "omega": [ARRAY],
    "comparator": ([ARRAY], {"functions": [ARRAY]}),
    "radius": NUMBER,
}


def validate_instance(given: dict[str, Any]) -> None:
    """Errors: ValueError if this is no instance."""
    known: dict[str, Any] = {"meta-sl": (SUPERVISED_FILE, SPLIT_FILE, *VECTOR_FILES), "meta-rl": POLICIES_FILE}
    problem = given.get("problem")
    if problem == PROGRAM:
        _validate_program({name: value for name, value in given.items() if name != "notes"})
        return
    need(isinstance(problem, str) and problem in known, "problem: meta-sl, meta-rl or any-model")
    given = {"model": LINEAR} | given if problem == "meta-rl" else given
    need(fits(given, known[str(problem)]), "exactly the fields of an instance's format")
    features, model, tasks = given["features"], given["model"], given["tasks"]
    inputs = features if problem == "meta-sl" else [x for rows in features for x in rows]
    need(bool(inputs) and bool(inputs[0]) and len({len(x) for x in inputs}) == 1, "features: rows of one length")
    need(bool(tasks), "a task")
    need(number(given["radius"]) > 0, "radius > 0")
    rival, d = given["comparator"], len(inputs[0])
    weights = [("omega", given["omega"]), *([] if isinstance(rival, dict) else [("comparator", rival)])]
    if model["name"] != "linear":
        weights.append(("W0", model["W0"]))
    several = problem == "meta-sl" and bool(tasks[0]["atoms"])
    c = outputs_of(given) if several else 1
    neurons = 1
    if model["name"] != "linear":
        rows = model["b"] if c > 1 else [model["b"]]
        neurons = len(rows[0]) if rows else 0
        need(neurons > 0 and shape(rows) == [c, neurons], "b: a neuron each, of several outputs a row each")
        need(all(abs(number(b)) == 1 for row in rows for b in row), "b: -1 or 1")
    need(1 <= c <= 1000 and (c > 1 or "classes" not in given.get("loss", {})), "classes: 2..1000")
    for name, rows in weights:
        width = [c * d] if model["name"] == "linear" else [neurons, d]
        need(shape(rows) == width, f"{name}: numbers of the shape {width}")
    if problem == "meta-sl":
        _validate_supervised(given)
    else:
        _validate_policies(given)


def _validate_program(given: dict[str, Any]) -> None:
    need(fits(given, PROGRAM_FILE), "exactly the fields of an instance's format")
    programs, own = given["model"]["programs"], OWN_LOSS if given["loss"]["name"] == "own" else ()
    for program in programs:
        need({*GRAPHS, *own} <= set(program) <= {*GRAPHS, *own, "unadapted"}, "the graphs of a program")
        for graph in program.values():
            need(fits(graph, GRAPH), "graphs: nodes, constants, inputs, outputs, varying")
            graphs.Program(graph)
    need(bool(given["tasks"]) and bool(given["omega"]), "a task, and parameters")
    need(number(given["radius"]) >= 0, "radius >= 0")
    shares(task["weight"] for task in given["tasks"])
    shapes, rival = [a["shape"] for a in given["omega"]], given["comparator"]
    arrays = [*given["omega"], *(rival if isinstance(rival, list) else rival["functions"])]
    for task in given["tasks"]:
        need(0 <= task["program"] < len(programs) and len(task["data"]) == 4, "a program, and four arrays of data")
        need(bool(task["shape"]) and min(task["shape"]) > 0, "shape: of the predictions")
        *_, y = map(graphs.table, task["data"])
        n, c = task["shape"][0], math.prod(task["shape"][1:])
        if given["loss"]["name"] == "cross_entropy":
            need(y.shape == (n,) and all(type(v) is int and 0 <= v < c for v in y.entries), "y: classes")
        elif given["loss"]["name"] != "own":
            need(len(y.entries) == n * c and all(type(v) is float for v in y.entries), "y: a number per prediction")
    wanted = shapes if isinstance(rival, list) else [task["shape"] for task in given["tasks"]]
    need([a["shape"] for a in arrays[len(shapes) :]] == wanted, "comparator: arrays of the same shapes")
    need(all(a["kind"] == "real" and all(map(math.isfinite, graphs.table(a).entries)) for a in arrays), "real numbers")


def shape(value: Any) -> list[int]:
    """Lengths of a table; [-1] for one that is ragged. Each number in it is read."""
    if not isinstance(value, list):
        number(value)
        return []
    below = [shape(v) for v in value]
    return [len(value), *below[0]] if below and all(b == below[0] for b in below) else [-1]


def _validate_supervised(given: dict[str, Any]) -> None:
    loss, adaptation, k = given["loss"], given["adaptation"], len(given["features"])
    need(number(loss.get("c", 0)) >= 0 and number(loss.get("delta", 1)) > 0, "c >= 0 or delta > 0")
    if adaptation["name"] == "gradient":
        number(adaptation["eta"])
        need(1 <= adaptation["steps"] <= 1000, "steps: 1..1000")
        need(number(adaptation.get("decay", 0)) >= 0, "decay >= 0")
        if "rates" in adaptation:
            need(shape(adaptation["rates"]) == shape(given["omega"]), "rates: one for each number of omega")
    elif adaptation["name"] == "own":
        number(adaptation["eta"])
    else:
        need(number(adaptation["lambda"]) > 0 and given["model"]["name"] == "linear", "lambda > 0, a linear model")
        need(loss["name"] in IMPLICIT, "a loss for implicit adaptation")
    shares(task["weight"] for task in given["tasks"])
    shape(given["features"])
    for task in given["tasks"]:
        laws = [task[name] for name in ("atoms", "support") if name in task]
        need(all(laws), "an atom in each task")
        for law in laws:
            shares(atom["p"] for atom in law)
        for atom in itertools.chain(*laws):
            need(0 <= atom["x"] < k, "x: a row of features")
            if isinstance(atom["y"], list):
                need(shape(atom["y"]) == [outputs_of(given)], "y: labels of one length")
                continue
            y = number(atom["y"])
            need(y in range(loss.get("classes", 1)) or loss["name"] != "softmax", "y: a class, counted from 0")
            need(abs(y) == 1 or loss["name"] not in ("logistic", "exponential"), "y: -1 or 1")
            need(y >= 0 or loss["name"] != "poisson", "y >= 0")
    if isinstance(given["comparator"], dict):
        width = k * outputs_of(given)
        need(shape(given["comparator"]["functions"]) == [len(given["tasks"]), width], "functions: a row per task")


def _validate_policies(given: dict[str, Any]) -> None:
    tables = shape(given["features"])
    need(len(tables) == 3, "features: a table per state, of one size")
    states, actions, _ = tables
    need(number(given["tau"]) > 0, "tau > 0")
    number(given["eta"])
    need(given["adaptation"]["name"] != "gradient" or given["model"]["name"] == "linear", "a step on policies")
    shares(task["weight"] for task in given["tasks"])
    for task in given["tasks"]:
        need(0 <= number(task["gamma"]) < 1, "gamma: 0 or more, below 1")
        need(shape(task["P"]) == [states, actions, states], "P: of the shape (S, A, S)")
        need(shape(task["r"]) == [states, actions] and shape(task["start"]) == [states], "r (S, A) and start [S]")
        for row in (*(row for table in task["P"] for row in table), task["start"]):
            shares(row)
    if isinstance(given["comparator"], dict):
        policies = given["comparator"]["policies"]
        need(shape(policies) == [len(given["tasks"]), states, actions], "policies: of the shape (n, S, A)")
        for row in (row for table in policies for row in table):
            shares(row)


STATUS = {"not refuted": 1, "not read": 2, "not checked": 3, "no value": 0, "refuted": 0}
"""Exit status by outcome: that of the first of these that occurred."""


def main(arguments: Sequence[str]) -> int:
    """Check the files named, and those in the folders named: a line each, and how many there were of each outcome."""
    about, _, more = (__doc__ or "").partition("\n\n")
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("check_witness.py", description=about, epilog=more, formatter_class=layout)
    parser.add_argument("paths", nargs="+", metavar="WITNESS.json|FOLDER", help="witness files, or folders of them")
    parser.add_argument(
        "--max-time", type=seconds_of, default=600.0, metavar="SECONDS", help="for each file; 600 by default"
    )
    given = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    families: dict[str, Counter[str]] = {}
    instances = 0
    for path in files(given.paths):
        outcome, detail, family = outcome_of(partial(read, path), given.max_time)
        if outcome == INSTANCE:
            instances += 1
            continue
        if family:
            families.setdefault(family, Counter())[outcome] += 1
        counts[outcome] += 1
        stream = sys.stderr if outcome == "not read" else sys.stdout
        stream.write(f"{printable(path)}: {outcome}: {printable(' '.join(detail.split()))}\n")
    if instances:
        what = "an instance in which" if instances == 1 else f"{instances} instances in which"
        sys.stdout.write(f"{what} nothing is claimed to be refuted: nothing to check there\n")
    if not counts:
        sys.stdout.write("no witness\n")
        return STATUS["not checked"]
    others = "".join(f", {counts[outcome]} {outcome}" for outcome in STATUS if counts[outcome] and outcome != "refuted")
    each = ", ".join(f"{name} {own['refuted']} of {own.total()}" for name, own in sorted(families.items()))
    sys.stdout.write(f"refuted {counts['refuted']} of {counts.total()}{others}{': ' if each else ''}{each}\n")
    return next(status for outcome, status in STATUS.items() if counts[outcome] or outcome == "refuted")


INSTANCE = "an instance"
"""What a file is that is no witness: nothing is claimed to be refuted there."""


def outcome_of(given: Callable[[], Any], seconds: float) -> tuple[str, str, str]:
    """(outcome, the two sides or the reason, family or nothing) of the JSON value that is given, within that time."""
    family = ""
    try:
        with limited(seconds):
            witness = given()
            if isinstance(witness, dict) and witness.get("format") in ("metagap/instance/1", "metagap/instance/2"):
                return INSTANCE, "", family
            validate(witness)
            family = family_of(witness["instance"])
            return (*check(witness), family)
    except OutOfTimeError:
        return "not checked", f"it takes longer than {seconds:g} s", family
    except MemoryError:
        return "not checked", "it takes more memory than there is", family
    except RecursionError:
        return "not read", "ValueError: expressions that are nested too deep", family
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError) as error:
        return "not read", f"{type(error).__name__}: {error}", family


def family_of(instance: dict[str, Any]) -> str:
    """The problem and the model."""
    return f"{instance['problem']} {instance.get('model', {'name': 'linear'})['name']}"


def files(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if os.path.isdir(path):
            yield from (os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".json"))
        else:
            yield path


def printable(text: str) -> str:
    """The text, or its name in ASCII where it could not stand in a line."""
    return text if text.isprintable() else ascii(text)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Ends the work within by OutOfTimeError after that time, where the system has an alarm."""

    def ring(*_: object) -> None:
        raise OutOfTimeError

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def seconds_of(text: str) -> float:
    """The seconds of --max-time. Errors: ArgumentTypeError."""
    if not (re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,9})?", text) and float(text) > 0):
        raise argparse.ArgumentTypeError(f"a number of seconds above 0 is required (given {text[:40]!r})")
    return float(text)


MEMORY = 2**32
"""Bytes that a script may take, where the system keeps count: a small file may ask for any number of them."""


def bounded() -> None:
    """Asks the system for a MemoryError beyond `MEMORY`."""
    if resource is not None:
        least, most = resource.getrlimit(resource.RLIMIT_AS)
        with suppress(ValueError, OSError):
            if least == resource.RLIM_INFINITY or least > MEMORY:
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, most))


def run(script: Callable[[Sequence[str]], int], name: str) -> int:
    """A script: what it cannot write is one line, and a reader that leaves early (as head does) none."""
    bounded()
    try:
        status = script(sys.argv[1:])
        sys.stdout.flush()
        return status
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 141
        sys.stderr.write(f"{name}: standard output: {error.strerror}\n")
        return 2


if __name__ == "__main__":
    sys.exit(run(main, "check_witness.py"))
