"""What the commands share: options, where records go, and bad input as one line with status 2."""

from __future__ import annotations

import errno
import os
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer
from flint import fmpq
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...impl import files
from ...impl.extras import MissingExtraError
from ...impl.families import all_claims
from ...impl.files.faults import SHORT, FaultError, nearest
from ...impl.files.numbers import decimal, exact
from ...impl.own_claims import read, standing, using
from ...theory.claim import Claim
from ..executing import Workers
from ..pages import PAGES
from ..processes import EndedError
from ..records import RECORDS, dumps, write_text
from .ending import OutputError, fail, interrupted

if TYPE_CHECKING:
    from ..formats import RunRecord
    from ..store import Store

Found = TypeVar("Found")

# Names of files and columns are no markup, and ":x:" in them is no emoji.
screen = Console(stderr=True, markup=False, emoji=False)


@dataclass
class Voice:
    """How much a command says. quiet: its verdict alone; verbose: everything that it works on."""

    quiet: bool = False
    verbose: bool = False


voice = Voice()


def speak(quiet: bool, verbose: bool) -> None:
    """From now on so much."""
    if quiet and verbose:
        fail("--quiet: no --verbose beside it is required; give one of the two")
    voice.quiet, voice.verbose = quiet, verbose
    screen.quiet = quiet


def paper() -> Console:
    """Standard output, for people."""
    return Console(markup=False, emoji=False)


FOLDER = Path("build/reports")


ProfileName = Literal["quick", "ci", "deep"]
"""How much to do."""


ClaimOption = Annotated[
    list[str] | None, typer.Option("--claim", metavar="NAME", help="Only this claim (may be repeated).")
]


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
JunitOption = Annotated[
    Path | None,
    typer.Option(
        "--junit", metavar="OUT", help="Write a JUnit file: a test case per claim or mutant; - as with --json."
    ),
]
SarifOption = Annotated[
    Path | None,
    typer.Option("--sarif", metavar="OUT", help="Write a SARIF 2.1.0 log: a result per finding; - as with --json."),
]
FolderOption = Annotated[Path, typer.Option("--out", help="Folder of the report.")]
WORKERS = min(os.cpu_count() or 1, 8)


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


WorkersOption = Annotated[
    int, typer.Option("--workers", parser=whole(0, 64), metavar="INTEGER", help="Processes; 0 is this one alone.")
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="WHERE",
        help="Work on a Dask cluster: its scheduler's address (tcp://host:8786), which may be without workers for a"
        " minute, or local:N. Needs the extra cluster.",
    ),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="FOLDER",
        envvar="METAGAP_STORE",
        help="Keep results here, for other runs too (see metagap runs); by default beside the report, until done.",
    ),
]


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
    """A report that is written while its run goes on: every PAUSE seconds at most, and never most of the time."""

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


PAUSE, LEAST = 60.0, 30
"""Seconds at least between two states of a report whose run goes on; and how many times what the last one took."""


_PLACE = r"local:[1-9][0-9]{0,2}|(tcp|tls|ws|wss)://[^\s/]+:[0-9]{1,5}"


@contextmanager
def started(cluster: str | None) -> Iterator[None]:
    """A cluster that does not answer, or whose package is missing, becomes one line and status 2."""
    if cluster is not None and not re.fullmatch(_PLACE, cluster):
        fail(f"--cluster={cluster!r}: the address of a Dask scheduler such as tcp://host:8786, or local:N is required")
    try:
        yield
    except MissingExtraError as error:
        fail(str(error))
    except OSError as error:
        where = "" if cluster is None else f"--cluster={cluster!r}: "
        fail(f"{where}no workers ({error}); what was finished is kept, the same command goes on")


def workers_of(count: int, cluster: str | None) -> Workers:
    """Who works, as the options say; what is told of them is a line on the error stream."""
    return Workers(count, cluster, tell=lambda line: typer.echo(f"metagap: --cluster={cluster!r}: {line}", err=True))


SeedOption = Annotated[
    int,
    typer.Option("--seed", parser=whole(0, 10**18 - 1), metavar="INTEGER", help="Seed of everything that is drawn."),
]


def left_out(error: files.BadInputError) -> None:
    """A record that the page does without, as one line on the error stream."""
    typer.echo(f"metagap: left out of the page: {error}", err=True)


@contextmanager
def input_errors() -> Iterator[None]:
    """Bad input and missing packages become one line and status 2; of a loss or an adaptation that is not known it says
    where one's own is named."""
    try:
        yield
    except (files.BadInputError, MissingExtraError) as error:
        field = error.field if isinstance(error, files.BadInputError) else ""
        named = field.endswith(("loss.name", "adaptation.rule")) and standing() is None
        fail(f"{error}{' (one of your own: --claims FILE.py)' if named else ''}")


QUIET = 10.0
"""Seconds between the lines that say on an error stream without a terminal what is being done."""


@contextmanager
def working(command: str, kept: str = "nothing was written") -> Iterator[Callable[[str], None]]:
    """What the command is doing, and for how long, on the error stream: a status line on a terminal, else a line now
    and then; verbose, a line for each. Work that Ctrl-C ended is said to be, with status 130, and what is `kept` of it.
    """
    begin, said, last, done = time.monotonic(), QUIET, "starting", threading.Event()

    def beat() -> None:
        """Work that does not tell for a while is shown all the same."""
        with suppress(OutputError):
            while not done.wait(1.0):
                show(last)

    with screen.status(command) as status:

        def show(stage: str) -> None:
            nonlocal said, last
            seconds = time.monotonic() - begin
            status.update(Text(f"{stage} ({seconds:.0f} s)"))
            if voice.verbose:
                # What differs by its numbers alone is said once a second.
                due = _kind(stage) != _kind(last) or (stage != last and seconds >= said)
            else:
                due = not screen.is_terminal and not voice.quiet and seconds >= said
            last = stage
            if due:
                said = seconds + (1.0 if voice.verbose else QUIET)
                typer.echo(f"metagap: {command}: {stage} ({seconds:.0f} s)", err=True)

        threading.Thread(target=beat, daemon=True).start()
        try:
            yield show
        except EndedError as error:
            if not error.interrupted:
                raise
            interrupted(f"{command}: interrupted while {error.stage}; {kept}")
        except KeyboardInterrupt:
            interrupted(f"{command}: interrupted while {last}; {kept}")
        finally:
            done.set()


def _kind(stage: str) -> str:
    """What is being done, without its numbers."""
    return re.sub(r"\b\d\S*", "", stage)


def listing(title: str, first: str, *, fold: bool = False) -> Table:
    """A table for 80 columns; the names in its first column stay whole, or `fold` where the others leave no room."""
    table = Table(title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=not fold, overflow="fold")
    return table


def chosen_claims(names: list[str] | None) -> tuple[Claim, ...]:
    """The claims of those names in the order of the theory, or of --claims; all of them if none is named."""
    own = standing()
    claims = all_claims() if own is None else own.judged
    if not names:
        if own is not None and own.refused and not voice.quiet:
            typer.echo(
                f"metagap: not judged of these adaptations: {', '.join(own.refused)}; --claim says why", err=True
            )
        return claims
    known = {claim.name: claim for claim in claims}
    for name in names:
        if name not in known:
            if own is not None and name in own.refused:
                fail(f"--claim={name!r}: a claim that takes the adaptations of {own.place}: {own.refused[name]}")
            where = "metagap falsify lists all but FAMILY-headline" if own is None else f"{own.place} states no other"
            fail(f"--claim={name!r}: a claim is required{nearest(name, known)}; {where}")
    return tuple(claim for claim in claims if claim.name in names)


def emit(record: object, target: Path | None) -> None:
    """Write the record where --json says."""
    if target is not None:
        save("--json", target, dumps(record))


def save(option: str, target: Path, text: str) -> None:
    """Write what an option asks for where it says, - being standard output; or fail with one line."""
    if str(target) == "-":
        typer.echo(text, nl=False)
        return
    with _path(option, target, "path"):
        write_text(target, text)


def exchange(record: RunRecord, out: Path, junit_target: Path | None, sarif_target: Path | None) -> None:
    """The record in the formats of continuous integration, where --junit and --sarif say."""
    from ..junit import junit
    from ..sarif import sarif

    if junit_target is not None:
        save("--junit", junit_target, junit(record, out.as_posix()))
    if sarif_target is not None:
        save("--sarif", sarif_target, dumps(sarif(record, out.as_posix())))


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
