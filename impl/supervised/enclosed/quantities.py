r"""The quantities of a batch of linear models, in midpoint-radius numbers: each (B,), enclosed.

The text of `batch_quantities`, of several outputs that of `vector_batch`, is evaluated in other numbers. What is
written here is grad L by a route that knows no meta-feature (`taylor`), implicit steps by their residuals, and what the
searching engine has no need of.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ....theory.claim import UndefinedQuantityError
from ...arithmetic import Array
from ...elementary import MidRads
from ...enclosed.linear import inverse, largest_eigenvalue, norm
from ...enclosed.quantities import UnknownError
from ...losses import Loss
from ...midrad import MidRad
from ..batch import Batch, inner_law
from ..batch_quantities import BatchQuantities
from ..constants import StepConstants, small_step_margin
from ..vector_batch import LinearQuantities, VectorQuantities
from . import taylor
from .core import FROM_TEXT, CoreEnclosed


class EnclosedQuantities(CoreEnclosed, StepConstants, BatchQuantities):
    """The quantities of models with one output."""

    text = BatchQuantities
    proved = FROM_TEXT | {
        "displacement", "mixed_weight_norm", "remainder_constant", "jacobian_deviation", "smoothness"
    }  # fmt: skip

    # --- adaptation -----------------------------------------------------------------------------------------

    def _proximal(self, theta: Any) -> Any:
        """The proximal point (B, n, d): within ||F(t)|| of any t, F(t) = t - theta + grad R(t)/lambda (`maml`), for
        lambda > 0."""
        if not self.batch.loss.profile.convex:
            raise UndefinedQuantityError("the implicit step is defined for convex losses")
        if not (self.given.rate > 0).all():
            raise UnknownError("an implicit step whose lambda is not positive")
        near = MidRad(LinearQuantities(self.given)._proximal(theta.mid))
        pull = self._inner(1, self._predictions(near)) @ self.features
        rest = near - theta + pull / self.batch.rate[:, None, None]
        return near.within(norm(rest).high[..., None])

    def _jacobians_of(self, summed: Any, factor: Any = None) -> Any:
        if self.batch.steps:
            return super()._jacobians_of(summed, factor)
        d = self.features.shape[2]
        system = MidRad(np.eye(d)) + self._hessians(summed(2, self.after)) / self.batch.rate[:, None, None, None]
        return inverse(system)

    @cached_property
    def meta_features(self) -> Any:
        """phi_i(x)'J_i (B, n, k, D): of gradient steps through the steps, the last one first, without a Jacobian."""
        if not self.given.steps:
            return super().meta_features
        found = features = self.features[:, None]
        for z in reversed(self._on_the_way):
            moved = features @ (self._pace[:, None, None] * found).swapaxes(2, 3)
            bent = self._turned(self._inner(2, z), moved)
            found = self._shrunk[:, None, None] * found - bent.swapaxes(2, 3) @ features
        return found

    # --- grad L ---------------------------------------------------------------------------------------------

    @cached_property
    def gradient(self) -> Any:
        return taylor.gradient(self.batch, self.features, None if self.batch.steps else self._path[-1])

    # --- the mixed form -------------------------------------------------------------------------------------

    @cached_property
    def _mixed_points(self) -> Any:
        psi, weight, *others = self._mixed
        return psi, psi.times(weight), weight, *others

    @cached_property
    def _alone(self) -> tuple[Array, Any]:
        _, _, equal, used, task = self._merging
        size, there = len(self.given), np.broadcast_to(self._present, self.u.shape)[:, None, task]
        alone = used & (equal.astype(float) @ there == 1)
        u = MidRad(equal) @ MidRads.where(there, self.u[:, None, task], 0.0)
        return alone.reshape(size, -1), u.reshape(size, -1)

    # --- margins --------------------------------------------------------------------------------------------

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
    def _densities(self) -> tuple[Any, Any]:
        """p^s/p (B, n, k, l) at the atoms of supports of tasks of positive weight, else 1; which of them the outer law
        does not have. (p^s: the sum over slots with the atom's label; p likewise.)"""
        batch, inner = self.given, self._inside
        seen, own = (x if self._c > 1 else x[..., None] for x in (batch.support_labels, batch.labels))

        def of_atoms(labels: Array, masses: Any, some: Array) -> tuple[Any, Array]:
            alike = (seen[:, :, :, :, None] == labels[:, :, :, None]).all(5) & some[:, :, :, None]
            return (masses[:, :, :, None] * alike).sum(4), alike.any(4)

        mass, there = of_atoms(own, self.batch.masses, batch.masses > 0)
        density = of_atoms(seen, self.batch.support_masses, inner)[0] / MidRads.where(there, mass, 1.0)
        return MidRads.where(inner & there, density, 1.0), inner & ~there

    @cached_property
    def margin_dominated(self) -> Any:
        """-1 where an atom of a support has no mass under the outer law."""
        if self.given.steps != 1:
            return self._structural(False)
        if self.given.support_masses is None:
            return self.margin_small_step
        density, foreign = self._densities
        share, step, inner = self._largest(density, (1, 2, 3)).max(MidRad(1.0)), self._rate, self.support_feature_bound
        margin = small_step_margin(self._loss, step * inner * inner, step * inner * self.feature_bound, share, MidRads)
        return MidRads.where(foreign.any((1, 2, 3)), -1.0, MidRads.broadcast_to(margin, (len(self.given),)))

    @cached_property
    def margin_one_law(self) -> Any:
        """Both laws have mass 1: other ones differ at an atom of the support. The same ones may be in other numbers."""
        if self.given.support_masses is None:
            return self._structural(True)
        density, foreign = self._densities
        other = (foreign | (density.low > 1) | (density.high < 1)).any((1, 2, 3))
        return MidRad(np.where(other, -1.0, 1.0), np.where(other, 0.0, np.inf))

    @property
    def margin_smooth(self) -> Any:
        constants = self.batch.loss.constants()
        bend = constants.m3 is not None and (constants.m3.is_zero() or constants.m1 is not None)
        return self._structural(self.given.steps == 1 and constants.m2 is not None and bend)

    # --- C7 -------------------------------------------------------------------------------------------------

    @property
    def _only(self) -> tuple[Array, Array]:
        """The place of the task of an instance that has one."""
        return np.arange(len(self.given)), self.given.weights.argmax(1)

    def _of_one(self, value: MidRad) -> MidRad:
        """Of instances with several tasks nothing is said: balls say that it is undefined."""
        return MidRad(value.mid, np.where((self.given.weights > 0).sum(1) == 1, value.rad, np.inf))

    @cached_property
    def adapted_displacement(self) -> Any:
        if self.batch.rival is None:
            raise UndefinedQuantityError("the comparator is given by functions, not by a parameter")
        rival = self.adapt(self.batch.rival.reshape(*self._omega.shape))[-1]
        moved = MidRads.broadcast_to(self._path[-1] - rival, (*self.given.weights.shape, *rival.shape[2:]))
        return self._of_one(norm(moved[self._only].reshape(len(self.given), -1)))

    @cached_property
    def jacobian_min(self) -> Any:
        """1/||J^{-1}||."""
        inverted = inverse(self.jacobians[self._only])
        return self._of_one(1 / MidRads.sqrt(largest_eigenvalue(inverted.swapaxes(1, 2) @ inverted)))

    @property
    def jacobian_inverse(self) -> Any:
        return 1 / self.jacobian_min

    @property
    def margin_invertible_jacobian(self) -> Any:
        return self.jacobian_min

    # --- points that the corollaries need -------------------------------------------------------------------

    def _longest(self, masses: Array) -> MidRad:
        """The largest ||phi(x)|| (B,) of points with mass in a task of positive weight."""
        used = np.asarray(((self.given.weights[:, :, None, None] > 0) & (masses > 0)).any((1, 3)))
        return self._largest(MidRads.where(used, self._lengths(self.batch.features), 0.0), 1)

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
        """eta r_j (B, .)."""
        if not self.given.steps:
            raise UndefinedQuantityError("the adaptation is not by gradient steps")
        rate: Any = self.batch.rate[:, None]
        return rate if self.batch.rates is None else rate * self.batch.rates.reshape(len(self.given), -1)

    @property
    def _rate(self) -> Any:
        return self._largest(abs(self._rates), 1)

    @property
    def _paces(self) -> tuple[Any, Any]:
        high, low = self._largest(self._rates, 1), -self._largest(-self._rates, 1)
        return (low + high) / 2, (high - low) / 2

    @cached_property
    def descent(self) -> Any:
        """L(omega) - L(omega - grad L/beta); 0 where beta is."""
        beta = self.smoothness
        still = MidRads.broadcast_to(beta, (len(self.given),)).size == 0
        step = self.gradient / MidRads.where(still, 1.0, beta)[:, None]
        after = self._predictions(self.adapt(self._omega - step[:, None])[-1])
        fall = self.meta_objective - (self.batch.weights[..., None] * self._summed(0, after)).sum((1, 2))
        return MidRads.where(still, 0.0, fall)

    @cached_property
    def curvature_size(self) -> Any:
        """|v'Hess L v| for the gradient's direction v, of gradient steps: second derivatives along omega + t v."""
        if not self.given.steps or self.batch.loss.profile.joints:
            raise UnknownError("curvature_size")

        def bent(curves: Any, values: Any) -> Any:
            return self._turned(curves, values[..., None])[..., 0]

        pace, shrunk, zero = self._pace[:, None], self._shrunk[:, None], MidRad(np.zeros(self._omega.shape))
        first, second = self._steepest[:, None], zero
        for z in self._on_the_way:
            moved, curves = self._predictions(first), self._inner(2, z)
            turned = bent(self._turns(z, moved), moved) + bent(curves, self._predictions(second))
            first = shrunk * first - pace * (bent(curves, moved) @ self.features)
            second = shrunk * second - pace * (turned @ self.features)
        moved = self._predictions(first)
        found = bent(self._summed(2, self.after), moved) * moved + self.slopes * self._predictions(second)
        return abs((self.batch.weights * found.sum(2)).sum(1))

    @cached_property
    def feature_bound(self) -> Any:
        return self._longest(self.given.masses)

    @cached_property
    def support_feature_bound(self) -> Any:
        return self._longest(inner_law(self.given)[1])


class EnclosedVectorQuantities(EnclosedQuantities, VectorQuantities):
    """Those of models with several outputs."""

    text = VectorQuantities


def enclosed_quantities(batch: Any) -> EnclosedQuantities:
    """The quantities of a batch of linear models. Errors: UnknownError for instances that are no arrays."""
    if not isinstance(batch, Batch):
        raise UnknownError("instances of a user's own, one by one")
    return (EnclosedQuantities if batch.loss.outputs == 1 else EnclosedVectorQuantities)(batch)
