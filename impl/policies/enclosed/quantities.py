r"""The quantities of a batch of linear policies, in midpoint-radius numbers: each (B,), enclosed.

The text of `batch_quantities` is evaluated in other numbers; what is written here is what floats alone may not say:
visitations by elimination that cancels nothing, grad L by a route that knows no meta-feature (`taylor`), infima from
both sides, and what the searching engine has no need of. What is left to balls raises UnknownError.

Policies. exp(x - t) normalised is the softmax of x for every number t, so t may be proposed (the largest midpoint).
A probability whose lower end is not positive, or a visitation of a state that is visited, makes what is divided by it
no number: it decides nothing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ....theory.claim import UndefinedQuantityError
from ...arithmetic import Array
from ...elementary import MidRads
from ...enclosed.duals import Dual
from ...enclosed.linear import norm, visitations
from ...enclosed.quantities import Enclosed, UnknownError, laid_out, normalised
from ...midrad import MidRad
from ..batch import Batch
from ..batch_quantities import BatchQuantities
from ..constants import lipschitz, lookahead, smoothness
from ..instance import Adaptation
from . import taylor

MIXED = ("margin_numerator_vanishes", "mixed_weight_norm", "mixed_misfit", "mixed_misfit_l1")
"""What balls make of both policies' densities, also where there is nothing to divide or to approximate."""
ROUNDS, SLACK = 40, 1e-12
"""Of policy iteration: rounds at most, and the share of Q below which a gain is rounding."""


def enclosed(batch: Batch) -> Batch:
    """The batch of the instances themselves (`Batch.instance`): its numbers exactly, shares normalised.

    Errors: UnknownError for what is no batch of numbers.
    """
    if not isinstance(batch, Batch):
        raise UnknownError("instances of a user's own, one by one")
    axes = {"transitions": (4,), "start": (2,), "policies": (3,), "weights": (1,)}
    numbers: dict[str, Any] = {}
    for name, value in vars(batch).items():
        if isinstance(value, np.ndarray):
            numbers[name] = normalised(value, axes[name]) if name in axes else MidRad(value)
    return replace(batch, **numbers)


class EnclosedQuantities(Enclosed, BatchQuantities):
    """The quantities of a batch by name. Errors of a call: UndefinedQuantityError, UnknownError."""

    text: type = BatchQuantities
    proved = frozenset(
        ("gap", "pairing", "eps", "radius", "weight_norm", "misfit", "function_displacement", "mixed_weight_norm",
         "eps_first_order", "misfit_plain", "weight_bound")
    )  # fmt: skip

    def __init__(self, batch: Batch) -> None:
        batch = laid_out(batch)
        super().__init__(enclosed(batch))
        self.given = batch

    def __call__(self, name: str) -> Any:
        """The quantity of that name; of the mixed form no numbers where there may be no policies, whose gap is none."""
        found = super().__call__(name)
        return found if name not in MIXED else MidRads.where(np.isfinite(self.gap.rad), found, np.nan)

    # --- policies and values ----------------------------------------------------------------------------------

    def _visitations(self, chain: Any) -> Any:
        return visitations(chain, self.batch.gamma)

    def adapted_from(self, prior: Any, theta: Any) -> Any:
        """No numbers where a rational step may make a probability of a task of positive weight negative, at omega or at
        the comparator: balls tell."""
        found = super().adapted_from(prior, theta)
        if self.given.adaptation is not Adaptation.RATIONAL_STEP:
            return found
        doubtful = ~(found.low >= 0).all((2, 3), keepdims=True) & (self.given.weights > 0)[..., None, None]
        return MidRads.where(doubtful, np.nan, found)

    def _top(self, values: Any) -> Array:
        return np.asarray(values.mid.max(-1, keepdims=True))

    @cached_property
    def gradient(self) -> Any:
        """0 where no task has a choice: no return depends on the policy."""
        still = ~self._choices.any((1, 2))[:, None]
        return MidRads.where(still, 0.0, taylor.gradient(self.batch, self._energies_along))

    @property
    def _energies_along(self) -> Dual:
        """The prior's energies, with their slopes along every parameter."""
        return taylor.linear_energies(self.batch)

    @property
    def adapted_return(self) -> Any:
        return self.meta_objective

    @cached_property
    def prior_return(self) -> Any:
        return self._mean_return(self.prior)

    @cached_property
    def optimal_return(self) -> Any:
        """sum_i q_i J_i*: V <= V* <= V + max(TV - V)/(1-gamma) for the values V of any policy, here a proposed one, of
        which max_a Q - V <= max A is what one step gains."""
        side = self.side(MidRad(self._proposed_choices()))
        value = (self.batch.start * side.value).sum(2)
        excess = self._largest(side.advantage, (2, 3)).max(MidRad(0.0))
        most = value + excess / self.rest
        return (self.batch.weights * MidRad.between(value.low, most.high)).sum(1)

    def _proposed_choices(self) -> Array:
        """Optimal actions (B, n, S, A) by policy iteration in floats."""
        at = self.text(self.given)
        units, choice = np.eye(self.given.shape[2]), at.prior.q.argmax(3)
        for _ in range(ROUNDS):
            q = at.side(units[choice]).q
            best = q.argmax(3)
            gain = q.max(3) - np.take_along_axis(q, choice[..., None], 3)[..., 0]
            better = gain > SLACK * np.abs(q).max((2, 3))[..., None]
            if not better.any():
                break
            choice = np.where(better, best, choice)
        return units[choice]

    # --- the lifted space -------------------------------------------------------------------------------------

    @property
    def _where(self) -> Array:
        """Where a positive policy goes, in tasks of positive weight (B, n, S, A)."""
        return np.broadcast_to(self.reachable[..., None], self.given.rewards.shape)

    @cached_property
    def _weighted(self) -> Any:
        return self.mass * self.w

    # --- the mixed form ---------------------------------------------------------------------------------------

    def _met(self, mass: Any) -> Array:
        return self._mixture(self.reachable)

    def _mixture(self, states: Array) -> Array:
        """Which points (s, a, s', a') some task has from these states (B, n, S) (B, T)."""
        ahead = ((self.given.transitions > 0)[..., None] & self.onward[:, :, None, None]).any(4)
        met = (states[..., None, None] & ahead).any(1)
        pairs = np.broadcast_to(met[..., None], (*met.shape, met.shape[2]))
        return pairs.reshape(len(met), -1)

    @cached_property
    def _mixed_points(self) -> Any:
        """Where no task has a choice weight, target and pull are 0: hypothesis (D) holds there, and nothing is added to
        either infimum."""
        pull, weight, target, mass = self._mixed
        used = self._mixture(self._choices)
        pull, target = pull.where(used), MidRads.where(used, target, 0.0)
        return pull.times(1 / MidRads.where(used, weight, 1.0)), pull, weight, target, mass, used

    # --- constants --------------------------------------------------------------------------------------------

    @property
    def _span(self) -> Any:
        rewards = self.given.rewards
        return MidRad(rewards.max((2, 3))) - MidRad(rewards.min((2, 3)))

    @cached_property
    def _ahead(self) -> Any:
        """|eta| gamma_i span_i/(2(1-gamma_i)) (B, n)."""
        return lookahead(MidRads.magnitude(self.batch.eta)[:, None], self.batch.gamma, self._span)

    @cached_property
    def contraction_margin(self) -> Any:
        """Of the tasks of positive weight."""
        used = self.given.weights > 0
        return 1 - self._largest(MidRads.where(used, self._ahead, 0.0), 1)

    @cached_property
    def _half_width(self) -> Any:
        """max ||phi(s,a) - phi(s,b)||/(2 tau) (B,)."""
        features = self.batch.features
        steps = norm(features[:, :, :, None] - features[:, :, None])
        return self._largest(steps, (1, 2, 3)) / (2 * self.batch.tau)

    @cached_property
    def lipschitz(self) -> Any:
        terms = lipschitz(self._half_width[:, None], self.batch.gamma, self._span, self._ahead)
        return (self.batch.weights * terms).sum(1)

    @cached_property
    def smoothness(self) -> Any:
        terms = smoothness(self._half_width[:, None], self.batch.gamma, self._span, self._ahead)
        return (self.batch.weights * terms).sum(1)

    @cached_property
    def curvature_size(self) -> Any:
        """|v'Hess L v|/||v||^2."""
        if self.given.adaptation is not Adaptation.KL_STEP:
            raise UnknownError("curvature_size")
        return abs(taylor.curvature(self.batch, self._energies_along, self._steepest))

    @cached_property
    def tabular_norm(self) -> Any:
        spread = self._largest(self.u, 3) + self._largest(-self.u, 3)
        most = self._largest(MidRads.where(self.reachable, spread, 0.0), (1, 2))
        _, states, actions, _ = self.given.shape
        return self.batch.tau * MidRads.sqrt(MidRad(float(states * actions))) * most

    @cached_property
    def slope_to_comparator(self) -> Any:
        if self.given.rival is None:
            raise UndefinedQuantityError("the comparator is given by policies, not by a parameter")
        return (self.gradient * (self.batch.rival - self.batch.omega)).sum(1)

    # --- margins: positive where an assumption holds ----------------------------------------------------------

    @cached_property
    def margin_positive_policy(self) -> Any:
        """1 for softmax policies; the smallest 1 + eta Q_i for the rational step."""
        batch = self.given
        if batch.adaptation is not Adaptation.RATIONAL_STEP:
            return self._structural(True)
        tilts = 1 + self.batch.eta[:, None, None, None] * self.prior.q
        used = (batch.weights > 0)[..., None, None]
        ends = (np.where(used, end, np.inf).min((1, 2, 3)) for end in (tilts.low, tilts.high))
        return MidRads.where(batch.eta == 0, 1.0, MidRad.between(*ends))

    def _adapts_by(self, *steps: Adaptation) -> MidRad:
        return self._structural(self.given.adaptation in steps)

    @property
    def margin_policy_step(self) -> Any:
        return self._adapts_by(Adaptation.KL_STEP, Adaptation.RATIONAL_STEP)

    @property
    def margin_kl_step(self) -> Any:
        return self._adapts_by(Adaptation.KL_STEP)

    @property
    def margin_rational_step(self) -> Any:
        return self._adapts_by(Adaptation.RATIONAL_STEP)

    @property
    def margin_forward_step(self) -> Any:
        return self.batch.eta

    @property
    def margin_no_backward_step(self) -> Any:
        return self._structural(self.given.eta >= 0)

    @property
    def margin_no_lookahead(self) -> Any:
        batch = self.given
        myopic = ((batch.gamma == 0) | (batch.weights == 0)).all(1) & (batch.adaptation is not Adaptation.GRADIENT)
        return self._structural((batch.eta == 0) | myopic)

    @property
    def margin_single_task(self) -> Any:
        return self._structural((self.given.weights > 0).sum(1) == 1)

    @property
    def margin_tabular(self) -> Any:
        rows = self.given.features.reshape(len(self.given), -1, self.given.shape[3])
        units = np.isin(rows, (0.0, 1.0)).all((1, 2)) & (rows.sum(2) == 1).all(1) & (rows.sum(1) == 1).all(1)
        return self._structural(units & (rows.shape[1] == rows.shape[2]))

    @property
    def margin_contraction(self) -> Any:
        return self.contraction_margin

    @property
    def margin_one_state(self) -> Any:
        return self._structural(self.given.shape[1:] == (1, 2, 1))

    @property
    def margin_parameter_comparator(self) -> Any:
        return self._structural(self.given.policies is None)

    @property
    def margin_better_comparator(self) -> Any:
        return self.gap
