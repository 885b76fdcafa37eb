"""The record of the proofs that Coq checked (metagap prove --check)."""

from __future__ import annotations

from ...impl.files.records import Record
from .shared import Sha256


class Proved(Record):
    """A claim's statement, that an exact instance refutes a mutant, or that assumptions can hold, as it was proved.

    axioms: those of its own proof.
    """

    name: str
    statement: str
    axioms: list[str]


class FormalRecord(Record, kw_only=True, tag_field="format", tag="metagap/formal/2"):
    """The general proofs that were checked: when, by what, the hash of each file, its seconds of processor time."""

    date: str
    compiler: str
    seconds: dict[str, float]
    files: dict[str, Sha256]
    claims: list[Proved]
    refuted: list[Proved]
    satisfied: list[Proved]

    @property
    def proofs(self) -> list[Proved]:
        """All that is proved."""
        return [*self.claims, *self.refuted, *self.satisfied]

    @property
    def spent(self) -> float:
        """Seconds of processor time of all files."""
        return sum(self.seconds.values())
