"""What `POST /classify` says of a photo: leaves, the tree above them, branch and common ancestor.

Law: the score of a node of the tree is the sum over all leaves below it, named or not, so it never
falls on the way up.

    classify_answer(model, "owl.jpg", scores, Wishes(top=3))  # JSON-able
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.leaf_paths import NO_NODE
from schemas.taxonomy import NO_LEAF, Taxonomy
from serving.server.loaded_model import LoadedModel
from serving.server.photo_upload import Wishes
from serving.shown import shown
from serving.temperature import apply_temperature

NO_GEO_MODEL = (
    "The place was not used: this model comes without a geo model, so the answer rests on the "
    "photo alone."
)


def photo_answer(
    model: LoadedModel, name: str, scores: npt.NDArray[np.float32], wishes: Wishes
) -> dict[str, Any]:
    """Returns the answer for one photo.

    Args:
        model: that gave the scores.
        name: of the photo.
        scores: float32 [N].
        wishes: what was asked.
    """
    taxonomy, row = model.taxonomy, scores[None].astype(np.float64)
    if wishes.calibrated:
        row = apply_temperature(row, model.temperature())
    (photo,) = shown(model.suggester, row, top=wishes.top, rule=wishes.rule)
    ancestor = photo.ancestor

    def told(nodes: Iterable[int]) -> list[dict[str, Any]]:
        return [_taxon(taxonomy, node, photo.node_scores[node]) for node in nodes]

    return {
        "name": name,
        "error": None,
        "reason": photo.reason,
        "leaves": told(photo.leaves),
        "common_ancestor": None
        if ancestor is None
        else _taxon(taxonomy, ancestor, photo.ancestor_score),
        "best_branch": told(photo.branch),
        "tree": told(tree_nodes(taxonomy, photo.leaves)),
    }


def unread_answer(name: str, error: str) -> dict[str, Any]:
    """Returns the answer for a photo that could not be read."""
    nothing: dict[str, Any] = {"leaves": [], "common_ancestor": None, "best_branch": [], "tree": []}
    return {"name": name, "error": error, "reason": None, **nothing}


def place_answer(wishes: Wishes) -> dict[str, Any] | None:
    """Returns what became of the place, if one was given."""
    if wishes.place is None:
        return None
    latitude, longitude = wishes.place
    return {"lat": latitude, "lng": longitude, "used": False, "note": NO_GEO_MODEL}


def tree_nodes(taxonomy: Taxonomy, leaves: Iterable[int]) -> list[int]:
    """Returns the nodes at and above some leaves, a parent before its children.

    The branch of the first leaf comes first, and so on down: the order in which a tree is drawn.

    Args:
        taxonomy: of the model.
        leaves: nodes, the likeliest first.
    """
    children: dict[int, list[int]] = {}
    for leaf in leaves:
        path = [NO_NODE, *taxonomy.lineage(leaf)]
        for parent, node in pairwise(path):
            if node not in (below := children.setdefault(parent, [])):
                below.append(node)
    ordered, waiting = [], children.get(NO_NODE, [])[::-1]
    while waiting:
        ordered.append(node := waiting.pop())
        waiting += children.get(node, [])[::-1]
    return ordered


def _taxon(taxonomy: Taxonomy, node: int, score: float) -> dict[str, Any]:
    parent = int(taxonomy.parent_nodes[node])
    return {
        "taxon_id": int(taxonomy.taxon_ids[node]),
        "parent_taxon_id": None if parent == NO_NODE else int(taxonomy.taxon_ids[parent]),
        "name": taxonomy.names[node],
        "rank": taxonomy.rank_name(node),
        "rank_level": float(taxonomy.rank_levels[node]),
        "is_leaf": bool(taxonomy.leaf_class_ids[node] != NO_LEAF),
        "score": float(score),
    }
