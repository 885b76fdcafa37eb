"""Branch and bound over boxes: every box is discarded for a reason, or split.

The reasons, each a letter of the certificate:

    o  the box lies outside the ball
    n  natural range:   L >= threshold
    m  mean value:      L >= L(c) - |grad L|'r >= threshold
    g  the box lies in the open ball and grad L does not vanish there: no minimum over the ball
    k  grad L does not vanish there, and on the sphere no multiplier mu >= 0 gives grad L = -mu theta
    c  Lagrangian-convex leaf: Hess L + mu I is positive definite on the hull of the box and a point x~, hence
       L >= L(x~) + mu(|x~|^2 - B^2)/2 - |grad L(x~) + mu x~|'|theta - x~| >= threshold on the box within the ball
    r  convexified: another function is convex on the box, and at most L there within the ball (`relaxing`)

Boxes are exact: halves of halves of a root cube whose half-width has few bits.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from ..arithmetic import Array
from ..bracket import SCALE
from ..study import Budget, Progress
from .convexified import bounds_by_convexity
from .descent import best_point, improve, polished
from .landscape import Landscape
from .ranges import SLACK
from .reach import Enclosure, over

Boxes = tuple[Array, Array, Array, Array]
"""Centres and half-widths (N, r), nodes of the tree and lower bounds (N,)."""

DEEPEST = 44
"""Boxes are cut down to 2^-DEEPEST of where they stand: to there their centres are exact in float64."""
OPEN = 255
REACH = 3.0
"""How far beyond the box around the best point that is known to be convex others are tried, in its half-widths."""


PATIENCE = 10_000
"""Boxes after which bounds by convexity are asked for: what ends before is done sooner without."""
FEW, RARE = 0.02, 31
"""They are dear: where they close less than this part of a batch, 1, 3, 7, ... batches do without, at most so many."""

ORDINARY = Budget()
SHORT = Budget(boxes=60_000, seconds=math.inf)
"""For many problems in a row."""


@dataclass(frozen=True)
class Found:
    """What the search found.

    lower, upper   the bracket in float64; complete: whether it is as narrow as was asked for
    at             the best point, reduced coordinates [r]
    half           half-width of the root cube
    tree           preorder: a split dimension (0, 1, ...) or the letter of a leaf, which shows `lower`
    """

    lower: float
    upper: float
    at: Array
    half: float
    complete: bool
    interrupted: bool
    blunt: bool
    """Whether rounding kept boxes open that are as small as float64 can make them."""
    boxes: int
    seconds: float
    tree: bytes


def root_half_width(radius: float) -> float:
    """The least number of 8 significant bits that is at least the radius."""
    mantissa, exponent = math.frexp(radius)
    return math.ldexp(math.ceil(mantissa * 256), exponent - 8)


class Search:
    """One run of the branch and bound, over the ball ||t|| <= radius in reduced coordinates; `start`: a point to begin
    with."""

    def __init__(self, scape: Landscape, radius: float, budget: Budget, start: Array | None = None) -> None:
        self.scape, self.radius, self.budget = scape, radius, budget
        self.half = root_half_width(radius)
        self.at, self.upper = best_point(scape, radius)
        if start is not None and np.linalg.norm(start) <= radius:
            # It comes from an exact solution: keep it unless it is clearly worse than what was found.
            value = float(scape.value(start[None])[0])
            if value <= self.upper + 1e-12 * max(abs(self.upper), SCALE):
                self.at, self.upper = start, value
        self._refine()
        self.nodes = 1
        self._kind, self._child = np.full(1024, OPEN, np.uint8), np.zeros(1024, np.int64)
        self._worst = np.inf
        self._rest = self._pause = 0

    def _refine(self) -> None:
        """Sharpen the best point and enclose there what the threshold and the Lagrangian-convex leaf need."""
        self.at = polished(self.scape, self.at, self.radius)
        with np.errstate(over="ignore", invalid="ignore"):
            point = over(self.scape, self.at[None], np.zeros((1, len(self.at))))
            self.base = float(point.mean_value[0])
            (gradient,), (spread,) = point.gradient
        value, size = float(point.at_centre[0][0]), float(self.at @ self.at)
        self.upper = value + (value - self.base)
        self.multiplier = max(-float(gradient @ self.at) / size, 0.0) if size >= self.radius**2 * (1 - 2e-9) else 0.0
        self.slope = np.abs(gradient + self.multiplier * self.at) + spread
        self.slope = self.slope + SLACK * (np.abs(gradient) + self.multiplier * np.abs(self.at))
        self._convex: Array | None = None

    @property
    def threshold(self) -> float:
        """Boxes where L is at least this are done: no more is asked for, or no more can be had."""
        return min(self.upper - self.budget.gap * max(abs(self.upper), SCALE) / 2, self._worst)

    def run(self, progress: Progress = lambda boxes, lower, upper: None) -> Found:
        """Search until the bracket is narrow or the budget is spent; `progress(boxes, lower, upper)`."""
        begin, d = time.monotonic(), self.scape.dimension
        end = self.budget.until
        root = (np.zeros((1, d)), np.full((1, d), self.half), np.zeros(1, np.int64), np.full(1, -np.inf))
        queue = _Queue(root, self.scape.batch)
        boxes, spent, interrupted = 0, False, False
        try:
            while queue:
                spent = boxes >= self.budget.boxes or time.monotonic() > end
                if spent:
                    break
                centre, half, node, bound = taken = queue.pop()
                try:
                    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                        kinds, bound, slopes = self._judge(centre, half, bound)
                    axis = self._axis(slopes, centre, half)
                    stuck = (kinds == OPEN) & (axis < 0)
                    if stuck.any():
                        # They can be cut no more: the lower end is theirs at best, and no box need reach more than it.
                        self._worst = min(self._worst, float(bound[stuck].min()))
                        kinds[stuck] = ord("m")
                    alive = kinds == OPEN
                    kinds[alive] = axis[alive]
                    split = self._split(centre[alive], half[alive], node[alive], bound[alive], axis[alive])
                except KeyboardInterrupt:
                    queue.push(taken)
                    raise
                self._kind[node] = kinds
                boxes += len(node)
                if alive.any():
                    queue.push(split)
                progress(boxes, self._floor(queue), self.upper)
        except KeyboardInterrupt:
            interrupted = True
        lower, blunt = self._floor(queue), self._worst < np.inf
        complete = not queue and not blunt
        tree, seconds = self._preorder() if np.isfinite(lower) else b"", time.monotonic() - begin
        return Found(lower, self.upper, self.at, self.half, complete, interrupted, blunt, boxes, seconds, tree)

    def _floor(self, queue: _Queue) -> float:
        return min(self.threshold, queue.lowest)

    def _axis(self, slopes: Array, centre: Array, half: Array) -> Array:
        """The side to cut (N,): along which L may vary most, of those that can be cut in float64; -1: none can."""
        fall = np.where(np.isfinite(slopes), slopes, 1e300) * half
        fall = np.where(half > np.maximum(np.abs(centre) * 2.0**-DEEPEST, self.half * 2.0**-900), fall, -1.0)
        axis = np.argmax(fall, axis=1)
        return np.where(fall[np.arange(len(fall)), axis] < 0, -1, axis)

    def _judge(self, centre: Array, half: Array, bound: Array) -> tuple[Array, Array, Array]:
        """Per box: the letter of its reason or OPEN, a lower bound, and the size of each partial derivative."""
        kinds = np.full(len(centre), OPEN, np.uint8)
        nearest = np.maximum(np.abs(centre) - half, 0.0)
        outside = (nearest**2).sum(1) > self.radius**2 * (1 + 1e-12)
        kinds[outside] = ord("o")
        self._convex_leaves(kinds, centre, half)
        slopes = np.ones_like(half)
        left = np.flatnonzero(kinds == OPEN)
        if not len(left):
            return kinds, bound, slopes
        box = over(self.scape, centre[left], half[left])
        inside = ((np.abs(centre[left]) + half[left]) ** 2).sum(1) < self.radius**2 * (1 - 1e-12)
        self._better(centre[left], box, inside)
        natural, mean = box.natural, box.mean_value
        reached = np.where(np.isnan(natural), -np.inf, natural)
        reached = np.maximum(reached, np.where(np.isnan(mean), -np.inf, mean))
        bound = bound.copy()
        bound[left] = np.maximum(bound[left], reached)
        threshold = self.threshold
        kinds[left[mean >= threshold]] = ord("m")
        kinds[left[natural >= threshold]] = ord("n")
        rest = np.flatnonzero(kinds[left] == OPEN)
        if not len(rest):
            return kinds, bound, slopes
        left, inside = left[rest], inside[rest]
        middle, spread = box.take(rest).gradient
        low, high = middle - spread, middle + spread
        sloped = ((low > 0) | (high < 0)).any(1)
        kinds[left[sloped & inside]] = ord("g")
        edge = np.flatnonzero(sloped & ~inside)
        if len(edge):
            pushed = _no_multiplier(low[edge], high[edge], centre[left[edge]], half[left[edge]])
            kinds[left[edge[pushed]]] = ord("k")
        slopes[left] = np.abs(middle) + spread
        open_ = np.flatnonzero(kinds[left] == OPEN)
        if self.scape.smooth and not self.scape.quadratic and len(open_) and self._worth_it():
            some = left[open_]
            found = bounds_by_convexity(
                self.scape,
                box.take(rest[open_]).path,
                centre[some],
                half[some],
                middle[open_],
                self.radius,
                inside[open_],
            )
            kinds[some[found >= threshold]] = ord("r")
            self._pause = min(2 * self._pause + 1, RARE) if (found >= threshold).mean() < FEW else 0
            self._rest = self._pause
            bound[some] = np.maximum(bound[some], np.where(np.isnan(found), -np.inf, found))
        return kinds, bound, slopes

    def _worth_it(self) -> bool:
        """Whether to ask for bounds by convexity."""
        if self.nodes < PATIENCE:
            return False
        self._rest -= 1
        return self._rest < 0

    def _better(self, centre: Array, box: Enclosure, inside: Array) -> None:
        """Take a box's centre as the best point if its value is clearly lower."""
        value = np.where(inside, box.at_centre[0], np.inf)
        best = int(np.nanargmin(value)) if np.isfinite(value).any() else -1
        if best >= 0 and value[best] < self.upper - 1e-9 * max(abs(self.upper), SCALE):
            theta, values = improve(self.scape, centre[best : best + 1], self.radius)
            if values[0] < self.upper:
                self.at, self.upper = theta[0], float(values[0])
                self._refine()

    def _convex_leaves(self, kinds: Array, centre: Array, half: Array) -> None:
        """Mark the open boxes near the best point on whose hull with it Hess L + mu I is positive definite."""
        if not (self.scape.smooth or self.scape.quadratic):
            return
        if self._convex is None:
            self._convex = self._convex_cube()
        size = float(self.at @ self.at)
        tilt = self.multiplier / 2 * (size - self.radius**2)
        base = self.base + tilt - SLACK * (abs(self.base) + self.multiplier * self.radius**2)
        low, high = np.minimum(centre - half, self.at), np.maximum(centre + half, self.at)
        with np.errstate(invalid="ignore"):
            away = (np.maximum(self.at - low, high - self.at) / self._convex).max(1)
        usable = (kinds == OPEN) & (base - ((high - low) * self.slope).sum(1) >= self.threshold)
        kinds[usable & (away <= 1)] = ord("c")
        near = np.flatnonzero(usable & (away > 1) & (away <= REACH))
        if len(near):
            middle = (low[near] + high[near]) / 2
            reach = np.maximum(high[near] - middle, middle - low[near]) * (1 + SLACK)
            hessian = over(self.scape, middle, reach, second=True).hessian
            kinds[near[_least_eigenvalue(*hessian) + self.multiplier > 0]] = ord("c")

    def _convex_cube(self) -> Array:
        """Half-widths (d,) of a large box around the best point on which Hess L + mu I is positive definite; or 0."""
        if self.scape.quadratic:
            return np.full(self.scape.dimension, np.inf)
        sizes = self.half * 2.0 ** -np.arange(0, 24, 0.5)
        bends = np.abs(np.diagonal(self.scape.derivatives(self.at[None]).hessian[0])) + self.multiplier
        shape = 1 / np.sqrt(np.maximum(bends, bends.max() * 1e-12 + 1e-300))
        half = sizes[:, None] * (shape / shape.max())
        hessian = over(self.scape, np.repeat(self.at[None], len(half), axis=0), half, second=True).hessian
        convex = np.flatnonzero(_least_eigenvalue(*hessian) + self.multiplier > 0)
        return half[convex[0]] * (1 - SLACK) if len(convex) else np.zeros(self.scape.dimension)

    # --- the tree -------------------------------------------------------------------------------------------

    def _split(self, centre: Array, half: Array, node: Array, bound: Array, axis: Array) -> Boxes:
        count, rows = len(node), np.arange(len(node))
        half = half.copy()
        half[rows, axis] /= 2
        shift = np.zeros_like(half)
        shift[rows, axis] = half[rows, axis]
        first = self.nodes + 2 * rows
        self.nodes += 2 * count
        if self.nodes > len(self._kind):
            more = 2 * self.nodes - len(self._kind)
            self._kind = np.concatenate([self._kind, np.full(more, OPEN, np.uint8)])
            self._child = np.concatenate([self._child, np.zeros(more, np.int64)])
        self._child[node] = first
        return (
            np.concatenate([centre - shift, centre + shift]),
            np.concatenate([half, half]),
            np.concatenate([first, first + 1]),
            np.concatenate([bound, bound]),
        )

    def _preorder(self) -> bytes:
        kinds = self._kind[: self.nodes]
        # Boxes that were never looked at have their parent's bound.
        kind, child = np.where(kinds == OPEN, ord("m"), kinds).tolist(), self._child[: self.nodes].tolist()
        out, stack, d = bytearray(), [0], self.scape.dimension
        while stack:
            node = stack.pop()
            out.append(kind[node])
            if kind[node] < d:
                stack += [child[node] + 1, child[node]]
        return bytes(out)


class _Queue:
    """Open boxes, in parts that are taken in the order of their lower bounds."""

    def __init__(self, root: Boxes, batch: int) -> None:
        self._parts: list[tuple[float, int, Boxes]] = []
        self._batch, self._pushed = batch, 0
        self.push(root)

    def __bool__(self) -> bool:
        return bool(self._parts)

    @property
    def lowest(self) -> float:
        """The least lower bound."""
        return self._parts[0][0] if self._parts else math.inf

    def push(self, boxes: Boxes) -> None:
        order = np.argsort(boxes[3], kind="stable")
        for start in range(0, len(order), self._batch):
            part = order[start : start + self._batch]
            taken = boxes[0][part], boxes[1][part], boxes[2][part], boxes[3][part]
            self._pushed += 1
            heappush(self._parts, (float(taken[3][0]), self._pushed, taken))

    def pop(self) -> Boxes:
        """About as many boxes as are evaluated at once, several small parts together."""
        taken = [heappop(self._parts)[2]]
        while self._parts and sum(len(t[2]) for t in taken) + len(self._parts[0][2][2]) <= self._batch:
            taken.append(heappop(self._parts)[2])
        return tuple(np.concatenate(parts) for parts in zip(*taken, strict=True))  # type: ignore[return-value]


def _least_eigenvalue(hessian: Array, spread: Array) -> Array:
    """A lower bound of the least eigenvalue of each enclosed matrix (N, d, d)."""
    usable = (np.isfinite(hessian).all((1, 2)) & np.isfinite(spread).all((1, 2)))[:, None, None]
    hessian, spread = np.where(usable, hessian, 0.0), np.where(usable, spread, np.inf)
    return np.linalg.eigvalsh(hessian)[:, 0] - spread.sum(2).max(1) - 1e-13 * np.abs(hessian).sum((1, 2))


def _no_multiplier(low: Array, high: Array, centre: Array, half: Array) -> Array:
    """Whether no mu >= 0 and theta in the box have grad L = -mu theta: some sign or some 2x2 minor excludes it."""
    left, right = centre - half, centre + half
    wrong = (((low > 0) & (left > 0)) | ((high < 0) & (right < 0))).any(1)
    d = low.shape[1]
    for i in range(d):
        for j in range(i + 1, d):
            a = _product(low[:, i], high[:, i], left[:, j], right[:, j])
            b = _product(low[:, j], high[:, j], left[:, i], right[:, i])
            wrong |= (a[0] > b[1]) | (a[1] < b[0])
    return wrong


def _product(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, Array]:
    """[a, b] times [c, d]."""
    corners = np.stack([a * c, a * d, b * c, b * d])
    low, high = corners.min(0), corners.max(0)
    return low - SLACK * np.abs(low) - 1e-300, high + SLACK * np.abs(high) + 1e-300
