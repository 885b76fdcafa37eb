"""Tables that say support and query, and weights: what they become, what is refused, and the answer on two laws."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import metagap
import numpy as np
import pytest
from flint import arb, ctx, fmpq
from jsonschema import Draft202012Validator
from metagap.impl import files
from metagap.impl.arithmetic import norm, rational, to_float
from metagap.impl.families import loads
from metagap.impl.files import BadInputError
from metagap.impl.losses import Loss
from metagap.impl.optimum import minimise
from metagap.impl.optimum.convex import derivatives
from metagap.impl.optimum.convex_check import Prover
from metagap.impl.optimum.stack import Stack
from metagap.impl.own_tasks import TaskSource, from_arrays
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task
from metagap.reports.cli import app
from metagap.reports.formats import check, schema
from metagap.reports.formats.judging import ConditionsRecord
from typer.testing import CliRunner

runner = CliRunner()
HALF, ONE, EIGHTH = fmpq(1, 2), fmpq(1), fmpq(1, 8)
CSV = """task,split,weight,task_weight,y,x
a,support,1,3,2,1
a,support,3,3,0,2
a,query,5,3,1,1
b,query,1,1,4,2
b,support,2,1,6,1
"""
"""Of a: labels 2 and 0 with masses 1/4, 3/4; b weighs a third of a."""
PLAIN = "task,y,x\na,2,1\na,0,2\nb,4,2\n"


def write(folder: Path, text: str, name: str = "tasks.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def laws(made: Any) -> list[tuple[Any, ...]]:
    return [(t.weight, *(None if law is None else tuple(law) for law in (t.atoms, t.support))) for t in made.tasks]


# --- what a table becomes ---------------------------------------------------------------------------------------------


def test_every_way_gives_the_instance_by_hand(tmp_path: Path) -> None:
    by_hand = [
        (fmpq(3, 4), (Atom(0, ONE, ONE),), (Atom(0, fmpq(2), fmpq(1, 4)), Atom(1, fmpq(0), fmpq(3, 4)))),
        (fmpq(1, 4), (Atom(1, fmpq(4), ONE),), (Atom(0, fmpq(6), ONE),)),
    ]
    table = TaskSource(write(tmp_path, CSV), eta=HALF).load()
    assert laws(table) == by_hand and tuple(table.features) == ((ONE,), (fmpq(2),))  # type: ignore[attr-defined]
    rows = [line.split(",") for line in CSV.split()[1:]]
    task, split = [row[0] for row in rows], [row[1] for row in rows]
    weight, task_weight, y, x = (np.array([float(row[j]) for row in rows]) for j in (2, 3, 4, 5))
    given: dict[str, Any] = {"split": split, "weight": weight, "task_weight": task_weight}
    arrays = from_arrays(x[:, None], y, task, eta=HALF, **given)
    found = {table.sha256, arrays.sha256, loads(files.dumps(arrays)).sha256}
    for kind in ("U7", "S7"):
        named = {"split": np.array(split).astype(kind)}
        np.savez(tmp_path / "tasks.npz", X=x[:, None], y=y, task=np.array(task), **(given | named))
        found.add(TaskSource(str(tmp_path / "tasks.npz"), eta=HALF).load().sha256)
    face = metagap.certify(x[:, None], y, task, [0.0], eta=HALF, max_time=10, **given)
    assert face.problem.split == "support/query" and face.problem.rows == 5
    assert found == {face.problem.instance}


def test_weights_are_proportions_and_equal_ones_are_none(tmp_path: Path) -> None:
    """Rows of equal weight are rows without; a row that weighs nothing is no row; tasks of equal weight likewise."""
    plain = TaskSource(write(tmp_path, PLAIN)).load()
    lines = PLAIN.split()
    for column, values in (("weight", "3,3,7"), ("weight", "0.1,0.1,0.7"), ("task_weight", "2,2,2")):
        pairs = zip(lines, [column, *values.split(",")], strict=True)
        same = TaskSource(write(tmp_path, "\n".join(f"{a},{b}" for a, b in pairs))).load()
        assert same.sha256 == plain.sha256 and same == plain
    nothing = TaskSource(write(tmp_path, "task,y,x,weight\na,2,1,1\na,0,2,0\nb,4,2,5\n"), eta=HALF).load()
    dropped = TaskSource(write(tmp_path, "task,y,x\na,2,1\nb,4,2\n"), eta=HALF).load()
    assert nothing.canonical == dropped.canonical and nothing.sha256 == dropped.sha256
    heavier = TaskSource(write(tmp_path, "task,y,x,task_weight\na,2,1,3\na,0,2,3\nb,4,2,1\n")).load()
    assert [weight for weight, _, _ in laws(heavier)] == [fmpq(3, 4), fmpq(1, 4)]


def test_the_default_step_is_that_of_the_support() -> None:
    """Squared loss: the Hessian of the support's risk is 9 (1/4) + 1 (3/4) = 3; the query's 400 does not matter."""
    x, split = [[3.0], [1.0], [20.0]], ["support", "support", "query"]
    made = from_arrays(x, [1.0, 1.0, 1.0], ["a"] * 3, split=split, weight=[1.0, 3.0, 1.0])
    assert made.adaptation == Gradient(fmpq(1, 8)), "the largest power of 2 up to 1/6"


def test_what_is_hashed_of_tables_without_a_split_does_not_change(tmp_path: Path) -> None:
    made = TaskSource(write(tmp_path, PLAIN), eta=HALF).load()
    atoms = ((Atom(0, fmpq(2), HALF), Atom(1, fmpq(0), HALF)), (Atom(1, fmpq(4), ONE),))
    tasks = tuple(Task(HALF, law) for law in atoms)
    zero = (fmpq(0),)
    by_hand = MetaSLInstance(Loss("squared"), Gradient(HALF), ((ONE,), (fmpq(2),)), tasks, zero, zero, ONE)
    assert made.sha256 == by_hand.sha256 and '"metagap/instance/1"' in files.dumps(made)


def test_a_split_into_equal_halves_is_none(tmp_path: Path) -> None:
    both = "task,split,y,x\na,support,2,1\na,query,2,1\nb,query,4,2\nb,support,4,2\n"
    one = TaskSource(write(tmp_path, "task,y,x\na,2,1\nb,4,2\n"), eta=HALF).load()
    assert TaskSource(write(tmp_path, both), eta=HALF).load().sha256 == one.sha256


# --- what is refused --------------------------------------------------------------------------------------------------


def swapped(**words: str) -> str:
    text = CSV
    for old, new in words.items():
        text = text.replace(f",{old},", f",{new},")
    return text


REFUSED = {
    "0 and 1": (swapped(support="0", query="1"), ("line 2, column split='0'", "in their place", "--ignore split")),
    "train and test": (swapped(support="train", query="test"), ("write support for train", "--feature split")),
    "capitals": (swapped(query="Query"), ("line 4, column split='Query'", "write query for Query")),
    "another word": (swapped(query="meta"), ("line 4, column split='meta'", "support or query is required")),
    "no word": (swapped(query=""), ("line 4, column split=''", "support or query is required")),
    "no query": (CSV.replace("b,query", "b,support"), ("task='b'", "a task with a query row")),
    "no support": (CSV.replace("b,support", "b,query"), ("task='b'", "a task with a support row")),
    "a query that weighs nothing": (CSV.replace("query,5", "query,0"), ("task='a'", "query row of positive weight")),
    "a negative weight": (CSV.replace("query,5", "query,-5"), ("line 4, column weight=-5.0", "a number >= 0")),
    "a weight in words": (
        CSV.replace("query,5", "query,five"),
        ("line 4, column weight='five'", "a number; write it as one"),
    ),
    "weights of a task that differ": (
        CSV.replace("5,3", "5,2"),
        ("line 4, column task_weight=2.0", "of task 'a', as 3.0 before"),
    ),
    "a negative weight of a task": (
        CSV.replace("query,5,3", "query,5,-3"),
        ("line 4, column task_weight=-3.0", "a number >= 0"),
    ),
    "tasks that weigh nothing": (
        re.sub(r",\d,\d,(\d,\d)\n", r",1,0,\1\n", CSV),
        ("task_weight=0.0", "a positive weight"),
    ),
    "two columns of one meaning": (CSV.replace("task_weight", "Weight"), ("header[3]='Weight'", "--ignore Weight")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_split_or_weight_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    TaskSource(write(tmp_path, CSV)).load()
    text, words = REFUSED[name]
    with pytest.raises(BadInputError) as caught:
        TaskSource(write(tmp_path, text)).load()
    assert all(word in str(caught.value) for word in words) and "\n" not in str(caught.value), str(caught.value)


@pytest.mark.ci
def test_the_command_refuses_a_split_that_it_does_not_know(tmp_path: Path) -> None:
    place, out = write(tmp_path, REFUSED["0 and 1"][0]), tmp_path / "out.json"
    result = runner.invoke(app, ["certify", place, "--json", str(out)])
    assert result.exit_code == 2 and not out.exists() and result.stdout == ""
    assert "line 2, column split='0'" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", ["split", " Split", "weight", "task_weight", "TASK_WEIGHT"])
def test_columns_with_a_meaning_are_features_only_if_it_is_said(name: str, tmp_path: Path) -> None:
    text = f"task,y,x,{name}\na,1,2,1\na,2,3,1\nb,1,2,1\n"
    place, plain = write(tmp_path, text), write(tmp_path, text.replace(name, "z"), "plain.csv")
    alone = write(tmp_path, "task,y,x\na,1,2\na,2,3\nb,1,2\n", "alone.csv")
    assert TaskSource(place, features=(name,)).load() == TaskSource(plain).load()
    assert TaskSource(place, ignored=(name,)).load() == TaskSource(alone).load()
    if "split" in name.lower():
        with pytest.raises(BadInputError, match=rf"column {name}='1': .*--feature {name} .*--ignore {name} "):
            TaskSource(place).load()
    else:
        found = TaskSource(place).load()
        assert found == TaskSource(alone).load()
        assert TaskSource(place).defaults(found)[0].startswith(f"column {name} weighs")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"split": np.array([0, 1, 1])}, r"split\[0\]=0: support or query is required; .*--ignore split"),
        ({"split": np.array([True, False, True])}, r"split\[0\]=True: support or query"),
        ({"split": np.array([["support"]] * 3)}, r"split=\(3, 1\)"),
        ({"split": np.array(["support", "query"])}, r"split=\(2,\): one entry for each of the 3 rows"),
        ({"weight": np.ones((3, 1))}, r"weight=\(3, 1\): one entry for each of the 3 rows"),
        ({"weight": np.array(["1", "1", "1"])}, "weight='<U1': an array of real numbers"),
        ({"weight": np.array([1.0, np.inf, 1.0])}, r"weight\[1\]=inf: a finite number"),
        ({"task_weight": np.array([1.0, 2.0, 2.0])}, r"task_weight\[1\]=2\.0: one weight in all rows of task 'a'"),
    ],
)
def test_arrays_that_are_no_split_or_weight_are_refused(arrays: dict[str, Any], words: str, tmp_path: Path) -> None:
    place = tmp_path / "tasks.npz"
    np.savez(place, X=np.ones((3, 1)), y=np.ones(3), task=np.array(["a", "a", "b"]), **arrays)
    with pytest.raises(BadInputError, match=words):
        TaskSource(str(place)).load()
    TaskSource(str(place), ignored=tuple(arrays)).load()
    with pytest.raises(BadInputError, match=next(iter(arrays))):
        metagap.certify(np.ones((3, 1)), np.ones(3), ["a", "a", "b"], [0.0], **arrays)


# --- the answer -------------------------------------------------------------------------------------------------------


@pytest.mark.ci
def test_certify_and_audit_say_what_they_took_for_what(tmp_path: Path) -> None:
    """By hand, eta = 1/2, squared: U_a = t + (2 - t)/8 + 3/4 (-2t)... the exact optimum is that of normal equations."""
    place, out = write(tmp_path, CSV), tmp_path / "out.json"
    result = runner.invoke(app, ["certify", place, "--eta", "1/8", "--max-time", "60", "--json", str(out)])
    assert result.exit_code == 0, result.output
    record = json.loads(out.read_text())
    Draft202012Validator(schema("certify")).validate(record)
    # a: U = t - (t - 2)/32 - (3/32)(2)(2t) = (1 - 13/32)t + 1/16, judged at 1 on 1; b: U = 7t/8 + 3/4, at 2 on 4.
    m = (fmpq(19, 32), 2 * fmpq(7, 8))
    r = (1 - fmpq(1, 16), 4 - fmpq(3, 2))
    q = (fmpq(3, 4), fmpq(1, 4))
    best = sum((w * a * b for w, a, b in zip(q, m, r, strict=True)), start=fmpq(0)) / sum(
        (w * a * a for w, a in zip(q, m, strict=True)), start=fmpq(0)
    )
    least = to_float(sum((w * (a * best - b) ** 2 / 2 for w, a, b in zip(q, m, r, strict=True)), start=fmpq(0)))
    assert record["optimum"]["status"] == "certified" and record["problem"]["split"] == "support/query"
    assert record["optimum"]["lower"] <= least * (1 + 1e-15) and least * (1 - 1e-15) <= record["optimum"]["upper"]
    assert record["optimum"]["upper"] - record["optimum"]["lower"] < 1e-12
    assert "adapted on 3 support rows, judged on 2 query rows" in result.stdout
    for name in ("split", "weight", "task_weight"):
        assert any(line.startswith(f"column {name} ") for line in record["advice"])
    shown = runner.invoke(app, ["audit", place, "--max-time", "60", "--json", str(out)])
    assert shown.exit_code == 0, shown.output
    conditions = json.loads(out.read_text())
    Draft202012Validator(schema("conditions")).validate(conditions)
    assert len(conditions["notes"]) == 3
    holds = {row["name"]: row["holds"] for row in conditions["assumptions"]}
    assert holds["one-law"] is False
    former = {k: v for k, v in conditions.items() if k != "notes"} | {"format": "metagap/conditions/1"}
    assert check(former, ConditionsRecord, "former.json").notes == []


def drawn(steps: int, eta: fmpq = EIGHTH, d: int = 3, loss: str = "squared") -> MetaSLInstance:
    """Three tasks of 4 support and 5 query rows with weights; numbers are dyadic."""
    rng = np.random.default_rng(4)
    count = 27
    x, y = rng.integers(-8, 9, (count, d)) / 8, rng.integers(-8, 9, count) / 4
    split, task = (["support"] * 4 + ["query"] * 5) * 3, np.repeat([0, 1, 2], 9)
    y = np.where(y > 0, 1.0, -1.0) if Loss(loss).link.name == "MARGIN" else y
    weight = rng.integers(1, 5, count).astype(float)
    made = from_arrays(
        x, y, task.tolist(), split=split, weight=weight, task_weight=task + 1.0, loss=Loss(loss), eta=eta, steps=steps
    )
    return replace(made, omega=tuple(rational(float(v)) for v in rng.integers(-4, 5, d) / 4))


def normal_equations(made: MetaSLInstance) -> tuple[np.ndarray, np.ndarray, float]:
    """H, g and c of L = (t'Ht - 2 g't + c)/2, from the definition in float64."""
    d, eta = made.dimension, made.adaptation.eta  # type: ignore[union-attr]
    h, g, c = np.zeros((d, d)), np.zeros(d), 0.0

    def table(atoms: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x = np.array([[to_float(v) for v in made.features[a.x]] for a in atoms])
        return x, np.array([to_float(a.y) for a in atoms]), np.array([to_float(a.p) for a in atoms])

    for task in made.tasks:
        (x, y, p), (xq, yq, pq) = table(task.support), table(task.atoms)
        matrix, shift = np.eye(d), np.zeros(d)
        for _ in range(made.adaptation.steps):  # type: ignore[union-attr]
            shift = shift - to_float(eta) * x.T @ (p * (x @ shift - y))
            matrix = matrix - to_float(eta) * x.T @ (p[:, None] * (x @ matrix))
        rows, rest, q = xq @ matrix, yq - xq @ shift, to_float(task.weight)
        h += q * rows.T @ (pq[:, None] * rows)
        g += q * rows.T @ (pq * rest)
        c += q * float(pq @ rest**2)
    return h, g, c


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("eta", [fmpq(1, 8), fmpq(-1, 4), fmpq(3)])
def test_the_squared_loss_of_two_laws_is_certified_by_convexity(steps: int, eta: fmpq) -> None:
    made = drawn(steps, eta)
    h, g, c = normal_equations(made)
    least = (c - float(g @ np.linalg.solve(h, g))) / 2
    found = minimise(made)
    assert found.how == "convex" and found.certified
    assert abs(found.lower - least) < 1e-9 * max(c, 1) and found.upper - found.lower <= 1e-12 * c
    prover = Prover(made)
    matrix, error = prover._float_hessian
    assert np.linalg.norm(matrix - h) <= error + 1e-12 * np.linalg.norm(h) and error < 1e-11 * np.linalg.norm(h)
    for columns in ([0, 1, 2], [0, 2]):
        with ctx.workprec(128):
            fine = prover.hessian_in_balls(np.array(columns))
            off = [fine[i, j] - arb(h[a, b]) for i, a in enumerate(columns) for j, b in enumerate(columns)]
        assert norm(off) < 1e-12 * np.linalg.norm(h)
    value, gradient, bend = derivatives(Stack(made), np.ones(3))
    assert abs(value - (np.ones(3) @ h @ np.ones(3) - 2 * g.sum() + c) / 2) < 1e-10 * max(c, 1)
    assert np.allclose(gradient, h.sum(1) - g, rtol=1e-9) and np.allclose(bend, h, rtol=1e-9)


def test_without_adaptation_two_laws_are_one() -> None:
    """eta = 0: the support does not matter, whatever the convex loss."""
    made = drawn(1, fmpq(0), loss="logistic")
    found, alone = minimise(made), minimise(replace(made, tasks=tuple(replace(t, support=None) for t in made.tasks)))
    assert found.how == "convex" and found.certified and abs(found.lower - alone.lower) < 1e-9
