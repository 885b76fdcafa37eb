"""What a run says of generated problems: which minima are not global, and how errors fall with a network's width."""

from __future__ import annotations

from collections.abc import Sequence

from .formats.verifying import Series, VerifyRecord

TRAPS = {"local minimum": "local minima", "where descent stops": "points where descent stops",
         "where ascent stops": "points where ascent stops"}  # fmt: skip
"""Kinds of critical points at which a first-order method ends, in the plural."""


def landscape_answer(verify: VerifyRecord | None) -> str | None:
    """Of the points of generated problems at which a method ends, how many are certified not to be global."""
    if verify is None or verify.landscapes is None:
        return None
    found = []
    for kind, words in TRAPS.items():
        rows = [v.kinds[kind] for v in verify.landscapes.variants if kind in v.kinds]
        points, traps = sum(row.points for row in rows), sum(row.spurious for row in rows)
        if points:
            most = max(row.largest_excess for row in rows)
            found.append(f"{traps or 'none'} of {points} {words}" + (f" (by up to {most:.3g})" if traps else ""))
    if not found:
        return None
    counts = [row.counts for row in verify.claims if row.claim.endswith("-headline")]
    violated, undecided = sum(c.VIOLATED for c in counts), sum(c.UNDECIDED for c in counts)
    held = f"was violated at {violated}" if violated else "was violated at none of them"
    open_ = f" and left undecided at {undecided}" if undecided else ""
    return (
        f"Certified not to be global, of small generated problems: {'; '.join(found)}. Maxima and saddles are counted "
        f"apart: descent hardly ever ends there. The theorem's bound {held}{open_}."
    )


def rate_answers(rates: Sequence[Series]) -> list[tuple[str, str]]:
    """(question, answer): what of the rate, and what a smooth activation changes, with the measured slopes."""
    slopes = {row.name: f"{row.slope.value:.3f}" for row in rates}
    if "atom" not in slopes:
        return []
    found = [
        (
            "What of the rate?",
            "For ReLU networks the linearisation's error is at most of order $m^{-1/4}$ in the width, "
            "with regular data in three dimensions or more; at one input, and so for every finite sample, the worst "
            f"network of a ball has $m^{{-1/6}}$ (measured slope {slopes['atom']}).",
        )
    ]
    smooth = [f"{value} ({name.split(', ')[1]})" for name, value in slopes.items() if name.startswith("atom, ")]
    if smooth:
        found.append(
            (
                "What does a smooth activation change?",
                "There are no kinks: the bound needs no assumption about them, and the linearisation's error "
                f"is of order $m^{{-1/2}}$ at every input (measured slopes {', '.join(smooth)}).",
            )
        )
    return found
