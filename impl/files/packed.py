"""Bytes in a file of text: base64 of a zlib stream."""

from __future__ import annotations

import base64
import zlib

from .faults import FaultError


def packed(content: bytes) -> str:
    """The bytes as text."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def unpacked(text: str, most: int, field: str) -> bytes:
    """The bytes again. Errors: FaultError for what is none, is cut, is followed by more, or is longer than `most`."""
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(base64.b64decode(text, validate=True), most)
        whole = unpacker.eof and not unpacker.unconsumed_tail and not unpacker.unused_data
    except (ValueError, zlib.error):
        whole = False
    if not whole:
        raise FaultError(field, what=f"base64 of a zlib stream of at most {most} bytes")
    return content
