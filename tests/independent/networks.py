"""Two-layer networks f(x; W) = m^{-1/2} sum_r b_r sigma(W_r'x) by their definition, and the claims' own quantities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

from .numbers import (
    Fraction,
    Vector,
    dot,
    exact,
    norm,
    number,
    numbers,
)


def _softplus(t: Any) -> Any:
    return mp.log1p(mp.exp(t)) if t < 0 else t + mp.log1p(mp.exp(-t))


ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "relu": (lambda t: max(t, mpf(0)), lambda t: mpf(int(t > 0))),
    "softplus": (_softplus, lambda t: 1 / (1 + mp.exp(-t))),
    "tanh": (mp.tanh, lambda t: 1 / mp.cosh(t) ** 2),
}
"""sigma and sigma'; for ReLU 1{0 > 0} = 0."""


class Network:
    """The network as a model whose parameter is W row by row."""

    def __init__(self, model: dict[str, Any], inputs: list[list[Any]]) -> None:
        self.name = model.get("activation", "relu")
        self.sigma, self.slope_of = ACTIVATIONS[self.name]
        self.exact_inputs = [[exact(v) for v in row] for row in inputs]
        self.inputs = [numbers(row) for row in inputs]
        self.exact_start = [[exact(v) for v in row] for row in model["W0"]]
        self.start = self.parameter(model["W0"])
        self.b = model["b"]
        self.width, self.size = len(model["W0"]), len(model["W0"][0])
        self.scale = 1 / mp.sqrt(mpf(self.width))

    def parameter(self, given: Any) -> Vector:
        return [number(exact(v)) for row in given for v in row]

    def signs(self, x: Any) -> list[int]:
        """The b_r by which the neurons enter f(x)."""
        return [int(exact(b)) for b in self.b]

    @property
    def places(self) -> list[Any]:
        """All x."""
        return list(range(len(self.inputs)))

    def arguments(self, weights: Vector, x: Any) -> Vector:
        """W_r'x; what is 0 but for rounding is 0."""
        given, d, found = self.inputs[x], self.size, []
        for r in range(self.width):
            row = weights[r * d : (r + 1) * d]
            value = dot(row, given)
            if self.name == "relu" and abs(value) < mpf(10) ** (-2 * mp.dps // 3) * dot(map(abs, row), map(abs, given)):
                value = mpf(0)
            found.append(value)
        return found

    def predict(self, weights: Vector, x: int) -> Any:
        values = [b * self.sigma(t) for b, t in zip(self.signs(x), self.arguments(weights, x), strict=True)]
        return self.scale * mp.fsum(values)

    def slope(self, weights: Vector, x: int) -> Vector:
        """phi_W(x): block r is m^{-1/2} b_r sigma'(W_r'x) x."""
        return self.feature(self.arguments(weights, x), x)

    def feature(self, arguments: Vector, x: int) -> Vector:
        factors = [self.scale * b * self.slope_of(t) for b, t in zip(self.signs(x), arguments, strict=True)]
        return [f * v for f in factors for v in self.inputs[x]]

    def kink(self, weights: Vector, x: int) -> bool:
        if self.name != "relu" or not any(self.inputs[x]):
            return False
        return any(t == 0 for t in self.arguments(weights, x))

    def pattern(self, weights: Vector, x: int) -> tuple[bool, ...]:
        return tuple(bool(t > 0) for t in self.arguments(weights, x))

    def blocks(self, weights: Vector) -> list[Vector]:
        return [weights[r * self.size : (r + 1) * self.size] for r in range(self.width)]

    def distances(self, weights: Vector) -> Vector:
        """d_r = ||W_r - W0_r||."""
        moved = [a - b for a, b in zip(weights, self.start, strict=True)]
        return [norm(block) for block in self.blocks(moved)]

    @property
    def curvature(self) -> Any:
        """c2 = sup |sigma''|."""
        return {"softplus": mpf(1) / 4, "tanh": 4 / (3 * mp.sqrt(3))}[self.name]

    def flips(self, weights: Vector, x: int) -> int:
        """Neurons whose pattern at x differs from that at W0."""
        pairs = zip(self.pattern(weights, x), self.pattern(self.start, x), strict=True)
        return sum(a != b for a, b in pairs)

    def budget(self, x: int, most: Any) -> int:
        """k*: how many of the smallest (W0_r'x/||x||)^2 sum to at most `most`^2, given as ^2: exact if a fraction."""
        given = self.exact_inputs[x]
        length = sum(v * v for v in given)
        if length == 0:
            return 0
        squares = sorted(
            sum((w * v for w, v in zip(row, given, strict=True)), Fraction(0)) ** 2 / length for row in self.exact_start
        )
        total, count = Fraction(0), 0
        for value in squares:
            total += value
            if (total if isinstance(most, Fraction) else number(total)) > most:
                break
            count += 1
        return count
