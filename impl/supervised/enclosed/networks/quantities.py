r"""The quantities of a batch of two-layer networks, in midpoint-radius numbers: each (B,), enclosed.

The text of the searching engine is evaluated in other numbers; what is written here is grad L by a route that knows no
meta-feature (`taylor`), the largest singular value of features' change, and what the text decides by comparing floats.

ReLU: sigma' is known where a neuron's drive is certainly positive, or not; elsewhere it is enclosed by [0, 1], and its
derivative, and so grad L, is no number. Inputs that are 0 drive no neuron.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ....arithmetic import Array
from ....elementary import MidRads
from ....enclosed.quantities import EnclosedStart, UnknownError, pattern_rank
from ....midrad import GUARD, MidRad, U, zero
from ...batch import inner_law
from ...relu.batch import NetworkBatch
from ...relu.batch_quantities import NetworkBatchQuantities
from ...smooth.batch_quantities import SmoothBatchQuantities
from ..core import FROM_TEXT, CoreEnclosed
from . import taylor

WIDEST = 512
"""Neurons of a ReLU network beyond which balls are faster."""


class EnclosedNetworkQuantities(EnclosedStart, CoreEnclosed, NetworkBatchQuantities):
    """What networks of any activation have."""

    text = NetworkBatchQuantities
    proved = FROM_TEXT | {
        "eps_init", "misfit_init", "gradient_difference", "error_trace", "linearisation", "displacement_init",
        "eps_projected", "misfit_projected",
    }  # fmt: skip

    def __init__(self, batch: Any) -> None:
        if not isinstance(batch, NetworkBatch):
            raise UnknownError("instances of a user's own, one by one")
        super().__init__(batch)

    @cached_property
    def gradient(self) -> Any:
        return taylor.gradient(self.batch, self._path)

    @property
    def margin_convex_inner(self) -> Any:
        return self._structural(self.batch.loss.profile.convex)

    @property
    def _slowest_and_fastest(self) -> tuple[Any, Any]:
        low, high = super()._slowest_and_fastest
        return MidRad(low), MidRad(high)

    @property
    def _block_count(self) -> int:
        return int(self.given.signs.shape[2])

    @property
    def _crowded(self) -> Array:
        """Also where a point is 0, and where a task has two points, or two tasks that adapt alike (from one law, of
        smooth networks also not at all) have one each, at inputs that are the same, of odd networks but for their
        sign: features there are the same but for their sign."""
        batch, (labels, masses) = self.given, inner_law(self.given)
        size, count = batch.weights.shape
        kept = np.where((masses > 0).reshape(*masses.shape, *(1,) * (labels.ndim - 4)), labels, 0.0)
        laws = np.concatenate([table.reshape(size, count, -1) for table in (kept, masses)], 2)
        alike = (laws[:, :, None] == laws[:, None]).all(3) | ((batch.rate == 0) & (not self._sigma.kinked))[
            :, None, None
        ]
        met, x = self._atoms.any(3), batch.features
        equal = (x[:, :, None] == x[:, None]).all(3)
        if self._sigma.odd:
            equal |= (x[:, :, None] == -x[:, None]).all(3)
        shared = (1.0 * met) @ equal @ met.swapaxes(1, 2) - np.eye(count) * met.sum(2)[..., None]
        nothing = (met & ~self._moving[:, None]).any((1, 2))
        return super()._crowded | nothing | (alike & (shared > 0)).any((1, 2))

    @cached_property
    def _moving(self) -> Array:
        """Which inputs are not 0 (B, k)."""
        return np.asarray((self.given.features != 0).any(2))


class EnclosedSmoothQuantities(EnclosedNetworkQuantities, SmoothBatchQuantities):
    """Those of a smooth activation."""

    text = SmoothBatchQuantities
    proved = EnclosedNetworkQuantities.proved | {
        "error_pointwise", "error_ball", "linearisation_taylor", "linearisation_ball"
    }  # fmt: skip

    @cached_property
    def _linear_errors(self) -> Any:
        """0 where W is W0."""
        still = (self.given.omega == self.given.initial).all((1, 2))[:, None]
        return MidRads.where(still, 0.0, super()._linear_errors)


class EnclosedReluQuantities(EnclosedNetworkQuantities):
    """Those of ReLU networks, off their kinks."""

    proved = EnclosedNetworkQuantities.proved | {"error_flips", "error_count", "linearisation_bound"}

    def __init__(self, batch: Any) -> None:
        super().__init__(batch)
        if batch.signs.shape[2] > WIDEST:
            raise UnknownError("balls count patterns, arrays have a number for every neuron")

    def _drive(self, weights: Any) -> Any:
        return MidRads.where(self._moving[:, None, :, None], super()._drive(weights), 0.0)

    @property
    def _crowded(self) -> Array:
        """Also where a task's features are too many for its patterns, which J_i, one map, does not change; where those
        of tasks whose patterns stay those at W, and lie in the span of all features there, are; or where a feature has
        no neuron."""
        x, met = self.given.features, self._atoms.any(3)
        gates: list[Any] = [self._gates(at) for at in self._path]
        calm = np.all(np.broadcast_arrays(*(zero(gate - gates[0]).all((2, 3)) for gate in gates)), axis=0)
        ranks = pattern_rank(gates[0][:, 0], x, np.ones(x.shape[:2], dtype=bool))
        many = (met & calm[..., None]).sum((1, 2)) > ranks
        last = MidRads.broadcast_to(gates[-1], (*met.shape, gates[-1].shape[3]))
        own = pattern_rank(last, np.broadcast_to(x[:, None], (*met.shape, x.shape[2])), met)
        dead = (self._where & self._each(zero(gates[-1]).all(3))).any((1, 2))
        return super()._crowded | dead | (met.sum(2) > own).any(1) | (many & (not self._mixing))

    @cached_property
    def _feature_change(self) -> Any:
        """0 of a task at none of whose iterates a neuron has another gate than at W0: phi is made from gates, and from
        what phi_0 is made from."""
        calm = np.all(np.broadcast_arrays(*(zero(counts) for counts in self._flips)), axis=0).all(2)
        return MidRads.where(calm[:, :, None, None], 0.0, super()._feature_change)

    @cached_property
    def _linear_errors(self) -> Any:
        """0 where no gate at W is another than at W0: f(x; W) is phi_W(x)'W."""
        return MidRads.where(zero(self._flips[0][:, 0]), 0.0, super()._linear_errors)

    @cached_property
    def eps_formal(self) -> Any:
        return self._lengths(self._paired(self.meta_features))

    @cached_property
    def margin_differentiability(self) -> Any:
        """The least |W_r'x|, if it is less than the distance of the joints of the loss: over iterates, neurons and
        inputs but 0 with mass in the law that comes next; at W in any, also of tasks of weight 0, as balls have it."""
        batch = self.given
        inner, outer = (law.any(3) & self._moving[:, None] for law in (self._inside, self._atoms))
        first = ((inner_law(batch)[1] > 0).any((1, 3)) & self._moving)[:, None]
        laws = [first, *[inner] * (batch.steps - 1), outer]
        least = self.margin_joints
        for weights, met in zip(self._path, laws, strict=True):
            drive = MidRads.magnitude(self._drive(weights))
            ends = (np.where(met[..., None], end, np.inf) for end in (drive.low, drive.high))
            low, high = (np.minimum(end.min((1, 2, 3)), 1.0) for end in ends)
            least = least.min(MidRad.between(low, high))
        return least

    @cached_property
    def _nearness(self) -> Any:
        """a_r(x) (B, k, m); 0 at x = 0, where all that it enters is multiplied by ||x||."""
        size = self._lengths(self.features)[..., None]
        near = MidRads.magnitude(self._drive(self._start)[:, 0])
        return near / MidRads.where(self._moving[..., None], size, 1.0)

    def _counts(self, budget: Any, power: int = 2) -> Any:
        """k*(B) (B, t, k) for budgets (B, t): the k-th smallest number lies between the k-th smallest ends, and so do
        sums, which err by at most m u of themselves and an underflow."""
        near, most = self._nearness, budget**power
        slack = (4 * near.shape[2] + 8) * U
        sums = (np.cumsum(np.sort(np.maximum(end, 0.0), 2) ** power, 2)[:, None] for end in (near.low, near.high))
        low, high = (total * (1 + side * slack) + side * GUARD for total, side in zip(sums, (-1, 1), strict=True))
        fewest = (high <= most.low[:, :, None, None]).sum(3)
        beyond = (low > most.high[:, :, None, None]).sum(3)
        return self._each(MidRad.between(1.0 * fewest, 1.0 * near.shape[2] - beyond))

    @cached_property
    def linearisation_worst(self) -> Any:
        """At a point max_{+-} max_K [B ||x|| sqrt K - (the sum of the K smallest |W0_r'x| of that sign)], at least 0.
        Such a sum lies between those of the ends, each of which errs by less than m u of itself; of more neurons than
        have the sign it is infinite. What is above 0 of a difference errs by u of itself."""
        size, near = self._size[:, 0], MidRads.magnitude(self._drive(self._start)[:, 0])
        count = near.shape[2]
        counts, slack = MidRads.sqrt(MidRad(np.arange(1.0, count + 1))), (4 * count + 8) * U
        rise = (self.displacement_init[:, None] * size)[..., None] * counts
        low, high = np.zeros((2, *size.shape))
        for sign in (1, -1):
            own = self.given.signs[:, None] == sign
            ends = (np.where(own, end[:, :, None], np.inf) for end in (np.maximum(near.low, 0.0), near.high))
            least, most = (np.cumsum(np.sort(end, axis=3), axis=3).reshape(rise.shape) for end in ends)
            low = np.maximum(low, (rise.low - most * (1 + slack)).max(2))
            high = np.maximum(high, (rise.high - least * (1 - slack)).max(2))
        return self._over_points(self._shrink * MidRad.between(low * (1 - 4 * U), high * (1 + 4 * U)))
