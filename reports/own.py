"""A user's own claims in records: written there whole, and standing again where a page is made of records alone.

What is read from a record is data: its quantities have letters and meanings, and no values.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from msgspec import convert

from ..impl.own_claims import OwnClaims, standing, using
from ..theory.claim import Assumption, Claim, Quantity, Relation, Source
from .formats.own import OwnAssumption, OwnClaim, OwnFile, OwnQuantity
from .formats.shared import StatementText


def recorded() -> OwnFile | None:
    """The file whose claims stand, as a record; None: ours stand alone."""
    own = standing()
    if own is None:
        return None
    claims = [
        OwnClaim(
            **_words(claim),
            line=own.line(claim.name),
            statement=StatementText.of(claim.left, claim.relation, claim.bound),
            assumptions=[convert(a, OwnAssumption, from_attributes=True) for a in claim.assumptions],
            extras=list(claim.extras),
            quantities=[quantity.name for quantity in claim.quantities],
        )
        for claim in own.claims
    ]
    quantities = [convert(q, OwnQuantity, from_attributes=True) for q in own.quantities]
    return OwnFile(own.place, own.sha256, own.text, claims, quantities)


def _words(claim: Claim | OwnClaim) -> dict[str, str]:
    """What a claim and its record have in the same words."""
    return {name: getattr(claim, name) for name in ("name", "title", "reading", "proof", "citation", "difference")}


def _no_value(at: object) -> NoReturn:
    raise ArithmeticError("a quantity of a record has no value: the file of its claim is needed (--claims)")


def _restored(file: OwnFile) -> OwnClaims:
    known = {q.name: Quantity(q.name, q.latex, q.meaning, _no_value) for q in file.quantities}
    claims = tuple(
        Claim(
            **_words(row),
            source=Source.OWN,
            left=row.statement.left,
            bound=row.statement.bound,
            assumptions=tuple(Assumption(a.name, a.statement, a.margin, a.identifier) for a in row.assumptions),
            relation=Relation(row.statement.relation),
            extras=tuple(row.extras),
            quantities=tuple(known[name] for name in row.quantities if name in known),
        )
        for row in file.claims
    )
    return OwnClaims(file.name, Path(file.name), file.sha256, file.text, claims, ())


@contextmanager
def shown(file: OwnFile | None) -> Iterator[None]:
    """Within the block the claims of a record stand, so that it can be shown; nothing of the file is run.

    Errors: BadInputError for claims that cannot stand here.
    """
    own = standing()
    if file is None or (own is not None and own.sha256 == file.sha256):
        yield
        return
    restored = _restored(file)
    with using(restored):
        yield


def option() -> str:
    """What a command on a user's own claims ends with; empty if ours stand alone."""
    own = standing()
    return "" if own is None else f" --claims {shlex.quote(own.place)}"
