"""Balls, floats and cvxpy agree on generated instances: three implementations that share only the losses."""

from __future__ import annotations

import inspect
from contextlib import suppress

import numpy as np
import pytest
from flint import ctx
from hypothesis import given
from metagap.impl.families import FAMILIES, judge
from metagap.impl.family import Family
from metagap.impl.sources import RandomSource
from metagap.impl.strategies import instances
from metagap.impl.supervised.batch import batch_of
from metagap.impl.supervised.batch_quantities import BatchQuantities
from metagap.impl.supervised.draws import CONVEX_LOSSES
from metagap.impl.supervised.generate import GENERATORS, arbitrary
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.impl.supervised.vector_batch import LinearQuantities
from metagap.theory.claim import UndefinedQuantityError
from metagap.theory.meta_sl import CLAIMS

from .kinds import families, searched

SHARED = (
    "gap",
    "bregman",
    "pairing",
    "eps",
    "weight_norm",
    "misfit",
    "mixed_weight_norm",
    "mixed_misfit",
    "eps_first_order",
    "misfit_plain",
    "displacement",
    "function_displacement",
    "bregman_swapped",
    "strong_convexity",
    "strong_convexity_adapted",
    "feature_bound",
    "misfit_hessian_at_adapted",
    "weight_norm_unadapted",
    "misfit_u_unadapted",
    "weight_norm_uniform",
    "misfit_uniform",
    "support_feature_bound",
    "eps_exchanged",
    "weight_norm_exchanged",
    "misfit_exchanged",
    "weight_norm_support",
    "misfit_support",
    "misfit_query_hessian",
    "independent_supports",
)


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("loss", CONVEX_LOSSES)
@pytest.mark.parametrize("name", ["arbitrary", "functions", "tangent", "support-query"])
def test_both_engines_agree_within_the_rounding_unit(loss: str, name: str, effort: int) -> None:
    generator = next(g for g in GENERATORS if g.name == name)
    compared = 0
    for index in range(2 * effort):
        batch = generator.build(RandomSource((3, index), 4), loss)
        with np.errstate(all="ignore"):
            floats = BatchQuantities(batch)
            scale = floats.scale
            for b in range(len(batch)):
                with ctx.workprec(160):
                    balls = MetaSLQuantities(batch.instance(b))
                    if not balls.margin_differentiability > 0:
                        continue
                    for quantity in SHARED:
                        try:
                            enclosure = balls(quantity)
                        except UndefinedQuantityError:
                            continue
                        value = floats(quantity)[b]
                        if not np.isfinite(value):
                            continue
                        unit = 2.0**-40 * (abs(value) + balls.scale(quantity) + scale[b])
                        distance = float((enclosure - float(value)).abs_lower())
                        assert distance <= unit, (quantity, value, enclosure)
                        compared += 1
    assert compared >= 40 * effort


@pytest.mark.ci
@pytest.mark.parametrize("loss", ["squared", "log-cosh", "softmax"])
def test_the_gradient_back_through_the_steps_is_that_of_the_features(loss: str) -> None:
    several = 0
    kinds = [g for g in GENERATORS if g.name in ("arbitrary", "support-query", "rates")]
    for seed in range(40):
        for generator in (g for g in kinds if loss in g.variants):
            at = LinearQuantities(generator.build(RandomSource((5, seed), 8), loss))
            with np.errstate(all="ignore"):
                slopes = at.batch.weights[..., None] * at.slopes
                terms = slopes[..., None] * at.meta_features
                room = 2.0**-36 * (1 + np.abs(terms).sum((1, 2)) + at.scale[:, None])
                near = np.abs(at.gradient - terms.sum((1, 2))) <= room
            assert (near | ~np.isfinite(room)).all()
            several += at.batch.steps > 1 and at.features.shape[2] > 1
    assert several >= 4


@given(instances("arbitrary"))
def test_a_batch_loses_nothing(instance: MetaSLInstance) -> None:
    assert batch_of(instance).instance(0).sha256 == instance.sha256


@pytest.mark.ci
@pytest.mark.parametrize("loss", ["squared", "logistic", "pseudo-huber"])
def test_cvxpy_solves_the_same_trust_region_problem(loss: str) -> None:
    from metagap.impl.oracles.convex import float_misfit

    for seed in range(3):
        batch = arbitrary(RandomSource(seed, 2), loss)
        for b in range(len(batch)):
            instance = batch.instance(b)
            with ctx.workprec(128):
                at = MetaSLQuantities(instance)
                low, high = float(at.misfit.lower()), float(at.misfit.upper())
                room = 1e-6 * (1 + at.scale("misfit"))
            assert low - room <= float_misfit(instance) <= high + room


@pytest.mark.ci
def test_cvxpy_finds_the_squared_meta_minimum_where_the_gradient_vanishes() -> None:
    """Stationary points of the squared loss are global (C1): L(omega) is cvxpy's minimum."""
    from metagap.impl.oracles.convex import squared_meta_minimum

    stationary = next(g for g in GENERATORS if g.name == "stationary")
    compared = 0
    for seed in range(12):
        batch = stationary.build(RandomSource(seed, 2), "squared")
        if batch.steps != 1:
            continue
        at = BatchQuantities(batch)
        for b in range(len(batch)):
            if at.eps[b] < 1e-10:
                assert squared_meta_minimum(batch.instance(b)) == pytest.approx(at.meta_objective[b], abs=1e-6)
                compared += 1
    assert compared >= 4


def test_reported_enclosures_contain_a_float64_evaluation_and_are_narrow() -> None:
    names = {"gap", *SHARED}
    checked = 0
    for loss in CONVEX_LOSSES:
        batch = arbitrary(RandomSource((9, 1), 6), loss)
        with np.errstate(all="ignore"):
            floats = BatchQuantities(batch)
            for b in range(len(batch)):
                for judged in judge(batch.instance(b), CLAIMS, complete=True).claims:
                    for name, enclosure in judged.terms.items():
                        if not np.isfinite(enclosure.hi) or judged.verdict.name == "OUTSIDE":
                            continue
                        assert enclosure.hi - enclosure.lo <= 1e-9 * (1 + abs(enclosure.middle)), name
                        if name in names and np.isfinite(floats(name)[b]):
                            assert enclosure.lo <= floats(name)[b] <= enclosure.hi, (name, judged.claim)
                            checked += 1
    assert checked > 300


@families(searched)
def test_every_quantity_of_the_searching_engine_is_a_number_per_instance(family: Family) -> None:
    """Every quantity that both engines have, also one that no claim of the family names: none is of another model."""
    with np.errstate(all="ignore"):
        batch = family.generators[0].build(RandomSource(1, 3), family.generators[0].variants[0])
        at = family.batch_quantities(batch)
        names = [n for n in dir(type(at)) if hasattr(family.quantities, n) and is_quantity(family.quantities, n)]
        assert {"gap", "eps", "misfit"} <= set(names)
        for name in names:
            with suppress(UndefinedQuantityError):
                assert np.shape(at(name)) == (3,), name


@pytest.mark.parametrize("family", [f for f in FAMILIES.values() if f.returns], ids=lambda family: family.name)
def test_the_residual_is_as_long_as_the_misfit(family: Family) -> None:
    """In whatever coordinates its direction is."""
    for generator in family.generators[:3]:
        with np.errstate(all="ignore"):
            at = family.batch_quantities(generator.build(RandomSource(2, 4), generator.variants[0]))
            assert np.sqrt((at.mass * at.residual**2).sum((1, 2, 3))) == pytest.approx(at.misfit, rel=1e-9, abs=1e-9)


def is_quantity(engine: type, name: str) -> bool:
    """Whether the engine's attribute is a quantity: public, and a number."""
    found = inspect.getattr_static(engine, name)
    value = found.fget if isinstance(found, property) else getattr(found, "func", None)
    return not name.startswith("_") and getattr(value, "__annotations__", {}).get("return") in ("arb", "Number")
