"""Which taxa the test for broken ones can find at all: so many photos a split must have.

Of a taxon that the server names rightly on d photos, a variant can lose no more than d, and the
exact one-sided test then gives 2^-d, its smallest p-value. Benjamini and Hochberg multiply that by
the number of taxa tested, at worst T that have photos enough, and by 1 at best. So a taxon of

    d < log2(1 / alpha)     is never found, whatever becomes of it;
    d >= log2(T / alpha)    is found for sure, if the variant loses all of its photos.

`mobile_validation.max_broken_taxa` sees nothing of the first kind.

    visible_taxa(reference, alpha=0.05).fewest_photos     # 5
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.mobile_validator.tally import Tally
from schemas.counted import counted


@dataclass(frozen=True)
class VisibleTaxa:
    """What the test can see; photos are those that the server names rightly.

    Attributes:
        fewest_photos: of a taxon, for it to be found at all.
        sure_photos: with which one is found for sure, if all of them are lost.
        taxa: that have photos.
        too_few: of these, how many the server names rightly on fewer than fewest_photos.
        sure: how many on sure_photos or more.
    """

    fewest_photos: int
    sure_photos: int
    taxa: int
    too_few: int
    sure: int

    @property
    def words(self) -> str:
        """A sentence for people."""
        few, sure = self.fewest_photos, self.sure_photos
        return (
            f"A taxon that a variant breaks can be found where the server names {few} photos of it "
            f"rightly, and surely where it names {sure} and the variant none: of "
            f"{counted(self.taxa, 'taxon', 'taxa')} compared, {self.too_few:,} have fewer than "
            f"{few} such photos, {self.sure:,} have {sure} or more."
        )


def visible_taxa(reference: Tally, *, alpha: float) -> VisibleTaxa:
    """Returns what the test of `broken_taxa` can see on the photos compared.

    Args:
        reference: tally of the server, of one photo at least.
        alpha: as given to `broken_taxa`.
    """
    labels = reference.labels
    photos = np.bincount(labels)
    right = np.bincount(labels[reference.server_first == labels], minlength=len(photos))
    right, photos = right[photos > 0], photos[photos > 0]
    fewest = _photos_for(alpha)
    tested = max(1, int((photos >= fewest).sum()))
    sure = _photos_for(alpha / tested)
    return VisibleTaxa(
        fewest_photos=fewest,
        sure_photos=sure,
        taxa=len(photos),
        too_few=int((right < fewest).sum()),
        sure=int((right >= sure).sum()),
    )


def _photos_for(p_value: float) -> int:
    """The least d with 2^-d of at most so much."""
    return int(np.ceil(-np.log2(p_value)))
