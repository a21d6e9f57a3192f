"""What people see, whole."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from tests.interface.values import (
    everything,
    failed,
    file_plan,
    opaque,
    record,
    refused,
    sample,
    sources_plan,
    summary,
    unchanged,
)

from directional_sync.errors import ConfigError, Exit, LockHeldError, Problem
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import FileDiff, Plan, Sign
from directional_sync.model.record import Failure
from directional_sync.model.target import Direction, Schedule
from directional_sync.render import diff, drift, listing, problems
from directional_sync.render.ink import Ink, Show, cells, note, shorten
from directional_sync.render.text import plan_text, run_text
from directional_sync.render.when import ago, ahead, ordinal, schedule, took

INK = Ink()


def test_plan(golden: SnapshotAssertion) -> None:
    given = everything(dry_run=True)
    assert plan_text(given, INK, given.exit()) == golden


def test_plan_show_all_in_colour(golden: SnapshotAssertion) -> None:
    given = summary(
        record(sources_plan(), Outcome.PLANNED, "moved"), unchanged("quiet"), dry_run=True, plan_id="8f3c21ab"
    )
    assert plan_text(given, Ink(color=True, show=Show.ALL), Exit.OK) == golden


def test_plan_quiet(golden: SnapshotAssertion) -> None:
    given = everything(dry_run=True)
    assert plan_text(given, Ink(verbose=-1), given.exit()) == golden


def test_run(golden: SnapshotAssertion) -> None:
    given = everything(dry_run=False)
    assert run_text(given, INK, given.exit()) == golden


def test_an_opaque_target_is_unknown_never_no_change() -> None:
    text = plan_text(summary(opaque(), dry_run=True, plan_id="aa"), INK, Exit.OK)
    assert "no preview possible" in text
    assert "0 targets would change, 1 unknown" in text
    assert "1 successful (1 unknown)" in text


def test_nothing_to_do_for_62_targets_takes_five_lines() -> None:  # U4
    given = summary(*(unchanged(f"target_{n}") for n in range(62)))
    assert len(run_text(given, INK, Exit.OK).splitlines()) <= 5
    assert len(plan_text(given, INK, Exit.OK).splitlines()) <= 7


def test_one_failure_among_62_is_seen_without_scrolling() -> None:  # U5
    given = summary(*(unchanged(f"target_{n}") for n in range(61)), failed())
    lines = run_text(given, INK, Exit.FAILED).splitlines()
    assert len(lines) <= 24
    last = "\n".join(lines[-12:])
    for part in ("E-NET-TRUNCATED", "live_to_docs", "kept", "dsync run live_to_docs", "exit 1"):  # U2
        assert part in last


@pytest.mark.parametrize("one", [failed(), refused()])
def test_the_last_twelve_lines_of_a_single_problem_say_what_to_do(one: object) -> None:  # U2
    given = summary(one)  # type: ignore[arg-type]
    last = run_text(given, INK, given.exit()).splitlines()[-12:]
    assert any("[E-" in line for line in last)
    assert any(line.strip().startswith("kept") for line in last)
    assert any("dsync " in line for line in last)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_problems_keep_to_the_width(width: int) -> None:
    hint = "set it in the environment, or in a file that git ignores, and then go on where it stopped: dsync run a"
    given = Failure("E-ENV-MISSING", "word " * 40, hint, "sync.yaml:3:3", "all " * 40, ("detail " * 40,))
    shown = problems.failure(given, Ink(width=width), "apps_truth", "dsync show ffee0000")
    assert max(map(len, shown)) <= width
    assert sum("word" in line for line in shown) > 1
    assert any(line.endswith("dsync run a") for line in shown)  # a command is not broken up


def test_a_mark_of_per_cent_stays_with_its_number() -> None:
    given = Failure("E-GUARD-DELETE", "a" * 40 + " limit 50 % of", "")
    assert not any(line.lstrip().startswith("%") for line in problems.failure(given, Ink(width=78)))


@pytest.mark.parametrize("ink", [Ink(verbose=1), Ink(show=Show.ALL)])
def test_all_findings_are_shown_to_whoever_asks_for_more(ink: Ink) -> None:
    given = Failure("E-SECRET", "six", detail=tuple(f"place {n}" for n in range(6)))
    assert "  | and 3 more" in problems.failure(given, Ink())
    assert [line for line in problems.failure(given, ink) if "place" in line] == [f"  | place {n}" for n in range(6)]


def test_a_remark_is_cut_between_words() -> None:
    paths = [f"vendor/repository-{n}/conftest.py" for n in range(9)]
    shown = note(f"names: 9 names: {', '.join(paths)}", Ink(width=80))
    assert shown.endswith(" ...") and len(shown) <= 160
    assert all(word.strip(",") in paths for word in shown.split(" ")[3:-1])


def test_many_problems_show_the_last_ones_in_full() -> None:
    given = summary(*(failed(f"t{n}") for n in range(30)))
    text = run_text(given, INK, Exit.FAILED)
    assert text.count("  kept ") == problems.FULL_PROBLEMS
    assert all(f" t{n}: " in text for n in range(30))


def test_many_files_are_counted_by_folder() -> None:
    plan = sources_plan()
    from tests.interface.values import add

    changes = tuple(add(f"docs/{a}/{b}.md") for a in "abc" for b in range(20))
    lines = plan_text(
        summary(record(Plan("docs", Direction.PULL, repo=changes), Outcome.PLANNED, ""), dry_run=True), INK, Exit.OK
    )
    assert "+ docs/a/  +20 files" in lines and plan
    assert "--show all" in lines


def test_config_errors(golden: SnapshotAssertion) -> None:
    source = "    schedule: */6 * * * *"
    found = ConfigError(
        [
            Problem(
                "a value starting with * must be quoted in YAML", ".insightpulse/sync.yaml", 31, 15, 1, source,
                'schedule: "*/6 * * * *"',
            ),
            Problem("unknown key `direcion`", ".insightpulse/sync.yaml", 44, 5, 8, "    direcion: pull", "is it x?"),
            Problem("no targets", ".insightpulse/sync.yaml"),
            Problem("too long", "sync.yaml", 3, 150, 5, "key: " + "x" * 140 + "wrong" + "y" * 100),
        ]
    )  # fmt: skip
    assert problems.error(found, INK) == golden


def test_lock(golden: SnapshotAssertion) -> None:
    held = LockHeldError(
        "E-LOCK", "another run holds this repository: pid 4121 on ci-7, `dsync run`, since 2026-03-29T02:00:00Z",
        hint="wait for it, or give --lock-timeout 600", kept="nothing was changed",
    )  # fmt: skip
    assert problems.error(held, INK) == golden


def test_the_caret_stands_under_the_place_even_in_wide_text() -> None:
    problem = Problem("wrong", "sync.yaml", 1, 6, 3, "日本語: bad")
    excerpt = problems.config_problem(problem, INK)
    assert excerpt[1].index("bad") + 3 == excerpt[2].index("^")  # three characters take six columns


def test_diff_masks_what_sounds_sensitive() -> None:
    from tests.interface.values import AFTER, BEFORE

    text = "\n".join(diff.patch([(Sign.CHANGE, FileDiff("a.json", BEFORE, AFTER))], INK))
    assert "hunter2" not in text
    assert '~   "DB_PASSWORD": (sensitive, changed)' in text


@pytest.mark.parametrize(
    "line", ["token: abc", "export NOTION_API_TOKEN=secret_1", '"client_secret": "x"', "- password: p", "api_key = 1"]
)
def test_masked_lines(line: str) -> None:
    assert diff.mask(line).endswith("(sensitive)")


@pytest.mark.parametrize("line", ["tokens are counted here", "def secret():", "# password policy", "key: value"])
def test_lines_left_alone(line: str) -> None:
    assert diff.mask(line) == line


def test_binary_content_is_told_by_size() -> None:
    assert diff.patch([(Sign.CHANGE, FileDiff("a.png", b"\0" * 10, b"\0" * 12))], INK) == [
        "~ a.png  (10 bytes -> 12 bytes)"
    ]


def test_long_differences_are_cut() -> None:
    after = "\n".join(map(str, range(100))).encode()
    shown = diff.file_diff(Sign.ADD, FileDiff("a", None, after), INK, lines_max=10)
    assert len(shown) == 12 and "91 more lines" in shown[-1]


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 2 * * *", "daily 02:00"),
        ("0 */6 * * *", "every 6h"),
        ("*/15 * * * *", "every 15m"),
        ("0 * * * *", "every 1h"),
        ("0 5 * * 0", "Sun 05:00"),
        ("0 1 1 * *", "monthly 1st 01:00"),
        ("30 1 22 * *", "monthly 22nd 01:30"),
        ("0 5 * * 1-5", "0 5 * * 1-5"),
        ("0 2 1 1 *", "0 2 1 1 *"),
        ("17 */6 * * *", "17 */6 * * *"),
    ],
)
def test_schedules_in_words(cron: str, words: str) -> None:
    assert schedule(Schedule(cron)) == words


def test_a_schedule_elsewhere_names_its_zone() -> None:
    assert schedule(Schedule("0 2 * * *", "Europe/Brussels")) == "daily 02:00 Europe/Brussels"
    assert schedule(None) == "by hand"


def test_times_in_words() -> None:
    now = "2026-03-29T12:00:00Z"
    assert ago("2026-03-29T06:00:00Z", now) == "6h ago"
    assert ago("2026-03-29T13:00:00Z", now) == "just now"  # a clock that was set back
    assert ago("", now) == "never"
    assert ahead("2026-03-30T05:00:00Z", now) == "in 17h"
    assert ahead("2026-03-29T11:00:00Z", now) == "now"
    assert (took(0.042), took(12.34), took(62), took(7384)) == ("0.04s", "12.3s", "1m 02s", "2h 03m")
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
    ]


@given(st.text(max_size=60), st.integers(1, 40))
def test_shortened_text_fits_and_keeps_both_ends(text: str, columns: int) -> None:
    short = shorten(text, columns)
    assert cells(short) <= columns
    assert short == text or "." in short


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f]")


@given(st.text(st.characters(), max_size=30))
def test_hostile_text_reaches_no_output(text: str) -> None:  # T07, T08, T12: wherever foreign text can stand
    from tests.interface.hostile import hostile_summary

    for dry_run in (True, False):
        found = hostile_summary(text, dry_run=dry_run)
        render = plan_text if dry_run else run_text
        shown = render(found, Ink(show=Show.ALL, verbose=2), Exit.FAILED)
        assert not CONTROL.search(shown)
        assert len(shown.splitlines()) == len(shown.split("\n"))


def test_a_name_cannot_make_a_line_of_its_own() -> None:
    from tests.interface.hostile import hostile_summary

    found = hostile_summary("x\n::error::owned\nPlan: 0 targets", dry_run=True)
    shown = plan_text(found, Ink(show=Show.ALL, verbose=2), Exit.FAILED)
    assert [line for line in shown.splitlines() if line.lstrip().startswith("::error")] == []


def test_samples_belong_to_their_change() -> None:
    given = record(file_plan(), Outcome.PLANNED, "~1 file", samples=sample())
    assert "(sensitive, changed)" in plan_text(summary(given, dry_run=True), INK, Exit.OK)


def test_list(golden: SnapshotAssertion) -> None:
    assert listing.targets(_rows(), INK, "2026-03-29T12:00:00Z") == golden


def test_list_read_aloud(golden: SnapshotAssertion) -> None:
    assert listing.targets(_rows(), Ink(accessible=True), "2026-03-29T12:00:00Z") == golden


def test_tables_fit_eighty_columns() -> None:
    from dataclasses import replace

    row = _rows()[0]
    wide = replace(row, target=replace(row.target, name="a_very_long_name_" * 6))
    assert all(cells(line) <= 80 for line in listing.targets([wide], INK, "2026-03-29T12:00:00Z").splitlines())


def _rows() -> list[listing.Listed]:
    from tests.interface.values import targets

    ok = listing.Last("2026-03-29T06:00:00Z", Outcome.IN_SYNC, "")
    lasts = [
        (ok, "2026-03-30T02:00:00Z", False, True),
        (listing.Last("2026-03-29T10:00:00Z", Outcome.SYNCED, ""), "2026-03-29T18:00:00Z", False, True),
        (listing.Last("2026-03-26T12:00:00Z", Outcome.IN_SYNC, ""), "2026-03-29T00:00:00Z", True, True),
        (None, "2026-04-05T05:00:00Z", False, True),
        (listing.Last("2026-03-29T04:00:00Z", Outcome.CONFLICTED, ""), "2026-03-30T04:00:00Z", False, True),
        (None, "2026-04-01T01:00:00Z", False, False, True),
    ]
    return [listing.Listed(target, *given) for target, given in zip(targets(), lasts, strict=True)]


def test_drift(golden: SnapshotAssertion) -> None:
    ok = listing.Last("2026-03-29T06:00:00Z", Outcome.IN_SYNC, "", "2026-03-29T06:00:00Z")
    then = listing.Last("2026-03-29T11:00:00Z", Outcome.FAILED, "", "2026-03-29T06:00:00Z")
    rows = [
        drift.Drift("claude_config", False, 2, 1, 2, 0, "", None),
        drift.Drift("apps_truth", True, last=ok),
        drift.Drift("notion_bir", False, held=1, last=ok),
        drift.Drift("live_to_docs", None, message="no successful read since 3d", last=then),
        drift.Drift(
            "oca", None, message=f"1 of 55 sources could not be read: vendor/web: {'/'.join('abcdef')} is gone"
        ),
    ]
    assert drift.drift(rows, 6, "a run was killed while updating 94 files", INK, "2026-03-29T12:00:00Z") == golden


def test_doctor(golden: SnapshotAssertion) -> None:
    checks = [
        listing.Checked("program", "git", True, "2.39.5"),
        listing.Checked("program", "secret detector", None, "no detector is installed", "pip install x"),
        listing.Checked("repository", "work tree", True, "clean"),
        listing.Checked(
            "credentials", "variables", False, "NOTION_API_TOKEN is not set", "export NOTION_API_TOKEN=..."
        ),
    ]
    assert listing.doctor(checks, INK) == golden


def test_log_and_show(golden: SnapshotAssertion) -> None:
    from directional_sync.render.report import report

    found = report(everything(dry_run=False))
    text = listing.runs([found], INK, "2026-03-29T12:00:00Z") + "\n\n" + listing.run(found, INK)
    assert text == golden
