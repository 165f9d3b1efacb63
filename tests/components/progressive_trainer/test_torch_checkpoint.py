from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch_files

from components.progressive_trainer.torch_checkpoint import read_checkpoint
from schemas.errors import DataError

STATE = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "transposed.weight": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "norm.half": np.array([0.5, -2.0], np.float16),
    "norm.num_batches_tracked": np.array(7, np.int64),
}

Write = Callable[[Path, Mapping[str, Any]], None]
BOTH_FORMS = pytest.mark.parametrize(
    "write", [torch_files.write_archive, torch_files.write_pickles]
)


@BOTH_FORMS
def test_tensors_come_back_in_their_order(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "weights.pth", STATE)

    tensors = read_checkpoint(tmp_path / "weights.pth")

    assert list(tensors) == list(STATE)
    for name, expected in STATE.items():
        assert tensors[name].dtype == expected.dtype
        np.testing.assert_array_equal(tensors[name], expected)


@BOTH_FORMS
def test_a_value_that_is_no_tensor_is_named(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "checkpoint.pth", {**STATE, "epoch": 3})

    with pytest.raises(DataError, match=r"checkpoint\.pth: is not a PyTorch state dict .*'epoch'"):
        read_checkpoint(tmp_path / "checkpoint.pth")


@BOTH_FORMS
def test_a_file_cut_short_is_refused(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    write(path, STATE)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"weights\.pth: is not a PyTorch state dict"):
            read_checkpoint(path)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Malice:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "harm"),)

    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(Malice()))
    with pytest.raises(DataError, match=r"it asks for posix\.mkdir, which no weights need"):
        read_checkpoint(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", pickle.dumps({"conv.weight": Malice()}))
    with pytest.raises(DataError, match=r"it asks for posix\.mkdir, which no weights need"):
        read_checkpoint(path)
    assert not (tmp_path / "harm").exists()


def test_a_tensor_outside_of_its_storage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch_files.write_archive(path, {"w": np.zeros((4, 4), np.float32)})
    short = tmp_path / "short.pth"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(short, "w") as archive:
        for name in whole.namelist():
            data = whole.read(name)
            archive.writestr(name, data[:-8] if "/data/" in name else data)

    with pytest.raises(DataError, match=r"shape \(4, 4\) lies outside of its storage"):
        read_checkpoint(short)
