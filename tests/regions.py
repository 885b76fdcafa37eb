"""Regions for tests: documents with intervals, and regions around kept counterexamples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flint import fmpq
from metagap.impl.files.numbers import exact
from metagap.impl.regions.document import region_in
from metagap.impl.regions.region import Region

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "reports/example/region.json"
WIDTH = fmpq(1, 64)


def ends(low: object, high: object) -> dict[str, object]:
    return {"from": low, "to": high}


def document(**changes: Any) -> dict[str, Any]:
    """The example's region, with other fields."""
    return json.loads(EXAMPLE.read_text(encoding="utf-8")) | changes


def region(**changes: Any) -> Region:
    return region_in(document(**changes), "region")


def task(*atoms: tuple[object, ...], weight: object = 1, support: list[Any] | None = None) -> dict[str, Any]:
    """Atoms (x, y, p)."""
    found: dict[str, Any] = {"weight": weight, "atoms": [dict(zip("xyp", atom, strict=True)) for atom in atoms]}
    return found | ({} if support is None else {"support": [dict(zip("xyp", atom, strict=True)) for atom in support]})


PAIR = [[1, "1/2"], ["-1/4", 1]]
VARIED: dict[str, dict[str, Any]] = {
    "example": {},
    "two atoms, functions, features": {
        "loss": {"name": "quartic", "c": "1/4"},
        "features": [[ends("3/4", 1)], [ends("-1/2", "-1/4")]],
        "tasks": [
            task((0, ends(-1, 0), ends("1/4", "1/2")), (1, 1, "rest"), weight=ends("1/4", "1/2")),
            task((1, ends(-1, "-1/2"), 1), weight="rest"),
        ],
        "comparator": {"functions": [[ends(-1, 0), 0], [0, ends(0, 1)]]},
    },
    "two parameters": {
        "loss": {"name": "logistic"},
        "features": PAIR,
        "tasks": [task((0, 1, 0.5), (1, -1, 0.5), weight=ends("1/4", "3/4")), task((1, 1, 1), weight="rest")],
        "omega": [ends(-1, 1), 0.5],
        "comparator": [ends(0, 1), ends(-0.25, 0)],
    },
    "joints": {"loss": {"name": "huber", "delta": "1/2"}, "omega": [ends(-1, "-3/4")]},
    "supports, rates, decay, two steps": {
        "loss": {"name": "log-cosh"},
        "features": PAIR,
        "adaptation": {"name": "gradient", "eta": 0.5, "steps": 2, "rates": [1, "1/2"], "decay": 0.125},
        "tasks": [task((0, 1, 1), support=[(1, -1, 0.5), (0, 0, 0.5)])],
        "omega": [ends(-0.5, 0.5), 0.5],
        "comparator": [ends(0, 1), 0],
    },
    "counts": {
        "loss": {"name": "poisson"},
        "adaptation": {"name": "gradient", "eta": ends("-1/16", "1/16"), "steps": 1},
        "tasks": [task((0, ends(0, 2), 1))],
        "radius": ends(1, 2),
    },
}
"""Changes of the example, by what is particular."""


def around(instance: dict[str, Any]) -> Region:
    """The instances near one of a file: omega, comparator and, with one rate for all, eta within WIDTH."""

    def near(value: Any) -> dict[str, object]:
        middle = exact(value, "")
        return ends(*(f"{v.p}/{v.q}" for v in (middle - WIDTH, middle + WIDTH)))

    rival, steps = instance["comparator"], instance["adaptation"]
    functions = isinstance(rival, dict)
    return region_in(
        instance
        | {
            "format": "metagap/region/1",
            "omega": [near(v) for v in instance["omega"]],
            "comparator": {"functions": [[near(v) for v in row] for row in rival["functions"]]}
            if functions
            else [near(v) for v in rival],
            "adaptation": steps if "rates" in steps else steps | {"eta": near(steps["eta"])},
        },
        "region",
    )
