r"""What a claim brings with it, on whole batches: midpoint-radius arrays, which decide, and float64, which proposes.

The instances of a batch are asked together as long as they agree on all that own code may depend on (`alike`): the
lengths of lists, what words and exact numbers say. Where they part, each part is evaluated alone. Numbers are arrays
over the instances of a part; each operation on midpoint-radius numbers encloses, so that what comes out does.

Eigenvalues of a symmetric M, c >= ||M||: those of M + c and c - M are not negative, and the largest of them, less c and
c less it, are the largest and the least of M.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from ..theory.claim import Quantity, UndefinedQuantityError
from .alike import Alike, PartingError, Several, agreed
from .arithmetic import Array, Balls, Floats, Number, midpoint, rational, to_float
from .balls.core import CoreQuantities
from .elementary import MidRads
from .enclosed.linear import largest_eigenvalue
from .enclosed.quantities import UnknownError, known_by_sign
from .files import BadInputError
from .instances import Instance
from .loss_ranges import LossRanges
from .losses import Link
from .midrad import MidRad
from .sealed import Exactly, Sealed
from .stated_at import At, OneByOneError, evaluated
from .stated_tasks import Risk, TaskAt, sides


class Enclosed(Sealed):
    """Midpoint-radius numbers, for arithmetic alone."""

    __slots__ = ()

    @staticmethod
    def lifted(exact: Any) -> MidRad:
        if isinstance(exact, arb):
            return MidRads.of_ball(exact)
        found = MidRad.of(*_listed(exact))
        return found if found.rad.any() else MidRad(found.mid)


class Proposed(Sealed):
    """Floats, for arithmetic alone."""

    __slots__ = ()

    @staticmethod
    def lifted(exact: Any) -> Array:
        if isinstance(exact, arb):
            return np.array(midpoint(exact))
        values, shape = _listed(exact)
        return np.array([to_float(v) for v in values]).reshape(shape)


def _listed(exact: Any) -> tuple[list[fmpq], tuple[int, ...]]:
    """One rational or several, and in which shape."""
    return (exact.values, (len(exact.values),)) if isinstance(exact, Exactly) else ([rational(exact)], ())


class Together(At):
    """The instances at some places of a batch, as one."""

    arrays: type
    m: Any
    column: type[Sealed]
    fewest = 1
    """Of fewer instances that are alike nothing is said: one by one they are as cheap."""

    def __init__(self, whole: BatchQuantities, places: Array) -> None:
        super().__init__(lambda name: whole.at(name, self), self.column)
        self._whole, self.places = whole, places

    @cached_property
    def _instances(self) -> list[Any]:
        return [self._whole.instances[b] for b in self.places]

    @property
    def _engine(self) -> type:
        found: Any = self._whole.exactly
        assert isinstance(found, type)
        return found

    def _number(self, values: Iterable[Any]) -> Number:
        return self.number(Several(list(values)))

    # --- the instances ---

    @cached_property
    def instance(self) -> Any:
        return self._instances[0] if len(self._instances) == 1 else Alike(self._instances, self.column)

    def _parameters(self, name: str) -> list[Number]:
        values = [getattr(instance, name) for instance in self._instances]
        return [self._number(column) for column in zip(*values, strict=True)]

    @property
    def _first(self) -> Any:
        return self._whole.first

    @property
    def omega(self) -> list[Number]:
        self._require_plain()
        return self._parameters("omega")

    @property
    def comparator(self) -> list[Number]:
        self._require_parameter()
        self._require_plain()
        return self._parameters("comparator")

    @property
    def gradient(self) -> list[Number]:
        self._require_plain()
        found = self._whole.base.gradient[self.places]
        return [found[:, j] for j in range(found.shape[1])]

    def exchanged(self) -> At:
        self._require_parameter()
        return self._whole.exchanged.together(self.places)

    @cached_property
    def tasks(self) -> list[TaskAt]:
        self._require_tasks()
        kept = [[task for task in instance.tasks if task.weight != 0] for instance in self._instances]
        laws = [[(task.inner, task.atoms) for task in tasks] for tasks in kept]
        agreed([tuple((len(inner), len(outer), inner is outer) for inner, outer in own) for own in laws])
        found = []
        for tasks in zip(*kept, strict=True):
            query = self._risk([task.atoms for task in tasks])
            shared = tasks[0].inner is tasks[0].atoms
            support = query if shared else self._risk([task.inner for task in tasks])
            found.append(TaskAt(self._number(task.weight for task in tasks), support, query))
        return found

    def _risk(self, laws: Sequence[Any]) -> Risk:
        atoms = []
        for place in zip(*laws, strict=True):
            rows = [instance.rows[a.x] for instance, a in zip(self._instances, place, strict=True)]
            phi = [self._number(column) for column in zip(*rows, strict=True)]
            atoms.append((phi, self._number(a.y for a in place), self._number(a.p for a in place)))
        return Risk(self.m, self._loss, atoms, list(zip(self._instances, laws, strict=True)))

    @property
    def _loss(self) -> Any:
        return agreed([instance.loss for instance in self._instances])

    @cached_property
    def _used(self) -> Array:
        """Where there is mass, in tasks of positive weight (n k,)."""
        batch = self._whole.batch
        if not hasattr(batch, "masses"):
            raise OneByOneError("a batch without masses")
        used = (batch.weights[:, :, None, None] > 0) & (batch.masses > 0)
        used = self._whole.base._each(used.any(3))[self.places].reshape(len(self.places), -1)
        return np.array(agreed([tuple(row) for row in used.tolist()]))

    @property
    def gram(self) -> list[list[Number]]:
        features = self._whole.base.meta_features[self.places]
        rows = features.reshape(len(self.places), -1, features.shape[-1])[:, self._used]
        found = rows @ rows.swapaxes(1, 2)
        return [[found[:, a, b] for b in range(found.shape[2])] for a in range(found.shape[1])]

    @property
    def masses(self) -> list[Number]:
        found = self._whole.base.mass[self.places].reshape(len(self.places), -1)
        return [found[:, a] for a in np.flatnonzero(self._used)]

    def _constant(self, name: str) -> Number | None:
        found = getattr(self._loss.constants(), name)
        return None if found is None else self.number(found)

    def eigenvalues(self, rows: list[list[Number]]) -> tuple[Number, Number]:
        size = len(self.places)
        entries = [self.m.broadcast_to(self._entry(v), (size,)) for row in rows for v in row]
        return self._extremes(self.m.stack(entries, -1).reshape(size, len(rows), len(rows)))

    # --- numbers ---

    def number(self, value: Any) -> Number:
        return self.column.lifted(value)

    def _entry(self, value: Any) -> Number:
        return value if isinstance(value, self.arrays | float) else self.number(value)

    def exp(self, t: Number) -> Number:
        return self.m.exp(t)

    def magnitude(self, t: Number) -> Number:
        return self.m.magnitude(t)

    def _larger(self, s: Number, t: Number) -> Number:
        return self.m.maximum(self._entry(s), self._entry(t))

    # --- what the number systems have of their own ---

    @abstractmethod
    def _extremes(self, table: Any) -> tuple[Number, Number]:
        """The least and the largest eigenvalue of tables (B, s, s)."""


class Enclosing(Together):
    """In midpoint-radius numbers."""

    arrays, m, column = MidRad, MidRads, Enclosed
    fewest = 3

    def sqrt(self, t: Number) -> Number:
        return MidRads.sqrt(self._entry(t))

    def between(self, order: int, y: Number, a: Number, b: Number) -> tuple[Number, Number]:
        loss, y, a, b = self._loss, *map(self._entry, (y, a, b))
        if order == 0 and loss.link is Link.CANONICAL:
            raise OneByOneError("where it turns depends on the label")
        ranges = LossRanges(loss, y)
        return ranges.least(order, a, b), ranges.most(order, a, b)

    def _extremes(self, table: MidRad) -> tuple[Number, Number]:
        most = MidRad(table.size).sum(-1).high.max(-1)
        shift = most[:, None, None] * np.eye(table.shape[-1])
        return most - largest_eigenvalue(shift - table), largest_eigenvalue(table + shift) - most


class Searching(Together):
    """In float64."""

    arrays, m, column = np.ndarray, Floats, Proposed

    def sqrt(self, t: Number) -> Number:
        return np.sqrt(np.maximum(t, 0))

    def between(self, order: int, y: Number, a: Number, b: Number) -> tuple[Number, Number]:
        loss = self._loss
        evaluate = (loss.value, loss.d1, loss.d2, loss.d3)[order]
        turning = loss.profile.turning(order, loss._parameter(Balls))
        ends = [evaluate(Floats, z, y) for z in (a, b)]
        least, most = np.minimum(*ends), np.maximum(*ends)
        if turning is None:  # of a loss of one's own: some points between
            looks = [((a * (8 - k) + b * k) / 8,) * 2 for k in range(1, 8)]
        else:
            at = [[midpoint(t) for t in (turn, *sides(loss, order, turn))] for turn in turning]
            looks = [(loss.prediction(t, y), loss.prediction(z, y)) for t, *besides in at for z in besides]
        for place, look in looks:
            inside, value = (place - a) * (place - b) <= 0, evaluate(Floats, look, y)
            least = np.where(inside, np.minimum(least, value), least)
            most = np.where(inside, np.maximum(most, value), most)
        return least, most

    def _extremes(self, table: Array) -> tuple[Number, Number]:
        sound = np.isfinite(table).all((1, 2), keepdims=True)
        found = np.linalg.eigvalsh(np.where(sound, table, 0.0)) + np.where(sound[..., 0], 0.0, np.nan)
        return found[:, 0], found[:, -1]


class Batched:
    """An engine for batches with quantities of one's own: a factory, as its class is.

    base   the engine of the family, exactly   that which decides, instance by instance
    """

    def __init__(
        self,
        base: Callable[[Any], Any],
        own: Mapping[str, Quantity],
        exactly: Callable[[Any], CoreQuantities],
        kind: type[Together],
    ) -> None:
        self._base, self._own, self._exactly, self._kind = base, own, exactly, kind

    def __call__(self, batch: Any) -> BatchQuantities:
        return BatchQuantities(self, batch)

    def __getattr__(self, name: str) -> Any:
        """What the engine has by that name, as its class would say."""
        return self._own[name] if name in self._own else getattr(self._base, name)


class BatchQuantities:
    """The quantities of a batch by name, each (B,); of midpoint-radius numbers: errors UndefinedQuantityError,
    UnknownError, as those of `enclosed`."""

    BITS = 64

    def __init__(self, engine: Batched, batch: Any) -> None:
        self._engine, self.batch = engine, batch
        self._own, self.exactly, self._kind = engine._own, engine._exactly, engine._kind
        self._parts = [np.arange(len(batch))]
        self._known: dict[tuple[str, bytes], Any] = {}
        self._together: dict[bytes, Together] = {}
        self._whole: dict[str, Any] = {}

    @cached_property
    def base(self) -> Any:
        """The family's own quantities. Errors: UnknownError."""
        return self._engine._base(self.batch)

    @cached_property
    def first(self) -> Instance:
        """One instance: of what kind all are."""
        found: Instance = self.batch.instance(0)
        return found

    @cached_property
    def instances(self) -> list[Instance]:
        """The instances, in their normal form."""
        return [self.first.canonical, *(self.batch.instance(b).canonical for b in range(1, len(self.batch)))]

    @cached_property
    def exchanged(self) -> BatchQuantities:
        """Those of the same problems with omega and the comparator exchanged. Errors: OneByOneError."""
        batch = self.batch
        shapes = {getattr(getattr(batch, name, None), "shape", name) for name in ("omega", "rival")}
        if len(shapes) > 1:
            raise OneByOneError("a batch that is not exchanged")
        return self._engine(replace(batch, omega=batch.rival, rival=batch.omega))

    def __call__(self, name: str) -> Any:
        if name not in self._own:
            return self.base(name)
        if name not in self._whole:
            self._whole[name] = self._assembled(name)
        return self._whole[name]

    def _assembled(self, name: str) -> Any:
        waiting, found = list(self._parts), list[tuple[Array, Any]]()
        while waiting:
            places = waiting.pop()
            if len(places) < self._kind.fewest <= len(self.batch):
                continue
            try:
                found.append((places, self.at(name, self.together(places))))
            except PartingError as parting:
                waiting += parting.parts(places)
            except UndefinedQuantityError as error:
                found.append((places, error))
        self._parts = [places for places, _ in found]
        if not found:
            raise UnknownError(name)
        errors = [value for _, value in found if isinstance(value, UndefinedQuantityError)]
        if len(errors) == len(found) and sum(len(places) for places, _ in found) == len(self.batch):
            raise errors[0]
        mid, rad = np.full((2, len(self.batch)), np.nan)
        for places, value in found:
            if not isinstance(value, UndefinedQuantityError):
                mid[places], rad[places] = (value.mid, value.rad) if isinstance(value, MidRad) else (value, 0.0)
        return MidRad(mid, rad) if self._kind is Enclosing else mid

    def __getattr__(self, name: str) -> Any:
        return getattr(self.base, name)

    def together(self, places: Array) -> Together:
        """The instances at these places."""
        key = places.tobytes()
        if key not in self._together:
            self._together[key] = self._kind(self, places)
        return self._together[key]

    def at(self, name: str, together: Together) -> Any:
        """The quantity at some places. Errors: PartingError, where their instances are not alike."""
        if name not in self._own:
            if self._kind is Enclosing and known_by_sign(name):
                raise UnknownError(name)
            return self.base(name)[together.places]
        key = name, together.places.tobytes()
        if key not in self._known:
            self._known[key] = self._evaluated(name, together)
        return self._known[key]

    def _evaluated(self, name: str, together: Together) -> Any:
        try:
            value = evaluated(self._own[name], together)
        except (OneByOneError, UnknownError, BadInputError) as error:
            if self._kind is Enclosing:  # balls say it with the instance
                raise UnknownError(name) from error
            if isinstance(error, BadInputError):
                raise
            return self._one_by_one(name, together.places)
        return value if isinstance(value, np.ndarray | MidRad) else together.number(value)

    def _one_by_one(self, name: str, places: Array) -> Array:
        """The same of every instance, as midpoints of balls; NaN where it has no value."""

        def value(b: int) -> float:
            try:
                return midpoint(self.exactly(self.instances[b])(name))
            except UndefinedQuantityError:
                return float("nan")

        with ctx.workprec(self.BITS):
            return np.array([value(b) for b in places.tolist()])
