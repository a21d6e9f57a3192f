"""What a configured pattern finds, and that no pattern can hold a run up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directional_sync.gates.literals import credential_shaped, literal_secret
from directional_sync.gates.patterns import Patterns, pattern_problem
from directional_sync.gates.rules import built_in

VALUE = "x9K2" + "pq7ZrT4w"
PATTERNS = Patterns(("password", "secret", "NOTION_.*_DB_ID"))


def found(text: str, path: str = "a.yaml", patterns: Patterns = PATTERNS) -> list[str]:
    content = text.encode()
    hits = list(patterns.find(content, path))
    for hit in hits:
        assert content[hit.start : hit.end].decode() == hit.value
    return [hit.value for hit in hits]


GIVEN = [
    "password = '{}'", 'password = "{}"', "password={}", "password: {}", '"password": "{}"', "'password' => '{}',",
    "DB_PASSWORD={}", "export DB_PASSWORD={} # why", "db.password={}", "Password:{}", "password := '{}'",
    "password: str = '{}'", "password = b'{}'", "password = r'{}'", "f(user, password='{}')", "tool --password {} -x",
    "tool --password='{}'", "<password>{}</password>", '<field name="password">{}</field>', '<x password="{}"/>',
    '<add key="password" value="{}"/>', '{{"key": "DB_PASSWORD", "scope": "RUN", "value": "{}"}}',
    "- name: DB_PASSWORD\n  value: {}", "- name: DB_PASSWORD\n  type: SECRET\n  value: \"{}\"", "a = password = '{}'",
    "{{password: '{}', user: 'x'}}", "password['main'] = 1; secret = '{}'", "environ['SECRET'] = '{}'",
    "client-secret: {}", "ü = 1; password = '{}'  # ß", "NOTION_BIR_DB_ID={}",
    "A=1 NOTION_X_DB_ID={} NOTION_Y_DB_ID=none",
]  # fmt: skip


@pytest.mark.parametrize("line", GIVEN)
def test_a_literal_given_to_a_name_is_found(line: str) -> None:
    assert found(line.format(VALUE)) == [VALUE]
    assert found("# before\n" + line.format(VALUE) + "\n# after\n") == [VALUE]


NOT_GIVEN = [
    "password", "enter your password {}", "if password == '{}':", "password != '{}'", "password('{}')", "# {} password",
    "password = get('{}')", "password = $({})", "password_url = 'https://h/{}'", "password_hash = '{}'",
    "secret_file: {}", "secretary = 'Mrs. {}'", "password = f'{{x}}{}'", "password: {} and more words",
    "see password\n= '{}'",
]  # fmt: skip


@pytest.mark.parametrize("line", NOT_GIVEN)
def test_what_is_not_a_literal_of_that_name_is_not(line: str) -> None:
    assert found(line.format(VALUE)) == []


def test_a_bare_word_is_a_literal_in_configuration_and_a_name_in_code() -> None:
    assert found(f"password = {VALUE}", "a.conf") == [VALUE]
    assert found(f"password = {VALUE}", "a.py") == []
    assert found(f"password = '{VALUE}'", "a.py") == [VALUE]


@pytest.mark.parametrize(
    "value",
    ["x9K2pq7ZrT4w", "hunter2hunter2", "S3cure!Pass9", "p4ssw0rd!Zx", "correct-h0rse-b4ttery", "0f" * 3 + "93ab" * 7,
     "a1b2c3d4-e5f6-4789-9abc-def0126d5e7f", "abcde:fghij-12k9z/x8", "Tr0ub4dor&3", "kJ8/xQ2+vN5mB7cZ1aS4dF6g=="],
)  # fmt: skip
def test_values_that_look_real(value: str) -> None:
    assert literal_secret(value)


@pytest.mark.parametrize(
    "value",
    ["short1", "has some blanks 1", "changeme123", "your_password_1", "xxxxxxxx1", "<password1>", "${PASSWORD1}",
     "{{ secret1 }}", "%(password1)s", "/run/secrets/db1", "./conf/a1.yml", "https://h/x1y2z3", "2024-01-01",
     "1.2.3-rc1", "1234567890", "john1@example.org", "sha256:9f86d081884c7d65", "[a-z0-9]{8,}", "base.group_user_1",
     "some_name_v2", "test1234", "password123", "MyPassword1", "admin_secret_1", "placeholder-9z", "os.environ.get1",
     "get_x1(y)", "settings.py.v1.json", "********1", "aaaaaaaa1", "#a1b2c3d4", "SomeClassName2", "ENC[abc123xyz9]",
     "null12345..."],
)  # fmt: skip
def test_values_that_do_not(value: str) -> None:
    assert not literal_secret(value)


def test_a_pattern_of_a_shape_needs_no_name() -> None:
    shape = Patterns(("corp-[a-z0-9]{20,}", "AKIA[0-9A-Z]{16}"))
    value = "corp-" + "a8f3k2m9q7w1e5r4t6y0"
    assert found(f"see {value} there", patterns=shape) == [value]
    assert found("corp-aaaaaaaaaaaaaaaaaaaaaaaa corp-internalservicenames", patterns=shape) == []
    assert found(f"see {value.upper()}", patterns=shape) == []


def test_a_group_says_itself_what_the_value_is() -> None:
    group = Patterns((r"pin is (\d{4})",))
    assert found("the pin is 4711.", patterns=group) == ["4711"]
    assert found("the pin is ${PIN}.", patterns=Patterns((r"pin is (\S+)",))) == []


def test_credentials_by_their_looks() -> None:
    assert credential_shaped("AKIA" + "QX7FZ3LMN5PRT2WV")
    assert not credential_shaped("NOTION_MONTHEND_DB_ID")
    assert not credential_shaped("SUPABASE_SERVICE_ROLE_KEY")


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [("(?=a)b", "look-ahead"), ("(?<!a)b", "look-behind"), (r"(a)\1", "back-references"), ("[", "missing ]"),
     ("", "empty"), ("  ", "empty"), ("a*", "empty text"), ("(", "missing )"), ("(.{1000}){1000}", "repetition"),
     ("((a{100}){100}){100}", "repetition"), (r"\pL{900}\pL{900}", "too large")],
)  # fmt: skip
def test_a_pattern_that_cannot_be_used_is_named(pattern: str, problem: str) -> None:
    assert problem in pattern_problem(pattern)
    with pytest.raises(ValueError):
        Patterns((pattern,))


@pytest.mark.parametrize("pattern", ["password", "NOTION_.*_DB_ID", "(a+)+$", r"\bkey\b", "(?i)token", "ключ", "a|b"])
def test_a_pattern_that_can_be_used_has_no_problem(pattern: str) -> None:
    assert pattern_problem(pattern) == ""


REDOS = [
    "(a+)+$", "(a|aa)+$", "(.*a){12}", "(x+x+)+y", r"([a-zA-Z]+)*\d", r"^(([a-z])+.)+[A-Z]([a-z])+$",
    "(?i)(a?){30}a{30}", r"(password|secret|token).*=.*(a|b|c|d|e)*f", ".*.*.*=.*", ".+",
]  # fmt: skip
WORST = [
    "a" * 200_000, "a" * 200_000 + "!", "password" * 25_000, "password=" * 22_000, "password: " * 20_000,
    "='" * 100_000, '"password": "' + "\\" * 200_000, "<" * 200_000, "name:" * 40_000, "key=password " * 15_000,
    "a.b-c$" * 33_000, "://a:" * 40_000, "secret_" * 28_000, " " * 200_000, "secret='x" * 20_000,
    "<password>" * 20_000, "name=secret value=" * 10_000, "--password " * 18_000,
]  # fmt: skip


@pytest.mark.parametrize("pattern", REDOS)
def test_t26_a_pattern_that_backtracks_elsewhere_is_done_here(pattern: str) -> None:
    """Each of these takes minutes to years in an engine that backtracks."""
    patterns = Patterns((pattern,))
    for text in WORST:
        list(patterns.find(text[:20_000].encode(), "a.txt"))


@pytest.mark.parametrize("number", range(len(WORST)))
def test_g25_the_worst_lines_are_done(number: int) -> None:
    for path in ("a.txt", "a.py"):
        list(PATTERNS.find(WORST[number].encode(), path))
    list(built_in(WORST[number].encode()))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_searched(content: bytes) -> None:
    for hit in PATTERNS.find(b"password = '" + content + b"\nsecret: " + content, "a.txt"):
        assert 0 <= hit.start < hit.end
    list(built_in(content))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_value_is_judged(value: str) -> None:
    assert literal_secret(value) in (True, False)
    assert credential_shaped(value) in (True, False)
