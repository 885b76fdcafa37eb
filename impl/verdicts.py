r"""Where verdicts are made: what finite enclosures of everything that enters decide, and nothing else.

An enclosure is *fit* if both its ends are finite and within float64. The bounds of a record are float64 numbers, so
that what is beyond them would be written as an unbounded enclosure, and a bound of infinity proves nothing. One unfit
value, and the verdict is UNDECIDED with its name. Every comparison is made on balls, never on floats, which overflow
to infinity (that accepts anything) and underflow to 0; but for the ends of whole arrays of enclosures (`separated`),
which were rounded outward and are compared where they are finite.

Why the infinite is refused here and not left to Arb's comparisons. They are certified (true only if true of all
values), and nan compares false with everything and is kept by arithmetic, `max`, `min` and `union`. But

* `x <= arb("inf")` is true of every ball but nan, `upper()` of an unbounded ball is that number, and any ball with an
  infinite radius contains every number: as a bound, or as the difference of two sides, infinity agrees with anything;
* exact infinities become finite again: 1/inf = 0, exp(-inf) = 0, tanh(inf) = 1, max(-inf, x) = x;
* Python's own `max` and `min` keep the first operand where a comparison is open, so that a nan in another place is
  lost: of balls that are not exact ends, only the methods may be taken.

What EQUAL says. With sides l and r enclosed at p bits, t = 2^-floor(0.6 p), and b bits in the longest number of the
instance, EQUAL is pronounced only where the enclosures prove

    |l - r| <= max(t, 2^-128) min(max(|l|, |r|), 1)   (an equality at 128 bits or more, an inequality at 256), or
    |l - r| <= t min(S, 1)   (at max(256 + 4 b, 512) bits or more), S the size of the sums behind the sides:

the upper end of |l - r| is at most the lower end of what is on the right. The second is for sides that vanish
by cancellation: no enclosure of 0 is small relative to itself. What is compared with is at most 1, because huge sides
and sums of huge terms would otherwise accept any difference: no statement is EQUAL whose sides differ by 2^-76 or more,
and no other term of the claim, however large, has any say. In particular x + 1 = 0 is not EQUAL for any x >= 0, and
x = x + 1 for no x at all. And the bits grow with the instance's digits, because a tiny number may be the whole
difference: then t <= 2^-(153 + 2 b), and numbers as small as 2^-b, or products of two of them, are told from 0 before
anything is called equal. Where that would take more than `MOST` bits, it is left open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from flint import arb, ctx

from ..theory.claim import Relation, Verdict
from .arithmetic import as_proved

LARGEST = arb(float.fromhex("0x1.fffffffffffffp+1023"))
"""The largest float64."""

SEPARATED = "the enclosures are separated"

SHARE = 0.6
"""Share of the bits to which two sides must agree to be called equal."""

AGREED = 128
"""Bits in which they need not agree further, relative to themselves: infima are enclosed with fewer than others."""

ATTAINED = 256
"""Bits from which an inequality may be attained: with fewer its sides may still separate."""

MOST = 6144
"""Bits beyond which no sides that cancel are compared: what would need more is left open."""


def cancelling(digits: int) -> int:
    """The bits at which sides that cancel may be EQUAL, for numbers of at most so many bits."""
    return max(256 + 4 * digits, 512)


@dataclass(frozen=True)
class Decision:
    """A verdict and what decided, or the name of what is in the way.

    close   whether it is open because sides that agree as far as they are known need more bits to be EQUAL
    """

    verdict: Verdict
    reason: str
    close: bool = False


def fit(ball: arb) -> bool:
    """Whether the ball may enter a verdict: both ends finite, and within float64."""
    return bool(ball.is_finite() and ball.abs_upper() <= LARGEST)


def unfit(values: Iterable[tuple[str, arb]]) -> str:
    """The first value that may not enter a verdict, in words; empty if all may."""
    for name, ball in values:
        if not fit(ball):
            what = "beyond float64" if ball.is_finite() else "not a number" if ball.is_nan() else "unbounded"
            return f"the enclosure of {name} is {what}"
    return ""


def standing(margin: arb) -> bool | None:
    """Whether an assumption with that margin holds (margin > 0); None where a finite enclosure does not tell.

    Beyond float64 a margin still tells whether an assumption fails; `decide` lets none enter that is unfit.
    """
    if not margin.is_finite():
        return None
    return True if margin > 0 else False if margin <= 0 else None


def at_most(left: arb, bound: arb) -> bool | None:
    """Whether left <= bound; None where the enclosures cannot tell, or one is unfit."""
    if not (fit(left) and fit(bound)):
        return None
    return True if left <= bound else False if left > bound else None


Ends = tuple[np.ndarray, np.ndarray]
"""Lower and upper ends of enclosures, rounded outward to float64, entry by entry."""


def fit_ends(ends: Ends) -> np.ndarray:
    """`fit`, of arrays: where both ends are finite; nowhere if they may have been rounded otherwise than is proved."""
    return (np.abs(ends[0]) < np.inf) & (np.abs(ends[1]) < np.inf) & as_proved()


def separated(left: Ends, bound: Ends, entering: Iterable[Ends]) -> tuple[np.ndarray, Decision]:
    """Where left <= bound is proved by ends of enclosures that were rounded outward, and the verdict there.

    All that enters must be fit. An end that is finite was not made by an overflow, and no other decides.
    """
    found: np.ndarray = fit_ends(left) & fit_ends(bound) & (left[1] <= bound[0])
    for ends in entering:
        found = found & fit_ends(ends)
    return found, Decision(Verdict.PROVED, SEPARATED)


def apart(left: arb, bound: arb) -> bool:
    """Whether the two are certified to differ."""
    return fit(left) and fit(bound) and bool(left < bound or left > bound)


def refutes(relation: Relation, left: arb, bound: arb) -> bool:
    """Whether the enclosures contradict the relation."""
    return apart(left, bound) if relation is Relation.EQUAL else at_most(left, bound) is False


def same(left: arb, bound: arb, scale: arb, bits: int) -> bool:
    """Whether two fit sides agree within 2^-bits times the lower end of the scale."""
    return bool((left - bound).abs_upper() <= arb(2) ** -bits * scale.abs_lower())


def decide(
    relation: Relation,
    left: arb,
    bound: arb,
    *,
    margins: Mapping[str, arb],
    terms: Mapping[str, arb],
    sums: Callable[[], arb],
    digits: int,
    shown: Mapping[str, arb] = MappingProxyType({}),
    exact: Callable[[], bool | None] = lambda: None,
) -> Decision:
    """The verdict on left <= bound, or left = bound, at flint's current precision; never OUTSIDE.

    margins   of the assumptions, by name: one that is not certified positive leaves everything open
    terms     the quantities in the two sides, by name: all must be fit
    sums      the size of the sums behind the sides; digits: the bits of the instance's longest number
    shown     what is printed beside the verdict, and must be fit beside PROVED or EQUAL
    exact     whether an equality is true in exact rationals; None where they do not reach
    """
    for name, margin in margins.items():
        if not (fit(margin) and standing(margin)):
            doubt = unfit([(f"the margin of {name}", margin)])
            return Decision(Verdict.UNDECIDED, doubt or f"the margin of {name} contains 0")
    doubt = unfit([*terms.items(), ("the left side", left), ("the bound", bound)])
    if doubt:
        return Decision(Verdict.UNDECIDED, doubt)
    found = _decided(relation, left, bound, exact) or _open(relation, left, bound, sums, digits, _widest(terms))
    doubt = unfit(shown.items()) if found.verdict in (Verdict.PROVED, Verdict.EQUAL) else ""
    return Decision(Verdict.UNDECIDED, doubt) if doubt else found


def _decided(relation: Relation, left: arb, bound: arb, exact: Callable[[], bool | None]) -> Decision | None:
    """PROVED or VIOLATED, if anything is."""
    if relation is Relation.AT_MOST:
        found = at_most(left, bound)
        verdict = Verdict.PROVED if found else Verdict.VIOLATED
        return None if found is None else Decision(verdict, SEPARATED)
    known = exact()
    if known is not None:
        verdict, word = (Verdict.PROVED, "equal") if known else (Verdict.VIOLATED, "different")
        return Decision(verdict, f"{word} in exact rationals")
    return Decision(Verdict.VIOLATED, "the enclosure of the difference excludes 0") if apart(left, bound) else None


def _open(relation: Relation, left: arb, bound: arb, sums: Callable[[], arb], digits: int, widest: str) -> Decision:
    """EQUAL or UNDECIDED, of sides whose enclosures overlap."""
    equality, sides, shared = relation is Relation.EQUAL, (left, bound), int(SHARE * ctx.prec)
    enough = min(shared, AGREED)
    own = any(same(left, bound, side.abs_lower().min(arb(1)), enough) for side in sides)
    one = arb(1)
    # Sums are asked for only where they can matter: they are cut at 1.
    cancels = not own and same(left, bound, one, shared) and same(left, bound, sums().min(one), shared)
    if (own and (equality or ctx.prec >= ATTAINED)) or (cancels and ctx.prec >= cancelling(digits)):
        words = "both sides are enclosed, and equal" if equality else "attained: both sides are equal"
        return Decision(Verdict.EQUAL, f"{words} within 2^-{enough if own else shared} of their size and of 1")
    close = cancels or (not own and any(same(left, bound, side, enough) for side in sides))
    words = f"gap and bound overlap: {widest} is the widest term"
    if equality:
        words = f"the difference is not enclosed to its rounding unit: {widest}"
    return Decision(Verdict.UNDECIDED, words, close)


def _widest(terms: Mapping[str, arb]) -> str:
    return max(terms, key=lambda name: terms[name].rad(), default="gap")
