"""The evaluation as Parquet, which a notebook reads in two lines.

    import pandas as pd
    metrics = pd.read_parquet("evaluation/tables/metrics.parquet")

| file | a row for each |
| --- | --- |
| `metrics.parquet` | slice and metric: n, value, low, high |
| `reliability.parquet` | slice and bin of confidence that has photos |
| `confusions.parquet` | true leaf and the leaf that it was taken for |
| `problems.parquet` | leaf with errors, the one with most to gain first |
| `taxa.parquet` | taxon of the model |

docs/evaluation.md describes the columns. The version stands in each file's metadata; it changes
when a column or a metric changes its meaning, not when one is added.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TABLES_DIRECTORY = "tables"
"""Of an evaluation artifact."""

METRICS_FILE = "metrics.parquet"
RELIABILITY_FILE = "reliability.parquet"
CONFUSIONS_FILE = "confusions.parquet"
PROBLEMS_FILE = "problems.parquet"
TAXA_FILE = "taxa.parquet"

VERSION = 1
VERSION_KEY = b"fieldmark.evaluation"

_NAMES = pa.dictionary(pa.int32(), pa.string())

METRICS_SCHEMA = pa.schema(
    [
        # overall, leaf, a rank, iconic, train_photos, license, year, cell or observer.
        pa.field("family", _NAMES, nullable=False),
        # Name of the slice: of a taxon its scientific name.
        pa.field("slice", _NAMES, nullable=False),
        # The taxon; 0 if the slice is none.
        pa.field("taxon_id", pa.int64(), nullable=False),
        pa.field("metric", _NAMES, nullable=False),
        # What the value is taken over: photos, or taxa of a macro average.
        pa.field("n", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        # Ends of the 95 % interval; null where there is none to be had.
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
    ]
)

RELIABILITY_SCHEMA = pa.schema(
    [
        pa.field("family", _NAMES, nullable=False),
        pa.field("slice", _NAMES, nullable=False),
        pa.field("taxon_id", pa.int64(), nullable=False),
        # Confidence above which and up to which the bin reaches.
        pa.field("above", pa.float64(), nullable=False),
        pa.field("up_to", pa.float64(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("mean_confidence", pa.float64(), nullable=False),
        pa.field("accuracy", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
    ]
)

CONFUSIONS_SCHEMA = pa.schema(
    [
        pa.field("taxon_id", pa.int64(), nullable=False),
        pa.field("answer_taxon_id", pa.int64(), nullable=False),
        # Rank level of the lowest taxon that holds both; 100 across kingdoms.
        pa.field("common_rank_level", pa.float64(), nullable=False),
        # Photos of the taxon, and how many of them were answered so.
        pa.field("n", pa.int64(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("rate", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        # The other way round: photos of the answer that were taken for the taxon.
        pa.field("reverse_n", pa.int64(), nullable=False),
        pa.field("reverse_count", pa.int64(), nullable=False),
        pa.field("reverse_rate", pa.float64(), nullable=False),
        # The most confident ones of the photos.
        pa.field("photo_ids", pa.list_(pa.int64()), nullable=False),
    ]
)

PROBLEMS_SCHEMA = pa.schema(
    [
        pa.field("taxon_id", pa.int64(), nullable=False),
        # Photos evaluated, how many of them were wrong, and that as a share with its interval.
        pa.field("n", pa.int64(), nullable=False),
        pa.field("errors", pa.int64(), nullable=False),
        pa.field("error_rate", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        # Of the leaf in the export; error_rate and its lower end times them.
        pa.field("observations", pa.int64(), nullable=False),
        pa.field("gain", pa.float64(), nullable=False),
        pa.field("sure_gain", pa.float64(), nullable=False),
        # Names of `problems.DIAGNOSES`, and their figures.
        pa.field("diagnoses", pa.list_(pa.string()), nullable=False),
        pa.field("train_photos", pa.int64(), nullable=False),
        pa.field("errors_within_genus", pa.int64(), nullable=False),
        # The leaf of its genus that it is taken for most often (0: none), and how often.
        pa.field("confused_taxon_id", pa.int64(), nullable=False),
        pa.field("confused_count", pa.int64(), nullable=False),
        pa.field("confident_errors", pa.int64(), nullable=False),
        # Photos of confident errors, the most confident first.
        pa.field("suspect_photo_ids", pa.list_(pa.int64()), nullable=False),
        # Training photos that are copies of another one of the leaf; that other leaves have, too.
        pa.field("copies", pa.int64(), nullable=False),
        pa.field("copies_elsewhere", pa.int64(), nullable=False),
        # Training photos of who took most of them.
        pa.field("top_observer_photos", pa.int64(), nullable=False),
    ]
)

TAXA_SCHEMA = pa.schema(
    [
        pa.field("taxon_id", pa.int64(), nullable=False),
        # 0 of a kingdom.
        pa.field("parent_taxon_id", pa.int64(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("rank", _NAMES, nullable=False),
        pa.field("rank_level", pa.float64(), nullable=False),
        # Class of the model; -1 of a taxon that is no leaf.
        pa.field("leaf_class_id", pa.int64(), nullable=False),
        # Photos of a leaf in training and in this evaluation; 0 of a taxon that is no leaf.
        pa.field("train_photos", pa.int64(), nullable=False),
        pa.field("photos", pa.int64(), nullable=False),
    ]
)


def write_table(tables: Iterable[pa.Table], path: Path, schema: pa.Schema) -> None:
    """Writes one of the files; it bears its name only when it is whole.

    Args:
        tables: with the schema's columns; each becomes a row group.
        path: of the file.
        schema: one of this module's.
    """
    versioned = schema.with_metadata({VERSION_KEY: str(VERSION).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    writing = path.with_name(f"writing-{os.getpid()}-{path.name}")
    with pq.ParquetWriter(writing, versioned, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table.unify_dictionaries().cast(versioned))
    writing.rename(path)


def read_metric(directory: Path, family: str, metric: str) -> pa.Table:
    """Returns the rows of `metrics.parquet` that hold a metric of a family of slices.

    Args:
        directory: of the tables.
        family: of slices.
        metric: its name.
    """
    wanted = (pc.field("family") == family) & (pc.field("metric") == metric)
    return pq.read_table(directory / METRICS_FILE, filters=wanted)
