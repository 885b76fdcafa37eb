"""Steps on whose way neurons flip, factors that do not commute, proximal points that poor proposals only widen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, Rationals
from metagap.impl.families import FAMILIES, family_of, judge
from metagap.impl.losses import Loss
from metagap.impl.models.activation import ACTIVATIONS, Activation
from metagap.impl.models.weights import Weights
from metagap.impl.sources import SMALL, RandomSource
from metagap.impl.supervised import maml
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.batch_quantities import BatchQuantities
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, SmoothInstance, Task
from metagap.impl.supervised.maml import Problem
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.impl.supervised.relu import generate as relu
from metagap.impl.supervised.relu.quantities import NetworkQuantities
from metagap.theory.claim import Verdict

COMPARING = ("identity", "s2")


@pytest.mark.parametrize("family", ["network", "smooth-network"])
def test_steps_with_other_patterns_are_compared(family: str) -> None:
    """Several steps, on the way of which neurons flip: the comparing steps are decided, and never violated."""
    claims = [FAMILIES[family].claim(f"{family}-{step}") for step in COMPARING]
    decided = 0
    for seed in range(3):
        with np.errstate(all="ignore"):
            batch = FAMILIES[family].generator("steps").build(RandomSource((seed, 3), 2), "logistic")
        for b in range(len(batch)):
            for judged in judge(batch.instance(b), claims).claims:  # type: ignore[arg-type]
                assert judged.verdict is not Verdict.VIOLATED, judged.claim
                decided += judged.verdict not in (Verdict.OUTSIDE, Verdict.UNDECIDED)
    assert decided >= 6


def implicit() -> MetaSLInstance:
    """The squared loss with the proximal step."""
    generator = next(g for g in FAMILIES["meta-sl"].generators if g.name == "functions")
    for seed in range(40):
        instance = generator.build(RandomSource((seed, 8), 1), "squared").instance(0)
        if isinstance(instance, MetaSLInstance) and isinstance(instance.adaptation, Implicit):
            return instance
    raise AssertionError("the generator draws proximal steps")


@pytest.mark.parametrize("steps", [80, 0])
def test_poor_proposals_only_widen_the_proximal_point(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Newton's method ends early, the enclosure holds the exact point of the squared loss all the same."""
    instance = implicit()
    monkeypatch.setattr(maml, "PROXIMAL_STEPS", steps)
    if steps == 0:
        monkeypatch.setattr(maml, "_float_proximal", lambda *given: np.full(instance.dimension, 0.5))
    with ctx.workprec(96):
        balls, exact = Problem(instance, Balls), Problem(instance, Rationals)
        for law, twin in zip(balls.laws, exact.laws, strict=True):
            found = balls.adapt(law, balls.omega)[-1].entries()
            for ball, value in zip(found, exact.adapt(twin, exact.omega)[-1].entries(), strict=True):
                with ctx.workprec(2000):
                    assert ball.contains(arb(value))


def test_several_steps_of_two_parameters_are_compared() -> None:
    """Three steps of a quartic loss in two dimensions, where factors do not commute: equal as rational numbers."""
    half = fmpq(1, 2)
    rows = ((fmpq(1), fmpq(0)), (fmpq(1), fmpq(1)))
    task = Task(fmpq(1), (Atom(0, fmpq(1), half), Atom(1, fmpq(-1), half)))
    functions, start = Functions(((fmpq(0),) * 2,)), (half, fmpq(1, 4))
    step = Gradient(fmpq(1, 4), 3)
    at = MetaSLQuantities(
        MetaSLInstance(Loss("quartic", fmpq(1, 4)), step, rows, (task,), start, functions, fmpq(1)), Rationals, start
    )
    jacobian = at._jacobians[0]
    assert jacobian != jacobian.transpose()
    assert at._gradient == at._pulled(at._meta_features)


def piecewise(below: int) -> Activation:
    """t where t > 0, below t elsewhere: ReLU away from its kink, or the identity."""

    def slope(m: Any, t: Any) -> Any:
        return 0 * t + (1 if (t if isinstance(t, arb) else t[0]) > 0 else below)

    return Activation("piecewise", lambda m, t: t * slope(m, t), slope, lambda m, t: 0 * t, lambda m: arb(0))


COMMON = ("gap", "eps", "weight_norm", "misfit", "misfit_l1", "pairing", "bregman", "function_displacement")


def both(instance: Any, smooth: SmoothInstance) -> int:
    """How many quantities of the two have finite enclosures; they meet."""
    one, other = (family_of(found).quantities(found.canonical) for found in (instance, smooth))
    with ctx.workprec(128):
        pairs = [(one(name), other(name)) for name in COMMON]
    pairs = [pair for pair in pairs if pair[0].is_finite() and pair[1].is_finite()]
    assert all(u.overlaps(v) and u.rad() < 1e-20 for u, v in pairs)
    return len(pairs)


@pytest.mark.parametrize("width", [1, 8])
def test_patterns_and_rows_are_one_network(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """ReLU networks off kinks, by counts of patterns, and by rows of R^{md} with an activation that bends nowhere."""
    monkeypatch.setitem(ACTIVATIONS, "piecewise", piecewise(0))
    batch = relu.drawn(RandomSource((3, width), 3), "log-cosh", SMALL, width=width)
    networks = [batch.instance(b) for b in range(3)]
    off = [one for one in networks if NetworkQuantities(one)("margin_differentiability") > 0]
    assert off
    assert sum(both(one, SmoothInstance.of(one, "piecewise")) for one in off) == len(COMMON) * len(off)


def test_linear_models_are_networks_of_one_neuron(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "piecewise", piecewise(1))
    compared = 0
    for seed in range(8):
        one = FAMILIES["meta-sl"].generator("functions").build(RandomSource((4, seed), 1), "log-cosh").instance(0)
        assert isinstance(one, MetaSLInstance)
        if isinstance(one.adaptation, Gradient):
            weights = Weights.of([one.omega])
            compared += both(one, SmoothInstance(
                one.loss, one.adaptation, one.features, one.tasks, (1,), weights, weights, one.comparator, one.radius,
                activation="piecewise",
            ))  # fmt: skip
    assert compared >= 2 * len(COMMON)


def test_proximal_points_of_a_batch_are_stepped_to_their_end() -> None:
    """Features with a coordinate that is 0 everywhere: the parameter does not move there, and the others do."""
    generator = FAMILIES["meta-sl"].generator("arbitrary")
    batches = (generator.build(RandomSource((3, seed), 8), "logistic") for seed in range(20))
    batch = next(b for b in batches if b.steps == 0 and b.features.shape[2] > 1)
    features = batch.features.copy()
    features[..., 0] = 0
    at = BatchQuantities(replace(batch, features=features))
    theta = batch.omega[:, None]
    point, strength = at._proximal(theta), batch.rate[:, None, None]
    rest = at._inner(1, at._predictions(point)) @ features + strength * (point - theta)
    assert np.abs(rest).max() <= 1e-9 * np.abs(strength * (1 + np.abs(theta))).max()
    assert np.abs(point - theta).max() > 1e-3
