"""The families of problems: what the engine, the search, the audit and the reports need of each, in one table.

A new family is a package like `meta_sl`, its theory (claims, mutants, ablations as data), a reader in `files.READERS`
and a row here. Judging, searching, shrinking, reports and commands then cover it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..theory.claim import Ablation, Claim, Mutant
from ..theory.families import CLAIMS, HEADLINES
from ..theory.mutants import MUTANTS
from ..theory.without import WITHOUT
from .balls.core import CoreQuantities
from .instances import Instance
from .meta_rl.batch import batch_of as meta_rl_batch_of
from .meta_rl.batch_quantities import BatchQuantities as MetaRLBatchQuantities
from .meta_rl.breaking import BREAKING as META_RL_BREAKING
from .meta_rl.generate import GENERATORS as META_RL_GENERATORS
from .meta_rl.generate import LANDSCAPES as META_RL_LANDSCAPES
from .meta_rl.quantities import MetaRLQuantities
from .meta_rl.real_tasks import REAL_TASKS as META_RL_REAL_TASKS
from .meta_rl.smaller import smaller as smaller_meta_rl
from .meta_rl_network.batch import batch_of as meta_rl_network_batch_of
from .meta_rl_network.batch_quantities import PolicyNetworkBatchQuantities
from .meta_rl_network.generate import BREAKING as META_RL_NETWORK_BREAKING
from .meta_rl_network.generate import GENERATORS as META_RL_NETWORK_GENERATORS
from .meta_rl_network.generate import SEARCHING as META_RL_NETWORK_SEARCHING
from .meta_rl_network.quantities import MetaRLNetworkQuantities
from .meta_rl_network.real_tasks import REAL_TASKS as META_RL_NETWORK_REAL_TASKS
from .meta_rl_network.smaller import smaller as smaller_meta_rl_network
from .meta_rl_smooth_network.batch import batch_of as meta_rl_smooth_batch_of
from .meta_rl_smooth_network.batch_quantities import SmoothPolicyBatchQuantities
from .meta_rl_smooth_network.generate import BREAKING as META_RL_SMOOTH_BREAKING
from .meta_rl_smooth_network.generate import GENERATORS as META_RL_SMOOTH_GENERATORS
from .meta_rl_smooth_network.generate import SEARCHING as META_RL_SMOOTH_SEARCHING
from .meta_rl_smooth_network.quantities import MetaRLSmoothNetworkQuantities
from .meta_rl_smooth_network.real_tasks import REAL_TASKS as META_RL_SMOOTH_REAL_TASKS
from .meta_sl.batch import batch_of
from .meta_sl.batch_quantities import BatchQuantities
from .meta_sl.breaking import ATTAINING, BREAKING
from .meta_sl.generate import GENERATORS, LANDSCAPES, UNUSUAL_LOSSES
from .meta_sl.quantities import MetaSLQuantities
from .meta_sl.real_tasks import REAL_TASKS
from .meta_sl.smaller import smaller
from .network.batch import batch_of as network_batch_of
from .network.batch_quantities import NetworkBatchQuantities
from .network.breaking import BREAKING as NETWORK_BREAKING
from .network.generate import GENERATORS as NETWORK_GENERATORS
from .network.generate import LANDSCAPES as NETWORK_LANDSCAPES
from .network.generate import SEARCHING as NETWORK_SEARCHING
from .network.quantities import NetworkQuantities
from .network.rates import measure
from .network.real_tasks import REAL_TASKS as NETWORK_REAL_TASKS
from .network.smaller import smaller as smaller_network
from .smooth_network.batch import batch_of as smooth_batch_of
from .smooth_network.batch_quantities import SmoothBatchQuantities
from .smooth_network.breaking import BREAKING as SMOOTH_BREAKING
from .smooth_network.generate import GENERATORS as SMOOTH_GENERATORS
from .smooth_network.generate import LANDSCAPES as SMOOTH_LANDSCAPES
from .smooth_network.generate import SEARCHING as SMOOTH_SEARCHING
from .smooth_network.quantities import SmoothQuantities
from .smooth_network.rates import measure as smooth_measure
from .smooth_network.real_tasks import REAL_TASKS as SMOOTH_REAL_TASKS
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
    effort: float = 1.0
    """How many instances a run generates, relative to meta-SL: judging one costs more elsewhere."""
    headline: Claim | None = None
    """The claim on the distance from the global optimum; how that is certified is in `headlines`."""
    landscapes: Generator | None = None
    rates: Callable[[], Any] | None = None
    """Series over the width, each with its quantity in words, its theory and its slope."""
    outside: tuple[str, ...] = ()
    """Variants beyond the claims' assumptions, that every generator of all variants can build: for leaving one out."""
    breaking: tuple[Generator, ...] = ()
    """Generators of instances that break one assumption: for leaving one out."""
    attaining: tuple[Generator, ...] = ()
    """Generators of instances that use up a constant: for attacking it."""
    batch_of: Callable[[Any], Any] | None = None
    """An instance as a batch of one, for the searching engine."""
    shown: tuple[str, ...] = ()
    """Terms that the table of real tasks shows beside gap and bound."""

    @property
    def all_generators(self) -> tuple[Generator, ...]:
        """The generators, and that of landscapes if there is one."""
        return self.generators if self.landscapes is None else (*self.generators, self.landscapes)

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
        return next(g for g in (*self.wild, *self.attaining) if g.name == name)

    def claim(self, name: str) -> Claim | None:
        """The claim of that name, if the family has it."""
        return next((claim for claim in self.all_claims if claim.name == name), None)

    @property
    def all_claims(self) -> tuple[Claim, ...]:
        """The claims, and the headline if there is one."""
        return self.claims if self.headline is None else (*self.claims, self.headline)


META_SL = Family(
    "meta-sl",
    "Meta-supervised learning",
    CLAIMS["meta-sl"],
    MUTANTS["meta-sl"],
    WITHOUT["meta-sl"],
    MetaSLQuantities,
    BatchQuantities,
    GENERATORS,
    (
        "arbitrary",
        "functions",
        "tangent",
        "local",
        "stationary",
        "one-task",
        "no-adaptation",
        "squared",
        "cancelling",
        "attaining",
    ),
    REAL_TASKS,
    smaller,
    headline=HEADLINES["meta-sl"],
    landscapes=LANDSCAPES,
    outside=UNUSUAL_LOSSES,
    breaking=BREAKING,
    attaining=ATTAINING,
    batch_of=batch_of,
)

META_RL = Family(
    "meta-rl",
    "Meta-reinforcement learning",
    CLAIMS["meta-rl"],
    MUTANTS["meta-rl"],
    WITHOUT["meta-rl"],
    MetaRLQuantities,
    MetaRLBatchQuantities,
    META_RL_GENERATORS,
    ("arbitrary", "policies", "tangent", "greedy", "local", "tabular", "bandit", "cancelling"),
    META_RL_REAL_TASKS,
    smaller_meta_rl,
    effort=0.12,
    headline=HEADLINES["meta-rl"],
    landscapes=META_RL_LANDSCAPES,
    breaking=META_RL_BREAKING,
    batch_of=meta_rl_batch_of,
)


NETWORK = Family(
    "network",
    "Two-layer networks",
    CLAIMS["network"],
    MUTANTS["network"],
    WITHOUT["network"],
    NetworkQuantities,
    NetworkBatchQuantities,
    NETWORK_GENERATORS,
    NETWORK_SEARCHING,
    NETWORK_REAL_TASKS,
    smaller_network,
    effort=0.06,
    headline=HEADLINES["network"],
    landscapes=NETWORK_LANDSCAPES,
    rates=measure,
    outside=UNUSUAL_LOSSES,
    breaking=NETWORK_BREAKING,
    batch_of=network_batch_of,
    shown=("error_operator", "error_trace", "error_flips", "error_count", "condition"),
)


META_RL_NETWORK = Family(
    "meta-rl-network",
    "Meta-reinforcement learning with two-layer networks",
    CLAIMS["meta-rl-network"],
    MUTANTS["meta-rl-network"],
    WITHOUT["meta-rl-network"],
    MetaRLNetworkQuantities,
    PolicyNetworkBatchQuantities,
    META_RL_NETWORK_GENERATORS,
    META_RL_NETWORK_SEARCHING,
    META_RL_NETWORK_REAL_TASKS,
    smaller_meta_rl_network,
    effort=0.06,
    breaking=META_RL_NETWORK_BREAKING,
    batch_of=meta_rl_network_batch_of,
    shown=("error_operator", "error_flips", "error_count", "displacement_init", "condition"),
)


SMOOTH_NETWORK = Family(
    "smooth-network",
    "Two-layer networks with a smooth activation",
    CLAIMS["smooth-network"],
    MUTANTS["smooth-network"],
    WITHOUT["smooth-network"],
    SmoothQuantities,
    SmoothBatchQuantities,
    SMOOTH_GENERATORS,
    SMOOTH_SEARCHING,
    SMOOTH_REAL_TASKS,
    smaller_network,
    effort=0.04,
    headline=HEADLINES["smooth-network"],
    landscapes=SMOOTH_LANDSCAPES,
    outside=UNUSUAL_LOSSES,
    breaking=SMOOTH_BREAKING,
    rates=smooth_measure,
    batch_of=smooth_batch_of,
    shown=("error_operator", "error_trace", "error_pointwise", "error_ball", "linearisation_ball", "condition"),
)


META_RL_SMOOTH_NETWORK = Family(
    "meta-rl-smooth-network",
    "Meta-reinforcement learning with two-layer networks of a smooth activation",
    CLAIMS["meta-rl-smooth-network"],
    MUTANTS["meta-rl-smooth-network"],
    WITHOUT["meta-rl-smooth-network"],
    MetaRLSmoothNetworkQuantities,
    SmoothPolicyBatchQuantities,
    META_RL_SMOOTH_GENERATORS,
    META_RL_SMOOTH_SEARCHING,
    META_RL_SMOOTH_REAL_TASKS,
    smaller_meta_rl_network,
    effort=0.04,
    breaking=META_RL_SMOOTH_BREAKING,
    batch_of=meta_rl_smooth_batch_of,
    shown=("error_operator", "error_pointwise", "error_ball", "displacement_init", "condition"),
)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (META_SL, META_RL, NETWORK, SMOOTH_NETWORK, META_RL_NETWORK, META_RL_SMOOTH_NETWORK)
}

ALL_CLAIMS: tuple[Claim, ...] = tuple(claim for family in FAMILIES.values() for claim in family.all_claims)


def family_of(subject: Instance | Claim | Mutant) -> Family:
    """The family of an instance, a claim or a mutant."""
    if isinstance(subject, Instance):
        return FAMILIES[subject.family]
    name = subject.claim if isinstance(subject, Mutant) else subject.name
    return next(family for family in FAMILIES.values() if family.claim(name) is not None)
