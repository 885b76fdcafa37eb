r"""Linear equations: solutions, inverses, Cholesky factors.

AX = B with an approximate inverse R and an approximate solution X0, both of floats. Let G = I - RA, Z = R(B - A X0) and
q >= ||G||, the largest sum of sizes in a row. If q < 1, RA = I - G is regular, so A is; and as RA(X - X0) = Z,

    X - X0 = (I - G)^{-1} Z = Z + G (I - G)^{-1} Z,    |X - X0| <= |Z| + q/(1 - q) max |Z|,

entry by entry, the maximum that of the column. G and Z are enclosed for every A and B of the enclosures at once:
whoever proposed R and X0, this is proved. q >= 1: not a number. Balls: flint's own solution, enclosed the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .operators import row
from .systems import Value, each, shape_of


def _turned(x: Value) -> Value:
    return each(lambda v: np.swapaxes(v, -1, -2), x)


@row("_linalg_solve_ex.default", "an approximate inverse, its distance from the inverse, residuals (`solves`)")
def solution(run: Any, a: Value, b: Value, *, left: bool = True, check_errors: bool = False) -> Any:
    s = run.s
    a, b = s.lift(a), s.lift(b)
    vector = len(shape_of(b)) == 1 or (len(shape_of(b)) == len(shape_of(a)) - 1 and shape_of(b) == shape_of(a)[:-1])
    if vector:
        b = each(lambda v: v[..., None], b)
    found = s.solve(a, b) if left else _turned(s.solve(_turned(a), _turned(b)))
    if vector:
        found = each(lambda v: v[..., 0], found)
    # The factors of PyTorch's own elimination are not numbers here: no derivative reads them.
    return found, s.of(np.full(shape_of(a), np.nan)), None, None


@row("linalg_inv_ex.default", "as the solution of AX = I")
def inverse(run: Any, a: Value, *, check_errors: bool = False) -> Any:
    return run.s.solve(a, run.s.of(np.eye(shape_of(a)[-1]))), None


@row("linalg_solve_triangular.default", "as a solution, of the triangle that is read")
def triangular(run: Any, a: Value, b: Value, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Value:
    s, n = run.s, shape_of(a)[-1]
    read = np.triu(np.ones((n, n)), int(unitriangular)) if upper else np.tril(np.ones((n, n)), -int(unitriangular))
    shape = shape_of(a)
    kept = s.where(
        np.broadcast_to(read == 1, shape), s.lift(a), s.of(np.broadcast_to(np.eye(n) * unitriangular, shape))
    )
    return s.solve(kept, b) if left else _turned(s.solve(_turned(kept), _turned(b)))


@row("linalg_cholesky_ex.default", "column by column; not a number where a pivot is not positive")
def cholesky(run: Any, a: Value, *, upper: bool = False, check_errors: bool = False) -> Any:
    s, n = run.s, shape_of(a)[-1]
    lower = _turned(a) if upper else a
    columns: list[Value] = []
    for j in range(n):
        rest = each(lambda v, j=j: v[..., j:, j], lower)
        for column in columns:
            below = each(lambda v, j=j: v[..., j:], column)
            rest = s.sub(rest, s.mul(below, each(lambda v, j=j: v[..., j : j + 1], column)))
        pivot = s.apply("sqrt", each(lambda v: v[..., :1], rest))
        under = s.div(each(lambda v: v[..., 1:], rest), pivot)
        zeros = s.of(np.zeros((*shape_of(a)[:-2], j)))
        columns.append(each(lambda *v: np.concatenate(v, -1), zeros, pivot, under))
    found = each(lambda *v: np.stack(v, -1), *columns)
    return (_turned(found) if upper else found), None


@row("cholesky_solve.default", "two solutions, of the factor and of its transpose")
def factored(run: Any, b: Value, factor: Value, upper: bool = False) -> Value:
    lower = _turned(factor) if upper else factor
    first = triangular(run, lower, b, upper=False)
    return triangular(run, _turned(lower), first, upper=True)
