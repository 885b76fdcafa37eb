"""A user's Python file, episodes and states: from what the command line names to a model and its tasks.

`FILE.py:FUNCTION` is the only thing that is run, and only where a user names it on the command line: the function
returns a module, or (module, inner loop), or (module, inner loop, loss). Files of numbers run nothing.
"""

from __future__ import annotations

import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..files import BadInputError
from ..files.parameters import load_arrays
from ..task_tables import from_archive
from .learner import SGD, Inner, Loss, Task
from .problem import at_state

RATE = 0.01
"""The inner rate if none is given."""


@dataclass(frozen=True)
class Program:
    """What a user trains, and on what."""

    model: torch.nn.Module
    inner: Inner
    loss: Loss
    tasks: tuple[Task, ...]
    notes: tuple[str, ...]


def program_at(
    place: str,
    tasks: Path,
    state: Path | None = None,
    loss: str | None = None,
    rate: float | None = None,
    steps: int | None = None,
) -> Program:
    """The program of FILE.py:FUNCTION, which is run. Errors: BadInputError."""
    model, inner, own_loss = _made(place)
    notes = []
    if inner is not None and (rate is not None or steps is not None):
        raise BadInputError(place, "--eta, --steps", "given", "none: the function returns an inner loop of its own")
    if inner is None:
        inner = SGD(RATE if rate is None else rate, 1 if steps is None else steps)
        if rate is None:
            notes.append(f"the inner rate is {RATE:g}, as none was given (--eta)")
    if loss is not None and own_loss is not None:
        raise BadInputError(place, "--loss", loss, "none: the function returns a loss of its own")
    if state is None:
        notes.append("parameters are as the function returns them: no --state was given")
    else:
        model = at_state(model, load_arrays(state), str(state))
    chosen = own_loss or loss or "mse"
    if own_loss is None and loss is None:
        notes.append("the loss is mse, the mean of (z - y)^2/2 (half of torch's mse_loss), as none was given (--loss)")
    return Program(model, inner, chosen, episodes(tasks, chosen), tuple(notes))


def _made(place: str) -> tuple[torch.nn.Module, Inner | None, Loss | None]:
    file, _, name = place.rpartition(":")
    if not Path(file).is_file():
        raise BadInputError(place, "path", file, "a Python file that is there, as FILE.py:FUNCTION")
    folder = str(Path(file).resolve().parent)
    sys.path.insert(0, folder)
    try:
        defined = runpy.run_path(file, run_name="metagap_program")
        made = defined.get(name)
        found = made() if callable(made) else None
    except Exception as error:
        words = " ".join(str(error).split())[:120]
        raise BadInputError(place, "run", type(error).__name__, f"a file that runs: {words}") from error
    finally:
        sys.path.remove(folder)
    if name not in defined:
        own = [n for n, one in defined.items() if getattr(one, "__module__", "") == "metagap_program" and callable(one)]
        raise BadInputError(place, "FUNCTION", name, f"one that the file defines: {', '.join(own) or 'it has none'}")
    parts = found if isinstance(found, tuple) else (found,)
    model, inner, loss = (*parts, None, None)[:3]
    if not isinstance(model, torch.nn.Module) or len(parts) > 3 or not (inner is None or callable(inner)):
        what = "a function that returns a torch.nn.Module, or a tuple of it, an inner loop and a loss"
        raise BadInputError(place, name, type(made if found is None else found).__name__, what)
    return model, inner, loss


def episodes(path: Path, loss: Loss = "mse") -> tuple[Task, ...]:
    """Tasks of an archive: X (N, ...), y (N, ...), task (N,), and split ("support", "query"), task_weight if they are
    there; without split a task adapts on what it is judged on. Errors: BadInputError."""

    def bad(field: str, given: object, required: str) -> BadInputError:
        return BadInputError(str(path), field, given, required)

    table = from_archive(path, ())
    x, y, names = np.asarray(table.features), np.asarray(table.labels), np.asarray(table.tasks)
    if table.weight is not None:
        raise bad("weight", "given", "no weights of rows: a program's risk is a mean; leave the array out")
    if not len(x) == len(y) == len(names) or not len(names):
        raise bad("arrays", (len(x), len(y), len(names)), "as many rows in X and y as in task, and at least one")
    for field, array in (("X", x), ("y", y)):
        if array.dtype.kind not in "biuf":
            raise bad(field, str(array.dtype), "an array of numbers; convert it, by astype(float) say")
        if not np.isfinite(array).all():
            place = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
            where = f"{field}[{', '.join(map(str, place))}]"
            required = f"finite numbers (row {place[0]} is of task {names[place[0]]}); fill it, or drop the row"
            raise bad(where, float(array[place]), required)
    if loss == "cross_entropy":
        if y.ndim != 1 or (y != np.round(y)).any():
            raise bad("y", (str(y.dtype), y.shape), "one class number per row (loss cross_entropy)")
        y = y.astype(np.int64)
    split = None if table.split is None else np.array([str(v).strip() == "query" for v in table.split])
    found = []
    for name in dict.fromkeys(names.tolist()):
        own = names == name
        sets = [own & ~split, own & split] if split is not None else [own, own]
        if not all(rows.any() for rows in sets):
            raise bad("split", str(name), "rows of both kinds, support and query, for every task")
        weight = None
        if table.task_weight is not None:
            weights = set(np.asarray(table.task_weight)[own].tolist())
            if len(weights) > 1:
                raise bad("task_weight", sorted(weights), f"one weight for all rows of task {name}")
            weight = float(weights.pop())
        support, query = ((torch.as_tensor(x[rows]), torch.as_tensor(y[rows])) for rows in sets)
        found.append(Task(support, query, weight))
    return tuple(found)
