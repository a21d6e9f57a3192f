"""The pure parts by tables and laws: answers, processes, files, variables, and how they are written."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from directional_sync.endpoints.server_config import conf, documents, processes, variables
from directional_sync.endpoints.server_config.answer import Cut, Look, Process, parse
from directional_sync.endpoints.server_config.disguise import Disguise
from directional_sync.endpoints.server_config.script import Question, program

MARK = "dsync-0123"
SHELLS = [shell for shell in (["dash"], ["bash", "--posix"], ["bash"], ["busybox", "sh"]) if shutil.which(shell[0])]


def said(*parts: tuple[str, bytes, str], end: str = "done") -> bytes:
    body = b"".join(
        f"\n{MARK} {words}\n".encode() + content + f"\n{MARK} end {status}\n".encode()
        for words, content, status in parts
    )
    return f"\n{MARK} begin\n".encode() + body + (f"\n{MARK} {end}\n".encode() if end else b"")


def test_an_answer_is_taken_apart() -> None:
    answer = parse(
        b"Welcome!\n"
        + said(
            ("process 7 1", b"odoo\0-c\0/a b\0", "0 -"),
            ("environ 7", b"A=1\0", "0 -"),
            ("config 7 /a b", b"", "0 -"),
            ("conf ok /a b", b"[options]\n", "0 10"),
            ("conf missing /etc/odoo/odoo.conf", b"", "0 -"),
            ("envfile forbidden /e", b"", "0 -"),
        ),
        MARK,
    )
    assert answer.processes == (Process(7, 1, ("odoo", "-c", "/a b"), b"A=1\0", "/a b"),)
    assert answer.files["/a b"].content == b"[options]\n"
    assert answer.files["/etc/odoo/odoo.conf"].look is Look.MISSING
    assert answer.environment_file is not None and answer.environment_file.look is Look.FORBIDDEN


@pytest.mark.parametrize(
    ("status", "look"), [("0 3", Look.OK), ("1 3", Look.BROKEN), ("0 4", Look.CHANGED), ("0 changed", Look.CHANGED)]
)
def test_a_file_counts_only_when_it_is_whole(status: str, look: Look) -> None:
    file = parse(said(("conf ok /a", b"abc", status)), MARK).files["/a"]
    assert (file.look, file.content) == (look, b"abc" if look is Look.OK else b"")


def test_variables_that_could_not_be_read_are_none_and_not_empty() -> None:
    answer = parse(said(("process 7 1", b"odoo\0", "0 -"), ("environ 7", b"", "1 -")), MARK)
    assert answer.processes[0].environ is None


@given(st.integers(0, 400))
def test_a_cut_answer_is_refused_wherever_it_is_cut(size: int) -> None:  # F48
    whole = said(("conf ok /a", b"x\n" * 40, "0 80"), ("process 7 1", b"odoo\0", "0 -"))
    if size < len(whole) - 1:
        with pytest.raises(Cut):
            parse(whole[:size], MARK)


@given(st.binary(max_size=200))
@example(b"\ndsync-0124 done\n")
def test_any_content_comes_back_as_it_was(content: bytes) -> None:
    assert parse(said(("conf ok /a", content, f"0 {len(content)}")), MARK).files["/a"].content == content


@given(st.binary(max_size=300))
def test_noise_is_never_an_answer(noise: bytes) -> None:
    with pytest.raises(Cut):
        parse(noise, MARK)


@pytest.mark.parametrize("words", ["", "nonsense", "conf", "conf ok", "conf odd /a", "process x 1", "end 0", "done"])
def test_an_answer_with_parts_that_nobody_asked_for_is_refused(words: str) -> None:
    with pytest.raises(Cut):
        parse(said((words, b"", "0 -")), MARK)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_shell_answers_the_same(shell: list[str], tmp_path: Path) -> None:
    from tests.server.machine import machine

    made = machine(tmp_path / "root")
    made.conf(b"[options]\r\nx = \xff\n", "/srv/my conf")
    made.process(("python3", "/x/odoo-bin", "-c", "my conf"), {"A": "two\nlines", "B": "\udcff"}, pid=50)
    made.process(("python3", "/x/odoo-bin", "-c", "my conf"), {"A": "1"}, pid=51, parent=50)  # a worker
    (tmp_path / "root/proc/50/cwd").symlink_to("/srv")
    made.process(("vim", "/etc/odoo/odoo.conf"), pid=52)
    question = Question(process=("*/odoo-bin *", "it's [a] $(touch x) `x` *"), environ=True, root=f"{tmp_path}/root")
    done = subprocess.run([*shell, "-c", program(question, MARK)], capture_output=True, cwd=tmp_path)
    answer = parse(done.stdout, MARK)
    [found] = answer.processes
    assert (found.pid, found.config, found.environ) == (50, "/srv/my conf", b"A=two\nlines\0B=\xff\0")
    assert answer.files["/srv/my conf"].content == b"[options]\r\nx = \xff\n"
    assert done.stderr == b"" and not (tmp_path / "x").exists()


SERVER = ("/usr/bin/python3", "/usr/bin/odoo", "-c", "/etc/odoo/odoo.conf")


@pytest.mark.parametrize(
    ("argv", "yes"),
    [
        (SERVER, True),
        (("odoo", "--workers=4"), True),
        (("python3.12", "-m", "odoo", "-c", "x"), True),
        (("python3", "-X", "dev", "-u", "/opt/odoo/odoo-bin"), True),
        (("/opt/venv/bin/python", "openerp-server"), True),
        (("sudo", "-u", "odoo", "/usr/bin/odoo"), False),
        (("chown", "-R", "odoo", "/opt/odoo"), False),
        (("vim", "/opt/odoo"), False),
        (("python3", "backup.py", "/opt/odoo"), False),
        (("python3", "-c", "import odoo", "odoo"), True),
        ((), False),
    ],
)
def test_what_runs_the_server(argv: tuple[str, ...], yes: bool) -> None:
    assert processes.is_server(argv) is yes


WRAPPED = Process(5, 1, ("sudo", "-u", "odoo", "/usr/bin/odoo"))
MASTER = Process(6, 5, SERVER, b"A=1\0", "/etc/odoo/odoo.conf")
GEVENT = Process(9, 6, (*SERVER[:2], "gevent", *SERVER[2:]), b"A=1\0", "/etc/odoo/odoo.conf")
OTHER = Process(20, 1, (*SERVER[:3], "/etc/odoo/test.conf"), b"A=2\0", "/etc/odoo/test.conf")
TWIN = Process(30, 1, SERVER, b"A=1\0", "/etc/odoo/odoo.conf")


@pytest.mark.parametrize(
    ("found", "config", "pid"),
    [
        ((MASTER,), "", 6),
        ((WRAPPED, MASTER, GEVENT), "", 6),
        ((MASTER, OTHER), "/etc/odoo/test.conf", 20),
        ((MASTER, OTHER), "/etc/odoo/odoo.conf", 6),
        ((TWIN, MASTER), "", 6),
        ((MASTER, OTHER), "", None),
        ((MASTER, OTHER), "/elsewhere", None),
        ((WRAPPED,), "", None),
        ((), "", None),
    ],
)
def test_which_process_is_the_server(found: tuple[Process, ...], config: str, pid: int | None) -> None:
    if pid is None:
        with pytest.raises(processes.Unclear):
            processes.choose(found, config, standard=True)
    else:
        assert processes.choose(found, config, standard=True).pid == pid


def test_patterns_of_ones_own_may_name_anything() -> None:
    assert processes.choose([WRAPPED], "", standard=False).pid == 5


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (("--db_host=h", "--db_port", "5"), {"db_host": "h", "db_port": "5"}),
        (("-d", "a", "-r", "u", "-wpw"), {"db_name": "a", "db_user": "u", "db_password": "pw"}),
        (("--no-database-list", "--unaccent"), {"list_db": "False", "unaccent": "True"}),
        (("--db-filter=^%d$", "--addons-path=/a,/b"), {"dbfilter": "^%d$", "addons_path": "/a,/b"}),
        (("--workers=4", "--log-level", "debug"), {}),
        (("--db_host",), {"db_host": ""}),
        (("--", "--db_host=h"), {}),
    ],
)
def test_what_a_command_line_says(words: tuple[str, ...], settings: dict[str, str]) -> None:
    assert processes.said(("odoo", *words)) == settings


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"[options]\na = 1\n", {"options": {"a": "1"}}),
        (b"\xef\xbb\xbf[options]\r\nA : 1\r\nB=2\r", {"options": {"a": "1", "b": "2"}}),
        (b"[options]\n# x = 1\n; y = 2\na = %(b)s %d %%\n", {"options": {"a": "%(b)s %d %%"}}),
        (b"[options]\na = 1\na = 2\n[options]\nb = 3\n", {"options": {"a": "2", "b": "3"}}),
        (b"[options]\na = 1\n  2\n\n  3\n[q]\nb =\n", {"options": {"a": "1\n2\n\n3"}, "q": {"b": ""}}),
        (b"[DEFAULT]\nz = 1\n[options]\na = \xff\n", {"DEFAULT": {"z": "1"}, "options": {"a": "\udcff"}}),
        (b"[options]\nurl = a=b # not a comment\n", {"options": {"url": "a=b # not a comment"}}),
    ],
)
def test_a_configuration_file(content: bytes, found: dict[str, dict[str, str]]) -> None:
    assert conf.parse(content) == found


@given(st.binary(max_size=200))
@example(b"[options]\n\x85x = 1\n")
@example(b"[options\na")
@example(b"[options]\n= 1\n")
def test_a_file_is_a_configuration_or_refused_without_a_word_of_it(content: bytes) -> None:
    for start in (b"", b"[options]\n"):
        try:
            conf.parse(start + content)
        except conf.NotAConf as refused:
            assert re.fullmatch(r"it is a binary file|it has no section \[options\]|line \d+ is not .*", str(refused))
            assert refused.__cause__ is None and (refused.__context__ is None or refused.__suppress_context__)


@pytest.mark.parametrize(
    ("text", "folders"),
    [("/a,/b", ["/a", "/b"]), ("\n/b,\n/a,\n", ["/b", "/a"]), ("", []), (" , ", []), ("/a,/a", ["/a", "/a"])],
)
def test_the_addons_path_keeps_its_order(text: str, folders: list[str]) -> None:
    assert conf.addons_path({"addons_path": text}) == folders


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"A=1\0B=\0C=x=y\0", {"A": "1", "B": "", "C": "x=y"}),
        (b"A=two\nlines\0A=again\0", {"A": "two\nlines"}),
        (b"A=\xff\0", {"A": "\udcff"}),
        (b"BASH_FUNC_x%%=() { :\n}\0", {"BASH_FUNC_x%%": "() { :\n}"}),
        (b"", None),
        (b"\0" * 300, None),
        (b"A=1\0B=2", None),
        (b"odoo: WorkerHTTP 12 prod\0\0\0\0", None),
        (b"orkerHTTP\0A=1\0", None),
        (b"=1\0", None),
    ],
)
def test_variables_of_a_process(content: bytes, found: dict[str, str] | None) -> None:
    if found is None:
        with pytest.raises(variables.NotVariables):
            variables.of_process(content)
    else:
        assert variables.of_process(content) == found


@given(
    st.dictionaries(
        st.from_regex(r"\A[A-Z_][A-Z0-9_]*\Z"), st.text(st.characters(exclude_characters="\0", codec="utf-8"))
    )
)
def test_variables_come_back_whatever_their_values(given_: dict[str, str]) -> None:
    content = b"".join(f"{name}={value}\0".encode() for name, value in given_.items())
    if given_:
        assert variables.of_process(content) == given_


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"A=1\r\n\r\n# c\n; d\nexport B = x y \n", {"A": "1", "B": "x y"}),
        (b'A=\'1 # 2\'\nB="a \\"b\\" \\$c"\nC=a"b\n', {"A": "1 # 2", "B": 'a "b" $c', "C": 'a"b'}),
        (b'A="one\ntwo"\nB=1\n', {"A": "one\ntwo", "B": "1"}),
        (b"A=1\nA=2\nONLY\n", {"A": "2"}),
        (b"a b=1\n", None),
        (b'A="open\nB=1\n', None),
        (b"\0", None),
    ],
)
def test_an_environment_file(content: bytes, found: dict[str, str] | None) -> None:
    if found is None:
        with pytest.raises(variables.NotVariables):
            variables.of_file(content)
    else:
        assert variables.of_file(content) == found


@given(st.text())
def test_what_is_written_is_one_visible_line_and_can_be_read_back(text: str) -> None:
    shown = documents.quoted(text)
    assert "\n" not in shown and all(char == " " or char.isprintable() for char in shown)
    if shown.startswith('"'):
        assert ast.literal_eval(shown) == text
    else:
        assert shown == text


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_different_bytes_look_different(one: bytes, other: bytes) -> None:
    texts = [content.decode("utf-8", "surrogateescape") for content in (one, other)]
    assert (documents.quoted(texts[0]) == documents.quoted(texts[1])) == (one == other)


NAMES = st.text("ABKEYS_TOR", min_size=1, max_size=12)


@settings(max_examples=60)
@given(st.dictionaries(NAMES, st.text(max_size=80), max_size=6), st.randoms())
def test_a_value_is_shown_whole_or_not_at_all_in_whatever_order(found: dict[str, str], random: object) -> None:
    show = Disguise().over([found.items()])
    for name, value in found.items():
        assert show(name, value) in (value, f"<secret:{name}>")
    shuffled = dict(sorted(found.items(), key=lambda item: hash(item)))
    again = Disguise().over([shuffled.items()])
    assert documents.environment(found, show, "x") == documents.environment(shuffled, again, "x")


@settings(max_examples=60)
@given(
    st.dictionaries(NAMES, st.text(min_size=6, max_size=40), max_size=5),
    st.text("abcdefXYZ789#!", min_size=6, max_size=20),
)
def test_a_secret_is_secret_wherever_it_stands(found: dict[str, str], secret: str) -> None:
    pairs = {**found, "DB_PASSWORD": secret, "NOTE": f"it was {secret}!", "PLAIN": secret}
    show = Disguise().over([pairs.items()])
    shown = documents.environment(pairs, show, "x").decode()
    for name in ("DB_PASSWORD", "NOTE", "PLAIN"):
        assert f"{name}=<secret:{name}>" in shown


@pytest.mark.parametrize(
    ("name", "value", "stays"),
    [
        ("HOSTNAME", "x", False),
        ("REDIS_PORT", "tcp://10.0.0.1:6379", False),
        ("REDIS_PORT_6379_TCP_ADDR", "10.0.0.1", False),
        ("SMTP_PORT", "25", True),
        ("DB_PORT", "5432", True),
        ("ODOO_SERVICE_HOST", "10.0.0.2", False),
        ("KUBERNETES_SERVICE_PORT_HTTPS", "443", False),
        ("_", "/usr/bin/odoo", False),
        ("SSH_CONNECTION", "1 2 3 4", False),
        ("LANG", "C", True),
        ("DROPPED_BY_NAME", "1", False),
        ("INVOCATION_ID", "ab", True),
    ],
)
def test_what_lasts(name: str, value: str, stays: bool) -> None:
    found = documents.lasting({name: value}, ["DROPPED_*"], ["INVOCATION_ID"])
    assert found == ({name: value} if stays else {})
