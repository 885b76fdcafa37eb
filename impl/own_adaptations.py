"""An adaptation of one's own: theta -> U(theta) on a task's support, written once, checked before it is used.

What the theorems need of an adaptation is that it sees the support alone, that it is the same whenever it is asked, and
that it has a derivative. The first is so by what it is given (`rules.View`); the others are tried here on a
small problem, and again wherever it is evaluated (`supervised.rule_steps`): it is asked twice, and over three kinds of
numbers, whose values must agree.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq
from msgspec import UNSET

from ..theory.claim import UndefinedQuantityError
from .arithmetic import Balls, IrrationalError, Matrix, Rationals, midpoint
from .files.faults import BadInputError
from .losses import Loss
from .rules import RULES, Rule
from .supervised.adaptation import Gradient, Implicit, Own
from .supervised.batch import batch_of
from .supervised.instance import Atom, MetaSLInstance, Task
from .supervised.maml import Law, Problem
from .supervised.rule_jacobians import jacobian
from .supervised.rule_steps import adapted, tangents, visited
from .supervised.vector_batch import LinearQuantities

SECONDS = 1.0
"""Processor time that one evaluation on the small problem may take: an instance asks for dozens."""
LONGEST = 30.0
"""Seconds after which a rule on the small problems is taken for one that never ends, where the system has an alarm."""
BITS, STEP, AGREE = 1024, 256, 200
"""Of the comparison with differences: bits of the balls, minus log2 of the step, and bits that must agree."""
LOOKS, DIGITS = 3, 1000
"""Looks at the risk, and digits of the result, up to which exact rationals are not too slow."""


@dataclass(frozen=True)
class Adaptation:
    """An adaptation of one's own.

    adapt   a function of (task, theta) that gives the adapted parameters [d]. task has gradient(theta) [d] and
            hessian(theta) [d][d] of the support's risk, at any parameters; eta, the instance's rate; number("1/3"),
            sqrt(t), exp(t), dot(a, b), and solve(rows, right), which solves a linear system
    """

    name: str
    adapt: Callable[[Any, list[Any]], Any]

    @property
    def rule(self) -> Rule:
        """What stands for it."""
        return Rule(self.adapt, _rational(self))


class _EndlessError(BaseException):
    """What no `except Exception` of a rule catches."""


@contextmanager
def _ending() -> Iterator[None]:
    """Errors: _EndlessError, of work within that takes longer than `LONGEST`."""

    def ring(*_: object) -> None:
        raise _EndlessError

    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before, rest = signal.signal(signal.SIGALRM, ring), signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *rest)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _standing(adaptation: Adaptation) -> Iterator[None]:
    """Within the block the rule stands by its name."""
    before = dict(RULES)
    RULES[adaptation.name] = Rule(adaptation.adapt)
    try:
        yield
    finally:
        RULES.clear()
        RULES.update(before)


def adapting(instance: MetaSLInstance, adaptation: Adaptation) -> MetaSLInstance:
    """The instance with the adaptation, at its rate; it stands from now on in this process. Errors: BadInputError."""
    found = ruled(instance, adaptation.name, "problem")
    known = RULES.get(adaptation.name)
    if known is None and (wrong := faults(adaptation)):
        raise BadInputError("problem", f"the adaptation {adaptation.name}", UNSET, wrong)
    if known is not None and known.adapt is not adaptation.adapt:
        raise BadInputError("problem", "adaptation", adaptation.name, "a name that no other adaptation has")
    RULES.setdefault(adaptation.name, adaptation.rule)
    return found


def ruled(instance: MetaSLInstance, name: str, source: str) -> MetaSLInstance:
    """The instance with the adaptation of that name, at its rate. Errors: BadInputError, which names the source."""
    steps = instance.adaptation
    if not isinstance(steps, Gradient) or steps != Gradient(steps.eta):
        raise BadInputError(source, "adaptation", name, "no steps, decay or rates beside it")
    return replace(instance, adaptation=Own(name, steps.eta))


def tried(name: str, loss: str = "log-cosh", omega: tuple[int, int] = (1, -2)) -> MetaSLInstance:
    """Two tasks, of which one has a support of its own, on three points; two parameters."""
    rows, labels = ((1, 0), (fmpq(1, 2), 1), (-1, fmpq(3, 4))), (fmpq(1, 3), -1, 2)

    def law(*shares: fmpq | int) -> tuple[Atom, ...]:
        return tuple(Atom(x, fmpq(labels[x]), fmpq(p)) for x, p in enumerate(shares) if p != 0)

    half, quarter = fmpq(1, 2), fmpq(1, 4)
    tasks = (Task(half, law(quarter, half, quarter)), Task(half, law(half, half, 0), law(quarter, quarter, half)))
    features = tuple((fmpq(a), fmpq(b)) for a, b in rows)
    at = tuple(map(fmpq, omega))
    return MetaSLInstance(Loss(loss), Own(name, quarter), features, tasks, at, (fmpq(0), fmpq(0)), fmpq(1))


def simplest(name: str) -> MetaSLInstance:
    """Squares, one task of one row, one parameter, against a parameter."""
    one, task = fmpq(1), Task(fmpq(1), (Atom(0, fmpq(2), fmpq(1)),))
    return MetaSLInstance(Loss("squared"), Own(name, one / 4), ((one,),), (task,), (one,), (fmpq(3),), one)


def _rational(adaptation: Adaptation) -> bool:
    """Whether exact rationals take it: with the squared loss rationals become rationals, and not too long ones."""
    with _standing(adaptation):
        problem = Problem(tried(adaptation.name, "squared"), Rationals)
        law, at = problem.laws[0].inner, problem.omega
        try:
            found, looks = adapted(problem, law, at), visited(problem, law, at)
        except (IrrationalError, UndefinedQuantityError):
            return False
    return len(looks) <= LOOKS and len(str(found)) < DIGITS


def faults(adaptation: Adaptation) -> str | None:
    """What is wrong with the adaptation, in words; None if nothing is known to be.

    Its derivatives, by tangents and by power series, are compared with differences of its values in balls of many bits,
    and its values and derivatives with those on arrays. Errors: BadInputError with the line of what fails in it.
    """
    if not isinstance(adaptation.adapt, FunctionType):
        return "a function of (task, theta) is required as adapt"
    if adaptation.name in (*RULES, Gradient.name, Implicit.name):
        return f"name={adaptation.name!r}, as another adaptation is called"
    try:
        with _standing(adaptation), _ending():
            return _faults(adaptation)
    except _EndlessError:
        return f"it has not ended on the problems tried: at most {LONGEST:g} s are taken"


def _faults(adaptation: Adaptation) -> str | None:
    seen = False
    with suppress(UndefinedQuantityError):  # of one parameter, whatever comes out
        adapted((alone := Problem(simplest(adaptation.name), Balls)), alone.laws[0], alone.omega)
    for loss in ("squared", "log-cosh"):
        for omega in ((1, -2), (-3, 1)):
            begin, instance = time.process_time(), tried(adaptation.name, loss, omega)
            with ctx.workprec(BITS):
                problem = Problem(instance, Balls)
                for law in problem.laws:
                    try:
                        exact = adapted(problem, law.inner, problem.omega)
                    except UndefinedQuantityError:
                        continue
                    spent = (time.process_time() - begin) / 2
                    if spent > SECONDS:
                        return f"it takes {spent:.1f} s on two parameters: at most {SECONDS:g} s are taken"
                    seen |= all(v.is_finite() for v in exact.entries())
                    if wrong := _differs(problem, law.inner):
                        return f"{wrong} (squares)" if loss == "squared" else wrong
            if wrong := _otherwise(instance):
                return wrong
    return None if seen else "it has no finite value on the problems tried"


def _differs(problem: Problem, law: Law) -> str | None:
    """What differences of values say of both derivatives."""
    at, d = problem.omega.entries(), problem.dimension
    step = arb(2) ** -STEP
    by_tangents = jacobian(problem, law, problem.omega)
    unit = problem.identity().tolist()
    by_series = tangents(problem, law, Balls.matrix([[v, *row] for v, row in zip(at, unit, strict=True)]))
    for j in range(d):
        ends = [adapted(problem, law, _moved(at, j, s * step)).entries() for s in (1, -1)]
        for i in range(d):
            slope = (ends[0][i] - ends[1][i]) / (2 * step)
            for said in (by_tangents[i, j], by_series[i, j + 1]):
                if slope.is_finite() and not abs(slope - said) < (1 + abs(slope)) * arb(2) ** -AGREE:
                    return f"its derivative is {midpoint(said):.10g}, but differences say {midpoint(slope):.10g}"
    return None


def _moved(at: list[arb], j: int, step: arb) -> Matrix:
    return Balls.matrix([[v + step if k == j else v] for k, v in enumerate(at)])


def _otherwise(instance: MetaSLInstance) -> str | None:
    """What arrays say of it, if that is another thing than balls do."""
    problem, arrays = Problem(instance, Balls), LinearQuantities(batch_of(instance))
    with np.errstate(all="ignore"):
        values, slopes = arrays.adapt(arrays._omega)[-1][0], arrays.jacobians[0]
    for i, law in enumerate(problem.laws):
        try:
            pairs = [
                *zip(adapted(problem, law.inner, problem.omega).entries(), values[i], strict=True),
                *zip(jacobian(problem, law.inner, problem.omega).entries(), slopes[i].flat, strict=True),
            ]
        except UndefinedQuantityError:
            continue
        for ball, value in pairs:
            if ball.is_finite() and not abs(midpoint(ball) - value) <= 1e-8 * (1 + abs(value)):
                return f"it gives {value:.10g} in float64, and {midpoint(ball):.10g} in balls"
    return None
