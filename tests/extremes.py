"""Instances at the ends of float64 and beyond, as documents: one of every family and of every kind of extreme."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import numpy as np
from independent.numbers import exact

SQUARED, LOG_COSH, LOGISTIC = ({"name": n} for n in ("squared", "log-cosh", "logistic"))


def gradient(eta: Any, steps: int = 1) -> dict[str, Any]:
    return {"name": "gradient", "eta": eta, "steps": steps}


def implicit(strength: Any) -> dict[str, Any]:
    return {"name": "implicit", "lambda": strength}


def supervised(loss: dict[str, Any], adaptation: dict[str, Any], features: list[Any], tasks: list[Any],
               omega: list[Any], comparator: Any, radius: Any = 1, model: Any = None) -> dict[str, Any]:  # fmt: skip
    """Tasks are (weight, [(x, y, p), ...])."""
    return {
        "format": "metagap/instance/1", "problem": "meta-sl", "loss": loss, "adaptation": adaptation,
        "model": model or {"name": "linear"}, "features": features,
        "tasks": [
            {"weight": q, "atoms": [{"x": x, "y": y, "p": p} for x, y, p in atoms]} for q, atoms in tasks
        ],
        "omega": omega, "comparator": comparator, "radius": radius,
    }  # fmt: skip


def relu(b: list[int], start: list[Any]) -> dict[str, Any]:
    return {"name": "relu-network", "b": b, "W0": start}


def smooth(activation: str, b: list[int], start: list[Any]) -> dict[str, Any]:
    return {"name": "smooth-network", "activation": activation, "b": b, "W0": start}


def decision(step: str, eta: Any, tau: Any, features: list[Any], tasks: list[Any], omega: list[Any], comparator: Any,
             radius: Any = 1, model: Any = None) -> dict[str, Any]:  # fmt: skip
    """Tasks are (weight, gamma, P, r, start)."""
    return {
        "format": "metagap/instance/1", "problem": "meta-rl", "model": model or {"name": "linear"},
        "features": features,
        "tasks": [
            {"weight": q, "gamma": g, "P": moves, "r": rewards, "start": start}
            for q, g, moves, rewards, start in tasks
        ],
        "tau": tau, "eta": eta, "adaptation": {"name": step}, "omega": omega, "comparator": comparator,
        "radius": radius,
    }  # fmt: skip


TWO = [("1/2", [(0, 1, "1/2"), (1, -1, "1/2")]), ("1/2", [(1, 1, 1)])]
FAR = [("1/2", [(0, "1e100", "1/2"), (1, "-3e99", "1/2")]), ("1/2", [(1, "1e-100", 1)])]
TINY = [(1e-300, [(0, 1, 5e-324), (1, -1, 1.0)]), (1.0, [(1, 1, 1)])]
BIG, SMALL = [["1e100", "2e100"], ["3e100", "-1e100"]], [["1e-100", "2e-100"], ["3e-100", "-1e-100"]]
UNEVEN = [["1e100", "1e-100"], ["1e-100", "1"]]
PLAIN = [[1, 2], [3, -1]]

STAY = [[[1, 0], ["1/4", "3/4"]], [[0, 1], ["1/2", "1/2"]]]
MOVE = [[["1/3", "2/3"], [0, 1]], [[1, 0], [0, 1]]]
AHEAD = [("1/4", "9/10", STAY, [[1, 0], [0, "1/2"]], [1, 0]), ("3/4", "1/2", MOVE, [[0, 2], [-1, 1]], ["1/2", "1/2"])]
RICH = [
    ("1/4", "9/10", STAY, [["1e100", 0], [0, "1e-100"]], [1, 0]),
    ("3/4", "1/2", MOVE, [[0, "2e-100"], ["-1e100", 1]], [5e-324, 1.0]),
]
LONG = [
    (1e-300, "999999999999/1000000000000", STAY, [[1, 0], [0, "1/2"]], [1, 0]),
    (1.0, 0, MOVE, [[0, 2], [-1, 1]], [1, 0]),
]
TABLE = [[[1, 0], [0, 1]], [["1/2", "1/2"], [1, 1]]]
STEEP_TABLE = [[["1e100", 0], [0, 1]], [["1/2", "1e-100"], [1, 1]]]
UNSURE = {"policies": [[["1/2", "1/2"], [1, 0]], [[1e-300, 1.0], ["1/3", "2/3"]]]}

EXTREMES: dict[str, dict[str, Any]] = {
    "large features": supervised(SQUARED, gradient("1e-200", 2), BIG, TWO, ["1e-100", "2e-100"], ["3e-100", 0]),
    "large features and labels": supervised(SQUARED, gradient(1), BIG, FAR, [1, 2], [3, "1e-5"], "1e100"),
    "small features": supervised(LOG_COSH, gradient(1, 3), SMALL, TWO, [1, "1e99"], [0, "2e99"], "1e100"),
    "uneven features": supervised(LOGISTIC, gradient("1/3"), UNEVEN, TWO, ["1e-100", 1], ["-1e-100", 2]),
    "far labels": supervised(LOG_COSH, gradient("1/2", 2), PLAIN, FAR, [1, 2], [0, "1e99"], "1e99"),
    "far labels, pseudo-huber": supervised(
        {"name": "pseudo-huber", "delta": "1e-100"}, gradient(-1, 2), PLAIN, FAR, ["1e50", 1], [0, 1]),
    "far labels, huber": supervised(
        {"name": "huber", "delta": "1e50"}, gradient("1/8", 3), PLAIN, FAR, ["1e50", 1],
        {"functions": [[1, 2], [3, 4]]}),
    "omega 1e200": supervised(SQUARED, gradient("1/4", 3), PLAIN, TWO, ["1e200", "-2e200"], ["1e200", 0], "1e200"),
    "omega 1e200, quartic": supervised(
        {"name": "quartic", "c": "1e-250"}, gradient("1/4", 2), PLAIN, TWO, ["1e100", "-2e90"], [0, 0], "1e100"),
    "omega 1e200, logistic": supervised(
        LOGISTIC, gradient("1/4"), PLAIN, TWO, ["1e200", "2e200"], [0, 1], "1e200"),
    "tiny weights": supervised(LOG_COSH, gradient(2, 2), PLAIN, TINY, ["1/4", "-1/3"], [1, 1]),
    "subnormal features": supervised(
        SQUARED, gradient(2, 1), [[5e-324, 1], [1, "2e-320"]], TWO, ["1/4", 1], [1, "1/3"]),
    "a step of 1e50": supervised(LOG_COSH, gradient("1e50"), PLAIN, TWO, ["1/8", "1/8"], [0, "1/7"]),
    "no step": supervised({"name": "poisson"}, gradient(0, 3), PLAIN, [("1", [(0, "1e100", "1/2"), (1, 0, "1/2")])],
                          [-100, 60], [1, "1/3"]),
    "exponential steps": supervised({"name": "exponential"}, gradient("-1/2", 2), [[1], ["1/2"]], TWO, [3], [-1]),
    "rational losses": supervised({"name": "geman-mcclure"}, gradient("1e20", 2), PLAIN, TWO, ["1e-20", 1], [0, 0]),
    "double well": supervised({"name": "double-well"}, gradient("1/64", 3), PLAIN, TWO, ["1e-30", 1], ["1e10", 0]),
    "absolute": supervised({"name": "absolute"}, gradient("1e-10"), PLAIN, TWO, ["1e-30", 1], ["1e10", 0]),
    "a loose proximal step": supervised(LOG_COSH, implicit("1e-60"), PLAIN, TWO, ["1/8", 1], [0, "1e50"]),
    "a tight proximal step": supervised(LOGISTIC, implicit("1e100"), BIG, TWO, ["1e-100", "1e-100"], ["2e-100", 0]),
    "a steep proximal step": supervised({"name": "quartic", "c": 3}, implicit("1/2"), PLAIN, TWO, [40, "1/3"], [0, 2]),
    "a proximal exponential": supervised({"name": "exponential"}, implicit(1), PLAIN, TWO, [-4, 2], [0, 1]),
    "a relu network of small inputs": supervised(
        SQUARED, gradient("1e200"), SMALL, TWO, [[1, -1], ["1/2", 3]], [[1, 0], [0, 1]],
        model=relu([1, -1], [[1, "-1/2"], [1, 3]])),
    "a relu network of large inputs": supervised(
        LOG_COSH, gradient("1e-100", 2), BIG, FAR, [[1, -1], ["1/2", 3]], {"functions": [[0, 1], [2, "1e100"]]},
        model=relu([1, -1], [[1, "1e-100"], [1, 3]])),
    "a relu network of tiny weights": supervised(
        LOGISTIC, gradient("1/2", 2), PLAIN, TWO, [["1e-100", "-1e-101"], ["1/2", "3e-100"]], [[1, 0], [0, 1]],
        model=relu([1, -1], [["1e-100", "-1/2"], [1, 3]])),
    "a softplus network far below 0": supervised(
        SQUARED, gradient("1/8", 2), PLAIN, TWO, [["-1e100", 1], [2, "1/2"]], [[0, 0], [1, 1]],
        model=smooth("softplus", [1, -1], [["-1e100", 1], [0, 1]])),
    "a softplus network of large inputs": supervised(
        LOG_COSH, gradient("1e-100"), BIG, TWO, [["1e-100", "1e-100"], [0, "3e-100"]], [[0, 0], ["1e-100", 0]],
        model=smooth("softplus", [1, 1], [["1e-100", 0], [0, "2e-100"]])),
    "a tanh network far out": supervised(
        LOGISTIC, gradient(2, 3), SMALL, TWO, [["1e100", 1], ["1e99", "1e99"]], [[0, 0], [1, "1e100"]], "1e100",
        model=smooth("tanh", [1, -1], [["1e100", 1], ["1e99", 0]])),
    "large rewards": decision("kl-step", "1e-100", 1, TABLE, RICH, ["1/2", 1], UNSURE),
    "large rewards, a large step": decision("kl-step", "1e-98", 1, TABLE, RICH, ["1/2", 1], ["2", 1]),
    "a patient task": decision("kl-step", 3, 1, TABLE, LONG, ["1/2", 1], ["2", 1]),
    "sure policies": decision("kl-step", -2, "1e-3", TABLE, AHEAD, ["1/2", "-1/3"], ["1/2", "1/4"]),
    "steep features": decision("kl-step", 1, "1e100", STEEP_TABLE, AHEAD, [3, "1e100"], [4, "1e99"], "1e100"),
    "a rational step": decision("rational-step", "1e-101", 1, TABLE, RICH, ["1/2", 1], UNSURE, "1e-100"),
    "a gradient step": decision("gradient", "1e20", "1e10", TABLE, AHEAD, ["1e9", 1], ["1e10", 0], "1e10"),
    "a small gradient step": decision("gradient", "-1e-50", 1, TABLE, AHEAD, ["1/9", 1], UNSURE),
    "a relu policy": decision(
        "kl-step", 2, "1e-50", [[["1e-50", 0], [0, "1e-50"]], [["1/2e-50", "1e-50"], ["1e-50", "3e-50"]]], AHEAD,
        [[1, 2], [-1, "1/2"]], [[1, 1], [1, -1]], model=relu([1, -1], [[1, "1e-50"], [-2, "1/2"]])),
    "a tanh policy": decision(
        "rational-step", "1/8", 1, TABLE, AHEAD, [["1e-100", 2], [-30, "1/2"]], [[1, 1], [1, -1]],
        model=smooth("tanh", [1, -1], [["1e-100", 1], [-2, "1/2"]])),
}  # fmt: skip
EXTREMES["a relu policy"]["features"][1][0][0] = "5e-51"

POWERS = {"exponential": (-2, 0, 1), "poisson": (-2, 0, 1), None: (-300, -100, -20, 0, 0, 20, 100, 160)}
"""Powers of ten by which numbers are stretched: exponentials of exponentials leave every arithmetic."""


def stretched(document: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The document with features, parameters, labels or rewards, step, radius and temperature times powers of ten."""
    powers = POWERS.get(document.get("loss", {}).get("name"), POWERS[None])

    def times(value: Any, factor: Fraction) -> Any:
        if isinstance(value, list):
            return [times(v, factor) for v in value]
        return str(exact(value) * factor)

    def factor() -> Fraction:
        return Fraction(10) ** int(rng.choice(powers))

    found = copy.deepcopy(document)
    found["features"] = times(found["features"], factor())
    scale = factor()
    found["omega"] = times(found["omega"], scale)
    if isinstance(found["comparator"], list):
        found["comparator"] = times(found["comparator"], rng.choice([scale, factor()]))
    found["radius"] = times(found["radius"], factor())
    if "W0" in found["model"]:
        found["model"]["W0"] = times(found["model"]["W0"], rng.choice([scale, factor()]))
    where = found if "eta" in found else found["adaptation"]
    step = "eta" if "eta" in where else "lambda"
    where[step] = times(where[step], factor())
    label = factor()
    for task in found["tasks"]:
        if "r" in task:
            task["r"] = times(task["r"], label)
        elif found["loss"]["name"] not in ("logistic", "exponential", "softmax"):
            for atom in (*task["atoms"], *task.get("support", ())):
                atom["y"] = times(atom["y"], label)
    if "tau" in found:
        found["tau"] = times(found["tau"], factor())
    return found
