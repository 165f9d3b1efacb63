"""A tiny taxonomy with people in it."""

from __future__ import annotations

import numpy as np

from schemas.taxonomy import Taxonomy
from serving.human_rule import HUMAN_TAXON_ID

# Animalia > Strix (aluco, varia), Homo (sapiens).
PEOPLE = Taxonomy(
    taxon_ids=np.array([1, 10, 11, 12, 20, HUMAN_TAXON_ID]),
    parent_nodes=np.array([-1, 0, 1, 1, 0, 4], np.int32),
    rank_levels=np.array([70, 20, 10, 10, 20, 10], np.float32),
    leaf_class_ids=np.array([-1, -1, 0, 1, -1, 2], np.int32),
    iconic_taxon_ids=np.zeros(6, np.int64),
    names=("Animalia", "Strix", "Strix aluco", "Strix varia", "Homo", "Homo sapiens"),
)
"""Leaves: Strix aluco, Strix varia, Homo sapiens."""
