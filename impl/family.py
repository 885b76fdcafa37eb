"""What a family of problems is to the engine, the search, the audit and the reports: the columns of `families`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..theory.claim import Ablation, Claim, Mutant, Quantity
from .answers import Answerer
from .balls.core import CoreQuantities
from .batch_judge import Asked, Decided, Judged, by_instance, decided_in_arrays
from .enclosed.quantities import UnknownError
from .files import BadInputError
from .files.faults import nearest
from .files.records import Reader
from .instances import Instance, Vector
from .judge import PRECISIONS, Evaluator
from .sources import Generator, RealTasks
from .stated import deciding
from .stated_batches import Batched, Enclosing, Searching
from .study import Headline


def _unknown(name: str) -> NoReturn:
    raise UnknownError(name)


@dataclass(frozen=True)
class Family:
    """One family of problems.

    title, short       its name for readers, and as the heading of a column
    home               the file of the theory where its setting is, and its own claims
    claims, mutants, ablations   what is claimed, mutants of it, claims without one assumption
    built_in           hypotheses that its claims' words contain -> which quantity replaces which without them
    reader             how its instance files are read
    quantities         the engine that decides: Quantities(instance, number system, direction)
    batch_quantities   the engine that searches: Quantities(batch); None where balls alone are evaluated
    searching          the generators that look for counterexamples, cheap ones first
    smaller            instances one step smaller, for shrinking
    batch_of           an instance as a batch of one, for the searching engine (None without one)
    """

    name: str
    title: str
    short: str
    home: Path
    claims: tuple[Claim, ...]
    mutants: tuple[Mutant, ...]
    ablations: tuple[Ablation, ...]
    built_in: Mapping[str, Mapping[str, str]]
    reader: Reader
    quantities: type[CoreQuantities]
    batch_quantities: Callable[[Any], Any] | None
    generators: tuple[Generator, ...]
    searching: tuple[str, ...]
    real_tasks: Mapping[str, RealTasks]
    smaller: Callable[[Any], Iterator[Instance]]
    batch_of: Callable[..., Any] | None
    effort: float = 1.0
    """How many instances a run generates, relative to meta-SL: judging one costs more elsewhere."""
    batch: int = 64
    """The most instances that a job generates at once: fewer where a batch costs much, whatever its size."""
    sizes: tuple[str, ...] = ("tasks", "points", "labels", "dimension")
    """What of `sources.Limits` its instances have."""
    needs: str = ""
    """The optional package without which nothing is generated, if there is one."""
    purpose: str = ""
    """What it is needed for."""
    precisions: Callable[[Any], tuple[int, ...]] = lambda instance: PRECISIONS
    """Bits of the balls in which an instance is judged, in the order in which they are tried."""
    headline: Headline | None = None
    """The claim on the distance from the global optimum, and how that is certified."""
    returns: bool = False
    """Whether L is a return of policies, to be maximised, and not a risk of predictions."""
    landscapes: Generator | None = None
    rates: Callable[[], Any] | None = None
    """Series over the width, each with its quantity in words, its theory and its slope."""
    outside: tuple[str, ...] = ()
    """Variants beyond the claims' assumptions, that every generator of all variants can build: for leaving one out."""
    breaking: tuple[Generator, ...] = ()
    """Generators of instances that break one assumption: for leaving one out."""
    attaining: tuple[Generator, ...] = ()
    """Generators of instances that use up a constant: for attacking it."""
    shown: tuple[str, ...] = ()
    """Terms that the table of real tasks shows beside gap and bound."""
    answerer: Answerer | None = None
    """How `certify` answers for an instance's omega."""
    enclosed_quantities: Callable[[Any], Any] | None = None
    """The engine that decides of whole batches what midpoint-radius numbers tell: Quantities(batch). Errors:
    UnknownError for a batch that it does not take."""
    own: tuple[Generator, ...] = ()
    """Generators of a user's own tasks: no arrays, for judging alone."""
    ruled: Callable[..., Any] | None = None
    """Builds instances that adapt by a rule of a claims file: (source, loss, limits, rule); None without any."""
    in_torch: Callable[[], Any] | None = None
    """Loads torch, and gives the searching engine's quantities there: for search by gradients."""

    @property
    def all_generators(self) -> tuple[Generator, ...]:
        """The generators, those of own tasks too, and that of landscapes if there is one."""
        return self.judged if self.landscapes is None else (*self.judged, self.landscapes)

    @property
    def judged(self) -> tuple[Generator, ...]:
        """The generators whose instances claims are judged on."""
        return (*self.generators, *self.own)

    @property
    def wild(self) -> tuple[Generator, ...]:
        """The generators, and those that break assumptions."""
        return (*self.generators, *self.breaking)

    def all_variants(self, generator: Generator) -> tuple[str, ...]:
        """The generator's variants, with those outside the claims' assumptions where it takes all others."""
        most = max(len(g.variants) for g in self.generators)
        return generator.variants + (self.outside if len(generator.variants) == most else ())

    def generator(self, name: str) -> Generator:
        """The generator of that name."""
        return next(g for g in (*self.wild, *self.attaining, *self.own) if g.name == name)

    def claim(self, name: str) -> Claim | None:
        """The claim of that name, if the family has it."""
        return next((claim for claim in self.all_claims if claim.name == name), None)

    @property
    def all_claims(self) -> tuple[Claim, ...]:
        """The claims, and the headline if there is one."""
        return self.claims if self.headline is None else (*self.claims, self.headline.claim)

    def in_arrays(self, batch: Any) -> Callable[[str], Any]:
        """The quantities of a generator's batch that arrays enclose, by name. Errors of a call:
        UndefinedQuantityError; UnknownError for all that is left to balls."""
        try:
            if self.enclosed_quantities is not None:
                found: Callable[[str], Any] = self.enclosed_quantities(batch)
                return found
        except UnknownError:
            pass
        return _unknown

    def decided_in_arrays(self, batch: Any, claims: Iterable[Claim]) -> list[Decided]:
        """Claim by claim what arrays decide of a generator's batch."""
        with np.errstate(all="ignore"):
            at = Asked(self.in_arrays(batch))
            return [decided_in_arrays(claim, at, len(batch)) for claim in claims]

    def judged_in_arrays(self, batch: Any, claims: Iterable[Claim]) -> list[Judged]:
        """The same per instance: the claims that arrays decide."""
        return by_instance(self.decided_in_arrays(batch, claims), len(batch))

    @property
    def shares(self) -> bool:
        """Whether quantities of one problem and omega serve for other comparators and radii."""
        return hasattr(self.quantities, "against")

    def unknown(self, claim: Claim) -> str | None:
        """The first name in a claim, the margins of its assumptions included, that is no quantity of the family."""
        names = chain(claim.left.names, claim.bound.names, claim.extras, (a.margin for a in claim.assumptions))
        return next((name for name in names if not self.has(name)), None)

    def has(self, name: str) -> bool:
        """Whether that is the name of a quantity."""
        return not name.startswith("_") and hasattr(self.quantities, name)

    def stating(self, claims: tuple[Claim, ...], mutants: tuple[Mutant, ...] = ()) -> Family:
        """The family with these claims, too, and the quantities that they bring with them.

        Errors: BadInputError for a quantity that it does not have, and for one of a name that is taken.
        """
        own: dict[str, Quantity] = {}
        for claim in claims:
            for quantity in claim.quantities:
                if own.setdefault(quantity.name, quantity) != quantity or self.has(quantity.name):
                    where = quantity.value.__code__.co_filename
                    raise BadInputError(where, "quantity", quantity.name, "a name that no other quantity has")
        exactly = deciding(self.quantities, own) if own else self.quantities

        def batched(base: Callable[[Any], Any] | None, kind: type) -> Callable[[Any], Any] | None:
            return Batched(base, own, exactly, kind) if own and base is not None else base

        found = replace(
            self,
            claims=(*self.claims, *claims),
            mutants=(*self.mutants, *mutants),
            quantities=exactly,
            batch_quantities=batched(self.batch_quantities, Searching),
            enclosed_quantities=batched(self.enclosed_quantities, Enclosing),
        )
        for claim in claims:
            missing = found.unknown(claim)
            if missing is not None:
                known = filter(found.has, dir(found.quantities))
                required = f"a quantity of {self.name} (metagap.quantities lists them), or one of its own"
                raise BadInputError(claim.name, "quantity", missing, required + nearest(missing, known))
        return found

    def evaluator(self, instance: Instance, beside: Evaluator | None = None) -> Evaluator:
        """The quantities of an instance, at every precision that is needed.

        beside: of another instance: what omega alone decides is taken from there, if it is the same problem and omega.
        """

        def exact(direction: Vector) -> CoreQuantities | None:
            return self.quantities.exact(instance, direction)

        other = beside if beside is not None and self.shares and beside.serves(instance) else None
        make = partial(self.quantities, instance)
        working = self.quantities.working
        return Evaluator(instance, make, exact, self.precisions(instance), beside=other, working=working)
