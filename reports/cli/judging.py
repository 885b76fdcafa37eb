"""`metagap judge`: every claim on instance files."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ...impl import files
from ...impl.families import FAMILIES
from ...impl.headlines import headline_of
from ...impl.instances import Instance
from ...impl.judge import ClaimJudgement, Judgement
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
from .shared import ClaimOption, JsonOption, chosen_claims, emit, input_errors, paper, ready


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
    judgements = [_judged(instance, claims) for instance in instances]
    records = [judgement_record(judgement) for judgement in judgements]
    emit(records if len(records) > 1 else records[0], json)
    if spoken:
        console = paper()
        for path, judgement in zip(paths, judgements, strict=True):
            table = Table(title=f"{path}  {judgement.instance[:12]}", title_justify="left")
            for heading in ("claim", "verdict", "gap", "bound", "gap/bound", "because"):
                table.add_column(heading, overflow="fold")
            for one in judgement.claims:
                shown = (
                    "" if one.gap is None else f"{one.gap.middle:.6g}",
                    "" if one.bound is None else f"{one.bound.middle:.6g}",
                    "" if one.ratio is None else f"{one.ratio:.3f}",
                )
                table.add_row(one.claim, one.verdict.name, *shown, one.reason)
            console.print(table)
            for note in judgement.notes:
                console.print(f"note: {note}")
    verdicts = {one.verdict.name for judgement in judgements for one in judgement.claims}
    raise typer.Exit(1 if "VIOLATED" in verdicts else 3 if "UNDECIDED" in verdicts else 0)
