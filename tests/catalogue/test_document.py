"""What is taken for a catalogue document, and what is told of one that is none."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from directional_sync.core.escape import one_line
from directional_sync.core.names import path_codes
from directional_sync.endpoints.catalogue.document import BadDocument, UnknownFormat, read
from directional_sync.endpoints.catalogue.publish import schema
from directional_sync.endpoints.catalogue.trouble import bad_document

SHA = "0123456789abcdef" * 4
PLACE = "https://skills.example.com/v1/catalog.json"
VALIDATOR = Draft202012Validator(schema())


def file(path: str = "SKILL.md", **more: Any) -> dict[str, Any]:
    return {"path": path, "sha256": SHA, "size": 10, **more}


def document(*files: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"format": 1, "skills": [{"name": "pdf", "version": "1", "files": [file(), *files], **more}]}


def mistakes(value: Any, place: str = PLACE, hosts: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """(path, code) of each."""
    with pytest.raises(BadDocument) as bad:
        read(value, place=place, hosts=hosts)
    return [(mistake.path, mistake.code) for mistake in bad.value.mistakes]


def test_what_a_document_says() -> None:
    value = document(file("scripts/a.py", executable=True, url="files/a.py"), description="Does pdf")
    value |= {"$schema": "x", "name": "ours", "description": "all", "x-made": 1}
    value["skills"][0]["x-own"] = {}
    VALIDATOR.validate(value)
    [skill] = read(value, place=PLACE)
    assert (skill.name, skill.version, skill.description, skill.size) == ("pdf", "1", "Does pdf", 20)
    assert [(one.path, one.executable, one.url) for one in skill.files] == [
        ("SKILL.md", False, ""),
        ("scripts/a.py", True, "https://skills.example.com/v1/files/a.py"),
    ]
    assert read({"format": 1, "skills": []}) == ()


def test_the_digest_is_of_what_is_installed() -> None:
    [first] = read(document(file("a"), file("b")))
    [other_order] = read(document(file("b"), file("a"), description="other"))
    assert first.digest == other_order.digest
    for changed in (
        document(file("a")),
        document(file("a"), file("b", executable=True)),
        document(file("a"), file("c")),
    ):
        assert read(changed)[0].digest != first.digest


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    value = copy.deepcopy(document(file("a.md")))
    change(value)
    return value


def second(**more: Any) -> Callable[[dict[str, Any]], object]:
    return lambda d: d["skills"][0]["files"][1].update(**more)


SHAPES: list[tuple[str, Callable[[dict[str, Any]], object], list[str]]] = [
    ("no format", lambda d: d.pop("format"), ["$"]),
    ("no skills", lambda d: d.pop("skills"), ["$"]),
    ("a number that is no integer", lambda d: d.update(format=1.0), ["$.format"]),
    ("true is not 1", lambda d: d.update(format=True), ["$.format"]),
    ("null", lambda d: d.update(skills=None), ["$.skills"]),
    ("an object", lambda d: d.update(skills={}), ["$.skills"]),
    ("too many", lambda d: d.update(skills=[{}] * 5001), ["$.skills"]),
    ("unknown key", lambda d: d.update(extra=1), ["$"]),
    ("a skill that is text", lambda d: d["skills"].append("x"), ["$.skills[1]"]),
    ("a skill without all", lambda d: d["skills"].append({}), ["$.skills[1]"] * 3),
    ("unknown key of a skill", lambda d: d["skills"][0].update(files_url=1), ["$.skills[0]"]),
    ("name of another type", lambda d: d["skills"][0].update(name=3), ["$.skills[0].name"]),
    ("version that is a number", lambda d: d["skills"][0].update(version=1.0), ["$.skills[0].version"]),
    ("version of two lines", lambda d: d["skills"][0].update(version="1\n2"), ["$.skills[0].version"]),
    ("version that cannot be seen", lambda d: d["skills"][0].update(version="1\u200b"), ["$.skills[0].version"]),
    ("empty version", lambda d: d["skills"][0].update(version=""), ["$.skills[0].version"]),
    ("description null", lambda d: d["skills"][0].update(description=None), ["$.skills[0].description"]),
    ("no files", lambda d: d["skills"][0].update(files=[]), ["$.skills[0].files"]),
    ("no SKILL.md", lambda d: d["skills"][0]["files"].pop(0), ["$.skills[0].files"]),
    ("SKILL.md below", lambda d: d["skills"][0]["files"][0].update(path="x/SKILL.md"), ["$.skills[0].files"]),
    ("too many files", lambda d: d["skills"][0].update(files=[{}] * 2001), ["$.skills[0].files"] * 2),
    ("sha256 in capitals", second(sha256=SHA.upper()), ["$.skills[0].files[1].sha256"]),
    ("sha256 of another length", second(sha256="0" * 40), ["$.skills[0].files[1].sha256"]),
    ("size as text", second(size="10"), ["$.skills[0].files[1].size"]),
    ("size true", second(size=True), ["$.skills[0].files[1].size"]),
    ("size below 0", second(size=-1), ["$.skills[0].files[1].size"]),
    ("size too large", second(size=10**12), ["$.skills[0].files[1].size"]),
    ("executable as number", second(executable=1), ["$.skills[0].files[1].executable"]),
    ("unknown key of a file", second(mode="755"), ["$.skills[0].files[1]"]),
    ("twice", lambda d: d["skills"].append(d["skills"][0]), ["$.skills[1].name"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "paths"), [shape[1:] for shape in SHAPES], ids=[shape[0] for shape in SHAPES])
def test_f56_every_mistake_has_its_path(change: Callable[[dict[str, Any]], object], paths: list[str]) -> None:
    value = changed(change)
    assert [path for path, _ in mistakes(value)] == paths
    # The published schema says the same of all that a schema can say.
    if change not in (SHAPES[-1][1], SHAPES[2][1]) and "seen" not in str(value):
        names = [name for name, given, _ in SHAPES if given is change]
        if names[0] not in ("version of two lines", "version that cannot be seen"):
            assert not VALIDATOR.is_valid(value)


@pytest.mark.parametrize("value", [None, [], "x", 1, True])
def test_what_is_no_object(value: Any) -> None:
    assert mistakes(value) == [("$", "E-CATALOGUE")]


@pytest.mark.parametrize("said", [0, 2, "1", "2.0\u202e"])
def test_another_format_is_told_alone(said: Any) -> None:
    with pytest.raises(UnknownFormat) as unknown:
        read({"format": said, "whatever": []})
    assert "\u202e" not in str(unknown.value)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../x", "E-NAME-DOTS"),
        ("a/../../x", "E-NAME-DOTS"),
        ("./x", "E-NAME-DOTS"),
        ("a/.. /x", "E-NAME-DOTS"),
        ("..\u200d/x", "E-NAME-DOTS"),
        ("/etc/passwd", "E-NAME-ABSOLUTE"),
        ("C:/x", "E-NAME-ABSOLUTE"),
        ("//host/x", "E-NAME-ABSOLUTE"),
        ("a//x", "E-NAME-EMPTY"),
        ("a/", "E-NAME-EMPTY"),
        ("", "E-NAME-EMPTY"),
        ("..\\x", "E-NAME-BACKSLASH"),
        (".git/hooks/pre-commit", "E-NAME-GIT"),
        (".GIT/config", "E-NAME-GIT"),
        (".git./config", "E-NAME-GIT"),
        ("git~1/config", "E-NAME-GIT"),
        (".g\u200cit/config", "E-NAME-GIT"),
        ("\uff0egit/config", "E-NAME-GIT"),
        ("a\nb", "E-NAME-CONTROL"),
        ("a\0b", "E-NAME-CONTROL"),
        ("a\x1b[2J", "E-NAME-CONTROL"),
        ("a\u202egnp.sh", "E-NAME-HIDDEN"),
        ("a\u200b", "E-NAME-HIDDEN"),
        ("a\ud800", "E-NAME-HIDDEN"),
        ("x" * 300, "E-NAME-LONG"),
        ("skill.md", "E-NAME-COLLISION"),
        ("SKILL.md/x", "E-NAME-COLLISION"),
        ("SKILL.md", "E-NAME-COLLISION"),
        ("a/" * 60 + "x", "E-CATALOGUE"),
    ],
)
def test_g19_hostile_paths_are_refused_each_with_its_code(path: str, code: str) -> None:
    found = mistakes(document(file(path)))
    assert code in {one for _, one in found}
    assert {at for at, _ in found} <= {"$.skills[0].files[1].path", "$.skills[0].files[0].path"}


@pytest.mark.parametrize(
    "name", ["..", ".git", "a/b", "PDF", "", "-a", "a--b", "a" * 65, "é", "con.", "a b", "a\u200b"]
)
def test_names_that_no_skill_has(name: str) -> None:
    assert ("$.skills[0].name", "E-CATALOGUE") in mistakes(document(name=name))


@pytest.mark.parametrize(
    ("url", "hosts", "fits"),
    [
        ("files/x", (), True),
        ("/other/x?raw=1", (), True),
        ("https://skills.example.com/x", (), True),
        ("https://cdn.example.com/x", (), False),
        ("https://cdn.example.com/x", ("CDN.example.com",), True),
        ("https://cdn.example.com:444/x", ("cdn.example.com",), False),
        ("//cdn.example.com/x", (), False),
        ("http://skills.example.com/x", (), False),
        ("file:///etc/passwd", (), False),
        ("ftp://skills.example.com/x", (), False),
        ("https://ada:pw@skills.example.com/x", (), False),
        ("https://169.254.169.254/latest", (), False),  # T30
        ("https://[::1/x", (), False),
        ("https://skills.example.com:port/x", (), False),
        ("a b", (), False),
        ("a\r\nX-Other: 1", (), False),
        ("", (), False),
        (3, (), False),
    ],
)
def test_t30_files_come_from_where_the_target_says(url: Any, hosts: tuple[str, ...], fits: bool) -> None:
    value = document(file("x", url=url))
    if fits:
        assert read(value, place=PLACE, hosts=hosts)
    else:
        assert [path for path, _ in mistakes(value, hosts=hosts)] == ["$.skills[0].files[1].url"]


def test_a_catalogue_in_a_folder_points_nowhere() -> None:
    assert mistakes(document(file("x", url="x")), place="") == [("$.skills[0].files[1].url", "E-CATALOGUE")]


def test_all_mistakes_at_once_and_the_common_code() -> None:
    value = document(file("../a"), file("../b"))
    with pytest.raises(BadDocument) as bad:
        read(value)
    error = bad_document("here", bad.value)
    assert error.code == "E-NAME-DOTS" and len(error.detail) == 2
    value["skills"][0]["version"] = 3
    with pytest.raises(BadDocument) as bad:
        read(value)
    error = bad_document("here", bad.value)
    assert error.code == "E-CATALOGUE" and len(error.detail) == 3 and "(and 2 more)" in error.message


@given(st.lists(st.text(max_size=20), max_size=8))
def test_whatever_the_paths_are_only_harmless_ones_are_taken(paths: list[str]) -> None:
    try:
        [skill] = read(document(*(file(path) for path in paths)))
    except BadDocument as bad:
        assert all(one_line(str(mistake)) == str(mistake) for mistake in bad.mistakes)
        return
    for one in skill.files:
        assert set(path_codes(one.path)) <= {"E-NAME-WINDOWS"}
        assert not any(part in ("", ".", "..") for part in one.path.split("/"))
    folded = [one.path.casefold() for one in skill.files]
    assert len(set(folded)) == len(folded)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["format", "skills", "name", "version", "files", "path", "size"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_catalogue_or_has_mistakes(value: Any) -> None:
    try:
        found = read(value)
    except (BadDocument, UnknownFormat):
        return
    VALIDATOR.validate(json.loads(json.dumps(value)))
    assert len(found) == len(value["skills"])
