"""TFRecord files whose gzip only stores: what is in them can be read where it lies.

Gzip as such has to be read from its beginning. Where nothing was deflated, as Transform writes its
records, the file is its content cut into blocks of up to 64 kB, each behind a header of 5 bytes; so
a part of the content is a part of the file, but for the headers that may lie in it.

    file = StoredFile("data-00000-of-00001.gz")           # NotStored: it was deflated
    for start, data in file.records():                    # where each record begins, and its bytes
        place = file.place(start + 100, 7_000)            # where a part of it lies in the file
    reader = StoredReader(file.path, file.state)          # in another process, on another day
    reader.read(place)                                    # that part, by any thread

Formats: RFC 1951 (section 3.2.4), RFC 1952, and TFRecord's (TensorFlow's `record_writer.h`).
"""

from __future__ import annotations

import mmap
import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from components.tfrecord_checksum import CHECKSUM_BYTES, tfrecord_checksum
from schemas.errors import FieldmarkError

WRITE_ANEW = "Delete the run's Transform output and start the run again, which writes it anew."
"""The way out of a damaged file of records."""

OPEN_FILES = 256
"""Kept open at a time; a process may open 1,024 by default on Linux."""

_GZIP_HEADER = struct.Struct("<2sBBIBB")
_GZIP = b"\x1f\x8b"
_BLOCK = struct.Struct(
    "<BHH"
)  # its type, and whether it is the last; its length, and that inverted
_LAST_STORED = 1
_INVERTED = 0xFFFF
_EMPTY_LAST_BLOCK = b"\x03\x00"  # of fixed codes: the one block beside stored ones that is allowed
_LENGTH = struct.Struct("<Q")  # of a record; the record follows, each of the two with a checksum


class NotStored(ValueError):
    """A file that cannot be read in place: it was deflated, or is not plain gzip at all."""


class Place(NamedTuple):
    """Where a part of the content lies in a file.

    Attributes:
        begin: byte of the file that it begins at.
        span: bytes of the file that it reaches over, headers in it included.
        first_header: how many bytes after its begin the first header lies; 0 if there is none.
    """

    begin: int
    span: int
    first_header: int


class FileState(NamedTuple):
    """By which a file that was changed is known.

    Attributes:
        size: bytes.
        changed_ns: time of change, nanoseconds since 1970.
    """

    size: int
    changed_ns: int

    @classmethod
    def of(cls, stat: os.stat_result) -> FileState:
        """Returns that of a file which the system was asked about."""
        return cls(stat.st_size, stat.st_mtime_ns)


class StoredFile:
    """A file as it is looked at from its beginning to its end.

    Args:
        path: of the file.

    Attributes:
        path: of the file.
        state: when it was looked at.
        content_bytes: length of the content.

    Raises:
        NotStored: if its content cannot be read in place.
        FieldmarkError: if the file ends before its content does.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.state = FileState.of(Path(path).stat())
        self._blocks, self.content_bytes = array("q"), 0
        if self.state.size:
            with _mapped(path) as raw:
                self._blocks, self.content_bytes = _blocks(raw, path)

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Yields (where it begins in the content, its bytes) of each record, in order.

        Raises:
            FieldmarkError: if a record is cut off, or is not the one that its checksum was made of.
        """
        if not self.content_bytes:
            return
        with _mapped(self.path) as raw:
            start = 0
            while start < self.content_bytes:
                length = self._checked(raw, start, _LENGTH.size)
                (size,) = _LENGTH.unpack(length)
                start += _LENGTH.size + CHECKSUM_BYTES
                yield start, self._checked(raw, start, size)
                start += size + CHECKSUM_BYTES

    def place(self, start: int, size: int) -> Place:
        """Returns where the content of `size` bytes from `start` on lies."""
        first = bisect_right(self._blocks, start) - 1
        last = bisect_right(self._blocks, start + max(size, 1) - 1, lo=first) - 1
        begin = _raw(start, first)
        to_header = self._blocks[first + 1] - start if last > first else 0
        return Place(begin, _raw(start + size, last) - begin, to_header)

    def _checked(self, raw: mmap.mmap, start: int, size: int) -> bytes:
        """A part that is followed by its checksum."""
        data = self._part(raw, start, size)
        if tfrecord_checksum(data) != self._part(raw, start + size, CHECKSUM_BYTES):
            raise FieldmarkError(
                f"{self.path}: what lies at byte {start:,} of its content is not what was written "
                f"there: its checksum is another. {WRITE_ANEW}"
            )
        return data

    def _part(self, raw: mmap.mmap, start: int, size: int) -> bytes:
        if start + size > self.content_bytes:
            raise _cut_off(self.path)
        place = self.place(start, size)
        return _without_headers(raw[place.begin : place.begin + place.span], place, self.path)


class StoredReader:
    """Reads parts of a file that was looked at before; for any number of threads.

    Args:
        path: of the file.
        state: that it had.
    """

    def __init__(self, path: str, state: FileState) -> None:
        self._path, self._state = path, state

    def expect(self, place: Place) -> None:
        """Has the system fetch a part, and does not wait for it."""
        number = _opened(self._path, self._state).number
        os.posix_fadvise(number, place.begin, place.span, os.POSIX_FADV_WILLNEED)

    def read(self, place: Place) -> bytes:
        """Returns a part of the content.

        Raises:
            FieldmarkError: if the file was changed since it was looked at.
        """
        raw = os.pread(_opened(self._path, self._state).number, place.span, place.begin)
        if len(raw) < place.span:
            raise _cut_off(self._path)
        return _without_headers(raw, place, self._path)


def _without_headers(raw: bytes, place: Place, path: str) -> bytes:
    """A part of a file, less the headers in it: each says how far the next one is."""
    if not place.first_header:
        return raw
    parts, begin, header = [], 0, place.first_header
    while header < len(raw):
        kind, size, inverted = _BLOCK.unpack_from(raw, header)
        if kind > _LAST_STORED or size ^ inverted != _INVERTED:
            raise FieldmarkError(
                f"{path} is damaged at byte {place.begin + header:,}: no gzip header is where one "
                f"must be. {WRITE_ANEW}"
            )
        parts.append(raw[begin:header])
        begin, header = header + _BLOCK.size, header + _BLOCK.size + size
    return b"".join([*parts, raw[begin:]])


def _raw(content: int, block: int) -> int:
    """Where in the file some content of a block is: before it is a header for each block."""
    return content + _GZIP_HEADER.size + _BLOCK.size * (block + 1)


def _blocks(raw: mmap.mmap, path: str) -> tuple[array[int], int]:
    """Where each block begins in the content, and the content's length."""
    if len(raw) < _GZIP_HEADER.size or raw[:2] != _GZIP:
        raise NotStored(f"{path} is not gzip.")
    if _GZIP_HEADER.unpack_from(raw)[2]:
        raise NotStored(f"{path} has more in its gzip header than must be there.")
    begins, content, kind = array("q"), 0, 0
    while kind != _LAST_STORED:
        at = _raw(content, len(begins) - 1)
        if raw[at : at + 2] == _EMPTY_LAST_BLOCK:
            break
        if at + _BLOCK.size > len(raw):
            raise _cut_off(path)
        kind, size, inverted = _BLOCK.unpack_from(raw, at)
        if kind > _LAST_STORED or size ^ inverted != _INVERTED:
            raise NotStored(f"{path} was deflated.")
        begins.append(content)
        content += size
        if _raw(content, len(begins) - 1) > len(raw):
            raise _cut_off(path)
    return begins, content


def _cut_off(path: str) -> FieldmarkError:
    return FieldmarkError(
        f"{path} ends before its content does: it was cut off, or changed while it was read. "
        f"{WRITE_ANEW}"
    )


@contextmanager
def _mapped(path: str) -> Iterator[mmap.mmap]:
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw,
    ):
        yield raw


class _Descriptor:
    """An open file, closed when nobody reads it any more."""

    def __init__(self, path: str, state: FileState) -> None:
        try:
            self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise FieldmarkError(
                f"{path} cannot be read any more ({error.strerror}). Start the run again when it "
                "can be: training goes on from its last checkpoint."
            ) from error
        if FileState.of(os.fstat(self.number)) != state:
            raise FieldmarkError(
                f"{path} was written anew since training looked at it. Start the run again, which "
                "looks at it anew."
            )
        # What lies behind a part is another one's: to read ahead would be for nothing.
        os.posix_fadvise(self.number, 0, 0, os.POSIX_FADV_RANDOM)

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)


@lru_cache(maxsize=OPEN_FILES)
def _opened(path: str, state: FileState) -> _Descriptor:
    return _Descriptor(path, state)
