"""The search for a proof over a region: which lemmas add up to the claim, and which boxes need be halved.

Nothing here is believed: linear programming proposes coefficients, which `leaves.adds_up` verifies exactly, and boxes,
which the checker proves again.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from flint import ctx, fmpq

from ...theory.claim import Assumption, Claim, Relation, UndefinedQuantityError
from ...theory.regions import LEMMAS, Lemma
from ..arithmetic import PROPOSING, rational, to_float
from ..balls.core import TooLargeError
from ..verdicts import standing
from .certificate import DEEPEST, LETTERS, Certificate, Shares, boxes, text_of
from .formal import Facts
from .leaves import OPEN, OUTSIDE, PROVED, VIOLATED, Prover, Weights, adds_up, difference
from .ranged import RegionQuantities
from .region import Box, Region, halves, share

PRECISION = 64
LOOK = 3
"""Every so many halvings it is asked anew which interval matters."""
LARGEST = 200_000
"""Boxes of the largest proof."""


def combination(claim: Claim, region: Region) -> Weights | None:
    """Coefficients of lemmas that add up to the claim, those that ask less of boxes first; None if none are found."""
    from scipy.optimize import linprog

    facts = Facts(region)
    try:
        at = RegionQuantities(region.over(region.box))
    except TooLargeError:
        at = None
    usable = [lemma for lemma in LEMMAS if _usable(lemma, facts, at)]
    if claim.relation is Relation.EQUAL:
        usable = [lemma for lemma in usable if lemma.equal]
    try:
        found = difference(claim, usable)
    except (ArithmeticError, TypeError):
        return None
    if found is None or not usable:
        return None
    goal, parts = found[0].to_dict(), [found[1][lemma.name].to_dict() for lemma in usable]
    monomials = sorted({*goal, *(power for part in parts for power in part)})
    table = np.array([[float(part.get(power, 0)) for part in parts] for power in monomials])
    wanted = np.array([float(goal.get(power, 0)) for power in monomials])
    cost = [1.0 + 10 * len(lemma.facts) for lemma in usable]
    signs = [(None, None) if lemma.equal else (0, None) for lemma in usable]
    # An equation costs nothing whatever its sign: a linear program has no absolute values.
    prices = [0.0 if lemma.equal else price for lemma, price in zip(usable, cost, strict=True)]
    solved = linprog(prices, A_eq=table, b_eq=wanted, bounds=signs)
    if solved.x is None:
        return None
    near = [rational(Fraction(float(c)).limit_denominator(64)) for c in solved.x]
    weights = {lemma.name: c for lemma, c in zip(usable, near, strict=True) if c != 0}
    return weights if adds_up(claim, weights) else None


def _usable(lemma: Lemma, facts: Facts, at: RegionQuantities | None) -> bool:
    """Whether its identities hold, and no margin fails all over the region, as far as that is known."""
    try:
        failing = at is not None and any(standing(at(name)) is False for name in lemma.margins)
    except (UndefinedQuantityError, TooLargeError):
        return False
    return not failing and all(facts(name) for name in lemma.identities)


@dataclass
class _Node:
    """A box of the tree: a leaf, or halved."""

    box: Box
    depth: int
    gains: tuple[float, ...]
    letter: int = OPEN
    axis: int | None = None
    children: list[_Node] = field(default_factory=list)


@dataclass(frozen=True)
class Proof:
    """What the search found, and how many boxes it looked at."""

    certificate: Certificate
    boxes: int


@PROPOSING
def prove(
    region: Region,
    what: Claim | Assumption,
    seconds: float,
    tell: Callable[[str], None] = lambda stage: None,
    largest: int = LARGEST,
) -> Proof:
    """The largest boxes first, until nothing is open, the time is over or there are `largest` boxes."""
    end = time.monotonic() + seconds
    with ctx.workprec(PRECISION):
        weights = combination(what, region) if isinstance(what, Claim) else None
        prover, count = Prover(region, what, weights), 0
        root = _Node(region.box, 0, (1.0,) * len(region.box))
        waiting: list[tuple[float, int, _Node]] = [(-1.0, 0, root)]
        while waiting and count < largest:
            node = heapq.heappop(waiting)[2]
            found = prover.leaf(node.box)
            count += 1
            node.letter = found.letter
            if time.monotonic() > end:
                break
            if found.letter != OPEN or node.depth >= DEEPEST:
                continue
            if node.depth % LOOK == 0:
                node.gains = _gains(prover, node, _width(found.wide))
                count += len(node.box)
            node.axis = _axis(node, region.box)
            for half in halves(node.box, node.axis):
                child = _Node(half, node.depth + 1, node.gains)
                node.children.append(child)
                heapq.heappush(waiting, (-(0.5**child.depth), count + len(waiting), child))
            tell(f"{count} boxes, {len(waiting)} open")
    tree = bytes(_preorder(root))
    shares = _shares(tree, region.box)
    return Proof(Certificate(region, what, text_of(what), prover.weights, shares, tree), count)


def _width(ball: object) -> float:
    radius = float(ball.rad())  # type: ignore[attr-defined]
    return radius if math.isfinite(radius) else math.inf


def _gains(prover: Prover, node: _Node, width: float) -> tuple[float, ...]:
    """By how much the ball that is too wide shrinks if an interval is but its middle."""
    if not (0 < width < math.inf):
        return node.gains
    found = []
    for axis, (low, high) in enumerate(node.box):
        middle = (low + high) / 2
        thin = prover.leaf((*node.box[:axis], (middle, middle), *node.box[axis + 1 :]))
        narrow = 0.0 if thin.letter != OPEN else _width(thin.wide)
        found.append(max(0.0, 1 - narrow / width) if math.isfinite(narrow) else 0.0)
    return tuple(found) if max(found) > 0 else node.gains


def _axis(node: _Node, whole: Box) -> int:
    """The interval that matters most, the wider one of two that matter alike."""
    widths = [to_float((b - a) / (d - c)) for (a, b), (c, d) in zip(node.box, whole, strict=True)]
    scores = [(gain * width, width) for gain, width in zip(node.gains, widths, strict=True)]
    return max(range(len(scores)), key=scores.__getitem__)


def _preorder(root: _Node) -> Iterator[int]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node.letter if node.axis is None else node.axis
        waiting += reversed(node.children)


def _shares(tree: bytes, whole: Box) -> Shares:
    found = dict.fromkeys(LETTERS, fmpq(0))
    for box, letter in boxes(tree, whole):
        found[letter] += share(box, whole)
    return Shares(sum((found[letter] for letter in PROVED), start=fmpq(0)), found[OUTSIDE], found[VIOLATED])
