"""Gradient steps with a rate for each parameter, and with weight decay."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap import certify
from metagap.impl import files
from metagap.impl.arithmetic import Balls, Rationals, rational
from metagap.impl.families import META_SL, judge, loads
from metagap.impl.files import BadInputError
from metagap.impl.losses import Loss
from metagap.impl.optimum import Budget, UnsupportedError, minimise
from metagap.impl.optimum.boxes import Box, Model
from metagap.impl.optimum.convex_check import Prover
from metagap.impl.optimum.convexity import unknown
from metagap.impl.optimum.exact import exact_value, own_risk_bound, squared_minimum
from metagap.impl.optimum.landscape import Landscape
from metagap.impl.optimum.loops import _Field, stationary_for
from metagap.impl.optimum.many_rows import ManyRows, many
from metagap.impl.optimum.objectives import own_loop
from metagap.impl.own_tasks import from_arrays
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.batch import batch_of
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, Task
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.impl.supervised.taylor import along
from metagap.impl.supervised.vector_batch import LinearQuantities
from metagap.impl.vector_losses import VectorLoss
from metagap.theory.claim import UndefinedQuantityError, Verdict
from mirror import compare

from .test_check_witness import agreements
from .test_engines import SHARED
from .test_loops import trained

RATES = META_SL.generator("rates")
HALF, QUARTER, ONE, ZERO = fmpq(1, 2), fmpq(1, 4), fmpq(1), fmpq(0)
WRONG = ("misfit_rates_turned", "misfit_no_decay")
KINDS = {
    "rates": Gradient(HALF, 1, (ONE, -HALF)),
    "two steps": Gradient(HALF, 2, (ONE, ZERO)),
    "decay": Gradient(QUARTER, 2, None, HALF),
    "both": Gradient(HALF, 2, (ONE, HALF), HALF),
}


def one(adaptation: Gradient, loss: str = "squared") -> MetaSLInstance:
    """x = (1, 1), y = 0, omega = (1, 2), against 0."""
    row, task = (ONE, ONE), Task(ONE, (Atom(0, ZERO, ONE),))
    return MetaSLInstance(Loss(loss), adaptation, (row,), (task,), (ONE, fmpq(2)), (ZERO, ZERO), ONE)


def drawn(adaptation: Gradient, loss: str = "squared", seed: int = 0, split: bool = False) -> MetaSLInstance:
    """Two tasks on three inputs of two features, on a grid."""
    rng, rates = np.random.default_rng(seed), adaptation.rates

    def numbers(count: int) -> tuple[fmpq, ...]:
        return tuple(fmpq(int(v), 4) for v in rng.integers(-6, 7, count))

    def law() -> tuple[Atom, ...]:
        labels = [fmpq(int(rng.integers(3))) if loss == "softmax" else y for y in numbers(3)]
        return tuple(Atom(x, y, fmpq(1, 3)) for x, y in enumerate(labels))

    tasks = tuple(Task(q, law(), law() if split else None) for q in (fmpq(1, 3), fmpq(2, 3)))
    c = 3 if loss == "softmax" else 1
    of = VectorLoss("softmax", outputs=3) if c == 3 else Loss(loss)
    inner = replace(adaptation, rates=None if rates is None else rates * c)
    return MetaSLInstance(of, inner, tuple(numbers(2) for _ in range(3)), tasks, numbers(2 * c), numbers(2 * c), ONE)


# --- by hand -------------------------------------------------------------------------------------------------------


def test_rates_by_hand() -> None:
    """g = (3, 3): U = (1 - 3/2, 2), z = 3/2. H = phi phi', so J'phi = phi - H (1/2, 0) = (1/2, 1/2)."""
    at = MetaSLQuantities(one(Gradient(ONE, 1, (HALF, ZERO))), Rationals)
    assert at._after == [[fmpq(3, 2)]] and at._meta_features.entries() == [HALF, HALF]
    assert at._gradient == [fmpq(3, 4)] * 2 and at.chain_rule_defect == 0
    # Against 0, of which U is 0: C1 is an equality but for ||u||^2/2.
    assert at.gap == fmpq(9, 8) and at.bregman == fmpq(9, 8) and at._u == [fmpq(3, 2)]
    balls = MetaSLQuantities(one(Gradient(ONE, 1, (HALF, ZERO))), Balls)
    # m2 B^2 = 2, rates 1/4 +- 1/4: c = max(1, |1 - 1/2|) + 1/2, and ||J - I|| <= 1/2 times 2.
    assert balls._expansion.overlaps(arb(fmpq(3, 2))) and balls.jacobian_deviation.overlaps(arb(1))
    assert balls.smoothness.overlaps(arb(fmpq(9, 2))) and balls.smoothness_one_rate.overlaps(arb(2))
    turned = balls._misfit_by(lambda h, j: j - h * balls.problem.paced(j))  # (I - H D), applied to phi: phi - D H phi
    assert balls.misfit_rates_turned.overlaps(turned)


def test_decay_by_hand() -> None:
    """g + theta = (4, 5): U = (1 - 2, 2 - 5/4), z = -1/4. S = (1/2, 3/4): J'phi = S phi - H (1/2, 1/4) = (-1/4, 0)."""
    at = MetaSLQuantities(one(Gradient(ONE, 1, (HALF, QUARTER), ONE)), Rationals)
    assert at._after == [[-QUARTER]] and at._meta_features.entries() == [-QUARTER, ZERO]
    assert at._gradient == [fmpq(1, 16), ZERO] and at.chain_rule_defect == 0
    balls = MetaSLQuantities(one(Gradient(QUARTER, 1, None, ONE)), Balls)
    # 1 - eta decay = 3/4, less eta m2 B^2 = 1/2.
    assert balls._expansion.overlaps(arb(fmpq(3, 4))) and balls.jacobian_deviation.overlaps(arb(fmpq(3, 4)))
    assert balls.margin_no_decay < 0 < MetaSLQuantities(one(Gradient(QUARTER)), Balls).margin_no_decay


def test_rates_that_do_nothing_are_none() -> None:
    plain = one(Gradient(HALF))
    for same in (Gradient(QUARTER, 1, (fmpq(2),) * 2), Gradient(-HALF, 1, (-ONE,) * 2)):
        assert replace(plain, adaptation=same).sha256 == plain.sha256
    assert Gradient(ONE, 2, (ZERO, ZERO), ONE).canonical == Gradient(ZERO, 2)
    assert Gradient(ONE, 1, (-ONE, ZERO)).canonical == Gradient(-ONE, 1, (ONE, ZERO))
    assert "rates" not in plain.document(str)["adaptation"] and plain.document(str)["format"] == "metagap/instance/1"  # type: ignore[operator]


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("rates", [(fmpq(1), fmpq(0)), (fmpq(2), fmpq(-1)), (fmpq(1), fmpq(3))])
@pytest.mark.parametrize("decay", [fmpq(0), fmpq(1, 2)])
def test_no_step_expands_by_more_than_its_bound(rates: tuple[fmpq, ...], decay: fmpq) -> None:
    rng, largest = np.random.default_rng(0), 0.0
    at = MetaSLQuantities(one(Gradient(QUARTER, 1, rates, decay)), Balls)
    bound, d = float(at._expansion), np.diag([float(r.p) / 4 for r in rates])
    for _ in range(4000):
        u, h = rng.standard_normal(2), 2 * rng.random()
        hessian = h * np.outer(u, u) / (u @ u) + float(decay.p) / float(decay.q) * np.eye(2)
        largest = max(largest, float(np.linalg.norm(np.eye(2) - d @ hessian, 2)))
    assert bound / 2 < largest <= bound
    if rates == (1, 0) and decay == 0:
        assert largest > 1 + 0.06, "one rate would not expand"


# --- both engines, the mirror, the checker of counterexamples --------------------------------------------------------


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("variant", ["squared", "log-cosh", "softmax"])
def test_both_engines_agree(variant: str, effort: int) -> None:
    compared = 0
    for index in range(4 * effort):
        with np.errstate(all="ignore"):
            batch = RATES.build(RandomSource((4, index), 3), variant)
            floats = LinearQuantities(batch)
            scale = floats.scale
        for b in range(len(batch)):
            instance = batch.instance(b)
            if all(task.support is None for task in instance.tasks):
                assert batch_of(instance).instance(0).sha256 == instance.sha256
            with ctx.workprec(160):
                balls = MetaSLQuantities(instance)
                for name in (*SHARED, *WRONG):
                    with suppress(UndefinedQuantityError):
                        value = float(floats(name)[b])
                        unit = 2.0**-40 * (abs(value) + balls.scale(name) + scale[b])
                        assert float((balls(name) - value).abs_lower()) <= unit, (name, value, balls(name))
                        compared += 1
    assert compared >= 200


@pytest.mark.parametrize("variant", ["squared", "logistic", "quartic", "softmax"])
def test_core_claims_hold_and_nothing_is_violated(variant: str, effort: int) -> None:
    decided = 0
    for index in range(effort):
        with np.errstate(all="ignore"):
            batch = RATES.build(RandomSource((6, index), 2), variant)
        for row in judge(batch.instance(0)).claims:
            assert row.verdict is not Verdict.VIOLATED, (row.claim, index)
            decided += row.verdict in (Verdict.PROVED, Verdict.EQUAL)
    assert decided >= 10 * effort


@pytest.mark.ci
@pytest.mark.parametrize("kind", ["both", *(pytest.param(k, marks=pytest.mark.ci) for k in KINDS if k != "both")])
@pytest.mark.parametrize("loss", ["log-cosh", pytest.param("softmax", marks=pytest.mark.ci)])
def test_the_mirror_agrees(kind: str, loss: str) -> None:
    instance = drawn(KINDS[kind], loss, seed=3, split=True)
    found = compare(instance)
    assert not found.contradictions and len(found.compared) > 50
    assert {"misfit_l1", "misfit", "jacobian_deviation", "smoothness"} <= set(found.compared)
    assert agreements(MetaSLQuantities(instance), json.loads(files.dumps(instance))) > 25


@pytest.mark.parametrize("kind", KINDS)
def test_taylor_along_a_line_has_the_gradient(kind: str) -> None:
    at = MetaSLQuantities(drawn(KINDS[kind]), Rationals)
    for j in range(2):
        direction = [fmpq(int(i == j)) for i in range(2)]
        assert along(at.problem, direction, 1)[1] == at._gradient[j]


def test_torch_says_the_same() -> None:
    """Of tasks with as many points, and of those with fewer."""
    torch = pytest.importorskip("torch")
    from metagap.impl.supervised.tensors import TorchProblem

    for adaptation in KINDS.values():
        whole = drawn(adaptation, "log-cosh", split=True)
        first, second = whole.tasks
        fewer = replace(whole, tasks=(first, replace(second, atoms=(replace(second.atoms[0], p=ONE),))))
        for instance in (whole, fewer):
            theta = torch.tensor([float(v) for v in map(arb, instance.omega)], dtype=torch.float64, requires_grad=True)
            (slope,) = torch.autograd.grad(TorchProblem(instance).meta_objective(theta), theta)
            ours = MetaSLQuantities(instance)._gradient
            assert all(abs(float(a) - float(b)) < 1e-12 for a, b in zip(ours, slope, strict=True))


def test_c8_holds_with_rates_of_both_signs_and_not_with_decay() -> None:
    small = drawn(Gradient(fmpq(1, 64), 1, (ONE, -ONE)), "log-cosh")
    assert judge(small)["meta-sl-c8"].verdict in (Verdict.PROVED, Verdict.EQUAL)
    decayed = replace(small, adaptation=replace(small.adaptation, decay=ONE))
    assert judge(decayed)["meta-sl-c8"].verdict is Verdict.OUTSIDE


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_read_as_it_was_written(kind: str) -> None:
    instance = drawn(KINDS[kind])
    assert loads(files.dumps(instance)) == instance
    assert json.loads(files.dumps(instance))["format"] == "metagap/instance/2"


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an old format": ({"format": "metagap/instance/1"}, "no rates, in 'metagap/instance/1'"),
    "too few": ({"rates": ["1"]}, "give 2 numbers"),
    "not numbers": ({"rates": "1"}, "one for each number of omega"),
    "a negative decay": ({"decay": "-1"}, "a number >= 0"),
    "an implicit step": ({"name": "implicit", "lambda": "1"}, "remove"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_rates_are_refused_in_one_line(name: str) -> None:
    document = json.loads(files.dumps(drawn(KINDS["both"])))
    changes, said = BAD[name]
    if "lambda" in changes:
        document["adaptation"].pop("eta")
        document["adaptation"].pop("steps")
    for field, value in changes.items():
        (document if field == "format" else document["adaptation"])[field] = value
    with pytest.raises(BadInputError, match=said) as error:
        loads(json.dumps(document))
    assert "\n" not in str(error.value)


# --- the optimum ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_encloses_the_objective_holds_its_value(kind: str) -> None:
    instance = drawn(KINDS[kind], "log-cosh", split=True)
    wanted = exact_value(instance, instance.omega)
    prover = Prover(instance)
    for point in (prover._in_floats(instance.omega), prover._in_balls(instance.omega)):
        assert point.value.overlaps(wanted) and float(point.value.rad()) < 1e-9
        ours = MetaSLQuantities(instance)._gradient
        assert all(
            float(abs(g - o).lower()) <= float(point.error) + 1e-12 for g, o in zip(point.gradient, ours, strict=True)
        )
    if instance.adaptation.decay != 0:  # type: ignore[union-attr]
        with pytest.raises(UnsupportedError, match="without weight decay"):
            Landscape(instance)
        with pytest.raises(ArithmeticError, match="weight decay"):
            Model(instance)
        assert not many(instance, 1)
        return
    scape, model = Landscape(instance), Model(instance)
    at = scape.basis @ np.array([float(v) for v in map(arb, instance.omega)])
    assert abs(scape.value(at[None])[0] - float(wanted)) < 1e-12
    assert Box(model, [rational(float(v)) for v in at], [ZERO] * 2).at_centre.overlaps(wanted + arb(0, 1e-12))
    assert many(instance, 1) and ManyRows(instance, 0.0)._here[0].overlaps(wanted)
    far = ManyRows(instance, 0.0)._norm(ManyRows(instance, 0.0)._moved[1])
    assert far.overlaps(MetaSLQuantities(instance).function_displacement)


@pytest.mark.parametrize("kind", ["rates", "decay"])
def test_the_squared_loss_is_certified_by_convexity(kind: str) -> None:
    instance = drawn(KINDS[kind], split=True)
    least, _ = squared_minimum(instance)
    found = minimise(instance, budget=Budget(seconds=10))
    assert found.certified and found.how == "convex"
    assert rational(found.lower) <= least <= rational(found.upper) and found.upper - found.lower < 1e-6
    prover = Prover(instance)
    matrix, error = prover._hessian()
    exact = prover.hessian_in_balls(np.arange(2))
    assert all(abs(float(exact[i, j]) - matrix[i, j]) <= error + 1e-15 for i in range(2) for j in range(2))


def test_small_rates_are_certified_by_convexity_and_both_signs_by_boxes() -> None:
    instance = drawn(Gradient(fmpq(1, 32), 2, (ONE, HALF)), "log-cosh")
    convex = minimise(instance, budget=Budget(seconds=10))
    assert convex.certified and convex.how == "convex"
    boxes = minimise(instance, fmpq(4), Budget(gap=1e-3, seconds=10), convexity=False)
    assert boxes.certified and boxes.lower <= convex.upper and convex.lower <= boxes.upper
    signs = replace(instance, adaptation=Gradient(QUARTER, 1, (ONE, -ONE)))
    assert "both signs" in unknown(signs) and not unknown(instance)
    assert minimise(signs, fmpq(2), Budget(gap=1e-2, seconds=10)).certified


def test_a_step_with_decay_reaches_no_farther_than_its_bound() -> None:
    """U = theta - eta (g + decay theta), |g| <= 1: from the ball of radius 1 with eta decay = 3 to 2 + eta |x|."""
    task = Task(ONE, (Atom(0, fmpq(9), ONE),))
    made = MetaSLInstance(Loss("log-cosh"), Gradient(ONE, 1, None, fmpq(3)), ((ONE,),), (task,), (ZERO,), (ZERO,), ONE)
    bound = own_risk_bound(made, ONE)
    with ctx.workprec(100):
        reached = exact_value(made, (-ONE,))  # U(-1) = 2 + tanh(10)
        assert bound <= reached and float(reached - bound) < 1e-6


# --- loops and commands ---------------------------------------------------------------------------------------------


def case(adaptation: Gradient) -> MetaSLInstance:
    rng = np.random.default_rng(5)
    x, tasks = rng.standard_normal((15, 2)), np.repeat(np.arange(3), 5)
    y = (x * (rng.standard_normal((3, 2)) + 0.3)[tasks]).sum(1) + 0.3 * rng.standard_normal(15)
    made = from_arrays(x, y, tasks.tolist(), loss=Loss("log-cosh"), eta=ONE)
    return replace(made, adaptation=adaptation, omega=(ONE, HALF))


@pytest.mark.parametrize("kind", KINDS)
def test_both_routes_of_loops_hold_the_gradient(kind: str) -> None:
    instance = case(KINDS[kind])
    field, loop = _Field(instance, lambda: None), own_loop(KINDS[kind])
    mid, error = field._gradient(loop, field.omega)
    ours = MetaSLQuantities(instance)._gradient
    with ctx.workprec(128):
        fine = field._balls.in_balls(loop)
    for a, b, o in zip(mid.tolist(), fine, ours, strict=True):
        assert abs(a - float(o)) <= error and b.overlaps(o)


@pytest.mark.ci(every=3)
@pytest.mark.parametrize(
    ("kind", "name", "changes"),
    [
        ("two steps", "one-rate", {"rate": HALF, "alike": True}),
        ("decay", "no-decay", {"still": True}),
        ("both", "rates*0.1", {"rate": fmpq(1, 20)}),
        pytest.param("both", "no-decay", {"still": True}, marks=pytest.mark.ci),
        pytest.param("both", "maml", {}, marks=pytest.mark.ci),
    ],
)
def test_the_loop_is_named(kind: str, name: str, changes: dict[str, Any]) -> None:
    instance = case(KINDS[kind])
    found = stationary_for(trained(instance, replace(own_loop(KINDS[kind]), **changes)))
    assert (found.other is None) if name == "maml" else (found.other is not None and found.other.loop.objective == name)


def test_arrays_take_rates_and_decay() -> None:
    x, y = np.arange(8.0).reshape(4, 2) / 8, [1.0, 2.0, 0.0, 1.0]
    made = from_arrays(x, y, [0, 0, 1, 1], eta=(HALF, ZERO), decay=QUARTER)
    assert made.adaptation == Gradient(ONE, 1, (HALF, ZERO), QUARTER)
    classes = VectorLoss("softmax", outputs=3)
    several = from_arrays(x, y, [0, 0, 1, 1], loss=classes, eta=(HALF, ZERO))
    assert several.adaptation == Gradient(ONE, 1, (HALF, ZERO) * 3)
    with pytest.raises(BadInputError, match="one step size, or 6: one for each parameter"):
        from_arrays(x, y, [0, 0, 1, 1], loss=classes, eta=(HALF,) * 4)


def test_certify_takes_a_list_of_rates() -> None:
    x, y = np.arange(8.0).reshape(4, 2) / 8, [1.0, 2.0, 0.0, 1.0]
    found = certify(x, y, [0, 0, 1, 1], [0.5, 0.25], eta=["1/4", 0.0], decay=0, max_time=5)
    assert found.problem.adaptation["rates"] == [0.25, 0.0] and found.optimum.status == "certified"
    with pytest.raises(BadInputError, match="decay"):
        certify(x, y, [0, 0, 1, 1], [0.5, 0.25], eta=1, decay=-1)


def test_functions_are_told_what_frozen_parameters_cannot() -> None:
    """Frozen parameters stay as omega has them: that is no adaptation (C5)."""
    frozen = replace(drawn(Gradient(ONE, 1, (ZERO, ZERO))), comparator=Functions(((ZERO,) * 3,) * 2))
    at = MetaSLQuantities(frozen, Rationals)
    assert at.margin_no_adaptation == 1 and at._before == at._after[0]


def test_outer_decay_is_one_more_task() -> None:
    """(m/2)||theta||^2 = q E(theta_j^2)/2 over coordinates, m = q/d: features 0 move no task."""
    instance = drawn(KINDS["rates"])
    q, row, none = fmpq(1, 4), len(instance.features), (ZERO, ZERO)
    units = tuple(Atom(row + 1 + j, ZERO, HALF) for j in range(2))
    tasks = (*(replace(t, weight=t.weight * (1 - q)) for t in instance.tasks), Task(q, units, (Atom(row, ZERO, ONE),)))
    features = (*instance.features, none, (ONE, ZERO), (ZERO, ONE))
    decayed = replace(instance, features=features, tasks=tasks)
    at, plain = MetaSLQuantities(decayed, Rationals), MetaSLQuantities(instance, Rationals)
    square = sum((a * a - b * b for a, b in zip(instance.omega, instance.comparator, strict=True)), start=ZERO)
    assert at.gap == (1 - q) * plain.gap + q / 4 * square
    pairs = zip(at._gradient, plain._gradient, instance.omega, strict=True)
    assert all(g == (1 - q) * h + q / 2 * o for g, h, o in pairs)
    assert all(row.verdict is not Verdict.VIOLATED for row in judge(decayed).claims)
    assert judge(decayed)["meta-sl-lifted"].verdict is Verdict.PROVED
