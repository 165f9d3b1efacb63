"""Files that real exports hold or an attacker might put there, and what becomes of each.

All are made here, small, the same each time. A photo that can be shown has `pixels`, what viewers
show before turning it upright; any other has the reason that it is set aside with.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

MAX_PIXELS = 50_000_000
SIZE = (90, 60)
ORIENTATION_TAG = 0x0112


@dataclass(frozen=True)
class Hostile:
    """A file and its verdict.

    Attributes:
        data: its bytes.
        pixels: uint8 [h, w, 3] expected of the record's JPEG; None if it is set aside.
        tolerance: largest mean difference from them that encoding anew may cost, 0..255; 0 where
            the file's own bytes are kept.
        reason: why it is set aside; "" for a photo.
        orientation: that the record says.
    """

    data: bytes
    pixels: npt.NDArray[np.uint8] | None = None
    tolerance: float = 0
    reason: str = ""
    orientation: int = 1


def hostile_photos() -> dict[str, Hostile]:
    """Returns all of them by name."""
    return {**_sound_jpegs(), **_oriented(), **_to_encode_anew(), **_not_usable()}


def scene(size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture without symmetry: no turning or mirroring of it looks like another."""
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    pixels = np.stack([200 * x + 20, 120 * y + 60, 220 - 90 * x - 90 * y], axis=-1)
    pixels[: size[1] // 3, : size[0] // 4] = (240, 230, 40)
    return Image.fromarray(pixels.astype(np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """Returns a picture as a file of some format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def shown(data: bytes) -> npt.NDArray[np.uint8]:
    """Returns uint8 [h, w, 3]: what a viewer shows of a JPEG, not turned."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def exif_block(orientation: int) -> bytes:
    """Returns an EXIF block with an orientation."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    return exif.tobytes()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Returns one chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """Returns a PNG of 1 bit a pixel with the chunks given."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + png_chunk(b"IEND", b"")


def png_of_zeros(width: int, height: int) -> bytes:
    """Returns a black PNG, a thousandth of the size that it unpacks to."""
    packer = zlib.compressobj(9)
    line = bytes(1 + (width + 7) // 8)
    body = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    return png(width, height, png_chunk(b"IDAT", body))


def jpeg_claiming(width: int, height: int) -> bytes:
    """Returns a JPEG whose header claims a size that its data does not have."""
    data = bytearray(encoded(scene()))
    start_of_frame = data.index(b"\xff\xc0")
    data[start_of_frame + 5 : start_of_frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def placeholder() -> bytes:
    """Returns a grey tile with a mark, as servers send for a photo that was taken down."""
    tile = np.full((75, 75, 3), 220, np.uint8)
    tile[30:45, 20:55] = 150
    return encoded(Image.fromarray(tile))


def _kept(data: bytes, orientation: int = 1) -> Hostile:
    return Hostile(data, shown(data), orientation=orientation)


def _sound_jpegs() -> dict[str, Hostile]:
    image = scene()
    jpeg = encoded(image)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    several = {"save_all": True, "append_images": [image.rotate(180)]}
    broken = {
        "nonsense": b"Exif\0\0nothing of the kind",
        "cut off": b"Exif\0\0MM\0*",
        "pointing beyond its end": b"Exif\0\0II*\0\xff\xff\xff\x7f",
        "claiming 65,535 entries": b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(12),
        "empty": b"Exif\0\0",
        "with a text for the orientation": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x05\0\0\0"
        + b"left" + bytes(4),
    }  # fmt: skip
    return {
        "baseline": _kept(jpeg),
        "progressive": _kept(encoded(image, progressive=True)),
        "greyscale": _kept(encoded(image.convert("L"))),
        "1 x 1": _kept(encoded(Image.new("RGB", (1, 1), (200, 30, 90)))),
        "trailing garbage": _kept(jpeg + b"<html>" * 5000),
        "multi-picture": _kept(encoded(image, "MPO", **several)),
        "ICC profile": _kept(encoded(image, icc_profile=profile)),
        "ICC profile of garbage": _kept(encoded(image, icc_profile=b"\xff\xd9" * 40_000)),
        "placeholder": _kept(placeholder()),
        **{f"EXIF {how}": _kept(encoded(image, exif=block)) for how, block in broken.items()},
    }


def _oriented() -> dict[str, Hostile]:
    return {
        f"EXIF orientation {n}": _kept(encoded(scene(), exif=exif_block(n)), n) for n in range(1, 9)
    }


def _to_encode_anew() -> dict[str, Hostile]:
    image = scene()
    pixels = np.asarray(image)
    grey = np.asarray(image.convert("L"))
    deep = (grey.astype(np.uint16) << 8) + 128
    frames = {"save_all": True, "append_images": [image.rotate(180)], "loop": 0}
    palette = Image.new("P", SIZE, 1)
    palette.putpalette([0, 0, 0, 230, 120, 40])
    half = np.array([230, 120, 40]) * 128 / 255 + 127
    over_white = np.broadcast_to(np.round(half).astype(np.uint8), (*SIZE[::-1], 3))
    reduced = np.asarray(image.quantize(256).convert("RGB"))
    bomb = png_chunk(b"IDAT", zlib.compress(bytes(1 + 1) * 8 + bytes(50_000_000)))
    return {
        "CMYK": Hostile(encoded(image.convert("CMYK"), quality=95), pixels, 4),
        "PNG named .jpg": Hostile(encoded(image, "PNG"), pixels, 4),
        "GIF named .jpg": Hostile(encoded(image, "GIF"), reduced, 8),
        "WebP named .jpg": Hostile(encoded(image, "WEBP", quality=95), pixels, 8),
        "animated GIF": Hostile(encoded(image, "GIF", **frames), reduced, 8),
        "16-bit PNG": Hostile(encoded(Image.fromarray(deep), "PNG"), np.stack([grey] * 3, -1), 4),
        "palette with transparency": Hostile(
            encoded(palette, "PNG", transparency=bytes([255, 128])), over_white, 3
        ),
        "PNG turned by EXIF": Hostile(
            encoded(image, "PNG", exif=exif_block(6)), pixels, 4, orientation=6
        ),
        "PNG that unpacks to more than it shows": Hostile(
            png(8, 8, bomb), np.zeros((8, 8, 3), np.uint8), 3
        ),
    }


def _not_usable() -> dict[str, Hostile]:
    jpeg = encoded(scene())
    html = b"<!DOCTYPE html><html><body>429 Too Many Requests</body></html>"
    text = zlib.compress(bytes(80_000_000))
    reasons = {
        "half-cut": (
            encoded(scene((300, 200)), progressive=False)[:3000],
            "damaged: image file is truncated (",
        ),
        "cut before its end marker": (jpeg[:-2], "damaged: image file is truncated ("),
        "truncated header": (jpeg[:30], "damaged: Truncated File Read"),
        "start marker alone": (jpeg[:2], r"no picture: the file starts with b'\xff\xd8'"),
        "zero-byte": (b"", "the file is empty"),
        "zeros": (bytes(4096), f"no picture: the file starts with {bytes(12)!r}"),
        "HTML": (html, "no picture: the file starts with b'<!DOCTYPE ht'"),
        "JSON": (b'{"error":"gone"}', """no picture: the file starts with b'{"error":"go'"""),
        "12,000 x 12,000": (
            jpeg_claiming(12_000, 12_000),
            "12000 x 12000 is more pixels than the 50 million allowed",
        ),
        "bomb of 12,000 x 12,000": (
            png_of_zeros(12_000, 12_000),
            "12000 x 12000 is more pixels than the 50 million allowed",
        ),
        "65,000 x 65,000": (
            jpeg_claiming(65_000, 65_000),
            "more pixels than the 50 million allowed",
        ),
        "bomb in a comment": (
            png(8, 8, png_chunk(b"zTXt", b"Comment\0\0" + text), png_chunk(b"IDAT", b"")),
            "damaged: Decompressed data too large for PngImagePlugin.MAX_TEXT_CHUNK",
        ),
    }
    return {name: Hostile(data, reason=reason) for name, (data, reason) in reasons.items()}
