"""Check an evidence bundle of `metagap bundle` with nothing but Python's standard library.

    python3 check_bundle.py evidence.zip

Given a zip (or the folder that it was unpacked into; without a name: the folder in which this script lies), it says

    whole         every file of manifest.json is there with its hash, and none besides; the theorem map says of each
                  claim what the records and the proofs say; the zip is, byte for byte, the one that metagap writes
    proved again  how many of the kept counterexamples `check_witness.py` proves by itself, from the definitions, in
                  fractions and intervals: that a statement is refuted, or, where theorems.json says `no value`, that
                  it means nothing without an assumption, since a quantity that it names is undefined

and what it takes as it stands: verdicts of balls, certificates, proofs by Coq. `check_witness.py` and `check_graph.py`
must lie beside this script: nothing that the bundle holds is run. The sha256 of manifest.json stands for the whole
bundle: compare it with the one that its author gave you.

Exit status: 2 not whole, or not read; else 1 a counterexample proves nothing, or one refutes a claim; else 3 some are
not checked, or there is none; else 0.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import stat
import struct
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

try:
    from . import check_witness as checker
except ImportError:
    # A script, whose folder may be the bundle itself: it stays as it is.
    sys.dont_write_bytecode = True
    try:
        import check_witness as checker  # type: ignore[no-redef]
    except ImportError:
        required = "check_witness.py and check_graph.py beside it are required; take all three from the bundle"
        sys.stderr.write(f"check_bundle.py: {required}\n")
        sys.exit(2)


class NotWholeError(ValueError):
    """The bundle is damaged, altered or no bundle: a line that says where, and what was required."""


def need(holds: bool, where: str, required: str) -> None:
    """Errors: NotWholeError unless it holds."""
    if not holds:
        raise NotWholeError(f"{where}: {required} is required")


# --- the container ----------------------------------------------------------------------------------------

LARGEST, MOST = 2**28, 100_000
"""Bytes of a bundle, and files in it."""
STEP = "[A-Za-z0-9_+-][A-Za-z0-9_.+-]*"
NAME = re.compile(f"{STEP}(/{STEP}){{0,3}}")
DATE = (1980, 1, 1, 0, 0, 0)

Members = Mapping[str, bytes]
"""The files of a bundle by their names."""


def packed(members: Members) -> bytes:
    """The zip of these files: sorted, stored as they are, no dates, no owners. The same files give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, DATE)
            info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, members[name])
    return target.getvalue()


def opened(path: str) -> dict[str, bytes]:
    """The files of a bundle: of a zip, or of the folder that it was unpacked into. Errors: NotWholeError; OSError."""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        return _unpacked(path)
    need(stat.S_ISREG(status.st_mode), path, "a regular file or a folder")
    need(status.st_size <= LARGEST, path, f"a file of at most {LARGEST} bytes")
    with open(path, "rb") as file:
        content = file.read(LARGEST + 1)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            need(len(infos) <= MOST, path, f"at most {MOST} files")
            names = [_plain(path, info.filename) for info in infos]
            need(len(set(names)) == len(names), path, "each file once")
            plain = all(info.compress_type == zipfile.ZIP_STORED and not info.flag_bits for info in infos)
            need(plain, path, "a zip whose files are stored as they are (as metagap bundle writes it)")
            # Files that overlap could be many times as large as the zip.
            need(sum(info.file_size for info in infos) <= len(content), path, "a zip that is as large as its files")
            members = {info.filename: archive.read(info) for info in infos}
    except NotWholeError:
        raise
    except (zipfile.BadZipFile, RuntimeError, EOFError, struct.error, ValueError, OSError) as error:
        raise NotWholeError(f"{path}: a whole zip is required ({error})") from None
    need(packed(members) == content, path, "a zip that holds nothing but its files (as metagap bundle writes it)")
    return members


def _unpacked(folder: str) -> dict[str, bytes]:
    found, size, waiting = dict[str, bytes](), 0, [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(os.path.join(folder, below)) as entries:
            for entry in entries:
                name = _plain(folder, f"{below}{entry.name}")
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{name}/")
                    continue
                need(entry.is_file(follow_symlinks=False), f"{folder}: {name}", "a regular file, no link")
                size += entry.stat().st_size
                need(size <= LARGEST and len(found) < MOST, folder, f"at most {LARGEST} bytes in {MOST} files")
                with open(entry.path, "rb") as file:
                    found[name] = file.read(LARGEST + 1)
    return found


def _plain(where: str, name: str) -> str:
    """The name, if it is a path below the bundle's folder wherever that is. Errors: NotWholeError."""
    need(len(name) <= 240 and bool(NAME.fullmatch(name)), f"{where}: {name[:80]!r}", "a plain relative path")
    return name


# --- whether it is whole ----------------------------------------------------------------------------------

MANIFEST, THEOREMS, VERIFY, FORMAL = "manifest.json", "theorems.json", "verify.json", "formal/record.json"
SCRIPTS = ("check_bundle.py", "check_witness.py", "check_graph.py")
NEEDED = (THEOREMS, VERIFY, FORMAL, "index.html", "constraints.txt", *SCRIPTS)
WITNESS = "metagap/witness/1"

COUNTS = dict.fromkeys(("PROVED", "EQUAL", "VIOLATED", "OUTSIDE", "UNDECIDED"), int)
CLAIM = {
    "claim": str,
    "family": str,
    "title": str,
    "source": ("paper", "ours", "own"),
    "statement": {"left": str, "relation": ("<=", "="), "bound": str},
    "assumptions": [{"name": str, "statement": str}],
    "sha256": str,
    "standing": ("formal", "argued"),
    "why": str,
    "counts": COUNTS,
    "real_counts": COUNTS,
    "instance": (str, None),
    "command": str,
}
SHOWS = ("refuted", "no value")
"""What a witness shows: outcomes of `check_witness.py`."""
WITNESSED = {
    "file": str, "kind": str, "name": str, "shows": SHOWS, "claim": str, "assumption": str, "command": str,
}  # fmt: skip
MAP = {
    "format": "metagap/theorems/1",
    "version": str,
    "sources": str,
    "runs": [{"file": str, "command": str, "status": str}],
    "claims": [CLAIM],
    "witnesses": [WITNESSED],
    "certificates": [{"file": str, "bracket": str, "command": str}],
}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def statement_hash(claim: str, statement: Mapping[str, str], assumptions: Sequence[Mapping[str, str]]) -> str:
    """The sha256 of what a claim says: its name, both sides, each assumption in words."""
    said = {"claim": claim, "statement": dict(statement), "assumptions": [dict(a) for a in assumptions]}
    return sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())


def manifest(members: Members) -> str:
    """The manifest of these files."""
    files = {name: {"bytes": len(members[name]), "sha256": sha256(members[name])} for name in sorted(members)}
    return json.dumps({"format": "metagap/manifest/1", "files": files}, indent=1) + "\n"


def whole(members: Members) -> dict[str, Any]:
    """The theorem map of a bundle that is whole. Errors: NotWholeError."""
    need(MANIFEST in members, MANIFEST, "this file")
    files = _json(members, MANIFEST)
    form = {"format": "metagap/manifest/1", "files": dict}
    need(checker.fits(files, form), MANIFEST, "the format metagap/manifest/1")
    said, others = files["files"], {name: members[name] for name in members if name != MANIFEST}
    for name in sorted(set(said) | set(others)):
        need(name in others, name, "this file (the manifest lists it)")
        need(name in said, name, "no file that the manifest does not list")
        has = {"bytes": len(others[name]), "sha256": sha256(others[name])}
        here = f"({has['bytes']} bytes, {sha256(others[name])[:12]}... here)"
        need(said[name] == has, name, f"the content that the manifest lists {here}")
    for name in NEEDED:
        need(name in members, name, "this file")
    found = _json(members, THEOREMS)
    need(checker.fits(found, MAP), THEOREMS, "exactly the fields of the format metagap/theorems/1")
    _check_records(members, found)
    _check_claims(members, found)
    _check_witnesses(members, found)
    for row in found["certificates"]:
        need(row["file"] in members, f"{THEOREMS}: {row['file']}", "a file of the bundle")
    return dict(found)


def _json(members: Members, name: str) -> Any:
    try:
        return checker.loads(members[name])
    except (ValueError, ArithmeticError) as error:
        raise NotWholeError(f"{name}: JSON is required ({' '.join(str(error).split())[:200]})") from None


def _check_records(members: Members, found: Mapping[str, Any]) -> None:
    """Each run's record is there, and so is every file that it names, with the hash that it says."""
    for run in found["runs"]:
        where = run["file"]
        need(where in members, f"{THEOREMS}: {where}", "a file of the bundle")
        record = _json(members, where)
        table = record.get("files") if isinstance(record, dict) else None
        if not isinstance(table, dict):
            raise NotWholeError(f"{where}: a table of files is required")
        for name, digest in table.items():
            need(name in members and sha256(members[name]) == digest, f"{where}: {name}", "that file, with this hash")
        need(all(record.get(k) == run[k] for k in ("command", "status")), where, f"what {THEOREMS} says of it")
    need(VERIFY in [run["file"] for run in found["runs"]], f"{THEOREMS}: runs", VERIFY)


def _check_claims(members: Members, found: Mapping[str, Any]) -> None:
    """Each claim is what its hash says, judged as the record says, and formal only if its proof is here."""
    try:
        record = _json(members, VERIFY)
        judged = {row["claim"]: (row["counts"], row["real_counts"]) for row in record["claims"]}
        own = (record.get("own") or {"text": ""})["text"].encode()
        proofs = _json(members, FORMAL)
        proved = {one["name"]: one["statement"] for one in proofs["claims"]}
        hashes = {f"formal/{name}": digest for name, digest in proofs["files"].items()}
        stated = "".join(members[name].decode() for name in sorted(members) if re.fullmatch(r"formal/\w+\.v", name))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, NotWholeError):
            raise
        raise NotWholeError(f"{VERIFY}, {FORMAL}: records of metagap are required ({error!r})") from None
    same = all(name in members and sha256(members[name]) == digest for name, digest in hashes.items())
    need(members.get("claims.py", b"") == own, "claims.py", f"the user's own claims, as {VERIFY} has them,")
    names = [row["claim"] for row in found["claims"]]
    need(sorted(names) == sorted(judged), f"{THEOREMS}: claims", f"those of {VERIFY}, each once,")
    for row in found["claims"]:
        where = f"{THEOREMS}: {row['claim']}"
        digest = statement_hash(row["claim"], row["statement"], row["assumptions"])
        need(row["sha256"] == digest, where, f"the hash of its statement ({digest[:12]}... here)")
        need((row["counts"], row["real_counts"]) == judged[row["claim"]], where, f"the counts of {VERIFY}")
        formal = same and row["claim"] in proved and proved[row["claim"]] in stated
        need(row["standing"] == "argued" or formal, where, f"a proof in formal/ that {FORMAL} says was checked")
        need(row["instance"] is None or row["instance"] in members, where, "its instance, a file of the bundle,")


def _check_witnesses(members: Members, found: Mapping[str, Any]) -> None:
    """The map lists every witness in the bundle, as what it says that it is."""
    rows = {row["file"]: row for row in found["witnesses"]}
    need(len(rows) == len(found["witnesses"]), f"{THEOREMS}: witnesses", "each once")
    for name in sorted({*rows, *(name for name in members if name.startswith("counterexamples/"))}):
        need(name in members, f"{THEOREMS}: {name}", "a file of the bundle")
        content = _json(members, name)
        is_witness = isinstance(content, dict) and content.get("format") == WITNESS
        need(is_witness == (name in rows), name, f"an entry in {THEOREMS} for a witness, and none for what is none")
        if is_witness:
            same = all(content.get(key) == rows[name][key] for key in ("kind", "name"))
            need(same, name, f"the kind and the name that {THEOREMS} says")
            void = checker.nothing_said(content)
            need(rows[name]["shows"] == SHOWS[void], name, f"two sides, or none, as {THEOREMS} says what it shows,")


# --- what it proves again ---------------------------------------------------------------------------------

WORDS = {
    "mutant": "to wrong theorems",
    "leave-one-out": "to claims without an assumption, found by search",
    "ablation": "to claims without an assumption, worked by hand",
    "claim": "to claims as they stand",
}
"""What counterexamples are to, by their kinds."""
SHARE = 10
"""Of the whole time, one file may take the SHARE-th part: the slowest that are known take 35 s."""


def proved_again(members: Members, found: Mapping[str, Any], seconds: float) -> int:
    """Compute every witness again, within that time in all, with a line for each that is not proved; the status."""
    end = time.monotonic() + seconds
    outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in WORDS}
    void, every = Counter[str](), Counter[str]()
    own = {row["claim"] for row in found["claims"] if row["source"] == "own"}
    false: dict[str, list[str]] = {}
    late = 0
    for row in found["witnesses"]:
        left, outcome = end - time.monotonic(), "not checked"
        if left > 0:
            given = partial(checker.loads, members[row["file"]])
            outcome, detail, _ = checker.outcome_of(given, min(left, seconds / SHARE))
            if outcome != row["shows"] or outcome == "no value":
                say(f"{row['file']}: {outcome}: {' '.join(detail.split())}")
            elif row["kind"] == "claim":
                false.setdefault(row["name"], []).append(row["file"])
        late += left <= 0
        every[outcome] += 1
        (outcomes.setdefault(row["kind"], Counter()) if row["shows"] == "refuted" else void)[outcome] += 1
    if late:
        say(f"not checked: {count(late, 'counterexample')}, as --max-time={seconds:g} was over")
    for kind, counts in outcomes.items():
        if counts:
            of = count(counts.total(), "counterexample")
            say(f"proved again: {counts['refuted']} of {of} {WORDS.get(kind, kind)}")
    if void:
        of = count(void.total(), "statement")
        say(f"proved again: {void['no value']} of {of} to have no value without an assumption")
    for claim, files in false.items():
        whose = "the user's own claim (claims.py)" if claim in own else "the theory's claim"
        say(f"{whose} {claim} is false: {', '.join(files)} refute{'s' if len(files) == 1 else ''} it")
    if false:
        return 1
    if not every:
        say("proved again: nothing, as no counterexample is in the bundle")
        return 3
    return next(status for name, status in checker.STATUS.items() if every[name] or name == "refuted")


def count(number: int, what: str) -> str:
    """3 claims, 1 file."""
    return f"{number} {what}{'s' * (number != 1)}"


def say(line: str) -> None:
    sys.stdout.write(f"{checker.printable(line)}\n")


def main(arguments: Sequence[str]) -> int:
    """Check one bundle: whether it is whole, then what it proves again."""
    about, _, more = (__doc__ or "").partition("\n\n")
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("check_bundle.py", description=about, epilog=more, formatter_class=layout)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("bundle", nargs="?", default=here, metavar="BUNDLE", help="a zip, or its folder")
    parser.add_argument(
        "--max-time",
        type=checker.seconds_of,
        default=1200.0,
        metavar="SECONDS",
        help="for all counterexamples; 1200 by default",
    )
    given = parser.parse_args(arguments)
    try:
        members = opened(given.bundle)
        found = whole(members)
    except (NotWholeError, OSError) as error:
        why = f"{given.bundle}: {error.strerror}" if isinstance(error, OSError) else str(error)
        sys.stderr.write(f"check_bundle.py: {checker.printable(why)}\n")
        return 2
    size = sum(map(len, members.values()))
    say(f"whole: {len(members)} files, {size} bytes; manifest.json has sha256 {sha256(members[MANIFEST])}")
    verdicts = sum((Counter(row[k]) for row in found["claims"] for k in ("counts", "real_counts")), Counter[str]())
    formal = sum(row["standing"] == "formal" for row in found["claims"])
    claims = count(len(found["claims"]), "claim")
    say(f"it says: metagap {found['version']}, {claims} ({formal} formal: proved by Coq); "
        f"verdicts: {', '.join(f'{verdicts[name]} {name}' for name in COUNTS)}")  # fmt: skip
    status = proved_again(members, found, given.max_time)
    say(f"taken as it stands: the verdicts (metagap judge FILE), {count(len(found['certificates']), 'certificate')} "
        "(metagap check FILE), the proofs by Coq (metagap prove --check)")  # fmt: skip
    return status


if __name__ == "__main__":
    sys.exit(checker.run(main, "check_bundle.py"))
