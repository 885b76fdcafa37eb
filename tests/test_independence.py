"""grad L shares nothing with the meta-features: a fault planted in their formula leaves eps alone, and S2 notices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.families import FAMILIES, family_of, judge
from metagap.impl.instances import Instance
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.policies.task_quantities import TaskQuantities as PolicyQuantities
from metagap.impl.sources import RandomSource
from metagap.impl.supervised import taylor
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, NetworkInstance, SmoothInstance, Task
from metagap.impl.supervised.maml import Risks
from metagap.impl.supervised.relu.kernel import MetaFeatures
from metagap.impl.supervised.smooth.quantities import SmoothQuantities
from metagap.impl.supervised.task_quantities import TaskQuantities
from metagap.theory.claim import UndefinedQuantityError, Verdict

SMALL = 2.0**-20


def linear(adaptation: Gradient | Implicit) -> MetaSLInstance:
    """Two tasks, two parameters, three inputs."""
    tasks = (
        Task(fmpq(1, 2), (Atom(0, fmpq(1), fmpq(1, 2)), Atom(1, fmpq(-1), fmpq(1, 2)))),
        Task(fmpq(1, 2), (Atom(1, fmpq(2), fmpq(1, 4)), Atom(2, fmpq(1, 2), fmpq(3, 4)))),
    )
    inputs = tuple(tuple(fmpq(v, 8) for v in row) for row in ((8, 4), (-6, 9), (3, 11)))
    return MetaSLInstance(
        Loss("log-cosh"),
        adaptation,
        inputs,
        tasks,
        (fmpq(5, 8), fmpq(-3, 8)),
        Functions(((fmpq(0),) * 3,) * 2),
        fmpq(1),
    )


def relu(width: int, steps: int) -> NetworkInstance:
    """Two tasks with inputs of R^3 and a network near its initialisation."""
    rng = np.random.default_rng(width)
    tasks = tuple(
        Task(fmpq(1, 2), tuple(Atom(x, fmpq(int(rng.integers(-8, 9)), 4), fmpq(1, 3)) for x in xs))
        for xs in ((0, 1, 2), (2, 3, 4))
    )
    inputs = tuple(tuple(fmpq(int(v), 8) for v in row) for row in rng.integers(-8, 9, (5, 3)))
    initial = np.rint(rng.standard_normal((width, 3)) * 2**20) / 2**20
    omega = initial + np.rint(rng.standard_normal((width, 3)) * 2**20 / np.sqrt(3 * width)) / 2**20
    signs = tuple(int(b) for b in rng.choice([-1, 1], width))
    return NetworkInstance(
        Loss("log-cosh"), Gradient(fmpq(1, 2), steps), inputs, tasks, signs, Weights(initial), Weights(omega),
        Functions(((fmpq(0),) * 5,) * 2), fmpq(1),
    )  # fmt: skip


def apart(instance: Any) -> Any:
    """The same with supports of their own: the other task's atoms, with other labels."""
    supports = [tuple(Atom(a.x, a.y + fmpq(1, 2), a.p) for a in task.atoms) for task in instance.tasks[::-1]]
    tasks = tuple(replace(t, support=own) for t, own in zip(instance.tasks, supports, strict=True))
    return replace(instance, tasks=tasks)


def policies(family: str, step: str) -> Instance:
    """The first generated instance in which the look-ahead and the gradient matter."""
    for seed in range(60):
        with np.errstate(all="ignore"):
            found = FAMILIES[family].generator("arbitrary").build(RandomSource((seed, 3), 1), step).instance(0)
        with ctx.workprec(128):
            at: Any = FAMILIES[family].quantities(found)
            bends = any(abs(v) > SMALL for slope in at._slopes for v in slope.entries())
            if bends and at("eps") > SMALL and at("weight_norm") > SMALL and judged(found) == {True}:
                return found
    raise AssertionError("no such instance was generated")


INSTANCES: dict[str, Callable[[], Instance]] = {
    "linear, one step": lambda: linear(Gradient(fmpq(1, 2), 1)),
    "linear, three steps": lambda: linear(Gradient(fmpq(1, 2), 3)),
    "linear, implicit": lambda: linear(Implicit(fmpq(2))),
    "linear, two laws": lambda: apart(linear(Gradient(fmpq(1, 2), 2))),
    "linear, two laws, implicit": lambda: apart(linear(Implicit(fmpq(2)))),
    "relu, two laws": lambda: apart(relu(16, 2)),
    "smooth, two laws": lambda: apart(SmoothInstance.of(relu(8, 2), "softplus")),
    "relu, narrow": lambda: relu(4, 3),
    "relu, wide": lambda: relu(64, 1),
    "relu, wide, three steps": lambda: relu(64, 3),
    "relu, width 4096": lambda: relu(4096, 2),
    "smooth": lambda: SmoothInstance.of(relu(8, 3), "softplus"),
    "smooth, wide": lambda: SmoothInstance.of(relu(64, 1), "tanh"),
    "policies, KL step": lambda: policies("meta-rl", "kl-step"),
    "policies, rational step": lambda: policies("meta-rl", "rational-step"),
    "policies, gradient step": lambda: policies("meta-rl", "gradient"),
    "relu policies": lambda: policies("meta-rl-network", "kl-step"),
    "smooth policies": lambda: policies("meta-rl-smooth-network", "rational-step"),
}


def judged(instance: Instance) -> set[bool]:
    """Whether S2 and the identity are decided in favour of the claim: {True} if both are."""
    family = family_of(instance)
    names = (f"{family.name}-s2", f"{family.name}-identity")
    found = judge(instance, [claim for claim in family.claims if claim.name in names]).claims
    assert len(found) == 2
    return {claim.verdict not in (Verdict.VIOLATED, Verdict.UNDECIDED, Verdict.OUTSIDE) for claim in found}


def of_gradient(instance: Instance) -> list[arb]:
    """The quantities that speak of grad L."""
    found = []
    with ctx.workprec(128):
        at = family_of(instance).quantities(instance)
        for name in ("eps", "eps_projected"):
            try:
                found.append(at(name))
            except (AttributeError, UndefinedQuantityError):
                assert name != "eps"
    return found


def halved(found: Any) -> Any:
    """Half of a matrix, of each of a list of numbers or of rows."""
    if isinstance(found, list):
        return [halved(v) for v in found]
    return found / 2 if isinstance(found, arb | fmpq) else found * arb(0.5)


def half_of_steps(found: dict[int, Any]) -> dict[int, Any]:
    """Coefficients of a meta-feature with half of what the Hessians of the steps do to them."""
    (outer, one), *rest = found.items()
    return {outer: one, **{j: c / 2 for j, c in rest}}


def near_identity(found: Any) -> Any:
    """A Jacobian that is a little off."""
    return found * arb(fmpq(1025, 1024))


FAULTS: dict[str, tuple[type, str, Callable[[Any], Any]]] = {
    "Jacobian of a linear model": (TaskQuantities, "_jacobian", near_identity),
    "second derivative of the loss": (Risks, "curvatures", halved),
    "coefficients by the kernel": (MetaFeatures, "_coefficients", half_of_steps),
    "fold of a smooth network": (SmoothQuantities, "_folded", halved),
    "look-ahead of policies": (PolicyQuantities, "_lookahead_of", halved),
    "Hessian of returns": (PolicyQuantities, "_hessian", halved),
}

PLANTED = {
    "linear": ("Jacobian of a linear model", "second derivative of the loss"),
    "relu": ("coefficients by the kernel", "second derivative of the loss"),
    "smooth": ("fold of a smooth network", "second derivative of the loss"),
    "policies": ("look-ahead of policies",),
    "relu policies": ("look-ahead of policies",),
    "smooth policies": ("look-ahead of policies",),
    "policies, gradient step": ("Hessian of returns",),
}
"""By the instance's name, or what stands before its comma."""


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("name", INSTANCES)
def test_a_fault_in_the_meta_features_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = INSTANCES[name]()
    assert judged(instance) == {True}
    before = of_gradient(instance)
    for fault in PLANTED.get(name) or PLANTED[name.split(",")[0]]:
        owner, formula, change = FAULTS[fault]
        sound: Any = owner.__dict__[formula]
        with monkeypatch.context() as patch:
            if isinstance(sound, cached_property):
                wrong: Any = cached_property(lambda at, sound=sound, change=change: change(sound.func(at)))
                wrong.__set_name__(owner, formula)
            else:
                wrong = lambda *given, sound=sound, change=change: change(sound(*given))  # noqa: E731
            patch.setattr(owner, formula, wrong)
            assert judged(instance) == {False}, fault
            for sound_value, value in zip(before, of_gradient(instance), strict=True):
                assert value.overlaps(sound_value), fault
                assert float((value - sound_value).rad()) <= 2.0**-60 * (1 + float(abs(sound_value).upper())), fault


def test_the_implicit_step_is_that_of_convex_losses() -> None:
    """The enclosure of the proximal point and of its tangents rests on convexity: no verdict without it."""
    convex = linear(Implicit(fmpq(2)))
    double_well = MetaSLInstance(
        Loss("double-well"), convex.adaptation, convex.features, convex.tasks, convex.omega, convex.comparator, fmpq(1)
    )
    assert {claim.verdict for claim in judge(double_well).claims} <= {Verdict.OUTSIDE}


def test_tangents_of_the_implicit_step_are_certified_whatever_proposes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coarse and wrong proposals widen eps and never move it."""
    instance = linear(Implicit(fmpq(2)))
    (sound,) = of_gradient(instance)
    solve = taylor.solved
    for off in (fmpq(1, 2**30), fmpq(1, 4), fmpq(-3)):
        monkeypatch.setattr(taylor, "solved", lambda system, right, off=off: solve(system, right) * arb(1 + off))
        (found,) = of_gradient(instance)
        assert found.contains(sound)
        assert float(found.rad()) <= 8 * abs(float(off.p) / float(off.q))
