"""iNaturalist's ranks and their levels.

A rank level is a number that grows towards the root: species 10, genus 20, kingdom 70. Levels are
what files carry and what roll-up compares; several ranks may share one (genus and genushybrid).
Source: iNaturalist's taxon model, as listed in its API.

    >>> RANK_OF_LEVEL[33.5]
    'zoosubsection'
    >>> level_of("genus")
    20.0
"""

from __future__ import annotations

from types import MappingProxyType

from schemas.errors import ConfigError, did_you_mean

LEVEL_OF_RANK = MappingProxyType(
    {
        "stateofmatter": 100.0,
        "kingdom": 70.0,
        "phylum": 60.0,
        "subphylum": 57.0,
        "superclass": 53.0,
        "class": 50.0,
        "subclass": 47.0,
        "infraclass": 45.0,
        "subterclass": 44.0,
        "superorder": 43.0,
        "order": 40.0,
        "suborder": 37.0,
        "infraorder": 35.0,
        "parvorder": 34.5,
        "zoosection": 34.0,
        "zoosubsection": 33.5,
        "superfamily": 33.0,
        "epifamily": 32.0,
        "family": 30.0,
        "subfamily": 27.0,
        "supertribe": 26.0,
        "tribe": 25.0,
        "subtribe": 24.0,
        "genus": 20.0,
        "genushybrid": 20.0,
        "subgenus": 15.0,
        "section": 13.0,
        "subsection": 12.0,
        "complex": 11.0,
        "species": 10.0,
        "hybrid": 10.0,
        "subspecies": 5.0,
        "variety": 5.0,
        "form": 5.0,
    }
)
"""Level of every rank that iNaturalist knows."""

_SHARED_LEVELS = {20.0: "genus", 10.0: "species", 5.0: "subspecies"}

RANK_OF_LEVEL = MappingProxyType(
    {level: _SHARED_LEVELS.get(level, rank) for rank, level in LEVEL_OF_RANK.items()}
)
"""Name for every level; the commonest rank where several share it."""

ICONIC_TAXON_NAMES = MappingProxyType(
    {
        1: "Animalia",
        3: "Aves",
        20978: "Amphibia",
        26036: "Reptilia",
        40151: "Mammalia",
        47178: "Actinopterygii",
        47115: "Mollusca",
        47119: "Arachnida",
        47158: "Insecta",
        47126: "Plantae",
        47170: "Fungi",
        48222: "Chromista",
        47686: "Protozoa",
    }
)
"""iNaturalist's iconic taxa, which every taxon is grouped under in its apps, by taxon id."""


def level_of(rank: str) -> float:
    """Returns the level of a rank.

    Raises:
        ConfigError: if iNaturalist has no such rank.
    """
    if rank not in LEVEL_OF_RANK:
        raise ConfigError(
            f"Unknown rank. Allowed: {', '.join(LEVEL_OF_RANK)}. Received: {rank!r}."
            f"{did_you_mean(rank, LEVEL_OF_RANK)}"
        )
    return LEVEL_OF_RANK[rank]
