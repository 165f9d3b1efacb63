"""What training sees of a stored photo: a crop, perhaps mirrored, in other colours.

A view is a pure function of the photo's bytes and a seed. It costs as little as it can:

1. Crop, flip and colours are drawn for many photos at once, before anything is decoded
   (`view_plan`).
2. Where the photo's small copy still has the crop at full size, it is decoded in the photo's
   place. The crop is the same, so whether there is a copy changes no more than the fine detail.
3. A crop that is larger than needed is decoded at the smallest DCT scale that covers it; any other
   is the only part of the photo that is decoded.
4. What is left of the way down is an average over areas, which is antialiased and takes a quarter
   of the time of TensorFlow's own antialiased filters; a small crop is enlarged bilinearly.
5. Colours move by one matrix, on the small picture, which is mirrored as bytes.

    photos = EncodedPhotos.of(jpegs, small_jpegs)
    views = TrainingViews(image_size_px=128, augment=0.5)
    plan = views.plan(seeds, photos.sizes_of(rows))
    images = views.decoded(photos.jpegs, rows, seeds, plan)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from components.photo_decode import decode_covering, decode_crop
from components.progressive_trainer.augment import move_colours
from components.progressive_trainer.rand_augment import rand_augment as rand_augment_photo
from components.progressive_trainer.view_plan import PhotoSizes, ViewPlan, plan_views
from serving.preprocess import square

NO_COPY = b""
"""Stands for the small copy of a photo that has none."""


class Jpegs(NamedTuple):
    """Photos as they are decoded.

    Attributes:
        images: string [R], JPEGs of transformed records.
        small: string [R], their small copies; NO_COPY where there is none.
    """

    images: tf.Tensor
    small: tf.Tensor


class EncodedPhotos(NamedTuple):
    """A table of photos in memory.

    Attributes:
        jpegs: the photos.
        sizes: their pixels.
    """

    jpegs: Jpegs
    sizes: PhotoSizes

    @classmethod
    def of(cls, images: tf.Tensor, small: tf.Tensor) -> EncodedPhotos:
        """Reads the sizes from the headers; both are string [R]."""

        def measured(row: tf.Tensor) -> PhotoSizes:
            copy = small[row]
            none = tf.equal(copy, NO_COPY)
            of_copy = tf.cond(none, lambda: tf.zeros([2], tf.int32), lambda: _size(copy))
            return PhotoSizes(_size(images[row]), of_copy)

        size = tf.TensorSpec([2], tf.int32)
        sizes = tf.map_fn(
            measured,
            tf.range(tf.size(images)),
            fn_output_signature=PhotoSizes(size, size),
            parallel_iterations=1,
        )
        return cls(Jpegs(images, small), sizes)

    def sizes_of(self, rows: tf.Tensor) -> PhotoSizes:
        """Returns the pixels of integer [B] rows."""
        return PhotoSizes(*(tf.gather(of, rows) for of in self.sizes))


def _size(jpeg: tf.Tensor) -> tf.Tensor:
    """Int32 [2], height and width."""
    return tf.io.extract_jpeg_shape(jpeg)[:2]


@dataclass(frozen=True)
class TrainingViews:
    """How the photos of a stage are seen: crop, flip and colour drawn from a seed each.

    Attributes:
        image_size_px: S.
        augment: strength, 0..1; at 0 the view is the one that evaluation sees.
        rand_augment: RandAugment's magnitude, 0 for none.
        transpose: probability, 0..1, that rows and columns change places: iNaturalist's Android app
            hands photos over so.
    """

    image_size_px: int
    augment: float
    rand_augment: float = 0.0
    transpose: float = 0.0

    def plan(self, seeds: tf.Tensor, sizes: PhotoSizes) -> ViewPlan | None:
        """Returns what is to be decoded of photos; None where evaluation's view is.

        Args:
            seeds: int64 [B, 2].
            sizes: of B photos.
        """
        if self.augment == 0:
            return None
        return plan_views(seeds, sizes, image_size_px=self.image_size_px, augment=self.augment)

    def decoded(
        self, jpegs: Jpegs, rows: tf.Tensor, seeds: tf.Tensor, plan: ViewPlan | None
    ) -> tf.Tensor:
        """Returns the views, uint8 [B, S, S, 3].

        Args:
            jpegs: photos and small copies; of each only what is planned to be decoded is looked at.
            rows: integer [B], which of them.
            seeds: int64 [B, 2], of which the plan was made.
            plan: of these views.
        """

        def view(of: tuple[Any, ...]) -> tf.Tensor:
            row, seed, *planned = of
            return self.view(jpegs, row, seed, planned[0] if planned else None)

        return tf.map_fn(
            view,
            (rows, seeds) if plan is None else (rows, seeds, plan),
            fn_output_signature=tf.TensorSpec(
                [self.image_size_px, self.image_size_px, 3], tf.uint8
            ),
            parallel_iterations=1,
        )

    def view(
        self, jpegs: Jpegs, row: tf.Tensor, seed: tf.Tensor, plan: ViewPlan | None
    ) -> tf.Tensor:
        """Returns one view as it was planned, uint8 [S, S, 3].

        Args:
            jpegs: photos and small copies.
            row: integer scalar, which of them.
            seed: int64 [2], of what is drawn beyond the plan.
            plan: a row of a plan (without its first dimension); None for evaluation's view.
        """
        if plan is None:
            image = square(
                decode_covering(tf.gather(jpegs.images, row), self.image_size_px),
                self.image_size_px,
            )
        else:
            part = decode_crop((jpegs.images, jpegs.small), row, plan.decode, plan.crop)
            image = resize_to_square(part, self.image_size_px)
            image = move_colours(image, plan.colours, plan.grey_share)
        if self.rand_augment > 0:
            image = tf.clip_by_value(mirrored(image, plan), 0.0, 255.0)
            image = to_uint8(rand_augment_photo(image, seed + 3, magnitude=self.rand_augment))
        else:
            image = mirrored(to_uint8(image), plan)
        if self.transpose > 0:
            drawn = tf.random.stateless_uniform([], seed + 4) < self.transpose
            image = tf.cond(drawn, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
        return image


def mirrored(image: tf.Tensor, plan: ViewPlan | None) -> tf.Tensor:
    """Returns the photo, left and right exchanged if so planned.

    Args:
        image: [H, W, 3]; as bytes it is a quarter of the work that it is as floats.
        plan: a row of a plan, or none.
    """
    if plan is None:
        return image
    # Flags in place of branches, of which a graph walks through the one that is not taken as well.
    return tf.raw_ops.Reverse(tensor=image, dims=tf.stack([False, plan.mirrors, False]))


def resize_to_square(image: tf.Tensor, size_px: int) -> tf.Tensor:
    """Returns float32 [S, S, 3]: the whole image, antialiased where it shrinks.

    Args:
        image: uint8 [h, w, 3].
        size_px: S.
    """
    size = [size_px, size_px]
    shape = tf.shape(image)
    resized = tf.cond(
        tf.minimum(shape[0], shape[1]) >= size_px,
        lambda: tf.image.resize(image, size, method="area"),
        lambda: tf.image.resize(image, size, method="bilinear"),
    )
    return tf.ensure_shape(resized, [size_px, size_px, 3])


def to_uint8(image: tf.Tensor) -> tf.Tensor:
    """Returns uint8 of the same shape: float32 rounded into 0..255."""
    # One pass over the pixels, where to add a half, to clip and to cast would be four.
    quantized = tf.raw_ops.QuantizeV2(input=image, min_range=0.0, max_range=255.0, T=tf.quint8)
    return tf.bitcast(quantized.output, tf.uint8)
