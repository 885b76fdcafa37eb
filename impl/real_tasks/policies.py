"""Real task families as instances: gymnasium's FrozenLake, CliffWalking and Taxi. Needs the extra `real`.

Transition tables are gymnasium's own, with probabilities as short fractions; all terminal states are one absorbing
state without reward. Where a table is too large to be judged in seconds, a window of its grid is kept, in which moves
that would leave it stay. Features are few and shared: where a move leads, and where on the grid it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flint import fmpq

from ..arithmetic import rational
from ..extras import require
from ..policies.batch import batch_of
from ..policies.instance import Adaptation, MetaRLInstance, Policies, Table, Task
from ..policies.planning import proposed_policy
from ..policies.training import ascended, first_order_ascended
from ..sources import RealTasks, by_name
from .grid import against, rounded

REACH = 4.0
"""Largest norm of a trained parameter, in units of tau."""
GAMMA = fmpq(9, 10)

Transitions = Mapping[int, Mapping[int, Sequence[tuple[float, int, float, bool]]]]
"""gymnasium's table: state -> action -> (probability, next state, reward, terminated)."""


@dataclass(frozen=True)
class Grid:
    """A window of a grid world: gymnasium's states by place, and what its actions move."""

    places: Mapping[int, tuple[int, int]]
    moves: Sequence[tuple[int, int]]

    def features(self) -> tuple[Table, ...]:
        """phi (S + 1, A, 4): the move (rows, columns), and the move times the place in [-1, 1]; 0 at the end."""
        rows = max(r for r, _ in self.places.values()) or 1
        columns = max(c for _, c in self.places.values()) or 1
        table = []
        for r, c in self.places.values():
            up, left = fmpq(2 * r, rows) - 1, fmpq(2 * c, columns) - 1
            table.append(tuple((fmpq(dr), fmpq(dc), dr * up, dc * left) for dr, dc in self.moves))
        return (*table, ((fmpq(0),) * 4,) * len(self.moves))

    def task(self, table: Transitions, start: int, weight: fmpq, scale: fmpq) -> Task:
        """The task of one of gymnasium's tables: rewards times `scale`."""
        index = {state: s for s, state in enumerate(self.places)}
        end = len(index)
        transitions, rewards = [], []
        for state, s in index.items():
            rows, gains = [], []
            for action in range(len(self.moves)):
                row, gain = [fmpq(0)] * (end + 1), fmpq(0)
                for chance, ahead, reward, ended in table[state][action]:
                    p = rational(Fraction(float(chance)).limit_denominator(1000))
                    row[end if ended else index.get(int(ahead), s)] += p
                    gain += p * rational(float(reward)) * scale
                rows.append(tuple(row))
                gains.append(gain)
            transitions.append(tuple(rows))
            rewards.append(tuple(gains))
        stay = tuple(fmpq(int(s == end)) for s in range(end + 1))
        count = len(self.moves)
        begin = tuple(fmpq(int(s == index[start])) for s in range(end + 1))
        return Task(weight, GAMMA, (*transitions, (stay,) * count), (*rewards, (fmpq(0),) * count), begin)


def _problem(grid: Grid, tasks: Sequence[Task], eta: fmpq, adaptation: Adaptation) -> MetaRLInstance:
    zero = (fmpq(0),) * 4
    return MetaRLInstance(grid.features(), tuple(tasks), fmpq(1), eta, adaptation, zero, zero, fmpq(1))


def _ahead(instance: MetaRLInstance, d: int) -> MetaRLInstance:
    """The instance with all moves but so few parameters that sup L can be certified: one for moves ahead (down and
    right against up and left), and with d = 2 one for the same times the place."""
    features = tuple(tuple((row[0] + row[1], row[2] + row[3])[:d] for row in rows) for rows in instance.features)
    zero = (fmpq(0),) * d
    return replace(instance, features=features, omega=zero, comparator=zero)


def best_policies(tasks: Sequence[Task]) -> Policies:
    """Per task, an optimal policy (by policy iteration in float64): policies that no energy-based one reaches."""
    found = []
    for task in tasks:
        actions = range(len(task.rewards[0]))
        found.append(tuple(tuple(fmpq(int(a == c)) for a in actions) for c in proposed_policy(task)))
    return Policies(tuple(found))


def _cases(label: str, instance: MetaRLInstance) -> list[tuple[str, MetaRLInstance]]:
    """Trained, first-order trained and untrained omega, against each other and against the tasks' best policies."""
    batch = batch_of(instance)
    full = rounded(ascended(batch, 60, REACH)[0])
    first = rounded(first_order_ascended(batch)[0])
    zero = (fmpq(0),) * instance.shape[2]
    return [
        (f"{label}; trained, against each task's best policy", against(instance, full, best_policies(instance.tasks))),
        (f"{label}; first-order trained, against the trained point", against(instance, first, full)),
        (f"{label}; trained, against the first-order trained point", against(instance, full, first)),
        (f"{label}; untrained, against the trained point", against(instance, zero, full)),
    ]


def _all_cases(grid: Grid, tasks: Sequence[Task], eta: fmpq, few: int = 0) -> tuple[tuple[str, MetaRLInstance], ...]:
    """Every adaptation with all features; with `few` parameters, at least one of them, the KL step once more."""
    cases = []
    for adaptation, step in ((Adaptation.KL_STEP, eta), (Adaptation.RATIONAL_STEP, eta / 4)):
        cases += _cases(f"{adaptation.value}, eta = {step}", _problem(grid, tasks, step, adaptation))
    if few:
        narrow = _ahead(_problem(grid, tasks, eta, Adaptation.KL_STEP), few)
        cases += _cases(f"d = {few}, {Adaptation.KL_STEP.value}, eta = {eta}", narrow)
    return tuple(cases)


_COMPASS: dict[str, tuple[int, int]] = {"left": (0, -1), "down": (1, 0), "right": (0, 1), "up": (-1, 0)}


def _moves(*names: str) -> list[tuple[int, int]]:
    return [_COMPASS[name] for name in names]


LAKE = "gymnasium FrozenLake-v1"


def lake() -> tuple[Grid, list[Task]]:
    """FrozenLake's grid and tasks. Errors: MissingExtraError."""
    require("gymnasium")
    from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv

    worlds: list[Any] = [FrozenLakeEnv(success_rate=rate) for rate in (1 / 3, 2 / 3, 0.9)]
    squares = [(r, c) for r in range(4) for c in range(4) if worlds[0].desc[r][c] in b"SF"]
    grid = Grid({4 * r + c: (r, c) for r, c in squares}, _moves("left", "down", "right", "up"))
    return grid, [grid.task(world.P, 0, fmpq(1, 3), fmpq(1)) for world in worlds]


def frozen_lake() -> tuple[tuple[str, MetaRLInstance], ...]:
    """FrozenLake 4x4: 3 tasks that differ in slip (success 1/3, 2/3, 9/10), 11 squares and the end, 4 moves; with 4
    parameters, and with one (how much to prefer moves ahead)."""
    return _all_cases(*lake(), fmpq(8), few=1)


def cliff_walking() -> tuple[tuple[str, MetaRLInstance], ...]:
    """CliffWalking, its lowest rows: 2 tasks, dry or slippery; 13 squares and the end, 4 moves, rewards over 100; with
    4 parameters, and with two (how much to prefer moves ahead, here and there)."""
    require("gymnasium")
    from gymnasium.envs.toy_text.cliffwalking import CliffWalkingEnv

    worlds = [CliffWalkingEnv(is_slippery=slippery) for slippery in (False, True)]
    places = {12 * 2 + c: (0, c) for c in range(12)} | {36: (1, 0)}
    grid = Grid(places, _moves("up", "right", "down", "left"))
    tasks = [grid.task(world.P, 36, fmpq(1, 2), fmpq(1, 100)) for world in worlds]
    return _all_cases(grid, tasks, fmpq(2), few=2)


def taxi() -> tuple[tuple[str, MetaRLInstance], ...]:
    """Taxi with its passenger aboard, the west of its map (5 x 2 squares): 4 tasks, to R or to Y, dry or in the rain;
    10 squares and the end, 4 moves and dropping off, rewards over 20."""
    require("gymnasium")
    from gymnasium.envs.toy_text.taxi import TaxiEnv

    worlds = [TaxiEnv(is_rainy=rainy) for rainy in (False, True)]
    tasks = []
    for goal in (0, 2):
        places = {int(worlds[0].encode(r, c, 4, goal)): (r, c) for r in range(5) for c in range(2)}
        grid = Grid(places, [*_moves("down", "up", "right", "left"), (0, 0)])
        start = int(worlds[0].encode(2, 1, 4, goal))
        for world in worlds:
            table = {s: {a: rows[b] for a, b in enumerate((0, 1, 2, 3, 5))} for s, rows in world.P.items()}
            tasks.append(grid.task(table, start, fmpq(1, 4), fmpq(1, 20)))
    return _all_cases(grid, tasks, fmpq(4))


REAL_TASKS = by_name(
    RealTasks("frozen-lake", "FrozenLake", LAKE, frozen_lake),
    RealTasks("cliff-walking", "CliffWalking", "gymnasium CliffWalking-v1", cliff_walking),
    RealTasks("taxi", "Taxi", "gymnasium Taxi (passenger aboard)", taxi),
)
