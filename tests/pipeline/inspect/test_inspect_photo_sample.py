from __future__ import annotations

from pathlib import Path

from pipeline.inspect.inspection import PhotosOnDisk
from pipeline.inspect.photo_sample import PhotoLooks
from schemas.errors import DataError
from schemas.photo_store import PhotoKey, PhotoStore


class EvenStore(PhotoStore):
    """Holds the photos with an even id."""

    def __init__(self) -> None:
        super().__init__("nowhere")
        self.asked: list[int] = []

    def find(
        self, photo_id: int, hint_extension: str | None = None, filename: str | None = None
    ) -> Path | None:
        self.asked.append(photo_id)
        return Path("there") if photo_id % 2 == 0 else None


def looked(photos: int, sample_size: int | None) -> tuple[EvenStore, PhotosOnDisk | None]:
    store = EvenStore()
    looks = PhotoLooks(store, sample_size)
    for photo_id in range(photos):
        looks.see(PhotoKey(photo_id) if looks.wants_next else None)
    return store, looks.result()


def test_few_photos_are_all_looked_for_in_order() -> None:
    store, result = looked(7, 7)
    assert result == PhotosOnDisk(7, 4, 7, (1, 3, 5))
    assert store.asked == list(range(7))


def test_of_many_a_sample_is_looked_for_the_same_each_time() -> None:
    store, result = looked(20_000, 500)
    again, _ = looked(20_000, 500)
    assert result is not None
    assert (result.looked_at, result.photos, result.is_sample) == (500, 20_000, True)
    assert store.asked == again.asked == sorted(set(store.asked))
    assert len(result.missing_photo_ids) == 5


def test_the_sample_is_spread_over_all_rows() -> None:
    store, _ = looked(20_000, 500)
    tenths = [sum(id // 2_000 == tenth for id in store.asked) for tenth in range(10)]
    # Fifty are expected in each; six standard deviations are 40.
    assert min(tenths) > 10
    assert max(tenths) < 90


def test_all_photos_on_request() -> None:
    store, result = looked(20_000, None)
    assert len(store.asked) == 20_000
    assert result == PhotosOnDisk(20_000, 10_000, 20_000, (1, 3, 5, 7, 9))


def test_without_rows_there_is_nothing_to_say() -> None:
    assert looked(0, 5)[1] is None
    assert looked(0, None)[1] is None


def test_a_store_that_forbids_looking_does_not_end_the_inspection() -> None:
    class Locked(EvenStore):
        def find(self, photo_id: int, *_: object) -> Path | None:
            raise DataError("photos/7", problem="cannot be looked at.", remedy="Unlock it.")

    looks = PhotoLooks(Locked(), None)
    looks.see(PhotoKey(7))
    assert looks.result() == PhotosOnDisk(1, 0, 1, (7,))
    assert str(looks.refusal) == "photos/7: cannot be looked at. Unlock it."
