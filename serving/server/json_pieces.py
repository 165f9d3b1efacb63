"""JSON written piece by piece, so that a thread that writes millions of numbers lets others run.

`json.dumps` holds Python's lock until it is done, whatever thread it is in: of all scores of many
photos, seconds in which the server answers nobody.

Law: together the pieces are what `json.dumps` gives; none holds more than PIECE_VALUES of a list.

    "".join(json_pieces({"scores": [[0.1, 0.9], [0.7, 0.3]]}))
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

PIECE_VALUES = 4096


def json_pieces(value: Any) -> Iterator[str]:
    """Yields the text of a JSON-able value.

    Raises:
        ValueError: if a number is infinite or none, which JSON has no word for.
    """
    if isinstance(value, dict):
        yield "{"
        for place, (name, item) in enumerate(value.items()):
            yield f"{', ' if place else ''}{json.dumps(name)}: "
            yield from json_pieces(item)
        yield "}"
    elif isinstance(value, list) and len(value) > PIECE_VALUES and _is_flat(value):
        for start in range(0, len(value), PIECE_VALUES):
            part = json.dumps(value[start : start + PIECE_VALUES], allow_nan=False)
            yield f"{', ' if start else '['}{part[1:-1]}"
        yield "]"
    elif isinstance(value, list) and value and not _is_flat(value):
        yield "["
        for place, item in enumerate(value):
            if place:
                yield ", "
            yield from json_pieces(item)
        yield "]"
    else:
        yield json.dumps(value, allow_nan=False)


def _is_flat(values: list[Any]) -> bool:
    return not isinstance(values[0], (dict, list))
