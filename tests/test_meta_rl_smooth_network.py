"""Smooth network policies: engines and autograd agree, claims are never violated, errors are attained, files, real."""

from __future__ import annotations

import copy
import json
from collections import Counter

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from metagap.impl import files
from metagap.impl.arithmetic import Balls, norm
from metagap.impl.families import META_RL_SMOOTH_NETWORK, judge, loads
from metagap.impl.files import BadInputError
from metagap.impl.models.activation import ACTIVATIONS
from metagap.impl.models.smooth_coordinates import coordinates
from metagap.impl.models.weights import Weights
from metagap.impl.policies.generate import POLICY_STEPS
from metagap.impl.policies.instance import PolicyNetworkInstance
from metagap.impl.policies.network_batch_quantities import NetworkBatchQuantities
from metagap.impl.policies.network_generate import SMOOTH_WIDTHS
from metagap.impl.policies.network_problem import SmoothProblem
from metagap.impl.policies.network_quantities import SmoothPolicyQuantities
from metagap.impl.real_tasks.policy_networks import smooth_frozen_lake, smooth_frozen_lake_alone
from metagap.impl.sources import Generator, RandomSource
from metagap.impl.strategies import instances
from metagap.theory.claim import Relation, Verdict

from .kinds import built, no_claim_is_violated

CLAIM = {claim.name.removeprefix("meta-rl-smooth-network-"): claim for claim in META_RL_SMOOTH_NETWORK.claims}
FEW = settings(max_examples=max(settings().max_examples // 2, 1))
SHARED = (
    "gap", "pairing", "eps", "weight_norm", "misfit", "eps_init", "misfit_init", "gradient_difference",
    "error_operator", "error_pointwise", "error_ball", "displacement_init", "misfit_init_outer", "defect_plain",
    "error_pointwise_outer", "error_half_curvature", "error_ball_narrow", "pairing_prior_visitation",
    "min_norm_solution", "min_norm_plain", "condition",
)  # fmt: skip


@FEW
@given(st.one_of([instances(name, family=META_RL_SMOOTH_NETWORK) for name in ("arbitrary", "bent", "delayed")]))
def test_no_claim_is_violated(instance: PolicyNetworkInstance) -> None:
    no_claim_is_violated(instance)


@pytest.mark.ci(every=8)
@pytest.mark.parametrize("generator", META_RL_SMOOTH_NETWORK.generators, ids=lambda g: g.name)
def test_nearly_all_claims_are_decided(generator: Generator, effort: int) -> None:
    """Nothing is violated, equalities hold, and at most one inequality in a hundred in scope stays open."""
    counts: Counter[str] = Counter()
    for variant in generator.variants:
        for seed in range(4 * effort):
            for instance in built(META_RL_SMOOTH_NETWORK, generator.name, variant, seed, 2):
                for name, judged in zip(CLAIM, judge(instance).claims, strict=True):
                    assert judged.verdict is not Verdict.VIOLATED, judged
                    counts[judged.verdict.name] += 1
                    if CLAIM[name].relation is Relation.EQUAL:
                        assert judged.verdict is not Verdict.UNDECIDED, judged
    assert counts["UNDECIDED"] <= 0.01 * (counts.total() - counts["OUTSIDE"])
    assert counts["PROVED"] >= 40


def test_widths_and_both_kinds_of_coordinates_are_covered() -> None:
    widths, spans = set(), set()
    for seed in range(40):
        for instance in built(META_RL_SMOOTH_NETWORK, "arbitrary", "kl-step", seed, 2):
            widths.add(instance.width)
            spans.add(SmoothProblem(instance).coordinates.basis is not None)
    assert widths == set(SMOOTH_WIDTHS)
    assert spans == {True, False}


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("variant", POLICY_STEPS)
@pytest.mark.parametrize("name", ["arbitrary", "policies", "bent", "delayed", "interpolating"])
def test_both_engines_agree(variant: str, name: str, effort: int) -> None:
    compared = 0
    for seed in range(6 * effort):
        with np.errstate(all="ignore"):
            batch = META_RL_SMOOTH_NETWORK.generator(name).build(RandomSource((seed, 9), 3), variant)
            floats = NetworkBatchQuantities(batch)
        for b in range(len(batch)):
            with ctx.workprec(160):
                balls = SmoothPolicyQuantities(batch.instance(b))
                if min(float(m.mid()) for m in balls._masses) < 1e-9 or balls.scale("gap") > 1e6:
                    continue
                for quantity in SHARED:
                    with np.errstate(all="ignore"):
                        enclosure, value = balls(quantity), float(floats(quantity)[b])
                    if np.isnan(value):
                        # No value where the features are not well independent.
                        assert quantity in SHARED[-3:]
                        continue
                    size = abs(value) + balls.scale(quantity) + balls.scale("gap")
                    assert float((enclosure - value).abs_lower()) <= 2e-8 * size, (quantity, value, enclosure)
                    compared += 1
    assert compared >= 40 * effort


@pytest.mark.ci
@pytest.mark.parametrize("variant", POLICY_STEPS)
def test_autograd_agrees_with_the_gradient_in_coordinates(variant: str, effort: int) -> None:
    """Its length, and its pairings with the features: grad L is in their span."""
    import torch
    from oracles.policies import network_meta_gradient

    activations = {"softplus": torch.nn.functional.softplus, "tanh": torch.tanh}
    compared: Counter[str] = Counter()
    for seed in range(16 * effort):
        (instance,) = built(META_RL_SMOOTH_NETWORK, "policies", variant, seed, 1)
        with ctx.workprec(128):
            at = SmoothPolicyQuantities(instance)
            if min(float(m.mid()) for m in at._masses) < 1e-9:
                continue
            expected = network_meta_gradient(instance, activations[instance.activation])
            room = 1e-9 * (1 + at.scale("eps"))
            assert float((at("eps") - float(np.linalg.norm(expected))).abs_lower()) <= room
            found = (at.problem.features * Balls.matrix([[g] for g in at._gradient])).entries()
            gates = np.array([[float(g.mid()) for g in row] for row in at.problem.own_gates])
            inputs = np.array([[float(v.mid()) for v in row] for row in at.problem.inputs.tolist()])
            for x, ball in enumerate(found):
                pairing = float((gates[:, x, None] * inputs[x] * expected).sum())
                assert float((ball - pairing).abs_lower()) <= room * (1 + float(np.linalg.norm(inputs[x])))
            compared[instance.activation] += 1
    assert len(compared) == 2
    assert compared.total() >= 8 * effort


@pytest.mark.parametrize("width", [1, 8])
def test_coordinates_are_those_of_the_features(width: int) -> None:
    """Few neurons (R^{mp}) and many (the span): inner products, and weights from directions."""
    (instance,) = (i for i in built(META_RL_SMOOTH_NETWORK, "arbitrary", "kl-step", 3, 1))
    rng = np.random.default_rng(width)
    p = instance.shape[2]
    weights = Weights(rng.standard_normal((width, p)))
    instance = PolicyNetworkInstance(
        instance.features, instance.tasks, instance.tau, instance.eta, instance.adaptation, weights, weights,
        fmpq(1), signs=(1,) * width, initial=weights, activation="tanh",
    )  # fmt: skip
    with ctx.workprec(128):
        problem = SmoothProblem(instance)
        at = coordinates(problem, problem.own_gates, problem.own_gates)
        one, other = at.tables
        assert all(a.overlaps(b) for a, b in zip(one.entries(), other.entries(), strict=True))
        own, inputs = problem.own_gates, problem.inputs
        gram = (problem.features * problem.features.transpose()).tolist()
        for x, row in enumerate(gram):
            for y, found in enumerate(row):
                product = sum((inputs[x, j] * inputs[y, j] for j in range(p)), start=arb(0))
                exact = product * sum((g[x] * g[y] for g in own), start=arb(0))
                assert found.overlaps(exact)
        direction = [arb(int(v)) for v in rng.integers(-5, 5, problem.dimension)]
        moved = problem.coordinates.weights(direction)
        assert norm(moved.entries()).overlaps(norm(direction))
        pairings = (problem.features * Balls.matrix([[v] for v in direction])).entries()
        for x, found in enumerate(pairings):
            exact = sum((own[r][x] * inputs[x, j] * moved[r, j] for r in range(width) for j in range(p)), start=arb(0))
            assert found.overlaps(exact)


@pytest.mark.parametrize("variant", POLICY_STEPS)
def test_errors_are_nearly_attained(variant: str) -> None:
    """All neurons moved alike: the displacements' error is the ball's; and where sigma bends most E_op is close."""
    equal, closest = 0, 0.0
    for seed in range(20):
        for instance in built(META_RL_SMOOTH_NETWORK, "bent", variant, seed, 2):
            with ctx.workprec(128):
                at = SmoothPolicyQuantities(instance)
                displaced, ball = at("error_pointwise"), at("error_ball")
                equal += bool(displaced.overlaps(ball) and displaced > 0)
                closest = max(closest, float((at("error_operator") / displaced).mid()))
    assert equal >= 20
    assert closest > 0.9


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("variant", POLICY_STEPS)
@pytest.mark.parametrize(("generator", "eps", "misfit"), [
    ("tangent", "eps", "misfit"), ("tangent-start", "eps_init", "misfit_init")
])  # fmt: skip
def test_tangent_comparators_attain_the_bound(generator: str, eps: str, misfit: str, variant: str) -> None:
    close = resolvable = 0
    for seed in range(14):
        for instance in built(META_RL_SMOOTH_NETWORK, generator, variant, seed, 2):
            with ctx.workprec(128):
                at = SmoothPolicyQuantities(instance)
                bound = at("radius") * at(eps) + at("weight_norm") * at(misfit)
                if bound > 1e-30:
                    resolvable += 1
                    close += bool(abs(float((at("gap") / bound).mid()) - 1) <= 1e-6)
    assert resolvable >= 20
    assert close >= 0.95 * resolvable


def test_the_error_shrinks_like_the_root_of_the_width() -> None:
    """N1' on one atom with ||W - W0|| = 1: m^{1/2} times the error is constant; no regularity of the data."""
    base = built(META_RL_SMOOTH_NETWORK, "bent", "kl-step", 1, 1)[0]
    scaled = []
    for width in (4, 16, 64):
        unit = tuple(fmpq(int(j == 0)) for j in range(base.shape[2]))
        step = fmpq(1, int(width**0.5))
        start = Weights.of([(fmpq(0),) * len(unit)] * width)
        moved = Weights.of([tuple(step * v for v in unit)] * width)
        features = (((unit), *[tuple(fmpq(0) for _ in unit)] * (base.shape[1] - 1)),)
        instance = PolicyNetworkInstance(
            features, base.tasks, fmpq(1), fmpq(0), base.adaptation, moved, start, fmpq(1),
            signs=(1, -1) * (width // 2), initial=start, activation="softplus",
        )  # fmt: skip
        with ctx.workprec(128):
            at = SmoothPolicyQuantities(instance)
            assert at("error_operator") <= at("error_ball")
            scaled.append(float((at("error_operator") * width**0.5).mid()))
    assert scaled[0] > 0
    assert scaled[2] == pytest.approx(scaled[1], rel=0.02)


VALID = {
    "format": "metagap/instance/1",
    "problem": "meta-rl",
    "model": {"name": "smooth-network", "activation": "tanh", "b": [1, -1], "W0": [[1.0, 0.5], ["1/3", -1.0]]},
    "features": [[[1.0, 0.0], [0.5, 1.0]]],
    "tasks": [{"weight": 1.0, "gamma": 0.5, "P": [[[1.0], [1.0]]], "r": [[1.0, 0.0]], "start": [1.0]}],
    "tau": 0.5,
    "eta": "1/8",
    "adaptation": {"name": "kl-step"},
    "omega": [[1.0, 0.25], [0.5, -1.0]],
    "comparator": [[0.0, 1.0], ["1e-400", 4.0]],
    "radius": 4.0,
}


def test_files_are_read_back_and_faults_named() -> None:
    instance = loads(json.dumps(VALID))
    assert isinstance(instance, PolicyNetworkInstance)
    assert instance.family == "meta-rl-smooth-network"
    assert loads(files.dumps(instance)) == instance
    assert {j.verdict for j in judge(instance).claims} <= {Verdict.PROVED, Verdict.EQUAL}
    for value, place, required in (
        ("cubic", "model.activation='cubic'", " or ".join(map(repr, ACTIVATIONS))),
        (7, "model.activation=7", " or ".join(map(repr, ACTIVATIONS))),
    ):
        document = copy.deepcopy(VALID)
        document["model"]["activation"] = value  # type: ignore[index]
        with pytest.raises(BadInputError) as caught:
            loads(json.dumps(document), "task.json")
        assert str(caught.value).startswith(f"task.json: {place}")
        assert required in str(caught.value)


@pytest.mark.ci
def test_frozen_lake_with_softplus_policies() -> None:
    """Everything is decided on the smaller networks; the gap to the trained network is positive."""
    name, instance = next(case for case in smooth_frozen_lake() if "untrained" in case[0])
    assert name.startswith("4 neurons")
    judgement = judge(instance)
    *others, last = judgement.claims
    assert all(j.verdict in (Verdict.PROVED, Verdict.EQUAL) for j in others)
    # The tasks share their squares.
    assert (last.claim, last.verdict) == ("meta-rl-smooth-network-c3", Verdict.OUTSIDE)
    lifted = judgement["meta-rl-smooth-network-lifted"]
    assert lifted.gap is not None and lifted.gap.lo > 0


@pytest.mark.ci
def test_a_lake_alone_is_over_parameterised() -> None:
    """33 differences of actions on 11 squares are independent at width 16, and nearly dependent."""
    for name, instance in smooth_frozen_lake_alone():
        judged = judge(instance)["meta-rl-smooth-network-c3"]
        assert judged.verdict is Verdict.PROVED, name
        assert judged.terms["condition"].lo > 1e6


def test_one_action_leaves_nothing_to_choose() -> None:
    """No differences of features between actions, of which meta-features are sums."""
    document = {
        "format": "metagap/instance/1",
        "problem": "meta-rl",
        "model": {"name": "smooth-network", "activation": "softplus", "b": [1, -1], "W0": [[1], [0]]},
        "features": [[[1]]],
        "tasks": [{"weight": 1, "gamma": 0, "P": [[[1]]], "r": [[1]], "start": [1]}],
        "tau": 0.5,
        "eta": 0.25,
        "adaptation": {"name": "kl-step"},
        "omega": [[-4], [-7]],
        "comparator": {"policies": [[[1]]]},
        "radius": 4,
    }
    found = judge(loads(json.dumps(document)))
    assert {c.verdict for c in found.claims} <= {Verdict.PROVED, Verdict.EQUAL, Verdict.OUTSIDE}
    l1 = found["meta-rl-smooth-network-l1"]
    assert l1.bound is not None and l1.bound.lo == l1.bound.hi == 0
