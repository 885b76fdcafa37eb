"""Midpoint-radius numbers contain: every operation against exact rationals or balls, at every scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import midrad
from metagap.impl.arithmetic import Balls, bounds, rational
from metagap.impl.elementary import MidRads
from metagap.impl.midrad import MidRad, contract, product_ends

from .samples import BITS, escaped, finite, in_parts, numbers, sample
from .test_elementary import ELEMENTARY

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


ARITHMETIC: dict[str, tuple[Callable[[Any, Any], Any], Callable[[fmpq, fmpq], fmpq | None]]] = {
    "add": (lambda a, b: a + b, lambda x, y: x + y),
    "sub": (lambda a, b: a - b, lambda x, y: x - y),
    "mul": (lambda a, b: a * b, lambda x, y: x * y),
    "div": (lambda a, b: a / b, lambda x, y: x / y if y != 0 else None),
}


def arithmetic(name: str, seed: int, count: int) -> tuple[int, float]:
    rng = np.random.default_rng(seed)
    operation, exact = ARITHMETIC[name]
    (a, x), (b, y) = sample(rng, numbers(rng, count)), sample(rng, numbers(rng, count))
    found = operation(a, b)
    return escaped(found, [exact(s, t) for s, t in zip(x, y, strict=True)]), finite(found)


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_contains(name: str, count: int) -> None:
    outside, usable = in_parts(arithmetic, name, count)
    assert outside == 0
    assert usable > 0.5
    rng = np.random.default_rng(2)
    operation, exact = ARITHMETIC[name]
    a, x = sample(rng, numbers(rng, 300))
    for other in (3, -0.1, np.full(300, 1e-310)):
        y = rational(float(np.ravel(other)[0]))
        assert escaped(operation(a, other), [exact(s, y) for s in x]) == 0
        assert escaped(operation(other, a), [exact(y, s) for s in x]) == 0


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_without_its_rounding_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midrad, "U", 0.0)
    assert arithmetic(name, 1, 1500)[0] > 0


@pytest.mark.parametrize("name", [*ARITHMETIC, *ELEMENTARY])
def test_an_enclosure_that_ends_one_ulp_short_is_refused(name: str) -> None:
    """Thin results moved so that they end one ulp beyond the value."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=200), rng.normal(size=200)
    a = np.abs(a) if name == "sqrt" else a
    found = ARITHMETIC[name][0](MidRad(a), MidRad(b)) if name in ARITHMETIC else getattr(MidRads, name)(MidRad(a))
    with ctx.workprec(BITS):
        if name in ARITHMETIC:
            exact: list[Any] = [
                ARITHMETIC[name][1](rational(x), rational(y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)
            ]
        else:
            exact = [ELEMENTARY[name](arb(x)) for x in a.tolist()]
        assert escaped(found, exact) == 0
        moved = np.nextafter(found.mid, np.inf) + found.rad
        assert escaped(MidRad(moved, found.rad), exact) > 150


def test_sums_and_products_contain(count: int) -> None:
    """As many products of numbers as samples of the other operations."""
    rng = np.random.default_rng(6)
    for n in (1, 2, 7, 40):
        rows = max(count // 50 // n, 4)
        (a, x), (b, y) = (
            sample(rng, numbers(rng, rows * n)),
            sample(rng, rng.normal(size=n * 3) * 10.0 ** rng.uniform(-5, 5, n * 3)),
        )
        left = MidRad(a.mid.reshape(rows, n), a.rad.reshape(rows, n))
        right = MidRad(b.mid.reshape(n, 3), b.rad.reshape(n, 3))
        assert escaped(left.sum(1), [sum(x[i * n : i * n + n], start=fmpq(0)) for i in range(rows)]) == 0
        exact = [
            sum((x[i * n + k] * y[3 * k + j] for k in range(n)), start=fmpq(0)) for i in range(rows) for j in range(3)
        ]
        for product in (left @ right, contract("ij,jk->ik", left, right)):
            assert escaped(product, exact) == 0
            assert n > 7 or finite(product) > 0.3


def test_sums_and_products_without_their_rounding_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midrad, "U", 0.0)
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(200, 9)), rng.normal(size=(9, 3))
    x, y = [[rational(v) for v in row] for row in a.tolist()], [[rational(v) for v in row] for row in b.tolist()]
    assert escaped(MidRad(a).sum(1), [sum(row, start=fmpq(0)) for row in x]) > 0
    exact = [sum((r[k] * y[k][j] for k in range(9)), start=fmpq(0)) for r in x for j in range(3)]
    assert escaped(MidRad(a) @ MidRad(b), exact) > 0


def test_ends_contain(count: int) -> None:
    rng = np.random.default_rng(7)
    (a, x), (b, y) = sample(rng, numbers(rng, count)), sample(rng, numbers(rng, count))
    products = product_ends(a, b)
    for low, high, size, point in zip(a.low.tolist(), a.high.tolist(), a.size.tolist(), x, strict=True):
        assert not (np.isfinite(low) and rational(low) > point)
        assert not (np.isfinite(high) and rational(high) < point)
        assert not (np.isfinite(size) and rational(size) < abs(point))
    for low, high, s, t in zip(products[0].tolist(), products[1].tolist(), x, y, strict=True):
        assert not (np.isfinite(low) and rational(low) > s * t)
        assert not (np.isfinite(high) and rational(high) < s * t)
    low, high = np.minimum(a.mid, b.mid), np.maximum(a.mid, b.mid)
    between = MidRad.between(low, high)
    for end in (low, high):
        assert escaped(between, [rational(v) for v in end.tolist()]) == 0
    assert escaped(a.within(b.rad), [p + rational(r) for p, r in zip(x, b.rad.tolist(), strict=True)]) == 0


@pytest.mark.parametrize("name", ["clip", "inside", "clip_integral"])
def test_joints_contain(name: str, count: int) -> None:
    rng = np.random.default_rng(8)
    for p in (fmpq(1, 3), fmpq(2)):
        mid = np.where(
            rng.random(count // 2) < 0.3,
            rng.choice([-1, 1], count // 2) * float(arb(p).mid()),
            rng.normal(size=count // 2) * 3,
        )
        a, x = sample(rng, mid)
        found = getattr(MidRads, name)(a, MidRads.number(p))
        with ctx.workprec(BITS):
            exact = [None if name == "inside" and abs(v) == p else getattr(Balls, name)(arb(v), arb(p)) for v in x]
            exact = [v if v is None or v.rel_accuracy_bits() > 99 or v == 0 else None for v in exact]
            assert escaped(found, exact) == 0
        assert finite(found) > 0.5


def test_signs_contain() -> None:
    a, x = sample(np.random.default_rng(9), numbers(np.random.default_rng(10), 2000))
    assert escaped(MidRads.sign(a), [None if v == 0 else fmpq(1 if v > 0 else -1) for v in x]) == 0


def test_numbers_are_rounded_outward() -> None:
    exact: list[fmpq] = [
        fmpq(1, 3),
        fmpq(2) ** -1080 / 3,
        fmpq(10) ** 308,
        fmpq(7, 4),
        fmpq(0),
        -(fmpq(10) ** 25) - fmpq(1, 7),
    ]
    assert escaped(MidRad.of(exact, (6,)), exact) == 0
    assert MidRad.of(exact, (6,)).rad[3] == MidRad.of(exact, (6,)).rad[4] == 0
    with ctx.workprec(60):
        balls = [arb(2).sqrt(), arb(1) / 3, arb(0, 1), arb(10) ** 100]
        for ball, low, high in zip(balls, MidRad.of(balls, (4,)).low, MidRad.of(balls, (4,)).high, strict=True):
            assert arb(float(low)) <= bounds(ball)[0]
            assert arb(float(high)) >= bounds(ball)[1]
    assert not np.isfinite(MidRad.of([fmpq(10) ** 400, arb("nan"), arb("inf")], (3,)).mid).any()


NOTHING = [(np.nan, 0.0), (0.0, np.nan), (0.0, np.inf), (np.inf, np.inf), (-np.inf, np.inf), (np.inf, np.nan)]


@pytest.mark.parametrize(("mid", "rad"), NOTHING)
def test_what_stands_for_anything_decides_nothing(mid: float, rad: float) -> None:
    a, b = MidRad(np.full(3, mid), np.full(3, rad)), MidRad(np.array([1.0, 0.0, -2.0]))
    for found in (
        a + b,
        a - b,
        b - a,
        a * b,
        b * a,
        b / a,
        a / b,
        -a,
        a.sum(0),
        contract("i,i->", a, b),
        a.within(np.ones(3)),
    ):
        assert not np.isfinite(found.mid).all() or not np.isfinite(found.rad).any()
        assert not (found.low >= -1e308).any()
        assert not (found.high <= 1e308).any()
    two = MidRads.number(2)
    for name in (*ELEMENTARY, "sign"):
        found = getattr(MidRads, name)(a)
        assert not (found.low >= -1e308).any(), name
        assert not (found.high <= 1e308).any(), name
    for name in ("clip", "inside", "clip_integral"):
        found = getattr(MidRads, name)(a, two)
        assert not (found.low >= -1e308).any(), name


def test_overflow_decides_nothing() -> None:
    big = MidRad(np.array([1.7e308]))
    for found in (
        big + big,
        big * big,
        big / MidRad(np.array([1e-300])),
        MidRads.exp(big),
        MidRad(np.full(3, 1.7e308)).sum(0),
    ):
        assert not (found.low >= -1e308).any()
        assert not (found.high <= 1e308).any()
    for found in (big / MidRad(np.array([0.0])), big / MidRad(np.array([1.0]), np.array([1.0])), big / 0.0):
        assert not (found.low >= -1e308).any()


def test_powers_of_any_sign_contain_those_of_the_points() -> None:
    x = MidRad(np.array([1.5, -2.0, 0.75]), np.array([0.25, 0.0, 0.125]))
    for exponent in range(-3, 5):
        for side in (-1, 0, 1):
            points = [rational(float(mid + side * rad)) for mid, rad in zip(x.mid, x.rad, strict=True)]
            found = x**exponent + MidRad(np.zeros(3))
            assert finite(found) == 1 and escaped(found, [point**exponent for point in points]) == 0


def test_what_underflows_beside_a_huge_factor_is_counted() -> None:
    a, b = [1.2345678901234567 * 2.0**996, -0.9876543210987654 * 2.0**996], [1.37 * 2.0**-1030, 1.91 * 2.0**-1030]
    exact = sum((rational(x) * rational(y) for x, y in zip(a, b, strict=True)), start=fmpq(0))
    assert escaped(MidRad(np.array([a])) @ MidRad(np.array(b)[:, None]), [exact]) == 0


def products(a: MidRad, b: MidRad) -> list[MidRad]:
    """The same products, one by one and as sums of two."""
    sums = contract("ij,ij->i", a[:, None] * np.ones(2), b[:, None] * np.ones(2))
    return [
        a * b,
        b * a,
        (a * b)[:, None].sum(1),
        sums,
        contract("ij,ij->i", b[:, None] * np.ones(2), (0.5 * a)[:, None]),
    ]


def test_zeros_are_exact_and_nothing_else_is() -> None:
    """What is 0 exactly takes its products along; what only looks like it, as a midpoint or by underflow, does not."""
    zero, other = (
        MidRad(np.zeros(5)),
        MidRad(np.array([1.0, -3.0, 0.0, 2.0**100, 0.5]), np.array([0.0, 9.0, 1.0, 0.0, 0.0])),
    )
    kept = [*products(zero, other), zero / MidRad(np.full(5, 2.0), np.ones(5)), zero / 3.0, zero + zero, zero.sum(0)]
    for found in (*kept, *(getattr(MidRads, name)(zero) for name in ("sqrt", "tanh", "log_cosh"))):
        assert not found.mid.any() and not found.rad.any()
    least = 2.0**-600
    near = MidRad(np.array([0.0, least, least, 2.0**-1074]), np.array([least, 0.0, least, 0.0]))
    small = MidRad(np.full(4, least))
    for found in (*products(near, small), near / MidRad(np.full(4, 2.0**600))):
        assert (found.rad > 0).all()
    for name in ("sqrt", "tanh", "log_cosh"):
        assert (getattr(MidRads, name)(near).rad > 0).all()
    for name in ("sech", "softplus", "sigmoid", "exp"):
        assert (getattr(MidRads, name)(zero).rad > 0).all()


def test_what_may_be_0_and_is_not_below_it_has_its_end_there() -> None:
    high = np.array([0.0, 5.0, 1e-300, 2.0**-1074 * 5, 1e308])
    found = MidRad.between(np.zeros(5), high)
    assert (found.low[[0, 1, 4]] == 0).all() and (found.low <= 0).all()
    assert escaped(found, [rational(v) for v in high.tolist()]) == 0
    at = MidRad(np.array([0.0, 1.0, -1.0, 2.0**-40, 1e-310]), np.array([3.0, 1.0, 4.0, 1.0, 1e-309]))
    root = MidRads.sqrt(at)
    assert (root.low == 0).all()
    with ctx.workprec(128):
        assert all(arb(rational(v)).sqrt() < float(end) for v, end in zip(at.high.tolist(), root.high, strict=True))
    assert not np.isfinite(MidRads.sqrt(MidRad(np.array([-2.0, np.nan]), np.array([1.0, 0.0]))).high).any()


def test_sums_that_overflow_stand_for_anything() -> None:
    with np.errstate(all="ignore"):
        found = MidRad(np.array([1.7e308, 1.7e308, -1.7e308, -1.7e308])).sum(0)
        assert not np.isfinite(found.rad)
        assert not np.isfinite((MidRad(1e300) / found).high)


def test_whole_numbers_beyond_float64_are_enclosed() -> None:
    x, n = 1.881817517703423, 11124604039316463
    found = MidRad(np.array([x])) * n - MidRad(np.array([x])) * (n + 3)
    assert escaped(found, [-3 * rational(x)]) == 0


def test_nothing_is_divided_by_infinity() -> None:
    with np.errstate(all="ignore"):
        for divisor in (MidRad(np.array([np.inf])), np.array([np.inf])):
            assert not np.isfinite((MidRad(np.array([1.0])) / divisor).high).any()


def test_positive_parts_and_steps_contain() -> None:
    rng = np.random.default_rng(21)
    a, x = sample(rng, rng.normal(size=400) * 10.0 ** rng.uniform(-6, 1, 400))
    near = MidRad(a.mid, a.rad + rng.choice([0.0, 2.0**-8], 400))
    assert escaped(MidRads.positive(near), [max(v, fmpq(0)) for v in x]) == 0
    assert escaped(MidRads.step(near), [fmpq(int(v > 0)) for v in x]) == 0
    assert (MidRads.step(near).rad == 0).any() and (MidRads.step(near).rad > 0).any()
    for end in (np.inf, np.nan):
        assert not np.isfinite(MidRads.step(MidRad(np.array([1.0]), np.array([end]))).high).any()
