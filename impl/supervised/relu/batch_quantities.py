"""The quantities of networks for a whole batch in float64: ranks, features at initialisation, errors, what wrong
theorems use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ...floats import rank
from ..core_batch_quantities import norms
from .batch import Array
from .batch_features import FeatureBatchQuantities


class NetworkBatchQuantities(FeatureBatchQuantities):
    """Quantities of a batch by name, each (B,): those of any activation, and the errors of ReLU networks."""

    # --- full row rank ---------------------------------------------------------------------------------------

    def _flat(self, rows: Array) -> Array:
        """Rows (B, n k, D)."""
        return rows.reshape(len(self.batch), -1, rows.shape[3])

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

    # --- what features at initialisation cost ------------------------------------------------------------------

    @cached_property
    def error_trace(self) -> Array:
        return self.m.sqrt((self.mass * (self._feature_change**2).sum(3)).sum((1, 2)))

    @cached_property
    def _size(self) -> Array:
        """||x|| (B, 1, k)."""
        return self._each(self._lengths(self.features)[:, None])

    def _block_sizes(self, bends: Array) -> Array:
        """||B_x|| <= the largest sum of absolute values in a row (B, t, k)."""
        sizes: Array = self.m.magnitude(bends)
        return sizes if self._c == 1 else self._each(self._largest(sizes.sum(4), 3))

    def _error(self, changes: Sequence[Array], fold: float = 0.0, first: int = 0) -> Array:
        """||e|| for changes of the features of the iterates (B, 1 or n, k); fold bounds ||d2f(x)||/||x||^2.

        Before the step `first` factors count as 1.
        """
        size = self._size
        fastest = np.abs(self._relative).max(1)[:, None, None]
        stretch, moved = np.ones(self.mass.shape[:2]), np.zeros(self.mass.shape[:2])
        for step, (z, change) in enumerate(zip(self._on_the_way, changes, strict=False)):
            bends = self._block_sizes(self._bends(z))
            total = (bends * size**2).sum(2)
            own = self._expansion(total) if step >= first else np.ones(total.shape)
            bent = (fastest * fold * self.m.magnitude(self._rated(self._inner(1, z))) * size**2).sum(2)
            apart = (2 * fastest * bends * size * change).sum(2) + bent
            moved = moved * (own + bent) + stretch * apart
            stretch = stretch * own
        error = stretch[..., None] * changes[-1] + size * moved[..., None]
        return self._lifted_norm(error)

    @property
    def _relative(self) -> Array:
        """The rates (B, .), as factors of |rate|."""
        rates, signs = self.given.rates, np.where(self.given.rate < 0, -1.0, 1.0)[:, None]
        return signs if rates is None else signs * rates.reshape(len(rates), -1)

    @property
    def _slowest_and_fastest(self) -> tuple[Array, Array]:
        """The least and the largest rate (B, 1), as factors of |rate|."""
        return self._relative.min(1)[:, None], self._relative.max(1)[:, None]

    def _expansion(self, total: Array) -> Array:
        """kap (B, n) >= ||I - rate D (H + decay)|| for 0 <= |rate| H <= total."""
        m, batch, (low, high) = self.m, self.batch, self._slowest_and_fastest
        fade = 0.0 if batch.decay is None else (m.magnitude(batch.rate) * batch.decay)[:, None]
        middle, half = (low + high) / 2, (high - low) / 2
        alike = m.maximum(m.magnitude(1 - middle * fade), m.magnitude(1 - middle * (fade + total)))
        return alike + half * (fade + total)

    def _by_counts(self, counts: Sequence[Array], first: int = 0) -> Array:
        """||e|| where so many neurons flip at every iterate."""
        return self._error([self._size * self.m.sqrt(c / self._width) for c in counts], first=first)

    @cached_property
    def _flips(self) -> list[Array]:
        start = self._gates(self._start)
        return [self._each(self.m.magnitude(self._gates(w) - start).sum(3)) for w in self._path]

    @cached_property
    def error_flips(self) -> Array:
        return self._by_counts(self._flips)

    @cached_property
    def error_last_factor(self) -> Array:
        return self._by_counts(self._flips, self.batch.steps - 1)

    @cached_property
    def _nearness(self) -> Array:
        """a_r(x) (B, k, m); infinite at x = 0."""
        size = np.sqrt((self.features**2).sum(2))[..., None]
        near = np.abs(self._drive(self._start)[:, 0])
        return np.where(size > 0, near / np.where(size > 0, size, 1.0), np.inf)

    def _counts(self, budget: Array, power: int = 2) -> Array:
        """k*(B) (B, t, k) for budgets (B, t)."""
        sums = np.cumsum(np.sort(self._nearness, axis=2) ** power, axis=2)[:, None]
        return self._each((sums <= (budget**power)[:, :, None, None]).sum(3).astype(float))

    @cached_property
    def displacement_init(self) -> Array:
        return self._lengths(self._offset)

    @cached_property
    def _budgets(self) -> list[Array]:
        """B + ||W^(k) - W|| (B, 1 or n) at the iterates."""
        moves = [self.m.sqrt(((w - self._omega) ** 2).sum((2, 3))) for w in self._path]
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
        return self.m.sqrt((self.mass * values[:, None] ** 2).sum((1, 2)))

    @cached_property
    def _linear_errors(self) -> Array:
        """f(x; W) - f(x; W0) - phi_0(x)'(W - W0) (B, k)."""
        change = (self._phi_start[:, 0] @ self._offset[..., None])[..., 0]
        return (self._before - self._predictions(self._start))[:, 0] - change

    @cached_property
    def linearisation(self) -> Array:
        return self._over_points(self._linear_errors)

    def _one_signed(self, reach: Array) -> Array:
        """The larger of both signs' sums over neurons (B, k) of reach (B, points, m)."""
        signs, each = self.batch.signs[:, None], reach[:, :, None]
        up, down = (self.m.where(chosen, each, 0.0).sum(3) for chosen in (signs > 0, signs < 0))
        return self.m.maximum(up, down).reshape(len(self.batch), -1)

    @cached_property
    def _moved(self) -> Array:
        return self._lengths(self.batch.omega - self.batch.initial)[:, None]

    @cached_property
    def linearisation_bound(self) -> Array:
        size = self._size[:, 0]
        with np.errstate(invalid="ignore"):
            reach = self.m.positive(self._moved - self._nearness)
        return self._over_points(self._shrink * size * self._one_signed(reach))

    @cached_property
    def linearisation_bound_own(self) -> Array:
        size = self._size[:, 0]
        near = np.abs(self._drive(self._omega)[:, 0]) <= self._moved * size[:, :: self._c, None]
        return self._over_points(self._shrink * size * self._one_signed(np.where(near, self._moved, 0.0)))

    @cached_property
    def linearisation_worst(self) -> Array:
        size = self._size[:, 0]
        near = np.abs(self._drive(self._start)[:, 0])
        reach = (self.displacement_init[:, None] * size)[:, :, None]
        best = np.zeros(size.shape)
        for sign in (1, -1):
            ordered = np.sort(np.where(self.batch.signs[:, None] == sign, near[:, :, None], np.inf), axis=3)
            ordered = ordered.reshape(*size.shape, -1)
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
        later = map(self._bends, [*self._on_the_way[1:], self.after])
        steps = [(k, phi, bends) for (k, phi, _), bends in zip(self._steps, later, strict=True)]
        return self._misfit(self._factored(self._plain, steps), self.u)[0]

    @cached_property
    def misfit_outer_unadapted(self) -> Array:
        return self._misfit(self._factored(self._lifted_rows(self._phi_omega), self._steps), self.u)[0]

    @cached_property
    def misfit_init_inner(self) -> Array:
        steps = [(k, self._phi_start, bends) for k, _, bends in self._steps]
        return self._misfit(self._factored(self._plain, steps), self.u)[0]

    @cached_property
    def misfit_init_outer(self) -> Array:
        return self._misfit(self._factored(self._lifted_rows(self._phi_start), self._steps), self.u)[0]

    def _factored_with(self, turned: bool = False, decays: bool = True) -> Array:
        """The meta-features with the rates on the other side of the Hessians, or without decay."""
        rows = self._plain
        for k, phi, bends in reversed(self._steps):
            ahead = rows if turned else self._paced(rows)
            change = self._changed(ahead, phi, bends) + (0.0 if self._sigma.kinked else self._folded(ahead, k))
            rows = (self._kept(rows) if decays else rows) - (self._paced(change) if turned else change)
        return rows

    @cached_property
    def misfit_rates_turned(self) -> Array:
        return self._misfit(self._factored_with(turned=True), self.u)[0]

    @cached_property
    def misfit_no_decay(self) -> Array:
        return self._misfit(self._factored_with(decays=False), self.u)[0]

    @cached_property
    def misfit_uncoupled(self) -> Array:
        eye = np.eye(int(self.outputs[0]))
        steps = [(k, phi, bends * eye) for k, phi, bends in self._steps]
        return self._misfit(self._factored(self._plain, steps), self.u)[0]

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
        steps = [(k, phi, bends) for (k, _, bends), phi in zip(self._steps, inner, strict=True)]
        return norms(self._paired(self._factored(outer, steps)))
