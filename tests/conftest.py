"""Profiles: `pytest` is quick, `pytest --profile ci` and `--profile deep` look further."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

EXAMPLES = {"quick": 60, "ci": 400, "deep": 5000}

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


@pytest.fixture(scope="session")
def effort(request: pytest.FixtureRequest) -> int:
    """1 in the quick profile, 4 in ci, 20 in deep: multiplies counts that are not Hypothesis's."""
    return {"quick": 1, "ci": 4, "deep": 20}[request.config.getoption("--profile")]
