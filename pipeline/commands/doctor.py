"""`fieldmark doctor`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipeline.doctor import Finding

PROBLEM_EXIT_CODE = 1


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> int:
    """Look whether this machine has what Fieldmark needs, and say what to do where it has not.

    Tries TensorFlow, TFX, Beam, ML Metadata and LiteRT, which takes about half a minute on two
    cores. Ends with 1 if there is a problem.

    \b
    Example:
      fieldmark doctor
    """
    from pipeline.doctor import Status, examine

    findings = examine(Path.cwd())
    healthy = all(finding.status is not Status.PROBLEM for finding in findings)
    click.echo(as_json_text(findings, healthy) if as_json else as_text(findings))
    return 0 if healthy else PROBLEM_EXIT_CODE


def as_text(findings: Sequence[Finding]) -> str:
    """Returns a line a finding, and its remedy below it."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.status:<8} {finding.name}: {finding.detail}")
        if finding.remedy:
            lines.append(f"{'':<8} -> {finding.remedy}")
    return "\n".join(lines)


def as_json_text(findings: Sequence[Finding], healthy: bool) -> str:
    """Returns {"healthy": ..., "findings": [{name, status, detail, remedy}, ...]}."""
    document = {"healthy": healthy, "findings": [dataclasses.asdict(f) for f in findings]}
    return json.dumps(document, indent=2)
