"""`fetch_failures.csv`: the photos that a server will never give, so that nobody asks again.

failures = FailureList(Path("vision-export/fetch_failures.csv"))
700000001 in failures
failures.add(photo_id=25, url="https://x.org/photos/25/medium.jpg", reason="HTTP 404",
             attempts=1)
"""

from __future__ import annotations

from pathlib import Path

from schemas.csv_rows import Problems, parse_integer, read_header, read_rows, require_columns

FAILURES_FILE = "fetch_failures.csv"

COLUMNS = ("photo_id", "url", "reason", "attempts")


class FailureList:
    """The list, in memory by id and on disk; a line is appended for each new one.

    Args:
        path: the file; need not be there.
        forget: start an empty list, and ask for those photos again.

    Raises:
        DataError: if the file there is not such a list.
    """

    def __init__(self, path: Path, *, forget: bool = False) -> None:
        self._path = path
        if forget:
            path.unlink(missing_ok=True)
        self._photo_ids = _read(path) if path.exists() else set()

    def __contains__(self, photo_id: int) -> bool:
        return photo_id in self._photo_ids

    def add(self, *, photo_id: int, url: str, reason: str, attempts: int) -> None:
        """Appends a photo. Commas in the URL are escaped and in the reason become semicolons:
        the file is unquoted CSV like all others of an export.
        """
        is_new = not self._path.exists()
        cells = (str(photo_id), url.replace(",", "%2C"), reason.replace(",", ";"), str(attempts))
        with self._path.open("a", encoding="utf-8", newline="\n") as file:
            if is_new:
                file.write(",".join(COLUMNS) + "\n")
            file.write(",".join(" ".join(cell.split()) for cell in cells) + "\n")
        self._photo_ids.add(photo_id)


def _read(path: Path) -> set[int]:
    require_columns(path, read_header(path), COLUMNS)
    problems, photo_ids = Problems(path), set()
    for row_number, cells in read_rows(path, problems):
        photo_id = parse_integer(cells["photo_id"])
        if photo_id is None:
            received = cells["photo_id"]
            problems.add(row_number, "photo_id", f"is not an integer. Received: {received!r}.")
        else:
            photo_ids.add(photo_id)
    problems.raise_if_any("Correct the file, or delete it to ask for its photos again.")
    return photo_ids
