"""The hashes of one split's photos in memory, and the rest of a photo on demand.

Of each photo 24 bytes are held: 30 million photos fit into 720 MB. Paths and full checksums stay
in the files of the photo index and are looked up for the few photos that are shown.

    train = SplitHashes.read("train", index_files(directory, "train"))
    train.phash, train.taxon_id             # arrays, a photo each, in the order of the files
    train.photos(np.array([3, 17]))         # {3: IndexedPhoto(...), 17: IndexedPhoto(...)}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import DataError

_ROWS_AT_ONCE = 2**16
_KEY_DIGITS = 16
_SHOWN_COLUMNS = ("photo_id", "observation_id", "taxon_id", "path", "sha256")


@dataclass(frozen=True)
class IndexedPhoto:
    """What a list of near-duplicates says of a photo.

    Attributes:
        photo_id: iNaturalist's id.
        observation_id: the observation; the photo id where the export knows none.
        taxon_id: the leaf that the photo trains.
        path: its file, as the index names it.
        sha256: hex digits over the file's bytes.
    """

    photo_id: int
    observation_id: int
    taxon_id: int
    path: str
    sha256: str


@dataclass(frozen=True, eq=False)
class SplitHashes:
    """The photos of a split, N of them.

    Attributes:
        split: its name.
        files: files of the index, in order; photo number i is row i of them all.
        phash: uint64 [N], perceptual hashes.
        file_key: uint64 [N], the first 64 bits of the files' SHA-256. That two different files
            among 30 million have the same has a chance of 1 in 40,000.
        taxon_id: int64 [N], leaf taxa.
    """

    split: str
    files: tuple[Path, ...]
    phash: npt.NDArray[np.uint64]
    file_key: npt.NDArray[np.uint64]
    taxon_id: npt.NDArray[np.int64]

    @classmethod
    def read(cls, split: str, files: Sequence[Path]) -> SplitHashes:
        """Returns the photos in the index files of a split.

        Args:
            split: its name.
            files: Parquet files with the columns of `schemas.photo_index` (more do no harm).

        Raises:
            DataError: if a file is none, or lacks a column.
        """
        photos = sum(_num_rows(path) for path in files)
        read = cls(
            split,
            tuple(files),
            np.empty(photos, np.uint64),
            np.empty(photos, np.uint64),
            np.empty(photos, np.int64),
        )
        for start, batch in _batches(files, ("phash", "sha256", "taxon_id")):
            place = slice(start, start + batch.num_rows)
            read.phash[place] = batch["phash"].to_numpy()
            read.file_key[place] = _file_keys(batch["sha256"])
            read.taxon_id[place] = batch["taxon_id"].to_numpy()
        return read

    def __len__(self) -> int:
        return len(self.phash)

    def photos(self, rows: npt.NDArray[np.int64]) -> dict[int, IndexedPhoto]:
        """Returns photos by their number; files that hold none of them are not read.

        Args:
            rows: int64 [K], numbers 0..N-1 in any order.
        """
        wanted = np.unique(rows)
        found: dict[int, IndexedPhoto] = {}
        file_start = 0
        for path in self.files:
            file_stop = file_start + _num_rows(path)
            low, high = np.searchsorted(wanted, [file_start, file_stop])
            if low < high:
                found |= _read_photos(path, wanted[low:high], file_start)
            file_start = file_stop
        return found


def _read_photos(
    path: Path, wanted: npt.NDArray[np.int64], file_start: int
) -> dict[int, IndexedPhoto]:
    """Returns photos of one file, whose first row has the number `file_start`."""
    found: dict[int, IndexedPhoto] = {}
    for start, batch in _batches([path], _SHOWN_COLUMNS):
        first = file_start + start
        low, high = np.searchsorted(wanted, [first, first + batch.num_rows])
        numbers = wanted[low:high]
        lines = batch.take(pa.array(numbers - first)).to_pylist()
        found |= {
            int(number): IndexedPhoto(**line) for number, line in zip(numbers, lines, strict=True)
        }
    return found


def _num_rows(path: Path) -> int:
    try:
        return pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowInvalid) as error:
        raise _broken(path, error) from error


def _batches(
    files: Sequence[Path], columns: tuple[str, ...]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yields (number of the first row, rows) of all files, some columns only."""
    start = 0
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(columns)):
                    # Columns that are not there are left out in silence by pyarrow.
                    yield start, batch.select(columns)
                    start += batch.num_rows
        except (OSError, pa.ArrowInvalid, KeyError) as error:
            raise _broken(path, error) from error


def _file_keys(sha256: pa.StringArray) -> npt.NDArray[np.uint64]:
    digits = "".join(pc.utf8_slice_codeunits(sha256, 0, _KEY_DIGITS).to_pylist())
    return np.frombuffer(bytes.fromhex(digits), ">u8").astype(np.uint64)


def _broken(path: Path, error: Exception) -> DataError:
    return DataError(
        path,
        problem=f"is no file of a photo index: {error}.",
        remedy="Delete it, and give the same command again to write it anew.",
    )
