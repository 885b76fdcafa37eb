"""The record of the proofs that Coq checked (metagap prove --check)."""

from __future__ import annotations

from ...impl.files.records import Record
from .shared import Sha256


class Proved(Record):
    """A claim's statement, or that a kept witness refutes a mutant, as it was proved with our words in it."""

    name: str
    statement: str


class FormalRecord(Record, kw_only=True, tag_field="format", tag="metagap/formal/1"):
    """The general proofs that were checked: when, by what, hashes of files, axioms; seconds of processor time."""

    date: str
    compiler: str
    seconds: float
    files: dict[str, Sha256]
    claims: list[Proved]
    refuted: list[Proved]
    axioms: list[str]
