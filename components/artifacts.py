"""Artifact types of our own.

Kubeflow takes only dotted type names and no declared properties; figures travel as custom
properties.
"""

from __future__ import annotations

from tfx.types.artifact import Artifact


class Taxonomy(Artifact):
    """A directory with `taxonomy.csv` and `leaf_taxa.txt` (see schemas.record)."""

    TYPE_NAME = "fieldmark.Taxonomy"


class SetAside(Artifact):
    """A directory with `set_aside.csv`: the photos left out, with file, row and reason."""

    TYPE_NAME = "fieldmark.SetAside"


class PhotoIndex(Artifact):
    """A directory of Parquet files by split, a row a photo that became a record (see
    schemas.photo_index)."""

    TYPE_NAME = "fieldmark.PhotoIndex"


class TrainingHistory(Artifact):
    """A directory with what a training run wrote down: `history.json` (stages and epochs),
    `history.parquet` (a row every so many steps) and `tensorboard` (event files)."""

    TYPE_NAME = "fieldmark.TrainingHistory"


class Gate(Artifact):
    """A directory with `verdict.json`: what a gate looked at and what it found."""

    TYPE_NAME = "fieldmark.Gate"


class MobileReport(Artifact):
    """A directory with `mobile_report.json`: the phone's answers against the server's."""

    TYPE_NAME = "fieldmark.MobileReport"


class ReportPage(Artifact):
    """A directory with `report.html`: everything that a run found out, for a person."""

    TYPE_NAME = "fieldmark.ReportPage"
