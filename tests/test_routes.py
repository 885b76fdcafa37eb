"""Two routes to the gradient: where the meta-features are wrong, the steps that compare them must say so.

If the gradient were the meta-features' own, S2 and the identity would compare a thing with itself, and nothing else
would notice: both would be true whatever the features are. So the features are made wrong here, in every family.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, Rationals
from metagap.impl.families import FAMILIES
from metagap.impl.judge import judge
from metagap.impl.losses import Loss
from metagap.impl.meta_rl.task_quantities import TaskQuantities as MetaRLTaskQuantities
from metagap.impl.meta_sl import maml
from metagap.impl.meta_sl.instance import Atom, Functions, Gradient, Implicit, MetaSLInstance, Task
from metagap.impl.meta_sl.maml import Problem
from metagap.impl.meta_sl.quantities import MetaSLQuantities
from metagap.impl.meta_sl.task_quantities import TaskQuantities
from metagap.impl.network.kernel import MetaFeatures
from metagap.impl.smooth_network.core_quantities import SmoothCore
from metagap.impl.sources import RandomSource
from metagap.theory.claim import Verdict

SHARE = fmpq(1, 2**20)
"""By how much the features are wrong."""


def scaled(holder: type, name: str, change: Callable[[Any, Any], Any]) -> tuple[type, str, Any]:
    """The cached property of the class with its value changed; `change` gets (self, value)."""
    right = getattr(holder, name)
    wrong = cached_property(lambda self: change(self, right.func(self)))
    wrong.__set_name__(holder, name)
    return holder, name, wrong


WRONG = {
    "meta-sl": scaled(TaskQuantities, "_jacobians", lambda at, found: [j * at.m.number(1 + SHARE) for j in found]),
    "network": scaled(MetaFeatures, "transform", lambda at, found: found * at.problem.m.number(1 + SHARE)),
    "smooth-network": scaled(
        SmoothCore, "_features", lambda at, found: type(found)(found.table * at.m.number(1 + SHARE))
    ),
    "meta-rl": scaled(MetaRLTaskQuantities, "_plain", lambda at, found: found * at.m.number(1 + SHARE)),
}
WRONG["meta-rl-network"] = WRONG["meta-rl-smooth-network"] = scaled(
    MetaRLTaskQuantities, "_meta_features", lambda at, found: found * at.m.number(1 + SHARE)
)
COMPARING = ("identity", "s2")


def drawn(family: str) -> list[Any]:
    """A few instances with a gradient that is not 0, of every kind of adaptation."""
    generator = next(g for g in FAMILIES[family].generators if g.name in ("functions", "policies"))
    found = []
    variants = ("squared", "log-cosh") if "rl" not in family else generator.variants
    for position, variant in enumerate(variants):
        with np.errstate(all="ignore"):
            batch = generator.build(RandomSource((21, position), 6), variant)
        found += sorted((batch.instance(b) for b in range(6)), key=lambda instance: instance.numbers)[2:4]
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_the_comparing_steps_see_wrong_meta_features(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right: proved or equal. With features that are longer by a millionth: violated, nothing else."""
    claims = [FAMILIES[family].claim(f"{family}-{step}") for step in COMPARING]
    seen = 0
    for instance in drawn(family):
        right = [c.verdict for c in judge(instance, claims).claims]  # type: ignore[arg-type]
        assert Verdict.VIOLATED not in right
        with monkeypatch.context() as patch:
            patch.setattr(*WRONG[family])
            wrong = [c.verdict for c in judge(instance, claims).claims]  # type: ignore[arg-type]
        for before, after in zip(right, wrong, strict=True):
            assert after is Verdict.VIOLATED or before in (Verdict.OUTSIDE, Verdict.UNDECIDED), (before, after)
            seen += after is Verdict.VIOLATED
    assert seen >= 4


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


def test_the_implicit_jacobian_is_compared() -> None:
    """Of the proximal step with a loss that bends: S2 and the identity are proved or equal, in balls."""
    generator = next(g for g in FAMILIES["meta-sl"].generators if g.name == "functions")
    compared = 0
    for seed in range(12):
        instance = generator.build(RandomSource((seed, 8), 1), "log-cosh").instance(0)
        if isinstance(instance.adaptation, Implicit):
            judged = judge(instance, [FAMILIES["meta-sl"].claim(f"meta-sl-{step}") for step in COMPARING])  # type: ignore[misc]
            assert all(c.verdict not in (Verdict.VIOLATED, Verdict.OUTSIDE) for c in judged.claims)
            compared += 1
    assert compared >= 1


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
