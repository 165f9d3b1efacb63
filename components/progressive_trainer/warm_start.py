"""Starting from a model that Fieldmark exported, even if the taxonomy has moved since.

The backbone's weights are taken as they are; the classifier's rows go by taxon (`head_mapping`),
and a head of another rank is converted (`head_transfer`). What became of each leaf is written down
as `head_mapping.csv` beside the training's history.

    sources = warm_start(model, taxonomy, "runs/beetles/pushed/saved_model/1732400000", synonyms={})
    write_head_mapping(sources, taxonomy, Path(history_dir) / HEAD_MAPPING_FILE)
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import keras

from components.progressive_trainer.head_mapping import HeadSource, Kind, head_sources
from components.progressive_trainer.head_transfer import split_head, transferred_head
from schemas.errors import ConfigError
from schemas.taxonomy import Taxonomy
from serving.saved_model import load_model_taxonomy, load_weights

HEAD_MAPPING_FILE = "head_mapping.csv"


def warm_start(
    model: keras.Model,
    taxonomy: Taxonomy,
    directory: str,
    *,
    synonyms: Mapping[int, Sequence[int]],
) -> tuple[HeadSource, ...]:
    """Sets a network's weights to those of an exported model of the same backbone.

    Args:
        model: the network to be trained, with a leaf of `taxonomy` a class.
        taxonomy: of this training.
        directory: of the exported model.
        synonyms: by taxon id of the exported model, what it is today (`schemas.synonyms`).

    Returns:
        Where the row of each leaf came from, in the order of the classes.

    Raises:
        ConfigError: if the exported model has another backbone.
        DataError: if the directory is damaged, or too old.
    """
    fresh, fresh_head = split_head(model.get_weights())
    old, old_head = split_head(load_weights(directory))
    ours, theirs = [weight.shape for weight in fresh], [weight.shape for weight in old]
    if ours != theirs or fresh_head[0].shape[0] != old_head[0].shape[0]:
        raise ConfigError(
            f"trainer.base_weights: the model in {directory} is not a {model.name}: it has "
            f"{len(theirs):,} weights of a backbone where {len(ours):,} of certain shapes are "
            "needed. Set trainer.network to the network that it was trained with."
        )
    sources = head_sources(load_model_taxonomy(directory), taxonomy, synonyms=synonyms)
    model.set_weights([*old, *transferred_head(old_head, fresh_head, sources)])
    return sources


def in_words(sources: Sequence[HeadSource]) -> str:
    """Returns how many leaves started from what, such as "same 95, relatives 4, new 1"."""
    counts = Counter(source.kind for source in sources)
    return ", ".join(f"{kind} {counts[kind]:,}" for kind in get_args(Kind) if counts[kind])


def write_head_mapping(sources: Sequence[HeadSource], taxonomy: Taxonomy, path: Path) -> None:
    """Writes one row a leaf: its taxon, and where its row of the classifier came from."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["leaf_class_id", "taxon_id", "name", "from", "by_taxon_id", "rows"])
        for leaf, source in enumerate(sources):
            name = taxonomy.leaf_names[leaf]
            rows = len(source.old_leaves)
            writer.writerow([leaf, source.taxon_id, name, source.kind, source.by_taxon_id, rows])
