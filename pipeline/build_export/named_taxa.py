"""A tree of taxa from the names that rows of observations carry.

Rows say what they were identified as, and the names of some ranks above. From all of them a tree is
made. Laws:

- within a kingdom a name of a rank is one taxon; homonyms of two kingdoms stay two;
- a taxon whose number a row gives keeps it, iconic taxa have iNaturalist's own, all others get
  invented ones (`schemas.taxon_numbers`), the same for the same names;
- where rows place one taxon in two ways (the taxonomy moved between them), the way that most rows
  give counts, and of equals the first in order of names;
- the order of the rows changes nothing.

    taxa = NamedTaxa()
    ref = taxa.add(51702, (("kingdom", "Animalia"), ("species", "Coccinella septempunctata")))
    table, ids = taxa.table(), taxa.taxon_ids()          # ids[ref] == 51702
"""

from __future__ import annotations

import itertools
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

_Key = tuple[str, str, str, str]
"""What tells a taxon apart: kingdom, genus where that is needed, rank, name."""

_ICONIC_IDS = {name: taxon_id for taxon_id, name in ICONIC_TAXON_NAMES.items()}
_ICONIC_RANKS = ("kingdom", "phylum", "class")
_GENUS_LEVEL, _SPECIES_LEVEL = LEVEL_OF_RANK["genus"], LEVEL_OF_RANK["species"]
_CROSSES = ("×", "x")


class NamedTaxa:
    """Collects what rows were identified as; keeps one entry a different taxon.

    All rows are added first; then the tree is asked for.
    """

    def __init__(self) -> None:
        self._refs: dict[tuple[int | None, Path], int] = {}
        self._rows: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._refs)

    def add(self, taxon_id: int | None, path: Path) -> int:
        """Notes a row; returns the place of its taxon in `taxon_ids`.

        Args:
            taxon_id: iNaturalist's number of the taxon, None if the row does not say.
            path: from the topmost rank known down to the taxon itself; empty if the row gives a
                number alone. Then a table of taxa has to know it (`placed_taxa`).
        """
        ref = self._refs.setdefault((taxon_id, path), len(self._refs))
        self._rows[ref] += 1
        return ref

    def refs(self) -> list[tuple[int | None, Path]]:
        """Returns what was added, by the places that `add` returned."""
        return list(self._refs)

    def taxon_ids(self) -> npt.NDArray[np.int64]:
        """Returns int64: the number of each place that `add` returned."""
        ids = [
            taxon_id if taxon_id is not None else self._id_of_path[self.settled(path)]
            for taxon_id, path in self._refs
        ]
        return np.array(ids, np.int64)

    @cached_property
    def moved(self) -> list[str]:
        """Taxa that rows place in more than one way, as "genus Coccinella", in order."""
        names = {f"{key[2]} {key[3]}" for key, above in self._votes.items() if len(above) > 1}
        ways: dict[int, set[_Key]] = defaultdict(set)
        for taxon_id, path in self._refs:
            if taxon_id is not None and path:
                ways[taxon_id].add(_key(path))
        names |= {f"taxon {taxon_id}" for taxon_id, keys in ways.items() if len(keys) > 1}
        return sorted(names)

    def table(self) -> TaxaTable:
        """Returns all taxa met, and all above them, in ascending order of number."""
        nodes = {taxon_id: path for path, taxon_id in self._id_of_path.items()} | self._path_of_id
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

    def settled(self, path: Path) -> Path:
        """Returns the path on which the rows together place the taxon of a path."""
        return self._settled_path(_key(path))

    def _settled_path(self, key: _Key) -> Path:
        if key not in self._settled:
            votes = self._votes[key]
            above = min(votes, key=lambda other: (-votes[other], other)) if votes else None
            upper = self._settled_path(above) if above is not None else ()
            self._settled[key] = (*upper, (key[2], key[3]))
        return self._settled[key]

    def _parent_id(self, path: Path) -> int:
        return self._id_of_path[path[:-1]] if len(path) > 1 else 0

    @cached_property
    def _settled(self) -> dict[_Key, Path]:
        return {}

    @cached_property
    def _votes(self) -> dict[_Key, Counter[_Key]]:
        """Rows by the taxon that they place each taxon below. Ranks only rise: there is no loop."""
        votes: dict[_Key, Counter[_Key]] = defaultdict(Counter)
        for (_, path), ref in self._refs.items():
            keys = [_key(path[:length]) for length in range(1, len(path) + 1)]
            for above, key in itertools.pairwise(keys):
                votes[key][above] += self._rows[ref]
        return votes

    @cached_property
    def _path_of_id(self) -> dict[int, Path]:
        """The one path of each taxon whose number rows give."""
        ways: dict[int, Counter[_Key]] = defaultdict(Counter)
        for (taxon_id, path), ref in self._refs.items():
            if taxon_id is not None and path:
                ways[taxon_id][_key(path)] += self._rows[ref]
        return {
            taxon_id: self._settled_path(min(keys, key=lambda key: (-keys[key], key)))
            for taxon_id, keys in ways.items()
        }

    @cached_property
    def _id_of_path(self) -> dict[Path, int]:
        """The number of every node that is a taxon or stands above one."""
        ids: dict[Path, int] = {}
        for taxon_id in sorted(self._path_of_id, reverse=True):
            ids[self._path_of_id[taxon_id]] = taxon_id  # of several, the lowest stays
        taken = set(ids.values()) | set(self._path_of_id)
        paths = set(self._path_of_id.values())
        paths |= {self.settled(path) for taxon_id, path in self._refs if taxon_id is None}
        prefixes = {path[:length] for path in paths for length in range(1, len(path) + 1)}
        for path in sorted(prefixes - ids.keys()):
            ids[path] = _number(path, taken)
            taken.add(ids[path])
        return ids


def _key(path: Path) -> _Key:
    rank, name = path[-1]
    # Sections and the like of different genera often share a name.
    needs_genus = _SPECIES_LEVEL < LEVEL_OF_RANK[rank] < _GENUS_LEVEL
    return path[0][1], dict(path).get("genus", "") if needs_genus else "", rank, name


def _number(path: Path, taken: set[int]) -> int:
    rank, name = path[-1]
    iconic = _ICONIC_IDS.get(name, 0) if rank in _ICONIC_RANKS else 0
    if iconic and iconic not in taken:
        return iconic
    return invented_taxon_id(rank, "/".join(name for _, name in path), taken)


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
    if level < _GENUS_LEVEL and "genus" not in steps and _starts_with_genus(words):
        steps["genus"] = words[0]
    if level < _SPECIES_LEVEL and "species" not in steps and len(words) > 2:
        steps["species"] = " ".join(words[:2])
    ordered = sorted(steps.items(), key=lambda step: -LEVEL_OF_RANK[step[0]])
    return (*ordered, own)


def rank_of_name(name: str) -> str:
    """Returns the rank that a scientific name's form suggests, where nothing else tells it.

    Two words are a species, three a subspecies, a cross a hybrid; one word is what its ending says
    by the codes of nomenclature, else a genus.
    """
    words = name.split()
    if any(word in _CROSSES for word in words):
        return "hybrid" if len(words) > 2 else "genushybrid"
    if len(words) > 1:
        return "species" if len(words) == 2 else "subspecies"
    return next((rank for end, rank in _ENDINGS.items() if name.endswith(end)), "genus")


_ENDINGS = {
    "idae": "family",
    "aceae": "family",
    "inae": "subfamily",
    "oideae": "subfamily",
    "oidea": "superfamily",
    "ales": "order",
    "iformes": "order",
    "opsida": "class",
    "mycetes": "class",
    "phyta": "phylum",
    "mycota": "phylum",
}
"""Endings that the codes prescribe, or that zoologists keep to."""


def _starts_with_genus(words: list[str]) -> bool:
    return len(words) > 1 and words[0] not in _CROSSES
