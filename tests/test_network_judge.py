"""Network claims on generated instances: proved, never violated; equalities where the theory says equality."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from flint import ctx, fmpq
from hypothesis import given
from metagap.impl.arithmetic import Rationals
from metagap.impl.families import NETWORK, judge, loads
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.sources import Generator, Limits, RandomSource
from metagap.impl.strategies import instances
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, Task
from metagap.impl.supervised.relu.batch_quantities import NetworkBatchQuantities
from metagap.impl.supervised.relu.generate import WIDTHS
from metagap.impl.supervised.relu.quantities import NetworkQuantities
from metagap.reports.bench.networks import wide_instance
from metagap.theory.claim import Claim, Verdict

from .kinds import no_claim_is_violated

CLAIM = {claim.name: claim for claim in NETWORK.claims}
NARROW = Limits(tasks=3, points=3, labels=2, dimension=3)


@given(instances("arbitrary", family=NETWORK, limits=NARROW))
def test_no_claim_is_violated(instance: NetworkInstance) -> None:
    no_claim_is_violated(instance)


@pytest.mark.ci(every=18)
@pytest.mark.parametrize("generator", NETWORK.generators, ids=lambda g: g.name)
def test_at_most_one_in_a_hundred_is_undecided(generator: Generator, effort: int) -> None:
    counts: Counter[str] = Counter()
    exact: Counter[str] = Counter()
    for position, loss in enumerate(generator.variants):
        for index in range(effort):
            with np.errstate(all="ignore"):
                batch = generator.build(RandomSource((7, position, index), 5), loss)
            for b in range(len(batch)):
                for judged in judge(batch.instance(b)).claims:
                    counts[judged.verdict.name] += 1
                    if judged.claim in ("network-lifted", "network-formal"):
                        exact[judged.verdict.name] += 1
    scope = counts.total() - counts["OUTSIDE"]
    assert counts["VIOLATED"] == 0
    assert counts["UNDECIDED"] <= 0.01 * scope
    assert exact["PROVED"] + exact["EQUAL"] >= 0.95 * (exact.total() - exact["OUTSIDE"])


def test_widths_and_distances_are_covered() -> None:
    widths, distances = set(), []
    for seed in range(60):
        with np.errstate(all="ignore"):
            batch = NETWORK.generator("arbitrary").build(RandomSource((seed, 1), 4), "logistic")
        widths.add(batch.shape[3])
        distances += list(np.sqrt(((batch.omega - batch.initial) ** 2).sum((1, 2))))
    assert widths == set(WIDTHS)
    assert min(distances) < 2e-2
    assert max(distances) > 5e1


def test_tangent_comparators_attain_the_bound_with_bregman(effort: int) -> None:
    tight = 0
    for index, loss in enumerate(("squared", "logistic", "log-cosh", "pseudo-huber")):
        for seed in range(3 * effort):
            with np.errstate(all="ignore"):
                batch = NETWORK.generator("tangent").build(RandomSource((seed, index), 4), loss)
                rounding = 2.0**-44 * NetworkBatchQuantities(batch).scale
            for b in range(len(batch)):
                with ctx.workprec(128):
                    at = NetworkQuantities(batch.instance(b))
                    if not at("margin_differentiability") > 0:
                        continue
                    attained = at("gap") + at("bregman")
                    bound = at("radius") * at("eps") + at("weight_norm") * at("misfit")
                    assert abs(float((attained - bound).mid())) <= rounding[b]
                    tight += bool(bound > 0)
    assert tight >= 24 * effort


def test_the_identity_is_exact_along_any_direction() -> None:
    """Rational loss, square width: both sides are the same rational number, whatever the direction."""
    compared = 0
    rng = np.random.default_rng(1)
    for seed in range(20):
        with np.errstate(all="ignore"):
            instance = NETWORK.generator("functions").build(RandomSource((seed, 3), 1), "quartic").instance(0)
        if NetworkQuantities.exact(instance) is None or instance.width > 64:
            continue
        with ctx.workprec(128):
            at = NetworkQuantities(instance)
            if not at("margin_differentiability") > 0:
                continue
            count = len(at._u)
        direction = tuple(fmpq(int(v), 8) for v in rng.integers(-50, 50, count))
        exact = NetworkQuantities(instance, Rationals, direction)
        claim = CLAIM["network-identity"]
        assert claim.left(exact) == claim.bound(exact)
        assert exact("chain_rule_defect") == 0
        compared += 1
    assert compared >= 5


@pytest.mark.ci
def test_neurons_near_their_kinks_are_decided() -> None:
    """Floats alone would misjudge signs here: every pattern is that of exact arithmetic."""
    hard = 0
    for seed in range(40):
        with np.errstate(all="ignore"):
            batch = NETWORK.generator("near-kink").build(RandomSource((seed, 9), 2), "squared")
        for b in range(2):
            instance = batch.instance(b)
            at = NetworkQuantities(instance)
            with ctx.workprec(128):
                margin = at("margin_differentiability")
            for point, weights in ((at.problem.omega, instance.omega), (at.problem.start, instance.initial)):
                naive = (weights.floats @ at.problem.inputs.floats.T) > 0
                for (r, x), q in point.signs.exact.items():
                    assert point.active[r, x] == float(q > 0)
                    hard += bool(naive[r, x] != (q > 0))
            judged = judge(instance, (CLAIM["network-lifted"],)).claims[0]
            assert judged.verdict is not Verdict.UNDECIDED or margin.contains(0)
    assert hard >= 3


def tie(kind: str) -> NetworkInstance:
    """A neuron exactly at its kink at x = 1: at W, or only after the step (W_1 = 1 - eta (1 - 0) = 0)."""
    omega, eta = (fmpq(0), fmpq(1, 2)) if kind == "omega" else (fmpq(1), fmpq(1))
    task = Task(fmpq(1), (Atom(0, fmpq(0), fmpq(1)),))
    return NetworkInstance(
        Loss("squared"), Gradient(eta), ((fmpq(1),),), (task,), (1,), Weights.of([(fmpq(1),)]),
        Weights.of([(omega,)]), Functions(((fmpq(1),),)), fmpq(1),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["omega", "adapted"])
def test_exact_kinks_are_outside(kind: str) -> None:
    judgement = judge(tie(kind))
    assert judgement["network-lifted"].verdict is Verdict.OUTSIDE
    assert judgement["network-lifted"].reason.startswith("differentiable-adaptation")
    assert judgement["network-formal"].verdict in (Verdict.PROVED, Verdict.EQUAL)


def test_an_input_of_zero_is_no_kink() -> None:
    instance = replace(tie("omega"), features=((fmpq(0),),))
    judgement = judge(instance)
    assert judgement["network-lifted"].verdict in (Verdict.PROVED, Verdict.EQUAL)


def test_the_closed_form_at_an_atom_is_attained() -> None:
    """The constructed network reaches the closed form, and the reach of its neurons, up to rounding."""
    reached = 0
    for seed in range(30):
        with np.errstate(all="ignore"):
            batch = NETWORK.generator("atom").build(RandomSource((seed, 4), 2), "squared")
        for b in range(2):
            at = NetworkQuantities(batch.instance(b))
            with ctx.workprec(128):
                error, worst, reach = (at(n) for n in ("linearisation", "linearisation_worst", "linearisation_bound"))
                if not worst > 0.01:
                    continue
                assert not error > worst
                assert float((error / worst).mid()) == pytest.approx(1, abs=1e-9)
                assert float((error / reach).mid()) == pytest.approx(1, abs=1e-9)
                reached += 1
    assert reached >= 15


def test_the_count_of_flips_is_attained() -> None:
    attained = 0
    for seed in range(30):
        with np.errstate(all="ignore"):
            batch = NETWORK.generator("pushed").build(RandomSource((seed, 6), 2), "squared")
        for b in range(2):
            at = NetworkQuantities(batch.instance(b))
            with ctx.workprec(128):
                flips, count = at("error_flips"), at("error_count")
                assert not flips > count
                attained += bool(flips > 0 and flips.overlaps(count))
    assert attained >= 15


@pytest.mark.parametrize(("moved", "count"), [("1", 1), ("2", 4), ("199/100", 3), ("0", 0)])
def test_the_count_is_exact_where_the_ball_just_reaches(moved: str, count: int) -> None:
    """Four neurons at distance 1 from their kinks: B = 1 reaches one of them, B = 2 all, a little less one fewer."""
    instance = loads(
        json.dumps(
            {
                "format": "metagap/instance/1",
                "problem": "meta-sl",
                "loss": {"name": "squared"},
                "adaptation": {"name": "gradient", "eta": 0, "steps": 1},
                "model": {"name": "relu-network", "b": [1, 1, -1, -1], "W0": [[1, 0], [1, 1], [-1, 0], [-1, 2]]},
                "features": [[1, 0]],
                "tasks": [{"weight": 1, "atoms": [{"x": 0, "y": 1, "p": 1}]}],
                "omega": [[1, moved], [1, 1], [-1, 0], [-1, 2]],
                "comparator": [[2, 0], [1, 1], [-1, 0], [-1, 2]],
                "radius": 4,
            }
        )
    )
    with ctx.workprec(128):
        # One task of one input x, ||x|| = 1, no step: ||e|| = (k*/m)^{1/2}.
        found = NetworkQuantities(instance)("error_count") ** 2 * 4
    assert found.contains(count) and found.rad() < 1e-20


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("claim", NETWORK.claims, ids=lambda c: c.name)
def test_every_claim_is_in_scope_of_a_generator(claim: Claim) -> None:
    best = 0.0
    for name in ("arbitrary", "independent"):
        generator, verdicts = NETWORK.generator(name), []
        for index, loss in enumerate(generator.variants[:4]):
            with np.errstate(all="ignore"):
                batch = generator.build(RandomSource((5, index), 3), loss)
            verdicts += [judge(batch.instance(b), (claim,)).claims[0].verdict for b in range(3)]
        best = max(best, sum(v is not Verdict.OUTSIDE for v in verdicts) / len(verdicts))
    assert best >= 1 / 3


@pytest.mark.ci
def test_wide_networks_cost_what_their_support_costs() -> None:
    """Width 65536 with arbitrary float weights, judged rigorously."""
    judgement = judge(wide_instance(2**16), (CLAIM["network-lifted"], CLAIM["network-init"], CLAIM["network-s2"]))
    assert [c.verdict for c in judgement.claims] == [Verdict.PROVED, Verdict.PROVED, Verdict.EQUAL]
