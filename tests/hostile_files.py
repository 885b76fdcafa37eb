"""Valid files of every kind, changed at random places in every way we could think of."""

from __future__ import annotations

import base64
import io
import json
import random
import warnings
import zipfile
import zlib
from typing import Any

import numpy as np

NUMBERS = (
    *(
        "1e999999999",
        "1e-99999999",
        "0x1p99999999",
        "1_6",
        "\uff11",
        "\u0661",
        " 1",
        "1\n",
        "",
        "nan",
        "inf",
        "1/0",
        "1/3",
    ),
    *("7" * 5000, "0." + "3" * 5000, "9" * 50_000, "1e10000", "-0", "1e400", "0x", "1/3/5", "1e", ".", "\x00"),
)
VALUES: tuple[Any, ...] = (
    *NUMBERS,
    *(None, True, False, [], {}, [[]], [{}], {"": 0}, 0, -1, 1, 2, 1.5, -0.0, 5e-324, 1e308, -1e308, 2**53 + 1),
    *(float("nan"), float("inf"), float("-inf"), "\ud800", "a\x00b", "\x1b[31m", "<script>", "\u202e", "x" * 100_000),
    *([0] * 1000, [None], ["a"], {"a": 1, "b": [2]}, "meta-sl", "<=", "=", "nonsense", "../../x", "/dev/zero"),
)
RAW = (
    "9" * 5000,
    "1e999",
    "-1e-999",
    "[" * 50 + "]" * 50,
    "[" * 100_000,
    '{"a":' * 20_000,
    "1 1",
    "01",
    "'a'",
    "\\",
    "NaN",
)
"""What stands in a text as it is."""


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a document, as its container and its key or index."""
    found, stack = [], [value]
    while stack:
        here = stack.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
        found += [(here, key) for key in keys]
        stack += [here[key] for key in keys]
    return found


MILD: tuple[Any, ...] = (0, 1, -1, 2, 0.5, 1e-9, 1e9, "1/3", "0.1", "0x1p-3", "7" * 5000, "", "x", None, [], True)
"""Values that may be allowed where they come to stand."""


def changed(content: Any, rng: random.Random) -> str:
    """The text of a document with one to three changes; at times a single mild one."""
    whole = json.loads(json.dumps(content))
    if rng.random() < 0.4:
        container, key = rng.choice(places(whole) or [([0], 0)])
        match rng.randrange(4):
            case 0 if isinstance(container, list):
                container.append(container[key])
            case 1 if isinstance(container, list):
                del container[key]
            case _:
                container[key] = rng.choice(MILD)
        return json.dumps(whole)
    raw = None
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        spots = places(whole)
        if not spots:
            break
        container, key = rng.choice(spots)
        match rng.randrange(9):
            case 0 | 1 | 2:
                container[key] = rng.choice(VALUES)
            case 3:
                del container[key]
            case 4:
                container[key] = "@"
                raw = rng.choice(RAW)
            case 5 if isinstance(container, dict):
                container[rng.choice(("surplus", "a` - at `$.b", "\ud800", "x\ny", *container))] = container.pop(key)
            case 6 if isinstance(container, list):
                container.insert(key, rng.choice((container[key], *VALUES)))
            case 7:
                other, place = rng.choice(spots)
                if key in container if isinstance(container, dict) else key < len(container):
                    other_value = json.loads(json.dumps(container[key]))
                    if place in other if isinstance(other, dict) else place < len(other):
                        other[place] = other_value
            case _:
                if isinstance(container, list):
                    del container[key:]
                elif isinstance(container[key], int | float):
                    container[key] = -container[key]
    written = json.dumps(whole)
    if raw is not None:
        written = written.replace('"@"', raw, 1)
    match rng.randrange(12):
        case 0:
            written = written[: rng.randrange(len(written) + 1)]
        case 1:
            written += rng.choice(("x", "{}", "\x00", ",", " \n"))
        case 2 if '": ' in written:
            at = rng.choice([i for i in range(len(written)) if written.startswith(', "', i)] or [0])
            written = written[:at] + written[at:].replace(', "', ', "format": 1, "', 1)
    return written


def bytes_of(written: str, rng: random.Random) -> bytes:
    """The text as bytes, at times damaged."""
    data = bytearray(written.encode("utf-8", "surrogatepass"))
    match rng.randrange(20):
        case 0 if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
        case 1:
            data[:0] = rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\x1f\x8b"))
        case 2:
            data = bytearray(written.encode("utf-16", "surrogatepass"))
    return bytes(data)


def table(rng: random.Random) -> bytes:
    """A CSV file with changes."""
    rows = [["task", "y", "a", "b"], ["first", "1", "0.5", "2"], ["first", "-1", "1", "0"], ["second", "1", "0.5", "2"]]
    for _ in range(rng.choice((1, 1, 2))):
        row = rng.choice(rows)
        match rng.randrange(6):
            case 0 | 1:
                row[rng.randrange(len(row))] = rng.choice(
                    (*NUMBERS, '"', "a,b", '"a\nb"', "2020-01-01", "a", "task", "y")
                )
            case 2:
                row.append(rng.choice(("", "1", "junk")))
            case 3:
                row.pop()
            case 4:
                rows.append(list(rng.choice(rows)))
            case _:
                rows.insert(rng.randrange(len(rows)), [rng.choice(("", "\x00", "x" * 200_000, '"'))])
        rows = [row for row in rows if row] or [[""]]
    joined = rng.choice(("\n", "\r\n", "\r", "\n\n")).join(rng.choice((",", ",", ",", ";")).join(row) for row in rows)
    return bytes_of(joined + "\n", rng)


HEADER = "{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def member(rng: random.Random, good: np.ndarray[Any, Any]) -> bytes:
    """The bytes of a .npy file, often with another header than its data."""
    stream = io.BytesIO()
    match rng.randrange(5):
        case 0:
            kind = rng.choice(("O", "M8[ns]", "m8[s]", "c16", "f2", "g", "U3", "S2", "?", "i8", "u8", "V4", "i4,f8"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    good = good.astype(kind)
                except (TypeError, ValueError, OverflowError):
                    good = np.zeros(good.shape, kind)
            np.save(stream, good, allow_pickle=True)
        case 1:
            np.save(stream, np.zeros(rng.choice(((), (0,), (3, 2), (2, 0), (1, 1, 1), (3,), (2**12, 2**8)))))
        case 2:
            fields = {
                "descr": rng.choice(
                    ("'<f8'", "'|O'", "'<U0'", "'<U3'", "'<f8", "3", "[('a', '<f8')]", "'V0'", "'q'" * 400)
                ),
                "order": rng.choice(("True", "False", "1", "None", "(" * 5000)),
                "shape": rng.choice(
                    ("(3, 2)", "(10**12, 2)", "(1000000000000, 2)", "(-1, -6)", "(3,", "True", "(3.0, 2)", "()")
                ),
            }
            header = HEADER.format(**fields).encode() + b"\n"
            version = rng.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09"))
            length = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
            stream.write(b"\x93NUMPY" + version + length + header + good.tobytes())
        case _:
            np.save(stream, good)
            if rng.random() < 0.5:
                stream.write(b"junk")
    data = bytearray(stream.getvalue())
    if rng.random() < 0.3:
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data) if rng.random() < 0.8 else bytes(data[: rng.randrange(len(data))])


def archive(rng: random.Random) -> bytes:
    """An NPZ file with changes: in its arrays, their headers, and the archive around them."""
    stream = io.BytesIO()
    arrays = {
        "X": np.array([[1.0, 2.0], [3.0, 4.0], [0.5, 1.0]]),
        "y": np.array([1.0, -1.0, 1.0]),
        "task": np.array(["a", "a", "b"]),
    }
    if rng.random() < 0.2:
        arrays["X"][0, 0] = rng.choice((np.nan, np.inf, 1e308))
    victim = rng.choice((*arrays, None))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
        with zipfile.ZipFile(stream, "w", method) as made:
            for name, values in arrays.items():
                plain = io.BytesIO()
                np.save(plain, values)
                made.writestr(f"{name}.npy", member(rng, values) if name == victim else plain.getvalue())
            if rng.random() < 0.2:
                made.writestr(rng.choice(("X.npy", "other.npy", "../x", "X")), b"junk")
            if rng.random() < 0.1:
                made.comment = b"a comment"
    data = bytearray(stream.getvalue())
    match rng.randrange(8):
        case 0:
            data[rng.randrange(len(data))] = rng.randrange(256)
        case 1:
            del data[rng.randrange(len(data)) :]
        case 2:
            data += b"junk"
        case 3:
            data[:0] = b"junk"
        case 4:
            data = bytearray(plain.getvalue())  # a renamed .npy
    return bytes(data)


def tree(content: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """A certificate with another tree."""
    body = {
        0: b"\x00" * rng.choice((5, 3000, 60_000)) + b"n",
        1: bytes(rng.randrange(256) for _ in range(40)),
        2: b"\x00" * 2000 + b"n" * 2001,
        3: b"",
        4: b"n" * 10**6,
    }[rng.randrange(5)]
    packed = base64.b64encode(zlib.compress(body) + rng.choice((b"", b"", b"junk"))).decode()
    return content | {"tree": packed[: rng.choice((len(packed), len(packed) - 4))]}


# --- readers ------------------------------------------------------------------------------------------------
