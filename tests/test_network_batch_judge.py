"""Batches of two-layer networks in midpoint-radius numbers: they contain what balls enclose, decide what balls decide,
and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat, ctx
from metagap.impl.balls.singular import largest_eigenvalue
from metagap.impl.batch_judge import ends_of
from metagap.impl.elementary import MidRads
from metagap.impl.enclosed import linear
from metagap.impl.enclosed.duals import Dual, Duals
from metagap.impl.families import FAMILIES
from metagap.impl.midrad import MidRad
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.enclosed.networks import quantities
from metagap.impl.supervised.enclosed.networks.quantities import WIDEST
from metagap.impl.verdicts import fit_ends
from metagap.theory.claim import Verdict

from .test_batch_judge import contained, decided_alike, disagreements, outside

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

COMMON = (
    "gap", "pairing", "eps", "weight_norm", "misfit", "misfit_l1", "function_displacement", "bregman",
    "strong_convexity", "eps_first_order", "misfit_plain", "eps_init", "misfit_init", "gradient_difference",
    "error_operator", "error_trace", "linearisation", "eps_projected", "misfit_projected", "min_norm_solution",
    "condition", "displacement_init", "margin_joints",
)  # fmt: skip
NAMES = {
    "smooth-network": (*COMMON, "error_pointwise", "error_ball", "linearisation_taylor", "linearisation_ball"),
    "network": (
        *COMMON,
        "eps_formal",
        "error_flips",
        "error_count",
        "linearisation_bound",
        "linearisation_worst",
        "margin_differentiability",
    ),
}
"""The quantities that are enclosed."""
DRAWN = (
    ("smooth-network", "arbitrary", "log-cosh"), ("smooth-network", "vector-outputs", "softmax"),
    ("smooth-network", "rates", "logistic"), ("smooth-network", "support-query", "huber"),
    ("smooth-network", "steps", "squared"), ("smooth-network", "functions", "poisson"),
    ("network", "arbitrary", "logistic"), ("network", "vector-outputs", "softmax"), ("network", "rates", "squared"),
    ("network", "support-query", "huber"), ("network", "steps", "log-cosh"), ("network", "near-kink", "quartic"),
)  # fmt: skip
"""Families, generators, and the losses that they draw."""


def batches(family: str, name: str, variant: str, seed: int, count: int, size: int = 3) -> Iterator[Any]:
    """Batches that a generator draws, of networks that are not wide."""
    build, drawn = FAMILIES[family].generator(name).build, itertools.count()
    found = (build(RandomSource((seed, index), size), variant) for index in drawn)
    return itertools.islice((batch for batch in found if batch.shape[3] <= WIDEST), count)


@pytest.mark.ci(every=12)
@pytest.mark.parametrize(("family", "name", "variant"), DRAWN)
def test_quantities_contain_those_of_balls(family: str, name: str, variant: str, effort: int) -> None:
    found = batches(family, name, variant, 5, 2 * effort)
    assert contained(found, NAMES[family], FAMILIES[family]) >= 90 * effort


@pytest.mark.ci(every=12)
@pytest.mark.parametrize(("family", "name", "variant"), DRAWN)
def test_arrays_say_what_balls_say(family: str, name: str, variant: str, effort: int) -> None:
    assert decided_alike(batches(family, name, variant, 11, 3 * effort), FAMILIES[family]) >= 40 * effort


@pytest.mark.parametrize("family", NAMES)
def test_what_depends_on_the_direction_is_enclosed(family: str) -> None:
    """<grad L, v> and u - <phi, v>: v has no coordinates that balls share, and is of numbers that are given."""
    (batch,) = batches(family, "rates", "logistic", 6, 1)
    at = FAMILIES[family].enclosed_quantities(batch)  # type: ignore[misc]
    rows, u, size = at.meta_features, at.u, len(batch)
    v = at._along.mid
    assert (np.linalg.norm(v, axis=1) < batch.radius).all()
    middle = u.mid - (np.broadcast_to(rows.mid, rows.shape).reshape(size, -1, v.shape[1]) @ v[..., None]).reshape(
        u.shape
    )
    slopes = batch.weights[:, :, None] * np.broadcast_to(at.slopes.mid, u.shape)
    for name, near in (
        ("direction", (at.gradient.mid * v).sum(1)),
        ("inner_product", (slopes * middle).sum((1, 2))),
        ("residual_norm", np.sqrt((at.mass.mid * middle**2).sum((1, 2)))),
    ):
        low, high = ends_of(at(name))
        assert (low - 1e-9 <= near).all() and (near <= high + 1e-9).all() and (high - low < 1e-6).all(), name


@pytest.mark.ci(every=8)
@pytest.mark.parametrize("family", NAMES)
@pytest.mark.parametrize("scale", [1e160, 1e300, 1e-160, 1e-310])
def test_extreme_numbers_decide_nothing_wrong(family: str, scale: float) -> None:
    for name, variant in (("arbitrary", "squared"), ("vector-outputs", "softmax"), ("functions", "poisson")):
        for batch in batches(family, name, variant, 3, 1, size=1):
            for field in ("features", "omega", "radius"):
                extreme = replace(batch, **{field: getattr(batch, field) * scale})
                assert not disagreements(extreme, FAMILIES[family])[0]
                assert not outside(extreme, ("gap", "eps", "misfit", "error_trace"), family=FAMILIES[family])[0]


def test_kinks_are_left_to_balls() -> None:
    """A neuron at its kink at an input: nothing that needs a derivative there is decided; the rest is as balls say."""
    for batch in batches("network", "arbitrary", "logistic", 4, 4):
        omega = batch.omega.copy()
        at = batch.features[:, 0]  # the weights of one neuron are turned until it is orthogonal to the first input
        omega[:, 0] = np.stack([at[:, 1], -at[:, 0]], -1) if at.shape[1] == 2 else 0.0
        kinked = replace(batch, omega=omega).take(at.any(1) & (batch.weights[:, 0] > 0))
        assert not (FAMILIES["network"].enclosed_quantities(kinked)("margin_differentiability").low > 0).any()  # type: ignore[misc]
        for known in FAMILIES["network"].judged_in_arrays(kinked, FAMILIES["network"].claims):
            for name in {"network-lifted", "network-projected", "network-init-operator", "network-s3"} & set(known):
                assert known[name].verdict is Verdict.OUTSIDE
        assert not disagreements(kinked, FAMILIES["network"])[0]


def test_kinks_where_no_mass_is_are_no_kinks() -> None:
    """The margin is over the inputs of the law that comes next: queries after steps; adapted, no task of weight 0."""
    for batch in batches("network", "support-query", "logistic", 4, 2):
        support = np.zeros_like(batch.labels[..., 0])
        support[:, :, -1] = 1.0
        alone = np.where(np.arange(batch.weights.shape[1]) == 0, 0.0, 1.0) + np.zeros_like(batch.weights)
        near = batch.features.copy()  # to kinks; only task 0 has mass there
        near[:, 0] *= 1e-3
        apart = np.zeros_like(support)
        apart[:, 0, 0] = apart[:, 1:, -1] = 1.0
        assert batch.weights.shape[1] > 1 < near.shape[1]
        for some in (
            replace(batch, weights=1.0 - alone),
            replace(batch, support_labels=batch.labels[..., :1], support_masses=support[..., None]),
            replace(
                batch, weights=alone, features=near, support_masses=None, masses=apart[..., None] + 0 * batch.masses
            ),
        ):
            missed, count = outside(some, ("margin_differentiability",), family=FAMILIES["network"])
            assert not missed
            assert count


def test_wide_networks_are_left_to_balls(monkeypatch: pytest.MonkeyPatch) -> None:
    (batch,) = batches("network", "arbitrary", "logistic", 4, 1)
    assert FAMILIES["network"].judged_in_arrays(batch, FAMILIES["network"].claims)[0]
    monkeypatch.setattr(quantities, "WIDEST", batch.shape[3] - 1)
    assert not any(FAMILIES["network"].judged_in_arrays(batch, FAMILIES["network"].claims))


def test_inputs_that_are_0_drive_no_neuron() -> None:
    for batch in batches("network", "arbitrary", "logistic", 9, 2):
        features = batch.features.copy()
        features[:, 0] = 0.0
        still = replace(batch, features=features)
        missed, count = outside(
            still, ("gap", "eps", "misfit", "error_flips", "error_count"), family=FAMILIES["network"]
        )
        assert not missed and count >= 12
        wrong, decided = disagreements(still, FAMILIES["network"])
        assert not wrong and decided >= 20


def test_steps_are_known_where_a_number_has_a_sign() -> None:
    at = MidRad([1.0, -1.0, 0.0, 0.0, 1.0, np.inf, -np.inf, np.nan], [0.5, 0.5, 0.0, 1e-300, 1.0, np.inf, 0.0, 0.0])
    found = MidRads.step(at)
    assert found.mid[:5].tolist() == [1.0, 0.0, 0.0, 0.5, 0.5]
    assert found.rad[:5].tolist() == [0.0, 0.0, 0.0, 0.5, 0.5]
    assert np.isnan(found.mid[5:]).all()
    part = MidRads.positive(at)
    assert (part.low[:5] <= np.maximum(at.low[:5], 0)).all() and (part.high[:5] >= np.maximum(at.high[:5], 0)).all()
    assert part.rad[1:3].tolist() == [0.0, 0.0]
    assert not fit_ends(ends_of(part))[5:].any()
    moving, staying = (Duals.step(Dual(at, MidRad(slope))).slope for slope in (3.0, 0.0))
    assert moving.mid[:2].tolist() == [0.0, 0.0] and np.isnan(moving.mid[2:5]).all()
    assert staying.mid[:5].tolist() == [0.0] * 5
    turned = Duals.positive(Dual(at, MidRad(3.0))).slope
    assert turned.low[2] <= 0 and turned.high[2] >= 3
    slope = Duals.positive(Dual(at, MidRad(3.0))).slope
    assert slope.low[0] <= 3 <= slope.high[0] and slope.low[4] <= 0 and slope.high[4] >= 3


def test_largest_eigenvalues_contain_those_of_balls(effort: int) -> None:
    rng, sharp = np.random.default_rng(7), 0
    for _ in range(20 * effort):
        count, rank = int(rng.integers(1, 6)), int(rng.integers(1, 4))
        rows = rng.normal(size=(3, count, rank)) * 10.0 ** rng.integers(-3, 4, (3, count, 1))
        rows[0] = rows[0, :1]
        found = linear.largest_eigenvalue(MidRad(rows) @ MidRad(rows).swapaxes(1, 2))
        for b in range(3):
            with ctx.workprec(256):
                table = arb_mat(rows[b].tolist())
                right = largest_eigenvalue(table * table.transpose())
                assert arb(float(found.low[b])) <= right.upper() and arb(float(found.high[b])) >= right.lower()
            sharp += float(found.high[b] - found.low[b]) <= 1e-9 * float(found.high[b])
    assert sharp >= 40 * effort
    bad = MidRad(np.array([[[np.nan, 0.0], [0.0, 1.0]], [[np.inf, 0.0], [0.0, 1.0]]]))
    assert not fit_ends(ends_of(linear.largest_eigenvalue(bad))).any()


def test_poor_eigenvectors_only_widen(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    rows, right = rng.normal(size=(4, 3, 3)), np.linalg.eigh
    gram = rows @ rows.swapaxes(1, 2)
    largest = right(gram)[0][:, -1]
    monkeypatch.setattr(np.linalg, "eigh", lambda table: (right(table)[0], right(table)[1] * 1.02 + 0.01))
    found = linear.largest_eigenvalue(MidRad(gram))
    assert (found.low <= largest).all() and (largest <= found.high).all() and (found.high < 2 * largest).all()
    monkeypatch.setattr(np.linalg, "eigh", lambda table: (right(table)[0], 0 * table + np.eye(3)))
    found = linear.largest_eigenvalue(MidRad(gram))
    assert (found.low <= largest).all() and (largest <= found.high).all()
    monkeypatch.setattr(np.linalg, "eigh", lambda table: (right(table)[0], 0 * table))
    assert not fit_ends(ends_of(linear.largest_eigenvalue(MidRad(gram)))).any()


def test_counts_lie_between_those_of_the_ends() -> None:
    """k*(B) of neurons whose nearness is known, and of a budget that is one of its sums."""
    (batch,) = batches("network", "arbitrary", "logistic", 2, 1)
    at = FAMILIES["network"].enclosed_quantities(batch)  # type: ignore[misc]
    near = np.tile(np.array([3.0, 1.0, 2.0]), (len(batch), batch.shape[1], 1))
    at._nearness = MidRad(near, 2.0**-60)
    ones = np.ones((len(batch), 1))
    for budget, low, high in ((0.5, 0, 0), (1.5, 1, 1), (5.0**0.5, 1, 2), (3.0, 2, 2), (4.0, 3, 3), (np.nan, 0, 3)):
        found = at._counts(MidRad(budget * ones, 2.0**-50))
        assert (found.low <= low).all() and (found.high >= high).all()
        assert (np.abs(found.mid - (low + high) / 2) <= 1e-9).all(), budget


def test_rank_is_decided_with_no_mass_left_in() -> None:
    """Points without mass, and tasks without weight, have no say."""
    for family in NAMES:
        compared = 0
        for batch in batches(family, "functions", "logistic", 3, 3):
            masses, weights = np.zeros(batch.masses.shape), np.zeros(batch.weights.shape)
            masses[:, :, :2, 0], weights[:, 0] = 0.5, 1.0
            masses[::2, :, 1:] = 0.0
            alone = replace(batch, masses=masses, weights=weights)
            missed, count = outside(alone, ("min_norm_solution", "condition"), family=FAMILIES[family])
            assert not missed
            compared += count
        assert compared >= 6
