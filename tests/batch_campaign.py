"""A long campaign of batches: `python -m tests.batch_campaign FAMILY SECONDS FILE`, in the repository's root.

Batches of every generator and variant of a family: quantities in arrays are compared with those of balls, and what
arrays decide is judged in balls, until the seconds are over. FILE keeps the counts, from which the next run goes on;
seeds are never drawn twice. Verdicts alone, of all families and far faster: `verdict_campaign`.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

from metagap.impl.enclosed.quantities import UnknownError
from metagap.impl.families import FAMILIES
from metagap.impl.sources import RandomSource

from . import (
    test_batch_judge,
    test_meta_rl_batch_judge,
    test_meta_rl_network_batch_judge,
    test_network_batch_judge,
)
from .test_batch_judge import disagreements, outside

NAMES = {
    "meta-sl": test_batch_judge.NAMES,
    "meta-rl": test_meta_rl_batch_judge.NAMES,
    **test_network_batch_judge.NAMES,
    **test_meta_rl_network_batch_judge.OWN,
}
"""The quantities that are compared."""


def say(*parts: object) -> None:
    sys.stdout.write(" ".join(map(str, parts)) + "\n")
    sys.stdout.flush()


def run(name: str, seconds: float, file: Path) -> None:
    """The campaign for that long."""
    family = FAMILIES[name]
    assert family.enclosed_quantities is not None
    end = time.monotonic() + seconds
    tally = Counter[str](json.loads(file.read_text()) if file.exists() else {})
    places = [(g, variant) for g in family.wild for variant in family.all_variants(g)]
    while time.monotonic() < end:
        number = tally["batches"]
        generator, variant = places[number % len(places)]
        batch = generator.build(RandomSource((77, number), 8), variant)
        tally["batches"] += 1
        try:
            family.enclosed_quantities(batch)
        except UnknownError:
            continue
        wrong, decided = disagreements(batch, family)
        missed, compared = outside(batch, NAMES[name], family=family)
        tally.update({"instances": len(batch), "verdicts": decided, "quantities": compared})
        tally.update({"disagree": len(wrong), "missed": len(missed)})
        tally.update(
            Counter(f"decided {name}" for one in family.judged_in_arrays(batch, family.claims) for name in one)
        )
        if wrong or missed:
            say(f"batch {number} ({generator.name}, {variant}):", wrong, missed)
        file.write_text(json.dumps(tally))
    tally["processor seconds"] += round(time.process_time())
    file.write_text(json.dumps(tally))
    for name, count in sorted(tally.items()):
        say(f"{name:40} {count}")


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)
    run(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
