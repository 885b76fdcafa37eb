"""The mixed form, for every family: numerators averaged over tasks first, divided afterwards.

On points z of the mixture, with masses M: weight = sum_i (density-weighted w_i), target = sum_i w_i u_i, pull = sum_i
w_i psi_i. Undivided: <|target - pull'v|>. Divided: ||weight/M|| ||target/weight - (pull/weight)'v||, which needs that
target and pull vanish where weight does (hypothesis D).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from flint import arb

from ..arithmetic import Balls, Matrix, Number, norm, root, square
from .core import CoreQuantities
from .infimum import misfit


@dataclass(frozen=True)
class Mixed:
    """The mixed form's points: numerators weight, target [T], masses [T], and pull (T, d)."""

    weight: list[Number]
    target: list[Number]
    masses: list[Number]
    sources: list[int]
    """How many tasks give mass to the point: of one task alone the weight vanishes only with everything else."""
    points: Sequence[tuple[int, ...]]
    """What tells one point from another, in the order of the lists."""
    pull: Matrix | None = None
    """None: it vanishes where the weight does, and the family has its own rows."""


System = tuple[Matrix, list[Number], list[Number]]
"""Rows (N, d), targets [N] and masses [N] of a weighted least-squares problem."""


class MixedQuantities(CoreQuantities):
    """Core quantities, and those of the mixed form."""

    @cached_property
    @abstractmethod
    def _mixed(self) -> Mixed:
        """Errors: UndefinedQuantityError."""

    @cached_property
    @abstractmethod
    def _rational_twin(self) -> Self | None:
        """The same instance in exact rationals, where that is possible at moderate cost."""

    @cached_property
    def _exact_mixed(self) -> Mixed | None:
        """The same points in exact rationals; None without a twin, or where it has others: what has probability 0
        exactly is a point of none, and balls cannot always tell."""
        found = None if self._rational_twin is None else self._rational_twin._mixed
        return found if found is not None and found.points == self._mixed.points else None

    @cached_property
    def _vanishing(self) -> list[bool | None]:
        """Per point: whether the mixed weight is 0 (None: an enclosure cannot tell)."""
        found: list[bool | None] = []
        for j, w in enumerate(self._mixed.weight):
            if self.m is Balls and w.contains(0):
                if w.is_zero():
                    found.append(True)
                    continue
                found.append(None if self._exact_mixed is None else self._exact_mixed.weight[j] == 0)
            else:
                found.append(w == 0)
        return found

    @cached_property
    def margin_numerator_vanishes(self) -> arb:
        """min |weight| where it is not 0; minus the largest numerator where it is 0 and some numerator is not."""
        mixed, margin, failed = self._mixed, arb(1), arb(0)
        exact = (self._exact_mixed if True in self._vanishing else None) or mixed
        pulls = exact.pull.tolist() if exact.pull is not None and True in self._vanishing else None
        for j, vanishes in enumerate(self._vanishing):
            if vanishes is False:
                margin = margin.min(Balls.magnitude(mixed.weight[j] / mixed.masses[j]))
            elif vanishes:
                numerators = [exact.target[j], *([] if pulls is None else pulls[j])]
                if not all(v == 0 for v in numerators):
                    failed = failed.max(norm([arb(v) for v in numerators]) / mixed.masses[j])
            elif mixed.sources[j] > 1:
                margin = margin.min(arb(0).union(Balls.magnitude(mixed.weight[j] / mixed.masses[j])))
        return margin if failed.is_zero() else -failed if failed > 0 else -failed.union(margin)

    @cached_property
    def mixed_weight_norm(self) -> arb:
        self._balls_only("a norm")
        mixed = self._mixed
        return root(self._sum(square(w) / m for w, m in zip(mixed.weight, mixed.masses, strict=True)))

    def _mixed_system(self, chosen: list[int]) -> System:
        """The least-squares problem of the divided form on the chosen points. Errors: TooLargeError."""
        mixed = self._mixed
        assert mixed.pull is not None
        table = mixed.pull.tolist()
        rows = self.m.matrix([[a / mixed.weight[j] for a in table[j]] for j in chosen])
        return rows, [self._mixed_target(j) for j in chosen], [mixed.masses[j] for j in chosen]

    def _mixed_l1_system(self) -> tuple[Matrix, list[Number]]:
        """Rows (N, d) and targets [N] of the undivided form. Errors: TooLargeError."""
        assert self._mixed.pull is not None
        return self._mixed.pull, self._mixed.target

    @cached_property
    def mixed_misfit(self) -> arb:
        def restricted(keep: Callable[[bool | None], bool]) -> arb:
            chosen = [j for j, v in enumerate(self._vanishing) if keep(v)]
            return misfit(*self._mixed_system(chosen), self.radius).value

        self._balls_only("an infimum")
        certain = restricted(lambda vanishes: vanishes is False)
        if None not in self._vanishing:
            return certain
        return arb(certain.lower()).union(restricted(lambda vanishes: vanishes is not True).upper())

    def _mixed_target(self, j: int) -> Number:
        mixed = self._mixed
        return mixed.target[j] / mixed.weight[j]

    @cached_property
    def mixed_misfit_l1(self) -> arb:
        self._balls_only("an infimum")
        return self._l1(*self._mixed_l1_system())
