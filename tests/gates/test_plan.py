"""Gates over what a plan does: declared and protected paths, deletions, an emptied side, sizes."""

from __future__ import annotations

import random

import pytest

from directional_sync.gates.plan import Declared, Deletions, Emptied, Protected
from directional_sync.gates.size import Size
from directional_sync.model.plan import Change
from directional_sync.model.record import Verdict
from directional_sync.model.snapshot import ABSENT, LINK, Entry, Snapshot
from directional_sync.model.target import Direction, Limit, Policy, Safety

from .conftest import Bench


def codes(verdicts: list[Verdict]) -> list[str]:
    return [verdict.code for verdict in verdicts if not verdict.passed]


@pytest.mark.parametrize(
    ("outputs", "key", "inside"),
    [
        (("addons/oca/**",), "addons/oca/sale/__init__.py", True),
        (("addons/oca",), "addons/oca/sale/__init__.py", True),
        (("addons/oca/",), "addons/oca/.hidden/x", True),
        (("docs/a.json", "docs/b.json"), "docs/b.json", True),
        (("docs/*_b.json",), "docs/a_b.json", True),
        (("docs/*_b.json",), "docs/x/a_b.json", False),
        (("addons/oca/**",), "addons/ocax/a", False),
        (("addons/oca/**",), "addons/OCA/a", False),
        (("addons/oca/**",), "README.md", False),
        ((), "README.md", False),
    ],
)
def test_only_declared_paths_are_written(bench: Bench, outputs: tuple[str, ...], key: str, inside: bool) -> None:
    (verdict,) = Declared().judge(bench.add(key).subject(outputs=outputs))
    assert verdict.passed is inside
    if not inside:
        assert (verdict.code, verdict.detail) == ("E-GUARD-UNDECLARED", (key,))


def test_deletions_outside_the_outputs_are_refused_too(bench: Bench) -> None:
    assert codes(Declared().judge(bench.delete("README.md").subject(outputs=("docs/**",)))) == ["E-GUARD-UNDECLARED"]


def test_a_push_writes_nothing_and_both_ways_writes_inputs_and_outputs(bench: Bench) -> None:
    bench.add("in/a").add("out/b")
    globs = {"inputs": ("in/**",), "outputs": ("out/**",)}
    assert codes(Declared().judge(bench.subject(direction=Direction.BIDIRECTIONAL, **globs))) == []
    assert codes(Declared().judge(bench.subject(direction=Direction.PUSH, **globs))) == ["E-GUARD-UNDECLARED"]


@pytest.mark.parametrize(
    "key",
    [
        ".github/workflows/evil.yml", ".github/actions/a/action.yml", ".GitHub/Workflows/evil.yml", ".gitmodules",
        ".insightpulse/sync.yaml", ".insightpulse/sync.lock", ".InsightPulse/Sync.YAML", "scripts/sync_directional.py",
        "ci/secret/x",
    ],
)  # fmt: skip
def test_t17_what_steers_the_program_or_ci_is_not_written(bench: Bench, key: str) -> None:
    safety = Safety(protected=("ci/secret/**",))
    (verdict,) = Protected().judge(bench.add("a/b").add(key).subject(safety=safety))
    assert (verdict.passed, verdict.code, verdict.detail) == (False, "E-GUARD-PROTECTED", (key,))


def test_a_vendored_folder_may_hold_workflows_and_a_person_may_allow_more(bench: Bench) -> None:
    bench.add("addons/oca/sale/.github/workflows/test.yml").add(".github/workflows/synced.yml")
    assert codes(Protected().judge(bench.subject())) == ["E-GUARD-PROTECTED"]
    allowed = Safety(allow_protected=(".github/workflows/synced.yml",))
    assert Protected().judge(bench.subject(safety=allowed)) == []


def deletion(bench: Bench, limit: Limit, gone: int, total: int, **more: object) -> list[Verdict]:
    bench.delete(*(f"d/{number}" for number in range(gone)), remote=True)
    subject = bench.subject(
        direction=Direction.PUSH, policy=Policy(max_delete=limit), sizes={"remote": total, "repo": 0}, **more
    )
    return Deletions().judge(subject)


def test_the_message_has_the_numbers_and_the_way_on(bench: Bench) -> None:
    (verdict,) = deletion(bench, Limit(0.1, 50), 212, 260)
    assert verdict.message == "remote: 212 of 260 entries would be removed (82 %, limit 10 % or 50)"
    assert verdict.hint.endswith("dsync run oca --allow-delete 212")
    assert len(verdict.detail) == 21 and verdict.detail[-1] == "and 192 more"


@pytest.mark.parametrize(
    ("limit", "gone", "total", "passed"),
    [
        (Limit(0.5), 1, 2, True), (Limit(0.5), 2, 3, False), (Limit(0.5), 1, 1, False), (Limit(1.0), 1, 1, True),
        (Limit(0.1), 10, 100, True), (Limit(0.1), 11, 100, False), (Limit(0.3), 3, 10, True),
        (Limit(None, 5), 5, 9, True), (Limit(None, 5), 6, 1000, False), (Limit(None, 0), 1, 1000, False),
        (Limit(0.5, 5), 6, 1000, False), (Limit(0.1, 500), 101, 1000, False), (Limit(None, None), 9, 9, True),
    ],
)  # fmt: skip
def test_the_stricter_bound_holds(bench: Bench, limit: Limit, gone: int, total: int, passed: bool) -> None:
    (verdict,) = deletion(bench, limit, gone, total)
    assert verdict.passed is passed, verdict.message


def test_g12_five_hundred_mass_deletions() -> None:
    """G12: all held above the limit, none below."""
    generator = random.Random(12)
    for _ in range(500):
        total = generator.randint(10, 400)
        gone = generator.randint(total // 10, total)
        share = generator.choice([0.05, 0.1, 0.25, 0.5, 0.75, 1.0])
        count = generator.choice([None, 5, 50, 300])
        (verdict,) = deletion(Bench(None), Limit(share, count), gone, total)  # type: ignore[arg-type]
        above = gone > total * share or (count is not None and gone > count)
        assert verdict.passed is not above, (gone, total, share, count)


@pytest.mark.parametrize(("allowed", "passed"), [(211, False), (212, True), (213, True), (0, False)])
def test_a_person_raises_the_limit_to_exactly_a_number(bench: Bench, allowed: int, passed: bool) -> None:
    (verdict,) = deletion(bench, Limit(0.1, 50), 212, 260, allow_delete=allowed)
    assert verdict.passed is passed


def test_an_allowance_never_lowers_the_limit(bench: Bench) -> None:
    (verdict,) = deletion(bench, Limit(0.5), 40, 100, allow_delete=3)
    assert verdict.passed


def test_a_moved_entry_is_not_removed(bench: Bench) -> None:
    for number in range(10):
        content = f"content {number}".encode()
        bench.repo.append(Change(f"old/{number}", bench.entry(content), ABSENT))
        bench.add(f"new/{number}", content)
    (verdict,) = Deletions().judge(bench.subject(sizes={"repo": 10}, policy=Policy(max_delete=Limit(0.1))))
    assert verdict.passed and verdict.message == "repo: 0 of 10 entries would be removed"


def test_each_side_is_counted_by_itself(bench: Bench) -> None:
    bench.delete("a", "b", "c").delete("x", remote=True)
    subject = bench.subject(direction=Direction.BIDIRECTIONAL, sizes={"repo": 4, "remote": 100})
    assert [(v.passed, v.message.split(":")[0]) for v in Deletions().judge(subject)] == [
        (False, "repo"),
        (True, "remote"),
    ]


HELD = Snapshot({f"d/{n}": Entry(str(n) * 40, "100644") for n in range(1, 4)})


def emptied(bench: Bench, direction: Direction, empty: str, **more: object) -> list[Verdict]:
    bench.delete("d/1", "d/2", "d/3", remote=empty == "repo")
    sides = {"repo": HELD, "remote": HELD, empty: Snapshot()}
    sizes = {"repo": 3, "remote": 3, empty: 0}
    return Emptied().judge(bench.subject(direction=direction, **{"base": HELD, "sizes": sizes, **sides, **more}))


@pytest.mark.parametrize(
    ("direction", "empty", "refused"),
    [
        (Direction.PULL, "remote", True),
        (Direction.PUSH, "repo", True),
        (Direction.BIDIRECTIONAL, "remote", True),
        (Direction.BIDIRECTIONAL, "repo", True),
        (Direction.PULL, "repo", False),
        (Direction.PUSH, "remote", False),
    ],
)
def test_a_source_that_is_suddenly_empty_is_not_believed(
    bench: Bench, direction: Direction, empty: str, refused: bool
) -> None:
    verdicts = emptied(bench, direction, empty)
    assert codes(verdicts) == (["E-GUARD-EMPTIED"] if refused else [])
    if refused:
        assert verdicts[0].message == f"{empty}: all of its 3 entries are gone"


def test_an_empty_side_is_believed_where_a_person_says_so(bench: Bench) -> None:
    assert emptied(bench, Direction.PULL, "remote", policy=Policy(allow_empty=True)) == []
    assert emptied(Bench(bench.root), Direction.PULL, "remote", allow_delete=3) == []
    assert emptied(Bench(bench.root), Direction.PULL, "remote", allow_delete=2) != []


def test_a_side_that_could_not_be_read_is_not_empty(bench: Bench) -> None:
    assert emptied(bench, Direction.PULL, "remote", remote=Snapshot(unreadable={"": "timeout"})) == []


def test_nothing_held_before_is_nothing_lost(bench: Bench) -> None:
    assert emptied(bench, Direction.PULL, "remote", base=Snapshot()) == []


def test_without_sizes_nobody_says_that_a_side_is_empty(bench: Bench) -> None:
    """What is equal on all sides is not in the snapshots: a kept deletion must not look like an empty side."""
    assert emptied(bench, Direction.PULL, "remote", sizes={}) == []


def test_f29_large_files_are_listed_largest_first(bench: Bench) -> None:
    bench.add("a", b"x" * 300).add("b", b"y" * 500).add("c", b"z" * 100).add("l", b"t" * 900, LINK)
    (verdict,) = Size().judge(bench.subject(safety=Safety(max_file_bytes=200)))
    assert (verdict.passed, verdict.code) == (False, "E-SIZE")
    assert verdict.message == "2 files over the limit of 200 bytes, the largest 500 bytes"
    assert verdict.detail == ("b  500 bytes", "a  300 bytes")


def test_a_large_file_that_is_there_already_is_none_of_this_plan(bench: Bench) -> None:
    content = b"x" * 300
    bench.repo.append(Change("a", bench.entry(content), bench.entry(content, "100755")))
    assert Size().judge(bench.subject(safety=Safety(max_file_bytes=200))) == []


def test_a_size_that_cannot_be_found_does_not_pass(bench: Bench) -> None:
    bench.add("a", b"x")
    bench.contents.clear()
    assert codes(Size().judge(bench.subject())) == ["E-GATE-CONTENT"]


def test_shown_names_are_harmless(bench: Bench) -> None:
    (verdict,) = Declared().judge(bench.add("evil\x1b[2J\u202e").subject(outputs=("docs/**",)))
    assert verdict.detail == ("evil<U+001B>[2J<U+202E>",)
