"""Batches of linear models of c outputs, and their quantities in float64: components are lifted points (`vectors`).

On arrays a class is its unit vector too, so that labels are (B, n, k, l, c) for every loss.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ...theory.claim import UndefinedQuantityError
from ..losses import Link
from ..sources import Field, Kind
from .batch import TASKS, Array, Batch
from .batch import batch_of as plain_batch_of
from .batch_quantities import BatchQuantities
from .instance import MetaSLInstance

PER_OUTPUT = ("labels", "support_labels", "functions")


@dataclass(frozen=True)
class VectorBatch(Batch):
    """B instances of c outputs: omega, rival and rates (B, c, d), labels (B, n, k, l, c), functions (B, n, k, c)."""

    fields: ClassVar[tuple[Field, ...]] = (
        Field("omega", Kind.REAL, ("output", "dimension")),
        Field("rival", Kind.REAL, ("output", "dimension")),
        Field("rates", Kind.REAL, ("output", "dimension")),
        Field("features", Kind.REAL, ("point", "dimension")),
        *(replace(f, axes=(*f.axes, "output")) if f.name in PER_OUTPUT else f for f in TASKS),
    )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, k, l, d)."""
        n, k, depth = self.labels.shape[1:4]
        return n, k, depth, self.features.shape[2]

    def against(self, *, rival: Array | None = None, functions: Array | None = None) -> VectorBatch:
        """The same problems with another comparator; functions may be (B, n, k c)."""
        if functions is not None:
            functions = functions.reshape(*self.masses.shape[:3], self.loss.outputs)
        return replace(self, rival=rival, functions=functions)


class VectorQuantities(BatchQuantities):
    """Quantities on lifted points (B, n, k c). Of what is summed over a point's labels the risk stands on its first
    lifted point, slopes are lists, curvatures blocks (B, n, k, c, c)."""

    batch: VectorBatch

    def __init__(self, batch: VectorBatch) -> None:
        super().__init__(batch)
        self._c = c = batch.loss.outputs
        size, k, d = batch.features.shape
        spread = np.einsum("ae,bxj->bxaej", np.eye(c), batch.features)
        self.features = spread.reshape(size, k * c, c * d)
        self.transposed = self.features.transpose(0, 2, 1)
        self.rho, self.mass = (np.repeat(v, c, axis=2) for v in (self.rho, self.mass))

    @property
    def _blocks(self) -> Array:
        """Phi_x (B, k, c, c d)."""
        size, points, dimension = self.features.shape
        return self.features.reshape(size, points // self._c, self._c, dimension)

    def _over(self, labels: Array, masses: Array, order: int, z: Array) -> Array:
        size, n, k = masses.shape[:3]
        blocks = z.reshape(*z.shape[:2], k, 1, self._c)
        found = self.batch.loss.on_arrays(order, blocks, labels)
        summed = (masses.reshape(*masses.shape, *(1,) * order) * found).sum(3)
        if order == 0:
            summed = summed[..., None] * np.eye(1, self._c)[0]
        return summed if order == 2 else summed.reshape(size, n, k * self._c)

    def _hessians(self, curved: Array) -> Array:
        bent = curved @ self._blocks[:, None]
        return self.transposed[:, None] @ bent.reshape(*curved.shape[:2], *self.features.shape[1:])

    @cached_property
    def _omega(self) -> Array:
        return self.batch.omega.reshape(len(self.batch), 1, -1)

    def _rival(self, adapted: bool) -> Array:
        if self.batch.functions is not None:
            return self.batch.functions.reshape(self.rho.shape)
        assert self.batch.rival is not None
        rival = self.batch.rival.reshape(self._omega.shape)
        return self._predictions(self.adapt(rival)[-1] if adapted else rival)

    @cached_property
    def scale(self) -> Array:
        sizes = np.abs(self.after) + np.abs(self.comparator)
        risks = np.abs(self._summed(0, self.after)) + np.abs(self._summed(0, self.comparator))
        slopes = (np.abs(self.slopes) + self.rho * sizes) * (sizes + self.radius[:, None, None] * self._stretch)
        return (self.batch.weights[..., None] * (risks + slopes)).sum((1, 2))

    @cached_property
    def support_feature_bound(self) -> Array:
        return self._other_laws.feature_bound

    @cached_property
    def strong_convexity(self) -> Array:
        """The least eigenvalue of the Hessian of the loss, the same everywhere."""
        return np.full(len(self.batch), float(self.batch.loss.constants().mu))

    @property
    def strong_convexity_adapted(self) -> Array:
        return self.strong_convexity

    @property
    def outputs(self) -> Array:
        return np.full(len(self.batch), float(self._c))

    @property
    def misfit_uncoupled(self) -> Array:
        if self.batch.steps != 1:
            raise UndefinedQuantityError("several outputs and one gradient step are required")

        def diagonal(order: int, z: Array) -> Array:
            return self._inner(order, z) * np.eye(self._c)

        return self._misfit(self.features[:, None] @ self._jacobians_of(diagonal), self.u)[0]

    @property
    def weight_norm_shifted(self) -> Array:
        batch = self.batch
        if batch.loss.link is not Link.CLASS:
            raise UndefinedQuantityError("labels that are classes are required")
        slopes = self._over(np.roll(batch.labels, 1, axis=-1), batch.masses, 1, self.after)
        w = slopes / np.where(self.rho > 0, self.rho, 1.0)
        found: Array = np.sqrt((self.mass * w**2).sum((1, 2)))
        return found

    def _equal(self, labels: Array) -> Array:
        return (labels[..., :, None, :] == labels[..., None, :, :]).all(-1)

    def _psi(self, labels: Array, z: Array) -> Array:
        blocks = self._blocks
        size, k, c, _ = blocks.shape
        at = z.reshape(size, -1, k, c).transpose(0, 2, 1, 3)
        slots = labels.shape[2]
        bends = self.batch.loss.on_arrays(2, np.repeat(at, slots // at.shape[2], axis=2), labels)
        gram = (blocks.reshape(size, k * c, -1) @ self._moved).reshape(size, k, 1, c, k * c)
        pull = bends @ gram
        return self._left[:, None, None] - pull.swapaxes(-1, -2) @ blocks[:, :, None]


class LinearQuantities(BatchQuantities):
    """The searching engine's quantities of linear models: of a batch those of one output, or of several."""

    def __new__(cls, batch: Batch) -> Any:
        return VectorQuantities(batch) if isinstance(batch, VectorBatch) else BatchQuantities(batch)


def vector_batch(plain: Batch) -> Batch:
    """One of vectors, if the loss has several outputs: omega, rival, rates (B, c d), functions (B, n, k c)."""
    c = plain.loss.outputs
    if c == 1:
        return plain
    given = {field.name: getattr(plain, field.name) for field in fields(plain)}
    for name in ("omega", "rival", "rates"):
        if given[name] is not None:
            given[name] = given[name].reshape(len(plain), c, -1)
    return VectorBatch(**given | {"functions": None}).against(rival=given["rival"], functions=given["functions"])


def batch_of(instance: MetaSLInstance) -> Batch:
    """A batch of one: the instance rounded to float64."""
    return vector_batch(plain_batch_of(instance))
