"""`metagap falsify`: search for a counterexample to one claim or one mutant."""

from __future__ import annotations

from typing import Annotated

import typer

from ...impl.extras import MissingExtraError
from ...impl.falsify.gradient import NoGradientError
from ...impl.falsify.pursuit import Found
from .. import falsifying
from ..formats.searching import Driver, Size
from ..own import option
from .ending import fail
from .options import FOLDER, ClaimsOption, FolderOption, JsonOption, SeedOption, until
from .outputs import emit, ready, writing
from .shared import input_errors, voice, working


def falsify(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A claim or a mutant; without it, the names.")
    ] = None,
    own: ClaimsOption = None,
    driver: Annotated[Driver, typer.Option(help="How to search.")] = "evolution",
    max_time: Annotated[float, until("Stop then.")] = 10.0,
    seed: SeedOption = 0,
    size: Annotated[Size | None, typer.Option(help="Size of the instances; by default small and mixed.")] = None,
    json: JsonOption = None,
    out: FolderOption = FOLDER,
) -> None:
    """Search for a certified counterexample, or for the tightest instance.

    Floats search; only what ball arithmetic certifies is called a counterexample. Ctrl-C ends the search with what is
    known. Status 1 if refuted, 3 if nothing met the assumptions and had a value, else 0.
    """
    if name is None:
        for known in falsifying.subjects():
            typer.echo(known)
        return
    with input_errors():
        falsifying.subject_of(name)
    spoken = ready({"--json": json}, out)
    command = f"metagap falsify {name} --driver {driver} --max-time {max_time:g} --seed {seed}"
    command += f" --size {size}" if size else ""
    command += option()
    with input_errors(), working("falsify") as show, writing(out):

        def searching(found: Found) -> None:
            show(f"searching: {found.evaluations} instances, largest left/bound {found.value:.9g}")

        try:
            record = falsifying.falsify(
                name,
                out,
                driver=driver,
                seed=seed,
                seconds=max_time,
                size=size,
                command=command,
                progress=searching,
            )
        except NoGradientError as error:
            fail(f"--driver={driver!r}: {error}; use evolution or hypothesis")
        except MissingExtraError as error:
            fail(f"--driver={driver!r}: {error}")
    emit(record, json)
    if spoken:
        verdict, *details = falsifying.lines(record, out)
        for line in (*([] if voice.quiet else details), verdict):
            typer.echo(line)
    raise typer.Exit({"refuted": 1, "not refuted": 0, "nothing judged": 3}[record.status])
