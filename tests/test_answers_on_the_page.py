"""What the page answers: how tight, how far, what limits it, which minima are traps."""

from __future__ import annotations

import copy
import html
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from metagap.impl.shown import between, rounded_down, rounded_up
from metagap.reports.answer import (
    Parts,
    _farthest,
    compared,
    distance,
    real_distances,
    sentences,
    uninformative,
)
from metagap.reports.figures import scatter
from metagap.reports.formats import check
from metagap.reports.formats.auditing import AuditRecord
from metagap.reports.formats.shared import Interval, StatusName
from metagap.reports.formats.verifying import (
    Form,
    NamedForm,
    Quantiles,
    RealFamily,
    RealOptimum,
    RealRow,
    Series,
    Slope,
    VerifyRecord,
)
from metagap.reports.generated import landscape_answer, rate_answers
from metagap.reports.overview import status, tightness
from msgspec import convert, to_builtins

from .test_render import Both, single


@pytest.fixture(scope="module")
def records(small_run: tuple[Path, VerifyRecord, AuditRecord]) -> Both:
    return small_run[1:]


def test_tightness_in_words(records: Both) -> None:
    rows = {row.claim: row for row in records[0].claims}
    row = copy.deepcopy(rows["meta-sl-lifted"])
    assert row.tightest is not None
    row.quantiles, row.counts.EQUAL = Quantiles(0.001234, 0.25, 0.999999), 0
    row.tightest.ratio = 0.99999
    assert tightness("x", row).words == "median 0.25, 80 % within 0.0012 to 0.999, at most 0.999 where proved"
    row.counts.EQUAL = 7
    assert tightness("x", row).words.endswith("attained on 7 instances")
    row.real_quantiles = Quantiles(0.1, 0.5, 1.0)
    assert tightness("x", row).words.endswith("; on real tasks median 0.5, 80 % within 0.1 to 1")
    row.counts.VIOLATED = 2
    assert tightness("x", row).words == "violated on 2 instances"
    assert status(row) == "violated"
    row.counts.VIOLATED, row.counts.UNDECIDED, row.scope = 0, 1, 100
    assert status(row) == "a few undecided"
    row.counts.UNDECIDED = 4
    assert status(row) == "undecided"
    row.counts.UNDECIDED = 0
    assert status(row) == "all proved or equal"
    row.counts.EQUAL = 0
    assert status(row) == "all instances proved"
    equal = rows["meta-sl-identity"]
    assert tightness("x", equal).words == (
        f"an equality: PROVED in exact rationals on {equal.counts.PROVED} instances, EQUAL as far as enclosures "
        f"tell on {equal.counts.EQUAL}"
    )
    assert equal.counts.PROVED > 0 and equal.counts.EQUAL > 0


def optimum(lower: float, upper: float, gap: float, bound: float, certified: bool = True) -> RealOptimum:
    """The certified optimum of a real instance, as a record has it."""
    ball, status = (4.0, "certified") if certified else (None, "undecided")
    sides = Interval(gap, gap), Interval(bound, bound)
    return RealOptimum(ball, lower, upper, convert(status, StatusName), certified, *sides, "PROVED", TERMS, None)


ENDS = {"radius": 2.0, "eps": 0.25, "weight_norm": 0.5, "misfit": 0.75, "function_displacement": 1.0}
TERMS: dict[str, Interval | None] = {name: Interval(value, value) for name, value in ENDS.items()}


def real(
    name: str,
    found: RealOptimum | None,
    gap: float = 0.5,
    bound: float = 1.0,
    comparator: Literal["parameter", "functions"] = "functions",
) -> RealRow:
    """A real instance's row."""
    return RealRow(
        name=name, instance="0" * 64, file="instances/x.json", parameters=3, counts={"PROVED": 1}, eps=None,
        gap=Interval(gap, gap), mixed=None, trivial=Interval(2.5, 2.5), terms=TERMS, optimum=found,
        comparator=comparator,
        lifted=Form("PROVED", Interval(2 * bound, 2 * bound), gap / bound / 2),
        smallest=NamedForm("PROVED", Interval(bound, bound), gap / bound, "meta-sl-refined-l1"),
    )  # fmt: skip


@pytest.mark.ci
def test_the_answer_says_how_far_between_what_and_what_limits_it(
    records: Both,
) -> None:
    near, far = optimum(1.0, 1.000001, 1.01e-6, 1.02e-6), optimum(2.0, 2.001, 0.5, 0.9)
    families = {
        "sinusoid": [real("a; untrained", far), real("a; MAML-trained", near)],
        "diabetes": [
            *(real(f"b; MAML-trained, against {other}", far) for other in "xy"),
            real("large; MAML-trained, against x", None),
        ],
        "sinusoid-network": [real("c; trained", optimum(0.0, 0.25, 0.75, 2.0, certified=False))],
        "taxi": [
            real("d; trained, against each task's best policy", None, 0.125, 1e3),
            real("d; trained, against another", None, 0.0625, 1e3, "parameter"),
        ],
        "digits": [real("e; untrained", far)],
    }
    verify = copy.deepcopy(records[0])
    verify.real_families = [RealFamily(name, name.title(), "", "", rows) for name, rows in families.items()]
    assert check(to_builtins(verify), VerifyRecord, "verify.json") == verify
    found = {row.name: row for row in real_distances(verify)}
    assert list(found) == ["sinusoid", "diabetes", "sinusoid-network", "taxi"]
    assert found["sinusoid"].tolerance == pytest.approx(1e-6)
    assert found["sinusoid"].limit == "the search's tolerance, 1.0e-06; over a ball of radius 4 only"
    assert found["diabetes"].words == "between 0.499 and 0.5" and found["diabetes"].count == 1
    assert found["sinusoid-network"].words == "between 0.5 and 0.75"
    assert found["sinusoid-network"].limit == "the lower bound is trivial (0)"
    assert found["diabetes"].limit.endswith("; 1 more trained point without a certified optimum")
    assert found["diabetes"].parts == Parts(2.0, 0.25, stationarity=0.5, representation=0.375, share=0.75)
    assert found["diabetes"].trivial == 2.5 and found["diabetes"].against == "more"
    assert found["taxi"].bound == 1e3 and found["taxi"].form == "refined-l1" and found["taxi"].against == "less"
    assert found["taxi"].without == "the optimal returns" and found["diabetes"].without == "L ≥ 0"
    comparison = compared(verify)
    assert comparison is not None
    assert comparison.smallest == {"more": 7, "less": 2} and comparison.lifted == {"more": 7, "less": 2}
    said = next(one for one in sentences(verify, list(found.values())) if one.target == "answers")
    assert said.head == "The bound says something on most real instances." and "more on 3 of 4" in said.text
    assert said.text.startswith(
        "On 7 of 9 real instances the bound says more than is known without it, on 0 as much, on 2"
    )
    text = said.text
    assert "the lifted form alone says more on 7" in text and text.endswith("more on 3 of 4.")
    one_claim = copy.deepcopy(verify)
    for family in one_claim.real_families:
        for row in family.rows:
            row.lifted = None
    (text,) = [one.text for one in sentences(one_claim, []) if one.target == "answers"]
    assert text.endswith("(its smallest form).")
    for family in one_claim.real_families:
        for row in family.rows:
            row.smallest = None
    assert compared(one_claim) is None and not [s for s in sentences(one_claim, []) if s.target == "answers"]
    verify.real_families = verify.real_families[3:]
    assert "says little on" in next(s.head for s in sentences(verify, [found["taxi"]]) if s.target == "answers")
    verify.real_families = [RealFamily(name, name.title(), "", "", rows) for name, rows in families.items()]
    assert found["taxi"].words == "between 0.062 and 0.13" and found["taxi"].empty
    assert "best policy" in found["taxi"].limit
    assert distance(far) == (pytest.approx(0.499), 0.5)
    assert distance(near)[0] == pytest.approx(1e-8, rel=1e-3)
    (empty,) = uninformative(verify)
    assert empty.instances == 2
    assert empty.title == "Taxi" and empty.bounds == (1e3, 1e3) and not empty.policies
    page = html.unescape(single(verify, None))
    section = page.split('id="answer"')[1].split("<h2")[0]
    assert section.count("within the tolerance") == 2 and "no information" in section
    assert "the misfit is 75.0 % of" in section
    assert "Taxi, 2 instances (bound 1000 for a gap of 0.0625 to 0.125)" in page.replace("1e+03", "1000")
    certified = page.split('id="real-optimum"')[1].split("<h2")[0]
    assert certified.count("b; MAML-trained") == 1 and "1 points" not in certified.split("a;")[0]


def test_ends_are_rounded_outwards() -> None:
    assert rounded_up(0.191108, 4) == "0.1912" and rounded_up(0.7, 4) == "0.7" and rounded_up(5.74e-07, 2) == "5.8e-07"
    assert (
        rounded_down(0.191189, 4) == "0.1911" and rounded_down(-1.00001, 2) == "-1.1" and rounded_up(-1.99, 2) == "-1.9"
    )
    assert rounded_up(1.7e308, 1) == "1.7e+308" and rounded_up(0.0, 3) == rounded_down(-0.0, 3) == "0"
    assert rounded_up(np.inf, 3) == "inf" and rounded_up(np.float64(9.99), 2) == "10"
    assert between(0.041960041, 0.041960499, 6) == "between 0.04196 and 0.0419605"
    assert between(0.12345604, 0.12345612, 4) == "0.1235", "as far as digits tell, it is one number"


def test_where_no_optimum_is_certified_nothing_is_said_of_the_distance_but_what_the_loss_says() -> None:
    """A small gap to another point, and a small bound on it, say nothing of how far the optimum is."""
    rows = [real("e; trained by MAML, against what it predicts", None, 1e-5, 2e-5), real("e; trained", None, 0.5, 0.6)]
    rows[1].comparator = "parameter"
    found = _farthest(RealFamily("finn", "Finn", "", "", rows))
    assert (found.low, found.high, found.bound, found.speaks) == (0.0, 2.5, None, False)
    assert found.limit == "no certified optimum: at most L(omega), as L ≥ 0"
    assert found.remark == "; no optimum is certified, so the theorem is not applied to it"
    close = replace(found, bound=0.01814, trivial=0.01812)
    assert close.remark == ", which says less than L ≥ 0 alone (0.01812)" and close.told(0.01814) == "0.01814"


def test_local_minima_are_counted_apart_from_maxima(records: Both) -> None:
    assert records[0].landscapes is not None
    variants = records[0].landscapes.variants
    kinds = [kind for v in variants for kind in v.kinds]
    assert {"local minimum", "local maximum"} <= set(kinds)
    for v in variants:
        assert sum(row.points for row in v.kinds.values()) == v.points
        assert sum(row.spurious for row in v.kinds.values()) == v.spurious
        assert max(row.largest_excess for row in v.kinds.values()) == pytest.approx(v.largest_excess)
    minima = [v.kinds["local minimum"] for v in variants if "local minimum" in v.kinds]
    said = landscape_answer(records[0])
    assert said is not None
    assert f"{sum(row.spurious for row in minima)} of {sum(row.points for row in minima)} local minima" in said
    assert landscape_answer(None) is None and rate_answers(records[0].rates) == []


def test_the_rates_are_answered_with_their_exponents_and_slopes() -> None:
    names = {"atom": -0.173, "sphere": -0.423, "atom, softplus": -0.4998, "atom, tanh": -0.4988}
    slopes = {name: Slope(value, value, value) for name, value in names.items()}
    rates = [Series(name, "", [2], [1.0], [0.0], [1.0], "", "", slope) for name, slope in slopes.items()]
    relu, smooth = (answer for _, answer in rate_answers(rates))
    assert "$m^{-1/4}$" in relu and "$m^{-1/6}$ (measured slope -0.173)" in relu
    assert "$m^{-1/2}$" in smooth and "-0.500 (softplus), -0.499 (tanh)" in smooth


def test_the_picture_of_real_points_leaves_none_out_and_counts_those_below(records: Both) -> None:
    verify = copy.deepcopy(records[0])
    rows = [real("far", None, 0.5, 1.0), real("equal", None, 0.5, 0.5), real("below", None, 0.5, 0.25)]
    verify.real_families = [RealFamily("sinusoid", "Sinusoid", "", "", rows)]
    drawn = scatter(verify)
    assert drawn is not None and "3 real points, both logarithmic: 1 below the diagonal, 3 with a bound" in drawn
