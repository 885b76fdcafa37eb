r"""Lower bounds of the meta-objective over ||W - W0|| <= B for small networks, by the programs of `programs`.

Without a step all tasks have the network W: one program, whose units are the neurons at the inputs, drives W_r'x. With
one step and the squared loss, W_i is affine in W once the pattern of W is fixed: one program for each pattern of W,
whose units are the drives of the adapted neurons,

    W_{i,r}'x = W_r'x - m^{-1/2} b_r eta sum_z P_r(z) <z, x> (rho_i(z) f(z; W) - sum_y p y),  f = m^{-1/2} b'(P o W z),

with the signs of W_r'z as constraints. (At a kink of W the convention is that of one of the two closed cells that meet
there; relu of an adapted drive is continuous.) Other losses, and several steps, after the first of which patterns
depend on the task: task by task, over the larger ball that W_i cannot leave.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from flint import arb, ctx, fmpq

from ...arithmetic import Balls, proposed
from ...instances import Vector
from ...models.weights import Weights
from ...supervised.instance import NetworkInstance, Task
from ...supervised.relu.problem import NetworkProblem
from ..exact import PRECISION, together
from .floor import Centre, Floor, NotConvexError, functions_of, reach
from .programs import OFF, ON, OPEN, Drive, Minimum, Program, Unit, least, unit

PARAMETERS = 32
"""m d up to which programs are solved."""
CROSSINGS = 6
"""Signs of W that are open in the ball, up to which every pattern of W gets its program."""
CELLS = 200


class TooLargeError(ValueError):
    """The network has too many parameters for programs."""


def pattern_floor(instance: NetworkInstance, radius: fmpq) -> tuple[Floor, list[Weights]]:
    """A lower bound of L over ||W - W0|| <= radius, and networks near where it is attained, if it is one program's.

    Errors: NotConvexError, TooLargeError, UnboundedError.
    """
    if not instance.loss.profile.convex:
        raise NotConvexError(f"loss={instance.loss.name!r}: a convex loss is required")
    parameters = instance.width * instance.initial.dimension
    if parameters > PARAMETERS:
        raise TooLargeError(f"m d = {parameters}: at most {PARAMETERS} are required")
    shared = together(instance)
    with ctx.workprec(PRECISION):
        layer = _Neurons(NetworkProblem(shared, Balls), arb(radius))
        if shared.adaptation.eta == 0:
            (task,) = shared.tasks
            found = least([layer.program(task, arb(radius))], most=CELLS)
            rows = [layer.row(task, found)]
            return Floor(arb(found.bound), _method(found), functions_of(instance, rows)), layer.moved(found)
        crossing = layer.crossing()
        affine = shared.loss.name == "squared" and shared.adaptation.steps == 1 and shared.adaptation.plain
        if affine and len(crossing) <= CROSSINGS:
            programs = [layer.adapted(pattern) for pattern in layer.patterns(crossing)]
            found = least(programs, most=CELLS + len(programs))
            values = iter(found.predictions)
            rows = [layer.spread({x: next(values) for x in layer.support(task)}) for task in shared.tasks]
            return Floor(arb(found.bound), _method(found), functions_of(instance, rows)), layer.moved(found)
        centre = Centre(layer.problem)
        total, rows, cells = arb(0), [], 0
        for i, task in enumerate(shared.tasks):
            budget = arb(reach(centre, layer.problem.laws[i], arb(radius)))
            one = least([layer.program(task, budget)], most=CELLS)
            total += task.weight * arb(one.bound)
            rows.append(layer.row(task, one))
            cells += one.cells
        method = f"convex programs per activation pattern, task by task ({cells} cells)"
        return Floor(total, method, functions_of(instance, rows)), []


def _method(found: Minimum) -> str:
    return f"convex programs per activation pattern ({found.cells} cells)"


class _Neurons:
    """The drives of W at the inputs, as affine functions of D."""

    def __init__(self, problem: NetworkProblem, radius: arb) -> None:
        self.problem, self.radius = problem, radius
        self.rows = problem.instance.features
        self.width, self.dimension = problem.width, len(self.rows[0])
        self.outputs = [arb(b) * problem.shrink for b in problem.instance.signs]

    def drive(self, r: int, x: int) -> Drive:
        """W_r'x."""
        alpha = [arb(0)] * (self.width * self.dimension)
        alpha[r * self.dimension : (r + 1) * self.dimension] = [arb(v) for v in self.rows[x]]
        return Drive(alpha, arb(self.problem.instance.initial.dot(r, self.rows[x])))

    def support(self, task: Task) -> list[int]:
        """The inputs of the task."""
        return sorted({a.x for a in task.atoms})

    def spread(self, values: dict[int, float]) -> Vector:
        """Predictions at some inputs as a row over all [k]."""
        return proposed(values.get(x, 0.0) for x in range(len(self.rows)))

    def moved(self, found: Minimum) -> list[Weights]:
        """W0 + D, and points beside it: the best closed cell may be one whose boundary follows another's convention."""
        start = self.problem.instance.initial.floats
        move = found.point.reshape(start.shape)
        beside = np.random.default_rng(0).standard_normal((8, *start.shape))
        return [Weights(start + move + 1e-9 * b) for b in (0 * beside[0], *beside)]

    def row(self, task: Task, found: Minimum) -> Vector:
        """The predictions of the task's program as a row [k]."""
        return self.spread(dict(zip(self.support(task), found.predictions, strict=True)))

    def program(self, task: Task, radius: arb) -> Program:
        """The least risk of one task over the ball."""
        xs = self.support(task)
        units = [
            unit(self.drive(r, x), j, output, radius) for j, x in enumerate(xs) for r, output in enumerate(self.outputs)
        ]
        atoms = [(xs.index(a.x), arb(a.y), arb(a.p)) for a in task.atoms]
        return Program(self.problem.loss, atoms, units, radius)

    # --- the adapted networks, squared loss --------------------------------------------------------------------

    def _signed(self) -> Iterator[tuple[int, int, Unit]]:
        for x in sorted({x for law in self.problem.laws for x in law.rho}):
            if not self.problem.inputs.vanishing[x]:
                for r in range(self.width):
                    yield r, x, unit(self.drive(r, x), 0, arb(0), self.radius)

    def crossing(self) -> list[tuple[int, int]]:
        """(neuron, input) whose sign is open in the ball."""
        return [(r, x) for r, x, u in self._signed() if not (u.low >= 0 or u.high <= 0)]

    def patterns(self, crossing: Sequence[tuple[int, int]]) -> Iterator[dict[tuple[int, int], int]]:
        """Every pattern of W on the support: ON or OFF per (neuron, input)."""
        fixed = {(r, x): ON if u.low >= 0 else OFF for r, x, u in self._signed()}
        for choice in itertools.product((ON, OFF), repeat=len(crossing)):
            yield fixed | dict(zip(crossing, choice, strict=True))

    def adapted(self, pattern: dict[tuple[int, int], int]) -> Program:
        """The least L where W has the pattern: units of the adapted neurons, signs of W as constraints."""
        problem, products = self.problem, self.problem.inputs.products
        zero = Drive([arb(0)] * (self.width * self.dimension), arb(0))
        values: dict[int, Drive] = {}
        for x in sorted({x for _, x in pattern}):
            total = zero
            for r, output in enumerate(self.outputs):
                if pattern[r, x] == ON:
                    total = total.plus(self.drive(r, x), output)
            values[x] = total
        units: list[Unit] = []
        statuses: list[int] = []
        atoms: list[tuple[int, arb, arb]] = []
        place = itertools.count()
        for law, task in zip(problem.laws, problem.instance.tasks, strict=True):
            errors: dict[int, Drive] = {}
            for a in task.atoms:
                # eta p (f(x; W) - y), summed per input
                own = values.get(a.x, zero)
                error = Drive(own.alpha, own.tau - arb(a.y))
                errors[a.x] = errors.get(a.x, zero).plus(error, problem.eta * arb(a.p))
            for x in self.support(task):
                j = next(place)
                for r, output in enumerate(self.outputs):
                    moved = self.drive(r, x)
                    for z, error in errors.items():
                        if pattern.get((r, z)) == ON and products[z][x] != 0:
                            moved = moved.plus(error, -output * arb(products[z][x]))
                    units.append(unit(moved, j, output, self.radius))
                    statuses.append(OPEN)
                atoms += [(j, arb(a.y), law.weight * arb(a.p)) for a in task.atoms if a.x == x]
        for (r, x), status in pattern.items():
            units.append(unit(self.drive(r, x), 0, arb(0), self.radius))
            statuses.append(status)
        return Program(problem.loss, atoms, units, self.radius, tuple(statuses))
