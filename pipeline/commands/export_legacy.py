"""`fieldmark export-legacy`: a pushed model for iNaturalist's own server.

fieldmark export-legacy runs/birds/pushed/saved_model birds.h5
"""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("export-legacy")
@click.argument("model_dir", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--network",
    default=None,
    help="Of the trainer, for a model whose manifest does not say it.",
)
def command(model_dir: Path, out: Path, network: str | None) -> None:
    """Write the SavedModel in MODEL_DIR as OUT, a Keras 2 .h5 file, with its taxonomy beside it.

    iNaturalist's vision API loads a Keras 2 model of exactly five layers, which Keras 3 does not
    write. The file is read again and held against the SavedModel before it stands. See
    docs/serving.md.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from serving.classify import find_model
    from serving.legacy_model import SERVER_SIZE_PX, export_legacy

    written = export_legacy(find_model(model_dir), out, network=network)
    click.echo(f"{written.network}, {written.model_path.stat().st_size / 1e6:.1f} MB: {out}")
    click.echo(f"its taxonomy: {written.taxonomy_path}")
    click.echo(f"largest difference to the SavedModel: {written.difference.words}")
    if written.trained_size_px != SERVER_SIZE_PX:
        click.echo(
            f"Note: trained on {written.trained_size_px} px at the end; iNaturalist's server sends "
            f"{SERVER_SIZE_PX} px, so evaluate it at that size before you rely on it."
        )
