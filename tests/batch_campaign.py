"""A long campaign of batches: `python -m tests.batch_campaign FAMILY SECONDS FILE [CLAIM]`, in the repository's root.

Batches of every generator and variant of a family: what arrays decide is judged in balls, and quantities are compared
with those of balls, until the seconds are over. FILE keeps the counts, from which the next run goes on; seeds are never
drawn twice. With the name of a claim, its verdicts alone are compared: 1.5 ms an instance.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from metagap.impl.enclosed.quantities import UnknownError
from metagap.impl.families import FAMILIES
from metagap.impl.family import Family
from metagap.impl.judge import judge_claim
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


def run(name: str, seconds: float, file: Path, claim: str = "") -> None:
    """The campaign for that long, of all claims or of one."""
    family = FAMILIES[name]
    assert family.enclosed_quantities is not None
    end = time.monotonic() + seconds
    tally = Counter[str](json.loads(file.read_text()) if file.exists() else {})
    places = [(g, variant) for g in family.wild for variant in family.all_variants(g)]
    while time.monotonic() < end:
        number = tally["batches"]
        generator, variant = places[number % len(places)]
        source = RandomSource((78, number), 32) if claim else RandomSource((77, number), 8)
        batch = generator.build(source, variant)
        tally["batches"] += 1
        try:
            family.enclosed_quantities(batch)
        except UnknownError:
            continue
        if claim:
            tally.update(compared_verdicts(family, batch, claim))
            file.write_text(json.dumps(tally))
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


def compared_verdicts(family: Family, batch: Any, name: str) -> Counter[str]:
    """Verdicts of arrays and of balls on a claim, counted in pairs."""
    claim, found = family.claim(name), Counter[str](instances=len(batch))
    assert claim is not None
    for b, known in enumerate(family.judged_in_arrays(batch, [claim])):
        balls = judge_claim(claim, family.evaluator(batch.instance(b)))
        said = known.get(name)
        found[f"arrays {said.verdict.name if said else 'nothing'}, balls {balls.verdict.name}"] += 1
        found["disagree"] += said is not None and said.verdict is not balls.verdict
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)
    run(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
