"""MAML with a smooth two-layer network by definition, in balls: drives, predictions, gradients, adaptation.

Parameters are matrices W (m, d), drives W X' (m, k), X the inputs at the support. Nothing here knows meta-features.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from flint import arb, arb_mat, fmpq

from ..arithmetic import Balls, Number
from ..meta_sl.maml import Law, Risks
from ..network.weights import Weights
from .instance import SmoothInstance


class SmoothProblem(Risks):
    """A smooth network instance in balls (of a canonical instance)."""

    def __init__(self, instance: SmoothInstance) -> None:
        super().__init__(instance.loss, instance.tasks, Balls)
        self.instance, self.sigma = instance, instance.sigma
        self.eta = arb(instance.adaptation.eta)
        self.inputs = Balls.matrix([[arb(v) for v in row] for row in instance.features])
        self.shrink = arb(fmpq(1, instance.width)).sqrt()
        self.output = [b * self.shrink for b in instance.signs]

    @cached_property
    def omega(self) -> arb_mat:
        """The point under test (m, d)."""
        return self.matrix(self.instance.omega)

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

    def pulled(self, gates: Sequence[Sequence[arb]], slopes: Sequence[arb]) -> arb_mat:
        """sum_x slopes(x) phi_W(x) (m, d)."""
        return Balls.matrix([[g * s for g, s in zip(row, slopes, strict=True)] for row in gates]) * self.inputs

    def risk_gradient(self, law: Law, weights: arb_mat) -> arb_mat:
        """grad R_i (m, d)."""
        drives = self.drives(weights)
        return self.pulled(self.gates(drives), self.slopes(law, self.predictions(drives)))

    def adapted(self, law: Law, weights: arb_mat) -> arb_mat:
        """W_i = W - eta grad R_i(W) (m, d)."""
        return weights - self.risk_gradient(law, weights) * self.eta
