"""Elementary functions of midpoint-radius numbers: against balls, at every scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import elementary as kernels
from metagap.impl.arithmetic import Balls, root
from metagap.impl.elementary import MidRads
from metagap.impl.midrad import MidRad

from .samples import BITS, escaped, finite, in_parts, numbers, sample

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

ELEMENTARY: dict[str, Callable[[arb], arb]] = {
    "exp": arb.exp,
    "sqrt": root,
    "tanh": arb.tanh,
    "sech": arb.sech,
    "log_cosh": Balls.log_cosh,
    "softplus": Balls.softplus,
    "sigmoid": Balls.sigmoid,
    "magnitude": abs,
}
EPS = {"exp": 8, "tanh": 20, "sech": 16, "log_cosh": 40, "softplus": 20, "sigmoid": 12}
"""The claimed relative errors, in units of u."""


def elementary(name: str, seed: int, count: int) -> tuple[int, float]:
    rng = np.random.default_rng(seed)
    ordinary = rng.normal(size=count) * 10.0 ** rng.uniform(-6, 3, count)
    mid = np.choose(rng.integers(0, 3, count), [ordinary, rng.uniform(-760, 760, count), numbers(rng, count)])
    a, x = sample(rng, mid)
    found = getattr(MidRads, name)(a)
    with ctx.workprec(BITS):
        # A root's argument is known not to be negative.
        exact = [None if name == "sqrt" and v < 0 else _at(name, v) for v in x]
        return escaped(found, exact), finite(found)


def _at(name: str, value: fmpq) -> arb | None:
    found = ELEMENTARY[name](arb(value))
    return found if found.is_finite() else None


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_contain(name: str, count: int) -> None:
    outside, usable = in_parts(elementary, name, count)
    assert outside == 0
    assert usable > 0.3


@pytest.mark.parametrize("name", EPS)
def test_elementary_functions_keep_their_claims(name: str, count: int) -> None:
    """At exact points, relative errors are below what is claimed; and the claim is no more than 12 times too large."""
    rng = np.random.default_rng(4)
    x = np.concatenate(
        [rng.uniform(-3, 3, count // 2), rng.normal(size=count // 2) * 10.0 ** rng.uniform(-8, 2.4, count // 2)]
    )
    found = getattr(MidRads, name)(MidRad(x))
    worst = 0.0
    with ctx.workprec(BITS):
        for value, mid in zip(x.tolist(), found.mid.tolist(), strict=True):
            exact = ELEMENTARY[name](arb(value))
            if value != 0 and abs(exact) > arb(2) ** -880:
                worst = max(worst, float(abs(arb(mid) / exact - 1).upper()))
    assert EPS[name] / 12 < worst * 2**53 < EPS[name]


@pytest.mark.ci(every=3)
@pytest.mark.parametrize(
    ("constant", "value", "name"),
    [
        ("_EXP", kernels._EXP[:10], "exp"),
        ("_EXP", [*kernels._EXP[:3], kernels._EXP[3] * (1 + 2.0**-30), *kernels._EXP[4:]], "sigmoid"),
        ("_LN2_LOW", 0.0, "exp"),
        ("_ATANH", kernels._ATANH[:11], "softplus"),
        ("_ATANH", kernels._ATANH[:6], "log_cosh"),
        ("_LN2", kernels._LN2 + 2.0**-48, "log_cosh"),
        ("U", 0.0, "tanh"),
        ("U", 0.0, "sech"),
        ("U", 0.0, "sqrt"),
        ("_MOST", 720.0, "exp"),
    ],
)
def test_wrong_kernels_are_refused(constant: str, value: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, constant, value)
    assert elementary(name, 3, 3000)[0] > 0
