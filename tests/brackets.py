"""Certified brackets of optima beside values of L that share nothing with what certified them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from independent.evaluate import quantities, read
from independent.numbers import Vector
from metagap.impl import files
from metagap.impl.headlines import STUDIES
from metagap.impl.instances import Instance
from metagap.impl.study import Bracket, Finding, Study
from mirror import Mirror, shown
from mpmath import mp, mpf
from scipy.optimize import minimize

DIGITS = 50
ROUGH = 20
"""Digits of the search that proposes points."""


class Landscape:
    """L of an instance by its definition. sign: -1 where L is maximised."""

    def __init__(self, instance: Instance) -> None:
        self.document = read(files.dumps(instance))
        self.sign = -1 if self.document["problem"] == "meta-rl" else 1
        self.core: Any = quantities(self.document, DIGITS)
        self.size = len(self.core.omega)

    def value(self, theta: Any, dps: int = DIGITS) -> Any:
        """L at float64 numbers."""
        with mp.workdps(dps):
            return self.core.objective([mpf(float(t)) for t in theta])

    def inside(self, theta: Any, ball: float | None) -> np.ndarray:
        """The point pulled into the ball (meta-RL: the box)."""
        theta = np.asarray(theta, dtype=float)
        if ball is None:
            return theta
        if self.sign < 0:
            return np.clip(theta, -ball, ball)
        return theta * min(1.0, ball / max(float(np.linalg.norm(theta)), 1e-300)) * (1 - 2.0**-50)

    def points(self, at: Vector, ball: float | None, seed: int, count: int) -> Iterator[np.ndarray]:
        """The optimum's own point, random ones, and where a local search stops."""
        rng = np.random.default_rng(seed)
        yield np.asarray(at, dtype=float)
        starts = [np.asarray(at, dtype=float)]
        for _ in range(count):
            starts.append(self.inside(rng.standard_normal(self.size) * rng.choice([0.1, 1.0, 4.0]), ball))
        yield from starts
        for start in starts[: (count + 3) // 4]:
            found = minimize(
                lambda t: float(self.sign * self.value(self.inside(t, ball), ROUGH)),
                start, method="Nelder-Mead", options={"maxfev": 40 + 20 * self.size},
            )  # fmt: skip
            yield self.inside(found.x, ball)


def of_bracket(instance: Instance, bracket: Bracket, seed: int, count: int) -> tuple[int, list[str]]:
    """How many values were compared with the bracket, and sentences on those that contradict it."""
    scape, found, compared = Landscape(instance), [], 0
    outer, inner = (bracket.lower, bracket.upper) if scape.sign > 0 else (bracket.upper, bracket.lower)
    for k, theta in enumerate(scape.points(list(bracket.at), bracket.ball, seed, count)):
        value = scape.value(theta)
        compared += 1
        spare = mpf(10) ** -30 * (1 + abs(value))
        if scape.sign * (value - outer) < -spare:
            found.append(f"L({theta.tolist()}) = {shown(value)} is beyond the certified end {outer!r}")
        if k == 0 and np.isfinite(inner) and scape.sign * (value - inner) > spare:
            found.append(f"L(at) = {shown(value)} is not as good as the end {inner!r} that it proves")
    return compared, found


def of_finding(finding: Finding, bracket: Bracket) -> tuple[int, list[str]]:
    """The headline's terms at one point."""
    mirror = Mirror(read(files.dumps(finding.instance)))
    sentences, compared = [], 0
    with mp.workdps(mirror.dps):
        core: Any = mirror.at(mirror.dps)
        rivals = core.mean_return(core.rivals) if hasattr(core, "mean_return") else core.total(core.rivals)
        width = bracket.upper - rivals if hasattr(core, "mean_return") else rivals - mpf(bracket.lower)
        own = {"bracket": width, "certified_gap": core.gap + width}
    judged = finding.judged
    assert judged.left is not None
    for name, enclosure in [("certified_gap", judged.left), *judged.terms.items()]:
        compared += 1
        low, high = mpf(enclosure.lo), mpf(enclosure.hi)
        if name in own:
            with mp.workdps(mirror.dps):
                spare = mpf(10) ** -60 * (1 + abs(own[name]))
                if not low - spare <= own[name] <= high + spare:
                    sentences.append(f"{name}: [{low}, {high}] does not contain {shown(own[name])}")
        elif sentence := mirror.disagrees(name, low, high):
            sentences.append(sentence)
    return compared, sentences


def of_study(instance: Instance, seed: int, count: int = 8) -> tuple[Study, int, list[str]]:
    """A certified landscape: the bracket and the headline at every point that was judged."""
    study = STUDIES[instance.family](instance)
    compared, found = of_bracket(instance, study.bracket, seed, count)
    for finding in study.findings:
        more, sentences = of_finding(finding, study.bracket)
        compared += more
        found += sentences
    return study, compared, found
