"""The section on where it all comes from: settings, versions, times, and where things lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from components.report.blocks import Block, Cell, Code, Column, Section, Table
from components.report.sources import Provenance
from components.report.wording import number
from schemas.duration import duration


def provenance_section(
    provenance: Provenance, manifest: Mapping[str, Any] | None, bundle: Mapping[str, Any] | None
) -> Section:
    """Returns the section.

    Args:
        provenance: of the page.
        manifest: of the model; None if there is none.
        bundle: manifest of the bundle; None if there is none.
    """
    blocks: list[Block] = [_facts(provenance, manifest, bundle)]
    if provenance.steps:
        blocks.append(_steps(provenance))
    if provenance.artifacts:
        rows = [[Cell(what), Cell(where)] for what, where in provenance.artifacts.items()]
        columns = [Column("What"), Column("Where, as seen from the run")]
        blocks.append(Table("Where things lie", columns, rows))
    if provenance.versions:
        rows = [[Cell(name), Cell(version)] for name, version in provenance.versions.items()]
        blocks.append(Table("Versions", [Column("Package"), Column("Version")], rows))
    if provenance.settings:
        text = yaml.safe_dump(dict(provenance.settings), sort_keys=False, allow_unicode=True)
        blocks.append(Code("The settings, every default written out", text))
    return Section("provenance", "Provenance", blocks)


def _facts(
    provenance: Provenance, manifest: Mapping[str, Any] | None, bundle: Mapping[str, Any] | None
) -> Table:
    known = {
        "Pipeline": provenance.pipeline,
        "Export's fingerprint": provenance.export_fingerprint,
        "Recipe": provenance.recipe,
        **_of_model(manifest or {}),
        "Bundle's default variant": (bundle or {}).get("default_variant"),
        "Page written": provenance.written,
        "Page written on": provenance.machine,
    }
    rows = [[Cell(name), Cell(str(value))] for name, value in known.items() if value]
    return Table("What made it", [Column("What"), Column("Value", wide=True)], rows)


def _of_model(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest's plain values; what is longer stays in its file."""
    shown = {"recipe", "pipeline", "signatures", "preprocessing"}
    values = {
        key.replace("_", " ").capitalize(): number(value) if isinstance(value, float) else value
        for key, value in manifest.items()
        if key not in shown and isinstance(value, str | int | float)
    }
    return values | {"Preprocessing": manifest.get("preprocessing")}


def _steps(provenance: Provenance) -> Table:
    rows = [
        [Cell(step.step), Cell(duration(step.secs), step.secs), Cell(step.ended)]
        for step in provenance.steps
    ]
    columns = [Column("Step"), Column("Took", numeric=True), Column("Ended")]
    return Table(
        "The steps",
        columns,
        rows,
        note="When a step last ran; a run that reuses it does not change that.",
    )
