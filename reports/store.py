"""Results of jobs in a folder, each in a file named by all that it depends on; and the runs that work on them.

    STORE/GIVEN/run-ID.json           a run: its command, what its results depend on, how far it is
    STORE/GIVEN/AB/CDEF....msgpack    a result, GIVEN and ABCDEF... being hashes: of what all jobs depend on, of the job

What is written is whole: written aside, then moved. Two runs in one store write the same files, and neither removes
what the other still needs. Results lie in 256 folders and are found by their names: no folder is listed, but to prune.
"""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from .records import contents, environment, now, write_bytes, write_text

Found = TypeVar("Found")


class KeptRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run in a store: the arguments of its command, what its results depend on, and how many of them there are."""

    command: list[str]
    depends: dict[str, str]
    started: str
    jobs: int
    done: int = 0
    finished: str = ""

    @property
    def identifier(self) -> str:
        """Eight digits of the hash of its command: the same command in the same folder is the same run."""
        return sha256(msgspec.json.encode(self.command)).hexdigest()[:8]

    @property
    def state(self) -> str:
        """unfinished, finished, or other sources: then nothing of it can be used here."""
        if self.depends != depends():
            return "other sources"
        return "finished" if self.finished else "unfinished"


def depends() -> dict[str, str]:
    """What every result depends on: the versions, and all of the sources and data."""
    return {key: value for key, value in environment().items() if key != "machine"} | {"contents": contents()}


class Store(Generic[Found]):
    """The results of the jobs that have the same `given`, which is plain data, of type `kind`."""

    def __init__(self, place: Path, kind: type[Found], *given: object) -> None:
        self.kind, self._run = kind, KeptRun([], depends(), now(), 0)
        what = msgspec.json.encode([self._run.depends, given], order="sorted")
        self.folder = place / sha256(what).hexdigest()[:32]
        self.trouble = ""
        """Why results could not be kept; empty if they could."""

    def path(self, job: object) -> Path:
        """Where the job's result is, or will be."""
        what = msgspec.json.encode([type(job).__name__, job], order="sorted")
        name = sha256(what).hexdigest()[:40]
        return self.folder / name[:2] / f"{name[2:]}.msgpack"

    def get(self, job: object) -> Found | None:
        """The job's result; None if there is none that is whole."""
        try:
            return msgspec.msgpack.decode(self.path(job).read_bytes(), type=self.kind, dec_hook=_counted)
        except (OSError, msgspec.DecodeError):
            return None

    def put(self, job: object, found: Found) -> None:
        """Keep a result. A folder that cannot be written is `trouble`, and the run goes on."""
        for last in (False, True):
            try:
                write_bytes(self.path(job), msgspec.msgpack.encode(found))
                return
            except OSError as error:
                if last:
                    self.trouble = f"{self.folder}: {error.strerror}"
                # Else another run may have removed the folder in between.

    def begin(self, command: Sequence[str], jobs: int) -> None:
        """A run of so many jobs works here from now on; the command goes on with it."""
        self._run = msgspec.structs.replace(self._run, command=list(command), jobs=jobs)
        self.progress(0)

    def progress(self, done: int) -> None:
        """So many of its results are here."""
        self._run = msgspec.structs.replace(self._run, done=done)
        try:
            path = self.folder / f"run-{self._run.identifier}.json"
            write_text(path, msgspec.json.format(msgspec.json.encode(self._run)).decode())
        except OSError as error:
            self.trouble = f"{self.folder}: {error.strerror}"

    def finish(self, *, keep: bool) -> None:
        """The run is finished. Unless results are to `keep`, they go, if no other run here is unfinished."""
        self._run = msgspec.structs.replace(self._run, finished=now())
        self.progress(self._run.jobs)
        if not keep:
            with suppress(OSError):
                prune(self.folder.parent, only=self.folder)


def _counted(kind: type, given: dict[str, int]) -> Counter[str]:
    """msgspec knows dicts; a Counter is one."""
    if kind is Counter or getattr(kind, "__origin__", None) is Counter:
        return Counter(given)
    raise TypeError(kind)


def kept_runs(place: Path) -> list[tuple[Path, KeptRun]]:
    """The runs of a store, each with its file, the first one first; what is no run is left out."""
    found = []
    for path in place.glob("*/run-*.json"):
        with suppress(OSError, msgspec.DecodeError):
            found.append((path, msgspec.json.decode(path.read_bytes(), type=KeptRun)))
    return sorted(found, key=lambda pair: (pair[1].started, pair[1].command))


def prune(place: Path, forget: Collection[str] = (), only: Path | None = None) -> int:
    """Remove results that no unfinished run of these sources needs, but for runs to `forget`; `only` this folder of the
    store. Returns how many folders of results went. Errors: OSError.
    """
    folders, needed = [f for f in place.glob("[0-9a-f]" * 32) if only in (None, f)], set()
    for path, run in kept_runs(place):
        if run.identifier in forget:
            path.unlink(missing_ok=True)
        elif run.state == "unfinished":
            needed.add(path.parent)
    gone = [folder for folder in folders if folder not in needed]
    for folder in gone:
        # Moved first: what another run writes meanwhile is not removed with it.
        aside = folder.with_name(f".{secrets.token_hex(8)}.tmp")
        folder.rename(aside)
        shutil.rmtree(aside)
    with suppress(OSError):
        place.rmdir()  # if it is empty
    return len(gone)
