"""Settings of the Evaluator."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from components.taxon_evaluator.problem_settings import ProblemSettings
from components.taxon_evaluator.slice_bar import SliceBar
from components.taxon_evaluator.tables.leaf_groups import LEAF, OVERALL, TRAIN_PHOTOS
from components.taxon_evaluator.tables.metric_names import metric_names
from components.taxon_evaluator.tables.photo_columns import PhotoColumns
from components.taxon_evaluator.tables.photo_slices import PHOTO_FAMILIES
from components.taxon_evaluator.tables.taxon_tree import ICONIC
from schemas.errors import did_you_mean
from schemas.ranks import LEVEL_OF_RANK
from schemas.settings import Settings

LEAF_FAMILIES = (OVERALL, LEAF, TRAIN_PHOTOS)


class EvaluationSettings(Settings):
    """What is measured of a model, and what it must reach to be blessed."""

    splits: tuple[str, ...] = Field(("val",), min_length=1)
    """Splits that it is evaluated on."""

    min_top1: float = Field(0.5, ge=0, le=1)
    """Top-1 accuracy over all photos that earns the blessing, 0..1, at least."""

    max_top1_drop: float = Field(0.01, ge=0, le=1)
    """Top-1 may be lower than the last blessed model's on the same photos by at most this, 0..1."""

    max_significant_drop: float = Field(0.0, ge=0, le=1)
    """The same, 0..1, for a drop that chance does not explain (McNemar's test at `alpha`)."""

    alpha: float = Field(0.05, gt=0, lt=1)
    """How often chance alone may look like a drop; of the taxa found fallen, the false share."""

    max_fall: float = Field(0.1, ge=0, le=1)
    """A taxon has fallen whose top-1 is lower by more than this, 0..1, beyond chance at `alpha`."""

    max_fallen_taxa: int = Field(0, ge=0)
    """Taxa that may have fallen against the last blessed model, at most."""

    problems: ProblemSettings = ProblemSettings()
    """When a figure of a taxon is called a reason for its errors."""

    bars: tuple[SliceBar, ...] = ()
    """More bars, on any metric of any slice."""

    ranks: tuple[str, ...] = ("species", "genus", "family", "order", "class", ICONIC)
    """Ranks whose taxa are slices and at which rolled-up answers are judged; or `iconic`."""

    train_photos_edges: tuple[int, ...] = (20, 50, 100, 200, 500)
    """Photos in training at which a new slice of the long tail begins, rising."""

    cell_degrees: int = Field(10, ge=1, le=90)
    """Edge of the cells of latitude and longitude that are slices, in degrees; 90 is a multiple."""

    reliability_bins: int = Field(10, ge=1, le=100)
    """Bins of confidence for the reliability curve and the calibration error."""

    min_slice_photos: int = Field(1, ge=1)
    """Slices with fewer photos are left out of the tables."""

    confusions_per_leaf: int = Field(10, ge=1)
    """Confused pairs listed for each leaf as the truth, and for each as the answer."""

    photos_per_confusion: int = Field(5, ge=0)
    """Photo ids listed for each confused pair, the most confident errors first."""

    @model_validator(mode="after")
    def _known_bars(self) -> EvaluationSettings:
        families = (*LEAF_FAMILIES, *self.ranks, *PHOTO_FAMILIES)
        metrics = metric_names(PhotoColumns(self.ranks, self.reliability_bins))
        for place, bar in enumerate(self.bars):
            for kind, name, known in (
                ("family", bar.family, families),
                ("metric", bar.metric, tuple(metrics)),
            ):
                if name not in known:
                    allowed = ", ".join(known)
                    hint = did_you_mean(name, known)
                    raise ValueError(
                        f"bars[{place}].{kind} must be one of {allowed}.{hint} It is {name!r}"
                    )
            if bar.passes_if != "value" and not metrics[bar.metric]:
                raise ValueError(
                    f"bars[{place}]: {bar.metric} has no interval, so that passes_if must be value"
                )
        return self

    @field_validator("ranks")
    @classmethod
    def _known_ranks(cls, ranks: tuple[str, ...]) -> tuple[str, ...]:
        allowed = (ICONIC, *LEVEL_OF_RANK)
        for rank in ranks:
            if rank not in allowed:
                raise ValueError(f"{rank!r} is none of {', '.join(allowed)}")
        if len(set(ranks)) < len(ranks):
            raise ValueError("each rank may stand there once")
        return ranks

    @field_validator("cell_degrees")
    @classmethod
    def _divides_the_globe(cls, degrees: int) -> int:
        if 90 % degrees:
            raise ValueError("90 must be a multiple of it, so that cells end at the poles")
        return degrees

    @field_validator("train_photos_edges")
    @classmethod
    def _rising(cls, edges: tuple[int, ...]) -> tuple[int, ...]:
        if any(low >= high for low, high in zip((0, *edges), edges, strict=False)):
            raise ValueError("the edges must rise, from above 0")
        return edges
