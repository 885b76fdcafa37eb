r"""The quantities of a batch of linear models with one output, in midpoint-radius numbers: each (B,), enclosed.

The text of `batch_quantities` is evaluated in other numbers; what is written here is what floats alone may not say:
grad L by a route that knows no meta-feature (`taylor`), infima from both sides, implicit steps by their residuals, and
what the searching engine has no need of. `UnknownError` is of what is left to balls.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ....theory.claim import UndefinedQuantityError
from ...arithmetic import Array
from ...elementary import MidRads
from ...enclosed.linear import inverse, norm
from ...enclosed.quantities import Enclosed, UnknownError, normalised
from ...loss_ranges import LossRanges
from ...losses import Loss
from ...midrad import MidRad
from ..batch import Batch
from ..batch_quantities import BatchQuantities
from ..constants import StepConstants, small_step_margin
from . import taylor


def enclosed(batch: Batch) -> Batch:
    """The batch of the instances themselves (`Batch.instance`): its numbers exactly, masses and weights normalised.

    Errors: UnknownError for several outputs, for a loss with kinks, whose slopes are no numbers there, and for one of a
    user's own, whose formulas may be of what these numbers do not have.
    """
    if not isinstance(batch, Batch):
        raise UnknownError("instances of a user's own, one by one")
    if batch.loss.outputs > 1 or batch.loss.profile.kinked or batch.loss.profile.own:
        raise UnknownError("several outputs, kinks, or an own loss")
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
    ("gap", "pairing", "eps", "radius", "weight_norm", "misfit", "function_displacement", "mixed_weight_norm",
     "eps_first_order", "misfit_plain", "displacement")
)  # fmt: skip
"""The quantities whose text holds as it stands, in these numbers."""


class EnclosedQuantities(Enclosed, StepConstants, BatchQuantities):
    """The quantities of a batch by name. Errors of a call: UndefinedQuantityError, UnknownError."""

    text = BatchQuantities
    proved = FROM_TEXT

    def __init__(self, batch: Batch) -> None:
        self.given = batch
        super().__init__(enclosed(batch))
        self._used = (batch.weights[:, :, None, None] > 0) & (batch.masses > 0)

    @property
    def _present(self) -> Array:
        return np.asarray((self.given.masses > 0).any(3))

    # --- adaptation -----------------------------------------------------------------------------------------

    def _proximal(self, theta: Any) -> Any:
        """The proximal point (B, n, d): within ||F(t)|| of any t, F(t) = t - theta + grad R(t)/lambda (`maml`)."""
        if not self.batch.loss.profile.convex:
            raise UndefinedQuantityError("the implicit step is defined for convex losses")
        near = MidRad(BatchQuantities(self.given)._proximal(theta.mid))
        pull = self._inner(1, self._predictions(near)) @ self.features
        rest = near - theta + pull / self.batch.rate[:, None, None]
        return near.within(norm(rest).high[..., None])

    def _jacobians_of(self, summed: Any, factor: Any = None) -> Any:
        if self.batch.steps:
            return super()._jacobians_of(summed, factor)
        d = self.features.shape[2]
        system = MidRad(np.eye(d)) + self._hessians(summed(2, self.after)) / self.batch.rate[:, None, None, None]
        return inverse(system)

    # --- grad L and its infima ------------------------------------------------------------------------------

    @cached_property
    def gradient(self) -> Any:
        return taylor.gradient(self.batch, None if self.batch.steps else self._path[-1])

    @property
    def _where(self) -> Array:
        """Where there is mass (B, n, k), in tasks of positive weight."""
        return np.asarray(self._used.any(3))

    @property
    def _weighted(self) -> Any:
        return self.batch.weights[..., None] * self.slopes

    # --- the mixed form -------------------------------------------------------------------------------------

    @property
    def _inside(self) -> Array:
        batch = self.given
        masses = batch.masses if batch.support_masses is None else batch.support_masses
        return (batch.weights[:, :, None, None] > 0) & (masses > 0)

    @cached_property
    def _mixed_points(self) -> Any:
        psi, weight, *others = self._mixed
        return psi, weight[..., None] * psi, weight, *others

    # --- divergences ----------------------------------------------------------------------------------------

    @cached_property
    def bregman(self) -> Any:
        """By its definition, atom by atom."""
        z, h = self.after[..., None], self.comparator[..., None]
        found = self.batch.loss.bregman(MidRads, z, h, self.batch.labels)
        return (self.batch.weights[:, :, None, None] * self.batch.masses * found).sum((1, 2, 3))

    @cached_property
    def strong_convexity(self) -> Any:
        """The least ell'' on the segments between z and h'; a loss of one's own need not be convex elsewhere."""
        if not (self.batch.loss.profile.convex or self.batch.loss.profile.own):
            raise UndefinedQuantityError("the loss is not convex")
        labels = self.given.labels
        z, h = (MidRads.broadcast_to(values[..., None], labels.shape) for values in (self.after, self.comparator))
        least = LossRanges(self.batch.loss, MidRad(labels)).least(2, z, h)
        ends = (np.where(self._used, end, np.inf).min((1, 2, 3)) for end in (least.low, least.high))
        return MidRad.between(*ends)

    # --- margins: positive where an assumption holds --------------------------------------------------------

    @property
    def _still(self) -> Array:
        """Which instances do not adapt (B,)."""
        batch = self.given
        frozen = np.zeros(len(batch), bool) if batch.rates is None else (batch.rates == 0).all(1)
        return (batch.steps > 0) & ((batch.rate == 0) | frozen)

    @property
    def margin_outer_convexity(self) -> Any:
        return self._structural(True) if self.batch.loss.profile.convex else self.bregman

    @cached_property
    def margin_differentiability(self) -> Any:
        """Distance of what steps start from, under the inner laws, from the joints of the loss; 1 if it has none."""
        batch, profile = self.given, self.batch.loss.profile
        if not profile.joints:
            return self._structural(True)
        if not batch.steps:
            raise UnknownError("margin_differentiability")
        labels, met = self._inner_atoms(batch)[0], self._inside
        least = [np.ones((2, len(batch)))]
        for z in self._on_the_way:
            joint = self.batch.loss.joint_distance(z[..., None], labels, MidRads)
            least.append(np.array([np.where(met, end, np.inf).min((1, 2, 3)) for end in (joint.low, joint.high)]))
        low, high = np.where(self._still, 1.0, np.min(least, axis=0))
        return MidRad.between(low, high)

    @property
    def margin_one_gradient_step(self) -> Any:
        return self._structural(self.given.steps == 1)

    @property
    def margin_parameter_comparator(self) -> Any:
        return self._structural(self.given.functions is None)

    @property
    def margin_squared_loss(self) -> Any:
        return self._structural(self.batch.loss.name == "squared")

    @property
    def margin_third_derivative(self) -> Any:
        constants, steps = self.batch.loss.constants(), self.given.steps
        convex = steps > 0 or self.batch.loss.profile.convex
        return self._structural(constants.m3 is not None and (steps == 1 or constants.m2 is not None) and convex)

    @property
    def margin_no_adaptation(self) -> Any:
        return self._structural(self._still)

    @property
    def margin_bounded_curvature(self) -> Any:
        return self._structural(self.batch.loss.constants().m2 is not None)

    @property
    def margin_single_task(self) -> Any:
        return self._structural((self.given.weights > 0).sum(1) == 1)

    @property
    def margin_no_decay(self) -> Any:
        decay = self.given.decay
        return self._structural(decay is None or self.given.steps == 0 or (decay == 0) | self._still)

    @cached_property
    def margin_small_step(self) -> Any:
        if self.given.steps != 1:
            return self._structural(False)
        longest = self.feature_bound.max(self.support_feature_bound)
        margin = small_step_margin(self._loss, self._rate * longest * longest, m=MidRads)
        return MidRads.broadcast_to(margin, (len(self.given),))

    @cached_property
    def margin_dominated(self) -> Any:
        if self.given.steps != 1:
            return self._structural(False)
        if self.given.support_masses is not None:
            raise UnknownError("margin_dominated")
        return self.margin_small_step

    @property
    def margin_full_row_rank(self) -> Any:
        """Of more meta-features than parameters; what fewer are is left to balls."""
        crowded = self._where.sum((1, 2)) > self.features.shape[2]
        return MidRad(np.where(crowded, -1.0, np.nan))

    @property
    def margin_one_law(self) -> Any:
        if self.given.support_masses is not None:
            raise UnknownError("margin_one_law")
        return self._structural(True)

    @property
    def margin_smooth(self) -> Any:
        constants = self.batch.loss.constants()
        bend = constants.m3 is not None and (constants.m3.is_zero() or constants.m1 is not None)
        return self._structural(self.given.steps == 1 and constants.m2 is not None and bend)

    # --- points that the corollaries need -------------------------------------------------------------------

    def _longest(self, masses: Array) -> MidRad:
        """The largest ||phi(x)|| (B,) of points with mass in a task of positive weight."""
        used = np.asarray(((self.given.weights[:, :, None, None] > 0) & (masses > 0)).any((1, 3)))
        return self._largest(MidRads.where(used, self._lengths(self.features), 0.0), 1)

    @property
    def _loss(self) -> Loss:
        return self.batch.loss

    @property
    def _step_count(self) -> int:
        return self.given.steps

    @property
    def _strength(self) -> Any:
        return self.batch.rate

    @property
    def _decay(self) -> Any:
        return self.zero if self.batch.decay is None else self.batch.decay

    @cached_property
    def _rates(self) -> MidRad:
        """eta r_j (B, d)."""
        if not self.given.steps:
            raise UndefinedQuantityError("the adaptation is not by gradient steps")
        rate: Any = self.batch.rate[:, None]
        rates: MidRad = rate if self.batch.rates is None else rate * self.batch.rates
        return rates

    @property
    def _rate(self) -> Any:
        return self._largest(abs(self._rates), 1)

    @property
    def _paces(self) -> tuple[Any, Any]:
        high, low = self._largest(self._rates, 1), -self._largest(-self._rates, 1)
        return (low + high) / 2, (high - low) / 2

    @cached_property
    def descent(self) -> Any:
        """L(omega) - L(omega - grad L/beta)."""
        step = self.gradient / self.smoothness[:, None]
        after = self._predictions(self.adapt(self._omega - step[:, None])[-1])
        return self.meta_objective - (self.batch.weights[..., None] * self._summed(0, after)).sum((1, 2))

    @cached_property
    def feature_bound(self) -> Any:
        return self._longest(self.given.masses)

    @cached_property
    def support_feature_bound(self) -> Any:
        masses = self.given.support_masses
        return self._longest(self.given.masses if masses is None else masses)
