"""The answer for a network: floors of L from below, the lowest value that training finds from above, the headline
against the network or the functions near the optimum.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from flint import ctx, fmpq

from ....theory import network as relu_network
from ....theory import smooth_network
from ....theory.claim import Claim
from ...answers import Objective, Posed, count
from ...answers.stages import MULTIPLES, Staged, Variant, Work, slope_of
from ...arithmetic import Array, to_float
from ...instances import Instance
from ...judge import PRECISIONS
from ...judgement import ClaimJudgement, Enclosure
from ...models.weights import Weights, squared_distance
from ...supervised.adaptation import adaptation_field
from ...supervised.instance import (
    NetworkInstance,
    SmoothInstance,
    all_rows,
    laws_in_words,
    split,
    steps_in_words,
)
from ...supervised.relu.batch import batch_of
from ...supervised.relu.batch_quantities import NetworkBatchQuantities
from ...supervised.relu.quantities import NetworkQuantities
from ...supervised.smooth.quantities import SmoothQuantities
from .bracket import STARTS, NetworkHeadline, Optimum, descended, value
from .floor import problem_of
from .lower import Lower, lower_bound, without_search


@dataclass(frozen=True)
class NetworkAnswerer(Staged):
    """Of one kind of networks.

    claims, quantities   as of its family; headline   how its optimum is bracketed
    """

    claims: Sequence[Claim]
    quantities: type[NetworkQuantities] | type[SmoothQuantities]
    headline: NetworkHeadline

    def posed(self, instance: NetworkInstance) -> Posed:
        tasks = [task for task in instance.tasks if task.weight != 0]
        adaptation, name = instance.adaptation, instance.loss.name
        rows, d = sum(map(all_rows, tasks)), len(instance.features[0])
        sigma = instance.activation if isinstance(instance, SmoothInstance) else "relu"
        sizes = f"{count(len(tasks), 'task')}, {count(rows, 'row')}, {count(d, 'column')}"
        sizes += f", {instance.loss.outputs} outputs" if instance.loss.outputs > 1 else ""
        network = f"a two-layer {sigma} network of width {instance.width}"
        return Posed(
            model=f"{sigma}-network",
            loss=name,
            adaptation=adaptation_field(adaptation, to_float, instance.width),
            tasks=len(tasks),
            rows=rows,
            columns=d,
            omega=instance.omega.floats.tolist(),
            words=f"{sizes}; {network}; {name} loss, {steps_in_words(adaptation)}, {laws_in_words(instance)}",
            claim=self.headline.claim.name,
            split=split(instance),
            width=instance.width,
        )

    def value(self, instance: NetworkInstance) -> Enclosure:
        with ctx.workprec(PRECISIONS[0]):
            return Enclosure.of(value(problem_of(instance.canonical), instance.omega))

    def first(self, instance: NetworkInstance, value: Enclosure, gap: float) -> Optimum:
        low = 0.0 if instance.loss.profile.nonnegative else None
        return Optimum(
            lower=-np.inf if low is None else low,
            upper=value.hi,
            gap=gap,
            fallback=low,
            why="no search was made",
            at=instance.omega,
            how="none" if low is None else "nonnegative",
            floor=None,
            ball=None,
            stops=(),
        )

    def over(self, optimum: Optimum, radius: fmpq | None) -> tuple[str, str]:
        return "" if radius is None else f"||W - W0|| <= {radius}", ""

    def outside(self, instance: NetworkInstance, radius: fmpq) -> str:
        size = squared_distance(instance.omega, instance.initial)
        required = f"at least ||omega - W0|| = {to_float(size) ** 0.5:.6g} is required: omega must lie in the ball"
        return required if size > radius * radius else ""

    def brackets(
        self, instance: NetworkInstance, standing: Optimum, radius: fmpq | None, until: float, work: Work
    ) -> Iterator[Optimum]:
        """The floor that needs no search, then lower values of L, then the best floor that there is."""
        instance, best = instance.canonical, standing.at

        def assembled(found: Lower, *points: Weights) -> Optimum:
            made = self.headline.assembled(instance, radius, standing.gap, found, (best, *points), descend=False)
            # A floor without a checker is proved in balls.
            return replace(made, fallback=made.lower if made.check is None else lowest)

        work.stage("bounding the infimum by what any networks can do")
        floor = without_search(instance)
        lowest = floor.value if floor.check is not None and floor.check.accepted else standing.fallback
        yield (made := assembled(floor))
        for start in self._starts(instance):
            work.stage("looking for a better network")
            if time.monotonic() > until:
                break
            yield (made := assembled(floor, descended(instance, start, _watched(work, until))))
            best = made.at
        if split(instance):
            return  # what else is known is of tasks that adapt on what they are judged on
        work.stage("bounding the infimum by all that is known of it")
        yield assembled(lower_bound(instance, radius))

    def _starts(self, instance: NetworkInstance) -> Iterator[Array]:
        """Where descent starts: omega, W0, and elsewhere."""
        yield from (weights.floats for weights in dict.fromkeys((instance.omega, instance.initial)))
        yield from np.random.default_rng(0).standard_normal((STARTS, *instance.initial.floats.shape))

    def trained(self, instance: NetworkInstance) -> NetworkInstance:
        return replace(instance, omega=descended(instance, instance.initial.floats))

    def against(self, instance: NetworkInstance, optimum: Optimum) -> Iterator[tuple[Instance, ClaimJudgement]]:
        found = self.headline.judge(instance, optimum)
        yield found.instance, found.judged

    def variants(self, instance: NetworkInstance) -> Iterator[Variant]:
        adaptation = instance.canonical.adaptation
        eta, steps = adaptation.eta, adaptation.steps

        def other(objective: str, words: str, **changed: Any) -> Variant:
            return Objective(objective, words), replace(instance, **changed), False

        def stepped(rate: fmpq, steps: int) -> dict[str, Any]:
            return {"adaptation": replace(adaptation, eta=rate, steps=steps)}

        yield other("maml", "the MAML objective")
        yield other("no-adaptation", "the loss without adaptation", **stepped(fmpq(0), 1))
        live = [task for task in instance.tasks if task.weight != 0]
        if len(live) > 1:
            alone = (replace(live[0], weight=fmpq(1)),)
            yield other("first-task-only", "the first task alone", tasks=alone, comparator=instance.omega)
        if eta == 0:
            return
        yield Objective("first-order", "first-order MAML"), instance, True
        for k in (steps - 1, steps + 1):
            if k > 0:
                yield other(f"steps={k}", f"MAML with {count(k, 'step')} inside", **stepped(eta, k))
        if adaptation.rates is not None:
            rate = adaptation.largest
            words = f"MAML with the rate {to_float(rate):.4g} for all parameters"
            yield other("one-rate", words, adaptation=replace(adaptation, eta=rate, rates=None))
        if adaptation.decay != 0:
            words = "MAML without weight decay inside"
            yield other("no-decay", words, adaptation=replace(adaptation, decay=fmpq(0)))
        for multiple in MULTIPLES:
            rate = eta * multiple
            text, factor = f"{to_float(rate):g}", f"{to_float(multiple):g}"
            if adaptation.rates is None:
                yield other(f"rate={text}", f"MAML with rate {text}", **stepped(rate, steps))
            else:
                yield other(f"rates*{factor}", f"MAML with rates {factor} times as large", **stepped(rate, steps))

    def slope(self, instance: NetworkInstance, plain: bool) -> tuple[Array, Callable[[Array], Array]]:
        return slope_of(batch_of(replace(instance, comparator=instance.omega)), NetworkBatchQuantities, plain)


def _watched(work: Work, until: float) -> Callable[[], None]:
    """Listens for Ctrl-C, and ends a descent when its time is over."""

    def watch() -> None:
        work.watch()
        if time.monotonic() > until:
            raise StopIteration

    return watch


RELU = NetworkHeadline(relu_network.HEADLINE, NetworkQuantities)
SMOOTH = NetworkHeadline(smooth_network.HEADLINE, SmoothQuantities)
RELU_ANSWER = NetworkAnswerer(relu_network.CLAIMS, NetworkQuantities, RELU)
SMOOTH_ANSWER = NetworkAnswerer(smooth_network.CLAIMS, SmoothQuantities, SMOOTH)
