"""Meta-RL in closed form: two states solved by hand, every step compared, bounds that poor proposals only widen."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, Rationals, rational
from metagap.impl.families import META_RL, judge
from metagap.impl.judge import judge_claim
from metagap.impl.midrad import MidRad
from metagap.impl.models.coordinates import coordinates
from metagap.impl.policies import quantities
from metagap.impl.policies.batch_quantities import BatchQuantities
from metagap.impl.policies.boxes import Boxes, _greatest_mean, _known, _linear, _policy_box, halves
from metagap.impl.policies.instance import Adaptation, MetaRLInstance, Policies, Task
from metagap.impl.policies.optimum import BITS, maximise
from metagap.impl.policies.problem import Problem
from metagap.impl.policies.quantities import MetaRLQuantities
from metagap.impl.sources import RandomSource
from metagap.theory.claim import UndefinedQuantityError, Verdict

ZERO, ONE, HALF, THIRD = fmpq(0), fmpq(1), fmpq(1, 2), fmpq(1, 3)
CHAIN = (((ONE, ZERO), (HALF, HALF)), ((ZERO, ONE), (THIRD, 1 - THIRD)))
"""P(t | s, a): the first action stays, the second leaves with probability 1/2 or 1/3."""
REWARDS = ((fmpq(3), fmpq(-1)), (fmpq(1, 2), fmpq(2)))
GAMMA = fmpq(3, 4)


def chain(weight: fmpq = ONE, gamma: fmpq = GAMMA) -> Task:
    return Task(weight, gamma, CHAIN, REWARDS, (1 - THIRD, THIRD))


def instance(eta: fmpq = ZERO, adaptation: Adaptation = Adaptation.KL_STEP, **changes: object) -> MetaRLInstance:
    """omega = 0, so that the prior is uniform; features 1, 0 and -1, 2; two tasks of unlike weights."""
    tasks = (chain(fmpq(1, 4)), replace(chain(fmpq(3, 4), HALF), start=(ZERO, ONE)))
    features = (((ONE,), (ZERO,)), ((-ONE,), (2 * ONE,)))
    rival = Policies((((HALF, HALF), (ONE, ZERO)), ((ZERO, ONE), (HALF, HALF))))
    found = MetaRLInstance(features, tasks, ONE, eta, adaptation, (ZERO,), rival, ONE)
    return replace(found, **changes)  # type: ignore[arg-type]


def solved(task: Task, policy: tuple[tuple[fmpq, ...], ...]) -> tuple[list[fmpq], list[list[fmpq]]]:
    """V, and the normalised visitations (1 - gamma)(I - gamma P)^{-1}, by Cramer's rule for two states."""
    p = [[sum((pi * row[t] for pi, row in zip(policy[s], task.transitions[s], strict=True)), ZERO) for t in (0, 1)]
         for s in (0, 1)]  # fmt: skip
    (a, b), (c, d) = [[int(s == t) - task.gamma * p[s][t] for t in (0, 1)] for s in (0, 1)]
    share = (1 - task.gamma) / (a * d - b * c)
    visits = [[share * d, -share * b], [-share * c, share * a]]
    mean = [sum((pi * r for pi, r in zip(policy[s], task.rewards[s], strict=True)), ZERO) for s in (0, 1)]
    return [sum((v * r for v, r in zip(row, mean, strict=True)), ZERO) for row in visits], visits


def test_two_states_by_hand() -> None:
    uniform = ((HALF, HALF), (HALF, HALF))
    problem = Problem(instance(), Rationals)
    total = ZERO
    for process, task in zip(problem.processes, problem.instance.tasks, strict=True):
        value, visits = solved(task, uniform)
        at = problem.evaluate(process, problem.prior((ZERO,)))
        assert at.visitation.tolist() == visits
        assert [v + process.offset for v in at.value.entries()] == value
        assert at.frequencies == [
            sum((z * row[t] for z, row in zip(task.start, visits, strict=True)), ZERO) for t in (0, 1)
        ]
        assert sum(at.frequencies, ZERO) == 1
        total += task.weight * sum((z * v for z, v in zip(task.start, value, strict=True)), ZERO)
    assert problem.meta_objective((ZERO,)) == total
    # The KL step adds eta Q to the energies; the shares sum to 1.
    with ctx.workprec(128):
        moved = Problem(instance(HALF), Balls)
        for process, task in zip(moved.processes, moved.instance.tasks, strict=True):
            value, _ = solved(task, uniform)
            policy = moved.adapt(process, (ZERO,))
            for s in (0, 1):
                q = [(1 - task.gamma) * r + task.gamma * sum((p * v for p, v in zip(row, value, strict=True)), ZERO)
                     for r, row in zip(task.rewards[s], task.transitions[s], strict=True)]  # fmt: skip
                assert sum(policy[s], arb(0)).overlaps(arb(1))
                assert (policy[s][0] / policy[s][1]).log().overlaps(arb((q[0] - q[1]) / 2))


def test_softmax_contains_the_exact_shares() -> None:
    with ctx.workprec(64):
        found = Problem(instance(), Balls).softmax([[arb(1) / 3, arb(0)], [arb(0, 1), arb(0)]])
    with ctx.workprec(1000):
        share = 1 / (1 + (-(arb(1) / 3)).exp())
        assert found[0][0].contains(share) and found[0][1].contains(1 - share)
        for t in (-1, 0, 1):
            assert found[1][0].contains(1 / (1 + arb(t).exp()))


@pytest.mark.parametrize("variant", ["kl-step", "gradient", "rational-step"])
def test_every_step_is_compared(variant: str) -> None:
    """S1, S2 and the identity, of two tasks with unlike weights by hand and of drawn instances: never violated."""
    with np.errstate(all="ignore"):
        batch = META_RL.generator("policies").build(RandomSource((2, 5), 3), variant)
    found = [instance(fmpq(1, 8), Adaptation(variant)), *(batch.instance(b) for b in range(3))]
    claims = [META_RL.claim(f"meta-rl-{name}") for name in ("s1", "s2", "identity")]
    decided = 0
    for one in found:
        for judged in judge(one, claims).claims:  # type: ignore[arg-type]
            assert judged.verdict is not Verdict.VIOLATED, judged.claim
            decided += judged.verdict not in (Verdict.OUTSIDE, Verdict.UNDECIDED)
    assert decided >= 9


def test_the_basis_of_features_spans_them() -> None:
    """Three features in four dimensions, of rank 2: orthonormal columns, and every feature is its projection."""
    rows = (((ONE, 2 * ONE, ZERO, ONE), (ONE, ONE, ONE, ZERO)), ((2 * ONE, 3 * ONE, ONE, ONE), (ZERO,) * 4))
    zero = (ZERO,) * 4
    one = instance(features=rows, omega=zero, comparator=zero)
    with ctx.workprec(128):
        basis = Problem(one, Balls).basis
        assert basis is not None and basis.ncols() == 2
        product = (basis.transpose() * basis).tolist()
        assert all(product[i][j].overlaps(arb(int(i == j))) for i in (0, 1) for j in (0, 1))
        table = Balls.matrix([[arb(v) for v in row] for block in rows for row in block])
        back = table * basis * basis.transpose()
        assert all(u.overlaps(v) for u, v in zip(back.entries(), table.entries(), strict=True))


def best(task: Task) -> fmpq:
    """J* over the four deterministic policies."""
    choices = [
        tuple(tuple(fmpq(int(a == c)) for a in (0, 1)) for c in pair) for pair in ((0, 0), (0, 1), (1, 0), (1, 1))
    ]
    returns = [sum((z * v for z, v in zip(task.start, solved(task, c)[0], strict=True)), ZERO) for c in choices]
    return max(returns)


def test_the_cap_holds_whatever_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    one = instance()
    exact = sum((task.weight * best(task) for task in one.tasks), ZERO)
    with ctx.workprec(128):
        assert MetaRLQuantities(one).optimal_return.contains(arb(exact))
        for proposal in ([0, 0], [1, 1], [1, 0]):
            monkeypatch.setattr(quantities, "proposed_policy", lambda task, proposal=proposal: proposal)
            assert MetaRLQuantities(one).optimal_return.contains(arb(exact))


def test_negative_shares_are_refused() -> None:
    """1 + eta Q of -2 and 1 under the uniform policy: shares 2 and -1 sum to 1."""
    task = Task(ONE, ZERO, (((ONE,), (ONE,)),), ((fmpq(3), ZERO),), (ONE,))
    one = MetaRLInstance((((ONE,), (ZERO,)),), (task,), ONE, -ONE, Adaptation.RATIONAL_STEP, (ZERO,), (ZERO,), ONE)
    problem = Problem(one, Rationals)
    with pytest.raises(UndefinedQuantityError, match="negative"):
        problem.adapt(problem.processes[0], (ZERO,))


def drawn(index: int, actions: int, eta: int) -> MetaRLInstance:
    """Three states, two parameters, both signs of eta."""
    rng = np.random.default_rng(index)

    def row(count: int) -> tuple[fmpq, ...]:
        parts = rng.integers(0, 16, count) + np.eye(count, dtype=int)[0]
        return tuple(fmpq(int(p), int(parts.sum())) for p in parts)

    rewards = tuple(tuple(fmpq(int(v), 4) for v in rng.integers(-16, 17, actions)) for _ in range(3))
    task = Task(
        ONE, fmpq(9, 10), tuple(tuple(row(3) for _ in range(actions)) for _ in range(3)), rewards, (ONE, ZERO, ZERO)
    )
    features = tuple(
        tuple(tuple(fmpq(int(v)) for v in rng.integers(-2, 3, 2)) for _ in range(actions)) for _ in range(3)
    )
    return MetaRLInstance(features, (task,), ONE, fmpq(eta), Adaptation.KL_STEP, (ZERO,) * 2, (ZERO,) * 2, ONE)


def test_boxes_of_policies_contain_what_is_inside() -> None:
    """Bounds of boxes against values at their corners and inside, two and three actions, eta < 0 included."""
    rng = np.random.default_rng(3)
    with ctx.workprec(BITS):
        for index in range(9):
            one = drawn(index, 2 + index % 2, (-3, 2, 0)[index % 3])
            search, problem = Boxes(one), Problem(one, Balls)
            for size in (0.01, 0.5, 3.0):
                centre = rng.normal(0, 1, 2)
                (bound,) = search.upper([tuple((float(c - size), float(c + size)) for c in centre)]).tolist()
                for a, b in ((-1, -1), (-1, 1), (1, -1), (1, 1), *rng.uniform(-1, 1, (2, 2))):
                    theta = tuple(
                        fmpq(*map(int, float(v).as_integer_ratio())) for v in centre + size * np.array([a, b]) * 0.999
                    )
                    assert not problem.meta_objective(theta) > bound


def test_poor_values_only_widen_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proposals of 0, or of a number that is too small everywhere: their Bellman residual repairs them."""
    for proposal in (0.0, -7.0):
        monkeypatch.setattr(
            Boxes,
            "_proposed",
            lambda self, low, high, sign, proposal=proposal: np.full((len(low), *self.rewards.shape[:2]), proposal),
        )
        test_boxes_of_policies_contain_what_is_inside()


def test_the_greatest_mean_is_above_every_mean() -> None:
    """Of one action the mean is its gain, thirds of which no ball ends at."""
    gains = MidRad.of([THIRD, fmpq(1, 7)], (2,))
    low, high = MidRad.of([2 * THIRD, THIRD], (2,)), np.array([1.0, 1.0])
    for found, exact in (
        (_greatest_mean(gains, np.zeros(2), high), THIRD),
        (_greatest_mean(gains, low.low, low.high), 2 * THIRD * THIRD + THIRD / 7),
        (_greatest_mean(gains.within(np.array(2.0**-5)), np.zeros(2), high), THIRD + fmpq(1, 32)),
    ):
        assert exact < rational(float(found)) < exact + fmpq(1, 10**12)


def test_shares_of_far_logits_are_bounded() -> None:
    """Two actions whose logits differ by one number, however large: sigma of it, in 200 bits; nothing of nan."""
    for end in (-math.inf, -1e308, -800.0, -1.0, 0.0, 0.3, 1.0, 800.0, 1e308, math.inf, math.nan):
        differences = np.array([[0.0, -end], [end, 0.0]])
        with np.errstate(all="ignore"):
            low, high = _policy_box(*_known(differences, differences))
        assert ((low >= 0) & (high <= 1)).all()
        if math.isnan(end):
            assert (low == 0).all() and (high == 1).all()
            continue
        with ctx.workprec(200):
            shares = [arb(0), arb(1)] if end > 0 else [arb(1), arb(0)]
            if abs(end) < 1e6:
                shares = [1 / (1 + arb(sign * end).exp()) for sign in (1, -1)]
            for share, lo, hi in zip(shares, low.tolist(), high.tolist(), strict=True):
                assert arb(lo) <= share.upper() and share.lower() <= arb(hi)
                assert hi - lo < 1e-12


def test_ranges_over_infinite_boxes_by_hand() -> None:
    """c theta over [lo, hi] for c = 1/3, -1/3, 0; nothing is said where an end is infinite, and 0 is 0."""
    contrasts = MidRad.of([THIRD, -THIRD, ZERO], (1, 1, 3, 1))
    boxes = np.array([[[-1.0, 2.0]], [[-math.inf, 2.0]], [[-1.0, math.inf]]])
    with np.errstate(all="ignore"):
        low, high = _linear(contrasts, boxes)
    low, high = low[:, 0, 0], high[:, 0, 0]
    assert low[1].tolist()[::2] == [-math.inf, 0.0] and high[1, 1] == math.inf and high[1, 2] == 0.0
    assert low[2, 1] == -math.inf and high[2].tolist()[::2] == [math.inf, 0.0]
    for k, (least, greatest) in enumerate(((-THIRD, 2 * THIRD), (-2 * THIRD, THIRD))):
        assert least - fmpq(1, 10**12) < rational(float(low[0, k])) < least
        assert greatest < rational(float(high[0, k])) < greatest + fmpq(1, 10**12)


def test_envelopes_enclose_a_constant() -> None:
    """Every action earns 1/3: so is every value, which lies strictly between the ends."""
    one = Boxes(instance(ONE, tasks=(replace(chain(), rewards=((THIRD, THIRD), (THIRD, THIRD))),)))
    some = np.full((1, 1, 2, 2), 0.25), np.full((1, 1, 2, 2), 0.75)
    for sign in (1, -1):
        ends = one.envelope(*some, sign).ravel().tolist()
        assert all((rational(end) - THIRD) * sign > 0 for end in ends)


def test_a_discount_that_is_1_in_float64_decides_nothing() -> None:
    """gamma = 1 - 2^-60: what is not known is infinite, and never a number."""
    tasks = (replace(chain(), gamma=1 - fmpq(1, 2**60)),)
    far = Boxes(instance(ONE, tasks=tasks)).upper([((-1e300, 1e300),), ((-math.inf, math.inf),)])
    assert (far >= 3).all()
    broken = Boxes(instance(ONE))
    broken.rest = MidRad(np.full((2, 1), math.nan))
    assert (broken.upper([((-1.0, 1.0),)]) == math.inf).all()


def test_the_bracket_of_a_constant_holds_it() -> None:
    """Every action earns 1/3: L is 1/3 everywhere, and no float64 number is that."""
    one = instance(ONE, tasks=(replace(chain(), rewards=((THIRD, THIRD), (THIRD, THIRD))),))
    found = maximise(replace(one, comparator=(ZERO,)))
    assert rational(found.lower) < THIRD < rational(found.upper)
    assert found.upper - found.lower < 1e-12


def test_a_budget_that_is_too_small_is_said() -> None:
    found = maximise(replace(instance(ONE), comparator=(ZERO,)), gap=1e-9, most=3)
    assert found.status != "certified"
    assert found.lower < found.upper


def test_halves_cover_the_box() -> None:
    inf = float("inf")
    for box in (((0.0, 1.0),), ((-inf, inf),), ((-inf, 3.0),), ((2.0, inf),), ((0.0, 1.0), (-4.0, 5.0))):
        first, second = halves(box)
        (axis,) = [j for j in range(len(box)) if first[j] != box[j]]
        assert first[axis][0] == box[axis][0] and first[axis][1] == second[axis][0] and second[axis][1] == box[axis][1]
        assert first[axis][0] < first[axis][1] < second[axis][1]


def test_the_smoothness_bounds_the_curvature() -> None:
    """One state, phi = (1, 0), r = (1, 0): L = sigma(theta + eta), whose second derivative is known."""
    task = Task(ONE, ZERO, (((ONE,), (ONE,)),), ((ONE, ZERO),), (ONE,))
    one = MetaRLInstance((((ONE,), (ZERO,)),), (task,), ONE, ZERO, Adaptation.KL_STEP, (ONE,), (ZERO,), ONE)
    with ctx.workprec(128):
        at = MetaRLQuantities(one)
        share = 1 / (1 + arb(-1).exp())
        bend = share * (1 - share) * (2 * share - 1)
        assert at("curvature_size").overlaps(bend)
        assert at("smoothness") >= bend
        # span^2: with b = 1/2 and no look-ahead, span b^2 = 1/4.
        assert at("smoothness").overlaps(arb(1) / 4)


def test_margins_by_hand() -> None:
    with ctx.workprec(64):
        for adaptation in Adaptation:
            at = MetaRLQuantities(instance(ONE, adaptation))
            assert bool(at("margin_kl_step") > 0) == (adaptation is Adaptation.KL_STEP)
            assert bool(at("margin_rational_step") > 0) == (adaptation is Adaptation.RATIONAL_STEP)
            assert bool(at("margin_policy_step") > 0) == (adaptation is not Adaptation.GRADIENT)
            assert at("margin_single_task") < 0 and at("margin_tabular") < 0 and at("margin_no_lookahead") < 0


def test_coordinates_have_the_inner_products() -> None:
    """Of dependent and independent vectors, exactly: L D L' is the Gram matrix, and the rank is that of the vectors."""
    rng = np.random.default_rng(6)
    for count, rank in ((3, 3), (4, 2), (5, 3)):
        rows = (rng.integers(-4, 5, (count, rank)) @ rng.integers(-4, 5, (rank, 4))).tolist()
        gram = [[fmpq(sum(u * v for u, v in zip(a, b, strict=True)), 3) for b in rows] for a in rows]
        found = coordinates(gram)
        assert len(found.squares) == np.linalg.matrix_rank(np.array(rows))
        back = [
            [sum((u * v * d for u, v, d in zip(a, b, found.squares, strict=True)), ZERO) for b in found.lower]
            for a in found.lower
        ]
        assert back == gram


def one_state(*rewards: fmpq, **changes: object) -> MetaRLInstance:
    """One state without discount, features 0, 1, ..., the rational step by -3 from the uniform policy."""
    count = len(rewards)
    task = Task(ONE, ZERO, (((ONE,),) * count,), (rewards,), (ONE,))
    features = (tuple((fmpq(a),) for a in range(count)),)
    made = MetaRLInstance(features, (task,), ONE, fmpq(-3), Adaptation.RATIONAL_STEP, (ZERO,), (ZERO,), ONE)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_an_exact_twin_with_other_points_is_not_asked() -> None:
    """1 - 3 * 1/3 = 0: the last action has probability 0, which rationals see and balls do not."""
    made = one_state(ZERO, fmpq(1, 7), THIRD)
    with ctx.workprec(128):
        at = MetaRLQuantities(made)
        twin = at._rational_twin
        assert twin is not None and (len(at._points), len(twin._points)) == (3, 2)
        assert at._exact_mixed is None and at._vanishing[6:] == [None] * 3
    assert {one.verdict for one in judge(made).claims} <= {Verdict.UNDECIDED, Verdict.OUTSIDE}


def test_a_policy_may_be_better_where_no_parameter_changes_anything() -> None:
    level, best = one_state(ZERO, HALF, features=(((ZERO,), (ZERO,)),), eta=-ONE), Policies((((ZERO, ONE),),))
    with ctx.workprec(128):
        assert MetaRLQuantities(replace(level, comparator=best))("margin_better_comparator") > 0
        assert MetaRLQuantities(replace(level, comparator=(ONE,)))("margin_better_comparator") == 0
        assert MetaRLQuantities(one_state(ONE, ONE, comparator=best))("margin_better_comparator") == 0


def test_float_visits_are_never_negative_and_weightless_tasks_take_no_part() -> None:
    """State 1 leads nowhere back; the second task has weight 0 and a policy that leaves a state out."""
    batch = META_RL.generator("arbitrary").build(RandomSource((10, 9), 3), "rational-step")
    floats = BatchQuantities(batch)
    assert (floats.prior.visitation >= 0).all()
    assert not floats.prior.visitation[~floats.onward].any()
    assert not floats.reachable[batch.weights == 0].any()


def test_what_bits_at_hand_separate_is_proved_wherever_an_instance_begins() -> None:
    """A step of 200 leaves the worse action e^-200: 1 - pi < 1 by less than EQUAL resolves at 256 bits."""
    task = Task(ONE, ZERO, (((ONE,), (ONE,)),), ((ONE, ZERO),), (ONE,))
    greedy = MetaRLInstance((((ONE,), (ZERO,)),), (task,), ONE, fmpq(200), Adaptation.KL_STEP, (ZERO,), (ZERO,), ONE)
    claim = META_RL.claim("meta-rl-t3b")
    assert claim is not None

    def judged(first: int, *known: int) -> Verdict:
        evaluator = META_RL.evaluator(greedy)
        evaluator.begin_at(first)
        for bits in known:
            with ctx.workprec(bits):
                evaluator.balls(bits)
        return judge_claim(claim, evaluator).verdict

    assert [judged(first) for first in (128, 256, 512)] == [Verdict.EQUAL, Verdict.EQUAL, Verdict.PROVED]
    assert [judged(first, 512) for first in (128, 256, 512)] == [Verdict.PROVED] * 3
    assert [judged(first, 256) for first in (128, 256)] == [Verdict.EQUAL] * 2
