"""The enclosed infima: against cvxpy, against each other, and on degenerate problems."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from flint import arb, arb_mat, ctx
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl.arithmetic import norm
from metagap.impl.balls.infimum import misfit, misfit_l1, residuals
from metagap.impl.balls.singular import positive_definite, smallest_singular_value
from metagap.impl.floats.infimum import ball_least_squares
from metagap.impl.oracles import convex

Rows = list[list[float]]


@st.composite
def problems(draw: st.DrawFn) -> tuple[Rows, list[float], float]:
    count, dimension = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    entry = st.integers(-8, 8)
    rows = [[draw(entry) / 4 for _ in range(dimension)] for _ in range(count)]
    if dimension > 1 and draw(st.booleans()):
        rows = [[*row[:-1], row[0]] for row in rows]
    target = [draw(entry) / 2 for _ in range(count)]
    if draw(st.booleans()):
        direction = [draw(entry) / 4 for _ in range(dimension)]
        target = [float(np.dot(row, direction)) for row in rows]
    return rows, target, draw(st.sampled_from([1.0, 2.0**-20, 0.25, 4.0, 2.0**20]))


def as_balls(rows: Rows) -> arb_mat:
    return arb_mat(len(rows), len(rows[0]), [arb(v) for row in rows for v in row])


@given(problems())
def test_the_ball_infimum_is_narrow_and_attained(problem: tuple[Rows, list[float], float]) -> None:
    rows, target, radius = problem
    with ctx.workprec(128):
        table, aims = as_balls(rows), [arb(v) for v in target]
        found = misfit(table, aims, [arb(1)] * len(rows), arb(radius))
        assert norm(found.direction.entries()) <= radius
        attained = norm(residuals(table, aims, found.direction))
        assert not attained < found.value
        assert float(found.value.rad()) <= 1e-12 * (1 + float(found.value.abs_upper()))
        value, direction = ball_least_squares(np.array([rows]), np.array([target]), np.array([radius]))
        assert np.linalg.norm(direction[0]) <= radius * (1 + 1e-12)
        assert value[0] >= float(found.value.lower()) - 1e-12 * (1 + np.abs(target).max())
        assert value[0] <= float(found.value.upper()) + 1e-6 * (1 + np.abs(target).max())


@given(problems(), st.lists(st.integers(-16, 16), min_size=4, max_size=4))
def test_no_feasible_direction_is_better(problem: tuple[Rows, list[float], float], raw: list[int]) -> None:
    rows, target, radius = problem
    v = np.array(raw[: len(rows[0])], dtype=float)
    size = np.linalg.norm(v)
    v = v * min(1.0, radius / size) * (1 - 1e-9) if size else v
    with ctx.workprec(128):
        table, aims = as_balls(rows), [arb(t) for t in target]
        column = arb_mat(len(v), 1, [arb(float(x)) for x in v])
        lowest = misfit(table, aims, [arb(1)] * len(rows), arb(radius)).value
        assert not norm(residuals(table, aims, column)) < lowest
        eps = arb(radius) / 4
        l1 = eps * norm(column.entries())
        for r in residuals(table, aims, column):
            l1 += r if r >= 0 else -r
        assert not l1 < misfit_l1(eps, table, aims).value


@given(problems())
def test_the_l1_infimum_is_narrow(problem: tuple[Rows, list[float], float]) -> None:
    """Narrow where the optimal face is regular: the dual is then unique (degenerate faces only widen the enclosure)."""
    rows, target, _ = problem
    rng = np.random.default_rng(zlib.crc32(repr(problem).encode()))
    shaken = np.array(rows) + rng.normal(size=np.shape(rows)) / 8
    aims = np.array(target) + rng.normal(size=len(target)) / 8
    with ctx.workprec(128):
        eps = arb(0.5)
        found = misfit_l1(eps, as_balls(shaken.tolist()), [arb(float(v)) for v in aims])
        assert float(found.value.rad()) <= 1e-12 * (1 + float(found.value.abs_upper()))


def test_cvxpy_agrees_with_both_infima() -> None:
    rng = np.random.default_rng(1)
    for _ in range(6):
        rows, target = rng.normal(size=(7, 3)), rng.normal(size=7)
        with ctx.workprec(128):
            table, aims = as_balls(rows.tolist()), [arb(float(v)) for v in target]
            l2 = misfit(table, aims, [arb(1)] * 7, arb(0.25)).value
            l1 = misfit_l1(arb(0.5), table, aims).value
        assert convex.ball_least_squares(rows, target, 0.25) == pytest.approx(float(l2), abs=1e-6)
        assert convex.least_l1(0.5, rows, target) == pytest.approx(float(l1), abs=1e-6)


def test_degenerate_problems() -> None:
    with ctx.workprec(128):
        zero = misfit(as_balls([[0.0, 0.0]]), [arb(3)], [arb(1)], arb(1))
        assert zero.value == 3
        exact = misfit(as_balls([[1.0, 1.0]]), [arb(1)], [arb(1)], arb(1)).value
        assert exact.abs_upper() < 1e-15
        edge = misfit(as_balls([[1.0]]), [arb(2)], [arb(1)], arb(1)).value
        assert edge.contains(1)
        assert edge.rad() < 1e-20


@given(st.integers(1, 4), st.data())
def test_the_smallest_singular_value_is_enclosed(size: int, data: st.DataObject) -> None:
    whole = st.integers(-8, 8)
    table = np.array([[data.draw(whole) / 4 for _ in range(size)] for _ in range(size)])
    with ctx.workprec(128):
        found = smallest_singular_value(as_balls(table.tolist()))
        assert float(found.lower()) <= np.linalg.svd(table)[1][-1] + 1e-12
        assert float(found.upper()) >= np.linalg.svd(table)[1][-1] - 1e-12
        if np.linalg.svd(table)[1][-1] > 1e-6:
            assert found.rad() < 1e-12
        gram = as_balls((table.T @ table).tolist())
        assert not positive_definite(gram, square_above(found))


def square_above(value: arb) -> arb:
    top = arb(value.upper()) + arb(2) ** -40
    return top * top


@given(st.integers(-320, 300), st.integers(-320, 300), st.integers(-320, 300))
def test_no_size_of_numbers_breaks_the_search(eps: int, row: int, target: int) -> None:
    rows = arb_mat([[arb(10) ** row, arb(0)], [arb(10) ** row, arb(10) ** row]])
    found = misfit_l1(arb(10) ** eps, rows, [arb(10) ** target, arb(1)]).value
    assert found >= 0 or found.contains(0)


def test_rows_that_are_zero_but_for_rounding_leave_the_target() -> None:
    """Enclosures of 0: the infimum is the target's length, from below too, though no multiplier shows it."""
    with ctx.workprec(128):
        noise = arb(0, arb(2) ** -120)
        found = misfit(arb_mat([[noise], [noise]]), [arb(3), arb(4)], [arb(1), arb(1)], arb(1)).value
        assert found.overlaps(arb(5))
        assert found.rad() < 2.0**-100
