"""A user's own claims: read from a file, judged like ours, and searched."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import metagap
import numpy as np
import pytest
from flint import ctx, fmpq
from metagap.impl.arithmetic import Rationals
from metagap.impl.families import FAMILIES, all_claims, loads
from metagap.impl.files import BadInputError
from metagap.impl.own_claims import OwnClaims, read, standing, using
from metagap.impl.sources import RandomSource
from metagap.impl.stated import Deciding
from metagap.reports import check_witness
from metagap.reports.cli import app
from metagap.reports.jobs import Profile
from metagap.reports.own import recorded, shown
from metagap.reports.tally import tally_instance
from metagap.reports.verify import Run
from metagap.reports.witnesses import witness
from metagap.theory.claim import UndefinedQuantityError, Verdict
from metagap.theory.notation import SYMBOLS
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
