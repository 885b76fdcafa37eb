"""A dtype's own rounding: bounded for every order of operations, expected under a model, and what it may turn."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from metagap.impl import blas
from metagap.impl.bracket import DefectError
from metagap.impl.midrad import MidRad
from metagap.impl.models.traced.evaluate import evaluated
from metagap.impl.models.traced.graph import Graph, Node, Ref
from metagap.impl.models.traced.layers import _columns, _rows, windows
from metagap.impl.models.traced.middles import Middles
from metagap.impl.models.traced.products import PLAIN, product
from metagap.impl.models.traced.roundings import AnyOrder, Drawn, Format, Turned, Watched, _partial, confidence
from scipy.stats import chi2

SINGLE = Format(24, 2.0**-126)
FLOAT, STEP = np.float32, 2.0**-24


def within(found: MidRad, computed: Any) -> bool:
    return bool((np.abs(np.asarray(computed, dtype=float) - found.mid) <= found.rad).all())


# --- any order --------------------------------------------------------------------------------------------------------


def added(terms: Any) -> Any:
    total = FLOAT(0)
    for x in terms:
        total = FLOAT(total + x)
    return total


@pytest.mark.parametrize("n", [2, 30, 400])
def test_sums_in_any_order_lie_within(n: int) -> None:
    """1 and terms below its unit: from the left every one of them is lost, from the right none."""
    s, terms = AnyOrder(SINGLE), np.full(n, STEP, dtype=FLOAT)
    terms[0] = 1
    found = s.sum(s.of(terms), (0,), False)
    assert within(found, added(terms)) and within(found, added(terms[::-1]))
    assert found.rad <= 2 * (n + 4) * STEP
    products = s.product(s.of(terms[None]), s.of(np.ones((n, 1))))
    assert within(products[0, 0], added(terms)) and within(products[0, 0], added(terms[::-1]))
    # What is added to a sum may have been there first.
    rest = s.joined(s.sum(s.of(terms[1:]), (0,), False), s.of(np.ones(())), n - 1)
    assert within(rest, added(terms))


def test_wide_factors_are_rounded_too() -> None:
    """Everything at the far corner of its enclosure, in an accumulator that loses what it can."""
    s, n, rad = AnyOrder(Format(8, 0.0)), 20, 0.5
    found = s.product(MidRad(np.ones((1, n)), rad), MidRad(np.ones((n, 1)), rad))
    most = n * 1.5 * 1.5
    assert found.high.item() >= most * (1 + n * 2.0**-8)


def test_single_operations_and_constants_are_rounded() -> None:
    rng, s = np.random.default_rng(0), AnyOrder(SINGLE)
    a, b = rng.standard_normal((2, 500)).astype(FLOAT)
    for name, right in (("add", a + b), ("sub", a - b), ("mul", a * b), ("div", a / b)):
        found = getattr(s, name)(s.of(a), s.of(b))
        assert within(found, right) and (found.rad <= 3 * STEP * np.abs(found.mid) + 2.0**-126).all()
    assert within(s.lift(0.1), FLOAT(0.1)) and s.lift(0.1).rad > 0 and s.lift(0.5).rad == 0
    assert within(s.apply("exp", s.of(a)), np.exp(a)) and within(s.apply("tanh", s.of(a)), np.tanh(a))
    assert within(s.mul(s.lift(2.0**-100), s.lift(2.0**-40)), 0.0)
    assert np.isinf(s.solve(s.of(np.eye(2)), s.of(np.eye(2))).rad).all()


# --- what is expected -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(1, 7))
def test_partial_sums_of_all_orders(n: int) -> None:
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=n) + seed / 2
        rounded = np.mean([(np.cumsum(order)[1:] ** 2).sum() for order in permutations(x)]) + (x**2).sum()
        assert rounded <= _partial(n, (x**2).sum(), x.sum()) ** 2 * (1 + 1e-12)


@pytest.mark.parametrize("replays", [6, 24])
@pytest.mark.parametrize("alpha", [1e-2, 1e-6, 1e-10])
def test_the_chance_is_that_of_both_steps(alpha: float, replays: int) -> None:
    """The sum's own chance takes half; of small replays the chance is known for equal parts."""
    c = confidence(alpha, replays) ** 2 / (2 * np.log(4 / alpha))
    for rank in (1, 2, 5, 50):
        assert chi2.cdf(replays * rank / c, replays * rank) <= alpha / 2
    assert chi2.cdf(replays * 1.6 / c, replays) > alpha / 200  # and it is not far more than that


def network() -> tuple[Graph, list[np.ndarray]]:
    """relu(x W) v, its largest of two halves: a product, a gate, a winner."""
    nodes = (
        Node("input", (0,)), Node("input", (1,)), Node("aten.mm.default", (Ref(0), Ref(1))),
        Node("aten.mul.Tensor", (Ref(2), 0.1)), Node("aten.gt.Scalar", (Ref(3), 0)),
        Node("aten.scalar_tensor.default", (0.0,)), Node("aten.where.self", (Ref(4), Ref(3), Ref(5))),
        Node("aten.view.default", (Ref(6), [1, 1, 2, 4])),
        Node("aten.max_pool2d_with_indices.default", (Ref(7), [2, 2])), Node("item", (Ref(8), 0)),
        Node("aten.sum.default", (Ref(9),)),
    )  # fmt: skip
    rng = np.random.default_rng(3)
    return Graph(nodes, (), 2, (Ref(10), Ref(3)), (1,)), [rng.normal(size=(2, 5)), rng.normal(size=(5, 4))]


def test_replays_move_by_the_unit_and_what_they_decide_is_told_in_order() -> None:
    graph, inputs = network()
    seen = Watched()
    exact = [v.mid for v in evaluated(graph, inputs, seen)[0]]
    assert len(seen.decided) == 2 and [d.size for d in seen.decided] == [8, 8] and len(seen.sizes) == 2
    far = {}
    for unit in (24, 34):
        drawn = Drawn(Format(unit, 0.0), seen, 7, 3)
        moved = [v.mid for v in evaluated(graph, inputs, drawn)[0]]
        assert len(moved[1]) == 3 and len({float(v) for v in moved[0]}) == 3  # each a draw of its own
        far[unit] = np.linalg.norm(moved[1] - exact[1], axis=(1, 2)).max()
        assert [d.shape for d in drawn.decided] == [(3, *d.shape) for d in seen.decided]
        bound = evaluated(graph, inputs, AnyOrder(Format(unit, 0.0)))[0][1]
        assert 0 < far[unit] < 3 * np.linalg.norm(bound.rad)
    assert far[24] / far[34] == pytest.approx(2**10, rel=1e-2)
    # A unit so coarse that gates and winners would be turned: they are kept.
    coarse = Drawn(Format(0, 0.0), seen, 7)
    (_, before), run = evaluated(graph, inputs, coarse)
    assert ((before.mid[0] > 0) != (exact[1] > 0)).any() and not run.kinks
    assert [t.tolist() for t in seen.taken] == [np.sign(exact[1]).tolist(), seen.taken[1].tolist()]


def test_a_decision_that_is_turned_is_taken_the_other_way() -> None:
    graph, inputs = network()
    values = evaluated(graph, inputs, Middles())[0]
    gates = values[1].mid.ravel() > 0
    kept = np.where(gates, values[1].mid.ravel(), 0.0).reshape(2, 4)
    for k in range(8):
        other = np.where(gates ^ (np.arange(8) == k), values[1].mid.ravel(), 0.0).reshape(2, 4)
        found = evaluated(graph, inputs, Turned([k]))[0][0]
        assert found.mid == pytest.approx(max(other[:, :2].max(), 0) + max(other[:, 2:].max(), 0), abs=1e-12)
    # The winner of the first window, beaten by another.
    windows_of = [kept[:, :2].ravel(), kept[:, 2:].ravel()]
    rival = int(np.argsort(windows_of[0])[-2])
    found = evaluated(graph, inputs, Turned([8 + 2 * rival]))[0][0]
    assert found.mid == pytest.approx(windows_of[0][rival] + windows_of[1].max(), abs=1e-12)


# --- products of moved factors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("radii", [(0, 0), (1e-3, 0), (0, 1e-3), (1e-6, 1e-3), (1e-3, 1e-6)])
def test_products_with_windows_are_those_of_the_windows(radii: Any, across: bool, groups: int) -> None:
    """The same midpoints; radii that cover every corner, and are no more than twice those of plain products."""
    rng = np.random.default_rng(1)
    plane = rng.random((3, 4, 5, 6)) + 0.5
    arrange = windows((5, 6), (3, 2), (3, 5), groups, ((2, 1), (1, 0), (1, 1)))
    moved = _rows(arrange) if across else _columns(arrange, groups)
    inner = moved.move(plane).shape[-2]
    left = rng.random((groups, 2, inner)) + 0.5
    a, b = (
        MidRad(x, r * (0.5 + rng.random(x.shape) / 2) if r else 0.0) for x, r in zip((left, plane), radii, strict=True)
    )
    found = product(a, b, moved=moved)
    wide = MidRad(moved.move(plane), moved.move(b.rad) if radii[1] else 0.0)
    plain = product(a, wide)
    assert np.allclose(found.mid, plain.mid, rtol=1e-13)
    assert (found.mid + found.rad >= (a.mid + a.rad) @ (wide.mid + wide.rad)).all()
    assert (found.rad <= 2 * plain.rad + 1e-12).all()
    for join in (np.add, np.maximum):
        assert np.allclose(moved.columns(plane, join), PLAIN.columns(moved.move(plane), join))


@pytest.mark.parametrize("known", ["positive", "size"])
def test_known_sizes_hide_no_wrong_entry(known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, seen = np.random.default_rng(1), 0
    a, b = rng.random((30, 50)), rng.random((50, 20))
    told: dict[str, Any] = {"positive": True} if known == "positive" else {"size": (a @ b).sum(1)}
    for _ in range(200):
        blas.product(a, b, **told)
    monkeypatch.setattr(blas, "_multiplied", lambda a, b: a @ b + 1e-9 * np.eye(30, 20))
    for _ in range(40):
        try:
            blas.product(a, b, **told)
        except DefectError:
            seen += 1
    assert seen >= 20
