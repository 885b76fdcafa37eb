"""Real decision processes: gymnasium's tables, exact, repeatable, trained, and proved."""

from __future__ import annotations

import pytest
from flint import ctx, fmpq
from metagap.impl import files
from metagap.impl.arithmetic import Balls, to_float
from metagap.impl.families import judge, loads
from metagap.impl.policies.headline import BOX, POLICIES
from metagap.impl.policies.instance import Policies
from metagap.impl.policies.problem import Problem
from metagap.impl.real_tasks.policies import REAL_TASKS, cliff_walking, frozen_lake, taxi
from metagap.theory.claim import Verdict

pytestmark = pytest.mark.ci


@pytest.mark.parametrize("family", REAL_TASKS.values(), ids=lambda f: f.name)
def test_every_bound_is_proved_on_real_tasks(family: object) -> None:
    built = family.build()  # type: ignore[attr-defined]
    assert len(built) >= 8
    assert len({name for name, _ in built}) == len(built)
    for _, instance in built:
        assert sum((t.weight for t in instance.tasks), start=fmpq(0)) == 1
        assert all(sum(row, start=fmpq(0)) == 1 for t in instance.tasks for rows in t.transitions for row in rows)
        assert loads(files.dumps(instance)).sha256 == instance.sha256
    for name, instance in built[:4:2] + built[4::3]:
        judgement = judge(instance)
        for judged in judgement.claims:
            assert judged.verdict in (Verdict.PROVED, Verdict.EQUAL, Verdict.OUTSIDE), (name, judged)
        assert judgement["meta-rl-lifted"].verdict is Verdict.PROVED


def test_a_family_is_repeatable() -> None:
    assert [i.sha256 for _, i in frozen_lake()] == [i.sha256 for _, i in frozen_lake()]


def test_the_lake_is_gymnasium_s() -> None:
    """From the start, with success 1/3, 'down' slips left (stays), goes down, or slips right."""
    _, instance = frozen_lake()[0]
    third = fmpq(1, 3)
    down = instance.tasks[0].transitions[0][1]
    assert [s for s, p in enumerate(down) if p != 0] == [0, 1, 4]
    assert {p for p in down if p != 0} == {third}
    rewards = [r for row in instance.tasks[2].rewards for r in row if r != 0]
    assert fmpq(9, 10) in rewards and max(rewards) == fmpq(9, 10)


def test_dropping_off_ends_a_taxi_ride_at_its_goal_only() -> None:
    _, instance = taxi()[0]
    end = len(instance.features) - 1
    for task in instance.tasks:
        ends = [s for s in range(end) if task.transitions[s][4][end] == 1]
        assert len(ends) == 1
        assert task.rewards[ends[0]][4] == 1


def test_training_goes_up() -> None:
    for name, instance in frozen_lake():
        if "untrained, against the trained point" in name:
            gap = judge(instance)["meta-rl-lifted"].gap
            assert gap is not None and gap.lo > 0


def test_the_supremum_is_certified_on_the_lake_with_one_parameter() -> None:
    """All four moves, the whole line: nothing beats the bracket, and the headline is proved at every omega."""
    narrow = [(name, instance) for name, instance in frozen_lake() if instance.shape[2] == 1]
    assert len(narrow) == 4
    for name, instance in narrow:
        found = POLICIES.certified(instance, name)
        assert found is not None
        optimum, box, finding = found.bracket, found.ball, found.finding
        assert optimum.status == "certified"
        assert instance.shape[1] == 4 and box is None
        assert finding.judged.verdict is Verdict.PROVED
        assert finding.judged.gap is not None and finding.judged.gap.hi >= 0
        if name.endswith("untrained, against the trained point"):
            assert finding.spurious
            assert finding.judged.ratio is not None and finding.judged.ratio > 0.1
    with ctx.workprec(64):
        problem = Problem(instance, Balls)
        for theta in (-100, -5, 0, 2, 5, 8, 9, 10, 20, 100):
            assert not problem.meta_objective((fmpq(theta),)) > optimum.upper


def test_one_box_holds_every_point_of_a_problem() -> None:
    """Else a point outside the box of another beats the optimum that the page says that one is near to."""
    cases = [instance for _, instance in cliff_walking() if instance.shape[2] == 2]
    points = [p for i in cases for p in (i.omega, i.comparator) if not isinstance(p, Policies)]
    assert max(abs(to_float(v)) for p in points for v in p) > BOX
    found = [POLICIES.certified(instance, "", cases) for instance in cases]
    assert len({one.ball for one in found if one is not None}) == 1
    for one in found:
        assert one is not None
        optimum, box = one.bracket, one.ball
        assert box is not None and all(abs(to_float(v)) <= box for p in points for v in p)
        with ctx.workprec(64):
            for point in points:
                assert not Problem(cases[0], Balls).meta_objective(point) > optimum.upper


def test_where_the_search_does_not_reach_nothing_is_certified() -> None:
    assert all(POLICIES.certified(i, name) is None for name, i in frozen_lake() if i.shape[2] == 4)
