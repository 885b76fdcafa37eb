"""What finite enclosures decide, case by case."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import arithmetic
from metagap.impl.arithmetic import as_proved
from metagap.impl.bracket import OTHERWISE, Check
from metagap.impl.families import family_of, judge, loads
from metagap.impl.judgement import Enclosure
from metagap.impl.midrad import MidRad
from metagap.impl.verdicts import (
    LARGEST,
    MOST,
    at_most,
    cancelling,
    decide,
    fit,
    fit_ends,
    refutes,
    same,
    standing,
    unfit,
)  # fmt: skip
from metagap.theory.claim import Relation, Verdict

LE, EQ = Relation.AT_MOST, Relation.EQUAL
PROVED, EQUAL, VIOLATED, UNDECIDED = Verdict.PROVED, Verdict.EQUAL, Verdict.VIOLATED, Verdict.UNDECIDED
ONE, NAN, INFINITE = arb(1), arb("nan"), arb(0, float("inf"))
BEYOND = arb(10) ** 400
with ctx.workprec(128):
    NEARLY = 1 + arb(2) ** -70
    """1 as far as float64 tells, and not at 128 bits."""


def decided(
    relation: Relation, left: arb, bound: arb, *, margin: arb = ONE, term: arb = ONE, sums: arb = ONE, bits: int = 128,
    digits: int = 1, exact: bool | None = None,
) -> Verdict:  # fmt: skip
    with ctx.workprec(bits):
        return decide(
            relation, left, bound, margins={"m": margin}, terms={"t": term}, sums=lambda: sums, digits=digits,
            exact=lambda: exact,
        ).verdict  # fmt: skip


@pytest.mark.parametrize(
    ("relation", "left", "bound", "verdict"),
    [
        (LE, arb(1), arb(2), PROVED),
        (LE, arb(1), arb(1), PROVED),
        (LE, arb(2), arb(1), VIOLATED),
        (LE, NEARLY, arb(1), VIOLATED),
        (LE, arb(1, 1e-9), arb(1), UNDECIDED),
        (LE, arb(0, 1), arb(0, 1), UNDECIDED),
        (EQ, arb(1), arb(2), VIOLATED),
        (EQ, NEARLY, arb(1), VIOLATED),
        (EQ, arb(1), NEARLY, VIOLATED),
        (EQ, arb(1), arb(1), EQUAL),
        (EQ, arb(1, 1e-30), arb(1), EQUAL),
        (EQ, arb(1, 1e-20), arb(1), UNDECIDED),
        (EQ, arb(0, 1e-30), arb(0), UNDECIDED),
        (EQ, arb(0), arb(0), EQUAL),
        *((r, *pair, UNDECIDED) for r in (LE, EQ) for x in (NAN, INFINITE, BEYOND, arb("inf"), -BEYOND)
          for pair in ((x, arb(1)), (arb(1), x), (x, x))),
    ],
)  # fmt: skip
def test_sides_decide(relation: Relation, left: arb, bound: arb, verdict: Verdict) -> None:
    assert decided(relation, left, bound) is verdict


def test_what_is_attained_is_equal_far_beyond_float64_only() -> None:
    for bits, verdict in ((128, UNDECIDED), (256, EQUAL)):
        assert decided(LE, arb(1, arb(2) ** -200), arb(1), bits=bits) is verdict
    assert decided(LE, arb(1, arb(2) ** -100), arb(1), bits=256) is UNDECIDED
    # Sides that cancel are compared with the sums behind them, of which no more than 1 counts, at many bits.
    nearly = arb(0, arb(2) ** -400)
    for bits, digits, verdict in ((256, 1, UNDECIDED), (512, 1, EQUAL), (512, 99, UNDECIDED)):
        assert decided(LE, nearly, arb(0), bits=bits, digits=digits) is verdict
        assert decided(EQ, nearly, arb(0), bits=bits, digits=digits) is verdict
    assert decided(LE, nearly, arb(0), sums=arb(2) ** -200, bits=512) is UNDECIDED
    assert decided(EQ, arb(0, arb(2) ** -60), arb(0), sums=BEYOND, bits=512) is UNDECIDED


SIDES = ((LE, arb(1), arb(2)), (LE, arb(2), arb(1)), (EQ, arb(1), arb(1)), (EQ, arb(1), arb(2)))


@pytest.mark.parametrize("bad", [NAN, INFINITE, BEYOND, arb("inf")], ids=str)
def test_what_is_not_finite_decides_nothing(bad: arb) -> None:
    """As a side, as a margin, as a term: and its name is said."""
    assert not fit(bad) and fit(arb(1e308))
    assert unfit([("a", ONE), ("b", bad)]).startswith("the enclosure of b is ")
    for relation, left, bound in SIDES:
        assert decided(relation, left, bound, term=bad) is UNDECIDED
        assert decided(relation, left, bound, margin=bad) is UNDECIDED
        assert decided(relation, left, bound, term=bad, exact=True) is UNDECIDED
    assert at_most(arb(1), bad) is None and at_most(bad, arb(1)) is None
    assert not refutes(LE, bad, arb(1)) and not refutes(EQ, bad, arb(1)) and not refutes(LE, arb(1), -bad)


@pytest.mark.parametrize(("margin", "holds"), [
    (arb(1), True), (arb(0), False), (arb(-1), False), (arb(1, 1.5), None), (NAN, None), (INFINITE, None),
])  # fmt: skip
def test_a_margin_that_is_open_leaves_everything_open(margin: arb, holds: bool | None) -> None:
    assert standing(margin) is holds
    if holds is not True:
        for relation, left, bound in SIDES:
            assert decided(relation, left, bound, margin=margin) is UNDECIDED
            assert decided(relation, left, bound, margin=margin, exact=True) is UNDECIDED


def test_exact_rationals_decide_equalities_alone() -> None:
    assert decided(EQ, arb(1, 1e-3), arb(1), exact=True) is PROVED
    assert decided(EQ, arb(1, 1e-3), arb(1), exact=False) is VIOLATED
    assert decided(LE, arb(1, 1e-3), arb(1), exact=True) is UNDECIDED


def test_refutations_need_sides_apart() -> None:
    assert refutes(LE, arb(2), arb(1)) and not refutes(LE, arb(1), arb(2)) and not refutes(LE, arb(1, 2), arb(1))
    assert refutes(EQ, arb(2), arb(1)) and refutes(EQ, arb(1), arb(2)) and not refutes(EQ, arb(1, 2), arb(1))


def test_sides_are_the_same_relative_to_themselves() -> None:
    with ctx.workprec(128):
        tiny = arb(2) ** -900
        assert same(tiny, tiny, tiny, 76) and not same(tiny, 2 * tiny, tiny, 76)
        assert same(arb(1, 1e-30), arb(1), arb(1), 76) and not same(arb(1, 1e-20), arb(1), arb(1), 76)
        assert not same(tiny, 2 * tiny, arb(0, 1), 76)


def test_an_enclosure_holds_its_ball() -> None:
    with ctx.workprec(128):
        for ball in (arb(1) / 3, -arb(1) / 3, arb(5, 2), arb(10) ** 400, arb(10) ** -400):
            found = Enclosure.of(ball)
            assert found.lo <= found.hi and not ball.lower() < found.lo and not ball.upper() > found.hi
            assert found.lo <= found.middle <= found.hi or found.hi == float("inf")
    assert Enclosure(1.0, 2.0).widened(0.5) == Enclosure(0.5, 2.5)


ORDINARY = {
    "format": "metagap/instance/1", "problem": "meta-sl", "loss": {"name": "squared"},
    "adaptation": {"name": "gradient", "eta": "1/4", "steps": 1}, "model": {"name": "linear"}, "features": [[1]],
    "tasks": [{"weight": 1, "atoms": [{"x": 0, "y": 2, "p": 1}]}], "omega": [1], "comparator": [0], "radius": 1,
}  # fmt: skip


def test_assumptions_are_asked() -> None:
    """An assumption that fails or stays open is no proof: of the true claim, of the wrong one."""
    instance = loads(json.dumps(ORDINARY))
    claim = family_of(instance).claim("meta-sl-lifted")
    assert claim is not None
    for margin, verdict in (("zero", Verdict.OUTSIDE), ("radius", Verdict.PROVED)):
        asked = replace(claim, assumptions=(replace(claim.assumptions[0], margin=margin),))
        assert judge(instance, (asked,)).claims[0].verdict is verdict


def test_what_is_shown_beside_a_proof_is_finite() -> None:
    for bad in (NAN, INFINITE, BEYOND):
        for relation, left, bound, verdict in ((LE, 1, 2, UNDECIDED), (EQ, 1, 1, UNDECIDED), (LE, 2, 1, VIOLATED)):
            sides = (relation, arb(left), arb(bound))
            found = decide(*sides, margins={}, terms={}, sums=lambda: ONE, digits=1, shown={"s": bad})
            assert found.verdict is verdict


def test_equal_is_relative_to_the_sides_and_to_no_other_term() -> None:
    huge = {"radius": arb("1e300")}

    def verdict(left: arb, bound: arb, bits: int, sums: arb, digits: int = 1) -> Verdict:
        with ctx.workprec(bits):
            return decide(Relation.EQUAL, left, bound, margins={}, terms=huge, sums=lambda: sums, digits=digits).verdict

    wide = arb(0, "1e-30")
    assert verdict(1 + wide, arb(1), 128, arb("inf")) is Verdict.EQUAL
    assert verdict(arb("1e-60") + arb(0, "1e-80"), arb("1e-60"), 128, arb("1e300")) is Verdict.UNDECIDED
    assert verdict(wide, arb(0), 512, arb("1e300")) is Verdict.UNDECIDED
    tiny = arb(0, "1e-120")
    assert verdict(tiny, arb(0), 512, arb("1e300")) is Verdict.EQUAL
    assert verdict(tiny, arb(0), 512, arb("1e-40")) is Verdict.UNDECIDED, "S is small here"
    assert verdict(tiny, arb(0), 512, arb("nan")) is Verdict.UNDECIDED
    assert verdict(tiny, arb(0), 128, arb(1)) is Verdict.UNDECIDED, "with more bits the sides may separate"
    assert verdict(tiny, arb(0), 512, arb(1), 1074) is Verdict.UNDECIDED and cancelling(1074) <= MOST
    assert verdict(arb(0, "1e-9"), arb(0), 512, arb(1)) is Verdict.UNDECIDED
    # x = x + 1 is EQUAL for no x: huge sides are compared with 1, with as many bits as that takes.
    with ctx.workprec(3000):
        far = arb(10) ** 200
        blurred, next_one, itself = (far + arb(0, arb(2) ** 500), far + arb(0, 1), far + arb(0, arb(2) ** -1800))
    assert verdict(blurred, far, 128, arb("inf")) is Verdict.UNDECIDED
    assert verdict(next_one, far, 2916, arb("inf"), 665) is Verdict.UNDECIDED
    assert verdict(itself, far, 2916, arb("inf"), 665) is Verdict.EQUAL
    assert not same(arb(1), arb(1), arb("nan"), 1) and fit(LARGEST) and not fit(2 * LARGEST)
    assert standing(arb("-1e400")) is False and standing(arb("-inf")) is standing(arb("inf")) is None


def test_nothing_is_decided_where_subnormal_numbers_are_lost() -> None:
    """A user's program may ask torch to flush them, which is felt by all of its thread."""
    import torch

    ends = np.zeros(2), np.ones(2)
    assert as_proved() and fit_ends(ends).all() and Check(True, "proved").accepted
    felt = torch.set_flush_denormal(True)
    try:
        found = as_proved(), fit_ends(ends).any(), Check(True, "proved")
        rounded = MidRad.of([fmpq(1)], ())
    finally:
        torch.set_flush_denormal(False)
    assert felt, "torch cannot flush here"
    assert found == (False, False, Check(False, OTHERWISE))
    assert rounded.rad == np.inf and MidRad.of([fmpq(1)], ()).rad == 0


@pytest.mark.parametrize("unit", [2.0**-52, 0.3 * 2.0**-53])
def test_nothing_is_decided_where_rounding_is_another(unit: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What these would be: 1 + u is not 1, or 1 + 3u is not 1 + 4u."""
    monkeypatch.setattr(arithmetic, "_UNIT", unit)
    assert not as_proved()
