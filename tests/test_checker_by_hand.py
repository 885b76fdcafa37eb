"""The checker against what is known: enclosures of many boxes contain, nothing false is proved, lies are rejected."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import optimum
from metagap.impl.arithmetic import Balls, rational
from metagap.impl.balls.singular import positive_definite
from metagap.impl.bracket import Check
from metagap.impl.losses import Loss
from metagap.impl.midrad import MidRad
from metagap.impl.optimum import Budget, check, leaves, minimise
from metagap.impl.optimum import prover as provers
from metagap.impl.optimum.boxes import Box, Model
from metagap.impl.optimum.certificate import Certificate, basis
from metagap.impl.optimum.check import Checker
from metagap.impl.optimum.exact import (
    exact_value,
)
from metagap.impl.optimum.headline import judge_headline
from metagap.impl.optimum.relaxed_box import at_least
from metagap.impl.optimum.tree import TreeError
from metagap.impl.optimum.tree import leaves as unfolded
from metagap.impl.supervised import taylor
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task
from metagap.impl.supervised.maml import Problem
from metagap.theory.claim import Verdict

ONE, HALF, QUARTER, TWO = fmpq(1), fmpq(1, 2), fmpq(1, 4), fmpq(2)
KINDS = {
    "one step": (Loss("log-cosh"), Gradient(QUARTER)),
    "two steps": (Loss("quartic", QUARTER), Gradient(QUARTER / 4, 2)),
    "a large step": (Loss("pseudo-huber", ONE), Gradient(TWO)),
    "joints": (Loss("huber", ONE), Gradient(HALF)),
    "a step uphill": (Loss("logistic"), Gradient(-HALF)),
    "the proximal step": (Loss("log-cosh"), Implicit(ONE)),
    "Poisson": (Loss("poisson"), Gradient(QUARTER)),
}


def instance(kind: str) -> MetaSLInstance:
    """Two tasks of unlike weights, three points in two dimensions, two labels at one of them."""
    loss, adaptation = KINDS[kind]
    ys = {"logistic": (1, -1, 1, -1), "poisson": (1, 0, 2, 3)}.get(loss.name, (1, -1, 2, -2))
    labels = [fmpq(y) for y in ys]
    tasks = (
        Task(QUARTER, (Atom(0, labels[0], HALF), Atom(0, labels[1], QUARTER), Atom(1, labels[2], QUARTER))),
        Task(1 - QUARTER, (Atom(1, labels[3], QUARTER), Atom(2, labels[0], 1 - QUARTER))),
    )
    rows = ((ONE, HALF), (-HALF, ONE), (ONE, -ONE))
    zero = (fmpq(0),) * 2
    return MetaSLInstance(loss, adaptation, rows, tasks, zero, zero, ONE)


def drawn(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres and half-widths (2, N) on a dyadic grid, thin boxes and wide ones."""
    centre = rng.integers(-32, 33, (2, count)) / 16
    return centre, 2.0 ** -rng.integers(0, 16, (1, count)) * rng.integers(0, 4, (2, count)) / 2


def points(rng: np.random.Generator, centre: np.ndarray, half: np.ndarray) -> list[tuple[fmpq, fmpq]]:
    """Corners, the centre and another point of one box."""
    shares = [(0, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), tuple(rng.integers(-8, 9, 2) / 8)]
    return [tuple(rational(float(c + s * h)) for c, s, h in zip(centre, t, half, strict=True)) for t in shares]  # type: ignore[misc]


def outside(value: arb, mid: float, rad: float) -> bool:
    with ctx.workprec(300):
        room = arb(rational(float(rad)))
        return bool(value > arb(float(mid)) + room or value < arb(float(mid)) - room)


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("kind", KINDS)
def test_enclosures_of_many_boxes_contain(kind: str) -> None:
    rng, one = np.random.default_rng(5), instance(kind)
    count = 4 if isinstance(one.adaptation, Implicit) else 20
    centre, half = drawn(rng, count)
    with ctx.workprec(72), np.errstate(all="ignore"):
        model = Model(one)
        second = model.smooth and model.steps > 0
        found = leaves.Boxes(leaves.Table(model), centre, half, second=second)
        natural, mean, gradient = found.natural, found.mean_value, found.gradient
        hessian = found.hessian() if second else None
    for b in range(count):
        for theta in points(rng, centre[:, b], half[:, b]):
            with ctx.workprec(128):
                here = Problem(replace(one, omega=theta).canonical, Balls)
                value, slopes = here.meta_objective(here.omega), taylor.gradient(here)
                assert not value < float(natural[b]) and not value < float(mean[b])
                box = Box(model, [rational(float(v)) for v in centre[:, b]], [rational(float(v)) for v in half[:, b]])
                assert not value < box.natural and not value < box.mean_value.lower()
                for j, slope in enumerate(slopes):
                    assert not outside(slope, gradient.mid[j, b], gradient.rad[j, b])
                    assert box.gradient[j].overlaps(slope) or not slope.is_finite()
                if hessian is not None and b % 4 == 0:
                    bend = taylor.curvature(here, [arb(1), arb(2)]) * 5
                    entries = [(hessian[i, j], w) for i in (0, 1) for j, w in ((0, (1, 2)[i]), (1, (2, 4)[i]))]
                    total = sum(float(h.mid[b] * w) for h, w in entries)
                    assert not outside(bend, total, sum(float(h.rad[b] * w) for h, w in entries) * (1 + 1e-12) + 1e-12)


@cache
def value(kind: str, theta: tuple[fmpq, fmpq]) -> arb:
    return exact_value(instance(kind), theta)


def prover(
    kind: str, ball: fmpq, lower: float, at: tuple[fmpq, fmpq] = (fmpq(0),) * 2
) -> tuple[provers.Prover, Checker]:
    certificate = Certificate(instance(kind), ball, ball, lower, 1e9, at, half=ball, tree=b"n")
    checker = Checker(certificate, lambda boxes: None, None)
    found = provers.Prover(checker.model, ball, lower, at, checker.tilt, checker.base, checker.multiplier)
    return found, checker


def proved(found: provers.Prover, centre: np.ndarray, half: np.ndarray, letter: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        parts = list(found.proved(centre, half, np.full(centre.shape[1], ord(letter), np.uint8)))
    mask = np.zeros(centre.shape[1], dtype=bool)
    for part in parts:
        mask[part] = True
    return mask


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_below_the_lower_end_is_proved(kind: str) -> None:
    """A box with a point of the ball whose value is below: not proved but for slopes, and there they do not vanish."""
    rng = np.random.default_rng(7)
    tried = 0
    with ctx.workprec(72):
        for _ in range(5 if kind == "the proximal step" else 10):
            centre, half = drawn(rng, 1)
            half = half / 4
            inside = [t for t in points(rng, centre[:, 0], half[:, 0]) if t[0] * t[0] + t[1] * t[1] <= 4]
            if not inside:
                continue
            theta = min(inside, key=lambda t: float(value(kind, t)))
            lower = float(value(kind, theta).upper()) * (1 + 2e-15) + 1e-15
            found, checker = prover(kind, TWO, lower)
            if proved(found, centre, half, "n")[0]:
                slopes = [[float(g) for g in gradient(kind, t)] for t in points(rng, centre[:, 0], half[:, 0])]
                assert any(min(s) > 0 or max(s) < 0 for s in zip(*slopes, strict=True))
            tried += 1
            for test in ("_outside", "_natural", "_mean_value", "_convex", "_convexified"):
                with np.errstate(all="ignore"):
                    assert not getattr(provers.Prover, test)(found, leaves.Boxes(found.table, centre, half))[0], test
            box = [[rational(float(v)) for v in side[:, 0]] for side in (centre, half)]
            relaxed = checker.model.smooth and not checker.model.quadratic
            assert not (relaxed and at_least(Box(checker.model, *box), *box, checker.ball, checker.lower))
            assert not checker._convex(*box)
    assert tried >= 4


def gradient(kind: str, theta: tuple[fmpq, fmpq]) -> list[arb]:
    with ctx.workprec(128):
        return taylor.gradient(Problem(replace(instance(kind), omega=theta).canonical, Balls))


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("kind", ["one step", "two steps", "the proximal step"])
def test_boxes_with_a_minimum_are_not_without_one(kind: str) -> None:
    """Around the minimum of the open ball, and around that of a small ball's sphere."""
    with ctx.workprec(72):
        for ball in (fmpq(4), fmpq(1, 8)):
            found = minimise(instance(kind), ball, Budget(gap=1e-9, boxes=20_000), checked=False, convexity=False)
            at = np.array(found.at)[:, None]
            assert np.hypot(*found.at) < 3.9 and (ball == 4 or np.hypot(*found.at) > 0.1249)
            for size in (1e-3, 2.0**-10, 0.1):
                prove, checker = prover(kind, ball, found.lower + 1)
                half = np.full((2, 1), size)
                assert not proved(prove, at, half, "g")[0] and not proved(prove, at, half, "k")[0]
                box = [[rational(float(v)) for v in side[:, 0]] for side in (at, half)]
                assert not checker._not_stationary(Box(checker.model, *box), *box)


def test_definite_is_proved_of_definite_matrices_alone() -> None:
    """((1, a), (a, 1)) with a up to 2, with radii that may reach beyond, scaled: definite for |a| < 1 alone."""
    for a, rad, shift, definite in (
        (0.5, 0.0, 0.0, True), (1.5, 0.0, 0.0, False), (1.5, 0.0, 1.0, True), (0.9, 0.2, 0.0, False),
        (-0.9, 0.2, 0.0, False), (0.9, 0.2, 0.5, True), (2.0, 0.0, 0.75, False), (1.0, 0.0, 0.0, False),
    ):  # fmt: skip
        for scale in (1.0, 2.0**-40):
            d = np.array([1.0, scale])
            mid = np.array([[1.0, a], [a, 1.0]]) * np.outer(d, d)
            if shift and scale != 1:
                continue
            matrix = MidRad(mid[..., None], rad * np.outer(d, d)[..., None])
            assert provers._positive_definite(matrix, MidRad(shift))[0] == definite, (a, rad, shift, scale)
    for bad in (np.nan, np.inf):
        matrix = MidRad(np.eye(2)[..., None], np.array([[0.0, bad], [0.0, 0.0]])[..., None])
        with np.errstate(all="ignore"):
            assert not provers._positive_definite(matrix, MidRad(0.0))[0]
    assert not positive_definite(Balls.matrix([[arb(1), arb(1)], [arb(1), arb(1)]]), arb(0))


@cache
def honest(kind: str) -> Certificate:
    found = minimise(instance(kind), TWO, Budget(boxes=20_000), checked=False, convexity=False)
    assert found.certificate is not None and found.certificate.how == "tree"
    return found.certificate


def elsewhere(c: Certificate, lower: float, tree: bytes) -> Certificate:
    """At a point of larger value, no witness against the lower end: the tree alone can tell that it is false."""
    at = (fmpq(0),) * 2
    return replace(c, at=at, upper=float(value("one step", at).upper()) + 1e-6, lower=lower, tree=tree)


LIES = {
    "a lower end above the upper": lambda c: replace(c, lower=c.upper + 1e-3, upper=c.upper + 2e-3),
    "a lower end just above the minimum": lambda c: elsewhere(c, c.upper + 1e-9, c.tree),
    "a lower end above the minimum": lambda c: elsewhere(c, c.upper + 1e-3, c.tree),
    "an upper end below the value": lambda c: replace(c, upper=c.upper - 1e-6, lower=c.lower - 1e-3),
    "a truncated tree": lambda c: replace(c, tree=c.tree[:-1]),
    "no tree": lambda c: replace(c, tree=b""),
    "a tree with more": lambda c: replace(c, tree=c.tree + b"n"),
    "an unknown leaf": lambda c: replace(c, tree=c.tree[:-1] + b"z"),
    "half of the cube": lambda c: replace(c, half=c.half / 2),
    "a ball that is not the radius": lambda c: replace(c, ball=c.ball / 2, half=c.half / 2),
    "a point outside": lambda c: replace(c, at=(TWO, TWO), upper=1e9),
}  # fmt: skip


@pytest.mark.ci(every=8)
@pytest.mark.parametrize("name", LIES)
def test_lies_are_rejected(name: str) -> None:
    certificate = honest("one step")
    assert check(certificate).accepted
    assert not check(LIES[name](certificate)).accepted


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("leaf", [b"n", b"o", b"g", b"c", b"r"])
def test_the_lower_end_alone_makes_a_lie_of_one_leaf(leaf: bytes) -> None:
    """With a point of larger value, and a tree of one leaf that the checker must split: accepted, if it is true."""
    certificate = honest("one step")
    assert check(elsewhere(certificate, certificate.lower, certificate.tree)).accepted
    assert check(elsewhere(certificate, certificate.lower - 1e-2, leaf)).accepted
    refused = check(elsewhere(certificate, certificate.upper + 1e-3, leaf))
    assert not refused.accepted and "is not proved on the box" in refused.reason


def test_a_line_of_minimisers_is_not_proved_away() -> None:
    """The step annihilates the first coordinate: L = (3/16)^2 (t - 1)^2, and too many boxes are left to split."""
    tasks = tuple(Task(HALF, (Atom(x, y, ONE),)) for x, y in ((0, ONE), (1, HALF)))
    zero = (fmpq(0),) * 2
    one = MetaSLInstance(Loss("squared"), Gradient(ONE), ((ONE, fmpq(0)), (fmpq(0), HALF)), tasks, zero, zero, ONE)
    assert exact_value(one, zero).contains(arb(9) / 256) and exact_value(one, (-ONE, ONE)).contains(0)
    for lower, accepted in ((-1e-3, True), (1e-3, False)):
        found = check(Certificate(one, TWO, TWO, lower, 1.0, zero, half=TWO, tree=b"n"))
        assert found.accepted == accepted
    assert found.extra > 2000


def test_the_leaves_of_a_tree_cover_the_cube() -> None:
    """Areas add up to that of the cube, no two overlap, at every size of the parts that are unfolded."""
    tree = bytes([0, 1, *b"n", 0, *b"nn", 1, 0, *b"nn", *b"n"])
    (found,) = unfolded(tree, TWO, 2, lambda: None)
    boxes = [found.box(leaf) for leaf in range(len(found))]
    assert len(boxes) == 6
    assert sum((4 * h[0] * h[1] for _, h in boxes), fmpq(0)) == 16
    for a, (c, h) in enumerate(boxes):
        assert all(abs(x) + w <= 2 for x, w in zip(c, h, strict=True))
        for other, wide in boxes[:a]:
            assert any(abs(x - y) >= v + w for x, y, v, w in zip(c, other, h, wide, strict=True))
    centre, half, whole = found.floats()
    assert whole.all()
    assert [[rational(float(v)) for v in centre[:, j]] for j in range(6)] == [c for c, _ in boxes]
    assert [[rational(float(v)) for v in half[:, j]] for j in range(6)] == [h for _, h in boxes]
    # Halves of a third are no float64 numbers.
    (thirds,) = unfolded(tree, fmpq(1, 3), 2, lambda: None)
    assert not thirds.floats()[2].any()
    for bad in (tree[:-1], tree + b"n", b"", b"\x02", tree[:-1] + b"z"):
        with pytest.raises(TreeError):
            list(unfolded(bad, TWO, 2, lambda: None))


def test_the_proximal_point_of_boxes_is_enclosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Newton's method stops at once too: the centre's predictions are those of the exact adaptation."""
    one = instance("the proximal step")
    for steps in (leaves.NEWTON, 0):
        monkeypatch.setattr(leaves, "NEWTON", steps)
        with ctx.workprec(72), np.errstate(all="ignore"):
            model = Model(one)
            table = leaves.Table(model)
            theta = (HALF, -QUARTER)
            start = table.features @ MidRad(np.array([[0.5], [-0.25]]))
            found = table.proximal(start)
        with ctx.workprec(200):
            problem = Problem(one.canonical, Balls)
            for i, law in enumerate(problem.laws):
                z = problem.predictions(problem.adapt(law, problem.column(theta))[-1])
                for j, x in enumerate(model.tasks[i].used):
                    assert not outside(z[x], found.mid[i, j, 0], found.rad[i, j, 0])
        assert np.isfinite(found.rad[:, :2]).all()


def test_proximal_predictions_of_the_checker_are_enclosed() -> None:
    """In balls, of the first point and of one that starts where the last ended."""
    one = instance("the proximal step")
    with ctx.workprec(72):
        model = Model(one)
        found = [[task.proximal([arb(t) for t in theta], model.rate) for task in model.tasks]
                 for theta in ((HALF, QUARTER), (-ONE, TWO))]  # fmt: skip
    with ctx.workprec(300):
        problem = Problem(one.canonical, Balls)
        for theta, tasks in zip(((HALF, QUARTER), (-ONE, TWO)), found, strict=True):
            for law, task, values in zip(problem.laws, model.tasks, tasks, strict=True):
                z = problem.predictions(problem.adapt(law, problem.column(theta))[-1])
                assert all(value.contains(z[x]) for x, value in zip(task.used, values, strict=True))


def test_the_basis_is_orthogonal_and_spans() -> None:
    """Three features of rank 2 in three dimensions: two orthogonal vectors, of which each feature is a combination."""
    rows = ((ONE, HALF, ONE), (TWO, ONE, TWO), (ONE, -ONE, fmpq(3)))
    zero = (fmpq(0),) * 3
    found = basis(replace(instance("one step"), features=rows, omega=zero, comparator=zero))
    assert len(found) == 2

    def dot(a: tuple[fmpq, ...], b: tuple[fmpq, ...]) -> fmpq:
        return sum((u * v for u, v in zip(a, b, strict=True)), fmpq(0))

    assert dot(*found) == 0
    for row in rows:
        shares = [dot(row, b) / dot(b, b) for b in found]
        assert row == tuple(sum((s * b[j] for s, b in zip(shares, found, strict=True)), fmpq(0)) for j in range(3))


def test_a_search_that_is_cut_short_says_so() -> None:
    for boxes in (1, 9):
        found = minimise(instance("a large step"), fmpq(4), Budget(boxes=boxes), checked=False, convexity=False)
        assert not found.narrow and "boxes" in found.why
        assert found.lower < found.upper


def test_what_the_checker_refuses_is_not_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    one = instance("one step")
    assert minimise(one, TWO).status == "certified"
    assert minimise(one, TWO, checked=False).status == "bracketed"
    monkeypatch.setattr(optimum, "check", lambda certificate, **more: Check(False, "no"))
    refused = minimise(one, TWO)
    assert refused.status != "certified" and not refused.proved and refused.sure == -np.inf


@pytest.mark.parametrize("kind", ["one step", "Poisson"])
def test_the_upper_end_is_attained(kind: str) -> None:
    """L at the point of the certificate, at 300 bits, is at most the upper end, and hardly less."""
    certificate = minimise(instance(kind), TWO, Budget(boxes=20_000), checked=False, convexity=False).certificate
    assert certificate is not None
    with ctx.workprec(300):
        found = exact_value(instance(kind), tuple(certificate.at), 300)
        assert not found > rational(certificate.upper)
        assert float(rational(certificate.upper) - found) < 1e-12


def test_a_headline_rests_on_what_is_proved() -> None:
    """Without a checker no lower end is proved, and nothing follows from it."""
    one = replace(instance("one step"), omega=(ONE, ONE))
    believed, checked = (judge_headline(one, minimise(one, TWO, checked=asked)).judged for asked in (False, True))
    assert believed.verdict is Verdict.UNDECIDED
    assert checked.verdict is Verdict.PROVED


def test_convex_leaves_fall_with_the_slope() -> None:
    """A small box down the slope from the point of the certificate: convexity proves what lies below it, no more."""
    kind = "one step"
    slope = np.array([float(g) for g in gradient(kind, (fmpq(0),) * 2)])
    centre, half = (-slope / 64 / np.linalg.norm(slope))[:, None], np.full((2, 1), 2.0**-14)
    box = [[rational(float(v)) for v in side[:, 0]] for side in (centre, half)]
    there = float(value(kind, tuple(box[0])))  # type: ignore[arg-type]
    with ctx.workprec(72):
        for lower, holds in ((there - 1e-3, True), (there + 1e-9, False)):
            found, checker = prover(kind, TWO, lower)
            with np.errstate(all="ignore"):
                assert found._convex(leaves.Boxes(found.table, centre, half))[0] == holds
            assert checker._convex(*box) == holds
