"""Networks one step smaller, for shrinking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ..shrink import simpler_entries, simpler_rows
from .weights import Weights

FEW = 16
"""Neurons up to which single numbers are simplified."""


def _kept(weights: Weights, keep: list[int]) -> Weights:
    return Weights.of([weights.row(r) for r in keep]) if weights.odd else Weights(weights.floats[keep])


def fewer_neurons(instance: Any, changes: Callable[[list[int]], dict[str, Any]] = lambda keep: {}) -> Iterator[Any]:
    """Half of the neurons, or one less; `changes`: what else those that are kept change."""
    m = instance.width
    cuts = [list(range(m // 2)), list(range(m // 2, m))] if m > 1 else []
    if 1 < m <= FEW:
        cuts += [[r for r in range(m) if r != drop] for drop in range(m)]
    for keep in cuts:
        comparator = instance.comparator
        yield replace(
            instance,
            signs=tuple(instance.signs[r + r0] for r0 in range(0, len(instance.signs), m) for r in keep),
            initial=_kept(instance.initial, keep),
            omega=_kept(instance.omega, keep),
            comparator=_kept(comparator, keep) if isinstance(comparator, Weights) else comparator,
            **changes(keep),
        )


def simpler_weights(weights: Weights) -> Iterator[Weights]:
    """Of few neurons: with one simpler entry."""
    if weights.width > FEW:
        return
    yield from map(Weights.of, simpler_rows([weights.row(r) for r in range(weights.width)]))


def simpler_parameters(value: Any) -> Iterator[Any]:
    """A parameter, of a network or linear, with one simpler number."""
    return simpler_weights(value) if isinstance(value, Weights) else simpler_entries(value)
