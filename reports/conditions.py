"""`metagap audit TASKS`: which assumptions hold on a user's tasks, as a record; runs in a process of its own."""

from __future__ import annotations

from typing import Any

from ..impl.conditions import conditions
from ..impl.own_tasks import TaskSource
from .processes import Tell
from .records import enclosure


def conditions_record(source: TaskSource, tell: Tell) -> dict[str, Any]:
    """The record metagap/conditions/1. Errors: BadInputError, MissingExtraError."""
    instance = source.load(tell)
    found = conditions(instance, lambda name: tell(f"examining {name}"))
    return {
        "format": "metagap/conditions/1",
        "tasks": source.place,
        "instance": instance.sha256,
        "assumptions": [
            {
                "name": c.assumption.name,
                "identifier": c.assumption.identifier,
                "statement": c.assumption.statement,
                "holds": c.holds,
                "margin": enclosure(c.margin),
                "why": c.why,
            }
            for c in found.conditions
        ],
        "claims": [
            {"claim": a.claim.name, "applies": a.applies, "fails": list(a.fails), "open": list(a.open),
             "tightest": a.tightest}
            for a in found.claims
        ],
        "binding": list(found.binding),
    }  # fmt: skip
