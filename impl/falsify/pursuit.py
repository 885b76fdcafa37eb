"""One subject, one driver: hits are certified in balls, and the tightest instance is kept and certified."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Array
from ..batch_judge import standings_in_arrays
from ..families import family_of
from ..files import BadInputError
from ..instances import Instance
from ..judgement import Enclosure
from ..shrink import shrink
from ..sources import SMALL, Limits
from ..verdicts import standing
from .certify import Refutation, Subject, assumptions, refute, tightness
from .evolution import Enough, evolution
from .gradient import gradient, prepare
from .mutants import batches
from .ratio import HIT, Objective, objective
from .shrinker import shrink_batch

DRIVERS = ("evolution", "gradient", "hypothesis", "random")

BALLS = 16
"""What an instance costs in balls, in instances in float64."""

SHAPES: dict[str, Limits] = {
    "S": Limits(2, 4, 1, 2, 3, 2),
    "M": Limits(4, 8, 1, 8, 5, 3),
    "L": Limits(8, 16, 1, 16, 8, 4),
}
"""Sizes of instances by name: tasks, points, labels at a point, dimension, states, actions."""


@dataclass
class Found:
    """What a search knows: how much it looked at, certified refutations, and the best batch of one."""

    subject: Subject
    driver: str
    evaluations: int = 0
    work: float = 0.0
    """Instances that were looked at or refused; one that is evaluated in balls counts as `BALLS`."""
    seconds: float = 0.0
    alarms: int = 0
    """Hits in float64 that balls did not certify."""
    refutations: list[Refutation] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    """The batch of one of each refutation."""
    value: float = -np.inf
    best: Any = None

    @property
    def vacuous(self) -> bool:
        """Whether the subject had a value on nothing that was looked at: that nothing refutes it says nothing of it."""
        return self.value == -np.inf and not self.refutations and not self.alarms

    @property
    def worst(self) -> Refutation | None:
        """The refutation with the largest relative excess."""
        return max(self.refutations, key=lambda r: r.excess, default=None)

    def certified(self) -> tuple[Instance, Enclosure] | None:
        """The tightest instance with its certified left/bound, if its assumptions are certified too."""
        if self.best is None:
            return None
        instance = self.best.instance(0)
        enclosed = tightness(self.subject, instance)
        return None if enclosed is None else (instance, enclosed)


def applies(subject: Subject, instance: Instance) -> bool:
    """Whether no assumption certifiably fails on the instance: a shape, a loss or a comparator may forbid it."""
    evaluator = family_of(instance).evaluator(instance)
    at = evaluator.balls(53)
    try:
        margins = [at(a.margin) for a in assumptions(subject)]
    except UndefinedQuantityError:
        return False
    return not any(standing(margin) is False for margin in margins)


def starts(
    subject: Subject,
    what: Objective,
    seed: int,
    *,
    count: int = 256,
    limits: Limits = SMALL,
    full: bool = False,
    wild: bool = False,
    generators: Sequence[str] = (),
    fits: Callable[[Any], bool] = lambda batch: True,
) -> Iterator[Any]:
    """Batches of the family's generators on which the subject says something."""
    for _, _, batch in batches(what.family, seed, count, limits, full=full, wild=wild, generators=generators):
        if fits(batch) and any(applies(subject, batch.instance(b)) for b in range(min(3, len(batch)))):
            yield batch


def pursue(
    subject: Subject,
    driver: str = "evolution",
    *,
    seed: int | tuple[int, ...] = 0,
    seconds: float = 10.0,
    work: float = np.inf,
    limits: Limits = SMALL,
    full: bool = False,
    wild: bool = False,
    generators: Sequence[str] = (),
    fits: Callable[[Any], bool] = lambda batch: True,
    what: Objective | None = None,
    enough: int = 1,
    goal: float = np.inf,
    interruptible: bool = False,
    begun: Iterator[Any] | None = None,
    progress: Callable[[Found], None] = lambda found: None,
) -> Found:
    """Search for `seconds` and that much `work`, until `enough` refutations are certified, or the ratio reaches `goal`.

    It starts from the batches `begun`, and does not follow what breaks an assumption; else from those of the
    generators, `wild` from all of these in all variants, assumptions broken or not. `what` replaces the ratio of the
    subject by another objective; values above 1 are then no hits. `interruptible`: Ctrl-C ends the search, too.
    Errors: BadInputError of own code, gradient.NoGradientError, extras.MissingExtraError.
    """
    hunted, near = what is None, begun is not None
    what = what or objective(subject)
    if driver == "gradient":
        prepare(what)
    found, begin, cost = Found(subject, driver), time.perf_counter(), 1 if what.fast else BALLS
    bad: list[BadInputError] = []

    def visit(batch: Any) -> Array:
        try:
            return visited(batch)
        except BadInputError as error:  # own code's, which no driver shall try to make again
            bad.append(error)
            raise Enough from error

    def visited(batch: Any) -> Array:
        assert what is not None
        values = what(batch)
        found.evaluations += len(batch)
        found.work += len(batch) * cost
        if hunted:
            values = _certified(found, batch, values)
        if near:
            values = _within(found, batch, values)
        top = int(np.argmax(values))
        if values[top] > found.value and (hunted or applies(subject, batch.instance(top))):
            found.value, found.best = float(values[top]), batch.take([top])
        found.seconds = time.perf_counter() - begin
        progress(found)
        spent = found.seconds >= seconds or found.work >= work
        if len(found.refutations) >= enough or found.value >= goal or spent:
            raise Enough
        return values

    def fitting(batch: Any) -> bool:
        """A subject may fit no generator at all: then the search ends here."""
        found.seconds = time.perf_counter() - begin
        if found.seconds >= seconds or found.work >= work:
            raise Enough
        found.work += len(batch)
        return fits(batch)

    seeds = seed if isinstance(seed, tuple) else (seed,)
    rng = np.random.default_rng((*seeds, DRIVERS.index(driver)))
    count = 256 if what.fast else 16
    begun = begun or starts(
        subject, what, seeds[0], count=count, limits=limits, full=full, wild=wild, generators=generators, fits=fitting
    )
    try:
        if driver == "random" or what.family.batch_quantities is None:  # what nothing moves is drawn
            for batch in begun:
                visit(batch)
        elif driver == "hypothesis":
            from .hypothesis import by_hypothesis  # it loads what tests are run with, which no other run needs

            by_hypothesis(what.family, visit, rng, count, limits, generators, wild)
        elif driver == "gradient":
            gradient(begun, visit, what)
        else:
            evolution(begun, visit, rng, min(count, 128))
    except Enough:
        for error in bad:
            raise error from None
    except KeyboardInterrupt:
        if not interruptible:
            raise
        found.seconds = time.perf_counter() - begin
    return found


def _certified(found: Found, batch: Any, values: Array) -> Array:
    """The values, with hits that balls do not certify set to -inf: no search shall climb the errors of float64, nor
    where an assumption fails.

    Of the hits for which arrays know of no assumption that fails, the two largest are judged; if one is no
    counterexample, the batch's other hits are not believed.
    """
    hits = np.flatnonzero(values > 1 + HIT)
    if not len(hits):
        return values
    hits = hits[np.argsort(-values[hits])]
    near = hits[_unbroken(found.subject, batch.take(hits))]
    believed = 0
    for b in near[:2]:
        instance = batch.instance(int(b))
        certified = refute(found.subject, instance)
        if certified is None:
            found.alarms += 1
            break
        found.refutations.append(Refutation(instance, *certified, found.driver))
        found.rows.append(batch.take([int(b)]))
        believed += 1
    values = values.copy()
    values[np.setdiff1d(hits, near if believed == min(len(near), 2) else near[:believed])] = -np.inf
    return values


def _unbroken(subject: Subject, batch: Any) -> Array:
    """Of which instances arrays know no assumption that fails, or has no meaning."""
    with np.errstate(all="ignore"):
        known = standings_in_arrays(assumptions(subject), family_of(subject).in_arrays(batch), len(batch))
    return np.array([all(holds for holds in one.values()) for one in known], dtype=bool)


def _within(found: Found, batch: Any, values: Array) -> Array:
    """The values, with the largest ones where an assumption certifiably fails set to -inf."""
    values = values.copy()
    for b in np.argsort(-values)[:BALLS]:
        if values[b] <= found.value or applies(found.subject, batch.instance(int(b))):
            break
        values[b] = -np.inf
    return values


def simplest(found: Found) -> Refutation | None:
    """The smallest witness: shrunk on arrays, then in exact numbers, certified at every step.

    Both the smallest and the worst refutation are tried: the worse it is, the more can be cut.
    """
    subject, what, ends = found.subject, objective(found.subject), []

    def keeps(instance: Instance) -> bool:
        return refute(subject, instance) is not None

    places = range(len(found.rows))
    for measure in (lambda j: found.refutations[j].instance.numbers, lambda j: -found.refutations[j].excess):
        for j in sorted(places, key=measure)[:1]:
            ends.append(shrink_batch(found.rows[j], what, keeps).instance(0))
    if not ends:
        return None
    small = shrink(min(ends, key=lambda i: i.numbers), keeps, family_of(subject).smaller)
    certified = refute(subject, small)
    assert certified is not None
    return Refutation(small, *certified, found.driver)
