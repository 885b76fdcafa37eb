"""How a task adapts: gradient steps, with a rate for each parameter and weight decay, a proximal step, or by a rule of
a claims file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

from flint import fmpq

from ...theory.claim import UndefinedQuantityError
from ..instances import Vector

ZERO = fmpq(0)


@dataclass(frozen=True)
class Gradient:
    """Adaptation by `steps` gradient steps: theta <- theta - eta D (grad R_i(theta) + decay theta), D = diag(rates).

    rates (p,) of any sign, one per parameter; None: all 1. decay >= 0: the inner objective is R_i + decay/2 ||.||^2.
    """

    eta: fmpq
    steps: int = 1
    rates: Vector | None = None
    decay: fmpq = ZERO
    name: str = field(default="gradient", init=False)

    @cached_property
    def canonical(self) -> Gradient:
        """The same steps without what does nothing: equal rates are a factor of eta, and so is their common sign."""
        eta, rates = self.eta, self.rates
        if rates is not None and len(set(rates)) == 1:
            eta, rates = eta * rates[0], None
        if rates is not None and max(rates) <= 0:
            eta, rates = -eta, tuple(-r for r in rates)
        if eta == 0:
            return Gradient(eta, self.steps)
        return Gradient(eta, self.steps, rates, self.decay)

    @property
    def plain(self) -> bool:
        """Whether all parameters have one rate, and none decays."""
        return self.canonical.rates is None and self.canonical.decay == 0

    @property
    def relative(self) -> tuple[fmpq, fmpq]:
        """The least and the largest rate, as factors of |eta|."""
        ends = [-r if self.eta < 0 else r for r in self.rates or (fmpq(1),)]
        return min(ends), max(ends)

    @property
    def span(self) -> tuple[fmpq, fmpq]:
        """The least and the largest eta r_j."""
        ends = [self.eta * r for r in self.rates or (fmpq(1),)]
        return min(ends), max(ends)

    @property
    def largest(self) -> fmpq:
        """max_j |eta r_j|."""
        return max(map(abs, self.span))


@dataclass(frozen=True)
class Implicit:
    """Adaptation by a proximal step: argmin R_i(t) + (strength/2) ||t - theta||^2 (iMAML; "lambda" in files)."""

    strength: fmpq
    name: str = field(default="implicit", init=False)

    @property
    def canonical(self) -> Implicit:
        return self


@dataclass(frozen=True)
class Own:
    """Adaptation by a rule of a claims file (`rules`), which may use the rate eta."""

    rule: str
    eta: fmpq
    name: str = field(default="own", init=False)

    @property
    def canonical(self) -> Own:
        return self

    @property
    def strength(self) -> NoReturn:
        """What those ask for who know gradient and proximal steps alone. Errors: UndefinedQuantityError, always."""
        raise UndefinedQuantityError(f"the adaptation {self.rule} is neither gradient steps nor a proximal step")


Adaptation = Gradient | Implicit | Own


def adaptation_field(
    adaptation: Adaptation, number: Callable[[fmpq], object], width: int | None = None
) -> dict[str, object]:
    """The field "adaptation" of a document; `width`: the parameters are those of so many neurons, a row each."""
    if isinstance(adaptation, Implicit):
        return {"name": adaptation.name, "lambda": number(adaptation.strength)}
    if isinstance(adaptation, Own):
        return {"name": adaptation.name, "rule": adaptation.rule, "eta": number(adaptation.eta)}
    found: dict[str, object] = {"name": adaptation.name, "eta": number(adaptation.eta), "steps": adaptation.steps}
    if adaptation.rates is not None:
        rates = [number(r) for r in adaptation.rates]
        d = len(rates) // (width or 1)
        found["rates"] = rates if width is None else [rates[r : r + d] for r in range(0, len(rates), d)]
    return found | ({"decay": number(adaptation.decay)} if adaptation.decay != 0 else {})
