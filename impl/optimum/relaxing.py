r"""What makes the meta-objective convex on a box, proposed in float64; nothing here is believed.

Let Hess L + diag(e) + mu I + kappa oo' be positive semidefinite on the box c +- r, with e, mu, kappa >= 0 and |o| <= 1,
and let least <= o'theta <= most on its part of the ball (most <= B). Then

    F(theta) = L(theta) + sum_j e_j((theta_j - c_j)^2 - r_j^2)/2 + mu(|theta|^2 - B^2)/2
                        + kappa(o'theta - least)(o'theta - most)/2

is convex on the box and at most L on its part of the ball, and there L >= F(a) + grad F(a)'(theta - a) for any a of the
box.

At a minimum on the sphere mu pulls inwards, and kappa, which costs nothing on the sphere along its normal o, makes up
for what L bends down in that direction: the conditions of second order speak of the tangents alone.

A floor of the Hessian: of a task with X = UV (V = X if it has fewer points than there are coordinates, else U = X),
z_0 = Uu, u = V theta, J_t = dz_t/du, and p_t the gradient of its weighted risk in z_t,

    Hess_u = sum_t J_t' diag(d_t) J_t,  d_K = h(z_K),  d_t = -eta ell'''(z_t) A p_{t+1},
    p_K = s(z_K),  p_t = (I - eta diag(h(z_t)) A) p_{t+1},

s, h and ell''' at z_K under the task's outer law, before under the inner one that the steps are on.

Proof: grad_u = J_t' p_t for every t, dp_K = diag(h) dz_K = diag(d_K) J_K du, and for t < K

    dp_t = (I - eta diag(h(z_t)) A) dp_{t+1} - eta diag(ell'''(z_t) A p_{t+1}) dz_t,
    J_t'(I - eta diag(h(z_t)) A) = J_{t+1}',

so that J_t' dp_t = J_{t+1}' dp_{t+1} + J_t' diag(d_t) J_t du; and J_0 = U is constant: Hess_u du = J_0' dp_0.

For each row w of J_t, d ww' >= low ww' wherever d >= low; and with w = m + v, |v| <= s, the entries of low(ww' - mm')
are at most |low|(|m|s' + s|m|' + ss'), a symmetric matrix that is at most the diagonal one of its row sums. Hence, with
m and s of the whole box, Hess L >= sum V'(sum low mm' - diag(row sums))V: what tasks do in one direction adds up with
its sign. A low > 0 may be replaced by 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arithmetic import Array

SWEEPS = 4
"""Rounds of coordinate descent towards the minimum of a quadratic over a box."""
ROUNDS = 2
"""How often the point a is proposed: by the gradient at the centre, then at what was found."""
NOISE = 1e-10
"""Part of the entries' sizes by which eigenvalues are moved away from 0, so that rounding does not matter."""
SHORT = 1 - 2.0**-44
"""|o|, so that it is at most 1 whatever is rounded."""


@dataclass(frozen=True)
class Relaxation:
    """Of N boxes: multiplier and kappa (N,), out = o and e (N, d), and bend, about the least Hessian of F (N, d, d)."""

    multiplier: Array
    kappa: Array
    out: Array
    e: Array
    bend: Array

    @np.errstate(all="ignore")
    def point(self, tilt: Array, t: Array, half: Array) -> Array:
        """About where F is least over |t| <= r (N, d), given its gradient `tilt` at t, by coordinate descent."""
        pull = tilt - (self.bend @ t[..., None])[..., 0]
        t, count = np.zeros_like(t), t.shape[1]
        size = np.abs(self.bend[:, range(count), range(count)])
        for _ in range(SWEEPS):
            for j in range(count):
                to = t[:, j] - pull[:, j] / size[:, j]
                to = np.where(np.isnan(to), 0.0, np.minimum(np.maximum(to, -half[:, j]), half[:, j]))
                pull += self.bend[:, :, j] * (to - t[:, j])[:, None]
                t[:, j] = to
        return t


@np.errstate(all="ignore")
def relaxation(floor: Array, slope: Array, centre: Array, half: Array, inside: Array) -> Relaxation:
    """Proposed for floors of Hess L (N, d, d), about grad L at the centres (N, d); `inside`: boxes within the ball."""
    d = half.shape[1]
    usable = np.isfinite(floor).all((1, 2)) & np.isfinite(slope).all(1)
    floor, slope = np.where(usable[:, None, None], floor, 0.0), np.where(usable[:, None], slope, 0.0)
    size = np.maximum(np.linalg.norm(centre, axis=1), 1e-300)
    out = centre / size[:, None] * SHORT
    multiplier = np.where(inside, 0.0, np.maximum(-(slope * out).sum(1) / size, 0.0))
    floor = floor + multiplier[:, None, None] * np.eye(d)
    kappa = np.where(multiplier > 0, _outward(floor, out), 0.0)
    floor = floor + kappa[:, None, None] * (out[:, :, None] * out[:, None])
    e = np.where(usable[:, None], _shifts(floor, half), np.nan)
    return Relaxation(multiplier, kappa, out, e, floor + e[:, :, None] * np.eye(d))


def _outward(floor: Array, out: Array) -> Array:
    """kappa >= 0 (N,) for which floor + kappa oo' has no negative eigenvalue, if it has one and that will do.

    det(M + kappa oo') = det M (1 + kappa o'M^-1 o) vanishes at kappa = -1/o'M^-1 o.
    """
    values, vectors = np.linalg.eigh(floor)
    share = (np.einsum("Nai,Na->Ni", vectors, out) ** 2 / values).sum(1)
    needed = np.where((values[:, 0] < 0) & (share < 0), -1.25 / share, 0.0)
    return np.where(np.isfinite(needed), needed, 0.0)


def _shifts(floor: Array, half: Array) -> Array:
    """e >= 0 (N, d) with floor + diag(e) positive definite, and sum e r^2 small.

    With the floor scaled by r, e r^2 is the size of the least eigenvalue, or the row sums of the negative part.
    """
    scaled = floor * half[:, :, None] * half[:, None]
    values, vectors = np.linalg.eigh(scaled)
    noise = NOISE * np.abs(scaled).sum((1, 2))
    least = np.maximum(-values, 0.0)
    negative = np.abs((vectors * least[:, None]) @ vectors.transpose(0, 2, 1)).sum(2)
    alike = np.repeat(least[:, :1], half.shape[1], axis=1)
    chosen = np.where((negative.sum(1) < alike.sum(1))[:, None], negative, alike)
    return np.where((values[:, 0] > noise)[:, None], 0.0, chosen + noise[:, None]) / (half * half)
