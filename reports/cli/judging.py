"""`metagap judge`: every claim on instance files."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ...impl.answers import count
from ...impl.families import FAMILIES, load
from ...impl.files import BadInputError, dumps
from ...impl.instances import Instance
from ...impl.own_claims import stating
from ...theory.claim import Claim
from ..judging import Answers, Begun, Told, Unread, judge_all
from ..processes import EndedError, apart
from .ending import interrupted
from .judged import Shown, shown
from .options import ClaimOption, ClaimsOption, JsonOption, chosen_claims, listed, number
from .outputs import emit, emitted, ready, save
from .programs import PANEL, Options, instance_of_program, is_program, no_program
from .shared import input_errors, voice, working


def judge(
    *,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|FOLDER...",
            help="Instance files, or folders with some (FOLDER/*.json, by name); or FILE.py:FUNCTION, which is run and "
            "returns a PyTorch model.",
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
    """Judge every claim on instance files, term by term, in ball arithmetic.

    Of several files arrays that enclose decide what they can of those of one shape, at once, and balls the rest: each
    file is a row, and its record has both sides of every claim, the terms of those that balls decide, and no room for
    float64. A folder counts as several files, however many it has. One that cannot be read is a line on the error
    stream, null in the record, and status 2 once the others are judged, whatever their verdicts: not all that was asked
    for was judged. The last line counts them.
    """
    begin, claims = time.monotonic(), chosen_claims(claim)
    many = len(paths) > 1 or os.path.isdir(paths[0])
    paths = listed(paths)
    spoken = ready({"--json": json, "--instance": instance}, inputs=[*paths, *options.files])
    names = [claim.name for claim in claims]
    one: Instance | None = None
    if not many and is_program(paths[0]):
        one = instance_of_program("judge", str(paths[0]), options)
        if instance is not None:
            save("--instance", instance, dumps(one))
    else:
        no_program(options, instance)
        if not many:
            with input_errors():
                one = load(paths[0])
    if one is not None:
        _about(str(paths[0]), one.family, claims)
    with emitted(json) if one is None else nullcontext(partial(emit, target=json)) as write:
        table = shown(paths, many, write)
        ended = _work(paths, one, names, table, begin, max_time)
        if one is None and ended is None and not table.counts:
            if table.first is None:
                raise typer.Exit(2)  # it was said of each file why
            _about(*table.first, claims)
    if spoken and not voice.quiet:
        table.show()
    if spoken:
        counted = ", ".join(f"{n} {name}" for name, n in table.counts.items()) or "nothing judged"
        unread = f"; {table.unread} not read" if table.unread else ""
        typer.echo(f"{count(table.files, 'file')}: {counted}{unread}")
    if ended is not None:
        _end(ended, [str(path) for path in paths], table)
    if table.unread:
        raise typer.Exit(2)
    raise typer.Exit(1 if table.counts["VIOLATED"] else 3 if table.counts["UNDECIDED"] or not table.counts else 0)


def _about(path: str, family: str, claims: Sequence[Claim]) -> None:
    """Errors: BadInputError where none of the claims is about the file's kind of problem."""
    if not any(claim in FAMILIES[family].all_claims for claim in claims):
        kinds = dict.fromkeys(name for name, one in FAMILIES.items() for c in claims if c in one.all_claims)
        asked = f"an instance of {' or '.join(kinds)}, which the claims that are asked for are about"
        raise BadInputError(path, "problem", family, asked)


@dataclass(frozen=True)
class _Ended:
    """Where judging ended before all was judged: in a file that was begun, or not; at its time limit, or (None) by
    Ctrl-C."""

    stage: str
    within: bool
    limit: float | None


def _work(
    paths: Sequence[Path],
    one: Instance | None,
    names: Sequence[str],
    table: Shown,
    begin: float,
    limit: float | None,
) -> _Ended | None:
    """Judge, and give what was judged to the table."""
    answers, stage, why, ended = Answers(table.take), "starting", "", None
    if one is not None:
        answers.take(Begun.of(0, one, names))
    with input_errors(), working("judge") as show:

        def hear(told: Told) -> None:
            nonlocal stage
            if isinstance(told, str):
                stage = told
                show(told)
                return
            answers.take(told)
            if isinstance(told, Unread):
                table.refuse(told)

        try:
            if limit is None:
                judge_all(paths, one, names, hear)
            else:
                apart(stating(judge_all), (paths, one, names), hear, begin + limit)
        except (KeyboardInterrupt, EndedError) as error:
            broken = isinstance(error, KeyboardInterrupt) or error.interrupted
            if broken and not answers.any:
                raise
            why = "interrupted before it was judged" if broken else f"out of time: --max-time={limit:g}"
            ended = _Ended(stage, answers.begun is not None, None if broken else limit)
    answers.end(why)
    return ended


def _end(ended: _Ended, paths: list[str], table: Shown) -> None:
    """Say where judging ended; by Ctrl-C with its status."""
    begun = table.files + table.unread
    left, more = paths[begun:][:NAMED], len(paths) - begun - NAMED
    rest = f"; not begun: {', '.join(left)}{f' and {more} more' if more > 0 else ''}" if left else ""
    where = f"while {ended.stage}; {table.files - ended.within} of {len(paths)} files were judged{rest}"
    if ended.limit is None:
        interrupted(f"judge: interrupted {where}")
    typer.echo(f"metagap: --max-time={ended.limit:g}: out of time {where}; allow more", err=True)


NAMED = 9
"""Files that are named at most where many were not begun."""
