"""Whom a model's photos are to be credited to, a row a photo, sorted on disk and streamed.

A photo page or an observation is linked only where the export shows that its ids are iNaturalist's:
competition sets have ids of their own, and a wrong link would credit the wrong person.

    with open_credits(model, ["train"]) as reader:
        reader.totals().num_photos
        for credit in reader.by_taxon():        # Credit
            ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.lineage.credit import Credit, HolderCredit, Totals
from pipeline.lineage.index_files import IndexFiles, index_splits, open_duckdb
from pipeline.lineage.photo_question import KNOWS_OBSERVATION
from pipeline.lineage.trained_models import TrainedModel
from schemas.errors import ConfigError, DataError, did_you_mean
from schemas.licence_terms import licence_code, licence_url
from schemas.record import TAXONOMY_FILE
from schemas.taxonomy_csv import read_taxonomy

SITE = "https://www.inaturalist.org"

_CREDIT = f"""
SELECT file, photo_id, photo_url,
       CASE WHEN {KNOWS_OBSERVATION} THEN coalesce(observation_uuid, observation_id::VARCHAR) END
           AS observation,
       nullif(trim(observer), '') AS observer, nullif(trim(rights_holder), '') AS rights_holder,
       nullif(trim(license), '') AS license, taxon_id, taxon.name AS taxon_name
FROM photo LEFT JOIN taxon USING (taxon_id)
"""

_BY_TAXON = f"{_CREDIT} ORDER BY taxon_name NULLS LAST, taxon_id, photo_id, file"

_BY_HOLDER = f"""
, credit AS ({_CREDIT}),
holder AS (
    SELECT coalesce(rights_holder, observer) AS name, count(*) AS num_photos
    FROM credit GROUP BY ALL
)
SELECT credit.*, holder.name, holder.num_photos
FROM credit JOIN holder ON coalesce(rights_holder, observer) IS NOT DISTINCT FROM holder.name
ORDER BY holder.name IS NULL, holder.num_photos DESC, holder.name, taxon_name NULLS LAST,
         taxon_id, photo_id, file
"""

_TOTALS = f"""
, credit AS ({_CREDIT})
SELECT license, count(*) AS num_photos,
       count(*) FILTER (coalesce(rights_holder, observer) IS NULL) AS num_without_creator
FROM credit GROUP BY ALL ORDER BY ALL
"""

_OBSERVERS = f"""
, credit AS ({_CREDIT}) SELECT count(DISTINCT coalesce(observer, rights_holder)) FROM credit
"""


@dataclass(frozen=True, eq=False)
class CreditReader:
    """The credits of a model's photos.

    Attributes:
        files: the index files.
        connection: with a table `taxon`.
    """

    files: IndexFiles
    connection: duckdb.DuckDBPyConnection

    def totals(self) -> Totals:
        """Returns the counts."""
        licences: dict[str | None, int] = {}
        without_creator = 0
        for text, num_photos, num_without in self._rows(_TOTALS):
            code = licence_code(text)
            licences[code] = licences.get(code, 0) + num_photos
            without_creator += num_without
        observers = next((row[0] for row in self._rows(_OBSERVERS)), 0)
        return Totals(licences, without_creator, observers)

    def by_taxon(self) -> Iterator[Credit]:
        """Yields the photos by name of their taxon, then by id."""
        for row in self._rows(_BY_TAXON):
            yield self._credit(*row)

    def by_holder(self) -> Iterator[HolderCredit]:
        """Yields the photos by creator, the one with most photos first, the unknown ones last."""
        for *row, holder, num_photos in self._rows(_BY_HOLDER):
            yield HolderCredit(holder, num_photos, self._credit(*row))

    def _rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        return self.files.rows(self.connection, sql, {})

    def _credit(
        self,
        file: str,
        photo_id: int,
        photo_url: str | None,
        observation: str | None,
        observer: str | None,
        rights_holder: str | None,
        license: str | None,
        taxon_id: int,
        taxon_name: str | None,
    ) -> Credit:
        is_inaturalist = photo_url is not None or observation is not None
        return Credit(
            self.files.place_of[file].split,
            photo_id,
            f"{SITE}/photos/{photo_id}" if is_inaturalist else None,
            photo_url,
            f"{SITE}/observations/{observation}" if observation is not None else None,
            observer,
            rights_holder,
            licence_code(license),
            licence_url(license),
            taxon_id,
            taxon_name,
        )


@contextmanager
def open_credits(model: TrainedModel, splits: Sequence[str]) -> Iterator[CreditReader]:
    """Opens the photo indexes of a model.

    Raises:
        ConfigError: if the model has no index, or it lacks a split.
        DataError: if the index or the taxonomy is gone or faulty.
    """
    check_splits(model, splits)
    with open_duckdb() as connection:
        connection.register("taxon", _taxa(model))
        yield CreditReader(IndexFiles.of(model.indexes, splits), connection)


def check_splits(model: TrainedModel, splits: Sequence[str]) -> None:
    """Raises:
    ConfigError: if the model has no index, or it lacks a split.
    DataError: if the index is gone.
    """
    if not model.indexes:
        raise ConfigError(
            f"The model {model.title} was trained before Fieldmark kept an index of its photos, so "
            "whom to credit is not known. Run the pipeline again, and take the model it trains."
        )
    for index in model.indexes:
        if not index.is_dir():
            raise DataError(
                index,
                problem="is gone: the index of the photos this model was trained on.",
                remedy="Put it back from a copy, or run the pipeline again.",
            )
    present = list(dict.fromkeys(split for index in model.indexes for split in index_splits(index)))
    for split in splits:
        if split not in present:
            raise ConfigError(
                f"--splits: the model's export has no such split. It has: {', '.join(present)}. "
                f"Received: {split!r}.{did_you_mean(split, present)}"
            )


def _taxa(model: TrainedModel) -> pa.Table:
    """Columns taxon_id and name; the nearest taxonomy decides."""
    names: dict[int, str] = {}
    for folder in model.taxonomies:
        taxonomy = read_taxonomy(folder / TAXONOMY_FILE)
        for taxon_id, node in taxonomy.node_of_taxon.items():
            names.setdefault(taxon_id, taxonomy.names[node])
    return pa.table(
        {
            "taxon_id": pa.array(list(names), pa.int64()),
            "name": pa.array(list(names.values()), pa.string()),
        }
    )
