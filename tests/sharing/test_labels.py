"""The labels of pull requests: added once, never taken off, and a person's decision stands."""

from __future__ import annotations

from tests.sharing.conftest import Fleet
from tests.sharing.test_branches import Hub, clone, hub, proposing
from tests.sharing.test_delivery import delivered

from directional_sync.sharing.labels import note, noted
from directional_sync.testing.service import Mishap

__all__ = ["hub"]


def labels(hub: Hub) -> list[str]:
    return [one["name"] for one in hub.pulls[0]["labels"]]


LABELS = ", labels: [urgent, 'sync: upstream/x', team-wide]"


def test_labels_are_added_once_and_made_where_they_are_not_there(fleet: Fleet, hub: Hub) -> None:
    delivered(proposing(fleet, hub, more=LABELS).run())
    whole = "Team-Wide" if hub.gitea else "team-wide"  # that of the organisation is not made a second time
    assert labels(hub) == ["urgent", "sync: upstream/x", whole]
    assert hub.labels == ["urgent", "sync: upstream/x", *([] if hub.gitea else ["team-wide"])]
    writes = len(hub.writes)
    delivered(clone(fleet, "two").run())
    assert len(hub.writes) == writes, "what has them all is asked nothing more"


def test_a_label_that_a_person_takes_off_stays_off_and_their_own_stay_on(fleet: Fleet, hub: Hub) -> None:
    delivered(proposing(fleet, hub, more=LABELS).run())
    hub.pulls[0]["labels"] = [{"name": "urgent"}, {"name": "of Ada"}]
    fleet.source("a", a="a 2\n")
    delivered(clone(fleet, "two").run())
    assert labels(hub) == ["urgent", "of Ada"]
    three = clone(fleet, "three")
    text = (three.root / "sync.yaml").read_text()
    (three.root / "sync.yaml").write_text(text.replace("labels: [urgent, ", "labels: [new, "))
    three.commit("Another label")
    three.git("push", "-q", "origin", "HEAD:main")
    delivered(three.run())
    assert labels(hub) == ["urgent", "of Ada", "new"]
    hub.pulls[0]["body"] = "All mine now."
    hub.pulls[0]["labels"] = []
    fleet.source("a", a="a 3\n")
    delivered(clone(fleet, "four").run())
    assert labels(hub) == [] and hub.pulls[0]["body"] == "All mine now."


def test_labels_that_are_refused_are_told_and_tried_again(fleet: Fleet, hub: Hub) -> None:
    one = proposing(fleet, hub, more=", labels: [late]")
    hub.misbehave(Mishap(status=403, when=lambda asked: asked.path.endswith("/issues/1/labels")), times=1)
    done = delivered(one.run())
    assert "was not labelled late" in done.branches[0].note and "E-SERVICE-AUTH" in done.branches[0].note
    assert labels(hub) == []
    assert not delivered(clone(fleet, "two").run()).branches[0].note
    assert labels(hub) == ["late"]


def test_a_label_is_no_markup() -> None:
    odd = ["a --> b", "<b>", "x y", "ünder", "100%"]
    assert noted(f"text\n{note(odd)}more") == {name.casefold() for name in odd}
    assert note(odd).count(">") == 1
    assert (note([]), noted("")) == ("", frozenset())
