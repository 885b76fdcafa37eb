"""The quantities of network policies: features at initialisation, their errors, and C3."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from mpmath import mp, mpf

from .core import FromStart
from .networks import Network
from .numbers import (
    Fraction,
    UndefinedError,
    Vector,
    exact,
    independent,
    norm,
    number,
    shortest,
    singular_values,
    weighted_norm,
)
from .policies import Policies


class PolicyNetwork(FromStart, Policies):
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
    def rank_room(self) -> Any:
        """The squared smallest singular value of the contrasts: what a margin of their rank is at most."""
        rows = self.contrast_rows
        if not rows:
            return mpf(1)
        return singular_values(rows)[0] ** 2 if len(rows) <= len(self.omega) else mpf(0)

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
