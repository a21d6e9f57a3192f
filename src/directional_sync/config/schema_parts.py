"""The smallest pieces of the file: the base of its models, and the types of single values."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
)
from pydantic_core import PydanticCustomError

from directional_sync.config import durations
from directional_sync.core.schedule import BadSchedule, parse
from directional_sync.model.target import Catchup, Limit, Pause

TARGET_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
TARGET_NAME_MAX = 64
ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
DURATION_MAX_S = 7 * 86_400.0
_LIMIT_PATTERN = r"^[0-9]+(\.[0-9]+)? ?%( or [0-9]+)?$"


class Shown:
    """What the JSON schema says about a value whose validator it cannot see. (pydantic's own marker for this loads
    the whole schema generator, which only `dsync schema` needs.)"""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return dict(self._schema)


class Part(BaseModel):
    """One mapping of the file: nothing but the keys it knows, nothing but the types it names."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


def wrong(message: str, hint: str = "", code: str = "E-CONFIG") -> PydanticCustomError:
    """A mistake in a value, as a validator reports it."""
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint})


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = durations.seconds(value)
        except ValueError as error:
            raise wrong(str(error)) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong("a duration is text like 30s, 5m or 1h30m, or a number of seconds")
    if not 0 < value <= DURATION_MAX_S:
        raise wrong("a duration lies between 1s and 7d")
    return float(value)


def _size(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = durations.size(value)
        except ValueError as error:
            raise wrong(str(error)) from None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise wrong("a size is text like 500kB or 100MB, or a number of bytes")
    return value


def _limit(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Limit(None, value)
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?%(?: or ([0-9]+))?", value) if isinstance(value, str) else None
    if not found:
        raise wrong("a limit is a share, a count or both", 'write it like 10%, 50 or "10% or 50" (the stricter holds)')
    share = float(found.group(1)) / 100
    if not 0 < share <= 1:
        raise wrong("a share lies above 0% and up to 100%", "for no deletions at all write 0")
    return Limit(share, int(found.group(2)) if found.group(2) else None)


def _cron(value: str) -> str:
    try:
        parse(value)
    except BadSchedule as error:
        raise wrong(f"bad schedule: {error}", error.hint) from None
    return value.strip()


def _catchup(value: Any) -> Any:
    found = re.fullmatch(r"(once|skip)|all ?\(([1-9][0-9]{0,2})\)", value) if isinstance(value, str) else None
    if not found:
        raise wrong("what becomes of missed firings is once, skip or all(n)", "write it like once, skip or all(5)")
    return (Catchup(found[1]), 1) if found[1] else (Catchup.ALL, int(found[2]))


def _paused(value: Any) -> Any:
    if isinstance(value, bool):
        return Pause() if value else None
    if isinstance(value, str) and value.strip() and not re.search(r"[\x00-\x1f\x7f]", value):
        return Pause(value.strip())
    if not isinstance(value, dict) or not value or not value.keys() <= {"reason", "until"}:
        raise wrong("a pause is true, false, its reason in words, or `reason` and `until`", 'paused: "why"')
    pause = Pause(**{name: one for name, one in value.items() if isinstance(one, str)})
    if any(not isinstance(one, str) or re.search(r"[\x00-\x1f\x7f]", one) for one in value.values()):
        raise wrong("`reason` and `until` are one line of text each")
    try:
        valid = not pause.until or date.fromisoformat(pause.until).isoformat() == pause.until
    except ValueError:
        valid = False
    if not valid:
        raise wrong(f"{pause.until!r} is no date", "until: 2027-01-31, the last day on which it is paused")
    return pause


def _zone(value: str) -> str:
    from directional_sync.config import cron

    try:
        cron.zone(value)
    except ValueError as error:
        import difflib

        known = cron.zone_names()
        if not known:
            raise wrong("this machine has no time zone database", "install it: the package tzdata") from None
        near = difflib.get_close_matches(value, known, n=1, cutoff=0.6)
        raise wrong(
            str(error), f"did you mean {near[0]}?" if near else "use an IANA name like Europe/Brussels"
        ) from None
    return value


def _path(value: str) -> str:
    """What all paths and globs have in common: relative, forward, inside, and not git's own."""
    parts = value.rstrip("/").split("/")
    if not value:
        raise wrong("a path must not be empty")
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise wrong("a path must not hold control characters")
    if "\\" in value:
        raise wrong("a path has forward slashes", value.replace("\\", "/"))
    if value.startswith(("/", "~")) or re.match(r"[A-Za-z]:", value):
        raise wrong("a path is relative to the repository root", value.lstrip("/~") or "name a folder: docs/**")
    if ".." in parts:
        raise wrong("a path must not leave the repository: no `..`")
    if "." in parts or "" in parts:
        raise wrong("a path has no `.` and no empty part", "/".join(p for p in parts if p not in ("", ".")))
    if any(part.casefold() == ".git" for part in parts):
        raise wrong("`.git` belongs to git alone")
    return value


def _program(value: str) -> str:
    if value.startswith("-"):
        raise wrong("an entrypoint must not begin with a dash", "it is the path of a program in the repository")
    if re.search(r"[*?\[\]]", value):
        raise wrong("an entrypoint is one program, not a glob")
    _path(value)
    if re.search(r"\s-", value):
        raise wrong("an entrypoint is a path alone", "put its arguments under `args`")
    return value


def _one_line(value: str) -> str:
    if not value.strip() or re.search(r"[\x00-\x1f\x7f]", value):
        raise wrong("this must be one line of text, and not empty")
    return value


def _command(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise wrong("a command must not be empty")
    return value


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    Shown({"anyOf": [{"type": "string", "pattern": durations.DURATION_PATTERN}, {"type": "number"}]}),
]
Size = Annotated[
    int,
    BeforeValidator(_size),
    Shown({"anyOf": [{"type": "string", "pattern": durations.SIZE_PATTERN}, {"type": "integer"}]}),
]
MaxDelete = Annotated[
    Any,
    AfterValidator(_limit),
    Shown({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _LIMIT_PATTERN}]}),
]
Catching = Annotated[
    Any, AfterValidator(_catchup), Shown({"type": "string", "pattern": r"^(once|skip|all ?\([1-9][0-9]{0,2}\))$"})
]
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
Paused = Annotated[
    Any,
    AfterValidator(_paused),
    Shown(
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "string", "minLength": 1},
                {
                    "type": "object",
                    "properties": {
                        "reason": {"type": "string", "description": "Why, in words."},
                        "until": {"type": "string", "pattern": _DATE, "description": "The last day of the pause."},
                    },
                    "minProperties": 1,
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
Cron = Annotated[str, AfterValidator(_cron)]
Zone = Annotated[str, AfterValidator(_zone)]
Glob = Annotated[str, AfterValidator(_path)]
Program = Annotated[str, AfterValidator(_program)]
Line = Annotated[str, AfterValidator(_one_line)]
Command = Annotated[str, AfterValidator(_command)]
EnvName = Annotated[str, Field(pattern=ENV_NAME)]
Number = StrictInt | StrictFloat
ExitStatus = Annotated[int, Field(ge=0, le=255)]
