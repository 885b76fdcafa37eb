"""What rounding explains of a gradient: units at their kinks, what a dtype cannot tell, what no order explains.

And entries that are one function: a largest of these has no kink.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")

from metagap.impl.models.traced.alike import numbers  # noqa: E402
from metagap.impl.models.traced.evaluate import Run, evaluated  # noqa: E402
from metagap.impl.models.traced.middles import Middles  # noqa: E402
from metagap.impl.models.traced.trace import array_of, traced  # noqa: E402
from metagap.impl.traced.candidates import Objectives  # noqa: E402
from metagap.impl.traced.tolerance import FORMATS, Tolerance  # noqa: E402
from metagap.torch import SGD, Task, check_gradient  # noqa: E402

from .test_right_gradients import LOSSES, looped  # noqa: E402

torch.set_num_threads(1)
nn, F = torch.nn, torch.nn.functional


class Kinked(nn.Module):  # type: ignore[misc]
    """relu(w x + b) + c x: a product rounded before it is added."""

    def __init__(self, bias: float, dtype: Any) -> None:
        super().__init__()
        self.w, self.c = (nn.Parameter(torch.tensor([v], dtype=dtype)) for v in (1.1, 0.3))
        self.b = nn.Parameter(torch.tensor([bias], dtype=dtype))

    def forward(self, x: Any) -> Any:
        return torch.relu(self.w * x + self.b) + self.c * x


def at_a_kink() -> tuple[Any, list[Task]]:
    """A unit that is exactly open, and closed in float32: b = -fl(w x) with fl(w x) < w x."""
    w = np.float32(1.1)
    x = next(v for v in map(np.float32, np.linspace(1.2, 1.4, 50)) if float(w * v) < float(w) * float(v))
    model = Kinked(-float(w * x), torch.float32)
    support, query = torch.tensor([[0.7], [1.9]]), torch.tensor([[float(x)], [2.1]])
    return model, [Task((support, support.sin()), (query, 5 * query.cos()))]


@pytest.mark.ci
def test_a_unit_that_rounding_closes_is_explained() -> None:
    model, tasks = at_a_kink()
    inner = SGD(1e-12)  # the inner step moves the unit by less than its distance from the kink
    g = looped(model, tasks, inner, LOSSES["mse"])
    those = Objectives(model, tasks, inner, "mse")
    exact = next(those.usual()).value(Middles()).mid
    off = np.linalg.norm(exact - torch.cat(g).double().numpy()) / np.linalg.norm(exact)
    assert off > 0.1  # the unit counts
    found = check_gradient(g, model, tasks, inner=inner)
    assert found.name == "maml" and found.rounding < 1e-4 and "1 of 1 decisions" in found.message, found.message
    wrong = [g[0] * 1.01, *g[1:]]
    assert check_gradient(wrong, model, tasks, inner=inner).name != "maml"


def sine(dtype: Any) -> tuple[Any, list[Task]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)).to(dtype)
    x = torch.linspace(-2, 2, 12).reshape(-1, 1).to(dtype)
    return model, [Task((x[::2], x[::2].sin()), (x[1::2], x[1::2].sin()))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.ci
def test_what_a_dtype_cannot_tell_is_said(dtype: str) -> None:
    """At a rate of 1e-7 first-order MAML's gradient is MAML's for float32, and not for float64."""
    model, tasks = sine(getattr(torch, dtype))
    found = check_gradient(looped(model, tasks, SGD(1e-7), LOSSES["mse"]), model, tasks, inner=SGD(1e-7))
    assert found.name == "maml"
    if dtype == "float32":
        assert "first-order" in found.alike and "as far as float32 can tell" in found.message
    else:
        assert not found.alike and "as far as" not in found.message


@pytest.mark.ci
def test_what_no_order_explains_is_unknown_and_so_is_what_is_not_expected() -> None:
    model, tasks = sine(torch.float32)
    g = looped(model, tasks, SGD(0.1), LOSSES["mse"])
    right = check_gradient(g, model, tasks, inner=SGD(0.1))
    assert right.name == "maml" and right.distance.hi < right.rounding < right.proved < 1e-2
    size = float(torch.cat([v.ravel() for v in g]).norm())
    aside = [torch.randn_like(v) for v in g]
    share = size / float(torch.cat([v.ravel() for v in aside]).norm())
    for off, words in (
        (3 * right.proved, "in whatever order"),
        (1.5 * right.rounding, "probability of at most 1e-06"),
    ):
        wrong = [v + off * share * a for v, a in zip(g, aside, strict=True)]
        found = check_gradient(wrong, model, tasks, inner=SGD(0.1))
        assert found.name == "unknown" and words in found.message, found.message


@pytest.mark.ci
def test_a_rate_is_named_once_and_by_the_roundest_number() -> None:
    model, tasks = sine(torch.float32)
    found = check_gradient(looped(model, tasks, SGD(0.2), LOSSES["mse"]), model, tasks, inner=SGD(0.1))
    assert found.name == "rate=2" and found.alike == () and found.message.count("times 2") == 1, found.message


@pytest.mark.ci
def test_what_has_no_neighbour_is_given_none() -> None:
    """0 is at a relative distance of 1 from everything, minus MAML's gradient is one of its own."""
    model, tasks = sine(torch.float32)
    g, told = looped(model, tasks, SGD(0.1), LOSSES["mse"]), []
    zero = check_gradient([0 * v for v in g], model, tasks, inner=SGD(0.1))
    assert zero.name == "zero" and "zero_grad()" in zero.message and "nearest" not in zero.message, zero.message
    assert check_gradient([-v for v in g], model, tasks, inner=SGD(0.1)).name == "minus"
    far = check_gradient([v.flip(0) ** 2 + 1 for v in g], model, tasks, inner=SGD(0.1), tell=told.append)
    assert far.name == "unknown" and far.distance.lo > 0.5 and "none of them is near" in far.message, far.message
    standing = [one for one in told if not isinstance(one, str)]
    assert {one.name for one in standing} == {"unknown"} and len(standing[-1].distances) == len(far.distances)
    assert any("first-order" in one for one in told if isinstance(one, str))


def test_a_gradient_that_is_rightly_0_is_mamls() -> None:
    x = torch.zeros(2, 1)
    found = check_gradient([torch.zeros(1, 1)], nn.Linear(1, 1, bias=False), [Task((x, x), (x, x))], inner=SGD(0.1))
    assert found.name == "maml", found.message


# --- entries that are one function ------------------------------------------------------------------------------------


def pooled(weight: Any, x: Any) -> Any:
    return F.max_pool2d(torch.tanh(F.conv2d(x, weight, padding=1)), 2).sum()


def run_of(weight: Any, x: Any) -> tuple[Any, Run]:
    graph = traced(lambda w, x: torch.func.grad(pooled)(w, x), (weight, x), [0])
    (found,), run = evaluated(graph, [array_of(weight), array_of(x)], Middles())
    return found, run


def test_blank_windows_tie_freely() -> None:
    """Of a picture with blank edges: no kink, and torch's own gradient, which takes the first."""
    torch.manual_seed(0)
    x = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    x[..., 3:6, 4:7] = torch.rand(3, 3, dtype=torch.float64)
    weight = torch.randn(2, 1, 3, 3, dtype=torch.float64)
    found, run = run_of(weight, x)
    assert not run.kinks and run.margin > 0
    assert np.abs(found.mid - torch.func.grad(pooled)(weight, x).numpy()).max() < 1e-12 and found.rad.max() < 1e-12


def test_a_tie_of_two_functions_is_a_kink() -> None:
    """A weight and a picture that are their own mirror images: entries are equal here, and not beside."""
    torch.manual_seed(0)
    x = torch.rand(1, 1, 4, 4, dtype=torch.float64)
    weight = torch.randn(1, 1, 3, 3, dtype=torch.float64)
    x, weight = x + x.flip(3), weight + weight.flip(3)
    pool = lambda w, x: F.max_pool2d(F.conv2d(x, w, padding=1)[..., 1:3], 2).sum()  # noqa: E731
    graph = traced(lambda w, x: torch.func.grad(pool)(w, x), (weight, x), [0])
    (found,), run = evaluated(graph, [array_of(weight), array_of(x)], Middles())
    assert run.kinks and "max_pool" in run.kinks[0].op and run.margin == 0
    slope = torch.func.grad(pool)(weight, x).numpy()
    for either in (slope, slope[..., ::-1]):
        assert (np.abs(found.mid - either) <= found.rad + 1e-12).all()
    beside = weight.clone()
    beside[..., 0] += 1e-6
    assert not evaluated(graph, [array_of(beside), array_of(x)], Middles())[1].kinks


def test_a_unit_exactly_at_its_kink_is_one() -> None:
    graph = traced(lambda w: torch.func.grad(lambda w: torch.relu(w - 1).sum())(w), (torch.ones(2),), [0])
    (found,), run = evaluated(graph, [np.ones(2)], Middles())
    assert run.kinks and run.margin == 0 and found.mid.tolist() == [0, 0]


@pytest.mark.parametrize("layers", [
    [nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2, track_running_stats=False), nn.Tanh(), nn.MaxPool2d(2),
     nn.Conv2d(2, 4, 3, groups=2)],
    [nn.Conv2d(1, 2, 3, stride=2, dilation=2), nn.Softplus(), nn.Conv2d(2, 1, 2)],
    [nn.Conv2d(1, 3, 2), nn.GELU(), nn.ZeroPad2d(1), nn.Conv2d(3, 2, 3)],
], ids=["norm", "stride", "padded"])  # fmt: skip
def test_entries_of_one_number_are_one_function(layers: list[Any]) -> None:
    """At random parameters they are equal; every node's numbers, on a picture with blank parts."""
    torch.manual_seed(0)
    model = nn.Sequential(*layers).double()
    x = torch.zeros(2, 1, 12, 12, dtype=torch.float64)
    x[:, :, 4:7, 5:9] = (torch.rand(2, 1, 3, 4) > 0.5).double()
    names = list(dict(model.named_parameters()))

    def value(*args: Any) -> Any:
        return torch.func.functional_call(model, dict(zip(names, args[:-1], strict=True)), (args[-1],))

    parameters = [torch.randn_like(p) for p in model.parameters()]
    graph = traced(value, (*parameters, x), range(len(names)))
    seen: list[tuple[Any, Any]] = []

    class Seeing(Run):
        def _value(self, node: Any, inputs: Any) -> Any:
            found = super()._value(node, inputs)
            seen.append((node, found))
            return found

    run = Seeing(Middles(), graph, inputs=[*map(array_of, parameters), array_of(x)])
    run.outputs([run.s.of(v) for v in run.inputs])
    shared = 0
    for index, (_, found) in enumerate(seen):
        if run.shapes[index] is None or not hasattr(found, "mid"):
            continue
        own, values = numbers(run, index).ravel(), np.broadcast_to(found.mid, found.shape).ravel()
        order = np.argsort(own, kind="stable")
        same = own[order][1:] == own[order][:-1]
        assert (np.abs(np.diff(values[order]))[same] <= 1e-13).all(), graph.nodes[index].op
        assert (np.abs(values[own == 0]) == 0).all()
        shared += int(same.sum()) if graph.live[index] else 0
    assert shared > 50, shared


@pytest.mark.ci
def test_ties_of_one_function_are_no_doubt_of_a_dtype() -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(8, 2))
    x = torch.zeros(4, 1, 8, 8)
    x[:, :, 3:5, 3:5] = torch.rand(4, 1, 2, 2)
    tasks = [Task((x[:2], torch.tensor([0, 1])), (x[2:], torch.tensor([0, 1])))]
    those = Objectives(model, tasks, SGD(0.1), "cross_entropy")
    room = Tolerance(next(those.usual()).value, FORMATS[torch.float32])
    assert room.doubtful == () and room.expected < 1e-4
