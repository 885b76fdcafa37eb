r"""What a dtype's own rounding does to a graph: bounded for every order of operations, and as it is to be expected.

A dtype has a unit u and a least normal number t. What is used of arithmetic in it, without overflow:

    fl(x o y) = (x o y)(1 + d) + e    |d| <= u, |e| <= t, for + - * / (t: results below it may be flushed to 0);
    functions                         within FUNCTION u of themselves, t beside it: 4 units in the last place;
    constants of the program          as `fl`, where the dtype does not hold them (or flushes them);
    sums of n terms, dot products     in any order, in blocks, fused or not, begun with what is added to them or not:
                                      within gamma_n = nu/(1 - nu) of the sum of sizes, 3n t beside it (n products
                                      and n - 1 sums may be flushed, what they lose grows by 3/8); more exact
                                      accumulators do no harm.

`AnyOrder`  Claim: every value that such arithmetic gives for a node lies within the node's radius. By induction: the
            arguments x, y that were computed lie within r_a, r_b of the midpoints a, b, so that the exact x o y lies in
            the enclosure (a o b, r) of `Middles`; what was computed is within u|x o y| + t of it, and |x o y| <=
            |a o b| + r. Dot products: gamma_n sum |x_j y_j|, |x_j| <= |a_j| + r_j: this is gamma_n (|a|'|b| + |a|'r_b +
            r_a'(|b| + r_b)), so that `products` with gamma_n + gamma_n(2^-53) in its first term, the whole times
            1 + gamma_n, covers it. A sum that begins with c adds gamma_(n+1) |c|. Decisions: what is not separated for
            every computed value is open, and its result the hull (`evaluate`). Linear equations: how a dtype eliminates
            is nobody's theorem here, so nothing is claimed (inf), as where n u >= 1/4.
            This takes sizes at every node, so that it may grow by a factor with each layer.

`Drawn`     To first order in u the computed value is v + sum_k J_k s_k d_k: s_k d_k is what the k-th rounding adds, J_k
            its derivative to the outputs, |d_k| <= 1. The model (Connolly, Higham and Mary, SIAM J. Sci. Comput. 43,
            2021): each d_k has mean 0 given those before, and the partial sums of a sum are as they are on the average
            over all orders. Then the errors are a martingale in a Hilbert space, and with S^2 = sum_k s_k^2 ||J_k||^2
            (Pinelis, Ann. Probab. 22, 1994, Theorem 3.5)
                P(||sum_k J_k s_k d_k|| >= t) <= 2 exp(-t^2/2S^2).
            A sum of x_1, ..., x_n rounds its partial sums S_j, j >= 2, and a dot product each x_j. In a random order
            E S_j^2 <= (j/n)^2 (sum x)^2 + j(n - j)/(n(n - 1)) sum x^2 (drawing without replacement), so that all have
            the size u^2 ((n/3 + 1)(sum x)^2 + (n + 7)/6 sum x^2) at most: these stand for one rounding below.
            S is not known. m replays with d_k normal give q_i, q_i^2 = sum_j l_j z_j^2 with z_j normal, l_j >= 0,
            sum_j l_j = S^2, and for every h > 0
                P(mean q^2 <= S^2/c) <= e^(h/c) (E e^(-h q^2/(m S^2)))^m <= e^(h/c) (1 + 2h/m)^(-m/2),
            as prod_j (1 + 2h l_j/(m S^2)) >= 1 + 2h/m; the best h makes it (e^(1-1/c)/c)^(m/2).
            `confidence` adds both: ||.|| <= factor * sqrt(mean q^2) but for a chance of alpha, under the model.
            A value that is decided is such a sum, too: decisions that rounding may turn are those within the factor,
            alpha divided by their number, of their spread. `Turned` takes some of them the other way; the
            linear part, and so the replays, are those beside decisions that are kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...arithmetic import Array
from ...midrad import UP, MidRad
from .middles import Middles, inverse
from .products import PLAIN, Moved, product
from .systems import Many, Operation, Value, each

FUNCTION = 8
"""Units by which an elementary function may be off."""


@dataclass(frozen=True)
class Format:
    """A dtype: binary digits, and the least number that is not flushed to 0."""

    digits: int
    least: float

    @property
    def unit(self) -> float:
        """The unit roundoff u."""
        return 2.0**-self.digits

    def holds(self, array: Array) -> Array:
        """Whether a number is one of the dtype's, whatever its exponent."""
        scaled = np.ldexp(np.frexp(array)[0], self.digits)
        return np.asarray(scaled == np.rint(scaled))

    def gamma(self, terms: int) -> float:
        """gamma_n; inf where that means nothing."""
        found = (terms + 2) * self.unit
        return found * (1 + 2 * found) if found < 0.25 else math.inf


class AnyOrder(Middles):
    """Encloses whatever a dtype computes, in any order of operations."""

    name = "any order of rounding"

    def __init__(self, form: Format) -> None:
        self.form = form

    def _rounded(self, a: MidRad, count: int = 1) -> MidRad:
        size, unit = np.abs(a.mid), count * self.form.unit
        return MidRad(a.mid, (a.rad * (1 + unit) + size * unit) * UP + self.form.least * (size + a.rad > 0))

    def of(self, array: Array) -> MidRad:
        exact = super().of(array)
        size = np.abs(exact.mid)
        flushed = size < self.form.least
        lost = np.where(flushed, 1.0, ~self.form.holds(exact.mid) * self.form.unit)
        return MidRad(exact.mid, size * lost * UP) if (size * lost > 0).any() else exact

    def combined(self, operation: Operation, a: Value, b: Value) -> Value:
        return self._rounded(super().combined(operation, a, b))

    def apply(self, name: str, a: Value) -> Value:
        return self._rounded(super().apply(name, a), FUNCTION)

    def sum(self, a: Value, axes: tuple[int, ...], keep: bool) -> Value:
        if not axes:
            return a
        count = int(np.prod([a.shape[k] for k in axes]))
        sizes = MidRad(np.broadcast_to(a.size, a.shape)).sum(axes).high
        found = super().sum(a, axes, False).within(self.form.gamma(count) * sizes + 3 * count * self.form.least)
        return each(lambda x: np.expand_dims(x, axes), found) if keep else found

    def joined(self, sums: Value, a: Value, terms: int) -> Value:
        return self.add(sums, a.within(self.form.gamma(terms + 1) * a.size))

    def product(self, a: Value, b: Value, moved: Moved = PLAIN) -> Value:
        gamma = self.form.gamma(a.shape[-1])
        found = product(a, b, gamma, moved)
        return MidRad(found.mid, found.rad * (1 + gamma) * UP + 3 * a.shape[-1] * self.form.least)

    def solve(self, a: Value, b: Value) -> Value:
        found = super().solve(a, b)
        return MidRad(found.mid, np.inf)


def _partial(terms: int, squares: Array, total: Array) -> Array:
    """The root of the mean, over orders, of the squares of all partial sums, and of the terms."""
    return np.sqrt((terms + 7) / 6 * squares + (terms / 3 + 1) * total**2)


class Watched(Middles):
    """Midpoint-radius numbers that remember, in order, what is decided and how, and the sizes of roundings of sums.

    decided    the differences; harmless: where nothing depends on them
    taken      what `chosen` must say for the same to be decided again
    """

    def __init__(self) -> None:
        self.decided: list[Array] = []
        self.harmless: list[Array] = []
        self.taken: list[Array] = []
        self.sizes: list[Array] = []

    def chosen(
        self, signs: Array, difference: Value, harmless: Array | bool = False, best: Array | None = None
    ) -> Array:
        self.decided.append(self.middle(difference))
        self.harmless.append(np.broadcast_to(harmless, signs.shape))
        self.taken.append(signs if best is None else np.where(best, -1, 1))
        return signs

    def sum(self, a: Value, axes: tuple[int, ...], keep: bool) -> Value:
        found = super().sum(a, axes, keep)
        if axes:
            count = math.prod(a.shape[k] for k in axes)
            squares = (self.middle(a) ** 2).sum(axes, keepdims=keep)
            self.sizes.append(_partial(count, squares, found.mid))
        return found

    def product(self, a: Value, b: Value, moved: Moved = PLAIN) -> Value:
        found = super().product(a, b, moved)
        squares = self.middle(a) ** 2 @ moved.move(self.middle(b) ** 2)
        self.sizes.append(_partial(a.shape[-1], squares, found.mid))
        return found


class Drawn(Middles):
    """Ways that a dtype may round, at once: every result moved at random by its unit, decisions as they were `seen`.

    Encloses nothing: numbers propose. decided: the differences that were decided, in order (count, ...).
    """

    name = "drawn roundings"

    def __init__(self, form: Format, seen: Watched, seed: int, count: int = 1) -> None:
        self.form, self.count, self.decided = form, count, list[Array]()
        self._sizes, self._taken = iter(seen.sizes), iter(seen.taken)
        self._random = np.random.default_rng(seed)
        self._constants: dict[bytes, Array] = {}

    def _moved(self, mid: Array, size: Array | float) -> Many:
        shape = (self.count, *mid.shape[1:])
        return Many(mid + self.form.unit * self._random.standard_normal(shape) * size)

    def _aligned(self, *values: Value) -> list[Array]:
        """Midpoints with the draws on the first axis, and as many axes each."""
        most = max(len(v.shape) for v in values)
        found = [v.mid if isinstance(v, Many) else np.broadcast_to(v.mid, (1, *v.shape)) for v in values]
        return [x.reshape(len(x), *[1] * (most + 1 - x.ndim), *x.shape[1:]) for x in found]

    def of(self, array: Array) -> Many:
        mid = super().of(array).mid[None]
        lost = ~self.form.holds(mid)
        if not lost.any():
            return Many(np.broadcast_to(mid, (self.count, *mid.shape[1:])))
        key = mid.tobytes()  # a constant is rounded once, wherever it is used
        if key not in self._constants:
            self._constants[key] = self._moved(mid, np.abs(mid) * lost).mid
        return Many(self._constants[key].reshape(self.count, *mid.shape[1:]))

    def combined(self, operation: Operation, a: Value, b: Value) -> Value:
        return self._own(operation(*self._aligned(a, b)))

    def neg(self, a: Value) -> Value:
        return Many(-a.mid)

    def _own(self, mid: Array) -> Many:
        return self._moved(mid, np.abs(mid))

    def apply(self, name: str, a: Value) -> Value:
        mid = super().apply(name, MidRad(a.mid)).mid
        return self._moved(mid, FUNCTION * np.abs(mid))

    def sum(self, a: Value, axes: tuple[int, ...], keep: bool) -> Value:
        return self._moved(a.mid.sum(tuple(k + 1 for k in axes), keepdims=keep), next(self._sizes)) if axes else a

    def joined(self, sums: Value, a: Value, terms: int) -> Value:
        x, y = self._aligned(sums, a)
        return self._moved(x + y, np.abs(x + y) + math.sqrt(terms) * np.abs(y))

    def product(self, a: Value, b: Value, moved: Moved = PLAIN) -> Value:
        x, y = self._aligned(a, each(moved.move, b))
        return self._moved(x @ y, next(self._sizes))

    def solve(self, a: Value, b: Value) -> Value:
        """The solution of equations beside these: an elimination's error is one of its coefficients."""
        x, y = self._aligned(a, b)
        size = x.shape[-1] * np.abs(x).max(-1, keepdims=True)
        return self._own(inverse(self._moved(x, size).mid) @ y)

    def larger(self, a: Value, b: Value) -> Value:
        x, y = self._aligned(a, b)
        return Many(np.maximum(x, y))

    def hull(self, a: Value, b: Value) -> Value:
        """The middle of both: as where a decision is open in what was `seen`."""
        x, y = self._aligned(a, b)
        return Many(x / 2 + y / 2)

    def signs(self, a: Value) -> tuple[Array, Array]:
        return super().signs(MidRad(a.mid[0]))

    def finite(self, a: Value) -> Array:
        return super().finite(MidRad(a.mid[0]))

    def middle(self, a: Value) -> Array:
        """Of the first."""
        return a.mid[0]

    def chosen(
        self, signs: Array, difference: Value, harmless: Array | bool = False, best: Array | None = None
    ) -> Array:
        self.decided.append(difference.mid)
        return next(self._taken)


class Turned(Middles):
    """Midpoint-radius numbers, with some decisions taken the other way: entries by number, of all that is compared."""

    def __init__(self, entries: Sequence[int]) -> None:
        self._entries, self._before = np.array(entries, dtype=int), 0

    def chosen(
        self, signs: Array, difference: Value, harmless: Array | bool = False, best: Array | None = None
    ) -> Array:
        own, found = self._entries - self._before, np.array(signs)
        own = own[(own >= 0) & (own < found.size)]
        found.flat[own] = np.where(found.flat[own] == 1, -1, 1)
        self._before += found.size
        return found


def confidence(alpha: float, replays: int) -> float:
    """By what the root mean square of replays is multiplied to be exceeded with a chance of at most alpha."""
    # Half of alpha for S, half for the sum. From above: every c that is tried is on the safe side.
    base = (2 / alpha) ** (2 / replays)
    c = math.e * base
    for _ in range(100):
        c = math.exp(1 - 1 / c) * base
    return math.sqrt(2 * math.log(4 / alpha) * c)
