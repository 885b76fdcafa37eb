"""Counts and closed forms at W0 against their definitions in exact arithmetic, at every scale: no square underflows."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, norm, root
from metagap.impl.families import META_RL_NETWORK, NETWORK, judge, loads
from metagap.impl.losses import Loss
from metagap.impl.models import flips
from metagap.impl.models.weights import Weights, squared_distance
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, Task
from metagap.impl.supervised.relu.problem import NetworkProblem
from metagap.theory.claim import Verdict

TINY = """{"format": "metagap/instance/1", "problem": "meta-sl", "loss": {"name": "squared"},
 "adaptation": {"name": "gradient", "eta": 0, "steps": 1}, "model": {"name": "relu-network", "b": [1], "W0": [["%s"]]},
 "features": [["%s"]], "tasks": [{"weight": 1, "atoms": [{"x": 0, "y": 1, "p": 1}]}],
 "omega": [["%s"]], "comparator": [["%s"]], "radius": 1}"""

SCALES = (0, -40, -700, -1060, 300, 1000, 1400)
"""Exponents of two: beyond +-500 squares of float64 numbers underflow or overflow, beyond 1000 the numbers do."""


def problem(start: list[list[fmpq]], omega: list[list[fmpq]], x: list[fmpq]) -> NetworkProblem:
    """One task at one input."""
    task = Task(fmpq(1), (Atom(0, fmpq(1), fmpq(1)),))
    signs = tuple((-1) ** (r % 3) for r in range(len(start)))
    instance = NetworkInstance(
        Loss("squared"), Gradient(fmpq(0)), (tuple(x),), (task,), signs, Weights.of([tuple(row) for row in start]),
        Weights.of([tuple(row) for row in omega]), Functions(((fmpq(0),),)), fmpq(1),
    )  # fmt: skip
    return NetworkProblem(instance, Balls)


def drawn(seed: int, width: int) -> tuple[NetworkProblem, list[fmpq]]:
    """A network of that width at some scale, and |W0_r'x|, sorted."""
    rng = np.random.default_rng(seed)
    big, small = (fmpq(2) ** int(e) for e in rng.choice(SCALES, 2))
    unit = fmpq(1, 3) if seed % 3 == 0 else fmpq(1, 8)  # thirds are no float64 numbers

    def rows(reach: int) -> list[list[fmpq]]:
        return [[unit * int(v) * big for v in row] for row in rng.integers(-reach, reach + 1, (width, 2))]

    start, x = rows(3 + width), [fmpq(int(v), 4) * small for v in rng.integers(-9, 10, 2)]
    moves = rows(2)
    omega = [[u + v for u, v in zip(*pair, strict=True)] for pair in zip(start, moves, strict=True)]
    near = sorted(abs(sum((u * v for u, v in zip(row, x, strict=True)), start=fmpq(0))) for row in start)
    return problem(start, omega, x), near


@pytest.mark.ci
@pytest.mark.parametrize("width", [1, 5, 40, 700])
def test_counts_are_exact_at_every_scale(width: int, effort: int) -> None:
    """Below, at and above every sum of squares: ties count."""
    for seed in range((40 if width < 700 else 4) * effort):
        posed, near = drawn(seed, width)
        product = posed.inputs.products[0][0]
        if product == 0:
            continue
        sums = list(itertools.accumulate((v * v / product for v in near), initial=fmpq(0)))
        for k in {0, 1, width // 2, width - 1, width}:
            for off in (fmpq(-1, 2**200), fmpq(0), fmpq(1, 2**200)):
                squared = sums[k] * (1 + off)
                expected = sum(total <= squared for total in sums) - 1
                with ctx.workprec(512):
                    budget = root(arb(squared))
                    (exact,) = flips.budget_counts(posed.start, budget, [0], squared=squared)
                    (enclosed,) = flips.budget_counts(posed.start, budget, [0])
                assert exact == expected, (seed, k, off)
                assert enclosed.contains(expected)
                assert off == 0 or float(enclosed.rad()) == 0


def test_the_linear_count_of_a_mutant_is_exact() -> None:
    for seed in range(40):
        posed, near = drawn(seed, 30)
        product = posed.inputs.products[0][0]
        if product == 0:
            continue
        sums = list(itertools.accumulate(near, initial=fmpq(0)))
        with ctx.workprec(512):
            budget = arb(sums[12] * (1 + fmpq(1, 2**99))) / root(arb(product))
            (found,) = flips.budget_counts(posed.start, budget, [0], power=1)
        assert found == sum(total <= sums[12] for total in sums) - 1


@pytest.mark.ci(every=2)
@pytest.mark.parametrize("width", [1, 6, 40, 700])
def test_closed_forms_enclose_their_definitions_at_every_scale(width: int, effort: int) -> None:
    for seed in range((40 if width < 700 else 4) * effort):
        posed, _ = drawn(seed, width)
        inputs, start, omega = posed.inputs, posed.start, posed.omega
        x = inputs.rows[0]
        if inputs.products[0][0] == 0:
            continue
        with ctx.workprec(320):
            size, signs = root(arb(inputs.products[0][0])), posed.instance.signs
            budget = root(arb(squared_distance(omega.weights, start.weights)))
            sums, reached, own = {}, {1: arb(0), -1: arb(0)}, {1: arb(0), -1: arb(0)}
            for sign in (1, -1):
                members = [r for r, b in enumerate(signs) if b == sign]
                totals = itertools.accumulate(sorted(abs(start.weights.dot(r, x)) for r in members), initial=fmpq(0))
                sums[sign] = list(totals)
                for r in members:
                    rows = zip(omega.weights.row(r), start.weights.row(r), strict=True)
                    moved = norm([arb(u - v) for u, v in rows])
                    reached[sign] += (moved * size - arb(abs(start.weights.dot(r, x)))).max(arb(0))
                    if moved * size >= abs(omega.weights.dot(r, x)):
                        own[sign] += moved
            worst = max(
                (budget * size * arb(k).sqrt() - arb(t) for totals in sums.values() for k, t in enumerate(totals)),
                key=lambda v: v.mid(),
            )  # fmt: skip
            (found,) = flips.worst_cases(posed, budget)
            assert found.overlaps(worst * posed.shrink)
            assert found.rad() <= arb(2) ** -250 * (budget * size + found.mid())
            (bound,) = flips.displacement_bounds(posed)
            assert bound.overlaps(reached[1].max(reached[-1]) * posed.shrink)
            (own_bound,) = flips.own_bounds(posed)
            assert not own_bound.upper() < own[1].max(own[-1]).mid() * size * posed.shrink * (1 - arb(2) ** -200)


@pytest.mark.parametrize("exponent", [-200, -170, 0, 170, 200, 330])
def test_a_flip_that_is_too_far_is_not_counted(exponent: int) -> None:
    """W moves away from the kink by less than W0 is from it: k* = 0, and no neuron flips."""
    start, omega = f"1e{exponent}", f"1.0000000001e{exponent}"
    instance = loads(TINY % (start, 1, omega, omega))
    with ctx.workprec(128):
        assert NETWORK.quantities(instance)("error_count") == 0
    claim = next(c for c in judge(instance).claims if c.claim == "network-error-count")
    assert claim.verdict is Verdict.PROVED
    assert claim.bound is not None
    assert (claim.bound.lo, claim.bound.hi) == (0.0, 0.0)


@pytest.mark.parametrize("family", [NETWORK, META_RL_NETWORK], ids=lambda family: family.name)
def test_counts_do_not_depend_on_the_unit(family: type, effort: int) -> None:
    """W0, W and so B in another unit: the same counts, the same errors. Without a step, which has a unit of its own."""
    compared = 0
    for seed in range(8 * effort):
        generator = family.generator("arbitrary")  # type: ignore[attr-defined]
        with np.errstate(all="ignore"):
            instance = generator.build(RandomSource((seed, 6), 1), generator.variants[0]).instance(0)
        found = []
        for exponent in (0, -600, 600):
            unit = 2.0**exponent
            scaled = {name: Weights(getattr(instance, name).floats * unit) for name in ("initial", "omega")}
            if family is NETWORK:
                scaled["adaptation"] = Gradient(fmpq(0))  # type: ignore[assignment]
            at = replace(instance, **scaled)  # type: ignore[arg-type]
            with ctx.workprec(128):
                quantities = family.quantities(at)  # type: ignore[attr-defined]
                start, own = quantities.problem.start, quantities.displacement_init
                squared = squared_distance(at.omega, at.initial)
                xs = range(len(quantities.problem.inputs.rows))
                found.append([str(v) for v in flips.budget_counts(start, own, xs, squared=squared)])
        assert found[0] == found[1] == found[2]
        compared += len(found[0])
    assert compared >= 10
