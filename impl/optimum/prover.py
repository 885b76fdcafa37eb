"""Which leaves hold no value below the lower end: the reasons of `check`, for many at once.

What these enclosures (`leaves`) cannot tell is left to the balls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from flint import arb, fmpq

from ..arithmetic import Array
from ..midrad import MidRad, product_ends
from .boxes import Model
from .leaves import Boxes, Table
from .relaxed import Relaxed


class Prover:
    """Which leaves hold no value below `lower` that could be the minimum over the ball; the reasons of `check`."""

    def __init__(
        self, model: Model, ball: fmpq, lower: float, at: Sequence[fmpq], tilt: list[arb], base: arb, multiplier: arb
    ) -> None:
        d = model.dimension
        self.table, self.lower, self.smooth = Table(model), lower, model.smooth
        self.quadratic = model.quadratic
        self.square = square = MidRad.of([ball * ball], ())
        self.within, self.without = square.low, square.high
        self.at, self.tilt = MidRad.of(at, (d, 1)), MidRad.of(tilt, (d, 1))
        self.base, self.multiplier = MidRad.of([base], ()), MidRad.of([multiplier], ())

    def proved(self, centre: Array, half: Array, letters: Array) -> Iterator[Array]:
        """The leaves (numbers) that are proved, a batch at a time: by what their letter says, then by anything."""
        proved = np.zeros(len(letters), dtype=bool)
        for letter, tests in _TESTS.items():
            chosen = np.flatnonzero((letters == ord(letter)) if letter else ~proved)
            for start in range(0, len(chosen), self.table.batch):
                part = chosen[start : start + self.table.batch]
                boxes = Boxes(self.table, centre[:, part], half[:, part])
                good = np.zeros(len(part), dtype=bool)
                for test in tests:
                    if not good.all():
                        good |= test(self, boxes)
                proved[part] = good
                yield part[good]

    def steepest(self, centre: Array, half: Array) -> Array:
        """The coordinate along which to halve each box: where |dL| r is largest, or r if that is not finite (N,)."""
        found = []
        for start in range(0, half.shape[1], self.table.batch):
            part = slice(start, start + self.table.batch)
            sizes = Boxes(self.table, centre[:, part], half[:, part]).gradient.size * half[:, part]
            found.append(np.where(np.isfinite(sizes).all(0), sizes, half[:, part]).argmax(0))
        return np.concatenate(found)

    def _outside(self, boxes: Boxes) -> Array:
        near = np.maximum((MidRad(np.abs(boxes.c)) - boxes.r).low, 0.0)
        return (MidRad(near) * near).sum(0).low > self.without

    def _natural(self, boxes: Boxes) -> Array:
        return boxes.natural >= self.lower

    def _mean_value(self, boxes: Boxes) -> Array:
        return boxes.mean_value >= self.lower

    def _not_stationary(self, boxes: Boxes) -> Array:
        """grad L != 0 on the box, and where it meets the sphere no mu >= 0 gives grad L = -mu theta."""
        gradient, over = boxes.gradient, MidRad(boxes.c, boxes.r)
        up, down = gradient.low > 0, gradient.high < 0
        far = (MidRad(np.abs(boxes.c)) + boxes.r).high
        found: Array = (MidRad(far) * far).sum(0).high < self.within
        found |= ((up & (over.low > 0)) | (down & (over.high < 0))).any(0)
        d = len(boxes.c)
        for i in range(d if not found.all() else 0):
            for j in range(i + 1, d):
                one, other = product_ends(gradient[i], over[j]), product_ends(gradient[j], over[i])
                found |= (one[0] > other[1]) | (one[1] < other[0])
        return found & (up | down).any(0)

    def _convexified(self, boxes: Boxes) -> Array:
        """L >= lower on the boxes within the ball, by convexity of F (`relaxing`) on them."""
        if not self.smooth or self.quadratic:
            return np.zeros(boxes.c.shape[1], dtype=bool)
        relaxed = Relaxed(boxes, self.square)
        found: Array = relaxed.bound() >= self.lower
        if found.any():
            scaled = relaxed.hessian * boxes.r[:, None] * boxes.r
            found &= _positive_definite(scaled, MidRad(0.0))
        return found

    def _convex(self, boxes: Boxes) -> Array:
        """L >= lower on the box within the ball, by convexity of L + mu|theta|^2/2 on the hull with x~."""
        nothing = np.zeros(boxes.c.shape[1], dtype=bool)
        if not self.smooth:
            return nothing
        away = (MidRad(boxes.c) - self.at).within(boxes.r)
        found: Array = (self.base + (self.tilt * away).sum(0)).low >= self.lower
        if self.quadratic or not found.any():
            return found
        near = np.flatnonzero(found)
        centre, half = boxes.c[:, near], boxes.r[:, near]
        # The ends of a box in float64 may lie outside it: a larger hull proves more than is needed.
        box = MidRad(centre, half)
        hull = MidRad.between(np.minimum(box.low, self.at.low), np.maximum(box.high, self.at.high))
        hessian = Boxes(self.table, hull.mid, hull.rad, second=True).hessian()
        found[near] = _positive_definite(hessian, self.multiplier)
        return found


_TESTS = {
    "o": (Prover._outside,),
    "n": (Prover._natural,),
    "m": (Prover._mean_value,),
    "g": (Prover._not_stationary,),
    "k": (Prover._not_stationary,),
    "c": (Prover._convex,),
    "r": (Prover._convexified,),
    "": (
        Prover._outside,
        Prover._natural,
        Prover._mean_value,
        Prover._not_stationary,
        Prover._convex,
        Prover._convexified,
    ),
}
"""What is tried for each letter, and at last for what is left."""


def _positive_definite(matrix: MidRad, shift: MidRad) -> Array:
    """Where matrix + shift I (d, d, N) is positive definite (N,): as it stands, or with a diagonal scaled to 1.

    Symmetric matrices within `rad` of the midpoints differ from them by at most the largest row sum of rad, in norm:
    the midpoints less that are eliminated, and must have positive pivots. D M D is definite where M is.
    """
    unit = np.eye(len(matrix.mid))[..., None]
    whole = matrix + shift * unit
    scale = 1 / np.sqrt(np.einsum("iiN->iN", whole.mid))
    found = _eliminated(whole)
    if not found.all():
        found |= _eliminated(whole * scale[:, None] * scale)
    return found


def _eliminated(matrix: MidRad) -> Array:
    around = MidRad(np.zeros(matrix.shape), matrix.rad).sum(1).high.max(0)
    rest = MidRad(matrix.mid) - around * np.eye(len(matrix.mid))[..., None]
    found = np.ones(matrix.shape[-1], dtype=bool)
    for _ in range(len(matrix.mid)):
        pivot = rest[0, 0]
        found &= pivot.low > 0
        rest = rest[1:, 1:] - (rest[1:, :1] / pivot) * rest[:1, 1:]
    return found
