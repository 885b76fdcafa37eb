"""A long campaign of batches: `python -m tests.batch_campaign SECONDS FILE`, in the repository's root.

Batches of every generator and variant of linear meta-SL: what arrays decide is judged in balls, and
quantities are compared with those of balls, until the seconds are over. FILE keeps the counts, from which the next run
goes on; seeds are never drawn twice.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

from metagap.impl.families import META_SL
from metagap.impl.sources import RandomSource
from metagap.theory.meta_sl import CLAIMS

from .test_batch_judge import disagreements, outside


def say(*parts: object) -> None:
    sys.stdout.write(" ".join(map(str, parts)) + "\n")
    sys.stdout.flush()


def run(seconds: float, file: Path) -> None:
    """The campaign for that long."""
    end = time.monotonic() + seconds
    tally = Counter[str](json.loads(file.read_text()) if file.exists() else {})
    places = [(g, variant) for g in META_SL.wild for variant in META_SL.all_variants(g)]
    while time.monotonic() < end:
        number = tally["batches"]
        generator, variant = places[number % len(places)]
        source = RandomSource((77, number), 8)
        batch = generator.build(source, variant)
        tally["batches"] += 1
        if batch.loss.profile.kinked:
            continue
        wrong, decided = disagreements(batch)
        missed, compared = outside(batch)
        tally.update({"instances": len(batch), "verdicts": decided, "quantities": compared})
        tally.update({"disagree": len(wrong), "missed": len(missed)})
        tally.update(Counter(f"decided {name}" for one in META_SL.judged_in_arrays(batch, CLAIMS) for name in one))
        if wrong or missed:
            say(f"batch {number} ({generator.name}, {variant}):", wrong, missed)
        file.write_text(json.dumps(tally))
    for name, count in sorted(tally.items()):
        say(f"{name:40} {count}")


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)
    run(float(sys.argv[1]), Path(sys.argv[2]))
