"""Where a model has most to gain, taxon by taxon, and what the figures say is in the way.

Of a leaf with e wrong photos of n and o observations, e / n x o wrong answers would go if it were
always right. With few photos e / n is mostly chance, and a list by it would be a list of chance; so
leaves are ranked by what is sure: the lower end of the error rate's 95 % interval, times o.

| diagnosis | holds if |
| --- | --- |
| `few_photos` | training has fewer photos than `few_train_photos` |
| `within_genus` | a share of the errors is a leaf of its genus |
| `mislabelled` | a share of the photos is answered otherwise, and confidently |
| `duplicates` | a share of the training photos are copies, within the leaf or in another one |
| `one_observer` | a share of the training photos is one person's |

Several may hold, or none. They say where to look and not what is the case.

Law: rows are a function of the counts alone, leaves with an error each once; more errors or more
observations, all else being equal, never move a leaf down.

    table = problems_table(leaf_counts, tables.pairs, tree, settings)
    table.slice(0, 5)       # with most to gain
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.taxon_evaluator.problem_settings import ProblemSettings
from components.taxon_evaluator.tables.confused_pairs import ConfusedPairs, pair_of
from components.taxon_evaluator.tables.confusions import common_level
from components.taxon_evaluator.tables.keyed_sums import fixed
from components.taxon_evaluator.tables.photo_columns import WITHIN_LEVELS
from components.taxon_evaluator.tables.table_files import PROBLEMS_SCHEMA
from components.taxon_evaluator.tables.taxon_tree import NO_TAXON, TaxonTree
from schemas.wilson import wilson_interval

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DIAGNOSES = ("few_photos", "within_genus", "mislabelled", "duplicates", "one_observer")

SUSPECTS_LISTED = 10
"""Photo ids of suspects, at most."""


@dataclass(frozen=True, eq=False)
class LeafCounts:
    """What is counted of each of N leaves.

    Attributes:
        photos: int64 [N], evaluated.
        errors: int64 [N], of them wrong.
        errors_within_genus: int64 [N], of these answered with a leaf of the same genus.
        confident_errors: int64 [N], of the errors those with a high score.
        train_photos: int64 [N]; all 0 where training is not known: no diagnosis asks for it then.
        observations: int64 [N], of the export, all splits.
        top_observer: int64 [N], training photos of who took most.
        copies: int64 [N], training photos that are copies of another of the leaf.
        copies_elsewhere: int64 [N], training photos that another leaf has, too.
    """

    photos: Ints
    errors: Ints
    errors_within_genus: Ints
    confident_errors: Ints
    train_photos: Ints
    observations: Ints
    top_observer: Ints
    copies: Ints
    copies_elsewhere: Ints


def problems_table(
    counts: LeafCounts, pairs: ConfusedPairs, tree: TaxonTree, settings: ProblemSettings
) -> pa.Table:
    """Returns a row for each leaf with an error, the one with most to gain first.

    Args:
        counts: of all leaves.
        pairs: of the same photos.
        tree: of the model.
        settings: what a diagnosis takes.
    """
    low, high = wilson_interval(counts.errors, counts.photos)
    rate = counts.errors / np.maximum(counts.photos, 1)
    taxa = tree.taxonomy.leaf_taxon_ids
    rows = np.flatnonzero(counts.errors)
    gain, sure = rate[rows] * counts.observations[rows], low[rows] * counts.observations[rows]
    order = np.lexsort((taxa[rows], -gain, -sure))
    rows, gain, sure = rows[order], gain[order], sure[order]
    partner, partner_count = _nearest_of_genus(pairs, tree)
    columns = {
        "taxon_id": taxa[rows],
        "n": counts.photos[rows],
        "errors": counts.errors[rows],
        "error_rate": rate[rows],
        "low": low[rows],
        "high": high[rows],
        "observations": counts.observations[rows],
        "gain": gain,
        "sure_gain": sure,
        "diagnoses": _diagnoses(counts, rows, settings),
        "train_photos": counts.train_photos[rows],
        "errors_within_genus": counts.errors_within_genus[rows],
        "confused_taxon_id": np.where(partner >= 0, taxa[partner], NO_TAXON)[rows],
        "confused_count": partner_count[rows],
        "confident_errors": counts.confident_errors[rows],
        "suspect_photo_ids": _suspects(pairs, rows, settings.confident_score),
        "copies": counts.copies[rows],
        "copies_elsewhere": counts.copies_elsewhere[rows],
        "top_observer_photos": counts.top_observer[rows],
    }
    names = PROBLEMS_SCHEMA.names
    return pa.table([columns[name] for name in names], names=names)


def _diagnoses(counts: LeafCounts, rows: Ints, settings: ProblemSettings) -> pa.Array:
    trained = counts.train_photos
    copied = counts.copies + counts.copies_elsewhere
    holds = {
        "few_photos": (trained < settings.few_train_photos) & trained.any(),
        "within_genus": _share(
            counts.errors_within_genus, counts.errors, settings.within_genus_share
        ),
        "mislabelled": _share(counts.confident_errors, counts.photos, settings.mislabelled_share),
        "duplicates": _share(copied, trained, settings.duplicate_share),
        # One photo is one person's whatever the taxon.
        "one_observer": _share(counts.top_observer, trained, settings.observer_share)
        & (trained > 1),
    }
    marks = np.stack([holds[name] for name in DIAGNOSES], axis=1)[rows]
    offsets = np.concatenate([[0], np.cumsum(marks.sum(axis=1))])
    names = pa.DictionaryArray.from_arrays(
        np.nonzero(marks)[1].astype(np.int32), pa.array(DIAGNOSES)
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), names.cast(pa.string()))


def _share(part: Ints, whole: Ints, least: float) -> Bools:
    return np.asarray((part > 0) & (part >= least * whole))


def _nearest_of_genus(pairs: ConfusedPairs, tree: TaxonTree) -> tuple[Ints, Ints]:
    """Returns int64 [N] twice: the leaf of its genus that each is taken for most, and how often.

    -1 and 0 where there is none; of equals the lower class.
    """
    truths, answers = pair_of(pairs.counts.keys)
    near = common_level(truths, answers, tree) <= WITHIN_LEVELS["genus"]
    truths, answers, times = truths[near], answers[near], pairs.counts.sums[near, 0]
    order = np.lexsort((answers, -times, truths))
    leaves, first = np.unique(truths[order], return_index=True)
    partner = np.full(tree.taxonomy.num_leaves, -1, np.int64)
    count = np.zeros(tree.taxonomy.num_leaves, np.int64)
    partner[leaves], count[leaves] = answers[order][first], times[order][first]
    return partner, count


def _suspects(pairs: ConfusedPairs, rows: Ints, confident_score: float) -> pa.Array:
    """Of each row's leaf the photos kept of confident errors, the most confident first."""
    truths, _ = pair_of(pairs.photo_pairs)
    kept = np.flatnonzero(pairs.photo_scores >= fixed(np.array([confident_score]))[0])
    kept = kept[np.lexsort((pairs.photo_ids[kept], -pairs.photo_scores[kept], truths[kept]))]
    leaves, photo_ids = truths[kept], pairs.photo_ids[kept]
    starts = np.searchsorted(leaves, rows)
    lengths = np.searchsorted(leaves, rows, side="right") - starts
    lengths = np.minimum(lengths, SUSPECTS_LISTED)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    place = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(photo_ids[place], pa.int64())
    )
