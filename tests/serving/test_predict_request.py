"""Bodies of :predict, as TF Serving takes and refuses them."""

from __future__ import annotations

import base64
import json

import pytest

from serving.server.errors import RequestError
from serving.server.predict_request import parse_predict

PHOTOS = (b"\xff\xd8 one", b"two")
B64 = [{"b64": base64.b64encode(photo).decode()} for photo in PHOTOS]


def parse(document: object) -> object:
    return parse_predict(json.dumps(document).encode(), max_photos=2)


@pytest.mark.parametrize(
    ("document", "is_row"),
    [
        ({"instances": B64}, True),
        ({"instances": [{"image": value} for value in B64]}, True),
        ({"inputs": B64}, False),
        ({"inputs": {"image": B64}}, False),
    ],
)
def test_the_four_shapes(document: dict[str, object], is_row: bool) -> None:
    request = parse(document)

    assert request.photos == PHOTOS
    assert request.is_row is is_row
    assert request.signature == "serving_default"


def test_signature_may_be_named() -> None:
    assert parse({"signature_name": "embed", "instances": B64}).signature == "embed"
    assert parse({"signature_name": "", "instances": B64}).signature == "serving_default"


def test_base64_may_be_broken_into_lines_and_unpadded() -> None:
    text = base64.encodebytes(b"x" * 100).decode().rstrip("\n=")
    assert parse({"instances": [{"b64": text}]}).photos == (b"x" * 100,)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"{", "JSON Parse error: "),
        (b"[" * 100_000, "JSON Parse error: "),
        (b"[]", "JSON Value: [] Is not object"),
        (b"{}", "Missing 'inputs' or 'instances' key"),
        (b'{"instances": [], "inputs": []}', "Not formatted correctly expecting only one of"),
        (b'{"instances": []}', "No values in 'instances' array"),
        (b'{"instances": {"image": 1}}', "JSON Value: {\"image\": 1} Excepting 'instances'"),
        (b'{"instances": [{"photo": 1}]}', "keys must be equal to: image"),
        (b'{"instances": ["a", 5]}', "Failed to process element: 1 of 'instances' list. Error: "),
        (b'{"instances": [{"b64": "*"}]}', "Unable to base64 decode"),
        (b'{"instances": [{"b64": 5}]}', "not formatted correctly for base64 data"),
        (b'{"inputs": {"photo": []}}', "Missing named input: image in 'inputs' object."),
        (b'{"inputs": {"image": "x"}}', "image must be a list, a value a photo"),
        (b'{"instances": ["\\ud800"]}', "holds half a surrogate pair"),
        (b'{"inputs": {"image": ["x", "\\udfff"]}}', "holds half a surrogate pair"),
        (b'{"inputs": []}', "No values in 'inputs' array"),
        (b'{"signature_name": 5, "inputs": []}', "'signature_name' key must be a string value."),
        (
            b'{"signature_name": "evaluate", "inputs": ["x"]}',
            'Serving signature name: "evaluate" not found in signature def',
        ),
    ],
)
def test_refusals(body: bytes, message: str) -> None:
    with pytest.raises(RequestError) as error:
        parse_predict(body, max_photos=2)

    assert error.value.status == 400
    assert message in error.value.text


@pytest.mark.parametrize("document", [{"instances": [5] * 3}, {"inputs": {"image": [5] * 3}}])
def test_photos_are_counted_before_one_is_decoded(document: dict[str, object]) -> None:
    with pytest.raises(RequestError) as error:  # not that 5 is no photo
        parse(document)

    assert error.value.status == 413
    assert error.value.text.startswith("The request holds 3 photos. Allowed: 2.")
