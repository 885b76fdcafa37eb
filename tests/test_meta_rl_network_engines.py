"""Network policies four ways: exact pattern counts in balls, explicit features in float64, the same policy as a linear
one with explicit rational features, and torch's gradient through the network."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.families import META_RL_NETWORK
from metagap.impl.policies.generate import POLICY_STEPS
from metagap.impl.policies.instance import MetaRLInstance, Policies, PolicyNetworkInstance
from metagap.impl.policies.network_batch_quantities import NetworkBatchQuantities
from metagap.impl.policies.network_quantities import ReluPolicyQuantities
from metagap.impl.policies.quantities import MetaRLQuantities
from metagap.impl.sources import RandomSource

SHARED = (
    "gap", "pairing", "eps", "eps_formal", "weight_norm", "misfit", "eps_init", "misfit_init", "gradient_difference",
    "error_operator", "error_flips", "error_count", "displacement_init", "misfit_free", "misfit_other_kinks",
    "misfit_init_outer", "error_flips_outer", "error_count_linear", "defect_plain", "defect_step_squared",
    "pairing_prior_visitation", "misfit_uncentred", "min_norm_solution", "min_norm_plain", "condition",
)  # fmt: skip

RANK = ("min_norm_solution", "min_norm_plain", "condition")
"""Without a value where the features are not well independent."""


def ordinary(at: ReluPolicyQuantities) -> bool:
    """Where float64 can be expected to be right: nothing nearly impossible, no kink within rounding."""
    least = min(float(m.mid()) for m in at._masses)
    return least > 1e-9 and at.scale("gap") < 1e6 and bool(at("margin_differentiability") > 1e-9)


@pytest.mark.ci(every=9)
@pytest.mark.parametrize("variant", POLICY_STEPS)
@pytest.mark.parametrize("name", ["arbitrary", "policies", "delayed", "interpolating"])
def test_both_engines_agree(variant: str, name: str, effort: int) -> None:
    compared = 0
    for seed in range(6 * effort):
        with np.errstate(all="ignore"):
            batch = META_RL_NETWORK.generator(name).build(RandomSource((seed, 9), 3), variant)
            floats = NetworkBatchQuantities(batch)
        for b in range(len(batch)):
            with ctx.workprec(160):
                balls = ReluPolicyQuantities(batch.instance(b))
                if not ordinary(balls):
                    continue
                for quantity in SHARED:
                    with np.errstate(all="ignore"):
                        enclosure, value = balls(quantity), float(floats(quantity)[b])
                    if np.isnan(value):
                        assert quantity in RANK
                        continue
                    size = abs(value) + balls.scale(quantity) + balls.scale("gap")
                    # Norms of differences of features that cancel lose half of the digits.
                    assert float((enclosure - value).abs_lower()) <= 2e-8 * size, (quantity, value, enclosure)
                    compared += 1
    assert compared >= 40 * effort


def linear_twin(instance: PolicyNetworkInstance) -> MetaRLInstance:
    """The linear policy with the features phi_W, written out in rationals (m a square), and omega = vec(W)."""
    root = math.isqrt(instance.width)
    assert root * root == instance.width
    weights = [instance.omega.row(r) for r in range(instance.width)]

    def phi(x: tuple[fmpq, ...]) -> tuple[fmpq, ...]:
        row: list[fmpq] = []
        for b, w in zip(instance.signs, weights, strict=True):
            on = sum((u * v for u, v in zip(w, x, strict=True)), start=fmpq(0)) > 0
            row += [b * v / root if on else fmpq(0) for v in x]
        return tuple(row)

    return MetaRLInstance(
        tuple(tuple(phi(x) for x in rows) for rows in instance.features), instance.tasks, instance.tau, instance.eta,
        instance.adaptation, tuple(v for row in weights for v in row), instance.comparator, instance.radius,
    )  # fmt: skip


@pytest.mark.parametrize("variant", POLICY_STEPS)
def test_a_network_is_the_linear_policy_with_its_features(variant: str, effort: int) -> None:
    """N0: the ball engines of both families enclose the same numbers, the linear one in R^{mp}."""
    compared = 0
    for seed in range(30 * effort):
        with np.errstate(all="ignore"):
            instance = META_RL_NETWORK.generator("policies").build(RandomSource((seed, 3), 1), variant).instance(0)
        if instance.width not in (1, 4) or not isinstance(instance.comparator, Policies):
            continue
        with ctx.workprec(128):
            at, twin = ReluPolicyQuantities(instance), MetaRLQuantities(linear_twin(instance))
            for name in ("gap", "pairing", "eps", "weight_norm", "misfit", "chain_rule_defect", "defect_plain"):
                one, other = at(name), twin(name)
                assert one.overlaps(other), name
                room = 1e-12 * (1 + at.scale(name) + float(one.abs_upper()))
                assert float((one - other).rad()) <= room, name
            compared += 1
    assert compared >= 6 * effort


@pytest.mark.ci
@pytest.mark.parametrize("variant", POLICY_STEPS)
def test_autograd_agrees_with_the_gradient_in_coordinates(variant: str, effort: int) -> None:
    """Its length, and every pairing <grad L, e_k> with the basis that the coordinates refer to."""
    from oracles.policies import network_meta_gradient

    compared = 0
    for seed in range(12 * effort):
        with np.errstate(all="ignore"):
            instance = META_RL_NETWORK.generator("policies").build(RandomSource((seed, 4), 1), variant).instance(0)
        with ctx.workprec(128):
            at = ReluPolicyQuantities(instance)
            if not ordinary(at):
                continue
            expected = network_meta_gradient(instance)
            room = 1e-9 * (1 + at.scale("eps"))
            for name in ("eps", "eps_formal"):
                assert float((at(name) - float(np.linalg.norm(expected))).abs_lower()) <= room
            # <grad L, psi_a> = sum_k C_ak g_k, against the features as arrays.
            problem = at.problem
            phi = (problem.omega.active * problem.output.T).T[..., None] * problem.inputs.floats[:, None]
            pairings = np.tensordot(phi, expected, 2) / instance.width**0.5
            found = (problem.features * problem.m.matrix([[g] for g in at._gradient])).entries()
            for ball, value, row in zip(found, pairings, problem.inputs.floats, strict=True):
                assert float((ball - arb(float(value))).abs_lower()) <= room * (1 + float(np.linalg.norm(row)))
            compared += 1
    assert compared >= 4 * effort
