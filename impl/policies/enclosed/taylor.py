r"""grad L of a batch by Taylor arithmetic through the definition of L, as `policies.taylor` has it of one instance.

The independent route: policies, the Bellman equation (solved by `inverse`), the adaptation and the return, each with
its derivatives along the d unit vectors. No advantage, no visitation and no meta-feature occurs. Tables are (B, n, S,
A, d): a `Dual` of values (..., 1) and of slopes (..., d). With K = I - gamma P_pi, whose own derivative along e_j is
-gamma sum_a (d_j pi) P, the Bellman equation K V = (1-gamma) r_pi gives, with Q = (1-gamma) r + gamma P V,

    K d_j V = sum_a (d_j pi) Q,    d_j Q = gamma P d_j V,
    K d_jk V = sum_a [(d_jk pi) Q + (d_j pi)(d_k Q) + (d_k pi)(d_j Q)].

A step on the parameter, theta + eta grad J(theta), and the curvature of L need the last line, and d_jk pi by the
product rule: p = e^x has d_jk p = p [(d_j x)(d_k x) + d_jk x], and pi T = p with T = sum_a p gives

    d_jk pi = [d_jk p - (d_j pi)(d_k T) - (d_k pi)(d_j T) - pi d_jk T]/T.

Tasks of weight 0 add 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...elementary import MidRads
from ...enclosed.duals import Dual, Duals
from ...enclosed.linear import inverse
from ...midrad import MidRad
from ...models.activation import Activation
from ..instance import Adaptation


class Values(NamedTuple):
    """Of a policy: K^{-1} (B, n, S, S), d_j V (B, n, S, d), and Q with its slopes (B, n, S, A, d)."""

    solve: MidRad
    slope: MidRad
    q: Dual


def linear_energies(batch: Any) -> Dual:
    """phi'omega/tau with the slopes phi/tau (B, 1, S, A, d)."""
    plain = batch.features[:, None] / batch.tau[:, None, None, None, None]
    return Dual((plain * batch.omega[:, None, None, None]).sum(4)[..., None], plain)


def network_energies(batch: Any, sigma: Activation) -> Dual:
    """f(x; W)/tau with its slopes along all weights (B, 1, S, A, m p): at a joint those of both sides."""
    count, _, states, actions = batch.rewards.shape
    width = batch.signs.shape[1]
    rows = batch.features.reshape(count, states * actions, -1)
    drive = rows @ batch.omega.transpose(0, 2, 1)
    found = sigma.value(Duals, Dual(drive, MidRad(1.0)))
    output = batch.signs / (MidRads.sqrt(MidRad(float(width))) * batch.tau[:, None])
    slope = (found.slope * output[:, None])[..., None] * rows[:, :, None]
    return Dual(*(part.reshape(count, 1, states, actions, -1) for part in (found.value @ output[..., None], slope)))


def gradient(batch: Any, energies: Dual) -> MidRad:
    """grad L(omega) (B, d), for energies of the prior (B, 1, S, A, d)."""
    prior = _softmax(energies)
    at = _values(batch, prior)
    if batch.adaptation is Adaptation.GRADIENT:
        adapted = _softmax(_moved(batch, energies, prior, at))
    else:
        adapted = _stepped(batch, energies, prior, at.q)
    own = _returned(batch, _values(batch, adapted).slope)
    return (batch.weights[..., None] * own).sum(1)


def _softmax(energies: Dual) -> Dual:
    powers = _powers(energies)
    return powers / _total(powers)


def _powers(energies: Dual) -> Dual:
    return Duals.exp(energies - energies.value.mid.max(3, keepdims=True))


def _total(table: Dual) -> Dual:
    """The sum over actions, which stays an axis."""
    return Dual(*(part.sum(3)[:, :, :, None] for part in (table.value, table.slope)))


def _values(batch: Any, policy: Dual) -> Values:
    rest, chains = 1 - batch.gamma, batch.transitions
    states, own = chains.shape[-1], batch.gamma[..., None, None]
    # (B, n, S, 1, A) times (B, n, S, A, S)
    chain = (policy.value[..., 0][:, :, :, None] @ chains)[..., 0, :]
    solve = inverse(np.eye(states) - own * chain)
    rewards = rest[..., None, None] * batch.rewards
    value = solve @ (policy.value[..., 0] * rewards).sum(3)[..., None]
    q = rewards[..., None] + _ahead(batch, value)
    slope = solve @ (policy.slope * q).sum(3)
    return Values(solve, slope, Dual(q, _ahead(batch, slope)))


def _ahead(batch: Any, values: MidRad) -> MidRad:
    """gamma P v (B, n, S, A, d) of v (B, n, S, d)."""
    return batch.gamma[..., None, None, None] * (batch.transitions @ values[:, :, None])


def _returned(batch: Any, values: MidRad) -> MidRad:
    """zeta'v (B, n, d) of v (B, n, S, d)."""
    return (batch.start[..., None, :] @ values)[..., 0, :]


def _stepped(batch: Any, energies: Dual, prior: Dual, q: Dual) -> Dual:
    """The policies after a step on policies."""
    eta = batch.eta[:, None, None, None, None]
    if batch.adaptation is Adaptation.KL_STEP:
        return _softmax(energies + q * eta)
    tilted = prior * (1 + q * eta)
    return tilted / _total(tilted)


def _moved(batch: Any, energies: Dual, prior: Dual, at: Values) -> Dual:
    """The energies after a step on the parameter; the energies at omega are linear in it."""
    hessians = (batch.start[..., None, None] * _curves(batch, at, prior, _bent(energies, prior))).sum(2)
    rows, eta = energies.slope, batch.eta[:, None, None]
    move, turn = eta * _returned(batch, at.slope), np.eye(rows.shape[-1]) + eta[..., None] * hessians
    along = (rows * move[:, :, None, None]).sum(4)[..., None]
    return Dual(energies.value + along, rows @ turn[:, :, None])


def _bent(energies: Dual, policy: Dual, bend: MidRad | None = None) -> MidRad:
    """d_jk pi (B, n, S, A, d, d) of the softmax of energies with these d_jk; None: 0."""
    powers = _powers(energies)
    total, found = _total(powers), powers.slope[..., None] * energies.slope[..., None, :]
    if bend is not None:
        found = found + powers.value[..., None] * bend
    found = found - _crossed(policy.slope, total.slope) - policy.value[..., None] * found.sum(3)[:, :, :, None]
    return found / total.value[..., None]


def _curves(batch: Any, at: Values, policy: Dual, bent: MidRad) -> MidRad:
    """d_jk V (B, n, S, d, d)."""
    right = (bent * at.q.value[..., None] + _crossed(policy.slope, at.q.slope)).sum(3)
    *shape, size, _ = right.shape
    return (at.solve @ right.reshape(*shape, size * size)).reshape(*shape, size, size)


def curvature(batch: Any, energies: Dual, v: MidRad) -> MidRad:
    """v'Hess L(omega)v (B,) for v (B, d), of the KL step: along one line, where d_jk x = eta d_jk Q after the step."""
    line = Dual(energies.value, (energies.slope * v[:, None, None, None]).sum(4)[..., None])
    prior, eta = _softmax(line), batch.eta[:, None, None, None, None]
    at = _values(batch, prior)
    ahead = _ahead(batch, _curves(batch, at, prior, _bent(line, prior))[..., 0])
    moved = line + at.q * eta
    adapted = _softmax(moved)
    curves = _curves(batch, _values(batch, adapted), adapted, _bent(moved, adapted, (eta * ahead)[..., None]))
    return (batch.weights * (batch.start * curves[..., 0, 0]).sum(2)).sum(1)


def _crossed(a: MidRad, b: MidRad) -> MidRad:
    """a_j b_k + a_k b_j (..., d, d)."""
    return a[..., None] * b[..., None, :] + a[..., None, :] * b[..., None]
