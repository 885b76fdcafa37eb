"""The main job: judge every claim on generated and real instances, and keep what is worth keeping.

Jobs run on several processes and are merged as they come: a run that is stopped leaves a valid partial record.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Literal

import numpy as np

from ..impl.families import FAMILIES, family_of, judge, loads
from ..impl.instances import Instance
from ..impl.shrink import shrink
from ..theory.claim import Claim, Relation, Source, Verdict
from ..theory.notation import SYMBOLS
from .audit import record_of
from .executing import Lost, Store, Workers, carried_out
from .formats.auditing import AuditRecord, FamilyRows
from .formats.shared import LostJob, interval, intervals, latex
from .formats.verifying import (
    AssumptionCount,
    ClaimRow,
    Counts,
    GeneratorRow,
    Landscape,
    RealFamily,
    Series,
    Shown,
    Term,
    VerifyRecord,
    Violation,
)
from .jobs import AnyJob, Job, KeptJob, LandscapeJob, Profile, RatesJob, RealJob, jobs, run_job
from .landscapes import summary
from .records import environment, finite, now, write_text
from .tally import Kept, Outcome, Tallies, Tally, quantiles
from .witnesses import witness

BINS = 20


class Run:
    """A verification run in progress: tallies so far, and how it ended."""

    def __init__(self, profile: Profile, seed: int, claims: tuple[Claim, ...], command: str) -> None:
        self.profile, self.seed, self.claims, self.command = profile, seed, claims, command
        self.tallies: Tallies = {claim.name: Tally() for claim in claims}
        self.families: list[RealFamily] = []
        self.kept: dict[str, str] = {}
        self.landscapes: list[Landscape] = []
        self.rates: dict[str, list[Series]] = {}
        self.audits: dict[str, FamilyRows] = {}
        self.status: Literal["complete", "out of time", "interrupted"] = "complete"
        self.real_note = ""
        self.lost: list[LostJob] = []
        self.generated: Counter[str] = Counter()
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
    def size(self) -> int:
        """How many instances the run generates at most."""
        return sum(job.count for job in self.plan(real=False) if not isinstance(job, RealJob))

    def execute(
        self,
        workers: Workers,
        deadline: float | None,
        advance: Callable[[str, int], None],
        real: bool = True,
        store: Store[Outcome] | None = None,
    ) -> None:
        """Judge real and generated instances until done, the deadline, or Ctrl-C. What the store has is not done again.

        However slow the machine, a deadline leaves at least one job that was judged. Errors: DefectError.
        """
        plan = self.plan(real)
        found = {} if store is None else {job: kept for job in plan if (kept := store.get(job)) is not None}
        for job, outcome in found.items():
            self._take(job, outcome, advance)
        done = len(found)

        def late() -> bool:
            return deadline is not None and time.monotonic() > deadline and done > 0

        work = partial(run_job, names=tuple(claim.name for claim in self.claims))
        try:
            for job, result in carried_out(work, [job for job in plan if job not in found], workers, late):
                done += 1
                if isinstance(result, Lost):
                    self.lost.append(LostJob(str(job), result.why))
                    continue
                if store is not None:
                    store.put(job, result)
                self._take(job, result, advance)
            if done < len(plan):
                self.status = "out of time"
        except KeyboardInterrupt:
            self.status = "interrupted"

    def _take(self, job: AnyJob, outcome: Outcome, advance: Callable[[str, int], None]) -> None:
        for name, tally in outcome.tallies.items():
            self.tallies[name].merge(tally)
        self.kept.update(outcome.kept)
        self.landscapes += outcome.landscapes
        if outcome.rates:
            self.rates[job.family] = outcome.rates
        if outcome.audit is not None:
            self.audits[job.family] = outcome.audit
        if isinstance(job, RatesJob | KeptJob):
            return
        if not isinstance(job, RealJob):
            name = job.generator if isinstance(job, Job) else "landscapes"
            self.generated[f"{job.family} {name}"] += outcome.generated
            advance(name, job.count)
            return
        self.real_note = self.real_note or outcome.note
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
        """The record; without the hashes of the files, which are not written yet."""
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
                GeneratorRow(family.name, g.name, g.title, list(g.variants), self.generated[f"{family.name} {g.name}"])
                for family in FAMILIES.values()
                for g in family.all_generators
            ],
            real_families=sorted(self.families, key=lambda row: real.index(row.name)),
            real_note=self.real_note,
            landscapes=summary(sorted(self.landscapes, key=attrgetter("family", "variant", "origin"))),
            rates=[series for name in FAMILIES for series in self.rates.get(name, ())],
            files={},
            lost=sorted(self.lost, key=attrgetter("job")),
        )

    def _claim(self, claim: Claim, tally: Tally) -> ClaimRow:
        # An inequality that is attained has nothing to separate: it counts neither for nor against the share.
        attained = tally.counts["EQUAL"] if claim.relation is Relation.AT_MOST else 0
        scope = tally.counts.total() - tally.counts["OUTSIDE"] - attained
        ratios = np.array([r for r in tally.ratios if r >= 0])
        histogram = np.histogram(np.clip(ratios, 0, 1), bins=BINS, range=(0, 1))[0]
        return ClaimRow(
            claim=claim.name,
            family=family_of(claim).name,
            title=claim.title,
            source="paper" if claim.source is Source.PAPER else "ours",
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
            histogram=[int(n) for n in histogram],
            below=sum(1 for r in tally.ratios if r < 0),
            real_below=sum(1 for r in tally.real_ratios if r < 0),
            quantiles=quantiles(tally.ratios),
            real_quantiles=quantiles(tally.real_ratios),
            tightest=None if tally.tightest is None else self._shown(tally.tightest),
            undecided=[self._shown(kept) for kept in tally.undecided],
            violations=self._violations(claim, tally),
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
                instance = shrink(instance, lambda candidate: _violates(claim, candidate), family_of(claim).smaller)
            judged = judge(instance, (claim,)).claims[0]
            file = f"counterexamples/{claim.name}-{kind}.json"
            self.kept[file] = witness("claim", claim.name, instance, judged.gap, judged.bound)
            rows.append(
                Violation(
                    kind=kind,
                    grade="genuine" if judged.verdict is Verdict.VIOLATED else "suspect",
                    instance=instance.sha256,
                    file=file,
                    gap=interval(judged.gap),
                    bound=interval(judged.bound),
                    terms=intervals(judged.terms),
                    origin=kept.origin,
                    command=f"metagap replay {{folder}}/{file}",
                )
            )
        return rows

    def _shown(self, kept: Kept) -> Shown:
        file = f"instances/{kept.sha256[:12]}.json"
        self.kept[file] = kept.text
        judged = kept.judged
        return Shown(
            instance=kept.sha256,
            file=file,
            ratio=finite(judged.ratio),
            gap=interval(judged.gap),
            bound=interval(judged.bound),
            terms=intervals(judged.terms),
            reason=judged.reason,
            origin=kept.origin,
            command=f"metagap judge {{folder}}/{file} --claim {judged.claim}",
        )


def _violates(claim: Claim, instance: Instance) -> bool:
    return judge(instance, (claim,)).claims[0].verdict is Verdict.VIOLATED


def exit_status(record: VerifyRecord) -> int:
    """1 if a claim is violated, 130 if the run was interrupted, 3 if it ran out of time, a job was lost, a claim has
    more than 3 in 100 undecided, or nothing was judged, else 0."""
    if any(c.violated for c in record.claims):
        return 1
    if record.status == "interrupted":
        return 130
    partial = record.status == "out of time" or bool(record.lost) or not record.judgements
    return 3 if partial or any(c.loose for c in record.claims) else 0


def _serves(job: AnyJob, wanted: set[Claim]) -> bool:
    if isinstance(job, RealJob):
        return True
    family = FAMILIES[job.family]
    if isinstance(job, KeptJob):
        return set(family.all_claims) <= wanted
    claims = set(family.all_claims) - set(family.claims) if isinstance(job, LandscapeJob) else set(family.claims)
    return bool(claims & wanted)


STORE = ".verify"
"""Folder of what an unfinished run has judged, beside its record."""


def store_of(out: Path, claims: tuple[Claim, ...]) -> Store[Outcome]:
    """What runs that write into the folder have finished of these claims."""
    return Store(out / STORE, Outcome, [claim.name for claim in claims])


def save_instances(kept: dict[str, str], folder: Path) -> None:
    """Write the instances that the record shows."""
    for name, text in kept.items():
        write_text(folder / name, text)
