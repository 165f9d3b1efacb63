"""The model card of a bundle: what the model is, what it is worth, and what it is not for.

Written from the manifest alone, so that it cannot say anything else.

    (directory / MODEL_CARD_FILE).write_text(model_card(manifest))
"""

from __future__ import annotations

from collections.abc import Iterable

from serving.bundle_manifest import BundleManifest, Training

_INTENDED = """It names the taxon in a photo of a wild animal, plant or fungus, or the group that it
belongs to, as a suggestion to a person who looks and decides. It is made for iNaturalist's apps and
for clients that follow the same contract (manifest.json)."""

_LIMITS = """- It knows the taxa of taxonomy.csv and nothing else: a photo of any other taxon, or of
  nothing alive, still gets a name. Look at the score, and at the common ancestor.
- It was trained on photos of observers, who prefer common, large, still and colourful organisms and
  the places where observers live. Figures for a whole split hide taxa that it names badly.
- Figures were measured on photos of the same export. Photos of another camera, place or season may
  fare worse.
- It must not decide alone where a mistake can hurt: not on what may be eaten, not on what is
  venomous, not on what may be felled, caught or killed."""


def model_card(manifest: BundleManifest) -> str:
    """Returns the card, Markdown."""
    parts = [
        f"# {manifest.name}",
        _summary(manifest),
        "## Figures\n\n" + _figures(manifest),
        "## Use\n\n" + _use(manifest),
        "## Intended use\n\n" + _INTENDED,
        "## Limits\n\n" + _LIMITS,
        "## Training photos\n\n" + _training(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(manifest: BundleManifest) -> str:
    network = manifest.lineage.get("network")
    what = f"{network}, {manifest.image_size_px} px" if network else f"{manifest.image_size_px} px"
    return (
        f"A classifier of {manifest.num_leaves:,} taxa ({what}), model {manifest.model_id}, made "
        "with Fieldmark."
    )


def _figures(manifest: BundleManifest) -> str:
    validation = manifest.validation
    if validation is None:
        return "Not validated yet."
    lines = [
        f"On {validation.photos:,} photos of the split {validation.split}. The server's model "
        f"names {validation.server_top1:.1%} of them rightly (among its best five: "
        f"{validation.server_top5:.1%}) and rolls {validation.server_rolled_up:.1%} up to a genus "
        "or higher.",
        "",
        "| variant | MB | top-1 | top-5 | top-1 less the server's (95 %) | same first taxon | "
        "same rolled-up answer | broken taxa |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, entry in manifest.variants.items():
        if (found := entry.figures) is not None:
            low, high = (-100 * end for end in reversed(found.top1_drop_interval))
            lines.append(
                _row(
                    f"{name} (default)" if name == manifest.default_variant else name,
                    f"{entry.bytes / 1e6:.2f}",
                    f"{found.top1:.1%}",
                    f"{found.top5:.1%}",
                    f"{100 * (0 - found.top1_drop):+.1f} ({low:+.1f} to {high:+.1f}) points",
                    f"{found.top1_agreement:.1%}",
                    f"{found.rollup_agreement:.1%}",
                    f"{found.broken_taxa:,}",
                )
            )
    if manifest.default_reason:
        lines += ["", f"Default: {manifest.default_reason}"]
    return "\n".join(lines)


def _use(manifest: BundleManifest) -> str:
    size = manifest.image_size_px
    lines = [
        manifest.preprocessing_text,
        "",
        f"In: float32 [1, {size}, {size}, 3], RGB, 0..255. Out: float32 [1, "
        f"{manifest.num_leaves}], {manifest.output.values}; names in labels.txt, the tree in "
        "taxonomy.csv and taxonomy.json.",
    ]
    if manifest.temperature is not None:
        lines.append(
            "To show how sure the model is, raise scores to the power "
            "1/temperature and bring them to a sum of 1 again. The temperature is "
            f"{_temperatures(manifest)}."
        )
    return "\n".join(lines)


def _temperatures(manifest: BundleManifest) -> str:
    own = [
        f"{entry.temperature:.3g} for {name}"
        for name, entry in manifest.variants.items()
        if entry.temperature is not None
    ]
    return ", ".join([f"{manifest.temperature:.3g}", *own])


def _training(manifest: BundleManifest) -> str:
    training = manifest.training
    if training.photos is None:
        lines = ["How many there were is not known."]
    else:
        people = f", by {training.observers:,} observers" if training.observers else ""
        lines = [f"{training.photos:,} photos{people}."]
    if training.licences is None:
        lines.append("The export carried no licences. Each photo's page names whom to credit.")
    else:
        lines += ["", "| licence | photos |", "| --- | --- |"]
        ordered = sorted(training.licences.items(), key=lambda item: (-item[1], item[0]))
        lines += [_row(code, f"{number:,}") for code, number in ordered]
        lines += [
            "",
            "NC forbids commercial use, ND adapted versions; under no licence all rights are "
            "reserved. Whether a model made from such photos is bound by that is for whoever "
            "publishes it to settle.",
        ]
    lines += ["", _credits(training)]
    return "\n".join(lines)


def _credits(training: Training) -> str:
    said = []
    if training.creators_file is not None:
        said.append(
            f"{training.creators or 0:,} creators, with their photos by licence, are in "
            f"{training.creators_file}."
        )
    if training.credits is not None:
        said.append(f"Credits of every photo: {training.credits}.")
    if not said:
        said.append("Credits are not in this bundle; whoever made it has them.")
    return " ".join(said)


def _row(*cells: str) -> str:
    return f"| {' | '.join(_escaped(cells))} |"


def _escaped(cells: Iterable[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]
