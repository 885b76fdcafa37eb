"""The same quantities as `quantities`, for a whole batch in float64: written again, on purpose.

Nothing is shared with the ball engine but the losses, so that agreement means something. matmul throughout
(einsum is half as fast).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Floats
from ..floats.infimum import ball_least_squares
from .batch import Array, Batch


class BatchQuantities:
    """Quantities of a batch by name, each (B,)."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.features = batch.features
        self.transposed = batch.features.transpose(0, 2, 1)
        self.rho = batch.masses.sum(3)
        self.mass = batch.weights[:, :, None] * self.rho

    def __call__(self, name: str) -> Array:
        value: Array = getattr(self, name)
        return value

    # --- losses summed over labels: z (B, n, k) or (B, 1, k) -> (B, n, k) ---

    def _summed(self, order: int, z: Array) -> Array:
        batch, loss = self.batch, self.batch.loss
        evaluate = (loss.value, loss.d1, loss.d2, loss.d3)[order]
        if batch.labels.shape[3] == 1:
            return batch.masses[..., 0] * evaluate(Floats, z, batch.labels[..., 0])
        return (batch.masses * evaluate(Floats, z[..., None], batch.labels)).sum(3)

    def _predictions(self, theta: Array) -> Array:
        """theta (B, n, d) -> (B, n, k)."""
        return theta @ self.transposed

    def _hessians(self, z: Array) -> Array:
        """H_i (B, n, d, d) at predictions z."""
        scaled = self._summed(2, z)[..., None] * self.features[:, None]
        return self.transposed[:, None] @ scaled

    def adapt(self, theta: Array) -> list[Array]:
        """Iterates of the adaptation of theta (B, 1, d): [theta, ..., U_i(theta) (B, n, d)]."""
        if self.batch.steps == 0:
            return [theta, self._proximal(theta)]
        iterates, rate = [theta], self.batch.rate[:, None, None]
        for _ in range(self.batch.steps):
            slopes = self._summed(1, self._predictions(iterates[-1]))
            iterates.append(iterates[-1] - rate * (slopes @ self.features))
        return iterates

    def _proximal(self, theta: Array) -> Array:
        """argmin R_i(t) + (lambda/2)||t - theta||^2 by damped Newton."""
        strength = self.batch.rate[:, None]
        point = np.repeat(theta, self.batch.labels.shape[1], axis=1)
        eye = np.eye(theta.shape[2])

        def objective(t: Array) -> Array:
            risk = self._summed(0, self._predictions(t)).sum(2)
            return risk + strength / 2 * ((t - theta) ** 2).sum(2)

        value = objective(point)
        for _ in range(40):
            z = self._predictions(point)
            slope = self._summed(1, z) @ self.features + strength[..., None] * (point - theta)
            system = self._hessians(z) + strength[..., None, None] * eye
            step = solve(system, slope)
            length = np.ones(value.shape)
            # Close to the solution the objective cannot tell better from worse; Newton's step can be trusted there.
            close = np.abs(step).max(2) <= 1e-5 * (1 + np.abs(point).max(2))
            for _ in range(8):
                after = objective(point - length[..., None] * step)
                worse = ~(after <= value) & ~close
                if not worse.any():
                    break
                length = np.where(worse, length / 4, length)
            point = point - length[..., None] * step
            value = objective(point)
            if np.abs(step).max() < 1e-14:
                break
        return point

    @cached_property
    def _path(self) -> list[Array]:
        return self.adapt(self.batch.omega[:, None, :])

    @cached_property
    def _before(self) -> Array:
        return self._predictions(self.batch.omega[:, None, :])

    @cached_property
    def after(self) -> Array:
        return self._predictions(self._path[-1])

    @cached_property
    def comparator(self) -> Array:
        """h'_i at the support (B, n, k)."""
        if self.batch.functions is not None:
            return self.batch.functions
        assert self.batch.rival is not None
        return self._predictions(self.adapt(self.batch.rival[:, None, :])[-1])

    @cached_property
    def jacobians(self) -> Array:
        """J_i (B, n, d, d)."""
        batch, eye = self.batch, np.eye(self.features.shape[2])
        if batch.steps == 0:
            hessian = self._hessians(self.after)
            return _inverse(eye + hessian / batch.rate[:, None, None, None])
        rate = batch.rate[:, None, None, None]
        jacobian = eye - rate * self._hessians(self._before)
        for theta in self._path[1:-1]:
            jacobian = (eye - rate * self._hessians(self._predictions(theta))) @ jacobian
        return jacobian

    # --- the task-lifted space ---

    @cached_property
    def meta_features(self) -> Array:
        """phi_i(x)' = phi(x)'J_i (B, n, k, d)."""
        return self.features[:, None] @ self.jacobians

    @cached_property
    def slopes(self) -> Array:
        """rho_i w_i (B, n, k)."""
        return self._summed(1, self.after)

    @cached_property
    def w(self) -> Array:
        """w_i(x) (B, n, k); 0 where x has no mass."""
        return self.slopes / np.where(self.rho > 0, self.rho, 1.0)

    @cached_property
    def u(self) -> Array:
        """u_i(x) (B, n, k)."""
        return self.after - self.comparator

    @cached_property
    def gap(self) -> Array:
        change = self._summed(0, self.after) - self._summed(0, self.comparator)
        return (self.batch.weights[..., None] * change).sum((1, 2))

    @cached_property
    def scale(self) -> Array:
        """The size of what is added up in gap, pairing and v'G: rounding errors are relative to it."""
        sizes = np.abs(self.after) + np.abs(self.comparator)
        risks = np.abs(self._summed(0, self.after)) + np.abs(self._summed(0, self.comparator))
        stretch = 1 + np.abs(self.jacobians).sum((2, 3))[..., None] * _norm(self.features)[:, None]
        bend = np.abs(self._summed(2, self.after)) * sizes
        slopes = (np.abs(self.slopes) + bend) * (sizes + self.radius[:, None, None] * stretch)
        return (self.batch.weights[..., None] * (risks + slopes)).sum((1, 2))

    @cached_property
    def meta_objective(self) -> Array:
        """L(omega)."""
        return (self.batch.weights[..., None] * self._summed(0, self.after)).sum((1, 2))

    @cached_property
    def bregman(self) -> Array:
        return self.pairing - self.gap

    @cached_property
    def pairing(self) -> Array:
        return (self.batch.weights[..., None] * self.slopes * self.u).sum((1, 2))

    def _pulled_back(self, jacobians: Array | None) -> Array:
        pull = self.slopes @ self.features
        if jacobians is not None:
            pull = (pull[:, :, None, :] @ jacobians)[:, :, 0, :]
        return (self.batch.weights[:, None, :] @ pull)[:, 0]

    @cached_property
    def gradient(self) -> Array:
        """grad L(omega) (B, d) by the chain rule."""
        return self._pulled_back(self.jacobians)

    @cached_property
    def gauss_newton(self) -> Array:
        """sum_i q_i J_i'H_i(omega_i)J_i (B, d, d): the positive part of the meta-Hessian."""
        hessians = self.jacobians.transpose(0, 1, 3, 2) @ self._hessians(self.after) @ self.jacobians
        return (self.batch.weights[:, :, None, None] * hessians).sum(1)

    @cached_property
    def eps(self) -> Array:
        return _norm(self.gradient)

    @cached_property
    def weight_norm(self) -> Array:
        return np.sqrt((self.mass * self.w**2).sum((1, 2)))

    @property
    def radius(self) -> Array:
        return self.batch.radius

    def _misfit(
        self, features: Array, target: Array, mass: Array | None = None, radius: Array | None = None
    ) -> tuple[Array, Array]:
        """features (B, n, k, d), target (B, n, k), mass (B, n, k)."""
        root = np.sqrt(self.mass if mass is None else mass)
        count, dimension = len(self.batch), features.shape[-1]
        rows = (root[..., None] * features).reshape(count, -1, dimension)
        aims = (root * target).reshape(count, -1)
        return ball_least_squares(rows, aims, self.radius if radius is None else radius)

    @cached_property
    def lifted(self) -> tuple[Array, Array]:
        """(misfit (B,), its direction (B, d))."""
        return self._misfit(self.meta_features, self.u)

    @property
    def misfit(self) -> Array:
        return self.lifted[0]

    # --- the mixed form: triples (x, label slot, x') ---

    @cached_property
    def _mixed(self) -> tuple[Array, Array, Array, Array]:
        """(psi (B, T, d), weight, target, mass (B, T)): densities merged over tasks with equal (x, y)."""
        if self.batch.steps != 1:
            raise UndefinedQuantityError("the mixed feature is task-independent for one gradient step only")
        batch = self.batch
        n, k, depth, d = batch.shape
        count = len(batch)

        def by_point(values: Array) -> Array:
            return values.transpose(0, 2, 1, 3).reshape(count, k, n * depth)

        labels = by_point(batch.labels)
        joint = by_point(batch.weights[:, :, None, None] * batch.masses)
        task = np.repeat(np.arange(n), depth)
        present = joint > 0
        equal = (labels[..., :, None] == labels[..., None, :]) & present[..., None, :] & present[..., None]
        first = ~(equal & (np.arange(n * depth)[:, None] > np.arange(n * depth))).any(3) & present

        def merged(values: Array) -> Array:
            """values (B, n, k') -> sum over merged atoms of joint times values (B, k, nl, k')."""
            return equal @ (joint[..., None] * values[:, None, task, :])

        weight, target, mass = merged(self.slopes), merged(self.slopes * self.u), merged(self.rho)
        mass = np.where(first[..., None], mass, 0.0)
        weight, target = (np.where(first[..., None], v, 0.0) for v in (weight, target))
        z = np.broadcast_to(self._before.transpose(0, 2, 1), labels.shape)
        bend = batch.rate[:, None, None] * batch.loss.d2(Floats, z, labels)
        gram = self.features @ self.transposed
        pull = bend[..., None] * gram[:, :, None, :]
        psi = self.features[:, None, None] - pull[..., None] * self.features[:, :, None, None]
        size = k * n * depth * k
        return (
            psi.reshape(count, size, d),
            weight.reshape(count, size),
            target.reshape(count, size),
            mass.reshape(count, size),
        )

    @cached_property
    def mixed_weight_norm(self) -> Array:
        _, weight, _, mass = self._mixed
        return np.sqrt((weight**2 / np.where(mass > 0, mass, 1.0)).sum(1))

    @cached_property
    def mixed_misfit(self) -> Array:
        psi, weight, target, mass = self._mixed
        live = weight != 0
        ratio = target / np.where(live, weight, 1.0)
        root = np.sqrt(np.where(live, mass, 0.0))
        return ball_least_squares(root[..., None] * psi, root * ratio, self.radius)[0]

    # --- first-order, and what wrong theorems use ---

    @cached_property
    def eps_first_order(self) -> Array:
        return _norm(self._pulled_back(None))

    def _plain(self) -> Array:
        return np.broadcast_to(self.features[:, None], self.meta_features.shape)

    @cached_property
    def misfit_plain(self) -> Array:
        return self._misfit(self._plain(), self.u)[0]

    @cached_property
    def displacement(self) -> Array:
        if self.batch.rival is None:
            raise UndefinedQuantityError("the comparator is not one parameter")
        return _norm(self.batch.omega - self.batch.rival)

    @cached_property
    def function_displacement(self) -> Array:
        return np.sqrt((self.mass * self.u**2).sum((1, 2)))

    @cached_property
    def feature_bound(self) -> Array:
        used = (self.mass > 0).any(1)
        return np.where(used, _norm(self.features), 0.0).max(1)

    @cached_property
    def misfit_hessian_at_adapted(self) -> Array:
        if self.batch.steps == 0:
            raise UndefinedQuantityError("the adaptation is not by gradient steps")
        jacobian = np.eye(self.features.shape[2]) - self.batch.rate[:, None, None, None] * self._hessians(self.after)
        return self._misfit(self.features[:, None] @ jacobian, self.u)[0]

    @cached_property
    def weight_norm_unadapted(self) -> Array:
        w = self._summed(1, self._before) / np.where(self.rho > 0, self.rho, 1.0)
        return np.sqrt((self.mass * w**2).sum((1, 2)))

    @cached_property
    def misfit_u_unadapted(self) -> Array:
        if self.batch.functions is not None:
            rival = self.batch.functions
        else:
            assert self.batch.rival is not None
            rival = self._predictions(self.batch.rival[:, None, :])
        target = np.broadcast_to(self._before - rival, self.u.shape)
        return self._misfit(self.meta_features, target)[0]

    @cached_property
    def misfit_free(self) -> Array:
        return self._misfit(self.meta_features, self.u, radius=np.full(len(self.batch), np.inf))[0]

    @cached_property
    def _uniform(self) -> Array:
        used = (self.batch.weights > 0).astype(float)
        return self.rho * (used / used.sum(1, keepdims=True))[..., None]

    @cached_property
    def weight_norm_uniform(self) -> Array:
        return np.sqrt((self._uniform * self.w**2).sum((1, 2)))

    @cached_property
    def misfit_uniform(self) -> Array:
        return self._misfit(self.meta_features, self.u, self._uniform)[0]


def solve(system: Array, right: Array) -> Array:
    """Solutions (..., d) of regular systems (..., d, d); where numbers overflowed, the finite right side itself."""
    sound = (np.abs(right) < 1e100).all(-1)[..., None, None]
    inside = np.where(sound, system, np.eye(system.shape[-1]))
    aims = np.nan_to_num(right, posinf=1e100, neginf=-1e100)[..., None]
    try:
        return np.linalg.solve(_finite(inside), aims)[..., 0]
    except np.linalg.LinAlgError:  # regular on paper, singular in float64
        return (np.linalg.pinv(_finite(inside)) @ aims)[..., 0]


def _inverse(system: Array) -> Array:
    """Inverses of regular matrices (..., d, d); the identity where numbers overflowed."""
    try:
        return np.linalg.inv(_finite(system))
    except np.linalg.LinAlgError:  # as above
        return np.linalg.pinv(_finite(system))


def _finite(system: Array) -> Array:
    """The matrices (..., d, d); the identity for those that overflowed."""
    sound = (np.abs(system) < 1e100).all((-2, -1))
    return np.where(sound[..., None, None], system, np.eye(system.shape[-1]))


def _norm(values: Array) -> Array:
    return np.sqrt((values * values).sum(-1))
