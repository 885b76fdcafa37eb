"""torch's gradient of the meta-objective, by its definition, lies in the balls: the third opinion."""

from __future__ import annotations

import numpy as np
import pytest
from flint import arb, ctx
from metagap.impl.arithmetic import Balls
from metagap.impl.sources import RandomSource
from metagap.impl.supervised import taylor
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.draws import CONVEX_LOSSES
from metagap.impl.supervised.generate import arbitrary
from metagap.impl.supervised.maml import Problem
from metagap.impl.supervised.quantities import MetaSLQuantities

pytestmark = pytest.mark.ci


@pytest.mark.parametrize("loss", CONVEX_LOSSES)
def test_autograd_agrees_with_taylor_and_with_the_meta_features(loss: str, effort: int) -> None:
    """K steps, one step and implicit adaptation; step S2's two routes and torch's are three."""
    from oracles.autograd import first_order_gradient, meta_gradient

    kinds = set()
    for seed in range(8 * effort):
        batch = arbitrary(RandomSource((seed, 2), 1), loss)
        instance = batch.instance(0)
        with ctx.workprec(128):
            at = MetaSLQuantities(instance)
            if not at.margin_differentiability > 0 or at.scale("eps") > 1e6:
                continue
            room = 1e-9 * (at.scale("eps") + 1e-6)
            pairs = ((at._gradient, meta_gradient(instance)), (at._pulled(at._meta_features), meta_gradient(instance)))
            for balls, floats in pairs:
                for ball, value in zip(balls, floats, strict=True):
                    assert float((ball - float(value)).abs_lower()) <= room
            first = np.linalg.norm(first_order_gradient(instance))
            assert float((at.eps_first_order - float(first)).abs_lower()) <= room
        kinds.add(batch.steps)
    assert len(kinds) >= 2


@pytest.mark.parametrize("loss", ["squared", "logistic", "log-cosh", "pseudo-huber"])
def test_second_derivatives_agree_with_autograd(loss: str) -> None:
    from oracles.autograd import meta_hessian

    compared = 0
    for seed in range(6):
        instance = arbitrary(RandomSource((seed, 3), 1), loss).instance(0)
        if not isinstance(instance.adaptation, Gradient):
            continue
        hessian = meta_hessian(instance)
        direction = np.arange(1.0, instance.dimension + 1)
        expected = direction @ hessian @ direction / (direction @ direction)
        with ctx.workprec(128):
            found = taylor.curvature(Problem(instance.canonical, Balls), [arb(float(v)) for v in direction])
        assert float(found.mid()) == pytest.approx(expected, rel=1e-8, abs=1e-8)
        compared += 1
    assert compared >= 3
