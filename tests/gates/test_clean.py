"""What was found clean is not looked at twice, and nothing that could change the verdict is overlooked by that."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from directional_sync.gates import engines
from directional_sync.gates.finding import fingerprint
from directional_sync.gates.secrets import Secrets
from directional_sync.model.record import Verdict
from directional_sync.model.target import Allowed, Safety

from .conftest import Bench

VALUE = "x9K2" + "pq7ZrT4w"
PATTERNS = Safety(secret_patterns=("password",))
ALLOWING = Safety(secret_patterns=("password",), allowed_secrets=(Allowed(fingerprint(VALUE), "a test"),))


class Looks:
    """Judges in a run of its own each time, and counts the contents that were read for it."""

    def __init__(self, cache: Path) -> None:
        self.cache, self.read = cache, 0

    def judge(self, bench: Bench, safety: Safety = PATTERNS, **more: object) -> list[Verdict]:
        def read_many(digests: list[str]) -> Mapping[str, bytes]:
            self.read += len(digests)
            return {digest: bench.contents[digest] for digest in digests}

        self.read = 0
        return Secrets().judge(bench.subject(safety=safety, cache=self.cache, read_many=read_many, **more))

    def passes(self, bench: Bench, safety: Safety = PATTERNS, **more: object) -> bool:
        return all(verdict.passed for verdict in self.judge(bench, safety, **more))


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looks:
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)
    return Looks(tmp_path / "gates")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    for number in range(40):
        made.add(f"a/f{number}.txt", f"line {number}\n")
    return made.add("a/picture", b"\0\1\2")


def test_nothing_is_read_the_second_time(looks: Looks, bench: Bench) -> None:
    assert looks.passes(bench) and looks.read == 41
    verdicts = looks.judge(bench)
    assert looks.read == 0
    assert verdicts[-1].message == "0 files, 0 bytes of text: no likely secret, nor in 41 looked at before"
    bench.add("a/more.txt", "more\n")
    assert looks.passes(bench) and looks.read == 1


def test_what_has_a_finding_is_looked_at_each_time(looks: Looks, bench: Bench) -> None:
    bench.add("conf.txt", f"password = '{VALUE}'\n")
    assert looks.passes(bench, ALLOWING)
    assert looks.passes(bench, ALLOWING) and looks.read == 1
    assert not looks.passes(bench), "the allowance is gone"


def test_other_patterns_look_anew(looks: Looks, bench: Bench) -> None:
    bench.add("conf.txt", f"password = '{VALUE}'\n")
    assert looks.passes(bench, Safety())
    assert not looks.passes(bench)
    assert looks.passes(bench, Safety()), "and back"


def test_a_value_that_is_known_is_looked_for_everywhere(looks: Looks, bench: Bench) -> None:
    bench.add("conf.txt", f"something {VALUE} else\n")
    assert looks.passes(bench)
    assert not looks.passes(bench, secrets=(VALUE,))
    assert looks.read == 42
    kept = b"".join(path.read_bytes() for path in looks.cache.rglob("*") if path.is_file())
    assert VALUE.encode() not in kept


@pytest.mark.parametrize("change", ["the version", "a rule", "the detector"])
def test_other_judges_look_anew(
    looks: Looks, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str
) -> None:
    assert looks.passes(bench)
    if change == "the version":
        monkeypatch.setattr(engines, "__version__", "999")
    elif change == "a rule":
        for name in engines._JUDGES:
            (tmp_path / f"{name}.py").write_bytes(Path(engines.__file__).with_name(f"{name}.py").read_bytes())
        (tmp_path / "rules.py").write_bytes(b"# changed")
        monkeypatch.setattr(engines, "__file__", str(tmp_path / "engines.py"))
    else:
        monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: True)
        monkeypatch.setattr("directional_sync.gates.secrets.Detector", _Finds)
        assert not looks.passes(bench)
        return
    assert looks.passes(bench) and looks.read == 41
    assert len(list(looks.cache.glob("clean-*"))) == 1, "what other rules have found is forgotten"


def test_the_same_content_under_another_name_is_looked_at(looks: Looks, bench: Bench, tmp_path: Path) -> None:
    assert looks.passes(bench)
    assert looks.passes(Bench(tmp_path).add("b/f1.py", "line 1\n")) and looks.read == 1


@pytest.mark.parametrize("damage", [b"", b"\0", b"x" * 1000])
def test_a_damaged_memory_knows_less(looks: Looks, bench: Bench, damage: bytes) -> None:
    assert looks.passes(bench)
    (kept,) = looks.cache.glob("clean-*")
    kept.write_bytes(damage + kept.read_bytes()[3:])
    assert looks.passes(bench) and looks.read > 0
    assert looks.passes(bench) and looks.read == 0


def test_where_nothing_can_be_kept_nothing_is_lost(looks: Looks, bench: Bench) -> None:
    looks.cache.write_bytes(b"a file where the folder should be")
    assert looks.passes(bench) and looks.passes(bench) and looks.read == 41


class _Finds:
    started: threading.Thread | None = None

    def __init__(self, cache: Path | None) -> None:
        _Finds.started = threading.current_thread()

    def find(self, content: bytes, path: str) -> Iterator[engines.Hit]:
        yield engines.Hit("found", 0, len(content), content.decode("latin-1"))


def test_findings_come_in_the_order_of_the_files(looks: Looks, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for number in range(100):
        bench.add(f"f{number:02}.txt", f"password = '{VALUE}{number:02}'\n")
    (verdict,) = (one for one in looks.judge(bench) if not one.passed)
    assert [line.split(":")[0] for line in verdict.detail[:30]] == [f"f{number:02}.txt" for number in range(30)]


def test_the_detector_is_made_ready_beside(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: True)
    monkeypatch.setattr("directional_sync.gates.secrets.Detector", _Finds)
    gate = Secrets()
    gate.prepare(tmp_path / "gates")
    assert not gate.judge(bench.subject(cache=tmp_path / "gates"))[-1].passed
    assert _Finds.started not in (None, threading.main_thread())


def test_one_that_could_not_be_made_ready_is_tried_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(cache: Path | None) -> _Finds:
        raise OSError

    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: True)
    monkeypatch.setattr("directional_sync.gates.secrets.Detector", fails)
    gate, subject = Secrets(), bench.subject(cache=tmp_path / "gates")
    gate.prepare(tmp_path / "gates")
    assert [verdict.code for verdict in gate.judge(subject)] == ["E-SECRET-DETECTOR"]
    monkeypatch.setattr("directional_sync.gates.secrets.Detector", _Finds)
    assert [verdict.code for verdict in gate.judge(subject)] == ["E-SECRET"]
