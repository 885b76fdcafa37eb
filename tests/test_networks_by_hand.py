"""Networks whose weights, distances, counts and features are known exactly: what float64 and balls say encloses it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, rational
from metagap.impl.losses import Loss
from metagap.impl.models import flips
from metagap.impl.models.weights import Inputs, Weights, row_distances, signs, squared_distance
from metagap.impl.optimum.networks.floor import Centre, NotConvexError, ball_floor, reach
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, SmoothInstance, Task
from metagap.impl.supervised.relu.problem import NetworkProblem
from metagap.impl.supervised.relu.quantities import NetworkQuantities
from metagap.impl.supervised.smooth.quantities import SmoothQuantities

ZERO, ONE, HALF = fmpq(0), fmpq(1), fmpq(1, 2)
STILL, SQUARED = Gradient(ZERO), Loss("squared")


def network(
    weights: list[list[fmpq]], inputs: list[list[fmpq]], labels: list[fmpq], functions: list[fmpq], *,
    start: list[list[fmpq]] | None = None, outputs: tuple[int, ...] | None = None, step: Gradient = STILL,
    loss: Loss = SQUARED, radius: fmpq = ONE,
) -> NetworkInstance:  # fmt: skip
    """One task, a label per input, equal masses."""
    atoms = tuple(Atom(x, y, fmpq(1, len(labels))) for x, y in enumerate(labels))
    rows, first = Weights.of([tuple(w) for w in weights]), Weights.of([tuple(w) for w in start or weights])
    return NetworkInstance(
        loss, step, tuple(tuple(x) for x in inputs), (Task(ONE, atoms),), outputs or (1,) * len(weights), first, rows,
        Functions((tuple(functions),)), radius,
    )  # fmt: skip


def test_one_weight_that_is_no_float_counts() -> None:
    """Sums, products and distances of weights are exact, thirds and limbs of all sizes included."""
    rng = np.random.default_rng(3)
    rows = [[fmpq(int(v), 3) * fmpq(2) ** int(e) for v, e in zip(*pair, strict=True)]
            for pair in zip(rng.integers(-9, 10, (5, 2)), rng.integers(-70, 70, (5, 2)), strict=True)]  # fmt: skip
    one, other = (
        Weights.of([tuple(r) for r in rows]),
        Weights(rng.standard_normal((5, 2)) * 2.0 ** rng.integers(-60, 60, (5, 2))),
    )
    for weights in (one, other):
        exact = [weights.row(r) for r in range(5)]
        for r in range(5):
            assert weights.dot(r, (fmpq(1, 7), fmpq(2))) == exact[r][0] / 7 + 2 * exact[r][1]
        chosen = rng.integers(-1, 2, (4, 5)).astype(float)
        for row, total in zip(chosen, weights.sums(chosen), strict=True):
            assert total == [sum((int(c) * w[j] for c, w in zip(row, exact, strict=True)), ZERO) for j in (0, 1)]
    assert [list(one.row(r)) for r in range(5)] == rows
    differences = [(u - v) ** 2 for r in range(5) for u, v in zip(one.row(r), other.row(r), strict=True)]
    assert squared_distance(one, other) == sum(differences, ZERO)
    moved = Weights(other.floats + rng.standard_normal((5, 2)))
    whole = [
        (rational(float(u)) - rational(float(v))) ** 2
        for u, v in zip(moved.floats.ravel(), other.floats.ravel(), strict=True)
    ]
    assert squared_distance(moved, other) == sum(whole, ZERO)


def test_distances_of_rows_are_enclosed() -> None:
    rng = np.random.default_rng(4)
    one, other = (Weights(rng.standard_normal((40, 3)) * 2.0 ** rng.integers(-9, 9, (40, 1))) for _ in range(2))
    low, high = row_distances(one, other)
    for r in range(40):
        square = sum(((u - v) ** 2 for u, v in zip(one.row(r), other.row(r), strict=True)), ZERO)
        assert rational(float(low[r])) ** 2 <= square <= rational(float(high[r])) ** 2


def test_distances_from_kinks_are_enclosed() -> None:
    rng = np.random.default_rng(5)
    start = [[rational(float(v)) for v in row] for row in rng.standard_normal((40, 3))]
    instance = network(start, [[fmpq(1, 3), fmpq(-2, 7), fmpq(1)]], [ONE], [ZERO])
    problem = NetworkProblem(instance, Balls)
    low, high = problem.start.near(0)
    for r in range(40):
        exact = abs(problem.start.weights.dot(r, instance.features[0]))
        assert rational(float(low[r])) <= exact <= rational(float(high[r]))


def test_products_that_underflow_are_no_kinks() -> None:
    tiny = fmpq(1, 2**600)
    found = signs(Weights.of([(tiny,), (-tiny,), (ZERO,)]), Inputs(((tiny,),)))
    assert found.signs.tolist() == [[1.0], [-1.0], [0.0]]


def test_what_float64_loses_of_inner_products_is_known() -> None:
    rows = [[fmpq(1, 3)], [fmpq(1, 2**600)], [ONE]]
    problem = NetworkProblem(network([[ONE]], rows, [ONE], [ONE], step=Gradient(HALF)), Balls)
    for a, row in enumerate(problem.inputs.products):
        for b, exact in enumerate(row):
            near, lost = (rational(float(table[a, b])) for table in problem.products)
            assert abs(exact - near) <= lost


def test_a_neuron_at_its_kink_is_off() -> None:
    """1{0 > 0} = 0: no feature, no step, distance 0."""
    problem = NetworkProblem(network([[ZERO], [ONE]], [[ONE]], [ONE], [ZERO], step=Gradient(HALF)), Balls)
    assert problem.omega.active.tolist() == [[0.0], [1.0]]
    assert problem.omega.distance.low == problem.omega.distance.high == 0
    assert problem.omega.adapted(0).active.tolist() == [[0.0], [1.0]]


SMALL = fmpq(3, 2**121)
"""A difference of features whose square is below what coordinates at 320 bits resolve."""


def nearly_alike(labels: tuple[int, int, int], radius: fmpq) -> NetworkInstance:
    """Masses 1/2, 1/4, 1/4 at three inputs that differ by `SMALL`, f = 1 at all of them, u = (0, 1, -1)."""
    inputs = [[ONE, ZERO], [ONE, SMALL], [ONE, -SMALL]]
    found = network([[ONE, ZERO]], inputs, [fmpq(y) for y in labels], [ONE, ZERO, fmpq(2)], radius=radius)
    atoms = tuple(replace(a, p=p) for a, p in zip(found.tasks[0].atoms, (HALF, HALF / 2, HALF / 2), strict=True))
    return replace(found, tasks=(Task(ONE, atoms),))


@pytest.mark.parametrize(
    ("name", "labels", "square"),
    [
        # w = (0, 1/4, -1/4), whose sum with phi is (0, SMALL/2).
        ("eps_formal", (1, 0, 2), SMALL**2 / 4),
        # v = (0, R): u - phi'v = (0, 1 - R SMALL, -1 + R SMALL).
        ("misfit", (1, 0, 2), (1 - fmpq(3, 8)) ** 2 / 2),
        # w = (-1, 1/2, 1/2), eps = 0, and v = (0, 1/SMALL) leaves nothing.
        ("misfit_l1", (3, -1, -1), ZERO),
    ],
)
def test_dependent_features_have_slack(name: str, labels: tuple[int, int, int], square: fmpq) -> None:
    """What coordinates cannot hold sticks out: the enclosures allow for it, and do not claim what coordinates say."""
    with ctx.workprec(128):
        at = NetworkQuantities(nearly_alike(labels, fmpq(2) ** 118))
        assert len(at._features.span.pivots) == 1
        found = at(name)
    with ctx.workprec(1000):
        assert found.contains(arb(square).sqrt())


def test_the_least_distance_to_a_joint_counts() -> None:
    """f = 2 and labels 5/4 and 10: |f - y| - 1 is -1/4 and 7."""
    one = network([[fmpq(2)]], [[ONE], [ONE]], [fmpq(5, 4), fmpq(10)], [ZERO, ZERO], loss=Loss("huber", ONE),
                  step=Gradient(HALF))  # fmt: skip
    with ctx.workprec(128):
        assert NetworkQuantities(one)("margin_joints") == 0.25


def test_moves_of_every_step_are_known() -> None:
    """One neuron: W_k - 1 = 2 (3/4)^k."""
    one = network([[fmpq(3)]], [[ONE]], [ONE], [ZERO], step=Gradient(fmpq(1, 4), 3))
    with ctx.workprec(128):
        (moves,) = NetworkQuantities(one)._moves
        for k, move in enumerate(moves, start=1):
            assert move.overlaps(arb(2 - 2 * fmpq(3, 4) ** k)) and move.rad() < 1e-30


def test_a_budget_that_is_open_leaves_the_count_open() -> None:
    """Two neurons at distance 1: a ball around 1 reaches none or one of them, around sqrt 2 one or both."""
    problem = NetworkProblem(network([[ONE], [ONE]], [[ONE]], [ONE], [ZERO]), Balls)
    with ctx.workprec(64):
        for budget, few, many in (
            (arb(1, 1e-6), 0, 1),
            (arb(2, 1e-6).sqrt(), 1, 2),
            (arb("0.5"), 0, 0),
            (arb(9), 2, 2),
        ):
            (found,) = flips.budget_counts(problem.start, budget, [0])
            assert found.contains(few) and found.contains(many)
            assert few < many or found == few


def test_the_reach_of_negative_neurons_counts() -> None:
    """b = (1, -1): only the second moves, by 3, from distance 1: (3 - 1)/sqrt 2."""
    one = network([[ONE], [fmpq(-2)]], [[ONE]], [ONE], [ZERO], start=[[ONE], [ONE]], outputs=(1, -1))
    with ctx.workprec(128):
        (found,) = flips.displacement_bounds(NetworkProblem(one, Balls))
        assert found.overlaps(arb(2).sqrt()) and found.rad() < 1e-20


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_adapted_networks_stay_within_reach(steps: int) -> None:
    """One neuron, label 0: steps with eta = 3 multiply W by -2 as long as it is on; away from W0 by what that moves."""
    one = network([[ONE]], [[ONE]], [fmpq(-8)], [ZERO], step=Gradient(fmpq(1, 8), steps))
    problem = NetworkProblem(one.canonical, Balls)
    with ctx.workprec(128):
        centre = Centre(problem)
        far = reach(centre, problem.laws[0], arb(1))
        for weight in (ZERO, HALF, ONE, fmpq(2)):
            here = weight
            for _ in range(steps):
                here -= (here + 8) / 8 if here > 0 else 0
            assert abs(here - 1) <= far
        # |ell'| <= |f| + 8 with |f| <= 1 + radius, step by step.
        wanted = arb(1)
        for _ in range(steps):
            wanted += (1 + wanted + 8) / 8
        assert abs(float(arb(far) - wanted)) < 1e-7


def test_a_floor_needs_a_convex_loss() -> None:
    one = network([[ONE]], [[ONE]], [ONE], [ZERO], loss=Loss("double-well"))
    with pytest.raises(NotConvexError):
        ball_floor(one, ONE)


def test_displacements_contain_the_exact_value() -> None:
    start = [[fmpq(1, 3), ZERO], [ONE, ONE]]
    ordinary = network([[ZERO, ONE], [fmpq(1, 7), ONE]], [[ONE, ONE]], [ONE], [ZERO], start=start)
    smooth = SmoothInstance.of(replace(ordinary), "tanh")
    with ctx.workprec(128):
        found = SmoothQuantities(smooth)._own
    with ctx.workprec(1000):
        assert found[0].contains((arb(1) + arb(1) / 9).sqrt())
        assert found[1].contains(arb(6) / 7)


@pytest.mark.parametrize("proposal", ["none", "zeros", "far"])
def test_poor_proposals_find_the_same_counts_and_worst_cases(proposal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty neurons: counts by sorting exact squares, worst cases by trying every number of neurons."""
    rng = np.random.default_rng(8)
    start = [[fmpq(int(v), 16) for v in row] for row in rng.integers(-64, 65, (40, 2))]
    outputs = tuple(int(b) for b in rng.choice([-1, 1], 40))
    problem = NetworkProblem(network(start, [[ONE, HALF]], [ONE], [ZERO], outputs=outputs), Balls)
    if proposal != "none":
        far = 0.0 if proposal == "zeros" else 1e300
        monkeypatch.setattr(flips, "_near", lambda start, x, members: np.full(len(members), far))
    drives = [abs(problem.start.weights.dot(r, (ONE, HALF))) for r in range(40)]
    sums = [sum(sorted(t * t for t in drives)[:k], ZERO) for k in range(41)]
    size = fmpq(5, 4)
    for squared in (ZERO, fmpq(1, 7), fmpq(3), sums[7] / size, sums[20] / size - fmpq(1, 2**80), fmpq(10**6)):
        with ctx.workprec(128):
            (found,) = flips.budget_counts(problem.start, arb(squared).sqrt(), [0], squared=squared)
        assert found == sum(total <= squared * size for total in sums) - 1
    for budget in (fmpq(1, 9), fmpq(2), fmpq(40)):
        with ctx.workprec(128):
            (worst,) = flips.worst_cases(problem, arb(budget))
        with ctx.workprec(300):
            best = arb(0)
            for sign in (1, -1):
                own = sorted(t for t, b in zip(drives, outputs, strict=True) if b == sign)
                for k in range(len(own) + 1):
                    best = best.max(arb(budget) * arb(size).sqrt() * arb(k).sqrt() - arb(sum(own[:k], ZERO)))
            assert worst.overlaps(best / arb(40).sqrt())
