"""Each row of the loss table against sympy, torch, mpmath, containment on wide boxes, and its own constants."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl.arithmetic import Balls, Floats, Rationals, rational
from metagap.impl.losses import LOSSES, Link, Loss, OneSided
from metagap.impl.optimum.coercivity import linear_growth
from metagap.impl.oracles.sympy_functions import Sympy
from metagap.impl.series import BallSeries, RationalSeries
from metagap.impl.supervised.draws import CONVEX_LOSSES, STEEP
from metagap.impl.supervised.relu.problem import AFFINE

PARAMETERS = {None: (None,), "c": (fmpq(1, 4), fmpq(2)), "delta": (fmpq(1), fmpq(1, 2), fmpq(3))}
ALL = [Loss(name, p) for name, f in LOSSES.items() for p in PARAMETERS[f.profile.parameter]]
LABELS = {Link.RESIDUAL: (-1.5, 0.0, 2.0), Link.MARGIN: (-1.0, 1.0), Link.CANONICAL: (0.0, 1.0, 3.0)}
ORDERS = ("value", "d1", "d2", "d3")

losses = pytest.mark.parametrize("loss", ALL, ids=lambda loss: f"{loss.name}-{loss.parameter}")


def labels(loss: Loss) -> tuple[float, ...]:
    return LABELS[loss.link]


def points(rng: np.random.Generator, count: int) -> np.ndarray:
    """Predictions of all magnitudes, off the joints."""
    sizes = 10.0 ** rng.uniform(-9, 1.2, count)
    return sizes * rng.choice([-1.0, 1.0], count)


@pytest.mark.ci(every=4)
@losses
def test_derivatives_are_sympys(loss: Loss) -> None:
    z = sympy.Symbol("z", real=True)
    for label in labels(loss):
        y = sympy.Rational(label)
        formula = loss.value(Sympy, z, y)
        for order, name in enumerate(ORDERS[1:], start=1):
            derivative = sympy.diff(formula, z, order)
            own = getattr(loss, name)(Sympy, z, y)
            for at in (-2.375, -0.3125, 0.1875, 1.6875):
                exact = derivative.subs(z, sympy.Rational(at)).evalf(30)
                claimed = sympy.sympify(own).subs(z, sympy.Rational(at)).evalf(30)
                assert abs(exact - claimed) < sympy.Float("1e-25") * (1 + abs(exact)), (name, label, at)


@pytest.mark.ci
@losses
def test_derivatives_are_torchs(loss: Loss) -> None:
    import torch
    from metagap.impl.tensors import Torch

    rng = np.random.default_rng(1)
    for label in labels(loss):
        z = torch.from_numpy(rng.uniform(-3, 3, 40)).requires_grad_()
        y = torch.full_like(z, label)
        value = loss.value(Torch, z, y)
        for name in ORDERS[1:]:
            value = (value + 0 * z).sum()
            (value,) = torch.autograd.grad(value, z, create_graph=True, materialize_grads=True)
            own = getattr(loss, name)(Floats, z.detach().numpy(), np.full(40, label))
            assert np.allclose(value.detach().numpy(), own, rtol=1e-9, atol=1e-10), name


@losses
def test_float64_values_do_not_cancel(loss: Loss) -> None:
    """Relative accuracy near the minimum and far out, against 200-bit balls."""
    rng = np.random.default_rng(2)
    z = points(rng, 200)
    for label in labels(loss):
        z_at = z + label if loss.link is Link.RESIDUAL else z
        for name in ORDERS:
            floats = getattr(loss, name)(Floats, z_at, np.full(len(z), label)) + 0 * z_at
            with ctx.workprec(200):
                for x, value in zip(z_at, floats, strict=True):
                    exact = getattr(loss, name)(Balls, arb(float(x)), arb(label))
                    if exact.rad() > 1e-3:
                        continue
                    argument = abs(x) + abs(label) + 1
                    slack = 64 * 2.0**-53 * (float(abs(exact.mid())) + conditioning(loss, name, x, label, argument))
                    assert abs(float(exact.mid()) - value) <= slack + 1e-300, (name, x, label)


def conditioning(loss: Loss, name: str, x: float, label: float, argument: float) -> float:
    """How far rounding the argument (z - y, or e^z - y) moves the result."""
    if loss.link is Link.CANONICAL:
        return math.exp(x) + abs(label * x) + abs(label)
    following = {"value": "d1", "d1": "d2", "d2": "d3", "d3": None}[name]
    with ctx.workprec(64):
        slope = 24.0 if following is None else float(getattr(loss, following)(Balls, arb(x), arb(label)).abs_upper())
    return slope * (abs(label) * 2.0**-2 + abs(x) * 4 + (abs(label) > 0) * argument)


wide = st.tuples(
    st.floats(-40, 40, allow_subnormal=False),
    st.one_of(st.floats(0, 2), st.floats(0, 60), st.just(0.0)),
    st.floats(0, 1),
)


@pytest.mark.ci(every=4)
@losses
@given(boxes=st.lists(wide, min_size=6, max_size=6), pick=st.integers(0, 2))
def test_ranges_contain_and_are_tight(loss: Loss, boxes: list[tuple[float, float, float]], pick: int) -> None:
    label = labels(loss)[pick % len(labels(loss))]
    with ctx.workprec(96):
        y = arb(label)
        for low, width, share in boxes:
            high = low + width
            box = arb(low).union(arb(high))
            at = arb(low) + (arb(high) - arb(low)) * arb(share)
            inner = [arb(low), arb(high), at, *(arb(label) + arb(t) for t in (-1, 0, 1))]
            inner = [t for t in inner if box.contains(t)]
            for order, name in enumerate(ORDERS):
                found = loss.range(order, box, y)
                evaluate = getattr(loss, name)
                assert found.contains(evaluate(Balls, at, y)) or found.overlaps(evaluate(Balls, at, y))
                assert evaluate(Balls, box, y).overlaps(evaluate(Balls, at, y))
                assert not evaluate(Balls, at, y) > found.upper()
                assert not evaluate(Balls, at, y) < found.lower()
            assert loss.range(1, box, y).contains(loss.d1(Balls, arb(low), y)) or width == 0


@losses
def test_ranges_hold_the_turning_points(loss: Loss) -> None:
    """Joints or not: what a fine grid attains (the turning points of all losses among its cells), ends included."""
    with ctx.workprec(96):
        for label in labels(loss):
            reach = float(loss.parameter or 0)  # joints and turning points are at label -+ parameter, or nearer
            for low, high in (
                *((-3.0, 4.0), (-0.75, 0.5), (0.0, 2.0), (-2.0, 0.0), (label - 0.5, label)),
                *((label - reach - 1, label + reach + 2), (label - reach - 0.5, label - reach), (label, label + reach)),
            ):
                grid = np.linspace(low, high, 1001)
                box = arb(low).union(arb(high))
                for order, name in enumerate(ORDERS):
                    with np.errstate(all="ignore"):
                        sample = getattr(loss, name)(Floats, grid, np.full(len(grid), label)) + 0 * grid
                    found, room = loss.range(order, box, arb(label)), 1e-12 * (1 + float(np.abs(sample).max()))
                    assert float(found.upper()) >= sample.max() - room, (name, label, low)
                    assert float(found.lower()) <= sample.min() + room, (name, label, low)


@losses
def test_ranges_contain_the_value_to_the_last_bit(loss: Loss) -> None:
    """Of one point and of narrow intervals: values at 400 bits, or what the joint leaves open."""
    for label in labels(loss):
        for x in (-2.3, -0.4, 0.1, 1.7, 30.0):
            for width in (0.0, 2.0**-40):
                for order, name in enumerate(ORDERS):
                    with ctx.workprec(96):
                        found = loss.range(order, arb(x).union(arb(x) + width), arb(label))
                    with ctx.workprec(400):
                        for at in (arb(x), arb(x) + width):
                            assert found.contains(getattr(loss, name)(Balls, at, arb(label))), (name, label, x)


@losses
def test_what_losses_are_called_is_so(loss: Loss) -> None:
    """nonnegative, and where g' and g'' jump: from difference quotients on a grid through every joint."""
    t = np.linspace(-8, 8, 16 * 1024 + 1)
    y = np.full(len(t), 1.0 if loss.link is not Link.RESIDUAL else 0.0)
    slope = loss.d1(Floats, t, y) + 0 * t
    assert loss.profile.nonnegative == all(loss.value(Floats, t, np.full(len(t), v)).min() >= 0 for v in labels(loss))
    inner = np.abs(t) < 6  # exponentials bend steeply without a jump
    jump = np.abs(np.diff(slope))[inner[1:]].max()
    bend = np.abs(np.diff(np.diff(slope)))[inner[2:]].max() * 1024
    assert loss.profile.kinked == (jump > 1.5)
    assert loss.profile.joints == (loss.profile.kinked or (bend > 0.5 and loss.parameter is not None and bend < 1.5))


@losses
def test_the_least_curvature_is_enclosed_and_not_only_bounded(loss: Loss) -> None:
    """Where ell'' is tiny too: a bound that is below 0 would be one of a convex loss no more."""
    with ctx.workprec(96):
        for label in labels(loss):
            for z, h in ((-3.0, 4.0), (4.0, -0.75), (1.0, 2.0), (-6.0, -6.0), (-80.0, -90.0), (300.0, 3.0)):
                found = loss.least_curvature(arb(z), arb(h), arb(label))
                grid = [arb(v) for v in np.linspace(z, h, 301)]
                seen = [loss.d2(Balls, v, arb(label)) for v in grid]
                assert not any(value < found for value in seen)
                if not loss.profile.joints:
                    assert found.rad() <= 2.0**-60 * found.abs_upper()
                    values = np.array([float(v.mid()) for v in seen])
                    spread = np.abs(np.diff(values)).max() + 1e-15 * np.abs(values).max()
                    assert float(found.mid()) >= values.min() - spread
            if loss.profile.convex:
                assert loss.least_curvature(arb(-300), arb(-310), arb(label)) >= 0


@losses
def test_ranges_are_hulls_of_attained_values(loss: Loss) -> None:
    """No wider than what a fine sample attains, up to the sample's spacing."""
    with ctx.workprec(96):
        for label in labels(loss):
            for low, high in ((-3.0, 4.0), (-0.75, 0.5), (1.0, 2.0), (-6.0, -5.0)):
                grid = np.linspace(low, high, 2001)
                box = arb(low).union(arb(high))
                for order, name in enumerate(ORDERS):
                    sample = getattr(loss, name)(Floats, grid, np.full(len(grid), label)) + 0 * grid
                    found = loss.range(order, box, arb(label))
                    spread = float(np.abs(np.diff(sample)).max()) + 1e-9 * (1 + float(np.abs(sample).max()))
                    if loss.profile.joints:
                        continue
                    assert float(found.upper()) <= sample.max() + spread, (name, label, low)
                    assert float(found.lower()) >= sample.min() - spread, (name, label, low)
                    assert float(found.upper()) >= sample.max() - 1e-12 * (1 + abs(sample.max()))
                    assert float(found.lower()) <= sample.min() + 1e-12 * (1 + abs(sample.min()))


@losses
def test_constants_are_the_suprema(loss: Loss) -> None:
    """Finite constants bound the derivatives everywhere that we look and are approached; None is unbounded."""
    t = np.concatenate([np.linspace(-12, 12, 200_001), np.array([-300.0, 300.0])])
    y = np.full(len(t), 1.0 if loss.link is not Link.RESIDUAL else 0.0)
    with ctx.workprec(64):
        constants = loss.constants()
        for order, bound in ((1, constants.m1), (2, constants.m2), (3, constants.m3)):
            size = np.abs(getattr(loss, ORDERS[order])(Floats, t, y) + 0 * t)
            if bound is not None:
                assert size.max() <= float(bound.upper()) * (1 + 1e-12)
                assert size.max() >= float(bound.lower()) * (1 - 1e-4)
            elif not (order == 3 and loss.profile.joints):
                # Unbounded, or (for a loss with joints) no such derivative: it grows or it jumps.
                assert size.max() > 50 or loss.profile.joints
        bend = loss.d2(Floats, t, y) + 0 * t
        assert bend.min() >= float(constants.mu.lower()) - 1e-12
        assert loss.profile.convex == bool(bend.min() >= 0)
        if constants.kappa is not None:
            near = np.abs(t) < 12
            ratio = np.abs(loss.d3(Floats, t[near], y[near])) / bend[near]
            assert ratio.max() <= float(constants.kappa.upper()) * (1 + 1e-9)
            assert ratio.max() >= float(constants.kappa.lower()) * (1 - 1e-3)


@losses
def test_losses_of_linear_growth_are_known(loss: Loss) -> None:
    """g >= a|t| - c, nearly with equality far out. What is flat to one side, or has a kink, is not asked for."""
    with ctx.workprec(96):
        far = [loss.d1(Balls, arb(side * 1000), arb(0)) for side in (-1, 1)]
        known, bounded = linear_growth(loss), loss.constants().m1 is not None and not loss.profile.kinked
        assert (known is not None) == (loss.link is Link.RESIDUAL and bounded and all(abs(g) > 0.01 for g in far))
        if known is not None:
            a, c = known
            rests = [loss.value(Balls, arb(t), arb(0)) - a * abs(t) + c for t in (-(10**6), -2, 0, 0.5, 3, 10**6)]
            assert not any(rest < 0 for rest in rests) and rests[0] < 0.001 and rests[-1] < 0.001


def test_lists_of_losses_are_complete() -> None:
    """Steep: ell'' is unbounded. Affine: ell' is so, piece by piece."""
    convex = {name for name in CONVEX_LOSSES if name in LOSSES}
    assert set(STEEP) == {loss.name for loss in ALL if loss.name in convex and loss.constants().m2 is None}
    bent = {loss.name for loss in ALL if any(loss.d3(Floats, t, 1.0) for t in (-2.25, 0.5))}
    assert set(AFFINE) == {name for name, row in LOSSES.items() if row.profile.rational} - bent


@losses
def test_taylor_arithmetic_gives_the_derivatives(loss: Loss) -> None:
    before, ctx.cap = ctx.cap, 3
    try:
        with ctx.workprec(128):
            for label in labels(loss):
                for x in (-2.3, 0.4, 1.7):
                    y, z = arb(label), arb(x)
                    series = loss.value(BallSeries, BallSeries.series([z, 1]), y)
                    slope = loss.d1(BallSeries, BallSeries.series([z, 1]), y)
                    assert series[0].overlaps(loss.value(Balls, z, y))
                    assert series[1].overlaps(loss.d1(Balls, z, y))
                    assert (2 * series[2]).overlaps(loss.d2(Balls, z, y))
                    assert slope[1].overlaps(loss.d2(Balls, z, y))
                    assert (2 * slope[2]).overlaps(loss.d3(Balls, z, y))
    finally:
        ctx.cap = before


@pytest.mark.parametrize("loss", [x for x in ALL if x.profile.rational], ids=lambda x: f"{x.name}-{x.parameter}")
def test_exact_rationals_lie_in_the_balls(loss: Loss) -> None:
    with ctx.workprec(64):
        for z in (fmpq(-7, 3), fmpq(0), fmpq(1, 7), fmpq(1), fmpq(22, 7)):
            for label in labels(loss):
                y = rational(label)
                for name in ORDERS:
                    exact = getattr(loss, name)(Rationals, z, y)
                    found = getattr(loss, name)(Balls, arb(z), arb(y))
                    assert found.overlaps(arb(exact)), (name, z)
                    assert found.rad() < 1e-12 or loss.profile.joints


def test_joints_have_one_sided_derivatives() -> None:
    before, ctx.cap = ctx.cap, 2
    try:
        one, zero = fmpq(1), fmpq(0)
        huber, absolute = Loss("huber", one), Loss("absolute")
        for way, slope in ((1, 0), (-1, -1)):
            moved = RationalSeries.series([one, way])
            assert huber.d1(RationalSeries, moved, zero)[1] == slope
            assert huber.value(RationalSeries, moved, zero)[1] == way
        for way in (1, -1):
            assert absolute.value(RationalSeries, RationalSeries.series([zero, way]), zero)[1] == 1
        with ctx.workprec(64):
            slope = huber.value(BallSeries, BallSeries.series([arb(1), 1]), arb(0))[1]
            assert slope.contains(1)
            assert slope.rad() < 1e-12
            assert huber.d2(Balls, arb(1), arb(0)).contains(0)
            assert huber.d2(Balls, arb(1), arb(0)).contains(1)
    finally:
        ctx.cap = before


def test_the_distance_to_a_joint() -> None:
    with ctx.workprec(64):
        assert Loss("huber", fmpq(1)).joint_distance(arb(3), arb(1)) == 1
        assert Loss("absolute").joint_distance(arb(3), arb(1)) == 2
        assert Loss("huber", fmpq(1)).joint_distance(arb(2), arb(1)).is_zero()
        assert Loss("huber", fmpq(1)).joint_distance(arb(2.5, 1), arb(1)).contains(0)
        assert Loss("absolute").joint_distance(arb(1, 0.25), arb(1)).contains(0)
        assert Loss("log-cosh").joint_distance(arb(3), arb(1)) is None


def test_a_parameter_is_required_exactly_where_it_belongs() -> None:
    with pytest.raises(ValueError, match="parameter=None"):
        Loss("quartic")
    with pytest.raises(ValueError, match="takes no parameter"):
        Loss("squared", fmpq(1))


def test_small_residuals_keep_their_relative_precision() -> None:
    for name, parameter in (("log-cosh", None), ("pseudo-huber", fmpq(1))):
        value = float(Loss(name, parameter).value(Floats, np.array([1e-9]), np.array([0.0]))[0])
        assert value == pytest.approx(float(mpmath.mpf("5e-19")), rel=1e-12)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("joint", [-2, 2])
def test_one_sided_derivatives_at_a_joint_are_limits_of_difference_quotients(side: int, joint: int) -> None:
    loss, one = Loss("huber", fmpq(2)), OneSided("huber", fmpq(2), side)
    z, y, step = fmpq(joint + 1), fmpq(1), fmpq(side, 10**6)
    quotient = (loss.d1(Rationals, z + step, y) - loss.d1(Rationals, z, y)) / step
    assert one.d2(Rationals, z, y) == quotient
    assert one.d2(Balls, arb(z), arb(y)) == arb(quotient)
    slope = one.d1(RationalSeries, RationalSeries.series([z, fmpq(3)]), y)
    assert (slope[0], slope[1]) == (loss.d1(Rationals, z, y), 3 * quotient)
    assert one.d2(Rationals, z + step, y) == loss.d2(Rationals, z + step, y)
