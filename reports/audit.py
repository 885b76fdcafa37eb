"""The audit: which assumption carries which claim, and would the suite notice a mutant.

An ablation is an exact instance on which the claim without one assumption is certified false. A mutant is a wrong
theorem that blind search must refute; its simplest and its worst witness are kept as instance files.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from msgspec.structs import replace

from ..impl.counterexample import second_opinion
from ..impl.extras import available
from ..impl.falsify import Attack, Refutation, attack, refute
from ..impl.falsify.pursuit import BALLS
from ..impl.families import FAMILIES, family_of
from ..impl.insight import indifferent
from ..impl.own_claims import asked, standing, stating
from ..impl.stated import judging
from ..theory.claim import Mutant
from .executing import Lost, Workers, carried_out
from .formats.auditing import AuditRecord, AuditRows, MutantRow, MutantWitness
from .formats.shared import File, LostJob, Opinion, RunStatus, interval, latex
from .matrix import matrix
from .own import option, recorded
from .records import environment, finite, hashes, now, write_text
from .sharpness import sharpness
from .store import Store
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


EFFORTS = {
    "quick": Effort(8, 1_200, 2_000, 1_000),
    "ci": Effort(16, 8_000, 40_000, 10_000),
    "deep": Effort(64, 80_000, 600_000, 100_000),
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
        command=f"metagap replay {{folder}}/{name}{option()}",
    )


def kept_family(name: str, folder: Path, seed: int) -> AuditRows:
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
    rows = matrix(family, folder, seed, 0, known=[("kept", i) for i in known if family_of(i) is family])
    for cell in rows.cells:
        cell.unfound = ""  # nothing was searched
    rows.mutants = [mutants[m.name] for m in family.mutants if m.name in mutants]
    return rows


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


PART = Literal["matrix", "sharpness", "mutants"]


@dataclass(frozen=True)
class AuditJob:
    """A part of the audit of one family; `known` are names of claims and texts of instances that are tight already;
    `claims`, the names of those that are audited, if not all are."""

    family: str
    part: PART
    seed: int
    effort: Effort
    known: tuple[tuple[str, str], ...] = ()
    claims: tuple[str, ...] = ()


@dataclass
class Audited:
    """What a part of the audit found: its rows, and the texts of the files that they name, by their paths."""

    rows: AuditRows = field(default_factory=AuditRows)
    files: dict[File, str] = field(default_factory=dict)
    cut: bool = False
    """Whether its time was out: then the same job, done again, may find more."""


@dataclass(frozen=True)
class Share:
    """What of the time until a deadline (of time.monotonic) a job may take: it, and those after it, as much each."""

    deadline: float
    jobs: tuple[AuditJob, ...]
    workers: int

    def __call__(self, job: AuditJob) -> float:
        """When a job that begins now should end."""
        now, after = time.monotonic(), len(self.jobs) - self.jobs.index(job)
        return now + (self.deadline - now) * min(1.0, max(self.workers, 1) / after)


SPARED = 1 / 10
"""What of the time is kept for the record and the page."""


def audit_jobs(
    families: Sequence[str],
    seed: int,
    effort: Effort,
    only_mutants: bool,
    known: Mapping[str, str],
    claims: Sequence[str] = (),
) -> list[AuditJob]:
    """An audit as jobs, the parts that take longest first; of the claims of these names alone, if there are some."""
    own = {name: tuple(claim.name for claim in FAMILIES[name].all_claims if claim.name in claims) for name in families}
    jobs, families = [], [name for name in families if own[name] or not claims]
    if not only_mutants:
        jobs += [AuditJob(name, "matrix", seed, effort, claims=own[name]) for name in families]
        for family in (FAMILIES[name] for name in families if FAMILIES[name].batch_quantities):
            tight = tuple((c.name, known[c.name]) for c in family.all_claims if c.name in known)
            jobs.append(AuditJob(family.name, "sharpness", seed, effort, tight, own[family.name]))
    return [*jobs, *(AuditJob(name, "mutants", seed, effort, claims=own[name]) for name in families)]


def audit_part(
    job: AuditJob,
    begun: Store[Audited] | None = None,
    progress: Callable[[str], None] = lambda message: None,
    ends: Callable[[AuditJob], float] = lambda job: math.inf,
) -> Audited:
    """One part of the audit. `begun`: where an interrupted search of the same job goes on, beside its result; `ends`:
    the time (of time.monotonic) when it ends with what it has."""
    family, effort, found, until = asked(FAMILIES[job.family]), job.effort, Audited(), ends(job)
    claims = [claim for claim in family.all_claims if not job.claims or claim.name in job.claims]
    with TemporaryDirectory() as place, judging(f"an instance of the {job.part} of {job.family}, seed {job.seed}"):
        folder = Path(place)
        if job.part == "matrix":
            # Where nothing but balls evaluates an instance it costs many times as much.
            share = 1 if family.batch_quantities else BALLS
            examples, hunt = max(effort.examples // share, 1), effort.hunt // share
            unfinished = None if begun is None else _unfinished(begun, job)
            found.rows = matrix(family, folder, job.seed, examples, hunt, progress, unfinished, (), until, claims)
        elif job.part == "sharpness":
            found.rows = sharpness(family, folder, job.seed, effort.work, dict(job.known), progress, until, claims)
        else:
            mutants = [one for one in family.mutants if not job.claims or one.claim in job.claims]
            attacks = attack(family, mutants, seed=job.seed, rounds=effort.rounds, progress=progress, until=until)
            rows = [_mutant(one, folder) for one in attacks]
            # A mutant survives what was done to its end.
            found.rows.mutants = [row for row in rows if row.status != "survived" or time.monotonic() <= until]
        found.cut = time.monotonic() > until
        found.files = {name: (folder / name).read_text(encoding="utf-8") for name in hashes(found, folder)}
    return found


def _unfinished(store: Store[Audited], job: AuditJob) -> Path:
    """Where an unfinished search of the job is."""
    return store.path(job).with_suffix(".json")


class Audit:
    """An audit in progress: the parts that are finished, and how it ended."""

    def __init__(self, jobs: Sequence[AuditJob], seed: int, command: str) -> None:
        self.jobs, self.seed, self.command = jobs, seed, command
        self.parts: dict[AuditJob, Audited] = {}
        self.lost: list[LostJob] = []
        self.status: RunStatus = "complete"
        self.started, self._clock = now(), time.monotonic()

    def execute(
        self,
        workers: Workers,
        deadline: float | None,
        store: Store[Audited],
        progress: Callable[[str], None] = lambda message: None,
        live: Callable[[int, int], None] = lambda done, jobs: None,
    ) -> None:
        """Audit until done, the deadline (of time.monotonic) or Ctrl-C. What the store has is not done again; a search
        of this machine that was interrupted goes on. `live` is told after each part how many there are, of how many.
        """
        self.status = "running"
        self.parts = {job: kept for job in self.jobs if (kept := store.get(job)) is not None}
        if self.parts:
            progress(f"{len(self.parts)} of {len(self.jobs)} parts were finished before")
        work = stating(partial(audit_part, begun=None if workers.cluster else store))
        if workers.here:
            work = partial(work, progress=progress)
        waiting = [job for job in self.jobs if job not in self.parts]
        if deadline is not None and not workers.cluster:
            waiting.reverse()  # what takes longest has what the others leave
            spared = deadline - SPARED * (deadline - time.monotonic())
            work = partial(work, ends=Share(spared, tuple(waiting), workers.count))

        def late() -> bool:
            return deadline is not None and time.monotonic() > deadline

        try:
            for job, result in carried_out(work, waiting, workers, late):
                if isinstance(result, Lost):
                    self.lost.append(LostJob(f"{job.family}, {job.part}", result.why))
                else:
                    self.parts[job] = result
                    if not result.cut:
                        store.put(job, result)
                        _unfinished(store, job).unlink(missing_ok=True)
                progress(f"{len(self.parts)} of {len(self.jobs)} parts, last {job.part} of {job.family}")
                live(len(self.parts), len(self.jobs))
            whole = len(self.parts) + len(self.lost) == len(self.jobs)
            whole = whole and not any(part.cut for part in self.parts.values())
            self.status = "complete" if whole else "out of time"
        except KeyboardInterrupt:
            self.status = "interrupted"
        except OSError:
            if not self.parts:
                raise
            self.status = "without workers"

    @property
    def files(self) -> dict[str, str]:
        """The texts of the files that the record names."""
        return {name: text for job in self.jobs if job in self.parts for name, text in self.parts[job].files.items()}

    def record(self) -> AuditRecord:
        """The record of what is known now, families in turn; without the hashes of the files."""
        found = [self.parts[job].rows for job in self.jobs if job in self.parts]
        seconds = round(time.monotonic() - self._clock, 2)
        record = record_of(found, self.seed, seconds, self.status, self.started, self.command)
        record.claims = sorted({name for job in self.jobs for name in job.claims})
        record.lost = sorted(self.lost, key=attrgetter("job"))
        return record


def audit_store(place: Path) -> Store[Audited]:
    """What audits have finished."""
    own = standing()
    return Store(place, Audited, "audit", *([] if own is None else [own.sha256]))


def record_of(
    finished: Sequence[AuditRows],
    seed: int,
    seconds: float,
    status: RunStatus,
    started: str,
    command: str,
    *,
    kept: bool = False,
) -> AuditRecord:
    """The rows of all parts as a record; without the hashes of the files."""
    return AuditRecord(
        version=environment()["metagap"],
        seed=seed,
        seconds=seconds,
        status=status,
        started=started,
        environment=environment(),
        command=command,
        **{name: [row for part in finished for row in getattr(part, name)] for name in AuditRows.__struct_fields__},
        files={},
        kept=kept,
        own=recorded(),
    )
