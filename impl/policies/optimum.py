r"""A bracket of sup L over theta for d = 1 (the whole line) or d = 2 (a box), any number of actions.

Branch and bound on boxes of theta by policy boxes (`boxes`). The lower bound is L at a point, in balls; the upper one
is proved again by `check` from the tree of boxes.
"""

from __future__ import annotations

import heapq
import math
import time
from dataclasses import dataclass, replace

import numpy as np
from flint import ctx

from ..arithmetic import PROPOSING, bounds, rational, to_float
from ..bracket import SCALE, UnsupportedError
from ..instances import Vector
from ..study import Details, ShownBracket, in_words
from .boxes import Box, Boxes, halves
from .check import check
from .instance import Adaptation, MetaRLInstance

CUT = 64
"""Boxes that are cut at once, at most."""
BITS = 64
"""Precision of L at a point."""
GAIN = 1e-3
"""Share of the gap asked for that a better point must gain."""
SLACK = 2.0**-40
"""Share of the largest reward by which the claimed end is above the bounds found: the same box may be bounded by
another number of the last digits when it is checked."""
SEARCHING = 0.6
"""The part of the time after which the search stops, so that what it found can be checked."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Optimum(ShownBracket):
    """lower <= sup L <= upper, lower = L(at) rounded down."""

    at: tuple[float, ...]
    how: str = "boxes"
    supremum: bool = True

    @property
    def what(self) -> str:
        return "sup L (it need not be attained)"

    @property
    def proof(self) -> str:
        return f"the upper end is that of a search over boxes{'; the checker has proved it' if self.proved else ''}"

    @property
    def said(self) -> tuple[str, ...]:
        return in_words(self.at), self.effort

    @property
    def details(self) -> Details:
        return {"boxes": self.boxes}


@PROPOSING
def maximise(
    instance: MetaRLInstance, *, radius: float | None = None, gap: float = 1e-3, most: int = 20_000, seconds: float = 60
) -> Optimum:
    """Bracket sup L over |theta_j| <= radius (None: the whole line, d = 1 only), and check it.

    `gap` is relative to max(|upper|, 1e-3); after `most` boxes or its part of `seconds` the bracket is wider.

    Errors: UnsupportedError for more parameters, or for the gradient step; DefectError.
    """
    begin = time.monotonic()
    _supported(instance, radius)
    limit = math.inf if radius is None else radius
    root: Box = ((-limit, limit),) * len(instance.omega)
    with ctx.workprec(BITS):
        search = _Search(instance, GAIN * gap * SCALE)
        slack = SLACK * max(to_float(abs(r)) for task in instance.tasks for row in task.rewards for r in row)
        queue = [(-search.bounds([root])[0], 0, root)]
        boxes, children = 1, dict[int, int]()
        while True:
            top = max(-queue[0][0] if queue else search.lower, search.lower)
            upper = top + slack
            found = Optimum(lower=search.lower, upper=upper, gap=gap, at=search.at)
            if found.narrow or not queue or boxes >= most or time.monotonic() - begin > SEARCHING * seconds:
                break
            first, cut = boxes, list[Box]()
            for _ in range(min(len(queue), search.boxes.together, CUT)):
                _, name, box = heapq.heappop(queue)
                children[name] = first + len(cut)
                cut += halves(box)
            for half, bound in zip(cut, search.bounds(cut), strict=True):
                if min(bound, top) > search.lower:
                    heapq.heappush(queue, (-min(bound, top), boxes, half))
                boxes += 1
    why = "" if found.narrow else "the budget was spent with the bracket still wide"
    outcome = None
    if math.isfinite(upper):
        outcome = check(instance, root, _preorder(children), upper, begin + seconds)
        why = why if outcome.accepted else f"the checker has not proved the upper end: {outcome.reason}"
    return replace(found, check=outcome, why=why, boxes=boxes, seconds=time.monotonic() - begin)


def _preorder(children: dict[int, int]) -> bytes:
    """The tree of boxes, from the first of the two children of each that was cut: 1 is a cut, 0 a leaf."""
    tree, stack = bytearray(), [0]
    while stack:
        first = children.get(stack.pop())
        tree.append(first is not None)
        if first is not None:
            stack += [first + 1, first]
    return bytes(tree)


def _supported(instance: MetaRLInstance, radius: float | None) -> None:
    d = instance.shape[2]
    if d > 2 or (d == 2 and radius is None):
        raise UnsupportedError(f"d={d}, radius={radius}: expected d = 1, or d = 2 with a radius")
    if instance.adaptation is not Adaptation.KL_STEP and instance.eta != 0:
        raise UnsupportedError(f"adaptation={instance.adaptation.value!r}: expected 'kl-step' (or eta = 0)")


class _Search:
    """The best point so far, and the bounds of boxes."""

    def __init__(self, instance: MetaRLInstance, gain: float) -> None:
        self.boxes, self.gain = Boxes(instance), gain
        self.lower, self.at = -math.inf, (0.0,) * len(instance.omega)

    def bounds(self, boxes: list[Box]) -> list[float]:
        """Upper bounds of L over the boxes. A point of each is tried, its middle (or a finite end), as a box of its own
        among them: of those that may be better, the best in balls.

        A point that gains next to nothing is not taken: it may be far away, and the bound of a claim grows with that.
        """
        points = [tuple(_inner(lo, hi) for lo, hi in box) for box in boxes]
        found = self.boxes.upper([*boxes, *(tuple((x, x) for x in point) for point in points)])
        proposed = found[len(boxes) :]
        best = int(np.where(np.isfinite(proposed), proposed, -np.inf).argmax())
        if proposed[best] > self.lower + self.gain:
            theta: Vector = tuple(rational(x) for x in points[best])
            value, _ = bounds(self.boxes.problem.meta_objective(theta))
            if value > self.lower + self.gain:
                self.lower, self.at = value, points[best]
        return found[: len(boxes)].tolist()


def _inner(lo: float, hi: float) -> float:
    if math.isinf(lo) and math.isinf(hi):
        return 0.0
    if math.isinf(lo) or math.isinf(hi):
        end = hi if math.isinf(lo) else lo
        return end + math.copysign(1 + abs(end), -1 if math.isinf(lo) else 1)
    return lo / 2 + hi / 2
