"""The blind attack on mutants: floats search, balls certify, and both a simple and a bad witness are kept.

The search does not know which mutant it faces: every mutant is evaluated on the same batches of the same
generators (on the first instances of each, in balls, where floats do not know its quantities). A hit counts only when
balls certify gap > bound (for a wrong equality: that both differ) and every assumption of the claim that the mutant
kept.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np

from ...theory.claim import Mutant, Relation, UndefinedQuantityError
from ..families import META_SL, Family, family_of
from ..judge import Evaluator
from ..shrink import shrink
from ..sources import SMALL, FullSource, Generator, Limits, RandomSource
from .certify import Refutation, refute

FEW = 4
"""Instances of a batch that are judged in balls where floats cannot say which is worth it."""


@dataclass
class Attack:
    """What is known of one mutant: examples and seconds of the search until its first certified refutation."""

    mutant: Mutant
    examples: int = 0
    seconds: float = 0.0
    hits: Counter[str] = field(default_factory=Counter)
    found: list[Refutation] = field(default_factory=list)
    first: Refutation | None = None

    @property
    def status(self) -> Literal["refuted", "survived", "equivalent", "open"]:
        """refuted, equivalent, open or survived."""
        if self.first is not None:
            return "refuted"
        if self.mutant.equivalent:
            return "equivalent"
        return "open" if self.mutant.open else "survived"

    def simplest(self) -> Refutation | None:
        """The smallest witness, shrunk as far as it stays certified; none of a generated mutant."""
        if not self.found or self.mutant.generated:
            return None
        best = min(self.found, key=lambda r: r.instance.numbers)
        smaller = family_of(best.instance).smaller
        small = shrink(best.instance, lambda candidate: refute(self.mutant, candidate) is not None, smaller)
        certified = refute(self.mutant, small)
        assert certified is not None
        return Refutation(small, *certified, best.generator)

    def worst(self) -> Refutation | None:
        """The witness with the largest relative excess."""
        return max(self.found, key=lambda r: r.excess, default=None)


def batches(
    family: Family,
    seed: int,
    size: int,
    limits: Limits = SMALL,
    *,
    full: bool = False,
    wild: bool = False,
    generators: Sequence[str] = (),
) -> Iterator[tuple[Generator, str, Any]]:
    """An endless stream of (generator, variant, batch), round-robin over the generators given or the searching ones.

    Sizes go up to `limits`; with `full` they are those limits. `wild`: all generators, in all variants, assumptions of
    the claims broken or not.
    """
    chosen = family.wild if wild else [family.generator(name) for name in generators or family.searching]
    rounds = 0
    while True:
        for position, generator in enumerate(chosen):
            variants = family.all_variants(generator) if wild else generator.variants
            variant = variants[rounds % len(variants)]
            source = (FullSource if full else RandomSource)((seed, position, rounds), size)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                yield generator, variant, generator.build(source, variant, limits)
        rounds += 1


def attack(
    family: Family = META_SL,
    mutants: Sequence[Mutant] | None = None,
    *,
    seed: int = 0,
    rounds: int = 16,
    size: int = 64,
    enough: int = 3,
    progress: Callable[[str], None] = lambda message: None,
    until: float = math.inf,
) -> list[Attack]:
    """Search for counterexamples to a family's mutants (or those given), `rounds` batches of each generator.

    `enough` certified witnesses end the certification of hits for a mutant; float hits are counted throughout. For a
    generated mutant one witness is the end. At the time `until` (of time.monotonic) it ends with what it has.
    """
    attacks = [Attack(mutant) for mutant in (family.mutants if mutants is None else mutants)]
    known = {
        one.mutant.name: all(
            hasattr(family.batch_quantities, name) for name in (*one.mutant.left.names, *one.mutant.bound.names)
        )
        for one in attacks
    }
    floats = family.batch_quantities
    size = FEW if floats is None else size  # no more are evaluated without floats
    begin = time.perf_counter()
    for generator, variant, batch in itertools.islice(batches(family, seed, size), rounds * len(family.searching)):
        if time.monotonic() > until:
            break
        refuted = sum(one.first is not None for one in attacks)
        progress(f"mutants: {refuted} of {len(attacks)} refuted; {generator.name}, {variant}")
        few = cache(lambda batch=batch: _evaluated(family, batch))
        with np.errstate(all="ignore"):
            quantities = None if floats is None else floats(batch)
            for one in attacks:
                alive = one.first is None
                if one.mutant.generated and not alive:
                    continue
                if quantities is not None and known[one.mutant.name]:
                    _search(one, generator, batch, quantities, enough)
                elif len(one.found) < enough:
                    # Floats do not have its quantities: some instances of the batch.
                    for evaluator in few():
                        one.examples += one.first is None
                        one.hits[generator.name] += _witness(one, generator, evaluator)
                if alive:
                    one.seconds = time.perf_counter() - begin
        if all(_finished(one, floats is None, enough) for one in attacks):
            break
    return attacks


def _finished(one: Attack, balls: bool, enough: int) -> bool:
    """Whether nothing more is asked of a mutant. (What floats hit is counted throughout.)"""
    return one.first is not None and (one.mutant.generated or (balls and len(one.found) >= enough))


def _evaluated(family: Family, batch: Any) -> list[Evaluator]:
    """The first instances of a batch, to be judged in balls: what one mutant needs, others need too."""
    return [family.evaluator(batch.instance(b)) for b in range(min(FEW, len(batch)))]


def _witness(one: Attack, generator: Generator, evaluator: Evaluator) -> bool:
    """Whether balls certify that the instance refutes the mutant, by more than float64 rounds; it is kept then."""
    instance = evaluator.instance
    certified = refute(one.mutant, instance, evaluator)
    if certified is None:
        return False
    found = Refutation(instance, *certified, generator.name)
    if not found.apart:
        return False
    one.found.append(found)
    one.first = one.first or found
    return True


def _search(one: Attack, generator: Generator, batch: Any, quantities: Callable[[str], Any], enough: int) -> None:
    scale = 1e-9 * (np.abs(quantities("gap")) + np.abs(quantities("pairing")))
    try:
        excess = one.mutant.left(quantities) - one.mutant.bound(quantities)
    except UndefinedQuantityError:
        return
    if one.mutant.relation is Relation.EQUAL:
        excess = np.abs(excess)
    if one.first is None:
        one.examples += len(batch)
    hits = np.flatnonzero(excess > scale)
    one.hits[generator.name] += len(hits)
    ranked = hits[np.argsort(-(excess[hits] / scale[hits]))] if len(hits) else hits
    # The largest, and some of the others: the largest may all lie where the assumptions fail.
    for b in [*ranked[:FEW], *ranked[FEW :: len(ranked) // FEW + 1]]:
        if len(one.found) >= enough and generator.name in {r.generator for r in one.found}:
            break
        _witness(one, generator, family_of(one.mutant).evaluator(batch.instance(int(b))))
