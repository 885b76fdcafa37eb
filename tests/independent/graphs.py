"""Straight-line programs of an instance file, in mpmath: each line a table of numbers, operators by what they mean.

A table is a shape and its entries, row after row; integers and booleans stay what they are. `decided` collects how far
comparisons are from their joints: 0 is a kink.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from mpmath import mp, mpf

from .numbers import UndefinedError


@dataclass(frozen=True)
class Table:
    """shape, entries [prod shape]."""

    shape: tuple[int, ...]
    entries: list[Any]

    def at(self, index: Sequence[int]) -> Any:
        """The entry there."""
        place = 0
        for k, n in zip(index, self.shape, strict=True):
            place = place * n + k % n
        return self.entries[place]


def table(record: dict[str, Any]) -> Table:
    """An array of a file."""
    kinds: dict[str, Callable[[Any], Any]] = {"real": mpf, "int": int, "bool": bool}
    return Table(tuple(record["shape"]), [kinds[record["kind"]](v) for v in record["values"]])


def places(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All indices, row after row."""
    return product(*map(range, shape))


def made(shape: Sequence[int], entry: Callable[[tuple[int, ...]], Any]) -> Table:
    """From an entry for each index."""
    return Table(tuple(shape), [entry(index) for index in places(shape)])


def lone(value: Any) -> Table:
    """A number as a table without axes."""
    return value if isinstance(value, Table) else Table((), [mpf(value) if isinstance(value, float) else value])


def spread(a: Table, shape: Sequence[int]) -> Table:
    """Repeated along axes of length 1, and along new first ones."""
    if a.shape == tuple(shape):
        return a
    own = (1,) * (len(shape) - len(a.shape)) + a.shape
    found = Table(own, a.entries)
    return made(shape, lambda index: found.at([0 if n == 1 else k for k, n in zip(index, own, strict=True)]))


def common(*given: Table) -> list[Table]:
    """Of one shape."""
    length = max(len(a.shape) for a in given)
    padded = [(1,) * (length - len(a.shape)) + a.shape for a in given]
    shape = [max(column) if 0 not in column else 0 for column in zip(*padded, strict=True)]
    return [spread(a, shape) for a in given]


def entrywise(f: Callable[..., Any], *given: Any) -> Table:
    """f of entries that lie at one place."""
    same = common(*map(lone, given))
    return Table(same[0].shape, [f(*row) for row in zip(*(a.entries for a in same), strict=True)])


def real(value: Any) -> Any:
    return mpf(value) if isinstance(value, bool | int | float) else value


def axes_of(a: Table, axes: Any) -> list[int]:
    given = [axes] if isinstance(axes, int) else list(axes or range(len(a.shape)))
    return [k % len(a.shape) for k in given] if a.shape else []


def folded(f: Callable[[list[Any]], Any], a: Table, axes: Any = None, keep: bool = False) -> Table:
    """f of the entries along axes (None, or none: all)."""
    gone = axes_of(a, axes)
    groups: dict[tuple[int, ...], list[Any]] = {}
    for index, entry in zip(places(a.shape), a.entries, strict=True):
        groups.setdefault(tuple(0 if k in gone else i for k, i in enumerate(index)), []).append(entry)
    shape = [1 if k in gone else n for k, n in enumerate(a.shape)]
    kept = shape if keep else [n for k, n in enumerate(shape) if k not in gone]
    return Table(tuple(kept), [f(groups[index]) for index in places(shape)])


def times(a: Table, b: Table) -> Table:
    """Matrix products (..., i, n)(..., n, j)."""
    *front, rows, n = a.shape
    columns = b.shape[-1]
    found: list[Any] = []
    for k in range(prod(front)):
        left, right = a.entries[k * rows * n : (k + 1) * rows * n], b.entries[k * n * columns : (k + 1) * n * columns]
        found += [mp.fdot(left[i * n : (i + 1) * n], right[j::columns]) for i in range(rows) for j in range(columns)]
    return Table((*front, rows, columns), found)


def turned(a: Table, order: Sequence[int]) -> Table:
    """Axes in another order."""
    axes = [k % len(a.shape) for k in order]
    where = [axes.index(k) for k in range(len(axes))]
    return made([a.shape[k] for k in axes], lambda index: a.at([index[k] for k in where]))


def shaped(a: Table, shape: Sequence[int]) -> Table:
    """The same entries; one length may be -1."""
    rest = -prod(shape)
    return Table(tuple(len(a.entries) // rest if n == -1 and rest else n for n in shape), a.entries)


def sliced(a: Table, axis: int = 0, start: int | None = 0, end: int | None = None, step: int = 1) -> Table:
    axis %= len(a.shape)
    kept = range(*slice(start, end, step).indices(a.shape[axis]))
    shape = [len(kept) if k == axis else n for k, n in enumerate(a.shape)]
    return made(shape, lambda index: a.at([kept[i] if k == axis else i for k, i in enumerate(index)]))


def selected(a: Table, axis: int, place: int) -> Table:
    axis %= len(a.shape)
    return made(a.shape[:axis] + a.shape[axis + 1 :], lambda index: a.at((*index[:axis], place, *index[axis:])))


def split(a: Table, sizes: Sequence[int], axis: int = 0) -> list[Table]:
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    return [sliced(a, axis, end - n, end) for n, end in zip(sizes, ends, strict=True)]


def joined(parts: Sequence[Table], axis: int = 0) -> Table:
    axis %= len(parts[0].shape)
    ends = [sum(p.shape[axis] for p in parts[:k]) for k in range(len(parts) + 1)]

    def entry(index: tuple[int, ...]) -> Any:
        k = next(k for k in range(len(parts)) if index[axis] < ends[k + 1])
        return parts[k].at([i - ends[k] if j == axis else i for j, i in enumerate(index)])

    return made([ends[-1] if j == axis else n for j, n in enumerate(parts[0].shape)], entry)


def squeezed(a: Table, axes: Any = None) -> Table:
    gone = axes_of(a, axes)
    return Table(tuple(n for k, n in enumerate(a.shape) if k not in gone or n != 1), a.entries)


def unsqueezed(a: Table, axis: int) -> Table:
    axis %= len(a.shape) + 1
    return Table((*a.shape[:axis], 1, *a.shape[axis:]), a.entries)


def diagonal(a: Table, offset: int = 0, first: int = 0, second: int = 1) -> Table:
    first, second = first % len(a.shape), second % len(a.shape)
    down, right = max(-offset, 0), max(offset, 0)
    length = max(min(a.shape[first] - down, a.shape[second] - right), 0)
    front = [n for k, n in enumerate(a.shape) if k not in (first, second)]

    def entry(index: tuple[int, ...]) -> Any:
        rest, i = iter(index[:-1]), index[-1]
        return a.at([i + down if k == first else i + right if k == second else next(rest) for k in range(len(a.shape))])

    return made([*front, length], entry)


def diagonal_scatter(a: Table, b: Table, offset: int = 0, first: int = 0, second: int = 1) -> Table:
    first, second = first % len(a.shape), second % len(a.shape)
    b = spread(b, diagonal(a, offset, first, second).shape)

    def entry(index: tuple[int, ...]) -> Any:
        if index[second] - index[first] != offset:
            return a.at(index)
        rest = [i for k, i in enumerate(index) if k not in (first, second)]
        return b.at([*rest, min(index[first], index[second])])

    return made(a.shape, entry)


def slice_scatter(
    a: Table, b: Table, axis: int = 0, start: int | None = 0, end: int | None = None, step: int = 1
) -> Table:
    axis %= len(a.shape)
    kept = range(*slice(start, end, step).indices(a.shape[axis]))
    b = spread(b, [len(kept) if k == axis else n for k, n in enumerate(a.shape)])
    return made(a.shape, lambda index: b.at([kept.index(i) if k == axis else i for k, i in enumerate(index)])
                if index[axis] in kept else a.at(index))  # fmt: skip


def gathered(a: Table, axis: int, indices: Table) -> Table:
    axis %= len(a.shape)
    return made(indices.shape, lambda index: a.at([indices.at(index) if k == axis else i for k, i in enumerate(index)]))


def scattered(a: Table, axis: int, indices: Table, value: Any, add: bool = False) -> Table:
    axis %= len(a.shape)
    found = dict(zip(places(a.shape), a.entries, strict=True))
    for index in places(indices.shape):
        to = tuple(indices.at(index) % a.shape[axis] if k == axis else i for k, i in enumerate(index))
        new = value.at(index) if isinstance(value, Table) else real(value)
        found[to] = found[to] + new if add else new
    return Table(a.shape, list(found.values()))


def power(x: Any, e: Any) -> Any:
    """x^e; a whole exponent of any x."""
    return x ** int(e) if e == int(e) else mp.power(x, e)


def softmax(a: Table, axis: int, log: bool) -> Table:
    top = folded(max, a, [axis], True)
    off = entrywise(lambda x, t: x - t, a, top)
    total = folded(lambda row: mp.log(mp.fsum(map(mp.exp, row))), off, [axis], True)
    found = entrywise(lambda x, t: x - t, off, total)
    return found if log else entrywise(mp.exp, found)


def gelu(a: Table, approximate: str = "none") -> Table:
    if approximate == "tanh":
        return entrywise(lambda x: x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3))), a)
    return entrywise(lambda x: x / 2 * (1 + mp.erf(x / mp.sqrt(2))), a)


def scaled(f: Callable[[Any, Any], Any]) -> Callable[..., Table]:
    """add and sub, with the second times alpha."""
    return lambda a, b, alpha=1: entrywise(lambda x, y: f(x, y * real(alpha) if alpha != 1 else y), a, b)


def filled(shape: Sequence[int], value: Any, **_: Any) -> Table:
    return Table(tuple(shape), [real(value)] * prod(shape))


def like(value: Any) -> Callable[..., Table]:
    return lambda a, **_: filled(a.shape, value)


def clamped(a: Table, low: Any = None, high: Any = None) -> Table:
    least = entrywise(max, a, real(low)) if low is not None else a
    return entrywise(min, least, real(high)) if high is not None else least


def divided(x: Any, y: Any) -> Any:
    return real(x) / y


OPERATORS: dict[str, Callable[..., Any]] = {
    **{f"add.{k}": scaled(lambda x, y: x + y) for k in ("Tensor", "Scalar")},
    **{f"sub.{k}": scaled(lambda x, y: x - y) for k in ("Tensor", "Scalar")},
    **{f"rsub.{k}": scaled(lambda x, y: y - x) for k in ("Tensor", "Scalar")},
    **{f"mul.{k}": lambda a, b: entrywise(lambda x, y: x * y, a, b) for k in ("Tensor", "Scalar")},
    **{f"div.{k}": lambda a, b: entrywise(divided, a, b) for k in ("Tensor", "Scalar")},
    "neg.default": lambda a: entrywise(lambda x: -x, a),
    "reciprocal.default": lambda a: entrywise(lambda x: 1 / real(x), a),
    "pow.Tensor_Scalar": lambda a, e: entrywise(lambda x: power(x, e), a),
    **{f"{name}.default": lambda a, name=name: entrywise(getattr(mp, name), a)
       for name in ("exp", "expm1", "log", "log1p", "tanh", "sqrt", "erf", "sin", "cos", "cosh", "sinh")},
    "sigmoid.default": lambda a: entrywise(lambda x: 1 / (1 + mp.exp(-x)), a),
    "rsqrt.default": lambda a: entrywise(lambda x: 1 / mp.sqrt(x), a),
    "abs.default": lambda a: entrywise(abs, a),
    "relu.default": lambda a: entrywise(lambda x: max(x, mpf(0)), a),
    "elu.default": lambda a, alpha=1.0, scale=1.0, inner=1.0: entrywise(
        lambda x: real(scale) * (x if x > 0 else real(alpha) * mp.expm1(real(inner) * x)), a),
    "leaky_relu.default": lambda a, slope=0.01: entrywise(lambda x: x if x > 0 else real(slope) * x, a),
    "gelu.default": gelu,
    "maximum.default": lambda a, b: entrywise(max, a, b),
    "minimum.default": lambda a, b: entrywise(min, a, b),
    "clamp.default": clamped,
    "sign.default": lambda a: entrywise(mp.sign, a),
    "mm.default": times,
    "bmm.default": times,
    "addmm.default": lambda c, a, b, beta=1, alpha=1: entrywise(
        lambda x, y: real(beta) * x + real(alpha) * y, c, times(a, b)),
    "dot.default": lambda a, b: Table((), [mp.fdot(a.entries, b.entries)]),
    "mv.default": lambda a, b: squeezed(times(a, unsqueezed(b, 1)), 1),
    "sum.default": lambda a: folded(mp.fsum, a),
    "sum.dim_IntList": lambda a, axes=None, keep=False: folded(mp.fsum, a, axes, keep),
    "mean.default": lambda a: folded(lambda row: mp.fsum(row) / len(row), a),
    "mean.dim": lambda a, axes=None, keep=False: folded(lambda row: mp.fsum(row) / len(row), a, axes, keep),
    "amax.default": lambda a, axes=None, keep=False: folded(max, a, axes, keep),
    "_softmax.default": lambda a, axis, _: softmax(a, axis, False),
    "_log_softmax.default": lambda a, axis, _: softmax(a, axis, True),
    "logsumexp.default": lambda a, axes, keep=False: folded(
        lambda row: mp.log(mp.fsum(map(mp.exp, row))), a, axes, keep),
    "where.self": lambda m, a, b: entrywise(lambda c, x, y: x if c else y, m, a, b),
    **{f"{name}.Tensor": lambda a, b, f=f: entrywise(f, a, b)
       for name, f in (("bitwise_and", lambda x, y: x and y), ("bitwise_or", lambda x, y: x or y))},
    **{f"{name}.default": lambda a: entrywise(lambda x: not x, a) for name in ("logical_not", "bitwise_not")},
    "logical_and.default": lambda a, b: entrywise(lambda x, y: x and y, a, b),
    "permute.default": turned,
    "transpose.int": lambda a, i, j: turned(a, [j % len(a.shape) if k == i % len(a.shape) else i % len(a.shape)
                                                if k == j % len(a.shape) else k for k in range(len(a.shape))]),
    "t.default": lambda a: turned(a, range(len(a.shape))[::-1]),
    **{f"{name}.default": shaped for name in ("view", "reshape", "_unsafe_view")},
    "expand.default": lambda a, shape: spread(
        a, [a.shape[k - len(shape)] if n == -1 else n for k, n in enumerate(shape)]),
    "unsqueeze.default": unsqueezed,
    "squeeze.default": squeezed, "squeeze.dim": squeezed, "squeeze.dims": squeezed,
    "split_with_sizes.default": split,
    "slice.Tensor": sliced, "select.int": selected, "slice_scatter.default": slice_scatter,
    "diagonal.default": diagonal, "diagonal_scatter.default": diagonal_scatter,
    "cat.default": joined,
    "gather.default": lambda a, axis, index, **_: gathered(a, axis, index),
    "scatter.value": scattered, "scatter.src": scattered,
    "scatter_add.default": lambda a, axis, index, b: scattered(a, axis, index, b, True),
    "full.default": filled,
    "empty_permuted.default": lambda shape, *_, **__: Table(tuple(shape), [None] * prod(shape)),
    "full_like.default": lambda a, value, **_: filled(a.shape, value),
    "zeros_like.default": like(0), "ones_like.default": like(1),
    "scalar_tensor.default": lambda value, **_: lone(real(value)),
    "arange.default": lambda end, **_: Table((end,), list(range(end))),
    "arange.start_step": lambda begin, end, step=1, **_: Table((len(range(begin, end, step)),),
                                                              list(range(begin, end, step))),
    "_to_copy.default": lambda a, dtype=None: entrywise(real, a) if dtype == "real" else a,
    **{f"{name}.default": lambda a, **_: a for name in ("clone", "alias", "detach", "lift_fresh_copy")},
}  # fmt: skip
"""What generated architectures are made of, and a little more."""
RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "lt": lambda x, y: x < y, "le": lambda x, y: x <= y, "gt": lambda x, y: x > y, "ge": lambda x, y: x >= y,
    "eq": lambda x, y: x == y, "ne": lambda x, y: x != y}  # fmt: skip


@dataclass
class Graph:
    """A graph of a file."""

    record: dict[str, Any]
    decided: list[Any] = field(default_factory=list)
    _gates: dict[int, Table] = field(default_factory=dict)
    """What a relu was taken of, by the identity of what it gave: where it is closed, it stays so."""

    def __call__(self, *inputs: Table) -> list[Table]:
        """Its outputs. Errors: UndefinedError, for an operator that is not known here."""
        values: list[Any] = []
        self._gates = {}
        for line in self.record["nodes"]:
            values.append(self._value(_parsed(line), values, inputs))
        return [values[k] for k in self.record["outputs"]]

    def _value(self, call: tuple[str, list[Any], dict[str, Any]], values: list[Any], inputs: Sequence[Table]) -> Any:
        name, args, named = call
        if name == "input":
            return inputs[args[0]]
        if name == "constant":
            return table(self.record["constants"][args[0]])
        args, named = _filled(args, values), {key: _filled(v, values) for key, v in named.items()}
        if name == "item":
            return args[0][args[1]]
        operator = name.removeprefix("aten.")
        relation = RELATIONS.get(operator.partition(".")[0])
        if relation is not None:
            off = entrywise(lambda x, y: x - y, self._gates.get(id(args[0]), args[0]), args[1])
            self.decided += [abs(v) for v in off.entries if isinstance(v, mpf) and mp.isfinite(v)]
            return entrywise(relation, *args)
        if operator not in OPERATORS:
            raise UndefinedError(f"{name} is not known to the mirror")
        found = OPERATORS[operator](*args, **named)
        if operator == "relu.default":
            self._gates[id(found)] = args[0]
        return found


@dataclass(frozen=True)
class _Value:
    index: int


def _filled(value: Any, values: list[Any]) -> Any:
    if isinstance(value, _Value):
        return values[value.index]
    return [_filled(one, values) for one in value] if isinstance(value, list) else value


_PARSED: dict[str, tuple[str, list[Any], dict[str, Any]]] = {}


def _parsed(line: str) -> tuple[str, list[Any], dict[str, Any]]:
    if line not in _PARSED:
        call: Any = ast.parse(line.partition("  # ")[0], mode="eval").body
        named = {keyword.arg: _argument(keyword.value) for keyword in call.keywords}
        _PARSED[line] = ast.unparse(call.func), [_argument(a) for a in call.args], named
    return _PARSED[line]


def _argument(value: Any) -> Any:
    if isinstance(value, ast.List):
        return [_argument(one) for one in value.elts]
    if isinstance(value, ast.Name):
        return float(value.id) if value.id in ("inf", "nan") else _Value(int(value.id[1:]))
    return ast.literal_eval(value)
