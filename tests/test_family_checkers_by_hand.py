"""The checkers of networks and policies against optima that are known: honest ends are proved, no others."""

from __future__ import annotations

import math

from flint import arb, ctx, fmpq
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum.networks import check
from metagap.impl.policies import check as policies
from metagap.impl.policies.instance import Adaptation, MetaRLInstance, Task
from metagap.impl.policies.optimum import maximise
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, SmoothInstance
from metagap.impl.supervised.instance import Task as Law

ZERO, ONE, HALF, QUARTER = fmpq(0), fmpq(1), fmpq(1, 2), fmpq(1, 4)


def network(
    labels: list[list[int]], inputs: list[int], signs: tuple[int, ...], eta: fmpq, weights: list[fmpq]
) -> NetworkInstance:
    """A task per row of labels, one label per input, equal masses, squared loss."""
    k = len(inputs)
    tasks = tuple(
        Law(q, tuple(Atom(x, fmpq(y), fmpq(1, k)) for x, y in enumerate(row)))
        for q, row in zip(weights, labels, strict=True)
    )
    start = Weights.of([(ONE,)] * len(signs))
    functions = Functions(((ZERO,) * k,) * len(labels))
    rows = tuple((fmpq(x),) for x in inputs)
    return NetworkInstance(Loss("squared"), Gradient(eta), rows, tasks, signs, start, start, functions, ONE)


def predictions(*rows: tuple[fmpq, ...]) -> Functions:
    return Functions(rows)


def test_best_predictions_are_proved_and_no_others() -> None:
    """Labels 0 and 1 at inputs 1 and 2 of a ray: s = 2/5 leaves (4/25 + 1/25)/4 = 1/20; a second task of weight 3/4
    wants the negative slope -1, which positive neurons do not have: (1 + 4)/4."""
    both = network([[0, 1], [-1, -2]], [1, 2], (1, -1), HALF, [QUARTER, 1 - QUARTER])
    best = fmpq(1, 20) * QUARTER
    honest = predictions((fmpq(2, 5), fmpq(4, 5)), (-ONE, fmpq(-2)))
    for proposed in (honest, predictions((ONE, fmpq(2)), (ZERO, ZERO))):
        assert not check.check_predictions(both, proposed, float(best) + 1e-9).accepted
    assert check.check_predictions(both, honest, float(best) - 1e-9).accepted
    positive = network([[0, 1], [-1, -2]], [1, 2], (1, 1), HALF, [QUARTER, 1 - QUARTER])
    worse = best + (1 - QUARTER) * fmpq(5, 4)
    assert check.check_predictions(positive, honest, float(worse) - 1e-9).accepted
    assert not check.check_predictions(positive, honest, float(worse) + 1e-9).accepted
    # Without a step the tasks share the network: one s for both laws, least mean at (1/4)(2/5) + (3/4)(-1) = -13/20.
    shared = network([[0, 1], [-1, -2]], [1, 2], (1, -1), ZERO, [QUARTER, 1 - QUARTER])
    s = fmpq(-13, 20)
    pooled = QUARTER * (s**2 + (2 * s - 1) ** 2) / 4 + (1 - QUARTER) * ((s + 1) ** 2 + (2 * s + 2) ** 2) / 4
    assert check.check_predictions(shared, predictions((s, 2 * s), (s, 2 * s)), float(pooled) - 1e-9).accepted
    assert not check.check_predictions(shared, predictions((s, 2 * s), (s, 2 * s)), float(pooled) + 1e-9).accepted
    # tanh: odd, and below sqrt m; at 0 it is 0.
    odd = SmoothInstance.of(network([[3, 3]], [1, -1], (1,), HALF, [ONE]), "tanh")
    assert check.check_predictions(odd, predictions((ZERO, ZERO)), 4.5 - 1e-9).accepted
    assert not check.check_predictions(odd, predictions((ZERO, ZERO)), 4.5 + 1e-9).accepted
    far = SmoothInstance.of(network([[3]], [1], (1,), HALF, [ONE]), "tanh")
    assert check.check_predictions(far, predictions((ONE,)), 2 - 1e-9).accepted
    assert not check.check_predictions(far, predictions((ONE,)), 2 + 1e-9).accepted


def test_cells_are_proved_and_no_others() -> None:
    """One neuron, labels 1 and -1 at inputs 1 and -1: W > 0 reaches one, W < 0 the other, each leaving 1/4."""
    for eta in (ZERO, HALF):
        one = network([[1, -1]], [1, -1], (1,), eta, [ONE])
        assert check.check_cells(one, 0.25).accepted
        assert not check.check_cells(one, 0.25 + 1e-9).accepted
    two = network([[1, -1], [0, 2]], [1, -1], (1, -1), ZERO, [HALF, HALF])
    # Shared means of 1/2 at both inputs, of which one neuron with b = 1 reaches one: some loss is left.
    assert check.check_cells(two, 0.0).accepted
    lowest = min(objective(two, a / 16, b / 16) for a in range(-48, 49) for b in range(-48, 49))
    assert not check.check_cells(two, lowest + 1e-9).accepted
    assert not check.check_cells(network([[1]], [1], (1,), HALF, [ONE]), 1e-9).accepted


def objective(one: NetworkInstance, a: float, b: float) -> float:
    """Without a step, in float64."""
    total = 0.0
    for task in one.tasks:
        for atom in task.atoms:
            x = float(int(one.features[atom.x][0].p))
            f = sum(s * max(w * x, 0.0) for s, w in zip(one.signs, (a, b), strict=True)) / math.sqrt(2)
            total += float(int(task.weight.p) / int(task.weight.q)) * (f - float(int(atom.y.p))) ** 2 / 4
    return total


def line() -> MetaRLInstance:
    """One state, r = phi = (1, 0): L = sigma(theta), below 1 everywhere and near it far out."""
    task = Task(ONE, ZERO, (((ONE,), (ONE,)),), ((ONE, ZERO),), (ONE,))
    return MetaRLInstance((((ONE,), (ZERO,)),), (task,), ONE, ZERO, Adaptation.KL_STEP, (ZERO,), (ZERO,), ONE)


def test_suprema_are_proved_and_no_others() -> None:
    one, inf = line(), math.inf
    with ctx.workprec(64):
        least = float((1 / (1 + arb(-1).exp())).upper()) * (1 + 1e-12)
    for root, supremum in ((((-inf, inf),), 1.0 + 1e-12), (((-1.0, 1.0),), least)):
        assert policies.check(one, root, b"\0", supremum).accepted
        assert not policies.check(one, root, b"\0", supremum - 1e-6).accepted
    for tree in (b"", b"\1\0", b"\0\0", b"\1\0\0\0"):
        assert not policies.check(one, ((-1.0, 1.0),), tree, 1.0).accepted
    assert not policies.check(one, ((-1.0, 1.0),), b"\0", 1.0, deadline=0.0).accepted
    found = maximise(one, gap=1e-6)
    assert found.status == "certified" and found.lower < 1 <= found.upper


def test_inputs_share_a_slope_along_their_ray_alone() -> None:
    """Inputs 1 and -1 have slopes of their own: labels 1 and 0 are both reached."""
    apart = network([[1, 0]], [1, -1], (1, -1), HALF, [ONE])
    assert not check.check_predictions(apart, predictions((HALF, HALF)), 1e-6).accepted
    assert check.check_predictions(apart, predictions((ONE, ZERO)), 0.0).accepted


def test_cells_of_every_sign_are_asked() -> None:
    """The label 1 at the input -1 is reached by W = -1 alone."""
    one = network([[1]], [-1], (1,), ZERO, [ONE])
    assert check.check_cells(one, 0.0).accepted
    assert not check.check_cells(one, 0.1).accepted


def test_a_point_of_a_cell_proves_nothing_by_itself() -> None:
    """L = (W - 1)^2/2 where W > 0: large at 0, and 0 at 1."""
    one = network([[1]], [1], (1,), ZERO, [ONE])
    assert not check.check_cells(one, 0.25).accepted


def test_cells_know_the_step() -> None:
    """Tasks with labels 0 and 2: without a step 1 is best and leaves 1/2; a step of 1/2 halves the distances: 1/8."""
    two = network([[0], [2]], [1], (1,), HALF, [HALF, HALF])
    assert check.check_cells(two, 0.125).accepted
    assert not check.check_cells(two, 0.125 + 1e-9).accepted
