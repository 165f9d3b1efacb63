"""The train and val JSON of a competition set in a directory.

find_splits("inat2021/train_mini.json")
# {'train': Path('inat2021/train_mini.json'), 'val': Path('inat2021/val.json')}
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from schemas.errors import ConfigError, DataError

VAL_FILES = {
    "train2017.json": ("val2017.json",),
    "train_2017_bboxes.json": ("val_2017_bboxes.json", "val2017.json"),
    "train2018.json": ("val2018.json",),
    "train2019.json": ("val2019.json",),
    "train.json": ("val.json",),
    "train_mini.json": ("val.json",),
}
"""Names of the val JSON, the likeliest first, by that of the train JSON."""

_FILES_SHOWN = 8


def find_splits(path: str | PathLike[str]) -> dict[str, Path]:
    """Returns the files of train and val.

    Args:
        path: a directory with one train JSON in it, or the train JSON.

    Raises:
        ConfigError: if there is nothing, or there are several train JSONs.
        DataError: if there is no train JSON, or no val JSON beside it.
    """
    given = Path(path)
    if not given.exists():
        raise ConfigError(
            f"The export {str(path)!r} does not exist. Expected the directory of a competition "
            "set, or its train JSON."
        )
    train = _train_of(given) if given.is_dir() else given
    names = _val_names(train.name)
    val = next((found for name in names if (found := train.with_name(name)).is_file()), None)
    if val is None:
        raise _no_validation(train, names)
    return {"train": train, "val": val}


def train_files(directory: Path) -> list[Path]:
    """Returns the train JSONs of a directory that bear a competition's name."""
    return [found for name in VAL_FILES if (found := directory / name).is_file()]


def _train_of(directory: Path) -> Path:
    found = train_files(directory)
    if len(found) > 1:
        raise ConfigError(
            f"The directory {str(directory)!r} has several train files: "
            f"{', '.join(path.name for path in found)}. Give the path of the file you mean, for "
            f"example {str(found[0])!r}."
        )
    if not found:
        names = sorted(path.name for path in directory.glob("*.json"))
        more = f" and {len(names) - _FILES_SHOWN:,} more" if len(names) > _FILES_SHOWN else ""
        raise DataError(
            directory,
            problem=f"has no train JSON. Looked for: {', '.join(VAL_FILES)}. "
            f"Found: {', '.join(names[:_FILES_SHOWN]) or 'no JSON'}{more}.",
            remedy="Unpack the annotations of one competition here, or give the train JSON's path.",
        )
    return found[0]


def _val_names(train: str) -> tuple[str, ...]:
    """A file of another name has its val beside it under the same name with "val" in it."""
    if train in VAL_FILES:
        return VAL_FILES[train]
    return (train.replace("train", "val"),) if "train" in train else ("val.json",)


def _no_validation(train: Path, names: tuple[str, ...]) -> DataError:
    if train.name.startswith(("test", "val")):
        return DataError(
            train,
            problem="is no train JSON, by its name.",
            remedy="Give the train JSON; test files have no annotations and are not read.",
        )
    return DataError(
        train,
        problem=f"has no {' or '.join(names)} beside it, so nothing could tell a good model from "
        "a bad one.",
        remedy="Put the val JSON of the same year there; Fieldmark never cuts one from train.",
    )
