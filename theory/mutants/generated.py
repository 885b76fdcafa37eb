"""Every half and every dropped summand of every claim: a constant that nobody uses up would show.

Search must refute each, as it must refute the mutants that somebody thought of, but for those listed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..claim import Claim, Mutant
from .edits import Wrong, sharpened

TRUE: dict[str, str] = {
    "meta-rl-t3f-half": "Half of a number is at least 0 exactly if the number is.",
}
"""Names of those that are true after all -> the proof."""

OPEN: dict[str, str] = {
    "meta-rl-t3d-smooth-half": "No instance known attains more than about a quarter of beta: the a priori bound of the "
    "values' derivative, span b/(2(1-g)), is not attained together with that of the score.",
}
"""Names of those that are neither refuted nor proved -> what is known."""

WHY = "A constant that is not too large is used up somewhere."


def mutants(family: str, claims: Sequence[Claim], rows: Sequence[Wrong]) -> tuple[Mutant, ...]:
    """The mutants of a family's claims: those of the rows, then the generated ones that are not among them."""
    stems = {claim.name.removeprefix(f"{family}-"): claim for claim in claims}
    found = {_statement(mutant): mutant for mutant in (row.of(stems[row.stem]) for row in rows)}
    for claim in claims:
        for name, title, edit in sharpened(claim):
            why = TRUE.get(name) or OPEN.get(name) or WHY
            mutant = Wrong(name, "", title, edit, why, equivalent=name in TRUE).of(claim)
            found.setdefault(_statement(mutant), replace(mutant, generated=True, open=name in OPEN))
    return tuple(found.values())


def _statement(mutant: Mutant) -> tuple[object, ...]:
    return mutant.claim, mutant.left, mutant.relation, mutant.bound, mutant.drops
