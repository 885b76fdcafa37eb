"""sympy proves the identity, the gradient formula, step S4 and C2's constant."""

from __future__ import annotations

import pytest
import sympy
from oracles.symbolic import SymbolicProblem, lagrange_defect, remainder_constant

SIZES = [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (2, 2, 1), (2, 2, 2)]


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("size", SIZES)
def test_the_gradient_formula_is_the_derivative(size: tuple[int, int, int]) -> None:
    assert SymbolicProblem(*size).gradient_defect() == sympy.zeros(size[2], 1)


@pytest.mark.parametrize("size", [*SIZES, (3, 3, 2)])
def test_the_identity_is_algebra(size: tuple[int, int, int]) -> None:
    assert SymbolicProblem(*size).identity_defect() == 0


def test_a_gradient_without_the_hessian_is_not_the_derivative() -> None:
    problem = SymbolicProblem(1, 1, 1)
    objective = problem.meta_objective()
    exact = sympy.diff(objective, problem.theta[0]).doit()
    plain = problem.gradient_formula()[0].subs(sympy.Symbol("eta"), 0)
    assert sympy.simplify(exact - plain) != 0


@pytest.mark.parametrize("size", [1, 2, 5])
def test_cauchy_schwarz_by_lagranges_identity(size: int) -> None:
    assert lagrange_defect(size) == 0


def test_the_remainder_constant_is_rederived() -> None:
    eta, bound, third = sympy.symbols("eta B m3", positive=True)
    assert sympy.simplify(remainder_constant() - eta * third * bound**4 / 2) == 0
