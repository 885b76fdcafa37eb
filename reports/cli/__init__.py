"""The command line: thin; every command is a function of one room, over `verify`, `audit`, `bench` and `render`."""

from __future__ import annotations

import functools
import itertools
import re
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer
from typer.exceptions import TyperException

from ...impl.bracket import DefectError
from .auditing import audit, replay
from .falsifying import falsify
from .judging import judge
from .optima import certify, check, optimum
from .shared import INTERRUPTED, interrupted, single_threads, standard_streams
from .showing import bench, report, schema
from .verifying import verify

STATUS = (
    "Exit status: 2 bad input (one line, nothing written), 1 a violated claim (check: rejected; falsify: refuted), "
    "130 interrupted by Ctrl-C, 3 undecided, not checked, out of time or a defect, else 0."
)

app = typer.Typer(
    help="Optimality-gap theorems of model-agnostic meta-learning: proved instance by instance, and attacked.",
    epilog=STATUS,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _spoken(command: Callable[..., None]) -> Callable[..., None]:
    """The command; one line where Ctrl-C ends it and it has not said so itself, or where the engine is at fault."""

    @functools.wraps(command)
    def spoken(**options: Any) -> None:
        try:
            command(**options)
        except KeyboardInterrupt:
            interrupted(f"{command.__name__}: interrupted before its result was written")
        except DefectError as error:
            typer.echo(
                f"metagap: defect: {error}; this is a fault of metagap and no result, please report it", err=True
            )
            raise typer.Exit(3) from None

    return spoken


for command in (judge, optimum, check, certify, verify, audit, falsify, replay, bench, report, schema):
    app.command(epilog=STATUS)(_spoken(command))


def _fault(message: str, arguments: list[str]) -> str:
    """A usage error on one line, with the value that was given."""
    line = " ".join(message.split()).rstrip(".")
    found = re.fullmatch(r"Invalid value for '(--[\w-]+)'.*?: (?:Value error, )?(.*)", line)
    if found is None:
        return line
    option, required = found.groups()
    values = [b for a, b in itertools.pairwise(arguments) if a == option]
    values += [a.removeprefix(f"{option}=") for a in arguments if a.startswith(f"{option}=")]
    return f"{option}={values[0]!r}: {required}" if values else line


def main() -> None:
    """The command `metagap`."""
    single_threads()
    with standard_streams():
        _run()


def _run() -> NoReturn:
    try:
        status = app(sys.argv[1:] or ["--help"], prog_name="metagap", standalone_mode=False)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        place = "metagap" if context is None else context.command_path
        typer.echo(f"metagap: {_fault(error.format_message(), sys.argv[1:])}; see {place} --help", err=True)
        sys.exit(2)
    if status == INTERRUPTED:
        # Typer's own word for Ctrl-C before a command begins; a command that is interrupted says so and exits.
        raise KeyboardInterrupt
    sys.exit(status)
