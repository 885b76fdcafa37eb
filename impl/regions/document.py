"""The reader of region files: instance files of format "metagap/region/1" in which numbers may be intervals.

{"from": a, "to": b} stands for every number between a and b; "rest", of a mass or a weight, for 1 less the others. Both
ends are read by the one reader of instances: what it asks of a number, it asks of an interval.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from flint import fmpq

from ..files import instance_in
from ..files.faults import FaultError
from ..files.numbers import Number, exact, written
from ..files.records import Record, typed
from ..files.text import document, join, reported
from ..instances import SPLIT_FORMAT
from ..losses import Link
from ..supervised.adaptation import Gradient
from ..supervised.document import READER
from ..supervised.instance import Atom, MetaSLInstance
from .region import Region

FORMAT = "metagap/region/1"
REST = "rest"
ATOM = r"tasks\[\d+\]\.(atoms|support)\[\d+\]"
INTERVALS = re.compile(
    rf"adaptation\.eta|features\[\d+\]\[\d+\]|tasks\[\d+\]\.weight|{ATOM}\.[py]|omega\[\d+\]|comparator\[\d+\]"
    r"|comparator\.functions\[\d+\]\[\d+\]|radius"
)
SHARES = re.compile(rf"tasks\[\d+\]\.weight|{ATOM}\.p")
MOST = 32
"""Intervals in the largest region: a tree's byte names one."""


class _Interval(Record, rename={"low": "from", "high": "to"}):
    low: Number
    high: Number


def load(path: str | os.PathLike[str]) -> Region:
    """The region in a file. Errors: BadInputError."""
    return region_in(document(path), os.fsdecode(path))


def region_in(content: Any, source: str) -> Region:
    """The region that a JSON value describes, which errors call `source`. Errors: BadInputError."""
    with reported(source, content):
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise FaultError("format" if isinstance(content, dict) else "document", "give a region file", repr(FORMAT))
        return _region(content, source)


def _region(content: dict[str, Any], source: str) -> Region:
    intervals, rests = dict[str, tuple[fmpq, fmpq]](), list[str]()
    for place, value in _leaves(content, ""):
        if value == REST and SHARES.fullmatch(place):
            rests.append(place)
        elif isinstance(value, dict):
            intervals[place] = _ends(place, value)
    if not 0 < len(intervals) <= MOST:
        what = f"1 to {MOST} intervals {{'from': a, 'to': b}} in place of numbers"
        raise FaultError("document", f"there are {len(intervals)}", what, content.get("problem"))
    low, high = (
        instance_in(_filled(content, "", {p: ends[k] for p, ends in intervals.items()}), source, (READER,))
        for k in (0, 1)
    )
    assert isinstance(low, MetaSLInstance)
    assert isinstance(high, MetaSLInstance)
    for one in (low, high):
        _supported(one, intervals, rests)
    box = tuple(intervals.values())
    return Region(_settled(low, (*intervals, *rests)), tuple(intervals), box, tuple(rests), content)


def _settled(corner: MetaSLInstance, varying: tuple[str, ...]) -> MetaSLInstance:
    """The corner without what does nothing, whatever the intervals are: rates and decay without a step, a support that
    is the task's law. An interval for eta has no rates beside it."""
    adaptation, tasks = corner.adaptation, list(corner.tasks)
    assert isinstance(adaptation, Gradient)
    if "adaptation.eta" not in varying:
        adaptation = adaptation.canonical
    for i, task in enumerate(tasks):
        fixed = not any(place.startswith(f"tasks[{i}].") and place[-2:] in (".p", ".y") for place in varying)
        if fixed and task.support is not None and sorted(_rows(task.support)) == sorted(_rows(task.atoms)):
            tasks[i] = replace(task, support=None)
    return replace(corner, adaptation=adaptation, tasks=tuple(tasks))


def _rows(law: Sequence[Atom]) -> Iterator[tuple[int, fmpq | tuple[fmpq, ...], fmpq]]:
    return ((atom.x, atom.y, atom.p) for atom in law)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(place, value) of every text, number and interval."""
    if isinstance(value, dict) and not {"from", "to"} & set(value):
        for name, item in value.items():
            yield from _leaves(item, join(path, name))
    elif isinstance(value, list):
        for j, item in enumerate(value):
            yield from _leaves(item, f"{path}[{j}]")
    else:
        yield path, value


def _ends(place: str, given: dict[str, Any]) -> tuple[fmpq, fmpq]:
    if not INTERVALS.fullmatch(place):
        what = "a number: intervals are those of eta, features, weights, p, y, omega, comparator and radius"
        raise FaultError(place, "give one number", what)
    try:
        ends = typed(given, _Interval, lambda _, words: words)
    except FaultError as fault:
        raise FaultError(place, fault.advice, f"an interval {{'from': a, 'to': b}} ({fault.what})") from None
    low, high = (exact(end, f"{place}.{name}") for name, end in (("from", ends.low), ("to", ends.high)))
    if not low < high:
        raise FaultError(place, "give a number if both ends are one", "an interval with from < to")
    return low, high


def _filled(value: Any, path: str, numbers: dict[str, fmpq]) -> Any:
    """The document with numbers for intervals and rests, as an instance file."""
    if path in numbers:
        return written(numbers[path])
    if isinstance(value, list):
        return _with_rest(path, [_filled(item, f"{path}[{j}]", numbers) for j, item in enumerate(value)])
    if isinstance(value, dict):
        found = {name: _filled(item, join(path, name), numbers) for name, item in value.items()}
        return found | {"format": SPLIT_FORMAT} if path == "" else found
    return value


def _with_rest(path: str, items: list[Any]) -> list[Any]:
    """A list of tasks or atoms whose one rest is what the others leave of 1."""
    name = "weight" if path == "tasks" else "p"
    open_ = [j for j, item in enumerate(items) if isinstance(item, dict) and item.get(name) == REST]
    if not open_:
        return items
    place = f"{path}[{open_[-1]}].{name}"
    if len(open_) > 1:
        raise FaultError(place, "give numbers or intervals to the others", "one rest", REST)
    others = (_share(item, name, f"{path}[{j}]") for j, item in enumerate(items) if j != open_[0])
    left = 1 - sum(others, start=fmpq(0))
    if left <= 0:
        raise FaultError(place, f"the others leave {left.p}/{left.q} of 1", "a rest > 0 wherever the others are", REST)
    return [item | {name: written(left)} if j == open_[0] else item for j, item in enumerate(items)]


def _share(item: Any, name: str, place: str) -> fmpq:
    """The weight or mass of a task or atom that nothing has read yet. Errors: FaultError."""
    if not isinstance(item, dict):
        raise FaultError(place, what=f"an object with {name!r}")
    value = item.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FaultError(f"{place}.{name}", what="a number, an interval or a rest")
    return exact(value if isinstance(value, str) else float(value), f"{place}.{name}")


def _supported(one: MetaSLInstance, intervals: dict[str, tuple[fmpq, fmpq]], rests: list[str]) -> None:
    """What regions take. Errors: FaultError."""
    profile, steps = one.loss.profile, one.adaptation
    if one.loss.outputs > 1 or profile.kinked:
        raise FaultError("loss.name", "regions are of one output, and of a loss with a slope", "another loss")
    if not isinstance(steps, Gradient):
        raise FaultError("adaptation.name", "regions are of gradient steps", "'gradient'")
    if steps.rates is not None and "adaptation.eta" in intervals:
        raise FaultError("adaptation.eta", "an interval of it has one rate for all parameters", "a number")
    for place, (low, _) in intervals.items():
        if SHARES.fullmatch(place):
            if low <= 0:
                raise FaultError(place, "an atom or a task without mass is another shape", "an interval with from > 0")
            list_, name = place.rsplit("[", 1)[0], place.rsplit(".", 1)[1]
            if not any(rest.startswith(f"{list_}[") and rest.endswith(f"].{name}") for rest in rests):
                raise FaultError(place, f"give {REST!r} to one of the others", "numbers that sum to 1")
        elif place.endswith(".y") and one.loss.link not in (Link.RESIDUAL, Link.CANONICAL):
            raise FaultError(place, "give -1 or 1", f"a label of the {one.loss.name} loss")
    for i, task in enumerate(one.tasks):
        if task.support is not None:
            own = [place for place in (*intervals, *rests) if re.match(rf"tasks\[{i}\]\.(atoms|support)", place)]
            if own:
                raise FaultError(own[0], "of a task with a support they are exact", "a number")
        for name, law in (("atoms", task.atoms), ("support", task.support or ())):
            exact_ones = [(a.x, a.y) for j, a in enumerate(law) if f"tasks[{i}].{name}[{j}].y" not in intervals]
            if len(set(exact_ones)) < len(exact_ones) or any(atom.p == 0 for atom in law):
                raise FaultError(
                    f"tasks[{i}].{name}", "merge equal atoms, leave out those of mass 0", "atoms once each"
                )
