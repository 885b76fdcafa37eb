"""Tasks of one's own at size: the certified optimum beside L-BFGS, cvxpy's solvers, and one solve of normal equations.

Every row is a process of its own, for its peak of memory; seconds are processor time of the work, without imports. What
proves nothing says by how much its value exceeds the certified lower end, relative to the certified upper one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flint import fmpq
from rich.table import Table
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from ...impl.arithmetic import Array, Floats
from ...impl.losses import Loss
from ...impl.optimum import Budget, check, minimise
from ...impl.optimum.convex import derivatives, value_at
from ...impl.optimum.stack import Stack
from ...impl.own_tasks import from_arrays
from ...impl.supervised.instance import MetaSLInstance
from ..processes import apart
from .rows import by_case, cell, installed, listing

SECONDS = 600.0
"""Until when a row is ended."""
FITS = 200_000
"""Numbers in the features up to which cvxpy is asked."""


@dataclass(frozen=True)
class Case:
    """Tasks drawn about one parameter: n tasks of k rows with d columns of unit length, one step of eta."""

    loss: str
    n: int
    k: int
    d: int
    eta: fmpq

    @property
    def name(self) -> str:
        return f"{self.loss}, d = {self.d}, {self.n * self.k:,} rows in {self.n} tasks"


CASES = (
    Case("squared", 10, 10_000, 5, fmpq(1, 2)),
    Case("logistic", 50, 50, 60, fmpq(1, 4)),
    Case("squared", 20, 50, 200, fmpq(1, 2)),
    Case("squared", 20, 50, 500, fmpq(1, 2)),
)
LARGE = Case("squared", 10, 100_000, 5, fmpq(1, 2))


@dataclass(frozen=True)
class OwnTasks:
    """One way on one case: seconds (None: none, `says` tells why), their ratio to finding and checking, megabytes at
    the peak, what it says of its point, and its excess (of metagap: the width of the bracket), relative to the optimum.
    """

    case: str
    way: str
    seconds: float | None
    ratio: float | None
    megabytes: float | None
    says: str
    excess: float | None


def drawn(case: Case, seed: int = 0) -> MetaSLInstance:
    """The case's tasks, by a seed."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((case.n * case.k, case.d)) / case.d**0.5
    task = np.repeat(np.arange(case.n), case.k)
    mean = rng.standard_normal(case.d)
    own = mean + rng.standard_normal((case.n, case.d)) / 2
    z = (x * own[task]).sum(1)
    if case.loss == "squared":
        y = z + 0.3 * rng.standard_normal(len(z))
    else:
        y = np.where(rng.random(len(z)) < 1 / (1 + np.exp(-z)), 1.0, -1.0)
    return from_arrays(x, y, task.tolist(), loss=Loss(case.loss), eta=case.eta)


# --- the ways: each from an instance to what comes of it ----------------------------------------------------------


@dataclass(frozen=True)
class _Outcome:
    seconds: tuple[float, ...]
    value: float
    says: str
    lower: float | None = None
    megabytes: float | None = None


def _certified(instance: MetaSLInstance) -> _Outcome:
    begin = time.process_time()
    found = minimise(instance, None, Budget(seconds=SECONDS), checked=False)
    middle = time.process_time()
    assert found.certificate is not None
    outcome = check(found.certificate)
    took = (middle - begin, time.process_time() - middle)
    said = "proved" if outcome.accepted and found.narrow else f"not proved: {found.why or outcome.reason}"
    return _Outcome(took, found.upper, said, found.lower)


def _descended(instance: MetaSLInstance) -> _Outcome:
    begin = time.process_time()
    stack = Stack(instance)
    labels, masses, rate, loss = stack.labels.mid, stack.masses.mid, float(stack.rate.mid), stack.loss

    def objective(theta: Array) -> tuple[float, Array]:
        z = stack.times(theta)
        bend = masses * loss.d2(Floats, z, labels)
        z = z - rate * stack.times(stack.pulled(masses * loss.d1(Floats, z, labels)))
        v = stack.pulled(masses * loss.d1(Floats, z, labels))
        v = v - rate * stack.pulled(bend * stack.times(v))
        return float(stack.row_weights.mid @ loss.value(Floats, z, labels)), stack.weights.mid @ v

    found = minimize(objective, np.zeros(stack.dimension), jac=True, method="L-BFGS-B")
    took = time.process_time() - begin
    said = f"{found.message.strip().lower()}, ||g|| = {np.linalg.norm(found.jac):.0e}"
    return _Outcome((took,), value_at(stack, found.x), said)


def _solved(instance: MetaSLInstance) -> _Outcome:
    """The normal equations of the squared loss."""
    begin = time.process_time()
    stack = Stack(instance)
    _, gradient, hessian = derivatives(stack, np.zeros(stack.dimension))
    theta = -cho_solve(cho_factor(hessian), gradient)
    took = time.process_time() - begin
    return _Outcome((took,), value_at(stack, theta), "one Cholesky factor in float64")


def _programmed(instance: MetaSLInstance, solver: str) -> _Outcome:
    """The squared loss's least squares by cvxpy: adapted predictions are W theta + c."""
    import cvxpy as cp

    begin = time.process_time()
    stack = Stack(instance)
    x, masses, rate = stack.x, stack.masses.mid, float(stack.rate.mid)
    moved = np.concatenate([x[own] - rate * x[own] @ (x[own].T @ (masses[own, None] * x[own])) for own in stack.slices])
    apart_by = rate * stack.times(stack.pulled(masses * stack.labels.mid)) - stack.labels.mid
    root = np.sqrt(stack.row_weights.mid)
    theta = cp.Variable(stack.dimension)
    problem = cp.Problem(cp.Minimize(cp.sum_squares((root[:, None] * moved) @ theta + root * apart_by) / 2))
    problem.solve(solver=solver)
    took = time.process_time() - begin
    assert theta.value is not None
    return _Outcome((took,), value_at(stack, theta.value), str(problem.status))


SOLVERS = ("OSQP", "CLARABEL", "SCS")


def _measured(case: Case, way: str, tell: Callable[[str], None]) -> _Outcome:
    """One way, in this process; with its peak of memory."""
    tell(f"drawing {case.name}")
    instance = drawn(case)
    tell(f"{way}: {case.name}")
    with np.errstate(all="ignore"):
        if way in SOLVERS:
            found = _programmed(instance, way)
        else:
            found = {"metagap": _certified, "L-BFGS": _descended, "normal equations": _solved}[way](instance)
    return _Outcome(found.seconds, found.value, found.says, found.lower, peak())


def peak() -> float | None:
    """Megabytes that this process has had at most; None where the system does not say."""
    if sys.platform == "win32":
        return None
    if sys.platform == "linux":  # where ru_maxrss is that of the process which began this one, if that had more
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) / 2**10
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (2**20 if sys.platform == "darwin" else 2**10)


def compare(cases: tuple[Case, ...], progress: Callable[[str], None] = lambda message: None) -> list[OwnTasks]:
    """The rows, case by case; cvxpy where it is installed and the problem is a quadratic of its size."""
    return [row for case in cases for row in _compared(case, progress)]


def _compared(case: Case, progress: Callable[[str], None]) -> list[OwnTasks]:
    first = apart(_measured, (case, "metagap"), progress, time.monotonic() + SECONDS)
    assert first.lower is not None
    scale, whole = abs(first.value), sum(first.seconds)
    rows = [
        OwnTasks(case.name, f"metagap, {what}", took, took / whole, first.megabytes, first.says, width)
        for what, took, width in zip(
            ("found", "checked"), first.seconds, (None, (first.value - first.lower) / scale), strict=True
        )
    ]
    quadratic, fits = case.loss == "squared", case.n * case.k * case.d <= FITS
    for way in ("L-BFGS", "normal equations", *SOLVERS):
        why = ""
        if way != "L-BFGS" and not quadratic:
            why = (
                "adapted predictions are not affine: no disciplined convex program"
                if way in SOLVERS
                else "no quadratic"
            )
        elif way in SOLVERS:
            why = "" if fits else f"more than {FITS:,} numbers"
            why = why or ("" if installed("cvxpy") else "cvxpy is not installed")
        if why:
            rows.append(OwnTasks(case.name, way, None, None, None, why, None))
            continue
        found = apart(_measured, (case, way), progress, time.monotonic() + SECONDS)
        took = sum(found.seconds)
        excess = (found.value - first.lower) / scale
        rows.append(OwnTasks(case.name, way, took, took / whole, found.megabytes, found.says, excess))
    return rows


def table(rows: list[OwnTasks]) -> Table:
    """The rows for people."""

    def cells(row: OwnTasks) -> tuple[str, ...]:
        numbers = ((row.seconds, ".3f"), (row.ratio, ".2f"), (row.megabytes, ".0f"), (row.excess, ".1e"))
        return row.way, *(cell(value, form) for value, form in numbers), row.says

    headings, shown = ("seconds", "ratio", "MB", "width or excess"), by_case(rows, lambda row: row.case, cells)
    return listing("own tasks at size (found + checked = 1)", "case and way", headings, shown, "it says")
