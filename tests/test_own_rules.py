"""What is no adaptation is refused in one line: bad files, no derivative, rules that catch or that never end."""

from __future__ import annotations

import re
import signal
from dataclasses import replace
from pathlib import Path

import metagap
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import own_adaptations
from metagap.impl.arithmetic import Rationals
from metagap.impl.files import BadInputError
from metagap.impl.own_adaptations import simplest
from metagap.impl.own_claims import read, using
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.reports.cli import app
from metagap.theory.claim import UndefinedQuantityError, Verdict
from typer.testing import CliRunner

from .test_own_adaptations import HEAD

BAD = {
    "return [0.5 for _ in theta]": "line 3, the adaptation mine='float': numbers that task and theta of this very call",
    "return theta[:1] + theta[:1] + theta": r"line 3, the adaptation mine=3: as many numbers as theta has, here 1",
    "return theta[0]": "line 3, the adaptation mine: TypeError: .*not iterable|TypeError",
    "return [abs(t) for t in theta]": "line 4, the adaptation mine: it asks abs of a number, which has no derivative",
    "return [t if t > 0 else -t for t in theta]": "asks > of a number",
    "return [t * 0.5 for t in theta]": "0.5 is no exact constant",
    "return [task.largest([t, 0]) for t in theta]": "AttributeError: there is no largest",
    "return [t - a[1] for t, a in zip(theta, task.atoms)]": "AttributeError: there is no atoms",
    "raise KeyError('mine')": "line 4, the adaptation mine: KeyError: 'mine'",
    "import random; return [t * random.randrange(9**9) for t in theta]": "the same numbers whenever it is asked",
    "KEPT.append(theta); return KEPT[0]": "numbers that task and theta of this very call gave",
    "KEPT.append(theta); return [t + k for t, k in zip(theta, KEPT[0])]": "a number of another call",
    "KEPT.append(task); return KEPT[0].gradient(theta)": "a number of another call",
    "KEPT.append(1); return [t * len(KEPT) for t in theta]": "the same numbers whenever it is asked",
    "return [task.sqrt(-1 - t * t) for t in theta]": "it has no finite value on the problems tried",
    "return [t / (t - t) for t in theta]": "it has no finite value on the problems tried",
    "return task.gradient(theta + theta)": "as many as theta has",
    "return task.solve([theta], theta + theta)": "solve takes d rows of d numbers",
    "return [task.number(t) for t in theta]": "number takes a constant, which none of its numbers is",
    "return [t + t * hasattr(t._number, 'p') for t in theta]": "the same numbers whenever it is asked",
    "return [t ** 10**9 for t in theta]": "whole powers up to 1000 are taken",
    "import pickle; return pickle.loads(pickle.dumps(theta))": "it asks a pickle of a number",
    "for _ in range(10**5): task.gradient(theta)\n    return theta": "at most (1|30) s are taken",
}


@pytest.mark.parametrize("body", [*list(BAD)[:-1], pytest.param(list(BAD)[-1], marks=pytest.mark.ci)])
def test_what_is_no_adaptation_is_one_line(body: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(f"{HEAD}KEPT = []\ndef mine(task, theta):\n    {body}\nM = Adaptation('mine', mine)\n")
    said = ""
    try:
        with using(read(str(file))):
            pass
    except BadInputError as error:
        said = str(error)
    assert re.search(BAD[body], said) and "\n" not in said, said


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("M = Adaptation('A b', lambda task, theta: theta)", "lower-case letters"),
        ("M = Adaptation('gradient', lambda task, theta: theta)", "as another adaptation is called"),
        ("M = Adaptation('mine', 3)", r"a function of \(task, theta\) is required"),
        ("M = Adaptation('arbitrary', lambda task, theta: theta)", "a name that no generator has"),
    ],
)
def test_a_bad_statement_is_one_line(stated: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(f"{HEAD}{stated}\n")
    done = CliRunner().invoke(app, ["falsify", "--claims", str(file)])
    assert done.exit_code == 2 and re.search(said, done.stderr) and done.stderr.count("\n") == 1, done.stderr


CAUGHT = """
def root(task, theta):  # |t| where 0 is caught: another function to exact numbers than to enclosures
    try:
        return [1 / t for t in theta]
    except ArithmeticError:
        return theta

def affine(task, theta):
    try:
        return [t * t for t in theta]
    except ArithmeticError:
        return theta

def below(task, theta):
    try:
        return [task.sqrt(t + 4) for t in theta]
    except ArithmeticError:
        return [2 * t for t in theta]

def size(task, theta):  # catches nothing; no derivative at 0
    return [task.sqrt(t * t) for t in theta]

def masked(task, theta):  # t^2; where rationals cannot divide, an affine function with its value and slope
    try:
        1 / (theta[0] - 5)
    except ArithmeticError:
        return [10 * t - 25 for t in theta]
    return [t * t for t in theta]

CAUGHT = [Adaptation(f.__name__, f) for f in (root, affine, below, size, masked)]
"""


def test_what_a_rule_catches_is_raised_again(tmp_path: Path) -> None:
    """Nothing is proved of a function that is another one for other kinds of numbers."""
    file = tmp_path / "caught.py"
    file.write_text(HEAD + CAUGHT)
    try:
        with using(read(str(file))):
            for name, omega, asked in (("root", 0, "gap"), ("masked", 5, "margin_squared_loss")):
                with pytest.raises(UndefinedQuantityError, match="divided by 0"):
                    getattr(MetaSLQuantities(replace(simplest(name), omega=(fmpq(omega),)), Rationals), asked)
            for omega in (0, -5):
                for name in ("root", "affine", "below", "size"):
                    instance = replace(simplest(name), omega=(fmpq(omega),))
                    verdicts = {one.claim[8:]: one.verdict for one in metagap.judge(instance).claims}
                    assert verdicts["c1"] is Verdict.OUTSIDE, name
                    if (name, omega) in (("root", 0), ("below", -5)):
                        assert not {Verdict.PROVED, Verdict.EQUAL, Verdict.VIOLATED} & set(verdicts.values()), name
    except BadInputError as error:
        pytest.fail(str(error))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("while True: pass", "it has not ended on the problems tried"),
        (
            "while True:\n        try: task.eta\n        except Exception: pass",
            "it has not ended on the problems tried",
        ),
        ("return itertools.repeat(theta[0])", "=11: as many numbers as theta has, here 1"),
    ],
)
def test_what_never_ends_is_refused_in_time(
    body: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_adaptations, "LONGEST", 0.3)
    before = signal.getsignal(signal.SIGALRM)
    (tmp_path / "bad.py").write_text(
        f"{HEAD}import itertools\ndef mine(task, theta):\n    {body}\nM = Adaptation('m', mine)\n"
    )
    with pytest.raises(BadInputError) as refused:
        read(str(tmp_path / "bad.py"))
    assert said in str(refused.value)
    assert signal.getsignal(signal.SIGALRM) == before and signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_whole_numbers_of_numpy_are_whole_numbers(tmp_path: Path) -> None:
    """In power series, too; a copy of a number is that number. And no rule learns by them what it is run over."""
    (tmp_path / "mine.py").write_text(
        f"{HEAD}import copy, numpy\ndef mine(task, theta):\n    two = task.sqrt(numpy.int64(4))\n"
        "    return [t * two for t in copy.deepcopy(theta)]\n"
        "def other(task, theta):\n    if len(theta) == 1:\n        try: task.sqrt(numpy.int64(4))\n"
        "        except Exception: return [t * t for t in theta]\n    return theta\n"
        "M = [Adaptation('mine', mine), Adaptation('other', other)]\n"
    )
    try:
        own = read(str(tmp_path / "mine.py"))
    except BadInputError as error:
        pytest.fail(str(error))
    with using(own):
        for name in ("mine", "other"):
            judged = metagap.judge(simplest(name))
            assert judged["meta-sl-identity"].verdict in (Verdict.PROVED, Verdict.EQUAL), name


def test_a_joint_where_a_rule_looks_is_noticed(tmp_path: Path) -> None:
    """Huber's curvature jumps at |z - y| = 1: theta/2 is looked at, and nothing else."""
    file = tmp_path / "mine.py"
    file.write_text(f"{HEAD}def mine(task, theta):\n    return task.gradient([t / 2 for t in theta])\n"
                    "M = Adaptation('mine', mine)\n")  # fmt: skip
    from metagap.impl.losses import Loss

    with using(read(str(file))), ctx.workprec(128):
        for omega, wanted in ((fmpq(6), fmpq(0)), (fmpq(3), fmpq(1, 2)), (fmpq(2), fmpq(0))):
            instance = replace(simplest("mine"), loss=Loss("huber", fmpq(1)), omega=(omega,))
            margin = MetaSLQuantities(instance).margin_joints
            assert margin.overlaps(arb(wanted)), omega
