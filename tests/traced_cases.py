"""A case for every operator of the table: arguments as PyTorch takes them, reals as `Real`, and where they lie."""
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Real:
    """A tensor of reals of this shape.

    kind: any; positive; moderate (within 30 of 0); unit (within 1); beyond 1; regular, definite: square matrices, whose
    diagonal outweighs the rest (and which are symmetric).
    """

    shape: tuple[int, ...]
    kind: str = "any"


@dataclass(frozen=True)
class Case:
    """Arguments of an operator; integer and boolean arrays are exact. outputs: which are numbers, of several."""

    args: tuple[Any, ...]
    named: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[int, ...] | None = None
    torch_named: Mapping[str, Any] = field(default_factory=dict)


A, B, V = Real((4, 3)), Real((4, 3)), Real((12,))
M, POSITIVE, PLANE = Real((4, 3), "moderate"), Real((12,), "positive"), Real((2, 2, 5, 6), "moderate")
MASK = np.arange(12).reshape(4, 3) % 2 == 0
INDEX = np.array([[2, 0], [1, 1], [0, 2], [2, 2]])
SCALE, SHIFT = Real((2,), "moderate"), Real((2,), "moderate")


def conv(x: Any, w: Any, b: Any, *rest: Any) -> Case:
    return Case((x, w, b, *rest))


IMAGE, KERNEL, BIAS = Real((2, 4, 5, 5), "moderate"), Real((6, 2, 3, 2), "moderate"), Real((6,), "moderate")
HOW = ([2, 1], [1, 0], [1, 2], False, [0, 0], 2)
POOL = ([2, 3], [2, 2], [1, 1])
WINNERS = np.array([[[0, 2, 4], [12, 14, 16]]] * 4).reshape(2, 2, 2, 3)

SQUARE = Real((2, 3, 3), "regular")

CASES: dict[str, list[Case]] = {
    **{f"{n}.Tensor": [Case((A, B)), Case((A, Real((3,))))] for n in ("add", "sub", "mul", "div", "rsub")},
    **{f"{n}.Scalar": [Case((V, 0.7)), Case((V, -3))] for n in ("add", "sub", "mul", "div", "rsub")},
    "neg.default": [Case((V,))],
    "reciprocal.default": [Case((V,))],
    "pow.Tensor_Scalar": [Case((V, e)) for e in (0, 1.0, 2, 3, -1, -2)] + [Case((POSITIVE, e)) for e in (0.5, -0.5, 1.5)],
    **{f"{n}.default": [Case((Real((12,), "moderate"),))] for n in ("exp", "expm1", "sinh", "cosh")},
    **{f"{n}.default": [Case((V,))] for n in ("tanh", "sigmoid", "erf", "sin", "cos", "abs", "relu")},
    **{f"{n}.default": [Case((POSITIVE,))] for n in ("log", "log1p", "sqrt", "rsqrt")},
    "sign.default": [Case((V,))],
    "sum.default": [Case((A,))],
    "sum.dim_IntList": [Case((A, [0])), Case((A, [1], True)), Case((A, []))],
    "mean.default": [Case((A,))],
    "mean.dim": [Case((A, [1], True))],
    "var.correction": [Case((M, [0]), {"correction": 1.0, "keepdim": True})],
    "mm.default": [Case((Real((4, 5)), Real((5, 3))))],
    "bmm.default": [Case((Real((2, 3, 4)), Real((2, 4, 2))))],
    "addmm.default": [Case((Real((3,)), Real((4, 5)), Real((5, 3))), {"beta": 0.5, "alpha": 2.0})],
    "baddbmm.default": [Case((Real((2, 3, 2)), Real((2, 3, 4)), Real((2, 4, 2))))],
    "dot.default": [Case((V, Real((12,))))],
    "mv.default": [Case((A, Real((3,))))],
    **{f"{n}.Scalar": [Case((V, 0)), Case((V, 0.25))] for n in ("lt", "le", "gt", "ge", "eq", "ne")},
    **{f"{n}.Tensor": [Case((A, B))] for n in ("lt", "le", "gt", "ge", "eq", "ne")},
    "where.self": [Case((MASK, A, B))],
    **{f"{n}": [Case((MASK, ~MASK))] for n in ("bitwise_or.Tensor", "bitwise_and.Tensor", "logical_or.default",
                                              "logical_and.default")},
    **{f"{n}.default": [Case((MASK,))] for n in ("bitwise_not", "logical_not")},
    "maximum.default": [Case((A, B))],
    "minimum.default": [Case((A, B))],
    "clamp.default": [Case((V, -0.5, 0.75)), Case((V, None, 1.0)), Case((V, -1.0))],
    "hardtanh.default": [Case((V,)), Case((V, -2.0, 0.5))],
    "leaky_relu.default": [Case((V, 0.1))],
    "elu.default": [Case((V,)), Case((V, 1.5, 1.1, 0.5))],
    "gelu.default": [Case((V,)), Case((Real((12,), "moderate"),), {"approximate": "tanh"})],
    "_softmax.default": [Case((M, -1, False)), Case((M, 0, False))],
    "_log_softmax.default": [Case((M, 1, False))],
    "logsumexp.default": [Case((M, [1])), Case((M, [0, 1], True))],
    "amax.default": [Case((A, [0])), Case((A, [1], True))],
    "max.dim": [Case((A, 1), outputs=(0,)), Case((A, 0, True), outputs=(0,))],
    "amin.default": [Case((A, [0])), Case((A, [1], True))],
    "max.default": [Case((A,))],
    "min.default": [Case((A,))],
    "min.dim": [Case((A, 1), outputs=(0,)), Case((A, 0, True), outputs=(0,))],
    **{f"{n}.dim": [Case((MASK, 0)), Case((MASK, 1, True))] for n in ("any", "all")},
    **{f"{n}.dims": [Case((MASK, [0, 1]))] for n in ("any", "all")},
    **{f"{n}.default": [Case((MASK,))] for n in ("any", "all")},
    **{f"{n}.default": [Case((M, 0)), Case((M, -1))] for n in ("cumsum", "cumprod")},
    "prod.default": [Case((Real((4,), "moderate"),))],
    "prod.dim_int": [Case((M, 1, True)), Case((M, 0))],
    "linalg_vector_norm.default": [Case((A,)), Case((A, 1.0, [0], True)), Case((A, float("inf"), [1])), Case((Real((4, 3), "positive"), 3.0, [1]))],
    "var_mean.correction": [Case((M, [0]), {"correction": 1.0, "keepdim": True}, outputs=(0, 1))],
    # further elementary functions, steps, decisions
    **{f"{n}.default": [Case((V,))] for n in ("erfc", "atan", "asinh", "floor", "ceil", "trunc", "round")},
    **{f"{n}.default": [Case((Real((12,), "moderate"),))] for n in ("tan", "exp2")},
    **{f"{n}.default": [Case((Real((12,), "unit"),))] for n in ("asin", "acos", "atanh", "erfinv")},
    **{f"{n}.default": [Case((POSITIVE,))] for n in ("log2", "log10", "lgamma", "digamma")},
    "acosh.default": [Case((Real((12,), "beyond 1"),))],
    "pow.Tensor_Tensor": [Case((POSITIVE, Real((12,), "moderate")))],
    "pow.Scalar": [Case((2.0, Real((12,), "moderate")))],
    **{f"{n}.Scalar": [Case((Real((12,), "moderate"), 0.7)), Case((np.arange(-3, 4), 3))] for n in ("remainder", "fmod")},
    **{f"{n}.Tensor": [Case((M, Real((3,), "positive")))] for n in ("remainder", "fmod")},
    "isnan.default": [Case((V,))],
    "clamp.Tensor": [Case((A, Real((3,)), None)), Case((A, None, Real((3,))))],
    "clamp_min.Tensor": [Case((A, B))],
    "clamp_max.Tensor": [Case((A, B))],
    **{f"{n}_backward.default": [Case((A, B, 0.5))] for n in ("softshrink", "hardshrink")},
    # equations
    "_linalg_solve_ex.default": [Case((SQUARE, Real((2, 3, 2), "moderate")), outputs=(0,)), Case((Real((3, 3), "regular"), Real((3,))), outputs=(0,)),
                                 Case((SQUARE, Real((2, 2, 3), "moderate")), {"left": False}, outputs=(0,))],
    "linalg_inv_ex.default": [Case((SQUARE,), outputs=(0,))],
    "linalg_solve_triangular.default": [Case((SQUARE, Real((2, 3, 2), "moderate")), {"upper": False}),
                                        Case((SQUARE, Real((2, 2, 3), "moderate")), {"upper": True, "left": False, "unitriangular": True})],
    "linalg_cholesky_ex.default": [Case((Real((2, 3, 3), "definite"),), outputs=(0,)), Case((Real((2, 3, 3), "definite"),), {"upper": True}, outputs=(0,))],
    "cholesky_solve.default": [Case((Real((3, 2), "moderate"), Real((3, 3), "regular"))), Case((Real((3, 2), "moderate"), Real((3, 3), "regular"), True))],
    # views
    **{f"{n}.default": [Case((A, [2, -1]))] for n in ("view", "_unsafe_view")},
    "reshape.default": [Case((A, [2, 6]))],
    "permute.default": [Case((A, [1, 0]))],
    "transpose.int": [Case((A, 0, 1))],
    "t.default": [Case((A,))],
    "slice.Tensor": [Case((A, 0, 1, 9223372036854775807, 2)), Case((A, 1, 0, 2))],
    "select.int": [Case((A, 1, -1))],
    "unsqueeze.default": [Case((A, -1))],
    "squeeze.default": [Case((Real((4, 1)),))],
    "squeeze.dims": [Case((Real((1, 4, 1)), [0, 1]))],
    "squeeze.dim": [Case((Real((4, 1)), 1))],
    "flip.default": [Case((A, [0]))],
    "repeat.default": [Case((A, [2, 1, 2]))],
    "diagonal.default": [Case((A,)), Case((Real((2, 3, 3)), 1, 1, 2))],
    **{f"{n}.default": [Case((A,))] for n in ("clone", "alias", "detach", "lift_fresh_copy", "lift_fresh")},
    "index_select.default": [Case((A, 0, np.array([3, 1, 1])))],
    "expand.default": [Case((Real((4, 1)), [2, -1, 3]))],
    "cat.default": [Case(([A, Real((2, 3))], 0))],
    "stack.default": [Case(([A, B], 1))],
    "split_with_sizes.default": [Case((A, [1, 3]), outputs=(0, 1))],
    "split.Tensor": [Case((A, 3), outputs=(0, 1))],
    "unbind.int": [Case((A, 1), outputs=(0, 1, 2))],
    "slice_scatter.default": [Case((A, Real((2, 3)), 0, 1, 3))],
    "select_scatter.default": [Case((A, Real((3,)), 0, -1)), Case((A, Real((4,)), 1, 0))],
    "diagonal_scatter.default": [Case((A, Real((3,)))), Case((Real((2, 3, 3)), Real((2, 2)), 1, 1, 2))],
    "copy.default": [Case((A, Real((3,))))],
    "full.default": [Case(([2, 3], 0.1))],
    "full_like.default": [Case((A, 2.5))],
    "zeros_like.default": [Case((A,))],
    "ones_like.default": [Case((A,))],
    "scalar_tensor.default": [Case((0.3,))],
    "arange.default": [Case((5,))],
    "arange.start": [Case((2, 7))],
    "arange.start_step": [Case((2, 9, 3))],
    "_to_copy.default": [Case((MASK,), {"dtype": "real"}), Case((A,))],
    "gather.default": [Case((A, 1, INDEX)), Case((A, 1, INDEX[:1])), Case((A, 0, INDEX[:, :1]))],
    "scatter.value": [Case((A, 1, INDEX[:, :1], 0.5)), Case((A, 1, INDEX[:1], 0.5))],
    "scatter.src": [Case((A, 1, INDEX[:, :1], B)), Case((A, 1, INDEX[:1], B))],
    "scatter_add.default": [Case((A, 1, INDEX, Real((4, 2)))), Case((A, 1, INDEX[1:2], B)), Case((A, 0, INDEX[:, :1], B))],
    "index.Tensor": [Case((A, [np.array([3, 0, 0])])), Case((A, [None, np.array([1, 2])]))],
    "index_put.default": [Case((A, [np.array([0, 2])], Real((2, 3)))),
                          Case((A, [np.array([0, 2, 2, -1])], Real((4, 3)), True)),
                          Case((A, [None, np.array([1, 2, 1])], Real((4, 3)), True)),
                          Case((A, [np.array([0, 2, 0]), np.array([1, 2, 1])], Real((3,)), True)),
                          Case((A, [MASK], Real(()), True))],
    "put.default": [Case((A, np.array([5, 0, 5, -1]), Real((4,)), True)), Case((A, np.array([5, 0]), Real((2,))))],
    "unfold.default": [Case((A, 0, 2, 1)), Case((A, 1, 2, 1))],
    "_efficientzerotensor.default": [Case(([2, 3],))],
    "_unsafe_index_put.default": [Case((A, [np.array([0, 2, 2])], Real((3, 3)), True))],
    "embedding.default": [Case((A, np.array([[0, 3], [1, 1]])))],
    "embedding_dense_backward.default": [Case((Real((5, 3)), np.array([0, 3, 1, 1, 2]), 4, 2, False))],
    "constant_pad_nd.default": [Case((A, [1, 2, 0, 1], 0.5)), Case((A, [-1, 1]))],
    "tril.default": [Case((A,)), Case((A, -1))],
    "triu.default": [Case((A, 1))],
    # layers
    "convolution.default": [Case((IMAGE, KERNEL, BIAS, *HOW)),
                            Case((Real((2, 2, 6), "moderate"), Real((3, 2, 3), "moderate"), None, [1], [1], [1], False, [0], 1)),
                            Case((Real((2, 6, 3, 3), "moderate"), KERNEL, None, [2, 1], [1, 0], [1, 2], True, [1, 0], 2))],
    "convolution_backward.default": [Case((Real((2, 6, 3, 3), "moderate"), IMAGE, KERNEL, [6], *HOW, [True, True, True]),
                                          outputs=(0, 1, 2)),
                                     Case((Real((2, 4, 5, 5), "moderate"), Real((2, 6, 3, 3), "moderate"), KERNEL, [4], *HOW[:3], True,
                                           [0, 0], 2, [True, True, True]), outputs=(0, 1, 2))],
    "max_pool2d_with_indices.default": [Case((PLANE, *POOL), outputs=(0, 1)), Case((PLANE, [2], [2], [0], [1], True),
                                                                                  outputs=(0, 1))],
    "max_pool2d_with_indices_backward.default": [
        Case((Real((2, 2, 2, 3)), PLANE, [2, 2], [2, 2], [0, 0], [1, 1], False, WINNERS))],
    "max_pool3d_with_indices.default": [Case((Real((1, 2, 4, 4, 3), "moderate"), [2, 2, 1]), outputs=(0, 1))],
    "max_pool3d_with_indices_backward.default": [
        Case((Real((1, 1, 1, 2, 1)), Real((1, 1, 2, 4, 2)), [2, 2, 2], [2, 2, 2], [0, 0, 0], [1, 1, 1], False,
              np.array([3, 12]).reshape(1, 1, 1, 2, 1)))],
    "avg_pool3d.default": [Case((Real((1, 2, 4, 4, 3), "moderate"), [2, 3, 2], [2, 1, 1], [1, 0, 0]))],
    "avg_pool3d_backward.default": [Case((Real((1, 2, 2, 2, 1)), Real((1, 2, 4, 4, 2), "moderate"), [2, 2, 2], [2, 2, 2], [0, 0, 0], False,
                                          True, None))],
    "adaptive_max_pool2d.default": [Case((Real((2, 2, 4, 6)), [2, 3]), outputs=(0, 1))],
    "adaptive_max_pool2d_backward.default": [Case((Real((1, 1, 2, 1)), Real((1, 1, 4, 3)), np.array([4, 6]).reshape(1, 1, 2, 1)))],
    "_adaptive_avg_pool2d_backward.default": [Case((Real((2, 2, 2, 4)), Real((2, 2, 4, 6))))],
    "avg_pool2d.default": [Case((PLANE, [2], [2], [0], True)), Case((PLANE, [3], [2], [1], True)), Case((PLANE, [3], [2], [1], True, False)),
                           Case((PLANE, *POOL)), Case((PLANE, *POOL, False, False)), Case((PLANE, [2], [], [0], False, True, 3))],
    "avg_pool2d_backward.default": [Case((Real((2, 2, 3, 3)), PLANE, *POOL, False, True, None))],
    "_adaptive_avg_pool2d.default": [Case((Real((2, 2, 4, 6)), [2, 3])), Case((Real((2, 2, 5, 6)), [3, 4]))],
    "native_batch_norm.default": [
        Case((PLANE, SCALE, SHIFT, None, None, True, 0.1, 1e-5), outputs=(0, 1, 2)),
        Case((PLANE, SCALE, None, Real((2,), "moderate"), Real((2,), "positive"), False, 0.1, 1e-5), outputs=(0,))],
    "_native_batch_norm_legit_functional.default": [
        Case((PLANE, SCALE, SHIFT, Real((2,), "moderate"), Real((2,), "positive"), True, 0.1, 1e-5), outputs=(0, 1, 2))],
    "_native_batch_norm_legit.no_stats": [Case((PLANE, SCALE, SHIFT, True, 0.1, 1e-5), outputs=(0, 1, 2))],
    "_native_batch_norm_legit_no_training.default": [
        Case((PLANE, SCALE, SHIFT, Real((2,), "moderate"), Real((2,), "positive"), 0.1, 1e-5), outputs=(0,))],
    "native_group_norm.default": [Case((Real((2, 4, 5), "moderate"), Real((4,), "moderate"), Real((4,), "moderate"), 2, 4, 5,
                                        2, 1e-5), outputs=(0, 1, 2))],
    "native_layer_norm.default": [Case((M, [3], Real((3,), "moderate"), None, 1e-5), outputs=(0, 1, 2))],
}  # fmt: skip
"""Every operator, but those whose numbers must not be used (`UNUSED`)."""

UNUSED = {"empty.memory_format", "empty_permuted.default", "empty_like.default"}


def filled(args: Any, make: Callable[[Real], Any]) -> Any:
    """Arguments with every `Real` replaced."""
    if isinstance(args, Real):
        return make(args)
    return type(args)(filled(a, make) for a in args) if isinstance(args, tuple | list) else args


def ordinary(real: Real, rng: np.random.Generator) -> np.ndarray:
    """Numbers on which two evaluations can be compared."""
    found: np.ndarray = rng.normal(size=real.shape)
    if real.kind == "definite":
        found = found + np.swapaxes(found, -1, -2)
    if real.kind in ("regular", "definite"):
        found = found + 9 * np.eye(real.shape[-1])
    kinds = {"positive": lambda x: np.abs(x) + 0.1, "unit": np.tanh, "beyond 1": lambda x: np.abs(x) + 1.1}
    return kinds.get(real.kind, lambda x: x)(found)
