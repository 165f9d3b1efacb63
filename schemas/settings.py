"""The base of every config model: typed, frozen, and strict about keys.

A component owns its settings: it subclasses `Settings`, gives every field a description with its
unit, and the pipeline's config nests them. An unknown key or a value out of range is refused with
the path to it, what was allowed, what came, and a did-you-mean.

    class Loop(Settings):
        epochs: int = Field(4, ge=1, description="Passes over the training photos.")

    load_settings(Loop, {"epoch": 3}, source="loop.yaml")
    # ConfigError: loop.yaml: epoch: unknown setting. Allowed: epochs. Did you mean 'epochs'?
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from schemas.errors import ConfigError, did_you_mean


class Settings(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic takes true for 1: `head_rank: true` would be a head of rank 1."""
        field = cls.model_fields[str(info.field_name)]
        values = value if isinstance(value, (list, tuple)) else [value]
        if any(isinstance(each, bool) for each in values) and not _takes_bool(field.annotation):
            raise ValueError("Input should be a value, not true or false")
        return value


S = TypeVar("S", bound=Settings)


def load_settings(model: type[S], values: Mapping[str, Any], *, source: str) -> S:
    """Returns `values` checked against `model`.

    Args:
        model: the settings class.
        values: plain values as YAML gives them.
        source: where the values came from, for messages.

    Raises:
        ConfigError: one line for each fault: the setting, what was allowed, what came.
    """
    try:
        return model.model_validate(values)
    except pydantic.ValidationError as error:
        lines = [_line(model, fault) for fault in error.errors()]
        raise ConfigError("\n".join(f"{source}: {line}" for line in lines)) from error


def _line(model: type[Settings], fault: Any) -> str:
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        allowed = _fields_at(model, fault["loc"][:-1])
        hint = did_you_mean(str(fault["loc"][-1]), allowed)
        return f"{path}: unknown setting. Allowed: {', '.join(allowed)}.{hint}"
    if fault["type"] == "missing":
        return f"{path}: required, but not given."
    message = fault["msg"].removeprefix("Value error, ").removesuffix(".")
    if fault["type"] == "model_type":
        allowed = _fields_at(model, fault["loc"])
        message = f"takes settings of its own, such as {{{allowed[0]}: ...}}. Allowed: "
        message += ", ".join(allowed)
    if fault["type"] == "tuple_type":
        message = "takes a list of values, such as [first, last]"
    prefix = f"{path}: " if path else ""
    return f"{prefix}{message}. Received: {fault['input']!r}."


def _fields_at(model: type[Settings], location: Iterable[int | str]) -> list[str]:
    """Names of the settings allowed at a place inside `model`."""
    current: Any = model
    for part in location:
        if isinstance(part, int) or not _is_settings(current):
            continue
        field = current.model_fields.get(part)
        if field is not None:
            current = _settings_in(field.annotation) or current
    return list(current.model_fields) if _is_settings(current) else []


def _takes_bool(annotation: Any) -> bool:
    return annotation in (bool, Any) or any(map(_takes_bool, typing.get_args(annotation)))


def _is_settings(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Settings)


def _settings_in(annotation: Any) -> Any:
    """The settings class inside `X`, `X | None`, `tuple[X, ...]` and the like."""
    if _is_settings(annotation):
        return annotation
    if typing.get_origin(annotation) or isinstance(annotation, types.UnionType):
        for argument in typing.get_args(annotation):
            found = _settings_in(argument)
            if found is not None:
                return found
    return None
