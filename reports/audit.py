"""The audit: which assumption carries which claim, and would the suite notice a wrong theorem.

An ablation is an exact instance on which the claim without one assumption is certified false. A mutant is a wrong
theorem that blind search must refute; its simplest and its worst witness are kept as instance files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flint import arb, ctx, fmpq

from ..impl import files
from ..impl.arithmetic import IrrationalError, Rationals, rational
from ..impl.falsify import Attack, Refutation, attack, refute
from ..impl.families import ALL_CLAIMS, FAMILIES, family_of
from ..impl.instances import Instance
from ..impl.judge import PRECISIONS, Enclosure, judge
from ..theory.claim import Ablation, Claim, Mutant, Relation, Verdict
from ..theory.notation import LETTERS
from .records import WITNESS_FORMAT, enclosure, environment, finite, now, witness, write_text


@dataclass(frozen=True)
class Confirmation:
    """An ablation evaluated: the claim's conclusion without the assumption, and its exact terms."""

    instance: Instance
    gap: Enclosure
    bound: Enclosure
    confirmed: bool
    exact: dict[str, str]
    verdict: Verdict | None
    """The verdict on the unchanged claim (which must not be VIOLATED)."""


def confirm(ablation: Ablation) -> Confirmation:
    """Evaluate an ablation's instance: exact rationals where they reach, balls elsewhere.

    Confirmed: the left side certifiably exceeds the bound, and every exact value of the derivation is reproduced.
    """
    assert ablation.instance is not None and ablation.bound is not None
    instance = _instance(ablation.instance)
    population = instance if ablation.population is None else _instance(ablation.population)
    exact = _exact_terms(ablation, instance, population)
    with ctx.workprec(PRECISIONS[1]):
        left, bound = _sides(ablation, instance, population)
    reproduced = all(exact.get(name) == str(rational(value)) for name, value in ablation.exact.items())
    verdict = None
    claim = next((c for c in ALL_CLAIMS if c.name == ablation.claim), None)
    if claim is not None and ablation.population is None:
        verdict = judge(instance, (claim,)).claims[0].verdict
    confirmed = bool(left > bound) and reproduced and verdict is not Verdict.VIOLATED
    return Confirmation(instance, Enclosure.of(left), Enclosure.of(bound), confirmed, exact, verdict)


def _instance(content: Any) -> Instance:
    return files.loads(json.dumps(content), "theory/ablations.py")


def _sides(ablation: Ablation, instance: Instance, population: Instance) -> tuple[arb, arb]:
    assert ablation.bound is not None
    quantities, direction = family_of(instance).quantities, None
    if ablation.direction is not None:
        direction = tuple(rational(v) for v in ablation.direction)
        exactly = quantities(instance, Rationals, direction)
        at_left = exactly if population is instance else quantities(population, Rationals)
        return arb(ablation.left(at_left)), arb(ablation.bound(exactly))
    at = quantities(instance, direction=direction)
    at_left_balls = at if population is instance else quantities(population)
    return ablation.left(at_left_balls), ablation.bound(at)


def _exact_terms(ablation: Ablation, instance: Instance, population: Instance) -> dict[str, str]:
    """The exact rational values of the terms that the derivation names, computed again."""
    quantities = family_of(instance).quantities
    direction = None if ablation.direction is None else tuple(rational(v) for v in ablation.direction)
    exactly = quantities(instance, Rationals, direction)
    found = {}
    for name in ablation.exact:
        try:
            value: fmpq = exactly(name)
        except IrrationalError:
            with ctx.workprec(PRECISIONS[1]):
                ball = quantities(instance)(name)
            value = rational(ablation.exact[name])
            if not ball.contains(arb(value)):
                continue
        found[name] = str(value)
    return found


def cells(folder: Path) -> list[dict[str, Any]]:
    """The assumption audit as records; writes the counterexamples beside the record."""
    return [_cell(ablation, folder) for family in FAMILIES.values() for ablation in family.ablations]


def _cell(ablation: Ablation, folder: Path) -> dict[str, Any]:
    statements = {a.name: a for claim in ALL_CLAIMS for a in claim.assumptions}
    assumption = statements.get(ablation.assumption)
    row: dict[str, Any] = {
        "claim": ablation.claim,
        "assumption": ablation.assumption,
        "identifier": ablation.identifier or (assumption.identifier if assumption else ""),
        "statement": assumption.statement if assumption else _BUILT_IN.get(ablation.assumption, ""),
        "status": ablation.standing.value,
        "title": ablation.title,
        "step": ablation.step,
        "witness": None,
        "instance": None,
        "gap": None,
        "bound": None,
        "exact": {},
        "statement_without": None,
        "confirmed": None,
        "searched": 0,
        "reason": ablation.reason,
        "command": None,
    }
    if ablation.instance is None or ablation.bound is None:
        return row
    checked = confirm(ablation)
    name = f"counterexamples/{ablation.name}.json"
    write_text(folder / name, witness("ablation", ablation.name, checked.instance))
    return row | {
        "witness": name,
        "instance": checked.instance.sha256,
        "gap": enclosure(checked.gap),
        "bound": enclosure(checked.bound),
        "exact": checked.exact,
        "statement_without": rf"{ablation.left.latex(LETTERS)} \le {ablation.bound.latex(LETTERS)}",
        "confirmed": checked.confirmed,
        "command": f"metagap replay {{folder}}/{name}",
    }


_BUILT_IN = {
    "stationarity-of-L": "eps is the gradient norm of L itself.",
    "minimiser-exists": "A global minimiser of L exists.",
    "one-radius": "The R of R eps is the radius of the ball of the infimum.",
    "population-risk": "w, eps and the gap belong to the same distribution.",
    "population-adaptation": "The adaptation uses the population risk.",
    "finite-second-moments": "w, u and the meta-features have finite second moments.",
    "lookahead-in-the-feature": "The meta-feature contains eta grad Q_i.",
    "shift-by-state": "What is subtracted from the visitation ratio depends on the state only.",
    "one-process-per-task": "omega and the comparator live in the same processes.",
    "bounded-rewards": "Rewards are bounded.",
    "bounded-features": "Features are bounded.",
    "discount-below-1": "gamma_i < 1.",
    "regular-adaptation": "The Jacobian of the adaptation is invertible.",
    "equal-discounts": "All tasks have the same discount.",
    "one-kink-rule": "The value of 1{0 > 0} is the same in the gradient, in W_i and in the features.",
    "regular-data": "P(|a'x| <= t) <= c t/||a|| for all a and t: no hyperplane through 0 has mass.",
    "W-in-the-ball": "The network stays in a ball around its initialisation.",
}
"""What hypotheses say that are built into the statement."""


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
    name = f"counterexamples/mutant-{mutant.name}-{kind}.json"
    write_text(folder / name, witness("mutant", mutant.name, found.instance))
    ratio = found.gap.middle / found.bound.middle if found.bound.middle else None
    return {
        "file": name,
        "instance": found.instance.sha256,
        "gap": enclosure(found.gap),
        "bound": enclosure(found.bound),
        "ratio": finite(ratio),
        "numbers": found.instance.numbers,
        "grade": "genuine",
        "command": f"metagap replay {{folder}}/{name}",
    }


def audit(
    folder: Path,
    *,
    seed: int,
    rounds: int,
    command: str,
    only_mutants: bool = False,
    progress: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """The whole audit as a record: metagap/audit/1, or metagap/mutants/1 with the mutants alone."""
    begin, started = time.monotonic(), now()
    progress("assumptions")
    found_cells = [] if only_mutants else cells(folder)
    found_mutants = mutants(folder, seed, rounds, progress)
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
        record["cells"] = found_cells
    return record | {"mutants": found_mutants}


@dataclass(frozen=True)
class Replay:
    """A kept witness, judged again."""

    outcome: str
    """still violated, fixed or error"""
    sentence: str
    gap: Enclosure | None = None
    bound: Enclosure | None = None


def replay(path: Path) -> Replay:
    """Judge a kept witness again. Errors: files.BadInputError if the file is none."""
    content = _read_witness(path)
    kind, name = content["kind"], content["name"]
    instance = files.loads(json.dumps(content["instance"]), str(path))
    if kind == "mutant":
        mutant = next((m for family in FAMILIES.values() for m in family.mutants if m.name == name), None)
        if mutant is None:
            return Replay("error", f"mutant {name!r} is not known to this version")
        found = refute(mutant, instance)
        if found is None:
            return Replay("fixed", f"mutant {name!r} is not refuted by this instance")
        return Replay("still violated", f"mutant {name!r}: {mutant.title}", *found)
    if kind == "ablation":
        ablation = next((a for family in FAMILIES.values() for a in family.ablations if a.name == name), None)
        if ablation is None:
            return Replay("error", f"ablation {name!r} is not known to this version")
        checked = confirm(ablation)
        if checked.instance.sha256 != instance.sha256:
            return Replay("error", f"the instance is not the one of ablation {name!r}")
        outcome = "still violated" if checked.confirmed else "fixed"
        sentence = f"{ablation.claim} without {ablation.assumption}: {ablation.title}"
        return Replay(outcome, sentence, checked.gap, checked.bound)
    claim: Claim | None = next((c for c in ALL_CLAIMS if c.name == name), None)
    if claim is None:
        return Replay("error", f"claim {name!r} is not known to this version")
    judged = judge(instance, (claim,)).claims[0]
    outcome = "still violated" if judged.verdict is Verdict.VIOLATED else "fixed"
    return Replay(outcome, f"{claim.name}: {judged.verdict.value}", judged.gap, judged.bound)


def _read_witness(path: Path) -> dict[str, Any]:
    def bad(field: str, given: object, required: str) -> files.BadInputError:
        return files.BadInputError(str(path), field, given, required)

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise bad("file", error.strerror, "a readable witness file") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise bad("file", str(error), "a witness file in JSON") from None
    if not isinstance(content, dict) or content.get("format") != WITNESS_FORMAT:
        given = content.get("format") if isinstance(content, dict) else content
        raise bad("format", given, f"{WITNESS_FORMAT!r}, as written by metagap audit and metagap verify")
    if content.get("kind") not in ("mutant", "ablation", "claim"):
        raise bad("kind", content.get("kind"), "'mutant', 'ablation' or 'claim'")
    for name in ("name", "instance"):
        if name not in content:
            raise bad(name, None, "a value")
    return content
