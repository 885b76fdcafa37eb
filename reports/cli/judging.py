"""`metagap judge`: every claim on instance files."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ...impl.answers import count
from ...impl.families import FAMILIES, family_of, load
from ...impl.files import BadInputError, dumps
from ...impl.instances import Instance
from ...impl.judge import Enclosure, Judgement
from ...impl.own_claims import stating
from ...theory.claim import Claim
from ..formats.judging import Judgement as Record
from ..judging import Answers, Judged, judge_all
from ..processes import EndedError, apart
from .ending import interrupted
from .options import ClaimOption, ClaimsOption, JsonOption, chosen_claims, number
from .outputs import emit, ready, save
from .programs import PANEL, Options, instance_of_program, is_program, no_program
from .shared import input_errors, listing, paper, voice, working


def judge(
    *,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Instance files; or FILE.py:FUNCTION, which is run and returns a PyTorch model."
        ),
    ],
    claim: ClaimOption = None,
    own: ClaimsOption = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            "--max-time",
            parser=number(0.1),
            metavar="SECONDS",
            help="End all work then, whatever it is at: what is not judged by then is UNDECIDED.",
        ),
    ] = None,
    json: JsonOption = None,
    options: Options,
    instance: Annotated[
        Path | None,
        typer.Option(
            "--instance",
            metavar="OUT",
            help="Write it as an instance file, which is judged again without running anything; - as with --json.",
            rich_help_panel=PANEL,
        ),
    ] = None,
) -> None:
    """Judge every claim on instance files, term by term, in ball arithmetic."""
    begin, claims = time.monotonic(), chosen_claims(claim)
    spoken = ready({"--json": json, "--instance": instance}, inputs=[*paths, *options.files])
    if len(paths) == 1 and is_program(paths[0]):
        instances = [instance_of_program("judge", str(paths[0]), options)]
        if instance is not None:
            save("--instance", instance, dumps(instances[0]))
    else:
        no_program(options, instance)
        with input_errors():
            instances = [load(path) for path in paths]
    names = [claim.name for claim in claims]
    with input_errors():
        _about(paths, instances, claims)
    answers, stage, why, broken = Answers(instances, names), "starting", "", False
    with input_errors(), working("judge") as show:

        def hear(told: str | Judged) -> None:
            nonlocal stage
            if isinstance(told, Judged):
                answers.take(told)
            else:
                stage = told
                show(told)

        try:
            if max_time is None:
                judge_all(paths, instances, names, hear)
            else:
                apart(stating(judge_all), (paths, instances, names), hear, begin + max_time)
        except (KeyboardInterrupt, EndedError) as error:
            broken = isinstance(error, KeyboardInterrupt) or error.interrupted
            if broken and not any(answers.found):
                raise
            why = "interrupted before it was judged" if broken else f"out of time: --max-time={max_time:g}"
    judgements = answers.judgements(why)
    records = [Record.of(judgement) for judgement in judgements]
    emit(records if len(paths) > 1 else records[0], json)
    if spoken and not voice.quiet:
        for path, one, judgement in zip(paths, instances, judgements, strict=False):
            _print(path, one.family, judgement)
    counts = Counter(one.verdict.name for judgement in judgements for one in judgement.claims)
    if spoken:
        told = ", ".join(f"{n} {name}" for name, n in counts.items()) or "nothing judged"
        typer.echo(f"{count(len(judgements), 'file')}: {told}")
    if why:
        _end(stage, [str(path) for path in paths], len(judgements), None if broken else max_time)
    raise typer.Exit(1 if "VIOLATED" in counts else 3 if "UNDECIDED" in counts or not counts else 0)


def _about(paths: Sequence[Path], instances: Sequence[Instance], claims: Sequence[Claim]) -> None:
    """Errors: BadInputError where none of the claims is about any file's kind of problem."""
    families = [family_of(one) for one in instances]
    if not any(claim in family.all_claims for family in families for claim in claims):
        kinds = dict.fromkeys(name for name, family in FAMILIES.items() for c in claims if c in family.all_claims)
        asked = f"an instance of {' or '.join(kinds)}, which the claims that are asked for are about"
        raise BadInputError(str(paths[0]), "problem", families[0].name, asked)


def _end(stage: str, paths: list[str], begun: int, max_time: float | None) -> None:
    """Say where judging ended: at its time limit, or (None) by Ctrl-C, with its status."""
    rest = f"; not begun: {', '.join(paths[begun:])}" if begun < len(paths) else ""
    left = f"while {stage}; {begun - 1} of {len(paths)} files were judged{rest}"
    if max_time is None:
        interrupted(f"judge: interrupted {left}")
    typer.echo(f"metagap: --max-time={max_time:g}: out of time {left}; allow more", err=True)


def _print(path: Path, family: str, judgement: Judgement) -> None:
    """A row per claim, both sides of it; then why, the claims of each reason together."""
    if not judgement.claims:
        typer.echo(f"{path}  {judgement.instance[:12]}  {family}-...: no claim that is asked for says anything of it")
        return
    console = paper()
    table = listing(f"{path}  {judgement.instance[:12]}  {family}-...", "claim", fold=True)
    table.add_column("verdict", no_wrap=True)
    for heading in ("left side", "bound", "left/bound"):
        table.add_column(heading, justify="right", no_wrap=True)
    reasons: dict[str, list[str]] = {}
    for one in judgement.claims:
        name = one.claim.removeprefix(f"{family}-")
        sides = (_side(one.left), _side(one.bound))
        table.add_row(name, one.verdict.name, *sides, one.tight)
        reasons.setdefault(f"{one.verdict.name}: {one.reason.removesuffix('.')}", []).append(name)
    console.print(table)
    for reason, names in reasons.items():
        console.print(f"{reason}: {', '.join(names)}", highlight=False)
    for note in judgement.notes:
        console.print(f"note: {note}")


def _side(value: Enclosure | None) -> str:
    if value is None:
        return ""
    return f"{value.middle:.6g}" if math.isfinite(value.lo) and math.isfinite(value.hi) else "unbounded"
