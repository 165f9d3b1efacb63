"""Copies from and to an object store; TensorFlow's store in memory stands for gs://."""

from __future__ import annotations

from pathlib import Path

import pytest

from components import storage
from components.storage import fetch, is_remote, local_directory, publish
from schemas.errors import ConfigError, DataError


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    monkeypatch.setattr(storage, "SCHEMES", ("ram://",))
    return f"ram://{request.node.name}"


def write(uri: str, content: str) -> None:
    import tensorflow as tf

    tf.io.gfile.makedirs(uri.rpartition("/")[0])
    with tf.io.gfile.GFile(uri, "w") as file:
        file.write(content)


def read(uri: str) -> str:
    import tensorflow as tf

    with tf.io.gfile.GFile(uri) as file:
        return str(file.read())


def test_export_is_copied_whole_and_a_broken_copy_gone_on_with(store: str, tmp_path: Path) -> None:
    write(f"{store}/export/train_data.csv", "rows")
    write(f"{store}/export/photos/1/a.jpg", "photo")
    (tmp_path / "photos/1").mkdir(parents=True)
    (tmp_path / "photos/1/a.jpg").write_text("PHOTO")  # the same size: there already
    (tmp_path / "train_data.csv").write_text("ro")  # a half of it

    assert local_directory(f"{store}/export", tmp_path) == tmp_path

    assert (tmp_path / "train_data.csv").read_text() == "rows"
    assert (tmp_path / "photos/1/a.jpg").read_text() == "PHOTO"
    assert not list(tmp_path.rglob("*.unfinished"))


def test_empty_place_is_refused(store: str, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"holds nothing\. Look for a typing mistake|cannot be read"
    ):
        fetch(f"{store}/nowhere", tmp_path)


def test_version_is_published_once_its_model_file_last(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    version = tmp_path / "1700000000"
    (version / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "variables/variables.index", "zebra.txt"):
        (version / name).write_text(name)
    copied: list[str] = []
    copy = tf.io.gfile.copy

    def noted(source: str, target: str, overwrite: bool = False) -> None:
        copied.append(Path(source).name)
        copy(source, target, overwrite)

    monkeypatch.setattr(tf.io.gfile, "copy", noted)

    assert publish(version, f"{store}/models/") == f"{store}/models/1700000000"
    assert copied[-1] == "saved_model.pb"
    assert len(copied) == 3
    assert read(f"{store}/models/1700000000/variables/variables.index").startswith("variables")
    publish(version, f"{store}/models")
    assert len(copied) == 3


def test_local_directories_are_themselves(tmp_path: Path) -> None:
    assert local_directory("/data/export", tmp_path) == Path("/data/export")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("uri", ["s3://bucket/export", "minio://bucket/export", "https://x/y"])
def test_other_stores_are_refused_with_a_way_round(uri: str) -> None:
    assert is_remote("gs://bucket/export")
    with pytest.raises(
        ConfigError, match=r"does not read\. Allowed: local directories, gs://\. Mo"
    ):
        is_remote(uri)
