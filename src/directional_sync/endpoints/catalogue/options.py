"""What can be said under `remote:` of a catalogue target."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from directional_sync.core import skills
from directional_sync.endpoints.catalogue.places import Via, check, via_of
from directional_sync.endpoints.options import Options, accepted, wrong
from directional_sync.upstream.addresses import check_ref
from directional_sync.upstream.paths import check_inside


def _inside(value: str) -> str:
    """A folder or file, "" for none; a slash at its end means nothing."""
    if value:
        accepted(lambda: check_inside(value))
    return value.rstrip("/")


def _ref(value: str) -> str:
    if value in ("", "HEAD"):
        return ""
    accepted(lambda: check_ref(value))
    return value


def _glob(value: str) -> str:
    if not value or "/" in value:
        raise wrong("a name of a skill, or a glob over names, like `pdf-*`")
    if not any(magic in value for magic in "*?[") and (why := skills.name_mistake(value)):
        raise wrong("{value} is no name of a skill: {why}", value=value, why=why)
    return value


def _versions(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if why := skills.name_mistake(name):
            raise wrong("{name} is no name of a skill: {why}", name=name, why=why)
    return value


Inside = Annotated[str, AfterValidator(_inside)]
Globs = Annotated[tuple[Annotated[str, AfterValidator(_glob)], ...], Field(strict=False)]
Hosts = Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$")], ...], Field(strict=False)]
Variable = Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")]


class CatalogueOptions(Options):
    """`type: catalogue`: skills that a catalogue document names, with their checksums."""

    url: str = Field(
        min_length=1,
        description="Where the catalogue is: the https address of its document (http for this machine only), the URL "
        "of a git repository, or a folder of this machine, absolute or relative to the root of this repository.",
    )
    via: Literal["auto", "http", "git", "folder"] = Field(
        "auto",
        description="How it is read. `auto`: addresses that end in .git, and ssh, are git; other addresses are http; "
        "everything else is a folder.",
    )
    ref: Annotated[str, AfterValidator(_ref)] = Field(
        "", description="With git: branch, tag, full ref or full commit id; without it HEAD's branch."
    )
    document: Annotated[Inside, Field(min_length=1)] = Field(
        "catalog.json", description="With git and folders: the document, by its path in there."
    )
    token: Variable = Field(
        "",
        description="With http: the name of the variable that holds the credential, which is sent as a bearer token to "
        "the host of `url` and to no other.",
    )
    hosts: Hosts = Field(
        (),
        description="With http: other hosts from which files may be taken, where the document or the host of `url` "
        "points to them. They get no credential.",
    )
    into: Inside = Field(
        "", description="The folder in which each skill gets a folder of its own; without it the root of `outputs`."
    )
    names: Globs = Field(
        ("*",),
        description="Which skills: names, or globs over names. A skill that is named in full and is not in the "
        "catalogue is a failure, and what is installed of it stays.",
    )
    exclude: Globs = Field((), description="Which skills not, though `names` has them.")
    versions: Annotated[dict[str, Annotated[str, Field(min_length=1)]], AfterValidator(_versions)] = Field(
        {},
        description="Skills of which only this version is taken, by name. Any other version, and other content under "
        "the same version, is a failure, and what is installed of it stays.",
    )
    max_size: Annotated[int, Field(ge=0)] = Field(
        20_000_000, description="How many bytes all files of one skill may have together; 0 is no limit."
    )
    concurrency: Annotated[int, Field(ge=1, le=32)] = Field(
        8, description="How many files are downloaded at the same time, 1 to 32."
    )

    @model_validator(mode="after")
    def _together(self) -> CatalogueOptions:
        via = via_of(self.url, self.via)
        accepted(lambda: check(self.url, via))
        for key, meant in (("ref", Via.GIT), ("token", Via.HTTP), ("hosts", Via.HTTP)):
            if getattr(self, key) and via is not meant:
                raise wrong(
                    "`{key}` is for a catalogue by {meant}, this one is read by {via}", key=key, meant=meant, via=via
                )
        return self
