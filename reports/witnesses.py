"""Witness files: an instance, what it bears witness against, and how both sides were judged; kept, and judged again.

A witness is one of: a claim that was violated, a mutant, an ablation of the theory, or a claim without an assumption
that leave-one-out search refuted. The file holds the statement itself, so that a reader (or a checker that knows
nothing of this package) sees what is claimed to be false.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import theory
from ..impl import files
from ..impl.counterexample import confirm, instance_of
from ..impl.falsify import refute
from ..impl.families import FAMILIES, all_claims, family_of, instance_in, judge
from ..impl.files.faults import nearest
from ..impl.instances import Instance
from ..impl.judgement import Enclosure
from ..impl.leave_one_out import Cell, alone, cells_of
from ..impl.own_claims import standing
from ..theory.claim import Ablation, Claim, Expression, Mutant, Relation, Verdict
from . import formats
from .formats.shared import Sides, StatementText, WitnessFile, WitnessKind, interval
from .records import dumps, write_text

FOLDER = "counterexamples"
"""Where witnesses lie, below the folder of a report."""

KEPT = Path(theory.__file__).with_name(FOLDER)
"""Where those of the theory lie: they ship with it."""

CHECKER = Path(__file__).with_name("check_witness.py")
"""Checks witnesses with the standard library alone, for readers who trust nothing else."""
CHECKERS = (CHECKER, CHECKER.with_name("check_graph.py"))
"""With what it imports."""


def put_checker(folder: Path) -> None:
    """The checker lies beside the report, wherever there are counterexamples."""
    for path in CHECKERS:
        write_text(folder / path.name, path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Statement:
    """What a witness refutes: the object of the theory, and its two sides."""

    subject: Claim | Mutant | Ablation
    left: Expression
    relation: Relation
    bound: Expression
    family: str
    without: Cell | None = None
    """What is left out of a claim, as the search has it."""

    @property
    def record(self) -> StatementText:
        """Both sides, as a witness file says them."""
        return StatementText.of(self.left, self.relation, self.bound)

    @property
    def population(self) -> Mapping[str, object] | None:
        """The instance on which an ablation evaluates the left side, if that is another one."""
        return self.subject.population if isinstance(self.subject, Ablation) else None


def statement(kind: str, name: str) -> Statement | None:
    """The statement of that kind and name, as this version of the theory has it."""
    if kind == "mutant":
        for family in FAMILIES.values():
            for mutant in family.mutants:
                if mutant.name == name:
                    return Statement(mutant, mutant.left, mutant.relation, mutant.bound, family.name)
    if kind == "ablation":
        for family in FAMILIES.values():
            for ablation in family.ablations:
                if ablation.name == name and ablation.bound is not None:
                    # What a linear model shows of programs is a linear model.
                    shown = instance_of(ablation.data).family
                    return Statement(ablation, ablation.left, Relation.AT_MOST, ablation.bound, shown)
    for claim in all_claims():
        if kind == "claim" and claim.name == name:
            return Statement(claim, claim.left, claim.relation, claim.bound, family_of(claim).name)
        if kind == "leave-one-out" and name.startswith(f"{claim.name}-without-"):
            without = name.removeprefix(f"{claim.name}-without-")
            cell = cells_of(family_of(claim), [claim]).get((claim.name, without))
            if cell is not None and cell.assumed:
                read = cell.claim
                return Statement(read, read.left, read.relation, read.bound, family_of(claim).name, cell)
    return None


def witness(
    kind: WitnessKind, name: str, instance: Instance, left: Enclosure | None = None, bound: Enclosure | None = None
) -> str:
    """A witness file's text: the instance, what it bears witness against, and the judgement of both sides."""
    found = statement(kind, name)
    assert found is not None, f"{kind} {name}"
    document = json.loads(files.dumps(instance))
    sides = Sides(interval(left), interval(bound))
    return dumps(WitnessFile(kind, name, found.record, sides, document, found.population))


@dataclass(frozen=True)
class Replay:
    """A kept witness, judged again."""

    outcome: str
    """still violated, fixed, undecided or error"""
    sentence: str
    gap: Enclosure | None = None
    """The left side."""
    bound: Enclosure | None = None
    left: str = ""
    """The left side's text."""


def replay(path: Path) -> Replay:
    """Judge a kept witness again, by the theory of this version, or by a user's own claims as they are now. Errors:
    files.BadInputError if the file is none."""
    kind, name, instance = read(path, mended=True)
    found = statement(kind, name)
    if found is None:
        return Replay("error", f"{kind} {name!r} is not known to this version; of own claims: add --claims FILE.py")
    judged = _judged(found, instance)
    changed = formats.read(path, WitnessFile).statement != found.record
    sentence = f"{judged.sentence}; the statement has changed" if changed else judged.sentence
    return replace(judged, left=found.left.text, sentence=sentence)


def _judged(found: Statement, instance: Instance) -> Replay:
    subject, name = found.subject, found.subject.name
    if isinstance(subject, Mutant):
        sides = refute(subject, instance)
        if sides is None:
            return Replay("fixed", f"mutant {name!r} is not refuted by this instance")
        return Replay("still violated", f"mutant {name!r}: {subject.title}", *sides)
    if isinstance(subject, Ablation):
        checked = confirm(subject, instance)
        outcome = "still violated" if checked.confirmed else "fixed"
        shown = subject.title if checked.confirmed else "this instance does not confirm it"
        return Replay(outcome, f"{subject.claim} without {subject.assumption}: {shown}", checked.gap, checked.bound)
    if found.without:
        judged, outcomes = alone(found.without, instance), LEFT_OUT
        sentence = f"{subject.name} without {found.without.assumption}"
        if judged is None:
            return Replay("fixed", f"{sentence}: other assumptions fail too, or this one holds")
    else:
        judged, outcomes, sentence = judge(instance, (subject,)).claims[0], OF_CLAIMS, subject.name
    outcome, why = outcomes[judged.verdict]
    return Replay(outcome, f"{sentence}: {why}", judged.side, judged.bound)


OF_CLAIMS = {
    Verdict.VIOLATED: ("still violated", "false here, and every assumption is certified"),
    Verdict.OUTSIDE: ("fixed", "an assumption of the claim certifiably fails here"),
    Verdict.PROVED: ("fixed", "proved here"),
    Verdict.EQUAL: ("fixed", "equal here as far as enclosures tell"),
    Verdict.UNDECIDED: ("undecided", "enclosures overlap at the highest precision"),
}
"""What the verdict on a claim means for a witness against it."""
LEFT_OUT = OF_CLAIMS | {
    Verdict.VIOLATED: ("still violated", "false here, and every other assumption is certified"),
    # Without an assumption a conclusion may also lose its meaning, which counts against leaving it out.
    Verdict.OUTSIDE: ("still violated", "the conclusion has no meaning here"),
}
"""The same where an assumption is left out, and the verdict is on the conclusion alone."""


Replayed = tuple[Path, Replay]
"""A file, and what became of it."""


def replay_all(paths: Sequence[Path], tell: Callable[[str | Replayed], None]) -> None:
    """Every one of them: `tell` is told which is judged, and how. Errors: files.BadInputError."""
    for path in paths:
        tell(f"replaying {path}")
        tell((path, replay(path)))


def read(path: Path, *, mended: bool = False) -> tuple[WitnessKind, str, Instance]:
    """(kind, name, instance) of a witness file. What it states must be what this version states by that name; but for
    the two sides of a user's own claim, where it may be `mended`.

    Errors: files.BadInputError.
    """
    content = formats.read(path, WitnessFile)
    kind, name = content.kind, content.name
    instance = instance_in(content.instance, str(path), "instance")
    found = statement(kind, name)
    if found is not None:
        ours = found.record
        theirs = ours if mended and _own(found.subject) else content.statement
        for field, given, wanted in (
            ("statement.left", theirs.left, ours.left),
            ("statement.relation", theirs.relation, ours.relation),
            ("statement.bound", theirs.bound, ours.bound),
            ("population", content.population, json.loads(dumps(found.population))),
            ("instance.family", instance.family, found.family),
        ):
            if given != wanted:
                required = f"{wanted!r}, as {kind} {name!r} has it in this version; make the witness again"
                raise files.BadInputError(str(path), field, given, required)
    return kind, name, instance


def _own(subject: Claim | Mutant | Ablation) -> bool:
    """Whether a user's own claims that stand have it, or are what it is about."""
    name = subject.name if isinstance(subject, Claim) else subject.claim
    own = standing()
    return own is not None and any(claim.name == name for claim in own.claims)


SHORT = 80
"""Numbers up to which an instance is printed in full."""


def readable(instance: Instance) -> list[str]:
    """The instance in lines, a field each, exact; empty if it has more than SHORT numbers."""
    if instance.numbers > SHORT:
        return []
    document = instance.canonical.document(str)
    lines = []
    for name, value in document.items():
        if name in ("format", "problem"):
            continue
        if name == "tasks" and isinstance(value, list):
            lines += [f"task {i + 1}: {_inline(task)}" for i, task in enumerate(value)]
        else:
            lines.append(f"{name}: {_inline(value)}")
    return lines


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_inline(part)}" for key, part in value.items())
    if isinstance(value, list):
        apart = "; " if any(isinstance(part, dict | list) for part in value) else ", "
        return "(" + apart.join(_inline(part) for part in value) + ")"
    return str(value)


def kept(folder: Path) -> Iterator[tuple[Path, Instance | files.BadInputError]]:
    """Every file of a folder of witnesses with its instance, or with what is wrong with it; nothing is deleted."""
    for path in sorted(folder.glob("*.json")):
        try:
            yield path, read(path, mended=True)[2]
        except files.BadInputError as error:
            yield path, error


def find(identifier: str, folder: Path) -> list[Path]:
    """The witnesses in a report's folder whose name is `identifier`, or whose instance's sha256 begins with it.

    Errors: files.BadInputError if there is none.
    """
    found = []
    for path, instance in kept(folder / FOLDER):
        if isinstance(instance, files.BadInputError):
            continue
        hashed = re.fullmatch("[0-9a-f]{6,64}", identifier) and instance.sha256.startswith(identifier)
        if path.stem == identifier or hashed:
            found.append(path)
    if not found:
        required = f"a file, or the name or the sha256 (6 digits or more) of a counterexample in {folder / FOLDER}"
        stems = [path.stem for path in sorted((folder / FOLDER).glob("*.json"))]
        raise files.BadInputError("replay", "FILE|ID", identifier, required + nearest(identifier, stems))
    return found
