"""The checker: lower ends of every kind are proved by it alone, and what is not true is not accepted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, bounds, rational
from metagap.impl.bracket import Check
from metagap.impl.loss_ranges import LossRanges
from metagap.impl.losses import Loss
from metagap.impl.midrad import MidRad
from metagap.impl.optimum import Budget, check, minimise
from metagap.impl.optimum import tree as trees
from metagap.impl.optimum.boxes import PRECISION, Box, Model
from metagap.impl.optimum.certificate import Certificate, _deeper, basis, load, loads
from metagap.impl.optimum.exact import exact_value, functional_bound, own_risk_bound, squared_minimum
from metagap.impl.optimum.leaves import Boxes, Table
from metagap.impl.optimum.tree import TreeError, leaves
from metagap.impl.supervised import taylor
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.impl.supervised.maml import Problem
from metagap.reports.bench.optimum import STEPS, landscape_instance

FOUR = fmpq(4)
FAR = fmpq(10) ** 9


def exactly(instance: MetaSLInstance) -> Certificate:
    """An honest certificate by the exact minimum, its upper end at 0."""
    least, theta = squared_minimum(instance)
    upper = bounds(exact_value(instance, (fmpq(0),) * instance.dimension))[1]
    at = (fmpq(0),) * len(basis(instance))
    return Certificate(instance, None, FAR, bounds(arb(least))[0], upper, at, how="exact", stationary=theta)


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("adaptation", [Gradient(fmpq(1, 4)), Gradient(fmpq(-1, 3), 5), Implicit(fmpq(2, 7))])
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_exact_ends_are_proved_and_no_others(adaptation: Gradient | Implicit, dimension: int) -> None:
    for seed in range(4):
        instance = replace(landscape_instance("squared", dimension, seed), adaptation=adaptation)
        honest = exactly(instance)
        assert check(honest).accepted, check(honest).reason
        assert loads(honest.dumps()) == replace(honest, instance=instance.canonical)
        bent = tuple(v + fmpq(1, 10**40) for v in honest.stationary)
        room = 1e-9 * max(abs(honest.lower), 1e-3)
        for lie in (
            replace(honest, stationary=bent),
            replace(honest, stationary=honest.stationary[:-1]),
            replace(honest, lower=honest.lower + room),
            replace(honest, upper=honest.lower - room),
            replace(honest, instance=landscape_instance("log-cosh", dimension, seed)),
            replace(honest, instance=replace(instance, features=tuple(r[::-1] for r in instance.features[::-1]))),
        ):
            assert lie == honest or not check(lie).accepted


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("loss", ["squared", "quartic", "logistic", "log-cosh", "pseudo-huber", "huber", "poisson"])
def test_floors_are_proved_and_no_others(loss: str) -> None:
    for seed in range(4):
        instance = landscape_instance(loss, 2, seed)
        upper = bounds(exact_value(instance, (fmpq(0),) * 2))[1]
        at = (fmpq(0),) * len(basis(instance))
        best = max(bounds(b)[0] for b in (functional_bound(instance), own_risk_bound(instance, FOUR)))
        honest = Certificate(instance, FOUR, FOUR, best - 1e-12, upper, at, how="floor")
        assert check(honest).accepted, check(honest).reason
        assert loads(honest.dumps()) == replace(honest, instance=instance.canonical)
        lie = replace(honest, lower=best + 1e-9 * max(abs(best), 1e-3))
        assert not check(lie).accepted
        # Over all parameters functions alone count, unless no minimiser lies outside the ball.
        everywhere = replace(honest, radius=None, ball=fmpq(1, 1000), lower=bounds(functional_bound(instance))[0])
        assert check(replace(everywhere, lower=everywhere.lower - 1e-12)).accepted
        if best > everywhere.lower + 1e-6:
            assert not check(replace(everywhere, lower=best - 1e-12)).accepted


def test_losses_that_are_not_convex_have_the_floor_0() -> None:
    instance = landscape_instance("quartic", 1, 0)
    wells = replace(instance, loss=type(instance.loss)("double-well"))
    claim = Certificate(wells, FOUR, FOUR, 0.0, 1e9, (fmpq(0),), how="floor")
    assert check(claim).accepted
    assert not check(replace(claim, lower=5e-324)).accepted


@pytest.mark.parametrize("how", ["tree", "exact", "floor"])
def test_steps_with_weight_decay_are_refused_in_words_where_they_do_nothing_else(how: Any) -> None:
    instance = landscape_instance("squared" if how == "exact" else "log-cosh", 1, 0)
    claim = Certificate(
        instance, FOUR, FOUR, 0.0, 1e9, (fmpq(0),), how=how, half=FOUR, tree=b"n", stationary=(fmpq(0),)
    )
    decaying = replace(claim, instance=replace(instance, adaptation=Gradient(fmpq(1, 4), decay=fmpq(1, 2))))
    assert check(decaying) == Check(False, "steps with weight decay are proved by convexity alone")
    still = replace(claim, lower=-1.0, instance=replace(instance, adaptation=Gradient(fmpq(0), decay=fmpq(1, 2))))
    assert check(still).accepted == (how != "exact"), "without steps there is nothing to decay"


def test_a_deadline_that_is_over_accepts_nothing() -> None:
    squared = exactly(landscape_instance("squared", 2, 0))
    for claim in (squared, replace(squared, how="floor", lower=1e-9)):
        outcome = check(claim, deadline=time.monotonic())
        assert not outcome.accepted
        assert outcome.reason == "out of time"
        assert check(squared, deadline=time.monotonic() + 60).accepted


# --- trees -----------------------------------------------------------------------------------------------------

LOSSES = ("squared", "quartic", "logistic", "log-cosh", "pseudo-huber", "huber", "poisson", "exponential")
ADAPTATIONS = (Gradient(fmpq(1, 4)), Gradient(fmpq(-1, 8), 2), Gradient(fmpq(1, 16), 3), Implicit(fmpq(3)))


def folded(tree: bytes, root: fmpq, dimension: int) -> dict[tuple[tuple[fmpq, ...], tuple[fmpq, ...]], int]:
    """The leaves of a tree by recursion: (centre, half) to letter."""
    found, place = {}, 0

    def descend(centre: tuple[fmpq, ...], half: tuple[fmpq, ...]) -> None:
        nonlocal place
        byte = tree[place]
        place += 1
        if byte >= dimension:
            found[centre, half] = byte
            return
        width = half[byte] / 2
        for side in (-1, 1):
            moved = tuple(c + side * width if j == byte else c for j, c in enumerate(centre))
            descend(moved, tuple(width if j == byte else h for j, h in enumerate(half)))

    descend((fmpq(0),) * dimension, (root,) * dimension)
    assert place == len(tree)
    return found


def grown(rng: np.random.Generator, dimension: int, count: int) -> bytes:
    """A random tree in preorder, of about `count` nodes."""
    tree, waiting = bytearray(), 1
    while waiting:
        split = len(tree) < count and rng.random() < 0.6
        tree.append(int(rng.integers(dimension)) if split else int(rng.choice(list(b"onmgkcr"))))
        waiting += 1 if split else -1
    return bytes(tree)


@pytest.mark.ci(every=12)
@pytest.mark.parametrize("part", [1, 2, 7, 1 << 16])
@pytest.mark.parametrize("root", [fmpq(4), fmpq(1, 3), fmpq(17, 16)])
def test_trees_unfold_to_their_leaves(part: int, root: fmpq, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in parts, which leave boxes open; floats are exact where they say so."""
    monkeypatch.setattr(trees, "PART", part)
    rng = np.random.default_rng(0)
    for _ in range(60):
        dimension = int(rng.integers(1, 4))
        tree = grown(rng, dimension, int(rng.integers(1, 80)))
        expected, found = folded(tree, root, dimension), {}
        for some in leaves(tree, root, dimension, lambda: None):
            centre, half, exact = some.floats()
            assert not len(some) or exact.all() == (root != fmpq(1, 3))
            for leaf in range(len(some)):
                box = tuple(map(tuple, some.box(leaf)))
                found[box] = int(some.letter[leaf])
                if exact[leaf]:
                    assert [rational(v) for v in centre[:, leaf].tolist()] == list(box[0])
                    assert [rational(v) for v in half[:, leaf].tolist()] == list(box[1])
        assert found == expected
        for bad in (tree[:-1], tree + b"n", tree[: len(tree) // 2] + b"x" + tree[len(tree) // 2 :]):
            with pytest.raises(TreeError):
                list(leaves(bad, root, dimension, lambda: None))


def test_boxes_beyond_53_bits_are_left_to_the_balls() -> None:
    """60 halvings towards 1/3 of the side: the centre has more bits than a float64."""
    path = [0, 1] * 30
    tree = b"".join(b"\0n" if second else b"\0" for second in path) + b"n" + b"n" * path.count(0)
    (some,) = leaves(tree, fmpq(1), 1, lambda: None)
    _, _, exact = some.floats()
    assert 0 < (~exact).sum() < len(exact)
    assert {tuple(map(tuple, some.box(leaf))) for leaf in range(len(some))} == set(folded(tree, fmpq(1), 1))


def test_a_tree_is_read_no_further_than_it_is_too_deep() -> None:
    def endless() -> Iterator[int]:
        yield from bytes(4)
        pytest.fail("64 MiB of splits are a few bytes of a file")

    assert _deeper(endless(), 3)
    assert _deeper(b"\1n\0nn", 1) and not _deeper(b"\1n\0nn", 2)
    assert not _deeper(b"n\0\0", 0), "what follows a whole tree is refused by the checker"


@pytest.mark.parametrize("byte", [b"\0", b"\0n"])
def test_trees_that_are_too_fine_are_refused_at_once(byte: bytes) -> None:
    begin = time.monotonic()
    with pytest.raises(TreeError, match="finer"):
        list(leaves(byte * 60_000 + b"n" * 60_001, fmpq(1), 1, lambda: None))
    assert time.monotonic() - begin < 5


def random_boxes(rng: np.random.Generator, count: int, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    centre = rng.integers(-64, 65, (dimension, count)) / 32
    return centre, 2.0 ** -rng.integers(-1, 24, (1, count)) * rng.integers(0, 5, (dimension, count))


def strays(instance: MetaSLInstance, seed: int, count: int) -> tuple[int, int]:
    """How many values, slopes and curvatures at points of boxes escape the enclosures; how many were finite."""
    rng = np.random.default_rng(seed)
    outside = usable = 0
    with ctx.workprec(160), np.errstate(all="ignore"):
        model = Model(instance)
        d = model.dimension
        if d < instance.dimension:
            return 0, 0
        centre, half = random_boxes(rng, count, d)
        both = Boxes(Table(model), centre, half, second=model.smooth and model.steps != 0)
        natural, mean, slope = both.natural, both.mean_value, both.gradient
        bent = both.hessian() if both.second else None
        for b in range(count):
            point = [
                rational(c) + rational(r) * int(rng.integers(-4, 5)) / 4
                for c, r in zip(centre[:, b], half[:, b], strict=True)
            ]
            # Reduced coordinates are those of the instance where its basis is the unit vectors.
            here = Problem(replace(instance, omega=tuple(point)).canonical, Balls)
            value = here.meta_objective(here.omega)
            usable += bool(np.isfinite(natural[b]) and np.isfinite(slope.low[:, b]).all())
            outside += bool(value < float(natural[b])) if np.isfinite(natural[b]) else 0
            outside += bool(value < float(mean[b])) if np.isfinite(mean[b]) else 0
            for j, g in enumerate(taylor.gradient(here)):
                if np.isfinite(slope.low[j, b]) and np.isfinite(slope.high[j, b]):
                    outside += bool(g < float(slope.low[j, b]) or g > float(slope.high[j, b]))
            if bent is not None and b % 4 == 0:
                direction = rng.integers(1, 4, d)
                pair = MidRad((direction[:, None] * direction)[..., None].astype(float))
                curved = (bent * pair).sum((0, 1))
                exact = taylor.curvature(here, [arb(int(v)) for v in direction]) * int(direction @ direction)
                if np.isfinite(curved.low[b]) and np.isfinite(curved.high[b]):
                    outside += bool(exact < float(curved.low[b]) or exact > float(curved.high[b]))
    return outside, usable


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("adaptation", ADAPTATIONS)
@pytest.mark.parametrize("loss", [*LOSSES, "double-well", "geman-mcclure"])
def test_batched_enclosures_contain(loss: str, adaptation: Gradient | Implicit, effort: int) -> None:
    usable = 0
    for seed in range(2 * effort):
        example = landscape_instance(loss if loss in STEPS else "log-cosh", 1 + seed % 3, seed)
        instance = replace(example, loss=Loss(loss, example.loss.parameter), adaptation=adaptation)
        if isinstance(adaptation, Implicit) and not (instance.loss.profile.convex and not instance.loss.profile.joints):
            return
        outside, finite = strays(instance, seed, 12)
        assert outside == 0
        usable += finite
    assert usable > 0


@pytest.mark.ci(every=2)
@pytest.mark.parametrize(
    ("owner", "name", "wrong"),
    [
        (Boxes, "_fall", lambda self, rows: 0.0),
        (MidRad, "within", lambda self, radius: self),
        (LossRanges, "_turning", lambda self, order: []),
        (MidRad, "between", staticmethod(lambda low, high: MidRad(low))),
    ],
)
def test_wrong_enclosures_are_noticed(owner: type, name: str, wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, name, wrong)
    assert sum(strays(landscape_instance("log-cosh", 2, seed), seed, 40)[0] for seed in range(4)) > 0


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("adaptation", ADAPTATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_batches_and_balls_agree(loss: str, adaptation: Gradient | Implicit, effort: int) -> None:
    """The same formulas in other numbers: enclosures overlap, and none is much wider."""
    rng = np.random.default_rng(5)
    for seed in range(effort):
        instance = replace(landscape_instance(loss, 2, seed), adaptation=adaptation)
        if isinstance(adaptation, Implicit) and instance.loss.profile.joints:
            return
        with ctx.workprec(PRECISION), np.errstate(all="ignore"):
            model = Model(instance)
            centre, half = random_boxes(rng, 20, model.dimension)
            half = np.minimum(half, 0.25)
            many = Boxes(Table(model), centre, half)
            for b in range(20):
                one = Box(model, [rational(v) for v in centre[:, b]], [rational(v) for v in half[:, b]])
                # Radii of balls have 30 bits: there the batch is the sharper.
                scale = 1e-7 * (1 + float(one.at_centre.abs_upper()))
                if not (one.natural.is_finite() and np.isfinite(many.natural[b])):
                    continue
                assert many.natural[b] >= float(one.natural.lower()) - scale
                for j, g in enumerate(one.gradient):
                    low, high = bounds(g)
                    assert many.gradient.low[j, b] <= high
                    assert many.gradient.high[j, b] >= low
                    if np.isfinite([low, high]).all():
                        room = 1e-7 * (1 + abs(low) + abs(high)) + 0.3 * (high - low)
                        assert low - room <= many.gradient.low[j, b]
                        assert many.gradient.high[j, b] <= high + room


@pytest.mark.ci(every=20)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dimension", [1, 2])
def test_tampered_certificates_are_refused_or_true(loss: str, dimension: int) -> None:
    ball = fmpq(1) if loss in ("poisson", "exponential") else FOUR
    rng = np.random.default_rng(3)
    instance = landscape_instance(loss, dimension, 2)
    honest = minimise(instance, ball, Budget(boxes=4000), checked=False, convexity=False).certificate
    assert honest is not None
    size = max(abs(honest.upper), 1e-3)
    if honest.how == "exact":  # a convex quadratic needs no search; one convex leaf shows the same
        honest = replace(honest, how="tree", stationary=(), half=ball, tree=b"c", lower=honest.upper - 1e-6 * size)
    assert check(honest).accepted, check(honest).reason
    tree, d = honest.tree, dimension
    place = int(rng.integers(len(tree)))
    never = {
        "lower raised": replace(honest, lower=honest.upper + 1e-9 * size),
        "upper below": replace(honest, upper=honest.lower - 1e-9 * size),
        "a node skipped": replace(honest, tree=tree[:place] + tree[place + 1 :]),
        "truncated": replace(honest, tree=tree[: len(tree) // 2]),
        "longer": replace(honest, tree=tree + b"n"),
        "outside the ball": replace(honest, at=(ball * 2,) * d),
        "half shrunk": replace(honest, half=honest.half / 2),
        "radius changed": replace(honest, radius=ball * 2),
    }
    for name, lie in never.items():
        assert not check(lie).accepted, name
    letters = [i for i, byte in enumerate(tree) if byte >= d]
    for _ in range(3):
        i, letter = int(rng.choice(letters)), int(rng.choice(list(b"onmgkcr")))
        outcome = check(replace(honest, tree=tree[:i] + bytes([letter]) + tree[i + 1 :]))
        # Another reason to begin with: what the leaf holds is the same.
        assert outcome.accepted
    for letter in b"onmgkcr":
        # One leaf is split on until it is proved, whatever it says: the claim is true.
        assert check(replace(honest, tree=bytes([letter]))).accepted or d > 1
    rows = tuple(tuple(v + fmpq(int(rng.integers(-2, 3)), 4) for v in row) for row in instance.features)
    for other in (
        replace(honest, instance=replace(instance, features=rows)),
        replace(honest, half=honest.half * 2),
        replace(honest, radius=ball * 2, ball=ball * 2, half=honest.half * 2),
        replace(honest, at=tuple(v * fmpq(99, 100) for v in honest.at)),
        replace(honest, lower=honest.lower + 1e-9 * size),
    ):
        if check(other).accepted:
            assert other.radius is not None
            truth = minimise(other.instance, other.radius, Budget(boxes=4000), checked=False)
            assert other.lower <= truth.upper
            assert truth.lower <= other.upper


@pytest.mark.ci
def test_a_false_certificate_of_ill_scaled_features_is_rejected() -> None:
    """Columns of 1e14 that nearly cancel misled the search: a point of the ball is below what it believed."""
    claim = load(Path(__file__).parent / "certificates" / "huber_false.json")
    below = tuple(fmpq(v, 2**55) for v in (23572798964347059, 4287908742236291, -13930353853291469, -13930353853291469))
    assert sum((v * v for v in below), start=fmpq(0)) <= claim.ball**2
    value = exact_value(claim.instance, below)
    assert value < claim.lower
    for lower in (claim.lower, claim.lower - 1e-6, bounds(value)[1] + 1e-12):
        assert not check(replace(claim, lower=lower), deadline=time.monotonic() + 10).accepted
