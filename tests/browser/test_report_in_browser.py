"""The report as a reader meets it: headless Chromium, desk and phone, light and dark, on paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from metagap.theory.paper import URL as PAPER
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select


def window(browser: webdriver.Chrome, width: int, height: int = 900) -> None:
    """A window of that width; below 500 a phone's."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def scheme(browser: webdriver.Chrome, name: str) -> None:
    """The reader's preference: light or dark."""
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]}
    )


@pytest.mark.parametrize("width", [1440, 800, 375])
def test_every_page_fits_its_window(browser: webdriver.Chrome, page: Path, pages: list[Path], width: int) -> None:
    window(browser, width)
    for each in (page, *pages):
        browser.get(each.as_uri())
        needed, given = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert given == width
        assert needed <= given, each.name


def test_nothing_is_logged_or_fetched(browser: webdriver.Chrome, page: Path, pages: list[Path]) -> None:
    for each in (page, *pages):
        browser.get(each.as_uri())
        assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
        fetched = browser.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
        assert [name for name in fetched if not name.startswith("data:")] == []


def test_the_first_page_is_small_and_its_links_lead_to_files(browser: webdriver.Chrome, pages: list[Path]) -> None:
    browser.get(pages[0].as_uri())
    assert browser.execute_script("return document.querySelectorAll('*').length") <= 10_000
    links = browser.execute_script("return [...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    assert {each.name for each in pages} <= {link.split("#")[0] for link in links}


LINKS = "return [...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"
TARGETS = "return [...document.querySelectorAll('[id]')].map(e => e.id)"


def test_every_link_leads_somewhere(browser: webdriver.Chrome, page: Path, pages: list[Path]) -> None:
    """To a place on a page, to a file of the report, or to the paper, which is the one thing outside."""
    found = {}
    for each in (page, *pages):
        browser.get(each.as_uri())
        found[each.name] = browser.execute_script(LINKS), set(browser.execute_script(TARGETS))
    kinds = set()
    for name, (links, _) in found.items():
        assert len(links) >= 10
        for link in links:
            file, _, target = link.partition("#")
            if link == PAPER:
                kinds.add("paper")
            elif file.endswith(".json"):
                kinds.add("file")
                assert (page.parent / file).is_file(), (name, link)
            else:
                kinds.add(file or "own")
                assert not target or target in found[file or name][1], (name, link)
    assert kinds == {"paper", "file", "own", *(each.name for each in pages)}


def test_every_claim_has_an_address_and_leads_to_its_line(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    for claim in ("meta-sl-lifted", "network-lifted"):
        fold = browser.find_element(By.ID, claim)
        hrefs = [a.get_attribute("href") for a in fold.find_elements(By.CSS_SELECTOR, "dl a")]
        place = next(href.split("#")[1] for href in hrefs if "#theory-" in (href or ""))
        assert f"{page.as_uri()}#{claim}" in hrefs
        browser.get(f"{page.as_uri()}#{place}")
        line = browser.find_element(By.ID, place)
        assert line.is_displayed() and "claim" in line.text


def test_the_first_page_is_light(browser: webdriver.Chrome, pages: list[Path]) -> None:
    """One file of less than 300 kB, painted within two seconds."""
    browser.get(pages[0].as_uri())
    assert pages[0].stat().st_size < 300_000
    painted = """const done = arguments[0];
    new PerformanceObserver(all => done(all.getEntriesByName('first-contentful-paint')[0].startTime))
        .observe({type: 'paint', buffered: true})"""
    assert 0 < browser.execute_async_script(painted) < 2000


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


ROWS = """return [...document.querySelectorAll('#overview tbody tr[data-filter]')]
    .filter(r => r.getClientRects().length).map(r => [r.dataset.family, r.dataset.source, r.dataset.status])"""


def choose(browser: webdriver.Chrome, **values: str) -> list[list[str]]:
    """The rows of the overview that are left when the filters say this."""
    for name in ("family", "source", "status"):
        Select(browser.find_element(By.ID, f"filter-{name}")).select_by_value(values.get(name, ""))
    return list(browser.execute_script(ROWS))


def test_the_filters_hide_and_show(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    everything = browser.execute_script(ROWS)
    field = browser.find_element(By.ID, "filter")
    field.send_keys("over-param")
    assert 1 <= len(browser.execute_script(ROWS)) < len(everything)
    field.clear()
    field.send_keys(" ")
    field.send_keys("\b")
    assert browser.execute_script(ROWS) == everything
    rl = choose(browser, family="meta-rl")
    assert rl == [row for row in everything if row[0] == "meta-rl"] != []
    count = browser.find_element(By.ID, "filter-count")
    assert count.text == f"{len(rl)} of {len(everything)} claims"
    headings = browser.execute_script(
        "return [...document.querySelectorAll('[data-heading]')].filter(h => !h.hidden).map(h => h.dataset.heading)"
    )
    assert set(headings) == {"meta-rl"}
    sections = "return [...document.querySelectorAll('details[data-family]')].filter(s => !s.hidden).length"
    assert browser.execute_script(sections) == len(rl)
    matrix = "return [...document.querySelectorAll('.matrix tbody tr')].filter(r => !r.hidden).length"
    assert 1 < browser.execute_script(matrix) <= len(rl)
    status = everything[0][2]
    both = choose(browser, source="paper", status=status)
    assert both == [row for row in everything if row[1:] == ["paper", status]]
    assert choose(browser) == everything
    assert count.text == ""


def test_the_page_is_complete_without_scripts(browser: webdriver.Chrome, page: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page.as_uri())
        assert not browser.find_element(By.ID, "filters").is_displayed()
        shown = browser.find_elements(By.CSS_SELECTOR, "#overview tbody tr[data-filter]")
        assert len(shown) > 50
        assert shown[-1].is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize(("query", "width"), [("", 688), ("?all", 1030)])
def test_print_cuts_nothing_and_opens_nothing_unasked(
    browser: webdriver.Chrome, page: Path, query: str, width: int
) -> None:
    """A4 less margins is 688 px wide, in landscape 1030; a table that is wider than its box would be cut."""
    browser.get(page.as_uri() + query)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        shut = browser.execute_script("return document.querySelectorAll('main details:not([open])').length")
        assert shut == 0 if query else shut > 100
        assert not any(e.is_displayed() for e in browser.find_elements(By.CSS_SELECTOR, ".hashes"))
        cut = browser.execute_script(
            """return [...document.querySelectorAll('main *')]
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.unseen'))
            .map(e => e.tagName + ' ' + e.textContent.slice(0, 40))"""
        )
        assert cut == []
        assert not browser.find_element(By.TAG_NAME, "nav").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_links_and_buttons_open_what_is_folded(browser: webdriver.Chrome, page: Path) -> None:
    shut = "return document.querySelectorAll('main details:not([open])').length"
    browser.get(page.as_uri())
    folded = browser.execute_script(shut)
    assert folded > 100
    browser.find_element(By.ID, "unfold").click()
    assert browser.execute_script(shut) == 0
    browser.find_element(By.ID, "fold").click()
    assert browser.execute_script(shut) == browser.execute_script(
        "return document.querySelectorAll('main details').length"
    )
    for selector in ("#overview tbody th a", ".matrix td a", ".result a[href^='#mutant-']"):
        link = browser.find_element(By.CSS_SELECTOR, selector)
        target = browser.find_element(By.ID, (link.get_attribute("href") or "").split("#")[1])
        assert not target.is_displayed() or target.get_attribute("open") is None
        browser.execute_script("arguments[0].click()", link)
        browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        top = browser.execute_script("return arguments[0].getBoundingClientRect().top", target)
        assert target.is_displayed() and -5 <= top <= 400


def test_printing_to_pdf_works(page: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.pdf"
    command = [shutil.which("chromium") or "", "--headless=new", "--no-sandbox", "--disable-gpu"]
    subprocess.run([*command, f"--print-to-pdf={out}", page.as_uri()], check=True, timeout=240, capture_output=True)
    printed = out.read_bytes()
    assert printed.startswith(b"%PDF-")
    assert 8 <= len(re.findall(rb"/Type /Page\b", printed)) <= 15


EDGES = """return [...document.querySelectorAll('.scroll')].filter(b => b.checkVisibility())
    .map(b => [b.scrollWidth > b.clientWidth + 2, b.classList.contains('more')])"""


def test_the_claims_fit_a_desk_and_what_is_wider_says_so(browser: webdriver.Chrome, page: Path) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get(page.as_uri())
    pause = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
    browser.execute_async_script(pause)
    fits = "const b = document.querySelector('#overview').parentElement; return b.scrollWidth <= b.clientWidth"
    assert browser.execute_script(fits)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 375, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    )
    browser.execute_async_script(pause)
    assert browser.execute_script(fits)
    edges = browser.execute_script(EDGES)
    assert sum(wide for wide, _ in edges) > 3
    assert all(wide == shown for wide, shown in edges)
    box = browser.find_element(By.CSS_SELECTOR, ".scroll.more")
    browser.execute_script("arguments[0].scrollLeft = 1e5", box)
    browser.execute_async_script(pause)
    assert "more" not in (box.get_attribute("class") or "").split()


def test_the_matrix_scrolls_under_its_headings_and_its_cells_lead_to_their_details(
    browser: webdriver.Chrome, page: Path
) -> None:
    browser.set_window_size(1280, 900)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 375, "height": 600, "deviceScaleFactor": 1, "mobile": True}
    )
    browser.get(page.as_uri())
    region = browser.find_element(By.CSS_SELECTOR, ".tall")
    assert region.get_attribute("role") == "group" and region.get_attribute("tabindex") == "0"
    assert region.accessible_name.startswith("Assumption matrix: ")
    shift = browser.execute_script(
        """const box = arguments[0], body = box.querySelector('tbody tr:nth-child(3) th'),
            head = box.querySelector('thead th:nth-child(3)');
        box.scrollIntoView(); box.scrollTop = 150; box.scrollLeft = 200;
        const at = e => e.getBoundingClientRect(), edge = at(box);
        return [box.scrollTop, box.scrollLeft, at(head).top - edge.top, at(body).left - edge.left]""",
        region,
    )
    assert shift[0] == 150 and shift[1] == 200
    assert -2 <= shift[2] <= 2 and -2 <= shift[3] <= 2
    cells = browser.find_elements(By.CSS_SELECTOR, ".matrix td a")
    assert len(cells) > 30
    for link in cells[:3]:
        assert link.accessible_name in ("needed", "not needed", "not assumed", "vacuous", "open")
        target = browser.find_element(By.ID, (link.get_attribute("href") or "").split("#")[1])
        assert link.accessible_name in (target.get_attribute("textContent") or "")
