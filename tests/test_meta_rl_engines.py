"""Two engines and outside opinions on meta-RL: balls, float64, torch, cvxpy, exact policy iteration."""

from __future__ import annotations

import numpy as np
import pytest
from flint import ctx, fmpq, fmpq_mat
from hypothesis import given
from metagap.impl.families import META_RL, judge
from metagap.impl.policies.batch import batch_of
from metagap.impl.policies.batch_quantities import BatchQuantities
from metagap.impl.policies.generate import ADAPTATIONS
from metagap.impl.policies.instance import MetaRLInstance, Task
from metagap.impl.policies.quantities import MetaRLQuantities
from metagap.impl.sources import RandomSource
from metagap.impl.strategies import instances
from metagap.theory.claim import UndefinedQuantityError

SHARED = (
    "gap",
    "pairing",
    "eps",
    "weight_norm",
    "misfit",
    "mixed_weight_norm",
    "mixed_misfit",
    "weight_bound",
    "misfit_plain",
    "eps_first_order",
    "function_displacement",
    "eps_largest_entry",
    "weight_norm_no_horizon",
    "misfit_swapped_ratio",
    "mean_weight_norm",
    "root_tasks",
    "pairing_prior_visitation",
    "pairing_prior_advantage",
    "pairing_rival_advantage",
    "defect_plain",
    "defect_discounted",
    "defect_step_squared",
    "weight_norm_action_value",
    "misfit_other_shift",
    "misfit_uncentred",
)


def some(generator: str, variant: str, seed: int, count: int) -> list[MetaRLInstance]:
    with np.errstate(all="ignore"):
        batch = META_RL.generator(generator).build(RandomSource((seed, 9), count), variant)
    return [batch.instance(b) for b in range(count)]


def ordinary(at: MetaRLQuantities) -> bool:
    """Where float64 can be expected to be right: no action or state is nearly impossible."""
    least = min(float(m.mid()) for m in at._masses)
    return least > 1e-9 and at.scale("gap") < 1e6


@pytest.mark.ci(every=9)
@pytest.mark.parametrize("variant", ADAPTATIONS)
@pytest.mark.parametrize("name", ["arbitrary", "policies", "local"])
def test_both_engines_agree(variant: str, name: str, effort: int) -> None:
    compared = 0
    for seed in range(10 * effort):
        for instance in some(name, variant, seed, 3):
            with ctx.workprec(160):
                balls = MetaRLQuantities(instance)
                if not ordinary(balls):
                    continue
                with np.errstate(all="ignore"):
                    floats = BatchQuantities(batch_of(instance))
                    for quantity in SHARED:
                        try:
                            enclosure, value = balls(quantity), floats(quantity)[0]
                        except UndefinedQuantityError:
                            continue
                        if quantity == "mixed_misfit" and not balls.margin_numerator_vanishes > 1e-4:
                            continue
                        size = abs(value) + balls.scale(quantity) + balls.scale("gap")
                        distance = float((enclosure - float(value)).abs_lower())
                        assert distance <= 1e-8 * size, (quantity, value, enclosure)
                        compared += 1
    assert compared >= 60 * effort


@given(instances("arbitrary", family=META_RL))
def test_a_batch_loses_nothing(instance: MetaRLInstance) -> None:
    assert batch_of(instance).instance(0).sha256 == instance.sha256


@pytest.mark.ci
@pytest.mark.parametrize("variant", ADAPTATIONS)
def test_autograd_agrees_with_taylor_and_with_the_meta_features(variant: str, effort: int) -> None:
    from oracles.policies import meta_gradient

    compared = 0
    for seed in range(12 * effort):
        for instance in some("policies", variant, seed, 1):
            with ctx.workprec(128):
                at = MetaRLQuantities(instance)
                if not ordinary(at):
                    continue
                expected = meta_gradient(instance)
                for found in (at._gradient, at._pulled(at._meta_features)):
                    for ball, value in zip(found, expected, strict=True):
                        assert float((ball - float(value)).abs_lower()) <= 1e-9 * (1 + at.scale("eps"))
                compared += 1
    assert compared >= 4 * effort


@pytest.mark.ci
def test_second_derivatives_agree_with_autograd(effort: int) -> None:
    """T3d's curvature, along the gradient; and the constant bounds the spectral norm."""
    from oracles.policies import meta_hessian

    compared = 0
    for seed in range(10 * effort):
        for instance in some("policies", "kl-step", seed, 2):
            with ctx.workprec(128):
                at = MetaRLQuantities(instance)
                gradient = np.array([float(g.mid()) for g in at._gradient])
                if not ordinary(at) or np.linalg.norm(gradient) < 1e-3:
                    continue
                hessian = meta_hessian(instance)
                expected = abs(gradient @ hessian @ gradient) / (gradient @ gradient)
                room = 1e-9 * (1 + at.scale("eps"))
                assert float((at.curvature_size - expected).abs_lower()) <= room
                assert np.linalg.norm(hessian, 2) <= float(at.smoothness.upper()) + room
            compared += 1
    assert compared >= 4 * effort


def exact_optimal_value(task: Task) -> fmpq:
    """J* by policy iteration in exact rationals: it ends, since every step improves strictly."""
    states, actions = len(task.rewards), len(task.rewards[0])
    choice = [0] * states
    while True:
        system = fmpq_mat(states, states, [
            int(s == t) - task.gamma * task.transitions[s][choice[s]][t] for s in range(states) for t in range(states)
        ])  # fmt: skip
        value = system.solve(
            fmpq_mat(states, 1, [(1 - task.gamma) * task.rewards[s][choice[s]] for s in range(states)])
        ).entries()
        q = [
            [
                (1 - task.gamma) * task.rewards[s][a]
                + task.gamma * sum((p * v for p, v in zip(task.transitions[s][a], value, strict=True)), start=fmpq(0))
                for a in range(actions)
            ]
            for s in range(states)
        ]
        better = [max(range(actions), key=row.__getitem__) for row in q]
        if all(q[s][better[s]] == q[s][choice[s]] for s in range(states)):
            return sum((p * v for p, v in zip(task.start, value, strict=True)), start=fmpq(0))
        choice = [b if q[s][b] > q[s][c] else c for s, (b, c) in enumerate(zip(better, choice, strict=True))]


@pytest.mark.ci
def test_the_cap_is_that_of_exact_policy_iteration_and_of_the_linear_program(effort: int) -> None:
    from oracles.policies import linear_program_return

    for seed in range(6 * effort):
        for instance in some("arbitrary", "kl-step", seed, 2):
            exact = sum((task.weight * exact_optimal_value(task) for task in instance.tasks), start=fmpq(0))
            with ctx.workprec(128):
                cap = MetaRLQuantities(instance).optimal_return
                assert cap.contains(exact)
                assert float(cap.rad()) <= 1e-9
            assert linear_program_return(instance) == pytest.approx(float(cap.mid()), abs=1e-5)


def test_reported_enclosures_are_narrow_and_contain_a_float64_evaluation() -> None:
    checked = 0
    for variant in ADAPTATIONS:
        for instance in some("policies", variant, 4, 6):
            with ctx.workprec(128):
                if not ordinary(MetaRLQuantities(instance)):
                    continue
            with np.errstate(all="ignore"):
                floats = BatchQuantities(batch_of(instance))
                for judged in judge(instance, complete=True).claims:
                    for name, enclosure in judged.terms.items():
                        if judged.verdict.name == "OUTSIDE" or name not in SHARED:
                            continue
                        assert enclosure.lo <= floats(name)[0] <= enclosure.hi, (name, judged.claim)
                        assert enclosure.hi - enclosure.lo <= 1e-3 * (1 + abs(enclosure.middle))
                        checked += 1
    assert checked >= 30
