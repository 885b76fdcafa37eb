"""A parameter as people keep it: a JSON list, .npy, .npz, a state_dict in .pt or .safetensors.

Every number is exact: those of JSON as in instance files, those of arrays as float64. Of an archive or a state_dict one
array must have as many numbers as there are parameters. Nothing in a file is run: torch reads weights only, and the
header of a .safetensors file is read here (8 bytes of length, JSON of dtype, shape and place, the numbers).
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import asdict

from ..arithmetic import Array, rational
from ..extras import require
from ..instances import Vector
from .faults import FaultError
from .numbers import Number, exact_row
from .records import Record, typed
from .tables import LARGEST_MEMBER, array, arrays, check_size
from .text import parsed, read, reported

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
"""Of .safetensors; BF16 is the upper half of a float32."""
KINDS = (".json", ".npy", ".npz", ".safetensors", ".pt", ".pth")
"""The suffixes by which files are known; another one is JSON too."""
NAMES = ("omega", "W")
"""Of arrays that are the parameter, where other ones have its shape."""
NESTED = ("state_dict", "model_state_dict", "model")
"""Where checkpoints keep a state_dict."""


def load_vector(path: str | os.PathLike[str], *shape: int) -> Vector:
    """The exact numbers of a parameter of that shape, (d,) or (m, d) row after row, in a file of any of these kinds.

    Errors: BadInputError, MissingExtraError.
    """
    file = os.fsdecode(path)
    kind = Path(file).suffix.lower()
    with reported(file):
        if kind == ".npy":
            return _only({"": array(read(file, LARGEST_MEMBER), "array")}, shape)
        if kind == ".npz":
            return _only(arrays(file), shape)
        if kind == ".safetensors":
            return _only(_safetensors(read(file, LARGEST_MEMBER)), shape)
        if kind in (".pt", ".pth"):
            return _only(_torch(file), shape)
        return _from_json(parsed(read(file)), file, shape)


def load_arrays(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The arrays of an archive or of a state_dict, by name, each of finite numbers. Errors: BadInputError,
    MissingExtraError."""
    file = os.fsdecode(path)
    kind = Path(file).suffix.lower()
    readers = {".npz": arrays, ".safetensors": lambda name: _safetensors(read(name, LARGEST_MEMBER)), ".pt": _torch,
               ".pth": _torch}  # fmt: skip
    with reported(file):
        if kind not in readers:
            raise FaultError("path", "save model.state_dict()", "a file in .pt, .safetensors or .npz", file)
        found = readers[kind](file)
        for name, values in found.items():
            if values.dtype.kind not in "biuf":
                raise FaultError(
                    name, "convert it, by astype(float) say", "an array of real numbers", str(values.dtype)
                )
            if not np.isfinite(values).all():
                place = tuple(np.argwhere(~np.isfinite(values))[0].tolist())
                where = f"{name}[{', '.join(map(str, place))}]" if place else name
                raise FaultError(where, "train again, or mend it", "a finite number", float(values[place]))
    return found


def vector(values: Any, *shape: int, source: str = "omega") -> Vector:
    """The exact numbers of a list, an array or a tensor. Errors: BadInputError."""
    with reported(source):
        return _only({"": plain(values)}, shape)


def _from_json(given: Any, file: str, shape: Sequence[int]) -> Vector:
    what = "a JSON list of " + " rows of ".join(map(str, shape)) + " numbers"
    flat = given
    while len(shape) == 1 and isinstance(flat, list) and flat and all(isinstance(row, list) for row in flat):
        if len(flat) > 1 and any(len(row) != 1 for row in flat):
            break
        flat = [value for row in flat for value in row]
    kind: Any = list[Number] if len(shape) == 1 else list[list[Number]]
    with reported(file, given):
        row = typed(flat, kind, lambda place, _: what)
        if len(row) != shape[0] or (len(shape) == 2 and any(len(own) != shape[1] for own in row)):
            turned = len(shape) == 2 and len(row) == shape[1] and all(len(own) == shape[0] for own in row)
            raise FaultError("document", "transpose it" if turned else "give the parameter alone", what)
        if len(shape) == 1:
            return exact_row(row, "")
        return tuple(v for r, own in enumerate(row) for v in exact_row(own, f"[{r}]"))


def _only(found: Mapping[str, Array], shape: Sequence[int]) -> Vector:
    """The one array that fits, exactly; of several matrices the one with a name of NAMES."""
    length, fits = math.prod(shape), [tuple(shape)]
    if len(shape) == 1:
        fits = list(dict.fromkeys([(length,), (1, length), (length, 1)]))
        fitting = [name for name, values in found.items() if values.size == length == max(values.shape, default=1)]
    else:
        fitting = [name for name, values in found.items() if values.shape in fits]
    named = [name for name in fitting if name in NAMES]
    fitting = named if len(fitting) > 1 and len(named) == 1 else fitting
    given = ", ".join(f"{name} {values.shape}".strip() for name, values in found.items())
    if len(fitting) != 1:
        shapes = ", ".join(map(str, fits))
        required = f"one array of {length} numbers (a shape of {shapes})"
        form = (
            "with as many numbers as there are columns" if len(shape) == 1 else "with a row per output, or per neuron"
        )
        turned = len(shape) == 2 and any(values.shape == (shape[1], shape[0]) for values in found.values())
        form = "transposed" if turned else form
        advice = "give the parameter alone" if len(found) != 1 else f"give it {form}"
        raise FaultError("array" if len(found) == 1 else "arrays", advice, required, given or "none")
    values = found[fitting[0]]
    if values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        raise FaultError("array", "convert it, by astype(float) say", "an array of real numbers", str(values.dtype))
    flat = values.ravel()
    if flat.dtype.kind == "f" and not np.isfinite(flat).all():
        place = int(np.flatnonzero(~np.isfinite(flat))[0])
        raise FaultError(f"array[{place}]", "train again, or mend it", "a finite number", float(flat[place]))
    return tuple(rational(v) for v in (flat.astype(float) if flat.dtype.kind == "f" else flat).tolist())


def plain(value: Any) -> Array:
    """A list, an array or a tensor as an array; of torch without importing it."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.double() if value.is_floating_point() else value
        value = value.numpy()
    try:
        return np.asarray(value)
    except ValueError as error:
        raise FaultError("array", "give rows of one length", "an array of numbers", str(error)) from None


def _torch(file: str) -> dict[str, Array]:
    """The tensors of a state_dict, or the tensor, that torch.save wrote; weights alone are read."""
    require("torch", purpose="read .pt files")
    import io
    import pickle
    import warnings

    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.load(io.BytesIO(read(file, LARGEST_MEMBER)), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())[:120] or "it is cut short"
        what = f"a state_dict or a tensor written by torch.save, and nothing that runs ({reason})"
        raise FaultError("path", "save model.state_dict()", what, file) from None
    if isinstance(found, dict):
        found = next((found[name] for name in NESTED if isinstance(found.get(name), dict)), found)
    tensors = {"": found} if isinstance(found, torch.Tensor) else found
    if not isinstance(tensors, dict) or not all(isinstance(v, torch.Tensor) for v in tensors.values()):
        raise FaultError("path", "save model.state_dict()", "a state_dict: a dict of tensors", type(found).__name__)
    return {str(name): plain(value) for name, value in tensors.items()}


class _Entry(Record):
    """A tensor of a .safetensors file."""

    dtype: str
    shape: list[int]
    data_offsets: list[int]


def _safetensors(data: bytes) -> dict[str, Array]:
    """The arrays of a .safetensors file, which must fill it without gaps."""
    size = int.from_bytes(data[:8], "little") if len(data) >= 8 else len(data)
    if size > len(data) - 8:
        raise FaultError("header", "save it again", f"a header within the {len(data)} bytes of the file", size)
    header = parsed(data[8 : 8 + size])
    if not isinstance(header, dict):
        raise FaultError("header", "save it again", "a JSON object", header)
    body, found, end = data[8 + size :], {}, 0
    entries = [
        (name, asdict(typed(value, _Entry, lambda place, words: f"an entry of a .safetensors header ({words})")))
        for name, value in header.items()
        if name != "__metadata__"
    ]
    for name, entry in sorted(entries, key=lambda pair: pair[1]["data_offsets"]):
        shape, places, dtype = entry["shape"], entry["data_offsets"], DTYPES.get(entry["dtype"])
        if dtype is None:
            raise FaultError("dtype", "convert it", f"one of {', '.join(DTYPES)}", entry["dtype"])
        if min(shape, default=0) < 0:
            raise FaultError("shape", "save it again", "lengths of at least 0", shape)
        check_size(math.prod(shape))
        width = math.prod(shape) * np.dtype(dtype).itemsize
        if places != [end, end + width] or end + width > len(body):
            what = f"[{end}, {end + width}], within the {len(body)} bytes of the numbers"
            raise FaultError("data_offsets", "save it again", what, places)
        values = np.frombuffer(body, dtype, math.prod(shape), end).reshape(shape)
        if entry["dtype"] == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        found[name], end = values, end + width
    if end != len(body):
        raise FaultError("data_offsets", "save it again", "tensors that fill the file", f"{len(body) - end} bytes more")
    return found
