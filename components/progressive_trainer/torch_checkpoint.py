"""Tensors of a PyTorch checkpoint (.pth), read without PyTorch.

A checkpoint is a pickle, and unpickling a stranger's file may run a stranger's code. Here nothing
but tensors is let through: a name that a file of weights has no need of is an error.

    for name, array in read_checkpoint("tf_efficientnet_lite0-0aa007d2.pth").items(): ...

Both forms are read: the zip archive of PyTorch 1.6 and later, and the older row of pickles.
Source: pytorch/pytorch, torch/serialization.py.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from schemas.errors import DataError

Array = npt.NDArray[Any]

OLD_MAGIC = 0x1950A86A20F9469CFC6C
"""First of the older form's pickles."""

ITEM_TYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}
"""Storage of PyTorch: item type of NumPy."""

UNREADABLE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
)
"""What a pickle raises that is damaged, or of something else."""


@dataclass
class _Storage:
    """Items that tensors are views of; the older form fills them in after the tensors."""

    item_type: np.dtype[Any]
    items: Array = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class _View:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> Array:
        size = self.storage.item_type.itemsize
        last = self.offset + sum(
            step * (side - 1) for step, side in zip(self.strides, self.shape, strict=True)
        )
        if 0 in self.shape or last >= len(self.storage.items) or min(self.strides, default=0) < 0:
            raise ValueError(f"a tensor of shape {self.shape} lies outside of its storage")
        return np.lib.stride_tricks.as_strided(
            self.storage.items[self.offset :], self.shape, [step * size for step in self.strides]
        ).copy()


def read_checkpoint(path: str | PathLike[str]) -> dict[str, Array]:
    """Returns the tensors of a state dict by name, in the order in which they were saved.

    Args:
        path: a file that `torch.save(model.state_dict(), path)` wrote.

    Raises:
        DataError: if the file holds something else.
    """
    with _told_of(path):
        if zipfile.is_zipfile(path):
            state = _read_archive(path)
        else:
            with Path(path).open("rb") as file:
                state = _read_pickles(file)
        if not isinstance(state, dict):
            raise ValueError(f"it holds a {type(state).__name__}, not a dict of tensors")
        others = [str(name) for name, value in state.items() if not isinstance(value, _View)]
        if others:
            raise ValueError(f"{others[0]!r} is no tensor")
        return {str(name): view.array() for name, view in state.items()}


@contextmanager
def _told_of(path: str | PathLike[str]) -> Iterator[None]:
    try:
        yield
        return
    except UNREADABLE as error:
        reason = error
    raise DataError(
        path,
        problem=f"is not a PyTorch state dict that can be read: {reason}.",
        remedy="Give what torch.save(model.state_dict(), path) writes, whole.",
    ) from reason


def _read_archive(path: str | PathLike[str]) -> Any:
    with zipfile.ZipFile(path) as archive:
        index = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
        if index is None:
            raise ValueError("the archive has no data.pkl")
        folder = index.removesuffix("data.pkl")

        def filled(item_type: np.dtype[Any], key: str) -> _Storage:
            return _Storage(
                item_type, np.frombuffer(archive.read(f"{folder}data/{key}"), item_type)
            )

        with archive.open(index) as file:
            return _Unpickler(file, filled).load()


def _read_pickles(file: IO[bytes]) -> Any:
    storages: dict[str, _Storage] = {}

    def empty(item_type: np.dtype[Any], key: str) -> _Storage:
        return storages.setdefault(key, _Storage(item_type))

    if _Unpickler(file, empty).load() != OLD_MAGIC:
        raise ValueError("it does not begin as PyTorch's files do")
    _protocol, _system = _Unpickler(file, empty).load(), _Unpickler(file, empty).load()
    state = _Unpickler(file, empty).load()
    for key in _Unpickler(file, empty).load():
        storage = storages[key]
        count = int.from_bytes(file.read(8), "little")
        data = file.read(count * storage.item_type.itemsize)
        if len(data) != count * storage.item_type.itemsize:
            raise EOFError("the file ends within a tensor")
        storage.items = np.frombuffer(data, storage.item_type)
    return state


class _Unpickler(pickle.Unpickler):
    """Builds tensors and ordered dicts; refuses all else."""

    def __init__(self, file: IO[bytes], storage: Callable[[np.dtype[Any], str], _Storage]) -> None:
        super().__init__(file)
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _view
        if module == "torch" and name in ITEM_TYPES:
            return np.dtype(ITEM_TYPES[name])
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no weights need")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, item_type, key = pid[:3]
        if kind != "storage" or not isinstance(item_type, np.dtype):
            raise pickle.UnpicklingError(f"it refers to a {kind!r}")
        return self._storage(item_type, str(key))


def _view(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _View:
    return _View(storage, offset, shape, strides)
