"""The elementary functions on sympy expressions: a loss written for numbers, read as a formula."""

from __future__ import annotations

import sympy
from sympy import Expr

from ..arithmetic import FunctionSet


class Sympy(FunctionSet):
    """Symbols in, formulas out; joints become Min, Max, sign and Heaviside."""

    exp = staticmethod(sympy.exp)
    sqrt = staticmethod(sympy.sqrt)
    tanh = staticmethod(sympy.tanh)
    sech = staticmethod(sympy.sech)
    magnitude = staticmethod(sympy.Abs)
    sign = staticmethod(sympy.sign)

    @staticmethod
    def number(q: object) -> Expr:
        return sympy.Rational(str(q))

    @staticmethod
    def log_cosh(t: Expr) -> Expr:
        return sympy.log(sympy.cosh(t))

    @staticmethod
    def softplus(t: Expr) -> Expr:
        return sympy.log(1 + sympy.exp(t))

    @staticmethod
    def sigmoid(t: Expr) -> Expr:
        return 1 / (1 + sympy.exp(-t))

    @staticmethod
    def clip(t: Expr, a: Expr) -> Expr:
        return sympy.Piecewise((-a, t < -a), (a, t > a), (t, True))

    @staticmethod
    def inside(t: Expr, a: Expr) -> Expr:
        return sympy.Piecewise((1, sympy.And(t > -a, t < a)), (0, True))
