"""metagap from Python: judging and certifying, and what a claims file is made of; each is imported when it is first
asked for. What is listed here is public; everything else may change.

This folder is the package `metagap` itself (pyproject.toml): its other packages lie beside it.
"""

from importlib import import_module

TYPE_CHECKING = False
"""As that of `typing`: whatever is loaded here keeps the command from answering Ctrl-C in one line."""
if TYPE_CHECKING:
    from metagap.impl import check, judge, load, minimise
    from metagap.impl.families import quantities
    from metagap.impl.instances import Instance
    from metagap.impl.own_adaptations import Adaptation
    from metagap.impl.own_losses import Loss
    from metagap.impl.sources import tasks
    from metagap.impl.stated_at import At
    from metagap.impl.task_tables import Task
    from metagap.reports.asserting import assert_proved
    from metagap.reports.certifying import certify, problem
    from metagap.theory.claim import Assumption, Claim, Mutant, Relation, quantity

    from . import common, strategies, torch

__all__ = [
    "Adaptation",
    "Assumption",
    "At",
    "Claim",
    "Instance",
    "Loss",
    "Mutant",
    "Relation",
    "Task",
    "__version__",
    "assert_proved",
    "certify",
    "check",
    "common",
    "judge",
    "load",
    "minimise",
    "problem",
    "quantities",
    "quantity",
    "strategies",
    "tasks",
    "torch",
]

_HOMES = {
    "reports.asserting": ("assert_proved",),
    "reports.certifying": ("certify", "problem"),
    "theory.claim": ("Assumption", "Claim", "Mutant", "Relation", "quantity"),
    "impl.instances": ("Instance",),
    "impl.families": ("quantities",),
    "impl.own_adaptations": ("Adaptation",),
    "impl.own_losses": ("Loss",),
    "impl.sources": ("tasks",),
    "impl.stated_at": ("At",),
    "impl.task_tables": ("Task",),
    "impl": ("check", "judge", "load", "minimise"),
}
"""Where the names are at home."""


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("importlib.metadata").version("metagap")
    if name in ("common", "strategies", "torch"):
        return import_module(f"metagap.{name}")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"metagap.{home}"), name)
    raise AttributeError(f"module 'metagap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
