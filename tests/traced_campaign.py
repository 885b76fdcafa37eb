"""A long containment campaign: `python -m tests.traced_campaign SECONDS FILE [COUNT]`, in the repository's root.

Every operator's enclosures against balls of 60 digits on wide, tiny, huge inputs and such that touch a kink, until
COUNT values (100,000) of each have been compared or the seconds are over. Tallies are kept in FILE, from which the next
run goes on.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from metagap.impl.models import traced
from metagap.impl.models.traced.operators import OPERATORS

from .test_traced_operators import CASES, Tally, campaign, lengthened

COUNT = 100_000
STAGES = (0.01, 1.0)
"""Shares of the count that all operators reach, those with most values in a draw first, before any goes further."""


def code(*rooms: ModuleType) -> str:
    """The hash of rooms that are tried, with all that is below: tallies of others are not gone on from."""
    files = [path for room in rooms for path in sorted(Path(*room.__path__).rglob("*.py"))]
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def say(*parts: object) -> None:
    sys.stdout.write(" ".join(map(str, parts)) + "\n")
    sys.stdout.flush()


def run(seconds: float, file: Path, count: int) -> None:
    """The campaign for that long, or until it is complete."""
    end, kept = time.monotonic() + seconds, json.loads(file.read_text()) if file.exists() else {}
    tallies, room = {name: Tally() for name in CASES}, code(traced)
    if kept.get("code") == room:
        tallies |= {name: Tally(**one) for name, one in kept["operators"].items()}
    for share in STAGES:
        for name in sorted(CASES, key=lambda name: (tallies[name].draws + 1) / (tallies[name].compared + 1)):
            if tallies[name].compared >= share * count or time.monotonic() > end:
                continue
            cases = [lengthened(name, case) for case in CASES[name]]
            for tally in campaign(name, cases, tallies[name]):
                if tally.missed > tallies[name].missed:
                    say(f"MISSED {name}: draw {tally.draws - 1}")
                tallies[name] = tally
                if tally.compared >= share * count or time.monotonic() > end:
                    break
            file.write_text(json.dumps({"code": room, "operators": {n: asdict(t) for n, t in tallies.items()}}))
    for name, one in sorted(tallies.items(), key=lambda item: item[1].compared):
        say(f"{name:50} {one.compared:8} values of {one.numbers:8} numbers in {one.draws:6} draws, {one.missed} missed")
    done = sum(one.compared >= count for one in tallies.values())
    fixed = sum(one.draws > 0 and not one.numbers for one in tallies.values())
    say(f"{done} of {len(OPERATORS)} operators have {count} values; {fixed} more take no reals, and are compared whole")


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)
    run(float(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else COUNT)
