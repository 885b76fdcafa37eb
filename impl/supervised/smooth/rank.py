"""When the meta-features of a smooth network are certainly linearly dependent: exact reasons, in rationals.

Meta-features are J_i phi_{W_i}(x), with one linear J_i per task: dependent if the formal rows of a task are
(`models.dependence`), if there are more of them than dimensions (of all inputs that either law has; where decay is at
different rates, of S x, S^2 x, ... too, S what it leaves of a neuron), if the formal
rows of tasks that adapt on one law, or do not adapt, are dependent together, or if the signs of outputs are dependent.

Softmax of two classes: slopes are (g, -g), Hess ell is a multiple of (1, -1)(1, -1)', so that neurons with b_0r = b_1r
do not move, and J_i is the identity on them. phi_0(x) + phi_1(x) is theirs alone: the same for all tasks that share x.
"""

from __future__ import annotations

from flint import fmpq

from ...instances import Vector
from ...losses import Link
from ...models.dependence import formal_features, rank_of
from ..instance import SmoothInstance, points


def certainly_dependent(instance: SmoothInstance) -> bool:
    """Whether the meta-features are dependent for one of these reasons."""
    tasks = [task for task in instance.tasks if task.weight != 0]
    supports = [sorted({atom.x for atom in task.atoms if atom.p != 0}) for task in tasks]
    formal = formal_features(instance.features, odd=instance.sigma.odd)
    everything = [x for support in supports for x in support]
    used = [instance.features[x] for x in sorted({x for task in tasks for x in points(task)})]
    output = instance.output
    if len(everything) * len(output) > _room(instance, used):
        return True
    if rank_of([[fmpq(b) for b in row] for row in output]) < len(output):
        return True
    two_classes = instance.loss.link is Link.CLASS and len(output) == 2
    if two_classes and len(set(everything)) < len(everything):
        return True
    alike: dict[object, list[int]] = {}
    for task, support in zip(tasks, supports, strict=True):
        # W_i and J_i are those of the inner law; without a step, of W.
        alike.setdefault(instance.adaptation.eta == 0 or task.inner, []).extend(support)
    return any(rank_of([formal[x] for x in group]) < len(group) for group in alike.values())


def _room(instance: SmoothInstance, inputs: list[Vector]) -> int:
    """The sum, over kinds of neurons (weights, signs, rates), of the rank of what their part of a row is made of."""
    adaptation, d = instance.adaptation, len(inputs[0])
    rates, fade = adaptation.rates or (fmpq(1),) * instance.parameters, adaptation.eta * adaptation.decay
    signs = list(zip(*instance.output, strict=True))
    kinds = {(instance.omega.row(r), signs[r], rates[r * d : r * d + d]) for r in range(instance.width)}
    total = 0
    for _, _, own in kinds:
        rows = last = inputs
        for _ in range(adaptation.steps if len(set(own)) > 1 and fade != 0 else 0):
            last = [tuple(v * (1 - fade * r) for v, r in zip(row, own, strict=True)) for row in last]
            rows = rows + last
        total += rank_of(rows)
    return total
