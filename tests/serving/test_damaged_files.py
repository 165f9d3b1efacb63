"""A file that is damaged is its own trouble: its EXIF costs nothing, and it starts no program."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from aiohttp.test_utils import TestClient
from PIL import EpsImagePlugin, Image, ImageOps, JpegImagePlugin
from server_world import SIZE_PX, World, encoded, visit
from tiny_world import paint

from components.export_example_gen.photo_bytes import UnusablePhoto, check_photo
from schemas.errors import DataError
from schemas.upright import DAMAGE
from serving.answer import Unread
from serving.classify import open_classifier
from serving.classify_many import classify_many
from serving.prepare_file import prepare_bytes, prepare_file

ORIENTATION, WIDTH, RESOLUTION, MAKE = 0x0112, 0x0100, 0x011B, 0x010F
ASCII, SHORT, FLOAT = 2, 3, 11


def exif_of(*entries: tuple[int, int, int, int]) -> bytes:
    """A block of entries: tag, type, count, and the four bytes that hold the value."""
    body = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + body + bytes(16)


TURNED = (ORIENTATION, SHORT, 1, 6 << 16)
SOUND = exif_of(TURNED)
DAMAGED = {
    "struct.error": exif_of((WIDTH, ASCII, 4, 0x61626300), TURNED),
    "TypeError": exif_of(TURNED, (RESOLUTION, ASCII, 4, 0x61626300)),
    "AttributeError": exif_of((MAKE, FLOAT, 1, 0x3F800000), TURNED),
}
"""EXIF blocks that say how the photo was held and are broken elsewhere, by what Pillow's
`exif_transpose` raises."""

UNREADABLE = exif_of((ORIENTATION, ASCII, 4, 0x61626300))


def jpeg(exif: bytes) -> bytes:
    buffer = io.BytesIO()
    paint(40, 30).save(buffer, "JPEG", exif=exif, quality=95)
    return buffer.getvalue()


def prepared(content: bytes) -> np.ndarray:
    return prepare_bytes(content, SIZE_PX, name="photo", max_pixels=10_000)


@pytest.mark.parametrize("name", DAMAGED)
def test_a_photo_is_turned_upright_by_a_block_that_is_broken_elsewhere(name: str) -> None:
    with pytest.raises((struct.error, TypeError, AttributeError)):
        ImageOps.exif_transpose(Image.open(io.BytesIO(jpeg(DAMAGED[name]))))

    np.testing.assert_array_equal(prepared(jpeg(DAMAGED[name])), prepared(jpeg(SOUND)))


def test_a_photo_that_does_not_say_how_it_was_held_is_taken_as_stored() -> None:
    np.testing.assert_array_equal(prepared(jpeg(UNREADABLE)), prepared(jpeg(b"")))
    assert (prepared(jpeg(SOUND)) != prepared(jpeg(b""))).any()


@pytest.mark.parametrize("damage", DAMAGE)
def test_whatever_pillow_raises_is_the_photos_fault(
    damage: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(image: Image.Image) -> None:
        raise damage("out of order")

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load", fail)
    with pytest.raises(DataError, match=r"photo: cannot be read as a photo: .*out of order"):
        prepared(jpeg(SOUND))


def test_an_eps_by_the_name_of_a_photo_starts_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *given, **_: started.append("gs"))
    buffer = io.BytesIO()
    paint(40, 30).save(buffer, "EPS")
    path = tmp_path / "owl.jpg"
    path.write_bytes(buffer.getvalue())

    with pytest.raises(DataError, match="cannot identify image file"):
        prepare_file(path, SIZE_PX)
    with pytest.raises(UnusablePhoto, match=r"no picture: the file starts with b'%!PS-Adobe"):
        check_photo(buffer.getvalue(), max_pixels=10_000)

    assert not started


def test_damaged_exif_beside_a_good_photo_is_answered(tmp_path: Path) -> None:
    async def scenario(client: TestClient) -> None:
        form = aiohttp.FormData(default_to_multipart=True)
        for place, photo in enumerate([encoded("#ff0000"), *map(jpeg, DAMAGED.values())]):
            form.add_field("photo", photo, filename=f"{place}.jpg")
        response = await client.post("/classify", data=form)
        answer = await response.json()
        assert response.status == 200, answer
        assert [photo["error"] for photo in answer["photos"]] == [None] * 4

    visit(World(tmp_path).app(), scenario)


def test_damaged_exif_does_not_end_a_folder(bundle_dir: Path, tmp_path: Path) -> None:
    contents = [jpeg(SOUND), *map(jpeg, DAMAGED.values()), b"no photo"]
    paths = [str(tmp_path / f"{place}.jpg") for place in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        Path(path).write_bytes(content)

    results = list(classify_many(open_classifier(bundle_dir), paths))

    assert [isinstance(result, Unread) for result in results] == [False] * 4 + [True]
