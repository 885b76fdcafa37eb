"""Counterexamples confirmed: an ablation's exact instance evaluated, and a second engine's opinion of any witness."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from ..theory.claim import Ablation, Expression, Relation, UndefinedQuantityError, Verdict
from .arithmetic import IrrationalError, Rationals, rational
from .families import all_claims, family_of, judge, loads
from .instances import Instance
from .judge import PRECISIONS
from .judgement import Enclosure
from .standings import standings
from .verdicts import at_most, fit


@dataclass(frozen=True)
class Confirmation:
    """An ablation evaluated: the claim's conclusion without the assumption, and its exact terms.

    gap and bound are None where the conclusion has no value; `why` then says what is undefined.
    """

    instance: Instance
    gap: Enclosure | None
    bound: Enclosure | None
    confirmed: bool
    exact: dict[str, str]
    verdict: Verdict | None
    """The verdict on the unchanged claim (which must not be VIOLATED)."""
    why: str = ""
    others: tuple[str, ...] = ()
    """Further assumptions of the claim that are not certified on the instance."""


def confirm(ablation: Ablation, kept: Instance | None = None) -> Confirmation:
    """Evaluate an ablation's instance (or one that was kept): exact rationals where they reach, balls elsewhere.

    Confirmed: the left side certifiably exceeds the bound (or, for a meaningless conclusion, has no value), and every
    exact value of the derivation is reproduced.
    """
    assert ablation.instance is not None and ablation.bound is not None
    instance = kept or instance_of(ablation.instance)
    population = instance if ablation.population is None else instance_of(ablation.population)
    exact = _exact_terms(ablation, instance)
    reproduced = all(exact.get(name) == str(rational(value)) for name, value in ablation.exact.items())
    verdict: Verdict | None = None
    others: tuple[str, ...] = ()
    claim = next((c for c in all_claims() if c.name == ablation.claim), None)
    # What a linear model shows of programs is judged by its own engine, of which not every claim on programs is one.
    if claim is not None and ablation.population is None and claim in family_of(instance).claims:
        verdict = judge(instance, (claim,)).claims[0].verdict
        held = standings({a.name: a for a in claim.assumptions}, family_of(instance).evaluator(instance)).holds
        others = tuple(a.name for a in claim.assumptions if a.name not in held | {ablation.assumption})
    intact = reproduced and verdict is not Verdict.VIOLATED
    try:
        with ctx.workprec(PRECISIONS[1]):
            left, bound = _sides(ablation, instance, population)
    except UndefinedQuantityError as error:
        return Confirmation(instance, None, None, ablation.meaningless and intact, exact, verdict, str(error), others)
    exceeds = at_most(left, bound) is False and not ablation.meaningless
    return Confirmation(
        instance, Enclosure.of(left), Enclosure.of(bound), exceeds and intact, exact, verdict, "", others
    )


def instance_of(content: Mapping[str, Any]) -> Instance:
    """The instance that an ablation holds as a document."""
    return loads(json.dumps(content), "theory")


def _sides(ablation: Ablation, instance: Instance, population: Instance) -> tuple[arb, arb]:
    assert ablation.bound is not None
    quantities, direction = family_of(instance).quantities, None
    if ablation.direction is not None:
        direction = tuple(rational(v) for v in ablation.direction)
        exactly = quantities(instance, Rationals, direction)
        at_left = exactly if population is instance else quantities(population, Rationals)
        return arb(ablation.left(at_left)), arb(ablation.bound(exactly))
    at = quantities(instance, direction=direction)
    at_left_balls = at if population is instance else quantities(population)
    return ablation.left(at_left_balls), ablation.bound(at)


def _exact_terms(ablation: Ablation, instance: Instance) -> dict[str, str]:
    """The exact rational values of the terms that the derivation names, computed again."""
    quantities = family_of(instance).quantities
    direction = None if ablation.direction is None else tuple(rational(v) for v in ablation.direction)
    exactly = quantities(instance, Rationals, direction)
    found = {}
    for name in ablation.exact:
        try:
            value: fmpq = exactly(name)
        except IrrationalError:
            with ctx.workprec(PRECISIONS[1]):
                ball = quantities(instance)(name)
            value = rational(ablation.exact[name])
            if not (fit(ball) and ball.contains(arb(value))):
                continue
        found[name] = str(value)
    return found


@dataclass(frozen=True)
class Opinion:
    """What the float64 engine, which shares only the losses with the balls, says of the two sides."""

    left: float
    bound: float
    relation: Relation

    @property
    def agrees(self) -> bool | None:
        """Whether left exceeds the bound (or differs from it, where equality is claimed); None where float64 cannot
        tell."""
        size = abs(self.left) + abs(self.bound)
        if not np.isfinite(size) or abs(self.left - self.bound) <= 1e-9 * size:
            return None
        return self.left > self.bound or self.relation is Relation.EQUAL


def second_opinion(
    left: Expression, bound: Expression, instance: Instance, relation: Relation = Relation.AT_MOST
) -> Opinion | None:
    """The float64 engine's values of both sides; None where it does not have one of the quantities."""
    family = family_of(instance)
    if family.batch_quantities is None or family.batch_of is None:
        return None
    with np.errstate(all="ignore"):
        at = family.batch_quantities(family.batch_of(instance))
        try:
            return Opinion(float(left(at)[0]), float(bound(at)[0]), relation)
        except (AttributeError, UndefinedQuantityError):
            return None
