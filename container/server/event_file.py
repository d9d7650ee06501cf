"""One file of TensorBoard's: scalars only, written whole record by whole record, without TensorBoard or its packages.

A record is its length, a checksum of that, an `Event` and a checksum of it. Messages and field numbers are those of
TensorFlow's event.proto and summary.proto.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

_POLYNOMIAL = 0x82F63B78
_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        rest = byte
        for _ in range(8):
            rest = (rest >> 1) ^ (_POLYNOMIAL if rest & 1 else 0)
        entries.append(rest)
    return tuple(entries)


_TABLE = _table()


def checksum(data: bytes) -> int:
    """CRC-32C, rotated and shifted as the format has it."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest = _TABLE[(rest ^ byte) & 0xFF] ^ (rest >> 8)
    rest ^= 0xFFFFFFFF
    return (((rest >> 15) | (rest << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def record(event: bytes) -> bytes:
    length = struct.pack("<Q", len(event))
    return length + struct.pack("<I", checksum(length)) + event + struct.pack("<I", checksum(event))


def version(at: float) -> bytes:
    """The event that every file begins with."""
    return _head(at) + _bytes(3, b"brain.Event:2")


def scalars(at: float, step: int, values: Iterable[tuple[str, float]]) -> bytes:
    """An event with tags and values; `at` in seconds since the epoch."""
    found = b"".join(
        _bytes(1, _bytes(1, tag.encode("utf-8", "replace")) + _key(2, _FLOAT) + struct.pack("<f", value))
        for tag, value in values
    )
    return _head(at) + _key(2, _VARINT) + _varint(step) + _bytes(5, found)


def _head(at: float) -> bytes:
    return _key(1, _DOUBLE) + struct.pack("<d", at)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(value)) + value


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


class EventFile:
    """An open file. What cannot be written whole is taken back, so that what comes later can be read."""

    def __init__(self, folder: Path, at: float) -> None:
        """Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"events.out.tfevents.{int(at):010d}.{socket.gethostname()}.{os.getpid()}"
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._whole = os.fstat(self._file).st_size
        self._at = at

    def write(self, event: bytes) -> None:
        """Raises OSError when there is no room; the file then ends with the last whole record."""
        data = record(event)
        if self._whole == 0:
            data = record(version(self._at)) + data
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._whole)
            raise
        self._whole += len(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._file)
