"""Which claims are proved in general: statements made from claims, proofs that Coq checked, the record that binds both.

A claim is formal if the statement that is made from it now is, to the letter, one that was proved, and the proofs are
those that were checked. Whatever else changes, it is argued again, without anybody saying so.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..impl.families import FAMILIES, all_claims
from ..theory.claim import Claim, Mutant
from . import statements as coq
from .formats import read
from .formats.proving import FormalRecord, Proved

RECORD = coq.FOLDER / "record.json"
PACKAGES = "coq libcoq-mathcomp-analysis libcoq-mathcomp-algebra-tactics"
AXIOMS = frozenset(
    {"propositional_extensionality", "functional_extensionality_dep", "constructive_indefinite_description"}
)
"""What proofs may use: those of classical mathematics as mathcomp-analysis has it."""
AUDIT = "Audit.v"
"""The file, made for a check, that asks of every theorem what it says and what it rests on."""


class NotCheckedError(Exception):
    """There is no Coq, or not its libraries: nothing was checked."""


class RejectedError(Exception):
    """Coq, or a look at the axioms, refuses a proof."""


@dataclass(frozen=True)
class Standing:
    """Whether a claim is proved in general; why not; what Coq is asked to prove; the axioms of the proof."""

    formal: bool
    why: str
    statement: str = ""
    axioms: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        return "formal" if self.formal else "argued"


@cache
def kept() -> FormalRecord:
    """The record of the last check."""
    return read(RECORD, FormalRecord)


def all_mutants() -> tuple[Mutant, ...]:
    """Every mutant."""
    return tuple(mutant for family in FAMILIES.values() for mutant in family.mutants)


def written(folder: Path = coq.FOLDER) -> dict[str, str]:
    """The hash of each file that is not made from the theory."""
    files = (f"{module}.v" for module in coq.MODULES)
    return {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files if file not in coq.MADE}


def standings(claims: Iterable[Claim], record: FormalRecord, files: dict[str, str]) -> dict[str, Standing]:
    """The standing of each claim by a record, where the files with the proofs have these hashes."""
    proved = {one.name: one for one in record.claims}
    found = {}
    for claim in claims:
        try:
            statement = coq.statement(claim)
        except coq.UnstatedError as error:
            found[claim.name] = Standing(False, str(error))
            continue
        if files != record.files:
            why = "the files with the proofs are not those that were checked"
        elif claim.name not in proved:
            why = "stated in Coq, not proved there"
        elif proved[claim.name].statement != statement:
            why = "the claim has changed since its statement was proved"
        else:
            found[claim.name] = Standing(True, "", statement, tuple(proved[claim.name].axioms))
            continue
        found[claim.name] = Standing(False, why, statement)
    return found


def current() -> dict[str, Standing]:
    """The standing of every claim now, by the record that is kept."""
    return standings(all_claims(), kept(), written())


def same(one: FormalRecord, other: FormalRecord) -> bool:
    """Whether two checks found the same, whenever and however fast."""
    return (one.files, one.proofs) == (other.files, other.proofs)


def check(tell: Callable[[str], None] = lambda file: None) -> FormalRecord:
    """Compile everything from clean, the statements made anew; the axioms of every proof.

    Errors: NotCheckedError; RejectedError.
    """
    if shutil.which("coqc") is None:
        raise NotCheckedError(f"coqc is not installed (Debian: apt-get install {PACKAGES})")
    lines = ["From mathcomp Require Import reals.", f"From Metagap Require {' '.join(coq.MODULES)}."]
    asked = _asked()
    lines += [f"Check ({one.theorem} : forall R : realType, {one.kind})." for one in asked]
    lines += [
        f'Redirect "{theorem}" Print Assumptions {theorem}.' for theorem in dict.fromkeys(a.theorem for a in asked)
    ]
    seconds = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for module in coq.MODULES:
            shutil.copy(coq.FOLDER / f"{module}.v", folder)
        made = {**coq.generated(all_claims(), all_mutants()), AUDIT: "\n".join(lines) + "\n"}
        for file, text in made.items():
            (folder / file).write_text(text, encoding="utf-8")
        for file in (*(f"{module}.v" for module in coq.MODULES), AUDIT):
            tell(file)
            seconds[file] = _compiled(folder, file)

        def proved(what: str) -> list[Proved]:
            outputs = {a.theorem: (folder / f"{a.theorem}.out").read_text(encoding="utf-8") for a in asked}
            return [Proved(a.name, a.statement, _axioms(outputs[a.theorem])) for a in asked if a.what == what]

        version = subprocess.run(["coqc", "--version"], capture_output=True, text=True, check=True).stdout
        return FormalRecord(
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            compiler=version.splitlines()[0],
            seconds=seconds,
            files=written(folder),
            claims=proved("claim"),
            refuted=proved("mutant"),
            satisfied=proved("assumptions"),
        )


class _Asked(NamedTuple):
    """What is asked of Coq: that a theorem has a type; what that is of, its name and its statement for the record."""

    what: str
    name: str
    theorem: str
    kind: str
    statement: str


def _asked() -> list[_Asked]:
    """Every claim and mutant that can be stated and has a theorem, and that the assumptions can be satisfied.

    A claim that says, to the letter, what another one says, of assumptions in the same words, is proved by its theorem.
    """
    found, theorems = [], coq.theorems("Proofs")
    claims = coq.stated(all_claims())
    said = {claim.name: coq.words(claim) for claim in all_claims()}
    bodies = {name: (kind, text.partition(" : Prop := ")[2], said[name]) for name, (kind, text) in claims.items()}
    proofs = {body: coq.identifier(name) for name, body in bodies.items() if coq.identifier(name) in theorems}
    for name, (kind, text) in claims.items():
        if bodies[name] in proofs:
            theorem, stated = f"Proofs.{proofs[bodies[name]]}", f"{kind.statements}.{coq.identifier(name)} R"
            found.append(_Asked("claim", name, theorem, stated, text))
    for name, (kind, text) in coq.refutations(all_claims(), all_mutants()).items():
        if (theorem := coq.identifier(name)) in coq.theorems(kind.refuted):
            found.append(_Asked("mutant", name, f"{kind.refuted}.{theorem}", f"{kind.mutants}.{theorem} R", text))
    for name, text in coq.theorems("Satisfied").items():
        found.append(_Asked("assumptions", name, f"Satisfied.{name}", "_", text))
    return found


def _compiled(folder: Path, file: str) -> float:
    """Compile a file: its seconds of processor time. Errors: NotCheckedError; RejectedError."""
    command, before = ["coqc", "-w", "none", "-R", ".", "Metagap", file], os.times()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        words = " ".join(done.stderr.split()) or f"status {done.returncode}"
        if "physical path" in words and "mathcomp" in words:
            raise NotCheckedError(f"mathcomp-analysis is not installed (Debian: apt-get install {PACKAGES})")
        raise RejectedError(f"{file}: {words[:400]}")
    after = os.times()
    return round(after.children_user - before.children_user + after.children_system - before.children_system, 1)


def _axioms(said: str) -> list[str]:
    """The axioms of a proof, as shown. Errors: RejectedError, of one that proofs may not use, or of none."""
    printed = said.partition("Axioms:\n")[2]
    found = sorted({name.split(".")[-1] for name in re.findall(r"^([\w.']+)(?= *(?::|$))", printed, re.MULTILINE)})
    if not found or (more := set(found) - AXIOMS):
        raise RejectedError(f"the proofs rest on {', '.join(sorted(more)) if found else 'what was not shown'}")
    return found
