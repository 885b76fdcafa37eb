"""An answer in words: the distance, what omega is stationary for, the problem, the bound's terms, and what to do.

Every sentence is derived from what was computed: by which the lower end was found, whether the checker accepted it, and
which ends of which enclosures are finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..arithmetic import to_float
from ..judge import ClaimJudgement, Enclosure
from ..supervised.instance import Gradient, MetaSLInstance, split
from . import Optimum
from .answer import Answer
from .loops import Loop, Stationarity, rows_of
from .vectors import WHY

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
    "support/query": "judge it on that split, or train on all rows of each task",
}
"""What to do about another objective."""


def sentences(found: Answer, given: str = "", defaults: Sequence[str] = ()) -> tuple[str, ...]:
    """The answer, for people; `given` says whose omega it is, `defaults` what was assumed."""
    optimum = found.optimum
    where = "over all parameters" if found.everywhere else f"over ||theta|| <= {optimum.ball}"
    if math.isfinite(found.gap.hi):
        said = f"is within [{found.gap.lo:.6g}, {found.gap.hi:.6g}] of the global optimum {where}."
    else:
        far = f"is at least {found.gap.lo:.6g} above the global optimum {where}"
        beyond = found.gap.lo >= LARGEST and optimum.proved
        said = f"{far}; {'the distance is beyond float64' if beyond else 'no upper bound of the distance is proved'}."
    lines = [f"Your solution{given} {said}"]
    if found.stationary.other is not None:
        lines.append(_mistaken(found.stationary.other, found.stationary.found))
    lines.append(f"The problem: {problem(found.instance)}.")
    ratio, over = found.relative.hi, ""
    if math.isfinite(ratio):
        over = f": {_percent(found.relative.lo)} to {_percent(ratio)} above"
        over = f": {_percent(ratio)} above" if _percent(found.relative.lo) == _percent(ratio) else over
    optimal = _within(Enclosure(optimum.sure, optimum.upper))
    lines.append(f"L(omega) {_within(found.value)}, the optimum {optimal}{over}.")
    if found.choice:
        lines.append(f"That ball was chosen: {found.choice}; give another with --radius.")
    if found.judged is None:
        said = f"nothing ({found.missing})" if found.missing else "not judged yet"
        lines.append(f"The theorem promises {said}." if found.missing else f"The theorem is {said}.")
        lines.append(f"  optimum: {optimum.lower_end}" + (f"; {optimum.why}" if optimum.why else ""))
    else:
        if math.isfinite(found.promise):
            lines.append(
                f"The theorem promises at most {found.promise:.6g} ({found.judged.verdict.name}). It is made of"
            )
        else:
            lines.append("The theorem promises nothing here that float64 can hold. Its bound is made of")
        lines += [f"  {reason}" for reason in terms(found.judged, optimum)]
    todo = advice(found, defaults)
    return (*lines, *(["What to do:"] if todo else []), *(f"  {one}" for one in todo))


def problem(instance: MetaSLInstance) -> str:
    """What is solved, in words."""
    adaptation, tasks = instance.adaptation, [task for task in instance.tasks if task.weight != 0]
    c = instance.loss.outputs
    rows, d = sum(map(rows_of, tasks)), instance.dimension // c
    if isinstance(adaptation, Gradient):
        adapted = f"{adaptation.steps} inner step{'s' * (adaptation.steps > 1)} of {_short(to_float(adaptation.eta))}"
    else:
        adapted = f"a proximal inner step of strength {_short(to_float(adaptation.strength))}"
    sizes = f"{len(tasks)} task{'s' * (len(tasks) != 1)}, {rows} row{'s' * (rows != 1)}, {d} column{'s' * (d != 1)}"
    sizes += f", {c} outputs" if c > 1 else ""
    where = "a support of its own" if split(instance) else "the rows that it is judged on"
    return f"{sizes}; {instance.loss.name} loss, {adapted}, on {where}"


def advice(found: Answer, defaults: Sequence[str] = ()) -> tuple[str, ...]:
    """What to do, each from something that was computed."""
    said = []
    if found.growth > 2:
        # Where the curvature changes, only the step from omega itself is known to be too long.
        diverges = "diverges" if found.instance.loss.name == "squared" else "overshoots at omega"
        said.append(
            f"the inner step {diverges}: eta lambda_max = {_short(found.growth)} > 2 on some task; take a smaller step"
        )
    other = found.stationary.other
    if other is not None:
        said.append(f"omega fits {other.loop.words}: {remedy(other.loop)}")
    parts = shares(found)
    more = "allow more time" if found.optimum.why != WHY else "no search is known here; adaptation off has an exact one"
    for name, what, do in (
        ("stationarity", "stationarity (R eps)", "train further"),
        ("representation", "representation (||w|| inf ||u - phi'v||)", "add features"),
        ("bracket", "what the bracket of the optimum leaves open", more),
    ):
        if parts.get(name, 0.0) >= SHARE and not (name == "stationarity" and other is not None):
            said.append(f"{100 * parts[name]:.0f} % of the bound is {what}: {do}")
    if not parts and found.optimum.why:
        said.append("the distance is bounded by what was known in time: allow more with --max-time")
    return (*said, *defaults)


def remedy(loop: Loop) -> str:
    """What to do about another objective than the own one."""
    if loop.objective.startswith("rate="):
        return f"train with this problem's rate, or judge with --eta {loop.objective.removeprefix('rate=')}"
    if loop.objective.startswith("steps="):
        return f"train with this problem's number of steps, or judge with --steps {loop.steps}"
    return REMEDIES[loop.objective]


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


def terms(judged: ClaimJudgement, optimum: Optimum) -> tuple[str, ...]:
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
    found = [
        f"stationarity: R eps = {_product(radius, eps, stationarity)}{costs}",
        f"representation: ||w|| inf ||u - phi'v|| = {_product(weight, misfit, representation)}"
        + (expressed if width < representation < math.inf else ""),
        f"optimum: its bracket leaves {_number(width)} open; {optimum.lower_end}",
    ]
    if optimum.why:
        found.append(f"the bracket is wide: {optimum.why}" if not optimum.narrow else optimum.why)
    return tuple(found)


def _mistaken(other: Stationarity, found: Sequence[Stationarity]) -> str:
    own = next((one.eps for one in found if one.loop.objective == "maml"), None)
    yours = "" if own is None else f" (there it is at least {own.lo:.3g})"
    said = f"This omega is stationary for {other.loop.words} up to eps <= {other.eps.hi:.3g}"
    return f"{said}, not for yours{yours}."


def _within(value: Enclosure) -> str:
    if not math.isfinite(value.hi):
        return f"is at least {value.lo:.9g}" if math.isfinite(value.lo) else "is not known"
    if not math.isfinite(value.lo):
        return f"is at most {value.hi:.9g}"
    same = f"{value.lo:.9g}" == f"{value.hi:.9g}"
    return f"= {value.hi:.9g}" if same else f"lies in [{value.lo:.9g}, {value.hi:.9g}]"


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.3g} %"


def _short(value: float) -> str:
    return f"{value:.4g}"


def _number(value: float) -> str:
    """The number with four digits; in words where float64 has none for it."""
    return f"{value:.4g}" if abs(value) < math.inf else "more than float64 can hold, or unknown"


def _product(a: float, b: float, product: float) -> str:
    return f"{_number(a)} x {_number(b)} = {_number(product)}"
