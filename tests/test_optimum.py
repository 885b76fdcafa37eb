"""The certified optimum: enclosures contain, brackets agree with every oracle, certificates cannot lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import arb, arb_mat, ctx, fmpq
from hypothesis import example, given, settings
from hypothesis import strategies as st
from metagap.impl.arithmetic import Balls, bounds, rational, to_float
from metagap.impl.losses import Loss
from metagap.impl.optimum import Budget, NotCoerciveError, UnsupportedError, minimise
from metagap.impl.optimum.certificate import basis
from metagap.impl.optimum.check import Box, Model
from metagap.impl.optimum.coercivity import coercivity_radius
from metagap.impl.optimum.exact import (
    DoesNotApplyError,
    exact_value,
    functional_bound,
    own_risk_bound,
    squared_minimum,
)
from metagap.impl.optimum.headline import LINEAR, ball_of
from metagap.impl.optimum.landscape import Landscape
from metagap.impl.optimum.reach import over
from metagap.impl.sources import Limits, RandomSource
from metagap.impl.supervised import taylor
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.generate import LANDSCAPES, arbitrary, landscapes
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task
from metagap.impl.supervised.maml import Problem
from metagap.reports.bench.optimum import compare, landscape_instance
from metagap.theory.claim import Verdict
from oracles.polynomials import polynomial_minimum

ONE, HALF = fmpq(1), fmpq(1, 2)
FEW = settings(max_examples=max(settings().max_examples // 10, 1))
"""For searches and certificates, which take tens of milliseconds each."""
MANY = settings(max_examples=max(settings().max_examples // 2, 1))
"""For enclosures, 40 boxes each: 100,000 per loss in the deep profile."""
SMOOTH = (*LANDSCAPES.variants, "huber", "double-well", "geman-mcclure")
SEEDS = st.integers(0, 2**32)


def some(loss: str, seed: int, count: int = 1, limits: Limits = Limits()) -> list[MetaSLInstance]:  # noqa: B008
    with np.errstate(all="ignore"):
        batch = arbitrary(RandomSource(seed, count), loss, limits)
    if loss in ("double-well", "geman-mcclure") and batch.steps == 0:
        batch = replace(batch, steps=1)
    return [batch.instance(b) for b in range(count)]


def boxes(rng: np.random.Generator, count: int, dimension: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres and half-widths on a dyadic grid, wide and narrow, and a point of each box."""
    centre = rng.integers(-64, 65, (count, dimension)) / 16
    half = 2.0 ** -rng.integers(-2, 20, (count, 1)) * rng.integers(0, 5, (count, dimension))
    return centre, half, centre + half * rng.integers(-16, 17, (count, dimension)) / 16


def value_at(instance: MetaSLInstance, theta: np.ndarray) -> arb:
    problem = Problem(instance.canonical, Balls)
    return problem.meta_objective(arb_mat([[arb(float(v))] for v in theta]))


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("loss", SMOOTH)
@MANY
@given(seed=SEEDS)
def test_float_enclosures_contain(loss: str, seed: int) -> None:
    """Value, gradient and Hessian at random points of wide and narrow boxes lie in what the finder believes."""
    rng = np.random.default_rng(seed)
    instance = some(loss, seed)[0]
    scape = Landscape(instance)
    centre, half, point = boxes(rng, 40, scape.dimension)
    with np.errstate(all="ignore"):
        box = over(scape, centre, half, second=scape.smooth)
        natural, mean, (middle, spread) = box.natural, box.mean_value, box.gradient
        hessian, around = box.hessian if scape.smooth else (None, None)
    with ctx.workprec(128):
        for b in range(len(centre)):
            theta = point[b] @ scape.basis
            here = replace(instance, omega=tuple(rational(float(v)) for v in theta))
            value = value_at(instance, theta)
            if len(scape.basis) < instance.dimension or not value.is_finite():
                continue  # the float image of a reduced point is not that point
            top = bounds(value)[1]
            assert not natural[b] > top
            assert not mean[b] > top
            slope = taylor.gradient(Problem(here, Balls))
            for j, g in enumerate(slope):
                low, high = bounds(g)
                assert not low > middle[b, j] + spread[b, j]
                assert not high < middle[b, j] - spread[b, j]
            if hessian is not None and isinstance(instance.adaptation, Gradient) and b % 8 == 0:
                direction = rng.integers(-3, 4, scape.dimension).astype(float)
                if direction.any():
                    exact = taylor.curvature(Problem(here, Balls), [arb(v) for v in direction])
                    size = float(direction @ direction)
                    low, high = bounds(exact * size)
                    with np.errstate(invalid="ignore", over="ignore"):  # beyond float64 it says nothing
                        centred = direction @ hessian[b] @ direction
                        room = np.abs(direction) @ around[b] @ np.abs(direction) * (1 + 1e-12)
                        least, most = centred - room, centred + room
                    assert not low > most
                    assert not high < least


@pytest.mark.parametrize("loss", SMOOTH)
@FEW
@given(seed=SEEDS)
def test_ball_enclosures_contain(loss: str, seed: int) -> None:
    """The same for the checker's own enclosures."""
    rng = np.random.default_rng(seed)
    instance = some(loss, seed)[0]
    with ctx.workprec(72):
        model = Model(instance)
        if model.dimension < instance.dimension:
            return
        for centre, half, point in zip(*boxes(rng, 4, model.dimension), strict=True):
            box = Box(model, [rational(float(v)) for v in centre], [rational(float(v)) for v in half])
            value = value_at(instance, point)
            assert not box.natural > value
            assert not box.mean_value > value
            here = replace(instance, omega=tuple(rational(float(v)) for v in point))
            for enclosed, g in zip(box.gradient, taylor.gradient(Problem(here, Balls)), strict=True):
                assert enclosed.overlaps(g) or not (enclosed.is_finite() and g.is_finite())
            if isinstance(instance.adaptation, Gradient):
                direction = arb_mat([[int(v)] for v in rng.integers(1, 4, model.dimension)])
                bent = Box(model, [rational(float(v)) for v in centre], [rational(float(v)) for v in half], second=True)
                curved = (direction.transpose() * bent.hessian() * direction)[0, 0]
                exact = taylor.curvature(Problem(here, Balls), direction.entries())
                exact *= (direction.transpose() * direction)[0, 0]
                assert curved.overlaps(exact) or not (curved.is_finite() and exact.is_finite())


# --- oracles ---------------------------------------------------------------------------------------------------


@FEW
@given(seed=SEEDS)
@example(seed=0)
@example(seed=218)  # ill-conditioned: no certificate in float64
def test_squared_is_exact(seed: int) -> None:
    for instance in some("squared", seed, 3):
        exact, theta = squared_minimum(instance)
        found = minimise(instance, None)
        assert found.certified
        assert rational(found.lower) <= exact <= rational(found.upper)
        slope = taylor.gradient(Problem(replace(instance, omega=theta), Balls))
        assert all(g.contains(0) for g in slope)


@pytest.mark.ci
@FEW
@given(seed=SEEDS)
def test_cvxpy_agrees_on_the_squared_loss(seed: int) -> None:
    from metagap.impl.oracles.convex import squared_meta_minimum

    instance = replace(some("squared", seed, limits=Limits(tasks=2, points=3))[0], adaptation=Gradient(fmpq(1, 8)))
    exact = to_float(squared_minimum(instance)[0])
    assert squared_meta_minimum(instance) == pytest.approx(exact, abs=1e-6 * (1 + abs(exact)))


@pytest.mark.parametrize("loss", ["squared", "quartic", "double-well"])
@FEW
@given(seed=SEEDS)
def test_real_roots_agree_in_one_dimension(loss: str, seed: int) -> None:
    instance = some(loss, seed, limits=Limits(tasks=3, points=3, dimension=1))[0]
    if instance.adaptation == Implicit(getattr(instance.adaptation, "strength", ONE)):
        instance = replace(instance, adaptation=Gradient(fmpq(1, 16), 2))
    if isinstance(instance.adaptation, Gradient) and instance.adaptation.steps > 2:
        instance = replace(instance, adaptation=replace(instance.adaptation, steps=2))
    exact = polynomial_minimum(instance, fmpq(2))
    found = minimise(instance, fmpq(2))
    low, high = bounds(exact)
    assert found.lower <= high
    assert low <= found.upper
    assert high - low <= 1e-9 * (1 + abs(high))


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("loss", LANDSCAPES.variants)
@FEW
@given(seed=SEEDS)
def test_floors_are_below_every_point(loss: str, seed: int) -> None:
    """Functions of their own, and each task's own optimum, are at least as good as any adapted parameter."""
    rng = np.random.default_rng(seed)
    for instance in some(loss, seed, 2):
        theta = tuple(fmpq(int(v), 8) for v in rng.integers(-8, 9, instance.dimension))
        value = exact_value(instance, theta)
        size = fmpq(2 * instance.dimension)
        assert not functional_bound(instance) > value
        assert not own_risk_bound(instance, size) > value


def test_own_risk_is_sharp_for_one_task_without_adaptation() -> None:
    task = Task(ONE, (Atom(0, ONE, HALF), Atom(0, fmpq(-1), HALF)))
    instance = MetaSLInstance(Loss("log-cosh"), Gradient(fmpq(0)), ((ONE,),), (task,), (fmpq(0),), (fmpq(0),), ONE)
    least = exact_value(instance, (fmpq(0),))
    assert float((least - own_risk_bound(instance, ONE)).abs_upper()) < 1e-12
    assert float((least - functional_bound(instance)).abs_upper()) < 1e-12


def test_methods_refuse_what_they_are_not_for() -> None:
    logistic = some("logistic", 1)[0]
    with pytest.raises(DoesNotApplyError):
        squared_minimum(logistic)
    with pytest.raises(DoesNotApplyError):
        polynomial_minimum(logistic, ONE)
    with pytest.raises(NotCoerciveError, match="radius"):
        minimise(logistic, None)
    absolute = replace(logistic, loss=Loss("absolute"), adaptation=Gradient(ONE))
    with pytest.raises(UnsupportedError, match="absolute"):
        minimise(absolute, ONE)


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("loss", ["quartic", "log-cosh", "pseudo-huber", "huber"])
@FEW
@given(seed=SEEDS)
def test_outside_the_coercive_ball_everything_is_worse(loss: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    instance = some(loss, seed, limits=Limits(dimension=2))[0]
    try:
        ball = coercivity_radius(instance, 10.0)
    except NotCoerciveError:
        return
    unit = basis(instance)
    if len(unit) < instance.dimension:
        return
    for _ in range(5):
        direction = rng.normal(size=instance.dimension)
        theta = direction / np.linalg.norm(direction) * to_float(ball) * (1.001 + rng.exponential())
        assert exact_value(instance, tuple(rational(float(v)) for v in theta)) >= 10


# --- the headline ----------------------------------------------------------------------------------------------


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("loss", LANDSCAPES.variants)
@FEW
@given(seed=SEEDS)
def test_the_headline_is_never_violated(loss: str, seed: int) -> None:
    with np.errstate(all="ignore"):
        instance = landscapes(RandomSource(seed, 1), loss).instance(0)
    found = LINEAR.study(instance, Budget(boxes=4000))
    for finding in found.findings:
        assert finding.judged.verdict in (Verdict.PROVED, Verdict.EQUAL, Verdict.OUTSIDE), finding.judged
        assert finding.judged.gap is not None
        assert finding.judged.gap.hi >= 0
    assert found.bracket.proved or not found.bracket.certified, found.bracket.why


@pytest.mark.ci
def test_a_spurious_minimum_is_found_and_bounded() -> None:
    """Two conflicting tasks and a large step: a local minimum that is certified not to be global."""
    batches = [landscapes(RandomSource(seed, 4), "log-cosh", Limits(dimension=1)) for seed in range(12)]
    studies = [LINEAR.study(batch.instance(b)) for batch in batches for b in range(4)]
    traps = [f for s in studies for f in s.findings if f.kind == "local minimum" and f.spurious]
    assert traps
    for trap in traps:
        assert trap.judged.verdict is Verdict.PROVED
        assert trap.judged.bound is not None
        assert trap.judged.bound.hi >= trap.above.lo > 0


def test_a_budget_that_is_too_small_says_so() -> None:
    instance = next(i for s in range(50) for i in some("quartic", s) if len(basis(i)) == 3)
    found = minimise(instance, fmpq(4), Budget(boxes=3))
    truth = minimise(instance, fmpq(4))
    if not found.certified:
        assert "budget" in found.why
    assert found.lower <= truth.upper
    assert truth.lower <= found.upper
    assert found.sure <= found.lower


def test_the_ball_of_a_landscape_holds_omega() -> None:
    instance = replace(some("quartic", 2, limits=Limits(dimension=2))[0], omega=(fmpq(7),) * 2)
    instance = replace(instance, features=tuple((*row, ONE)[:2] for row in instance.features), comparator=(ONE, ONE))
    assert to_float(ball_of(instance)) >= 7 * 2**0.5


@pytest.mark.ci
@pytest.mark.parametrize(("dimension", "seed"), [(1, 0), (1, 1), (1, 2), (2, 0), (2, 4)])
def test_sums_of_squares_agree(dimension: int, seed: int) -> None:
    """A rounded Gram matrix, certified: below every value, and close to the certified minimum."""
    from oracles.sums_of_squares import lower_bound

    instance = landscape_instance("quartic", dimension, seed)
    found = minimise(instance, None)
    bound = lower_bound(instance, float(np.linalg.norm(found.at)))
    assert bound is not None
    assert bounds(bound)[0] <= found.upper
    assert bounds(bound)[1] >= found.lower - 1e-4 * found.upper


@pytest.mark.ci
def test_peers_are_compared_with_the_certified_bracket() -> None:
    (row,) = compare(("log-cosh",), (1,), 2)
    assert row.undecided == row.rejected == 0
    assert set(row.wrong) == {"L-BFGS", "10 x L-BFGS", "shgo", "annealing"}
    assert all(0 <= n <= 2 for n in row.wrong.values())
