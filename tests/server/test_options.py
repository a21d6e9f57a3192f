"""T14: nothing in the file becomes an option of ssh, a word for a shell, or a path out of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from directional_sync.endpoints.server_config.options import ServerConfigOptions
from directional_sync.endpoints.server_config.script import DEFAULT_PROCESS, Question, program
from directional_sync.endpoints.server_config.way import argv_for, over_ssh
from directional_sync.endpoints.ssh.options import SSH_OPTIONS

HOSTILE = st.text(max_size=30) | st.sampled_from(
    ["-oProxyCommand=id", "--", "-l", "a b", "$(id)", "`id`", "a;id", "a\nb", "a|b", "%h", "user@-h", "@", "a@b@c", ""]
)


def options(**said: Any) -> ServerConfigOptions:
    return ServerConfigOptions.model_validate({"host": "odoo.example.com", **said})


def refused(**said: Any) -> bool:
    try:
        options(**said)
    except ValidationError:
        return True
    return False


@given(HOSTILE)
def test_a_host_or_user_is_never_an_option_nor_a_word_for_a_shell(text: str) -> None:
    for key in ("host", "user"):
        if not text or refused(**{key: text}):
            continue
        assert not text.startswith("-") and not set(text) & set(" \t\r\n;|&$`'\"<>(){}*?!\\")
        argv = argv_for(options(**{key: text}), "", None)
        assert argv[-3] == "--" and argv[-1] == "exec sh -s"


@pytest.mark.parametrize(
    "said",
    [
        {"ssh_options": {"ProxyCommand": "id"}},
        {"ssh_options": {"StrictHostKeyChecking": "no"}},
        {"ssh_options": {"LocalCommand": "id"}},
        {"ssh_options": {"UserKnownHostsFile": "/dev/null"}},
        {"ssh_options": {"proxyjump": "a"}},
        {"ssh_options": {"ProxyJump": "-oProxyCommand=id"}},
        {"ssh_options": {"ProxyJump": "a,$(id)"}},
        {"ssh_options": {"ProxyJump": ""}},
        {"ssh_options": {"Ciphers": "a b"}},
        {"ssh_options": {"Ciphers": "a\nProxyCommand=id"}},
        {"identity_file": "keys/id"},
        {"known_hosts": "../known_hosts"},
        {"known_hosts": 'a" "b'},
        {"config_file": "odoo.conf"},
        {"config_file": "/a\n/b"},
        {"into": "../up"},
        {"into": ".git"},
        {"into": "/abs"},
        {"files": {"database": "../x"}},
        {"files": {"database": "a/b"}},
        {"files": {"database": "SAME", "environment": "same"}},
        {"placeholder": "{value}"},
        {"placeholder": " x"},
        {"placeholder": "a\nb"},
        {"process": [""]},
        {"process": []},
        {"environment": "none", "environment_file": "/e"},
        {"path": "/x"},
        {"host": "", "path": "x"},
        {"host": "", "command": ["-x"]},
        {"host": ""},
        {"host": "", "command": ["docker"], "port": 22},
        {"host": "a@b", "user": "c"},
        {"port": -1},
        {"api": {"url": "https://e.com", "database": "d", "key": "not a name"}},
        {"nonsense": 1},
    ],
    ids=str,
)
def test_what_is_refused_in_the_file(said: dict[str, Any]) -> None:
    assert refused(**said)


@pytest.mark.parametrize(
    "said",
    [
        {"host": "root@10.0.0.1"},
        {"host": "fe80::1%eth0"},
        {"host": "my-alias_1"},
        {"port": "2222"},
        {"ssh_options": {"ProxyJump": "a@b.example.com:22,[::1]:23", "Ciphers": "^aes*,-x"}},
        {"known_hosts": "deploy/known_hosts"},
        {"identity_file": "~/.ssh/id with space"},
        {"process": ["java *"]},
        {"process": [], "environment": "none"},
        {"placeholder": "***"},
        {"into": ""},
    ],
    ids=str,
)
def test_what_is_fine(said: dict[str, Any]) -> None:
    assert not refused(**said)


def test_every_option_of_ssh_is_one_that_ssh_knows() -> None:
    import shutil
    import subprocess

    if shutil.which("ssh") is None:
        pytest.skip("ssh is not installed")
    values = {"AddressFamily": "inet", "CertificateFile": "/x", "IPQoS": "none", "RekeyLimit": "1G", "ProxyJump": "a"}
    numbers = {"ConnectionAttempts", "RequiredRSASize", "ServerAliveCountMax", "ServerAliveInterval"}
    unknown = []
    for name in sorted(SSH_OPTIONS):
        value = values.get(name, "2048" if name in numbers else "yes")
        if "Algorithms" in name or name in ("Ciphers", "MACs"):
            value = "+none" if name == "x" else "*"
        done = subprocess.run(["ssh", "-G", "-F", "none", "-o", f"{name}={value}", "h"], capture_output=True, text=True)
        if "Bad configuration option" in done.stderr:
            unknown.append(name)
    assert unknown == []


def test_the_words_for_ssh() -> None:
    said = options(user="u", port=22, identity_file="/k%", ssh_options={"ProxyJump": "j"}, connect_timeout=7)
    argv = list(argv_for(said, "", Path("/k h")))
    for words in (["-l", "u"], ["-p", "22"], ["-i", "/k%%"], ["-o", "ProxyJump=j"], ["-o", "ConnectTimeout=7"]):
        assert any(argv[at : at + 2] == words for at in range(len(argv)))
    for setting in ("BatchMode=yes", "StrictHostKeyChecking=yes", "ForwardAgent=no", 'UserKnownHostsFile="/k h"'):
        assert setting in argv


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_words_survive_the_shell_at_the_other_end(words: list[str]) -> None:
    import shlex

    assert shlex.split(over_ssh(words, "the script")) == ["exec", *words, "sh", "-c", "the script"]


@given(st.text(max_size=20), st.lists(st.text(min_size=1, max_size=12), max_size=3))
def test_nothing_in_a_question_is_read_by_the_shell(path: str, patterns: list[str]) -> None:
    """What stands outside of quotes is the same whatever is asked."""
    import re

    text = program(Question(config_file=path, process=tuple(patterns)), "M1")
    bare = re.sub(r"'[^']*'|\"'\"", "", text.split("say begin")[0].split("LC_ALL")[0])
    assert not set(re.sub(r"[A-Z]+=[\w./:@%+,-]*", "", bare)) - {"\n"}


def test_the_usual_patterns_are_the_default() -> None:
    assert options().process == DEFAULT_PROCESS
