"""A run as jobs: each a pure function of its seed, so that processes share the work and a run can be repeated."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from flint import ctx
from msgspec import convert

from ..impl import files
from ..impl.batch_judge import Judged
from ..impl.extras import MissingExtraError, available, missing
from ..impl.families import FAMILIES, Family
from ..impl.instances import Instance
from ..impl.judge import Evaluator
from ..impl.judgement import ClaimJudgement, Enclosure, smallest
from ..impl.sources import Generator, RandomSource
from ..impl.stacks import stacks
from ..theory.claim import Claim, UndefinedQuantityError
from . import landscapes
from .audit import kept_family
from .finds import SearchJob, moved, searchable
from .formats.shared import Interval, interval, verdict_name
from .formats.verifying import Form, RealFamily, RealOptimum, RealRow, Series
from .records import finite
from .tally import Outcome, Tallies, Tally, tally_instance
from .wide import MOST, WIDE, BatchJob, WideJob, judge_batch, widely


@dataclass(frozen=True)
class Profile:
    """How much a run does: generated instances per share of a generator."""

    name: str
    per_share: int
    """Of instances on which every claim is judged, in balls what arrays do not decide."""
    landscapes: int
    """Per variant of the landscape generators: instances whose global optimum is certified."""
    batch: int = 16
    """Of each variant as many instances as are a multiple of this, or of the family's batch if that is less."""
    rounds: int = 0
    """Of more jobs, where claims are undecided or loose."""
    wide: int = 0
    """Per share of a generator, too: instances of wide batches, on which inequalities are judged in arrays."""


PROFILES = {
    "quick": Profile("quick", 240, 16, 8, wide=4500),
    "ci": Profile("ci", 1600, 128, 32, wide=30_000),
    "deep": Profile("deep", 20_000, 1024, 64, rounds=4, wide=200_000),
}


class Job(BatchJob):
    """Those on each of which every claim is judged."""


@dataclass(frozen=True)
class LandscapeJob:
    """Landscapes to generate, to certify and to judge the headline on."""

    family: str
    variant: str
    seed: int
    index: int
    count: int = 8


@dataclass(frozen=True)
class RatesJob:
    """The rates of a family in the width, measured."""

    family: str
    count: int = 0


@dataclass(frozen=True)
class RealJob:
    """Real tasks of a family to train on and to judge."""

    family: str
    tasks: str


@dataclass(frozen=True)
class KeptJob:
    """The counterexamples that ship with a family's theory, to judge again."""

    family: str
    seed: int
    count: int = 0


AnyJob = Job | WideJob | LandscapeJob | RatesJob | RealJob | KeptJob | SearchJob


def jobs(profile: Profile, seed: int, families: Sequence[Family] | None = None, real: bool = False) -> list[AnyJob]:
    """A run as jobs, all families (or those given) in turn.

    Cut short, it saw each family first, then each generator, then real tasks.
    """
    return _in_turn([_of_family(family, profile, seed, real) for family in families or FAMILIES.values()])


def _of_family(family: Family, profile: Profile, seed: int, real: bool) -> list[AnyJob]:
    """The jobs of a family: one of each kind, its real tasks, then the others, their kinds in turn."""
    rows: list[list[AnyJob]] = []
    for generator in family.judged:
        total, size = max(int(profile.per_share * generator.share * family.effort), 1), min(profile.batch, family.batch)
        if _wide(family, generator, profile):
            total = min(total, max(total // BESIDE, FEW * len(generator.variants)))
        each = size * -(-total // (size * len(generator.variants)))
        rows.append(
            [
                Job(family.name, generator.name, variant, seed, index, count)
                for index, count in _batches(each, min(max(profile.batch, OF_A_SHAPE), family.batch))
                for variant in generator.variants
            ]
        )
    if family.rates is not None:
        rows.append([RatesJob(family.name)])
    rows.append([KeptJob(family.name, seed)])
    if family.landscapes is not None:
        rounds = profile.landscapes // LandscapeJob.count
        variants = family.landscapes.variants
        rows.append([LandscapeJob(family.name, v, seed, index) for index in range(rounds) for v in variants])
    wide = [_widely(family, generator, profile, seed) for generator in family.generators]
    rows += [row for row in wide if row]
    tasks = [RealJob(family.name, name) for name in family.real_tasks] if real else []
    return [*(row[0] for row in rows), *tasks, *_in_turn([row[1:] for row in rows])]


def _widely(family: Family, generator: Generator, profile: Profile, seed: int) -> list[AnyJob]:
    """The wide batches of a generator: of each variant its share, and at least what 14 of the smallest jobs have."""
    if not _wide(family, generator, profile):
        return []
    share = profile.wide * generator.share * family.effort / len(generator.variants)
    each = max(math.ceil(share), 14 * min(profile.batch, family.batch))
    return [
        WideJob(family.name, generator.name, variant, seed, WIDE + index, count)
        for index, count in _batches(each, MOST)
        for variant in generator.variants
    ]


def _batches(each: int, most: int) -> list[tuple[int, int]]:
    """The numbers of batches of `each` instances, and how many are in one."""
    batches = -(-each // most)
    return [(index, -(-each // batches)) for index in range(batches)]


def _wide(family: Family, generator: Generator, profile: Profile) -> bool:
    """Whether it has wide batches."""
    wide = generator.wide and generator in family.generators and family.enclosed_quantities is not None
    return wide and profile.wide > 0


OF_A_SHAPE = 32
"""Instances of a batch are of one shape: as many, where profiles have smaller batches, for arrays cost as much for one
as for many."""

BESIDE, FEW = 3, 16
"""Beside wide batches, one in so many of the other instances are made, if that leaves so many of each variant: every
claim is judged on them, but only equalities, whose verdicts are all alike, have no others."""

LOOSE = 0.99
"""A bound is loose as long as no instance is known whose left side is so much of it."""

PER_CLAIM = 4
"""Jobs of a round, per claim of the run."""


def round_of(number: int, tallies: Tallies, profile: Profile, seed: int) -> list[AnyJob]:
    """The jobs of round 1, 2, ...: a pure function of what is known after the round before, by whomever.

    As many in each: the fewer claims are undecided or loose, the more each of them gets. An undecided claim gets new
    instances of its family's generators, a loose one searches that start from its tightest instance. Distances from the
    optimum (headlines) have no part in it: their budgets are those of the brackets.
    """
    rows: list[tuple[Family, str, str]] = []
    for family in FAMILIES.values():
        for claim in family.claims:
            if (tally := tallies.get(claim.name)) is None:
                continue
            if tally.counts["UNDECIDED"]:
                rows.append((family, claim.name, ""))
            best = tally.tightest
            if best is not None and best.judged.ratio is not None and best.judged.ratio < LOOSE and searchable(family):
                rows.append((family, claim.name, best.text))
    found: list[AnyJob] = []
    for index in range(PER_CLAIM * len(tallies) if rows else 0):
        family, name, start = rows[index % len(rows)]
        if start:
            found.append(SearchJob(family.name, name, start, seed, number, index))
            continue
        kinds = [(generator.name, variant) for generator in family.generators for variant in generator.variants]
        fresh = number * FRESH + index
        found.append(Job(family.name, *kinds[fresh % len(kinds)], seed, fresh, min(profile.batch, family.batch)))
    return found


FRESH = 1_000_000
"""More batches than a plan has of a kind: those of rounds are counted from here on."""


def _in_turn(rows: list[list[AnyJob]]) -> list[AnyJob]:
    """The jobs of all rows, one of each at a time."""
    return [job for column in itertools.zip_longest(*rows) for job in column if job is not None]


def batch_of(job: BatchJob) -> Any:
    """The job's instances as the generator makes them, all at once."""
    family = FAMILIES[job.family]
    generator = family.generator(job.generator)
    position, kind = family.judged.index(generator), generator.variants.index(job.variant)
    source = RandomSource((job.seed, position, kind, job.index), job.count)
    with np.errstate(over="ignore", invalid="ignore"):
        return generator.build(source, job.variant)


def generate(job: Job) -> Iterator[tuple[str, Instance]]:
    """The job's instances, each with a sentence that says where it comes from."""
    batch = batch_of(job)
    for b in range(job.count):
        yield job.origin(b), batch.instance(b)


def run_job(job: AnyJob, names: tuple[str, ...]) -> Outcome:
    """Generate (or train) and judge the named claims."""
    family = FAMILIES[job.family]
    claims = tuple(claim for claim in family.all_claims if claim.name in names)
    ordinary = tuple(claim for claim in claims if claim in family.claims)
    outcome = Outcome({claim.name: Tally() for claim in claims})
    if isinstance(job, Job) and family.needs and not available(family.needs):
        outcome.note = f"{family.title}: left out; {missing(family.needs, family.purpose)}"
        return outcome
    if isinstance(job, BatchJob):
        judge_batch(job, batch_of(job), widely(ordinary) if isinstance(job, WideJob) else ordinary, outcome)
        return outcome
    if isinstance(job, SearchJob):
        for origin, instance in moved(job):
            tally_instance(outcome.tallies, instance, origin, ordinary, real=False)
            outcome.generated += 1
        return outcome
    if isinstance(job, RatesJob):
        assert family.rates is not None
        outcome.rates = [convert(series, Series, from_attributes=True) for series in family.rates()]
        return outcome
    if isinstance(job, KeptJob):
        with TemporaryDirectory() as place:
            outcome.audit = kept_family(job.family, Path(place), job.seed)
            found = sorted(Path(place).rglob("*.json"))
            outcome.kept |= {path.relative_to(place).as_posix(): path.read_text(encoding="utf-8") for path in found}
        return outcome
    if isinstance(job, LandscapeJob):
        landscapes.explore(job.family, job.variant, (job.seed, job.index), job.count, outcome)
        outcome.generated = job.count
        return outcome
    real = family.real_tasks[job.tasks]
    try:
        built = real.build()
    except MissingExtraError as error:
        outcome.note = f"Real tasks: {error}"
        return outcome
    rows, evaluator = dict[int, RealRow](), None
    others = [instance for _, instance in built]
    decided = _unshown(family, others, ordinary)
    for at in _by_omega(family, others):
        name, instance = built[at]
        evaluator = family.evaluator(instance, evaluator)
        origin = f"{real.title}: {name}"
        file, text = f"instances/{instance.sha256[:12]}.json", files.dumps(instance)
        outcome.kept[file] = text
        tallied = tally_instance(outcome.tallies, instance, origin, ordinary, True, evaluator, text, decided[at])
        judged = {claim.name: tallied[claim.name] for claim in ordinary}
        optimum = None
        if family.headline and family.headline.claim in claims:
            optimum = landscapes.certify_real(evaluator, origin, outcome, others)
        rows[at] = _real_row(name, evaluator, file, judged, optimum)
    in_turn = [rows[at] for at in sorted(rows)]
    outcome.family = RealFamily(real.name, real.title, real.description, real.source, in_turn)
    return outcome


def _by_omega(family: Family, instances: Sequence[Any]) -> list[int]:
    """The places of the instances, those of one problem and omega together: what these decide is evaluated once."""
    if not family.shares:
        return list(range(len(instances)))
    first = instances[0]
    points = [replace(instance, comparator=first.comparator, radius=first.radius) for instance in instances]
    return sorted(range(len(points)), key=lambda place: points.index(points[place]))


def _unshown(family: Family, instances: Sequence[Instance], claims: Sequence[Claim]) -> list[Judged]:
    """Per instance the claims that arrays decide, but for those of which its row shows more than the verdict: the
    lifted and the mixed form, and what may be the smallest bound of the gap.

    Of families whose rows show terms of other claims, balls evaluate nearly everything anyway: nothing is left to
    arrays.
    """
    found: list[Judged] = [{} for _ in instances]
    if family.shown or family.batch_of is None or family.enclosed_quantities is None:
        return found
    gaps = {claim.name for claim in claims if claim.bounds_gap}
    for places, batch in stacks(instances, family.batch_of, 1):
        for place, judged in zip(places, family.judged_in_arrays(batch, claims), strict=True):
            best = smallest(one for name, one in judged.items() if name in gaps)
            least = math.inf if best is None or best.bound is None else best.bound.hi
            shown = {name for name in gaps & set(judged) if (edge := judged[name].bound) and edge.lo <= least}
            left = {*shown, *_forms(family)}
            found[place] = {name: one for name, one in judged.items() if name not in left}
    return found


def _forms(family: Family) -> tuple[str, str]:
    """The claims of which a row shows both sides."""
    return f"{family.name}-lifted", f"{family.name}-mixed"


def _real_row(
    name: str, evaluator: Evaluator, file: str, judged: dict[str, ClaimJudgement], optimum: RealOptimum | None
) -> RealRow:
    instance = evaluator.instance
    family = FAMILIES[instance.family]
    lifted, mixed = map(judged.get, _forms(family))
    return RealRow(
        name,
        instance.sha256,
        file,
        instance.parameters,
        "functions" if instance.against_functions else "parameter",
        dict(Counter(verdict_name(c.verdict) for c in judged.values())),
        None if lifted is None else interval(lifted.terms.get("eps")),
        None if lifted is None else interval(lifted.gap),
        _form(lifted),
        _form(mixed),
        landscapes.named(smallest(judged[c.name] for c in family.claims if c.bounds_gap and c.name in judged)),
        _trivial(evaluator),
        {name: interval(_term(name, evaluator, judged)) for name in (*landscapes.TERMS, *family.shown)},
        optimum,
    )


def _term(name: str, evaluator: Evaluator, judged: Mapping[str, ClaimJudgement]) -> Enclosure | None:
    """A term of the claims that say something of the instance; None if none of them has it."""
    family = FAMILIES[evaluator.instance.family]
    found = [one.terms[name] for one in judged.values() if name in one.terms]
    if found:
        return found[-1]
    brief = (claim for claim in family.claims if claim.name in judged and judged[claim.name].brief)
    if any(name in claim.terms and judged[claim.name].bound is not None for claim in brief):
        return Enclosure.of(evaluator.known(name))
    return None


def _trivial(evaluator: Evaluator) -> Interval | None:
    """What is known of the gap without any theorem."""
    bits = evaluator.precisions[0]
    with ctx.workprec(bits):
        try:
            return interval(Enclosure.of(evaluator.balls(bits)("trivial")))
        except UndefinedQuantityError:
            return None


def _form(judged: ClaimJudgement | None) -> Form | None:
    if judged is None:
        return None
    return Form(verdict_name(judged.verdict), interval(judged.bound), finite(judged.ratio))
