"""What goes to the phone: a directory with the model's variants, the taxonomy and a manifest.

fieldmark-<model>-<version>/
  model_<variant>.tflite        one for each variant (see serving.variants)
  taxonomy.csv, taxonomy.json   for Android and iOS (see serving.mobile_files)
  labels.txt                    scientific name of each class
  synonyms.csv                  taxa that changed since, if given
  credits.csv.gz                creators of the training photos, by licence, if given
  MODEL_CARD.md                 what it is worth, and what it is not for
  manifest.json                 what the model is, takes and gives; sha256 of every other file

A bundle is built without figures; the MobileValidator measures it, and `finished_bundle` writes
them in.

build_bundle("model/Format-Serving", "out", taxonomy=taxonomy, request=BundleRequest("owls"))
bundle = load_bundle("out")
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.errors import ConfigError, DataError
from schemas.synonyms import check_synonyms
from schemas.taxonomy import Taxonomy
from serving.bundle_manifest import (
    CREDITS_FILE,
    BundleManifest,
    Input,
    Output,
    Training,
    VariantEntry,
)
from serving.checked_bundle import (
    BUNDLE_MANIFEST,
    MODEL_CARD_FILE,
    Bundle,
    bundle_fingerprint,
    describe_file,
    find_bundle,
    load_bundle,
)
from serving.mobile_files import SYNONYMS_FILE, write_mobile_files
from serving.model_card import model_card
from serving.preprocess import PREPROCESSING_TEXT
from serving.preprocess_spec import OURS
from serving.saved_model import load_manifest, load_model_taxonomy
from serving.temperature import TEMPERATURE
from serving.tflite import Converter
from serving.tflite_metadata import ModelWords, metadata, with_metadata
from serving.variants import VARIANTS, form_of, model_file
from serving.whole_directory import whole_directory

__all__ = [
    "BUNDLE_MANIFEST",
    "Bundle",
    "BundleRequest",
    "build_bundle",
    "bundle_fingerprint",
    "find_bundle",
    "load_bundle",
    "write_manifest",
]

_VERSION_DIGITS = 8


@dataclass(frozen=True, eq=False)
class BundleRequest:
    """What a bundle is made of besides the model and its taxonomy.

    Attributes:
        model: name of the model: lower case, digits, dots, hyphens, underscores.
        variants: which to convert, at least one.
        version: of the model; None for the beginning of its id.
        representative: float32 [P, S, S, 3], 0..255, photos that full_int8 is quantised by.
        training: what the model learnt from.
        credits: content of `credits.csv.gz`, which `training` then tells of; None for none.
        synonyms: iNaturalist's table of taxa that changed since, copied in; None for none.
        geo_thresholds: float [N], NaN where a leaf has none; None without a geo model.
        lineage: JSON-able values that say where the model comes from.
    """

    model: str
    variants: Sequence[str] = VARIANTS
    version: str | None = None
    representative: npt.NDArray[np.float32] | None = None
    training: Training = field(default_factory=Training)
    credits: bytes | None = None
    synonyms: str | PathLike[str] | None = None
    geo_thresholds: npt.NDArray[np.floating] | None = None
    lineage: Mapping[str, Any] = field(default_factory=dict)


def build_bundle(
    saved_model_dir: str | PathLike[str],
    directory: str | PathLike[str],
    *,
    taxonomy: Taxonomy,
    request: BundleRequest,
) -> Path:
    """Writes a bundle into a directory that appears whole or not at all; returns the bundle's.

    Args:
        saved_model_dir: an export of `serving.saved_model`.
        directory: where the bundle's own directory goes; what was there before is replaced.
        taxonomy: whose leaves are the model's classes.
        request: what goes in.

    Raises:
        DataError: if the taxonomy is not the model's, the directory no export, or the table of
            synonyms faulty.
        ConfigError: if a variant needs what is not given.
        FieldmarkError: if a variant cannot be converted.
    """
    model = load_manifest(saved_model_dir)
    _check_same_leaves(taxonomy, load_model_taxonomy(saved_model_dir), saved_model_dir)
    if request.synonyms is not None:
        check_synonyms(request.synonyms, taxonomy)  # a faulty table must not travel
    name = f"fieldmark-{request.model}-{_version(request, model)}"
    with whole_directory(directory) as unfinished:
        inside = unfinished / name
        inside.mkdir()
        words = ModelWords(
            name=name,
            description=f"Names {taxonomy.num_leaves:,} taxa in photos of wild organisms.",
            version=_version(request, model),
            license="See MODEL_CARD.md of the bundle.",
        )
        _write_models(saved_model_dir, inside, words, taxonomy, request)
        write_mobile_files(taxonomy, inside, geo_thresholds=request.geo_thresholds)
        if request.synonyms is not None:
            shutil.copyfile(request.synonyms, inside / SYNONYMS_FILE)
        if request.credits is not None:
            (inside / CREDITS_FILE).write_bytes(request.credits)
        write_manifest(inside, _manifest(model, inside, name, request))
    return Path(directory) / name


def write_manifest(directory: Path, manifest: BundleManifest) -> BundleManifest:
    """Writes the model card and the manifest of a bundle; returns it with all files described.

    Args:
        directory: of the bundle, with all other files.
        manifest: whose `files` are taken anew from the directory.
    """
    (directory / MODEL_CARD_FILE).write_text(model_card(manifest), encoding="utf-8")
    files = {
        path.name: describe_file(path)
        for path in sorted(directory.iterdir())
        if path.name != BUNDLE_MANIFEST
    }
    whole = BundleManifest.model_validate(
        {
            **manifest.model_dump(),
            "files": {name: entry.model_dump() for name, entry in files.items()},
        }
    )
    (directory / BUNDLE_MANIFEST).write_text(whole.text(), encoding="utf-8")
    return whole


def _version(request: BundleRequest, model: Mapping[str, Any]) -> str:
    return request.version or str(model["model_id"])[:_VERSION_DIGITS]


def _write_models(
    saved_model_dir: str | PathLike[str],
    directory: Path,
    words: ModelWords,
    taxonomy: Taxonomy,
    request: BundleRequest,
) -> None:
    converter = Converter(saved_model_dir, representative=request.representative)
    for variant in request.variants:
        content = with_metadata(converter.convert(variant), metadata(words), taxonomy.leaf_names)
        (directory / model_file(variant)).write_bytes(content)


def _check_same_leaves(
    given: Taxonomy, own: Taxonomy, saved_model_dir: str | PathLike[str]
) -> None:
    if given.leaf_taxon_ids.tolist() != own.leaf_taxon_ids.tolist():
        raise DataError(
            saved_model_dir,
            problem=f"was trained on another taxonomy: its {own.num_leaves} leaves are not the "
            f"{given.num_leaves} given.",
            remedy="Give the taxonomy that the model was trained with.",
        )


def _manifest(
    model: Mapping[str, Any], directory: Path, name: str, request: BundleRequest
) -> BundleManifest:
    size, leaves = model["image_size_px"], model["num_leaves"]
    files = {path.name: describe_file(path) for path in sorted(directory.iterdir())}
    variants = {
        variant: VariantEntry(
            file=model_file(variant),
            bytes=files[model_file(variant)].bytes,
            sha256=files[model_file(variant)].sha256,
            quantisation=form_of(variant).quantisation,
            head_rank=form_of(variant).head_rank,
        )
        for variant in request.variants
    }
    try:
        return BundleManifest(
            name=name,
            model=request.model,
            version=_version(request, model),
            model_id=model["model_id"],
            image_size_px=size,
            num_leaves=leaves,
            input=Input(shape=(1, size, size, 3)),
            preprocessing=OURS,
            preprocessing_text=PREPROCESSING_TEXT,
            output=Output(shape=(1, leaves)),
            temperature=model.get(TEMPERATURE),
            variants=variants,
            training=request.training,
            lineage=dict(request.lineage),
            files=files,
        )
    except ValueError as error:  # pydantic's
        raise ConfigError(f"The bundle {name} cannot be described: {error}") from error
