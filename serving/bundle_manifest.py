"""What a bundle's `manifest.json` says, and the one place that knows its form.

Checked when written and when read. The JSON Schema of the file, for other languages:

    BundleManifest.model_json_schema()
    manifest = parse_manifest(text, source="bundle/manifest.json")
    manifest.variants["float16"].sha256

Law: what is written and read again is equal; a key that is not known is refused.
"""

from __future__ import annotations

from os import PathLike
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field, StringConstraints, model_validator

from schemas.errors import DataError
from schemas.settings import Settings
from serving.preprocess_spec import Preprocessing
from serving.variants import Variant

FORMAT_VERSION: Literal[3] = 3
"""Raise it when an older reader could no longer use a newer manifest: it refuses any new key."""

CREDITS_FILE = "credits.csv.gz"
"""Creators of the training photos, by licence: columns creator, license, license_url, photos."""

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""Of a file in the bundle: no path, so that nothing is read or written outside of it."""

REMEDY = "Export the mobile bundle again; do not edit it."


class FileEntry(Settings):
    """A file of the bundle."""

    bytes: int = Field(ge=0)
    """Its size."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of its content, in hex."""


class Input(Settings):
    """What a model takes."""

    dtype: Literal["float32"] = "float32"
    """Type of its values."""

    shape: tuple[Literal[1], int, int, Literal[3]]
    """One photo: rows from the top, columns from the left, colours."""

    range: tuple[float, float] = (0.0, 255.0)
    """Values of black and of white; the scaling that the network needs is inside."""

    colour_order: Literal["RGB"] = "RGB"
    """Order of the colours."""


class Output(Settings):
    """What a model gives."""

    dtype: Literal["float32"] = "float32"
    """Type of its values."""

    shape: tuple[Literal[1], int]
    """One photo: a score for each leaf."""

    values: str = "softmax probabilities in the order of leaf_class_id"
    """What the scores are."""


class VariantFigures(Settings):
    """What the MobileValidator measured of a variant."""

    photos: int = Field(ge=1)
    """Photos compared."""

    top1: float
    """Share that its first leaf names rightly, 0..1."""

    top5: float
    """Share that its best five leaves hold the right one of, 0..1."""

    top1_drop: float
    """The server's share less the variant's; below 0 if the variant is better."""

    top1_drop_interval: tuple[float, float]
    """Its 95 % interval, paired."""

    top1_agreement: float
    """Share of photos on which it names the server's first leaf, 0..1."""

    top5_agreement: float
    """Share on which the server's first leaf is among its best five, 0..1."""

    rollup_agreement: float
    """Share on which both roll up to the same taxon, or both to none, 0..1."""

    largest_score_error: float
    """Largest difference in any score."""

    broken_taxa: int
    """Taxa that it names worse than the server does, beyond chance."""

    calibration_error: float | None = None
    """Expected calibration error of its scores as they are, 0..1; null without a temperature of
    its own."""

    calibrated_calibration_error: float | None = None
    """The same of scores put right by its own temperature, on the photos that it was fitted on."""


class VariantEntry(Settings):
    """One form of the model."""

    file: FileName
    """Its file in the bundle."""

    bytes: int = Field(ge=1)
    """Size of the file."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of its content, in hex."""

    quantisation: str
    """How weights and activations are kept, in words."""

    head_rank: int | None = None
    """Rank that the head was brought down to; null for the head as trained."""

    temperature: float | None = Field(None, gt=0)
    """Of its own, fitted when it was validated; null: the bundle's holds."""

    figures: VariantFigures | None = None
    """Null until validated."""


class Validation(Settings):
    """On what the figures were measured."""

    report_version: int
    """Of the mobile report that has them in full."""

    split: str
    """Split of the export."""

    photos: int
    """Photos of it."""

    server_top1: float
    """Share that the server's SavedModel names rightly, 0..1."""

    server_top5: float
    """Share that its best five leaves hold the right one of, 0..1."""

    server_rolled_up: float
    """Share that it answers with a genus or higher, by the apps' rule, 0..1."""


class Training(Settings):
    """What the model learnt from."""

    photos: int | None = None
    """Training photos; null if unknown."""

    observers: int | None = None
    """People who took them; null if the export names nobody."""

    licences: dict[str, int] | None = None
    """Photos by licence, "none" for those without; null if the export carried no licences."""

    credits: str | None = None
    """Where the credits of every photo stand: an address; null if not published."""

    creators_file: FileName | None = None
    """File of the bundle that has the creators with their photos by licence; null if none has."""

    creators: int | None = None
    """Creators that it names; null without the file."""


class BundleManifest(Settings):
    """The whole manifest."""

    format_version: Literal[2, 3] = FORMAT_VERSION
    """Of this form; one of 2 has fewer keys and is read as well."""

    name: str = Field(pattern=r"^fieldmark-[a-z0-9][a-z0-9._-]*$")
    """Of the bundle and its directory: fieldmark-<model>-<version>."""

    model: str
    """Name of the model, that of its pipeline unless set."""

    version: str
    """Of the model, the beginning of its id unless set."""

    model_id: str
    """Fingerprint of weights, taxonomy and input size."""

    image_size_px: int = Field(ge=1)
    """Side of the square that the network sees."""

    num_leaves: int = Field(ge=1)
    """Classes of the model."""

    input: Input
    """What every variant takes."""

    preprocessing: Preprocessing
    """What a client does to a photo before."""

    preprocessing_text: str
    """The same in words."""

    output: Output
    """What every variant gives."""

    temperature: float | None = Field(None, gt=0)
    """What a client raises scores by, to the power of 1/temperature and to a sum of 1 again, if it
    shows how sure the model is; the model itself gives them as trained. A variant's own goes before
    it. Null: not calibrated."""

    variants: dict[Variant, VariantEntry] = Field(min_length=1)
    """The forms of the model, by name."""

    default_variant: Variant | None = None
    """The form that an app should take; null until validated."""

    default_reason: str | None = None
    """Why that one."""

    validation: Validation | None = None
    """Null until validated."""

    training: Training = Training()
    """What the model learnt from."""

    lineage: dict[str, Any] = {}
    """Where the model comes from, as its trainer wrote it down."""

    files: dict[FileName, FileEntry]
    """Every other file of the bundle."""

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        size, leaves = self.image_size_px, self.num_leaves
        if self.input.shape[1:3] != (size, size) or self.output.shape[1] != leaves:
            raise ValueError("the shapes are not those of image_size_px and num_leaves")
        for variant, entry in self.variants.items():
            if self.files.get(entry.file) != FileEntry(bytes=entry.bytes, sha256=entry.sha256):
                raise ValueError(f"the file of {variant} is not the one that files names")
        if self.default_variant is not None and self.default_variant not in self.variants:
            raise ValueError(f"the default variant {self.default_variant} is not in the bundle")
        if self.training.creators_file not in (None, *self.files):
            raise ValueError(f"{self.training.creators_file} of the credits is not in files")
        return self

    def text(self) -> str:
        """Returns the content of `manifest.json`."""
        return self.model_dump_json(indent=2) + "\n"


def parse_manifest(text: str, *, source: str | PathLike[str]) -> BundleManifest:
    """Returns a manifest, checked.

    Args:
        text: content of `manifest.json`.
        source: the file, for messages.

    Raises:
        DataError: if it is no JSON or not of this form, naming the keys.
    """
    try:
        return BundleManifest.model_validate_json(text)
    except pydantic.ValidationError as error:
        faults = error.errors()
        if faults[0]["type"] == "json_invalid":
            raise DataError(
                source, problem=f"is not JSON: {faults[0]['msg']}.", remedy=REMEDY
            ) from error
        lines = [
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {_words(fault)}" for fault in faults
        ]
        raise DataError(
            source,
            problem=f"is no manifest of format {FORMAT_VERSION}: {'; '.join(lines[:5])}.",
            remedy=REMEDY,
        ) from error


def _words(fault: Any) -> str:
    if fault["type"] == "missing":
        return "is missing"
    return str(fault["msg"]).removeprefix("Value error, ").rstrip(".")
