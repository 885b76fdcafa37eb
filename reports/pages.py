"""The pages of a report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page of the report: its file's name, its title, the templates of its sections."""

    name: str
    title: str
    sections: tuple[str, ...]


PAGES = (
    Page("index", "Summary", ("summary",)),
    Page("results", "The paper's results", ("results",)),
    Page("claims", "Claims", ("claims",)),
    Page("real", "Real tasks", ("answer", "real")),
    Page("optimum", "The global optimum", ("optimum", "rates")),
    Page("assumptions", "Assumptions", ("assumptions",)),
    Page("mutants", "Mutants", ("mutants", "sharpness")),
    Page("source", "Where the claims are written", ("source",)),
    Page("notes", "How to read, notation, provenance", ("reading", "notation", "provenance")),
)
"""The pages in the order in which they are read; the first is what a reader opens."""
