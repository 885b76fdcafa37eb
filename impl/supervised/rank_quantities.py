"""C3's quantities for networks of any activation: the shortest representation of u, the meta-Gram matrix's condition.

If the meta-features are linearly independent, v = Phi^+ u has phi'v = u, ||v||^2 = u'M^{-1}u, M their Gram matrix.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

from flint import arb, arb_mat

from ..arithmetic import norm
from ..balls.singular import largest_eigenvalue
from .start_quantities import StartQuantities


class RankQuantities(StartQuantities):
    """What depends on the rank of the meta-features."""

    # --- what a family supplies -------------------------------------------------------------------------

    @abstractmethod
    def _certainly_dependent(self) -> bool:
        """Whether the meta-features are proved to be linearly dependent."""

    # --- full row rank ------------------------------------------------------------------------------------

    @cached_property
    def _inverse(self) -> arb_mat | None:
        self._balls_only("an inverse")
        try:
            return self._features.gram.inv()
        except ZeroDivisionError:
            return None

    def _shortest(self, features: Any) -> arb:
        """||v|| for the shortest v with v'features = u; nan where they are not known to be independent."""
        at = features.span
        if len(at.pivots) < len(self._u):
            return arb("nan")
        # All vectors are pivots: the rows are triangular, and the shortest v solves C v = u.
        return norm(at.coordinates(self._u))

    @cached_property
    def min_norm_solution(self) -> arb:
        """||Phi^+ u|| = (u'M^{-1}u)^{1/2}."""
        return self._shortest(self._features)

    @cached_property
    def condition(self) -> arb:
        """Condition number of the meta-Gram matrix."""
        if self._inverse is None:
            return arb("nan")
        return largest_eigenvalue(self._features.gram) * largest_eigenvalue(self._inverse)

    @cached_property
    def margin_full_row_rank(self) -> arb:
        """A lower bound of the smallest eigenvalue of M, or -1 if M is certainly singular."""
        if len(self._features.span.pivots) == len(self._u) and self._inverse is not None:
            return 1 / norm(self._inverse.entries())
        return arb(-1) if self._certainly_dependent() else arb(0).union(1)

    # --- what wrong theorems use instead --------------------------------------------------------------------

    @cached_property
    def min_norm_init(self) -> arb:
        """The shortest representation by the features at initialisation."""
        return self._shortest(self._initial)
