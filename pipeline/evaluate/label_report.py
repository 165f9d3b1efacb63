"""How the labels of a model and the leaves of an export met, in counts and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.evaluate.joint_taxonomy import Joint
from pipeline.evaluate.label_matches import LabelMatch
from pipeline.evaluate.labels import Label, comparable
from schemas.taxonomy import Taxonomy

UNMATCHED_SHOWN = 5


@dataclass(frozen=True)
class LabelReport:
    """Counts of labels and leaves.

    Attributes:
        labels: M, outputs of the model.
        via: labels by how they were found.
        unmatched: names of labels that nothing of the export matches.
        renamed: (label, taxon) of labels found by taxon id whose names differ.
        leaves: N, leaves of the export.
        known: of them, those that an output says.
        above: of them, those that only an output for a taxon above says.
    """

    labels: int
    via: dict[str, int]
    unmatched: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    leaves: int
    known: int
    above: int

    @classmethod
    def of(
        cls,
        taxonomy: Taxonomy,
        labels: Sequence[Label],
        matches: Sequence[LabelMatch],
        joint: Joint,
    ) -> LabelReport:
        """Counts."""
        pairs = list(zip(labels, matches, strict=True))
        return cls(
            labels=len(labels),
            via=dict(Counter(match.via for match in matches)),
            unmatched=tuple(label.name or "(empty)" for label, m in pairs if m.via == "nothing"),
            renamed=tuple(
                (label.name, taxonomy.names[match.nodes[0]])
                for label, match in pairs
                if match.via == "taxon id"
                and comparable(label.name) != comparable(taxonomy.names[match.nodes[0]])
            ),
            leaves=taxonomy.num_leaves,
            known=int((joint.is_known & joint.is_itself).sum()),
            above=int((joint.is_known & ~joint.is_itself).sum()),
        )

    def lines(self) -> list[str]:
        """Returns it for people."""
        found = [f"{n:,} by {via}" for via, n in sorted(self.via.items()) if via != "nothing"]
        lines = [f"{self.labels:,} labels: {', '.join(found) or 'none in the export'}"]
        if self.unmatched:
            shown = ", ".join(self.unmatched[:UNMATCHED_SHOWN])
            more = ", ..." if len(self.unmatched) > UNMATCHED_SHOWN else ""
            lines.append(f"{len(self.unmatched):,} are not in the export: {shown}{more}")
        if self.renamed:
            label, taxon = self.renamed[0]
            lines.append(
                f"{len(self.renamed):,} have another name there, as {label!r}, which is {taxon!r}"
            )
        unknown = self.leaves - self.known - self.above
        above = f", {self.above:,} as a taxon above" if self.above else ""
        lines.append(
            f"{self.leaves:,} leaves of the export: {self.known:,} known{above}, {unknown:,} not"
        )
        return lines

    def content(self) -> dict[str, Any]:
        """Returns it as JSON-able values."""
        return {
            "labels": self.labels,
            "found_by": self.via,
            "unmatched": list(self.unmatched),
            "renamed": [list(pair) for pair in self.renamed],
            "leaves": self.leaves,
            "known_leaves": self.known,
            "leaves_known_as_taxon_above": self.above,
        }
