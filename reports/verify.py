"""The main job: judge every claim on generated and real instances, and keep what is worth keeping.

Work is cut into jobs, each a pure function of (generator, loss, seed, count), so that processes share it and a
run can be repeated. Results are merged as they come: a run that is stopped leaves a valid partial record.
"""

from __future__ import annotations

import itertools
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from ..impl import files
from ..impl.extras import MissingExtraError
from ..impl.families import FAMILIES, Family, family_of
from ..impl.instances import Instance
from ..impl.judge import ClaimJudgement, judge
from ..impl.shrink import shrink
from ..impl.sources import RandomSource
from ..theory.claim import Claim, Relation, Verdict
from ..theory.notation import LETTERS, SYMBOLS
from .records import claim_record, enclosure, enclosures, environment, finite, now, witness, write_text

BINS = 20


@dataclass(frozen=True)
class Profile:
    """How much a run does: generated instances per share of a generator, and processes."""

    name: str
    per_share: int
    batch: int = 16


PROFILES = {
    "quick": Profile("quick", 400),
    "ci": Profile("ci", 1600, 32),
    "deep": Profile("deep", 20_000, 64),
}


@dataclass(frozen=True)
class Job:
    """Instances to generate and judge: `count` from one generator and variant of a family, at one seed."""

    family: str
    generator: str
    variant: str
    seed: int
    index: int
    count: int


@dataclass(frozen=True)
class RealJob:
    """Real tasks of a family to train on and to judge."""

    family: str
    tasks: str


@dataclass(frozen=True)
class Kept:
    """An instance worth showing, with its judgement of one claim."""

    judged: ClaimJudgement
    text: str
    sha256: str
    numbers: int
    origin: str


@dataclass
class Tally:
    """What is known of one claim so far; tallies of jobs add up."""

    counts: Counter[str] = field(default_factory=Counter)
    real_counts: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)
    real_outside: Counter[str] = field(default_factory=Counter)
    ratios: list[float] = field(default_factory=list)
    attained: int = 0
    tightest: Kept | None = None
    undecided: list[Kept] = field(default_factory=list)
    simplest: Kept | None = None
    worst: Kept | None = None

    def add(self, judged: ClaimJudgement, keep: Callable[[], Kept], real: bool) -> None:
        """Count one judgement; `keep` makes the record of its instance, if it is worth it."""
        name = judged.verdict.name
        (self.real_counts if real else self.counts)[name] += 1
        if judged.verdict is Verdict.OUTSIDE:
            (self.real_outside if real else self.outside)[judged.reason.split(":")[0]] += 1
            return
        if judged.verdict is Verdict.UNDECIDED and len(self.undecided) < 3:
            self.undecided.append(keep())
        if judged.verdict is Verdict.VIOLATED:
            self._violation(keep())
        if judged.ratio is None or judged.bound is None or not judged.bound.lo > 0:
            return
        if not real:
            self.ratios.append(judged.ratio)
        if judged.verdict is Verdict.PROVED:
            best = self.tightest
            if best is None or best.judged.ratio is None or judged.ratio > best.judged.ratio:
                self.tightest = keep()

    def _violation(self, kept: Kept) -> None:
        if self.simplest is None or kept.numbers < self.simplest.numbers:
            self.simplest = kept
        if self.worst is None or _excess(kept.judged) > _excess(self.worst.judged):
            self.worst = kept

    def merge(self, other: Tally) -> None:
        """Add another tally."""
        for mine, theirs in (
            (self.counts, other.counts),
            (self.real_counts, other.real_counts),
            (self.outside, other.outside),
            (self.real_outside, other.real_outside),
        ):
            mine.update(theirs)
        self.ratios += other.ratios
        self.undecided = (self.undecided + other.undecided)[:3]
        if other.tightest is not None and (
            self.tightest is None or (other.tightest.judged.ratio or 0) > (self.tightest.judged.ratio or 0)
        ):
            self.tightest = other.tightest
        for kept in (other.simplest, other.worst):
            if kept is not None:
                self._violation(kept)


def _excess(judged: ClaimJudgement) -> float:
    """By how much a violated claim fails, relative to the size of its sides."""
    if judged.gap is None or judged.bound is None:
        return 0.0
    return (judged.gap.middle - judged.bound.middle) / (abs(judged.gap.middle) + abs(judged.bound.middle) + 1e-300)


Tallies = dict[str, Tally]


def jobs(profile: Profile, seed: int, families: Sequence[Family] = tuple(FAMILIES.values())) -> list[Job]:
    """The run as jobs, interleaved so that a run cut short has seen every generator."""
    rows = []
    for family in families:
        for generator in family.generators:
            total = profile.per_share * generator.share
            rounds = -(-total // (profile.batch * len(generator.variants)))
            rows.append(
                [
                    Job(family.name, generator.name, variant, seed, index, profile.batch)
                    for index in range(rounds)
                    for variant in generator.variants
                ]
            )
    return [job for column in itertools.zip_longest(*rows) for job in column if job is not None]


def generate(job: Job) -> Iterator[tuple[str, Instance]]:
    """The job's instances, each with a sentence that says where it comes from."""
    family = FAMILIES[job.family]
    generator = family.generator(job.generator)
    position, kind = family.generators.index(generator), generator.variants.index(job.variant)
    source = RandomSource((job.seed, position, kind, job.index), job.count)
    with np.errstate(over="ignore", invalid="ignore"):
        batch = generator.build(source, job.variant)
    for b in range(job.count):
        yield f"{generator.title}; {job.variant}, seed {job.seed}, batch {job.index}, #{b}", batch.instance(b)


@dataclass
class Outcome:
    """What a job found: tallies, and for a real family its rows and instance files."""

    tallies: Tallies
    family: dict[str, Any] | None = None
    kept: dict[str, str] = field(default_factory=dict)
    note: str = ""


def run_job(job: Job | RealJob, names: tuple[str, ...]) -> Outcome:
    """Generate (or train) and judge the named claims."""
    claims = tuple(claim for claim in FAMILIES[job.family].claims if claim.name in names)
    outcome = Outcome({claim.name: Tally() for claim in claims})
    if isinstance(job, Job):
        for origin, instance in generate(job):
            tally_instance(outcome.tallies, instance, origin, claims, real=False)
        return outcome
    real = FAMILIES[job.family].real_tasks[job.tasks]
    try:
        built = real.build()
    except MissingExtraError as error:
        outcome.note = str(error)
        return outcome
    rows = []
    for name, instance in built:
        judged = tally_instance(outcome.tallies, instance, f"{real.title}: {name}", claims, real=True)
        file = f"instances/{instance.sha256[:12]}.json"
        outcome.kept[file] = files.dumps(instance)
        rows.append(_real_row(name, instance, file, judged))
    outcome.family = {
        "name": real.name,
        "title": real.title,
        "description": real.description,
        "source": real.source,
        "rows": rows,
    }
    return outcome


def _real_row(name: str, instance: Instance, file: str, judged: dict[str, ClaimJudgement]) -> dict[str, Any]:
    lifted, mixed = (judged.get(f"{instance.family}-{form}") for form in ("lifted", "mixed"))
    row: dict[str, Any] = {
        "name": name,
        "instance": instance.sha256,
        "file": file,
        "counts": dict(Counter(c.verdict.name for c in judged.values())),
        "eps": lifted and enclosure(lifted.terms.get("eps")),
        "gap": lifted and enclosure(lifted.gap),
    }
    for key, one in (("lifted", lifted), ("mixed", mixed)):
        row[key] = one and {
            "verdict": one.verdict.name,
            "bound": enclosure(one.bound),
            "ratio": finite(one.ratio),
        }
    return row


def tally_instance(
    tallies: Tallies, instance: Instance, origin: str, claims: tuple[Claim, ...], real: bool
) -> dict[str, ClaimJudgement]:
    """Judge one instance and count the verdicts."""
    judgement = judge(instance, claims)
    for judged in judgement.claims:

        def keep(judged: ClaimJudgement = judged) -> Kept:
            return Kept(judged, files.dumps(instance), judgement.instance, instance.numbers, origin)

        tallies[judged.claim].add(judged, keep, real)
    return {judged.claim: judged for judged in judgement.claims}


class Run:
    """A verification run in progress: tallies so far, and how it ended."""

    def __init__(self, profile: Profile, seed: int, claims: tuple[Claim, ...], command: str) -> None:
        self.profile, self.seed, self.claims, self.command = profile, seed, claims, command
        self.tallies: Tallies = {claim.name: Tally() for claim in claims}
        self.families: list[dict[str, Any]] = []
        self.kept: dict[str, str] = {}
        self.status = "complete"
        self.real_note = ""
        self.generated: Counter[str] = Counter()
        self.real = 0
        self.started, self._clock = now(), time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._clock

    def execute(
        self, workers: int, deadline: float | None, advance: Callable[[str, int], None], real: bool = True
    ) -> None:
        """Judge real and generated instances on `workers` processes until done, the deadline, or Ctrl-C."""
        chosen = [family for family in FAMILIES.values() if set(family.claims) & set(self.claims)]
        families = [RealJob(family.name, name) for family in chosen for name in family.real_tasks] if real else []
        waiting: Iterator[Job | RealJob] = itertools.chain(families, jobs(self.profile, self.seed, chosen))
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_quiet)
        pending: dict[Future[Outcome], Job | RealJob] = {}

        names = tuple(claim.name for claim in self.claims)

        def submit(job: Job | RealJob | None) -> None:
            if job is not None:
                pending[pool.submit(run_job, job, names)] = job

        try:
            for job in itertools.islice(waiting, 2 * workers):
                submit(job)
            while pending:
                late = deadline is not None and time.monotonic() > deadline
                done, _ = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(pending.pop(future), future.result(), advance)
                    submit(None if late else next(waiting, None))
                if late:
                    self.status = "out of time"
                    break
        except KeyboardInterrupt:
            self.status = "interrupted"
        finally:
            _stop(pool)

    def _take(self, job: Job | RealJob, outcome: Outcome, advance: Callable[[str, int], None]) -> None:
        for name, tally in outcome.tallies.items():
            self.tallies[name].merge(tally)
        self.kept.update(outcome.kept)
        if isinstance(job, Job):
            self.generated[f"{job.family} {job.generator}"] += job.count
            advance(job.generator, job.count)
            return
        self.real_note = self.real_note or outcome.note
        if outcome.family is not None:
            self.real += len(outcome.family["rows"])
            self.families.append(outcome.family)

    def record(self) -> dict[str, Any]:
        """The record: metagap/verify/1."""
        claims = [self._claim(claim, self.tallies[claim.name]) for claim in self.claims]
        return {
            "format": "metagap/verify/1",
            "version": environment()["metagap"],
            "profile": self.profile.name,
            "seed": self.seed,
            "seconds": round(self.seconds, 2),
            "status": self.status,
            "started": self.started,
            "environment": environment(),
            "command": self.command,
            "generated": sum(self.generated.values()),
            "real": self.real,
            "judgements": sum(sum((t.counts + t.real_counts).values()) for t in self.tallies.values()),
            "claims": claims,
            "generators": [
                {
                    "family": family.name,
                    "name": g.name,
                    "title": g.title,
                    "variants": list(g.variants),
                    "instances": self.generated[f"{family.name} {g.name}"],
                }
                for family in FAMILIES.values()
                for g in family.generators
            ],
            "real_families": self.families,
            "real_note": self.real_note,
        }

    def _claim(self, claim: Claim, tally: Tally) -> dict[str, Any]:
        # An inequality that is attained has nothing to separate: it counts neither for nor against the share.
        counted = dict(tally.counts)
        if claim.relation is Relation.AT_MOST:
            counted["HOLDS"] = 0
        scope = sum(n for name, n in counted.items() if name != "OUTSIDE")
        proved = counted.get("PROVED", 0) + counted.get("HOLDS", 0)
        ratios = np.array([r for r in tally.ratios if r >= 0])
        histogram = np.histogram(np.clip(ratios, 0, 1), bins=BINS, range=(0, 1))[0]
        quantiles = None
        if len(ratios):
            quantiles = {str(q): float(np.quantile(ratios, q)) for q in (0.5, 0.9, 0.99)}
        relation = r"\le" if claim.relation is Relation.AT_MOST else "="
        return {
            "claim": claim.name,
            "family": family_of(claim).name,
            "title": claim.title,
            "source": claim.source.name.lower(),
            "citation": claim.citation,
            "reading": claim.reading,
            "difference": claim.difference,
            "proof": claim.proof,
            "statement": rf"{claim.left.latex(LETTERS)} {relation} {claim.bound.latex(LETTERS)}",
            "relation": claim.relation.value,
            "assumptions": [
                {
                    "name": a.name,
                    "identifier": a.identifier,
                    "statement": a.statement,
                    "outside": tally.outside[a.name],
                    "real_outside": tally.real_outside[a.name],
                }
                for a in claim.assumptions
            ],
            "terms": [
                {"name": name, "latex": SYMBOLS[name].latex, "meaning": SYMBOLS[name].meaning} for name in claim.terms
            ],
            "counts": {v.name: tally.counts[v.name] for v in Verdict},
            "real_counts": {v.name: tally.real_counts[v.name] for v in Verdict},
            "scope": scope,
            "proved_share": proved / scope if scope else None,
            "histogram": [int(n) for n in histogram],
            "below": sum(1 for r in tally.ratios if r < 0),
            "quantiles": quantiles,
            "tightest": tally.tightest and self._shown(tally.tightest),
            "undecided": [self._shown(kept) for kept in tally.undecided],
            "violations": self._violations(claim, tally),
        }

    def _violations(self, claim: Claim, tally: Tally) -> list[dict[str, Any]]:
        """Both witnesses of a violated claim, the simplest one shrunk, as files that `metagap replay` reads.

        Graded genuine: balls certified gap > bound with every assumption, and certify it again here.
        """
        rows = []
        for kind, kept in (("simplest", tally.simplest), ("worst", tally.worst)):
            if kept is None:
                continue
            instance = files.loads(kept.text, kept.origin)
            if kind == "simplest":
                instance = shrink(instance, lambda candidate: _violates(claim, candidate), family_of(claim).smaller)
            judged = judge(instance, (claim,)).claims[0]
            file = f"counterexamples/{claim.name}-{kind}.json"
            self.kept[file] = witness("claim", claim.name, instance)
            rows.append(
                {
                    "kind": kind,
                    "grade": "genuine" if judged.verdict is Verdict.VIOLATED else "suspect",
                    "instance": instance.sha256,
                    "file": file,
                    "gap": enclosure(judged.gap),
                    "bound": enclosure(judged.bound),
                    "terms": enclosures(judged.terms),
                    "origin": kept.origin,
                    "command": f"metagap replay {{folder}}/{file}",
                }
            )
        return rows

    def _shown(self, kept: Kept) -> dict[str, Any]:
        file = f"instances/{kept.sha256[:12]}.json"
        self.kept[file] = kept.text
        judged = claim_record(kept.judged)
        return {
            "instance": kept.sha256,
            "file": file,
            "ratio": judged["ratio"],
            "gap": judged["gap"],
            "bound": judged["bound"],
            "terms": enclosures(kept.judged.terms),
            "reason": kept.judged.reason,
            "origin": kept.origin,
            "command": f"metagap judge {{folder}}/{file} --claim {kept.judged.claim}",
        }


def _violates(claim: Claim, instance: Instance) -> bool:
    return judge(instance, (claim,)).claims[0].verdict is Verdict.VIOLATED


def _quiet() -> None:
    """Workers leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _stop(pool: ProcessPoolExecutor) -> None:
    """Stop without waiting for jobs that nobody will read."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def exit_status(record: dict[str, Any]) -> int:
    """1 if a claim is violated, 3 if a claim has more than 1 in 100 undecided, else 0."""
    if any(c["counts"]["VIOLATED"] + c["real_counts"]["VIOLATED"] for c in record["claims"]):
        return 1
    loose = [c for c in record["claims"] if c["scope"] and c["counts"]["UNDECIDED"] > 0.01 * c["scope"]]
    return 3 if loose else 0


def total(profile: Profile) -> int:
    """How many instances the profile generates."""
    return sum(job.count for job in jobs(profile, 0))


def save_instances(kept: dict[str, str], folder: Path) -> None:
    """Write the instances that the record shows."""
    for name, text in kept.items():
        write_text(folder / name, text)
