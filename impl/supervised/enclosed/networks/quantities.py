r"""The quantities of a batch of two-layer networks, in midpoint-radius numbers: each (B,), enclosed.

The text of the searching engine is evaluated in other numbers; what is written here is grad L by a route that knows no
meta-feature (`taylor`), the largest singular value of features' change, and what the text decides by comparing floats.

ReLU: sigma' is known where a neuron's drive is certainly positive, or not; elsewhere it is enclosed by [0, 1], and its
derivative, and so grad L, is no number. Inputs that are 0 drive no neuron.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ....arithmetic import Array
from ....enclosed.linear import largest_eigenvalue
from ....enclosed.quantities import UnknownError
from ....midrad import MidRad, MidRads
from ...relu.batch import NetworkBatch
from ...relu.batch_quantities import NetworkBatchQuantities
from ...smooth.batch_quantities import SmoothBatchQuantities
from ..core import FROM_TEXT, CoreEnclosed
from . import taylor


class EnclosedNetworkQuantities(CoreEnclosed, NetworkBatchQuantities):
    """What networks of any activation have."""

    text = NetworkBatchQuantities
    proved = FROM_TEXT | {
        "eps_init", "misfit_init", "gradient_difference", "error_trace", "linearisation", "displacement_init",
        "eps_projected", "misfit_projected",
    }  # fmt: skip

    def __init__(self, batch: Any) -> None:
        if not isinstance(batch, NetworkBatch):
            raise UnknownError("instances of a user's own, one by one")
        super().__init__(batch)

    @cached_property
    def gradient(self) -> Any:
        return taylor.gradient(self.batch, self._path)

    @property
    def margin_convex_inner(self) -> Any:
        return self._structural(self.batch.loss.profile.convex)

    @property
    def _relative(self) -> Array:
        rates, signs = self.given.rates, np.where(self.given.rate < 0, -1.0, 1.0)[:, None]
        return signs if rates is None else signs * rates.reshape(len(rates), -1)

    @property
    def _slowest_and_fastest(self) -> tuple[Any, Any]:
        low, high = super()._slowest_and_fastest
        return MidRad(low), MidRad(high)

    @cached_property
    def error_operator(self) -> Any:
        """The root of the largest eigenvalue of the Gram matrix."""
        root = MidRads.where(self._where, MidRads.sqrt(self.mass), 0.0)
        rows = self._flat(root[..., None] * self._feature_change)
        return MidRads.sqrt(largest_eigenvalue(rows @ rows.swapaxes(1, 2)))

    def _flat(self, rows: Any) -> Any:
        return rows.reshape(len(self.given), -1, rows.shape[3])


class EnclosedSmoothQuantities(EnclosedNetworkQuantities, SmoothBatchQuantities):
    """Those of a smooth activation."""

    text = SmoothBatchQuantities
    proved = EnclosedNetworkQuantities.proved | {
        "error_pointwise", "error_ball", "linearisation_taylor", "linearisation_ball"
    }  # fmt: skip
