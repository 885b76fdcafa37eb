"""Balls by kernels, floats by explicit features, Taylor arithmetic in the whole space, autograd: four routes."""

from __future__ import annotations

import numpy as np
import pytest
from flint import arb, ctx
from metagap.impl.families import NETWORK
from metagap.impl.models.weights import Weights
from metagap.impl.series import BallSeries, series_terms
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.draws import CONVEX_LOSSES
from metagap.impl.supervised.relu.batch_quantities import NetworkBatchQuantities
from metagap.impl.supervised.relu.quantities import NetworkQuantities
from metagap.theory.claim import UndefinedQuantityError
from metagap.theory.network import CLAIMS

TERMS = sorted({name for claim in CLAIMS for name in (*claim.terms, *claim.left.names)})
NOT_IN_FLOATS = {"zero", "misfit_l1", "direction", "inner_product", "residual_norm",
                 "chain_rule_defect"}  # fmt: skip
SHARED = [
    *sorted({*TERMS} - NOT_IN_FLOATS),
    "misfit_curvature_adapted", "misfit_outer_unadapted", "misfit_init_inner", "misfit_init_outer",
    "weight_norm_unadapted", "pairing_unadapted", "weight_norm_uniform", "misfit_uniform", "eps_other_kinks",
    "error_count_own", "error_count_linear", "misfit_reversed", "misfit_frozen", "misfit_one_missing",
    "error_last_factor", "min_norm_init", "bregman_swapped", "strong_convexity_adapted",
]  # fmt: skip


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("loss", CONVEX_LOSSES)
@pytest.mark.parametrize("name", ["arbitrary", "tangent", "steps", "still", "interpolating", "support-query"])
def test_both_engines_agree(loss: str, name: str, effort: int) -> None:
    compared = 0
    for seed in range(effort):
        with np.errstate(all="ignore"):
            batch = NETWORK.generator(name).build(RandomSource((seed, 8), 3), loss)
            floats = NetworkBatchQuantities(batch)
            scale = floats.scale
        for b in range(len(batch)):
            with ctx.workprec(128):
                balls = NetworkQuantities(batch.instance(b))
                if not balls("margin_differentiability") > 1e-9:
                    continue
                # Squares: a norm of a difference of features loses half of the digits in neither engine.
                for quantity in SHARED:
                    try:
                        enclosure = balls(quantity)
                    except UndefinedQuantityError:
                        continue
                    with np.errstate(all="ignore"):
                        value = floats(quantity)[b]
                    if not np.isfinite(value):
                        continue
                    unit = 2.0**-36 * (abs(value) + balls.scale(quantity) + scale[b])
                    assert float((enclosure - float(value)).abs_lower()) <= unit, (quantity, value, enclosure)
                    compared += 1
    assert compared >= 20


@pytest.mark.ci
@pytest.mark.parametrize("loss", CONVEX_LOSSES)
def test_autograd_agrees_with_taylor_and_with_the_kernel(loss: str, effort: int) -> None:
    from metagap.impl.oracles.network_autograd import meta_gradient

    wide = 0
    for seed in range(6 * effort):
        name = "steps" if seed % 2 else "arbitrary"
        with np.errstate(all="ignore"):
            instance = NETWORK.generator(name).build(RandomSource((seed, 2), 1), loss).instance(0)
        with ctx.workprec(128):
            at = NetworkQuantities(instance)
            if not at("margin_differentiability") > 1e-9 or at.scale("eps") > 1e6:
                continue
            _, gradient = meta_gradient(instance)
            room = 1e-9 * (at.scale("eps") + 1e-6)
            assert float((at("eps") - float(np.linalg.norm(gradient))).abs_lower()) <= room
            # That of the meta-features.
            assert float((at("eps_formal") - float(np.linalg.norm(gradient))).abs_lower()) <= room
            wide += 1
            along = np.random.default_rng(seed).integers(-1, 2, gradient.shape).astype(float)
            slope = at._whole_gradient.along(Weights(along))
            assert float((slope - float((gradient * along).sum())).abs_lower()) <= room * gradient.size
    assert wide >= 3


def forward_slope(at: NetworkQuantities, along: np.ndarray) -> arb:
    """d/dt L(W + t V) at t = 0, by power series through explicit weights: no kernel, no reverse pass."""
    problem, s = at.problem, BallSeries
    rows = problem.inputs.rows
    total = s.series([arb(0)])
    with series_terms(2):
        for law, path in zip(at.laws, at._paths, strict=True):
            weights = [
                [s.series([arb(v), arb(int(t))]) for v, t in zip(problem.omega.weights.row(r), move, strict=True)]
                for r, move in enumerate(along.tolist())
            ]
            for here in path:
                active = {x: here.active[:, a] for a, x in enumerate(here.xs)}
                predictions = {}
                for x in here.xs:
                    f = s.series([arb(0)])
                    for r, b in enumerate(problem.instance.signs):
                        if active[x][r]:
                            f = f + sum((b * w * v for w, v in zip(weights[r], rows[x], strict=True)), start=f * 0)
                    predictions[x] = f * problem.shrink
                if here is path[-1]:
                    for x, y, p in law.atoms:
                        total = total + law.weight * p * problem.loss.value(s, predictions[x], y)
                    break
                moved = [list(row) for row in weights]
                for x, y, p in law.atoms:
                    pull = problem.eta * p * problem.loss.d1(s, predictions[x], y) * problem.shrink
                    for r, b in enumerate(problem.instance.signs):
                        if active[x][r]:
                            moved[r] = [w - pull * b * v for w, v in zip(moved[r], rows[x], strict=True)]
                weights = moved
    return total[1]


def test_the_reverse_pass_and_a_series_through_explicit_weights_agree() -> None:
    """<grad L, V> along random V: overlapping balls of 2^-90."""
    compared = steps = 0
    for seed in range(24):
        name = ("functions", "steps")[seed % 2]
        with np.errstate(all="ignore"):
            instance = NETWORK.generator(name).build(RandomSource((seed, 5), 1), "log-cosh").instance(0)
        with ctx.workprec(128):
            at = NetworkQuantities(instance)
            if instance.parameters > 64 or not at("margin_differentiability") > 0:
                continue
            along = np.random.default_rng(seed).integers(-4, 5, instance.omega.floats.shape).astype(float)
            reverse, forward = at._whole_gradient.along(Weights(along)), forward_slope(at, along)
            assert reverse.overlaps(forward)
            assert float((reverse - forward).rad()) <= 2.0**-90 * (1 + at.scale("eps") * float(np.abs(along).sum()))
            compared += 1
            steps += instance.adaptation.steps > 1
    assert compared >= 8
    assert steps >= 3
