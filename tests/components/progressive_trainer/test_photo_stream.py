from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tiny_training import FIRST_ID, halved, jpeg, write_records

from components.photo_decode import decode_covering
from components.progressive_trainer.photo_files import UNKNOWN_ID, PhotoFiles
from components.progressive_trainer.photo_stream import (
    Share,
    count_photos,
    training_stream,
    validation_stream,
)
from schemas import record
from serving.preprocess import square

PHOTOS = 13
SIZE_PX = 16


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    # Each photo's label is its number: the stream's labels say which photos it gave.
    return write_records(tmp_path_factory.mktemp("records"), range(PHOTOS), files=3)


Reading = Callable[[list[str]], dict[str, Any]]
"""Which options of the stream have some files read in a certain way."""

READINGS: dict[str, Reading] = {
    "in order": lambda files: {"shuffle_buffer_photos": 4},
    "in place": lambda files: {
        "shuffle_buffer_photos": 4,
        "photo_files": PhotoFiles.of(sorted(files)),
    },
    "held": lambda files: {"shuffle_buffer_photos": PHOTOS},
}


def stream(files: list[str], *, start: int, batch: int, steps: int, **options: Any) -> Any:
    given: dict[str, Any] = {
        "num_photos": PHOTOS,
        "image_size_px": SIZE_PX,
        "augment": 0.7,
        "seed": 5,
        "shuffle_buffer_photos": 4,
        **options,
    }
    return training_stream(files, start_examples=start, global_batch=batch, steps=steps, **given)


def flat(dataset: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    batches = list(dataset.as_numpy_iterator())
    return np.concatenate([b[0] for b in batches]), np.concatenate([b[1] for b in batches])


@pytest.fixture(scope="module", params=READINGS)
def reading(request: pytest.FixtureRequest) -> Reading:
    return READINGS[request.param]


@pytest.fixture(scope="module")
def uninterrupted(files: list[str], reading: Reading) -> tuple[np.ndarray, np.ndarray]:
    return flat(stream(files, start=0, batch=1, steps=3 * PHOTOS, **reading(files)))


def test_photos_are_counted(files: list[str]) -> None:
    assert count_photos(files) == PHOTOS


def test_an_epoch_holds_every_photo_once(uninterrupted: tuple[np.ndarray, np.ndarray]) -> None:
    labels = uninterrupted[1].reshape(3, PHOTOS)

    assert (np.sort(labels, axis=1) == np.arange(PHOTOS)).all()


def test_each_epoch_has_an_order_of_its_own(uninterrupted: tuple[np.ndarray, np.ndarray]) -> None:
    orders = {tuple(epoch) for epoch in uninterrupted[1].reshape(3, PHOTOS)}

    assert len(orders | {tuple(range(PHOTOS))}) == 4


def test_each_epoch_augments_a_photo_anew(uninterrupted: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = uninterrupted
    views = images[labels == 4]

    assert len(views) == 3
    assert len({view.tobytes() for view in views}) == 3


@pytest.mark.parametrize(
    ("start", "batch"),
    [(1, 2), (7, 5), (PHOTOS - 1, 2), (PHOTOS, 5), (PHOTOS + 5, 2), (2 * PHOTOS, 5)],
)
def test_stream_from_anywhere_is_the_tail_of_the_whole_pixel_for_pixel(
    files: list[str],
    reading: Reading,
    uninterrupted: tuple[np.ndarray, np.ndarray],
    start: int,
    batch: int,
) -> None:
    steps = (3 * PHOTOS - start) // batch

    images, labels = flat(stream(files, start=start, batch=batch, steps=steps, **reading(files)))

    end = start + steps * batch
    assert (labels == uninterrupted[1][start:end]).all()
    assert (images == uninterrupted[0][start:end]).all()


def test_each_photo_comes_with_its_id(files: list[str], reading: Reading) -> None:
    for _, labels, photo_ids in stream(files, start=3, batch=4, steps=5, **reading(files)):
        assert (photo_ids.numpy() == labels.numpy() + FIRST_ID).all()


def test_record_without_an_id_has_an_unknown_one(tmp_path: Path) -> None:
    features = {
        record.IMAGE: tf.train.Feature(bytes_list=tf.train.BytesList(value=[jpeg(0)])),
        record.LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[0])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    path = str(tmp_path / "data.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        writer.write(example.SerializeToString())

    _, _, photo_ids = next(iter(stream([path], start=0, batch=1, steps=1, num_photos=1)))

    assert photo_ids.numpy().tolist() == [UNKNOWN_ID]


def test_training_reads_small_copies_and_validation_never(
    files: list[str],
    reading: Reading,
    uninterrupted: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
) -> None:
    grey = tf.io.encode_jpeg(tf.fill([40, 48, 3], tf.constant(128, tf.uint8))).numpy()
    (tmp_path / "grey").mkdir()
    given = write_records(
        tmp_path / "grey", range(PHOTOS), files=3, small=lambda photo: halved(grey)
    )

    images, labels = flat(
        stream(given, start=0, batch=1, steps=PHOTOS, augment=0.2, **reading(given))
    )

    assert (labels == uninterrupted[1][:PHOTOS]).all()
    assert np.ptp(images.astype(int), axis=(1, 2, 3)).max() <= 3
    seen = [
        flat(validation_stream(of, num_photos=PHOTOS, image_size_px=SIZE_PX, global_batch=PHOTOS))
        for of in (files, given)
    ]
    assert (seen[0][0] == seen[1][0]).all()


def test_photos_held_are_read_no_more(tmp_path: Path) -> None:
    files = write_records(tmp_path, range(PHOTOS), files=3)
    batches = iter(stream(files, start=0, batch=PHOTOS, steps=2, shuffle_buffer_photos=PHOTOS))
    for file in files:
        Path(file).unlink()

    for _, labels, photo_ids in batches:
        assert sorted(labels.numpy()) == list(range(PHOTOS))
        assert (photo_ids.numpy() == labels.numpy() + FIRST_ID).all()


@pytest.mark.parametrize("start", [5, PHOTOS])
def test_stream_of_small_copies_starts_anywhere_too(
    tmp_path: Path, reading: Reading, start: int
) -> None:
    given = write_records(tmp_path, range(PHOTOS), files=3, small=halved)
    whole = flat(stream(given, start=0, batch=1, steps=2 * PHOTOS, **reading(given)))

    images, labels = flat(stream(given, start=start, batch=2, steps=4, **reading(given)))

    assert (labels == whole[1][start : start + 8]).all()
    assert (images == whole[0][start : start + 8]).all()


def test_order_in_which_the_files_are_named_changes_nothing(
    files: list[str], reading: Reading, uninterrupted: tuple[np.ndarray, np.ndarray]
) -> None:
    images, labels = flat(stream(files[::-1], start=0, batch=3, steps=6, **reading(files)))

    assert (labels == uninterrupted[1][:18]).all()
    assert (images == uninterrupted[0][:18]).all()


@pytest.mark.parametrize("augment", [0.0, 0.7])
def test_photos_are_the_same_whether_they_are_held_or_read_in_place(
    files: list[str], augment: float
) -> None:
    held, in_place = (
        flat(stream(files, start=5, batch=3, steps=9, augment=augment, **READINGS[how](files)))
        for how in ("held", "in place")
    )

    assert (held[1] == in_place[1]).all()
    assert (held[0] == in_place[0]).all()


@pytest.mark.parametrize("how", ["held", "in place"])
def test_photos_come_in_one_order_however_the_records_lie(
    files: list[str], tmp_path: Path, how: str
) -> None:
    # Which file a photo's record is written to, and where, is up to the threads of Beam's workers.
    elsewhere = write_records(tmp_path, range(PHOTOS), files=5)

    images, labels = flat(stream(elsewhere, start=0, batch=2, steps=9, **READINGS[how](elsewhere)))

    expected = flat(stream(files, start=0, batch=2, steps=9, shuffle_buffer_photos=PHOTOS))
    assert (labels == expected[1]).all()
    assert (images == expected[0]).all()


def test_another_seed_gives_another_order_and_other_views(
    files: list[str], reading: Reading, uninterrupted: tuple[np.ndarray, np.ndarray]
) -> None:
    images, labels = flat(stream(files, start=0, batch=1, steps=PHOTOS, seed=6, **reading(files)))

    assert sorted(labels) == list(range(PHOTOS))
    assert (labels != uninterrupted[1][:PHOTOS]).any()
    assert (images[labels == 4][0] != uninterrupted[0][uninterrupted[1] == 4][0]).any()


@pytest.mark.parametrize(("workers", "replicas", "start"), [(1, 2, 9), (2, 1, 0), (2, 2, 9)])
def test_shares_of_all_workers_are_the_whole_batches_in_replica_order(
    files: list[str],
    reading: Reading,
    uninterrupted: tuple[np.ndarray, np.ndarray],
    workers: int,
    replicas: int,
    start: int,
) -> None:
    batch, steps = 4, 5
    parts = [
        flat(
            stream(
                files,
                start=start,
                batch=batch,
                steps=steps,
                share=Share(worker, workers, replicas),
                **reading(files),
            )
        )
        for worker in range(workers)
    ]

    for which in (0, 1):
        whole = uninterrupted[which][start : start + steps * batch]
        by_worker = [
            part[which].reshape(steps, batch // workers, *whole.shape[1:]) for part in parts
        ]
        joined = np.concatenate(by_worker, axis=1).reshape(whole.shape)
        assert (joined == whole).all()


@pytest.mark.parametrize(("workers", "replicas"), [(1, 1), (1, 2), (2, 2)])
def test_stream_knows_its_length_and_batch(files: list[str], workers: int, replicas: int) -> None:
    # Of an unknown length, the loop over it would run one step too many on some devices.
    dataset = stream(files, start=3, batch=8, steps=4, share=Share(workers - 1, workers, replicas))

    batches = list(dataset)
    local = 8 // workers // replicas
    assert dataset.cardinality().numpy() == len(batches) == 4 * replicas
    assert {tuple(images.shape) for images, _, _ in batches} == {(local, SIZE_PX, SIZE_PX, 3)}
    images_spec, labels_spec, ids_spec = dataset.element_spec
    assert images_spec == tf.TensorSpec([local, SIZE_PX, SIZE_PX, 3], tf.uint8)
    assert labels_spec == ids_spec == tf.TensorSpec([local], tf.int64)


@pytest.mark.parametrize("batch", [4, 13, 16])
def test_validation_sees_every_photo_once_and_fillers_weigh_nothing(
    files: list[str], batch: int
) -> None:
    dataset = validation_stream(files, num_photos=PHOTOS, image_size_px=SIZE_PX, global_batch=batch)

    batches = list(dataset.as_numpy_iterator())
    labels, weights = (np.concatenate([part[i] for part in batches]) for i in (1, 2))
    steps = -(-PHOTOS // batch)
    assert dataset.cardinality().numpy() == len(batches) == steps
    assert {len(part[1]) for part in batches} == {batch}
    assert Counter(labels[weights == 1]) == Counter(range(PHOTOS))
    assert weights.sum() == PHOTOS


@pytest.mark.parametrize(("workers", "replicas"), [(2, 1), (1, 2), (2, 2)])
def test_validation_shares_cover_every_photo_once(
    files: list[str], workers: int, replicas: int
) -> None:
    seen: Counter[int] = Counter()
    for worker in range(workers):
        dataset = validation_stream(
            files,
            num_photos=PHOTOS,
            image_size_px=SIZE_PX,
            global_batch=8,
            share=Share(worker, workers, replicas),
        )
        batches = list(dataset.as_numpy_iterator())
        assert dataset.cardinality().numpy() == len(batches) == 2 * replicas
        for _, labels, weights in batches:
            seen.update(labels[weights == 1].tolist())

    assert seen == Counter(range(PHOTOS))


def test_validation_shows_the_photo_as_it_is_evaluated(files: list[str]) -> None:
    images, labels, _ = next(
        validation_stream(
            files, num_photos=PHOTOS, image_size_px=SIZE_PX, global_batch=PHOTOS
        ).as_numpy_iterator()
    )

    for image, label in zip(images, labels, strict=True):
        evaluated = square(decode_covering(tf.constant(jpeg(int(label))), SIZE_PX), SIZE_PX)
        assert np.abs(image.astype(float) - evaluated.numpy()).max() <= 0.5 + 1e-3
