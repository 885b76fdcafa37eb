"""Certified landscapes: the global optimum bracketed, critical points of every kind judged against it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from msgspec import convert, to_builtins

from ..impl import files
from ..impl.families import FAMILIES, family_of, loads
from ..impl.instances import Instance
from ..impl.judge import Evaluator
from ..impl.judgement import ClaimJudgement
from ..impl.sources import RandomSource
from ..impl.study import Certified, Finding, Picture, Study
from .formats.shared import StatusName, interval, verdict_name
from .formats.verifying import (
    KindRow,
    Landscape,
    LandscapePicture,
    Landscapes,
    LandscapeVariant,
    NamedForm,
    Point,
    RealOptimum,
)
from .records import finite
from .tally import Kept, Outcome

TERMS = ("radius", "eps", "weight_norm", "misfit", "function_displacement")
"""What the bound is made of, and ||u||: shown for real tasks in every family."""
PICTURES = 2
"""Landscapes shown, per dimension."""
SAMPLES = {1: 241, 2: 61}
"""Points per axis of a picture."""


def explore(family: str, variant: str, seed: Sequence[int], count: int, outcome: Outcome) -> None:
    """Generate landscapes, certify them and judge the headline at their critical points."""
    generator, headline = FAMILIES[family].landscapes, FAMILIES[family].headline
    assert generator is not None and headline is not None
    kind = generator.variants.index(variant)
    source = RandomSource((*seed, kind, 7), count)
    with np.errstate(over="ignore", invalid="ignore"):
        batch = generator.build(source, variant)
    for b in range(count):
        origin = f"landscape; {variant}, seed {seed[0]}, batch {seed[1]}, #{b}"
        _take(headline.study(batch.instance(b)), origin, family, variant, outcome)


def certify_real(evaluator: Evaluator, name: str, outcome: Outcome, others: Sequence[Instance]) -> RealOptimum | None:
    """The certified distance of the omega of the evaluator's instance, a real one, from the global optimum; None if it
    has too many parameters.

    `others` are the instances of the same tasks: where the search is in a box, it holds the points of all of them.
    """
    headline = family_of(evaluator.instance).headline
    found = None if headline is None else headline.certified(evaluator.instance, name, others, evaluator)
    return None if found is None else _certified(found, name, outcome)


def _certified(found: Certified, name: str, outcome: Outcome) -> RealOptimum | None:
    """A real instance's row: what is proved of the optimum, over a ball (or a box; None: everywhere), the headline.

    None if an end of the bracket is not known.
    """
    finding, optimum = found.finding, found.bracket
    outcome.tallies[finding.judged.claim].add(finding.judged, lambda: _kept(finding, name), real=True)
    lower, upper = (optimum.lower, optimum.sure) if optimum.supremum else (optimum.sure, optimum.upper)
    if not math.isfinite(upper - lower):
        return None
    return RealOptimum(
        found.ball,
        lower,
        upper,
        convert(optimum.status.value, StatusName),
        optimum.proved,
        interval(finding.judged.gap),
        interval(finding.judged.bound),
        verdict_name(finding.judged.verdict),
        {name: interval(finding.judged.terms.get(name)) for name in TERMS},
        named(finding.smallest(family_of(finding.instance).claims)),
    )


def named(judged: ClaimJudgement | None) -> NamedForm | None:
    """A bound with its claim's name."""
    if judged is None:
        return None
    return NamedForm(verdict_name(judged.verdict), interval(judged.bound), finite(judged.ratio), judged.claim)


def _kept(finding: Finding, origin: str) -> Kept:
    instance = finding.instance
    return Kept(finding.judged, files.dumps(instance), instance.sha256, instance.numbers, f"{origin}: {finding.kind}")


def _take(found: Study, origin: str, family: str, variant: str, outcome: Outcome) -> None:
    bracket = found.bracket
    for finding in found.findings:
        tally = outcome.tallies[finding.judged.claim]
        tally.add(finding.judged, lambda finding=finding: _kept(finding, origin), real=False)  # type: ignore[misc]
    critical = [f for f in found.findings if f.kind != "any point"]
    worst = max(critical, key=lambda f: f.above.lo, default=None)
    minima = [f.above.lo for f in critical if f.spurious and f.kind == "local minimum"]
    outcome.landscapes.append(
        Landscape(
            family=family,
            variant=variant if family == next(iter(FAMILIES)) else f"{family}, {variant}",
            origin=origin,
            dimension=found.dimension,
            parameters=len(found.findings[0].omega),
            status=convert(bracket.status.value, StatusName),
            checked=bracket.proved,
            why=bracket.why,
            ball=found.ball,
            lower=finite(bracket.lower),
            upper=finite(bracket.upper),
            at=list(found.at),
            boxes=bracket.boxes,
            seconds=bracket.seconds,
            points=[_point(f) for f in critical],
            excess=0.0 if worst is None or not worst.spurious else worst.above.lo,
            deepest_trap=max(minima, default=0.0),
            instance=files.dumps(found.instance),
        )
    )


def _point(finding: Finding) -> Point:
    judged = finding.judged
    return Point(
        finding.kind,
        list(finding.omega),
        interval(judged.gap),
        interval(judged.bound),
        verdict_name(judged.verdict),
        finding.spurious,
        finding.above.lo if finding.spurious else 0.0,
    )


def summary(rows: list[Landscape]) -> Landscapes | None:
    """The landscapes of a run: counts per variant, and those worth a picture with their data."""
    if not rows:
        return None
    # Jobs end in any order.
    order = {name: place for place, name in enumerate(FAMILIES)}
    variants = []
    for variant in dict.fromkeys(row.variant for row in sorted(rows, key=lambda r: (order[r.family], r.variant))):
        chosen = [row for row in rows if row.variant == variant]
        points = [p for row in chosen for p in row.points]
        spurious = [p for p in points if p.spurious]
        bounds = [p.bound.hi for p in spurious if p.bound and p.bound.hi is not None]
        variants.append(
            LandscapeVariant(
                variant=variant,
                instances=len(chosen),
                certified=sum(row.status == "certified" for row in chosen),
                checked=sum(row.checked for row in chosen),
                kinds={kind: _kind(points, kind) for kind in dict.fromkeys(p.kind for p in points)},
                points=len(points),
                spurious=len(spurious),
                largest_excess=max((row.excess for row in chosen), default=0.0),
                median_bound=float(np.median(bounds)) if bounds else None,
                median_seconds=float(np.median([row.seconds for row in chosen])),
            )
        )
    return Landscapes(variants, _pictures(rows))


def _kind(points: list[Point], kind: str) -> KindRow:
    chosen = [p for p in points if p.kind == kind]
    traps = [p.excess for p in chosen if p.spurious]
    return KindRow(len(chosen), len(traps), max(traps, default=0.0))


def _pictures(rows: list[Landscape]) -> list[LandscapePicture]:
    found = []
    for dimension, count in SAMPLES.items():
        fit = [
            row
            for row in rows
            if _sample(row) is not None and row.dimension == dimension and row.status == "certified" and row.excess > 0
        ]
        # The deepest traps among those that a picture can show: the range of L must not dwarf them.
        for row in sorted(fit, key=lambda r: (-min(r.deepest_trap, 1.0), -min(r.excess, 1.0)))[:PICTURES]:
            sample = _sample(row)
            assert sample is not None and row.ball is not None
            drawn = sample(loads(row.instance, row.origin), row.ball, count)
            data = {
                "axis": [float(v) for v in drawn.axis],
                "values": [finite(float(v)) for v in drawn.values],
                "at": drawn.place(row.at),
                "points": [to_builtins(p) | {"omega": drawn.place(p.omega)} for p in row.points],
            }
            found.append(convert(to_builtins(row) | data, LandscapePicture))
    return found


def _sample(row: Landscape) -> Callable[[Instance, float, int], Picture] | None:
    """How a picture of the landscape is made, if its family has any."""
    headline = FAMILIES[row.family].headline
    return None if headline is None else headline.sample
