"""What may be said under `remote:` of a git target, and what is refused, with which code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from directional_sync.endpoints.git.endpoint import OPTIONS
from directional_sync.endpoints.git.options import GitOptions
from directional_sync.endpoints.git.upstream import upstreams
from directional_sync.errors import ConfigError
from directional_sync.model.surprise import Surprise
from directional_sync.upstream.addresses import BadAddress, Way, check_name, check_ref, repository_name, shown, way

GOOD: dict[str, Any] = {
    "url": "https://github.com/OCA/{name}.git",
    "ref": "18.0",
    "names": ["web", "crm"],
    "into": "vendor/{name}",
}


def test_the_products_own_example_is_valid() -> None:
    options = OPTIONS.model_validate(GOOD)
    assert isinstance(options, GitOptions)
    assert [(u.name, u.url, u.into) for u in upstreams(options, options.names, ["vendor/**"])] == [
        ("crm", "https://github.com/OCA/crm.git", "vendor/crm"),
        ("web", "https://github.com/OCA/web.git", "vendor/web"),
    ]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("unknown key", {"branch": "18.0"}, "extra_forbidden"),
    ("no url", {"url": ""}, "E-URL"),
    ("dash", {"url": "--upload-pack=touch /tmp/x"}, "E-URL"),
    ("helper program", {"url": "ext::sh"}, "E-URL"),
    ("helper program before a url", {"url": "fd::17/https://x/{name}"}, "E-URL"),
    ("unknown protocol", {"url": "ftp://h/{name}"}, "E-URL"),
    ("line break", {"url": "https://h/{name}\n"}, "E-URL"),
    ("space", {"url": "https://h/a b/{name}"}, "E-URL"),
    ("user and password", {"url": "https://me:pw@h/{name}"}, "E-URL-CREDENTIALS"),
    ("token as user", {"url": "https://ghp_x@h/{name}"}, "E-URL-CREDENTIALS"),
    ("ssh password", {"url": "ssh://git:pw@h/{name}"}, "E-URL-CREDENTIALS"),
    ("ssh option as host", {"url": "ssh://-oProxyCommand=x/{name}"}, "E-URL"),
    ("ssh option as user", {"url": "-oProxyCommand=x@h:{name}"}, "E-URL"),
    ("scp path with dash", {"url": "git@h:-x{name}"}, "E-URL"),
    ("query", {"url": "https://h/{name}?token=x"}, "E-URL"),
    ("no repository", {"url": "https://{name}"}, "E-URL"),
    ("bad port", {"url": "https://h:x/{name}"}, "E-URL"),
    ("relative path", {"url": "../{name}"}, "E-URL"),
    ("file on another host", {"url": "file://h/{name}"}, "E-URL"),
    ("other placeholder", {"url": "https://h/{name}/{branch}"}, "E-CONFIG"),
    ("open brace", {"url": "https://h/{name"}, "E-CONFIG"),
    ("names without placeholder", {"url": "https://h/x"}, "E-CONFIG"),
    ("placeholder without names", {"names": []}, "E-CONFIG"),
    ("same name", {"names": ["web", "web"]}, "E-CONFIG"),
    ("same but for case", {"names": ["web", "Web"]}, "E-CONFIG"),
    ("name climbs", {"names": ["../web"]}, "E-URL"),
    ("name with dash first", {"names": ["-web"]}, "E-URL"),
    ("name with .git", {"names": ["web.git"]}, "E-URL"),
    ("name with dot first", {"names": [".git"]}, "E-URL"),
    ("one place for two", {"into": "vendor"}, "E-CONFIG"),
    ("into climbs", {"into": "../{name}"}, "E-CONFIG"),
    ("into climbs later", {"into": "vendor/../../{name}"}, "E-CONFIG"),
    ("into is absolute", {"into": "/vendor/{name}"}, "E-CONFIG"),
    ("into is the root", {"into": ".", "names": ["web"]}, "E-CONFIG"),
    ("into git's own", {"into": ".GIT/{name}"}, "E-CONFIG"),
    ("into with line break", {"into": "a\nb/{name}"}, "E-CONFIG"),
    ("ref with dash", {"ref": "--exec=x"}, "E-UPSTREAM-REF"),
    ("ref with colon", {"ref": "a:refs/heads/b"}, "E-UPSTREAM-REF"),
    ("ref with glob", {"ref": "refs/heads/*"}, "E-UPSTREAM-REF"),
    ("ref with caret", {"ref": "v1^{}"}, "E-UPSTREAM-REF"),
    ("ref ends in .lock", {"ref": "x.lock"}, "E-UPSTREAM-REF"),
    ("no fetch at all", {"concurrency": 0}, "greater_than_equal"),
    ("too many fetches", {"concurrency": 65}, "less_than_equal"),
    ("yes is a word", {"accept_rewrite": "yes"}, "bool_type"),
    ("branch and range", {"version": "^1.2"}, "E-CONFIG"),
    ("names twice over", {"names_from": "repos.txt"}, "E-CONFIG"),
    ("a list over http", {"names": [], "names_from": "http://h/list"}, "E-URL"),
    ("a list outside", {"names": [], "names_from": "../list"}, "E-CONFIG"),
    ("merge with dash", {"merge": ["--exec=x"]}, "E-UPSTREAM-REF"),
    ("subdir climbs", {"subdir": "a/../.."}, "E-CONFIG"),
    ("glob climbs", {"paths": ["../**"]}, "E-CONFIG"),
    ("no glob", {"exclude": [""]}, "E-CONFIG"),
    ("rename climbs", {"rename": {"a": "../b"}}, "E-CONFIG"),
    ("rename to nothing", {"rename": {"a": ""}}, "E-CONFIG"),
    ("unknown mode", {"submodules": "yes"}, "literal_error"),
    ("negative size", {"max_size": -1}, "greater_than_equal"),
    ("patches climb", {"patches": "../{name}"}, "E-CONFIG"),
    ("pull requests without number", {"pull_requests": "https://h/{name}"}, "E-CONFIG"),
    ("pull requests over http", {"pull_requests": "http://h/{name}/{number}"}, "E-CONFIG"),
    ("exception for a stranger", {"repositories": {"sale": {"ref": "x"}}}, "E-CONFIG"),
    ("exception with an unknown key", {"repositories": {"web": {"branch": "x"}}}, "extra_forbidden"),
    ("exception with both", {"repositories": {"web": {"ref": "x", "version": "^1"}}}, "E-CONFIG"),
]


@pytest.mark.parametrize(("what", "change", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_T06_T14_what_is_refused(what: str, change: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        OPTIONS.model_validate({**GOOD, **change})
    (error,) = caught.value.errors()
    assert error["type"] == code
    assert "pw" not in error["msg"] and "ghp_x" not in error["msg"]


WAYS: list[tuple[str, Way]] = [
    ("https://github.com/OCA/web.git", Way.HTTP),
    ("http://127.0.0.1:8080/web", Way.HTTP),
    ("https://[::1]:8080/web", Way.HTTP),
    ("ssh://git@github.com:22/OCA/web.git", Way.SSH),
    ("git@github.com:OCA/web.git", Way.SSH),
    ("host:web", Way.SSH),
    ("git://h/web", Way.GIT),
    ("file:///srv/web.git", Way.FILE),
    ("/srv/git/web.git", Way.FILE),
]


@pytest.mark.parametrize(("url", "expected"), WAYS)
def test_what_is_accepted(url: str, expected: Way) -> None:
    assert way(url) is expected
    assert repository_name(url) == "web"


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_T14_no_spelling_becomes_an_option_or_a_second_line(text: str) -> None:
    for check in (way, check_ref, check_name):
        try:
            check(text)
        except BadAddress:
            continue
        assert not text.startswith("-") and not {"\n", "\r", "\0", "\x1b"} & set(text)


@pytest.mark.parametrize("outputs", [[], ["a/**", "b/**"], ["a/*.py"], ["*/**"], ["a"]])
def test_without_into_the_outputs_must_be_one_folder(outputs: list[str]) -> None:
    options = OPTIONS.model_validate({**GOOD, "into": ""})
    with pytest.raises(ConfigError):
        upstreams(options, options.names, outputs)
    assert {u.into for u in upstreams(options, options.names, ["a/b/**"])} == {"a/b/web", "a/b/crm"}


def test_places_must_not_lie_in_each_other() -> None:
    options = OPTIONS.model_validate({**GOOD, "names": ["a", "a/b"]})
    with pytest.raises(ConfigError):
        upstreams(options, options.names, [])


def test_exceptions_replace_what_holds_for_all() -> None:
    both = {
        **GOOD,
        "merge": ["a"],
        "paths": ["x/**"],
        "accept_moved_tag": True,
        "repositories": {"web": {"ref": "18.0-fix", "merge": ["b", "c"], "paths": [], "into": "other/web"}},
    }
    options = OPTIONS.model_validate(both)
    crm, web = upstreams(options, options.names, ["vendor/**"])
    assert (crm.ref, crm.merge, crm.paths, crm.into) == ("18.0", ("a",), ("x/**",), "vendor/crm")
    assert (web.ref, web.merge, web.paths, web.into) == ("18.0-fix", ("b", "c"), (), "other/web")
    assert crm.patches == "patches/crm" and crm.accepts == web.accepts == {Surprise.MOVED_TAG}


def test_an_exception_with_a_range_drops_the_ref_of_all() -> None:
    options = OPTIONS.model_validate({**GOOD, "repositories": {"web": {"version": "^1.2"}}})
    crm, web = upstreams(options, options.names, ["vendor/**"])
    assert (crm.ref, crm.version, web.ref, web.version) == ("18.0", "", "", "^1.2")


def test_T07_what_others_said_is_fit_for_one_line() -> None:
    assert shown("a\x1b[31m\r\nb https://me:pw@h/x \x9b") == "a [31m b https://h/x"
    assert len(shown("x" * 1000)) == 300
