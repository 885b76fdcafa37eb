"""How a fault is planted: the function itself becomes wrong, for everyone who holds it, and right again afterwards.

A fault names its place by import path. What is wrong is either a wrapper of the right function (`Around`) or the same
source with one passage changed (`Edit`). Both replace the function's code object, so that it does not matter under
which names it was imported; what is no Python function (a constant, a method of flint) is replaced in its place alone.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import textwrap
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, settings
from metagap.impl import losses

Function = Callable[..., Any]


# --- faults ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Around:
    """The right function in a wrong wrapper: `make` takes the right one and gives the wrong one."""

    make: Callable[[Any], Any]


@dataclass(frozen=True)
class Edit:
    """The source with one passage changed, which must occur in it `times` times."""

    old: str
    new: str
    times: int = 1


@dataclass(frozen=True)
class Value:
    """Another value of a constant or an attribute."""

    wrong: Any


@dataclass(frozen=True)
class Fault:
    """One planted fault: its kind, where it enters ("module:Class.attribute"), what is wrong, and what notices it."""

    name: str
    kind: str
    place: str
    wrong: Around | Edit | Value
    guard: Guard


class MovedError(LookupError):
    """The place or the passage of a fault is not in the code any more: the fault must follow the code."""


def located(place: str) -> tuple[Any, str, Any]:
    """(holder, name, value as the holder has it) of a place. Errors: MovedError."""
    module, _, path = place.partition(":")
    *outer, name = path.split(".")
    try:
        holder = functools.reduce(getattr, outer, importlib.import_module(module))
        return holder, name, inspect.getattr_static(holder, name)
    except (ImportError, AttributeError) as error:
        raise MovedError(f"{place}: {error}") from None


def function_of(value: Any) -> types.FunctionType | None:
    """The Python function behind a method, a property, a cached property or a decorator; None if there is none."""
    while not isinstance(value, types.FunctionType) or hasattr(value, "__wrapped__"):
        for name in ("__wrapped__", "__func__", "fget", "func"):
            inner = getattr(value, name, None)
            if inner is not None:
                value = inner
                break
        else:
            return None
    return value


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """Within the block the engine is wrong. Errors: MovedError."""
    holder, name, value = located(fault.place)
    function = function_of(value)
    losses._constants.cache_clear()
    try:
        if isinstance(fault.wrong, Value) or function is None:
            wrong = fault.wrong.wrong if isinstance(fault.wrong, Value) else _around(fault, value)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(holder, name, wrong)
                yield
            return
        right = function.__code__
        function.__code__ = _edited(fault, function) if isinstance(fault.wrong, Edit) else _trampoline(fault, function)
        try:
            yield
        finally:
            function.__code__ = right
            _ACTIVE.pop(fault.name, None)
    finally:
        losses._constants.cache_clear()


def _around(fault: Fault, value: Any) -> Any:
    if not isinstance(fault.wrong, Around):
        raise MovedError(f"{fault.place}: there is no source to edit")
    right = value.__func__ if isinstance(value, staticmethod) else value
    wrong = fault.wrong.make(right)
    return staticmethod(wrong) if isinstance(value, staticmethod) else wrong


_ACTIVE: dict[str, Function] = {}
"""The wrong functions of the faults that are planted now."""


def _trampoline(fault: Fault, function: types.FunctionType) -> types.CodeType:
    """Code that calls the wrapper, which keeps a copy of the right function."""
    assert isinstance(fault.wrong, Around)
    right = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    right.__kwdefaults__ = function.__kwdefaults__
    _ACTIVE[fault.name] = fault.wrong.make(right)
    source = (
        "def wrong(*args, **kwargs):\n"
        f"    from {__name__} import _ACTIVE\n"
        f"    return _ACTIVE[{fault.name!r}](*args, **kwargs)\n"
    )
    return _compiled(source, function)


def _edited(fault: Fault, function: types.FunctionType) -> types.CodeType:
    assert isinstance(fault.wrong, Edit)
    source = textwrap.dedent(inspect.getsource(function))
    found = source.count(fault.wrong.old)
    if found != fault.wrong.times:
        raise MovedError(f"{fault.place}: {fault.wrong.old!r} occurs {found} times, not {fault.wrong.times}")
    return _compiled(source.replace(fault.wrong.old, fault.wrong.new), function)


def _compiled(source: str, function: types.FunctionType) -> types.CodeType:
    """The code of the function in a source, with the free variables that the function in place has."""
    kept = [line for line in source.splitlines() if not line.startswith("@")]
    # Under its own name it would hide a function of the module that it calls by that name.
    kept[0] = kept[0].replace(f"def {function.__name__}(", "def wrong(", 1)
    free = function.__code__.co_freevars
    lines = ["from __future__ import annotations", "def around():", *(f"    {name} = None" for name in free)]
    lines += ["    " + line for line in kept]
    code = compile("\n".join(lines), f"<planted in {function.__module__}>", "exec")
    (around,) = (c for c in code.co_consts if isinstance(c, types.CodeType))
    (wrong,) = (c for c in around.co_consts if isinstance(c, types.CodeType) and c.co_name == "wrong")
    if wrong.co_freevars == free:
        return wrong
    raise MovedError(f"{function.__qualname__}: free variables {free} became {wrong.co_freevars}")


# --- guards ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guard:
    """Something of the suite that must fail under a fault, and pass without: a test ("module:function"), with its
    arguments."""

    name: str
    place: str
    run: Function

    @property
    def marked(self) -> bool:
        """Whether the test, or its file, is marked `ci`."""
        module, test = test_at(self.place)
        own = getattr(module, "pytestmark", [])
        marks = [*(own if isinstance(own, list) else [own]), *getattr(test, "pytestmark", [])]
        return any(mark.name == "ci" for mark in marks)

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Guard) and other.name == self.name


def test_at(place: str) -> tuple[types.ModuleType, Any]:
    """A test with its module."""
    module, name = place.split(":")
    found = importlib.import_module(f"..{module}", __package__)
    return found, getattr(found, name)


def suite(place: str, *, examples: int = 6, **arguments: Any) -> Guard:
    """A test of the suite ("module:function"), with its parameters; Hypothesis draws `examples`."""

    def run() -> None:
        _, test = test_at(place)
        with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # as the module of the test may say itself
            fixtures = {"monkeypatch": patch, "tmp_path": Path(folder), "effort": 1}
            wanted = inspect.signature(test).parameters
            if hasattr(test, "hypothesis"):
                few = settings(
                    max_examples=examples, phases=[Phase.explicit, Phase.generate], derandomize=True, database=None,
                    deadline=None, report_multiple_bugs=False, suppress_health_check=settings().suppress_health_check,
                )  # fmt: skip
                patch.setattr(test, "_hypothesis_internal_use_settings", few)
            test(**{name: value for name, value in fixtures.items() if name in wanted}, **arguments)

    shown = ", ".join(str(getattr(v, "name", v)) for v in arguments.values())
    return Guard(f"{place.replace(':', '::')}({shown})", place, run)


def noticed(guard: Guard) -> str | None:
    """The assertion of the suite that failed, or None if the guard passed; whatever else went wrong is raised."""
    try:
        guard.run()
    except (AssertionError, pytest.fail.Exception) as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        assert trace is not None
        place = trace.tb_frame.f_code.co_filename
        if "tests" in place.split("/") or isinstance(error, pytest.fail.Exception):
            return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        raise
    return None
