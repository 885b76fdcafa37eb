r"""Identities of the proofs as identities of polynomials: the engine's own formulas over a polynomial ring.

Every number of an instance is a generator, and so is every value of ell, ell', ell'' at every prediction that occurs:
what is 0 here is 0 at every instance of that shape, for every loss that is smooth there. The two routes to grad L, by
Taylor arithmetic and by meta-features, are those of the engine. (Of the squared loss itself: with t^2/2 for ell.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

from ..losses import Loss
from ..supervised.instance import Functions
from ..supervised.mixed import AtomClass
from ..supervised.quantities import MetaSLQuantities
from .region import Region, told_apart

ZERO = fmpq(0)


class Line(list[Any]):
    """A series of two terms: value and slope along a line."""


class Table:
    """A matrix of polynomials."""

    def __init__(self, rows: Sequence[Sequence[Any]]) -> None:
        self._rows = [list(row) for row in rows]

    def tolist(self) -> list[list[Any]]:
        return [list(row) for row in self._rows]

    def entries(self) -> list[Any]:
        return [v for row in self._rows for v in row]

    def transpose(self) -> Table:
        return Table(list(zip(*self._rows, strict=True)))

    def __mul__(self, other: Any) -> Table:
        if not isinstance(other, Table):
            return Table([[v * other for v in row] for row in self._rows])
        columns = list(zip(*other._rows, strict=True))
        return Table([[dot(row, column) for column in columns] for row in self._rows])

    def __add__(self, other: Table) -> Table:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Table) -> Table:
        return self._with(other, lambda a, b: a - b)

    def _with(self, other: Table, made: Callable[[Any, Any], Any]) -> Table:
        pairs = zip(self._rows, other._rows, strict=True)
        return Table([[made(a, b) for a, b in zip(one, two, strict=True)] for one, two in pairs])


def dot(one: Sequence[Any], other: Sequence[Any]) -> Any:
    """The sum of products."""
    return sum((a * b for a, b in zip(one, other, strict=True)), start=ZERO)


class Polynomials:
    """The ring as a number system; `symbol` gives a generator to what has none yet."""

    name = "polynomials"

    def __init__(self, places: Sequence[str], symbols: int) -> None:
        self._ring = fmpq_mpoly_ctx.get([f"x{j}" for j in range(len(places) + symbols)], Ordering.lex)
        self._free = iter(self._ring.gens())
        self.numbers = {place: next(self._free) for place in places}
        self._symbols: list[tuple[tuple[Any, ...], Any]] = []

    def symbol(self, *what: Any) -> Any:
        """The generator that stands for what equal arguments name."""
        found = next((generator for key, generator in self._symbols if key == what), None)
        if found is None:
            found = next(self._free)
            self._symbols.append((what, found))
        return found

    def number(self, q: Any) -> Any:
        return q if isinstance(q, fmpq_mpoly) else self._ring.constant(fmpq(q))

    matrix = staticmethod(Table)
    series = staticmethod(Line)


@dataclass(frozen=True)
class Formal(Loss):
    """A loss over polynomials: of the squared loss itself, else symbols for ell^(j)(z, y)."""

    free: bool = True

    def value(self, m: Any, z: Any, y: Any) -> Any:
        return self._at(m, 0, z, y)

    def d1(self, m: Any, z: Any, y: Any) -> Any:
        return self._at(m, 1, z, y)

    def d2(self, m: Any, z: Any, y: Any) -> Any:
        return self._at(m, 2, z, y)

    def _at(self, m: Polynomials, order: int, z: Any, y: Any) -> Any:
        if isinstance(z, Line):
            return Line([self._at(m, order, z[0], y), self._at(m, order + 1, z[0], y) * z[1]])
        if self.free:
            return m.symbol(order, z, y)
        plain = Loss(self.name)
        return (plain.value, plain.d1, plain.d2)[order](m, z, y)


class FormalQuantities(MetaSLQuantities):
    """The quantities over polynomials; every atom is a class of its own."""

    @cached_property
    def _classes(self) -> list[AtomClass]:
        return told_apart(self.instance.tasks)

    def sum_along(self, rows: Any, target: Sequence[Any], weights: Sequence[Any] | None = None) -> Any:
        """sum_j weights_j (target_j - rows_j v)."""
        rest = [t - dot(row, self.along) for t, row in zip(target, rows.tolist(), strict=True)]
        return dot([fmpq(1)] * len(rest) if weights is None else weights, rest)


@dataclass(frozen=True)
class Facts:
    """The identities of a region's shape; each is a name of a method, and tried once."""

    region: Region
    _known: dict[str, bool] = field(default_factory=dict)

    def __call__(self, name: str) -> bool:
        """Whether the identity of that name holds."""
        if name not in self._known:
            defects = getattr(self, name)()
            self._known[name] = bool(defects) and all(defect == 0 for defect in defects)
        return self._known[name]

    def _quantities(self, *, free: bool = True, still: bool = False) -> FormalQuantities:
        corner = self.region.corner
        places = list(self.region.every_place())
        atoms = sum(len(task.atoms) + len(task.support or ()) for task in corner.tasks)
        steps = corner.adaptation.steps if hasattr(corner.adaptation, "steps") else 1
        m = Polynomials(places, 12 * atoms * (steps + 2) + corner.dimension)
        numbers: dict[str, Any] = dict(m.numbers)
        self._normalise(numbers)
        numbers |= {"adaptation.eta": fmpq(0)} if still else {}
        if not getattr(corner.adaptation, "decay", ZERO):
            numbers["adaptation.decay"] = fmpq(0)
        loss = Formal(corner.loss.name, corner.loss.parameter, free=free)
        instance = replace(self.region.with_numbers(numbers), loss=loss)
        direction = tuple([m.symbol("v", j) for j in range(corner.dimension)])
        return FormalQuantities(instance, m, direction)  # type: ignore[arg-type]

    def _normalise(self, numbers: dict[str, Any]) -> None:
        """Masses of a law sum to 1. Equal exact labels are one, so that an atom of two tasks is one atom."""
        labels: dict[fmpq, Any] = {}
        for i, task in enumerate(self.region.corner.tasks):
            for name, law in (("atoms", task.atoms), ("support", task.support or ())):
                own = [f"tasks[{i}].{name}[{a}]" for a in range(len(law))]
                masses = [f"{place}.p" for place in own]
                if own and not set(masses) & set(self.region.rests):
                    numbers[masses[-1]] = 1 - sum((numbers[place] for place in masses[:-1]), start=ZERO)
                for place, atom in zip(own, law, strict=True):
                    if f"{place}.y" not in self.region.places:
                        numbers[f"{place}.y"] = labels.setdefault(atom.y, numbers[f"{place}.y"])

    @cached_property
    def _free(self) -> FormalQuantities:
        return self._quantities()

    def pairing(self) -> list[Any]:
        """gap + Breg = <w, u>: the definition of Breg, conditioned on x."""
        at = self._free
        return [at.gap + at.bregman - at.pairing]

    def chain(self) -> list[Any]:
        """grad L = <w, phi>, and <w, u> = v'G + <w, u - phi'v>."""
        at = self._free
        by_features = at._pulled(at._meta_features)
        defects = [a - b for a, b in zip(at._gradient, by_features, strict=True)]
        return [*defects, at.direction + at.inner_product - at.pairing]

    def plain(self) -> list[Any]:
        """The same with plain features and their own pairing."""
        at = self._free
        rows = at._plain.table
        along = dot(at._pulled(rows), at.along)
        return [along + at.sum_along(rows, at._u, at._weighted) - at.pairing]

    def mixed(self) -> list[Any]:
        """The sum over triples of the target is <w, u>, that of the rows grad L."""
        at = self._free
        rows, target = at._mixed_l1_system()
        columns = rows.transpose().tolist()
        sums = [sum(column, start=ZERO) - g for column, g in zip(columns, at._gradient, strict=True)]
        return [*sums, sum(target, start=ZERO) - at.pairing]

    def affine(self) -> list[Any]:
        """u = phi'(omega - theta') of the squared loss."""
        return self._represented(self._quantities(free=False)) if self.region.corner.loss.name == "squared" else []

    def still(self) -> list[Any]:
        """u = phi'(omega - theta') without adaptation."""
        return self._represented(self._quantities(still=True))

    def _represented(self, at: FormalQuantities) -> list[Any]:
        if isinstance(self.region.corner.comparator, Functions):
            return []
        away = [a - b for a, b in zip(at._here.theta.entries(), at._rival.theta.entries(), strict=True)]
        return [u - dot(row, away) for u, row in zip(at._u, at._meta_features.tolist(), strict=True)]

    def single(self) -> list[Any]:
        """Of one task <w, u> = g'(omega_1 - theta'_1), G = J_1'g, g = E[w phi]."""
        at = self._free
        if len(at.laws) != 1 or isinstance(self.region.corner.comparator, Functions):
            return []
        pull = at._pulled(at._plain.table)
        moved = zip(at._adapted[0].theta.entries(), at._rivals[0].theta.entries(), strict=True)
        back = (at._jacobians[0].transpose() * Table([[g] for g in pull])).entries()
        defects = [a - b for a, b in zip(at._gradient, back, strict=True)]
        return [*defects, dot(pull, [a - b for a, b in moved]) - at.pairing]

    def remainder(self) -> list[Any]:
        """Of one step u_i - phi_i'(omega - theta') is sum over the inner law of eta p (phi'phi_x) times
        ell'(h_theta') - ell'(h_omega) - ell''(h_omega)(h_theta' - h_omega)."""
        at = self._free
        if at._gradient_steps().steps != 1 or isinstance(self.region.corner.comparator, Functions):
            return []
        here, there, loss, problem = at._before, at._rival.predictions, at.problem.loss, at.problem
        features, defects = problem.features.tolist(), []
        for (i, x, _), rest in zip(at._points, self._represented(at), strict=True):
            rests = ZERO
            for a, y, p in at.laws[i].inner.atoms:
                bend = loss.d2(at.m, here[a], y) * (there[a] - here[a])
                slope = loss.d1(at.m, there[a], y) - loss.d1(at.m, here[a], y)
                moved = dot(problem.paced(Table([[v] for v in features[a]])).entries(), features[x])
                rests = rests + p * moved * (slope - bend)
            defects.append(rest - rests)
        return defects

    def lagrange(self) -> list[Any]:
        """|a|^2 |b|^2 - (a'b)^2 = sum_{j<k} (a_j b_k - a_k b_j)^2, which is Cauchy-Schwarz, with masses and without.

        With masses c: sum w^2/c sum c r^2 - (sum w r)^2 = sum_{j<k} c_j c_k (w_j r_k/c_j - w_k r_j/c_k)^2, times all c.
        """
        counts = {self.region.corner.dimension, len(self._free._masses)}
        return list(map(_lagrange, counts))


def _lagrange(count: int) -> Any:
    """In terms of w/c: w = c a; without masses c = 1."""
    ring = fmpq_mpoly_ctx.get([f"x{j}" for j in range(3 * count)], Ordering.lex)
    found = list(ring.gens())
    a, r, c = found[:count], found[count : 2 * count], found[2 * count :]
    pairs = ((j, k) for j in range(count) for k in range(j))
    squares = sum((c[j] * c[k] * (a[j] * r[k] - a[k] * r[j]) ** 2 for j, k in pairs), start=ZERO)
    whole = dot(c, [v * v for v in a]) * dot(c, [v * v for v in r])
    return whole - dot(c, [v * w for v, w in zip(a, r, strict=True)]) ** 2 - squares
