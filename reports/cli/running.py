"""`metagap runs`: what a store has, going on with an unfinished run, and making room."""

from __future__ import annotations

import shlex
from typing import Annotated, NoReturn

import typer

from ...impl.answers import count
from ...impl.files.faults import nearest
from .. import store as stores
from .ending import fail
from .options import FOLDER, FolderOption, StoreOption, WorkerOptions
from .outputs import store_at
from .shared import listing, paper, voice


def runs(
    *,
    which: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN...]", help="Runs, as this command lists them.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with RUN, in its own folders.")] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Forget RUN..., remove results that no unfinished run of these sources needs."),
    ] = False,
    who: WorkerOptions,
    store: StoreOption = None,
    out: FolderOption = FOLDER,
) -> None:
    """List the runs whose results are kept, go on with one, or make room.

    Of the folder --store (or $METAGAP_STORE), else beside the report in --out.
    """
    place = store_at(store, out)
    if resume and prune:
        fail("--resume: no --prune beside it is required; give one of the two")
    found = [run for _, run in stores.kept_runs(place)]
    known = {run.identifier for run in found}
    for name in which or ():
        if name not in known:
            fail(f"RUN={name!r}: a run in {str(place)!r} is required{nearest(name, known)}; metagap runs lists them")
    shown = [run for run in found if not which or run.identifier in which]
    unfinished = [run for run in shown if run.state == "unfinished"]
    if resume:
        if len(unfinished) != 1 or not which:
            states = ", ".join(f"{run.identifier} {run.state}" for run in shown) or "there is none"
            fail(f"--resume: one unfinished RUN of these sources is required ({states}); metagap runs lists them")
        command = unfinished[0].command
        if "--claims" in command:
            line = shlex.join(["metagap", *command])
            fail(f"--resume: no record names a file that is run, as --claims does; give the command itself: {line}")
        _resume(unfinished[0], who)
    if prune:
        try:
            gone = stores.prune(place, which or ())
        except OSError as error:
            fail(f"{str(place)!r}: {error.strerror}; give a store that can be written")
        typer.echo(f"{gone} folders of results were removed")
        return
    if not voice.quiet:
        _print(shown)
    typer.echo(f"{count(len(shown), 'run')}, {len(unfinished)} unfinished")


def _resume(run: stores.KeptRun, who: WorkerOptions) -> NoReturn:
    """The run's command, again: this one ends with it."""
    from . import app

    given = ["--workers", str(who.workers), *([] if who.cluster is None else ["--cluster", who.cluster])]
    raise typer.Exit(app([*run.command, *given], prog_name="metagap", standalone_mode=False) or 0)


def _print(runs: list[stores.KeptRun]) -> None:
    table = listing("Runs", "run")
    for heading in ("state", "results", "begun"):
        table.add_column(heading, no_wrap=True)
    table.add_column("command", overflow="fold")
    for run in runs:
        command = shlex.join(["metagap", *run.command])
        table.add_row(run.identifier, run.state, f"{run.done} of {run.jobs}", run.started, command)
    paper().print(table)
