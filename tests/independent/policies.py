"""Meta-reinforcement learning by its definition: values and visitations from their linear systems, L, and the claims.

grad L and grad log pi_i are differences in the parameter; features at initialisation, differences along logits that
move by phi_0.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mpmath import mp, mpf

from .core import Core
from .networks import Network
from .numbers import (
    Fraction,
    UndefinedError,
    Vector,
    differences,
    dot,
    exact,
    number,
    numbers,
    share,
    solve,
    step_size,
)

Policy = list[Vector]
"""Probabilities per state and action."""


@dataclass(frozen=True)
class Process:
    """A task: weight > 0, discount, transitions (S, A, S), rewards (S, A), start [S]."""

    weight: Any
    gamma: Any
    exact_gamma: Fraction
    exact_moves: list[list[list[Fraction]]]
    exact_rewards: list[list[Fraction]]
    moves: list[list[Vector]]
    rewards: list[Vector]
    start: Vector
    index: int

    @property
    def states(self) -> range:
        return range(len(self.start))

    def chain(self, policy: Policy) -> list[Vector]:
        """P_pi(s, t)."""
        return [
            [mp.fsum(p * row[t] for p, row in zip(policy[s], self.moves[s], strict=True)) for t in self.states]
            for s in self.states
        ]

    def values(self, policy: Policy) -> Vector:
        """V = (1 - g) r_pi + g P_pi V."""
        chain, g = self.chain(policy), self.gamma
        system = [[(1 if s == t else 0) - g * chain[s][t] for t in self.states] for s in self.states]
        return solve(system, [(1 - g) * dot(policy[s], self.rewards[s]) for s in self.states])

    def action_values(self, values: Vector) -> list[Vector]:
        """Q = (1 - g) r + g P V."""
        return [
            [(1 - self.gamma) * r + self.gamma * dot(row, values) for r, row in zip(rewards, moves, strict=True)]
            for rewards, moves in zip(self.rewards, self.moves, strict=True)
        ]

    def visits(self, policy: Policy, start: Vector | None = None) -> Vector:
        """nu = (1 - g) start + g P_pi'nu, and exactly 0 where no path leads."""
        start = self.start if start is None else start
        reached = {s for s in self.states if start[s] > 0}
        while self.gamma > 0:
            more = {
                t
                for s in reached
                for p, row in zip(policy[s], self.moves[s], strict=True)
                for t in self.states
                if p > 0 and row[t] > 0
            }
            if more <= reached:
                break
            reached |= more
        order, chain, g = sorted(reached), self.chain(policy), self.gamma
        system = [[(1 if s == t else 0) - g * chain[t][s] for t in order] for s in order]
        found = dict(zip(order, solve(system, [(1 - g) * start[s] for s in order]), strict=True))
        return [found.get(s, mpf(0)) for s in self.states]

    def worth(self, policy: Policy) -> Any:
        """J = start'V."""
        return dot(self.start, self.values(policy))


def processes_of(document: dict[str, Any]) -> list[Process]:
    found = []
    weights = share(t["weight"] for t in document["tasks"])
    for i, (task, weight) in enumerate(zip(document["tasks"], weights, strict=True)):
        if weight:
            moves = [[share(row) for row in rows] for rows in task["P"]]
            rewards = [[exact(v) for v in row] for row in task["r"]]
            gamma = exact(task["gamma"])
            found.append(
                Process(
                    number(weight), number(gamma), gamma, moves, rewards,
                    [[[number(p) for p in row] for row in rows] for rows in moves],
                    [[number(r) for r in row] for row in rewards], [number(p) for p in share(task["start"])], i,
                )
            )  # fmt: skip
    return found


def softmax(logits: Vector) -> Vector:
    top = max(logits)
    parts = [mp.exp(v - top) for v in logits]
    total = mp.fsum(parts)
    return [p / total for p in parts]


class Policies(Core):
    """The quantities of a meta-RL instance, whatever its model. All at mpmath's current precision."""

    def __init__(self, document: dict[str, Any], direction: list[Fraction] | None = None) -> None:
        self.document, self.exact_direction = document, direction
        self.processes = processes_of(document)
        self.tau, self.eta = number(exact(document["tau"])), number(exact(document["eta"]))
        self.radius = number(exact(document["radius"]))
        self.step = document["adaptation"]["name"]
        table = document["features"]
        self.states, self.actions = len(table), len(table[0])
        model = document.get("model", {"name": "linear"})
        self.flat = [row for rows in table for row in rows]
        self.network = None if model["name"] == "linear" else Network(model, self.flat)
        self.features = [numbers(row) for row in self.flat]
        self.omega = self.parameter(document["omega"])
        self.given = isinstance(document["comparator"], dict)

    def parameter(self, given: Any) -> Vector:
        return numbers(given) if self.network is None else self.network.parameter(given)

    # --- L by definition -----------------------------------------------------------------------------------

    def energies(self, theta: Vector) -> Vector:
        """f(x(s, a); theta)/tau, one after the other."""
        if self.network is None:
            return [dot(row, theta) / self.tau for row in self.features]
        return [self.network.predict(theta, x) / self.tau for x in range(len(self.flat))]

    def prior(self, energies: Vector) -> Policy:
        return [softmax(energies[s * self.actions : (s + 1) * self.actions]) for s in range(self.states)]

    def adapted(self, process: Process, energies: Vector, theta: Vector | None) -> Policy:
        """The adapted policy of a prior with these energies (the gradient step needs its parameter)."""
        prior = self.prior(energies)
        if self.step == "gradient":
            assert theta is not None
            worth = differences(
                lambda t: [process.worth(self.prior(self.energies(t)))], theta, mpf(10) ** (-(2 * mp.dps) // 5)
            )[0]
            return self.prior(self.energies([t + self.eta * g for t, g in zip(theta, worth, strict=True)]))
        values = process.action_values(process.values(prior))
        if self.step == "kl-step":
            return self.prior([e + self.eta * q for e, q in zip(energies, itertools.chain(*values), strict=True)])
        found = []
        for probabilities, row in zip(prior, values, strict=True):
            parts = [p * (1 + self.eta * q) for p, q in zip(probabilities, row, strict=True)]
            total = mp.fsum(parts)
            if total == 0:
                raise UndefinedError("the rational step has no policy")
            found.append([p / total for p in parts])
        return found

    def policies(self, theta: Vector) -> list[Policy]:
        energies = self.energies(theta)
        return [self.adapted(process, energies, theta) for process in self.processes]

    def mean_return(self, policies: Sequence[Policy]) -> Any:
        return mp.fsum(p.weight * p.worth(pi) for p, pi in zip(self.processes, policies, strict=True))

    def objective(self, theta: Vector) -> Any:
        """L(theta)."""
        return self.mean_return(self.policies(theta))

    # --- at omega -----------------------------------------------------------------------------------------------

    @cached_property
    def own(self) -> list[Policy]:
        return self.policies(self.omega)

    @cached_property
    def first(self) -> Policy:
        """The prior policy."""
        return self.prior(self.energies(self.omega))

    @cached_property
    def positive(self) -> bool:
        """Whether 1 + eta Q > 0 everywhere (rational step)."""
        if self.step != "rational-step" or self.eta == 0:
            return True
        return all(
            1 + self.eta * q > 0
            for process in self.processes
            for row in process.action_values(process.values(self.first))
            for q in row
        )

    def smooth_policies(self) -> None:
        if not self.positive:
            raise UndefinedError("a policy that is not positive")

    @cached_property
    def visited(self) -> list[Vector]:
        return [process.visits(pi) for process, pi in zip(self.processes, self.own, strict=True)]

    @cached_property
    def rivals(self) -> list[Policy]:
        if self.given:
            rows = self.document["comparator"]["policies"]
            return [[[number(p) for p in share(row)] for row in rows[p.index]] for p in self.processes]
        return self.policies(self.rival)

    @cached_property
    def rival(self) -> Vector:
        if self.given:
            raise UndefinedError("the comparator is policies")
        return self.parameter(self.document["comparator"])

    @cached_property
    def points(self) -> list[tuple[int, int, int]]:
        """(task, state, action) of positive mass."""
        return [
            (i, s, a)
            for i, nu in enumerate(self.visited)
            for s in range(self.states)
            for a in range(self.actions)
            if nu[s] * self.own[i][s][a] > 0
        ]

    @cached_property
    def masses(self) -> Vector:  # type: ignore[override]
        """q sigma(s, a)."""
        self.smooth_policies()
        return [self.processes[i].weight * self.visited[i][s] * self.own[i][s][a] for i, s, a in self.points]

    def advantages(self, process: Process, policy: Policy) -> list[Vector]:
        values = process.values(policy)
        return [[q - v for q in row] for row, v in zip(process.action_values(values), values, strict=True)]

    @cached_property
    def w(self) -> Vector:  # type: ignore[override]
        tables = [self.advantages(p, pi) for p, pi in zip(self.processes, self.own, strict=True)]
        return [tables[i][s][a] / (1 - self.processes[i].gamma) for i, s, a in self.points]

    @cached_property
    def u(self) -> Vector:  # type: ignore[override]
        """(nu'/nu)(pi'/pi - 1)."""
        others = [p.visits(pi) for p, pi in zip(self.processes, self.rivals, strict=True)]
        return [
            others[i][s] / self.visited[i][s] * (self.rivals[i][s][a] / self.own[i][s][a] - 1)
            for i, s, a in self.points
        ]

    @cached_property
    def gap(self) -> Any:
        return self.mean_return(self.rivals) - self.mean_return(self.own)

    # --- derivatives ----------------------------------------------------------------------------------------------

    @cached_property
    def smooth(self) -> bool:
        """Off kinks, at the inputs of states that some task visits."""
        if self.network is None or self.network.name != "relu":
            return True
        return not any(self.network.kink(self.omega, s * self.actions + a) for _, s, a in self.points)

    @cached_property
    def derivatives(self) -> list[Vector]:
        """Gradients of L, then of log pi_i at every point."""
        self.smooth_policies()
        if not self.smooth:
            raise UndefinedError("at a kink")

        def outputs(theta: Vector) -> Vector:
            own = self.policies(theta)
            return [self.mean_return(own), *(mp.log(own[i][s][a]) for i, s, a in self.points)]

        return differences(outputs, self.omega, step_size())

    @property
    def gradient(self) -> Vector:  # type: ignore[override]
        return self.derivatives[0]

    @property
    def rows(self) -> list[Vector]:  # type: ignore[override]
        """Phi_i = grad log pi_i: its mean under pi_i(.|s) is 0."""
        return self.derivatives[1:]

    def moved_by(self, features: list[Vector]) -> list[Vector]:
        """d log pi_i if the energies at omega move by features'v/tau, at the points."""
        if self.step == "gradient":
            raise UndefinedError("not a step on policies")
        self.smooth_policies()
        base = self.energies(self.omega)

        def outputs(v: Vector) -> Vector:
            energies = [e + dot(f, v) / self.tau for e, f in zip(base, features, strict=True)]
            own = [self.adapted(process, energies, None) for process in self.processes]
            return [mp.log(own[i][s][a]) for i, s, a in self.points]

        return differences(outputs, [mpf(0)] * len(features[0]), step_size())

    # --- what is always there --------------------------------------------------------------------------------------

    @property
    def margin_positive_policy(self) -> bool:
        return self.positive

    @property
    def adapted_return(self) -> Any:
        return self.mean_return(self.own)

    @property
    def prior_return(self) -> Any:
        return self.mean_return([self.first] * len(self.processes))
