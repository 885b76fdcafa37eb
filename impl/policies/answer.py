"""The answer for policies: the mean of the tasks' best returns from above (T3b), or a search over boxes; the highest
return that training finds from below; the lifted bound against the point found, or against the tasks' best policies.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from flint import ctx, fmpq

from ...theory import meta_rl, meta_rl_network, meta_rl_smooth_network
from ...theory.claim import Claim
from ..answers import Objective, Posed, count, more
from ..answers.stages import MULTIPLES, Staged, Variant, Work, distance, slope_of
from ..arithmetic import Array, rational, to_float
from ..bracket import UnsupportedError
from ..instances import Instance, Vector
from ..judge import PRECISIONS, Evaluator, judge_claim
from ..judgement import ClaimJudgement, Enclosure
from ..models.weights import Weights
from ..shown import rounded_up
from ..study import Details, ShownBracket, in_words
from .batch import Batch, batch_of
from .headline import BOX, box_of, supremum
from .instance import MetaRLInstance, Policies, PolicyInstance, PolicyNetworkInstance
from .network_batch_quantities import quantities_of
from .network_quantities import ReluPolicyQuantities, SmoothPolicyQuantities
from .planning import proposed_policy
from .quantities import MetaRLQuantities
from .training import ascended

DRAWN = 4
"""Random starts of ascent."""
ROUNDS, TURNS = 20, 10
"""Steps of ascent between two looks at the clock, and how often they are taken up again."""
FAR = 0.01
"""Share of the bound that a comparator's own distance from the supremum may be."""
NEARBY = 2.0**-10
"""The smallest radius of a bound that is tried, but for half of it."""
ENDS = {
    "rewards": "the mean of the tasks' largest rewards",
    "policies": "the mean return of the tasks' best policies (T3b), by Bellman residuals in balls; no checker is known "
    "for it",
    "boxes": "that of a search over boxes",
}
"""What gave the upper end, in words."""


@dataclass(frozen=True, kw_only=True)
class Best(ShownBracket):
    """lower <= sup L <= upper over all parameters, or over the box |theta_j| <= box; lower = L(at) rounded down.

    how   what gave the upper end: a name of ENDS
    """

    at: Any
    how: str
    box: float | None = None
    supremum: bool = True
    sharper = "no smaller upper end is known for it"

    @property
    def what(self) -> str:
        return "sup L (it need not be attained)"

    @property
    def proof(self) -> str:
        end = f"the upper end is {ENDS[self.how]}"
        if self.check is not None:
            rejected = f"the checker has not proved it ({self.check.reason}); proved is {rounded_up(self.sure, 6)}"
            end = f"{end}; {'the checker has proved it' if self.proved else rejected}"
        return f"{end}; the lower end is L at the best point that was found"

    @property
    def said(self) -> tuple[str, ...]:
        return in_words(np.ravel(self.point).tolist()), self.proof

    @property
    def point(self) -> list[Any]:
        return _listed(self.at)

    @property
    def details(self) -> Details:
        return {"boxes": self.boxes, "ball": self.box, "method": self.how}


@dataclass(frozen=True)
class PolicyAnswerer(Staged):
    """Of one class of policies; claims and quantities as of its family."""

    claims: Sequence[Claim]
    quantities: type[MetaRLQuantities]

    @property
    def lifted(self) -> Claim:
        """The claim by which omega is judged."""
        return next(claim for claim in self.claims if claim.name.endswith("-lifted"))

    def posed(self, instance: PolicyInstance) -> Posed:
        states, actions, d = instance.shape
        tasks = sum(task.weight != 0 for task in instance.tasks)
        network = instance if isinstance(instance, PolicyNetworkInstance) else None
        width = None if network is None else network.width
        model = "linear" if network is None else f"{network.activation}-network"
        sizes = f"{count(tasks, 'task')}, {count(states, 'state')}, {count(actions, 'action')}, {count(d, 'column')}"
        policies = "linear policies" if width is None else f"policies of a two-layer {model} of width {width}"
        eta, tau = to_float(instance.eta), to_float(instance.tau)
        name = instance.adaptation.value
        step = "policy-gradient step" if name == "gradient" else name
        return Posed(
            model=model,
            loss="return",
            adaptation={"name": name, "eta": eta, "tau": tau},
            tasks=tasks,
            rows=states * actions,
            columns=d,
            omega=_listed(instance.omega),
            words=f"{sizes}; {policies}; the normalised return, one {step} of {eta:.4g} at temperature {tau:.4g}",
            claim=self.lifted.name,
            width=width,
            states=states,
            actions=actions,
        )

    def _enclosed(self, instance: PolicyInstance, name: str) -> Enclosure:
        with ctx.workprec(PRECISIONS[0]):
            return Enclosure.of(self.quantities(instance)(name))

    def value(self, instance: PolicyInstance) -> Enclosure:
        return self._enclosed(instance, "adapted_return")

    def first(self, instance: PolicyInstance, value: Enclosure, gap: float) -> Best:
        """Returns are normalised: none is larger than the largest reward."""
        most = sum((t.weight * max(r for row in t.rewards for r in row) for t in instance.tasks), start=fmpq(0))
        cap = math.nextafter(to_float(most), math.inf)
        return Best(
            lower=value.lo,
            upper=cap,
            gap=gap,
            fallback=cap,
            why="no search was made",
            at=instance.omega,
            how="rewards",
        )

    def over(self, optimum: Best, radius: fmpq | None) -> tuple[str, str]:
        if optimum.box is None:
            return ("", "") if radius is None else (f"|theta_j| <= {radius}", "")
        box = optimum.box
        why = "boxes of parameters are searched, and no bounded one holds all" if radius is None else ""
        return f"|theta_j| <= {box:g}", why

    def outside(self, instance: PolicyInstance, radius: fmpq) -> str:
        if isinstance(instance, PolicyNetworkInstance):
            return "no --radius is required: the supremum for network policies is bounded over all parameters"
        size = max(abs(v) for v in instance.omega)
        required = f"at least max |omega_j| = {to_float(size):.6g} is required: omega must lie in the box"
        return required if size > radius else ""

    # --- brackets -------------------------------------------------------------------------------------------

    def brackets(
        self, instance: PolicyInstance, standing: Best, radius: fmpq | None, until: float, work: Work
    ) -> Iterator[Best]:
        """The cap by best policies, then better parameters, then a search over boxes where that reaches."""
        work.stage("bounding the supremum by the tasks' best policies")
        cap = self._enclosed(instance, "optimal_return").hi
        if cap < standing.upper:
            standing = replace(standing, upper=cap, fallback=cap, how="policies")
        standing = replace(standing, why="no smaller upper end is known, or training has not reached it")
        yield standing
        work.stage("looking for better policies")
        for at in self._found(instance, radius, until, work):
            here = self.value(replace(instance, omega=at))
            if here.lo > standing.lower:
                standing = replace(standing, lower=here.lo, at=at)
                yield standing
        if isinstance(instance, MetaRLInstance) and not standing.narrow:
            try:
                work.stage("searching over boxes of parameters")
                left = max(work.end - time.monotonic(), 0.0)
                yield from self._searched(instance, standing, radius, left)
            except UnsupportedError:
                return

    def _searched(
        self, instance: MetaRLInstance, standing: Best, radius: fmpq | None, seconds: float
    ) -> Iterator[Best]:
        """By boxes; the cap is proved over any box, too. Errors: UnsupportedError."""
        box = _box(instance, radius)
        found = supremum(instance, box, standing.gap, seconds)
        at: Vector = tuple(map(rational, found.at))
        if not (found.proved and found.upper < standing.upper):
            return
        lower, point = max((found.lower, at), (standing.lower, standing.at), key=lambda pair: pair[0])
        yield replace(
            standing,
            lower=lower,
            upper=found.upper,
            at=point,
            how="boxes",
            check=found.check,
            boxes=found.boxes,
            why=found.why,
            box=box,
        )

    def _found(self, instance: PolicyInstance, radius: fmpq | None, until: float, work: Work) -> Iterator[Any]:
        """Where ascent arrives from omega, from 0 (of networks W0) and from elsewhere."""
        batch, box = batch_of(instance), _box(instance, radius)
        reach = math.inf if box is None else box / to_float(instance.tau)
        begin = np.zeros_like(batch.omega)
        if isinstance(instance, PolicyNetworkInstance):
            begin = instance.initial.floats[None]
        drawn = np.random.default_rng(0).standard_normal((DRAWN, *batch.omega.shape))
        for start in (batch.omega, begin, *drawn):
            for omega in _climbed(replace(batch, omega=start), reach, until, work.watch):
                if np.isfinite(omega).all() and (box is None or np.abs(omega).max() <= box):
                    yield _exact(instance, omega[0])

    def trained(self, instance: PolicyInstance) -> PolicyInstance:
        batch = batch_of(instance)
        return replace(instance, omega=_exact(instance, ascended(batch, reach=BOX)[0]))

    # --- the theorem ----------------------------------------------------------------------------------------

    def against(self, instance: PolicyInstance, optimum: Best) -> Iterator[tuple[Instance, ClaimJudgement]]:
        """upper - L(omega) = [J' - L(omega)] + [upper - J'] for the returns J' of the found point or the best policies:
        the lifted form bounds the first bracket, the second is what is left of the distance."""
        above, least = distance(self.value(instance), optimum), (True, math.inf)
        for rival in self._rivals(instance, optimum):
            judged = self._judged(rival, above)
            if least[1] == math.inf or _preference(judged) < least:
                least = _preference(judged)
                yield rival, judged

    def _rivals(self, instance: PolicyInstance, optimum: Best) -> Iterator[PolicyInstance]:
        best = tuple(
            tuple(tuple(fmpq(int(a == chosen)) for a in range(instance.shape[1])) for chosen in proposed_policy(task))
            for task in instance.tasks
        )
        omega, there = np.ravel(_listed(instance.omega)), np.ravel(_listed(optimum.at))
        far = {Policies(best): np.linalg.norm(omega)}
        if optimum.at != instance.omega:
            far[optimum.at] = np.linalg.norm(there - omega)
        for rival, size in far.items():
            for k in range(-1, 3):
                yield replace(instance, comparator=rival, radius=rational(max(float(size), NEARBY)) * fmpq(2) ** k)

    def _judged(self, instance: PolicyInstance, above: Enclosure) -> ClaimJudgement:
        judged = judge_claim(self.lifted, Evaluator(instance, lambda: self.quantities(instance)))
        if judged.gap is None or judged.bound is None:
            return judged
        rest = max(more(above.hi, judged.gap.lo), 0.0)
        whole = Enclosure(
            judged.bound.lo, math.nextafter(judged.bound.hi + rest, math.inf) if rest > 0 else judged.bound.hi
        )
        return replace(judged, bound=whole, terms={**judged.terms, "bracket": Enclosure(0.0, rest)})

    # --- other objectives -----------------------------------------------------------------------------------

    def variants(self, instance: PolicyInstance) -> Iterator[Variant]:
        eta = instance.eta

        def other(objective: str, words: str, **changed: Any) -> Variant:
            return Objective(objective, words), replace(instance, **changed), False

        yield other("maml", "the MAML objective")
        yield other("no-adaptation", "the return without adaptation", eta=fmpq(0))
        live = [task for task in instance.tasks if task.weight != 0]
        if len(live) > 1:
            alone = (replace(live[0], weight=fmpq(1)),)
            yield other("first-task-only", "the first task alone", tasks=alone, comparator=instance.omega)
        if eta == 0:
            return
        yield Objective("first-order", "first-order MAML"), instance, True
        for multiple in MULTIPLES:
            text = f"{to_float(eta * multiple):g}"
            yield other(f"rate={text}", f"MAML with rate {text}", eta=eta * multiple)

    def slope(self, instance: PolicyInstance, plain: bool) -> tuple[Array, Callable[[Array], Array]]:
        return slope_of(batch_of(replace(instance, comparator=instance.omega)), quantities_of, plain)


def _preference(judged: ClaimJudgement) -> tuple[bool, float]:
    """The smaller, the better: whether the bound is but what is left of the bracket, and the bound."""
    if judged.bound is None:
        return True, math.inf
    return judged.terms["bracket"].hi > FAR * judged.bound.hi, judged.bound.hi


def _box(instance: PolicyInstance, radius: fmpq | None) -> float | None:
    """Half-width of the box of parameters; None: all of them."""
    if radius is not None:
        return to_float(radius)
    return box_of(instance) if isinstance(instance, MetaRLInstance) and instance.shape[2] == 2 else None


def _listed(omega: Any) -> list[Any]:
    return omega.floats.tolist() if isinstance(omega, Weights) else [to_float(v) for v in omega]


def _exact(instance: PolicyInstance, omega: Array) -> Any:
    return Weights(omega) if isinstance(instance, PolicyNetworkInstance) else tuple(rational(v) for v in omega.tolist())


def _climbed(batch: Batch, reach: float, until: float, watch: Callable[[], None]) -> Iterator[Array]:
    """Where ascent arrives, a few steps at a time."""
    for _ in range(TURNS):
        watch()
        if time.monotonic() > until:
            return
        before, batch = batch.omega, replace(batch, omega=ascended(batch, ROUNDS, reach))
        if np.array_equal(before, batch.omega):
            return
        yield batch.omega


LINEAR_ANSWER = PolicyAnswerer(meta_rl.CLAIMS, MetaRLQuantities)
RELU_ANSWER = PolicyAnswerer(meta_rl_network.CLAIMS, ReluPolicyQuantities)
SMOOTH_ANSWER = PolicyAnswerer(meta_rl_smooth_network.CLAIMS, SmoothPolicyQuantities)
