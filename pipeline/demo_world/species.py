"""The catalogue of species: real genera, invented species, field marks that differ.

Law of the file: siblings share their colours and differ in one thing that wants a close look
(number, order or form of the spots, pronotum, suture), and no two species share all their marks.
The catalogue does not depend on the seed: species 7 looks the same in every demo world.

    catalogue(24)[0].name
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pipeline.demo_world.marks import FieldMarks, Pronotum, Shape, Suture
from schemas.errors import ConfigError

FEWEST_SPECIES = 6  # a triple, a pair and the genus that is a leaf
_BLOCK = 3  # siblings that come into the catalogue together


@dataclass(frozen=True)
class Genus:
    """A real genus and what its invented species have in common.

    Attributes:
        name: the genus.
        parent: name of the taxon above it.
        base: marks its species share unless a contrast says otherwise.
        width: breadth of the body as a share of its usual breadth.
        contrasts: names of the two entries of `_CONTRASTS` its two triples differ by.
    """

    name: str
    parent: str
    base: FieldMarks
    width: float
    contrasts: tuple[str, str]


@dataclass(frozen=True)
class Species:
    """A leaf of the demo world.

    Attributes:
        name: binomial, or the genus for the leaf that is one.
        genus: the genus it belongs to.
        forms: the field marks; more than one only for the genus leaf, whose photos were rolled
            up from several species.
        width: breadth of the body as a share of the usual breadth.
        is_genus: whether the leaf is the whole genus.
    """

    name: str
    genus: Genus
    forms: tuple[FieldMarks, ...]
    width: float
    is_genus: bool = False


# What the three siblings of a triple differ by.
_CONTRASTS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "count": (
        {"rows": (1, 1, 1), "scutellar": True},
        {"rows": (2, 2, 1)},
        {"rows": (2, 3, 2)},
    ),
    "fine_count": (
        {"rows": (3, 3, 2, 1)},
        {"rows": (3, 3, 3, 1)},
        {"rows": (3, 3, 3, 2)},
    ),
    "order_of_10": ({"rows": (2, 2, 1)}, {"rows": (1, 2, 2)}, {"rows": (2, 1, 2)}),
    "order_of_14": ({"rows": (2, 3, 2)}, {"rows": (3, 2, 2)}, {"rows": (1, 3, 3)}),
    "few": ({"rows": (1,)}, {"rows": (1, 1)}, {"rows": (1,), "shape": Shape.BAND}),
    "form_of_14": (
        {"rows": (2, 3, 2)},
        {"rows": (2, 3, 2), "shape": Shape.COMMA},
        {"rows": (2, 3, 2), "shape": Shape.BAND},
    ),
    "form_of_8": (
        {"rows": (1, 2, 1)},
        {"rows": (1, 2, 1), "shape": Shape.RING},
        {"rows": (1, 2, 1), "shape": Shape.COMMA},
    ),
    "pronotum": (
        {"rows": (3, 3, 2), "pronotum": Pronotum.M_MARK},
        {"rows": (3, 3, 2), "pronotum": Pronotum.DOTS},
        {"rows": (3, 3, 2), "pronotum": Pronotum.STRIPE},
    ),
    "suture": (
        {"rows": (2, 2, 2)},
        {"rows": (2, 2, 2), "suture": Suture.DARK},
        {"rows": (2, 2, 2), "suture": Suture.DARK, "pronotum": Pronotum.DOTS},
    ),
    "scutellar": (
        {"rows": (2, 2)},
        {"rows": (2, 2), "scutellar": True},
        {"rows": (2, 2), "scutellar": True, "suture": Suture.DARK},
    ),
}

_COCCINELLINI, _COCCINELLINAE = "Coccinellini", "Coccinellinae"


def _genus(
    name: str,
    parent: str,
    colours: tuple[str, str],
    pronotum: Pronotum,
    width: float,
    contrasts: tuple[str, str],
) -> Genus:
    base = FieldMarks(elytra=colours[0], spots=colours[1], rows=(1,), pronotum=pronotum)
    return Genus(name, parent, base, width, contrasts)


_P = Pronotum
# In the order in which they come into a demo world: colours and tribes mixed, so that 24 species
# already hold most of them.
GENERA: tuple[Genus, ...] = (
    _genus("Coccinella", _COCCINELLINI, ("red", "black"), _P.CORNERS, 1.0, ("count", "form_of_8")),
    _genus("Scymnus", "Pullus", ("black", "red"), _P.CORNERS, 0.9, ("form_of_8", "suture")),
    _genus(
        "Propylea", _COCCINELLINI, ("yellow", "black"), _P.DISC, 0.94, ("form_of_14", "order_of_10")
    ),
    _genus(
        "Harmonia", _COCCINELLINI, ("orange", "black"), _P.DOTS, 1.02, ("pronotum", "fine_count")
    ),
    _genus(
        "Hyperaspis",
        "Hyperaspidini",
        ("black", "yellow"),
        _P.PLAIN,
        0.96,
        ("order_of_10", "form_of_8"),
    ),
    _genus("Epilachna", "Epilachnini", ("brick", "black"), _P.DISC, 1.03, ("fine_count", "suture")),
    _genus("Calvia", _COCCINELLINI, ("tan", "cream"), _P.DOTS, 1.0, ("order_of_14", "pronotum")),
    _genus("Coleomegilla", _COCCINELLINI, ("pink", "black"), _P.DISC, 0.84, ("suture", "count")),
    _genus("Adalia", _COCCINELLINI, ("red", "black"), _P.M_MARK, 0.95, ("few", "order_of_10")),
    _genus("Chilocorus", "Chilocorini", ("black", "red"), _P.PLAIN, 1.06, ("few", "scutellar")),
    _genus("Halyzia", _COCCINELLINI, ("orange", "cream"), _P.DISC, 1.0, ("count", "suture")),
    _genus("Anatis", _COCCINELLINI, ("brick", "black"), _P.M_MARK, 0.98, ("form_of_8", "pronotum")),
    _genus("Novius", "Noviini", ("red", "black"), _P.PLAIN, 0.98, ("scutellar", "suture")),
    _genus(
        "Hippodamia", _COCCINELLINI, ("orange", "black"), _P.STRIPE, 0.82, ("count", "form_of_8")
    ),
    _genus(
        "Brachiacantha",
        "Brachiacanthini",
        ("black", "yellow"),
        _P.CORNERS,
        0.98,
        ("count", "scutellar"),
    ),
    _genus("Oenopia", _COCCINELLINI, ("pink", "black"), _P.M_MARK, 0.96, ("few", "form_of_14")),
    _genus(
        "Coccinula", _COCCINELLINI, ("black", "yellow"), _P.M_MARK, 0.98, ("suture", "fine_count")
    ),
    _genus("Myrrha", _COCCINELLINI, ("brick", "cream"), _P.DISC, 0.95, ("form_of_14", "scutellar")),
    _genus(
        "Cheilomenes",
        _COCCINELLINI,
        ("orange", "black"),
        _P.CORNERS,
        1.0,
        ("scutellar", "order_of_14"),
    ),
    _genus("Anisosticta", _COCCINELLINI, ("yellow", "black"), _P.DOTS, 0.78, ("fine_count", "few")),
    _genus("Exochomus", "Chilocorini", ("red", "black"), _P.DISC, 1.02, ("form_of_8", "few")),
    _genus(
        "Henosepilachna",
        "Epilachnini",
        ("orange", "black"),
        _P.DISC,
        1.03,
        ("order_of_14", "order_of_10"),
    ),
    _genus("Myzia", _COCCINELLINI, ("tan", "cream"), _P.M_MARK, 0.96, ("form_of_14", "scutellar")),
    _genus("Micraspis", _COCCINELLINI, ("yellow", "black"), _P.M_MARK, 0.98, ("suture", "count")),
)

# Short of photos, so rolled up: the one leaf that is a genus. Its three forms stay in all_taxa.csv.
GENUS_LEAF = _genus(
    "Psyllobora", _COCCINELLINI, ("yellow", "cream"), _P.DOTS, 0.93, ("fine_count", "count")
)

MOST_SPECIES = 1 + 2 * _BLOCK * len(GENERA)

# Invented epithets are a first and a second half; 12 x 12 name every species once.
_EPITHET_STARTS = (
    *("novi", "clari", "fusci", "lati", "angusti", "auri"),
    *("tenui", "pallidi", "micri", "vari", "sericei", "dulci"),
)
_EPITHET_ENDS = (
    *("signata", "guttula", "fasciola", "punctula", "marginula", "picta"),
    *("notula", "cinctula", "scripta", "vittula", "sparsa", "maculina"),
)


def invented_epithet(number: int) -> str:
    """Returns the epithet of the species with this number, 0..143, no two alike."""
    starts, ends = len(_EPITHET_STARTS), len(_EPITHET_ENDS)
    start, turn = number % starts, number // starts
    return _EPITHET_STARTS[start] + _EPITHET_ENDS[(start * 5 + turn) % ends]


def _block(genus: Genus, number: int, turn: int) -> list[Species]:
    species = []
    for place, contrast in enumerate(_CONTRASTS[genus.contrasts[turn]]):
        epithet = invented_epithet((turn * len(GENERA) + number) * _BLOCK + place)
        marks = replace(genus.base, **contrast)
        species.append(Species(f"{genus.name} {epithet}", genus, (marks,), genus.width))
    return species


def _genus_leaf() -> Species:
    forms = tuple(
        replace(GENUS_LEAF.base, **change) for change in _CONTRASTS[GENUS_LEAF.contrasts[0]]
    )
    return Species(GENUS_LEAF.name, GENUS_LEAF, forms, GENUS_LEAF.width, is_genus=True)


def catalogue(species: int) -> tuple[Species, ...]:
    """Returns the first `species` leaves of the catalogue, the genus leaf last.

    Raises:
        ConfigError: if `species` is outside `FEWEST_SPECIES`..`MOST_SPECIES`.
    """
    if not FEWEST_SPECIES <= species <= MOST_SPECIES:
        raise ConfigError(
            f"species must be between {FEWEST_SPECIES} and {MOST_SPECIES}. Received: {species}."
        )
    leaves = [
        leaf
        for turn in range(2)
        for number, genus in enumerate(GENERA)
        for leaf in _block(genus, number, turn)
    ]
    return (*leaves[: species - 1], _genus_leaf())
