"""The instance as the checker sees it: in coordinates of the span of its features, which are verified, in balls."""

from __future__ import annotations

from flint import arb, arb_mat, fmpq, fmpq_mat

from ..arithmetic import Balls, norm, root
from ..supervised.adaptation import Adaptation, Gradient
from ..supervised.instance import MetaSLInstance
from ..supervised.maml import Law, Problem
from .certificate import basis
from .spread import of_one_output

PRECISION = 72


class TaskModel:
    """A task in reduced coordinates, on its own points (those of either law), in balls: A = XX' (X R X' with a rate for
    each parameter, R = diag(rates)) is its `gram`."""

    def __init__(self, problem: Problem, law: Law, exact: fmpq_mat, shares: fmpq_mat, lengths: list[arb]) -> None:
        self.used = law.points
        self.count = len(self.used)
        # Inner products are exact before they are rounded: large features that nearly cancel lose nothing.
        rows, d = fmpq_mat([[exact[x, j] for j in range(exact.ncols())] for x in self.used]), len(lengths)
        self.features = arb_mat([[arb(shares[x, j]) / lengths[j] for j in range(d)] for x in self.used])
        self.gram = arb_mat(rows * turned(rows, problem.instance.adaptation).transpose())
        self.lengths = [norm(row) for row in self.features.tolist()]


def turned(rows: fmpq_mat, adaptation: Adaptation) -> fmpq_mat:
    """Rows of features, every column times the rate of its parameter."""
    rates = adaptation.canonical.rates if isinstance(adaptation, Gradient) else None
    return (
        rows if rates is None else fmpq_mat([[v * r for v, r in zip(row, rates, strict=True)] for row in rows.tolist()])
    )


class Model:
    """The instance in reduced coordinates, in balls."""

    def __init__(self, instance: MetaSLInstance) -> None:
        instance = of_one_output(instance)
        self.problem = Problem(instance.canonical, Balls)
        rows, span = fmpq_mat([list(row) for row in instance.features]), fmpq_mat([list(b) for b in basis(instance)])
        self.dimension = span.nrows()
        squares = span * span.transpose()
        lengths = [root(arb(squares[j, j])) for j in range(self.dimension)]
        shares = rows * span.transpose()
        self._verify(rows, shares, squares)
        laws = [law for law in self.problem.laws if law.weight != 0]
        self.tasks = [TaskModel(self.problem, law, rows, shares, lengths) for law in laws]
        adaptation = instance.adaptation.canonical
        self.steps = adaptation.steps if isinstance(adaptation, Gradient) else 0
        self.plain = not isinstance(adaptation, Gradient) or adaptation.plain
        if isinstance(adaptation, Gradient) and adaptation.decay != 0:
            raise ArithmeticError("steps with weight decay are not enclosed over boxes")
        self.rate = arb(adaptation.eta if isinstance(adaptation, Gradient) else adaptation.strength)
        # Of the squared loss adapted predictions are affine in theta, so that L is a convex quadratic.
        self.quadratic = instance.loss.name == "squared"
        self.smooth = self.quadratic or (self.steps > 0 and not instance.loss.profile.joints)

    def _verify(self, rows: fmpq_mat, shares: fmpq_mat, squares: fmpq_mat) -> None:
        """The basis is orthogonal, and features with mass lie in its span: |phi|^2 = sum (phi'b)^2/|b|^2."""
        d = self.dimension
        if any((squares[i, j] == 0) == (i == j) for i in range(d) for j in range(d)):
            raise ArithmeticError("the basis of the features is not orthogonal")
        for x in {x for law in self.problem.laws if law.weight != 0 for x in law.points}:
            length = sum((rows[x, j] ** 2 for j in range(rows.ncols())), start=fmpq(0))
            if length != sum((shares[x, j] ** 2 / squares[j, j] for j in range(d)), start=fmpq(0)):
                raise ArithmeticError(f"the basis does not span the features of point {x}")
