"""The same quantities as `quantities`, for a whole batch in float64: written again, on purpose.

Nothing is shared with the ball engine, so that agreement means something: dense inverses for visitations, whole
tables of values, and the chain rule for the gradient. Axes: (B, n, S, A, ...).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...theory.claim import UndefinedQuantityError
from ..floats.infimum import ball_least_squares
from ..floats.quantities import Array, LiftedBatchQuantities
from .batch import Batch
from .instance import Adaptation


@dataclass(frozen=True)
class Side:
    """A policy (B, n, S, A) in the processes: visitation (B, n, S, S), nu and value (B, n, S), Q and A (B, n, S, A)."""

    policy: Array
    visitation: Array
    nu: Array
    value: Array
    q: Array
    advantage: Array


class BatchQuantities(LiftedBatchQuantities):
    """Quantities of a batch by name, each (B,)."""

    def __init__(self, batch: Batch) -> None:
        self.batch = self.given = batch
        self.rest = 1 - batch.gamma
        _, states, actions, d = batch.shape
        self.rows = batch.features.reshape(len(batch), states * actions, d)

    @property
    def features(self) -> Array:
        """phi (B, S, A, d)."""
        return self.batch.features

    # --- policies and values ----------------------------------------------------------------------------------

    def energies(self, theta: Array) -> Array:
        """phi'theta/tau (B, n, S, A) of theta (B, n, d) or (B, 1, d)."""
        _, states, actions, _ = self.batch.shape
        flat = theta @ self.rows.transpose(0, 2, 1) / self.batch.tau[:, None, None]
        return flat.reshape(len(self.batch), -1, states, actions)

    def side(self, policy: Array) -> Side:
        """The policy's values and visitations."""
        batch, g = self.batch, self.batch.gamma
        chain = (policy[..., None, :] @ batch.transitions)[..., 0, :]
        visitation = self.m.where(self.onward, self._visitations(chain), 0.0)
        value = (visitation @ (policy * batch.rewards).sum(3)[..., None])[..., 0]
        nu = (batch.start[..., None, :] @ visitation)[..., 0, :]
        ahead = (batch.transitions @ value[:, :, None, :, None])[..., 0]
        q = self.rest[..., None, None] * batch.rewards + g[..., None, None] * ahead
        difference = q[..., :, None] - q[..., None, :]
        advantage = (difference @ policy[..., None])[..., 0]
        return Side(policy, visitation, self.m.where(self.reachable, nu, 0.0), value, q, advantage)

    def _visitations(self, chain: Array) -> Array:
        """(1-gamma)(I - gamma P)^{-1} (B, n, S, S) of transition matrices P."""
        system = np.eye(chain.shape[-1]) - self.batch.gamma[..., None, None] * chain
        # What is never visited, or hardly ever, would be rounding of either sign.
        return np.maximum(self.rest[..., None, None] * _inverse(system), 0.0)

    @cached_property
    def onward(self) -> Array:
        """[..., s, t]: whether a positive policy visits t from s on (B, n, S, S)."""
        edges = (self.given.transitions > 0).any(3) & (self.given.gamma > 0)[..., None, None]
        seen: Array = edges | np.eye(edges.shape[-1], dtype=bool)
        for _ in range(edges.shape[-1].bit_length()):
            seen = (seen[..., None] & seen[..., None, :, :]).any(-2)
        return seen

    @cached_property
    def reachable(self) -> Array:
        """States that a positive policy visits, in tasks that take part (B, n, S)."""
        visited: Array = ((self.given.start > 0)[..., None] & self.onward).any(2)
        return visited & (self.given.weights > 0)[..., None]

    @cached_property
    def _choices(self) -> Array:
        """States that a task goes to and where two actions do not do the same (B, n, S); elsewhere w is 0."""
        batch = self.given
        gains = batch.rewards != batch.rewards[..., :1]
        moves = (batch.transitions != batch.transitions[:, :, :, :1]).any(4) & (batch.gamma > 0)[..., None, None]
        return np.asarray(self.reachable & (gains | moves).any(3))

    def prior_at(self, theta: Array) -> Side:
        """pi_theta of theta (B, d)."""
        policy = self._softmax(self.energies(theta[:, None]))
        return self.side(self.m.broadcast_to(policy, self.batch.rewards.shape))

    def adapted_from(self, prior: Side, theta: Array) -> Array:
        """pi_{i,theta} (B, n, S, A)."""
        batch, eta = self.batch, self.batch.eta[:, None, None, None]
        if batch.adaptation is Adaptation.KL_STEP:
            return self._softmax(self.energies(theta[:, None]) + eta * (prior.q - self._top(prior.q)))
        if batch.adaptation is Adaptation.RATIONAL_STEP:
            tilted = prior.policy * (1 + eta * prior.q)
            return tilted / tilted.sum(3)[..., None]
        slope = (batch.start[..., None, :] @ self.value_gradient(prior, self.features))[..., 0, :]
        return self._softmax(self.energies(theta[:, None] + batch.eta[:, None, None] * slope))

    def _softmax(self, logits: Array) -> Array:
        """exp(logits) normalised over the last axis."""
        powers = self.m.exp(logits - self._top(logits))
        return powers / powers.sum(-1)[..., None]

    def _top(self, values: Array) -> Array:
        """What is taken off along the last axis, so that no power is large."""
        return values.max(-1, keepdims=True)

    @cached_property
    def prior(self) -> Side:
        return self.prior_at(self.batch.omega)

    @cached_property
    def own(self) -> Side:
        """pi_{i,omega}."""
        return self.side(self.adapted_from(self.prior, self.batch.omega))

    @cached_property
    def rival(self) -> Side:
        """pi'_i."""
        if self.batch.policies is not None:
            return self.side(self.batch.policies)
        assert self.batch.rival is not None
        return self.side(self.adapted_from(self.prior_at(self.batch.rival), self.batch.rival))

    # --- derivatives --------------------------------------------------------------------------------------------

    def value_gradient(self, prior: Side, features: Array) -> Array:
        """grad V (B, n, S, d) of pi_theta with these features (B, S, A, d)."""
        weights = (prior.policy * prior.advantage)[..., None, :]
        slope = (weights @ features[:, None])[..., 0, :]
        return prior.visitation @ slope / (self.rest * self.batch.tau[:, None])[..., None, None]

    def _q_gradient(self, features: Array) -> Array:
        """grad Q of the prior (B, n, S, A, d)."""
        slopes = self.batch.transitions @ self.value_gradient(self.prior, features)[:, :, None]
        return self.batch.gamma[..., None, None, None] * slopes

    @cached_property
    def hessians(self) -> Array:
        """Hess J_i of the prior (B, n, d, d)."""
        pi, slopes = self.prior.policy[..., None], self._q_gradient(self.features)
        plain = self.m.broadcast_to(self.plain, slopes.shape)
        score = plain - (pi * plain).sum(3)[:, :, :, None]
        mixed = score[..., :, None] * slopes[..., None, :]
        bend = score[..., :, None] * score[..., None, :] * self.prior.advantage[..., None, None]
        bend = bend + mixed + mixed.transpose(0, 1, 2, 3, 5, 4)
        weight = (self.prior.nu[..., None] * self.prior.policy)[..., None, None]
        return (weight * bend).sum((2, 3)) / self.rest[..., None, None]

    @property
    def plain(self) -> Array:
        """phi/tau (B, 1, S, A, d)."""
        return self.features[:, None] / self.batch.tau[:, None, None, None, None]

    def _tilted(self, table: Array) -> Array:
        """The table (B, n, S, A), over 1 + eta Q for the rational step."""
        if self.batch.adaptation is not Adaptation.RATIONAL_STEP:
            return table
        return table / (1 + self.batch.eta[:, None, None, None] * self.prior.q)

    def _lookahead(self, features: Array) -> Array:
        """The task part of the meta-feature before centring (B, n, S, A, d), with these features in grad Q."""
        eta = self.m.broadcast_to(self.batch.eta[:, None, None, None], self.prior.q.shape)
        return self._tilted(eta)[..., None] * self._q_gradient(features)

    @cached_property
    def slopes(self) -> Array:
        """The same with the features at omega; for the gradient step by the Hessian."""
        if self.batch.adaptation is Adaptation.GRADIENT:
            return self.batch.eta[:, None, None, None, None] * (self.plain @ self.hessians[:, :, None])
        return self._lookahead(self.features)

    def centred(self, table: Array) -> Array:
        """The table (B, n, S, A, d) minus its mean under pi_i."""
        table = self.m.broadcast_to(table, (*self.own.policy.shape, table.shape[-1]))
        difference = table[:, :, :, :, None] - table[:, :, :, None]
        return (self.own.policy[:, :, :, None, :, None] * difference).sum(4)

    @cached_property
    def meta_features(self) -> Array:
        return self.centred(self.plain + self.slopes)

    def _meta_of(self, outer: Array, ahead: Array) -> Array:
        """The same after a step on policies with features `outer` outside and `ahead` in grad Q (B, S, A, d)."""
        return self.centred(outer[:, None] / self.batch.tau[:, None, None, None, None] + self._lookahead(ahead))

    # --- the lifted space ---------------------------------------------------------------------------------------

    @cached_property
    def mass(self) -> Array:
        """q_i sigma_i (B, n, S, A)."""
        return self.batch.weights[..., None, None] * self.own.nu[..., None] * self.own.policy

    @cached_property
    def w(self) -> Array:
        return self.own.advantage / self.rest[..., None, None]

    @cached_property
    def u(self) -> Array:
        return self._displacement(self.rival, self.own)

    def _displacement(self, over: Side, under: Side) -> Array:
        """(nu'/nu)(pi'/pi - 1), 0 where a state is not visited."""
        ratio = over.nu / self.m.where(self.reachable, under.nu, 1.0)
        visited = self.reachable[..., None]
        excess = (over.policy - under.policy) / self.m.where(visited, under.policy, 1.0)
        return self.m.where(visited, ratio[..., None] * excess, 0.0)

    @cached_property
    def gap(self) -> Array:
        change = (self.batch.start * (self.rival.value - self.own.value)).sum(2)
        return (self.batch.weights * change).sum(1)

    @cached_property
    def meta_objective(self) -> Array:
        """L(omega)."""
        return self._mean_return(self.own)

    def _mean_return(self, side: Side) -> Array:
        return (self.batch.weights * (self.batch.start * side.value).sum(2)).sum(1)

    @cached_property
    def pairing(self) -> Array:
        return self._sum(self.w * self.u)

    def _paired(self, features: Array) -> Array:
        return ((self.mass * self.w)[..., None] * features).sum((1, 2, 3))

    @cached_property
    def _plain(self) -> Array:
        return self.centred(self.plain)

    @property
    def zero(self) -> Array:
        return np.zeros(len(self.batch))

    @cached_property
    def scale(self) -> Array:
        """The rounding unit of gap, pairing and v'grad L, over 2^-52."""
        size = np.abs(self.batch.rewards).max((2, 3)) / self.rest**2
        stretch = np.sqrt(self._sum((self.meta_features**2).sum(-1)))
        total = (self.batch.weights * size).sum(1)
        return total * (1 + self.function_displacement + stretch * self.radius)

    @cached_property
    def residual(self) -> Array:
        """u - Phi v at that direction (B, n, S, A)."""
        return self.u - (self._coordinates(self.meta_features) * self.lifted[1][:, None, None, None]).sum(-1)

    # --- the mixed form -------------------------------------------------------------------------------------------

    @cached_property
    def _mixed(self) -> tuple[Array, Array, Array, Array]:
        """(pull (B, T, d), weight, target, mass (B, T)) over z = (s, a, s', a'), summed over tasks."""
        batch = self.batch
        if batch.adaptation is Adaptation.GRADIENT:
            raise UndefinedQuantityError("the mixed feature is task-independent for steps on policies only")
        n, states, actions, _ = batch.shape
        count, pairs = len(batch), states * actions
        ahead = batch.transitions @ self.prior.visitation[:, :, None]
        law = (ahead[..., None] * self.prior.policy[:, :, None, None]).reshape(count, n, pairs, pairs)
        joint = self.mass.reshape(count, n, pairs, 1) * law
        share = joint * self.w.reshape(count, n, pairs, 1)
        rate = (batch.eta[:, None] * batch.gamma / self.rest / batch.tau[:, None])[..., None]
        if batch.adaptation is Adaptation.RATIONAL_STEP:
            rate = rate / (1 + batch.eta[:, None, None] * self.prior.q.reshape(count, n, pairs))
        bend = rate[..., None] * self.prior.advantage.reshape(count, n, 1, pairs)
        total, bent = share.sum(1), (share * bend).sum(1)
        rows = self.features.reshape(count, pairs, -1)  # of networks those at W, not the inputs
        plain = rows / batch.tau[:, None, None]
        pull = self._combined((total, plain[:, :, None]), (bent, rows[:, None]))
        target = (share * self.u.reshape(count, n, pairs, 1)).sum(1)
        flat = (count, pairs * pairs)
        return pull, total.reshape(*flat), target.reshape(*flat), joint.sum(1).reshape(*flat)

    @cached_property
    def mixed_weight_norm(self) -> Array:
        _, weight, _, mass = self._mixed
        return self.m.sqrt((weight**2 / self.m.where(self._met(mass), mass, 1.0)).sum(1))

    def _met(self, mass: Array) -> Array:
        """Where the mixture has mass (B, T)."""
        return mass > 0

    @cached_property
    def mixed_misfit(self) -> Array:
        pull, weight, target, mass = self._mixed
        # A weight that is rounding of cancelled summands would make its quotients arbitrary.
        live = np.abs(weight) > 1e-13 * mass * np.abs(self.w).max((1, 2, 3))[:, None]
        divisor = np.where(live, weight, 1.0)
        root = np.sqrt(np.where(live, mass, 0.0))
        return ball_least_squares((root / divisor)[..., None] * pull, root * (target / divisor), self.radius)[0]

    # --- corollaries ------------------------------------------------------------------------------------------------

    @cached_property
    def weight_bound(self) -> Array:
        return self.m.sqrt((self.batch.weights * (self._span / (2 * self.rest)) ** 2).sum(1))

    @property
    def _span(self) -> Array:
        """max r - min r (B, n)."""
        return self.batch.rewards.max((2, 3)) - self.batch.rewards.min((2, 3))

    # --- what mutants use ------------------------------------------------------------------------------------

    @cached_property
    def eps_largest_entry(self) -> Array:
        return np.abs(self.gradient).max(1)

    @cached_property
    def weight_norm_no_horizon(self) -> Array:
        return np.sqrt(self._sum(self.own.advantage**2))

    @cached_property
    def misfit_swapped_ratio(self) -> Array:
        return self._misfit(self.meta_features, self._displacement(self.own, self.rival))[0]

    def _per_task(self, values: Array) -> Array:
        own = self.mass / np.where(self.batch.weights > 0, self.batch.weights, 1.0)[..., None, None]
        return (self.batch.weights * np.sqrt((own * values**2).sum((2, 3)))).sum(1)

    @cached_property
    def mean_weight_norm(self) -> Array:
        return self._per_task(self.w)

    @cached_property
    def mean_residual_norm(self) -> Array:
        return self._per_task(self.residual)

    @cached_property
    def residual_l1(self) -> Array:
        return self._sum(np.abs(self.residual))

    @cached_property
    def root_tasks(self) -> Array:
        return np.sqrt((self.batch.weights > 0).sum(1))

    @cached_property
    def pairing_prior_visitation(self) -> Array:
        masses = self.batch.weights[..., None, None] * self.prior.nu[..., None] * self.prior.policy
        return (masses * self.w * self.u).sum((1, 2, 3))

    @cached_property
    def pairing_prior_advantage(self) -> Array:
        return self._sum(self.prior.advantage / self.rest[..., None, None] * self.u)

    @cached_property
    def pairing_rival_advantage(self) -> Array:
        return self._sum(self.rival.advantage / self.rest[..., None, None] * self.u)

    def _defect(self, factor: Array) -> Array:
        return self._lengths(
            self.gradient - self._paired(self.centred(self.plain + factor[..., None, None, None] * self.slopes))
        )

    @cached_property
    def defect_plain(self) -> Array:
        return self._defect(np.zeros_like(self.rest))

    @cached_property
    def defect_discounted(self) -> Array:
        return self._defect(self.rest)

    @cached_property
    def defect_step_squared(self) -> Array:
        return self._defect(np.broadcast_to(self.batch.eta[:, None], self.rest.shape))

    @cached_property
    def defect_undiscounted(self) -> Array:
        return self._defect(1 / self.batch.gamma)

    @cached_property
    def weight_norm_action_value(self) -> Array:
        return np.sqrt(self._sum((self.own.q / self.rest[..., None, None]) ** 2))

    @cached_property
    def misfit_other_shift(self) -> Array:
        ratio = np.where(self.reachable, self.rival.nu / np.where(self.reachable, self.own.nu, 1.0), 1.0)
        return self._misfit(self.meta_features, self.u + (ratio - 1)[..., None])[0]

    @cached_property
    def misfit_uncentred(self) -> Array:
        return self._misfit(self.plain + self.slopes, self.u)[0]


def _inverse(system: Array) -> Array:
    """Inverses of regular systems (..., S, S); nan where numbers overflowed, or a system is singular in float64."""
    sound, eye = (np.abs(system) < 1e100).all((-2, -1), keepdims=True), np.eye(system.shape[-1])
    safe = np.where(sound, system, eye)
    sound &= (np.linalg.det(safe) != 0)[..., None, None]
    return np.where(sound, np.linalg.inv(np.where(sound, safe, eye)), np.nan)
