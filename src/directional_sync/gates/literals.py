"""Whether a literal looks like a real secret, or like one of the many things that only stand where one would.

The word `password` stands in front of field labels, placeholders, templates, paths, class names and test data far
more often than in front of a password. What is left here after all of those are taken out is worth stopping for.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from functools import lru_cache

SHORTEST = 8
LONGEST = 4096

_REFERENCE = re.compile(
    r"""[$%#]\{|\$\(|\{\{|\}\}|\{%|<%|^\$\w|^%\w+%$|%\(\w+\)|^%[sdr]$|^\{\w*\}|^<|>$|^@\w+@?$"""
    r"""|^(?:ENC|EV|PKCS7)\[|^!vault|^vault:|^op://|^ssm:|^arn:|^keyring:|^secretsmanager|^projects/|^env[.:(]"""
    r"""|^(?:process\.env|os\.environ|import\.meta|secrets\.|vars\.|env\.|self\.|this\.|request\.|settings\.|config\.)"""
)
_PLACEHOLDER = re.compile(
    r"(?i)example|sample|placehold|change.?me|change.?it|replace.?(?:me|with|this)|redacted|your[_.-]?[a-z]|^my[_-]"
    r"|x{4,}|\*{3,}|\.{3,}|…|-{3,}|_{4,}|#{4,}|0{8,}|1234567|abcdefg|not.?(?:a.?)?(?:real|secret|set)|dont.?use|do.?not"
    r"|^(?:a{4,}|b{4,}|foo|bar|baz)|lorem|ipsum|deadbeef|cafebabe"
)
_WORDS = frozenset(
    [
        "test",
        "tests",
        "testing",
        "tester",
        "fake",
        "dummy",
        "demo",
        "mock",
        "stub",
        "default",
        "password",
        "passwort",
        "passwd",
        "pass",
        "pwd",
        "passphrase",
        "secret",
        "secrets",
        "token",
        "tokens",
        "key",
        "keys",
        "apikey",
        "none",
        "null",
        "undefined",
        "true",
        "false",
        "unset",
        "empty",
        "invalid",
        "wrong",
        "old",
        "new",
        "foo",
        "bar",
        "baz",
        "user",
        "username",
        "admin",
        "administrator",
        "root",
        "login",
        "odoo",
        "postgres",
        "mysql",
        "redis",
        "localhost",
        "local",
        "dev",
        "development",
        "prod",
        "production",
        "staging",
        "sensitive",
        "hidden",
        "todo",
        "fixme",
        "insert",
        "enter",
        "here",
        "value",
        "string",
        "text",
        "some",
        "any",
        "temp",
        "tmp",
        "valid",
        "encrypted",
        "credential",
        "credentials",
        "auth",
        "public",
        "private",
        "client",
        "server",
        "database",
        "access",
        "refresh",
        "bearer",
        "basic",
    ]
)
_CAMEL = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[A-Z][a-z]+|[A-Z]{1,4}(?![a-z]))*")
_HUMP = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PIECES = re.compile(r"[_.:/,|@~\\-]+")
_ALL_PIECES = re.compile(r"[^A-Za-z0-9]+")
_NOT_SECRET = re.compile(
    r"(?:[\^~>=<v]*\d+(?:\.\d+)+[\w.+-]*)"  # versions, addresses
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ][\d:.+Z-]*)?"  # dates
    r"|[\d\s.,:;()+-]+"  # numbers, times
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # mail addresses
    r"|(?:sha\d+|md5)[:-].*"  # checksums
    r"|(?:https?|ftp|file|git|ssh|wss?)://\S*"  # URLs have a rule of their own
    r"|#?[0-9a-fA-F]{3,8}"  # colours, short ids
    r"|[\w-]+\.(?:py|js|ts|xml|json|ya?ml|toml|ini|cfg|conf|txt|md|rst|csv|sh|sql|pem|key|crt|cer|html?|css|po|png|svg)"
)
_PATH = re.compile(r"(?:\.{0,2}/|~/|[A-Za-z]:[\\/])")
_CALL = re.compile(r"\w\(")
_REGEX = re.compile(r"\[[a-zA-Z0-9^\\]-?|\\[dwsbSDW.]|\(\?|\.[*+]|\{\d+,\d*\}")


@lru_cache(maxsize=4096)
def literal_secret(value: str) -> bool:
    """Whether `value`, which is assigned to something called like a secret, looks like a real one."""
    if not SHORTEST <= len(value) <= LONGEST or any(c.isspace() for c in value):
        return False
    if _REFERENCE.search(value) or _NOT_SECRET.fullmatch(value):
        return False
    if random_looking(value):
        return not _PLACEHOLDER.search(value) and not _CALL.search(value)
    if _PLACEHOLDER.search(value) or _PATH.match(value) or _REGEX.search(value) or _CALL.search(value):
        return False
    words = [word.lower() for word in re.findall(r"[A-Za-z]+", value)]
    if 2 * sum(len(word) for word in words if word in _WORDS) >= sum(map(len, words)):
        return False
    if "password" in value.lower() and len(value) < 16:
        return False
    if all(_wordlike(piece) for piece in _ALL_PIECES.split(value)):
        return False
    return len(set(value)) >= 6 and (len(value) >= 12 or any(not c.isalpha() for c in value))


def random_looking(value: str, length_min: int = 16) -> bool:
    """Whether some unbroken part of the first 400 characters of `value` looks as if a machine had drawn it."""
    value = value[:400]
    return any(len(piece) >= length_min and _drawn(piece) for piece in _PIECES.split(value)) or (
        len(value) >= max(20, length_min) and _drawn(value) and _uneven(value)
    )


def credential_shaped(value: str) -> bool:
    """Whether `value` is a credential by its looks alone, whatever stands around it."""
    if not 12 <= len(value) <= LONGEST or any(c.isspace() for c in value):
        return False
    if _REFERENCE.search(value) or _PLACEHOLDER.search(value) or _NOT_SECRET.fullmatch(value):
        return False
    return random_looking(value, 12)


def reference(value: str) -> bool:
    """Whether `value` only says where a secret is, or stands in for one."""
    return bool(_REFERENCE.search(value) or _PLACEHOLDER.search(value))


def entropy(value: str) -> float:
    """Shannon entropy in bits for each character."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values()) if total else 0.0


def _drawn(piece: str) -> bool:
    if _wordlike(piece):
        return False
    digits = sum(c.isdigit() for c in piece)
    if digits == len(piece):
        return False
    if digits == 0:
        return len(piece) >= 20 and _uneven(piece)
    return entropy(piece) >= (3.0 if len(piece) >= 24 else 2.8) and len(set(piece)) >= 8


def _wordlike(piece: str) -> bool:
    """Whether `piece` reads like words and a short number: `some`, `SomeName`, `field12`, `HTML5`, `2024`."""
    letters = piece.rstrip("0123456789")
    if len(piece) - len(letters) > 4:
        return False
    if not letters:
        return True
    if not _CAMEL.fullmatch(letters):
        return False
    humps = _HUMP.findall(letters)
    capitals = sum(c.isupper() for c in letters)
    if len(letters) >= 6 and len(humps) > 1 and (capitals > 0.4 * len(letters) or len(letters) < 3 * len(humps)):
        return False
    return all(_pronounceable(hump.lower()) for hump in humps)


def _pronounceable(word: str) -> bool:
    return len(word) < 5 or not re.search(r"[^aeiouy]{5}|[aeiouy]{4}|^[^aeiouy]+$", word)


def _uneven(piece: str) -> bool:
    """Whether letters of both cases (or digits) take turns more often than in any name made of words."""
    kinds = ["u" if c.isupper() else "l" if c.islower() else "d" if c.isdigit() else "s" for c in piece]
    turns = sum(a != b for a, b in itertools.pairwise(kinds))
    return turns >= len(piece) * 0.35
