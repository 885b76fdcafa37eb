"""metagap from Python: names that load lazily, and certify on arrays and tensors."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from io import StringIO
from xml.etree import ElementTree

import metagap
import numpy as np
import pytest
from flint import fmpq
from metagap.impl.files import BadInputError
from metagap.impl.optimum.exact import squared_minimum
from metagap.impl.own_tasks import from_arrays
from metagap.impl.shown import Sheet, Shown
from metagap.reports.worked import FILE
from msgspec import structs
from rich.console import Console

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


def test_what_it_returns_is_shown_in_a_line_and_as_a_notebooks_table() -> None:
    instance = metagap.load(FILE)
    judged, found = metagap.judge(instance), metagap.minimise(instance)
    assert repr(judged).startswith(f"<judgement of {instance.sha256[:12]}: 9 PROVED")
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
