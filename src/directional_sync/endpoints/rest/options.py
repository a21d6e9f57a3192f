"""What can be said under `remote:` of a target that pulls a JSON list."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from directional_sync.endpoints.options import Options, accepted, wrong
from directional_sync.endpoints.rest import paths, templates
from directional_sync.upstream.paths import check_inside

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "if-none-match", "accept-encoding"})
_SECRET = frozenset(
    {
        "authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "apikey", "api_key", "x-auth-token",
        "private-token", "access_token", "auth_token", "token", "password", "passwd", "secret", "client_secret",
    }
)  # fmt: skip


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise wrong("this must be an http or https URL")
    if parts.fragment or re.search(r"[\x00-\x20\x7f]", value):
        raise wrong("a URL holds no fragment, blank or control character")
    if not value.isascii():
        raise wrong("a URL is ASCII: write other characters percent-encoded")
    return value


def _variable(value: str) -> str:
    if value and not _VARIABLE.fullmatch(value):
        raise wrong("this is the name of an environment variable, not a value: the name alone, without `$`")
    return value


def _one_line(name: str, value: str) -> None:
    if not value.isascii() or re.search(r"[\x00-\x1f\x7f]", value):
        raise wrong("`{name}` must be printable ASCII", name=name)


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not _HEADER.fullmatch(name) or name.lower() in _OURS:
            raise wrong("`{name}` is no header that can be set here", name=name)
        if name.lower() in _SECRET:
            raise wrong("`{name}` holds a secret: name its variable by `token`, its header by `auth`", name=name)
        _one_line(name, text)
    return value


def _query(value: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
    for name in value:
        if name.lower() in _SECRET:
            raise wrong("`{name}` would put a secret into a URL, where logs keep it: use `token`", name=name)
    return value


def _path(value: str) -> str:
    if value:
        accepted(lambda: paths.parse(value))
    return value


def _pattern(value: str) -> str:
    accepted(lambda: paths.parse(value, wildcards=True))
    return value


def _key(value: str) -> str:
    accepted(lambda: templates.template(value))
    return value


def _total(value: str | None) -> str | None:
    if value and value.lower().startswith("header:"):
        if not _HEADER.fullmatch(value.partition(":")[2].strip()):
            raise wrong("`header:` is followed by the name of a header")
    elif value:
        _path(value)
    return value


def _into(value: str) -> str:
    if value.count("{") != value.count("}") or re.findall(r"\{[^{}]*\}", value) not in ([], [templates.HOLE]):
        raise wrong("the only placeholder here is {hole}, once", hole=templates.HOLE)
    if not value.endswith(".json"):
        raise wrong("this is the path of a JSON document: it ends in .json")
    accepted(lambda: check_inside(value.replace(templates.HOLE, "key")))
    return value


Path = Annotated[str, AfterValidator(_path)]
Patterns = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], Field(strict=False)]
Paths = Annotated[tuple[Annotated[str, Field(min_length=1), AfterValidator(_path)], ...], Field(strict=False)]
Variable = Annotated[str, AfterValidator(_variable)]


class RestAuth(Options):
    """How the token is sent."""

    scheme: Literal["bearer", "basic", "header"] = Field(
        default="bearer",
        description="`bearer`: `Authorization: Bearer TOKEN`. `basic`: the token is a password. `header`: see `name`.",
    )
    name: str = Field(
        default="Authorization", description="With `header`: the name of the header.", pattern=f"^{_HEADER.pattern}$"
    )
    prefix: str = Field(default="", description='With `header`: what stands before the token, like "Token ".')
    user: str = Field(default="", description="With `basic`: the user.")

    @model_validator(mode="after")
    def _together(self) -> RestAuth:
        if self.user and self.scheme != "basic":
            raise wrong("`user` belongs to `scheme: basic`")
        if ":" in self.user:
            raise wrong("a user name holds no colon")
        if self.scheme != "header" and (self.prefix or self.name != "Authorization"):
            raise wrong("`name` and `prefix` belong to `scheme: header`")
        if self.name.lower() in _OURS:
            raise wrong("`{name}` is no header that can carry a credential", name=self.name)
        _one_line("prefix", self.prefix)
        _one_line("user", self.user)
        return self


class RestPagination(Options):
    """How the next page is asked for, and how the list ends."""

    style: Literal["auto", "none", "page", "offset", "cursor", "link", "next_url"] = Field(
        default="auto",
        description="`page`, `offset`: by counting. `cursor`: by what the answer names. `link`: the header Link. "
        "`next_url`: a URL in the answer. `none`: one answer. `auto`: as the first answer looks.",
    )
    param: str = Field(
        default="", description="The query parameter for the number, offset or cursor; by the style without it."
    )
    per_page: int = Field(
        default=100, ge=0, le=10_000, description="With `page`, `offset`: how many at once; 0 to not say it."
    )
    per_page_param: str = Field(
        default="", description="Its query parameter: `per_page` with `page`, `limit` with `offset`."
    )
    first: int = Field(default=1, ge=0, le=1, description="With `page`: the number of the first one.")
    next: Path = Field(
        default="", description="With `next_url`, `cursor`: the path of the URL or cursor in the answer."
    )
    more: Path = Field(default="", description="The path of true or false in the answer: whether more follows.")
    after: Path = Field(default="", description="With `cursor`: instead of `next`, a path in the last item, like `id`.")

    @model_validator(mode="after")
    def _together(self) -> RestPagination:
        counts = self.style in ("page", "offset")
        allowed = {
            "param": counts or self.style == "cursor",
            "per_page_param": counts,
            "next": self.style in ("next_url", "cursor"),
            "after": self.style == "cursor",
        }
        for key, fits in allowed.items():
            if getattr(self, key) and not fits:
                raise wrong("`{key}` means nothing with `style: {style}`", key=key, style=self.style)
        if self.next and self.after:
            raise wrong("`next` and `after` exclude each other")
        if self.after and not (self.more and self.param):
            raise wrong("`after` needs `param`, and `more`, which says where the list ends")
        return self


class RestOptions(Options):
    """`type: rest`: a paged JSON list of a service, as one document or one file per item."""

    url: Annotated[str, AfterValidator(_url)] = Field(description="Where the list is, or its first page.")
    token: Variable = Field("", description="The name of the variable that holds the credential.")
    auth: RestAuth = Field(RestAuth(), description="How the token is sent; as a bearer token without it.")
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(
        {}, description="Further headers of every question; no secrets."
    )
    query: Annotated[dict[str, str | int | bool], AfterValidator(_query)] = Field(
        {}, description="Query parameters of the first question, and of all that count; no secrets."
    )
    pagination: RestPagination = Field(RestPagination(), description="How the next page is asked for.")
    items: Path | None = Field(
        None, description='The path of the list in the answer; without it the only list there is. "" is the answer.'
    )
    total: Annotated[str | None, AfterValidator(_total)] = Field(
        None,
        description='The path of the number of all items, or `header:NAME`; "" when there is none. '
        "Without it looked for at the usual places.",
    )
    key: Annotated[str, AfterValidator(_key)] = Field(
        "id", description="What tells items apart: a path in the item, or a template like {owner.name}-{name}."
    )
    into: Annotated[str, AfterValidator(_into)] = Field(
        description="The document, or with `{key}` in it one for each item; ends in .json."
    )
    wrap: str | None = Field(
        None, description='In one document, the name under which the list stands; "" for the list alone.'
    )
    keep: Patterns = Field((), description="Only these parts of an item: paths, `*` for any name, `**` any depth.")
    drop: Patterns = Field((), description="Not these parts of an item; for what changes by itself, and for secrets.")
    unordered: Patterns = Field((), description="Lists in an item whose order means nothing; they are sorted.")
    require: Paths = Field((), description="Parts that every item must have; where one lacks them nothing is taken.")
    sort: Paths = Field((), description="What the items of one document are sorted by; then, or only, by their key.")
    read_twice: bool = Field(
        False, description="Read the list twice each time, and take it only when both readings are equal."
    )
    rate: float = Field(0.0, ge=0, le=1000, description="Questions per second at most; 0 for no limit of our own.")
    max_items: int = Field(100_000, ge=1, le=10_000_000, description="A longer list is refused.")
    max_bytes: int = Field(256_000_000, ge=1, description="Longer answers, all pages together, are refused.")

    @model_validator(mode="after")
    def _together(self) -> RestOptions:
        if templates.HOLE in self.into and (self.wrap is not None or self.sort):
            raise wrong("`wrap` and `sort` belong to one document, and `into` has {hole}", hole=templates.HOLE)
        if not self.token and self.auth != RestAuth():
            raise wrong("`auth` says how a token is sent, and no `token` is named")
        return self
