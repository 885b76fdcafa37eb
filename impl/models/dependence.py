r"""When the features of a smooth network are certainly linearly dependent: exact reasons, in rationals.

The features phi_W(x) = m^{-1/2} (b_r sigma'(W_r'x) x)_r are images of formal rows under one linear map:

- one unit vector per input, the same for x and -x, and none for x = 0. If sigma is odd, phi(-x) = -phi(x). For
  softplus sigma'(t) + sigma'(-t) = 1, so phi(x) - phi(-x) = m^{-1/2} (b_r x)_r is linear in x, and the row of -x is
  that of x less x itself, in p coordinates of their own;
- few neurons: those with the same W_r and b_r have the same part of every feature, and each part is a combination of
  the inputs. If that leaves fewer dimensions, (kinds of neurons) times rank(X), than inputs, all are dependent.

Of several outputs the features of a neuron alone, without its signs, are images of the formal rows of inputs under a
map of its own, so phi_a(x) is one of b_a (x) the formal row: dependent if the rows b_a are, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flint import fmpq, fmpq_mat

from ..instances import Vector
from .weights import Weights


def place(x: Vector, *, odd: bool) -> tuple[tuple[str, ...], fmpq]:
    """A name of x, the same for x and -x if the network is odd, and the sign of its predictions; 0 at x = 0."""
    first = next((v for v in x if v != 0), fmpq(0))
    sign = fmpq(0) if first == 0 else fmpq(-1) if odd and first < 0 else fmpq(1)
    return tuple(str(v * sign) for v in x), sign


def dimensions(inputs: Sequence[Vector], weights: Weights, signs: Sequence[Any]) -> int:
    """(kinds of neurons) times rank(X): features at these inputs fill no more. signs [m], a neuron's b_ar."""
    return len({(weights.row(r), b) for r, b in enumerate(signs)}) * rank_of(inputs)


def formal_features(inputs: Sequence[Vector], *, odd: bool) -> list[list[fmpq]]:
    """Formal rows, one per input."""
    places = [place(x, odd=True) for x in inputs]
    names = sorted({name for name, sign in places if sign != 0})
    found = []
    for x, (name, sign) in zip(inputs, places, strict=True):
        unit = [fmpq(int(name == other and sign != 0)) * (sign if odd else 1) for other in names]
        found.append(unit + [v if sign < 0 and not odd else fmpq(0) for v in x])
    return found


def rank_of(rows: Sequence[Sequence[fmpq]]) -> int:
    """The exact rank."""
    return fmpq_mat([list(row) for row in rows]).rank()
