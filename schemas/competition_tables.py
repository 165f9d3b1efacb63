"""The small arrays of a competition's JSON: categories and licences, read whole.

categories = read_categories(json)      # in the order of their ids, which is that of the leaves
codes = read_licenses(json)             # {1: 'CC-BY-NC', ...}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.competition_json import CompetitionJson
from schemas.competition_taxonomy import RANKS, Category
from schemas.competition_values import as_object, name, optional_text, whole_number
from schemas.csv_rows import Problems
from schemas.errors import DataError
from schemas.licenses import license_code
from schemas.row_cells import RowFault

REMEDY = "Correct the object, or unpack the archive again. Rows are places in the array, from 0."

_DIFFERENCES_SHOWN = 5


def read_categories(json: CompetitionJson) -> tuple[Category, ...]:
    """Returns the categories in ascending order of id.

    Raises:
        DataError: with all faults: ids or names that are missing or stand twice; or no category.
    """
    problems = Problems(json.path)
    categories: dict[int, Category] = {}
    first_of_name: dict[tuple[object, ...], int] = {}
    for place, item in enumerate(json.items("categories")):
        try:
            category = _category(as_object(item))
            _check_double(category, categories, first_of_name)
        except RowFault as fault:
            problems.add(place, column("categories", fault.column), fault.problem)
            continue
        categories[category.category_id] = category
    problems.raise_if_any(REMEDY)
    if not categories:
        raise DataError(
            json.path,
            column="categories",
            problem="has no category, so there is nothing to train.",
            remedy=REMEDY,
        )
    return tuple(categories[category_id] for category_id in sorted(categories))


def check_same_categories(
    train: CompetitionJson,
    train_categories: Sequence[Category],
    val: CompetitionJson,
    val_categories: Sequence[Category],
) -> None:
    """Raises:
    DataError: if two files do not have the same categories, naming the first that differ.
    """
    ours = {category.category_id: category for category in train_categories}
    theirs = {category.category_id: category for category in val_categories}
    ids = sorted(ours.keys() | theirs.keys())
    different = [number for number in ids if ours.get(number) != theirs.get(number)]
    if not different:
        return
    lines = [
        f"{number}: {_words(theirs.get(number))} here, {_words(ours.get(number))} there"
        for number in different[:_DIFFERENCES_SHOWN]
    ]
    if len(different) > _DIFFERENCES_SHOWN:
        lines.append(f"and {len(different) - _DIFFERENCES_SHOWN:,} more")
    raise DataError(
        val.path,
        column="categories",
        problem=f"differ from those of {train.path.name}; {'; '.join(lines)}.",
        remedy="Take both files from one year, and replace veiled categories in both.",
    )


def read_licenses(json: CompetitionJson) -> dict[int, str]:
    """Returns iNaturalist's code ("CC-BY-NC") of each licence; the name where there is no code.

    Raises:
        DataError: with all faults.
    """
    problems = Problems(json.path)
    codes: dict[int, str] = {}
    for place, item in enumerate(json.items("licenses")):
        try:
            license = as_object(item)
            codes[whole_number(license, "id")] = license_code(
                optional_text(license, "name") or "", optional_text(license, "url") or ""
            )
        except RowFault as fault:
            problems.add(place, column("licenses", fault.column), fault.problem)
    problems.raise_if_any(REMEDY)
    return codes


def column(section: str, key: str | None) -> str:
    """Returns how errors name a key of an array's objects."""
    return f"{section}.{key}" if key else section


def _category(item: Mapping[str, Any]) -> Category:
    category_id = whole_number(item, "id")
    own = name(item, "name")
    if not own:
        raise RowFault("name", "is missing or empty.")
    ranks = tuple((rank, above) for rank in RANKS if (above := name(item, rank)))
    return Category(category_id, own, name(item, "supercategory"), ranks)


def _check_double(
    category: Category,
    categories: Mapping[int, Category],
    first_of_name: dict[tuple[object, ...], int],
) -> None:
    if category.category_id in categories:
        raise RowFault("id", f"{category.category_id} stands in the array already.")
    key = (category.name, category.supercategory, category.ranks)
    first = first_of_name.setdefault(key, category.category_id)
    if first != category.category_id:
        raise RowFault("name", f"{category.name!r} is the name of category {first} already.")


def _words(category: Category | None) -> str:
    if category is None:
        return "missing"
    above = ", ".join(taxon for _, taxon in category.ranks) or category.supercategory
    return f"{category.name!r}{f' ({above})' if above else ''}"
