"""The audit: which assumption carries which claim, and would the suite notice a wrong theorem.

An ablation is an exact instance on which the claim without one assumption is certified false. A mutant is a wrong
theorem that blind search must refute; its simplest and its worst witness are kept as instance files.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
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
from .witnesses import FOLDER, witness


@dataclass(frozen=True)
class Effort:
    """How much to search.

    rounds     batches of each generator against the mutants, per family
    examples   instances to leave one assumption out on, per family
    seconds    on the sharpness of all constants
    """

    rounds: int
    examples: int
    seconds: float


CHECKER = Path(__file__).with_name("check_witness.py")
"""Checks witnesses with the standard library alone; lies beside the report, for readers who trust nothing else."""

EFFORTS = {"quick": Effort(8, 600, 16.0), "ci": Effort(16, 4000, 120.0), "deep": Effort(64, 40_000, 1200.0)}


def mutants(
    folder: Path, seed: int, rounds: int, progress: Callable[[str], None] = lambda message: None
) -> list[dict[str, Any]]:
    """The mutant run as records; writes both witnesses of each beside the record."""
    return [
        _mutant(one, folder)
        for family in FAMILIES.values()
        for one in attack(family, seed=seed, rounds=rounds, progress=progress)
    ]


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
        "command": f"metagap replay {{folder}}/{name}",
    }


def audit(
    folder: Path,
    *,
    seed: int,
    effort: Effort,
    command: str,
    only_mutants: bool = False,
    progress: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """The whole audit as a record: metagap/audit/1, or metagap/mutants/1 with the mutants alone."""
    begin, started = time.monotonic(), now()
    found_cells, joint = ([], []) if only_mutants else matrix(folder, seed, effort.examples, progress)
    write_text(folder / CHECKER.name, CHECKER.read_text(encoding="utf-8"))
    found_mutants = mutants(folder, seed, effort.rounds, progress)
    bounds = {} if only_mutants else sharpness(folder, seed, effort.seconds, progress)
    record: dict[str, Any] = {
        "format": "metagap/mutants/1" if only_mutants else "metagap/audit/1",
        "version": environment()["metagap"],
        "seed": seed,
        "seconds": round(time.monotonic() - begin, 2),
        "started": started,
        "environment": environment(),
        "command": command,
    }
    if not only_mutants:
        record |= {"cells": found_cells, "joint": joint, **bounds}
    return record | {"mutants": found_mutants}
