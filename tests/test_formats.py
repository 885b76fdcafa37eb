"""Records as other programs read them: typed, described by published JSON schemas, refused when altered."""

from __future__ import annotations

import ast
import copy
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from metagap.impl import families, files
from metagap.impl.families import FAMILIES, judge
from metagap.impl.files import BadInputError
from metagap.impl.judgement import Enclosure
from metagap.impl.judgement import Judgement as Judged
from metagap.impl.optimum import minimise
from metagap.impl.optimum.certificate import loads
from metagap.reports import check_bundle, formats, proving
from metagap.reports.bundle import bundled
from metagap.reports.cli import app
from metagap.reports.formats import FORMATS, INPUTS, check, read, schema
from metagap.reports.formats.auditing import AuditRecord, MutantsRecord
from metagap.reports.formats.judging import Judgement
from metagap.reports.formats.programs import GradientRecord, ProgramRecord
from metagap.reports.formats.verifying import VerifyRecord
from metagap.reports.jobs import Job, generate
from metagap.reports.records import dumps, hashes, sources
from metagap.theory.meta_sl import CLAIMS
from typer.testing import CliRunner

from .regions import EXAMPLE as REGION
from .test_cli import MIRRORED, write

runner = CliRunner()

SCORE = {"tested": 2, "killed": 1, "small": 0, "interval": [0.0945, 0.9055]}
CHANGE = {
    "module": "impl/judge.py",
    "operator": "core/NumberReplacer",
    "occurrence": 3,
    "line": 7,
    "column": 11,
    "end": 7,
    "room": "impl",
    "proposes": False,
    "tests": 12,
}
MUTATION: dict[str, Any] = {
    "format": "metagap/mutation/1",
    "commit": "0" * 40,
    "seed": 0,
    "under": [],
    "budget": 40.0,
    "profile": "ci",
    "mutants": 90,
    **SCORE,
    "deciding": SCORE,
    "rooms": [{"room": "impl", "proposes": False, "mutants": 90, **SCORE}],
    "changes": [
        CHANGE | {"outcome": "survived", "diff": "-    bits = 64\n+    bits = 65"},
        CHANGE | {"occurrence": 4, "outcome": "ci", "diff": "-    bits = 64\n+    bits = 63"},
    ],
}
"""A record of .ci/mutation, as it is written after two changes."""


@pytest.fixture(scope="module")
def folder(small_run: tuple[Path, VerifyRecord, AuditRecord], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of every format."""
    run, _, made = small_run
    out = tmp_path_factory.mktemp("records")
    instance = str(write(out, MIRRORED))
    omega = write(out, [0.5], "omega.json")
    for arguments in (
        ["judge", instance, "--json", str(out / "judgement.json")],
        ["optimum", instance, "--json", str(out / "optimum.json")],
        ["audit", instance, "--json", str(out / "conditions.json")],
        ["certify", instance, "--omega", str(omega), "--json", str(out / "certify.json")],
        ["falsify", "half-constant", "--out", str(out), "--json", str(out / "falsify.json")],
        ["prove", "--region", str(REGION), "--claim", "meta-sl-lifted", "--json", str(out / "regions.json")],
    ):
        result = runner.invoke(app, arguments)
        assert result.exit_code in (0, 1, 3), result.output
    sides = Enclosure(0.25, 0.5)
    claim = judge(families.loads(json.dumps(MIRRORED))).claims[0]
    judged = SimpleNamespace(judgement=Judged("0" * 64, (claim,)))
    answer = SimpleNamespace(value=sides, best=sides, gap=sides, bound=claim, judgement=judged, advice=("go on",))
    diagnosis = SimpleNamespace(name="maml", message="It is.", distance=sides, rounding=1e-7, distances={"maml": sides})
    (out / "program.json").write_text(dumps(ProgramRecord.of(answer)))  # type: ignore[arg-type]
    (out / "gradient.json").write_text(dumps(GradientRecord.of(diagnosis)))  # type: ignore[arg-type]
    (out / "formal.json").write_text(proving.RECORD.read_text())
    for name in ("verify", "audit"):
        (out / f"{name}.json").write_text((run / f"{name}.json").read_text())
    (out / "mutants.json").write_text(dumps(msgspec.convert(made, MutantsRecord, from_attributes=True)))
    (out / "mutation.json").write_text(dumps(MUTATION))
    (out / "bundle.zip").write_bytes(bundled(run, [], lambda told: None))
    (out / "theorems.json").write_bytes(check_bundle.opened(str(out / "bundle.zip"))["theorems.json"])
    witness = next(row.simplest.file for row in made.mutants if row.simplest)
    (out / "witness.json").write_text((run / witness).read_text())
    return out


UNTYPED = {
    "certifying.py": "arrays and tensors of others",
    "jobs.py": "batches, which each kind of learning has its own of",
    "wide.py": "batches, which each kind of learning has its own of",
    "face/common.py": "numbers of any kind",
    "check_bundle.py": "reads JSON by the standard library alone",
    "check_witness.py": "reads JSON by the standard library alone",
    "check_graph.py": "programs of JSON, over numbers of any kind",
    "cli/__init__.py": "Typer's objects",
    "bench/batches.py": "batches, which each kind of learning has its own of",
    "bench/judging.py": "batches, which each kind of learning has its own of",
    "bench/programs.py": "PyTorch's modules and tensors",
    "formats/inputs.py": "JSON schemas",
    "formats/shared.py": "instances as documents: their readers know them",
}
"""Modules of reports that may say Any. Between the engine and the page everything is a record or a dataclass."""


def test_nothing_else_is_untyped() -> None:
    root = Path(formats.__file__).parent.parent
    for path in root.rglob("*.py"):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        assert ("Any" in names) == (path.relative_to(root).as_posix() in UNTYPED), path


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("name", FORMATS)
def test_real_records_fit_their_schema(name: str, folder: Path) -> None:
    text = (folder / f"{name}.json").read_text()
    assert json.loads(dumps(read(folder / f"{name}.json", FORMATS[name]))) == json.loads(text)
    published = schema(name)
    Draft202012Validator.check_schema(published)
    assert list(Draft202012Validator(published).iter_errors(json.loads(text))) == []


def _alterations(record: dict[str, Any], required: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The record with one thing changed, at the top and in the first row of every list of rows."""
    for name in required:
        yield name, {key: value for key, value in record.items() if key != name}
        yield name, record | {name: "a word" if not isinstance(record[name], str) else 3.5}
    yield "surplus", record | {"surplus": 1}
    yield "format", record | {"format": "metagap/else/1"}
    for name, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            changed = copy.deepcopy(record)
            changed[name][0]["surplus"] = 1
            yield f"{name}[0].surplus", changed


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("name", FORMATS)
def test_altered_records_are_refused_by_the_reader_and_by_the_schema(name: str, folder: Path) -> None:
    whole = json.loads((folder / f"{name}.json").read_text())
    record = {key: value[:3] if isinstance(value, list) else value for key, value in whole.items()}
    validator = Draft202012Validator(schema(name))
    required = [f.name for f in msgspec.structs.fields(FORMATS[name]) if f.required and f.name != "format"]
    seen = 0
    for place, altered in _alterations(record, required):
        with pytest.raises(BadInputError) as refused:
            check(altered, FORMATS[name], "file.json")
        assert str(refused.value).startswith(f"file.json: {place}")
        assert "\n" not in str(refused.value) and len(str(refused.value)) < 1000
        assert not validator.is_valid(altered), place
        seen += 1
    assert seen >= 2 * len(required) + 2 > 5


def test_a_tampered_record_is_one_line(folder: Path, tmp_path: Path) -> None:
    def first(name: str, rows: str, **altered: Any) -> dict[str, Any]:
        record = json.loads((folder / f"{name}.json").read_text())
        record[rows][0].update(altered)
        return dict(record)

    for name, record, place in (
        ("verify", first("verify", "claims", counts={}), "counts.PROVED"),
        ("verify", first("verify", "claims", quantiles={"0.1": 0.0, "0.5": "x", "0.9": 1.0}), "quantiles"),
        ("verify", first("verify", "claims", quantiles={}), "quantiles"),
        ("verify", first("verify", "claims", claim="meta-sl-lifte"), "claim='meta-sl-lifte'"),
        ("audit", first("audit", "cells", claim="<b>"), "claim='<b>'"),
        ("audit", first("audit", "mutants", claim="else"), "claim='else'"),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
        result = runner.invoke(app, ["report", "--out", str(tmp_path)])
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
        assert place in result.stderr
        (tmp_path / f"{name}.json").unlink()


def test_a_fault_in_a_table_of_any_names_is_placed_at_the_table(folder: Path) -> None:
    record = json.loads((folder / "verify.json").read_text())
    row = {"points": 1, "spurious": 0, "largest_excess": 0.0}
    for bad in (row | {"surplus": 1}, row | {"points": "x"}, {"points": 1}):
        record["landscapes"]["variants"][0]["kinds"] = {"saddle": bad}
        with pytest.raises(BadInputError, match=r"landscapes\.variants\[0\]\.kinds"):
            check(record, VerifyRecord, "file.json")


def test_schemas_are_printed() -> None:
    for name in FORMATS:
        printed = runner.invoke(app, ["schema", name])
        assert printed.exit_code == 0
        assert json.loads(printed.stdout) == schema(name)
    listed = runner.invoke(app, ["schema"]).stdout.splitlines()
    assert [line.split()[0] for line in listed] == [*INPUTS, *FORMATS]
    wrong = runner.invoke(app, ["schema", "novel"])
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("metagap: NAME='novel': expected one of instance, certificate, judgement")


@pytest.mark.ci(every=7)
@pytest.mark.parametrize("family", FAMILIES)
def test_generated_instances_fit_the_schema(family: str) -> None:
    """Of every generator and variant; the largest take the validator long and have no other fields."""
    if FAMILIES[family].needs:
        pytest.importorskip(FAMILIES[family].needs)
    validator = Draft202012Validator(schema("instance"))
    Draft202012Validator.check_schema(schema("instance"))
    for generator in FAMILIES[family].generators:
        for variant in generator.variants:
            for _, instance in generate(Job(family, generator.name, variant, 0, 0, 2)):
                if instance.numbers > LARGE:
                    continue
                found = list(validator.iter_errors(json.loads(files.dumps(instance))))
                assert not found, (generator.name, variant, found[0].message)


LARGE = 400
PLAIN = MIRRORED | {"loss": {"name": "squared"}}
IMPLICIT = PLAIN | {"adaptation": {"name": "implicit", "lambda": 1}}
NETWORK = PLAIN | {
    "model": {"name": "relu-network", "b": [1], "W0": [[1]]}, "omega": [[1]], "comparator": [[0]],
}  # fmt: skip
SMOOTH = NETWORK | {"model": {"name": "smooth-network", "activation": "tanh", "b": [1], "W0": [[1]]}}
PROCESS: dict[str, Any] = {
    "format": "metagap/instance/1", "problem": "meta-rl", "features": [[[0], [1]]],
    "tasks": [{"weight": 1, "gamma": 0.5, "P": [[[1], [1]]], "r": [[0, 1]], "start": [1]}],
    "tau": 1, "eta": 0.5, "adaptation": {"name": "kl-step"}, "omega": [0], "comparator": [1], "radius": 1,
}  # fmt: skip


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("document", [PLAIN, IMPLICIT, NETWORK, SMOOTH, PROCESS])
def test_the_reader_and_the_schema_refuse_the_same_altered_instances(document: dict[str, Any]) -> None:
    """Fields left out, added, and of another type, at every depth. What a number, a shape or a sum must be and
    which losses have a parameter is the reader's alone."""
    validator = Draft202012Validator(schema("instance"))
    assert validator.is_valid(document)
    families.loads(json.dumps(document))
    seen = 0
    for altered in _altered(document):
        with pytest.raises(BadInputError):
            families.loads(json.dumps(altered))
        assert not validator.is_valid(altered), altered
        seen += 1
    assert seen > 40


def _altered(value: Any) -> Iterator[Any]:
    """The document with one thing changed somewhere."""
    yield None
    yield {"surplus": 1} if isinstance(value, list) else [{}]
    if isinstance(value, dict):
        yield value | {"surplus": 1}
        for name, inner in value.items():
            yield {key: other for key, other in value.items() if key != name}
            yield from (value | {name: other} for other in _altered(inner))
    elif isinstance(value, list):
        yield from ([other, *value[1:]] for other in _altered(value[0]))
    else:
        yield True


def test_the_certificate_of_an_instance_fits_its_schema_and_altered_ones_do_not() -> None:
    certificate = minimise(families.loads(json.dumps(MIRRORED))).certificate
    assert certificate is not None
    validator, record = Draft202012Validator(schema("certificate")), json.loads(certificate.dumps())
    assert validator.is_valid(record)
    old = {key: value for key, value in record.items() if key != "how"}
    assert validator.is_valid(old)
    assert loads(json.dumps(old)) == loads(json.dumps(record))
    for name in record:
        for altered in (
            {"how": "floor"} | {key: value for key, value in record.items() if key != name},
            record | {name: True},
            record | {"surplus": 1},
        ):
            with pytest.raises(BadInputError):
                families.loads(json.dumps(altered))
            assert not validator.is_valid(altered), name


def test_a_file_digest_notices_a_changed_file(
    small_run: tuple[Path, VerifyRecord, AuditRecord], tmp_path: Path
) -> None:
    run, _, record = small_run
    assert len(record.files) > 50
    shutil.copytree(run, tmp_path / "copy")
    assert hashes(record, tmp_path / "copy") == record.files
    name = next(iter(record.files))
    (tmp_path / "copy" / name).write_text((run / name).read_text() + " ")
    assert {k for k, v in hashes(record, tmp_path / "copy").items() if v != record.files[k]} == {name}
    assert record.environment["sources"] == sources()


def test_judgements_of_undefined_quantities_fit_too() -> None:
    """The enclosures of a claim that is outside may be missing or infinite."""
    content = json.loads(json.dumps(MIRRORED)) | {"loss": {"name": "absolute"}}
    record = Judgement.of(judge(families.loads(json.dumps(content), "x"), CLAIMS, complete=True))
    assert {row.verdict for row in record.claims} >= {"OUTSIDE"}
    written = json.loads(dumps(record))
    assert check(written, Judgement, "x") == record
    assert Draft202012Validator(schema("judgement")).is_valid(written)


def old(record: Any) -> Any:
    """The record as the first version wrote it."""
    if isinstance(record, list):
        return [old(value) for value in record]
    if not isinstance(record, dict):
        return "HOLDS" if record == "EQUAL" else record
    return {"HOLDS" if key == "EQUAL" else key: old(value) for key, value in record.items()}


def test_records_of_the_first_version_are_read(small_run: tuple[Path, VerifyRecord, AuditRecord]) -> None:
    """HOLDS is read as EQUAL, wherever it stands; a record has one of the two words."""
    _, verify, _ = small_run
    first = old(json.loads(dumps(verify))) | {"format": "metagap/verify/1"}
    assert "HOLDS" in json.dumps(first) and "EQUAL" not in json.dumps(first)
    assert check(first, VerifyRecord, "old") == verify
    row = next(row for row in verify.claims if row.counts.EQUAL)
    assert row.proved_share is not None and row.proved_share == row.counts.PROVED / row.scope
    both = json.loads(dumps(verify))
    both["claims"][0]["counts"]["HOLDS"] = 1
    with pytest.raises(BadInputError, match="HOLDS"):
        check(both, VerifyRecord, "both")
    with pytest.raises(BadInputError, match="metagap/verify/2"):
        check(first | {"format": "metagap/verify/3"}, VerifyRecord, "new")
    judged = {"format": "metagap/judgement/1", "instance": "0" * 64, "notes": [], "claims": [{
        "claim": "meta-sl-s2", "verdict": "HOLDS", "gap": {"lo": None, "hi": 1.0}, "bound": None, "terms": {},
        "assumptions": {}, "ratio": None, "reason": ""}]}  # fmt: skip
    assert check(judged, Judgement, "old").claims[0].verdict == "EQUAL"


def test_a_certify_record_of_version_1_is_still_read(tmp_path: Path) -> None:
    old = {
        "format": "metagap/certify/1", "instance": "0" * 64, "omega": [0.5], "least": 0.0, "most": None,
        "promise": 1.0, "everywhere": True, "choice": "", "why": ["so"],
        "optimum": {"format": "metagap/optimum/1", "lower": 0.0, "upper": 1.0, "at": [0.0], "status": "certified",
                    "seconds": 0.1},
        "headline": {"claim": "meta-sl-headline", "verdict": "HOLDS", "gap": None, "bound": None, "terms": {},
                     "assumptions": {}, "ratio": None, "reason": ""},
    }  # fmt: skip
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old))
    found: Any = read(path, FORMATS["certify"])
    assert found.most is None and found.headline.verdict == "EQUAL"
    path.write_text(json.dumps(old | {"format": "metagap/optimum/1"}))
    with pytest.raises(BadInputError):
        read(path, FORMATS["certify"])
