"""The checkers of networks and of meta-RL: what is true is accepted, a raised end is not, nor a tree cut short."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import bounds
from metagap.impl.bracket import Status
from metagap.impl.optimum.networks.answer import RELU
from metagap.impl.optimum.networks.check import check_cells, check_predictions
from metagap.impl.optimum.networks.floor import prediction_floor
from metagap.impl.optimum.networks.optima import infimum
from metagap.impl.policies import optimum as policies
from metagap.impl.policies.check import check as check_supremum
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.instance import Functions, NetworkInstance
from metagap.impl.supervised.relu import generate
from metagap.impl.supervised.smooth import generate as smooth

from .test_meta_rl_optimum import made


def networks(module: object, loss: str, count: int) -> list[NetworkInstance]:
    with np.errstate(all="ignore"):
        return [module.landscapes(RandomSource((seed, 2), 1), loss).instance(0) for seed in range(count)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("loss", ["squared", "logistic", "pseudo-huber"])
@pytest.mark.parametrize("module", [generate, smooth], ids=["relu", "smooth"])
def test_best_predictions_are_proved_and_better_ones_refused(module: object, loss: str) -> None:
    for instance in networks(module, loss, 6):
        instance = instance.canonical
        found = prediction_floor(instance)
        lower = max(bounds(found.value)[0], 0.0)
        assert check_predictions(instance, found.functions, lower).accepted
        assert not check_predictions(instance, found.functions, lower + 1e-9 * (1 + lower)).accepted
        zero = Functions(tuple(tuple(fmpq(0) for _ in row) for row in found.functions.values))
        assert check_predictions(instance, zero, lower).accepted <= check_predictions(instance, zero, 0.0).accepted


def test_cells_are_proved_and_a_raised_end_is_refused() -> None:
    few = [i for i in networks(generate, "squared", 12) if i.width <= 2 and len(i.features[0]) == 1]
    assert few
    for instance in few:
        exact = infimum(instance).value
        with ctx.workprec(128):
            lower = bounds(arb(exact))[0]
        assert check_cells(instance, lower).accepted
        raised = lower + 1e-12 * (1 + abs(lower))
        assert not check_cells(instance, raised).accepted
        assert RELU.bracketed(instance).status in (Status.CERTIFIED, Status.UNDECIDED)


@pytest.mark.parametrize(("dimension", "radius"), [(1, None), (2, 6.0)])
def test_the_supremum_is_proved_from_the_tree_alone(dimension: int, radius: float | None) -> None:
    instance = made(5, 3, dimension, fmpq(1, 2), 1)
    trees: list[bytes] = []
    real = policies._preorder
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policies, "_preorder", lambda children: trees.append(real(children)) or trees[-1])
        found = policies.maximise(instance, radius=radius, gap=1e-2)
    assert found.certified and found.sure == found.upper
    limit = math.inf if radius is None else radius
    root, (tree,) = ((-limit, limit),) * dimension, trees
    assert check_supremum(instance, root, tree, found.upper).accepted
    for lie in (tree[:-1], tree + b"\0", b""):
        assert not check_supremum(instance, root, lie, found.upper).accepted
    assert not check_supremum(instance, root, tree, found.lower - 1e-6).accepted
    assert check_supremum(instance, root, tree, found.upper, 0.0).reason == "out of time"
