"""Ranges of losses over intervals, in arrays: they contain, are sharp, and decide nothing where they are infinite."""

from __future__ import annotations

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, rational
from metagap.impl.loss_ranges import LossRanges
from metagap.impl.losses import LOSSES, Link, Loss
from metagap.impl.midrad import MidRad

from .samples import BITS

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

LABELS = {
    Link.RESIDUAL: [fmpq(0), fmpq(1, 3), fmpq(-7, 4)],
    Link.MARGIN: [fmpq(1), fmpq(-1)],
    Link.CANONICAL: [fmpq(0), fmpq(3), fmpq(1, 7)],
}


@pytest.mark.parametrize("name", LOSSES)
def test_ranges_of_losses_contain_and_are_sharp(name: str, effort: int) -> None:
    """Values between the ends of intervals, wide and narrow, that begin or end at turning points and joints."""
    rng = np.random.default_rng(11)
    loss = Loss(name, fmpq(3, 4) if LOSSES[name].profile.parameter else None)
    labels = LABELS[loss.link]
    ranges = LossRanges(loss, labels, (len(labels),))
    n = 60 * effort
    centre = np.where(rng.random(n) < 0.3, rng.choice([0, 0.75, -0.75, 1, -1, 1 / 3], n), rng.normal(size=n) * 4)
    half = rng.choice([0, 1e-12, 0.01, 0.5, 3, 20], n)
    low, high = centre - half, centre + half
    with ctx.workprec(BITS):
        for order in range(4):
            bottom, top = (np.broadcast_to(e, (len(labels), n)) for e in ranges.over(order, low[None], high[None]))
            for i, y in enumerate(labels):
                for b in range(n):
                    # float64 knows z - y to a few units in the last place: a joint may lie that far from an end.
                    ulps = arb(float(np.spacing(4 * (1 + abs(centre[b]) + half[b]))))
                    ends = (arb(float(low[b])) - ulps).union(arb(float(high[b])) + ulps)
                    sharp = loss.range(order, ends, arb(y))
                    for share in (0, 1, fmpq(1, 2), fmpq(int(rng.integers(0, 17)), 16)):
                        z = rational(float(low[b])) * (1 - share) + rational(float(high[b])) * share
                        value = (loss.value, loss.d1, loss.d2, loss.d3)[order](Balls, arb(z), arb(y))
                        assert not value < float(bottom[i, b])
                        assert not value > float(top[i, b])
                    room = 1e-12 * float(abs(sharp).upper() + 1)
                    assert float(sharp.lower()) - room <= bottom[i, b]
                    assert top[i, b] <= float(sharp.upper()) + room
                at = loss_at(ranges, order, centre)
                for b in range(n):
                    value = (loss.value, loss.d1, loss.d2, loss.d3)[order](Balls, arb(float(centre[b])), arb(y))
                    assert not value < float(at.low[i, b])
                    assert not value > float(at.high[i, b])


def loss_at(ranges: LossRanges, order: int, z: np.ndarray) -> MidRad:
    return ranges.at(order, MidRad(z[None])) + np.zeros((len(ranges.labels.mid), len(z)))


@pytest.mark.parametrize("name", LOSSES)
def test_ranges_over_infinite_intervals_decide_nothing(name: str) -> None:
    loss = Loss(name, fmpq(3, 4) if LOSSES[name].profile.parameter else None)
    ranges = LossRanges(loss, [fmpq(1)], (1,))
    for low, high in ((-np.inf, 1.0), (0.0, np.inf), (np.nan, 0.0)):
        for order in range(3):
            bottom, top = ranges.over(order, np.array([low]), np.array([high]))
            assert not (bottom > 0).any()
            assert not (top < 0).any()
    far = LossRanges(loss, [fmpq(10) ** 400], (1,))
    if loss.link is Link.RESIDUAL:
        assert not (far.over(0, np.zeros(1), np.ones(1))[0] > 0).any()
