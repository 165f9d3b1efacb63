"""A synthetic dump in the layout of iNaturalist's Open Data, as large as you like.

    python benchmarks/open_data_dump.py DIR --observations 4000000 --seed 0

Law: the same arguments give the same bytes. Observations per species fall off as in nature (a few
species have a hundred thousand, most have some dozens); 1.5 photos an observation; 60 % research
grade; 0.1 % of the photo ids stand on two observations; hybrids, subspecies and inactive taxa are
among the taxa. 4 million observations are about 1.1 GB.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import duckdb

SPECIES = 20_000
OBSERVERS_SHARE = 0.02
FIRST_SPECIES_ID = 1_000_000

# Rank, level, species in each.
_RANKS = (("class", 50, 5000), ("order", 40, 1000), ("family", 30, 100), ("genus", 20, 10))

_COPY = "(FORMAT csv, HEADER true, DELIMITER '\t', QUOTE '', ESCAPE '')"


def write_dump(directory: Path, *, observations: int, seed: int = 0) -> None:
    """Writes observations.csv, photos.csv, taxa.csv and observers.csv.

    Args:
        directory: made if it is not there.
        observations: rows of observations.csv; photos.csv has 1.5 times as many.
        seed: another seed is another dump.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "taxa.csv").write_text(_taxa())
    connection = duckdb.connect()
    tables = {
        "observers": _observers(observations),
        "observations": "SELECT * EXCLUDE (number, photos) "
        f"FROM ({_observations(observations, seed)}) ORDER BY number",
        "photos": _photos(observations, seed),
    }
    for name, sql in tables.items():
        connection.execute(f"COPY ({sql}) TO '{directory / name}.csv' {_COPY}")
    connection.close()


def _taxa() -> str:
    """A kingdom, 4 classes, 20 orders, 200 families, 2,000 genera, 20,000 species, and below."""
    lines = ["taxon_id\tancestry\trank_level\trank\tname\tactive"]
    lines.append("48460\t\t100\tstateofmatter\tLife\ttrue")
    lines.append("1\t48460\t70\tkingdom\tAnimalia\ttrue")
    for place, (rank, level, size) in enumerate(_RANKS):
        for number in range(SPECIES // size):
            name = f"{rank.title()}us {number}" if level > 20 else f"Genus{number}"
            row = (_first_id(place) + number, _ancestry(number * size, place), level, rank, name)
            lines.append("\t".join(map(str, row)) + "\ttrue")
    for number in range(SPECIES):
        rank = "hybrid" if number % 100 == 7 else "species"
        active = str(number % 50 != 3).lower()
        name = f'Genus{number // 10} "o\'species" {number}'
        above = _ancestry(number, len(_RANKS))
        species = FIRST_SPECIES_ID + number
        lines.append(f"{species}\t{above}\t10\t{rank}\t{name}\t{active}")
        if number % 10 == 0:
            lines.append(f"{species + SPECIES}\t{above}/{species}\t5\tsubspecies\t{name} a\ttrue")
    return "\n".join(lines) + "\n"


def _first_id(place: int) -> int:
    return 100_000 * (place + 1)


def _ancestry(species: int, depth: int) -> str:
    above = [
        _first_id(place) + species // size for place, (_, _, size) in enumerate(_RANKS[:depth])
    ]
    return "/".join(map(str, (48460, 1, *above)))


def _observers(observations: int) -> str:
    count = max(1, int(observations * OBSERVERS_SHARE))
    return (
        "SELECT i + 1 AS observer_id, 'observer_' || i AS login, "
        f"CASE WHEN i % 3 = 0 THEN 'None' ELSE 'Ann \"Bee\" O''Neil ' || i END AS name "
        f"FROM range({count}) t(i)"
    )


def _observations(observations: int, seed: int) -> str:
    """All of a row comes from the two halves of one MD5, so that it is the same everywhere."""
    observers = max(1, int(observations * OBSERVERS_SHARE))
    return f"""SELECT number, CASE WHEN a % 20 < 14 THEN 1 WHEN a % 20 < 17 THEN 2
                              WHEN a % 20 < 19 THEN 3 ELSE 4 END AS photos,
            md5('{seed}:' || number)::UUID AS observation_uuid,
            floor(pow((a >> 8) % 1000003 / 1000003.0, 2) * {observers})::BIGINT + 1 AS observer_id,
            CASE WHEN b % 97 > 1 THEN round((a >> 28) % 1800000 / 10000.0 - 90, 4) END AS latitude,
            CASE WHEN b % 97 > 1 THEN round((b >> 28) % 3600000 / 10000.0 - 180, 4) END
                AS longitude,
            CASE WHEN b % 3 > 0 THEN (b >> 8) % 500 END AS positional_accuracy,
            CASE WHEN b % 211 = 0 THEN NULL ELSE {FIRST_SPECIES_ID} + floor(
                pow((b >> 20) % 100000007 / 100000007.0, 3) * {SPECIES})::BIGINT
                + CASE WHEN (a >> 50) % 100 = 0 AND species % 10 = 0 THEN {SPECIES} ELSE 0 END
            END AS taxon_id,
            CASE WHEN (a >> 40) % 10 < 6 THEN 'research' WHEN (a >> 40) % 10 < 9 THEN 'needs_id'
                 ELSE 'casual' END AS quality_grade,
            DATE '2010-01-01' + ((a >> 30) % 5000)::INTEGER AS observed_on,
            (b % 1000) / 1000.0 AS anomaly_score
        FROM (SELECT *, floor(pow((b >> 20) % 100000007 / 100000007.0, 3) * {SPECIES})::BIGINT
                        AS species
              FROM (SELECT number, md5_number_lower('{seed}:' || number) AS a,
                           md5_number_upper('{seed}:' || number) AS b
                    FROM range({observations}) t(number)))"""


def _photos(observations: int, seed: int) -> str:
    """Every 700th observation shows the first photo of the one before it."""
    licenses = "['CC-BY-NC', 'CC-BY', 'CC0', 'CC-BY-NC-SA', 'CC-BY-SA', 'CC-BY-NC-ND']"
    return f"""SELECT md5('{seed}:photo:' || (number * 4 + position))::UUID AS photo_uuid,
            CASE WHEN number % 700 = 699 AND position = 0 THEN (number - 1) * 4 + 1
                 ELSE number * 4 + position + 1 END AS photo_id,
            observation_uuid, observer_id,
            CASE WHEN number % 5 = 0 THEN 'jpeg' ELSE 'jpg' END AS extension,
            {licenses}[1 + number % 6] AS license, 2048 AS width, 1536 AS height, position
        FROM (SELECT *, unnest(range(photos)) AS position
              FROM ({_observations(observations, seed)}))
        ORDER BY number, position"""


def main() -> None:
    """Writes a dump."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--observations", type=int, default=4_000_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started_secs = time.perf_counter()
    write_dump(arguments.directory, observations=arguments.observations, seed=arguments.seed)
    size = sum(path.stat().st_size for path in arguments.directory.glob("*.csv"))
    seconds = time.perf_counter() - started_secs
    print(f"{size / 1e6:,.0f} MB in {seconds:.0f} s: {arguments.directory}")


if __name__ == "__main__":
    main()
