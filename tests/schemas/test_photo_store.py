from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError, DataError
from schemas.photo_store import PhotoKey, PhotoStore


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("extension", ["jpg", "jpeg", "png", "gif", "JPG", "JPEG", "Jpg", "PNG"])
@pytest.mark.parametrize("hint", [True, False])
def test_finds_the_id_layout_in_any_case(tmp_path: Path, extension: str, hint: bool) -> None:
    photo = put(tmp_path / f"photos/25/medium.{extension}")
    assert PhotoStore(tmp_path).find(25, extension if hint else None) == photo


def test_a_wrong_hint_does_no_harm(tmp_path: Path) -> None:
    photo = put(tmp_path / "photos/25/medium.PNG")
    assert PhotoStore(tmp_path).find(25, "jpg") == photo


@pytest.mark.parametrize("extension", ["jpg", "jpeg", "png", "JPG"])
def test_finds_the_sha256_layout(tmp_path: Path, extension: str) -> None:
    # printf 25 | sha256sum: b7a56873cd77...
    photo = put(tmp_path / f"photos/b7/a5/25.{extension}")
    assert PhotoStore(tmp_path).find(25) == photo


def test_a_hint_of_a_rare_spelling_finds_it_in_the_sha256_layout(tmp_path: Path) -> None:
    photo = put(tmp_path / "photos/b7/a5/25.JpG")
    assert PhotoStore(tmp_path).find(25, "JpG") == photo


def test_takes_the_next_larger_size_and_then_the_next_smaller(tmp_path: Path) -> None:
    for size in ("original", "large", "small", "thumb"):
        put(tmp_path / f"photos/25/{size}.jpg")
    store = PhotoStore(tmp_path, size="medium")
    taken = []
    while (found := store.find(25, "jpg")) is not None:
        taken.append(found.stem)
        found.unlink()
    assert taken == ["large", "original", "small", "thumb"]


def test_finds_nothing_where_nothing_is(tmp_path: Path) -> None:
    assert PhotoStore(tmp_path).find(25, "jpg") is None
    put(tmp_path / "photos/25/medium.txt")
    put(tmp_path / "photos/25/.medium.jpg.part")
    put(tmp_path / "photos/25/huge.jpg")
    (tmp_path / "photos/25/large.jpg").mkdir()
    assert PhotoStore(tmp_path).find(25, "jpg") is None


def test_a_photo_whose_id_looks_like_a_hash_folder_is_not_mixed_up(tmp_path: Path) -> None:
    put(tmp_path / "photos/25/a5/999.jpg")  # of another photo, whose hash begins with 25a5
    assert PhotoStore(tmp_path).find(25) is None


def test_the_filename_column_goes_before_the_layouts(tmp_path: Path) -> None:
    put(tmp_path / "photos/25/medium.jpg")
    relative = put(tmp_path / "old/a.jpg")
    absolute = put(tmp_path / "elsewhere/b.jpg")
    store = PhotoStore(tmp_path)
    assert store.find(25, "jpg", "old/a.jpg") == relative
    assert store.find(25, "jpg", str(absolute)) == absolute
    assert store.find(25, "jpg", "old/gone.jpg") == tmp_path / "photos/25/medium.jpg"


def test_a_lookup_never_lists_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "photos/25/medium.jpg")
    listed = []
    monkeypatch.setattr(os, "listdir", lambda path: listed.append(path) or [])
    PhotoStore(tmp_path).find(25, "jpg")
    assert listed == []
    PhotoStore(tmp_path).find(25)
    assert listed == [f"{tmp_path}/photos/25"]


@given(photo_id=st.integers(1, 10**12), layout=st.sampled_from(["id", "sha256"]))
def test_what_is_written_is_found(
    tmp_path_factory: pytest.TempPathFactory, photo_id: int, layout: str
) -> None:
    store = PhotoStore(tmp_path_factory.mktemp("store"), size="small")
    path = put(store.path_for(photo_id, "jpeg", layout))
    assert store.find(photo_id) == path


def test_the_sha256_layout_always_ends_in_jpg(tmp_path: Path) -> None:
    assert PhotoStore(tmp_path).path_for(25, "png", "sha256") == tmp_path / "photos/b7/a5/25.jpg"
    assert PhotoStore(tmp_path).path_for(25, "png") == tmp_path / "photos/25/medium.png"


def test_an_unknown_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        PhotoStore(tmp_path, size="mediun")
    assert str(caught.value) == (
        "Unknown photo size. Allowed: original, large, medium, small, thumb, square. "
        "Received: 'mediun'. Did you mean 'medium'?"
    )


def test_a_store_that_forbids_looking_is_an_error_and_not_a_missing_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", forbid)
    with pytest.raises(DataError) as caught:
        PhotoStore(tmp_path).find(25, "jpg")
    monkeypatch.undo()
    assert str(caught.value) == (
        f"{tmp_path}/photos/25/medium.jpg: cannot be looked at: Permission denied. "
        "Check the permissions of the photos and the health of their disk."
    )


class TestFingerprint:
    KEYS = tuple(PhotoKey(photo_id, "jpg") for photo_id in range(1, 6001))

    @pytest.fixture
    def store(self, tmp_path: Path) -> PhotoStore:
        store = PhotoStore(tmp_path)
        for photo_id in (1, 3000, 6000):
            put(store.path_for(photo_id), b"photo")
        return store

    def test_is_the_same_however_many_threads_look(self, store: PhotoStore) -> None:
        one = store.fingerprint(self.KEYS, jobs=1)
        assert len(one) == 64
        assert {store.fingerprint(iter(self.KEYS), jobs=jobs) for jobs in (2, 5)} == {one}

    @pytest.mark.parametrize("photo_id", [1, 3000, 6000])
    def test_changes_with_the_size_of_any_photo(self, store: PhotoStore, photo_id: int) -> None:
        before, path = store.fingerprint(self.KEYS), store.path_for(photo_id)
        facts = path.stat()
        path.write_bytes(b"another")
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        assert store.fingerprint(self.KEYS) != before

    def test_changes_with_the_time_of_a_photo(self, store: PhotoStore) -> None:
        before = store.fingerprint(self.KEYS)
        os.utime(store.path_for(3000), ns=(0, 1))
        assert store.fingerprint(self.KEYS) != before

    def test_changes_when_a_missing_photo_comes_or_one_goes(self, store: PhotoStore) -> None:
        before = store.fingerprint(self.KEYS)
        put(store.path_for(2))
        after = store.fingerprint(self.KEYS)
        store.path_for(2).unlink()
        assert after != before == store.fingerprint(self.KEYS)

    def test_does_not_depend_on_where_the_export_lies(
        self, store: PhotoStore, tmp_path: Path
    ) -> None:
        before = store.fingerprint(self.KEYS)
        moved = tmp_path.rename(tmp_path.with_name("moved"))
        assert PhotoStore(moved).fingerprint(self.KEYS) == before

    def test_of_nothing_is_of_nothing(self, tmp_path: Path) -> None:
        store = PhotoStore(tmp_path)
        assert store.fingerprint([]) == store.fingerprint([]) != store.fingerprint(self.KEYS[:1])
