"""T03, T04: links that leave their folder, and writing through links."""

from __future__ import annotations

import pytest

from directional_sync.gates.links import Links, fence
from directional_sync.model.plan import Change
from directional_sync.model.record import Verdict
from directional_sync.model.snapshot import ABSENT, FILE, FOLDER, LINK, Entry, Snapshot, Source

from .conftest import Bench

OUTPUTS = ("addons/oca/**",)
SOURCES = (
    Source("sale", "https://h/sale", into="addons/oca/sale"),
    Source("web", "https://h/web", into="addons/oca/web"),
)
AT = "addons/oca/sale/setup/m/link"

REFUSED = [
    ("/etc/passwd", "E-LINK-ABSOLUTE"), ("/", "E-LINK-ABSOLUTE"), ("C:/x", "E-LINK-ABSOLUTE"),
    ("c:x", "E-LINK-ABSOLUTE"), ("\\\\host\\share", "E-LINK-ABSOLUTE"), ("//host/x", "E-LINK-ABSOLUTE"),
    ("../../../web/x", "E-LINK-ESCAPES"), ("../../../../../../etc/passwd", "E-LINK-ESCAPES"),
    ("../../..", "E-LINK-ESCAPES"), ("..\\..\\..\\x", "E-LINK-ESCAPES"), ("a/../b", "E-LINK-ESCAPES"),
    ("a/../../../../x", "E-LINK-ESCAPES"),
    ("./../.././../x", "E-LINK-ESCAPES"), (".../x", "E-LINK-ESCAPES"), (".. /x", "E-LINK-ESCAPES"),
    ("../../.git/hooks/post-checkout", "E-LINK-GIT"), (".GIT/config", "E-LINK-GIT"), ("x/git~1", "E-LINK-GIT"),
    ("", "E-LINK-TARGET"), ("a\x00b", "E-LINK-TARGET"), ("a\nb", "E-LINK-TARGET"), ("x" * 5000, "E-LINK-TARGET"),
    ("y" * 90_000, "E-LINK-TARGET"),
]  # fmt: skip
ALLOWED = [
    "../../sale_x",
    "other",
    "./other",
    "a/b/c",
    "..",
    "../..",
    "../../gone",
    "../../a//b",
    "weird name",
    "~/x",
    "ünï",
]


def link(bench: Bench, key: str, target: str) -> Bench:
    bench.repo.append(Change(key, ABSENT, bench.entry(target.encode(), LINK)))
    return bench


def judge(bench: Bench, **more: object) -> dict[str, Verdict]:
    options = {"outputs": OUTPUTS, "sources": SOURCES, **more}
    return {verdict.code: verdict for verdict in Links().judge(bench.subject(**options))}


@pytest.mark.parametrize(("target", "code"), REFUSED, ids=range(len(REFUSED)))
def test_t04_a_link_that_leaves_its_folder_is_refused(bench: Bench, target: str, code: str) -> None:
    verdict = judge(link(bench, AT, target))[code]
    assert not verdict.passed
    assert verdict.detail[0].startswith(AT + " -> ") and verdict.detail[0].isprintable()


@pytest.mark.parametrize("target", ALLOWED)
def test_a_link_that_stays_is_allowed_whether_its_target_exists_or_not(bench: Bench, target: str) -> None:
    (verdict,) = judge(link(bench, AT, target)).values()
    assert verdict.passed and verdict.message == "1 link, all inside their folder"


@pytest.mark.parametrize(
    ("outputs", "sources", "key", "inside"),
    [
        (OUTPUTS, SOURCES, "addons/oca/sale/x", "addons/oca/sale"),
        (OUTPUTS, (), "addons/oca/sale/x", "addons/oca"),
        (("docs/*/a.json",), (), "docs/x/a.json", "docs"),
        (("docs/a.json",), (), "docs/a.json", "docs"),
        (("docs",), (), "docs/x/a.json", "docs"),
        (("**",), (), "x/y", ""),
        (("a/**", "a/b/**"), (), "a/b/c", "a/b"),
    ],
)
def test_the_folder_a_link_must_stay_in(
    bench: Bench, outputs: tuple[str, ...], sources: tuple[Source, ...], key: str, inside: str
) -> None:
    assert fence(bench.subject(outputs=outputs, sources=sources), key) == inside


@pytest.mark.parametrize("name", [".gitmodules", ".gitattributes", ".gitignore", ".GitModules", ".mailmap"])
def test_gits_own_rules_are_no_links(bench: Bench, name: str) -> None:
    assert not judge(link(bench, f"addons/oca/sale/{name}", "x"))["E-LINK-GIT"].passed


def test_t03_writing_beneath_a_new_link_is_refused(bench: Bench) -> None:
    link(bench, "addons/oca/sale/d", "e").add("addons/oca/sale/d/x")
    assert judge(bench)["E-LINK-THROUGH"].detail == ("addons/oca/sale/d/x",)


def test_t03_letter_case_does_not_help(bench: Bench) -> None:
    link(bench, "addons/oca/sale/Dir", "e").add("addons/oca/sale/dir/x")
    assert "E-LINK-THROUGH" in judge(bench)


def test_t03_writing_beneath_a_link_that_is_there_is_refused(bench: Bench) -> None:
    there = Snapshot({"addons/oca/sale/d": bench.entry(b"/tmp", LINK)})
    assert "E-LINK-THROUGH" in judge(bench.add("addons/oca/sale/d/x"), repo=there)
    listing = lambda folders: {"": {"addons": FOLDER}, "addons": {"oca": LINK}}  # noqa: E731
    assert "E-LINK-THROUGH" in judge(Bench(bench.root).add("addons/oca/sale/d/x"), listing=listing)
    plain = lambda folders: {"": {"addons": FOLDER}, "addons": {"oca": FOLDER, "a": FILE}}  # noqa: E731
    assert "E-LINK-THROUGH" not in judge(Bench(bench.root).add("addons/oca/sale/d/x"), listing=plain)


def test_t03_a_link_that_becomes_a_folder_is_allowed(bench: Bench) -> None:
    was = bench.entry(b"e", LINK)
    bench.repo.append(Change("addons/oca/sale/d", was, ABSENT))
    bench.add("addons/oca/sale/d/x")
    above = {"": {"addons": FOLDER}, "addons": {"oca": FOLDER}, "addons/oca": {"sale": FOLDER}}
    listing = lambda folders: {**above, "addons/oca/sale": {"d": LINK}}  # noqa: E731
    assert "E-LINK-THROUGH" not in judge(bench, listing=listing)


def test_a_link_that_cannot_be_read_does_not_pass(bench: Bench) -> None:
    bench.repo.append(Change(AT, ABSENT, Entry("9" * 40, LINK)))
    assert not judge(bench)["E-GATE-CONTENT"].passed


def test_without_links_nothing_is_said(bench: Bench) -> None:
    assert judge(bench.add("addons/oca/sale/x")) == {}
