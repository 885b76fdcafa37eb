"""Tiers: `pytest` runs the small one, `pytest --profile ci` all tests, `--profile deep` all and further.

`@pytest.mark.ci` (or `pytestmark` for a file) keeps a test out of the small tier; `@pytest.mark.ci(every=7)` leaves
every seventh of its cases there. What needs cvxpy or scikit-learn imports it in the test: collecting does
not. Files about PyTorch models import torch.
"""

from __future__ import annotations

import gc
import math
import shutil
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from metagap.impl.families import FAMILIES
from metagap.reports import audit as audits
from metagap.reports import processes, proving
from metagap.reports.cli import shared
from metagap.reports.formats.auditing import AuditRecord
from metagap.reports.formats.verifying import VerifyRecord
from metagap.reports.jobs import PROFILES, Job, LandscapeJob, run_job
from metagap.reports.records import dumps, hashes, save_files
from metagap.reports.sharpness import sharpness
from metagap.reports.verify import Run
from metagap.reports.witnesses import put_checker
from metagap.theory.meta_sl import CLAIMS, HEADLINE
from threadpoolctl import threadpool_limits

# Workers share the cores, and matrices are small: more threads only wait for each other.
THREADS = threadpool_limits(1)

# On a machine with much to do a refusal takes longer than the first line of progress, and has a line of its own.
shared.QUIET = 600.0

EXAMPLES = {"quick": 8, "ci": 48, "deep": 5000}

for name, examples in EXAMPLES.items():
    settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        print_blob=True,
        # Building an instance takes many draws; what it costs is measured by `metagap bench`.
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--profile", choices=list(EXAMPLES), default="quick", help="how far to look: quick, ci or deep")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile(config.getoption("--profile"))


def pytest_report_header() -> str | None:
    """Without Coq, that its proofs are not checked here."""
    date = proving.kept().date
    return (
        None if shutil.which("coqc") else f"general proofs: not checked, coqc is not installed (last checked on {date})"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of the small tier what is marked `ci`."""
    if config.getoption("--profile") != "quick":
        return
    seen: Counter[str] = Counter()
    chosen, left = [], []
    for item in items:
        test = item.nodeid.split("[")[0]
        marks = item.iter_markers("ci")
        sampled = all("every" in mark.kwargs and seen[test] % mark.kwargs["every"] == 0 for mark in marks)
        seen[test] += 1
        (chosen if sampled else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = chosen
    if hasattr(config, "workerinput"):  # of several workers: see the scheduler
        tests = Counter(room_of(item.nodeid) for item in chosen)
        items.sort(key=lambda item: (tests[room_of(item.nodeid)], room_of(item.nodeid)))


TOGETHER = {"test_layers.py": "the source", "test_separation.py": "the source", "test_source.py": "the source"}
"""Files of tests that share what is long to make: one worker has them all."""


def room_of(nodeid: str) -> str:
    """What one worker does of the small tier: a file, or several."""
    file = nodeid.split("::")[0].rpartition("/")[2]
    return TOGETHER.get(file, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """In the small tier a file's tests are one worker's, so that what they keep is made once; those of few tests, which
    are the long ones, begin."""
    if config.getoption("--profile") != "quick" or config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Rooms(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return room_of(nodeid)

    config.option.loadscopereorder = False
    return Rooms(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests live to the end: what looks for garbage need not look at them, now or again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def effort(request: pytest.FixtureRequest) -> int:
    """1 in the quick and ci profiles, 20 in deep: multiplies counts that are not Hypothesis's."""
    return {"quick": 1, "ci": 1, "deep": 20}[request.config.getoption("--profile")]


@pytest.fixture
def count(effort: int) -> int:
    """Samples of one operation."""
    return {1: 1500, 20: 1_000_000}[effort]


@pytest.fixture(scope="session")
def small_run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, VerifyRecord, AuditRecord]:
    """(folder, verify record, audit record) of a small run, with its files: to be read, or copied and altered."""
    folder = tmp_path_factory.mktemp("run")
    claims = (*CLAIMS, HEADLINE)
    run = Run(PROFILES["quick"], 0, claims, "metagap verify --profile quick --seed 0")
    for job in (
        Job("meta-sl", "tangent", "log-cosh", 0, 0, 8),
        Job("meta-sl", "arbitrary", "squared", 0, 0, 8),
        LandscapeJob("meta-sl", "log-cosh", 0, 0),
        LandscapeJob("meta-sl", "pseudo-huber", 0, 0),
    ):
        run._take(job, run_job(job, tuple(c.name for c in claims)), lambda name, count: None)
    verify = run.record()
    # What was kept is judged again: a search would take ten times as long, and its record looks the same.
    kept = audits.kept_family("meta-sl", folder, 0)
    work = 0 if request.config.getoption("--profile") == "quick" else 128
    constants = sharpness(FAMILIES["meta-sl"], folder, 0, work, {}, lambda message: None)
    audit = audits.record_of([kept, constants], 0, 0.0, "complete", run.started, "metagap audit")
    put_checker(folder)
    save_files(run.kept, folder)
    for name, record in (("verify", verify), ("audit", audit)):
        record.files = hashes(record, folder)
        (folder / f"{name}.json").write_text(dumps(record))
    return folder, verify, audit


@pytest.fixture
def short_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """An audit that searches less: mutants are killed at once, the rest is tested where it lives."""
    monkeypatch.setitem(audits.EFFORTS, "quick", audits.Effort(8, 20, 0, 128))


@pytest.fixture
def cut_short(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType, int], None]:
    """cut_short(module, answers): for the module's work apart, time is out once so many answers were told and the next
    stage has begun.

    Any limit in seconds would be too much for one machine and too little for another.
    """

    def cut(module: ModuleType, answers: int) -> None:
        apart = module.apart

        def ended(work: Any, arguments: Any, show: Any, end: float = math.inf) -> Any:
            left, out = answers, False

            def hear(told: Any) -> None:
                nonlocal left, out
                left -= not isinstance(told, str)
                out = out or (left <= 0 and isinstance(told, str))
                show(told)

            clock = SimpleNamespace(monotonic=lambda: math.inf if out else time.monotonic())
            monkeypatch.setattr(processes, "time", clock)
            return apart(work, arguments, hear, end)

        monkeypatch.setattr(module, "apart", ended)

    return cut
