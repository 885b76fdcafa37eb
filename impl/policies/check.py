"""The checker of a bracket of sup L: the boxes of a tree cover all parameters, and L is at most `upper` on each.

Nothing of the search is used but its tree, in preorder from the root box: 1 cuts a box in two (`boxes.halves`), 0 is a
leaf; covering is by construction. The bounds of boxes are those of `boxes`, proved there: both use them, and no number
of the search's enters. Where a leaf's bound is too coarse, it is cut on.
"""

from __future__ import annotations

import math
import time

from ..bracket import Check
from .boxes import Box, Boxes, halves
from .instance import MetaRLInstance

EXTRA_DEPTH = 12
"""How much deeper than a leaf of the tree the checker may cut."""


def check(instance: MetaRLInstance, root: Box, tree: bytes, upper: float, deadline: float = math.inf) -> Check:
    """Whether sup L over the root box is at most `upper`; not accepted at a time.monotonic() of `deadline`."""
    waiting, stack, place = list[tuple[Box, int]](), [root], 0
    while stack:
        box = stack.pop()
        if place == len(tree):
            return Check(False, "the tree ends before it covers the parameters")
        place += 1
        if tree[place - 1] == 1:
            stack += reversed(halves(box))
        else:
            waiting.append((box, 0))
    if place != len(tree):
        return Check(False, f"the tree has {len(tree) - place} bytes too many")
    boxes, done, extra = Boxes(instance), 0, 0
    while waiting:
        if time.monotonic() > deadline:
            return Check(False, "out of time", done, extra)
        part = waiting[-boxes.together :]
        del waiting[-boxes.together :]
        done += len(part)
        for (box, depth), bound in zip(part, boxes.upper([box for box, _ in part]), strict=True):
            if bound <= upper:
                continue
            if depth + 1 >= EXTRA_DEPTH:
                return Check(False, f"upper={upper!r} is not proved on the box {box}", done, extra)
            waiting += [(half, depth + 1) for half in halves(box)]
            extra += 2
    return Check(True, "every leaf is proved", done, extra)
