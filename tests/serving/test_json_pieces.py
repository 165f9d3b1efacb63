from __future__ import annotations

import json

import pytest

from serving.server.json_pieces import PIECE_VALUES, json_pieces


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        [[]],
        {"outputs": {"scores": [[0.1, 2.5e-7], [1.0, 3.0]], "error": ["", "is émpty"]}},
        {"predictions": [{"scores": [1.0], "error": ""}, {"scores": [2.0], "error": "x"}]},
        [[1], 2, None, "\ud800"],
        {"scores": [[0.1] * (2 * PIECE_VALUES + 1), [0.2] * PIECE_VALUES, [0.3]]},
        {"model": {"name": "owl", "leaves": 5}, "location": None, "photos": [{"tree": []}]},
    ],
)
def test_pieces_are_together_what_json_makes_of_it(value: object) -> None:
    assert "".join(json_pieces(value)) == json.dumps(value)


def test_no_piece_holds_many_numbers() -> None:
    pieces = list(json_pieces({"outputs": {"scores": [[0.123456789] * 80_000] * 2}}))

    assert max(piece.count("0.") for piece in pieces) == PIECE_VALUES


def test_what_is_no_number_has_no_word() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        list(json_pieces({"scores": [[float("nan")]]}))
