"""What ExportExampleGen costs beside the photos themselves.

    python benchmarks/example_gen.py speed --photos 3000      # photos/s per core; bare loops
    python benchmarks/example_gen.py workers --photos 10000   # one Beam process against two
    python benchmarks/example_gen.py memory --photos 1000 10000 100000

The photos are painted, 500 px JPEGs of some 60 kB. Every measurement is a process of its own, whose
imports are not counted; medians of --runs. `speed` holds all processes on one core. A process
decodes in four threads, so that on two cores one keeps both busy: --decode-threads 1 shows what a
second process is worth where each has a core. The bare loops read each file, decode it as the check
does (or not at all), and write a record of the same features into TFRecord files of the same kind;
they know no rows, no splits, no leaks and no hashes. Their files are in the page cache, as are the
step's. The yardstick: at most 1.5 times the CPU seconds of the loop that checks, and a peak of
memory that does not follow the number of photos.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LEAVES = 20
PHOTO_PX = (500, 375)
TWO_PROCESSES = (
    "--runner=DirectRunner",
    "--direct_num_workers=2",
    "--direct_running_mode=multi_processing",
)
HEADER = (
    "photo_id,photo_url,observation_id,leaf_class_id,iconic_class_id,taxon_id,obs_taxon_id,"
    "community"
)


def paint_export(directory: Path, photos: int, different: int) -> None:
    """Writes a vision export of `photos` photos; those beyond `different` are hard links."""
    directory.mkdir()
    rows = [
        "parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,spatial_class_id,name"
    ]
    rows += [",1,70,,,,Animalia"]
    rows += [f"1,{10 + leaf},10,{leaf},0,{leaf},Species {leaf}" for leaf in range(LEAVES)]
    (directory / "taxonomy.csv").write_text("\n".join(rows) + "\n")
    painter = _paint()
    for number in range(photos):
        folder = directory / "photos" / str(number + 1)
        folder.mkdir(parents=True)
        if number < different:
            (folder / "medium.jpg").write_bytes(next(painter))
        else:
            original = directory / "photos" / str(number % different + 1) / "medium.jpg"
            os.link(original, folder / "medium.jpg")
    for split, rest in (("train", range(10)), ("val", (10,))):
        rows = [HEADER]
        for number in range(1, photos + 1):
            if number % 11 in rest:
                leaf, url = number % LEAVES, f"https://example.org/photos/{number}/medium.jpg"
                rows.append(
                    f"{number},{url},{9_000_000 + number},{leaf},0,{10 + leaf},{10 + leaf},1"
                )
        (directory / f"{split}_data.csv").write_text("\n".join(rows) + "\n")


def _paint() -> Iterator[bytes]:
    """Yields JPEGs: soft blobs under grain, none like another."""
    random = np.random.default_rng(0)
    grain = random.normal(0, 9, (PHOTO_PX[1] * 2, PHOTO_PX[0] * 2, 3)).astype(np.int16)
    while True:
        blobs = random.integers(0, 256, (12, 16, 3), np.uint8)
        soft = np.asarray(Image.fromarray(blobs).resize(PHOTO_PX, Image.Resampling.BICUBIC))
        top, left = random.integers(0, PHOTO_PX[1]), random.integers(0, PHOTO_PX[0])
        pixels = soft + grain[top : top + PHOTO_PX[1], left : left + PHOTO_PX[0]]
        buffer = io.BytesIO()
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=87)
        yield buffer.getvalue()


def bare_loop(export: Path, out: Path, *, check: bool) -> None:
    """Reads, perhaps decodes, and writes each photo."""
    import tensorflow as tf

    def bytes_(value: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def int_(value: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)
    for split in ("train", "val"):
        with (export / f"{split}_data.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        with tf.io.TFRecordWriter(str(out / split), options) as writer:
            for row in rows:
                photo_id = row["photo_id"]
                data = (export / "photos" / photo_id / "medium.jpg").read_bytes()
                if check:
                    with Image.open(io.BytesIO(data)) as image:
                        image.draft("L", (64, 64))
                        image.load()
                names = ("photo_id", "observation_id", "taxon_id", "obs_taxon_id", "community")
                features = {name: int_(int(row[name])) for name in names}
                features |= {"image": bytes_(data), "orientation": int_(1)}
                features["iconic_taxon"] = bytes_(b"none")
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString(deterministic=True))


def example_gen(
    export: Path, out: Path, beam_args: tuple[str, ...], **settings: object
) -> Callable[[], None]:
    """Returns a call that runs the step as TFX does."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts

    from components.artifacts import PhotoIndex, SetAside, Taxonomy
    from components.export_example_gen.executor import Executor

    outputs = {
        "examples": standard_artifacts.Examples(),
        "taxonomy": Taxonomy(),
        "set_aside": SetAside(),
        "photo_index": PhotoIndex(),
    }
    for name, artifact in outputs.items():
        (out / name).mkdir(parents=True)
        artifact.uri = str(out / name)
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=list(beam_args), tmp_dir=str(out), unique_id="1"
    )
    properties = {"export_dir": str(export), "settings": json.dumps(settings)}
    executor = Executor(context)  # TFX packs its own code here, which takes it a second.
    output_dict = {name: [output] for name, output in outputs.items()}
    return lambda: executor.Do({}, output_dict, properties)


def modes(
    arguments: argparse.Namespace, export: Path, out: Path
) -> dict[str, Callable[[], Callable[[], None]]]:
    """Returns what can be measured, by name: calls that prepare what is to be timed."""
    copies = {
        "placeholder_copies": arguments.placeholder_copies,
        "decode_threads": arguments.decode_threads,
    }
    one = ("--runner=FnApiRunner",)
    return {
        "step": lambda: example_gen(export, out, one, **copies),
        "step, two processes": lambda: example_gen(export, out, TWO_PROCESSES, **copies),
        "loop": lambda: partial(bare_loop, export, out, check=False),
        "loop with check": lambda: partial(bare_loop, export, out, check=True),
    }


def measure_here(arguments: argparse.Namespace) -> None:
    """Runs one mode in this process and prints what it took, as JSON."""
    if arguments.one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import tensorflow  # noqa: F401 - not to be counted
    import tfx.components  # noqa: F401

    from components.export_example_gen import executor  # noqa: F401

    with tempfile.TemporaryDirectory(dir=arguments.export.parent) as folder:
        run = modes(arguments, arguments.export, Path(folder))[arguments.mode]()
        before_mb = _peak_mb()
        cpu_secs, wall_secs = _cpu_secs(), time.perf_counter()
        run()
        print(
            json.dumps(
                {
                    "wall_secs": time.perf_counter() - wall_secs,
                    "cpu_secs": _cpu_secs() - cpu_secs,
                    "peak_mb": _peak_mb(),
                    "imports_mb": before_mb,
                }
            )
        )


def _cpu_secs() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(arguments: argparse.Namespace, mode: str, export: Path) -> dict[str, float]:
    """Returns the medians of a mode, each run in a process of its own."""
    command = [sys.executable, __file__, "measure", "--export", str(export), "--mode", mode]
    command += ["--placeholder-copies", str(arguments.placeholder_copies)]
    command += ["--decode-threads", str(arguments.decode_threads)]
    command += ["--one-core"] if arguments.one_core else []
    runs = []
    for _ in range(arguments.runs):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-4000:])
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def compare(arguments: argparse.Namespace, names: list[str]) -> None:
    """Prints each mode's figures for each number of photos."""
    for photos in arguments.photos:
        with tempfile.TemporaryDirectory() as folder:
            export = Path(folder) / "export"
            paint_export(export, photos, min(photos, arguments.different))
            for name in names:
                took = measure(arguments, name, export)
                print(
                    f"{name}: {photos:,} photos, {took['wall_secs']:.2f} s wall, "
                    f"{took['cpu_secs']:.2f} CPU-s, {photos / took['wall_secs']:,.0f} photos/s, "
                    f"{photos / took['cpu_secs']:,.0f} photos/CPU-s, "
                    f"peak {took['peak_mb']:,.0f} MB (imports {took['imports_mb']:,.0f} MB)",
                    flush=True,
                )


def main() -> None:
    """Measures what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("speed", "workers", "memory", "measure"))
    parser.add_argument("--photos", type=int, nargs="+", default=[3000])
    parser.add_argument("--different", type=int, default=10_000, help="photos painted at most")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--placeholder-copies", type=int, default=10)
    parser.add_argument("--decode-threads", type=int, default=4, help="of each process")
    parser.add_argument("--one-core", action="store_true")
    parser.add_argument("--export", type=Path)
    parser.add_argument("--mode")
    arguments = parser.parse_args()
    if arguments.what == "measure":
        measure_here(arguments)
    elif arguments.what == "speed":
        arguments.one_core = True
        compare(arguments, ["step", "loop with check", "loop"])
    elif arguments.what == "workers":
        compare(arguments, ["step", "step, two processes"])
    else:
        arguments.placeholder_copies = 0
        arguments.different = min(arguments.different, 500)
        compare(arguments, ["step"])


if __name__ == "__main__":
    main()
