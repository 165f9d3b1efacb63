"""Every metric of `metrics.parquet` by its name, before there is anything to measure.

metric_names(PhotoColumns(("genus",), 10))["top1_accuracy"]     # True: it has an interval
"""

from __future__ import annotations

import numpy as np

from components.taxon_evaluator.tables.figures import slice_figures
from components.taxon_evaluator.tables.leaf_groups import TAXON_METRICS
from components.taxon_evaluator.tables.macro_averages import MACRO_METRICS
from components.taxon_evaluator.tables.photo_columns import PhotoColumns


def metric_names(columns: PhotoColumns) -> dict[str, bool]:
    """Returns for each metric whether it has an interval.

    Args:
        columns: what is counted.
    """
    # Two photos, as a mean of one has no interval.
    sums = np.full((1, len(columns.names)), 2, np.int64)
    figures = slice_figures(sums, columns)
    names = {name: bool(np.isfinite(figure.low).all()) for name, figure in figures.items()}
    return names | dict.fromkeys(MACRO_METRICS, True) | TAXON_METRICS
