"""The quantities of networks for a whole batch in float64, by explicit features in R^{md}: written again, on purpose.

The ball engine counts patterns and never forms a feature; here every feature is an array. Only the losses, and sums
over labels, are shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ...arithmetic import Floats
from ...floats import rank
from ...floats.rank import reduced
from ..core_batch_quantities import CoreBatchQuantities, norms
from .batch import Array, NetworkBatch

Steps = list[tuple[int, Array, Array]]
"""Number, features (B, 1 or n, k, D) and predictions (B, 1 or n, k) of steps of the adaptation."""


class NetworkBatchQuantities(CoreBatchQuantities):
    """Quantities of a batch by name, each (B,): those of any activation, and the errors of ReLU networks."""

    batch: NetworkBatch

    def __init__(self, batch: NetworkBatch) -> None:
        super().__init__(batch)
        self._sigma = batch.sigma
        self._shrink = batch.signs.shape[1] ** -0.5

    # --- networks: W (B, t, m, d) for t tasks or 1 ------------------------------------------------------

    def _drive(self, weights: Array) -> Array:
        """W_r'x (B, t, k, m)."""
        return self.features[:, None] @ weights.transpose(0, 1, 3, 2)

    def _gates(self, weights: Array) -> Array:
        gates: Array = self._sigma.d1(Floats, self._drive(weights))
        return gates

    @property
    def _output(self) -> Array:
        """m^{-1/2} b_r (B, 1, 1, m)."""
        return (self._shrink * self.batch.signs)[:, None, None]

    def _phi(self, gates: Array) -> Array:
        """phi (B, t, k, m d) for gates (B, t, k, m)."""
        scaled = gates * self._output
        rows = scaled[..., None] * self.features[:, None, :, None]
        return rows.reshape(*rows.shape[:3], -1)

    def _predictions(self, at: Array) -> Array:
        values: Array = self._sigma.value(Floats, self._drive(at))
        return (values * self._output).sum(3)

    def _pulled(self, slopes: Array, at: Array) -> Array:
        move = (slopes[:, :, None] @ self._phi(self._gates(at)))[:, :, 0]
        return move.reshape(*move.shape[:2], *at.shape[2:])

    @cached_property
    def _start(self) -> Array:
        return self.batch.initial[:, None]

    # --- meta-features ------------------------------------------------------------------------------------

    def _bent(self, outer: Array, inner: Array, z: Array) -> Array:
        """outer - eta sum_x' rho ell''(z) <outer, inner_x'> inner_x' (B, n, k, D), rho and labels of the inner law."""
        bends = self.batch.rate[:, None, None] * self._inner(2, z)
        pull = outer @ inner.transpose(0, 1, 3, 2)
        return outer - (pull * bends[:, :, None]) @ inner

    @cached_property
    def _phi_omega(self) -> Array:
        return self._phi(self._gates(self._omega))

    @cached_property
    def _plain(self) -> Array:
        return self._phi(self._gates(self._path[-1]))

    @cached_property
    def _phi_start(self) -> Array:
        return self._phi(self._gates(self._start))

    def _lifted_rows(self, rows: Array) -> Array:
        return np.broadcast_to(rows, (len(self.batch), self.batch.labels.shape[1], *rows.shape[2:]))

    @cached_property
    def _steps(self) -> Steps:
        phi = [self._phi_omega, *(self._phi(self._gates(w)) for w in self._path[1:-1])]
        return [(k, *pair) for k, pair in enumerate(zip(phi, self._on_the_way, strict=True))]

    def _factored(self, rows: Array, steps: Steps) -> Array:
        """The factors of the steps applied to rows (B, n, k, D), the last of them first."""
        for k, phi, z in reversed(steps):
            rows = self._factor(rows, k, phi, z)
        return rows

    def _factor(self, rows: Array, k: int, phi: Array, z: Array) -> Array:
        """I - eta H of step k, with the features phi and the predictions z."""
        bent = self._bent(rows, phi, z)
        return bent if self._sigma.kinked else bent - self._folded(rows, k)

    def _folded(self, outer: Array, step: int) -> Array:
        """eta E[ell' d2f] outer (B, n, k, D), at the iterate and the predictions that the step starts from."""
        n, k, _, m, d = self.batch.shape
        pulls = self.batch.rate[:, None, None] * self._inner(1, self._on_the_way[step])
        scaled = self._sigma.d2(Floats, self._drive(self._path[step])) * self._output
        weights = (pulls[..., None] * scaled).transpose(0, 1, 3, 2)
        inputs = self.features[:, None, None]
        blocks = (weights[..., None, :] * inputs.transpose(0, 1, 2, 4, 3)) @ inputs
        rows = outer.reshape(-1, n, k, m, d).transpose(0, 1, 3, 2, 4)
        return (rows @ blocks).transpose(0, 1, 3, 2, 4).reshape(outer.shape)

    @cached_property
    def meta_features(self) -> Array:
        return self._factored(self._plain, self._steps)

    @cached_property
    def gradient(self) -> Array:
        """grad L (B, D) by the chain rule; of each task one vector goes back through the steps, not all features."""
        pulls = self.batch.weights[..., None] * self.slopes
        found = self._back(pulls[..., None] * self._gates(self._path[-1]) * self._output)
        rate, steps = self.batch.rate[:, None, None], zip(self._path[:-1], self._on_the_way, strict=True)
        for at, z in reversed(list(steps)):
            drive, along = self._drive(at), self._drive(found)
            gates = self._sigma.d1(Floats, drive) * self._output
            bends = rate * self._inner(2, z) * (along * gates).sum(3)
            rows = bends[..., None] * gates
            if not self._sigma.kinked:
                folds = self._sigma.d2(Floats, drive) * self._output
                rows = rows + (rate * self._inner(1, z))[..., None] * folds * along
            found = found - self._back(rows)
        return found.sum(1).reshape(len(found), -1)

    def _back(self, rows: Array) -> Array:
        """sum_x rows(x) x' (B, n, m, d) for rows (B, n, k, m)."""
        return rows.transpose(0, 1, 3, 2) @ self.features[:, None]

    @cached_property
    def initial_features(self) -> Array:
        """phi_0 in all places (B, n, k, D)."""
        rows = self._lifted_rows(self._phi_start)
        for z in reversed(self._on_the_way):
            rows = self._bent(rows, self._phi_start, z)
        return rows

    def _misfit(
        self, features: Array, target: Array, mass: Array | None = None, radius: Array | None = None
    ) -> tuple[Array, Array]:
        return super()._misfit(reduced(features), target, mass, radius)

    @property
    def _stretch(self) -> Array:
        return np.sqrt((self.meta_features**2).sum(3)) + np.abs(self._drive(self._omega)).sum(3) * self._shrink

    # --- full row rank ---------------------------------------------------------------------------------------

    def _flat(self, rows: Array) -> Array:
        """Rows (B, n k, D)."""
        return rows.reshape(len(rows), -1, rows.shape[3])

    @property
    def _used(self) -> Array:
        return (self.mass > 0).reshape(len(self.batch), -1)

    def _shortest(self, rows: Array) -> Array:
        return rank.shortest(self._flat(rows), self.u.reshape(len(self.batch), -1), self._used)

    @cached_property
    def min_norm_solution(self) -> Array:
        return self._shortest(self.meta_features)

    @cached_property
    def min_norm_init(self) -> Array:
        return self._shortest(self.initial_features)

    @cached_property
    def condition(self) -> Array:
        return rank.condition(self._flat(self.meta_features), self._used)

    # --- first order, initialisation -------------------------------------------------------------------------

    @property
    def eps_formal(self) -> Array:
        return self.eps

    @cached_property
    def eps_init(self) -> Array:
        return norms(self._paired(self.initial_features))

    @cached_property
    def misfit_init(self) -> Array:
        return self._misfit(self.initial_features, self.u)[0]

    @cached_property
    def _feature_change(self) -> Array:
        return self.initial_features - self.meta_features

    @cached_property
    def gradient_difference(self) -> Array:
        return norms(self._paired(self._feature_change))

    @cached_property
    def error_operator(self) -> Array:
        rows = reduced(np.sqrt(self.mass)[..., None] * self._feature_change)
        flat = rows.reshape(len(rows), -1, rows.shape[3])
        return np.linalg.norm(np.nan_to_num(flat, posinf=1e100, neginf=-1e100), 2, axis=(1, 2))

    @cached_property
    def error_trace(self) -> Array:
        return np.sqrt((self.mass * (self._feature_change**2).sum(3)).sum((1, 2)))

    @cached_property
    def _size(self) -> Array:
        """||x|| (B, 1, k)."""
        return np.sqrt((self.features**2).sum(2))[:, None]

    def _error(self, changes: Sequence[Array], fold: float = 0.0, first: int = 0) -> Array:
        """||e|| for changes of the features of the iterates (B, 1 or n, k); fold bounds ||d2f(x)||/||x||^2.

        Before the step `first` factors count as 1.
        """
        rate, size = self.batch.rate[:, None, None], self._size
        stretch, moved = np.ones(self.mass.shape[:2]), np.zeros(self.mass.shape[:2])
        for step, (z, change) in enumerate(zip(self._on_the_way, changes, strict=False)):
            bends = np.abs(rate * self._inner(2, z))
            total = (bends * size**2).sum(2)
            own = np.where(rate[..., 0] >= 0, np.maximum(1.0, total - 1), 1 + total)
            own = own if step >= first else np.ones_like(own)
            bent = (fold * np.abs(rate * self._inner(1, z)) * size**2).sum(2)
            apart = (2 * bends * size * change).sum(2) + bent
            moved = moved * (own + bent) + stretch * apart
            stretch = stretch * own
        error = stretch[..., None] * changes[-1] + size * moved[..., None]
        return np.sqrt((self.mass * error**2).sum((1, 2)))

    def _by_counts(self, counts: Sequence[Array], first: int = 0) -> Array:
        """||e|| where so many neurons flip at every iterate."""
        return self._error([self._size * np.sqrt(c / self.batch.signs.shape[1]) for c in counts], first=first)

    @cached_property
    def _flips(self) -> list[Array]:
        start = self._gates(self._start)
        return [(self._gates(w) != start).sum(3).astype(float) for w in self._path]

    @cached_property
    def error_flips(self) -> Array:
        return self._by_counts(self._flips)

    @cached_property
    def error_last_factor(self) -> Array:
        return self._by_counts(self._flips, self.batch.steps - 1)

    @cached_property
    def _nearness(self) -> Array:
        """a_r(x) (B, k, m); infinite at x = 0."""
        size = self._size[:, 0, :, None]
        near = np.abs(self._drive(self._start)[:, 0])
        return np.where(size > 0, near / np.where(size > 0, size, 1.0), np.inf)

    def _counts(self, budget: Array, power: int = 2) -> Array:
        """k*(B) (B, t, k) for budgets (B, t)."""
        sums = np.cumsum(np.sort(self._nearness, axis=2) ** power, axis=2)[:, None]
        return (sums <= (budget**power)[:, :, None, None]).sum(3).astype(float)

    @cached_property
    def displacement_init(self) -> Array:
        return np.sqrt(((self.batch.omega - self.batch.initial) ** 2).sum((1, 2)))

    @cached_property
    def _budgets(self) -> list[Array]:
        """B + ||W^(k) - W|| (B, 1 or n) at the iterates."""
        moves = [np.sqrt(((w - self._omega) ** 2).sum((2, 3))) for w in self._path]
        return [self.displacement_init[:, None] + move for move in moves]

    @cached_property
    def error_count(self) -> Array:
        return self._by_counts([self._counts(budget) for budget in self._budgets])

    @cached_property
    def error_count_own(self) -> Array:
        own = self._counts(self.displacement_init[:, None])
        return self._by_counts([own] * len(self._path))

    @cached_property
    def error_count_linear(self) -> Array:
        return self._by_counts([self._counts(budget, 1) for budget in self._budgets])

    # --- linearisation -----------------------------------------------------------------------------------------

    def _over_points(self, values: Array) -> Array:
        return np.sqrt((self.mass * values[:, None] ** 2).sum((1, 2)))

    @cached_property
    def linearisation(self) -> Array:
        change = (self._phi_start[:, 0] @ self._offset[..., None])[..., 0]
        return self._over_points((self._before - self._predictions(self._start))[:, 0] - change)

    def _one_signed(self, reach: Array) -> Array:
        """The larger of both signs' sums over neurons (B, k) of reach (B, k, m)."""
        signs = self.batch.signs[:, None]
        return np.maximum(np.where(signs > 0, reach, 0.0).sum(2), np.where(signs < 0, reach, 0.0).sum(2))

    @cached_property
    def _moved(self) -> Array:
        return np.sqrt(((self.batch.omega - self.batch.initial) ** 2).sum(2))[:, None]

    @cached_property
    def linearisation_bound(self) -> Array:
        size = self._size[:, 0]
        with np.errstate(invalid="ignore"):
            reach = np.maximum(self._moved - self._nearness, 0.0)
        return self._over_points(self._shrink * size * self._one_signed(reach))

    @cached_property
    def linearisation_bound_own(self) -> Array:
        size = self._size[:, 0]
        near = np.abs(self._drive(self._omega)[:, 0]) <= self._moved * size[:, :, None]
        return self._over_points(self._shrink * size * self._one_signed(np.where(near, self._moved, 0.0)))

    @cached_property
    def linearisation_worst(self) -> Array:
        size = self._size[:, 0]
        near = np.abs(self._drive(self._start)[:, 0])
        reach = (self.displacement_init[:, None] * size)[:, :, None]
        best = np.zeros(size.shape)
        for sign in (1, -1):
            ordered = np.sort(np.where(self.batch.signs[:, None] == sign, near, np.inf), axis=2)
            counts = np.sqrt(np.arange(1.0, near.shape[2] + 1))
            best = np.maximum(best, np.max(reach * counts - np.cumsum(ordered, axis=2), axis=2, initial=0.0))
        return self._over_points(self._shrink * best)

    # --- the ball around W0 ---------------------------------------------------------------------------------

    @cached_property
    def _offset(self) -> Array:
        return (self.batch.omega - self.batch.initial).reshape(len(self.batch), -1)

    @cached_property
    def eps_projected(self) -> Array:
        return (self.gradient * self._offset).sum(1) + self.radius * self.eps

    @cached_property
    def misfit_projected(self) -> Array:
        shift = (self.meta_features @ self._offset[:, None, :, None])[..., 0]
        return self._misfit(self.meta_features, self.u - shift)[0]

    # --- what wrong theorems use instead ----------------------------------------------------------------------

    @cached_property
    def misfit_curvature_adapted(self) -> Array:
        later = [*self._on_the_way[1:], self.after]
        steps = [(k, phi, z) for (k, phi, _), z in zip(self._steps, later, strict=True)]
        return self._misfit(self._factored(self._plain, steps), self.u)[0]

    @cached_property
    def misfit_outer_unadapted(self) -> Array:
        return self._misfit(self._factored(self._lifted_rows(self._phi_omega), self._steps), self.u)[0]

    @cached_property
    def misfit_init_inner(self) -> Array:
        steps = [(k, self._phi_start, z) for k, _, z in self._steps]
        return self._misfit(self._factored(self._plain, steps), self.u)[0]

    @cached_property
    def misfit_init_outer(self) -> Array:
        return self._misfit(self._factored(self._lifted_rows(self._phi_start), self._steps), self.u)[0]

    @cached_property
    def misfit_reversed(self) -> Array:
        return self._misfit(self._factored(self._plain, self._steps[::-1]), self.u)[0]

    @cached_property
    def misfit_frozen(self) -> Array:
        return self._misfit(self._factored(self._plain, self._steps[:1] * self.batch.steps), self.u)[0]

    @cached_property
    def misfit_one_missing(self) -> Array:
        return self._misfit(self._factored(self._plain, self._steps[:-1]), self.u)[0]

    @cached_property
    def eps_other_kinks(self) -> Array:
        *inner, outer = (self._phi((self._drive(w) >= 0).astype(float)) for w in self._path)
        steps = [(k, phi, z) for (k, _, z), phi in zip(self._steps, inner, strict=True)]
        return norms(self._paired(self._factored(outer, steps)))
