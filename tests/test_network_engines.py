"""Balls by kernels, floats by explicit features, Taylor arithmetic in the whole space, autograd: four routes."""

from __future__ import annotations

import numpy as np
import pytest
from flint import ctx
from metagap.impl.families import NETWORK
from metagap.impl.meta_sl.generate import CONVEX_LOSSES
from metagap.impl.network import taylor
from metagap.impl.network.batch_quantities import NetworkBatchQuantities
from metagap.impl.network.core_quantities import WHOLE_SPACE
from metagap.impl.network.quantities import NetworkQuantities
from metagap.impl.oracles.network_autograd import meta_gradient
from metagap.impl.sources import RandomSource
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
    "error_last_factor", "min_norm_init",
]  # fmt: skip


@pytest.mark.parametrize("loss", CONVEX_LOSSES)
@pytest.mark.parametrize("name", ["arbitrary", "tangent", "steps", "still", "interpolating"])
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


@pytest.mark.parametrize("loss", CONVEX_LOSSES)
def test_autograd_agrees_with_taylor_and_with_the_kernel(loss: str, effort: int) -> None:
    whole = wide = 0
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
            # The kernel's norm, whatever route eps took.
            assert float((at("eps_formal") - float(np.linalg.norm(gradient))).abs_lower()) <= room
            wide += 1
            if gradient.size <= WHOLE_SPACE:
                for ball, value in zip(at._whole_gradient, gradient.ravel(), strict=True):
                    assert float((ball - float(value)).abs_lower()) <= room
                whole += 1
    assert wide >= 3
    assert whole >= 1


def test_the_whole_space_and_the_kernel_route_pair_alike() -> None:
    """<grad L, psi> by Taylor arithmetic in R^{md} and in kernel coordinates: overlapping balls of 2^-100."""
    compared = 0
    for seed in range(12):
        with np.errstate(all="ignore"):
            instance = NETWORK.generator("functions").build(RandomSource((seed, 5), 1), "log-cosh").instance(0)
        with ctx.workprec(128):
            at = NetworkQuantities(instance)
            if not at._small or not at("margin_differentiability") > 0:
                continue
            features = at._features
            basis = taylor.features(at.problem, features.patterns.T, features.places).tolist()
            for row, pairing in zip(basis, at._basis_pairings, strict=True):
                direct = sum((g * v for g, v in zip(at._whole_gradient, row, strict=True)), start=at.zero)
                assert direct.overlaps(pairing)
                assert float((direct - pairing).rad()) <= 2.0**-90 * (1 + at.scale("eps"))
                compared += 1
    assert compared >= 20
