"""Number strings and sums of one, exactly.

A JSON number stands for its nearest float64 and is exact from then on. A string is exact as written: "p/q", a decimal
"0.1" (the rational 1/10) or a hex float "0x1.8p-2". Numbers are written as JSON numbers where they are float64 numbers,
and as "p/q" otherwise. A number may have up to `NUMBER_BITS` bits above and below the bar, so that a short text cannot
ask for a huge number. Every number within that bound can be written and read again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from flint import arb, fmpq, fmpz

from ..arithmetic import rational, to_float
from ..instances import Vector, Writing
from .faults import SHORT, FaultError

Number = float | str
Row = list[Number]

NUMBER_BITS = 2**16
"""Bits in the largest numerator or denominator of a number."""
NUMBER_CHARACTERS = 40_000
"""Characters in the longest number string: enough for every p/q within NUMBER_BITS."""
EXPONENT = 10_000
"""The largest exponent of a number string, decimal or binary, in absolute value."""
TOLERANCE = fmpq(1, 10**12)
"""How far from 1 a sum may be in which a JSON number takes part."""
_SUMMANDS = {"p": "masses", "weight": "weights", "": "probabilities"}
NUMBER = 'a finite number (a float64 as a JSON number; a string such as "1/3", "0.1" or "0x1.8p-2" is exact)'


def exact_row(values: Row, field: str, count: int | None = None, advice: str = "") -> Vector:
    """The exact numbers of a list; FaultError with that advice if they are not `count`."""
    if count is not None and len(values) != count:
        raise FaultError(field, advice)
    return tuple([exact(value, f"{field}[{i}]") for i, value in enumerate(values)])


_FRACTION = re.compile(r"([+-]?)([0-9]+)/([0-9]+)")
_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
_HEX = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?[0-9]+))?")


def exact(value: Number, field: str) -> fmpq:
    """The rational that a JSON number or a number string stands for."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise FaultError(field, "correct it, or write a large number as a string", NUMBER)
        return rational(value)
    if len(value) > NUMBER_CHARACTERS:
        raise FaultError(field, "round it", f"a number of at most {NUMBER_CHARACTERS} characters")
    if found := _FRACTION.fullmatch(value):
        top, bottom = fmpz(found[2]), fmpz(found[3])
        if bottom == 0:
            raise FaultError(field, what="a fraction p/q with q > 0")
        q = fmpq(top, bottom)
    elif (found := _HEX.fullmatch(value) or _DECIMAL.fullmatch(value)) and (found[2] or found[3]):
        part, exponent = found[3] or "", _exponent(found[4] or "", field)
        if found.re is _HEX:
            digits, base, shift = fmpz(int(found[2] + part, 16)), 2, exponent - 4 * len(part)
        else:
            digits, base, shift = fmpz(found[2] + part), 10, exponent - len(part)
        power = fmpz(base) ** abs(shift)
        q = fmpq(digits * power) if shift >= 0 else fmpq(digits, power)
    else:
        raise FaultError(field, what=NUMBER)
    if not fits(q):
        what = f"a fraction of at most {NUMBER_BITS} bits above and below the bar"
        raise FaultError(field, "round it", what)
    return -q if found[1] == "-" else q


def positive(value: Number, field: str) -> fmpq:
    """`exact` of a number > 0. Errors: FaultError."""
    found = exact(value, field)
    if found <= 0:
        raise FaultError(field, what="a number > 0")
    return found


def _exponent(text: str, field: str) -> int:
    digits = text.lstrip("+-0") or "0"
    if len(digits) > len(str(EXPONENT)) or int(digits) > EXPONENT:
        raise FaultError(field, what=f"an exponent within -{EXPONENT}..{EXPONENT}")
    return -int(digits) if text.startswith("-") else int(digits)


def decimal(text: str) -> float | None:
    """The float64 nearest to a decimal in ASCII; None if the text is none, or is beyond float64."""
    found = decimals([text])
    return found[0] if found and text == text.strip() else None


def decimals(texts: Sequence[str]) -> list[float] | None:
    """`decimal` of every text without the spaces around it, all at once; None if there is none of one."""
    joined = "".join(texts)
    if max(map(len, texts)) > NUMBER_CHARACTERS or not joined.isascii() or "_" in joined:
        return None
    try:
        values = [float(text) for text in texts]
    except ValueError:
        return None
    return values if all(map(math.isfinite, values)) else None


def normalised(given: Row, field: str, name: str = "") -> tuple[list[fmpq], tuple[str, ...]]:
    """Numbers >= 0 that sum to 1: as given if they do, divided by their sum if it is 1 up to TOLERANCE.

    They are the fields `name` of the list `field`, or (no name) its own entries. The tolerance is for floats: sums of
    fractions and decimals alone must be exact.
    """
    part = f".{name}" if name else ""
    values = [exact(value, f"{field}[{i}]{part}") for i, value in enumerate(given)]
    for i, value in enumerate(values):
        if value < 0:
            raise FaultError(f"{field}[{i}]{part}")
    total = _sum(values)
    if total == 1:
        return values, ()
    excess = total - 1
    difference = f"{'-' if excess < 0 else '+'} {arb(abs(excess)).str(6, radius=False)}"
    summed = f"{_SUMMANDS[name]} summed to 1 {difference}"
    whole = f"{field}[*].{name}" if name else field
    fractions = all(isinstance(value, str) and "x" not in value.lower() for value in given)
    if fractions or abs(excess) > TOLERANCE:
        what = "a sum of exactly 1 (all are exact strings)" if fractions else "a sum of 1, up to 1e-12,"
        raise FaultError(whole, f"the {summed}: correct them", what, given)
    normalised = [value / total for value in values] if fits(total) else []
    if not normalised or not all(map(fits, normalised)):
        what = f"a sum of 1, or one that can be renormalised within {NUMBER_BITS} bits,"
        raise FaultError(whole, f"the {summed}: round them", what, given)
    return normalised, (f"{field}: {summed} and were renormalised",)


def _sum(values: list[fmpq]) -> fmpq:
    """The exact sum, over a balanced tree: unlike denominators meet late."""
    while len(values) > 1:
        values = [sum(values[i : i + 2], fmpq(0)) for i in range(0, len(values), 2)]
    return values[0]


def _written(q: fmpq) -> float | str:
    if not fits(q):
        required = f"at most {NUMBER_BITS} bits above and below the bar are required; round it"
        raise ValueError(f"number={SHORT.repr(str(q))}: {required}")
    nearest, exact = to_float(q), (int(q.p), int(q.q))
    return nearest if math.isfinite(nearest) and nearest.as_integer_ratio() == exact else f"{q.p}/{q.q}"


written = Writing(_written, float)
"""The number q as a JSON number if it is a float64, else as "p/q"."""


def fits(q: fmpq) -> bool:
    return bool(max(q.p.bit_length(), q.q.bit_length()) <= NUMBER_BITS)
