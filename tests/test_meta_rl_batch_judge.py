"""Batches of policies in midpoint-radius numbers: they contain what balls enclose, and decide what balls decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat
from metagap.impl.arithmetic import Balls, norm, rational
from metagap.impl.batch_judge import ends_of
from metagap.impl.enclosed import linear
from metagap.impl.families import META_RL, judge, loads
from metagap.impl.family import Family
from metagap.impl.judgement import Enclosure
from metagap.impl.midrad import MidRad
from metagap.impl.policies import taylor as series
from metagap.impl.policies.batch import Batch
from metagap.impl.policies.enclosed.quantities import MIXED, EnclosedQuantities
from metagap.impl.policies.problem import NEGATIVE, Problem, visitations
from metagap.impl.sources import RandomSource
from metagap.impl.verdicts import fit_ends
from metagap.theory.claim import Verdict
from metagap.theory.meta_rl import CLAIMS

from .samples import escaped
from .test_batch_judge import contained, decided_alike, disagreements, outside
from .test_extremes import ORDINARY, bandit
from .verdict_campaign import DifferError, compared

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

NAMES = (
    "gap", "pairing", "eps", "weight_norm", "misfit", "misfit_l1", "direction", "inner_product", "residual_norm",
    "function_displacement", "misfit_plain", "eps_first_order", "mixed_weight_norm", "mixed_misfit", "mixed_misfit_l1",
    "weight_bound", "prior_return", "adapted_return", "lipschitz", "smoothness", "contraction_margin", "tabular_norm",
    "optimal_return", "slope_to_comparator", "margin_positive_policy", "margin_numerator_vanishes",
)  # fmt: skip
"""The quantities that are enclosed."""
DRAWN = (
    ("arbitrary", "kl-step"), ("policies", "rational-step"), ("tangent", "gradient"), ("greedy", "kl-step"),
    ("tabular", "kl-step"), ("local", "gradient"), ("stationary", "rational-step"), ("no-lookahead", "kl-step"),
)  # fmt: skip


def batches(name: str, variant: str, seed: int, count: int, size: int = 4) -> Iterator[Batch]:
    """Batches that a generator draws."""
    for index in range(count):
        yield META_RL.generator(name).build(RandomSource((seed, index), size), variant)


@pytest.mark.ci(every=8)
@pytest.mark.parametrize(("name", "variant"), DRAWN)
def test_quantities_contain_those_of_balls(name: str, variant: str, effort: int) -> None:
    assert contained(batches(name, variant, 5, 3 * effort), NAMES, META_RL) >= 150 * effort


@pytest.mark.ci(every=12)
@pytest.mark.parametrize(("name", "variant"), [*reversed(DRAWN), ("bandit", "kl-step"), ("cancelling", "kl-step")])
def test_arrays_say_what_balls_say(name: str, variant: str, effort: int) -> None:
    assert decided_alike(batches(name, variant, 11, 3 * effort), META_RL) >= 60 * effort


def test_poor_proposals_only_widen() -> None:
    near, count = linear.proposed_inverse, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "proposed_inverse", lambda table: near(table) + 1e-7)
        for name, variant in DRAWN[:3]:
            for batch in batches(name, variant, 10, 2):
                missed, compared = outside(batch, ("eps", "direction"), family=META_RL)
                assert not missed
                count += compared
    assert count >= 20


def test_poor_choices_only_widen() -> None:
    count = 0
    with pytest.MonkeyPatch.context() as patch:
        worst = lambda self: np.eye(self.given.shape[2])[self.prior.q.mid.argmin(3)]  # noqa: E731
        patch.setattr(EnclosedQuantities, "_proposed_choices", worst)
        for batch in batches("arbitrary", "kl-step", 10, 3):
            missed, compared = outside(batch, ("optimal_return",), family=META_RL)
            assert not missed
            count += compared
    assert count >= 6


def test_equalities_and_what_is_attained_are_left_to_balls() -> None:
    for batch in batches("tangent", "kl-step", 2, 2):
        for known in META_RL.judged_in_arrays(batch, CLAIMS):
            assert not {"meta-rl-identity", "meta-rl-s1", "meta-rl-s2", "meta-rl-lifted"} & set(known)


# --- nothing decides but finite enclosures ------------------------------------------------------------------------


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("scale", [1e160, 1e300, 1e-160, 1e-310])
def test_extreme_numbers_decide_nothing_wrong(scale: float) -> None:
    for name, variant in DRAWN[:3]:
        batch = next(batches(name, variant, 3, 1, size=2))
        for field in ("features", "omega", "radius", "rewards", "eta", "tau"):
            extreme = replace(batch, **{field: getattr(batch, field) * scale})
            assert not disagreements(extreme, META_RL)[0]
            assert not outside(extreme, ("gap", "eps", "misfit", "weight_norm", "misfit_l1"), 128, META_RL)[0]


@pytest.mark.parametrize("gamma", [1.0, 1 - 2.0**-53, 1 - 2.0**-30])
def test_discounts_near_1_decide_nothing_wrong(gamma: float) -> None:
    for name, variant in DRAWN[:3]:
        batch = next(batches(name, variant, 3, 1))
        slow = replace(batch, gamma=np.full_like(batch.gamma, gamma))
        if gamma < 1:
            assert not disagreements(slow, META_RL)[0]
            continue
        for known in META_RL.judged_in_arrays(slow, CLAIMS):
            assert all(said.verdict is Verdict.OUTSIDE for said in known.values())


def test_policies_that_underflow_decide_nothing() -> None:
    """Logits of -3,000: no ratio to a probability is a number."""
    batch = next(batches("policies", "kl-step", 6, 1))
    features = np.zeros_like(batch.features)
    features[:, :, 0] = 1.0
    sure = replace(batch, features=features, tau=np.ones(4), omega=np.full_like(batch.omega, 3000.0), eta=np.zeros(4))
    assert not disagreements(sure, META_RL)[0]
    for known in META_RL.judged_in_arrays(sure, CLAIMS):
        assert not {"meta-rl-lifted", "meta-rl-l1", "meta-rl-mixed"} & set(known)


def test_shares_are_those_of_the_instance() -> None:
    batch = next(batches("policies", "kl-step", 7, 1))
    tilted = replace(batch, **{name: getattr(batch, name) * 0.3 for name in ("weights", "transitions", "start")})
    assert META_RL.enclosed_quantities is not None
    at = META_RL.enclosed_quantities(tilted)
    assert not outside(tilted, ("gap", "eps", "weight_norm"), family=META_RL)[0]
    for b in range(len(batch)):
        tasks = tilted.instance(b).tasks
        assert escaped(at.batch.weights[b], [task.weight for task in tasks]) == 0
        assert escaped(at.batch.start[b], [p for task in tasks for p in task.start]) == 0
        rows = [p for task in tasks for table in task.transitions for row in table for p in row]
        assert escaped(at.batch.transitions[b], rows) == 0


# --- the parts ----------------------------------------------------------------------------------------------------


def chains(rng: np.random.Generator, size: int, states: int) -> np.ndarray:
    """Stochastic matrices (B, S, S) on a dyadic grid, many of them sparse."""
    cuts = np.sort(rng.integers(0, 65, (size, states, states - 1)), axis=-1) / 64
    cuts = np.where(rng.random((size, states, 1)) < 0.3, np.round(cuts), cuts)
    edge = np.zeros((size, states, 1))
    return np.diff(np.concatenate([edge, cuts, edge + 1], axis=-1), axis=-1)


@pytest.mark.parametrize("states", [1, 2, 5])
def test_visitations_contain_those_of_rationals(states: int, effort: int) -> None:
    rng = np.random.default_rng(states)
    table = chains(rng, 30 * effort, states)
    gamma = rng.choice([0.0, 0.5, 0.9, 0.99, 1 - 2.0**-20], len(table))
    found = linear.visitations(MidRad(table), MidRad(gamma))
    assert np.isfinite(found.rad).all()
    assert (found.rad <= 2.0**-40 * np.abs(found.mid) + 2.0**-800).all()
    for b in range(len(table)):
        exact = [[rational(float(p)) for p in row] for row in table[b]]
        system = fmpq_mat(states, states, [int(i == j) for i in range(states) for j in range(states)])
        system -= fmpq_mat(exact) * rational(float(gamma[b]))
        assert escaped(found[b], (system.inv() * (1 - rational(float(gamma[b])))).entries()) == 0


def test_rare_visits_keep_their_precision() -> None:
    """A state that is met with probability 2^-200, and one that is met from there."""
    rare = 2.0**-200
    table = np.array([[[1 - rare, rare, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]])
    found = linear.visitations(MidRad(table), MidRad(np.array([0.5])))[0]
    with ctx.workprec(600):
        exact = visitations(Balls, arb_mat([[1 - fmpq(1, 2**200), fmpq(1, 2**200), 0], [0, fmpq(1, 2), fmpq(1, 2)],
                                            [0, 0, 1]]).tolist(), Balls.number(fmpq(1, 2)))  # fmt: skip
    assert escaped(found, [v for row in exact for v in row]) == 0
    assert (found.rad[0] <= 1e-14 * found.mid[0]).all()


def test_a_chain_enclosed_wide_has_wide_visitations() -> None:
    rng = np.random.default_rng(3)
    table = chains(rng, 20, 3)
    gamma = np.full(20, 0.75)
    found = linear.visitations(MidRad(table, 2.0**-30), MidRad(gamma))
    for b in range(20):
        near = chains(rng, 1, 3)[0]
        exact = fmpq_mat([[rational(float(p)) for p in row] for row in table[b]])
        exact += (fmpq_mat([[rational(float(p)) for p in row] for row in near]) - exact) * fmpq(1, 2**30)
        system = fmpq_mat(3, 3, [1, 0, 0, 0, 1, 0, 0, 0, 1]) - exact * fmpq(3, 4)
        assert escaped(found[b], (system.inv() * fmpq(1, 4)).entries()) == 0


MARGINS = (
    "margin_policy_step", "margin_kl_step", "margin_rational_step", "margin_forward_step", "margin_no_backward_step",
    "margin_no_lookahead", "margin_single_task", "margin_tabular", "margin_contraction", "margin_one_state",
    "margin_parameter_comparator", "margin_positive_policy",
)  # fmt: skip


@pytest.mark.ci(every=2)
def test_margins_are_those_of_balls(effort: int) -> None:
    signs = set()
    for index, generator in enumerate(META_RL.wild):
        for variant in generator.variants:
            batch = generator.build(RandomSource((13, index), 3 * effort), variant)
            missed, _ = outside(batch, MARGINS, family=META_RL)
            assert not missed, (generator.name, variant)
            assert META_RL.enclosed_quantities is not None
            at = META_RL.enclosed_quantities(batch)
            signs |= {(name, s) for name in MARGINS for s in np.sign(at(name).mid).ravel().tolist()}
    assert all({(name, 1.0), (name, -1.0)} <= signs for name in MARGINS)


def test_tasks_of_weight_0_leave_nothing_open() -> None:
    """The least 1 + eta Q is that of the other tasks, and known."""
    for batch in batches("policies", "rational-step", 31, 3):
        weights = batch.weights.copy()
        weights[:, 0] = 0.0
        some = replace(batch, weights=weights, eta=np.full(len(batch), -0.25)).take(weights.any(1))
        missed, count = outside(some, ("margin_positive_policy",), family=META_RL)
        assert not missed
        assert count == len(some)


def test_a_comparator_without_a_policy_is_left_to_balls() -> None:
    """A rational step from the comparator makes a probability negative: balls say OUTSIDE, and arrays nothing else."""
    name, found = "meta-rl any-bandit rational-step", META_RL.generator("any-bandit")
    batch = found.build(RandomSource((79, *name.encode(), 4), 512), "rational-step").take(np.arange(60, 68))
    assert not disagreements(batch, META_RL)[0]
    balls = judge(batch.instance(4), [claim for claim in CLAIMS if claim.name == "meta-rl-lifted"]).claims[0]
    assert (balls.verdict, balls.reason) == (Verdict.OUTSIDE, NEGATIVE)
    assert META_RL.enclosed_quantities is not None
    at = META_RL.enclosed_quantities(batch)
    for name in MIXED:  # nor is there a mixed form, whose weights know omega alone
        assert np.isnan(at(name).low[4]) and np.isfinite(at(name).low[0])


def test_without_a_policy_there_is_no_gradient() -> None:
    """One action, with a tilt of 0: nothing depends on the parameter, but balls have no return either."""
    for document, number in ((ORDINARY["no action left"], False), (bandit("kl-step", 1, [-1], [[1]], [1], [0]), True)):
        instance = loads(json.dumps(document), "one action")
        assert META_RL.enclosed_quantities is not None and META_RL.batch_of is not None
        eps = META_RL.enclosed_quantities(META_RL.batch_of(instance))("eps")
        assert (eps.high == 0).all() if number else np.isnan(eps.high).all()


def test_a_campaign_of_verdicts_ends_at_the_first_that_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another verdict, another reason, sides that do not meet."""
    place, right = (META_RL, META_RL.generator("arbitrary"), "kl-step"), Family.judged_in_arrays
    found = compared(place, 5)
    assert found["PROVED"] + found["OUTSIDE"] >= found["instances"] > 0 < found["PROVED"]
    far = Enclosure(1e9, 1e9)
    for wrong in ({"verdict": Verdict.OUTSIDE}, {"reason": "it is so"}, {"left": far}, {"bound": far}):

        def judged(*given: Any, wrong: dict[str, Any] = wrong) -> Any:
            return [{name: replace(said, **wrong) for name, said in known.items()} for known in right(*given)]

        monkeypatch.setattr(Family, "judged_in_arrays", judged)
        with pytest.raises(DifferError, match="seed"):
            compared(place, 5)


def test_a_unit_that_comes_twice_is_no_table() -> None:
    batch = next(batches("tabular", "kl-step", 1, 1))
    twice = batch.features.copy()
    twice[:, 0, 0] = twice[:, -1, -1]
    assert META_RL.enclosed_quantities is not None
    for features, sign in ((batch.features, 1.0), (batch.features[:, ::-1], 1.0), (twice, -1.0)):
        at = META_RL.enclosed_quantities(replace(batch, features=features))
        assert (at("margin_tabular").mid == sign).all()


def test_curvatures_contain_those_of_series(effort: int) -> None:
    """Along the same direction: of balls it is the gradient to more digits."""
    sharp = total = 0
    for batch in batches("arbitrary", "kl-step", 21, 4 * effort):
        at = EnclosedQuantities(batch)
        found, along = at("curvature_size"), at._steepest.mid
        for b in range(len(batch)):
            with ctx.workprec(256):
                problem = Problem(batch.instance(b), Balls)
                v = [arb(x) for x in along[b].tolist()]
                right = abs(2 * series.along(problem, [x / norm(v) for x in v], 2)[2])
                total += 1
                if not fit_ends(ends_of(found))[b]:
                    continue
                assert not right < arb(float(found.low[b]))
                assert not right > arb(float(found.high[b]))
                sharp += float(found.high[b] - found.low[b]) <= 1e-6 * float(found.high[b]) + 1e-12
    assert sharp >= 0.8 * total


def test_balls_have_the_same_curvature() -> None:
    for batch in batches("policies", "kl-step", 22, 3):
        found, eps = (EnclosedQuantities(batch)(name).mid for name in ("curvature_size", "eps"))
        for b in np.flatnonzero(eps > 1e-6):
            right = float(META_RL.quantities(batch.instance(int(b)))("curvature_size").mid())
            assert abs(found[b] - right) <= 1e-6 * (1e-6 + abs(right))
