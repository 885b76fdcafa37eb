"""Network-policy claims on generated instances: proved, never violated; equalities where the theory says equality."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from flint import ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl.arithmetic import Rationals
from metagap.impl.balls.dense import Dense
from metagap.impl.families import META_RL_NETWORK, judge
from metagap.impl.models.coordinates import coordinates
from metagap.impl.models.weights import Weights
from metagap.impl.policies.generate import POLICY_STEPS
from metagap.impl.policies.instance import Adaptation, Policies, PolicyNetworkInstance, Task
from metagap.impl.policies.network_generate import WIDTHS
from metagap.impl.policies.network_quantities import ReluPolicyQuantities
from metagap.impl.sources import Generator
from metagap.impl.strategies import instances
from metagap.theory.claim import Relation, Verdict

from .kinds import built, no_claim_is_violated

CLAIM = {claim.name.removeprefix("meta-rl-network-"): claim for claim in META_RL_NETWORK.claims}
FINE = (Verdict.PROVED, Verdict.EQUAL)


@given(st.one_of([instances(name, family=META_RL_NETWORK) for name in ("arbitrary", "kinks", "delayed")]))
def test_no_claim_is_violated(instance: PolicyNetworkInstance) -> None:
    no_claim_is_violated(instance)


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("generator", META_RL_NETWORK.generators, ids=lambda g: g.name)
def test_nearly_all_claims_are_decided(generator: Generator, effort: int) -> None:
    """Nothing is violated, equalities hold, and at most one inequality in a hundred in scope stays open."""
    counts: Counter[str] = Counter()
    for variant in generator.variants:
        for seed in range(4 * effort):
            for instance in built(META_RL_NETWORK, generator.name, variant, seed, 2):
                for name, judged in zip(CLAIM, judge(instance).claims, strict=True):
                    assert judged.verdict is not Verdict.VIOLATED, judged
                    counts[judged.verdict.name] += 1
                    if CLAIM[name].relation is Relation.EQUAL:
                        assert judged.verdict is not Verdict.UNDECIDED, judged
    assert counts["UNDECIDED"] <= 0.01 * (counts.total() - counts["OUTSIDE"])
    assert counts["PROVED"] >= 60


def test_widths_and_distances_are_covered() -> None:
    widths, distances = set(), []
    for seed in range(40):
        for instance in built(META_RL_NETWORK, "arbitrary", "kl-step", seed, 4):
            widths.add(instance.width)
            with ctx.workprec(64):
                distances.append(float(ReluPolicyQuantities(instance)("displacement_init")))
    assert widths == set(WIDTHS)
    assert min(distances) < 2e-2
    assert max(distances) > 5e1


@pytest.mark.ci(every=4)
@pytest.mark.parametrize(("generator", "eps", "misfit"), [
    ("tangent", "eps", "misfit"), ("tangent-start", "eps_init", "misfit_init")
])  # fmt: skip
@pytest.mark.parametrize("variant", POLICY_STEPS)
def test_tangent_comparators_attain_the_bound(generator: str, eps: str, misfit: str, variant: str, effort: int) -> None:
    """With the features at W, and with those at W0: the ratio is within 1e-6 of 1 on at least 95 in 100."""
    close = resolvable = 0
    for seed in range(14 * effort):
        for instance in built(META_RL_NETWORK, generator, variant, seed, 3):
            with ctx.workprec(128):
                at = ReluPolicyQuantities(instance)
                bound = at("radius") * at(eps) + at("weight_norm") * at(misfit)
                if at("margin_differentiability") > 0 and bound > 1e-30:
                    resolvable += 1
                    close += bool(abs(float((at("gap") / bound).mid()) - 1) <= 1e-6)
    assert resolvable >= 20 * effort
    assert close >= 0.95 * resolvable


@pytest.mark.ci
def test_the_identity_is_exact_along_any_direction(effort: int) -> None:
    """Paired neurons, rational step: identity, chain rule and performance difference with no tolerance."""
    rng = np.random.default_rng(2)
    live = 0
    for seed in range(12 * effort):
        for instance in built(META_RL_NETWORK, "level", "rational-step", seed, 2):
            exact = ReluPolicyQuantities.exact(instance)
            assert exact is not None
            direction = tuple(fmpq(int(v), 8) for v in rng.integers(-50, 50, exact.problem.dimension))
            exact = ReluPolicyQuantities(instance, Rationals, direction)
            for name in ("identity", "s1", "s2"):
                assert CLAIM[name].left(exact) == CLAIM[name].bound(exact)
            live += any(g != 0 for g in exact._gradient)
            with ctx.workprec(128):
                at = ReluPolicyQuantities(instance)
                inside = at("margin_positive_policy") > 0 and at("margin_differentiability") > 0
            if inside:
                for name in ("identity", "s1", "s2"):
                    assert judge(instance, (CLAIM[name],)).claims[0].verdict is Verdict.PROVED
    assert live >= 12 * effort


@given(st.integers(1, 6).flatmap(lambda d: st.lists(st.lists(st.integers(-3, 3), min_size=d, max_size=d), min_size=1,
                                                    max_size=7)))  # fmt: skip
def test_coordinates_are_exact(rows: list[list[int]]) -> None:
    """L D L' is the Gram matrix, the rank is exact, and lengths are those of the vectors."""
    gram = [[fmpq(sum(u * v for u, v in zip(a, b, strict=True))) for b in rows] for a in rows]
    at = coordinates(gram)
    for a, row in enumerate(at.lower):
        for b, other in enumerate(at.lower):
            product = sum((u * v * d for u, v, d in zip(row, other, at.squares, strict=True)), start=fmpq(0))
            assert product == gram[a][b]
    assert len(at.squares) == max(np.linalg.matrix_rank(np.array(rows)), 1)
    total = [sum(column) for column in zip(*rows, strict=True)]
    table = at.table(Rationals).tolist()
    square = sum(t * t for t in total)
    if (root := round(square**0.5)) ** 2 == square:
        # <e_k, sum psi_a> = sum_a L_ak D_k: the column sums of the rational rows.
        pairings = [sum(column, start=fmpq(0)) for column in zip(*table, strict=True)]
        assert Dense(Rationals, pairings, at.squares).length == root


def test_neurons_near_their_kinks_are_decided_exactly() -> None:
    """Floats alone would misjudge signs here: every pattern is that of exact arithmetic."""
    hard = 0
    for seed in range(30):
        for instance in built(META_RL_NETWORK, "near-kink", "kl-step", seed, 2):
            problem = ReluPolicyQuantities(instance).problem
            for point in (problem.omega, problem.start):
                naive = (point.weights.floats @ problem.inputs.floats.T) > 0
                for (r, x), q in point.signs.exact.items():
                    assert point.active[r, x] == float(q > 0)
                    hard += bool(naive[r, x] != (q > 0))
    assert hard >= 3


def test_the_count_of_flips_is_attained() -> None:
    attained = 0
    for seed in range(20):
        for instance in built(META_RL_NETWORK, "pushed", "kl-step", seed, 2):
            with ctx.workprec(128):
                at = ReluPolicyQuantities(instance)
                flips, count = at("error_flips"), at("error_count")
                assert not flips > count
                attained += bool(flips > 0 and flips.overlaps(count))
    assert attained >= 10


def neuron(weight: int, start: int = 1, sign: int = -1, x: int = 1, states: int = 1) -> PolicyNetworkInstance:
    """Two actions with x = (x, 0) and r = (1, 0), gamma = 0; further states are never visited."""
    one, zero = fmpq(1), fmpq(0)
    stay = tuple((tuple(fmpq(int(t == s)) for t in range(states)),) * 2 for s in range(states))
    task = Task(one, zero, stay, ((one, zero),) * states, tuple(fmpq(int(s == 0)) for s in range(states)))
    # An input at which W = 0 is a kink, in a state that nobody visits.
    features = (((fmpq(x),), (zero,)), *((((one,), (one,)),) * (states - 1)))
    rival = Policies((((one, zero),) * states,))
    return PolicyNetworkInstance(
        features, (task,), one, zero, Adaptation.KL_STEP, Weights.of([(fmpq(weight),)]), rival, fmpq(2),
        signs=(sign,), initial=Weights.of([(fmpq(start),)]),
    )  # fmt: skip


def test_a_neuron_at_its_kink_is_outside_and_the_formal_gradient_is_not() -> None:
    """Ablation L: stationary in both directions, gap 1/2, and only the formal gradient with one rule is a bound."""
    judgement = judge(neuron(0))
    lifted = judgement["meta-rl-network-lifted"]
    assert lifted.verdict is Verdict.OUTSIDE
    assert lifted.reason.startswith("differentiable-adaptation")
    assert judgement["meta-rl-network-formal"].verdict in FINE
    # L = logistic(-relu(W)) does not increase to either side.
    values = []
    for weight in (-1, 0, 1):
        with ctx.workprec(64):
            values.append(ReluPolicyQuantities(neuron(weight))("adapted_return"))
    assert values[1] == values[0]
    assert values[2] < values[1]


def test_kinks_that_nobody_sees_are_none() -> None:
    """x = 0 (f = 0 for every W), and inputs of states that are never visited."""
    assert judge(neuron(0, x=0))["meta-rl-network-lifted"].verdict in FINE
    assert judge(neuron(0, x=0, states=2))["meta-rl-network-lifted"].verdict in FINE
    assert judge(replace(neuron(0, states=2), omega=Weights.of([(fmpq(1),)])))["meta-rl-network-s2"].verdict in FINE


def test_every_claim_is_in_scope_of_a_generator() -> None:
    found = {
        name: [
            judge(one)
            for variant in POLICY_STEPS
            for seed in (3, 4)
            for one in built(META_RL_NETWORK, name, variant, seed, 2)
        ]
        for name in ("arbitrary", "interpolating")
    }
    for claim in META_RL_NETWORK.claims:
        shares = [sum(j[claim.name].verdict is not Verdict.OUTSIDE for j in one) / len(one) for one in found.values()]
        assert max(shares) >= 1 / 3
