"""Orthonormal coordinates of the gradient features of a smooth network, in balls.

psi(x) = m^{-1/2}(b_r sigma'(W_r'x) x)_r. Features of a wide network at distinct inputs x != 0 are independent, and
their Gram matrix gives coordinates of their span. Where it does not (few neurons, features that are equal or 0), the
coordinates are those of R^{mp} itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, arb_mat, ctx

from ..balls.span import Span, span
from .smooth import SmoothLayer

PRECISION = 512
"""Bits at which independence is decided, or those of the judgement if more: up to it r does not depend on them."""

Gates = list[list[arb]]
"""m^{-1/2} b_r sigma'(W_r'x), or differences of such, (m, k)."""


@dataclass(frozen=True)
class Coordinates:
    """The features' rows, one table (k, r) for each set of gates, and how a direction [r] becomes weights (m, p)."""

    tables: tuple[arb_mat, ...]
    width: int
    basis: Span | None
    vectors: tuple[arb_mat, ...]
    """The features (m, p) that the span is of."""

    def weights(self, direction: list[arb]) -> arb_mat:
        """The V (m, p) with these coordinates."""
        if self.basis is None:
            return arb_mat(self.width, len(direction) // self.width, direction)
        terms = zip(self.basis.coefficients(direction), self.vectors, strict=True)
        return sum((vector * alpha for alpha, vector in terms), start=self.vectors[0] * 0)


def coordinates(layer: SmoothLayer, *gates: Gates) -> Coordinates:
    """Coordinates that the features with these gates have in common."""
    with ctx.workprec(max(PRECISION, ctx.prec)):
        inputs = layer.inputs.tolist()
        place = {tuple(map(str, x)): i for i, x in reversed(list(enumerate(inputs))) if any(v != 0 for v in x)}
        distinct = sorted(place.values())
        features = [arb_mat([[row[x] * v for v in inputs[x]] for row in table]) for table in gates for x in distinct]
        width, dimension = len(layer.output[0]), layer.inputs.ncols()
        flat = arb_mat(len(features), width * dimension, [v for f in features for v in f.entries()])
        basis = span(flat * flat.transpose()) if 0 < len(features) <= width * dimension else None
        if basis is not None and len(basis.pivots) < len(features):
            basis = None
        rows = (flat if basis is None else basis.rows).tolist()
        nothing = [arb(0)] * (flat if basis is None else basis.rows).ncols()
        where = [distinct.index(place[key]) if (key := tuple(map(str, x))) in place else None for x in inputs]
        tables = tuple(
            arb_mat([nothing if j is None else rows[t * len(distinct) + j] for j in where]) for t in range(len(gates))
        )
    return Coordinates(tables, width, basis, tuple(features))
