"""metagap from Python: names that load lazily, and certify on arrays and tensors."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from importlib import metadata
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import metagap
import numpy as np
import pytest
from flint import fmpq
from metagap import Task
from metagap.impl.files import BadInputError
from metagap.impl.optimum.exact import squared_minimum
from metagap.impl.own_tasks import from_arrays
from metagap.impl.shown import Sheet, Shown
from metagap.reports.worked import FILE
from msgspec import structs
from rich.console import Console

from .test_own_claims import GUIDE, block

X, Y, TASK = [[1.0, 0.5], [1.0, 2.0], [1.0, 1.0], [1.0, -1.0]], [0.0, 1.0, 0.0, 1.0], ["a", "a", "b", "b"]


def test_its_names_load_when_they_are_asked_for() -> None:
    code = "import sys, metagap; assert metagap.__version__ and 'metagap.impl' not in sys.modules; metagap.load"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert metagap.__version__ == metadata.version("metagap")
    assert set(dir(metagap)) == set(metagap.__all__)
    others = {"__version__", "common", "strategies", "torch"}
    assert all(callable(getattr(metagap, name)) for name in set(dir(metagap)) - others)
    with pytest.raises(AttributeError, match="no attribute 'certfy'"):
        metagap.certfy  # noqa: B018


def test_every_name_of_the_guide_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "instance.json").write_text(FILE.read_text())
    code, said = block("names"), list[str]()
    test = doctest.DocTestParser().get_doctest(code, {}, "names", None, 0)
    assert doctest.DocTestRunner().run(test, out=said.append).attempted == 15
    assert not said, "".join(said)
    asked = "judge certify minimise check load Claim Assumption Mutant Task Instance torch __version__"
    assert set(re.findall(r"\w+", code)) >= set(asked.split())
    others = set(re.findall(r"import ([\w, ]+)", GUIDE.read_text(encoding="utf-8")))
    assert {"Loss", "Adaptation"} <= others, "each is made in a block of its own"


def test_tasks_are_columns() -> None:
    """The same as arrays with their split; and bad ones in one line."""
    one, two = Task((X[:2], Y[:2]), (X[2:3], Y[2:3])), Task((X[3:], Y[3:]), (X[3:], Y[3:]), weight=2)
    made = metagap.problem([one, two], eta=0.25)
    rows = [*X, X[3]]
    split = ["support", "support", "query", "support", "query"]
    same = metagap.problem(rows, [*Y, Y[3]], "aaabb", split=split, task_weight=[1, 1, 1, 2, 2], eta=0.25)
    assert made.canonical.tasks[1].support is None and made.sha256 == same.sha256
    there = made.with_omega((fmpq(1), fmpq(2)))
    assert metagap.certify([one, two], omega=[1.0, 2.0], eta=0.25).gap == metagap.certify(instance=there).gap
    for bad, said in (
        ([Task((X[:2], Y[:1]), (X, Y))], r"tasks\[0\]\.support: shapes="),
        ([one, Task((X, Y), ([[1.0]], [0.0]))], r"tasks\[1\]\.query: shapes=.*of the same d in all tasks"),
        ([Task((X, Y), ([[1.0], [1.0, 2.0]], [0, 1]))], r"tasks\[0\]\.query"),
        ([], "or X a list of metagap.Task"),
        ([one, X], "or X a list of metagap.Task"),
    ):
        with pytest.raises(BadInputError, match=said):
            metagap.problem(bad)
    with pytest.raises(BadInputError, match="none of them beside a list of Tasks"):
        metagap.problem([one], Y)


def test_certify_on_arrays_and_tensors_is_exact() -> None:
    """The squared loss: L* by exact normal equations."""
    torch = pytest.importorskip("torch")
    made = from_arrays(X, Y, TASK, eta=fmpq(1, 4))
    least, _ = squared_minimum(made)
    exact = float(least.p) / float(least.q)
    for convert in (list, np.array, torch.tensor):
        found = metagap.certify(convert(X), convert(Y), TASK, convert([1.0, 2.0]), eta=0.25)
        assert found.optimum.status == "certified" and found.bound.verdict == "PROVED"
        assert found.optimum.lower is not None and found.optimum.lower <= exact <= (found.optimum.upper or 0.0)
        assert found.gap.lo is not None and found.value.lo is not None
        assert abs(found.gap.lo - (found.value.lo - exact)) < 1e-14
        assert found.problem.rows == 4 and found.problem.adaptation == {"name": "gradient", "eta": 0.25, "steps": 1}


def test_bad_arguments_are_one_line() -> None:
    for arguments in ((X, Y, TASK, [1.0]), (X, Y[:3], TASK, [1.0, 2.0]), (X, Y, TASK, [1.0, float("inf")])):
        with pytest.raises(BadInputError):
            metagap.certify(*arguments)
    with pytest.raises(BadInputError, match="loss='hinge'"):
        metagap.certify(X, Y, TASK, [1.0, 2.0], loss="hinge")
    with pytest.raises(BadInputError, match="omega=None: an array of 2 numbers"):
        metagap.certify(X, Y, TASK)
    for takes in (metagap.judge, metagap.minimise):
        with pytest.raises(TypeError, match=r"as metagap\.load gives it, is required, not str"):
            takes("instance.json")


def test_what_it_returns_is_shown_in_a_line_and_as_a_notebooks_table() -> None:
    instance = metagap.load(FILE)
    judged, found = metagap.judge(instance), metagap.minimise(instance)
    assert repr(judged).startswith(f"<judgement of {instance.sha256[:12]}: 10 PROVED")
    assert repr(judged["meta-sl-lifted"]) == "<meta-sl-lifted: PROVED, 0.260121 against 1.2054>"
    assert repr(found).startswith("<inf L over all parameters") and repr(found).endswith("certified>")
    assert (
        "<td>meta-sl-lifted</td><td>PROVED</td><td>0.260121</td><td>1.2054</td><td>0.216</td>" in judged._repr_html_()
    )


def test_every_result_shows_itself_in_notebooks_and_on_terminals() -> None:
    """What is said is what is known: the same numbers in both, escaped, and no promise that is not proved."""
    instance = metagap.load(FILE)
    judged, found = metagap.judge(instance), metagap.minimise(instance)
    answer = metagap.certify(X, Y, TASK, [1.0, 2.0], eta=0.25)
    for shown in (judged, judged["meta-sl-lifted"], found, answer):
        shows_itself(shown)
    assert dict(answer.sheet.rows)["the theorem promises at most"] == f"{answer.promise:.6g}"
    assert repr(answer).startswith("<2 tasks, 4 rows, squared loss: distance from the global optimum: ")
    bound = structs.replace(answer.bound, verdict="UNDECIDED", smallest=None)
    assert structs.replace(answer, bound=bound).promise == float("inf")
    assert (
        Shown._repr_html_(Hostile())
        == "<table><caption>&lt;b&gt;</caption><tbody><tr><td>&amp;</td></tr></tbody></table>"
    )


def shows_itself(shown: Shown) -> None:
    """The same cells in a notebook's table, which is well formed, and on a terminal."""
    out = StringIO()
    Console(file=out, width=200).print(shown)
    html = shown._repr_html_()
    assert html.count("<td>") == sum(map(len, shown.sheet.rows)) > 4
    assert ElementTree.fromstring(html).tag == "table"
    assert all(word in out.getvalue() for row in shown.sheet.rows for word in row[0].split())


class Hostile(Shown):
    """Texts that are markup."""

    sheet = Sheet("<b>", (), [("&",)])
