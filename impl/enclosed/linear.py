r"""Vectors and small matrices of midpoint-radius numbers, stacked along leading axes.

Inverses: with X near A^{-1} (of floats), G = I - XA and q >= ||G||, the largest sum of sizes in a row, q < 1 makes
XA = I - G regular, and

    A^{-1} - X = (I - G)^{-1} G X,    |A^{-1} - X| <= |GX| + q/(1 - q) max |GX|,

entry by entry, the maximum that of the column. G and GX are enclosed; q >= 1: not a number.

Full row rank: with X near the right inverse of A (of floats), G = I - AX and q >= ||G||, the root of its sum of
squares, ||A'y|| ||X|| >= ||X'A'y|| = ||y - G'y|| >= (1 - q) ||y||: q < 1 bounds the least singular value s of A from
below, every y from above (0 where rows are not used). The shortest x with Ax = u, x = A^+ u, has p'u = (A'p)'x for
every p; and A^+ (u - Av) + v is a solution, too, for every v, so that

    p'u/||A'p||  <=  ||A^+ u||  <=  ||v|| + ||u - Av||/s.

No product AA' occurs, whose condition number is the square of that of A.

Largest eigenvalues of a symmetric M: with X near its eigenvectors (of floats), D = X'MX and q >= ||I - X'X||, the
largest sums of sizes in a row, q < 1 makes X regular. Every v is Xy then, and v'v = y'X'Xy >= (1 - q) y'y, so that

    max_v v'Mv/v'v = max_y y'Dy/y'X'Xy <= ||D||/(1 - q),

||D|| at most the largest sum of sizes in a row. Every v bounds the maximum from below.

Visitations: K = I - gamma P, P with rows that sum to 1, has the row sums 1 - gamma. Its diagonal is therefore its row
sum plus the negatives K^- of its other entries, and so is that of each Schur complement

    K'_ij = K_ij - K_ik K_kj / K_kk,    with row sums r'_i = r_i + (K^-_ik / K_kk) r_k

(the row sums r solve K 1 = r, and elimination takes r along as a right side). In K^- and r elimination only adds,
multiplies and divides: where all are positive nothing cancels, and rare visits keep their relative precision
(Grassmann, Taksar, Heyman). That the rows sum to 1 and the divisors are not 0 is all that the algebra needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..elementary import MidRads
from ..midrad import GUARD, UP, MidRad, contract, zero


def norm(values: MidRad) -> MidRad:
    """||.|| along the last axis."""
    return MidRads.sqrt((values * values).sum(-1))


def applied(rows: MidRad, v: MidRad) -> MidRad:
    """A v (B, N) of rows (B, N, d) and vectors (B, d)."""
    return contract("...ij,...j->...i", rows, v)


@dataclass(frozen=True)
class Rows:
    """Rows s sum_t w_t a_t' (B, N, d) on a grid, row after row, that are never made: A v is s sum_t w_t (A_t v), and
    A'p is sum_t A_t'(w_t s p), p first added along the axes that a table does not know.

    terms: weights w_t (B, ...) and tables A_t (B, ..., d) of the same axes after the first, each long as the grid or 1.
    share: s (B, N), if any; whole: the same rows without it.
    """

    terms: tuple[tuple[MidRad, MidRad], ...]
    share: MidRad | None = None
    whole: Rows | None = None

    @cached_property
    def grid(self) -> tuple[int, ...]:
        """(B, ...)."""
        return np.broadcast_shapes(*(shape for w, table in self.terms for shape in (w.shape, table.shape[:-1])))

    @cached_property
    def columns(self) -> Array:
        """Near to the rows, in floats, column after column (B, d, N): loops over all rows are longer."""
        if self.share is not None:
            whole = self.whole or Rows(self.terms)
            return np.asarray(self.share.mid[:, None] * whole.columns)
        total: Any = 0.0
        for w, table in self.terms:
            near, tall = (np.ascontiguousarray(np.moveaxis(x, -1, 1)) for x in (w.mid[..., None], table.mid))
            total = near * tall + total
        full = np.broadcast_to(total, (len(total), total.shape[1], *self.grid[1:]))
        return np.asarray(full.reshape(*full.shape[:2], -1))

    @property
    def mid(self) -> Array:
        """Rows near to these (B, N, d), in floats."""
        return self.columns.swapaxes(1, 2)

    @property
    def zero(self) -> Array:
        """Which of them are known to be 0 (B, N)."""
        found = reduce(np.logical_and, (zero(w) | np.all(zero(table), -1) for w, table in self.terms))
        found = np.broadcast_to(found, self.grid).reshape(self.grid[0], -1)
        return np.asarray(found if self.share is None else found | zero(self.share))

    def __getitem__(self, chosen: Any) -> Rows:
        """Those of some instances."""
        terms = tuple((w[chosen], table[chosen]) for w, table in self.terms)
        return Rows(terms, None if self.share is None else self.share[chosen])

    def where(self, chosen: Array) -> Rows:
        """0 where they are not chosen (B, N)."""
        terms = tuple((MidRads.where(chosen.reshape(self.grid), w, 0.0), table) for w, table in self.terms)
        return Rows(terms, self.share)

    def times(self, share: MidRad) -> Rows:
        """Each row times a share (B, N)."""
        return Rows(self.terms, share if self.share is None else self.share * share, self.whole or self)

    def applied(self, v: MidRad) -> MidRad:
        """A v (B, N) of vectors (B, d)."""
        ahead = (slice(None), *(None,) * (len(self.grid) - 2))
        found = reduce(add, (w * applied(table, v[ahead]) for w, table in self.terms))
        found = (found if found.shape == self.grid else MidRads.broadcast_to(found, self.grid)).reshape(len(v.mid), -1)
        return found if self.share is None else self.share * found

    def pulled(self, p: MidRad) -> MidRad:
        """A'p (B, d) of vectors (B, N)."""
        p = (p if self.share is None else self.share * p).reshape(self.grid)
        return reduce(add, (_pulled(w * _added(p, w, table), table) for w, table in self.terms))

    def added(self, count: int) -> Rows:
        """So many at a time (B, N/count, d), added up."""
        size, found = self.grid[0], []
        for w, table in self.terms:
            w = w if self.share is None else w * self.share.reshape(self.grid)
            w, table = MidRads.broadcast_to(w, self.grid), MidRads.broadcast_to(table, (*self.grid, table.shape[-1]))
            shares = w.reshape(size, -1, count)
            found.append(contract("...i,...ij->...j", shares, table.reshape(*shares.shape, -1)))
        return Rows(((MidRad(np.ones((size, 1))), reduce(add, found)),))


def _added(p: MidRad, *others: MidRad) -> MidRad:
    """p (B, ...) added up along the axes that all others have no more than once."""
    short = tuple(axis for axis in range(1, p.ndim) if all(x.shape[axis] < p.shape[axis] for x in others))
    return p.sum(short).reshape(*(1 if axis in short else n for axis, n in enumerate(p.shape))) if short else p


def _pulled(p: MidRad, table: MidRad) -> MidRad:
    """A'p (B, d) of a table (B, ..., d), each axis long as that of p (B, ...) or 1."""
    short = tuple(axis for axis in range(1, p.ndim) if table.shape[axis] < p.shape[axis])
    total = p.sum(short) if short else p
    return contract("...i,...ij->...j", total.reshape(len(p.mid), -1), table.reshape(len(p.mid), -1, table.shape[-1]))


def proposed_inverse(table: Array) -> Array:
    """Inverses of (..., d, d) in float64, pseudoinverses if one is singular; nan where numbers overflowed."""
    sound = np.isfinite(table).all((-1, -2), keepdims=True)
    finite = np.where(sound, table, np.eye(table.shape[-1]))
    try:
        found = np.linalg.inv(finite)
    except np.linalg.LinAlgError:
        found = np.linalg.pinv(finite)
    return np.where(sound, found, np.nan)


def inverse(system: MidRad) -> MidRad:
    """Inverses of (..., d, d)."""
    near = MidRad(proposed_inverse(system.mid))
    off = MidRad(np.eye(system.shape[-1])) - near @ system
    rest = (off @ near).size
    most = MidRad(off.size).sum(-1).high.max(-1)[..., None, None]
    share = np.where(most < 1, most / (1 - most) * UP, np.nan)
    return MidRad(near.mid, (rest + share * rest.max(-2, keepdims=True)) * UP + GUARD)


def right_inverse(rows: MidRad, used: Array) -> tuple[MidRad, MidRad]:
    """Of rows A (..., r, d) that are 0 but for those used (..., r), which are the first: near its right inverse X
    (..., d, r), of floats, and the least singular value of those used (...)."""
    basis, triangle = np.linalg.qr(np.broadcast_to(rows.mid, rows.shape).swapaxes(-1, -2))
    unit = np.eye(rows.shape[-2])
    turned = np.where(used[..., None], proposed_inverse(triangle + unit * ~used[..., None]), 0.0)
    near = MidRad(basis @ turned.swapaxes(-1, -2))
    off = unit * used[..., None] - rows @ near
    share = MidRads.sqrt((off * off).sum((-2, -1))).high
    low = (1 - MidRad(np.where(share < 1, share, np.nan))) / MidRads.sqrt((near * near).sum((-2, -1)))
    y = MidRad(np.where(used, _proposed_eigenvectors(turned @ turned.swapaxes(-1, -2))[..., -1], 0.0))
    high = norm(applied(rows.swapaxes(-1, -2), y)) / norm(y)
    return near, MidRad.between(low.low, high.high)


def shortest(rows: MidRad, target: MidRad, near: MidRad, least: MidRad) -> MidRad:
    """||A^+ u|| (...) of such rows and targets u (..., r), 0 where they are not used, by their `right_inverse`."""
    v = MidRad(applied(near, target).mid)
    v = MidRad(v.mid + applied(near, target - applied(rows, v)).mid)  # what rounding left
    p = MidRad(applied(near.swapaxes(-1, -2), v).mid)
    low = (p * target).sum(-1) / norm(applied(rows.swapaxes(-1, -2), p))
    high = norm(v) + norm(target - applied(rows, v)) / least
    return MidRad.between(np.where(low.low > 0, low.low, 0.0), high.high)


def visitations(chain: MidRad, gamma: MidRad) -> MidRad:
    """(1-gamma)(I - gamma P)^{-1} (..., S, S) of every P enclosed by `chain` whose rows sum to 1; gamma (...)."""
    *outer, count, _ = chain.shape
    others, rest = gamma[..., None, None] * chain, MidRads.broadcast_to((1 - gamma)[..., None], (*outer, count))
    columns = rest[..., None] * np.eye(count)  # of the right side, transposed: (..., column, row)
    steps = []
    for k in range(count):
        ahead, pivot = others[..., 0, 1:], rest[..., 0]
        if k + 1 < count:
            pivot = pivot + ahead.sum(-1)
        share = others[..., 1:, 0] / pivot[..., None]
        steps.append((ahead, pivot, columns[..., :1]))
        others = others[..., 1:, 1:] + share[..., None] * ahead[..., None, :]
        rest = rest[..., 1:] + share * rest[..., :1]
        columns = columns[..., 1:] + columns[..., :1] * share[..., None, :]
    *_, (_, pivot, found) = steps
    found = found / pivot[..., None, None]
    for ahead, pivot, column in reversed(steps[:-1]):
        found = joined((column + found @ ahead[..., None]) / pivot[..., None, None], found)
    return found.swapaxes(-1, -2)


def _proposed_eigenvectors(table: Array) -> Array:
    """Of symmetric (..., d, d) in float64, in the columns; unit vectors where that did not succeed."""
    sound, unit = np.isfinite(table).all((-1, -2), keepdims=True), np.eye(table.shape[-1])
    try:
        return np.where(sound, np.linalg.eigh(np.where(sound, table, unit))[1], unit)
    except np.linalg.LinAlgError:
        return np.broadcast_to(unit, table.shape)


def largest_eigenvalue(gram: MidRad) -> MidRad:
    """That of every symmetric positive semidefinite matrix (..., d, d) that is enclosed."""
    near = MidRad(_proposed_eigenvectors(np.broadcast_to(gram.mid, gram.shape)))
    turned = near.swapaxes(-1, -2)
    apart = (MidRad(np.eye(gram.shape[-1])) - turned @ near).size
    share = MidRad(apart).sum(-1).high.max(-1)
    size = (turned @ gram @ near).size
    top = MidRad(size).sum(-1).high.max(-1) / (1 - MidRad(np.where(share < 1, share, np.nan)))
    v = near[..., -1:]
    bottom = ((v.swapaxes(-1, -2) @ gram @ v) / (v.swapaxes(-1, -2) @ v))[..., 0, 0].low
    return MidRad.between(np.where(bottom > 0, bottom, 0.0), top.high)


def joined(left: MidRad, right: MidRad) -> MidRad:
    """[left | right] along the last axis."""
    mids = [np.broadcast_to(x.mid, x.shape) for x in (left, right)]
    rads = [np.broadcast_to(x.rad, x.shape) for x in (left, right)]
    return MidRad(np.concatenate(mids, -1), np.concatenate(rads, -1))
