"""An inspection as text for people.

Law: pure; what is a heading, a note or a fault is told apart by `Line.style`, so that a terminal
can colour it and a file gets the same words.

    for line in lines(inspection, width=100):
        print(line.text)
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from pipeline.inspect.bars import bar
from pipeline.inspect.inspection import Bin, Count, Inspection, PhotosOnDisk, TaxonPhotos
from schemas.source import SPLIT_FORMATS

MIN_WIDTH = 80

_LABEL_WIDTH = 15
_COUNTS_SHOWN = 10
_YEARS_SHOWN = 20
_MAX_BAR_WIDTH = 50
_UNKNOWN = "unknown"
_HARD_SPACE = "\N{NO-BREAK SPACE}"
_CODE = re.compile(r"`[^`]*`|\([^()]*\)")
"""What a line never ends inside of: a command, a name in brackets."""

Style = Literal["title", "heading", "plain", "note", "fault"]


class Line(NamedTuple):
    """A line and what it is."""

    text: str
    style: Style = "plain"


def lines(inspection: Inspection, width: int = MIN_WIDTH, *, blocks: bool = True) -> Iterator[Line]:
    """Yields the lines of the whole report.

    Args:
        inspection: what to tell.
        width: of the output, in characters; at least 80 are used.
        blocks: whether bars may use block characters.
    """
    width = max(width, MIN_WIDTH)
    yield Line(f"{inspection.path}: {inspection.description}", "title")
    yield from _labelled(_facts(inspection), width)
    yield from _splits(inspection)
    yield from _histogram(inspection, width, blocks)
    yield from _years(inspection, width, blocks)
    yield from _leaks(inspection, width)
    yield from _notes(inspection, width)
    yield from _faults(inspection, width)


def counts(values: Sequence[Count], nameless: str = "unknown") -> str:
    """Returns "species 120, genus 4", the first ten of many; names and figures stay together."""
    shown = [
        f"{value.name or nameless}{_HARD_SPACE}{value.count:,}" for value in values[:_COUNTS_SHOWN]
    ]
    more = len(values) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def size(size_bytes: int) -> str:
    """Returns "950 bytes", "4.2 kB", "12.0 MB" or "3.1 GB"."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    value = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95 or unit == "GB":
            break
    return f"{value:,.1f} {unit}"


def _facts(inspection: Inspection) -> Iterator[tuple[str, str]]:
    names = ", ".join(file.name for file in inspection.files)
    yield "files", f"{names} ({size(inspection.size_bytes)})"
    yield "photos", f"{inspection.photos:,}"
    if inspection.photos_on_disk:
        yield "photos on disk", _on_disk(inspection.photos_on_disk)
    yield "observations", _known(inspection.observations)
    yield "observers", _known(inspection.observers)
    taxa = inspection.taxa
    if taxa is not None and taxa.leaves is not None:
        yield "leaves", f"{taxa.leaves:,}, {taxa.with_photos:,} with photos: {counts(taxa.ranks)}"
        yield "taxa", f"{taxa.taxa:,}: {counts(taxa.all_ranks)}"
    elif taxa is not None:
        yield "taxa", f"{taxa.with_photos:,} with photos: {counts(taxa.ranks)}"
        yield "known taxa", f"{taxa.taxa:,}: {counts(taxa.all_ranks)}"
    else:
        yield "leaves" if inspection.format in SPLIT_FORMATS else "taxa", _UNKNOWN
    nameless = _UNKNOWN if inspection.format in SPLIT_FORMATS else "all rights reserved"
    yield "licences", counts(inspection.licenses, nameless) or _UNKNOWN
    if inspection.quality_grades:
        yield "quality", counts(inspection.quality_grades)
    places = inspection.places
    yield "places", f"{places.known:,} of {places.of:,}" if places else _UNKNOWN


def _known(count: int | None) -> str:
    return _UNKNOWN if count is None else f"{count:,}"


def _on_disk(disk: PhotosOnDisk) -> str:
    if disk.is_sample:
        text = f"{disk.found:,} of a sample of {disk.looked_at:,} (--all-photos looks for all)"
    else:
        text = f"{disk.found:,} of {disk.looked_at:,}"
    if not disk.missing_photo_ids:
        return text
    more = ", ..." if disk.looked_at - disk.found > len(disk.missing_photo_ids) else ""
    return f"{text}; missing: {', '.join(map(str, disk.missing_photo_ids))}{more}"


def _labelled(facts: Iterator[tuple[str, str]], width: int) -> Iterator[Line]:
    for label, text in facts:
        yield from _wrapped(text, width, f"  {label:<{_LABEL_WIDTH}}", "plain")


def _splits(inspection: Inspection) -> Iterator[Line]:
    if not inspection.splits:
        return
    rows = [("split", "photos", "observations", "leaves")]
    for split in inspection.splits:
        observations = "-" if split.observations is None else f"{split.observations:,}"
        rows.append((split.name, f"{split.photos:,}", observations, f"{split.taxa:,}"))
    yield Line("")
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for place, (name, *figures) in enumerate(rows):
        cells = "  ".join(f"{text:>{w}}" for text, w in zip(figures, widths[1:], strict=True))
        yield Line(f"  {name:<{widths[0]}}  {cells}", "heading" if place == 0 else "plain")


def _histogram(inspection: Inspection, width: int, blocks: bool) -> Iterator[Line]:
    spread = inspection.per_taxon
    if spread is None:
        return
    unit = "leaf" if inspection.format in SPLIT_FORMATS else "taxon"
    yield Line("")
    yield Line(f"Photos per {unit} (median {spread.median:,})", "heading")
    labels = [_range(bin_, "–" if blocks else "-") for bin_ in spread.bins]
    units = {"leaf": "leaves", "taxon": "taxa"}[unit]
    yield from _bars(labels, [bin_.taxa for bin_ in spread.bins], width, blocks, units)
    yield from _extremes("most", spread.most, width)
    yield from _extremes("least", spread.least, width)


def _years(inspection: Inspection, width: int, blocks: bool) -> Iterator[Line]:
    places = inspection.places
    if places is None or not places.years:
        return
    unit = "Photos" if inspection.observations is None else "Observations"
    earlier, years = places.years[:-_YEARS_SHOWN], places.years[-_YEARS_SHOWN:]
    labels = [str(year.name) for year in years]
    values = [year.count for year in years]
    if earlier:
        labels.insert(0, f"before {years[0].name}")
        values.insert(0, sum(year.count for year in earlier))
    yield Line("")
    yield Line(f"{unit} per year", "heading")
    yield from _bars(labels, values, width, blocks)


def _bars(
    labels: Sequence[str], values: Sequence[int], width: int, blocks: bool, unit: str = ""
) -> Iterator[Line]:
    label_width = max(map(len, labels))
    figures = [f"{value:,}" for value in values]
    figure_width = max(map(len, figures))
    bar_width = min(_MAX_BAR_WIDTH, width - label_width - figure_width - len(unit) - 8)
    for label, value, figure in zip(labels, values, figures, strict=True):
        drawn = bar(value, max(values), bar_width, blocks=blocks)
        text = f"  {label:>{label_width}}  {figure:>{figure_width}}  {drawn}"
        yield Line(text.rstrip())


def _range(bin_: Bin, dash: str) -> str:
    return f"{bin_.least:,}" if bin_.least == bin_.most else f"{bin_.least:,}{dash}{bin_.most:,}"


def _extremes(word: str, taxa: Sequence[TaxonPhotos], width: int) -> Iterator[Line]:
    names = [f"{taxon.name or taxon.taxon_id} {taxon.photos:,}" for taxon in taxa]
    text = ", ".join(name.replace(" ", _HARD_SPACE) for name in names)
    yield from _wrapped(text, width, f"  {word:<7}", "plain")


def _leaks(inspection: Inspection, width: int) -> Iterator[Line]:
    if not inspection.leaks:
        return
    yield Line("")
    yield Line("Leaks", "heading")
    for leak in inspection.leaks:
        unit, rest = leak.kind.split(" ", 1)
        unit = unit.removesuffix("s") if leak.count == 1 else unit
        yield Line(f"  {leak.count:,} {unit} {rest}", "note")
        for example in leak.examples:
            yield from _wrapped(example, width, "    ", "plain")


def _notes(inspection: Inspection, width: int) -> Iterator[Line]:
    if not inspection.notes:
        return
    yield Line("")
    yield Line("Notes", "heading")
    for note in inspection.notes:
        yield from _wrapped(note, width, "  - ", "note")


def _faults(inspection: Inspection, width: int) -> Iterator[Line]:
    yield Line("")
    if not inspection.faults:
        yield Line("No faults.", "heading")
        return
    total = sum(file.count for file in inspection.faults)
    yield Line(f"Faults: {total:,}. A run refuses them.", "heading")
    for file in inspection.faults:
        if file.path:
            yield Line(f"  {file.path}: {file.count:,}", "fault")
        for fault in file.faults:
            yield from _wrapped(fault, width, "    ", "fault")
        if file.count > len(file.faults):
            yield Line(f"    ... and {file.count - len(file.faults):,} more", "fault")
        if file.remedy:
            yield from _wrapped(file.remedy, width, "    ", "plain")


def _wrapped(text: str, width: int, indent: str, style: Style) -> Iterator[Line]:
    """Yields lines that hang below the end of `indent`."""
    for place, part in enumerate(_parts(text, width - len(indent))):
        yield Line((indent if place == 0 else " " * len(indent)) + part, style)


def _parts(text: str, width: int) -> list[str]:
    """Returns text cut into lines, never inside a command, so that commands can be copied."""
    whole = _CODE.sub(lambda match: match[0].replace(" ", _HARD_SPACE), text)
    parts = textwrap.wrap(whole, width, break_long_words=False, break_on_hyphens=False)
    return [part.replace(_HARD_SPACE, " ") for part in parts]
