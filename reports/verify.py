"""The main job: judge every claim on generated and real instances, and keep what is worth keeping.

Jobs run on several processes and are merged as they come: a run that is stopped leaves a valid partial record, and so
does one that is killed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Literal

from ..impl.families import FAMILIES, family_of, judge, loads
from ..impl.instances import Instance
from ..impl.own_claims import standing, stating
from ..impl.shrink import shrink
from ..impl.stated import judging
from ..theory.claim import Claim, Relation, Source, Verdict
from ..theory.notation import SYMBOLS
from .audit import record_of
from .executing import Lost, Workers, carried_out
from .finds import SearchJob
from .formats.auditing import AuditRecord, AuditRows
from .formats.shared import LostJob, RunStatus, interval, intervals, latex
from .formats.verifying import (
    AssumptionCount,
    ClaimRow,
    Counts,
    GeneratorRow,
    Landscape,
    RealFamily,
    Series,
    Shown,
    SourceName,
    Term,
    VerifyRecord,
    Violation,
)
from .jobs import PER_CLAIM, AnyJob, KeptJob, LandscapeJob, Profile, RatesJob, RealJob, jobs, round_of, run_job
from .landscapes import summary
from .own import option, recorded
from .processes import deferred
from .records import environment, finite, now
from .store import Store
from .tally import Kept, Outcome, Tallies, Tally, quantiles
from .wide import BatchJob, WideJob, widely
from .witnesses import witness

BINS = 20

SOURCES: dict[Source, SourceName] = {Source.PAPER: "paper", Source.OURS: "ours", Source.OWN: "own"}


class Run:
    """A verification run in progress: tallies so far, and how it ended."""

    def __init__(self, profile: Profile, seed: int, claims: tuple[Claim, ...], command: str) -> None:
        self.profile, self.seed, self.claims, self.command = profile, seed, claims, command
        self.tallies: Tallies = {claim.name: Tally() for claim in claims}
        self.families: list[RealFamily] = []
        self._files: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        """The files of the last record."""
        self.landscapes: list[Landscape] = []
        self.rates: dict[str, list[Series]] = {}
        self.audits: dict[str, AuditRows] = {}
        self.status: RunStatus = "complete"
        self.notes: set[str] = set()
        """What was left out, and why."""
        self.lost: list[LostJob] = []
        self.done = 0
        """Jobs that have a result."""
        self.generated: Counter[str] = Counter()
        self.wide: Counter[str] = Counter()
        """Of these, instances of wide batches."""
        self.real = 0
        self.started, self._clock = now(), time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._clock

    def plan(self, real: bool) -> list[AnyJob]:
        """The jobs of the run: those that say something about its claims."""
        wanted = set(self.claims)
        chosen = [family for family in FAMILIES.values() if set(family.all_claims) & wanted]
        return [job for job in jobs(self.profile, self.seed, chosen, real) if _serves(job, wanted)]

    @property
    def later(self) -> int:
        """How many jobs there are at most in the rounds after the plan."""
        return self.profile.rounds * PER_CLAIM * len(self.claims)

    @property
    def size(self) -> int:
        """How many instances the run generates at most."""
        plan = [job for job in self.plan(real=False) if not isinstance(job, RealJob)]
        # Rounds have no wide batches.
        most = max((job.count for job in plan if not isinstance(job, WideJob)), default=0)
        return sum(job.count for job in plan) + self.later * most

    def execute(
        self,
        workers: Workers,
        deadline: float | None,
        advance: Callable[[str, int], None],
        real: bool = True,
        store: Store[Outcome] | None = None,
        live: Callable[[int, int], None] = lambda done, jobs: None,
    ) -> None:
        """Judge real and generated instances until done, the deadline, or Ctrl-C. What the store has is not done again.

        However slow the machine, a deadline leaves at least one job that was judged. `live` is told after each result
        how many jobs are done, of how many. Results are added up and not kept. Errors: DefectError; OSError where no
        worker can be started.
        """
        self.status = "running"

        def late() -> bool:
            return deadline is not None and time.monotonic() > deadline and self.done + len(self.lost) > 0

        work = stating(partial(run_job, names=tuple(claim.name for claim in self.claims)))
        try:
            planned = 0
            for number in range(self.profile.rounds + 1):
                plan = round_of(number, self.tallies, self.profile, self.seed) if number else self.plan(real)
                planned, waiting = planned + len(plan), list[AnyJob]()
                for job in plan:
                    kept = None if store is None else store.get(job)
                    if kept is None:
                        waiting.append(job)
                    else:
                        self._take(job, kept, advance)
                for job, result in carried_out(work, waiting, workers, late):
                    if isinstance(result, Lost):
                        self.lost.append(LostJob(str(job), result.why))
                        continue
                    if store is not None:
                        store.put(job, result)
                    self._take(job, result, advance)
                    live(self.done, planned)
                if self.done + len(self.lost) < planned:
                    self.status = "out of time"
                    return
            self.status = "complete"
        except KeyboardInterrupt:
            self.status = "interrupted"
        except OSError:
            if not self.done:
                raise
            self.status = "without workers"

    def _take(self, job: AnyJob, outcome: Outcome, advance: Callable[[str, int], None]) -> None:
        """Add a result to what is known, all of it: Ctrl-C waits."""
        with deferred():
            self._add(job, outcome, advance)

    def _add(self, job: AnyJob, outcome: Outcome, advance: Callable[[str, int], None]) -> None:
        self.done += 1
        for name, tally in outcome.tallies.items():
            self.tallies[name].merge(tally)
        self._files.update(outcome.kept)
        self.landscapes += outcome.landscapes
        if outcome.rates:
            self.rates[job.family] = outcome.rates
        if outcome.note:
            self.notes.add(outcome.note)
        if outcome.audit is not None:
            self.audits[job.family] = outcome.audit
        if isinstance(job, RatesJob | KeptJob):
            return
        if not isinstance(job, RealJob):
            name = "search" if isinstance(job, SearchJob) else "landscapes"
            if isinstance(job, BatchJob):
                name = job.generator
            self.generated[f"{job.family} {name}"] += outcome.generated
            self.wide[f"{job.family} {name}"] += outcome.wide
            advance(name, job.count)
            return
        if outcome.family is not None:
            self.real += len(outcome.family.rows)
            self.families.append(outcome.family)

    def audit_record(self) -> AuditRecord | None:
        """What was judged again of the kept counterexamples; None if no family is finished."""
        found = [self.audits[name] for name in FAMILIES if name in self.audits]
        if not found:
            return None
        whole = len(found) == len({job.family for job in self.plan(real=False)})
        status = "complete" if whole else self.status
        seconds = round(self.seconds, 2)
        return record_of(found, self.seed, seconds, status, self.started, self.command, kept=True)

    def record(self) -> VerifyRecord:
        """The record of what is known now; without the hashes of the files, which are not written yet."""
        self.kept = dict(self._files)
        claims = [self._claim(claim, self.tallies[claim.name]) for claim in self.claims]
        # Real tasks are shown in the table's order, whatever the order in which they were judged.
        real = [name for family in FAMILIES.values() for name in family.real_tasks]
        return VerifyRecord(
            version=environment()["metagap"],
            profile=self.profile.name,
            seed=self.seed,
            seconds=round(self.seconds, 2),
            status=self.status,
            started=self.started,
            environment=environment(),
            command=self.command,
            generated=sum(self.generated.values()),
            real=self.real,
            judgements=sum(sum((t.counts + t.real_counts).values()) for t in self.tallies.values()),
            claims=claims,
            generators=[
                GeneratorRow(family.name, g.name, g.title, list(g.variants), self.generated[at], wide=self.wide[at])
                for family in FAMILIES.values()
                for g in family.all_generators
                for at in [f"{family.name} {g.name}"]
            ]
            + [
                GeneratorRow(family.name, "search", "Searches from the tightest instances", [], count)
                for family in FAMILIES.values()
                if (count := self.generated[f"{family.name} search"])
            ],
            real_families=sorted(self.families, key=lambda row: real.index(row.name)),
            real_note="; ".join(sorted(self.notes)),
            landscapes=summary(sorted(self.landscapes, key=attrgetter("family", "variant", "origin"))),
            rates=[series for name in FAMILIES for series in self.rates.get(name, ())],
            files={},
            lost=sorted(self.lost, key=attrgetter("job")),
            own=recorded(),
        )

    def _claim(self, claim: Claim, tally: Tally) -> ClaimRow:
        # An inequality that is attained has nothing to separate: it counts neither for nor against the share.
        attained = tally.counts["EQUAL"] if claim.relation is Relation.AT_MOST else 0
        scope = tally.counts.total() - tally.counts["OUTSIDE"] - attained
        histogram = [0] * BINS
        for ratio, count in tally.ratios.items():
            if ratio >= 0:
                histogram[min(int(ratio * BINS), BINS - 1)] += count
        return ClaimRow(
            claim=claim.name,
            family=family_of(claim).name,
            title=claim.title,
            source=SOURCES[claim.source],
            citation=claim.citation,
            reading=claim.reading,
            difference=claim.difference,
            proof=claim.proof,
            statement=latex(claim.left, claim.relation, claim.bound),
            relation="<=" if claim.relation is Relation.AT_MOST else "=",
            assumptions=[
                AssumptionCount(a.name, a.identifier, a.statement, tally.outside[a.name], tally.real_outside[a.name])
                for a in claim.assumptions
            ],
            terms=[Term(name, SYMBOLS[name].latex, SYMBOLS[name].meaning) for name in claim.terms],
            counts=Counts(*(tally.counts[v.name] for v in Verdict)),
            real_counts=Counts(*(tally.real_counts[v.name] for v in Verdict)),
            scope=scope,
            proved_share=tally.counts["PROVED"] / scope if scope else None,
            histogram=histogram,
            below=tally.ratios[-1.0],
            real_below=tally.real_ratios[-1.0],
            quantiles=quantiles(tally.ratios),
            real_quantiles=quantiles(tally.real_ratios),
            tightest=None if tally.tightest is None else self._shown(tally.tightest),
            undecided=[self._shown(kept) for kept in tally.undecided],
            violations=self._violations(claim, tally),
            void=_void(claim, tally),
            arrays=tally.arrays,
        )

    def _violations(self, claim: Claim, tally: Tally) -> list[Violation]:
        """Both witnesses of a violated claim, the simplest one shrunk, as files that `metagap replay` reads.

        Graded genuine: balls certified gap > bound with every assumption, and certify it again here.
        """
        rows = []
        kinds: tuple[tuple[Literal["simplest", "worst"], Kept | None], ...]
        kinds = ("simplest", tally.simplest), ("worst", tally.worst)
        for kind, kept in kinds:
            if kept is None:
                continue
            instance = loads(kept.text, kept.origin)
            if kind == "simplest":
                with judging(f"one that is simpler than {kept.origin}"):
                    instance = shrink(instance, lambda candidate: _violates(claim, candidate), family_of(claim).smaller)
            judged = judge(instance, (claim,)).claims[0]
            file = f"counterexamples/{claim.name}-{kind}.json"
            self.kept[file] = witness("claim", claim.name, instance, judged.side, judged.bound)
            rows.append(
                Violation(
                    kind=kind,
                    grade="genuine" if judged.verdict is Verdict.VIOLATED else "suspect",
                    instance=instance.sha256,
                    file=file,
                    gap=interval(judged.side),
                    bound=interval(judged.bound),
                    terms=intervals(judged.terms),
                    origin=kept.origin,
                    command=f"metagap replay {{folder}}/{file}{option()}",
                )
            )
        return rows

    def _shown(self, kept: Kept) -> Shown:
        file = f"instances/{kept.sha256[:12]}.json"
        self.kept[file] = kept.text
        judged = kept.judged
        if judged.brief:
            claim = next(claim for claim in self.claims if claim.name == judged.claim)
            judged = judge(loads(kept.text, kept.origin), (claim,)).claims[0]
        return Shown(
            instance=kept.sha256,
            file=file,
            ratio=finite(judged.ratio),
            gap=interval(judged.side),
            bound=interval(judged.bound),
            terms=intervals(judged.terms),
            reason=judged.reason,
            origin=kept.origin,
            command=f"metagap judge {{folder}}/{file} --claim {judged.claim}{option()}",
        )


def _void(claim: Claim, tally: Tally) -> dict[str, int]:
    """How often the claim had no value though no assumption of it fails, by why."""
    known = {a.name for a in claim.assumptions}
    found = tally.outside + tally.real_outside
    return {why: number for why, number in sorted(found.items()) if why not in known}


def _violates(claim: Claim, instance: Instance) -> bool:
    return judge(instance, (claim,)).claims[0].verdict is Verdict.VIOLATED


def exit_status(record: VerifyRecord) -> int:
    """1 if a claim is violated, 130 if the run was interrupted, 3 if it ended early, a job was lost, a claim has more
    than 3 in 100 undecided, or nothing was judged, else 0."""
    if any(c.violated for c in record.claims):
        return 1
    if record.status == "interrupted":
        return 130
    partial = record.status != "complete" or bool(record.lost) or not record.judgements
    return 3 if partial or any(c.loose for c in record.claims) else 0


def _serves(job: AnyJob, wanted: set[Claim]) -> bool:
    if isinstance(job, RealJob):
        return True
    family = FAMILIES[job.family]
    if isinstance(job, KeptJob):
        return standing() is None and set(family.all_claims) <= wanted
    claims = set(family.all_claims) - set(family.claims) if isinstance(job, LandscapeJob) else set(family.claims)
    if isinstance(job, WideJob):
        claims = set(widely(tuple(claims)))
    return bool(claims & wanted)


def store_of(place: Path, claims: tuple[Claim, ...]) -> Store[Outcome]:
    """What runs have finished of these claims."""
    own = standing()
    return Store(place, Outcome, "verify", [claim.name for claim in claims], *([] if own is None else [own.sha256]))
