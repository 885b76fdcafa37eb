"""An answer in words: the distance, what omega is stationary for, the problem, the bound's terms, and what to do.

Every sentence is derived from what was computed: by which the lower end was found, whether the checker accepted it, and
which ends of which enclosures are finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..answers import Answer, Objective, Stationarity
from ..bracket import ROUNDING
from ..judgement import ClaimJudgement, Enclosure, smallest
from ..shown import between, rounded_down, rounded_up
from ..study import MORE_TIME, ShownBracket
from ..supervised.adaptation import Gradient
from ..supervised.instance import MetaSLInstance
from .convexity import unknown
from .objectives import Loop
from .outcome import Optimum

NOTHING = 1e-6
"""Share of the other terms of a bound up to which a term costs nothing."""
SHARE = 0.05
"""Share of the bound from which a term is worth a word."""
LARGEST = 1.7976931348623157e308

REMEDIES = {
    "first-order": "differentiate through the inner step (create_graph=True; no detach)",
    "no-adaptation": "take the outer loss at the adapted weights",
    "first-task-only": "average the outer loss over all tasks",
    "last-task-only": "average the outer loss over all tasks",
    "no-reset": "start the inner loop of every task from the same weights",
    "reptile": "take the gradient of the adapted loss, or read the distance as that of a Reptile solution",
    "one-rate": "give every parameter its own rate, or judge with that one rate",
    "no-decay": "add the decay to the inner steps, or judge without it",
    "support/query": "judge it on that split, or train on all rows of each task",
    "query-is-support": "adapt on the support rows",
    "support-is-query": "take the outer loss on the query rows",
    "no-split": "adapt on the support rows and take the outer loss on the query rows, or judge it without the split",
    "unrolled": "solve the proximal problem of each task to the end, or judge an instance with these gradient steps",
    "strength": "train with this problem's strength, or judge an instance with lambda = {}",
    "rates": "train with this problem's rates, or judge with rates that are {} times as large",
    "rate": "train with this problem's rate, or judge with --eta {}",
    "steps": "train with this problem's number of steps, or judge with --steps {}",
}
"""What to do about another objective, by its name without the number in it."""


def sentences(found: Answer, given: str = "", defaults: Sequence[str] = ()) -> tuple[str, ...]:
    """The answer, for people; `given` says whose omega it is, `defaults` what was assumed."""
    optimum = found.optimum
    where = "over all parameters" if found.everywhere else f"over {found.region}"
    side = "below" if optimum.supremum else "above"
    if math.isfinite(found.gap.hi):
        said = f"is {between(found.gap.lo, found.gap.hi, 6)} {side} the global optimum {where}."
    else:
        far = f"is at least {rounded_down(found.gap.lo, 6)} {side} the global optimum {where}"
        beyond = found.gap.lo >= LARGEST and optimum.proved
        said = f"{far}; {'the distance is beyond float64' if beyond else 'no upper bound of the distance is proved'}."
    lines = [f"Your solution{given} {said}"]
    if found.stationary.other is not None:
        lines.append(_mistaken(found.stationary.other, found.stationary.found))
    lines.append(f"The problem: {found.posed.words}.")
    ratio, over = found.relative.hi, ""
    if math.isfinite(ratio):
        low, high = 100 * found.relative.lo, 100 * ratio
        same = f"{low:.3g}" == f"{high:.3g}"
        over = f": {high:.3g} % {side}" if same else f": {rounded_down(low, 3)} % to {rounded_up(high, 3)} % {side}"
    optimal = _within(Enclosure(*found.ends))
    lines.append(f"L(omega) {_within(found.value)}, the optimum {optimal}{over}.")
    if found.choice:
        lines.append(f"That ball was chosen: {found.choice}; give another with --radius.")
    if found.judged is None:
        said = f"nothing ({found.missing})" if found.missing else "not judged yet"
        lines.append(f"The theorem promises {said}." if found.missing else f"The theorem is {said}.")
        lines.append(f"  optimum: {optimum.proof}" + (f"; {optimum.why}" if optimum.why else ""))
    else:
        if math.isfinite(found.promise):
            lines.append(promise(found))
        else:
            large = found.judged.bound is None or not math.isfinite(found.judged.bound.hi)
            why = "that float64 can hold" if large else f"that is proved ({found.judged.verdict.name})"
            lines.append(f"The theorem promises nothing here {why}. Its bound is made of")
        lines += [f"  {reason}" for reason in terms(found.judged, optimum)]
    if found.stationary.few and found.stationary.found:
        norms = "; ".join(f"{one.loop.objective} {rounded_up(one.eps.hi, 4)}" for one in found.stationary.found)
        lines.append(f"Norms of gradients at omega, at most: {norms}.")
    todo = advice(found, defaults)
    return (*lines, *(["What to do:"] if todo else []), *(f"  {one}" for one in todo))


def promise(found: Answer) -> str:
    """The smallest form of the bound that is PROVED or EQUAL; the lifted form, whose terms follow, with its verdict."""
    assert found.judged is not None
    least = smallest(one for one in (found.judged, found.smallest) if one is not None)
    most = f"The theorem promises at most {rounded_up(found.promise, 6)}"
    if least is None or least is found.judged:
        return f"{most} ({found.judged.verdict.name}). It is made of"
    form, lifted = least.claim.removeprefix(f"{found.instance.family}-"), found.judged.bound
    beside = "" if lifted is None else f"{rounded_up(lifted.hi, 6)} "
    return (
        f"{most}, in its form {form} ({least.verdict.name}); in its lifted form {beside}"
        f"({found.judged.verdict.name}), made of"
    )


def advice(found: Answer, defaults: Sequence[str] = ()) -> tuple[str, ...]:
    """What to do, each from something that was computed."""
    said = []
    if found.growth > 2:
        # Where the curvature changes, only the step from omega itself is known to be too long.
        diverges = "diverges" if found.posed.loss == "squared" else "overshoots at omega"
        said.append(
            f"the inner step {diverges}: eta lambda_max = {found.growth:.4g} > 2 on some task; take a smaller step"
        )
    other = found.stationary.other
    if other is not None:
        said.append(f"omega fits {other.loop.words}: {remedy(other.loop)}")
    optimum, parts = found.optimum, shares(found)
    there = optimum.certified and found.gap.hi <= optimum.resolution
    if there:
        # Of a value below SCALE the bracket is narrow before the distance is a small part of it.
        relative = found.relative.hi <= optimum.gap * (1 + ROUNDING)
        near = f"{optimum.gap:g} of its value" if relative else rounded_up(found.gap.hi, 3)
        said.append(f"nothing: omega is at the optimum, within {near}")
    for name, what, do in (
        ("stationarity", "stationarity (R eps)", "train further"),
        ("representation", "representation (||w|| inf ||u - phi'v||)", "add features"),
        ("bracket", "what the bracket of the optimum leaves open", optimum.sharper),
    ):
        if parts.get(name, 0.0) >= SHARE and not there and not (name == "stationarity" and other is not None):
            said.append(f"{100 * parts[name]:.0f} % of the bound is {what}: {do}")
    if found.stationary.cut and other is None and not there:
        said.append("the time for comparing with other training loops was up: allow more with --max-time")
    if isinstance(optimum, Optimum) and optimum.unproved and not optimum.certified:
        assert isinstance(found.instance, MetaSLInstance)
        short = "the inner step is too long for what the data prove; with a shorter one it may be"
        why = unknown(found.instance) or short
        decays = isinstance(found.instance.adaptation, Gradient) and found.instance.adaptation.decay != 0
        search = "no search takes that" if decays else "boxes are searched, and that takes few columns"
        said.append(f"L is not known to be convex ({why}): {search}")
    if not parts and found.optimum.why and found.optimum.sharper == MORE_TIME:
        said.append("the distance is bounded by what was known in time: allow more with --max-time")
    return (*said, *defaults)


IMPLICIT_REMEDIES = {
    "first-order": "solve (I + H/lambda) v = g for the meta-gradient v of each task; g alone is first-order",
    "no-reset": "start the proximal problem of every task from the same weights",
}
"""The same after an implicit step, where it differs."""


def remedy(loop: Objective) -> str:
    """What to do about another objective than the own one."""
    if isinstance(loop, Loop) and loop.strength is not None and loop.objective in IMPLICIT_REMEDIES:
        return IMPLICIT_REMEDIES[loop.objective]
    name, _, given = loop.objective.replace("*", "=").partition("=")
    return REMEDIES[name].format(given)


def shares(found: Answer) -> dict[str, float]:
    """The parts of the bound, each over their sum, by their upper ends; none where one is infinite."""
    if found.judged is None or "misfit" not in found.judged.terms:
        return {}
    upper = {name: term.hi for name, term in found.judged.terms.items()}
    parts = {
        "stationarity": upper["radius"] * upper["eps"],
        "representation": upper["weight_norm"] * upper["misfit"],
        "bracket": upper["bracket"],
    }
    whole = sum(parts.values())
    return {name: part / whole for name, part in parts.items()} if 0 < whole < math.inf else {}


def terms(judged: ClaimJudgement, optimum: ShownBracket) -> tuple[str, ...]:
    """The terms of the bound by their upper ends, and what they are."""
    values = judged.terms
    radius, eps, weight, misfit, width = (
        values[name].hi for name in ("radius", "eps", "weight_norm", "misfit", "bracket")
    )
    stationarity, representation = radius * eps, weight * misfit
    rest = values["weight_norm"].lo * values["misfit"].lo + values["bracket"].lo
    costs = ""
    if stationarity == 0:
        costs = " (omega is stationary: this costs nothing)"
    elif stationarity <= NOTHING * rest < math.inf:
        costs = f" (omega is nearly stationary: this is less than {NOTHING:g} of the rest)"
    expressed = ": what the meta-features cannot express of the way from omega to the optimum"
    # Functions or policies that no parameter has may be nearer to the proved end than any point that is known.
    left = "what it is compared with leaves" if optimum.width > 2 * width else "its bracket leaves"
    found = [
        f"stationarity: R eps = {_product(radius, eps, stationarity)}{costs}",
        f"representation: ||w|| inf ||u - phi'v|| = {_product(weight, misfit, representation)}"
        + (expressed if width < representation < math.inf else ""),
        f"optimum: {left} {_number(width)} open; {optimum.proof}",
    ]
    if optimum.why:
        found.append(f"the bracket is wide: {optimum.why}" if not optimum.narrow else optimum.why)
    return tuple(found)


def _mistaken(other: Stationarity, found: Sequence[Stationarity]) -> str:
    own = next((one.eps for one in found if one.loop.objective == "maml"), None)
    yours = "" if own is None else f" (there it is at least {rounded_down(own.lo, 3)})"
    said = f"This omega is stationary for {other.loop.words} up to eps <= {rounded_up(other.eps.hi, 3)}"
    return f"{said}, not for yours{yours}."


def _within(value: Enclosure) -> str:
    if not math.isfinite(value.hi):
        return f"is at least {rounded_down(value.lo, 9)}" if math.isfinite(value.lo) else "is not known"
    if not math.isfinite(value.lo):
        return f"is at most {rounded_up(value.hi, 9)}"
    same = f"{value.lo:.9g}" == f"{value.hi:.9g}"
    return f"= {value.hi:.9g}" if same else f"lies in [{rounded_down(value.lo, 9)}, {rounded_up(value.hi, 9)}]"


def _number(value: float) -> str:
    """The number with four digits; in words where float64 has none for it."""
    return f"{value:.4g}" if abs(value) < math.inf else "more than float64 can hold, or unknown"


def _product(a: float, b: float, product: float) -> str:
    return f"{_number(a)} x {_number(b)} = {_number(product)}"
