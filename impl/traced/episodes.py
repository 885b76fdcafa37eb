"""Tasks as others hand them out: loaders of points or of episodes, batches of tasks; told by their structure.

The structures are those of `torch.utils.data`, of learn2learn (`data.TaskDataset`: a task is (inputs, labels); its
examples adapt on even rows and judge on odd ones) and of torchmeta (`utils.data.BatchMetaDataLoader`: a dict of `train`
and `test`, each (inputs, targets), whose first axis is tasks). Neither package is imported. What a structure does not
say is never guessed: `Episodes` says it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from ..task_tables import Task
from .learner import bad

MOST = 1000
"""Tasks that are taken of a source without being asked for so many: some have no end."""
NAMES = (("support", "query"), ("train", "test"))
"""What batches call the two sets."""
FORMS = (
    "a Task, (inputs, labels), ((inputs, labels), (inputs, labels)), or a dict of train and test, or support and query"
)

Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Episodes:
    """Tasks of a source, and what their structure does not say.

    source  a loader of episodes (a DataLoader, learn2learn's TaskDataset, torchmeta's BatchMetaDataLoader); a batch, as
            a dict of train and test, or support and query, each (inputs, labels), the first axis tasks, or as (inputs,
            labels); or a list, each entry a `Task`, a DataLoader of a task's points, (inputs, labels), or
            ((inputs, labels), (inputs, labels))
    split   of tasks that are (inputs, labels): which rows are the support's; "even-odd" (even rows; odd ones are the
            query's), "same" (all rows are both), a number n (the first n), or a mask [rows]
    stacked of a batch (inputs, labels), or a DataLoader that collates: whether the first axis is tasks
    count   how many tasks are taken; None: all, of a source that is no list if they are at most 1,000
    """

    source: Any
    split: str | int | Sequence[bool] | torch.Tensor | None = None
    stacked: bool | None = None
    count: int | None = None

    def tasks(self) -> list[Task]:
        """Read once, in the source's order. Errors: BadInputError."""
        if self.count is not None and self.count < 1:
            raise bad("count", self.count, "a number of tasks >= 1")
        if self.count is None and isinstance(self.source, list | tuple):
            return list(self._read())
        most = MOST if self.count is None else self.count
        found = list(islice(self._read(), most + (self.count is None)))
        if len(found) > most:
            raise bad("tasks", f"more than {MOST}", "a number of tasks: Episodes(source, count=...)")
        if self.count is not None and len(found) < self.count:
            raise bad("tasks", f"{len(found)} of them", f"as many as count says, {self.count}")
        return found

    def _read(self) -> Iterator[Task]:
        source = self.source
        if isinstance(source, Mapping):
            yield from self._batch(source, 0)
        elif _pair(source) is not None:
            yield from self._collated(source, 0, True)
        elif isinstance(source, DataLoader):
            for k, item in enumerate(source):
                yield from self._collated(item, k, source.batch_sampler is not None)
        elif isinstance(source, Iterable) and not isinstance(source, str | torch.Tensor | np.ndarray):
            for k, item in enumerate(source):
                yield from self._tasks(_points(item, k) if isinstance(item, DataLoader) else item, k)
        else:
            raise bad("tasks", type(source).__name__, f"a list of tasks or a loader of episodes, each {FORMS}")

    def _collated(self, item: Any, k: int, collates: bool) -> Iterator[Task]:
        """What a DataLoader gives: a task, or a batch of them."""
        if isinstance(item, Mapping) or not collates:
            yield from self._tasks(item, k)
            return
        pairs = _pairs(item, k)
        stacked = self.stacked
        if any(y.dim() < 2 for _, y in pairs):
            if stacked:
                raise bad(f"tasks, item {k}", tuple(pairs[0][1].shape), "labels (tasks, points, ...), as stacked says")
        elif stacked is None:
            shapes = tuple(tuple(t.shape) for t in pairs[0])
            raise bad(f"tasks, item {k}", shapes, "whether the first axis is tasks: Episodes(loader, stacked=True or "
                      "False)")  # fmt: skip
        yield from (self._of(row, k) for row in _rows(pairs, k)) if stacked else iter([self._of(pairs, k)])

    def _tasks(self, item: Any, k: int) -> Iterator[Task]:
        if isinstance(item, Mapping):
            yield from self._batch(item, k)
        elif isinstance(item, Task):
            self._unsplit(k)
            yield item
        else:
            yield self._of(_pairs(item, k), k)

    def _batch(self, batch: Mapping[str, Any], k: int) -> Iterator[Task]:
        """The tasks of a dict, one for each entry of the first axis."""
        names = [pair for pair in NAMES if all(name in batch for name in pair)]
        if len(names) != 1:
            raise bad(f"tasks, item {k}", sorted(map(str, batch)), FORMS)
        pairs = [_pair(batch[name]) for name in names[0]]
        if None in pairs:
            raise bad(f"tasks, item {k}", names[0], "(inputs, labels) under each of these names")
        yield from (self._of(row, k) for row in _rows([p for p in pairs if p], k))

    def _of(self, pairs: Sequence[Pair], k: int) -> Task:
        if len(pairs) == 2:
            self._unsplit(k)
            return Task(pairs[0], pairs[1])
        x, y = pairs[0]
        n = len(x) if x.dim() else 0
        if not y.dim() or len(y) != n or n == 0:
            raise bad(f"task {k}", (tuple(x.shape), tuple(y.shape)), "as many inputs as labels, and at least one")
        if isinstance(self.split, str) and self.split == "same":
            return Task((x, y), (x, y))
        mask = self._mask(n, k)
        if not 0 < int(mask.sum()) < n:
            raise bad(f"task {k}", f"{n} rows, {int(mask.sum())} of them the support's", "rows for support and query")
        return Task((x[mask], y[mask]), (x[~mask], y[~mask]))

    def _mask(self, n: int, k: int) -> torch.Tensor:
        split = self.split
        if isinstance(split, str) and split == "even-odd":
            return torch.arange(n) % 2 == 0
        if isinstance(split, int) and not isinstance(split, bool):
            return torch.arange(n) < split
        mask = None if split is None or isinstance(split, str) else torch.as_tensor(split)
        if mask is None or mask.dtype != torch.bool or mask.shape != (n,):
            given = split if mask is None else (str(mask.dtype), tuple(mask.shape))
            ways = "'even-odd', 'same', a number of first rows, or a mask of booleans"
            raise bad(
                "split", given, f"which of the {n} rows of task {k} are the support's, Episodes(..., split={ways})"
            )
        return mask

    def _unsplit(self, k: int) -> None:
        if self.split is not None:
            raise bad("split", self.split, f"none: task {k} says itself what support and query are")


Tasks = Sequence[Task] | Episodes | Iterable[Any]
"""A list of `Task`; or a source of tasks, as in `Episodes`, which says what is not seen from their structure."""


def tasks_of(given: Tasks) -> list[Task]:
    """Tasks from whatever holds them: `Episodes`, or a source of theirs. Errors: BadInputError."""
    return (given if isinstance(given, Episodes) else Episodes(given)).tasks()


def _tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor | np.ndarray)


def _pair(value: Any) -> Pair | None:
    """(inputs, labels), if it is that."""
    if not isinstance(value, tuple | list) or len(value) != 2 or not all(map(_tensor, value)):
        return None
    return torch.as_tensor(value[0]), torch.as_tensor(value[1])


def _pairs(item: Any, k: int) -> list[Pair]:
    """One pair (inputs, labels), or two: support and query. Errors: BadInputError."""
    whole = _pair(item)
    halves = [_pair(half) for half in item] if isinstance(item, tuple | list) and len(item) == 2 else [None]
    found = [whole] if whole is not None else halves
    if None in found:
        shown = [type(one).__name__ for one in item] if isinstance(item, tuple | list) else type(item).__name__
        raise bad(f"tasks, item {k}", shown, FORMS)
    return [pair for pair in found if pair is not None]


def _points(loader: Iterable[Any], k: int) -> Pair:
    """All points of one task's loader."""
    batches = [_pair(batch) for batch in loader]
    pairs = [pair for pair in batches if pair is not None]
    shapes = {tuple(tuple(t.shape[1:]) for t in pair) for pair in pairs}
    if len(pairs) != len(batches) or len(shapes) != 1:
        raise bad(f"task {k}", f"a loader of {len(batches)} batches", "batches (inputs, labels) of points of one shape")
    return torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])


def _rows(pairs: Sequence[Pair], k: int) -> Iterator[list[Pair]]:
    """The tasks along the first axis, which all have."""
    lengths = {len(t) if t.dim() > 1 else None for pair in pairs for t in pair}
    if len(lengths) != 1 or None in lengths:
        shapes = [tuple(t.shape) for pair in pairs for t in pair]
        raise bad(f"tasks, item {k}", shapes, "a first axis of as many tasks in inputs and labels, and points after it")
    return ([(x[i], y[i]) for x, y in pairs] for i in range(next(n for n in lengths if n is not None)))
