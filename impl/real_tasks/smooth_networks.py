"""Real tasks for smooth networks: the networks' sinusoids and digits, MAML-trained with softplus and tanh."""

from __future__ import annotations

from collections.abc import Callable

from ..extras import require
from ..models.activation import ACTIVATIONS
from ..sources import RealTasks, by_name
from ..supervised.instance import NetworkInstance, SmoothInstance
from .data import DIGITS, FINN
from .networks import cases_of, digits_network, few_shot_network, sinusoid_network, trained_cases

WIDTHS = (16, 64, 256)


def sinusoid() -> tuple[tuple[str, NetworkInstance], ...]:
    """Regression of y = A sin(x - b), A in [0.1, 2], b in [0, pi]: 4 tasks, 8 inputs each in [-5, 5]."""
    return _of_every_width("squared", sinusoid_network, 1.0)


def digits() -> tuple[tuple[str, NetworkInstance], ...]:
    """Pairs of digits told apart by logistic loss: 4 tasks of 6 images each, 7 principal components and a constant."""
    require("sklearn")
    return _of_every_width("logistic", digits_network, 4.0)


def _of_every_width(
    loss: str, network: Callable[[int], NetworkInstance], rate: float
) -> tuple[tuple[str, NetworkInstance], ...]:
    require("torch")
    cases = []
    for name in ACTIVATIONS:
        for width in WIDTHS:
            cases += cases_of(f"{loss}, {name}, width {width}", SmoothInstance.of(network(width), name), rate)
    return tuple(cases)


def few_shot() -> tuple[tuple[str, NetworkInstance], ...]:
    """Three digits from one image of each, by softmax: 4 tasks that adapt on 3 images and are judged on 6 others."""
    require("torch")
    instance = SmoothInstance.of(few_shot_network(64), "tanh")
    return tuple(trained_cases("softmax, 3-way 1-shot, tanh, width 64", instance, 4.0))


REAL_TASKS = by_name(
    RealTasks("sinusoid-smooth-network", "Sinusoid regression with smooth networks", FINN, sinusoid),
    RealTasks("digits-smooth-network", "Handwritten digits with smooth networks", DIGITS, digits),
    RealTasks("few-shot-smooth-network", "Few-shot digits with smooth networks", DIGITS, few_shot),
)
