"""What is to be seen of photos in training, planned for many before one of them is decoded.

The law: a view is a function of its photo's size, its copy's size and its seed, and of nothing
else: not of the photos planned with it, nor of their number.

    sizes = PhotoSizes(heights_widths, small_heights_widths)
    plan = plan_views(seeds, sizes, image_size_px=128, augment=0.5)

Planned for 32 photos at once, this arithmetic costs a fraction of what it costs one by one: a graph
takes as long to start an operation as to carry it out on a few numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from components.photo_decode import DCT_RATIOS, scaled_crops
from components.progressive_trainer.augment import (
    ASPECT_DRAW,
    COLOUR_DRAWS,
    CROP_DRAWS,
    colour_moves,
    crop_aspect,
    sample_crops,
)

_DRAWS = CROP_DRAWS + COLOUR_DRAWS + 1


class PhotoSizes(NamedTuple):
    """Pixels of photos and of their small copies.

    Attributes:
        whole: int32 [B, 2], (height, width) of each photo.
        small: int32 [B, 2], of its small copy; (0, 0) where there is none.
    """

    whole: tf.Tensor
    small: tf.Tensor


class ViewPlan(NamedTuple):
    """One row a view.

    Attributes:
        decode: int32 [B], the index into DCT_RATIOS; len(DCT_RATIOS) more: of the small copy.
        crop: int32 [B, 4], (top, left, height, width) in the pixels of that decode.
        colours: float32 [B, 3, 3], see `augment.move_colours`.
        grey_share: float32 [B], see there.
        mirrors: bool [B], whether left and right are exchanged.
    """

    decode: tf.Tensor
    crop: tf.Tensor
    colours: tf.Tensor
    grey_share: tf.Tensor
    mirrors: tf.Tensor

    @property
    def from_copy(self) -> tf.Tensor:
        """Bool [B], whether the small copy is to be decoded."""
        return self.decode >= len(DCT_RATIOS)


def plan_views(
    seeds: tf.Tensor, sizes: PhotoSizes, *, image_size_px: int, augment: float
) -> ViewPlan:
    """Draws crop, flip and colours of each photo from its seed.

    Args:
        seeds: int64 [B, 2].
        sizes: of the photos.
        image_size_px: S.
        augment: strength, above 0 and up to 1.
    """

    def drawn(seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        draws = tf.random.stateless_uniform([_DRAWS], seed)
        return draws, crop_aspect(draws[ASPECT_DRAW], strength=augment)

    draws, aspects = tf.map_fn(
        drawn,
        seeds,
        fn_output_signature=(tf.TensorSpec([_DRAWS], tf.float32), tf.TensorSpec([], tf.float32)),
        parallel_iterations=1,
    )
    of_crop, of_colour, of_flip = tf.split(draws, [CROP_DRAWS, COLOUR_DRAWS, 1], axis=1)
    crops = sample_crops(sizes.whole, of_crop, aspects, strength=augment)
    from_copy, crops, decoded_sizes = smallest_covering(crops, sizes, image_size_px)
    index, crops = scaled_crops(crops, decoded_sizes, image_size_px)
    colours, grey_share = colour_moves(of_colour, strength=augment)
    return ViewPlan(
        decode=index + len(DCT_RATIOS) * tf.cast(from_copy, tf.int32),
        crop=crops,
        colours=colours,
        grey_share=grey_share,
        mirrors=of_flip[:, 0] < 0.5,
    )


def smallest_covering(
    crops: tf.Tensor, sizes: PhotoSizes, size_px: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns what to decode, the photos or their small copies, and the crops in its pixels.

    Args:
        crops: int32 [B, 4], (top, left, height, width) in the photos' pixels.
        sizes: of photos and copies.
        size_px: pixels wanted on a crop's shorter side; a copy is taken only if it has them.

    Returns:
        (bool [B], whether the copy; int32 [B, 4], the crops; int32 [B, 2], height and width of what
        is to be decoded).
    """
    scale = tf.cast(sizes.small / sizes.whole, tf.float32)
    begins, ends = (
        tf.cast(crops[:, :2], tf.float32),
        tf.cast(crops[:, :2] + crops[:, 2:], tf.float32),
    )
    # Edges are rounded, not sizes: each is within half a pixel of its place, and the last in range.
    begins, ends = (tf.cast(edges * scale + 0.5, tf.int32) for edges in (begins, ends))
    in_copy = tf.concat([begins, ends - begins], axis=1)
    # A copy that is not there has no pixels, and covers nothing.
    covers = tf.reduce_min(in_copy[:, 2:], axis=1) >= size_px
    chosen = covers[:, tf.newaxis]
    return covers, tf.where(chosen, in_copy, crops), tf.where(chosen, sizes.small, sizes.whole)
