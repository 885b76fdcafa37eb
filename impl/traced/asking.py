"""What is asked of a PyTorch model: is the theorem true here, and how far is omega from the best?"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ...theory.any_model import CLAIMS, HEADLINE
from ..answers import less, more
from ..judgement import ClaimJudgement, Enclosure, smallest
from ..shown import Sheet, Shown, between, rounded_down, rounded_up
from ..task_tables import Task
from .episodes import Tasks, tasks_of
from .judging import TracedJudgement, judged
from .learner import Inner, Learner, Loss, bad, weights
from .losses import NAMED
from .problem import State, at_state, instance_of

ASKED = (*(c for c in CLAIMS if c.name.endswith(("-lifted", "-l1", "-first-order"))), HEADLINE)
"""The claims that say how far omega is from the best."""


def judge(
    model: torch.nn.Module,
    tasks: Tasks,
    *,
    inner: Inner,
    loss: Loss = "mse",
    comparator: Any = None,
    radius: float | None = None,
    omega: State | None = None,
) -> TracedJudgement:
    """Every claim of `theory.any_model` on the model as it is.

    tasks: a list of `Task`, of DataLoaders (one for each task's points), a loader of episodes, learn2learn's or
    torchmeta's, a batch of tasks; `Episodes(...)` says of them how rows are split, and how many tasks are taken;
    omega: the parameters under test, a state_dict (None: the model's own);
    inner: `SGD`, or a function of (parameters by name, the support's risk) that gives adapted parameters; loss: "mse"
    (the mean of (z - y)^2/2, half of torch's mse_loss), "cross_entropy", "bce" (of logits), or a function of
    (predictions, labels), convex in the predictions, as torch.nn.functional.mse_loss; comparator: a state_dict or a
    module, or predictions per task (None: the labels, with mse); radius R: None is the comparator's distance.
    Errors: BadInputError, TraceError, UnknownOperatorError.
    """
    return judged(instance_of(at_state(model, omega), tasks_of(tasks), inner, loss, comparator, radius))


@dataclass(frozen=True)
class TracedAnswer(Shown):
    """How far from the best: L(omega), L at the best point known, [gap to it, gap to the floor 0], the bound, advice.

    Both ends of the gap are enclosed: inf L lies between 0 and the best value that is known.
    """

    value: Enclosure
    best: Enclosure
    gap: Enclosure
    bound: ClaimJudgement
    judgement: TracedJudgement
    at: Mapping[str, torch.Tensor]
    advice: tuple[str, ...]

    @property
    def sheet(self) -> Sheet:
        """The distance, the bound, and what to do."""
        rows = [
            ("distance from the global optimum", between(self.gap.lo, self.gap.hi, 6)),
            ("the best value known", f"{self.best.middle:.6g}"),
            ("L(omega)", f"{self.value.middle:.6g}"),
            *(("what to do", sentence) for sentence in self.advice),
        ]
        return Sheet("a PyTorch model", (), rows)


def certify(
    model: torch.nn.Module,
    tasks: Tasks,
    *,
    inner: Inner,
    loss: str = "mse",
    comparator: State | None = None,
    max_time: float = 10.0,
    omega: State | None = None,
) -> TracedAnswer:
    """[L(omega) - best known, L(omega) - floor], the theorem's bound and what it is made of, what to do.

    comparator: the best parameters that you know, a state_dict or a module; without it descent from omega looks for
    better ones, for `max_time` seconds. Floats propose them, L there is enclosed. tasks, omega, inner, loss: as
    `judge`, but losses have names here, so that 0 is a floor. Errors: as `judge`.
    """
    if loss not in NAMED:
        raise bad("loss", loss, f"one of {', '.join(NAMED)}: of others no floor is known")
    if isinstance(comparator, torch.nn.Module):
        comparator = comparator.state_dict()
    if not isinstance(comparator, Mapping | None):
        raise bad("comparator", type(comparator).__name__, "a state_dict or a module: L is known at parameters")
    model, given = at_state(model, omega), tasks_of(tasks)
    at = descended(model, given, inner, loss, max_time) if comparator is None else comparator
    instance = instance_of(model, given, inner, loss, at)
    found = judged(instance, ASKED)
    best = Enclosure(less(found.value.lo, found.gap.hi), more(found.value.hi, found.gap.lo))
    if not best.hi <= found.value.hi:
        best, at = found.value, dict(zip(instance.names, map(torch.from_numpy, instance.omega), strict=True))
    gap = Enclosure(max(less(found.value.lo, best.hi), 0.0), found.value.hi)
    forms = [found[name] for name in ("lifted", "l1")]
    sharpest = smallest(forms) or forms[0]
    return TracedAnswer(found.value, best, gap, sharpest, found, at, advice(found, gap, sharpest))


def advice(found: TracedJudgement, gap: Enclosure, bound: ClaimJudgement) -> tuple[str, ...]:
    """What to do, each sentence from what is enclosed and finite; the bound only if it is PROVED or EQUAL."""
    said = []
    if gap.lo > 0:
        said.append(f"Better parameters are known: they lower L by at least {rounded_down(gap.lo, 3)}.")
    if (least := smallest([bound])) is not None and least.bound is not None:
        said.append(
            f"By the theorem no more than {rounded_up(least.bound.hi, 3)} is lost against them ({least.verdict.name})."
        )
    else:
        said.append(f"The theorem says nothing here: {bound.verdict.name}, {bound.reason}.")
    lifted = found["lifted"].terms
    known = [lifted[name].middle for name in ("radius", "eps", "weight_norm", "misfit") if name in lifted]
    if len(known) == 4 and all(map(math.isfinite, known)):
        still, rest = known[0] * known[1], known[2] * known[3]
        said.append(
            f"R eps = {still:.3g} is the larger part: omega is not stationary for MAML; train on (check_gradient says "
            "whose gradient a loop computes)."
            if still > rest
            else f"||w|| misfit = {rest:.3g} is the larger part: the meta-features do not represent the displacement; "
            "a wider model, or more parameters that adapt, would."
        )
    return (*said, *found.notes, *(f"Not decided: {kink}." for kink in found.kinks[:3]))


def descended(
    model: torch.nn.Module, tasks: Sequence[Task], inner: Inner, loss: Loss, seconds: float
) -> dict[str, torch.Tensor]:
    """The best parameters that Adam finds from omega; a proposal."""
    learner = Learner(model, inner, loss)
    data = [learner.data(task.support, task.query) for task in tasks]
    shares = [float(q.p) / float(q.q) for q in weights(tasks)]

    def total(p: tuple[torch.Tensor, ...]) -> torch.Tensor:
        losses = (learner.loss(learner.adapted_predictions(p, xs, ys, x), y) for xs, ys, x, y in data)
        return sum(
            (q * value for q, value in zip(shares, losses, strict=True)), start=torch.zeros((), dtype=torch.float64)
        )

    slope = torch.func.grad_and_value(total)
    moving = [copy.deepcopy(p).requires_grad_() for p in learner.omega]
    best, least = learner.omega, float("inf")
    descent = torch.optim.Adam(moving, lr=1e-2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        point = tuple(p.detach().clone() for p in moving)
        gradients, value = slope(point)
        if float(value) < least:
            best, least = point, float(value)
        for p, g in zip(moving, gradients, strict=True):
            p.grad = g.detach()
        descent.step()
    return dict(zip(learner.names, best, strict=True))
