r"""Where verdicts are made: what finite enclosures of everything that enters decide, and nothing else.

An enclosure is *fit* if both its ends are finite and within float64. The bounds of a record are float64 numbers, so
that what is beyond them would be written as an unbounded enclosure, and a bound of infinity proves nothing. One unfit
value, and the verdict is UNDECIDED with its name. Every comparison is made on balls, never on floats, which overflow
to infinity (that accepts anything) and underflow to 0.

Why the infinite is refused here and not left to Arb's comparisons. They are certified (true only if true of all
values), and nan compares false with everything and is kept by arithmetic, `max`, `min` and `union`. But

* `x <= arb("inf")` is true of every ball but nan, `upper()` of an unbounded ball is that number, and any ball with an
  infinite radius contains every number: as a bound, or as the difference of two sides, infinity agrees with anything;
* exact infinities become finite again: 1/inf = 0, exp(-inf) = 0, tanh(inf) = 1, max(-inf, x) = x;
* Python's own `max` and `min` keep the first operand where a comparison is open, so that a nan in another place is
  lost: of balls that are not exact ends, only the methods may be taken.

What EQUAL says. With sides l and b enclosed at p bits, t = 2^(-0.6 p) and a scale s,

    EQUAL  =>  |l - b| <= t s,   s = max(|l|, |b|)  at 128 bits (t < 2^-76),
                                 s = max(|l|, |b|, min(S, 1))  beyond (t < 2^-153),

where S is the size of the sums behind the sides. Proof: it is pronounced only if the enclosure of l - b is at most t
times lower ends of |l| or |b|, or of min(S, 1), in absolute value. S is needed for sides that vanish by cancellation
(0 = 0 is never enclosed relative to itself); it is capped because a sum of huge terms would otherwise accept any
difference, and so no other term of the claim, however large, has any say. In particular x + 1 = 0 is not EQUAL for any
x >= 0: there |l - b| = |l| >= max(|b|, 1). No statement is EQUAL whose sides differ by 2^-76 max(1, |l|, |b|) or more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flint import arb, ctx

from ..theory.claim import Relation, Verdict

LARGEST = arb(float.fromhex("0x1.fffffffffffffp+1023"))
"""The largest float64."""

SHARE = 0.6
"""Share of the bits to which two sides must agree to be called equal."""

CANCELLING = 256
"""Bits from which sides that cancel are compared with the sums behind them, and inequalities may be attained."""


@dataclass(frozen=True)
class Decision:
    """A verdict and what decided, or the name of what is in the way."""

    verdict: Verdict
    reason: str


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


def apart(left: arb, bound: arb) -> bool:
    """Whether the two are certified to differ."""
    return fit(left) and fit(bound) and bool(left < bound or left > bound)


def refutes(relation: Relation, left: arb, bound: arb) -> bool:
    """Whether the enclosures contradict the relation."""
    return apart(left, bound) if relation is Relation.EQUAL else at_most(left, bound) is False


def same(left: arb, bound: arb, sums: arb) -> bool:
    """Whether two fit sides are EQUAL in the sense above; `sums` is the size S of the sums behind them."""
    difference = (left - bound).abs_upper()
    unit = arb(2) ** -int(SHARE * ctx.prec)
    scales = [left.abs_lower(), bound.abs_lower(), *([sums.min(arb(1)).abs_lower()] if ctx.prec >= CANCELLING else [])]
    return difference == 0 or any(difference <= unit * scale for scale in scales)


def decide(
    relation: Relation,
    left: arb,
    bound: arb,
    *,
    margins: Mapping[str, arb],
    terms: Mapping[str, arb],
    sums: arb,
    shown: Mapping[str, arb] = MappingProxyType({}),
    exact: Callable[[], bool | None] = lambda: None,
) -> Decision:
    """The verdict on left <= bound, or left = bound, at flint's current precision; never OUTSIDE.

    margins   of the assumptions, by name: one that is not certified positive leaves everything open
    terms     the quantities in the two sides, by name: all must be fit
    sums      the size of the sums behind the sides
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
    found = (_inequality if relation is Relation.AT_MOST else _equality)(left, bound, terms, sums, exact)
    doubt = unfit(shown.items()) if found.verdict in (Verdict.PROVED, Verdict.EQUAL) else ""
    return Decision(Verdict.UNDECIDED, doubt) if doubt else found


def _inequality(
    left: arb, bound: arb, terms: Mapping[str, arb], sums: arb, exact: Callable[[], bool | None]
) -> Decision:
    found = at_most(left, bound)
    if found is not None:
        return Decision(Verdict.PROVED if found else Verdict.VIOLATED, "the enclosures are separated")
    if ctx.prec >= CANCELLING and same(left, bound, sums):
        return Decision(Verdict.EQUAL, f"attained: both sides are {_agreed()}")
    return Decision(Verdict.UNDECIDED, f"gap and bound overlap: {_widest(terms)} is the widest term")


def _equality(left: arb, bound: arb, terms: Mapping[str, arb], sums: arb, exact: Callable[[], bool | None]) -> Decision:
    known = exact()
    if known is not None:
        verdict, word = (Verdict.PROVED, "equal") if known else (Verdict.VIOLATED, "different")
        return Decision(verdict, f"{word} in exact rationals")
    if apart(left, bound):
        return Decision(Verdict.VIOLATED, "the enclosure of the difference excludes 0")
    if same(left, bound, sums):
        return Decision(Verdict.EQUAL, f"both sides are enclosed, and {_agreed()}")
    return Decision(Verdict.UNDECIDED, f"the difference is not enclosed to its rounding unit: {_widest(terms)}")


def _agreed() -> str:
    return f"equal within 2^-{int(SHARE * ctx.prec)} of their size"


def _widest(terms: Mapping[str, arb]) -> str:
    return max(terms, key=lambda name: terms[name].rad(), default="gap")
