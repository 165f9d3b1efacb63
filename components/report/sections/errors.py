"""The section of confident errors: photos to look at, since some of their labels are wrong."""

from __future__ import annotations

from collections.abc import Sequence

from components.report.blocks import Photo, Photos, Section, Text
from components.report.taxon_names import TaxonNames
from components.report.thumbnails import Thumbnail


def errors_section(thumbnails: Sequence[Thumbnail], names: TaxonNames) -> Section | None:
    """Returns the section; None without a picture to show."""
    if not thumbnails:
        return None
    photos = [_photo(each, names) for each in thumbnails]
    intro = (
        "Of the most frequent confusions, the error that the model was most sure of. Where a label "
        "is wrong, it is often seen here."
    )
    return Section("errors", "Confident errors", [Text(intro), Photos(photos)])


def _photo(each: Thumbnail, names: TaxonNames) -> Photo:
    truth, answer = names.name(each.error.taxon_id), names.name(each.error.answer_taxon_id)
    credit = ", ".join(filter(None, (each.holder, each.licence)))
    return Photo(
        each.data_uri,
        f"Photo {each.error.photo_id}: labelled {truth}, taken for {answer}",
        [
            truth,
            f"taken for {answer}",
            f"photo {each.error.photo_id}",
            *([credit] if credit else []),
        ],
    )
