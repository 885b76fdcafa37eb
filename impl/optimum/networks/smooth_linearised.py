"""The certified optimum of a smooth network linearised at W0, in a ball: `network.linearised` with this activation."""

from __future__ import annotations

from flint import fmpq

from ...arithmetic import Balls
from ...supervised.instance import NetworkInstance, SmoothInstance
from ...supervised.smooth.problem import SmoothProblem
from .linearised import Linearisation, LinearisedOptimum
from .linearised import linearised_optimum as optimum_of


def smooth_linearisation(instance: NetworkInstance) -> Linearisation:
    """f_0 and K_0 of a (canonical) smooth network: <phi_0(x), phi_0(y)> = sum_r gate_r(x) gate_r(y) <x, y>."""
    assert isinstance(instance, SmoothInstance)
    problem = SmoothProblem(instance)
    start, inputs = problem.start, problem.inputs
    gates, products = (start.gates.transpose() * start.gates).tolist(), (inputs * inputs.transpose()).tolist()
    kernel = [[g * v for g, v in zip(*rows, strict=True)] for rows in zip(gates, products, strict=True)]
    steps = instance.adaptation.steps
    return Linearisation(problem, problem.eta, steps, start.predictions, Balls.matrix(kernel))


def linearised_optimum(instance: SmoothInstance, ball: fmpq) -> LinearisedOptimum:
    """The certified optimum of L_lin over ||W - W0|| <= ball. Errors: NotConvexError."""
    return optimum_of(instance, ball, smooth_linearisation)
