"""Every operator encloses: against PyTorch for what it means, against balls of 60 digits for what it contains."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import msgspec
import numpy as np
import pytest
from flint import arb, ctx
from metagap.impl.arithmetic import rational
from metagap.impl.midrad import MidRad
from metagap.impl.models.traced.evaluate import evaluated
from metagap.impl.models.traced.graph import Graph, Node, Ref, simplified
from metagap.impl.models.traced.middles import Middles
from metagap.impl.models.traced.operators import OPERATORS, UnknownOperatorError
from metagap.impl.models.traced.systems import Fine, Open, Picks, System, parts, shape_of
from metagap.impl.traced.document import GraphRecord, graph_in
from metagap.impl.traced.instance import graph_document

from .samples import escaped, numbers, sample
from .traced_cases import CASES, UNUSED, Case, Real, ordinary

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
BITS = 200


def graph_of(name: str, case: Case) -> tuple[Graph, list[Real | np.ndarray]]:
    """A graph of one operation, and its inputs: what the case has for tensors."""
    inputs: list[Real | np.ndarray] = []

    def place(value: Any) -> Any:
        if isinstance(value, Real | np.ndarray):
            inputs.append(value)
            return Ref(len(inputs) - 1)
        return tuple(place(v) for v in value) if isinstance(value, tuple | list) else value

    args = place(case.args)
    nodes = [Node("input", (k,)) for k in range(len(inputs))]
    nodes.append(Node(f"aten.{name}", args, dict(case.named), "here.py:1"))
    outputs = [Ref(len(inputs))]
    if case.outputs is not None:
        nodes += [Node("item", (Ref(len(inputs)), k)) for k in case.outputs]
        outputs = [Ref(len(inputs) + 1 + k) for k in range(len(case.outputs))]
    real = tuple(k for k, value in enumerate(inputs) if isinstance(value, Real))
    return Graph(tuple(nodes), (), len(inputs), tuple(outputs), real), inputs


def wild(real: Real, rng: np.random.Generator) -> tuple[MidRad, np.ndarray]:
    """Enclosures at every scale, or all at one, narrow, wide and about 0, and a point of each as balls."""
    count = int(np.prod(real.shape))
    alike = rng.random() < 0.5  # else the largest number hides what becomes of the others, in sums
    mid = np.ldexp(rng.normal(size=count), rng.choice([0, 0, -1060, -500, 500, 1000])) if alike else numbers(rng, count)
    if real.kind != "any":
        mid = np.clip(mid, -30, 30)
    if real.kind == "positive":
        mid = np.abs(mid) + 2.0**-20
    if real.kind in ("unit", "beyond 1", "regular", "definite"):
        mid = ordinary(real, rng).ravel()
    found, points = sample(rng, mid)
    if alike:
        found = MidRad(mid, np.abs(mid) * rng.choice([0, 2.0**-50, 2.0**-20, 1.5]) * rng.random(count))
    if real.kind != "any":
        found = MidRad(found.mid, np.minimum(found.rad, np.abs(found.mid) / 2 * (rng.random(count) < 0.9)))
    if alike or real.kind != "any":
        points = list(map(_inside, found.mid, found.rad, rng.integers(-1, 2, count)))
    exact = np.empty(count, dtype=object)
    exact[:] = [arb(q) for q in points]
    return found.reshape(*real.shape), exact.reshape(real.shape)


def _inside(mid: float, rad: float, side: int) -> Any:
    return rational(float(mid)) + int(side) * rational(float(rad))


def missed(found: Any, exact: Any) -> tuple[int, int]:
    """How many of the values at the points are not in the enclosures, of how many that are sharp enough to tell."""
    if isinstance(found, MidRad):
        with ctx.workprec(BITS):
            radii = np.broadcast_to(found.rad, found.shape).ravel().tolist()
            sharp = [x if x.is_finite() and x.rad() <= r else None for x, r in zip(exact.ravel(), radii, strict=True)]
            told = int(np.isfinite(found.size).ravel()[[x is not None for x in sharp]].sum())
            return escaped(found, [x if x.is_finite() else None for x in exact.ravel()]), told
    if isinstance(found, Picks):
        hits = [(o == exact) & p for o, p in zip(found.options, found.possible, strict=True)]
        return (0, 0) if isinstance(exact, Picks) else (int((~np.any(hits, axis=0)).sum()), exact.size)
    yes, doubtful = (found.yes, found.open) if isinstance(found, Open) else (found, np.zeros(shape_of(found), bool))
    right, unknown = (exact.yes, exact.open) if isinstance(exact, Open) else (exact, np.zeros(shape_of(found), bool))
    if isinstance(exact, Picks):
        return 0, 0
    told = ~doubtful & ~unknown
    return int(((yes != right) & told).sum()), int(told.sum())


def partly_open(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Open, np.ndarray]:
    """Booleans of which some are not decided, and what they are."""
    right, doubtful = rng.random(shape) < 0.5, rng.random(shape) < rng.choice([0, 0.2, 0.8])
    return Open(right & ~doubtful, doubtful), right


@dataclass(frozen=True)
class Tally:
    """numbers that were drawn, values that were compared, how many were missed, draws."""

    numbers: int = 0
    compared: int = 0
    missed: int = 0
    draws: int = 0


THREE_VALUED = ("where.", "bitwise_", "logical_", "any.", "all.")
"""Operators whose masks may be open."""


def contained(name: str, case: Case, seed: int) -> Tally:
    """One draw, of inputs of every scale."""
    rng = np.random.default_rng(seed)
    graph, inputs = graph_of(name, case)

    def draw(x: Any) -> tuple[Any, Any]:
        if isinstance(x, Real):
            return wild(x, rng)
        return partly_open(x.shape, rng) if x.dtype == bool and name.startswith(THREE_VALUED) else (x, x)

    drawn = [draw(x) for x in inputs]
    found, _ = evaluated(graph, [mid for mid, _ in drawn], Middles())
    with ctx.workprec(BITS):
        exact, _ = evaluated(graph, [point for _, point in drawn], Fine())
    pairs = [missed(a, b) for a, b in zip(found, exact, strict=True)]
    numbers_ = sum(int(np.prod(shape_of(point))) for x, (mid, point) in zip(inputs, drawn, strict=True) if x is not mid)
    return Tally(numbers_, sum(b for _, b in pairs), sum(a for a, _ in pairs), 1)


ALL = [(name, k) for name, cases in CASES.items() for k in range(len(cases))]


def test_every_operator_has_a_case() -> None:
    assert {f"aten.{name}" for name in (*CASES, *UNUSED)} == set(OPERATORS)


@pytest.mark.parametrize(("name", "k"), ALL)
def test_enclosures_contain(name: str, k: int, effort: int) -> None:
    for seed in range(4 if effort == 1 else 2000):
        assert contained(name, CASES[name][k], seed).missed == 0, seed


def grown(case: Case, factor: int) -> Case:
    """The case with longer first axes."""

    def longer(value: Any) -> Any:
        if isinstance(value, Real) and value.shape:
            return replace(value, shape=(factor * value.shape[0], *value.shape[1:]))
        if isinstance(value, np.ndarray) and value.ndim:
            return np.concatenate([value] * factor)
        return type(value)(map(longer, value)) if isinstance(value, tuple | list) else value

    return replace(case, args=longer(case.args))


def lengthened(name: str, case: Case) -> Case:
    """The case with long first axes, where rows are alike: three times as long has three times as many values."""

    def values(one: Case) -> int:
        graph, inputs = graph_of(name, one)
        drawn = [ordinary(x, np.random.default_rng(0)) if isinstance(x, Real) else x for x in inputs]
        return sum(int(np.prod(shape_of(value))) for value in evaluated(graph, drawn, Middles())[0])

    try:
        return grown(case, 200) if values(grown(case, 3)) == 3 * values(case) else case
    except (ValueError, IndexError, TypeError, UnknownOperatorError):
        return case


def campaign(name: str, cases: Sequence[Case], begin: Tally = Tally()) -> Iterator[Tally]:
    """The tally of an operator after each further draw, the cases in turn; ends where nothing is drawn."""
    while True:
        one = contained(name, cases[begin.draws % len(cases)], begin.draws)
        begin = Tally(*map(sum, zip(astuple(begin), astuple(one), strict=True)))
        yield begin
        if begin.draws >= len(cases) and not begin.numbers:
            return


@pytest.mark.parametrize("name", CASES)
@pytest.mark.ci
def test_campaigns_of_every_operator(name: str, request: pytest.FixtureRequest, record_property: Any) -> None:
    """`python -m tests.traced_campaign` does so for as long as is allowed."""
    deep = request.config.getoption("--profile") == "deep"
    cases = [lengthened(name, case) for case in CASES[name]] if deep else CASES[name]
    for tally in campaign(name, cases):
        if tally.compared >= (100_000 if deep else 30):
            break
    record_property("compared", tally.compared)
    assert tally.compared and not tally.missed


@pytest.mark.parametrize(("name", "k"), ALL)
def test_operators_mean_what_pytorch_means(name: str, k: int) -> None:
    torch = pytest.importorskip("torch")
    case, rng = CASES[name][k], np.random.default_rng(k)
    graph, inputs = graph_of(name, case)
    drawn = [ordinary(x, rng) if isinstance(x, Real) else x for x in inputs]
    waiting = iter(drawn)

    def tensors(value: Any) -> Any:
        if isinstance(value, Real | np.ndarray):
            return torch.tensor(next(waiting))
        return type(value)(tensors(v) for v in value) if isinstance(value, tuple | list) else value

    overload = getattr(getattr(torch.ops.aten, name.split(".")[0]), name.split(".")[1])
    named = {key: torch.float64 if value == "real" else value for key, value in case.named.items()}
    if name in ("full.default", "scalar_tensor.default", "_efficientzerotensor.default"):
        named = {"dtype": torch.float64}
    right = overload(*tensors(case.args), **named)
    systems: list[System] = [Middles(), Fine()]
    for system in systems:
        found, _ = evaluated(graph, drawn, system)
        wanted = [right] if case.outputs is None else [right[j] for j in case.outputs]
        for value, tensor in zip(found, wanted, strict=True):
            assert shape_of(value) == tuple(tensor.shape)
            array = (tensor + 0).numpy() if tensor.dtype == torch.float64 else tensor.numpy()
            if isinstance(value, np.ndarray) and value.dtype != object:
                assert (value == array).all()
            else:
                assert np.abs(system.middle(value) - array).max(initial=0) <= 1e-11 * (1 + np.abs(array).max(initial=0))


def test_a_winner_that_is_not_decided_is_every_one_that_may_be() -> None:
    """A pool whose entries overlap: values are the hull, slopes go to both; separated ones decide."""
    case = Case((Real((1, 1, 2, 2)), [2, 2]), outputs=(0, 1))
    graph, _ = graph_of("max_pool2d_with_indices.default", case)
    wide = MidRad(np.array([[[[1.0, 1.1], [0.0, -3.0]]]]), np.array([[[[0.2, 0.2], [0.1, 0.0]]]]))
    (value, index), run = evaluated(graph, [wide], Middles())
    assert value.low.item() <= 0.9 and value.high.item() >= 1.3
    assert isinstance(index, Picks) and {int(o.item()) for o in index.options} == {0, 1}
    assert run.kinks and run.kinks[0].line == "here.py:1" and run.margin == 0
    pool = Case((Real((1, 1, 1, 1)), Real((1, 1, 2, 2)), [2, 2], [2, 2], [0], [1], False, np.zeros(1)))
    back, _ = graph_of("max_pool2d_with_indices_backward.default", pool)
    (slope,), _ = evaluated(back, [MidRad(np.full((1, 1, 1, 1), 5.0)), wide, index], Middles())
    assert (
        (slope.low.ravel()[:2] <= 0).all() and (slope.high.ravel()[:2] >= 5).all() and slope.size.ravel()[2:].max() == 0
    )
    narrow, run = evaluated(graph, [MidRad(wide.mid)], Middles())
    assert narrow[1].item() == 1 and not run.kinks and 0 < run.margin <= 0.1 + 1e-12


def test_decisions_on_constants_are_none() -> None:
    graph, _ = graph_of("le.Scalar", Case((Real((3,)), 0)))
    touching = MidRad(np.array([0.0, 1.0, -1.0]), np.array([0.5, 0.0, 0.0]))
    (found,), run = evaluated(graph, [touching], Middles())
    assert isinstance(found, Open) and found.open.tolist() == [True, False, False] and run.kinks[0].unit == (0,)
    fixed = Graph(graph.nodes, (), 1, graph.outputs, ())
    assert not evaluated(fixed, [touching], Middles())[1].kinks


def test_a_graph_is_plain_data() -> None:
    for name, cases in CASES.items():
        graph, inputs = graph_of(name, cases[0])
        again = graph_in(msgspec.convert(json.loads(json.dumps(graph_document(graph))), GraphRecord), name)
        assert graph_document(again) == graph_document(graph)
        drawn = [ordinary(x, np.random.default_rng(0)) if isinstance(x, Real) else x for x in inputs]
        for a, b in zip(*(evaluated(g, drawn, Middles())[0] for g in (graph, again)), strict=True):
            assert all((x == y).all() for x, y in zip(parts(a), parts(b), strict=True))


def test_equal_operations_are_done_once_and_others_are_not() -> None:
    x, twice = Node("input", (0,)), {"alpha": 2.0}
    nodes = (x, Node("aten.add.Tensor", (Ref(0), Ref(0))), Node("aten.add.Tensor", (Ref(0), Ref(0)), {}, "b.py:2"),
             Node("aten.add.Tensor", (Ref(0), Ref(0)), twice), Node("aten.mul.Tensor", (Ref(2), Ref(3))),
             Node("aten.neg.default", (Ref(0),)))  # fmt: skip
    graph = simplified(Graph(nodes, (), 1, (Ref(1), Ref(4)), (0,)))
    assert [n.op.split(".")[1] if n.op != "input" else n.op for n in graph.nodes] == ["input", "add", "add", "mul"]
    found, _ = evaluated(graph, [np.array([1.0, -2.0])], Middles())
    assert found[0].mid.tolist() == [2, -4] and found[1].mid.tolist() == [6, 24]


def test_an_unknown_operator_is_refused_by_name_and_line() -> None:
    graph = Graph((Node("input", (0,)), Node("aten.fft.default", (Ref(0),), None, "mine.py:7")), (), 1, (Ref(1),))
    with pytest.raises(UnknownOperatorError, match=r"aten.fft.default \(called at mine.py:7\).*add a row"):
        evaluated(graph, [np.ones(3)], Middles())


@pytest.mark.parametrize("relation", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_relations_of_a_relu_are_those_of_its_value(relation: str) -> None:
    """Where the unit is closed, relu(x) = 0 although x < 0."""
    nodes = (Node("input", (0,)), Node("aten.relu.default", (Ref(0),)), Node(f"aten.{relation}.Scalar", (Ref(1), 0)))
    for system in (Middles(), Fine()):
        (found,), _ = evaluated(Graph(nodes, (), 1, (Ref(2),), (0,)), [np.array([-1.0, 2.0])], system)
        assert found.tolist() == [getattr(y, f"__{relation}__")(0) for y in (0, 2)]


def test_what_is_no_number_is_not_enclosed_as_one() -> None:
    """A variance without degrees of freedom, and the running statistics that come next."""
    spread = Case((Real((2, 3)), [0]), {"correction": 3.0})
    norm = Case((Real((2, 2)), None, None, Real((2,)), Real((2,)), True, 0.1, 1e-5), outputs=(3, 4))
    for name, case in (("var.correction", spread), ("_native_batch_norm_legit_functional.default", norm)):
        graph, inputs = graph_of(name, case)
        drawn = [ordinary(x, np.random.default_rng(0)) if isinstance(x, Real) else x for x in inputs]
        for system in (Middles(), Fine()):
            found, _ = evaluated(graph, drawn, system)
            assert not any(b.is_finite() for value in found for b in system.balls(value))


def test_gradients_that_are_no_derivatives_are_refused() -> None:
    case = Case((Real((5, 3)), np.array([0, 3, 1, 1, 2]), 4, 2, True))
    graph, inputs = graph_of("embedding_dense_backward.default", case)
    with pytest.raises(UnknownOperatorError, match="scale_grad_by_freq"):
        evaluated(graph, [np.ones((5, 3)), inputs[1]], Middles())


def test_reals_are_not_written_into_integers() -> None:
    graph, inputs = graph_of("copy.default", Case((np.zeros(3, dtype=np.int64), Real((3,)))))
    with pytest.raises(UnknownOperatorError, match="into integers"):
        evaluated(graph, [inputs[0], np.full(3, 1.5)], Middles())


def test_steps_towards_zero_have_one_piece_about_it() -> None:
    graph, _ = graph_of("trunc.default", Case((Real((3,)),)))
    (found,), run = evaluated(graph, [MidRad(np.array([0.0, -1.0, 2.5]), np.array([0.5, 0.0, 0.25]))], Middles())
    assert found.rad.tolist()[::2] == [0, 0] and found.mid.tolist()[::2] == [0, 2]
    assert found.rad[1] >= 1 and run.kinks[0].unit == (1,)


def test_hulls_hold_both_and_equal_numbers_stay_exact() -> None:
    a = MidRad(np.array([1.0, 1.0, 1.0, 3.0]), np.array([0.0, 0.5, 0.0, 0.0]))
    b = MidRad(np.array([1.0, 1.0, 1.0, 2.0]), np.array([0.0, 0.0, 0.5, 0.0]))
    found = Middles().hull(a, b)
    assert (found.low <= np.minimum(a.low, b.low)).all() and (found.high >= np.maximum(a.high, b.high)).all()
    assert (found.rad == 0).tolist() == [True, False, False, False]


def test_any_and_all_have_three_values() -> None:
    table = Open(np.array([[True, False], [False, False]]), np.array([[False, False], [True, False]]))
    for name, yes, doubtful in (("any.dim", [True, False], [False, True]), ("all.dim", [False, False], [False, False])):
        graph, _ = graph_of(name, Case((np.ones((2, 2), dtype=bool), 1)))
        (found,), _ = evaluated(graph, [table], Middles())
        got = found if isinstance(found, Open) else Open(found, np.zeros(2, bool))
        assert got.yes.tolist() == yes and got.open.tolist() == doubtful
