"""P10: a secret that was taken out of the repository does not come back by an undoing."""

from __future__ import annotations

import hashlib

import pytest
from tests.undo.conftest import Flows, dsync, of

from directional_sync.errors import RefusedError
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.target import Prefer

VALUE = "ghp_" + "".join(hashlib.sha256(b"%d" % n).hexdigest()[:9] for n in range(4))
SECRET = f"token = '{VALUE}'\n"


@pytest.fixture
def mended(flows: Flows) -> Flows:
    """Somebody committed a secret into what a pull brings; the source never had it, and the next run took it out."""
    flows.put("in", {"conf.py": "token = ''\n", "a.txt": "1\n"})
    flows.run("in")
    flows.edit({"in/conf.py": SECRET}, "Oops")
    flows.put("in", {"conf.py": "token = read()\n", "a.txt": "2\n"})
    record = of(flows.run("in", prefer=Prefer.REMOTE))
    assert record.outcome is Outcome.SYNCED, record.failure
    assert VALUE not in str(flows.here("in"))
    return flows


@pytest.mark.parametrize("dry_run", [True, False], ids=["a look at it", "the undoing"])
def test_what_was_taken_out_does_not_come_back(mended: Flows, dry_run: bool) -> None:
    head, refs = mended.project.head, mended.project.git("for-each-ref")
    with pytest.raises(RefusedError) as caught:
        mended.undo(dry_run=dry_run)
    error = caught.value
    assert (
        error.code == "E-SECRET" and "in/conf.py:1" in "\n".join(error.detail) and error.kept == "nothing was changed"
    )
    assert VALUE not in repr((error.message, error.detail, error.hint))
    assert (mended.project.head, mended.project.git("for-each-ref")) == (head, refs)
    mended.sound()


def test_the_command_is_refused_and_shows_no_value(mended: Flows) -> None:
    head = mended.project.head
    for arguments in (["undo", "--yes"], ["undo", "--dry-run"]):
        done = dsync(mended.project, *arguments)
        assert done.returncode == 6 and "E-SECRET" in done.stderr, done.stderr
        assert VALUE not in done.stdout + done.stderr
    assert mended.project.head == head


def test_what_a_person_has_declared_harmless_may_come_back(mended: Flows) -> None:
    with pytest.raises(RefusedError) as caught:
        mended.undo()
    fingerprint = caught.value.hint.partition("fingerprint: ")[2].partition(",")[0].strip('"')
    text = (mended.project.root / "sync.yaml").read_text()
    allowed = f"\nsafety: {{allowed_secrets: [{{fingerprint: '{fingerprint}', reason: a sample}}]}}\n"
    mended.project.write("sync.yaml", text + allowed)
    mended.project.commit("Allow")
    assert of(mended.undo()).outcome is Outcome.SYNCED
    assert mended.here("in") == {"conf.py": SECRET, "a.txt": "1\n"}


def test_taking_a_secret_out_by_an_undoing_is_no_finding(flows: Flows) -> None:
    """The other way round: what goes is looked at by nobody."""
    flows.put("in", {"conf.py": "token = ''\n"})
    flows.run("in")
    flows.edit({"in/other.py": SECRET}, "Oops")
    flows.put("in", {"conf.py": "token = 1\n"})
    flows.run("in")
    assert of(flows.undo()).outcome is Outcome.SYNCED
    assert flows.here("in")["conf.py"] == "token = ''\n"
