"""Products of midpoint-radius arrays: for any shape and scale they contain, and a wrong one stops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flint import ctx
from metagap.impl import blas
from metagap.impl.bracket import DefectError
from metagap.impl.midrad import MidRad
from metagap.impl.models.traced.products import product
from metagap.impl.models.traced.systems import Fine

from .samples import escaped
from .test_traced_operators import BITS

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
SHAPES = ((1, 1, 1), (3, 17, 5), (64, 129, 31), (2, 700, 3), (33, 1, 17))


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("shape", SHAPES)
def test_products_contain_for_any_shape_and_scale(shape: tuple[int, int, int]) -> None:
    i, n, j = shape
    rng = np.random.default_rng(n)
    a, b = (rng.normal(size=s) * 10.0 ** rng.uniform(-8, 8, s) for s in ((i, n), (n, j)))
    for left_size, right_size in ((0.0, 0.0), (1e-9, 0.0), (0.0, 1e-12), (1e-9, 1e-12)):
        left = MidRad(a, np.abs(a) * left_size * rng.random(a.shape))
        right = MidRad(b, np.abs(b) * right_size * rng.random(b.shape))
        found = product(left, right)
        with ctx.workprec(BITS):
            fine = Fine()
            for sign in (-1, 0, 1):
                ends = [fine.add(fine.of(x.mid), fine.mul(fine.of(x.rad), fine.lift(sign))) for x in (left, right)]
                assert escaped(found, list(fine.product(*ends).ravel())) == 0
    assert (found.rad <= 1e-6 * np.linalg.norm(a) * np.linalg.norm(b)).all()
    assert product(MidRad(0 * a), right).size.max() <= 2.0**-880


@pytest.mark.parametrize("lesser", [0, 1])
def test_products_bound_the_lesser_radius(lesser: int) -> None:
    """Of factors with radii, one far narrower: at the corner that moves every product outwards."""
    rng = np.random.default_rng(lesser)
    a, b = rng.random((2, 3, 3)) + 1
    radii = [1e-4, 1e-4]
    radii[lesser] = 1e-6
    left, right = (MidRad(x, r * rng.random(x.shape)) for x, r in zip((a, b), radii, strict=True))
    found = product(left, right)
    with ctx.workprec(BITS):
        fine = Fine()
        ends = [fine.add(fine.of(x.mid), fine.of(x.rad)) for x in (left, right)]
        assert escaped(found, list(fine.product(*ends).ravel())) == 0
    assert (found.rad < 1e-3).all()


@pytest.mark.parametrize("both", [False, True])
def test_products_of_huge_and_subnormal_numbers_contain(both: bool) -> None:
    """gamma |b| underflows there, gamma |a||b| does not. One column has a radius, the others have rounding alone."""
    rng, off = np.random.default_rng(0), 0
    for _ in range(40):
        tiny, huge = rng.integers(1, 40, (5, 3)) * 2.0**-1074, rng.uniform(1, 2, (4, 5)) * 2.0**900
        narrow, none = np.where(np.arange(3) == 0, 2.0**-1074, 0) * np.ones((5, 3)), np.zeros((4, 5))
        none[0, 0] = 2.0**840 * both
        for left, right in (
            (MidRad(huge, none), MidRad(tiny, narrow)),
            (MidRad(tiny.T, narrow.T), MidRad(huge.T, none.T)),
        ):
            with ctx.workprec(BITS):
                exact = Fine().product(*(Fine().of(x.mid) for x in (left, right)))
                try:
                    off += escaped(product(left, right), list(exact.ravel()))
                except DefectError as error:  # sizes that underflow make the product's own comparison fail
                    pytest.fail(str(error))
    assert off == 0


def test_a_wrong_product_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 2, 64, 64))
    right = blas._multiplied

    def wrong(x: Any, y: Any) -> Any:
        found = right(x, y)
        found[5, 7] += 1e-6
        return found

    product(MidRad(a), MidRad(b))
    monkeypatch.setattr(blas, "_multiplied", wrong)
    with pytest.raises(DefectError, match="does not multiply right"):
        [product(MidRad(a), MidRad(b)) for _ in range(9)]  # each is noticed with probability at least 1/2
