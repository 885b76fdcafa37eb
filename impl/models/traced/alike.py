"""Entries that are one function: where the data repeat, as the blank edges of pictures do, so do a layer's entries.

`numbers` gives each entry of a node's value a number; entries have the same one only if they are the same function of
all inputs that vary. By induction over the operators: an operator that does the same to each entry, or to each window,
gives the same where its arguments are the same; data are the same where they are equal, and the constant 0, with which
windows are padded, has the number 0; of an operator that is not named here every entry is a function of its own.

A largest of several is the largest of one each: between entries that are one function there is no kink, and whichever
is taken, its derivatives are those of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...arithmetic import Array
from .graph import Node, references
from .layers import full, windows
from .operators import OPERATORS
from .pools import pool_of, unfolded
from .systems import FUNCTIONS

MOVES = {f"aten.{name}" for name in (
    "view.default", "_unsafe_view.default", "reshape.default", "permute.default", "transpose.int", "t.default",
    "slice.Tensor", "select.int", "unsqueeze.default", "squeeze.default", "squeeze.dim", "squeeze.dims", "flip.default",
    "expand.default", "repeat.default", "clone.default", "alias.default", "detach.default")}  # fmt: skip
"""Move entries about."""
ENTRYWISE = {f"aten.{name}" for name in (
    *(f"{name}.default" for name in FUNCTIONS), "relu.default", "neg.default", "abs.default", "leaky_relu.default",
    "elu.default", "gelu.default", "clamp.default", "hardtanh.default", "pow.Tensor_Scalar",
    *(f"{name}.{kind}" for name in ("add", "sub", "mul", "div") for kind in ("Tensor", "Scalar")))}  # fmt: skip
"""Do the same to all entries."""
NORMS = ("aten.native_batch_norm.default", "aten._native_batch_norm_legit.no_stats",
         "aten._native_batch_norm_legit_functional.default",
         "aten._native_batch_norm_legit_no_training.default")  # fmt: skip
"""Do the same to all entries of a channel."""
POOLS = ("aten.max_pool2d_with_indices.default", "aten.max_pool3d_with_indices.default")


def numbers(run: Any, index: int) -> Array:
    """The numbers of a node's entries, in the shape of its value."""
    node: Node = run.graph.nodes[index]
    first, *others = references(node) or (None,)
    if node.op in ("input", "constant"):
        value = run.inputs[node.args[0]] if node.op == "input" else run.graph.constants[node.args[0]]
        fixed = node.op == "constant" or node.args[0] not in run.graph.varying
        if fixed and isinstance(value, np.ndarray) and value.dtype != object:
            return np.where(value == 0, 0, _distinct(value.reshape(1, -1), value.shape))
    elif node.op == "item" and node.args[1] == 0:
        return _of_several(run, node.args[0].index, index)
    elif node.op == "aten.convolution.default" and len(node.args) == 9 and not node.args[6]:
        return _convolved(run, node, run.shapes[index])
    elif first is not None and node.op in MOVES:
        return OPERATORS[node.op].run(run, numbers(run, first.index), *node.args[1:], **(node.named or {}))
    elif first is not None and node.op in ENTRYWISE:
        return _joined([numbers(run, ref.index) for ref in (first, *others)], run.shapes[index])
    return _own(run.shapes[index])


def _own(shape: Sequence[int]) -> Array:
    return np.arange(1, int(np.prod(shape)) + 1).reshape(shape)


def _distinct(columns: Array, shape: Sequence[int]) -> Array:
    """The number of each column (k, n) among the different ones, from 1, in that shape."""
    return np.unique(columns, axis=1, return_inverse=True)[1].reshape(shape) + 1


def _joined(parts: Sequence[Array], shape: Sequence[int]) -> Array:
    return _distinct(np.stack([np.broadcast_to(x, shape).ravel() for x in parts]), shape)


def _of_several(run: Any, index: int, item: int) -> Array:
    """The first value of an operator that has several."""
    node, shape = run.graph.nodes[index], run.shapes[item]
    if node.op in NORMS:
        channels = np.arange(shape[1]).reshape(-1, *[1] * (len(shape) - 2))
        return _joined([numbers(run, node.args[0].index), channels], shape)
    if node.op in POOLS and not node.named:
        inner = numbers(run, node.args[0].index)
        kernel, stride, padding, dilation, out = pool_of(inner, *node.args[1:])
        seen = unfolded(run, inner, kernel, out, stride, padding, dilation, -1)
        return _distinct(seen.reshape(len(seen), -1), shape)
    return _own(shape)


def _convolved(run: Any, node: Node, shape: Sequence[int]) -> Array:
    """Of one channel the same where windows are; channels have weights of their own. Beside the plane stand zeros."""
    inner, weight = numbers(run, node.args[0].index), run.shapes[node.args[1].index]
    kernel, groups = weight[2:], node.args[8]
    how = tuple(full(v, len(kernel)) for v in node.args[3:6])
    columns = windows(inner.shape[2:], kernel, shape[2:], groups, how)(inner)
    places = np.stack([_distinct(own, (shape[0], *shape[2:])) for own in columns], axis=1)
    places = np.repeat(places, shape[1] // groups, axis=1)
    channels = np.arange(shape[1]).reshape(-1, *[1] * len(kernel))
    return _joined([places, channels], shape)
