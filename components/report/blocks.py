"""What a section of the page is made of: plain values, which one template turns into HTML.

The law: a block holds text, numbers and drawings, and no HTML of data; so sections are tested as
values, and what is escaped is decided in one place.

    Section("phone", "The phone", (Table("Variants", columns, rows), Text("Both were pushed.")))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what it shows.
        sort: number that a column is sorted by; None sorts by the text.
        drawing: shown after the text, and says nothing that the text of the row does not.
        mark: "good", "bad" or "".
    """

    text: str
    sort: float | None = None
    drawing: Markup | None = None
    mark: str = ""


@dataclass(frozen=True)
class Column:
    """Head of a column.

    Attributes:
        name: what stands in it; a column without one only draws what others say.
        numeric: whether cells are set to the right.
        drawing: shown in its place: a scale.
        wide: whether cells hold sentences, which want room.
    """

    name: str
    numeric: bool = False
    drawing: Markup | None = None
    wide: bool = False

    def classes(self, mark: str = "") -> str:
        """Returns the classes of a cell in this column, with its mark; "" for none."""
        named = {"number": self.numeric, "wide": self.wide, mark: bool(mark)}
        return " ".join(name for name, holds in named.items() if holds)


@dataclass(frozen=True)
class Table:
    """Rows under a head; the first cell of a row names it.

    Attributes:
        caption: what the rows are.
        columns: heads.
        rows: each with a cell a column.
        sortable: whether a click on a head sorts, and a field filters.
        note: below it.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    sortable: bool = False
    note: str = ""
    kind: str = "table"


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        text: of it.
        mark: "good", "bad" or "".
    """

    text: str
    mark: str = ""
    kind: str = "text"


@dataclass(frozen=True)
class Items:
    """A list.

    Attributes:
        items: each a line.
    """

    items: Sequence[str]
    kind: str = "items"


@dataclass(frozen=True)
class Fact:
    """A figure with a name.

    Attributes:
        name: what it is.
        value: large.
        notes: small, below, a line each.
    """

    name: str
    value: str
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Facts:
    """Figures side by side.

    Attributes:
        facts: the figures.
    """

    facts: Sequence[Fact]
    kind: str = "facts"


@dataclass(frozen=True)
class Chart:
    """A drawing with what it shows.

    Attributes:
        svg: with a title of its own, for those who do not see it.
        caption: what to look for.
    """

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Charts:
    """Drawings side by side.

    Attributes:
        charts: the drawings.
    """

    charts: Sequence[Chart]
    kind: str = "charts"


@dataclass(frozen=True)
class Photo:
    """A thumbnail.

    Attributes:
        source: of the picture, a data URI.
        alt: what it shows, in words.
        lines: below it.
    """

    source: str
    alt: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Photos:
    """Thumbnails side by side.

    Attributes:
        photos: the thumbnails.
    """

    photos: Sequence[Photo]
    kind: str = "photos"


@dataclass(frozen=True)
class Code:
    """Lines as they stand, folded away.

    Attributes:
        caption: what they are.
        text: the lines.
    """

    caption: str
    text: str
    kind: str = "code"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section.

    Attributes:
        text: of it.
    """

    text: str
    kind: str = "heading"


Block = Table | Text | Items | Facts | Charts | Photos | Code | Heading


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        name: of its anchor.
        title: its heading.
        blocks: its content.
    """

    name: str
    title: str
    blocks: Sequence[Block]
