"""Loops that people have asked about in public, written here anew: each is diagnosed as what it is.

The report that a loop stands for is named beside it. Every loop is an ordinary one of PyTorch, as its user would write
it; the same loop without its fault is called right.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")

from metagap.torch import SGD, Task, check_gradient  # noqa: E402

torch.set_num_threads(1)
nn, functional_call = torch.nn, torch.func.functional_call

RATE = 0.05


def network(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 1)).double()


def tasks(count: int = 3) -> list[Task]:
    torch.manual_seed(7)
    found = []
    for _ in range(count):
        x, phase = torch.rand(8, 1).double() * 4 - 2, torch.rand(()).double()
        y = (2 * x + phase).sin()
        found.append(Task((x[:4], y[:4]), (x[4:], y[4:])))
    return found


def risk(z: Any, y: Any) -> Any:
    return ((z - y) ** 2).mean() / 2


def stepped(model: Any, fast: dict[str, Any], task: Task, rate: Any = RATE) -> dict[str, Any]:
    """One inner step on a dictionary of parameters; the graph is kept."""
    xs, ys = task.support
    loss = risk(functional_call(model, fast, (xs,)), ys)
    slopes = torch.autograd.grad(loss, list(fast.values()), create_graph=True)
    return {n: p - rate * g for (n, p), g in zip(fast.items(), slopes, strict=True)}


def query(model: Any, fast: dict[str, Any], task: Task) -> Any:
    x, y = task.query
    return risk(functional_call(model, fast, (x,)), y)


def grads(model: Any) -> list[Any]:
    return [p.grad.clone() for p in model.parameters()]


# --- the loops --------------------------------------------------------------------------------------------------------


def right(model: Any, given: list[Task], steps: int = 1) -> list[Any]:
    model.zero_grad()
    for task in given:
        fast = dict(model.named_parameters())
        for _ in range(steps):
            fast = stepped(model, fast, task)
        (query(model, fast, task) / len(given)).backward()
    return grads(model)


def with_detached_gradients(model: Any, given: list[Task]) -> list[Any]:
    """higher #128: the inner optimiser is handed g.detach(), with track_higher_grads=True left as it is."""

    class Inner:
        def step(self, loss: Any, fast: list[Any]) -> list[Any]:
            slopes = torch.autograd.grad(loss, fast, create_graph=True)
            return [p - RATE * g for p, g in zip(fast, (g.detach() for g in slopes), strict=True)]

    model.zero_grad()
    names = [n for n, _ in model.named_parameters()]
    for task in given:
        (xs, ys), fast = task.support, list(model.parameters())
        loss = risk(functional_call(model, dict(zip(names, fast, strict=True)), (xs,)), ys)
        fast = Inner().step(loss, fast)
        (query(model, dict(zip(names, fast, strict=True)), task) / len(given)).backward()
    return grads(model)


def with_items_added(model: Any, given: list[Task]) -> list[Any]:
    """learn2learn #388: losses are added up before one backward, all but the first by .item()."""
    model.zero_grad()
    batch_loss = None
    for task in given:
        learner = copy.deepcopy(model)
        fast = stepped(learner, dict(model.named_parameters()), task)
        error = query(learner, fast, task)
        batch_loss = error if batch_loss is None else batch_loss + error.item()
    (batch_loss / len(given)).backward()
    return grads(model)


def with_losses_added(model: Any, given: list[Task]) -> list[Any]:
    """learn2learn #388 as it was meant: one backward of the mean of all losses."""
    model.zero_grad()
    losses = [query(model, stepped(model, dict(model.named_parameters()), task), task) for task in given]
    torch.stack(losses).mean().backward()
    return grads(model)


def with_rates_by_parameter(rate: float) -> Callable[..., list[Any]]:
    """Meta-SGD-pytorch #3: a rate for every parameter, all set to one number by hand, for MAML's sake."""

    def loop(model: Any, given: list[Task]) -> list[Any]:
        model.zero_grad()
        rates = {n: torch.full_like(p, rate) for n, p in model.named_parameters()}
        for task in given:
            params, (xs, ys) = dict(model.named_parameters()), task.support
            slopes = torch.autograd.grad(risk(model(xs), ys), list(model.parameters()), create_graph=True)
            adapted = {n: params[n] - rates[n] * g for n, g in zip(params, slopes, strict=True)}
            (query(model, adapted, task) / len(given)).backward()
        return grads(model)

    loop.__name__ = "with_rates_by_parameter"
    return loop


def at_adapted_networks(model: Any, given: list[Task]) -> list[Any]:
    """deepchem #1481: each task trains a network of its own; gradients taken there are added up for the first."""
    total = [torch.zeros_like(p) for p in model.parameters()]
    for task in given:
        own = copy.deepcopy(model)
        optimiser = torch.optim.SGD(own.parameters(), lr=RATE)
        (xs, ys), (x, y) = task.support, task.query
        risk(own(xs), ys).backward()
        optimiser.step()
        optimiser.zero_grad()
        risk(own(x), y).backward()
        total = [t + p.grad / len(given) for t, p in zip(total, own.parameters(), strict=True)]
    return total


def with_one_update_of_two(model: Any, given: list[Task]) -> list[Any]:
    """garage #1269: what the first update leaves has no gradients, so that later updates find none and do nothing."""
    model.zero_grad()
    for task in given:
        fast, (xs, ys) = dict(model.named_parameters()), task.support
        slopes: dict[str, Any] = {}
        for _ in range(2):
            loss = risk(functional_call(model, fast, (xs,)), ys)
            if not slopes:
                slopes = dict(zip(fast, torch.autograd.grad(loss, list(fast.values()), create_graph=True), strict=True))
            fast = {n: p if slopes[n] is None else p - RATE * slopes[n] for n, p in fast.items()}
            slopes = dict.fromkeys(fast)
        (query(model, fast, task) / len(given)).backward()
    return grads(model)


def through_two_updates(model: Any, given: list[Task]) -> list[Any]:
    """garage #1269 mended: both updates count."""
    return right(model, given, steps=2)


def without_reset(model: Any, given: list[Task]) -> list[Any]:
    """Parameters of one task go on to the next."""
    model.zero_grad()
    fast, total = dict(model.named_parameters()), 0
    for task in given:
        fast = stepped(model, fast, task)
        total = total + query(model, fast, task) / len(given)
    total.backward()  # type: ignore[attr-defined]
    return grads(model)


def at_the_unadapted_network(model: Any, given: list[Task]) -> list[Any]:
    """pytorch-maml #15: the query's loss by the network itself, which no step has changed."""
    model.zero_grad()
    for task in given:
        stepped(model, dict(model.named_parameters()), task)
        x, y = task.query
        (risk(model(x), y) / len(given)).backward()
    return grads(model)


def of_the_last_task(model: Any, given: list[Task]) -> list[Any]:
    """tensorflow-maml #6: the loss inside the loop over tasks is one task's, and the last one's is what is left."""
    model.zero_grad()
    for task in given:
        loss = query(model, stepped(model, dict(model.named_parameters()), task), task)
    loss.backward()
    return grads(model)


def never_divided(model: Any, given: list[Task]) -> list[Any]:
    """higher #92: gradients of all tasks add up, and nothing divides by how many there are."""
    model.zero_grad()
    for task in given:
        query(model, stepped(model, dict(model.named_parameters()), task), task).backward()
    return grads(model)


def with_a_layer_left_out(model: Any, given: list[Task]) -> list[Any]:
    """The head is adapted by steps of its own and trained by no meta-gradient: none of the known ones."""
    found = right(model, given)
    return [*found[:-2], torch.zeros_like(found[-2]), torch.zeros_like(found[-1])]


LOOPS: list[tuple[Callable[..., list[Any]], SGD, str]] = [
    (right, SGD(RATE), "maml"),
    (with_detached_gradients, SGD(RATE), "first-order"),
    (with_items_added, SGD(RATE), "first-task-only"),
    (with_losses_added, SGD(RATE), "maml"),
    (with_rates_by_parameter(0.01), SGD(0.01), "maml"),
    (with_rates_by_parameter(0.1), SGD(0.01), "rate=10"),
    (with_rates_by_parameter(0.01), SGD(0.01, steps=5), "steps=1"),
    (at_adapted_networks, SGD(RATE), "first-order"),
    (with_one_update_of_two, SGD(RATE, steps=2), "steps=1"),
    (through_two_updates, SGD(RATE, steps=2), "maml"),
    (without_reset, SGD(RATE), "no-reset"),
    (at_the_unadapted_network, SGD(RATE), "no-adaptation"),
    (of_the_last_task, SGD(RATE), "last-task-only"),
    (never_divided, SGD(RATE), "sum-not-mean"),
    (with_a_layer_left_out, SGD(RATE), "unknown"),
]


@pytest.mark.parametrize(("loop", "inner", "name"), LOOPS, ids=[f"{f.__name__}-{n}" for f, _, n in LOOPS])
@pytest.mark.ci(every=15)
def test_loops_of_public_reports_are_diagnosed(loop: Callable[..., list[Any]], inner: SGD, name: str) -> None:
    model, given = network(), tasks()
    found = check_gradient(loop(model, given), model, given, inner=inner, loss="mse")
    assert found.name == name, found.message


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.ci
def test_a_loop_in_the_other_mode_reads_other_statistics(training: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1)).double()
    model[1].running_mean += 0.3
    given = tasks(2)
    statistics = copy.deepcopy(model.state_dict())
    model.train(not training)
    g = right(model, given)
    model.load_state_dict(statistics)
    model.train(training)
    assert check_gradient(g, model, given, inner=SGD(RATE)).name == "other-statistics"
    model.train(not training)
    assert check_gradient(g, model, given, inner=SGD(RATE)).name == "maml"
