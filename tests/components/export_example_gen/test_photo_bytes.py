from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from components.export_example_gen.photo_bytes import PhotoBytes, UnusablePhoto, check_photo

MAX_PIXELS = 1_000_000
ORANGE = (230, 120, 40)
SIZE = (90, 60)
COLOUR_TOLERANCE = 3


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noisy(size: tuple[int, int] = SIZE) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(pixels)


def oriented(orientation: int, kind: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(noisy(), kind, exif=exif)


def check(data: bytes) -> PhotoBytes:
    return check_photo(data, max_pixels=MAX_PIXELS)


def mean_colour(jpeg: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(jpeg)) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")
        return np.asarray(image, np.float64).mean(axis=(0, 1))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels: decoding it would fail as damaged."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT"


def half_transparent_palette() -> bytes:
    image = Image.new("P", SIZE, 1)
    image.putpalette([0, 0, 0, *ORANGE])
    return encoded(image, "PNG", transparency=bytes([255, 128]))


def transparent_gif() -> bytes:
    image = Image.new("P", SIZE, 1)
    image.putpalette([0, 0, 0, *ORANGE])
    return encoded(image, "GIF", transparency=1)


def cmyk() -> bytes:
    return encoded(Image.new("RGB", SIZE, ORANGE).convert("CMYK"), quality=95)


def sixteen_bit() -> bytes:
    return encoded(Image.fromarray(np.full((60, 90), 0x8000, np.uint16)), "PNG")


def half_over_white(channel: int) -> float:
    return channel * 128 / 255 + 255 * 127 / 255


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_that_decodes_keeps_its_very_bytes(mode: str, progressive: bool) -> None:
    data = encoded(noisy().convert(mode), progressive=progressive)

    photo = check(data)

    assert (photo.jpeg, photo.orientation) == (data, 1)


@pytest.mark.parametrize(
    ("make", "colour"),
    [
        pytest.param(cmyk, ORANGE, id="cmyk"),
        pytest.param(lambda: encoded(Image.new("RGB", SIZE, ORANGE), "PNG"), ORANGE, id="png"),
        pytest.param(lambda: encoded(Image.new("RGB", SIZE, ORANGE), "GIF"), ORANGE, id="gif"),
        pytest.param(lambda: encoded(Image.new("RGB", SIZE, ORANGE), "WEBP"), ORANGE, id="webp"),
        pytest.param(sixteen_bit, (128, 128, 128), id="16-bit png"),
        pytest.param(lambda: encoded(Image.new("1", SIZE, 1), "PNG"), (255, 255, 255), id="1 bit"),
        pytest.param(
            half_transparent_palette,
            tuple(half_over_white(channel) for channel in ORANGE),
            id="palette with alpha, laid on white",
        ),
        pytest.param(transparent_gif, (255, 255, 255), id="transparent gif"),
        pytest.param(
            lambda: encoded(Image.new("LA", SIZE, (40, 0)), "PNG"), (255, 255, 255), id="grey+alpha"
        ),
    ],
)
def test_other_picture_is_encoded_anew_as_rgb_jpeg_of_the_same_colour(
    make: Callable[[], bytes], colour: tuple[float, float, float]
) -> None:
    photo = check(make())

    assert mean_colour(photo.jpeg) == pytest.approx(colour, abs=COLOUR_TOLERANCE)
    with Image.open(io.BytesIO(photo.jpeg)) as image:
        assert image.size == SIZE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_read_whatever_the_format(orientation: int, kind: str) -> None:
    assert check(oriented(orientation, kind)).orientation == orientation


@pytest.mark.parametrize("reserved", [0, 9, 4242])
def test_reserved_orientation_counts_as_upright(reserved: int) -> None:
    assert check(oriented(reserved)).orientation == 1


def test_pixels_of_a_reencoded_photo_stay_as_stored() -> None:
    # Turning is Transform's; a photo turned here and there would lie on its side.
    with Image.open(io.BytesIO(check(oriented(6, "PNG")).jpeg)) as image:
        assert image.size == SIZE


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(
            b"<!DOCTYPE html><html>rate limit</html>",
            "no picture: the file starts with b'<!DOCTYPE ht'",
            id="html",
        ),
        pytest.param(b"\x00" * 500, f"no picture: the file starts with {bytes(12)!r}", id="zeros"),
        pytest.param(
            png_header(1001, 1000),
            "1001 x 1000 is more pixels than the 1 million allowed",
            id="a row too many, refused by its header",
        ),
        pytest.param(
            png_header(12_000, 10_000),
            "12000 x 10000 is more pixels than the 1 million allowed",
            id="where Pillow would warn",
        ),
        pytest.param(
            png_header(60_000, 60_000),
            "more pixels than the 1 million allowed",
            id="where Pillow would refuse",
        ),
    ],
)
def test_no_photo_gives_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnusablePhoto) as caught:
        check(data)

    assert str(caught.value) == reason


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_cut_off_photo_is_damaged(kind: str, share: float) -> None:
    data = encoded(noisy((300, 200)), kind)

    with pytest.raises(UnusablePhoto, match=r"^(damaged: |no picture: )"):
        check(data[: int(len(data) * share)])


def test_half_a_jpeg_says_that_it_is_truncated() -> None:
    data = encoded(noisy((300, 200)))

    with pytest.raises(UnusablePhoto, match=r"^damaged: image file is truncated \("):
        check(data[: len(data) // 2])


def test_photo_of_exactly_the_allowed_pixels_is_kept() -> None:
    data = encoded(noisy((50, 20)))

    assert check_photo(data, max_pixels=1000).jpeg == data
    with pytest.raises(UnusablePhoto, match=r"^50 x 20 is more pixels than the 0\.000999 million"):
        check_photo(data, max_pixels=999)


SOUND = {
    "jpeg": encoded(noisy()),
    "grey": encoded(noisy().convert("L")),
    "png": encoded(noisy(), "PNG"),
    "palette": half_transparent_palette(),
    "gif": transparent_gif(),
    "cmyk": cmyk(),
    "exif": oriented(6),
}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    name=st.sampled_from(sorted(SOUND)),
    spoil=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=4),
    cut=st.floats(0, 1),
)
def test_whatever_the_damage_there_is_a_photo_or_a_reason(
    name: str, spoil: list[tuple[float, bytes]], cut: float
) -> None:
    data = bytearray(SOUND[name])
    for place, patch in spoil:
        at = int(place * (len(data) - 1))
        data[at : at + len(patch)] = patch
    if cut > 0.5:
        del data[int(len(data) * cut) :]
    try:
        photo = check(bytes(data))
    except UnusablePhoto:
        return
    with Image.open(io.BytesIO(photo.jpeg)) as image:
        image.load()
        assert image.mode in ("RGB", "L")
        assert photo.orientation in range(1, 9)
