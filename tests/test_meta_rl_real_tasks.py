"""Real decision processes: gymnasium's tables, exact, repeatable, trained, and proved."""

from __future__ import annotations

import pytest
from flint import fmpq
from metagap.impl import files
from metagap.impl.judge import judge
from metagap.impl.meta_rl.real_tasks import REAL_TASKS, frozen_lake, taxi
from metagap.theory.claim import Verdict


@pytest.mark.parametrize("family", REAL_TASKS.values(), ids=lambda f: f.name)
def test_every_bound_is_proved_on_real_tasks(family: object) -> None:
    built = family.build()  # type: ignore[attr-defined]
    assert len(built) >= 8
    assert len({name for name, _ in built}) == len(built)
    for _, instance in built:
        assert sum((t.weight for t in instance.tasks), start=fmpq(0)) == 1
        assert all(sum(row, start=fmpq(0)) == 1 for t in instance.tasks for rows in t.transitions for row in rows)
        assert files.loads(files.dumps(instance)).sha256 == instance.sha256
    for name, instance in built[:4:2] + built[4::3]:
        judgement = judge(instance)
        for judged in judgement.claims:
            assert judged.verdict in (Verdict.PROVED, Verdict.HOLDS, Verdict.OUTSIDE), (name, judged)
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
