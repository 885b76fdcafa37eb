"""What omega is stationary for, where adaptation and query have rows of their own: on one law or both, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, norm, rational, to_float
from metagap.impl.losses import Loss
from metagap.impl.optimum.loops import _Field, stationary_for
from metagap.impl.optimum.objectives import Loop
from metagap.impl.optimum.stack import Balls2
from metagap.impl.own_tasks import from_arrays
from metagap.impl.supervised import taylor
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.impl.supervised.maml import Problem
from scipy.optimize import root

from .test_split import drawn

C, W = fmpq(1, 4), fmpq(2)
LINE = [((fmpq(3), fmpq(-1), fmpq(1)), (fmpq(2),)), ((fmpq(5),), (fmpq(1), fmpq(4)))]
"""Labels of support and query rows of two tasks at x = 1, squared: a step contracts to the mean."""


def line() -> MetaSLInstance:
    labels = [(i, role, to_float(y)) for i, pair in enumerate(LINE)
              for role, side in zip(("support", "query"), pair, strict=True) for y in side]  # fmt: skip
    task, split, y = (list(column) for column in zip(*labels, strict=True))
    made = from_arrays([[1.0]] * len(y), y, task, split=split, eta=C)
    return replace(made, omega=(W,))


def mean(values: tuple[fmpq, ...]) -> fmpq:
    return sum(values, start=fmpq(0)) / len(values)


def by_hand(on: str | None) -> fmpq:
    total = fmpq(0)
    for support, query in LINE:
        s, q = {"query": (query, query), "support": (support, support), "all": (support + query,) * 2}.get(
            on or "", (support, query)
        )
        total += (1 - C) * ((1 - C) * W + C * mean(s) - mean(q)) / 2
    return total


@pytest.mark.parametrize("on", [None, "query", "support", "all"])
def test_gradients_on_one_law_by_hand(on: str | None) -> None:
    field, exact, loop = _Field(line(), lambda: None), by_hand(on), Loop("", "", C, 1, on=on)
    mid, error = field._gradient(loop, field.omega)
    assert error < 1e-12 and abs(mid[0] - to_float(exact)) <= error
    with ctx.workprec(128):
        (fine,) = field._balls.in_balls(loop)
        assert fine.contains(exact) and fine.rad() < 1e-30
    assert all(abs(by_hand(other) - exact) > fmpq(1, 100) for other in (None, "query", "support", "all") if other != on)


@pytest.mark.parametrize("loss", ["logistic", "log-cosh"])
def test_both_enclosures_hold_the_same_gradient(loss: str) -> None:
    made = drawn(2, C, loss=loss)
    field = _Field(made, lambda: None)
    with ctx.workprec(128):
        assert all(
            a.overlaps(b)
            for a, b in zip(
                taylor.gradient(Problem(made, Balls)), field._balls.in_balls(Loop("", "", C, 2)), strict=True
            )
        )
    for on in ("query", "support", "all"):
        loop = Loop("", "", C, 2, on=on)
        mid, error = field._gradient(loop, field.omega)
        with ctx.workprec(128):
            pairs = zip(field._balls.in_balls(loop), mid.tolist(), strict=True)
            assert norm([a - arb(float(b)) for a, b in pairs]) <= error < 1e-9


def trained(made: MetaSLInstance, loop: Loop) -> MetaSLInstance:
    """With omega where that loop stops."""
    field = _Field(made, lambda: None)

    def slope(theta: np.ndarray) -> np.ndarray:
        return field._gradient(loop, Balls2(theta[None], np.zeros(1)))[0]

    found = root(slope, np.zeros(made.dimension), tol=1e-13)
    assert np.linalg.norm(slope(found.x)) < 1e-9
    return replace(made, omega=tuple(rational(float(v)) for v in found.x))


@pytest.mark.ci(every=8)
@pytest.mark.parametrize("loss", ["squared", "log-cosh"])
@pytest.mark.parametrize(
    ("name", "loop"),
    [
        ("maml", Loop("", "", C, 1)),
        ("query-is-support", Loop("", "", C, 1, on="query")),
        ("support-is-query", Loop("", "", C, 1, on="support")),
        ("no-split", Loop("", "", C, 1, on="all")),
        ("first-order", Loop("", "", C, 1, first_order=True)),
        ("no-adaptation", Loop("", "", C, 0)),
        ("steps=3", Loop("", "", C, 3)),
        ("rate=0.05", Loop("", "", fmpq(1, 20), 1)),
    ],
)
def test_the_loop_is_named(name: str, loop: Loop, loss: str) -> None:
    found = stationary_for(trained(drawn(1, C, loss=loss), loop))
    if name == "maml":
        assert found.other is None and found.found[0].loop.objective == "maml"
    else:
        assert found.other is not None and found.other.loop.objective == name
        assert found.found[0] is found.other and found.other.eps.hi < 1e-8


def test_a_split_that_was_not_said_is_named_and_one_that_was_is_the_problem() -> None:
    rng = np.random.default_rng(3)
    x, y, task = rng.standard_normal((20, 2)), rng.standard_normal(20), np.repeat(np.arange(4), 5).tolist()
    first = from_arrays(x, y, task, loss=Loss("log-cosh"), eta=fmpq(4, 5))
    omega = trained(first, Loop("", "", fmpq(4, 5), 1, support=2)).omega
    told = stationary_for(replace(first, omega=omega))
    assert told.other is not None and told.other.loop.objective == "support/query"
    assert "first 2 rows" in told.other.loop.words
    split = (["support"] * 2 + ["query"] * 3) * 4
    said = replace(from_arrays(x, y, task, split=split, loss=Loss("log-cosh"), eta=fmpq(4, 5)), omega=omega)
    own = stationary_for(said)
    assert own.other is None and own.found[0].loop.objective == "maml" and own.found[0].eps.hi < 1e-9
    assert math.isfinite(own.found[0].eps.lo)
