"""Global solvers are given the meta-objective, and what they say is read right: whether or not one is installed.

Stand-ins for their modules take what ours are given, in sympy: three look at every point of a grid, the fourth has
intervals. What they say is compared with exact values of L, and with a certified bracket.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy
from flint import arb, fmpq
from metagap.impl.arithmetic import rational
from metagap.impl.extras import MissingExtraError, available
from metagap.impl.optimum import minimise
from metagap.impl.optimum.exact import exact_value
from metagap.impl.oracles import global_solvers
from metagap.impl.oracles.global_solvers import MODULES, Elementary, meta_objective, solve
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.reports.bench.optimum import landscape_instance
from metagap.reports.bench.solvers import LOSSES

from .test_convex import problem

RADIUS, GRID = 1.5, [k / 4 for k in range(-8, 9)]
"""Of the ball; in each coordinate, beyond the cube about it."""
SLACK = 1 / 8
"""By how much a stand-in's lower bound is below its value."""
ELEMENTARY: dict[str, Callable[..., Any]] = {"exp": sympy.exp, "log": sympy.log, "sqrt": sympy.sqrt}


def at(symbols: Sequence[Any], expression: Any, points: np.ndarray) -> np.ndarray:
    """The expression at points (N, d)."""
    return np.broadcast_to(sympy.lambdify(symbols, expression, "numpy")(*points.T), len(points)).astype(float)


class Program:
    """A solver that is told a program, and looks at every point of the grid; in less than a second it gives up."""

    def __init__(self, *_: str) -> None:
        self.ends: dict[Any, tuple[float, float]] = {}
        self.below: list[Any] = []
        self.objective: Any = None
        self.seconds = 0.0

    def continuous(self, name: str, lb: float | None = None, ub: float | None = None) -> Any:
        """A variable."""
        symbol = sympy.Symbol(name)
        self.ends[symbol] = (-np.inf if lb is None else lb, np.inf if ub is None else ub)
        return symbol

    def subject_to(self, relation: Any) -> None:
        """An inequality."""
        self.below.append(relation.lts - relation.gts)

    def minimize(self, objective: Any) -> None:
        """What is minimised; a free variable is the greatest of what must be below it."""
        self.objective = objective

    @property
    def value(self) -> float:
        """The least value at a point of the grid at which all holds."""
        free = [symbol for symbol, ends in self.ends.items() if ends == (-np.inf, np.inf)]
        objective, below = self.objective, self.below
        for top in free:
            over = [g for g in below if g.diff(top) == -1]
            if objective != top or not over:
                return -np.inf
            objective, below = sympy.Max(*(g + top for g in over)), [g for g in below if g not in over]
        symbols = [symbol for symbol in self.ends if symbol not in free]
        points = np.array(list(itertools.product(GRID, repeat=len(symbols))))
        ends = [self.ends[symbol] for symbol in symbols]
        inside = np.all([(low <= x) & (x <= high) for x, (low, high) in zip(points.T, ends, strict=True)], axis=0)
        for g in below:
            inside &= at(symbols, g, points) <= 0
        return float(at(symbols, objective, points[inside]).min()) if inside.any() else np.inf

    @property
    def done(self) -> bool:
        return self.seconds >= 1


class Scip(Program):
    """PySCIPOpt's names."""

    addCons, setObjective = Program.subject_to, Program.minimize  # noqa: N815

    def addVar(self, lb: float | None = 0.0, ub: float | None = None) -> Any:
        return self.continuous(f"x{len(self.ends)}", lb, ub)

    def setParam(self, name: str, value: float) -> None:
        self.seconds = value if name == "limits/time" else self.seconds

    def hideOutput(self) -> None:
        pass

    def optimize(self) -> None:
        pass

    def getStatus(self) -> str:
        return "optimal" if self.done else "timelimit"

    def getNSols(self) -> int:
        return int(self.value < np.inf)

    def getObjVal(self) -> float:
        return self.value

    def getDualbound(self) -> float:
        return self.value - SLACK


class Discopt(Program):
    """discopt's names."""

    def solve(self, time_limit: float, gap_tolerance: float) -> Any:
        self.seconds, value = time_limit, self.value
        status = "optimal" if self.done else "time_limit"
        found = value if value < np.inf else None
        return SimpleNamespace(objective=found, bound=None if found is None else value - SLACK, status=status)


class Maingo(Program):
    """maingopy's names."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        variables = [self.continuous(name, *bounds) for bounds, _, name in model.get_variables()]
        found = model.evaluate(variables)
        self.below += found.ineq
        self.minimize(found.objective)

    def set_option(self, name: str, value: float) -> None:
        self.seconds = value if name == "maxTime" else self.seconds

    def solve(self) -> int:
        return 0 if self.done else 1

    def get_objective_value(self) -> float:
        return self.value

    def get_final_LBD(self) -> float:
        return self.value - SLACK


class Interval:
    """codac's names, of a ball."""

    def __init__(self, ball: arb) -> None:
        self.ball = ball

    def lb(self) -> float:
        return float(self.ball.lower())

    def ub(self) -> float:
        return float(self.ball.upper())

    def mig(self) -> float:
        return float(self.ball.abs_lower())


class Box(list[Interval]):
    """codac's names, of a box: of pairs of ends, or of a point."""

    def __init__(self, ends: Sequence[Any]) -> None:
        pairs = [pair if isinstance(pair, list) else [pair, pair] for pair in ends]
        super().__init__(Interval(arb(low).union(arb(high))) for low, high in pairs)
        self.pairs = pairs

    def mid(self) -> list[float]:
        return [(low + high) / 2 for low, high in self.pairs]

    def bisect_largest(self) -> tuple[Box, Box]:
        j = int(np.argmax([high - low for low, high in self.pairs]))
        (low, high), middle = self.pairs[j], self.mid()[j]
        halves = ([low, middle], [middle, high])
        left, right = (Box([*self.pairs[:j], half, *self.pairs[j + 1 :]]) for half in halves)
        return left, right


class Function:
    """codac's names, of an expression over balls."""

    def __init__(self, variables: list[Any], expression: Any) -> None:
        over = {name: lambda t, name=name: getattr(arb(t), name)() for name in ELEMENTARY}
        self.at = sympy.lambdify(variables[0], expression, [over])

    def eval(self, box: Box) -> Interval:
        return Interval(arb(self.at(*(x.ball for x in box))))


STAND_INS = {
    "SCIP": SimpleNamespace(**ELEMENTARY, Model=Scip),
    "discopt": SimpleNamespace(**ELEMENTARY, Model=Discopt),
    "MAiNGO": SimpleNamespace(
        **ELEMENTARY, MAiNGO=Maingo, MAiNGOmodel=object, Bounds=lambda *ends: ends, VT_CONTINUOUS=0, GLOBALLY_OPTIMAL=0,
        OptimizationVariable=lambda *given: given, EvaluationContainer=SimpleNamespace, LOGGING_NONE=0,
    ),
    "codac": SimpleNamespace(
        **ELEMENTARY, VectorVar=lambda d: sympy.symbols(f"x:{d}"), AnalyticFunction=Function, IntervalVector=Box
    ),
}  # fmt: skip
GRIDS = ("SCIP", "discopt", "MAiNGO")


def least(instance: MetaSLInstance) -> float:
    """The least exact value at the grid's points in the ball."""
    points = (point for point in itertools.product(GRID, repeat=instance.dimension) if np.hypot(*point) <= RADIUS)
    return min(float(exact_value(instance, tuple(map(rational, point)))) for point in points)


@pytest.mark.ci
@pytest.mark.parametrize("name", GRIDS)
def test_a_solver_is_given_the_problem_and_heard(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Least values inside the ball, on its edge, and with lower ones in the cube about it: all of that is asked for."""
    monkeypatch.setattr(global_solvers, "loaded", STAND_INS.__getitem__)
    for loss, seed in (("squared", 2), ("quartic", 0), ("logistic", 3), ("pseudo-huber", 5)):
        instance = landscape_instance(loss, 2, seed)
        right = pytest.approx(least(instance), rel=1e-12)
        for seconds, done in ((1.0, True), (0.5, False)):
            said = solve(name, instance, RADIUS, 1e-6, seconds)
            assert said.value == right
            assert (said.lower, said.done) == (said.value - SLACK, done)


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("loss", ["squared", "quartic", "logistic"])
def test_boxes_are_halved_until_they_enclose_the_minimum(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(global_solvers, "loaded", STAND_INS.__getitem__)
    for dimension, gap in ((1, 1e-3), (2, 0.25)):
        instance = landscape_instance(loss, dimension, 1)
        found = minimise(instance, rational(RADIUS))
        assert found.certified
        said = solve("codac", instance, RADIUS, gap, 60.0)
        assert said.done and said.lower <= found.upper and found.lower <= said.value
        assert said.value - said.lower <= gap * max(abs(said.value), 1e-3)
        early = solve("codac", instance, RADIUS, gap, -1.0)
        assert not early.done and early.lower <= found.upper and found.lower <= early.value


def instances() -> list[MetaSLInstance]:
    """Every loss; several steps; tasks that adapt on other rows than they are judged on; unequal weights."""
    split = problem("logistic", fmpq(1, 2), steps=2)
    inner = [task.atoms for task in split.tasks[::-1]]
    tasks = tuple(replace(task, support=law) for task, law in zip(split.tasks, inner, strict=True))
    return [*(landscape_instance(loss, 2, 0) for loss in (*LOSSES, "log-cosh")), split, replace(split, tasks=tasks)]


@pytest.mark.parametrize("index", range(7))
def test_solvers_are_given_the_meta_objective(index: int) -> None:
    instance = instances()[index]
    for theta in ((0.25, -1.5), (2.0, 0.5)):
        given = meta_objective(instance, Elementary(np), theta)
        exact = exact_value(instance, tuple(map(rational, theta)))
        assert float(abs(exact - given)) < 1e-12 * max(1.0, abs(given))


def test_what_solvers_are_not_given_is_refused() -> None:
    for adaptation in (Gradient(fmpq(1, 2), decay=fmpq(1, 4)), Gradient(fmpq(1, 2), rates=(fmpq(1), fmpq(2)))):
        with pytest.raises(ValueError, match="plain gradient steps"):
            meta_objective(replace(landscape_instance("squared", 2, 0), adaptation=adaptation), Elementary(np), (0, 0))


@pytest.mark.ci
@pytest.mark.parametrize("name", MODULES)
def test_a_solver_that_is_installed_is_right(name: str) -> None:
    """Its answer is in the certified bracket, but for its tolerances; so is its lower bound below. One that is not
    installed is asked for in one line."""
    instance = landscape_instance("squared", 1, 0)
    if not available(MODULES[name]):
        with pytest.raises(MissingExtraError, match="solvers"):
            solve(name, instance, RADIUS, 1e-4, 30.0)
        return
    found = minimise(instance, rational(RADIUS))
    said = solve(name, instance, RADIUS, 1e-4, 30.0)
    size = 1e-3 * max(abs(found.upper), 1e-3)
    assert found.certified and said.done
    assert found.lower - size <= said.value <= found.upper + size and said.lower <= found.upper + size
