"""Records: what a command found, as JSON that other programs and the page read.

A record is written atomically, holds finite numbers or null, and names everything needed to run it again.
"""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..impl import files
from ..impl.arithmetic import to_float
from ..impl.instances import Instance
from ..impl.judge import ClaimJudgement, Enclosure, Judgement
from ..impl.meta_sl.instance import MetaSLInstance
from ..impl.network.headline import Optimum as NetworkOptimum
from ..impl.network.linearised import LinearisedOptimum
from ..impl.optimum import Optimum
from ..impl.optimum.answer import Answer

WITNESS_FORMAT = "metagap/witness/1"

PACKAGES = ("metagap", "numpy", "scipy", "python-flint", "sympy", "hypothesis", "torch", "scikit-learn")


def environment() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"python": platform.python_version(), "platform": sys.platform}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def finite(value: float | None) -> float | None:
    """The number, or None where JSON has no name for it."""
    return value if value is not None and math.isfinite(value) else None


def enclosure(value: Enclosure | None) -> dict[str, float | None] | None:
    """An enclosure as JSON; an infinite end is null."""
    return None if value is None else {"lo": finite(value.lo), "hi": finite(value.hi)}


def enclosures(values: Mapping[str, Enclosure]) -> dict[str, Any]:
    """Named enclosures as JSON."""
    return {name: enclosure(value) for name, value in values.items()}


def claim_record(judged: ClaimJudgement) -> dict[str, Any]:
    """One claim's judgement in the format of judgement files."""
    return {
        "claim": judged.claim,
        "verdict": judged.verdict.name,
        "gap": enclosure(judged.gap),
        "bound": enclosure(judged.bound),
        "terms": enclosures(judged.terms),
        "assumptions": enclosures(judged.assumptions),
        "ratio": finite(judged.ratio),
        "reason": judged.reason,
    }


def judgement_record(judgement: Judgement) -> dict[str, Any]:
    """A judgement file: metagap/judgement/1."""
    return {
        "format": "metagap/judgement/1",
        "instance": judgement.instance,
        "notes": list(judgement.notes),
        "claims": [claim_record(c) for c in judgement.claims],
    }


def optimum_record(found: Optimum) -> dict[str, Any]:
    """A bracket of the global optimum: metagap/optimum/1."""
    return {
        "format": "metagap/optimum/1",
        "lower": finite(found.lower),
        "upper": finite(found.upper),
        "at": list(found.at),
        "status": found.status,
        "boxes": found.boxes,
        "seconds": found.seconds,
        "ball": to_float(found.ball),
        "floor": finite(found.floor),
        "checked": None if found.check is None else found.check.accepted,
        "why": found.why,
    }


def network_optimum_record(found: NetworkOptimum, linear: LinearisedOptimum | None) -> dict[str, Any]:
    """A bracket of a network's inf L, how its lower end was proved, and its linearisation's: metagap/optimum/1."""
    return {
        "format": "metagap/optimum/1",
        "lower": finite(found.lower),
        "upper": finite(found.upper),
        "at": found.at.floats.tolist(),
        "status": found.status,
        "method": found.method,
        "ball": None if found.ball is None else to_float(found.ball),
        "seconds": found.seconds,
        "linearised": None if linear is None else {"lower": finite(linear.lower), "upper": finite(linear.upper)},
        "why": found.why,
    }


def answer_record(instance: MetaSLInstance, found: Answer) -> dict[str, Any]:
    """A practitioner's answer: metagap/certify/1."""
    return {
        "format": "metagap/certify/1",
        "instance": instance.sha256,
        "omega": [to_float(v) for v in instance.omega],
        "least": found.least,
        "most": finite(found.most),
        "promise": finite(found.promise),
        "everywhere": found.everywhere,
        "why": list(found.why),
        "optimum": optimum_record(found.optimum),
        "headline": claim_record(found.judged),
    }


def witness(kind: str, name: str, instance: Instance) -> str:
    """A witness file: an instance with what it bears witness against (a claim, mutant or ablation of that name)."""
    content = {"format": WITNESS_FORMAT, "kind": kind, "name": name, "instance": json.loads(files.dumps(instance))}
    return dumps(content)


def dumps(record: Any) -> str:
    """Strict JSON (no NaN, no Infinity), readable."""
    return json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write atomically: the old file stays until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + f".{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
