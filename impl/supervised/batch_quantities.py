"""The quantities of linear models for a whole batch in float64: features are given, Jacobians are matrices."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, reduce
from typing import Any

import numpy as np

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import rational, to_float
from ..floats.infimum import ball_least_squares
from ..rules import Dual, Vector, View, run
from .batch import Batch, inner_law
from .core_batch_quantities import Array, CoreBatchQuantities, norms


class BatchQuantities(CoreBatchQuantities):
    """Those of linear models: features do not depend on the parameter, Jacobians are matrices (d, d)."""

    batch: Batch

    def _predictions(self, at: Array) -> Array:
        return at @ self.transposed

    def _pulled(self, slopes: Array, at: Array) -> Array:
        return slopes @ self.features

    def _hessians(self, curved: Array) -> Array:
        """H_i (B, n, d, d) of sum_y p ell'' (B, n, k)."""
        return self.transposed[:, None] @ self._turned(curved, self.features[:, None])

    def adapt(self, at: Array) -> list[Array]:
        if self.batch.rule:
            return [at, np.stack(run(self.batch.rule, BatchView(self), self._split(at)), axis=-1)]
        return super().adapt(at) if self.batch.steps else [at, self._proximal(at)]

    def _turns(self, z: Array, along: Array) -> Array:
        """How curvatures of the inner risks change in directions of predictions (B, n, k)."""
        return self._inner(3, z) * along

    def _split(self, at: Array) -> list[Array]:
        """Parameters (B, 1, d) as d numbers (B, n)."""
        return [np.broadcast_to(v, self.batch.weights.shape) for v in np.moveaxis(at, -1, 0)]

    def _proximal(self, theta: Array) -> Array:
        """argmin R_i(t) + (lambda/2)||t - theta||^2 by damped Newton."""
        strength = self.batch.rate[:, None]
        point = np.repeat(theta, self.batch.labels.shape[1], axis=1)
        eye = np.eye(theta.shape[2])

        def objective(t: Array) -> Array:
            risk = self._inner(0, self._predictions(t)).sum(2)
            return risk + strength / 2 * ((t - theta) ** 2).sum(2)

        value = objective(point)
        for _ in range(40):
            z = self._predictions(point)
            slope = self._inner(1, z) @ self.features + strength[..., None] * (point - theta)
            system = self._hessians(self._inner(2, z)) + strength[..., None, None] * eye
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
            before, point = point, point - length[..., None] * step
            if np.abs(step).max() < 1e-14 or (point == before).all():  # whence it would not move again
                break
            value = objective(point)
        return point

    @cached_property
    def jacobians(self) -> Array:
        """J_i (B, n, d, d)."""
        return self._jacobians_of(self._inner)

    def _jacobians_of(
        self, summed: Callable[[int, Array], Array], factor: Callable[[Array], Array] | None = None
    ) -> Array:
        """The same (B, n, d, d) with other sums over labels, or with another factor of a step's Hessians."""
        batch, factor = self.batch, factor or self._factor
        if batch.rule:
            at = self._split(self._omega)
            unit = np.eye(len(at))
            given = [Dual(v, [np.full(v.shape, e) for e in row]) for v, row in zip(at, unit, strict=True)]
            return np.stack([np.stack(v.tangents, axis=-1) for v in run(batch.rule, BatchView(self), given)], axis=-2)
        if batch.steps == 0:
            eye = np.eye(self.features.shape[2])
            return _inverse(eye + self._hessians(summed(2, self.after)) / batch.rate[:, None, None, None])
        first, *others = (factor(self._hessians(summed(2, z))) for z in self._on_the_way)
        return reduce(lambda jacobian, factor: factor @ jacobian, others, first)

    @cached_property
    def _pace(self) -> Array:
        """The parameters' rates (B, d)."""
        batch, rate = self.batch, self.batch.rate[:, None]
        one = np.ones((1, self.features.shape[2]))
        return rate * (one if batch.rates is None else batch.rates.reshape(len(batch), -1))

    @cached_property
    def _shrunk(self) -> Array:
        """What a step leaves of the parameters (B, d) without a risk: 1 less rate times decay."""
        return 1.0 - self._pace * (0.0 if self.batch.decay is None else self.batch.decay[:, None])

    def _factor(self, hessians: Array) -> Array:
        """A step's Jacobian (B, n, d, d), of Hessians (B, n, d, d)."""
        still = self._shrunk[:, :, None] * np.eye(self.features.shape[2])
        return still[:, None] - self._pace[:, None, :, None] * hessians

    def _rates_turned(self, hessians: Array) -> Array:
        """The same with the rates on the other side, as a wrong theorem has it."""
        still = self._shrunk[:, :, None] * np.eye(self.features.shape[2])
        return still[:, None] - hessians * self._pace[:, None, None]

    def _undecayed(self, hessians: Array) -> Array:
        """The same without decay, as a wrong theorem has it."""
        return np.eye(self.features.shape[2]) - self._pace[:, None, :, None] * hessians

    @property
    def _left(self) -> Array:
        """The features (B, k, d) as decay leaves them."""
        return self.features * self._shrunk[:, None]

    @property
    def _moved(self) -> Array:
        """The features' transpose (B, d, k), every row times its rate."""
        return self.transposed * self._pace[:, :, None]

    @cached_property
    def meta_features(self) -> Array:
        """phi_i(x)' = phi(x)'J_i (B, n, k, d)."""
        return self.features[:, None] @ self.jacobians

    @property
    def _plain(self) -> Array:
        return self.m.broadcast_to(self.features[:, None], self.meta_features.shape)

    @property
    def _stretch(self) -> Array:
        return 1 + np.abs(self.jacobians).sum((2, 3))[..., None] * norms(self.features)[:, None]

    @cached_property
    def gradient(self) -> Array:
        """grad L(omega) (B, D): the risks' gradients through the steps, the last one first, without a Jacobian; but for
        a rule, of which nothing else is known."""
        back = self.slopes @ self.features
        if self.batch.rule:
            back = (back[:, :, None] @ self.jacobians)[:, :, 0]
        elif self.batch.steps == 0:
            system = self._hessians(self._inner(2, self.after)) / self.batch.rate[:, None, None, None]
            back = solve(np.eye(self.features.shape[2]) + system, back)
        for z in reversed(self._on_the_way if self.batch.steps else []):
            moved = ((self._pace[:, None] * back) @ self.transposed)[..., None]
            bent = self._turned(self._inner(2, z), moved)[..., 0]
            back = self._shrunk[:, None] * back - bent @ self.features
        return (self.batch.weights[:, None] @ back)[:, 0]

    @cached_property
    def gauss_newton(self) -> Array:
        """sum_i q_i J_i'H_i(omega_i)J_i (B, d, d): the positive part of the meta-Hessian."""
        hessians = self.jacobians.transpose(0, 1, 3, 2) @ self._hessians(self._summed(2, self.after)) @ self.jacobians
        return (self.batch.weights[:, :, None, None] * hessians).sum(1)

    @cached_property
    def misfit_hessian_at_adapted(self) -> Array:
        if self.batch.steps == 0:
            raise UndefinedQuantityError("the adaptation is not by gradient steps")
        factor = self._factor(self._hessians(self._inner(2, self.after)))
        return self._misfit(self.features[:, None] @ factor, self.u)[0]

    # --- what wrong theorems use: of rates and decay, and the other law ---

    def _misfit_by(self, factor: Callable[[Array], Array]) -> Array:
        if self.batch.steps == 0:
            raise UndefinedQuantityError("the adaptation is not by gradient steps")
        return self._misfit(self.features[:, None] @ self._jacobians_of(self._inner, factor), self.u)[0]

    @cached_property
    def misfit_rates_turned(self) -> Array:
        return self._misfit_by(self._rates_turned)

    @cached_property
    def misfit_no_decay(self) -> Array:
        return self._misfit_by(self._undecayed)

    @cached_property
    def misfit_support(self) -> Array:
        return self._misfit(self.meta_features, self.u, self._other_laws.mass)[0]

    @cached_property
    def independent_supports(self) -> Array:
        """1 where the features of all supports are linearly independent, else 0."""
        used = self._other_laws.mass > 0
        rows = used[..., None] * self.features[:, None]
        ranks = np.linalg.matrix_rank(rows.reshape(len(self.batch), -1, self.features.shape[2]))
        return (ranks == used.sum((1, 2))).astype(float)

    @cached_property
    def misfit_query_hessian(self) -> Array:
        if self.batch.rule:
            raise UndefinedQuantityError("the adaptation is neither gradient steps nor a proximal step")
        return self._misfit(self.features[:, None] @ self._jacobians_of(self._summed), self.u)[0]

    @property
    def misfit_uncoupled(self) -> Array:
        raise UndefinedQuantityError("several outputs and one gradient step are required")

    # --- the mixed form: triples (x, label slot, x') ---

    @cached_property
    def _merging(self) -> tuple[Array, Array, Array, Array, Array]:
        """(labels, masses of the inner laws (B, k, nl), which slots are equal (B, k, nl, nl), where the first of them
        have mass at a point (B, k, nl, k'), the slots' tasks (nl,))."""
        if self.batch.steps != 1:
            raise UndefinedQuantityError("the mixed feature is task-independent for one gradient step only")
        batch = self.batch
        n, k, _, _ = batch.shape
        count = len(batch)

        def by_point(values: Array) -> Array:
            turned = values.transpose(0, 2, 1, *range(3, values.ndim))
            return turned.reshape(count, k, -1, *values.shape[4:])

        own, inner = inner_law(batch)
        labels, joint, present = map(by_point, (own, batch.weights[:, :, None, None] * inner, self._inside))
        size, depth = labels.shape[2], labels.shape[2] // n
        task = np.repeat(np.arange(n), depth)
        equal = self._equal(labels) & present[..., None, :] & present[..., None]
        first = ~(equal & (np.arange(size)[:, None] > np.arange(size))).any(3) & present
        # Of each point no more slots than there are labels that differ, of the point that has most.
        order = np.argsort(~first, axis=2, kind="stable")[:, :, : max(int(first.sum(2).max()), 1)]
        first, equal = np.take_along_axis(first, order, 2), np.take_along_axis(equal, order[..., None], 2)
        labels = labels[np.arange(count)[:, None, None], np.arange(k)[:, None], order]
        return labels, joint, equal, first[..., None] & (equal @ self._present[:, None, task]), task

    @cached_property
    def _mixed(self) -> tuple[Array, Array, Array, Array, Array]:
        """(psi (B, T, d), weight, target, mass (B, T), where there is mass): densities merged over tasks with equal
        (x, y)."""
        labels, joint, equal, used, task = self._merging
        count = len(self.batch)

        share = self.m.where(equal, joint[:, :, None], 0.0)

        def merged(values: Array) -> Array:
            """values (B, n, k') -> sum over merged atoms of joint times values (B, k, nl, k')."""
            return self.m.where(used, share @ values[:, None, task], 0.0)

        found = (merged(values).reshape(count, -1) for values in (self.slopes, self.slopes * self.u, self.rho))
        weight, target, mass = found
        return self._psi(labels, self._before), weight, target, mass, used.reshape(count, -1)

    def _equal(self, labels: Array) -> Array:
        """Which of a point's labels (B, k, nl) are equal (B, k, nl, nl)."""
        return labels[..., :, None] == labels[..., None, :]

    def _psi(self, labels: Array, z: Array) -> Array:
        """S phi(x') - ell''(z(x), y) phi(x)'eta D phi(x') phi(x) (B, T, d) for labels (B, k, nl), predictions z (B, 1,
        k)."""
        at = self.m.broadcast_to(z.transpose(0, 2, 1), labels.shape)
        bend = self.batch.loss.d2(self.m, at, labels)
        gram = self.features @ self._moved
        pull = bend[..., None] * gram[:, :, None, :]
        one = np.ones((len(labels), 1, 1, 1))
        return self._combined((one, self._left[:, None, None]), (-pull, self.features[:, :, None, None]))

    @cached_property
    def mixed_weight_norm(self) -> Array:
        _, weight, _, mass, used = self._mixed
        return self.m.sqrt((weight * weight / self.m.where(used, mass, 1.0)).sum(1))

    @cached_property
    def mixed_misfit(self) -> Array:
        psi, weight, target, mass, _ = self._mixed
        live = weight != 0
        ratio = target / np.where(live, weight, 1.0)
        root = np.sqrt(np.where(live, mass, 0.0))
        return ball_least_squares(root[..., None] * psi, root * ratio, self.radius)[0]


class BatchView(View):
    """What a rule sees of a batch's tasks, all at once: each number (B, n)."""

    def __init__(self, at: BatchQuantities) -> None:
        self._at, self._shape = at, at.batch.weights.shape

    @property
    def eta(self) -> Array:
        return np.broadcast_to(self._at.batch.rate[:, None], self._shape)

    def number(self, value: Any) -> Array:
        return np.full(self._shape, to_float(rational(value)))

    def _lifted(self, values: Vector) -> Vector:
        return [v if isinstance(v, np.ndarray) else self.number(v) for v in values]

    def _curves(self, order: int, theta: Vector) -> tuple[Array, Array]:
        """Parameters (B, n, d), and the derivatives of the inner risks by predictions there."""
        at = np.stack(theta, axis=-1)
        return at, self._at._inner(order, self._at._predictions(at))

    def _gradient(self, theta: Vector) -> Vector:
        at, slopes = self._curves(1, theta)
        return list(np.moveaxis(self._at._pulled(slopes, at), -1, 0))

    def _hessian(self, theta: Vector) -> list[Vector]:
        return self._rows(self._curves(2, theta)[1])

    def _third(self, theta: Vector, direction: Vector) -> list[Vector]:
        z, along = (self._at._predictions(np.stack(v, axis=-1)) for v in (theta, direction))
        return self._rows(self._at._turns(z, along))

    def _rows(self, curved: Array) -> list[Vector]:
        return [list(row) for row in np.moveaxis(self._at._hessians(curved), (-2, -1), (0, 1))]

    def _solved(self, rows: list[Vector], right: Vector) -> Vector:
        system: Array = np.moveaxis(np.array(rows), (0, 1), (-2, -1))
        return list(np.moveaxis(solve(system, np.stack(right, axis=-1)), -1, 0))

    def _root(self, t: Array) -> Array:
        return np.sqrt(t)

    def _exponential(self, t: Array) -> Array:
        return np.exp(t)


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
