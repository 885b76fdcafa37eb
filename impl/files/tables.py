"""Tables that others write: CSV and NumPy archives, bounded before anything of their size is allocated.

Numbers of a CSV file are decimals in ASCII, each standing for its nearest float64. Of an archive the arrays that are
asked for are read, and it may have no other; each must be a plain one, as long as its header says, and nothing may
follow it.
"""

from __future__ import annotations

import csv
import io
import math
import re
import sys
import zlib
from collections.abc import Sequence
from tokenize import TokenError
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from .faults import FaultError
from .text import read

LARGEST_TABLE = 2**26
"""Numbers in the largest table."""
LARGEST_MEMBER = 2**29
"""Bytes in the largest array of an archive, and in the largest archive."""
KINDS = "biufUS"
"""Kinds of arrays, by numpy's letters: booleans, integers, floats and text; no objects, dates, complex numbers."""
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_END = b"PK\x05\x06"
"""How the last 22 bytes of an archive without a comment begin."""


_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def controls(text: str) -> bool:
    """Whether the text has control characters, NUL and line breaks among them; a tab is none."""
    return _CONTROLS.search(text) is not None


def csv_lines(file: str) -> list[tuple[int, list[str]]]:
    """(number of the line it ends on, fields) of every line that is not blank. Errors: FaultError."""
    try:
        text = read(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        bad = error.object[error.start : error.start + 1]
        raise FaultError(f"byte {error.start}", "save the file as UTF-8", "UTF-8 text", bad) from None
    check_size(text.count(",") + 1)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        # As every reader of CSV: a blank line is none.
        lines = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise FaultError(f"line {reader.line_num}", what=f"CSV ({error})", given=_line(text, reader.line_num)) from None
    for number, row in lines:
        if controls("".join(row)):
            given = next(field for field in row if controls(field))
            raise FaultError(f"line {number}", "remove them", "fields without control characters", given)
    return lines


def _line(text: str, number: int) -> str:
    return next(iter(text.split("\n", number)[number - 1 :]), "")[:80]


def check_size(count: int) -> None:
    """Errors: FaultError for more numbers than the largest table has."""
    if count > LARGEST_TABLE:
        raise FaultError("size", "use fewer rows or columns", f"a table of at most {LARGEST_TABLE} numbers", count)


def arrays(
    file: str, names: Sequence[str] | None = None, ignored: Sequence[str] = (), optional: Sequence[str] = ()
) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of those names in a NumPy archive, and those `optional` ones that it has; None: all of them. Others it
    must not have, but those ignored.

    Errors: FaultError.
    """
    data = read(file, LARGEST_MEMBER)
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            foreign = archive.comment or (members and min(m.header_offset for m in members)) or data[-22:-18] != _END
            if foreign:
                raise FaultError("path", "save it again", "an archive and nothing before or after it", file)
            given = [m.filename.removesuffix(".npy") for m in members]
            needed = list(dict.fromkeys(given)) if names is None else names
            wanted = [*needed, *(name for name in optional if name in given and name not in ignored)]
            for name in ignored:
                if name in needed or name not in given:
                    others = f"another array than {', '.join(needed)}, which the archive has,"
                    raise FaultError("--ignore", "correct it, or leave it out", others, name)
            for name in given:
                if name not in wanted and name not in ignored:
                    advice = f"others have no meaning yet; remove it, or give --ignore {name}"
                    raise FaultError("array", advice, f"one of the arrays {', '.join([*needed, *optional])}", name)
            return {name: _array(archive, members, name) for name in wanted}
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split()) or "it is cut short"
        required = f"a NumPy archive (savez) of plain arrays ({reason[:1].lower()}{reason[1:]})"
        raise FaultError("path", "save it again", required, file) from None


def _array(archive: ZipFile, members: Sequence[ZipInfo], name: str) -> np.ndarray[Any, Any]:
    found = [m for m in members if m.filename == f"{name}.npy"]
    if len(found) != 1:
        given = sorted(m.filename.removesuffix(".npy") for m in members)
        raise FaultError(name, "add it" if not found else "remove all but one", f"one array {name}", given)
    (member,) = found
    if member.flag_bits & 1 or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise FaultError(
            name, "save it by savez", "an array that is stored or deflated, without a password", member.filename
        )
    if member.file_size > LARGEST_MEMBER:
        required = f"an array of at most {LARGEST_MEMBER} bytes"
        raise FaultError(name, "use fewer rows or columns", required, member.file_size)
    with archive.open(member) as stream:
        return array(stream.read(member.file_size + 1), name)


def array(raw: bytes, name: str) -> np.ndarray[Any, Any]:
    """The array in the bytes of an .npy file. Errors: FaultError."""
    header = io.BytesIO(raw)
    try:
        shape, fortran, dtype = _HEADERS[npy.read_magic(header)](header)
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError) as error:
        reason = " ".join(str(error).split())
        raise FaultError(name, "save it by savez", "an array in numpy's own format", reason) from None
    if dtype.kind not in KINDS or dtype.shape:
        raise FaultError(name, "convert it", "an array of numbers or text", str(dtype))
    count = math.prod(shape)
    size = len(raw) - header.tell()
    if min(shape, default=0) < 0 or count * dtype.itemsize != size:
        required = f"a shape of the {size} bytes that follow"
        raise FaultError(name, "save it again", required, f"{dtype}{shape}")
    check_size(count)
    if dtype.kind == "U":
        # numpy makes text of any 32 bits, and fails in its own ways where they are no character.
        codes = np.ndarray(size // 4, np.dtype("u4").newbyteorder(dtype.byteorder), raw, header.tell())
        if ((codes > sys.maxunicode) | ((codes >= 0xD800) & (codes <= 0xDFFF))).any():
            raise FaultError(name, "correct it", "text of Unicode characters", str(dtype))
    return np.ndarray(shape, dtype, raw, header.tell(), order="F" if fortran else "C")
