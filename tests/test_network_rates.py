"""Rates in the width as the theory says, both ways, and an infimum that is not attained."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from flint import ctx, fmpq
from metagap.impl.arithmetic import Rationals
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum.networks import rates
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, Task
from metagap.impl.supervised.relu.quantities import NetworkQuantities


def test_the_infimum_over_a_ball_need_not_be_attained() -> None:
    """m = d = b = 1, eta = 1/4, tasks (2, 3) and (1, 0): L = 9 W^2/64 for W > 0 and 9/4 for W <= 0, in rationals."""

    def value(w: fmpq) -> fmpq:
        tasks = (
            Task(fmpq(1, 2), (Atom(0, fmpq(3), fmpq(1)),)),
            Task(fmpq(1, 2), (Atom(1, fmpq(0), fmpq(1)),)),
        )
        one, zero = Weights.of([(fmpq(1),)]), Functions(((fmpq(3), fmpq(0)), (fmpq(3), fmpq(0))))
        instance = NetworkInstance(
            Loss("squared"), Gradient(fmpq(1, 4)), ((fmpq(2),), (fmpq(1),)), tasks, (1,), one, Weights.of([(w,)]),
            zero, fmpq(1),
        )  # fmt: skip
        gap: fmpq = NetworkQuantities(instance, Rationals)("gap")
        return gap

    assert value(fmpq(0)) == value(fmpq(-1)) == fmpq(9, 4)
    for e in range(0, 60, 10):
        w = fmpq(1, 2**e)
        assert value(w) == 9 * w * w / 64 > 0


@pytest.mark.ci
def test_the_atom_has_its_rate_and_its_constant() -> None:
    """Slope within 0.02 of -1/6, constant within 3 % from width 2^10 on."""
    widths = [2**e for e in range(10, 17, 2)]
    samples = rates.atom(widths)
    slope = rates.fit(widths, samples)
    assert abs(slope.value + 1 / 6) <= 0.02
    for m, values in zip(widths, samples, strict=True):
        assert float(values.mean()) / (rates.atom_constant(3) * m ** (-1 / 6)) == pytest.approx(1, abs=0.03)


@pytest.mark.ci
def test_a_quarter_is_not_the_rate_in_one_dimension() -> None:
    """c = 1 for the uniform law on [-1, 1], and yet the supremum outgrows every multiple of m^{-1/4}."""
    widths = [2**e for e in range(6, 17, 2)]
    scaled = [values.mean() * m**0.25 for m, values in zip(widths, rates.atom(widths, 1, 0, 3**-0.5), strict=True)]
    assert all(b > a for a, b in itertools.pairwise(scaled))
    assert scaled[-1] > 1.5 * scaled[0]


@pytest.mark.ci
def test_no_adversary_on_the_sphere_beats_n3() -> None:
    widths = [2**e for e in range(6, 13, 2)]
    found, bounds = rates.sphere(widths, repetitions=4)
    for best, bound in zip(found, bounds, strict=True):
        assert (best <= bound).all()
        assert (best > bound / 20).all(), "the adversaries are asleep"
    assert -0.5 < rates.fit(widths, found).value < -0.25


@pytest.mark.ci
def test_the_population_norm_is_the_mean_over_samples() -> None:
    rng = np.random.default_rng(4)
    initial = rng.standard_normal((40, 3)) / 3**0.5
    signs = rng.choice([-1, 1], 40)
    moved = initial + rng.standard_normal((40, 3)) / 4
    exact = rates.population_norm(initial, moved, signs, 40)
    x = rng.standard_normal((400_000, 3))
    x /= np.linalg.norm(x, axis=1)[:, None]
    flips = (x @ moved.T > 0).astype(float) - (x @ initial.T > 0)
    errors = ((flips * (x @ moved.T)) @ signs / 40**0.5) ** 2
    assert exact**2 == pytest.approx(errors.mean(), abs=5 * errors.std() / len(x) ** 0.5)


@pytest.mark.ci
def test_the_gap_bound_itself_degrades_on_moving_data() -> None:
    """(||G_0|| - eps)/||w|| is of the order of its closed form: at fixed data it would be m^{-1/3}."""
    for m in (2**10, 2**12):
        measured = rates.moving((m,), 2)[0].mean()
        assert measured == pytest.approx(rates.moving_excess(m), rel=0.2)


def test_adversaries_are_those_of_the_deciding_engine() -> None:
    """The float closed form of rates is the ball's, on the same network."""
    rng = np.random.default_rng(2)
    initial = rng.standard_normal((64, 3)) / 3**0.5
    signs = rng.choice([-1, 1], 64)
    omega = initial.copy()
    chosen, rows = rates.kink_adversary(initial, signs)
    omega[chosen] = rows
    instance = NetworkInstance(
        Loss("squared"), Gradient(fmpq(0)), ((fmpq(1), fmpq(0), fmpq(0)),),
        (Task(fmpq(1), (Atom(0, fmpq(0), fmpq(1)),)),), tuple(int(b) for b in signs), Weights(initial), Weights(omega),
        Functions(((fmpq(0),),)), fmpq(1),
    )  # fmt: skip
    with ctx.workprec(128):
        at = NetworkQuantities(instance)
        worst = float(at("linearisation_worst").mid())
        one_sign = np.where(signs == 1, np.abs(initial[:, 0]), np.inf)
        assert rates.worst_at_atom(np.abs(initial[:, 0]), signs, 1.0) == pytest.approx(worst, rel=1e-12)
        reached = rates.worst_at_atom(one_sign[np.isfinite(one_sign)], np.ones(int((signs == 1).sum())), 1.0)
        reached *= (signs == 1).sum() ** 0.5 / 8
        assert float(at("linearisation").mid()) == pytest.approx(reached, rel=1e-12)


@pytest.mark.parametrize("reach", [0.25, 1.0, 16.0])
def test_the_nearest_neurons_are_enough(reach: float) -> None:
    """All of them sorted give the same, also where most are far, and where those of one sign are."""
    rng = np.random.default_rng(5)
    signs = rng.choice([-1, 1], 200)
    for near in (np.abs(rng.standard_normal(200)), 0.3 + 0.1 * rng.random(200), rng.random(200) + 0.25 * (signs > 0)):
        both = [np.sort(near[signs == sign]) for sign in (1, -1)]
        sums = [reach * np.sqrt(np.arange(1.0, len(own) + 1)) - np.cumsum(own) for own in both]
        expected = max(0.0, *(float(each.max()) for each in sums)) / 200**0.5
        assert rates.worst_at_atom(near, signs, reach) == pytest.approx(expected, rel=1e-12)
