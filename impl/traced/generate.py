"""Generated problems of networks: depth 1 to 4, widths 1 to 64, activations, residual links, support and query.

Numbers are off the grid on which units would sit on their kinks. A batch has one program, traced when it is built, and
the numbers of its instances; tangent comparators use up the bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from ..arithmetic import Array, rational
from ..extras import require
from ..models.traced.systems import parts
from ..shrink import simpler
from ..sources import SMALL, Field, Generator, Kind, Limits, Source
from .instance import TracedInstance
from .losses import NAMED
from .quantities import TracedQuantities

WIDTHS = (1, 2, 3, 4, 2, 3, 4, 6, 8, 16, 64)
OPEN = 8
"""The least width of ReLU layers: where a whole layer is closed, features are equal, and no enclosure can tell that."""
STEPS = (1, 1, 1, 2)
RATES = (0.25, 0.125, 0.5)
FINE = 2.0**-11
"""The grid of drawn numbers, from -1 to 1."""


@dataclass(frozen=True, eq=False)
class TracedBatch:
    """Instances of one program: omega (B, p), comparator (B, q), the real arrays of all tasks (B, m), radius (B,).

    form   the program, with what is the same for all; whole   other arrays of tasks, instance by instance
    """

    form: TracedInstance
    omega: Array
    comparator: Array
    data: Array
    radius: Array
    whole: tuple[tuple[Array, ...], ...]

    fields: ClassVar[tuple[Field, ...]] = (
        Field("omega", Kind.REAL, ("entry",)),
        Field("comparator", Kind.REAL, ("entry",)),
        Field("data", Kind.REAL, ("entry",)),
        Field("radius", Kind.FACTOR),
    )

    def __len__(self) -> int:
        return len(self.omega)

    def take(self, rows: Sequence[int] | Array) -> Self:
        """Those instances."""
        whole = tuple(self.whole[int(b)] for b in rows)
        return replace(self, omega=self.omega[rows], comparator=self.comparator[rows], data=self.data[rows],
                       radius=self.radius[rows], whole=whole)  # fmt: skip

    def instance(self, b: int) -> TracedInstance:
        """Instance b, exactly."""
        form, whole = self.form, iter(self.whole[b])
        real = iter(_split(self.data[b], [a.shape for t in form.tasks for a in t.data if a.dtype.kind == "f"]))
        tasks = tuple(
            replace(task, data=tuple(next(real if a.dtype.kind == "f" else whole) for a in task.data))
            for task in form.tasks
        )
        return replace(
            form,
            tasks=tasks,
            omega=_split(self.omega[b], [a.shape for a in form.omega]),
            comparator=_split(self.comparator[b], [a.shape for a in form.comparator]),
            radius=rational(float(self.radius[b])),
        )


def _split(numbers: Array, shapes: Sequence[tuple[int, ...]]) -> tuple[Array, ...]:
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    return tuple(part.reshape(shape) for part, shape in zip(np.split(numbers, ends), shapes, strict=True))


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([a.ravel() for a in arrays])


def _fine(source: Source, count: int) -> Array:
    """Numbers in [-1, 1], (B, count)."""
    return source.grid((count,), -(2**11), 2**11) * FINE


def build(source: Source, variant: str, limits: Limits = SMALL) -> TracedBatch:
    """Problems of one network against another's parameters; the variant is the loss."""
    require("torch", purpose="trace PyTorch models")
    from .architectures import ACTIVATIONS, Architecture, posed
    from .learner import SGD

    depth = source.choose(range(1, 5))
    hidden = [source.choose(WIDTHS) for _ in range(depth - 1)]
    residual = source.choose((False, True))
    activation = source.choose(tuple(ACTIVATIONS))
    if activation == "relu":
        hidden = [max(width, OPEN) for width in hidden]
    if residual and hidden:
        hidden = [hidden[0]] * len(hidden)
    inputs = source.choose((1, 2))
    outputs = {"mse": source.choose((1, 2)), "bce": 1, "cross_entropy": source.choose((2, 3))}[variant]
    architecture = Architecture((inputs, *hidden, outputs), activation, residual)
    inner = SGD(source.choose(RATES), source.choose(STEPS))
    tasks, points = source.choose(range(1, min(limits.tasks, 2) + 1)), source.choose(range(1, 3))
    form = posed(architecture, variant, inner, tasks, points, points)
    scale = _flat([np.full(a.shape, 1 / np.sqrt(a.shape[-1] if a.ndim > 1 else 4)) for a in form.omega])
    omega = _fine(source, form.parameters) * 2 * scale
    far = source.choose((0.5, 0.0625, 2.0))
    rival = omega + far * scale * _fine(source, form.parameters)
    count = sum(a.size for t in form.tasks for a in t.data if a.dtype.kind == "f")
    labels = [a.shape for t in form.tasks for a in t.data if a.dtype.kind != "f"]
    whole = [source.grid(shape, 0, outputs - 1).astype(np.int64) for shape in labels]
    data = 2 * _fine(source, count)
    if variant == "bce":
        data = _within(form, data)
    radius = (source.grid((), 1, 32) * 0.125).reshape(-1)
    return TracedBatch(form, omega, rival, data, radius, tuple(zip(*whole, strict=True)) or ((),) * len(omega))


def _within(form: TracedInstance, data: Array) -> Array:
    """The same with labels 0 and 1: of each task inputs and labels of the support, then of the query."""
    sizes = [a.size for t in form.tasks for a in t.data]
    labels = np.repeat([k % 2 == 1 for k in range(len(sizes))], sizes)
    return np.where(labels, data > 0, data)


TANGENTS = (("features", 1.0, 1.0), ("features", 1.0, 0.0), ("plain", 1.0, 1.0), ("features", 4.0, 0.0))
"""Which features represent the comparator, the part along them (of the radius), the part along w."""
NEAR = 2.0**-10


def tangent(source: Source, variant: str, limits: Limits = SMALL) -> TracedBatch:
    """The same against predictions z - phi'v - c w with v along the gradient: gap and bound differ by the divergence,
    which is of second order."""
    batch = build(source, variant, limits)
    first = int(source.choose(range(len(TANGENTS))))
    instances, radii = [], []
    for b in range(len(batch)):
        rows, long, weight = TANGENTS[(first + b) % len(TANGENTS)]
        instance, radius = _tangent(batch.instance(b), rows, long, weight)
        instances.append(instance)
        radii.append(radius)
    form = replace(batch.form, functions=True, comparator=instances[0])
    return replace(batch, form=form, comparator=np.stack([_flat(i) for i in instances]), radius=np.array(radii))


def _tangent(instance: TracedInstance, rows: str, long: float, weight: float) -> tuple[tuple[Array, ...], float]:
    """Predictions per task, and the radius. Floats propose."""
    at = TracedQuantities(instance)
    phi = parts((at._features if rows == "features" else at._plain).rows)[0]
    weighted = np.array([float(w.mid()) for w in at._weighted])
    masses = np.array([float(m.mid()) for m in at._masses])
    gradient = phi.T @ weighted
    size, radius = float(np.linalg.norm(gradient)), float(NEAR if long <= 1 else long)
    v = radius * gradient / size if size > 0 else 0 * gradient
    u = phi @ v + weight * NEAR * weighted / masses
    z = _flat([parts(z)[0] for z in at._predictions])
    return _split(z - u, [task.shape for task in instance.tasks]), radius


LOSSES = tuple(NAMED)
GENERATORS = (
    Generator("arbitrary", "networks of one to four layers, against another's parameters", build, LOSSES),
    Generator("tangent", "comparators along the meta-features and w, which use up the bounds", tangent, LOSSES[:1]),
)


def smaller(instance: TracedInstance) -> Iterator[TracedInstance]:
    """Instances one step smaller: a task less, a simpler radius, all numbers rounded. Programs have their shapes."""
    for i, task in enumerate(instance.tasks if len(instance.tasks) > 1 else ()):
        left = 1 - task.weight
        if left > 0:
            kept = [k for k in range(len(instance.tasks)) if k != i]
            tasks = tuple(replace(instance.tasks[k], weight=instance.tasks[k].weight / left) for k in kept)
            rival = tuple(instance.comparator[k] for k in kept) if instance.functions else instance.comparator
            yield _with_needed_programs(replace(instance, tasks=tasks, comparator=rival))
    for bits in (1, 2, 4, 6, 8, 11):
        rounded = _rounded(instance, bits)
        if rounded.bits < instance.bits:
            yield rounded
    yield from (replace(instance, radius=radius) for radius in simpler(instance.radius, positive=True))


def _with_needed_programs(instance: TracedInstance) -> TracedInstance:
    used = sorted({task.program for task in instance.tasks})
    tasks = tuple(replace(task, program=used.index(task.program)) for task in instance.tasks)
    return replace(instance, tasks=tasks, programs=tuple(instance.programs[k] for k in used))


def _rounded(instance: TracedInstance, bits: int) -> TracedInstance:
    def all_of(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(np.round(a * 2.0**bits) / 2.0**bits if a.dtype.kind == "f" else a for a in arrays)

    tasks = tuple(replace(task, data=all_of(task.data)) for task in instance.tasks)
    rival = instance.comparator if instance.functions else all_of(instance.comparator)
    return replace(instance, tasks=tasks, omega=all_of(instance.omega), comparator=rival)
