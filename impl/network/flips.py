"""Which neurons can flip, and what that does to the linearisation at W0: counts and closed forms, enclosed.

With a_r = |W0_r'x| / ||x|| and d_r = ||W_r - W0_r|| a neuron flips at x only if a_r <= d_r, so with sum d_r^2 <= B^2 at
most k*(B) = max{k: sum of the k smallest a_r^2 <= B^2} of them do.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from flint import arb, fmpq

from ..arithmetic import bounds, norm, root
from .network import NetworkProblem, Neurons
from .weights import row_distances

Array = np.ndarray

CLOSE = 512
"""Neurons near their kink that are evaluated in balls; beyond that float64 with error bounds serves."""


def _distances(start: Neurons, x: int) -> tuple[Array, Array]:
    """|W0_r'x| [m] from below and from above."""
    found = start.signs
    near, error = np.abs(found.values[:, x]), found.errors[:, x]
    low, high = np.maximum(near - error, 0.0), near + error
    for (r, y), q in found.exact.items():
        if y == x:
            low[r], high[r] = bounds(arb(abs(q)))
    return low, high


def _size(start: Neurons, x: int) -> arb:
    return root(arb(start.problem.inputs.products[x][x]))


def budget_counts(
    start: Neurons, budget: arb, xs: Sequence[int], power: int = 2, squared: fmpq | None = None
) -> list[arb]:
    """k*(B) at each x, enclosed; 0 at x = 0, where nothing flips. (The power is 2; a mutant tries 1.)

    `squared`: B^2 exactly, which decides ties.
    """
    least, most = bounds(budget)
    found = []
    for x in xs:
        if start.problem.inputs.vanishing[x]:
            found.append(arb(0))
            continue
        low, high = _distances(start, x)
        small, large = bounds(_size(start, x))
        slack = 1 + 2.0**-30
        upper = np.cumsum(np.sort(low / large) ** power) / slack
        lower = np.cumsum(np.sort(high / small) ** power) * slack
        with np.errstate(over="ignore"):
            inner, outer = np.float64(max(least, 0.0)) ** power / slack, np.float64(most) ** power * slack
        fewest = int((np.isfinite(lower) & (lower <= inner)).sum())
        largest = int((upper <= outer).sum())
        if fewest < largest <= CLOSE and power == 2 and squared is not None:
            fewest = largest = _exact_count(start, x, low, high, squared)
        found.append(arb(fewest).union(arb(largest)))
    return found


def _exact_count(start: Neurons, x: int, low: Array, high: Array, squared: fmpq) -> int:
    """k*(B) from exact distances, of the neurons that may be among the nearest."""
    inputs = start.problem.inputs
    limit = squared * inputs.products[x][x]
    near = np.flatnonzero(low <= np.sort(high)[min(CLOSE, len(high) - 1)])
    squares = sorted(start.weights.dot(int(r), inputs.rows[x]) ** 2 for r in near)
    sums = itertools.accumulate(squares)
    return sum(1 for _ in itertools.takewhile(lambda total: total <= limit, sums))


def displacement_bounds(problem: NetworkProblem) -> list[arb]:
    """m^{-1/2} ||x|| max_{+-} sum_{b_r = +-} (d_r - a_r)_+ at the support [k]."""
    start, omega = problem.start, problem.omega
    low, high = row_distances(omega.weights, start.weights)
    found = []
    for x in range(len(problem.inputs.rows)):
        if problem.inputs.vanishing[x]:
            found.append(arb(0))
            continue
        near, far = _distances(start, x)
        size = _size(start, x)
        small, large = bounds(size)
        candidates = np.flatnonzero(high * large * (1 + 2.0**-40) >= near)
        sums = []
        for sign in (1.0, -1.0):
            chosen = candidates[problem.output[candidates] == sign]
            if len(candidates) <= CLOSE:
                sums.append(sum((_reach(problem, int(r), x, size) for r in chosen), start=arb(0)))
            else:
                slack = 1 + 2.0**-30
                least = np.maximum(low[chosen] * small - far[chosen], 0.0).sum() / slack
                most = np.maximum(high[chosen] * large - near[chosen], 0.0).sum() * slack
                rounding = 2.0**-48 * float((high[chosen] * large).sum())
                sums.append(arb(max(float(least) - rounding, 0.0)).union(arb(float(most) + rounding)))
        found.append(sums[0].max(sums[1]) * problem.shrink)
    return found


def _reach(problem: NetworkProblem, r: int, x: int, size: arb) -> arb:
    """(d_r ||x|| - |W0_r'x|)_+."""
    first, second = problem.omega.weights.row(r), problem.start.weights.row(r)
    moved = norm([arb(u - v) for u, v in zip(first, second, strict=True)])
    still = arb(abs(problem.start.weights.dot(r, problem.inputs.rows[x])))
    return (moved * size - still).max(arb(0))


def worst_cases(problem: NetworkProblem, budget: arb) -> list[arb]:
    """sup_{||W - W0|| <= B} |f - phi_0'W| at the support [k]: the closed form at an atom,

    m^{-1/2} max_{+-} max_K [ B ||x|| sqrt K - sum of the K smallest |W0_r'x| with b_r = +- ].
    """
    start = problem.start
    found = []
    for x in range(len(problem.inputs.rows)):
        if problem.inputs.vanishing[x]:
            found.append(arb(0))
            continue
        reach = budget * _size(start, x)
        best = arb(0)
        for sign in (1.0, -1.0):
            best = best.max(_one_sign(start, x, np.flatnonzero(problem.output == sign), reach))
        found.append(best * problem.shrink)
    return found


def _one_sign(start: Neurons, x: int, members: Array, reach: arb) -> arb:
    """max_K [reach sqrt K - sum of the K smallest]: concave in K, so the float proposal and its neighbours decide."""
    low, high = (v[members] for v in _distances(start, x))
    below = np.concatenate([[0.0], np.cumsum(np.sort(low))]) / (1 + 2.0**-30)
    above = np.concatenate([[0.0], np.cumsum(np.sort(high))]) * (1 + 2.0**-30)
    roots = np.sqrt(np.arange(len(members) + 1.0))
    least, most = bounds(reach)
    upper = most * roots * (1 + 2.0**-50) - below
    floor = float((least * roots * (1 - 2.0**-50) - above).max())
    proposals = np.flatnonzero(upper >= floor - 2.0**-30 * abs(floor) - 2.0**-900)
    if not len(proposals):
        return arb("nan")  # beyond float64
    last = int(proposals[-1])
    if last == 0:
        return arb(0)
    nearest = members[low <= np.sort(high)[last - 1]]
    if len(nearest) > CLOSE:
        return arb(max(floor, 0.0)).union(arb(max(float(upper.max()), 0.0)))
    rows = start.problem.inputs.rows[x]
    exact = sorted(abs(start.weights.dot(int(r), rows)) for r in nearest)
    best, total = arb(0), arb(0)
    chosen = set(proposals.tolist())
    for count, value in enumerate(exact[:last], start=1):
        total += arb(value)
        if count in chosen:
            best = best.max(reach * arb(count).sqrt() - total)
    return best


def own_bounds(problem: NetworkProblem) -> list[arb]:
    """m^{-1/2} ||x|| max_{+-} sum_{b_r = +-} d_r 1{|W_r'x| <= d_r ||x||} at the support [k]."""
    omega = problem.omega
    low, high = row_distances(omega.weights, problem.start.weights)
    found = []
    for x in range(len(problem.inputs.rows)):
        if problem.inputs.vanishing[x]:
            found.append(arb(0))
            continue
        near, far = _distances(omega, x)
        size = _size(omega, x)
        small, large = bounds(size)
        best = arb(0)
        for sign in (1.0, -1.0):
            own = problem.output == sign
            least = low[own & (far <= low * small * (1 - 2.0**-40))].sum() / (1 + 2.0**-30)
            most = high[own & (near <= high * large * (1 + 2.0**-40))].sum() * (1 + 2.0**-30)
            best = best.max(arb(float(least)).union(arb(float(most))))
        found.append(best * size * problem.shrink)
    return found
