"""Right gradients for long: `python -m tests.gradient_campaign SECONDS FILE [COUNT]`, in the repository's root.

Generated architectures, losses and inner loops, in float32 and float64, until COUNT (1,000) right gradients have been
checked or the seconds are over: how many raise an alarm, how many cannot be told from another's in their dtype. Results
are kept in FILE, by seed, from which the next run goes on.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

from metagap.impl import traced
from metagap.impl.models import traced as graphs

from .test_right_gradients import DRAWS, alarm, checked
from .traced_campaign import code, say

COUNT = 1000


def run(seconds: float, file: Path, count: int) -> None:
    """The campaign for that long, or until it is complete."""
    begin, kept = time.monotonic(), json.loads(file.read_text()) if file.exists() else {}
    rooms = code(traced, graphs)
    seeds: list[list[list[object]]] = kept["seeds"] if kept.get("code") == rooms else []
    while len(seeds) * DRAWS < count and time.monotonic() < begin + seconds:
        rows: list[list[object]] = []
        for dtype, said in checked(len(seeds), DRAWS):
            if alarm(said):
                say(f"ALARM seed {len(seeds)}, draw {len(rows)}, {dtype}: {said.message}")
            rows.append([dtype, alarm(said), list(said.alike)])
        seeds.append(rows)
        file.write_text(json.dumps({"code": rooms, "seeds": seeds}))
    found = [(str(dtype), bool(alarmed), bool(alike)) for rows in seeds for dtype, alarmed, alike in rows]
    for dtype, all_of in sorted(Counter(row[0] for row in found).items()):
        alarms = sum(alarmed for kind, alarmed, _ in found if kind == dtype)
        alike = sum(also for kind, _, also in found if kind == dtype)
        say(f"{dtype}: {all_of} right gradients, {alarms} alarms, {alike} that may as well be another's")
    say(f"{len(found)} of {count}, {time.monotonic() - begin:.0f} s in this run")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    run(float(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else COUNT)
