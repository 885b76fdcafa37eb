"""Network tasks by construction: widths 1 to 1024, ||W - W0|| from 1e-2 to 1e2, kinks, adversaries at an atom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from ...draws import draw_entries, draw_features, draw_size, draw_weights, shifted, with_radius
from ...floats.quantities import LiftedBatchQuantities
from ...losses import VECTOR_LOSSES
from ...sources import SMALL, Generator, Limits, Source
from ...vector_losses import VectorLoss
from ..core_batch_quantities import CoreBatchQuantities
from ..draws import CONVEX_LOSSES, STEEP, draw_labels, draw_loss, draw_masses, laid, with_rates, with_support
from ..generate import against, tangent_comparators
from .batch import Array, NetworkBatch
from .batch_quantities import NetworkBatchQuantities

Draw = Callable[..., NetworkBatch]
"""(source, loss, limits) -> problems with W0, W and a parameter comparator."""

WIDTHS = (1, 2, 4, 16, 64, 1024)
STEPS = (1, 1, 1, 2, 3)
"""How many gradient steps the batches take: most of them one."""
NEURONS = 2**14
"""Neurons in one batch: large batches have narrow networks."""


def _width(source: Source) -> int:
    return source.choose(tuple(m for m in WIDTHS if m * source.size <= NEURONS))


def drawn(
    source: Source,
    name: str,
    limits: Limits,
    *,
    tasks: int | None = None,
    points: int | None = None,
    dimension: int | None = None,
    width: int | None = None,
    apart: bool = False,
    supports: Sequence[str] = (),
    outputs: int = 1,
) -> NetworkBatch:
    """Problems with W0, W and a parameter comparator on the grid; `supports`: kinds of inner laws of their own."""
    loss = draw_loss(source, name) if outputs == 1 else VectorLoss(name, outputs=outputs)
    n = tasks or draw_size(source, limits.tasks)
    k, d = points or draw_size(source, limits.points), dimension or draw_size(source, limits.dimension)
    depth = source.choose(tuple(range(1, limits.labels + 1)))
    if apart:
        k, depth = max(k, n), 1
    m = width or _width(source)
    initial = draw_entries(source, (m, d))
    # With several outputs more neurons must not saturate, or features differ by less than 512 bits can tell.
    reach = (-7, 1) if name in STEEP else (-7, 7 if outputs == 1 else 2)
    batch = laid(
        NetworkBatch,
        loss,
        draw_features(source, k, d),
        draw_labels(source, loss, n, k, depth),
        draw_masses(source, n, k, depth, apart),
        weights=draw_weights(source, n),
        signs=1 - 2 * source.grid((outputs, m), 0, 1),
        initial=initial,
        omega=shifted(source, initial, reach),
        rival=shifted(source, initial, reach),
    )
    batch = with_support(source, batch, supports) if supports else batch
    return with_radius(source, _adapted(source, batch))


def _curvature(batch: NetworkBatch) -> Array:
    """A power of two above max ||x||^2 times the curvature of the risks at W (B,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        at = NetworkBatchQuantities(batch)
        bends = at._inner(2, at._before) if batch.loss.outputs == 1 else at._block_sizes(at._inner(2, at._before))
        bends = bends.sum(2).max(1) * (batch.features**2).sum(2).max(1)
    return 2.0 ** np.ceil(np.log2(np.clip(bends, 2.0**-6, 2.0**40)))


def _adapted(source: Source, batch: NetworkBatch) -> NetworkBatch:
    """The batch with a step size from far below to far beyond 1/curvature; a little less far for several steps."""
    exponent = source.grid((), -6, -1 if batch.loss.name in STEEP else 3)
    steps = source.choose(STEPS)
    exponent = exponent if steps == 1 else np.minimum(exponent, 2)
    return replace(batch, steps=steps, rate=2.0**exponent / _curvature(batch))


class AtStart(NetworkBatchQuantities):
    """The same with phi_0 for phi: its tangent comparators attain N2'."""

    @cached_property
    def meta_features(self) -> Array:
        return self.initial_features

    gradient = LiftedBatchQuantities.gradient


# --- generators -----------------------------------------------------------------------------------


def arbitrary(
    source: Source, loss: str, limits: Limits = SMALL, rival: str = "parameter", draw: Draw = drawn
) -> NetworkBatch:
    """Any problem, W and comparator on the grid, or a `rival` of another kind (`against`)."""
    return _against(source, draw(source, loss, limits), rival)


def support_query(source: Source, loss: str, limits: Limits = SMALL, draw: Draw = drawn) -> NetworkBatch:
    """Tasks that adapt on another law than the one that they are judged on; any comparator."""
    batch = draw(source, loss, limits, supports=("own", "own", "labels", "part"))
    return _against(source, batch, source.choose(("parameter", "functions", "tangent")))


def steps(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """Two or three steps that change patterns and curvatures, so that their factors differ. Tangent comparators."""
    batch = drawn(source, loss, limits, points=max(2, draw_size(source, limits.points)))
    rate = 2.0 ** source.grid((), -2, -1 if loss in STEEP else 2) / _curvature(batch)
    return tangents(source, replace(batch, steps=source.choose((2, 3)), rate=rate))


def tangents(
    source: Source, batch: NetworkBatch, quantities: Callable[[Any], CoreBatchQuantities] = NetworkBatchQuantities
) -> NetworkBatch:
    """The batch against tangent comparators."""
    return tangent_comparators(source, quantities(batch))


def stationary(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """W after descent on the meta-objective; the comparator where it started, or on the grid."""
    batch = drawn(source, loss, limits)
    found = replace(batch, omega=descended(batch))
    if source.choose(("grid", "start")) == "start":
        found = found.against(rival=batch.omega)
    return with_radius(source, found)


def descended(batch: NetworkBatch, rounds: int = 25) -> Array:
    """W (B, m, d) after gradient steps that never go uphill."""
    here = replace(batch, rival=batch.omega, functions=None)
    at = NetworkBatchQuantities(here)
    value, gradient = at.meta_objective, at.gradient
    length = np.full(len(batch), 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(rounds):
            step = (length[:, None] * gradient).reshape(here.omega.shape)
            trial = NetworkBatchQuantities(replace(here, omega=here.omega - step))
            better = trial.meta_objective < value
            length = np.where(better, length * 1.5, length / 4)
            omega = np.where(better[:, None, None], trial.batch.omega, here.omega)
            here = replace(here, omega=omega)
            value = np.where(better, trial.meta_objective, value)
            gradient = np.where(better[:, None], trial.gradient, gradient)
    return here.omega


def near_kink(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """Neurons within rounding of a kink, at W, at W0 and (by the step size) after adaptation: floats cannot tell."""
    batch = drawn(source, loss, limits)
    kind = source.choose(("omega", "start", "adapted"))
    x = batch.features[:, :1]
    size = (x**2).sum(2)
    if kind in ("omega", "start"):
        weights = (batch.omega if kind == "omega" else batch.initial).copy()
        neuron = weights[:, :1]
        pull = np.where(size > 0, (neuron * x).sum(2) / np.where(size > 0, size, 1.0), 0.0)
        # Another scale, so that the product is not short: the rest is the rounding of W itself.
        weights[:, :1] = (neuron - pull[..., None] * x) / 3
        return replace(batch, omega=weights) if kind == "omega" else replace(batch, initial=weights)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        at = NetworkBatchQuantities(batch)
        moved = ((batch.omega - at._path[-1][:, 0])[:, 0] * x[:, 0]).sum(1)
        rate = batch.rate * (batch.omega[:, 0] * x[:, 0]).sum(1) / moved
        wanted = np.isfinite(rate) & (rate > 0) & (rate <= 8 * batch.rate)
    return replace(batch, rate=np.where(wanted, rate, batch.rate))


def kinks(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """Coarse grids: neurons exactly at their kink, against tangent comparators of the formal gradient."""
    batch = drawn(source, loss, limits)
    width, d = batch.shape[3:]
    omega = source.grid((width, d), -2, 2)
    coarse = replace(batch, omega=omega, features=source.grid(batch.features.shape[1:], -2, 2))
    return tangents(source, replace(coarse, rate=coarse.rate / 64))


def atom(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """The worst network at one input: the nearest neurons of one sign, pushed across equally far."""
    batch = drawn(source, loss, limits, tasks=1, points=1)
    reach = 2.0 ** source.grid((), -4, 4)
    size = np.sqrt((batch.features[:, 0] ** 2).sum(1))
    counts = np.arange(1.0, batch.shape[3] + 1)
    worst, omega = np.full(len(batch), -np.inf), batch.initial
    for sign in (1.0, -1.0):
        unit, near, order = _nearest(batch, sign)
        with np.errstate(invalid="ignore"):
            value = (reach * size)[:, None] * np.sqrt(counts) - np.cumsum(np.sort(near, axis=1), axis=1)
        best = np.argmax(np.where(np.isfinite(value), value, -np.inf), axis=1)
        found = value[np.arange(len(batch)), best]
        length = np.where(order <= best[:, None], (reach / np.sqrt(best + 1.0))[:, None], 0.0)
        better = np.isfinite(found) & (found > worst)
        omega = np.where(better[:, None, None], batch.initial - length[..., None] * unit, omega)
        worst = np.where(better, found, worst)
    return replace(batch, omega=omega)


def pushed(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """As many neurons as the ball allows pushed just across their kinks at one input: k* is attained."""
    batch = drawn(source, loss, limits, tasks=1, points=1)
    unit, near, order = _nearest(replace(batch, signs=np.ones(batch.signs.shape)), 1.0)
    count = 1 + np.floor(source.grid((), 0, 63) / 64 * near.shape[1])
    size = np.maximum(np.sqrt((batch.features[:, 0] ** 2).sum(1)), 2.0**-20)
    length = np.where(order < count[:, None], near / size[:, None] * (1 + 2.0**-12), 0.0)
    return replace(batch, omega=batch.initial - length[..., None] * unit, rate=np.zeros(source.size))


def _nearest(batch: NetworkBatch, sign: float) -> tuple[Array, Array, Array]:
    """Directions across the kink (B, m, d), distances |W0_r'x| of the neurons of that sign (B, m), their ranks."""
    x = batch.features[:, 0]
    size = np.sqrt((x**2).sum(1))[:, None]
    drive = (batch.initial @ x[..., None])[..., 0]
    unit = np.sign(drive)[..., None] * (x / np.where(size > 0, size, 1.0))[:, None]
    near = np.where(batch.signs[:, 0] == sign, np.abs(drive), np.inf)
    return unit, near, np.argsort(np.argsort(near, axis=1), axis=1)


def still(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """W = W0 and a large step: all that flips, flips in the adaptation."""
    batch = drawn(source, loss, limits)
    rate = batch.rate if loss in STEEP else 8.0 * batch.rate
    return replace(batch, omega=batch.initial, rate=rate)


def independent(source: Source, loss: str, limits: Limits = SMALL, outputs: int = 1) -> NetworkBatch:
    """Tasks with inputs of their own and enough neurons: the meta-Gram matrix is regular (C3)."""
    tasks = draw_size(source, min(limits.tasks, 3))
    batch = drawn(source, loss, limits, tasks=tasks, dimension=max(2, limits.dimension),
                     width=source.choose((16, 64)), apart=True, outputs=outputs)  # fmt: skip
    k = batch.features.shape[1]
    angles = source.grid((k,), -64, 64) / 256 + np.arange(k) * 2.0 * np.pi / max(k, 3)
    inputs = batch.features.copy()
    inputs[..., 0], inputs[..., 1] = np.round(np.cos(angles) * 256) / 256, np.round(np.sin(angles) * 256) / 256
    return replace(batch, features=inputs, rate=np.minimum(batch.rate, 0.25 / _curvature(batch)))


def interpolating(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """Tangent comparators of such tasks: the bound of C3 is nearly attained."""
    return tangents(source, independent(source, loss, limits))


RIVALS = ("parameter", "functions", "tangent", "start", "stationary", "local")


def vector_outputs(
    source: Source,
    loss: str,
    limits: Limits = SMALL,
    rivals: Sequence[str] = RIVALS,
    activations: Sequence[str | None] = (None,),
) -> NetworkBatch:
    """Two to four outputs: any problem, one with supports or with inputs of its own; any comparator of these kinds.

    Not all outputs have the same signs: softmax' gradient would be 0, and no ball could tell.
    """
    setting, c = source.choose(("any", "supports", "independent")), source.choose(range(2, 5))
    batch = _of_setting(source, loss, limits, setting, c)
    signs = batch.signs.copy()
    signs[:, 1, 0] = -signs[:, 0, 0]
    kind, batch = source.choose(rivals), replace(batch, signs=signs, activation=source.choose(activations))
    return _against(source, batch, kind)


def _of_setting(source: Source, loss: str, limits: Limits, setting: str, outputs: int) -> NetworkBatch:
    """Any problem, one with supports, or one with inputs of its own for each task."""
    if setting == "independent":
        return independent(source, loss, limits, outputs)
    supports = ("own", "labels", "part") if setting == "supports" else ()
    return drawn(source, loss, limits, outputs=outputs, width=source.choose((1, 2, 4, 16, 64)), supports=supports)


class Turned(NetworkBatchQuantities):
    """With the rates on the other side of the Hessians, or (`Forgetful`) without decay in the Jacobians."""

    @cached_property
    def meta_features(self) -> Array:
        return self._factored_with(turned=True)

    gradient = LiftedBatchQuantities.gradient


class Forgetful(Turned):
    @cached_property
    def meta_features(self) -> Array:
        return self._factored_with(decays=False)


TANGENTS = {"tangent": NetworkBatchQuantities, "start": AtStart, "turned": Turned, "forgetful": Forgetful}
_against = partial(against, tangents=TANGENTS, settled=descended)


def paced(
    source: Source,
    loss: str,
    limits: Limits = SMALL,
    rivals: Sequence[str] = ("parameter", "functions", "tangent", "start", "stationary", "turned", "forgetful"),
    activations: Sequence[str | None] = (None,),
) -> NetworkBatch:
    """A rate for each weight (negative, or 0: it is frozen), weight decay, or both: any problem, one with supports, one
    with inputs of its own, or one of several outputs."""
    setting = source.choose(("any", "supports", "independent"))
    c = source.choose({"softmax": (2, 3), "squared": (1, 1, 2)}.get(loss, (1,)))
    batch = _of_setting(source, loss, limits, setting, c)
    signs = batch.signs.copy()
    signs[:, c - 1, 0] = signs[:, 0, 0] * (1 if c == 1 else -1)
    batch = replace(batch, signs=signs, activation=source.choose(activations))
    batch = with_rates(source, batch, source.choose(("rates", "decay", "both")))
    return _against(source, batch, source.choose(rivals))


PACED_LOSSES = (*CONVEX_LOSSES, "softmax")
WRONG_RIVALS = ("turned", "forgetful")


def landscapes(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """Problems whose infimum is bracketed: one or two neurons with scalar inputs and one step (squared loss), else a
    few neurons."""
    small = replace(limits, tasks=min(limits.tasks, 2), points=min(limits.points, 3))
    if loss == "squared":
        exact = drawn(source, loss, small, dimension=1, width=source.choose((1, 2)))
        return replace(exact, steps=1)
    return drawn(source, loss, small, width=source.choose((4, 16)))


def table(draw: Draw, activations: Sequence[str | None], *own: Generator) -> tuple[Generator, ...]:
    """The generators of networks with these activations, whose problems `draw` makes; those of their kind alone."""
    functions, tangent = (partial(arbitrary, rival=rival, draw=draw) for rival in ("functions", "tangent"))
    outputs, rates = partial(vector_outputs, activations=activations), partial(paced, activations=activations)
    return (
        Generator("arbitrary", "anything on the grid", partial(arbitrary, draw=draw), CONVEX_LOSSES, 2),
        Generator("functions", "arbitrary comparator functions", functions, CONVEX_LOSSES),
        Generator("tangent", "tangent comparators, where the bound is an equality", tangent, CONVEX_LOSSES, wide=False),
        *own,
        Generator("support-query", "tasks that adapt on another law than they are judged on",
                  partial(support_query, draw=draw), CONVEX_LOSSES),
        Generator("vector-outputs", "several outputs: classes, or vectors of targets", outputs, tuple(VECTOR_LOSSES)),
        Generator("vector-tangent", "several outputs, tangent comparators", partial(outputs, rivals=("tangent",)),
                  tuple(VECTOR_LOSSES), wide=False),
        Generator("rates", "a rate for each weight, weight decay, or both", rates, PACED_LOSSES),
        Generator("rates-tangent", "tangent comparators of wrong Jacobians of rates and decay",
                  partial(rates, rivals=WRONG_RIVALS), ("squared", "log-cosh", "logistic", "quartic")),
    )  # fmt: skip


GENERATORS = table(
    drawn,
    (None,),
    Generator("steps", "several steps whose factors differ", steps, CONVEX_LOSSES),
    Generator("stationary", "W after descent", stationary, CONVEX_LOSSES),
    Generator("local", "comparator one small gradient step away", partial(arbitrary, rival="local"), CONVEX_LOSSES),
    Generator("near-kink", "neurons within rounding of a kink", near_kink, CONVEX_LOSSES, wide=False),
    Generator("kinks", "neurons exactly at their kink", kinks, CONVEX_LOSSES, wide=False),
    Generator("atom", "the worst network at an atom (N4)", atom, CONVEX_LOSSES),
    Generator("pushed", "the largest number of flips in the ball (k*)", pushed, CONVEX_LOSSES),
    Generator("still", "W at its initialisation, large steps", still, CONVEX_LOSSES),
    Generator("independent", "tasks with inputs of their own (C3)", independent, CONVEX_LOSSES),
    Generator("interpolating", "the same against tangent comparators", interpolating, CONVEX_LOSSES),
)

LANDSCAPES = Generator(
    "landscapes", "networks whose infimum is bracketed", landscapes, ("squared", "logistic", "pseudo-huber")
)

SEARCHING = ("arbitrary", "functions", "tangent", "steps", "local", "stationary", "kinks", "atom", "pushed", "still",
             "interpolating", "support-query", "vector-outputs", "vector-tangent", "rates-tangent")  # fmt: skip
"""The generators that look for counterexamples."""
