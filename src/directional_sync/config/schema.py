"""The whole file as one model, and the JSON schema that editors complete it by."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from directional_sync import plugins
from directional_sync.config.schema_deliver import DeliverPart
from directional_sync.config.schema_parts import TARGET_NAME, TARGET_NAME_MAX, Part
from directional_sync.config.schema_safety import SafetyPart
from directional_sync.config.schema_target import DefaultsPart, TargetPart

VERSIONS = ("1.0",)

TargetName = Annotated[str, Field(pattern=TARGET_NAME, max_length=TARGET_NAME_MAX)]


class ConcurrencyPart(Part):
    """How many targets are looked at at the same time. They are carried out one after the other all the same."""

    targets: Annotated[int, Field(ge=1, le=64)] = Field(
        default=4,
        description="How many far sides are looked at at the same time, 1 to 64. With 1 a target is looked at when the "
        "one before is done. Default: 4.",
    )
    per_host: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1,
        description="How many of them on one host, 1 to 64. Default: 1.",
    )


class FilePart(Part):
    """The file."""

    version: str = Field(
        default="1.0",
        description='The version of this format: "1.0", in quotes.',
        json_schema_extra={"enum": list(VERSIONS)},
    )
    defaults: DefaultsPart | None = Field(
        default=None, description="What holds for every target that does not say otherwise."
    )
    targets: dict[TargetName, TargetPart] = Field(description="The flows, by name.", min_length=1)
    safety: SafetyPart | None = Field(default=None, description="Checks and limits for all targets.")
    concurrency: ConcurrencyPart = Field(
        default=ConcurrencyPart(), description="How many targets are looked at at the same time."
    )
    deliver: DeliverPart | None = Field(
        default=None, description="What becomes of a run's commits beyond this clone. Default: they stay here."
    )
    plugins: dict[str, Annotated[str, Field(pattern=r"^(sha256:)?[0-9a-f]{64}$")]] | None = Field(
        default=None,
        description="Packages by third parties that endpoints may come from: name -> sha256 of all that it has "
        "installed, as `dsync doctor` shows it. Default: none is ever loaded.",
    )
    notify: dict[str, Any] | None = Field(
        default=None, description="Who is told when something stops, begins to wait, or works again."
    )
    """Checked by a model of its own, which is loaded where there is such a section."""


def json_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of the file, with the options of the built-in endpoints."""
    schema = _tidied(FilePart.model_json_schema())
    remote, parts = _remote()
    schema["$defs"]["TargetPart"]["properties"]["remote"] |= remote
    schema["$defs"] |= parts
    section, parts = _notify()
    said = schema["properties"]["notify"]["description"]
    schema["properties"]["notify"] = {"$ref": "#/$defs/NotifyPart", "description": said}
    schema["$defs"] |= {**parts, "NotifyPart": section}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of directional-sync",
        **schema,
    }


def _remote() -> tuple[dict[str, Any], dict[str, Any]]:
    """`remote`, one shape for each type, and the parts that the shapes refer to."""
    shapes = []
    parts: dict[str, Any] = {}
    for name in plugins.builtin_types():
        model = plugins.options_model(name)
        options: dict[str, Any] = _tidied(model.model_json_schema()) if model is not None else {"type": "object"}
        parts |= options.pop("$defs", {})
        note = plugins.described(name)
        kind = {"const": name, "description": note}
        properties = {"type": kind, **options.get("properties", {})}
        shapes.append({**options, "properties": properties, "required": ["type", *options.get("required", [])]})
    return {"type": "object", "oneOf": shapes}, parts


def _notify() -> tuple[dict[str, Any], dict[str, Any]]:
    """`notify`, and the parts that it refers to."""
    from directional_sync.config.schema_notify import NotifyPart

    section: dict[str, Any] = _tidied(NotifyPart.model_json_schema())
    return section, section.pop("$defs", {})


def _tidied(schema: Any) -> Any:
    """Without the titles and nulls that are made up from Python names and types: noise in an editor."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {
        key: _tidied_each(value) if key in ("properties", "$defs") else _tidied(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
    }
    options = [option for option in found.get("anyOf", ()) if option != {"type": "null"}]
    if "anyOf" in found and len(options) == 1:
        del found["anyOf"]
        return {**options[0], **found}
    return {**found, "anyOf": options} if options else found


def _tidied_each(schemas: dict[str, Any]) -> dict[str, Any]:
    return {name: _tidied(schema) for name, schema in schemas.items()}


__all__ = ["VERSIONS", "FilePart", "json_schema"]
