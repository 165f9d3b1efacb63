"""The competition's COCO-style JSON, streamed section by section.

`{"info": {...}, "images": [...], "categories": [...], "annotations": [...], "licenses": [...]}`, in
an order that differs from year to year. The file of 2021 has over a gigabyte, so nothing is loaded:
one fast look through the bytes finds where each section begins, and a section is parsed alone, an
object at a time. Within a string of JSON no quote stands unescaped, so `"images":[` can only be a
key; together the sections cover the whole file, so whatever is broken is met by who reads there.

    json = CompetitionJson.scan("train2019.json")
    for category in json.items("categories"):       # dicts
        ...

Numbers that JSON does not know (NaN, Infinity), as Python's own writer puts them, are read as "".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import ijson

from schemas.errors import DataError

SECTIONS = ("images", "annotations", "categories", "licenses")
"""The arrays that are read."""

_KEY = re.compile(rb'"(' + "|".join(SECTIONS).encode() + rb')"\s*:\s*\[')

_NOT_A_NUMBER = re.compile(rb'(\w"\s*:\s*)(NaN|-?Infinity)(?=\s*[,}])')
"""A value that JSON does not know. A word character and a quote end a key and start no string."""

_REASON = re.compile(r"(?:lexical|parse) error: ([^\n\\]+?)\.?(?:\n|\\|$)")
"""What the parser says, before it draws the place."""

_CHUNK_BYTES = 1 << 20
_OVERLAP_BYTES = 1 << 10
"""Of two chunks, more than any key with its colon and bracket takes."""

_PLACES_SHOWN = 5
_PARSED_AT_ONCE_BYTES = 1 << 16

REMEDY = "Unpack the archive again; if that does not help, fetch it again and compare its md5 sum."


@dataclass(frozen=True)
class CompetitionJson:
    """Where the sections of a file are.

    Attributes:
        path: the file.
        size_bytes: its size.
        starts: where each section's key begins, in file order.
    """

    path: Path
    size_bytes: int
    starts: dict[str, int]

    @classmethod
    def scan(cls, path: str | PathLike[str]) -> CompetitionJson:
        """Looks through a file for its sections, at the speed of a search for bytes.

        Raises:
            DataError: if it cannot be read, is cut off, has a section twice, or none.
        """
        try:
            with Path(path).open("rb") as file:
                starts, size = _find_sections(path, file)
                _check_end(path, file, size)
                found = cls(Path(path), size, starts)
                found._check_head(file)
        except OSError as error:
            raise _unreadable(path, error) from error
        return found

    def items(self, section: str) -> Iterator[object]:
        """Yields what stands in a section's array, one at a time, nothing if it is not there.

        Args:
            section: one of `SECTIONS`.

        Raises:
            DataError: where the JSON is broken, naming the byte.
        """
        if section not in self.starts:
            return
        try:
            with self.path.open("rb") as file:
                yield from self._parsed(file, section)
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def _parsed(self, file: BinaryIO, section: str) -> Iterator[object]:
        part = self._part(file, section)
        try:
            yield from ijson.items(
                part, f"{section}.item", use_float=True, buf_size=_PARSED_AT_ONCE_BYTES
            )
        except (ijson.JSONError, UnicodeDecodeError) as error:
            place = _failing_byte(lambda: self._part(file, section))
            raise _broken(self.path, place, error) from error

    def _part(self, file: BinaryIO, section: str) -> _Part:
        """Returns the bytes from a section's key to the next one's, as an object of their own."""
        start = self.starts[section]
        later = [other for other in self.starts.values() if other > start]
        if not later:
            return _Part(file, start, self.size_bytes, b"{", b"")
        return _Part(file, start, _before_comma(self.path, file, min(later)), b"{", b"}")

    def _check_head(self, file: BinaryIO) -> None:
        """Checks what stands before the first section: `{`, and perhaps `"info": {...},`."""
        first = min(self.starts.values())
        file.seek(0)
        head = file.read(first).removeprefix(b"\xef\xbb\xbf").strip()
        if head == b"{":
            return
        try:
            for _ in ijson.basic_parse(head.removesuffix(b",") + b"}", use_float=True):
                pass
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise DataError(
                self.path,
                problem=f"is no competition JSON: {', '.join(self.starts)} do not stand at its top "
                f"level, or what stands before byte {first:,} is broken.",
                remedy=REMEDY,
            ) from error


class _Part:
    """A run of a file's bytes between two texts, as a file for ijson; NaN reads as an empty string.

    Every byte keeps its place, so that a fault can be named by it.
    """

    def __init__(self, file: BinaryIO, start: int, end: int, before: bytes, after: bytes) -> None:
        file.seek(start)
        self._file, self._left, self._after = file, end - start, after
        self._ready = before
        self.next_byte = start - len(before)

    def read(self, size: int = -1) -> bytes:
        """Returns the next bytes, about `size` of them; b"" only at the end and for size 0."""
        if size == 0:
            return b""
        chunk, self._ready = self._ready, b""
        while b"," not in chunk and self._left and len(chunk) < _CHUNK_BYTES:
            chunk += self._next(size)
        if not self._left:
            chunk, self._after = chunk + self._after, b""
        elif whole := chunk.rfind(b",") + 1:
            # Cut after a comma, no value stands in two chunks.
            chunk, self._ready = chunk[:whole], chunk[whole:]
        if b"NaN" in chunk or b"Infinity" in chunk:
            chunk = _NOT_A_NUMBER.sub(_as_empty_text, chunk)
        self.next_byte += len(chunk)
        return chunk

    def _next(self, size: int) -> bytes:
        read = self._file.read(min(size, self._left) if size > 0 else self._left)
        self._left = self._left - len(read) if read else 0
        return read


def _as_empty_text(match: re.Match[bytes]) -> bytes:
    return match[1] + b'""'.ljust(len(match[2]))


def _find_sections(path: str | PathLike[str], file: BinaryIO) -> tuple[dict[str, int], int]:
    """Returns where each section's key begins, in file order, and the file's size."""
    starts: dict[int, str] = {}
    tail, offset = b"", 0
    while read := file.read(_CHUNK_BYTES):
        chunk = tail + read
        for section in SECTIONS:
            for place in _places(chunk, b'"%s"' % section.encode()):
                if _KEY.match(chunk, place):
                    starts[offset + place] = section
        tail = chunk[-_OVERLAP_BYTES:]
        offset += len(chunk) - len(tail)
    found = {section: start for start, section in sorted(starts.items())}
    if not found:
        raise _no_sections(path)
    if len(found) < len(starts):
        twice = sorted({name for name in found if [*starts.values()].count(name) > 1})
        places = [f"{start:,}" for start in sorted(starts) if starts[start] in twice]
        more = " ..." if len(places) > _PLACES_SHOWN else ""
        raise DataError(
            path,
            problem=f"has the key {' and '.join(twice)} more than once, at the bytes "
            f"{'; '.join(places[:_PLACES_SHOWN])}{more}.",
            remedy="The competition's files have each of them once, at the top level.",
        )
    return found, offset + len(tail)


def _places(chunk: bytes, word: bytes) -> Iterator[int]:
    place = chunk.find(word)
    while place >= 0:
        yield place
        place = chunk.find(word, place + 1)


def _check_end(path: str | PathLike[str], file: BinaryIO, size: int) -> None:
    file.seek(max(0, size - _OVERLAP_BYTES))
    if not file.read().rstrip().endswith(b"}"):
        raise DataError(
            path,
            problem=f"is cut off, or no JSON: it ends at byte {size:,} without a closing }}.",
            remedy=REMEDY,
        )


def _before_comma(path: Path, file: BinaryIO, key: int) -> int:
    """Returns where the comma is that parts a section from the key after it."""
    start = max(0, key - _OVERLAP_BYTES)
    file.seek(start)
    before = file.read(key - start).rstrip()
    if not before.endswith(b","):
        raise DataError(
            path,
            problem=f"is broken JSON near byte {key:,}: no comma before a key.",
            remedy=REMEDY,
        )
    return start + len(before) - 1


def _failing_byte(make_part: Callable[[], _Part]) -> int:
    """Returns the byte of the file that the parser gives up at, the end if it wants more.

    Parses again: in chunks up to the one with the fault, then that one byte by byte.
    """
    sound_chunks = sum(1 for _ in _sound(make_part()))
    part, events = make_part(), ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True)
    for _ in range(sound_chunks):
        parser.send(part.read(_PARSED_AT_ONCE_BYTES))
        events.clear()
    first = part.next_byte
    for place, byte in enumerate(part.read(_PARSED_AT_ONCE_BYTES), start=first):
        try:
            parser.send(bytes((byte,)))
        except (ijson.JSONError, UnicodeDecodeError):
            return place
    return part.next_byte


def _sound(part: _Part) -> Iterator[None]:
    """Yields once for each chunk that the parser takes."""
    events = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True)
    while chunk := part.read(_PARSED_AT_ONCE_BYTES):
        try:
            parser.send(chunk)
        except (ijson.JSONError, UnicodeDecodeError):
            return
        events.clear()
        yield


def _broken(path: Path, byte: int, error: Exception) -> DataError:
    reason = _REASON.search(str(error))
    return DataError(
        path,
        problem=f"is broken JSON near byte {byte:,}: {reason[1] if reason else error}.",
        remedy=REMEDY,
    )


def _no_sections(path: str | PathLike[str]) -> DataError:
    return DataError(
        path,
        problem=f"is no competition JSON: it has none of the arrays {', '.join(SECTIONS)}.",
        remedy="Give the train JSON of an iNat competition; docs/competition-json.md shows one.",
    )


def _unreadable(path: str | PathLike[str], error: OSError) -> DataError:
    return DataError(
        path,
        problem=f"cannot be read: {error.strerror}.",
        remedy="Check the path and its permissions.",
    )
