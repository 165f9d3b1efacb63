"""WebP files put together by hand, chunk by chunk: sound, odd and broken ones.

`ANIMATED` are those that say in their header that they are animated, `OTHERS` those that do not.
"""

from __future__ import annotations

import io
import struct

from PIL import Image

WIDTH, HEIGHT = 37, 29
ANIMATION, ALPHA = 0x02, 0x10

Chunk = tuple[bytes, bytes]


def encoded(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", **options)
    return buffer.getvalue()


def chunk(tag: bytes, body: bytes) -> bytes:
    return tag + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    return chunk(b"RIFF", b"WEBP" + b"".join(chunks))


def header(flags: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + _three(width - 1) + _three(height - 1))


def frame(*chunks: bytes, left: int = 0, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    place = _three(left // 2) + _three(0) + _three(width - 1) + _three(height - 1)
    return chunk(b"ANMF", place + _three(100) + b"\0" + b"".join(chunks))


def chunks_of(webp: bytes) -> list[bytes]:
    found, place = [], 12
    while place + 8 <= len(webp):
        size = struct.unpack("<I", webp[place + 4 : place + 8])[0]
        found.append(webp[place : place + 8 + size + size % 2])
        place += len(found[-1])
    return found


def _three(number: int) -> bytes:
    return struct.pack("<I", number)[:3]


_RGB = Image.effect_noise((WIDTH, HEIGHT), 60).convert("RGB")
_RGBA = _RGB.convert("RGBA")
_RGBA.putalpha(Image.effect_noise((WIDTH, HEIGHT), 90))
_ANIM = chunk(b"ANIM", b"\xff\xff\xff\xff\0\0")
(_LOSSLESS,) = chunks_of(encoded(_RGB, lossless=True))
(_LOSSY,) = chunks_of(encoded(_RGB, quality=70))
_OF_ALPHA = [one for one in chunks_of(encoded(_RGBA, quality=70)) if one[:4] != b"VP8X"]
_LARGE = chunks_of(encoded(_RGB.resize((300, 200)), lossless=True))[0]

_BY_PILLOW = encoded(_RGB, save_all=True, append_images=[_RGB.rotate(180)], lossless=True)
_TRANSPARENT = riff(header(ANIMATION | ALPHA), _ANIM, frame(*_OF_ALPHA), frame(_LOSSLESS))

ANIMATED = {
    "written by Pillow": _BY_PILLOW,
    "one picture": riff(header(ANIMATION), _ANIM, frame(_LOSSY)),
    "transparent": _TRANSPARENT,
    "no pictures": riff(header(ANIMATION), _ANIM),
    "no ANIM": riff(header(ANIMATION), frame(_LOSSLESS)),
    "a still picture": riff(header(ANIMATION), _LOSSLESS),
    "canvas of a pixel": riff(header(ANIMATION, 1, 1), _ANIM, frame(_LOSSLESS)),
    "canvas too large": riff(header(ANIMATION, 900, 900), _ANIM, frame(_LOSSLESS)),
    "picture outside": riff(header(ANIMATION), _ANIM, frame(_LOSSLESS, left=30)),
    "picture larger than said": riff(header(ANIMATION), _ANIM, frame(_LARGE)),
    "picture larger than the canvas": riff(
        header(ANIMATION), _ANIM, frame(_LARGE, width=300, height=200)
    ),
    "all flags": riff(header(0xFF), _ANIM, frame(_LOSSLESS)),
    "size of 12": riff(chunk(b"VP8X", header(ANIMATION)[8:] + b"\0\0"), _ANIM, frame(_LOSSLESS)),
    "wrong size of all": b"RIFF\0\0\0\0" + _BY_PILLOW[8:],
    **{f"cut after {end}": _BY_PILLOW[:end] for end in (21, 22, 30, 31, 44, 52, 68, 100, 400)},
}

OTHERS = {
    "cut before the flags": _BY_PILLOW[:20],
    "ANIM without the flag": riff(header(0), _ANIM, frame(_LOSSLESS), frame(_LOSSLESS)),
    "ANIM without VP8X": riff(_ANIM, frame(_LOSSLESS)),
    "VP8X after another chunk": riff(chunk(b"JUNK", b"xxxx"), header(ANIMATION), _ANIM),
    "second VP8X": riff(header(0), header(ANIMATION), _ANIM, frame(_LOSSLESS)),
    "vp8x": riff(header(ANIMATION).replace(b"VP8X", b"vp8x"), _ANIM, frame(_LOSSLESS)),
    "ALPH without VP8X": riff(*_OF_ALPHA),
    "canvas too large, still": riff(header(0, 900, 900), _LOSSLESS),
    "canvas too small, still": riff(header(ALPHA, 5, 5), _LARGE),
}

STILL = {
    "lossless": riff(_LOSSLESS),
    "flag of transparency alone": riff(header(ALPHA), _LOSSLESS),
    "transparent": riff(header(0), *_OF_ALPHA),
    "ANIM before it": riff(header(0), _ANIM, frame(_LOSSY), _LOSSLESS),
    "ANMF after it": riff(header(0), _LOSSLESS, _ANIM, frame(_LOSSY)),
}
"""These are photos."""
