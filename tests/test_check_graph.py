"""The standard library's programs: operators against balls, derivatives against differences, kinks, wrong graphs."""

from __future__ import annotations

import ast
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from metagap.impl import files
from metagap.impl.models.traced.evaluate import evaluated
from metagap.impl.models.traced.operators import OPERATORS
from metagap.impl.models.traced.systems import Fine
from metagap.impl.traced.architectures import ACTIVATIONS, Architecture, posed
from metagap.impl.traced.instance import _array, graph_document
from metagap.impl.traced.learner import SGD
from metagap.impl.traced.losses import NAMED
from metagap.impl.traced.quantities import TracedQuantities
from metagap.reports import check_graph as graphs
from metagap.reports import check_witness as checker
from metagap.reports.check_witness import NUMBERS
from metagap.reports.witnesses import CHECKER, KEPT

from .test_check_witness import agreements
from .test_traced_operators import BITS, graph_of
from .traced_cases import CASES, Case, Real, ordinary

PROGRAMS = sorted(KEPT.glob("*any-model-*-simplest.json"))
KNOWN = graphs.Rows(NUMBERS).known
PAIRS = [(name, k) for name in CASES if name in KNOWN for k in range(len(CASES[name]))]
BEYOND = {("gelu.default", 1), ("index_put.default", 4),
          ("linalg_vector_norm.default", 3)}  # fmt: skip
"""Cases of forms that the checker names and does not compute."""


def drawn(name: str, case: Case, seed: int) -> tuple[dict[str, Any], list[Any], Any]:
    """The record of a graph of one operation, arrays as inputs, and what balls say."""
    graph, inputs = graph_of(name, case)
    rng = np.random.default_rng(seed)
    arrays = [np.round(ordinary(x, rng) * 2**9) / 2**9 if isinstance(x, Real) else x for x in inputs]
    with ctx.workprec(BITS):
        found, _ = evaluated(graph, arrays, Fine())
    return json.loads(json.dumps(graph_document(graph))), arrays, found


def table(array: np.ndarray) -> graphs.Table:
    return graphs.Rows(NUMBERS).real(graphs.table(_array(array)))


def test_it_imports_the_standard_library_alone() -> None:
    nodes = [
        n for n in ast.walk(ast.parse(Path(graphs.__file__).read_text())) if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    names = {
        n for node in nodes for n in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module])
    }
    assert {str(name).split(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_its_operators_are_operators() -> None:
    assert {f"aten.{name}" for name in KNOWN} <= set(OPERATORS) and len(KNOWN) > 100


@pytest.mark.ci(every=4)
@pytest.mark.parametrize(("name", "k"), PAIRS, ids=[f"{name}-{k}" for name, k in PAIRS])
def test_every_operator_encloses_what_balls_say(name: str, k: int) -> None:
    """Enclosures of the same numbers, both narrow: they meet."""
    record, arrays, balls = drawn(name, CASES[name][k], seed=k)
    program = graphs.Program(record)
    if (name, k) in BEYOND:
        with pytest.raises(graphs.UnknownError):
            program(list(map(table, arrays)), NUMBERS)
        return
    found = program(list(map(table, arrays)), NUMBERS)
    assert len(found) == len(balls)
    for own, theirs in zip(found, balls, strict=True):
        assert own.shape == np.shape(theirs)
        for a, b in zip(own.entries, np.ravel(theirs), strict=True):
            if not isinstance(b, arb):
                assert a == b
                continue
            with ctx.workprec(BITS):
                middle, radius = Fraction(str(b.mid().fmpq())), Fraction(str(b.rad().fmpq()))
            low, high = checker.ranged(a).low, checker.ranged(a).high
            assert low <= middle + radius and middle - radius <= high
            assert high - low <= Fraction(1, 2**180) * (1 + abs(middle))


SMOOTH = [
    (name, k) for name, k in PAIRS if (name, k) not in BEYOND and any(isinstance(a, Real) for a in CASES[name][k].args)
]
JUMPS = ("lt", "le", "gt", "ge", "eq", "ne", "sign", "zeros_like", "ones_like", "full_like")


@pytest.mark.ci(every=18)
@pytest.mark.parametrize(("name", "k"), [pair for pair in SMOOTH if pair[0].split(".")[0] not in JUMPS])
def test_derivatives_are_those_of_differences(name: str, k: int) -> None:
    """(f(x + h) - f(x - h))/2h for a sum of outputs times numbers, at one input after the other."""
    record, arrays, _ = drawn(name, CASES[name][k], seed=k + 60)
    program, rng = graphs.Program(record), np.random.default_rng(k)
    given = list(map(table, arrays))
    weights: dict[int, Fraction] = {}

    def scalar(tables: list[graphs.Table]) -> Any:
        numbers = [
            v for out in program(tables, NUMBERS) for v in out.entries if isinstance(v, checker.Range | graphs.Taped)
        ]
        return checker.total(
            weights.setdefault(j, Fraction(int(rng.integers(1, 9)), 8)) * v for j, v in enumerate(numbers)
        )

    real = [j for j, a in enumerate(arrays) if a.dtype.kind == "f" and a.size]
    leaves = {j: [graphs.Taped(v) for v in given[j].entries] for j in real}
    whole = scalar([graphs.Table(t.shape, leaves.get(i, t.entries)) for i, t in enumerate(given)])
    for j in real:
        slopes = graphs.slopes(whole, leaves[j], checker.ZERO)
        alone = scalar([graphs.Table(t.shape, leaves[j]) if i == j else t for i, t in enumerate(given)])
        both = zip(slopes, graphs.slopes(alone, leaves[j], checker.ZERO), strict=True)
        assert all(a.low <= b.high and b.low <= a.high for a, b in both)
        for at in {0, len(slopes) // 2, len(slopes) - 1}:
            moved = []
            for side in (1, -1):
                entries = list(given[j].entries)
                entries[at] = entries[at] + side * Fraction(1, 2**40)
                moved.append(scalar([graphs.Table(t.shape, entries) if i == j else t for i, t in enumerate(given)]))
            rate = (checker.ranged(moved[0]) - moved[1]) * 2**39
            apart = rate - slopes[at]
            size = 1 + abs(rate.low)
            assert abs(apart.low) < Fraction(1, 2**55) * size**3 and abs(apart.high) < Fraction(1, 2**55) * size**3


def program(*lines: str, inputs: int = 1) -> graphs.Program:
    nodes = [*(f"input({k})" for k in range(inputs)), *lines]
    return graphs.Program({"nodes": nodes, "constants": [], "inputs": inputs, "outputs": [len(nodes) - 1]})


@pytest.mark.parametrize("line", ["aten.relu.default(v0)", "aten.abs.default(v0)", "aten.le.Scalar(v0, 0)",
                                  "aten.amax.default(v0)", "aten.clamp.default(v0, 0.0, 1.0)"])  # fmt: skip
def test_a_kink_has_no_derivative_and_a_value(line: str) -> None:
    both = table(np.array([0.0, 0.0]))
    assert program(line)([both], NUMBERS)[0].entries
    taped = graphs.Table((2,), list(map(graphs.Taped, both.entries)))
    with pytest.raises(graphs.UnknownError, match="kink"):
        program(line)([taped], NUMBERS)


@pytest.mark.parametrize("line", ["aten.gt.Scalar(v0, 0)", "aten.sign.default(v0)", "aten.max.dim(v0, 0)"])
def test_what_is_not_certain_is_not_decided(line: str) -> None:
    unsure = graphs.Table((2,), [checker.between(Fraction(-1), Fraction(1)) for _ in range(2)])
    with pytest.raises(checker.NotCheckedError, match="sign"):
        program(line)([unsure], NUMBERS)


ARGUMENTS = ("v7", "x", "*v0", "**v0", "(1, 2)", "-v0", "[v0, y]", "v0[0]", "1j", "b''")
CALLS = [f"aten.neg.default({text})" for text in ARGUMENTS]
UNREADABLE = [*CALLS, "f(v0)(v1)(", "1 + 1", "input(3)", "constant(0)", "x = 3"]


@pytest.mark.parametrize("line", UNREADABLE)
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="required"):
        program(line)


@pytest.mark.parametrize(("line", "why"), [
    ("aten.bessel.default(v0)", "operator aten.bessel.default"), ("aten.expand.default(v0, [1000000000, 3])", "shape"),
    ("aten.repeat.default(v0, [9])", "aten.repeat"), ("aten.lgamma.default(v0)", "aten.lgamma"),
    ("aten.bell.default(v0)", "aten.bell"),
])  # fmt: skip
def test_what_is_not_known_is_named(line: str, why: str) -> None:
    with pytest.raises(graphs.UnknownError, match=why):
        program(line)([table(np.array([[1.0, 2.0, 3.0]]))], NUMBERS)


NONE: list[tuple[str, tuple[int, ...]]] = [
    ("aten.select.int(v0, 0, 7)", (2, 3)),
    ("aten.slice.Tensor(v0, 1, 0, 3, -1)", (2, 3)),
    ("aten.diagonal.default(v0, 0, 1, 1)", (2, 3)),
    ("aten.split_with_sizes.default(v0, [1, 1], 1)", (2, 3)),
    ("aten.cat.default([v0, v1, v2])", (2, 3)),
    ("aten.gather.default(v0, 0, v1)", (2, 3)),
    ("aten.convolution.default(v0, v1, None, [1], [0], [1], False, [0], 1)", (1, 4, 3)),
    ("aten.convolution.default(v0, v1, None, [1], [0], [1], False, [0], 2)", (1, 4, 3)),
]
OTHERS = {
    "aten.cat.default([v0, v1, v2])": [np.zeros((2, 1)), np.zeros((2, 5))],
    "aten.gather.default(v0, 0, v1)": [np.zeros((1, 4), dtype=int)],
    NONE[-2][0]: [np.ones((1, 2, 2))],
    NONE[-1][0]: [np.ones((1, 2, 2))],
}


@pytest.mark.parametrize(("line", "shape"), NONE)
def test_what_pytorch_refuses_has_no_value(line: str, shape: tuple[int, ...]) -> None:
    given = [np.ones(shape), *OTHERS.get(line, [])]
    with pytest.raises(ValueError, match="required"):
        program(line, inputs=len(given))(list(map(table, given)), NUMBERS)


@pytest.mark.parametrize(("line", "entry", "why"), [
    ("aten.eq.Tensor(v0, v0)", float("nan"), "nan"), ("aten.ne.Tensor(v0, v0)", float("nan"), "nan"),
    ("aten.add.Tensor(v0, v0)", True, "masks"), ("aten.full_like.default(v0, 0.5)", 1, "whole"),
    ("aten.var.correction(v0, correction=3)", 1.0, "too few"),
])  # fmt: skip
def test_what_pytorch_takes_otherwise_is_named(line: str, entry: Any, why: str) -> None:
    """nan is not equal to itself; true and true is true; whole numbers here may be a float's there; 0/0."""
    with pytest.raises(graphs.UnknownError, match=why):
        program(line)([graphs.Table((2,), [entry, entry])], NUMBERS)


@pytest.mark.parametrize(("line", "kept"), [
    ("aten.flip.default(v0, [])", True), ("aten.squeeze.dims(v0, [])", True), ("aten.any.dims(v0, [])", True),
    ("aten.sum.dim_IntList(v0, [])", False), ("aten.amax.default(v0, [])", False),
])  # fmt: skip
def test_no_axes_are_none_or_all(line: str, kept: bool) -> None:
    given = graphs.Table((1, 2), [True, False] if "any" in line else [1, 2])
    (found,) = program(line)([given], NUMBERS)
    assert (found == given) if kept else found.shape == ()


def test_a_program_that_grows_ends() -> None:
    """Numbers whose digits double, tables without end, integers beyond 64 bits."""
    squares = program(*(f"aten.mul.Tensor(v{k}, v{k})" for k in range(60)))
    with pytest.raises((graphs.UnknownError, checker.NotCheckedError)):
        squares([table(np.array([1.5]))], NUMBERS)
    with pytest.raises(graphs.UnknownError, match="integer"):
        squares([graphs.Table((1,), [3])], NUMBERS)
    lines = ("aten.expand.default(v0, [1000, 1000])", *["aten.t.default(v1)"] * 2, "aten.cat.default([v1, v2, v3])")
    wide = program(*lines)
    with pytest.raises(graphs.UnknownError, match="too many numbers"):
        wide([graphs.Table((1, 1), [1])], NUMBERS)


@pytest.mark.ci(every=8)
@pytest.mark.parametrize(("activation", "loss"), [*zip(ACTIVATIONS, itertools.cycle(NAMED))])
def test_the_checker_agrees_with_the_engine_on_networks(activation: str, loss: str) -> None:
    """Every quantity of both, the file's graphs compared with derivatives of its predictions."""
    outputs, rng = {"mse": 2, "bce": 1, "cross_entropy": 3}[loss], np.random.default_rng(len(activation))
    wide = 3 if activation == "relu" else 1
    form = posed(Architecture((1, wide, wide, outputs), activation, loss == "mse"), loss, SGD(0.25, 1), 1, 2, 2)
    omega = tuple(rng.normal(size=a.shape) / a.shape[-1] for a in form.omega)
    rival = tuple(a + 0.1 * rng.normal(size=a.shape) for a in omega)
    instance = replace(form, omega=omega, comparator=rival)
    assert agreements(TracedQuantities(instance), json.loads(files.dumps(instance))) >= 15


# --- witnesses ----------------------------------------------------------------------------------------------------


@cache
def text(path: Path) -> str:
    return path.read_text()


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_kept_counterexamples_of_programs_are_proved_again(path: Path) -> None:
    assert checker.outcome_of(lambda: json.loads(text(path)), 60)[0] == "refuted"


@pytest.mark.ci
def test_what_takes_too_much_memory_is_not_checked(tmp_path: Path) -> None:
    """A row of half a million numbers a million times: within the script's own limit, here 2^28 bytes."""
    witness = json.loads(text(KEPT / f"{NO_HESSIAN}.json"))
    (graph,) = (program["predictions"] for program in witness["instance"]["model"]["programs"])
    row, index = "aten.full.default([1, 524288], 1.0)", "aten.full.default([1048576], 0, dtype='int')"
    at = len(graph["nodes"])
    graph["nodes"] += [row, index, f"aten.embedding.default(v{at}, v{at + 1})"]
    path = tmp_path / "large.json"
    path.write_text(json.dumps(witness))
    script = (
        "import sys; sys.path.append(sys.argv.pop(1)); import check_witness as c; c.MEMORY = 2**28; c.run(c.main, '')"
    )
    command = [sys.executable, "-I", "-S", "-c", script, str(CHECKER.parent), str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.stdout.startswith(f"{path}: not checked: it takes more memory than there is\n"), said.stderr


def edited(old: str, new: str, graph: str) -> Callable[[dict[str, Any]], None]:
    def edit(program: dict[str, Any]) -> None:
        nodes = program[graph]["nodes"]
        assert any(old in line for line in nodes)
        program[graph]["nodes"] = [line.replace(old, new) for line in nodes]

    return edit


NO_HESSIAN, HALF = "mutant-any-model-no-hessian-simplest", "mutant-any-model-half-constant-simplest"
WRONG: dict[str, tuple[str, Callable[[dict[str, Any]], None], str]] = {
    "another step": (NO_HESSIAN, edited("0.125", "0.25", "predictions"), "not refuted"),
    "a gradient of another step": (NO_HESSIAN, edited("0.125", "0.25", "gradient"), "the graph gradient"),
    "a gradient that is another's": (NO_HESSIAN, lambda p: p.update(gradient=p["adapted"]), "the graph gradient"),
    "features of a model that does not adapt": (HALF, lambda p: p.update(features=p["plain"]), "not refuted"),
    "plain features that adapt": (NO_HESSIAN, lambda p: p.update(plain=p["features"]), "not refuted"),
    "an adapted model that is not": (NO_HESSIAN, edited("0.125", "0.0", "adapted"), "not refuted"),
    "another model before it adapts": (NO_HESSIAN, edited("(v1, v4, v6)", "(v1, v2, v6)", "unadapted"),
                                       "the graph unadapted"),
}  # fmt: skip


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_graph_is_not_believed(kind: str) -> None:
    stem, change, said = WRONG[kind]
    witness = json.loads(text(KEPT / f"{stem}.json"))
    assert checker.check(witness)[0] == "refuted"
    for program in witness["instance"]["model"]["programs"]:
        change(program)
    outcome, detail, _ = checker.outcome_of(lambda: witness, 60)
    assert outcome != "refuted" and said in f"{outcome}: {detail}", (outcome, detail)


def _ended(instance: dict[str, Any], name: str, line: str) -> None:
    """One more line, which makes the last output."""
    graph = instance["model"]["programs"][0][name]
    graph["nodes"].append(line.format(f"v{graph['outputs'][-1]}"))
    graph["outputs"][-1] = len(graph["nodes"]) - 1


FORMS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a graph too few": lambda i: i["model"]["programs"][0].pop("plain"),
    "a graph too many": lambda i: i["model"]["programs"][0].update(more=i["model"]["programs"][0]["plain"]),
    "a program too few": lambda i: i["tasks"][0].update(program=1),
    "another loss": lambda i: i["loss"].update(name="hinge"),
    "an array too few": lambda i: i["tasks"][0]["data"].pop(),
    "numbers too few": lambda i: i["omega"][0]["values"].pop(),
    "an infinite parameter": lambda i: i["omega"][0]["values"].__setitem__(0, "inf"),
    "a negative radius": lambda i: i.update(radius=-1),
    "a comparator of another shape": lambda i: i.update(comparator={"functions": i["omega"]}),
    "a field too many": lambda i: i.update(more=1),
    "predictions of another shape": lambda i: _ended(i, "predictions", "aten.expand.default({}, [2, 1])"),
    "adapted parameters of another shape": lambda i: _ended(i, "adapted", "aten.unsqueeze.default({}, 0)"),
    "a line that is none": lambda i: i["model"]["programs"][0]["plain"]["nodes"].append("1 + 1"),
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_file_of_another_form_is_not_read(kind: str) -> None:
    witness = json.loads(text(KEPT / f"{NO_HESSIAN}.json"))
    FORMS[kind](witness["instance"])
    assert checker.outcome_of(lambda: witness, 60)[0] == "not read"


@pytest.mark.parametrize(("line", "left"), [
    ("aten.neg.default(" + "-" * 2000 + "1)", "gap"), ("a" + ".b" * 900 + "(v0)", "gap"), ("v0", "-" * 990 + "gap")
])  # fmt: skip
def test_what_is_nested_too_deep_is_not_read(line: str, left: str) -> None:
    witness = json.loads(text(KEPT / f"{NO_HESSIAN}.json"))
    witness["statement"]["left"] = left
    if line != "v0":
        witness["instance"]["model"]["programs"][0]["plain"]["nodes"].append(line)
    try:
        outcome = checker.outcome_of(lambda: witness, 60)
    except RecursionError as error:
        pytest.fail(str(error))
    assert outcome[:2] == ("not read", "ValueError: expressions that are nested too deep")


def test_true_statements_and_other_sides_do_not_fall() -> None:
    witness = json.loads(text(KEPT / f"{NO_HESSIAN}.json"))
    true = witness | {"statement": witness["statement"] | {"bound": "radius*eps + weight_norm*misfit"}}
    other = witness | {"judged": witness["judged"] | {"left": {"lo": 1000.0, "hi": 1000.0}}}
    assert [checker.check(w)[0] for w in (true, other)] == ["not refuted"] * 2
    beyond = witness | {"statement": witness["statement"] | {"bound": "mixed_misfit"}}
    assert checker.check(beyond) == ("not checked", "the quantity mixed_misfit of a program")
