"""Any PyTorch model: what a user may hand over wrongly is refused, and what a program hides is noticed."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
from metagap.impl.files import BadInputError
from metagap.impl.judgement import Enclosure
from metagap.theory.claim import Verdict

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")

from metagap.impl.models.traced.operators import UnknownOperatorError  # noqa: E402
from metagap.impl.models.traced.trace import TraceError  # noqa: E402
from metagap.impl.traced.asking import advice  # noqa: E402
from metagap.impl.traced.diagnosing import flattened  # noqa: E402
from metagap.impl.traced.learner import Learner  # noqa: E402
from metagap.impl.traced.problem import FORMAL, ROUNDED, at_state, instance_of, programs  # noqa: E402
from metagap.torch import SGD, Task, certify, check_gradient, judge  # noqa: E402

torch.set_num_threads(1)
nn = torch.nn


class Model(nn.Module):  # type: ignore[misc]
    """One linear layer, and a function of what it gives."""

    def __init__(self, then: Any = lambda z: z, outputs: int = 1, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.layer, self.then = nn.Linear(1, outputs), then

    def forward(self, x: Any) -> Any:
        return self.then(self.layer(x))


def task(y: Any = None, points: int = 2) -> Task:
    torch.manual_seed(9)
    x = torch.randn(points, 1)
    y = torch.randn(points, 1) if y is None else y
    return Task((x, y), (x + 1, y))


FEW = ("predictions", "risk")
COUNT, SMALL = itertools.count(1), torch.tensor([[100], [200]], dtype=torch.uint8)
CLASSES = {
    "soft": torch.tensor([[1.0, 1.0, 0.0], [0.0, 2.0, 0.0]]),
    "ignored": torch.tensor([0, -100]),
    "two axes": torch.tensor([[0], [1]]),
    "too large": torch.tensor([0, 3]),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_labels_that_are_no_classes_are_refused(kind: str) -> None:
    """Their losses have other divergences than KL, and may be negative."""
    with pytest.raises(BadInputError, match="class"):
        instance_of(Model(outputs=3), [task(CLASSES[kind])], SGD(0.1), "cross_entropy", Model(outputs=3), wanted=FEW)


def test_labels_outside_the_unit_interval_are_refused() -> None:
    """log(1 + e^z) - y z has no floor there."""
    for y in (torch.tensor([[5.0], [0.0]]), torch.tensor([[1.0], [-0.1]])):
        with pytest.raises(BadInputError, match=r"within \[0, 1\]"):
            instance_of(Model(), [task(y)], SGD(0.1), "bce", Model(), wanted=FEW)
    instance_of(Model(), [task(torch.tensor([[1.0], [0.5]]))], SGD(0.1), "bce", Model(), wanted=FEW)


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("radius", [-1.0, float("nan"), float("inf")])
def test_a_radius_is_a_finite_number_from_0(radius: float) -> None:
    with pytest.raises(BadInputError, match="radius"):
        instance_of(Model(), [task()], SGD(0.1), "mse", Model(), radius, wanted=FEW)


@pytest.mark.ci
def test_a_comparator_with_other_statistics_or_no_numbers_is_refused() -> None:
    def normed(shift: float) -> Any:
        model = nn.Sequential(Model(), nn.BatchNorm1d(1))
        model[1].running_mean += shift
        return model

    for training, refused in ((True, False), (False, True)):
        model, other = normed(0.0).train(training), normed(5.0).train(training)
        if refused:
            with pytest.raises(BadInputError, match=r"1\.running_mean.*buffers"):
                instance_of(model, [task()], SGD(0.1), "mse", other, wanted=FEW)
        else:
            instance_of(model, [task()], SGD(0.1), "mse", other, wanted=FEW)
    nothing = {n: v * float("nan") for n, v in Model().state_dict().items()}
    with pytest.raises(BadInputError, match="finite parameters"):
        instance_of(Model(), [task()], SGD(0.1), "mse", nothing, wanted=FEW)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("then", "words"),
    [
        (lambda z: z * (1 + 1e-12 * next(COUNT)), "traced again"),
        (lambda z: z * (SMALL + SMALL), "less than 64 bits"),
        (lambda z: (1e6 * z).half().double(), "differ from those of its trace"),
        (lambda z: z * z[z > 0].shape[0], "depends on the parameters"),
        (lambda z: torch.fft.fft(z, dim=0).abs(), "complex numbers"),
        (lambda z: {}[z], "a program that runs"),
        (lambda z: {"logits": z}, "one tensor"),
        (lambda z: z * z.norm(p=0), "its row does not take"),
    ],
)
def test_what_is_no_function_of_reals_is_refused(then: Any, words: str) -> None:
    """Numbers of a program that the trace does not see would be another program's."""
    with pytest.raises((BadInputError, TraceError, UnknownOperatorError), match=words):
        instance_of(Model(then), [task()], SGD(0.1), "mse", None, wanted=FEW)


@pytest.mark.ci
@pytest.mark.parametrize("then", [lambda z: z.float() * 3, lambda z: z * torch.full((2, 1), 0.1), torch.tanh])
def test_that_a_program_rounds_to_less_than_float64_is_said(then: Any) -> None:
    noted = instance_of(Model(then), [task()], SGD(0.1), "mse", None, wanted=FEW).notes
    assert (noted == (ROUNDED,)) == (then is not torch.tanh)


class Tied(nn.Module):  # type: ignore[misc]
    """Two layers, of one weight if it is tied."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(1, 1), nn.Linear(1, 1)
        if tied:
            self.b.weight = self.a.weight

    def forward(self, x: Any) -> Any:
        return self.b(self.a(x))


def test_states_of_another_model_are_refused_and_of_this_one_taken_exactly() -> None:
    model, more = Model(), {**Model(seed=1).state_dict(), "more": torch.ones(1)}
    for state, of in ((more, model), (Tied(False), Tied(True))):
        with pytest.raises(BadInputError, match=r"no such array|tied"):
            instance_of(of, [task()], SGD(0.1), "mse", state, wanted=FEW)
        with pytest.raises(BadInputError, match=r"no such array|tied"):
            at_state(of, state)
    fine = {n: v.double() + 1e-9 for n, v in model.state_dict().items()}
    assert all(torch.equal(v, fine[n]) for n, v in at_state(model, fine).state_dict().items())
    with pytest.raises(BadInputError, match="known at parameters"):
        certify(model, [task()], inner=SGD(0.1), comparator=[torch.zeros(2, 1)])  # type: ignore[arg-type]
    with torch.no_grad():
        model.layer.bias.fill_(math.nan)
    with pytest.raises(BadInputError, match=r"layer\.bias.*finite"):
        Learner(model, SGD(0.1), "mse")


@pytest.mark.ci
def test_a_model_that_changes_is_traced_again() -> None:
    model = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.LeakyReLU(0.1))

    def graph() -> Any:
        learner = Learner(model, SGD(0.1), "mse")
        one = task(torch.zeros(2, 2))
        return programs(model, learner, learner.data(one.support, one.query), FEW)[0]

    first = graph()
    assert graph()["predictions"] is first["predictions"]
    model[2].negative_slope = 0.2
    second = graph()["predictions"]
    model[1] = nn.Sigmoid()
    third = graph()["predictions"]
    assert len({repr(g.nodes) for g in (first["predictions"], second, third)}) == 3


def test_what_a_users_function_holds_is_read_at_each_call() -> None:
    rate = [0.1]

    def inner(parameters: Any, risk: Any) -> Any:
        slopes = torch.func.grad(risk)(parameters)
        return {n: p - rate[0] * slopes[n] for n, p in parameters.items()}

    model = Model()
    first = instance_of(model, [task()], inner, "mse", None, wanted=FEW)
    rate[0] = 0.2
    assert instance_of(model, [task()], inner, "mse", None, wanted=FEW).sha256 != first.sha256


def test_gradients_of_every_kind_and_none_of_a_wrong_shape() -> None:
    model = nn.Sequential(nn.Linear(1, 3), nn.Linear(3, 1))
    model[0].bias.requires_grad_(False)
    learner = Learner(model, SGD(0.1), "mse")
    parts = [torch.full(p.shape, float(k)) if p.requires_grad else None for k, p in enumerate(model.parameters())]
    given = [p for p in parts if p is not None]
    flat = torch.cat([p.ravel() for p in given])
    for gradients in (parts, given, iter(given), flat, flat.numpy(), dict(zip(learner.names, given, strict=True))):
        assert flattened(gradients, learner)[0].tolist() == flat.tolist()
    assert flattened([None, *given[1:]], learner)[0].tolist() == [0, 0, 0, 2, 2, 2, 3]
    for wrong in ([given[0].T, *given[1:]], given[:2], flat[1:], None, "abc", [], {"x": flat}):
        with pytest.raises(BadInputError, match="gradients"):
            flattened(wrong, learner)


@pytest.mark.ci
def test_no_gradient_is_named_where_none_is_enclosed() -> None:
    """A gradient that is 0 is not every gradient; without finite enclosures nothing is named."""
    model = Model(torch.relu)
    with torch.no_grad():
        model.layer.bias.fill_(-100)
    tasks = [task(torch.zeros(2, 1))]
    for value, name in ((0.0, "maml"), (1.0, "unknown")):
        g = [torch.full_like(p, value) for p in model.parameters()]
        assert check_gradient(g, model, tasks, inner=lambda p, risk: p).name == name


@pytest.mark.ci
def test_one_prediction_without_axes_is_one_point() -> None:
    y = torch.tensor([[0.5]])
    result = judge(Model(lambda z: z.squeeze()), [task(y, 1)], inner=SGD(0.1), comparator=Model(seed=3))
    assert result["identity"].verdict is Verdict.EQUAL


@pytest.mark.ci
@pytest.mark.parametrize("detached", [False, True])
def test_a_gradient_that_is_not_of_the_values_is_said(detached: bool) -> None:
    """First-order MAML written as an inner loop: its graph is another function's derivative than that of its values."""

    def inner(p: Any, risk: Any) -> Any:
        slopes = torch.autograd.grad(risk(p), list(p.values()), create_graph=True)
        return {n: v - 0.1 * (g.detach() if detached else g) for (n, v), g in zip(p.items(), slopes, strict=True)}

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(1, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    x = torch.linspace(-2, 2, 4)[:, None]
    result = judge(model, [Task((x, torch.sin(3 * x)), (x + 0.1, torch.sin(3 * x)))], inner=inner)
    assert any("formal gradient" in note for note in result.notes) == detached


@pytest.mark.ci
@pytest.mark.parametrize("cut", [False, True])
def test_parameters_that_move_values_and_have_no_slope_are_said(cut: bool) -> None:
    """Where a part is cut off, the gradient is right along itself."""
    model = nn.Sequential(Model(lambda z: z.detach() if cut else z), nn.Linear(1, 1))
    noted = instance_of(model, [task()], SGD(0.1), "mse", None, wanted=("predictions", "gradient")).notes
    assert (FORMAL in noted) == cut


@pytest.mark.ci
def test_an_answer_quotes_no_bound_that_is_not_decided_and_no_number_that_is_none() -> None:
    found = judge(Model(torch.tanh), [task()], inner=SGD(lr=0.1), comparator=Model(torch.tanh, seed=1))
    whole, lifted = Enclosure(0.0, 1.0), found["lifted"]
    assert lifted.verdict is Verdict.PROVED
    said = advice(found, whole, lifted)
    assert any(one.startswith("By the theorem no more than") for one in said)
    for wrong in (
        replace(lifted, verdict=Verdict.UNDECIDED, reason="gap and bound overlap"),
        replace(lifted, bound=Enclosure(0.0, math.inf)),
    ):
        said = advice(found, whole, wrong)
        assert not any("By the theorem" in one for one in said)
        assert any(one.startswith("The theorem says nothing here") for one in said)
    nothing = Enclosure(math.nan, math.nan)
    blank = replace(found["lifted"], terms={**found["lifted"].terms, "eps": nothing})
    other = replace(
        found.judgement, claims=tuple(blank if c.claim == blank.claim else c for c in found.judgement.claims)
    )
    assert not any("larger part" in one for one in advice(replace(found, judgement=other), whole, blank))
