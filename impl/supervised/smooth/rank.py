"""When the meta-features of a smooth network are certainly linearly dependent: exact reasons, in rationals.

Meta-features are J_i phi_{W_i}(x), with one linear J_i per task: dependent if the formal rows of a task are
(`models.dependence`), if there are more of them than dimensions (of all inputs that either law has), if there is no
step and the formal rows of all tasks are dependent, if two tasks have the same laws, or two outputs' signs, or those of
more, are dependent.
"""

from __future__ import annotations

from flint import fmpq

from ...models.dependence import dimensions, formal_features, rank_of
from ..instance import SmoothInstance, points


def certainly_dependent(instance: SmoothInstance) -> bool:
    """Whether the meta-features are dependent for one of these reasons."""
    tasks = [task for task in instance.tasks if task.weight != 0]
    supports = [sorted({atom.x for atom in task.atoms if atom.p != 0}) for task in tasks]
    formal = formal_features(instance.features, odd=instance.sigma.odd)
    everything = [x for support in supports for x in support]
    used = [instance.features[x] for x in sorted({x for task in tasks for x in points(task)})]
    output = instance.output
    if len(everything) * len(output) > dimensions(used, instance.omega, list(zip(*output, strict=True))):
        return True
    if rank_of([[fmpq(b) for b in row] for row in output]) < len(output):
        return True
    groups = [everything] if instance.adaptation.eta == 0 else supports
    if any(rank_of([formal[x] for x in group]) < len(group) for group in groups):
        return True
    return len({(task.atoms, task.support) for task in tasks}) < len(tasks)
