"""Global solvers' opinions on the minimum of a meta-objective over a ball: PySCIPOpt, discopt, MAiNGO, codac, cvxpy.

Each is given the same text, with its settings as they come, but for the gap: min L(theta) subject to
||theta||^2 <= R^2, the loss in elementary functions. None of it proves anything here. codac has intervals and no
optimiser, so that its boxes are halved here, best first; cvxpy knows the squared loss alone, as other losses make no
disciplined convex program.
"""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..arithmetic import FunctionSet, to_float
from ..extras import require
from ..supervised.adaptation import Gradient
from ..supervised.instance import MetaSLInstance

EXTRA = "solvers"
MODULES = {"SCIP": "pyscipopt", "discopt": "discopt", "MAiNGO": "maingopy", "codac": "codac", "cvxpy": "cvxpy"}
"""The solvers by name, each with its module."""


@dataclass(frozen=True)
class Opinion:
    """What a solver says: the least value that it found, a lower bound (-inf: none), whether it is done."""

    value: float
    lower: float
    done: bool


class Elementary(FunctionSet):
    """The elementary functions by exp, log and sqrt of a solver's module, on its expressions."""

    def __init__(self, module: Any) -> None:
        self.exp, self.log, self.sqrt = module.exp, module.log, module.sqrt

    def number(self, q: Any) -> float:
        """A float64 number."""
        return to_float(q)

    def softplus(self, t: Any) -> Any:
        """log(1 + e^t)."""
        return self.log(1 + self.exp(t))

    def sigmoid(self, t: Any) -> Any:
        """1/(1 + e^-t)."""
        return 1 / (1 + self.exp(-t))

    def log_cosh(self, t: Any) -> Any:
        """log cosh t."""
        return self.log(self.exp(t) + self.exp(-t)) - math.log(2)

    def tanh(self, t: Any) -> Any:
        """1 - 2/(1 + e^2t)."""
        return 1 - 2 / (1 + self.exp(2 * t))


def meta_objective(instance: MetaSLInstance, m: Elementary, theta: Sequence[Any]) -> Any:
    """L(theta) by its definition, over the expressions of `m`; one or more plain gradient steps, one output."""
    adaptation, loss = instance.adaptation, instance.loss
    if not isinstance(adaptation, Gradient) or adaptation.rates is not None or adaptation.decay != 0:
        raise ValueError("plain gradient steps are required")
    rows = [[to_float(v) for v in row] for row in instance.features]
    eta, total = to_float(adaptation.eta), 0.0

    def at(x: int, point: Sequence[Any]) -> Any:
        return sum(v * t for v, t in zip(rows[x], point, strict=True))

    for task in instance.tasks:
        point = list(theta)
        for _ in range(adaptation.steps):
            pulls = [(a.x, to_float(a.p) * loss.d1(m, at(a.x, point), to_float(a.y))) for a in task.inner]
            point = [t - eta * sum(pull * rows[x][j] for x, pull in pulls) for j, t in enumerate(point)]
        risk = sum(to_float(a.p) * loss.value(m, at(a.x, point), to_float(a.y)) for a in task.atoms)
        total = total + to_float(task.weight) * risk
    return total


def loaded(name: str) -> Any:
    """A solver's module. Errors: MissingExtraError."""
    require(MODULES[name], EXTRA, "ask global solvers")
    return import_module(MODULES[name])


def solve(name: str, instance: MetaSLInstance, radius: float, gap: float, seconds: float) -> Opinion:
    """A solver's opinion on min L over ||theta|| <= radius, for a relative gap. Errors: MissingExtraError."""
    module, d = loaded(name), len(instance.features[0])
    if name == "cvxpy":
        from . import convex

        return Opinion(convex.squared_meta_minimum(instance, radius), -math.inf, True)

    def objective(theta: Sequence[Any]) -> Any:
        return meta_objective(instance, Elementary(module), theta)

    return _SOLVERS[name](module, objective, d, radius, gap, seconds)


def _scip(module: Any, objective: Callable[..., Any], d: int, radius: float, gap: float, seconds: float) -> Opinion:
    model = module.Model()
    model.hideOutput()
    model.setParam("limits/gap", gap)
    model.setParam("limits/time", seconds)
    theta = [model.addVar(lb=-radius, ub=radius) for _ in range(d)]
    top = model.addVar(lb=None)
    model.addCons(objective(theta) <= top)
    model.addCons(sum(t * t for t in theta) <= radius**2)
    model.setObjective(top)
    model.optimize()
    done = model.getStatus() in ("optimal", "gaplimit")
    value = model.getObjVal() if model.getNSols() else math.inf
    return Opinion(value, model.getDualbound(), done)


def _discopt(module: Any, objective: Callable[..., Any], d: int, radius: float, gap: float, seconds: float) -> Opinion:
    model = module.Model("meta-objective")
    theta = [model.continuous(f"theta{j}", lb=-radius, ub=radius) for j in range(d)]
    model.subject_to(sum(t * t for t in theta) <= radius**2)
    model.minimize(objective(theta))
    found = model.solve(time_limit=seconds, gap_tolerance=gap)
    value = math.inf if found.objective is None else float(found.objective)
    return Opinion(value, -math.inf if found.bound is None else float(found.bound), found.status == "optimal")


def _maingo(module: Any, objective: Callable[..., Any], d: int, radius: float, gap: float, seconds: float) -> Opinion:
    class Model(module.MAiNGOmodel):
        def get_variables(self) -> list[Any]:
            bounds = module.Bounds(-radius, radius)
            return [module.OptimizationVariable(bounds, module.VT_CONTINUOUS, f"theta{j}") for j in range(d)]

        def evaluate(self, theta: list[Any]) -> Any:
            found = module.EvaluationContainer()
            found.objective = objective(theta)
            found.ineq = [sum(t * t for t in theta) - radius**2]
            return found

    model = Model()
    solver = module.MAiNGO(model)
    quiet = {"loggingDestination": module.LOGGING_NONE, "writeResultFile": False}
    options = {"epsilonR": gap, "epsilonA": gap * 1e-3, "maxTime": seconds, **quiet}
    for option, setting in options.items():
        solver.set_option(option, setting)
    done = solver.solve() == module.GLOBALLY_OPTIMAL
    return Opinion(solver.get_objective_value(), solver.get_final_LBD(), done)


def _codac(module: Any, objective: Callable[..., Any], d: int, radius: float, gap: float, seconds: float) -> Opinion:
    x = module.VectorVar(d)
    function = module.AnalyticFunction([x], objective([x[j] for j in range(d)]))
    order, begin, best = itertools.count(), time.perf_counter(), math.inf
    boxes: list[tuple[float, int, Any]] = []

    def add(box: Any) -> None:
        nonlocal best
        if sum(box[j].mig() ** 2 for j in range(d)) > radius**2:
            return
        middle = box.mid()
        if sum(middle[j] ** 2 for j in range(d)) <= radius**2:
            best = min(best, function.eval(module.IntervalVector(middle)).ub())
        low = function.eval(box).lb()
        if low <= best:
            heapq.heappush(boxes, (low, next(order), box))

    add(module.IntervalVector([[-radius, radius]] * d))
    while boxes and best - boxes[0][0] > gap * max(abs(best), 1e-3):
        if time.perf_counter() - begin > seconds:
            return Opinion(best, boxes[0][0], False)
        for half in heapq.heappop(boxes)[2].bisect_largest():
            add(half)
    return Opinion(best, boxes[0][0] if boxes else best, True)


_SOLVERS = {"SCIP": _scip, "discopt": _discopt, "MAiNGO": _maingo, "codac": _codac}
