"""The painted export, written again in each of iNaturalist's other formats.

The same photos, taxa and observations; only what each format can say.
"""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from schemas.photo_row import PhotoRow
from schemas.photo_store import PhotoStore
from schemas.ranks import LEVEL_OF_RANK
from schemas.taxonomy import Taxonomy
from schemas.vision_export import VisionExport

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
LOGINS = ("ana", "ben", "cora", "dmitri")
LICENSE_URL = "http://creativecommons.org/licenses/by-nc/4.0/"


def write_open_data(export_dir: Path, out: Path) -> Path:
    """Writes the dump of iNaturalist Open Data."""
    rows, taxonomy = _rows(export_dir), VisionExport.open(export_dir).taxonomy()
    observations = {row.observation_id: row for row in rows}
    out.mkdir()
    _tsv(
        out / "observations.csv",
        "observation_uuid observer_id latitude longitude positional_accuracy taxon_id "
        "quality_grade observed_on anomaly_score",
        (
            (_uuid(number), _observer(number), 47.5, 8.5, "", row.taxon_id, "research",
             "2024-05-31", 0.1)
            for number, row in observations.items()
        ),
    )  # fmt: skip
    _tsv(
        out / "photos.csv",
        "photo_uuid photo_id observation_uuid observer_id extension license width height position",
        (
            (_uuid(row.photo_id), row.photo_id, _uuid(row.observation_id),
             _observer(row.observation_id), "jpg", "CC-BY-NC", 160, 120, place)
            for place, row in enumerate(rows)
        ),
    )  # fmt: skip
    _tsv(out / "taxa.csv", "taxon_id ancestry rank_level rank name active", _taxa(taxonomy))
    _tsv(
        out / "observers.csv",
        "observer_id login name",
        ((number, login, login.title()) for number, login in enumerate(LOGINS, start=1)),
    )
    return _with_photos(export_dir, out)


def write_competition(export_dir: Path, out: Path) -> Path:
    """Writes the competition's JSON of 2021."""
    export = VisionExport.open(export_dir)
    taxonomy, store = export.taxonomy(), PhotoStore(export_dir)
    categories = [
        {"id": leaf, **_lineage(taxonomy, int(node)), "name": taxonomy.names[node],
         "common_name": "", "supercategory": "Insects"}
        for leaf, node in enumerate(taxonomy.leaf_nodes)
    ]  # fmt: skip
    _with_photos(export_dir, out)
    for split in ("train", "val"):
        rows = list(export.rows(split))
        images = [
            {"id": row.photo_id, "width": 160, "height": 120,
             "file_name": str(store.find(*row.key).relative_to(export_dir)), "license": 0,
             "rights_holder": LOGINS[0], "date": "2019-07-01 12:00:00+00:00",
             "latitude": 47.5, "longitude": 8.5, "location_uncertainty": None}
            for row in rows
        ]  # fmt: skip
        annotations = [
            {"id": number, "image_id": row.photo_id, "category_id": row.leaf_class_id}
            for number, row in enumerate(rows)
        ]
        licenses = [{"id": 0, "name": "Attribution-NonCommercial License", "url": LICENSE_URL}]
        content = {"info": {"year": 2021}, "images": images, "categories": categories,
                   "annotations": annotations, "licenses": licenses}  # fmt: skip
        (out / f"{split}.json").write_text(json.dumps(content))
    return out


def write_observations_csv(export_dir: Path, out: Path) -> Path:
    """Writes the CSV of the site's export page, one photo an observation, as it does."""
    taxonomy = VisionExport.open(export_dir).taxonomy()
    _with_photos(export_dir, out)
    first = {row.observation_id: row for row in reversed(_rows(export_dir))}
    with (out / "observations-1.csv").open("w", newline="", encoding="utf-8") as file:
        columns = [f"taxon_{rank}_name" for rank in (*RANKS, "species")]
        writer = csv.writer(file)
        writer.writerow(
            ["id", "observed_on", "user_id", "user_login", "quality_grade", "license", "image_url",
             "description", "captive_cultivated", "latitude", "longitude", "scientific_name",
             "iconic_taxon_name", "taxon_id", *columns]
        )  # fmt: skip
        for number, row in first.items():
            node = taxonomy.node_of_taxon[row.taxon_id]
            names = _lineage(taxonomy, node)
            writer.writerow(
                [number, "2024-05-31", _observer(number), _login(number), "research", "CC-BY-NC",
                 row.photo_url, 'On a leaf,\nlooking "shiny"', "false", 47.5, 8.5,
                 taxonomy.names[node], "Insecta", row.taxon_id,
                 *(names.get(rank, "") for rank in RANKS), taxonomy.names[node]]
            )  # fmt: skip
    return out


def write_darwin_core(export_dir: Path, out: Path) -> Path:
    """Writes a Darwin Core archive: observations.csv and media.csv."""
    rows, taxonomy = _rows(export_dir), VisionExport.open(export_dir).taxonomy()
    _with_photos(export_dir, out)
    with (out / "observations.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["id", "catalogNumber", "eventDate", "decimalLatitude", "decimalLongitude", "captive",
             "taxonID", "scientificName", "taxonRank", *RANKS, "license", "rightsHolder",
             "inaturalistLogin"]
        )  # fmt: skip
        for number, row in {row.observation_id: row for row in rows}.items():
            node = taxonomy.node_of_taxon[row.taxon_id]
            names = _lineage(taxonomy, node)
            writer.writerow(
                [number, number, "2024-05-31T12:00:00-07:00", 47.5, 8.5, "wild", row.taxon_id,
                 taxonomy.names[node], taxonomy.rank_name(node),
                 *(names.get(rank, "") for rank in RANKS), LICENSE_URL, _login(number).title(),
                 _login(number)]
            )  # fmt: skip
    with (out / "media.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "type", "format", "identifier", "license", "rightsHolder",
                         "catalogNumber"])  # fmt: skip
        for row in rows:
            name = _login(row.observation_id).title()
            writer.writerow([row.observation_id, "StillImage", "image/jpeg", row.photo_url,
                             LICENSE_URL, name, row.photo_id])  # fmt: skip
    return out


def _rows(export_dir: Path) -> list[PhotoRow]:
    export = VisionExport.open(export_dir)
    return [row for split in export.split_paths for row in export.rows(split)]


def _with_photos(export_dir: Path, out: Path) -> Path:
    out.mkdir(exist_ok=True)
    (out / "photos").symlink_to(export_dir / "photos")
    return out


def _taxa(taxonomy: Taxonomy) -> Iterator[tuple[Any, ...]]:
    yield 48460, "", 100, "stateofmatter", "Life", "true"
    for node in range(len(taxonomy)):
        above = [48460, *(int(taxonomy.taxon_ids[n]) for n in taxonomy.lineage(node)[:-1])]
        yield (
            int(taxonomy.taxon_ids[node]),
            "/".join(map(str, above)),
            f"{taxonomy.rank_levels[node]:g}",
            taxonomy.rank_name(node),
            taxonomy.names[node],
            "true",
        )


def _lineage(taxonomy: Taxonomy, node: int) -> dict[str, str]:
    levels = {LEVEL_OF_RANK[rank]: rank for rank in RANKS}
    return {
        levels[float(taxonomy.rank_levels[n])]: taxonomy.names[n]
        for n in taxonomy.lineage(node)
        if float(taxonomy.rank_levels[n]) in levels
    }


def _tsv(path: Path, header: str, rows: Iterable[tuple[Any, ...]]) -> None:
    lines = ["\t".join(header.split()), *("\t".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _uuid(number: int | None) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"observation {number}"))


def _observer(number: int | None) -> int:
    return 1 + (number or 0) % len(LOGINS)


def _login(number: int | None) -> str:
    return LOGINS[_observer(number) - 1]
