"""A tree of taxa from the names that rows of observations carry.

Rows say what they were identified as, and the names of some ranks above. From all of them a tree is
made. Laws:

- a node is a whole path of (rank, name), so that homonyms of two kingdoms stay two;
- a taxon whose number a row gives keeps it, iconic taxa have iNaturalist's own, all others get
  invented ones (`schemas.taxon_numbers`), the same for the same names;
- where rows place one taxon in two ways (the taxonomy moved between them), the way that most rows
  give counts, and of equals the first in order of names.

    taxa = NamedTaxa()
    ref = taxa.add(51702, (("kingdom", "Animalia"), ("species", "Coccinella septempunctata")))
    table, ids = taxa.table(), taxa.taxon_ids()          # ids[ref] == 51702
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipeline.build_export.table_source import TaxaTable
from schemas.ranks import ICONIC_TAXON_NAMES, LEVEL_OF_RANK
from schemas.taxon_numbers import invented_taxon_id

Step = tuple[str, str]
"""Rank and name of a node."""

Path = tuple[Step, ...]
"""A node: the steps from the kingdom down to it."""

_ICONIC_IDS = {name: taxon_id for taxon_id, name in ICONIC_TAXON_NAMES.items()}
_ICONIC_RANKS = ("kingdom", "phylum", "class")


class NamedTaxa:
    """Collects what rows were identified as; keeps one entry a different taxon."""

    def __init__(self) -> None:
        self._refs: dict[tuple[int | None, Path], int] = {}
        self._rows: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._refs)

    def add(self, taxon_id: int | None, path: Path) -> int:
        """Notes a row; returns the place of its taxon in `taxon_ids`.

        Args:
            taxon_id: iNaturalist's number of the taxon, None if the row does not say.
            path: from the topmost rank known down to the taxon itself.
        """
        ref = self._refs.setdefault((taxon_id, path), len(self._refs))
        self._rows[ref] += 1
        return ref

    def taxon_ids(self) -> npt.NDArray[np.int64]:
        """Returns int64: the number of each place that `add` returned."""
        ids = [
            taxon_id if taxon_id is not None else self._id_of_path[path]
            for taxon_id, path in self._refs
        ]
        return np.array(ids, np.int64)

    @property
    def moved(self) -> int:
        """Taxa that rows place in more than one way."""
        places: Counter[int] = Counter(i for i, _ in self._refs if i is not None)
        return sum(count > 1 for count in places.values())

    def table(self) -> TaxaTable:
        """Returns all taxa met, and all above them, in ascending order of number."""
        nodes = {self._id_of_path[path]: path for path in self._id_of_path}
        nodes |= self._path_of_id
        ordered = sorted(nodes)
        steps = [nodes[taxon_id][-1] for taxon_id in ordered]
        return TaxaTable(
            taxon_ids=np.array(ordered, np.int64),
            parent_ids=np.array([self._parent_id(nodes[i]) for i in ordered], np.int64),
            rank_levels=np.array([LEVEL_OF_RANK[rank] for rank, _ in steps], np.float32),
            ranks=[rank for rank, _ in steps],
            names=[name for _, name in steps],
            active=np.ones(len(ordered), bool),
        )

    def _parent_id(self, path: Path) -> int:
        return self._id_of_path[path[:-1]] if len(path) > 1 else 0

    @cached_property
    def _path_of_id(self) -> dict[int, Path]:
        """The one path of each taxon whose number rows give."""
        ways: dict[int, list[tuple[int, Path]]] = defaultdict(list)
        for (taxon_id, path), ref in self._refs.items():
            if taxon_id is not None:
                ways[taxon_id].append((-self._rows[ref], path))
        return {taxon_id: min(found)[1] for taxon_id, found in ways.items()}

    @cached_property
    def _id_of_path(self) -> dict[Path, int]:
        """The number of every node that is a taxon or stands above one."""
        ids: dict[Path, int] = {}
        for taxon_id in sorted(self._path_of_id, reverse=True):
            ids[self._path_of_id[taxon_id]] = taxon_id  # of several, the lowest stays
        taken = set(ids.values()) | set(self._path_of_id)
        paths = set(self._path_of_id.values())
        paths |= {path for taxon_id, path in self._refs if taxon_id is None}
        prefixes = {path[:length] for path in paths for length in range(1, len(path) + 1)}
        for path in sorted(prefixes - ids.keys()):
            rank, name = path[-1]
            iconic = _ICONIC_IDS.get(name, 0) if rank in _ICONIC_RANKS else 0
            lineage = "/".join(name for _, name in path)
            free = iconic and iconic not in taken
            ids[path] = iconic if free else invented_taxon_id(rank, lineage, taken)
            taken.add(ids[path])
        return ids


def path_of_names(own: Step, above: dict[str, str]) -> Path:
    """Returns the path of a taxon from the names of ranks that a row gives.

    Names of the taxon's own rank and below it are left out; below a species, the species is put in
    from the first two words of the name, so that a subspecies can roll up to it.

    Args:
        own: rank and name of the taxon.
        above: name by rank, in any order; empty names are left out.
    """
    rank, name = own
    level = LEVEL_OF_RANK[rank]
    steps = {
        other: other_name
        for other, other_name in above.items()
        if other_name and LEVEL_OF_RANK[other] > level
    }
    words = name.split()
    if "genus" not in steps and level < LEVEL_OF_RANK["genus"] and len(words) > 1:
        steps["genus"] = words[0]
    if level < LEVEL_OF_RANK["species"] and "species" not in steps and len(words) > 2:
        steps["species"] = " ".join(words[:2])
    ordered = sorted(steps.items(), key=lambda step: -LEVEL_OF_RANK[step[0]])
    return (*ordered, own)


def rank_of_name(name: str) -> str:
    """Returns the rank that a scientific name's form suggests, where nothing else tells it.

    Two words are a species, three a subspecies, a cross a hybrid; one word is a family by its
    ending, else a genus.
    """
    words = name.split()
    if any(word in ("×", "x") for word in words):
        return "hybrid" if len(words) > 2 else "genushybrid"
    if len(words) > 1:
        return "species" if len(words) == 2 else "subspecies"
    endings = {"idae": "family", "aceae": "family", "inae": "subfamily", "oideae": "subfamily"}
    return next((rank for end, rank in endings.items() if name.endswith(end)), "genus")
