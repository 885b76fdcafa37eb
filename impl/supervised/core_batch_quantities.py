"""The same quantities as `quantities`, for a whole batch in float64: written again, on purpose.

Nothing is shared with the ball engine but the losses, so that agreement means something. matmul throughout
(einsum is half as fast).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Floats
from ..floats.quantities import Array, LiftedBatchQuantities
from ..losses import Link
from .batch import inner_law


class CoreBatchQuantities(LiftedBatchQuantities):
    """Quantities of (h, U), whatever the model, for a batch by name, each (B,).

    Of c outputs k is the number of lifted points, all components of all points: there are a prediction, a slope and a
    mass of each. What is summed over a point's labels and is one number (the risk) stands on its first one; curvatures
    are blocks (B, n, points, c, c).
    """

    def __init__(self, batch: Any) -> None:
        self.batch = self.given = batch
        self.features = batch.features
        self.transposed = batch.features.transpose(0, 2, 1)
        self._c = batch.loss.outputs
        rho = batch.masses.sum(3)
        self.rho = self._each(rho)
        self.mass = batch.weights[:, :, None] * self.rho

    def _each(self, values: Array) -> Array:
        """What is known of points (B, t, points), of all their components (B, t, k)."""
        c = self._c
        return values if c == 1 else values[:, :, np.arange(values.shape[2] * c) // c]

    # --- losses summed over labels: z (B, n, k) or (B, 1, k) -> (B, n, k) ---

    def _summed(self, order: int, z: Array) -> Array:
        """Under the outer laws."""
        return self._over(self.batch.labels, self.batch.masses, order, z)

    def _inner(self, order: int, z: Array) -> Array:
        """Under the inner laws."""
        return self._over(*inner_law(self.batch), order, z)

    def _over(self, labels: Array, masses: Any, order: int, z: Any) -> Any:
        loss, c = self.batch.loss, self._c
        if c > 1:
            found: Array = loss.on_arrays(order, z.reshape(*z.shape[:2], -1, 1, c), labels, self.m)
            found = (masses.reshape(*masses.shape, *(1,) * order) * found).sum(3)
            found = found[..., None] * np.eye(1, c)[0] if order == 0 else found
            return found if order == 2 else found.reshape(*found.shape[:2], -1)
        evaluate = (loss.value, loss.d1, loss.d2, loss.d3)[order]
        if labels.shape[3] == 1:
            return masses[..., 0] * evaluate(self.m, z, labels[..., 0])
        return (masses * evaluate(self.m, z[..., None], labels)).sum(3)

    def _turned(self, bends: Array, rows: Array) -> Array:
        """Curvatures applied to rows (B, n, k, D) of the lifted points."""
        if self._c == 1:
            return bends[..., None] * rows
        found: Array = bends @ rows.reshape(*rows.shape[:2], -1, self._c, rows.shape[3])
        return found.reshape(*found.shape[:2], -1, rows.shape[3])

    def _rated(self, values: Array) -> Array:
        """The step size times values (B, ...)."""
        return self.batch.rate.reshape(-1, *(1,) * (values.ndim - 1)) * values

    # --- what a model supplies; parameters are (B, t, ...) for t tasks or 1 ---

    @abstractmethod
    def _predictions(self, at: Array) -> Array:
        """h (B, t, k)."""

    @abstractmethod
    def _pulled(self, slopes: Array, at: Array) -> Array:
        """sum_x slopes(x) phi(x) for slopes (B, t, k), in the shape of parameters."""

    @cached_property
    @abstractmethod
    def meta_features(self) -> Array:
        """phi_i(x) (B, n, k, D)."""

    @cached_property
    @abstractmethod
    def _stretch(self) -> Array:
        """The size of what is added up in a meta-feature (B, n, k), or (B, 1, k)."""

    # --- adaptation ---

    def adapt(self, at: Array) -> list[Array]:
        """Iterates of the adaptation of parameters (B, 1, ...): [theta, ..., U_i(theta) (B, n, ...)]."""
        iterates, batch = [at], self.batch
        pace = batch.rate.reshape(-1, *(1,) * (at.ndim - 1))
        if batch.rates is not None:
            pace = pace * batch.rates.reshape(len(batch), 1, *at.shape[2:])
        shrunk = 1.0 if batch.decay is None else 1.0 - pace * batch.decay.reshape(-1, *(1,) * (at.ndim - 1))
        for _ in range(batch.steps):
            here = iterates[-1]
            z = self._before if here is self._omega else self._predictions(here)
            iterates.append(shrunk * here - pace * self._pulled(self._inner(1, z), here))
        return iterates

    @cached_property
    def _omega(self) -> Array:
        return self.batch.omega[:, None]

    @cached_property
    def _path(self) -> list[Array]:
        return self.adapt(self._omega)

    @cached_property
    def _before(self) -> Array:
        return self._predictions(self._omega)

    @cached_property
    def _on_the_way(self) -> list[Array]:
        """h at the iterates that the steps start from (B, 1 or n, k)."""
        return [self._before, *(self._predictions(at) for at in self._path[1:-1])]

    @cached_property
    def after(self) -> Array:
        return self._predictions(self._path[-1])

    def _rival(self, adapted: bool) -> Array:
        """The comparator's values at the support, with or without adaptation (B, 1 or n, k)."""
        if self.batch.functions is not None:
            values: Array = self.batch.functions
            return values.reshape(*self.rho.shape)
        rival = self.batch.rival[:, None]
        return self._predictions(self.adapt(rival)[-1] if adapted else rival)

    @cached_property
    def comparator(self) -> Array:
        """h'_i at the support (B, n, k)."""
        return self._rival(adapted=True)

    # --- the task-lifted space ---

    @cached_property
    def slopes(self) -> Array:
        """rho_i w_i (B, n, k)."""
        return self._summed(1, self.after)

    @property
    def _present(self) -> Array:
        """Where there is mass (B, n, k)."""
        return np.asarray(self._each((self.given.masses > 0).any(3)))

    @property
    def _inside(self) -> Array:
        """Where inner laws of tasks of positive weight have mass (B, n, k, l)."""
        return np.asarray((self.given.weights[:, :, None, None] > 0) & (inner_law(self.given)[1] > 0))

    @cached_property
    def w(self) -> Array:
        """w_i(x) (B, n, k); 0 where x has no mass."""
        return self.slopes / self.m.where(self._present, self.rho, 1.0)

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
        bend = (np.abs(self._summed(2, self.after)) if self._c == 1 else self.rho) * sizes
        slopes = (np.abs(self.slopes) + bend) * (sizes + self.radius[:, None, None] * self._stretch)
        return (self.batch.weights[..., None] * (risks + slopes)).sum((1, 2))

    @cached_property
    def meta_objective(self) -> Array:
        """L(omega)."""
        return (self.batch.weights[..., None] * self._summed(0, self.after)).sum((1, 2))

    @cached_property
    def bregman(self) -> Array:
        return self.pairing - self.gap

    @cached_property
    def strong_convexity(self) -> Array:
        """The smallest ell'' between z and h': at an end or, of a loss of the residual, where that is 0. Of several
        outputs the least eigenvalue of the Hessian is the same everywhere."""
        if self._c > 1:
            return np.full(len(self.batch), float(self.batch.loss.constants().mu))
        loss, z, h = self.batch.loss, *self._at_atoms
        labels = self.batch.labels
        least = np.minimum(loss.d2(Floats, z, labels), loss.d2(Floats, h, labels))
        if loss.link is Link.RESIDUAL:
            inside = (z - labels) * (h - labels) < 0
            least = np.where(inside, np.minimum(least, loss.d2(Floats, labels, labels)), least)
        return self._least(least)

    @cached_property
    def _at_atoms(self) -> tuple[Array, Array]:
        """z and h' for each label (B, n, k, 1)."""
        if not (self.batch.loss.profile.convex or self.batch.loss.profile.own):
            raise UndefinedQuantityError("the loss is not convex")
        return self.after[..., None], np.broadcast_to(self.comparator, self.after.shape)[..., None]

    def _least(self, values: Array) -> Array:
        """The smallest one (B,) of values per atom (B, n, k, l), without those that have no mass."""
        used = self.batch.weights[:, :, None, None] * self.batch.masses > 0
        return np.where(used, values, np.inf).min((1, 2, 3))

    @cached_property
    def pairing(self) -> Array:
        return (self.batch.weights[..., None] * self.slopes * self.u).sum((1, 2))

    def _paired(self, features: Array) -> Array:
        """<w, features> (B, D)."""
        pulls = (self.batch.weights[..., None] * self.slopes)[:, :, None]
        return (pulls @ features)[:, :, 0].sum(1)

    def _largest(self, values: Array, axis: int) -> Array:
        """The largest entry along an axis."""
        return values.max(axis)

    # --- what wrong theorems use, and corollaries ---

    @cached_property
    def displacement(self) -> Array:
        if self.batch.rival is None:
            raise UndefinedQuantityError("the comparator is given by functions, not by a parameter")
        return self._lengths((self.batch.omega - self.batch.rival).reshape(len(self.batch), -1))

    @cached_property
    def strong_convexity_adapted(self) -> Array:
        if self._c > 1:
            return self.strong_convexity
        return self._least(self.batch.loss.d2(Floats, self._at_atoms[0], self.batch.labels))

    @cached_property
    def bregman_swapped(self) -> Array:
        slopes = self._summed(1, self.comparator)
        return -(self.batch.weights[..., None] * slopes * self.u).sum((1, 2)) + self.gap

    @cached_property
    def feature_bound(self) -> Array:
        used = (self.mass > 0).any(1)
        return np.where(used, norms(self.features), 0.0).max(1)

    @cached_property
    def support_feature_bound(self) -> Array:
        used = (self.batch.weights[:, :, None] * inner_law(self.batch)[1].sum(3) > 0).any(1)
        return np.where(used, norms(self.features), 0.0).max(1)

    @cached_property
    def weight_norm_unadapted(self) -> Array:
        return self._lifted_norm(self._summed(1, self._before) / self.m.where(self.rho > 0, self.rho, 1.0))

    @property
    def _apart(self) -> Array:
        """u without adaptation (B, n, k)."""
        return self.m.broadcast_to(self._before - self._rival(adapted=False), self.u.shape)

    @cached_property
    def pairing_unadapted(self) -> Array:
        return (self.batch.weights[..., None] * self.slopes * self._apart).sum((1, 2))

    @cached_property
    def misfit_u_unadapted(self) -> Array:
        return self._misfit(self.meta_features, self._apart)[0]

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

    # --- what wrong theorems of several outputs use ---

    @property
    def outputs(self) -> Array:
        """c, if there are several."""
        if self._c == 1:
            raise UndefinedQuantityError("there is one output")
        return np.full(len(self.batch), float(self._c))

    @property
    def weight_norm_shifted(self) -> Array:
        batch = self.batch
        if batch.loss.link is not Link.CLASS:
            raise UndefinedQuantityError("labels that are classes are required")
        slopes = self._over(np.roll(batch.labels, 1, axis=-1), batch.masses, 1, self.after)
        return self._lifted_norm(slopes / self.m.where(self.rho > 0, self.rho, 1.0))

    # --- the other law ---

    @cached_property
    def _other_laws(self) -> CoreBatchQuantities:
        batch = self.batch
        if batch.support_masses is None:
            return self
        exchanged = replace(
            batch,
            labels=batch.support_labels,
            masses=batch.support_masses,
            support_labels=batch.labels,
            support_masses=batch.masses,
        )
        return type(self)(exchanged)

    @property
    def eps_exchanged(self) -> Array:
        return self._other_laws.eps

    @property
    def weight_norm_exchanged(self) -> Array:
        return self._other_laws.weight_norm

    @property
    def misfit_exchanged(self) -> Array:
        return self._other_laws.misfit

    @cached_property
    def weight_norm_support(self) -> Array:
        other = self._other_laws
        w = self._inner(1, self.after) / np.where(other.rho > 0, other.rho, 1.0)
        return np.sqrt((other.mass * w**2).sum((1, 2)))


def norms(values: Array) -> Array:
    return np.sqrt((values * values).sum(-1))
