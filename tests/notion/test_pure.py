"""The pure parts: templates, keys, plain values, blocks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directional_sync.endpoints.notion import blocks, template, values
from directional_sync.endpoints.notion.documents import SUFFIXES, BadDocument, records
from directional_sync.endpoints.notion.keys import decode, encode
from directional_sync.testing.notion_values import KINDS, Invalid, check_blocks, stored

IDS = st.text(st.characters(codec="utf-8"), min_size=1)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)


@given(IDS)
def test_a_key_comes_back_and_no_tree_takes_it_for_something_else(external: str) -> None:
    key = encode(external)
    assert decode(key) == external
    assert key not in ("", ".", "..") and not key.startswith(".")
    assert not any(character in key for character in "/\\\0\n")


@given(IDS, IDS)
def test_two_ids_are_two_keys(one: str, other: str) -> None:
    assert (encode(one) == encode(other)) == (one == other)


def test_ordinary_ids_stay_as_they_are() -> None:
    assert encode("monthend_RIM_vat_2026_01") == "monthend_RIM_vat_2026_01"


RAW: dict[str, st.SearchStrategy[Any]] = {
    "title": WORDS,
    "rich_text": st.text(st.characters(codec="utf-8"), max_size=5000),
    "number": st.one_of(st.integers(-(2**52), 2**52), st.floats(-1e15, 1e15), st.none()),
    "select": WORDS.map(lambda text: text.replace(",", "")),
    "multi_select": st.lists(WORDS.map(lambda text: text.replace(",", "")), max_size=9),
    "date": st.one_of(
        st.dates().map(lambda day: day.isoformat()),
        st.datetimes(timezones=st.timezones()).filter(lambda at: 1 < at.year < 9999).map(lambda at: at.isoformat()),
    ),
    "checkbox": st.sampled_from([True, False, "yes", "no", "", None, 1, 0]),
    "url": WORDS,
    "phone_number": WORDS,
    "people": st.lists(st.uuids().map(str), max_size=9),
    "relation": st.lists(st.uuids().map(lambda one: one.hex), max_size=9),
}


@pytest.mark.parametrize("kind", RAW)
@given(data=st.data())
def test_what_is_sent_comes_back_as_the_same_plain_value(kind: str, data: st.DataObject) -> None:
    """The law under `a run after a run writes nothing`: whatever form Notion gives a value."""
    column: dict[str, Any] = {"type": kind, kind: {"options": [{"id": "o", "name": "Done"}]}}
    raw = data.draw(RAW[kind])
    try:
        plain = values.wanted(raw, kind, {"done": "Done"})
    except values.BadValue:
        return
    kept = {"type": kind, **KINDS[kind], **stored(column, values.sent(plain, kind))}
    assert values.seen(kept) == plain
    assert values.wanted(plain, kind, {"done": "Done"}) == plain


@given(st.text(st.characters(codec="utf-8"), max_size=9000))
def test_runs_hold_all_of_a_text_and_are_not_too_long(content: str) -> None:
    found = [run["text"]["content"] for run in values.runs(content)]
    assert "".join(found) == content
    assert all(len(run.encode("utf-16-le")) // 2 <= values.RUN_MAX for run in found)


@given(st.text(max_size=600))
def test_any_text_becomes_blocks_that_notion_takes(content: str) -> None:
    try:
        check_blocks(blocks.folded(blocks.body(content)))
    except Invalid as error:
        raise AssertionError(content) from error


@pytest.mark.parametrize(
    ("zone", "start", "plain"),
    [
        (None, "2026-03-29T02:30:00.000+01:00", "2026-03-29T01:30Z"),
        ("Europe/Brussels", "2026-07-01T12:00:00.000", "2026-07-01T10:00Z"),
        (None, "2026-07-01T12:00:59Z", "2026-07-01T12:00Z"),
        (None, "2026-07-01", "2026-07-01"),
    ],
)
def test_moments_in_any_zone_are_one(zone: str | None, start: str, plain: str) -> None:
    date = {"start": start, "end": None, "time_zone": zone}
    assert values.seen({"type": "date", "date": date}) == plain


@pytest.mark.parametrize("kind", ["formula", "rollup", "files", "created_time", "unique_id"])
def test_what_cannot_be_owned_is_unreadable_and_never_nothing(kind: str) -> None:
    with pytest.raises(values.Unreadable):
        values.seen({"type": kind, kind: None})


@pytest.mark.parametrize(
    ("text", "fields", "value"),
    [
        ("{a}", {"a": [1, 2]}, [1, 2]),
        ("{a}-{b}", {"a": 1, "b": True}, "1-true"),
        ("{{{a}}}", {"a": "x"}, "{x}"),
        ("{a|slug}", {"a": " Über die Bank, 2. Teil "}, "uber_die_bank_2_teil"),
        ("{a|upper|trim}", {"a": " x "}, "X"),
        ("{a|yyyy}/{a|mm}/{a|dd}", {"a": "2026-01-31T10:00Z"}, "2026/01/31"),
        ("{a|mm}", {"a": "2026-02"}, "02"),
        ("{a?}", {}, None),
        ("x{a?}", {}, "x"),
        ("{a.b.c}", {"a.b.c": 1}, 1),
        ("{a}", {"a": "{b}"}, "{b}"),
        ("", {}, ""),
    ],
)
def test_templates(text: str, fields: dict[str, Any], value: Any) -> None:
    assert template.render(template.parse(text), lambda name: _field(fields, name)) == value


def _field(fields: dict[str, Any], name: str) -> Any:
    if name not in fields:
        raise template.MissingField(name)
    return fields[name]


@pytest.mark.parametrize(
    "text", ["{", "}", "{}", "{a.}", "{a[0]}", "{a!r}", "{a:>5}", "{__class__()}", "{a|nope}", "{a b}", "{{a}", "{0}"]
)
def test_templates_that_are_not_understood(text: str) -> None:
    with pytest.raises(template.BadTemplate):
        template.parse(text)


@pytest.mark.parametrize(
    ("text", "fields"),
    [("{a}!", {"a": {"b": 1}}), ("{a}", {"a": None}), ("{a|dd}", {"a": "2026-01"}), ("{a|yyyy}", {"a": "soon"})],
)
def test_fields_that_do_not_fit(text: str, fields: dict[str, Any]) -> None:
    with pytest.raises(template.BadField):
        template.render(template.parse(text), lambda name: _field(fields, name))


@given(st.text(max_size=60))
def test_any_text_is_a_template_or_a_mistake(text: str) -> None:
    try:
        made = template.parse(text)
    except template.BadTemplate:
        return
    template.render(made, lambda name: "x") if not any(field.filters for field in made.fields) else None


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.from_regex(r"[\[{\"',:\-\n ab1&*!|>#]{0,60}").map(str.encode),
    )
)
def test_any_bytes_are_records_or_mistakes_with_a_line(suffix: str, content: bytes) -> None:
    for prefix in (b"", b"---\n"):
        for rows in ("", "a"):
            try:
                found = records(f"x{suffix}", prefix + content, rows)
            except BadDocument as error:
                assert error.problems and all(problem.line >= 1 and problem.message for problem in error.problems)
            else:
                assert all(record.line >= 1 for record in found)


@pytest.mark.parametrize(
    "content",
    ["[" * 20_000, "{a: " * 20_000, "- " * 20_000, "a:\n" + "".join(" " * n + "- b:\n" for n in range(1, 300))],
)
@pytest.mark.parametrize("suffix", [".json", ".yaml", ".md"])
def test_what_is_nested_without_end_is_a_mistake(suffix: str, content: str) -> None:  # T27, T28
    with pytest.raises(BadDocument):
        records(f"x{suffix}", f"---\n{content}\n---\n".encode() if suffix == ".md" else content.encode(), "")
