"""A certificate's tree as arrays: the boxes of its leaves, in exact integers, a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from flint import fmpq

from ..arithmetic import Array, rational, to_float
from .certificate import LEAVES

PART = 1 << 16
"""Bytes of the tree that are unfolded at once."""
FINEST = 1000
"""How often a side may be halved; and a centre has at most 61 bits. Nothing in float64 is finer."""


class TreeError(ValueError):
    """The bytes are no tree, or one that is too fine."""


@dataclass(frozen=True)
class Leaves:
    """Leaves of a tree below the cube [-root, root]^d: in coordinate j from (m - 1) to (m + 1) times root/2^level.

    m, level (d, N) integers, letter (N,).
    """

    root: fmpq
    m: Array
    level: Array
    letter: Array

    def __len__(self) -> int:
        return len(self.letter)

    def __getitem__(self, chosen: Array | slice) -> Leaves:
        return Leaves(self.root, self.m[:, chosen], self.level[:, chosen], self.letter[chosen])

    def __add__(self, other: Leaves) -> Leaves:
        both = zip((self.m, self.level, self.letter), (other.m, other.level, other.letter), strict=True)
        return Leaves(self.root, *(np.concatenate(pair, axis=-1) for pair in both))

    def halved(self, axis: Array) -> Leaves:
        """Both halves of every leaf, cut along its `axis`. Errors: TreeError."""
        m, level = _halved(self.m, self.level, axis)
        return Leaves(self.root, m, level, np.concatenate([self.letter, self.letter]))

    def floats(self) -> tuple[Array, Array, Array]:
        """Centres and half-widths (d, N) in float64, and where they are exact (N,)."""
        width = to_float(self.root)
        odd, _ = width.as_integer_ratio() if np.isfinite(width) else (0, 1)
        while odd and odd % 2 == 0:
            odd //= 2
        if not odd or rational(width) != self.root:
            return self.m * np.nan, self.m * np.nan, np.zeros(len(self), dtype=bool)
        half = np.ldexp(width, -self.level)
        # The product of two odd integers is exact below 2^53, and so are all its halves far from the subnormals.
        exact = ((np.abs(self.m) <= 2**53 // odd) & (half > 2.0**-900)).all(0)
        return np.ldexp(width * self.m, -self.level), half, exact

    def box(self, leaf: int) -> tuple[list[fmpq], list[fmpq]]:
        """Centre and half-widths of one leaf, exactly."""
        half = [self.root / 2 ** int(level) for level in self.level[:, leaf]]
        return [w * int(m) for w, m in zip(half, self.m[:, leaf], strict=True)], half


def leaves(tree: bytes, root: fmpq, dimension: int, watch: Callable[[], None]) -> Iterator[Leaves]:
    """The leaves below the cube [-root, root]^dimension; `watch` is called now and then. Errors: TreeError.

    In preorder let P(i) be the number of subtrees still open before node i. The first child of a split i is i + 1; the
    second is the next node j with P(j) = P(i), for all nodes of the first child's subtree have P > P(i). A part of the
    tree begins with a stack of open boxes and is followed by the nodes that it leaves open.
    """
    m, level = np.zeros((dimension, 1), dtype=np.int64), np.zeros((dimension, 1), dtype=np.int64)
    for place in range(0, len(tree), PART):
        code = np.frombuffer(tree, dtype=np.uint8, count=min(PART, len(tree) - place), offset=place)
        count, stacked, split = len(code), m.shape[1], code < dimension
        strange = np.flatnonzero(~split & ~np.isin(code, np.frombuffer(LEAVES, dtype=np.uint8)))
        if len(strange):
            raise TreeError(f"byte {place + strange[0]} of the tree, {code[strange[0]]}, is no split and no leaf")
        after = stacked + np.cumsum(np.where(split, 1, -1))
        closed = np.flatnonzero(after <= 0)
        if len(closed) and place + closed[0] + 1 < len(tree):
            raise TreeError(f"the tree has {len(tree) - place - closed[0] - 1} bytes too many")
        height = np.concatenate([[stacked], after[:-1], np.arange(after[-1], 0, -1)])
        order = np.argsort(height, kind="stable")
        following = np.zeros(len(height), dtype=np.int64)
        following[order[:-1]] = order[1:]
        splits = np.flatnonzero(split)
        hanging = np.zeros(len(height), dtype=bool)
        hanging[splits + 1] = hanging[following[splits]] = True
        node, m, level = np.flatnonzero(~hanging), m[:, ::-1], level[:, ::-1]
        found, waiting = [], []
        while len(node):
            watch()
            within = node < count
            letter = code[np.where(within, node, 0)]
            parted, leaf = within & (letter < dimension), within & (letter >= dimension)
            found.append((m[:, leaf], level[:, leaf], letter[leaf]))
            waiting.append((m[:, ~within], level[:, ~within], node[~within]))
            node, m, level, axis = node[parted], m[:, parted], level[:, parted], letter[parted]
            node = np.concatenate([node + 1, following[node]])
            m, level = _halved(m, level, axis)
        yield Leaves(root, *(np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True)))
        m, level, node = (np.concatenate(parts, axis=-1) for parts in zip(*waiting, strict=True))
        upwards = np.argsort(-node)
        m, level = m[:, upwards], level[:, upwards]
    if m.shape[1]:
        raise TreeError("the tree ends before it covers the ball")


def _halved(m: Array, level: Array, axis: Array) -> tuple[Array, Array]:
    """First halves, then second halves."""
    rows, level = np.arange(len(axis)), level.copy()
    level[axis, rows] += 1
    first, second = m.copy(), m.copy()
    first[axis, rows], second[axis, rows] = 2 * m[axis, rows] - 1, 2 * m[axis, rows] + 1
    m, level = np.concatenate([first, second], axis=1), np.concatenate([level, level], axis=1)
    if level.size and (level.max() > FINEST or np.abs(m).max() >= 2**61):
        raise TreeError("the tree is finer than is read")
    return m, level
