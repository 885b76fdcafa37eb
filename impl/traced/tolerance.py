"""How far rounding may move a gradient: a bound for every order of operations, and one with a stated confidence.

Both are derived in `models.traced.roundings`. The second holds for a model of rounding. Where rounding may turn a
decision (a unit within it of a kink), the gradient jumps: what is near it with that decision turned is explained, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ..arithmetic import Array
from ..models.traced.roundings import AnyOrder, Drawn, Format, Watched, confidence
from ..models.traced.systems import System, Value

FORMATS = {
    torch.float64: Format(53, 2.0**-1022),
    torch.float32: Format(24, 2.0**-126),
    torch.bfloat16: Format(8, 2.0**-126),
    torch.float16: Format(11, 2.0**-24),
}
"""PyTorch's dtypes; half numbers underflow gradually."""
CHANCE = 1e-6
"""Of a right gradient to be further away than `expected`, under the model."""
REPLAYS, TURNED = 24, 32
"""How often a graph is replayed; with more doubtful decisions than this nothing is expected (inf)."""
AT_ONCE = 2**19
"""Parameters of the replays that are made at once, beside each other in arrays."""


@dataclass(frozen=True)
class Tolerance:
    """Relative distances from a vector, as a function of the system of numbers: what rounding in a dtype explains."""

    value: Callable[[System], Value]
    form: Format

    @cached_property
    def proved(self) -> float:
        """Whatever the order of operations; inf where nothing is proved."""
        bound = self.value(AnyOrder(self.form))
        far = float(np.linalg.norm(np.abs(bound.mid - self._exact) + bound.rad))
        # Upwards by more than float64 rounds in a norm of fewer than 2^24 entries.
        return self._relative(far * (1 + 2.0**-28))

    @cached_property
    def expected(self) -> float:
        """But for a chance of CHANCE, beside the vector as it decides what is doubtful; inf if too much is."""
        far = confidence(CHANCE / 2, REPLAYS) * float(np.sqrt(np.mean(self._replays[0])))
        return np.inf if len(self.doubtful) > TURNED else self._relative(far)

    @property
    def least(self) -> float:
        """What is allowed."""
        return min(self.expected, self.proved)

    def explains(self, far: float) -> bool:
        """Whether a distance is within what is allowed: the replays are made if the proved bound allows it."""
        return far <= self.proved and far <= self.expected

    @cached_property
    def doubtful(self) -> tuple[int, ...]:
        """The decisions that rounding may turn, by number: what is the same in every replay is so in the dtype, too."""
        seen, spreads = self._watched, self._replays[1]
        if not seen.decided:
            return ()
        rows = (seen.decided, spreads, seen.harmless)
        at, squares, harmless = (np.concatenate([x.ravel() for x in arrays]) for arrays in rows)
        far = confidence(CHANCE / 2 / len(at), REPLAYS) * np.sqrt(squares / REPLAYS)
        return tuple(np.nonzero((far >= np.abs(at)) & (far > 0) & ~harmless)[0].tolist())

    @cached_property
    def _watched(self) -> Watched:
        return Watched()

    @cached_property
    def _exact(self) -> Array:
        return self.value(self._watched).mid

    @cached_property
    def _replays(self) -> tuple[list[float], list[Array]]:
        """The squared distance of each, and the sums of squares by which each moves what is decided."""
        exact, seen = self._exact, self._watched
        squares, spreads = [], [np.zeros(d.shape) for d in seen.decided]
        at_once = max(1, min(REPLAYS, AT_ONCE // max(exact.size, 1)))
        for seed, first in enumerate(range(0, REPLAYS, at_once)):
            drawn = Drawn(self.form, seen, seed, min(at_once, REPLAYS - first))
            squares += ((self.value(drawn).mid - exact) ** 2).sum(1).tolist()
            for spread, moved, d in zip(spreads, drawn.decided, seen.decided, strict=True):
                spread += ((moved - d) ** 2).sum(0)
        return squares, spreads

    def _relative(self, far: float) -> float:
        """Beside the exact vector; the tasks' weights may have been rounded before they were multiplied with."""
        size = float(np.linalg.norm(self._exact))
        if not size > 0:
            return 0.0
        return far / size + 2 * self.form.unit if np.isfinite(far) else np.inf
