"""What the file may say about a list: mistakes show before anything is asked."""

from __future__ import annotations

from typing import Any

import pytest
from tests.config.conftest import HEAD, loaded, problems

from directional_sync import plugins
from directional_sync.config.kept import only_fields
from directional_sync.endpoints.rest.options import RestAuth, RestOptions, RestPagination
from directional_sync.errors import CredentialError
from directional_sync.model.target import Target
from directional_sync.system.environment import environment_for

FILE = HEAD + "targets:\n  a:\n    direction: pull\n    outputs: [docs/**]\n    remote:\n      type: rest\n{}"
FINE = {"url": "https://api.example.com/things", "into": "docs/things.json"}


def file(**said: Any) -> str:
    import json

    return FILE.format("".join(f"      {key}: {json.dumps(value)}\n" for key, value in {**FINE, **said}.items()))


def target(**said: Any) -> Target:
    [found] = loaded(file(**said)).targets
    return found


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"url": "ftp://x/y"}, "http or https URL"),
        ({"url": "https:///y"}, "http or https URL"),
        ({"url": "https://x/y#z"}, "no fragment"),
        ({"url": "https://x/y z"}, "blank"),
        ({"url": "https://x/ü"}, "percent-encoded"),
        ({"url": "https://ada:pass@x/y"}, "password"),
        ({"token": "dop_v1.abc"}, "name of an environment variable"),
        ({"headers": {"Authorization": "Bearer x"}}, "by `token`"),
        ({"headers": {"X-API-Key": "x"}}, "by `token`"),
        ({"headers": {"Host": "x"}}, "no header"),
        ({"headers": {"X Y": "x"}}, "no header"),
        ({"headers": {"X-Y": "a\r\nb"}}, "printable"),
        ({"query": {"access_token": "x"}}, "secret into a URL"),
        ({"query": {"x": [1]}}, ""),
        ({"key": "{a"}, "brace"),
        ({"key": "a..b"}, "empty part"),
        ({"key": ""}, "empty part"),
        ({"key": "{a.*}"}, "one thing"),
        ({"into": "docs/x.txt"}, "ends in .json"),
        ({"into": "../x.json"}, "outside"),
        ({"into": "/x.json"}, "begin inside"),
        ({"into": ".git/x.json"}, ".git"),
        ({"into": "docs/{name}.json"}, "only placeholder"),
        ({"into": "docs/{key}/{key}.json"}, "only placeholder"),
        ({"into": "docs/{key}.json", "wrap": "x"}, "belong to one document"),
        ({"into": "docs/{key}.json", "sort": ["x"]}, "belong to one document"),
        ({"keep": ["a.**"]}, "any depth"),
        ({"drop": [""]}, "empty part"),
        ({"sort": ["*"]}, "one thing"),
        ({"total": "header:"}, "name of a header"),
        ({"auth": {"scheme": "basic"}}, "no `token` is named"),
        ({"token": "T", "auth": {"scheme": "bearer", "user": "ada"}}, "belongs to"),
        ({"token": "T", "auth": {"scheme": "bearer", "name": "X"}}, "belong to"),
        ({"token": "T", "auth": {"scheme": "basic", "user": "a:b"}}, "no colon"),
        ({"token": "T", "auth": {"scheme": "header", "name": "Content-Length"}}, "no header"),
        ({"pagination": {"style": "page", "next": "x"}}, "means nothing"),
        ({"pagination": {"style": "link", "param": "x"}}, "means nothing"),
        ({"pagination": {"style": "cursor", "next": "a", "after": "b"}}, "exclude"),
        ({"pagination": {"style": "cursor", "after": "b"}}, "needs `param`"),
        ({"pagination": {"style": "pages"}}, "page"),
        ({"rate": -1}, ""),
        ({"max_items": 0}, ""),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_mistake_is_told_with_its_place(said: dict[str, Any], says: str) -> None:
    found = problems(file(**said))
    assert found and all(problem.line >= 6 for problem in found)
    assert any(says in f"{problem.message} {problem.hint}" for problem in found), [p.message for p in found]


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems(file(url="x", into="y", key="{", drop=["a..b"]))) == 4


def test_a_list_cannot_be_pushed() -> None:
    [problem] = problems(file().replace("pull", "bidirectional").replace("    outputs", "    inputs"))
    assert "pull" in f"{problem.message} {problem.hint}"


def test_the_classes_have_fields_only() -> None:
    """So that a run may have the options without them."""
    assert all(only_fields(kind) for kind in (RestOptions, RestAuth, RestPagination))


def test_the_token_is_for_the_endpoint_alone_and_need_not_be_named_twice() -> None:  # T24
    found = target(token="THE_CREDENTIAL")
    assert plugins.credentials(found) == ("THE_CREDENTIAL",)
    assert environment_for(found, {"THE_CREDENTIAL": "x", "OTHER": "y"}) == {}
    assert plugins.credentials(target()) == ()


def test_a_missing_token_names_variable_target_and_line(tmp_path: Any) -> None:
    from tests.rest.listed import Listed, Paged

    with Paged() as service:
        for value in ("", "  \n"):
            listed = Listed(service, tmp_path, {"token": "THE_TOKEN"}, environment={"THE_TOKEN": value})
            with pytest.raises(CredentialError) as caught:
                listed.open()
            assert caught.value.code == "E-ENV-MISSING"
            assert "THE_TOKEN" in caught.value.message and "things" in caught.value.message
            assert caught.value.place == "sync.yaml:7:3"
        for value in ("a\nb", "schlüssel", "a\x00b"):
            listed = Listed(service, tmp_path, {"token": "THE_TOKEN"}, environment={"THE_TOKEN": value})
            with pytest.raises(CredentialError) as caught:
                listed.open()
            assert caught.value.code == "E-SERVICE-AUTH"
            assert value not in str(caught.value)
        assert service.heard == []
