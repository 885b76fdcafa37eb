"""Networks adapted by several gradient steps: exact cases, kinks on the way, the order of the factors, floors."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, Rationals, to_float
from metagap.impl.families import NETWORK, SMOOTH_NETWORK, judge
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum.networks.answer import RELU, SMOOTH
from metagap.impl.optimum.networks.bracket import value
from metagap.impl.optimum.networks.cells import pattern_floor
from metagap.impl.optimum.networks.floor import Centre, NotConvexError, ball_floor, prediction_floor, reach
from metagap.impl.optimum.networks.linearised import linearised_optimum
from metagap.impl.optimum.networks.optima import NotEnumerableError, infimum
from metagap.impl.series import BallSeries, series_terms
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, SmoothInstance, Task
from metagap.impl.supervised.relu.batch import batch_of
from metagap.impl.supervised.relu.batch_quantities import NetworkBatchQuantities
from metagap.impl.supervised.relu.generate import landscapes
from metagap.impl.supervised.relu.problem import NetworkProblem
from metagap.impl.supervised.relu.quantities import NetworkQuantities
from metagap.impl.supervised.relu.smaller import smaller
from metagap.impl.supervised.smooth.problem import SmoothProblem
from metagap.impl.supervised.smooth.quantities import SmoothQuantities
from metagap.theory.claim import Verdict


def exact(value: int | Fraction) -> fmpq:
    q = Fraction(value)
    return fmpq(q.numerator, q.denominator)


def line(
    omega: int | fmpq, y: int, eta: fmpq, steps: int, *, loss: str = "squared", rival: fmpq | None = None
) -> NetworkInstance:
    """One neuron, one task, x = 1: W^(k+1) = W^(k) - eta (W^(k) - y) while the neuron is on."""
    task = Task(fmpq(1), (Atom(0, fmpq(y), fmpq(1)),))
    return NetworkInstance(
        Loss(loss), Gradient(eta, steps), ((fmpq(1),),), (task,), (1,), Weights.of([(fmpq(1),)]),
        Weights.of([(fmpq(omega),)]), Functions(((fmpq(y) if rival is None else rival,),)), fmpq(4),
    )  # fmt: skip


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_one_neuron_by_hand(steps: int) -> None:
    """W_K - 1 = (1 - eta)^K (W - 1), so L = (1 - eta)^{2K} (W - 1)^2/2 and the meta-feature is (1 - eta)^K."""
    share = fmpq(3, 4) ** steps
    with ctx.workprec(128):
        at = NetworkQuantities(line(3, 1, fmpq(1, 4), steps))
        assert at("gap").overlaps(arb(2 * share * share))
        assert at("eps").overlaps(arb(2 * share * share))
        assert at("eps_first_order").overlaps(arb(2 * share))
        assert float(at("eps").rad()) < 1e-30
    assert NetworkQuantities(line(3, 1, fmpq(1, 4), steps), Rationals)("gap") == 2 * share * share


@dataclass(frozen=True)
class Dual:
    """value + slope t, t^2 = 0, in fractions: the derivative of whatever is written with them."""

    value: Fraction
    slope: Fraction = Fraction(0)

    def __add__(self, other: Dual) -> Dual:
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other: Dual) -> Dual:
        return Dual(self.value * other.value, self.value * other.slope + self.slope * other.value)


def number(q: fmpq) -> Fraction:
    return Fraction(int(q.p), int(q.q))


def meta_objective(instance: NetworkInstance, weights: list[list[Dual]]) -> tuple[Dual, int]:
    """L by its definition (quartic loss, m = 4), and how often patterns changed between steps."""
    share, c = Fraction(1, 2), number(instance.loss.parameter or fmpq(0))
    eta, inputs = number(instance.adaptation.eta), [[number(v) for v in row] for row in instance.features]
    total, changed = Dual(Fraction(0)), 0

    def drives(at: list[list[Dual]], x: int) -> list[Dual]:
        return [sum((v * Dual(u) for v, u in zip(row, inputs[x], strict=True)), start=Dual(Fraction(0))) for row in at]

    def predicted(at: list[list[Dual]], x: int) -> Dual:
        terms = (Dual(b * share) * t for b, t in zip(instance.signs, drives(at, x), strict=True) if t.value > 0)
        return sum(terms, start=Dual(Fraction(0)))

    for task in instance.tasks:
        here, patterns = weights, []
        for _ in range(instance.adaptation.steps):
            patterns.append([[t.value > 0 for t in drives(here, a.x)] for a in task.atoms])
            moved = [list(row) for row in here]
            for a in task.atoms:
                error = predicted(here, a.x) + Dual(-number(a.y))
                slope = error + Dual(4 * c) * error * error * error
                for r, (b, t) in enumerate(zip(instance.signs, drives(here, a.x), strict=True)):
                    if t.value > 0:
                        step = Dual(-eta * number(a.p) * b * share) * slope
                        moved[r] = [v + step * Dual(u) for v, u in zip(moved[r], inputs[a.x], strict=True)]
            here = moved
        changed += sum(one != other for one, other in itertools.pairwise(patterns))
        for a in task.atoms:
            error = predicted(here, a.x) + Dual(-number(a.y))
            risk = Dual(Fraction(1, 2)) * error * error + Dual(c) * error * error * error * error
            total = total + Dual(number(task.weight) * number(a.p)) * risk
    return total, changed


def test_three_steps_in_fractions() -> None:
    """L and grad L by dual numbers through the definition, no Jacobian anywhere: equal as rational numbers."""
    rng = np.random.default_rng(4)
    changed = 0
    for _ in range(12):
        rows = tuple(tuple(fmpq(int(v), 4) for v in row) for row in rng.integers(-8, 9, (3, 2)))
        atoms = [[Atom(x, fmpq(int(rng.integers(-8, 9)), 4), fmpq(1, 2)) for x in (i, 2)] for i in range(2)]
        start = [tuple(fmpq(int(v), 8) for v in row) for row in 2 * rng.integers(-8, 9, (4, 2)) + 1]
        instance = NetworkInstance(
            Loss("quartic", fmpq(1, 64)), Gradient(fmpq(1), 3), rows,
            tuple(Task(fmpq(1, 2), tuple(a)) for a in atoms), (1, -1, 1, -1), Weights.of(start), Weights.of(start),
            Functions(((fmpq(0),) * 3,) * 2), fmpq(1),
        )  # fmt: skip
        with ctx.workprec(128):
            if not NetworkQuantities(instance)("margin_differentiability") > 0:
                continue
        at = NetworkQuantities(instance, Rationals)
        plain = [[Dual(number(v)) for v in row] for row in start]
        gradient = []
        for r, j in itertools.product(range(4), range(2)):
            moved = [list(row) for row in plain]
            moved[r][j] = Dual(moved[r][j].value, Fraction(1))
            total, count = meta_objective(instance, moved)
            gradient.append(exact(total.slope))
        changed += count
        unit = np.eye(8).reshape(8, 4, 2)
        assert [at._whole_gradient.along(Weights(v)) for v in unit] == gradient
        assert at("chain_rule_defect") == 0
        at_zero = sum((t.weight * a.p * (a.y**2 / 2 + a.y**4 / 64) for t in instance.tasks for a in t.atoms), fmpq(0))
        assert at("gap") == exact(total.value) - at_zero
    assert changed >= 4, "the steps had the same patterns"


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_kink_at_the_second_iterate_is_found(steps: int) -> None:
    """W = 3, y = -1, eta = 1/2: the iterates are 3, 1, 0."""
    judgement = judge(line(3, -1, fmpq(1, 2), steps))
    if steps == 1:
        assert judgement["network-lifted"].verdict is not Verdict.OUTSIDE
    else:
        assert judgement["network-lifted"].verdict is Verdict.OUTSIDE
        assert judgement["network-lifted"].reason.startswith("differentiable-adaptation")
        assert judgement["network-formal"].verdict in (Verdict.PROVED, Verdict.EQUAL)


def test_a_kink_at_the_fourth_iterate_is_found_in_rationals() -> None:
    """W_k + 1 = (2/3)^k (W + 1), so that no ball is exact: 0 after four steps from 65/16."""
    for steps in (3, 4, 6):
        judged = judge(line(fmpq(65, 16), -1, fmpq(1, 3), steps), (NETWORK.claim("network-lifted"),)).claims[0]
        assert (judged.verdict is Verdict.OUTSIDE) == (steps >= 4)


@pytest.mark.parametrize("side", [1, -1])
def test_a_sign_at_the_second_iterate_within_rounding_is_decided(side: int) -> None:
    """The neuron is 2^-200 off its kink at iterate 2: the third step moves it, or does not."""
    off = fmpq(side, 2**200)
    instance = line(fmpq(3) + 4 * off, -1, fmpq(1, 2), 3)
    path = NetworkProblem(instance, Balls).omega.path(0)
    assert [here.active[0, 0] for here in path[:3]] == [1.0, 1.0, float(side > 0)]
    with ctx.workprec(512):
        at = NetworkQuantities(instance)
        assert at("margin_differentiability") > 0
        # On, it moves to 2^-200 - (1 + 2^-200)/2 < 0 and is off as well.
        assert at("gap").overlaps(arb(fmpq(1, 2)))
    assert judge(instance)["network-lifted"].verdict in (Verdict.PROVED, Verdict.EQUAL)


def test_a_sign_that_stays_open_widens_what_comes_after() -> None:
    """m = 2, so that m^{-1/2} is irrational and no exact twin helps. Neuron 0 reaches 2^-200 after one step: on in
    truth, open at 64 bits. Then it moves by about 6, or not at all: what is computed must allow for both."""
    small = fmpq(1, 2**200)
    task = Task(fmpq(1), (Atom(0, fmpq(0), fmpq(1)),))
    omega = Weights.of([(fmpq(2) - small,), (fmpq(1),)])
    instance = NetworkInstance(
        Loss("squared"), Gradient(fmpq(4), 2), ((fmpq(1),),), (task,), (1, -1), omega, omega,
        Functions(((fmpq(0),),)), fmpq(1),
    )  # fmt: skip
    # One step: (2 - s, 1) -> (s, 3 - 2 s), f sqrt 2 = s - (3 - 2 s); two: W_0 = s - 2 (3 s - 3) > 0, W_1 < 0.
    first = small - 2 * (3 * small - 3)
    with ctx.workprec(64):
        at = NetworkQuantities(instance)
        assert not at("margin_differentiability") > 0
        found = at._after[0][0]
        assert found.contains(arb(first) / arb(2).sqrt())
        assert found.contains(0)
    with ctx.workprec(512):
        at = NetworkQuantities(instance)
        assert at("margin_differentiability") > 0
        assert at._after[0][0].overlaps(arb(first) / arb(2).sqrt())
        assert float(at._after[0][0].rad()) < 1e-100


def test_smooth_gradients_forward() -> None:
    """d/dt L(W + t V) by one power series through the definition, against <grad L, V>."""
    compared = 0
    for seed in range(12):
        with np.errstate(all="ignore"):
            batch = SMOOTH_NETWORK.generator("arbitrary").build(RandomSource((seed, 1), 1), "log-cosh")
        instance = replace(batch, steps=3).instance(0)
        if instance.width > 4:
            continue
        rng = np.random.default_rng(seed)
        along = rng.integers(-4, 5, instance.omega.floats.shape)
        with ctx.workprec(128), series_terms(2):
            at = SmoothQuantities(instance)
            problem, s = at.problem, BallSeries
            rows = problem.inputs.tolist()
            total: Any = s.series([arb(0)])
            start = [
                [s.series([v, arb(int(t))]) for v, t in zip(row, move, strict=True)]
                for row, move in zip(problem.omega.weights.tolist(), along, strict=True)
            ]
            for law in at.laws:
                here = start
                for last in (False, False, False, True):
                    drives = [
                        {x: sum((w * u for w, u in zip(row, rows[x], strict=True)), start=s.series([arb(0)]))
                         for x in law.rho} for row in here
                    ]  # fmt: skip
                    predictions = {
                        x: sum((b * problem.sigma.value(s, t[x]) for b, t in zip(*problem.output, drives, strict=True)),
                               start=s.series([arb(0)])) for x in law.rho
                    }  # fmt: skip
                    if last:
                        for x, y, p in law.atoms:
                            total = total + law.weight * p * problem.loss.value(s, predictions[x], y)
                        break
                    moved = [list(row) for row in here]
                    for x, y, p in law.atoms:
                        pull = problem.eta * p * problem.loss.d1(s, predictions[x], y)
                        for r, b in enumerate(problem.output[0]):
                            step = pull * b * problem.sigma.d1(s, drives[r][x])
                            moved[r] = [w - step * u for w, u in zip(moved[r], rows[x], strict=True)]
                    here = moved
            gradient = at._whole_gradient.entries
            slope = sum((g * int(v) for g, v in zip(gradient, along.ravel(), strict=True)), start=arb(0))
            assert slope.overlaps(total[1])
            assert float((slope - total[1]).rad()) <= 1e-20 * (1 + at.scale("eps") * float(np.abs(along).sum()))
            compared += 1
    assert compared >= 4


@pytest.mark.parametrize("family", [NETWORK, SMOOTH_NETWORK], ids=lambda f: f.name)
def test_generators_draw_one_two_and_three_steps(family: Any) -> None:
    seen = set()
    for seed in range(30):
        with np.errstate(all="ignore"):
            seen.add(family.generator("arbitrary").build(RandomSource((seed, 2), 2), "squared").steps)
    assert seen == {1, 2, 3}


def test_the_order_of_the_factors_matters() -> None:
    """Where patterns change on the way, the misfits with the right and with the wrong order differ, in balls."""
    apart = 0
    for seed in range(6):
        with np.errstate(all="ignore"):
            batch = NETWORK.generator("steps").build(RandomSource((seed, 3), 4), "logistic")
        for b in range(len(batch)):
            with ctx.workprec(128):
                at = NetworkQuantities(batch.instance(b))
                if at("margin_differentiability") > 0:
                    apart += not at("misfit").overlaps(at("misfit_reversed"))
    assert apart >= 6


def moved(instance: NetworkInstance, radius: int, seed: int) -> Weights:
    """A network in the ball around W0."""
    rng = np.random.default_rng(seed)
    step = rng.standard_normal(instance.initial.floats.shape)
    share = radius * rng.uniform() ** 0.25 * (1 - 2.0**-30) / np.linalg.norm(step)
    return Weights(instance.initial.floats + share * step)


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("steps", [2, 3])
def test_floors_hold_for_several_steps(loss: str, steps: int) -> None:
    """No network of the ball is below the floors, and no adapted one leaves the ball that the floors allow it."""
    for seed in range(3):
        with np.errstate(all="ignore"):
            batch = landscapes(RandomSource((seed, 1), 1), loss)
        instance = replace(batch, steps=steps, rate=np.minimum(batch.rate, 0.5)).instance(0).canonical
        smooth = SmoothInstance.of(instance, "tanh")
        with ctx.workprec(128):
            centre = Centre(NetworkProblem(instance, Balls))
            floors = [prediction_floor(instance), ball_floor(instance, fmpq(1))]
            if instance.width * instance.initial.dimension <= 16:
                floors.append(pattern_floor(instance, fmpq(1))[0])
            low = ball_floor(smooth, fmpq(1)).value
            for trial in range(8):
                weights = moved(instance, 1, trial)
                problem = NetworkProblem(instance, Balls)
                here = value(problem, weights)
                assert all(not here < floor.value for floor in floors)
                assert not value(SmoothProblem(smooth), weights) < low
                ends = NetworkBatchQuantities(batch_of(replace(instance, omega=weights)))._path[-1][0]
                for end, law in zip(ends, problem.laws, strict=True):
                    distance = float(np.linalg.norm(end - instance.initial.floats))
                    assert distance <= to_float(reach(centre, law, arb(1))) * (1 + 1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_reach_of_several_steps_by_hand(steps: int) -> None:
    """W0 = y = 1: |ell'| <= B in the ball of radius B, so every step makes it (1 + eta) times as large."""
    with ctx.workprec(128):
        centre = Centre(NetworkProblem(line(1, 1, fmpq(1, 4), steps), Balls))
        assert 1.25**steps <= to_float(reach(centre, centre.problem.laws[0], arb(1))) <= 1.25**steps * (1 + 1e-8)


def test_the_enumeration_is_for_one_step() -> None:
    instance = line(3, 1, fmpq(1, 4), 2)
    with pytest.raises(NotEnumerableError, match="steps=2: the squared loss, at most 2 neurons, d=1 and one step"):
        infimum(instance)
    still = replace(instance, adaptation=Gradient(fmpq(0), 2))
    assert infimum(still).value == infimum(replace(still, adaptation=Gradient(fmpq(0)))).value
    optimum = RELU.bracketed(instance)
    assert optimum.how == "the best prediction at every input, in the range of the networks"
    assert optimum.lower <= 0 <= optimum.upper < 1e-9
    judged = RELU.judge(instance, optimum).judged
    assert judged.verdict in (Verdict.PROVED, Verdict.EQUAL)


def test_the_headline_of_smooth_networks_for_several_steps() -> None:
    instance = SmoothInstance.of(line(1, 3, fmpq(1, 4), 3), "softplus")
    optimum = SMOOTH.bracketed(instance)
    assert optimum.lower <= 0 <= optimum.upper < 1e-6
    assert SMOOTH.judge(instance, optimum).judged.verdict in (Verdict.PROVED, Verdict.EQUAL)


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_linearised_optimum_of_several_steps(steps: int) -> None:
    """Squared loss: convex and closed up to rounding; a point of the ball is never below; other losses are refused."""
    with np.errstate(all="ignore"):
        batch = NETWORK.generator("arbitrary").build(RandomSource((3, 1), 1), "squared")
    instance = replace(batch, steps=steps, rate=np.full(1, 2.0**-4)).instance(0)
    found = linearised_optimum(instance, fmpq(1))
    assert 0 <= found.upper - found.lower <= 1e-8 * (1 + abs(found.upper))
    # The linearised meta-objective at W0 itself, by its definition in the features' own coordinates.
    at = NetworkBatchQuantities(batch)
    rows = at._phi_start[0, 0]
    labels, masses, weights = batch.labels[0], batch.masses[0], batch.weights[0]
    base = rows @ batch.initial[0].ravel()
    rng = np.random.default_rng(1)
    for _ in range(20):
        move = rng.standard_normal(rows.shape[1])
        move *= rng.uniform() / np.linalg.norm(move)
        total = 0.0
        for q, y, p in zip(weights, labels, masses, strict=True):
            here = move
            for _ in range(steps):
                here = here - 2.0**-4 * rows.T @ (p * ((base + rows @ here)[:, None] - y)).sum(1)
            total += q * float((p * ((base + rows @ here)[:, None] - y) ** 2).sum()) / 2
        assert total >= found.lower - 1e-9 * (1 + abs(total))
    if steps > 1:
        with pytest.raises(NotConvexError, match=f"steps={steps}: the squared loss or one small step is required"):
            linearised_optimum(replace(instance, loss=Loss("log-cosh")), fmpq(1))


def test_shrinking_tries_fewer_steps() -> None:
    instance = line(3, 1, fmpq(1, 4), 3)
    assert {2, 1} <= {one.adaptation.steps for one in smaller(instance)}
