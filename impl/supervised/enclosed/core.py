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
from ...elementary import MidRads
from ...enclosed.linear import largest_eigenvalue, right_inverse, shortest
from ...enclosed.quantities import Enclosed, UnknownError, laid_out, normalised
from ...loss_ranges import LossRanges
from ...midrad import MidRad, zero
from ..batch import inner_law
from ..core_batch_quantities import CoreBatchQuantities


def enclosed(batch: Any) -> Any:
    """The batch of the instances themselves (`instance`): its numbers exactly, masses and weights normalised.

    Errors: UnknownError for a loss with kinks, whose slopes are no numbers there, for a loss or an adaptation of one's
    own, whose formulas may be of what these numbers do not have.
    """
    if batch.loss.profile.kinked or batch.loss.profile.own or getattr(batch, "rule", ""):
        raise UnknownError("kinks, an own loss or an own adaptation")
    shares: dict[str, Any] = {
        "masses": normalised(batch.masses, (2, 3)),
        "support_masses": None if batch.support_masses is None else normalised(batch.support_masses, (2, 3)),
        "weights": normalised(batch.weights, (1,)),
    }
    names = {field.name for field in batch.fields} - {*shares, "labels", "support_labels"}
    given = {name: getattr(batch, name) for name in names}
    numbers: dict[str, Any] = {name: None if value is None else MidRad(value) for name, value in given.items()}
    return replace(batch, **numbers, **shares)


FROM_TEXT = frozenset(
    ("pairing", "eps", "radius", "weight_norm", "misfit", "function_displacement", "eps_first_order",
     "misfit_plain")
)  # fmt: skip
"""The quantities whose text holds as it stands, in these numbers."""


class CoreEnclosed(Enclosed, CoreBatchQuantities):
    """Quantities of a batch by name. Errors of a call: UndefinedQuantityError, UnknownError."""

    def __init__(self, batch: Any) -> None:
        batch = laid_out(batch)
        super().__init__(enclosed(batch))
        self.given = batch
        self._atoms = (batch.weights[:, :, None, None] > 0) & (batch.masses > 0)

    # --- z and h' ---------------------------------------------------------------------------------------------

    @cached_property
    def u(self) -> Any:
        """0 where the comparator is omega itself, in the same numbers: h' is z, task by task."""
        batch = self.given
        if batch.functions is not None:
            return super().u
        own = (batch.omega == batch.rival).reshape(len(batch), -1).all(1)
        return MidRads.where(own[:, None, None], 0.0, super().u)

    @property
    def _alike(self) -> Array:
        """Where h' is z: there risks are the same, and divergences 0 (B, n, points)."""
        return zero(self.u).reshape(*self.given.weights.shape, -1, self._c).all(3)

    @cached_property
    def gap(self) -> Any:
        change = self._summed(0, self.after) - self._summed(0, self.comparator)
        change = MidRads.where(self._each(self._alike), 0.0, change)
        return (self.batch.weights[..., None] * change).sum((1, 2))

    # --- infima ---------------------------------------------------------------------------------------------

    @property
    def _where(self) -> Array:
        """Where there is mass (B, n, k), in tasks of positive weight."""
        return np.asarray(self._each(self._atoms.any(3)))

    def _l1(self, rows: Any, target: Any) -> Any:
        """The L1 form of rows (B, ., D) and targets (B, .) of lifted points: a point's components are added first."""
        size, c = len(self.given), self._c
        if c > 1:
            rows, target = rows.added(c), target.reshape(size, -1, c).sum(2)
        return super()._l1(rows, target)

    @property
    def _weighted(self) -> Any:
        return self.batch.weights[..., None] * self.slopes

    # --- full row rank: Phi, the meta-features that have mass, and their Gram matrix M -------------------------------

    @property
    def _crowded(self) -> Array:
        """Of which instances there are more meta-features than dimensions for them (B,)."""
        return np.asarray(self._where.sum((1, 2)) > self._room)

    @cached_property
    def _room(self) -> Any:
        """At least the dimension (B,) of what meta-features span. Each of their blocks (of an output, of a neuron) has
        room in the columns that features use and, but where decay is at different rates, among the features of inputs
        that have mass in a law."""
        batch = self.given
        used = self._met[..., None] & (batch.features != 0)
        columns, inputs = used.any(1).sum(1), used.any(2).sum(1)
        return self._block_count * (columns if self._mixing else np.minimum(columns, inputs))

    @property
    def _block_count(self) -> int:
        """How many there are."""
        return self._c

    @property
    def _mixing(self) -> bool:
        """Whether decay is at different rates."""
        return self.given.rates is not None and self.given.decay is not None

    @cached_property
    def _met(self) -> Array:
        """Which inputs have mass in a law of a task of positive weight (B, points)."""
        return np.asarray(self._atoms.any((1, 3)) | self._inside.any((1, 3)))

    @cached_property
    def _fitting(self) -> tuple[Array, Array, Array]:
        """The instances (b,) that are not crowded, places (b, r) of their meta-features, those that have mass before
        others, and which these are."""
        chosen = np.flatnonzero(~self._crowded)
        used = self._where.reshape(len(self.given), -1)[chosen]
        order = np.argsort(~used, axis=1, kind="stable")[:, : max(int(used.sum(1).max(initial=0)), 1)]
        return chosen, order, np.take_along_axis(used, order, 1)

    def _packed(self, values: Any) -> Any:
        """Values (B, N, ...) of lifted points at these places (b, r, ...)."""
        chosen, order, _ = self._fitting
        return values[chosen[:, None], order]

    def _unpacked(self, found: Any, crowded: float) -> Any:
        """What was found (b,) of those that are not crowded, with what it is of those that are (B,)."""
        (mid, rad), chosen = np.zeros((2, len(self.given))), self._fitting[0]
        mid[:] = crowded
        mid[chosen], rad[chosen] = found.mid, found.rad
        return MidRad(mid, rad)

    @cached_property
    def _rows(self) -> tuple[Any, Any, Any]:
        """The meta-features (b, r, D) of those that are not crowded, 0 where there is no mass, and what is near their
        right inverse, with their least singular value (b,)."""
        used = self._fitting[2]
        rows = self._packed(self.meta_features.reshape(len(self.given), -1, self.meta_features.shape[-1]))
        rows = MidRads.where(used[..., None], rows, 0.0)
        return rows, *right_inverse(rows, used)

    @cached_property
    def margin_full_row_rank(self) -> Any:
        """-1 of more meta-features than dimensions; else the least eigenvalue of M."""
        return self._unpacked(self._rows[2] ** 2, -1.0)

    @cached_property
    def min_norm_solution(self) -> Any:
        """||Phi^+ u||."""
        u = MidRads.where(self._fitting[2], self._packed(self.u.reshape(len(self.given), -1)), 0.0)
        rows, near, least = self._rows
        return self._unpacked(shortest(rows, u, near, least), np.nan)

    @cached_property
    def condition(self) -> Any:
        """Condition number of M."""
        rows, _, least = self._rows
        return self._unpacked(largest_eigenvalue(rows @ rows.swapaxes(1, 2)) / least**2, np.nan)

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
        found = MidRads.where(self._alike[..., None], 0.0, found)
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
        ends = (np.where(self._atoms, end, np.inf).min((1, 2, 3)) for end in (least.low, least.high))
        return MidRad.between(*ends)

    # --- margins: positive where an assumption holds --------------------------------------------------------

    @property
    def _still(self) -> Array:
        """Which instances do not adapt (B,)."""
        batch, size = self.given, len(self.given)
        frozen = np.zeros(size, bool) if batch.rates is None else (batch.rates.reshape(size, -1) == 0).all(1)
        return (batch.steps > 0) & ((batch.rate == 0) | frozen)

    @property
    def margin_outer_convexity(self) -> Any:
        """Of a loss that is not convex the divergence, which may be 0: there it is 1."""
        if self.batch.loss.profile.convex:
            return self._structural(True)
        return MidRads.where(zero(self.bregman), 1.0, self.bregman)

    @cached_property
    def margin_joints(self) -> Any:
        """Distance of what steps start from, under the inner laws, from the joints of the loss; 1 if it has none."""
        batch, profile = self.given, self.batch.loss.profile
        if not profile.joints:
            return self._structural(True)
        if not batch.steps:
            raise UnknownError("margin_joints")
        labels, _ = inner_law(batch)
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
