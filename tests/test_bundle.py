"""The evidence bundle: whole and byte for byte the same; whatever is changed in it is noticed, in one line."""

from __future__ import annotations

import ast
import io
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from metagap.impl.optimum import minimise
from metagap.reports import check_bundle as checker
from metagap.reports.bundle import bundled
from metagap.reports.cli import app
from metagap.reports.formats.auditing import AuditRecord
from metagap.reports.formats.verifying import VerifyRecord
from metagap.reports.witnesses import KEPT
from metagap.reports.worked import the_instance
from typer.testing import CliRunner

runner = CliRunner()
SCRIPT = Path(checker.__file__)
EXAMPLE = SCRIPT.with_name("example")
Run = tuple[Path, VerifyRecord, AuditRecord]


@pytest.fixture(scope="module")
def bundle(small_run: Run) -> bytes:
    return bundled(small_run[0], [], lambda told: None)


@pytest.fixture(scope="module")
def members(bundle: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@cache
def small() -> dict[str, bytes]:
    """A bundle of one claim and three counterexamples, by hand: what a run puts into one is tested below."""
    counts = dict.fromkeys(checker.COUNTS, 0) | {"PROVED": 7}
    statement = {"left": "gap", "relation": "<=", "bound": "radius*eps"}
    assumptions = [{"name": "convex loss", "statement": "ell is convex"}]
    mutants = ("half-constant", "no-stationarity-term", "any-model-no-hessian")
    names = [f"mutant-{name}-simplest.json" for name in mutants]
    kept = {f"counterexamples/{name}": (KEPT / name).read_bytes() for name in names}
    run = {"command": "metagap verify", "status": "complete"}
    record = run | {
        "files": {name: checker.sha256(content) for name, content in kept.items()},
        "claims": [{"claim": "a-claim", "counts": counts, "real_counts": counts}],
    }
    claim = {
        "claim": "a-claim", "family": "a", "title": "A claim", "source": "ours", "statement": statement,
        "assumptions": assumptions, "sha256": checker.statement_hash("a-claim", statement, assumptions),
        "standing": "formal", "why": "", "counts": counts, "real_counts": counts, "instance": None, "command": "",
    }  # fmt: skip
    witness = {"kind": "mutant", "shows": "refuted", "claim": "a-claim", "assumption": "", "command": ""}
    theorems = {
        "format": "metagap/theorems/1", "version": "1", "sources": "", "runs": [{"file": "verify.json"} | run],
        "claims": [claim], "certificates": [{"file": "certificates/a.cert", "bracket": "", "command": ""}],
        "witnesses": [witness | {"file": name, "name": json.loads(content)["name"]} for name, content in kept.items()],
    }  # fmt: skip
    proofs = b"Definition a_claim := True."
    formal = {
        "claims": [{"name": "a-claim", "statement": proofs.decode()}],
        "files": {"Core.v": checker.sha256(b"Qed.")},
    }
    return made(
        kept
        | {name: json.dumps(value).encode() for name, value in
           (("verify.json", record), ("theorems.json", theorems), ("formal/record.json", formal))}
        | {"formal/Statements.v": proofs, "formal/Core.v": b"Qed.", "certificates/a.cert": b"{}"}
        | {"index.html": b"<p>", "constraints.txt": b"", **dict.fromkeys(checker.SCRIPTS, b"")}
    )  # fmt: skip


def made(members: dict[str, bytes]) -> dict[str, bytes]:
    """The files with a manifest of what they are now, as a forger would make it."""
    rest = {name: content for name, content in members.items() if name != checker.MANIFEST}
    return rest | {checker.MANIFEST: checker.manifest(rest).encode()}


def told(content: bytes, folder: Path, *options: str) -> tuple[int, str, str]:
    """Status, output and errors of the script, alone with its helper, on a zip."""
    for script in checker.SCRIPTS:
        shutil.copy(SCRIPT.with_name(script), folder)
    (folder / "given.zip").write_bytes(content)
    command = [sys.executable, "-S", str(folder / SCRIPT.name), str(folder / "given.zip"), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_checker_imports_the_standard_library_and_its_neighbour_alone() -> None:
    nodes = [node for node in ast.walk(ast.parse(SCRIPT.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    plain = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert plain - {"check_witness"} <= set(sys.stdlib_module_names)
    relative = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]
    assert [alias.name for node in relative for alias in node.names] == ["check_witness"]


def test_the_same_records_give_the_same_bytes(small_run: Run, bundle: bytes, tmp_path: Path) -> None:
    elsewhere = tmp_path / "copy"
    shutil.copytree(small_run[0], elsewhere)
    done = runner.invoke(app, ["bundle", str(tmp_path / "evidence.zip"), "--out", str(elsewhere)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "evidence.zip").read_bytes() == bundle
    assert f"sha256 {checker.sha256(bundle)}" in done.stdout
    assert str(small_run[0]).encode() not in bundle


def test_the_standard_library_says_that_it_is_whole_and_proves_it_again(tmp_path: Path) -> None:
    status, said, errors = told(checker.packed(small()), tmp_path)
    assert (status, errors) == (0, "")
    assert said.startswith(f"whole: {len(small())} files") and checker.sha256(small()[checker.MANIFEST]) in said
    assert "proved again: 3 of 3 counterexamples to wrong theorems\n" in said
    assert ", 1 claim (1 formal: proved by Coq)" in said and "1 certificate (" in said


def test_unpacked_it_checks_itself_and_leaves_nothing_behind(tmp_path: Path) -> None:
    scripts = {name: SCRIPT.with_name(name).read_bytes() for name in checker.SCRIPTS}
    for name, content in made(small() | scripts).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for _ in range(2):
        command = [sys.executable, "-S", "check_bundle.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "") and "proved again: 3 of 3" in done.stdout


@pytest.mark.parametrize("name", ["index.html", "formal/Core.v", "verify.json"])
def test_a_file_that_changes_is_noticed(name: str) -> None:
    for altered in (small()[name] + b" ", b"", b"x" * len(small()[name])):
        with pytest.raises(checker.NotWholeError, match="the manifest lists"):
            checker.whole(small() | {name: altered})


def test_the_map_says_what_the_run_found(small_run: Run, members: dict[str, bytes]) -> None:
    _, verify, audit = small_run
    found = checker.whole(members)
    assert [row["claim"] for row in found["claims"]] == [row.claim for row in verify.claims]
    assert {row["file"] for row in found["witnesses"]} >= {m.simplest.file for m in audit.mutants if m.simplest}
    needed = {(cell.claim, cell.assumption) for cell in audit.cells if cell.status == "needed" and cell.witness}
    assert {(row["claim"], row["assumption"]) for row in found["witnesses"] if row["assumption"]} == needed
    assert {row["claim"]: row["standing"] for row in found["claims"]}["meta-sl-lifted"] == "formal"
    assert all(row["claim"] in members["index.html"].decode() for row in found["claims"])


@pytest.mark.ci
def test_claims_of_ones_own_go_with_their_file(tmp_path: Path) -> None:
    file, out, target = EXAMPLE / "own_claims.py", tmp_path / "run", tmp_path / "own.zip"
    cut = ["--no-real", "--workers", "0", "--max-time", "2", "--out", str(out)]
    done = runner.invoke(app, ["verify", "--claims", str(file), *cut])
    assert done.exit_code in (0, 3), done.output
    assert runner.invoke(app, ["bundle", str(target), "--out", str(out)]).exit_code == 0
    members = checker.opened(str(target))
    assert members["claims.py"] == file.read_bytes()
    assert {row["source"] for row in checker.whole(members)["claims"]} == {"own"}
    with pytest.raises(checker.NotWholeError, match=r"claims\.py"):
        checker.whole(made(members | {"claims.py": b"pass"}))


def test_any_byte_that_changes_is_noticed(tmp_path: Path) -> None:
    content, rng = bytearray(checker.packed(small())), random.Random(0)
    places = [0, 10, len(content) - 1, *(rng.randrange(len(content)) for _ in range(60))]
    for place in places:
        content[place] ^= 1 << rng.randrange(8)
        (tmp_path / "altered.zip").write_bytes(content)
        assert checker.main([str(tmp_path / "altered.zip")]) == 2, place
        content[place] = checker.packed(small())[place]
    for altered in (content[:-1], content[1:], b"x" + content, content + b"\0"):
        (tmp_path / "altered.zip").write_bytes(altered)
        assert checker.main([str(tmp_path / "altered.zip")]) == 2


def written(name: str, content: bytes = b"x", **fields: Any) -> bytes:
    """A zip with one file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", fields.pop("method", zipfile.ZIP_STORED)) as archive:
        info = zipfile.ZipInfo(name, checker.DATE)
        info.compress_type = archive.compression
        for field, value in fields.items():
            setattr(info, field, value)
        archive.writestr(info, content)
    return target.getvalue()


ZIPS: dict[str, Callable[[], bytes]] = {
    "a path that leads out": lambda: written("../evil.py"),
    "a path from the root": lambda: written("/etc/passwd"),
    "a path of another system": lambda: written("a\\b"),
    "a hidden file": lambda: written(".git/config"),
    "a long name": lambda: written("a" * 300),
    "a link": lambda: written("a", b"/etc/passwd", external_attr=0o120777 << 16, create_system=3),
    "a folder": lambda: written("a/", b""),
    "a file that unpacks to much": lambda: written("a", bytes(2**24), method=zipfile.ZIP_DEFLATED),
    "a comment": lambda: written("a", comment=b"hello"),
    "no zip": lambda: b"not a zip",
    "an empty file": lambda: b"",
    "an empty zip": lambda: checker.packed({}),
    "a file too many": lambda: checker.packed(small() | {"more.txt": b"x"}),
    "a file too few": lambda: checker.packed({k: v for k, v in small().items() if k != "index.html"}),
    "a needed file too few": lambda: checker.packed(made({k: v for k, v in small().items() if k != "constraints.txt"})),
    "no manifest": lambda: checker.packed({k: v for k, v in small().items() if k != checker.MANIFEST}),
}


@pytest.mark.parametrize("kind", ZIPS)
def test_a_zip_that_is_no_bundle_is_one_line(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "given.zip").write_bytes(ZIPS[kind]())
    assert checker.main([str(tmp_path / "given.zip")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "is required" in said.err, said


def test_a_path_that_leads_out_is_no_name() -> None:
    for name in ("../evil", "a/../../evil", "/evil", "a//b", "a/", "", ".", "..", "a\\b", "C:a", "a\nb", "a/b/c/d/e"):
        with pytest.raises(checker.NotWholeError, match="plain relative path"):
            checker._plain("a.zip", name)
    assert checker._plain("a.zip", "counterexamples/a-b_c.1.json")


def rewritten(members: dict[str, bytes], name: str, change: Callable[[Any], object]) -> dict[str, bytes]:
    """A forged bundle: the JSON of one file changed, and a manifest to go with it."""
    content = json.loads(members[name])
    change(content)
    return made(members | {name: json.dumps(content).encode()})


FORGED: dict[str, tuple[str, Callable[[Any], object]]] = {
    "better counts": ("theorems.json", lambda m: m["claims"][0]["counts"].update(PROVED=10**6)),
    "another statement": ("theorems.json", lambda m: m["claims"][0]["statement"].update(bound="0")),
    "a weaker assumption": ("theorems.json", lambda m: m["claims"][0]["assumptions"].pop()),
    "a claim too few": ("theorems.json", lambda m: m["claims"].pop()),
    "a claim twice": ("theorems.json", lambda m: m["claims"].append(m["claims"][0])),
    "formal, by another proof": ("formal/record.json", lambda m: m["files"].update({"Core.v": "0" * 64})),
    "formal, without its record": ("formal/record.json", lambda m: m["claims"].pop()),
    "a witness of something else": ("theorems.json", lambda m: m["witnesses"][0].update(name="half-constant-2")),
    "a witness left out": ("theorems.json", lambda m: m["witnesses"].pop()),
    "no such witness": ("theorems.json", lambda m: m["witnesses"][0].update(file="counterexamples/none.json")),
    "a refutation that has no sides": ("theorems.json", lambda m: m["witnesses"][0].update(shows="no value")),
    "no such certificate": ("theorems.json", lambda m: m["certificates"][0].update(file="certificates/none.cert")),
    "a complete run": ("theorems.json", lambda m: m["runs"][0].update(status="interrupted")),
    "a field too many": ("theorems.json", lambda m: m.update(more=1)),
    "a proof that was not checked": ("formal/record.json", lambda m: m["claims"][0].update(statement="False")),
    "other hashes of a run": ("verify.json", lambda m: m["files"].update({next(iter(m["files"])): "0" * 64})),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_map_is_noticed_though_the_manifest_fits(kind: str) -> None:
    checker.whole(small())
    with pytest.raises(checker.NotWholeError, match="required"):
        checker.whole(rewritten(small(), *FORGED[kind]))


def test_a_counterexample_that_refutes_nothing_counts(tmp_path: Path) -> None:
    name = next(row["file"] for row in json.loads(small()["theorems.json"])["witnesses"])
    witness = json.loads(small()[name])
    witness["instance"]["comparator"] = witness["instance"]["omega"]
    content = json.dumps(witness).encode()
    changed = small() | {name: content}
    forged = rewritten(changed, "verify.json", lambda m: m["files"].update({name: checker.sha256(content)}))
    (tmp_path / "forged.zip").write_bytes(checker.packed(forged))
    with redirect_stdout(io.StringIO()) as said:
        assert checker.main([str(tmp_path / "forged.zip")]) == 1
    assert f"{name}: not refuted" in said.getvalue() and "proved again: 2 of 3" in said.getvalue()


def test_a_statement_without_a_value_is_counted_apart(tmp_path: Path) -> None:
    """Refuted it is not: the map must say so, and the line names what is undefined."""
    name = "meta-rl-t3f-without-parameter-comparator"
    file, content = f"counterexamples/{name}.json", (KEPT / f"{name}.json").read_bytes()
    row = {"file": file, "kind": "leave-one-out", "name": name, "claim": "a-claim", "assumption": "", "command": ""}
    said = io.StringIO()
    for shows, status in (("refuted", 2), ("no value", 0)):
        added = partial(lambda shows, m: m["witnesses"].append(row | {"shows": shows}), shows)
        (tmp_path / "one.zip").write_bytes(checker.packed(rewritten(small() | {file: content}, "theorems.json", added)))
        with redirect_stdout(said):
            assert checker.main([str(tmp_path / "one.zip")]) == status
    assert f"{file}: no value: without the assumption the statement means nothing here, as slope_to" in said.getvalue()
    assert "proved again: 1 of 1 statement to have no value without an assumption" in said.getvalue()


def test_a_claim_that_is_false_is_named_with_whose_it_is() -> None:
    found = checker.whole(small())
    first = found["witnesses"][0]
    first["kind"] = "claim"
    for source, whose in (("own", "the user's own claim (claims.py)"), ("ours", "the theory's claim")):
        found["claims"][0] |= {"source": source, "claim": first["name"]}
        with redirect_stdout(io.StringIO()) as said:
            assert checker.proved_again(small(), found, 60) == 1
        assert f"{whose} {first['name']} is false: {first['file']} refutes it" in said.getvalue()


def test_the_time_is_bounded_and_what_is_left_is_said(tmp_path: Path) -> None:
    status, said, _ = told(checker.packed(small()), tmp_path, "--max-time", "0.000001")
    assert status == 3 and "not checked: 3 counterexamples, as --max-time=1e-06 was over" in said
    status, _, errors = told(checker.packed(small()), tmp_path, "--max-time", "soon")
    assert status == 2 and "a number of seconds above 0 is required" in errors


def test_without_its_neighbours_the_script_says_so(tmp_path: Path) -> None:
    both = "check_witness.py and check_graph.py"
    for name, missing in (("check_bundle.py", both), ("check_witness.py", "check_graph.py")):
        shutil.copy(SCRIPT.with_name(name), tmp_path)
        command = [sys.executable, str(tmp_path / SCRIPT.name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and f"{missing} beside it" in done.stderr


def test_links_in_a_folder_are_refused(tmp_path: Path) -> None:
    for name, content in small().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert checker.opened(str(tmp_path)) == small()
    (tmp_path / "index.html").unlink()
    os.symlink("/etc/hostname", tmp_path / "index.html")
    with pytest.raises(checker.NotWholeError, match=r"index\.html: a regular file, no link"):
        checker.opened(str(tmp_path))


def test_what_cannot_be_bundled_is_one_line_and_nothing_is_written(small_run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(small_run[0], folder)
    target = tmp_path / "evidence.zip"

    def refused(*arguments: str, out: Path = folder) -> str:
        done = runner.invoke(app, ["bundle", *arguments, "--out", str(out)])
        assert done.exit_code == 2 and done.stderr.count("\n") == 1 and not target.exists(), done.output
        return done.stderr

    assert "ends in .zip" in refused(str(tmp_path / "evidence.txt"))
    assert "run metagap verify first" in refused(str(target), out=tmp_path)
    certificate = minimise(the_instance()).certificate
    assert certificate is not None
    false = json.loads(certificate.dumps()) | {"lower": certificate.lower + 0.01, "upper": certificate.upper + 0.01}
    (tmp_path / "false.cert").write_text(json.dumps(false))
    assert "rejected" in refused(str(target), str(tmp_path / "false.cert"))
    verify = json.loads((folder / "verify.json").read_text())
    instance = folder / next(iter(verify["files"]))
    text = instance.read_text()
    instance.write_text(text + " ")
    assert "sha256" in refused(str(target))
    instance.write_text(text)
    verify["environment"]["sources"] = "0" * 64
    (folder / "verify.json").write_text(json.dumps(verify))
    assert "environment.sources" in refused(str(target))
