"""Check a witness with nothing but Python's standard library: exact fractions, no floating point, no package.

    python3 check_witness.py counterexamples

A witness file holds an instance and a statement `left <= bound` (or `left = bound`) that the instance refutes. This
script computes both sides again, from the definitions, and says `refuted` if left is certainly larger than bound (or
differs from it), `not refuted`, or `not checked` with the reason. It covers meta-supervised learning with a linear
model, gradient steps and rational losses (squared, quartic, double well, Geman-McClure); there every quantity is a
fraction or a square root of one. Roots are enclosed between fractions. Derivatives come from dual numbers (a + b e with
e^2 = 0) sent through the adaptation, not from formulas of the theory. Of an infimum over directions any admissible
direction gives an upper bound, which is the side that a refutation needs.

A file that cannot be read is said to be `not read`, and the others are checked all the same. Exit status: 1 some not
refuted, else 2 some not read, else 3 some not checked, else 0.
"""

from __future__ import annotations

import ast
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

BITS = 200
"""Roots are enclosed to 2^-BITS."""


class NotCheckedError(Exception):
    """The witness is outside of what this script computes."""


# --- numbers ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dual:
    """value + slope e, with e^2 = 0: arithmetic on these differentiates."""

    value: Fraction
    slope: Fraction = Fraction(0)

    def __add__(self, other: Dual | Fraction | int) -> Dual:
        o = _dual(other)
        return Dual(self.value + o.value, self.slope + o.slope)

    __radd__ = __add__

    def __mul__(self, other: Dual | Fraction | int) -> Dual:
        o = _dual(other)
        return Dual(self.value * o.value, self.value * o.slope + self.slope * o.value)

    __rmul__ = __mul__

    def __sub__(self, other: Dual | Fraction | int) -> Dual:
        return self + -1 * _dual(other)

    def __rsub__(self, other: Fraction | int) -> Dual:
        return _dual(other) - self

    def __rtruediv__(self, other: Fraction | int) -> Dual:
        return Dual(other / self.value, -other * self.slope / (self.value * self.value))


def _dual(x: Dual | Fraction | int) -> Dual:
    return x if isinstance(x, Dual) else Dual(Fraction(x))


@dataclass(frozen=True)
class Range:
    """A number between two fractions."""

    low: Fraction
    high: Fraction

    def __add__(self, o: Range) -> Range:
        return Range(self.low + o.low, self.high + o.high)

    def __sub__(self, o: Range) -> Range:
        return Range(self.low - o.high, self.high - o.low)

    def __mul__(self, o: Range) -> Range:
        ends = [a * b for a in (self.low, self.high) for b in (o.low, o.high)]
        return Range(min(ends), max(ends))

    def __truediv__(self, o: Range) -> Range:
        if o.low <= 0 <= o.high:
            raise NotCheckedError("division by a number that may be 0")
        return self * Range(1 / o.high, 1 / o.low)


def exactly(x: Fraction | int) -> Range:
    """The number itself."""
    return Range(Fraction(x), Fraction(x))


def root(square: Fraction) -> Range:
    """The square root of a fraction >= 0, enclosed (exact where it is a fraction)."""
    top, bottom = math.isqrt(square.numerator), math.isqrt(square.denominator)
    if top * top == square.numerator and bottom * bottom == square.denominator:
        return exactly(Fraction(top, bottom))
    scaled = square.numerator * 4**BITS // square.denominator
    low = math.isqrt(scaled)
    return Range(Fraction(low, 2**BITS), Fraction(low + 1, 2**BITS))


def number(text: Any) -> Fraction:
    """A number of an instance file: "p/q", a hex float, or a JSON number."""
    if isinstance(text, str):
        return Fraction(float.fromhex(text)) if "x" in text.lower() else Fraction(text)
    return Fraction(text)


# --- the losses, as rational functions of the prediction z ---------------------------------------------------------


def loss_of(record: dict[str, Any]) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """(ell, ell', ell'') in (z, y)."""
    name = record["name"]
    if name in ("squared", "quartic"):
        c = number(record.get("c", 0)) if name == "quartic" else Fraction(0)
        half = Fraction(1, 2)
        return (
            lambda z, y: half * (z - y) * (z - y) + c * (z - y) * (z - y) * (z - y) * (z - y),
            lambda z, y: (z - y) + 4 * c * (z - y) * (z - y) * (z - y),
            lambda z, y: 1 + 12 * c * (z - y) * (z - y),
        )
    if name == "double-well":
        return (
            lambda z, y: ((z - y) * (z - y) - 1) * ((z - y) * (z - y) - 1),
            lambda z, y: 4 * (z - y) * ((z - y) * (z - y) - 1),
            lambda z, y: 12 * (z - y) * (z - y) - 4,
        )
    if name == "geman-mcclure":
        return (
            lambda z, y: 1 - 1 / (1 + (z - y) * (z - y)),
            lambda z, y: 2 * (z - y) * (1 / ((1 + (z - y) * (z - y)) * (1 + (z - y) * (z - y)))),
            lambda z, y: (2 - 6 * (z - y) * (z - y)) * (1 / (1 + (z - y) * (z - y))) ** 3,
        )
    raise NotCheckedError(f"the {name} loss is not a rational function")


# --- the quantities ---------------------------------------------------------------------------------------


class Quantities:
    """Every quantity that this script knows, by the name that statements give it: a `Range`."""

    def __init__(self, instance: dict[str, Any]) -> None:
        model = instance.get("model", {"name": "linear"})["name"]
        adaptation = instance["adaptation"]
        if instance["problem"] != "meta-sl" or model != "linear":
            raise NotCheckedError(f"problem {instance['problem']!r} with model {model!r}")
        if adaptation["name"] != "gradient":
            raise NotCheckedError(f"adaptation {adaptation['name']!r}")
        self.ell, self.slope, self.bend = loss_of(instance["loss"])
        self.eta, self.steps = number(adaptation["eta"]), int(adaptation["steps"])
        self.features = [[number(v) for v in row] for row in instance["features"]]
        self.tasks = [
            (number(t["weight"]), [(a["x"], number(a["y"]), number(a["p"])) for a in t["atoms"]])
            for t in instance["tasks"]
            if number(t["weight"]) != 0
        ]
        self.tasks = [(q, [(x, y, p) for x, y, p in atoms if p != 0]) for q, atoms in self.tasks]
        self.omega = [number(v) for v in instance["omega"]]
        self.size = number(instance["radius"])
        given = instance["comparator"]
        kept = [i for i, t in enumerate(instance["tasks"]) if number(t["weight"]) != 0]
        self.rival = None if isinstance(given, dict) else [number(v) for v in given]
        self.functions = [[number(v) for v in given["functions"][i]] for i in kept] if isinstance(given, dict) else None

    def __call__(self, name: str) -> Range:
        if name.startswith("_") or not hasattr(type(self), name):
            raise NotCheckedError(f"the quantity {name}")
        value = getattr(self, name)
        return value if isinstance(value, Range) else exactly(value)

    # -- by definition --

    def _adapted(self, atoms: Sequence[Any], theta: Sequence[Any]) -> list[Any]:
        """U_i(theta)."""
        point = list(theta)
        for _ in range(self.steps):
            slopes = [p * self.slope(_dot(self.features[x], point), y) for x, y, p in atoms]
            pull = [
                sum((s * self.features[x][j] for s, (x, _, _) in zip(slopes, atoms, strict=True)), start=Fraction(0))
                for j in range(len(point))
            ]
            point = [t - self.eta * g for t, g in zip(point, pull, strict=True)]
        return point

    @cached_property
    def _after(self) -> list[list[Fraction]]:
        return [self._adapted(atoms, self.omega) for _, atoms in self.tasks]

    def _comparison(self, i: int, x: int) -> Fraction:
        if self.functions is not None:
            return self.functions[i][x]
        assert self.rival is not None
        return _dot(self.features[x], self._adapted(self.tasks[i][1], self.rival))

    @cached_property
    def _points(self) -> list[tuple[int, int, Fraction, Fraction, Fraction]]:
        """(task, input, mass q_i rho_i(x), w_i(x), u_i(x)) over the lifted support."""
        found = []
        for i, (q, atoms) in enumerate(self.tasks):
            for x in sorted({x for x, _, _ in atoms}):
                z = _dot(self.features[x], self._after[i])
                rho = sum((p for at, _, p in atoms if at == x), start=Fraction(0))
                w = sum((p * self.slope(z, y) for at, y, p in atoms if at == x), start=Fraction(0)) / rho
                found.append((i, x, q * rho, w, z - self._comparison(i, x)))
        return found

    @cached_property
    def _directions(self) -> list[list[list[Dual]]]:
        """U_i(omega + t e_j) as dual numbers, by task and coordinate j."""
        d = len(self.omega)
        starts = [[Dual(v, Fraction(int(j == k))) for k, v in enumerate(self.omega)] for j in range(d)]
        return [[self._adapted(atoms, start) for start in starts] for _, atoms in self.tasks]

    @cached_property
    def _features(self) -> list[list[Fraction]]:
        """Meta-features: derivatives of adapted predictions, over the lifted support."""
        return [[_dot(self.features[x], moved).slope for moved in self._directions[i]] for i, x, *_ in self._points]

    def _gradient(self, plain: bool = False) -> list[Fraction]:
        """The derivative of L, by dual numbers through its definition; plain: FOMAML's, without the adaptation's."""
        found = []
        for j in range(len(self.omega)):
            total = Dual(Fraction(0))
            for i, (q, atoms) in enumerate(self.tasks):
                point = (
                    [Dual(v, Fraction(int(j == k))) for k, v in enumerate(self._after[i])]
                    if plain
                    else self._directions[i][j]
                )
                for x, y, p in atoms:
                    total = total + q * p * self.ell(_dot(self.features[x], point), y)
            found.append(total.slope)
        return found

    # -- what statements name --

    zero = Fraction(0)

    @property
    def radius(self) -> Fraction:
        return self.size

    @property
    def gap(self) -> Fraction:
        total = Fraction(0)
        for i, (q, atoms) in enumerate(self.tasks):
            for x, y, p in atoms:
                z = _dot(self.features[x], self._after[i])
                total += q * p * (self.ell(z, y) - self.ell(self._comparison(i, x), y))
        return total

    @property
    def pairing(self) -> Fraction:
        return sum((m * w * u for *_, m, w, u in self._points), start=Fraction(0))

    @property
    def bregman(self) -> Fraction:
        return self.pairing - self.gap

    @property
    def eps(self) -> Range:
        return root(_square(self._gradient()))

    @property
    def eps_first_order(self) -> Range:
        return root(_square(self._gradient(plain=True)))

    @property
    def weight_norm(self) -> Range:
        return root(sum((m * w * w for *_, m, w, _ in self._points), start=Fraction(0)))

    @property
    def function_displacement(self) -> Range:
        return root(sum((m * u * u for *_, m, _, u in self._points), start=Fraction(0)))

    @property
    def displacement(self) -> Range:
        if self.rival is None:
            raise NotCheckedError("the distance to functions")
        return root(_square([a - b for a, b in zip(self.omega, self.rival, strict=True)]))

    @property
    def misfit(self) -> Range:
        return self._infimum(self._features, [u for *_, u in self._points], self._masses, self.size)

    @property
    def misfit_plain(self) -> Range:
        plain = [self.features[x] for _, x, *_ in self._points]
        return self._infimum(plain, [u for *_, u in self._points], self._masses, self.size)

    @property
    def misfit_free(self) -> Range:
        return self._infimum(self._features, [u for *_, u in self._points], self._masses, None)

    @property
    def misfit_u_unadapted(self) -> Range:
        target = []
        for i, x, *_ in self._points:
            rival = self.functions[i][x] if self.functions is not None else _dot(self.features[x], self.rival or [])
            target.append(_dot(self.features[x], self.omega) - rival)
        return self._infimum(self._features, target, self._masses, self.size)

    @property
    def weight_norm_unadapted(self) -> Range:
        total = Fraction(0)
        for q, atoms in self.tasks:
            for x in sorted({x for x, _, _ in atoms}):
                z = _dot(self.features[x], self.omega)
                rho = sum((p for at, _, p in atoms if at == x), start=Fraction(0))
                total += q * sum((p * self.slope(z, y) for at, y, p in atoms if at == x), start=Fraction(0)) ** 2 / rho
        return root(total)

    @property
    def weight_norm_uniform(self) -> Range:
        return root(sum((m * w * w for m, (*_, w, _) in zip(self._uniform, self._points, strict=True)), Fraction(0)))

    @property
    def misfit_uniform(self) -> Range:
        return self._infimum(self._features, [u for *_, u in self._points], self._uniform, self.size)

    @property
    def mixed_weight_norm(self) -> Range:
        return root(sum((w * w / m for _, w, _, m in self._mixed if m), start=Fraction(0)))

    @property
    def mixed_misfit(self) -> Range:
        """With 0/0 read as 0, as the statement without the hypothesis on the numerator has it."""
        live = [(psi, t / w, m) for psi, w, t, m in self._mixed if w != 0]
        return self._infimum([p for p, _, _ in live], [t for _, t, _ in live], [m for *_, m in live], self.size)

    @property
    def _masses(self) -> list[Fraction]:
        return [m for _, _, m, _, _ in self._points]

    @property
    def _uniform(self) -> list[Fraction]:
        return [m / self.tasks[i][0] / len(self.tasks) for i, _, m, _, _ in self._points]

    @cached_property
    def _mixed(self) -> list[tuple[list[Fraction], Fraction, Fraction, Fraction]]:
        """(psi, weight density, target density, mass) on the triples (x, y, x')."""
        if self.steps != 1:
            raise NotCheckedError("the mixed form after several steps")
        triples: dict[tuple[int, Fraction, int], list[Fraction]] = {}
        for i, x2, m, w, u in self._points:
            for x, y, p in self.tasks[i][1]:
                entry = triples.setdefault((x, y, x2), [Fraction(0)] * 3)
                for k, value in enumerate((w, w * u, Fraction(1))):
                    entry[k] += m * p * value
        found = []
        for (x, y, x2), (weight, target, mass) in triples.items():
            bend = self.eta * self.bend(_dot(self.features[x], self.omega), y)
            pull = bend * _dot(self.features[x], self.features[x2])
            psi = [a - pull * b for a, b in zip(self.features[x2], self.features[x], strict=True)]
            found.append((psi, weight, target, mass))
        return found

    def _infimum(
        self, rows: list[list[Fraction]], target: list[Fraction], masses: list[Fraction], radius: Fraction | None
    ) -> Range:
        """inf ||u - rows v|| over the ball: from 0 to the value at an admissible direction that is nearly the best."""
        best = _weighted_residual(rows, target, masses, [Fraction(0)] * len(self.omega))
        shift = Fraction(1, 2**60)
        for _ in range(200):
            v = _ridge(rows, target, masses, shift)
            if v is not None and (radius is None or _square(v) <= radius * radius):
                best = min(best, _weighted_residual(rows, target, masses, v))
                break
            shift *= Fraction(2)
        if radius is not None and shift > Fraction(1, 2**60):
            best = min(best, self._on_the_sphere(rows, target, masses, radius, shift))
        return Range(Fraction(0), root(best).high)

    @staticmethod
    def _on_the_sphere(
        rows: list[list[Fraction]], target: list[Fraction], masses: list[Fraction], radius: Fraction, high: Fraction
    ) -> Fraction:
        """The least residual over shifts near the one whose solution has the length of the radius."""
        low, best = high / 2, None
        for _ in range(80):
            middle = (low + high) / 2
            v = _ridge(rows, target, masses, middle)
            if v is not None and _square(v) <= radius * radius:
                high, best = middle, v
            else:
                low = middle
        return _weighted_residual(rows, target, masses, best or [Fraction(0)] * len(rows[0]))


def _dot(a: Iterable[Any], b: Iterable[Any]) -> Any:
    return sum((x * y for x, y in zip(a, b, strict=True)), start=Fraction(0))


def _square(v: Iterable[Fraction]) -> Fraction:
    return sum((x * x for x in v), start=Fraction(0))


def _weighted_residual(
    rows: list[list[Fraction]], target: list[Fraction], masses: list[Fraction], v: list[Fraction]
) -> Fraction:
    parts = zip(rows, target, masses, strict=True)
    return sum((m * (t - _dot(row, v)) ** 2 for row, t, m in parts), start=Fraction(0))


def _ridge(
    rows: list[list[Fraction]], target: list[Fraction], masses: list[Fraction], shift: Fraction
) -> list[Fraction] | None:
    """(A'A + shift I) v = A'u by elimination, rounded to 2^-100: a proposal, which is then evaluated exactly."""
    d = len(rows[0]) if rows else 0
    table = [
        [sum((m * r[j] * r[k] for r, m in zip(rows, masses, strict=True)), Fraction(0)) + (shift if j == k else 0)
         for k in range(d)]
        + [sum((m * r[j] * t for r, t, m in zip(rows, target, masses, strict=True)), Fraction(0))]
        for j in range(d)
    ]  # fmt: skip
    for k in range(d):
        pivot = table[k][k]
        if pivot <= 0:
            return None
        for i in range(d):
            if i != k:
                factor = table[i][k] / pivot
                table[i] = [a - factor * b for a, b in zip(table[i], table[k], strict=True)]
    return [Fraction(round(table[j][d] / table[j][j] * 2**100), 2**100) for j in range(d)]


# --- statements -------------------------------------------------------------------------------------------


def evaluate(text: str, at: Callable[[str], Range]) -> Range:
    """A sum of products of named quantities."""

    def walk(node: ast.expr) -> Range:
        if isinstance(node, ast.Name):
            return at(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return exactly(node.value)
        if isinstance(node, ast.BinOp):
            a, b = walk(node.left), walk(node.right)
            if isinstance(node.op, ast.Add):
                return a + b
            if isinstance(node.op, ast.Sub):
                return a - b
            if isinstance(node.op, ast.Mult):
                return a * b
            if isinstance(node.op, ast.Div):
                return a / b
            if isinstance(node.op, ast.Pow) and b == exactly(2):
                return a * a
        raise NotCheckedError(f"the expression {text}")

    return walk(ast.parse(text, mode="eval").body)


def check(witness: dict[str, Any]) -> tuple[str, str]:
    """(`refuted`, `not refuted` or `not checked`, the two sides or the reason)."""
    try:
        at = Quantities(witness["instance"])
        there = Quantities(witness["population"]) if witness["population"] else at
        said = witness["statement"]
        left, bound = evaluate(said["left"], there), evaluate(said["bound"], at)
    except NotCheckedError as reason:
        return "not checked", str(reason)
    differs = left.low > bound.high or (said["relation"] == "=" and left.high < bound.low)
    sides = f"{said['left']} >= {float(left.low):.9g}, {said['bound']} <= {float(bound.high):.9g}"
    return ("refuted" if differs else "not refuted"), sides


STATUS = {"not refuted": 1, "not read": 2, "not checked": 3, "refuted": 0}
"""Exit status by outcome: that of the first of these that occurred."""


def main(paths: Sequence[str]) -> int:
    """Check the files named, and those in the folders named: a line each, and how many there were of each outcome."""
    if not paths:
        sys.stderr.write("usage: python3 check_witness.py WITNESS.json|FOLDER...\n")
        return 2
    counts = dict.fromkeys(STATUS, 0)
    for path in _files(paths):
        try:
            with open(path, encoding="utf-8") as file:
                witness = json.load(file)
            if not isinstance(witness, dict) or witness.get("format") != "metagap/witness/1":
                raise ValueError("not a file of the format metagap/witness/1")
            outcome, detail = check(witness)
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            outcome, detail = "not read", f"{type(error).__name__}: {error}"
        counts[outcome] += 1
        stream = sys.stderr if outcome == "not read" else sys.stdout
        stream.write(f"{path}: {outcome}: {' '.join(detail.split())}\n")
    sys.stdout.write(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()) if count) + "\n")
    return next(status for outcome, status in STATUS.items() if counts[outcome] or outcome == "refuted")


def _files(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if os.path.isdir(path):
            yield from (os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".json"))
        else:
            yield path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
