"""Where omega comes from: gradient ascent on the meta-objective in float64, full or with a first-order outer loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .batch import Array, Batch
from .batch_quantities import BatchQuantities
from .network_batch_quantities import quantities_of


def ascended(batch: Batch, rounds: int = 40, reach: float = np.inf) -> Array:
    """omega (B, d), or (B, m, p) of networks, after gradient ascent with steps that grow on success and shrink on
    failure; never downhill.

    Projected onto ||theta|| <= reach tau: L may have its supremum at infinity, where policies are sure.
    """
    here = replace(batch, policies=None, rival=batch.omega)
    at = quantities_of(here)
    step, flat = batch.tau.copy(), (len(batch), -1)
    for _ in range(rounds):
        moved = here.omega.reshape(flat) + step[:, None] * _unit(at.gradient)
        size = np.sqrt((moved * moved).sum(1))
        shrunk = np.minimum(1.0, reach * batch.tau / np.where(size > 0, size, 1.0))
        trial = (moved * shrunk[:, None]).reshape(here.omega.shape)
        after = quantities_of(replace(here, omega=trial))
        better = after.meta_objective > at.meta_objective
        step = np.where(better, step * 2, step / 4)
        chosen = np.where(better[:, None], trial.reshape(flat), here.omega.reshape(flat))
        here = replace(here, omega=chosen.reshape(here.omega.shape))
        at = quantities_of(here)
    return here.omega


def first_order_ascended(batch: Batch, rounds: int = 200) -> Array:
    """omega (B, d) after ascent along the first-order gradient (the derivative of the adaptation's task part left
    out), with steps tau/(1 + k/10)."""
    here = replace(batch, policies=None, rival=batch.omega)
    for k in range(rounds):
        step = batch.tau / (4 * (1 + k / 10))
        slope = BatchQuantities(here).first_order_gradient
        here = replace(here, omega=here.omega + step[:, None] * _unit(slope))
    return here.omega


def _unit(slope: Array) -> Array:
    size = np.sqrt((slope * slope).sum(1))
    return slope / np.where(size > 0, size, 1.0)[:, None]
