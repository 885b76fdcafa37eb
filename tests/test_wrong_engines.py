"""Wrong engines are noticed: every planted fault makes the guard that it names fail, which passes without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from .wrong_engines import ROOMS
from .wrong_engines.planting import Fault, Guard, noticed, planted, suite


@cache
def passes(guard: Guard) -> str | None:
    return noticed(guard)


def first(room: Iterable[Fault]) -> Fault | None:
    """What the small tier has of a room of faults: the first whose guard is not marked `ci`. None if all are."""
    return next((fault for fault in room if not fault.guard.marked), None)


def cases(room: Iterable[Fault]) -> list[Any]:
    small = first(room)
    return [pytest.param(one, id=one.name, marks=() if one is small else pytest.mark.ci) for one in room]


@pytest.mark.parametrize("fault", [case for room in ROOMS for case in cases(room)])
def test_a_wrong_engine_is_noticed(fault: Fault) -> None:
    assert passes(fault.guard) is None, f"{fault.guard.name} fails without a fault"
    with planted(fault):
        assert noticed(fault.guard) is not None, f"{fault.guard.name} does not notice: {fault.kind}"


def test_faults_have_names_of_their_own() -> None:
    names = [fault.name for room in ROOMS for fault in room]
    assert len(set(names)) == len(names)


def test_the_small_tier_has_a_fault_of_every_room_and_others_do_not_change_which() -> None:
    marked = ("site:test_a_tutorial_says_what_is_so", "executing:test_a_dead_worker_takes_only_what_was_in_hand")
    for room in ROOMS:
        others = [replace(room[0], guard=suite(f"test_{test}")) for test in marked]
        small = first([*others, *room, room[0]])
        assert small is not None and small is first(room), room[0].name
    assert first(others) is None
