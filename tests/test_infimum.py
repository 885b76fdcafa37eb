"""The enclosed infima: against cvxpy, against each other, and on degenerate problems."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl.arithmetic import norm
from metagap.impl.balls import infimum, l1_path
from metagap.impl.balls.infimum import misfit, misfit_l1, residuals
from metagap.impl.floats.infimum import ball_least_squares
from metagap.impl.floats.rank import reduced

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


@pytest.mark.ci
def test_cvxpy_agrees_with_both_infima() -> None:
    from metagap.impl.oracles.convex import ball_least_squares
    from oracles.convex import least_l1

    rng = np.random.default_rng(1)
    for _ in range(6):
        rows, target = rng.normal(size=(7, 3)), rng.normal(size=7)
        with ctx.workprec(128):
            table, aims = as_balls(rows.tolist()), [arb(float(v)) for v in target]
            l2 = misfit(table, aims, [arb(1)] * 7, arb(0.25)).value
            l1 = misfit_l1(arb(0.5), table, aims).value
        assert ball_least_squares(rows, target, 0.25) == pytest.approx(float(l2), abs=1e-6)
        assert least_l1(0.5, rows, target) == pytest.approx(float(l1), abs=1e-6)


def test_degenerate_problems() -> None:
    with ctx.workprec(128):
        zero = misfit(as_balls([[0.0, 0.0]]), [arb(3)], [arb(1)], arb(1))
        assert zero.value == 3
        exact = misfit(as_balls([[1.0, 1.0]]), [arb(1)], [arb(1)], arb(1)).value
        assert exact.abs_upper() < 1e-15
        edge = misfit(as_balls([[1.0]]), [arb(2)], [arb(1)], arb(1)).value
        assert edge.contains(1)
        assert edge.rad() < 1e-20


@given(st.integers(-320, 300), st.integers(-320, 300), st.integers(-320, 300))
def test_no_size_of_numbers_breaks_the_search(eps: int, row: int, target: int) -> None:
    rows = arb_mat([[arb(10) ** row, arb(0)], [arb(10) ** row, arb(10) ** row]])
    found = misfit_l1(arb(10) ** eps, rows, [arb(10) ** target, arb(1)]).value
    assert found >= 0 or found.contains(0)


def test_a_radius_that_binds_by_a_hair_is_seen_although_the_rows_are_dependent() -> None:
    """Rows (1, 2, 1/5)/3 and twice those, targets 1/3 and 2/3: the shortest v without residuals has the length
    l = (126/25)^(-1/2), and for R < l the infimum is (l - R)/l times the target's norm."""
    with ctx.workprec(512):
        third = arb(fmpq(1, 3))
        rows = arb_mat([[a * third * b for b in (1, 2, arb(fmpq(1, 5)))] for a in (1, 2)])
        length = 1 / arb(fmpq(126, 25)).sqrt()
        radius = arb((length - arb(2) ** -50).mid())
        found = misfit(rows, [third, 2 * third], [arb(1), arb(1)], radius).value
        assert found.overlaps((length - radius) / length * arb(5).sqrt() * third)
        assert found.rad() <= arb(2) ** -400


def test_float_least_squares_see_small_singular_values() -> None:
    """Rows with singular values 1 and 1e-9, of which the square is lost beside 1, and an exact solution of length 1."""
    rows = np.array([[[1.0, 0.0], [0.0, 1e-9]]])
    value, direction = ball_least_squares(rows, np.array([[0.0, 1e-9]]), np.array([2.0]))
    assert value[0] <= 1e-18
    assert abs(direction[0] - [0, 1]).max() <= 1e-6
    turned = np.array([[0.6, 0.8], [-0.8, 0.6]])
    for least in (2e-4, 1e-9):
        exact = turned @ np.diag([1.0, least]) @ turned.T
        value, direction = ball_least_squares(exact[None], (exact @ [3.0, -1.0])[None], np.array([9.0]))
        assert value[0] <= 1e-15
    wide = np.array([[[[1.0, 0, 0, 0, 1], [1.0, 1e-9, 0, 0, 1]]]])
    kept = reduced(wide)[0, 0]
    assert abs(np.linalg.norm(kept[1] - kept[0]) - 1e-9) <= 1e-15


@pytest.mark.parametrize(("shape", "last"), [((10, 3), 1.0), ((10, 3), 1e-5), ((3, 10), 1.0)])
def test_least_squares_by_triangles_are_those_of_all_rows(shape: tuple[int, int], last: float) -> None:
    """Many rows, some whose squares are not sharp, few rows, and by pseudoinverses; the radius binds in every other."""
    rng = np.random.default_rng(3)
    rows, target = rng.standard_normal((8, *shape)), rng.standard_normal((8, shape[0]))
    rows[:, :, -1] *= last
    best = (np.linalg.pinv(rows) @ target[..., None])[..., 0]
    radius = np.linalg.norm(best, axis=1) * np.where(np.arange(8) % 2, 0.5, 2.0)
    value, direction = ball_least_squares(rows, target, radius)
    assert direction[::2] == pytest.approx(best[::2], rel=1e-9, abs=1e-12)
    assert np.linalg.norm(direction[1::2], axis=1) == pytest.approx(radius[1::2])
    pull = (rows.swapaxes(1, 2) @ (target[..., None] - rows @ direction[..., None]))[..., 0]
    cosine = (pull * direction).sum(1) / (np.linalg.norm(pull, axis=1) * np.linalg.norm(direction, axis=1))
    assert cosine[1::2] == pytest.approx(1.0)
    rest = target - (rows @ direction[..., None])[..., 0]
    assert value == pytest.approx(np.linalg.norm(rest, axis=1), abs=1e-12)


def test_rows_that_are_zero_but_for_rounding_leave_the_target() -> None:
    """Enclosures of 0: the infimum is the target's length, from below too, though no multiplier shows it."""
    with ctx.workprec(128):
        noise = arb(0, arb(2) ** -120)
        found = misfit(arb_mat([[noise], [noise]]), [arb(3), arb(4)], [arb(1), arb(1)], arb(1)).value
        assert found.overlaps(arb(5))
        assert found.rad() < 2.0**-100


def closed_forms() -> list[tuple[tuple[list[list[arb]], list[arb], list[arb], arb], arb]]:
    """(rows, target, masses, radius) and the infimum, at 1000 bits and at numbers that no ball ends at."""
    with ctx.workprec(1000):
        masses, radii = (arb(1), arb(1) / 3), (arb(1) / 3, arb(1) / 9)
        narrow = [(arb(5) / 3, arb(1) / 7), (arb(2).sqrt(), arb(1) / 3), (arb(7), arb(3).sqrt())]
        # One row: |u| - R |a|, or 0.
        found = [
            (([[a]], [u], [m], r), m.sqrt() * (u - r * a) if a * r < u else arb(0))
            for a, u in narrow for m in masses for r in radii
        ]  # fmt: skip
        # Unconstrained: the mean of 0, 0, 1 leaves 2/3; with masses 1, 2 between 0 and 1: 1 * 2 / 3.
        one, rest = arb(1), (arb(2) / 3).sqrt()
        found.append((([[one]] * 3, [arb(0), arb(0), one], [one] * 3, arb(9)), rest))
        found.append((([[one]] * 2, [arb(0), one], [one, arb(2)], arb(9)), rest))
        # On the boundary, where the two directions have unlike weights: v = (3/5, 4/5) R by Lagrange.
        for radius in (arb(1) / 3, arb(10) / 7):
            (x, y), multiplier = (arb(3) / 5 * radius, arb(4) / 5 * radius), arb(2) / 3
            u = [(1 + multiplier) * x, (9 + multiplier) * y / 3]
            rows = [[one, arb(0)], [arb(0), arb(3)]]
            found.append(((rows, u, [one, one], radius), ((u[0] - x) ** 2 + (u[1] - 3 * y) ** 2).sqrt()))
        return found


@pytest.mark.parametrize("bits", [128, 256])
def test_infima_in_closed_form_are_contained(bits: int) -> None:
    for (rows, target, masses, radius), value in closed_forms():
        with ctx.workprec(bits):
            found = misfit(arb_mat(rows), target, masses, radius).value
            assert found.contains(value), (rows, target, radius)
            assert found.rad() < 1e-25


@pytest.mark.parametrize("share", ["1/8", "-1/8", "1/1000000"])
def test_poor_proposals_only_widen_the_infimum(share: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the solver proposes, the enclosure holds the infimum: nothing of the proposal is trusted."""
    right = infimum._ridge

    def poor(gram: arb_mat, cross: arb_mat, multiplier: arb) -> arb_mat:
        return (right(gram, cross, multiplier) * (1 + arb(share))).mid()

    for replaced in (("_ridge", poor), ("_float_multiplier", lambda *given: 7.0)):
        with monkeypatch.context() as patch, ctx.workprec(128):
            patch.setattr(infimum, *replaced)
            for (rows, target, masses, radius), value in closed_forms():
                assert infimum.misfit(arb_mat(rows), target, masses, radius).value.contains(value)


@pytest.mark.parametrize("target", [("3", "-1/2"), ("2", "-1"), ("2/3", "-1/3")], ids=["segment", "point", "thirds"])
def test_no_descent_where_all_signs_are_one(target: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """|v| + |u_1 - 2 v_1| + |u_2 + v_1| is at least u_1 + u_2, as A'1 = (1, 0); attained where 2 v_1 <= u_1 and
    -v_1 <= u_2: nothing is asked of float64. Beyond, it is more. Of exact data it is exact."""
    rows = arb_mat([[2, 0], [-1, 0]])
    assert misfit_l1(arb(1), rows, [arb(1), arb(-1)]).value > arb("1/2")
    asked, right = list[Any](), infimum._active_set
    monkeypatch.setattr(infimum, "_active_set", lambda *given: asked.append(given) or right(*given))
    with ctx.workprec(256):
        found = misfit_l1(arb(1), rows, [arb(fmpq(u)) for u in target]).value
        assert not asked
        assert misfit_l1(arb(3), arb_mat([[4, 0], [-1, 0]]), [arb(4), arb(-1)]).value == 3
        assert misfit_l1(arb(2), arb_mat([[3], [-1]]), [arb(1), arb(-1) / 8]).value == arb(7) / 8
        assert found.contains(fmpq(target[0]) + fmpq(target[1])) and found.rad() < arb(2) ** -230


@pytest.mark.parametrize("bits", [128, 320])
@pytest.mark.parametrize("seed", [0, 1, 5])
def test_the_l1_infimum_is_narrow_where_all_constraints_meet(seed: int, bits: int) -> None:
    """eps = ||A'1|| and u = A A'1: p = 1 is a dual at all its bounds, and the infimum is 1'u. Moved by 2^-50, it is
    none, and no proposal from float64 tells which residuals vanish."""
    rng = np.random.default_rng(seed)
    table, moves = rng.normal(size=(9, 4)), rng.normal(size=9)
    with ctx.workprec(bits):
        rows = as_balls(table.tolist())
        turned = rows.transpose() * arb_mat(9, 1, [1] * 9)
        eps, aims = norm(turned.entries()), (rows * turned).entries()
        assert misfit_l1(eps, rows, aims).value.contains(sum(aims, start=arb(0)))
        found = misfit_l1(eps, rows, [u + arb(float(m)) / 2**50 for u, m in zip(aims, moves, strict=True)]).value
        assert found.rad() <= arb(2) ** (-bits // 3) * found.abs_upper()


def test_the_central_path_is_not_followed_for_what_the_data_leave_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """With radii of 2^-60 in the rows the ends are that far apart, whatever is proposed; with smaller ones not."""
    asked, right = list[int](), infimum.l1_path
    monkeypatch.setattr(infimum, "l1_path", lambda *given: asked.append(given[-1]) or right(*given))
    rng = np.random.default_rng(1)
    table, moves = rng.normal(size=(9, 4)), rng.normal(size=9)
    for bits, calls in ((60, 0), (200, 1)):
        with ctx.workprec(320):
            rows = arb_mat([[arb(v, arb(2) ** -bits) for v in row] for row in table.tolist()])
            turned = rows.mid().transpose() * arb_mat(9, 1, [1] * 9)
            aims = [u + arb(float(m)) / 2**70 for u, m in zip((rows.mid() * turned).entries(), moves, strict=True)]
            found = misfit_l1(norm(turned.entries()), rows, aims).value
        assert len(asked) == calls
        assert found.rad() <= arb(2) ** (8 - min(bits, 106)) * found.abs_upper()


@pytest.mark.parametrize("size", [1, 2, "1/2", 50])
def test_poor_proposals_only_widen_the_l1_infimum(size: str | int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Duals that are too large, too steep or too small."""

    def poor(right: Any) -> Any:
        def found(*given: Any) -> tuple[arb_mat, list[arb]]:
            v, dual = right(*given)
            return v, [arb(size) * p + (arb(1) / 3 if size == 1 else 0) for p in dual]

        return found

    path = infimum.l1_path
    monkeypatch.setattr(infimum, "_stationary", poor(infimum._stationary))
    monkeypatch.setattr(infimum, "l1_path", lambda *given: (poor(lambda *own: own)(*own) for own in path(*given)))
    test_l1_infima_in_closed_form_are_contained()


def test_where_the_path_leads_is_told_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine residuals of rank 2, most of which vanish together: of the path's first stage the optimum is had to the
    precision of the balls."""
    stages = list[int]()
    right = infimum.l1_path

    def followed(*given: Any) -> Any:
        for bits, found in zip(given[-1], right(*given), strict=True):
            stages.append(bits)
            yield found

    monkeypatch.setattr(infimum, "l1_path", followed)
    monkeypatch.setattr(infimum, "_active_set", lambda *given: ([], [0] * 9))
    table = [[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2 + [[1.0, k] for k in (-1.0, 0.5, 1.0, 2.0, 3.0)]
    with ctx.workprec(320):
        rows = as_balls(table)
        aims = (rows * arb_mat([[arb(1) / 3], [arb(1) / 7]])).entries()
        aims[-1] = aims[-1] + 1
        found = misfit_l1(arb(1) / 2, rows, aims).value
        value = (arb(1) / 2) * norm([arb(1) / 3, arb(1) / 7]) + 1
        assert found.contains(value)
        assert found.rad() <= arb(2) ** -192 * value
    assert stages == [48]


def test_the_central_path_takes_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, moved by 2^-50: to 144 bits in half of the steps that it takes if s is of first order."""
    turns, right = list[int](), l1_path._Path._turn
    monkeypatch.setattr(l1_path._Path, "_turn", lambda self: turns.append(1) or right(self))
    rng = np.random.default_rng(0)
    table, moves = rng.normal(size=(10, 8)), rng.normal(size=10)
    with ctx.workprec(320):
        rows = as_balls(table.tolist())
        turned = rows.transpose() * arb_mat(10, 1, [1] * 10)
        aims = [u + arb(float(m)) / 2**50 for u, m in zip((rows * turned).entries(), moves, strict=True)]
        assert len(list(l1_path.l1_path(norm(turned.entries()), rows, aims, [144]))) == 1
    assert len(turns) <= 95


def test_directions_of_any_size_are_told_apart() -> None:
    """Three rows in a plane, one of them twice: two are independent."""
    table = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert [l1_path._independent(table * size) for size in (1e-300, 1.0, 1e200, 0.0)] == [[0, 2]] * 3 + [[]]


def test_l1_infima_in_closed_form_are_contained() -> None:
    """eps |v| + |u - a v| is |u| min(1, eps/|a|) in one dimension; orthogonal rows 1 and 1: (2 - t)-fold by hand."""
    for bits in (128, 256):
        for eps, a, u in ((1, 3, 5), (3, 1, 5), (2, 7, 1), (1, 1, 1)):
            with ctx.workprec(1000):
                value = arb(u) / 3 * min(1, arb(eps) / 7 / (arb(a) / 11), key=lambda v: float(v))
            with ctx.workprec(bits):
                found = misfit_l1(arb(eps) / 7, arb_mat([[arb(a) / 11]]), [arb(u) / 3]).value
                assert found.contains(value), (eps, a, u)
        for eps in (arb(1), arb(3)):
            # eps ||v|| + |1 - v_1| + |1 - v_2|: the slope along (1, 1) is eps - sqrt 2.
            with ctx.workprec(1000):
                value = arb(2).sqrt() * eps if eps < arb(2).sqrt() else arb(2)
            with ctx.workprec(bits):
                assert misfit_l1(eps, as_balls([[1.0, 0.0], [0.0, 1.0]]), [arb(1), arb(1)]).value.contains(value)


def test_a_dual_that_is_too_large_is_scaled() -> None:
    """min 2 |v| + |1 - v| = 1, at v = 0; the dual 2 is beyond its bounds."""
    found = infimum._dual_value(arb(2), arb_mat([[1]]), [arb(1)], [arb(2)], None)
    assert found == 1
