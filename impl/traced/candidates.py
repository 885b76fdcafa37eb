"""What a training loop may have computed for MAML's gradient: the usual mistakes, each as a gradient of its own.

Gradients are those of graphs, in any system of numbers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from flint import arb, ctx, fmpq

from ..arithmetic import to_float
from ..models.traced.evaluate import evaluated
from ..models.traced.graph import Graph
from ..models.traced.middles import Middles
from ..models.traced.systems import Fine, System, Value, each
from ..models.traced.trace import array_of, traced
from ..task_tables import Task
from .entries import joined
from .learner import SGD, Inner, Learner, Loss, weights
from .problem import programs

STEPS = (1, 2, 3, 4, 5, 10)
"""Numbers of inner steps that are tried, beside one more and one less."""
MEANING = {
    "maml": "MAML's meta-gradient",
    "first-order": "first-order MAML's gradient: no derivative goes through the inner step (a detach, or create_graph "
    "left out)",
    "no-adaptation": "the gradient without adaptation: the outer loss is taken at the unadapted parameters",
    "first-task-only": "the gradient of the first task alone: the losses of the others do not reach it",
    "last-task-only": "the gradient of the last task alone: the losses of the others do not reach it",
    "minus": "minus MAML's gradient: the sign is turned (ascent; the loss or the gradient was negated)",
    "query-is-support": "the gradient with the outer loss on the support set: support is used as query",
    "other-statistics": "MAML's gradient with the other statistics in batch normalisation: the batch's own (train) for "
    "the running ones (eval), or the other way round",
    "no-reset": "the gradient of a loop that does not go back to the parameters: each task starts where the last one's "
    "inner loop ended",
}


@dataclass(frozen=True)
class Candidate:
    """A gradient by name: what it is, in words, and its value in a system of numbers [p].

    kind    shared by those of which one is named, the first: "" is that of the same words
    """

    name: str
    words: str
    value: Callable[[System], Value]
    kind: str = ""


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
        yield Candidate("minus", MEANING["minus"], lambda s: _times(s, self.total(s), fmpq(-1)))
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


OF_MSE_LOSS = "-of-mse-loss"


def of_mse_loss(usual: Iterator[Candidate]) -> Iterator[Candidate]:
    """Candidates of twice the loss `mse`, which PyTorch calls mse_loss: the inner steps are twice as long, too."""
    for one in usual:
        words = (
            f"{one.words}, of torch's mse_loss, which is twice the loss mse here: say loss=torch.nn.functional.mse_loss"
        )
        yield replace(one, name=one.name + OF_MSE_LOSS, words=words)
