"""What can be said under `remote:` of a notion target."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from directional_sync.endpoints.notion.template import BadTemplate, parse
from directional_sync.endpoints.options import Options, wrong

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PLACE = re.compile(r"[^.\s]+(?:\.[^.\s]+)*\Z")
_PROPERTIES_MAX = 100


def _template(value: str) -> str:
    try:
        parse(value)
    except BadTemplate as error:
        raise wrong("{why}", why=str(error)) from None
    return value


def _key(value: str) -> str:
    if not parse(_template(value)).fields:
        raise wrong("every row would have the same external id; name a field in it, like {example}", example="{code}")
    return value


def _variable(value: str) -> str:
    if not _VARIABLE.match(value):
        raise wrong("this is the name of the variable that holds the token, not the token itself")
    return value


def _address(value: str) -> str:
    if not re.match(r"https?://[^/\s?#]+(?:/[^\s?#]*)?\Z", value):
        raise wrong("this is an https address without a query, like https://api.notion.com")
    return value.rstrip("/")


def _place(value: str) -> str:
    if value and not _PLACE.match(value):
        raise wrong("this is a place in a document: names with dots between them")
    return value


def _properties(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > _PROPERTIES_MAX:
        raise wrong("more than {most} properties", most=_PROPERTIES_MAX)
    return value


Template = Annotated[str, AfterValidator(_template)]
Place = Annotated[str, AfterValidator(_place)]
Kind = Literal[
    "title", "rich_text", "number", "select", "multi_select", "status", "date", "checkbox", "url", "email",
    "phone_number", "people", "relation",
]  # fmt: skip


class OwnedOptions(Options):
    """One property that the file owns."""

    value: Template | bool | int | float = Field(description="What it is to be: a template over the row's fields.")
    type: Kind | None = Field(
        None, description="The type that it must have in Notion; the run is refused when it has another."
    )


class NotionOptions(Options):
    """Rows of a Notion database, by external id."""

    url: Annotated[str, AfterValidator(_address)] = Field("https://api.notion.com", description="Where the API is.")
    token: Annotated[str, AfterValidator(_variable)] = Field(
        description="Name of the variable that holds the integration's token; only the endpoint sees it."
    )
    database: str = Field(
        min_length=1,
        description="The database: its id (32 hex digits, with or without dashes), its address, or the name of the "
        "variable that holds one of them, which `env` of the target lists.",
    )
    data_source: str = Field("", description="Name or id of the data source, for a database that has more than one.")
    rows: Place = Field(
        "",
        description="Where rows are in JSON and YAML documents: the dotted place of a list, like `tasks`. Plain values "
        "around it are fields of every row. Without it a document is one row, or a list of rows.",
    )
    key: Annotated[str, AfterValidator(_key)] = Field(
        "{id}",
        description="The external id of a row: a template over its fields. It must differ from row to row and stay "
        "the same from run to run.",
    )
    key_property: str = Field(
        "External ID", min_length=1, description="The property that holds the external id; a text property."
    )
    date: Template = Field(
        "", description="The date that `{yyyy}`, `{mm}` and `{dd}` are taken from: a template, like `{period}`."
    )
    properties: Annotated[dict[str, Template | bool | int | float | OwnedOptions], AfterValidator(_properties)] = Field(
        default_factory=dict,
        description="The properties that the file owns, by name: a template each, or a mapping with `value` and "
        "`type`. No other property is ever compared or written.",
    )
    checklist: Place = Field(
        "", description="The field with the checklist that a page gets when it is made, and only then: a list."
    )
    body: Place = Field(
        "", description="The field with the Markdown text that a page gets when it is made, and only then."
    )
    rate: float = Field(2.5, gt=0, le=100, description="How many requests a second may be sent.")
    settle: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="For how many seconds after a write a query may not show it yet. Only a row that is still missing "
        "after that is made again.",
    )
