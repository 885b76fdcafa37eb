"""The checker of a bracket of sup L: the boxes of a tree cover all parameters, and L is at most `upper` on each.

Nothing of the search is used but its tree, in preorder from the root box: 1 cuts a box in two (`boxes.halves`), 0 is a
leaf; covering is by construction. The bounds of boxes are those of `boxes`, in balls: both use them, and no number of
the search's enters. Where a leaf's bound is too coarse, it is cut on.
"""

from __future__ import annotations

import math
import time

from flint import ctx

from ..bracket import Check
from .boxes import BITS, Box, Boxes, halves
from .instance import MetaRLInstance

EXTRA_DEPTH = 12
"""How much deeper than a leaf of the tree the checker may cut."""


def check(instance: MetaRLInstance, root: Box, tree: bytes, upper: float, deadline: float = math.inf) -> Check:
    """Whether sup L over the root box is at most `upper`; not accepted at a time.monotonic() of `deadline`."""
    done, extra, place = 0, 0, 0
    with ctx.workprec(BITS + 8):
        boxes = Boxes(instance)
        stack: list[tuple[Box, int]] = [(root, -1)]
        while stack:
            box, depth = stack.pop()
            if depth < 0:
                if place == len(tree):
                    return Check(False, "the tree ends before it covers the parameters", done, extra)
                place += 1
                if tree[place - 1] == 1:
                    stack += [(half, -1) for half in reversed(halves(box))]
                    continue
            if time.monotonic() > deadline:
                return Check(False, "out of time", done, extra)
            done += 1
            if boxes.upper(box) <= upper:
                continue
            if depth + 1 >= EXTRA_DEPTH:
                return Check(False, f"upper={upper!r} is not proved on the box {box}", done, extra)
            extra += 2
            stack += [(half, max(depth, 0) + 1) for half in halves(box)]
    if place != len(tree):
        return Check(False, f"the tree has {len(tree) - place} bytes too many", done, extra)
    return Check(True, "every leaf is proved", done, extra)
