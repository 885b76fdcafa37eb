"""What omega is stationary for: gradients of other loops' objectives by hand, by a second route, and named."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, norm, rational
from metagap.impl.losses import Loss
from metagap.impl.optimum import Budget, loops, proximal
from metagap.impl.optimum.advice import advice, remedy
from metagap.impl.optimum.answer import LINEAR_ANSWER, growth
from metagap.impl.optimum.loops import _Field, stationary_for
from metagap.impl.optimum.objectives import Loop, others, own_loop
from metagap.impl.optimum.stack import Balls2, Stack
from metagap.impl.own_tasks import from_arrays
from metagap.impl.supervised import taylor
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task
from metagap.impl.supervised.maml import Problem
from metagap.impl.supervised.quantities import MetaSLQuantities
from scipy.optimize import root

C, W, ONE, HALF = fmpq(1, 4), fmpq(2), fmpq(1), fmpq(1, 2)
Y = ((fmpq(3), fmpq(-1)), (fmpq(5), fmpq(1)), (fmpq(2), fmpq(9)))
"""Labels of three tasks with two rows each, all at x = 1: with the squared loss a step contracts to the mean."""


def line(omega: fmpq = W) -> MetaSLInstance:
    """One parameter, three tasks: R_i(t) = ((t - a)^2 + (t - b)^2)/4, one step of 1/4."""
    labels = [float(y.p) for pair in Y for y in pair]
    made = from_arrays([[1.0]] * 6, labels, [0, 0, 1, 1, 2, 2], eta=C)
    return replace(made, omega=(omega,))


def by_hand(objective: str) -> fmpq:
    """g(omega) by pencil: a step is t -> t - c(t - mean)."""
    means, keep = [(a + b) / 2 for a, b in Y], 1 - C
    average = sum(means, start=fmpq(0)) / 3
    if objective == "maml":
        return keep**2 * (W - average)
    if objective == "first-order":
        return keep * (W - average)
    if objective == "no-adaptation":
        return W - average
    if objective == "rate=1/2":
        return (W - average) / 4
    if objective == "steps=3":
        return keep**6 * (W - average)
    if objective == "first-task-only":
        return keep**2 * (W - means[0])
    if objective == "last-task-only":
        return keep**2 * (W - means[2])
    if objective == "reptile":  # three steps: theta - U(theta) = (1 - keep^3)(theta - mean)
        return (1 - keep**3) / C * (W - average)
    if objective == "support/query":  # adapt on the first row, evaluate on the second
        return sum((keep * (keep * W + C * a - b) for a, b in Y), start=fmpq(0)) / 3
    t, slope, total = W, fmpq(1), fmpq(0)
    for mean in means:
        t, slope = keep * t + C * mean, keep * slope
        total += slope * (t - mean) / 3
    return total


LOOPS = {
    "maml": Loop("maml", "", C, 1),
    "first-order": Loop("first-order", "", C, 1, first_order=True),
    "no-adaptation": Loop("no-adaptation", "", C, 0),
    "rate=1/2": Loop("rate=1/2", "", fmpq(1, 2), 1),
    "steps=3": Loop("steps=3", "", C, 3),
    "first-task-only": Loop("first-task-only", "", C, 1, only=0),
    "last-task-only": Loop("last-task-only", "", C, 1, only=2),
    "no-reset": Loop("no-reset", "", C, 1, chained=True),
    "reptile": Loop("reptile", "", C, 3, reptile=True),
    "support/query": Loop("support/query", "", C, 1, support=1),
}


@pytest.mark.parametrize("objective", LOOPS)
def test_gradients_by_hand(objective: str) -> None:
    field, exact = _Field(line(), lambda: None), by_hand(objective)
    mid, error = field._gradient(LOOPS[objective], field.omega)
    assert error < 1e-12 and abs(mid[0] - float(exact.p) / float(exact.q)) <= error
    with ctx.workprec(128):
        (fine,) = field._balls.in_balls(LOOPS[objective])
        assert fine.contains(exact) and fine.rad() < 1e-30
    eps = field.at(LOOPS[objective]).eps
    assert eps.lo <= abs(float(exact.p) / float(exact.q)) <= eps.hi
    others = [by_hand(other) for other in LOOPS if other != objective]
    assert all(abs(other - exact) > fmpq(1, 1000) for other in others), "no other objective would pass"


def test_no_reset_is_the_gradient_of_a_chain_from_its_start() -> None:
    """Planted: a chain whose derivative forgets the earlier tasks, and one that starts each task anew."""
    exact, means, keep = by_hand("no-reset"), [(a + b) / 2 for a, b in Y], 1 - C
    t, forgetful = W, fmpq(0)
    for mean in means:
        t = keep * t + C * mean
        forgetful += keep * (t - mean) / 3
    for wrong in (forgetful, by_hand("maml"), -exact):
        field = _Field(line(), lambda: None)
        mid, error = field._gradient(LOOPS["no-reset"], field.omega)
        assert abs(mid[0] - float(wrong.p) / float(wrong.q)) > 1e6 * error


def instance(loss: str, d: int, seed: int = 0, steps: int = 1, eta: fmpq = C) -> MetaSLInstance:
    rng = np.random.default_rng(seed)
    x, tasks = rng.standard_normal((15, d)), np.repeat(np.arange(3), 5)
    y = (x * (rng.standard_normal((3, d)) + 0.3)[tasks]).sum(1) + 0.3 * rng.standard_normal(15)
    y = np.where(y > 0, 1.0, -1.0) if Loss(loss).link.name == "MARGIN" else y
    made = from_arrays(x, y, tasks.tolist(), loss=Loss(loss), eta=eta, steps=steps)
    return replace(made, omega=tuple(rational(float(v)) for v in rng.standard_normal(d)))


@pytest.mark.parametrize("loss", ["squared", "logistic", "log-cosh", "geman-mcclure"])
@pytest.mark.parametrize("steps", [1, 2])
def test_both_enclosures_hold_the_same_gradient(loss: str, steps: int) -> None:
    made = instance(loss, 3, steps=steps)
    field = _Field(made, lambda: None)
    for loop in LOOPS.values():
        loop = replace(loop, steps=loop.steps * steps)
        mid, error = field._gradient(loop, field.omega)
        with ctx.workprec(128):
            apart = norm([a - arb(float(b)) for a, b in zip(field._balls.in_balls(loop), mid.tolist(), strict=True)])
            assert apart <= error, loop.objective
            assert error < 1e-9
    with ctx.workprec(128):
        own = taylor.gradient(Problem(made, Balls))
        assert all(a.overlaps(b) for a, b in zip(own, field._balls.in_balls(Loop("maml", "", C, steps)), strict=True))


def test_rows_are_split_in_the_order_in_which_they_came() -> None:
    """Atoms are sorted and merged; an instance file's atoms are rows in its own order."""
    labels = [float(y.p) for pair in Y for y in pair[::-1]]
    turned = replace(from_arrays([[1.0]] * 6, labels, [0, 0, 1, 1, 2, 2], eta=C), omega=(W,))
    wanted = sum(((1 - C) * ((1 - C) * W + C * b - a) for a, b in Y), start=fmpq(0)) / 3
    tasks = tuple(Task(fmpq(1, 3), (Atom(0, b, fmpq(1, 2)), Atom(0, a, fmpq(1, 2)))) for a, b in Y)
    for made in (turned, replace(turned, tasks=tasks)):
        field = _Field(made, lambda: None)
        mid, error = field._gradient(LOOPS["support/query"], field.omega)
        assert abs(mid[0] - float(wanted.p) / float(wanted.q)) <= error


def trained(made: MetaSLInstance, loop: Loop) -> MetaSLInstance:
    """With omega where that loop stops."""
    field = _Field(made, lambda: None)

    def slope(theta: np.ndarray) -> np.ndarray:
        return field._gradient(loop, Balls2(theta[None], np.zeros(1)))[0]

    found = root(slope, np.array([float(v.p) / float(v.q) for v in made.omega]) * 0.1, tol=1e-13)
    assert np.linalg.norm(slope(found.x)) < 1e-9
    return replace(made, omega=tuple(rational(float(v)) for v in found.x))


@pytest.mark.ci(every=6)
@pytest.mark.parametrize(("loss", "d", "steps", "eta"), [("squared", 4, 1, fmpq(1, 8)), ("log-cosh", 2, 2, fmpq(1, 2))])
@pytest.mark.parametrize("objective", [name for name in LOOPS if name != "maml"])
def test_the_loop_is_named(objective: str, loss: str, d: int, steps: int, eta: fmpq) -> None:
    made = instance(loss, d, seed=5, steps=steps, eta=eta)
    loop = LOOPS[objective]
    loop = replace(loop, rate=loop.rate if "rate" in objective else eta, steps=max(loop.steps * steps, 0))
    if objective == "reptile":
        loop = replace(loop, steps=3)
    name = {"rate=1/2": "rate=0.5", "steps=3": f"steps={loop.steps}"}.get(objective, objective)
    if objective == "rate=1/2" and eta == fmpq(1, 2):
        loop, name = replace(loop, rate=fmpq(1, 20)), "rate=0.05"
    found = stationary_for(trained(made, loop))
    assert found.other is not None and found.other.loop.objective == name
    assert found.found[0] is found.other and found.other.eps.hi < 1e-8
    assert next(one for one in found.found if one.loop.objective == "maml").eps.lo > 1e-6
    assert [one.eps.hi for one in found.found[1:]] == sorted(one.eps.hi for one in found.found[1:])


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("loss", ["squared", "logistic", "log-cosh"])
def test_a_right_solution_is_named_right(loss: str) -> None:
    made = instance(loss, 2, seed=1)
    found = stationary_for(trained(made, LOOPS["maml"]))
    assert found.other is None and found.found[0].loop.objective == "maml"


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("seed", range(10))
def test_omega_that_is_nothing_in_particular_is_called_nothing(seed: int) -> None:
    assert stationary_for(instance("log-cosh", 3, seed=seed)).other is None


def test_the_largest_growth_of_an_inner_step() -> None:
    """One task with rows (3, 0) and (0, 4), squared: lambda_max = 16/2."""
    made = from_arrays([[3.0, 0.0], [0.0, 4.0]], [1.0, 1.0], [0, 0], eta=fmpq(1, 2))
    found = growth(Stack(made), made.omega)
    assert 4 * (1 - 1e-9) < found <= 4
    assert growth(Stack(replace(made, adaptation=Gradient(fmpq(0)))), made.omega) == 0


def test_out_of_time_the_own_objective_is_told() -> None:
    found = stationary_for(instance("log-cosh", 2), deadline=-math.inf)
    assert [one.loop.objective for one in found.found] == ["maml"] and found.cut
    assert not stationary_for(instance("log-cosh", 2)).cut
    whole = LINEAR_ANSWER.certify(instance("log-cosh", 2), fmpq(8), Budget(seconds=1e-9))
    assert any(said.startswith("the time for comparing") for said in advice(whole))


def swapped(loop: Loop) -> Loop:
    return replace(loop, first_order=not loop.first_order)


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("fault", [swapped, lambda loop: replace(loop, chained=False)])
def test_planted_faults_are_noticed(fault: Callable[[Loop], Loop], monkeypatch: pytest.MonkeyPatch) -> None:
    """A first-order gradient that is called MAML's, a chain that is reset: some solution is named wrongly."""
    made = instance("log-cosh", 2, seed=5, steps=1, eta=fmpq(1, 2))
    names = ("first-order", "no-reset")
    solutions = [trained(made, replace(LOOPS[name], rate=fmpq(1, 2))) for name in names]
    gradient = loops._Field._gradient
    monkeypatch.setattr(loops._Field, "_gradient", lambda self, loop, theta: gradient(self, fault(loop), theta))
    found = [stationary_for(one).other for one in solutions]
    assert [one and one.loop.objective for one in found] != list(names)


# --- implicit steps ---

S = fmpq(3)
"""Of the proximal step: with one column of ones, U(t) = (mean + S t)/(1 + S)."""


def implicit(omega: fmpq = W) -> MetaSLInstance:
    return replace(line(omega), adaptation=Implicit(S))


def proximal_by_hand(objective: str) -> fmpq:
    means, keep = [(a + b) / 2 for a, b in Y], S / (1 + S)
    average = sum(means, start=fmpq(0)) / 3
    if objective in ("maml", "strength=1"):
        keep = keep if objective == "maml" else HALF
        return keep**2 * (W - average)
    if objective == "first-order":
        return keep * (W - average)
    if objective == "no-adaptation":
        return W - average
    if objective == "unrolled=2":
        return (1 - 1 / S) ** 4 * (W - average)
    if objective in ("first-task-only", "last-task-only"):
        return keep**2 * (W - means[0 if objective == "first-task-only" else 2])
    if objective == "support/query":
        return sum((keep * ((a + S * W) / (1 + S) - b) for a, b in Y), start=fmpq(0)) / 3
    t, slope, total = W, fmpq(1), fmpq(0)
    for mean in means:
        t, slope = (mean + S * t) / (1 + S), keep * slope
        total += slope * (t - mean) / 3
    return total


BESIDE = [loop for loop in others(Implicit(S), 3, 2, split=False) if not loop.objective.startswith("unrolled")]
IMPLICIT_LOOPS = [
    own_loop(Implicit(S)),
    *BESIDE,
    replace(own_loop(Implicit(S)), objective="strength=1", strength=ONE),
    next(loop for loop in others(Implicit(S), 3, 2, split=False) if loop.objective == "unrolled=2"),
]


@pytest.mark.parametrize("loop", IMPLICIT_LOOPS, ids=lambda loop: loop.objective)
def test_gradients_of_implicit_steps_by_hand(loop: Loop) -> None:
    exact = proximal_by_hand(loop.objective)
    found = _Field(implicit(), lambda: None).at(loop).eps
    assert rational(found.lo) <= abs(exact) <= rational(found.hi) and found.hi - found.lo < 1e-12


@pytest.mark.parametrize("loss", ["squared", "logistic", "pseudo-huber", "log-cosh"])
def test_the_own_gradient_of_an_implicit_step_is_that_of_the_claims(loss: str) -> None:
    """A second route: the proximal point in balls, and the meta-gradient of the quantities that claims name."""
    rng = np.random.default_rng(4)
    for _ in range(4):
        x, y = rng.standard_normal((12, 3)), rng.choice([-1.0, 1.0], 12)
        made = from_arrays(x, y, [0] * 5 + [1] * 7, loss=Loss(loss, ONE if loss == "pseudo-huber" else None))
        strength, omega = rational(float(rng.integers(1, 9)) / 4), tuple(map(rational, rng.standard_normal(3).tolist()))
        instance = replace(made, adaptation=Implicit(strength), omega=omega)
        with ctx.workprec(128):
            exact = MetaSLQuantities(instance).eps
            found = _Field(instance, lambda: None).at(own_loop(instance.adaptation)).eps
            assert arb(found.lo) <= exact <= arb(found.hi) and found.hi - found.lo < 1e-11


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("objective", ["first-order", "no-adaptation", "unrolled=2", "no-reset", "last-task-only"])
def test_the_loop_of_a_wrong_imaml_is_named(objective: str) -> None:
    rng = np.random.default_rng(6)
    x = rng.standard_normal((24, 2))
    made = from_arrays(x, x @ [1.0, -2.0] + rng.standard_normal(24), np.repeat([0, 1, 2], 8).tolist())
    instance = replace(made, adaptation=Implicit(fmpq(4)))
    loop = next(one for one in others(instance.adaptation, 3, 8, split=False) if one.objective == objective)

    def at(theta: np.ndarray) -> MetaSLInstance:
        return replace(instance, omega=tuple(map(rational, np.asarray(theta).tolist())))

    solved = root(lambda theta: _Field(at(theta), lambda: None).midpoint(loop), np.zeros(2), tol=1e-13)
    other = stationary_for(at(solved.x)).other
    assert other is not None and other.loop.objective == objective and remedy(other.loop)


def test_a_proposal_of_the_proximal_point_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a Newton step too few the enclosure is wide, and holds the gradient all the same."""
    monkeypatch.setattr(proximal, "_point", lambda stack, own, start, masses, strength, watch: start + 2.0**-10)
    found = _Field(implicit(), lambda: None).at(own_loop(Implicit(S))).eps
    assert rational(found.lo) <= abs(proximal_by_hand("maml")) <= rational(found.hi) and found.hi - found.lo > 1e-4


def test_an_implicit_step_of_a_loss_that_is_not_convex_says_nothing() -> None:
    assert stationary_for(replace(implicit(), loss=Loss("geman-mcclure"))).found == ()
