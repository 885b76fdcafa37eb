"""A user's own claims: read from a file, judged like ours, shown from records alone; bad files are one line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import metagap
import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Rationals
from metagap.impl.families import FAMILIES, all_claims, loads
from metagap.impl.files import BadInputError
from metagap.impl.loss_ranges import LossRanges
from metagap.impl.losses import Loss
from metagap.impl.midrad import MidRad
from metagap.impl.own_checks import unread
from metagap.impl.own_claims import OwnClaims, Stating, read, standing, using
from metagap.impl.sources import RandomSource
from metagap.impl.stated import Deciding
from metagap.reports import check_witness
from metagap.reports.cli import app
from metagap.reports.formats import check
from metagap.reports.formats.auditing import AuditRecord, Joint
from metagap.reports.formats.own import OwnFile
from metagap.reports.formats.verifying import VerifyRecord
from metagap.reports.jobs import Profile
from metagap.reports.matrix import alarms, unsearched
from metagap.reports.own import recorded, shown
from metagap.reports.records import dumps
from metagap.reports.render import Report
from metagap.reports.tally import tally_instance
from metagap.reports.verify import Run
from metagap.reports.witnesses import witness
from metagap.theory.claim import UndefinedQuantityError, Verdict
from metagap.theory.notation import SYMBOLS
from msgspec import structs
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "reports" / "example" / "own_claims.py"
GUIDE = ROOT / "reports" / "face" / "README.md"

SQUARED = {
    "format": "metagap/instance/1",
    "problem": "meta-sl",
    "loss": {"name": "squared"},
    "adaptation": {"name": "gradient", "eta": "1/2", "steps": 1},
    "model": {"name": "linear"},
    "features": [[1, 0], [1, 2]],
    "tasks": [{"weight": 1, "atoms": [{"x": 0, "y": 1, "p": "1/2"}, {"x": 1, "y": -1, "p": "1/2"}]}],
    "omega": [1, 1],
    "comparator": [0, "1/2"],
    "radius": 2,
}


def block(name: str) -> str:
    """The code between the guide's markers of that name."""
    part = GUIDE.read_text(encoding="utf-8").split(f"<!-- {name} -->")[1].split("<!-- end -->")[0]
    return re.search(r"```\w*\n(.*)```", part, re.DOTALL)[1]  # type: ignore[index]


@pytest.fixture
def own() -> Iterator[OwnClaims]:
    with using(read(str(EXAMPLE))) as found:
        yield found


def test_claims_stand_within_the_block_and_no_longer(own: OwnClaims) -> None:
    assert standing() is own
    assert [c.name for c in own.claims] == ["meta-sl-tangent", "meta-sl-distance"]
    assert set(own.claims) <= set(all_claims())
    assert "slope" in SYMBOLS
    assert {m.name for m in FAMILIES["meta-sl"].mutants} >= {"meta-sl-tangent-half", "meta-sl-distance-half"}
    with shown(recorded()):
        assert standing() is own


def test_nothing_stands_after_it() -> None:
    before = dict(FAMILIES), dict(SYMBOLS)
    with using(read(str(EXAMPLE))), pytest.raises(BadInputError, match="a name that nothing else has"):
        read(str(EXAMPLE))
    assert (dict(FAMILIES), dict(SYMBOLS), standing()) == (*before, None)


def test_a_quantity_is_the_same_in_every_number_system(own: OwnClaims) -> None:
    """By hand on SQUARED, and on batches against balls."""
    family, instance = FAMILIES["meta-sl"], loads(json.dumps(SQUARED))
    exactly = family.quantities(instance, Rationals)
    # U(theta) = A theta + b with A = I - H/2, H = E[phi phi'] = [[1, 1], [1, 2]]; grad L = A'H(U - least).
    half, whole = [[fmpq(1, 2), fmpq(-1, 2)], [fmpq(-1, 2), fmpq(0)]], [[1, 1], [1, 2]]
    pull = [fmpq(0), fmpq(-1)]  # E[y phi]
    adapted = [sum(a * t for a, t in zip(row, (1, 1), strict=True)) + p / 2 for row, p in zip(half, pull, strict=True)]
    slope = [sum(h * t for h, t in zip(row, adapted, strict=True)) - p for row, p in zip(whole, pull, strict=True)]
    gradient = [sum(a * g for a, g in zip(row, slope, strict=True)) for row in half]
    assert exactly("slope") == gradient[0] * 1 + gradient[1] * fmpq(1, 2)
    for position, generator in enumerate(family.generators[:3]):
        with np.errstate(all="ignore"):
            batch = generator.build(RandomSource((7, position), 6), "squared")
        if batch.functions is not None:
            continue
        assert family.batch_quantities is not None
        found = family.batch_quantities(batch)("slope")
        for b in range(6):
            with ctx.workprec(128):
                ball = family.quantities(batch.instance(b))("slope")
                assert abs(float(ball.mid()) - found[b]) <= 1e-9 * (1 + abs(found[b]))


def test_what_arrays_do_not_have_is_found_instance_by_instance() -> None:
    @metagap.quantity("g'", "gradient at the comparator")
    def there(at: metagap.At) -> object:
        return at.length(at.exchanged().gradient)

    claim = metagap.Claim("meta-sl-there", "smooth", left="there", bound="eps", quantities=(there,))
    family = FAMILIES["meta-sl"].stating((claim,))
    batch = family.generators[0].build(RandomSource(3, 4), "squared")
    assert family.batch_quantities is not None
    found = family.batch_quantities(batch)("there")
    for b in range(4):
        instance = batch.instance(b)
        swapped = FAMILIES["meta-sl"].quantities(instance.with_omega(instance.comparator))
        assert abs(float(swapped("eps").mid()) - found[b]) < 1e-9 * (1 + found[b])


def test_python_judges_claims_that_stand_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "instance.json").write_text(block("instance"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for name in ("mine.py", "quantity", "judged"):
        exec(block(name), names)
    assert standing() is None
    instance = metagap.load("instance.json")
    verdicts = {c.verdict for c in metagap.judge(instance, [names["TANGENT"], names["DISTANCE"]]).claims}  # type: ignore[list-item]
    assert verdicts == {Verdict.PROVED}
    wrong = metagap.Claim("meta-sl-wrong", "wrong", left="gap", bound="epsilon")
    with pytest.raises(BadInputError, match=r"epsilon.*did you mean eps"):
        metagap.judge(instance, [wrong])


MENDED = (
    "from metagap import Claim, quantity\n"
    + """
@quantity("s", "how far L rises above its tangent")
def rise(at):
    return at("gap") + at.number("2/3")

C = Claim("meta-sl-mended", "t", left="2*gap + rise", bound="{}", quantities=(rise,))
"""
)


def test_a_counterexample_to_a_claim_that_was_mended_is_judged_by_what_it_says_now(tmp_path: Path) -> None:
    folder = tmp_path / "counterexamples"
    folder.mkdir()
    instance = loads(json.dumps(SQUARED))
    files = {name: tmp_path / f"{name}.py" for name in ("wrong", "mended", "worse")}
    for path, bound in zip(files.values(), ("gap", "2*gap + rise + 1", "gap/2"), strict=True):
        path.write_text(MENDED.format(bound))
    with using(read(str(files["wrong"]))) as own:
        judged = metagap.judge(instance, own.claims)["meta-sl-mended"]
        assert judged.verdict is Verdict.VIOLATED and judged.side is not None and judged.bound is not None
        assert judged.ratio == judged.side.middle / judged.bound.middle
        text = witness("claim", "meta-sl-mended", instance, judged.side, judged.bound)
    (folder / "w.json").write_text(text)
    for name, status, said in (
        ("wrong", 0, r"still violated \(.*certified\): 2\*gap \+ rise is [\d.]+, the bound"),
        ("mended", 0, r"fixed \(.*; the statement has changed\)"),
        ("worse", 0, r"still violated \(.*; the statement has changed\)"),
    ):
        done = CliRunner().invoke(app, ["replay", "--claims", str(files[name]), "--out", str(tmp_path)])
        assert done.exit_code == status and re.search(said, done.output), done.output
    assert CliRunner().invoke(app, ["replay", "--out", str(tmp_path)]).exit_code == 3
    assert check_witness.check(json.loads(text)) == (
        "not checked",
        "the quantity rise, which this script does not have (those of a claims file it does not run)",
    )
    (folder / "w.json").write_text("{}")
    done = CliRunner().invoke(app, ["replay", "--out", str(tmp_path)])
    assert done.exit_code == 2 and "all 1 were skipped" in done.output


def test_a_loss_that_is_not_known_may_be_ones_own(tmp_path: Path) -> None:
    (tmp_path / "instance.json").write_text(json.dumps(SQUARED | {"loss": {"name": "mine"}}))
    done = CliRunner().invoke(app, ["judge", str(tmp_path / "instance.json")])
    assert done.exit_code == 2 and "(one of your own: --claims FILE.py)" in done.output


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


def test_another_file_in_a_worker_is_no_result(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(EXAMPLE.read_text())
    first = read(str(file))
    file.write_text(EXAMPLE.read_text().replace("eps*displacement", "eps*displacement/4"))
    with using(read(str(file))), pytest.raises(BadInputError, match="as when the run began"):
        Stating(first.place, first.path, first.sha256, lambda: None)()


@pytest.mark.ci
def test_a_page_is_made_of_the_record_alone(tmp_path: Path) -> None:
    """The same page where the file stands, and where nobody has it; nothing of the file is run."""
    file = tmp_path / "mine.py"
    file.write_text(EXAMPLE.read_text())
    with using(read(str(file))) as own:
        record = Run(Profile("none", 0, 0), 0, own.claims, "metagap verify").record()
        here = Report(record, None).pages()
    file.unlink()
    again = check(json.loads(dumps(record)), VerifyRecord, "verify.json")
    with shown(again.own):
        there = Report(again, None).pages()
    assert there == here
    assert standing() is None
    assert "L lies above its tangent" in here["claims"]
    assert "slope of L at omega" in here["notes"]
    assert "def slope(at: At)" in here["source"]


def test_what_an_audit_found_of_a_claim_is_on_the_first_page_and_nothing_of_ours(tmp_path: Path) -> None:
    """A violation, and commands that name the file; no claim of ours, none of our proofs."""
    file = tmp_path / "my claims.py"
    file.write_text(EXAMPLE.read_text())
    with using(read(str(file))) as own:
        found = Joint("meta-sl", own.claims[0].name, [], 9, 9, [], 3, "counterexamples/w.json")
        said: dict[str, Any] = {"version": "0", "seed": 0, "seconds": 1.0, "status": "complete", "started": ""}
        rows: dict[str, Any] = {name: [] for name in ("cells", "sharpness", "thresholds", "slack", "mutants")}
        verify = Run(Profile("none", 0, 0), 0, own.claims, "metagap verify").record()
        said |= {"environment": verify.environment, "command": "metagap audit", "files": {}, "own": recorded()}
        audit = AuditRecord(**said, **rows, joint=[found])
        audited, verified = Report(None, audit).pages(), Report(verify, None).pages()
    first = audited["index"]
    assert "meta-sl-tangent is violated</strong> on 3" in first and "No counterexample says so far" in first
    for pages in (audited, verified):
        assert "results" not in pages
        assert not [name for name, page in pages.items() if "results.html" in page or "s results" in page]
    assert ">meta-sl-tangent<" in audited["assumptions"] and "meta-sl-lifted" not in audited["assumptions"]
    assert re.search(r"metagap replay .*w\.json --claims &#39;.*my claims\.py&#39;", audited["assumptions"])
    assert re.search(r"metagap audit --claims &#39;.*my claims\.py&#39;", verified["assumptions"])
    assert "six lines" not in verified["claims"] and "In general: " not in verified["claims"]


VACUOUS = {
    "a margin that is never positive": ("at.number(-1)", "number('1')"),
    "a quantity without a value": ("at.number(1)", "undefined('there is none')"),
}


@pytest.mark.parametrize("kind", VACUOUS)
def test_a_search_that_judged_nothing_says_so(kind: str, tmp_path: Path) -> None:
    """Not `not refuted`: nothing that was drawn could refute it."""
    margin, bound = VACUOUS[kind]
    file = tmp_path / "mine.py"
    file.write_text(
        f"from metagap import Assumption, Claim, quantity\n@quantity('m', 'a margin')\ndef margin(at):\n"
        f"    return {margin}\n@quantity('b', 'a bound')\ndef mine(at):\n    return at.{bound}\n"
        "C = Claim('meta-sl-x', 't', 'gap', 'mine', (Assumption('a', 's', 'margin'),), quantities=(margin, mine))\n"
    )
    arguments = ["falsify", "meta-sl-x", "--claims", str(file), "--max-time", "0.3", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 3 and "meta-sl-x: nothing judged (" in done.stdout, done.output


def test_an_instance_of_another_kind_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "instance.json").write_text(json.dumps(SQUARED))
    arguments = ["judge", str(tmp_path / "instance.json"), "--claim", "meta-rl-lifted"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2 and "problem='meta-sl': an instance of meta-rl, " in done.stderr, done.output


def test_verify_counts_where_no_assumption_fails_and_a_side_has_no_value(tmp_path: Path) -> None:
    """The smoothness of L: one step on the squared loss has one, the quartic loss none; functions are no parameter."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from metagap import Assumption, Claim\n"
        "P = Assumption('parameter-comparator', 'One parameter.', 'margin_parameter_comparator')\n"
        "C = Claim('meta-sl-mine', 'c', left='zero', bound='smoothness*displacement', assumptions=(P,))\n"
    )
    quartic, functions = {"loss": {"name": "quartic", "c": 1}}, {"comparator": {"functions": [[0, 0]]}}
    with using(read(str(file))) as own:
        run = Run(Profile("none", 0, 0), 0, own.claims, "metagap verify")
        for changed in ({}, quartic, functions, quartic | functions):
            tally_instance(run.tallies, loads(json.dumps(SQUARED | changed)), "here", own.claims, real=False)
        (row,) = run.record().claims
    assert row.void == {"m2 is infinite for the quartic loss": 1}
    assert (row.counts.PROVED, row.counts.OUTSIDE, row.assumptions[0].outside) == (1, 3, 2)


def test_a_record_of_unknown_claims_needs_their_file() -> None:
    with using(read(str(EXAMPLE))) as own:
        record = json.loads(dumps(Run(Profile("none", 0, 0), 0, own.claims, "metagap verify").record()))
    check(record, VerifyRecord, "verify.json")
    record["own"] = None
    with pytest.raises(BadInputError, match="meta-sl-tangent"):
        check(record, VerifyRecord, "verify.json")


def test_an_assumption_that_nothing_breaks_is_an_alarm_of_ours_alone(
    small_run: tuple[Path, VerifyRecord, AuditRecord],
) -> None:
    """One's own may follow from the others, as differentiability from the squared loss: open, status 3."""
    audit = small_run[2]
    cell = structs.replace(audit.cells[0], status="open", searched=0, confirmed=None)
    ours = structs.replace(audit, cells=[cell], joint=[])
    own = structs.replace(ours, own=OwnFile("mine.py", "0" * 64, "", [], []))
    assert alarms(ours) == [cell] and alarms(own) == []
    assert unsearched(own) == [cell] == unsearched(ours)


def metagap_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a folder, which knows nothing of where the sources are."""
    command = [sys.executable, "-m", "metagap.reports", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.ci
def test_who_has_the_guide_alone_finds_the_superfluous_assumption_and_the_wrong_constant(tmp_path: Path) -> None:
    """The guide's claims, then with a constant that is too small, from a fresh folder to the files that say so."""
    text = block("mine.py") + block("quantity") + block("loss") + block("tasks")
    (tmp_path / "mine.py").write_text(text)
    (tmp_path / "wrong.py").write_text(text.replace("eps*displacement", "eps*displacement/4"))
    right = metagap_in(tmp_path, "verify", "--claims", "mine.py", "--no-real", "--workers", "2")
    assert right.returncode == 0, right.stderr
    assert "No claim was violated. 2 claims" in right.stdout
    record = json.loads((tmp_path / "build/reports/verify.json").read_text())
    assert all(row["instances"] > 0 for row in record["generators"] if row["name"] == "opposite-lines")
    assert {"ridge-cosh", "own"} <= {variant for row in record["generators"] for variant in row["variants"]}
    assert record["own"]["text"] == text and record["own"]["name"] == "mine.py"

    audited = metagap_in(tmp_path, "audit", "--claims", "mine.py", "--workers", "2")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    cells = json.loads((tmp_path / "build/reports/audit.json").read_text())["cells"]
    found = {(c["claim"], c["assumption"]): c["status"] for c in cells if not c["evidence"]}
    assert found["meta-sl-distance", "single-task"] == "open"
    assert re.search(
        r"open: meta-sl-distance without single-task: .*may be superfluous", " ".join(audited.stdout.split())
    )
    for claim in ("meta-sl-distance", "meta-sl-tangent"):
        assert found[claim, "squared-loss"] == found[claim, "parameter-comparator"] == "needed"

    shutil.rmtree(tmp_path / "build")
    wrong = metagap_in(
        tmp_path,
        "verify",
        "--claims",
        "wrong.py",
        "--no-real",
        "--junit",
        "j.xml",
        "--sarif",
        "s.json",
        "--workers",
        "2",
    )
    assert wrong.returncode == 1, wrong.stderr
    assert "meta-sl-distance is VIOLATED: metagap replay build/reports/counterexamples/" in wrong.stdout
    kept = sorted(path.name for path in (tmp_path / "build/reports/counterexamples").iterdir())
    assert kept == ["meta-sl-distance-simplest.json", "meta-sl-distance-worst.json"]
    failures = ElementTree.parse(tmp_path / "j.xml").findall(".//failure")
    assert [f.get("message", "").split(":")[0].split(" on ")[0] for f in failures] == ["VIOLATED"]
    (result,) = json.loads((tmp_path / "s.json").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    line = (tmp_path / "wrong.py").read_text().splitlines()[place["region"]["startLine"] - 1]
    assert place["artifactLocation"]["uri"] == "wrong.py" and "meta-sl-distance" in line
    replayed = metagap_in(tmp_path, "replay", "--claims", "wrong.py")
    assert "2 counterexamples: 2 still violated" in replayed.stdout

    page = (tmp_path / "build/reports/claims.html").read_text()
    (tmp_path / "wrong.py").unlink()
    assert metagap_in(tmp_path, "report").returncode == 0
    assert (tmp_path / "build/reports/claims.html").read_text() == page

    refuted = metagap_in(tmp_path, "falsify", "meta-sl-distance-half", "--claims", "mine.py", "--max-time", "20")
    assert refuted.returncode == 1, refuted.stdout
    assert metagap_in(tmp_path, "falsify", "meta-sl-distance", "--claims", "mine.py", "--max-time", "2").returncode == 0


@pytest.mark.ci
def test_no_record_says_what_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a claims file is kept by the hash of its text, and goes on where a command line names the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("import pathlib\npathlib.Path('ran').touch()\n" + EXAMPLE.read_text())
    arguments = ["verify", "--claims", "mine.py", "--no-real", "--max-time", "0", "--workers", "0"]
    assert CliRunner().invoke(app, arguments).exit_code == 3
    (folder,) = (tmp_path / "build/reports/.store").glob("*/run-*.json")
    (tmp_path / "ran").unlink()
    run = folder.stem.removeprefix("run-")
    result = CliRunner().invoke(app, ["runs", run, "--resume"])
    assert result.exit_code == 2 and "--claims mine.py" in result.stderr, result.stderr
    assert CliRunner().invoke(app, ["report"]).exit_code == 0
    assert not (tmp_path / "ran").exists()
    (tmp_path / "mine.py").write_text(EXAMPLE.read_text())
    assert CliRunner().invoke(app, arguments).exit_code == 3
    assert len(list((tmp_path / "build/reports/.store").glob("*/run-*.json"))) == 2


def test_a_package_offers_claims_by_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs.py").write_text(EXAMPLE.read_text())
    info = tmp_path / "theirs-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: theirs\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[metagap.claims]\ntheir-paper = theirs\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "theirs", raising=False)
    result = CliRunner().invoke(app, ["falsify", "--claims", "their-paper"])
    assert result.stdout.splitlines()[:2] == ["meta-sl-tangent", "meta-sl-distance"]
    result = CliRunner().invoke(app, ["falsify", "--claims", "other-paper"])
    assert result.exit_code == 2 and "entry point of metagap.claims" in result.stderr


LOSS = """from metagap import Loss
def of(**given):
    formulas = dict(
        value=lambda m, t: t * t / 2 + m.log_cosh(t), d1=lambda m, t: t + m.tanh(t),
        d2=lambda m, t: 1 + m.sech(t) * m.sech(t), d3=lambda m, t: -2 * m.tanh(t) * m.sech(t) * m.sech(t),
    )
    return Loss("ridge-cosh", **{**formulas, "m2": 2, "m3": "4/5", "mu": 1, "kappa": "1/2", **given})
"""
WRONG_LOSSES = {
    "d2=lambda m, t: 2 + m.sech(t) * m.sech(t)": r"the loss ridge-cosh: d2\(-73/16\) is 2.00043554, .* 1.00043554$",
    "d3=lambda m, t: 0 * t": r"d3\(",
    "value=lambda m, t: t * t / 2 - m.log_cosh(t)": r"d1\(",
    "m2='3/2'": "m2=1.5.*larger about",
    "m3='1/2'": "m3=.*larger about",
    "m1=3": "m1=3.*larger about",
    "mu='11/10'": "mu=.*smaller about",
    "kappa='2/5'": "kappa=.*larger about",
    "link='hinge'": "residual, margin or canonical",
    "value=lambda m, t: m.log(t)": "AttributeError",
    "value=lambda m, t: t**2 / 2 + m.log_cosh(float(t))": "asks the float of a number",
    "value=lambda m, t: t * t / 2 + (m.log_cosh(t) if t == 0 else m.log_cosh(t))": "asks == of a number",
    "d3=lambda m, t: -2.0 * m.tanh(t) * m.sech(t) * m.sech(t)": "-2.0 is no exact constant",
}


@pytest.mark.parametrize("wrong", WRONG_LOSSES)
def test_a_wrong_loss_is_refused(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "loss.py"
    file.write_text(f"{LOSS}\nL = of()\n")
    assert [loss.name for loss in read(str(file)).losses] == ["ridge-cosh"]
    file.write_text(f"{LOSS}\nL = of({wrong})\n")
    with pytest.raises(BadInputError, match=WRONG_LOSSES[wrong]):
        read(str(file))


@pytest.mark.ci
def test_our_claims_are_judged_on_a_loss_of_ones_own(tmp_path: Path) -> None:
    """Where it is enclosed as convex, no claim on it is violated; instance files may name it while it stands."""
    file = tmp_path / "loss.py"
    file.write_text(f"{LOSS}\nL = of()\n")
    named = json.dumps(SQUARED | {"loss": {"name": "ridge-cosh"}})
    with pytest.raises(BadInputError, match=r"loss\.name='ridge-cosh'"):
        loads(named)
    with using(read(str(file))) as own:
        assert set(own.families) >= {"meta-sl", "network", "smooth-network"}
        assert all(g.variants == ("ridge-cosh",) for g in FAMILIES["meta-sl"].generators)
        verdicts = {one.claim: one.verdict for one in metagap.judge(loads(named)).claims}
        assert verdicts["meta-sl-lifted"] is verdicts["meta-sl-c2"] is verdicts["meta-sl-c4"] is Verdict.PROVED
        assert Verdict.VIOLATED not in verdicts.values()
        bracket = metagap.minimise(loads(named), fmpq(2))
        assert bracket.lower <= bracket.upper < bracket.lower + 1e-3
    with pytest.raises(BadInputError):
        loads(named)


def test_the_least_curvature_of_a_loss_of_ones_own_is_enclosed_on_the_segments_used(tmp_path: Path) -> None:
    """1 + t^2, least within a segment that crosses t = 0, and t^2 - 1, of a loss that is not convex: C4 takes it where
    it is positive, and no further; what arrays say contains it, too."""
    file = tmp_path / "loss.py"
    file.write_text(
        "from metagap import Loss\ndef of(name, a):\n    return Loss(name, value=lambda m, t: a*t*t/2 + t*t*t*t/12, "
        "d1=lambda m, t: a*t + t*t*t/3, d2=lambda m, t: a + t*t, d3=lambda m, t: 2*t, mu=a)\n"
        "BOWL, WAVE = of('bowl', 1), of('wave', -1)\n"
    )
    with using(read(str(file))):
        for name, a in (("bowl", 1), ("wave", -1)):
            loss, half = Loss(name), arb(1) / 2
            for z, h, least in ((-1, 2, a), (1, 3, a + 1), (-3, -2, a + 4), (0, 0, a)):
                found = loss.least_curvature(z + half, h + half, half)
                ends = LossRanges(loss, [fmpq(1, 2)]).least(2, *(MidRad(np.array([v + 0.5])) for v in (z, h)))
                assert found.contains(arb(least)) and ends.low <= least <= ends.high
        near = SQUARED | {"adaptation": {"name": "gradient", "eta": "1/16", "steps": 1}}
        for name, omega, verdict in (
            ("bowl", [0, "1/4"], Verdict.PROVED),
            ("wave", [0, "1/4"], Verdict.PROVED),  # convex on the segments used
            ("wave", ["1/2", 0], Verdict.OUTSIDE),
        ):
            at = metagap.judge(loads(json.dumps(near | {"loss": {"name": name}, "omega": omega})))
            assert at["meta-sl-c4"].verdict is verdict


def test_a_fault_in_tasks_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "tasks.py"
    for body, said in (
        ("return 1 / 0", "line 4, the tasks mine: ZeroDivisionError"),
        ("return 1", "line 2, mine='int'"),
    ):
        file.write_text(f"import metagap\n@metagap.tasks('mine')\ndef mine(rng):\n    {body}\n")
        result = CliRunner().invoke(app, ["verify", "--claims", str(file)])
        assert result.exit_code == 2 and said in result.stderr, result.stderr


@pytest.mark.ci(every=7)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_says_what_it_has(name: str) -> None:
    """Of linear models the three lists, whose lengths the engine knows too; of networks none, in a word."""
    family = FAMILIES[name]
    if family.needs:
        pytest.importorskip(family.needs)
    generator = family.generators[0]
    with np.errstate(all="ignore"):
        instance = generator.build(RandomSource(3, 1), generator.variants[0]).instance(0)
    with ctx.workprec(128):
        engine = family.quantities(instance)
        at = Deciding(engine)
        assert at.exchanged()("eps").is_finite()
        if name not in ("meta-sl", "meta-rl"):
            with pytest.raises(UndefinedQuantityError, match="a network's weights"):
                at.gradient  # noqa: B018
            return
        assert at.length(at.gradient).overlaps(engine("eps"))
        assert len(at.omega) == len(at.comparator) == len(at.gradient) == instance.parameters
