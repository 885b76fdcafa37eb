"""The families of problems: what the engine, the search, the audit and the reports need of each, in one table.

A new family is a package like `supervised`, its theory (claims, mutants, ablations as data) and a row here. Reading,
judging, searching, shrinking, reports and commands then cover it: nowhere else is a family named.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..theory import (
    any_model,
    meta_rl,
    meta_rl_network,
    meta_rl_smooth_network,
    meta_sl,
    mutants,
    network,
    smooth_network,
    without,
)
from ..theory.claim import Claim, Mutant
from ..theory.notation import SYMBOLS
from ..theory.without import hypotheses
from . import files
from .family import Family
from .files.records import Reader
from .files.text import document, document_in
from .instances import Instance
from .judge import judge_claims
from .judgement import Judgement
from .optimum.answer import LINEAR_ANSWER
from .optimum.headline import LINEAR
from .optimum.networks.answer import RELU, RELU_ANSWER, SMOOTH, SMOOTH_ANSWER
from .optimum.networks.rates import measure, measure_smooth
from .policies import answer as policies_answer
from .policies import generate as policies_generate
from .policies import network_generate as policies_network_generate
from .policies.batch import batch_of as policies_batch_of
from .policies.batch_quantities import BatchQuantities as MetaRLBatchQuantities
from .policies.breaking import BREAKING as META_RL_BREAKING
from .policies.document import READERS as POLICIES_READERS
from .policies.enclosed.networks import EnclosedNetworkQuantities as EnclosedNetworkPolicyQuantities
from .policies.enclosed.quantities import EnclosedQuantities as MetaRLEnclosedQuantities
from .policies.headline import POLICIES as LINEAR_POLICY
from .policies.network_batch_quantities import NetworkBatchQuantities as NetworkPolicyBatchQuantities
from .policies.network_quantities import ReluPolicyQuantities, SmoothPolicyQuantities
from .policies.quantities import MetaRLQuantities
from .policies.smaller import smaller as smaller_policies
from .real_tasks.networks import REAL_TASKS as NETWORK_REAL_TASKS
from .real_tasks.networks import SMOOTH_REAL_TASKS
from .real_tasks.policies import REAL_TASKS as META_RL_REAL_TASKS
from .real_tasks.policy_networks import REAL_TASKS as META_RL_NETWORK_REAL_TASKS
from .real_tasks.policy_networks import SMOOTH_REAL_TASKS as META_RL_SMOOTH_REAL_TASKS
from .real_tasks.programs import REAL_TASKS as PROGRAM_REAL_TASKS
from .real_tasks.supervised import REAL_TASKS
from .supervised.batch import batch_of
from .supervised.breaking import ATTAINING, BREAKING
from .supervised.document import READER as META_SL_READER
from .supervised.draws import UNUSUAL_LOSSES
from .supervised.enclosed.networks.quantities import EnclosedReluQuantities, EnclosedSmoothQuantities
from .supervised.enclosed.quantities import enclosed_quantities
from .supervised.generate import GENERATORS, LANDSCAPES, ruled
from .supervised.quantities import MetaSLQuantities
from .supervised.relu import generate as relu_generate
from .supervised.relu.batch import batch_of as network_batch_of
from .supervised.relu.batch_quantities import NetworkBatchQuantities
from .supervised.relu.breaking import BREAKING as NETWORK_BREAKING
from .supervised.relu.document import READER as NETWORK_READER
from .supervised.relu.quantities import NetworkQuantities
from .supervised.relu.smaller import smaller as smaller_network
from .supervised.smaller import smaller
from .supervised.smooth import generate as smooth_generate
from .supervised.smooth.batch_quantities import SmoothBatchQuantities
from .supervised.smooth.breaking import BREAKING as SMOOTH_BREAKING
from .supervised.smooth.document import READER as SMOOTH_NETWORK_READER
from .supervised.smooth.quantities import SmoothQuantities
from .supervised.start_quantities import PRECISIONS as NETWORK_PRECISIONS
from .supervised.vector_batch import LinearQuantities
from .traced.document import READER as PROGRAM_READER
from .traced.generate import GENERATORS as PROGRAM_GENERATORS
from .traced.generate import smaller as smaller_program
from .traced.judging import precisions
from .traced.quantities import TracedQuantities


def _meta_sl_in_torch() -> Any:
    from .oracles.batched_quantities import TorchQuantities

    return TorchQuantities


META_SL = Family(
    "meta-sl",
    "Meta-supervised learning",
    "SL",
    Path(meta_sl.__file__),
    meta_sl.CLAIMS,
    mutants.META_SL,
    (*without.META_SL, *without.META_SL_COROLLARIES),
    hypotheses.SUPERVISED,
    META_SL_READER,
    MetaSLQuantities,
    LinearQuantities,
    GENERATORS,
    (
        "arbitrary",
        "functions",
        "tangent",
        "support-query",
        "local",
        "stationary",
        "one-task",
        "no-adaptation",
        "squared",
        "cancelling",
        "attaining",
        "two-laws",
        "vector-outputs",
        "vector-tangent",
        "rates-tangent",
        "rates-spread",
    ),
    REAL_TASKS,
    smaller,
    batch_of,
    effort=0.75,
    headline=LINEAR,
    landscapes=LANDSCAPES,
    outside=UNUSUAL_LOSSES,
    breaking=BREAKING,
    attaining=ATTAINING,
    enclosed_quantities=enclosed_quantities,
    in_torch=_meta_sl_in_torch,
    ruled=ruled,
    answerer=LINEAR_ANSWER,
)

META_RL = Family(
    "meta-rl",
    "Meta-reinforcement learning",
    "RL",
    Path(meta_rl.__file__),
    meta_rl.CLAIMS,
    mutants.META_RL,
    (*without.META_RL, *without.META_RL_COROLLARIES),
    hypotheses.LINEAR_POLICIES,
    POLICIES_READERS["linear"],
    MetaRLQuantities,
    MetaRLBatchQuantities,
    policies_generate.GENERATORS,
    ("arbitrary", "policies", "tangent", "greedy", "local", "tabular", "bandit", "cancelling"),
    META_RL_REAL_TASKS,
    smaller_policies,
    policies_batch_of,
    effort=0.12,
    headline=LINEAR_POLICY,
    landscapes=policies_generate.LANDSCAPES,
    breaking=META_RL_BREAKING,
    enclosed_quantities=MetaRLEnclosedQuantities,
    returns=True,
    answerer=policies_answer.LINEAR_ANSWER,
    sizes=("tasks", "states", "actions", "dimension"),
)


NETWORK = Family(
    "network",
    "Two-layer networks",
    "ReLU",
    Path(network.__file__),
    network.CLAIMS,
    mutants.NETWORK,
    without.NETWORK,
    hypotheses.SUPERVISED,
    NETWORK_READER,
    NetworkQuantities,
    NetworkBatchQuantities,
    relu_generate.GENERATORS,
    relu_generate.SEARCHING,
    NETWORK_REAL_TASKS,
    smaller_network,
    network_batch_of,
    effort=0.06,
    headline=RELU,
    landscapes=relu_generate.LANDSCAPES,
    rates=measure,
    outside=UNUSUAL_LOSSES,
    breaking=NETWORK_BREAKING,
    shown=("error_operator", "error_trace", "error_flips", "error_count", "condition"),
    answerer=RELU_ANSWER,
    enclosed_quantities=EnclosedReluQuantities,
    precisions=lambda instance: NETWORK_PRECISIONS,
)


META_RL_NETWORK = Family(
    "meta-rl-network",
    "Meta-reinforcement learning with two-layer networks",
    "RL, ReLU",
    Path(meta_rl_network.__file__),
    meta_rl_network.CLAIMS,
    mutants.META_RL_NETWORK,
    without.META_RL_NETWORK,
    hypotheses.POLICIES,
    POLICIES_READERS["relu"],
    ReluPolicyQuantities,
    NetworkPolicyBatchQuantities,
    policies_network_generate.GENERATORS,
    policies_network_generate.SEARCHING,
    META_RL_NETWORK_REAL_TASKS,
    smaller_policies,
    policies_batch_of,
    effort=0.06,
    breaking=policies_network_generate.BREAKING,
    enclosed_quantities=EnclosedNetworkPolicyQuantities,
    shown=("error_operator", "error_flips", "error_count", "displacement_init", "condition"),
    returns=True,
    answerer=policies_answer.RELU_ANSWER,
    sizes=("tasks", "states", "actions", "dimension"),
)


SMOOTH_NETWORK = replace(
    NETWORK,
    name="smooth-network",
    title="Two-layer networks with a smooth activation",
    short="smooth",
    home=Path(smooth_network.__file__),
    claims=smooth_network.CLAIMS,
    mutants=mutants.SMOOTH_NETWORK,
    ablations=without.SMOOTH_NETWORK,
    reader=SMOOTH_NETWORK_READER,
    quantities=SmoothQuantities,
    batch_quantities=SmoothBatchQuantities,
    generators=smooth_generate.GENERATORS,
    searching=smooth_generate.SEARCHING,
    real_tasks=SMOOTH_REAL_TASKS,
    effort=0.04,
    headline=SMOOTH,
    landscapes=smooth_generate.LANDSCAPES,
    breaking=SMOOTH_BREAKING,
    rates=measure_smooth,
    shown=("error_operator", "error_trace", "error_pointwise", "error_ball", "linearisation_ball", "condition"),
    answerer=SMOOTH_ANSWER,
    enclosed_quantities=EnclosedSmoothQuantities,
)


META_RL_SMOOTH_NETWORK = replace(
    META_RL_NETWORK,
    name="meta-rl-smooth-network",
    title="Meta-reinforcement learning with two-layer networks of a smooth activation",
    short="RL, smooth",
    home=Path(meta_rl_smooth_network.__file__),
    claims=meta_rl_smooth_network.CLAIMS,
    mutants=mutants.META_RL_SMOOTH_NETWORK,
    ablations=without.META_RL_SMOOTH_NETWORK,
    reader=POLICIES_READERS["smooth"],
    quantities=SmoothPolicyQuantities,
    generators=policies_network_generate.SMOOTH_GENERATORS,
    searching=policies_network_generate.SMOOTH_SEARCHING,
    real_tasks=META_RL_SMOOTH_REAL_TASKS,
    effort=0.04,
    breaking=policies_network_generate.SMOOTH_BREAKING,
    shown=("error_operator", "error_pointwise", "error_ball", "displacement_init", "condition"),
    answerer=policies_answer.SMOOTH_ANSWER,
)


ANY_MODEL = Family(
    "any-model",
    "Any differentiable model, as a PyTorch program",
    "any",
    Path(any_model.__file__),
    (*any_model.CLAIMS, any_model.HEADLINE),
    mutants.ANY_MODEL,
    without.ANY_MODEL,
    hypotheses.SUPERVISED,
    PROGRAM_READER,
    TracedQuantities,
    None,
    PROGRAM_GENERATORS,
    ("tangent", "arbitrary"),
    PROGRAM_REAL_TASKS,
    smaller_program,
    None,
    effort=0.01,
    batch=4,
    needs="torch",
    purpose="trace PyTorch models",
    precisions=precisions,
    shown=("eps_first_order", "misfit_plain"),
    sizes=("tasks",),
)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (META_SL, META_RL, NETWORK, SMOOTH_NETWORK, META_RL_NETWORK, META_RL_SMOOTH_NETWORK, ANY_MODEL)
}


def all_claims() -> tuple[Claim, ...]:
    """The claims of all families."""
    return tuple(claim for family in FAMILIES.values() for claim in family.all_claims)


def family_of(subject: Instance | Claim | Mutant) -> Family:
    """The family of an instance, a claim or a mutant. Errors: TypeError for anything else."""
    if isinstance(subject, Instance):
        return FAMILIES[subject.family]
    if not isinstance(subject, Claim | Mutant):
        raise TypeError(f"an instance, as metagap.load gives it, is required, not {type(subject).__name__}")
    name = subject.claim if isinstance(subject, Mutant) else subject.name
    return next(family for family in FAMILIES.values() if family.claim(name) is not None)


def quantities(family: str) -> dict[str, str]:
    """Name -> meaning of all that a claim of the family can name; a margin is positive where its assumption holds.

    Errors: KeyError for no family.
    """
    of = FAMILIES[family]
    margins = {a.margin: f"positive where: {a.statement}" for c in of.all_claims for a in c.assumptions}
    known = margins | {symbol.name: symbol.meaning for symbol in SYMBOLS.values()}
    return {name: meaning for name, meaning in known.items() if of.has(name)}


# --- what is asked of any family ----------------------------------------------------------------------------


def readers() -> tuple[Reader, ...]:
    """How documents of every kind are read."""
    return tuple(family.reader for family in FAMILIES.values())


def load(path: str | os.PathLike[str], *, problem: bool = False) -> Instance:
    """The instance in the file at `path`; `problem`: its omega, comparator and radius may be missing (0 or W0, and 1).

    Errors: BadInputError.
    """
    return instance_in(document(path), os.fsdecode(path), problem=problem)


def loads(text: bytes | str, source: str = "<string>", *, problem: bool = False) -> Instance:
    """The instance in a text (bytes: UTF-8), which errors call `source`; `problem` as in `load`.

    Errors: BadInputError.
    """
    return instance_in(document_in(text, source), source, problem=problem)


def instance_in(document: Any, source: str, place: str = "", *, problem: bool = False) -> Instance:
    """The instance that a JSON value describes, at `place` in the file `source`; `problem` as in `load`.

    Errors: BadInputError.
    """
    return files.instance_in(document, source, readers(), place, problem=problem)


def judge(instance: Instance, claims: Iterable[Claim] | None = None, *, complete: bool = False) -> Judgement:
    """The claims of the instance's family (or those given) on the instance; `complete` as in `judge_claims`."""
    family = family_of(instance)
    if claims is not None:
        claims = tuple(claims)
        new = tuple(claim for claim in claims if claim not in all_claims() and family.unknown(claim))
        family = family.stating(new) if new else family
    return judge_claims(family.evaluator(instance), family.claims if claims is None else claims, complete=complete)
