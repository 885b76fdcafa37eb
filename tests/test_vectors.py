"""Several outputs: softmax cross-entropy, and the squared loss of vectors, with linear models."""

from __future__ import annotations

import itertools
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import files
from metagap.impl.arithmetic import Balls, Rationals
from metagap.impl.families import META_SL, judge, loads
from metagap.impl.files import BadInputError
from metagap.impl.losses import Loss
from metagap.impl.optimum.spread import of_one_output
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.batch import batch_of
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, Task
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.impl.supervised.vector_batch import LinearQuantities
from metagap.impl.vector_losses import VectorLoss
from metagap.theory.claim import UndefinedQuantityError, Verdict
from mirror import compare

from .test_check_witness import agreements
from .test_engines import SHARED

VECTOR = META_SL.generator("vector-outputs")
SOFTMAX, TARGETS = VectorLoss("softmax", outputs=3), VectorLoss("squared", outputs=2)
ADAPTATIONS = (Gradient(fmpq(1, 4)), Gradient(fmpq(1, 8), 2), Implicit(fmpq(2)), Gradient(fmpq(0)))


def drawn(loss: VectorLoss, adaptation: Any = ADAPTATIONS[0], seed: int = 0, split: bool = False) -> MetaSLInstance:
    """Two tasks on three inputs of two features, on a grid."""
    rng, c = np.random.default_rng(seed), loss.outputs

    def numbers(count: int) -> tuple[fmpq, ...]:
        return tuple(fmpq(int(v), 4) for v in rng.integers(-8, 9, count))

    def law() -> tuple[Atom, ...]:
        shares = rng.integers(1, 5, 6)
        labels = [fmpq(int(rng.integers(c))) if loss.name == "softmax" else numbers(c) for _ in shares]
        total = int(shares.sum())
        return tuple(Atom(j // 2, y, fmpq(int(p), total)) for j, (y, p) in enumerate(zip(labels, shares, strict=True)))

    tasks = tuple(Task(q, law(), law() if split else None) for q in (fmpq(1, 3), fmpq(2, 3)))
    features = tuple(numbers(2) for _ in range(3))
    return MetaSLInstance(loss, adaptation, features, tasks, numbers(2 * c), numbers(2 * c), fmpq(4))


# --- the loss ------------------------------------------------------------------------------------------------------


def third(z: list[float], h: np.ndarray, v: np.ndarray) -> tuple[float, float]:
    """D^3 g[h, h, v] and D^2 g[h, h] of softmax's g, as moments of its probabilities."""
    p = np.exp(np.array(z) - max(z))
    p /= p.sum()
    return float(p @ ((h - p @ h) ** 2 * (v - p @ v))), float(p @ (h - p @ h) ** 2)


def test_softmax_is_torchs_cross_entropy_with_its_derivatives() -> None:
    torch = pytest.importorskip("torch")
    for c, seed in itertools.product((2, 3, 5), range(4)):
        loss, z = VectorLoss("softmax", outputs=c), np.random.default_rng(seed).normal(scale=3, size=c)
        at, y = torch.tensor(z, requires_grad=True), seed % c

        def entropy(t: Any, y: int = y) -> Any:
            return torch.nn.functional.cross_entropy(t[None], torch.tensor([y]))

        entropy_at = float(entropy(at.detach()))
        balls, label = [arb(float(v)) for v in z], loss.label(Balls, fmpq(y))
        (slope,) = torch.autograd.grad(entropy(at), at)
        bend = torch.autograd.functional.hessian(entropy, at.detach())
        assert float(loss.value(Balls, balls, label)) == pytest.approx(entropy_at, abs=1e-12)
        assert [float(v) for v in loss.d1(Balls, balls, label)] == pytest.approx(slope.tolist(), abs=1e-12)
        assert np.array(loss.d2(Balls, balls, label), dtype=float) == pytest.approx(bend.numpy(), abs=1e-12)


def test_the_constants_of_softmax_bound_and_are_attained_or_approached() -> None:
    constants = SOFTMAX.constants()
    m1, m2, m3, kappa = (float(v) for v in (constants.m1, constants.m2, constants.m3, constants.kappa))  # type: ignore[arg-type]
    assert (m1, m2, m3, kappa) == pytest.approx((2**0.5, 0.5, 6**0.5 / 9, 2**0.5))
    assert constants.mu.is_zero()
    rng = np.random.default_rng(1)
    for _ in range(2000):
        c = int(rng.integers(2, 6))
        z, h, v = rng.normal(scale=3, size=c).tolist(), rng.normal(size=c), rng.normal(size=c)
        h, v = h / np.linalg.norm(h), v / np.linalg.norm(v)
        (cubic, square), along = third(z, h, h), third(z, h, v)[0]
        assert abs(cubic) <= m3 * (1 + 1e-9) and square <= m2 * (1 + 1e-9)
        assert abs(along) <= kappa * square * (1 + 1e-9) + 1e-15
        slope = VectorLoss("softmax", outputs=c).d1(Balls, [arb(t) for t in z], [arb(1)] + [arb(0)] * (c - 1))
        assert np.linalg.norm([float(s) for s in slope]) <= m1 * (1 + 1e-9)
    across = np.array([1.0, -1.0]) / 2**0.5
    quantile = (1 - 3**-0.5) / 2
    odds = float(np.log(quantile / (1 - quantile)))
    assert third([0.0, 0.0], across, across)[1] == pytest.approx(m2, rel=1e-12)
    assert abs(third([odds, 0.0], across, across)[0]) == pytest.approx(m3, rel=1e-12)
    rare = third([20.0, 0.0], np.array([0.0, 1.0]), -across)
    assert rare[0] / rare[1] == pytest.approx(kappa, rel=1e-6)
    far = VectorLoss("softmax", outputs=2).d1(Balls, [arb(-20), arb(0)], [arb(1), arb(0)])
    assert np.linalg.norm([float(s) for s in far]) == pytest.approx(m1, rel=1e-6)


@pytest.mark.parametrize("loss", [SOFTMAX, TARGETS], ids=lambda loss: loss.name)
def test_the_divergence_is_a_sum_that_is_never_negative(loss: VectorLoss) -> None:
    """Equal to the difference that defines it, and known to many digits where that cancels."""
    c, rng = loss.outputs, np.random.default_rng(3)
    y = loss.label(Balls, fmpq(1) if loss.name == "softmax" else (fmpq(1),) * c)
    for scale in (2.0, 1e-3, 1e-12):
        z = [arb(float(v)) for v in rng.normal(size=c)]
        with ctx.workprec(128):
            h = [v + arb(float(t)) for v, t in zip(z, scale * rng.normal(size=c), strict=True)]
        with ctx.workprec(128):
            found = loss.bregman(Balls, z, h, y)
        with ctx.workprec(400):
            change = loss.value(Balls, h, y) - loss.value(Balls, z, y)
            along = sum((g * (b - a) for g, a, b in zip(loss.d1(Balls, z, y), z, h, strict=True)), start=arb(0))
            assert (change - along).overlaps(found)
        assert found > 0 and float(found.rad()) < 1e-3 * float(found)
    wide = [arb(0, 2) for _ in range(c)]
    widest = loss.bregman(Balls, wide, wide, y)
    assert -(2**-20) * widest.upper() <= widest.lower()


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_two_classes_are_the_logistic_loss() -> None:
    """ell = log(1 + e^{-y t}), t = z_1 - z_0: a step on Theta moves t by twice the logistic one."""
    half = fmpq(1, 2)
    features, omega, rival = ((fmpq(1), half), (fmpq(-2), fmpq(1))), (half, fmpq(1), fmpq(-1), fmpq(2)), (fmpq(0),) * 4
    laws = (((0, 1), (1, 0)), ((0, 0), (1, 1)))

    def tasks(label: Any) -> tuple[Task, ...]:
        return tuple(Task(half, tuple(Atom(x, label(y), half) for x, y in law)) for law in laws)

    two = MetaSLInstance(VectorLoss("softmax"), Gradient(fmpq(1, 4)), features, tasks(fmpq), omega, rival, fmpq(4))
    apart = tuple(b - a for a, b in zip(omega[:2], omega[2:], strict=True))
    one = MetaSLInstance(
        Loss("logistic"), Gradient(half), features, tasks(lambda y: fmpq(2 * y - 1)), apart, rival[:2], fmpq(4)
    )
    with ctx.workprec(128):
        ours, theirs, root = MetaSLQuantities(two), MetaSLQuantities(one), arb(2).sqrt()
        for name in ("gap", "bregman", "pairing"):
            assert abs(float(ours(name) - theirs(name))) < 1e-25, name
        for name in ("eps", "weight_norm", "eps_first_order"):
            assert abs(float(ours(name) - root * theirs(name))) < 1e-25, name
        assert ours("function_displacement") >= theirs("function_displacement") / root


def test_targets_by_hand() -> None:
    """One point, phi = 1, Theta = (1, -1)', y = (0, 1), eta = 1/2: z halves its distance to y."""
    one = fmpq(1)
    atoms = (Atom(0, (fmpq(0), one), one),)
    instance = MetaSLInstance(
        TARGETS, Gradient(fmpq(1, 2)), ((one,),), (Task(one, atoms),), (one, -one), (fmpq(0), one), fmpq(1)
    )
    at = MetaSLQuantities(instance, Rationals)
    assert at._after == [[fmpq(1, 2), fmpq(0)]]
    assert at._weighted == [fmpq(1, 2), fmpq(-1)] and at._u == [fmpq(1, 2), fmpq(-1)]
    assert at.gap == at.bregman == fmpq(5, 8) and at.pairing == fmpq(5, 4)
    assert at._gradient == [fmpq(1, 4), fmpq(-1, 2)]
    assert judge(instance)["meta-sl-identity"].verdict is Verdict.PROVED


@pytest.mark.parametrize("adaptation", ADAPTATIONS, ids=str)
def test_targets_are_problems_of_their_own(adaptation: Any) -> None:
    """The squared loss couples no components: gaps and squares of lengths are sums over them."""
    whole = drawn(TARGETS, adaptation, split=True)

    def alone(a: int) -> MetaSLInstance:
        def own(atoms: Any) -> Any:
            return tuple(replace(atom, y=atom.y[a]) for atom in atoms)

        tasks = tuple(replace(t, atoms=own(t.atoms), support=own(t.support)) for t in whole.tasks)
        part = slice(2 * a, 2 * a + 2)
        return replace(
            whole, loss=Loss("squared"), tasks=tasks, omega=whole.omega[part], comparator=whole.comparator[part]
        )

    with ctx.workprec(128):
        both, parts = MetaSLQuantities(whole), [MetaSLQuantities(alone(a)) for a in range(2)]
        for name in ("gap", "bregman", "pairing"):
            assert both(name).overlaps(parts[0](name) + parts[1](name))
        for name in ("eps", "weight_norm", "eps_first_order", "function_displacement"):
            assert (both(name) ** 2).overlaps(parts[0](name) ** 2 + parts[1](name) ** 2)
        spread = MetaSLQuantities(of_one_output(whole))
        for name in ("gap", "eps", "weight_norm", "misfit", "misfit_plain", "feature_bound", "displacement"):
            assert spread(name).overlaps(both(name)), name


def test_absolute_values_are_of_a_point_not_of_its_components() -> None:
    """|w(x)'r(x)|: at most the sum over components, and at most the lifted bound."""
    for seed in range(6):
        with ctx.workprec(128):
            at = MetaSLQuantities(drawn(SOFTMAX, seed=seed))
            by_component = at._l1(at._scaled(at._meta_features, at._weighted),
                                  [w * u for w, u in zip(at._weighted, at._u, strict=True)])  # fmt: skip
            assert not at.misfit_l1 > by_component
            assert not at.misfit_l1 > at.radius * at.eps + at.weight_norm * at.misfit
            assert at.pairing <= at.misfit_l1 + arb(2) ** -60


# --- the engines -----------------------------------------------------------------------------------------------------


@pytest.mark.ci(every=2)
@pytest.mark.parametrize("variant", VECTOR.variants)
def test_both_engines_agree(variant: str, effort: int) -> None:
    names, compared = (*SHARED, "misfit_uncoupled", "weight_norm_shifted", "outputs"), 0
    for index in range(6 * effort):
        with np.errstate(all="ignore"):
            batch = VECTOR.build(RandomSource((4, index), 3), variant)
            floats = LinearQuantities(batch)
            scale = floats.scale
        for b in range(len(batch)):
            instance = batch.instance(b)
            if all(task.support is None for task in instance.tasks):
                assert batch_of(instance).instance(0).sha256 == instance.sha256
            with ctx.workprec(160):
                balls = MetaSLQuantities(instance)
                for name in names:
                    with suppress(UndefinedQuantityError):
                        value = float(floats(name)[b])
                        unit = 2.0**-40 * (abs(value) + balls.scale(name) + scale[b])
                        assert float((balls(name) - value).abs_lower()) <= unit, (name, value, balls(name))
                        compared += 1
    assert compared >= 300


@pytest.mark.parametrize("variant", VECTOR.variants)
def test_core_claims_hold_and_nothing_is_violated(variant: str, effort: int) -> None:
    for index in range(2 * effort):
        with np.errstate(all="ignore"):
            batch = VECTOR.build(RandomSource((7, index), 2), variant)
        for b in range(len(batch)):
            verdicts = {found.claim: found.verdict for found in judge(batch.instance(b)).claims}
            assert not {Verdict.VIOLATED, Verdict.UNDECIDED} & set(verdicts.values())
            for name in ("s1", "s3", "s4", "lifted", "l1", "first-order"):
                assert verdicts[f"meta-sl-{name}"] is Verdict.PROVED
            for name in ("identity", "s2"):
                assert verdicts[f"meta-sl-{name}"] is (Verdict.EQUAL if variant == "softmax" else Verdict.PROVED)


@pytest.mark.ci
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("adaptation", ADAPTATIONS, ids=str)
@pytest.mark.parametrize("loss", [SOFTMAX, TARGETS], ids=lambda loss: loss.name)
def test_autograd_agrees_with_taylor_and_with_the_meta_features(loss: VectorLoss, adaptation: Any, split: bool) -> None:
    from oracles.autograd import first_order_gradient, meta_gradient

    instance = drawn(loss, adaptation, split=split)
    with ctx.workprec(128):
        at = MetaSLQuantities(instance)
        expected = meta_gradient(instance)
        for balls in (at._gradient, at._pulled(at._meta_features)):
            assert [float(g) for g in balls] == pytest.approx(expected, rel=1e-8, abs=1e-9)
        assert float(at.eps_first_order) == pytest.approx(np.linalg.norm(first_order_gradient(instance)), rel=1e-9)


@pytest.mark.ci(every=6)
@pytest.mark.parametrize("loss", [SOFTMAX, TARGETS], ids=lambda loss: loss.name)
@pytest.mark.parametrize("adaptation", ADAPTATIONS[::3], ids=str)
def test_the_mirror_agrees(loss: VectorLoss, adaptation: Any) -> None:
    found = compare(drawn(loss, adaptation, seed=2, split=adaptation.eta != 0))
    assert not found.contradictions and len(found.compared) > 60
    assert {"bregman", "misfit_l1", "misfit", "strong_convexity", "remainder_constant"} <= set(found.compared)


@pytest.mark.ci
@pytest.mark.parametrize("variant", VECTOR.variants)
def test_the_mirror_agrees_on_generated_instances(variant: str, effort: int) -> None:
    for index in range(3 * effort):
        with np.errstate(all="ignore"):
            instance = VECTOR.build(RandomSource((5, index), 1), variant).instance(0)
        if instance.numbers <= 60:
            assert not compare(instance).contradictions


@pytest.mark.ci
@pytest.mark.parametrize("loss", [SOFTMAX, TARGETS], ids=lambda loss: loss.name)
def test_the_checker_of_witnesses_agrees(loss: VectorLoss) -> None:
    instance = drawn(loss, split=True)
    assert agreements(MetaSLQuantities(instance), json.loads(files.dumps(instance))) > 25


# --- files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [SOFTMAX, TARGETS], ids=lambda loss: loss.name)
def test_a_file_is_read_as_it_was_written(loss: VectorLoss) -> None:
    instance = drawn(loss, split=True)
    text = files.dumps(instance)
    document = json.loads(text)
    assert loads(text) == instance and loads(text).sha256 == instance.sha256
    assert document["format"] == "metagap/instance/2"
    functions = replace(instance, comparator=Functions(((fmpq(1),) * 3 * loss.outputs,) * 2))
    assert loads(files.dumps(functions)) == functions
    for name in ("omega", "comparator", "radius"):
        del document[name]
    assert loads(json.dumps(document), problem=True).omega == (fmpq(0),) * 2 * loss.outputs


BAD: dict[str, tuple[VectorLoss, list[Any], Any, str, str]] = {
    "the first format": (SOFTMAX, ["format"], "metagap/instance/1", "format", "of several outputs"),
    "no classes": (SOFTMAX, ["loss"], {"name": "softmax"}, "loss.classes", "how many classes there are"),
    "one class": (SOFTMAX, ["loss", "classes"], 1, "loss.classes", "2..1000"),
    "a label of the logistic loss": (SOFTMAX, ["tasks", 0, "atoms", 1, "y"], -1, "tasks[0].atoms[1].y", "logistic"),
    "a class too many": (SOFTMAX, ["tasks", 1, "support", 0, "y"], 3, "tasks[1].support[0].y", "0..2"),
    "half a class": (SOFTMAX, ["tasks", 0, "atoms", 0, "y"], "1/2", "tasks[0].atoms[0].y", "an integer 0..2"),
    "a vector for a class": (SOFTMAX, ["tasks", 0, "atoms", 0, "y"], [1, 0, 0], "tasks[0].atoms[0].y", "one number"),
    "classes for logistic": (SOFTMAX, ["loss"], {"name": "logistic"}, "tasks[0].atoms[", "labels of the softmax loss"),
    "a parameter": (SOFTMAX, ["loss", "c"], 1, "loss.c", "remove it"),
    "omega of one output": (SOFTMAX, ["omega"], [0, 0], "omega", "d=2 for each of the 3 outputs"),
    "a network": (SOFTMAX, ["model"], {"name": "relu-network", "b": [1], "W0": [[0, 0]]}, "", ""),
    "another loss of vectors": (TARGETS, ["loss"], {"name": "log-cosh"}, "loss.name", "'squared'"),
    "a number for a vector": (TARGETS, ["tasks", 0, "atoms", 1, "y"], 2, "tasks[0].atoms[1].y", "a list of 2 numbers"),
    "a longer vector": (TARGETS, ["tasks", 0, "atoms", 1, "y"], [1, 2, 3], "tasks[0].atoms[1].y", "c=2 numbers"),
    "a vector of one": (TARGETS, ["tasks", 0, "atoms", 0, "y"], [1], "tasks[0].atoms[0].y", "if there is one output"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name: str) -> None:
    loss, path, value, field, words = BAD[name]
    document = json.loads(files.dumps(drawn(loss, split=True)))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(BadInputError) as caught:
        loads(json.dumps(document))
    assert caught.value.field.startswith(field) and words in str(caught.value) and "\n" not in str(caught.value)
