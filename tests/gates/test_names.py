"""T01, T02, F27, F28: hostile names, each kind refused under its own code."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directional_sync.core.names import fold, part_codes, reaches_git
from directional_sync.gates.names import Names
from directional_sync.model.plan import Change
from directional_sync.model.record import Verdict
from directional_sync.model.snapshot import ABSENT, FILE, FOLDER, GITLINK, Entry, Snapshot

from .conftest import Bench

GIT = [
    ".git", ".git/config", ".git/hooks/post-checkout", "a/.git/config", ".GIT/config", ".Git", "a/.gIt/x", ".git ",
    ".git.", ".git . .", ".git../x", "git~1", "GIT~1/config", "git~2", "a/git~1/hooks/x", ".g\u200cit", ".\u200dgit",
    ".git\u200e", "\u202e.git", ".g\u206fit/x", "\ufeff.git", ".git::$INDEX_ALLOCATION",
    ".git::$INDEX_ALLOCATION/config", ".git:stream", ".git\\config", "a\\.git\\config", "．git",
    ".ｇｉｔ", ".git\u200c ", "sub/.GiT./hooks", "x:.git",
]  # fmt: skip
DOTS = [
    "..",
    "../x",
    "a/../../x",
    ".",
    "./a",
    "a/./b",
    "...",
    "a/.../b",
    ".. ",
    "a/.. /b",
    ". .",
    ".\u200c.",
    " ",
    "a/ /b",
]
ABSOLUTE = ["/etc/passwd", "//host/share", "C:/Windows", "c:/x", "z:"]
BACKSLASH = ["a\\b", "..\\x", "\\\\host\\share", "a/b\\c"]
EMPTY = ["", "a//b", "a/", "a//"]
CONTROL = ["a\nb", "a\x00b", "a\rb", "a\tb", "a\x1b[31mb", "a\x7f", "a\x9bb", "a\u0085b"]
LONG = ["x" * 256, "a/" + "ü" * 128, "/".join(["y" * 100] * 45)]
WINDOWS = [
    "CON",
    "aux.txt",
    "a/nul",
    "com1.log",
    "LPT9",
    "x:y",
    "a?b",
    'q"q',
    "a<b",
    "trailing.",
    "trailing ",
    "conin$",
    "a|b",
]
HIDDEN = ["pass\u200bword", "user\u202etxt.exe", "soft\u00adhyphen", "caf\udce9", "tag\U000e0041"]
HARMLESS = [
    "a", "README.md", ".gitignore", ".gitattributes", ".github/x", "git", "gitfoo", "a.git", ".gitx", "x.git/config",
    "src/ünï/日本.py", "a b/c d", "emoji ❤️", "a~1", "git~", "..a", "a..b", ".a", "-rf", "$HOME", "`x`", "a'b",
    "console.txt", "e\u0301", "_" * 255, "x,y;z",
]  # fmt: skip
CORPUS = (
    [(key, "E-NAME-GIT") for key in GIT]
    + [(key, "E-NAME-DOTS") for key in DOTS]
    + [(key, "E-NAME-ABSOLUTE") for key in ABSOLUTE]
    + [(key, "E-NAME-BACKSLASH") for key in BACKSLASH]
    + [(key, "E-NAME-EMPTY") for key in EMPTY]
    + [(key, "E-NAME-CONTROL") for key in CONTROL]
    + [(key, "E-NAME-LONG") for key in LONG]
)


def judge(bench: Bench, **more: object) -> dict[str, Verdict]:
    return {verdict.code: verdict for verdict in Names().judge(bench.subject(**more))}


@pytest.mark.parametrize(("key", "code"), CORPUS, ids=[f"{code}-{number}" for number, (_, code) in enumerate(CORPUS)])
def test_g19_a_hostile_name_is_refused_under_its_code(bench: Bench, key: str, code: str) -> None:
    bench.repo.append(Change(key, ABSENT, Entry("1" * 40, FILE)))
    verdict = judge(bench)[code]
    assert not verdict.passed and not verdict.warning
    for text in (verdict.message, *verdict.detail):
        assert text.isprintable()


def test_the_corpus_is_large_enough() -> None:
    assert len({key for key, _ in CORPUS}) >= 60


@pytest.mark.parametrize("key", WINDOWS)
def test_f28_a_name_that_windows_does_not_take_is_a_warning(bench: Bench, key: str) -> None:
    verdict = judge(bench.add(key))["E-NAME-WINDOWS"]
    assert verdict.passed and verdict.warning


@pytest.mark.parametrize("key", HIDDEN, ids=range(len(HIDDEN)))
def test_t08_a_name_with_invisible_characters_is_a_warning(bench: Bench, key: str) -> None:
    verdict = judge(bench.add(key))["E-NAME-HIDDEN"]
    assert verdict.passed and verdict.warning and verdict.message.isprintable()


@pytest.mark.parametrize("key", HARMLESS)
def test_a_harmless_name_passes(bench: Bench, key: str) -> None:
    (verdict,) = Names().judge(bench.add(key).subject())
    assert verdict.passed and not verdict.warning and not verdict.code, verdict


def test_a_name_that_goes_away_may_be_anything(bench: Bench) -> None:
    assert judge(bench.delete("a\nb", ".git/x")) == {}


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        (GITLINK, "E-GITLINK"),
        (FOLDER, "E-NAME-MODE"),
        ("104755", "E-NAME-MODE"),
        ("060000", "E-NAME-MODE"),
        ("140000", "E-NAME-MODE"),
    ],
)
def test_a_mode_that_is_no_file_is_refused(bench: Bench, mode: str, code: str) -> None:
    bench.repo.append(Change("a", ABSENT, Entry("1" * 40, mode)))
    assert not judge(bench)[code].passed


def test_old_modes_and_records_pass(bench: Bench) -> None:
    for number, mode in enumerate(("100664", "100755", "120000", "")):
        bench.repo.append(Change(f"a{number}", ABSENT, Entry("1" * 40, mode)))
    assert set(judge(bench)) == {""}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A.py", "a.py"), ("dir/Straße", "dir/STRASSE"), ("caf\u00e9", "cafe\u0301"), ("\u212a", "k"),
        ("a\u200cb", "ab"), ("Foo", "foo/bar"), ("d/X/y", "d/x"), ("ΣΑΣ", "σας"), ("İx", "i\u0307x"),
    ],
)  # fmt: skip
def test_f27_two_names_for_one_file_are_refused(bench: Bench, first: str, second: str) -> None:
    for order in ((first, second), (second, first)):
        fresh = Bench(bench.root)
        verdict = judge(fresh.add(order[0]).add(order[1]))["E-NAME-COLLISION"]
        assert not verdict.passed


def test_f27_a_collision_with_what_is_there_is_refused(bench: Bench) -> None:
    there = Snapshot({"a.py": bench.entry(b"there")})
    verdict = judge(bench.add("A.py"), repo=there)["E-NAME-COLLISION"]
    assert verdict.detail == ("A.py and a.py",)
    known = {"": {"d": FOLDER}, "d": {"a.py": FILE, "sub": FOLDER}}
    listing = lambda folders: {folder: known[folder] for folder in folders if folder in known}  # noqa: E731
    assert "E-NAME-COLLISION" in judge(Bench(bench.root).add("d/A.py"), listing=listing)
    assert "E-NAME-COLLISION" not in judge(Bench(bench.root).add("d/Sub/x"), listing=listing)
    assert "E-NAME-COLLISION" in judge(Bench(bench.root).add("d/A.py/x"), listing=listing)
    verdict = judge(Bench(bench.root).add("D/A.py"), listing=listing)["E-NAME-COLLISION"]
    assert verdict.detail == ("D/A.py and d/a.py",)


def test_changing_the_case_of_a_name_is_no_collision(bench: Bench) -> None:
    listing = lambda folders: {"": {"a.py": FILE}}  # noqa: E731
    assert "E-NAME-COLLISION" not in judge(bench.delete("a.py").add("A.py"), listing=listing)


def test_folders_that_differ_in_case_only_lose_nothing(bench: Bench) -> None:
    assert "E-NAME-COLLISION" not in judge(bench.add("Foo/a").add("foo/b"))
    assert "E-NAME-COLLISION" in judge(Bench(bench.root).add("Foo/a").add("foo/A"))


def test_t18_names_that_tools_run_are_pointed_out_when_they_are_new(bench: Bench) -> None:
    keys = ["x/conftest.py", "setup.py", "z/a.pth", ".envrc", "a/.vscode/tasks.json", "Makefile", "sitecustomize.py"]
    for key in keys:
        bench.add(key)
    bench.edit("old/setup.py", b"1", b"2").add("x/models.py").add("docs/settings.json")
    verdict = judge(bench)["E-NAME-AUTORUN"]
    assert verdict.passed and verdict.warning
    assert verdict.message == (
        "7 names of a file that tools run without being asked: x/conftest.py, setup.py, z/a.pth, ..."
    )


def test_t18_a_vendored_setup_py_is_run_by_nobody_unasked(bench: Bench) -> None:
    bench.add("vendor/web/setup.py").add("vendor/web/setup/web_view/setup.py").add("vendor/web/Makefile")
    assert "E-NAME-AUTORUN" not in judge(bench)


def test_forty_thousand_names_are_judged(bench: Bench) -> None:
    entry = Entry("1" * 40, FILE)
    bench.repo = [Change(f"addons/m{n % 900}/models/file_{n}.py", ABSENT, entry) for n in range(40_000)]
    (verdict,) = Names().judge(bench.subject())
    assert verdict.message == "40,000 names, all harmless"


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_characters="/"), max_size=12))
def test_any_name_is_judged_and_folding_is_stable(part: str) -> None:
    list(part_codes(part or "x"))
    assert fold(fold(part)) == fold(part)
    assert reaches_git(f"{part}:.git".replace("\\", "")) is True
