"""`metagap judge`: every claim on instance files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ...impl.families import family_of, load
from ...impl.families import judge as judge_instance
from ...impl.instances import Instance
from ...impl.judge import Enclosure, Judgement
from ...impl.study import UnsupportedError
from ...theory.claim import Claim
from ..formats.judging import Judgement as Record
from .ending import interrupted
from .shared import ClaimOption, JsonOption, chosen_claims, emit, input_errors, listing, paper, ready, working


def _judged(instance: Instance, claims: tuple[Claim, ...]) -> Judgement:
    """Every claim asked for; the headline last, where the problem has an optimum to bracket."""
    family = family_of(instance)
    judgement = judge_instance(instance, [c for c in family.claims if c in claims], complete=True)
    if family.headline is None or family.headline.claim not in claims:
        return judgement
    try:
        found = family.headline.judged(instance)
    except UnsupportedError:
        return judgement
    return replace(judgement, claims=(*judgement.claims, found))


def judge(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Instance files.")],
    claim: ClaimOption = None,
    json: JsonOption = None,
) -> None:
    """Judge every claim on instance files, term by term, in ball arithmetic."""
    claims = chosen_claims(claim)
    spoken = ready({"--json": json}, inputs=paths)
    with input_errors():
        instances = [load(path) for path in paths]
    judgements: list[Judgement] = []
    with working("judge") as show:
        try:
            for path, instance in zip(paths, instances, strict=True):
                show(f"judging {path}")
                judgements.append(_judged(instance, claims))
        except KeyboardInterrupt:
            if not judgements or json is not None:
                raise
    if len(judgements) == len(paths):
        records = [Record.of(judgement) for judgement in judgements]
        emit(records if len(records) > 1 else records[0], json)
    if spoken:
        for path, instance, judgement in zip(paths, instances, judgements, strict=False):
            _print(path, instance.family, judgement)
    if len(judgements) < len(paths):
        interrupted(
            f"judge: interrupted at {paths[len(judgements)]}; {len(judgements)} of {len(paths)} files were judged"
        )
    verdicts = {one.verdict.name for judgement in judgements for one in judgement.claims}
    raise typer.Exit(1 if "VIOLATED" in verdicts else 3 if "UNDECIDED" in verdicts else 0)


def _print(path: Path, family: str, judgement: Judgement) -> None:
    """A row per claim, both sides of it; then why, the claims of each reason together."""
    console = paper()
    table = listing(f"{path}  {judgement.instance[:12]}  {family}-...", "claim")
    table.add_column("verdict", no_wrap=True)
    for heading in ("left side", "bound", "left/bound"):
        table.add_column(heading, justify="right", no_wrap=True)
    reasons: dict[str, list[str]] = {}
    for one in judgement.claims:
        name = one.claim.removeprefix(f"{family}-")
        sides = (_side(one.left), _side(one.bound))
        table.add_row(name, one.verdict.name, *sides, "" if one.ratio is None else f"{one.ratio:.3f}")
        reasons.setdefault(f"{one.verdict.name}: {one.reason}", []).append(name)
    console.print(table)
    for reason, names in reasons.items():
        console.print(f"{reason}: {', '.join(names)}", highlight=False)
    for note in judgement.notes:
        console.print(f"note: {note}")


def _side(value: Enclosure | None) -> str:
    if value is None:
        return ""
    return f"{value.middle:.6g}" if math.isfinite(value.lo) and math.isfinite(value.hi) else "unbounded"
