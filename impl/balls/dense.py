"""Vectors of parameters written out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flint import fmpq

from ..arithmetic import Balls, Matrix, Number, NumberSystem, Rationals, norm


@dataclass(frozen=True, eq=False)
class Dense:
    """A vector of parameters by its coordinates [D] on an orthonormal basis."""

    m: NumberSystem
    entries: list[Number]
    squares: list[fmpq] | None = None
    """In rationals: the squares D [D] of orthogonal e_k, if the entries are the inner products with these."""

    @cached_property
    def length(self) -> Number:
        """The norm. Errors: IrrationalError in rationals, where it is irrational."""
        if self.m is Balls:
            return norm(self.entries)
        squares = [fmpq(1)] * len(self.entries) if self.squares is None else self.squares
        return Rationals.sqrt(sum((v * v / d for v, d in zip(self.entries, squares, strict=True)), start=fmpq(0)))

    def plus(self, other: Dense, factor: int = 1) -> Dense:
        """The sum with factor times another."""
        entries = [a + factor * b for a, b in zip(self.entries, other.entries, strict=True)]
        return Dense(self.m, entries, self.squares)

    def along(self, offset: Matrix) -> Number:
        """<., V> for parameters V with as many entries."""
        return sum((a * b for a, b in zip(self.entries, offset.entries(), strict=True)), start=self.m.number(0))
