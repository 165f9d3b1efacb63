"""What several files of the trainer's tests train on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tiny_training import THIN, write_split

from components.progressive_trainer import networks
from components.progressive_trainer.loop import Photos


@pytest.fixture(scope="module")
def thin_network() -> Iterator[None]:
    """`small` is as narrow as THIN says while the tests of a file run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "SMALL_WIDTHS", THIN)
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Photos, Photos]:
    """12 training and 7 val photos: the last batches of either are not full."""
    root = tmp_path_factory.mktemp("photos")
    return write_split(root / "train", 12, files=3), write_split(root / "val", 7, files=2)
