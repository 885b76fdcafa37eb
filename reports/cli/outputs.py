"""Where records go: whether a place can be written is known before any work, and what cannot be is one line."""

from __future__ import annotations

import errno
import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from textwrap import indent
from typing import TYPE_CHECKING, TypeVar

import typer

from ...impl import files
from ..pages import PAGES
from ..records import RECORDS, dumps, write_parts, write_text
from .ending import fail

if TYPE_CHECKING:
    from ..formats import RunRecord
    from ..store import Store
    from .options import RunOptions

Found = TypeVar("Found")


def store_at(store: Path | None, out: Path) -> Path:
    """The folder of the store. One that cannot be written ends the command with one line."""
    if store is None:
        return out / ".store"
    with _path("--store", store, "folder"):
        _try(store, folder=True)
    return store


def begin(store: Store[Found], command: str, out: Path, place: Path | None, jobs: int) -> None:
    """A run of so many jobs works in the store: its command, so that `metagap runs` can go on with it from anywhere."""
    folders = {"--out": out, "--store": place}
    given = [part for option, path in folders.items() if path is not None for part in (option, str(path.resolve()))]
    store.begin([*shlex.split(command)[1:], *given], jobs)


class Live:
    """A report that is written while its run goes on: every PAUSE seconds at most, and never most of the time.

    What is written costs seconds of processors that the run has."""

    def __init__(self, progress: Callable[[int], None], write: Callable[[], object]) -> None:
        self._progress, self._write, self._next = progress, write, time.monotonic() + PAUSE

    def __call__(self, done: int, jobs: int) -> None:
        """So many results are in the store; the report is written, if it is time. If it cannot be, the run goes on."""
        begin = time.monotonic()
        if begin < self._next:
            return
        self._progress(done)
        with suppress(OSError, files.BadInputError):
            self._write()
        self._next = time.monotonic() + max(PAUSE, LEAST * (time.monotonic() - begin))


PAUSE, LEAST = 180.0, 30
"""Seconds at least between two states of a report whose run goes on; and how many times what the last one took."""


def emit(record: object, target: Path | None) -> None:
    """Write the record where --json says."""
    if target is not None:
        save("--json", target, dumps(record))


@contextmanager
def emitted(target: Path | None) -> Iterator[Callable[[object], None]]:
    """`emit` of a list whose items are given one by one, and written at the end: until then they are in a file without
    a name, and memory does not grow with them."""
    if target is None:
        yield lambda item: None
        return
    with TemporaryFile() as parts:

        def add(item: object) -> None:
            text = indent(dumps(item).rstrip("\n"), " ")
            parts.write(f"{',' if parts.tell() else '['}\n{text}".encode())

        yield add
        parts.write(b"\n]\n" if parts.tell() else b"[]\n")
        parts.seek(0)
        if str(target) == "-":
            for line in parts:
                typer.echo(line.decode(), nl=False)
            return
        with _path("--json", target, "path"):
            write_parts(target, parts)


def save(option: str, target: Path, text: str) -> None:
    """Write what an option asks for where it says, - being standard output; or fail with one line."""
    if str(target) == "-":
        typer.echo(text, nl=False)
        return
    with _path(option, target, "path"):
        write_text(target, text)


def end(store: Store[Found], record: RunRecord, to: RunOptions, done: int) -> None:
    """The run has ended, with so many results in the store; its record goes where --json, --junit and --sarif say."""
    if record.status == "complete" and not record.lost:
        store.finish(keep=to.store is not None)
    else:
        store.progress(done)
    emit(record, to.json)
    exchange(record, to)


def exchange(record: RunRecord, to: RunOptions) -> None:
    """The record in the formats of continuous integration, where --junit and --sarif say."""
    from ..junit import junit
    from ..sarif import sarif

    if to.junit is not None:
        save("--junit", to.junit, junit(record, to.out.as_posix()))
    if to.sarif is not None:
        save("--sarif", to.sarif, dumps(sarif(record, to.out.as_posix())))


def told(command: str, record: RunRecord) -> None:
    """A line for each part of the run that has no result, and one if it ended early by itself."""
    for row in record.lost:
        typer.echo(f"metagap: {command}: lost: {row.job}: {row.why}; the same command tries it again", err=True)
    if record.status in ("out of time", "without workers"):
        typer.echo(f"metagap: {command}: {record.status}; the same command goes on from there", err=True)


def ready(
    targets: Mapping[str, Path | None], out: Path | None = None, inputs: Iterable[str | os.PathLike[str]] = ()
) -> bool:
    """Fail with one line, before any work, where a file that an option names, or the folder `out`, cannot be written,
    or where it is another option's, one of the `inputs`, or one that the report in `out` writes itself.

    Nothing is left behind. Returns whether standard output is free for people: - in place of a file takes it.
    """
    taken = [f"{option}='-'" for option, target in targets.items() if str(target) == "-"]
    if len(taken) > 1:
        fail(f"{', '.join(taken)}: standard output is for one of them; give a path to the other")
    files_of = {option: target for option, target in targets.items() if target is not None and str(target) != "-"}
    kept = {f"the input {str(path)!r}": Path(path) for path in inputs}
    if out is not None:
        kept |= {f"{name} of --out": out / name for name in (*(f"{page.name}.html" for page in PAGES), *RECORDS)}
    for option, target in files_of.items():
        with _path(option, target, "path"):
            _try(target, folder=False)
        for what, other in kept.items():
            # --json is the record that the report keeps, in that place too.
            if _same(target, other) and not (option == "--json" and other.name in RECORDS):
                fail(f"{option}={str(target)!r}: a file of its own is required, and this is {what}; give another path")
        kept[f"that of {option}"] = target
    if out is not None:
        with _path("--out", out, "folder"):
            _try(out, folder=True)
    return not taken


def _same(target: Path, other: Path) -> bool:
    """Whether both are one file, by whatever names or links; a device may be written twice."""
    if target.exists() and not target.is_file():
        return False
    try:
        return target.samefile(other)
    except (OSError, ValueError):
        return os.path.realpath(target) == os.path.realpath(other)


def _try(target: Path, *, folder: bool) -> None:
    """Whether the target could be written, by a file without a name in the nearest folder there is. Errors: OSError."""
    with suppress(FileNotFoundError):
        target.stat()  # a loop of links, too long a name
    if target.exists() and target.is_dir() is not folder:
        code = errno.ENOTDIR if folder else errno.EISDIR
        raise OSError(code, os.strerror(code))
    if target.exists() and not target.is_dir() and not target.is_file():
        return  # a pipe or a device
    place = target.resolve() if folder else target.resolve().parent
    while not place.exists():
        place = place.parent
    with TemporaryFile(dir=place):
        pass


@contextmanager
def _path(option: str, target: Path, kind: str) -> Iterator[None]:
    """What cannot be written becomes one line and status 2."""
    try:
        yield
    except OSError as error:
        fail(f"{option}={str(target)!r}: {error.strerror}; give a {kind} that can be written")


def writing(out: Path) -> AbstractContextManager[None]:
    """A folder that cannot be written becomes one line and status 2."""
    return _path("--out", out, "folder")
