"""The taxonomy as iNaturalist's apps read it, and readers as strict as the apps.

* `taxonomy.csv` (Android): `parent_taxon_id,taxon_id,rank_level,leaf_class_id,geo_threshold,name`,
  no quoting; ids as text, so "12.0" would be another taxon than "12". `name` is last, because the
  app splits a line into as many cells as the header has. `geo_threshold` is empty without a geo
  model, and for a node with children.
* `taxonomy.json` (iOS): an array of objects with the same keys, null where a cell is empty.
* `labels.txt`: the scientific name of each class, one a line, in class order.

In both taxonomies the root Life is no row, every parent is, and every childless node has a
`leaf_class_id`: otherwise the apps crash. Source: inaturalist/vision-camera-plugin-inatvision,
Node.java, Taxonomy.java, VCPNode.m, VCPTaxonomy.m.

    write_mobile_files(taxonomy, "bundle")
    read_android_taxonomy("bundle/taxonomy.csv")[0].name
"""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.taxonomy import NO_LEAF, Taxonomy

ANDROID_FILE = "taxonomy.csv"
IOS_FILE = "taxonomy.json"
LABELS_FILE = "labels.txt"

SYNONYMS_FILE = "synonyms.csv"
"""Of a bundle that was given one: taxa that changed since the model was trained."""

COLUMNS = (
    "parent_taxon_id",
    "taxon_id",
    "rank_level",
    "leaf_class_id",
    "geo_threshold",
    "name",
)


def write_mobile_files(
    taxonomy: Taxonomy,
    directory: str | PathLike[str],
    *,
    geo_thresholds: npt.NDArray[np.floating] | None = None,
) -> None:
    """Writes `taxonomy.csv`, `taxonomy.json` and `labels.txt`.

    Args:
        taxonomy: checked, so it keeps what the apps require.
        directory: where; it exists.
        geo_thresholds: float [N], 0..1, NaN where a leaf has none; None without a geo model.
    """
    rows = [_row(taxonomy, node, geo_thresholds) for node in range(len(taxonomy))]
    lines = [",".join(COLUMNS), *(",".join(map(_cell, row.values())) for row in rows)]
    records = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    _write(directory, ANDROID_FILE, "\n".join(lines) + "\n")
    _write(directory, IOS_FILE, f"[\n{records}\n]\n")
    _write(directory, LABELS_FILE, "\n".join(taxonomy.leaf_names) + "\n")


def _row(
    taxonomy: Taxonomy, node: int, geo_thresholds: npt.NDArray[np.floating] | None
) -> dict[str, Any]:
    """One taxon; whole numbers as int, so that neither form writes "10.0"."""
    parent, leaf = int(taxonomy.parent_nodes[node]), int(taxonomy.leaf_class_ids[node])
    level = float(taxonomy.rank_levels[node])
    known = geo_thresholds is not None and leaf != NO_LEAF and np.isfinite(geo_thresholds[leaf])
    values = (
        int(taxonomy.taxon_ids[parent]) if parent >= 0 else None,
        int(taxonomy.taxon_ids[node]),
        int(level) if level.is_integer() else level,
        leaf if leaf != NO_LEAF else None,
        float(geo_thresholds[leaf]) if geo_thresholds is not None and known else None,
        taxonomy.names[node],
    )
    return dict(zip(COLUMNS, values, strict=True))


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _write(directory: str | PathLike[str], name: str, text: str) -> None:
    (Path(directory) / name).write_text(text, encoding="utf-8")
