"""Adaptations of one's own (`rules`) in balls and exact rationals, and over their power series, on which ell' is
evaluated: for grad L (`taylor`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flint import arb

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, IrrationalError, Matrix, Number, Rationals, rational, solved
from ..files.faults import BadInputError
from ..rules import RULES, Vector, View, run
from ..sealed import MisuseError
from ..series import BallSeries, RationalSeries, series_terms


def _places(x: Any) -> Sequence[int]:
    """The places of an atom's point: one for each component (`maml`)."""
    return range(x.start, x.stop) if isinstance(x, slice) else (x,)


def _at(z: dict[int, Number], x: Any) -> Any:
    """The prediction there: a number, or a list of its components."""
    return [z[a] for a in _places(x)] if isinstance(x, slice) else z[x]


def _listed(x: Any, found: Any) -> Vector:
    """What a loss gives there, component by component."""
    return list(found) if isinstance(x, slice) else [found]


class LawView(View):
    """The inner law of a task, over balls or rationals, or over their power series of two terms."""

    def __init__(self, problem: Any, law: Any, *, series: bool = False, m: Any = None) -> None:
        self._rate: Any = problem.instance.adaptation.eta
        self._m, self._loss, self._law, self._series = m or problem.m, problem.loss, law, series
        self._s: Any = (BallSeries if self._m is Balls else RationalSeries) if series else self._m
        rows = problem.features.tolist()
        self._rows = {a: [self._m.number(v) for v in rows[a]] for x, _, _ in law.atoms for a in _places(x)}
        self._visited: list[dict[int, Number]] = []
        """The predictions of each look at the risk, of all components of all points."""

    @property
    def eta(self) -> Number:
        return self._m.number(self._rate)

    def number(self, value: Any) -> Number:
        return self._m.number(rational(value))

    def _lifted(self, values: Vector) -> Vector:
        zero = self._s.series([self._m.number(0)]) if self._series else self._m.number(0)
        return [v + zero for v in values]

    def _predictions(self, theta: Vector) -> dict[int, Number]:
        if len(theta) != len(next(iter(self._rows.values()))):
            raise MisuseError(f"the risk has other parameters than {len(theta)}: as many as theta has")
        found = {x: self.dot(row, theta) for x, row in self._rows.items()}
        self._visited.append(found)
        return found

    def _gradient(self, theta: Vector) -> Vector:
        z, slopes = self._predictions(theta), []
        for x, y, p in self._law.atoms:
            found = self._loss.d1(self._s, _at(z, x), y)
            slopes += [(a, p * slope) for a, slope in zip(_places(x), _listed(x, found), strict=True)]
        return [sum(slope * self._rows[a][j] for a, slope in slopes) for j in range(len(theta))]

    def _hessian(self, theta: Vector) -> list[Vector]:
        z = self._predictions(theta)
        return self._summed(lambda x, y: self._bend(_at(z, x), y))

    def _bend(self, z: Any, y: Any) -> Any:
        """ell''(z, y); of a series by those of ell', which need a term more."""
        if not self._series:
            return self._loss.d2(self._m, z, y)
        with series_terms(3):
            return self._bends(z, y) if isinstance(z, list) else self._bent(z, y)

    def _bent(self, z: Number, y: Number) -> Number:
        """ell'(z_0 + s) = c_0 + c_1 s + c_2 s^2."""
        slope = self._loss.d1(self._s, self._s.series([z[0], 1]), y)
        first, second = slope[1], 2 * slope[2] * z[1]
        return self._s.series([first, second])

    def _bends(self, z: list[Number], y: Any) -> list[Vector]:
        """Of several components: q(v) = c_2 of ell' along v is quadratic, so twice its form at (e, dz) is
        q(e + dz) - q(e) - q(dz)."""

        def along(v: Vector) -> Vector:
            start = [self._s.series([here[0], t]) for here, t in zip(z, v, strict=True)]
            found: Vector = self._loss.d1(self._s, start, y)
            return found

        moved, columns = [here[1] for here in z], []
        still = along(moved)
        for b in range(len(z)):
            unit = [self._m.number(int(a == b)) for a in range(len(z))]
            alone, both = along(unit), along([e + t for e, t in zip(unit, moved, strict=True)])
            triples = zip(alone, both, still, strict=True)
            columns.append([self._s.series([e[1], s[2] - e[2] - t[2]]) for e, s, t in triples])
        return [list(row) for row in zip(*columns, strict=True)]

    def _third(self, theta: Vector, direction: Vector) -> list[Vector]:
        z, dz = self._predictions(theta), {a: self.dot(row, direction) for a, row in self._rows.items()}
        return self._summed(lambda x, y: self._loss.turned(self._s, _at(z, x), y, _at(dz, x)))

    def _summed(self, bend: Callable[[Any, Any], Any]) -> list[Vector]:
        """The sum of p Phi' bend Phi over the atoms; bend of (x, y)."""
        rows, entries = self._rows, []
        for x, y, p in self._law.atoms:
            blocks = zip(_places(x), _listed(x, bend(x, y)), strict=True)
            entries += [(a, b, p * v) for a, row in blocks for b, v in zip(_places(x), _listed(x, row), strict=True)]
        d = range(len(next(iter(rows.values()))))
        return [[sum(v * rows[a][i] * rows[b][j] for a, b, v in entries) for j in d] for i in d]

    def _solved(self, rows: list[Vector], right: Vector) -> Vector:
        """Of series A_0 x_0 = b_0 and A_0 x_1 = b_1 - A_1 x_0."""
        if not self._series:
            return self._system(rows, right)
        start = [[v[0] for v in row] for row in rows]
        value = self._system(start, [v[0] for v in right])
        rest = [b[1] - self.dot([v[1] for v in row], value) for row, b in zip(rows, right, strict=True)]
        pairs = zip(value, self._system(start, rest), strict=True)
        return [self._s.series(pair) for pair in pairs]

    def _system(self, rows: list[Vector], right: Vector) -> Vector:
        m = self._m
        try:
            return list(solved(m.matrix(rows), m.matrix([[v] for v in right])).entries())
        except ZeroDivisionError:
            raise UndefinedQuantityError("a linear system is singular") from None

    def _root(self, t: Number) -> Number:
        start = t[0] if self._series else t
        if start < 0:
            raise UndefinedQuantityError("the root of a negative number")
        # Not the root of what is known not to be negative: of this nobody knows.
        return t.sqrt() if isinstance(t, arb) else self._s.sqrt(t)

    def _exponential(self, t: Number) -> Number:
        return self._s.exp(t)


def adapted(problem: Any, law: Any, theta: Matrix) -> Matrix:
    """U(theta) (d, 1); the rule is asked twice. Errors: as `run`."""
    name = problem.instance.adaptation.rule
    once, again = (run(name, LawView(problem, law), theta.entries()) for _ in range(2))
    same(name, once, again)
    if problem.m is Rationals:  # and balls say the same: it does not ask which numbers it is given
        same(name, run(name, LawView(problem, law, m=Balls), list(map(arb, theta.entries()))), once)
    return problem.m.matrix([[v] for v in once])


def same(name: str, one: Vector, other: Vector) -> None:
    """Errors: BadInputError for a rule that gives two values at one theta, certainly; IrrationalError where balls give
    none, and rationals do."""
    for a, b in zip(one, other, strict=True):
        if isinstance(a, arb) and not isinstance(b, arb) and not a.is_finite():
            raise IrrationalError("balls find no number here")
        if not a.overlaps(arb(b)) and not (a.is_nan() or arb(b).is_nan()) if isinstance(a, arb) else a != b:
            code = RULES[name].adapt.__code__
            required = "the same numbers whenever it is asked the same: no chance, and no memory"
            raise BadInputError(
                code.co_filename, f"line {code.co_firstlineno}, the adaptation {name}", str(a), required
            )


def tangents(problem: Any, law: Any, theta: Matrix) -> Matrix:
    """U(theta) with its derivatives along the directions, [value | tangents], of such a matrix: by power series."""
    rows, name = theta.tolist(), problem.instance.adaptation.rule
    value = adapted(problem, law, problem.m.matrix([[row[0]] for row in rows])).entries()
    found, view = [[v] for v in value], LawView(problem, law, series=True)
    for k in range(1, len(rows[0])):
        line = run(name, view, [view._s.series([row[0], row[k]]) for row in rows])
        same(name, [v[0] for v in line], value)
        found = [[*row, v[1]] for row, v in zip(found, line, strict=True)]
    return problem.m.matrix(found)


def visited(problem: Any, law: Any, theta: Matrix) -> list[dict[int, Number]]:
    """The predictions at which the risk was asked, by support point."""
    view = LawView(problem, law)
    run(problem.instance.adaptation.rule, view, theta.entries())
    return view._visited
