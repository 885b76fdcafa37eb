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
from ...batch_judge import UnknownError
from ...elementary import MidRads
from ...enclosed.infimum import misfit, misfit_l1
from ...enclosed.linear import applied, inverse, norm
from ...loss_ranges import LossRanges
from ...losses import Loss
from ...midrad import MidRad
from ..batch import Batch
from ..batch_quantities import BatchQuantities
from ..constants import StepConstants, small_step_margin
from . import taylor


def enclosed(batch: Batch) -> Batch:
    """The batch of the instances themselves (`Batch.instance`): its numbers exactly, masses and weights normalised.

    Errors: UnknownError for several outputs, for a loss with kinks, whose slopes are no numbers there, for a loss or an
    adaptation of one's own, whose formulas may be of what these numbers do not have.
    """
    if not isinstance(batch, Batch):
        raise UnknownError("instances of a user's own, one by one")
    if batch.loss.outputs > 1 or batch.loss.profile.kinked or batch.loss.profile.own or batch.rule:
        raise UnknownError("several outputs, kinks, an own loss or an own adaptation")
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
    ("gap", "pairing", "eps", "radius", "weight_norm", "misfit", "function_displacement", "mixed_weight_norm",
     "eps_first_order", "misfit_plain", "displacement")
)  # fmt: skip
"""The quantities whose text holds as it stands, in these numbers."""


class EnclosedQuantities(StepConstants, BatchQuantities):
    """The quantities of a batch by name. Errors of a call: UndefinedQuantityError, UnknownError."""

    m = MidRads

    def __init__(self, batch: Batch) -> None:
        self.given = batch
        super().__init__(enclosed(batch))
        self._used = (batch.weights[:, :, None, None] > 0) & (batch.masses > 0)

    def __call__(self, name: str) -> Any:
        if name not in FROM_TEXT and not any(name in vars(own) for own in (EnclosedQuantities, StepConstants)):
            raise UnknownError(name)
        return getattr(self, name)

    @property
    def _present(self) -> Array:
        return np.asarray((self.given.masses > 0).any(3))

    @property
    def zero(self) -> MidRad:
        return MidRad(np.zeros(len(self.given)))

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
        return np.asarray(self._used.any(3))

    @cached_property
    def misfit_l1(self) -> Any:
        weighted = MidRads.where(self._where, self.batch.weights[..., None] * self.slopes, 0.0)
        rows = (weighted[..., None] * self.meta_features).reshape(len(self.given), -1, self.features.shape[2])
        return misfit_l1(self.eps, rows, (weighted * self.u).reshape(len(self.given), -1))

    # --- the mixed form -------------------------------------------------------------------------------------

    @property
    def _inside(self) -> Array:
        batch = self.given
        masses = batch.masses if batch.support_masses is None else batch.support_masses
        return (batch.weights[:, :, None, None] > 0) & (masses > 0)

    @cached_property
    def margin_numerator_vanishes(self) -> Any:
        """The least |weight| over the mass, where none can be 0: else balls must tell."""
        _, weight, _, mass, used = self._mixed
        sizes = MidRads.magnitude(weight) / MidRads.where(used, mass, 1.0)
        low, high = (np.where(used, end, 1.0).min(1, initial=1.0) for end in (sizes.low, sizes.high))
        return MidRad.between(np.where(low > 0, low, np.nan), high)

    @cached_property
    def mixed_misfit(self) -> Any:
        psi, weight, target, mass, used = self._mixed
        root = MidRads.where(used, MidRads.sqrt(mass), 0.0)
        aims = target / MidRads.where(used, weight, 1.0)
        return misfit(root[..., None] * psi, root * aims, self.given.radius)[0]

    @cached_property
    def mixed_misfit_l1(self) -> Any:
        psi, weight, target, *_ = self._mixed
        return misfit_l1(self.eps, weight[..., None] * psi, target)

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

    def _structural(self, holds: Any) -> MidRad:
        return MidRad(np.where(np.broadcast_to(holds, len(self.given)), 1.0, -1.0))

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

    def _largest(self, values: Any, axis: int) -> MidRad:
        """The largest entry along an axis."""
        return MidRad.between(values.low.max(axis), values.high.max(axis))

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
