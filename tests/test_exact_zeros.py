"""What is exactly 0, and what structure alone decides, in arrays: as in balls, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from metagap.impl.enclosed.quantities import pattern_rank
from metagap.impl.families import FAMILIES, META_SL, NETWORK, judge
from metagap.impl.family import Family
from metagap.impl.midrad import MidRad, zero
from metagap.impl.sources import RandomSource

from .test_batch_judge import agree, disagreements, outside

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def drawn(family: Family, name: str, variant: str, seed: int, size: int = 4) -> Any:
    return family.generator(name).build(RandomSource((89, seed), size), variant)


def roomy(family: Family, variant: str, seed: int) -> Any:
    """One with two tasks, inputs and dimensions at least."""
    found = (drawn(family, "arbitrary", variant, 100 * seed + more) for more in range(100))
    return next(batch for batch in found if min(*batch.shape[:2], batch.features.shape[2]) > 1)


def at(family: Family, batch: Any) -> Any:
    assert family.enclosed_quantities is not None
    return family.enclosed_quantities(batch)


@pytest.mark.parametrize("equal", [0, 1])
@pytest.mark.parametrize(
    ("family", "variant"), [("meta-sl", "logistic"), ("meta-sl", "squared"), ("network", "logistic")]
)
def test_omega_leaves_no_gap_to_itself(family: str, variant: str, equal: int) -> None:
    """The other instances' comparators have as many numbers of omega's as is said."""
    kind = FAMILIES[family]
    batch = drawn(kind, "arbitrary", variant, 1)
    rival = batch.omega + np.where(np.arange(batch.omega.shape[-1]) < equal, 0.0, 0.25)
    rival[0] = batch.omega[0]
    own = replace(batch, rival=rival, functions=None)
    found = at(kind, own)
    for name in ("gap", "pairing", "misfit", "misfit_l1", "bregman", "function_displacement"):
        assert zero(found(name)).tolist() == [True] + [False] * (len(own) - 1), name
    assert not disagreements(own, kind)[0]
    assert not outside(own, ("gap", "pairing", "bregman"), family=kind)[0]


def test_functions_are_not_omega() -> None:
    """A comparator of functions has a gap, also where a parameter beside them is omega."""
    batch = drawn(META_SL, "functions", "quartic", 2)
    beside = at(META_SL, replace(batch, rival=batch.omega))
    assert not zero(beside.u).all((1, 2)).any() and not zero(beside("gap")).any()


def test_some_points_that_agree_leave_the_others() -> None:
    """Functions that agree with omega, where both are 0, at one point of two."""
    batch = drawn(META_SL, "functions", "quartic", 3)
    features, functions = batch.features.copy(), batch.functions.copy() + 1.0
    features[:, 0], functions[:, :, 0] = 0.0, 0.0
    some = replace(batch, features=features, functions=functions)
    assert zero(at(META_SL, some).u)[:, :, 0].all()
    assert not outside(some, ("gap", "bregman", "pairing"))[0]


NONE = ("error_trace", "error_operator", "error_flips", "gradient_difference", "linearisation")
"""Of networks whose patterns do not change."""


@pytest.mark.ci(every=2)
@pytest.mark.parametrize("variant", ["logistic", "squared"])
def test_networks_that_keep_their_patterns_have_no_error(variant: str) -> None:
    """A step of 2^-40 keeps them; one instance has its neurons turned at omega, at inputs that are not 0, one later."""
    batch = roomy(NETWORK, variant, 4)
    features = batch.features.copy()
    features[:, 0] = 0.0
    near = {"omega": batch.initial * (1 + 2.0**-20), "rate": np.full(len(batch), 2.0**-40), "features": features}
    still = replace(batch, **near)
    turned, far = still.omega.copy(), still.rate.copy()
    turned[1] *= -1
    far[2] = 64.0
    moved = replace(still, omega=turned, rate=far)
    before, after = at(NETWORK, still), at(NETWORK, moved)
    for name in NONE:
        assert zero(before(name)).all(), name
        assert not zero(after(name))[1], name
    assert not zero(after("error_trace"))[2] and zero(after("linearisation"))[2]
    for one in (still, moved):
        assert not outside(one, NONE, family=NETWORK)[0]
        assert not disagreements(one, NETWORK)[0]


@pytest.mark.ci
def test_rank_is_lost_for_the_reasons_that_balls_have() -> None:
    """Tasks of one law that share an input, inputs without features, a dead network, more inputs than dimensions."""
    found = 0
    for name, family in FAMILIES.items():
        if name not in ("meta-sl", "network", "smooth-network"):
            continue
        for generator in ("arbitrary", "support-query"):
            batch = drawn(family, generator, "squared", 5)
            alike = {key: np.repeat(getattr(batch, key)[:, :1], batch.weights.shape[1], axis=1) for key in laws(batch)}
            blank = batch.features.copy()
            blank[:2, 0], blank[2:, :, 0] = 0.0, 0.0
            for one in (batch, replace(batch, **alike), replace(batch, features=blank)):
                claims = [claim for claim in family.claims if claim.name.endswith("-c3")]
                known = family.judged_in_arrays(one, claims)
                found += sum(bool(claims) and claims[0].name in each for each in known)
                assert not disagreements(one, family)[0]
    assert found >= 20


@pytest.mark.ci
def test_rank_is_not_lost_for_less() -> None:
    """Two tasks with an input each have room; at one input, with other labels, a smooth network adapts to each."""
    smooth = FAMILIES["smooth-network"]
    for family, shared in ((META_SL, False), (smooth, False), (smooth, True)):
        batch = roomy(family, "squared", 6)
        masses, labels = np.zeros_like(batch.masses), batch.labels.copy()
        masses[:, 0, 0, 0], masses[:, 1, 0 if shared else 1, 0] = 1.0, 1.0
        labels[:, 0], labels[:, 1] = 1.0, 2.0
        weights, features = np.zeros_like(batch.weights), np.zeros_like(batch.features)
        weights[:, :2], features[:, 0, 0], features[:, 1, 1] = 0.5, 1.0, 1.0
        apart = replace(
            batch, masses=masses, labels=labels, weights=weights, features=features, rate=0.125 + 0 * batch.rate
        )
        assert not at(family, apart)._crowded.any()
        assert not disagreements(apart, family)[0]
        if shared:
            assert at(family, replace(apart, labels=1.0 + 0 * labels))._crowded.all()


def test_opposite_inputs_are_alike_in_odd_networks() -> None:
    smooth = FAMILIES["smooth-network"]
    batch = roomy(smooth, "logistic", 8)
    features, masses = batch.features.copy(), np.zeros_like(batch.masses)
    features[:, 0], features[:, 1], masses[:, :, :2, 0] = 1.0, -1.0, 0.5
    weights = np.where(np.arange(batch.weights.shape[1]) == 0, 1.0, 0.0) + 0 * batch.weights
    for activation, odd in (("tanh", True), ("softplus", False)):
        one = replace(batch, features=features, masses=masses, weights=weights, activation=activation)
        assert (at(smooth, one)._crowded == odd).all()
        assert not disagreements(one, smooth)[0]


def test_patterns_bound_ranks() -> None:
    """Of three points in a plane, one that is 0 and one without a neuron, with patterns that are the same or not."""
    x = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0], [0.0, 0.0], [5.0, 7.0]])
    alike = np.array([[1.0, 0.0, 1.0]] * 4 + [[0.0] * 3])
    used, one = np.ones(5, dtype=bool), np.eye(5, dtype=bool)[0]
    some = np.where(np.eye(5, dtype=bool)[1][:, None], [1.0, 1.0, 1.0], alike)
    for gates, rad, points, rank in (
        (alike, 0.0, used, 2), (alike, 0.0, one, 1), (alike, 0.0, ~used, 0), (some, 0.0, used, 3),
        (np.full((5, 3), 0.5), 0.5, used, 4), (alike, 0.5 * alike, used, 3),
    ):  # fmt: skip
        assert pattern_rank(MidRad(gates, rad), x, points) == rank
    assert pattern_rank(MidRad(alike), x * [1.0, 0.0], used) == 1


@pytest.mark.ci
def test_contrasts_have_room_in_patterns() -> None:
    found = 0
    for name in ("meta-rl-network", "meta-rl-smooth-network"):
        family = FAMILIES[name]
        claims = [claim for claim in family.claims if claim.name.endswith("-c3")]
        for seed in range(12):
            batch = drawn(family, "policies", "kl-step", 40 + seed)
            known = family.judged_in_arrays(batch, claims)
            found += at(family, batch)._crowded.sum()
            judged = [judge(batch.instance(b), claims).claims for b in range(len(batch))]
            assert all(agree(one[c.claim], c) for one, each in zip(known, judged, strict=True) for c in each if one)
    assert found >= 8


@pytest.mark.parametrize("name", ["meta-rl", "meta-rl-network"])
def test_without_a_choice_there_is_no_gradient(name: str) -> None:
    """Actions that do the same in all states of some instances, in all but one of another."""
    family = FAMILIES[name]
    found = (drawn(family, "arbitrary", "kl-step", 60 + seed) for seed in range(40))
    batch = next(b for b in found if min(b.shape[2], b.rewards.shape[2]) > 1 and (b.gamma > 0).all())
    rewards, transitions, start = batch.rewards.copy(), batch.transitions.copy(), 0 * batch.start + 1.0
    rewards[:], transitions[:] = rewards[..., :1], transitions[:, :, :, :1]
    rewards[1, :, 0, 0] += 1.0
    same = replace(batch, rewards=rewards, transitions=transitions, start=start / start.shape[2])
    still = zero(at(family, same).gradient).all(1)
    assert not still[1] and np.delete(still, 1).all()
    assert not disagreements(same, family)[0]
    assert not outside(same, ("eps",), family=family)[0]


def laws(batch: Any) -> tuple[str, ...]:
    names = ("labels", "masses", "support_labels", "support_masses")
    return tuple(name for name in names if getattr(batch, name) is not None)


@pytest.mark.ci
def test_supports_are_compared_with_queries() -> None:
    """C8: one law in two places, other masses, an atom that queries lack; tasks of weight 0 do not count."""
    for seed in range(3):
        batch = drawn(META_SL, "support-small-step", "log-cosh", seed)
        names = {"support_labels": batch.labels, "support_masses": batch.masses}
        other = batch.masses * (1 + np.arange(batch.masses.shape[2])[:, None] / 8)
        for one in (batch, replace(batch, **names), replace(batch, **(names | {"support_masses": other}))):
            known = META_SL.judged_in_arrays(one, META_SL.claims)
            assert sum("meta-sl-c8-dominated" in each for each in known) >= 1
            assert not disagreements(one)[0]


def test_supports_of_other_atoms_or_almost_alike() -> None:
    batch = drawn(META_SL, "support-small-step", "log-cosh", 7)
    assert (at(META_SL, batch)("margin_dominated").low > 0).all()
    foreign = replace(batch, support_labels=batch.support_labels + 0.5)
    assert (at(META_SL, foreign)("margin_dominated").high <= 0).all()
    assert (at(META_SL, foreign)("margin_one_law").high <= 0).all()
    almost = batch.masses * (1 + 2.0**-52 * np.arange(batch.masses.shape[2])[:, None])
    near = at(META_SL, replace(batch, support_labels=batch.labels, support_masses=almost))
    assert not np.isfinite(near("margin_one_law").high).any()


@pytest.mark.ci
def test_a_weight_of_one_task_vanishes_with_its_numerator() -> None:
    """Two labels on both sides of an input's prediction 0, others for every task: no enclosure shows the slope 0."""
    for seed in range(3):
        batch = drawn(META_SL, "arbitrary", "log-cosh", seed)
        size, n, k, _ = batch.labels.shape
        sides = np.array([1.0, -1.0]) * np.arange(1.0, n + 1)[:, None, None]
        features = batch.features.copy()
        features[:, 0] = 0.0
        labels, masses = np.broadcast_to(sides, (size, n, k, 2)), np.full((size, n, k, 2), 0.5 / k)
        both = replace(batch, labels=labels, masses=masses, features=features, steps=1)
        claims = [claim for claim in META_SL.claims if claim.name == "meta-sl-mixed"]
        assert sum(bool(one) for one in META_SL.judged_in_arrays(both, claims)) >= size - 1
        assert at(META_SL, both)._spared.any(1).all()
        assert not disagreements(both)[0]
        assert not outside(both, ("mixed_misfit", "mixed_weight_norm"))[0]


def test_weights_of_several_tasks_are_not_spared() -> None:
    """Slopes of opposite signs cancel in a weight, and not in its target."""
    batch = drawn(META_SL, "one-task", "log-cosh", 4)
    size, _, k, _ = batch.labels.shape
    features, two = np.zeros_like(batch.features), np.full((size, 2), 0.5)
    labels = np.zeros((size, 2, k, 1))
    given: dict[str, Any] = {"labels": labels, "masses": np.full((size, 2, k, 1), 1 / k), "weights": two}
    queries = np.stack([labels[:, 0] + 1, labels[:, 0] - 1], 1)
    given |= {"support_labels": labels, "support_masses": given["masses"], "labels": queries}
    functions = np.stack([labels[:, 0] + 2, labels[:, 0] - 3], 1)[..., 0]
    both = replace(batch, features=features, functions=functions, rival=None, steps=1, **given)
    assert not at(META_SL, both)._spared.any()
    assert not disagreements(both)[0]


def test_a_point_that_may_be_none_is_counted_above() -> None:
    """A slope that is 0 to all digits and is not: z is a hair off the middle of two labels, u = z - h' is large."""
    batch = drawn(META_SL, "functions", "log-cosh", 5)
    size, n, k, _ = batch.labels.shape
    sides = np.array([1.0, -1.0]) * np.arange(1.0, n + 1)[:, None, None]
    labels, masses = np.broadcast_to(sides, (size, n, k, 2)), np.full((size, n, k, 2), 0.5 / k)
    features, omega = np.zeros_like(batch.features), np.zeros_like(batch.omega)
    features[:, :, 0], omega[:, 0] = 1.0, 2.0**-70
    features[:, -1, 0] = 2.0**66
    near = replace(
        batch,
        labels=labels,
        masses=masses,
        features=features,
        omega=omega,
        functions=8.0 + 0 * batch.functions,
        rate=0 * batch.rate,
        steps=1,
    )
    assert at(META_SL, near)._spared.any(1).all()
    assert not outside(near, ("mixed_misfit", "mixed_weight_norm"))[0]
    assert not disagreements(near)[0]
