"""The command line: thin; every command is a function of one room, over `verify`, `audit`, `bench` and `render`."""

from __future__ import annotations

import sys

import typer

from .auditing import audit, replay
from .falsifying import falsify
from .judging import judge
from .optima import certify, check, optimum
from .shared import single_threads
from .showing import bench, report, schema
from .verifying import verify

app = typer.Typer(
    help="Optimality-gap theorems of model-agnostic meta-learning: proved instance by instance, and attacked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (judge, optimum, check, certify, verify, audit, falsify, replay, bench, report, schema):
    app.command()(command)


def main() -> None:
    """The command `metagap`."""
    single_threads()
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("metagap: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
