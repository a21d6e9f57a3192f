"""What can be said under `remote:` of a target of sections."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from directional_sync.endpoints.options import Options, accepted, wrong
from directional_sync.upstream.paths import check_inside

_RANGE = re.compile(r"(0|[1-9][0-9]{0,2})-(0|[1-9][0-9]{0,2})\Z")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
_SAID = re.compile(r"[a-z][a-z0-9 _-]{0,63}\Z")
_BUILT_IN_NAMES = ("mcp_servers", "agents", "skills")


def _inside(value: str) -> str:
    accepted(lambda: check_inside(value))
    return value.rstrip("/")


def _document(value: str) -> str:
    if value and not value.lower().endswith((".md", ".markdown")):
        raise wrong("this must be a Markdown file, ending in .md")
    return _inside(value) if value else value


def _range(value: str) -> str:
    found = _RANGE.match(value)
    if value and (found is None or int(found[1]) > int(found[2])):
        raise wrong("this is a range of numbers, like 0-23")
    return value


def _place(value: str) -> str:
    if value.startswith("~"):
        raise wrong("`~` means nothing here: write $HOME{rest}", rest=value[1:])
    if value.startswith("/"):
        if re.search(r"[\x00-\x1f\x7f]", value) or ".." in value.split("/"):
            raise wrong("this must be a path without `..` and without control characters")
        return value.rstrip("/") or "/"
    return value if value.startswith("$") else _inside(value)


def _json(value: str) -> str:
    if not value.lower().endswith((".json", ".jsonc", ".json5")):
        raise wrong("this must be a JSON file, ending in .json")
    return _place(value)


Place = Annotated[str, AfterValidator(_place)]
SettingsFile = Annotated[str, AfterValidator(_json)]


class FieldOptions(Options):
    """One field of the entries."""

    key: str = Field(min_length=1, max_length=100, description="The key that holds it on the far side.")
    kind: Literal["text", "code", "list", "names"] = Field(
        "text",
        description="text: prose, white space within it means nothing; code: exactly these characters; list: several "
        "texts in order; names: the names of a mapping, whose values are never read.",
    )


def _fields(value: dict[str, FieldOptions]) -> dict[str, FieldOptions]:
    keys: dict[str, str] = {}
    for said, field in value.items():
        if not _SAID.match(said):
            raise wrong("`{said}` is no name of a field: small letters, digits, spaces, `_` and `-`", said=said)
        if field.key in keys:
            raise wrong(
                "`{one}` and `{other}` are both the key `{key}`, so nobody could say which of them it is",
                one=keys[field.key],
                other=said,
                key=field.key,
            )
        keys[field.key] = said
    return value


class PartOptions(Options):
    """One section, and what it is kept equal with: exactly one of `mcp_servers`, `agents`, `skills`, `settings`."""

    section: int = Field(ge=0, le=999, description="The number of the section.")
    mcp_servers: SettingsFile | None = Field(None, description="A settings file with the servers under `mcpServers`.")
    agents: Place | None = Field(None, description="A folder with one YAML (or Markdown) file for each agent.")
    skills: Place | None = Field(None, description="A folder with one folder for each skill, its SKILL.md in it.")
    settings: SettingsFile | None = Field(
        None, description="Any JSON file with one key for each entry; see `at` and `fields`."
    )
    at: str = Field(
        "",
        description='Of `settings`: the dotted place of the object that holds the entries; "" for the file as a whole.',
    )
    name: str = Field(
        "", description="What the part is called in keys and reports; by default what it is kept equal with."
    )
    text: str | None = Field(
        None,
        description="The key that the text behind an entry's name is. By default `description` of agents and "
        "skills; of others that text belongs to the document alone.",
    )
    fields: Annotated[dict[str, FieldOptions], AfterValidator(_fields)] | None = Field(
        None, description="Name in the document -> the far side's key. By default those of what it is kept equal with."
    )

    @model_validator(mode="after")
    def _one_far_side(self) -> PartOptions:
        given = [name for name in (*_BUILT_IN_NAMES, "settings") if getattr(self, name) is not None]
        if len(given) != 1:
            raise wrong("a part has exactly one of `mcp_servers`, `agents`, `skills` and `settings`")
        if self.settings is None and self.at:
            raise wrong("`at` belongs to `settings`")
        if self.settings is not None and not self.fields:
            raise wrong("`settings` needs `fields`: which keys of the far side an entry has in the document")
        if self.name and not _NAME.match(self.name):
            raise wrong("`name` has small letters, digits, `_` and `-`, and begins with a letter")
        if self.text and self.text in {field.key for field in (self.fields or {}).values()}:
            raise wrong("`text` is the key `{key}`, which stands in `fields` too", key=self.text)
        if "name" in {self.text, *(field.key for field in (self.fields or {}).values())} and self.settings is None:
            raise wrong("`name` is what an entry is found by, and no field of it")
        return self


def _parts(value: list[PartOptions]) -> list[PartOptions]:
    seen: dict[str, set[object]] = {"section": set(), "name": set()}
    for part in value:
        name = part.name or next(one for one in (*_BUILT_IN_NAMES, "settings") if getattr(part, one) is not None)
        for what, one in (("section", part.section), ("name", name)):
            if one in seen[what]:
                raise wrong("two parts have the {what} {one}", what=what, one=str(one))
            seen[what].add(one)
    return value


class SectionsOptions(Options):
    """Sections of a Markdown document, entry by entry."""

    document: Annotated[str, AfterValidator(_document)] = Field(
        min_length=1, description="The Markdown document, relative to the root of the repository."
    )
    sections: Annotated[str, AfterValidator(_range)] = Field(
        "", description="The numbers of the sections that must be there, each once: a range, like 0-23."
    )
    parts: Annotated[list[PartOptions], AfterValidator(_parts)] = Field(
        min_length=1, max_length=50, description="Which sections are kept equal with what."
    )
    if_missing: Literal["fail", "skip"] = Field(
        "fail",
        description="What it means that none of the files and folders outside of the repository exists on this "
        "machine: `fail`, since a disk may not be mounted, or `skip`: the target is left out here, as in CI, and "
        "nothing is taken for removed. Where only some of them are missing, those parts fail in any case.",
    )
    report: Annotated[str, AfterValidator(_document)] = Field(
        "", description='Where a run writes down what still differs, one line for each difference; "": nowhere.'
    )
