"""The CSV files of an export, as text: iNaturalist's headers, no quoting, LF, UTF-8.

Source of the format: inaturalist/iNaturalistAPI `lib/vision_data_exporter.js`.

    tables(plan)["taxonomy.csv"].splitlines()[1]     # ',1,70,,,12,Animalia,1,kingdom'
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.demo_world.observations import SPLITS, Observation, WorldPlan
from pipeline.demo_world.taxonomy import ANIMALIA_ID, INSECTA_ID
from schemas.ranks import LEVEL_OF_RANK

TAXONOMY_HEADER = (
    "parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,spatial_class_id,name,"
    "iconic_taxon_id,rank"
)
DATA_HEADER = (
    "photo_id,photo_url,observation_id,leaf_class_id,iconic_class_id,taxon_id,obs_taxon_id,"
    "community"
)
SPATIAL_HEADER = (
    "observation_id,latitude,longitude,observed_on,leaf_class_id,iconic_class_id,"
    "spatial_class_id,taxon_id,obs_taxon_id,community,captive,positional_accuracy"
)
ICONIC_HEADER = "iconic_taxon_id,iconic_class_id,name"
ALL_TAXA_HEADER = (
    "parent_taxon_id,taxon_id,leaf_class_id,iconic_class_id,spatial_class_id,rank,rank_level,"
    "iconic_taxon_id,left,right,observations_count,is_active,name,status,train,val,test,spatial"
)

LIFE_ID = 48460
INSECTA_CLASS, ANIMALIA_CLASS = 0, 1
# Photos under a Creative Commons licence lie in the open-data bucket, the others do not.
_OPEN_PREFIX = "https://inaturalist-open-data.s3.amazonaws.com/photos"
_CLOSED_PREFIX = "https://static.inaturalist.org/photos"
_CLOSED_EVERY = 7  # observations


def photo_url(photo_id: int, observation_id: int) -> str:
    """Returns the URL iNaturalist would publish the photo under."""
    prefix = _CLOSED_PREFIX if observation_id % _CLOSED_EVERY == 0 else _OPEN_PREFIX
    return f"{prefix}/{photo_id}/medium.jpg"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)


def _table(header: str, rows: Iterable[tuple[Any, ...]]) -> str:
    lines = [header]
    for row in rows:
        cells = [_cell(value) for value in row]
        assert len(cells) == header.count(",") + 1, (header, cells)
        assert not any("," in cell or "\n" in cell for cell in cells), cells
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def _iconic_class(leaf_class_id: int | None) -> int | None:
    return None if leaf_class_id is None else INSECTA_CLASS


def _taxonomy(plan: WorldPlan) -> str:
    return _table(
        TAXONOMY_HEADER,
        (
            (
                taxon.parent_id,
                taxon.taxon_id,
                taxon.rank_level,
                taxon.leaf_class_id,
                _iconic_class(taxon.leaf_class_id),
                taxon.spatial_class_id,
                taxon.name,
                taxon.iconic_taxon_id,
                taxon.rank,
            )
            for taxon in plan.taxonomy.taxa
        ),
    )


def _by_taxon(plan: WorldPlan) -> list[Observation]:
    """Returns the observations as the exporter writes them: taxon after taxon down the tree."""
    place = {taxon.taxon_id: number for number, taxon in enumerate(plan.taxonomy.taxa)}
    return sorted(
        plan.observations,
        key=lambda o: (place[plan.taxonomy.leaf_ids[o.leaf]], o.observation_id * 7919 % 104729),
    )


def _data(plan: WorldPlan, split: str) -> str:
    taxa = plan.taxonomy.by_id

    def rows() -> Iterable[tuple[Any, ...]]:
        for observation in _by_taxon(plan):
            if observation.split != split:
                continue
            leaf = taxa[plan.taxonomy.leaf_ids[observation.leaf]]
            for photo_id in observation.photo_ids:
                yield (
                    photo_id,
                    photo_url(photo_id, observation.observation_id),
                    observation.observation_id,
                    leaf.leaf_class_id,
                    INSECTA_CLASS,
                    leaf.taxon_id,
                    observation.obs_taxon_id,
                    observation.community,
                )

    return _table(DATA_HEADER, rows())


def _spatial(plan: WorldPlan) -> str:
    taxa = plan.taxonomy.by_id

    def rows() -> Iterable[tuple[Any, ...]]:
        for observation in _by_taxon(plan):
            if observation.place is None:
                continue
            leaf = taxa[plan.taxonomy.leaf_ids[observation.leaf]]
            yield (
                observation.observation_id,
                *observation.place,
                observation.observed_on,
                leaf.leaf_class_id,
                INSECTA_CLASS,
                leaf.spatial_class_id,
                leaf.taxon_id,
                observation.obs_taxon_id,
                observation.community,
                observation.captive,
                observation.positional_accuracy_m,
            )

    return _table(SPATIAL_HEADER, rows())


def _counts(plan: WorldPlan, leaf: int) -> tuple[int, ...]:
    """Returns photos in train, val and test, places and observations of a leaf."""
    mine = [o for o in plan.observations if o.leaf == leaf]
    photos = [sum(len(o.photo_ids) for o in mine if o.split == split) for split in SPLITS]
    return (*photos, sum(o.place is not None for o in mine), len(mine))


def _all_taxa(plan: WorldPlan) -> str:
    leaf_of = {taxon_id: leaf for leaf, taxon_id in enumerate(plan.taxonomy.leaf_ids)}
    # The nested-set numbers widen to make room for the taxa below the leaves.
    below: dict[int, list[Any]] = {}
    for descendant in plan.descendants:
        below.setdefault(plan.taxonomy.leaf_ids[descendant.leaf], []).append(descendant)

    def widened(number: int) -> int:
        return number + 2 * sum(
            len(below.get(t.taxon_id, ())) for t in plan.taxonomy.taxa if t.right <= number
        )

    def rows() -> Iterable[tuple[Any, ...]]:
        top = widened(plan.taxonomy.taxa[0].right) + 1
        total = len(plan.observations)
        yield (
            *(0, LIFE_ID, None, None, None, "stateofmatter", 100, 0, 0, top, total, "true"),
            *("Life", "complete", None, None, None, None),
        )
        for taxon in plan.taxonomy.taxa:
            leaf = leaf_of.get(taxon.taxon_id)
            train, val, test, places, seen = (
                (0, 0, 0, 0, 0) if leaf is None else _counts(plan, leaf)
            )
            left = widened(taxon.left)
            yield (
                taxon.parent_id,
                taxon.taxon_id,
                taxon.leaf_class_id,
                _iconic_class(taxon.leaf_class_id),
                taxon.spatial_class_id,
                taxon.rank,
                taxon.rank_level,
                taxon.iconic_taxon_id,
                left,
                widened(taxon.right),
                seen,
                "true",
                taxon.name,
                "complete" if leaf is None else "populated",
                *(train, val, test, places),
            )
            for place, descendant in enumerate(below.get(taxon.taxon_id, ())):
                count = sum(o.obs_taxon_id == descendant.taxon_id for o in plan.observations)
                skipped = descendant.rank == "subspecies"
                yield (
                    *(taxon.taxon_id, descendant.taxon_id, None, None, None, descendant.rank),
                    *(LEVEL_OF_RANK[descendant.rank], INSECTA_ID),
                    *(left + 1 + 2 * place, left + 2 + 2 * place, count, "true", descendant.name),
                    *(("skipped",) + (None,) * 4 if skipped else ("incomplete", 0, 0, 0, 0)),
                )

    return _table(ALL_TAXA_HEADER, rows())


def _iconic_taxa() -> str:
    rows = ((ANIMALIA_ID, ANIMALIA_CLASS, "Animalia"), (INSECTA_ID, INSECTA_CLASS, "Insecta"))
    return _table(ICONIC_HEADER, rows)


def tables(plan: WorldPlan) -> dict[str, str]:
    """Returns the text of each CSV file of the export, by file name."""
    return {
        "taxonomy.csv": _taxonomy(plan),
        **{f"{split}_data.csv": _data(plan, split) for split in SPLITS},
        "spatial_data.csv": _spatial(plan),
        "iconic_taxa.csv": _iconic_taxa(),
        "all_taxa.csv": _all_taxa(plan),
    }
