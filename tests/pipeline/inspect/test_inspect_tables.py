from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.inspect.inspection import Count, Inspection, Leak, Places
from pipeline.inspect.text import lines
from schemas.errors import ConfigError, DataError

Inspected = Callable[..., Inspection]

TAXA = """\
taxon_id ancestry rank_level rank name active
48460  100 stateofmatter Life true
1 48460 70 kingdom Animalia true
2 48460/1 20 genus Aus true
11 48460/1/2 10 species Aus=bus true
12 48460/1/2 10 species Aus=cus true
13 48460/1/2 10 species Aus=dus false
"""

OBSERVATIONS = """\
observation_uuid observer_id latitude longitude positional_accuracy taxon_id quality_grade \
observed_on anomaly_score
A 1 47.5 8.5 10 11 research 2021-05-01 0.1
B 1 47.5 8.5  12 needs_id 2021-06-01 0.1
C 2    13 casual  0.1
D 2 47.5 8.5   research 2023-06-01 0.1
"""

PHOTOS = """\
photo_uuid photo_id observation_uuid observer_id extension license width height position
P 101 A 1 jpg CC-BY 9 9 0
P 102 A 1 jpg CC-BY 9 9 1
P 103 B 1 jpg  9 9 0
P 103 A 1 jpg CC-BY 9 9 2
P 104 C 2 png CC0 9 9 0
P 105 D 2 jpg CC0 9 9 0
"""

UUIDS = {letter: f"00000000-0000-4000-8000-00000000000{letter.lower()}" for letter in "ABCD"}


def table(text: str) -> str:
    """Returns a table with tabs, and UUIDs for single letters."""
    rows = [line.split(" ") for line in text.splitlines()]
    rows = [[UUIDS.get(cell, cell).replace("=", " ") for cell in row] for row in rows]
    return "".join("\t".join(row) + "\n" for row in rows)


@pytest.fixture
def dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An Open Data dump of four observations, one photo of which is on disk."""
    monkeypatch.chdir(tmp_path)
    directory = Path("dump")
    directory.mkdir()
    (directory / "taxa.csv").write_text(table(TAXA))
    (directory / "observations.csv").write_text(table(OBSERVATIONS))
    (directory / "photos.csv").write_text(table(PHOTOS))
    (directory / "photos" / "104").mkdir(parents=True)
    (directory / "photos" / "104" / "medium.png").write_bytes(b"a photo")
    return directory


REPORT = """\
dump: iNaturalist Open Data, a table of observations
  files          observations.csv, photos.csv, taxa.csv (1.1 kB)
  photos         6
  photos on disk 1 of 6; missing: 101, 105, 102, 103, ...
  observations   4
  observers      2
  taxa           3 with photos: species 3
  known taxa     6: stateofmatter 1, kingdom 1, genus 1, species 3
  licences       CC-BY 3, CC0 2, all rights reserved 1
  quality        research 4, casual 1, needs_id 1
  places         3 of 4

Photos per taxon (median 1)
    1  2  ██████████████████████████████████████████████████
  2–4  1  █████████████████████████
  most   Aus bus 3, Aus cus 1, Aus dus 1
  least  Aus cus 1, Aus dus 1, Aus bus 3

Observations per year
  2021  2  ██████████████████████████████████████████████████
  2023  1  █████████████████████████

Leaks
  1 photo on several observations
    photo 103: 2 observations (Aus bus, Aus cus)

Notes
  - This is a table without splits and leaves. Select an export of it with
    `fieldmark build-export --open-data dump --out DIR`; `fieldmark run` does so
    by itself.
  - 5 of 6 photos are not on disk. Select an export first:
    `fieldmark fetch-photos DIR` then fetches those it takes, and no others.
  - No taxon has 100 photos or more, which is what a leaf needs by default
    (see --train-per-leaf and its like of build-export); taxa with fewer roll up
    to their parent.
  - 1 photo is of no taxon, and never selected.
  - 1 taxon is inactive (merged, split or dropped), and never selected.
  - 1 photo is without a licence: all rights reserved.
    `fieldmark build-export --licenses CC0,CC-BY` takes those under some
    licences only.

No faults.
"""


def test_the_whole_report_of_a_dump(dump: Path, inspected: Inspected) -> None:
    found = inspected(dump)
    assert "".join(f"{line.text}\n" for line in lines(found)) == REPORT


def test_figures_of_a_dump(dump: Path, inspected: Inspected) -> None:
    found = inspected(dump)
    assert (found.photos, found.observations, found.observers) == (6, 4, 2)
    assert found.splits == ()
    assert found.licenses == (Count("CC-BY", 3), Count("CC0", 2), Count(None, 1))
    assert found.quality_grades == (Count("research", 4), Count("casual", 1), Count("needs_id", 1))
    assert found.places == Places(3, 4, (Count("2021", 2), Count("2023", 1)))
    assert found.taxa is not None
    assert (found.taxa.taxa, found.taxa.leaves, found.taxa.with_photos) == (6, None, 3)
    assert found.leaks == (
        Leak(
            "photos on several observations", 1, ("photo 103: 2 observations (Aus bus, Aus cus)",)
        ),
    )


def test_nothing_is_left_behind(dump: Path, inspected: Inspected, tmp_path: Path) -> None:
    work_dir = tmp_path / "work"
    with pytest.raises(ConfigError) as caught:
        inspected(dump, work_dir=work_dir)
    assert str(caught.value) == (f"--work-dir: there is no such directory. Received: '{work_dir}'.")
    work_dir.mkdir()
    before = sorted(tmp_path.rglob("*"))
    inspected(dump, work_dir=work_dir)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_archive_is_unpacked_for_the_inspection_only(
    dump: Path, inspected: Inspected, tmp_path: Path
) -> None:
    archive = tmp_path / "inaturalist-open-data-20250127.tar.gz"
    with tarfile.open(archive, "w:gz") as writer:
        for name in ("observations.csv", "photos.csv", "taxa.csv"):
            writer.add(dump / name, f"inaturalist-open-data-20250127/{name}")
    before = sorted(tmp_path.iterdir())
    found = inspected(archive)
    assert (found.photos, found.observations) == (6, 4)
    assert [file.name for file in found.files] == [archive.name]
    assert sorted(tmp_path.iterdir()) == before


def test_faults_of_rows_and_of_the_tree_are_told_together(dump: Path, inspected: Inspected) -> None:
    observations, taxa = dump / "observations.csv", dump / "taxa.csv"
    observations.write_text(observations.read_text().replace("2023-06-01", "soon"))
    taxa.write_text(
        taxa.read_text().replace("48460/1/2\t10\tspecies\tAus cus", "7\t10\tspecies\tB")
    )
    found = inspected(dump)
    assert [(faults.path, faults.faults) for faults in found.faults] == [
        (
            "dump/taxa.csv",
            ("row 6, column ancestry: taxon 12 is below 7, which has no row of its own.",),
        ),
        (
            "dump/observations.csv",
            ("row 5, column observed_on: is not a date such as 2021-06-30. Received: 'soon'.",),
        ),
    ]
    assert found.photos == 5
    assert found.taxa is None
    assert found.per_taxon is not None
    assert [taxon.name for taxon in found.per_taxon.most] == ["taxon 11", "taxon 12", "taxon 13"]


def test_a_table_that_lacks_columns_is_an_error(dump: Path, inspected: Inspected) -> None:
    photos = dump / "photos.csv"
    photos.write_text(photos.read_text().replace("license", "licence"))
    with pytest.raises(DataError, match="lacks the column license"):
        inspected(dump)


def test_real_dumps(shared_data: Path, inspected: Inspected) -> None:
    flora = inspected(shared_data / "open-data-flora")
    assert flora.faults == ()
    assert (flora.photos, flora.observations, flora.observers) == (150, 130, 93)
    assert flora.photos_on_disk is not None
    assert flora.photos_on_disk.found == 150
    old = inspected(shared_data / "metadata" / "open-data")
    assert {Path(faults.path).name: faults.count for faults in old.faults} == {
        "taxa.csv": 30,
        "observations.csv": 2,
    }


def test_a_real_observations_csv(shared_data: Path, inspected: Inspected) -> None:
    path = shared_data / "metadata" / "observations" / "observations_export.csv"
    found = inspected(path)
    assert found.format == "observations-csv"
    assert found.quality_grades == (Count("research", 43), Count("needs_id", 4))
    assert f"`fieldmark build-export --observations {path} --out DIR`" in found.notes[0]


def test_a_darwin_core_archive(tmp_path: Path, inspected: Inspected) -> None:
    (tmp_path / "observations.csv").write_text(
        "id,catalogNumber,eventDate,decimalLatitude,decimalLongitude,captive,taxonID,"
        "scientificName,taxonRank,kingdom,genus,license,rightsHolder,inaturalistLogin\n"
        '1,1,2024-05-31T12:00:00-07:00,47.5,8.5,wild,11,"Aus bus",species,Animalia,Aus,'
        "http://creativecommons.org/licenses/by-nc/4.0/,Ana,ana\n"
    )
    (tmp_path / "media.csv").write_text(
        "id,type,format,identifier,license,rightsHolder,catalogNumber\n"
        "1,StillImage,image/jpeg,https://x/photos/5/original.jpg,"
        "http://creativecommons.org/licenses/by-nc/4.0/,Ana,5\n"
    )
    found = inspected(tmp_path)
    assert found.format == "darwin-core"
    assert (found.photos, found.observations, found.observers) == (1, 1, 1)
    assert found.licenses == (Count("CC-BY-NC", 1),)
    assert found.places == Places(1, 1, (Count("2024", 1),))
