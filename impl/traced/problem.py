"""What a user has, a model, tasks and an inner loop, as a `TracedInstance`: checked, brought to float64, traced.

This room runs PyTorch and the user's own code; what it makes is plain data. Programs are kept per model, so that a
training loop traces once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from flint import fmpq
from torch.func import functional_call, grad, jacrev, vjp

from ..arithmetic import Array, length_above, rational
from ..files import BadInputError
from ..models.traced.trace import array_of, traced
from .instance import Program, TracedInstance, TracedTask
from .losses import DIVERGENCES

Tensors = tuple[torch.Tensor, ...]
Risk = Callable[[dict[str, torch.Tensor]], torch.Tensor]
Inner = Callable[[dict[str, torch.Tensor], Risk], Mapping[str, torch.Tensor]]
"""Adapted parameters from parameters and the support's risk, both by name."""
Loss = str | Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Task:
    """support and query are (inputs, labels), tensors whose first axis is points; a weight, or 1."""

    support: tuple[torch.Tensor, torch.Tensor]
    query: tuple[torch.Tensor, torch.Tensor]
    weight: float | None = None


@dataclass(frozen=True)
class SGD:
    """`steps` steps of gradient descent of rate `lr` on the support's risk, differentiated through."""

    lr: float
    steps: int = 1

    def __call__(self, parameters: dict[str, torch.Tensor], risk: Risk) -> dict[str, torch.Tensor]:
        for _ in range(self.steps):
            slopes = grad(risk)(parameters)
            parameters = {name: value - self.lr * slopes[name] for name, value in parameters.items()}
        return parameters


def mse(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The mean over points and components of (z - y)^2/2. Errors: BadInputError."""
    return ((_shaped(z, y) - y) ** 2).mean() / 2


def bce(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The mean over points and components of log(1 + e^z) - y z, for labels 0 and 1. Errors: BadInputError."""
    return torch.nn.functional.binary_cross_entropy_with_logits(_shaped(z, y), y)


def _shaped(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Predictions in the labels' shape: (n, 1) and (n,) would else be compared all with all."""
    if z.numel() != y.numel():
        raise bad("labels", tuple(y.shape), f"as many as there are predictions, {tuple(z.shape)}")
    return z.reshape(y.shape)


LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "mse": mse,
    "cross_entropy": torch.nn.functional.cross_entropy,
    "bce": bce,
}


def bad(field: str, given: object, required: str) -> BadInputError:
    """One line: what was given, where, and what is required."""
    return BadInputError("metagap.torch", field, given, required)


def loss_of(loss: Loss) -> tuple[str, Callable[..., torch.Tensor]]:
    """A loss's name (`own` for the user's) and function. Errors: BadInputError."""
    if callable(loss):
        return "own", loss
    if loss not in LOSSES:
        raise bad("loss", loss, f"one of {', '.join(DIVERGENCES)}, or a function of (predictions, labels)")
    return str(loss), LOSSES[loss]


class Learner:
    """A model, an inner loop and a loss: parameters by name, programs by the shapes of tasks. Errors: BadInputError."""

    def __init__(self, model: torch.nn.Module, inner: Inner, loss: Loss) -> None:
        dropout = [n or "the model" for n, m in model.named_modules()
                   if isinstance(m, torch.nn.modules.dropout._DropoutNd) and m.training and m.p > 0]  # fmt: skip
        if dropout:
            raise bad(
                "model", dropout[0], "a model without random numbers: dropout is active there; model.eval(), or p=0"
            )
        self.loss_name, self.loss = loss_of(loss)
        self.inner = inner
        self.dtype = next((p.dtype for p in model.parameters()), torch.float64)
        self.module = copy.deepcopy(model).double()
        trained = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        if not trained:
            raise bad("model", type(model).__name__, "a model with parameters that require gradients")
        self.names = tuple(trained)
        self.omega: Tensors = tuple(p.detach() for p in trained.values())
        self.rest = {n: v.detach() for n, v in (*self.module.named_parameters(), *self.module.named_buffers())
                     if n not in trained}  # fmt: skip
        self.batch = [n for n, m in self.module.named_modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)
                      and (m.training or m.running_mean is None)]  # fmt: skip

    # --- functions of parameters (tensor by tensor) ---------------------------------------------------------------

    def predict(self, parameters: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """h_theta(x)."""
        found: torch.Tensor = functional_call(self.module, {**self.rest, **parameters}, (x,))
        return found

    def adapt(self, p: Tensors, xs: torch.Tensor, ys: torch.Tensor) -> Tensors:
        """U(theta)."""
        named = dict(zip(self.names, p, strict=True))
        found = self.inner(named, lambda at: self.loss(self.predict(at, xs), ys))
        if set(found) != set(self.names):
            raise bad("inner", sorted(found), f"an inner loop that returns parameters named {sorted(self.names)}")
        return tuple(found[name] for name in self.names)

    def adapted_predictions(self, p: Tensors, xs: torch.Tensor, ys: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """z."""
        return self.predict(dict(zip(self.names, self.adapt(p, xs, ys), strict=True)), x)

    # --- programs -------------------------------------------------------------------------------------------------

    def graphs(self, data: Tensors, wanted: Sequence[str]) -> tuple[dict[str, Any], tuple[int, ...]]:
        """The graphs of those names for tasks of these shapes, and the shape of predictions."""
        k = len(self.names)
        with torch.no_grad():
            z = self.predict(dict(zip(self.names, self.omega, strict=True)), data[2])

        def split(function: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *a: function(a[:k], *a[k:])

        def outer(p: Tensors, xs: Any, ys: Any, x: Any, y: Any) -> Any:
            return self.loss(self.adapted_predictions(p, xs, ys, x), y)

        def within(function: Callable[..., Any]) -> Callable[..., Any]:
            # Inside vjp a user's own torch.autograd.grad finds what it differentiates.
            return lambda p, *a: vjp(lambda q: function(q, *a), p)[0]

        def plain(p: Tensors, xs: Any, ys: Any, x: Any, y: Any) -> Any:
            return jacrev(lambda q: self.predict(dict(zip(self.names, q, strict=True)), x))(p)

        makers: dict[str, tuple[Callable[..., Any], Tensors, range]] = {
            "predictions": (split(within(lambda p, xs, ys, x, y: self.adapted_predictions(p, xs, ys, x))),
                            (*self.omega, *data), range(k)),
            "gradient": (split(lambda p, *a: grad(outer)(p, *a)), (*self.omega, *data), range(k)),
            "features": (split(lambda p, xs, ys, x, y: jacrev(self.adapted_predictions)(p, xs, ys, x)),
                         (*self.omega, *data), range(k)),
            "adapted": (split(within(lambda p, xs, ys, x, y: self.adapt(p, xs, ys))), (*self.omega, *data), range(k)),
            "plain": (split(plain), (*self.omega, *data), range(k)),
            "first-order": (split(lambda p, xs, ys, x, y: grad(
                lambda q: self.loss(self.predict(dict(zip(self.names, q, strict=True)), x), y))(p)),
                (*self.omega, *data), range(k)),
            "risk": (lambda z, y: self.loss(z, y), (z, data[3]), range(1)),
            "slope": (lambda z, y: grad(self.loss)(z, y), (z, data[3]), range(1)),
        }  # fmt: skip
        return {name: traced(*makers[name]) for name in wanted}, tuple(z.shape)

    def data(self, support: Any, query: Any) -> Tensors:
        """Support and query as tensors in float64 (labels of classes as integers). Errors: BadInputError."""
        pieces = []
        for where, pair in (("support", support), ("query", query)):
            x, y = (torch.as_tensor(v).detach().cpu() for v in pair)
            if not len(x) or len(x) != len(y):
                raise bad(where, (len(x), len(y)), "as many inputs as labels, and at least one")
            if not all(bool(torch.isfinite(v).all()) for v in (x, y) if v.is_floating_point()):
                raise bad(where, "inf or nan", "finite numbers")
            pieces += [x.double() if x.is_floating_point() else x, self._labels(y)]
        return tuple(pieces)

    def _labels(self, y: torch.Tensor) -> torch.Tensor:
        return y.double() if y.is_floating_point() or self.loss_name in ("mse", "bce") else y


_KEPT: WeakKeyDictionary[torch.nn.Module, dict[Any, Any]] = WeakKeyDictionary()
"""Graphs of models, by inner loop, loss, mode, shapes and name."""


def programs(
    model: torch.nn.Module, learner: Learner, data: Tensors, wanted: Sequence[str]
) -> tuple[Program, tuple[int, ...]]:
    """The graphs of those names, kept for the next call; a model's buffers are part of them.

    Errors: TraceError.
    """
    kept = _KEPT.setdefault(model, {})
    rest = tuple(v.numpy().tobytes() for v in learner.rest.values())
    modes = tuple(m.training for m in model.modules())
    key = (learner.inner, learner.loss, modes, rest, tuple((tuple(t.shape), t.dtype) for t in data))
    own: dict[str, Any] = kept.setdefault(key, {})
    missing = [name for name in (*wanted, "shape") if name not in own]
    if missing:
        made, shape = learner.graphs(data, [name for name in missing if name != "shape"])
        own |= {**made, "shape": shape}
    return {name: own[name] for name in wanted}, own["shape"]


def weights(tasks: Sequence[Task]) -> list[fmpq]:
    """q_i: the tasks' weights over their sum. Errors: BadInputError."""
    if not tasks:
        raise bad("tasks", 0, "at least one task")
    given = [rational(1.0 if task.weight is None else float(task.weight)) for task in tasks]
    total = sum(given, start=fmpq(0))
    if not total > 0 or any(q < 0 for q in given):
        raise bad("weight", [task.weight for task in tasks], "numbers >= 0, at least one of them positive")
    return [q / total for q in given]


ALL = ("predictions", "gradient", "features", "adapted", "plain", "risk", "slope")


def instance_of(
    model: torch.nn.Module,
    tasks: Sequence[Task],
    inner: Inner,
    loss: Loss,
    comparator: Any = None,
    radius: float | None = None,
    wanted: Sequence[str] = ALL,
) -> TracedInstance:
    """The problem as data. comparator: a state_dict, a module, or predictions per task; None: the labels (mse).

    Errors: BadInputError, TraceError.
    """
    learner = Learner(model, inner, loss)
    found: list[TracedTask] = []
    kinds: list[tuple[Any, Program]] = []
    labels: list[Array] = []
    for task, q in zip(tasks, weights(tasks), strict=True):
        data = learner.data(task.support, task.query)
        program, shape = programs(model, learner, data, wanted)
        place = next((k for k, (_, one) in enumerate(kinds) if all(one[n] is program[n] for n in program)), None)
        if place is None:
            place = len(kinds)
            kinds.append((shape, program))
        found.append(TracedTask(q, place, shape, tuple(map(array_of, data))))
        labels.append(found[-1].data[-1])
    other, functions = _comparator(comparator, learner, labels, [task.shape for task in found])
    omega = tuple(map(array_of, learner.omega))
    if radius is None:
        off = [] if functions else [
            rational(a) - rational(b)
            for x, y in zip(omega, other, strict=True)
            for a, b in zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)
        ]  # fmt: skip
        size = fmpq(1) if functions else length_above(off)
    else:
        size = rational(float(radius))
    words = (
        f"batch normalisation uses each batch's statistics ({', '.join(learner.batch)}): points depend on each other"
    )
    notes = (words,) if learner.batch else ()
    return TracedInstance(tuple(p for _, p in kinds), tuple(found), learner.names, omega, other, functions, size,
                          learner.loss_name, notes)  # fmt: skip


def _comparator(
    given: Any, learner: Learner, labels: list[Array], shapes: list[tuple[int, ...]]
) -> tuple[tuple[Array, ...], bool]:
    if given is None:
        if learner.loss_name != "mse":
            raise bad("comparator", None, "a state_dict or a module (with the loss mse it may be left out: the labels)")
        return tuple(y.reshape(s).astype(float) for y, s in zip(labels, shapes, strict=True)), True
    if isinstance(given, torch.nn.Module):
        given = given.state_dict()
    if isinstance(given, Mapping):
        own = dict(zip(learner.names, learner.omega, strict=True))
        missing = [n for n, v in own.items() if n not in given or given[n].shape != v.shape]
        if missing:
            raise bad(
                "comparator", missing[0], "the parameters of the same model: this one is missing, or of another shape"
            )
        return tuple(array_of(given[n]) for n in learner.names), False
    values = [array_of(torch.as_tensor(v)) for v in given]
    if [v.size for v in values] != [int(torch.Size(s).numel()) for s in shapes]:
        raise bad("comparator", [v.shape for v in values], f"predictions per task of shapes {shapes}")
    return tuple(v.reshape(s).astype(float) for v, s in zip(values, shapes, strict=True)), True
