"""The Jacobians of adaptations of one's own, by numbers with tangents: grad R(t + dt) = grad R(t) + Hess R(t) dt by the
formula of ell''. The other route to them, power series, is in `rule_steps`.
"""

from __future__ import annotations

from typing import Any

from flint import arb

from ..arithmetic import Balls, Matrix, Rationals
from ..rules import Affine, Dual, NotAffineError, run
from .rule_steps import LawView, adapted, same


def jacobian(problem: Any, law: Any, theta: Matrix) -> Matrix:
    """J (d, d), by tangents."""
    m, at, d = problem.m, theta.entries(), len(theta.entries())
    unit = [[m.number(int(k == j)) for k in range(d)] for j in range(d)]
    name = problem.instance.adaptation.rule
    start = [Dual(v, row) for v, row in zip(at, unit, strict=True)]
    found = run(name, LawView(problem, law), start)
    same(name, [v.value for v in found], adapted(problem, law, theta).entries())
    if m is Rationals:
        lines = [Dual(arb(v.value), list(map(arb, v.tangents))) for v in start]
        for one, ball in zip(found, run(name, LawView(problem, law, m=Balls), lines), strict=True):
            same(name, ball.tangents, one.tangents)
    return m.matrix([v.tangents for v in found])


def affine(problem: Any, law: Any, theta: Matrix) -> bool:
    """Whether the rule is affine in theta, on this support, whose loss is the squared one."""
    m, d = problem.m, len(theta.entries())
    start = [Affine(v, [m.number(int(k == j)) for k in range(d)]) for j, v in enumerate(theta.entries())]
    try:
        run(problem.instance.adaptation.rule, LawView(problem, law), start)
    except NotAffineError:
        return False
    return True
