"""`metagap.assert_proved` and its strategies: what passes, what fails and how it is told."""

from __future__ import annotations

from dataclasses import replace

import metagap
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from metagap.impl.families import FAMILIES, META_SL, loads
from metagap.impl.instances import Instance
from metagap.reports.asserting import NotProvedError
from metagap.theory.claim import Expression

from .test_readme import INSTANCES

LIFTED = next(claim for claim in META_SL.claims if claim.name == "meta-sl-lifted")


@given(metagap.strategies.instances("meta-sl", tasks=1, points=2, dimension=1, loss=["squared", "logistic"]))
def test_sizes_and_losses_are_those_asked_for(instance: Instance) -> None:
    assert instance.numbers and len(instance.tasks) == 1 and len(instance.features) <= 2
    assert instance.dimension == 1 and instance.loss.name in ("squared", "logistic")
    metagap.assert_proved("meta-sl-lifted", instance)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_strategy(family: str) -> None:
    if FAMILIES[family].needs:
        pytest.importorskip(FAMILIES[family].needs)
    quiet = settings(max_examples=1, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    assert find(metagap.strategies.instances(family), lambda instance: True, settings=quiet).family == family


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"family": "meta-s"}, "family='meta-s': one of .*did you mean meta-sl"),
        ({"generator": "tangents"}, "generator='tangents': .*did you mean tangent"),
        ({"loss": "log-cos"}, "loss='log-cos': .*did you mean log-cosh"),
        ({"task": 2}, "size='task': .*did you mean tasks"),
        ({"states": 2}, "size='states': one of tasks, points, labels, dimension is required"),
        ({"family": "meta-rl", "points": 2}, "size='points': one of tasks, states, actions, dim"),
        ({"tasks": 0}, "tasks=0: an integer of at least 1"),
        ({"tasks": True}, "tasks=True: an integer of at least 1"),
    ],
)
def test_what_is_not_known_is_said(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        metagap.strategies.instances(**arguments)  # type: ignore[arg-type]


def test_a_failure_holds_the_instance_and_both_sides() -> None:
    instance = loads(INSTANCES[0])
    metagap.assert_proved("meta-sl-lifted", instance)
    metagap.assert_proved("meta-sl-identity", instance)
    wrong = replace(LIFTED, name="wrong", bound=Expression("gap/2"))
    with pytest.raises(NotProvedError) as failed:
        metagap.assert_proved(wrong, instance)
    said = str(failed.value)
    assert said.startswith("wrong is VIOLATED on this instance: gap <= gap/2\n")
    assert "left  in [" in said and "omega: " in said and "task 1: " in said
    assert loads(failed.value.document).sha256 == instance.sha256
    assert "metagap.load(" in failed.value.replay
    with pytest.raises(ValueError, match=r"claim='meta-sl-lifte': .*did you mean meta-sl-lifted"):
        metagap.assert_proved("meta-sl-lifte", instance)
