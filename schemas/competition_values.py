"""Values in the objects of a competition's JSON, checked as they are taken out.

whole_number({"id": 12}, "id")            # 12
whole_number({"id": "12"}, "id")          # raises RowFault: id: is not a whole number ...
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.row_cells import RowFault

_LARGEST_ID = 2**63 - 1
_SHOWN_CHARACTERS = 120


def as_object(item: object) -> Mapping[str, Any]:
    """Returns an item of an array as an object with keys.

    Raises:
        RowFault: if it is none.
    """
    if not isinstance(item, dict):
        raise RowFault(None, f"is not an object. Received: {shown(item)}.")
    return item


def whole_number(item: Mapping[str, Any], key: str) -> int:
    """Returns an id, 0 or more; 12.0, as some writers put it, is 12.

    Raises:
        RowFault: if the key is missing or holds anything else.
    """
    value = _present(item, key)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value <= _LARGEST_ID:
        raise RowFault(key, f"is not a whole number of 0 or more. Received: {shown(value)}.")
    return value


def text(item: Mapping[str, Any], key: str) -> str:
    """Returns a text that is not empty.

    Raises:
        RowFault: if the key is missing or holds anything else.
    """
    value = _present(item, key)
    if not isinstance(value, str) or not value.strip():
        raise RowFault(key, f"is not a text, or an empty one. Received: {shown(value)}.")
    return value


def optional_text(item: Mapping[str, Any], key: str) -> str | None:
    """Returns a text without blanks around it; None if it is missing, null or empty.

    Raises:
        RowFault: if the key holds anything else.
    """
    value = item.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RowFault(key, f"is not a text. Received: {shown(value)}.")
    return value.strip() or None


def name(item: Mapping[str, Any], key: str) -> str:
    """Returns the name of a taxon as `taxonomy.csv` can hold it, "" if it is missing or null.

    Veiled names are numbers in some files; commas part cells and are left out.

    Raises:
        RowFault: if the key holds neither text nor number.
    """
    value = item.get(key)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise RowFault(key, f"is not a name. Received: {shown(value)}.")
    return " ".join(str(value).replace(",", " ").split())


def shown(value: object) -> str:
    """Returns a value as an error shows it."""
    return repr(value)[:_SHOWN_CHARACTERS]


def _present(item: Mapping[str, Any], key: str) -> Any:
    if key not in item:
        raise RowFault(key, f"is missing. The object has: {', '.join(item) or 'nothing'}.")
    return item[key]
