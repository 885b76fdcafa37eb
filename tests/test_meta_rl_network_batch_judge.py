"""Batches of network policies in midpoint-radius numbers: they contain what balls enclose, and decide the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat, ctx
from metagap.impl.balls.singular import largest_eigenvalue
from metagap.impl.enclosed import linear
from metagap.impl.enclosed.quantities import UnknownError
from metagap.impl.families import FAMILIES
from metagap.impl.midrad import MidRad
from metagap.impl.policies.enclosed.networks import LINEAR_ALONE, contrasts
from metagap.impl.sources import RandomSource
from metagap.theory.claim import UndefinedQuantityError, Verdict

from .test_batch_judge import contained, decided_alike, disagreements, outside

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

RELU, SMOOTH = FAMILIES["meta-rl-network"], FAMILIES["meta-rl-smooth-network"]
NAMES = (
    "gap", "pairing", "eps", "weight_norm", "misfit", "misfit_l1", "function_displacement", "eps_init", "misfit_init",
    "gradient_difference", "error_operator", "displacement_init", "min_norm_solution", "condition",
    "margin_positive_policy", "margin_full_action_rank", "mixed_weight_norm", "mixed_misfit", "mixed_misfit_l1",
    "margin_numerator_vanishes", "optimal_return",
)  # fmt: skip
OWN = {
    RELU.name: (*NAMES, "eps_formal", "error_flips", "error_count"),
    SMOOTH.name: (*NAMES, "error_pointwise", "error_ball"),
}
"""The quantities that are enclosed."""
DRAWN = (
    (RELU.name, "arbitrary", "kl-step"), (RELU.name, "policies", "rational-step"), (RELU.name, "delayed", "kl-step"),
    (RELU.name, "interpolating", "kl-step"), (SMOOTH.name, "arbitrary", "rational-step"),
    (SMOOTH.name, "tangent-start", "kl-step"), (SMOOTH.name, "interpolating", "kl-step"),
)  # fmt: skip


def batches(family: str, name: str, variant: str, seed: int, count: int, size: int = 4) -> Iterator[Any]:
    """Batches that a generator draws."""
    for index in range(count):
        yield FAMILIES[family].generator(name).build(RandomSource((seed, index), size), variant)


@pytest.mark.ci(every=8)
@pytest.mark.parametrize(("family", "name", "variant"), DRAWN)
def test_quantities_contain_those_of_balls(family: str, name: str, variant: str, effort: int) -> None:
    found = batches(family, name, variant, 5, 3 * effort)
    assert contained(found, OWN[family], FAMILIES[family]) >= 90 * effort


@pytest.mark.ci(every=4)
@pytest.mark.parametrize(("family", "name", "variant"), DRAWN)
def test_arrays_say_what_balls_say(family: str, name: str, variant: str, effort: int) -> None:
    assert decided_alike(batches(family, name, variant, 11, 3 * effort), FAMILIES[family]) >= 60 * effort


def test_kinks_are_left_to_balls() -> None:
    """W with neurons at their kinks: nothing that needs a derivative is decided, but where they are there exactly."""
    for batch in batches(RELU.name, "arbitrary", "kl-step", 4, 3):
        flat = batch.omega.copy()
        flat[:, 0] = 0.0
        at_kink = replace(batch, omega=flat)
        assert not disagreements(at_kink, RELU)[0]
        for known in RELU.judged_in_arrays(at_kink, RELU.claims):
            open_ = {"lifted", "l1"}
            assert not {f"{RELU.name}-{stem}" for stem in open_} & {
                name for name, said in known.items() if said.verdict is not Verdict.OUTSIDE
            }


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("scale", [1e160, 1e-160, 1e-310])
def test_extreme_numbers_decide_nothing_wrong(scale: float) -> None:
    for family, name, variant in (DRAWN[0], DRAWN[4]):
        batch = next(batches(family, name, variant, 3, 1, size=2))
        for field in ("features", "omega", "rewards", "tau"):
            extreme = replace(batch, **{field: getattr(batch, field) * scale})
            assert not disagreements(extreme, FAMILIES[family])[0]


def test_rows_that_are_equal_once_normalised_are_no_choice() -> None:
    """Two actions whose transitions are multiples of each other do the same."""
    batch = next(batches(RELU.name, "arbitrary", "kl-step", 8, 1))
    chains = np.ones_like(batch.transitions)
    chains[:, :, :, 0] *= 3.0
    same = replace(batch, transitions=chains / 7, rewards=np.zeros_like(batch.rewards) + 1.0)
    assert RELU.enclosed_quantities is not None
    at = RELU.enclosed_quantities(same)
    assert not (at("margin_full_action_rank").high <= 0).any()
    assert not (at("min_norm_solution").low > 0).any() and not (at("condition").low > 1).any()
    assert not disagreements(same, RELU)[0]


def test_one_action_is_no_choice() -> None:
    """Nor is there a row to find a shortest solution from; and kinks that are far are as far as 1."""
    names = ("min_norm_solution", "condition", "margin_full_action_rank")
    for family, name, variant in (DRAWN[0], DRAWN[4]):
        batch = next(batches(family, name, variant, 8, 1))
        kept = {
            field: getattr(batch, field)[..., :1]
            for field in ("rewards", "policies")
            if getattr(batch, field) is not None
        }
        one = replace(
            batch, **kept, features=1e3 * batch.features[:, :, :1], transitions=batch.transitions[:, :, :, :1]
        )
        own = (*names, "margin_differentiability") if family == RELU.name else names
        missed, count = outside(one, own, family=FAMILIES[family])
        assert not missed
        assert count == len(own) * len(one)
        assert not disagreements(one, FAMILIES[family])[0]


def test_what_linear_policies_alone_have_is_not_said_of_networks() -> None:
    for family in (RELU, SMOOTH):
        batch = next(batches(family.name, "arbitrary", "kl-step", 8, 1))
        at = family.enclosed_quantities(batch)  # type: ignore[misc]
        for name in LINEAR_ALONE:
            with pytest.raises(UnknownError):
                at(name)
        with pytest.raises(UndefinedQuantityError):
            family.quantities(batch.instance(0))("slope_to_comparator")


def test_largest_eigenvalues_contain_those_of_balls(effort: int) -> None:
    rng, sharp, total = np.random.default_rng(2), 0, 0
    for _ in range(10 * effort):
        rows = rng.normal(size=(6, 4, int(rng.integers(1, 5)))) * 10.0 ** rng.integers(-3, 3)
        gram = MidRad(rows) @ MidRad(rows).swapaxes(1, 2)
        found = linear.largest_eigenvalue(gram)
        for b in range(6):
            with ctx.workprec(256):
                table = arb_mat([[arb(v) for v in row] for row in rows[b].tolist()])
                right = largest_eigenvalue(table * table.transpose())
                assert not right < arb(float(found.low[b]))
                assert not right > arb(float(found.high[b]))
                total += 1
                sharp += float(found.high[b] - found.low[b]) <= 1e-12 * float(found.high[b])
    assert sharp >= 0.9 * total


def test_poor_eigenvectors_only_widen() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(8, 4, 3))
    gram = MidRad(rows) @ MidRad(rows).swapaxes(1, 2)
    right = np.linalg.norm(rows, 2, axis=(1, 2)) ** 2
    for tilt in (1e-3, 0.3, 2.0):
        with pytest.MonkeyPatch.context() as patch:
            wrong = np.linalg.eigh(gram.mid)[1] + tilt * rng.normal(size=(8, 4, 4))
            patch.setattr(np.linalg, "eigh", lambda table, wrong=wrong: (None, wrong))
            found = linear.largest_eigenvalue(gram)
        assert not (found.low > right * (1 + 1e-12)).any()
        assert not (found.high < right * (1 - 1e-12)).any()


@pytest.mark.parametrize("actions", [1, 2, 5])
def test_contrasts_are_orthonormal(actions: int) -> None:
    rows = contrasts(actions)
    unit = rows @ rows.swapaxes(0, 1)
    assert rows.shape == (actions - 1, actions)
    assert (np.abs(unit.mid - np.eye(actions - 1)) <= unit.rad).all()
    assert (np.abs(rows.mid.sum(1)) <= rows.rad.sum(1)).all()
