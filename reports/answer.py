"""The title's question, answered from a run: how far trained points are from the optimum, and what limits that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..impl.families import FAMILIES

SLACK = 1.5
"""A distance of at most this many widths of the certified bracket is the bracket's own: within the tolerance."""

EMPTY = 100
"""A bound of more than this many times what it bounds carries no information."""


def real_distances(verify: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """One row per family of real tasks: the trained point that may be farthest from the global optimum."""
    return [_farthest(family) for family in (verify or {"real_families": []})["real_families"] if _trained(family)]


def _trained(family: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows whose omega was trained, each point once."""
    points: dict[Any, Mapping[str, Any]] = {}
    for row in family["rows"]:
        if re.search(r"(?<!un)trained", row["name"].split("against")[0]):
            far = row["optimum"] or {"gap": None, "lower": point_of(row["name"]), "upper": row["name"]}
            if row["optimum"] is None or (far["gap"] and far["gap"]["hi"] is not None):
                points.setdefault((far["lower"], far["upper"], str(far["gap"])), row)
    return list(points.values())


def point_of(name: str) -> str:
    """A real instance's name without its comparator."""
    return name.split(", against")[0]


def once(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Real instances with a certified optimum: each omega once, whatever its comparator."""
    found: dict[Any, Mapping[str, Any]] = {}
    for row in rows:
        if row["optimum"]:
            found.setdefault((point_of(row["name"]), str(row["optimum"])), row)
    return list(found.values())


def distance(optimum: Mapping[str, Any]) -> tuple[float, float | None]:
    """(at least, at most): how far omega is from the global optimum, from L(omega) - lower and the bracket's width."""
    gap = optimum["gap"] or {"lo": None, "hi": None}
    low = 0.0 if gap["lo"] is None else max(0.0, gap["lo"] - (optimum["upper"] - optimum["lower"]))
    return low, gap["hi"]


def _farthest(family: Mapping[str, Any]) -> dict[str, Any]:
    rows = _trained(family)
    certified = [row for row in rows if row["optimum"]]
    if certified:
        row = max(certified, key=lambda r: r["optimum"]["gap"]["hi"])
        found = {"count": len(certified)} | certified_distance(row["optimum"])
        found["limit"] += _where(family["name"], row["optimum"]["ball"])
        terms = row["optimum"]["terms"]
        found["trivial"] = _trivial(family["name"], row["optimum"])
    else:
        rows = [row for row in rows if row["lifted"] and "best policy" in row["name"]] or rows
        row = max(rows, key=lambda r: (r["gap"] or {"hi": None})["hi"] or 0.0)
        limit = "no certified optimum: at most the distance from each task's best policy"
        found = {"count": len(rows), "high": (row["gap"] or {"hi": None})["hi"], "tolerance": None}
        found |= {"low": _surpassed(family, row), "limit": limit}
        found["bound"] = ((row["lifted"] or {}).get("bound") or {"hi": None})["hi"]
        terms, found["trivial"] = row["terms"], None
    without = {point_of(r["name"]) for r in rows} - {point_of(r["name"]) for r in certified} if certified else set()
    if without:
        found["limit"] += f"; {len(without)} more trained point{'s' * (len(without) > 1)} without a certified optimum"
    empty = found["bound"] is not None and found["high"] is not None and found["bound"] > EMPTY * found["high"] > 0
    return found | {
        "name": family["name"],
        "title": family["title"],
        "point": point_of(row["name"]),
        "parameters": row["parameters"],
        "words": _between(found["low"], found["high"]),
        "empty": empty,
        "parts": parts(terms),
    }


def _trivial(tasks: str, optimum: Mapping[str, Any]) -> float | None:
    """L(omega), which bounds the distance from inf L >= 0 without any theorem; None in meta-RL, where L is a return."""
    family = next(f for f in FAMILIES.values() if tasks in f.real_tasks)
    gap = (optimum["gap"] or {"hi": None})["hi"]
    return None if family.returns or gap is None else gap + optimum["lower"]


def _surpassed(family: Mapping[str, Any], row: Mapping[str, Any]) -> float:
    """How far the row's omega is at least from the optimum: the best of the parameters that it is compared with."""
    gaps = [
        r["gap"]["lo"]
        for r in family["rows"]
        if point_of(r["name"]) == point_of(row["name"]) and r["comparator"] == "parameter" and r["gap"]
    ]
    return max([0.0, *(lo for lo in gaps if lo is not None)])


def parts(terms: Mapping[str, Any]) -> dict[str, float] | None:
    """What a bound R eps + ||w|| misfit is made of: both terms, and the misfit's share of ||u||, the most it can be."""
    ends = {name: (value or {"hi": None})["hi"] for name, value in terms.items()}
    needed = ("radius", "eps", "weight_norm", "misfit", "function_displacement")
    if any(ends.get(name) is None for name in needed):
        return None
    radius, eps, weight, misfit, size = (ends[name] for name in needed)
    share = min(misfit / size, 1.0) if size > 0 else 0.0
    return {
        "radius": radius,
        "eps": eps,
        "stationarity": radius * eps,
        "representation": weight * misfit,
        "share": share,
    }


def _between(low: float, high: float | None) -> str:
    """An interval with as few digits as tell its ends apart."""
    if high is None:
        return f"at least {low:.2g}"
    digits = next((n for n in range(2, 7) if f"{low:.{n}g}" != f"{high:.{n}g}"), None)
    if digits is None:
        return f"{high:.6g}"
    return f"between {low:.{digits}g} and {high:.{digits}g}"


def certified_distance(optimum: Mapping[str, Any]) -> dict[str, Any]:
    """The distance as an interval, the theorem's bound, and what limits the number.

    `tolerance` is the width of the bracket where the distance does not exceed it, else None.
    """
    low, high = distance(optimum)
    bound, width = (optimum["bound"] or {"hi": None})["hi"], optimum["upper"] - optimum["lower"]
    within = optimum["status"] == "certified" and high is not None and high <= SLACK * width
    if within:
        limit = f"the search's tolerance, {width:.1e}"
    elif optimum["status"] == "certified" or (high is not None and width <= 0.01 * high):
        limit = f"the bracket's width, {width:.1e}"
    elif optimum["lower"] == 0:
        limit = "the lower bound is trivial (0)" + ("; nothing better was found" if low == 0 else "")
    else:
        limit = f"the bracket is wide: {width:.1e}"
    return {"low": low, "high": high, "bound": bound, "tolerance": width if within else None, "limit": limit}


def _where(tasks: str, ball: float | None) -> str:
    """What the optimum is taken over, where it is not everything."""
    if ball is None:
        return ""
    family = next(f for f in FAMILIES.values() if tasks in f.real_tasks)
    shape = "box of half-width" if family.returns else "ball of radius"
    return f"; over a {shape} {ball:.3g} only"


def is_empty(row: Mapping[str, Any]) -> bool:
    """Whether the lifted bound of a real instance is more than EMPTY times the gap that it bounds."""
    bound, gap = (row["lifted"] or {}).get("bound"), row["gap"]
    if not bound or not gap or None in (bound["hi"], gap["hi"]):
        return False
    return bool(gap["hi"] > 0 and bound["hi"] > EMPTY * gap["hi"])


def uninformative(verify: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The families of real tasks with instances on which the lifted bound carries no information."""
    found = []
    for family in (verify or {"real_families": []})["real_families"]:
        rows = [row for row in family["rows"] if is_empty(row)]
        if rows:
            bounds, gaps = [row["lifted"]["bound"]["hi"] for row in rows], [row["gap"]["hi"] for row in rows]
            found.append(
                {
                    "title": family["title"],
                    "instances": len(rows),
                    "bounds": (min(bounds), max(bounds)),
                    "gaps": (min(gaps), max(gaps)),
                    "policies": all("best policy" in row["name"] for row in rows),
                }
            )
    return found


TRAPS = {"local minimum": "local minima", "where descent stops": "points where descent stops",
         "where ascent stops": "points where ascent stops"}  # fmt: skip
"""Kinds of critical points at which a first-order method ends, in the plural."""


def landscape_answer(verify: Mapping[str, Any] | None) -> str | None:
    """Of the points of generated problems at which a method ends, how many are certified not to be global."""
    variants = ((verify or {}).get("landscapes") or {"variants": []})["variants"]
    found = []
    for kind, words in TRAPS.items():
        rows = [v["kinds"][kind] for v in variants if kind in v["kinds"]]
        points, traps = (sum(row[key] for row in rows) for key in ("points", "spurious"))
        if points:
            most = max(row["largest_excess"] for row in rows)
            found.append(f"of {points} {words} {traps or 'none'}" + (f" (by up to {most:.3g})" if traps else ""))
    if not found or verify is None:
        return None
    rows = [row for row in verify["claims"] if row["claim"].endswith("-headline")]
    violated, undecided = (sum(row["counts"][name] for row in rows) for name in ("VIOLATED", "UNDECIDED"))
    held = f"was violated at {violated}" if violated else "was violated at none of them"
    open_ = f" and left undecided at {undecided}" if undecided else ""
    return (
        f"On small generated problems, certified not to be global: {'; '.join(found)}. Gradient methods do not "
        f"converge to maxima or, but for rare starts, to saddles: those are counted apart. The theorem's bound "
        f"{held}{open_}."
    )


def rate_answers(verify: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """What of the rate, and what a smooth activation changes: with the measured slopes."""
    slopes = {row["name"]: f"{row['slope']['value']:.3f}" for row in (verify or {"rates": []})["rates"]}
    if "atom" not in slopes:
        return []
    found = [
        {
            "question": "What of the rate?",
            "answer": "For ReLU networks the linearisation's error is at most of order $m^{-1/4}$ in the width, "
            "with regular data in three dimensions or more; at one input, and so for every finite sample, the worst "
            f"network of a ball has $m^{{-1/6}}$ (measured slope {slopes['atom']}).",
        }
    ]
    smooth = [f"{value} ({name.split(', ')[1]})" for name, value in slopes.items() if name.startswith("atom, ")]
    if smooth:
        found.append(
            {
                "question": "What does a smooth activation change?",
                "answer": "There are no kinks: the bound needs no assumption about them, and the linearisation's error "
                f"is of order $m^{{-1/2}}$ at every input (measured slopes {', '.join(smooth)}).",
            }
        )
    return found
