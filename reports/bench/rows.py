"""A row of a benchmark: something that is timed, in a group that shares a table."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One timed thing: `work` handles `count` instances."""

    group: str
    name: str
    count: int
    work: Callable[[], object]


def installed(package: str) -> bool:
    """Whether an optional package is there."""
    return importlib.util.find_spec(package) is not None
