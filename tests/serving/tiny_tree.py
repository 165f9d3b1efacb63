"""A tiny taxonomy; importing it brings no TensorFlow."""

from __future__ import annotations

from pathlib import Path

from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy

TAXONOMY_CSV = """parent_taxon_id,taxon_id,rank_level,leaf_class_id,name
,1,70,,Animalia
,47126,70,,Plantae
1,10,30,,Strigidae
10,20,20,,Strix
20,101,10,2,Strix aluco
20,102,10,0,Strix varia
10,30,33.5,4,Strigina
47126,40,20,,Quercus
40,201,10,3,Quercus robur
40,202,10,1,Quercus alba
"""


def tiny_taxonomy(directory: Path) -> Taxonomy:
    """Five leaves under two kingdoms, one of them no species."""
    path = directory / "taxonomy.csv"
    path.write_text(TAXONOMY_CSV)
    return read_taxonomy(path)
