"""What the commands share: options, where records go, and bad input as one line with status 2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from threadpoolctl import threadpool_limits

from ...impl import files
from ...impl.families import ALL_CLAIMS
from ...theory.claim import Claim
from ..junit import junit
from ..records import dumps, write_text
from ..sarif import sarif

screen = Console(stderr=True)

FOLDER = Path("build/reports")


class ProfileName(StrEnum):
    """How much to do."""

    quick = "quick"
    ci = "ci"
    deep = "deep"


ClaimOption = Annotated[
    list[str] | None, typer.Option("--claim", metavar="NAME", help="Only this claim (may be repeated).")
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="OUT", help="Write the record here; - is standard output.")
]
JunitOption = Annotated[
    Path | None, typer.Option("--junit", metavar="OUT", help="Write a JUnit file: a test case per claim or mutant.")
]
SarifOption = Annotated[
    Path | None, typer.Option("--sarif", metavar="OUT", help="Write a SARIF 2.1.0 log: a result per finding.")
]
FolderOption = Annotated[Path, typer.Option("--out", help="Folder of the report.")]
WORKERS = min(os.cpu_count() or 1, 8)
WorkersOption = Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything that is drawn.")]


def single_threads() -> None:
    """One thread per process, here and in those to come: they share the cores, and small matrices only lose by more."""
    threadpool_limits(1)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def fail(message: str) -> NoReturn:
    """One line on the error stream, status 2."""
    typer.echo(f"metagap: {message}", err=True)
    raise typer.Exit(2)


def left_out(error: files.BadInputError) -> None:
    """A record that the page does without, as one line on the error stream."""
    typer.echo(f"metagap: left out of the page: {error}", err=True)


@contextmanager
def input_errors() -> Iterator[None]:
    """Bad input becomes one line and status 2."""
    try:
        yield
    except files.BadInputError as error:
        fail(str(error))


def chosen_claims(names: list[str] | None) -> tuple[Claim, ...]:
    """The claims of those names in the order of the theory; all of them if none is named."""
    if not names:
        return ALL_CLAIMS
    known = {claim.name: claim for claim in ALL_CLAIMS}
    for name in names:
        if name not in known:
            fail(f"--claim={name!r}: expected one of {', '.join(known)}")
    return tuple(claim for claim in ALL_CLAIMS if claim.name in names)


def emit(record: Any, target: Path | None) -> None:
    """Write the record where --json says; nothing else goes to standard output."""
    if target is None:
        return
    if str(target) == "-":
        typer.echo(dumps(record), nl=False)
        return
    save("--json", target, dumps(record))


def save(option: str, target: Path, text: str) -> None:
    """Write a file that an option names, or fail with one line."""
    try:
        write_text(target, text)
    except OSError as error:
        fail(f"{option}={str(target)!r}: {error.strerror}; give a path that can be written")


def exchange(record: dict[str, Any], out: Path, junit_target: Path | None, sarif_target: Path | None) -> None:
    """The record in the formats of continuous integration, where --junit and --sarif say."""
    if junit_target is not None:
        save("--junit", junit_target, junit(record, out.as_posix()))
    if sarif_target is not None:
        save("--sarif", sarif_target, dumps(sarif(record, out.as_posix())))


def ready(out: Path, *targets: Path | None) -> None:
    """Fail with one line, before any work, where the folder or one of the files that options name cannot be written."""
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / ".ready", "")
        (out / ".ready").unlink()
    for option, target in zip(("--json", "--junit", "--sarif"), targets, strict=True):
        if target is None or str(target) == "-":
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            usable = not target.is_dir() and os.access(target.parent, os.W_OK)
        except OSError:
            usable = False
        if not usable:
            fail(f"{option}={str(target)!r}: not writable; give a path that can be written")


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """A folder that cannot be written becomes one line and status 2."""
    try:
        yield
    except OSError as error:
        fail(f"--out={str(out)!r}: {error.strerror}; give a folder that can be written")
