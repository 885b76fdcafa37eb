"""Wrong engines are noticed: every planted fault makes the guard that it names fail, which passes without it."""

from __future__ import annotations

from functools import cache

import pytest

from .wrong_engines import CATALOGUE
from .wrong_engines.planting import Fault, Guard, noticed, planted


@cache
def passes(guard: Guard) -> str | None:
    return noticed(guard)


@pytest.mark.ci(every=30)
@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.name)
def test_a_wrong_engine_is_noticed(fault: Fault) -> None:
    assert passes(fault.guard) is None, f"{fault.guard.name} fails without a fault"
    with planted(fault):
        assert noticed(fault.guard) is not None, f"{fault.guard.name} does not notice: {fault.kind}"


def test_faults_have_names_of_their_own() -> None:
    names = [fault.name for fault in CATALOGUE]
    assert len(set(names)) == len(names)
