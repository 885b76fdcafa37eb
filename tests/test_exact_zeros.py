"""What is exactly 0, and what structure alone decides, in arrays: as in balls, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from metagap.impl.families import FAMILIES, META_SL, NETWORK
from metagap.impl.family import Family
from metagap.impl.midrad import MidRad, zero
from metagap.impl.sources import RandomSource

from .test_batch_judge import disagreements, outside

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def drawn(family: Family, name: str, variant: str, seed: int, size: int = 4) -> Any:
    return family.generator(name).build(RandomSource((89, seed), size), variant)


def at(family: Family, batch: Any) -> Any:
    assert family.enclosed_quantities is not None
    return family.enclosed_quantities(batch)


@pytest.mark.parametrize(("family", "variant"), [(META_SL, "logistic"), (META_SL, "squared"), (NETWORK, "logistic")])
def test_omega_leaves_no_gap_to_itself(family: Family, variant: str) -> None:
    batch = drawn(family, "arbitrary", variant, 1)
    rival = batch.omega.copy()
    rival[1:] = batch.omega[1:] + 0.25
    own = replace(batch, rival=rival, functions=None)
    found = at(family, own)
    for name in ("gap", "pairing", "misfit", "misfit_l1", "bregman", "function_displacement"):
        assert zero(found(name)).tolist() == [True] + [False] * (len(own) - 1), name
    assert not disagreements(own, family)[0]
    assert not outside(own, ("gap", "pairing", "bregman"), family=family)[0]


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


@pytest.mark.parametrize("variant", ["logistic", "squared"])
def test_networks_that_keep_their_patterns_have_no_error(variant: str) -> None:
    """Of three steps one of 2^-40 keeps them; one instance has a neuron turned at omega, one at a task's iterate."""
    batch = drawn(NETWORK, "arbitrary", variant, 4)
    still = replace(batch, omega=batch.initial * (1 + 2.0**-20), rate=np.full(len(batch), 2.0**-40))
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


def laws(batch: Any) -> tuple[str, ...]:
    names = ("labels", "masses", "support_labels", "support_masses")
    return tuple(name for name in names if getattr(batch, name) is not None)


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


def test_shares_of_a_support_are_at_least_1() -> None:
    batch = drawn(META_SL, "support-small-step", "log-cosh", 7)
    density, foreign = at(META_SL, batch)._densities
    assert density.shape == batch.support_masses.shape == foreign.shape
    assert isinstance(density, MidRad) and not foreign[batch.support_masses == 0].any()
