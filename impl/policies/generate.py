"""Meta-RL task distributions by construction, on dyadic grids: every number is exact, and nothing is filtered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ..draws import composition, draw_features, draw_size, draw_weights, with_radius
from ..sources import SMALL, Generator, Limits, Source
from .batch import Array, Batch, NetworkBatch
from .batch_quantities import BatchQuantities
from .instance import Adaptation
from .network_batch_quantities import quantities_of
from .training import ascended

ADAPTATIONS = tuple(a.value for a in Adaptation)
AnyBatch = TypeVar("AnyBatch", bound=Batch)
Draw = Callable[..., Any]
"""(source, adaptation, limits) -> problems with omega and a parameter comparator on the grid."""
POLICY_STEPS = (Adaptation.KL_STEP.value, Adaptation.RATIONAL_STEP.value)
DISCOUNTS = np.array([0.0, 0.25, 0.5, 0.75, 0.9, 0.99])


def draw_policies(source: Source, shape: tuple[int, ...], parts: int, sure: bool = False) -> Array:
    """Dyadic distributions (B, *shape, parts); `sure`: with all their mass in one place."""
    if sure:
        return np.eye(parts)[source.grid(shape, 0, parts - 1).astype(int)]
    return composition(source, parts, shape)


def _transitions(source: Source, n: int, states: int, actions: int) -> Array:
    """(B, n, S, A, S): dense, sparse, deterministic, chains to an absorbing end, or islands that are not left."""
    kind = source.choose(("deterministic", "dense", "dense", "sparse", "chain", "islands"))
    shape = (n, states, actions)
    if kind == "dense":
        return draw_policies(source, shape, states)
    first = draw_policies(source, shape, states, sure=True)
    if kind == "deterministic":
        return first
    here = np.broadcast_to(np.eye(states)[:, None], first.shape)
    if kind == "sparse":
        share = source.grid((*shape, 1), 0, 16) / 16
        return share * first + (1 - share) * draw_policies(source, shape, states, sure=True)
    if kind == "chain":
        ahead = np.eye(states)[np.minimum(np.arange(states) + 1, states - 1)][:, None]
        share = source.grid((*shape, 1), 0, 4) / 4
        return share * ahead + (1 - share) * here
    share = source.grid((*shape, 1), 0, 2) / 2
    even = np.eye(states)[np.arange(states) // 2 * 2][:, None]
    return share * even + (1 - share) * here


def _start(source: Source, n: int, states: int) -> Array:
    """(B, n, S): one state, or any distribution."""
    return draw_policies(source, (n,), states, sure=source.choose((True, False)))


def _rewards(source: Source, n: int, states: int, actions: int) -> Array:
    """(B, n, S, A) in [-2, 2]: per task, the same for all, in conflict, or one rewarded pair per task."""
    kind = source.choose(("own", "own", "same", "conflicting", "goal"))
    if kind == "goal":
        goal = source.grid((n, 1), 0, states * actions - 1)
        return (np.arange(states * actions) == goal).reshape(source.size, n, states, actions).astype(float)
    rewards = source.grid((n if kind == "own" else 1, states, actions), -8, 8) / 4
    rewards = np.broadcast_to(rewards, (source.size, n, states, actions))
    if kind == "conflicting":
        # Not exact opposites, whose mixed weight could vanish where only rationals can tell: see `cancelling`.
        rewards = rewards * np.where(np.arange(n) % 2 == 0, 1.0, -0.75)[:, None, None]
    return np.array(rewards)


def _discounts(source: Source, n: int) -> Array:
    """(B, n): 0 to 0.99, equal over tasks or not."""
    drawn = source.grid((source.choose((1, n)),), 0, len(DISCOUNTS) - 1).astype(int)
    return np.array(np.broadcast_to(DISCOUNTS[drawn], (source.size, n)))


def _rate(source: Source, adaptation: Adaptation, tau: Array, gamma: Array) -> Array:
    """eta (B,), over four orders of magnitude, at times 0 or negative; below 1/|Q| for the rational step."""
    sign = source.choose((1.0, 1.0, 1.0, 0.0, -1.0))
    if adaptation is Adaptation.RATIONAL_STEP:
        return sign * 2.0 ** -(2 + source.grid((), 0, 11))
    size = 2.0 ** source.grid((), -7, 6)
    if adaptation is Adaptation.GRADIENT:
        # The step moves the logits by eta ||phi||^2/(tau^2 (1-gamma)^2) or less.
        size = size / 16 * tau**2 * (1 - gamma).min(1) ** 2
    return sign * size


def _parameter(source: Source, d: int, tau: Array) -> Array:
    """(B, d): in units of the temperature, ordinary or large, or at 0."""
    kind = source.choose(("zero", "ordinary", "ordinary", "ordinary", "large"))
    reach = {"zero": 0.0, "ordinary": 0.25, "large": 4.0}[kind]
    return source.grid((d,), -8, 8) * reach * tau[:, None]


def draw_problem(
    source: Source,
    name: str,
    limits: Limits,
    *,
    tasks: int | None = None,
    states: int | None = None,
    actions: int | None = None,
    dimension: int | None = None,
) -> Batch:
    """Problems with omega and a parameter comparator on the grid."""
    adaptation = Adaptation(name)
    n = tasks or draw_size(source, limits.tasks)
    states = states or draw_size(source, limits.states)
    actions = actions or 1 + draw_size(source, limits.actions - 1)
    d = dimension or draw_size(source, limits.dimension)
    tau, gamma = 2.0 ** source.grid((), -6, 6), _discounts(source, n)
    features = draw_features(source, states * actions, d).reshape(source.size, states, actions, d)
    batch = Batch(
        adaptation,
        features,
        _transitions(source, n, states, actions),
        _rewards(source, n, states, actions),
        _start(source, n, states),
        gamma,
        draw_weights(source, n),
        tau,
        _rate(source, adaptation, tau, gamma),
        _parameter(source, d, tau),
        np.ones(source.size),
        _parameter(source, d, tau),
    )
    return with_radius(source, batch)


# --- generators for policies of any class, whose problems `draw` builds ----------------------------


def arbitrary(
    source: Source, adaptation: str, limits: Limits = SMALL, draw: Draw = draw_problem, rival: Any = None
) -> Any:
    """Any problem, omega and comparator on the grid, or what rival(source, problem) makes of it."""
    batch = draw(source, adaptation, limits)
    return batch if rival is None else rival(source, batch)


def policies(source: Source, adaptation: str, limits: Limits = SMALL, draw: Draw = draw_problem) -> Any:
    """Comparators that are arbitrary policies, one per task, at times sure of their actions."""
    batch = draw(source, adaptation, limits)
    n, states, actions, _ = batch.shape
    drawn = draw_policies(source, (n, states), actions, sure=source.choose((False, False, True)))
    return batch.against(policies=drawn)


def greedy(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """Comparators that nearly always take the action that is best after omega's adapted policy."""
    batch = draw_problem(source, adaptation, limits)
    q = BatchQuantities(batch).own.q
    best = np.eye(q.shape[3])[q.argmax(3)]
    share = 2.0 ** -source.grid((), 1, 6)[:, None, None, None]
    return batch.against(policies=(1 - share) * best + share / q.shape[3])


def tangent_comparators(source: Source, batch: AnyBatch, quantities: Callable[..., Any] = quantities_of) -> AnyBatch:
    """The batch against comparators with u = t(Phi v0 + kappa w), v0 = G/||G||, R = t: the bound is attained.

    dn solves (I - g P_pi')dn = g P'(sigma h) for h = Phi v0 + kappa w; nu' = nu + t dn and pi' = pi(1 + t nu h/nu') is
    a policy whose visitations are nu' for every t below the largest that keeps them positive; then sigma'/sigma =
    nu'/nu + t h, and by the identity gap = t(eps + kappa ||w||^2).
    """
    kappa = source.choose((0.0, 2.0**-10, 1.0, 2.0**10))
    at = quantities(batch)
    own, size = at.own, np.where(at.eps > 0, at.eps, 1.0)
    v = at.gradient / size[:, None]
    h = (at.meta_features * v[:, None, None, None]).sum(-1) + kappa * at.w
    flow = (own.nu[..., None] * own.policy * h)[..., None]
    push = batch.gamma[..., None] * (flow * batch.transitions).sum((2, 3))
    dn = (push[..., None, :] @ own.visitation)[..., 0, :] / at.rest[..., None]
    dn = np.where(at.reachable, dn, 0.0)
    slope = dn[..., None] + own.nu[..., None] * h
    loss = np.maximum(-np.minimum(slope.min(3), dn), 0.0) / np.where(at.reachable, own.nu, 1.0)
    loss = np.where(at.reachable, loss, 0.0).max((1, 2))
    step = 2.0 ** (np.floor(np.log2(0.9 / np.maximum(loss, 2.0**-40))) - source.grid((), 0, 6))
    nu = own.nu + step[:, None, None] * dn
    tilt = step[:, None, None, None] * (own.nu / np.where(at.reachable, nu, 1.0))[..., None] * h
    rival = np.where(at.reachable[..., None], own.policy * (1 + tilt), own.policy)
    sound = np.isfinite(rival).all((1, 2, 3)) & (rival >= 0).all((1, 2, 3)) & (rival.sum(3) > 0).all((1, 2))
    rival = np.where(sound[:, None, None, None], rival, 1 / rival.shape[3])
    radius = np.where(np.isfinite(step) & (step > 0), step, 1.0)
    return replace(batch.against(policies=rival), radius=radius)


def one_step_away(source: Source, batch: AnyBatch) -> AnyBatch:
    """The batch against omega after one small gradient step; R is its length: the bound is nearly R eps."""
    at = quantities_of(batch)
    size = np.where(at.eps > 0, at.eps, 1.0)
    step = 2.0 ** -source.grid((), 0, 12) * (1.0 if isinstance(batch, NetworkBatch) else batch.tau / 4)
    rival = batch.omega + ((step / size)[:, None] * at.gradient).reshape(batch.omega.shape)
    rival = np.where(np.isfinite(rival), rival, batch.omega)
    distance = np.sqrt(((batch.omega - rival) ** 2).reshape(len(batch), -1).sum(1))
    return replace(batch.against(rival=rival), radius=np.where(distance > 0, distance, 1.0))


# --- generators for linear policies -----------------------------------------------------------------


def stationary(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """omega where gradient ascent arrives; the comparator is its start, or any policies."""
    batch = draw_problem(source, adaptation, limits)
    found = replace(batch, omega=ascended(batch))
    if source.choose(("start", "policies")) == "start":
        return with_radius(source, found.against(rival=batch.omega))
    n, states, actions, _ = batch.shape
    return with_radius(source, found.against(policies=draw_policies(source, (n, states), actions)))


def level(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """omega = 0 (uniform prior): with the rational step, or without adaptation, everything is rational."""
    batch = policies(source, adaptation, limits)
    return replace(batch, omega=np.zeros_like(batch.omega))


def no_lookahead(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """eta = 0 or gamma = 0: T3c."""
    batch = draw_problem(source, adaptation, limits)
    if source.choose(("no step", "myopic")) == "no step" or batch.adaptation is Adaptation.GRADIENT:
        return replace(batch, eta=np.zeros(source.size))
    return replace(batch, gamma=np.zeros_like(batch.gamma))


def tabular(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """One task, unit features, kappa < 1: T3e."""
    states, actions = draw_size(source, min(limits.states, 3)), 1 + draw_size(source, limits.actions - 1)
    pairs = states * actions
    batch = draw_problem(source, adaptation, limits, tasks=1, states=states, actions=actions, dimension=pairs)
    unit = np.broadcast_to(np.eye(pairs).reshape(states, actions, pairs), batch.features.shape)
    span = batch.rewards.max((1, 2, 3)) - batch.rewards.min((1, 2, 3))
    per_step = np.maximum(batch.gamma[:, 0] * span / (2 * (1 - batch.gamma[:, 0])), 2.0**-6)
    eta = 2.0 ** (np.ceil(-np.log2(per_step)) - 1 - source.grid((), 0, 6))
    drawn = draw_policies(source, (1, states), actions)
    return replace(batch.against(policies=drawn), features=np.array(unit), eta=eta)


def bandit(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """One state, two actions, one parameter, omega the worse of two points: T3f."""
    batch = draw_problem(source, adaptation, limits, states=1, actions=2, dimension=1)
    batch = replace(batch, eta=np.abs(batch.eta))
    worse, rival = (BatchQuantities(batch).gap < 0)[:, None], batch.rival
    assert rival is not None
    omega = np.where(worse, rival, batch.omega)
    return replace(batch, omega=omega, rival=np.where(worse, batch.omega, rival))


def laid(
    source: Source,
    adaptation: str,
    features: Any,
    transitions: Any,
    rewards: Any,
    gamma: float,
    eta: Any,
    omega: Any,
    radius: Any = 1.0,
    **comparator: Array,
) -> Batch:
    """Problems by hand: tau = 1, even weights, all tasks start in the first state and have one discount.

    features (S, A, d), transitions (n, S, A, S), rewards (n, S, A), eta and R, for all instances or for each (B, ...)
    """
    count = source.size

    def each(values: Any, axes: int = 0) -> Array:
        values = np.asarray(values, float)
        return np.array(np.broadcast_to(values, (count, *values.shape[values.ndim - axes :])))

    rewards = each(rewards, 3)
    n, states = rewards.shape[1:3]
    return Batch(
        Adaptation(adaptation), each(features, 3), each(transitions, 4), rewards, each(np.eye(states)[[0] * n], 2),
        np.full((count, n), gamma), np.full((count, n), 1 / n), np.ones(count), each(eta), omega, each(radius),
        **comparator,
    )  # fmt: skip


def cancelling(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """Two mirrored tasks at omega = 0 whose mixed weight cancels where its numerator need not: hypothesis (D) fails
    (a randomised family around the exact counterexample)."""
    count = source.size
    height, other = (1 + source.grid((2,), 0, 7)).T / 4
    transitions = np.zeros((2, 3, 2, 3))
    transitions[:, 1:, :, 1:] = np.eye(2)[:, None]
    transitions[:, 0] = [[[0, 1, 0], [0, 0, 1]], [[0, 0, 1], [0, 1, 0]]]
    rewards = np.zeros((count, 2, 3, 2))
    rewards[:, 0, 1, 0] = rewards[:, 1, 1, 1] = height
    rewards[:, :, 2] = (height / 2)[:, None, None]
    features = np.zeros((3, 2, 1))
    features[:2, 0, 0] = 1
    gamma = source.choose((0.5, 0.25, 0.75))
    rival = np.full((count, 2, 3, 2), 0.5)
    rival[:, :, :2, 0] += (other / 8)[:, None, None]
    rival[..., 1] = 1 - rival[..., 0]
    radius = (1 + source.grid((), 0, 31)) / 8
    zero = np.zeros((count, 1))
    return laid(source, adaptation, features, transitions, rewards, gamma, 0.0, zero, radius, policies=rival)


def landscapes(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """Two actions and one or two parameters, discounts at most .9, so that the supremum can be certified."""
    d = 1 if source.choose((1, 1, 2)) == 1 else 2
    states = draw_size(source, min(limits.states, 3))
    batch = draw_problem(source, adaptation, limits, states=states, actions=2, dimension=d)
    return replace(batch, gamma=np.minimum(batch.gamma, 0.75), eta=np.minimum(np.abs(batch.eta), 8.0))


GENERATORS: tuple[Generator, ...] = (
    Generator("arbitrary", "anything on the grid", arbitrary, ADAPTATIONS, 3),
    Generator("policies", "arbitrary comparator policies", policies, ADAPTATIONS, 2),
    Generator("tangent", "tangent comparators, where the bound is an equality",
              partial(arbitrary, rival=tangent_comparators), ADAPTATIONS, 3, wide=False),
    Generator("greedy", "comparators greedy after omega", greedy, ADAPTATIONS),
    Generator("local", "comparator one small gradient step away", partial(arbitrary, rival=one_step_away), ADAPTATIONS),
    Generator("stationary", "omega where gradient ascent arrives", stationary, ADAPTATIONS, wide=False),
    Generator("level", "omega = 0: the rational route", level, ADAPTATIONS, 2),
    Generator("no-lookahead", "eta = 0 or gamma = 0 (T3c)", no_lookahead, ADAPTATIONS),
    Generator("tabular", "one task, unit features, kappa < 1 (T3e)", tabular, (Adaptation.KL_STEP.value,)),
    Generator("bandit", "one state, two actions, one parameter (T3f)", bandit, (Adaptation.KL_STEP.value,)),
    Generator("cancelling", "mirrored tasks whose mixed weight cancels (hypothesis D fails)", cancelling,
              POLICY_STEPS, wide=False),
)  # fmt: skip

LANDSCAPES = Generator(
    "landscapes",
    "two actions, one or two parameters, for the certified maximum",
    landscapes,
    (Adaptation.KL_STEP.value,),
)
