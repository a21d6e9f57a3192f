"""T22-T26, G17, G18, G25: planted secrets are found, look-alikes are not, and a gate that cannot look says no."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from directional_sync.gates import detector
from directional_sync.gates.detector import Detector
from directional_sync.gates.finding import fingerprint, masked
from directional_sync.gates.secrets import Secrets
from directional_sync.model.plan import Change
from directional_sync.model.record import Verdict
from directional_sync.model.snapshot import ABSENT, FILE, Entry
from directional_sync.model.target import Allowed, Safety

from .conftest import Bench
from .planted import FILES, HARMLESS, NAMED, SEED_PATTERNS, SHAPED, Draw

SAFETY = Safety(secret_patterns=SEED_PATTERNS)
NAMES_AND_VALUES = {**{kind: ("SERVICE_VALUE", make) for kind, make in SHAPED.items()}, **NAMED}


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the detector library."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)


@pytest.fixture
def library() -> None:
    pytest.importorskip("kingfisher_sdk")


def judge(bench: Bench, safety: Safety = SAFETY, gate: Secrets | None = None, **more: object) -> list[Verdict]:
    return (gate or Secrets()).judge(bench.subject(safety=safety, **more))


def refused(verdicts: list[Verdict]) -> Verdict | None:
    return next((verdict for verdict in verdicts if not verdict.passed), None)


def plant(bench: Bench, kind: str) -> dict[str, str]:
    """Adds a secret of the kind to a file of each sort. File name -> value."""
    name, make = NAMES_AND_VALUES[kind]
    values = {}
    for position, (file, write) in enumerate(FILES.items()):
        values[file] = make(Draw(1000 * sorted(NAMES_AND_VALUES).index(kind) + position))
        bench.add(file, write(name, values[file]))
    return values


def missed(bench: Bench, kind: str, gate: Secrets | None = None, **more: object) -> list[str]:
    """The files whose secret is not found; what is found is not shown."""
    values = plant(bench, kind)
    verdict = refused(judge(bench, gate=gate, **more))
    if verdict is None:
        return list(values)
    assert verdict.code == "E-SECRET"
    for value in values.values():
        for part in re.findall(r"[A-Za-z0-9]{9,}", value):
            assert part not in repr(verdict), kind
    return [file for file in values if not any(line.startswith(f"{file}:") for line in verdict.detail)]


def test_there_are_enough_plants() -> None:
    assert len(NAMES_AND_VALUES) >= 40
    assert len(NAMES_AND_VALUES) * len(FILES) >= 200


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", NAMES_AND_VALUES)
def test_g17_a_planted_secret_is_found_and_not_shown(bench: Bench, kind: str) -> None:
    """By the built-in rules and the seed's patterns alone."""
    assert missed(bench, kind) == [], "\n".join(content.decode() for content in bench.contents.values())


def test_g17_with_the_library_nothing_is_lost(library: None, tmp_path: Path) -> None:
    gate = Secrets()
    for kind in NAMES_AND_VALUES:
        assert missed(Bench(tmp_path), kind, gate) == [], kind


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("file", HARMLESS)
def test_g18_what_only_looks_like_a_secret_passes(bench: Bench, file: str) -> None:
    assert refused(judge(bench.add(file, HARMLESS[file]))) is None


def test_g18_it_passes_with_the_library_too(library: None, bench: Bench) -> None:
    for file, content in HARMLESS.items():
        bench.add(file, content)
    verdict = refused(judge(bench))
    assert verdict is None, verdict.detail


SECRET = "x9K2" + "pq7ZrT4w"
LINE = f"password = '{SECRET}'\n".encode()


@pytest.mark.usefixtures("alone")
class TestLines:
    def test_the_place_the_rule_and_the_way_on_are_named(self, bench: Bench) -> None:
        verdict = refused(judge(bench.add("docs/prod.txt", b"a\nb\n" + LINE)))
        assert verdict is not None
        assert verdict.message == "1 likely secret in the content to be committed"
        mark = fingerprint(SECRET)
        assert verdict.detail == (f"docs/prod.txt:3   rule pattern password   x9K************   fingerprint {mark}",)
        assert mark in verdict.hint and "allowed_secrets" in verdict.hint

    def test_only_added_lines_count(self, bench: Bench) -> None:
        assert refused(judge(bench.edit("a.txt", b"x\n" + LINE, b"y\n" + LINE + b"z\n"))) is None
        moved_down = Bench(bench.root).edit("a.txt", LINE + b"x\n", b"x\ny\n" + LINE)
        assert refused(judge(moved_down)) is None
        verdict = refused(judge(Bench(bench.root).edit("a.txt", b"x\n", b"x\n" + LINE)))
        assert verdict is not None and verdict.detail[0].startswith("a.txt:2 ")

    def test_a_line_that_is_there_once_counts_when_it_comes_twice(self, bench: Bench) -> None:
        verdict = refused(judge(bench.edit("a.txt", LINE, LINE + b"x\n" + LINE)))
        assert verdict is not None and [line[:8] for line in verdict.detail] == ["a.txt:3 "]

    def test_one_new_line_within_a_key_counts(self, bench: Bench) -> None:
        key = SHAPED["rsa key"](Draw(1)).encode()
        lines = key.split(b"\n")
        other = b"\n".join([*lines[:5], lines[5][::-1], *lines[6:]])
        assert refused(judge(bench.edit("k.pem", key, other))) is not None

    def test_moved_files_and_changed_modes_have_no_added_lines(self, bench: Bench) -> None:
        entry = bench.entry(LINE)
        bench.repo = [Change("old", entry, ABSENT), Change("new", ABSENT, entry)]
        assert judge(bench) == []
        bench.repo = [Change("a", entry, Entry(entry.digest, "100755"))]
        assert judge(bench) == []

    def test_removals_are_not_looked_at(self, bench: Bench) -> None:
        bench.repo = [Change("a", bench.entry(LINE), ABSENT)]
        assert judge(bench) == []

    def test_binary_content_is_looked_at_for_known_values_only(self, bench: Bench) -> None:
        assert refused(judge(bench.add("a.bin", b"\0\1" + LINE))) is None
        verdict = refused(judge(bench, secrets=(SECRET,)))
        assert verdict is not None and "rule known value" in verdict.detail[0]

    def test_text_in_utf_16_is_text(self, bench: Bench) -> None:
        assert refused(judge(bench.add("a.ini", LINE.decode().encode("utf-16")))) is not None

    def test_text_in_no_encoding_is_text(self, bench: Bench) -> None:
        verdict = refused(judge(bench.add("a.ini", b"# caf\xe9\n\xff\xfe\x80\n" + LINE)))
        assert verdict is not None and verdict.detail[0].startswith("a.ini:3 ")

    def test_a_value_from_the_environment_is_known_by_the_name_of_its_variable(self, bench: Bench) -> None:
        bench.add("a.txt", f"see {SECRET} there")
        verdict = refused(judge(bench, environment={"MY_TOKEN": SECRET, "PWD": "/srv/odoo"}))
        assert verdict is not None and "rule known value" in verdict.detail[0]
        assert refused(judge(bench, environment={"PLACE": SECRET})) is None

    def test_p10_a_known_value_is_found_without_any_name(self, bench: Bench) -> None:
        verdict = refused(judge(bench.add("a.txt", f"see {SECRET} there"), secrets=(SECRET, "production")))
        assert verdict is not None and "rule known value" in verdict.detail[0]
        assert refused(judge(Bench(bench.root).add("a.txt", "in production"), secrets=("production",))) is None

    def test_a_hostile_name_is_shown_harmless(self, bench: Bench) -> None:
        verdict = refused(judge(bench.add("a\x1b[2J\n.txt", LINE)))
        assert verdict is not None and verdict.detail[0].startswith("a<U+001B>[2J<U+000A>.txt:1 ")

    def test_many_places_are_counted_and_cut(self, bench: Bench) -> None:
        for number in range(310):
            bench.add(f"f{number:03}", LINE + b"%d\n" % number)
        verdict = refused(judge(bench))
        assert verdict is not None and verdict.message.startswith("1 likely secret ")
        assert len(verdict.detail) == 301 and verdict.detail[-1] == "and 10 more places"

    def test_one_edit_of_the_file_allows_all_that_was_found(self, bench: Bench) -> None:
        for number in range(6):
            bench.add(f"f{number}", b"client_secret = 'Zr41pT9x2Lq%d'\n" % number)
        verdict = refused(judge(bench))
        assert verdict is not None and verdict.message.startswith("6 likely secrets ")
        _, _, block = verdict.hint.partition("\n")
        allowed = yaml.safe_load(block)["safety"]["allowed_secrets"]
        assert len(allowed) == 6
        entries = tuple(Allowed(entry["fingerprint"], entry["reason"]) for entry in allowed)
        assert refused(judge(bench, Safety(allowed_secrets=entries))) is None

    def test_equal_files_are_looked_at_once_and_all_of_them_are_meant(self, bench: Bench) -> None:
        verdict = refused(judge(bench.add("a/x", LINE).add("b/x", LINE)))
        assert verdict is not None and len(verdict.detail) == 1 and verdict.keys == ("a/x", "b/x")

    def test_what_was_looked_at_is_said(self, bench: Bench) -> None:
        verdict = judge(bench.add("a", b"x" * 10).add("b", b"y" * 20))[-1]
        assert verdict.passed and verdict.message == "2 files, 30 bytes of text: no likely secret"


@pytest.mark.usefixtures("alone")
class TestAllowances:
    def allowed(self, bench: Bench, today: str = "2026-11-23", **entry: str) -> Verdict | None:
        given = Allowed(**{"fingerprint": fingerprint(SECRET)[:6], "reason": "test data", **entry})
        safety = Safety(secret_patterns=SEED_PATTERNS, allowed_secrets=(given,))
        return refused(judge(Bench(bench.root).add("a.txt", LINE), safety, today=today))

    def test_t25_six_characters_of_the_fingerprint_allow_it(self, bench: Bench) -> None:
        assert self.allowed(bench) is None
        assert self.allowed(bench, fingerprint=fingerprint(SECRET).upper()) is None

    @pytest.mark.parametrize("mark", ["", "00", "000000000000", fingerprint(SECRET)[:5], fingerprint(SECRET) + "0"])
    def test_too_little_or_something_else_does_not(self, bench: Bench, mark: str) -> None:
        assert self.allowed(bench, fingerprint=mark) is not None

    def test_an_allowance_ends_after_its_last_day_and_this_is_said(self, bench: Bench) -> None:
        assert self.allowed(bench, today="2026-11-23", expires="2026-11-23") is None
        verdict = self.allowed(bench, today="2026-11-24", expires="2026-11-23")
        assert verdict is not None
        assert verdict.detail[-1] == f"the allowance for {fingerprint(SECRET)[:6]} ended on 2026-11-23 (test data)"
        assert self.allowed(bench, today="", expires="2999-01-01") is not None

    def test_one_allowance_does_not_cover_another_secret(self, bench: Bench) -> None:
        given = Allowed(fingerprint(SECRET), "test data")
        safety = Safety(secret_patterns=SEED_PATTERNS, allowed_secrets=(given,))
        bench.add("a.txt", LINE + b"client_secret = 'Zr41" + b"pT9x2Lq'\n")
        verdict = refused(judge(bench, safety))
        assert verdict is not None and len(verdict.detail) == 1 and "a.txt:2" in verdict.detail[0]

    def test_the_fingerprint_is_of_the_value_whatever_found_it(self) -> None:
        key = SHAPED["pkcs8 key"](Draw(4))
        assert fingerprint(key) == fingerprint(key.replace("\n", "\\n")) == fingerprint(key.rpartition("-----END")[0])
        assert fingerprint(key) != fingerprint(SHAPED["pkcs8 key"](Draw(5)))
        assert re.fullmatch("[0-9a-f]{12}", fingerprint("x"))


def test_a_masked_value_shows_at_most_a_quarter_and_not_its_length() -> None:
    assert [masked("k" * length)[: length // 2] for length in (1, 4, 8)] == ["", "k*", "kk**"]
    assert len(masked("a" * 100)) == len(masked("a" * 16)) == 16


class _Broken(Exception):
    pass


class TestDetector:
    def test_without_it_a_warning_is_given_once_in_a_run(self, bench: Bench, alone: None) -> None:
        gate = Secrets()
        first, second = (judge(Bench(bench.root).add("a", b"x"), gate=gate) for _ in range(2))
        assert [v.warning for v in first] == [True, False] and [v.warning for v in second] == [False]
        assert first[0].passed and "pip install 'directional-sync[secrets]'" in first[0].hint
        assert Secrets().judge(Bench(bench.root).subject()) == []

    def test_without_it_nothing_passes_where_it_is_required(self, bench: Bench, alone: None) -> None:
        verdict = refused(judge(bench.add("a", b"x"), Safety(require_detector=True)))
        assert verdict is not None and verdict.code == "E-SECRET-DETECTOR"

    @pytest.mark.parametrize("error", [_Broken, TimeoutError, OSError, ImportError, BaseException])
    def test_one_that_falls_over_has_not_said_yes(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
    ) -> None:
        class Falls:
            def __init__(self, cache: Path | None) -> None:
                pass

            def find(self, content: bytes, path: str) -> Iterator[object]:
                raise error("boom")
                yield

        monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: True)
        monkeypatch.setattr("directional_sync.gates.secrets.Detector", Falls)
        verdict = refused(judge(bench.add("a", b"x")))
        assert verdict is not None and verdict.code == "E-SECRET-DETECTOR"

    def test_one_that_cannot_start_has_not_said_yes(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(cache: Path | None) -> Detector:
            raise _Broken

        monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: True)
        monkeypatch.setattr("directional_sync.gates.secrets.Detector", fails)
        verdict = refused(judge(bench.add("a", b"x")))
        assert verdict is not None and verdict.code == "E-SECRET-DETECTOR"
        assert verdict.message == "the rules of the detector could not be applied: _Broken"

    def test_an_interrupt_goes_on(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(cache: Path | None) -> Detector:
            raise KeyboardInterrupt

        monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: True)
        monkeypatch.setattr("directional_sync.gates.secrets.Detector", interrupted)
        with pytest.raises(KeyboardInterrupt):
            judge(bench.add("a", b"x"))

    def test_only_its_scanner_is_used(self) -> None:
        """The same distribution can send credentials over the network, and revoke them."""
        source = Path(detector.__file__).read_text()
        imported = re.findall(r"from kingfisher_sdk\S* import (.*)", source)
        assert sorted(imported) == ["Rules, Scanner", "ScanInput"]

    def test_its_rules_are_compiled_once_for_all_repositories_of_a_user(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Path | None] = []
        monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: True)
        monkeypatch.setattr("directional_sync.gates.secrets.Detector", asked.append)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        rules = tmp_path / "cache/directional-sync/secret-rules"
        for repository in ("one", "two"):
            Secrets().prepare(tmp_path / repository)
        assert asked == [rules, rules] and rules.stat().st_mode & 0o777 == 0o700
        (tmp_path / "file").touch()
        for nowhere in ({"XDG_CACHE_HOME": str(tmp_path / "file")}, {"XDG_CACHE_HOME": "", "HOME": ""}):
            for name, value in nowhere.items():
                monkeypatch.setenv(name, value)
            Secrets().prepare(tmp_path / "three")
        assert asked[2:] == [tmp_path / "three/secret-rules"] * 2

    def test_it_keeps_nothing_outside_the_given_folder(
        self, library: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.chdir(tmp_path)
        (tmp_path / "rules").mkdir(mode=0o700)
        Detector(tmp_path / "rules")
        assert [path.name for path in tmp_path.iterdir()] == ["rules"] and list((tmp_path / "rules").iterdir())


@pytest.mark.usefixtures("alone")
def test_content_that_cannot_be_read_does_not_pass(bench: Bench) -> None:
    bench.repo = [Change("a", ABSENT, Entry("7" * 40, FILE))]
    verdict = refused(judge(bench))
    assert verdict is not None and verdict.code == "E-GATE-CONTENT"


@pytest.mark.usefixtures("alone")
def test_a_pattern_that_cannot_be_used_does_not_pass(bench: Bench) -> None:
    verdict = refused(judge(bench.add("a", b"x"), Safety(secret_patterns=("(?=a)b",))))
    assert verdict is not None and verdict.code == "E-SECRET-PATTERN"


def test_every_code_raised_by_the_gates_has_a_page() -> None:
    room = Path(detector.__file__).parent
    files = [*room.glob("*.py"), room.parent / "core" / "names.py"]
    codes = {code for file in files for code in re.findall(r'"(E-[A-Z-]+)"', file.read_text())}
    page = (room.parent / "pages" / "gates.md").read_text()
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    assert {section.split("\n")[0] for section in sections} == codes
    assert all("\n**Kept:** " in section and "\n**Next:** " in section for section in sections)


@pytest.mark.usefixtures("alone")
def test_what_a_push_would_send_is_looked_at_too(bench: Bench) -> None:  # T24
    bench.add("fine.txt", b"nothing\n")
    bench.remote, bench.repo = [*bench.repo], []
    assert refused(judge(bench)) is None
    value = "ghp_" + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
    bench.add("row", f"GITHUB_TOKEN='{value}'\n".encode())
    bench.remote, bench.repo = [*bench.remote, *bench.repo], []
    verdict = refused(judge(bench))
    assert verdict is not None and verdict.code == "E-SECRET" and "to be sent" in verdict.message
    assert verdict.keys == ("row",) and value not in repr(verdict)
