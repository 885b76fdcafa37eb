r"""Certified lower bounds of the meta-objective of smooth networks: over all W, and over a ball around W0.

Over all W. Whatever W, adapted or not, a prediction lies in the range of the networks: |f| < sqrt m for tanh, and
f(-x) = -f(x); f > 0 (f < 0) for softplus if every b_r is 1 (-1), all reals else; at x = 0 it is f(0), which W does not
change. So R_i(W) >= sum over inputs (tanh: pairs x, -x) of the infimum over that range of E[ell(z, y)]. Without a step
(eta = 0) tasks share one network. Width plays no other part: the floor is near where m is large enough to interpolate.

In the ball the linearisation f(x; W0) + phi_0(x)'(W - W0) errs by at most min(B ||x||, c2 B^2 ||x||^2/(2 sqrt m))
(theory/smooth_network.py), and `network.floor` does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, arb_mat, ctx, fmpq

from ...arithmetic import Balls, exact_floats, norm, root, square
from ...losses import Loss
from ...models.dependence import place
from ...supervised.instance import SmoothInstance
from ...supervised.smooth.problem import SmoothProblem
from ..exact import PRECISION, Ends, least_on_ray
from .floor import Centre, Floor, centred_floor, functions_of, pooled

Labels = Sequence[tuple[fmpq, fmpq, fmpq]]
"""(t, y, p): the prediction is t s for t = 1 or -1."""


def range_floor(instance: SmoothInstance) -> Floor:
    """sum_i q_i sum over inputs of the best prediction in the range of the networks."""
    shared = pooled(instance.canonical)
    assert isinstance(shared, SmoothInstance)
    places = [place(x, odd=instance.sigma.odd) for x in instance.features]
    total, rows = arb(0), []
    with ctx.workprec(PRECISION):
        fixed = _at_zero(shared)
        for task in shared.tasks:
            groups: dict[tuple[str, ...], list[tuple[fmpq, fmpq, fmpq]]] = {}
            for atom in task.atoms:
                name, t = places[atom.x]
                if t == 0:
                    total += task.weight * atom.p * shared.loss.value(Balls, fixed, arb(atom.y))
                else:
                    groups.setdefault(name, []).append((t, atom.y, atom.p))
            found = {}
            for name, labels in groups.items():
                value, found[name] = _least(shared, labels)
                total += task.weight * value
            still = exact_floats([fixed])[0]
            rows.append([still if t == 0 else t * found.get(name, fmpq(0)) for name, t in places])
    return Floor(
        total, "the best prediction at every input, in the range of the networks", functions_of(instance, rows)
    )


def _at_zero(instance: SmoothInstance) -> arb:
    """f(0; W), of every W."""
    value: arb = instance.sigma.value(Balls, arb(0))
    return value * sum(instance.signs) / root(arb(instance.width))


def _least(instance: SmoothInstance, labels: Labels) -> tuple[arb, fmpq]:
    """A lower bound of inf_s sum p ell(t s, y) over the range of s, and a float64 s that nearly has it."""
    if instance.activation == "tanh":
        return least_between(instance.loss, labels, root(arb(instance.width)))
    ends: Ends = (-1 in instance.signs, 1 in instance.signs)
    return least_on_ray(instance.loss, labels, ends)


def least_between(loss: Loss, labels: Labels, limit: arb) -> tuple[arb, fmpq]:
    """A lower bound of min_{|s| <= limit} sum p ell(t s, y), and a float64 s that nearly has it.

    Bisection by the sign of the slope g: a convex sum is at least value(s) - |g(s)| times the width of what is left.
    """
    if not loss.profile.convex:
        return arb(0), fmpq(0)  # each label's own infimum, which is 0 in the table

    def value(s: arb) -> arb:
        return sum((arb(p) * loss.value(Balls, arb(t) * s, arb(y)) for t, y, p in labels), start=arb(0))

    def slope(s: arb) -> arb:
        return sum((arb(p * t) * loss.d1(Balls, arb(t) * s, arb(y)) for t, y, p in labels), start=arb(0))

    high = arb(limit.upper())
    low = -high
    for _ in range(200):
        middle = arb(((low + high) / 2).mid())
        at = slope(middle)
        if at > 0:
            high = middle
        elif at < 0:
            low = middle
        else:
            break
        if (high - low) < arb(2) ** -100:
            break
    middle = arb(((low + high) / 2).mid())
    return value(middle) - slope(middle).abs_upper() * (high - low), exact_floats([middle])[0]


def ball_floor(instance: SmoothInstance, radius: fmpq) -> Floor:
    """The floor over ||W - W0|| <= radius. Errors: NotConvexError, UnboundedError."""
    return centred_floor(instance, radius, lambda shared: smooth_centre(SmoothProblem(shared)))


def smooth_centre(problem: SmoothProblem) -> Centre:
    """The linearisation at W0, in balls."""
    start = problem.start
    sizes = [norm(row) for row in problem.inputs.tolist()]
    inner, products = start.gates.transpose() * start.gates, problem.inputs * problem.inputs.transpose()
    bend = problem.sigma.curvature(Balls) / root(arb(problem.instance.width)) / 2

    def worst(budget: arb) -> list[arb]:
        return [(budget * size).min(bend * square(budget * size)) for size in sizes]

    def kernel(xs: Sequence[int]) -> arb_mat:
        return Balls.matrix([[inner[x, y] * products[x, y] for y in xs] for x in xs])

    steps = problem.instance.adaptation.steps
    return Centre(problem.loss, problem.laws, problem.eta, steps, start.predictions, sizes, worst, kernel)
