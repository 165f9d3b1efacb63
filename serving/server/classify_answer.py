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
from serving.geo_model import ELEVATION_M
from serving.geo_scores import Geo
from serving.server.loaded_model import LoadedModel
from serving.server.photo_upload import Wishes
from serving.shown import shown
from serving.temperature import apply_temperature

NO_GEO_MODEL = (
    "The place was not used: the server was started without a geo model, so the answer rests on "
    "the photo alone."
)
GEO_MODEL = (
    "The scores are those of the photo times those of the geo model at this place, whose elevation "
    f"is not known and taken as {ELEVATION_M:g} m."
)


def photo_answer(
    model: LoadedModel,
    name: str,
    scores: npt.NDArray[np.float32],
    wishes: Wishes,
    geo: Geo | None = None,
) -> dict[str, Any]:
    """Returns the answer for one photo.

    Args:
        model: that gave the scores.
        name: of the photo.
        scores: float32 [N].
        wishes: what was asked.
        geo: of its place; None without one, or without a geo model.
    """
    taxonomy, row = model.taxonomy, scores[None].astype(np.float64)
    if wishes.calibrated:
        row = apply_temperature(row, model.temperature())
    (photo,) = shown(model.suggester, row, top=wishes.top, rule=wishes.rule, geo=geo)
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


def place_answer(model: LoadedModel, wishes: Wishes) -> dict[str, Any] | None:
    """Returns what became of the place, if one was given."""
    if wishes.place is None:
        return None
    latitude, longitude = wishes.place
    used = model.geo is not None
    note = GEO_MODEL if used else NO_GEO_MODEL
    return {"lat": latitude, "lng": longitude, "used": used, "note": note}


def geo_of(model: LoadedModel, wishes: Wishes) -> Geo | None:
    """Returns what the model's geo model says of the place; None where either is missing."""
    if model.geo is None or wishes.place is None:
        return None
    return model.geo.at(*wishes.place)


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
