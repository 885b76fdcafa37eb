"""When the meta-features of a smooth network are certainly linearly dependent: exact reasons, in rationals.

Meta-features are J_i phi_{W_i}(x), with one linear J_i per task: dependent if the formal rows of a task are
(`models.dependence`), if there are more of them than dimensions (of all inputs that either law has; where decay is at
different rates, of S x, S^2 x, ... too, S what it leaves of a neuron), if the formal
rows of tasks that adapt on one law, or do not adapt, are dependent together, or if the signs of outputs are dependent.

Softmax of two classes: slopes are (g, -g), Hess ell is a multiple of (1, -1)(1, -1)', so that neurons with b_0r = b_1r
do not move, and J_i is the identity on them. phi_0(x) + phi_1(x) is theirs alone: the same for all tasks that share x.
phi_0(x) - phi_1(x) is of the others alone, which J_i takes to themselves: neither kind may have fewer dimensions than
there are points.

Where slopes are predictions less labels (squared, logistic, Poisson, softmax) and two tasks have the same inner
marginal, the first step moves a neuron r by what differs by b_r'D(x) x only, D(x) the difference of the tasks' mean
labels. Neurons with b_r'D(x) = 0 at all x move alike, and Hess ell does not see labels. If the signs b_r of the others
do not span R^c, there is an a orthogonal to them, and sum_a a phi_a(x) of the neurons that move alike is the same for
both tasks at an x that they share: dependent. After several steps, if no neuron moves otherwise: b_r'D = 0 for all r.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from flint import fmpq

from ...arithmetic import Rationals
from ...instances import Vector
from ...losses import Link
from ...models.dependence import formal_features, rank_of
from ..instance import SmoothInstance, Task, points


def certainly_dependent(instance: SmoothInstance) -> bool:
    """Whether the meta-features are dependent for one of these reasons."""
    tasks = [task for task in instance.tasks if task.weight != 0]
    supports = [sorted({atom.x for atom in task.atoms if atom.p != 0}) for task in tasks]
    formal = formal_features(instance.features, odd=instance.sigma.odd)
    everything = [x for support in supports for x in support]
    used = [instance.features[x] for x in sorted({x for task in tasks for x in points(task)})]
    output = instance.output
    signs = list(zip(*output, strict=True))
    if len(everything) * len(output) > _room(instance, used, signs):
        return True
    if rank_of([[fmpq(b) for b in row] for row in output]) < len(output):
        return True
    two_classes = instance.loss.link is Link.CLASS and len(output) == 2
    if two_classes and len(set(everything)) < len(everything):
        return True
    kinds = [[b for b in signs if (b[0] == b[1]) == still] for still in (True, False)] if two_classes else []
    if any(len(everything) > _room(instance, used, kind) for kind in kinds):
        return True
    if any(_move_alike(instance, *pair) for pair in itertools.combinations(tasks, 2)):
        return True
    alike: dict[object, list[int]] = {}
    for task, support in zip(tasks, supports, strict=True):
        # W_i and J_i are those of the inner law; without a step, of W.
        alike.setdefault(instance.adaptation.eta == 0 or task.inner, []).extend(support)
    return any(rank_of([formal[x] for x in group]) < len(group) for group in alike.values())


def _move_alike(instance: SmoothInstance, first: Task, second: Task) -> bool:
    """Whether neurons that both tasks move alike carry a combination of outputs alone, at a point that they share."""
    loss = instance.loss
    linear = loss.name in ("squared", "logistic") or loss.link in (Link.CANONICAL, Link.CLASS)
    shared = {a.x for a in first.atoms if a.p != 0} & {a.x for a in second.atoms if a.p != 0}
    if not linear or not shared:
        return False
    masses: dict[int, fmpq] = {}
    labels: dict[int, list[fmpq]] = {}
    for sign, task in ((1, first), (-1, second)):
        for atom in task.inner:
            y = loss.label(Rationals, atom.y)
            own = labels.setdefault(atom.x, [fmpq(0)] * loss.outputs)
            labels[atom.x] = [v + sign * atom.p * t for v, t in zip(own, y if loss.outputs > 1 else [y], strict=True)]
            masses[atom.x] = masses.get(atom.x, fmpq(0)) + sign * atom.p
    if any(masses.values()):
        return False
    signs = list(zip(*instance.output, strict=True))
    moved = [b for b in signs if any(sum(u * v for u, v in zip(b, d, strict=True)) != 0 for d in labels.values())]
    alone = rank_of([[fmpq(v) for v in b] for b in moved]) if moved else 0
    return alone < loss.outputs and (instance.adaptation.steps == 1 or not moved)


def _room(instance: SmoothInstance, inputs: list[Vector], wanted: Sequence[tuple[int, ...]]) -> int:
    """The sum, over kinds of neurons (weights, signs, rates) with signs that are wanted, of the rank of what their part
    of a row is made of."""
    adaptation, d = instance.adaptation, len(inputs[0])
    rates, fade = adaptation.rates or (fmpq(1),) * instance.parameters, adaptation.eta * adaptation.decay
    signs = zip(*instance.output, strict=True)
    kinds = {(instance.omega.row(r), b, rates[r * d : r * d + d]) for r, b in enumerate(signs) if b in wanted}
    total = 0
    for _, _, own in kinds:
        rows = last = inputs
        for _ in range(adaptation.steps if len(set(own)) > 1 and fade != 0 else 0):
            last = [tuple(v * (1 - fade * r) for v, r in zip(row, own, strict=True)) for row in last]
            rows = rows + last
        total += rank_of(rows)
    return total
