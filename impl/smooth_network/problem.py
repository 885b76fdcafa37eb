"""MAML with a smooth two-layer network by definition, in balls: gradients of risks, adaptation.

Nothing here knows meta-features.
"""

from __future__ import annotations

from functools import cached_property

from flint import arb, arb_mat

from ..arithmetic import Balls
from ..meta_sl.maml import Law, Risks
from .instance import SmoothInstance
from .layer import SmoothLayer


class SmoothProblem(SmoothLayer, Risks):
    """A smooth network instance in balls (of a canonical instance)."""

    def __init__(self, instance: SmoothInstance) -> None:
        super().__init__(instance.loss, instance.tasks, Balls)
        self.instance = instance
        self.eta = arb(instance.adaptation.eta)
        self._lay(instance.sigma, instance.features, instance.signs)

    @cached_property
    def omega(self) -> arb_mat:
        """The point under test (m, d)."""
        return self.matrix(self.instance.omega)

    @cached_property
    def start(self) -> arb_mat:
        """The initialisation W0 (m, d)."""
        return self.matrix(self.instance.initial)

    def risk_gradient(self, law: Law, weights: arb_mat) -> arb_mat:
        """grad R_i (m, d)."""
        drives = self.drives(weights)
        return self.pulled(self.gates(drives), self.slopes(law, self.predictions(drives)))

    def path(self, law: Law, weights: arb_mat) -> list[arb_mat]:
        """The iterates of the adaptation, W^(k+1) = W^(k) - eta grad R_i(W^(k)): [W, ..., W_i] (m, d)."""
        found = [weights]
        for _ in range(self.instance.adaptation.steps):
            found.append(found[-1] - self.risk_gradient(law, found[-1]) * self.eta)
        return found

    def adapted(self, law: Law, weights: arb_mat) -> arb_mat:
        """W_i, after all steps (m, d)."""
        return self.path(law, weights)[-1]
