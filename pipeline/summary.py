"""What a run came to: accuracy, blessings and their reasons, where things are, how long it took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.layout import Layout
from pipeline.store import Store
from schemas.duration import duration


@dataclass(frozen=True)
class StepTime:
    """How a step went in this run."""

    step: str
    secs: float
    reused: bool


def summarise(store: Store, layout: Layout, times: list[StepTime], log_path: Path) -> str:
    """Returns the summary of the run that has just ended well."""
    lines = ["", *_accuracy(store), *_blessings(store), *_pushes(store), ""]
    slowest = sorted((t for t in times if not t.reused), key=lambda t: -t.secs)[:4]
    spent = ", ".join(f"{t.step} {duration(t.secs)}" for t in slowest)
    total = sum(t.secs for t in times)
    reused = sum(t.reused for t in times)
    ran = f"{len(times) - reused} steps ran, {reused} reused"
    lines.append(f"time       {duration(total)}: {ran}{f'; {spent}' if spent else ''}")
    lines.append(f"report     {layout.report}")
    lines.append(f"artifacts  {layout.artifacts}")
    lines.append(f"log        {log_path}")
    return "\n".join(lines)


def _accuracy(store: Store) -> list[str]:
    history = _output_json(store, "ProgressiveTrainer", "history", "history.json")
    if not history or not history["epochs"]:
        return []
    last = history["epochs"][-1]
    size_px = history["stages"][-1]["image_size_px"]
    secs = sum(epoch["train_secs"] for epoch in history["epochs"])
    decided = [decision["reason"] for decision in history.get("decisions", [])]
    return [
        f"training   val top-1 {last['val_top1']:.1%} at {size_px} px after "
        f"{last['epoch']:.1f} epochs in {duration(secs)} ({history['devices']})",
        *(f"           {reason}" for reason in decided),
    ]


def _blessings(store: Store) -> list[str]:
    lines = []
    evaluation = _output_uri(store, "Evaluator", "evaluation")
    if evaluation is not None:
        from components.taxon_evaluator.verdict import read_verdict

        verdict = read_verdict(evaluation)
        lines.append(f"evaluation {verdict.figures()}")
        lines.append(f"compared   {verdict.compared}")
        lines.append(f"model      {verdict.words()}")
        heads = ["to gain    ", *["           "] * len(verdict.problems)]
        lines += [head + text for head, text in zip(heads, verdict.problems, strict=False)]
    report = _output_json(store, "MobileValidator", "report", "mobile_report.json")
    if report:
        lines.append(f"phone      {'blessed' if report['blessed'] else 'NOT blessed'}")
        lines += [f"           {reason}" for reason in report["reasons"]]
        if report["default_variant"]:
            lines.append(f"           {report['default_reason']}")
        for name, figures in report["variants"].items():
            lines.append(f"           {_variant_line(name, figures)}")
    return lines


def _variant_line(name: str, figures: Mapping[str, Any]) -> str:
    size = f"{name}: {figures['bytes'] / 1e6:.2f} MB"
    if not figures["photos"]:
        return f"{size}, cannot be run; {' '.join(figures['reasons'])}"
    text = (
        f"{size}, answers as the server on "
        f"{figures['top1_agreement']:.1%} of {figures['photos']:,} photos, "
        f"top-1 {figures['variant_accuracy']:.1%} (server {figures['server_accuracy']:.1%})"
    )
    if figures["broken_taxa"]:
        text += f", breaks {figures['broken_taxa']:,} taxa"
    if figures["reasons"]:
        text += "; left out"
    return text + "".join(f"; {reason}" for reason in figures["reasons"])


def _pushes(store: Store) -> list[str]:
    lines = []
    for step, what in (("PushSavedModel", "SavedModel"), ("PushMobile", "phone bundle")):
        run = store.last_good(step)
        if run is None or "pushed_model" not in run.outputs:
            continue
        properties = run.outputs["pushed_model"].custom_properties
        if properties["pushed"].int_value:
            place = properties["pushed_destination"].string_value
            lines.append(f"pushed     {what}: {place}")
        else:
            lines.append(f"pushed     {what}: not pushed, for want of a blessing")
    return lines


def _output_uri(store: Store, step: str, key: str) -> Path | None:
    run = store.last_good(step)
    return Path(run.outputs[key].uri) if run and key in run.outputs else None


def _output_json(store: Store, step: str, key: str, name: str) -> dict[str, Any] | None:
    uri = _output_uri(store, step, key)
    if uri is None or not (uri / name).is_file():
        return None
    content: dict[str, Any] = json.loads((uri / name).read_text())
    return content
