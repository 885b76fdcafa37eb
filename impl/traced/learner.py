"""A model, an inner loop and a loss, as functions of parameters: what is traced, and run beside the trace.

This module runs PyTorch and the user's own code.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from flint import fmpq
from torch.func import functional_call, grad, jacrev, vjp
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..arithmetic import rational
from ..files import BadInputError
from ..models.traced.graph import Graph
from ..models.traced.trace import TraceError, nobodys, traced
from ..task_tables import Task
from .losses import NAMED

Tensors = tuple[torch.Tensor, ...]
Risk = Callable[[dict[str, torch.Tensor]], torch.Tensor]
Inner = Callable[[dict[str, torch.Tensor], Risk], Mapping[str, torch.Tensor]]
"""Adapted parameters from parameters and the support's risk, both by name."""
Loss = str | Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


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
        classes = z.dim() == 2 and y.shape == z.shape[:1]
        advice = "; if they are class numbers, the loss is cross_entropy (--loss cross_entropy)" if classes else ""
        raise bad("labels", tuple(y.shape), f"as many as there are predictions, {tuple(z.shape)}{advice}")
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
        raise bad("loss", loss, f"one of {', '.join(NAMED)}, or a function of (predictions, labels)")
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
        if not callable(inner):
            what = "metagap.torch.SGD(rate, steps), or a function of (parameters by name, the support's risk)"
            raise bad("inner", type(inner).__name__, what)
        self.inner = inner
        self.kept: dict[Any, Any] = {}
        self.dtype = next((p.dtype for p in model.parameters()), torch.float64)
        self.module = copy.deepcopy(model).double()
        trained = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        self.trained = [p.requires_grad for p in self.module.parameters()]
        if not trained:
            raise bad("model", type(model).__name__, "a model with parameters that require gradients")
        endless = [n for n, p in trained.items() if not bool(torch.isfinite(p).all())]
        if endless:
            raise bad("model", endless[0], "parameters that are finite numbers: inf or nan is in this one")
        self.names = tuple(trained)
        self.omega: Tensors = tuple(p.detach() for p in trained.values())
        first = {p: n for n, p in self.module.named_parameters()}
        self.tied = {n: first[p] for n, p in self.module.named_parameters(remove_duplicate=False) if first[p] != n}
        self.rest = {n: v.detach() for n, v in (*self.module.named_parameters(), *self.module.named_buffers())
                     if n not in trained}  # fmt: skip
        self.batch = [n for n, m in self.module.named_modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)
                      and (m.training or m.running_mean is None)]  # fmt: skip

        for m in self.module.modules():
            if isinstance(m, torch.nn.modules.batchnorm._BatchNorm) and m.training:
                m.track_running_stats = False  # what it writes there, no prediction reads
        # Statistics that a batch's own replace, and counts: no prediction reads them.
        self.unread = {f"{n}.{kind}" for n in self.batch for kind in ("running_mean", "running_var")}
        self.unread |= {n for n in self.rest if n.rpartition(".")[2] == "num_batches_tracked"}

    # --- functions of parameters (tensor by tensor) ---------------------------------------------------------------

    def predict(self, parameters: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """h_theta(x). Attention by its definition: faster forms of it have no second derivatives."""
        with sdpa_kernel(SDPBackend.MATH):
            return functional_call(self.module, {**self.rest, **parameters}, (x,))

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

    def unadapted(self, data: Tensors) -> torch.Tensor:
        """The query's predictions at omega, checked against the labels. Errors: BadInputError."""
        try:
            with torch.no_grad():
                z = self.predict(dict(zip(self.names, self.omega, strict=True)), data[2])
        except ValueError:
            raise
        except Exception as error:  # whatever a user's program raises
            raise bad("model", type(error).__name__, f"a program that runs, in float64: {error}") from error
        if not isinstance(z, torch.Tensor):
            raise bad("model", type(z).__name__, "a model that returns one tensor, its predictions")
        if self.loss_name == "cross_entropy":
            most = max(int(y.max()) for y in data[1::2])
            if z.dim() != 2 or len(z) != len(data[3]):
                raise bad("labels", f"classes up to {most}", f"predictions (points, classes), not {tuple(z.shape)}")
            if most >= z.shape[1]:
                known = f"class numbers 0 to {z.shape[1] - 1}, as the model predicts {z.shape[1]} classes"
                raise bad("labels", f"classes up to {most}", f"{known}; count classes from 0, or widen the model")
        return z

    def graphs(self, data: Tensors, z: torch.Tensor, wanted: Sequence[str]) -> dict[str, Graph]:
        """The graphs of those names for tasks of these shapes, with predictions like z. Errors: TraceError."""
        k = len(self.names)

        def split(function: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *a: function(a[:k], *a[k:])

        def outer(p: Tensors, xs: Any, ys: Any, x: Any, y: Any) -> Any:
            return self.loss(self.adapted_predictions(p, xs, ys, x), y)

        def within(function: Callable[..., Any]) -> Callable[..., Any]:
            # Inside vjp a user's own torch.autograd.grad finds what it differentiates.
            return lambda p, *a: vjp(lambda q: function(q, *a), p)[0]

        def unadapted(p: Tensors, xs: Any, ys: Any, x: Any, y: Any) -> Any:
            return self.predict(dict(zip(self.names, p, strict=True)), x)

        of_parameters: dict[str, Callable[..., Any]] = {
            "predictions": within(lambda p, xs, ys, x, y: self.adapted_predictions(p, xs, ys, x)),
            "gradient": lambda p, *a: grad(outer)(p, *a),
            "features": lambda p, xs, ys, x, y: jacrev(self.adapted_predictions)(p, xs, ys, x),
            "adapted": within(lambda p, xs, ys, x, y: self.adapt(p, xs, ys)),
            "plain": lambda p, *data: jacrev(lambda q: unadapted(q, *data))(p),
            "unadapted": unadapted,
            "first-order": lambda p, *data: grad(lambda q: self.loss(unadapted(q, *data), data[3]))(p),
        }
        of_predictions: dict[str, Callable[..., Any]] = {
            "risk": lambda z, y: self.loss(z, y),
            "slope": lambda z, y: grad(self.loss)(z, y),
        }
        lines = not (nobodys(self.module) and isinstance(self.inner, SGD) and self.loss_name != "own")

        def graph(name: str) -> Graph:
            if name in of_parameters:
                return traced(split(of_parameters[name]), (*self.omega, *data), range(k), lines)
            return traced(of_predictions[name], (z, data[3]), range(1), lines)

        found = {name: graph(name) for name in wanted}
        # Code of a user's own may count its calls or draw numbers: then each graph is that of another function.
        if lines and any(not found[name].same(graph(name)) for name in ("predictions", "risk") if name in found):
            raise TraceError(f"the program, traced again, is another one{AGAIN}")
        return found

    def run(self, name: str, data: Tensors) -> Tensors:
        """The predictions or the gradient at omega, by PyTorch."""
        xs, ys, x, y = data
        if name == "gradient":
            return grad(lambda p: self.loss(self.adapted_predictions(p, xs, ys, x), y))(self.omega)
        return (vjp(lambda p: self.adapted_predictions(p, xs, ys, x), self.omega)[0],)

    def risk(self, p: Tensors, data: Tensors) -> float:
        """R at U(theta), by PyTorch."""
        xs, ys, x, y = data
        return float(vjp(lambda q: self.loss(self.adapted_predictions(q, xs, ys, x), y), p)[0])

    def formal(self, tasks: Sequence[tuple[fmpq, Tensors]]) -> bool:
        """Whether the gradient is certainly not that of L, as far as central differences tell, along it and along what
        has none: a watch.

        `detach`, `no_grad` and the like leave no trace: the program has another derivative than its values.
        """
        shares = [(float(q.p) / float(q.q), data) for q, data in tasks]
        slopes = [[share * g for g in self.run("gradient", data)] for share, data in shares]
        total = [sum(column) for column in zip(*slopes, strict=True)]
        size = math.sqrt(sum(float((g * g).sum()) for g in total))
        if not size < math.inf:
            return False

        def value(step: float, way: Sequence[torch.Tensor]) -> float:
            moved = tuple(t + step * g for t, g in zip(self.omega, way, strict=True))
            return sum(share * self.risk(moved, data) for share, data in shares)

        # What has no slope moves no value; and along the slope values move by it.
        signs = torch.Generator().manual_seed(0)
        flat = [torch.where(g == 0, torch.randint(0, 2, g.shape, generator=signs) * 2.0 - 1, 0.0) for g in total]
        ways = [(flat, 0.0, DIFFERENT * size or STILL * abs(value(0.0, flat)))]
        ways += [([g / size for g in total], size, DIFFERENT * size)] if size > 0 else []
        # A step across a kink may mislead one difference, hardly all.
        return any(
            all(abs((value(h, way) - value(-h, way)) / (2 * h) - slope) > most for h in STEPS)
            for way, slope, most in ways
        )

    def data(self, support: Any, query: Any) -> Tensors:
        """Support and query as tensors in float64 (labels of classes as integers). Errors: BadInputError."""
        pieces = []
        for where, pair in (("support", support), ("query", query)):
            x, y = (torch.as_tensor(v).detach().cpu() for v in pair)
            if not x.dim() or not y.dim() or not len(x) or len(x) != len(y):
                raise bad(where, (tuple(x.shape), tuple(y.shape)), "as many inputs as labels, and at least one")
            if not all(bool(torch.isfinite(v).all()) for v in (x, y) if v.is_floating_point()):
                raise bad(where, "inf or nan", "finite numbers")
            pieces += [x.double() if x.is_floating_point() else x, self._labels(y, where)]
        return tuple(pieces)

    def _labels(self, y: torch.Tensor, where: str) -> torch.Tensor:
        # The divergences of these losses, and their floor 0, are those of such labels alone.
        if self.loss_name == "cross_entropy" and (y.is_floating_point() or y.dim() != 1 or bool((y < 0).any())):
            raise bad(where, "labels that are not one class per point",
                      "class numbers from 0, one axis (no ignored points); else a loss of your own")  # fmt: skip
        if self.loss_name == "bce" and bool(((y < 0) | (y > 1)).any()):
            raise bad(where, "a label outside [0, 1]", "labels within [0, 1] (loss bce); else a loss of your own")
        return y.double() if y.is_floating_point() or self.loss_name in ("mse", "bce") else y


AGAIN = " (random numbers, a counter, a memory of earlier calls); make it a function of its inputs"
STEPS, DIFFERENT, STILL = (1e-3, 1e-4, 1e-5), 0.02, 1e-6
"""Lengths of differences, how far from a slope they say that it is another's, and from 0 (of the value)."""


def weights(tasks: Sequence[Task]) -> list[fmpq]:
    """q_i: the tasks' weights over their sum. Errors: BadInputError."""
    if not tasks:
        raise bad("tasks", 0, "at least one task")
    given = [rational(1.0 if task.weight is None else float(task.weight)) for task in tasks]
    total = sum(given, start=fmpq(0))
    if not total > 0 or any(q < 0 for q in given):
        raise bad("weight", [task.weight for task in tasks], "numbers >= 0, at least one of them positive")
    return [q / total for q in given]
