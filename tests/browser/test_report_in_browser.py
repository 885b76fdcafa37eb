"""The report as a reader meets it: headless Chromium, desktop and phone width.

METAGAP_REPORT names the page; without it a small one is made.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from metagap.reports.cli import app
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("METAGAP_REPORT")
    if given:
        return Path(given).resolve()
    folder = tmp_path_factory.mktemp("report")
    runner = CliRunner()
    runner.invoke(app, ["verify", "--no-real", "--max-time", "8", "--out", str(folder)])
    runner.invoke(app, ["audit", "--out", str(folder)])
    return folder / "index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.mark.parametrize("width", [1280, 800, 380])
def test_the_page_fits_its_window(browser: webdriver.Chrome, page: Path, width: int) -> None:
    browser.set_window_size(max(width, 500), 900)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    browser.get(page.as_uri())
    needed, given = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert given == width
    assert needed <= given


def test_nothing_is_logged_or_fetched(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert [name for name in fetched if not name.startswith("data:")] == []


def test_every_link_leads_somewhere(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    anchors = [a.get_attribute("href") for a in browser.find_elements(By.CSS_SELECTOR, "a[href*='#']")]
    assert len(anchors) > 30
    for target in {href.split("#")[1] for href in anchors}:
        assert browser.execute_script("return document.getElementById(arguments[0]) !== null", target), target


def test_statements_are_typeset(browser: webdriver.Chrome, page: Path) -> None:
    browser.set_window_size(1280, 900)
    browser.get(page.as_uri())
    widths = browser.execute_script(
        "return [...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().width)"
    )
    assert len(widths) > 60
    assert min(widths) > 2
    assert browser.execute_script("return document.querySelectorAll('merror').length") == 0
    assert "\\" not in browser.execute_script(
        "return [...document.querySelectorAll('math')].map(m => m.textContent).join('')"
    )


def test_the_filter_hides_and_shows(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    count = "return [...document.querySelectorAll('#overview tbody tr')].filter(r => !r.hidden).length"
    everything = browser.execute_script(count)
    field = browser.find_element(By.ID, "filter")
    field.send_keys("over-param")
    assert 1 <= browser.execute_script(count) < everything
    field.clear()
    field.send_keys(" ")
    field.send_keys("\b")
    assert browser.execute_script(count) == everything


def test_headings_descend_without_gaps_and_tables_have_captions(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    levels = browser.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert browser.execute_script("return document.querySelectorAll('table:not(:has(caption))').length") == 0
    assert browser.execute_script("return document.querySelectorAll('svg:not([role=img])').length") == 0
