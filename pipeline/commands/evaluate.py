"""`fieldmark evaluate`: any classifier on the photos of an export, taxon by taxon.

fieldmark evaluate runs/ladybirds/pushed/mobile --export my-export
fieldmark evaluate birds.tflite --labels labels.txt --export my-export --out evaluation
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipeline.evaluate.outputs import Outputs
    from serving.any_tflite import InputRange

INPUT_RANGES = ("0..255", "0..1", "-1..1")
OUTPUTS = ("auto", "scores", "logits")
"""Those of serving.any_tflite and pipeline.evaluate.outputs, whose imports are slow."""


@click.command("evaluate", context_settings={"show_default": True})
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--export",
    "export_dir",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A vision export or a competition set.",
)
@click.option("--split", default="val", help="Split of the export: train, val or test.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Of a TFLite model that is not ours: scientific names in the order of its outputs, or a "
    "taxonomy.csv.",
)
@click.option(
    "--synonyms",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Table of taxa that changed, iNaturalist's synonyms.csv.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the tables are written.  [default: nowhere]",
    show_default=False,
)
@click.option(
    "--unknown-leaves",
    default="leave-out",
    type=click.Choice(("leave-out", "errors")),
    help="Photos of leaves that the model does not know: left out, or counted as errors.",
)
@click.option("--variant", help="Of a phone bundle: which to use.  [default: the bundle's]")
@click.option(
    "--input-range",
    type=click.Choice(INPUT_RANGES),
    help="What black and white are to a model that is not ours.  [default: 0..255; of a quantised "
    "input its whole range]",
    show_default=False,
)
@click.option(
    "--outputs",
    default="auto",
    type=click.Choice(OUTPUTS),
    help="What a model that is not ours puts out; auto looks at the first photos.",
)
@click.option(
    "--crop-share",
    default=1.0,
    type=click.FloatRange(0, 1, min_open=True),
    help="Side of the centre square, as a share of the photo's shorter side.",
)
@click.option(
    "--min-photos",
    default=10,
    type=click.IntRange(min=1),
    help="Taxa with fewer photos are not listed among the worst.",
)
@click.option(
    "--batch-photos", default=16, type=click.IntRange(min=1), help="Photos answered at a time."
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    help="Threads that decode photos, and that a TFLite model uses.  [default: one a core]",
    show_default=False,
)
def command(
    model: Path,
    export_dir: Path,
    split: str,
    labels: Path | None,
    synonyms: Path | None,
    out: Path | None,
    unknown_leaves: str,
    variant: str | None,
    input_range: InputRange | None,
    outputs: Outputs,
    crop_share: float,
    min_photos: int,
    batch_photos: int,
    jobs: int | None,
) -> None:
    """Say how good MODEL is on the photos of an export, taxon by taxon.

    MODEL is a pushed SavedModel, a phone bundle (or the directory of their versions; the newest is
    taken), or any TFLite classifier with --labels. The figures are those of a pipeline's Evaluator,
    and --out writes them in the same form. See docs/evaluate-any-model.md.

    \b
    Examples:
      fieldmark evaluate runs/ladybirds/pushed/saved_model --export my-export --split test
      fieldmark evaluate birds.tflite --labels labels.txt --input-range=-1..1 --export my-export
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from pipeline.evaluate.evaluate import EvaluateRequest, evaluate
    from pipeline.evaluate.open_model import OpenSettings

    cores = os.cpu_count() or 1
    request = EvaluateRequest(
        model=model,
        export_dir=export_dir,
        split=split,
        open_settings=OpenSettings(labels, input_range, variant, num_threads=jobs or cores),
        synonyms=synonyms,
        out=out,
        count_unknown=unknown_leaves == "errors",
        outputs=outputs,
        crop_share=crop_share,
        min_photos=min_photos,
        batch_photos=batch_photos,
        jobs=jobs or cores,
    )
    for line in evaluate(request):
        click.echo(line)
