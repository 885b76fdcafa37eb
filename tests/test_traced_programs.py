"""Small programs, as people write them, through the trace: values and second derivatives are PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")

from metagap.impl.midrad import MidRad  # noqa: E402
from metagap.impl.models.traced.evaluate import evaluated  # noqa: E402
from metagap.impl.models.traced.middles import Middles  # noqa: E402
from metagap.impl.models.traced.operators import UnknownOperatorError  # noqa: E402
from metagap.impl.models.traced.systems import Fine, System  # noqa: E402
from metagap.impl.models.traced.trace import TraceError, array_of, nobodys, traced  # noqa: E402
from metagap.impl.traced.learner import SGD, Learner  # noqa: E402

torch.set_num_threads(1)
F, nn = torch.nn.functional, torch.nn
EYE = torch.eye(3, dtype=torch.float64)
CLASSES, LABELS = torch.tensor([0, 2, 1]), torch.linspace(0, 1, 12, dtype=torch.float64).reshape(3, 4)


def positive(a: Any) -> Any:
    return a @ a.mT + EYE


ATTENTION = nn.MultiheadAttention(4, 2, batch_first=True).double()
LSTM = nn.LSTM(3, 4, batch_first=True).double()
PROGRAMS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "linear": (F.linear, [(3, 4), (2, 4), (2,)]),
    "conv1d": (lambda x, w, b: F.conv1d(x, w, b, padding=1), [(2, 3, 8), (4, 3, 3), (4,)]),
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), [(2, 3, 6, 6), (4, 3, 3, 3), (4,)]),
    "conv_transpose2d": (lambda x, w: F.conv_transpose2d(x, w, stride=2), [(2, 3, 3, 3), (3, 2, 2, 2)]),
    "max_pool1d": (lambda x: F.max_pool1d(x, 2), [(2, 3, 8)]),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2), [(2, 3, 6, 6)]),
    "max_pool3d": (lambda x: F.max_pool3d(x, 2), [(1, 2, 4, 4, 4)]),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2, ceil_mode=True), [(2, 3, 5, 5)]),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, 4), [(2, 3, 6, 6)]),
    "adaptive_max_pool2d": (lambda x: F.adaptive_max_pool2d(x, 2), [(2, 3, 6, 6)]),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [(4, 3, 2, 2), (3,), (3,)]),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (4,), w, b), [(3, 4), (4,), (4,)]),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), [(3, 4, 2, 2), (4,), (4,)]),
    "rms_norm": (lambda x, w: F.rms_norm(x, (4,), w), [(3, 4), (4,)]),
    "normalize": (F.normalize, [(3, 4)]),
    "cross_entropy": (lambda z: F.cross_entropy(z, CLASSES, label_smoothing=0.1), [(3, 4)]),
    "bce_with_logits": (lambda z: F.binary_cross_entropy_with_logits(z, LABELS), [(3, 4)]),
    "bce": (lambda z: F.binary_cross_entropy(z.sigmoid(), LABELS), [(3, 4)]),
    "l1_loss": (lambda z: F.l1_loss(z, LABELS), [(3, 4)]),
    "smooth_l1_loss": (lambda z: F.smooth_l1_loss(z, LABELS), [(3, 4)]),
    "huber_loss": (lambda z: F.huber_loss(z, LABELS), [(3, 4)]),
    "kl_div": (lambda z: F.kl_div(F.log_softmax(z, 1), LABELS.softmax(1)), [(3, 4)]),
    "hinge": (lambda z: F.hinge_embedding_loss(z, torch.sign(LABELS - 0.5)), [(3, 4)]),
    "triplet": (F.triplet_margin_loss, [(3, 4), (3, 4), (3, 4)]),
    "cosine": (F.cosine_similarity, [(3, 4), (3, 4)]),
    "softmax": (lambda x: F.softmax(x, -1), [(3, 4)]),
    "embedding": (lambda w: F.embedding(torch.tensor([0, 2, 2]), w), [(4, 3)]),
    "einsum": (lambda a, b: torch.einsum("bij,bjk->bik", a, b), [(2, 3, 4), (2, 4, 3)]),
    "matmul": (torch.matmul, [(2, 2, 3), (3, 4)]),
    "where": (lambda x: torch.where(x > 0, x.sin(), x.exp()), [(3, 4)]),
    "index": (lambda x: x[torch.tensor([0, 2, 0]), torch.tensor([1, 1, 1])], [(3, 4)]),
    "mask": (lambda x: x[torch.tensor([True, False, True])], [(3, 4)]),
    "gather": (lambda x: x.gather(1, torch.tensor([[0], [1], [2]])), [(3, 4)]),
    "take_along_dim": (lambda x: torch.take_along_dim(x, torch.tensor([[0], [1], [2]]), 1), [(3, 4)]),
    "roll": (lambda x: torch.roll(x, 1, 0), [(3, 4)]),
    "unfold": (lambda x: F.unfold(x, 2), [(1, 2, 4, 4)]),
    "in place": (lambda x: x.clone().mul_(2).sin_(), [(3, 4)]),
    "cumsum": (lambda x: torch.cumsum(x, 1), [(3, 4)]),
    "prod": (lambda x: torch.prod(x, 1), [(3, 4)]),
    "std": (lambda x: torch.std(x, 1), [(3, 4)]),
    "norm": (torch.linalg.vector_norm, [(3, 4)]),
    "max": (lambda x: x.max(1).values, [(3, 4)]),
    "min": (lambda x: x.min(1).values, [(3, 4)]),
    "solve": (lambda a, b: torch.linalg.solve(positive(a), b), [(3, 3), (3, 2)]),
    "inv": (lambda a: torch.linalg.inv(positive(a)), [(2, 3, 3)]),
    "cholesky": (lambda a: torch.linalg.cholesky(positive(a)), [(3, 3)]),
    "cholesky_solve": (lambda a, b: torch.cholesky_solve(b, torch.linalg.cholesky(positive(a))), [(3, 3), (3, 2)]),
    "weight norm": (lambda v, g, x: x @ (g * v / v.norm(dim=1, keepdim=True)).T, [(3, 4), (3, 1), (2, 4)]),
    "gradient clipping": (lambda x: x * torch.clamp(1 / (x.norm() + 1e-6), max=1.0), [(3, 4)]),
    "lstm": (lambda x: LSTM(x)[0], [(2, 3, 3)]),
    **{n: (getattr(F, n), [(3, 4)]) for n in (
        "relu", "relu6", "elu", "selu", "celu", "leaky_relu", "gelu", "silu", "mish", "softplus", "hardtanh",
        "hardswish", "softsign", "tanhshrink", "logsigmoid", "softshrink", "hardshrink")},
}  # fmt: skip
"""Functions of tensors of these shapes."""


def compared(name: str, second: bool) -> None:
    torch.manual_seed(1)
    function, shapes = PROGRAMS[name]
    inputs = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    every = tuple(range(len(inputs)))

    def value(*given: Any) -> Any:
        torch.manual_seed(2)
        return function(*given).sin().sum()

    def bent(*given: Any) -> Any:
        def steepness(*at: Any) -> Any:
            return sum((v * v).sum() for v in torch.func.grad(value, argnums=every)(*at))

        return torch.func.grad(steepness, argnums=every)(*given)

    program = bent if second else value
    right = program(*inputs)
    graph = traced(program, inputs, every)
    systems: list[System] = [Middles(), Fine()]
    for system in systems:
        found, run = evaluated(graph, [array_of(x) for x in inputs], system)
        assert not run.kinks, run.kinks
        for got, wanted in zip(found, right if second else (right,), strict=True):
            off = np.abs(system.middle(got) - array_of(wanted))
            assert off.max() <= 1e-9 * (1 + float(wanted.abs().max()))


QUICK = ("solve", "in place", "bce_with_logits", "take_along_dim")


@pytest.mark.parametrize("name", QUICK)
def test_a_few_programs_mean_what_pytorch_means(name: str) -> None:
    compared(name, second=False)


@pytest.mark.parametrize("second", [False, True], ids=["value", "second"])
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.ci
def test_programs_mean_what_pytorch_means(name: str, second: bool) -> None:
    compared(name, second)


@pytest.mark.ci
def test_attention_by_its_definition() -> None:
    x = torch.randn(2, 3, 4, dtype=torch.float64)

    def value(x: Any) -> Any:
        return ATTENTION(x, x, x, need_weights=False)[0].sin().sum()

    (found,), run = evaluated(traced(value, [x], [0]), [array_of(x)], Middles())
    assert abs(float(found.mid) - float(value(x))) < 1e-12 and float(found.rad) < 1e-10 and not run.kinks


def test_infinities_are_told_from_numbers_where_they_are_exact() -> None:
    def masked(x: Any) -> Any:
        return torch.where(torch.tensor([True, False]), x, -torch.inf) == -torch.inf

    graph = traced(masked, [torch.zeros(2, dtype=torch.float64)], [0])
    (found,), _ = evaluated(graph, [np.zeros(2)], Fine())
    assert found.tolist() == [False, True]
    (found,), _ = evaluated(graph, [np.zeros(2)], Middles())
    assert found.yes.tolist() == [False, False] and found.open.tolist() == [False, True]


def test_what_has_no_row_is_refused_with_the_line_that_called_it() -> None:
    def sorted_first(x: Any) -> Any:
        return torch.sort(x).values[0]

    x = torch.randn(4, dtype=torch.float64)
    with pytest.raises(UnknownOperatorError, match=r"aten\.sort\.default \(called at test_traced_programs\.py:\d+\)"):
        evaluated(traced(sorted_first, [x], [0]), [array_of(x)], Middles())


def test_a_singular_system_is_not_enclosed() -> None:
    a, b = torch.tensor([[1.0, 1.0], [1.0, 1.0]], dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    graph = traced(torch.linalg.solve, [a + torch.eye(2, dtype=torch.float64), b], [0, 1])
    for system in (Middles(), Fine()):
        (found,), _ = evaluated(graph, [array_of(a), array_of(b)], system)
        assert not system.finite(found).any()
    wide = MidRad(np.eye(2), np.full((2, 2), 0.75))
    (found,), _ = evaluated(graph, [wide, array_of(b)], Middles())
    assert not Middles().finite(found).any()


def test_in_place_operations_inside_decompositions_are_kept() -> None:
    """Circular padding writes into an empty tensor: a graph without these writes would say what was there before."""
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64)

    def padded(x: Any) -> Any:
        return F.pad(x, (1, 1, 1, 1), mode="circular")

    graph = traced(padded, [x], [0])
    assert not any(node.op.rpartition(".")[0].endswith("_") for node in graph.nodes)
    (found,), _ = evaluated(graph, [array_of(x)], Middles())
    assert (found.mid == array_of(padded(x))).all()


def test_short_integers_are_moved_and_not_computed_with() -> None:
    """A graph's integers have 64 bits, and wrap as those of PyTorch do; shorter ones would wrap elsewhere."""
    x, few = torch.randn(3, dtype=torch.float64), torch.tensor([1, 2, 0], dtype=torch.int8)
    kept = [
        lambda z: z[few.clone().long()],
        lambda z: z * torch.where(z > 0, few, few.flip(0)),
        lambda z: few.sum() * z,
    ]
    for program in kept:
        (found,), _ = evaluated(traced(program, [x], [0]), [array_of(x)], Middles())
        assert (found.mid == array_of(program(x))).all()
    for program in (
        lambda z: z * (few + few),
        lambda z: z * few.cumsum(0, dtype=torch.int8),
        lambda z: few.short() * z,
    ):
        with pytest.raises(TraceError, match="less than 64 bits"):
            traced(program, [x], [0])


def test_a_shape_may_depend_on_data_alone() -> None:
    x, y = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64), torch.tensor([0, 1, 1])
    (found,), _ = evaluated(traced(lambda z: z[y > 0] * z[y > 0].shape[0], [x], [0]), [array_of(x)], Middles())
    assert found.mid.tolist() == [-4.0, 6.0]
    (found,), _ = evaluated(traced(lambda z: z[torch.full((2,), 1)], [x], [0]), [array_of(x)], Middles())
    assert found.mid.tolist() == [-2.0, -2.0]


class Squared(nn.Module):
    """A user's module."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x


def test_users_lines_are_kept_wherever_there_is_a_user() -> None:
    """In the model, a part of it or a hook; of PyTorch's own modules there are none to keep."""
    plain = nn.Sequential(nn.Linear(1, 1), nn.Tanh())
    hooked = nn.Sequential(nn.Linear(1, 1))
    hooked.register_forward_hook(lambda model, given, found: found * 2)
    assert nobodys(plain)
    assert not nobodys(hooked)
    assert not nobodys(nn.Sequential(plain, Squared()))
    data = tuple(torch.ones(2, 1, dtype=torch.float64) for _ in range(4))
    learner = Learner(nn.Sequential(plain, Squared()), SGD(0.25), "mse")
    found = learner.graphs(data, learner.unadapted(data), ["unadapted"])["unadapted"]
    assert any(node.line.startswith("test_traced_programs.py:") for node in found.nodes)
