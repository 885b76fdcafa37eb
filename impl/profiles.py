"""The functions g that losses are made of: g and its first three derivatives over any function set of `arithmetic`.

A `Profile` also gives the points where a derivative turns (so that ranges over an interval are exact hulls), and the
constants that the theorems name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

from flint import arb

from .arithmetic import Balls, Number, quotient


@dataclass(frozen=True)
class Constants:
    """Suprema over the whole line, as balls; None is +infinity.

    m1 = sup |ell'|, m2 = sup |ell''|, m3 = sup |ell'''|, kappa = sup |ell'''| / ell'', mu = inf ell''.
    """

    m1: arb | None
    m2: arb | None
    m3: arb | None
    kappa: arb | None
    mu: arb


class Profile:
    """g and its derivatives, each a function or all by `_at`; `p` is the loss's parameter (or None). Subclasses are
    stateless."""

    title = ""
    latex = ""
    parameter: str | None = None
    """Name of the parameter in the instance file, if the loss has one."""
    convex = True
    joints = False
    """Whether g' or g'' jumps somewhere (at |t| = p, or at 0 without a parameter)."""
    kinked = False
    """Whether already g' jumps there."""
    nonnegative = True
    """Whether the loss is never negative."""
    own = False
    """Whether it is a user's, of which nothing but the formulas is known."""
    rational = False
    """Whether g maps rationals to rationals."""

    def _at(self, order: int, m: Any, t: Number) -> Number:
        raise NotImplementedError

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return self._at(0, m, t)

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        return self._at(1, m, t)

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        return self._at(2, m, t)

    def d3(self, m: Any, t: Number, p: Number) -> Number:
        return self._at(3, m, t)

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...] | None:
        """The points where the derivative of the given order [0..3] is not locally monotone; None: not known."""
        raise NotImplementedError

    def minimiser(self, slope: arb, p: arb | None) -> tuple[arb, ...]:
        """Where g' = slope; needed by the canonical link only."""
        raise NotImplementedError

    def constants(self, p: arb | None) -> Constants:
        raise NotImplementedError


class Squared(Profile):
    title, latex, rational = "squared", r"\tfrac12 (z-y)^2", True

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return t * t / 2

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        return t

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        return 0 * t + 1

    def d3(self, m: Any, t: Number, p: Number) -> Number:
        return 0 * t

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        return (arb(0),) if order == 0 else ()

    def constants(self, p: arb | None) -> Constants:
        return Constants(None, arb(1), arb(0), arb(0), arb(1))


class Quartic(Profile):
    title, latex, rational, parameter = "quartic", r"\tfrac12 (z-y)^2 + c\,(z-y)^4", True, "c"

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return t * t / 2 + p * (t * t) * (t * t)

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        return t + 4 * p * t * t * t

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        return 1 + 12 * p * (t * t)

    def d3(self, m: Any, t: Number, p: Number) -> Number:
        return 24 * p * t

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        return (arb(0),) if order in (0, 2) else ()

    def constants(self, p: arb | None) -> Constants:
        assert p is not None
        return Constants(None, None, None, (12 * p).sqrt(), arb(1))


class Logistic(Profile):
    title, latex = "logistic", r"\log(1 + e^{-yz})"

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return m.softplus(-t)

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        return -m.sigmoid(-t)

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        half = m.sech(t / 2)
        return half * half / 4

    def d3(self, m: Any, t: Number, p: Number) -> Number:
        half = m.sech(t / 2)
        return -half * half * m.tanh(t / 2) / 4

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        if order == 2:
            return (arb(0),)
        peak = 2 * (1 / arb(3).sqrt()).atanh()
        return (-peak, peak) if order == 3 else ()

    def constants(self, p: arb | None) -> Constants:
        return Constants(arb(1), arb(1) / 4, 1 / (6 * arb(3).sqrt()), arb(1), arb(0))


class LogCosh(Profile):
    title, latex = "log-cosh", r"\log\cosh(z-y)"

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return m.log_cosh(t)

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        return m.tanh(t)

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        s = m.sech(t)
        return s * s

    def d3(self, m: Any, t: Number, p: Number) -> Number:
        s = m.sech(t)
        return -2 * m.tanh(t) * s * s

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        if order in (0, 2):
            return (arb(0),)
        peak = (1 / arb(3).sqrt()).atanh()
        return (-peak, peak) if order == 3 else ()

    def constants(self, p: arb | None) -> Constants:
        return Constants(arb(1), arb(1), 4 / (3 * arb(3).sqrt()), arb(2), arb(0))


class PseudoHuber(Profile):
    title, parameter = "pseudo-Huber", "delta"
    latex = r"\delta^2 \left(\sqrt{1 + ((z-y)/\delta)^2} - 1\right)"

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return quotient(t * t, 1 + m.sqrt(1 + (t / p) * (t / p)))

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        return quotient(t, m.sqrt(1 + (t / p) * (t / p)))

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        q = m.sqrt(1 + (t / p) * (t / p))
        return quotient(1, q * q * q)

    def d3(self, m: Any, t: Number, p: Number) -> Number:
        q = m.sqrt(1 + (t / p) * (t / p))
        return quotient(-3 * t, p * p * q * q * q * q * q)

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        assert p is not None
        if order in (0, 2):
            return (arb(0),)
        return (-p / 2, p / 2) if order == 3 else ()

    def constants(self, p: arb | None) -> Constants:
        assert p is not None
        return Constants(p, arb(1), 48 / (25 * arb(5).sqrt() * p), 3 / (2 * p), arb(0))


class Huber(Profile):
    title, parameter, joints, rational = "Huber", "delta", True, True
    latex = r"\tfrac12 (z-y)^2 \text{ if } |z-y| \le \delta, \text{ else } \delta |z-y| - \tfrac12 \delta^2"

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return m.clip_integral(t, p)

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        return m.clip(t, p)

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        return m.inside(t, p)

    def d3(self, m: Any, t: Number, p: Number) -> Number:
        return 0 * t

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        assert p is not None
        return {0: (arb(0),), 2: (-p, p)}.get(order, ())

    def constants(self, p: arb | None) -> Constants:
        return Constants(p, arb(1), None, None, arb(0))


class Exponential(Profile):
    title, latex = "exponential", r"e^{-yz}"

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return m.exp(-t)

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        return -m.exp(-t)

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        return m.exp(-t)

    def d3(self, m: Any, t: Number, p: Number) -> Number:
        return -m.exp(-t)

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        return ()

    def constants(self, p: arb | None) -> Constants:
        return Constants(None, None, None, arb(1), arb(0))


class Poisson(Profile):
    title, latex, nonnegative = "Poisson", r"e^{z} - yz", False

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return m.exp(t)

    d1 = d2 = d3 = value

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        return ()

    def minimiser(self, slope: arb, p: arb | None) -> tuple[arb, ...]:
        return (slope.log(),) if slope > 0 else ()

    def constants(self, p: arb | None) -> Constants:
        return Constants(None, None, None, arb(1), arb(0))


class Absolute(Profile):
    title, latex, joints, kinked, rational = "absolute", r"|z-y|", True, True, True

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return m.magnitude(t)

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        return m.sign(t)

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        return 0 * t

    d3 = d2

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        return (arb(0),) if order <= 1 else ()

    def constants(self, p: arb | None) -> Constants:
        return Constants(arb(1), None, None, None, arb(0))


class DoubleWell(Profile):
    title, latex, convex, rational = "double well", r"((z-y)^2 - 1)^2", False, True

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return (t * t - 1) * (t * t - 1)

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        return 4 * t * (t * t - 1)

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        return 12 * t * t - 4

    def d3(self, m: Any, t: Number, p: Number) -> Number:
        return 24 * t

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        flex = 1 / arb(3).sqrt()
        return {0: (arb(-1), arb(0), arb(1)), 1: (-flex, flex), 2: (arb(0),)}.get(order, ())

    def constants(self, p: arb | None) -> Constants:
        return Constants(None, None, None, None, arb(-4))


class GemanMcClure(Profile):
    title, latex, convex, rational = "Geman-McClure", r"\frac{(z-y)^2}{1 + (z-y)^2}", False, True

    def value(self, m: Any, t: Number, p: Number) -> Number:
        return quotient(t * t, 1 + t * t)

    def d1(self, m: Any, t: Number, p: Number) -> Number:
        q = 1 + t * t
        return quotient(2 * t, q * q)

    def d2(self, m: Any, t: Number, p: Number) -> Number:
        q = 1 + t * t
        return quotient(2 - 6 * t * t, q * q * q)

    def d3(self, m: Any, t: Number, p: Number) -> Number:
        q = 1 + t * t
        return quotient(24 * t * (t * t - 1), q * q * q * q)

    def turning(self, order: int, p: arb | None) -> tuple[arb, ...]:
        flex = 1 / arb(3).sqrt()
        inner, outer = (1 - 2 / arb(5).sqrt()).sqrt(), (1 + 2 / arb(5).sqrt()).sqrt()
        return (
            (arb(0),),
            (-flex, flex),
            (arb(-1), arb(0), arb(1)),
            (-outer, -inner, inner, outer),
        )[order]

    def constants(self, p: arb | None) -> Constants:
        flex = 1 / arb(3).sqrt()
        steep = (1 - 2 / arb(5).sqrt()).sqrt()
        return Constants(self.d1(Balls, flex, None), arb(2), -self.d3(Balls, steep, None), None, arb(-1) / 2)


class Softmax(Profile):
    r"""The log-partition of a class: g(z) = log sum_a e^{z_a}; derivatives are lists [c] and [c][c].

    Its constants, in Euclidean norms; p = grad g(z) are the probabilities, E, Var under p, y a unit vector. A
    direction h with ||h|| = 1 has max h - min h <= sqrt 2 =: L.

        m1     ||p - y||^2 = sum_{a != y} p_a^2 + (1 - p_y)^2 <= 2 (1 - p_y)^2 <= 2.
        m2     h'Hess g h = Var h <= L^2/4 = 1/2 (Popoviciu).
        m3     D^3 g[h, h, h] = E(h - Eh)^3, the norm of a symmetric form is that on one direction (Banach). A variable
               X in [-s, b], s + b = L, with EX = 0 has EX^3 <= the concave envelope of x^3 at 0. For s <= b/2 that is
               the chord over [-s, b]: s b (b - s) = L^3 q(1 - q)(1 - 2q) with q = s/L, at most L^3/(6 sqrt 3). For
               s > b/2 it is the chord from the point of tangency -b/2: b^3/4 < (2L/3)^3/4 < L^3/(6 sqrt 3). So m3 =
               sqrt 2/(3 sqrt 3).
        kappa  |D^3 g[h, h, v]| = |E (h - Eh)^2 (v - Ev)| <= max |v - Ev| Var h <= sqrt 2 ||v|| h'Hess g h.
        mu     0: Hess g 1 = 0.

    m2 and m3 are attained for c = 2 (p = 1/2; p_0 = (1 - 1/sqrt 3)/2) and approached for more classes as the others'
    probabilities vanish; m1 as p_y -> 0, kappa with h = (0, 1), v = (-1, 1)/sqrt 2 as p_1 -> 0.
    """

    title, latex = "softmax", r"\log \sum_a e^{z_a} - z_y"

    def value(self, m: Any, t: list[Any], p: Number) -> Number:
        return reduce(lambda total, z: total + m.softplus(z - total), t[1:], t[0])

    def d1(self, m: Any, t: list[Any], p: Number) -> list[Any]:
        total = self.value(m, t, p)
        return [m.exp(z - total) for z in t]

    def d2(self, m: Any, t: list[Any], p: Number) -> list[list[Any]]:
        q = self.d1(m, t, p)
        others = others_of(q)
        return [[q[a] * others[a] if a == b else -q[a] * q[b] for b in range(len(q))] for a in range(len(q))]

    def constants(self, p: arb | None) -> Constants:
        root = arb(2).sqrt()
        return Constants(root, arb(1) / 2, root / (3 * arb(3).sqrt()), root, arb(0))


def others_of(p: list[Any]) -> list[Any]:
    """Of each entry the sum of all others."""
    return [sum(p[:a] + p[a + 1 :]) for a in range(len(p))]
