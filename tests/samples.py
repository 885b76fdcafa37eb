"""Midpoint-radius numbers of every scale with a point in each, and how many exact values escape from enclosures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from flint import arb, fmpq
from metagap.impl.arithmetic import rational
from metagap.impl.midrad import MidRad

BITS = 256
PART = 50_000


def numbers(rng: np.random.Generator, count: int) -> np.ndarray:
    """Of every scale: ordinary ones, zero, subnormal, tiny, huge."""
    kinds = [
        rng.normal(size=count) * 10.0 ** rng.uniform(-5, 5, count),
        rng.integers(-8, 9, count) / 4,
        np.ldexp(rng.uniform(-1, 1, count), rng.integers(-1074, 1024, count)),
        np.ldexp(rng.uniform(-1, 1, count), rng.integers(-1074, -950, count)),
        np.ldexp(rng.uniform(-1, 1, count), rng.integers(900, 1025, count)),
    ]
    chosen: np.ndarray = np.choose(rng.choice(5, count, p=(0.6, 0.1, 0.1, 0.1, 0.1)), kinds)
    return chosen


def sample(rng: np.random.Generator, mid: np.ndarray) -> tuple[MidRad, list[fmpq]]:
    """Enclosures around `mid`, thin, narrow, wide and straddling 0; a point of each: its middle, an end, between."""
    size = np.abs(mid)
    radii = [0 * mid, size * 2.0**-50, size * rng.uniform(0, 2, mid.shape), np.abs(numbers(rng, len(mid))), 0 * mid]
    rad = np.minimum(np.choose(rng.integers(0, 5, mid.shape), radii), np.finfo(float).max)
    share = [
        fmpq(int(t), 8) for t in np.choose(rng.integers(0, 3, mid.shape), [0 * size, 8, rng.integers(-8, 9, mid.shape)])
    ]
    sign = rng.choice([-1, 1], mid.shape).tolist()
    points = [
        rational(m) + s * t * rational(r) for m, r, s, t in zip(mid.tolist(), rad.tolist(), sign, share, strict=True)
    ]
    return MidRad(mid, rad), points


def escaped(found: MidRad, exact: Sequence[Any]) -> int:
    """How many exact numbers lie outside their enclosures; what is not finite encloses anything."""
    mids, rads = np.broadcast_to(found.mid, found.shape).ravel(), np.broadcast_to(found.rad, found.shape).ravel()
    outside = 0
    for mid, rad, value in zip(mids.tolist(), rads.tolist(), exact, strict=True):
        if value is None or not (np.isfinite(mid) and np.isfinite(rad)):
            continue
        if isinstance(value, arb):
            low, high = arb(rational(mid) - rational(rad)), arb(rational(mid) + rational(rad))
            outside += bool(value < low or value > high)
        else:
            outside += bool(abs(value - rational(mid)) > rational(rad))
    return outside


def finite(found: MidRad) -> float:
    """The part that decides anything."""
    return float((np.isfinite(found.mid) & np.isfinite(found.rad)).mean())


def in_parts(run: Callable[[str, int, int], tuple[int, float]], name: str, count: int) -> tuple[int, float]:
    """The samples of a run with many, a part at a time: how many escaped, the least share that decides."""
    found = [run(name, seed, min(count, PART)) for seed in range(max(count // PART, 1))]
    return sum(outside for outside, _ in found), min(usable for _, usable in found)
