"""Derivatives of the meta-objective by Taylor arithmetic through its definition.

The independent route to grad L: only ell and ell' are evaluated, on truncated power series (flint's
`arb_series`, `fmpq_series`); no ell'', no Hessian, no Jacobian formula and no meta-feature occurs. A
parameter is a matrix [value | tangents]; linear maps act on all columns alike.
"""

from __future__ import annotations

from typing import Any

from flint import arb

from ..arithmetic import Balls, Matrix, Number, Rationals, norm, solved
from ..series import BallSeries, RationalSeries, combined, series_terms
from .adaptation import Gradient, Implicit
from .maml import Law, Problem, Risks


def _series(problem: Risks) -> Any:
    """Series over the problem's numbers; other systems than the two that decide bring their own."""
    return BallSeries if problem.m is Balls else RationalSeries if problem.m is Rationals else problem.m


def _coefficients(series: Any, count: int) -> list[Number]:
    return [series[k] for k in range(count)]


def _lines(s: Any, block: list[Number]) -> list[list[Any]]:
    """Predictions of several components as series along each component in turn."""
    count = range(len(block))
    return [[s.series([v, int(a == b)]) for a, v in enumerate(block)] for b in count]


def slope_rows(problem: Risks, law: Law, z: list[list[Number]]) -> Matrix:
    """Rows [sum p ell'(z_x, y) | its tangents]: each tangent is scaled by the series' own slope."""
    m, s = problem.m, _series(problem)
    zero = m.number(0)
    rows = [[zero] * len(z[0]) for _ in z]
    if problem.loss.outputs > 1:
        for x, y, p in law.atoms:
            for b, start in enumerate(_lines(s, [row[0] for row in z[x]])):
                for a, slope in enumerate(problem.loss.d1(s, start, y), start=x.start):
                    value, scale = (p * c for c in _coefficients(slope, 2))
                    first = rows[a][0] + value if b == 0 else rows[a][0]
                    pairs = zip(rows[a][1:], z[x][b][1:], strict=True)
                    rows[a] = [first, *(old + scale * tangent for old, tangent in pairs)]
        return m.matrix(rows)
    for x, y, p in law.atoms:
        value, slope = _coefficients(problem.loss.d1(s, s.series([z[x][0], 1]), y), 2)
        scale, row = p * slope, z[x]
        old = rows[x]
        rows[x] = [old[0] + p * value] + [o + scale * t for o, t in zip(old[1:], row[1:], strict=True)]
    return m.matrix(rows)


def gradient(problem: Problem) -> list[Number]:
    """grad L(omega) [d], by one pass of first-order Taylor arithmetic per task.

    At a joint of the loss balls give an enclosure of all one-sided slopes.
    """
    m, d = problem.m, problem.dimension
    total = [m.number(0)] * d
    unit = problem.identity().tolist()
    with series_terms(2):
        start = m.matrix([[v, *row] for v, row in zip(problem.omega.entries(), unit, strict=True)])
        for law in problem.laws:
            if law.weight == 0:
                continue
            own = risk_gradient(problem, law, (problem.features * _adapt(problem, law, start)).tolist())
            total = [t + law.weight * g for t, g in zip(total, own, strict=True)]
    return total


def risk_gradient(problem: Risks, law: Law, z: list[list[Number]]) -> list[Number]:
    """The derivative of R_i along each tangent, at predictions [value | tangents]; series of two terms."""
    total = [problem.m.number(0)] * (len(z[0]) - 1)
    for x, slope in risk_slopes(problem, law, [row[0] for row in z]).items():
        total = [t + slope * v for t, v in zip(total, z[x][1:], strict=True)]
    return total


def risk_slopes(problem: Risks, law: Law, z: list[Number]) -> dict[int, Number]:
    """The derivative of R_i by the prediction at each place with mass, read off series of ell (two terms)."""
    s, loss = _series(problem), problem.loss
    found: dict[int, Number] = {}
    for x, y, p in law.atoms:
        lines = {x: s.series([z[x], 1])} if loss.outputs == 1 else dict(zip(_places(x), _lines(s, z[x]), strict=True))
        for place, line in lines.items():
            term = p * loss.value(s, line, y)[1]
            found[place] = found[place] + term if place in found else term
    return found


def _places(x: slice) -> range:
    return range(x.start, x.stop)


def _adapt(problem: Problem, law: Law, theta: Matrix) -> Matrix:
    """U_i on [value | tangents]: of the inner law alone."""
    adaptation = problem.instance.adaptation
    if not isinstance(adaptation, Gradient):
        return _implicit(problem, law, theta, adaptation)
    for _ in range(adaptation.steps):
        z = (problem.features * theta).tolist()
        theta = problem.stepped(theta, problem.transposed * slope_rows(problem, law.inner, z))
    return theta


def _implicit(problem: Problem, law: Law, theta: Matrix, adaptation: Implicit) -> Matrix:
    """The adapted point t solves t + grad R_i(t)/lambda = theta; so do power series, coefficient by coefficient.

    Coefficient 0 is the point itself, coefficient 1 by one Newton step, whose residual

        r = dtheta - dt - (d/ds) grad R_i(t + s dt)/lambda at s = 0

    Taylor arithmetic evaluates. Whatever proposed dt, the true tangent is within ||r|| of it: their difference v has
    v + Hess R_i v/lambda = r, and R_i is convex, so ||v||^2 <= v'r. In rationals r = 0.
    """
    m, strength = problem.m, problem.m.number(adaptation.strength)
    rows = theta.tolist()
    value = problem.adapt(law, m.matrix([[row[0]] for row in rows])).pop().entries()
    moved = m.matrix([row[1:] for row in rows])

    def pulled(tangents: Matrix) -> Matrix:
        """dt + (d/ds) grad R_i(t + s dt)/lambda for tangents dt (d, .)."""
        here = m.matrix([[v, *row] for v, row in zip(value, tangents.tolist(), strict=True)])
        slopes = slope_rows(problem, law.inner, (problem.features * here).tolist())
        return tangents + m.matrix([row[1:] for row in (problem.transposed * slopes * (1 / strength)).tolist()])

    found = solved(pulled(problem.identity()), moved)
    if m is Balls:
        found = found.mid()
        columns = (moved - pulled(found)).transpose().tolist()
        spread = [(-radius).union(radius) for radius in map(norm, columns)]
        found = m.matrix([[v + ball for v, ball in zip(row, spread, strict=True)] for row in found.tolist()])
    return m.matrix([[v, *row] for v, row in zip(value, found.tolist(), strict=True)])


def along(problem: Problem, direction: list[Number], order: int) -> list[Number]:
    """Taylor coefficients [order + 1] of t -> L(omega + t direction) at t = 0+, gradient adaptation only.

    In rationals a joint is left in the direction of travel, which makes coefficient 1 the one-sided derivative.
    """
    m, s = problem.m, _series(problem)
    adaptation = problem.instance.adaptation
    assert isinstance(adaptation, Gradient)
    features = problem.features.tolist()
    total: Any = None
    with series_terms(order + 1):
        for law in problem.laws:
            if law.weight == 0:
                continue
            theta = [s.series([o, v]) for o, v in zip(problem.omega.entries(), direction, strict=True)]
            for _ in range(adaptation.steps):
                z = [combined(row, theta) for row in features]
                slopes: dict[int, Any] = {}
                for x, y, p in law.inner.atoms:
                    found = problem.loss.d1(s, z[x], y)
                    for j, slope in enumerate(found, start=x.start) if isinstance(x, slice) else ((x, found),):
                        slopes[j] = slopes[j] + p * slope if j in slopes else p * slope
                slope = [combined([features[x][j] for x in slopes], list(slopes.values())) for j in range(len(theta))]
                theta = [
                    t - rate * (g + problem.decay * t) for t, g, rate in zip(theta, slope, problem.rates, strict=True)
                ]
            z = [combined(row, theta) for row in features]
            for x, y, p in law.atoms:
                term = law.weight * p * problem.loss.value(s, z[x], y)
                total = term if total is None else total + term
        return [m.number(0) if total is None else total[k] for k in range(order + 1)]


def curvature(problem: Problem, direction: list[arb]) -> arb:
    """v'Hess L(omega)v / ||v||^2 in the direction v."""
    size = sum((v * v for v in direction), start=arb(0))
    return 2 * along(problem, direction, 2)[2] / size
