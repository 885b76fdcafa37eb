"""Instance files: lossless reading and writing of the format "metagap/instance/1".

    load, loads    a file or a text -> Instance; every bad input is a BadInputError, on one line
    save, dumps    Instance -> a file or a text, with loads(dumps(x)) == x exactly

A JSON number stands for its nearest float64 and is exact from then on. A string is exact as written:
"p/q", a decimal "0.1" (the rational 1/10) or a hex float "0x1.8p-2". Numbers are written as JSON numbers
where they are float64 numbers, and as "p/q" otherwise.

Beyond the format: a field given twice is an error (JSON readers disagree on which one counts), and a
number may have up to `NUMBER_BITS` bits above and below the bar, so that a short text cannot ask for a
huge number. Every number within that bound can be written and read again.
"""

from __future__ import annotations

import json
import math
import os
import re
import reprlib
import secrets
from collections import Counter
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import msgspec
from flint import arb, fmpq, fmpz
from msgspec import UNSET, Struct, UnsetType

from .arithmetic import rational, to_float
from .instances import (
    FORMAT,
    Adaptation,
    Atom,
    Comparator,
    Functions,
    Gradient,
    Implicit,
    Instance,
    Task,
    Vector,
)
from .losses import LOSSES, Link, Loss

LARGEST_FILE = 256 * 2**20
"""Bytes in the largest file that is read."""
NUMBER_BITS = 2**16
"""Bits in the largest numerator or denominator of a number."""
NUMBER_CHARACTERS = 40_000
"""Characters in the longest number string: enough for every p/q within NUMBER_BITS."""
EXPONENT = 10_000
"""The largest exponent of a number string, decimal or binary, in absolute value."""
STEPS = 1000
"""The largest number of gradient steps."""
TOLERANCE = fmpq(1, 10**12)
"""How far from 1 a sum may be in which a JSON number takes part."""


class Missing(Enum):
    """What was given for a field that is not there."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "<missing>"


class BadInputError(ValueError):
    """An input that is no instance: `<file>: <field>=<given!r>: <required>`, on one line.

    file is its name, field the place in it with its indices ("tasks[0].atoms[1].p"), given the value that was
    read there (`Missing.MISSING` if none), required what was required and what to do.
    """

    def __init__(self, file: str, field: str, given: object, required: str) -> None:
        super().__init__(file, field, given, required)
        self.file, self.field, self.given, self.required = file, field, given, required

    def __str__(self) -> str:
        file = self.file if self.file.isprintable() else repr(self.file)
        return f"{file}: {self.field}={_SHORT.repr(self.given)}: {self.required}"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_SHORT.maxlevel = 3


# What a file holds, before its numbers are made exact. The union tags are the files' "name" fields.

_Number = float | str
_Row = list[_Number]


class _Record(Struct, forbid_unknown_fields=True):
    pass


class _Loss(_Record):
    name: str
    c: _Number | UnsetType = UNSET
    delta: _Number | UnsetType = UNSET


class _Gradient(_Record, tag_field="name", tag="gradient"):
    eta: _Number
    steps: int


class _Implicit(_Record, tag_field="name", tag="implicit"):
    strength: _Number = msgspec.field(name="lambda")


class _Model(_Record):
    name: Literal["linear"]


class _Atom(_Record):
    x: int
    y: _Number
    p: _Number


class _Task(_Record):
    weight: _Number
    atoms: list[_Atom]


class _Functions(_Record):
    functions: list[_Row]


class _Document(_Record):
    format: str
    problem: str
    loss: _Loss
    adaptation: _Gradient | _Implicit
    model: _Model
    features: list[_Row]
    tasks: list[_Task]
    omega: _Row
    comparator: _Row | _Functions
    radius: _Number


_NUMBER = 'a finite number (a float64 as a JSON number; a string such as "1/3", "0.1" or "0x1.8p-2" is exact)'
_REQUIRED = {
    "document": "a JSON object with the fields " + ", ".join(_Document.__struct_fields__),
    "format": f"{FORMAT!r}",
    "problem": "'meta-sl'",
    "loss": "an object with the field name and, if the loss has one, its parameter c or delta",
    "loss.name": "one of " + ", ".join(LOSSES),
    "loss.c": "a number >= 0",
    "loss.delta": "a number > 0",
    "adaptation": "an object with the fields name, eta, steps (gradient) or name, lambda (implicit)",
    "adaptation.name": "one of gradient, implicit",
    "adaptation.steps": f"an integer 1..{STEPS}",
    "adaptation.lambda": "a number > 0",
    "model": "an object with the field name: {'name': 'linear'}",
    "model.name": "'linear'",
    "features": "a non-empty list of rows of numbers, all of one length d >= 1,",
    "features[]": "a non-empty row of numbers, as long as features[0],",
    "tasks": "a non-empty list of tasks",
    "tasks[]": "an object with the fields weight, atoms",
    "tasks[].weight": "a number >= 0",
    "tasks[].atoms": "a non-empty list of atoms",
    "tasks[].atoms[]": "an object with the fields x, y, p",
    "tasks[].atoms[].x": "an integer, the index of a row of features,",
    "tasks[].atoms[].p": "a number >= 0",
    "omega": "a list of d numbers, one per column of features,",
    "comparator": "a list of d numbers, one per column of features, or {'functions': [...]}",
    "comparator.functions": "a list of rows of numbers, one per task,",
    "comparator.functions[]": "a row of k numbers, one per row of features,",
    "radius": "a number > 0",
}
"""What each field must be; the fields that are not here may be any number."""


class _FaultError(Exception):
    """A BadInputError that does not know its file yet, nor (if `given` is UNSET) what the document gives."""

    def __init__(self, field: str, advice: str = "correct it", what: str | None = None, given: object = UNSET) -> None:
        super().__init__(field, advice, what, given)
        what = what or _REQUIRED.get(re.sub(r"\[\d+\]", "[]", field), _NUMBER)
        self.field, self.given, self.required = field, given, f"{what} is required; {advice}"


def load(path: str | os.PathLike[str]) -> Instance:
    """The instance in the file at `path`. Errors: BadInputError."""
    file = os.fsdecode(path)
    try:
        text = _read(file)
    except _FaultError as fault:
        raise BadInputError(file, fault.field, fault.given, fault.required) from None
    return loads(text, file)


def loads(text: bytes | str, source: str = "<string>") -> Instance:
    """The instance in a text (bytes: UTF-8), which errors call `source`. Errors: BadInputError."""
    document: Any = None
    try:
        document = _parsed(text)
        _check_header(document)
        return _instance(_records(document))
    except _FaultError as fault:
        given = _lookup(document, fault.field) if fault.given is UNSET else fault.given
        raise BadInputError(source, fault.field, given, fault.required) from None


def dumps(instance: Instance) -> str:
    """The text of the instance's file, with a line for each row of numbers and each atom.

    Errors: ValueError for a number beyond NUMBER_BITS, which could not be read again.
    """
    return _laid_out(instance.document(_written), "") + "\n"


def save(instance: Instance, path: str | os.PathLike[str]) -> None:
    """Write the instance's file, whole or not at all. Errors: OSError; ValueError as `dumps`."""
    text = dumps(instance)
    target = Path(path)
    temporary = target.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


# Text <-> plain JSON values


def _read(file: str) -> bytes:
    try:
        size = os.stat(file).st_size
        text = b""
        if size <= LARGEST_FILE:
            with open(file, "rb") as stream:
                text = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise _FaultError("path", "correct it or its permissions", f"a readable file ({reason})", file) from None
    except ValueError:
        what = "a path without null characters and lone surrogates"
        raise _FaultError("path", what=what, given=file) from None
    _check_size(max(size, len(text)))
    return text


def _check_size(size: int) -> None:
    if size > LARGEST_FILE:
        raise _FaultError("size", "use fewer atoms or shorter numbers", f"a size of at most {LARGEST_FILE} bytes", size)


def _parsed(text: bytes | str) -> Any:
    """The JSON value of a text. NaN and infinities are kept, for the reader of the field to refuse."""
    _check_size(len(text))
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            bad = error.object[error.start : error.start + 1]
            raise _FaultError(f"byte {error.start}", "save the file as UTF-8", "UTF-8 text", bad) from None
    repeated: list[tuple[dict[str, Any], str]] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            repeated.append((fields, Counter(name for name, _ in pairs).most_common(1)[0][0]))
        return fields

    try:
        document = json.loads(text, object_pairs_hook=collect, parse_int=_integer)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        given = text[error.pos : error.pos + 20] or Missing.MISSING
        raise _FaultError(place, "correct the text", f"JSON ({error.msg.lower()})", given) from None
    except RecursionError:
        what = "a document nested at most 5 deep"
        raise _FaultError("document", "remove the superfluous brackets", what, text[:40]) from None
    if repeated:
        # The last one to be completed is not inside a value that a repeated field threw away.
        fields, name = repeated[-1]
        field = _join(_place(document, fields), name)
        raise _FaultError(field, "remove all but one", "a field that is given once", fields[name])
    return document


def _integer(digits: str) -> int | float:
    """An integer as float64 if it is too long to be an index (Python refuses to read very long ones)."""
    return int(digits) if len(digits) < 19 else float(digits)


def _place(document: Any, target: object) -> str:
    """The path of an object in the document."""
    stack = [("", document)]
    while stack:
        path, value = stack.pop()
        if value is target:
            break
        if isinstance(value, dict):
            items = [(_join(path, name), item) for name, item in value.items()]
        else:
            items = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
        stack += [item for item in items if isinstance(item[1], list | dict)]
    return path


def _join(path: str, name: str) -> str:
    """The path of a field of the object at `path`; names that could not stand in a line are quoted."""
    if not (name.isascii() and name.isidentifier() and len(name) <= 40):
        return f"{path}[{_SHORT.repr(name)}]"
    return f"{path}.{name}" if path else name


def _lookup(document: Any, path: str) -> object:
    """What the document gives at a path of the format."""
    value = document
    if path == "document":
        return value
    for name, index in re.findall(r"(\w+)|\[(\d+)\]", path):
        value = value[int(index)] if index else value.get(name, Missing.MISSING)
    return value


def _laid_out(value: object, margin: str) -> str:
    """JSON text in which everything that holds no list or object takes one line."""
    if not isinstance(value, list | dict):
        return json.dumps(value)
    items: Sequence[object] = list(value.values()) if isinstance(value, dict) else value
    if not any(isinstance(item, list | dict) for item in items):
        return json.dumps(value)
    inner = margin + "  "
    texts = [_laid_out(item, inner) for item in items]
    if isinstance(value, dict):
        texts = [f"{json.dumps(name)}: {text}" for name, text in zip(value, texts, strict=True)]
    left, right = "{}" if isinstance(value, dict) else "[]"
    return left + ",".join(f"\n{inner}{text}" for text in texts) + f"\n{margin}{right}"


def _written(q: fmpq) -> float | str:
    """The number q as a JSON number if it is a float64, else as "p/q"."""
    if not _fits(q):
        required = f"at most {NUMBER_BITS} bits above and below the bar are required; round it"
        raise ValueError(f"number={_SHORT.repr(str(q))}: {required}")
    nearest = to_float(q)
    return nearest if math.isfinite(nearest) and rational(nearest) == q else f"{q.p}/{q.q}"


def _fits(q: fmpq) -> bool:
    return bool(max(q.p.bit_length(), q.q.bit_length()) <= NUMBER_BITS)


# Plain JSON values -> records


def _check_header(document: Any) -> None:
    """Refuse what is no instance file, or one of a kind that this version cannot read."""
    if not isinstance(document, dict):
        raise _FaultError("document", "give an instance file")
    form, problem, model = (document.get(name) for name in ("format", "problem", "model"))
    if form != FORMAT:
        advice = "give an instance file"
        if isinstance(form, str) and form.startswith("metagap/instance/"):
            advice = "this version of metagap reads no other; convert the file"
        elif isinstance(form, str) and form.startswith("metagap/"):
            advice = "this is another kind of metagap file; give an instance file"
        raise _FaultError("format", advice)
    unsupported = "is not supported by this version of metagap"
    if problem == "meta-rl":
        raise _FaultError("problem", f"meta-rl {unsupported}; give a meta-sl instance")
    if problem != "meta-sl":
        raise _FaultError("problem")
    if isinstance(model, dict) and model.get("name") == "relu-network":
        raise _FaultError("model.name", f"relu-network {unsupported}; give an instance with a linear model")
    for name in document:
        if name not in _Document.__struct_fields__:
            raise _unknown("document", name, document)


def _unknown(place: str, name: str, fields: Any) -> _FaultError:
    field = _join("" if place == "document" else place, name)
    what = _REQUIRED[re.sub(r"\[\d+\]", "[]", place)]
    return _FaultError(field, "rename or remove this field", what, fields[name])


def _records(document: Any) -> _Document:
    """The document as records: every field is there, no other is, and all have the right JSON type."""
    try:
        return msgspec.convert(document, _Document)
    except UnicodeEncodeError as error:
        what = "text without lone surrogates (\\ud800..\\udfff)"
        raise _FaultError("document", "remove them", what, error.object) from None
    except msgspec.ValidationError as error:
        raise _translated(str(error), document) from None


def _translated(message: str, document: Any) -> _FaultError:
    """What msgspec says of a document in our terms, which are the place and what is required there."""
    found = re.search(r" - at `\$\.?([^`]*)`\Z", message)
    place = found[1] if found else ""
    what = message[: found.start()] if found else message
    missing, unknown = "Object missing required field `", "Object contains unknown field `"
    if what.startswith(missing):
        return _FaultError(_join(place, what.removeprefix(missing)[:-1]), "add it", given=Missing.MISSING)
    if what.startswith(unknown):
        return _unknown(place, what.removeprefix(unknown)[:-1], _lookup(document, place))
    return _FaultError(place)


# Records -> the instance


def _instance(record: _Document) -> Instance:
    """The instance that a record describes."""
    loss = _loss(record.loss)
    adaptation = _adaptation(record.adaptation, loss)
    features = _features(record.features)
    tasks, notes = _tasks(record.tasks, loss, len(features))
    if len(record.omega) != len(features[0]):
        raise _FaultError("omega", f"give d={len(features[0])} numbers")
    omega = _row(record.omega, "omega")
    comparator = _comparator(record.comparator, len(features[0]), len(tasks), len(features))
    radius = _exact(record.radius, "radius")
    if radius <= 0:
        raise _FaultError("radius")
    return Instance(loss, adaptation, features, tasks, omega, comparator, radius, notes)


def _loss(record: _Loss) -> Loss:
    if record.name not in LOSSES:
        raise _FaultError("loss.name")
    wanted = LOSSES[record.name].profile.parameter
    parameter = None
    for name, value in (("c", record.c), ("delta", record.delta)):
        field = f"loss.{name}"
        if value is UNSET:
            if name == wanted:
                raise _FaultError(field, f"add it, the {record.name} loss needs it")
            continue
        if name != wanted:
            raise _FaultError(field, "remove it", f"a loss without {name} ({record.name} has none)")
        parameter = _exact(value, field)
        if parameter < 0 or (parameter == 0 and name == "delta"):
            raise _FaultError(field)
    return Loss(record.name, parameter)


def _adaptation(record: _Gradient | _Implicit, loss: Loss) -> Adaptation:
    if isinstance(record, _Gradient):
        if not 1 <= record.steps <= STEPS:
            raise _FaultError("adaptation.steps")
        return Gradient(_exact(record.eta, "adaptation.eta"), record.steps)
    strength = _exact(record.strength, "adaptation.lambda")
    if strength <= 0:
        raise _FaultError("adaptation.lambda")
    if not loss.profile.convex or loss.profile.joints:
        smooth = ", ".join(n for n, f in LOSSES.items() if f.profile.convex and not f.profile.joints)
        what = f"with implicit adaptation a convex, twice differentiable loss ({smooth})"
        raise _FaultError("loss.name", "choose one of them or gradient adaptation", what)
    return Implicit(strength)


def _features(rows: list[_Row]) -> tuple[Vector, ...]:
    if not rows:
        raise _FaultError("features", "give at least one row")
    for i, row in enumerate(rows):
        if not row or len(row) != len(rows[0]):
            field = f"features[{i}]"
            raise _FaultError(field, f"give d={len(rows[0])} numbers" if rows[0] else "give at least one number")
    return tuple(_row(row, f"features[{i}]") for i, row in enumerate(rows))


def _tasks(records: list[_Task], loss: Loss, support: int) -> tuple[tuple[Task, ...], tuple[str, ...]]:
    """The tasks, with weights and masses that sum to 1, and what was changed for that."""
    if not records:
        raise _FaultError("tasks", "give at least one task")
    weights, notes = _normalised([task.weight for task in records], "tasks", "weight")
    tasks = []
    for i, (task, weight) in enumerate(zip(records, weights, strict=True)):
        field = f"tasks[{i}].atoms"
        if not task.atoms:
            raise _FaultError(field, "give at least one atom")
        masses, more = _normalised([atom.p for atom in task.atoms], field, "p")
        atoms = []
        for j, (atom, p) in enumerate(zip(task.atoms, masses, strict=True)):
            if not 0 <= atom.x < support:
                x = f"{field}[{j}].x"
                raise _FaultError(x, f"features has the rows 0..{support - 1}")
            y = _exact(atom.y, f"{field}[{j}].y")
            if (loss.link is Link.MARGIN and abs(y) != 1) or (loss.link is Link.CANONICAL and y < 0):
                what = f"{loss.link.value}, for the {loss.name} loss,"
                raise _FaultError(f"{field}[{j}].y", "correct the label", what)
            atoms.append(Atom(atom.x, y, p))
        tasks.append(Task(weight, tuple(atoms)))
        notes += more
    return tuple(tasks), notes


def _comparator(record: _Row | _Functions, dimension: int, tasks: int, support: int) -> Comparator:
    if not isinstance(record, _Functions):
        if len(record) != dimension:
            raise _FaultError("comparator", f"give d={dimension} numbers")
        return _row(record, "comparator")
    field = "comparator.functions"
    if len(record.functions) != tasks:
        raise _FaultError(field, f"give n={tasks} rows")
    for i, row in enumerate(record.functions):
        if len(row) != support:
            raise _FaultError(f"{field}[{i}]", f"give k={support} numbers")
    return Functions(tuple(_row(row, f"{field}[{i}]") for i, row in enumerate(record.functions)))


def _normalised(given: list[_Number], field: str, name: str) -> tuple[list[fmpq], tuple[str, ...]]:
    """Numbers >= 0 that sum to 1: as given if they do, divided by their sum if it is 1 up to TOLERANCE."""
    values = [_exact(value, f"{field}[{i}].{name}") for i, value in enumerate(given)]
    for i, value in enumerate(values):
        if value < 0:
            raise _FaultError(f"{field}[{i}].{name}")
    total = _sum(values)
    if total == 1:
        return values, ()
    excess = total - 1
    difference = f"{'-' if excess < 0 else '+'} {arb(abs(excess)).str(6, radius=False)}"
    summed = f"{'masses' if name == 'p' else 'weights'} summed to 1 {difference}"
    exact = all(isinstance(value, str) for value in given)
    if exact or abs(excess) > TOLERANCE:
        what = "a sum of exactly 1 (all are strings)" if exact else "a sum of 1, up to 1e-12,"
        raise _FaultError(f"{field}[*].{name}", f"the {summed}: correct them", what, given)
    normalised = [value / total for value in values] if _fits(total) else []
    if not normalised or not all(map(_fits, normalised)):
        what = f"a sum of 1, or one that can be renormalised within {NUMBER_BITS} bits,"
        raise _FaultError(f"{field}[*].{name}", f"the {summed}: round them", what, given)
    return normalised, (f"{field}: {summed} and were renormalised",)


def _sum(values: list[fmpq]) -> fmpq:
    """The exact sum, over a balanced tree: unlike denominators meet late."""
    while len(values) > 1:
        values = [sum(values[i : i + 2], fmpq(0)) for i in range(0, len(values), 2)]
    return values[0]


def _row(values: list[_Number], field: str) -> Vector:
    return tuple([_exact(value, f"{field}[{i}]") for i, value in enumerate(values)])


_FRACTION = re.compile(r"([+-]?)([0-9]+)/([0-9]+)")
_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
_HEX = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?[0-9]+))?")


def _exact(value: _Number, field: str) -> fmpq:
    """The rational that a JSON number or a number string stands for."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _FaultError(field, "correct it, or write a large number as a string", _NUMBER)
        return rational(value)
    if len(value) > NUMBER_CHARACTERS:
        raise _FaultError(field, "round it", f"a number of at most {NUMBER_CHARACTERS} characters")
    if found := _FRACTION.fullmatch(value):
        top, bottom = fmpz(found[2]), fmpz(found[3])
        if bottom == 0:
            raise _FaultError(field, what="a fraction p/q with q > 0")
        q = fmpq(top, bottom)
    elif (found := _HEX.fullmatch(value) or _DECIMAL.fullmatch(value)) and (found[2] or found[3]):
        part, exponent = found[3] or "", _exponent(found[4] or "", field)
        if found.re is _HEX:
            digits, base, shift = fmpz(int(found[2] + part, 16)), 2, exponent - 4 * len(part)
        else:
            digits, base, shift = fmpz(found[2] + part), 10, exponent - len(part)
        power = fmpz(base) ** abs(shift)
        q = fmpq(digits * power) if shift >= 0 else fmpq(digits, power)
    else:
        raise _FaultError(field, what=_NUMBER)
    if not _fits(q):
        what = f"a fraction of at most {NUMBER_BITS} bits above and below the bar"
        raise _FaultError(field, "round it", what)
    return -q if found[1] == "-" else q


def _exponent(text: str, field: str) -> int:
    digits = text.lstrip("+-0") or "0"
    if len(digits) > len(str(EXPONENT)) or int(digits) > EXPONENT:
        raise _FaultError(field, what=f"an exponent within -{EXPONENT}..{EXPONENT}")
    return -int(digits) if text.startswith("-") else int(digits)
