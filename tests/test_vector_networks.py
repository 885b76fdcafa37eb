"""Networks of several outputs: one hidden layer, signs per output, squared loss of vectors and softmax."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import files
from metagap.impl.arithmetic import Rationals
from metagap.impl.families import NETWORK, SMOOTH_NETWORK, judge, loads
from metagap.impl.files import BadInputError
from metagap.impl.models.weights import Weights
from metagap.impl.optimum.networks.answer import RELU, SMOOTH
from metagap.impl.optimum.networks.floor import functions_floor
from metagap.impl.sources import Limits, RandomSource
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, SmoothInstance, Task
from metagap.impl.supervised.relu.quantities import NetworkQuantities
from metagap.impl.supervised.smooth.quantities import SmoothQuantities
from metagap.impl.supervised.smooth.rank import certainly_dependent
from metagap.impl.vector_losses import VectorLoss
from metagap.theory.claim import UndefinedQuantityError, Verdict
from mirror import compare

from .test_check_witness import agreements
from .test_network_engines import SHARED

FAMILIES = {"network": NETWORK, "smooth-network": SMOOTH_NETWORK}
SOFTMAX, TARGETS = VectorLoss("softmax", outputs=3), VectorLoss("squared", outputs=2)
KINDS = ("relu", "softplus", "tanh")
FEW = Limits(tasks=2, points=2, dimension=2)
SMOOTH_NAMES = ("error_pointwise", "error_ball", "linearisation_taylor", "linearisation_ball", "misfit_no_fold")
ONE = fmpq(1)


def drawn(
    loss: VectorLoss, kind: str, steps: int = 1, seed: int = 0, split: bool = False, width: int = 4
) -> NetworkInstance:
    """Two tasks on two inputs of two coordinates, on a grid."""
    rng, c = np.random.default_rng(seed), loss.outputs

    def law() -> tuple[Atom, ...]:
        labels = rng.integers(c, size=4) if loss.name == "softmax" else rng.integers(-8, 9, (4, c)) / 4
        exact = [fmpq(int(y)) if loss.name == "softmax" else tuple(fmpq(int(4 * v), 4) for v in y) for y in labels]
        return tuple(Atom(j // 2, y, fmpq(1 + j, 10)) for j, y in enumerate(exact))

    def weights() -> Weights:
        return Weights(rng.integers(-8, 9, (width, 2)) / 4)

    network = NetworkInstance(
        loss,
        Gradient(fmpq(1, 4), steps),
        tuple(tuple(fmpq(int(v), 4) for v in rng.integers(-8, 9, 2)) for _ in range(2)),
        tuple(Task(q, law(), law() if split else None) for q in (fmpq(1, 3), fmpq(2, 3))),
        tuple(int(b) for b in rng.choice([-1, 1], c * width)),
        weights(),
        weights(),
        weights(),
        fmpq(4),
    )
    return network if kind == "relu" else SmoothInstance.of(network, kind)


def quantities_of(instance: NetworkInstance) -> Any:
    return (SmoothQuantities if isinstance(instance, SmoothInstance) else NetworkQuantities)(instance)


def test_a_neuron_with_two_outputs_by_hand() -> None:
    """f = (W, -W), x = 1, y = (0, 1), eta = 1/10: grad R = 2 W + 1 = 5 at W = 2, W_1 = 3/2, J = 1 - 2 eta = 4/5."""
    two, still = Weights(np.array([[2.0]])), Weights(np.array([[1.0]]))
    atoms = (Atom(0, (fmpq(0), ONE), ONE),)
    at = NetworkQuantities(
        NetworkInstance(
            TARGETS, Gradient(fmpq(1, 10)), ((ONE,),), (Task(ONE, atoms),), (1, -1), still, two, still, ONE
        ),
        Rationals,
    )
    half = fmpq(1, 2)
    assert at._after == [[3 * half, -3 * half]] and at._weighted == [3 * half, -5 * half]
    assert at._features.gram.tolist() == [[fmpq(16, 25), fmpq(-16, 25)], [fmpq(-16, 25), fmpq(16, 25)]]
    assert at.eps == at.eps_formal == fmpq(16, 5) and at.trivial == fmpq(17, 4)
    # W0 = 1: its step leads to 7/10; u = (4/5, -4/5) = phi'1: the bound is eps alone.
    assert at._u == [fmpq(4, 5), fmpq(-4, 5)] and at.pairing == at.eps
    found = judge(at.instance)
    assert found["network-identity"].verdict is Verdict.PROVED and found["network-lifted"].verdict is Verdict.PROVED
    assert found["network-c3"].verdict is Verdict.OUTSIDE


@pytest.mark.parametrize("kind", KINDS)
def test_one_output_twice_is_the_squared_loss_twice(kind: str) -> None:
    """b = (b_1, b_1) and y = (y, y): risks, slopes and steps of eta are those of one output and 2 eta, twice."""
    one = drawn(TARGETS, kind, seed=5)
    tasks = tuple(replace(t, atoms=tuple(Atom(a.x, (a.y[0],) * 2, a.p) for a in t.atoms)) for t in one.tasks)
    twice = replace(one, tasks=tasks, signs=one.signs[:4] * 2)
    alone = replace(
        twice,
        loss=type(twice.loss).__mro__[1]("squared"),
        adaptation=Gradient(2 * twice.adaptation.eta),
        tasks=tuple(replace(t, atoms=tuple(replace(a, y=a.y[0]) for a in t.atoms)) for t in tasks),
        signs=twice.signs[:4],
    )
    with ctx.workprec(128):
        both, single, root = quantities_of(twice), quantities_of(alone), arb(2).sqrt()
        for name in ("gap", "bregman", "pairing", "eps", "eps_first_order", "gradient_difference"):
            assert both(name).overlaps(2 * single(name)), name
        names = ["weight_norm", "misfit", "misfit_init", "error_trace", "error_operator", "linearisation"]
        names += ["error_flips", "error_count"] if kind == "relu" else ["error_pointwise", "error_ball"]
        for name in names:
            assert both(name).overlaps(root * single(name)), name
        assert not both.margin_full_row_rank > 0


def test_an_open_sign_is_decided_in_rationals() -> None:
    """A step that takes the neuron to its kink: W = 1, b = (1, -1), y = (-4, 4): grad = 2 + 8 = 10, eta = 1/10."""
    one, start = Weights(np.array([[1.0]])), Weights(np.array([[2.0]]))
    task = Task(ONE, (Atom(0, (fmpq(-4), fmpq(4)), ONE),))
    at = NetworkQuantities(
        NetworkInstance(TARGETS, Gradient(fmpq(1, 10)), ((ONE,),), (task,), (1, -1), start, one, start, ONE)
    )
    (path,) = at._paths
    assert not path[-1].active.any() and at.margin_differentiability.contains(0)
    point = at.problem.omega
    assert point._moved_value(0, 1, path[-1].move).contains(0) and not path[-1].doubt


def test_dependent_signs_are_dependent_features() -> None:
    instance = drawn(TARGETS, "softplus")
    alone = replace(instance, tasks=(replace(instance.tasks[0], weight=ONE),), signs=(1, -1, 1, 1, -1, 1, -1, -1))
    assert isinstance(alone, SmoothInstance) and certainly_dependent(alone)


@pytest.mark.parametrize("kind", ["softplus", "tanh"])
def test_tasks_with_two_classes_that_share_an_input_have_dependent_features(kind: str) -> None:
    """phi_0 + phi_1 lives on neurons that no step moves."""
    instance = drawn(VectorLoss("softmax", outputs=2), kind, seed=2, width=16)
    assert isinstance(instance, SmoothInstance) and certainly_dependent(instance)
    assert not certainly_dependent(replace(instance, tasks=(replace(instance.tasks[0], weight=ONE),)))
    with ctx.workprec(256):
        gram = SmoothQuantities(instance)._features.gram
        sums = [gram[a, b] + gram[a, b + 1] - gram[a, b + 4] - gram[a, b + 5] for a in range(8) for b in (0, 2)]
    assert all(v.contains(0) and float(v.rad()) < 1e-30 for v in sums)


def dependent(instance: NetworkInstance) -> bool:
    """Whether no ball of 800 bits tells the determinant of the features' Gram matrix from 0."""
    assert isinstance(instance, SmoothInstance)
    with ctx.workprec(800):
        found = SmoothQuantities(instance)._features.gram.det()
    assert float(found.rad()) < 1e-100
    return bool(found.contains(0))


def alike(loss: VectorLoss, *laws: tuple[Any, ...], steps: int = 1, width: int = 16) -> NetworkInstance:
    """Two tasks that are judged on one input, and adapt there on laws of (label, mass)."""
    instance = drawn(loss, "tanh", steps, seed=4, width=width)
    inner = [tuple(Atom(0, y, fmpq(p, 8)) for y, p in law) for law in laws]
    outer = (Atom(0, inner[0][0].y, ONE),)
    return replace(instance, tasks=tuple(Task(fmpq(1, 2), outer, law) for law in inner), comparator=instance.omega)


UP, DOWN = (ONE, fmpq(1)), (ONE, fmpq(-1))
SAME_MEAN = ((UP, 4), (DOWN, 4)), (((ONE, fmpq(0)), 8),)
OTHER_MEAN = ((UP, 4), (DOWN, 4)), (((ONE, fmpq(1)), 8),)
NO_ZERO = ((fmpq(1), 3), (fmpq(2), 5)), ((fmpq(1), 8),)
"""Softmax' class 0 has no mass: neurons with b_1r = b_2r move alike, and phi_1 + phi_2 is theirs."""
SOME_ZERO = ((fmpq(1), 3), (fmpq(2), 5)), ((fmpq(0), 8),)


ALIKE = {
    "one mean": (alike(TARGETS, *SAME_MEAN), True),
    "one mean, two steps": (alike(TARGETS, *SAME_MEAN, steps=2), True),
    "two means": (alike(TARGETS, *OTHER_MEAN), False),
    "no class 0": (alike(SOFTMAX, *NO_ZERO), True),
    "no class 0, two steps": (alike(SOFTMAX, *NO_ZERO, steps=2), False),
    "class 0": (alike(SOFTMAX, *SOME_ZERO), False),
}


@pytest.mark.parametrize("case", ALIKE)
def test_tasks_that_move_neurons_alike_have_dependent_features(case: str) -> None:
    instance, wanted = ALIKE[case]
    assert isinstance(instance, SmoothInstance)
    assert certainly_dependent(instance) is wanted is dependent(instance)


@pytest.mark.parametrize("kind", ["still", "moved"])
def test_two_classes_need_neurons_of_both_kinds(kind: str) -> None:
    """Three points, and one neuron of two dimensions that no step moves, or that one does."""
    first = (1, 1, 1, 1, -1, -1, 1, 1)
    second = tuple(b if kind == "moved" else -b for b in first[:7])
    signs = (*first, *second, -first[7] if kind == "moved" else first[7])
    instance = drawn(VectorLoss("softmax", outputs=2), "tanh", seed=2, width=8)
    rows = ((ONE, fmpq(1, 2)), (fmpq(-1), ONE), (fmpq(1, 4), fmpq(3, 2)))
    law = tuple(Atom(x, fmpq(x % 2), fmpq(1, 3)) for x in range(3))
    few = replace(instance, signs=signs, features=rows, tasks=(Task(ONE, law),), comparator=instance.omega)
    assert certainly_dependent(few) and dependent(few)  # type: ignore[arg-type]
    two = tuple(Atom(x, fmpq(x % 2), fmpq(1, 2)) for x in range(2))
    enough = replace(few, tasks=(Task(ONE, two),))
    assert not certainly_dependent(enough) and not dependent(enough)  # type: ignore[arg-type]


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("variant", ["squared", "softmax"])
@pytest.mark.parametrize("family", FAMILIES)
def test_both_engines_agree(family: str, variant: str, effort: int) -> None:
    of, compared = FAMILIES[family], 0
    own = [*SHARED, "misfit_uncoupled", "weight_norm_shifted", "outputs"]
    own = own if family == "network" else [n for n in own if not n.startswith(("linear", "error_f"))] + [*SMOOTH_NAMES]
    for index in range(4 * effort):
        with np.errstate(all="ignore"):
            batch = of.generator("vector-outputs").build(RandomSource((4, index), 2), variant)
            floats = of.batch_quantities(batch)
            scale = floats.scale
        for b in range(len(batch)):
            instance = batch.instance(b)
            if instance.width > 16:
                continue
            with ctx.workprec(160), np.errstate(all="ignore"):
                balls = of.quantities(instance)
                for name in own:
                    try:
                        enclosure, value = balls(name), getattr(floats, name)[b]
                    except (UndefinedQuantityError, AttributeError):
                        continue
                    if np.isfinite(value) and enclosure.is_finite():
                        unit = 2.0**-36 * (abs(value) + balls.scale(name) + scale[b])
                        assert float((enclosure - float(value)).abs_lower()) <= unit, (name, value, enclosure)
                        compared += 1
    assert compared >= 60


@pytest.mark.ci(every=2)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("variant", ["squared", "softmax"])
def test_core_claims_hold_and_nothing_is_violated(family: str, variant: str, effort: int) -> None:
    for index in range(2 * effort):
        with np.errstate(all="ignore"):
            batch = FAMILIES[family].generator("vector-outputs").build(RandomSource((7, index), 2), variant, FEW)
        for b in range(len(batch)):
            verdicts = {found.claim: found.verdict for found in judge(batch.instance(b)).claims}
            assert Verdict.VIOLATED not in verdicts.values()
            for name in ("s1", "s2", "s3", "s4", "identity", "lifted", "first-order", "init"):
                assert verdicts[f"{family}-{name}"] in (Verdict.PROVED, Verdict.EQUAL), name


@pytest.mark.ci
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", [SOFTMAX, TARGETS], ids=lambda loss: loss.name)
def test_autograd_agrees_with_taylor_and_with_the_meta_features(
    loss: VectorLoss, kind: str, steps: int, split: bool
) -> None:
    from metagap.impl.oracles.network_autograd import meta_gradient

    instance = drawn(loss, kind, steps, split=split)
    value, gradient = meta_gradient(instance)
    with ctx.workprec(128):
        at = quantities_of(instance)
        assert float(at.eps) == pytest.approx(float(np.linalg.norm(gradient)), rel=1e-9)
        assert float(at.eps_formal) == pytest.approx(float(np.linalg.norm(gradient)), rel=1e-9)
        assert float(at.trivial) == pytest.approx(value, rel=1e-12)
        assert abs(float(at.chain_rule_defect)) < 1e-20


@pytest.mark.parametrize(
    ("loss", "kind"),
    [(SOFTMAX, "relu"), pytest.param(TARGETS, "tanh", marks=pytest.mark.ci)],
    ids=["softmax-relu", "squared-tanh"],
)
def test_the_mirror_agrees(loss: VectorLoss, kind: str) -> None:
    found = compare(drawn(loss, kind, 2, seed=2, split=True, width=2))
    assert not found.contradictions and len(found.compared) > 60
    assert {"bregman", "misfit_l1", "misfit", "misfit_init", "error_trace", "eps_projected"} <= set(found.compared)


@pytest.mark.ci
@pytest.mark.parametrize("family", FAMILIES)
def test_the_mirror_agrees_on_generated_instances(family: str, effort: int) -> None:
    for index in range(4 * effort):
        generator = FAMILIES[family].generator("vector-outputs")
        with np.errstate(all="ignore"):
            batch = generator.build(RandomSource((5, index), 1), generator.variants[index % 2], FEW)
        if batch.signs.shape[2] <= 4:
            assert not compare(batch.instance(0)).contradictions


@pytest.mark.ci
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", [SOFTMAX, TARGETS], ids=lambda loss: loss.name)
def test_the_checker_of_witnesses_agrees(loss: VectorLoss, kind: str) -> None:
    instance = drawn(loss, kind, split=True, width=2)
    assert agreements(quantities_of(instance), json.loads(files.dumps(instance))) > 20


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["relu", "tanh"])
@pytest.mark.parametrize("loss", [SOFTMAX, TARGETS], ids=lambda loss: loss.name)
def test_a_file_is_read_as_it_was_written(loss: VectorLoss, kind: str) -> None:
    instance = drawn(loss, kind, split=True)
    document = json.loads(files.dumps(instance))
    assert document["format"] == "metagap/instance/2" and len(document["model"]["b"]) == loss.outputs
    assert loads(json.dumps(document)) == instance and loads(json.dumps(document)).sha256 == instance.sha256
    functions = replace(instance, comparator=Functions(((fmpq(1),) * 2 * loss.outputs,) * 2))
    assert loads(files.dumps(functions)) == functions


BAD: dict[str, tuple[list[Any], Any, str, str]] = {
    "signs of one output": (["model", "b"], [1, 1, 1, 1], "model.b", "a list of 3 rows, one per output"),
    "a row too few": (["model", "b"], [[1] * 4, [1] * 4], "model.b", "c=3 rows"),
    "rows of two lengths": (["model", "b"], [[1] * 4, [1] * 4, [1]], "model.b", "of m numbers"),
    "no sign": (["model", "b", 1, 2], 0, "model.b[1][2]", "-1 or 1"),
    "functions of one output": (["comparator"], {"functions": [[0, 0], [0, 0]]}, "comparator.functions[0]", "k=6"),
    "the first format": (["format"], "metagap/instance/1", "format", "of several outputs"),
    "rows for one output": (["loss"], {"name": "log-cosh"}, "model.b", "for one output"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name: str) -> None:
    path, value, field, words = BAD[name]
    document = json.loads(files.dumps(drawn(SOFTMAX, "relu")))
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(BadInputError) as caught:
        loads(json.dumps(document))
    assert caught.value.field == field and words in str(caught.value) and "\n" not in str(caught.value)


# --- the optimum -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [SOFTMAX, TARGETS], ids=lambda loss: loss.name)
def test_no_functions_are_below_the_floor_and_its_own_attain_it(loss: VectorLoss) -> None:
    instance = drawn(loss, "relu")
    floor = functions_floor(instance)
    with ctx.workprec(128):
        least = quantities_of(replace(instance, comparator=floor.functions))
        value = least.trivial - least.gap
        assert not value < floor.value and abs(float(value - floor.value)) < 1e-12


@pytest.mark.parametrize("kind", ["relu", "tanh"])
def test_the_headline_is_judged(kind: str) -> None:
    headline = RELU if kind == "relu" else SMOOTH
    judged = headline.judged(drawn(SOFTMAX, kind, seed=1, width=2))
    assert judged.verdict in (Verdict.PROVED, Verdict.EQUAL) and "best functions" in judged.reason
