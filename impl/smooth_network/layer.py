"""A smooth two-layer network on finitely many inputs, in balls: drives, predictions, gradient features.

Parameters are matrices W (m, d), drives W X' (m, k), X the inputs. What needs no task; risks and policies build on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, arb_mat, fmpq

from ..arithmetic import Balls, Number
from ..instances import Vector
from ..network.weights import Weights
from .activation import Activation


class SmoothLayer:
    """f(x; W) = m^{-1/2} sum_r b_r sigma(W_r'x) on inputs (k, d)."""

    sigma: Activation
    inputs: arb_mat
    output: list[arb]
    """m^{-1/2} b_r [m]."""

    def _lay(self, sigma: Activation, rows: Sequence[Vector], signs: Sequence[int]) -> None:
        self.sigma = sigma
        self.inputs = Balls.matrix([[arb(v) for v in row] for row in rows])
        shrink = arb(fmpq(1, len(signs))).sqrt()
        self.output = [b * shrink for b in signs]

    @staticmethod
    def matrix(weights: Weights) -> arb_mat:
        """Weights as balls (m, d)."""
        return Balls.matrix([[arb(v) for v in weights.row(r)] for r in range(weights.width)])

    def drives(self, weights: arb_mat) -> arb_mat:
        """W_r'x (m, k)."""
        return weights * self.inputs.transpose()

    def predictions(self, drives: arb_mat) -> list[Number]:
        """f(x; W) [k]."""
        total = [arb(0)] * drives.ncols()
        for b, row in zip(self.output, drives.tolist(), strict=True):
            total = [f + b * self.sigma.value(Balls, t) for f, t in zip(total, row, strict=True)]
        return total

    def gates(self, drives: arb_mat) -> list[list[arb]]:
        """m^{-1/2} b_r sigma'(W_r'x) (m, k): the gradient feature at x is the gate times x, per neuron."""
        return [[b * self.sigma.d1(Balls, t) for t in row] for b, row in zip(self.output, drives.tolist(), strict=True)]

    def folds(self, drives: arb_mat) -> list[list[arb]]:
        """m^{-1/2} b_r sigma''(W_r'x) (m, k): the second derivative of f at x is the fold times x x', per neuron."""
        return [[b * self.sigma.d2(Balls, t) for t in row] for b, row in zip(self.output, drives.tolist(), strict=True)]

    def pulled(self, gates: Sequence[Sequence[arb]], slopes: Sequence[arb]) -> arb_mat:
        """sum_x slopes(x) phi_W(x) (m, d)."""
        return Balls.matrix([[g * s for g, s in zip(row, slopes, strict=True)] for row in gates]) * self.inputs
