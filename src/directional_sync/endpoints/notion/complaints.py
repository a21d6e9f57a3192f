"""What goes wrong with a Notion database beside the service itself, as errors."""

from __future__ import annotations

from collections.abc import Sequence

from directional_sync.core.escape import one_line
from directional_sync.endpoints.notion.documents import Problem
from directional_sync.errors import CredentialError, InputError, RefusedError, RemoteError

KEPT = "nothing was written to Notion, and what the repository holds stays as it is"
_LISTED = 100


def broken_input(target: str, problems: Sequence[Problem]) -> InputError:
    """All of them at once."""
    ordered = sorted(problems, key=lambda problem: (problem.path, problem.line))
    first, left = ordered[0], len(ordered) - _LISTED
    return InputError(
        "E-NOTION-INPUT",
        f"{len(ordered)} {'mistake' if len(ordered) == 1 else 'mistakes'} in what {target} reads: "
        + one_line(str(first), 300),
        detail=[one_line(str(problem), 300) for problem in ordered[:_LISTED]]
        + ([f"and {left} more"] if left > 0 else []),
        place=f"{first.path}:{first.line}",
        kept=KEPT,
        hint=f"mend the lines above, then: dsync plan -t {target}",
    )


def unset(variable: str, what: str, target: str, place: str) -> CredentialError:
    """A variable that the target sees only where it is listed under `env`."""
    return CredentialError(
        "E-ENV-MISSING",
        f"{target} needs {variable}, {what}, which is not set or not handed to it",
        place=place,
        hint=f"set {variable} in the environment or in an ignored .env file, and list it under `env` of {target}",
        kept="nothing of this target was run",
    )


def no_database(reference: str, why: str, hint: str) -> RemoteError:
    """`reference`: how the file names it; never the id itself."""
    return RemoteError("E-NOTION-DATABASE", f"{reference}: {why}", hint=hint, kept=KEPT)


def unfit(reference: str, problems: Sequence[str]) -> RemoteError:
    return RemoteError(
        "E-NOTION-SCHEMA",
        f"the database ({reference}) does not fit the file: {one_line(problems[0], 300)}"
        + (f", and {len(problems) - 1} more" if len(problems) > 1 else ""),
        detail=[one_line(problem, 300) for problem in problems],
        kept=KEPT,
        hint="change the properties in Notion, or `properties` and `key_property` in the file",
    )


def duplicates(found: Sequence[tuple[str, Sequence[str]]], target: str) -> RefusedError:
    """`found`: external id and the addresses of the rows that have it."""
    key, urls = found[0]
    more = f" (and {len(found) - 1} more ids)" if len(found) > 1 else ""
    where = " and ".join(one_line(url, 200) for url in urls[:3])
    return RefusedError(
        "E-NOTION-DUPLICATE",
        f"{len(urls)} rows have the external id {one_line(key, 200)!r}: {where}{more}",
        detail=[f"{one_line(key, 200)}: {one_line(url, 200)}" for key, urls in found[:_LISTED] for url in urls],
        kept=KEPT,
        hint=f"keep one of them, and move the others to the trash or empty their external id; then: dsync run {target}",
    )


def malformed(where: str, why: str) -> RemoteError:
    """An answer that is JSON, but not what it should be."""
    return RemoteError(
        "E-NOTION-SHAPE",
        f"Notion's answer is not what it should be: {one_line(where, 200)}: {one_line(why, 200)}",
        kept=KEPT,
        hint="look for a newer version of this program; report it if there is none",
    )


def out_of_time() -> RemoteError:
    """The target's time is over before all rows are written."""
    return RemoteError(
        "E-SERVICE-TIMEOUT",
        "the time of the target is over",
        kept="what was written is recorded, and nothing is half written",
        hint="run again: the next run makes the rest; `timeout` gives a target more time",
    )


def too_many_at_once(moment: str) -> RemoteError:
    """More rows than one query answers were made within one minute, so that no query tells them all."""
    return RemoteError(
        "E-NOTION-SHAPE",
        f"more rows were made at {one_line(moment, 40)} than Notion lists at once, so not all of them can be seen",
        kept=KEPT,
        hint="empty the external id of rows of that minute that are not from here, or divide the database",
    )
