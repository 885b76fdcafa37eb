"""Numbers of an instance file as exact fractions, and the few vector operations that everything here uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

from mpmath import mp, mpf

Vector = list[Any]


class UndefinedError(ArithmeticError):
    """The definition has no value on this instance."""


def exact(value: Any) -> Fraction:
    """A JSON number is its float64; a string is p/q, a decimal or a hex float, exactly as written."""
    if isinstance(value, str) and "0x" in value.lower():
        mantissa, _, power = value.lower().partition("p")
        sign = -1 if mantissa.startswith("-") else 1
        whole, _, part = mantissa.lstrip("+-").removeprefix("0x").partition(".")
        return sign * Fraction(int(whole + part, 16), 16 ** len(part)) * Fraction(2) ** int(power or 0)
    return Fraction(value)


def share(values: Iterable[Any]) -> list[Fraction]:
    """Masses, renormalised to sum to 1."""
    found = [exact(v) for v in values]
    total = sum(found)
    return [v / total for v in found]


def number(value: Fraction) -> mpf:
    return mpf(value.numerator) / value.denominator


def numbers(values: Iterable[Any]) -> Vector:
    return [number(exact(v)) for v in values]


def decades(document: Any) -> int:
    """The largest power of ten, of either sign, in the document's numbers."""
    if isinstance(document, dict):
        return max((decades(v) for v in document.values()), default=0)
    if isinstance(document, list):
        return max((decades(v) for v in document), default=0)
    if isinstance(document, bool) or not isinstance(document, int | float | str):
        return 0
    try:
        value = exact(document)
    except ValueError:
        return 0
    if value == 0:
        return 0
    return abs(value.numerator.bit_length() - value.denominator.bit_length()) * 3 // 10


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    return mp.fdot(a, b)


def norm(v: Iterable[Any]) -> mpf:
    v = list(v)
    return mp.sqrt(mp.fdot(v, v))


def weighted_norm(values: Iterable[Any], masses: Iterable[Any]) -> mpf:
    """(sum masses values^2)^{1/2}."""
    return mp.sqrt(mp.fsum(m * v * v for v, m in zip(values, masses, strict=True)))


def solve(matrix: list[Vector], right: Vector) -> Vector:
    """Gaussian elimination with the largest pivot."""
    n = len(right)
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    for c in range(n):
        p = max(range(c, n), key=lambda r: abs(rows[r][c]))
        rows[c], rows[p] = rows[p], rows[c]
        for r in range(c + 1, n):
            if rows[r][c]:
                f = rows[r][c] / rows[c][c]
                rows[r] = [x - f * y for x, y in zip(rows[r], rows[c], strict=True)]
    found: Vector = [mpf(0)] * n
    for r in reversed(range(n)):
        found[r] = (rows[r][n] - mp.fdot(rows[r][r + 1 : n], found[r + 1 :])) / rows[r][r]
    return found


def singular_values(rows: list[Vector]) -> Vector:
    """Of the matrix with these rows, ascending: as many as its smaller side has."""
    if not rows:
        return []
    short = rows if len(rows) <= len(rows[0]) else [list(c) for c in zip(*rows, strict=True)]
    gram = mp.matrix([[dot(a, b) for b in short] for a in short])
    squares = [gram[0, 0]] if len(short) == 1 else list(mp.eigsy(gram, eigvals_only=True))
    return sorted(mp.sqrt(max(v, mpf(0))) for v in squares)


def independent(rows: list[Vector]) -> bool | None:
    """Whether the rows are linearly independent; None where these digits cannot tell."""
    if not rows:
        return True
    if len(rows) > len(rows[0]):
        return False
    sizes = [norm(row) for row in rows]
    if min(sizes) < mpf(10) ** (-mp.dps // 4) * max(mpf(1), max(sizes)):
        return None
    smallest = singular_values([[a / s for a in row] for row, s in zip(rows, sizes, strict=True)])[0]
    return True if smallest > mpf(10) ** (-mp.dps // 5) else None


def shortest(rows: list[Vector], target: Vector) -> Vector:
    """The shortest v with rows v = target, for independent rows: along an orthonormal basis of their span."""
    basis: list[Vector] = []
    parts: Vector = []
    for row, value in zip(rows, target, strict=True):
        rest, reached = list(row), mpf(0)
        for _ in range(2):
            for b, part in zip(basis, parts, strict=True):
                along = dot(rest, b)
                rest = [x - along * y for x, y in zip(rest, b, strict=True)]
                reached += along * part
        size = norm(rest)
        basis.append([x / size for x in rest])
        parts.append((value - reached) / size)
    return [mp.fsum(p * b[j] for p, b in zip(parts, basis, strict=True)) for j in range(len(rows[0]))]


def differences(f: Callable[[Vector], Vector], at: Vector, step: mpf) -> list[Vector]:
    """Central differences of a vector-valued function: per output, one per coordinate."""
    columns = []
    for j in range(len(at)):
        high, low = (f([*at[:j], at[j] + s, *at[j + 1 :]]) for s in (step, -step))
        columns.append([(a - b) / (2 * step) for a, b in zip(high, low, strict=True)])
    return [list(row) for row in zip(*columns, strict=True)]


def step_size() -> mpf:
    """The step of differences: its square is as far below 1 as what rounding leaves."""
    return mpf(10) ** (-mp.dps // 3)


def digits(document: Any, steps: int) -> int:
    """Decimal digits to compute with: more where numbers are extreme, as steps multiply them."""
    wild = decades(document)
    return 110 + (3 * wild * (steps + 1) if wild > 8 else 0)


def is_small(value: Any, size: Any) -> bool:
    """Whether a sum of terms of that size is 0 up to rounding."""
    return bool(abs(value) <= size * mpf(10) ** (-mp.dps // 2))
