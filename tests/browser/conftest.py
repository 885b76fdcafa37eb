"""Browser tests run where chromium and chromedriver are: set METAGAP_BROWSER=1 (CI does).

METAGAP_REPORT names the first page of a report; without it a small one is made. `page` is all pages in one file,
`pages` are the files that are linked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from metagap.reports.cli import app
from metagap.reports.pages import PAGES
from metagap.reports.render import write_report
from typer.testing import CliRunner

if TYPE_CHECKING:
    from selenium import webdriver

collect_ignore_glob = [] if os.environ.get("METAGAP_BROWSER") else ["test_*.py"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("METAGAP_REPORT")
    if given:
        return Path(given).resolve().parent
    folder = tmp_path_factory.mktemp("report")
    runner = CliRunner()
    runner.invoke(app, ["verify", "--no-real", "--max-time", "8", "--out", str(folder)])
    runner.invoke(app, ["audit", "--out", str(folder)])
    return folder


@pytest.fixture(scope="session")
def page(folder: Path) -> Path:
    return write_report(folder, single=True)


@pytest.fixture(scope="session")
def pages(folder: Path) -> list[Path]:
    return [folder / f"{each.name}.html" for each in PAGES]


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_script_timeout(110)
    yield driver
    driver.quit()
