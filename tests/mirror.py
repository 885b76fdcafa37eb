"""The engine that decides, beside an evaluation that shares nothing with it: what the two say of one instance.

An engine's ball must contain the independent value. Where it does not, the value is computed again with twice the
digits, and its own error, the difference of the two, is allowed for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq
from independent.core import Core
from independent.evaluate import precision, quantities, read
from independent.numbers import Fraction, UndefinedError
from metagap.impl import files
from metagap.impl.arithmetic import Balls, IrrationalError
from metagap.impl.balls.core import TooLargeError
from metagap.impl.families import family_of, judge
from metagap.impl.instances import Instance
from metagap.theory.claim import Claim, Relation, UndefinedQuantityError, Verdict
from mpmath import mp, mpf

BITS = 128
ALONG = ("direction", "inner_product", "residual_norm")
"""What depends on the direction of the identity."""


@dataclass
class Comparison:
    """What was compared: the quantities by name, and sentences on those that contradict each other."""

    compared: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Quantities of the engine that the definition (as the mirror reads it) leaves without a value."""
    unbounded: list[str] = field(default_factory=list)
    """Quantities of the engine that are not finite."""
    contradictions: list[str] = field(default_factory=list)


def exactly(ball: arb) -> tuple[Any, Any]:
    """Both ends of a finite ball."""
    parts = []
    for part in (ball.mid(), ball.rad()):
        mantissa, power = part.man_exp()
        parts.append(mpf(int(mantissa)) * mpf(2) ** int(power))
    return parts[0] - parts[1], parts[0] + parts[1]


def shown(value: Any) -> str:
    with mp.workdps(30):
        return mp.nstr(+value, 25)


def direction_of(family: str, engine: Any) -> dict[Any, Fraction] | None:
    """The engine's direction of the identity, by coordinate or (networks: a coefficient) by point."""
    if family not in ("meta-sl", "meta-rl", "network", "smooth-network"):
        return None  # the coordinates of policy networks are the engine's own
    with ctx.workprec(BITS), np.errstate(all="ignore"):
        try:
            values = [Fraction(int(v.p), int(v.q)) for v in engine.exact_direction]
        except (UndefinedQuantityError, IrrationalError):
            return None
        keys = _places(engine) if "network" in family else range(len(values))
    return dict(zip(keys, values, strict=True))


def _places(engine: Any) -> list[Any]:
    """The lifted points as the mirror names them: of several outputs (task, (x, component))."""
    c = engine.instance.loss.outputs
    return [(i, x if c == 1 else divmod(x, c)) for i, x, _ in engine._points]


def steepest_of(engine: Any) -> list[Any] | None:
    """The direction in which the engine takes the second derivative: the middle of its gradient, or a unit vector."""
    with ctx.workprec(BITS), np.errstate(all="ignore"):
        try:
            gradient = [arb(arb(g).mid()) for g in engine._gradient]
        except (UndefinedQuantityError, IrrationalError):
            return None
    if not all(g.is_finite() for g in gradient):
        return None
    if all(g.is_zero() for g in gradient):
        gradient[0] = arb(1)
    with mp.workdps(2 * BITS):
        return [exactly(g)[0] for g in gradient]


class Mirror:
    """The independent quantities of a document, and their errors."""

    def __init__(
        self, document: dict[str, Any], direction: dict[Any, Fraction] | None = None, steepest: list[Any] | None = None
    ) -> None:
        self.document, self.along, self.steepest = document, direction, steepest
        self.dps = precision(document)
        self.made: dict[int, Core] = {}
        self.size = mpf(1)

    def at(self, dps: int) -> Core:
        if dps not in self.made:
            core: Any = quantities(self.document, dps)
            core.steepest = self.steepest
            if self.along is not None:
                with mp.workdps(dps):
                    points = [(i, x) for i, x, _ in core.points] if core.coefficients else range(len(core.omega))
                core.exact_direction = [self.along[key] for key in points]
            self.made[dps] = core
        return self.made[dps]

    def range_of(self, name: str, dps: int) -> tuple[Any, Any] | bool | None:
        """Both sides of the value; a margin's truth."""
        with mp.workdps(dps):
            found = self.at(dps)(name)
        if name.startswith("margin_"):
            return found
        return found if isinstance(found, tuple) else (found, found)

    def disagrees(self, name: str, low: Any, high: Any) -> str:
        """A sentence if the value is certainly not in [low, high]."""
        with mp.workdps(self.dps):
            below, above = self.range_of(name, self.dps)  # type: ignore[misc]
            spare = mpf(10) ** -60 * (abs(below) + abs(above))
            if below - spare <= high and low <= above + spare:
                return ""
        with mp.workdps(2 * self.dps):
            lower, upper = self.range_of(name, 2 * self.dps)  # type: ignore[misc]
            room = mpf(10) ** (40 - self.dps) * max(self.size, abs(upper))
            spare = 2 * max(abs(lower - below), abs(upper - above)) + room
            if lower - spare <= high and low <= upper + spare:
                return ""
            return (
                f"{name}: [{shown(low)}, {shown(high)}] does not contain {shown(lower)} (.. {shown(upper)}, known to "
                f"{shown(spare)})"
            )


def names_of(claims: tuple[Claim, ...]) -> list[str]:
    """All quantities that the claims name."""
    found: dict[str, None] = {}
    for claim in claims:
        found |= dict.fromkeys((*claim.left.names, *claim.bound.names, *claim.extras))
        found |= dict.fromkeys(a.margin for a in claim.assumptions)
    return list(found)


def compare(instance: Instance, judged: bool = True) -> Comparison:
    """The engine's balls, and (`judged`) the judgement's enclosures and verdicts, against the independent values."""
    found, family = Comparison(), family_of(instance)
    document = read(files.dumps(instance))
    names = names_of(family.claims)
    with ctx.workprec(BITS):
        direction = direction_of(family.name, family.quantities(instance))
        along = None if direction is None else [fmpq(v.numerator, v.denominator) for v in direction.values()]
        engine = family.quantities(instance, Balls, along)
    mirror = Mirror(document, direction, steepest_of(engine) if "curvature_size" in names else None)
    for name in names:
        if name in ALONG and direction is None:
            continue
        with ctx.workprec(BITS), np.errstate(all="ignore"):
            try:
                ball = engine(name)
            except (UndefinedQuantityError, IrrationalError, TooLargeError):
                continue
        _compare_one(found, mirror, name, arb(ball))
    if direction is None:
        _compare_identity(found, mirror, engine)
    if judged:
        _compare_judgement(found, mirror, instance, family.claims)
    return found


def _compare_one(found: Comparison, mirror: Mirror, name: str, ball: arb) -> None:
    try:
        value = mirror.range_of(name, mirror.dps)
    except UndefinedError:
        found.missing.append(name)
        return
    if name.startswith("margin_full_") and ball > 0:
        _compare_room(found, mirror, name, ball)
    if name.startswith("margin_"):
        if value is None:
            found.missing.append(name)
            return
        found.compared.append(name)
        if (ball > 0 and not value) or (ball <= 0 and value):
            found.contradictions.append(f"{name}: {ball} where the assumption is {value}")
        return
    mirror.size = max(mirror.size, abs(value[1]))  # type: ignore[index]
    if not ball.is_finite():
        found.unbounded.append(name)
        return
    found.compared.append(name)
    with mp.workdps(2 * mirror.dps):
        ends = exactly(ball)
    if sentence := mirror.disagrees(name, *ends):
        found.contradictions.append(sentence)


def _compare_room(found: Comparison, mirror: Mirror, name: str, ball: arb) -> None:
    """A margin of rank is a lower bound of a squared singular value."""
    room = mirror.range_of("rank_room", mirror.dps)[1]  # type: ignore[index]
    found.compared.append(f"{name}: room")
    with mp.workdps(mirror.dps):
        low = exactly(arb(ball.lower()))[0]
        if low > room * (1 + mpf(10) ** -20) + mpf(10) ** (40 - mirror.dps) * mirror.size:
            found.contradictions.append(f"{name}: at least {shown(low)}, but it is {shown(room)}")


def _compare_identity(found: Comparison, mirror: Mirror, engine: Any) -> None:
    """Along the engine's own direction, whatever its coordinates: v'grad L + <w, u - Phi v> is <w, u>, of policies the
    gap."""
    whole = "pairing" if mirror.document["problem"] == "any-model" else "gap"
    try:
        mirror.range_of("eps", mirror.dps)
        with ctx.workprec(BITS), np.errstate(all="ignore"):
            ball = arb(engine("direction") + engine("inner_product"))
    except (UndefinedError, UndefinedQuantityError, IrrationalError):
        return
    if ball.is_finite():
        found.compared.append("direction + inner_product")
        with mp.workdps(2 * mirror.dps):
            ends = exactly(ball)
        if sentence := mirror.disagrees(whole, *ends):
            found.contradictions.append(f"direction + inner_product: {sentence}")


def _compare_judgement(found: Comparison, mirror: Mirror, instance: Instance, claims: tuple[Claim, ...]) -> None:
    """What is published: terms in float64, sides, verdicts."""
    for claim, verdict in zip(claims, judge(instance).claims, strict=True):
        for name, enclosure in _published(claim, verdict):
            if name in ALONG:
                continue
            try:
                mirror.range_of(name, mirror.dps)
            except UndefinedError:
                found.missing.append(f"{claim.name}: {name}")
                continue
            low, high = (mp.mpf(v) for v in (enclosure.lo, enclosure.hi))
            found.compared.append(f"{claim.name}: {name}")
            if mp.isnan(low) or mp.isnan(high) or low > high:
                found.contradictions.append(f"{claim.name}: {name}: no enclosure: [{low}, {high}]")
            elif sentence := mirror.disagrees(name, low, high):
                found.contradictions.append(f"{claim.name}: {sentence}")
        if not set(ALONG) & {*claim.left.names, *claim.bound.names}:
            _compare_verdict(found, mirror, claim, verdict.verdict)


def _published(claim: Claim, judged: Any) -> Iterator[tuple[str, Any]]:
    if judged.gap is not None and "gap" in claim.left.names:
        yield "gap", judged.gap
    yield from judged.terms.items()


def _compare_verdict(found: Comparison, mirror: Mirror, claim: Claim, verdict: Verdict) -> None:
    """A verdict on the independent values: VIOLATED only what is false, any other that decides only what is true."""
    if verdict in (Verdict.OUTSIDE, Verdict.UNDECIDED):
        return
    try:
        ranges = {n: mirror.range_of(n, mirror.dps) for n in (*claim.left.names, *claim.bound.names)}
    except UndefinedError:
        found.missing.append(f"{claim.name}: verdict")
        return
    with mp.workdps(mirror.dps):
        # Infima enter bounds with a plus sign only, so that their upper sides are on the safe side.
        left, bound = (side(lambda n: ranges[n][1]) for side in (claim.left, claim.bound))
        spare = mpf(10) ** -35 * max(mirror.size, *(abs(r[1]) for r in ranges.values()))
        found.compared.append(f"{claim.name}: verdict")
        if claim.relation is Relation.EQUAL:
            true, false = abs(left - bound) <= spare, abs(left - bound) > mpf(10) ** -90 * mirror.size
        else:
            true, false = left <= bound + spare, left > bound - spare
        if not (false if verdict is Verdict.VIOLATED else true):
            found.contradictions.append(
                f"{claim.name}: {verdict.name}, but the sides are {shown(left)} and {shown(bound)}"
            )
