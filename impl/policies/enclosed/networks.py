r"""The quantities of a batch of network policies, in midpoint-radius numbers: each (B,), enclosed.

The text of `network_batch_quantities`, by explicit features in R^{mp}. A gate of ReLU is 0 or 1 where the enclosure of
W_r'x does not contain 0, else anything between; so at kinks only claims are open, and are left to balls. What the error
of the features at initialisation needs beside the text is an operator norm, enclosed from both sides.

C3. With the contrasts of Phi at the choices as rows M, and t those of u, the shortest v with M v = t is M'(MM')^{-1}t,
of length (t'(MM')^{-1}t)^{1/2}; where the Gram matrix MM' is regular, which its enclosed inverse shows, its least
eigenvalue is at least 1/||(MM')^{-1}||. Rows of what is no choice are rows of the unit matrix there: they change
neither. Where tasks share a choice, no width makes the contrasts independent (`theory.meta_rl_network`).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ...arithmetic import Array
from ...enclosed.duals import Dual
from ...enclosed.linear import inverse, largest_singular_value, norm, turned
from ...midrad import MidRad, MidRads
from ..network_batch_quantities import NetworkBatchQuantities
from . import taylor
from .quantities import EnclosedQuantities


class EnclosedNetworkQuantities(EnclosedQuantities, NetworkBatchQuantities):
    """The quantities of a batch by name. Errors of a call: UndefinedQuantityError, UnknownError."""

    text = NetworkBatchQuantities
    proved = EnclosedQuantities.proved | {
        "eps_init", "misfit_init", "gradient_difference", "displacement_init", "error_flips", "error_pointwise",
        "error_ball",
    }  # fmt: skip

    @property
    def _energies_along(self) -> Dual:
        return taylor.network_energies(self.batch, self._sigma)

    @cached_property
    def eps_formal(self) -> Any:
        """||<w, Phi>||, by the meta-feature."""
        return self._length(self._pulled(self.meta_features))

    @cached_property
    def error_operator(self) -> Any:
        root = MidRads.where(self._where, MidRads.sqrt(self.mass), 0.0)
        change = root[..., None] * (self.initial_features - self.meta_features)
        return largest_singular_value(change.reshape(len(self.given), -1, change.shape[-1]))

    @cached_property
    def margin_differentiability(self) -> Any:
        """The least |W_r'x| at inputs but 0 of visited states; 1 for smooth networks."""
        if not self._sigma.kinked:
            return self._structural(True)
        _, states, actions, _ = self.given.shape
        met = self.reachable.any(1)[..., None] & (self.given.features != 0).any(3)
        sizes = MidRads.magnitude(self._drive(self.batch.omega)).reshape(len(met), states, actions, -1)
        low, high = (np.where(met[..., None], end, 1.0).min((1, 2, 3)) for end in (sizes.low, sizes.high))
        return MidRad.between(low, high)

    # --- C3 ---------------------------------------------------------------------------------------------------

    @cached_property
    def _shared_choice(self) -> Array:
        """Whether two tasks of positive weight have a choice at one state (B,)."""
        return np.asarray((self._choices.sum(1) > 1).any(1))

    def _contrasts(self, table: Any) -> Any:
        """The contrasts between actions (B, N, D) of a table (B, n, S, A, D), 0 where there is no choice."""
        actions = self.given.shape[2]
        rows = MidRads.where(self._choices[..., None, None], MidRad(between(actions)) @ table, 0.0)
        return rows.reshape(len(self.given), -1, table.shape[-1])

    @cached_property
    def _gram_inverse(self) -> Any:
        rows = self._contrasts(self.meta_features)
        used = np.repeat(self._choices.reshape(len(self.given), -1), self.given.shape[2] - 1, axis=1)
        return inverse(rows @ turned(rows) + np.where(used, 0.0, 1.0)[..., None] * np.eye(used.shape[1]))

    @cached_property
    def min_norm_solution(self) -> Any:
        """||v|| for the shortest v with the contrasts of Phi v those of u."""
        aims = self._contrasts(self.u[..., None])
        return MidRads.sqrt((aims * (self._gram_inverse @ aims)).sum((1, 2)))

    @cached_property
    def margin_full_action_rank(self) -> Any:
        flat = self._gram_inverse.reshape(len(self.given), -1)
        return MidRads.where(self._shared_choice, -1.0, 1 / norm(flat))


def between(actions: int) -> Array:
    """Rows (A - 1, A) that sum to 0, each the first k actions' sum less k times the next: orthogonal."""
    k, j = np.arange(1, actions)[:, None], np.arange(actions)
    return np.where(j < k, 1.0, 0.0) - np.where(j == k, k, 0.0)
