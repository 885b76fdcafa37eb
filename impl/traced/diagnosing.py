"""Whose gradient is it? A user's gradient against those of MAML and of the usual mistakes, at enclosed distances.

Candidates are gradients of graphs, enclosed. The distance of the user's to each is enclosed. Whether the rest is
rounding is asked of the dtype (`tolerance`): a name is given only within what that explains; where it explains several,
it is said that the dtype cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from flint import ctx

from ..arithmetic import Array, bounds, root
from ..judgement import Enclosure
from ..models.traced.middles import Middles
from ..models.traced.roundings import Format, Turned
from ..models.traced.systems import Fine, System, Value
from ..models.traced.trace import array_of
from ..shown import rounded_down, rounded_up
from .candidates import OF_MSE_LOSS, Candidate, Objectives, of_mse_loss
from .episodes import Tasks, tasks_of
from .learner import SGD, Inner, Learner, Loss, bad, mse
from .problem import State, at_state
from .tolerance import CHANCE, FORMATS, Tolerance

BALLS = 128
RATES = (0.01, 0.1, 0.2, 0.5, 2.0, 3.0, 5.0, 10.0, 100.0, -1.0)
"""Multiples of the rate from which the best one is looked for."""
NEAR = 0.5
"""Relative distance from which on no neighbour is named: 0 is at 1 from everything."""
NOTHING = (
    "Usually no derivative came through the inner loop (the loss was detached, or parameters were replaced by their "
    "data), or zero_grad() was called between backward() and here."
)


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
            raise bad(f"gradients[{name!r}]", tuple(part.shape), f"an array of shape {shape}, as the parameter's")
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
    gradients: Any,
    model: torch.nn.Module,
    tasks: Tasks,
    *,
    inner: Inner,
    loss: Loss = "mse",
    omega: State | None = None,
    tell: Callable[[str | Diagnosis], None] = lambda told: None,
) -> Diagnosis:
    """Whose gradient it is: MAML's, or that of a usual mistake.

    gradients: tensors in the order of model.parameters(), a flat vector, or a mapping by name; tasks, omega, inner,
    loss: as `judge`; tell: hears what is being done, and answers that stand before the last.
    Errors: BadInputError, TraceError, UnknownOperatorError.
    """
    model, tasks = at_state(model, omega), tasks_of(tasks)
    those = Objectives(model, tasks, inner, loss)
    g, dtype = flattened(gradients, those.learner)
    if not g.any():
        tell("tracing and enclosing the gradient maml")
        return _of_nothing(next(those.usual()), g, dtype)
    stages: list[Iterator[Candidate]] = [those.usual()]
    if those.learner.loss_name == "mse":
        stages.append(of_mse_loss(Objectives(model, tasks, inner, lambda z, y: 2 * mse(z, y)).usual()))
    if isinstance(inner, SGD):
        stages += [those.other_steps(inner), _rates(g, those, inner, tell)]
    stages.append(those.without_reset())
    tried: list[tuple[Candidate, Enclosure]] = []
    for stage in stages:
        new = []
        for one in stage:
            tell(f"tracing and enclosing the gradient {one.name}")
            new.append((one, distance(g, one)))
        tried += new
        tell("finding what rounding explains")
        explained = _explained(g, new, FORMATS[dtype])
        if explained:
            break
        tell(_so_far(tried))
    return _said(tried, explained, dtype)


@dataclass(frozen=True)
class Explained:
    """A candidate from which rounding explains a gradient's distance; how many decisions it has turned."""

    one: Candidate
    far: Enclosure
    room: Tolerance
    turned: int = 0


def _explained(g: Array, tried: Sequence[tuple[Candidate, Enclosure]], form: Format) -> list[Explained]:
    """The candidates from which rounding explains the distance: from the nearest on, until it does not of one; of each
    kind the first."""
    found: list[Explained] = []
    for one, far in sorted(tried, key=lambda row: row[1].hi):
        room = Tolerance(one.value, form)
        turned, far = _turned(g, one, far, room)
        if not (room.explains(far.lo) and np.isfinite(far.hi)):
            break
        found.append(Explained(one, far, room, turned))
    order = [one for one, _ in tried]
    once: dict[str, Explained] = {}
    for e in sorted(found, key=lambda e: order.index(e.one)):
        once.setdefault(e.one.kind or e.one.words, e)
    return list(once.values())


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


def _rates(g: Array, those: Objectives, inner: SGD, tell: Callable[[str], None]) -> Iterator[Candidate]:
    """The rate whose gradient is nearest: floats propose, a round number first."""
    tell("looking for an inner rate")
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
    for rounded in dict.fromkeys(float(f"{c:.{digits}g}") for digits in (2, 4, 6, 12)):
        if rounded not in (0, 1):
            yield Candidate(f"rate={rounded:g}", f"MAML's gradient with the inner rate times {rounded:.12g}",
                            lambda s, r=rounded: value(s, r), "rate")  # type: ignore[misc] # fmt: skip


def _distances(tried: Sequence[tuple[Candidate, Enclosure]]) -> dict[str, Enclosure]:
    """The least by name, the nearest first."""
    found: dict[str, Enclosure] = {}
    for one, far in sorted(tried, key=lambda row: row[1].hi):
        found.setdefault(one.words if one.name.startswith("sum-not-mean") else one.name, far)
    return found


def _of_nothing(maml: Candidate, g: Array, dtype: torch.dtype) -> Diagnosis:
    """Of a gradient that is 0: MAML's is, too, or 0 needs no neighbour."""
    far = distance(g, maml)
    explained = _explained(g, [(maml, far)], FORMATS[dtype])
    if explained:
        return _said([(maml, far)], explained, dtype)
    room, other = Tolerance(maml.value, FORMATS[dtype]), far.lo > 0
    text = f"Your gradient is 0, and MAML's is not. {NOTHING}" if other else (
        "Your gradient is 0, and whether MAML's is, enclosures do not tell.")  # fmt: skip
    return Diagnosis("zero" if other else "unknown", far, text, _distances([(maml, far)]), room.least, room.proved, ())


def _so_far(tried: Sequence[tuple[Candidate, Enclosure]]) -> Diagnosis:
    """What stands if there is no time for others: none of these."""
    one, far = min(tried, key=lambda row: row[1].hi)
    text = f"This is none of {len(tried)} gradients that were tried, and there was no time for others"
    if far.lo < NEAR:
        text += f"; the nearest is {one.words}, at a relative distance of at least {rounded_down(far.lo, 2)}"
    return Diagnosis("unknown", far, text + ".", _distances(tried), np.inf, np.inf, ())


def _said(
    tried: Sequence[tuple[Candidate, Enclosure]], explained: Sequence[Explained], dtype: torch.dtype
) -> Diagnosis:
    distances = _distances(tried)
    kind, maml = str(dtype).removeprefix("torch."), tried[0][1]
    if not explained:
        one, far = min(tried, key=lambda row: (not np.isfinite(row[1].hi), row[1].lo))
        room, least = Tolerance(one.value, FORMATS[dtype]), rounded_down(far.lo, 2)
        text = "This is none of the gradients that are known here"
        if not np.isfinite(far.hi):
            text = "Whose gradient this is, enclosures do not tell: each that is known here may be 0."
        elif far.lo >= NEAR:
            text += f", and none of them is near: even the nearest is at a relative distance of at least {least}."
        else:
            text += f": the nearest is {one.words}, at a relative distance of at least {least}. Rounding does not make "
            text += f"that: in {kind} a program that computes this gradient is off by "
            text += (
                f"at most {rounded_up(room.proved, 2)}, in whatever order it adds and multiplies."
                if far.lo > room.proved
                else f"more than {rounded_up(room.expected, 2)} with a probability of at most {CHANCE:g}, if rounding "
                "errors are like random ones."
            )
        return Diagnosis("unknown", far, text, distances, room.least, room.proved, ())
    first, *rest = explained
    far, room = first.far, first.room
    text = f"This is {first.one.words} (relative distance at most {rounded_up(far.hi, 2)}; rounding in {kind} explains "
    text += f"{room.least:.2g}"
    if first.turned:
        text += f", with {first.turned} of {len(room.doubtful)} decisions that it may turn taken the other way"
    text += ")"
    if first.one.name != "maml":
        whose = "MAML's of the loss mse" if first.one.name.endswith(OF_MSE_LOSS) else "MAML's"
        text += f"; it is not {whose}, which is {rounded_down(maml.lo, 2)} away"
    alike = tuple(dict.fromkeys(e.one.name for e in rest))
    if rest:
        text += f"; as far as {kind} can tell: it may as well be " + " or ".join(
            f"{e.one.words} ({rounded_down(e.far.lo, 2)} away)" for e in rest
        )
    return Diagnosis(first.one.name, far, text + ".", distances, room.least, room.proved, alike)
