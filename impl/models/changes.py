"""How far gradient features at W are from those at W0: ||phi_0(x) - phi_W(x)||, from ||x|| and the neurons' moves.

ReLU: ||x|| (flips(x)/m)^{1/2} exactly. Smooth: |sigma'(s) - sigma'(t)| <= min(1, c |s - t|) with c = sup |sigma''|, as
sigma' is in [0, 1]: ||x|| (sum_r min(1, c ||x|| ||W_r - W0_r||)^2/m)^{1/2}, and since (sum_r ||W_r - W0_r||^2)^{1/2} is
at most B in the ball, ||x|| min(1, c ||x|| B/m^{1/2}) there.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, arb_mat

from ..arithmetic import norm, root, square


def moves(weights: arb_mat, start: arb_mat) -> list[arb]:
    """||W_r - W0_r|| [m]."""
    return [norm(row) for row in (weights - start).tolist()]


def by_flips(size: arb, flips: arb, width: int) -> arb:
    """ReLU: so many of the neurons have another pattern at x, ||x|| = size."""
    return size * root(flips / width)


def by_moves(size: arb, moved: Sequence[arb], curvature: arb, shrink: arb) -> arb:
    """Smooth: by how far each neuron is from W0 [m]; curvature c, shrink m^{-1/2}."""
    reaches = [(curvature * size * move).min(arb(1)) for move in moved]
    return size * shrink * root(sum(map(square, reaches), start=arb(0)))


def in_ball(size: arb, budget: arb, curvature: arb, shrink: arb) -> arb:
    """Smooth: by ||W - W0|| <= budget alone."""
    return size * (curvature * size * budget * shrink).min(arb(1))
