"""Convex cases: what is proved of a point and of the minimum, by hand and by the search."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import rational
from metagap.impl.bracket import DefectError
from metagap.impl.losses import Loss
from metagap.impl.midrad import MidRad
from metagap.impl.optimum import Budget, UnsupportedError, check, minimise
from metagap.impl.optimum.convex import proposed, value_at
from metagap.impl.optimum.convex_check import Prover
from metagap.impl.optimum.convexity import around, floor, largest, spanning
from metagap.impl.optimum.exact import exact_value
from metagap.impl.optimum.headline import LINEAR
from metagap.impl.optimum.stack import Balls2, Stack, total
from metagap.impl.own_tasks import from_arrays
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task
from metagap.theory.claim import Verdict
from scipy.optimize import minimize

ONE, HALF, FOUR = fmpq(1), fmpq(1, 2), fmpq(4)
FOREVER = math.inf
PARAMETERS = {"quartic": fmpq(1, 4), "pseudo-huber": ONE, "huber": ONE}
SMOOTH = ("quartic", "logistic", "log-cosh", "pseudo-huber", "poisson", "exponential")


def loss_of(name: str) -> Loss:
    return Loss(name, PARAMETERS.get(name))


def problem(
    loss: str, eta: fmpq, d: int = 2, n: int = 2, k: int = 3, seed: int = 0, steps: int = 1, denominator: int = 8
) -> MetaSLInstance:
    """Random tasks with repeated points, of unequal weights and masses."""
    rng = np.random.default_rng(seed)

    def numbers(*shape: int) -> Any:
        return rng.integers(-denominator, denominator + 1, shape)

    rows = tuple(tuple(fmpq(int(v), denominator) for v in row) for row in numbers(n * k, d))
    kind = loss_of(loss).link.name
    tasks = []
    for _ in range(n):
        picked, masses = rng.integers(0, n * k, k + 1), rng.integers(1, 4, k + 1)
        labels = [
            fmpq(int(2 * rng.integers(0, 2) - 1)) if kind == "MARGIN"
            else fmpq(int(rng.integers(0, 3))) if kind == "CANONICAL"
            else fmpq(int(v), 8)
            for v in numbers(k + 1)
        ]  # fmt: skip
        total_mass = int(masses.sum())
        atoms = (Atom(int(x), y, fmpq(int(p), total_mass)) for x, y, p in zip(picked, labels, masses, strict=True))
        tasks.append(tuple(atoms))
    weights = [fmpq(2, n + 1)] + [fmpq(n - 1, (n + 1) * (n - 1))] * (n - 1) if n > 1 else [ONE]
    zero = (fmpq(0),) * d
    made = tuple(Task(w, atoms) for w, atoms in zip(weights, tasks, strict=True))
    return MetaSLInstance(loss_of(loss), Gradient(eta, steps), rows, made, zero, zero, ONE)


def two_labels(loss: str, eta: fmpq, first: int = 0, second: int = 2) -> MetaSLInstance:
    """One task, one point with feature 1, two labels of mass 1/2."""
    atoms = (Atom(0, fmpq(first), HALF), Atom(0, fmpq(second), HALF))
    zero = (fmpq(0),)
    return MetaSLInstance(loss_of(loss), Gradient(eta), ((ONE,),), (Task(ONE, atoms),), zero, zero, ONE)


# --- by hand -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instance", "radius", "value"),
    [
        # z' = z - (z - 1)/2, least at z = 1: (1/2)E(z' - y)^2 = 1/2.
        (two_labels("squared", HALF), None, fmpq(1, 2)),
        (two_labels("squared", HALF), fmpq(2), fmpq(1, 2)),
        # At z = 1/2: z' = 3/4, ((3/4)^2 + (5/4)^2)/4 = 17/32.
        (two_labels("squared", HALF), HALF, fmpq(17, 32)),
        # eta = 3: z' - 1 = -2(z - 1), at z = 1/2 it is 1: (2^2 + 0)/4 = 1.
        (two_labels("squared", fmpq(3)), HALF, ONE),
        (two_labels("squared", fmpq(-1)), None, fmpq(1, 2)),
    ],
)
def test_squared_by_hand(instance: MetaSLInstance, radius: fmpq | None, value: fmpq) -> None:
    found = minimise(instance, radius)
    assert found.certified and found.how == "convex"
    assert rational(found.lower) <= value <= rational(found.upper)
    assert found.upper - found.lower <= 4 * math.ulp(float(found.upper))


def test_logistic_without_adaptation_by_hand() -> None:
    """Both labels at one point: log(1 + e^z)/2 + log(1 + e^-z)/2 >= log 2, at 0."""
    found = minimise(two_labels("logistic", fmpq(0), -1, 1))
    with ctx.workprec(128):
        assert found.certified and found.how == "convex" and found.radius is None
        assert arb(found.lower) <= arb(2).log() <= arb(found.upper)
    assert found.upper - found.lower <= 1e-15


def test_logistic_of_one_label_on_a_ball_by_hand() -> None:
    """log(1 + e^-z) falls: without adaptation the minimum over |z| <= 2 is at 2."""
    instance = two_labels("logistic", fmpq(0), 1, 1)
    found = minimise(instance, fmpq(2))
    with ctx.workprec(128):
        value = (-arb(2)).exp().log1p()
        assert found.certified and found.how == "convex"
        assert arb(found.lower) <= value <= arb(found.upper) and found.upper - found.lower < 1e-15
    assert proposed(instance, None, FOREVER).certificate is None, "the infimum over all parameters is at infinity"


def test_features_that_nearly_depend_on_each_other() -> None:
    """Two columns that differ by 2^-40: balls of more bits find the minimum that float64 cannot."""
    tiny = fmpq(1, 2**40)
    rows = ((ONE, ONE), (ONE, ONE + tiny), (ONE, ONE - tiny))
    atoms = tuple(Atom(x, fmpq(y), fmpq(1, 3)) for x, y in enumerate((0, 1, 1)))
    zero = (fmpq(0), fmpq(0))
    instance = MetaSLInstance(Loss("squared"), Gradient(fmpq(0)), rows, (Task(ONE, atoms),), zero, zero, ONE)
    found = minimise(instance)
    # Predictions (s, s + t, s - t): the best are s = 2/3, t = 0: (4/9 + 1/9 + 1/9)/6 = 1/9.
    assert found.certified and rational(found.lower) <= fmpq(1, 9) <= rational(found.upper)
    assert found.upper - found.lower < 1e-16


def test_columns_that_depend_on_others_are_left_out() -> None:
    """An intercept beside all of its categories, a column of zeros, a copy and a half: the range is that of three."""
    rng = np.random.default_rng(9)
    kinds = np.eye(3)[rng.integers(0, 3, 40)]
    table = np.column_stack([np.ones(40), kinds, np.zeros(40), kinds[:, 0], kinds[:, 1] / 2 + kinds[:, 2] / 4])
    labels = kinds @ [1.0, 2.0, 4.0] + np.where(rng.random(40) < 0.5, 1, -1)
    for loss, y in (("squared", labels), ("log-cosh", labels), ("logistic", rng.choice([-1.0, 1.0], 40))):
        instance = from_arrays(table, y, [0] * 40, loss=Loss(loss), eta=fmpq(1, 64))
        columns = spanning(Stack(instance))
        assert len(columns) == 3 and np.linalg.matrix_rank(table[:, columns]) == 3
        found = minimise(instance)
        plain = replace(instance, features=tuple(tuple(row) for row in instance.features))
        assert found.how == "convex" and found.certified and found.radius is None
        # The adaptation is that of all columns: the same problem in fewer coordinates has no instance of its own.
        searched = minimise(plain, found.ball, Budget(boxes=3000, seconds=5), convexity=False)
        assert found.lower <= searched.upper and searched.sure <= found.upper


def test_columns_that_nearly_depend_on_others_stay() -> None:
    rng = np.random.default_rng(10)
    table = rng.standard_normal((20, 3))
    for last in (table[:, 0] + table[:, 1], table[:, 0] * (1 + 2.0**-50), np.full(20, 2.0**-60)):
        stack = Stack(from_arrays(np.column_stack([table, last]), [1.0] * 20, [0] * 20))
        assert len(spanning(stack)) == 4, "rounded sums and tiny columns are no exact combinations"
    twice = Stack(from_arrays(np.column_stack([np.round(table * 8), np.round(table * 8)[:, 0]]), [1.0] * 20, [0] * 20))
    assert len(spanning(twice)) == 3


@pytest.mark.ci
def test_interpolation_has_the_infimum_0() -> None:
    """More columns than rows, squared loss: 0 is no more than L, and the point has next to nothing."""
    rng = np.random.default_rng(11)
    instance = from_arrays(rng.standard_normal((12, 120)), rng.standard_normal(12), [0] * 6 + [1] * 6)
    found = minimise(instance)
    assert found.certified and found.lower == 0 <= found.upper < 1e-9 and "attained" not in found.what
    assert found.certificate is not None and not check(replace(found.certificate, lower=1e-30)).accepted


# --- points ------------------------------------------------------------------------------------------------------


@pytest.mark.ci(every=6)
@pytest.mark.parametrize("loss", ["squared", "logistic", "log-cosh", "quartic"])
@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("denominator", [8, 7])
def test_points_are_enclosed(loss: str, steps: int, denominator: int) -> None:
    """Values as the exact engine has them; gradients by differences; float64 encloses what balls do."""
    rng = np.random.default_rng(3)
    for seed in range(3):
        instance = problem(loss, fmpq(1, 3), steps=steps, seed=seed, denominator=denominator)
        prover = Prover(instance)
        x = tuple(fmpq(int(v), 5) for v in rng.integers(-5, 6, 2))
        with ctx.workprec(128):
            fine, wide = prover._in_balls(x), prover._in_floats(x)
            truth = exact_value(instance, x)
            assert fine.value.overlaps(truth) and fine.value.rad() < 1e-30
            assert wide.value.contains(fine.value) and wide.value.rad() < 1e-12
            missed = sum(((a - b) ** 2 for a, b in zip(wide.gradient, fine.gradient, strict=True)), start=arb(0))
            assert missed.sqrt() <= wide.error and wide.error < 1e-12
            step = fmpq(1, 2**40)
            for j in range(2):
                ends = [exact_value(instance, tuple(v + s * (i == j) for i, v in enumerate(x))) for s in (step, -step)]
                slope = (ends[0] - ends[1]) / (2 * arb(step))
                assert abs(slope - fine.gradient[j]) < 1e-9
            if loss == "squared":
                hessian, error = prover._hessian()
                exact = prover.hessian_in_balls(np.arange(2))
                away = [abs(exact[i, j] - arb(float(hessian[i, j]))) for i in range(2) for j in range(2)]
                assert all(v <= arb(error) for v in away)


def test_sums_of_many_rows_are_enclosed() -> None:
    """Pieces of rows, several to a task: sums, products and their errors against rationals."""
    rng = np.random.default_rng(4)
    count = 1500
    instance = from_arrays(rng.standard_normal((count, 3)), rng.standard_normal(count), ["a"] * 1400 + ["b"] * 100)
    stack = Stack(instance)
    assert len(stack._pieces) == 4 and stack.count == count
    w = MidRad(rng.standard_normal(count), np.full(count, 1e-9))
    try:
        found = stack.gathered(w)
    except DefectError as error:
        pytest.fail(f"a sum over all rows is none: {error}")
    for i, own in enumerate(stack.slices):
        rows = [[rational(float(v)) for v in row] for row in stack.x[own]]
        for sign in (-1, 1):
            ends = [rational(float(v)) + sign * rational(1e-9) for v in w.mid[own]]
            away = fmpq(0)
            for j in range(3):
                exact = sum((row[j] * v for row, v in zip(rows, ends, strict=True)), start=fmpq(0))
                away += (exact - rational(float(found.mid[i, j]))) ** 2
            assert away <= rational(float(found.rad[i])) ** 2
    z = stack.predictions(Balls2(rng.standard_normal((1, 3)), np.array([1e-3])))
    assert (z.rad >= 1e-3 * np.linalg.norm(stack.x, axis=1)).all() and (z.rad < 2e-2).all()
    exact = sum((rational(float(v)) for v in w.mid), start=fmpq(0))
    summed = total(MidRad(w.mid, np.zeros(count)))
    assert rational(float(summed.low)) <= exact <= rational(float(summed.high)) and summed.rad < 1e-11


def test_largest_eigenvalues_are_not_below() -> None:
    for k, d in ((3, 6), (6, 3)):
        stack = Stack(problem("squared", HALF, d=d, k=k, denominator=7))
        curved = np.linspace(0.5, 2, stack.count)
        for sharp in (False, True):
            for own, sigma in zip(stack.slices, largest(stack, curved, sharp), strict=True):
                true = np.linalg.eigvalsh((stack.x[own].T * stack.masses.mid[own] * curved[own]) @ stack.x[own])[-1]
                assert true * (1 - 1e-12) <= sigma and (not sharp or sigma <= true * (1 + 1e-9))


# --- minima ------------------------------------------------------------------------------------------------------


@pytest.mark.ci(every=9)
@pytest.mark.parametrize("loss", ["squared", "huber", *SMOOTH])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_search_finds_the_same(loss: str, d: int) -> None:
    compared = 0
    for seed in range(3):
        eta = fmpq(0) if loss == "huber" else fmpq(1, 64)
        instance = problem(loss, eta, d=d, seed=seed)
        ball = ONE if loss in ("poisson", "exponential", "quartic") else FOUR
        convex = minimise(instance, ball)
        if convex.how != "convex":
            continue
        searched = minimise(instance, ball, Budget(boxes=20_000), convexity=False)
        assert convex.certified and convex.upper - convex.lower <= 1e-12 * max(1, abs(convex.upper))
        assert convex.lower <= searched.upper and searched.sure <= convex.upper
        compared += 1
    assert compared


@pytest.mark.parametrize("loss", ["squared", "logistic", "log-cosh"])
def test_nothing_in_the_ball_lies_below(loss: str) -> None:
    rng = np.random.default_rng(5)
    for seed in range(4):
        instance, ball = problem(loss, fmpq(1, 16), d=3, seed=seed), fmpq(1, 2)
        found = minimise(instance, ball)
        assert found.how == "convex" and found.certified
        with ctx.workprec(128):
            for _ in range(50):
                v = rng.standard_normal(3)
                theta = tuple(rational(float(t)) for t in v / np.linalg.norm(v) * 0.4999 * rng.uniform() ** (1 / 3))
                assert not exact_value(instance, theta) < arb(found.lower)


def test_a_floor_below_0_is_paid_for_on_the_sphere() -> None:
    """L bends downwards, but less than the sphere holds it: the multiplier covers it, and 0 does not."""
    instance = two_labels("log-cosh", fmpq(1, 2), 8, 8)
    stack, ball = Stack(instance), fmpq(2)
    with np.errstate(all="ignore"):
        bends = floor(stack, around(stack, np.zeros(1), 2.0))
        certificate = proposed(instance, ball, FOREVER).certificate
    assert not bends.convex and certificate is not None and certificate.multiplier > 0
    assert certificate.upper - certificate.lower <= 1e-9 and check(certificate).accepted
    assert not check(replace(certificate, multiplier=fmpq(0))).accepted


# --- real tasks of many parameters ---


def test_of_many_parameters_convexity_certifies_or_nothing_does() -> None:
    """Everywhere where that is proved, else over a ball that holds omega; no search."""
    for loss, eta, ball in (("squared", HALF, None), ("exponential", fmpq(1, 64), 1.0)):
        instance = problem(loss, eta, d=5, k=7)
        found = LINEAR.certified(instance, "omega", ())
        assert found is not None and found.bracket.certified and found.ball == ball, loss
        assert found.finding.judged.verdict in (Verdict.PROVED, Verdict.EQUAL)
    assert LINEAR.certified(problem("logistic", fmpq(64), d=5, k=7), "omega", ()) is None
    assert LINEAR.certified(problem("geman-mcclure", HALF, d=5, k=7), "omega", ()) is None
    with pytest.raises(UnsupportedError, match="proved to be convex"):
        minimise(problem("logistic", fmpq(64), d=5, k=7), FOUR, search=False)


def test_several_steps_are_certified_everywhere() -> None:
    for loss in ("logistic", "log-cosh", "pseudo-huber"):
        rng = np.random.default_rng(8)
        x, y = rng.standard_normal((60, 6)) / 3, rng.choice([-1.0, 1.0], 60)
        made = from_arrays(x, y, [0] * 30 + [1] * 30, loss=loss_of(loss), eta=fmpq(1, 8), steps=3)
        found = minimise(made)
        assert found.certified and found.how == "convex" and found.radius is None, loss
        best = minimize(lambda theta: value_at(Stack(made), theta), np.zeros(6)).fun  # noqa: B023
        assert found.lower <= best + 1e-12 and best <= found.upper + 1e-6
