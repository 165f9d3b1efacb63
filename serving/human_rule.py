"""What the apps answer where people are among the suggestions: people alone, or nothing.

A photo of a person is no observation of nature, and a plant behind a person is not what the photo
shows. Of the best leaves of a photo:

1. Where Homo sapiens is not among them, or is the only one, all stay.
2. Where it is the best, with more than 1.5 times the score of the next, it alone stays.
3. Otherwise none stays: the photo has no answer.

    keep = human_rule(classes, scores, human_class(taxonomy))  # bool [B, k]

Source: inaturalist/vision-camera-plugin-inatvision, index.tsx; inaturalist/inatVisionAPI,
inat_inferrer.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.taxonomy import Taxonomy

HUMAN_TAXON_ID = 43584
"""Homo sapiens."""

MAX_LEAVES = 100
"""Best leaves of a photo that the rule looks at, and that an app goes on with."""

MIN_MARGIN = 1.5
"""People alone are the answer above this ratio of their score to the next one's."""


def human_class(taxonomy: Taxonomy) -> int | None:
    """Returns the leaf class of people; None where a model has none."""
    return taxonomy.leaf_of_taxon.get(HUMAN_TAXON_ID)


def human_rule(
    classes: npt.NDArray[np.integer], scores: npt.NDArray[np.floating], human: int | None
) -> npt.NDArray[np.bool_]:
    """Returns bool [B, k]: which leaves stay.

    Args:
        classes: int [B, k], the best leaves of each photo, best first.
        scores: float [B, k], theirs; a leaf of score 0 counts as not there.
        human: leaf class of people, None if there is none.
    """
    there = scores > 0
    is_human = _is_human(classes, scores, human)
    undisturbed = ~is_human.any(axis=1) | (there.sum(axis=1) == 1)
    if classes.shape[1] < 2:
        return there
    first = is_human[:, 0] & (scores[:, 0] > MIN_MARGIN * scores[:, 1])
    keep = undisturbed[:, None] | (is_human & first[:, None])
    return np.asarray(there & keep)


def has_people(
    classes: npt.NDArray[np.integer], scores: npt.NDArray[np.floating], human: int | None
) -> npt.NDArray[np.bool_]:
    """Returns bool [B]: whether people are among the best leaves of each photo.

    Args:
        classes: as of `human_rule`.
        scores: as of `human_rule`.
        human: leaf class of people, None if there is none.
    """
    return np.asarray(_is_human(classes, scores, human).any(axis=1))


def _is_human(
    classes: npt.NDArray[np.integer], scores: npt.NDArray[np.floating], human: int | None
) -> npt.NDArray[np.bool_]:
    return np.asarray((scores > 0) & (classes == (-1 if human is None else human)))
