"""What the commands share: how they speak, what they say of their work, and bad input as one line with status 2."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...impl import files
from ...impl.extras import MissingExtraError
from ..executing import Workers
from ..processes import EndedError
from .ending import OutputError, fail, interrupted

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


def left_out(error: files.BadInputError) -> None:
    """A record that the page does without, as one line on the error stream."""
    typer.echo(f"metagap: left out of the page: {error}", err=True)


@contextmanager
def input_errors() -> Iterator[None]:
    """Bad input and missing packages become one line and status 2."""
    try:
        yield
    except (files.BadInputError, MissingExtraError) as error:
        fail(fault(error))


def fault(error: files.BadInputError | MissingExtraError) -> str:
    """What is said of bad input: of a loss or an adaptation that is not known, where one's own is named, too."""
    from ...impl.own_claims import standing  # the command has loaded it

    field = error.field if isinstance(error, files.BadInputError) else ""
    named = field.endswith(("loss.name", "adaptation.rule")) and standing() is None
    return f"{error}{' (one of your own: --claims FILE.py)' if named else ''}"


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


def listing(title: str, first: str, numbers: Iterable[str] = (), *, fold: bool = False) -> Table:
    """A table for 80 columns; the names in its first column stay whole, or `fold` where the numbers leave no room."""
    table = Table(title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=not fold, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
