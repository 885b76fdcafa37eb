"""A smooth two-layer network on finitely many inputs, in balls: drives, predictions, gradient features.

Parameters are matrices W (m, d), drives W X' (m, k), X the inputs. Of c outputs f_a(x; W) = m^{-1/2} sum_r b_ar
sigma(W_r'x), all of the same neurons: component a at input x is the place x c + a. What needs no task; risks and
policies build on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from flint import arb, arb_mat, fmpq

from ..arithmetic import Balls, Number
from ..instances import Vector
from .activation import Activation
from .weights import Weights


class SmoothLayer:
    """f(x; W) = m^{-1/2} sum_r b_r sigma(W_r'x) on inputs (k, d)."""

    sigma: Activation
    inputs: arb_mat
    output: list[list[arb]]
    """m^{-1/2} b (c, m)."""

    def _lay(self, sigma: Activation, rows: Sequence[Vector], signs: Sequence[Sequence[int]]) -> None:
        self.sigma = sigma
        self.inputs = Balls.matrix([[arb(v) for v in row] for row in rows])
        shrink = arb(fmpq(1, len(signs[0]))).sqrt()
        self.output = [[b * shrink for b in row] for row in signs]

    @staticmethod
    def matrix(weights: Weights) -> arb_mat:
        """Weights as balls (m, d)."""
        values = [arb(v) for v in weights.floats.ravel().tolist()]
        for (r, j), v in weights.odd.items():
            values[r * weights.dimension + j] = arb(v)
        return arb_mat(weights.width, weights.dimension, values)

    def drives(self, weights: arb_mat) -> arb_mat:
        """W_r'x (m, k)."""
        return weights * self.inputs.transpose()

    def predictions(self, drives: arb_mat) -> list[Number]:
        """f(x; W) [k c]."""
        return self._combined(self._activated(drives))

    def _activated(self, drives: arb_mat) -> arb_mat:
        """sigma(W_r'x) (m, k)."""
        values = [self.sigma.value(Balls, t) for t in drives.entries()]
        return arb_mat(drives.nrows(), drives.ncols(), values)

    def _combined(self, activated: arb_mat) -> list[Number]:
        return (activated.transpose() * Balls.matrix(self.output).transpose()).entries()

    def gates(self, drives: arb_mat) -> list[list[arb]]:
        """m^{-1/2} b_r sigma'(W_r'x) (m, k c): the gradient feature at x is the gate times x, per neuron."""
        return [
            [b * slope for slope in (self.sigma.d1(Balls, t) for t in row) for b in signs]
            for signs, row in zip(zip(*self.output, strict=True), drives.tolist(), strict=True)
        ]

    def neurons(self, weights: arb_mat, places: Sequence[int] | None = None) -> Neurons:
        """The network with the weights (m, d) at the inputs of these places, or at all of them."""
        c = len(self.output)
        used = range(self.inputs.nrows()) if places is None else dict.fromkeys(place // c for place in places)
        return Neurons(self, weights, tuple(used))


@dataclass(frozen=True, eq=False)
class Neurons:
    """What the neurons do at the inputs xs for the weights W (m, d): nothing is evaluated twice, or where it is not
    asked for."""

    layer: SmoothLayer
    weights: arb_mat
    xs: tuple[int, ...]

    @cached_property
    def inputs(self) -> arb_mat:
        """The inputs xs (|xs|, d)."""
        rows = self.layer.inputs.tolist()
        return Balls.matrix([rows[x] for x in self.xs])

    @cached_property
    def drives(self) -> arb_mat:
        """W_r'x (m, |xs|)."""
        return self.weights * self.inputs.transpose()

    @cached_property
    def activated(self) -> arb_mat:
        """sigma(W_r'x) (m, |xs|)."""
        return self.layer._activated(self.drives)

    @cached_property
    def predictions(self) -> list[Number]:
        """f(x; W) [k c]; 0 at inputs that are not in xs."""
        found: list[Number] = [arb(0)] * (self.layer.inputs.nrows() * len(self.layer.output))
        for place, value in zip(self.places, self.layer._combined(self.activated), strict=True):
            found[place] = value
        return found

    @cached_property
    def places(self) -> dict[int, int]:
        """The places of the inputs xs, in order: of each its number."""
        c = len(self.layer.output)
        return {x * c + a: j * c + a for j, x in enumerate(self.xs) for a in range(c)}

    @cached_property
    def gates(self) -> arb_mat:
        """m^{-1/2} b_r sigma'(W_r'x) (m, |places|)."""
        return Balls.matrix(self.layer.gates(self.drives))

    @cached_property
    def folds(self) -> list[list[arb]]:
        """m^{-1/2} b_r sigma''(W_r'x) (m, |places|): the second derivative of f at x is the fold times x x'."""
        c, bend = len(self.layer.output), self.layer.sigma.bend
        bends = [[v for v in (bend(Balls, t) for t in row) for _ in range(c)] for row in self.drives.tolist()]
        return [[g * v for g, v in zip(*rows, strict=True)] for rows in zip(self.gates.tolist(), bends, strict=True)]

    @cached_property
    def kernel(self) -> arb_mat:
        """<phi_W, phi_W> = sum_r gate_r gate_r <x, x'> (|places|, |places|)."""
        at = Balls.matrix(self.at(list(self.places)))
        gates, products = self.gates.transpose() * self.gates, at * at.transpose()
        return Balls.matrix(
            [[g * v for g, v in zip(*row, strict=True)] for row in zip(gates.tolist(), products.tolist(), strict=True)]
        )

    def rows(self, xs: Sequence[int]) -> arb_mat:
        """phi_W at places of xs (., m d)."""
        key = tuple(xs)
        if key not in self._rows:
            places, table = self.places, self.gates.transpose().tolist()
            gates = [Balls.matrix([table[places[x]]]).transpose() for x in xs]
            inputs = [Balls.matrix([v]) for v in self.at(xs)]
            self._rows[key] = Balls.matrix([(g * v).entries() for g, v in zip(gates, inputs, strict=True)])
        return self._rows[key]

    @cached_property
    def _rows(self) -> dict[tuple[int, ...], arb_mat]:
        """By places."""
        return {}

    def at(self, places: Sequence[int]) -> list[list[arb]]:
        """The inputs of places."""
        c, table = len(self.layer.output), self.layer.inputs.tolist()
        return [table[place // c] for place in places]

    def pulled(self, slopes: Sequence[arb]) -> arb_mat:
        """sum_x slopes(x) phi_W(x) (m, d), for slopes [k c]."""
        rows = zip(self.places, self.at(list(self.places)), strict=True)
        return self.gates * Balls.matrix([[slopes[place] * v for v in row] for place, row in rows])
