"""The features of one photo, as `tf.train.Example`s carry them between steps.

Raw records (ExportExampleGen) follow `schemas/example.pbtxt`; transformed records (Transform)
carry the photo upright and small, with its label. All are dense and of length 1, but for what an
export may not know (place, date, licence, whom to credit): absent from a raw record, and in a
transformed one NaN (numbers) or empty (text).
"""

from __future__ import annotations

from pathlib import Path

# In raw and transformed records.
IMAGE = "image"
"""bytes: a JPEG, RGB or greyscale. Raw: as photographed; transformed: upright, resized."""
PHOTO_ID = "photo_id"
"""int64: iNaturalist's photo id."""
OBSERVATION_ID = "observation_id"
"""int64: the observation that the photo belongs to."""
TAXON_ID = "taxon_id"
"""int64: the leaf taxon that the photo trains."""
ICONIC_TAXON = "iconic_taxon"
"""bytes: name of the leaf's iconic taxon, for example Insecta; "none" where there is none."""
LATITUDE = "latitude"
"""float: degrees north, -90..90, if known."""
LONGITUDE = "longitude"
"""float: degrees east, -180..180, if known."""
OBSERVED_ON = "observed_on"
"""bytes: date of the observation, YYYY-MM-DD, if known."""
LICENSE = "license"
"""bytes: licence code of the photo, as iNaturalist writes it (CC-BY-NC), if known."""
OBSERVER = "observer"
"""bytes: login (or id) of who observed, if known."""

# In raw records only.
OBS_TAXON_ID = "obs_taxon_id"
"""int64: what the observation was identified as; the leaf or a descendant of it."""
COMMUNITY = "community"
"""int64: 1 if the community taxon agreed, else 0."""
ORIENTATION = "orientation"
"""int64: EXIF orientation of the photo's bytes, 1..8; 1 is upright."""
RIGHTS_HOLDER = "rights_holder"
"""bytes: whom to credit for the photo; absent if unknown."""

# In transformed records only.
IMAGE_SMALL = "image_small"
"""bytes: the same picture as `image`, smaller, as a JPEG; empty where the photo is no larger, and
absent where Transform was told to write none."""
LABEL = "label"
"""int64: leaf class of the photo, 0..N-1."""

NO_ICONIC_TAXON = "none"

SPLITS = ("train", "val", "test")
"""The splits of a vision export. They are the exporter's, never re-drawn."""

SCHEMA_DIRECTORY = Path(__file__).parent
SCHEMA_FILE = SCHEMA_DIRECTORY / "example.pbtxt"
"""TensorFlow Metadata schema of the raw records."""

LEAF_TAXA_FILE = "leaf_taxa.txt"
"""Of a Taxonomy artifact: taxon id of each leaf class, one a line, in class order."""
TAXONOMY_FILE = "taxonomy.csv"
"""Of a Taxonomy artifact: the tree, in the exporter's form."""
