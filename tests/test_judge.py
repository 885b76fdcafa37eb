"""Every claim on generated instances: proved, never violated; equalities where the theory says equality."""

from __future__ import annotations

import importlib
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl.arithmetic import Rationals, norm
from metagap.impl.families import META_SL, family_of, judge
from metagap.impl.judge import judge_claim, judge_claims
from metagap.impl.judgement import ClaimJudgement, Enclosure
from metagap.impl.losses import Loss
from metagap.impl.sources import Generator, RandomSource
from metagap.impl.strategies import instances
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.batch_quantities import BatchQuantities
from metagap.impl.supervised.draws import CONVEX_LOSSES
from metagap.impl.supervised.generate import GENERATORS
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, Task
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.theory.claim import Claim, Relation, Verdict
from metagap.theory.meta_sl import CLAIMS

from .kinds import no_claim_is_violated

judging = importlib.import_module("metagap.impl.judge")
ANY = st.one_of([instances(g.name, CONVEX_LOSSES) for g in GENERATORS if g.variants == CONVEX_LOSSES])
"""From every generator that takes all losses."""
CLAIM = {claim.name: claim for claim in CLAIMS}


@given(ANY)
def test_no_claim_is_violated(instance: MetaSLInstance) -> None:
    no_claim_is_violated(instance)


@given(ANY)
def test_the_identity_holds_in_balls_and_rationals(instance: MetaSLInstance) -> None:
    for name in ("meta-sl-identity", "meta-sl-s2"):
        judged = judge(instance, (CLAIM[name],)).claims[0]
        if judged.verdict is Verdict.OUTSIDE:
            assert instance.loss.profile.joints
        else:
            exact = instance.loss.profile.rational and getattr(instance.adaptation, "steps", 9) <= 2
            assert judged.verdict is (Verdict.PROVED if exact else judged.verdict)
            assert judged.verdict in (Verdict.PROVED, Verdict.EQUAL), judged


@given(instances("functions", variants=("squared", "quartic", "huber")), st.data())
def test_the_identity_is_exact_along_any_direction(instance: MetaSLInstance, data: st.DataObject) -> None:
    whole = st.integers(-50, 50)
    direction = tuple(fmpq(data.draw(whole), 8) for _ in range(instance.dimension))
    exact = MetaSLQuantities(instance, Rationals, direction)
    if exact.problem.loss.profile.joints:
        with ctx.workprec(128):
            if not MetaSLQuantities(instance).margin_differentiability > 0:
                return
    if exact.instance.adaptation != instance.adaptation or getattr(instance.adaptation, "steps", 9) > 2:
        return
    claim = CLAIM["meta-sl-identity"]
    assert claim.left(exact) == claim.bound(exact)


@pytest.mark.ci(every=12)
@pytest.mark.parametrize("generator", GENERATORS, ids=lambda g: g.name)
def test_at_most_one_in_a_hundred_is_undecided(generator: Generator, effort: int) -> None:
    counts: Counter[str] = Counter()
    for position, loss in enumerate(generator.variants):
        for index in range(effort):
            batch = generator.build(RandomSource((7, position, index), 6), loss)
            for b in range(len(batch)):
                counts.update(c.verdict.name for c in judge(batch.instance(b)).claims)
    assert counts["VIOLATED"] == 0
    assert counts["UNDECIDED"] <= 0.01 * (counts.total() - counts["OUTSIDE"])
    assert counts["PROVED"] > 0.5 * (counts.total() - counts["OUTSIDE"])


@pytest.mark.parametrize("loss", CONVEX_LOSSES)
def test_tangent_comparators_attain_the_bound_with_bregman(loss: str, effort: int) -> None:
    """gap + Breg = R eps + C inf for every t: within the enclosure's width plus the rounding of h' to float64."""
    tangent = next(g for g in GENERATORS if g.name == "tangent")
    tight = 0
    for index in range(4 * effort):
        batch = tangent.build(RandomSource((11, index), 4), loss)
        with np.errstate(all="ignore"):
            rounding = 2.0**-52 * BatchQuantities(batch).scale
        for b in range(len(batch)):
            with ctx.workprec(128):
                at = MetaSLQuantities(batch.instance(b))
                if not at.margin_differentiability > 0:
                    continue
                attained, bound = at.gap + at.bregman, at.radius * at.eps + at.weight_norm * at.misfit
                assert abs(float((attained - bound).mid())) <= 64 * rounding[b]
                tight += bool(bound > 0)
    assert tight >= 8 * effort


@pytest.mark.parametrize(("loss", "bits"), [("squared", 256), ("logistic", 512)])
def test_precisions_that_decide_nothing_are_not_tried(loss: str, bits: int) -> None:
    """Equalities by rationals, and what is attained: 256 bits. That a norm is 0 is EQUAL at 512 alone."""
    tangent = next(g for g in GENERATORS if g.name == "tangent")
    instance = tangent.build(RandomSource((5, 0), 1), loss).instance(0)
    evaluator = family_of(instance).evaluator(instance)
    judged = judge_claims(evaluator, CLAIMS)
    assert min(set(evaluator.known_at)) == bits
    assert judged["meta-sl-s2"].verdict is (Verdict.PROVED if bits == 256 else Verdict.EQUAL)
    inequalities = family_of(instance).evaluator(instance)
    judge_claims(inequalities, [CLAIM["meta-sl-lifted"]])
    assert min(inequalities.known_at) == 128


@pytest.mark.parametrize("told", [Verdict.UNDECIDED, Verdict.EQUAL, Verdict.VIOLATED, Verdict.PROVED])
def test_what_more_bits_leave_open_stays_equal(told: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an attained inequality bits at hand may prove or refute more than those it is EQUAL at."""
    tangent = next(g for g in GENERATORS if g.name == "tangent")
    evaluator = META_SL.evaluator(tangent.build(RandomSource((5, 0), 1), "logistic").instance(0))
    inequalities = (claim for claim in CLAIMS if claim.relation is Relation.AT_MOST)
    claim = next(claim for claim in inequalities if judge_claim(claim, evaluator).verdict is Verdict.EQUAL)
    with ctx.workprec(512):
        evaluator.balls(512)
    evaluator.begin_at(256)
    right = judging._attempt

    def attempt(*given: Any) -> Any:
        found = right(*given)
        return replace(found, verdict=told) if found.bits == 512 else found

    monkeypatch.setattr(judging, "_attempt", attempt)
    assert judge_claim(claim, evaluator).verdict is (Verdict.EQUAL if told is Verdict.UNDECIDED else told)


@pytest.mark.parametrize("bits", [128, 512])
def test_the_direction_is_strictly_within_the_ball(bits: int) -> None:
    """A tangent comparator's infimum is at the boundary; S3 is still decided by separated enclosures."""
    tangent = next(g for g in GENERATORS if g.name == "tangent")
    batch = tangent.build(RandomSource((11, 0), 4), "logistic")
    for b in range(len(batch)):
        with ctx.workprec(bits):
            at = MetaSLQuantities(batch.instance(b))
            assert norm(at.along) < at.radius
            if at.eps > 0:
                assert at.direction < at.radius * at.eps


HALF = fmpq(1, 2)


@pytest.mark.parametrize("step", [fmpq(1, 8), fmpq(1, 2), fmpq(1)])
@pytest.mark.parametrize("kappa", [fmpq(0), fmpq(1, 4), fmpq(1)])
def test_on_huber_tails_the_bound_is_attained_exactly(step: fmpq, kappa: fmpq) -> None:
    """Breg = 0 on a linear piece: gap == R eps + C inf in rationals, no tolerance."""

    def tails(functions: tuple[tuple[fmpq, ...], ...]) -> MetaSLInstance:
        tasks = (Task(HALF, (Atom(0, fmpq(-16), fmpq(1)),)), Task(HALF, (Atom(1, fmpq(16), fmpq(1)),)))
        features = ((fmpq(1),), (fmpq(2),))
        return MetaSLInstance(
            Loss("huber", fmpq(1)), Gradient(HALF), features, tasks, (fmpq(0),), Functions(functions), step
        )

    zero = fmpq(0)
    at = MetaSLQuantities(tails(((zero, zero), (zero, zero))), Rationals, (zero,))
    sign = fmpq(1) if at._gradient[0] > 0 else fmpq(-1)
    rows = at._meta_features.tolist()
    w = [at._slopes[i][x] / at.laws[i].rho[x] for i, x, _ in at._points]
    z = [at._after[i][x] for i, x, _ in at._points]
    values = [[zero, zero], [zero, zero]]
    for j, (i, x, _) in enumerate(at._points):
        values[i][x] = z[j] - step * (rows[j][0] * sign + kappa * w[j])
    exact = MetaSLQuantities(tails(tuple(map(tuple, values))), Rationals, (step * sign,))
    assert exact.bregman == 0
    assert exact.gap == exact.radius * exact.eps + exact.weight_norm * exact.residual_norm
    assert exact.gap > 0


def single(loss: Loss, eta: fmpq, y: fmpq, omega: fmpq, rival: fmpq) -> MetaSLInstance:
    task = Task(fmpq(1), (Atom(0, y, fmpq(1)),))
    return MetaSLInstance(loss, Gradient(eta), ((fmpq(1),),), (task,), (omega,), (rival,), fmpq(1))


@pytest.mark.parametrize(("distance", "least"), [(fmpq(1, 10), 0.98), (fmpq(1, 1000), 0.99999)])
def test_the_a_priori_constant_is_attained_at_the_fold(distance: fmpq, least: float) -> None:
    """C2: log-cosh, eta = 3/2, omega = artanh(1/sqrt 3), where J = 0 and ell''' = m3."""
    with ctx.workprec(128):
        fold = (1 / arb(3).sqrt()).atanh().mid().fmpq()
    instance = single(Loss("log-cosh"), fmpq(3, 2), fmpq(0), fold, fold + distance)
    judged = judge(instance, (CLAIM["meta-sl-c2"],)).claims[0]
    if judged.ratio is not None and judged.ratio < 0:
        instance = single(Loss("log-cosh"), fmpq(3, 2), fmpq(0), fold, fold - distance)
        judged = judge(instance, (CLAIM["meta-sl-c2"],)).claims[0]
    assert judged.verdict is Verdict.PROVED
    assert judged.ratio is not None and judged.ratio > least


@given(instances("no-adaptation", variants=("log-cosh", "logistic", "pseudo-huber", "squared")))
def test_without_adaptation_the_forms_agree(instance: MetaSLInstance) -> None:
    """eta = 0: the meta-feature is phi, so FOMAML's theorem and the lifted claim have the same terms."""
    with ctx.workprec(128):
        at = MetaSLQuantities(instance)
        assert at.eps.overlaps(at.eps_first_order)
        assert at.misfit.overlaps(at.misfit_plain)
        assert at.jacobian_deviation == 0 or not at.jacobian_deviation > 0


@given(ANY)
def test_the_lifted_bound_is_at_least_the_pairing_and_the_l1_form(instance: MetaSLInstance) -> None:
    """Duality: w is feasible, so CORE >= L1 >= <w, u>."""
    with ctx.workprec(256):
        at = MetaSLQuantities(instance)
        if not at.margin_differentiability > 0:
            return
        core = at.radius * at.eps + at.weight_norm * at.misfit
        assert not core < at.misfit_l1
        assert not at.misfit_l1 < at.pairing


def test_outside_names_the_assumption() -> None:
    instance = single(Loss("quartic", fmpq(1, 4)), fmpq(1, 4), fmpq(0), fmpq(1), fmpq(0))
    judged = judge_claim(CLAIM["meta-sl-c1"], family_of(instance).evaluator(instance))
    assert judged.verdict is Verdict.OUTSIDE
    assert judged.reason.startswith("squared-loss")
    assert judged.assumptions["squared-loss"].hi < 0
    folded = judge_claim(CLAIM["meta-sl-c7"], family_of(instance).evaluator(instance))
    assert folded.verdict is Verdict.OUTSIDE
    assert folded.reason.startswith("invertible-jacobian")


@pytest.mark.ci(every=12)
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_every_claim_is_in_scope_of_a_generator(claim: Claim) -> None:
    """The generators put every claim in scope: of 48 instances of its best generator at least a third."""
    best = 0.0
    for generator in GENERATORS:
        verdicts = []
        for index, loss in enumerate(generator.variants[:6]):
            batch = generator.build(RandomSource((5, index), 8), loss)
            verdicts += [judge(batch.instance(b), (claim,)).claims[0].verdict for b in range(8)]
        best = max(best, sum(v is not Verdict.OUTSIDE for v in verdicts) / len(verdicts))
        if best >= 1 / 3:
            break
    assert best >= 1 / 3


def test_sides_that_are_equal_without_an_error_are_proved() -> None:
    """gap = 0 = eps * 0 at omega itself: both balls are exact, and at most allows equality."""
    judged = judge(single(Loss("squared"), fmpq(0), fmpq(1), fmpq(3), fmpq(3)), (CLAIM["meta-sl-c5"],)).claims[0]
    assert judged.verdict is Verdict.PROVED
    assert judged.gap is not None and judged.bound is not None
    assert (judged.gap.lo, judged.gap.hi) == (judged.bound.lo, judged.bound.hi) == (0.0, 0.0)


def test_a_quotient_that_says_nothing_is_not_shown() -> None:
    """Of a negative side; and no number is longer than a column."""
    for left, bound, shown in ((1.0, 3.0, "0.333"), (-1.0, 3.0, ""), (-1.0, -2.0, ""), (1.0, 1e-30, "1e+30")):
        sides = [Enclosure(v, v) for v in (left, bound)]
        one = ClaimJudgement("c", Verdict.PROVED, sides[0], sides[1], {}, {}, left / bound, left=sides[0])
        assert one.tight == shown
