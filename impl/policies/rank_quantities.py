"""C3 for policies: where actions differ, the contrasts of the meta-feature between actions, the shortest solution.

Both w and u live on functions with mean 0 under pi_i(.|s), per task and state; w is 0 where all actions do the same. So
what has to be represented is E u_i(s, .) at the choices (i, s): states that task i visits and where actions differ,
with E (A - 1, A) orthonormal contrasts, rows that sum to 0. E Phi_i(s, .) are the contrasts of the meta-feature.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property

from flint import arb, arb_mat, fmpq, fmpq_mat

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, norm
from ..balls.singular import largest_eigenvalue
from ..balls.span import Span, span
from .problem import Process
from .start_quantities import StartQuantities


def choices(process: Process) -> list[int]:
    """The states that are visited and where two actions do not do the same."""
    task = process.task
    return [
        s
        for s in process.reachable
        if len(set(task.rewards[s])) > 1 or (task.gamma != 0 and len(set(task.transitions[s])) > 1)
    ]


def contrasts(actions: int) -> arb_mat:
    """Orthonormal rows (A - 1, A) that sum to 0."""
    rows = []
    for k in range(1, actions):
        size = 1 / arb(k * (k + 1)).sqrt()
        rows.append([size] * k + [-k * size] + [arb(0)] * (actions - k - 1))
    return arb_mat(actions - 1, actions, [v for row in rows for v in row])


class RankQuantities(StartQuantities):
    """What depends on the rank of the meta-feature's contrasts."""

    @abstractmethod
    def _formal(self) -> list[list[fmpq]]:
        """Rows [SA] of rationals, of which the features at W are the image under one linear map: dependent rows have
        dependent features."""

    @cached_property
    def _choices(self) -> list[list[int]]:
        return [choices(process) for process in self.processes]

    def _contrasted(self, tables: Sequence[Matrix]) -> arb_mat:
        """The contrasts (sum_i |choices_i| (A - 1), r) of per-task tables (SA, r)."""
        count, found = self.problem.actions, []
        between = contrasts(count)
        for table, states in zip(tables, self._choices, strict=True):
            rows = table.tolist()
            for s in states:
                found += (between * Balls.matrix(rows[s * count : (s + 1) * count])).tolist()
        return Balls.matrix(found)

    @cached_property
    def _target(self) -> list[arb]:
        """The contrasts of u."""
        place, count = dict(zip(self._points, self._u, strict=True)), self.problem.actions
        columns = []
        for i, states in enumerate(self._choices):
            points = [(i, s, a) for s in range(self.problem.states) for a in range(count)]
            if any(point not in place for point in points if point[1] in states):
                raise UndefinedQuantityError("an action has probability 0, where u is a ratio to it")
            columns.append(Balls.matrix([[place.get(point, arb(0))] for point in points]))
        return self._contrasted(columns).entries()

    @cached_property
    def _count(self) -> int:
        """(A - 1) times the number of choices."""
        return sum(map(len, self._choices)) * (self.problem.actions - 1)

    @cached_property
    def _gram(self) -> arb_mat:
        rows = self._contrasted(self._meta_tables)
        return rows * rows.transpose()

    @cached_property
    def _inverse(self) -> arb_mat | None:
        try:
            return self._gram.inv()
        except ZeroDivisionError:
            return None

    @cached_property
    def _contrast_span(self) -> Span:
        return span(self._gram)

    def _shortest(self, at: Span) -> arb:
        """||v|| for the shortest v with these contrasts of Phi v equal to those of u; nan if they may be dependent."""
        return norm(at.coordinates(self._target)) if len(at.pivots) == self._count else arb("nan")

    def _shortest_by(self, tables: Sequence[Matrix]) -> arb:
        """The same by other features' tables (SA, r), one per task."""
        self._balls_only("a shortest solution")
        rows = self._contrasted(tables)
        return self._shortest(span(rows * rows.transpose())) if any(self._choices) else arb(0)

    @cached_property
    def min_norm_solution(self) -> arb:
        """||Phi^+ u||, the contrasts at all choices being meant."""
        self._balls_only("a shortest solution")
        return self._shortest(self._contrast_span) if any(self._choices) else arb(0)

    @cached_property
    def condition(self) -> arb:
        """Condition number of the Gram matrix of the contrasts; 1 if there is no choice."""
        self._balls_only("an inverse")
        if not any(self._choices):
            return arb(1)
        if self._inverse is None:
            return arb("nan")
        return largest_eigenvalue(self._gram) * largest_eigenvalue(self._inverse)

    @cached_property
    def margin_full_action_rank(self) -> arb:
        """A lower bound of the Gram matrix's smallest eigenvalue, or -1 if it is certainly singular."""
        self._balls_only("an inverse")
        if not any(self._choices):
            return arb(1)
        if len(self._contrast_span.pivots) == self._count and self._inverse is not None:
            return 1 / norm(self._inverse.entries())
        return arb(-1) if self._certainly_dependent() else arb(0).union(1)

    def _certainly_dependent(self) -> bool:
        """Whether tasks share a choice, or the features' contrasts at the choices are dependent.

        All contrasts of the meta-feature are combinations of the features' differences between actions at choices:
        grad Q is an average of A phi at later visits, and A is 0 elsewhere.
        """
        states = [s for own in self._choices for s in own]
        if len(set(states)) < len(states):
            return True
        rows, count = self._formal(), self.problem.actions
        steps = [
            [v - u for u, v in zip(rows[s * count], rows[s * count + a], strict=True)]
            for s in states
            for a in range(1, count)
        ]
        return fmpq_mat(steps).rank() < len(steps)

    # --- what mutants use instead ----------------------------------------------------------------------

    @cached_property
    def min_norm_plain(self) -> arb:
        """The shortest representation without the look-ahead."""
        return self._shortest_by([self._plain] * len(self.processes))
