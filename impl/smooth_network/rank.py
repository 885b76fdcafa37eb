"""When the meta-features of a smooth network are certainly linearly dependent: exact reasons, in rationals.

Meta-features are phi_a = J_i phi_{W_i}(x), a = (i, x), with one linear J_i per task. They are dependent if

- there are more of them than dimensions that they can fill: neurons with the same W_r and b_r have the same part of
  every phi_a, and each part is a combination of the inputs, so at most (kinds of neurons) times rank(X);
- phi_{W_i}(0) = 0, two inputs of a task are one, or x and -x for an odd sigma: phi(-x) = -phi(x);
- sigma is softplus and a task has more pairs x, -x than the rank of these x: phi(x) - phi(-x) = m^{-1/2} (b_r x)_r,
  as sigma'(t) + sigma'(-t) = 1;
- two tasks have one law, or there is no step and tasks share an input: the same feature twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq_mat

from ..instances import Vector
from .instance import SmoothInstance, place


def certainly_dependent(instance: SmoothInstance) -> bool:
    """Whether one of these reasons holds."""
    tasks = [task for task in instance.tasks if task.weight != 0]
    supports = [sorted({atom.x for atom in task.atoms if atom.p != 0}) for task in tasks]
    rows, odd = instance.features, instance.sigma.odd
    kinds = {(instance.omega.row(r), b) for r, b in enumerate(instance.signs)}
    used = [rows[x] for x in sorted({x for support in supports for x in support})]
    if sum(map(len, supports)) > len(kinds) * _rank(used):
        return True
    names = []
    for support in supports:
        places = [place(rows[x], odd=odd) for x in support]
        names.append([name for name, _ in places])
        if len(set(names[-1])) < len(support) or any(sign == 0 for _, sign in places):
            return True
        if not odd:
            chosen = {rows[x] for x in support}
            pairs = [x for x in chosen if tuple(-v for v in x) in chosen and place(x, odd=True)[1] > 0]
            if len(pairs) > _rank(pairs):
                return True
    everything = [name for support in names for name in support]
    if instance.adaptation.eta == 0:
        return len(set(everything)) < len(everything)
    return len({task.atoms for task in tasks}) < len(tasks)


def _rank(rows: Sequence[Vector]) -> int:
    return fmpq_mat([list(row) for row in rows]).rank() if rows else 0
