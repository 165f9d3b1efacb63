"""`inaturalist-open-data-YYYYMMDD.tar.gz`, unpacked once.

Law: members stream to disk, nothing is held in memory; a member appears under its name only when it
is whole, so a killed unpacking is finished by the next one.

    directory = unpack(Path("inaturalist-open-data-20250327.tar.gz"), Path("work"))
"""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path

from schemas.errors import DataError

_DONE = "unpacked"
_BLOCK_BYTES = 2**22


def is_archive(path: Path) -> bool:
    """Whether a path is named as an archive of the dump is."""
    return path.name.endswith((".tar.gz", ".tgz", ".tar"))


def unpack(archive: Path, work_dir: Path, names: tuple[str, ...]) -> Path:
    """Returns the directory that holds the archive's tables.

    Args:
        archive: a tar, gzipped or not, with the tables in a folder or at its top.
        work_dir: where to unpack to, in a folder named after the archive.
        names: names of the files to unpack; others are passed over.

    Raises:
        DataError: if the archive is damaged.
    """
    directory = work_dir / archive.name.split(".tar")[0].removesuffix(".tgz")
    done = directory / f".{_DONE}"
    mark = f"{archive.name} {archive.stat().st_size}\n"
    if done.is_file() and done.read_text() == mark:
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r|*") as members:
            for member in members:
                name = Path(member.name).name
                stream = members.extractfile(member) if name in names else None
                if stream is not None:
                    partial = directory / f".{name}.partial"
                    with partial.open("wb") as file:
                        shutil.copyfileobj(stream, file, _BLOCK_BYTES)
                    partial.replace(directory / name)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(
            archive,
            problem=f"cannot be unpacked: {error}.",
            remedy="Download the archive again, and see that the disk has room for its tables.",
        ) from error
    done.write_text(mark)
    return directory
