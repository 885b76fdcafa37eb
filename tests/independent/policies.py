"""Meta-reinforcement learning by its definition: values and visitations from their linear systems, L, and the claims.

grad L and grad log pi_i are differences in the parameter; features at initialisation, differences along logits that
move by phi_0.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mpmath import mp, mpf

from . import infimum
from .core import Core
from .networks import Network
from .numbers import (
    Fraction,
    UndefinedError,
    Vector,
    differences,
    dot,
    exact,
    independent,
    is_small,
    norm,
    number,
    numbers,
    share,
    shortest,
    singular_values,
    solve,
    step_size,
    weighted_norm,
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


class MetaRL(Policies):
    """Linear policies: the mixed form and the corollaries."""

    def needs(self, step: str) -> None:
        if self.step != step:
            raise UndefinedError(f"not the {step}")

    @property
    def step_size(self) -> Any:
        return self.eta

    @property
    def improvement(self) -> Any:
        return self.adapted_return - self.prior_return

    @property
    def jeffreys(self) -> Any:
        self.needs("kl-step")
        total = mpf(0)
        for p, own, nu in zip(self.processes, self.own, self.visited, strict=True):
            for s in p.states:
                pairs = list(zip(own[s], self.first[s], strict=True))
                both = mp.fsum(a * mp.log(a / b) for a, b in pairs) + mp.fsum(b * mp.log(b / a) for a, b in pairs)
                total += p.weight * nu[s] * both / (1 - p.gamma)
        return total

    @property
    def tilted_variance(self) -> Any:
        self.needs("rational-step")
        self.smooth_policies()
        total = mpf(0)
        for p, nu in zip(self.processes, self.visited, strict=True):
            values = p.values(self.first)
            table = p.action_values(values)
            for s in p.states:
                mean = dot(self.first[s], table[s])
                variance = mp.fsum(pi * (q - mean) ** 2 for pi, q in zip(self.first[s], table[s], strict=True))
                total += p.weight * nu[s] * variance / (1 + self.eta * values[s]) / (1 - p.gamma)
        return total

    @property
    def optimal_return(self) -> Any:
        """The best of all deterministic policies, by improving until none is better."""
        total = mpf(0)
        for p in self.processes:
            choice = [0] * len(p.start)
            for _ in range(1000):
                values = p.values([[mpf(int(a == c)) for a in range(self.actions)] for c in choice])
                table = p.action_values(values)
                better = [max(range(self.actions), key=lambda a: row[a]) for row in table]
                gains = [row[b] - row[c] for row, b, c in zip(table, better, choice, strict=True)]
                if all(is_small(g, max(map(abs, row)) + 1) for g, row in zip(gains, table, strict=True)):
                    break
                choice = better
            total += p.weight * dot(p.start, values)
        return total

    # --- a priori ---------------------------------------------------------------------------------------------------

    def span(self, p: Process) -> Any:
        rewards = [r for row in p.rewards for r in row]
        return max(rewards) - min(rewards)

    @property
    def weight_bound(self) -> Any:
        return mp.sqrt(mp.fsum(p.weight * (self.span(p) / (2 * (1 - p.gamma))) ** 2 for p in self.processes))

    @property
    def b(self) -> Any:
        """max ||phi(s, a) - phi(s, b)||/(2 tau)."""
        rows = [self.features[s * self.actions : (s + 1) * self.actions] for s in range(self.states)]
        return max(
            norm([x - y for x, y in zip(one, other, strict=True)]) for own in rows for one in own for other in own
        ) / (2 * self.tau)

    def kappa(self, p: Process) -> Any:
        return abs(self.eta) * p.gamma * self.span(p) / (2 * (1 - p.gamma))

    @property
    def lipschitz(self) -> Any:
        self.needs("kl-step")
        return mp.fsum(
            p.weight * self.span(p) / (2 * (1 - p.gamma)) * self.b * (1 + self.kappa(p)) for p in self.processes
        )

    @property
    def smoothness(self) -> Any:
        self.needs("kl-step")
        total = mpf(0)
        for p in self.processes:
            own, span, rest = self.b * (1 + self.kappa(p)), self.span(p), 1 - p.gamma
            later = abs(self.eta) * p.gamma * self.b**2 * span**2 / (2 * rest**3)
            total += p.weight * (span * own**2 / rest**2 + later)
        return total

    @property
    def curvature_size(self) -> Any:
        self.needs("kl-step")
        return self.bend(self.objective, self.adapted_return, self.omega)

    @property
    def tabular_norm(self) -> Any:
        largest, found = mpf(0), {}
        for (i, s, _), u in zip(self.points, self.u, strict=True):
            found.setdefault((i, s), []).append(u)
        for values in found.values():
            largest = max(largest, max(values) - min(values))
        return self.tau * mp.sqrt(mpf(self.states * self.actions)) * largest

    @property
    def contraction_margin(self) -> Any:
        return min(1 - self.kappa(p) for p in self.processes)

    @property
    def slope_to_comparator(self) -> Any:
        return mp.fsum(g * (a - b) for g, a, b in zip(self.gradient, self.rival, self.omega, strict=True))

    @property
    def misfit_plain(self) -> tuple[Any, Any]:
        """phi/tau, centred under pi_i."""
        found = []
        for i, s, a in self.points:
            own = self.features[s * self.actions : (s + 1) * self.actions]
            mean = [mp.fsum(p * row[j] for p, row in zip(self.own[i][s], own, strict=True)) for j in range(len(own[0]))]
            found.append([(x - y) / self.tau for x, y in zip(own[a], mean, strict=True)])
        return self.misfit_of(found)

    # --- truths -------------------------------------------------------------------------------------------------------

    @property
    def margin_kl_step(self) -> bool:
        return self.step == "kl-step"

    @property
    def margin_rational_step(self) -> bool:
        return self.step == "rational-step"

    @property
    def margin_policy_step(self) -> bool:
        return self.step != "gradient"

    @property
    def margin_forward_step(self) -> bool:
        return bool(self.eta > 0)

    @property
    def margin_no_backward_step(self) -> bool:
        return bool(self.eta >= 0)

    @property
    def margin_no_lookahead(self) -> bool:
        return bool(self.eta == 0 or (self.step != "gradient" and all(p.gamma == 0 for p in self.processes)))

    @property
    def margin_single_task(self) -> bool:
        return len(self.processes) == 1

    @property
    def margin_tabular(self) -> bool:
        count = len(self.flat)
        units = {tuple(Fraction(int(j == k)) for j in range(count)) for k in range(count)}
        return {tuple(exact(v) for v in row) for row in self.flat} == units

    @property
    def margin_contraction(self) -> bool | None:
        return None if is_small(self.contraction_margin, 1) else bool(self.contraction_margin > 0)

    @property
    def margin_one_state(self) -> bool:
        return (self.states, self.actions, len(self.omega)) == (1, 2, 1)

    @property
    def margin_parameter_comparator(self) -> bool:
        return not self.given

    @property
    def margin_better_comparator(self) -> bool | None:
        return None if is_small(self.gap, abs(self.adapted_return) + 1) else bool(self.gap > 0)

    # --- the mixed form: (s', a', s, a) under rho = sum q_i sigma_i(s, a) varsigma_i(s', a'|s, a) ---

    @cached_property
    def mixed(self) -> tuple[Vector, Vector, Vector, list[Vector], list[bool], list[bool]]:
        """rho, Wn, Un, Pn (times rho) per point; whether Wn is 0, whether Un and Pn are."""
        if self.step == "gradient":
            raise UndefinedError("not a step on policies")
        self.smooth_policies()
        w = dict(zip(self.points, self.w, strict=True))
        u = dict(zip(self.points, self.u, strict=True))
        mass = dict(zip(self.points, self.masses, strict=True))
        d = len(self.features[0])
        found: dict[tuple[int, int, int, int], list[Any]] = {}
        for i, p in enumerate(self.processes):
            values = p.values(self.first)
            table = p.action_values(values)
            for s, a in itertools.product(range(self.states), range(self.actions)):
                if (i, s, a) not in mass:
                    continue
                later = p.visits(self.first, p.moves[s][a])
                here = [x / self.tau for x in self.features[s * self.actions + a]]
                ahead = self.eta * p.gamma / ((1 - p.gamma) * self.tau)
                if self.step == "rational-step":
                    ahead /= 1 + self.eta * table[s][a]
                for t, b in itertools.product(range(self.states), range(self.actions)):
                    rho = mass[i, s, a] * later[t] * self.first[t][b]
                    if rho == 0:
                        continue
                    pull = ahead * (table[t][b] - values[t])
                    there = self.features[t * self.actions + b]
                    psi = [x + pull * y for x, y in zip(here, there, strict=True)]
                    at = found.setdefault((t, b, s, a), [mpf(0)] * 5 + [[mpf(0)] * d, mpf(0)])
                    weight = rho * w[i, s, a]
                    at[0] += rho
                    at[1] += weight
                    at[2] += weight * u[i, s, a]
                    at[3] += abs(weight)
                    at[4] += abs(weight * u[i, s, a])
                    at[5] = [x + weight * y for x, y in zip(at[5], psi, strict=True)]
                    at[6] += abs(weight) * norm(psi)
        entries = list(found.values())
        return (
            [e[0] for e in entries],
            [e[1] for e in entries],
            [e[2] for e in entries],
            [e[5] for e in entries],
            [is_small(e[1], e[3]) for e in entries],
            [is_small(e[2], e[4]) and is_small(norm(e[5]), e[6]) for e in entries],
        )

    @property
    def mixed_weight_norm(self) -> Any:
        rho, weights, *_ = self.mixed
        return mp.sqrt(mp.fsum(w * w / r for r, w in zip(rho, weights, strict=True)))

    @property
    def margin_numerator_vanishes(self) -> bool:
        *_, gone, empty = self.mixed
        return all(e for g, e in zip(gone, empty, strict=True) if g)

    @property
    def mixed_misfit(self) -> tuple[Any, Any]:
        rho, weights, targets, rows, gone, _ = self.mixed
        if not self.margin_numerator_vanishes:
            raise UndefinedError("the target is undefined")
        live = [j for j, g in enumerate(gone) if not g]
        return infimum.misfit(
            [[x / weights[j] for x in rows[j]] for j in live],
            [targets[j] / weights[j] for j in live],
            [rho[j] for j in live],
            self.radius,
        )

    @property
    def mixed_misfit_l1(self) -> tuple[Any, Any]:
        _, _, targets, rows, *_ = self.mixed
        return infimum.l1(self.eps, rows, targets)


class PolicyNetwork(Policies):
    """Network policies: features at initialisation, errors, C3."""

    network: Network

    @cached_property
    def formal_rows(self) -> list[Vector]:
        return self.rows if self.smooth else self.moved_by([self.network.slope(self.omega, x) for x in self.inputs])

    @property
    def inputs(self) -> range:
        return range(len(self.flat))

    @cached_property
    def start_features(self) -> list[Vector]:
        return [self.network.slope(self.network.start, x) for x in self.inputs]

    @cached_property
    def initial_rows(self) -> list[Vector]:
        return self.moved_by(self.start_features)

    @property
    def margin_differentiability(self) -> bool:
        return self.smooth

    @property
    def eps_formal(self) -> Any:
        return norm(self.pulled(self.formal_rows))

    @cached_property
    def misfit(self) -> tuple[Any, Any]:
        return self.misfit_of(self.formal_rows)

    @property
    def eps_init(self) -> Any:
        return norm(self.pulled(self.initial_rows))

    @cached_property
    def misfit_init(self) -> tuple[Any, Any]:
        return self.misfit_of(self.initial_rows)

    @cached_property
    def change(self) -> list[Vector]:
        return [
            [a - b for a, b in zip(first, row, strict=True)]
            for first, row in zip(self.initial_rows, self.formal_rows, strict=True)
        ]

    @property
    def gradient_difference(self) -> Any:
        return norm(self.pulled(self.change))

    @property
    def error_operator(self) -> Any:
        rows = [[mp.sqrt(m) * x for x in row] for m, row in zip(self.masses, self.change, strict=True)]
        return singular_values(rows)[-1]

    def explicit(self, delta: Callable[[int], Any]) -> Any:
        """||e||, e_i(s, a) = delta/tau + |eta| g/((1-g) tau) E_varsigma[|A| delta] (rational: over 1 + eta Q)."""
        self.smooth_policies()
        known = [delta(x) for x in self.inputs]
        found = []
        for i, s, a in self.points:
            p = self.processes[i]
            values = p.values(self.first)
            table = p.action_values(values)
            later = p.visits(self.first, p.moves[s][a])
            ahead = mp.fsum(
                later[t] * self.first[t][b] * abs(table[t][b] - values[t]) * known[t * self.actions + b]
                for t in p.states
                for b in range(self.actions)
            )
            factor = abs(self.eta) * p.gamma / (1 - p.gamma)
            if self.step == "rational-step":
                factor /= 1 + self.eta * table[s][a]
            found.append((known[s * self.actions + a] + factor * ahead) / self.tau)
        return weighted_norm(found, self.masses)

    def by_count(self, count: Callable[[int], int]) -> Any:
        if self.network.name != "relu":
            raise UndefinedError("for ReLU networks")
        net = self.network
        return self.explicit(lambda x: norm(net.inputs[x]) * mp.sqrt(mpf(count(x)) / net.width))

    @property
    def error_flips(self) -> Any:
        return self.by_count(lambda x: self.network.flips(self.omega, x))

    @cached_property
    def squared_displacement(self) -> Fraction:
        rows = zip(self.document["omega"], self.network.exact_start, strict=True)
        return sum(((exact(a) - b) ** 2 for row, start in rows for a, b in zip(row, start, strict=True)), Fraction(0))

    @property
    def error_count(self) -> Any:
        return self.by_count(lambda x: self.network.budget(x, self.squared_displacement))

    @property
    def error_pointwise(self) -> Any:
        if self.network.name == "relu":
            raise UndefinedError("for smooth networks")
        net, distances = self.network, self.network.distances(self.omega)

        def delta(x: int) -> Any:
            length = norm(net.inputs[x])
            parts = [min(mpf(1), net.curvature * length * d) ** 2 for d in distances]
            return length * mp.sqrt(mp.fsum(parts) / net.width)

        return self.explicit(delta)

    @property
    def error_ball(self) -> Any:
        if self.network.name == "relu":
            raise UndefinedError("for smooth networks")
        net, ball = self.network, mp.sqrt(number(self.squared_displacement))

        def delta(x: int) -> Any:
            length = norm(net.inputs[x])
            return length * min(mpf(1), net.curvature * length * ball * net.scale)

        return self.explicit(delta)

    # --- C3: differences between actions at choices -------------------------------------------------------------------

    @cached_property
    def choices(self) -> list[tuple[int, int]]:
        """(task, state) that the task visits and where two actions differ in reward or in the next state."""
        found = []
        for i, p in enumerate(self.processes):
            for s in p.states:
                rewards = len(set(p.exact_rewards[s])) > 1
                moves = p.exact_gamma != 0 and len(set(map(tuple, p.exact_moves[s]))) > 1
                if self.visited[i][s] > 0 and (rewards or moves):
                    found.append((i, s))
        return found

    def contrasts(self, values: Callable[[int, int, int], Vector]) -> list[Vector]:
        """At every choice, orthonormal combinations over actions whose coefficients sum to 0."""
        found = []
        for i, s in self.choices:
            rows = [values(i, s, a) for a in range(self.actions)]
            for k in range(1, self.actions):
                size = 1 / mp.sqrt(mpf(k * (k + 1)))
                found.append([size * (mp.fsum(c[:k]) - k * c[k]) for c in zip(*rows, strict=True)])
        return found

    @cached_property
    def contrast_rows(self) -> list[Vector]:
        place = dict(zip(self.points, self.rows, strict=True))
        return self.contrasts(lambda i, s, a: place[i, s, a])

    @property
    def margin_full_action_rank(self) -> bool | None:
        return independent(self.contrast_rows)

    @property
    def min_norm_solution(self) -> Any:
        if not independent(self.contrast_rows):
            raise UndefinedError("dependent")
        if not self.choices:
            return mpf(0)
        place = dict(zip(self.points, self.u, strict=True))
        target = self.contrasts(lambda i, s, a: [place[i, s, a]])
        return norm(shortest(self.contrast_rows, [t[0] for t in target]))

    @property
    def condition(self) -> Any:
        if not independent(self.contrast_rows):
            raise UndefinedError("dependent")
        values = singular_values(self.contrast_rows)
        return (values[-1] / values[0]) ** 2 if values else mpf(1)
