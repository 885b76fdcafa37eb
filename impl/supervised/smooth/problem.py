"""MAML with a smooth two-layer network by definition, in balls: gradients of risks, adaptation.

Nothing here knows meta-features.
"""

from __future__ import annotations

import itertools
from functools import cached_property

from flint import arb, arb_mat, fmpq

from ...arithmetic import Balls, NumberSystem
from ...models.smooth import Neurons, SmoothLayer
from ...models.weights import Weights
from ..instance import NetworkInstance
from ..maml import Law, Risks


class SmoothProblem(SmoothLayer, Risks):
    """A smooth network instance in balls (of a canonical instance)."""

    def __init__(self, instance: NetworkInstance, m: NumberSystem = Balls) -> None:
        super().__init__(instance.loss, instance.tasks, m)
        self.instance = instance
        self.eta = arb(instance.adaptation.eta)
        adaptation, width, d = instance.adaptation, instance.width, len(instance.features[0])
        rates, fade = adaptation.rates or (fmpq(1),) * (width * d), adaptation.eta * adaptation.decay
        self.rates, self.shares = [arb(r) for r in rates], [arb(1 - fade * r) for r in rates]
        self.rated, self.decays, self.turned = adaptation.rates is not None, adaptation.decay != 0, False
        self._lay(instance.sigma, instance.features, instance.output)

    def paced(self, rows: arb_mat) -> arb_mat:
        """D rows: every weight (m, d), or column of rows (., m d), times its rate."""
        return _by_entry(rows, self.rates) if self.rated else rows

    def kept(self, rows: arb_mat) -> arb_mat:
        """S rows, S = I - eta decay D: what decay leaves of them in a step."""
        return _by_entry(rows, self.shares) if self.decays else rows

    @cached_property
    def omega(self) -> Neurons:
        """The point under test."""
        return self.at(self.instance.omega)

    @cached_property
    def start(self) -> Neurons:
        """The initialisation W0."""
        return self.at(self.instance.initial)

    def at(self, weights: Weights) -> Neurons:
        """The network with these weights at all inputs."""
        return self.neurons(self.matrix(weights))

    @cached_property
    def offset(self) -> tuple[arb_mat]:
        """W - W0 (m, d)."""
        return (self.omega.weights - self.start.weights,)

    def risk_gradient(self, law: Law, at: Neurons) -> arb_mat:
        """grad R_i (m, d) at the network's weights."""
        return at.pulled(self.slopes(law, at.predictions))

    def path(self, law: Law, at: Neurons) -> list[Neurons]:
        """The networks W^(k+1) = S W^(k) - eta D grad R_i(W^(k)), R_i of the inner law: [W, ..., W_i]; those after W at
        the task's inputs."""
        found = [at]
        for _ in range(self.instance.adaptation.steps):
            here = found[-1]
            pull = self.risk_gradient(law.inner, here)
            found.append(self.neurons(self.kept(here.weights) - self.paced(pull) * self.eta, tuple(law.points)))
        return found

    def adapted(self, law: Law, at: Neurons) -> Neurons:
        """The network with W_i, after all steps, at the inputs of the task."""
        return self.path(law, at)[-1]


def _by_entry(rows: arb_mat, factors: list[arb]) -> arb_mat:
    """The entries times factors, over and over."""
    values = [v * f for v, f in zip(rows.entries(), itertools.cycle(factors), strict=False)]
    return arb_mat(rows.nrows(), rows.ncols(), values)
