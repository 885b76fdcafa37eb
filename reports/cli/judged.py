"""What `metagap judge` shows: one file claim by claim; of many a row each, and why claims are violated or open."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from ...impl.judgement import ClaimJudgement, Enclosure, Judgement
from ...theory.claim import Verdict
from ..formats.judging import Judgement as Record
from ..judging import Begun, Unread
from .shared import fault, listing, paper


class Shown(ABC):
    """What is shown of files, as they are judged; each one's record is written by `write`."""

    def __init__(self, paths: Sequence[Path], write: Callable[[object], None]) -> None:
        self.paths, self.write = paths, write
        self.counts: Counter[str] = Counter()
        self.files = self.unread = 0
        self.first: tuple[str, str] | None = None
        """The first file that was judged, and its kind of problem."""

    def take(self, begun: Begun, judgement: Judgement) -> None:
        """A file that was judged."""
        self.files += 1
        self.first = self.first or (str(self.paths[begun.file]), begun.family)
        self.counts.update(one.verdict.name for one in judgement.claims)
        self.write(Record.of(judgement))

    def refuse(self, unread: Unread) -> None:
        """A file that cannot be read: null in the record."""
        self.unread += 1
        self.write(None)
        typer.echo(f"metagap: {fault(unread.error)}", err=True)

    @abstractmethod
    def show(self) -> None:
        """Print it."""


def shown(paths: Sequence[Path], many: bool, write: Callable[[object], None]) -> Shown:
    """What is shown of these files: `many` in rows, else of the one its claims."""
    return (_Many if many else _One)(paths, write)


class _One(Shown):
    """One file."""

    def take(self, begun: Begun, judgement: Judgement) -> None:
        super().take(begun, judgement)
        self._judged = begun.family, judgement

    def show(self) -> None:
        _print(self.paths[0], *self._judged)


class _Many(Shown):
    """Many files: of what was judged no more is kept than a row for each, and what is said of it."""

    def __init__(self, paths: Sequence[Path], write: Callable[[object], None]) -> None:
        super().__init__(paths, write)
        folders = {path.parent for path in paths}
        self._folder = folders.pop() if len(folders) == 1 else None
        self._rows: list[tuple[str, Counter[str], str]] = []
        self._notes: Counter[str] = Counter()
        self._said: list[str] = []

    def take(self, begun: Begun, judgement: Judgement) -> None:
        super().take(begun, judgement)
        path, claims = self._named(self.paths[begun.file]), judgement.claims
        counts = Counter(one.verdict.name for one in claims)
        self._rows.append((path, counts, _worst(begun.family, claims)))
        self._notes.update(judgement.notes)
        told = [one for one in claims if one.verdict in (Verdict.VIOLATED, Verdict.UNDECIDED)]
        self._said += [
            f"{path}: {reason}: {', '.join(names)}" for reason, names in _reasons(begun.family, told).items()
        ]

    def _named(self, path: Path) -> str:
        return str(path if self._folder is None else path.name)

    def show(self) -> None:
        title = "" if self._folder in (None, Path()) else f"Files in {self._folder}"
        console, table = paper(), listing(title, "file", fold=True)
        verdicts = [verdict.name for verdict in Verdict if self.counts[verdict.name]]
        for verdict in verdicts:
            table.add_column(verdict, justify="right", no_wrap=True)
        table.add_column("worst claim")
        for path, counts, worst in self._rows:
            table.add_row(path, *(str(counts[verdict] or "") for verdict in verdicts), worst)
        console.print(table)
        for said in self._said:
            console.print(said, highlight=False)
        for note, files in self._notes.items():
            console.print(f"note: {note}{f' ({files} files)' if files > 1 else ''}")


def _worst(family: str, claims: Sequence[ClaimJudgement]) -> str:
    """The first claim that is violated, else open, else the one that is proved with the least room: left/bound."""
    for verdict in ("VIOLATED", "UNDECIDED"):
        for one in claims:
            if one.verdict.name == verdict:
                return f"{one.claim.removeprefix(f'{family}-')} {verdict}"
    tight = [one for one in claims if one.verdict is Verdict.PROVED and one.tight]
    worst = max(tight, key=lambda one: one.ratio or 0.0, default=None)
    return "" if worst is None else f"{worst.claim.removeprefix(f'{family}-')} {worst.tight}"


def _reasons(family: str, claims: Sequence[ClaimJudgement]) -> dict[str, list[str]]:
    """The claims of each verdict and reason."""
    found: dict[str, list[str]] = {}
    for one in claims:
        reason = f"{one.verdict.name}: {one.reason.removesuffix('.')}"
        found.setdefault(reason, []).append(one.claim.removeprefix(f"{family}-"))
    return found


def _print(path: Path, family: str, judgement: Judgement) -> None:
    """A row per claim, both sides of it; then why, the claims of each reason together."""
    if not judgement.claims:
        typer.echo(f"{path}  {judgement.instance[:12]}  {family}-...: no claim that is asked for says anything of it")
        return
    console = paper()
    table = listing(f"{path}  {judgement.instance[:12]}  {family}-...", "claim", fold=True)
    table.add_column("verdict", no_wrap=True)
    for heading in ("left side", "bound", "left/bound"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in judgement.claims:
        name = one.claim.removeprefix(f"{family}-")
        sides = (_side(one.left), _side(one.bound))
        table.add_row(name, one.verdict.name, *sides, one.tight)
    console.print(table)
    for reason, names in _reasons(family, judgement.claims).items():
        console.print(f"{reason}: {', '.join(names)}", highlight=False)
    for note in judgement.notes:
        console.print(f"note: {note}")


def _side(value: Enclosure | None) -> str:
    if value is None:
        return ""
    return f"{value.middle:.6g}" if math.isfinite(value.lo) and math.isfinite(value.hi) else "unbounded"
