"""Answers in a file, a row a photo, written as they come; a run that was stopped can be taken up.

* `.csv`: the columns of `columns(top)`: the photo, why it could not be read, why leaves are left
  out, the common ancestor, names of the best branch, then the likeliest leaves. RFC quoting.
* `.jsonl`: an object a line, as `fieldmark classify --json` prints them.

Law: a photo that has a row is done, also one that could not be read; to have it tried again, take
its row out of the file.

    with AnswerFile("answers.csv", top=3, resume=True) as file:
        paths = [path for path in paths if path not in file.done]
        file.write(answer)
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any

from schemas.errors import ConfigError, DataError
from serving.answer import Answer, ScoredTaxon, Unread
from serving.any_name import from_text, to_text

ENDINGS = (".csv", ".jsonl")
_TAXON = ("taxon_id", "name", "rank", "score")


class AnswerFile:
    """A file that answers are added to.

    Attributes:
        done: photos that it held when it was opened.

    Args:
        path: ends in one of ENDINGS.
        top: leaves of a row.
        resume: whether to go on with a file that is there; otherwise it must not be.

    Raises:
        ConfigError: if the ending is another one, or the file is there and shall not be taken up.
        DataError: if what is there was written with another `top`, or is no such file.
    """

    def __init__(self, path: str | PathLike[str], *, top: int, resume: bool) -> None:
        self._path, self._top = Path(path), top
        if self._path.suffix not in ENDINGS:
            raise ConfigError(
                f"Answers are written to a file that ends in {' or '.join(ENDINGS)}. Received: "
                f"{str(self._path)!r}."
            )
        if self._path.exists() and not resume:
            raise ConfigError(
                f"{self._path} is there already. Go on with it by --resume, or name another file."
            )
        self.done = self._read() if self._path.exists() else set()
        is_new = not self._path.exists() or not self._path.stat().st_size
        try:
            self._file = self._path.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be written: {error.strerror}.") from error
        if is_new and self._is_csv:
            self._file.write(_csv_line(columns(top)))

    def __enter__(self) -> AnswerFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, result: Answer | Unread) -> None:
        """Adds a row; it is on its way to the disk when this returns."""
        if self._is_csv:
            self._file.write(_csv_line(row(result, self._top)))
        else:
            self._file.write(f"{json_line(result)}\n")
        self._file.flush()

    @property
    def _is_csv(self) -> bool:
        return self._path.suffix == ".csv"

    def _read(self) -> set[str]:
        """The photos of a file that is there, which loses a last line that was not finished."""
        content = self._path.read_bytes()
        whole = content[: self._end_of_rows(content)]
        if len(whole) < len(content):
            self._path.write_bytes(whole)
        try:
            text = whole.decode("utf-8")
            return set(self._csv_photos(text) if self._is_csv else _json_photos(text))
        except (ValueError, KeyError, csv.Error) as error:
            raise DataError(
                self._path,
                problem=f"is not a file of answers: {error}.",
                remedy="Name another file.",
            ) from error

    def _end_of_rows(self, content: bytes) -> int:
        """Where the last finished row ends. In CSV a name may hold a line's end, in quotes."""
        end = content.rfind(b"\n") + 1
        while self._is_csv and content.count(b'"', 0, end) % 2:
            end = content.rfind(b"\n", 0, end - 1) + 1
        return end

    def _csv_photos(self, text: str) -> Iterator[str]:
        reader = csv.reader(io.StringIO(text, newline=""))
        header = next(reader, None)
        if header is not None and header != columns(self._top):
            raise DataError(
                self._path,
                row=1,
                problem=f"has other columns than those of {self._top} leaves.",
                remedy="Give the same --top as before; or, if an older version wrote it, name "
                "another file.",
            )
        yield from (from_text(cells[0]) for cells in reader)


def json_line(result: Answer | Unread) -> str:
    """Returns a result as one line of JSON, its end left out."""
    return to_text(json.dumps(dataclasses.asdict(result), ensure_ascii=False))


def columns(top: int) -> list[str]:
    """Returns the columns of a CSV file with so many leaves."""
    leaves = [f"{name}_{place}" for place in range(1, top + 1) for name in _TAXON]
    ancestor = [f"common_ancestor_{name}" for name in _TAXON]
    return ["photo", "error", "reason", *ancestor, "best_branch", *leaves]


def row(result: Answer | Unread, top: int) -> list[str]:
    """Returns the cells of a CSV row; those that have nothing to say are empty."""
    if isinstance(result, Unread):
        return [result.path, result.error] + [""] * (len(columns(top)) - 2)
    branch = " > ".join(taxon.name for taxon in result.best_branch)
    leaves = [cell for taxon in result.leaves for cell in _cells(taxon)]
    cells = [result.reason or "", *_cells(result.common_ancestor), branch, *leaves]
    missing = len(columns(top)) - 2 - len(cells)
    return [result.path, "", *cells, *[""] * missing]


def _cells(taxon: ScoredTaxon | None) -> list[str]:
    if taxon is None:
        return [""] * len(_TAXON)
    return [str(taxon.taxon_id), taxon.name, taxon.rank, f"{taxon.score:.6g}"]


def _csv_line(cells: list[str]) -> str:
    buffer = io.StringIO()
    # Told to end lines by "\n" alone, it would leave a name with "\r" unquoted.
    csv.writer(buffer).writerow(cells)
    return to_text(buffer.getvalue().removesuffix("\r\n") + "\n")


def _json_photos(text: str) -> Iterator[str]:
    # Not splitlines: JSON leaves as they are other characters that it takes for the end of a line.
    for line in text.split("\n")[:-1]:
        record: Mapping[str, Any] = json.loads(line)
        yield record["path"]
