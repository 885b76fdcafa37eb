"""The quantities of meta-RL's claims on linear policies, beyond the core: corollaries and the mixed form."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import Any

from mpmath import mp, mpf

from . import infimum
from .numbers import Fraction, UndefinedError, Vector, dot, exact, is_small, norm
from .policies import Policies, Process


class MetaRL(Policies):
    """Linear policies: the mixed form and the corollaries."""

    @property
    def step_size(self) -> Any:
        return self.eta

    @property
    def improvement(self) -> Any:
        return self.adapted_return - self.prior_return

    @property
    def jeffreys(self) -> Any:
        total = mpf(0)
        for p, own, nu in zip(self.processes, self.own, self.visited, strict=True):
            for s in p.states:
                pairs = list(zip(own[s], self.first[s], strict=True))
                both = mp.fsum(a * mp.log(a / b) for a, b in pairs) + mp.fsum(b * mp.log(b / a) for a, b in pairs)
                total += p.weight * nu[s] * both / (1 - p.gamma)
        return total

    @property
    def tilted_variance(self) -> Any:
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
        return mp.fsum(
            p.weight * self.span(p) / (2 * (1 - p.gamma)) * self.b * (1 + self.kappa(p)) for p in self.processes
        )

    @property
    def smoothness(self) -> Any:
        total = mpf(0)
        for p in self.processes:
            own, span, rest = self.b * (1 + self.kappa(p)), self.span(p), 1 - p.gamma
            later = abs(self.eta) * p.gamma * self.b**2 * span**2 / (2 * rest**3)
            total += p.weight * (span * own**2 / rest**2 + later)
        return total

    @property
    def curvature_size(self) -> Any:
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
