"""Tasks that adapt on a support of their own: by hand, by definition, and where two laws would be confused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, Rationals
from metagap.impl.families import FAMILIES, judge, loads
from metagap.impl.files import BadInputError, dumps
from metagap.impl.losses import Loss
from metagap.impl.optimum.convexity import applies
from metagap.impl.sources import Limits, RandomSource
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.generate import shared_queries, support_query
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, Task, both_laws, split
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.impl.supervised.taylor import curvature
from metagap.theory.claim import Verdict
from metagap.theory.without.meta_sl_corollaries import TWO_LAWS

ZERO, ONE, HALF = fmpq(0), fmpq(1), fmpq(1, 2)
SMALL = Limits(tasks=2, points=3, labels=1, dimension=2)


def one(loss: Loss, eta: fmpq, support: Task | None = None) -> MetaSLInstance:
    """phi = (2, 3); the query has x = 0, y = 1, the support x = 1, y = 2; omega = 1, comparator 0."""
    task = support or Task(ONE, (Atom(0, ONE, ONE),), (Atom(1, fmpq(2), ONE),))
    return MetaSLInstance(loss, Gradient(eta), ((fmpq(2),), (fmpq(3),)), (task,), (ONE,), (ZERO,), ONE)


def drawn(loss: str, seed: int, limits: Limits = SMALL) -> list[MetaSLInstance]:
    batch = support_query(RandomSource(seed, 3), loss, limits)
    return [batch.instance(b) for b in range(len(batch))]


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_the_squared_loss_by_hand() -> None:
    """U(1) = 1 - eta (3 - 2) 3 = 1/2 at eta = 1/6: z = 1, so w = 0; against 0: U(0) = eta 6 = 1, h' = 2, R = 1/2."""
    at = MetaSLQuantities(one(Loss("squared"), fmpq(1, 6)), Rationals)
    assert at.gap == -HALF and at.eps == 0 and at._u == [-ONE] and at._weighted == [ZERO]
    # J = 1 - eta 9 = -1/2, of the support's Hessian; the query's would give 1 - eta 4 = 1/3.
    assert at._jacobians[0].entries() == [-HALF] and at._meta_features.entries() == [-ONE]
    assert Rationals.number(0) == at.chain_rule_defect
    balls = MetaSLQuantities(one(Loss("squared"), fmpq(1, 6)), Balls)
    assert balls.feature_bound == 2 and balls.support_feature_bound == 3
    # beta = c^2 m2 B_q^2 with a = 9/6: c = 1.
    assert balls.smoothness == 4 and balls.jacobian_deviation.overlaps(arb(fmpq(3, 2)))


def test_the_constants_of_two_laws() -> None:
    """kappa_2 = |eta| m3 B_s^3 B_q/2, and with lambda = 1/eta the same; beta_J = |eta| m2 B_s^2."""
    instance = one(Loss("log-cosh"), fmpq(1, 64))
    at, third = MetaSLQuantities(instance), Loss("log-cosh").constants().m3
    assert third is not None
    assert at.remainder_constant.overlaps(third * 27 * 2 / 128)
    implicit = MetaSLQuantities(replace(instance, adaptation=Implicit(fmpq(64))))
    assert implicit.remainder_constant.overlaps(third * 27 * 2 / 128)
    assert at.smoothness.overlaps(4 + third * 2 * 27 / 64)
    assert implicit.jacobian_deviation.overlaps(arb(fmpq(9, 64)) / (1 + arb(fmpq(9, 64))))


def test_the_mixed_form_of_two_laws_by_hand() -> None:
    """eta = 1/12: w = 1/2, u = 1/2, psi = 2 - (1/12) 3 * 3 * 2 = 1/2 with the support's feature: 1/4 is left of u."""
    at = MetaSLQuantities(replace(one(Loss("squared"), fmpq(1, 12)), radius=HALF))
    assert at.mixed_misfit.overlaps(arb(fmpq(1, 4))) and at.mixed_weight_norm.overlaps(arb(HALF))
    assert at.misfit.overlaps(arb(fmpq(1, 4))) and at.mixed_misfit.rad() < 1e-9


@pytest.mark.parametrize("family", ["meta-sl", "network", "smooth-network"])
def test_the_steps_that_compare_hold_for_two_laws(family: str) -> None:
    """The identity and S2 compare grad L by Taylor arithmetic with the meta-features: another law in one shows."""
    of, decided = FAMILIES[family], 0
    claims = [of.claim(f"{family}-{step}") for step in ("identity", "s2", "lifted")]
    for seed, loss in enumerate(("log-cosh", "logistic", "squared", "quartic")):
        with np.errstate(all="ignore"):
            batch = of.generator("support-query").build(RandomSource((seed, 5), 3), loss, SMALL)
        for b in range(len(batch)):
            for judged in judge(batch.instance(b), claims).claims:
                assert judged.verdict is not Verdict.VIOLATED, (judged.claim, loss, b)
                decided += judged.verdict in (Verdict.PROVED, Verdict.EQUAL)
    assert decided >= 24


def test_the_proximal_step_of_two_laws() -> None:
    """Squared loss, lambda = 1: U(1) solves 9 U - 6 + U - 1 = 0, 7/10; J = 1/10; on the query z = 7/5, w = 2/5."""
    instance = replace(one(Loss("squared"), ONE), adaptation=Implicit(ONE))
    at = MetaSLQuantities(instance, Rationals)
    assert at._after[0][0] == fmpq(7, 5) and at._jacobians[0].entries() == [fmpq(1, 10)]
    assert at._gradient == [fmpq(2, 5) * 2 / 10] and at.chain_rule_defect == 0
    with ctx.workprec(96):
        balls = MetaSLQuantities(instance, Balls)
        assert balls._after[0][0].contains(arb(fmpq(7, 5))) or balls._after[0][0].overlaps(arb(fmpq(7, 5)))
        assert balls.eps.overlaps(arb(fmpq(2, 25)))


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_support_is_written_and_read_and_one_that_is_the_law_is_none() -> None:
    instance = one(Loss("squared"), HALF)
    text = dumps(instance)
    assert json.loads(text)["format"] == "metagap/instance/2" and loads(text) == instance
    same = replace(instance, tasks=(replace(instance.tasks[0], support=instance.tasks[0].atoms),))
    plain = replace(instance, tasks=(replace(instance.tasks[0], support=None),))
    assert not split(same) and split(instance) and same.sha256 == plain.sha256 != instance.sha256
    assert json.loads(dumps(plain))["format"] == "metagap/instance/1" and "support" not in dumps(plain)
    # What is weighed by 0 adapts as it likes.
    idle = replace(instance, tasks=(replace(plain.tasks[0]), replace(instance.tasks[0], weight=ZERO)))
    assert not split(idle)


def test_what_is_hashed_of_format_1_does_not_change() -> None:
    for path in sorted((Path(__file__).parents[1] / "theory" / "counterexamples").glob("*.json"))[::9]:
        given = json.loads(path.read_text())["instance"]
        if given["problem"] == "meta-sl" and given["format"] == "metagap/instance/1":
            told = loads(json.dumps(given)).canonical.fractions()
            assert told["format"] == "metagap/instance/1", path.name
            assert all(set(task) == {"weight", "atoms"} for task in told["tasks"]), path.name  # type: ignore[attr-defined]


def altered(**fields: object) -> str:
    document = json.loads(dumps(one(Loss("logistic"), HALF, Task(ONE, (Atom(0, ONE, ONE),), (Atom(1, -ONE, ONE),)))))
    task = document["tasks"][0]
    for name, value in fields.items():
        (document if name == "format" else task)[name] = value
    return json.dumps(document)


FAULTS = {
    "format 1": (altered(format="metagap/instance/1"), "tasks[0].support"),
    "no atom": (altered(support=[]), "tasks[0].support"),
    "a label": (altered(support=[{"x": 1, "y": 2, "p": 1}]), "tasks[0].support[0].y"),
    "an index": (altered(support=[{"x": 7, "y": 1, "p": 1}]), "tasks[0].support[0].x"),
    "masses": (altered(support=[{"x": 1, "y": 1, "p": "1/2"}]), "tasks[0].support[*].p"),
    "null": (altered(support=None), "tasks[0].support"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_bad_supports_are_refused(name: str) -> None:
    text, field = FAULTS[name]
    with pytest.raises(BadInputError) as caught:
        loads(text)
    assert caught.value.field == field


def test_policies_have_no_second_format() -> None:
    with pytest.raises(BadInputError, match="metagap/instance/1"):
        loads(json.dumps({"format": "metagap/instance/2", "problem": "meta-rl"}))


# --- convexity --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eta", ["1/1000", "1/20", "2/5"])
def test_the_meta_objective_is_convex_for_no_step(eta: str) -> None:
    """One task, logistic, support (b, b), query (1, 0): v with v'J phi_q = 0 has no curvature but the adaptation's."""
    p, q = eta.split("/")
    b = fmpq(7, 10)
    task = Task(ONE, (Atom(0, ONE, ONE),), (Atom(1, ONE, ONE),))
    instance = MetaSLInstance(
        Loss("logistic"),
        Gradient(fmpq(int(p), int(q))),
        ((ONE, ZERO), (b, b)),
        (task,),
        (ONE, ONE),
        (ZERO, ZERO),
        ONE,
    )
    at = MetaSLQuantities(instance)
    first, second = at._meta_features.entries()
    assert curvature(at.problem, [arb((-second).mid()), arb(first.mid())]) < 0
    assert not applies(instance)
    assert not at.margin_one_law > 0 and not at.margin_dominated > 0
    assert eta == "2/5" or at.margin_small_step > 0


def test_c8_is_refuted_by_a_saddle_and_holds_where_the_support_is_part_of_the_query() -> None:
    instance = loads(json.dumps(TWO_LAWS.data))
    judged = {j.claim: j.verdict for j in judge(instance).claims}
    assert judged["meta-sl-c8"] is judged["meta-sl-c8-dominated"] is Verdict.OUTSIDE
    tasks = tuple(
        Task(t.weight, (*(replace(a, p=HALF) for a in t.atoms), *(replace(a, p=HALF) for a in t.inner)), t.inner)
        for t in instance.tasks
    )
    part = replace(instance, tasks=tasks, adaptation=Gradient(fmpq(1, 64)))
    judged = {j.claim: j.verdict for j in judge(part).claims}
    assert judged["meta-sl-c8"] is Verdict.OUTSIDE
    assert judged["meta-sl-c8-dominated"] in (Verdict.PROVED, Verdict.EQUAL)


def test_the_margin_of_one_law_is_c8s() -> None:
    for loss in ("logistic", "log-cosh", "pseudo-huber"):
        for instance in drawn(loss, 3):
            plain = replace(instance, tasks=tuple(replace(t, support=None) for t in instance.tasks))
            at = MetaSLQuantities(plain)
            assert at.margin_dominated.overlaps(at.margin_small_step)


# --- C3 ---------------------------------------------------------------------------------------------------------------


def test_tasks_that_share_their_queries_have_independent_rows() -> None:
    """Three tasks with the same two queries and three support points each, d = 6: rank 6 of 6; on one law 2."""
    rng = np.random.default_rng(5)
    features = tuple(tuple(fmpq(int(v), 4) for v in row) for row in rng.integers(-8, 9, (11, 6)))
    query = (Atom(0, ONE, HALF), Atom(1, -ONE, HALF))
    tasks = tuple(
        Task(fmpq(1, 3), query, tuple(Atom(2 + 3 * i + j, ONE, fmpq(1, 3)) for j in range(3))) for i in range(3)
    )
    zero, rivals = (ZERO,) * 6, Functions(((ONE,) * 11, (ZERO,) * 11, (-ONE,) * 11))
    instance = MetaSLInstance(
        Loss("squared"), Gradient(fmpq(1, 8)), features, tasks, zero, rivals, ONE
    )  # fmt: skip
    at = MetaSLQuantities(instance)
    assert at.margin_full_row_rank > 0 and at.min_norm_solution > 0 and not at._certainly_dependent()
    exact = MetaSLQuantities(instance, Rationals)
    assert exact._meta_features.rank() == 6
    judged = {j.claim: j.verdict for j in judge(instance).claims}
    assert judged["meta-sl-c3"] is Verdict.PROVED
    for other in (
        replace(instance, tasks=tuple(replace(t, support=None) for t in tasks)),
        replace(instance, adaptation=Gradient(ZERO)),
        replace(instance, tasks=(tasks[0], replace(tasks[1], support=tasks[0].support), tasks[2])),
    ):
        assert not MetaSLQuantities(other).margin_full_row_rank > 0


def test_shared_queries_are_often_independent() -> None:
    batch = shared_queries(RandomSource(1, 30), "log-cosh", Limits(dimension=3))
    full = [bool(MetaSLQuantities(batch.instance(b)).margin_full_row_rank > 0) for b in range(len(batch))]
    assert sum(full) > 15


# --- small things -----------------------------------------------------------------------------------------------------


def test_both_laws_are_told_together() -> None:
    task = Task(ONE, (Atom(0, ONE, HALF), Atom(1, ONE, HALF)), (Atom(1, ONE, fmpq(1, 4)), Atom(1, fmpq(2), fmpq(3, 4))))
    told = [(0, ONE, ZERO, HALF), (1, ONE, fmpq(1, 4), HALF), (1, fmpq(2), fmpq(3, 4), ZERO)]
    assert both_laws(task) == told


def test_a_joint_of_the_query_is_none() -> None:
    """Huber(1): the query's prediction 2 is on the joint of its label 1; the support's, 3, is on none of 5/2."""
    task = Task(ONE, (Atom(0, ONE, ONE),), (Atom(1, fmpq(5, 2), ONE),))
    instance = one(Loss("huber", ONE), HALF, task)
    assert MetaSLQuantities(instance).margin_joints > 0
    exchanged = replace(instance, tasks=(Task(ONE, task.inner, task.atoms),))
    assert not MetaSLQuantities(exchanged).margin_joints > 0
