"""Refuting wrong theorems: floats search, balls certify, and both a simple and a bad witness are kept.

The search does not know which mutant it faces: every mutant is evaluated on the same batches of the same
generators. A hit counts only when balls certify gap > bound and every assumption of the claim that the mutant kept.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from flint import ctx

from ..theory.claim import Claim, Mutant
from ..theory.meta_sl import CLAIMS
from ..theory.mutants import MUTANTS
from .balls.quantities import UndefinedQuantityError
from .floats.batch import Batch
from .floats.quantities import BatchQuantities
from .generate import GENERATORS, Generator, RandomSource
from .instances import Instance
from .judge import PRECISIONS, Enclosure, Evaluator
from .shrink import shrink

SEARCHING = ("arbitrary", "functions", "tangent", "local", "stationary", "one-task", "cancelling")
"""Generators of the search, cheap ones first."""


@dataclass(frozen=True)
class Refutation:
    """A certified counterexample to a mutant: gap > bound in balls."""

    instance: Instance
    gap: Enclosure
    bound: Enclosure
    generator: str

    @property
    def excess(self) -> float:
        """(gap - bound) relative to the size of both: 1 if the bound is 0."""
        return (self.gap.lo - self.bound.hi) / (abs(self.gap.lo) + abs(self.bound.hi))


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
    def status(self) -> str:
        """killed, equivalent or survived."""
        if self.first is not None:
            return "killed"
        return "equivalent" if self.mutant.equivalent else "survived"

    def simplest(self) -> Refutation | None:
        """The smallest witness, shrunk as far as it stays certified."""
        if not self.found:
            return None
        best = min(self.found, key=lambda r: r.instance.numbers)
        small = shrink(best.instance, lambda candidate: refute(self.mutant, candidate) is not None)
        certified = refute(self.mutant, small)
        assert certified is not None
        return Refutation(small, *certified, best.generator)

    def worst(self) -> Refutation | None:
        """The witness with the largest relative excess."""
        return max(self.found, key=lambda r: r.excess, default=None)


def claim_of(mutant: Mutant, claims: Iterable[Claim] = CLAIMS) -> Claim:
    """The claim that the mutant distorts."""
    return next(claim for claim in claims if claim.name == mutant.claim)


def refute(mutant: Mutant, instance: Instance) -> tuple[Enclosure, Enclosure] | None:
    """(gap, bound) if the instance certifiably contradicts the mutant, else None."""
    claim = claim_of(mutant)
    kept = [a for a in claim.assumptions if a.name not in mutant.drops]
    evaluator = Evaluator(instance)
    for bits in PRECISIONS[:2]:
        with ctx.workprec(bits):
            at = evaluator.balls(bits)
            try:
                if not all(at(a.margin) > 0 for a in kept):
                    return None
                gap, bound = claim.left(at), mutant.bound(at)
            except UndefinedQuantityError:
                return None
            if gap > bound:
                return Enclosure.of(gap), Enclosure.of(bound)
            if gap <= bound or (gap - bound).is_nan():
                return None
    return None


def batches(seed: int, size: int, names: Sequence[str] = SEARCHING) -> Iterator[tuple[Generator, Batch]]:
    """An endless stream of batches, round-robin over generators and losses."""
    chosen = [next(g for g in GENERATORS if g.name == name) for name in names]
    rounds = 0
    while True:
        for position, generator in enumerate(chosen):
            loss = generator.losses[rounds % len(generator.losses)]
            source = RandomSource((seed, position, rounds), size)
            with np.errstate(over="ignore", invalid="ignore"):
                yield generator, generator.build(source, loss)
        rounds += 1


def attack(
    mutants: Sequence[Mutant] = MUTANTS,
    *,
    seed: int = 0,
    rounds: int = 16,
    size: int = 64,
    enough: int = 3,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Attack]:
    """Search for counterexamples to every mutant, `rounds` batches of each generator.

    `enough` certified witnesses end the certification of hits for a mutant; float hits are counted throughout.
    """
    attacks = [Attack(mutant) for mutant in mutants]
    begin = time.perf_counter()
    for generator, batch in itertools.islice(batches(seed, size), rounds * len(SEARCHING)):
        progress(f"{generator.name}, {batch.loss.name}")
        with np.errstate(all="ignore"):
            quantities = BatchQuantities(batch)
            scale = 1e-9 * (np.abs(quantities.gap) + np.abs(quantities.pairing))
            for one in attacks:
                alive = one.first is None
                _search(one, generator, batch, quantities, scale, enough)
                if alive:
                    one.seconds = time.perf_counter() - begin
    return attacks


def _search(
    one: Attack,
    generator: Generator,
    batch: Batch,
    quantities: BatchQuantities,
    scale: np.ndarray,
    enough: int,
) -> None:
    claim = claim_of(one.mutant)
    if claim.name.startswith("meta-sl-mixed") and batch.steps != 1:
        return
    if "misfit_hessian_at_adapted" in one.mutant.bound.names and batch.steps == 0:
        return
    if one.first is None:
        one.examples += len(batch)
    excess = quantities.gap - one.mutant.bound(quantities)
    hits = np.flatnonzero(excess > scale)
    one.hits[generator.name] += len(hits)
    ranked = hits[np.argsort(-(excess[hits] / scale[hits]))] if len(hits) else hits
    for b in ranked[:4]:
        if len(one.found) >= enough and generator.name in {r.generator for r in one.found}:
            break
        instance = batch.instance(int(b))
        certified = refute(one.mutant, instance)
        if certified is not None:
            refutation = Refutation(instance, *certified, generator.name)
            one.found.append(refutation)
            one.first = one.first or refutation
