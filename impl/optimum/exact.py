"""Other ways to a global minimum, exact or certified, where they apply: what the search is compared with.

squared_minimum      any dimension: the meta-objective is a convex quadratic with rational coefficients
functional_bound     sum_i q_i inf over functions of R_i: each support point by itself
own_risk_bound       sum_i q_i inf of R_i over the parameters that adaptation can reach from the ball
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from ..arithmetic import Balls, Floats, NumberSystem, Rationals, exact_floats, least_squares, norm, to_float
from ..instances import Vector
from ..losses import Link, Loss
from ..supervised.adaptation import Gradient
from ..supervised.instance import Atom, MetaSLInstance, NetworkInstance, Task, points
from ..supervised.maml import Law, Problem
from .spread import of_one_output

AnyInstance = TypeVar("AnyInstance", MetaSLInstance, NetworkInstance)

PRECISION = 128
FAR = 32
"""Where a point on a ray stands whose infimum lies at infinity."""


class DoesNotApplyError(ValueError):
    """The method is for other problems."""


def squared_minimum(instance: MetaSLInstance) -> tuple[fmpq, Vector]:
    """The exact global minimum over all parameters of the squared loss's L, and a minimiser. Any K, or implicit.

    Adapted predictions are affine in theta, so L is a convex quadratic; its normal equations always have a solution.
    Errors: DoesNotApplyError.
    """
    if instance.loss.name != "squared":
        raise DoesNotApplyError(f"loss={instance.loss.name!r}: the squared loss is required")
    instance = of_one_output(instance)
    problems, d = [alone(instance, task) for task in instance.canonical.tasks], instance.dimension
    gram, pull = fmpq_mat(d, d), fmpq_mat(d, 1)

    def unit(j: int | None) -> fmpq_mat:
        return fmpq_mat(d, 1, [fmpq(int(i == j)) for i in range(d)])

    for problem in problems:
        (law,) = problem.laws
        origin = problem.predictions(problem.adapt(law, unit(None))[-1])
        columns = [problem.predictions(problem.adapt(law, unit(j))[-1]) for j in range(d)]
        for x, y, p in law.atoms:
            row = fmpq_mat(1, d, [column[x] - origin[x] for column in columns])
            gram += row.transpose() * row * (law.weight * p)
            pull += row.transpose() * (law.weight * p * (y - origin[x]))
    theta = _some_solution(gram, pull)
    at = fmpq_mat(d, 1, list(theta))
    return sum((problem.meta_objective(at) for problem in problems), start=fmpq(0)), theta


def alone(instance: MetaSLInstance, task: Task, m: NumberSystem = Rationals) -> Problem:
    """One task with its weight, on its own support points: the others' would only be carried along."""
    used = points(task)
    place = {x: j for j, x in enumerate(used)}

    def moved(atoms: Sequence[Atom]) -> tuple[Atom, ...]:
        return tuple(replace(atom, x=place[atom.x]) for atom in atoms)

    own = replace(task, atoms=moved(task.atoms), support=None if task.support is None else moved(task.support))
    return Problem(replace(instance, features=tuple(instance.features[x] for x in used), tasks=(own,)), m)


def _some_solution(system: fmpq_mat, target: fmpq_mat) -> Vector:
    """A solution of a consistent rational system (d, d): free unknowns are 0."""
    d = system.nrows()
    rows = [[*row, t] for row, t in zip(system.tolist(), target.entries(), strict=True)]
    reduced, rank = fmpq_mat(rows).rref()
    found = [fmpq(0)] * d
    for i in range(rank):
        pivot = next(j for j in range(d + 1) if reduced[i, j] != 0)
        found[pivot] = reduced[i, d]
    return tuple(found)


def functional_bound(instance: MetaSLInstance) -> arb:
    """sum_i q_i E inf_z E[ell(z, y) | x]: no parameter, adapted or not, does better. Convex losses.

    Each point by itself is a convex problem in one variable: with slope g at z, its value is at least f(z) - |g| w, w
    the width of an interval that holds the minimiser, found by the slope's sign.
    """
    total = arb(0)
    with ctx.workprec(PRECISION):
        for task in instance.canonical.tasks:
            points: dict[int, list[tuple[fmpq, fmpq]]] = {}
            for atom in task.atoms:
                points.setdefault(atom.x, []).append((atom.y, atom.p))
            for atoms in points.values():
                if instance.loss.link is Link.CLASS:
                    total += arb(task.weight) * _entropy([p for _, p in atoms])
                else:
                    total += arb(task.weight) * least_on_ray(instance.loss, [(fmpq(1), y, p) for y, p in atoms])[0]
    return total


def _entropy(masses: Sequence[fmpq]) -> arb:
    """inf_z sum_y p_y (log sum_a e^{z_a} - z_y) = sum_y p_y log(P/p_y), P the sum of all: at the probabilities p/P."""
    total = sum(masses, start=fmpq(0))
    return sum((arb(p) * arb(total / p).log() for p in masses), start=arb(0))


Ends = tuple[bool, bool]
"""Whether the line may be followed below 0, and above."""


Risk = Callable[[arb], arb]


def on_line(loss: Loss, atoms: Sequence[tuple[fmpq, fmpq, fmpq]]) -> tuple[Risk, Risk]:
    """s -> sum p ell(t s, y) over atoms (t, y, p), and its slope."""

    def value(s: arb) -> arb:
        return sum((arb(p) * loss.value(Balls, arb(t) * s, arb(y)) for t, y, p in atoms), start=arb(0))

    def slope(s: arb) -> arb:
        return sum((arb(p * t) * loss.d1(Balls, arb(t) * s, arb(y)) for t, y, p in atoms), start=arb(0))

    return value, slope


def bisected(value: Risk, slope: Risk, low: arb, high: arb, narrow: arb) -> tuple[arb, fmpq]:
    """A lower bound of a convex function's minimum in [low, high], and a float64 point that nearly has it.

    Bisection by the sign of the slope g: it is at least value(s) - |g(s)| times the width of what is left.
    """
    for _ in range(200):
        middle = arb(((low + high) / 2).mid())
        at = slope(middle)
        if at > 0:
            high = middle
        elif at < 0:
            low = middle
        else:
            break
        if (high - low) < narrow:
            break
    middle = arb(((low + high) / 2).mid())
    return value(middle) - slope(middle).abs_upper() * (high - low), exact_floats([middle])[0]


def least_on_ray(loss: Loss, atoms: Sequence[tuple[fmpq, fmpq, fmpq]], ends: Ends = (True, True)) -> tuple[arb, fmpq]:
    """A lower bound of inf_s sum p ell(t s, y) over atoms (t, y, p) with t >= 0, and a float64 s that nearly has it.

    s >= 0 or s <= 0 alone where `ends` says so. Sharp where the infimum is attained; where it lies at infinity (all
    margins on one side) it is 0, and s is far out.
    """
    if not loss.profile.convex:
        # Ranges of non-convex profiles: each label's own infimum, which is 0 in the table.
        return arb(0), fmpq(0)

    value, slope = on_line(loss, atoms)
    moved = [(t, y, p) for t, y, p in atoms if t != 0]
    at_zero = slope(arb(0))
    falling, rising = at_zero < 0, at_zero > 0
    if not moved or not any(ends) or (falling and not ends[1]) or (rising and not ends[0]):
        return value(arb(0)), fmpq(0)
    away = _escape(loss, moved)
    if away is not None and ends[away > 0]:
        rest = sum((arb(p) * loss.value(Balls, arb(0), arb(y)) for t, y, p in atoms if t == 0), start=arb(0))
        return rest, fmpq(FAR * away) / min(t for t, _, _ in moved)
    # In units of the steepest atom's prediction: at s = 1 that of a long input has no exponential.
    unit = 1 / arb(max(t for t, _, _ in moved))
    low, high = -unit if ends[0] else arb(0), unit if ends[1] else arb(0)
    while ends[0] and not slope(low) < 0:
        low = low * 2
    while ends[1] and not slope(high) > 0:
        high = high * 2
    return bisected(value, slope, low, high, arb(2) ** -100 * unit)


def _escape(loss: Loss, atoms: Sequence[tuple[fmpq, fmpq, fmpq]]) -> int | None:
    """The end of the line (1 or -1) at which the risk of atoms with t > 0 tends to its infimum 0; None: neither."""
    labels = {y for _, y, _ in atoms}
    if loss.link is Link.MARGIN and len(labels) == 1:
        return 1 if labels.pop() > 0 else -1
    return -1 if loss.link is Link.CANONICAL and labels == {fmpq(0)} else None


def own_risk_bound(instance: MetaSLInstance, radius: fmpq) -> arb:
    """sum_i q_i inf R_i over the ball that adapted parameters cannot leave, from below. Convex losses without kinks.

    Frank-Wolfe's gap at any point x: R >= R(x) - g'x - B'||g|| on ||theta'|| <= B'. One gradient step moves theta by at
    most |eta| sup ||grad R_i||, the proximal step by at most sup ||grad R_i|| / lambda.
    """
    if not instance.loss.profile.convex or instance.loss.profile.kinked:
        raise DoesNotApplyError(f"loss={instance.loss.name!r}: a convex loss without kinks is required")
    total = arb(0)
    with ctx.workprec(PRECISION):
        instance = together(instance)
        problem = Problem(instance, Balls)
        for law, task in zip(problem.laws, instance.tasks, strict=True):
            reach = _reach(problem, instance, law.inner, arb(radius))
            x = arb_mat([[arb(float(v))] for v in risk_minimiser(instance, task, float(reach))])
            z = problem.predictions(x)
            slope = problem.gradient(law, z)
            inner = (slope.transpose() * x)[0, 0]
            total += law.weight * (problem.risk(law, z) - inner - reach * norm(slope.entries()))
    return total


def together(instance: AnyInstance) -> AnyInstance:
    """The canonical instance; without adaptation all its tasks are one, whose risk is L."""
    canonical, adaptation = instance.canonical, instance.adaptation
    if not isinstance(adaptation, Gradient) or adaptation.eta != 0 or len(canonical.tasks) == 1:
        return canonical
    atoms = tuple(replace(a, p=a.p * task.weight) for task in canonical.tasks for a in task.atoms)
    return replace(canonical, tasks=(Task(fmpq(1), atoms),), comparator=canonical.omega).canonical


def _reach(problem: Problem, instance: MetaSLInstance, law: Law, radius: arb) -> arb:
    """B': no parameter adapted to the law is longer, from ||theta|| <= radius."""
    adaptation = instance.adaptation
    steps = adaptation.steps if isinstance(adaptation, Gradient) else 1
    rate = arb(adaptation.largest) if isinstance(adaptation, Gradient) else 1 / arb(adaptation.strength)
    reach, kept = radius, arb(1)
    if isinstance(adaptation, Gradient):
        # ||theta - eta D decay theta|| is at most the largest |1 - eta r_j decay| times ||theta||.
        kept = arb(max(abs(1 - end * adaptation.decay) for end in adaptation.span))
    for _ in range(steps):
        steepest = arb(0)
        for x, y, p in law.atoms:
            if instance.loss.outputs > 1:
                steepest += p * _bound_of_slope(instance.loss) * norm(problem.features.tolist()[x.start])
                continue
            length = norm([problem.features[x, j] for j in range(problem.dimension)])
            span = (-(length * reach)).union(length * reach)
            steepest += p * instance.loss.range(1, span, y).abs_upper() * length
        reach = arb((kept * reach + rate * steepest).upper())
    return reach


def _bound_of_slope(loss: Loss) -> arb:
    found = loss.constants().m1
    if found is None:
        raise DoesNotApplyError(f"loss={loss.name!r}: a loss with bounded slopes is required")
    return found


def risk_minimiser(instance: MetaSLInstance, task: Task, radius: float) -> np.ndarray:
    """A float64 minimiser of one convex risk over a ball, by damped Newton; a proposal."""
    loss, c, d = instance.loss, instance.loss.outputs, instance.dimension
    table = np.array([[to_float(v) for v in row] for row in instance.rows]).reshape(-1, c, d)
    rows = table[[a.x for a in task.atoms]]
    ys, ps = np.array([loss.label(Floats, a.y) for a in task.atoms]), np.array([to_float(a.p) for a in task.atoms])
    point = np.zeros(d)

    def value(t: np.ndarray) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            return float(ps @ loss.on_arrays(0, rows @ t, ys))

    for _ in range(80):
        z = rows @ point
        gradient = np.tensordot(ps[:, None] * loss.on_arrays(1, z, ys), rows, 2)
        bent = ps[:, None, None] * loss.on_arrays(2, z, ys) @ rows
        hessian = np.tensordot(rows, bent, ((0, 1), (0, 1)))
        size = float(np.linalg.norm(point))
        pushed = -float(gradient @ point) / max(size, 1e-300)
        if size >= radius * (1 - 1e-12) and pushed > 0:
            gradient = gradient + pushed / radius * point
            hessian = hessian + pushed / radius * np.eye(d)
        step = least_squares(hessian + 1e-14 * np.trace(hessian) * np.eye(d), gradient)
        length, here = 1.0, value(point)
        while length > 1e-10:
            trial = point - length * step
            trial = trial * min(1.0, radius / max(float(np.linalg.norm(trial)), 1e-300))
            if value(trial) <= here + 1e-16 * abs(here):
                break
            length /= 2
        else:
            break
        moved = float(np.linalg.norm(trial - point))
        point = trial
        if moved <= 1e-15 * (1 + size):
            break
    return point


def exact_value(instance: MetaSLInstance, theta: Vector, bits: int = PRECISION) -> arb:
    """L(theta) in balls."""
    with ctx.workprec(bits):
        problem = Problem(instance.canonical, Balls)
        return problem.meta_objective(problem.column(theta))
