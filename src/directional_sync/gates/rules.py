"""Built-in rules: credentials that give themselves away by a fixed prefix or frame.

They need no detector library, run as one linear-time expression over many files at once, and cover what this
program's own targets handle (code hosts, Notion, DigitalOcean, Supabase, mail, chat, databases). A detector
library knows hundreds more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from directional_sync.gates.literals import entropy, literal_secret, reference


@dataclass(frozen=True, slots=True)
class Hit:
    """One likely secret in one text."""

    rule: str
    start: int
    """Byte offset of the value."""
    end: int
    value: str


_SHAPES: tuple[tuple[str, str], ...] = (
    ("aws-access-key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("github-token", r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_[A-Za-z0-9_]{40,255}\b"),
    ("gitlab-token", r"\bgl(?:pat|dt|rt|ptt|ft|cbt|soat|agent|imt)-[A-Za-z0-9_\-]{20,255}"),
    ("notion-token", r"\b(?:secret_|ntn_)[A-Za-z0-9]{40,60}\b"),
    ("digitalocean-token", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("slack-token", r"\bxox[abeoprs]-[A-Za-z0-9\-]{20,255}|\bxapp-\d-[A-Z0-9]+-\d+-[a-z0-9]{20,255}"),
    ("slack-webhook", r"hooks\.slack\.com/(?:services|workflows)/T[A-Z0-9]{6,}/[A-Za-z0-9]{6,}/[A-Za-z0-9]{16,64}"),
    ("stripe-key", r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{20,255}\b|\bwhsec_[A-Za-z0-9]{24,255}\b"),
    ("google-key", r"\bAIza[A-Za-z0-9_\-]{35}\b|\bGOCSPX-[A-Za-z0-9_\-]{28}\b"),
    ("anthropic-key", r"\bsk-ant-[a-z0-9]{3,10}-[A-Za-z0-9_\-]{40,255}"),
    ("openai-key", r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{40,255}|\bsk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b"),
    ("sendgrid-key", r"\bSG\.[A-Za-z0-9_\-]{20,24}\.[A-Za-z0-9_\-]{40,46}"),
    ("twilio-key", r"\bSK[0-9a-f]{32}\b"),
    ("npm-token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("pypi-token", r"\bpypi-AgE[A-Za-z0-9_\-]{50,1000}"),
    ("huggingface-token", r"\bhf_[A-Za-z0-9]{34,40}\b"),
    ("docker-token", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_\-]{27,64}"),
    ("supabase-key", r"\bsb_secret_[A-Za-z0-9_\-]{20,255}|\bsbp_[a-f0-9]{40}\b"),
    ("azure-account-key", r"(?i:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,90}={1,2}"),
    ("telegram-token", r"\b[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}\b"),
    ("vault-token", r"\bhv[sb]\.[A-Za-z0-9_\-]{24,255}"),
    ("age-key", r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b"),
    ("atlassian-token", r"\bATATT3xFf[A-Za-z0-9_=\-]{100,255}"),
    ("databricks-token", r"\bdapi[a-f0-9]{32}\b"),
    ("shopify-token", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"),
    (
        "private-key",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]|[\"',+])*"
        r"(?:[A-Za-z\-]+: [^\n]{0,200}\s+)*[A-Za-z0-9+/=]{20}",
    ),
    (
        "url-credentials",
        r"\b[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://[^\s/:@\"'<>`]{0,100}:[^\s/@\"'<>`]{8,200}@[A-Za-z0-9.\-\[]",
    ),
)


@cache
def _compiled() -> tuple[Any, tuple[tuple[str, Any], ...]]:
    import re2

    options = re2.Options()
    options.max_mem = 64 << 20
    options.encoding = re2.Options.Encoding.LATIN1
    rules = tuple((name, re2.compile(shape.encode(), options)) for name, shape in _SHAPES)
    return re2.compile(b"|".join(f"(?:{shape})".encode() for _, shape in _SHAPES), options), rules


def prefilter(expression: str) -> Any:
    """One compiled expression that matches wherever a built-in rule does or, letter case aside, `expression` ("" for
    none): most files are done after a single look."""
    import re2

    options = re2.Options()
    options.max_mem = 128 << 20
    shapes = "|".join(f"(?:{shape})" for _, shape in _SHAPES)
    return re2.compile(f"(?i:{expression})|{shapes}" if expression else shapes, options)


def built_in(content: bytes) -> Iterator[Hit]:
    """What the built-in rules find in `content`, in order."""
    every, rules = _compiled()
    for found in every.finditer(content):
        start, end = found.span()
        for name, rule in rules:
            if rule.fullmatch(content, start, end):
                if name == "private-key":
                    end = _key_end(content, start, end)
                value = _value(name, content[start:end].decode("utf-8", "replace"))
                if _counts(name, value):
                    yield Hit(name, start, end, value)
                break


def _key_end(content: bytes, start: int, end: int) -> int:
    """Where the key that begins at `start` ends: at its last line, or after what a long key takes."""
    last = content.find(b"-----END ", end, start + 16_000)
    return last if last >= 0 else min(len(content), end + 64)


def _value(rule: str, text: str) -> str:
    if rule == "url-credentials":
        return text.partition("://")[2].partition(":")[2].rpartition("@")[0]
    return text.partition("=")[2] if rule == "azure-account-key" else text


def _counts(rule: str, value: str) -> bool:
    if rule == "private-key":
        return True
    if rule == "url-credentials":
        return literal_secret(value)
    return not reference(value) and entropy(value) >= 3.0
