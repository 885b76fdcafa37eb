"""Whose gradient is it? A user's gradient against those of MAML and of the usual mistakes, at enclosed distances.

Candidates are gradients of graphs, enclosed. The distance of the user's to each is enclosed. Whether the rest is
rounding is asked of the dtype (`tolerance`): a name is given only within what that explains; where it explains several,
it is said that the dtype cannot tell.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from flint import arb, ctx, fmpq

from ..arithmetic import Array, bounds, root, to_float
from ..judge import Enclosure
from ..models.traced.evaluate import evaluated
from ..models.traced.graph import Graph
from ..models.traced.middles import Middles
from ..models.traced.roundings import Format, Turned
from ..models.traced.systems import Fine, System, Value, each
from ..models.traced.trace import array_of, traced
from ..task_tables import Task
from .entries import joined
from .learner import SGD, Inner, Learner, Loss, bad, mse, weights
from .problem import programs
from .tolerance import CHANCE, FORMATS, Tolerance

BALLS = 128
STEPS = (1, 2, 3, 4, 5, 10)
"""Numbers of inner steps that are tried, beside one more and one less."""
RATES = (0.01, 0.1, 0.2, 0.5, 2.0, 3.0, 5.0, 10.0, 100.0, -1.0)
"""Multiples of the rate from which the best one is looked for."""

MEANING = {
    "maml": "MAML's meta-gradient",
    "first-order": "first-order MAML's gradient: no derivative goes through the inner step (a detach, or create_graph "
    "left out)",
    "no-adaptation": "the gradient without adaptation: the outer loss is taken at the unadapted parameters",
    "first-task-only": "the gradient of the first task alone: the losses of the others do not reach it",
    "last-task-only": "the gradient of the last task alone: the losses of the others do not reach it",
    "query-is-support": "the gradient with the outer loss on the support set: support is used as query",
    "other-statistics": "MAML's gradient with the other statistics in batch normalisation: the batch's own (train) for "
    "the running ones (eval), or the other way round",
    "no-reset": "the gradient of a loop that does not go back to the parameters: each task starts where the last one's "
    "inner loop ended",
}


@dataclass(frozen=True)
class Diagnosis:
    """Whose gradient it is: a name, the enclosed relative distance to the gradient of that name, a sentence.

    distances   to every candidate that was tried
    rounding    the relative distance that the dtype's rounding explains; `proved`: no order of rounding explains more
    alike       the others that rounding explains as well
    """

    name: str
    distance: Enclosure
    message: str
    distances: Mapping[str, Enclosure]
    rounding: float
    proved: float
    alike: tuple[str, ...]


@dataclass(frozen=True)
class Candidate:
    """A gradient by name: what it is, in words, and its value in a system of numbers [p]."""

    name: str
    words: str
    value: Callable[[System], Value]


class Objectives:
    """The gradients that a loop may have computed instead."""

    def __init__(self, model: torch.nn.Module, tasks: Sequence[Task], inner: Inner, loss: Loss) -> None:
        self.model, self.tasks, self.learner, self.weights = model, tasks, Learner(model, inner, loss), weights(tasks)
        self.data = [self.learner.data(task.support, task.query) for task in tasks]
        self.omega = [array_of(p) for p in self.learner.omega]
        self._graphs: dict[Any, Graph] = {}
        self._values: dict[Any, Value] = {}
        """Gradients that several candidates are made of; of the systems that neither remember nor draw anything."""

    def _graph(self, name: str, data: tuple[torch.Tensor, ...], learner: Learner) -> Graph:
        key = (name, learner, tuple((t.shape, t.dtype) for t in data))
        if key not in self._graphs:
            self._graphs[key] = programs(self.model, learner, data, (name,))[0][name]
        return self._graphs[key]

    def gradient(
        self, s: System, i: int, name: str = "gradient", learner: Learner | None = None, swap: str = ""
    ) -> Value:
        """Of task i [p], without its weight. name `first-order`: with no derivative of the adaptation."""
        learner = learner or self.learner
        if type(s) not in (Middles, Fine):
            return self._gradient(s, i, name, learner, swap)
        key = (type(s), ctx.prec, i, name, learner, swap)
        if key not in self._values:
            self._values[key] = self._gradient(s, i, name, learner, swap)
        return self._values[key]

    def _gradient(self, s: System, i: int, name: str, learner: Learner, swap: str) -> Value:
        xs, ys, x, y = self.data[i]
        data = {"": (xs, ys, x, y), "support": (xs, ys, xs, ys), "query": (x, y, x, y)}[swap]
        arrays, point = [array_of(t) for t in data], self.omega
        if name == "first-order":
            point = evaluated(self._graph("adapted", data, learner), [*self.omega, *arrays], s)[0]
        elif name == "no-adaptation":
            name = "first-order"
        return joined(evaluated(self._graph(name, data, learner), [*point, *arrays], s)[0])

    def total(self, s: System, **named: Any) -> Value:
        """The tasks' gradients, weighted."""
        parts = [_times(s, self.gradient(s, i, **named), q) for i, q in enumerate(self.weights) if q != 0]
        return _added(s, parts)

    def usual(self) -> Iterator[Candidate]:
        """What needs no other inner loop."""
        yield Candidate("maml", MEANING["maml"], self.total)
        for name in ("first-order", "no-adaptation"):
            yield Candidate(name, MEANING[name], partial(self.total, name=name))
        if len(self.data) > 1:
            weighted = [i for i, q in enumerate(self.weights) if q != 0]
            for name, i in (("first-task-only", weighted[0]), ("last-task-only", weighted[-1])):
                words, part = MEANING[name], self.weights[i]
                yield Candidate(name, words, partial(self.gradient, i=i))
                yield Candidate(name, words, lambda s, i=i, q=part: _times(s, self.gradient(s, i), q))  # type: ignore[misc]
        for factor, words in self._factors():
            text = f"MAML's gradient times {to_float(factor):g}: {words}"
            yield Candidate("sum-not-mean", text, lambda s, c=factor: _times(s, self.total(s), c))  # type: ignore[misc]
        yield Candidate("query-is-support", MEANING["query-is-support"], partial(self.total, swap="support"))
        yield Candidate("query-is-support", "the gradient with the query set in the inner loop, too",
                        partial(self.total, swap="query"))  # fmt: skip
        other = with_other_statistics(self.model)
        if other is not None:
            those = Objectives(other, self.tasks, self.learner.inner, self._loss)
            yield Candidate("other-statistics", MEANING["other-statistics"], those.total)

    def without_reset(self) -> Iterator[Candidate]:
        """The gradient of sum_i q_i R_i(U_i(...U_1(theta))): a graph of all tasks, for the last."""
        if len(self.data) == 1:
            return
        learner, count = self.learner, len(self.learner.names)
        shares = [to_float(q) for q in self.weights]
        flat = [t for data in self.data for t in data]

        def risk(p: Any, *all_data: torch.Tensor) -> torch.Tensor:
            total: Any = 0
            for i, share in enumerate(shares):
                xs, ys, x, y = all_data[4 * i : 4 * i + 4]
                p = learner.adapt(p, xs, ys)
                z = learner.predict(dict(zip(learner.names, p, strict=True)), x)
                total = total + share * learner.loss(z, y)
            return total

        def value(s: System) -> Value:
            if not kept:
                inputs = (*learner.omega, *flat)
                kept.append(traced(lambda *a: torch.func.grad(risk)(a[:count], *a[count:]), inputs, range(count)))
            return joined(evaluated(kept[0], [*self.omega, *map(array_of, flat)], s)[0])

        kept: list[Graph] = []
        yield Candidate("no-reset", MEANING["no-reset"], value)

    def _factors(self) -> list[tuple[fmpq, str]]:
        tasks, points = len(self.data), len(self.data[0][3])
        found = {tasks: "tasks are summed, not averaged", points: "points are summed, not averaged",
                 tasks * points: "tasks and points are summed, not averaged"}  # fmt: skip
        same = all(len(y) == points for *_, y in self.data)
        return [(fmpq(n), words) for n, words in found.items() if n > 1 and (same or n == tasks)]

    def other_steps(self, inner: SGD) -> Iterator[Candidate]:
        """Other numbers of inner steps."""
        wanted = dict.fromkeys((inner.steps - 1, inner.steps + 1, *STEPS))
        for steps in wanted:
            if steps > 0 and steps != inner.steps:
                other = Learner(self.model, replace(inner, steps=steps), self._loss)
                words = f"MAML's gradient with {steps} inner step{'s' * (steps > 1)}, not {inner.steps}"
                yield Candidate(f"steps={steps}", words, partial(self.total, learner=other))

    @property
    def _loss(self) -> Loss:
        return self.learner.loss_name if self.learner.loss_name != "own" else self.learner.loss

    def at_rate(self, inner: SGD) -> Callable[[System, float], Value]:
        """MAML's gradient with the rate times c."""
        learner, k = self.learner, len(self.learner.names)
        graphs: dict[Any, Graph] = {}

        def graph(data: tuple[torch.Tensor, ...]) -> Graph:
            key = tuple((t.shape, t.dtype) for t in data)
            if key not in graphs:
                own = Learner(self.model, inner, self._loss)

                def outer(p: Any, rate: torch.Tensor, xs: Any, ys: Any, x: Any, y: Any) -> torch.Tensor:
                    own.inner = replace(inner, lr=rate)  # type: ignore[arg-type]
                    return own.loss(own.adapted_predictions(p, xs, ys, x), y)

                inputs = (*learner.omega, torch.tensor(inner.lr, dtype=torch.float64), *data)
                graphs[key] = traced(lambda *a: torch.func.grad(outer)(a[:k], *a[k:]), inputs, range(k))
            return graphs[key]

        def value(s: System, c: float) -> Value:
            parts: list[Value] = []
            for data, q in zip(self.data, self.weights, strict=True):
                rate = s.mul(s.lift(c), s.lift(float(inner.lr)))
                values = evaluated(graph(data), [*self.omega, rate, *map(array_of, data)], s)[0]
                parts.append(_times(s, joined(values), q))
            return _added(s, parts)

        return value


def with_other_statistics(model: torch.nn.Module) -> torch.nn.Module | None:
    """A copy whose batch normalisation reads the other statistics; None without one that has both."""
    other, found = copy.deepcopy(model), False
    for module in other.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            module.train(not module.training)
            found = True
    return other if found else None


def _added(s: System, parts: Sequence[Value]) -> Value:
    """The sum of vectors, in any order."""
    return s.sum(each(lambda *x: np.stack(x), *parts), (0,), False)


def _times(s: System, value: Value, factor: fmpq) -> Value:
    return s.mul(value, s.from_balls([arb(factor)], ()))


def flattened(gradients: Any, learner: Learner) -> tuple[Array, torch.dtype]:
    """A gradient as one float64 vector, and its dtype. Errors: BadInputError."""
    shapes = [tuple(p.shape) for p in learner.omega]
    sizes = [p.numel() for p in learner.omega]
    if isinstance(gradients, Mapping):
        missing = [n for n in learner.names if n not in gradients]
        if missing:
            raise bad("gradients", sorted(gradients), f"gradients of all parameters: {missing[0]} is missing")
        given: list[Any] = [gradients[n] for n in learner.names]
    elif isinstance(gradients, torch.Tensor | np.ndarray):
        flat = torch.as_tensor(gradients)
        if flat.numel() != sum(sizes):
            raise bad("gradients", tuple(flat.shape), f"{sum(sizes)} numbers, in the order of model.parameters()")
        given = list(torch.split(flat.reshape(-1), sizes))
        shapes = [(n,) for n in sizes]
    elif isinstance(gradients, Iterable) and not isinstance(gradients, str):
        given = list(gradients)
        if len(given) == len(learner.trained):
            given = [g for g, wanted in zip(given, learner.trained, strict=True) if wanted]
    else:
        raise bad("gradients", type(gradients).__name__, "tensors, a vector, or a mapping by name")
    if len(given) != len(shapes):
        raise bad("gradients", f"{len(given)} of them", f"{len(shapes)}, in the order of model.parameters()")
    if all(g is None for g in given):
        raise bad("gradients", "None of every parameter", "what a backward pass left: call backward() first")
    zeros = [torch.zeros(shape, dtype=learner.dtype) for shape in shapes]
    parts = [zero if g is None else torch.as_tensor(g) for g, zero in zip(given, zeros, strict=True)]
    for name, part, shape in zip(learner.names, parts, shapes, strict=True):
        if tuple(part.shape) != shape:
            raise bad("gradients", tuple(part.shape), f"the shape of {name}, {shape}")
    vector = np.concatenate([array_of(p).ravel() for p in parts]).astype(float)
    if not np.isfinite(vector).all():
        raise bad("gradients", "inf or nan", "finite numbers")
    return vector, next((p.dtype for p in parts if p.dtype in FORMATS), torch.float64)


def _relative(s: System, g: Array, at: Value) -> Enclosure:
    """||g - G|| / ||G||; without an upper end where G may be 0, unless g certainly is G."""
    off = s.sub(at, s.of(g))
    size, far = (root(s.balls(s.sum(s.mul(v, v), (0,), False))[0]) for v in (at, off))
    if not size > 0:
        return Enclosure(0.0, 0.0 if far.is_zero() else float("inf"))
    low, high = bounds(far / size)
    return Enclosure(max(low, 0.0), high)


def distance(g: Array, candidate: Candidate) -> Enclosure:
    """The relative distance, enclosed: in float64, or in balls where that leaves it wide."""
    found = _relative(Middles(), g, candidate.value(Middles()))
    if found.hi <= 1.5 * found.lo + 2.0**-40:
        return found
    with ctx.workprec(BALLS):
        return _relative(Fine(), g, candidate.value(Fine()))


def check_gradient(
    gradients: Any, model: torch.nn.Module, tasks: Sequence[Task], *, inner: Inner, loss: Loss = "mse"
) -> Diagnosis:
    """Whose gradient it is: MAML's, or that of a usual mistake.

    gradients: tensors in the order of model.parameters(), a flat vector, or a mapping by name; inner: `SGD`, or a
    function of (parameters by name, the support's risk). Errors: BadInputError, TraceError, UnknownOperatorError.
    """
    those = Objectives(model, tasks, inner, loss)
    g, dtype = flattened(gradients, those.learner)
    stages: list[Iterator[Candidate]] = [those.usual()]
    if those.learner.loss_name == "mse":
        stages.append(of_mse_loss(Objectives(model, tasks, inner, lambda z, y: 2 * mse(z, y)).usual()))
    if isinstance(inner, SGD):
        stages += [those.other_steps(inner), _rates(g, those, inner)]
    stages.append(those.without_reset())
    tried: list[tuple[Candidate, Enclosure]] = []
    for stage in stages:
        new = [(one, distance(g, one)) for one in stage]
        tried += new
        explained = _explained(g, new, FORMATS[dtype])
        if explained:
            break
    return _said(tried, explained, dtype)


OF_MSE_LOSS = "-of-mse-loss"


def of_mse_loss(usual: Iterator[Candidate]) -> Iterator[Candidate]:
    """Candidates of twice the loss `mse`, which PyTorch calls mse_loss: the inner steps are twice as long, too."""
    for one in usual:
        words = (
            f"{one.words}, of torch's mse_loss, which is twice the loss mse here: say loss=torch.nn.functional.mse_loss"
        )
        yield replace(one, name=one.name + OF_MSE_LOSS, words=words)


@dataclass(frozen=True)
class Explained:
    """A candidate from which rounding explains a gradient's distance; how many decisions it has turned."""

    one: Candidate
    far: Enclosure
    room: Tolerance
    turned: int = 0


def _explained(g: Array, tried: Sequence[tuple[Candidate, Enclosure]], form: Format) -> list[Explained]:
    """The candidates from which rounding explains the distance: from the nearest on, until it does not of one."""
    found: list[Explained] = []
    for one, far in sorted(tried, key=lambda row: row[1].hi):
        room = Tolerance(one.value, form)
        turned, far = _turned(g, one, far, room)
        if not (room.explains(far.lo) and np.isfinite(far.hi)):
            break
        found.append(Explained(one, far, room, turned))
    order = [one for one, _ in tried]
    return sorted(found, key=lambda e: order.index(e.one))


def _turned(g: Array, one: Candidate, far: Enclosure, room: Tolerance) -> tuple[int, Enclosure]:
    """How many doubtful decisions are taken the other way, and the distance then: each if it comes nearer."""
    chosen: list[int] = []
    # What no order explains needs no replays.
    for entry in room.doubtful if far.lo <= room.proved and room.expected < far.lo else ():
        other = Turned([*chosen, entry])
        near = _relative(other, g, one.value(other))
        if near.hi < far.hi:
            chosen, far = [*chosen, entry], near
    return len(chosen), far


def _rates(g: Array, those: Objectives, inner: SGD) -> Iterator[Candidate]:
    """The rate whose gradient is nearest: floats propose, a round number first."""
    value = those.at_rate(inner)

    def at(c: float) -> Array:
        return value(Middles(), c).mid

    def off(c: float) -> float:
        far = float(np.linalg.norm(at(c) - g))
        return far if np.isfinite(far) else np.inf

    c = min((1.0, *RATES), key=off)
    for _ in range(20):
        step = 1e-5 * abs(c)
        slope = (at(c + step) - at(c - step)) / (2 * step)
        move = float(slope @ (g - at(c))) / max(float(slope @ slope), 1e-300)
        here, tries = off(c), 0
        while tries < 4 and not off(c + move) < here:
            move, tries = move / 4, tries + 1
        if tries == 4:
            break
        c += move
    for digits in (2, 4, 12):
        rounded = float(f"{c:.{digits}g}")
        if rounded:
            yield Candidate(f"rate={rounded:g}", f"MAML's gradient with the inner rate times {rounded:g}",
                            lambda s, r=rounded: value(s, r))  # type: ignore[misc] # fmt: skip


def _said(
    tried: Sequence[tuple[Candidate, Enclosure]], explained: Sequence[Explained], dtype: torch.dtype
) -> Diagnosis:
    distances = {one.words if one.name.startswith("sum-not-mean") else one.name: far for one, far in tried}
    kind, maml = str(dtype).removeprefix("torch."), tried[0][1]
    if not explained:
        one, far = min(tried, key=lambda row: row[1].hi)
        room = Tolerance(one.value, FORMATS[dtype])
        beyond = "in any order" if far.lo > room.proved else f"but for a chance of {CHANCE:g}"
        text = f"This is none of the gradients that are known here: the nearest is {one.words}, at a relative distance "
        text += f"of at least {far.lo:.2g}, where rounding in {kind} explains {room.least:.2g} {beyond}."
        return Diagnosis("unknown", far, text, distances, room.least, room.proved, ())
    first, *rest = explained
    far, room = first.far, first.room
    text = f"This is {first.one.words} (relative distance at most {far.hi:.2g}; rounding in {kind} explains "
    text += f"{room.least:.2g}"
    if first.turned:
        text += f", with {first.turned} of {len(room.doubtful)} decisions that it may turn taken the other way"
    text += ")"
    if first.one.name != "maml":
        whose = "MAML's of the loss mse" if first.one.name.endswith(OF_MSE_LOSS) else "MAML's"
        text += f"; it is not {whose}, which is {maml.lo:.2g} away"
    alike = tuple(dict.fromkeys(e.one.name for e in rest))
    if rest:
        text += f"; as far as {kind} can tell: it may as well be " + " or ".join(
            f"{e.one.words} ({e.far.lo:.2g} away)" for e in rest
        )
    return Diagnosis(first.one.name, far, text + ".", distances, room.least, room.proved, alike)
