"""Every reader meets hostile input: valid files of every kind, changed at random places in every way we could think of.

What comes out is the thing read, or one line that names the place; never a traceback, a hang, or a file."""

from __future__ import annotations

import base64
import io
import json
import random
import subprocess
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from metagap.impl import files
from metagap.impl.families import FAMILIES, META_SL, family_of, instance_in, load, loads
from metagap.impl.files import BadInputError, text
from metagap.impl.leave_one_out import Found, Survey, cells_of
from metagap.impl.optimum import certificate, minimise
from metagap.impl.own_tasks import TaskSource
from metagap.impl.standings import conclusion
from metagap.impl.unfinished import document, restored
from metagap.reports import audit as audits
from metagap.reports import check_witness, witnesses
from metagap.reports.formats import read as read_record
from metagap.reports.formats.auditing import AuditRecord, AuditRows
from metagap.reports.formats.searching import MutationRecord
from metagap.reports.formats.verifying import VerifyRecord
from metagap.reports.jobs import Job, generate
from metagap.reports.render import Report
from metagap.reports.witnesses import KEPT
from msgspec import to_builtins

from .hostile_files import archive, bytes_of, changed, table, tree
from .test_formats import MUTATION, NETWORK, PLAIN, PROCESS, SMOOTH

SECONDS = 10.0
MEMORY = 2**30

# --- changes ------------------------------------------------------------------------------------------------


class Bench:
    """Valid content of every kind, and what reads it; `counts` are outcomes by reader."""

    def __init__(self, run: tuple[Path, VerifyRecord, AuditRecord], folder: Path) -> None:
        self.folder, self.counts = folder, Counter[str]()
        _, self.verify, self.audit = run
        self.records = to_builtins(self.verify), to_builtins(self.audit), MUTATION
        instance = loads(json.dumps(PLAIN))
        found = minimise(loads(json.dumps(PLAIN | {"loss": {"name": "log-cosh"}})))
        assert found.certificate is not None
        self.certificate = json.loads(found.certificate.dumps())
        self.instances: list[dict[str, Any]] = [PLAIN, NETWORK, SMOOTH, PROCESS]
        for family in FAMILIES.values():
            if family.needs:  # a kept instance waits for no trace
                kept = next(KEPT.glob(f"mutant-{family.name}-*.json"))
                self.instances.append(json.loads(kept.read_text())["instance"])
                continue
            generator = family.generators[0]
            one = next(generate(Job(family.name, generator.name, generator.variants[0], 0, 0, 1)))[1]
            self.instances.append(json.loads(files.dumps(one)))
        small = [path for path in sorted(KEPT.glob("*.json")) if path.stat().st_size < 2000]
        self.witnesses = [json.loads(path.read_text()) for path in small[::7]]
        claims = META_SL.claims
        survey = Survey(cells_of(META_SL, claims), examples=3, looked=3)
        cell = next(iter(survey.cells.values()))
        cell.first = Found(
            instance, conclusion(cell.claim, family_of(instance).evaluator(instance)), "generators", 1, 0.1
        )
        survey.violations.append(
            Found(instance, conclusion(claims[0], family_of(instance).evaluator(instance)), "known", 1, 0.1)
        )
        survey.met[claims[0].name] = 2
        self.fine = self.write("fine.json", (KEPT / "mutant-half-constant-simplest.json").read_bytes())
        self.survey = to_builtins(document(survey))

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def read(self, reader: str, work: Callable[[], Any]) -> Any:
        """What the work returns, or None where it refuses in one line. Errors: whatever else it raises."""
        begin = time.process_time()
        try:
            found = work()
        except BadInputError as error:
            said = str(error)
            assert said.isprintable() or "\n" not in said, said
            assert len(said) < 2000, said
            self.counts[f"{reader}: refused"] += 1
            found = None
        else:
            self.counts[f"{reader}: read"] += 1
        assert time.process_time() - begin < SECONDS
        return found


@pytest.fixture(scope="module")
def bench(small_run: tuple[Path, VerifyRecord, AuditRecord], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(small_run, tmp_path_factory.mktemp("hostile"))


@contextmanager
def nothing_written(folder: Path) -> Iterator[None]:
    before = {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}
    yield
    assert {path: path.lstat().st_mtime_ns for path in folder.rglob("*")} == before


def instances(bench: Bench, rng: random.Random) -> None:
    path = bench.write("instance.json", bytes_of(changed(rng.choice(bench.instances), rng), rng))
    problem = rng.random() < 0.5
    with nothing_written(bench.folder):
        found = bench.read("instance", lambda: load(path, problem=problem))
    if found is not None:
        assert loads(files.dumps(found)) == found


def vectors(bench: Bench, rng: random.Random) -> None:
    path = bench.write("omega.json", bytes_of(changed([0.5, "1/3"], rng), rng))
    bench.read("omega", lambda: files.load_vector(path, 2))


def certificates(bench: Bench, rng: random.Random) -> None:
    content = tree(bench.certificate, rng) if rng.random() < 0.3 else bench.certificate
    written = json.dumps(content) if rng.random() < 0.2 else changed(content, rng)
    path = bench.write("certificate.json", bytes_of(written, rng))
    bench.read("certificate", lambda: certificate.load(path))


def kept_witnesses(bench: Bench, rng: random.Random) -> None:
    """What replay refuses, the checker of the standard library alone refuses too, and goes on."""
    path = bench.write("witness.json", bytes_of(changed(rng.choice(bench.witnesses), rng), rng))
    found = bench.read("replay", lambda: witnesses.read(path))
    begin = time.process_time()
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = check_witness.main([str(path), str(bench.fine), "--max-time", "8"])
    assert time.process_time() - begin < SECONDS
    lines = [line for line in (out.getvalue() + err.getvalue()).splitlines() if line.startswith(str(path))]
    assert len(lines) <= 1 and f"{bench.fine}: refuted" in out.getvalue()
    outcome = lines[0].removeprefix(f"{path}: ").split(":")[0] if lines else "instance"
    bench.counts[f"check_witness: {outcome}"] += 1
    assert (outcome == "not read") == (status == 2)
    if found is None and outcome not in ("not read", "instance"):
        assert stated_otherwise(path), lines
    if found is not None:
        assert outcome != "not read", lines


def stated_otherwise(path: Path) -> bool:
    """Whether a witness is refused for another name, statement, population or family alone than this version's."""
    content = json.loads(path.read_text())
    found = witnesses.statement(content["kind"], content["name"])
    if found is None:
        return True
    family = instance_in(content["instance"], "witness").family
    return (
        content["statement"] != to_builtins(found.record) or content["population"] is not None or family != found.family
    )


def records(bench: Bench, rng: random.Random) -> None:
    """What is read can be rendered."""
    kinds: tuple[type[Any], ...] = (VerifyRecord, AuditRecord, MutationRecord)
    kind, content = rng.choice(tuple(zip(kinds, bench.records, strict=True)))
    path = bench.write("record.json", bytes_of(changed(content, rng), rng))
    found = bench.read(f"record {kind.__name__}", lambda: read_record(path, kind))
    if found is not None:
        both = {VerifyRecord: bench.verify, AuditRecord: bench.audit, kind: found}
        begin = time.process_time()
        page = Report(both[VerifyRecord], both[AuditRecord], "out", both.get(MutationRecord)).single()
        assert time.process_time() - begin < SECONDS
        assert "\x00" not in page and "\x1b" not in page


def parts(bench: Bench, rng: random.Random) -> None:
    """Results in a store: a file that is no result is none; nobody else's names lead out of the folder."""
    whole = {name: bench.records[1][name][:3] for name in AuditRows.__struct_fields__}
    content = {"rows": whole, "files": {rng.choice(("a.json", "../a.json", "/a")): "x"}}
    store, job = audits.audit_store(bench.folder), audits.AuditJob("meta-sl", "matrix", 0, audits.EFFORTS["quick"])
    path = store.path(job)
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.msgpack.encode(changed(rng.choice(({}, [], None, 7, "x", content)), rng))
    path.write_bytes(encoded[: rng.choice((len(encoded), rng.randrange(len(encoded))))])
    found = bench.read("part", lambda: store.get(job))
    assert found is None or (isinstance(found, audits.Audited) and set(found.files) <= {"a.json"})


def surveys(bench: Bench, rng: random.Random) -> None:
    path = bench.write("survey.json", bytes_of(changed(bench.survey, rng), rng))
    bench.read("survey", lambda: restored(text.document(path), META_SL, META_SL.claims))


def tables(bench: Bench, rng: random.Random) -> None:
    ending, make = rng.choice((("csv", table), ("npz", archive)))
    path = bench.write(f"tasks.{ending}", make(rng))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bench.read(ending, lambda: TaskSource(str(path)).load())
    if found is not None:
        assert loads(files.dumps(found)) == found


KINDS: dict[Callable[[Bench, random.Random], None], int] = {
    instances: 120, vectors: 60, certificates: 80, kept_witnesses: 24, records: 12, parts: 60, surveys: 40, tables: 200
}  # fmt: skip
"""How many inputs of each kind are tried in the quick profile."""


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_hostile_files_are_read_or_refused(
    kind: Callable[[Bench, random.Random], None], bench: Bench, effort: int
) -> None:
    for seed in range(KINDS[kind] * effort):
        try:
            kind(bench, random.Random(f"{kind.__name__}/{seed}"))
        except Exception as error:
            error.add_note(f"hostile input {kind.__name__}/{seed}")
            raise


# --- memory -------------------------------------------------------------------------------------------------


READING = """
import resource, sys
from metagap.impl.families import load
from metagap.impl.files import BadInputError
from metagap.impl.own_tasks import TaskSource
from metagap.impl.optimum import certificate
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    reader = certificate.load if path.endswith("cert") else load if path.endswith("json") else None
    try:
        TaskSource(path).load() if reader is None else reader(path)
        print(path, "read")
    except BadInputError as error:
        print(path, "refused", error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.ci
def test_small_files_that_ask_for_much_take_little(bench: Bench, tmp_path: Path) -> None:
    """Each below 1 MB (the archives 4 MB); all of them in a process whose memory is measured."""

    def put(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        assert len(data) < 2**22
        return str(tmp_path / name)

    def zipped(**arrays: np.ndarray[Any, Any]) -> bytes:
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)
        return stream.getvalue()

    labels, names = np.zeros(2**15), np.zeros(2**15, "U1")
    deep = json.dumps(tree_of(bench.certificate, b"\0" * 60_000 + b"n" * 60_001))
    wide = json.dumps(tree_of(bench.certificate, b"n" * 2**27))
    lists = json.dumps(PLAIN)[:-1] + ', "x": [' + ",".join(["[]"] * 300_000) + "]}"
    paths = [
        put("zeros.npz", zipped(X=np.zeros((2**15, 2**13)), y=labels, task=names)),
        put("names.npz", zipped(X=np.zeros((4, 1)), y=np.zeros(4), task=np.zeros(4, "U8000000"))),
        put(
            "columns.csv",
            ("task,y," + ",".join(f"c{j}" for j in range(60_000)) + "\na,1" + ",1" * 60_000 + "\n").encode(),
        ),
        put("rows.csv", ("task,y,a\n" + "a,1,1\n" * 50_000).encode()),
        put("deep.cert", deep.encode()),
        put("wide.cert", wide.encode()),
        put("lists.json", lists.encode()),
        put("digits.json", json.dumps(PLAIN).replace('"radius": 1', '"radius": ' + "9" * 900_000).encode()),
        put("fraction.json", json.dumps(PLAIN | {"radius": "1/" + "7" * 19_000}).encode()),
    ]
    begin = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", READING, *paths], capture_output=True, text=True, timeout=170, check=True
    )
    assert run.stderr == ""
    *outcomes, memory = run.stdout.splitlines()
    assert [line.split()[1] for line in outcomes] == [
        *("refused", "refused", "read", "read", "refused", "refused", "refused", "refused", "read")
    ], outcomes
    assert int(memory) * 1024 < MEMORY, memory
    assert time.monotonic() - begin < SECONDS * len(paths)


def tree_of(content: dict[str, Any], body: bytes) -> dict[str, Any]:
    return content | {"tree": base64.b64encode(zlib.compress(body, 9)).decode()}
