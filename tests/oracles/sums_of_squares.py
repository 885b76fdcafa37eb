"""Lower bounds of the quartic meta-objective by sums of squares: cvxpy proposes, rationals and balls decide.

L(x) = m(x)'Q m(x) with m the monomials up to half the degree: if Q is positive semidefinite but for its constant entry,
L(x) >= t where t is what the constant entry may be lowered by. The solver's Q is rounded to rationals and its residual
spread over the entries of each monomial, so that m'Qm = L exactly; then

    t = Q_00 - q'B^{-1}q,   B the block without the constant, certified positive definite in balls.
"""

from __future__ import annotations

import itertools
import warnings

import cvxpy as cp
import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from metagap.impl.arithmetic import Rationals, rational, to_float
from metagap.impl.balls.singular import positive_definite
from metagap.impl.optimum.exact import DoesNotApplyError
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import MetaSLInstance

Exponents = tuple[int, ...]
PRECISION = 256
MARGINS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5)
"""How far inside the cone the solver is asked to stay: rounding needs room, and room costs sharpness."""


def polynomial(instance: MetaSLInstance) -> fmpq_mpoly:
    """L as a polynomial in theta with rational coefficients; polynomial losses, one gradient step.

    Errors: DoesNotApplyError.
    """
    adaptation = instance.adaptation
    if instance.loss.name not in ("squared", "quartic") or not isinstance(adaptation, Gradient) or adaptation.steps > 1:
        raise DoesNotApplyError("the squared or the quartic loss and one gradient step are required")
    ring = fmpq_mpoly_ctx.get([f"x{j}" for j in range(instance.dimension)], "deglex")
    theta = list(ring.gens())
    loss, total = instance.loss, ring.from_dict({})

    def predict(at: list[fmpq_mpoly], x: int) -> fmpq_mpoly:
        return sum((v * t for v, t in zip(instance.features[x], at, strict=True)), start=ring.from_dict({}))

    for task in instance.tasks:
        slopes = [(a, a.p * loss.d1(Rationals, predict(theta, a.x), a.y)) for a in task.inner]
        adapted = [
            t - adaptation.eta * sum((instance.features[a.x][j] * s for a, s in slopes), start=ring.from_dict({}))
            for j, t in enumerate(theta)
        ]
        for a in task.atoms:
            total += task.weight * a.p * loss.value(Rationals, predict(adapted, a.x), a.y)
    return total


def lower_bound(instance: MetaSLInstance, scale: float = 1.0) -> arb | None:
    """A rigorous lower bound of L over all parameters; None if no rounded Gram matrix is positive definite.

    The solver needs variables of size 1: both `scale`, the size of the minimiser, and the size at which the leading
    terms weigh as much as the constant are tried, and the better bound is taken.
    """
    total, d = polynomial(instance), instance.dimension
    terms = {tuple(int(e) for e in exponents): c for exponents, c in total.to_dict().items()}
    degree = max(sum(e) for e in terms)
    leading = max(abs(to_float(c)) for e, c in terms.items() if sum(e) == degree)
    constant = max(abs(to_float(terms.get((0,) * d, fmpq(0)))), 1e-6)
    found = []
    for size in (scale, (constant / leading) ** (1 / degree) if degree else 1.0):
        unit = rational(float(2.0 ** np.round(np.log2(max(size, 2.0**-10)))))
        target = {e: c * unit ** sum(e) for e, c in terms.items()}
        places = _places(-(-degree // 2), d)
        for margin in MARGINS:
            gram = _proposal(1 + max(i for cells in places.values() for i, _ in cells), places, target, margin)
            bound = None if gram is None else _certified(gram, places, target)
            if bound is not None:
                found.append(bound)
                break
    return max(found, key=lambda b: float(b.lower()), default=None)


def _places(half: int, dimension: int) -> dict[Exponents, list[tuple[int, int]]]:
    """Where each monomial of twice the half degree sits in the Gram matrix."""
    monomials = [e for e in itertools.product(range(half + 1), repeat=dimension) if sum(e) <= half]
    monomials.sort(key=lambda e: (sum(e), e))
    places: dict[Exponents, list[tuple[int, int]]] = {}
    for i, a in enumerate(monomials):
        for j, b in enumerate(monomials):
            places.setdefault(tuple(u + v for u, v in zip(a, b, strict=True)), []).append((i, j))
    return places


def _proposal(
    size: int, places: dict[Exponents, list[tuple[int, int]]], target: dict[Exponents, fmpq], margin: float
) -> np.ndarray | None:
    variable = cp.Variable((size, size), symmetric=True)
    zero = next(e for e in places if not any(e))
    largest = max(abs(to_float(c)) for c in target.values())
    constraints = [variable >> margin * np.diag([0.0] + [1.0] * (size - 1))]
    for exponents, cells in places.items():
        if exponents != zero:
            entries = cp.sum(cp.hstack([variable[i, j] for i, j in cells]))
            constraints.append(entries == to_float(target.get(exponents, fmpq(0))) / largest)
    # max t with L - t = m'Qm: the constant entry is L_0 - t, so it is minimised.
    problem = cp.Problem(cp.Minimize(variable[0, 0]), constraints)
    with warnings.catch_warnings():
        # An inaccurate solution is a proposal like any other: what it is worth is decided by `_certified`.
        warnings.simplefilter("ignore", UserWarning)
        try:
            problem.solve(solver=cp.CLARABEL)
        except cp.error.SolverError:
            return None
    return None if variable.value is None else np.asarray(variable.value) * largest


def _certified(
    gram: np.ndarray, places: dict[Exponents, list[tuple[int, int]]], target: dict[Exponents, fmpq]
) -> arb | None:
    size = len(gram)
    exact = [[rational(float(gram[min(i, j), max(i, j)])) for j in range(size)] for i in range(size)]
    for exponents, cells in places.items():
        missing = target.get(exponents, fmpq(0)) - sum((exact[i][j] for i, j in cells), start=fmpq(0))
        for i, j in cells:
            exact[i][j] += missing / len(cells)
    # Now m'Qm = L exactly, constant included: t is what may be taken off the constant.
    with ctx.workprec(PRECISION):
        block = arb_mat([[arb(v) for v in row[1:]] for row in exact[1:]])
        if not positive_definite(block, arb(0)):
            return None
        edge = arb_mat([[arb(row[0])] for row in exact[1:]])
        bound: arb = arb(exact[0][0]) - (edge.transpose() * block.solve(edge))[0, 0]
        return bound if bound.is_finite() else None
