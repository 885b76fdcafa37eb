"""`metagap falsify NAME`: search for a counterexample to one claim or one mutant, and show what was certified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from ..impl import files
from ..impl.falsify.certify import Refutation, Subject
from ..impl.falsify.pursuit import SHAPES, Found, pursue, simplest
from ..impl.families import FAMILIES
from ..impl.files.faults import nearest
from ..impl.own_claims import standing
from ..impl.sources import SMALL
from ..theory.claim import Mutant
from .formats.searching import Driver, FalsifyRecord, FalsifyTightest, FalsifyWitness, Size
from .formats.shared import Interval, latex
from .own import option
from .records import environment, finite, hashes, in_folder, now, write_text
from .witnesses import FOLDER, put_checker, witness

ENOUGH = 6
"""Certified refutations after which a mutant's search stops."""


def subjects() -> dict[str, Subject]:
    """What can be searched, by name: the claims, then the mutants; where a user's own claims stand, of these alone."""
    own = standing()
    claims: dict[str, Subject] = {
        claim.name: claim
        for family in FAMILIES.values()
        for claim in family.claims
        if own is None or claim in own.judged
    }
    mutants = (mutant for family in FAMILIES.values() for mutant in family.mutants)
    return claims | {mutant.name: mutant for mutant in mutants if mutant.claim in claims}


def subject_of(name: str) -> Subject:
    """The claim or the mutant of that name. Errors: files.BadInputError."""
    known = subjects()
    if name not in known:
        required = f"a claim or a mutant is required{nearest(name, known)}; without NAME all are listed"
        raise files.BadInputError("falsify", "NAME", name, required)
    return known[name]


def falsify(
    name: str,
    folder: Path,
    *,
    driver: Driver = "evolution",
    seed: int = 0,
    seconds: float = 10.0,
    size: Size | None = None,
    command: str = "",
    progress: Callable[[Found], None] = lambda found: None,
) -> FalsifyRecord:
    """The search as a record; witnesses are written beside it.

    Errors: files.BadInputError, gradient.NoGradientError, extras.MissingExtraError.
    """
    subject, started = subject_of(name), now()
    found = pursue(
        subject,
        driver,
        seed=seed,
        seconds=seconds,
        limits=SMALL if size is None else SHAPES[size],
        full=size is not None,
        enough=ENOUGH,
        interruptible=True,
        progress=progress,
    )
    small = simplest(found)
    record = FalsifyRecord(
        version=environment()["metagap"],
        name=subject.name,
        kind=_kind(subject),
        statement=latex(subject.left, subject.relation, subject.bound),
        driver=driver,
        seed=seed,
        size=size,
        status="nothing judged" if found.vacuous else "refuted" if found.refutations else "not refuted",
        evaluations=found.evaluations,
        alarms=found.alarms,
        seconds=round(found.seconds, 3),
        simplest=_witness(subject, small, "simplest", folder),
        worst=_witness(subject, found.worst, "worst", folder),
        tightest=None if found.refutations else _tightest(found, folder),
        started=started,
        environment=environment(),
        command=command,
        files={},
    )
    record.files = hashes(record, folder)
    return record


def _kind(subject: Subject) -> Literal["claim", "mutant"]:
    return "mutant" if isinstance(subject, Mutant) else "claim"


def _witness(subject: Subject, found: Refutation | None, which: str, folder: Path) -> FalsifyWitness | None:
    if found is None:
        return None
    kind = _kind(subject)
    name = f"{FOLDER}/falsify-{subject.name}-{which}.json"
    put_checker(folder)
    write_text(folder / name, witness(kind, subject.name, found.instance, found.gap, found.bound))
    return FalsifyWitness(
        file=name,
        instance=found.instance.sha256,
        numbers=found.instance.numbers,
        gap=Interval.of(found.gap),
        bound=Interval.of(found.bound),
        ratio=finite(found.gap.middle / found.bound.middle if found.bound.middle else None),
        command=f"metagap replay {{folder}}/{name}{option()}",
    )


def _tightest(found: Found, folder: Path) -> FalsifyTightest | None:
    """The tightest instance that was found, if balls certify its assumptions and enclose left/bound."""
    certified = found.certified()
    if certified is None:
        return None
    instance, enclosed = certified
    name = f"instances/tightest-{found.subject.name}.json"
    write_text(folder / name, files.dumps(instance))
    claim = found.subject.claim if isinstance(found.subject, Mutant) else found.subject.name
    command = f"metagap judge {{folder}}/{name} --claim {claim}{option()}"
    return FalsifyTightest(name, instance.sha256, instance.numbers, Interval.of(enclosed), command)


def lines(record: FalsifyRecord, folder: Path) -> list[str]:
    """The record for people."""
    effort = f"{record.evaluations} instances, {record.seconds} s, {record.driver}, seed {record.seed}"
    text = [f"{record.name}: {record.status} ({effort})"]
    for which, row in (("simplest", record.simplest), ("worst", record.worst)):
        if row is not None:
            text.append(f"{which}: left {row.gap.lo:.9g} > bound {row.bound.hi:.9g}, "
                        f"{row.numbers} numbers: {in_folder(row.command, str(folder))}")  # fmt: skip
    if record.tightest is not None:
        tight = record.tightest
        text.append(f"tightest: left/bound = {tight.ratio.lo:.12g}, {tight.numbers} numbers: "
                    f"{in_folder(tight.command, str(folder))}")  # fmt: skip
    if record.status == "nothing judged":
        text.append(
            "on no instance that was drawn do its assumptions hold, so far as was seen, and both sides have a value"
        )
    if record.alarms:
        text.append(f"{record.alarms} hits in float64 were not certified in ball arithmetic: no counterexamples.")
    return text
