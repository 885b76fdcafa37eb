"""Second derivatives of the meta-objective in arrays: they contain those of power series along the same direction."""

from __future__ import annotations

import pytest
from flint import arb, ctx
from metagap.impl.batch_judge import ends_of
from metagap.impl.enclosed.quantities import UnknownError
from metagap.impl.families import META_SL
from metagap.impl.supervised import taylor
from metagap.impl.supervised.enclosed.quantities import EnclosedQuantities, enclosed_quantities
from metagap.impl.verdicts import fit_ends

from .test_batch_judge import batches

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

DRAWN = (
    ("arbitrary", "log-cosh"), ("rates", "logistic"), ("support-query", "pseudo-huber"), ("vector-outputs", "softmax"),
    ("vector-outputs", "squared"), ("functions", "quartic"),
)  # fmt: skip


def looks(at: EnclosedQuantities, batch: object) -> list[bool]:
    """Of each instance whether it is sharp, after it was compared: the direction is that of the arrays."""
    found, sharp = at("curvature_size"), []
    for b, along in enumerate(at._steepest.mid.tolist()):
        low, high = (float(end[b]) for end in ends_of(found))
        with ctx.workprec(256):
            right = abs(taylor.curvature(META_SL.quantities(batch.instance(b)).problem, [arb(v) for v in along]))
            room = arb(2) ** -48 * (1 + right)  # the direction's length is 1 but for its rounding
            if fit_ends((found.low[b], found.high[b])):
                assert low - room <= right <= high + room
        sharp.append(high - low <= 1e-6 * high + 1e-12)
    return sharp


@pytest.mark.parametrize(("name", "variant"), DRAWN)
def test_curvatures_contain_those_of_series(name: str, variant: str, effort: int) -> None:
    sharp: list[bool] = []
    for batch in batches(name, variant, 5, 4 * effort):
        try:
            sharp += looks(enclosed_quantities(batch), batch)
        except UnknownError:
            assert not batch.steps
    assert sum(sharp) >= 0.8 * len(sharp) > 0


def test_curvatures_at_joints_are_left_to_balls() -> None:
    for batch in batches("arbitrary", "huber", 5, 2):
        with pytest.raises(UnknownError):
            enclosed_quantities(batch)("curvature_size")
