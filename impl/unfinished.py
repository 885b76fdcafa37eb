"""A survey that is not finished, as a document: so that an interrupted one goes on where it was.

Counts and instances are kept, exactly; what was judged is judged again when it is read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..theory.claim import Claim
from . import files
from .families import Family
from .judge import Evaluator
from .leave_one_out import Found, Survey, cells_of, conclusion


def document(found: Survey) -> dict[str, Any]:
    """The survey as JSON's types."""
    return {
        "looked": found.looked,
        "hunted": sorted(found.hunted),
        "examples": found.examples,
        "seconds": found.seconds,
        "met": dict(found.met),
        "together": [[*sorted(pair), count] for pair, count in found.together.items()],
        "violations": [[one.judged.claim, _found(one)] for one in found.violations],
        "cells": [
            {
                "key": key,
                "searched": cell.searched,
                "held": cell.held,
                "equal": cell.equal,
                "first": None if cell.first is None else _found(cell.first),
                "found": None if cell.found is None else _found(cell.found),
            }
            for key, cell in found.cells.items()
        ],
    }


def restored(content: dict[str, Any], family: Family, claims: Sequence[Claim]) -> Survey:
    """The survey in a document of the same theory. Errors: KeyError, ValueError, files.BadInputError if it is none."""
    cells = cells_of(family, claims)
    for row in content["cells"]:
        cell = cells[row["key"][0], row["key"][1]]
        cell.searched, cell.held, cell.equal = row["searched"], row["held"], row["equal"]
        cell.first, cell.found = (
            None if row[name] is None else _again(row[name], cell.claim) for name in ("first", "found")
        )
    named = {claim.name: claim for claim in claims}
    return Survey(
        cells,
        [_again(one, named[claim]) for claim, one in content["violations"]],
        Counter(content["met"]),
        Counter({frozenset(pair): count for *pair, count in content["together"]}),
        content["examples"],
        content["seconds"],
        content["looked"],
        {(claim, assumption) for claim, assumption in content["hunted"]},
    )


def _found(one: Found) -> dict[str, Any]:
    instance = json.loads(files.dumps(one.instance))
    return {"instance": instance, "origin": one.origin, "examples": one.examples, "seconds": one.seconds}


def _again(content: dict[str, Any], claim: Claim) -> Found:
    instance = files.loads(json.dumps(content["instance"]), "an unfinished survey")
    judged = conclusion(claim, Evaluator(instance))
    return Found(instance, judged, content["origin"], content["examples"], content["seconds"])
