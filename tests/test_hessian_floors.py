"""Floors of the Hessian of L: eigenvalues, Gram matrices, and where L is convex or is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb, arb_mat, ctx, fmpq
from metagap.impl.arithmetic import rational
from metagap.impl.losses import Loss
from metagap.impl.optimum import Certificate, check, minimise
from metagap.impl.optimum.boxes import Box, Model
from metagap.impl.optimum.convex import derivatives, proposed
from metagap.impl.optimum.convex_check import Prover, lower_bounds
from metagap.impl.optimum.convexity import around, floor, gram, least_eigenvalue
from metagap.impl.optimum.exact import exact_value
from metagap.impl.optimum.stack import Stack
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task

from .test_convex import FOREVER, FOUR, ONE, SMOOTH, problem, two_labels


def test_least_eigenvalues_by_hand() -> None:
    assert 1 - 1e-12 <= least_eigenvalue(np.diag([3.0, 1.0, 2.0]), 0.0) <= 1
    assert -1 - 1e-12 <= least_eigenvalue(np.array([[0.0, 1.0], [1.0, 0.0]]), 0.0) <= -1
    assert least_eigenvalue(np.diag([3.0, 1.0]), 0.25) <= 0.75
    assert least_eigenvalue(np.zeros((2, 2)), 0.0) <= 0
    assert least_eigenvalue(np.full((2, 2), np.nan), 0.0) == -math.inf
    assert least_eigenvalue(np.eye(2), math.inf) == -math.inf


def test_no_eigenvalue_lies_below() -> None:
    """Gram matrices of integers: of too few rows 0 is an eigenvalue, and det(G - t) has the sign of a larger t."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        d = int(rng.integers(1, 12))
        x = rng.integers(-9, 10, (d - 1, d)).astype(float)
        assert -1e-9 <= least_eigenvalue(x.T @ x, 0.0) <= 0
        full = rng.integers(-9, 10, (d, d)).astype(float)
        matrix = full.T @ full
        low = least_eigenvalue(matrix, 0.0)
        with ctx.workprec(256):
            inverse = arb_mat(d, d, matrix.ravel().tolist())
            if np.linalg.matrix_rank(full) == d and low > 0:
                size = sum((v * v for v in inverse.inv().entries()), start=arb(0)).sqrt()
                assert arb(low) <= d / size * (1 + arb(2) ** -20)
                assert low * 1.01 >= np.linalg.eigvalsh(matrix)[0] - 1e-9 * np.abs(matrix).max()


def test_gram_matrices_are_enclosed() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal((30, 3)) * 10.0 ** rng.integers(-8, 8, (30, 1)), rng.standard_normal(30)
    matrix, error = gram(x, w, 0.0)
    exact = sum(
        (np.array([[rational(float(a)) * rational(float(b)) * rational(float(v)) for b in row] for a in row])
         for row, v in zip(x, w, strict=True)), start=np.zeros((3, 3), int) * fmpq(0))  # fmt: skip
    away = [abs(exact[i, j] - rational(float(matrix[i, j]))) for i in range(3) for j in range(3)]
    assert 0 < max(away) <= rational(error)


def curvature(instance: MetaSLInstance, theta: np.ndarray) -> np.ndarray:
    """Hess L in float64, by the checker of boxes at a point: the one of the search over boxes, not of convexity."""
    with ctx.workprec(160):
        box = Box(Model(instance), [rational(float(v)) for v in theta], [fmpq(0)] * len(theta), second=True)
        hessian = box.hessian()
        d = len(theta)
        return np.array([float(hessian[i, j].mid()) for i in range(d) for j in range(d)]).reshape(d, d)


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("steps", [1, 3])
def test_the_floor_of_the_hessian_is_one(loss: str, steps: int) -> None:
    """Hess L - X'diag(weights)X has no negative eigenvalue in the region; the floor is met at small rates."""
    rng, met = np.random.default_rng(2), 0
    for seed in range(12):
        eta = (fmpq(1, 32), fmpq(1, 8), fmpq(1, 2), fmpq(2), fmpq(-1, 4))[seed % 5]
        instance = problem(loss, eta, seed=seed, steps=steps)
        if np.linalg.matrix_rank(Stack(instance).x) < 2:
            continue
        centre, radius = rng.uniform(-1, 1, 2), float(2.0 ** rng.integers(-6, 2))
        with np.errstate(all="ignore"):
            stack = Stack(instance)
            found = floor(stack, around(stack, centre, radius))
        if not np.isfinite(found.weights).all():
            assert not found.convex and found.least(stack) == -math.inf
            continue
        lower = stack.x.T @ (found.weights[:, None] * stack.x)
        for _ in range(6):
            away = rng.standard_normal(2)
            theta = centre + away / np.linalg.norm(away) * radius * rng.uniform() ** 0.5
            hessian = curvature(instance, theta)
            assert np.linalg.eigvalsh(hessian - lower)[0] >= -1e-9 * (1 + np.abs(hessian).max())
            least = found.least(stack)
            assert not np.linalg.eigvalsh(hessian)[0] < least - 1e-9 * (1 + np.abs(hessian).max())
            met += least > 0 and np.linalg.eigvalsh(hessian)[0] <= 2 * least
    assert met or loss == "quartic"


def test_c8_is_the_floor_of_one_atom() -> None:
    """One atom of feature 1, logistic: m1 = kappa = 1, m2 = 1/4 and (1 - s/4)^2 e^-s >= s, s = eta, is C8 itself."""
    zero = (fmpq(0),)
    for eta in (fmpq(1, 4), fmpq(46, 100), fmpq(47, 100), fmpq(48, 100), fmpq(49, 100), fmpq(1)):
        task = Task(ONE, (Atom(0, ONE, ONE),))
        instance = MetaSLInstance(Loss("logistic"), Gradient(eta), ((ONE,),), (task,), zero, zero, ONE)
        stack, s = Stack(instance), float(int(eta.p)) / int(eta.q)
        holds = (1 - s / 4) ** 2 * math.exp(-s) >= s
        assert floor(stack, around(stack, np.zeros(1), math.inf)).convex == holds, eta


def test_the_data_make_more_convex_than_c8() -> None:
    """Ten atoms in ten directions: what a step moves each prediction by is a tenth of B^2 m1."""
    d = 10
    rows = tuple(tuple(fmpq(int(i == j)) for j in range(d)) for i in range(d))
    task = Task(ONE, tuple(Atom(i, fmpq((-1) ** i), fmpq(1, d)) for i in range(d)))
    zero = (fmpq(0),) * d
    for eta, convex in ((fmpq(4), True), (fmpq(40), False)):
        instance = MetaSLInstance(Loss("logistic"), Gradient(eta), rows, (task,), zero, zero, ONE)
        stack = Stack(instance)
        assert floor(stack, around(stack, np.zeros(d), math.inf)).convex == convex


@pytest.mark.parametrize("loss", ["logistic", "log-cosh"])
def test_just_beyond_convexity_nothing_is_certified_so(loss: str) -> None:
    """A fold: L bends downwards inside the ball, so that no floor may be 0, and no minimum inside is certified so."""
    second = 1 if loss == "logistic" else 0
    instance = two_labels(loss, fmpq(25, 4), 1, second)
    stack = Stack(instance)
    bends = [derivatives(stack, np.array([theta]))[2][0, 0] for theta in np.linspace(-4, 4, 81)]
    assert min(bends) < -1e-6
    with np.errstate(all="ignore"):
        found = floor(stack, around(stack, np.zeros(1), 4.0))
        assert not found.convex and found.least(stack) < min(bends)
        assert proposed(instance, None, FOREVER).certificate is None
    assert minimise(instance, FOUR).how == "tree"


def test_a_local_minimum_is_not_taken_for_the_global_one() -> None:
    """log cosh(t - 4 tanh t) is least at t = 0 and about -4 and 4; with a second task, t = z + 4, the well at z = 4 is
    the highest. L is strongly convex there, and that alone proves nothing."""
    zero = (fmpq(0),)
    tasks = tuple(Task(q, (Atom(0, fmpq(y), ONE),)) for q, y in ((fmpq(9, 10), 0), (fmpq(1, 10), -4)))
    instance = MetaSLInstance(Loss("log-cosh"), Gradient(FOUR), ((ONE,),), tasks, zero, zero, ONE)
    stack, at = Stack(instance), np.array([4.0])
    for _ in range(50):
        _, gradient, hessian = derivatives(stack, at)
        at = at - gradient / hessian[0, 0]
    x, prover, near = (rational(float(at[0])),), Prover(instance), fmpq(1, 256)
    with ctx.workprec(128), np.errstate(all="ignore"):
        assert prover.modulus(at, float(2**-8), np.arange(1)) > 0.5
        point = prover.point(x)
        assert point.value > 0.1 and exact_value(instance, zero) < 0.01
        for radius in (None, fmpq(8)):
            assert not lower_bounds(prover, point, x, radius, fmpq(0), near)[0] > 0
            claim = Certificate(instance, radius, radius or fmpq(8), 0.1, 1.0, x, how="convex", near=near)
            assert not check(claim).accepted
