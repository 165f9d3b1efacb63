"""What goes to the phone: a directory with the model's variants, the taxonomy and a manifest.

model_<variant>.tflite        one for each variant (see serving.variants)
taxonomy.csv, taxonomy.json   for Android and iOS (see serving.mobile_files)
labels.txt                    scientific name of each class
manifest.json                 what the model is, takes and gives; sha256 of every other file

build_bundle("model/Format-Serving", "bundle", taxonomy=taxonomy, variants=("float16",),
             default_variant="float16", lineage={"run": "r1"})
bundle = load_bundle("bundle")
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from serving.checked_bundle import (
    BUNDLE_MANIFEST,
    Bundle,
    bundle_fingerprint,
    describe_file,
    load_bundle,
)
from serving.mobile_files import write_mobile_files
from serving.saved_model import load_manifest, load_model_taxonomy
from serving.temperature import TEMPERATURE
from serving.tflite import convert
from serving.variants import Variant, model_file
from serving.whole_directory import whole_directory

__all__ = ["BUNDLE_MANIFEST", "Bundle", "build_bundle", "bundle_fingerprint", "load_bundle"]


def build_bundle(
    saved_model_dir: str | PathLike[str],
    directory: str | PathLike[str],
    *,
    taxonomy: Taxonomy,
    variants: Sequence[Variant],
    default_variant: Variant,
    lineage: Mapping[str, Any],
) -> None:
    """Writes a bundle; the directory appears whole or not at all.

    Args:
        saved_model_dir: an export of `serving.saved_model`.
        directory: where the bundle goes.
        taxonomy: whose leaves are the model's classes.
        variants: which to convert, at least one.
        default_variant: one of them.
        lineage: JSON-able values that say where the model comes from.

    Raises:
        DataError: if the taxonomy is not the model's, or the directory is no export.
        FieldmarkError: if a variant cannot be converted.
    """
    if default_variant not in variants:
        raise ConfigError(
            f"The default variant must be in the bundle. Allowed: {', '.join(variants)}. "
            f"Received: {default_variant!r}."
        )
    model = load_manifest(saved_model_dir)
    _check_same_leaves(taxonomy, load_model_taxonomy(saved_model_dir), saved_model_dir)
    with whole_directory(directory) as unfinished:
        for variant in variants:
            content = convert(saved_model_dir, variant)
            (unfinished / model_file(variant)).write_bytes(content)
        write_mobile_files(taxonomy, unfinished)
        manifest = _manifest(model, unfinished, variants, default_variant, lineage)
        text = json.dumps(manifest, indent=2) + "\n"
        (unfinished / BUNDLE_MANIFEST).write_text(text, encoding="utf-8")


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
    model: Mapping[str, Any],
    directory: Path,
    variants: Sequence[Variant],
    default_variant: Variant,
    lineage: Mapping[str, Any],
) -> dict[str, Any]:
    size, leaves = model["image_size_px"], model["num_leaves"]
    files = {path.name: describe_file(path) for path in sorted(directory.iterdir())}
    return {
        "model_id": model["model_id"],
        "image_size_px": size,
        "num_leaves": leaves,
        **({TEMPERATURE: model[TEMPERATURE]} if TEMPERATURE in model else {}),
        "input": {
            "dtype": "float32",
            "shape": [1, size, size, 3],
            "range": [0, 255],
            "colour_order": "RGB",
            "layout": "photo, row from the top, column from the left, colour",
        },
        "output": {
            "dtype": "float32",
            "shape": [1, leaves],
            "values": "softmax probabilities in the order of leaf_class_id",
        },
        "preprocessing": {
            "text": model["preprocessing"],
            "orientation": "upright by EXIF",
            "crop": "centre square",
            "crop_share_of_shorter_side": 1.0,
            "resize": "bilinear",
            "antialias": True,
        },
        "variants": {
            variant: {"file": model_file(variant), **files[model_file(variant)]}
            for variant in variants
        },
        "default_variant": default_variant,
        "files": files,
        "lineage": dict(lineage),
    }
