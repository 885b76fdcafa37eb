"""grad L of a batch of two-layer networks by Taylor arithmetic, as `supervised.smooth.taylor` has it of one instance.

The independent route: ell', sigma and sigma' are evaluated on dual numbers; no ell'', no sigma'' and no meta-feature
occurs. grad L = sum_i q_i g_i^(0), from g_i^(K) = grad R_i(W_i) back through the steps by

    g_i^(k) = S g_i^(k+1) - eta (d/dt) grad R_i(W^(k) + t D g_i^(k+1)) at t = 0

with the inner law. Where a neuron may be at a kink sigma' has no derivative, and the gradient is no number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flint import fmpq

from ....elementary import MidRads
from ....enclosed.duals import Dual, Duals
from ....midrad import MidRad


def gradient(batch: Any, path: Sequence[MidRad]) -> MidRad:
    """grad L(W) (B, m d); path: the iterates W, ..., W_i (B, 1 or n, m, d)."""
    outer = inner = batch.labels, batch.masses
    if batch.support_masses is not None:
        inner = batch.support_labels, batch.support_masses
    rate = batch.rate[:, None, None, None]
    *before, last = path
    pull = _risk_gradient(batch, outer, last)
    for at in reversed(before):
        paced = pull if batch.rates is None else pull * batch.rates[:, None]
        change = _risk_gradient(batch, inner, Dual(at, paced)).slope
        if batch.decay is not None:
            change = change + batch.decay[:, None, None, None] * paced
        pull = pull - rate * change
    return (batch.weights[..., None, None] * pull).sum(1).reshape(len(batch), -1)


def _risk_gradient(batch: Any, law: tuple[Any, Any], weights: Any) -> Any:
    """grad R_i (B, n, m, d) at weights (B, t, m, d), or at duals of them."""
    m, loss, (labels, masses) = Duals if isinstance(weights, Dual) else MidRads, batch.loss, law
    c, features = loss.outputs, batch.features[:, None]
    output = (batch.signs / MidRads.sqrt(MidRads.number(fmpq(batch.signs.shape[2]))))[:, None]
    moving = (batch.features.size > 0).any(2)[:, None, :, None]  # an input that is 0 drives no neuron
    drive = _mapped(lambda w: MidRads.where(moving, features @ w.swapaxes(2, 3), 0.0), weights)
    z = _mapped(lambda values: values @ output.swapaxes(2, 3), batch.sigma.value(m, drive))
    if c == 1:
        slopes = [loss.d1(m, z, labels)]
    else:
        slopes = loss.d1(m, [_mapped(lambda x, a: x[..., a, None], z, a) for a in range(c)], loss.parts(labels))
    sums = [_mapped(lambda x: (masses * x).sum(3)[..., None], slope) for slope in slopes]
    back = sum(_mapped(lambda x, a: x * output[:, :, None, a], own, a) for a, own in enumerate(sums))
    return _mapped(lambda rows: rows.swapaxes(2, 3) @ features, back * batch.sigma.d1(m, drive))


def _mapped(linear: Callable[..., MidRad], x: Any, *given: int) -> Any:
    """A linear map of numbers, or of duals."""
    return Dual(linear(x.value, *given), linear(x.slope, *given)) if isinstance(x, Dual) else linear(x, *given)
