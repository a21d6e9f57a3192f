"""Whether what an upstream brings was signed by somebody whom the user trusts: one of the *signers*, a file of theirs.

Git itself is asked, in the upstream's folder, with nothing but these signers: no keyring, no configuration and no
program of the user's has a say. What counts is one trusted signature that names the commit by its id: of the commit,
or of a tag on the way to it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from directional_sync.errors import HostError, RefusedError
from directional_sync.git import plumbing
from directional_sync.system import files, host
from directional_sync.system.process import Finished
from directional_sync.system.programs import TimedOut
from directional_sync.upstream import complaints
from directional_sync.upstream.addresses import shown
from directional_sync.upstream.cache import UpstreamCache
from directional_sync.upstream.complaints import KEPT
from directional_sync.upstream.remotes import Remotes, Resolved

_TIME_S = 60.0
_TAGS_MAX = 10
"""Tags that name tags, at most, before there is a commit."""
_ARMORED = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_PRIVATE = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY")
_SSH_KEY = re.compile(r"(?:\A|\s)(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+\s+(AAAA[A-Za-z0-9+/]+=*)(?:\s|\Z)")
_BEGIN = re.compile(rb"^-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----", re.MULTILINE)
_GOOD_SSH = re.compile(r'^Good "git" signature for (.+) with \S+ key (SHA256:\S+)$', re.MULTILINE)
_SOUND_SSH = re.compile(r'^Good "git" signature with \S+ key (SHA256:\S+)$', re.MULTILINE)
_GPG_SETTINGS = b"batch\nno-tty\nno-greeting\nno-autostart\nno-auto-key-retrieve\nno-auto-key-locate\n"
"""No agent is started that would outlive us, and no key is looked for anywhere."""


class Kind(StrEnum):
    """Ways of signing, each by git's name for it."""

    SSH = "ssh"
    OPENPGP = "openpgp"
    X509 = "x509"


_SAID = {Kind.SSH: "an SSH key", Kind.OPENPGP: "an OpenPGP key", Kind.X509: "an X.509 certificate"}
_PROGRAMS = {Kind.SSH: ("ssh-keygen",), Kind.OPENPGP: ("gpg", "gpg2")}
_KIND_OF = {b"SSH SIGNATURE": Kind.SSH, b"SIGNED MESSAGE": Kind.X509}


def judge(cache: UpstreamCache, url: str, resolved: Resolved, signers: bytes, name: str) -> str:
    """Who of the `signers` signed `resolved`, which was obtained from `url`, as a sentence. `signers`: the content of
    the file `name`, either OpenSSH allowed signers or armored OpenPGP public keys. Raises RefusedError
    E-UPSTREAM-UNSIGNED, E-UPSTREAM-SIGNER (by somebody else, or a key that does not hold), E-UPSTREAM-SIGNATURE (it
    does not fit what it is on) and E-SIGNERS (of no use), HostError E-PROGRAM-TIMEOUT, and what keeps us from reading
    the upstream."""
    with _court(cache, url, signers, name) as court:
        strangers: list[RefusedError] = []
        for item in court.way_to(resolved):
            if not item.signed:
                continue
            try:
                who = court.signer(item)
            except RefusedError as error:
                if error.code != "E-UPSTREAM-SIGNER":
                    raise
                strangers.append(error)  # what it is on may still be signed by one of ours
                continue
            court.must_bear_its_name(item, resolved)
            return f"{item} is signed by {who}"
    raise strangers[0] if strangers else _unsigned(url, resolved, name)


@dataclass(frozen=True, slots=True)
class _Item:
    """A tag or commit."""

    kind: str
    digest: str
    content: bytes = field(repr=False)
    signature: bytes = b""
    """How its signature begins; b"" without one."""

    @property
    def signed(self) -> bool:
        return bool(self.signature)

    @property
    def signed_by(self) -> Kind | None:
        """None when it is of no kind that git knows."""
        found = _BEGIN.match(self.signature)
        return _KIND_OF.get(found[1], Kind.OPENPGP) if found else None

    def header(self, name: str) -> str:
        found = re.search(rb"^%s (.*)$" % name.encode("ascii"), self.content.partition(b"\n\n")[0], re.MULTILINE)
        return found[1].decode("utf-8", "replace") if found else ""

    def __str__(self) -> str:
        return f"the tag {shown(self.header('tag'))}" if self.kind == "tag" else f"the commit {self.digest[:10]}"


@dataclass(frozen=True)
class _Court:
    """The upstream's folder, and a git that knows the signers and nobody else."""

    remotes: Remotes
    url: str
    git_dir: Path
    environment: Mapping[str, str] = field(repr=False)
    kind: Kind
    name: str
    """Of the signers' file."""
    keys: frozenset[str]
    """The fingerprints of all keys in it."""

    def way_to(self, resolved: Resolved) -> Sequence[_Item]:
        """From what the ref holds to the commit. The far side said where a tag leads; here it is looked up."""
        items = [self._read(resolved.tip)]
        while items[-1].kind == "tag" and len(items) <= _TAGS_MAX:
            items.append(self._read(items[-1].header("object")))
        if items[-1].kind != "commit":
            raise complaints.complaint(complaints.REF, self.url, f"{_asked(resolved)} is not a commit")
        if items[-1].digest != resolved.commit:
            why = f"names the commit {items[-1].digest[:10]}, not {resolved.commit[:10]} as the host says"
            raise self._refused("E-UPSTREAM-SIGNATURE", items[0], why, _LOOK)
        return items

    def signer(self, item: _Item) -> str:
        """Who signed it. Raises RefusedError."""
        kind = item.signed_by
        if kind is None:
            raise self._refused("E-UPSTREAM-SIGNATURE", item, "bears a signature of no known kind", _LOOK)
        if kind is not self.kind:
            why = f"is signed with {_SAID[kind]}, and {shown(self.name)} holds no such keys"
            hint = "take the signer's SSH or OpenPGP key; X.509 is not judged" if kind is Kind.X509 else _KNOW
            raise self._refused("E-UPSTREAM-SIGNER", item, why, hint)
        done = self._git(f"verify-{item.kind}", "--raw", item.digest)
        said = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
        return self._ssh(item, done, said) if kind is Kind.SSH else self._openpgp(item, done, said)

    def must_bear_its_name(self, item: _Item, resolved: Resolved) -> None:
        """A signed tag that is handed out under another name would pass an old version off as a new one."""
        if item.kind == "tag" and item.digest == resolved.tip and resolved.is_tag:
            asked, own = resolved.ref.removeprefix("refs/tags/"), item.header("tag")
            if asked != own:
                raise self._refused("E-UPSTREAM-SIGNATURE", item, f"is handed out as {shown(asked)}", _LOOK)

    def _ssh(self, item: _Item, done: Finished, said: str) -> str:
        good, sound = _GOOD_SSH.search(said), _SOUND_SSH.search(said)
        if good and done.status == 0:
            return f"{shown(good[1])} ({good[2]})"
        if sound and sound[1] not in self.keys:
            raise self._stranger(item, sound[1])
        if sound or "is not permitted for use in signature namespace" in said:
            why = f"is signed by a key that {shown(self.name)} holds, but not for such a date or use"
            raise self._refused("E-UPSTREAM-SIGNER", item, why, _HOLDS, said)
        raise self._bad(item, said)

    def _openpgp(self, item: _Item, done: Finished, said: str) -> str:
        """gpg's status lines are `[GNUPG:] WORD rest`; VALIDSIG ends in the fingerprint of the primary key."""
        lines = [line.removeprefix("[GNUPG:] ") for line in said.splitlines() if line.startswith("[GNUPG:] ")]
        status = {word: rest for word, _, rest in (line.partition(" ") for line in lines)}
        if done.status == 0 and "GOODSIG" in status and status.get("VALIDSIG", "").rpartition(" ")[2] in self.keys:
            key, _, who = status["GOODSIG"].partition(" ")
            return f"{shown(who)} ({key})"
        if "NO_PUBKEY" in status or "GOODSIG" in status:
            raise self._stranger(item, (status.get("NO_PUBKEY") or status["GOODSIG"]).partition(" ")[0])
        for word, what in (("REVKEYSIG", "is revoked"), ("EXPKEYSIG", "has expired"), ("EXPSIG", "")):
            if word in status:
                who = shown(status[word].partition(" ")[2])
                why = (
                    f"is signed by {who}, whose key {what}" if what else f"is signed by {who}, for a time that is over"
                )
                raise self._refused("E-UPSTREAM-SIGNER", item, why, _HOLDS)
        raise self._bad(item, said)

    def _stranger(self, item: _Item, key: str) -> RefusedError:
        why = f"is signed by the key {shown(key)}, which is not in {shown(self.name)}"
        return self._refused("E-UPSTREAM-SIGNER", item, why, _KNOW)

    def _bad(self, item: _Item, said: str) -> RefusedError:
        return self._refused("E-UPSTREAM-SIGNATURE", item, "bears a signature that does not fit it", _LOOK, said)

    def _refused(self, code: str, item: _Item, why: str, hint: str, said: str = "") -> RefusedError:
        detail = [shown(line) for line in said.splitlines() if line.strip()][:5]
        return RefusedError(code, f"{item} of {shown(self.url)} {why}", hint=hint, kept=KEPT, detail=detail)

    def _read(self, digest: str) -> _Item:
        done = self._git("cat-file", "--batch", stdin=f"{digest}\n".encode("ascii", "replace"))
        head, _, content = done.stdout.partition(b"\n")
        words = head.decode("ascii", "replace").split(" ")
        if done.status or len(words) != 3:
            raise complaints.complaint(complaints.CORRUPT, self.url, f"{shown(digest)[:10]} is missing")
        content = content[: int(words[2])]
        return _Item(words[1], digest, content, _signature(words[1], content, len(digest)))

    def _git(self, *arguments: str, stdin: bytes = b"") -> Finished:
        argv = ["git", f"--git-dir={self.git_dir}", *arguments]
        return _run(self.remotes, argv, self.environment, stdin)


_LOOK = "ask the maintainers what happened there before you trust this repository again"
_KNOW = "once you know whose key it is and trust them, add it to that file and commit it"
_HOLDS = "ask the signer for a key that holds, and add it to that file"


@contextlib.contextmanager
def _court(cache: UpstreamCache, url: str, signers: bytes, name: str) -> Iterator[_Court]:
    """Its folder of keys vanishes at the end."""
    kind = _kind_of(signers, name)
    environment = plumbing.isolated()
    program = _program(kind, environment.get("PATH", ""), name)
    folder = cache.beside(url, "signers") / host.new_id()
    try:
        files.write_private(folder / "allowed", signers if kind is Kind.SSH else b"")
        host.make_folder(folder / "keys")
        environment = plumbing.with_config(
            {**environment, "HOME": str(folder), "GNUPGHOME": str(folder / "keys")}, _config(kind, program, folder)
        )
        if kind is Kind.SSH:
            keys = _ssh_keys(signers, name)
        else:
            files.write_private(folder / "keys" / "gpg.conf", _GPG_SETTINGS)
            keys = _import(cache.remotes, program, environment, signers, name)
        yield _Court(cache.remotes, url, cache.beside(url, "git"), environment, kind, name, keys)
    finally:
        host.remove_tree(folder)


def _config(kind: Kind, program: str, folder: Path) -> dict[str, str]:
    """Whichever kind a signature claims to be, only the program that we mean can be started."""
    programs = {"gpg.program": Kind.OPENPGP, **{f"gpg.{each}.program": each for each in Kind}}
    return {
        **{key: program if kind is each else str(folder / "none") for key, each in programs.items()},
        "gpg.format": kind.value,
        "gpg.minTrustLevel": "undefined",  # whoever is in the file is trusted; gpg need not know why
        "gpg.ssh.allowedSignersFile": str(folder / "allowed"),
    }


def _kind_of(signers: bytes, name: str) -> Kind:
    if _PRIVATE.search(signers):
        raise _useless(name, "holds a private key", "take it out, make a new one, and put the public key there")
    return Kind.OPENPGP if _ARMORED in signers else Kind.SSH


def _program(kind: Kind, search_path: str, name: str) -> str:
    found = next(filter(None, (shutil.which(each, path=search_path) for each in _PROGRAMS[kind])), None)
    if found is None:
        program = _PROGRAMS[kind][0]
        raise _useless(name, f"cannot be used: the program {program} was not found", f"install {program}")
    return str(Path(found).absolute())


def _ssh_keys(signers: bytes, name: str) -> frozenset[str]:
    """The fingerprints of the keys that are allowed. Raises RefusedError E-SIGNERS when a line is none, or all are
    comments."""
    found = set()
    for number, line in enumerate(signers.decode("utf-8", "replace").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key = _SSH_KEY.search(text)
        if key is None:
            raise _useless(name, f"cannot be read: there is no key in line {number}", _FORMS)
        if key.start() == 0:
            raise _useless(name, f"cannot be read: line {number} does not begin with whose key it is", _FORMS)
        with contextlib.suppress(ValueError):
            digest = hashlib.sha256(base64.b64decode(key[1])).digest()
            found.add("SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("="))
    if not found:
        raise _useless(name, "holds no key", _FORMS)
    return frozenset(found)


def _import(
    remotes: Remotes, program: str, environment: Mapping[str, str], signers: bytes, name: str
) -> frozenset[str]:
    """The fingerprints of the keys, now in the keyring of our own."""
    done = _run(remotes, [program, "--status-fd", "1", "--import"], environment, signers)
    said = done.stdout.decode("ascii", "replace")
    found = re.findall(r"^\[GNUPG:\] IMPORT_OK \d+ ([0-9A-F]+)$", said, re.MULTILINE)
    # Its status says nothing: it looks for an agent, which public keys do not need, and fails where there is none.
    if len(found) < signers.count(_ARMORED):
        lines = [shown(line) for line in done.stderr.decode("utf-8", "replace").splitlines()][:5]
        raise _useless(name, "cannot be read as OpenPGP public keys", "make it anew: gpg --armor --export WHO", lines)
    return frozenset(found)


def _run(remotes: Remotes, argv: Sequence[str], environment: Mapping[str, str], stdin: bytes) -> Finished:
    time_s = min(_TIME_S, remotes.left_s)
    try:
        return remotes.programs.run(argv, env=environment, stdin=stdin, timeout_s=time_s)
    except TimedOut:
        raise HostError(
            "E-PROGRAM-TIMEOUT",
            f"{Path(argv[0]).name} did not judge a signature within {time_s:.0f} seconds and was stopped",
            hint="run again; raise `timeout` if the time of the whole target was over",
            kept=KEPT,
            retryable=True,
        ) from None


def _signature(kind: str, content: bytes, digits: int) -> bytes:
    """Where git looks for it: in a tag the last thing, in a commit a header for the hash of its own repository."""
    if kind == "tag":
        begins = [found.start() for found in _BEGIN.finditer(content)]
        return content[begins[-1] :] if begins else b""
    header = b"gpgsig" if digits == 40 else b"gpgsig-sha256"
    found = re.search(rb"^%s (.*)$" % header, content.partition(b"\n\n")[0], re.MULTILINE)
    return (found[1] or b"?") if found else b""


_FORMS = "write lines like `ada@example.org ssh-ed25519 AAAA...` (ssh-keygen(1), ALLOWED SIGNERS), or armored keys"


def _useless(name: str, why: str, hint: str, detail: Sequence[str] = ()) -> RefusedError:
    return RefusedError("E-SIGNERS", f"the signers' file {shown(name)} {why}", hint=hint, kept=KEPT, detail=detail)


def missing(name: str) -> RefusedError:
    """There is no such file of signers."""
    return _useless(name, "is not a file that is committed on this branch", f"commit it: git add {shown(name)}")


def _unsigned(url: str, resolved: Resolved, name: str) -> RefusedError:
    return RefusedError(
        "E-UPSTREAM-UNSIGNED",
        f"{shown(_asked(resolved))} of {shown(url)}, now {resolved.commit[:10]}, is not signed",
        hint=f"ask for a signature by one of those in {shown(name)}, or take a ref that has one",
        kept=KEPT,
    )


def _asked(resolved: Resolved) -> str:
    return resolved.ref.removeprefix("refs/heads/").removeprefix("refs/tags/") or resolved.commit[:10]
