"""The core quantities of every family, from lifted points: masses, w, u, features as rows, and the gradient of L."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from mpmath import mp

from . import infimum
from .numbers import Fraction, UndefinedError, Vector, dot, norm, number, singular_values, weighted_norm


class Core:
    """A family supplies masses [N], w [N], u [N], rows (N, p) and gradient [p]; `radius` is the instance's R."""

    radius: Any
    masses: Vector
    w: Vector
    u: Vector
    rows: list[Vector]
    gradient: Vector
    exact_direction: list[Fraction] | None = None
    """The v of the identity: its coordinates, or (networks) its coefficients in the meta-features."""
    coefficients = False
    steepest: list[Any] | None = None
    """The direction of `curvature_size` where there is more than one parameter."""

    def __call__(self, name: str) -> Any:
        """The quantity of that name: a number, or both sides of an infimum. Errors: UndefinedError."""
        if name not in self.known:
            if not hasattr(type(self), name) and name != "radius":
                raise UndefinedError(f"{name} is not evaluated")
            self.known[name] = getattr(self, name)
        return self.known[name]

    @cached_property
    def known(self) -> dict[str, Any]:
        """What was asked for before."""
        return {}

    def pulled(self, rows: list[Vector]) -> Vector:
        """<w, rows>."""
        weights = [m * w for m, w in zip(self.masses, self.w, strict=True)]
        return [mp.fsum(c * row[j] for c, row in zip(weights, rows, strict=True)) for j in range(len(rows[0]))]

    def misfit_of(self, rows: list[Vector], target: Vector | None = None) -> tuple[Any, Any]:
        return infimum.misfit(rows, self.u if target is None else target, self.masses, self.radius)

    def bend(self, objective: Callable[[Vector], Any], here: Any, at: Vector) -> Any:
        """|second derivative| of the objective along `steepest`, by second differences."""
        v = [mp.mpf(1)] if len(at) == 1 else self.steepest
        if v is None:
            raise UndefinedError("no direction was given")
        size = norm(v)
        h = mp.mpf(10) ** (-mp.dps // 4)
        high, low = (objective([t + s * x / size for t, x in zip(at, v, strict=True)]) for s in (h, -h))
        return abs(high - 2 * here + low) / h**2

    @property
    def zero(self) -> Any:
        return mp.mpf(0)

    @cached_property
    def pairing(self) -> Any:
        return mp.fsum(m * w * u for m, w, u in zip(self.masses, self.w, self.u, strict=True))

    @cached_property
    def eps(self) -> Any:
        return norm(self.gradient)

    @cached_property
    def weight_norm(self) -> Any:
        return weighted_norm(self.w, self.masses)

    @cached_property
    def function_displacement(self) -> Any:
        return weighted_norm(self.u, self.masses)

    @cached_property
    def chain_rule_defect(self) -> Any:
        return norm([a - b for a, b in zip(self.gradient, self.pulled(self.rows), strict=True)])

    @cached_property
    def misfit(self) -> tuple[Any, Any]:
        return self.misfit_of(self.rows)

    @cached_property
    def misfit_l1(self) -> tuple[Any, Any]:
        weights = [m * w for m, w in zip(self.masses, self.w, strict=True)]
        rows = [[c * x for x in row] for c, row in zip(weights, self.rows, strict=True)]
        return infimum.l1(self.eps, rows, [c * u for c, u in zip(weights, self.u, strict=True)])

    @cached_property
    def along(self) -> Vector:
        if self.exact_direction is None:
            raise UndefinedError("no direction was given")
        v = [number(c) for c in self.exact_direction]
        if not self.coefficients:
            return v
        return [mp.fsum(c * row[j] for c, row in zip(v, self.rows, strict=True)) for j in range(len(self.rows[0]))]

    @cached_property
    def rests(self) -> Vector:
        return [u - dot(row, self.along) for u, row in zip(self.u, self.rows, strict=True)]

    @cached_property
    def direction(self) -> Any:
        return dot(self.gradient, self.along)

    @cached_property
    def inner_product(self) -> Any:
        return mp.fsum(m * w * r for m, w, r in zip(self.masses, self.w, self.rests, strict=True))

    @cached_property
    def residual_norm(self) -> Any:
        return weighted_norm(self.rests, self.masses)


class FromStart(Core):
    """Those of networks besides: of the formal meta-features, of phi_0, and of what they differ by."""

    formal_rows: list[Vector]
    initial_rows: list[Vector]

    @property
    def eps_formal(self) -> Any:
        return norm(self.pulled(self.formal_rows))

    @cached_property
    def misfit(self) -> tuple[Any, Any]:
        return self.misfit_of(self.formal_rows)

    @property
    def eps_init(self) -> Any:
        return norm(self.pulled(self.initial_rows))

    @cached_property
    def misfit_init(self) -> tuple[Any, Any]:
        return self.misfit_of(self.initial_rows)

    @cached_property
    def change(self) -> list[Vector]:
        """phi_0 - phi."""
        return [
            [a - b for a, b in zip(first, row, strict=True)]
            for first, row in zip(self.initial_rows, self.formal_rows, strict=True)
        ]

    @property
    def gradient_difference(self) -> Any:
        return norm(self.pulled(self.change))

    @property
    def error_operator(self) -> Any:
        rows = [[mp.sqrt(m) * x for x in row] for m, row in zip(self.masses, self.change, strict=True)]
        return singular_values(rows)[-1]
