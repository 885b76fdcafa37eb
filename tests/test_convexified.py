"""Bounds by convexity (leaf r): what they rest on holds, by hand and at many points, for search and checker alike."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Array, Balls, bounds, rational
from metagap.impl.losses import Loss
from metagap.impl.midrad import MidRad
from metagap.impl.optimum import Budget, check, minimise, relaxed, relaxed_box, relaxing
from metagap.impl.optimum.boxes import Box, Model
from metagap.impl.optimum.certificate import Certificate, loads
from metagap.impl.optimum.check import Checker
from metagap.impl.optimum.convexified import bounds_by_convexity
from metagap.impl.optimum.convexified import hessian_floor as proposed_floor
from metagap.impl.optimum.landscape import Landscape
from metagap.impl.optimum.leaves import Boxes, Table
from metagap.impl.optimum.prover import Prover, _positive_definite
from metagap.impl.optimum.reach import over
from metagap.impl.optimum.relaxed import Relaxed, hessian_floor
from metagap.impl.optimum.relaxed_box import at_least
from metagap.impl.optimum.relaxed_box import hessian_floor as floor_in_balls
from metagap.impl.supervised import taylor
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task
from metagap.impl.supervised.maml import Problem

SEARCH = sys.modules["metagap.impl.optimum.search"]
ONE, HALF = fmpq(1), fmpq(1, 2)
KINDS = {
    "one step": (Loss("log-cosh"), Gradient(ONE)),
    "two steps": (Loss("pseudo-huber", ONE), Gradient(HALF, 2)),
    "three steps": (Loss("logistic"), Gradient(fmpq(2), 3)),
}


def instance(kind: str, dimension: int) -> MetaSLInstance:
    """Tasks of one and two points: fewer than dimensions if these are three, else as many or more."""
    loss, adaptation = KINDS[kind]
    rows = tuple(tuple(map(fmpq, row[:dimension])) for row in ((1, 1, -1), (2, -1, 1), (-1, 1, 2)))
    tasks = (
        Task(fmpq(1, 4), (Atom(0, ONE, 1 - HALF / 2), Atom(0, -ONE, HALF / 2))),
        Task(fmpq(3, 4), (Atom(1, -ONE, HALF), Atom(2, ONE, HALF))),
    )
    zero = (fmpq(0),) * dimension
    return MetaSLInstance(loss, adaptation, rows, tasks, zero, zero, ONE)


def exactly(side: Array) -> list[fmpq]:
    return [rational(float(v)) for v in side]


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_floors_of_the_hessian_are_below_it(kind: str, dimension: int) -> None:
    """v'Hv >= v'Mv at corners and centres of boxes, in several directions; and at a point they are equal."""
    rng, one, count = np.random.default_rng(3), instance(kind, dimension), 5
    centre = rng.integers(-8, 9, (dimension, count)) / 8
    half = 2.0 ** -rng.integers(1, 6, (1, count)) * np.ones((dimension, 1))
    half[:, 0] = 2.0**-40
    scape = Landscape(one)
    with ctx.workprec(96), np.errstate(all="ignore"):
        model = Model(one)
        many = hessian_floor(Boxes(Table(model), centre, half))
        floats = proposed_floor(scape, over(scape, centre.T.copy(), half.T.copy()).path)
        for b in range(count):
            single = floor_in_balls(Box(model, exactly(centre[:, b]), exactly(half[:, b])))
            for sign in rng.choice([-1.0, 0.0, 1.0], (3, dimension)):
                here = replace(one, omega=tuple(exactly(centre[:, b] + sign * half[:, b])))
                for direction in rng.integers(-2, 3, (3, dimension)):
                    if not direction.any():
                        continue
                    v = direction.astype(float)
                    bend = taylor.curvature(Problem(here, Balls), [arb(w) for w in direction.tolist()]) * float(v @ v)
                    low, high = bounds(bend)
                    noise = 1e-12 * (abs(low) + float(v @ np.abs(many.mid[..., b]) @ v) + 1)
                    least = float(v @ many.mid[..., b] @ v) - float(np.abs(v) @ many.rad[..., b] @ np.abs(v))
                    pairs = [(i, j) for i in range(dimension) for j in range(dimension)]
                    form = (single[i, j] * int(direction[i] * direction[j]) for i, j in pairs)
                    in_balls = bounds(sum(form, start=arb(0)))
                    assert max(least, float(v @ floats[b] @ v), in_balls[0]) <= high + noise
                    if b == 0:
                        assert min(least, float(v @ floats[b] @ v), in_balls[0]) >= low - 1e-8 * (1 + abs(low))


def cubic(step: fmpq) -> MetaSLInstance:
    """One task, one point, one dimension, label 0: z' = z - step (z + z^3), L = z'^2/2 + z'^4/4."""
    zero = (fmpq(0),)
    return MetaSLInstance(
        Loss("quartic", fmpq(1, 4)), Gradient(step), ((ONE,),), (Task(ONE, (Atom(0, fmpq(0), ONE),)),), zero, zero, ONE
    )


def risk(step: float, z: float) -> float:
    t = z - step * (z + z**3)
    return t**2 / 2 + t**4 / 4


@pytest.mark.parametrize(("step", "centre", "width", "loss"), [(ONE, ONE, 6, 0.0), (HALF, fmpq(37, 64), 4, 0.7)])
def test_bounds_by_hand(step: fmpq, centre: fmpq, width: int, loss: float) -> None:
    """Step 1: L = z^6/2 + z^12/4 is convex, L'' = 15 z^4 + 33 z^10: its value at the left end is proved.

    Step 1/2: around the local maximum at 3^(-1/2), L'' = -0.3457...; what is lost is at most 0.7 r^2 (e r^2/2, twice).
    """
    one, half = cubic(step), fmpq(1, 2**width)
    c, r, s = (float(int(v.p)) / int(v.q) for v in (centre, half, step))
    least = min(risk(s, c - r), risk(s, c + r))
    with ctx.workprec(96), np.errstate(all="ignore"):
        model = Model(one)
        if step == 1:
            floor = floor_in_balls(Box(model, [centre], [fmpq(0)]))
            assert floor[0, 0].contains(48) and float(floor[0, 0].rad()) < 1e-12
            wide = Boxes(Table(model), np.array([[c]]), np.array([[r]]))
            bend = 15 * (c - r) ** 4 + 33 * (c - r) ** 10
            assert hessian_floor(wide).high[0, 0, 0] < bend
            assert floor_in_balls(Box(model, [centre], [half]))[0, 0] < bend
        boxes = Boxes(Table(model), np.array([[c]]), np.array([[r]]))
        relaxed = Relaxed(boxes, MidRad(16.0))
        bound = float(relaxed.bound()[0])
        assert _positive_definite(relaxed.hessian * boxes.r[:, None] * boxes.r, MidRad(0.0))[0]
        for lower, holds in ((least - loss * r * r - 1e-9, True), (least + 1e-12, False)):
            assert (bound >= lower) == holds
            assert at_least(Box(model, [centre], [half]), [centre], [half], fmpq(4), arb(lower)) == holds


def test_what_is_not_convex_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Around the local maximum the tangents lie above L: with e = 0 proposed, the Hessian alone tells that."""
    one, centre, half, ball = cubic(HALF), fmpq(37, 64), fmpq(1, 16), fmpq(4)
    lower = min(risk(0.5, 33 / 64), risk(0.5, 41 / 64)) + 1e-4
    honest = relaxing.relaxation

    def flat(floor: Array, *rest: Array) -> relaxing.Relaxation:
        return replace(honest(floor, *rest), e=np.zeros((1, 1)), bend=np.ones((1, 1, 1)))

    for module in (relaxed, relaxed_box):
        monkeypatch.setattr(module, "relaxation", flat)
    with ctx.workprec(96), np.errstate(all="ignore"):
        checker = Checker(Certificate(one, ball, ball, lower, 1.0, (fmpq(0),), half=ball, tree=b"r"), print, None)
        prover = Prover(checker.model, ball, lower, (fmpq(0),), checker.tilt, checker.base, checker.multiplier)
        boxes = Boxes(prover.table, np.array([[37 / 64]]), np.array([[1 / 16]]))
        assert Relaxed(boxes, prover.square).bound()[0] > lower
        box = Box(checker.model, [centre], [half])
        assert not prover._convexified(boxes)[0] and not at_least(box, [centre], [half], ball, checker.lower)


def test_a_saddle_on_the_sphere_by_hand() -> None:
    """L = (f(x) + f(y))/2, f of step 1/2, in the ball of radius 3/4: at (3/4, 0) f falls outwards and is concave.

    f' = -0.0579, f'' = -0.2514; in y f'' is 1/4: a minimum of the sphere near by, of value f(3/4)/2.
    """
    tasks = tuple(Task(HALF, (Atom(x, fmpq(0), ONE),)) for x in (0, 1))
    rows, zero = ((ONE, fmpq(0)), (fmpq(0), ONE)), (fmpq(0),) * 2
    one = MetaSLInstance(Loss("quartic", fmpq(1, 4)), Gradient(HALF), rows, tasks, zero, zero, ONE)
    ball, value = fmpq(3, 4), risk(0.5, 0.75) / 2
    centre, half = [ball, fmpq(0)], [fmpq(1, 32)] * 2
    with ctx.workprec(96), np.errstate(all="ignore"):
        model = Model(one)
        boxes = Boxes(Table(model), np.array([[0.75], [0.0]]), np.full((2, 1), 1 / 32))
        found = Relaxed(boxes, MidRad(9 / 16))
        assert _positive_definite(found.hessian * boxes.r[:, None] * boxes.r, MidRad(0.0))[0]
        assert value - 1e-4 <= found.bound()[0] <= value + 1e-15
        for lower, holds in ((value - 1e-4, True), (value + 1e-12, False)):
            assert at_least(Box(model, centre, half), centre, half, ball, arb(lower)) == holds


@cache
def around_the_sphere(kind: str) -> tuple[MetaSLInstance, Array, Array, Array]:
    """Boxes (2, N) that meet the unit sphere, and the least of L at many points of each in the ball (N,)."""
    one, rng, count = instance(kind, 2), np.random.default_rng(11), 60
    angle = rng.uniform(0, 2 * np.pi, count)
    half = 2.0 ** -rng.integers(2, 7, (1, count)) * np.ones((2, 1))
    centre = np.round(np.stack([np.cos(angle), np.sin(angle)]) * 64) / 64
    scape, least, grid = Landscape(one), np.full(count, np.inf), np.linspace(-1, 1, 33)
    offsets = np.stack([v.ravel() for v in np.meshgrid(grid, grid)])
    for b in range(count):
        points = (centre[:, b : b + 1] + half[:, b : b + 1] * offsets).T
        edge = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1.0)
        points = np.concatenate([points, edge])
        inside = (np.linalg.norm(points, axis=1) <= 1) & (
            np.abs(points.T - centre[:, b : b + 1]) <= half[:, b : b + 1]
        ).all(0)
        if inside.any():
            least[b] = scape.value(points[inside]).min()
    return one, centre, half, least


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_on_the_sphere_are_below_all_values_and_close(kind: str) -> None:
    """As many values as float64 has them, at 2,178 points of each box; most bounds are closer than the box is wide."""
    one, centre, half, least = around_the_sphere(kind)
    scape, near = Landscape(one), 0
    with ctx.workprec(72), np.errstate(all="ignore"):
        model = Model(one)
        boxes = Boxes(Table(model), centre, half)
        relaxed = Relaxed(boxes, MidRad(1.0))
        known = _positive_definite(relaxed.hessian * boxes.r[:, None] * boxes.r, MidRad(0.0))
        found = relaxed.bound()
        box = over(scape, centre.T.copy(), half.T.copy())
        by_search = bounds_by_convexity(
            scape, box.path, centre.T.copy(), half.T.copy(), box.gradient[0], 1.0, np.zeros(len(least), dtype=bool)
        )
        for b in np.flatnonzero(np.isfinite(least)):
            assert known[b] and found[b] <= least[b] + 1e-12 and by_search[b] <= least[b] + 1e-12
            near += bool(
                found[b] >= least[b] - 16 * half[0, b] ** 2 and by_search[b] >= least[b] - 16 * half[0, b] ** 2
            )
            sides = exactly(centre[:, b]), exactly(half[:, b])
            if b % 6 == 0:
                for lower, holds in ((least[b] + 1e-12, False), (found[b] - half[0, b] ** 2, True)):
                    assert at_least(Box(model, *sides), *sides, ONE, arb(float(lower))) == holds
    assert near > np.isfinite(least).sum() * 3 // 4


@pytest.mark.ci
@pytest.mark.parametrize("kind", KINDS)
def test_trees_with_convexified_leaves_are_proved_and_not_above_the_minimum(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search uses such leaves from the first box on; its file is of format 3; the same tree of format 1 is read."""
    monkeypatch.setattr(SEARCH, "PATIENCE", 0)
    found = minimise(instance(kind, 3), HALF, Budget(boxes=200_000), convexity=False)
    certificate = found.certificate
    assert found.certified and certificate is not None and b"r" in certificate.tree
    text = certificate.dumps()
    assert '"metagap/certificate/3"' in text and loads(text).tree == certificate.tree
    assert loads(text.replace("certificate/3", "certificate/1")).tree == certificate.tree
    lie = replace(certificate, lower=found.upper + 1e-4, upper=found.upper + 1, at=(fmpq(0),) * 3)
    with ctx.workprec(72):
        value = Box(Model(certificate.instance), list(lie.at), [fmpq(0)] * 3).at_centre
        assert value > arb(lie.lower)
    refused = check(replace(lie, upper=bounds(value)[1] + 1e-6))
    assert not refused.accepted and "is not proved on the box" in refused.reason


@pytest.mark.ci
def test_searches_with_convexified_leaves_are_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways the same minimum, in fewer boxes."""
    one, found = instance("one step", 3), {}
    for patience in (0, 10**9):
        monkeypatch.setattr(SEARCH, "PATIENCE", patience)
        found[patience] = minimise(one, fmpq(4), Budget(boxes=200_000), checked=False, convexity=False)
    assert found[0].boxes < found[10**9].boxes
    assert max(v.lower for v in found.values()) <= min(v.upper for v in found.values())


@pytest.mark.ci
def test_one_leaf_is_split_until_it_is_proved() -> None:
    """The tree says r of the whole cube: the checker splits it, and proves what is true alone."""
    one = instance("one step", 2)
    found = minimise(one, ONE, Budget(boxes=50_000), convexity=False)
    assert found.certificate is not None
    for lower, accepted in ((found.lower - 1e-2, True), (found.upper + 1e-3, False)):
        value = 10.0
        certificate = Certificate(one, ONE, ONE, lower, value, (fmpq(0),) * 2, half=ONE, tree=b"r")
        assert check(certificate).accepted == accepted
