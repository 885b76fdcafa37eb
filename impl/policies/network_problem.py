"""Network policies by definition. On finitely many inputs a network is its features, of which only the span matters.

Near W the policy is energy-based and linear, with the gradient features psi of f at W (ReLU: off kinks, where patterns
stay): all that is known of linear policies applies in coordinates of the span. Energies are those of f itself.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx, fmpq

from ..arithmetic import Balls, Matrix, Number, NumberSystem
from ..balls.span import span
from ..models import coordinates as exact
from ..models import smooth_coordinates as smooth
from ..models.relu import Distance, Layer, Neurons
from ..models.smooth import SmoothLayer
from ..models.weights import Inputs, Weights
from ..series import BallSeries
from .instance import PolicyNetworkInstance
from .problem import Problem

Gates = np.ndarray
"""What multiplies x in a feature, per neuron and input (m, SA): patterns, or enclosures; or differences of such."""


class NetworkProblem(Problem):
    """A network instance's numbers in the number system `m`; features (SA, r) are coordinates of psi at W."""

    instance: PolicyNetworkInstance
    own_gates: Gates
    start_gates: Gates
    """At W and at W0."""

    def _write(self, coordinates: Any, features: Matrix) -> None:
        """Features in coordinates of their span."""
        self.coordinates, self.features, self.dimension = coordinates, features, features.ncols()

    @cached_property
    def basis(self) -> arb_mat | None:
        """An orthonormal basis (d, r) of the differences phi(s,a) - phi(s,0), where these are certainly independent.

        All rows are sums of such: what is centred or weighted by advantages does not see a function of the state.
        """
        if self.m is not Balls:
            return None
        count = self.actions
        rows = self.features.tolist()
        pairs = [(rows[s], rows[s + a]) for s in range(0, len(rows), count) for a in range(1, count)]
        changes = [[v - u for u, v in zip(*pair, strict=True)] for pair in pairs]
        if not changes:
            return None  # one action: nothing depends on the features
        table = Balls.matrix([change for change in changes if any(v != 0 for v in change)] or changes[:1])
        found = span(table * table.transpose())
        if len(found.pivots) < table.nrows():
            return None
        units = [[arb(int(j == k)) for j in range(table.nrows())] for k in range(table.nrows())]
        combined = Balls.matrix([found.coefficients(unit) for unit in units])
        return (combined * table).transpose()

    def spanned(self, *gates: Gates) -> tuple[Any, tuple[Matrix, ...]]:
        """Coordinates that the features with these gates have in common, and a table (SA, r) for each."""
        raise NotImplementedError


class ReluProblem(Layer, NetworkProblem):
    """psi(s,a) = m^{-1/2}(b_r S_r(s,a) x(s,a))_r for patterns S, known by its Gram matrix: exact, at any width."""

    def __init__(self, instance: PolicyNetworkInstance, m: NumberSystem) -> None:
        super().__init__(instance, m)
        self.inputs = Inputs(tuple(row for rows in instance.features for row in rows))
        self.output = np.array([instance.signs], dtype=float)
        self.width = instance.width
        self.omega, self.start = Neurons(self, instance.omega), Neurons(self, instance.initial)
        self.own_gates, self.start_gates = self.omega.active, self.start.active
        found, (table,) = self.spanned(self.own_gates)
        self._write(found, table)

    def spanned(self, *gates: Gates) -> tuple[exact.Coordinates, tuple[Matrix, ...]]:
        xs = list(range(len(self.inputs.rows)))
        columns, places = np.concatenate(gates, axis=1), xs * len(gates)
        counts, products = (columns.T @ columns).tolist(), self.inputs.products
        found = exact.coordinates(
            [[int(c) * products[x][y] / self.width for c, y in zip(row, places, strict=True)]
             for row, x in zip(counts, places, strict=True)]
        )  # fmt: skip
        rows = found.table(self.m).tolist()
        return found, tuple(self.m.matrix(rows[k : k + len(xs)]) for k in range(0, len(rows), len(xs)))

    def exact_energies(self, theta: Weights) -> list[list[fmpq]]:
        """m^{1/2} f(x(s,a); W), exactly [S][A]."""
        totals = self.totals(theta, Neurons(self, theta).active, list(range(len(self.inputs.rows))))
        return [totals[s * self.actions : (s + 1) * self.actions] for s in range(self.states)]

    @cached_property
    def distance(self) -> Distance:
        """Of W from the kinks, at inputs of states that are visited."""
        count = self.actions
        return self.omega.distance_at(s * count + a for p in self.processes for s in p.reachable for a in range(count))


class SmoothProblem(NetworkProblem, SmoothLayer):
    """In balls. Energies along a line by Taylor arithmetic through sigma: the independent route to grad L."""

    def __init__(self, instance: PolicyNetworkInstance) -> None:
        super().__init__(instance, Balls)
        assert instance.sigma is not None
        self._lay(instance.sigma, [row for rows in instance.features for row in rows], [instance.signs])
        self._expanded: dict[int, list[list[list[arb]]]] = {}
        self.own_gates = self._gates_at(instance.omega)
        found, (table,) = self.spanned(self.own_gates)
        self._write(found, table)

    @cached_property
    def start_gates(self) -> Gates:  # type: ignore[override]
        return self._gates_at(self.instance.initial)

    def _gates_at(self, weights: Weights) -> Gates:
        with ctx.workprec(max(smooth.PRECISION, ctx.prec)):
            return np.array(self.gates(self.drives(self.matrix(weights))), dtype=object)

    def spanned(self, *gates: Gates) -> tuple[smooth.Coordinates, tuple[Matrix, ...]]:
        found = smooth.coordinates(self, *(table.tolist() for table in gates))
        return found, found.tables

    def energies(self, theta: Weights) -> list[list[Number]]:
        """f(x(s,a); W)/tau minus that of the largest action per state, 0 exactly where inputs are equal [S][A]."""
        values = self.predictions(self.drives(self.matrix(theta)))
        count, found = self.actions, []
        for s, inputs in enumerate(self.instance.features):
            row = values[s * count : (s + 1) * count]
            top = max(range(count), key=lambda a: float(row[a].mid()))
            found.append(
                [arb(0) if x == inputs[top] else (v - row[top]) / self.tau for x, v in zip(inputs, row, strict=True)]
            )
        return found

    def line(self, direction: list[Number]) -> list[list[list[Number]]]:
        """As for linear policies, with as many coefficients as power series keep."""
        moves = list(zip(*self.drives(self.coordinates.weights(direction)).tolist(), strict=True))
        powers, terms = [[arb(1)] * len(move) for move in moves], []
        for k in range(1, ctx.cap):
            # Not by **, which is no number at balls about 0.
            powers = [[p * t for p, t in zip(*pair, strict=True)] for pair in zip(powers, moves, strict=True)]
            terms.append(
                [
                    sum((c[k] * p for c, p in zip(*pair, strict=True)), start=arb(0))
                    for pair in zip(self._expansions(ctx.cap), powers, strict=True)
                ]
            )
        return [
            [[energy, *(term[s * self.actions + a] for term in terms)] for a, energy in enumerate(row)]
            for s, row in enumerate(self.point(self.instance.omega).energies)
        ]

    def _expansions(self, terms: int) -> list[list[list[arb]]]:
        """Taylor coefficients of m^{-1/2} b_r sigma(W_r'x + t)/tau, as many as power series keep [SA][m][terms]."""
        if terms not in self._expanded:
            drives = zip(*self.drives(self.matrix(self.instance.omega)).tolist(), strict=True)
            found = [
                [
                    b / self.tau * self.sigma.value(BallSeries, BallSeries.series([t, arb(1)]))
                    for b, t in zip(*self.output, row, strict=True)
                ]
                for row in drives
            ]
            self._expanded[terms] = [[[one[k] for k in range(terms)] for one in row] for row in found]
        return self._expanded[terms]
