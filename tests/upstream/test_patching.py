"""Local patches over an upstream's tree: exactly, or by a three-way merge, or refused with what was looked for."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.upstream.vendoring import git

from directional_sync.errors import RefusedError
from directional_sync.git import tree as trees
from directional_sync.git.objects import ObjectStore
from directional_sync.git.repository import Repository
from directional_sync.model.snapshot import Entry
from directional_sync.upstream.patching import Patch, apply, difference

LINES = b"".join(b"line %d\n" % number for number in range(1, 31))
Files = Mapping[str, bytes | tuple[str, bytes]]


@pytest.fixture(params=["sha1"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    """That of a repository whose owner has set whatever may get in the way of a patch."""
    root = tmp_path / "repository"
    git(tmp_path, "init", "-q", "-b", "main", f"--object-format={request.param}", str(root))
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    hostile = {"core.autocrlf": "true", "apply.whitespace": "fix", "diff.noprefix": "true", "diff.renames": "copies"}
    for name, value in {**hostile, "apply.ignoreWhitespace": "change", "diff.context": "0"}.items():
        git(root, "config", name, value)
    (root / ".git" / "info").mkdir(exist_ok=True)
    (root / ".git" / "info" / "attributes").write_text("* text eol=crlf diff=evil merge=union\n")
    quarantine = tmp_path / "quarantine"
    with ObjectStore(Repository.open(root), quarantine) as opened:
        yield opened
        assert not [*quarantine.glob("work-*")], "nothing is left behind"
    assert git(root, "status", "--porcelain") == ""


def tree_of(store: ObjectStore, files: Files) -> str:
    changes = {}
    for path, content in files.items():
        mode, data = content if isinstance(content, tuple) else ("100644", content)
        changes[path] = Entry(store.write_blob(data), mode)
    return trees.edit(store, trees.empty_tree(store.hash_name), changes)


def files_of(store: ObjectStore, tree: str) -> dict[str, bytes]:
    listed = store.git.run("ls-tree", "-r", "-z", tree).split(b"\0")[:-1]
    items = [line.partition(b"\t")[::2] for line in listed]
    return {path.decode("utf-8", "surrogateescape"): store.read(about.split()[2].decode()) for about, path in items}


def edited(number: int, text: bytes = b"changed", of: bytes = LINES) -> bytes:
    return of.replace(b"line %d\n" % number, b"%s %d\n" % (text, number))


def patch(store: ObjectStore, before: Files, after: Files, name: str = "patches/up/0001-x.patch") -> Patch:
    return Patch(name, difference(store, tree_of(store, before), tree_of(store, after)))


def refused(store: ObjectStore, tree: Files, *patches: Patch) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        apply(store, tree_of(store, tree), patches)
    return caught.value


# there and back

NAMES = st.text(
    st.sampled_from("ab .\t\n\"'\\é\u202e\udcff\udc80-*$"), min_size=1, max_size=6
).filter(lambda name: name.strip(". ") != "")  # fmt: skip
TEXTS = st.lists(
    st.sampled_from([b"one", b"two", b"-- ", b"--- a/x", b"+++ b/x", b"@@ -1 +1 @@", b"", b" ", b"\xff\t"])
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def contents(draw: st.DrawFn) -> bytes | tuple[str, bytes]:
    kind = draw(st.sampled_from(["text", "text", "text", "binary", "executable", "link"]))
    if kind == "binary":
        return draw(st.binary(max_size=60)) + b"\0"
    if kind == "link":
        return "120000", draw(st.binary(min_size=1, max_size=12)).replace(b"\0", b"x")
    end = draw(ENDS)
    data = end.join(draw(TEXTS)) + (end if draw(st.booleans()) else b"")
    return ("100755", data) if kind == "executable" else data


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Files, Files]:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    paths = [draw(st.sampled_from([name, f"dir/{name}", f"{name}/inside"])) for name in names]
    before = {path: draw(contents()) for path in paths if draw(st.booleans())}
    after = dict(before)
    for path in paths:
        what = draw(st.sampled_from(["keep", "remove", "write", "write"]))
        if what == "remove":
            after.pop(path, None)
        elif what == "write":
            after[path] = draw(contents())
    return before, after


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(pairs())
def test_P14_a_difference_applied_to_one_side_is_the_other(store: ObjectStore, sides: tuple[Files, Files]) -> None:
    try:
        before, after = (tree_of(store, side) for side in sides)
    except RefusedError:
        assume(False)  # a name that is a file and a folder at once
    assert apply(store, before, [Patch("x", difference(store, before, after))]) == after


@pytest.mark.parametrize("store", ["sha1", "sha256"], indirect=True)
def test_every_kind_of_change_goes_there_and_back(store: ObjectStore) -> None:
    before: Files = {
        "mode": LINES,
        "gone/deep": b"x\n",
        "to-link": LINES,
        "to-folder": LINES,
        "crlf": b"a\r\nb\r\nc\r\n",
        "mixed": b"a\r\nb\nc \t\n",
        "binary": bytes(range(256)) * 9,
        "no newline": b"a\nb",
        "moved": LINES,
        "empty": b"",
        ".gitattributes": b"* text=auto eol=crlf\nbinary diff=evil\n* whitespace=error\n",
        'a\tb\nc"d\\e ': b"1\n",
        "\udcff\udcfe/é b/a/x": b"1\n",
        "late nul": b"a\n" * 6_000 + b"\0\n",
    }
    after: Files = {
        "mode": ("100755", LINES),
        "to-link": ("120000", b"mode"),
        "to-folder/inside": LINES,
        "crlf": b"a\r\nB\r\nc\r\n",
        "mixed": b"a\nb\r\nc \t\n\n\n",
        "binary": bytes(range(256)) * 8 + b"\0",
        "no newline": b"a\nc",
        "elsewhere": LINES,
        "empty": b"no more",
        "new": b"",
        ".gitattributes": b"* -text\n",
        'a\tb\nc"d\\e ': ("100755", b"1\n"),
        "\udcff\udcfe/é b/a/x": b"2\n",
        "late nul": b"a\n" * 6_000 + b"\0b\n",
    }
    one, other = tree_of(store, before), tree_of(store, after)
    made = difference(store, one, other)
    assert apply(store, one, [Patch("x", made)]) == other
    assert apply(store, other, [Patch("x", difference(store, other, one))]) == one
    assert b"rename" not in made and b"copy" not in made
    assert difference(store, one, one) == b"" and apply(store, one, [Patch("x", b"")]) == one
    assert apply(store, one, []) == one


def test_what_a_patch_makes_can_be_published(store: ObjectStore, tmp_path: Path) -> None:
    made = apply(store, tree_of(store, {"a": LINES}), [patch(store, {"a": LINES}, {"a": edited(3), "new/b": b"b\n"})])
    store.publish([made], [])
    root = tmp_path / "repository"
    git(root, "update-ref", "refs/kept", git(root, "commit-tree", made, "-m", "kept"))
    git(root, "fsck", "--full", "--strict")


# what people write


def test_patches_are_laid_one_over_the_other(store: ObjectStore) -> None:
    first = patch(store, {"a": LINES}, {"a": edited(3)})
    second = patch(store, {"a": edited(3)}, {"a": edited(3, of=edited(4))})
    found = apply(store, tree_of(store, {"a": LINES}), [first, second])
    assert files_of(store, found) == {"a": edited(3, of=edited(4))}


def test_a_patch_fits_where_its_surroundings_have_moved(store: ObjectStore) -> None:
    one = patch(store, {"a": LINES}, {"a": edited(20)})
    found = apply(store, tree_of(store, {"a": b"new\n" * 9 + LINES}), [one])
    assert files_of(store, found) == {"a": b"new\n" * 9 + edited(20)}


def test_P14_a_three_way_merge_helps_where_the_surroundings_changed(store: ObjectStore) -> None:
    one = patch(store, {"a": LINES}, {"a": edited(20)})
    found = apply(store, tree_of(store, {"a": edited(22, b"theirs"), ".gitattributes": b"* merge=union\n"}), [one])
    assert files_of(store, found)["a"] == edited(20, of=edited(22, b"theirs"))
    error = refused(store, {"a": edited(20, b"theirs"), ".gitattributes": b"* merge=union\n"}, one)
    assert error.code == "E-PATCH-CONFLICT", "attributes of the upstream do not join what a person should look at"


def mail(tmp_path: Path, *options: str) -> bytes:
    """What git format-patch makes of a commit whose words are not ASCII."""
    root = tmp_path / "clone"
    git(tmp_path, "init", "-q", str(root))
    (root / "a").write_bytes(LINES)
    git(root, "add", "a")
    git(root, "commit", "-q", "-m", "first")
    (root / "a").write_bytes(edited(30, "größer".encode()))
    git(root, "commit", "-q", "-a", "-m", "Grüße\n\nLong words.\n\n--- a/fake\n")
    command = ["git", "-C", str(root), "format-patch", "-1", "--stdout", *options]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_mails_are_accepted(store: ObjectStore, tmp_path: Path) -> None:
    content = mail(tmp_path)
    assert content.startswith(b"From ") and b"\n-- \n" in content
    tree = tree_of(store, {"a": LINES})
    found = apply(store, tree, [Patch("x", content)])
    assert files_of(store, found) == {"a": edited(30, "größer".encode())}

    import quopri

    head, _, body = content.partition(b"\n\n")
    head = head.replace(b"Content-Transfer-Encoding: 8bit", b"Content-Transfer-Encoding: quoted-printable")
    sent = head + b"\n\n" + quopri.encodestring(body)
    assert b"quoted-printable" in sent and b"gr=C3=B6" in sent
    assert apply(store, tree, [Patch("x", sent)]) == found


# what does not fit


def test_P14_a_patch_that_does_not_apply_shows_what_it_looked_for(store: ObjectStore) -> None:
    one = patch(store, {"a": LINES}, {"a": edited(20)})
    upstream = b"new\n" * 5 + edited(20, b"\x1b[2Jtheirs")
    error = refused(store, {"a": upstream}, one)
    assert error.code == "E-PATCH-CONFLICT" and error.place == "patches/up/0001-x.patch"
    assert "0001-x.patch does not apply: line 17 of a is not what it expects" in error.message
    detail = "\n".join(error.detail)
    assert "it looked for:\n  line 17\n" in detail and "  line 20\n" in detail
    assert "there is, from line 22 on:\n  line 17\n" in detail, "where it would have to go, not where it was"
    assert "<U+001B>[2Jtheirs 20" in detail and "\x1b" not in detail
    good = apply(store, tree_of(store, {"a": upstream}), [patch(store, {"a": LINES}, {"a": edited(5)})])
    assert b"changed 5\n" in files_of(store, good)["a"], "the next one works"


def test_long_differences_and_strange_names_are_cut_and_escaped(store: ObjectStore) -> None:
    name = "evil\x1b[2J\u202e" + "x" * 200
    long = b"".join(b"%d " % number * 60 + b"\n" for number in range(200))
    one = patch(store, {name: long}, {name: b"short\n"}, name="p\x1b\n.patch")
    error = refused(store, {name: b"other\n" * 300}, one)
    told = [error.message, error.place, *error.detail]
    assert len(error.detail) < 40 and all(len(line) < 400 for line in told)
    assert any("more lines" in line for line in told)
    assert not any(char in line for line in told for char in "\x1b\n\u202e")


@pytest.mark.parametrize(
    ("upstream", "before", "after", "words"),
    [
        ({"b": b"b\n"}, {"a": LINES}, {"a": edited(3)}, "a does not exist"),
        ({"a": b"theirs\n"}, {}, {"a": b"ours\n"}, "a already exists"),
        ({"a": b"\0theirs"}, {"a": b"\0old"}, {"a": b"\0new"}, "a is not the version that it was made for"),
        ({"a": b""}, {"a": LINES}, {"a": edited(3)}, "line 1 of a"),
        ({"a": edited(3)}, {"a": LINES}, {"b": b"b\n"}, "line 1 of a"),
        ({"a": ("120000", b"x")}, {"a": LINES}, {"a": edited(3)}, "a wrong type"),
    ],
    ids=["gone", "there", "binary", "emptied", "deletion of a changed file", "became a link"],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    store: ObjectStore, upstream: Files, before: Files, after: Files, words: str
) -> None:
    error = refused(store, upstream, patch(store, before, after))
    assert (error.code, words in error.message) == ("E-PATCH-CONFLICT", True), error.message


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": LINES}, {"a": edited(3)}),
        ({"a": LINES}, {"a": LINES + b"more\n"}),
        ({"a": LINES}, {"a": LINES, "new": b"1\n"}),
        ({"a": LINES, "old": b"1\n"}, {"a": LINES}),
        ({"a": LINES}, {"a": ("100755", LINES)}),
        ({"a": b"\0old"}, {"a": b"\0new"}),
    ],
    ids=["line", "end", "new file", "deleted file", "mode", "binary"],
)  # fmt: skip
def test_P14_a_patch_that_upstream_has_now_says_so(store: ObjectStore, before: Files, after: Files) -> None:
    error = refused(store, after, patch(store, before, after))
    assert error.code == "E-PATCH-CONFLICT" and "delete the patch" in error.hint


def new_file(path: str, header: str | None = None) -> bytes:
    line = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    return (line if header is None else f"--- /dev/null\n+++ {header}\n@@ -0,0 +1 @@\n+x\n").encode()


@pytest.mark.parametrize(
    "content",
    [
        new_file("../x"),
        new_file("a/../../x"),
        new_file(".git/hooks/pre-commit"),
        new_file("sub/.GIT/config"),
        new_file("git~1/config"),
        new_file("/etc/x"),
        new_file("", "/etc/x"),
        b"--- /etc/a\n+++ /etc/a\n@@ -1 +1 @@\n-x\n+y\n",
        new_file("link/x"),
        b"diff --git a/a b/a\nrename from a\nrename to ../a\n",
        b"diff --git a/p b/p\nnew file mode 120000\n--- /dev/null\n+++ b/p\n@@ -0,0 +1 @@\n+/etc\n"
        b"\\ No newline at end of file\n" + new_file("p/x"),
    ],
)  # fmt: skip
def test_paths_outside_are_refused(store: ObjectStore, content: bytes) -> None:
    error = refused(store, {"a": LINES, "link": ("120000", b"/etc")}, Patch("p", content))
    assert error.code == "E-PATCH-PATH", error.message


def test_a_line_that_looks_like_an_absolute_path_is_no_path(store: ObjectStore) -> None:
    one = patch(store, {"a": b"-- /etc/x\n" + LINES}, {"a": b"++ /etc/y\n" + LINES})
    assert b"--- /etc/x\n+++ /etc/y\n" in one.content
    assert apply(store, tree_of(store, {"a": b"-- /etc/x\n" + LINES}), [one])


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"hello\n", "No valid patches"),
        (b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n line 1\n-line", "corrupt patch at line"),
        (b"diff --git a/a b/a\nindex 1111..2222 100644\nGIT binary patch\nliteral 3\nKcm\n", "corrupt binary patch"),
        (b"diff --git a/a b/a\nindex 11..22 100644\nBinary files a/a and b/a differ\n", "cannot apply binary patch"),
        (b"diff --git a/a b/a\nold mode 100644\nnew mode 100999\n", "invalid mode"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(store: ObjectStore, content: bytes, word: str) -> None:
    error = refused(store, {"a": LINES}, Patch("p", content))
    assert error.code == "E-PATCH-BROKEN" and word in error.message
