"""The sharp driver: gradient ascent on log(left/bound) through torch, for meta-SL with gradient steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..extras import require
from ..families import FAMILIES
from ..losses import Link
from .evolution import Visit
from .fields import Field, Kind, fields, legal
from .ratio import Objective


class NoGradientError(ValueError):
    """The subject or its family has no quantities in torch."""


def prepare(what: Objective) -> Any:
    """The family's quantities in torch, which takes seconds to load.

    Errors: NoGradientError, extras.MissingExtraError.
    """
    require("torch", "oracles", "search by gradients")
    if what.family.in_torch is None or what.equal:
        able = " or ".join(family.name for family in FAMILIES.values() if family.in_torch)
        raise NoGradientError(f"inequalities of {able} are required")
    quantities = what.family.in_torch()
    missing = [name for name in what.names if name not in quantities.known]
    if missing:
        raise NoGradientError(f"{missing[0]} is not known to torch")
    # torch loads its optimisers and its backward pass when they are first used, which takes a second.
    import torch

    probe = torch.zeros(1, requires_grad=True)
    probe.sum().backward()
    torch.optim.Adam([probe]).step()
    return quantities


def gradient(
    starts: Iterator[Any], visit: Visit, what: Objective, *, rate: float = 0.03, rounds: int = 400, patience: int = 60
) -> None:
    """Adam on all numbers of a batch at once, each kind in coordinates that keep it legal.

    Errors: NoGradientError, extras.MissingExtraError.
    """
    quantities = prepare(what)
    import torch

    idle = 0
    for start in starts:
        visit(start)
        idle += 1
        if (start.steps < 1 or start.loss.outputs > 1) and idle < 1000:
            continue
        idle = 0
        fixed = () if start.loss.link is Link.RESIDUAL else (Kind.LABEL,)
        free = {f.name: torch.from_numpy(_free(f, value)) for f, value in fields(start) if f.kind not in fixed}
        for tensor in free.values():
            tensor.requires_grad_()
        optimiser = torch.optim.Adam(free.values(), lr=rate)
        stale, best = 0, -np.inf
        for _ in range(rounds):
            arrays = {f.name: torch.from_numpy(value) for f, value in fields(start)}
            by_name = {f.name: f for f, _ in fields(start)}
            for name, tensor in free.items():
                arrays[name] = _bound(by_name[name], arrays[name], tensor)
            numbers = {name: tensor.detach().numpy() for name, tensor in arrays.items()}
            here = replace(start, **{name: legal(start, by_name[name], value) for name, value in numbers.items()})
            top = float(visit(here).max())
            at = quantities(replace(start, **arrays))
            left, bound = what.left(at), what.bound(at)
            sound = (bound > 0) & torch.isfinite(left) & torch.isfinite(bound)
            quotient = left / torch.where(sound, bound, 1.0)
            good = quotient > 1e-3
            gain = torch.where(good, torch.where(good, quotient, 1.0).log(), quotient)
            optimiser.zero_grad()
            (-torch.where(sound, gain, 0.0).sum()).backward()
            for tensor in free.values():
                if tensor.grad is not None:
                    torch.nan_to_num_(tensor.grad, 0.0, 0.0, 0.0)
            optimiser.step()
            stale = 0 if abs(1 - top) < 0.99 * abs(1 - best) else stale + 1
            best = max(best, top)
            if stale >= patience:
                break


def _free(field: Field, value: np.ndarray) -> np.ndarray:
    """Where an unconstrained coordinate starts: the number itself, or the log of a factor that is applied to it."""
    return np.zeros_like(value) if field.kind in (Kind.FACTOR, Kind.SHARES) else value.copy()


def _bound(field: Field, start: Any, free: Any) -> Any:
    """The field's values at unconstrained coordinates (tensors)."""
    if field.kind is Kind.FACTOR:
        return start * free.exp()
    if field.kind is Kind.SHARES:
        raised = start * free.exp()
        return raised / raised.sum(tuple(range(-field.span, 0)), keepdim=True)
    return free
