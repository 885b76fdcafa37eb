"""The command line: thin; every command is a function of one room, over `verify`, `audit`, `bench` and `render`."""

from __future__ import annotations

import itertools
import re
import sys

import typer
from typer.exceptions import TyperException

from .auditing import audit, replay
from .falsifying import falsify
from .judging import judge
from .optima import certify, check, optimum
from .shared import single_threads
from .showing import bench, report, schema
from .verifying import verify

app = typer.Typer(
    help="Optimality-gap theorems of model-agnostic meta-learning: proved instance by instance, and attacked.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (judge, optimum, check, certify, verify, audit, falsify, replay, bench, report, schema):
    app.command()(command)


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
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], prog_name="metagap", standalone_mode=False))
    except TyperException as error:
        context = getattr(error, "ctx", None)
        place = "metagap" if context is None else context.command_path
        typer.echo(f"metagap: {_fault(error.format_message(), sys.argv[1:])}; see {place} --help", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("metagap: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
