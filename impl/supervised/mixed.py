r"""The mixed form of meta-SL in fewer points than triples (x, y, x').

At a triple, with a_i = q_i p_i(x, y) of the inner law and S_i(x') = sum_y' p_i(x', y') ell'(z_i(x'), y') of the outer,

    mass M = sum_i a_i rho_i(x'),   weight W = sum_i a_i S_i(x'),   target T = sum_i a_i S_i(x') u_i(x'),
    row psi = S phi(x') - ell''(h(x), y) phi(x) phi(x)'eta D phi(x'),  S = I - eta D decay.

Atoms with proportional (a_i), such as all that are one task's alone, are a class: a = c a_g. M, W and T are linear in
a, so that the sums over a class of M, W, T and W^2/M are those at its total, and T/W is the same for all its atoms: the
points are (class, x'). The rows depend on the atom through E = (1, ell'' phi phi') alone, and linearly:

    sum over the class of c (s T/W - psi'v)^2,    psi = s S phi(x') - F eta D phi(x'),    (s, F) = E,

is a quadratic form of sum c E E', and the same for other (s, F) with the same sum: the columns of a Cholesky factor,
1 + d(d+1)/2 for any number of atoms. Sums of |T - W psi'v| do not shrink so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb, fmpq

from ..arithmetic import Balls, Matrix, Number, root, square
from ..balls.core import TooLargeError
from .instance import Task

LARGEST = 2**18
"""Products, and numbers in a system's rows, beyond which the mixed form is not evaluated: seconds each."""


def bounded(given: int, what: str) -> None:
    """Errors: TooLargeError."""
    if given > LARGEST:
        raise TooLargeError(f"the mixed form has {given} {what} here; at most {LARGEST} are taken")


@dataclass(frozen=True)
class AtomClass:
    """Atoms (x, y) with proportional masses in all tasks; tasks: i -> the sum of a_i; atoms: x, y, share of the sum."""

    tasks: dict[int, fmpq]
    atoms: list[tuple[int, fmpq, fmpq]]


def classes(tasks: Sequence[Task]) -> list[AtomClass]:
    """The classes of the atoms of the inner laws of tasks whose atoms are canonical."""
    places: dict[tuple[int, fmpq], list[tuple[int, fmpq]]] = {}
    for i, task in enumerate(tasks):
        for atom in task.inner:
            places.setdefault((atom.x, atom.y), []).append((i, task.weight * atom.p))
    found: dict[tuple[tuple[int, fmpq], ...], list[tuple[int, fmpq, fmpq]]] = {}
    for (x, y), shares in places.items():
        first = shares[0][1]
        found.setdefault(tuple((i, a / first) for i, a in shares), []).append((x, y, first))
    result = []
    for ratios, atoms in found.items():
        total = sum((c for _, _, c in atoms), start=fmpq(0))
        result.append(AtomClass({i: r * total for i, r in ratios}, [(x, y, c / total) for x, y, c in atoms]))
    return result


@dataclass(frozen=True)
class Part:
    """(s, F) with a share of the class's mass; F = left right."""

    share: Number
    size: Number
    left: Matrix
    right: Matrix

    def rows(self, left: Matrix, moved: Matrix) -> list[list[Number]]:
        """s phi(x')'S - phi(x')'eta D F for the rows phi(x')'S and phi(x')'eta D (N, d)."""
        return (left * self.size - (moved * self.left) * self.right).tolist()


def condensed(parts: Sequence[Part], d: int) -> list[Part]:
    """At most 1 + d(d+1)/2 parts with the same sum of share (s, F)(s, F)', where these are more: in balls.

    F is symmetric. Elimination in the Gram matrix, its largest pivot first, gives the factor's columns. What is left
    when no pivot is certainly positive, R, is positive semi-definite: R = sum_j f_j f_j' with its root's columns f_j,
    whose entries are at most (trace R)^{1/2}.
    """
    pairs = [(k, j) for k in range(d) for j in range(k, d)]
    count = 1 + len(pairs)
    if len(parts) <= count:
        return list(parts)
    vectors = []
    for part in parts:
        turn = part.left * part.right
        vectors.append([part.size, *(turn[k, j] for k, j in pairs)])
    table = Balls.matrix(vectors)
    weighted = Balls.matrix([[p.share * v for v in row] for p, row in zip(parts, vectors, strict=True)])
    rest = (weighted.transpose() * table).tolist()
    columns, open_ = [], list(range(count))
    while open_:
        pivot = max(open_, key=lambda k: rest[k][k].mid())
        if not rest[pivot][pivot] > 0:
            break
        open_.remove(pivot)
        scale = rest[pivot][pivot].sqrt()
        column = [arb(0)] * count
        column[pivot] = scale
        for k in open_:
            column[k] = rest[pivot][k] / scale
        for k in open_:
            for j in open_:
                rest[k][j] = rest[k][j] - square(column[k]) if k == j else rest[k][j] - column[k] * column[j]
        columns.append(column)
    if open_:
        reach = root(sum((rest[k][k] for k in open_), start=arb(0))).upper()
        ball = (-reach).union(reach)
        columns += [[ball if k in open_ else arb(0) for k in range(count)] for _ in open_]
    one = Balls.matrix([[arb(int(k == j)) for j in range(d)] for k in range(d)])
    found = []
    for column in columns:
        entries = dict(zip(pairs, column[1:], strict=True))
        turn = Balls.matrix([[entries[min(k, j), max(k, j)] for j in range(d)] for k in range(d)])
        found.append(Part(arb(1), column[0], turn, one))
    return found
