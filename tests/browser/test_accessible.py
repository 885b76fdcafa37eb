"""The report for every reader: nothing that axe finds, all by keyboard, names, headings, contrasts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from axe_core_python.selenium import Axe
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from .test_report_in_browser import scheme, window

FEW = """const seen = new Map();
for (const e of document.querySelectorAll('main tr, main tbody, main details, main li')) {
  const counts = seen.get(e.parentElement) ?? {};
  seen.set(e.parentElement, counts);
  counts[e.tagName] = (counts[e.tagName] ?? 0) + 1;
  if (counts[e.tagName] > 4) e.remove();
}"""
"""What is repeated is alike: four of each are examined, not thousands."""


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 375])
def test_axe_finds_nothing(browser: webdriver.Chrome, pages: list[Path], width: int, name: str) -> None:
    window(browser, width)
    scheme(browser, name)
    try:
        for each in pages:
            browser.get(each.as_uri())
            browser.execute_script(FEW)
            # Formulas have no name that axe asks for, and thousands of parts.
            context, options = {"exclude": [["math"], ["svg"]]}, {"resultTypes": ["violations"]}
            found = Axe().run(browser, context=context, options=options)["violations"]
            assert [(v["id"], len(v["nodes"]), v["nodes"][0]["html"][:200]) for v in found] == [], each.name
    finally:
        scheme(browser, "light")


FOCUS = """const a = document.activeElement, s = getComputedStyle(a), b = a.getBoundingClientRect();
const outlined = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;
return [a.tagName === 'BODY' ? '' : a.outerHTML.slice(0, 80), outlined,
  b.width > 0 && b.bottom > 0 && b.top < innerHeight]"""
REACHABLE = """return [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')]
    .filter(e => e.checkVisibility()).length"""


def test_the_keyboard_reaches_all_of_the_first_page_and_shows_where_it_is(
    browser: webdriver.Chrome, pages: list[Path]
) -> None:
    window(browser, 1440)
    browser.get(pages[0].as_uri())
    count, met = browser.execute_script(REACHABLE), []
    for _ in range(count):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        met.append(browser.execute_script(FOCUS))
    assert count > 20 and all(name for name, _, _ in met)
    assert len({name for name, _, _ in met}) == len(met)
    assert [name for name, outlined, seen in met if not (outlined and seen)] == []


CONTRASTS = """
const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const parse = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return {rgb: [r, g, b], a}; };
const bright = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = element => {
  for (let e = element; e; e = e.parentElement) {
    const paint = parse(getComputedStyle(e).backgroundColor);
    if (paint.a === 1) return paint.rgb;
  }
  return [255, 255, 255];
};
const seen = {};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode()); ) {
  const e = node.parentElement;
  if (!node.textContent.trim() || !e.getClientRects().length || e.closest('script, style, svg')) continue;
  const [one, two] = [bright(parse(getComputedStyle(e).color).rgb), bright(behind(e))];
  const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  const key = getComputedStyle(e).color + ' on ' + behind(e);
  seen[key] = Math.min(seen[key] ?? 99, ratio);
}
return seen;
"""


def test_text_stands_out_from_its_background(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    found = browser.execute_script(CONTRASTS)
    assert len(found) > 8
    assert {pair: ratio for pair, ratio in found.items() if ratio < 4.5} == {}


def test_the_keyboard_meets_the_page_in_its_order(browser: webdriver.Chrome, page: Path) -> None:
    browser.set_window_size(1280, 900)
    browser.get(page.as_uri())
    where = """const a = document.activeElement; return [a.tagName, a.className, a.getAttribute('href') || a.id]"""
    met = []
    for _ in range(5):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        met.append(tuple(browser.execute_script(where)))
    assert met[0] == ("A", "skip", "#main")
    assert [target for _, _, target in met[1:4]] == ["#summary", "#results", "#claims"]
    assert browser.execute_script("return document.querySelectorAll('[tabindex]:not([tabindex=\"0\"])').length") == 0
    order = browser.execute_script("return [...document.querySelectorAll('h1, h2')].map(h => h.id)")
    links = browser.execute_script(
        "return [...document.querySelectorAll('nav > ol > li > a')].map(a => a.hash.slice(1))"
    )
    assert links == [name for name in order if name in links]


def test_names_and_ids(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    ids = browser.execute_script("return [...document.querySelectorAll('[id]:not(svg *)')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert (
        browser.execute_script("return [...document.querySelectorAll('a')].filter(a => !a.textContent.trim()).length")
        == 0
    )
    unlabelled = "return [...document.querySelectorAll('input, select')].filter(i => !i.labels.length).length"
    assert browser.execute_script(unlabelled) == 0


def test_headings_descend_without_gaps_and_tables_have_captions(browser: webdriver.Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    levels = browser.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert browser.execute_script("return document.querySelectorAll('table:not(:has(caption))').length") == 0
    assert browser.execute_script("return document.querySelectorAll('svg:not([role=img])').length") == 0
