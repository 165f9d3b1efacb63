"""A picture of many photos of a demo export: a row a species, for README and docs.

contact_sheet("demo", "docs/demo-world.jpg", columns=8, rows=6, tile_px=120)
"""

from __future__ import annotations

import csv
import io
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.demo_world.export import photo_path
from schemas.errors import ConfigError, DataError

MOST_BYTES = 400_000  # a README picture should not outweigh the README
_GAP_PX = 3
_QUALITIES = (88, 80, 72, 64, 55, 45, 35)


def _photos_by_leaf(export_dir: Path) -> dict[int, list[int]]:
    path = export_dir / "train_data.csv"
    if not path.exists():
        raise DataError(
            path,
            problem="is not there.",
            remedy="Give the directory of a complete export; `fieldmark demo-export` draws one.",
        )
    photos: dict[int, list[int]] = defaultdict(list)
    seen: set[str] = set()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["observation_id"] in seen:  # one photo a beetle shows more beetles
                continue
            seen.add(row["observation_id"])
            photos[int(row["leaf_class_id"])].append(int(row["photo_id"]))
    return photos


def _tile(export_dir: Path, photo_id: int, tile_px: int) -> Image.Image:
    with Image.open(photo_path(export_dir, photo_id)) as photo:
        photo.draft("RGB", (2 * tile_px, 2 * tile_px))
        upright = ImageOps.exif_transpose(photo)
        return ImageOps.fit(upright, (tile_px, tile_px), Image.Resampling.LANCZOS)


def _save(sheet: Image.Image, path: Path) -> None:
    """Saves the sheet under `MOST_BYTES`, giving up quality (JPEG) or colours (PNG) for it."""
    is_png = path.suffix.lower() == ".png"
    data = b""
    for step, quality in enumerate(_QUALITIES):
        buffer = io.BytesIO()
        if is_png:
            sheet.quantize(256 >> step).save(buffer, "PNG", optimize=True)
        else:
            sheet.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        data = buffer.getvalue()
        if len(data) <= MOST_BYTES:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            return
    raise ConfigError(
        f"The contact sheet of {sheet.width}x{sheet.height} px has {len(data)} bytes, more than "
        f"{MOST_BYTES}. Choose fewer or smaller tiles, or a .jpg path."
    )


def contact_sheet(
    export_dir: str | os.PathLike[str],
    path: str | os.PathLike[str],
    columns: int = 8,
    rows: int = 6,
    tile_px: int = 120,
    seed: int = 0,
) -> None:
    """Writes a sheet of train photos, each row another species, each tile another observation.

    Args:
        export_dir: a complete export.
        path: where to; .png gives PNG, everything else JPEG. Under `MOST_BYTES` either way.
        columns: photos of a species; one with fewer observations leaves its row short.
        rows: species, spread evenly over the class ids.
        tile_px: side of a photo.
        seed: which photos.
    """
    export = Path(export_dir)
    by_leaf = _photos_by_leaf(export)
    rng = np.random.Generator(np.random.PCG64(seed))
    leaves = sorted(by_leaf)
    chosen = [leaves[place * len(leaves) // rows] for place in range(min(rows, len(leaves)))]
    step = tile_px + _GAP_PX
    size = (columns * step - _GAP_PX, len(chosen) * step - _GAP_PX)
    sheet = Image.new("RGB", size, "white")
    for row, leaf in enumerate(chosen):
        photos = rng.permutation(by_leaf[leaf])[:columns].tolist()
        for column, photo_id in enumerate(photos):
            sheet.paste(_tile(export, photo_id, tile_px), (column * step, row * step))
    _save(sheet, Path(path))
