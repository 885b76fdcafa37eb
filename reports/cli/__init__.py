"""The command line: thin; every command is a function of one room, over `verify`, `audit`, `bench` and `render`.

A command's room is imported when the command runs: help and a small file's verdict wait for nobody else's libraries.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import os
import re
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple, NoReturn, get_type_hints

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from ...theory.tables import rows
from .ending import INTERRUPTED, defects_told, interrupted, single_threads, standard_streams

STATUS = (
    "Exit status: 2 bad input (one line, nothing written), 1 a violated claim (not replay; check: rejected; falsify: "
    "refuted), 130 interrupted by Ctrl-C, 3 undecided, not checked, out of time or a defect, else 0."
)


class Command(NamedTuple):
    """A command: its room, the first line of its help, its group there, an example; whether it may take long."""

    room: str
    line: str
    group: str
    example: str
    long: bool


_TABLES = {
    "Your own tasks": """
certify | optima | metagap certify tasks.csv --loss logistic --eta 1/4 --omega omega.json
    How far your MAML solution is from the global optimum, what the theorem promises, and what to do.
check-gradient | programs | metagap check-gradient model.py:make --tasks episodes.npz --gradient gradient.pt --eta 0.01
    Whose gradient your training loop computes: MAML's, or that of a usual mistake.
optimum | optima | metagap optimum instance.json --certificate minimum.cert
    Bracket the global minimum of the meta-objective, with a certificate.
check | optima | metagap check minimum.cert
    Prove a certificate again, by separate code in ball arithmetic.
""",
    "The theorem": """
verify | verifying | metagap verify --max-time 60
    Prove every claim on generated and real instances; write the report.
judge | judging | metagap judge instance.json --claim meta-sl-lifted
    Judge every claim on instance files, term by term, in ball arithmetic.
audit | auditing | metagap audit tasks.csv --loss logistic
    Show for each assumption what fails without it, and that mutants are refuted; or audit your own tasks.
falsify | falsifying | metagap falsify no-hessian --max-time 10
    Search for a certified counterexample, or for the tightest instance.
prove | proving | metagap prove --check
    Show which claims Coq proves in general, and which are argued; or check the proofs; or prove over a region.
replay | auditing | metagap replay
    Judge kept counterexamples again: still violated, fixed, undecided or error.
""",
    "The report and the suite": """
runs | running | metagap runs 1f2e3d4c --resume
    List the runs whose results are kept, go on with one, or make room.
report | showing | metagap report --single-file
    Write the report's pages again from the records in the folder.
bundle | bundling | metagap bundle evidence.zip
    Put a run's evidence into one zip that the standard library alone can check.
bench | showing | metagap bench --json bench.json
    Time both engines beside the alternatives, in one run.
schema | showing | metagap schema instance
    Print the JSON schema of a file that other programs read or write.
""",
}
"""By the group in the help: NAME | ROOM | EXAMPLE, and below the first line of the command's own help."""
SHORT = ("report", "schema")
"""Commands that do not take long."""

COMMANDS = {
    name: Command(room, line, group, example, name not in SHORT)
    for group, table in _TABLES.items()
    for (name, room, example), (line,) in rows(table)
}

FIRST = """How far is a MAML solution from the global optimum, and can you trust the theorem that says so?

  metagap certify TASKS --omega FILE   how far your solution is from the optimum
  metagap verify                       the theorem, proved on thousands of instances, as a report
  metagap --help                       everything else"""
"""What the command says alone."""

SETTINGS = {"help_option_names": ["-h", "--help"]}


class _Rooms(TyperGroup):
    """The commands by name; the one that is called is imported."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else _command(name), rest


VOICE = {
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Say the verdict alone, in one line.")],
    "verbose": Annotated[bool, typer.Option("--verbose", "-v", help="Say everything that is worked on, a line each.")],
}


def _spoken(command: Callable[..., None], long: bool) -> Callable[..., None]:
    """The command; one line where bad input (a mistake in a claims file may show late), or Ctrl-C, ends it and it has
    not said so. A long one can be told how much to say. Of a parameter that is a dataclass each field is an option."""

    from .shared import input_errors, speak  # the command has loaded it; help need not

    groups, parameters = dict[str, Any](), list[inspect.Parameter]()
    for name, one in inspect.signature(command, eval_str=True).parameters.items():
        if not is_dataclass(one.annotation):
            parameters.append(one)
            continue
        groups[name], hints = one.annotation, get_type_hints(one.annotation, include_extras=True)
        parameters += [
            one.replace(name=f.name, annotation=hints[f.name], default=f.default) for f in fields(groups[name])
        ]

    @functools.wraps(command)
    def spoken(*, quiet: bool = False, verbose: bool = False, **options: Any) -> None:
        speak(quiet, verbose)
        try:
            with input_errors():
                given = {name: of(**{f.name: options.pop(f.name) for f in fields(of)}) for name, of in groups.items()}
                command(**options, **given)
        except KeyboardInterrupt:
            interrupted(f"{command.__name__}: interrupted before its result was written")
        finally:
            speak(quiet=False, verbose=False)

    voice = [
        inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=a) for n, a in VOICE.items()
    ]
    spoken.__signature__ = inspect.Signature([*parameters, *(voice if long else ())])  # type: ignore[attr-defined]
    return spoken


def _command(name: str) -> Any:
    command = COMMANDS[name]
    room = importlib.import_module(f".{command.room}", __package__)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    # An empty line ends a paragraph of the help.
    epilog = f"For example: {command.example}\n\n{STATUS}"
    alone.command(name, epilog=epilog, context_settings=SETTINGS)(
        _spoken(getattr(room, name.replace("-", "_")), command.long)
    )
    made = get_command(alone)
    for parameter in made.params:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""  # a flag has no value to name
    return made


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"metagap {version('metagap')}")
        raise typer.Exit


app = typer.Typer(
    cls=_Rooms,
    help="Optimality-gap theorems of model-agnostic meta-learning: proved instance by instance, and attacked.",
    epilog=STATUS,
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
)


@app.callback()
def _whole(
    show: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Nothing of its own."""


for _name, _known in COMMANDS.items():
    app.command(_name, help=_known.line, rich_help_panel=_known.group)(lambda: None)


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
    with standard_streams(), defects_told():
        _run()


def _run() -> NoReturn:
    if len(sys.argv) == 1 and "_METAGAP_COMPLETE" not in os.environ:
        typer.echo(FIRST)
        sys.exit(0)
    try:
        status = app(sys.argv[1:], prog_name="metagap", standalone_mode=False)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        place = "metagap" if context is None else context.command_path
        typer.echo(f"metagap: {_fault(error.format_message(), sys.argv[1:])}; see {place} --help", err=True)
        sys.exit(2)
    if status == INTERRUPTED:
        # Typer's own word for Ctrl-C before a command begins; a command that is interrupted says so and exits.
        raise KeyboardInterrupt
    sys.exit(status)
