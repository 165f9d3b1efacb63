"""A TFLite classifier of anybody's, asked for its outputs as it was converted: float or quantised.

Law: a quantised tensor holds real = scale x (integer - zero point); what goes in and what comes
out of here are real numbers, whatever the file holds.

    model = AnyTFLite("birds.tflite", num_labels=965, input_range="-1..1")
    outputs = model.scores(pixels)      # float32 [B, S, S, 3] of 0..255 -> float32 [B, 965]

Source of the arithmetic: LiteRT 8-bit quantization specification.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from schemas.errors import ConfigError, DataError

InputRange = Literal["0..255", "0..1", "-1..1"]
"""What black and white are to a network."""

INPUT_RANGES: tuple[InputRange, ...] = get_args(InputRange)

DEFAULT_RANGE: InputRange = "0..255"
"""Of a float input; what iNaturalist's apps feed."""

_ENDS: dict[InputRange, tuple[float, float]] = {
    "0..255": (0.0, 255.0),
    "0..1": (0.0, 1.0),
    "-1..1": (-1.0, 1.0),
}
_COLOURS = 3
_DTYPES = (np.float32, np.uint8, np.int8)


class AnyTFLite:
    """Runs a model, a photo at a time; not to be shared between threads.

    Attributes:
        image_size_px: S, side of the square that it takes.
        output_step: smallest difference between two outputs; 0 where they are float.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        num_labels: int,
        input_range: InputRange | None = None,
    ) -> None:
        """Loads a model.

        Args:
            path: of the `.tflite` file.
            num_labels: N, how many outputs there must be.
            input_range: what black and white are to the network. None: DEFAULT_RANGE of a float
                input; of a quantised one its whole range, which converters fit to the pixels.

        Raises:
            DataError: if it cannot be loaded, takes no photo, or has not N outputs.
            ConfigError: if its quantised input cannot hold the range.
        """
        self._path = Path(path)
        self._interpreter = load_interpreter(self._path)
        takes = self._interpreter.get_input_details()
        self._input = takes[0]
        self.image_size_px, self._colours_first = _photo_shape(self._path, takes)
        self._output = _output_of(self._path, self._interpreter.get_output_details(), num_labels)
        self.output_step = (
            0.0 if _is_float(self._output) else float(self._output["quantization"][0])
        )
        self._scale, self._shift = _pixel_line(self._path, self._input, input_range)

    def scores(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Returns float32 [B, N]: the outputs as real numbers, whatever they mean.

        Args:
            pixels: float32 [B, S, S, 3], RGB, 0..255.
        """
        rows = [self._one(photo) for photo in pixels]
        return np.stack(rows)

    def _one(self, photo: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        values = photo * self._scale + self._shift
        dtype = self._input["dtype"]
        if not _is_float(self._input):
            # Rounding may leave the range by one at either end.
            values = np.clip(np.rint(values), np.iinfo(dtype).min, np.iinfo(dtype).max)
        if self._colours_first:
            values = values.transpose(2, 0, 1)
        self._interpreter.set_tensor(self._input["index"], values[None].astype(dtype))
        self._interpreter.invoke()
        given = self._interpreter.get_tensor(self._output["index"]).reshape(-1)
        if _is_float(self._output):
            return given.astype(np.float32)
        scale, zero = self._output["quantization"]
        return ((given.astype(np.float32) - zero) * (scale or 1.0)).astype(np.float32)


def load_interpreter(path: Path) -> Interpreter:
    """Returns what runs a model, ready to.

    Raises:
        DataError: if the file cannot be read, or is no model that runs here.
    """
    try:
        interpreter = Interpreter(model_content=path.read_bytes())
        interpreter.allocate_tensors()
    except OSError as error:
        raise DataError(
            path, problem=f"cannot be read: {error.strerror}.", remedy="Give a .tflite file."
        ) from error
    except (ValueError, RuntimeError) as error:
        raise DataError(
            path,
            problem=f"is not a TFLite model that runs here: {error}.",
            remedy="Give a .tflite file that needs no operators but the built-in ones.",
        ) from error
    return interpreter


def _photo_shape(path: Path, takes: list[dict[str, Any]]) -> tuple[int, bool]:
    """Returns S, and whether the colours are the first axis and not the last."""
    shapes = [one["shape"].tolist() for one in takes]
    if len(takes) == 1 and takes[0]["dtype"] in _DTYPES:
        side = max(shapes[0])
        for shape in ([1, side, side, _COLOURS], [1, _COLOURS, side, side]):
            if shapes[0] == shape and side > 1:
                return side, shape[1] == _COLOURS != side
    received = [f"{one['dtype'].__name__} {one['shape'].tolist()}" for one in takes]
    raise DataError(
        path,
        problem="must take one photo: float32, uint8 or int8 [1, S, S, 3] or [1, 3, S, S]. "
        f"Received: {', '.join(received)}.",
        remedy="Convert it with a fixed, square input of one photo.",
    )


def _output_of(path: Path, gives: list[dict[str, Any]], num_labels: int) -> dict[str, Any]:
    """The output with a value for each label, the only one of that width."""
    widths = [int(np.prod(one["shape"])) for one in gives]
    fitting = [one for one in gives if int(np.prod(one["shape"])) == num_labels]
    if len(fitting) != 1:
        told = f"{widths[0]:,} outputs" if len(gives) == 1 else f"outputs of {widths} values"
        if len(fitting) > 1:
            told += ", of which several fit"
        hint = (
            " A model with a class for the background has one more than it has species; the label "
            "file needs a line for it."
            if num_labels + 1 in widths
            else ""
        )
        raise DataError(
            path,
            problem=f"has {told}, and the label file {num_labels:,} labels.",
            remedy=f"Give the label file of this model, a label for each output.{hint}",
        )
    (output,) = fitting
    if output["dtype"] not in _DTYPES:
        raise DataError(
            path,
            problem=f"must give float32, uint8 or int8. Received: {output['dtype'].__name__}.",
            remedy="Convert it with outputs of one of these.",
        )
    return output


def _pixel_line(
    path: Path, takes: dict[str, Any], input_range: InputRange | None
) -> tuple[float, float]:
    """Returns (scale, shift): pixel x scale + shift is what the tensor holds."""
    if _is_float(takes):
        low, high = _ENDS[input_range or DEFAULT_RANGE]
        return (high - low) / 255.0, low
    limits = np.iinfo(takes["dtype"])
    step, zero = takes["quantization"]
    if input_range is None or (input_range == DEFAULT_RANGE and not step):
        return 1.0, float(limits.min)
    low, high = _ENDS[input_range]
    held = [(limit - zero) * step for limit in (limits.min, limits.max)]
    if low < held[0] - 2 * step or high > held[1] + 2 * step:
        raise ConfigError(
            f"--input-range {input_range} does not fit {path}: its {takes['dtype'].__name__} input "
            f"holds {held[0]:.4g} to {held[1]:.4g}. Leave --input-range out: a quantised input "
            "takes the pixels over its whole range."
        )
    return (high - low) / 255.0 / step, low / step + zero


def _is_float(tensor: dict[str, Any]) -> bool:
    return bool(tensor["dtype"] == np.float32)
