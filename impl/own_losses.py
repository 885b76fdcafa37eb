"""A loss of one's own: g and its three derivatives, written once over any function set, checked before it is used.

ell(z, y) = g(z - y), g of the margin y z, or g(z) - y z, as for the losses of the table. Nothing that the user says of
the loss is relied on but the functions: where the theorems need convexity, or a range over an interval, it is enclosed
for the instance at hand. The constants m1, m2, m3, kappa, mu are the user's: what contradicts them is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flint import arb, ctx, fmpq

from .arithmetic import Balls, Floats, IrrationalError, Number, Rationals, midpoint, rational, to_float
from .asked import heard
from .elementary import MidRads
from .losses import TABLE, Link, LossFamily
from .midrad import MidRad
from .profiles import Constants, Profile
from .sealed import Sealed, Sealing, opened
from .series import BallSeries, series_terms

Formula = Callable[[Any, Number], Number]
"""(function set, t) -> a number."""

Constant = int | str | Callable[[Any], Number] | None
"""An exact number, or a function of the function set; None is +infinity."""


@dataclass(frozen=True)
class Loss:
    """A loss of one's own.

    value, d1, d2, d3   g and its derivatives, as functions of a function set m and t: m has exp, sqrt, tanh, sech,
                        log_cosh, softplus, sigmoid; constants are whole numbers and fractions t/3
    link                "residual" (t = z - y), "margin" (t = y z, labels -1 and 1) or "canonical" (g(z) - y z, y >= 0)
    m1, m2, m3          sup |g'|, |g''|, |g'''|: whole numbers, "p/q", or functions of m; None is infinite
    kappa, mu           sup |g'''|/g'', inf g''
    """

    name: str
    value: Formula
    d1: Formula
    d2: Formula
    d3: Formula
    link: str = "residual"
    m1: Constant = None
    m2: Constant = None
    m3: Constant = None
    kappa: Constant = None
    mu: Constant = 0
    latex: str = ""

    @property
    def formulas(self) -> tuple[Formula, Formula, Formula, Formula]:
        """By order."""
        return self.value, self.d1, self.d2, self.d3

    def at(self, order: int, m: Any, t: Number) -> Number:
        """g or a derivative of it there."""

        def ask(loss: Loss) -> Any:
            return opened(loss.formulas[order](Sealing(m), Sealed(t)))

        return heard(f"the loss {self.name}", self, ask, self.formulas[order])

    @property
    def family(self) -> LossFamily:
        """Its row of the table."""
        profile = Own(self, self.name, self.latex or rf"\text{{{self.name}}}", _rational(self))
        return LossFamily(self.name, profile, Link[self.link.upper()])


class Own(Profile):
    """The profile of a loss of one's own. That it were convex or never negative is not relied on."""

    own = True
    convex = nonnegative = False

    def __init__(self, loss: Loss | None, name: str, latex: str = "", rational: bool = False) -> None:
        self._loss, self.title, self.latex, self.rational = loss, name, latex, rational

    def __reduce__(self) -> tuple[type, tuple[None, str, str, bool]]:
        """To another process goes the name: there the file that states the loss stands, too."""
        return Own, (None, self.title, self.latex, self.rational)

    @property
    def loss(self) -> Loss:
        """The loss; in another process that of this name, which stands there by then."""
        if self._loss is None:
            standing: Any = TABLE[self.title].profile
            self._loss = standing.loss
        return self._loss

    def _at(self, order: int, m: Any, t: Number) -> Number:
        # A number of the system, whatever constant the formula may be.
        return self.loss.at(order, m, t) + 0 * t

    def turning(self, order: int, p: arb | None) -> None:
        """Nobody says where: ranges are those of the formulas over the interval."""

    def constants(self, p: arb | None) -> Constants:
        own = self.loss
        m1, m2, m3, kappa, mu = (_ball(constant) for constant in (own.m1, own.m2, own.m3, own.kappa, own.mu))
        return Constants(m1, m2, m3, kappa, arb("-inf") if mu is None else mu)


def _ball(constant: Constant) -> arb | None:
    if constant is None:
        return None
    found = opened(constant(Sealing(Balls))) if callable(constant) else arb(rational(constant))
    return found if isinstance(found, arb) else arb(rational(found))


def _rational(loss: Loss) -> bool:
    """Whether the formulas map rationals to rationals."""
    try:
        found = [loss.at(order, Rationals, fmpq(2, 3)) for order in range(4)]
    except (IrrationalError, AttributeError):
        return False
    return all(isinstance(v, fmpq | int) for v in found)


ORDINALS = ("", "derivative", "second derivative", "third derivative")
POINTS = tuple(fmpq(k, 16) for k in (-73, -38, -19, -5, 3, 11, 21, 46, 91))
GRID, REACH = 1024, 32
"""Intervals on which constants are compared with enclosures, and how far they go."""


def faults(loss: Loss) -> str | None:
    """What is wrong with the loss, in words; None if nothing is known to be.

    Its derivatives are compared with those of its value in sympy, to 25 digits, and by power series in balls; what the
    number systems say with each other; its constants with enclosures on intervals: only what is certified counts.
    """
    import sympy

    from .oracles.sympy_functions import Sympy

    if loss.link.upper() not in ("RESIDUAL", "MARGIN", "CANONICAL"):
        return f"link={loss.link!r}, and not residual, margin or canonical"
    if loss.name in TABLE:
        return f"name={loss.name!r}, as another loss is called"
    t = sympy.Symbol("t", real=True)
    formula = sympy.sympify(loss.at(0, Sympy, t))
    for order in (1, 2, 3):
        derivative, claimed = sympy.diff(formula, t, order), sympy.sympify(loss.at(order, Sympy, t))
        for point in POINTS:
            at = sympy.Rational(int(point.p), int(point.q))
            exact, said = derivative.subs(t, at).evalf(40), claimed.subs(t, at).evalf(40)
            if not abs(exact - said) < sympy.Float("1e-25") * (1 + abs(exact)):
                return (
                    f"d{order}({at}) is {float(said):.10g}, but value's {ORDINALS[order]} there is {float(exact):.10g}"
                )
    return _contradicted(loss)


def _contradicted(loss: Loss) -> str | None:
    """What balls, series, floats and midpoint-radius numbers say of each other, and of the constants."""
    profile = Own(loss, loss.name)
    with ctx.workprec(128):
        for point in POINTS:
            with series_terms(4):
                series = profile.value(BallSeries, BallSeries.series([arb(point), 1]), None)
            for order, factorial in enumerate((1, 1, 2, 6)):
                ball = profile._at(order, Balls, arb(point))
                if not ball.overlaps(series[order] * factorial):
                    said = midpoint(series[order] * factorial)
                    return f"d{order}({point}) is {midpoint(ball):.10g} in balls, and {said:.10g} by series of value"
                near = profile._at(order, MidRads, MidRad(to_float(point)))
                value = profile._at(order, Floats, to_float(point))
                if abs(midpoint(ball) - value) > 1e-9 * (1 + abs(value)) or not near.low <= midpoint(ball) <= near.high:
                    return f"d{order}({point}) is {value:.10g} in float64, and {midpoint(ball):.10g} in balls"
        constants = profile.constants(None)
        bounds = (None, constants.m1, constants.m2, constants.m3)
        for k in range(-GRID, GRID):
            at = arb(fmpq(k * REACH, GRID)).union(arb(fmpq((k + 1) * REACH, GRID)))
            values = [profile._at(order, Balls, at) for order in range(4)]
            where = f"about t = {midpoint(at):g}"
            for order in (1, 2, 3):
                bound = bounds[order]
                if bound is not None and values[order].abs_lower() > bound:
                    return f"m{order}={midpoint(bound):.10g}, but |d{order}| is larger {where}"
            if values[2] < constants.mu:
                return f"mu={midpoint(constants.mu):.10g}, but d2 is smaller {where}"
            if constants.kappa is not None and values[3].abs_lower() > constants.kappa * values[2].abs_upper():
                return f"kappa={midpoint(constants.kappa):.10g}, but |d3|/d2 is larger {where}"
    return None
