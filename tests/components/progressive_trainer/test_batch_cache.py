from __future__ import annotations

from pathlib import Path

import pytest

from components.progressive_trainer.batch_cache import BatchCache, cache_file
from components.progressive_trainer.batch_search import Found

KEY = {"device": "NVIDIA A100", "image_size_px": 299, "mixing": False, "settings": "{}"}


def test_batch_is_found_again_for_the_very_key(tmp_path: Path) -> None:
    path = tmp_path / "fieldmark" / "batches.json"
    BatchCache(path).put(KEY, Found(256, "288 do not fit"))
    BatchCache(path).put({**KEY, "image_size_px": 128}, Found(1024, "1024 is the most allowed"))

    cache = BatchCache(path)

    assert cache.get(KEY) == Found(256, "288 do not fit")
    assert cache.get({**KEY, "device": "NVIDIA T4"}) is None
    assert cache.get({**KEY, "mixing": True}) is None
    cache.put(KEY, Found(8, "since the driver changed"))
    assert BatchCache(path).get(KEY) == Found(8, "since the driver changed")
    assert [entry.name for entry in path.parent.iterdir()] == ["batches.json"]


def test_cache_lies_where_the_user_keeps_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_file() == tmp_path / "fieldmark" / "batches.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_file() == tmp_path / "home" / ".cache" / "fieldmark" / "batches.json"
