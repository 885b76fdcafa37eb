"""A long comparison of the engine with the mirror: `python tests/mirror_campaign.py SECONDS SEED` prints its counts."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
from brackets import of_study
from extremes import stretched
from independent.evaluate import read
from metagap.impl import files
from metagap.impl.families import FAMILIES, Family, loads
from metagap.impl.instances import Instance
from metagap.impl.sources import RandomSource
from mirror import compare

SHARE = 4
"""Of how many instances one is stretched."""
JUDGED = 3
"""Of how many instances one is judged, too."""
LONGEST = 20
"""Seconds for one instance."""
WEIGHTS = 24
"""Network parameters up to which instances are compared."""


def drawn(family: Family, seed: int) -> Iterator[tuple[str, Instance]]:
    """Every generator's instance of that seed, each with the next variant; every `SHARE`-th one stretched."""
    for position, generator in enumerate(family.wild):
        variants = family.all_variants(generator)
        variant = variants[(seed + position) % len(variants)]
        with np.errstate(all="ignore"):
            batch = generator.build(RandomSource((seed, position), 1), variant)
            instance = batch.instance(0)
        document = read(files.dumps(instance))
        start = document["omega"]
        if isinstance(start[0], list) and len(start) * len(start[0]) > WEIGHTS:
            continue
        if isinstance(start[0], dict) and sum(len(array["values"]) for array in start) > WEIGHTS:
            continue
        name = f"{generator.name} {variant} {seed}"
        if (seed + position) % SHARE == 0 and "features" in document:
            rng = np.random.default_rng((seed, position))
            name, instance = f"{name} stretched", loads(json.dumps(stretched(document, rng)))
        yield name, instance


class TooLongError(Exception):
    """An instance took longer than it may."""


def late(*_: object) -> None:
    raise TooLongError


def say(*parts: object) -> None:
    sys.stdout.write(" ".join(map(str, parts)) + "\n")
    sys.stdout.flush()


def run(name: str, seconds: float, seed: int) -> None:
    """One family for that long."""
    counts: Counter[str] = Counter()
    family, begin = FAMILIES[name], time.monotonic()
    while time.monotonic() - begin < seconds:
        for what, instance in drawn(family, seed):
            signal.alarm(LONGEST)
            try:
                found = compare(instance, judged=counts["instances"] % JUDGED == 0)
            except TooLongError:
                counts["too long"] += 1
                continue
            finally:
                signal.alarm(0)
            counts["instances"] += 1
            counts["stretched"] += what.endswith("stretched")
            counts["compared"] += len(found.compared)
            counts["missing"] += len(found.missing)
            counts["unbounded"] += len(found.unbounded)
            counts["contradictions"] += len(found.contradictions)
            for sentence in found.contradictions:
                say(name, what, sentence)
            if time.monotonic() - begin > seconds:
                break
        seed += 1
    say(name, dict(counts))


def landscapes(name: str, seconds: float, seed: int) -> None:
    """Certified brackets and headlines of one family for that long."""
    counts: Counter[str] = Counter()
    generator, begin = FAMILIES[name].landscapes, time.monotonic()
    assert generator is not None
    while time.monotonic() - begin < seconds:
        seed += 1
        with np.errstate(all="ignore"):
            instance = generator.build(
                RandomSource(seed, 1), generator.variants[seed % len(generator.variants)]
            ).instance(0)
        signal.alarm(2 * LONGEST)
        try:
            study, compared, found = of_study(instance, seed)
        except TooLongError:
            counts["too long"] += 1
            continue
        finally:
            signal.alarm(0)
        counts["landscapes"] += 1
        counts["certified"] += study.bracket.certified
        counts["headlines"] += len(study.findings)
        counts["compared"] += compared
        counts["contradictions"] += len(found)
        for sentence in found:
            say(name, "landscape", seed, sentence)
    say(name, "landscapes", dict(counts))


if __name__ == "__main__":
    given, first = float(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGALRM, late)
    for family_name in FAMILIES:
        run(family_name, 0.8 * given / len(FAMILIES), first)
    certified = [name for name, family in FAMILIES.items() if family.headline]
    for family_name in certified:
        landscapes(family_name, 0.2 * given / len(certified), first)
