"""The README's generated tables are current, and its commands are the ones that CI runs."""

from __future__ import annotations

from pathlib import Path

from metagap.reports.readme import fill
from metagap.theory.meta_sl import CLAIMS

README = Path(__file__).resolve().parent.parent / "README.md"


def test_the_tables_are_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert fill(text, None) == text
    for claim in CLAIMS:
        assert f"`{claim.name}`" in text
        assert claim.bound.text in text


def test_the_picture_exists() -> None:
    assert (README.parent / "reports" / "picture.png").stat().st_size > 10_000
