"""How fast training reads its photos, against a bare loop and against iNaturalist's own chain.

    python benchmarks/data_reading.py --threads 1
    python benchmarks/data_reading.py --threads 2 --stages 100:0.3 299:0.8

Photos are painted (the demo world's, with film grain: 500 px, some 60 kB, as iNaturalist's are) and
stored as Transform stores them, with the small copy that it writes by default for the smallest of
the stages (--small-px 0: without). For each stage, SIZE:AUGMENT, these run in turn, --runs times:

held      `training_stream`, where all photos fit into the shuffle buffer, after they were read:
          shuffled, decoded, augmented, batched, handed to Python
in place  the same, with a buffer too small for all: each photo is read where it lies in its file,
          after it was located
in order  the same with `file_order`: records are read through from the files all the time
bare      the same augmented photos, one after the other, out of memory: a loop inside TensorFlow,
          as many at once as there are threads, all views planned together; no files, no shuffling,
          no batches, nothing handed over
files     the bare loop, where each photo, or its small copy, is a file that `tf.io.read_file` reads
          when its turn comes: what reading adds to it at least
chain     what iNaturalist's training does to the 500 px files: read, decode whole, to float32,
          random crop (area 8-100 %, aspect 0.75-1.33), flip, colour in 3 of 10 photos, resize;
          then shuffle, batch and prefetch, as it does
pillow    a bare loop of Pillow's draft decode, crop and resize out of memory, no colour: how fast
          the decode is in another library; one thread

Before the stages, the pass over the records that a first start makes is timed, and beside it one
that counts them alone, by TensorFlow's reader.

All run in one process on as many cores as threads. Prints photos a second and a CPU second,
medians, and medians of the ratios within a run. The yardsticks, for the first three: of bare at
least 0.9; of chain at least 3 at the smallest size. Files lie in the system's cache all along.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from components.photo_decode import UPRIGHT
from components.photo_transform.config import TransformSettings
from components.photo_transform.preprocessing import stored_photo
from components.photo_transform.small_copy import small_copy_px
from components.progressive_trainer.photo_files import PhotoFiles
from components.progressive_trainer.photo_stream import count_labels, training_stream
from components.progressive_trainer.photo_view import EncodedPhotos, Jpegs, TrainingViews
from components.progressive_trainer.view_plan import ViewPlan
from pipeline.demo_world.export import draw_export
from schemas import record

ORIGINAL_PX = 500
GRAIN = 7.0  # standard deviation, of 255
ORIGINAL_QUALITY, STORED_QUALITY = 87, 92
FILES = 8
BATCH = 32
SEED = 1
TIMES_OVER = 10  # the files are looked through in the pass before the first stage


@dataclass(frozen=True)
class World:
    """The photos, as each reader wants them."""

    originals: list[str]
    records: list[str]
    stored: list[bytes]
    small: list[bytes]
    stored_files: list[str]
    small_files: list[str]


@dataclass(frozen=True)
class Stage:
    """What is asked for."""

    size_px: int
    augment: float


@dataclass(frozen=True)
class Rate:
    """What one reader did in one run."""

    per_sec: float
    per_cpu_sec: float


def make_world(directory: Path, photos: int, stored_px: int, small_px: int) -> World:
    """Paints the photos and stores them as Transform does."""
    export = directory / "export"
    draw_export(export, species=8, photos=photos, size_px=(ORIGINAL_PX, ORIGINAL_PX), jobs=1)
    originals = sorted(export.glob("photos/*/medium.jpg"))
    random = np.random.default_rng(SEED)
    for path in originals:
        path.write_bytes(grainy(path, random))
    stored, small = zip(
        *[as_stored(path.read_bytes(), stored_px, small_px) for path in originals], strict=True
    )
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)
    paths = [str(directory / f"data-{index:05d}.gz") for index in range(FILES)]
    for index, path in enumerate(paths):
        with tf.io.TFRecordWriter(path, options) as writer:
            for number in range(index, len(stored), FILES):
                writer.write(example(stored[number], small[number], number))
    return World(
        originals=[str(path) for path in originals],
        records=paths,
        stored=list(stored),
        small=list(small),
        stored_files=as_files(directory / "stored", stored),
        small_files=as_files(directory / "small", small),
    )


def as_files(directory: Path, jpegs: Sequence[bytes]) -> list[str]:
    """Writes each photo into a file of its own."""
    directory.mkdir(exist_ok=True)
    paths = [directory / f"{number}.jpg" for number in range(len(jpegs))]
    for path, jpeg in zip(paths, jpegs, strict=True):
        path.write_bytes(jpeg)
    return [str(path) for path in paths]


def grainy(path: Path, random: np.random.Generator) -> bytes:
    """A painted photo is smoother than a photographed one, and its file half as large."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), np.float32)
    pixels = pixels + random.normal(0, GRAIN, pixels.shape[:2])[..., np.newaxis]
    buffer = io.BytesIO()
    rounded = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    rounded.save(buffer, "JPEG", quality=ORIGINAL_QUALITY)
    return buffer.getvalue()


def as_stored(data: bytes, stored_px: int, small_px: int) -> tuple[bytes, bytes]:
    """What Transform makes of a photo: the photo and its small copy."""
    photo, small = stored_photo(
        tf.constant(data),
        tf.constant(UPRIGHT),
        side_px=stored_px,
        small_px=small_px,
        quality=STORED_QUALITY,
    )
    return bytes(photo.numpy()), bytes(small.numpy())


def example(photo: bytes, small: bytes, number: int) -> bytes:
    """A transformed record."""
    features = {
        record.IMAGE: tf.train.Feature(bytes_list=tf.train.BytesList(value=[photo])),
        record.IMAGE_SMALL: tf.train.Feature(bytes_list=tf.train.BytesList(value=[small])),
        record.LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 8])),
        record.PHOTO_ID: tf.train.Feature(int64_list=tf.train.Int64List(value=[number])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def stream(
    world: World, stage: Stage, views: int, *, held: bool = False, in_place: bool = False
) -> Callable[[], int]:
    """The reader of training."""
    count = len(world.stored)
    dataset = training_stream(
        world.records,
        num_photos=count,
        start_examples=0,
        image_size_px=stage.size_px,
        global_batch=BATCH,
        steps=views // BATCH,
        augment=stage.augment,
        seed=SEED,
        shuffle_buffer_photos=count if held else count - 1,
        photo_files=PhotoFiles.of(world.records) if in_place else None,
    )
    return drained(dataset)


def chain(world: World, stage: Stage, views: int) -> Callable[[], int]:
    """The reader of iNaturalist's training, all steps of a photo in one map, which favours it."""

    def prepare(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        image = tf.image.convert_image_dtype(image, tf.float32)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.shape(image),
            tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
            area_range=(0.08, 1.0),
            aspect_ratio_range=(0.75, 1.33),
            max_attempts=100,
            min_object_covered=0.1,
        )
        image = tf.image.random_flip_left_right(tf.slice(image, begin, size))
        image = tf.cond(tf.random.uniform([]) < 0.3, lambda: coloured(image), lambda: image)
        image = tf.image.resize(image, [stage.size_px, stage.size_px])
        return tf.clip_by_value(image, 0.0, 1.0), label

    labels = [number % 8 for number in range(len(world.originals))]
    dataset = tf.data.Dataset.from_tensor_slices((world.originals, labels))
    dataset = dataset.shuffle(len(labels)).repeat()
    dataset = dataset.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    return drained(dataset.batch(BATCH).prefetch(tf.data.AUTOTUNE).take(views // BATCH))


def coloured(image: tf.Tensor) -> tf.Tensor:
    """Hue, saturation, brightness and contrast, moved at random."""
    image = tf.image.random_saturation(tf.image.random_hue(image, 0.08), 0.6, 1.6)
    return tf.image.random_contrast(tf.image.random_brightness(image, 0.05), 0.7, 1.3)


def drained(dataset: tf.data.Dataset) -> Callable[[], int]:
    """A call that takes all batches, the first of them before the clock starts."""
    batches = iter(dataset)
    next(batches)

    def run() -> int:
        return sum(len(batch[0]) for batch in batches)

    return run


def bare(
    world: World, stage: Stage, views: int, threads: int, *, files: bool = False
) -> Callable[[], int]:
    """A loop inside TensorFlow in each of the threads, out of memory or out of files."""
    stored_files, small_files = tf.constant(world.stored_files), tf.constant(world.small_files)
    photos = EncodedPhotos.of(tf.constant(world.stored), tf.constant(world.small))
    total, seen = len(world.stored), TrainingViews(stage.size_px, stage.augment)

    @tf.function
    def loop(first: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
        numbers = tf.range(first, stop)
        rows, seeds = (
            numbers % total,
            tf.stack([tf.fill(tf.shape(numbers), tf.constant(SEED, tf.int64)), numbers], axis=1),
        )
        plan = seen.plan(seeds, photos.sizes_of(rows))
        assert plan is not None, "a stage without augmentation"

        def one(at: tf.Tensor, spent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            planned = ViewPlan(*(of[at] for of in plan))
            jpegs, row = photos.jpegs, rows[at]
            if files:
                from_copy = plan.from_copy[at]
                read = tf.io.read_file(tf.where(from_copy, small_files[row], stored_files[row]))
                jpegs, row = Jpegs(read[tf.newaxis], read[tf.newaxis]), tf.constant(0, tf.int64)
            image = seen.view(jpegs, row, seeds[at], planned)
            # A pixel of each photo is used, so that none is left out as not needed.
            return at + 1, spent + tf.cast(image[0, 0, 0], tf.int64)

        return tf.while_loop(
            lambda at, _: at < tf.size(rows, tf.int64),
            one,
            (tf.constant(0, tf.int64), tf.constant(0, tf.int64)),
            parallel_iterations=1,
        )[1]

    loop(tf.constant(0, tf.int64), tf.constant(2, tf.int64))
    ends = [tf.constant(views * part // threads, tf.int64) for part in range(threads + 1)]

    def run() -> int:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(loop, ends[:-1], ends[1:]))
        return views

    return run


def tell_first_pass(world: World, runs: int) -> None:
    """Prints what the pass before the first stage takes a record, and one that counts alone."""
    files, records = world.records * TIMES_OVER, len(world.stored) * TIMES_OVER
    passes = {"counted, checked, located": PhotoFiles.of, "counted, checked": count_labels}
    taken_us: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(runs):
        for name, look in passes.items():
            start = time.perf_counter()
            look(files)
            taken_us[name].append((time.perf_counter() - start) / records * 1e6)
    for name, us in taken_us.items():
        print(f"{name}: {median(us):.1f} us a record ({min(us):.1f}..{max(us):.1f})", flush=True)


def pillow(world: World, stage: Stage, views: int) -> Callable[[], int]:
    """A loop in another library."""
    random = np.random.default_rng(SEED)

    def run() -> int:
        for number in range(views):
            image = Image.open(io.BytesIO(world.stored[number % len(world.stored)]))
            width, height = image.size
            share = np.sqrt(1 - 0.92 * stage.augment * random.random())
            side = int(min(width, height) * share)
            left, top = random.integers(0, width - side + 1), random.integers(0, height - side + 1)
            needed = stage.size_px / side
            image.draft("RGB", (int(width * needed) + 1, int(height * needed) + 1))
            scale = min(image.size[0] / width, image.size[1] / height)
            box = tuple(edge * scale for edge in (left, top, left + side, top + side))
            np.asarray(image.resize((stage.size_px,) * 2, Image.Resampling.BILINEAR, box=box))
        return views

    return run


def measured(make: Callable[[], Callable[[], int]]) -> Rate:
    """Runs a reader once."""
    run = make()
    wall_secs, cpu_secs = time.perf_counter(), time.process_time()
    photos = run()
    wall_secs, cpu_secs = time.perf_counter() - wall_secs, time.process_time() - cpu_secs
    return Rate(photos / wall_secs, photos / cpu_secs)


def compare(world: World, stage: Stage, views: int, runs: int, threads: int) -> None:
    """Prints the medians of a stage."""
    readers: dict[str, Callable[[], Callable[[], int]]] = {
        "held": lambda: stream(world, stage, views, held=True),
        "in place": lambda: stream(world, stage, views, in_place=True),
        "in order": lambda: stream(world, stage, views),
        "bare": lambda: bare(world, stage, views, threads),
        "files": lambda: bare(world, stage, views, threads, files=True),
        "chain": lambda: chain(world, stage, views),
        "pillow": lambda: pillow(world, stage, views),
    }
    rates = {name: [] for name in readers}
    for _ in range(runs):
        for name, make in readers.items():
            rates[name].append(measured(make))
    print(f"\n{stage.size_px} px, augment {stage.augment}, {threads} threads", flush=True)
    for name, of_runs in rates.items():
        print(
            f"{name:8} {median(rate.per_sec for rate in of_runs):7.0f} photos/s "
            f"{median(rate.per_cpu_sec for rate in of_runs):7.0f} photos/CPU-s",
            flush=True,
        )
    for ours in ("held", "in place", "in order"):
        for other in ("bare", "files", "chain"):
            print(f"{ours}/{other}: {in_words(rates[ours], rates[other])}", flush=True)


def in_words(ours: Sequence[Rate], theirs: Sequence[Rate]) -> str:
    """Median and range of the ratios, of wall time and of CPU time."""
    wall = ratios(ours, theirs, lambda rate: rate.per_sec)
    cpu = ratios(ours, theirs, lambda rate: rate.per_cpu_sec)
    return (
        f"{median(wall):.2f} wall ({min(wall):.2f}..{max(wall):.2f}), "
        f"{median(cpu):.2f} CPU ({min(cpu):.2f}..{max(cpu):.2f})"
    )


def ratios(
    ours: Sequence[Rate], theirs: Sequence[Rate], of: Callable[[Rate], float]
) -> list[float]:
    """Of the runs, one by one."""
    return [of(mine) / of(other) for mine, other in zip(ours, theirs, strict=True)]


def median(values: Iterator[float] | Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


@contextmanager
def workspace(given: Path | None) -> Iterator[Path]:
    """A directory that goes away, or one that was given."""
    if given:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main() -> None:
    """Measures each stage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--photos", type=int, default=240, help="painted")
    parser.add_argument("--views", type=int, default=2000, help="read in each run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--stored-px", type=int, default=299)
    parser.add_argument("--stages", nargs="+", default=["100:0.3", "200:0.55", "299:0.8"])
    parser.add_argument("--small-px", type=int, help="small copy; default: as Transform has it")
    arguments = parser.parse_args()
    small_px = small_copy_px(
        TransformSettings(small_size_px=arguments.small_px),
        stored_size_px=arguments.stored_px,
        smallest_stage_px=min(int(text.split(":")[0]) for text in arguments.stages),
    )
    cores = sorted(os.sched_getaffinity(0))[: arguments.threads]
    os.sched_setaffinity(0, cores)
    tf.config.threading.set_inter_op_parallelism_threads(len(cores))
    tf.config.threading.set_intra_op_parallelism_threads(1)
    with workspace(None) as directory:
        world = make_world(directory, arguments.photos, arguments.stored_px, small_px)
        sizes_kb = (
            sum(Path(path).stat().st_size for path in world.originals) / len(world.originals) / 1e3,
            sum(map(len, world.stored)) / len(world.stored) / 1e3,
            sum(map(len, world.small)) / len(world.small) / 1e3,
        )
        print(
            f"{len(cores)} cores; {sizes_kb[0]:.0f} kB a photo, {sizes_kb[1]:.0f} kB stored, "
            f"{sizes_kb[2]:.1f} kB its small copy ({small_px} px)"
        )
        tell_first_pass(world, arguments.runs)
        for text in arguments.stages:
            size, augment = text.split(":")
            stage = Stage(int(size), float(augment))
            compare(world, stage, arguments.views, arguments.runs, arguments.threads)


if __name__ == "__main__":
    main()
