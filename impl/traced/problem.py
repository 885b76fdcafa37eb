"""What a user has, a model, tasks and an inner loop, as a `TracedInstance`: checked, brought to float64, traced.

This room runs PyTorch and the user's own code; what it makes is plain data. Programs are kept per model, so that a
training loop traces once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from flint import fmpq

from ..arithmetic import Array, length_above, rational
from ..files import BadInputError
from ..models.traced.evaluate import evaluated
from ..models.traced.middles import Middles
from ..models.traced.systems import parts
from ..models.traced.trace import TraceError, array_of
from .instance import Program, TracedInstance, TracedTask
from .learner import AGAIN, SGD, Inner, Learner, Loss, Task, Tensors, bad, weights

_KEPT: WeakKeyDictionary[torch.nn.Module, dict[Any, Any]] = WeakKeyDictionary()
"""Graphs of models, by inner loop, loss, signature, shapes and name. A user's functions may hold anything that changes:
what has them is kept by its learner alone, for one call."""


def _signature(model: torch.nn.Module) -> str | None:
    """Modules and their plain attributes, the mode among them, in words; None where an attribute is not plain."""
    found: list[Any] = []
    for name, module in model.named_modules():
        own = {k: v for k, v in vars(module).items() if not k.endswith(("_parameters", "_buffers", "_modules"))
               and "hooks" not in k}  # fmt: skip
        hooks = [k for k, v in vars(module).items() if "hooks" in k and v]
        if hooks or not all(map(_plain, own.values())):
            return None
        found.append((name, f"{type(module).__module__}.{type(module).__qualname__}", id(type(module)), own))
    return repr(found)


def _plain(value: Any) -> bool:
    if isinstance(value, tuple | list | set | frozenset):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(_plain(k) and _plain(v) for k, v in value.items())
    return value is None or isinstance(value, bool | int | float | str | torch.dtype | torch.device)


def programs(
    model: torch.nn.Module, learner: Learner, data: Tensors, wanted: Sequence[str]
) -> tuple[Program, tuple[int, ...]]:
    """The graphs of those names, kept for the next call; a model's buffers are part of them.

    Errors: TraceError.
    """
    signature = _signature(model)
    lasting = signature is not None and isinstance(learner.inner, SGD) and learner.loss_name != "own"
    kept = _KEPT.setdefault(model, {}) if lasting else learner.kept
    rest = tuple((n, v.numpy().tobytes()) for n, v in learner.rest.items())
    key = (learner.inner, learner.loss, signature, rest, tuple((tuple(t.shape), t.dtype) for t in data))
    own: dict[str, Any] = kept.setdefault(key, {})
    z = learner.unadapted(data)
    own |= learner.graphs(data, z, [name for name in wanted if name not in own])
    return {name: own[name] for name in wanted}, tuple(z.shape)


State = Mapping[str, torch.Tensor] | torch.nn.Module
ALL = ("predictions", "gradient", "features", "adapted", "plain")
"""The graphs of every problem."""
OWN = ("risk", "slope")
"""Those of a loss that has no name."""


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
    wanted = (*wanted, *OWN) if learner.loss_name == "own" else wanted
    found: list[TracedTask] = []
    kinds: list[tuple[Any, Program]] = []
    labels: list[Array] = []
    rounded, shares = False, weights(tasks)
    given = [learner.data(task.support, task.query) for task in tasks]
    if comparator is None and learner.loss_name != "mse":
        raise bad("comparator", None, "a state_dict or a module: the labels are one with the loss mse alone")
    for data, q in zip(given, shares, strict=True):
        program, shape = programs(model, learner, data, wanted)
        place = next((k for k, (_, one) in enumerate(kinds) if all(one[n] is program[n] for n in program)), None)
        if place is None:
            place = len(kinds)
            kinds.append((shape, program))
        rounded |= _replayed(learner, data, program)
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
    elif not 0 <= float(radius) < float("inf"):
        raise bad("radius", radius, "a finite number >= 0")
    else:
        size = rational(float(radius))
    words = (
        f"batch normalisation uses each batch's statistics ({', '.join(learner.batch)}): points depend on each other"
    )
    notes: tuple[str, ...] = (words,) if learner.batch else ()
    if "gradient" in wanted and learner.formal([(t.weight, data) for t, data in zip(found, given, strict=True)]):
        notes += (FORMAL,)
    notes += (ROUNDED,) * rounded
    return TracedInstance(tuple(p for _, p in kinds), tuple(found), learner.names, omega, other, functions, size,
                          learner.loss_name, notes)  # fmt: skip


FORMAL = (
    "the program's gradient is not that of its values (detach, no_grad?): eps and every claim are about that formal "
    "gradient, as with first-order MAML"
)
ROUNDED = (
    "the program computes in less than float64 in some places: what is judged is the program with real numbers there"
)
TRUST, LESS, SEEN = 2.0**-20, 1e-3, 2.0**-33
"""How far a program may be from its graph, of its size: kernels of float64 (hardsigmoid's has 1/6 in float32); dtypes
that are shorter; and from where on it is said that there are such."""


def _replayed(learner: Learner, data: Tensors, program: Program) -> bool:
    """A watch, not a proof: the program itself, run in floats, gives what its graphs give. Whether dtypes of less than
    float64 are seen in its numbers.

    One that looks at what changes between calls does not, nor one whose half numbers overflow. Errors: TraceError.
    """
    arrays, rounded = [array_of(t) for t in (*learner.omega, *data)], False
    for name in ("predictions", "gradient"):
        if name not in program:
            continue
        own = learner.run(name, data)
        values, _ = evaluated(program[name], arrays, Middles())
        for right, value in zip(own, values, strict=True):
            array = array_of(right)
            mid, rad = parts(value)
            known, size = np.isfinite(mid) & np.isfinite(rad), np.abs(array[np.isfinite(array)]).max(initial=0.0)
            # Where the program itself has no number, but its graph has: half numbers overflow.
            trust = LESS if program[name].rounds else TRUST
            far, seen = (known & ~(np.abs(array - mid) <= rad + most * size) for most in (trust, SEEN))
            if far.any():
                raise TraceError(
                    f"the program's {name} differ from those of its trace: it overflows in a short dtype, or run again "
                    f"it does something else{AGAIN}"
                )
            rounded |= program[name].rounds and bool(seen.any())
    return rounded


TIED = "those of the same array under its other name: the model has them tied"


def at_state(model: torch.nn.Module, state: Any, place: str = "metagap.torch") -> torch.nn.Module:
    """The model with the arrays of a state_dict (or of a module) in place of its own; None: itself. A copy, whose
    programs are kept with the model's. Errors: BadInputError."""
    if state is None:
        return model
    given = state.state_dict() if isinstance(state, torch.nn.Module) else state
    if not isinstance(given, Mapping):
        raise BadInputError(place, "omega", type(given).__name__, "a state_dict or a module")
    own = model.state_dict()
    arrays = {name: torch.as_tensor(np.array(value) if isinstance(value, np.ndarray) else value)
              for name, value in given.items()}  # fmt: skip
    for name, value in own.items():
        if name in arrays and arrays[name].shape != value.shape:
            shapes = tuple(arrays[name].shape), tuple(value.shape)
            raise BadInputError(place, name, shapes[0], f"an array of shape {shapes[1]}")
    missing = [name for name, _ in model.named_parameters() if name not in arrays]
    foreign = [name for name in arrays if name not in own]
    if missing or foreign:
        field, words = (missing[0], "it is missing") if missing else (foreign[0], "the model has no such array")
        raise BadInputError(place, field, words, f"the arrays of the model: {', '.join(own)[:200]}")
    endless = [name for name, value in arrays.items() if not bool(torch.isfinite(value).all())]
    if endless:
        raise BadInputError(place, endless[0], "inf or nan", "finite numbers")
    found = copy.deepcopy(model)
    if any(not torch.equal(value.to(own[name].dtype).to(value.dtype), value) for name, value in arrays.items()):
        found = found.double()  # a shorter dtype would round what is given
    found.load_state_dict(arrays, strict=False)
    apart = [name for name, value in found.state_dict().items()
             if name in arrays and not torch.equal(value, arrays[name].to(value.dtype))]  # fmt: skip
    if apart:
        raise BadInputError(place, apart[0], "numbers of its own", TIED)
    _KEPT[found] = _KEPT.setdefault(model, {})
    return found


def _comparator(
    given: Any, learner: Learner, labels: list[Array], shapes: list[tuple[int, ...]]
) -> tuple[tuple[Array, ...], bool]:
    if given is None:
        return tuple(y.reshape(s).astype(float) for y, s in zip(labels, shapes, strict=True)), True
    if isinstance(given, torch.nn.Module):
        given = given.state_dict()
    if isinstance(given, Mapping):
        own = dict(zip(learner.names, learner.omega, strict=True))
        foreign = [n for n in given if n not in learner.module.state_dict()]
        if foreign:
            raise bad("comparator", foreign[0], "parameters of the same model: it has no such array")
        missing = [n for n, v in own.items() if n not in given or given[n].shape != v.shape]
        if missing:
            raise bad(
                "comparator", missing[0], "the parameters of the same model: this one is missing, or of another shape"
            )
        fixed = [n for n, v in learner.rest.items() if n in given and n not in learner.unread
                 and not torch.equal(given[n].detach().cpu().to(v), v)]  # fmt: skip
        if fixed:
            raise bad("comparator", fixed[0], "the model's own buffers and frozen parameters: this one differs there")
        apart = [n for n, first in learner.tied.items() if n in given and not torch.equal(given[n], given[first])]
        if apart:
            raise bad("comparator", apart[0], TIED)
        if not all(bool(torch.isfinite(given[n]).all()) for n in learner.names):
            raise bad("comparator", "inf or nan", "finite parameters")
        return tuple(array_of(given[n]) for n in learner.names), False
    values = [array_of(torch.as_tensor(v)) for v in given]
    if [v.size for v in values] != [int(torch.Size(s).numel()) for s in shapes]:
        raise bad("comparator", [v.shape for v in values], f"predictions per task of shapes {shapes}")
    return tuple(v.reshape(s).astype(float) for v, s in zip(values, shapes, strict=True)), True
