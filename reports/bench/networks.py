"""Rows of wide networks: rigorous judging beside one meta-gradient by autograd, n = 4, k = 5, d = 8."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from flint import fmpq

from ...impl.families import NETWORK, judge
from ...impl.losses import Loss
from ...impl.models.weights import Weights
from ...impl.supervised.adaptation import Gradient
from ...impl.supervised.instance import Atom, Functions, NetworkInstance, Task
from .rows import Row, installed, lifted

WIDTHS = (4096, 65536)
GRID = 2.0**20


def wide_instance(width: int, *, dyadic: bool = False, seed: int = 0) -> NetworkInstance:
    """A logistic problem with 4 tasks on 5 shared inputs of R^8, ||W - W0|| about 1.

    Numbers on the grid 2^-20 (`dyadic`), where sums over neurons are exact in float64, or any float64 numbers.
    """
    rng = np.random.default_rng((seed, width))
    d, k, n = 8, 5, 4
    initial = rng.standard_normal((width, d)) / d**0.5
    omega = initial + rng.standard_normal((width, d)) / (width * d) ** 0.5
    inputs = rng.standard_normal((k, d))
    if dyadic:
        initial, omega, inputs = (np.round(values * GRID) / GRID for values in (initial, omega, inputs))
    rows = tuple(tuple(fmpq(*float(v).as_integer_ratio()) for v in row) for row in inputs)
    tasks = tuple(
        Task(fmpq(1, n), tuple(Atom(x, fmpq(1 - 2 * ((x + i) % 2)), fmpq(1, k)) for x in range(k))) for i in range(n)
    )
    signs = tuple(int(b) for b in rng.choice([-1, 1], width))
    functions = Functions(((fmpq(0),) * k,) * n)
    start, point = Weights(initial), Weights(omega)
    return NetworkInstance(Loss("logistic"), Gradient(fmpq(1, 2)), rows, tasks, signs, start, point, functions, fmpq(1))


def fresh(instance: NetworkInstance) -> NetworkInstance:
    """The instance without what was computed of it before, its weights' included."""
    start, point = Weights(instance.initial.floats), Weights(instance.omega.floats)
    return replace(instance, initial=start, omega=point)


def rows() -> list[Row]:
    """The rows, width by width."""
    found = []
    for width in WIDTHS:
        group = f"networks of width {width}, n=4 k=5 d=8"
        for dyadic, kind in ((True, "weights on a grid"), (False, "any float64 weights")):
            instance = wide_instance(width, dyadic=dyadic)
            found.append(Row(group, f"lifted claim, balls, {kind}", 1, partial(_judged, instance)))
        if installed("torch"):
            from ...impl.oracles.network_autograd import meta_gradient

            instance = wide_instance(width)
            found.append(Row(group, "one meta-gradient by torch, unproved", 1, partial(meta_gradient, instance)))
    return found


def _judged(instance: NetworkInstance) -> object:
    return judge(fresh(instance), lifted(NETWORK))
