"""Number systems: exact reading, outward rounding, and enclosures on wide balls that straddle 0."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb, arb_mat, arb_series, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl.arithmetic import (
    Balls,
    Floats,
    IrrationalError,
    Rationals,
    bounds,
    exact_floats,
    exactly,
    midpoint,
    norm,
    quotient,
    rational,
    root,
    solved,
    square,
    to_float,
)
from metagap.impl.series import BallSeries, series_terms

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite)
def test_a_float_is_exact(value: float) -> None:
    exact = rational(value)
    assert Fraction(int(exact.p), int(exact.q)) == Fraction(value)
    assert to_float(exact) == value
    assert rational(value.hex()) == exact


def test_strings_and_fractions_are_exact() -> None:
    assert rational("1/3") == fmpq(1, 3)
    assert rational("0.1") == fmpq(1, 10)
    assert rational(Fraction(-2, 6)) == fmpq(-1, 3)
    assert rational(7) == 7
    assert Rationals.number(fmpq(1, 3)) == fmpq(1, 3)
    assert Rationals.matrix([[fmpq(1, 3)]])[0, 0] == fmpq(1, 3)
    for bad in (math.inf, math.nan):
        with pytest.raises(ValueError, match="not finite"):
            rational(bad)


@given(finite, st.floats(0, 1e300))
def test_bounds_are_outward(middle: float, radius: float) -> None:
    with ctx.workprec(128):
        ball = arb(middle, radius) + arb(1) / 3
        low, high = bounds(ball)
        assert arb(low) <= ball.lower()
        assert arb(high) >= ball.upper()
        assert bounds(arb("nan")) == (-math.inf, math.inf)
        assert bounds(arb(middle)) == (middle, middle)


ends = st.tuples(st.floats(-30, 30), st.floats(-30, 30), st.floats(0, 1))
REFERENCES = {
    "exp": mpmath.exp,
    "tanh": mpmath.tanh,
    "sech": mpmath.sech,
    "log_cosh": lambda t: mpmath.log1p(2 * mpmath.sinh(t / 2) ** 2),
    "softplus": lambda t: mpmath.log(1 + mpmath.exp(t)),
    "sigmoid": lambda t: 1 / (1 + mpmath.exp(-t)),
    "magnitude": mpmath.fabs,
}


@pytest.mark.parametrize("name", REFERENCES)
@given(ends)
def test_wide_balls_contain_every_value(name: str, box: tuple[float, float, float]) -> None:
    low, high, share = min(box[:2]), max(box[:2]), box[2]
    at = low + share * (high - low)
    with ctx.workprec(80), mpmath.workdps(60):
        found = getattr(Balls, name)(arb(low).union(arb(high)))
        exact = REFERENCES[name](mpmath.mpf(at))
        value = arb(mpmath.nstr(exact, 55, strip_zeros=False))
        assert found.overlaps(value)
        assert not found.lower() > value.upper()
        assert not found.upper() < value.lower()


DIGITS = 700
"""So many that no cancellation at the points below leaves fewer than a hundred."""
with mpmath.workdps(DIGITS):
    THIRD = mpmath.mpf(1) / 3
PRECISE = {
    **REFERENCES,
    "sqrt": mpmath.sqrt,
    "root": mpmath.sqrt,
    "square": lambda t: t * t,
    "norm": lambda t: mpmath.sqrt(2 * t * t),
    "clip": lambda t: min(max(t, -THIRD), THIRD),
    "clip_integral": lambda t: t * t / 2 if abs(t) <= THIRD else THIRD * abs(t) - THIRD * THIRD / 2,
}
FUNCTIONS = {
    "root": root,
    "square": square,
    "norm": lambda t: norm([t, t]),
    "clip": lambda t: Balls.clip(t, arb(1) / 3),
    "clip_integral": lambda t: Balls.clip_integral(t, arb(1) / 3),
}
POINTS = (-700, -30, -3, -0.7, -(2.0**-20), 2.0**-20, 0.3, 0.7, 1.0, 1.3, 5, 40, 63.9, 65, 700)


def precise(value: mpmath.mpf) -> arb:
    with ctx.workprec(2000):
        return arb(mpmath.nstr(value, DIGITS // 2, strip_zeros=False))


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("name", PRECISE)
@pytest.mark.parametrize("bits", [53, 128])
def test_enclosures_contain_the_value_to_the_last_bit(name: str, bits: int) -> None:
    """Of points, and of the ends of narrow balls: the enclosure holds hundreds of digits of the value."""
    function = FUNCTIONS.get(name) or getattr(Balls, name)
    with mpmath.workdps(DIGITS):
        for x in POINTS:
            if x < 0 and name in ("sqrt", "root"):
                continue
            for width in (0, 40, 20):
                for numerator in (1, 3):  # x itself is a number of 53 bits, a third of it has no end
                    at, room = mpmath.mpf(x) / numerator, mpmath.mpf(abs(x)) / 2**width if width else mpmath.mpf(0)
                    with ctx.workprec(bits):
                        ball = arb(x) / numerator
                        ball = ball.union(ball + arb(abs(x)) / 2**width) if width else ball
                        found = function(ball)
                    for share in (0, THIRD, 1):
                        assert found.contains(precise(PRECISE[name](at + share * room))), (x, width, share)


DERIVATIVES = {
    "exp": lambda m, t: (m.exp(t), m.exp(t)),
    "sqrt": lambda m, t: (1 / (2 * m.sqrt(t)), -1 / (4 * t * m.sqrt(t))),
    "tanh": lambda m, t: (m.sech(t) ** 2, -2 * m.tanh(t) * m.sech(t) ** 2),
    "sech": lambda m, t: (-m.tanh(t) * m.sech(t), m.sech(t) * (1 - 2 * m.sech(t) ** 2)),
    "log_cosh": lambda m, t: (m.tanh(t), m.sech(t) ** 2),
    "softplus": lambda m, t: (m.sigmoid(t), m.sigmoid(t) * m.sigmoid(-t)),
    "sigmoid": lambda m, t: (m.sigmoid(t) * m.sigmoid(-t), m.sigmoid(t) * m.sigmoid(-t) * (1 - 2 * m.sigmoid(t))),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_series_contain_the_value_to_the_last_bit(name: str) -> None:
    """Value, slope and half of the second derivative, against the closed forms at 3000 bits."""
    for x in (x for x in POINTS if x > 0 or name != "sqrt"):
        with ctx.workprec(128), series_terms(3):
            found = getattr(BallSeries, name)(arb_series([arb(x), 1]))
        with ctx.workprec(3000):
            slope, bend = DERIVATIVES[name](Balls, arb(x))
            for k, exact in enumerate((getattr(Balls, name)(arb(x)), slope, bend / 2)):
                assert found[k].contains(exact), (x, k)


def test_an_infinite_end_is_no_number_to_compare_with() -> None:
    assert exactly(0.5) == arb(0.5)
    for value in (math.inf, -math.inf, math.nan):
        assert exactly(value).is_nan()


def test_what_cannot_be_divided_is_no_number() -> None:
    with ctx.workprec(64):
        wide = arb_mat([[arb(0, 1)]])
        assert all(v.is_nan() for v in solved(wide, arb_mat([[1, 2]])).entries())
        with series_terms(2):
            assert all(quotient(arb_series([1, 1]), arb_series([arb(0, 1), 1]))[k].is_nan() for k in (0, 1))


def test_series_leave_a_joint_open() -> None:
    """At |t| = a the slope of clip is that of either side."""
    with ctx.workprec(64), series_terms(2):
        for t, inside in ((1, None), (-1, None), (0.5, 1), (3, 0), (-3, 0)):
            slope = BallSeries.clip(arb_series([arb(t), 1]), arb(1))[1]
            assert slope == inside if inside is not None else slope.contains(0) and slope.contains(1)


@given(ends)
def test_squares_and_roots_are_enclosed_and_not_negative(box: tuple[float, float, float]) -> None:
    low, high = min(box[:2]), max(box[:2])
    at = min(max(low + box[2] * (high - low), low), high)
    with ctx.workprec(80):
        found = square(arb(low).union(arb(high)))
        assert found.overlaps(arb(at) * arb(at))
        assert float(found.lower()) >= -(2.0**-26) * max(low * low, high * high)
        assert root(arb(-1e-30, 1e-20)).contains(0)
        assert root(square(arb(at))).overlaps(Balls.magnitude(arb(at)))


def test_the_magnitude_of_a_ball_around_0_starts_at_0() -> None:
    """abs() of flint gives [-3, 5] for [-5, 3]; magnitude must not."""
    with ctx.workprec(64):
        found = Balls.magnitude(arb(-1, 4))
        assert found.contains(0)
        assert found.contains(5)
        assert float(found.lower()) > -(2.0**-26)


def test_joints_are_enclosed_in_balls_and_decided_in_rationals() -> None:
    with ctx.workprec(64):
        one = arb(1)
        assert Balls.inside(arb(1, 0.5), one).contains(0)
        assert Balls.inside(arb(1, 0.5), one).contains(1)
        assert Balls.inside(arb(0.5), one) == 1
        assert Balls.inside(arb(-2), one) == 0
        assert Balls.sign(arb(0, 1)).contains(-1)
        assert Balls.sign(arb(2)) == 1
        assert Balls.clip(arb(-3), one) == -1
        assert Balls.clip_integral(arb(3), one).contains(arb(5) / 2)
    assert Rationals.inside(fmpq(1), fmpq(1)) == 0
    assert Rationals.sign(fmpq(0)) == 1
    assert Rationals.clip(fmpq(-3), fmpq(2)) == -2
    assert Rationals.sqrt(fmpq(9, 4)) == fmpq(3, 2)
    with pytest.raises(IrrationalError):
        Rationals.sqrt(fmpq(2))
    with pytest.raises(IrrationalError):
        Rationals.exp(fmpq(1))


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=20))
def test_float_functions_agree_with_balls(values: list[float]) -> None:
    t = np.array(values)
    with ctx.workprec(100):
        for name in ("tanh", "sech", "log_cosh", "softplus", "sigmoid"):
            for x, y in zip(t, getattr(Floats, name)(t), strict=True):
                exact = midpoint(getattr(Balls, name)(arb(float(x))))
                assert y == pytest.approx(exact, rel=1e-13, abs=1e-300), (name, x)


def test_floats_beyond_their_range_become_zero() -> None:
    """A direction may be anything exact: one that float64 cannot hold must not stop a run."""
    huge = arb(10) ** 400
    assert exact_floats([arb("0.5"), huge, -huge]) == (fmpq(1, 2), fmpq(0), fmpq(0))
