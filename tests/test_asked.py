"""Own code that remembers earlier calls: no violation is said of a mixture of functions, whoever says violations."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import metagap
import pytest
from flint import arb, arb_series, ctx, fmpq, fmpq_series
from metagap.impl import asked
from metagap.impl.families import loads
from metagap.impl.files import BadInputError
from metagap.impl.losses import Loss
from metagap.impl.own_adaptations import simplest
from metagap.impl.own_claims import read, using
from metagap.reports.cli import app
from metagap.reports.witnesses import witness
from metagap.theory.claim import Verdict
from typer.testing import CliRunner

from .test_own_claims import SQUARED
from .test_own_losses import LOSS

NEVER = 10**9
RULE = f"""
from metagap import Adaptation
LEFT = [{NEVER}]  # calls before it changes

def mine(task, theta):
    LEFT[0] -= 1
    eta = task.eta if LEFT[0] >= 0 else 2 * task.eta
    return [t - eta * g for t, g in zip(theta, task.gradient(theta), strict=True)]

M = Adaptation("mine", mine)
"""
NO_FUNCTION = r"line \d+, the {}: not a function of its arguments: asked the same again, it answers otherwise"


def said(judge: Callable[[], Any]) -> str:
    """What comes of it: the line of an error, or the worst verdict."""
    try:
        verdicts = {one.verdict for one in judge().claims}
    except BadInputError as error:
        return str(error)
    return "VIOLATED" if Verdict.VIOLATED in verdicts else "fine"


def changing(left: list[int], judge: Callable[[], Any]) -> Counter[str]:
    """What is said where it changes after 1 to 60 calls."""
    found = Counter[str]()
    for k in range(1, 61):
        left[0] = k
        found[said(judge)] += 1
    return found


@pytest.mark.ci(every=2)
@pytest.mark.parametrize("stated", [True, False])
def test_a_rule_that_changes_is_never_a_violation(stated: bool, tmp_path: Path) -> None:
    """Of a file, and where there is none to be run afresh; of 60 places some make a violation of a mixture."""
    file = tmp_path / "mine.py"
    file.write_text(RULE)
    with using(read(str(file))) as own:
        if not stated:
            asked.AFRESH.clear()
        left = own.adaptations[0].adapt.__globals__["LEFT"]
        found = changing(left, lambda: metagap.judge(simplest("mine")))
    assert "VIOLATED" not in found
    errors = [text for text in found if text != "fine"]
    assert errors and all("the same again" in text or "whenever it is asked the same" in text for text in errors)
    assert sum(n for text, n in found.items() if re.search(NO_FUNCTION.format("adaptation mine"), text)) >= 4, found


QUANTITIES = """
from metagap import Claim, quantity
CALLS = [0]

def eps(at):
    CALLS[0] += 1
    return at("eps") * (2 if {before} else 1)

@quantity("a", "twice eps, or eps")
def one(at):
    return eps(at)

@quantity("b", "the same")
def two(at):
    return eps(at)

C = Claim("meta-sl-same", "t", left="one + 1", bound="two + 1", quantities=(one, two))
"""


@pytest.mark.parametrize(
    ("before", "what", "stated"),
    [
        ("CALLS[0] <= 1", "quantity one", True),
        ("CALLS[0] <= 1", "quantity one or the quantity two", False),
        ("CALLS[0] % 2", "quantity two", False),
        ("False", "", True),
    ],
)
def test_quantities_that_remember(before: str, what: str, stated: bool, tmp_path: Path) -> None:
    """Twice eps is not at most eps: where the first is asked before the change; where they take turns. Which one has
    changed is seen where a file is run afresh, or where it changes again."""
    file = tmp_path / "mine.py"
    file.write_text(QUANTITIES.format(before=before))
    with using(read(str(file))) as own:
        if not stated:
            asked.AFRESH.clear()
        found = said(lambda: metagap.judge(loads(json.dumps(SQUARED)), own.claims))
    assert re.search(NO_FUNCTION.format(what), found) if what else found == "fine", found


def test_what_is_another_one_by_now_is_told_by_the_file(tmp_path: Path) -> None:
    """Negative from some call on, and whenever it is asked again: that is no violation of what the file states."""
    file = tmp_path / "mine.py"
    text = QUANTITIES.format(before="False").replace('return at("eps")', 'return at("eps") * (1 - 2 * (CALLS[0] > 1))')
    file.write_text(text.replace('left="one + 1", bound="two + 1"', 'left="gap", bound="gap + one"'))
    with using(read(str(file))) as own:
        own.quantities[0].value.__globals__["CALLS"][0] = 1
        found = said(lambda: metagap.judge(loads(json.dumps(SQUARED)), own.claims))
    assert re.search(NO_FUNCTION.format("quantity one"), found), found


@pytest.mark.ci
def test_a_loss_that_changes_is_never_a_violation(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    text = LOSS.replace("value=lambda m, t: ", "value=lambda m, t: change(t) + ")
    assert text != LOSS
    change = f"LEFT = [{NEVER}]\ndef change(t):\n    LEFT[0] -= 1\n    return 0 if LEFT[0] >= 0 else t * t\n"
    file.write_text(f"{change}{text}\nL = of()\n")
    with using(read(str(file))) as own:
        left = own.losses[0].value.__globals__["LEFT"]
        instance = replace(loads(json.dumps(SQUARED)), loss=Loss("ridge-cosh"))
        found = changing(left, lambda: metagap.judge(instance))
    assert "VIOLATED" not in found and any(re.search(NO_FUNCTION.format("loss ridge-cosh"), text) for text in found)


def test_a_violation_of_a_function_is_said(tmp_path: Path) -> None:
    """Own code that is asked again and is the same: false stays false, by judge and by replay; and nothing is asked
    again where nothing is own."""
    file = tmp_path / "mine.py"
    file.write_text(QUANTITIES.format(before="False").replace('"two + 1"', '"two"'))
    instance = loads(json.dumps(SQUARED))
    with using(read(str(file))) as own:
        judged = metagap.judge(instance, own.claims)["meta-sl-same"]
        assert judged.verdict is Verdict.VIOLATED
        (tmp_path / "counterexamples").mkdir()
        text = witness("claim", "meta-sl-same", instance, judged.side, judged.bound)
        (tmp_path / "counterexamples" / "w.json").write_text(text)
    for before, status, words in (("False", 0, "still violated"), ("CALLS[0] % 2", 2, "not a function of its")):
        file.write_text(QUANTITIES.format(before=before).replace('"two + 1"', '"two"'))
        done = CliRunner().invoke(app, ["replay", "--claims", str(file), "--out", str(tmp_path)])
        assert done.exit_code == status and words in done.output, done.output


SEARCHED = ["falsify", "meta-sl-same", "--driver"]


@pytest.mark.ci
@pytest.mark.parametrize(
    "command",
    [["verify", "--workers", "0"], ["audit", "--workers", "0"], [*SEARCHED, "evolution"], [*SEARCHED, "hypothesis"]],
)
def test_commands_say_it_in_one_line(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(QUANTITIES.format(before="CALLS[0] % 2"))
    done = CliRunner().invoke(app, [*command, "--claims", "mine.py", "--max-time", "60"])
    assert done.exit_code == 2 and "not a function of its arguments" in done.stderr, done.output
    assert sum("not a function" in line for line in done.output.splitlines()) == 1


def test_numbers_are_compared_to_the_last_bit() -> None:
    third = arb(1) / 3
    with ctx.workprec(60):
        rough = arb(1) / 3
    for value, other in (
        (third, rough),
        (arb(1, 1e-30), arb(1, 2e-30)),
        ([third, [arb("nan")]], [third, [arb("inf")]]),
        (arb_series([1, third]), arb_series([1, rough])),
        (fmpq_series([1, 2]), fmpq_series([1, 3])),
        (fmpq(1, 3), fmpq(1, 4)),
    ):
        assert asked._exactly(value) == asked._exactly(value) != asked._exactly(other)
