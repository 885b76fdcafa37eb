"""What S1 gives away: the order of the bounds that keep it, where the smallest is the gap, and no convexity."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.families import FAMILIES, judge
from metagap.impl.instances import Instance
from metagap.impl.losses import Loss
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.draws import UNUSUAL_LOSSES
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, Task
from metagap.theory.claim import Expression, UndefinedQuantityError, Verdict
from metagap.theory.stationarity import forms

SUPERVISED = [family for family in FAMILIES.values() if family.claim(f"{family.name}-refined")]
REFINED = ("refined", "refined-l1")


def drawn(family: str, name: str, variant: str, seed: int, count: int) -> list[Instance]:
    with np.errstate(all="ignore"):
        batch = FAMILIES[family].generator(name).build(RandomSource((seed, 17), count), variant)
    return [batch.instance(b) for b in range(count)]


def one_point(loss: str, label: int, omega: str, rival: str) -> MetaSLInstance:
    """One task, one input, phi = 1, no adaptation; the comparator is a function."""
    task = Task(fmpq(1), (Atom(0, fmpq(label), fmpq(1)),))
    point, functions = (fmpq(omega),), Functions(((fmpq(rival),),))
    return MetaSLInstance(Loss(loss), Gradient(fmpq(0)), ((fmpq(1),),), (task,), point, functions, fmpq(1))


@pytest.mark.parametrize("family", [f.name for f in SUPERVISED])
@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
def test_the_bounds_are_in_their_order(family: str, loss: str, effort: int) -> None:
    claims = {c.name.removeprefix(f"{family}-"): c.bound for c in FAMILIES[family].claims}
    order, compared = [claims[stem] for stem in ("refined-l1", "refined", "c4", "lifted")], 0
    for instance in drawn(family, "arbitrary", loss, 1, 2 + effort):
        with ctx.workprec(128):
            at = FAMILIES[family].quantities(instance)
            if not at("margin_differentiability") > 0:
                continue
            values = [at("gap"), *(bound(at) for bound in order)]
            assert all(not b < a for a, b in pairwise(values))
            assert not claims["l1"](at) < values[1]
            compared += 1
    assert compared


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("family", [f.name for f in SUPERVISED])
@pytest.mark.parametrize("loss", [name for name in UNUSUAL_LOSSES if name != "absolute"])
def test_nothing_need_be_convex(family: str, loss: str, effort: int) -> None:
    claims = [c for c in FAMILIES[family].claims if c.name.removeprefix(f"{family}-") in REFINED]
    negative = proved = 0
    for instance in drawn(family, "arbitrary", loss, 2, 4 + effort):
        with ctx.workprec(128):
            negative += bool(FAMILIES[family].quantities(instance)("bregman") < 0)
        for one in judge(instance, claims).claims:
            assert one.verdict in (Verdict.PROVED, Verdict.EQUAL, Verdict.OUTSIDE), one.reason
            proved += one.verdict is not Verdict.OUTSIDE
    assert proved
    assert negative or loss == "double-well"  # generated comparators are rarely where that one is concave


def test_the_divergence_must_not_be_added() -> None:
    """At the top between two wells nothing is left of w, the gap is 1 and Breg -1."""
    instance = one_point("double-well", 0, "0", "1")
    with ctx.workprec(128):
        at = FAMILIES["meta-sl"].quantities(instance)
        assert at("gap") > Expression("radius*eps + weight_norm*misfit + bregman")(at)
    found = judge(instance)
    assert found["meta-sl-refined"].verdict is found["meta-sl-refined-l1"].verdict is Verdict.PROVED
    assert found["meta-sl-lifted"].verdict is Verdict.OUTSIDE


@pytest.mark.parametrize("family", [f.name for f in SUPERVISED])
def test_against_what_interpolates_the_smallest_is_what_a_loss_above_0_says(family: str, effort: int) -> None:
    """Squared loss, every task with its labels as comparator: the gap is L(omega), Breg too."""
    found = 0
    for instance in drawn(family, "functions", "squared", 3, 3 + effort):
        with ctx.workprec(256):
            at = FAMILIES[family].quantities(interpolated(instance))
            bound = Expression("misfit_l1 - bregman")(at)
            assert close(bound, at("trivial")) and close(bound, at("gap")) and close(bound, at("bregman"))
            found += 1
    assert found


def interpolated(instance: Instance) -> Instance:
    """One label per input: the likeliest one; the comparator is these labels."""
    tasks, values = [], []
    for task in instance.tasks:  # type: ignore[attr-defined]
        own = {atom.x: atom.y for atom in task.atoms}
        tasks.append(replace(task, atoms=tuple(replace(atom, y=own[atom.x]) for atom in task.atoms)))
        values.append(tuple(own.get(x, fmpq(0)) for x in range(len(instance.features))))  # type: ignore[attr-defined]
    return replace(instance, tasks=tuple(tasks), comparator=Functions(tuple(values)))  # type: ignore[call-arg]


def close(a: arb, b: arb) -> bool:
    return bool((a - b).abs_upper() <= arb(2) ** -100 * (1 + abs(b).upper()))


def test_by_hand() -> None:
    """Squared loss, label 0, omega 2, comparator 1: gap 3/2, w = 2, u = 1, Breg = 1/2."""
    with ctx.workprec(128):
        at = FAMILIES["meta-sl"].quantities(one_point("squared", 0, "2", "1"))
        values = {"gap": "3/2", "bregman": "1/2", "bregman_swapped": "1/2", "trivial": "2", "misfit_l1": "2"}
        for name, value in {**values, "strong_convexity": "1", "strong_convexity_adapted": "1"}.items():
            assert at(name).contains(fmpq(value)), name
        assert Expression("misfit_l1 - bregman")(at).contains(fmpq(3, 2))


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_the_divergence_of_a_canonical_loss_does_not_see_labels(loss: str) -> None:
    with ctx.workprec(128):
        values = [FAMILIES["meta-sl"].quantities(one_point(loss, y, "1/3", "-2"))("bregman") for y in (-1, 1)]
        assert values[0].overlaps(values[1]) and values[0] > fmpq(1, 100)
        assert float((values[0] - values[1]).abs_upper()) < 1e-30
        assert float(values[0].rad()) < 1e-30


def test_where_a_loss_may_be_negative_nothing_is_known_without_a_theorem() -> None:
    with pytest.raises(UndefinedQuantityError, match="negative"):
        FAMILIES["meta-sl"].quantities(one_point("poisson", 1, "0", "1"))("trivial")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_forms_are_bounds_by_the_features_of_l_itself(family: str) -> None:
    stems = [claim.name.removeprefix(f"{family}-") for claim in forms(FAMILIES[family].claims)]
    kept = [] if FAMILIES[family].claim(f"{family}-refined") is None else REFINED
    assert stems == ["lifted", "l1", *kept] and (kept or FAMILIES[family].returns or FAMILIES[family].needs)
