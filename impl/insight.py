"""Which numbers of a witness matter: each is replaced by others, and the claim still fails or does not.

Hypothesis says "or any other generated value" of arguments that do not matter to a failure; this says it of the numbers
of an instance, judged in balls each time.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from flint import fmpq

from . import files
from .arithmetic import rational
from .families import loads
from .instances import Instance

Path = tuple[str | int, ...]

FIELDS = ("omega", "comparator", "radius", "features", "adaptation", "tau", "eta", "tasks", "model", "loss")
FIXED = ("weight", "p", "P", "start", "x", "steps", "b", "name")
"""Numbers that cannot be changed one by one: shares of a whole, indices, counts, signs."""

LIMIT = 40
"""Instances with more numbers are not examined: what they show is not small enough to read."""


def indifferent(instance: Instance, fails: Callable[[Instance], bool]) -> list[str]:
    """The numbers that may have any other value tried (0, 1, -1, 2, half, double, the negative) without saving the
    claim, each as its place in the instance file, such as `tasks[0].atoms[1].y`."""
    if instance.numbers > LIMIT:
        return []
    document = json.loads(files.dumps(instance.canonical))
    return [_written(place) for place in _numbers(document) if _any_other_fails(document, place, fails)]


def _numbers(document: dict[str, Any]) -> Iterator[Path]:
    def walk(value: Any, place: Path) -> Iterator[Path]:
        if isinstance(value, dict):
            for key, part in value.items():
                if key not in FIXED:
                    yield from walk(part, (*place, key))
        elif isinstance(value, list):
            for j, part in enumerate(value):
                yield from walk(part, (*place, j))
        elif isinstance(value, int | float) or (isinstance(value, str) and _value(value) is not None):
            yield place

    for name in FIELDS:
        if name in document:
            yield from walk(document[name], (name,))


def _value(text: Any) -> fmpq | None:
    try:
        return rational(text)
    except ValueError:
        return None


def _any_other_fails(document: dict[str, Any], place: Path, fails: Callable[[Instance], bool]) -> bool:
    """Whether every other value tried is refused by the reader or fails too, and at least two are not refused."""
    changed = copy.deepcopy(document)
    target: Any = changed
    for step in place[:-1]:
        target = target[step]
    own = _value(target[place[-1]])
    assert own is not None
    tried = 0
    for other in dict.fromkeys([fmpq(0), fmpq(1), fmpq(-1), fmpq(2), own / 2, own * 2, -own]):
        if other == own:
            continue
        target[place[-1]] = f"{other.p}/{other.q}"
        try:
            candidate = loads(json.dumps(changed), "insight")
        except files.BadInputError:
            continue
        if not fails(candidate):
            return False
        tried += 1
    return tried >= 2


def _written(place: Path) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
