"""Which neurons can flip, and what that does to the linearisation at W0: counts and closed forms, enclosed.

With a_r = |W0_r'x| / ||x|| and d_r = ||W_r - W0_r|| a neuron flips at x only if a_r <= d_r, so with sum d_r^2 <= B^2 at
most k*(B) = max{k: sum of the k smallest a_r^2 <= B^2} of them do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Protocol

import numpy as np
from flint import arb, fmpq

from ..arithmetic import Number, bounds, dot, midpoint, norm, root, square
from .relu import Neurons
from .weights import Inputs, row_distances

Array = np.ndarray

CLOSE = 512
"""Neurons near their kink whose reaches are evaluated in balls; beyond that float64 with error bounds serves."""
OVERFLOWING = np.errstate(over="ignore", invalid="ignore")
"""Bounds in float64 that overflow are infinite, or not a number: enclosures that decide nothing."""
UNDERFLOW = 2.0**-1000
"""More than float64 loses by underflow in a product, or in a sum of a million of them."""


class Pair(Protocol):
    """Two networks of one layer: W and W0."""

    @property
    def omega(self) -> Neurons:
        """W."""

    @property
    def start(self) -> Neurons:
        """W0."""

    output: Array
    inputs: Inputs

    @property
    def shrink(self) -> Number:
        """m^{-1/2}."""


def _size(start: Neurons, x: int) -> arb:
    return root(arb(start.problem.inputs.products[x][x]))


def _sums(start: Neurons, x: int, power: int, members: Array, first: int, last: int) -> list[fmpq]:
    """The sums of the k smallest |W0_r'x|^power over the members, k = first..last, exactly.

    A member that is certainly below all but `first` of them is one of the `first` smallest, whatever the order of equal
    ones; one that is certainly above `last` of them is none of the `last` smallest. Others are evaluated and sorted.
    """
    weights, row = start.weights, start.problem.inputs.rows[x]
    low, high = (bound[members] for bound in start.near(x))
    within = high < np.partition(low, first)[first] if first < len(low) else np.full(len(low), True)
    beyond = low > np.partition(high, last - 1)[last - 1] if last > 0 else np.full(len(low), True)
    inside = members[within]
    if power == 1:
        coefficients = np.zeros((1, weights.width))
        coefficients[0, inside] = start.signs.signs[inside, x]
        total = dot(weights.sums(coefficients)[0], row)
    else:
        total = weights.square_sum(inside, row)
    others = sorted(abs(weights.dot(int(r), row)) ** power for r in members[~within & ~beyond])
    sums = list(itertools.accumulate(others, initial=total))
    return sums[first - len(inside) : last - len(inside) + 1]


def _near(start: Neurons, x: int, members: Array) -> Array:
    """|W0_r'x| of the members, the smallest first, as float64 has them: a proposal."""
    low, high = start.near(x)
    return np.sort((low / 2 + high / 2)[members])


def _windows(guess: int, count: int) -> Iterator[tuple[int, int]]:
    """Windows around a proposal, wider and wider, up to 0..count."""
    for spread in (4 * 8**k for k in itertools.count()):
        first, last = max(guess - spread, 0), min(guess + spread, count)
        yield first, last
        if (first, last) == (0, count):
            return


def budget_counts(
    start: Neurons, budget: arb, xs: Sequence[int], power: int = 2, squared: fmpq | None = None
) -> list[arb]:
    """k*(B) at each x; 0 at x = 0, where nothing flips. (The power is 2; a mutant tries 1.)

    Exact sums decide, float64 proposes where to look: what is left open is whether such a sum is within an inexact B.
    `squared`: B^2 exactly, which decides ties.
    """
    found = []
    for x in xs:
        product = start.problem.inputs.products[x][x]
        limit: arb | fmpq = budget * root(arb(product))
        if power == 2:
            limit = square(budget) * arb(product) if squared is None else squared * product
        found.append(arb(0) if start.problem.inputs.vanishing[x] else _count(start, x, limit, power))
    return found


def _count(start: Neurons, x: int, limit: arb | fmpq, power: int) -> arb:
    """How many of the smallest |W0_r'x|^power sum to at most the limit: sums grow, so a window decides if it holds one
    that certainly does (or none at all), and one that certainly does not (or all)."""
    count = start.weights.width
    if isinstance(limit, arb) and not limit.is_finite():
        return arb(0).union(arb(count))
    members = np.arange(count)
    reach = midpoint(root(arb(limit)) if power == 2 else arb(limit))
    with np.errstate(all="ignore"):
        guess = int((np.cumsum((_near(start, x, members) / reach) ** power) <= 1).sum())
    for first, last in _windows(guess, count):
        sums = _sums(start, x, power, members, first, last)
        surely = first + sum(bool(limit >= total) for total in sums) - 1
        perhaps = first + sum(not limit < total for total in sums) - 1
        if (first == 0 or surely >= first) and (last == count or perhaps < last):
            return arb(max(surely, 0)).union(arb(perhaps))
    raise AssertionError("the last window holds all sums")


def _over_support(problem: Pair, bound: Callable[[int, Array], arb]) -> list[arb]:
    """Of the inputs and the output weights [m] of each component [k c]: 0 at x = 0, where nothing flips."""
    return [
        arb(0) if vanishing else bound(x, signs)
        for x, vanishing in enumerate(problem.inputs.vanishing)
        for signs in problem.output
    ]


@OVERFLOWING
def displacement_bounds(problem: Pair) -> list[arb]:
    """m^{-1/2} ||x|| max_{+-} sum_{b_r = +-} (d_r - a_r)_+ at the support [k]."""
    start, omega = problem.start, problem.omega
    low, high = row_distances(omega.weights, start.weights)

    @cache
    def moved(r: int) -> arb:
        pairs = zip(omega.weights.row(r), start.weights.row(r), strict=True)
        return norm([arb(u - v) for u, v in pairs])

    def bound(x: int, signs: Array) -> arb:
        near, far = start.near(x)
        size = _size(start, x)
        small, large = bounds(size)
        candidates = np.flatnonzero(high * large * (1 + 2.0**-40) >= near)
        sums = []
        for sign in (1.0, -1.0):
            chosen = candidates[signs[candidates] == sign]
            if len(candidates) <= CLOSE:
                reaches = (moved(r) * size - _still(start, r, x) for r in chosen.tolist())
                sums.append(sum((reach.max(arb(0)) for reach in reaches), start=arb(0)))
            else:
                slack = 1 + 2.0**-30
                least = np.maximum(low[chosen] * small - far[chosen], 0.0).sum() / slack
                most = np.maximum(high[chosen] * large - near[chosen], 0.0).sum() * slack
                rounding = 2.0**-48 * float((high[chosen] * large).sum()) + UNDERFLOW
                sums.append(arb(max(float(least) - rounding, 0.0)).union(arb(float(most) + rounding)))
        return sums[0].max(sums[1]) * problem.shrink

    return _over_support(problem, bound)


def _still(start: Neurons, r: int, x: int) -> arb:
    """|W0_r'x|."""
    return arb(abs(start.weights.dot(r, start.problem.inputs.rows[x])))


def worst_cases(problem: Pair, budget: arb) -> list[arb]:
    """sup_{||W - W0|| <= B} |f - phi_0'W| at the support [k]: the closed form at an atom,

    m^{-1/2} max_{+-} max_K [ B ||x|| sqrt K - sum of the K smallest |W0_r'x| with b_r = +- ].
    """
    start = problem.start

    def bound(x: int, signs: Array) -> arb:
        reach = budget * _size(start, x)
        best = arb(0)
        for sign in (1.0, -1.0):
            best = best.max(_one_sign(start, x, np.flatnonzero(signs == sign), reach))
        return best * problem.shrink

    return _over_support(problem, bound)


def _one_sign(start: Neurons, x: int, members: Array, reach: arb) -> arb:
    """max_K [reach sqrt K - sum of the K smallest], exactly: concave in K, so a window holds the maximum if it rises
    at its beginning (or begins with K = 0) and falls at its end (or holds all)."""
    count = len(members)
    if not reach.is_finite():
        return arb("nan")
    with np.errstate(all="ignore"):
        values = midpoint(reach) * np.sqrt(np.arange(1.0, count + 1)) - np.cumsum(_near(start, x, members))
        guess = int(np.argmax(np.where(np.isfinite(values), values, -np.inf))) + 1 if count else 0
    for first, last in _windows(guess, count):
        sums = _sums(start, x, 1, members, first, last)
        roots = [arb(k).sqrt() for k in range(first, last + 1)]
        rises = [reach * (s - r) - (v - u) for (r, s), (u, v) in zip(pairwise(roots), pairwise(sums), strict=True)]
        if (first == 0 or rises[0] >= 0) and (last == count or rises[-1] <= 0):
            best = arb(0)
            for r, total in zip(roots, sums, strict=True):
                best = best.max(reach * r - total)
            return best
    raise AssertionError("the last window holds all sums")


@OVERFLOWING
def own_bounds(problem: Pair) -> list[arb]:
    """m^{-1/2} ||x|| max_{+-} sum_{b_r = +-} d_r 1{|W_r'x| <= d_r ||x||} at the support [k]."""
    omega = problem.omega
    low, high = row_distances(omega.weights, problem.start.weights)

    def bound(x: int, signs: Array) -> arb:
        near, far = omega.near(x)
        size = _size(omega, x)
        small, large = bounds(size)
        best = arb(0)
        for sign in (1.0, -1.0):
            own = signs == sign
            least = low[own & (far + UNDERFLOW <= low * small * (1 - 2.0**-40))].sum() / (1 + 2.0**-30)
            most = high[own & (near <= high * large * (1 + 2.0**-40) + UNDERFLOW)].sum() * (1 + 2.0**-30)
            best = best.max(arb(max(float(least) - UNDERFLOW, 0.0)).union(arb(float(most) + UNDERFLOW)))
        return best * size * problem.shrink

    return _over_support(problem, bound)
