r"""Linear models of c outputs: MAML by definition, and Taylor arithmetic through it, in blocks of c components.

A point x has the lifted points x c, ..., x c + c - 1, whose features are the rows of Phi_x = I (x) phi(x)' (c, c d):
predictions, slopes and masses are lists over these, and all that follows from them is what it is for one output. The
loss alone couples components:

    grad R_i = sum_x Phi_x' g_x, g_x = sum_y p grad ell,    H_i = sum_x Phi_x' B_x Phi_x, B_x = sum_y p Hess ell (c, c).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..arithmetic import Matrix, Number, NumberSystem
from .instance import MetaSLInstance
from .maml import Law, Problem


class VectorProblem(Problem):
    """An instance whose loss has c outputs."""

    def _law(self, weight: Any, atoms: Any, support: Any = None) -> Law:
        law, c = super()._law(weight, atoms, support), self.loss.outputs
        spread = tuple((slice(x * c, x * c + c), y, p) for x, y, p in law.atoms)
        return replace(law, atoms=spread, rho={x * c + a: rho for x, rho in law.rho.items() for a in range(c)})

    def slopes(self, law: Law, z: list[Number]) -> list[Number]:
        total = [self.m.number(0)] * len(z)
        for x, y, p in law.atoms:
            total[x] = [t + p * g for t, g in zip(total[x], self.loss.d1(self.m, z[x], y), strict=True)]
        return total

    def hessian(self, law: Law, z: list[Number], mixed: bool = True) -> Matrix:
        """H_i (c d, c d); without the mixed derivatives of the loss, for a wrong theorem."""
        zero, rows = self.m.number(0), self.features.tolist()
        bent = [[zero] * self.dimension for _ in rows]
        for x, y, p in law.atoms:
            for a, bends in enumerate(self.loss.d2(self.m, z[x], y), start=x.start):
                for b, (bend, row) in enumerate(zip(bends, rows[x], strict=True), start=x.start):
                    scale = p * bend if mixed or a == b else zero
                    bent[a] = [t + scale * v for t, v in zip(bent[a], row, strict=True)]
        return self.transposed * self.m.matrix(bent)


def problem_of(instance: MetaSLInstance, m: NumberSystem) -> Problem:
    """The problem of a linear model, of one output or of several."""
    return (Problem if instance.loss.outputs == 1 else VectorProblem)(instance, m)
