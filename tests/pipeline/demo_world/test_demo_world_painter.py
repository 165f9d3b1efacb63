from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pipeline.demo_world.geometry import Ellipsoid, View, cast, view_of
from pipeline.demo_world.jpeg import encode
from pipeline.demo_world.marks import Pronotum, Suture
from pipeline.demo_world.noise import sample, tile
from pipeline.demo_world.painter import Subject, paint_photo, paint_upright
from pipeline.demo_world.scene import GROUNDS, Meeting, Shot, draw_meeting, draw_shot
from pipeline.demo_world.species import catalogue
from pipeline.demo_world.texture import elytra_texture, pronotum_texture

SPECIES = catalogue(24)
SUBJECT = Subject(observation_id=77, marks=SPECIES[0].forms[0], breadth=1.0)
STRAIGHT = View(np.eye(3), np.eye(3), 50.0, (80.0, 60.0))


def clear_shot(meeting: Meeting, **changes: object) -> Shot:
    """A shot in which nothing stands between the camera and the beetle."""
    shot = draw_shot(0, 5, (320, 320), meeting)
    calm = replace(shot, blades=0, leaf_edge=False, grain=0.5, motion=0.0, tilt_rad=0.0)
    return replace(calm, **changes)  # type: ignore[arg-type]


def test_a_photo_is_its_ids_and_nothing_else() -> None:
    args = {"seed": 3, "subject": SUBJECT, "photo_id": 9, "size_px": (96, 160)}
    first = paint_photo(**args)  # type: ignore[arg-type]
    paint_photo(seed=3, subject=SUBJECT, photo_id=10, size_px=(96, 160))
    assert paint_photo(**args) == first  # type: ignore[arg-type]
    assert paint_photo(seed=4, subject=SUBJECT, photo_id=9, size_px=(96, 160)) != first


@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
def test_a_stored_turn_is_undone_by_its_exif_tag(orientation: int | None) -> None:
    upright = np.full((24, 40, 3), 90, np.uint8)
    upright[:8, :16] = (250, 40, 30)
    image = Image.open(io.BytesIO(encode(upright, 95, orientation)))
    assert image.getexif().get(0x0112) == orientation
    assert (image.size == (24, 40)) == (orientation in (5, 6, 7, 8))
    shown = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    assert shown.shape == upright.shape
    assert np.abs(shown - upright).mean() < 4


def test_a_meeting_keeps_its_beetle_in_all_its_photos() -> None:
    meeting = draw_meeting(0, 77)
    skin = elytra_texture(SUBJECT.marks, meeting, 128)
    assert np.array_equal(skin, elytra_texture(SUBJECT.marks, draw_meeting(0, 77), 128))
    assert not np.array_equal(skin, elytra_texture(SUBJECT.marks, draw_meeting(0, 78), 128))
    shots = [draw_shot(0, photo, (300, 2000), meeting) for photo in (1, 2)]
    assert shots[0].azimuth_rad != shots[1].azimuth_rad


def test_shots_have_the_promised_spread() -> None:
    shots = [draw_shot(0, p, (300, 2000), draw_meeting(0, p)) for p in range(1500)]
    long_px = np.array([max(s.width_px, s.height_px) for s in shots])
    assert long_px.min() >= 300
    assert long_px.max() <= 2000
    assert 450 < np.median(long_px) < 800
    assert (long_px > 1150).mean() > 0.02
    assert 0.25 < np.mean([s.width_px < s.height_px for s in shots]) < 0.45
    assert {s.orientation for s in shots} == {None, *range(1, 9)}
    assert 0.04 < np.mean([s.orientation not in (None, 1) for s in shots]) < 0.10
    assert all(55 <= s.jpeg_quality <= 95 for s in shots)
    assert all(0.35 <= s.fill <= 0.75 for s in shots)
    assert {draw_meeting(0, p).ground for p in range(200)} == set(GROUNDS)


def test_marks_show_on_the_skin() -> None:
    """Marks that differ paint skins that differ, all else equal."""
    meeting = draw_meeting(0, 1)
    forms = [form for species in SPECIES for form in species.forms]
    skins = [
        np.hstack([elytra_texture(f, meeting, 64), pronotum_texture(f, meeting, 64)]).tobytes()
        for f in forms
    ]
    assert len(set(skins)) == len(forms)
    marks = SPECIES[0].forms[0]
    broad = elytra_texture(replace(marks, suture=Suture.DARK), meeting, 128)
    fine = elytra_texture(marks, meeting, 128)
    assert broad[64, 60:68].mean() < fine[64, 60:68].mean()
    shields = {k: pronotum_texture(replace(marks, pronotum=k), meeting, 64) for k in Pronotum}
    assert shields[Pronotum.PLAIN].max() < 40 < shields[Pronotum.DISC].max()


def test_species_paint_different_photos_of_the_same_shot() -> None:
    meeting = draw_meeting(0, 77)
    shot = clear_shot(meeting)
    photos = [
        paint_upright(Subject(77, species.forms[0], species.width), meeting, shot).astype(int)
        for species in SPECIES[:6]
    ]
    for i, one in enumerate(photos):
        for two in photos[:i]:
            assert np.abs(one - two).max() > 60


def test_the_beetle_is_where_the_shot_puts_it() -> None:
    """A red beetle on a stem: red pixels gather round its place and span its length."""
    meeting = replace(draw_meeting(0, 77), ground="stem", light="overcast", warmth=0.0, hue=0.0)
    shot = clear_shot(
        meeting,
        width_px=320,
        height_px=240,
        offset=(0.1, -0.05),
        fill=0.5,
        azimuth_rad=math.pi / 2 - meeting.heading_rad,
        roll_rad=0.0,
        pitch_rad=0.0,
        lean_rad=0.0,
        exposure=1.0,
        tint=(1.0, 1.0, 1.0),
        saturation=1.0,
    )
    photo = paint_upright(SUBJECT, meeting, shot).astype(int)
    red = (photo[..., 0] > 90) & (photo[..., 0] > 2 * photo[..., 1])
    y, x = np.nonzero(red)
    assert abs(np.median(x) - (160 + 0.1 * 240)) < 10
    assert abs(np.median(y) - (120 - 0.05 * 240)) < 25
    assert 0.5 * 240 * 0.6 < np.ptp(y) < 0.5 * 240 * 1.1


@pytest.mark.parametrize("ground", sorted(set(GROUNDS)))
@pytest.mark.parametrize("light", ["sun", "overcast", "flash"])
def test_every_ground_is_painted_in_every_light(ground: str, light: str) -> None:
    meeting = replace(draw_meeting(0, 5), ground=ground, light=light)
    photo = paint_upright(SUBJECT, meeting, draw_shot(0, 6, (128, 128), meeting))
    assert photo.dtype == np.uint8
    assert photo.std() > 8


@pytest.mark.parametrize("size", [(32, 18), (18, 32), (1300, 400), (2000, 2000)])
def test_odd_sizes_come_out_as_asked(size: tuple[int, int]) -> None:
    meeting = draw_meeting(0, 5)
    shot = replace(draw_shot(0, 6, (300, 300), meeting), width_px=size[0], height_px=size[1])
    assert paint_upright(SUBJECT, meeting, shot).shape == (size[1], size[0], 3)


def test_rays_meet_a_dome_where_geometry_says() -> None:
    dome = Ellipsoid((0.0, 0.0, 0.0), (1.0, 0.8, 0.5))
    hit = cast(dome, STRAIGHT, 160, 120)
    assert hit is not None
    met = np.isfinite(hit.depth)
    area = math.pi * 1.0 * 0.8 * 50**2
    assert abs(met.sum() - area) < 0.02 * area
    assert hit.depth.max() == pytest.approx(0.5, abs=1e-3)  # straight from above: its height
    length = np.sqrt(sum(q[met] ** 2 for q in hit.q))
    assert np.allclose(length, 1.0, atol=1e-4)


def test_a_dome_outside_the_frame_is_not_met() -> None:
    dome = Ellipsoid((0.0, 0.0, 0.0), (1.0, 0.8, 0.5))
    assert cast(dome, replace(STRAIGHT, center_px=(-200.0, 60.0)), 160, 120) is None


def test_a_tilted_camera_foreshortens_the_ground() -> None:
    meeting = draw_meeting(0, 1)
    shot = clear_shot(meeting, tilt_rad=math.radians(60), roll_rad=0.0)
    linear = view_of(meeting, shot, 320, 240).ground()[:, :2]
    height = np.linalg.norm(linear[1])
    assert height == pytest.approx(np.linalg.norm(linear[0]) * 0.5, rel=1e-6)


def test_noise_is_seamless_and_moves_with_the_ground() -> None:
    field: NDArray[np.float32] = tile(1.1)
    assert field.mean() == pytest.approx(0, abs=1e-3)
    assert field.std() == pytest.approx(1, abs=1e-3)
    assert np.array_equal(field[:512, :512], field[512:, 512:])
    ground = np.array([[40.0, 0.0, 50.0], [0.0, -40.0, 40.0]])
    moved = ground + np.array([[0, 0, 7.0], [0, 0, 3.0]])
    here = sample(field, ground, (80, 100), 60.0, (10.0, 20.0))
    there = sample(field, moved, (80, 100), 60.0, (10.0, 20.0))
    assert np.allclose(here[:-3, :-7], there[3:, 7:], atol=0.05)
