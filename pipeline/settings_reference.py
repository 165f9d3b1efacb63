"""Every setting with its type, default and meaning, as Markdown: `docs/configuration.md`.

    python -m pipeline.settings_reference > docs/configuration.md

A test holds the page and the code together.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline.config import PipelineConfig, presets
from schemas.settings import Settings

INTRODUCTION = """\
# Configuration

A config is a YAML file, or one of the presets {presets}. A file may start from a preset with
`base: NAME` and give only what differs (a `schedule` replaces the preset's whole schedule);
`--set key=value` on the command line comes last. An unknown key is refused. The resolved config of
each run is saved beside its log.

This page is made from the code: `python -m pipeline.settings_reference > docs/configuration.md`.
"""


def reference() -> str:
    """Returns the whole page."""
    names = ", ".join(f"`{name}`" for name in presets())
    sections = [INTRODUCTION.format(presets=names)]
    for path, model in groups(PipelineConfig, ""):
        summary = (model.__doc__ or "").strip().splitlines()[0]
        sections.append(f"## {f'`{path}`' if path else 'Top level'}\n\n{summary}\n")
        sections.append("| setting | type | default | meaning |\n| --- | --- | --- | --- |")
        sections[-1] += "".join(
            f"\n{_row(path, name, field)}"
            for name, field in model.model_fields.items()
            if _group_in(field.annotation) is None
        )
        sections[-1] += "\n"
    return "\n".join(sections)


def groups(model: type[Settings], path: str) -> Iterator[tuple[str, type[Settings]]]:
    """Yields (dotted path, class) of a group of settings and of all groups inside it."""
    yield path, model
    for name, field in model.model_fields.items():
        inner = _group_in(field.annotation)
        if inner is not None:
            many = _MANY.get(typing.get_origin(_not_none(field.annotation)), "")
            yield from groups(inner, f"{path}.{name}".lstrip(".") + many)


_MANY = {tuple: "[]", dict: ".NAME"}
"""How a group is written of which there may be many."""


def _row(path: str, name: str, field: FieldInfo) -> str:
    kind = _type_name(field.annotation).replace("|", "\\|")
    meaning = (field.description or "").replace("\n", " ").replace("|", "\\|")
    key = f"{path}.{name}".lstrip(".")
    return f"| `{key}` | {kind} | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return f"`{json.dumps(field.default)}`"


def _type_name(annotation: Any) -> str:
    if annotation is type(None):
        return "null"
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type_name(arguments[0])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type_name(argument) for argument in arguments)
    if origin is dict:
        return f"{_type_name(arguments[1])} by {_type_name(arguments[0])}"
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"list of {_type_name(arguments[0])}"
        return f"[{', '.join(_type_name(argument) for argument in arguments)}]"
    return str(getattr(annotation, "__name__", annotation))


def _not_none(annotation: Any) -> Any:
    arguments = [a for a in typing.get_args(annotation) if a is not type(None)]
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return arguments[0] if is_union and len(arguments) == 1 else annotation


def _group_in(annotation: Any) -> type[Settings] | None:
    """The settings class in `X`, `X | None`, `tuple[X, ...]` or `dict[str, X]`."""
    inner = _not_none(annotation)
    if typing.get_origin(inner) is tuple:
        inner = typing.get_args(inner)[0]
    elif typing.get_origin(inner) is dict:
        inner = typing.get_args(inner)[1]
    return inner if isinstance(inner, type) and issubclass(inner, Settings) else None


if __name__ == "__main__":
    print(reference(), end="")
