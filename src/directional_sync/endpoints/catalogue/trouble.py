"""What can be wrong with a catalogue or with one skill of it, as one error each."""

from __future__ import annotations

from collections.abc import Sequence

from directional_sync.core.escape import one_line
from directional_sync.core.skills import FILE, Mistake
from directional_sync.endpoints.catalogue.document import FORMAT, BadDocument, File, Listed
from directional_sync.errors import RefusedError, RemoteError, SyncError

KEPT = "nothing of it was taken, and what is installed stays as it is"
_ALL_KEPT = "every installed skill stays as it is"
_TOLD_MAX = 3


def bad_document(where: str, bad: BadDocument) -> RemoteError:
    """Under the one code that all mistakes share, where they do."""
    codes = {mistake.code for mistake in bad.mistakes}
    number = len(bad.mistakes)
    more = "" if number == 1 else f" (and {number - 1} more)"
    return RemoteError(
        codes.pop() if len(codes) == 1 else "E-CATALOGUE",
        f"{where} is not a catalogue: {bad.mistakes[0]}{more}",
        hint="whoever publishes the catalogue has to mend it; its format: docs/reference/catalogue-format.md",
        kept=_ALL_KEPT,
        detail=[str(mistake) for mistake in bad.mistakes],
    )


def not_json(where: str, reason: str) -> RemoteError:
    return RemoteError(
        "E-CATALOGUE",
        f"{where} is not a catalogue: {one_line(reason, 200)}",
        hint="whoever publishes the catalogue has to mend it; its format: docs/reference/catalogue-format.md",
        kept=_ALL_KEPT,
    )


def unknown_format(where: str, said: str) -> RemoteError:
    return RemoteError(
        "E-CATALOGUE-FORMAT",
        f"{where} has the format {said}; this program reads format {FORMAT}",
        hint="install a newer directional-sync: pip install --upgrade directional-sync",
        kept=_ALL_KEPT,
    )


def no_document(where: str, why: str) -> RemoteError:
    return RemoteError(
        "E-CATALOGUE-PLACE",
        f"there is no catalogue at {where}: {one_line(why, 200)}",
        hint="check `url`, `ref` and `document` of the target",
        kept=_ALL_KEPT,
    )


def no_file(file: File, why: str) -> RemoteError:
    return RemoteError(
        "E-CATALOGUE-FILE",
        f"{one_line(file.path, 200)} is named in the catalogue and cannot be had: {one_line(why, 200)}",
        hint="whoever publishes the catalogue has to put the file there; the next run tries again",
        kept=KEPT,
    )


def other_content(file: File, sha256: str, size: int) -> RemoteError:
    """What was delivered is not what the document promises."""
    path = one_line(file.path, 200)
    if size != file.size:
        said = f"{path} has {size:,} bytes, {file.size:,} expected"
    else:
        said = f"{path} has sha256 {sha256}, expected {file.sha256}"
    return RemoteError(
        "E-CATALOGUE-CHECKSUM",
        said,
        hint="the catalogue was published half, or the file was changed on its way: ask whoever publishes it",
        kept=KEPT,
        retryable=True,
    )


def too_large(skill: Listed, most: int) -> RemoteError:
    return RemoteError(
        "E-CATALOGUE-SIZE",
        f"{skill.name} has {skill.size:,} bytes, at most {most:,} are taken",
        hint="raise `max_size` if you want it all the same",
        kept=KEPT,
    )


def missing(name: str) -> RemoteError:
    return RemoteError(
        "E-CATALOGUE-SKILL",
        f"{name} is not in the catalogue",
        hint="take it out of `names` to let it go; dsync prune removes what is installed of it",
        kept=KEPT,
    )


def other_version(skill: Listed, wanted: str) -> RemoteError:
    return RemoteError(
        "E-CATALOGUE-VERSION",
        f"{skill.name} is there in version {skill.version}, and `versions` asks for {one_line(wanted, 100)}",
        hint="change `versions` once you know what the other version brings",
        kept=KEPT,
    )


def moved_version(skill: Listed) -> RefusedError:
    return RefusedError(
        "E-CATALOGUE-VERSION",
        f"{skill.name} {skill.version} has other content than when it was installed, under the same version",
        hint="ask whoever publishes it; to take it, remove its line from `versions` for one run",
        kept=KEPT,
    )


def no_skill(skill: str, mistakes: Sequence[Mistake]) -> RemoteError:
    told = "; ".join(str(mistake) for mistake in mistakes[:_TOLD_MAX])
    more = f" (and {len(mistakes) - _TOLD_MAX} more)" if len(mistakes) > _TOLD_MAX else ""
    return RemoteError(
        "E-SKILL",
        f"{FILE} of {skill} breaks the rules for skills: {told}{more}",
        hint="whoever publishes the skill has to mend it; the rules: agentskills.io/specification",
        kept=KEPT,
        detail=[f"{FILE}: {mistake}" for mistake in mistakes],
    )


def none_taken(told: Sequence[tuple[str, SyncError]]) -> SyncError:
    """The one error of all: as it is for one skill, with the common code when they agree."""
    first = told[0][1]
    if len(told) == 1:
        return first
    same = len({error.code for _, error in told}) == 1
    kind = type(first) if same else RemoteError
    return kind(
        first.code if same else "E-CATALOGUE",
        f"none of the {len(told)} skills can be had: {first.message}",
        hint=first.hint,
        kept=_ALL_KEPT,
        detail=[f"{name}: {error.code}: {error.message}" for name, error in told],
        retryable=any(error.retryable for _, error in told),
    )
