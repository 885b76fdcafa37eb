"""Brackets cannot lie: ends in order, the word certified from the checker alone, sentences from what was done."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flint import arb, fmpq
from metagap.impl.bracket import Bracket, Check, DefectError, Status
from metagap.impl.losses import Loss
from metagap.impl.optimum import Budget, headline, minimise
from metagap.impl.optimum.headline import judge_headline
from metagap.impl.optimum.outcome import LOWER_ENDS
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task
from metagap.reports.cli import app, main
from metagap.reports.formats.judging import OptimumRecord
from metagap.theory.claim import Verdict
from typer.testing import CliRunner

from .test_cli import MIRRORED, write

runner = CliRunner()

YES, NO = Check(True, "every leaf is proved"), Check(False, "out of time")


def problem(loss: str = "logistic", omega: str = "1/2", eta: str = "1/4") -> MetaSLInstance:
    """Two tasks that disagree at one of two points."""
    one, half = fmpq(1), fmpq(1, 2)
    tasks = tuple(Task(half, (Atom(0, fmpq(y), half), Atom(1, one, half))) for y in (1, -1))
    parameter = {"quartic": fmpq(1, 4), "pseudo-huber": one}.get(loss)
    step = Gradient(fmpq(eta))
    return MetaSLInstance(Loss(loss, parameter), step, ((one,), (half,)), tasks, (fmpq(omega),), (one,), one)


# --- the type ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan), (math.inf, math.inf), (-math.inf,) * 2])
def test_ends_in_the_wrong_order_are_a_defect(ends: tuple[float, float]) -> None:
    with pytest.raises(DefectError, match="wrong order"):
        Bracket(lower=ends[0], upper=ends[1], gap=1e-6)


@pytest.mark.parametrize(
    ("lower", "upper", "check", "interrupted", "status"),
    [
        (1.0, 1.0 + 1e-7, YES, False, Status.CERTIFIED),
        (1.0, 1.0 + 1e-7, NO, False, Status.BRACKETED),
        (1.0, 1.0 + 1e-7, None, False, Status.BRACKETED),
        (1.0, 1.0 + 1e-7, YES, True, Status.CERTIFIED),
        (1.0, 2.0, YES, False, Status.UNDECIDED),
        (1.0, 2.0, None, True, Status.INTERRUPTED),
        (-math.inf, 2.0, None, False, Status.UNDECIDED),
        (0.0, math.inf, YES, False, Status.UNDECIDED),
        (-math.inf, math.inf, YES, False, Status.UNDECIDED),
    ],
)
def test_only_an_accepted_check_certifies(
    lower: float, upper: float, check: Check | None, interrupted: bool, status: Status
) -> None:
    for supremum in (False, True):
        found = Bracket(lower=lower, upper=upper, gap=1e-6, check=check, interrupted=interrupted, supremum=supremum)
        assert found.status is status
        assert found.certified == (status is Status.CERTIFIED)
        assert found.certified <= found.proved


def test_a_value_beyond_an_accepted_end_is_a_defect() -> None:
    infimum = Bracket(lower=1.0, upper=2.0, gap=1e-6, check=YES)
    infimum.holds(arb(1), "a value")
    infimum.holds(arb("nan"), "a value")
    with pytest.raises(DefectError, match=r"L\(omega\) is 0\.5"):
        infimum.holds(arb("0.5"), "L(omega)")
    replace(infimum, check=NO).holds(arb("0.5"), "what was not proved may be wrong")
    supremum = replace(infimum, supremum=True)
    supremum.holds(arb(2), "a value")
    with pytest.raises(DefectError, match=r"accepted end upper=2\.0"):
        supremum.holds(arb(3), "a value")


def test_what_is_sure_is_what_is_proved() -> None:
    found = Bracket(lower=1.0, upper=2.0, gap=1e-6, check=NO, fallback=0.25)
    assert (found.sure, replace(found, check=YES).sure, replace(found, fallback=None).sure) == (0.25, 1.0, -math.inf)
    assert replace(found, supremum=True, fallback=None).sure == math.inf


# --- the optimum -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("convexity", [True, False])
@pytest.mark.parametrize("loss", ["squared", "quartic", "logistic", "log-cosh", "pseudo-huber"])
def test_nothing_is_certified_without_the_checker(loss: str, convexity: bool) -> None:
    convexity &= loss != "quartic"  # which is not convex on that ball
    searched = minimise(problem(loss), fmpq(4), checked=False, convexity=convexity)
    # By convexity it is known at once that a loss that is never negative has no mean below 0.
    known = 0.0 if convexity else -math.inf
    assert searched.status is Status.BRACKETED and searched.check is None and searched.sure == known
    said = "proved is 0" if convexity else "no lower end is proved"
    assert f"the checker was not asked; {said}" in searched.proof
    checked = minimise(problem(loss), fmpq(4), convexity=convexity)
    assert checked.certified and checked.proved and checked.sure == checked.lower
    assert checked.proof.endswith("the checker has proved it")
    assert checked.how == ("convex" if convexity else "exact" if loss == "squared" else "tree")


def test_a_checker_that_is_out_of_time_leaves_a_bracket_and_what_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    import metagap.impl.optimum as engine

    real = engine.check
    late = lambda c, deadline: NO if c.how == "tree" else real(c, deadline=deadline)  # noqa: E731
    monkeypatch.setattr(engine, "check", late)
    found = minimise(problem(), fmpq(4), convexity=False)
    assert found.status is Status.BRACKETED and not found.proved and 0 <= found.sure < found.lower
    assert "has not proved it (out of time); proved is" in found.proof
    finding = judge_headline(problem(), found)
    assert finding.judged.terms["bracket"].hi >= found.upper - found.sure - 1e-9, "the proved end enters the bound"
    monkeypatch.setattr(engine, "check", lambda c, deadline: Check(False, "no"))
    refused = minimise(problem(), fmpq(4))
    assert refused.status is Status.UNDECIDED and "does not accept" in refused.why


def test_a_search_that_was_cut_short_is_checked_too() -> None:
    found = minimise(problem("quartic", eta="2"), fmpq(4), Budget(boxes=8))
    assert found.status is Status.UNDECIDED and found.proved and found.lower <= found.upper
    truth = minimise(problem("quartic", eta="2"), fmpq(4))
    assert truth.certified and found.lower <= truth.upper


def test_an_accepted_end_above_a_value_is_a_defect_wherever_points_are_judged() -> None:
    found = minimise(problem(), fmpq(4))
    lie = replace(found, lower=found.upper + 1.0, upper=found.upper + 1.0)
    with pytest.raises(DefectError, match="beyond the accepted end"):
        judge_headline(problem(omega="0"), lie)
    outside = replace(lie, radius=fmpq(1, 8))
    judge_headline(problem(omega="4"), replace(outside, at=(3.0,)))  # nothing is claimed outside the ball


@pytest.mark.parametrize("fault", ["a bracket from 2.0 to 1.0", "RuntimeError"])
def test_a_defect_is_a_line_and_status_three(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is at fault: Python's own status 1 would say that a claim is violated. What nobody foresaw is traced."""

    def broken(*_: Any, **__: Any) -> Any:
        if fault == "RuntimeError":
            raise RuntimeError("nobody foresaw this")
        return Bracket(lower=2.0, upper=1.0, gap=1e-6)

    monkeypatch.setattr(headline, "minimise", broken)
    out = tmp_path / "out.json"
    command = ["metagap", "optimum", str(write(tmp_path, MIRRORED)), "--json", str(out)]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr()
    assert end.value.code == 3 and told.out == "" and not out.exists()
    assert told.err.splitlines()[-1].startswith(f"metagap: defect: {fault}")
    assert (told.err.count("\n") == 1) is (fault != "RuntimeError")


def test_a_record_with_ends_in_the_wrong_order_is_refused() -> None:
    import msgspec

    record = {
        "format": "metagap/optimum/1",
        "lower": 1.0,
        "upper": 0.5,
        "at": [0.0],
        "status": "bracketed",
        "seconds": 0,
    }
    with pytest.raises(msgspec.ValidationError, match="lower <= upper"):
        msgspec.convert(record, OptimumRecord)
    assert msgspec.convert({**record, "lower": None}, OptimumRecord).lower is None


# --- the sentences -----------------------------------------------------------------------------------------------


def test_what_is_not_checked_is_said_not_to_be(tmp_path: Path) -> None:
    wide = json.loads(json.dumps(MIRRORED)) | {"loss": {"name": "log-cosh"}}
    path = str(write(tmp_path, wide))
    done = runner.invoke(app, ["optimum", path, "--radius", "4", "--no-check"])
    assert done.exit_code == 3 and "bracketed, not checked" in done.stdout and "certified" not in done.stdout
    done = runner.invoke(app, ["optimum", path, "--radius", "4"])
    assert done.exit_code == 0 and "] certified\n" in done.stdout and "the checker has proved it" in done.stdout


def certified(tmp_path: Path, omega: str, rows: str, *options: str) -> tuple[int, str, dict[str, Any]]:
    """The command's status, words and record."""
    (tmp_path / "tasks.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "omega.json").write_text(omega, encoding="utf-8")
    out = tmp_path / "out.json"
    command = ["certify", str(tmp_path / "tasks.csv"), "--omega", str(tmp_path / "omega.json"), "--json", str(out)]
    done = runner.invoke(app, [*command, "--max-time", "600", *options])
    assert out.exists(), done.output
    return done.exit_code, " ".join(done.stdout.split()), json.loads(out.read_text())


ROWS = "task,y,a,b\nz,0,1,0\nz,1,1,1\no,1,1,0\no,3,1,2\n"


@pytest.mark.ci
def test_a_solution_beyond_float64_gets_a_true_answer(tmp_path: Path) -> None:
    status, words, record = certified(tmp_path, "[1e300, 1e300]", ROWS, "--loss", "squared", "--eta", "1/4")
    assert "is at least 1.79769e+308 above the global optimum" in words and "beyond float64" in words
    assert "promises nothing here that float64 can hold" in words
    assert "stationary: this" not in words and "(PROVED)" not in words and not re.search(r"[x=] (inf|nan)", words)
    assert record["gap"]["hi"] is None and (record["bound"]["total"] or {}).get("hi") is None and status in (0, 3)
    assert record["optimum"]["status"] == "certified"


@pytest.mark.ci
def test_costs_nothing_is_said_of_stationary_solutions_alone(tmp_path: Path) -> None:
    nearly = "task,y,a\nz,0,1\nz,1,1\no,1,1\no,3,1\n"
    _, words, _ = certified(tmp_path, "[1.25]", nearly, "--loss", "squared", "--eta", "1/4")
    assert "omega is stationary: this costs nothing" in words and "R eps = 0.0009766 x 0 = 0" in words
    _, words, _ = certified(tmp_path, "[1]", nearly, "--loss", "squared", "--eta", "1/4")
    assert "stationary:" not in words


@pytest.mark.ci
def test_the_lower_end_is_named_by_what_gave_it(tmp_path: Path) -> None:
    _, words, _ = certified(tmp_path, "[1, 1]", ROWS, "--loss", "squared", "--eta", "1/4")
    assert "that of convexity: a gradient at one point and a floor of the Hessian; the checker has proved it" in words
    _, words, _ = certified(tmp_path, "[1, 1]", ROWS, "--loss", "log-cosh", "--eta", "4")
    assert "that of a search over boxes; the checker has proved it" in words
    assert set(LOWER_ENDS) == {"tree", "exact", "floor", "convex", "nonnegative", "none"}


@pytest.mark.ci
def test_no_sentence_calls_an_infinite_number_proved(tmp_path: Path) -> None:
    for omega in ("[1e200, -1e200]", "[1e308, 1e308]", "[0, 0]", "[1e-300, 0]"):
        for loss in ("squared", "log-cosh"):
            status, words, record = certified(tmp_path, omega, ROWS, "--loss", loss)
            assert status in (0, 3)
            assert not re.search(r"\b(inf|nan)\b[^ ]* ?\(PROVED\)|\[[^]]*\b(inf|nan)\b", words), words
            if record["bound"]["total"] is None or record["bound"]["total"]["hi"] is None:
                assert record["bound"]["verdict"] != Verdict.VIOLATED.name


def test_an_interrupt_while_checking_keeps_the_bracket(monkeypatch: pytest.MonkeyPatch) -> None:
    import metagap.impl.optimum as engine

    def pressed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "check", pressed)
    found = minimise(problem(), fmpq(4))
    assert found.interrupted and found.status is Status.BRACKETED and found.sure == 0.0 < found.lower
