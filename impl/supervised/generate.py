"""Meta-SL task distributions by construction, on dyadic grids: every number is exact, and nothing is filtered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
from flint import fmpq

from ..arithmetic import Floats
from ..draws import composition, draw_features, draw_size, draw_weights, with_radius
from ..losses import LOSSES, VECTOR_LOSSES, Link, Loss
from ..sources import SMALL, Generator, Limits, Source
from ..vector_losses import VectorLoss
from .batch import Array, Batch
from .batch_quantities import BatchQuantities
from .core_batch_quantities import CoreBatchQuantities
from .stationary import stationary_points
from .vector_batch import LinearQuantities

CONVEX_LOSSES = tuple(name for name, family in LOSSES.items() if family.profile.convex and name != "absolute")
UNUSUAL_LOSSES = tuple(name for name in LOSSES if name not in CONVEX_LOSSES)
"""Not convex, or not differentiable: outside the theorem, for the audit."""
SMOOTH_LOSSES = tuple(name for name in CONVEX_LOSSES if not LOSSES[name].profile.joints)
Supported = TypeVar("Supported", bound=Any)
"""A batch of any model: its laws are what is drawn here."""
STEEP = ("quartic", "exponential", "poisson")
"""Losses with unbounded curvature: steps stay below 1/curvature, or predictions overflow."""


def draw_loss(source: Source, name: str) -> Loss:
    parameter = LOSSES[name].profile.parameter
    if parameter is None:
        return Loss(name)
    options = (fmpq(1, 4), fmpq(1)) if parameter == "c" else (fmpq(1), fmpq(1, 2), fmpq(2))
    return Loss(name, source.choose(options))


def draw_masses(source: Source, n: int, k: int, depth: int, apart: bool = False) -> Array:
    """Masses (B, n, k, l): tasks share all inputs, or some, or (apart) none."""
    sharing = "apart" if apart else source.choose(("all", "all", "some"))
    masses = np.zeros((source.size, n, k, depth))
    for i in range(n):
        if sharing == "apart":
            points = [x for x in range(k) if x % n == i]
        elif sharing == "some":
            points = [x for x in range(k) if (x + i) % 2 == 0] or [0]
        else:
            points = list(range(k))
        shares = composition(source, len(points) * depth).reshape(source.size, len(points), depth)
        if apart:
            shares = (shares + 1 / (len(points) * depth)) / 2 if _power_of_two(len(points) * depth) else shares
        masses[:, i, points] = shares
    return masses


def _power_of_two(count: int) -> bool:
    return count & (count - 1) == 0


def draw_labels(source: Source, loss: Loss, n: int, k: int, depth: int) -> Array:
    """Labels (B, n, k, l): per task, the same for all tasks, or in conflict between tasks."""
    kind = source.choose(("own", "own", "same", "conflicting"))
    rows = n if kind == "own" else 1
    shape = (rows, k, depth, *((loss.outputs,) if loss.link is Link.RESIDUAL and loss.outputs > 1 else ()))
    if loss.link is Link.CLASS:
        classes = source.grid(shape, 0, loss.outputs - 1)
        if kind == "conflicting":
            classes = (np.repeat(classes, n, axis=1) + np.arange(n)[:, None, None]) % loss.outputs
        return np.eye(loss.outputs)[np.repeat(classes, n // classes.shape[1], axis=1).astype(int)]
    if loss.link is Link.MARGIN:
        labels = 1 - 2 * source.grid(shape, 0, 1)
    elif loss.link is Link.CANONICAL:
        labels = source.grid(shape, 0, 5)
    else:
        labels = source.grid(shape, -8, 8) / 4
    labels = np.repeat(labels, n // rows, axis=1)
    if kind == "conflicting" and loss.link is not Link.CANONICAL:
        signs = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
        labels = labels * signs.reshape(n, *(1,) * (len(shape) - 1))
    return labels


def _curvature(batch: Batch) -> Array:
    """A power of two above B^2 max ell'' at omega (B,): the scale of 1/eta."""
    if batch.loss.outputs > 1:
        return 2.0 ** np.ceil(np.log2(np.maximum((batch.features**2).sum(2).max(1), 2.0**-6)))
    z = (batch.features @ batch.omega[..., None])[..., 0][:, None, :, None]
    labels, masses = batch.labels, batch.masses
    if batch.support_labels is not None and batch.support_masses is not None:
        labels, masses = batch.support_labels, batch.support_masses
    bend = np.where(masses > 0, batch.loss.d2(Floats, z, labels), 0.0).max((1, 2, 3))
    size = (batch.features**2).sum(2).max(1)
    return 2.0 ** np.ceil(np.log2(np.maximum(bend * size, 2.0**-6)))


def with_support(source: Source, batch: Supported, kinds: Sequence[str] = ("own", "labels", "part")) -> Supported:
    """The batch with inner laws: of their own, of other labels at the same inputs, or on a part of the outer laws'
    atoms."""
    n, k, depth = batch.masses.shape[1:]
    kind = source.choose(kinds)
    labels, masses = batch.labels, batch.masses
    if kind == "part":
        tilted = masses * source.grid((n, k, depth), 0, 3)
        total = tilted.sum((2, 3), keepdims=True)
        masses = np.where(total > 0, tilted / np.where(total > 0, total, 1.0), masses)
    else:
        labels = draw_labels(source, batch.loss, n, k, depth)
        masses = draw_masses(source, n, k, depth) if kind == "own" else masses
    found: Supported = replace(batch, support_labels=labels, support_masses=masses)
    return found


def _adapted(source: Source, batch: Batch, kind: str | None = None) -> Batch:
    """The batch with a step size from far below to far beyond 1/curvature, K steps, or the implicit step."""
    smooth = batch.loss.profile.convex and not batch.loss.profile.joints
    kind = kind or source.choose(("one step", "one step", "one step", "steps", "implicit" if smooth else "steps"))
    exponent = source.grid((), -6, -1 if batch.loss.name in STEEP else 3)
    rate = 2.0**exponent / _curvature(batch)
    if kind == "implicit":
        return replace(batch, steps=0, rate=1 / rate)
    if kind == "steps":
        return replace(batch, steps=source.choose((2, 3)), rate=2.0 ** np.minimum(exponent, 0) / _curvature(batch))
    return replace(batch, rate=rate)


def _problem(
    source: Source,
    name: str,
    limits: Limits,
    *,
    tasks: int | None = None,
    kind: str | None = None,
    apart: bool = False,
    supports: Sequence[str] = (),
    outputs: int = 1,
) -> Batch:
    """Problems with omega and a parameter comparator on the grid; `supports`: kinds of inner laws of their own."""
    loss = draw_loss(source, name) if outputs == 1 else VectorLoss(name, outputs=outputs)
    n = tasks or draw_size(source, limits.tasks)
    k, d = draw_size(source, limits.points), draw_size(source, limits.dimension)
    depth = source.choose(tuple(range(1, limits.labels + 1)))
    if apart:
        d = k = max(d, n)
        depth = 1
        eye = np.eye(d) * (1 + source.grid((d, 1), 0, 4) / 4)
        features = eye + np.triu(np.ones((d, d)), 1) * source.grid((d, d), -4, 4) / 4
    else:
        features = draw_features(source, k, d)
    batch = Batch(
        loss,
        1,
        np.zeros(source.size),
        features,
        draw_labels(source, loss, n, k, depth),
        draw_masses(source, n, k, depth, apart),
        draw_weights(source, n),
        source.grid((outputs * d,), -8, 8) / 4,
        np.ones(source.size),
        source.grid((outputs * d,), -8, 8) / 4,
    )
    batch = (with_support(source, batch, supports) if supports else batch).spread
    return with_radius(source, _adapted(source, batch, kind))


# --- generators -----------------------------------------------------------------------------------


def arbitrary(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Any problem, omega and comparator on the grid."""
    return _problem(source, loss, limits)


def functions(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Comparators that are arbitrary functions, one per task."""
    batch = _problem(source, loss, limits)
    n, k, _, _ = batch.shape
    return batch.against(functions=source.grid((n, k), -8, 8) / 4)


def tangent(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Comparators h' = z - t(phi'v0 + kappa w), v0 = G/||G||, R = t, at which gap + Bregman = bound exactly."""
    found: Batch = tangent_comparators(source, BatchQuantities(_problem(source, loss, limits)))
    return found


def tangent_comparators(source: Source, at: CoreBatchQuantities) -> Any:
    """The batch of `at` against tangent comparators: with u = t(phi'v0 + kappa w), <w, u> = t(eps + kappa ||w||^2) is
    the bound itself, for every t > 0 and kappa >= 0."""
    kappa = source.choose((0.0, 2.0**-10, 1.0, 2.0**10))
    size = np.where(at.eps > 0, at.eps, 1.0)
    slope = (at.meta_features @ (at.gradient / size[:, None])[:, None, :, None])[..., 0] + kappa * at.w
    largest = np.clip(np.abs(slope).max((1, 2)), 2.0**-20, 2.0**40)
    step = 2.0 ** np.floor(np.minimum(-source.grid((), 0, 20), -np.log2(largest)))
    functions = np.nan_to_num(at.after - step[:, None, None] * slope, posinf=1e6, neginf=-1e6)
    return replace(at.batch.against(functions=functions), radius=step)


def step_away(source: Source, at: CoreBatchQuantities) -> Any:
    """The batch of `at` against a comparator one small gradient step away, R = the distance."""
    batch, size = at.batch, np.where(at.eps > 0, at.eps, 1.0)
    step = 2.0 ** -source.grid((), 0, 12)
    rival = batch.omega - ((step / size)[:, None] * at.gradient).reshape(batch.omega.shape)
    rival = np.where(np.isfinite(rival), rival, batch.omega)
    distance = np.sqrt(((batch.omega - rival) ** 2).sum(tuple(range(1, rival.ndim))))
    return replace(batch.against(rival=rival), radius=np.where(distance > 0, distance, 1.0))


def stationary(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """omega where a first-order method stops; the comparator from another start, or on the grid."""
    batch = _problem(source, loss, limits)
    start = batch.rival
    found = replace(batch, omega=stationary_points(batch))
    if source.choose(("grid", "another")) == "another":
        assert start is not None
        found = found.against(rival=stationary_points(replace(batch, omega=start)))
    return with_radius(source, found)


def local(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """A comparator one small gradient step away: the bound is nearly R eps."""
    found: Batch = step_away(source, BatchQuantities(_problem(source, loss, limits)))
    return found


def one_task(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """A single task: C7."""
    return _problem(source, loss, limits, tasks=1)


def no_adaptation(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """eta = 0: C5."""
    batch = _problem(source, loss, limits, kind="one step")
    return replace(batch, rate=np.zeros(source.size))


def small_step(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """eta B^2 below the data-free threshold of convexity: C8."""
    batch = _problem(source, loss, limits, kind="one step")
    return replace(batch, rate=_below(source, loss, batch))


def _below(source: Source, loss: str, batch: Batch, share: Array | float = 1.0) -> Array:
    """Step sizes (B,) below C8's threshold over `share`."""
    threshold = {"logistic": 0.479, "log-cosh": 0.207, "pseudo-huber": 0.253}[loss]
    size = np.maximum((batch.features**2).sum(2).max(1), 2.0**-6)
    found: Array = 2.0 ** np.floor(np.log2(threshold / size / share) - source.grid((), 0, 2))
    return found


class AtQuery(BatchQuantities):
    """The same with the Hessians of the outer laws in the Jacobians: its tangents are those of a wrong feature."""

    @cached_property
    def jacobians(self) -> Array:
        return self._jacobians_of(self._summed)


def support_query(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Tasks that adapt on another law than the one that they are judged on; any comparator."""
    batch = _problem(source, loss, limits, supports=("own", "own", "labels", "part"))
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
    if "functions" in kind:
        n, k = batch.shape[:2]
        return batch.against(functions=source.grid((n, k), -8, 8) / 4)
    if "tangent" in kind:
        found: Batch = tangent_comparators(source, (BatchQuantities if kind == "tangent" else AtQuery)(batch))
        return found
    return batch


def support_small_step(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Supports on a part of the queries' atoms, and a step below the threshold of convexity."""
    batch = _problem(source, loss, limits, kind="one step", supports=("part",))
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
    batch = Batch(
        base,
        1,
        np.zeros(source.size),
        source.grid((n + 1, n), -8, 8) / 4,
        draw_labels(source, base, n, n + 1, 1),
        query,
        draw_weights(source, n),
        source.grid((n,), -8, 8) / 4,
        np.ones(source.size),
        source.grid((n,), -8, 8) / 4,
        support_labels=draw_labels(source, base, n, n + 1, 1),
        support_masses=support,
    )
    return with_radius(source, _adapted(source, batch, "one step"))


def independent(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Tasks with inputs of their own and independent features: C3."""
    tasks = source.choose(range(1, min(limits.tasks, limits.dimension) + 1))
    return _problem(source, loss, limits, tasks=tasks, apart=True)


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
    batch = Batch(
        base,
        1,
        np.zeros(source.size),
        (1 + source.grid((k, 1), 0, 4)) / 4,
        labels,
        masses,
        np.full((source.size, 2), 0.5),
        np.zeros((source.size, 1)),
        np.ones(source.size),
        (1 + source.grid((1,), 0, 15)) / 8,
    )
    return with_radius(source, replace(batch, rate=2.0 ** -(1 + source.grid((), 0, 4))))


RIVALS = ("parameter", "functions", "tangent", "stationary", "local")


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
    batch = _problem(source, loss, limits, outputs=c, **setting)
    if setting.get("kind") and source.choose(("still", "small")) == "still":
        batch = replace(batch, rate=np.zeros(source.size))
    elif setting.get("kind"):
        batch = replace(batch, rate=batch.rate / 16)
    kind = source.choose(rivals)
    n, k = batch.shape[:2]
    if kind == "functions":
        return batch.against(functions=source.grid((n, k, c), -8, 8) / 4)
    if kind in ("tangent", "local"):
        found: Batch = (tangent_comparators if kind == "tangent" else step_away)(source, LinearQuantities(batch))
        return found
    return batch if kind == "parameter" else with_radius(source, replace(batch, omega=stationary_points(batch)))


def landscapes(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Problems in one or two dimensions with steps from small to far beyond 1/curvature: spurious minima occur."""
    small = replace(limits, points=min(limits.points, 3), dimension=min(limits.dimension, 2))
    return _problem(source, loss, small)


GENERATORS: tuple[Generator, ...] = (
    Generator("arbitrary", "anything on the grid", arbitrary, CONVEX_LOSSES, 3),
    Generator("functions", "arbitrary comparator functions", functions, CONVEX_LOSSES, 2),
    Generator("tangent", "tangent comparators, where the bound is an equality", tangent, CONVEX_LOSSES, 3),
    Generator("stationary", "omega at a stationary point", stationary, CONVEX_LOSSES, 2),
    Generator("local", "comparator one small gradient step away", local, CONVEX_LOSSES),
    Generator("one-task", "a single task (C7)", one_task, CONVEX_LOSSES, 2),
    Generator("no-adaptation", "eta = 0 (C5)", no_adaptation, CONVEX_LOSSES, 3),
    Generator("small-step", "a step below the convexity threshold (C8)", small_step,
              ("logistic", "log-cosh", "pseudo-huber"), 2),
    Generator("independent", "independent features, no shared inputs (C3)", independent, CONVEX_LOSSES, 3),
    Generator("squared", "the squared loss (C1)", arbitrary, ("squared",), 2),
    Generator("cancelling", "mirrored tasks whose mixed weight cancels (hypothesis D fails)", cancelling,
              ("quartic", "huber")),
    Generator("support-query", "tasks that adapt on another law than they are judged on", support_query,
              CONVEX_LOSSES, 3),
    Generator("support-small-step", "supports on a part of the query, a step below the threshold (C8)",
              support_small_step, ("logistic", "log-cosh", "pseudo-huber")),
    Generator("vector-outputs", "several outputs: classes, or vectors of targets", vector_outputs,
              tuple(VECTOR_LOSSES), 3),
    Generator("shared-queries", "one query for all tasks, supports of their own (C3)", shared_queries, CONVEX_LOSSES),
    Generator("vector-tangent", "several outputs, tangent comparators", partial(vector_outputs, rivals=("tangent",)),
              tuple(VECTOR_LOSSES)),
)  # fmt: skip

LANDSCAPES = Generator("landscapes", "one or two dimensions, for the certified optimum", landscapes, SMOOTH_LOSSES)
