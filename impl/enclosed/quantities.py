r"""What the enclosed quantities of every family share: which may be asked for, infima from both sides, structure.

A family's text (the quantities of its searching engine) is evaluated on a batch of midpoint-radius numbers. What is
decided by whether a number is 0 is decided by the batch as given, in float64, whose numbers are exact. Names that are
neither in `proved` nor written for these numbers are unknown: balls evaluate them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..elementary import MidRads
from ..midrad import MidRad, laid, zero
from .infimum import misfit, misfit_l1
from .linear import Rows, applied, largest_eigenvalue, norm

WITHIN = 2.0**-16
"""The direction of an infimum is shortened by this share."""


class UnknownError(ArithmeticError):
    """A quantity, or a batch, that is not evaluated in midpoint-radius numbers."""


def normalised(values: Array, axes: tuple[int, ...]) -> MidRad:
    """Shares of their sum along the last axes, which are named; 0 exactly of 0."""
    found = MidRad(values) / MidRad(values).sum(axes).reshape(*values.shape[: axes[0]], *(1,) * len(axes))
    return MidRad(found.mid, np.where(values == 0, 0.0, found.rad))


def laid_out(batch: Any) -> Any:
    """The same batch, its instances innermost in memory (see `midrad.laid`)."""
    arrays = {name: laid(value) for name, value in vars(batch).items() if isinstance(value, np.ndarray)}
    return replace(batch, **arrays)


class Enclosed:
    """A mixin, before the text. Errors of a call: UndefinedQuantityError, UnknownError."""

    m = MidRads
    given: Any
    """The batch in float64."""
    text: type
    """The searching engine's quantities."""
    proved: frozenset[str]
    """Those whose text holds as it stands, in these numbers."""
    u: Any
    mass: Any
    eps: Any
    gradient: Any
    lifted: Any
    meta_features: Any

    def __call__(self, name: str) -> Any:
        written = [own for own in type(self).__mro__ if own not in self.text.__mro__]
        if name not in self.proved and not any(name in vars(own) for own in written):
            raise UnknownError(name)
        return getattr(self, name)

    @property
    def zero(self) -> MidRad:
        return MidRad(np.zeros(len(self.given)))

    def _structural(self, holds: Any) -> MidRad:
        """The margin of what a batch's structure decides (B,)."""
        return MidRad(np.where(np.broadcast_to(holds, len(self.given)), 1.0, -1.0))

    def _largest(self, values: Any, axis: int | tuple[int, ...]) -> MidRad:
        """The largest entry along axes."""
        return MidRad.between(values.low.max(axis), values.high.max(axis))

    # --- infima ---------------------------------------------------------------------------------------------

    _where: Any
    """Where there is mass, in tasks of positive weight (B, n, ...)."""
    _weighted: Any
    """Mass times w (B, n, ...)."""

    def _misfit(self, features: Any, target: Any, mass: Any = None, radius: Any = None) -> Any:
        """The infimum (B,), enclosed, with the direction of its upper end."""
        root = MidRads.sqrt(self.mass if mass is None else mass)
        root = MidRads.where(self._where, root, 0.0)
        aims = (root * target).reshape(len(self.given), -1)
        return misfit(Rows(((root, features),)), aims, self.given.radius if radius is None else radius)

    @cached_property
    def misfit_l1(self) -> Any:
        weighted, size = MidRads.where(self._where, self._weighted, 0.0), len(self.given)
        return self._l1(Rows(((weighted, self.meta_features),)), (weighted * self.u).reshape(size, -1))

    def _l1(self, rows: Rows, target: Any) -> Any:
        """The L1 form of rows (B, ., d) and targets (B, .) of lifted points."""
        return misfit_l1(self.eps, rows, target)

    # --- the mixed form -------------------------------------------------------------------------------------

    def _combined(self, *terms: Any) -> Any:
        return Rows(tuple((w if isinstance(w, MidRad) else MidRad(w), table) for w, table in terms))

    _mixed_points: Any
    """(psi, pull: Rows (B, T, d), weight, target, mass, where the weight is of anything (B, T)), pull = weight psi
    there."""

    @property
    def _alone(self) -> tuple[Any, Any]:
        """Where one task alone has mass at a point (B, T), and its u there: of some families not known."""
        return False, 0.0

    @cached_property
    def _spared(self) -> Any:
        """Where a weight may be 0, of one task alone, which vanishes only with target and pull, or all three are 0."""
        _, pull, weight, target, _, used = self._mixed_points
        doubtful = used & ~((weight.low > 0) | (weight.high < 0))
        if not doubtful.any():
            return doubtful
        return doubtful & (self._alone[0] | (zero(weight) & zero(target) & pull.zero))

    @cached_property
    def margin_numerator_vanishes(self) -> Any:
        """The least |weight| over the mass, where none can be 0 but those that are spared: else balls must tell."""
        _, _, weight, _, mass, used = self._mixed_points
        used = used & ~self._spared
        sizes = MidRads.magnitude(weight) / MidRads.where(used, mass, 1.0)
        low, high = (np.where(used, end, 1.0).min(1, initial=1.0) for end in (sizes.low, sizes.high))
        return MidRad.between(np.where(low > 0, low, np.nan), high)

    @cached_property
    def mixed_misfit(self) -> Any:
        """Where a weight may be 0 that is spared, the point may be one or not, with target/weight = u: the infimum
        grows with the points."""
        psi, _, weight, target, mass, used = self._mixed_points
        spared = self._spared
        aims = target / MidRads.where(used & ~spared, weight, 1.0)

        def over(points: Array) -> Any:
            root = MidRads.where(points, MidRads.sqrt(mass), 0.0)
            return misfit(psi.times(root), root * aims, self.given.radius)[0]

        certain = over(used & ~spared)
        if not spared.any():
            return certain
        aims = MidRads.where(spared, self._alone[1], aims)
        return MidRad.between(certain.low, over(used & ~zero(weight)).high)

    @cached_property
    def mixed_misfit_l1(self) -> Any:
        _, pull, _, target, *_ = self._mixed_points
        return self._l1(pull, target)

    # --- the identity, along the direction of the infimum ---------------------------------------------------

    @cached_property
    def _along(self) -> MidRad:
        """v strictly within the ball, as balls have it: no enclosure separates R and R, and what is left of u is above
        rounding also where v fits it. Rounded to nearest, no entry is longer than it was."""
        return MidRad(self.lifted[1] * (1 - WITHIN))

    @cached_property
    def direction(self) -> Any:
        return (self.gradient * self._along).sum(1)

    @cached_property
    def _steepest(self) -> MidRad:
        """The gradient's direction as floats have it (B, d), of length 1; the first unit vector where it is 0."""
        size = np.abs(self.gradient.mid).max(1, keepdims=True)
        unit = np.eye(1, self.gradient.shape[1])[0]
        v = MidRad(np.where(size > 0, self.gradient.mid / np.where(size > 0, size, 1.0), unit + 0 * size))
        return v / norm(v)[:, None]

    @cached_property
    def _residual(self) -> Any:
        ahead = (slice(None), *(None,) * (self.u.ndim - 2))
        return self.u - applied(self.meta_features, self._along[ahead])

    @property
    def _points(self) -> tuple[int, ...]:
        """The axes of lifted points."""
        return tuple(range(1, self.u.ndim))

    @cached_property
    def inner_product(self) -> Any:
        return (self._weighted * self._residual).sum(self._points)

    @cached_property
    def residual_norm(self) -> Any:
        return MidRads.sqrt((self.mass * (self._residual * self._residual)).sum(self._points))


def pattern_rank(gates: MidRad, features: Array, used: Array) -> Array:
    """At least the dimension (...) of what the features (b_r P_r x)_r of ReLU neurons span at the points x (..., k, d)
    that are used (..., k), for their patterns P (..., k, m): those with one pattern are images of the points under one
    map, and of one without a neuron 0. A pattern that is not known is one of its own."""
    points = used & (features != 0).any(-1) & ~zero(gates).all(-1)
    on, known = gates.mid, zero(gates * (1 - gates)).all(-1)
    alike = on @ on.swapaxes(-1, -2) + (1 - on) @ (1 - on).swapaxes(-1, -2) == on.shape[-1]
    same = (alike & known[..., None] & known[..., None, :]) | np.eye(alike.shape[-1], dtype=bool)
    same &= points[..., None] & points[..., None, :]
    first = points & ~np.tril(same, -1).any(-1)
    columns = ((features != 0) & points[..., None]).any(-2).sum(-1)
    return np.asarray((first * np.minimum(same.sum(-1), columns[..., None])).sum(-1))


class EnclosedStart(Enclosed):
    """Those of networks besides: how far features at initialisation are from those at omega."""

    _feature_change: Any

    @cached_property
    def error_operator(self) -> Any:
        """The root of the largest eigenvalue of the Gram matrix of the features' change."""
        root = MidRads.where(self._where, MidRads.sqrt(self.mass), 0.0)
        rows = root[..., None] * self._feature_change
        rows = rows.reshape(len(self.given), -1, rows.shape[-1])
        return MidRads.sqrt(largest_eigenvalue(rows @ rows.swapaxes(1, 2)))
