"""sympy's proof of the identity and of the gradient formula, with symbols as entries.

At small symbolic sizes (n tasks, k points, d dimensions) everything is a free symbol: weights, masses, features,
parameters, comparator values; the loss is an unspecified function. Then both statements are algebra, not examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy
from sympy import Function, Matrix, Symbol, diff


@dataclass(frozen=True)
class SymbolicProblem:
    """One-step MAML with an unspecified loss, one label y[i][x] at each of k points of n tasks, d dimensions."""

    tasks: int
    points: int
    dimension: int

    @cached_property
    def loss(self) -> type[Function]:
        """ell(z, y), unspecified."""
        return Function("ell")

    @cached_property
    def theta(self) -> Matrix:
        """The parameter (d, 1)."""
        return Matrix([Symbol(f"t{j}") for j in range(self.dimension)])

    @cached_property
    def features(self) -> Matrix:
        """phi (k, d)."""
        return Matrix(self.points, self.dimension, lambda x, j: Symbol(f"f{x}{j}"))

    def weight(self, i: int) -> Symbol:
        """q_i."""
        return Symbol(f"q{i}")

    def mass(self, i: int, x: int) -> Symbol:
        """rho_i(x)."""
        return Symbol(f"p{i}{x}")

    def label(self, i: int, x: int) -> Symbol:
        """y at point x in task i."""
        return Symbol(f"y{i}{x}")

    def _derivative(self, order: int, z: sympy.Expr, y: sympy.Expr) -> sympy.Expr:
        dummy = Symbol("z_")
        return diff(self.loss(dummy, y), dummy, order).subs(dummy, z).doit()

    def risk(self, i: int, theta: Matrix) -> sympy.Expr:
        """R_i."""
        z = self.features * theta
        return sum(self.mass(i, x) * self.loss(z[x], self.label(i, x)) for x in range(self.points))

    def adapted(self, i: int) -> Matrix:
        """U_i(theta) = theta - eta grad R_i(theta), by differentiation."""
        risk = self.risk(i, self.theta)
        return self.theta - Symbol("eta") * Matrix([diff(risk, t) for t in self.theta])

    def meta_objective(self) -> sympy.Expr:
        """L(theta)."""
        return sum(self.weight(i) * self.risk(i, self.adapted(i)) for i in range(self.tasks))

    def gradient_formula(self) -> Matrix:
        """sum_i q_i (I - eta H_i) E[w_i phi], as the claim has it."""
        z = self.features * self.theta
        total = sympy.zeros(self.dimension, 1)
        for i in range(self.tasks):
            hessian, pull = sympy.zeros(self.dimension, self.dimension), sympy.zeros(self.dimension, 1)
            after = self.features * self.adapted(i)
            for x in range(self.points):
                phi, y = self.features.row(x).T, self.label(i, x)
                hessian += self.mass(i, x) * self._derivative(2, z[x], y) * phi * phi.T
                pull += self.mass(i, x) * self._derivative(1, after[x], y) * phi
            jacobian = sympy.eye(self.dimension) - Symbol("eta") * hessian
            total += self.weight(i) * jacobian.T * pull
        return total

    def gradient_defect(self) -> Matrix:
        """grad L by differentiation minus the formula: zero if the formula is right."""
        objective = self.meta_objective()
        exact = Matrix([diff(objective, t).doit() for t in self.theta])
        return (exact - self.gradient_formula()).applyfunc(lambda e: sympy.simplify(sympy.expand(e.doit())))

    def identity_defect(self) -> sympy.Expr:
        """gap + Breg - v'G - <w, u - phi'v> with all values of the loss as free symbols: zero if it is an identity.

        The values ell(z), ell(h'), ell'(z) at every atom and the entries of J_i are free: nothing else is used.
        """
        n, k, d = self.tasks, self.points, self.dimension
        v = Matrix([Symbol(f"v{j}") for j in range(d)])
        total: sympy.Expr = sympy.Integer(0)
        for i in range(n):
            jacobian = Matrix(d, d, lambda a, b, i=i: Symbol(f"J{i}{a}{b}"))
            for x in range(k):
                here, there, slope = Symbol(f"l{i}{x}"), Symbol(f"m{i}{x}"), Symbol(f"s{i}{x}")
                z, h = Symbol(f"z{i}{x}"), Symbol(f"h{i}{x}")
                mass = self.weight(i) * self.mass(i, x)
                phi = self.features.row(x).T
                feature = jacobian.T * phi
                gap = here - there
                bregman = there - here - slope * (h - z)
                gradient = jacobian.T * (slope * phi)
                residual = (z - h) - (feature.T * v)[0]
                total += mass * (gap + bregman - (v.T * gradient)[0] - slope * residual)
        return sympy.expand(total)


def lagrange_defect(size: int) -> sympy.Expr:
    """||w||^2 ||r||^2 - <w, r>^2 - sum_{i<j} (w_i r_j - w_j r_i)^2: zero (step S4)."""
    w = [Symbol(f"w{i}") for i in range(size)]
    r = [Symbol(f"r{i}") for i in range(size)]
    left = sum(a * a for a in w) * sum(b * b for b in r) - sum(a * b for a, b in zip(w, r, strict=True)) ** 2
    right = sum((w[i] * r[j] - w[j] * r[i]) ** 2 for i in range(size) for j in range(i + 1, size))
    return sympy.expand(left - right)


def remainder_constant() -> sympy.Expr:
    """C2's constant, derived: the largest |u - phi'v| / ||v||^2 that |ell'''| <= m3 allows, n = k = d = 1, phi = B.

    u - J phi v for U(t) = t - eta B ell'(B t): Taylor's remainder of ell' in integral form with ell''' = m3.
    """
    eta, bound, third, step, s = sympy.symbols("eta B m3 delta s", positive=True)
    second_order = sympy.integrate((step * bound - s) * third, (s, 0, step * bound))
    return sympy.simplify(bound * eta * bound * second_order / step**2)
