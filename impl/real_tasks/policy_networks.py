"""Real decision processes with network policies: FrozenLake, trained at widths 16 to 256, with softplus at 4 and 16.
Needs the extra `real`.

The inputs x(s,a) are the features of the linear policies over 2 (length at most 1); W0 is Gaussian, N(0, I/p), from a
fixed seed. Weights are rounded to multiples of 2^-20.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from flint import fmpq

from ..policies.batch import Array, NetworkBatch, batch_of
from ..policies.instance import Adaptation, MetaRLInstance, Policies, PolicyInstance, Table, Task
from ..policies.training import ascended
from ..sources import RealTasks, by_name
from .grid import on_grid
from .policies import LAKE, best_policies, lake

WIDTHS, SMOOTH_WIDTHS = (16, 64, 256), (4, 16)
ROUNDS, EARLY = 30, 10
"""Steps of ascent, and where it is stopped early."""
TAU = fmpq(1, 8)


def cases(start: NetworkBatch, best: Policies, activation: str = "relu") -> list[tuple[str, PolicyInstance]]:
    """Trained W against the tasks' best policies; W stopped early and W0 against it; R is their distance rounded up."""
    start = replace(start, activation=activation)
    early, trained = (on_grid(ascended(start, rounds)) for rounds in (EARLY, ROUNDS))

    def against_trained(omega: Array) -> PolicyInstance:
        distance = np.sqrt(((trained - omega) ** 2).sum((1, 2)))
        radius = np.maximum(np.ceil(16 * distance), 1) / 16
        return replace(start, omega=omega, rival=trained, radius=radius).instance(0)

    name = f"{start.signs.shape[1]} neurons"
    return [
        (f"{name}; trained, against each task's best policy",
         replace(against_trained(trained), comparator=best, radius=fmpq(1))),
        (f"{name}; stopped early, against the trained network", against_trained(early)),
        (f"{name}; untrained, against the trained network", against_trained(start.initial)),
    ]  # fmt: skip


def lakes(width: int) -> tuple[NetworkBatch, Policies]:
    """FrozenLake 4x4, 3 tasks that differ in slip, KL step, eta = 8, a policy at its initialisation; the tasks' best
    policies."""
    grid, tasks = lake()
    inputs = tuple(tuple(tuple(v / 2 for v in row) for row in rows) for rows in grid.features())
    return _untrained(inputs, tuple(tasks), width), best_policies(tuple(tasks))


def one_lake(width: int) -> tuple[NetworkBatch, Policies]:
    """The second of these lakes alone. Inputs are the move, the place and a constant, over 2: none is the opposite of
    another, so that wide networks tell all of them apart."""
    grid, tasks = lake()
    rows, columns = (max(axis) for axis in zip(*grid.places.values(), strict=True))
    half = fmpq(1, 2)
    inputs = [
        tuple((half * dr, half * dc, fmpq(r, rows) - half, fmpq(c, columns) - half, half) for dr, dc in grid.moves)
        for r, c in grid.places.values()
    ]
    inputs.append(((fmpq(0),) * 5,) * len(grid.moves))
    alone = (replace(tasks[1], weight=fmpq(1)),)
    return _untrained(tuple(inputs), alone, width), best_policies(alone)


def _untrained(inputs: tuple[Table, ...], tasks: tuple[Task, ...], width: int) -> NetworkBatch:
    """A policy at its initialisation, KL step, eta = 8."""
    p = len(inputs[0][0])
    zero = (fmpq(0),) * p
    linear = MetaRLInstance(inputs, tasks, TAU, fmpq(8), Adaptation.KL_STEP, zero, zero, fmpq(1))
    initial = on_grid(np.random.default_rng(width).standard_normal((1, width, p)) / p**0.5)
    signs = np.where(np.arange(width) % 2 == 0, 1.0, -1.0)[None]
    fields = vars(batch_of(linear)) | {"omega": initial, "rival": initial}
    return NetworkBatch(**fields, signs=signs, initial=initial)


def frozen_lake() -> tuple[tuple[str, PolicyInstance], ...]:
    """FrozenLake 4x4, 3 tasks that differ in slip, KL step, eta = 8, two-layer policies of 16, 64 and 256 neurons."""
    return tuple(case for width in WIDTHS for case in cases(*lakes(width)))


def frozen_lake_alone() -> tuple[tuple[str, PolicyInstance], ...]:
    """One FrozenLake 4x4 (success 2/3), KL step, eta = 8, 64 neurons; no two inputs are opposite: C3 applies."""
    return tuple(cases(*one_lake(64)))


def smooth_frozen_lake() -> tuple[tuple[str, PolicyInstance], ...]:
    """FrozenLake 4x4, 3 tasks that differ in slip, KL step, eta = 8, softplus policies of 4 and 16 neurons."""
    return tuple(case for width in SMOOTH_WIDTHS for case in cases(*lakes(width), "softplus"))


def smooth_frozen_lake_alone() -> tuple[tuple[str, PolicyInstance], ...]:
    """One FrozenLake 4x4 (success 2/3), KL step, eta = 8, 16 softplus neurons, no opposite inputs: C3 applies."""
    return tuple(cases(*one_lake(16), "softplus"))


REAL_TASKS = by_name(
    RealTasks("frozen-lake-network", "FrozenLake, network policies", LAKE, frozen_lake),
    RealTasks("frozen-lake-alone-network", "One FrozenLake, network policies", LAKE, frozen_lake_alone),
)
SMOOTH_REAL_TASKS = by_name(
    RealTasks("frozen-lake-smooth-network", "FrozenLake, softplus network policies", LAKE, smooth_frozen_lake),
    RealTasks(
        "frozen-lake-alone-smooth-network", "One FrozenLake, softplus network policies", LAKE, smooth_frozen_lake_alone
    ),
)
