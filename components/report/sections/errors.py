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
        "Of the most frequent confusions, the error that the model was most sure of; first, photos "
        "of taxa with so many such errors that labels may be wrong."
    )
    return Section("errors", "Confident errors", [Text(intro), Photos(photos)])


def _photo(each: Thumbnail, names: TaxonNames) -> Photo:
    error, truth = each.error, names.name(each.error.taxon_id)
    answered = "taken for another"
    if error.answer_taxon_id is not None:
        answered = f"taken for {names.name(error.answer_taxon_id)}"
    lines = [truth, answered, f"photo {error.photo_id}"]
    lines += ["perhaps mislabelled"] if error.suspect else []
    credit = ", ".join(filter(None, (each.holder, each.licence)))
    lines += [credit] if credit else []
    return Photo(each.data_uri, f"Photo {error.photo_id}: labelled {truth}, {answered}", lines)
