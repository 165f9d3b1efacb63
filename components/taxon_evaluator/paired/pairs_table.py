"""`pairs.parquet`: a row for each taxon that both models know and that has photos.

pd.read_parquet("evaluation/tables/pairs.parquet").query("fallen")
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.taxon_evaluator.paired.falls import Falls
from components.taxon_evaluator.paired.pair_counts import OUTCOMES
from components.taxon_evaluator.tables.table_files import write_table

PAIRS_FILE = "pairs.parquet"

PAIRS_SCHEMA = pa.schema(
    [
        pa.field("taxon_id", pa.int64(), nullable=False),
        # Photos, and how many of them both models, one alone, or neither got right.
        pa.field("n", pa.int64(), nullable=False),
        *(pa.field(outcome, pa.int64(), nullable=False) for outcome in OUTCOMES),
        # Top-1 of the candidate less that of the baseline, with its 95 % interval.
        pa.field("change", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        # Of a fall, one-sided; and adjusted for all taxa, null where none could be found.
        pa.field("p_value", pa.float64(), nullable=False),
        pa.field("adjusted_p_value", pa.float64()),
        pa.field("fallen", pa.bool_(), nullable=False),
    ]
)


def write_pairs(falls: Falls, directory: Path) -> None:
    """Writes the file, the taxa in order of their ids.

    Args:
        falls: of all photos.
        directory: of the tables.
    """
    columns = {
        "taxon_id": falls.taxon_ids,
        "n": falls.photos,
        **{name: falls.outcomes[:, place] for place, name in enumerate(OUTCOMES)},
        "change": falls.change,
        "low": falls.low,
        "high": falls.high,
        "p_value": falls.p_values,
        "adjusted_p_value": pa.array(falls.adjusted, from_pandas=True),
        "fallen": falls.fallen,
    }
    names = PAIRS_SCHEMA.names
    table = pa.table([columns[name] for name in names], names=names)
    write_table([table], directory / PAIRS_FILE, PAIRS_SCHEMA)


def read_pairs(directory: Path) -> Falls | None:
    """Returns what a file holds; None if there is no file, since no photo could be compared.

    Args:
        directory: of the tables.
    """
    path = directory / PAIRS_FILE
    if not path.exists():
        return None
    table = pq.read_table(path)
    outcomes = np.stack([table[outcome].to_numpy() for outcome in OUTCOMES], axis=1)
    return Falls(
        taxon_ids=table["taxon_id"].to_numpy(),
        outcomes=outcomes,
        change=table["change"].to_numpy(),
        low=table["low"].to_numpy(),
        high=table["high"].to_numpy(),
        p_values=table["p_value"].to_numpy(),
        adjusted=table["adjusted_p_value"].to_numpy(),
        fallen=table["fallen"].to_numpy(),
    )
