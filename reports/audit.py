"""The audit: which assumption carries which claim, and would the suite notice a wrong theorem.

An ablation is an exact instance on which the claim without one assumption is certified false. A mutant is a wrong
theorem that blind search must refute; its simplest and its worst witness are kept as instance files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ..impl.counterexample import second_opinion
from ..impl.falsify import Attack, Refutation, attack, refute
from ..impl.families import FAMILIES
from ..impl.insight import indifferent
from ..theory.claim import Mutant, Relation
from ..theory.notation import LETTERS
from .matrix import matrix
from .records import enclosure, environment, finite, now, opinion_record, write_text
from .sharpness import sharpness
from .witnesses import FOLDER, readable, witness


@dataclass(frozen=True)
class Effort:
    """How much to search.

    rounds     batches of each generator against the mutants, per family
    examples   instances to leave one assumption out on, per family
    hunt       seconds of every driver for each needed cell that they do not refute
    seconds    on the sharpness of a family's constants
    """

    rounds: int
    examples: int
    hunt: float
    seconds: float


CHECKER = Path(__file__).with_name("check_witness.py")
"""Checks witnesses with the standard library alone; lies beside the report, for readers who trust nothing else."""

EFFORTS = {
    "quick": Effort(8, 600, 0.1, 4.0),
    "ci": Effort(16, 4000, 2.0, 30.0),
    "deep": Effort(64, 40_000, 30.0, 300.0),
}


def _mutant(one: Attack, folder: Path) -> dict[str, Any]:
    mutant = one.mutant
    relation = r"\le" if mutant.relation is Relation.AT_MOST else "="
    return {
        "name": mutant.name,
        "title": mutant.title,
        "claim": mutant.claim,
        "why": mutant.why,
        "statement": rf"{mutant.left.latex(LETTERS)} {relation} {mutant.bound.latex(LETTERS)}",
        "status": one.status,
        "generator": one.first.generator if one.first else None,
        "examples": one.examples,
        "seconds": round(one.seconds, 4),
        "kills": {name: int(count) for name, count in sorted(one.hits.items())},
        "simplest": _witness(mutant, one.simplest(), "simplest", folder),
        "worst": _witness(mutant, one.worst(), "worst", folder),
    }


def _witness(mutant: Mutant, found: Refutation | None, kind: str, folder: Path) -> dict[str, Any] | None:
    if found is None:
        return None
    name = f"{FOLDER}/mutant-{mutant.name}-{kind}.json"
    write_text(folder / name, witness("mutant", mutant.name, found.instance, found.gap, found.bound))
    ratio = found.gap.middle / found.bound.middle if found.bound.middle else None
    opinion = second_opinion(mutant.left, mutant.bound, found.instance, mutant.relation)
    free = indifferent(found.instance, lambda i: refute(mutant, i) is not None) if kind == "simplest" else []
    return {
        "file": name,
        "instance": found.instance.sha256,
        "gap": enclosure(found.gap),
        "bound": enclosure(found.bound),
        "ratio": finite(ratio),
        "numbers": found.instance.numbers,
        "grade": "suspect" if opinion is not None and opinion.agrees is False else "genuine",
        "second": opinion_record(opinion),
        "indifferent": free,
        "data": readable(found.instance),
        "command": f"metagap replay {{folder}}/{name}",
    }


LISTS = ("cells", "joint", "sharpness", "thresholds", "slack", "mutants")
"""What an audit finds, family by family."""

Found = dict[str, list[dict[str, Any]]]


def audit_family(
    name: str,
    folder: Path,
    seed: int,
    effort: Effort,
    only_mutants: bool = False,
    progress: Callable[[str], None] = lambda message: None,
) -> Found:
    """The audit of one family: its lists. Witnesses are written into the folder."""
    family = FAMILIES[name]
    found: Found = {key: [] for key in LISTS}
    if not only_mutants:
        found["cells"], found["joint"] = matrix(family, folder, seed, effort.examples, effort.hunt, progress)
        found |= sharpness(family, folder, seed, effort.seconds, progress)
    attacks = attack(family, seed=seed, rounds=effort.rounds, progress=progress)
    return found | {"mutants": [_mutant(one, folder) for one in attacks]}


def audit(
    folder: Path,
    *,
    seed: int,
    effort: Effort,
    command: str,
    families: Sequence[str] = tuple(FAMILIES),
    workers: int = 1,
    only_mutants: bool = False,
    progress: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """The whole audit as a record: metagap/audit/1, or metagap/mutants/1 with the mutants alone."""
    begin, started = time.monotonic(), now()
    write_text(folder / CHECKER.name, CHECKER.read_text(encoding="utf-8"))
    rows: dict[str, Found] = {}
    if workers == 1:
        for name in families:
            rows[name] = audit_family(name, folder, seed, effort, only_mutants, progress)
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            arguments = (folder, seed, effort, only_mutants)
            jobs = {pool.submit(audit_family, name, *arguments): name for name in families}
            for job in as_completed(jobs):
                rows[jobs[job]] = job.result()
                progress(f"{len(rows)} of {len(families)} families, last {jobs[job]}")
    kept = ("mutants",) if only_mutants else LISTS
    return {
        "format": "metagap/mutants/1" if only_mutants else "metagap/audit/1",
        "version": environment()["metagap"],
        "seed": seed,
        "seconds": round(time.monotonic() - begin, 2),
        "started": started,
        "environment": environment(),
        "command": command,
        **{key: [row for name in families for row in rows[name][key]] for key in kept},
    }
