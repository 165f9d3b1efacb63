"""A bundle with its figures in: what the MobileValidator hands on, and what is pushed.

Variants that failed are left out; the manifest and the model card get what was measured, the
manifest the hashes of what is there now; and beside the directory lies one zip of it.

    finish_bundle(bundle, "finished", Finish(kept, default, reason, figures, validation))
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from serving.bundle_manifest import Validation, VariantFigures
from serving.checked_bundle import BUNDLE_MANIFEST, MODEL_CARD_FILE, Bundle
from serving.mobile_bundle import write_manifest
from serving.whole_directory import whole_directory
from serving.zip_bytes import write_zip


@dataclass(frozen=True)
class Finish:
    """What a validation came to.

    Attributes:
        kept: variants that stay, at least one.
        default: the one that an app should take; None if none should be.
        reason: why that one.
        figures: by variant.
        validation: on what they were measured.
        temperatures: by variant, of those that have one of their own.
    """

    kept: Sequence[str]
    default: str | None
    reason: str
    figures: Mapping[str, VariantFigures]
    validation: Validation
    temperatures: Mapping[str, float] = field(default_factory=dict)


def finish_bundle(bundle: Bundle, directory: str | PathLike[str], finish: Finish) -> Path:
    """Writes the finished bundle and its zip into a directory; returns the bundle's own.

    Args:
        bundle: as it was exported.
        directory: where the bundle's directory and the zip go; appears whole or not at all.
        finish: what a validation came to.
    """
    old = bundle.details
    left_out = {old.variants[name].file for name in bundle.variants if name not in finish.kept}
    variants = {
        name: entry.model_copy(
            update={
                "figures": finish.figures.get(name),
                "temperature": finish.temperatures.get(name),
            }
        )
        for name, entry in old.variants.items()
        if name in finish.kept
    }
    manifest = old.model_copy(
        update={
            "variants": variants,
            "default_variant": finish.default,
            "default_reason": finish.reason,
            "validation": finish.validation,
        }
    )
    with whole_directory(directory) as unfinished:
        inside = unfinished / old.name
        inside.mkdir()
        for name in old.files:
            if name not in left_out and name not in (MODEL_CARD_FILE, BUNDLE_MANIFEST):
                shutil.copyfile(bundle.directory / name, inside / name)
        write_manifest(inside, manifest)
        write_zip(unfinished / f"{old.name}.zip", inside)
    return Path(directory) / old.name
