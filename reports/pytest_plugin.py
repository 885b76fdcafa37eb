"""The pytest plugin: where `metagap.assert_proved` fails, the smallest witness becomes a file, with what replays it.

pytest loads this module in every project where metagap is installed: it imports nothing of metagap.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .asserting import NotProvedError


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Before a failure is told, its witness is written and named in a note."""
    asserting = sys.modules.get("metagap.reports.asserting")
    if asserting is not None and call.excinfo is not None:
        for place, error in enumerate(_found(call.excinfo.value, asserting.NotProvedError)):
            file = _folder(item.config) / f"{re.sub('[^A-Za-z0-9]+', '-', item.nodeid).strip('-')[-120:]}-{place}.json"
            file.write_text(error.document, encoding="utf-8")
            shown = os.path.relpath(file, item.config.invocation_params.dir)
            error.add_note(f"witness: {shown}\nreplay:  {error.replay.format(file=shown)}")
    yield


def _found(error: BaseException | None, kind: type[NotProvedError]) -> Iterator[NotProvedError]:
    """The errors of that kind: Hypothesis groups them where it has several."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _found(inner, kind)
    elif isinstance(error, kind):
        yield error


def _folder(config: pytest.Config) -> Path:
    """pytest's cache; without one, a folder of its own below the project's."""
    cache = getattr(config, "cache", None)
    if cache is not None:
        return Path(cache.mkdir("metagap"))
    folder = config.rootpath / "build" / "witnesses"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
