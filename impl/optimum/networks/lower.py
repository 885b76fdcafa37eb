"""Lower bounds of inf L over networks: the best of what applies, checked where there is a checker.

Over all W: the exact infimum (one or two ReLU neurons, one step), else the best predictions that networks of the kind
can have. In a ball around W0 also the linearisation with its worst error and, for small ReLU networks, convex programs
per activation pattern. Beside it come networks near the optimum: those that are built to attain the best predictions
(`interpolant`); with enough neurons, and no input that tasks dispute, the bracket closes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from flint import arb, ctx, fmpq

from ...arithmetic import bounds, to_float
from ...bracket import Check
from ...judge import PRECISIONS
from ...models.weights import Weights
from ...supervised.instance import NetworkInstance
from ...supervised.relu.batch import batch_of
from ...supervised.relu.batch_quantities import NetworkBatchQuantities
from .cells import TooLargeError, pattern_floor
from .check import check_cells, check_predictions
from .floor import Floor, UnboundedError, ball_floor, functions_floor, prediction_floor
from .interpolant import interpolants
from .optima import NotEnumerableError, infimum


@dataclass(frozen=True)
class Lower:
    """A lower bound of inf L, how it was found, its functions, and points near an exact infimum.

    check    what its checker says; None: the method has none
    """

    value: float
    method: str
    floor: Floor | None
    near: Sequence[Weights] = ()
    check: Check | None = None


def lower_bound(instance: NetworkInstance, radius: fmpq | None) -> Lower:
    """The best lower bound over all W (radius None) or over ||W - W0|| <= radius."""
    if instance.loss.outputs > 1:
        return without_search(instance)
    floors = [prediction_floor(instance)]
    near: list[Weights] = []
    if radius is None:
        with suppress(NotEnumerableError):
            return _exact(instance)
        near = _lowest(instance, interpolants(instance, floors[0].functions))
    elif instance.loss.profile.convex:
        with suppress(UnboundedError):
            floors.append(ball_floor(instance, radius))
        with suppress(TooLargeError, UnboundedError):
            if instance.sigma.kinked:
                floor, near = pattern_floor(instance, radius)
                floors.append(floor)
    return replace(best_of(instance, floors), near=near)


def without_search(instance: NetworkInstance) -> Lower:
    """That of the best predictions, which costs little; of several outputs the only one that is known."""
    several = instance.loss.outputs > 1
    return best_of(instance, [functions_floor(instance) if several else prediction_floor(instance)])


def _exact(instance: NetworkInstance) -> Lower:
    """Errors: NotEnumerableError."""
    found = infimum(instance)
    with ctx.workprec(PRECISIONS[0]):
        lower = bounds(arb(found.value))[0]
    beside, outcome = list(_near(instance, found.at)), check_cells(instance, lower)
    return Lower(lower, "enumeration of all activation patterns", None, beside, outcome)


def _near(instance: NetworkInstance, at: tuple[fmpq, ...]) -> Iterator[Weights]:
    """W = sqrt(m) V, and points beside it: an infimum that is not attained is approached."""
    centre = np.array([[to_float(v)] for v in at]) * instance.width**0.5
    yield Weights(centre)
    for move in np.random.default_rng(0).standard_normal((16, *centre.shape)):
        yield Weights(centre + 1e-9 * move)
        yield Weights(centre + 1e-9 * move * (centre != 0))


def _lowest(instance: NetworkInstance, proposed: Iterable[Weights]) -> list[Weights]:
    """Of the proposed weights those at which L is lowest, in float64; none if none is proposed."""
    weights = list(proposed)
    levels = np.nan_to_num(levels_at(instance, weights), nan=np.inf)
    return [weights[int(levels.argmin())]] if weights else []


def levels_at(instance: NetworkInstance, weights: Sequence[Weights]) -> np.ndarray:
    """L at each of the weights [.], in float64."""
    batch = batch_of(instance)
    with np.errstate(all="ignore"):
        found = (NetworkBatchQuantities(replace(batch, omega=w.floats[None])).meta_objective[0] for w in weights)
        return np.fromiter(found, dtype=float)


def best_of(instance: NetworkInstance, floors: Sequence[Floor]) -> Lower:
    """The highest of the floors; 0 is one, if the loss is never negative. The first has a checker: best predictions."""
    best = max(floors, key=lambda f: bounds(f.value)[0])
    lower = bounds(best.value)[0]
    lower = max(lower, 0.0) if instance.loss.profile.nonnegative else lower
    checkable = best is floors[0] and instance.loss.outputs == 1
    outcome = check_predictions(instance, best.functions, lower) if checkable else None
    return Lower(lower, best.method, best, check=outcome)
