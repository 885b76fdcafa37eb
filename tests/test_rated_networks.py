"""Networks whose steps have a rate for each weight, and weight decay."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import files
from metagap.impl.arithmetic import Balls, Rationals
from metagap.impl.families import NETWORK, SMOOTH_NETWORK, judge, loads
from metagap.impl.files import BadInputError
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum.networks.check import check_cells
from metagap.impl.optimum.networks.floor import Centre, NotConvexError, reach
from metagap.impl.optimum.networks.linearised import linearised_optimum
from metagap.impl.optimum.networks.optima import NotEnumerableError, infimum
from metagap.impl.sources import Limits, RandomSource
from metagap.impl.study import Budget
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, NetworkInstance, SmoothInstance, Task
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.impl.supervised.relu.batch import batch_of
from metagap.impl.supervised.relu.problem import NetworkProblem
from metagap.impl.supervised.relu.quantities import NetworkQuantities
from metagap.impl.supervised.relu.smaller import smaller
from metagap.impl.supervised.smooth.quantities import SmoothQuantities
from metagap.impl.supervised.smooth.rank import certainly_dependent
from metagap.reports.formats.judging import CertifyRecord
from metagap.theory.claim import UndefinedQuantityError, Verdict
from mirror import compare

from .test_check_witness import agreements
from .test_network_engines import SHARED
from .test_rates import WRONG
from .test_vector_networks import SMOOTH_NAMES

FAMILIES = {"network": NETWORK, "smooth-network": SMOOTH_NETWORK}
ONE, HALF, QUARTER, ZERO = fmpq(1), fmpq(1, 2), fmpq(1, 4), fmpq(0)
ACTIVATIONS = ("relu", "softplus", "tanh")
RATES = (ONE, -HALF, ZERO, fmpq(2), HALF, ONE, QUARTER, fmpq(3, 2))
KINDS = {
    "rates": Gradient(HALF, 1, RATES),
    "two steps": Gradient(QUARTER, 2, RATES),
    "decay": Gradient(QUARTER, 2, None, HALF),
    "both": Gradient(QUARTER, 3, RATES, HALF),
}


def one(adaptation: Gradient) -> NetworkInstance:
    """A neuron on x = (1, 1), y = 0, W = (1, 2), against 0."""
    still, omega = Weights.of([(ONE, ONE)]), Weights.of([(ONE, fmpq(2))])
    task, rival = Task(ONE, (Atom(0, ZERO, ONE),)), Functions(((ZERO,),))
    return NetworkInstance(Loss("squared"), adaptation, ((ONE, ONE),), (task,), (1,), still, omega, rival, ONE)


def drawn(
    adaptation: Gradient, activation: str, loss: str = "log-cosh", seed: int = 0, width: int = 4
) -> NetworkInstance:
    """Up to four neurons, two tasks with supports of their own on three inputs of two features, on a grid."""
    rng = np.random.default_rng(seed)

    def law() -> tuple[Atom, ...]:
        return tuple(Atom(x, fmpq(int(y), 4), fmpq(1, 3)) for x, y in enumerate(rng.integers(-6, 7, 3)))

    def weights() -> Weights:
        return Weights(rng.integers(-8, 9, (width, 2)) / 4)

    rates = None if adaptation.rates is None else adaptation.rates[: 2 * width]

    network = NetworkInstance(
        Loss(loss),
        replace(adaptation, rates=rates),
        tuple(tuple(fmpq(int(v), 4) for v in rng.integers(-6, 7, 2)) for _ in range(3)),
        tuple(Task(q, law(), law()) for q in (fmpq(1, 3), fmpq(2, 3))),
        (1, -1, -1, 1)[:width],
        weights(),
        weights(),
        weights(),
        fmpq(4),
    )
    return network if activation == "relu" else SmoothInstance.of(network, activation)


def quantities_of(instance: NetworkInstance, *given: Any) -> Any:
    return (SmoothQuantities if isinstance(instance, SmoothInstance) else NetworkQuantities)(instance, *given)


# --- by hand -------------------------------------------------------------------------------------------------------


def test_rates_by_hand() -> None:
    """g = (3, 3): W_i = (1 - 3/2, 2), z = 3/2. J'phi = phi - H (1/2, 0) = (1/2, 1/2), D on the other side (0, 1)."""
    at = NetworkQuantities(one(Gradient(ONE, 1, (HALF, ZERO))), Rationals)
    assert at._after == [[fmpq(3, 2)]] and at._features.gram.entries() == [HALF]
    assert at._whole_gradient.product(at._whole_gradient) == fmpq(9, 8) and at.chain_rule_defect == 0
    balls = NetworkQuantities(one(Gradient(ONE, 1, (HALF, ZERO))))
    # sqrt inf (3/2 - v)^2 over |phi'v| <= ||phi||: 3/2 - sqrt(1/2), and 3/2 - 1.
    assert balls("misfit").overlaps(fmpq(3, 2) - arb(HALF).sqrt()) and balls("misfit_rates_turned").overlaps(arb(HALF))


def test_decay_by_hand() -> None:
    """g + W = (4, 5): W_i = (1 - 1/2, 2 - 5/4). S = (7/8, 3/4): J'phi = S phi - H (1/8, 1/4) = (1/2, 3/8)."""
    steps = Gradient(ONE, 1, (fmpq(1, 8), QUARTER), ONE)
    at = NetworkQuantities(one(steps), Rationals)
    assert at._after == [[fmpq(5, 4)]] and at._features.gram.entries() == [fmpq(25, 64)] and at.chain_rule_defect == 0
    balls = NetworkQuantities(one(steps))
    ((move,),) = balls._moves
    assert move.overlaps(arb(fmpq(29, 16)).sqrt()), "||W_i - W||, of (-1/2, -5/4)"
    assert balls("misfit_no_decay").overlaps(fmpq(5, 4) - arb(2 * fmpq(25, 64)).sqrt())
    # Rates 3/16 +- 1/16, s = 2: kap = |1 - 3/16| + 3/16, and with the decay alone 1 - 3/16 + 1/16.
    assert balls._expansion(arb(2)).overlaps(arb(1)) and balls._expansion(arb(0)).overlaps(arb(fmpq(7, 8)))
    with ctx.workprec(128):
        # ||W' - W0|| <= 7/8 B + ||W0||/4 + sup |ell'| ||x||/4, where |ell'| <= 2 + sqrt 2 B.
        root = arb(2).sqrt()
        assert float(arb(reach(Centre(NetworkProblem(one(steps), Balls)), at.laws[0], arb(1)))) == pytest.approx(
            float(fmpq(7, 8) + root / 4 + (2 + root) * root / 4), rel=1e-9
        )


def test_what_follows_plain_steps_alone_is_not_asked_of_others() -> None:
    """Enumeration, its checker and the linearised network's optimum know one rate without decay."""
    line = Weights.of([(ONE,)])
    decayed = replace(one(Gradient(HALF, 1, None, ONE)), features=((ONE,),), initial=line, omega=line)
    with pytest.raises(NotEnumerableError):
        infimum(decayed)
    with pytest.raises(NotConvexError, match="one rate"):
        linearised_optimum(decayed, ONE)
    assert not check_cells(decayed, -1.0).accepted
    plain = replace(decayed, adaptation=Gradient(HALF))
    assert check_cells(plain, -1.0).accepted and infimum(plain).value == 0


def test_rates_and_decay_turn_features_out_of_the_span_of_their_inputs() -> None:
    """One neuron and one input of two tasks: phi_i = S x - H D x, where S x is no multiple of x."""
    laws = [(Atom(0, fmpq(y), ONE),) for y in (1, -1)]
    tasks = tuple(Task(HALF, law) for law in laws)
    rated = replace(one(Gradient(HALF, 1, (ONE, QUARTER), ONE)), tasks=tasks, comparator=Weights.of([(ONE, ONE)]))
    for adaptation, wanted in ((rated.adaptation, False), (replace(rated.adaptation, decay=ZERO), True)):
        instance = SmoothInstance.of(replace(rated, adaptation=adaptation), "softplus")
        with ctx.workprec(600):
            found = SmoothQuantities(instance)._features.gram.det()
        assert certainly_dependent(instance) is wanted is bool(found.contains(0)) and float(found.rad()) < 1e-100


@pytest.mark.parametrize(("count", "wanted"), [(2, False), (3, True)])
def test_features_that_share_few_patterns_are_dependent(count: int, wanted: bool) -> None:
    """One input, no flip: phi_i = S psi - c_i psi, so any three are dependent; another task has an input alone."""
    tasks = [Task(fmpq(1, count + 1), (Atom(0, fmpq(i, 8), ONE),)) for i in range(count)]
    other = Task(fmpq(1, count + 1), (Atom(1, ONE, ONE),))
    rated = replace(one(Gradient(fmpq(1, 8), 1, (ONE, QUARTER), ONE)), loss=Loss("log-cosh"))
    rows, four = ((ONE, ONE), (ONE, -ONE)), Weights(np.array([[1.0, 2], [4, 3], [5, 6], [8, 7]]) / 16)
    network = replace(rated, features=rows, tasks=(*tasks, other), signs=(1,) * 4, initial=four, omega=four,
                      adaptation=replace(rated.adaptation, rates=(ONE, QUARTER) * 4), comparator=four)  # fmt: skip
    with ctx.workprec(400):
        at = NetworkQuantities(network)
        assert at._certainly_dependent() is wanted
        assert bool(at.margin_full_row_rank < 0) is wanted is not bool(at.margin_full_row_rank > 0)


@pytest.mark.parametrize("kind", KINDS)
def test_neurons_that_stay_active_are_a_linear_model(kind: str) -> None:
    """f = psi(x)'W where no neuron ever flips: all is that of the linear model with the features psi."""
    rng, big = np.random.default_rng(1), Weights(np.arange(8.0).reshape(4, 2) + 40)
    law = [tuple(Atom(x, fmpq(int(y)), HALF) for x, y in enumerate(rng.integers(-2, 3, 2))) for _ in range(4)]
    tasks = Task(HALF, law[0], law[1]), Task(HALF, law[2], law[3])
    steps = replace(KINDS[kind], eta=fmpq(1, 64))
    rows, signs, rival = ((ONE, HALF), (QUARTER, ONE)), (1, -1, 1, -1), Functions(((ONE, ZERO), (HALF, ONE)))
    network = NetworkInstance(Loss("squared"), steps, rows, tasks, signs, big, big, rival, ONE)
    features = tuple(tuple(b * v / 2 for b in signs for v in row) for row in rows)
    omega = tuple(v for r in range(4) for v in big.row(r))
    linear = MetaSLQuantities(MetaSLInstance(Loss("squared"), steps, features, tasks, omega, rival, ONE))
    ours = NetworkQuantities(network)
    assert ours("margin_differentiability") > 0
    for name in ("gap", "eps", "misfit", "eps_first_order", "misfit_l1", *WRONG):
        assert ours(name).overlaps(linear(name)) and float(ours(name).rad()) < 1e-25, name
    frozen = NetworkQuantities(network, Rationals)
    assert frozen.gap == MetaSLQuantities(linear.instance, Rationals).gap and frozen.chain_rule_defect == 0


# --- engines, the mirror, the checker of counterexamples -------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_torch_says_the_same(kind: str, activation: str) -> None:
    pytest.importorskip("torch")
    from metagap.impl.oracles.network_autograd import meta_gradient

    instance = drawn(KINDS[kind], activation)
    ours, (value, slope) = quantities_of(instance), meta_gradient(instance)
    assert abs(float(ours("trivial")) - value) < 1e-12
    assert float(ours("eps")) == pytest.approx(np.linalg.norm(slope), abs=1e-12)
    assert abs(float(ours._whole_gradient.along(*ours.problem.offset)) - (slope * (
        instance.omega.floats - instance.initial.floats)).sum()) < 1e-11  # fmt: skip


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("loss", ["squared", "log-cosh", "softmax"])
def test_both_engines_agree(family: str, loss: str, effort: int) -> None:
    compared = 0
    for index in range(2 * effort):
        with np.errstate(all="ignore"):
            batch = FAMILIES[family].generator("rates").build(RandomSource((4, index), 2), loss, Limits(2, 2, 2))
            floats = FAMILIES[family].batch_quantities(batch)
            scale = floats.scale
        for b in range(len(batch)):
            instance = batch.instance(b)
            assert batch_of(instance).instance(0).sha256 == instance.sha256
            with ctx.workprec(160):
                balls = quantities_of(instance)
                if not balls("margin_differentiability") > 1e-9:
                    continue
                for name in (*SHARED, *WRONG, *SMOOTH_NAMES):
                    with suppress(UndefinedQuantityError, AttributeError):
                        value, ours = float(floats(name)[b]), balls(name)
                        if np.isfinite(value):
                            unit = 2.0**-36 * (abs(value) + balls.scale(name) + scale[b])
                            assert float((ours - value).abs_lower()) <= unit, (name, value, ours)
                            compared += 1
    assert compared >= 60


@pytest.mark.ci(every=12)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_mirror_agrees(kind: str, activation: str) -> None:
    instance = drawn(KINDS[kind], activation, seed=3, width=2)
    found = compare(instance)
    assert not found.contradictions and len(found.compared) > 30
    assert agreements(quantities_of(instance), json.loads(files.dumps(instance))) > 20


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_violated(family: str, effort: int) -> None:
    decided = 0
    for index, loss in enumerate(("squared", "logistic", "softmax")[: 2 * effort]):
        with np.errstate(all="ignore"):
            batch = (
                FAMILIES[family].generator("rates-tangent").build(RandomSource((6, index), 2), loss, Limits(2, 2, 2))
            )
        for row in judge(batch.instance(0)).claims:
            assert row.verdict is not Verdict.VIOLATED, (row.claim, index)
            decided += row.verdict in (Verdict.PROVED, Verdict.EQUAL)
    assert decided >= 10


def test_a_tie_with_rates_is_decided_exactly() -> None:
    """W_i = (1 - 2/3, 1 - 4/3) meets x = (1, 1) at its kink: 1/3 - 1/3 is 0 in rationals, and in no ball."""
    tie = replace(
        one(Gradient(fmpq(1, 3), 1, (ONE, fmpq(2)))),
        omega=Weights.of([(ONE, ONE)]),
        tasks=(Task(ONE, (Atom(0, ZERO, ONE),)),),
    )
    at = NetworkQuantities(tie)
    assert at._after == [[0]] and at("margin_differentiability").is_zero()
    assert judge(tie)["network-lifted"].verdict is Verdict.OUTSIDE


# --- files, shrinking, certify ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_read_as_it_was_written(kind: str, activation: str) -> None:
    instance = drawn(KINDS[kind], activation)
    document = json.loads(files.dumps(instance))
    assert loads(files.dumps(instance)) == instance and document["format"] == "metagap/instance/2"
    if KINDS[kind].rates is not None:
        assert np.shape(document["adaptation"]["rates"]) == (4, 2)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an old format": ({"format": "metagap/instance/1"}, "no rates, in 'metagap/instance/1'"),
    "too few rows": ({"rates": [["1", "1"]]}, "give m=4 rows"),
    "too short a row": ({"rates": [["1"], ["1"], ["1"], ["1"]]}, "give d=2 numbers"),
    "no rows": ({"rates": ["1", "2"]}, "rates"),
    "a negative decay": ({"decay": "-1"}, "a number >= 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_rates_are_refused_in_one_line(name: str) -> None:
    document = json.loads(files.dumps(drawn(KINDS["both"], "relu")))
    document["tasks"] = [{k: v for k, v in task.items() if k != "support"} for task in document["tasks"]]
    changes, said = BAD[name]
    for field, value in changes.items():
        (document if field == "format" else document["adaptation"])[field] = value
    with pytest.raises(BadInputError, match=said) as error:
        loads(json.dumps(document))
    assert "\n" not in str(error.value)


def test_smaller_networks_keep_the_rates_of_their_neurons() -> None:
    instance = drawn(KINDS["both"], "relu")
    halves = [one for one in smaller(instance) if one.width == 2]
    assert [half.adaptation.rates for half in halves[:2]] == [RATES[:4], RATES[4:]]
    assert all(len(one.adaptation.rates or RATES) == one.parameters or one.adaptation.rates is None
               for one in smaller(instance))  # fmt: skip


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("objective", ["maml", "one-rate", "no-decay", "rates*0.5"])
def test_certify_names_the_loop(objective: str) -> None:
    instance = replace(drawn(Gradient(QUARTER, 1, RATES, HALF), "tanh", "squared", seed=5), radius=ONE)
    tasks = tuple(replace(task, support=None) for task in instance.tasks)
    answerer = SMOOTH_NETWORK.answerer
    assert answerer is not None
    instance = replace(instance, tasks=tasks)
    own = next(other for what, other, _ in answerer.variants(instance) if what.objective == objective)  # type: ignore[attr-defined]
    posed = replace(instance, omega=answerer.trained(own).omega)  # type: ignore[attr-defined]
    found = answerer.certify(posed, None, Budget(gap=1e-6, seconds=6), lambda *_: None, lambda _: None, lambda _: None)
    assert "rates -0.125 to 0.5 with weight decay 0.5" in found.posed.words
    assert found.optimum.lower <= float(quantities_of(posed)("trivial").upper())
    record = CertifyRecord.of(found, (), named=True).problem.adaptation
    assert np.shape(record["rates"]) == (4, 2) and record["decay"] == 0.5
    other = found.stationary.other
    assert (other is None) if objective == "maml" else (other is not None and other.loop.objective == objective)
