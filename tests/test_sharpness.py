"""Brackets of constants: certified, never past what is proved, and closed where the bound is attained."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from flint import arb, ctx
from metagap.impl.arithmetic import Balls
from metagap.impl.falsify import refute
from metagap.impl.falsify.sharpness import STEPS, Factor, factors, inequalities, quotient, shares, slack
from metagap.impl.falsify.thresholds import LOSSES, proved, threshold
from metagap.impl.families import META_RL, META_SL, loads
from metagap.impl.sources import RandomSource
from metagap.impl.supervised import taylor
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.impl.supervised.maml import Problem
from metagap.theory.claim import Claim, Expression, Mutant


def claims(*names: str) -> tuple[Claim, ...]:
    return tuple(c for c in META_SL.claims if c.name in names)


C7_TIGHT = {
    "format": "metagap/instance/1",
    "problem": "meta-sl",
    "loss": {"name": "absolute"},
    "adaptation": {"name": "gradient", "eta": 0, "steps": 1},
    "model": {"name": "linear"},
    "features": [[1]],
    "tasks": [{"weight": 1, "atoms": [{"x": 0, "y": 0, "p": 1}]}],
    "omega": [2],
    "comparator": [1],
    "radius": 1,
}
"""L = |theta|: gap 1 = eps times the distance."""


@pytest.fixture(scope="module")
def found(request: pytest.FixtureRequest) -> list[Factor]:
    quick = request.config.getoption("--profile") == "quick"
    more = () if quick else ("meta-sl-first-order", "meta-sl-c6", "meta-sl-identity")
    chosen = claims("meta-sl-lifted", "meta-sl-s3", "meta-sl-c4", *more)
    return factors(META_SL, work=512 if quick else 4096, claims=[c for c in chosen if c in inequalities(META_SL)])


@pytest.mark.ci
def test_no_bracket_excludes_the_proved_factor(found: list[Factor]) -> None:
    assert len(found) == 11
    for one in found:
        assert one.status in ("sharp", "bracketed", "open")
        assert one.below <= 1 <= one.above


@pytest.mark.ci
def test_a_smaller_constant_is_refuted_by_the_kept_instance(found: list[Factor]) -> None:
    """Each bracket is a mutant with its term scaled to just below what is refuted, and balls kill it."""
    checked = 0
    for one in found:
        if one.instance is None or one.subtracted or one.below <= 0:
            continue
        claim = next(c for c in META_SL.claims if c.name == one.claim)
        rest = [t.text for t in claim.bound.summands if t.text != one.term]
        bound = Expression(" + ".join([*rest, f"({one.term})*{one.below * (1 - 1e-6)!r}"]))
        assert refute(Mutant("scaled", claim.name, "", bound, "", left=claim.left), one.instance) is not None
        assert refute(claim, one.instance) is None
        checked += 1
    assert checked >= 6


def test_an_instance_that_is_known_to_be_tight_narrows_its_bracket() -> None:
    """C7's constant is hard to find from scratch in no time; a tight instance says it at once, judged in balls."""
    (claim,) = claims("meta-sl-c7")
    tight = loads(json.dumps(C7_TIGHT), "tight")
    (bare,) = factors(META_SL, work=0, claims=(claim,))
    (told,) = factors(META_SL, work=0, claims=(claim,), known={"meta-sl-c7": tight, "meta-sl-c8": tight})
    assert bare.below == -math.inf
    assert told.status == "sharp" and told.below <= 1 and told.instance == tight


def test_attained_constants_are_called_sharp(found: list[Factor]) -> None:
    status = {(one.claim, one.term): one.status for one in found}
    assert status["meta-sl-s3", "radius * eps"] == "sharp"
    assert status["meta-sl-c4", "-(strong_convexity * function_displacement ** 2 / 2)"] == "sharp"
    lifted = [one for one in found if one.claim == "meta-sl-lifted"]
    assert min(one.below for one in lifted) > 0.999


def test_a_refuted_factor_of_one_would_be_a_violation() -> None:
    assert Factor("c", "t", below=1.5).status == "violated"
    assert Factor("c", "-(t)", above=0.5).status == "violated"
    assert Factor("c", "t").status == Factor("c", "-(t)").status == "open"
    assert Factor("c", "t", below=0.5).status == Factor("c", "-(t)", above=2.0).status == "bracketed"


def test_the_quotient_is_undefined_outside_the_claim() -> None:
    batch = META_SL.generator("tangent").build(RandomSource(0, 1), "log-cosh")
    assert quotient(claims("meta-sl-c1")[0], 0, META_SL.evaluator(batch.instance(0))) is None


def test_the_slack_is_shared_by_the_steps() -> None:
    for family in (META_SL, META_RL):
        rows = slack(family, count=4)
        assert {row.generator for row in rows} <= {g.name for g in family.generators}
        assert len(rows) >= 6
        for row in rows:
            assert tuple(row.shares) == STEPS
            assert all(0 <= v <= 1 + 1e-9 for v in row.shares.values())
            assert family is META_SL or row.shares["S1"] == 0


def test_shares_of_one_instance_add_up() -> None:
    batch = META_SL.generator("functions").build(RandomSource(1, 6), "logistic")
    seen = [s for b in range(6) if (s := shares(claims("meta-sl-lifted")[0], batch.instance(b))) is not None]
    assert len(seen) >= 3
    for one in seen:
        assert math.fsum(one.values()) == pytest.approx(1)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("loss", "least", "most"), list(zip(LOSSES, (0.479, 0.207, 0.253), (2.6, 0.32, 0.45), strict=True))
)
def test_the_thresholds_of_convexity_are_bracketed(loss: object, least: float, most: float) -> None:
    """Proved up to the stated constants; beyond, an instance with certified negative curvature. Log-cosh's infimum
    of such steps is W(1)/2 = 0.28357 as far as is known."""
    found = threshold(loss)  # type: ignore[arg-type]
    assert found is not None
    assert least <= found.proved == proved(loss) < least + 0.001  # type: ignore[arg-type]
    assert found.proved < found.refuted < most
    instance = found.instance
    assert isinstance(instance, MetaSLInstance)
    assert isinstance(instance.adaptation, Gradient)
    with ctx.workprec(192):
        assert taylor.curvature(Problem(instance.canonical, Balls), [arb(1)]) < 0
    used = [instance.features[a.x][0] for task in instance.tasks for a in task.atoms]
    assert float(arb(instance.adaptation.eta * max(v * v for v in used))) <= found.refuted * (1 + 1e-12)


@pytest.mark.ci
def test_what_a_search_finds_does_not_depend_on_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine a thousand times as slow finds the same."""
    import time

    from metagap.reports.sharpness import sharpness

    first = sharpness(META_SL, tmp_path, 0, 256, {})
    clock, begin = time.perf_counter, time.perf_counter()
    monkeypatch.setattr(time, "perf_counter", lambda: begin + 1000 * (clock() - begin))
    assert sharpness(META_SL, tmp_path, 0, 256, {}) == first
