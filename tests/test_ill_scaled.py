"""Features of very different sizes: no bracket that is certified is contradicted by a value in balls."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import PROPOSING, rational, root
from metagap.impl.bracket import Status
from metagap.impl.losses import LOSSES, Link, Loss
from metagap.impl.optimum import Budget, NotCoerciveError, Optimum, UnsupportedError, minimise
from metagap.impl.optimum.certificate import basis
from metagap.impl.optimum.descent import improve, scattered
from metagap.impl.optimum.exact import exact_value
from metagap.impl.optimum.landscape import Landscape
from metagap.impl.supervised.adaptation import Adaptation, Gradient, Implicit
from metagap.impl.supervised.generate import LANDSCAPES
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task

KINDS = (*LANDSCAPES.variants, "huber", "double-well", "geman-mcclure")
PARAMETERS = {"quartic": fmpq(1, 4), "pseudo-huber": fmpq(1), "huber": fmpq(1, 2)}
BITS = 320


def ill_scaled(loss: str, seed: int) -> MetaSLInstance:
    """Columns with entries of 1 to 1e16 plus small parts, some the last one up to an ulp; d = 1-4."""
    rng = np.random.default_rng((seed, KINDS.index(loss)))
    n, k, d = rng.integers(1, 4), rng.integers(1, 5), rng.integers(1, 5)
    table = np.round(10.0 ** rng.uniform(0, 16, d) * rng.choice([1.0, -1.0], d)) + rng.integers(-12, 13, (k, d)) / 4
    for j in range(1, d):
        if rng.random() < 0.5:
            table[:, j] = np.nextafter(table[:, j - 1], rng.choice([-np.inf, np.inf], k))
            table[:, j] = np.where(rng.random(k) < 0.5, table[:, j - 1], table[:, j])
    link, tasks = LOSSES[loss].link, []
    for _ in range(n):
        raw, masses = rng.integers(-12, 13, k), rng.integers(1, 5, k)
        labels = np.where(raw >= 0, 4, -4) if link is Link.MARGIN else np.abs(raw) if link is Link.CANONICAL else raw
        atoms = (Atom(x, fmpq(int(labels[x]), 4), fmpq(int(masses[x]), int(masses.sum()))) for x in range(k))
        tasks.append(Task(fmpq(1, int(n)), tuple(atoms)))
    largest = rational(max(float(np.abs(table).max()), 1.0))
    adaptation: Adaptation = Gradient(fmpq(0))
    if rng.random() < 0.6:
        adaptation = Gradient(fmpq(int(rng.integers(1, 9)), 8) / (largest * largest), int(rng.integers(1, 3)))
    elif rng.random() < 0.3 and loss in ("squared", "logistic", "log-cosh", "pseudo-huber"):
        adaptation = Implicit(largest * largest / int(rng.integers(1, 5)))
    zero = (fmpq(0),) * int(d)
    rows = tuple(tuple(rational(float(v)) for v in row) for row in table)
    return MetaSLInstance(Loss(loss, PARAMETERS.get(loss)), adaptation, rows, tuple(tasks), zero, zero, fmpq(1))


def radius_of(seed: int) -> fmpq:
    """4 or less, down to where predictions are about 1."""
    return fmpq(4) / 2 ** int(np.random.default_rng((seed, 99)).choice([0, 0, 1, 8, 24, 40]))


@PROPOSING
def lowest(instance: MetaSLInstance, radius: fmpq, found: Optimum, seed: int, starts: int = 12) -> arb:
    """The lowest value in balls at exact points of the ball: many descents, and steps of every size from the best."""
    scape, rng = Landscape(instance), np.random.default_rng(seed)
    size = float(int(radius.p)) / int(radius.q)
    points = scattered(starts, scape.dimension, size) * 10.0 ** -rng.uniform(0, 17, (starts, 1))
    points = np.where(rng.random(points.shape) < 0.5, points, points * np.minimum(scape.scale / size, 1.0))
    ends = improve(scape, points, size)[0]
    with ctx.workprec(BITS):
        units = [[v / root(sum((w * w for w in b), start=arb(0))).mid() for v in map(arb, b)] for b in basis(instance)]
        directions = [[_exactly(v) for v in unit] for unit in units]

        def value(t: list[fmpq]) -> arb | None:
            theta = tuple(
                sum((c * u[i] for c, u in zip(t, directions, strict=True)), start=fmpq(0))
                for i in range(instance.dimension)
            )
            inside = sum((v * v for v in theta), start=fmpq(0)) <= radius * radius
            return exact_value(instance, theta, BITS) if inside else None

        known = [list(map(rational, map(float, t))) for t in (*ends, *points)]
        if found.certificate is not None and found.certificate.how != "convex":
            known.append(list(found.certificate.at))
        pairs = [(v, t) for t in known if (v := value(t)) is not None and v.is_finite()]
        if not pairs:
            return arb("inf")
        best, at = min(pairs, key=lambda pair: float(pair[0].mid()))
        for exponent in range(2, 70, 6):
            for j in range(len(at)):
                for sign in (-1, 1):
                    trial = [v + (sign * radius / fmpq(2) ** exponent if i == j else 0) for i, v in enumerate(at)]
                    here = value(trial)
                    if here is not None and here < best:
                        best, at = here, trial
        return best


def _exactly(ball: arb) -> fmpq:
    mantissa, exponent = ball.mid().man_exp()
    return fmpq(mantissa) * fmpq(2) ** int(exponent)


def examined(loss: str, seed: int, budget: Budget, convexity: bool = True) -> Status | None:
    """The status of one problem's bracket, after every value was held against its proved end; None: not supported."""
    instance, radius = ill_scaled(loss, seed), radius_of(seed)
    try:
        found = minimise(instance, radius, budget, convexity=convexity)
    except (UnsupportedError, NotCoerciveError):
        return None
    assert found.lower <= found.upper
    value = lowest(instance, radius, found, seed)
    assert not value < arb(found.sure), (loss, seed, found.status, found.how, found.sure, value.str(17))
    return found.status


@pytest.mark.ci(every=10)
@pytest.mark.parametrize("loss", KINDS)
def test_no_proved_end_is_contradicted(loss: str, effort: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of them by bounds that are else for long searches."""
    budget = Budget(boxes=400, seconds=1.0)
    found = []
    for seed in range(6 * effort):
        monkeypatch.setattr(sys.modules["metagap.impl.optimum.search"], "PATIENCE", 0 if seed % 4 > 1 else 10_000)
        found.append(examined(loss, seed, budget, convexity=seed % 2 == 0))
    assert any(status is not None for status in found)
