"""What batches are proved with, part by part: products, slopes, rows, infima and inverses of midpoint-radius arrays
contain exact values."""

from __future__ import annotations

import numpy as np
import pytest
from flint import arb, arb_mat, arb_series, ctx, fmpq, fmpq_mat
from metagap.impl import midrad
from metagap.impl.arithmetic import Balls, rational
from metagap.impl.balls import infimum as balls
from metagap.impl.balls.singular import largest_eigenvalue
from metagap.impl.batch_judge import ends_of
from metagap.impl.elementary import MidRads
from metagap.impl.enclosed import infimum, linear
from metagap.impl.enclosed.duals import Dual, Duals
from metagap.impl.losses import LOSSES, Loss
from metagap.impl.midrad import MidRad
from metagap.impl.series import BallSeries
from metagap.impl.verdicts import fit_ends

from .samples import escaped, sample

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SMOOTH = ("exp", "sqrt", "tanh", "sech", "log_cosh", "softplus", "sigmoid")


def test_products_contain(effort: int) -> None:
    rng = np.random.default_rng(12)
    for _ in range(20 * effort):
        (a, x), (b, y) = sample(rng, rng.normal(size=12)), sample(rng, rng.normal(size=12))
        (a, b), rows = (a.reshape(3, 4), b.reshape(4, 3)), (fmpq_mat(3, 4, x), fmpq_mat(4, 3, y))
        assert escaped(a @ b, (rows[0] * rows[1]).entries()) == 0
        x, y = rng.normal(size=(2, 64)), rng.normal(size=(64, 2))
        exact = fmpq_mat(2, 64, list(map(rational, x.ravel().tolist())))
        exact *= fmpq_mat(64, 2, list(map(rational, y.ravel().tolist())))
        assert escaped(MidRad(x) @ MidRad(y), exact.entries()) == 0
    (a, x) = sample(rng, rng.normal(size=900) * 1.0)
    exact = MidRad(a.mid)
    assert escaped(exact.sum(0), [sum(map(rational, a.mid.tolist()), start=fmpq(0))]) == 0
    assert escaped(a.sum(0), [sum(x, start=fmpq(0))]) == 0


def test_products_of_what_is_repeated_have_as_many_terms() -> None:
    rng = np.random.default_rng(13)
    a, b = MidRad(rng.normal(size=(2, 900))), MidRad(rng.normal(size=(1, 3)))
    same = MidRad(np.repeat(b.mid, 900, axis=0))
    assert ((a @ b).rad >= 0.99 * (a @ same).rad).all()


def test_chosen_entries_keep_radii() -> None:
    a, b = MidRad([1.0, 2.0], [0.5, 0.5]), MidRad([3.0, 4.0], [0.25, 0.25])
    found = MidRads.where(np.array([True, False]), a, b)
    assert found.mid.tolist() == [1.0, 4.0]
    assert found.rad.tolist() == [0.5, 0.25]
    assert MidRads.where(np.array([True, False]), 0.0, b).rad.tolist() == [0.0, 0.25]
    assert MidRads.stack([a, b], -1).rad.tolist() == [[0.5, 0.25], [0.5, 0.25]]


def test_arrays_of_batches_are_laid_innermost() -> None:
    values = np.arange(4 * midrad.LONG * 6.0).reshape(-1, 2, 3)
    found = midrad.laid(values)
    assert (found == values).all() and found.strides[0] == 8 and midrad.laid(found) is found
    assert MidRad(values).mid.strides == found.strides and midrad.laid(values[: midrad.LONG - 1]).strides[0] == 48


@pytest.mark.parametrize("name", [*SMOOTH, "clip", "clip_integral", "magnitude"])
def test_slopes_contain_those_of_series(name: str, effort: int) -> None:
    rng, count = np.random.default_rng(4), 300 * effort
    points = rng.normal(size=count) * 10.0 ** rng.uniform(-4, 1.5, count)
    a, x = sample(rng, np.abs(points) + 2.0**-20 if name == "sqrt" else points)
    more = () if name in (*SMOOTH, "magnitude") else (fmpq(3, 2),)
    found = getattr(Duals, name)(Dual(a, MidRad(3.0)), *map(Duals.number, more))
    with ctx.workprec(256):
        before, ctx.cap = ctx.cap, 2
        try:
            exact = []
            for v in x:
                if name == "sqrt" and v <= 0:
                    exact.append(None)
                    continue
                series = getattr(BallSeries, name)(arb_series([arb(v), arb(3)]), *map(arb, more))
                exact.append(arb_series([series])[1] if isinstance(series, arb) else series[1])
        finally:
            ctx.cap = before
        slope = MidRads.broadcast_to(found.slope, (count,))
        assert escaped(slope, exact) == 0
    assert np.isfinite(slope.rad).mean() > 0.5


@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "double-well"])
def test_derivatives_by_series_are_those_of_the_formulas(loss: str) -> None:
    rng = np.random.default_rng(8)
    one = Loss(loss, fmpq(1) if LOSSES[loss].profile.parameter else None)
    z, y = rng.normal(size=50), rng.choice([-1.0, 1.0], 50)
    for order in (0, 1):
        found = (one.value, one.d1)[order](Duals, Dual(MidRad(z), MidRad(1.0)), y)
        with ctx.workprec(128):
            exact = [(one.d1, one.d2)[order](Balls, arb(a), arb(b)) for a, b in zip(z, y, strict=True)]
            slope = MidRad(0.0) if found.slope is None else found.slope
            assert escaped(MidRads.broadcast_to(slope, (50,)), exact) == 0


def single(table: np.ndarray) -> linear.Rows:
    """The rows of a table (B, N, d) themselves."""
    return linear.Rows(((MidRad(np.ones(table.shape[:2])), MidRad(table)),))


def test_rows_that_are_never_made_are_those_of_their_terms(effort: int) -> None:
    """Of two tables on a grid, as those of the mixed form; radii are not forgotten."""
    rng = np.random.default_rng(8)

    def some(*shape: int) -> MidRad:
        return MidRad(rng.integers(-9, 10, shape) / 4, 2.0**-10 * rng.integers(0, 2, shape))

    def inside(found: MidRad, exact: np.ndarray) -> bool:  # whole numbers over 2^40: floats add them up exactly
        return bool((found.low <= exact).all() and (found.high >= exact).all() and (found.rad <= 1).all())

    for _ in range(20 * effort):
        a, b, c, d = (int(n) for n in rng.integers(1, 4, 4))
        rows = linear.Rows(((some(2, a, b, c), some(2, a, 1, c, d)), (some(2, 1, b, c), some(2, a, b, 1, d))))
        v, p, share = some(2, d), some(2, a * b * c), some(2, a * b * c)
        end = rng.choice([-1.0, 1.0], 4)
        at = [[x.mid + s * x.rad for x in term] for term, s in zip(rows.terms, end[:2], strict=True)]
        table = sum(w[..., None] * t for w, t in at).reshape(2, -1, d)
        point, weights, shares = v.mid + end[2] * v.rad, p.mid + end[3] * p.rad, share.mid - end[3] * share.rad
        assert rows.mid == pytest.approx(table, abs=0.02)
        assert inside(rows.applied(v), (table * point[:, None]).sum(2))
        assert inside(rows.pulled(p), (table * weights[..., None]).sum(1))
        assert inside(rows.times(share).applied(v), shares * (table * point[:, None]).sum(2))
        assert inside(rows.times(share).pulled(p), (table * (shares * weights)[..., None]).sum(1))
        both = rows.times(share).times(share)[1:]
        assert inside(both.applied(v[1:]), (shares**2 * (table * point[:, None]).sum(2))[1:])
        assert both.mid == pytest.approx((share.mid**2)[1:, :, None] * table[1:], abs=0.2)
        shared = (shares * (table * point[:, None]).sum(2)).reshape(2, a, -1).sum(2)
        assert inside(rows.times(share).added(b * c).applied(v), shared)
        assert inside(rows.added(b * c).applied(v), (table * point[:, None]).sum(2).reshape(2, a, -1).sum(2))
        chosen = rng.random((2, a * b * c)) < 0.5
        assert inside(rows.where(chosen)[1:].pulled(p[1:]), (table * (chosen * weights)[..., None])[1:].sum(1))


def system(rng: np.random.Generator, size: int, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows (B, N, d) of at most that rank, targets, radii; of every scale."""
    count, d = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    rows = rng.normal(size=(size, count, rank)) @ rng.normal(size=(size, rank, d))
    target = rng.normal(size=(size, count)) * (rng.random((size, 1)) < 0.8)
    rows *= 10.0 ** rng.integers(-3, 4, (size, 1, 1))
    return rows, target, 10.0 ** rng.uniform(-3, 2, size)


@pytest.mark.parametrize("rank", [1, 3])
def test_infima_contain_those_of_balls(rank: int, effort: int) -> None:
    rng, sharp, total = np.random.default_rng(rank), 0, 0
    for _ in range(6 * effort):
        rows, target, radius = system(rng, 5, rank)
        eps = np.abs(rng.normal(size=5)) * 10.0 ** rng.integers(-2, 2, 5)
        found, direction = infimum.misfit(single(rows), MidRad(target), radius)
        other = infimum.misfit_l1(MidRad(eps), single(rows), MidRad(target))
        for b in range(5):
            with ctx.workprec(256):
                table = arb_mat(rows[b].tolist())
                aims = [arb(v) for v in target[b].tolist()]
                right = balls.misfit(table, aims, [arb(1)] * len(aims), arb(radius[b]))
                sums = balls.misfit_l1(arb(eps[b]), table, aims)
                assert sum((rational(float(v)) ** 2 for v in direction[b]), fmpq(0)) <= rational(float(radius[b])) ** 2
                for mine, theirs in ((found[b], right), (other[b], sums)):
                    assert not theirs.value < arb(float(mine.low))
                    assert not theirs.value > arb(float(mine.high))
                    total += 1
                    sharp += float(mine.high - mine.low) <= 1e-9 * (1 + float(np.abs(target[b]).max()))
    assert sharp >= 0.8 * total


def test_sums_of_batches_are_enclosed_sharply() -> None:
    """Of every third instance all residuals vanish at one v; of another the rows do."""
    rng = np.random.default_rng(5)
    for rank in (1, 2, 3) * 4:
        rows, target, _ = system(rng, 24, rank)
        target[::3] = rows[::3].sum(2)
        rows[1::6] = 0
        eps = np.maximum(np.abs(rows).max((1, 2)), 1e-3) * 10.0 ** rng.uniform(-2, 1, 24)
        found = infimum.misfit_l1(MidRad(eps), single(rows), MidRad(target))
        assert (found.high - found.low <= 1e-9 * found.high + 1e-200).all()
        # Of few rows in a space of many dimensions, that is in coordinates of it.
        basis = np.linalg.qr(rng.standard_normal((24, 40, rows.shape[2])))[0]
        lifted = infimum.misfit_l1(MidRad(eps), single(rows[:, :3] @ basis.swapaxes(1, 2)), MidRad(target[:, :3]))
        plain = infimum.misfit_l1(MidRad(eps), single(rows[:, :3]), MidRad(target[:, :3]))
        assert (lifted.high - lifted.low <= 1e-9 * lifted.high + 1e-12).all()
        assert lifted.mid == pytest.approx(plain.mid, rel=1e-9, abs=1e-12)


def test_weights_leave_room_for_radii() -> None:
    """Rows 1 and 2^-35 - 1, targets 1, eps 2^-35 up to a thousandth: weights of 1 would be scaled by as much."""
    tiny = 2.0**-35
    rows, target = single(np.array([[[1.0], [tiny - 1]]])), MidRad(np.ones((1, 2)))
    found = infimum.misfit_l1(MidRad(np.array([tiny]), np.array([tiny / 1000])), rows, target)
    assert 0 < found.high[0] <= (1 + 1e-9) * found.low[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_infimum_of_what_is_not_finite(bad: float) -> None:
    rows, target = single(np.full((2, 2, 1), 0.5)), MidRad(np.array([[1.0, 2.0], [bad, 2.0]]))
    for eps in (MidRad([bad, 1.0]), MidRad([1.0, 1.0], [bad, 0.0])):
        found = infimum.misfit_l1(eps, rows, target)
        assert not found.low[0] > 0
        assert not fit_ends(ends_of(found))[1]
    size, _ = infimum.misfit(rows, target, np.ones(2))
    assert fit_ends(ends_of(size))[0] and not fit_ends(ends_of(size))[1]
    assert not fit_ends(ends_of(infimum.misfit(single(rows.mid * bad), target, np.ones(2))[0])).any()


def test_inverses_contain_those_of_rationals() -> None:
    rng = np.random.default_rng(6)
    table = rng.integers(-8, 9, (40, 3, 3)) / 4 + 3 * np.eye(3)
    table[0] = 1.0  # singular
    found = linear.inverse(MidRad(table, 2.0**-50))
    assert not np.isfinite(found.rad[0]).any()
    assert np.isfinite(found.rad[1:]).mean() > 0.9
    for b in range(1, 40):
        with ctx.workprec(128):
            moved = table[b] + rng.choice([-1, 1], (3, 3)) * 2.0**-50
            assert escaped(found[b], arb_mat(moved.tolist()).inv().entries()) == 0


def test_shortest_solutions_contain_those_of_rationals() -> None:
    """Of rows of any condition; of dependent ones nothing is known; a poor inverse only widens."""
    rng, sharp = np.random.default_rng(7), 0
    rows, aims = rng.integers(-8, 9, (40, 3, 5)) / 4, rng.integers(-8, 9, (40, 3)) / 4
    rows[::4, 1] = rows[::4, 0] + 2.0**-20 * rows[::4, 1]
    rows[1], rows[2, 2], aims[2, 2] = np.eye(3, 5), 0.0, 0.0
    rows[0, 1] = rows[0, 0]
    used = np.ones((40, 3), dtype=bool)
    used[2, 2] = False
    near, least = linear.right_inverse(MidRad(rows), used)
    assert not fit_ends(ends_of(least))[0] and fit_ends(ends_of(least))[1:].all()
    poor = MidRad(near.mid + 2.0**-20 * rng.normal(size=near.mid.shape))
    for proposed in (near, poor):
        found = linear.shortest(MidRad(rows), MidRad(aims), proposed, least)
        for b in range(1, 40):
            table = arb_mat(rows[b, used[b]].tolist())
            with ctx.workprec(192):
                gram, right = table * table.transpose(), arb_mat([[v] for v in aims[b, used[b]].tolist()])
                size = (right.transpose() * gram.solve(right))[0, 0].sqrt()
                edge = 1 / largest_eigenvalue(gram.inv()).sqrt()
            assert not size < arb(float(found.low[b])) and not size > arb(float(found.high[b]))
            assert arb(float(least.low[b])) <= edge and not edge > arb(float(least.high[b]))
            sharp += float(found.high[b] - found.low[b]) <= 2.0**-28 * float(found.high[b])
    assert sharp >= 39


def test_rows_that_are_not_used_say_nothing_of_singular_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is proposed: with y = (1, 1) and the second row 0, ||A'y||/||y|| is below s = 1."""
    monkeypatch.setattr(linear, "_proposed_eigenvectors", np.ones_like)
    _, least = linear.right_inverse(MidRad([[[1.0, 0.0], [0.0, 0.0]]]), np.array([[True, False]]))
    assert least.high >= 1.0
