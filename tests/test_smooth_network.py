"""Smooth networks: both engines and autograd agree, claims are never violated, wrong theorems are refuted, files."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from metagap.impl import files
from metagap.impl.arithmetic import Balls, rational
from metagap.impl.families import SMOOTH_NETWORK, judge, loads
from metagap.impl.losses import Loss
from metagap.impl.models.activation import ACTIVATIONS
from metagap.impl.models.weights import Weights
from metagap.impl.optimum.networks.rates import measure_smooth
from metagap.impl.real_tasks.networks import sinusoid_network
from metagap.impl.sources import Limits, RandomSource
from metagap.impl.strategies import instances
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, SmoothInstance, Task
from metagap.impl.supervised.smooth.batch_quantities import SmoothBatchQuantities
from metagap.impl.supervised.smooth.quantities import SmoothQuantities
from metagap.impl.supervised.smooth.rank import certainly_dependent
from metagap.theory.claim import Verdict
from metagap.theory.smooth_network import CLAIMS

from .kinds import no_claim_is_violated

LOSSES = ("squared", "logistic", "pseudo-huber", "poisson")
NARROW = Limits(tasks=2, points=3, labels=2, dimension=2)
FEW = settings(max_examples=max(settings().max_examples // 4, 1))
SHARED = (
    "gap", "pairing", "eps", "weight_norm", "misfit", "eps_first_order", "misfit_plain", "eps_init", "misfit_init",
    "misfit_no_fold", "misfit_curvature_adapted", "misfit_outer_unadapted", "gradient_difference", "error_operator",
    "error_trace", "error_pointwise", "error_ball", "linearisation", "linearisation_taylor", "linearisation_ball",
    "eps_projected", "misfit_projected", "error_half_curvature", "error_no_fold", "error_own", "error_ball_own",
    "error_ball_narrow", "linearisation_ball_narrow", "misfit_reversed", "misfit_frozen", "misfit_one_missing",
    "min_norm_solution", "min_norm_init", "condition",
)  # fmt: skip


def built(name: str, loss: str, seed: int, size: int) -> list[tuple[SmoothInstance, SmoothBatchQuantities, int]]:
    with np.errstate(all="ignore"):
        batch = SMOOTH_NETWORK.generator(name).build(RandomSource((seed, 3), size), loss, NARROW)
        at = SmoothBatchQuantities(batch)
    return [(batch.instance(b), at, b) for b in range(size)]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_of_the_activations(name: str) -> None:
    """The mean value theorem over a small ball: each difference quotient lies in the derivative's enclosure."""
    sigma = ACTIVATIONS[name]
    with ctx.workprec(128):
        for t in (-5, -1, 0, 2):
            low, high = fmpq(t), fmpq(t) + fmpq(1, 2**20)
            span = Balls.number(low).union(Balls.number(high))
            for lower, upper in ((sigma.value, sigma.d1), (sigma.d1, sigma.d2)):
                rise = (lower(Balls, Balls.number(high)) - lower(Balls, Balls.number(low))) * 2**20
                assert upper(Balls, span).overlaps(rise)
                assert float(upper(Balls, span).rad()) < 1e-5


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_curvature_is_the_largest_second_derivative(name: str) -> None:
    """Never exceeded on boxes that cover [-8, 8], beyond which both decay; attained where `drift` starts."""
    sigma = ACTIVATIONS[name]
    with ctx.workprec(128):
        most = sigma.curvature(Balls)
        for k in range(-(2**12), 2**12):
            span = Balls.number(fmpq(k, 2**9)).union(Balls.number(fmpq(k + 1, 2**9)))
            assert sigma.d2(Balls, span).abs_lower() <= most
        there = abs(sigma.d2(Balls, Balls.number(rational(sigma.steepest))))
        assert float((there - most).abs_upper()) < 1e-14
        assert not most < there


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_activations_are_called_is_so(name: str) -> None:
    """What the rank of features and the floor of predictions take for granted."""
    sigma = ACTIVATIONS[name]
    with ctx.workprec(128):
        for t in map(arb, (0, 0.25, 1, 3, 20)):
            up, down = sigma.value(Balls, t), sigma.value(Balls, -t)
            slopes = sigma.d1(Balls, t), sigma.d1(Balls, -t)
            assert all(0 <= slope <= 1 for slope in slopes)
            assert (up + down).contains(0) if sigma.odd else sum(slopes).contains(1)
            assert max(abs(up), abs(down)) < 1 if sigma.bounded else down >= 0
        far = sigma.value(Balls, arb(10**6))
        assert far > 0.999 if sigma.bounded else far > 1000


@pytest.mark.ci(every=12)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ["arbitrary", "tangent", "drift", "interpolating", "support-query"])
def test_both_engines_agree(loss: str, name: str) -> None:
    compared = 0
    for seed in range(2):
        for instance, floats, b in built(name, loss, seed, 3):
            with ctx.workprec(128):
                balls = SmoothQuantities(instance)
                for quantity in SHARED:
                    with np.errstate(all="ignore"):
                        value, scale = floats(quantity)[b], floats.scale[b]
                    if not np.isfinite(value) or not np.isfinite(scale):
                        continue
                    enclosure = balls(quantity)
                    unit = 2.0**-34 * (abs(value) + balls.scale(quantity) + scale)
                    assert float((enclosure - float(value)).abs_lower()) <= unit, (quantity, value, enclosure)
                    compared += 1
    assert compared >= 30


@pytest.mark.ci
@pytest.mark.parametrize("loss", LOSSES)
def test_autograd_agrees_with_taylor(loss: str) -> None:
    from metagap.impl.oracles.network_autograd import meta_gradient

    compared, steps = 0, set()
    for seed in range(8):
        for instance, _, _ in built("arbitrary", loss, seed, 1):
            with ctx.workprec(128):
                at = SmoothQuantities(instance)
                if at.scale("eps") > 1e6:
                    continue
                _, gradient = meta_gradient(instance)
                for ball, value in zip(at._whole_gradient.entries, gradient.ravel(), strict=True):
                    assert float((ball - float(value)).abs_lower()) <= 1e-9 * (at.scale("eps") + 1e-6)
                compared += 1
                steps.add(instance.adaptation.steps)
    assert compared >= 4
    assert len(steps) >= 2


@FEW
@given(instances("arbitrary", family=SMOOTH_NETWORK, limits=NARROW))
def test_no_claim_is_violated(instance: SmoothInstance) -> None:
    no_claim_is_violated(instance)


@pytest.mark.ci(every=15)
@pytest.mark.parametrize("name", [g.name for g in SMOOTH_NETWORK.generators])
def test_claims_are_proved(name: str) -> None:
    counts: Counter[str] = Counter()
    variants = SMOOTH_NETWORK.generator(name).variants
    for loss in [loss for loss in LOSSES if loss in variants] if len(variants) > 2 else variants:
        for instance, _, _ in built(name, loss, 7, 2):
            for judged in judge(instance).claims:
                counts[judged.verdict.name] += 1
    assert counts["VIOLATED"] == 0
    assert counts["UNDECIDED"] <= 0.02 * counts.total()
    assert counts["PROVED"] + counts["EQUAL"] >= 0.9 * counts.total()


def test_tangent_comparators_attain_the_bound_with_bregman() -> None:
    tight = 0
    for loss in LOSSES:
        for instance, floats, b in built("tangent", loss, 4, 4):
            with ctx.workprec(128), np.errstate(all="ignore"):
                at = SmoothQuantities(instance)
                attained = at("gap") + at("bregman")
                bound = at("radius") * at("eps") + at("weight_norm") * at("misfit")
                assert abs(float((attained - bound).mid())) <= 2.0**-40 * floats.scale[b]
                tight += bool(bound > 0)
    assert tight >= 10


def test_tangent_comparators_at_the_start_attain_the_bound_with_bregman() -> None:
    tight = 0
    for loss in LOSSES:
        for instance, floats, b in built("tangent-start", loss, 4, 4):
            with ctx.workprec(128), np.errstate(all="ignore"):
                at = SmoothQuantities(instance)
                attained = at("gap") + at("bregman")
                bound = at("radius") * at("eps_init") + at("weight_norm") * at("misfit_init")
                assert abs(float((attained - bound).mid())) <= 2.0**-40 * floats.scale[b]
                tight += bool(bound > 0)
    assert tight >= 10


def test_files_are_read_back_and_faults_named() -> None:
    instance = built("functions", "logistic", 1, 1)[0][0]
    text = files.dumps(instance)
    assert loads(text) == instance
    assert loads(text).sha256 == instance.sha256
    document = json.loads(text)
    document["model"]["activation"] = "step"
    with pytest.raises(files.BadInputError, match=r"model.activation='step': 'softplus' or 'tanh' is required"):
        loads(json.dumps(document))
    del document["model"]["activation"]
    with pytest.raises(files.BadInputError, match=r"model.activation"):
        loads(json.dumps(document))


@pytest.mark.ci
def test_features_at_any_places_are_gates_times_inputs() -> None:
    """Of one network, asked again for as many places of other inputs."""
    network = SmoothQuantities(SmoothInstance.of(sinusoid_network(16), "tanh")).problem.omega
    inputs, gates = network.inputs.tolist(), network.gates.tolist()
    for xs in ([0], [1], [1, 0], [0, 1]):
        expected = [[row[x] * v for row in gates for v in inputs[x]] for x in xs]
        assert network.rows(xs).overlaps(Balls.matrix(expected))
        assert max(float(v.rad()) for v in (network.rows(xs) - Balls.matrix(expected)).entries()) < 1e-12


def test_a_wide_network_is_judged() -> None:
    """Width 1024: the identity, the chain rule and the bound."""
    rng = np.random.default_rng(2)
    width, d, k = 1024, 3, 3
    initial = np.round(rng.standard_normal((width, d)) * 2**10) / 2**10
    omega = initial + np.round(rng.standard_normal((width, d)) * 2**6) / 2**12
    rows = tuple(tuple(fmpq(int(v), 8) for v in row) for row in rng.integers(-8, 9, (k, d)))
    tasks = tuple(Task(fmpq(1, 2), tuple(Atom(x, fmpq(x - i), fmpq(1, k)) for x in range(k))) for i in range(2))
    instance = SmoothInstance(
        Loss("squared"), Gradient(fmpq(1, 2)), rows, tasks, tuple(int(b) for b in rng.choice([-1, 1], width)),
        Weights(initial), Weights(omega), Functions(((fmpq(0),) * k,) * 2), fmpq(1), activation="tanh",
    )  # fmt: skip
    wanted = ("smooth-network-lifted", "smooth-network-s2", "smooth-network-init")
    judgement = judge(instance, [c for c in CLAIMS if c.name in wanted])
    assert {c.verdict for c in judgement.claims} <= {Verdict.PROVED, Verdict.EQUAL}


def test_an_atom_has_the_rate_of_the_width_and_stays_below_the_bound() -> None:
    """m^{-1/2}, where ReLU networks have m^{-1/6}; every sample below (c2/2) m^{-1/2}, the mean above a third of it."""
    series = measure_smooth(6, 14)
    assert {s.name for s in series} == {f"atom, {name}" for name in ACTIVATIONS}
    for one in series:
        assert one.slope.low <= -0.5 <= one.slope.high
        assert abs(one.slope.value + 0.5) < 0.02
        for mean, bound in zip(one.means, one.theory, strict=True):
            assert bound / 3 < mean <= bound


def two_tasks(
    activation: str, inputs: list[list[int]], labels: list[list[int]], eta: fmpq, width: int = 16
) -> SmoothInstance:
    """A task for each row of labels, one input after the other; as many rows of inputs as a task has labels are shared
    by all, else each task has its own."""
    rng = np.random.default_rng(1)
    k, shared = len(labels[0]), len(inputs) == len(labels[0])
    weights = Weights(np.round(rng.standard_normal((width, len(inputs[0]))) * 2**8) / 2**8)
    tasks = tuple(
        Task(
            fmpq(1, len(labels)),
            tuple(Atom(j if shared else i * k + j, fmpq(y), fmpq(1, k)) for j, y in enumerate(row)),
        )
        for i, row in enumerate(labels)
    )
    rows = tuple(tuple(fmpq(v, 4) for v in x) for x in inputs)
    return SmoothInstance(
        Loss("squared"), Gradient(eta), rows, tasks, (1, -1) * (width // 2), weights, weights,
        Functions(((fmpq(0),) * len(rows),) * len(labels)), fmpq(1), activation=activation,
    )  # fmt: skip


STEP = fmpq(1, 2)


SATURATED = {
    "format": "metagap/instance/1",
    "problem": "meta-sl",
    "loss": {"name": "huber", "delta": 1.0},
    "adaptation": {"name": "gradient", "eta": 512.0, "steps": 1},
    "model": {
        "name": "smooth-network",
        "activation": "tanh",
        "b": [-1.0, 1.0, 1.0, 1.0],
        "W0": [[-1.644, 0.388], [-0.479, -0.671], [-1.206, 0.892], [1.444, -1.854]],
    },
    "features": [[0.5, 0.25], [1.0, 1.5]],
    "tasks": [{"weight": 1.0, "atoms": [{"x": 0, "y": 1.75, "p": 0.671875}, {"x": 1, "y": 2.0, "p": 0.328125}]}],
    "omega": [[-1.619, 0.39], [-0.505, -0.698], [-1.165, 0.86], [1.452, -1.814]],
    "comparator": [[-0.36, -1.919], [0.624, 2.093], [-0.79, -2.106], [2.927, 0.62]],
    "radius": 5.75,
}
"""A step of rate 512 saturates every neuron."""


def test_features_that_are_nearly_dependent_are_told_apart() -> None:
    """The Gram matrix of a saturated network's meta-features squares how near they are: 512 bits more do not do."""
    judged = judge(loads(json.dumps(SATURATED)), [c for c in CLAIMS if c.name == "smooth-network-c3"]).claims[0]
    assert judged.verdict is Verdict.PROVED and judged.bound is not None and judged.bound.hi > 1e60


@pytest.mark.ci(every=3)
@pytest.mark.parametrize(
    ("activation", "inputs", "labels", "eta", "independent"),
    [
        ("tanh", [[1, 2], [2, -1]], [[1, 0]], STEP, True),
        ("tanh", [[1, 2], [-1, -2]], [[1, 0]], STEP, False),
        ("softplus", [[1, 2], [-1, -2]], [[1, 0]], STEP, True),
        ("softplus", [[1, 2], [-1, -2], [2, 1], [-2, -1], [1, 1], [-1, -1]], [[1, 0, 1, 2, 3, 1]], STEP, False),
        ("softplus", [[1, 2], [0, 0]], [[1, 0]], STEP, False),
        ("softplus", [[1, 2], [2, 1]], [[1, 0], [0, 3]], STEP, True),
        ("softplus", [[1, 2], [2, 1]], [[1, 0], [0, 3]], fmpq(0), False),
        ("softplus", [[1, 2], [2, 1]], [[1, 0], [1, 0]], STEP, False),
        ("softplus", [[1, 2], [2, 1], [3, 1], [1, 3]], [[1, 0], [1, 0]], fmpq(0), True),
        ("softplus", [[1, 2], [2, 4], [3, 6]], [[1, 0, 0]], STEP, True),
    ],
)
def test_c3_applies_where_the_features_are_independent(
    activation: str, inputs: list[list[int]], labels: list[list[int]], eta: fmpq, independent: bool
) -> None:
    """Shared inputs, antipodes, a zero: what the theory says of each, decided at any precision."""
    instance = two_tasks(activation, inputs, labels, eta)
    judged = judge(instance, [c for c in CLAIMS if c.name == "smooth-network-c3"]).claims[0]
    assert judged.verdict is (Verdict.PROVED if independent else Verdict.OUTSIDE)
    assert certainly_dependent(instance.canonical) is not independent


def test_features_with_an_enclosed_inverse_are_never_called_dependent() -> None:
    independent = 0
    for name in ("arbitrary", "interpolating", "drift", "still"):
        for loss in LOSSES:
            for instance, _, _ in built(name, loss, 3, 4):
                with ctx.workprec(128):
                    at = SmoothQuantities(instance)
                    if len(at._features.span.pivots) == len(at._u):
                        assert not certainly_dependent(at.instance)
                        independent += 1
    assert independent >= 20
