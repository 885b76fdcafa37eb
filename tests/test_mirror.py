"""The mirror itself, and the engine that decides beside it: generated, extreme and stored instances."""

from __future__ import annotations

import ast
import inspect
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from brackets import ends_in_ball, of_ends, of_study
from extremes import EXTREMES, stretched
from flint import fmpq
from independent import infimum
from independent.evaluate import quantities, read
from independent.losses import least_second, loss_of
from independent.networks import Network
from independent.numbers import differences, shortest, solve
from metagap.impl import files
from metagap.impl.arithmetic import Floats
from metagap.impl.families import FAMILIES, Family, loads
from metagap.impl.instances import Instance
from metagap.impl.losses import LOSSES, Link
from metagap.impl.models.activation import ACTIVATIONS
from metagap.impl.sources import RandomSource
from metagap.reports.witnesses import KEPT
from mirror import compare, names_of
from mpmath import mp, mpf

from .kinds import families, searched

HERE = Path(__file__).resolve().parent
LIMIT = 24
"""Weights of a network up to which it is compared here."""
RECORDS = {
    "quartic": {"c": "1/4"}, "pseudo-huber": {"delta": "3/2"}, "huber": {"delta": "3/2"},
}  # fmt: skip
"""The losses' parameters."""


# --- the mirror itself -----------------------------------------------------------------------------------------------


def test_the_mirror_shares_nothing_with_the_engine() -> None:
    """What its modules import, followed to the end: mpmath and the standard library."""
    for path in (HERE / "independent").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            else:
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            assert {n.split(".")[0] for n in names} <= {*sys.stdlib_module_names, "mpmath"}, path
    program = "import sys, independent.evaluate; print(*{name.split('.')[0] for name in sys.modules})"
    reached = subprocess.run(
        [sys.executable, "-c", program], cwd=HERE, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "mpmath" in reached
    assert not {"metagap", "flint", "numpy", "scipy", "torch", "sympy"} & set(reached)


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("name", LOSSES)
def test_the_mirrors_losses_are_their_own_derivatives(name: str) -> None:
    """And their suprema are met, not exceeded; they are called what the table of losses calls them."""
    with mp.workdps(60):
        loss, profile = loss_of({"name": name, **RECORDS.get(name, {})}), LOSSES[name].profile
        called = (loss.convex, loss.joint is not None, loss.kinked)
        assert called == (profile.convex, profile.joints, profile.kinked)
        signed = LOSSES[name].link is Link.MARGIN
        seen = [mpf(0)] * 4
        for k in range(-240, 241):
            z, y = mpf(3 * k) / 97 + mpf(1) / 1000, mpf(-1 if signed else "0.7")
            step = mpf(10) ** -20
            (first,) = differences(lambda t: [loss.value(t[0], y)], [z], step)[0]  # noqa: B023
            (second,) = differences(lambda t: [loss.first(t[0], y)], [z], step)[0]  # noqa: B023
            (third,) = differences(lambda t: [loss.second(t[0], y)], [z], step)[0]  # noqa: B023
            size = 1 + abs(loss.value(z, y))
            assert abs(first - loss.first(z, y)) < mpf(10) ** -30 * size
            assert abs(second - loss.second(z, y)) < mpf(10) ** -30 * size
            ratio = abs(third) / second if second > 0 else mpf(0)
            found = (abs(first), second, abs(third), ratio)
            seen = [max(a, b) for a, b in zip(seen, found, strict=True)]
        for z, h, y in product(map(mpf, (-3, "-0.4", 2)), map(mpf, (4, "-0.1")), map(mpf, (-1, 1))):
            least = min(loss.second(z + (h - z) * k / 128, y) for k in range(129))
            over = least - least_second(loss, z, h, y)
            assert -(mpf(10) ** -50) < over < mpf("0.02") * (1 + abs(least))
        for supremum, most in zip((loss.m1, loss.m2, loss.m3, loss.kappa), seen, strict=True):
            if supremum is not None:
                assert most <= supremum * (1 + mpf(10) ** -25)
                assert most >= 0.9 * supremum


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_mirrors_activations_are_their_own_derivatives(name: str) -> None:
    """And the engine's, with the same curvature."""
    with mp.workdps(60):
        model = Network({"activation": name, "b": [1], "W0": [[0]]}, [[1]])
        for t in map(mpf, ("-3", "-0.4", "0", "1.7")):
            (slope,) = differences(lambda at: [model.sigma(at[0])], [t], mpf(10) ** -20)[0]
            assert abs(slope - model.slope_of(t)) < mpf(10) ** -30
            assert abs(float(model.sigma(t)) - ACTIVATIONS[name].value(Floats, np.float64(t))) < 1e-14
        assert abs(float(model.curvature) - ACTIVATIONS[name].curvature(Floats)) < 1e-15


@pytest.mark.ci
def test_the_mirrors_infima_are_enclosed_from_both_sides() -> None:
    rng = random.Random(0)
    with mp.workdps(100):
        for _ in range(12):
            count, d = rng.randint(1, 5), rng.randint(1, 4)
            rows = [[mpf(rng.randint(-4, 4)) for _ in range(d)] for _ in range(count)]
            target = [mpf(rng.randint(-9, 9)) for _ in range(count)]
            masses = [mpf(rng.randint(1, 5)) / 7 for _ in range(count)]
            radius, eps = mpf(rng.choice([1, 20, 3000])) / 10, mpf(rng.choice([0, 1, 30])) / 10
            low, high = infimum.misfit(rows, target, masses, radius)
            assert 0 <= high - low <= mpf(10) ** -20
            lower, upper = infimum.l1(eps, rows, target)
            assert 0 <= upper - lower <= mpf(10) ** -6
            for _ in range(20):
                v = [mpf(rng.gauss(0, 1)) for _ in range(d)]
                size = mp.sqrt(mp.fdot(v, v))
                v = [x * radius * rng.random() / size for x in v]
                rests = [t - mp.fdot(row, v) for t, row in zip(target, rows, strict=True)]
                assert mp.sqrt(mp.fsum(m * r * r for m, r in zip(masses, rests, strict=True))) >= low
                assert eps * mp.sqrt(mp.fdot(v, v)) + mp.fsum(map(abs, rests)) >= lower


def test_the_mirrors_shortest_solution() -> None:
    with mp.workdps(60):
        rows = [[mpf(1), mpf(2), mpf(0)], [mpf(0), mpf(1), mpf(-1)]]
        v = shortest(rows, [mpf(3), mpf(1)])
        gram = [[mp.fdot(a, b) for b in rows] for a in rows]
        alpha = solve(gram, [mpf(3), mpf(1)])
        for j in range(3):
            assert abs(v[j] - mp.fsum(a * row[j] for a, row in zip(alpha, rows, strict=True))) < mpf(10) ** -50


ELSEWHERE = {"bracket", "certified_gap"}
"""Of the headline alone, against an optimum that a search found: see `test_certified_brackets_and_headlines`."""


@families(searched)
def test_the_mirror_knows_what_claims_name(family: Family) -> None:
    """Quantities, extras and margins; what it does not know it would pass over."""
    with np.errstate(all="ignore"):
        generator = family.generators[0]
        instance = generator.build(RandomSource(0, 1), generator.variants[0]).instance(0)
    mirror = type(quantities(read(files.dumps(instance)), 60))
    named = {*names_of(family.claims), *names_of(family.all_claims)} - {"radius"}
    unknown = {name for name in named if not hasattr(mirror, name)} - ELSEWHERE
    where = Path(inspect.getfile(mirror)).relative_to(HERE.parent)
    assert not unknown, f"{where}: {sorted(unknown)}, properties of {mirror.__name__}; a margin's is a truth, or None"
    assert not ELSEWHERE & set(names_of(family.claims))


# --- the engine beside the mirror ------------------------------------------------------------------------------------


def small(instance: Instance) -> bool:
    start = read(files.dumps(instance))["omega"]
    if isinstance(start[0], dict):
        return sum(len(array["values"]) for array in start) <= LIMIT
    return not isinstance(start[0], list) or len(start) * len(start[0]) <= LIMIT


def drawn(family: Family, count: int) -> Iterator[tuple[str, Instance]]:
    """That many small instances, generators and variants in turn; every fourth one is stretched."""
    k = found = 0
    while found < count:
        generator = family.wild[(5 * k) % len(family.wild)]
        variants = family.all_variants(generator)
        variant = variants[k % len(variants)]
        with np.errstate(all="ignore"):
            instance = generator.build(RandomSource((11, k), 1), variant).instance(0)
        name = f"{family.name} {generator.name} {variant} {k}"
        k += 1
        if not small(instance):
            continue
        found += 1
        yield name, instance
        if found % 4 == 0:
            document = stretched(read(files.dumps(instance)), np.random.default_rng(k))
            yield f"{name} stretched", loads(json.dumps(document))


@pytest.mark.ci(every=6)
@families(searched)
def test_the_engine_says_what_the_mirror_says(family: Family, effort: int) -> None:
    named: set[str] = set()
    for name, instance in drawn(family, 4 * effort):
        found = compare(instance)
        assert not found.contradictions, (name, found.contradictions)
        named |= {c.rpartition(": ")[2] for c in found.compared}
    assert {"gap", "eps", "weight_norm", "misfit", "misfit_l1", "pairing", "chain_rule_defect", "verdict"} <= named


@pytest.mark.ci
def test_the_engine_says_what_the_mirror_says_at_extremes(effort: int) -> None:
    for name in list(EXTREMES)[:: max(6 // effort, 1)]:
        found = compare(loads(json.dumps(EXTREMES[name])))
        assert not found.contradictions, (name, found.contradictions)
        assert len(found.compared) > 30, name


@pytest.mark.ci
def test_the_engine_says_what_the_mirror_says_of_counterexamples(effort: int) -> None:
    stored = sorted(KEPT.glob("*.json"))
    compared = 0
    for path in stored[:: max(16 // effort, 1)]:
        document = json.loads(path.read_text(encoding="utf-8"))
        instance = loads(json.dumps(document.get("instance", document)))
        if small(instance):
            found = compare(instance)
            assert not found.contradictions, (path.name, found.contradictions)
            compared += len(found.compared)
    assert compared > 100


@pytest.mark.ci
def test_wide_networks(effort: int) -> None:
    """More weights than differences are taken in: eps is how L changes along <w, phi>."""
    generator = FAMILIES["network"].generator("arbitrary")
    wide = 0
    for seed in range(40):
        with np.errstate(all="ignore"):
            instance = generator.build(RandomSource((3, seed), 1), "log-cosh").instance(0)
        if 64 < instance.width * instance.initial.dimension <= 256:
            found = compare(instance, judged=False)
            assert not found.contradictions, (seed, found.contradictions)
            assert "eps" in found.compared or not instance.adaptation.eta
            wide += 1
            if wide == effort:
                break
    assert wide


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.headline])
def test_certified_brackets_and_headlines(name: str, effort: int) -> None:
    """No value of L lies beyond a certified end, and every term of the headline is what the mirror says."""
    generator = FAMILIES[name].landscapes
    assert generator is not None
    studied = seed = compared = 0
    while studied < effort:
        seed += 1
        variant = generator.variants[seed % len(generator.variants)]
        with np.errstate(all="ignore"):
            instance = generator.build(RandomSource((7, seed), 1), variant).instance(0)
        if not small(instance):
            continue
        _, count, found = of_study(instance, seed, 4 * effort)
        assert not found, (name, seed, found)
        studied, compared = studied + 1, compared + count
    assert compared > 10


@pytest.mark.ci
@pytest.mark.parametrize("name", ["network", "smooth-network"])
def test_certified_brackets_in_a_ball(name: str, effort: int) -> None:
    generator = FAMILIES[name].landscapes
    assert generator is not None
    bracketed = seed = 0
    while bracketed < 2 * effort:
        seed += 1
        variant = generator.variants[seed % len(generator.variants)]
        with np.errstate(all="ignore"):
            instance = generator.build(RandomSource((8, seed), 1), variant).instance(0)
        if not small(instance):
            continue
        bracketed += 1
        _, found = of_ends(instance, ends_in_ball(instance, fmpq(seed % 5 + 1, 2)), seed, 4 * effort)
        assert not found, (name, seed, found)
