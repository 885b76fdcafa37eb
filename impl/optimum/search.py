"""Branch and bound over boxes: every box is discarded for a reason, or split.

The reasons, each a letter of the certificate:

    o  the box lies outside the ball
    n  natural range:   L >= threshold
    m  mean value:      L >= L(c) - |grad L|'r >= threshold
    g  the box lies in the open ball and grad L does not vanish there: no minimum over the ball
    k  grad L does not vanish there, and on the sphere no multiplier mu >= 0 gives grad L = -mu theta
    c  Lagrangian-convex leaf: Hess L + mu I is positive definite on the hull of the box and a point x~, hence
       L >= L(x~) + mu(|x~|^2 - B^2)/2 - |grad L(x~) + mu x~|'|theta - x~| >= threshold on the box within the ball

Boxes are exact: halves of halves of a root cube whose half-width has few bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arithmetic import Array
from .descent import best_point, improve, polished
from .landscape import Enclosure, Landscape
from .ranges import SLACK

Boxes = tuple[Array, Array, Array, Array]
"""Centres and half-widths (N, r), nodes of the tree and lower bounds (N,)."""

DEEPEST = 60
SCALE = 1e-3
"""The gap is relative to max(|upper bound|, SCALE)."""


@dataclass(frozen=True)
class Budget:
    """When to stop: relative gap, boxes, seconds of the search; `until`: at a time.monotonic() of the caller's."""

    gap: float = 1e-6
    boxes: int = 4_000_000
    seconds: float = 60.0
    until: float = math.inf


ORDINARY = Budget()
SHORT = Budget(boxes=60_000, seconds=5.0)
"""For many problems in a row: checking takes longer than finding."""


@dataclass(frozen=True)
class Found:
    """What the search found.

    lower, upper   the bracket in float64; complete: whether it is as narrow as was asked for
    at             the best point, reduced coordinates [r]
    half           half-width of the root cube
    tree           preorder: a split dimension (0, 1, ...) or the letter of a leaf; empty if not complete
    """

    lower: float
    upper: float
    at: Array
    half: float
    complete: bool
    interrupted: bool
    boxes: int
    seconds: float
    tree: bytes


def root_half_width(radius: float) -> float:
    """The least number of 8 significant bits that is at least the radius."""
    mantissa, exponent = math.frexp(radius)
    return math.ldexp(math.ceil(mantissa * 256), exponent - 8)


class Search:
    """One run of the branch and bound, over the ball of the given radius in reduced coordinates."""

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
        self._kind, self._child = np.full(1024, 255, np.uint8), np.zeros(1024, np.int64)

    def _refine(self) -> None:
        """Sharpen the best point and what the Lagrangian-convex leaf needs there."""
        self.at = polished(self.scape, self.at, self.radius)
        at = self.scape.derivatives(self.at[None])
        self.upper = float(self.scape.value(self.at[None])[0])
        gradient, size = at.gradient[0], float(self.at @ self.at)
        self.multiplier = max(-float(gradient @ self.at) / size, 0.0) if size >= self.radius**2 * (1 - 2e-9) else 0.0
        self.slope = np.abs(gradient + self.multiplier * self.at)
        self.slope = self.slope + SLACK * (np.abs(gradient) + np.abs(self.at))

    @property
    def threshold(self) -> float:
        """Boxes where L is at least this are done."""
        return self.upper - self.budget.gap * max(abs(self.upper), SCALE) / 2

    def run(self, progress: Callable[[int, float, float], None] = lambda boxes, lower, upper: None) -> Found:
        """Search until the bracket is narrow or the budget is spent; `progress(boxes, lower, upper)`."""
        begin, d = time.monotonic(), self.scape.dimension
        end = min(begin + self.budget.seconds, self.budget.until)
        centre, half = np.zeros((1, d)), np.full((1, d), self.half)
        node, bound = np.zeros(1, np.int64), np.full(1, -np.inf)
        stack: list[Boxes] = [(centre, half, node, bound)]
        boxes, worst = 0, np.inf
        complete, interrupted = True, False
        try:
            while stack:
                if boxes >= self.budget.boxes or time.monotonic() > end:
                    complete = False
                    break
                centre, half, node, bound = _take(stack, self.scape.batch)
                boxes += len(node)
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    kinds, bound, slopes = self._judge(centre, half, bound)
                alive = kinds == 255
                stuck = alive & (half.max(1) <= self.half * 2.0**-DEEPEST)
                if stuck.any():
                    complete, worst = False, min(worst, float(bound[stuck].min()))
                    kinds[stuck] = ord("u")
                    alive &= ~stuck
                axis = np.argmax(np.where(np.isfinite(slopes), slopes, 1e300) * half, axis=1).astype(np.uint8)
                kinds[alive] = axis[alive]
                self._kind[node] = kinds
                if alive.any():
                    stack.append(self._split(centre[alive], half[alive], node[alive], bound[alive], axis[alive]))
                progress(boxes, self._floor(stack, worst), self.upper)
        except KeyboardInterrupt:
            # The boxes in hand were taken off the stack: their bound still counts.
            complete, interrupted, worst = False, True, min(worst, float(bound.min()))
        seconds = time.monotonic() - begin
        lower = self.threshold if complete else self._floor(stack, worst)
        tree = self._preorder() if complete else b""
        return Found(lower, self.upper, self.at, self.half, complete, interrupted, boxes, seconds, tree)

    def _floor(self, stack: list[Boxes], worst: float) -> float:
        return min([self.threshold, worst, *(float(bound.min()) for *_, bound in stack)])

    def _judge(self, centre: Array, half: Array, bound: Array) -> tuple[Array, Array, Array]:
        """Per box: the letter of its reason or 255, a lower bound, and the size of each partial derivative."""
        kinds = np.full(len(centre), 255, np.uint8)
        nearest = np.maximum(np.abs(centre) - half, 0.0)
        farthest = np.abs(centre) + half
        outside = (nearest**2).sum(1) > self.radius**2 * (1 + 1e-12)
        inside = (farthest**2).sum(1) < self.radius**2 * (1 - 1e-12)
        kinds[outside] = ord("o")
        slopes = np.ones_like(half)
        left = np.flatnonzero(~outside)
        if not len(left):
            return kinds, bound, slopes
        box = self.scape.over(centre[left], half[left])
        self._better(centre[left], box, inside[left])
        threshold = self.threshold
        natural, mean = box.natural, box.mean_value
        reached = np.where(np.isnan(natural), -np.inf, natural)
        reached = np.maximum(reached, np.where(np.isnan(mean), -np.inf, mean))
        bound = bound.copy()
        bound[left] = np.maximum(bound[left], reached)
        middle, spread = box.gradient
        low, high = middle - spread, middle + spread
        sloped = ((low > 0) | (high < 0)).any(1)
        code = np.full(len(left), 255, np.uint8)
        edge = sloped & ~inside[left] & _no_multiplier(low, high, centre[left], half[left])
        for letter, holds in (
            ("k", edge),
            ("g", sloped & inside[left]),
            ("m", mean >= threshold),
            ("n", natural >= threshold),
        ):
            code[holds] = ord(letter)
        if self.scape.smooth or self.scape.quadratic:
            self._convex_leaves(code, centre[left], half[left])
        kinds[left] = code
        slopes[left] = np.abs(middle) + spread
        return kinds, bound, slopes

    def _better(self, centre: Array, box: Enclosure, inside: Array) -> None:
        """Take a box's centre as the best point if its value is clearly lower."""
        value = np.where(inside, box.at_centre[0], np.inf)
        best = int(np.nanargmin(value)) if np.isfinite(value).any() else -1
        if best >= 0 and value[best] < self.upper - 1e-9 * max(abs(self.upper), SCALE):
            theta, values = improve(self.scape, centre[best : best + 1], self.radius)
            if values[0] < self.upper:
                self.at, self.upper = theta[0], float(values[0])
                self._refine()

    def _convex_leaves(self, code: Array, centre: Array, half: Array) -> None:
        """Mark the boxes near the best point on whose hull with it Hess L + mu I is positive definite."""
        away = np.abs(centre - self.at).max(1)
        near = np.flatnonzero((code == 255) & (away <= 6 * half.max(1) + 1e-9 * self.half))
        if not len(near):
            return
        low = np.minimum(centre[near] - half[near], self.at)
        high = np.maximum(centre[near] + half[near], self.at)
        middle = (low + high) / 2
        reach = np.maximum(high - middle, middle - low) * (1 + SLACK)
        convex = np.ones(len(near), dtype=bool)
        if not self.scape.quadratic:
            convex = _least_eigenvalue(*self.scape.over(middle, reach, second=True).hessian) + self.multiplier > 0
        size = float(self.at @ self.at)
        base = self.upper + self.multiplier / 2 * (size - self.radius**2) - SLACK * abs(self.upper)
        bound = base - ((high - low) * self.slope).sum(1)
        code[near[convex & (bound >= self.threshold)]] = ord("c")

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
            self._kind, self._child = np.resize(self._kind, 2 * self.nodes), np.resize(self._child, 2 * self.nodes)
        self._child[node] = first
        return (
            np.concatenate([centre - shift, centre + shift]),
            np.concatenate([half, half]),
            np.concatenate([first, first + 1]),
            np.concatenate([bound, bound]),
        )

    def _preorder(self) -> bytes:
        kind, child = self._kind[: self.nodes].tolist(), self._child[: self.nodes].tolist()
        out, stack, d = bytearray(), [0], self.scape.dimension
        while stack:
            node = stack.pop()
            out.append(kind[node])
            if kind[node] < d:
                stack += [child[node] + 1, child[node]]
        return bytes(out)


def _take(stack: list[Boxes], size: int) -> Boxes:
    """At most `size` boxes off the top, several small entries together."""
    taken = [stack.pop()]
    while stack and sum(len(t[2]) for t in taken) + len(stack[-1][2]) <= size:
        taken.append(stack.pop())
    joined = tuple(np.concatenate(parts) for parts in zip(*taken, strict=True))
    if len(joined[2]) > size:
        stack.append(tuple(part[:-size] for part in joined))  # type: ignore[arg-type]
        joined = tuple(part[-size:] for part in joined)
    return joined  # type: ignore[return-value]


def _least_eigenvalue(hessian: Array, spread: Array) -> Array:
    """A lower bound of the least eigenvalue of each enclosed matrix (N, d, d)."""
    usable = (np.isfinite(hessian).all((1, 2)) & np.isfinite(spread).all((1, 2)))[:, None, None]
    hessian, spread = np.where(usable, hessian, 0.0), np.where(usable, spread, np.inf)
    least: Array = np.linalg.eigvalsh(hessian)[:, 0] - spread.sum(2).max(1) - 1e-13 * np.abs(hessian).sum((1, 2))
    return least


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


def search(
    scape: Landscape,
    radius: float,
    budget: Budget = ORDINARY,
    progress: Callable[[int, float, float], None] = lambda boxes, lower, upper: None,
    start: Array | None = None,
) -> Found:
    """Bracket the minimum of L over the ball ||t|| <= radius in reduced coordinates; `start`: a point to begin with."""
    return Search(scape, radius, budget, start).run(progress)
