"""What the file may say of files, and what is said of mistakes in it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from directional_sync import plugins
from directional_sync.core.globs import matches
from directional_sync.core.grasp import within
from directional_sync.endpoints.files.deeds import Deed, escapes, fold, ordered
from directional_sync.endpoints.files.options import FilesOptions
from directional_sync.model.plan import Change
from directional_sync.model.snapshot import ABSENT, EXECUTABLE, FILE, GITLINK, LINK, Entry, Grasp, Snapshot
from directional_sync.model.target import Direction, Target


@pytest.mark.parametrize(
    "url",
    ["/srv/share", "../share", "file:///srv/a%20b", "s3://bucket", "s3://bucket/deep/er/", "gs://b/x", "memory://b/p"],
)
def test_urls_that_are_taken(url: str) -> None:
    assert FilesOptions(url=url).url == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "path or an address"),
        ("a\nb", "control"),
        ("~/share", "$HOME/share"),
        ("file://host/share", "three slashes"),
        ("local:///x", "path"),
        ("https://example.org/x", "web page"),
        ("ssh://host/x", "ssh-files"),
        ("simplecache::s3://bucket", "path"),
        ("s3://bucket::gs://x", "plain address"),
        ("s3://bucket/x?versionId=1", "plain address"),
        ("s3://key:secret@bucket", "plain address"),
        ("s3://", "bucket"),
        ("s3://bucket/../other", "bucket"),
        ("s3://bucket//x", "bucket"),
    ],
)
def test_urls_that_are_not(url: str, said: str) -> None:
    if url.startswith("simplecache"):
        url = "s3://a/simplecache::s3://bucket"
        said = "plain address"
    with pytest.raises(ValidationError) as found:
        FilesOptions(url=url)
    assert said in str(found.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"key": "A"}, "go together"),
        ({"key": "A", "secret": "AKIA/not+a+name"}, "pattern"),
        ({"anonymous": True, "token": "T"}, "excludes"),
        ({"endpoint_url": "http://minio.example.org:9000"}, "https"),
        ({"endpoint_url": "https://user:pw@example.org"}, "address of a service"),
        ({"settings": {"account_key": "x"}}, "sounds secret"),
        ({"settings": {"anon": True}}, "key of its own"),
        ({"exclude": ("../x",)}, "outside"),
        ({"into": "/abs"}, "inside"),
        ({"sentinel": ".git/x"}, "git"),
        ({"bucket": "x"}, "Extra"),
    ],
)
def test_options_that_are_not(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as found:
        FilesOptions.model_validate({"url": "s3://bucket", **given})
    assert said in str(found.value)


def test_options_of_a_store_are_none_of_a_folder() -> None:
    with pytest.raises(ValidationError, match="for stores"):
        FilesOptions(url="/srv/x", endpoint_url="https://example.org")


def test_loopback_or_insecure_takes_http() -> None:
    FilesOptions(url="s3://b", endpoint_url="http://127.0.0.1:9000")
    FilesOptions(url="s3://b", endpoint_url="http://minio:9000", insecure=True)


def test_the_variables_that_hold_credentials() -> None:
    options = FilesOptions(url="az://b", key="K", secret="S", credentials={"account_key": "A", "other": "K"})
    assert plugins.credentials(Target("t", Direction.PUSH, "files", options)) == ("K", "S", "A")
    assert plugins.credentials(Target("t", Direction.PULL, "git", None)) == ()


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [
        ("a", b"b", False),
        ("a", b"../b", True),
        ("d/a", b"../b", False),
        ("d/a", b"../../b", True),
        ("d/a", b"x/../../b", True),
        ("a", b"/etc/passwd", True),
        ("a", b"", True),
        ("a", b"./b/c", False),
    ],
)
def test_t04_links_that_lead_out(path: str, target: bytes, out: bool) -> None:
    assert escapes(path, target) is out


def test_names_that_are_one_file_elsewhere() -> None:
    assert fold("README") == fold("Readme")
    assert fold("caf\u00e9") == fold("cafe\u0301")
    assert fold("a") != fold("b")


def deed(path: str, before: Entry, after: Entry) -> Deed:
    return Deed(path, Change(f"data/{path}", before, after))


def test_b17_b18_what_stands_in_the_way_goes_first() -> None:
    one, two = Entry("1" * 40, FILE), Entry("2" * 40, FILE)
    deeds = [
        deed("file", ABSENT, one),
        deed("file/in", two, ABSENT),
        deed("file/in2", two, ABSENT),
        deed("was", one, ABSENT),
        deed("was/now", ABSENT, two),
        deed("was-not", ABSENT, two),
    ]
    assert [d.path for d in ordered(deeds)] == ["file/in", "file/in2", "file", "was", "was-not", "was/now"]


ONE, TWO = "1" * 40, "2" * 40


@pytest.mark.parametrize(
    ("base", "repo", "remote", "expected"),
    [
        (EXECUTABLE, EXECUTABLE, FILE, EXECUTABLE),
        (FILE, EXECUTABLE, FILE, EXECUTABLE),
        ("", EXECUTABLE, FILE, EXECUTABLE),
        ("", "", FILE, FILE),
        (EXECUTABLE, "", FILE, EXECUTABLE),
    ],
)
def test_b24_a_side_without_modes_has_those_of_the_other(base: str, repo: str, remote: str, expected: str) -> None:
    def side(mode: str) -> Snapshot:
        return Snapshot({"a": Entry(ONE, mode)} if mode else {})

    # with other content on the far side it is what was agreed on
    changed = Snapshot({"a": Entry(TWO, remote)}, grasp=Grasp(modes=False))
    assert within(side(base), side(repo), changed)[2].at("a").mode == (base or repo or remote)
    same = Snapshot({"a": Entry(ONE, remote)}, grasp=Grasp(modes=False))
    found = within(side(base), side(repo), same)[2].entries
    assert not found or found["a"].mode == expected


def test_what_a_side_cannot_hold_is_left_out_on_all_sides() -> None:
    entries = {
        "data/a": Entry(ONE, FILE),
        "data/tmp/b": Entry(ONE, FILE),
        "data/link": Entry(ONE, LINK),
        "data/module": Entry(ONE, GITLINK),
        "data/aside": Entry(ONE, FILE),
    }
    grasp = Grasp(never=("data/tmp/**",), links=False, aside=frozenset({"data/aside"}), modes=False)
    base, repo, remote = within(Snapshot(entries), Snapshot(entries), Snapshot({}, grasp=grasp))
    assert list(base) == list(repo) == ["data/a"] and not remote.entries
    assert matches("data/tmp/b", grasp.never)


def test_a_side_that_can_hold_everything_changes_nothing() -> None:
    sides = (Snapshot({"a": Entry(ONE, FILE)}), Snapshot(), Snapshot({"b": Entry(ONE, LINK)}))
    assert within(*sides) == sides
