r"""The quantities of a batch of network policies, in midpoint-radius numbers: each (B,), enclosed.

The text of `network_batch_quantities`, by explicit features in R^{mp}. A gate of ReLU is 0 or 1 where the enclosure of
W_r'x does not contain 0, else anything between; so at kinks only claims are open, and are left to balls. What the error
of the features at initialisation needs beside the text is an operator norm, enclosed from both sides.

C3. With the contrasts of Phi at the choices as rows M, and t those of u, the shortest v with M v = t is M'(MM')^{-1}t,
of length (t'(MM')^{-1}t)^{1/2}; where the Gram matrix MM' is regular, which its enclosed inverse shows, its least
eigenvalue is at least 1/||(MM')^{-1}||. Rows of what is no choice are those of the unit matrix when it is
inverted, and 0 afterwards. Where tasks share what is certainly a choice, no width makes the contrasts independent
(`theory.meta_rl_network`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ...arithmetic import Array
from ...elementary import MidRads
from ...enclosed.duals import Dual
from ...enclosed.linear import inverse, largest_eigenvalue, norm
from ...enclosed.quantities import EnclosedStart, UnknownError, pattern_rank
from ...midrad import GUARD, MidRad, U, zero
from ..network_batch_quantities import NetworkBatchQuantities
from . import taylor
from .quantities import EnclosedQuantities

LINEAR_ALONE = (
    "curvature_size", "lipschitz", "smoothness", "tabular_norm", "margin_tabular", "slope_to_comparator"
)  # fmt: skip
"""Quantities whose formulas are of features that do not depend on the parameters, or of parameters that are vectors."""


class EnclosedNetworkQuantities(EnclosedStart, EnclosedQuantities, NetworkBatchQuantities):
    """The quantities of a batch by name. Errors of a call: UndefinedQuantityError, UnknownError."""

    text = NetworkBatchQuantities
    proved = EnclosedQuantities.proved | {
        "eps_init", "misfit_init", "gradient_difference", "displacement_init", "error_flips", "error_pointwise",
        "error_ball", "error_count",
    }  # fmt: skip

    def __call__(self, name: str) -> Any:
        if name in LINEAR_ALONE:
            raise UnknownError(name)
        return super().__call__(name)

    @property
    def _energies_along(self) -> Dual:
        return taylor.network_energies(self.batch, self._sigma)

    @cached_property
    def _feature_change(self) -> Any:
        """0 where no neuron of a ReLU network has another gate at W than at W0."""
        found = super()._feature_change
        if not self._sigma.kinked:
            return found
        return MidRads.where(zero(self._flips).all(1)[:, None, None, None, None], 0.0, found)

    @cached_property
    def eps_formal(self) -> Any:
        """||<w, Phi>||, by the meta-feature."""
        return self._lengths(self._paired(self.meta_features))

    def _counted(self, power: int) -> Any:
        """k*: the most neurons of which the squares of a_r = |W0_r'x|/||x|| sum to at most ||W - W0||^2. The least sum
        of k squares grows with each of them; a cumulative sum of m squares errs by less than (m + 1)u of itself."""
        if power != 2:
            raise UnknownError("error_count_linear")
        size, slack = self._sizes[..., None], (self._width + 8) * 2 * U
        known = (self.given.features != 0).any(3).reshape(len(self.given), -1)[..., None]
        near = MidRads.magnitude(self._drive(self.batch.initial)) / MidRads.where(known, size, 1.0)
        budget = self.displacement_init * self.displacement_init
        ends = (np.where(known, end, np.inf) for end in (np.maximum(near.low, 0.0), near.high))
        least, most = (np.cumsum(np.sort(end, axis=2) ** 2, axis=2) for end in ends)
        some = (most * (1 + slack) + GUARD <= budget.low[:, None, None]).sum(2)
        all_ = (~(least * (1 - slack) > budget.high[:, None, None])).sum(2)
        return self._flipped(MidRad.between(some.astype(float), all_.astype(float)))

    @cached_property
    def margin_differentiability(self) -> Any:
        """The least |W_r'x| at inputs but 0 of visited states, at most 1; 1 for smooth networks."""
        if not self._sigma.kinked:
            return self._structural(True)
        _, states, actions, _ = self.given.shape
        met = self.reachable.any(1)[..., None] & (self.given.features != 0).any(3)
        sizes = MidRads.magnitude(self._drive(self.batch.omega)).reshape(len(met), states, actions, -1)
        ends = (np.where(met[..., None], end, 1.0) for end in (sizes.low, sizes.high))
        low, high = (np.minimum(end, 1.0).min((1, 2, 3)) for end in ends)
        return MidRad.between(low, high)

    # --- C3 ---------------------------------------------------------------------------------------------------

    @cached_property
    def _certain_choices(self) -> Array:
        """`_choices` that are certainly some (B, n, S): laws whose numbers differ may be one law, normalised."""
        rewards, chains = self.given.rewards, self.batch.transitions
        moves = (MidRads.magnitude(chains - chains[:, :, :, :1]).low > 0).any(4)
        certain = (rewards != rewards[..., :1]) | (moves & (self.given.gamma > 0)[..., None, None])
        return np.asarray(self.reachable & certain.any(3))

    @cached_property
    def _shared_choice(self) -> Array:
        """Whether two tasks of positive weight certainly have a choice at one state (B,)."""
        return np.asarray((self._certain_choices.sum(1) > 1).any(1))

    @cached_property
    def _chosen(self) -> Array:
        """Which rows of contrasts are those of choices (B, N)."""
        return np.repeat(self._choices.reshape(len(self.given), -1), self.given.shape[2] - 1, axis=1)

    def _contrasts(self, table: Any) -> Any:
        """The contrasts between actions (B, N, D) of a table (B, n, S, A, D), 0 where there is no choice, and no
        numbers where that is open."""
        rows = contrasts(self.given.shape[2]) @ table
        known = np.where(self._choices & ~self._certain_choices, np.nan, 1.0)[..., None, None]
        return MidRads.where(self._chosen[..., None], (rows * known).reshape(len(self.given), -1, table.shape[-1]), 0.0)

    @cached_property
    def _gram(self) -> Any:
        rows = self._contrasts(self.meta_features)
        return rows @ rows.swapaxes(1, 2)

    @cached_property
    def _gram_inverse(self) -> Any:
        unit = np.where(self._chosen, 0.0, 1.0)[..., None] * np.eye(self._chosen.shape[1])
        return MidRads.where(self._chosen[..., None] & self._chosen[:, None], inverse(self._gram + unit), 0.0)

    def _with_choices(self, found: Callable[[], Any], otherwise: float) -> Any:
        """What is found where there is a choice. Of one action there are no rows to find it from."""
        some = np.asarray(self._choices.any((1, 2)))
        return MidRads.where(some, found() if some.any() else self.zero, otherwise)

    @cached_property
    def min_norm_solution(self) -> Any:
        """||v|| for the shortest v with the contrasts of Phi v those of u."""
        aims = self._contrasts(self.u[..., None])
        return self._with_choices(lambda: MidRads.sqrt((aims * (self._gram_inverse @ aims)).sum((1, 2))), 0.0)

    @cached_property
    def condition(self) -> Any:
        """Of the Gram matrix; 1 if there is no choice."""
        return self._with_choices(lambda: largest_eigenvalue(self._gram) * largest_eigenvalue(self._gram_inverse), 1.0)

    @cached_property
    def margin_full_action_rank(self) -> Any:
        found = self._with_choices(lambda: 1 / norm(self._gram_inverse.reshape(len(self.given), -1)), 1.0)
        return MidRads.where(self._shared_choice | self._crowded, -1.0, found)

    @cached_property
    def _crowded(self) -> Array:
        """Whether contrasts at certain choices are more than the dimensions that features of the inputs at choices
        span: contrasts of the meta-feature are combinations of theirs (B,)."""
        _, states, actions, _ = self.given.shape
        rows = self.given.features.reshape(len(self.given), states * actions, -1)
        used = np.repeat(self._choices.any(1), actions, axis=1)
        if self._sigma.kinked:
            room = pattern_rank(self._gate(self.batch.omega), rows, used)
        else:
            met = used[..., None] & (rows != 0)
            room = self._width * np.minimum(met.any(1).sum(1), met.any(2).sum(1))
        return self._certain_choices.sum((1, 2)) * (actions - 1) > room


def contrasts(actions: int) -> MidRad:
    """Orthonormal rows (A - 1, A) that sum to 0, enclosed."""
    k, j = np.arange(1, actions)[:, None], np.arange(actions)
    rows = np.where(j < k, 1.0, 0.0) - np.where(j == k, k, 0.0)
    return MidRad(rows) / MidRads.sqrt(MidRad(k * (k + 1.0)))
