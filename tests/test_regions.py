"""Claims over regions of instances: enclosures, identities, lemmas, search, checker, reader, command."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls
from metagap.impl.losses import Loss
from metagap.impl.regions.certificate import Certificate, boxes, loads, provable
from metagap.impl.regions.check import check
from metagap.impl.regions.formal import Facts
from metagap.impl.regions.leaves import ALGEBRA, OPEN, PROVED, VIOLATED, Prover, adds_up, least_margins
from metagap.impl.regions.ranged import Ranged, RegionQuantities
from metagap.impl.regions.region import Box, Region, halves
from metagap.impl.regions.search import prove
from metagap.impl.supervised import taylor
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.theory.claim import Claim, Expression, Relation, UndefinedQuantityError
from metagap.theory.meta_sl import CLAIMS
from metagap.theory.mutants.meta_sl import MUTANTS
from metagap.theory.regions import LEMMAS

from .regions import ROOT, VARIED, around, ends, region, task

NAMES = sorted(
    {name for claim in (*CLAIMS, *MUTANTS) for side in (claim.left, claim.bound) for name in side.names}
    | {assumption.margin for claim in CLAIMS for assumption in claim.assumptions}
)


@cache
def varied(kind: str) -> Region:
    return region(**VARIED[kind])


def inside(box: Box, seed: int) -> tuple[fmpq, ...]:
    """A point of the box: its middle, or ends now and then."""
    draw = random.Random(seed)
    parts = [fmpq(draw.choice([0, 1, 2, 3, 5, 8]) if seed else 4, 8) for _ in box]
    return tuple(low + part * (high - low) for part, (low, high) in zip(parts, box, strict=True))


def smaller(one: Region, seed: int) -> Box:
    """A part of the region; with seed 0 the region, whose middle `inside` then is."""
    draw, box = random.Random(seed), one.box
    for _ in range(draw.choice([4, 12]) if seed else 0):
        box = halves(box, draw.randrange(len(box)))[draw.randrange(2)]
    return box


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("kind", VARIED)
def test_quantities_over_a_box_enclose_those_of_its_instances(kind: str) -> None:
    one = varied(kind)
    for seed in range(4):
        box = smaller(one, seed)
        with ctx.workprec(64):
            over = RegionQuantities(one.over(box))
        point = inside(box, seed)
        with ctx.workprec(128):
            at = MetaSLQuantities(one.at(point))
            for name in NAMES:
                try:
                    value = at(name)
                except UndefinedQuantityError:
                    continue
                with ctx.workprec(64):
                    found = enclosed(over, name)
                # Of a margin the sign alone is a statement.
                same = name.startswith("margin_") and found > 0 and value > 0
                assert found.is_nan() or found.overlaps(arb(value)) or same, (name, found, value)


def test_rests_are_what_the_others_leave() -> None:
    one = varied("two atoms, functions, features")
    at, over = one.at(inside(one.box, 5)), one.over(one.box)
    for tasks in (at.tasks, over.tasks):
        weights = sum((task.weight for task in tasks), start=fmpq(0))
        masses = [sum((atom.p for atom in task.atoms), start=fmpq(0)) for task in tasks]
        assert all(v == 1 if isinstance(v, fmpq) else v.contains(1) for v in (weights, *masses))


def enclosed(over: RegionQuantities, name: str) -> arb:
    """The quantity over a box; anything, where it is undefined somewhere."""
    try:
        return arb(over(name))
    except (ArithmeticError, UndefinedQuantityError):
        return arb("nan")


@pytest.mark.parametrize("kind", VARIED)
def test_what_is_undefined_over_a_box_is_so_at_its_instances(kind: str) -> None:
    one = varied(kind)
    over, at = RegionQuantities(one.over(one.box)), MetaSLQuantities(one.at(inside(one.box, 1)))
    for name in NAMES:
        try:
            over(name)
        except UndefinedQuantityError:
            with pytest.raises(UndefinedQuantityError):
                at(name)
        except ArithmeticError:
            pass


def test_ranges_hold_turning_points() -> None:
    """log cosh between -1 and 2: the value and the slope's derivative turn at 0, the divergence from 2 is narrow."""
    loss, wide, y = Ranged("log-cosh"), arb(0.5, 1.5), arb(0)
    assert loss.value(Balls, wide, y).contains(0)
    assert loss.d2(Balls, wide, y).contains(1)
    assert loss.d1(Balls, wide, y).contains(arb(2).tanh())
    exact = Loss("log-cosh").bregman(Balls, arb(0.5), arb(0.5) + arb(2) ** -30, y)
    assert loss.bregman(Balls, arb(0.5), arb(0.5) + arb(2) ** -30, y).overlaps(exact)
    assert not loss.least_over(arb(-0.5, 1.5), y) > arb(2).sech() * arb(2).sech()
    flat = Loss("squared").bregman(Balls, arb(1), arb(3), y)
    assert Ranged("squared").bregman(Balls, arb(1, 0.25), arb(3), y).contains(flat)
    assert Ranged("squared").bregman(Balls, arb(1), arb(3), y).overlaps(flat)


def test_second_derivatives_over_a_box_enclose_those_of_its_instances() -> None:
    one = varied("two parameters")
    box = smaller(one, 2)
    over, at = (RegionQuantities(one.over(part)) for part in (box, tuple((v, v) for v in inside(box, 3))))
    for row, exact_row in zip(over.hessian, at.hessian, strict=True):
        assert all(wide.contains(narrow) for wide, narrow in zip(row, exact_row, strict=True))
    assert over.curvature_least.overlaps(at.curvature_least)


def test_a_parameter_that_no_prediction_depends_on_does_not_matter() -> None:
    """One input and two parameters: the Hessian is positive definite on the span of (1, 1/2), and 0 across."""
    one = region(features=[[1, "1/2"]], omega=[ends(0, "1/8"), 0], comparator=[0, 0])
    at = RegionQuantities(one.over(one.box))
    (row,) = at.hessian
    (plain,) = RegionQuantities(varied("example").over(smaller(varied("example"), 2))).hessian
    assert len(row) == len(plain) == 1
    point = RegionQuantities(one.over(tuple((v, v) for v in inside(one.box, 3))))
    assert at.hessian[0][0].contains(point.hessian[0][0])
    direction = [arb(1), arb(1) / 2]
    along = taylor.curvature(MetaSLQuantities(one.at(inside(one.box, 3))).problem, direction)
    assert point.hessian[0][0].overlaps(along)


# --- identities, lemmas ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", VARIED)
def test_identities_hold_for_the_engines_formulas(kind: str) -> None:
    facts, one = Facts(varied(kind)), varied(kind)
    single = len(one.corner.tasks) == 1
    steps: Any = one.corner.adaptation
    parameter = not one.corner.against_functions
    assert all(facts(name) for name in ("pairing", "chain", "plain", "lagrange"))
    assert facts("mixed") == (steps.steps == 1)
    assert facts("still") == parameter
    assert facts("single") == (single and parameter)
    assert facts("remainder") == (steps.steps == 1 and parameter)
    assert not facts("affine")


def test_the_squared_loss_is_affine() -> None:
    assert Facts(region(loss={"name": "squared"}))("affine")


def test_every_lemma_is_at_least_0_where_its_margins_are() -> None:
    """On instances, by the engine that knows no lemma."""
    for kind in VARIED:
        one = varied(kind)
        for seed in range(6):
            at = MetaSLQuantities(one.at(inside(one.box, seed)))
            for lemma in LEMMAS:
                try:
                    if not least_margins(at, lemma) > 0 or "hessian" in lemma.facts:
                        continue
                    value = lemma.expression(at)
                except UndefinedQuantityError:
                    continue
                size = at.scale("gap").max(arb(1))
                assert not value < -size * arb(2) ** -60, (kind, lemma.name, value)
                if lemma.equal:
                    assert not value > size * arb(2) ** -60, (kind, lemma.name, value)


LIFTED = next(claim for claim in CLAIMS if claim.name == "meta-sl-lifted")
SUM = {"breg": fmpq(-1), "convex-loss": fmpq(1), "ball": fmpq(1)}


@pytest.mark.parametrize(
    "change",
    [{"ball": fmpq(2)}, {"ball": fmpq(0)}, {"convex-loss": fmpq(-1)}, {"l1": fmpq(1)}, {"no-lemma": fmpq(1)}],
    ids=str,
)
def test_sums_of_lemmas_are_verified_exactly(change: dict[str, fmpq]) -> None:
    assert adds_up(LIFTED, SUM)
    assert not adds_up(LIFTED, SUM | change)


def test_what_is_subtracted_needs_an_equation() -> None:
    """gap >= pairing would be the convexity of the loss, turned."""
    turned = replace(LIFTED, left=Expression("pairing"), bound=Expression("gap"))
    assert not adds_up(turned, {"breg": fmpq(1), "convex-loss": fmpq(-1)})
    assert not adds_up(replace(LIFTED, relation=Relation.EQUAL), SUM)


def test_an_open_assumption_leaves_a_box_open() -> None:
    """L is convex there, whatever C8's assumption of small steps says: beyond them C8 says nothing."""
    c8 = next(claim for claim in CLAIMS if claim.name == "meta-sl-c8")
    for most in ("1/8", "3/8"):
        one = region(
            adaptation={"name": "gradient", "eta": ends("1/16", most), "steps": 1},
            tasks=[task((0, 0, 1), weight=0.5), task((0, 1, 1), weight=0.5)],
            omega=[ends(0, "1/16")],
            comparator=[0],
        )
        prover = Prover(one, c8, {"convex": fmpq(1)})
        assert prover.lemmas is not None
        assert prover.leaf(one.box).letter == (ALGEBRA if most == "1/8" else OPEN)


# --- the search and the checker -------------------------------------------------------------------------------


@cache
def proof(name: str, kind: str = "example", largest: int = 400) -> Certificate:
    return prove(varied(kind), provable()[name], 60, largest=largest).certificate


@pytest.mark.parametrize(
    "stem", ["identity", "s1", "s4", "lifted", "l1", "mixed", "mixed-l1", "first-order", "c2", "c6"]
)
def test_the_algebra_proves_the_whole_region(stem: str) -> None:
    made = proof(f"meta-sl-{stem}")
    assert made.shares.proved == 1
    assert len(made.tree) == 1
    assert check(loads(made.dumps())).accepted


def test_strict_statements_are_proved_box_by_box() -> None:
    made = proof("convex")
    assert made.weights is None
    assert made.shares.proved == 1 < len(made.tree)
    assert check(loads(made.dumps())).accepted


def test_a_loss_that_is_not_convex_is_proved_where_it_is() -> None:
    """Breg from z to 0 of Geman-McClure's loss is z^2 (1 - z^2)/(1 + z^2)^2."""
    one = region(
        loss={"name": "geman-mcclure"},
        adaptation={"name": "gradient", "eta": "1/8", "steps": 1},
        tasks=[task((0, 0, 1))],
        omega=[ends("1/8", 2)],
        comparator=[0],
    )
    made = prove(one, provable()["meta-sl-lifted"], 60, largest=60).certificate
    assert 0 < made.shares.proved < 1
    assert made.shares.outside > 0
    assert check(made).accepted


@pytest.mark.parametrize("name", ["convex", "minima"])
def test_no_region_with_a_spurious_minimum_is_proved(name: str) -> None:
    """Quartic loss, labels -1/2 and 1/2, eta = 1/4: omega = 0 is a minimum, those near 1.09 are lower."""
    tasks = [{"weight": 0.5, "atoms": [{"x": 0, "y": y, "p": 1}]} for y in ("-1/2", "1/2")]
    one = region(
        loss={"name": "quartic", "c": "1/4"},
        adaptation={"name": "gradient", "eta": "1/4", "steps": 1},
        tasks=tasks,
        omega=[ends(-2, 2)],
        comparator=[0],
    )
    made = prove(one, provable()[name], 60, largest=600).certificate
    assert made.shares.proved < 1
    assert (made.shares.violated > 0) == (name == "convex")


# --- mutants ------------------------------------------------------------------------------------------------

KEPT = {
    mutant.name: path
    for mutant in MUTANTS
    if (path := ROOT / f"theory/counterexamples/mutant-{mutant.name}-simplest.json").exists()
}
SEVERAL = {"mean-over-outputs", "outputs-uncoupled", "next-class"}
"""Of several outputs, which regions are not of."""


@pytest.mark.ci(every=6)
@pytest.mark.parametrize("name", sorted(set(KEPT) - SEVERAL))
def test_no_mutant_is_proved_at_its_counterexample(name: str) -> None:
    one = around(json.loads(KEPT[name].read_text(encoding="utf-8"))["instance"])
    made = prove(one, provable()[name], 60, largest=60).certificate
    middle = [(low + high) / 2 for low, high in one.box]
    held = [
        letter
        for box, letter in boxes(made.tree, one.box)
        if all(low <= v <= high for v, (low, high) in zip(middle, box, strict=True))
    ]
    assert held
    assert not set(held) & set(PROVED)
    assert made.shares.proved < 1


@pytest.mark.ci
@pytest.mark.parametrize("kind", VARIED)
def test_what_is_decided_on_a_box_is_so_at_its_instances(kind: str) -> None:
    """Of claims and of all their mutants, by the engine that decides on instances."""
    decided = 0
    for one in (varied(kind), replace(varied(kind), box=smaller(varied(kind), 2))):
        for what in (named for named in provable().values() if isinstance(named, Claim)):
            made = prove(one, what, 60, largest=20).certificate
            for seed, (box, letter) in enumerate(boxes(made.tree, one.box)):
                if letter not in (*PROVED, VIOLATED):
                    continue
                at = MetaSLQuantities(one.at(inside(box, seed)))
                try:
                    under = [at(assumption.margin) for assumption in what.assumptions]
                    left, bound = what.left(at), what.bound(at)
                except (ArithmeticError, UndefinedQuantityError):
                    continue
                decided += 1
                assert not any(margin < 0 for margin in under)
                assert not (left > bound if letter in PROVED else left < bound), (what.name, box)
    assert decided > 20


# --- what may be 0, or leaves the span -------------------------------------------------------------------------


def _plain(loss: str = "squared", eta: object = 0, **changes: Any) -> Region:
    return region(
        **{
            "loss": {"name": loss}, "adaptation": {"name": "gradient", "eta": eta, "steps": 1}, "features": [[1]],
            "omega": [0], "comparator": [1], "radius": 2,
        }
        | changes
    )  # fmt: skip


def _proved(one: Region, name: str, largest: int = 40) -> Certificate:
    return prove(one, provable()[name], 60, largest=largest).certificate


def test_a_weight_that_is_not_told_from_0_decides_nothing() -> None:
    """A ball from 1e-12 to .99 contains 0, and its task is none that has no weight."""
    tasks = [task((0, 1, 1), weight=ends("1/1000000000000", "99/100")), task((0, 0, 1), weight="rest")]
    one = _plain(tasks=tasks)
    assert Prover(one, provable()["no-stationarity-term"]).leaf(one.box).letter == OPEN
    found = _proved(one, "no-stationarity-term")
    assert found.shares.proved < 1
    assert found.shares.violated > 0


def test_with_decay_and_rates_l_depends_on_more_than_the_features() -> None:
    adaptation = {"name": "gradient", "eta": "1/1000", "steps": 1, "rates": [0, 1], "decay": 11000}
    given = {"features": [[1, 1]], "omega": [1, ends(0, "1/4")], "comparator": [0, 0], "adaptation": adaptation}
    one = _plain(tasks=[task((0, 0, 1))], **given)
    assert _proved(one, "c9-half-curvature").shares.proved == 0
    assert _proved(one, "meta-sl-c9-curvature").shares.proved == 1


ACROSS: dict[str, dict[str, Any]] = {
    "features": {"features": [[1, 0], [ends(1, 2), 0]], "omega": [0, 0]},
    "rates": {"features": [[0, 1]], "omega": [ends(0, 1), 0], "adaptation": {
        "name": "gradient", "eta": "1/4", "steps": 1, "rates": [1, 2], "decay": "1/2"}},
}  # fmt: skip


@pytest.mark.parametrize("changes", ACROSS)
def test_a_span_that_is_not_known_makes_nothing_false(changes: str) -> None:
    """Hess L is positive on the span, and 0 across; but what is negative is so on the span."""
    given = {"comparator": [0, 0], "tasks": [task((0, 1, 1))]}
    assert _proved(_plain(**given, **ACROSS[changes]), "convex").shares.violated == 0
    given |= {"features": [[ends("1/2", "3/4"), 0]], "omega": [0, 0], "tasks": [task((0, 0, 1))]}
    hill = _plain("double-well", **given)
    assert _proved(hill, "convex").shares.violated > 0


def test_a_decay_without_a_step_is_none() -> None:
    """eta = 0 is in the box, and there C8 speaks."""
    adaptation = {"name": "gradient", "eta": ends(-1, 0), "steps": 1, "decay": 1}
    one = _plain("log-cosh", tasks=[task((0, 1, 1))], adaptation=adaptation)
    assert Prover(one, provable()["meta-sl-c8"]).leaf(one.box).letter == OPEN


def test_features_that_are_all_0_have_no_span() -> None:
    one = _plain(features=[[0]], tasks=[task((0, 1, 1))], omega=[ends(0, 1)])
    assert _proved(one, "convex").shares.outside == _proved(one, "minima").shares.outside == 1


def test_counts_from_0_on_have_their_least_loss_inside() -> None:
    tasks = [task((0, ends(0, 10), 1), weight="1/2"), task((1, 1000000, 1), weight="1/2")]
    given = {"features": [[1, 0], [0, 1]], "omega": [0, 0], "comparator": [ends("13/10", "33/10"), 0]}
    one = _plain("poisson", tasks=tasks, radius="12/1000000", **given)
    found = _proved(one, "meta-sl-lifted-no-misfit", 400)
    assert found.shares.proved < 1
    assert found.shares.violated > 0


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"adaptation": {"name": "gradient", "eta": 0, "steps": 1, "decay": 1}, "loss": "log-cosh"}, "c8"),
        ({"adaptation": {"name": "gradient", "eta": "1/4", "steps": 1, "rates": [0]}}, "c5"),
        ({"tasks": [task((0, 1, 1), support=[(0, 1, 1)])], "loss": "log-cosh", "adaptation": {
            "name": "gradient", "eta": "1/100", "steps": 1}}, "c8"),
    ],
)  # fmt: skip
def test_what_does_nothing_takes_no_claim_out_of_scope(changes: dict[str, Any], name: str) -> None:
    one = _plain(**({"tasks": [task((0, 1, 1))], "omega": [ends(0, "1/4")]} | changes))
    assert _proved(one, f"meta-sl-{name}").shares.outside == 0
