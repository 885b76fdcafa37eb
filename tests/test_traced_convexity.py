"""Risks of one's own that are convex by composition; a total divergence that is exactly 0 is no concave loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from metagap.impl.models.traced.convexity import convex
from metagap.impl.models.traced.middles import Middles
from metagap.theory.claim import Verdict

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")

from metagap.impl.models.traced.trace import array_of, traced  # noqa: E402
from metagap.torch import SGD, judge  # noqa: E402

from .test_traced import network, sinusoids  # noqa: E402

torch.set_num_threads(1)
SHARES = torch.tensor([[0.25], [0.75], [0.0]], dtype=torch.float64)
RISKS: dict[str, tuple[Any, bool]] = {
    "squares": (lambda z, y: ((z - y) ** 2).mean(), True),
    "a square as a product": (lambda z, y: ((z - y) * (z - y)).sum(), True),
    "fourth powers": (lambda z, y: (1 - 2 * (z - y)).pow(4).mean(), True),
    "sizes": (lambda z, y: (y - z).abs().mean(), True),
    "hinges": (lambda z, y: torch.relu(1 - y * z).sum(), True),
    "shares": (lambda z, y: (SHARES * (z - y).abs()).sum(), True),
    "affine": (lambda z, y: -(z * y).sum() / 3, True),
    "a matrix": (lambda z, y: (y.T @ z).abs().amax(), True),
    "exponentials of squares": (lambda z, y: torch.exp((z - y) ** 2).mean(), True),
    "less a concave one": (lambda z, y: y.sum() - (-(z.abs())).sum(), True),
    "where": (lambda z, y: torch.where(y > 0, z.abs(), z**2).sum(), True),
    "logsumexp": (lambda z, y: torch.logsumexp(z, 0).sum() - (y * z).sum(), True),
    "labels": (lambda z, y: -(y.abs() * torch.log_softmax(z, 0)).sum(), True),
    "one label": (lambda z, y: -torch.log_softmax(z, 0).gather(0, torch.tensor([[1]])).sum(), True),
    "logarithms of exponentials": (lambda z, y: torch.log(1 + 2 * torch.exp(-z * y) * torch.exp(z**2)).sum(), True),
    "log1p": (lambda z, y: torch.log1p(torch.exp(-z * y)).mean(), True),
    "log cosh": (lambda z, y: torch.log(torch.cosh(z - y)).sum(), True),
    "clamped hinges": (lambda z, y: torch.clamp(1 - y * z, min=0).mean(), True),
    "leaky": (lambda z, y: torch.nn.functional.leaky_relu(z - y, 0.2).sum(), True),
    "less a smallest": (lambda z, y: -torch.minimum(z, y).sum() - torch.log(1e3 - z).sum(), True),
    "weights of two signs": (lambda z, y: -((y - 1) * torch.log_softmax(z, 0)).sum(), False),
    "logarithms of less than 1": (lambda z, y: torch.log(torch.exp(z) + (0 * y - 1e-4)).sum(), False),
    "logarithms of squares": (lambda z, y: torch.log(1 + (z - y) ** 2).sum(), False),
    "exponentials of concave": (lambda z, y: torch.log1p(torch.exp(-(z**2) + y)).sum(), False),
    "clamped on both sides": (lambda z, y: torch.clamp(y - z, -1, 1).sum(), False),
    "steep leaky": (lambda z, y: torch.nn.functional.leaky_relu(z - y, 2.0).sum(), False),
    "roots": (lambda z, y: torch.sqrt(20 + z - y.clamp(max=1)).sum(), False),
    "no label": (lambda z, y: torch.log_softmax(z, 0).sum(), False),
    "concave": (lambda z, y: -(z**2).mean(), False),
    "shares of two signs": (lambda z, y: ((SHARES - 0.5) * (z - y) ** 2).sum(), False),
    "a negative multiple": (lambda z, y: ((z - y) ** 2).sum() / -2, False),
    "third powers": (lambda z, y: ((z - y) ** 3).sum(), False),
    "sines": (lambda z, y: z.sin().sum(), False),
    "a product of two": (lambda z, y: (z * z.flip(0)).sum(), False),
    "a square of a square less one": (lambda z, y: ((z**2 - 1) ** 2).sum(), False),
    "a quotient": (lambda z, y: (y / (1 + z**2)).sum(), False),
    "convex of what falls": (lambda z, y: torch.exp(-(z.abs())).sum(), False),
    "a gate of z": (lambda z, y: torch.where(z > 0, -z, z).sum(), False),
    "alpha": (lambda z, y: torch.sub(y.abs(), z**2, alpha=2).sum(), False),
}


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("name", RISKS)
def test_what_is_called_convex_is(name: str) -> None:
    """On a hundred segments; what bends the other way on one of them is not called so."""
    risk, wanted = RISKS[name]
    rng = np.random.default_rng(0)
    a, b, y = (torch.tensor(rng.normal(size=(100, 3, 1)) * 2) for _ in range(3))
    y[:, 0] = y[:, 0].abs()
    graph = traced(risk, (a[0], y[0]), [0])
    found = [convex(graph, [array_of(a[0]), array_of(own)], Middles()) for own in y[:5]]
    assert found == [wanted] * 5
    above = [float((risk(p, t) + risk(q, t)) / 2 - risk((p + q) / 2, t)) for p, q, t in zip(a, b, y, strict=True)]
    assert (min(above) >= -1e-9) == wanted, min(above)


def detached(z: Any, y: Any) -> Any:
    return (z.detach() * y).sum()


@pytest.mark.parametrize(("risk", "seed", "verdict"), [
    (lambda z, y: ((z - y) ** 4).mean(), 0, Verdict.PROVED),  # omega against itself
    (lambda z, y: z.sin().mean(), 0, Verdict.PROVED),
    (lambda z, y: -(z * y).sum(), 5, Verdict.PROVED),  # exactly 0, as 512 bits hold all its digits
    (lambda z, y: (z - y).abs().mean() / 3, 5, Verdict.PROVED),  # enclosed beside 0
    (lambda z, y: z.sin().mean(), 5, Verdict.OUTSIDE),
    (lambda z, y: -(z**2).mean(), 5, Verdict.OUTSIDE),
    (detached, 5, Verdict.OUTSIDE),  # affine, but with a gradient that is not its own
], ids=["itself", "itself, not convex", "affine", "one side", "not convex", "concave", "detached"])  # fmt: skip
@pytest.mark.ci
def test_a_divergence_of_0_is_decided_where_there_is_a_reason(risk: Any, seed: int, verdict: Verdict) -> None:
    result = judge(network(width=3), sinusoids(2, points=2), inner=SGD(0.02), loss=risk,
                   comparator=network(width=3, seed=seed))  # fmt: skip
    assert result["lifted"].verdict is verdict, result["lifted"].reason
    assert result["identity"].verdict is Verdict.EQUAL
