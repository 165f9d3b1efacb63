"""The body of TF Serving's `:predict`, taken apart as TF Serving does.

Photos come as rows or as a column, named or bare, each as base64:

    {"instances": [{"b64": "..."}]}                 {"inputs": [{"b64": "..."}]}
    {"instances": [{"image": {"b64": "..."}}]}      {"inputs": {"image": [{"b64": "..."}]}}

and `signature_name` says what is wanted. Texts of errors begin as TF Serving's own.

    request = parse_predict(body, max_photos=32)
    request.signature, request.photos, request.is_row
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from serving.server.errors import RequestError, too_many
from serving.server.served_signatures import DEFAULT_SIGNATURE, INPUT, SERVED_SIGNATURES


@dataclass(frozen=True)
class PredictRequest:
    """What is asked.

    Attributes:
        signature: one of SERVED_SIGNATURES.
        photos: their bytes.
        is_row: whether the answer has a row a photo, rather than a column an output.
    """

    signature: str
    photos: tuple[bytes, ...]
    is_row: bool


def parse_predict(body: bytes, *, max_photos: int) -> PredictRequest:
    """Returns the request of a body.

    Args:
        body: JSON.
        max_photos: most photos; of more none is decoded.

    Raises:
        RequestError: 400, saying what is wrong with it, or 413.
    """
    document = _document(body)
    signature = _signature(document)
    if "instances" in document and "inputs" in document:
        raise _bad(
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"
        )
    if "instances" in document:
        return PredictRequest(signature, _rows(document["instances"], max_photos), is_row=True)
    if "inputs" in document:
        return PredictRequest(signature, _column(document["inputs"], max_photos), is_row=False)
    raise _bad("Missing 'inputs' or 'instances' key")


def _document(body: bytes) -> dict[str, Any]:
    if not body:
        raise _bad("JSON Parse error: The document is empty")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _bad(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise _bad(f"JSON Value: {_shown(document)} Is not object")
    return document


def _signature(document: dict[str, Any]) -> str:
    name = document.get("signature_name", DEFAULT_SIGNATURE) or DEFAULT_SIGNATURE
    if not isinstance(name, str):
        raise _bad("not formatted correctly. 'signature_name' key must be a string value.")
    if name not in SERVED_SIGNATURES:
        raise _bad(
            f'Serving signature name: "{name}" not found in signature def. Allowed: '
            f"{', '.join(SERVED_SIGNATURES)}."
        )
    return name


def _rows(instances: Any, max_photos: int) -> tuple[bytes, ...]:
    if not isinstance(instances, list):
        raise _bad(f"JSON Value: {_shown(instances)} Excepting 'instances' to be an list/array")
    if not instances:
        raise _bad("No values in 'instances' array")
    if len(instances) > max_photos:
        raise too_many(len(instances), max_photos)
    photos = []
    for place, row in enumerate(instances):
        try:
            photos.append(_photo(_unnamed(row)))
        except RequestError as error:
            raise _bad(
                f"Failed to process element: {place} of 'instances' list. Error: {error.text}"
            ) from error
    return tuple(photos)


def _unnamed(row: Any) -> Any:
    """The value of a row: `{"image": value}` or the value itself."""
    if not isinstance(row, dict) or set(row) == {"b64"}:
        return row
    if set(row) != {INPUT}:
        raise _bad(f"JSON object: {_shown(row)} keys must be equal to: {INPUT}")
    return row[INPUT]


def _column(inputs: Any, max_photos: int) -> tuple[bytes, ...]:
    if isinstance(inputs, dict) and set(inputs) != {"b64"}:
        if INPUT not in inputs:
            raise _bad(f"Missing named input: {INPUT} in 'inputs' object.")
        inputs = inputs[INPUT]
    if not isinstance(inputs, list):
        raise _bad(f"{INPUT} must be a list, a value a photo. Received: {_shown(inputs)}")
    if not inputs:
        raise _bad("No values in 'inputs' array")
    if len(inputs) > max_photos:
        raise too_many(len(inputs), max_photos)
    return tuple(_photo(value) for value in inputs)


def _photo(value: Any) -> bytes:
    if isinstance(value, str):  # TF Serving takes the text itself for the bytes
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise _bad(f"JSON Value: {_shown(value)} holds half a surrogate pair") from error
    if not isinstance(value, dict) or not isinstance(value.get("b64"), str) or len(value) != 1:
        raise _bad(f"JSON Value: {_shown(value)} not formatted correctly for base64 data")
    text = "".join(value["b64"].split())
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad("Unable to base64 decode") from error


def _bad(text: str) -> RequestError:
    return RequestError(400, text)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
