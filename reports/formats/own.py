"""What records hold of a user's own claims: all that a page shows of them, so that no page runs the user's file."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ...impl.files.records import Record
from .shared import Latex, Sha256, StatementText


class OwnQuantity(Record):
    """A quantity that the file defines."""

    name: str
    latex: Latex
    meaning: str


class OwnAssumption(Record):
    """An assumption of an own claim; margin is the quantity that is positive where it holds."""

    name: str
    statement: str
    margin: str
    identifier: str


class OwnClaim(Record):
    """A claim that the file states, on that line."""

    name: str
    line: Annotated[int, Meta(ge=1)]
    title: str
    statement: StatementText
    assumptions: list[OwnAssumption]
    reading: str
    proof: str
    citation: str
    difference: str
    extras: list[str]
    quantities: Annotated[list[str], Meta(description="those of the file that the claim brings with it")]


class OwnFile(Record):
    """The file whose claims these are: its name as the command line gave it, the hash of its text, the text."""

    name: str
    sha256: Sha256
    text: str
    claims: list[OwnClaim]
    quantities: list[OwnQuantity]
