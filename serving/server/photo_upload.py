"""The photos and wishes of a `POST /classify`.

A form (`multipart/form-data`) with one file or more, whatever their fields are called, or one photo
as the body itself (`image/*` or `application/octet-stream`). Wishes are fields of the form or of
the address:

| wish              | value                                                                   |
|-------------------|-------------------------------------------------------------------------|
| `top`             | leaves to name, 1..100; 5 by itself                                     |
| `common_ancestor` | `default` (genus to superfamily), `major` or `unrestricted`             |
| `calibrated`      | `true` to have scores put right by the model's temperature              |
| `lat`, `lng`      | where the photo was taken, in degrees                                   |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aiohttp import web

from schemas.errors import did_you_mean
from serving.rollup import DEFAULT, MAJOR_RANKS, UNRESTRICTED, AncestorRule
from serving.server.body import read_body, read_form
from serving.server.errors import RequestError

ANCESTOR_RULES: Mapping[str, AncestorRule] = MappingProxyType(
    {"default": DEFAULT, "major": MAJOR_RANKS, "unrestricted": UNRESTRICTED}
)
MAX_TOP = 100
WISHES = ("top", "common_ancestor", "calibrated", "lat", "lng")
_WORDS = {"true": True, "1": True, "false": False, "0": False, "": False}


@dataclass(frozen=True)
class Wishes:
    """How the answer shall be.

    Attributes:
        top: leaves to name.
        rule: of the common ancestor.
        calibrated: whether scores are put right by the model's temperature.
        place: latitude and longitude in degrees; None if not given.
    """

    top: int = 5
    rule: AncestorRule = DEFAULT
    calibrated: bool = False
    place: tuple[float, float] | None = None


@dataclass(frozen=True)
class Upload:
    """A request taken apart.

    Attributes:
        photos: name and bytes of each.
        wishes: how the answer shall be.
    """

    photos: tuple[tuple[str, bytes], ...]
    wishes: Wishes


async def read_upload(request: web.Request, *, allowed_secs: float) -> Upload:
    """Returns the photos and wishes of a request.

    Args:
        request: whose body has not been read.
        allowed_secs: how long the body may take to arrive.

    Raises:
        RequestError: 400, 408 or 415, saying what is wrong.
        web.HTTPRequestEntityTooLarge: if the body is larger than the app allows.
    """
    kind = request.content_type
    if kind == "multipart/form-data":
        return await _read_form(request, allowed_secs)
    if kind.startswith("image/") or kind == "application/octet-stream":
        photos = (("photo", await read_body(request, allowed_secs=allowed_secs)),)
        return Upload(photos, parse_wishes(dict(request.query)))
    raise RequestError(
        415,
        "Send the photo as a file of a form (multipart/form-data) or as the body itself (image/*). "
        f"Received: {kind}.",
    )


def parse_wishes(given: Mapping[str, str]) -> Wishes:
    """Returns the wishes that text fields express.

    Raises:
        RequestError: 400, naming the field.
    """
    for name in given:
        if name not in WISHES:
            raise RequestError(
                400,
                f"There is no field {_shown(name)}. Allowed: {', '.join(WISHES)}."
                f"{did_you_mean(name, WISHES)}",
            )
    return Wishes(
        top=_top(given.get("top", "5")),
        rule=ANCESTOR_RULES[_one_of("common_ancestor", given, ANCESTOR_RULES, "default")],
        calibrated=_WORDS[_one_of("calibrated", given, _WORDS, "false")],
        place=_place(given),
    )


async def _read_form(request: web.Request, allowed_secs: float) -> Upload:
    form = await read_form(request, allowed_secs=allowed_secs)
    photos, texts = [], dict(request.query)
    for field, value in form.items():
        if isinstance(value, web.FileField):
            photos.append((value.filename or field, value.file.read()))
        else:
            texts[field] = (
                value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
            )
    if not photos:
        raise RequestError(400, "The form holds no photo. Add one as a file: -F photo=@owl.jpg")
    return Upload(tuple(photos), parse_wishes(texts))


def _top(text: str) -> int:
    # Python refuses to read a number of thousands of digits.
    if text.isdecimal() and len(text) <= len(str(MAX_TOP)) and 1 <= int(text) <= MAX_TOP:
        return int(text)
    raise RequestError(400, f"top must be a whole number, 1..{MAX_TOP}. Received: {_shown(text)}.")


def _one_of(
    name: str, given: Mapping[str, str], allowed: Mapping[str, object], otherwise: str
) -> str:
    word = given.get(name, otherwise).lower()
    if word in allowed:
        return word
    words = ", ".join(word for word in allowed if word)
    raise RequestError(400, f"{name} must be one of {words}. Received: {_shown(word)}.")


def _place(given: Mapping[str, str]) -> tuple[float, float] | None:
    if not given.get("lat") and not given.get("lng"):
        return None
    return _degrees("lat", given, 90), _degrees("lng", given, 180)


def _degrees(name: str, given: Mapping[str, str], bound: int) -> float:
    text = given.get(name, "")
    try:
        degrees = float(text)
    except ValueError:
        degrees = float("nan")
    if not -bound <= degrees <= bound:
        raise RequestError(
            400,
            f"{name} must be a number of degrees, -{bound}..{bound}, and lat and lng go together. "
            f"Received: {_shown(text)}.",
        )
    return degrees


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
