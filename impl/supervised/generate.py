"""Meta-SL task distributions by construction, on dyadic grids: every number is exact, and nothing is filtered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..draws import draw_size, draw_weights, with_radius
from ..floats.quantities import LiftedBatchQuantities
from ..losses import VECTOR_LOSSES
from ..sources import SMALL, Generator, Limits, Source
from .batch import Array, Batch
from .batch_quantities import BatchQuantities
from .core_batch_quantities import CoreBatchQuantities
from .draws import CONVEX_LOSSES, SMOOTH_LOSSES, adapted, draw_labels, draw_loss, laid, problem, with_rates
from .stationary import stationary_points
from .vector_batch import LinearQuantities


def arbitrary(source: Source, loss: str, limits: Limits = SMALL, rival: str = "parameter", **given: Any) -> Batch:
    """Any problem, omega and comparator on the grid, or a `rival` of another kind (`against`)."""
    return _against(source, problem(source, loss, limits, **given), rival)


def tangent_comparators(source: Source, at: CoreBatchQuantities) -> Any:
    """The batch of `at` against tangent comparators h' = z - t(phi'v0 + kappa w), v0 = G/||G||, R = t. There gap +
    Bregman = bound exactly: with u = t(phi'v0 + kappa w), <w, u> = t(eps + kappa ||w||^2) is the bound itself, for
    every t > 0 and kappa >= 0."""
    kappa = source.choose((0.0, 2.0**-10, 1.0, 2.0**10))
    size = np.where(at.eps > 0, at.eps, 1.0)
    slope = (at.meta_features @ (at.gradient / size[:, None])[:, None, :, None])[..., 0] + kappa * at.w
    largest = np.clip(np.abs(slope).max((1, 2)), 2.0**-20, 2.0**40)
    step = 2.0 ** np.floor(np.minimum(-source.grid((), 0, 20), -np.log2(np.nan_to_num(largest, nan=1.0))))
    functions = np.nan_to_num(at.after - step[:, None, None] * slope, posinf=1e6, neginf=-1e6)
    return replace(at.batch.against(functions=functions), radius=step)


def against(
    source: Source,
    batch: Any,
    rival: str,
    tangents: Mapping[str, Callable[[Any], CoreBatchQuantities]],
    settled: Callable[[Any], Array],
) -> Any:
    """The problems against a comparator of that kind: the parameter that was drawn (then also with omega `settled`), a
    step away, any functions, or tangent ones of some quantities, by their names in `tangents`."""
    n, k = batch.shape[:2]
    if rival == "functions":
        return batch.against(functions=source.grid((n, k * batch.loss.outputs), -8, 8) / 4)
    if rival == "local":
        return step_away(source, tangents["tangent"](batch))
    if rival == "stationary":
        return with_radius(source, replace(batch, omega=settled(batch)))
    return batch if rival == "parameter" else tangent_comparators(source, tangents[rival](batch))


def step_away(source: Source, at: CoreBatchQuantities) -> Any:
    """The batch of `at` against a comparator one small gradient step away, R = the distance: the bound is nearly
    R eps."""
    batch, size = at.batch, np.where(at.eps > 0, at.eps, 1.0)
    step = 2.0 ** -source.grid((), 0, 12)
    rival = batch.omega - ((step / size)[:, None] * at.gradient).reshape(batch.omega.shape)
    rival = np.where(np.isfinite(rival), rival, batch.omega)
    distance = np.sqrt(((batch.omega - rival) ** 2).sum(tuple(range(1, rival.ndim))))
    return replace(batch.against(rival=rival), radius=np.where(distance > 0, distance, 1.0))


def stationary(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """omega where a first-order method stops; the comparator from another start, or on the grid."""
    batch = problem(source, loss, limits)
    start = batch.rival
    found = replace(batch, omega=stationary_points(batch))
    if source.choose(("grid", "another")) == "another":
        assert start is not None
        found = found.against(rival=stationary_points(replace(batch, omega=start)))
    return with_radius(source, found)


def no_adaptation(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """eta = 0: C5."""
    batch = problem(source, loss, limits, kind="one step")
    return replace(batch, rate=np.zeros(source.size))


def small_step(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """eta B^2 below the data-free threshold of convexity: C8."""
    batch = problem(source, loss, limits, kind="one step")
    return replace(batch, rate=_below(source, loss, batch))


def _below(source: Source, loss: str, batch: Batch, share: Array | float = 1.0) -> Array:
    """Step sizes (B,) below C8's threshold over `share`."""
    threshold = {"logistic": 0.479, "log-cosh": 0.207, "pseudo-huber": 0.253}[loss]
    size = np.maximum((batch.features**2).sum(2).max(1), 2.0**-6)
    return 2.0 ** np.floor(np.log2(threshold / size / share) - source.grid((), 0, 2))


class ByFeatures(BatchQuantities):
    """The gradient of whatever the Jacobians are."""

    gradient = LiftedBatchQuantities.gradient


class AtQuery(ByFeatures):
    """The same with the Hessians of the outer laws in the Jacobians: its tangents are those of a wrong feature."""

    @cached_property
    def jacobians(self) -> Array:
        return self._jacobians_of(self._summed)


def support_query(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Tasks that adapt on another law than the one that they are judged on; any comparator."""
    batch = problem(source, loss, limits, supports=("own", "own", "labels", "part"))
    kinds = (
        "parameter",
        "functions",
        "tangent",
        "query tangent",
        "query tangent",
        "stationary",
        "stationary functions",
    )
    kind = source.choose(kinds)
    if "stationary" in kind:
        batch = with_radius(source, replace(batch, omega=stationary_points(batch)))
    return batch if kind == "stationary" else _against(source, batch, kind.removeprefix("stationary "))


def support_small_step(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Supports on a part of the queries' atoms, and a step below the threshold of convexity."""
    batch = problem(source, loss, limits, kind="one step", supports=("part",))
    assert batch.support_masses is not None
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(batch.masses > 0, batch.support_masses / batch.masses, 1.0).max((1, 2, 3))
    return replace(batch, rate=_below(source, loss, batch, np.maximum(share, 1.0)))


def shared_queries(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Tasks with the same query and supports of their own: C3 holds for tasks that share inputs."""
    n = source.choose(range(2, max(2, min(limits.tasks, limits.dimension)) + 1))
    one = np.ones((source.size, n, n + 1, 1))
    support = one * np.eye(n, n + 1, 1)[:, :, None]
    query = one * (np.arange(n + 1) == 0)[:, None]
    base = draw_loss(source, loss)
    batch = laid(
        Batch,
        base,
        source.grid((n + 1, n), -8, 8) / 4,
        draw_labels(source, base, n, n + 1, 1),
        query,
        weights=draw_weights(source, n),
        omega=source.grid((n,), -8, 8) / 4,
        rival=source.grid((n,), -8, 8) / 4,
        support_labels=draw_labels(source, base, n, n + 1, 1),
        support_masses=support,
    )
    return with_radius(source, adapted(source, batch, "one step"))


def independent(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Tasks with inputs of their own and independent features: C3."""
    tasks = source.choose(range(1, min(limits.tasks, limits.dimension) + 1))
    return problem(source, loss, limits, tasks=tasks, apart=True)


def cancelling(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Two mirrored tasks at omega = 0 that share the label 0: the mixed weight cancels where its numerator
    need not, so hypothesis (D) fails (a randomised family around the exact counterexample)."""
    k = draw_size(source, min(limits.points, 2))
    base = draw_loss(source, loss)
    share = 2.0 ** -(1 + source.grid((), 0, 3))
    height = 1 + source.grid((k,), 0, 7)
    labels = np.zeros((source.size, 2, k, 2))
    labels[:, 0, :, 1], labels[:, 1, :, 1] = height, -height
    masses = np.zeros((source.size, 2, k, 2))
    masses[..., 0], masses[..., 1] = (1 - share)[:, None, None] / k, share[:, None, None] / k
    features = (1 + source.grid((k, 1), 0, 4)) / 4
    rival = (1 + source.grid((1,), 0, 15)) / 8
    batch = laid(Batch, base, features, labels, masses, omega=np.zeros((source.size, 1)), rival=rival)
    return with_radius(source, replace(batch, rate=2.0 ** -(1 + source.grid((), 0, 4))))


class Turned(ByFeatures):
    """The same with the rates on the other side of the Hessians, or (`Forgetful`) without decay in the Jacobians."""

    @cached_property
    def jacobians(self) -> Array:
        return self._jacobians_of(self._inner, self._rates_turned)


class Forgetful(ByFeatures):
    @cached_property
    def jacobians(self) -> Array:
        return self._jacobians_of(self._inner, self._undecayed)


WRONG_RIVALS = ("turned", "forgetful")
PACED_RIVALS = ("parameter", "functions", "tangent", "stationary", "turned", "forgetful")


def paced(source: Source, loss: str, limits: Limits = SMALL, rivals: tuple[str, ...] = PACED_RIVALS) -> Batch:
    """Gradient steps with a rate for each parameter (negative, or 0: it is frozen), weight decay, or both."""
    settings: tuple[dict[str, Any], ...] = (
        {},
        {"kind": "one step"},
        {"kind": "one step", "supports": ("own", "labels", "part")},
        {"tasks": 1},
        {"kind": "one step", "apart": True, "tasks": source.choose(range(1, min(limits.tasks, limits.dimension) + 1))},
    )
    outputs = source.choose((2, 3)) if loss == "softmax" else 1
    setting = source.choose(settings)
    batch = problem(source, loss, limits, **{"kind": source.choose(("one step", "steps")), **setting}, outputs=outputs)
    kind = source.choose(("both",) if rivals == WRONG_RIVALS else ("rates", "decay", "both"))
    batch = with_rates(source, batch, kind)
    rival = source.choose(rivals)
    return batch if rival in WRONG_RIVALS and outputs > 1 else _against(source, batch, rival)


def ruled(source: Source, loss: str, limits: Limits = SMALL, rule: str = "", several: bool = False) -> Batch:
    """Tasks that adapt by a rule of a claims file: any comparator, one task, independent features, other supports;
    `several`: two or three outputs."""
    settings: tuple[dict[str, Any], ...] = (
        {},
        {"tasks": 1},
        {"supports": ("own", "labels", "part")},
        {"apart": True, "tasks": source.choose(range(1, min(limits.tasks, limits.dimension) + 1))},
    )
    outputs = source.choose((2, 3)) if several else 1
    batch = problem(source, loss, limits, kind="one step", **source.choose(settings), outputs=outputs)
    return _against(source, replace(batch, steps=0, rule=rule), source.choose(RIVALS))


def paced_still(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """All parameters frozen, whatever decays: C5."""
    batch = paced(source, loss, limits, ("parameter", "stationary"))
    return replace(batch, rates=np.zeros_like(batch.omega))


def paced_small_step(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """The same, steps below the data-free threshold of convexity: C8."""
    batch = problem(source, loss, limits, kind="one step")
    rates = source.grid(batch.omega.shape[1:], -4, 4) / 4
    return replace(batch, rate=_below(source, loss, batch), rates=rates)


def paced_spread(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """A support that a step's rates turn away from the query: the step expands, though it is small (C9)."""
    size = source.size
    features = np.stack([np.ones((size, 2)), np.array([1.0, -2.0]) * np.ones((size, 1))], axis=1)
    features = features * (1 + source.grid((1, 2), 0, 3)) / 4
    one = np.ones((size, 1, 2, 1))
    base, rate = draw_loss(source, loss), 2.0 ** -source.grid((), 3, 6)
    batch = laid(
        Batch,
        base,
        features,
        source.grid((1, 2, 1), -8, 8) / 4,
        one * np.array([0.0, 1.0])[:, None],
        rate=rate,
        omega=source.grid((2,), -8, 8) / 4,
        rival=source.grid((2,), -8, 8) / 4,
        support_labels=source.grid((1, 2, 1), -8, 8) / 4,
        support_masses=one * np.array([1.0, 0.0])[:, None],
        rates=np.array([1.0, 0.0]) * np.ones((size, 1)),
    )
    return with_radius(source, batch)


RIVALS = ("parameter", "functions", "tangent", "stationary", "local")
TANGENTS = {"tangent": LinearQuantities, "query tangent": AtQuery, "turned": Turned, "forgetful": Forgetful}
_against = partial(against, tangents=TANGENTS, settled=stationary_points)


def vector_outputs(source: Source, loss: str, limits: Limits = SMALL, rivals: tuple[str, ...] = RIVALS) -> Batch:
    """Two to four outputs: any problem, one of a corollary, or one with supports; any comparator of these kinds."""
    settings: tuple[dict[str, Any], ...] = (
        {},
        {"supports": ("own", "labels", "part")},
        {"kind": "one step"},
        {"tasks": 1},
        {"apart": True, "tasks": source.choose(range(1, min(limits.tasks, limits.dimension) + 1))},
        {"kind": "one step", "supports": ("part",)},
    )
    setting, c = source.choose(settings), source.choose(range(2, 5))
    batch = problem(source, loss, limits, outputs=c, **setting)
    if setting.get("kind") and source.choose(("still", "small")) == "still":
        batch = replace(batch, rate=np.zeros(source.size))
    elif setting.get("kind"):
        batch = replace(batch, rate=batch.rate / 16)
    return _against(source, batch, source.choose(rivals))


def landscapes(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Problems in one or two dimensions with steps from small to far beyond 1/curvature: spurious minima occur."""
    small = replace(limits, points=min(limits.points, 3), dimension=min(limits.dimension, 2))
    return problem(source, loss, small)


GENERATORS: tuple[Generator, ...] = (
    Generator("arbitrary", "anything on the grid", arbitrary, CONVEX_LOSSES, 3),
    Generator("functions", "arbitrary comparator functions", partial(arbitrary, rival="functions"), CONVEX_LOSSES, 2),
    Generator("tangent", "tangent comparators, where the bound is an equality", partial(arbitrary, rival="tangent"),
              CONVEX_LOSSES, 3, wide=False),
    Generator("stationary", "omega at a stationary point", stationary, CONVEX_LOSSES, 2, wide=False),
    Generator("local", "comparator one small gradient step away", partial(arbitrary, rival="local"), CONVEX_LOSSES),
    Generator("one-task", "a single task (C7)", partial(arbitrary, tasks=1), CONVEX_LOSSES, 2),
    Generator("no-adaptation", "eta = 0 (C5)", no_adaptation, CONVEX_LOSSES, 3),
    Generator("small-step", "a step below the convexity threshold (C8)", small_step,
              ("logistic", "log-cosh", "pseudo-huber"), 2),
    Generator("independent", "independent features, no shared inputs (C3)", independent, CONVEX_LOSSES, 3),
    Generator("squared", "the squared loss (C1)", arbitrary, ("squared",), 2),
    Generator("cancelling", "mirrored tasks whose mixed weight cancels (hypothesis D fails)", cancelling,
              ("quartic", "huber"), wide=False),
    Generator("support-query", "tasks that adapt on another law than they are judged on", support_query,
              CONVEX_LOSSES, 3),
    Generator("support-small-step", "supports on a part of the query, a step below the threshold (C8)",
              support_small_step, ("logistic", "log-cosh", "pseudo-huber")),
    Generator("vector-outputs", "several outputs: classes, or vectors of targets", vector_outputs,
              tuple(VECTOR_LOSSES), 3),
    Generator("shared-queries", "one query for all tasks, supports of their own (C3)", shared_queries, CONVEX_LOSSES),
    Generator("vector-tangent", "several outputs, tangent comparators", partial(vector_outputs, rivals=("tangent",)),
              tuple(VECTOR_LOSSES), wide=False),
    Generator("rates", "a rate for each parameter, weight decay, or both", paced, (*CONVEX_LOSSES, "softmax"), 3),
    Generator("rates-tangent", "tangent comparators of wrong Jacobians of rates and decay",
              partial(paced, rivals=WRONG_RIVALS), ("squared", "log-cosh", "logistic", "quartic")),
    Generator("rates-small-step", "rates of any sign below the convexity threshold (C8)", paced_small_step,
              ("logistic", "log-cosh", "pseudo-huber")),
    Generator("rates-spread", "a frozen parameter, a support that a step turns away from the query (C9)", paced_spread,
              ("squared",)),
    Generator("rates-squared", "rates and decay, the squared loss, against parameters (C1)",
              partial(paced, rivals=("parameter", "stationary")), ("squared",)),
    Generator("rates-frozen", "all rates 0, whatever decays, against parameters (C5)", paced_still,
              (*CONVEX_LOSSES, "softmax")),
)  # fmt: skip

LANDSCAPES = Generator("landscapes", "one or two dimensions, for the certified optimum", landscapes, SMOOTH_LOSSES)
