"""Files as `torch.save(model.state_dict(), path)` writes them, without PyTorch."""

from __future__ import annotations

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

STORAGES = {"float32": "FloatStorage", "int64": "LongStorage", "float16": "HalfStorage"}
PROTOCOL = 2


@contextmanager
def torch_to_pickle_by_name() -> Iterator[types.ModuleType]:
    """A module that has what a checkpoint names; a pickle holds the names alone."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch", "__qualname__": name}))

    def _rebuild_tensor_v2(*parts: Any) -> Any:
        raise AssertionError("only its name is pickled")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    vars(utils)["_rebuild_tensor_v2"] = _rebuild_tensor_v2
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules |= {"torch": torch, "torch._utils": utils}
    try:
        yield torch
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


class _Tensor:
    def __init__(self, key: str, array: np.ndarray) -> None:
        self.key, self.array = key, array


class _Pickler(pickle.Pickler):
    def __init__(self, file: Any, torch: types.ModuleType, view: tuple[Any, ...]) -> None:
        super().__init__(file, PROTOCOL)
        self.torch, self.view = torch, view

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, _Tensor):
            return NotImplemented
        strides = tuple(step // value.array.itemsize for step in value.array.strides)
        rebuild = vars(sys.modules["torch._utils"])["_rebuild_tensor_v2"]
        parts = (_StorageOf(value), 0, value.array.shape, strides, False, OrderedDict())
        return rebuild, parts

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, _StorageOf):
            return None
        array = value.tensor.array
        kind = getattr(self.torch, STORAGES[array.dtype.name])
        return ("storage", kind, value.tensor.key, "cpu", array.size, *self.view)


class _StorageOf:
    def __init__(self, tensor: _Tensor) -> None:
        self.tensor = tensor


def write_archive(path: Path, state: Mapping[str, Any]) -> None:
    """The form of PyTorch 1.6 and later."""
    tensors = numbered(state)
    index = io.BytesIO()
    with torch_to_pickle_by_name() as torch:
        _Pickler(index, torch, ()).dump(OrderedDict({**state, **tensors}))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}/data.pkl", index.getvalue())
        archive.writestr(f"{path.stem}/version", "3\n")
        for tensor in tensors.values():
            archive.writestr(f"{path.stem}/data/{tensor.key}", stored(tensor))


def write_pickles(path: Path, state: Mapping[str, Any]) -> None:
    """The older form."""
    tensors = numbered(state)
    with path.open("wb") as file, torch_to_pickle_by_name() as torch:
        for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(head, file, PROTOCOL)
        _Pickler(file, torch, (None,)).dump(OrderedDict({**state, **tensors}))
        pickle.dump([tensor.key for tensor in tensors.values()], file, PROTOCOL)
        for tensor in tensors.values():
            file.write(tensor.array.size.to_bytes(8, "little") + stored(tensor))


def numbered(state: Mapping[str, Any]) -> dict[str, _Tensor]:
    arrays = ((name, value) for name, value in state.items() if isinstance(value, np.ndarray))
    return {name: _Tensor(str(key), array) for key, (name, array) in enumerate(arrays)}


def stored(tensor: _Tensor) -> bytes:
    """The items in the order of memory, whatever the strides."""
    return bytes(tensor.array.ravel(order="K").tobytes())
