r"""When the features of a smooth network are certainly linearly dependent: exact reasons, in rationals.

The features phi_W(x) = m^{-1/2} (b_r sigma'(W_r'x) x)_r are images of formal rows under one linear map:

- one unit vector per input, the same for x and -x, and none for x = 0. If sigma is odd, phi(-x) = -phi(x). For
  softplus sigma'(t) + sigma'(-t) = 1, so phi(x) - phi(-x) = m^{-1/2} (b_r x)_r is linear in x, and the row of -x is
  that of x less x itself, in p coordinates of their own;
- few neurons: those with the same W_r and b_r have the same part of every feature, and each part is a combination of
  the inputs. If that leaves fewer dimensions, (kinds of neurons) times rank(X), than inputs, all are dependent.

Meta-features are J_i phi_{W_i}(x), with one linear J_i per task: dependent if the formal rows of a task are, if there
are more of them than dimensions, if there is no step and the formal rows of all tasks are dependent, or if two tasks
have one law.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq, fmpq_mat

from ..instances import Vector
from ..network.weights import Weights
from .instance import SmoothInstance, place


def dimensions(inputs: Sequence[Vector], weights: Weights, signs: Sequence[int]) -> int:
    """(kinds of neurons) times rank(X): features at these inputs fill no more."""
    return len({(weights.row(r), b) for r, b in enumerate(signs)}) * _rank(inputs)


def formal_features(inputs: Sequence[Vector], *, odd: bool) -> list[list[fmpq]]:
    """Formal rows, one per input."""
    places = [place(x, odd=True) for x in inputs]
    names = sorted({name for name, sign in places if sign != 0})
    found = []
    for x, (name, sign) in zip(inputs, places, strict=True):
        unit = [fmpq(int(name == other and sign != 0)) * (sign if odd else 1) for other in names]
        found.append(unit + [v if sign < 0 and not odd else fmpq(0) for v in x])
    return found


def certainly_dependent(instance: SmoothInstance) -> bool:
    """Whether the meta-features are dependent for one of these reasons."""
    tasks = [task for task in instance.tasks if task.weight != 0]
    supports = [sorted({atom.x for atom in task.atoms if atom.p != 0}) for task in tasks]
    formal = formal_features(instance.features, odd=instance.sigma.odd)
    everything = [x for support in supports for x in support]
    used = [instance.features[x] for x in sorted(set(everything))]
    if len(everything) > dimensions(used, instance.omega, instance.signs):
        return True
    groups = [everything] if instance.adaptation.eta == 0 else supports
    if any(_rank([formal[x] for x in group]) < len(group) for group in groups):
        return True
    return len({task.atoms for task in tasks}) < len(tasks)


def _rank(rows: Sequence[Sequence[fmpq]]) -> int:
    return fmpq_mat([list(row) for row in rows]).rank()
