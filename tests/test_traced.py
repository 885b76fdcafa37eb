"""Any PyTorch model: judged by the theorem, its gradient diagnosed, its distance from the best certified."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import ctx
from metagap.impl.families import loads
from metagap.impl.files import BadInputError, dumps
from metagap.theory.any_model import CLAIMS, HEADLINE
from metagap.theory.claim import Verdict

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")

from metagap.impl.traced.instance import TracedInstance  # noqa: E402
from metagap.impl.traced.judging import judged  # noqa: E402
from metagap.impl.traced.problem import instance_of  # noqa: E402
from metagap.impl.traced.quantities import TracedQuantities  # noqa: E402
from metagap.torch import SGD, Task, certify, check_gradient, judge  # noqa: E402

torch.set_num_threads(1)
nn, functional_call = torch.nn, torch.func.functional_call


def network(dtype: Any = None, width: int = 6, seed: int = 0, activation: Any = nn.ReLU) -> Any:
    torch.manual_seed(seed)
    layers = nn.Sequential(
        nn.Linear(1, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, 1)
    )
    return layers.to(dtype or torch.float32)


def sinusoids(count: int = 3, dtype: Any = None, points: int = 4, seed: int = 1) -> list[Task]:
    """Finn's tasks: support and query of one sinusoid each."""
    torch.manual_seed(seed)
    found = []
    for _ in range(count):
        amplitude, phase = torch.rand(()) * 4.9 + 0.1, torch.rand(()) * 3.1
        x = (torch.rand(2 * points, 1) * 10 - 5).to(dtype or torch.float32)
        y = amplitude * (x + phase).sin()
        found.append(Task((x[:points], y[:points]), (x[points:], y[points:])))
    return found


def mse(z: Any, y: Any) -> Any:
    return ((z - y) ** 2).mean() / 2


def looped(model: Any, tasks: list[Task], *, loss: Any = mse, lr: float = 0.02, steps: int = 1, detach: bool = False,
           unadapted: bool = False, item: bool = False, summed: bool = False, on_support: bool = False,
           reuse: bool = False) -> list[Any]:  # fmt: skip
    """A user's meta-gradient by a loop of torch.autograd, and the ways in which such loops go wrong."""
    model.zero_grad()
    total: Any = 0
    fast = dict(model.named_parameters())
    for i, task in enumerate(tasks):
        (xs, ys), (x, y) = task.support, task.query
        if on_support:
            x, y = xs, ys
        if not reuse or i == 0:
            fast = dict(model.named_parameters())
        for _ in range(steps):
            slopes = torch.autograd.grad(
                loss(functional_call(model, fast, (xs,)), ys), list(fast.values()), create_graph=True
            )
            fast = {n: p - lr * (g.detach() if detach else g) for (n, p), g in zip(fast.items(), slopes, strict=True)}
        if unadapted:
            fast = dict(model.named_parameters())
        value = loss(functional_call(model, fast, (x,)), y)
        total = total + (value.item() if item and i > 0 else value)
    (total if summed else total / len(tasks)).backward()
    return [p.grad.clone() for p in model.parameters()]


# --- the theorem --------------------------------------------------------------------------------------------------


def test_every_claim_is_decided_on_a_network_with_support_and_query() -> None:
    result = judge(network(), sinusoids(), inner=SGD(lr=0.02), loss="mse", comparator=network(seed=5))
    assert {c.claim for c in result.claims} == {c.name for c in (*CLAIMS, HEADLINE)}
    for name in ("identity", "s2"):
        assert result[name].verdict is Verdict.EQUAL, result[name].reason
    for name in ("s1", "s3", "s4", "lifted", "l1", "first-order", "headline"):
        assert result[name].verdict is Verdict.PROVED, (name, result[name].reason)
    assert result["c3"].verdict in (Verdict.PROVED, Verdict.UNDECIDED)
    lifted = result["lifted"]
    assert lifted.left is not None and lifted.bound is not None and lifted.left.hi <= lifted.bound.lo
    assert lifted.left.lo <= result.gap.lo and result.eps.lo > 0 and not result.kinks


@pytest.mark.parametrize("activation", [nn.Tanh, nn.Softplus, nn.GELU, nn.SiLU, nn.ELU], ids=lambda a: a.__name__)
@pytest.mark.ci
def test_smooth_activations_and_steps(activation: Any) -> None:
    model = network(activation=activation, width=3)
    result = judge(model, sinusoids(2, points=2), inner=SGD(lr=0.05, steps=2), comparator=network(seed=3, width=3,
                   activation=activation))  # fmt: skip
    assert all(c.verdict in (Verdict.PROVED, Verdict.EQUAL) for c in result.claims if not c.claim.endswith("c3"))


def digits(count: int = 2, ways: int = 5, dtype: Any = None) -> list[Task]:
    """5-way 1-shot tasks of 8 x 8 digits."""
    datasets = pytest.importorskip("sklearn.datasets")
    data, rng, found = datasets.load_digits(), np.random.default_rng(0), []
    for _ in range(count):
        classes = rng.choice(10, ways, replace=False)
        chosen = [rng.choice(np.nonzero(data.target == c)[0], 2, replace=False) for c in classes]
        sets = []
        for k in (0, 1):
            x = torch.tensor(np.stack([data.images[pair[k]] for pair in chosen])[:, None] / 16).to(
                dtype or torch.float32
            )
            sets.append((x, torch.arange(ways)))
        found.append(Task(*sets))
    return found


def convolutional(seed: int = 0, batch_norm: bool = True) -> Any:
    torch.manual_seed(seed)
    norm = [nn.BatchNorm2d(3, track_running_stats=False)] if batch_norm else []
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), *norm, nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(48, 5)
    )


@pytest.mark.ci
def test_ties_of_a_maximum_in_blank_parts_are_no_kinks() -> None:
    """The blank edges of digits give a window equal entries, which are one function: everything is decided."""

    def pooled() -> Any:
        return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32, 5))

    result = judge(pooled(), digits(1), inner=SGD(lr=0.1), loss="cross_entropy", comparator=pooled())
    assert not result.kinks
    assert all(c.verdict in (Verdict.PROVED, Verdict.EQUAL) for c in result.claims)


@pytest.mark.ci
def test_ties_of_different_functions_are_kinks_that_are_named() -> None:
    """A layer and pictures that are their own mirror images: entries beside the axis are equal here alone."""

    def mirrored(task: Task) -> Task:
        return Task(*((x + x.flip(3), y) for x, y in (task.support, task.query)))

    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(9, 5))
    with torch.no_grad():
        model[0].weight += model[0].weight.flip(3).clone()
    result = judge(model, list(map(mirrored, digits(1))), inner=SGD(lr=0.1), loss="cross_entropy", comparator=model)
    assert any("max_pool2d" in kink for kink in result.kinks)
    assert not any(c.verdict is Verdict.VIOLATED for c in result.claims)


@pytest.mark.ci
def test_attention_is_traced_and_run_by_its_definition() -> None:
    """The faster forms that PyTorch takes without weights have no second derivatives."""

    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heads, self.out = nn.MultiheadAttention(2, 1, batch_first=True), nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            return self.out(self.heads(x, x, x, need_weights=False)[0].mean(1))

    torch.manual_seed(0)
    task = Task(*((torch.randn(2, 2, 2), torch.randn(2, 1)) for _ in range(2)))
    result = judge(Attending(), [task], inner=SGD(lr=0.1), comparator=Attending())
    assert all(c.verdict in (Verdict.PROVED, Verdict.EQUAL) for c in result.claims)


@pytest.mark.ci
def test_a_convolutional_network_on_digits() -> None:
    result = judge(convolutional(), digits(), inner=SGD(lr=0.1), loss="cross_entropy", comparator=convolutional(1))
    for name in ("identity", "s1", "s2", "s3", "s4", "lifted", "l1", "first-order", "headline"):
        assert result[name].verdict in (Verdict.PROVED, Verdict.EQUAL), (name, result[name].reason)
    assert "batch normalisation" in result.notes[0]
    model, tasks = convolutional(), digits()
    cross = nn.functional.cross_entropy
    for wrong, name in ((False, "maml"), (True, "first-order")):
        found = check_gradient(looped(model, tasks, loss=cross, lr=0.1, detach=wrong), model, tasks, inner=SGD(0.1),
                               loss="cross_entropy")  # fmt: skip
        assert found.name == name, found.message


@pytest.mark.ci
def test_kinks_are_named_and_nothing_is_decided_on_them() -> None:
    model = network()
    with torch.no_grad():
        model[0].bias.zero_()
    tasks = sinusoids(2)
    tasks[1].support[0][2] = 0.0  # all units of the first layer are on their kinks there
    result = judge(model, tasks, inner=SGD(lr=0.02), comparator=network(seed=5))
    assert result["lifted"].verdict is Verdict.UNDECIDED
    assert "differentiable-adaptation" in result["lifted"].reason
    assert any(kink.startswith("task 1: aten.le.Scalar of unit [2, 0]") for kink in result.kinks), result.kinks


def small(**changes: Any) -> TracedInstance:
    return instance_of(
        network(width=3), sinusoids(2, points=2), SGD(lr=0.02), "mse", network(seed=5, width=3), **changes
    )


@pytest.mark.ci
def test_both_systems_meet_and_agree_with_pytorch() -> None:
    model, tasks, other = network(torch.float64, 3), sinusoids(2, torch.float64, 2), network(torch.float64, 3, seed=5)
    instance = instance_of(model, tasks, SGD(0.02), "mse", other)
    rough = TracedQuantities(instance, precise=False)
    with ctx.workprec(256):
        fine = TracedQuantities(instance, precise=True)
        for name in ("gap", "bregman", "eps", "pairing", "weight_norm", "eps_first_order", "value", "misfit"):
            assert rough(name).overlaps(fine(name)), name
        assert fine.chain_rule_defect.abs_upper() < 2.0**-200
    g = torch.cat([v.ravel() for v in looped(model, tasks)])
    assert abs(float(rough.eps.mid()) - float(g.norm())) < 1e-12 * float(g.norm())
    first = torch.cat([v.ravel() for v in looped(model, tasks, detach=True)])
    assert abs(float(rough.eps_first_order.mid()) - float(first.norm())) < 1e-12 * float(first.norm())


class Shifted(nn.Module):  # type: ignore[misc]
    """x + p."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.zeros(1))

    def forward(self, x: Any) -> Any:
        return x + self.p


@pytest.mark.ci
def test_the_l1_form_pairs_the_components_of_a_point() -> None:
    """By hand: z - y = (1, -1), (1, 1), u = (3, 1), (-1, -2), phi = 9/10 everywhere, as no step is taken at omega.

    inf 9|v|/20 + |2|/4 + |-3/4 - 9v/20|: what v gains it pays.
    """
    x, y = torch.tensor([[1.0, 2.0], [3.0, 1.0]]), torch.tensor([[0.0, 3.0], [2.0, 0.0]])
    h = x - torch.tensor([[3.0, 1.0], [-1.0, -2.0]])
    found = TracedQuantities(instance_of(Shifted(), [Task((x, x), (x, y))], SGD(0.1), "mse", [h], 1.0))
    assert abs(found.misfit_l1 - 1.25) < 1e-6  # components one by one: 7/4; all points together: 1/4
    # Of one point it is |<w, u>|: S1 is its proof.
    one = TracedQuantities(instance_of(Shifted(), [Task((x, x), (x[1:], y[1:]))], SGD(0.1), "mse", [h[1:]], 1.0))
    assert abs(one.misfit_l1 - 1.5) < 1e-6 and abs(one.pairing + 1.5) < 1e-6


@pytest.mark.ci
def test_an_instance_replays_from_its_file() -> None:
    """The same name, the same verdicts, and no PyTorch; a loss of one's own travels as graphs."""
    for loss in ("mse", lambda z, y: ((z - y) ** 4).mean()):
        instance = instance_of(network(width=3), sinusoids(2, points=2), SGD(lr=0.02), loss, network(seed=5, width=3))
        again = loads(dumps(instance))
        assert isinstance(again, TracedInstance)
        assert again.sha256 == instance.sha256 and again.bits == instance.bits
        first, second = judged(instance), judged(again)
        assert [c.verdict for c in first.claims] == [c.verdict for c in second.claims] and first.gap == second.gap
        changed = replace(instance, omega=(instance.omega[0] + 1, *instance.omega[1:]))
        assert changed.sha256 != instance.sha256
        assert (first["headline"].verdict is Verdict.OUTSIDE) == (loss != "mse")


@pytest.mark.ci
def test_a_users_own_inner_loop() -> None:
    def own(parameters: Any, risk: Any) -> Any:
        slopes = torch.autograd.grad(risk(parameters), list(parameters.values()), create_graph=True)
        return {n: p - 0.02 * g for (n, p), g in zip(parameters.items(), slopes, strict=True)}

    other = network(seed=5)
    a, b = (judge(network(), sinusoids(), inner=inner, comparator=other) for inner in (own, SGD(lr=0.02)))
    assert [c.verdict for c in a.claims] == [c.verdict for c in b.claims]
    assert a.eps.lo <= b.eps.hi and b.eps.lo <= a.eps.hi


# --- whose gradient -----------------------------------------------------------------------------------------------

LOOPS: list[tuple[dict[str, Any], str]] = [
    ({}, "maml"),
    ({"detach": True}, "first-order"),
    ({"item": True}, "first-task-only"),
    ({"unadapted": True}, "no-adaptation"),
    ({"summed": True}, "sum-not-mean"),
    ({"on_support": True}, "query-is-support"),
    ({"lr": 0.2}, "rate=10"),
    ({"lr": 0.03}, "rate=1.5"),
    ({"steps": 5}, "steps=5"),
    ({"steps": 2}, "steps=2"),
    ({"reuse": True}, "no-reset"),
    ({"loss": nn.functional.mse_loss}, "maml-of-mse-loss"),
    ({"loss": nn.functional.mse_loss, "detach": True}, "first-order-of-mse-loss"),
]
"""Users' loops: what goes wrong (detach: higher #128; item: learn2learn #388; rates: Meta-SGD-pytorch #3; parameters of
one task go on to the next), and what it is called."""


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("wrong", "name"), LOOPS, ids=lambda x: x if isinstance(x, str) else "")
@pytest.mark.ci(every=26)
def test_loops_are_diagnosed(wrong: dict[str, Any], name: str, dtype: Any) -> None:
    model, tasks = network(dtype, 4), sinusoids(3, dtype, 3)
    found = check_gradient(looped(model, tasks, **wrong), model, tasks, inner=SGD(lr=0.02), loss="mse")
    assert found.name == name, found.message
    assert (found.distance.lo <= found.rounding) == (name != "unknown")
    assert found.message.endswith(".") and found.distance.lo <= found.distance.hi


@pytest.mark.ci
def test_a_right_gradient_raises_no_false_alarm(effort: int) -> None:
    """Of random networks, in both dtypes, in every form in which gradients come."""
    for seed in range(3 * effort):
        dtype = (torch.float32, torch.float64)[seed % 2]
        model, tasks = network(dtype, 2 + seed % 4, seed), sinusoids(1 + seed % 3, dtype, 2, seed)
        g = looped(model, tasks)
        names = [n for n, _ in model.named_parameters()]
        for form in (g, torch.cat([v.ravel() for v in g]), dict(zip(names, g, strict=True))):
            assert check_gradient(form, model, tasks, inner=SGD(lr=0.02)).name == "maml"
            if effort == 1:
                break


@pytest.mark.ci
def test_a_training_loop_traces_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from metagap.impl.traced import learner

    model, tasks = network(torch.float64, 3), sinusoids(2, torch.float64, 2)
    assert check_gradient(looped(model, tasks), model, tasks, inner=SGD(lr=0.02)).name == "maml"
    monkeypatch.setattr(learner, "traced", lambda *a: pytest.fail("traced again"))
    with torch.no_grad():
        model[0].weight += 0.01
    assert check_gradient(looped(model, tasks), model, tasks, inner=SGD(lr=0.02)).name == "maml"


# --- how far from the best ----------------------------------------------------------------------------------------


@pytest.mark.ci
def test_certify_says_how_far_and_what_to_do() -> None:
    model, tasks = network(width=4), sinusoids(2, points=3)
    answer = certify(model, tasks, inner=SGD(lr=0.02), loss="mse", max_time=1.0)
    assert 0 <= answer.gap.lo <= answer.gap.hi == answer.value.hi and answer.best.hi <= answer.value.hi
    assert answer.bound.verdict is Verdict.PROVED and len(answer.advice) >= 2
    known = copy.deepcopy(model).double()
    known.load_state_dict(dict(answer.at))
    again = certify(model, tasks, inner=SGD(lr=0.02), loss="mse", comparator=known)
    assert abs(again.best.lo - answer.best.lo) < 1e-9


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.ci
def test_bad_input_is_one_line() -> None:
    model, tasks, inner = network(width=2), sinusoids(1, points=2), SGD(lr=0.02)
    dropped = nn.Sequential(nn.Linear(1, 2), nn.Dropout(0.5), nn.Linear(2, 1))
    constant = [Task((torch.ones(2, 1), torch.ones(2, 1)), (torch.ones(2, 1), torch.ones(2, 1)))]
    for words, call in (
        ("dropout", lambda: judge(dropped, tasks, inner=inner)),
        ("at least one task", lambda: judge(model, [], inner=inner)),
        ("one of mse", lambda: judge(model, tasks, inner=inner, loss="hinge")),
        ("within", lambda: judge(model, tasks, inner=inner, loss="bce")),
        ("a state_dict", lambda: judge(model, constant, inner=inner, loss="bce")),
        ("same model", lambda: judge(model, tasks, inner=inner, comparator=network(width=3))),
        ("parameters", lambda: check_gradient([torch.zeros(3)], model, tasks, inner=inner)),
        (
            "call backward",
            lambda: check_gradient([p.grad for p in network().parameters()], network(), tasks, inner=inner),
        ),
        ("inner='SGD': metagap.torch.SGD", lambda: judge(model, tasks, inner=torch.optim.SGD(model.parameters(), 0.1))),
        ("inner='float'", lambda: check_gradient([torch.zeros(3)], model, tasks, inner=0.1)),
        ("finite", lambda: check_gradient(torch.full((6,), torch.nan), network(width=1), tasks, inner=inner)),
        (
            "as many inputs",
            lambda: judge(model, [Task(tasks[0].support, (torch.ones(3, 1), torch.ones(2, 1)))], inner=inner),
        ),
    ):
        with pytest.raises(BadInputError, match=words) as error:
            call()
        assert "\n" not in str(error.value)


def test_a_program_that_looks_at_numbers_is_refused() -> None:
    from metagap.impl.models.traced.trace import TraceError

    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(1))

        def forward(self, x: Any) -> Any:
            return x * self.w if self.w.sum().item() > 0 else -x

    with pytest.raises(TraceError, match=r"looks at a number .* at .*test_traced.py:\d+"):
        judge(Looks(), sinusoids(1, points=2), inner=SGD(lr=0.02))
