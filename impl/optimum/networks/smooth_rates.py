r"""How the linearisation error of smooth networks falls with the width: m^{-1/2} at an atom, where ReLU has m^{-1/6}.

W0 is Gaussian, N(0, I_d/d), b = +-1, one input of length 1. The neurons with b_r sigma''(W0_r'x) > 0 move along x by
the same share of the ball ||W - W0|| <= 1. Their remainders add up, to (1/2) mean |sigma''| m^{-1/2} at first order;
no W of the ball has more than (c2/2) m^{-1/2}. float64: a measurement, not a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...arithmetic import Floats
from ...models.activation import ACTIVATIONS, Activation
from .rates import DIMENSION, Array, Series, series_of


def atom(sigma: Activation, widths: Sequence[int], seed: int = 0, repetitions: int = 20) -> list[Array]:
    """Samples of |f - f(W0) - phi_0'(W - W0)| that the adversary reaches for B = 1, per width."""
    found = []
    for m in widths:
        rng, values = np.random.default_rng((seed, m)), []
        for _ in range(repetitions):
            drive, signs = rng.standard_normal(m) / DIMENSION**0.5, rng.choice([-1.0, 1.0], m)
            bent = signs * sigma.d2(Floats, drive) > 0
            here, signs = drive[bent], signs[bent]
            step = 1 / max(len(here), 1) ** 0.5
            change = sigma.value(Floats, here + step) - sigma.value(Floats, here)
            values.append(abs(float(signs @ (change - sigma.d1(Floats, here) * step))) / m**0.5)
        found.append(np.array(values))
    return found


def measure(smallest: int = 6, largest: int = 18, seed: int = 0) -> tuple[Series, ...]:
    """A series per activation over the widths 2^smallest .. 2^largest."""
    widths = [2**e for e in range(smallest, largest + 1, 2)]
    found = []
    for name, sigma in ACTIVATIONS.items():
        bound = float(sigma.curvature(Floats)) / 2
        quantity = (
            r"Largest $|f(x;W)-f(x;W_0)-\phi_0(x)^{\top}(W-W_0)|$ that our adversary reaches in the ball "
            rf"$\|W-W_0\|\le 1$, {name}, at one input of length 1 in $R^3$: an atom is no exception."
        )

        def theory(m: int, bound: float = bound) -> float:
            return bound * m**-0.5

        found.append(series_of(f"atom, {name}", quantity, widths, atom(sigma, widths, seed), theory, "bound", "$-1/2$"))
    return tuple(found)
