"""What is kept of a flood, and what of it people see."""

from __future__ import annotations

import random

import pytest

from directional_sync.system.spool import LINE_LENGTH_MAX, Lines, Spool, clean_line, last_lines


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000, 5000])
@pytest.mark.parametrize("total", [0, 1, 99, 100, 101, 200, 201, 1234])
def test_keeps_beginning_and_end_whatever_the_chunks(total: int, chunk: int) -> None:
    content = random.Random(total).randbytes(total)
    spool = Spool(200)
    for start in range(0, total, chunk):
        spool.add(content[start : start + chunk])
    assert spool.total == total
    assert spool.truncated == (total > 200)
    if total <= 200:
        assert spool.content() == content
    else:
        middle = f"\n[... {total - 200:,} bytes left out ...]\n".encode()
        assert spool.content() == content[:100] + middle + content[-100:]


def _lines(*chunks: bytes, clock: list[float] | None = None) -> list[str]:
    heard: list[str] = []
    lines = Lines(heard.append, clock=(lambda: clock.pop(0)) if clock else (lambda: 0.0))
    for chunk in chunks:
        lines.add(chunk)
    lines.end()
    return heard


def test_lines_are_put_together_over_chunks() -> None:
    assert _lines(b"on", b"e\ntwo\nth", b"", b"ree") == ["one", "two", "three"]


def test_a_line_without_end_costs_no_memory_and_is_cut() -> None:
    heard: list[str] = []
    lines = Lines(heard.append)
    for _ in range(1000):
        lines.add(b"x" * 100_000)
    assert len(lines._begun) <= LINE_LENGTH_MAX * 4
    lines.end()
    assert len(heard) == 1
    assert len(heard[0]) == LINE_LENGTH_MAX
    assert heard[0].endswith("…")


def test_a_flood_is_thinned_and_the_thinning_said() -> None:
    heard = _lines(b"y\n" * 1_000_000)
    assert 5000 <= len(heard) <= 5001
    assert heard[-1] == "[995,000 lines not shown]"


def test_after_a_flood_lines_are_told_again() -> None:
    heard = _lines(b"y\n" * 6000, b"later\n", clock=[0.0, 0.0, 10.0])
    assert heard[-2:] == ["[1,000 lines not shown]", "later"]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"plain", "plain"),
        (b"\xff\xfe bad", "\ufffd\ufffd bad"),
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"10%\r50%\r100%\r\n", "100%"),
        (b"bell\x07 null\x00 del\x7f", "bell null del"),
        ("c1 \x9b31mx".encode(), "c1 31mx"),
        (b"a\tb", "a    b"),
        (b"   ", ""),
    ],
)
def test_clean_line(line: bytes, text: str) -> None:
    assert clean_line(line) == text


def test_last_lines() -> None:
    assert last_lines(b"one\ntwo\n\n\nthree\n", 2) == ("two", "three")
    assert last_lines(b"", 3) == ()
    assert last_lines(b"only", 3) == ("only",)
    (cut,) = last_lines(b"z" * 10_000_000, 3)
    assert len(cut) == LINE_LENGTH_MAX
