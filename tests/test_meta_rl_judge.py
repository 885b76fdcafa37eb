"""Every meta-RL claim on generated instances: proved, never violated; equalities where the theory says equality."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from flint import ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl.arithmetic import Rationals
from metagap.impl.families import META_RL, judge
from metagap.impl.policies.generate import ADAPTATIONS
from metagap.impl.policies.instance import Adaptation, MetaRLInstance, Policies, Task
from metagap.impl.policies.quantities import MetaRLQuantities
from metagap.impl.sources import Generator
from metagap.impl.strategies import instances
from metagap.theory.claim import Relation, Verdict

from .kinds import built, no_claim_is_violated

CLAIM = {claim.name: claim for claim in META_RL.claims}
ANY = st.one_of([instances(g.name, family=META_RL) for g in META_RL.generators])


@given(ANY)
def test_no_claim_is_violated(instance: MetaRLInstance) -> None:
    no_claim_is_violated(instance)


@given(instances("level", variants=("rational-step",), family=META_RL), st.data())
def test_the_identity_is_exact_along_any_direction(instance: MetaRLInstance, data: st.DataObject) -> None:
    """No tolerance at all: rational policies, visitations, values and Taylor arithmetic."""
    direction = tuple(fmpq(data.draw(st.integers(-50, 50)), 8) for _ in instance.omega)
    exact = MetaRLQuantities.exact(instance, direction)
    assert exact is not None and exact.m is Rationals
    for name in ("meta-rl-identity", "meta-rl-s1", "meta-rl-t3a-rational"):
        assert CLAIM[name].left(exact) == CLAIM[name].bound(exact)
    assert exact._gradient == exact._pulled(exact._meta_features)
    total = [sum(column, start=fmpq(0)) for column in zip(*exact._mixed.pull.tolist(), strict=True)]
    assert total == exact._gradient
    assert sum(exact._mixed.target, start=fmpq(0)) == exact.pairing


@given(ANY)
def test_equalities_are_enclosed_to_their_rounding_unit(instance: MetaRLInstance) -> None:
    with ctx.workprec(128):
        at = MetaRLQuantities(instance)
        if not at.margin_positive_policy > 0:
            return
        for name in ("meta-rl-identity", "meta-rl-s1", "meta-rl-s2"):
            difference = CLAIM[name].left(at) - CLAIM[name].bound(at)
            assert difference.contains(0)
            assert float(difference.rad()) <= 1e-9 * (1 + at.scale("gap"))


@pytest.mark.ci(every=9)
@pytest.mark.parametrize("generator", META_RL.generators, ids=lambda g: g.name)
def test_nearly_all_inequalities_are_proved(generator: Generator, effort: int) -> None:
    """Of what is in scope and not attained at least 97 in 100; nothing is violated."""
    counts: Counter[str] = Counter()
    for variant in generator.variants:
        for seed in range(6 * effort):
            for instance in built(META_RL, generator.name, variant, seed, 2):
                for judged in judge(instance).claims:
                    equality = CLAIM[judged.claim].relation is Relation.EQUAL
                    assert judged.verdict is not Verdict.VIOLATED, judged
                    if equality:
                        assert judged.verdict is not Verdict.UNDECIDED, judged
                    else:
                        counts[judged.verdict.name] += 1
    assert counts["PROVED"] >= 0.97 * (counts["PROVED"] + counts["UNDECIDED"])
    assert counts["PROVED"] >= 40


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("variant", ADAPTATIONS)
def test_tangent_comparators_attain_the_bound(variant: str, effort: int) -> None:
    """gap = R eps + C inf: the ratio is within 1e-6 of 1 on at least 95 in 100 of those built."""
    close = resolvable = 0
    for seed in range(16 * effort):
        for instance in built(META_RL, "tangent", variant, seed, 4):
            with ctx.workprec(128):
                at = MetaRLQuantities(instance)
                bound = at.radius * at.eps + at.weight_norm * at.misfit
                if bound > 1e-30:
                    resolvable += 1
                    close += bool(abs(float((at.gap / bound).mid()) - 1) <= 1e-6)
    assert resolvable >= 40 * effort
    assert close >= 0.95 * resolvable


@given(instances("policies", family=META_RL))
def test_duality_orders_the_forms(instance: MetaRLInstance) -> None:
    """w is feasible: CORE >= L1 >= <w, u>, and the undivided mixed form >= <w, u>."""
    with ctx.workprec(256):
        at = MetaRLQuantities(instance)
        assert not at.radius * at.eps + at.weight_norm * at.misfit < at.misfit_l1
        assert not at.misfit_l1 < at.pairing
        if instance.adaptation is not Adaptation.GRADIENT:
            assert not at.mixed_misfit_l1 < at.pairing


@pytest.mark.ci
def test_every_claim_is_in_scope_of_a_generator() -> None:
    """Of the instances of its best generator at least a third."""
    best: dict[str, float] = {}
    for generator in META_RL.generators:
        found = [
            judge(instance)
            for variant in generator.variants
            for seed in (3, 4, 5)
            for instance in built(META_RL, generator.name, variant, seed, 2)
        ]
        for claim in META_RL.claims:
            share = sum(j[claim.name].verdict is not Verdict.OUTSIDE for j in found) / len(found)
            best[claim.name] = max(best.get(claim.name, 0), share)
    assert min(best.values()) >= 1 / 3, best


def bandit(rewards: tuple[int, int], rival: tuple[fmpq, fmpq], feature: int = 0, eta: int = 0) -> MetaRLInstance:
    one = fmpq(1)
    task = Task(one, fmpq(0), (((one,), (one,)),), ((fmpq(rewards[0]), fmpq(rewards[1])),), (one,))
    features = (((fmpq(feature),), (fmpq(0),)),)
    policies = Policies(((rival,),))
    return MetaRLInstance(features, (task,), one, fmpq(eta), Adaptation.KL_STEP, (fmpq(0),), policies, one)


def test_the_a_priori_constant_is_attained_exactly() -> None:
    """Rewards 1 and -1, uniform policy: C = 1 = Q_max, and the gap 1/5 is C ||u||."""
    exact = MetaRLQuantities(bandit((1, -1), (fmpq(3, 5), fmpq(2, 5))), Rationals)
    assert exact.weight_norm == exact.weight_bound == 1
    assert exact.gap == fmpq(1, 5) == exact.weight_norm * exact.function_displacement


@pytest.mark.parametrize("kappa", [fmpq(0), fmpq(1, 4), fmpq(3)])
@pytest.mark.parametrize("eta", [fmpq(0), fmpq(1, 3), fmpq(-1, 2)])
def test_tangent_comparators_attain_the_bound_exactly(kappa: fmpq, eta: fmpq) -> None:
    """d = 1, everything rational: gap == R eps + kappa R C^2 with no tolerance, and that is the bound squared away."""
    one, zero, gamma, step = fmpq(1), fmpq(0), fmpq(1, 2), fmpq(1, 64)
    chain = (((zero, one), (fmpq(1, 3), fmpq(2, 3))), ((one, zero), (fmpq(1, 4), fmpq(3, 4))))
    task = Task(one, gamma, chain, ((one, zero), (-one / 2, one / 4)), (fmpq(2, 3), fmpq(1, 3)))
    uniform = Policies((((one / 2, one / 2),) * 2,))
    features = (((one,), (zero,)), ((-one,), (2 * one,)))
    start = MetaRLInstance(features, (task,), one, eta, Adaptation.RATIONAL_STEP, (zero,), uniform, step)
    at = MetaRLQuantities(start, Rationals)
    sign = one if at._gradient[0] > 0 else -one
    h = [row[0] * sign + kappa * w for row, w in zip(at._meta_features.tolist(), at._w, strict=True)]
    own = at._adapted[0]
    nu = own.at.frequencies
    rows = [row for table in chain for row in table]
    push = [
        sum((gamma * m * x * row[t] for m, x, row in zip(at._masses, h, rows, strict=True)), start=zero) for t in (0, 1)
    ]
    visits = own.at.visitation.tolist()
    dn = [sum((push[s] * visits[s][t] for s in (0, 1)), start=zero) / (1 - gamma) for t in (0, 1)]
    moved = [n + step * d for n, d in zip(nu, dn, strict=True)]
    rival = tuple(
        tuple(own.policy[s][a] * (1 + step * nu[s] * h[2 * s + a] / moved[s]) for a in (0, 1)) for s in (0, 1)
    )
    exact = MetaRLQuantities(replace(start, comparator=Policies((rival,))), Rationals, (step * sign,))
    square = sum((m * w * w for m, w in zip(exact._masses, exact._w, strict=True)), start=zero)
    assert exact._rivals[0].at.frequencies == moved
    assert exact.gap == step * exact.eps + step * kappa * square
    assert exact._at_direction == [step * kappa * w for w in exact._w]
    assert exact.gap > 0


def test_a_bandit_by_hand() -> None:
    """phi = (1, 0), r = (1, 0): pi = 1/2, grad L = 1/4, u = (1/2, -1/2), one meta-feature (1/2, -1/2): v = 1."""
    instance = bandit((1, 0), (fmpq(3, 4), fmpq(1, 4)), feature=1)
    exact = MetaRLQuantities(instance, Rationals, (fmpq(1),))
    assert (exact.gap, exact.eps, exact.residual_norm) == (fmpq(1, 4), fmpq(1, 4), 0)
    assert exact.weight_norm == fmpq(1, 2)


def test_a_chain_by_hand() -> None:
    """One action, s0 -> s1 -> s1, r = (0, 1), gamma = 1/2: V = (1/2, 1), nu = (1/2, 1/2)."""
    one, zero, half = fmpq(1), fmpq(0), fmpq(1, 2)
    task = Task(one, half, (((zero, one),), ((zero, one),)), ((zero,), (one,)), (one, zero))
    instance = MetaRLInstance((((one,),), ((one,),)), (task,), one, one, Adaptation.RATIONAL_STEP, (zero,), (one,), one)
    exact = MetaRLQuantities(instance, Rationals)
    assert exact.adapted_return == half
    assert exact._adapted[0].at.frequencies == [half, half]
    assert exact.gap == 0


def test_rare_visits_keep_their_relative_precision() -> None:
    """A state that is reached with probability e^{-1000}: its visitation is enclosed relatively, not absolutely."""
    one, zero = fmpq(1), fmpq(0)
    task = Task(one, fmpq(99, 100), (((one, zero), (zero, one)),) * 2, ((zero, one), (one, zero)), (one, zero))
    features = (((one,), (zero,)), ((one,), (zero,)))
    instance = MetaRLInstance(features, (task,), one, fmpq(1), Adaptation.KL_STEP, (fmpq(1000),), (fmpq(999),), one)
    with ctx.workprec(128):
        at = MetaRLQuantities(instance)
        rare = at._adapted[0].at.frequencies[1]
        assert 0 < rare < 1e-400 or rare.log() < -900
        assert rare.rel_accuracy_bits() > 100
    for judged in judge(instance).claims:
        assert judged.verdict is not Verdict.VIOLATED


@given(instances("policies", family=META_RL))
def test_wide_balls_lose_no_point(instance: MetaRLInstance) -> None:
    """Only what is exactly 0 leaves the lifted space: a ball around 0 does not (arb's != says False for it)."""
    counts = []
    for bits in (6, 256):
        with ctx.workprec(bits):
            counts.append(MetaRLQuantities(instance)._points)
    assert counts[0] == counts[1]


def test_outside_names_the_assumption() -> None:
    instance = replace(bandit((0, 1), (fmpq(0), fmpq(1)), eta=-1), adaptation=Adaptation.RATIONAL_STEP)
    judged = judge(instance, (CLAIM["meta-rl-lifted"],)).claims[0]
    assert judged.verdict is Verdict.OUTSIDE
    assert judged.reason.startswith("positive-policy")


def test_unreachable_states_do_not_matter() -> None:
    """Rewards, features and policies of a state that is never visited change no term."""
    one, zero, half = fmpq(1), fmpq(0), fmpq(1, 2)

    def instance(reward: int, rival: fmpq) -> MetaRLInstance:
        stay = (((one, zero), (one, zero)), ((zero, one), (half, half)))
        task = Task(one, half, stay, ((one, zero), (fmpq(reward), zero)), (one, zero))
        features = (((one,), (zero,)), ((fmpq(reward),), (one,)))
        policies = Policies((((fmpq(3, 4), fmpq(1, 4)), (rival, 1 - rival)),))
        return MetaRLInstance(features, (task,), one, zero, Adaptation.KL_STEP, (zero,), policies, one)

    first, second = (MetaRLQuantities(i, Rationals, (one,)) for i in (instance(0, half), instance(7, zero)))
    for name in ("gap", "pairing", "residual_norm", "eps", "weight_norm"):
        assert first(name) == second(name)
    assert len(first._points) == 2
