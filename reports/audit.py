"""The audit: which assumption carries which claim, and would the suite notice a mutant.

An ablation is an exact instance on which the claim without one assumption is certified false. A mutant is a wrong
theorem that blind search must refute; its simplest and its worst witness are kept as instance files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Literal, TypeVar

from msgspec import convert
from msgspec.structs import replace

from ..impl.counterexample import second_opinion
from ..impl.extras import available
from ..impl.falsify import Attack, Refutation, attack, refute
from ..impl.falsify.pursuit import BALLS
from ..impl.families import FAMILIES, family_of
from ..impl.files import BadInputError
from ..impl.files.text import document, read
from ..impl.insight import indifferent
from ..theory.claim import Mutant
from .executing import Lost, Workers, carried_out
from .formats import rows
from .formats.auditing import (
    AuditRecord,
    FamilyRows,
    MatrixRows,
    MutantRow,
    MutantRows,
    MutantsRecord,
    MutantWitness,
    SharpnessRows,
)
from .formats.shared import LostJob, Opinion, interval, latex
from .matrix import matrix
from .records import dumps, environment, finite, hashes, now, write_text
from .sharpness import sharpness, tightest
from .witnesses import FOLDER, KEPT, readable, witness
from .witnesses import read as read_witness


@dataclass(frozen=True)
class Effort:
    """How much to search.

    rounds     batches of each generator against the mutants, per family
    examples   instances to leave one assumption out on, per family (a BALLS-th of them without a float engine)
    hunt       work (of `pursue`) of every driver for each needed cell that they do not refute
    work       of a search for the sharpness of a constant
    """

    rounds: int
    examples: int
    hunt: int
    work: int


CHECKER = Path(__file__).with_name("check_witness.py")
"""Checks witnesses with the standard library alone; lies beside the report, for readers who trust nothing else."""

EFFORTS = {
    "quick": Effort(8, 600, 2_000, 1_000),
    "ci": Effort(16, 4000, 40_000, 10_000),
    "deep": Effort(64, 40_000, 600_000, 100_000),
}


def _mutant(one: Attack, folder: Path) -> MutantRow:
    mutant = one.mutant
    return MutantRow(
        name=mutant.name,
        title=mutant.title,
        claim=mutant.claim,
        why=mutant.why,
        statement=latex(mutant.left, mutant.relation, mutant.bound),
        status=one.status,
        generator=one.first.generator if one.first else None,
        examples=one.examples,
        seconds=round(one.seconds, 4),
        kills={name: int(count) for name, count in sorted(one.hits.items())},
        simplest=_witness(mutant, one.simplest(), "simplest", folder),
        worst=_witness(mutant, one.worst(), "worst", folder),
    )


def _witness(
    mutant: Mutant, found: Refutation | None, kind: str, folder: Path, *, vary: bool = True
) -> MutantWitness | None:
    """The witness as a file and a row; `vary`: which of its numbers do not matter is found out."""
    if found is None:
        return None
    name = f"{FOLDER}/mutant-{mutant.name}-{kind}.json"
    write_text(folder / name, witness("mutant", mutant.name, found.instance, found.gap, found.bound))
    ratio = found.gap.middle / found.bound.middle if found.bound.middle else None
    opinion = second_opinion(mutant.left, mutant.bound, found.instance, mutant.relation)
    free = indifferent(found.instance, lambda i: refute(mutant, i) is not None) if kind == "simplest" and vary else []
    return MutantWitness(
        file=name,
        instance=found.instance.sha256,
        gap=interval(found.gap),
        bound=interval(found.bound),
        ratio=finite(ratio),
        numbers=found.instance.numbers,
        grade="suspect" if opinion is not None and opinion.agrees is False else "genuine",
        second=Opinion.of(opinion),
        indifferent=free,
        data=readable(found.instance),
        command=f"metagap replay {{folder}}/{name}",
    )


PARTS = ".audit"
"""Folder of what an unfinished audit has done, beside its record: finished families, and parts of the others."""

Part = TypeVar("Part", MatrixRows, SharpnessRows, MutantRows, FamilyRows)


def kept_family(name: str, folder: Path, seed: int) -> FamilyRows:
    """A family's audit without search: the theory's counterexamples and those that ship with it, judged again.

    Mutants that nobody wrote by hand have none: they are attacked by generated instances. Witnesses are written into
    the folder.
    """
    family = FAMILIES[name]
    able = not family.needs or available(family.needs)
    generated = [mutant for mutant in family.mutants if mutant.generated and able]
    attacks = attack(family, generated, seed=seed, rounds=EFFORTS["quick"].rounds)
    mutants = {one.mutant.name: _mutant(one, folder) for one in attacks}
    for mutant in family.mutants:
        if not mutant.generated:
            mutants[mutant.name] = _kept_mutant(mutant, folder)
    known = [read_witness(path)[2] for path in sorted(KEPT.glob(f"{name}-*-without-*.json"))]
    cells = matrix(family, folder, seed, 0, known=[("kept", i) for i in known if family_of(i) is family])
    for cell in cells.cells:
        cell.unfound = ""  # nothing was searched
    return FamilyRows(cells, None, MutantRows([mutants[m.name] for m in family.mutants if m.name in mutants]))


def not_refuting(kept: AuditRecord) -> list[str]:
    """What a judged-again counterexample should refute and does not: names of mutants, claims without an assumption."""
    cells = [f"{cell.claim} without {cell.assumption}" for cell in kept.cells if cell.confirmed is False]
    return [row.name for row in kept.mutants if row.status == "survived"] + cells


def _kept_mutant(mutant: Mutant, folder: Path) -> MutantRow:
    """A mutant against its kept counterexample."""
    path = KEPT / f"mutant-{mutant.name}-simplest.json"
    found = Attack(mutant)
    if path.exists():
        instance = read_witness(path)[2]
        sides = refute(mutant, instance)
        if sides is not None:
            found.first = Refutation(instance, *sides, "kept")
    row = _mutant(found, folder)
    if found.first is None:
        return row
    return replace(row, simplest=_witness(mutant, found.first, "simplest", folder, vary=False))


def audit_family(
    name: str,
    folder: Path,
    seed: int,
    effort: Effort,
    only_mutants: bool = False,
    known: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> FamilyRows:
    """The audit of one family. Witnesses are written into the folder, and every part that is finished: the same audit
    in the same folder goes on from there.

    `known` are texts of instances that are tight already, by the claim's name.
    """
    family = FAMILIES[name]

    def part(kind: type[Part], file: str, find: Callable[[], Part]) -> Part:
        kept = _kept(folder / file, folder, kind)
        if kept is None:
            kept = find()
            write_text(folder / file, dumps(kept))
        return kept

    def assumptions() -> MatrixRows:
        # Where nothing but balls evaluates an instance it costs many times as much.
        share = 1 if family.batch_quantities else BALLS
        examples, hunt = max(effort.examples // share, 1), effort.hunt // share
        return matrix(family, folder, seed, examples, hunt, progress, folder / "survey.json")

    def constants() -> SharpnessRows:
        return sharpness(family, folder, seed, effort.work, known or {}, progress)

    def mutants() -> MutantRows:
        attacks = attack(family, seed=seed, rounds=effort.rounds, progress=progress)
        return MutantRows([_mutant(one, folder) for one in attacks])

    return FamilyRows(
        None if only_mutants else part(MatrixRows, "matrix.json", assumptions),
        None if only_mutants or not family.batch_quantities else part(SharpnessRows, "sharpness.json", constants),
        part(MutantRows, "mutants.json", mutants),
    )


def audit(
    folder: Path,
    *,
    seed: int,
    effort: Effort,
    command: str,
    families: Sequence[str] = tuple(FAMILIES),
    workers: int = 1,
    only_mutants: bool = False,
    deadline: float | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> AuditRecord | MutantsRecord:
    """The whole audit as a record, or that of the mutants alone; without the hashes of the files.

    Families that were finished before Ctrl-C or the deadline (of time.monotonic) are in the record (status
    "interrupted", "out of time") and are kept beside it, and so are the parts of the others: the same audit of the same
    sources goes on from there.
    """
    begin, started = time.monotonic(), now()
    write_text(folder / CHECKER.name, CHECKER.read_text(encoding="utf-8"))
    known = {} if only_mutants else tightest(folder)
    rooms = {name: _room(folder, name, seed, effort, only_mutants, known) for name in families}
    whole = {name: room.with_name(f"{room.name}.json") for name, room in rooms.items()}
    rows = {name: found for name, part in whole.items() if (found := _kept(part, folder, FamilyRows)) is not None}
    waiting = [name for name in families if name not in rows]
    if rows:
        progress(f"{len(rows)} of {len(families)} families were finished before")

    def take(name: str, found: FamilyRows) -> None:
        # Witnesses appear with the lists that name them, and no others.
        for file in hashes(found, rooms[name]):
            write_text(folder / file, read(str(rooms[name] / file)).decode())
        rows[name] = found
        write_text(whole[name], dumps(found))
        shutil.rmtree(rooms[name], ignore_errors=True)

    status: Literal["complete", "interrupted", "out of time"] = "complete"
    lost: list[LostJob] = []
    try:
        if workers == 1 and deadline is None:
            for name in waiting:
                take(name, audit_family(name, rooms[name], seed, effort, only_mutants, known, progress))
        else:
            work = partial(_in_room, rooms, seed, effort, only_mutants, known)

            def late() -> bool:
                return deadline is not None and time.monotonic() > deadline

            for name, result in carried_out(work, waiting, Workers(workers), late):
                if isinstance(result, Lost):
                    lost.append(LostJob(name, result.why))
                else:
                    take(name, result)
                progress(f"{len(rows)} of {len(families)} families, last {name}")
            if len(rows) + len(lost) < len(families):
                status = "out of time"
    except KeyboardInterrupt:
        status = "interrupted"
    if status == "complete" and not lost:
        shutil.rmtree(folder / PARTS, ignore_errors=True)
    finished = [rows[name] for name in families if name in rows]
    record = record_of(finished, seed, round(time.monotonic() - begin, 2), status, started, command)
    record.lost = sorted(lost, key=attrgetter("job"))
    return convert(record, MutantsRecord, from_attributes=True) if only_mutants else record


def _in_room(
    rooms: Mapping[str, Path], seed: int, effort: Effort, only_mutants: bool, known: Mapping[str, str], name: str
) -> FamilyRows:
    return audit_family(name, rooms[name], seed, effort, only_mutants, known)


def record_of(
    finished: Sequence[FamilyRows],
    seed: int,
    seconds: float,
    status: Literal["complete", "interrupted", "out of time"],
    started: str,
    command: str,
    *,
    kept: bool = False,
) -> AuditRecord:
    """The families' rows as a record; without the hashes of the files."""
    matrices = [row.matrix for row in finished if row.matrix]
    constants = [row.sharpness for row in finished if row.sharpness]
    return AuditRecord(
        version=environment()["metagap"],
        seed=seed,
        seconds=seconds,
        status=status,
        started=started,
        environment=environment(),
        command=command,
        cells=[cell for part in matrices for cell in part.cells],
        joint=[row for part in matrices for row in part.joint],
        sharpness=[row for part in constants for row in part.sharpness],
        thresholds=[row for part in constants for row in part.thresholds],
        slack=[row for part in constants for row in part.slack],
        mutants=[mutant for row in finished for mutant in row.mutants.mutants],
        files={},
        kept=kept,
    )


def _room(folder: Path, name: str, seed: int, effort: Effort, only_mutants: bool, known: Mapping[str, str]) -> Path:
    """The folder of a family's parts until the audit is complete: named by all that they depend on."""
    what = json.dumps([seed, asdict(effort), only_mutants, environment()["sources"], dict(known)])
    return folder / PARTS / f"{name}-{hashlib.sha256(what.encode()).hexdigest()[:16]}"


def _kept(path: Path, folder: Path, kind: type[Part]) -> Part | None:
    """What is in the file, if it is whole and its witnesses are still there."""
    try:
        found = rows(document(path), kind, str(path))
        hashes(found, folder)
    except BadInputError:
        return None
    return found
