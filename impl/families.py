"""The families of problems: what the engine, the search, the audit and the reports need of each, in one table.

A new family is a package like `meta_sl`, its theory (claims, mutants, ablations as data), a reader in `files.READERS`
and a row here. Judging, searching, shrinking, reports and commands then cover it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..theory.ablations import ABLATIONS
from ..theory.claim import Ablation, Claim, Mutant
from ..theory.meta_sl import CLAIMS
from ..theory.mutants import MUTANTS
from ..theory.network import CLAIMS as NETWORK_CLAIMS
from ..theory.network_ablations import ABLATIONS as NETWORK_ABLATIONS
from ..theory.network_mutants import MUTANTS as NETWORK_MUTANTS
from .balls.core import CoreQuantities
from .instances import Instance
from .meta_sl.batch_quantities import BatchQuantities
from .meta_sl.generate import GENERATORS
from .meta_sl.quantities import MetaSLQuantities
from .meta_sl.real_tasks import REAL_TASKS
from .meta_sl.smaller import smaller
from .network.batch_quantities import NetworkBatchQuantities
from .network.generate import GENERATORS as NETWORK_GENERATORS
from .network.generate import SEARCHING as NETWORK_SEARCHING
from .network.quantities import NetworkQuantities
from .network.real_tasks import REAL_TASKS as NETWORK_REAL_TASKS
from .network.smaller import smaller as smaller_network
from .sources import Generator, RealTasks


@dataclass(frozen=True)
class Family:
    """One family of problems.

    quantities         the engine that decides: Quantities(instance, number system, direction)
    batch_quantities   the engine that searches: Quantities(batch)
    searching          the generators that look for counterexamples, cheap ones first
    smaller            instances one step smaller, for shrinking
    """

    name: str
    title: str
    claims: tuple[Claim, ...]
    mutants: tuple[Mutant, ...]
    ablations: tuple[Ablation, ...]
    quantities: type[CoreQuantities]
    batch_quantities: Callable[[Any], Any]
    generators: tuple[Generator, ...]
    searching: tuple[str, ...]
    real_tasks: Mapping[str, RealTasks]
    smaller: Callable[[Any], Iterator[Instance]]

    def generator(self, name: str) -> Generator:
        """The generator of that name."""
        return next(g for g in self.generators if g.name == name)

    def claim(self, name: str) -> Claim | None:
        """The claim of that name, if the family has it."""
        return next((claim for claim in self.claims if claim.name == name), None)


META_SL = Family(
    "meta-sl",
    "Meta-supervised learning",
    CLAIMS,
    MUTANTS,
    ABLATIONS,
    MetaSLQuantities,
    BatchQuantities,
    GENERATORS,
    ("arbitrary", "functions", "tangent", "local", "stationary", "one-task", "cancelling"),
    REAL_TASKS,
    smaller,
)

NETWORK = Family(
    "network",
    "Two-layer networks",
    NETWORK_CLAIMS,
    NETWORK_MUTANTS,
    NETWORK_ABLATIONS,
    NetworkQuantities,
    NetworkBatchQuantities,
    NETWORK_GENERATORS,
    NETWORK_SEARCHING,
    NETWORK_REAL_TASKS,
    smaller_network,
)

FAMILIES: dict[str, Family] = {family.name: family for family in (META_SL, NETWORK)}

ALL_CLAIMS: tuple[Claim, ...] = tuple(claim for family in FAMILIES.values() for claim in family.claims)


def family_of(subject: Instance | Claim | Mutant) -> Family:
    """The family of an instance, a claim or a mutant."""
    if isinstance(subject, Instance):
        return FAMILIES[subject.family]
    name = subject.claim if isinstance(subject, Mutant) else subject.name
    return next(family for family in FAMILIES.values() if family.claim(name) is not None)
