"""Meta-SL instances whose quantities are known in closed form: every weight, mass, step and margin shows in them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, Rationals
from metagap.impl.families import META_SL, judge
from metagap.impl.losses import Loss
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, Task, points
from metagap.impl.supervised.maml import Problem
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.theory.claim import Expression, Verdict

ZERO, ONE = fmpq(0), fmpq(1)
QUARTER, HALF, THIRD = fmpq(1, 4), fmpq(1, 2), fmpq(1, 3)


def two_tasks(steps: int = 1) -> MetaSLInstance:
    """Weights 1/4 and 3/4; d = 1, features 1 and 2; squared loss, eta = 1/8, omega = 1, comparator functions 0.

    Task 1 has two labels at feature 1 (masses 1/3, 2/3, mean label 2); task 2 half of its mass at each feature.
    """
    tasks = (
        Task(QUARTER, (Atom(0, fmpq(0), THIRD), Atom(0, fmpq(3), 1 - THIRD))),
        Task(1 - QUARTER, (Atom(0, fmpq(1), HALF), Atom(1, fmpq(-2), HALF))),
    )
    functions = Functions(((ZERO, ZERO), (ZERO, ZERO)))
    step = Gradient(fmpq(1, 8), steps)
    return MetaSLInstance(Loss("squared"), step, ((ONE,), (fmpq(2),)), tasks, (ONE,), functions, ONE)


def walked(steps: int) -> list[fmpq]:
    """The adapted parameters: theta - (theta - 2)/8, theta - ((theta - 1)/2 + 2 (2 theta + 2)/2)/8."""
    first = second = ONE
    for _ in range(steps):
        first -= (first - 2) / 8
        second -= ((second - 1) / 2 + (2 * second + 2)) / 8
    return [first, second]


def objective(theta: list[fmpq]) -> fmpq:
    a, b = theta
    one = (THIRD * a**2 + (1 - THIRD) * (a - 3) ** 2) / 2
    return QUARTER * one + (1 - QUARTER) * (HALF * (b - 1) ** 2 + HALF * (2 * b + 2) ** 2) / 2


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_objective_by_hand(steps: int) -> None:
    problem = Problem(two_tasks(steps), Rationals)
    assert problem.meta_objective(problem.omega) == objective(walked(steps))


@pytest.mark.parametrize("steps", [1, 2])
def test_two_tasks_by_hand(steps: int) -> None:
    """J_1 = (7/8)^K, J_2 = (11/16)^K: everything else follows."""
    a, b = walked(steps)
    first, second = fmpq(7, 8) ** steps, fmpq(11, 16) ** steps
    at = MetaSLQuantities(two_tasks(steps), Rationals, (THIRD,))
    at_zero = QUARTER * (1 - THIRD) * 9 / 2 + (1 - QUARTER) * (HALF * 1 + HALF * 4) / 2
    assert at("gap") == objective([a, b]) - at_zero
    assert at._points == [(0, 0, QUARTER), (1, 0, (1 - QUARTER) / 2), (1, 1, (1 - QUARTER) / 2)]
    assert at._u == [a, b, 2 * b]
    w = [a - 2, b - 1, 2 * b + 2]
    assert at._weighted == [mass * v for mass, v in zip(at._masses, w, strict=True)]
    features = [first, second, 2 * second]
    assert [row[0] for row in at._meta_features.tolist()] == features
    gradient = sum((m * v * f for m, v, f in zip(at._masses, w, features, strict=True)), start=ZERO)
    assert at._gradient == [gradient]
    assert at("pairing") == sum((m * v * u for m, v, u in zip(at._masses, w, at._u, strict=True)), start=ZERO)
    assert at._at_direction == [u - f / 3 for u, f in zip(at._u, features, strict=True)]
    # Squared loss: the divergence is half of the mean square of u.
    assert at("bregman") == sum((m * u * u for m, u in zip(at._masses, at._u, strict=True)), start=ZERO) / 2
    if steps == 1:
        mixed = at._mixed
        assert sum(mixed.weight, start=ZERO) == sum(at._weighted, start=ZERO)
        assert sum(mixed.target, start=ZERO) == at("pairing")
        rows, target = at._mixed_l1_system()
        assert [sum(column, start=ZERO) for column in zip(*rows.tolist(), strict=True)] == [gradient]
        assert sum(target, start=ZERO) == at("pairing")


@pytest.mark.parametrize("name", ["eps", "weight_norm", "function_displacement", "residual_norm", "misfit", "radius"])
def test_norms_contain_the_exact_value(name: str) -> None:
    """To hundreds of bits: the squares are rational, and the radius is a third."""
    instance = replace(two_tasks(), radius=fmpq(1, 3))
    exact = MetaSLQuantities(instance, Rationals, (THIRD,))
    triples = list(zip(exact._masses, exact._u, [f[0] for f in exact._meta_features.tolist()], strict=True))
    # inf over |v| <= 1/3: the unconstrained v is sum m u f/sum m f^2 > 1/3 here.
    assert sum((m * u * f for m, u, f in triples), ZERO) > sum((m * f * f for m, _, f in triples), ZERO) / 3
    squares = {
        "eps": exact._gradient[0] ** 2,
        "weight_norm": sum((w * w / m for w, m in zip(exact._weighted, exact._masses, strict=True)), ZERO),
        "function_displacement": sum((m * u * u for m, u, _ in triples), ZERO),
        "residual_norm": sum((m * (u - f / 3) ** 2 for m, u, f in triples), ZERO),
        "misfit": sum((m * (u - f / 3) ** 2 for m, u, f in triples), ZERO),
        "radius": fmpq(1, 9),
    }
    with ctx.workprec(128):
        found = MetaSLQuantities(instance, direction=(THIRD,))(name)
    with ctx.workprec(1000):
        assert found.contains(arb(squares[name]).sqrt())
    assert found.rad() < 1e-30


def test_constants_by_hand() -> None:
    """Features of length 1 and 2, so B = 2, the shorter one last; log-cosh: m1 = m2 = 1, m3 = 4/(3 sqrt 3)."""
    features, eta = ((fmpq(2), ZERO), (ZERO, ONE)), fmpq(1, 8)
    task = Task(ONE, (Atom(0, ZERO, HALF), Atom(1, ONE, HALF)))
    one = MetaSLInstance(Loss("log-cosh"), Gradient(eta), features, (task,), (ONE, ONE), (ZERO, ZERO), ONE)
    with ctx.workprec(128):
        third = 4 / (3 * arb(3).sqrt())
        at = MetaSLQuantities(one)
        assert at("feature_bound").contains(2)
        # eta m3 B^4/2; eta m2 B^2 = 1/2; c = 1: m2 B^2 + eta m1 m3 B^4.
        assert at("remainder_constant").overlaps(third)
        assert at("jacobian_deviation").overlaps(arb(1) / 2)
        assert at("smoothness").overlaps(4 + 2 * third)
        two = MetaSLQuantities(replace(one, adaptation=Gradient(eta, 2)))
        assert two("jacobian_deviation").overlaps(arb(1))
        implicit = MetaSLQuantities(replace(one, adaptation=Implicit(ONE)))
        assert implicit("jacobian_deviation").overlaps(arb(4) / 5)
        assert implicit("remainder_constant").overlaps(8 * third)
        # ell'' = sech^2 over the hull of prediction and comparator: least at the farthest residual.
        farthest = max(abs(z - y) for *_, z, h, y in at._divergences for z in (z, h))
        found, wanted = at("strong_convexity"), farthest.sech() ** 2
        assert found.overlaps(wanted) and max(found.rad(), wanted.rad()) < 1e-30
        # One step of length 1/beta lowers L by its definition.
        problem = Problem(one, Balls)
        moved = [o - g / at("smoothness") for o, g in zip(problem.omega.entries(), at._gradient, strict=True)]
        lower = problem.meta_objective(problem.m.matrix([[v] for v in moved]))
        assert at("descent").overlaps(problem.meta_objective(problem.omega) - lower)


def single(loss: Loss, eta: fmpq, omega: fmpq, *, features: tuple[tuple[fmpq, ...], ...] = ((ONE,),)) -> MetaSLInstance:
    """One task, the label 0 at every point, functions 1 as comparator."""
    k, d = len(features), len(features[0])
    task = Task(ONE, tuple(Atom(x, ZERO, fmpq(1, k)) for x in range(k)))
    return MetaSLInstance(loss, Gradient(eta), features, (task,), (omega,) * d, Functions(((ONE,) * k,)), ONE)


def test_margins_by_hand() -> None:
    huber = Loss("huber", ONE)
    with ctx.workprec(128):
        # At the joint itself, where a step starts; and far from it.
        assert not MetaSLQuantities(single(huber, HALF, ONE))("margin_differentiability") > 0
        assert MetaSLQuantities(single(huber, HALF, fmpq(5, 4)))("margin_differentiability") == 0.25
        # A step that ends at a joint of the slope's slope does no harm; at a kink it does.
        assert MetaSLQuantities(single(huber, HALF, fmpq(3, 2)))("margin_differentiability") > 0
        assert not MetaSLQuantities(single(Loss("absolute"), ONE, ONE))("margin_differentiability") > 0
        # Not convex: the divergence itself decides. From the well at 1 to the hump at 0 it is 1 - 0 = 1; back, -1.
        well = single(Loss("double-well"), ZERO, ONE)
        there = replace(well, comparator=Functions(((ZERO,),)))
        back = replace(well, omega=(ZERO,), comparator=Functions(((ONE,),)))
        assert MetaSLQuantities(there)("margin_outer_convexity").overlaps(arb(1))
        assert MetaSLQuantities(back)("margin_outer_convexity").overlaps(arb(-1))
        # More points than parameters, and equal ones, are dependent; a fold makes the features 0.
        assert (
            MetaSLQuantities(single(Loss("squared"), ZERO, ONE, features=((ONE,), (fmpq(2),))))("margin_full_row_rank")
            < 0
        )
        assert not MetaSLQuantities(single(Loss("squared"), ONE, ONE))("margin_full_row_rank") > 0
        assert not MetaSLQuantities(single(Loss("log-cosh"), ONE, ZERO))("margin_full_row_rank") > 0
        assert MetaSLQuantities(single(Loss("squared"), HALF, ONE))("margin_full_row_rank") > 0


def test_equal_atoms_are_merged() -> None:
    task = Task(ONE, (Atom(0, ONE, QUARTER), Atom(0, ZERO, HALF), Atom(0, ONE, QUARTER)))
    merged = replace(single(Loss("squared"), ZERO, ONE), tasks=(task,)).canonical.tasks[0].atoms
    assert merged == (Atom(0, ZERO, HALF), Atom(0, ONE, HALF))


def cancelling(rival: fmpq) -> MetaSLInstance:
    """Two tasks that pull alike in opposite directions at omega = 0, eta = 0: the mixed weight of (0, y, 0) is 0."""
    tasks = tuple(Task(HALF, (Atom(0, ONE, HALF), Atom(0, fmpq(s), HALF))) for s in (2, -4))
    functions = Functions(((rival,), (ONE,)))
    return MetaSLInstance(Loss("squared"), Gradient(ZERO), ((ONE,),), tasks, (ZERO,), functions, ONE)


def test_points_have_mass_in_either_law() -> None:
    nothing = Atom(1, ZERO, ZERO)
    assert points(Task(ONE, (Atom(2, ONE, ONE), nothing), (nothing, Atom(0, ONE, ONE)))) == [0, 2]


def test_a_numerator_that_stays_is_outside() -> None:
    """Weights w_1 = -3/2 and w_2 = 3/2 cancel at the shared label; targets w_i u_i do where the rivals agree."""
    with ctx.workprec(128):
        assert MetaSLQuantities(cancelling(fmpq(2)))("margin_numerator_vanishes") < 0
        assert MetaSLQuantities(cancelling(ONE))("margin_numerator_vanishes") > 0
    claim = [judge(cancelling(fmpq(2)))["meta-sl-mixed"].verdict, judge(cancelling(ONE))["meta-sl-mixed"].verdict]
    assert claim[0] is Verdict.OUTSIDE and claim[1] is not Verdict.VIOLATED


def test_an_open_weight_stays_open() -> None:
    """Without an exact twin (log-cosh) a weight whose enclosure holds 0 is neither 0 nor not 0."""
    tasks = tuple(Task(HALF, (Atom(0, ONE, HALF), Atom(0, fmpq(s), HALF))) for s in (2, 2))
    instance = MetaSLInstance(
        Loss("log-cosh"), Gradient(ZERO), ((ONE,),), tasks, (fmpq(3, 2),), Functions(((ONE,), (ZERO,))), ONE
    )  # fmt: skip
    with ctx.workprec(128):
        at = MetaSLQuantities(instance)
        assert any(w.contains(0) for w in at._mixed.weight)
        assert None in at._vanishing
        assert not at("margin_numerator_vanishes") > 0


def test_a_wrong_equality_is_refuted_in_rationals() -> None:
    """The identity with a side that is longer by less than any ball sees: exact rationals decide."""
    claim = META_SL.claim("meta-sl-identity")
    assert claim is not None
    assert judge(two_tasks(), (claim,)).claims[0].verdict is Verdict.PROVED
    wrong = replace(claim, bound=Expression(f"{claim.bound.text} + radius*radius/{2**600}"))
    assert judge(two_tasks(), (wrong,)).claims[0].verdict is Verdict.VIOLATED


@pytest.mark.parametrize(("omega", "verdict"), [(1, Verdict.PROVED), (2, Verdict.OUTSIDE), (3, Verdict.PROVED)])
def test_an_implicit_step_is_differentiable_where_it_does_not_end_on_a_joint(omega: int, verdict: Verdict) -> None:
    """Huber's loss of 1, label 0, lambda = 1: U = omega/2 up to 2, then omega - 1. At 2 it ends on the joint at 1."""
    task = Task(ONE, (Atom(0, ZERO, ONE),))
    one = MetaSLInstance(Loss("huber", ONE), Implicit(ONE), ((ONE,),), (task,), (fmpq(omega),), (ZERO,), fmpq(3))
    assert judge(one, (META_SL.claim("meta-sl-lifted"),)).claims[0].verdict is verdict
