"""What is known of one photo's creator and licence, and what many photos come to.

credit.creator, credit.license, credit.license_url
totals.num_photos, totals.licences["CC-BY-NC"]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Credit(NamedTuple):
    """One photo of one split; the fields are the columns of the table.

    Attributes:
        split: train, val or test.
        photo_id: iNaturalist's, or the competition's own.
        photo_page: its page; None where the id may not be iNaturalist's.
        photo_url: the picture; None if the export does not say.
        observation: page of the observation; None if the export knows none.
        observer: login, or id; None if unknown.
        rights_holder: whom to credit; None if unknown.
        license: code, as "CC-BY-NC"; None for none, or all rights reserved.
        license_url: the licence's text; None if it is not known.
        taxon_id: the leaf taxon that the photo trains.
        taxon_name: its scientific name; None if the taxonomy has no such taxon.
    """

    split: str
    photo_id: int
    photo_page: str | None
    photo_url: str | None
    observation: str | None
    observer: str | None
    rights_holder: str | None
    license: str | None
    license_url: str | None
    taxon_id: int
    taxon_name: str | None

    @property
    def creator(self) -> str | None:
        """Whom to credit: the rights holder, or else who observed."""
        return self.rights_holder or self.observer


class HolderCredit(NamedTuple):
    """A photo among those of one creator.

    Attributes:
        holder: the creator; None if neither rights holder nor observer is known.
        num_photos: how many are the creator's.
        credit: the photo.
    """

    holder: str | None
    num_photos: int
    credit: Credit


@dataclass(frozen=True)
class Totals:
    """What the photos come to.

    Attributes:
        licences: photos by licence code; those under none are None's.
        num_without_creator: photos with neither rights holder nor observer.
        num_observers: how many observers (or, where unknown, rights holders) there are.
    """

    licences: Mapping[str | None, int]
    num_without_creator: int
    num_observers: int

    @property
    def num_photos(self) -> int:
        """All photos."""
        return sum(self.licences.values())

    @property
    def has_credits(self) -> bool:
        """Whether the export carried any licence or creator."""
        return self.num_observers > 0 or set(self.licences) - {None} != set()
