"""Traced programs of an instance file, with nothing but Python's standard library: `check_witness.py` evaluates them.

A program is a list of lines, `aten.add.Tensor(v0, v1)`: a row of PyTorch's core, of values that stand above it. Each is
here once more, by what it means, on tables of numbers. The numbers are whoever calls': anything with +, -, *, / and the
functions of `Numbers`. `Taped` makes any of them remember what they are made of: derivatives backwards, by the chain
rule along the program.

A program decides (a gate of a ReLU, the winner of a pool) only on numbers whose order is certain. A number that has a
derivative and is exactly on its joint has none: a kink is refused. What is not known here is refused by name.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any


class UnknownError(Exception):
    """An operator, or a form of one, that is not here; a kink; a program that is too large."""


# --- numbers, and what they were made of -------------------------------------------------------------------------


@dataclass(frozen=True)
class Numbers:
    """What tables are made of.

    of         the number of a float or integer
    sign       -1, 0 or 1. Errors: whatever, where it is not certain
    larger     max of two
    functions  elementary functions by PyTorch's names, and `square`, `softplus`, `bell` (the slope of erf)
    """

    of: Callable[[Any], Any]
    sign: Callable[[Any], int]
    larger: Callable[[Any, Any], Any]
    functions: Mapping[str, Callable[[Any], Any]]

    def apply(self, name: str, x: Any) -> Any:
        """The function of that name. Errors: UnknownError."""
        if name not in self.functions:
            raise UnknownError(f"the function {name}")
        x = self.real(x)
        if not isinstance(x, Taped):
            return self.functions[name](x)
        value = self.functions[name](x.value)
        return made(value, [(x, SLOPES[name](self.functions, x.value, value))])

    def real(self, x: Any) -> Any:
        """Plain numbers as numbers."""
        return self.of(x) if isinstance(x, bool | int | float) else x

    def order(self, a: Any, b: Any) -> int:
        """The sign of a - b. Errors: UnknownError at a kink."""
        for x, side in ((b, -1), (a, 1)):
            if isinstance(x, float) and math.isnan(x):
                raise UnknownError("an order of nan")
            if isinstance(x, float) and math.isinf(x):
                return 0 if a is b or valued(a) == valued(b) else side if x > 0 else -side
        if a is b or (not isinstance(a, Taped) and not isinstance(b, Taped) and a == b):
            return 0
        off = self.real(a) - self.real(b)
        found = self.sign(off.value if isinstance(off, Taped) else off)
        if not found and isinstance(off, Taped):
            raise UnknownError("a derivative at a kink")
        return found

    def largest(self, a: Any, b: Any) -> Any:
        """max(a, b)."""
        if isinstance(a, Taped) or isinstance(b, Taped):
            return a if self.order(a, b) >= 0 else self.real(b)
        return self.larger(self.real(a), self.real(b))


class Taped:
    """A number, and by which rate it changes with each number that it was made of (an integer rate is 1 or -1)."""

    __slots__ = ("number", "parents", "value")
    counted = itertools.count()

    def __init__(self, value: Any, parents: Sequence[tuple[Taped, Any]] = ()) -> None:
        self.value, self.parents, self.number = value, parents, next(Taped.counted)

    def __add__(self, other: Any) -> Taped:
        return made(self.value + valued(other), [(self, 1), (other, 1)])

    def __neg__(self) -> Taped:
        return made(-self.value, [(self, -1)])

    def __sub__(self, other: Any) -> Taped:
        return made(self.value - valued(other), [(self, 1), (other, -1)])

    def __rsub__(self, other: Any) -> Taped:
        return made(other - self.value, [(self, -1)])

    def __mul__(self, other: Any) -> Taped:
        return made(self.value * valued(other), [(self, valued(other)), (other, self.value)])

    def __truediv__(self, other: Any) -> Taped:
        ratio = self.value / valued(other)
        return made(ratio, [(self, 1 / valued(other)), (other, -ratio / valued(other))])

    def __rtruediv__(self, other: Any) -> Taped:
        return made(other / self.value, [(self, -(other / self.value) / self.value)])

    __radd__, __rmul__ = __add__, __mul__


def made(value: Any, parents: Iterable[tuple[Any, Any]]) -> Taped:
    return Taped(value, [(parent, rate) for parent, rate in parents if isinstance(parent, Taped)])


def valued(x: Any) -> Any:
    """The value of a taped number; any other number itself."""
    return x.value if isinstance(x, Taped) else x


def slopes(of: Any, inputs: Sequence[Taped], zero: Any) -> list[Any]:
    """d of / d inputs: rates times rates, summed over every way, from the last number to the first."""
    if not isinstance(of, Taped):
        return [zero] * len(inputs)
    below, waiting = {of.number: of}, [of]
    while waiting:
        for parent, _ in waiting.pop().parents:
            if parent.number not in below:
                below[parent.number] = parent
                waiting.append(parent)
    found: dict[int, Any] = {of.number: 1 + zero}
    for number in sorted(below, reverse=True):
        own = found[number]
        for parent, rate in below[number].parents:
            part = own * rate if type(rate) is not int else own if rate > 0 else -own
            found[parent.number] = found[parent.number] + part if parent.number in found else part
    return [found.get(x.number, zero) for x in inputs]


Functions = Mapping[str, Callable[[Any], Any]]
SLOPES: dict[str, Callable[[Functions, Any, Any], Any]] = {
    "square": lambda f, x, v: 2 * x,
    "exp": lambda f, x, v: v,
    "expm1": lambda f, x, v: v + 1,
    "log": lambda f, x, v: 1 / x,
    "log1p": lambda f, x, v: 1 / (1 + x),
    "sqrt": lambda f, x, v: 1 / (2 * v),
    "rsqrt": lambda f, x, v: -v / (2 * x),
    "tanh": lambda f, x, v: 1 - f["square"](v),
    "sigmoid": lambda f, x, v: v * (1 - v),
    "softplus": lambda f, x, v: f["sigmoid"](x),
    "erf": lambda f, x, v: f["bell"](x),
    "sinh": lambda f, x, v: f["cosh"](x),
    "cosh": lambda f, x, v: f["sinh"](x),
}
"""Derivatives, from the argument and the value."""
INNER = {"square", "softplus", "bell"}
"""Functions that no line names so."""


# --- tables -------------------------------------------------------------------------------------------------------

MOST, LARGEST = 2**20, 2**21
"""Entries of a table, and of all that are needed at one time."""


@dataclass(frozen=True)
class Table:
    """shape, entries row after row: numbers, or plain integers, booleans and floats."""

    shape: tuple[int, ...]
    entries: list[Any]

    @property
    def strides(self) -> list[int]:
        return [math.prod(self.shape[k + 1 :]) for k in range(len(self.shape))]


def sized(shape: Iterable[int]) -> tuple[int, ...]:
    """A shape. Errors: UnknownError, of one that is too large."""
    found = tuple(shape)
    if min(found, default=0) < 0 or math.prod(found) > MOST:
        raise UnknownError(f"a table of the shape {list(found)[:16]}")
    return found


def filled(shape: Iterable[int], value: Any) -> Table:
    shape = sized(shape)
    return Table(shape, [value] * math.prod(shape))


def numbered(shape: Iterable[int]) -> Table:
    """The numbers of its own entries: what moves entries, moves these, and says where they come from."""
    shape = sized(shape)
    return Table(shape, list(range(math.prod(shape))))


def places(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*map(range, shape))


def lone(value: Any) -> Table:
    """A number as a table without axes."""
    return value if isinstance(value, Table) else Table((), [value])


def strided(a: Table, axes: Sequence[tuple[int, int]], start: int = 0) -> Table:
    """Entries start + sum of k_j times stride_j, for axes (length, stride)."""
    sized(n for n, _ in axes)
    found = [start]
    for length, stride in axes:
        steps = [k * stride for k in range(length)]
        found = [at + step for at in found for step in steps]
    return Table(tuple(n for n, _ in axes), [a.entries[k] for k in found])


def spread(a: Table, shape: Sequence[int]) -> Table:
    """Repeated along axes of length 1, and along new first ones; -1 keeps a length."""
    own, new = len(a.shape), len(shape) - len(a.shape)
    need(new >= 0, "a shape to repeat to")
    full = [a.shape[k - new] if n == -1 and k >= new else n for k, n in enumerate(shape)]
    if a.shape == tuple(full):
        return a
    need(all(m in (1, n) for m, n in zip(a.shape, full[new:], strict=True)), "shapes that go together")
    strides = [0] * new + [0 if a.shape[k] == 1 else a.strides[k] for k in range(own)]
    return strided(a, list(zip(full, strides, strict=True)))


def need(holds: bool, what: str) -> None:
    """Errors: ValueError unless it holds: the line fits no table."""
    if not holds:
        raise ValueError(f"{what} is required")


def common(*given: Table) -> list[Table]:
    """Of one shape."""
    length = max(len(a.shape) for a in given)
    padded = [(1,) * (length - len(a.shape)) + a.shape for a in given]
    shape = [min(column) if 0 in column else max(column) for column in zip(*padded, strict=True)]
    return [spread(a, shape) for a in given]


def entrywise(f: Callable[..., Any], *given: Any) -> Table:
    """f of entries that lie at one place."""
    same = common(*map(lone, given))
    return Table(same[0].shape, [f(*row) for row in zip(*(a.entries for a in same), strict=True)])


def axis_of(axis: Any, dimension: int) -> int:
    need(type(axis) is int and -dimension <= axis < dimension, "an axis")
    return int(axis) % dimension


def axes_of(a: Table, axes: Any) -> list[int]:
    """None, or none: all of them."""
    given = [axes] if isinstance(axes, int) else list(axes or range(len(a.shape)))
    return [axis_of(k, len(a.shape)) for k in given] if a.shape else []


def folded(f: Callable[[list[Any]], Any], a: Table, axes: Any = None, keep: bool = False) -> Table:
    """f of the entries along axes (None, or none: all)."""
    gone = axes_of(a, axes)
    rest = [k for k in range(len(a.shape)) if k not in gone]
    front = turned(a, [*rest, *gone])
    size = math.prod(a.shape[k] for k in gone)
    shape = [1 if k in gone else n for k, n in enumerate(a.shape)] if keep else [a.shape[k] for k in rest]
    return Table(tuple(shape), [f(front.entries[k : k + size]) for k in range(0, math.prod(shape) * size, size)])


def turned(a: Table, order: Sequence[int]) -> Table:
    """Axes in another order."""
    axes = [axis_of(k, len(a.shape)) for k in order]
    need(sorted(axes) == list(range(len(a.shape))), "each axis once")
    return strided(a, [(a.shape[k], a.strides[k]) for k in axes])


def shaped(a: Table, shape: Sequence[int]) -> Table:
    """The same entries; one length may be -1."""
    known = math.prod(n for n in shape if n != -1)
    full = sized(len(a.entries) // known if n == -1 and known else n for n in shape)
    need(math.prod(full) == len(a.entries), f"a shape of {len(a.entries)} entries")
    return Table(full, a.entries)


def sliced(a: Table, axis: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Table:
    axis = axis_of(axis, len(a.shape))
    need(step > 0, "a step forwards")
    kept, axes = range(*slice(start, end, step).indices(a.shape[axis])), list(zip(a.shape, a.strides, strict=True))
    begin = kept.start * axes[axis][1] if kept else 0
    axes[axis] = (len(kept), step * axes[axis][1])
    return strided(a, axes, begin)


def selected(a: Table, axis: int, place: int) -> Table:
    axis = axis_of(axis, len(a.shape))
    need(-a.shape[axis] <= place < a.shape[axis], "a place on the axis")
    one = sliced(a, axis, place, place + 1 or None)
    return Table(one.shape[:axis] + one.shape[axis + 1 :], one.entries)


def parts(a: Table, sizes: Sequence[int], axis: int = 0) -> list[Table]:
    need(min(sizes, default=0) >= 0 and sum(sizes) == a.shape[axis_of(axis, len(a.shape))], "the sizes of all parts")
    ends = list(itertools.accumulate(sizes))
    return [sliced(a, axis, end - n, end) for n, end in zip(sizes, ends, strict=True)]


def split(a: Table, size: int, axis: int = 0) -> list[Table]:
    whole = a.shape[axis_of(axis, len(a.shape))]
    return parts(a, [min(size, whole - k) for k in range(0, whole, size)], axis)


def joined(given: Sequence[Table], axis: int = 0) -> Table:
    kept = [a for a in given if a.shape != (0,)]
    axis = axis_of(axis, len(kept[0].shape))
    rests = {(a.shape[:axis], a.shape[axis + 1 :]) for a in kept}
    need(len(rests) == 1, "tables that are alike but along the axis")
    inner = [math.prod(a.shape[axis:]) for a in kept]
    entries: list[Any] = []
    for k in range(math.prod(kept[0].shape[:axis])):
        entries += [v for a, n in zip(kept, inner, strict=True) for v in a.entries[k * n : k * n + n]]
    whole = sum(a.shape[axis] for a in kept)
    return shaped(Table((len(entries),), entries), [*kept[0].shape[:axis], whole, *kept[0].shape[axis + 1 :]])


def unsqueezed(a: Table, axis: int) -> Table:
    axis = axis_of(axis, len(a.shape) + 1)
    return Table((*a.shape[:axis], 1, *a.shape[axis:]), a.entries)


def squeezed(a: Table, axes: Any = None) -> Table:
    gone = [] if axes == [] else axes_of(a, axes)
    return Table(tuple(n for k, n in enumerate(a.shape) if k not in gone or n != 1), a.entries)


def diagonal(a: Table, offset: int = 0, first: int = 0, second: int = 1) -> Table:
    i, j = (axis_of(k, len(a.shape)) for k in (first, second))
    need(i != j, "two axes")
    down, right = max(-offset, 0), max(offset, 0)
    length = max(min(a.shape[i] - down, a.shape[j] - right), 0)
    axes = [(a.shape[k], a.strides[k]) for k in range(len(a.shape)) if k not in (i, j)]
    start = down * a.strides[i] + right * a.strides[j] if length else 0
    return strided(a, [*axes, (length, a.strides[i] + a.strides[j])], start)


def flipped(a: Table, axes: Sequence[int]) -> Table:
    for axis in axes_of(a, axes) if axes else ():
        rows = [sliced(a, axis, k, k + 1) for k in reversed(range(a.shape[axis]))]
        a = joined(rows, axis) if rows else a
    return a


def written(a: Table, b: Table, place: Callable[[Table], Table], add: Callable[[Any, Any], Any] | None = None) -> Table:
    """The base with a source where a move takes its entries from; or added there, one after the other."""
    to, found = place(numbered(a.shape)), list(a.entries)
    for k, value in zip(to.entries, spread(lone(b), to.shape).entries, strict=True):
        found[k] = value if add is None else add(found[k], value)
    return Table(a.shape, found)


def gathered(a: Table, axis: int, index: Table) -> Table:
    axis = axis_of(axis, len(a.shape)) if a.shape else 0
    need(all(type(k) is int and 0 <= k < a.shape[axis] for k in index.entries), "an index of the axis")
    need(all(k == axis or n <= m for k, (n, m) in enumerate(zip(index.shape, a.shape, strict=True))),
         "an index that fits the other axes")  # fmt: skip
    step = a.strides[axis]
    own = strided(numbered(a.shape), [(n, 0 if k == axis else s) for k, (n, s) in
                                      enumerate(zip(index.shape, a.strides, strict=True))])  # fmt: skip
    return Table(index.shape, [a.entries[at + k * step] for at, k in zip(own.entries, index.entries, strict=True)])


def indexed(a: Table, given: Sequence[Any]) -> Table:
    """a[given]: integer tables, and None for an axis as it is; the tables stand side by side, or alone."""
    spots = [k for k, index in enumerate(given) if index is not None]
    if not spots or spots != list(range(spots[0], spots[-1] + 1)) or any(
            type(v) is bool for k in spots for v in given[k].entries):  # fmt: skip
        raise UnknownError("an index by masks, or by tables that do not stand side by side")
    tables = common(*(given[k] for k in spots))
    first, last = spots[0], spots[-1] + 1
    sizes = a.shape[first:last]
    need(all(-n <= v < n for t, n in zip(tables, sizes, strict=True) for v in t.entries), "an index of the axis")
    rows = shaped(turned(a, [*range(first, last), *range(first), *range(last, len(a.shape))]), [math.prod(sizes), -1]
                  ) if math.prod(a.shape) else a  # fmt: skip
    width, entries = rows.shape[-1], []
    for row in zip(*(t.entries for t in tables), strict=True):
        at = 0
        for n, k in zip(sizes, row, strict=True):
            at = at * n + k % n
        entries += rows.entries[at * width : (at + 1) * width]
    own, before, after = len(tables[0].shape), a.shape[:first], a.shape[last:]
    found = shaped(Table((len(entries),), entries), [*tables[0].shape, *before, *after])
    axes = range(len(found.shape))
    return turned(found, [*axes[own : own + first], *axes[:own], *axes[own + first :]])


# --- a program ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """An operation: its name, its arguments, those with names."""

    name: str
    args: tuple[Any, ...]
    named: Mapping[str, Any]


@dataclass(frozen=True)
class Ref:
    """The value of a line above."""

    index: int


def line_of(text: str, before: int) -> Line:
    """The line of a text, below so many others. Errors: ValueError."""
    need(len(text) <= 20_000, "a line of at most 20,000 characters")
    try:
        call = ast.parse(text.partition("  # ")[0], mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"OPERATOR(ARGUMENT, ...) is required, not {text[:40]!r}") from None
    if not isinstance(call, ast.Call) or not all(keyword.arg for keyword in call.keywords):
        raise ValueError(f"OPERATOR(ARGUMENT, ...) is required, not {text[:40]!r}")
    named = {str(keyword.arg): _argument(keyword.value, before) for keyword in call.keywords}
    return Line(ast.unparse(call.func), tuple(_argument(v, before) for v in call.args), named)


def _argument(value: ast.expr, before: int) -> Any:
    if isinstance(value, ast.List):
        return [_argument(one, before) for one in value.elts]
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        found = _argument(value.operand, before)
        need(type(found) in (int, float), "a number after a minus")
        return -found
    if isinstance(value, ast.Name):
        if value.id in ("inf", "nan"):
            return float(value.id)
        index = value.id[1:]
        need(value.id[0] == "v" and index.isascii() and index.isdecimal() and len(index) < 10 and int(index) < before,
             f"a value of a line above, not {value.id[:40]!r},")  # fmt: skip
        return Ref(int(index))
    kinds = (int, float, bool, str, type(None))
    need(isinstance(value, ast.Constant) and type(value.value) in kinds, "numbers, words and lists as arguments")
    return value.value  # type: ignore[attr-defined]


class Program:
    """A graph of an instance file: `nodes`, `constants`, `inputs`, `outputs`."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.lines = [line_of(text, k) for k, text in enumerate(record["nodes"])]
        self.constants = list(map(table, record["constants"]))
        self.inputs, self.outputs = record["inputs"], record["outputs"]
        need(all(0 <= k < len(self.lines) for k in self.outputs), "outputs that are lines")
        for line in self.lines:
            sizes = {"input": self.inputs, "constant": len(self.constants)}
            if line.name in sizes:
                one = len(line.args) == 1 and type(line.args[0]) is int
                need(one and 0 <= line.args[0] < sizes[line.name], f"the number of an {line.name}")
        self.last = {k: at for at, line in enumerate(self.lines) for k in _refs([*line.args, *line.named.values()])}
        for k in self.outputs:
            self.last.pop(k, None)

    def __call__(self, inputs: Sequence[Table], numbers: Numbers) -> list[Table]:
        """Its outputs. Errors: UnknownError, of what is not known here; ValueError, of a line that fits no table."""
        need(len(inputs) == self.inputs, f"a program of {len(inputs)} inputs")
        rows, values = Rows(numbers), dict[int, Any]()
        constants = list(map(rows.real, self.constants))
        for at, line in enumerate(self.lines):
            args = [_given(one, values) for one in line.args]
            if line.name in ("input", "constant"):
                values[at] = (inputs if line.name == "input" else constants)[args[0]]
            elif line.name == "item":
                values[at] = args[0][args[1]]
            else:
                row = rows.known.get(line.name.removeprefix("aten."))
                if row is None:
                    raise UnknownError(f"the operator {line.name}")
                try:
                    values[at] = row(*args, **{key: _given(v, values) for key, v in line.named.items()})
                except UnknownError as error:
                    raise UnknownError(f"{line.name}: {error}") from None
            for k in _refs([*line.args, *line.named.values()]):
                if self.last.get(k) == at:
                    values.pop(k, None)
            if sum(len(a.entries) for a in values.values() if isinstance(a, Table)) > LARGEST:
                raise UnknownError("a program of too many numbers")
        return [values[k] for k in self.outputs]


def _refs(value: Any) -> list[int]:
    """The lines that arguments name."""
    if isinstance(value, Ref):
        return [value.index]
    return [k for one in value for k in _refs(one)] if isinstance(value, list) else []


def _given(value: Any, values: Mapping[int, Any]) -> Any:
    if isinstance(value, Ref):
        return values[value.index]
    return [_given(one, values) for one in value] if isinstance(value, list) else value


def table(record: Mapping[str, Any]) -> Table:
    """An array of a file: plain integers, booleans, and floats."""
    kind = {"real": float, "int": int, "bool": bool}[record["kind"]]
    found = Table(sized(record["shape"]), [kind(v) for v in record["values"]])
    need(math.prod(found.shape) == len(found.entries), f"a shape of {len(found.entries)} entries")
    need(kind is float or all(v == float(w) for v, w in zip(found.entries, record["values"], strict=True)),
         "whole numbers (of bool: 0 and 1)")  # fmt: skip
    return found


# --- the rows -----------------------------------------------------------------------------------------------------

RELATIONS: dict[str, Callable[[int], bool]] = {
    "lt": lambda s: s < 0, "le": lambda s: s <= 0, "gt": lambda s: s > 0, "ge": lambda s: s >= 0,
    "eq": lambda s: s == 0, "ne": lambda s: s != 0}  # fmt: skip
"""By the sign of the difference."""


class Rows:
    """The operators over some numbers, by PyTorch's names."""

    def __init__(self, numbers: Numbers) -> None:
        self.m, self.known = numbers, dict[str, Callable[..., Any]]()
        real, alike = numbers.real, {"Tensor", "Scalar"}
        for name, f in (("add", lambda x, y: x + y), ("sub", lambda x, y: x - y), ("mul", lambda x, y: x * y),
                        ("rsub", lambda x, y: y - x)):  # fmt: skip
            self.known |= {f"{name}.{k}": self._arithmetic(f, first=name == "rsub") for k in alike}
        for name, holds in RELATIONS.items():
            self.known |= {f"{name}.{k}": self._relation(holds) for k in alike}
        self.known |= {f"div.{k}": lambda a, b: entrywise(self._ratio, a, b) for k in alike}
        self.known |= {f"{name}.default": self._elementary(name) for name in numbers.functions if name not in INNER}
        for name in ("clone", "alias", "detach", "lift_fresh_copy", "lift_fresh"):
            self.known[f"{name}.default"] = lambda a, **_: a
        for name in ("view", "reshape", "_unsafe_view"):
            self.known[f"{name}.default"] = shaped
        for name, join in (("and", lambda x, y: x and y), ("or", lambda x, y: x or y)):
            for full in (f"bitwise_{name}.Tensor", f"logical_{name}.default"):
                self.known[full] = lambda a, b, join=join: entrywise(join, self._masks(a), self._masks(b))
        for name in ("bitwise_not.default", "logical_not.default"):
            self.known[name] = lambda a: entrywise(lambda x: not x, self._masks(a))
        for name, every in (("any", any), ("all", all)):
            for end in ("default", "dim", "dims"):
                self.known[f"{name}.{end}"] = lambda a, axes=None, keep=False, f=every: (
                    self._masks(a) if axes == [] else folded(f, self._masks(a), axes, keep))  # fmt: skip
        self.known |= {
            "neg.default": lambda a: entrywise(lambda x: -x, self._plain(a)),
            "reciprocal.default": lambda a: entrywise(lambda x: self._ratio(1, x), a),
            "pow.Tensor_Scalar": lambda a, e: entrywise(lambda x: self.power(x, e), a),
            "pow.Tensor_Tensor": self._power, "pow.Scalar": self._power,
            "abs.default": lambda a: entrywise(lambda x: self.larger(x, -x), self._plain(a)),
            "relu.default": lambda a: entrywise(lambda x: self.larger(x, 0), a),
            "sign.default": lambda a: entrywise(lambda x: real(float(self.m.order(x, 0))), a),
            "maximum.default": lambda a, b: entrywise(self.larger, a, b),
            "minimum.default": lambda a, b: entrywise(self.smaller, a, b),
            "clamp.default": self._clamp, "clamp.Tensor": self._clamp, "clamp_min.Tensor": self._clamp,
            "clamp_max.Tensor": lambda a, high: self._clamp(a, None, high),
            "hardtanh.default": lambda a, low=-1.0, high=1.0: self._clamp(a, low, high),
            "leaky_relu.default": lambda a, slope=0.01: entrywise(
                lambda x: x if self.m.order(x, 0) > 0 else x * real(slope), self._real(a)),
            "elu.default": self._elu, "gelu.default": self._gelu,
            "mm.default": self.times, "bmm.default": self.times, "addmm.default": self._add_times,
            "baddbmm.default": self._add_times,
            "dot.default": lambda a, b: Table((), [self.dot(a.entries, b.entries)]),
            "mv.default": lambda a, b: squeezed(self.times(a, unsqueezed(b, 1)), 1),
            "sum.default": self._sum, "sum.dim_IntList": self._sum, "mean.default": self._mean,
            "mean.dim": self._mean, "var.correction": self._variance,
            "var_mean.correction": lambda a, axes=None, correction=1, keepdim=False: (
                self._variance(a, axes, correction, keepdim), self._mean(a, axes, keepdim)),
            "amax.default": self._largest, "max.default": lambda a: self._largest(a),
            "amin.default": self._smallest, "min.default": lambda a: self._smallest(a),
            "max.dim": lambda a, axis, keep=False: self._winners(a, axis, keep, 1),
            "min.dim": lambda a, axis, keep=False: self._winners(a, axis, keep, -1),
            "_softmax.default": lambda a, axis, half=False: self.softmax(a, axis, log=False),
            "_log_softmax.default": lambda a, axis, half=False: self.softmax(a, axis, log=True),
            "logsumexp.default": lambda a, axes, keep=False: folded(self._log_sum, a, axes, keep),
            "linalg_vector_norm.default": self._norm,
            "where.self": lambda mask, a, b: entrywise(lambda c, x, y: x if c else y, self._masks(mask), a, b),
            "permute.default": turned, "t.default": lambda a: turned(a, range(len(a.shape))[::-1]),
            "transpose.int": lambda a, i, j: turned(a, _swapped(len(a.shape), i, j)),
            "expand.default": lambda a, shape, implicit=False: spread(a, shape),
            "unsqueeze.default": unsqueezed, "flip.default": flipped,
            "squeeze.default": squeezed, "squeeze.dim": squeezed, "squeeze.dims": squeezed,
            "split_with_sizes.default": parts, "split.Tensor": split,
            "unbind.int": lambda a, axis=0: [selected(a, axis, k) for k in range(a.shape[axis])],
            "slice.Tensor": sliced, "select.int": selected, "diagonal.default": diagonal,
            "cat.default": joined,
            "stack.default": lambda given, axis=0: joined([unsqueezed(a, axis) for a in given], axis),
            "slice_scatter.default": lambda a, b, *how: written(a, b, lambda x: sliced(x, *how)),
            "select_scatter.default": lambda a, b, *how: written(a, b, lambda x: selected(x, *how)),
            "diagonal_scatter.default": lambda a, b, *how: written(a, b, lambda x: diagonal(x, *how)),
            "gather.default": lambda a, axis, index, sparse_grad=False: gathered(a, axis, index),
            "scatter.value": self._scatter, "scatter.src": self._scatter,
            "scatter_add.default": lambda a, axis, index, b: self._scatter(a, axis, index, b, self.add),
            "index_select.default": lambda a, axis, index: indexed(a, [*[None] * axis_of(axis, len(a.shape)), index]),
            "index.Tensor": indexed, "index_put.default": self._put, "_unsafe_index_put.default": self._put,
            "embedding.default": lambda a, index, *_: indexed(a, [index]),
            "full.default": lambda shape, value, dtype=None: filled(shape, self._of(value, dtype)),
            "full_like.default": self._like,
            "zeros_like.default": lambda a, dtype=None: self._like(a, 0, dtype),
            "ones_like.default": lambda a, dtype=None: self._like(a, 1, dtype),
            "scalar_tensor.default": lambda value, dtype=None: Table((), [self._of(value, dtype)]),
            "_efficientzerotensor.default": lambda shape, dtype=None: filled(shape, self._of(0, dtype)),
            "empty_permuted.default": lambda shape, *_, **__: filled(shape, math.nan),
            "empty.memory_format": lambda shape, *_, **__: filled(shape, math.nan),
            "empty_like.default": lambda a, *_, **__: filled(a.shape, math.nan),
            "arange.default": self._counted, "arange.start": self._counted, "arange.start_step": self._counted,
            "_to_copy.default": self._converted,
            "tril.default": lambda a, offset=0: self._triangle(a, lambda i, j: j - i <= offset),
            "triu.default": lambda a, offset=0: self._triangle(a, lambda i, j: j - i >= offset),
            "convolution.default": self._convolution, "convolution_backward.default": self._convolution_back,
            **{f"max_pool{n}d_with_indices.default": self._max_pool for n in (2, 3)},
            **{f"max_pool{n}d_with_indices_backward.default": self._max_pool_back for n in (2, 3)},
            **{f"avg_pool{n}d.default": lambda a, *how: self._means(a, Windows.of(a, *how)) for n in (2, 3)},
            **{f"avg_pool{n}d_backward.default": lambda b, a, *how: self._shares(b, a, Windows.of(a, *how))
               for n in (2, 3)},
            "_adaptive_avg_pool2d.default": lambda a, size: self._means(a, Windows.even(a, size)),
            "_adaptive_avg_pool2d_backward.default": lambda b, a: self._shares(b, a, Windows.even(a, b.shape[-2:])),
            "constant_pad_nd.default": self._padded, "copy.default": self._copied,
            "native_group_norm.default": self._group_norm,
            "native_layer_norm.default": self._layer_norm, "native_batch_norm.default": self._batch_norm,
            "_native_batch_norm_legit_functional.default": self._batch_norm,
        }  # fmt: skip

    # -- of numbers --

    def add(self, x: Any, y: Any) -> Any:
        """The sum: of whole numbers, whole."""
        return x + y if type(x) is type(y) is int else self.m.real(x) + self.m.real(y)

    def larger(self, x: Any, y: Any) -> Any:
        return max(x, y) if type(x) is type(y) is int else self.m.largest(x, y)

    def smaller(self, x: Any, y: Any) -> Any:
        if type(x) is type(y) is int:
            return min(x, y)
        return -self.m.largest(-self.m.real(x), -self.m.real(y))

    def total(self, given: Sequence[Any]) -> Any:
        """The sum of numbers."""
        values = [valued(v) for v in given]
        whole = sum(values[1:], start=values[0]) if values else self.m.of(0)
        return made(whole, [(v, 1) for v in given]) if any(isinstance(v, Taped) for v in given) else whole

    def dot(self, a: Sequence[Any], b: Sequence[Any]) -> Any:
        """The sum of products."""
        pairs = list(zip(a, b, strict=True))
        whole = self.total([valued(x) * valued(y) for x, y in pairs])
        rates = [rate for x, y in pairs for rate in ((x, valued(y)), (y, valued(x))) if isinstance(rate[0], Taped)]
        return made(whole, rates) if rates else whole

    def power(self, x: Any, e: Any) -> Any:
        """x^e: products for whole exponents."""
        x = self.m.real(x)
        if e == 0:
            return self.m.of(1)
        if e == int(e) and abs(e) <= 64:
            half = x if abs(e) == 1 else self.m.apply("square", self.power(x, abs(e) // 2))
            found = half * x if abs(e) % 2 and abs(e) > 1 else half
            return found if e > 0 else 1 / found
        if abs(e) == 0.5:
            return self.m.apply("sqrt" if e > 0 else "rsqrt", x)
        return self._raised(x, e)

    def _raised(self, x: Any, e: Any) -> Any:
        return self.m.apply("exp", self.m.apply("log", self.m.real(x)) * self.m.real(e))

    def _ratio(self, x: Any, y: Any) -> Any:
        return self.m.real(x) / self.m.real(y)

    def _of(self, value: Any, dtype: str | None) -> Any:
        """A constant, of the kind that a dtype says."""
        if dtype in ("bool", "int"):
            return bool(value) if dtype == "bool" else int(value)
        return self.m.real(float(value)) if math.isfinite(value) else value

    def _log_sum(self, row: list[Any]) -> Any:
        """log sum e^x = x_0 + log(1 + sum of e^(x_j - x_0))."""
        first, *rest = map(self.m.real, row)
        return first + self.m.apply("log1p", self.total([self.m.apply("exp", x - first) for x in rest]))

    # -- of tables --

    def real(self, a: Table) -> Table:
        """Its floats as numbers; what is not finite stays, and may be compared and moved."""
        of = self.m.of
        return Table(a.shape, [of(v) if type(v) is float and math.isfinite(v) else v for v in a.entries])

    def _real(self, a: Any) -> Table:
        return entrywise(self.m.real, a)

    @staticmethod
    def _plain(a: Table) -> Table:
        if any(type(v) in (bool, float) for v in a.entries):
            raise UnknownError("of what is no number")
        return a

    @staticmethod
    def _masks(a: Any) -> Table:
        if not all(type(v) is bool for v in lone(a).entries):
            raise UnknownError("of a mask that is not boolean")
        return lone(a)

    def _arithmetic(self, f: Callable[[Any, Any], Any], first: bool) -> Callable[..., Table]:
        def row(a: Any, b: Any, alpha: Any = 1) -> Table:
            def one(x: Any, y: Any) -> Any:
                x, y = (x * alpha, y) if alpha != 1 and first else (x, y * alpha) if alpha != 1 else (x, y)
                if type(x) not in (int, bool) or type(y) not in (int, bool):
                    return f(self.m.real(x), self.m.real(y))
                if type(x) is type(y) is bool:
                    raise UnknownError("arithmetic of masks")
                found = f(int(x), int(y))
                if abs(found) >= 2**63:
                    raise UnknownError("an integer that is out of reach")
                return found

            if alpha != 1:
                alpha = self.m.real(alpha) if type(alpha) is float else alpha
            return entrywise(one, a, b)

        return row

    def _relation(self, holds: Callable[[int], bool]) -> Callable[..., Table]:
        return lambda a, b: entrywise(lambda x, y: holds(self.m.order(x, y)), a, b)

    def _elementary(self, name: str) -> Callable[[Table], Table]:
        return lambda a: entrywise(lambda x: self.m.apply(name, x), a)

    def _power(self, a: Any, b: Any) -> Table:
        return entrywise(self._raised, a, b)

    def _clamp(self, a: Table, low: Any = None, high: Any = None) -> Table:
        least = a if low is None else entrywise(self.larger, a, low)
        return least if high is None else entrywise(self.smaller, least, high)

    def _elu(self, a: Table, alpha: float = 1.0, scale: float = 1.0, inner: float = 1.0) -> Table:
        real = self.m.real

        def one(x: Any) -> Any:
            below = self.m.order(x, 0) <= 0
            return (self.m.apply("expm1", x * real(inner)) * real(alpha) if below else x) * real(scale)

        return entrywise(one, a)

    def _gelu(self, a: Table, approximate: str = "none") -> Table:
        """x (1 + erf(x/sqrt 2))/2."""
        if approximate != "none":
            raise UnknownError(f"approximate={approximate!r}")
        root = self.m.apply("sqrt", self.m.of(0.5))
        return entrywise(lambda x: x * (1 + self.m.apply("erf", x * root)) / 2, a)

    def times(self, a: Table, b: Table) -> Table:
        """Matrix products (..., i, n)(..., n, j)."""
        a, b = self._real(a), self._real(b)
        *front, rows, n = a.shape
        columns = b.shape[-1]
        need(b.shape == (*front, n, columns), "matrices that go together")
        sized((*front, rows, columns))
        found: list[Any] = []
        for k in range(math.prod(front)):
            left, right = a.entries[k * rows * n :][: rows * n], b.entries[k * n * columns :][: n * columns]
            found += [
                self.dot(left[i * n : (i + 1) * n], right[j::columns]) for i in range(rows) for j in range(columns)
            ]
        return Table((*front, rows, columns), found)

    def _add_times(self, c: Table, a: Table, b: Table, beta: float = 1, alpha: float = 1) -> Table:
        real, whole = self.m.real, self.times(a, b)
        return entrywise(lambda x, y: real(x) * real(beta) + y * real(alpha) if (beta, alpha) != (1, 1) else x + y,
                         c, whole)  # fmt: skip

    def _sum(self, a: Table, axes: Any = None, keep: bool = False, dtype: Any = None) -> Table:
        whole = all(type(v) in (int, bool) for v in a.entries)
        return folded(sum if whole and a.entries else self.total, a if whole else self._real(a), axes, keep)

    def _mean(self, a: Table, axes: Any = None, keep: bool = False, dtype: Any = None) -> Table:
        return folded(lambda row: self.total(row) / len(row), self._real(a), axes, keep)

    def _variance(self, a: Table, axes: Any = None, correction: float = 1, keepdim: bool = False) -> Table:
        def one(row: list[Any]) -> Any:
            mean = self.total(row) / len(row)
            return self.total([self.m.apply("square", x - mean) for x in row]) / (len(row) - self.m.real(correction))

        if math.prod(a.shape[k] for k in axes_of(a, axes)) <= correction:
            raise UnknownError("a variance of too few numbers")
        return folded(one, self._real(a), axes, keepdim)

    def _largest(self, a: Table, axes: Any = None, keep: bool = False) -> Table:
        return folded(partial(reduce, self.larger), a, axes, keep)

    def _smallest(self, a: Table, axes: Any = None, keep: bool = False) -> Table:
        return folded(partial(reduce, self.smaller), a, axes, keep)

    def _winners(self, a: Table, axis: int, keep: bool, side: int) -> tuple[Table, Table]:
        """The largest along an axis (side -1: the smallest), and where it is. Errors: UnknownError, of ties."""

        at = folded(lambda row: self._winner(row, side), a, [axis], True)
        best = gathered(a, axis, at)
        return (best, at) if keep else (squeezed(best, axis), squeezed(at, axis))

    def _winner(self, row: list[Any], side: int = 1) -> int:
        for k, x in enumerate(row):
            signs = [side * self.m.order(x, y) for j, y in enumerate(row) if j != k]
            if all(s > 0 for s in signs):
                return k
        raise UnknownError("a winner that is not the only one")

    def softmax(self, a: Table, axis: int, log: bool) -> Table:
        """x - log sum e^x along an axis, or e of that."""
        found = entrywise(lambda x, t: self.m.real(x) - t, a, folded(self._log_sum, a, [axis], True))
        return found if log else entrywise(lambda x: self.m.apply("exp", x), found)

    def _norm(self, a: Table, order: float = 2, axes: Any = None, keep: bool = False, dtype: Any = None) -> Table:
        def one(row: list[Any]) -> Any:
            if order == 2:
                return self.m.apply("sqrt", self.total([self.m.apply("square", x) for x in row]))
            sizes = [self.larger(x, -x) for x in row]
            return self.total(sizes) if order == 1 else reduce(self.larger, sizes)

        if order not in (1, 2, math.inf):
            raise UnknownError(f"the norm of order {order}")
        return folded(one, self._real(a), axes, keep)

    def _scatter(self, a: Table, axis: int, index: Table, source: Any, add: Any = None) -> Table:
        reach = lone(source)
        if reach.shape:
            for k, n in enumerate(index.shape):
                reach = sliced(reach, k, 0, n)
        return written(a, reach, lambda x: gathered(x, axis, index), add)

    def _put(self, a: Table, given: Sequence[Any], source: Table, accumulate: bool = False) -> Table:
        return written(a, source, lambda x: indexed(x, given), self.add if accumulate else None)

    def _like(self, a: Table, value: Any, dtype: str | None = None) -> Table:
        kinds = {type(v) for v in a.entries}
        own = "bool" if kinds == {bool} else "int" if kinds == {int} else None
        if own and not dtype and value != (bool if own == "bool" else int)(value):
            raise UnknownError("a fraction among what may be whole numbers")
        return filled(a.shape, self._of(value, dtype or own))

    @staticmethod
    def _counted(*ends: Any, dtype: Any = None) -> Table:
        need(all(type(end) is int for end in ends), "whole ends")
        found = range(*ends)
        return Table(sized([len(found)]), list(found))

    def _converted(self, a: Table, dtype: Any = None) -> Table:
        whole = all(type(v) in (int, bool) for v in a.entries)
        if dtype in ("int", "bool"):
            if not whole:
                raise UnknownError(f"numbers rounded to {dtype}")
            return entrywise(int if dtype == "int" else bool, a)
        return self._real(a) if dtype is not None and whole else a

    def _triangle(self, a: Table, kept: Callable[[int, int], bool]) -> Table:
        pairs = zip(places(a.shape), a.entries, strict=True)
        return Table(a.shape, [v if kept(*at[-2:]) else self.m.of(0) for at, v in pairs])

    # -- layers --

    def _convolution(self, a: Table, weight: Table, bias: Table | None, *how: Any) -> Table:
        """y[n, o, p] = sum of w[o, c, k] x[n, c, s p + d k - padding]; transposed: of those with x and y exchanged."""
        stride, padding, dilation, transposed, spare, groups = how
        taken = weight.shape[0] if transposed else weight.shape[1] * groups
        need(weight.shape[0] % groups == 0 and a.shape[1] == taken, "the channels of the weight")
        kernel, plane = weight.shape[2:], a.shape[2:]
        s, p, d, e = (list(v) * len(kernel) if len(v) == 1 else v for v in (stride, padding, dilation, spare))
        wide = [(m - 1) * s[j] - 2 * p[j] + d[j] * (kernel[j] - 1) + e[j] + 1 for j, m in enumerate(plane)]
        narrow = [(m + 2 * p[j] - d[j] * (kernel[j] - 1) - 1) // s[j] + 1 for j, m in enumerate(plane)]
        channels = weight.shape[1] * groups if transposed else weight.shape[0]
        shape = sized((a.shape[0], channels, *(wide if transposed else narrow)))
        ends = (shape, a.shape) if transposed else (a.shape, shape)
        found: list[list[int]] = [[] for _ in range(math.prod(shape))]
        weights: list[list[int]] = [[] for _ in found]
        for x, y, w in _meetings(*ends, weight.shape, (s, p, d), groups):
            to, of = (x, y) if transposed else (y, x)
            found[to].append(of)
            weights[to].append(w)
        own, by = self._real(a).entries, self._real(weight).entries
        pairs = zip(found, weights, strict=True)
        result = Table(shape, [self.dot([own[k] for k in of], [by[k] for k in ws]) for of, ws in pairs])
        return result if bias is None else entrywise(self.add, result, shaped(bias, [-1, *[1] * len(kernel)]))

    def _convolution_back(self, slope: Table, a: Table, weight: Table, biases: Any, *how: Any) -> Any:
        """The slopes of a, of the weight, of the bias: what meets, meets there too."""
        stride, padding, dilation, transposed, _, groups, wanted = how
        rank = len(weight.shape) - 2
        s, p, d = (list(v) * rank if len(v) == 1 else v for v in (stride, padding, dilation))
        ends = (slope.shape, a.shape) if transposed else (a.shape, slope.shape)
        given = [self._real(t).entries for t in (a, slope, weight)]
        sums: list[list[tuple[int, int]]] = [[] for _ in given[0]]
        others: list[list[tuple[int, int]]] = [[] for _ in given[2]]
        for x, y, w in _meetings(*ends, weight.shape, (s, p, d), groups):
            x, y = (y, x) if transposed else (x, y)
            sums[x].append((y, w))
            others[w].append((y, x))
        own, back, by = given

        def whole(pairs: list[tuple[int, int]], second: list[Any]) -> Any:
            return self.dot([back[y] for y, _ in pairs], [second[k] for _, k in pairs])

        return (
            Table(a.shape, [whole(pairs, by) for pairs in sums]) if wanted[0] else None,
            Table(weight.shape, [whole(pairs, own) for pairs in others]) if wanted[1] else None,
            self._sum(slope, [0, *range(2, 2 + rank)]) if wanted[2] else None,
        )

    def _max_pool(self, a: Table, *how: Any) -> tuple[Table, Table]:
        """The largest in each window, and its number on the plane."""
        pool = Windows.of(a, *how)
        places = [[seen[self._winner([plane[k] for k in seen])] for seen in pool.seen] for plane in pool.planes(a)]
        best = [plane[k] for plane, row in zip(pool.planes(a), places, strict=True) for k in row]
        return Table(pool.shape(a), best), Table(pool.shape(a), [k for row in places for k in row])

    def _max_pool_back(self, slope: Table, a: Table, *how: Any) -> Table:
        """Slopes, added where the largest are."""
        *form, index = how
        pool = Windows.of(a, *form)
        need(slope.shape == index.shape == pool.shape(a), "slopes and winners of the windows")
        need(all(type(k) is int and 0 <= k < math.prod(pool.plane) for k in index.entries), "numbers on the plane")
        rows = [[(k, v)] for k, v in zip(index.entries, slope.entries, strict=True)]
        return self._gathered(a, pool, rows)

    def _gathered(self, a: Table, pool: Windows, rows: list[list[tuple[int, Any]]]) -> Table:
        """Per result the numbers that go to places of its plane, added there."""
        size, each = math.prod(pool.plane), len(pool.seen)
        found = [self.m.of(0)] * len(a.entries)
        for at, row in enumerate(rows):
            for k, v in row:
                found[at // each * size + k] = self.add(found[at // each * size + k], v)
        return Table(a.shape, found)

    def _means(self, a: Table, pool: Windows) -> Table:
        pairs = list(zip(pool.seen, pool.shares, strict=True))
        planes = pool.planes(self._real(a))
        return Table(pool.shape(a), [self.total([p[k] for k in seen]) / n for p in planes for seen, n in pairs])

    def _shares(self, slope: Table, a: Table, pool: Windows) -> Table:
        """Of each mean's slope, what goes to each number that it is of."""
        need(slope.shape == pool.shape(a), "a slope of each window")
        pairs = list(zip(pool.seen, pool.shares, strict=True))
        given = [(v, *pairs[at % len(pairs)]) for at, v in enumerate(self._real(slope).entries)]
        return self._gathered(a, pool, [[(k, v / n) for k in seen] for v, seen, n in given])

    def _padded(self, a: Table, lengths: Sequence[int], value: float = 0.0) -> Table:
        """With rows before and after, from the last axis on; less than none take some away."""
        need(len(lengths) % 2 == 0 and len(lengths) <= 2 * len(a.shape), "two lengths for an axis")
        shape = list(a.shape)
        ends = [(len(shape) - 1 - k // 2, lengths[k], lengths[k + 1]) for k in range(0, len(lengths), 2)]
        for axis, low, high in ends:
            a = sliced(a, axis, max(-low, 0), shape[axis] + min(high, 0))
            shape[axis] += low + high

        def inner(x: Table) -> Table:
            for axis, low, high in ends:
                x = sliced(x, axis, max(low, 0), shape[axis] - max(high, 0))
            return x

        return written(filled(shape, self._of(value, None)), a, inner)

    @staticmethod
    def _copied(a: Table, b: Table, blocking: bool = False) -> Table:
        whole = [all(type(v) in (int, bool) for v in t.entries) for t in (a, b)]
        if whole[0] and not whole[1]:
            raise UnknownError("numbers rounded to whole ones")
        return spread(b, a.shape)

    def _moments(self, a: Table, axes: Sequence[int], eps: float) -> tuple[Table, Table, Table]:
        """x less its mean, the mean, 1/sqrt(variance + eps)."""
        mean = self._mean(a, axes, True)
        rate = entrywise(lambda v: self.m.apply("rsqrt", v + self.m.real(eps)), self._variance(a, axes, 0, True))
        return entrywise(lambda x, y: x - y, self._real(a), mean), mean, rate

    def _scaled(self, off: Table, rate: Table, weight: Any, bias: Any, shape: Sequence[int]) -> Table:
        found = entrywise(lambda x, r: x * r, off, rate)
        found = found if weight is None else entrywise(lambda x, w: x * w, found, shaped(self._real(weight), shape))
        return found if bias is None else entrywise(lambda x, b: x + b, found, shaped(self._real(bias), shape))

    def _layer_norm(self, a: Table, shape: Sequence[int], weight: Any, bias: Any, eps: float) -> Any:
        off, mean, rate = self._moments(a, range(len(a.shape) - len(shape), len(a.shape)), eps)
        return self._scaled(off, rate, weight, bias, shape), mean, rate

    def _group_norm(self, a: Table, weight: Any, bias: Any, n: int, channels: int, plane: int, groups: int,
                    eps: float) -> Any:  # fmt: skip
        off, mean, rate = self._moments(shaped(a, [n, groups, -1]), [2], eps)
        flat, rates = shaped(off, a.shape), shaped(spread(rate, off.shape), a.shape)
        found = self._scaled(flat, rates, weight, bias, [1, channels, *[1] * (len(a.shape) - 2)])
        return found, shaped(mean, [n, groups]), shaped(rate, [n, groups])

    def _batch_norm(self, a: Table, weight: Any, bias: Any, mean: Any, spread_: Any, training: bool, momentum: float,
                    eps: float) -> Any:  # fmt: skip
        """Of the batch, and what becomes of running statistics is no number; or (not training) of these."""
        shape = [1, -1, *[1] * (len(a.shape) - 2)]
        if training:
            off, centre, rate = self._moments(a, [0, *range(2, len(a.shape))], eps)
        else:
            centre = shaped(self._real(mean), shape)
            off = entrywise(lambda x, y: x - y, self._real(a), centre)
            rate = entrywise(lambda v: self.m.apply("rsqrt", v + self.m.real(eps)), shaped(self._real(spread_), shape))
        found = self._scaled(off, rate, weight, bias, shape)
        rest = [None if v is None else filled(v.shape, math.nan) for v in (mean, spread_)]
        return (found, shaped(centre, [-1]), shaped(rate, [-1]), *rest)


@dataclass(frozen=True)
class Windows:
    """A pool's windows on the last axes of a table: per result the numbers on the plane of what it sees, and what its
    mean is divided by."""

    plane: tuple[int, ...]
    out: tuple[int, ...]
    seen: list[list[int]]
    shares: list[int]

    @classmethod
    def of(cls, a: Table, kernel: Sequence[int], stride: Sequence[int] = (), padding: Sequence[int] = (0,),
           *how: Any) -> Windows:  # fmt: skip
        """how: of means ceiling, counted (what lies around the plane is), divisor; of the largest dilation, ceiling."""
        count = max(len(kernel), 2)
        dilation, how = (how[0], how[1:]) if how and isinstance(how[0], list) else ([1], how)
        unsaid: list[Any] = [False, True, None]
        ceiling, counted, divisor = [*how, *unsaid[len(how) :]]
        sides = [list(v) * count if len(v) == 1 else list(v) for v in (kernel, stride or kernel, padding, dilation)]
        need(all(len(v) == count for v in sides) and min(*sides[0], *sides[1], *sides[3]) > 0, "windows of the plane")
        plane, axes = a.shape[-count:], []
        sized(sides[0])
        for m, k, s, p, d in zip(plane, *sides, strict=True):
            spare = m + 2 * p - d * (k - 1) - 1
            n = (-(-spare // s) if ceiling else spare // s) + 1
            (n,) = sized([n - 1 if ceiling and (n - 1) * s >= m + p else n])
            axes.append([[o * s + d * j - p for j in range(k)] for o in range(n)])
        return cls._made(plane, axes, sides[2] if counted else [0] * count, divisor)

    @classmethod
    def even(cls, a: Table, size: Sequence[int]) -> Windows:
        """As many as that, of nearly one size; they overlap where they do not divide the plane."""
        plane = a.shape[-2:]
        parts = [[range(o * m // n, -(-(o + 1) * m // n)) for o in range(n)] for m, n in zip(plane, size, strict=True)]
        return cls._made(plane, parts, [0, 0], None)

    @classmethod
    def _made(cls, plane: tuple[int, ...], axes: Sequence[Sequence[Sequence[int]]], around: Sequence[int],
              divisor: int | None) -> Windows:  # fmt: skip
        found: list[list[int]] = []
        shares: list[int] = []
        strides = numbered(plane).strides
        out = sized(map(len, axes))
        for sides in itertools.product(*axes):
            spots = list(itertools.product(*sides))
            within = [at for at in spots if all(0 <= v < m for v, m in zip(at, plane, strict=True))]
            need(bool(within), "a window that sees a number")
            counted = sum(all(-e <= v < m + e for v, m, e in zip(at, plane, around, strict=True)) for at in spots)
            found.append([sum(map(int.__mul__, at, strides)) for at in within])
            shares.append(divisor or counted)
        return cls(plane, out, found, shares)

    def shape(self, a: Table) -> tuple[int, ...]:
        """Of the results."""
        return sized((*a.shape[: -len(self.plane)], *self.out))

    def planes(self, a: Table) -> list[list[Any]]:
        """The numbers of each plane."""
        size = math.prod(self.plane)
        return [a.entries[k : k + size] for k in range(0, len(a.entries), size)]


def _swapped(dimension: int, i: int, j: int) -> list[int]:
    order = list(range(dimension))
    order[i], order[j] = order[j], order[i]
    return order


def _meetings(wide: Sequence[int], narrow: Sequence[int], weight: Sequence[int], how: tuple[Any, Any, Any],
              groups: int) -> Iterator[tuple[int, int, int]]:  # fmt: skip
    """The places of x, y and w that a convolution brings together: y[n, o, p] has w[o, c, k] x[n, c, s p + d k - q]."""
    stride, padding, dilation = how
    x, y, w = (numbered(shape).strides for shape in (wide, narrow, weight))
    each = weight[0] // groups
    for n, o, *p in places(narrow):
        for c, *k in places(weight[1:]):
            spot = [s * a + d * b - q for s, a, d, b, q in zip(stride, p, dilation, k, padding, strict=True)]
            if all(0 <= v < m for v, m in zip(spot, wide[2:], strict=True)):
                channel = o // each * weight[1] + c
                yield (
                    sum(map(int.__mul__, [n, channel, *spot], x)),
                    sum(map(int.__mul__, [n, o, *p], y)),
                    sum(map(int.__mul__, [o, c, *k], w)),
                )
