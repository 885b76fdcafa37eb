"""Programs as files, as a family, and on the command line: read strictly, replayed without Python, refuted if wrong."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metagap.impl import files
from metagap.impl.falsify import refute
from metagap.impl.falsify.pursuit import pursue
from metagap.impl.families import ANY_MODEL, judge, loads
from metagap.impl.models.traced.graph import Node, Ref
from metagap.impl.models.traced.lines import line_of, node_in
from metagap.impl.sources import RandomSource
from metagap.reports.cli import app, programs
from metagap.reports.formats.programs import GradientRecord
from metagap.reports.formats.shared import Interval
from metagap.reports.jobs import Job, run_job
from metagap.reports.processes import EndedError
from metagap.reports.witnesses import KEPT
from metagap.theory.claim import Verdict
from typer.testing import CliRunner

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
KEPT_INSTANCE = json.loads((KEPT / "mutant-any-model-no-hessian-simplest.json").read_text())["instance"]


def called(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# --- lines --------------------------------------------------------------------------------------------------------


def test_lines_are_read_as_they_are_written() -> None:
    node = Node("aten.pad.default", (Ref(0), (1, -2), None, True, 0.1, float("-inf"), "it's", ((), Ref(3))),
                {"value": 1e-300, "dtype": "real"}, "model.py:7")  # fmt: skip
    assert node_in(line_of(node), 4) == node
    assert node_in("input(0)", 0) == Node("input", (0,), {})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("aten.add.Tensor(v0, v4)", "earlier values"),
        ("aten.add.Tensor(v0, x)", "earlier values"),
        ("aten.add.Tensor(v0, open('a'))", "earlier values"),
        ("aten.add.Tensor(v0, [y for y in 1])", "earlier values"),
        ("aten.add.Tensor(v0, 1e999)", "earlier values"),
        ("aten.add.Tensor(**v0)", "with names"),
        ("aten.add.Tensor(v0", "OPERATOR"),
        ("v0 + v0", "OPERATOR"),
        ("aten.add.Tensor(" + "[" * 5000 + ")", "OPERATOR"),
        ("aten.add.Tensor(v0" + ", 1" * 9000 + ")", "characters"),
    ],
)
def test_a_line_that_is_no_node_is_refused(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        node_in(line, 4)


# --- files --------------------------------------------------------------------------------------------------------


def test_a_file_is_read_as_it_is_written() -> None:
    instance = loads(json.dumps(KEPT_INSTANCE))
    again = loads(files.dumps(instance))
    assert again.sha256 == instance.sha256 and files.dumps(again) == files.dumps(instance)
    assert [c.verdict for c in judge(again).claims] == [c.verdict for c in judge(instance).claims]


def graph(document: dict[str, Any], name: str = "predictions") -> dict[str, Any]:
    found: dict[str, Any] = document["model"]["programs"][0][name]
    return found


def last(line: str) -> Callable[[dict[str, Any]], None]:
    """The predictions become the value of a line."""

    def change(document: dict[str, Any]) -> None:
        own = graph(document)
        own["nodes"].append(line)
        own["outputs"] = [len(own["nodes"]) - 1]

    return change


def put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


BAD: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (last("aten.fft.default(v0)"), "an operator of the table"),
    (last("aten.mm.default(v0, 'x')"), "a graph that fits its inputs"),
    (last("aten.neg.default(v99999)"), "earlier values"),
    (last("aten.full.default([100000, 100000], 0)"), "sizes of at most"),
    (last("input(99)"), "the number of one of"),
    (last("constant(99)"), "the number of one of"),
    (last("item(v0, 'a')"), "item"),
    (put("model", "programs", 0, "predictions", "outputs", value=[0, 1]), "results of the shapes"),
    (put("model", "programs", 0, "predictions", "inputs", value=1), "the number of one of"),
    (put("model", "programs", 0, "risk", value={}), "nodes"),
    (put("model", "parameters", value=["a", "a"]), "names, all different"),
    (put("loss", "name", value="hinge"), "one of mse"),
    (put("loss", "name", value="own"), "risk"),
    (put("loss", "name", value="cross_entropy"), "labels as cross_entropy"),
    (put("omega", value=[]), "one for each of"),
    (put("omega", 0, "values", 0, value="nan"), "finite numbers"),
    (put("omega", 0, "shape", value=[7, 7]), "a shape of"),
    (put("omega", 0, "kind", value="int"), "real|whole"),
    (put("radius", value=-1), ">= 0"),
    (put("tasks", 0, "program", value=3), "the number of its program"),
    (put("tasks", 0, "weight", value=0.5), "a sum of"),
    (put("tasks", 0, "shape", value=[]), "the shape of its predictions"),
    (put("notes", value=["a\nb"]), "a list of sentences"),
    (put("python", value="import os"), "a JSON object"),
]


@pytest.mark.parametrize(("change", "words"), BAD, ids=[words for _, words in BAD])
def test_a_bad_file_is_one_line(change: Callable[[dict[str, Any]], None], words: str) -> None:
    document = copy.deepcopy(KEPT_INSTANCE)
    change(document)
    with pytest.raises(files.BadInputError, match=words) as error:
        loads(json.dumps(document), "mine.json")
    assert "\n" not in str(error.value) and str(error.value).startswith("mine.json")


def test_a_graph_is_tried_before_it_is_believed() -> None:
    document = copy.deepcopy(KEPT_INSTANCE)
    put("model", "programs", 0, "predictions", "outputs", value=[0, 1])(document)
    with pytest.raises(files.BadInputError, match="results of the shapes"):
        loads(json.dumps(document))


def test_a_loss_with_a_name_is_that_loss() -> None:
    """A file cannot bring another one under it: risk and slope are formulas, and a gradient of another is found out."""
    document = copy.deepcopy(KEPT_INSTANCE)
    own = graph(document, "gradient")
    own["nodes"] += [f"aten.mul.Tensor(v{k}, 2.0)" for k in own["outputs"]]
    own["outputs"] = list(range(len(own["nodes"]) - len(own["outputs"]), len(own["nodes"])))
    assert judge(loads(json.dumps(document)))["any-model-s2"].verdict is Verdict.VIOLATED


# --- the family ---------------------------------------------------------------------------------------------------


@pytest.mark.ci
def test_generated_programs_are_proved(effort: int) -> None:
    pytest.importorskip("torch")
    counts: Counter[str] = Counter()
    for seed in range(2 * effort):
        for generator in ANY_MODEL.generators:
            for variant in generator.variants:
                batch = generator.build(RandomSource((17, seed), 2), variant)
                for b in range(2):
                    counts.update(claim.verdict.name for claim in judge(batch.instance(b)).claims)
    scope = counts.total() - counts["OUTSIDE"]
    assert not counts["VIOLATED"] and counts["PROVED"] + counts["EQUAL"] >= 0.97 * scope, counts


@pytest.mark.ci
def test_the_wrong_theorems_are_false_where_training_stops() -> None:
    """On real tasks: MAML's point refutes the features without the Hessian, first-order MAML's its own eps."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    mutants = {mutant.name: mutant for mutant in ANY_MODEL.mutants}
    for name, tasks in ANY_MODEL.real_tasks.items():
        cases = dict(tasks.build())
        for case, instance in cases.items():
            judged = judge(instance)
            for claim in ("identity", "s2", "lifted", "l1", "first-order", "headline"):
                assert judged[f"any-model-{claim}"].verdict in (Verdict.PROVED, Verdict.EQUAL), (name, case, claim)
        hessian = next(i for case, i in cases.items() if "without the Hessian" in case)
        assert refute(mutants["any-model-no-hessian"], hessian) is not None, name
        step = next(i for case, i in cases.items() if "a step of" in case)
        wrong = refute(mutants["any-model-first-order-eps"], step)
        assert (wrong is not None) == name.startswith("sinusoid"), name


def test_without_torch_the_family_is_left_out_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metagap.reports.jobs.available", lambda package: False)
    outcome = run_job(Job("any-model", "arbitrary", "mse", 0, 0, 4), tuple(c.name for c in ANY_MODEL.claims))
    assert not outcome.generated and "left out; torch is not installed: pip install 'metagap[real]'" in outcome.note


# --- the command line ---------------------------------------------------------------------------------------------

MODEL = """
import torch

def make():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))

def line():
    return torch.nn.Linear(2, 3)

def no_model():
    return 3

def broken():
    raise RuntimeError("no data")
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """model.py, episodes.npz and state.npz in a folder."""
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    split, task = np.tile(["support", "query"], 4), np.repeat(["a", "b"], 4)
    np.savez(tmp_path / "episodes.npz", X=rng.normal(size=(8, 2)), y=rng.normal(size=(8, 1)), task=task, split=split)
    (tmp_path / "model.py").write_text(MODEL)
    shapes = {"0.weight": (3, 2), "0.bias": (3,), "2.weight": (1, 3), "2.bias": (1,)}
    np.savez(tmp_path / "state.npz", **{name: rng.normal(size=shape) for name, shape in shapes.items()})
    return tmp_path


@pytest.mark.ci
def test_a_program_is_judged_and_replays_without_python(program: Path) -> None:
    options = ("--tasks", program / "episodes.npz", "--state", program / "state.npz", "--eta", 0.1)
    made = called("judge", f"{program}/model.py:make", *options, "--instance", program / "i.json", "--json",
                  program / "a.json")  # fmt: skip
    assert made.exit_code == 0, made.output
    assert f"runs the Python file {program}/model.py" in made.stderr
    (program / "model.py").unlink()
    again = called("judge", program / "i.json", "--json", program / "b.json")
    assert again.exit_code == 0 and "runs" not in again.stderr
    first, second = (json.loads((program / name).read_text()) for name in ("a.json", "b.json"))
    assert first == second and {c["verdict"] for c in first["claims"]} <= {"PROVED", "EQUAL"}


@pytest.mark.ci
def test_a_gradient_is_diagnosed_and_a_distance_certified(program: Path) -> None:
    import torch
    from metagap.impl.traced.users import program_at

    own = program_at(f"{program}/model.py:make", program / "episodes.npz", rate=0.1)
    model = own.model.double()
    total: Any = 0
    for task in own.tasks:
        named = dict(model.named_parameters())

        def risk(at: Any, pair: Any) -> Any:
            return ((torch.func.functional_call(model, at, (pair[0],)) - pair[1]) ** 2).mean() / 2

        slopes = torch.autograd.grad(risk(named, task.support), list(named.values()), create_graph=True)
        fast = {n: p - 0.1 * g for (n, p), g in zip(named.items(), slopes, strict=True)}
        total = total + risk(fast, task.query) / 2
    total.backward()
    np.savez(program / "g.npz", **{n: p.grad.numpy() for n, p in model.named_parameters() if p.grad is not None})
    options = ("--tasks", program / "episodes.npz", "--eta", 0.1)
    found = called("check-gradient", f"{program}/model.py:make", *options, "--gradient", program / "g.npz", "--json",
                   program / "g.json")  # fmt: skip
    assert found.exit_code == 0 and json.loads((program / "g.json").read_text())["name"] == "maml", found.output
    found = called("certify", f"{program}/model.py:make", *options, "--max-time", 2, "--json", program / "c.json")
    assert found.exit_code == 0, found.output
    record = json.loads((program / "c.json").read_text())
    assert record["format"] == "metagap/program/1" and 0 <= record["gap"]["lo"] <= record["gap"]["hi"]


@pytest.mark.ci
def test_bad_programs_are_one_line(program: Path) -> None:
    episodes, model = program / "episodes.npz", f"{program}/model.py"
    np.savez(program / "other.npz", a=np.ones(3))
    given, state = dict(np.load(episodes)), dict(np.load(program / "state.npz"))
    np.savez(program / "text.npz", **given | {"y": given["y"].astype(str)})
    np.savez(program / "nan.npz", **given | {"X": np.where(np.arange(8)[:, None] == 5, np.nan, given["X"])})
    np.savez(program / "classes.npz", **given | {"y": np.arange(8) % 3 + 1})
    np.savez(program / "shape.npz", **state | {"0.bias": np.ones(5)})
    np.savez(program / "inf.npz", **state | {"0.bias": np.array([0, np.inf, 0])})
    np.savez(program / "line.npz", weight=np.ones((3, 2)), bias=np.ones(3))
    check, classed = ("check-gradient", f"{model}:make", "--tasks", episodes, "--gradient"), program / "classes.npz"
    np.savez(program / "half.npz", X=np.ones((2, 2)), y=np.ones(2), task=["a", "a"], split=["query", "query"])
    for words, arguments in (
        ("--tasks=FILE.npz is required", ("judge", f"{model}:make")),
        ("no data", ("judge", f"{model}:broken", "--tasks", episodes)),
        ("a torch.nn.Module", ("judge", f"{model}:no_model", "--tasks", episodes)),
        ("FUNCTION='nothing': one that the file defines: make", ("judge", f"{model}:nothing", "--tasks", episodes)),
        (
            "--omega: this option is not for a FILE.py",
            ("certify", f"{model}:make", "--tasks", episodes, "--omega", model),
        ),
        ("--gap: this option is not for", ("certify", f"{model}:make", "--tasks", episodes, "--gap", 1e-3)),
        ("FILE.py:FUNCTION is run by metagap certify", ("certify", model)),
        ("FILE.py:FUNCTION is run by metagap certify", ("audit", f"{model}:make")),
        ("metagap certify and metagap audit read tables", ("optimum", program / "tasks.csv")),
        ("a Python file that is there", ("judge", f"{program}/none.py:make", "--tasks", episodes)),
        ("rows of both kinds", ("judge", f"{model}:make", "--tasks", program / "half.npz")),
        ("the arrays of the model", ("judge", f"{model}:make", "--tasks", episodes, "--state", program / "other.npz")),
        ("one of mse", ("judge", f"{model}:make", "--tasks", episodes, "--loss", "hinge")),
        ("for one FILE.py:FUNCTION alone", ("judge", program / "x.json", "--eta", 1)),
        ("--gradient=FILE is required", ("check-gradient", f"{model}:make", "--tasks", episodes)),
        ("a function in a Python file", ("check-gradient", model, "--tasks", episodes)),
        ("y='<U", ("judge", f"{model}:make", "--tasks", program / "text.npz")),
        (
            "X[5, 0]=nan: finite numbers (row 5 is of task b)",
            ("judge", f"{model}:make", "--tasks", program / "nan.npz"),
        ),
        (
            "make: --comparator=FILE is required: the labels are the default with the loss mse, not cross_entropy",
            ("judge", f"{model}:make", "--tasks", classed, "--loss", "cross_entropy"),
        ),
        (
            f"--tasks={classed}: labels='classes up to 3': class numbers 0 to 2",
            (
                "check-gradient",
                f"{model}:line",
                "--tasks",
                classed,
                "--gradient",
                program / "line.npz",
                "--loss",
                "cross_entropy",
            ),
        ),
        ("(--loss cross_entropy)", ("judge", f"{model}:line", "--tasks", classed)),
        (f"--gradient={program}/shape.npz: gradients['0.bias']=(5,)", (*check, program / "shape.npz")),
        ("inf.npz: 0.bias[1]=inf: a finite number is required", (*check, program / "inf.npz")),
    ):
        found = called(*arguments)
        lines = [line for line in found.stderr.splitlines() if not re.match("metagap: (judge|check-gradient):", line)]
        assert found.exit_code == 2 and len(lines) == 1 and words in lines[0], (words, found.stderr)


def test_what_was_tried_in_time_stands(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = Interval(lo=0.25, hi=0.5)
    standing = GradientRecord(name="unknown", message="None of 9.", distance=far, rounding=None, distances={})
    monkeypatch.setattr(programs, "improving", lambda *given: (standing, EndedError("trying the last", False)))
    found = called("check-gradient", f"{program}/model.py:make", "--tasks", program / "episodes.npz", "--gradient",
                   program / "state.npz", "--max-time", 9)  # fmt: skip
    assert found.exit_code == 3 and found.stdout == "None of 9.\n"
    assert found.stderr == "metagap: --max-time=9: out of time while trying the last; the answer stood before\n"


def test_without_a_comparator_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from metagap.torch import SGD, Task
    from metagap.torch import judge as judged

    monkeypatch.setattr("metagap.impl.traced.problem.programs", None)
    pair = torch.ones(2, 1), torch.ones(2, 1)
    with pytest.raises(files.BadInputError, match="comparator=None"):
        judged(torch.nn.Linear(1, 1), [Task(pair, pair)], inner=SGD(0.1), loss="bce")


@pytest.mark.ci
def test_a_search_draws_where_nothing_can_be_moved() -> None:
    claim = ANY_MODEL.claim("any-model-lifted")
    assert claim is not None
    found = pursue(claim, seconds=np.inf, work=64)
    assert found.evaluations and not found.refutations and found.certified() is not None
