"""Records: what a command found, as JSON that other programs and the page read.

A record is written atomically, holds finite numbers or null, and names everything needed to run it again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import platform
import secrets
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..impl.arithmetic import to_float
from ..impl.counterexample import Opinion
from ..impl.files.text import read, reported
from ..impl.judge import ClaimJudgement, Enclosure, Judgement
from ..impl.optimum.answer import Answer
from ..impl.study import ShownBracket
from ..impl.supervised.instance import MetaSLInstance

WITNESS_FORMAT = "metagap/witness/1"
RECORDS = {"verify.json": "verify", "audit.json": "audit", "mutation.json": "mutation"}
"""The records that a report's page is made from, and their formats."""

PACKAGES = ("metagap", "numpy", "scipy", "python-flint", "sympy", "hypothesis", "torch", "scikit-learn")


SOURCES = Path(__file__).resolve().parent.parent
"""The folder that holds theory/, impl/ and reports/."""


@cache
def sources() -> str:
    """One sha256 of every file of theory/ and impl/, with their paths: what claimed and what decided."""
    digest = hashlib.sha256()
    for path in sorted(path for layer in ("theory", "impl") for path in (SOURCES / layer).rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(SOURCES).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def environment() -> dict[str, str]:
    """What a result depends on: the versions, the machine, and one digest of the theory and the engine."""
    found = {
        "python": platform.python_version(),
        "platform": sys.platform,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "sources": sources(),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def hashes(record: Any, folder: Path) -> dict[str, str]:
    """The sha256 of each file in the folder that the record names. Errors: BadInputError."""
    return {name: _sha256(folder / name) for name in sorted(set(_files(record)))}


def _sha256(path: Path) -> str:
    with reported(str(path)):
        return hashlib.sha256(read(str(path))).hexdigest()


def _files(record: Any) -> Iterator[str]:
    items = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for name, value in items:
        if name in ("file", "witness") and isinstance(value, str):
            yield value
        else:
            yield from _files(value)


def opinion_record(found: Opinion | None) -> dict[str, Any] | None:
    """What a second engine says of a counterexample; `agrees` is null where it cannot tell."""
    if found is None:
        return None
    return {"engine": "float64", "left": finite(found.left), "bound": finite(found.bound), "agrees": found.agrees}


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


def optimum_record(found: ShownBracket) -> dict[str, Any]:
    """A bracket of the global optimum: metagap/optimum/1."""
    return {
        "format": "metagap/optimum/1",
        "lower": finite(found.lower),
        "upper": finite(found.upper),
        "at": found.point,
        "status": found.status,
        **found.details,
        "seconds": found.seconds,
        "checked": None if found.check is None else found.check.accepted,
        "why": found.why,
    }


def answer_record(instance: MetaSLInstance, found: Answer) -> dict[str, Any]:
    """A practitioner's answer: metagap/certify/1."""
    return {
        "format": "metagap/certify/1",
        "instance": instance.sha256,
        "omega": [to_float(v) for v in instance.omega],
        "least": finite(found.least),
        "most": finite(found.most),
        "promise": finite(found.promise),
        "everywhere": found.everywhere,
        "choice": found.choice,
        "why": list(found.why),
        "optimum": optimum_record(found.optimum),
        "headline": claim_record(found.judged),
    }


def nearest(name: str, known: Iterable[str]) -> str:
    """The names that may have been meant, as the end of a message; empty if none is near."""
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    return f" (did you mean {', '.join(close)}?)" if close else ""


def dumps(record: Any) -> str:
    """Strict JSON (no NaN, no Infinity), readable."""
    text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return clean(text)


_RAW = {
    code: "\ufffd"
    for code in (*range(32), *range(127, 160), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
    if chr(code) not in "\t\n"
}


def clean(text: str) -> str:
    """The text without what no page and no XML may hold raw: control characters and lone surrogates."""
    return text.translate(_RAW)


def in_folder(command: str, folder: str) -> str:
    """A record's command with its {folder}, as a shell reads it and no program takes it for an option."""
    return command.replace("{folder}", shlex.quote(f"./{folder}" if folder.startswith("-") else folder))


def write_text(path: Path, text: str) -> None:
    """Write atomically: the old file stays until the new one is complete. A pipe or a device is written as it is."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    path = path.resolve()  # a link stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
