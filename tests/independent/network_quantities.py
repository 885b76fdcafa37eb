"""The quantities of the claims on networks in meta-SL: features at initialisation, errors, the ball around W0."""

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
    dot,
    exact,
    independent,
    norm,
    number,
    singular_values,
    step_size,
    weighted_norm,
)
from .supervised import Supervised, Task

WIDE = 48
"""Weights beyond which derivatives in every single one are left out."""


class NetworkSupervised(FromStart, Supervised):
    """Meta-SL with a network: features at initialisation, errors, the ball around W0."""

    coefficients = True
    model: Network

    def make_model(self, document: dict[str, Any]) -> Network:
        return Network(document["model"], document["features"])

    # --- formal meta-features: (I - (H^(0) + decay) P) ... (I - (H^(K-1) + decay) P) phi, P the steps of the weights,
    # ell'' at the iterates' predictions ---

    def transported(self, feature: Callable[[Vector, int], Vector]) -> list[Vector]:
        """The product of the steps' factors applied to feature(W_i, x), per point; the last step acts first."""
        if any(self.rates) and self.joints(False):
            raise UndefinedError("a prediction on a joint of the loss")
        found = []
        for i, x, _ in self.points:
            task, path = self.tasks[i], self.paths[i]
            v = feature(path[-1], x)
            for weights in reversed(path[:-1]):
                paced = [rate * a for rate, a in zip(self.rates, v, strict=True)]
                change = [self.decay * a for a in paced]
                pairings = {other: dot(feature(weights, other), paced) for other in task.inner.rho}
                for other, pull in self.turned(task.inner, weights, pairings).items():
                    change = [c + pull * o for c, o in zip(change, feature(weights, other), strict=True)]
                v = [a - c for a, c in zip(v, change, strict=True)]
            found.append(v)
        return found

    def turned(self, law: Task, weights: Vector, values: dict[Any, Any]) -> dict[Any, Any]:
        """sum_y p ell''(f(x; W), y) times a value, per x of a law."""
        return {x: self.bend(law, weights, x) * value for x, value in values.items()}

    def bend(self, law: Task, weights: Vector, x: Any) -> Any:
        return law.rho[x] * self.mean(law, x, self.loss.second, self.model.predict(weights, x))

    def pull(self, law: Task, weights: Vector, x: Any) -> Any:
        """sum_y p ell'(f(x; W), y)."""
        return law.rho[x] * self.mean(law, x, self.loss.first, self.model.predict(weights, x))

    @property
    def wide(self) -> bool:
        """Whether differences in every weight would take too long."""
        return len(self.omega) > WIDE

    @cached_property
    def derivatives(self) -> list[Vector]:
        if self.wide:
            raise UndefinedError("too many weights for differences")
        return super().derivatives

    @property
    def rows(self) -> list[Vector]:  # type: ignore[override]
        return self.formal_rows if self.wide and self.smooth else super().rows

    @property
    def gradient(self) -> Vector:  # type: ignore[override]
        return self.pulled(self.rows) if self.wide else super().gradient

    def slope_along(self, v: Vector) -> Any:
        """The difference of L along v."""
        h = step_size()
        high, low = (self.objective([t + s * x for t, x in zip(self.omega, v, strict=True)]) for s in (h, -h))
        return (high - low) / (2 * h)

    @cached_property
    def eps(self) -> Any:
        """Wide networks: how L changes along <w, phi>, which is ||grad L|| only if that is its direction."""
        size = norm(self.gradient)
        return self.slope_along([g / size for g in self.gradient]) if self.wide and size else size

    @cached_property
    def direction(self) -> Any:
        return self.slope_along(self.along) if self.wide else super().direction

    @cached_property
    def formal_rows(self) -> list[Vector]:
        """phi, also at kinks (ReLU): the formula; off kinks, and for smooth networks, the derivative itself."""
        if self.model.name == "relu" and (self.wide or not self.smooth):
            return self.transported(self.model.slope)
        return self.rows

    @cached_property
    def initial_rows(self) -> list[Vector]:
        return self.transported(lambda weights, x: self.model.slope(self.model.start, x))

    @property
    def margin_joints(self) -> bool:
        return not any(self.rates) or not self.joints(False)

    @property
    def margin_convex_inner(self) -> bool:
        return self.loss.convex

    @property
    def error_trace(self) -> Any:
        return weighted_norm([norm(row) for row in self.change], self.masses)

    # --- explicit errors ------------------------------------------------------------------------------------------

    def lengths(self) -> dict[Any, Any]:
        return {x: norm(self.model.inputs[x]) for x in self.model.places}

    def explicit(self, delta: Callable[[int, int, int], Any], curved: bool) -> Any:
        """||e|| for delta(task, step, x); `curved`: with the network's own second derivative (smooth networks).

        |E ell''|, which is E ell'' wherever e is a bound.
        """
        length, found = self.lengths(), []
        for i, x, _ in self.points:
            task, steps = self.tasks[i], self.paths[i][:-1]
            kappas, bends, turns = [], [], []
            for k, weights in enumerate(steps):
                total = bent = turned = mpf(0)
                for other in task.inner.rho:
                    second = abs(self.bend(task.inner, weights, other))
                    total += second * length[other] ** 2
                    bent += second * length[other] * delta(i, k, other)
                    if curved:
                        slope = abs(self.pull(task.inner, weights, other))
                        turned += self.model.curvature * self.model.scale * slope * length[other] ** 2
                fastest = max(map(abs, self.rates))
                kappas.append(self.expansion(total))
                turns.append(fastest * turned)
                bends.append(2 * fastest * bent + fastest * turned)
            outer = mp.fprod(kappas) * delta(i, len(steps), x)
            inner = mp.fsum(
                mp.fprod(kappas[:k])
                * bends[k]
                * mp.fprod(a + b for a, b in zip(kappas[k + 1 :], turns[k + 1 :], strict=True))
                for k in range(len(steps))
            )
            found.append(outer + length[x] * inner)
        return weighted_norm(found, self.masses)

    def expansion(self, total: Any) -> Any:
        """||I - P (H + decay)|| for 0 <= H <= total, by the mean of the steps' ends and what is off it."""
        mean, off = (max(self.rates) + min(self.rates)) / 2, (max(self.rates) - min(self.rates)) / 2
        kept = max(abs(1 - mean * (self.decay + t)) for t in (mpf(0), total))
        return kept + off * (total + self.decay)

    def relu(self) -> None:
        if self.model.name != "relu":
            raise UndefinedError("for ReLU networks")

    def curved(self) -> None:
        if self.model.name == "relu":
            raise UndefinedError("for smooth networks")

    def by_flips(self, counts: Callable[[int, int, int], int]) -> Any:
        length, width = self.lengths(), mpf(self.model.width)
        return self.explicit(lambda i, k, x: length[x] * mp.sqrt(counts(i, k, x) / width), False)

    @property
    def error_flips(self) -> Any:
        self.relu()
        return self.by_flips(lambda i, k, x: self.model.flips(self.paths[i][k], x))

    @cached_property
    def squared_displacement(self) -> Fraction:
        """||W - W0||^2, exactly."""
        rows = zip(self.document["omega"], self.model.exact_start, strict=True)
        return sum(((exact(a) - b) ** 2 for row, start in rows for a, b in zip(row, start, strict=True)), Fraction(0))

    @property
    def ball(self) -> Any:
        """B = ||W - W0||."""
        return mp.sqrt(number(self.squared_displacement))

    def moved(self, i: int, k: int) -> Any:
        """||W^(k) - W||."""
        return norm([a - b for a, b in zip(self.paths[i][k], self.omega, strict=True)])

    @property
    def error_count(self) -> Any:
        self.relu()
        known: dict[tuple[int, int, int], int] = {}

        def count(i: int, k: int, x: int) -> int:
            if (i, k, x) not in known:
                move = self.moved(i, k)
                most = self.squared_displacement if move == 0 else (self.ball + move) ** 2
                known[i, k, x] = self.model.budget(x, most)
            return known[i, k, x]

        return self.by_flips(count)

    @property
    def error_pointwise(self) -> Any:
        self.curved()
        length, model = self.lengths(), self.model
        distances = [[model.distances(weights) for weights in path] for path in self.paths]

        def delta(i: int, k: int, x: int) -> Any:
            parts = [min(mpf(1), model.curvature * length[x] * d) ** 2 for d in distances[i][k]]
            return length[x] * mp.sqrt(mp.fsum(parts) / model.width)

        return self.explicit(delta, True)

    @property
    def error_ball(self) -> Any:
        self.curved()
        length, model = self.lengths(), self.model

        def delta(i: int, k: int, x: int) -> Any:
            reach = self.ball + self.moved(i, k)
            return length[x] * min(mpf(1), model.curvature * length[x] * reach * model.scale)

        return self.explicit(delta, True)

    # --- the linearisation at W0 --------------------------------------------------------------------------------

    def over_points(self, value: Callable[[int], Any]) -> Any:
        known = {x: value(x) for _, x, _ in self.points}
        return weighted_norm([known[x] for _, x, _ in self.points], self.masses)

    @property
    def linearisation(self) -> Any:
        """||f(x; W) - f(x; W0) - phi_0(x)'(W - W0)||."""
        model = self.model
        move = [a - b for a, b in zip(self.omega, model.start, strict=True)]

        def error(x: int) -> Any:
            return model.predict(self.omega, x) - model.predict(model.start, x) - dot(model.slope(model.start, x), move)

        return self.over_points(error)

    @property
    def linearisation_bound(self) -> Any:
        self.relu()
        model = self.model
        distances = model.distances(self.omega)

        def bound(x: int) -> Any:
            length = norm(model.inputs[x])
            if length == 0:
                return mpf(0)
            reaches = {1: mpf(0), -1: mpf(0)}
            for b, d, t in zip(model.signs(x), distances, model.arguments(model.start, x), strict=True):
                reaches[b] += max(d - abs(t) / length, mpf(0))
            return model.scale * length * max(reaches.values())

        return self.over_points(bound)

    @property
    def linearisation_worst(self) -> Any:
        self.relu()
        model = self.model

        def worst(x: int) -> Any:
            length, best = norm(model.inputs[x]), mpf(0)
            for sign in (1, -1):
                sizes = sorted(
                    abs(t) for b, t in zip(model.signs(x), model.arguments(model.start, x), strict=True) if b == sign
                )
                for count in range(1, len(sizes) + 1):
                    best = max(best, self.ball * length * mp.sqrt(mpf(count)) - mp.fsum(sizes[:count]))
            return model.scale * best

        return self.over_points(worst)

    @property
    def linearisation_taylor(self) -> Any:
        self.curved()
        model, distances = self.model, self.model.distances(self.omega)

        def bound(x: int) -> Any:
            length = norm(model.inputs[x])
            return model.scale * mp.fsum(
                min(d * length, model.curvature * d * d * length * length / 2) for d in distances
            )

        return self.over_points(bound)

    @property
    def linearisation_ball(self) -> Any:
        self.curved()
        model = self.model

        def bound(x: int) -> Any:
            length = norm(model.inputs[x])
            return min(self.ball * length, model.curvature * self.ball**2 * length**2 * model.scale / 2)

        return self.over_points(bound)

    # --- the ball around W0, rank -------------------------------------------------------------------------------

    @cached_property
    def from_start(self) -> Vector:
        return [a - b for a, b in zip(self.omega, self.model.start, strict=True)]

    @property
    def eps_projected(self) -> Any:
        return dot(self.gradient, self.from_start) + self.radius * self.eps

    @property
    def misfit_projected(self) -> tuple[Any, Any]:
        """W - V = (W - W0) - (V - W0), the latter in the ball of radius R."""
        target = [u - dot(row, self.from_start) for u, row in zip(self.u, self.rows, strict=True)]
        return self.misfit_of(self.rows, target)

    @property
    def condition(self) -> Any:
        """Of the Gram matrix of the meta-features: the squared ratio of their singular values."""
        if not independent(self.rows):
            raise UndefinedError("the meta-features are dependent")
        values = singular_values(self.rows)
        return (values[-1] / values[0]) ** 2
