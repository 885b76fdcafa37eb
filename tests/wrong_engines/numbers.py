"""Wrong number systems: enclosures that do not enclose, rationals that are not exact, joints that are decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb, arb_series, ctx, fmpq

from .planting import Around, Edit, Fault, Value, suite

ARITHMETIC, SERIES = "metagap.impl.arithmetic", "metagap.impl.series"


def missed(ball: Any) -> Any:
    """A ball as narrow that misses all values of the given one, by its width and one unit in the last place."""
    if isinstance(ball, arb_series):
        return arb_series([missed(c) for c in ball.coeffs()])
    if not isinstance(ball, arb) or not ball.is_finite():
        return ball
    unit = (abs(ball.mid()) + arb(2) ** -900) * arb(2) ** -ctx.prec
    return arb((ball.mid() + 3 * arb(ball.rad()) + 3 * unit).mid(), ball.rad())


def bare(ball: Any) -> Any:
    """The ball's centre: its radius dropped."""
    if isinstance(ball, list | tuple):
        return type(ball)(bare(b) for b in ball)
    return arb(ball.mid()) if isinstance(ball, arb) else ball


def then(change: Callable[[Any], Any]) -> Around:
    """The right result, changed."""
    return Around(lambda right: lambda *given, **named: change(right(*given, **named)))


DROPPED, MISSED = "an enclosure's radius is dropped", "an enclosure misses its value by one unit in the last place"
OUTWARD = suite("test_arithmetic:test_bounds_are_outward", examples=20)
SQUARES = suite("test_arithmetic:test_squares_and_roots_are_enclosed_and_not_negative", examples=30)
JOINTS = suite("test_arithmetic:test_joints_are_enclosed_in_balls_and_decided_in_rationals")
EXACT = suite("test_arithmetic:test_strings_and_fractions_are_exact")
LAST_BIT = "test_arithmetic:test_enclosures_contain_the_value_to_the_last_bit"
ELEMENTARY = ("exp", "tanh", "sech", "sqrt", "log_cosh", "softplus", "sigmoid", "clip", "clip_integral", "magnitude")


def arithmetic(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: Any) -> Fault:
    return Fault(name, kind, f"{ARITHMETIC}:{place}", wrong, guard)


NUMBERS = (
    arithmetic("bounds-inward-below", "outward rounding turned inward", "bounds",
               Edit("low = math.nextafter(low, -math.inf)", "low = math.nextafter(low, math.inf)"), OUTWARD),
    arithmetic("bounds-inward-above", "outward rounding turned inward", "bounds",
               Edit("high = math.nextafter(high, math.inf)", "high = math.nextafter(high, -math.inf)"), OUTWARD),
    arithmetic("bounds-not-rounded", "outward rounding left out", "bounds", Edit("if arb(high) < hi:", "if False:"),
               OUTWARD),
    arithmetic("bounds-of-the-centre", DROPPED, "bounds",
               Around(lambda right: lambda ball: right(bare(ball))), OUTWARD),
    arithmetic("bounds-swapped", "lower and upper end swapped", "bounds", then(lambda ends: ends[::-1]), OUTWARD),
    arithmetic("bounds-of-nan", "a ball that is not a number is taken for one", "bounds",
               Edit("return -math.inf, math.inf", "return 0.0, 0.0"), OUTWARD),
    arithmetic("exactly-infinite", "infinite numbers are accepted", "exactly",
               Edit('arb(value) if math.isfinite(value) else arb("nan")', "arb(value)"),
               suite("test_arithmetic:test_an_infinite_end_is_no_number_to_compare_with")),
    arithmetic("square-wide-bare", DROPPED, "square", Edit(".union(high * high)", ".union(high * high).mid()"),
               SQUARES),
    arithmetic("square-narrow-bare", DROPPED, "square", Edit("return ball * ball", "return (ball * ball).mid()"),
               suite(LAST_BIT, bits=128, name="square")),
    arithmetic("root-bare", DROPPED, "root", then(bare), suite(LAST_BIT, bits=128, name="root")),
    arithmetic("norm-bare", DROPPED, "norm", then(bare), suite(LAST_BIT, bits=128, name="norm")),
    arithmetic("norm-one-entry", "a term is left out", "norm", Edit("for v in entries", "for v in entries[1:]"),
               suite(LAST_BIT, bits=128, name="norm")),
    *(arithmetic(f"{name}-missed", MISSED, f"Balls.{name}" if name != "clip_integral" else "FunctionSet.clip_integral",
                 then(missed), suite(LAST_BIT, bits=128, name=name)) for name in ELEMENTARY),
    *(arithmetic(f"{name}-bare", DROPPED, f"Balls.{name}", then(bare), suite(LAST_BIT, bits=128, name=name))
      for name in ("exp", "tanh", "sech", "log_cosh", "softplus", "sigmoid")),
    *(Fault(f"series-{name}-missed", MISSED, f"{SERIES}:BallSeries.{name}", then(missed),
                 suite("test_arithmetic:test_series_contain_the_value_to_the_last_bit", name=name))
      for name in ("exp", "sqrt", "tanh", "sech", "log_cosh", "softplus", "sigmoid")),
    arithmetic("magnitude-of-the-centre", DROPPED, "Balls.magnitude", Edit(".union(t.abs_upper())", ""),
               suite("test_arithmetic:test_the_magnitude_of_a_ball_around_0_starts_at_0")),
    arithmetic("magnitude-of-the-negative", "a sign error", "Balls.magnitude", Edit("return -t", "return t"),
               suite(LAST_BIT, bits=128, name="magnitude")),
    arithmetic("inside-decided", "a joint is decided", "Balls.inside", Edit("arb(0).union(1)", "arb(1)"), JOINTS),
    arithmetic("sign-decided", "a joint is decided", "Balls.sign", Edit("arb(-1).union(1)", "arb(1)"), JOINTS),
    Fault("series-clip-decided", "a joint is decided", f"{SERIES}:BallSeries.clip",
               Edit("slope = Balls.inside(t[0], a)", "slope = arb(1)"),
               suite("test_arithmetic:test_series_leave_a_joint_open")),
    arithmetic("rational-joint-closed", "a joint is on the wrong side", "Rationals.inside",
               Edit("-a < t < a", "-a <= t <= a"), JOINTS),
    arithmetic("rational-sign-of-0", "a joint is on the wrong side", "Rationals.sign", Edit("t >= 0", "t > 0"), JOINTS),
    Fault("leading-sign", "a joint is left to the wrong side", f"{SERIES}:RationalSeries._leading_sign",
               Edit("1 if c > 0 else -1", "1"), suite("test_losses:test_joints_have_one_sided_derivatives")),
    arithmetic("rational-root-rounded", "exact rationals replaced by roundings", "Rationals.sqrt",
               Edit("if top * top != int(t.p) or bottom * bottom != int(t.q):", "if False:"), JOINTS),
    arithmetic("rational-of-a-text-rounded", "exact rationals replaced by float64", "rational",
               Edit("else Fraction(text)", "else Fraction(float(Fraction(text)))"), EXACT),
    arithmetic("rationals-are-floats", "exact rationals replaced by float64", "Rationals.number",
               then(lambda q: fmpq(*map(int, float(int(q.p) / int(q.q)).as_integer_ratio()))),
               EXACT),
    arithmetic("lengths-rounded-down", "outward rounding left out", "length_above",
               Edit("grains + (grains * grains < whole)", "grains"),
               suite("test_extremes:test_lengths_are_rounded_up")),
    arithmetic("singular-systems-are-0", "a ball that is not a number is taken for one", "solved",
               Edit('arb("nan")', "arb(0)"), suite("test_arithmetic:test_what_cannot_be_divided_is_no_number")),
    arithmetic("quotients-by-0", "a ball that is not a number is taken for one", "quotient",
               Edit('arb("nan")', "arb(0)"), suite("test_arithmetic:test_what_cannot_be_divided_is_no_number")),
)  # fmt: skip
