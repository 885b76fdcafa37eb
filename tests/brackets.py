"""Certified brackets of optima beside values of L that share nothing with what certified them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq
from independent.evaluate import quantities, read
from metagap.impl import files
from metagap.impl.families import family_of
from metagap.impl.instances import Instance
from metagap.impl.optimum.networks.bracket import NetworkHeadline
from metagap.impl.study import Finding, Headline, Study
from metagap.impl.supervised.instance import NetworkInstance
from mirror import Mirror, shown
from mpmath import mp, mpf
from scipy.optimize import minimize

DIGITS = 50
ROUGH = 20
"""Digits of the search that proposes points."""


@dataclass(frozen=True)
class Ends:
    """What is said of an optimum: the end that is certified, the one that a point reaches, that point, and where:
    within `ball` of `centre` (meta-RL: in the box of that half-width), None: everywhere."""

    certified: float
    reached: float
    at: Sequence[float]
    ball: float | None
    centre: Sequence[float] | None = None


def ends_of(study: Study) -> Ends:
    """The ends of a studied landscape."""
    found = study.bracket
    ends = (found.upper, found.lower) if study.instance.family == "meta-rl" else (found.lower, found.upper)
    return Ends(*ends, study.at, study.ball)


def headline_of(instance: Instance) -> Headline:
    """How the optimum of the instance's family is bracketed."""
    found = family_of(instance).headline
    assert found is not None
    return found


def ends_in_ball(instance: NetworkInstance, radius: fmpq) -> Ends:
    """The ends of inf L over the networks within the radius of W0."""
    headline = headline_of(instance)
    assert isinstance(headline, NetworkHeadline)
    found = headline.bracketed(instance, radius)
    centre = instance.canonical.initial.floats.ravel().tolist()
    return Ends(found.lower, found.upper, found.at.floats.ravel().tolist(), float(radius.p) / float(radius.q), centre)


class Landscape:
    """L of an instance by its definition. sign: -1 where L is maximised."""

    def __init__(self, instance: Instance, ends: Ends) -> None:
        document = read(files.dumps(instance))
        self.sign = -1 if document["problem"] == "meta-rl" else 1
        self.core: Any = quantities(document, DIGITS)
        self.size, self.ends = len(self.core.omega), ends
        self.centre = np.zeros(self.size) if ends.centre is None else np.asarray(ends.centre)

    def value(self, theta: Any, dps: int = DIGITS) -> Any:
        """L at float64 numbers."""
        with mp.workdps(dps):
            return self.core.objective([mpf(float(t)) for t in theta])

    def inside(self, theta: Any) -> np.ndarray:
        """The point pulled into the ball (the box)."""
        ball, move = self.ends.ball, np.asarray(theta, dtype=float) - self.centre
        if ball is None:
            return self.centre + move
        if self.sign < 0:
            return np.clip(move, -ball, ball)
        return self.centre + move * min(1.0, ball / max(float(np.linalg.norm(move)), 1e-300)) * (1 - 2.0**-40)

    def points(self, seed: int, count: int) -> Iterator[np.ndarray]:
        """Random points, and where a local search stops that starts at the optimum's own and at some of these."""
        rng = np.random.default_rng(seed)
        starts = [np.asarray(self.ends.at, dtype=float)]
        for _ in range(count):
            starts.append(self.inside(self.centre + rng.standard_normal(self.size) * rng.choice([0.1, 1.0, 4.0])))
        yield from starts[1:]
        for start in starts[: (count + 3) // 4]:
            found = minimize(
                lambda t: float(self.sign * self.value(self.inside(t), ROUGH)),
                start, method="Nelder-Mead", options={"maxfev": 40 + 20 * self.size},
            )  # fmt: skip
            yield self.inside(found.x)


def of_ends(instance: Instance, ends: Ends, seed: int, count: int) -> tuple[int, list[str]]:
    """How many values were compared with the ends, and sentences on those that contradict them."""
    scape, found = Landscape(instance, ends), []
    reached = scape.value(ends.at)
    if np.isfinite(ends.reached) and scape.sign * (reached - ends.reached) > 0:
        found.append(f"L(at) = {shown(reached)} is not as good as the end {ends.reached!r} that it proves")
    points = [np.asarray(ends.at, dtype=float), *scape.points(seed, count)]
    for theta in points:
        value = scape.value(theta)
        if scape.sign * (value - ends.certified) < 0:
            found.append(f"L({theta.tolist()}) = {shown(value)} is beyond the certified end {ends.certified!r}")
    return 1 + len(points), found


def of_finding(finding: Finding, certified: float) -> tuple[int, list[str]]:
    """The headline's terms at one point."""
    mirror = Mirror(read(files.dumps(finding.instance)))
    sentences = []
    with mp.workdps(mirror.dps):
        core: Any = mirror.at(mirror.dps)
        if hasattr(core, "mean_return"):
            width = certified - core.mean_return(core.rivals)
        else:
            width = core.total(core.rivals) - mpf(certified)
        own = {"bracket": width, "certified_gap": core.gap + width}
    judged = finding.judged
    assert judged.left is not None
    terms = [("certified_gap", judged.left), *judged.terms.items()]
    for name, enclosure in terms:
        low, high = mpf(enclosure.lo), mpf(enclosure.hi)
        if name in own:
            with mp.workdps(mirror.dps):
                spare = mpf(10) ** -60 * (1 + abs(own[name]))
                if not low - spare <= own[name] <= high + spare:
                    sentences.append(f"{name}: [{low}, {high}] does not contain {shown(own[name])}")
        elif sentence := mirror.disagrees(name, low, high):
            sentences.append(sentence)
    return len(terms), sentences


def of_study(instance: Instance, seed: int, count: int = 8) -> tuple[Study, int, list[str]]:
    """A certified landscape: its ends, and the headline at every point that was judged."""
    study = headline_of(instance).study(instance)
    ends = ends_of(study)
    compared, found = of_ends(instance, ends, seed, count)
    for finding in study.findings:
        more, sentences = of_finding(finding, ends.certified)
        compared += more
        found += sentences
    return study, compared, found
