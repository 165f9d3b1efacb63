"""Numbers for taxa that a format only names.

Labels, slices and the phone's files know taxa by number. Where a format has only names, a taxon
gets a number made of its rank and its path of names: the same in every file and on every machine.
They lie above all of iNaturalist's ids and still within a signed 32-bit integer, which is what the
Android app reads.

    invented_taxon_id("genus", "Animalia/Arthropoda/Insecta/Coccinella", taken=set())
"""

from __future__ import annotations

import hashlib
from collections.abc import Container

FIRST_INVENTED_ID = 2_000_000_000
"""iNaturalist has some two million taxa; its ids will not come here."""

LAST_INVENTED_ID = 2_147_483_646
"""One less than the largest signed 32-bit integer."""


def invented_taxon_id(rank: str, name: str, taken: Container[int]) -> int:
    """Returns a number for a taxon, the next free one if its own is taken.

    Args:
        rank: of the taxon.
        name: of the taxon, with its ancestors where two taxa of a rank may share a name.
        taken: numbers already given. Ask for taxa in a fixed order, so that the rare two that meet
            get the same numbers each time.
    """
    digest = hashlib.sha256(f"{rank}:{name}".encode()).digest()
    room = LAST_INVENTED_ID - FIRST_INVENTED_ID + 1
    place = int.from_bytes(digest[:8]) % room
    while FIRST_INVENTED_ID + place in taken:
        place = (place + 1) % room
    return FIRST_INVENTED_ID + place
