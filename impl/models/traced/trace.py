"""PyTorch functions as graphs: traced once, in float64, without in-place operations.

The trace is PyTorch's own (`make_fx`, functionalised, decomposed into its core operators). It is the definition of what
is judged: a graph depends on shapes and on the program, not on numbers, but for those that the program itself holds.
"""

from __future__ import annotations

import operator
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch._decomp import core_aten_decompositions
from torch._guards import TracingContext, tracing
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functionalize
from torch.fx import Interpreter
from torch.fx.experimental.proxy_tensor import PythonKeyTracer, make_fx
from torch.fx.traceback import preserve_node_meta
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...arithmetic import Array
from .graph import Graph, Node, Ref, simplified

LAYOUT = ("pin_memory", "memory_format", "layout", "device", "non_blocking", "requires_grad")
"""Attributes that change no number."""
KINDS = {torch.bool: "bool", torch.int64: "int", torch.int32: "int", torch.int16: "int", torch.int8: "int",
         torch.uint8: "int"}  # fmt: skip


SHORT = {torch.int8, torch.int16, torch.int32, torch.uint8, torch.uint16, torch.uint32, torch.uint64}
"""Integers that overflow where a graph's do not."""
aten = torch.ops.aten
MOVED = {aten._to_copy.default, aten.clone.default, aten.copy.default, aten.where.self}
"""Make no new numbers of those that they are given."""
SUMS = [[name] for name in ("sum", "cumsum", "prod", "cumprod", "mm", "bmm", "dot", "mv", "scatter_add")]
MASKED = {aten.index.Tensor, aten.masked_select.default}
"""Take entries by masks, which alone say how many."""


class TraceError(ValueError):
    """A program that cannot be traced; the message says where, and what to do."""


def array_of(tensor: torch.Tensor) -> Array:
    """A tensor as an array: reals in float64, integers and booleans as they are."""
    plain = tensor.detach().cpu()
    if plain.is_floating_point():
        plain = plain.double()
    elif plain.dtype != torch.bool:
        plain = plain.long()
    return np.array(plain.numpy())


@cache
def _decompositions() -> dict[Any, Any]:
    """What operators are made of; but logsumexp, which is known as a whole."""
    whole = aten.logsumexp.default
    return {operator: made for operator, made in core_aten_decompositions().items() if operator != whole}


def traced(
    function: Callable[..., Any], inputs: Sequence[torch.Tensor], varying: Sequence[int] = (), lines: bool = True
) -> Graph:
    """The graph of `function(*inputs)`, which returns a tensor or several; `varying`: inputs that are differentiated.

    lines: whether each operation is to have the user's line that it comes from. Errors: TraceError.
    """

    def graph(of: Callable[..., Any]) -> torch.fx.GraphModule:
        found: torch.fx.GraphModule = make_fx(
            functionalize(of), decomposition_table=_decompositions(), record_stack_traces=lines
        )(*inputs)
        return found

    # One mode for the shapes of all operations: PyTorch would make one for each.
    shapes = tracing(TracingContext(FakeTensorMode(allow_fallback_kernels=True)))
    try:
        with sdpa_kernel(SDPBackend.MATH), _users_lines(), shapes:  # attention by its definition
            made = graph(function)
            if _writes(made):  # a decomposition that writes into what it has made
                run = Interpreter(made).run
                with preserve_node_meta():
                    made = graph(run)
    except ValueError:  # ours, and what a user's program says itself
        raise
    except Exception as error:  # whatever a user's program, or PyTorch on it, raises
        text = next(iter(str(error).splitlines()), "")
        if isinstance(error, RuntimeError) and any(
            word in text for word in ("item", "data-dependent", "tracing tensor")
        ):
            raise TraceError(
                f"the program looks at a number while it is traced{_user_line(error)} (.item(), if, float(...)): its "
                "derivative would miss what that number depends on; keep tensors, and choose with torch.where"
            ) from error
        said = text if isinstance(error, RuntimeError) else f"{type(error).__name__}: {text}"
        raise TraceError(f"PyTorch cannot trace the program{_user_line(error)}: {said}") from error
    writing = _writes(made)
    if writing is not None:
        raise TraceError(
            f"the program writes into a tensor in a way that leaves no trace: {writing.target} "
            f"(called at {_line(writing.meta.get('stack_trace'))}); write it without in-place operations"
        )
    _look(made, varying)
    return simplified(_graph(made, len(inputs), tuple(varying)))


def _look(made: torch.fx.GraphModule, varying: Sequence[int]) -> None:
    """Refuses complex numbers; integers that may overflow; and shapes that depend on what varies: a program may have
    read them as Python's numbers, of which there is no trace. Errors: TraceError."""
    live: set[torch.fx.Node] = set()
    for k, node in enumerate(made.graph.nodes):
        if (node.op == "placeholder" and k in varying) or not live.isdisjoint(node.all_input_nodes):
            live.add(node)
        where, tags = _line(node.meta.get("stack_trace")), getattr(node.target, "tags", ())
        before, short = {d for one in node.all_input_nodes for d in _dtypes(one)}, SHORT & {*_dtypes(node)}
        if node.target in MOVED:
            new = not before <= short | {torch.bool}
        else:
            new = torch.Tag.pointwise in tags or str(node.target).split(".")[1:2] in SUMS
        if short and new:
            raise TraceError(
                f"{node.target} (called at {where}) makes integers of less than 64 bits, which may overflow, and a "
                "graph's do not: take .long()"
            )
        if any(dtype.is_complex for dtype in _dtypes(node)):
            raise TraceError(f"the program has complex numbers: {node.target} (called at {where}); write it with reals")
        if torch.Tag.dynamic_output_shape in tags:
            of = node.all_input_nodes
            if node.target in MASKED:
                masks = node.args[1] if isinstance(node.args[1], list | tuple) else [node.args[1]]
                of = [one for one in masks if one is not None and {torch.bool, torch.uint8} & {*_dtypes(one)}]
            if not live.isdisjoint(of):
                raise TraceError(
                    f"the shape of what {node.target} gives (called at {where}) depends on the parameters, and a trace "
                    "has one shape; keep all entries, and choose with torch.where"
                )


def _dtypes(node: torch.fx.Node) -> list[torch.dtype]:
    """The dtypes of a node's values."""
    value = node.meta.get("val")
    return [v.dtype for v in (value if isinstance(value, tuple | list) else (value,)) if isinstance(v, torch.Tensor)]


def _writes(made: torch.fx.GraphModule) -> torch.fx.Node | None:
    """The first operation that changes one of its arguments: a straight-line program has none."""
    for node in made.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if schema is not None and schema.is_mutable:
            return node
    return None


def _user_line(error: BaseException) -> str:
    trace, found = error.__traceback__, ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith(OWN):
            found = f" at {name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _graph(made: torch.fx.GraphModule, inputs: int, varying: tuple[int, ...]) -> Graph:
    numbers: dict[torch.fx.Node, Ref] = {}
    nodes: list[Node] = []
    constants: list[Array] = []
    outputs: tuple[Ref, ...] = ()

    def plain(value: Any) -> Any:
        if isinstance(value, torch.fx.Node):
            return numbers[value]
        if isinstance(value, tuple | list):
            return tuple(plain(one) for one in value)
        if isinstance(value, torch.dtype):
            return KINDS.get(value, "real")
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise TraceError(f"the program has an argument that is no number: {value!r}")

    seen = 0
    for node in made.graph.nodes:
        line = _line(node.meta.get("stack_trace"))
        if node.op == "placeholder":
            new = Node("input", (seen,))
            seen += 1
        elif node.op == "get_attr":
            new = Node("constant", (len(constants),))
            constants.append(array_of(getattr(made, str(node.target))))
        elif node.op == "output":
            found = node.args[0]
            outputs = tuple(numbers[one] for one in (found if isinstance(found, tuple | list) else (found,)))
            continue
        elif node.target is operator.getitem:
            new = Node("item", (numbers[node.args[0]], node.args[1]))
        else:
            named = {key: plain(value) for key, value in node.kwargs.items() if key not in LAYOUT}
            new = Node(str(node.target), plain(node.args), named, line)
        numbers[node] = Ref(len(nodes))
        nodes.append(new)
    rounds = any(d.is_floating_point and d != torch.float64 for node in made.graph.nodes for d in _dtypes(node))
    return Graph(tuple(nodes), tuple(constants), inputs, outputs, varying, rounds)


OWN = (str(Path(torch.__file__).parent), str(Path(__file__).parent.parent.parent))
"""Folders whose lines are nobody's."""


def nobodys(model: torch.nn.Module) -> bool:
    """Whether all code that a model runs is in those folders."""
    parts = list(model.modules())
    homes = {getattr(sys.modules.get(type(part).__module__), "__file__", None) or "" for part in parts}
    hooked = any(part._forward_hooks or part._forward_pre_hooks for part in parts)
    return not hooked and all(home.startswith(OWN) for home in homes)


@contextmanager
def _users_lines() -> Iterator[None]:
    """PyTorch keeps the user's line of each operation; by itself, it keeps those of functions called `forward`."""

    def kept(tracer: Any, frames: traceback.StackSummary) -> traceback.StackSummary:
        inner = max((k for k, frame in enumerate(frames) if frame.filename == __file__), default=-1)
        own = [f for f in frames[inner + 1 :] if not f.filename.startswith((*OWN, "<"))]
        return traceback.StackSummary.from_list(own[-1:])

    PythonKeyTracer._filter_traceback_frames = kept  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        del PythonKeyTracer._filter_traceback_frames


def _line(stack: str | None) -> str:
    """The file and number of a stack trace's last line."""
    found = ""
    for entry in (stack or "").splitlines():
        text = entry.strip()
        if text.startswith("File "):
            name, _, rest = text.removeprefix('File "').partition('", line ')
            found = f"{Path(name).name}:{rest.split(',')[0]}"
    return found
