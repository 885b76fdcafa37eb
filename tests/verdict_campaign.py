"""Verdicts of arrays beside those of balls, for long: `python -m tests.verdict_campaign SECONDS FILE [FAMILY...]`, in
the repository's root.

Batches of every generator and variant of all families, or of those named: each has processor time in proportion to
the instances that it gives for it, so that cheap ones go furthest. Of an instance every twelfth claim, in turn, that
arrays decide is judged in balls: the verdict must be the same, with the same reason, and enclosures of the same sides
must meet (`agree`). At the first that differ, both are printed, and the campaign ends with status 1. Counts are kept in
FILE, by code, from which the next run goes on; no batch is drawn twice.

In 1,881 s of a processor 1,088,436 instances (669,340 of meta-sl, 237,101 of meta-rl, 181,995 of networks): arrays said
PROVED 929,562 times and OUTSIDE 656,529 times, and balls agreed each time.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from metagap import impl
from metagap.impl.families import FAMILIES
from metagap.impl.family import Family
from metagap.impl.judge import judge_claim
from metagap.impl.sources import Generator, RandomSource

from .test_batch_judge import agree
from .traced_campaign import code, say

SIZES, TURNS = (8, 128, 512, 128, 512), 12
"""Instances of batches, in turn: a small one says what a place costs, and may have wide networks; large ones lie in
memory otherwise (`midrad.laid`). Of how many claims one is compared, and after how many batches a place is left that
arrays decide nothing of."""

Place = tuple[Family, Generator, str]


class DifferError(Exception):
    """Arrays and balls say different things."""


def compared(place: Place, number: int) -> Counter[str]:
    """Counts of a place's batch of that number. Errors: DifferError, with both judgements."""
    family, generator, variant = place
    seed = (79, *f"{family.name} {generator.name} {variant}".encode(), number)
    size = SIZES[number % len(SIZES)]
    batch, found = generator.build(RandomSource(seed, size), variant), Counter[str](batches=1, drawn=size)
    claims = family.claims[number % TURNS :: TURNS]
    for b, known in enumerate(family.judged_in_arrays(batch, claims)):
        evaluator = family.evaluator(batch.instance(b)) if known else None
        for claim in claims:
            if evaluator is None or claim.name not in known:
                continue
            said, balls = known[claim.name], judge_claim(claim, evaluator)
            if not agree(said, balls):
                raise DifferError(f"seed {seed}, instance {b}: arrays {said} ({said.reason}), {balls} ({balls.reason})")
            found[said.verdict.name] += 1
        found["instances"] += bool(known)
    return found


def due(one: Counter[str]) -> float:
    """The less, the sooner a place has its turn: its time after the next batch, times what an instance of it costs, at
    least 1 ms."""
    cost = max(one["milliseconds"] / max(one["instances"], 1), 1)
    return (one["milliseconds"] + cost * SIZES[one["batches"] % len(SIZES)]) * cost


def run(seconds: float, file: Path, names: tuple[str, ...]) -> None:
    """The campaign for that long. Errors: DifferError."""
    end, kept = time.monotonic() + seconds, json.loads(file.read_text()) if file.exists() else {}
    room, tallies = code(impl), dict[str, Any]()
    if kept.get("code") == room:
        tallies = kept["places"]
    places = {
        f"{family.name} {generator.name} {variant}": (family, generator, variant)
        for family in FAMILIES.values()
        if family.enclosed_quantities is not None and (not names or family.name in names)
        for generator in family.wild
        for variant in family.all_variants(generator)
    }
    found = {name: Counter[str](tallies.get(name, {})) for name in places}
    while time.monotonic() < end:
        useful = [name for name, one in found.items() if one["batches"] < TURNS or one["instances"]]
        name = min(useful, key=lambda name: due(found[name]))
        begin = time.process_time()
        found[name].update(compared(places[name], found[name]["batches"]))
        found[name]["milliseconds"] += round(1e3 * (time.process_time() - begin))
        file.write_text(json.dumps({"code": room, "places": tallies | found}))
    for family in {place[0].name: None for place in places.values()}:
        total = sum((found[name] for name in places if places[name][0].name == family), Counter[str]())
        say(f"{family:24}", *(f"{total[what]} {what}" for what in COUNTED), f"{total['milliseconds'] / 1e3:.0f} s")
    total = sum(found.values(), Counter[str]())
    say(f"{total['instances']} instances, {total['PROVED'] + total['OUTSIDE']} verdicts: none differs")


COUNTED = ("drawn", "instances", "PROVED", "OUTSIDE")
"""Instances; of which claims were compared; verdicts that are the same."""


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)
    try:
        run(float(sys.argv[1]), Path(sys.argv[2]), tuple(sys.argv[3:]))
    except DifferError as error:
        say(error)
        raise SystemExit(1) from None
