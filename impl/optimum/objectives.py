"""What training loops minimise in place of the meta-objective; `loops` encloses the gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flint import fmpq

from ..answers import Objective
from ..arithmetic import to_float
from ..supervised.adaptation import Gradient, Implicit

STEPS = 10
"""Numbers of steps that are tried: 1 to that many."""
SUPPORTS = (*range(1, 17), 20, 25, 32, 50, 64, 100, 128, 200, 256, 500)
"""Numbers of support rows that are tried."""


@dataclass(frozen=True)
class Loop(Objective):
    """What a training loop does with tasks: `support` first rows that it adapts on (None: the task's own), `on` the one
    law for adapting and evaluating (query, support, all; None: each its own), `only` the one task that it uses,
    `strength` that of an implicit step (None: gradient steps); `alike`: one rate for all parameters, `still`: no weight
    decay in the steps.
    """

    rate: fmpq
    steps: int
    support: int | None = None
    on: str | None = None
    first_order: bool = False
    chained: bool = False
    reptile: bool = False
    only: int | None = None
    strength: fmpq | None = None
    alike: bool = False
    still: bool = False


def own_loop(adaptation: Gradient | Implicit) -> Loop:
    if isinstance(adaptation, Implicit):
        return Loop("maml", "the iMAML objective", fmpq(1) / adaptation.strength, 1, strength=adaptation.strength)
    return Loop("maml", "the MAML objective", adaptation.eta, adaptation.steps)


def others(adaptation: Gradient | Implicit, tasks: int, rows: int, split: bool) -> Iterator[Loop]:
    """The plainest mistakes first; of so many tasks, of at least so many rows; `split`: with supports of their own."""
    if isinstance(adaptation, Implicit):
        yield from _beside_implicit(adaptation, tasks, rows, split)
        return
    own, eta = own_loop(adaptation), adaptation.eta
    yield replace(own, objective="no-adaptation", words="the loss without adaptation", steps=0)
    if eta == 0:
        return
    yield replace(own, objective="first-order", words="first-order MAML", first_order=True)
    for k in range(1, STEPS + 1):
        if k != own.steps:
            yield replace(own, objective=f"steps={k}", words=f"MAML with {_steps(k)} inside", steps=k)
    if adaptation.rates is not None:
        rate = adaptation.largest
        words = f"MAML with the rate {to_float(rate):.4g} for all parameters"
        yield replace(own, objective="one-rate", words=words, rate=rate, alike=True)
    if adaptation.decay != 0:
        yield replace(own, objective="no-decay", words="MAML without weight decay inside", still=True)
    yield from _other_tasks(own, tasks, rows, split)
    for k in range(2, STEPS + 1):
        yield replace(own, objective="reptile", words=f"Reptile with {_steps(k)} inside", steps=k, reptile=True)


def _beside_implicit(adaptation: Implicit, tasks: int, rows: int, split: bool) -> Iterator[Loop]:
    """The same of an implicit step."""
    own = own_loop(adaptation)
    yield replace(own, objective="no-adaptation", words="the loss without adaptation", steps=0, strength=None)
    yield replace(own, objective="first-order", words="first-order iMAML (and Reptile)", first_order=True)
    for k in range(1, STEPS + 1):
        words = f"MAML with {_steps(k)} of 1/lambda inside, in place of the proximal one"
        yield replace(own, objective=f"unrolled={k}", words=words, steps=k, strength=None)
    yield from _other_tasks(own, tasks, rows, split)


def _other_tasks(own: Loop, tasks: int, rows: int, split: bool) -> Iterator[Loop]:
    """The own adaptation on other tasks or rows."""
    if tasks > 1:
        yield replace(own, objective="first-task-only", words="the first task alone", only=0)
        yield replace(own, objective="last-task-only", words="the last task alone", only=tasks - 1)
        chained = "MAML without a reset: each task starts from the last one's adapted weights"
        yield replace(own, objective="no-reset", words=chained, chained=True)
    if split:
        for name, law, said in (
            ("query-is-support", "query", "adapts on the query rows too"),
            ("support-is-query", "support", "is evaluated on the support rows too"),
            ("no-split", "all", "adapts and is evaluated on all rows"),
        ):
            yield replace(own, objective=name, words=f"MAML that {said}", on=law)
        return
    for m in SUPPORTS:
        if m < rows:
            said = f"MAML that adapts on each task's first {m} row{'s' * (m > 1)} and is evaluated on the others"
            yield replace(own, objective="support/query", words=said, support=m)


def _steps(k: int) -> str:
    return f"{k} step{'s' * (k > 1)}"
