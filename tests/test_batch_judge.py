"""Batches in midpoint-radius numbers: they contain what balls enclose, decide what balls decide, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat, arb_series, ctx, fmpq, fmpq_mat
from metagap.impl import midrad
from metagap.impl.arithmetic import Balls, rational
from metagap.impl.balls import infimum as balls
from metagap.impl.batch_judge import Asked, decided_in_arrays, ends_of, judged_in_arrays
from metagap.impl.elementary import MidRads
from metagap.impl.enclosed import infimum, linear
from metagap.impl.enclosed.duals import Dual, Duals
from metagap.impl.enclosed.quantities import UnknownError
from metagap.impl.families import META_SL, judge
from metagap.impl.family import Family
from metagap.impl.judge import ClaimJudgement, Enclosure
from metagap.impl.losses import LOSSES, Loss
from metagap.impl.midrad import MidRad
from metagap.impl.series import BallSeries
from metagap.impl.sources import SMALL, RandomSource
from metagap.impl.supervised.batch import Batch
from metagap.impl.supervised.batch_quantities import BatchQuantities
from metagap.impl.supervised.draws import problem
from metagap.impl.supervised.enclosed import taylor
from metagap.impl.supervised.enclosed.quantities import enclosed_quantities
from metagap.impl.supervised.generate import GENERATORS
from metagap.impl.verdicts import fit_ends
from metagap.theory.claim import UndefinedQuantityError, Verdict
from metagap.theory.meta_sl import CLAIMS

from .test_midrad import escaped, sample

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

NAMES = (
    "gap", "pairing", "eps", "weight_norm", "misfit", "misfit_l1", "direction", "inner_product", "residual_norm",
    "bregman", "function_displacement", "misfit_plain", "eps_first_order", "displacement", "feature_bound",
    "support_feature_bound", "strong_convexity", "margin_differentiability", "mixed_weight_norm", "mixed_misfit",
    "min_norm_solution",
    "mixed_misfit_l1", "remainder_constant", "jacobian_deviation", "smoothness", "descent", "margin_small_step",
    "adapted_displacement", "jacobian_min", "jacobian_inverse",
)  # fmt: skip
"""The quantities that are enclosed."""
DRAWN = (
    ("arbitrary", "log-cosh"), ("tangent", "logistic"), ("independent", "squared"), ("support-query", "huber"),
    ("rates", "logistic"), ("one-task", "poisson"), ("stationary", "exponential"), ("functions", "quartic"),
    ("vector-outputs", "softmax"), ("vector-tangent", "squared"),
)  # fmt: skip
"""Generators, with the losses that they draw."""


def batches(name: str, variant: str, seed: int, count: int, size: int = 4) -> Iterator[Batch]:
    """Batches that a generator draws."""
    generator = next(g for g in GENERATORS if g.name == name)
    for index in range(count):
        yield generator.build(RandomSource((seed, index), size), variant)


def outside(
    batch: Any, names: tuple[str, ...] = NAMES, bits: int = 256, family: Family = META_SL
) -> tuple[list[str], int]:
    """The quantities whose enclosures miss that of balls, and how many were compared."""
    assert family.enclosed_quantities is not None
    at, missed, compared = family.enclosed_quantities(batch), [], 0
    for b in range(len(batch)):
        with ctx.workprec(bits):
            direction = at._along.mid[b] if "direction" in names else np.full(1, np.nan)
            along = tuple(rational(float(v)) for v in direction) if np.isfinite(direction).all() else None
            exact = family.quantities(batch.instance(b), Balls, along)
            for name in names:
                try:
                    right, found = exact(name), at(name)[b]
                except UndefinedQuantityError:
                    continue
                if not fit_ends(ends_of(found)) or not right.is_finite():
                    continue
                compared += 1
                low, high = (arb(float(end)) for end in (found.low, found.high))
                missed += [name] if right < low or right > high else []
    return missed, compared


def contained(found: Iterable[Any], names: tuple[str, ...] = NAMES, family: Family = META_SL) -> int:
    """How many quantities of the batches were compared, all of which contain those of balls."""
    compared = 0
    for batch in found:
        missed, count = outside(batch, names, family=family)
        assert not missed
        compared += count
    return compared


def decided_alike(found: Iterable[Any], family: Family = META_SL) -> int:
    """How many claims arrays decide on the batches, all of them as balls do."""
    decided = 0
    for batch in found:
        wrong, count = disagreements(batch, family)
        assert not wrong
        decided += count
    return decided


@pytest.mark.ci(every=12)
@pytest.mark.parametrize(("name", "variant"), DRAWN)
def test_quantities_contain_those_of_balls(name: str, variant: str, effort: int) -> None:
    assert contained(batches(name, variant, 5, 3 * effort)) >= 100 * effort


def test_implicit_steps_are_enclosed(effort: int) -> None:
    losses = ("log-cosh", "logistic", "poisson")
    found = (
        problem(RandomSource((9, index), 4), losses[index % 3], SMALL, kind="implicit") for index in range(3 * effort)
    )
    assert contained(found, ("gap", "eps", "pairing", "misfit", "bregman", "eps_first_order")) >= 60 * effort


def test_implicit_steps_without_a_positive_strength_are_left_to_balls() -> None:
    batch = problem(RandomSource((9, 0), 4), "log-cosh", SMALL, kind="implicit")
    with pytest.raises(UnknownError):
        enclosed_quantities(replace(batch, rate=-batch.rate))("gap")


def test_poor_proposals_only_widen() -> None:
    right, near, ends = BatchQuantities._proximal, linear.proposed_inverse, infimum.l1_ends
    poor: tuple[tuple[Any, str, Any], ...] = (
        (BatchQuantities, "_proximal", lambda self, theta: right(self, theta) + 1e-7),
        (linear, "proposed_inverse", lambda table: near(table) + 1e-7),
        (taylor, "proposed_inverse", lambda table: near(table) + 1e-7),
        (infimum, "l1_ends", lambda *given: tuple(part * 1.01 for part in ends(*given))),
    )
    for holder, name, proposal in poor:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(holder, name, proposal)
            missed, count = outside(problem(RandomSource((10, 1), 4), "log-cosh", SMALL, kind="implicit"))
        assert not missed
        assert count >= 40


def test_joints_are_left_to_balls() -> None:
    """omega at a joint of Huber's loss: no margin is certified, and no claim of differentiable steps decided."""
    batch = next(batches("arbitrary", "huber", 4, 1))
    width = float(batch.loss.parameter.p) / float(batch.loss.parameter.q) if batch.loss.parameter else 1.0
    z = (batch.features @ batch.omega[..., None])[..., 0]
    at_joint = replace(
        batch, steps=1, rate=np.full(len(batch), 0.5), labels=z[:, None, :, None] - width + 0 * batch.labels
    )
    for known in META_SL.judged_in_arrays(at_joint, CLAIMS):
        assert "meta-sl-lifted" not in known or known["meta-sl-lifted"].verdict is Verdict.OUTSIDE
    assert not disagreements(at_joint)[0]


AT_V = ("-s3", "-s4")
"""Claims along a direction, which may be another where the infimum hardly depends on it: that of balls may attain what
another does not."""
ALONG = (*AT_V, "-t3d-smooth", "-c9-curvature")
"""Claims whose sides are along a direction: that of the gradient is any where L is stationary."""


def meet(said: Enclosure | None, other: Enclosure | None) -> bool:
    """Whether two enclosures of one number, if both are given, may be of it."""
    return said is None or other is None or max(said.lo, other.lo) <= min(said.hi, other.hi)


def _signed(said: ClaimJudgement) -> bool:
    """Whether the sides are on two sides of 0: of roots that may be 0 arrays know that they are not below it, and balls
    do not."""
    return said.side is not None and said.bound is not None and said.side.hi <= 0 <= said.bound.lo


def agree(said: ClaimJudgement, balls: ClaimJudgement) -> bool:
    """Whether arrays say of a claim what balls say: the verdict, what decides, and enclosures of the same sides."""
    proved = (said.verdict, balls.verdict) == (Verdict.PROVED, Verdict.EQUAL)
    if proved and (said.claim.endswith(AT_V) or _signed(said)):
        return True
    same = said.verdict is balls.verdict and said.reason.split(":")[0] == balls.reason.split(":")[0]
    return same and (said.claim.endswith(ALONG) or all(map(meet, (said.side, said.bound), (balls.side, balls.bound))))


def disagreements(batch: Any, family: Family = META_SL) -> tuple[list[str], int]:
    """Claims of which arrays say another thing than balls, and how many they decide."""
    decided = family.judged_in_arrays(batch, family.claims)
    wrong, count = [], 0
    for b, known in enumerate(decided):
        judged = judge(batch.instance(b), [claim for claim in family.claims if claim.name in known])
        wrong += [one.claim for one in judged.claims if not agree(known[one.claim], one)]
        count += len(known)
    return wrong, count


@pytest.mark.ci(every=12)
@pytest.mark.parametrize(("name", "variant"), [*reversed(DRAWN), ("no-adaptation", "huber"), ("cancelling", "quartic")])
def test_arrays_say_what_balls_say(name: str, variant: str, effort: int) -> None:
    assert decided_alike(batches(name, variant, 11, 3 * effort)) >= 60 * effort


def test_equalities_and_attained_bounds_are_left_to_balls() -> None:
    batch = next(batches("tangent", "logistic", 2, 1))
    for known in META_SL.judged_in_arrays(batch, CLAIMS):
        assert not {"meta-sl-identity", "meta-sl-s2", "meta-sl-refined-l1"} & set(known)


def test_kinks_are_left_to_balls() -> None:
    kinked = next(batches("arbitrary", "absolute", 1, 1, size=2))
    assert META_SL.judged_in_arrays(kinked, CLAIMS) == [{}, {}]


# --- nothing decides but finite enclosures ----------------------------------------------------------------------


@dataclass
class Said:
    """Quantities by name: what a test says they are."""

    values: dict[str, MidRad]

    def __call__(self, name: str) -> Any:
        return self.values.get(name, MidRad(np.ones(max((v.shape[0] for v in self.values.values()), default=1))))


WRONG = (
    {"gap": MidRad([np.inf], [np.inf])},
    {"gap": MidRad([0.0], [np.nan])},
    {"gap": MidRad([-np.inf])},
    {"pairing": MidRad([np.inf])},
    {"pairing": MidRad([np.inf], [np.inf])},
    {"pairing": MidRad([1e308], [1e308])},
    {"margin_outer_convexity": MidRad([np.inf])},
    {"margin_outer_convexity": MidRad([np.nan])},
    {"margin_outer_convexity": MidRad([1.0], [1.0])},
    {"gap": MidRad([1.0], [2.0**-50])},
    {"pairing": MidRad([1.0], [0.25])},
)
"""One quantity that is not finite, that overlaps, or that is enclosed too wide to be shown."""


def test_no_verdict_of_what_is_not_finite_or_overlaps() -> None:
    claim = next(c for c in CLAIMS if c.name == "meta-sl-s1")
    right = {"gap": MidRad([0.5])}
    assert judged_in_arrays([claim], Said(right), 1)[0][claim.name].verdict is Verdict.PROVED
    for wrong in WRONG:
        assert judged_in_arrays([claim], Said(right | wrong), 1) == [{}], wrong
    lifted = next(c for c in CLAIMS if c.name == "meta-sl-lifted")
    assert judged_in_arrays([lifted], Said(right), 1) != [{}]
    shown = {"function_displacement": MidRad([1.0], [np.inf])}
    assert judged_in_arrays([lifted], Said(right | shown), 1) == [{}]


def test_sides_that_are_alike_or_0_are_met() -> None:
    claim, wide = next(c for c in CLAIMS if c.name == "meta-sl-s1"), [2.0**-45] * 3
    said = Said({"gap": MidRad([3.0, 0.0, 0.5], wide), "pairing": MidRad([3.0, 0.0, 0.5 - 2.0**-30], wide)})
    met = decided_in_arrays(claim, Asked(said), 3).met
    assert met is not None and met.tolist() == [True, True, False]


def test_an_assumption_that_fails_is_named_if_those_before_it_hold() -> None:
    claim = next(c for c in CLAIMS if c.name == "meta-sl-c8")
    fails = {"margin_one_law": MidRad([-1.0, -1.0]), "margin_small_step": MidRad([1.0, 0.0], [0.0, 1.0])}
    found, open_ = judged_in_arrays([claim], Said(fails), 2)
    assert found[claim.name].verdict is Verdict.OUTSIDE
    assert found[claim.name].reason.startswith("one-law:")
    assert open_ == {}


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("scale", [1e160, 1e300, 1e-160, 1e-310])
def test_extreme_numbers_decide_nothing_wrong(scale: float) -> None:
    drawn = (("arbitrary", "squared"), ("arbitrary", "logistic"), ("tangent", "poisson"), ("vector-outputs", "softmax"))
    for name, variant in drawn:
        batch = next(batches(name, variant, 3, 1, size=2))
        for field in ("features", "omega", "radius"):
            extreme = replace(batch, **{field: getattr(batch, field) * scale})
            assert not disagreements(extreme)[0]
            assert not outside(extreme, ("gap", "eps", "misfit", "weight_norm", "misfit_l1"))[0]


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


def test_chosen_entries_keep_radii() -> None:
    a, b = MidRad([1.0, 2.0], [0.5, 0.5]), MidRad([3.0, 4.0], [0.25, 0.25])
    found = MidRads.where(np.array([True, False]), a, b)
    assert found.mid.tolist() == [1.0, 4.0]
    assert found.rad.tolist() == [0.5, 0.25]
    assert MidRads.where(np.array([True, False]), 0.0, b).rad.tolist() == [0.0, 0.25]
    assert MidRads.stack([a, b], -1).rad.tolist() == [[0.5, 0.25], [0.5, 0.25]]


# --- the parts --------------------------------------------------------------------------------------------------

SMOOTH = ("exp", "sqrt", "tanh", "sech", "log_cosh", "softplus", "sigmoid")


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


def system(rng: np.random.Generator, size: int, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows (B, N, d) of at most that rank, targets, radii; of every scale."""
    count, d = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    rows = rng.normal(size=(size, count, rank)) @ rng.normal(size=(size, rank, d))
    target = rng.normal(size=(size, count)) * (rng.random((size, 1)) < 0.8)
    rows *= 10.0 ** rng.integers(-3, 4, (size, 1, 1))
    return rows, target, 10.0 ** rng.uniform(-3, 2, size)


@pytest.mark.parametrize(("name", "variant"), DRAWN[::4])
def test_how_batches_lie_in_memory_is_no_matter(name: str, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midrad, "LONG", 2)
    assert contained(batches(name, variant, 5, 1)) >= 50


def test_arrays_of_batches_are_laid_innermost() -> None:
    values = np.arange(4 * midrad.LONG * 6.0).reshape(-1, 2, 3)
    found = midrad.laid(values)
    assert (found == values).all() and found.strides[0] == 8 and midrad.laid(found) is found
    assert MidRad(values).mid.strides == found.strides and midrad.laid(values[: midrad.LONG - 1]).strides[0] == 48


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
        assert inside(rows.added(b * c).applied(v), (table * point[:, None]).sum(2).reshape(2, a, -1).sum(2))
        chosen = rng.random((2, a * b * c)) < 0.5
        assert inside(rows.where(chosen)[1:].pulled(p[1:]), (table * (chosen * weights)[..., None])[1:].sum(1))


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
                    assert float(mine.low) <= theirs.value
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


def test_shares_are_those_of_the_instance() -> None:
    batch = next(batches("support-query", "squared", 7, 1))
    tilted = replace(batch, weights=batch.weights * 0.3, masses=batch.masses / 3)
    at = enclosed_quantities(tilted)
    for b in range(len(batch)):
        given = tilted.instance(b)
        weights = at.batch.weights[b]
        assert escaped(weights, [task.weight for task in given.tasks]) == 0
        for i, task in enumerate(given.tasks):
            mass: dict[int, fmpq] = {}
            for atom in task.atoms:
                mass[atom.x] = mass.get(atom.x, fmpq(0)) + atom.p
            rho = at.rho[b][i]
            assert escaped(rho, [mass.get(x, fmpq(0)) for x in range(batch.shape[1])]) == 0
