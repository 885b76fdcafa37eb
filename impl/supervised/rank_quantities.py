"""C3's quantities for every model: the shortest representation of u, the meta-Gram matrix's condition.

If the meta-features are linearly independent, v = Phi^+ u has phi'v = u, ||v||^2 = u'M^{-1}u, M their Gram matrix.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

from flint import arb, arb_mat

from ..arithmetic import norm
from ..balls.singular import largest_eigenvalue
from .core_quantities import FeatureQuantities


class RankQuantities(FeatureQuantities):
    """What depends on the rank of the meta-features."""

    # --- what a model supplies ----------------------------------------------------------------------------

    @abstractmethod
    def _certainly_dependent(self) -> bool:
        """Whether the meta-features are proved to be linearly dependent."""

    # --- full row rank ------------------------------------------------------------------------------------

    @property
    def _crowded(self) -> bool:
        """More features than parameters: dependent, and a Gram matrix that may be large is not looked at."""
        return len(self._u) > self.instance.parameters

    @cached_property
    def _inverse(self) -> arb_mat | None:
        """M^{-1}; None where M is singular, or its enclosure cannot tell."""
        self._balls_only("an inverse")
        try:
            return None if self._crowded else self._features.gram.inv()
        except ZeroDivisionError:
            return None

    def _shortest(self, features: Any) -> arb:
        """||v|| for the shortest v with v'features = u; nan where they are not known to be independent."""
        self._balls_only("a norm")
        if self._crowded:
            return arb("nan")
        at = features.span
        # If all vectors are pivots the rows are triangular, and the shortest v solves C v = u.
        return norm(at.coordinates(self._u)) if len(at.pivots) == len(self._u) else arb("nan")

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
        if self._inverse is not None:
            return 1 / norm(self._inverse.entries())
        return arb(-1) if self._certainly_dependent() else arb(0).union(1)
