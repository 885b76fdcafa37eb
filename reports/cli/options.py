"""The options that several commands have, and how numbers among them are read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from flint import fmpq
from typer.models import OptionInfo

from ...impl.families import all_claims
from ...impl.files.faults import SHORT, BadInputError, FaultError, nearest
from ...impl.files.numbers import decimal, exact
from ...impl.own_claims import read, standing, using
from ...theory.claim import Claim
from .ending import fail
from .shared import input_errors, voice

FOLDER = Path("build/reports")


ProfileName = Literal["quick", "ci", "deep"]
"""How much to do."""


ClaimOption = Annotated[
    list[str] | None, typer.Option("--claim", metavar="NAME", help="Only this claim (may be repeated).")
]


def on_the_line(context: typer.Context) -> set[str]:
    """The names of what the command line gives."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def _stated(context: typer.Context, place: str | None) -> str | None:
    """The claims of the file stand until the command ends; a bad file ends it with one line."""
    if place is not None:
        with input_errors():
            context.with_resource(using(read(place)))
    return place


ClaimsOption = Annotated[
    str | None,
    typer.Option(
        "--claims",
        metavar="FILE.py",
        callback=_stated,
        help="Your own claims, in place of ours: a Python file, which is run with your rights; or the name of an "
        "entry point in the group metagap.claims.",
    ),
]


JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="OUT", help="Write the record here; - is standard output.")
]


FolderOption = Annotated[Path, typer.Option("--out", help="Folder of the report.")]


WORKERS = min(os.cpu_count() or 1, 8)


def listed(paths: Sequence[Path]) -> list[Path]:
    """The paths, and in a folder's place what is *.json directly in it, by name.

    Errors: BadInputError where a folder cannot be listed, or has none.
    """
    found: list[Path] = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        try:
            inside = [path / name for name in sorted(os.listdir(path)) if name.endswith(".json")]
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            required = f"a folder that can be listed is required ({reason}); correct its permissions"
            raise BadInputError(str(path), "path", str(path), required) from None
        files = [one for one in inside if not os.path.isdir(one)]
        if not files:
            required = "a folder with *.json directly in it is required; name files, or another folder"
            raise BadInputError(str(path), "path", str(path), required)
        found += files
    return found


def whole(least: int, most: int) -> Callable[[str | int], int]:
    """Reads an option that is an integer, in ASCII digits."""

    def read(given: str | int) -> int:
        if isinstance(given, int):
            return given  # the default
        if re.fullmatch("[+-]?[0-9]{1,18}", given) and least <= int(given) <= most:
            return int(given)
        raise typer.BadParameter(f"an integer from {least} to {most} is required")

    return read


def number(least: float, most: float = 1e9) -> Callable[[str | float], float]:
    """Reads an option that is a decimal, in ASCII digits."""

    def read(given: str | float) -> float:
        value = decimal(given) if isinstance(given, str) else given
        if value is None or not least <= value <= most:
            raise typer.BadParameter(f"a number from {least:g} to {most:g} is required")
        return value

    return read


def until(help: str, least: float = 0.1) -> OptionInfo:
    """The option --max-time: what is so many seconds long."""
    found: OptionInfo = typer.Option("--max-time", parser=number(least), metavar="SECONDS", help=help)
    return found


def exact_option(
    option: str, text: str, allowed: Callable[[fmpq], bool], required: str, part: str | None = None
) -> fmpq:
    """The exact number that an option (or a part of its text) gives; a bad one ends the command with one line."""
    try:
        value = exact(text if part is None else part, option)
    except FaultError:
        value = None
    if value is None or not allowed(value):
        fail(f"{option}={SHORT.repr(text)}: {required}")
    return value


StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="FOLDER",
        envvar="METAGAP_STORE",
        help="Keep results here, for other runs too (see metagap runs); by default beside the report, until done.",
    ),
]


@dataclass(frozen=True)
class WorkerOptions:
    """Who works."""

    workers: Annotated[
        int, typer.Option("--workers", parser=whole(0, 64), metavar="INTEGER", help="Processes; 0 is this one alone.")
    ] = WORKERS
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="WHERE",
            help="Work on a Dask cluster: its scheduler's address (tcp://host:8786), which may be without workers for a"
            " minute, or local:N. Needs the extra cluster.",
        ),
    ] = None


@dataclass(frozen=True)
class RunOptions:
    """Where a run keeps what it finds, and where it says so."""

    store: StoreOption = None
    json: JsonOption = None
    junit: Annotated[
        Path | None,
        typer.Option(
            "--junit", metavar="OUT", help="Write a JUnit file: a test case per claim or mutant; - as with --json."
        ),
    ] = None
    sarif: Annotated[
        Path | None,
        typer.Option("--sarif", metavar="OUT", help="Write a SARIF 2.1.0 log: a result per finding; - as with --json."),
    ] = None
    out: FolderOption = FOLDER

    @property
    def targets(self) -> dict[str, Path | None]:
        """The files that it writes, by their options."""
        return {"--json": self.json, "--junit": self.junit, "--sarif": self.sarif}


SeedOption = Annotated[
    int,
    typer.Option("--seed", parser=whole(0, 10**18 - 1), metavar="INTEGER", help="Seed of everything that is drawn."),
]


def chosen_claims(names: list[str] | None) -> tuple[Claim, ...]:
    """The claims of those names in the order of the theory, or of --claims; all of them if none is named."""
    own = standing()
    claims = all_claims() if own is None else own.judged
    if not names:
        if own is not None and own.refused and not voice.quiet:
            left = ", ".join(own.refused)
            typer.echo(f"metagap: not judged of these adaptations: {left}; --claim says why", err=True)
        return claims
    known = {claim.name: claim for claim in claims}
    for name in names:
        if name not in known:
            if own is not None and name in own.refused:
                fail(f"--claim={name!r}: a claim that takes the adaptations of {own.place}: {own.refused[name]}")
            where = "metagap falsify lists all but FAMILY-headline" if own is None else f"{own.place} states no other"
            fail(f"--claim={name!r}: a claim is required{nearest(name, known)}; {where}")
    return tuple(claim for claim in claims if claim.name in names)
