"""The core quantities of any model, from its graphs: midpoint-radius float64 first, balls where more digits decide.

grad L comes from the graph of grad(L), meta-features from that of the Jacobian of predictions, gap from the risks, Breg
from the formulas of `losses`: S2 and the identity compare graphs that PyTorch made by different transformations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from flint import arb, ctx

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Number, NumberSystem, norm, root
from ..balls.core import TooLargeError
from ..balls.spanned import SpannedQuantities
from ..instances import Vector
from ..models.traced.convexity import convex
from ..models.traced.evaluate import Kink, Run, evaluated
from ..models.traced.middles import Middles
from ..models.traced.systems import Fine, System, Value, each, shape_of
from .entries import Entries, Features, joined
from .instance import TracedInstance, TracedTask
from .losses import NAMED

FIRST = 128
"""Bits up to which graphs are evaluated in midpoint-radius float64; beyond, in balls of as many bits."""
MOST = 2**26
"""Entries of meta-features that midpoint-radius arrays hold."""
FINE = 2**20
"""Entries of meta-features that are evaluated in balls."""


class TracedQuantities(SpannedQuantities):
    """The quantities of a `TracedInstance`. `precise`: graphs in balls; by default beyond `FIRST` bits."""

    instance: TracedInstance

    def __init__(
        self,
        instance: TracedInstance,
        m: NumberSystem = Balls,
        direction: Vector | None = None,
        precise: bool | None = None,
    ) -> None:
        super().__init__(instance, m, direction)
        self.instance = instance
        self.precise = ctx.prec > FIRST if precise is None else precise
        self.s: System = Fine() if self.precise else Middles()
        self._runs: list[tuple[int, Run]] = []

    # --- graphs -------------------------------------------------------------------------------------------------

    def _run(self, name: str, i: int, inputs: Sequence[Value], watched: bool = True) -> list[Value]:
        """The outputs of a task's graph. `watched`: its decisions are among those that claims assume."""
        program = self.instance.programs[self._tasks[i].program]
        if name not in program:
            raise UndefinedQuantityError(f"the instance has no graph named {name}")
        values, run = evaluated(program[name], inputs, self.s)
        if watched:
            self._runs.append((i, run))
        return values

    @cached_property
    def _tasks(self) -> tuple[TracedTask, ...]:
        return tuple(task for task in self.instance.tasks if task.weight != 0)

    def _at(self, name: str, i: int, parameters: Sequence[Value]) -> list[Value]:
        return self._run(name, i, [*parameters, *self._tasks[i].data])

    @cached_property
    def _weights(self) -> list[arb]:
        return [arb(task.weight) for task in self._tasks]

    @cached_property
    def _predictions(self) -> list[Value]:
        """z per task (n_i, c)."""
        return [_table(self._at("predictions", i, self.instance.omega)[0]) for i in range(len(self._tasks))]

    @cached_property
    def _rivals(self) -> list[Value]:
        """h' per task (n_i, c)."""
        count = len(self._tasks)
        if self.instance.functions:
            kept = [k for k, task in enumerate(self.instance.tasks) if task.weight != 0]
            return [_table(self.s.of(self.instance.comparator[k])) for k in kept]
        return [_table(self._at("predictions", i, self.instance.comparator)[0]) for i in range(count)]

    def _of_predictions(self, name: str, i: int, z: Value, support: bool = False) -> list[arb]:
        """`risk` or `slope` of task i at predictions z, against the query's labels or the support's: by formula, or of
        the user's own loss by its graph."""
        task, named = self._tasks[i], NAMED.get(self.instance.loss)
        labels = task.data[1] if support else task.data[3]
        if named is not None:
            at = self.s.balls(z)
            return [named.value(at, labels)] if name == "risk" else named.slope(at, labels)
        return self.s.balls(self._run(name, i, [each(lambda x: x.reshape(task.shape), z), labels])[0])

    @cached_property
    def _risks(self) -> tuple[list[arb], list[arb]]:
        """R_i at z and at h'."""
        every = range(len(self._tasks))
        return tuple(
            [self._of_predictions("risk", i, at[i])[0] for i in every] for at in (self._predictions, self._rivals)
        )  # type: ignore[return-value]

    @cached_property
    def _slopes(self) -> list[list[arb]]:
        """dR_i/dz per task [n_i c]."""
        return [self._of_predictions("slope", i, z) for i, z in enumerate(self._predictions)]

    def _rows(self, name: str, i: int, parameters: Sequence[Value]) -> Value:
        """A Jacobian of predictions (n_i c, p)."""
        z = self._predictions[i]
        count = int(np.prod(shape_of(z)))
        entries = len(self._all_points) * self.instance.parameters
        if entries > (FINE if self.precise else MOST):
            raise TooLargeError(
                f"meta-features have {entries} entries ({len(self._all_points)} points and components, "
                f"{self.instance.parameters} parameters); {'balls' if self.precise else 'float64 arrays'} take at most "
                f"{FINE if self.precise else MOST}"
            )
        found = [each(lambda x: x.reshape(count, -1), v) for v in self._at(name, i, parameters)]
        return each(lambda *x: np.concatenate(x, 1), *found)

    def _all_rows(self, name: str, parameters: Sequence[Sequence[Value]]) -> Features:
        rows = [self._rows(name, i, p) for i, p in enumerate(parameters)]
        return Features(self.s, each(lambda *x: np.concatenate(x), *rows))

    @cached_property
    def _features(self) -> Features:
        return self._all_rows("features", [self.instance.omega] * len(self._tasks))

    @cached_property
    def _adapted(self) -> list[list[Value]]:
        """U_i(omega), tensor by tensor."""
        return [self._at("adapted", i, self.instance.omega) for i in range(len(self._tasks))]

    @cached_property
    def _plain(self) -> Features:
        return self._all_rows("plain", self._adapted)

    @cached_property
    def task_gradients(self) -> list[Value]:
        """grad L_i per task [p], without weights."""
        return [joined(self._at("gradient", i, self.instance.omega)) for i in range(len(self._tasks))]

    @cached_property
    def _whole_gradient(self) -> Entries:
        """grad L."""
        return self._weighed(self.task_gradients)

    def _weighed(self, gradients: Sequence[Value]) -> Entries:
        """sum_i q_i g_i."""
        total: Value = None
        for weight, g in zip(self._weights, gradients, strict=True):
            part = self.s.mul(g, self.s.from_balls([weight], ()))
            total = part if total is None else self.s.add(total, part)
        return Entries(self.s, total)

    @cached_property
    def _formal_gradient(self) -> Entries:
        """<w, phi>."""
        return self._features.paired(self._weighted)

    # --- the task-lifted space: (task, point, component), of mass q_i / n_i ----------------------------------------

    @cached_property
    def _all_points(self) -> list[int]:
        """The task of each lifted point [N]."""
        return [i for i, z in enumerate(self._predictions) for _ in range(int(np.prod(shape_of(z))))]

    @cached_property
    def _l1_blocks(self) -> list[tuple[int, int]]:
        """The query point of each lifted point [N]: its components are paired (`theory.any_model`)."""
        shapes = [shape_of(z) for z in self._predictions]
        return [(i, k // c) for i, (n, c) in enumerate(shapes) for k in range(n * c)]

    @cached_property
    def _masses(self) -> list[Number]:
        return [self._weights[i] / shape_of(self._predictions[i])[0] for i in self._all_points]

    @cached_property
    def _weighted(self) -> list[Number]:
        return [self._weights[i] * w for i, slopes in enumerate(self._slopes) for w in slopes]

    @cached_property
    def _u(self) -> list[Number]:
        return [
            a - b
            for z, h in zip(self._predictions, self._rivals, strict=True)
            for a, b in zip(self.s.balls(z), self.s.balls(h), strict=True)
        ]

    @cached_property
    def value(self) -> arb:
        """L(omega)."""
        return self._sum(q * r for q, r in zip(self._weights, self._risks[0], strict=True))

    @cached_property
    def rival_value(self) -> arb:
        """L at the comparator."""
        return self._sum(q * r for q, r in zip(self._weights, self._risks[1], strict=True))

    @cached_property
    def gap(self) -> arb:
        return self.value - self.rival_value

    @cached_property
    def bregman(self) -> arb:
        named = NAMED.get(self.instance.loss)
        if named is None:
            return self._sum(w * u for w, u in zip(self._weighted, self._u, strict=True)) - self.gap
        total = self.zero
        for q, z, h in zip(self._weights, self._predictions, self._rivals, strict=True):
            n, c = shape_of(z)
            before, after = self.s.balls(z), self.s.balls(h)
            points = (named.divergence(before[k : k + c], after[k : k + c]) for k in range(0, n * c, c))
            total += q / n * self._sum(points)
        return total

    # --- first order, and the distance from a floor ----------------------------------------------------------------

    @cached_property
    def first_order_gradient(self) -> Entries:
        """FOMAML's gradient."""
        return self._plain.paired(self._weighted)

    @cached_property
    def eps_first_order(self) -> arb:
        return self.first_order_gradient.length

    @cached_property
    def misfit_plain(self) -> arb:
        return self._misfit(self._plain).value

    @cached_property
    def min_norm_solution(self) -> arb:
        """||Phi^+ u|| = (u'M^{-1}u)^{1/2}."""
        at = self._features.span
        return arb("nan") if len(at.pivots) < len(self._u) else norm(at.coordinates(self._u))

    @property
    def certified_gap(self) -> arb:
        """L(omega) less its floor, 0."""
        return self._above_floor(self.value)

    @property
    def bracket(self) -> arb:
        """L at the comparator less the floor, 0."""
        return self._above_floor(self.rival_value)

    @property
    def trivial(self) -> arb:
        """What is known of the gap without any theorem: L(omega) less the floor."""
        return self.certified_gap

    def _above_floor(self, value: arb) -> arb:
        if self.instance.loss not in NAMED:
            raise UndefinedQuantityError("no floor is known of a loss of one's own")
        return value

    # --- what mutants mistake for these -------------------------------------------------------------------------

    @cached_property
    def weight_norm_unadapted(self) -> arb:
        """||w|| at the predictions of omega itself."""
        inputs = [[*self.instance.omega, *task.data] for task in self._tasks]
        at = [_table(self._run("unadapted", i, given, watched=False)[0]) for i, given in enumerate(inputs)]
        return self._norm_of([self._of_predictions("slope", i, z) for i, z in enumerate(at)])

    @cached_property
    def weight_norm_support(self) -> arb:
        """||w|| of the supports' risks."""
        at = [_table(self._on_support("predictions", i)[0]) for i in range(len(self._tasks))]
        return self._norm_of([self._of_predictions("slope", i, z, support=True) for i, z in enumerate(at)])

    @cached_property
    def eps_support(self) -> arb:
        """||grad|| of L with the supports' risks."""
        return self._weighed([joined(self._on_support("gradient", i)) for i in range(len(self._tasks))]).length

    def _on_support(self, name: str, i: int) -> list[Value]:
        """A graph with the support in the query's place. Errors: UndefinedQuantityError, if it has another shape."""
        xs, ys, x, y = self._tasks[i].data
        if xs.shape != x.shape or ys.shape != y.shape:
            raise UndefinedQuantityError("the support has another shape than the query")
        return self._run(name, i, [*self.instance.omega, xs, ys, xs, ys], watched=False)

    def _norm_of(self, slopes: list[list[arb]]) -> arb:
        weighted = [q * w for q, row in zip(self._weights, slopes, strict=True) for w in row]
        return self._root_sum((1 / mass, w) for mass, w in zip(self._masses, weighted, strict=True))

    # --- margins ------------------------------------------------------------------------------------------------------

    @cached_property
    def margin_outer_convexity(self) -> arb:
        """1 for a loss with a name, which is convex; else the total Bregman divergence.

        Where its enclosure does not tell it from 0: 1 if it is certainly no less, as of omega from itself, of convex
        risks, or if its digits end.
        """
        if self.instance.loss in NAMED:
            return arb(1)
        if self.bregman > 0 or self.bregman < 0:
            return self.bregman
        return arb(1) if self.bregman >= 0 or self._compared_with_itself or self._convex_risks else self.bregman

    @property
    def _compared_with_itself(self) -> bool:
        """Whether the comparator is omega: the same program at the same numbers, so that u = 0 and Breg = 0."""
        pairs = zip(self.instance.omega, self.instance.comparator, strict=False)
        return not self.instance.functions and all(bool((a == b).all()) for a, b in pairs)

    @cached_property
    def _convex_risks(self) -> bool:
        """Whether every risk is convex by the rules of composition."""
        graphs = [self.instance.programs[task.program]["risk"] for task in self._tasks]
        shapes = [np.zeros(task.shape) for task in self._tasks]
        return all(
            convex(graph, [z, task.data[3]], self.s) for graph, z, task in zip(graphs, shapes, self._tasks, strict=True)
        )

    @cached_property
    def margin_differentiability(self) -> arb:
        """The least distance of what the program decides from its joint; an open ball where one is not separated."""
        if self._whole_gradient and self.kinks:
            return arb(0).union(1)
        least = min((run.margin for _, run in self._runs), default=1.0)
        return arb(min(least, 1.0))

    @property
    def kinks(self) -> list[tuple[int, Kink]]:
        """(task, place) of what has not been decided so far."""
        return [(i, kink) for i, run in self._runs for kink in run.kinks]

    @cached_property
    def margin_full_row_rank(self) -> arb:
        """A lower bound of the smallest eigenvalue of the Gram matrix; open where it is not known to be regular; 0 for
        more points than parameters."""
        if len(self._u) > self.instance.parameters:
            return arb(0)
        try:
            inverse = self._features.gram.inv()
        except ZeroDivisionError:
            return arb(0).union(1)
        return 1 / norm(inverse.entries())

    # --- sizes, for rounding --------------------------------------------------------------------------------------

    @cached_property
    def _scales(self) -> tuple[arb, arb, arb]:
        """Sizes of what is added up: in the risks, in the gradient, in the predictions."""
        weights = [abs(w.mid()) for w in self._weighted]
        sizes = [abs(a.mid()) + abs(b.mid()) for z, h in zip(self._predictions, self._rivals, strict=True)
                 for a, b in zip(self.s.balls(z), self.s.balls(h), strict=True)]  # fmt: skip
        risks = abs(self.value.mid()) + abs(self.rival_value.mid())
        risks += self._sum(w * v for w, v in zip(weights, sizes, strict=True))
        gram = self._features.gram
        slopes = self._sum(w * root(gram[a, a].mid()) for a, w in enumerate(weights))
        return arb(risks), arb(slopes), max(sizes, default=arb(0), key=float)

    def scale(self, name: str) -> arb:
        """The size of the sums behind a quantity."""
        risks, slopes, sizes = self._scales
        if name in ("gap", "bregman", "pairing", "inner_product", "misfit_l1", "certified_gap", "bracket"):
            return risks
        if name in ("eps", "eps_first_order", "direction", "chain_rule_defect"):
            return slopes
        return sizes if "misfit" in name or "displacement" in name or name == "residual_norm" else arb(0)


def _table(value: Value) -> Value:
    """Predictions as (points, components); one number is one point."""
    return each(lambda x: x.reshape(len(np.atleast_1d(x)), -1), value)
