"""`metagap judge`: every claim on instance files."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ...impl import files
from ...impl.families import FAMILIES
from ...impl.headlines import headline_of
from ...impl.instances import Instance
from ...impl.judge import ClaimJudgement, Enclosure, Judgement
from ...impl.judge import judge as judge_instance
from ...impl.meta_rl.headline import judge_headline as judge_meta_rl_headline
from ...impl.meta_rl.headline import supremum
from ...impl.meta_rl.instance import MetaRLInstance
from ...impl.meta_sl.instance import MetaSLInstance
from ...impl.network.instance import NetworkInstance
from ...impl.optimum import UnsupportedError
from ...impl.optimum.headline import headline
from ...theory.claim import Claim
from ..records import judgement_record
from .ending import interrupted
from .shared import ClaimOption, JsonOption, chosen_claims, emit, input_errors, listing, paper, ready, working


def _judged(instance: Instance, claims: tuple[Claim, ...]) -> Judgement:
    """Every claim asked for; the headline last, where the problem has an optimum to certify."""
    family = FAMILIES[instance.family]
    judgement = judge_instance(instance, [c for c in family.claims if c in claims], complete=True)
    found = _headline(instance) if family.headline in claims else None
    return judgement if found is None else replace(judgement, claims=(*judgement.claims, found))


def _headline(instance: Instance) -> ClaimJudgement | None:
    """The headline at the instance's omega, or None where the optimum cannot be certified."""
    with suppress(UnsupportedError, ValueError):
        if isinstance(instance, MetaSLInstance):
            return headline(instance)
        if isinstance(instance, MetaRLInstance):
            return judge_meta_rl_headline(instance, supremum(instance), "omega", complete=True).judged
        if isinstance(instance, NetworkInstance):
            of = headline_of(instance)
            return of.judge(instance, of.bracketed(instance), complete=True).judged
    return None


def judge(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Instance files.")],
    claim: ClaimOption = None,
    json: JsonOption = None,
) -> None:
    """Judge every claim on instance files, term by term, in ball arithmetic."""
    claims = chosen_claims(claim)
    spoken = ready({"--json": json})
    with input_errors():
        instances = [files.load(path) for path in paths]
    judgements: list[Judgement] = []
    with working("judge") as show:
        try:
            for path, instance in zip(paths, instances, strict=True):
                show(f"judging {path}")
                judgements.append(_judged(instance, claims))
        except KeyboardInterrupt:
            if not judgements or json is not None:
                raise
    records = [judgement_record(judgement) for judgement in judgements]
    if len(judgements) == len(paths):
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
    return "" if value is None or math.isnan(value.middle) else f"{value.middle:.6g}"
