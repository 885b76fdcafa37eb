r"""What batches of any model have in midpoint-radius numbers, each (B,), enclosed.

The text of `core_batch_quantities` is evaluated in other numbers; what is written here is what floats alone may not
say: infima from both sides, divergences by their definition, margins. `UnknownError` is of what is left to balls.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ....theory.claim import UndefinedQuantityError
from ...arithmetic import Array
from ...batch_judge import UnknownError
from ...enclosed.infimum import misfit, misfit_l1
from ...enclosed.linear import applied
from ...loss_ranges import LossRanges
from ...midrad import MidRad, MidRads
from ..core_batch_quantities import CoreBatchQuantities


def enclosed(batch: Any) -> Any:
    """The batch of the instances themselves (`instance`): its numbers exactly, masses and weights normalised.

    Errors: UnknownError for a loss with kinks, whose slopes are no numbers there, and for one of a user's own, whose
    formulas may be of what these numbers do not have.
    """
    if batch.loss.profile.kinked or batch.loss.profile.own:
        raise UnknownError("kinks, or an own loss")
    shares: dict[str, Any] = {
        "masses": _normalised(batch.masses, (2, 3)),
        "support_masses": None if batch.support_masses is None else _normalised(batch.support_masses, (2, 3)),
        "weights": _normalised(batch.weights, (1,)),
    }
    names = {field.name for field in batch.fields} - {*shares, "labels", "support_labels"}
    given = {name: getattr(batch, name) for name in names}
    numbers: dict[str, Any] = {name: None if value is None else MidRad(value) for name, value in given.items()}
    return replace(batch, **numbers, **shares)


def _normalised(values: Array, axes: tuple[int, ...]) -> MidRad:
    """Shares of their sum; 0 exactly of 0."""
    found = MidRad(values) / MidRad(values).sum(axes).reshape(*values.shape[: axes[0]], *(1,) * len(axes))
    return MidRad(found.mid, np.where(values == 0, 0.0, found.rad))


FROM_TEXT = frozenset(
    ("gap", "pairing", "eps", "radius", "weight_norm", "misfit", "function_displacement", "eps_first_order",
     "misfit_plain")
)  # fmt: skip
"""The quantities whose text holds as it stands, in these numbers."""


class CoreEnclosed(CoreBatchQuantities):
    """Quantities of a batch by name. Errors of a call: UndefinedQuantityError, UnknownError."""

    m = MidRads
    text = FROM_TEXT

    def __init__(self, batch: Any) -> None:
        self.given = batch
        super().__init__(enclosed(batch))
        self._used = (batch.weights[:, :, None, None] > 0) & (batch.masses > 0)

    def __call__(self, name: str) -> Any:
        proved = (vars(own) for own in type(self).__mro__ if issubclass(own, CoreEnclosed))
        if name not in self.text and not any(name in own for own in proved):
            raise UnknownError(name)
        return getattr(self, name)

    @property
    def _present(self) -> Array:
        return np.asarray(self._each((self.given.masses > 0).any(3)))

    @property
    def zero(self) -> MidRad:
        return MidRad(np.zeros(len(self.given)))

    # --- infima ---------------------------------------------------------------------------------------------

    def _misfit(self, features: Any, target: Any, mass: Any = None, radius: Any = None) -> Any:
        """The infimum (B,), enclosed, with the direction of its upper end."""
        root = MidRads.sqrt(self.mass if mass is None else mass)
        root = MidRads.where(self._where, root, 0.0)
        size = len(self.given)
        rows = (root[..., None] * features).reshape(size, -1, features.shape[-1])
        return misfit(rows, (root * target).reshape(size, -1), self.given.radius if radius is None else radius)

    @property
    def _where(self) -> Array:
        """Where there is mass (B, n, k), in tasks of positive weight."""
        return np.asarray(self._each(self._used.any(3)))

    def _l1(self, rows: Any, target: Any) -> Any:
        """The L1 form of rows (B, ., D) and targets (B, .) of lifted points: a point's components are added first."""
        size, c = len(self.given), self._c
        if c > 1:
            rows, target = rows.reshape(size, -1, c, rows.shape[2]).sum(2), target.reshape(size, -1, c).sum(2)
        return misfit_l1(self.eps, rows, target)

    @cached_property
    def misfit_l1(self) -> Any:
        weighted = MidRads.where(self._where, self.batch.weights[..., None] * self.slopes, 0.0)
        rows = (weighted[..., None] * self.meta_features).reshape(len(self.given), -1, self.meta_features.shape[3])
        return self._l1(rows, (weighted * self.u).reshape(len(self.given), -1))

    # --- the identity, along the direction of the infimum ---------------------------------------------------

    @cached_property
    def _along(self) -> MidRad:
        return MidRad(self.lifted[1])

    @cached_property
    def direction(self) -> Any:
        return (self.gradient * self._along).sum(1)

    @cached_property
    def _residual(self) -> Any:
        size, (n, k) = len(self.given), self.mass.shape[1:]
        return self.u - applied(self.meta_features.reshape(size, n * k, -1), self._along).reshape(size, n, k)

    @cached_property
    def inner_product(self) -> Any:
        return (self.batch.weights[..., None] * self.slopes * self._residual).sum((1, 2))

    @cached_property
    def residual_norm(self) -> Any:
        return self._lifted_norm(self._residual)

    # --- divergences ----------------------------------------------------------------------------------------

    @property
    def _ends(self) -> tuple[Any, Any]:
        """z and h' for each label (B, n, k, 1): of several outputs lists of them, one for each component."""
        z, h = self.after, self.comparator
        if self._c == 1:
            return z[..., None], h[..., None]
        split = self.batch.loss.parts
        z, h = (values.reshape(*values.shape[:2], -1, 1, self._c) for values in (z, h))
        return split(z), split(h)

    @property
    def _labels(self) -> Any:
        labels = self.given.labels
        return labels if self._c == 1 else self.batch.loss.parts(labels)

    @cached_property
    def bregman(self) -> Any:
        """By its definition, atom by atom."""
        found = self.batch.loss.bregman(MidRads, *self._ends, self._labels)
        return (self.batch.weights[:, :, None, None] * self.batch.masses * found).sum((1, 2, 3))

    @cached_property
    def strong_convexity(self) -> Any:
        """The least ell'' on the segments between z and h'; of several outputs a constant of the loss."""
        if not self.batch.loss.profile.convex:
            raise UndefinedQuantityError("the loss is not convex")
        if self._c > 1:
            return MidRads.broadcast_to(MidRads.of_ball(self.batch.loss.constants().mu), (len(self.given),))
        labels = self.given.labels
        z, h = (MidRads.broadcast_to(values, labels.shape) for values in self._ends)
        least = LossRanges(self.batch.loss, MidRad(labels)).least(2, z, h)
        ends = (np.where(self._used, end, np.inf).min((1, 2, 3)) for end in (least.low, least.high))
        return MidRad.between(*ends)

    # --- margins: positive where an assumption holds --------------------------------------------------------

    def _structural(self, holds: Any) -> MidRad:
        return MidRad(np.where(np.broadcast_to(holds, len(self.given)), 1.0, -1.0))

    @property
    def _still(self) -> Array:
        """Which instances do not adapt (B,)."""
        batch, size = self.given, len(self.given)
        frozen = np.zeros(size, bool) if batch.rates is None else (batch.rates.reshape(size, -1) == 0).all(1)
        return (batch.steps > 0) & ((batch.rate == 0) | frozen)

    @property
    def margin_outer_convexity(self) -> Any:
        return self._structural(True) if self.batch.loss.profile.convex else self.bregman

    @property
    def _inside(self) -> Array:
        """Where inner laws of tasks of positive weight have mass (B, n, k, l)."""
        batch = self.given
        masses = batch.masses if batch.support_masses is None else batch.support_masses
        return np.asarray((batch.weights[:, :, None, None] > 0) & (masses > 0))

    @cached_property
    def margin_joints(self) -> Any:
        """Distance of what steps start from, under the inner laws, from the joints of the loss; 1 if it has none."""
        batch, profile = self.given, self.batch.loss.profile
        if not profile.joints:
            return self._structural(True)
        if not batch.steps:
            raise UnknownError("margin_joints")
        labels = batch.labels if batch.support_masses is None else batch.support_labels
        least = [np.ones((2, len(batch)))]
        for z in self._on_the_way:
            joint = self.batch.loss.joint_distance(z[..., None], labels, MidRads)
            ends = (joint.low, joint.high)
            least.append(np.array([np.where(self._inside, end, np.inf).min((1, 2, 3)) for end in ends]))
        low, high = np.where(self._still, 1.0, np.min(least, axis=0))
        return MidRad.between(low, high)

    @property
    def margin_differentiability(self) -> Any:
        return self.margin_joints
