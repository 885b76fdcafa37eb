"""Networks built to have given values: they attain the floor over all networks, and say where they cannot be built."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from metagap.impl.arithmetic import Balls
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum.networks.answer import RELU, SMOOTH
from metagap.impl.optimum.networks.bracket import value
from metagap.impl.optimum.networks.floor import prediction_floor
from metagap.impl.optimum.networks.interpolant import LARGEST, interpolant, interpolants
from metagap.impl.real_tasks.networks import digits_network, sinusoid_network
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, SmoothInstance, Task
from metagap.impl.supervised.relu.problem import NetworkProblem
from metagap.impl.supervised.smooth.problem import SmoothProblem
from metagap.theory.claim import Verdict

FEW = settings(max_examples=max(settings().max_examples // 2, 1))


def problem(inputs: np.ndarray, labels: list[list[tuple[int, int]]], width: int) -> NetworkInstance:
    """Tasks with uniform atoms (input, label), width/2 neurons of each sign, W0 = 0.5 everywhere, eta = 1/2."""
    rows = tuple(tuple(fmpq(int(v), 8) for v in row) for row in inputs)
    tasks = tuple(
        Task(fmpq(1, len(labels)), tuple(Atom(x, fmpq(y), fmpq(1, len(atoms))) for x, y in atoms)) for atoms in labels
    )
    start = Weights(np.full((width, inputs.shape[1]), 0.5))
    signs = (1, -1) * (width // 2)
    return NetworkInstance(
        Loss("squared"), Gradient(fmpq(1, 2)), rows, tasks, signs, start, start, start, fmpq(1)
    ).canonical


def smooth(instance: NetworkInstance, activation: str) -> SmoothInstance:
    return SmoothInstance.of(instance, activation).canonical  # type: ignore[return-value]


def above_floor(instance: NetworkInstance, weights: Weights) -> arb:
    """L at the weights minus the floor over all networks."""
    with ctx.workprec(128):
        return value(NetworkProblem(instance, Balls), weights) - prediction_floor(instance).value


@FEW
@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(2, 4))
def test_enough_neurons_attain_the_floor(seed: int, count: int, dimension: int) -> None:
    """Inputs on different rays of a half-space, a label each, two tasks: L is the floor but for float64's rounding."""
    rng = np.random.default_rng(seed)
    slopes = rng.choice(64, count, replace=False) - 32
    rest = rng.integers(-32, 33, (count, dimension - 2))
    inputs = np.column_stack([np.full(count, 8), slopes, rest]) * rng.integers(1, 4, (count, 1))
    atoms = [(x, int(y)) for x, y in enumerate(rng.integers(-4, 5, count))]
    cut = int(rng.integers(1, count)) if count > 1 else 1
    labels = [part for part in (atoms[:cut], atoms[cut:]) if part]
    instance = problem(inputs, labels, 2 * count)
    built = interpolant(instance, prediction_floor(instance).functions)
    assert built is not None and above_floor(instance, built) < 1e-9


def test_too_few_neurons_of_a_sign() -> None:
    inputs = np.array([[8, 0], [8, 8], [8, 16]])
    labels = [[(0, 1), (1, -1), (2, 1)]]
    assert interpolant(problem(inputs, labels, 6), prediction_floor(problem(inputs, labels, 6)).functions) is not None
    small = problem(inputs, labels, 2)
    assert interpolant(small, prediction_floor(small).functions) is None


def test_inputs_that_tasks_dispute() -> None:
    instance = problem(np.array([[8, 0], [8, 8]]), [[(0, 1)], [(0, -1), (1, 1)]], 8)
    assert interpolant(instance, prediction_floor(instance).functions) is None
    agreed = problem(np.array([[8, 0], [8, 8]]), [[(0, 1)], [(0, 1), (1, 1)]], 8)
    built = interpolant(agreed, prediction_floor(agreed).functions)
    assert built is not None and above_floor(agreed, built) < 1e-20


def test_inputs_around_the_origin_have_no_positive_direction() -> None:
    instance = problem(np.array([[8, 0], [-4, 7], [-4, -7]]), [[(0, 1), (1, 2), (2, 3)]], 16)
    assert interpolant(instance, prediction_floor(instance).functions) is None


def test_values_on_one_ray_must_be_in_proportion() -> None:
    instance = problem(np.array([[8, 8], [16, 16], [8, 0]]), [[(0, 1), (1, 2), (2, 3)]], 8)
    built = interpolant(instance, Functions(((fmpq(1), fmpq(2), fmpq(3)),)))
    assert built is not None and above_floor(instance, built) < 1e-20
    assert interpolant(instance, Functions(((fmpq(1), fmpq(1), fmpq(3)),))) is None


def test_an_input_of_zero_allows_the_value_zero_alone() -> None:
    instance = problem(np.array([[0, 0], [8, 8]]), [[(0, 2), (1, 1)]], 4)
    built = interpolant(instance, prediction_floor(instance).functions)
    assert built is not None and abs(above_floor(instance, built)) < 1e-20
    assert interpolant(instance, Functions(((fmpq(2), fmpq(1)),))) is None


@pytest.mark.ci
@pytest.mark.parametrize(
    ("build", "gap"), [(sinusoid_network, 0.05), (digits_network, 0.3)], ids=["sinusoid", "digits"]
)
def test_wide_networks_on_real_tasks_have_a_certified_optimum(build: object, gap: float) -> None:
    """Width 256: the optimum over all networks is 0 to within 1e-9, and W0 is certified that far from it."""
    instance = build(256)  # type: ignore[operator]
    optimum = RELU.bracketed(instance)
    assert optimum.certified and optimum.upper < 1e-9
    finding = RELU.judge(replace(instance, omega=instance.initial), optimum)
    assert finding.judged.verdict is Verdict.PROVED and finding.spurious
    assert finding.above.lo > gap
    assert finding.judged.ratio is not None and finding.judged.ratio > 0.1


def proposals(seed: int, count: int, activation: str) -> list[float]:
    """L minus the floor at each proposed smooth network of width 32: a task with small labels in R^2."""
    rng = np.random.default_rng(seed)
    inputs = np.column_stack([np.full(count, 8), 8 * rng.choice(8, count, replace=False) - 28])
    labels = [[(x, int(y)) for x, y in enumerate(rng.integers(-1, 2, count))]]
    instance = smooth(problem(inputs, labels, 32), activation)
    with ctx.workprec(128):
        floor, at = prediction_floor(instance), SmoothProblem(instance)
        proposed = interpolants(instance, floor.functions)
        return [float((value(at, w) - floor.value).abs_upper()) for w in proposed]


@FEW
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_pairs_of_softplus_neurons_attain_the_floor(seed: int, count: int) -> None:
    """One network is proposed, that of the pairs: where none can be built, several are fitted."""
    (above,) = proposals(seed, count, "softplus")
    assert above < 1e-9


@pytest.mark.ci
def test_fitting_tanh_networks_attains_the_floor_mostly() -> None:
    """Levenberg-Marquardt may stop early: it proposes."""
    found = [min(proposals(seed, 1 + seed % 6, "tanh")) for seed in range(18)]
    assert sum(above < 1e-9 for above in found) >= 13


def test_where_smooth_networks_are_not_built() -> None:
    disputed = smooth(problem(np.array([[8, 0], [8, 8]]), [[(0, 1)], [(0, -1), (1, 1)]], 8), "softplus")
    assert not list(interpolants(disputed, prediction_floor(disputed).functions))
    few = smooth(problem(np.array([[8, 0], [8, 8]]), [[(0, 1), (1, 1)]], 2), "softplus")
    assert (
        len(list(interpolants(few, prediction_floor(few).functions))) > 1
    )  # fitted: one neuron of each sign is no pair each
    wide = smooth(problem(np.array([[8, 0], [8, 8]]), [[(0, 1), (1, 1)]], LARGEST), "tanh")
    assert not list(interpolants(wide, prediction_floor(wide).functions))


@pytest.mark.ci
def test_a_smooth_network_on_real_tasks_has_a_certified_optimum() -> None:
    instance = smooth(digits_network(64), "softplus")
    optimum = SMOOTH.bracketed(instance)
    assert optimum.certified and optimum.upper < 1e-9
