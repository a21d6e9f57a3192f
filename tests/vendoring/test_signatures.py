"""P46: only what one of the signers signed is taken, and nobody else's word counts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.project import make_project
from tests.vendoring.signing import Person, gpg, gpg_person, needs_gpg, needs_ssh, ssh_person, tampered
from tests.vendoring.vendored import Vendored

from directional_sync.errors import RefusedError
from directional_sync.model.lifecycle import Outcome
from directional_sync.model.plan import Why
from directional_sync.model.record import TargetRecord
from directional_sync.system.host import monotonic
from directional_sync.testing.upstreams import Upstream, empty
from directional_sync.upstream.cache import UpstreamCache
from directional_sync.upstream.remotes import Remotes
from directional_sync.upstream.signatures import judge

UNSIGNED, SIGNER, SIGNATURE, SIGNERS = (
    "E-UPSTREAM-UNSIGNED",
    "E-UPSTREAM-SIGNER",
    "E-UPSTREAM-SIGNATURE",
    "E-SIGNERS",
)
FILE = "keys/signers"
State = tuple[str, Callable[[Upstream], object], str]
"""What is at a ref: its name, how it got there, the code ("" when it is taken)."""


@pytest.fixture(autouse=True)
def without_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rules take seconds to load, and nothing here is about secrets."""
    monkeypatch.setattr("directional_sync.gates.secrets.installed", lambda: False)


@pytest.fixture
def upstreams(tmp_path: Path) -> dict[str, Upstream]:
    """Three of one small file each: here only who signed it matters."""
    return {name: unsigned(tmp_path / "upstreams" / f"{name}.git") for name in ("crm", "pos", "web")}


def unsigned(path: Path) -> Upstream:
    upstream = empty(path)
    upstream.commit({"README.md": b"nobody signed this\n"})
    return upstream


@pytest.fixture
def ada(tmp_path: Path) -> Person:
    return ssh_person(tmp_path, "ada")


@pytest.fixture
def eve(tmp_path: Path) -> Person:
    return ssh_person(tmp_path, "eve")


def line(person: Person, options: str = "") -> str:
    return f"{person.name}@example.org {options}{person.public}\n"


def refused(record: TargetRecord) -> dict[str, str]:
    """Name -> code of the upstreams that are held back."""
    assert record.plan is not None
    held = [item for item in record.plan.held if item.why is Why.UNREADABLE]
    return {item.key.removeprefix("vendor/"): item.detail.partition(":")[0] for item in held}


def told(record: TargetRecord, name: str) -> str:
    assert record.plan is not None
    return "".join(item.detail for item in record.plan.held if item.key == f"vendor/{name}")


def one(vendored: Vendored, signers: str, **remote: object) -> Upstream:
    """Only the first upstream is vendored, and these must have signed it."""
    vendored.project.write(FILE, signers)
    vendored.configure(names=[vendored.first.name], signed_by=FILE, **remote)
    return vendored.first


def code(vendored: Vendored) -> str:
    record = vendored.try_()
    return record.failure.code if record.failure is not None else ""


def table(vendored: Vendored, tmp_path: Path, states: dict[str, State]) -> TargetRecord:
    """One run over upstreams in all these states."""
    overrides = {}
    for name, (ref, deed, _) in states.items():
        deed(unsigned(tmp_path / "upstreams" / f"{name}.git"))
        overrides[name] = {"ref": ref, "signed_by": FILE}
    vendored.configure(names=list(states), repositories=overrides)
    record = vendored.try_()
    assert refused(record) == {name: state[2] for name, state in states.items() if state[2]}
    for name, (ref, _, code) in states.items():
        if not code:
            upstream = Upstream(tmp_path / "upstreams" / f"{name}.git")
            assert vendored.tree(name) == upstream.tree(ref), name
            assert "signers:" in vendored.lock()[name]["recipe"]
    return record


@needs_ssh
def test_P46_what_is_signed_and_by_whom(vendored: Vendored, tmp_path: Path, ada: Person, eve: Person) -> None:
    vendored.project.write(FILE, "# who may\n\n" + line(ada))
    annotated = {"annotated": True}

    def nested(upstream: Upstream) -> None:
        ada.tag(upstream, "inner")
        upstream.tag("v1", "inner", **annotated)

    def renamed(upstream: Upstream) -> None:
        ada.tag(upstream, "v1")
        upstream.git("update-ref", "refs/tags/v2", "refs/tags/v1")

    def foreign(begin: str) -> Callable[[Upstream], object]:
        def deed(upstream: Upstream) -> None:
            head, _, body = upstream.git("cat-file", "commit", "18.0").partition("\n\n")
            content = f"{head}\ngpgsig {begin}\n x\n -----END\n\n{body}\n"
            upstream.git("update-ref", "refs/heads/18.0", upstream.write("commit", content.encode()))

        return deed

    record = table(vendored, tmp_path, {
        "trusted-commit": ("18.0", ada.commit, ""),
        "stranger": ("18.0", eve.commit, SIGNER),
        "unsigned": ("18.0", lambda up: None, UNSIGNED),
        "unsigned-after-signed": ("18.0", lambda up: (ada.commit(up), up.commit({"x": b""})), UNSIGNED),
        "signed-tag-on-unsigned-commit": ("v1", lambda up: ada.tag(up, "v1"), ""),
        "strangers-tag-on-unsigned-commit": ("v1", lambda up: eve.tag(up, "v1"), SIGNER),
        "unsigned-tag-on-unsigned-commit": ("v1", lambda up: up.tag("v1", **annotated), UNSIGNED),
        "lightweight-tag-on-signed-commit": ("v1", lambda up: (ada.commit(up), up.tag("v1")), ""),
        "unsigned-tag-on-signed-commit": ("v1", lambda up: (ada.commit(up), up.tag("v1", **annotated)), ""),
        "strangers-tag-on-signed-commit": ("v1", lambda up: (ada.commit(up), eve.tag(up, "v1")), ""),
        "signed-tag-on-strangers-commit": ("v1", lambda up: (eve.commit(up), ada.tag(up, "v1")), ""),
        "tag-of-signed-tag": ("v1", nested, ""),
        "signed-tag-under-another-name": ("v2", renamed, SIGNATURE),
        "tampered-commit": ("18.0", lambda up: (ada.commit(up), tampered(up)), SIGNATURE),
        "tampered-tag": ("v1", lambda up: (ada.tag(up, "v1"), tampered(up, tag="v1")), SIGNATURE),
        "tampered-tag-on-signed-commit": (
            "v1", lambda up: (ada.commit(up), ada.tag(up, "v1"), tampered(up, tag="v1")), SIGNATURE
        ),
        "x509": ("18.0", foreign("-----BEGIN SIGNED MESSAGE-----"), SIGNER),
        "openpgp": ("18.0", foreign("-----BEGIN PGP SIGNATURE-----"), SIGNER),
        "broken": ("18.0", foreign("-----BEGIN SSH SIGNATURE-----"), SIGNATURE),
        "unknown": ("18.0", foreign("trust me"), SIGNATURE),
    })  # fmt: skip
    notes = "\n".join(record.notes)
    assert "trusted-commit: the commit " in notes and "is signed by ada@example.org (SHA256:" in notes
    assert "signed-tag-on-unsigned-commit: the tag v1 is signed by ada@example.org" in notes
    assert "SHA256:" in told(record, "stranger") and FILE in told(record, "stranger")
    assert not list(vendored.project.root.rglob("allowed")), "no folder of keys is left"


@needs_ssh
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('valid-before="20240101" ', SIGNER),  # upstreams live in 2025
        ('valid-after="20260101" ', SIGNER),
        ('valid-after="20240101",valid-before="20260101" ', ""),
        ('namespaces="file" ', SIGNER),
    ],
)
def test_a_key_counts_for_its_time_and_use(vendored: Vendored, ada: Person, options: str, expected: str) -> None:
    ada.commit(one(vendored, line(ada, options)))
    assert code(vendored) == expected


@needs_ssh
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no key"),
        ("# nobody yet\n", "holds no key"),
        ("ada@example.org\n", "no key in line 1"),
        ("# ours\nADAS\n", "line 2 does not begin with whose key it is"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "private key"),
    ],
)
def test_a_file_of_no_use_is_named(vendored: Vendored, ada: Person, content: str, words: str) -> None:
    ada.commit(one(vendored, content.replace("ADAS", ada.public)))
    record = vendored.try_()
    assert record.failure is not None and record.failure.code == SIGNERS
    assert FILE in record.failure.message and words in record.failure.message


@needs_ssh
@pytest.mark.parametrize("how", ["missing", "not committed", "link", "folder"])
def test_the_file_of_signers_is_what_is_committed(vendored: Vendored, ada: Person, how: str) -> None:
    vendored.sync()
    upstream = vendored.first
    ada.commit(upstream)
    before = vendored.tree(upstream.name)
    if how == "link":
        vendored.project.write("elsewhere", line(ada))
        (vendored.project.root / "keys").mkdir()
        (vendored.project.root / FILE).symlink_to("../elsewhere")
    elif how == "folder":
        vendored.project.write(f"{FILE}/inside", line(ada))
    vendored.configure(repositories={upstream.name: {"signed_by": FILE}})
    if how == "not committed":
        vendored.project.write(FILE, line(ada))
    other = list(vendored.upstreams.values())[1]
    other.commit({"README.md": b"newer\n"})
    record = vendored.try_()
    assert refused(record) == {upstream.name: SIGNERS}
    assert "is not a file that is committed" in told(record, upstream.name)
    assert vendored.tree(upstream.name) == before and vendored.tree(other.name) == other.tree()


@needs_ssh
def test_one_unsigned_of_three_holds_back_only_itself(vendored: Vendored, ada: Person) -> None:
    first, second, third = vendored.upstreams.values()
    vendored.project.write(FILE, line(ada))
    for upstream in (first, third):
        ada.commit(upstream)
    vendored.configure(signed_by=FILE)
    record = vendored.try_()
    assert record.outcome is Outcome.FAILED and refused(record) == {second.name: UNSIGNED}
    assert vendored.tree(first.name) == first.tree() and vendored.tree(third.name) == third.tree()
    assert second.name not in vendored.lock()
    assert vendored.project.git("ls-files", f"vendor/{second.name}") == ""
    vendored.configure(repositories={second.name: {"signed_by": ""}})
    vendored.sync()
    assert vendored.tree(second.name) == second.tree() and "recipe" not in vendored.lock()[second.name]
    assert vendored.sync().outcome is Outcome.IN_SYNC, "what was judged once is not judged again"


@needs_ssh
def test_all_is_judged_again_when_the_signers_change(vendored: Vendored, ada: Person, eve: Person) -> None:
    upstream = one(vendored, line(ada))
    eve.commit(upstream)
    assert code(vendored) == SIGNER
    vendored.project.write(FILE, line(ada) + line(eve))
    vendored.project.commit("Trust eve")
    vendored.sync()
    taken, recipe = vendored.tree(upstream.name), vendored.lock()[upstream.name]["recipe"]
    assert taken == upstream.tree()

    vendored.project.write(FILE, line(eve))
    vendored.project.commit("Do without ada")
    vendored.sync()
    assert vendored.tree(upstream.name) == taken and vendored.lock()[upstream.name]["recipe"] != recipe
    assert vendored.sync().outcome is Outcome.IN_SYNC

    vendored.project.write(FILE, line(ada))
    vendored.project.commit("Do without eve")
    assert code(vendored) == SIGNER, "although not a byte of it has moved"
    assert vendored.tree(upstream.name) == taken


@needs_ssh
def test_asking_for_signatures_later_judges_what_is_there(vendored: Vendored, ada: Person) -> None:
    vendored.configure(names=[vendored.first.name])
    vendored.sync()
    one(vendored, line(ada))
    assert code(vendored) == UNSIGNED


@needs_ssh
def test_every_merged_ref_is_judged(vendored: Vendored, ada: Person, eve: Person) -> None:
    upstream = one(vendored, line(ada), merge=["topic"])
    base = ada.commit(upstream, "base")
    upstream.git("update-ref", "refs/heads/topic", base)
    upstream.commit({"topic.txt": b"topic\n"}, branch="topic")
    assert code(vendored) == UNSIGNED
    eve.commit(upstream, "theirs", branch="topic")
    assert code(vendored) == SIGNER
    ada.commit(upstream, "ours", branch="topic")
    record = vendored.sync()
    assert sum("is signed by ada" in note for note in record.notes) == 2
    assert vendored.project.git("show", f"HEAD:vendor/{upstream.name}/README.md") == "ours"


@needs_ssh
def test_locked_takes_what_was_judged_and_nothing_else(vendored: Vendored, ada: Person, tmp_path: Path) -> None:
    upstream = one(vendored, line(ada), ref="v1")
    ada.tag(upstream, "v1")
    vendored.sync()
    fresh = Vendored(make_project(tmp_path / "fresh"), vendored.server, vendored.upstreams)
    fresh.project.git("fetch", "-q", str(vendored.project.root), "main")
    fresh.project.git("reset", "-q", "--hard", "FETCH_HEAD")
    fresh.sync(locked=True)
    assert fresh.tree(upstream.name) == upstream.tree()
    fresh.project.write(FILE, line(ada) + "# somebody was here\n")
    fresh.project.commit("Touch the signers")
    record = fresh.try_(locked=True)
    assert record.failure is not None and record.failure.code == "E-LOCK-OUTDATED"


@needs_ssh
def test_a_host_that_lies_about_where_a_tag_leads(vendored: Vendored, ada: Person, tmp_path: Path) -> None:
    upstream = vendored.first
    ada.tag(upstream, "v1")
    evil = upstream.commit({"README.md": b"evil\n"})
    url = vendored.server.url(upstream.name)
    with closing(Remotes(dict(os.environ), 0, monotonic() + 30)) as remotes:
        cache = UpstreamCache(tmp_path / "cache", remotes, "sha1")
        [resolved] = remotes.resolve(url, "v1")
        cache.obtain(url, resolved)
        assert "the tag v1 is signed by ada" in judge(cache, url, resolved, line(ada).encode(), FILE)
        with pytest.raises(RefusedError) as caught:
            judge(cache, url, replace(resolved, commit=evil), line(ada).encode(), FILE)
        assert caught.value.code == SIGNATURE and "as the host says" in caught.value.message
        assert not list((tmp_path / "cache").glob("*.signers/*"))


@needs_ssh
def test_no_program_and_no_key_of_the_user_has_a_say(
    vendored: Vendored, ada: Person, eve: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, program = tmp_path / "mark", tmp_path / "program"
    program.write_text(
        f"#!/bin/sh\ntouch {mark}\necho 'Good \"git\" signature for ada@example.org with X key SHA256:x'\n"
    )
    program.chmod(0o755)
    config = f"[gpg]\n\tprogram = {program}\n\tformat = ssh\n" + "".join(
        f'[gpg "{kind}"]\n\tprogram = {program}\n' for kind in ("ssh", "openpgp", "x509")
    )
    theirs = tmp_path / "theirs"
    theirs.write_text(line(eve))
    config += f'[gpg "ssh"]\n\tallowedSignersFile = {theirs}\n'
    (Path(os.environ["HOME"]) / ".gitconfig").write_text(config)
    upstream = one(vendored, line(ada))
    with (vendored.project.root / ".git/config").open("a") as file:
        file.write(config)
    for name, value in {"COUNT": "1", "KEY_0": "gpg.ssh.program", "VALUE_0": str(program)}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    eve.commit(upstream)
    subprocess.run(["git", f"--git-dir={upstream.path}", "verify-commit", "18.0"], check=False, capture_output=True)
    assert mark.exists(), "git on its own asks the user's program"
    mark.unlink()
    assert code(vendored) == SIGNER
    ada.commit(upstream)
    vendored.sync()
    assert not mark.exists()


@needs_ssh
def test_a_program_that_is_not_there_is_named(
    vendored: Vendored, ada: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.commit(one(vendored, line(ada)))
    git = shutil.which("git")
    assert git is not None
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(bare))
    record = vendored.try_()
    assert record.failure is not None and record.failure.code == SIGNERS
    assert "ssh-keygen was not found" in record.failure.message


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for keys of OpenPGP; its agent ends with the test."""
    folder = tmp_path / "gnupg"
    folder.mkdir(mode=0o700)
    yield folder
    subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=False, capture_output=True)


@needs_gpg
@needs_ssh
def test_P46_openpgp(
    vendored: Vendored, tmp_path: Path, home: Path, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_2025 = ("--faked-system-time", "20250101T000000!")
    bob, mallory, carol = (gpg_person(home, name, *in_2025) for name in ("bob", "mallory", "carol"))
    old = gpg_person(home, "old", *in_2025, expires="30d")
    gone = gpg_person(home, "gone", *in_2025)
    [revocation] = [
        text
        for text in (path.read_text() for path in (home / "openpgp-revocs.d").glob("*.rev"))
        if "gone@example.org" in text
    ]
    vendored.project.write(FILE, "Ours\n" + bob.public + carol.public + old.public + gone.public)
    monkeypatch.setenv("GNUPGHOME", str(home))  # the user's own keyring knows everybody

    record = table(vendored, tmp_path, {
        "trusted": ("18.0", bob.commit, ""),
        "second-key": ("18.0", carol.commit, ""),
        "trusted-tag": ("v1", lambda up: carol.tag(up, "v1"), ""),
        "stranger": ("18.0", mallory.commit, SIGNER),
        "unsigned": ("18.0", lambda up: None, UNSIGNED),
        "tampered": ("18.0", lambda up: (bob.commit(up), tampered(up)), SIGNATURE),
        "expired": ("18.0", old.commit, SIGNER),
        "not-revoked-yet": ("18.0", gone.commit, ""),
        "ssh": ("18.0", ada.commit, SIGNER),
    })  # fmt: skip
    assert any("trusted: the commit" in note and "bob <bob@example.org>" in note for note in record.notes)
    assert "has expired" in told(record, "expired")

    gpg(home, "--import", given=revocation.replace(":-----BEGIN", "-----BEGIN"))
    vendored.project.write(FILE, bob.public + carol.public + gpg(home, "--armor", "--export", "gone@example.org"))
    vendored.project.commit("Know of the revocation")
    record = vendored.try_()
    assert refused(record)["not-revoked-yet"] == SIGNER and "is revoked" in told(record, "not-revoked-yet")
    vendored.project.write(
        FILE, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nnonsense\n-----END PGP PUBLIC KEY BLOCK-----\n"
    )
    vendored.project.commit("Break the signers")
    assert code(vendored) == SIGNERS


@needs_gpg
def test_no_agent_is_left_running(vendored: Vendored, home: Path) -> None:
    bob = gpg_person(home, "bob")
    bob.commit(vendored.first)
    url = vendored.server.url(vendored.first.name)
    with TemporaryDirectory(prefix="s", dir="/tmp") as short:  # so that the socket of an agent would have room
        with closing(Remotes(dict(os.environ), 0, monotonic() + 30)) as remotes:
            cache = UpstreamCache(Path(short), remotes, "sha1")
            [resolved] = remotes.resolve(url, "18.0")
            cache.obtain(url, resolved)
            assert "bob@example.org" in judge(cache, url, resolved, bob.public.encode(), FILE)
        lines = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout.splitlines()
        assert not [line for line in lines if short in line and "--homedir" in line]
