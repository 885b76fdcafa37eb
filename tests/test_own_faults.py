"""What is wrong in a claims file is said in one line, with its place, before or while anything is judged."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import metagap
import pytest
from metagap.impl.arithmetic import Rationals
from metagap.impl.families import FAMILIES, loads
from metagap.impl.files import BadInputError
from metagap.impl.own_checks import unread
from metagap.impl.own_claims import read, standing
from metagap.reports.cli import app
from metagap.theory.claim import UndefinedQuantityError, Verdict
from typer.testing import CliRunner

from .test_own_claims import SQUARED

CLAIM = (
    'from metagap import Claim, Mutant, Assumption, quantity\nC = Claim("meta-sl-x", "t", left="gap", bound="{}"{})\n'
)
BAD = {
    "": "at least one",
    "x = 1 +": r"line 1: SyntaxError",
    "import metagap\nraise KeyError('what')\n": r"line 2: KeyError: 'what'",
    CLAIM.format("epz", ""): r"epz.*did you mean eps",
    CLAIM.format("0.5*eps", ""): r"line 2, meta-sl-x.bound='0.5\*eps'.*eps/2",
    CLAIM.format("(2/3)*eps", ""): r"2\*eps/3",
    CLAIM.format("eps(1)", ""): "no functions",
    CLAIM.format("eps*(radius", ""): "every bracket closed",
    CLAIM.format("eps^2", ""): r"powers as \*\*",
    CLAIM.format("eps**(1/2)", ""): "whole powers",
    'from metagap import *\n@quantity("s", "m")\ndef mine(at):\n    return at("eps")\n'
    + CLAIM.format("mine", ""): r"meta-sl-x.quantity='mine': quantities=\(mine,\) in the claim",
    CLAIM.format("eps +", ""): "sum of products",
    CLAIM.format("eps", ', assumptions=(Assumption("a", "s", "margin_squared"),)'): "margin_squared.*did you mean",
    CLAIM.replace("meta-sl-x", "x").format("eps", ""): "begins with its family's",
    CLAIM.replace("meta-sl-x", "meta-sl-lifted").format("eps", ""): "nothing else has",
    CLAIM.replace("meta-sl-x", "meta-sl-A b").format("eps", ""): "lower-case",
    CLAIM.format("eps", "") + 'M = Mutant("m", "meta-sl-lifted", "t", "eps")': "a claim of this file: meta-sl-x",
    CLAIM.format("eps", "") + 'M = Mutant("m", "meta-sl-x", "t", "epz")': "epz",
    CLAIM.format("eps", ', quantities=(quantity("e", "e")(lambda at: 1),)'): "<lambda>",
    CLAIM.format("eps", ', assumptions=(Assumption("a", "s", "eps"))'): r"line 2, meta-sl-x.assumptions=.*: \(P,\)",
    CLAIM.format("eps", ", assumptions=['a']"): r"meta-sl-x.assumptions=\['a'\]: a tuple",
    CLAIM.format("eps", "") + 'M = Mutant("m", "meta-sl-x", "t", 3)': "m.bound=3: a text",
    **{
        f"from metagap import *\n@quantity({latex})\ndef q(at):\n    return 1\n"
        + CLAIM.format("q", ", quantities=(q,)"): said
        for latex, said in (
            ("'', 'm'", "line 2, the quantity q.latex='': LaTeX"),
            (r"r'\frac{a}{', 'm'", r"line 2, the quantity q.latex=.*can be typeset"),
            (r"'{a', 'm'", r"line 2, the quantity q.latex='{a': .*balanced"),
            ("'q', ' '", "line 2, the quantity q.meaning=' ': a text"),
        )
    },
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_file_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(text)
    result = CliRunner().invoke(app, ["falsify", "--claims", str(file)])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert re.search(BAD[text], result.stderr), result.stderr
    assert standing() is None


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["verify", "--claims", str(tmp_path / "none.py")])
    assert result.exit_code == 2 and "a Python file that is there" in result.stderr


OWN = (
    "from metagap import Claim, quantity\n\n@quantity('m', 'mine')\ndef mine(at):\n    {}\n\n"
    "C = Claim('meta-sl-x', 't', left='gap', bound='mine', quantities=(mine,))\n"
)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 1 / 0", "line 5, the quantity mine: ZeroDivisionError: division by zero"),
        ("return at.sqrd(2)", "line 5, the quantity mine: AttributeError: there is no sqrd (did you mean sqrt?)"),
        ("return at('epz')", "line 5, the quantity mine: there is no quantity epz (did you mean eps"),
        ("return 1 / 2", "line 3, mine='float': a number that at gave"),
        ("return 0.1 * at('eps')", "line 5, mine=0.1: an exact constant: at.number('1/10')"),
        ("return max(at('eps'), at('gap'))", "line 5, mine='max()': at.largest"),
        ("pass", "line 3, mine='NoneType'"),
        ("return at('mine')", "line 5, the quantity mine: RecursionError: it asks for itself"),
        ("import math; return math.sqrt(at('eps'))", "line 5, the quantity mine: it asks the float of a number"),
        ("return at.constant('m5')", "line 5, the quantity mine: there is no constant m5: m1, m2 or m3"),
    ],
)
def test_a_fault_in_a_quantity_is_told_with_its_line(body: str, said: str, tmp_path: Path) -> None:
    file, instance = tmp_path / "bad.py", tmp_path / "instance.json"
    file.write_text(OWN.format(body))
    instance.write_text(json.dumps(SQUARED))
    result = CliRunner().invoke(app, ["judge", str(instance), "--claims", str(file)])
    assert result.exit_code == 2 and said in result.stderr, result.stderr
    assert result.stderr.count("\n") == 1


ASKED = {
    "if at('eps') * at.sqrt(at.number(2)) <= at.sqrt(2 * at('eps') * at('eps')): return 0": "<=",
    "if at('eps') == 0: return 0": "==",
    "return 1 if at.omega[0] != at.comparator[0] else 0": "!=",
    "return at('gap') if abs(at('eps')) else 0": "the truth",
    "return at('eps') and at('gap')": "the truth",
    "return at('gap') if not at.gradient[0] else 0": "the truth",
    "import math; return at.number(math.floor(at('eps')))": "the floor",
    "import numpy; return at.number(int(numpy.max(at.omega)))": ">=",
    "return at.number(str({at('eps'): 1}))": "a hash",
    "return at.omega[int(at('eps'))]": "the integer",
    "return at('eps') if at.exchanged()('eps') > 1 else 0": ">",
    "return 1 if at.instance.loss.constants().m2 < 2 else 0": "<",
    "return 1 if at.constant('m2') < 2 else 0": "<",
    "return 1 if at.between(2, 0, at.number(0), at.number(1))[0] < 2 else 0": "<",
    "return 1 if at.eigenvalues([[at.number(1)]])[0] < 2 else 0": "<",
    "return 1 if at.gram[0][0] < at.masses[0] else 0": "<",
    "return 1 if at.tasks[0].weight < 1 else 0": "<",
    "return 1 if at.tasks[0].support.atoms[0][0][0] < 1 else 0": "<",
    "return 1 if at.tasks[0].query.hessian(at.omega)[0][0] < 1 else 0": "<",
    "return 1 if at.tasks[0].path(theta=at.omega, step=at.number(1), steps=1)[1][0] < 1 else 0": "<",
    "half = 0.5\n    return 1 if at.omega[0] else 0": "an exact constant",
}


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("body", ASKED)
def test_nothing_is_asked_of_a_number(body: str, tmp_path: Path) -> None:
    """An enclosure answers `a <= b` with False where it cannot tell: the branch that is taken then proves nothing."""
    file = tmp_path / "mine.py"
    file.write_text(OWN.format(body))
    with pytest.raises(BadInputError, match=rf"line 5, (the quantity )?mine.*{re.escape(ASKED[body])}"):
        metagap.judge(loads(json.dumps(SQUARED)), read(str(file)).claims)


def test_a_helper_cannot_bring_in_a_float(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def half(t):\n    return 0.1 * t\n\n" + OWN.format("return half(at('eps'))"))
    with pytest.raises(BadInputError, match=r"line 2, the quantity mine: 0\.1 is no exact constant"):
        metagap.judge(loads(json.dumps(SQUARED)), read(str(file)).claims)


def test_what_is_divided_by_0_has_no_value_there(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN.format("return 1 / (at.omega[0] - at.omega[0]) ** 2"))
    claim = read(str(file)).claims[0]
    exactly = FAMILIES["meta-sl"].stating((claim,)).quantities(loads(json.dumps(SQUARED)), Rationals)
    with pytest.raises(UndefinedQuantityError, match="divided by 0"):
        exactly("mine")
    assert metagap.judge(loads(json.dumps(SQUARED)), [claim]).claims[0].verdict is Verdict.UNDECIDED


@pytest.mark.ci
@pytest.mark.parametrize(("command", "workers"), [("verify", "1"), ("audit", "0")])
def test_a_fault_on_some_instances_is_one_line_that_names_them(command: str, workers: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN.format("return at.omega[1] + at.number(100) + at('gap')"))
    arguments = [command, "--claims", str(file), "--out", str(tmp_path / "out"), "--workers", workers]
    run = subprocess.run([sys.executable, "-c", MAIN, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 2, run.stderr
    last = run.stderr.splitlines()[-1]
    assert "mine.py: line 5, the quantity mine: IndexError: list index out of range (on " in last
    assert "Traceback" not in run.stderr and "lost" not in run.stderr


MAIN = "from metagap.reports.cli import main; main()"


def test_the_root_of_a_negative_number_is_no_number(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN.format("return at.sqrt(-1 - at('eps'))"))
    judged = metagap.judge(loads(json.dumps(SQUARED)), read(str(file)).claims).claims[0]
    assert judged.verdict is Verdict.OUTSIDE and "certainly negative" in judged.reason


@pytest.mark.parametrize("text", ["eps", "2*eps/3", "-(eps + misfit)**2*radius", "eps/2 - misfit/7", "eps**2/radius"])
def test_good_sides_are_read(text: str) -> None:
    assert unread(text) is None


def test_a_fault_in_tasks_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "tasks.py"
    for body, said in (
        ("return 1 / 0", "line 4, the tasks mine: ZeroDivisionError"),
        ("return 1", "line 2, mine='int'"),
    ):
        file.write_text(f"import metagap\n@metagap.tasks('mine')\ndef mine(rng):\n    {body}\n")
        result = CliRunner().invoke(app, ["verify", "--claims", str(file)])
        assert result.exit_code == 2 and said in result.stderr, result.stderr
