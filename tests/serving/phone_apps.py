"""iNaturalist's apps in a few lines, as their code tells: they trust, and crash.

What is an exception in Java, an assertion in Objective-C or an array index out of bounds is an
exception here. Nothing is taken from `serving`: this is the other side of the contract.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

LIFE = 48460


@dataclass
class Node:
    taxon_id: int
    rank_level: float
    name: str
    leaf: int | None = None
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)


class App:
    """What both apps do once the taxonomy is read."""

    def __init__(self, model: Path, life: Node, leaves: list[Node]) -> None:
        self.life, self.leaves = life, leaves
        self._interpreter = Interpreter(model_path=str(model))
        self._interpreter.allocate_tensors()

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """float32 [S, S, 3] of 0..255 to N scores, into a buffer made by the taxonomy's leaves."""
        takes = self._interpreter.get_input_details()[0]
        gives = self._interpreter.get_output_details()[0]
        if takes["dtype"] != np.float32 or pixels.nbytes != 4 * np.prod(takes["shape"]):
            raise BufferError("the input buffer has another size")
        if gives["dtype"] != np.float32 or gives["shape"].tolist() != [1, len(self.leaves)]:
            raise BufferError("the output buffer has another type or size")
        self._interpreter.set_tensor(takes["index"], pixels[None])
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(gives["index"])[0])

    def aggregated(self, scores: np.ndarray) -> dict[int, float]:
        """Score by taxon id: leaves below 0.001 of the best dropped, the rest brought to 1."""
        cutoff = 0.001 * scores.max()
        found: dict[int, float] = {}

        def walk(node: Node) -> float:
            if node.children:
                found[node.taxon_id] = sum(walk(child) for child in node.children)
            else:
                assert node.leaf is not None, f"{node.taxon_id} has no children and no leaf"
                score = float(scores[node.leaf])
                found[node.taxon_id] = score if score >= cutoff else 0.0
            return found[node.taxon_id]

        total = walk(self.life)
        return {taxon_id: score / total for taxon_id, score in found.items()}

    def best_branch(self, scores: np.ndarray) -> list[int]:
        """Taxon ids from the kingdom down."""
        found, node, branch = self.aggregated(scores), self.life, []
        while node.children:
            node = max(node.children, key=lambda child: found[child.taxon_id])
            branch.append(node.taxon_id)
        return branch

    def common_ancestor(self, scores: np.ndarray) -> int | None:
        """The lowest node of rank 20 to 33 that holds more than 0.78 of the best 15 leaves."""
        found = self.aggregated(scores)
        best = sorted(self.leaves, key=lambda leaf: -found[leaf.taxon_id])[:15]
        kept = [n for n in best if found[n.taxon_id] >= 0.01 * found[best[0].taxon_id]]
        total = sum(found[leaf.taxon_id] for leaf in kept)
        held: dict[int, float] = {}
        level: dict[int, float] = {}
        for leaf in kept:
            node: Node | None = leaf
            while node is not None and node.taxon_id != LIFE:
                held[node.taxon_id] = held.get(node.taxon_id, 0.0) + found[leaf.taxon_id] / total
                level[node.taxon_id] = node.rank_level
                node = node.parent
        candidates = [t for t in held if held[t] > 0.78 and 20 <= level[t] <= 33]
        return min(candidates, key=lambda t: level[t], default=None)


def android(directory: Path, variant: str) -> App:
    """The Android app with a bundle's files: lines cut at commas, ids kept as text."""
    # A line ends where Java's readLine ends it: \n, \r or both.
    with (directory / "taxonomy.csv").open(encoding="utf-8") as file:
        header, *lines = [line.removesuffix("\n") for line in file]
    places = {name: place for place, name in enumerate(header.split(","))}
    rows = [line.split(",", len(places) - 1) for line in lines]
    nodes = {row[places["taxon_id"]]: _from_text(row, places) for row in rows}
    life = Node(LIFE, 100.0, "Life")
    for row in rows:
        parent_key, node = row[places["parent_taxon_id"]], nodes[row[places["taxon_id"]]]
        _adopt(nodes[parent_key] if parent_key else life, node)
    leaves = [node for node in nodes.values() if node.leaf is not None]
    return App(directory / f"model_{variant}.tflite", life, leaves)


def _from_text(row: list[str], places: dict[str, int]) -> Node:
    leaf = row[places["leaf_class_id"]]
    return Node(
        taxon_id=int(row[places["taxon_id"]]),
        rank_level=float(row[places["rank_level"]]),
        name=row[places["name"]],
        leaf=int(leaf) if leaf else None,
    )


def ios(directory: Path, variant: str) -> App:
    """The iOS app with a bundle's files, CoreML left aside."""
    records: list[dict[str, Any]] = json.loads(
        (directory / "taxonomy.json").read_text(encoding="utf-8")
    )
    assert records
    nodes = {
        record["taxon_id"]: Node(
            record["taxon_id"], record["rank_level"], record["name"], record["leaf_class_id"]
        )
        for record in records
    }
    life = Node(LIFE, 100, "Life")
    for record in records:
        parent = record["parent_taxon_id"]
        _adopt(nodes[parent] if parent is not None else life, nodes[record["taxon_id"]])
    leaves = [node for node in nodes.values() if node.leaf is not None]
    return App(directory / f"model_{variant}.tflite", life, leaves)


def _adopt(parent: Node, child: Node) -> None:
    parent.children.append(child)
    child.parent = parent
