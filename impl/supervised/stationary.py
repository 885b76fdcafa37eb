"""Points where a first-order method would stop, for a whole batch: damped Gauss-Newton on the meta-objective."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .batch import Array, Batch
from .batch_quantities import solve
from .vector_batch import LinearQuantities


def stationary_points(batch: Batch, rounds: int = 60) -> Array:
    """omega with a small meta-gradient, started from batch.omega; never uphill.

    Levenberg-Marquardt with the positive part sum_i q_i J_i'H_i(omega_i)J_i of the meta-Hessian. Whether it
    converged shows in eps; the theorem holds at any omega.
    """
    here = replace(batch, rival=batch.omega, functions=None)
    damping = np.full(len(batch), 1e-2)
    shape = batch.omega.shape
    eye = np.eye(batch.omega[0].size)
    with np.errstate(over="ignore", invalid="ignore"):
        at = LinearQuantities(here)
        value, gradient, model = at.meta_objective, at.gradient, at.gauss_newton
        for _ in range(rounds):
            size = np.trace(model, axis1=1, axis2=2) + 1e-12
            system = model + (damping * size)[:, None, None] * eye
            step = solve(system, gradient)
            step = step * np.minimum(1.0, 8 / np.maximum(np.abs(step).max(1), 1e-300))[:, None]
            trial = LinearQuantities(replace(here, omega=here.omega - step.reshape(shape)))
            better = trial.meta_objective < value
            damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-12, 1e12)
            omega = np.where(better.reshape(-1, *(1,) * (len(shape) - 1)), trial.batch.omega, here.omega)
            here = replace(here, omega=omega)
            value = np.where(better, trial.meta_objective, value)
            if better.any():
                gradient = np.where(better[:, None], trial.gradient, gradient)
                model = np.where(better[:, None, None], trial.gauss_newton, model)
            if not (better & (np.abs(step).max(1) > 1e-13)).any() and (damping > 1e6).all():
                break
    return here.omega
