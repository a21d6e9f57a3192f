"""Many upstreams at once: what their refs point at now, and whether history went on or was rewritten.

Over HTTP one request answers each question and no process is started; the program `git` is asked where a raw request
cannot know the way: ssh, git:// and files, hosts that speak only the older protocol, and proxies of other kinds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from directional_sync.errors import SyncError
from directional_sync.system.host import monotonic
from directional_sync.system.http import Answer, Fault, Pool, Unanswered
from directional_sync.system.process import Finished
from directional_sync.system.programs import Programs, TimedOut
from directional_sync.system.retry import persist
from directional_sync.upstream import complaints, smart_http
from directional_sync.upstream.addresses import Way, is_commit, shown, way
from directional_sync.upstream.elsewhere import elsewhere
from directional_sync.upstream.smart_http import Advertised, NoAnswer, Trouble

T = TypeVar("T")
_QUESTION_S = 60.0
_COUNT_S = 10.0
_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.askPass": "",
    "protocol.version": "2",
    "protocol.allow": "never",
    **{f"protocol.{name}.allow": "always" for name in ("http", "https", "ssh", "git", "file")},
    "protocol.ext.allow": "never",
    "http.followRedirects": "false",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
_STEERING_ALLOWED = ("GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH")


def git_environment(environment: Mapping[str, str], config: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a git that talks to upstreams. The user's own configuration holds, since their credential
    helpers, proxies, mirrors and ssh settings are needed; what it could make git run beside those is overridden.
    That of a repository around this process does not. Of the GIT_* variables only those that carry credentials are
    handed on, and only when the target names them."""
    chosen = {
        name: value
        for name, value in environment.items()
        if (not name.startswith("GIT_") or name in _STEERING_ALLOWED) and name != "SSH_ASKPASS"
    }
    settings = {**_CONFIG, **(config or {})}
    chosen |= {"GIT_DIR": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}  # `--git-dir` says otherwise
    chosen["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (name, value) in enumerate(settings.items()):
        chosen[f"GIT_CONFIG_KEY_{number}"], chosen[f"GIT_CONFIG_VALUE_{number}"] = name, value
    return chosen


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a ref stands for now."""

    ref: str
    """Its full name; "" when a commit was asked for by its id."""
    tip: str
    """The id that the ref holds: a commit's, or that of an annotated tag."""
    commit: str
    note: str = ""

    @property
    def is_tag(self) -> bool:
        return self.ref.startswith("refs/tags/")


@dataclass
class Remotes:
    """The far sides of one run: its connections, its programs, its deadline. Safe to use from many threads."""

    environment: Mapping[str, str] = field(repr=False)
    """What credentials, proxies and ssh agents are found by."""
    retries: int
    deadline: float
    """On the monotonic clock: when everything must have ended."""

    def __post_init__(self) -> None:
        self.pool = Pool(self.environment)
        self.programs = Programs()
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._logins: dict[str, str] = {}
        self._elsewhere: tuple[str, ...] | None = None

    def close(self) -> None:
        """Ends whatever is under way: programs, connections, pauses. Safe to call twice and from any thread."""
        self._stop.set()
        self.programs.close()
        self.pool.close()

    @property
    def left_s(self) -> float:
        return max(0.0, self.deadline - monotonic())

    def resolve(self, url: str, *refs: str) -> tuple[Resolved, ...]:
        """What each of `refs` of the repository at `url` stands for, asked in one request: a branch or tag by its
        short or full name, "" for HEAD's branch, or a commit's full id, which is not asked for. Raises SyncError."""
        prefixes = [prefix for ref in refs if not is_commit(ref) for prefix in _prefixes(ref)]
        advertised = self._refs(url, tuple(dict.fromkeys(prefixes))) if prefixes else []
        found = [Resolved("", ref, ref) if is_commit(ref) else _pick(advertised, ref) for ref in refs]
        for ref, one in zip(refs, found, strict=True):
            if one is None:
                raise self._no_such_ref(url, ref)
        return tuple(one for one in found if one is not None)

    def tags(self, url: str) -> dict[str, Resolved]:
        """The tags of the repository at `url` by their short names, in one request. Raises SyncError."""
        advertised = self._refs(url, ("refs/tags/",))
        return {
            tag.name.removeprefix("refs/tags/"): Resolved(tag.name, tag.digest, tag.peeled or tag.digest)
            for tag in advertised
        }

    def descends(self, url: str, new: str, old: str) -> bool | None:
        """Whether `new` has `old` among its ancestors, as far as the far side says without sending content; None when
        it cannot be asked so. Raises SyncError."""
        if not self._by_raw_requests(url):
            return None

        def ask() -> bool | None:
            try:
                return smart_http.descends(
                    self.pool, url, new, old, timeout_s=self._question_s(), login=self._login(url)
                )
            except NoAnswer as error:
                if error.trouble in (Trouble.BUSY, Trouble.GONE):
                    raise complaints.from_http(url, error) from error
                return None
            except Unanswered as error:
                raise complaints.from_http(url, error) from error

        return self.persist(ask)

    def commits_between(self, url: str, new: str, old: str) -> int:
        """How many commits `new` has that `old` has not; 0 when that cannot be asked: it only helps people to see how
        far an upstream has moved. Raises nothing."""
        if way(url) is not Way.HTTP:
            return 0
        try:
            login = self._login(url)
            found = smart_http.commits_between(
                self.pool, url, new, old, timeout_s=min(_COUNT_S, self.left_s), login=login
            )
        except (NoAnswer, Unanswered):
            return 0
        return found or 0

    def git(
        self, url: str, arguments: Sequence[str], *, config: Mapping[str, str] | None = None, stdin: bytes = b""
    ) -> Finished:
        """Runs git to its end within the deadline. Raises SyncError E-UPSTREAM-TIMEOUT; other failures are answers."""
        try:
            return self.programs.run(
                ["git", *arguments],
                env=git_environment(self.environment, config),
                stdin=stdin,
                timeout_s=self.left_s,
            )
        except TimedOut:
            raise complaints.complaint(complaints.TIMEOUT, url) from None

    def _by_raw_requests(self, url: str) -> bool:
        """Whether a raw request reaches what git would reach."""
        if way(url) is not Way.HTTP:
            return False
        with self._guard:
            if self._elsewhere is None:
                self._elsewhere = elsewhere(self.environment, lambda *arguments: self.git(url, arguments))
            return not url.startswith(self._elsewhere)

    def _question_s(self) -> float:
        return min(_QUESTION_S, self.left_s)

    def ask(
        self,
        url: str,
        method: str,
        place: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        bytes_max: int,
        into: Path | None = None,
    ) -> Answer:
        """One question at the URL `place`, for what belongs to the upstream `url`; see `Pool.ask`. When the upstream's
        own host wants to know who we are, git's credential helpers are asked; no other host gets what they say. `into`
        a file: until the deadline, else for a minute at most. Raises Unanswered, HostError."""

        def once(login: str) -> Answer:
            extra = {"Authorization": login} if login else {}
            time_s = self.left_s if into is not None else self._question_s()
            return self.pool.ask(
                method, place, headers={**headers, **extra}, body=body, timeout_s=time_s, bytes_max=bytes_max, into=into
            )

        ours = _host(place) == _host(url) and "authorization" not in map(str.lower, headers)
        login = self._login(url) if ours else ""
        answer = once(login)
        if answer.status == 401 and ours and not login and self._log_in(url):
            return once(self._login(url))
        return answer

    def _refs(self, url: str, prefixes: Sequence[str]) -> list[Advertised]:
        """The refs whose names start with one of `prefixes`."""
        return self.persist(lambda: self._ask_refs(url, prefixes))

    def _ask_refs(self, url: str, prefixes: Sequence[str]) -> list[Advertised]:
        if not self._by_raw_requests(url):
            return self._ls_remote(url, prefixes)
        login = self._login(url)
        try:
            return smart_http.ls_refs(self.pool, url, prefixes, timeout_s=self._question_s(), login=login)
        except NoAnswer as error:
            if error.trouble is Trouble.LOGIN and not login and self._log_in(url):
                return self._ask_refs(url, prefixes)
            if error.trouble in (Trouble.LOGIN, Trouble.OTHER_DIALECT, Trouble.REFUSED):
                return self._ls_remote(url, prefixes)
            raise complaints.from_http(url, error) from error
        except Unanswered as error:
            if error.fault in (Fault.UNSUPPORTED, Fault.TLS):  # git may know a certificate or proxy that we do not
                return self._ls_remote(url, prefixes)
            raise complaints.from_http(url, error) from error

    def _ls_remote(self, url: str, prefixes: Sequence[str]) -> list[Advertised]:
        exact = (
            [] if any(prefix.endswith("/") for prefix in prefixes) else [*prefixes, *(f"{p}^{{}}" for p in prefixes)]
        )
        done = self.git(url, ["ls-remote", "--symref", "--quiet", "--", url, *exact])
        if done.status:
            raise complaints.from_git(url, done.stderr)
        return [ref for ref in _listed(done.stdout) if ref.name.startswith(tuple(prefixes))]

    def authorization(self, url: str, *, ask: bool = False) -> str:
        """The value of the Authorization header for the host of `url`, "" for none: what was found earlier in this run,
        and with `ask` what git's credential helpers have, which are asked once."""
        if ask:
            self._log_in(url)
        return self._login(url)

    def _login(self, url: str) -> str:
        with self._guard:
            return self._logins.get(_host(url), "")

    def _log_in(self, url: str) -> bool:
        """Asks git's credential helpers for this host, once in a run. Whether they had something."""
        with self._guard:
            if _host(url) not in self._logins:
                self._logins[_host(url)] = self._from_helpers(url)
            return bool(self._logins[_host(url)])

    def _from_helpers(self, url: str) -> str:
        import base64

        parts = urlsplit(url)
        question = f"protocol={parts.scheme}\nhost={parts.netloc}\npath={parts.path.lstrip('/')}\n\n"
        done = self.git(url, ["credential", "fill"], stdin=question.encode())
        said = dict(line.partition("=")[::2] for line in done.stdout.decode("utf-8", "replace").splitlines())
        if done.status or not said.get("password"):
            return ""
        pair = f"{said.get('username', '')}:{said['password']}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def _no_such_ref(self, url: str, ref: str) -> SyncError:
        try:
            refs = self._refs(url, ("refs/heads/", "refs/tags/"))
        except SyncError:
            refs = []
        names = [name.name.removeprefix("refs/heads/").removeprefix("refs/tags/") for name in refs]
        if not names:
            return complaints.complaint(complaints.EMPTY, url)
        if not ref:
            hint = f"set `ref` to a branch, for example {shown(names[0])}"
            return complaints.no_such_ref(url, "", hint=hint)
        import difflib

        near = difflib.get_close_matches(ref, names[:5000], n=3, cutoff=0.5)
        hint = f"near names there: {', '.join(shown(name) for name in near)}" if near else ""
        return complaints.no_such_ref(url, ref, hint=hint)

    def persist(self, deed: Callable[[], T]) -> T:
        """What `deed` answers, tried again within the budget when that can help."""
        return persist(deed, retries=self.retries, timeout_s=self.left_s, stop=self._stop, wait_for=_asked_to_wait)


def _asked_to_wait(error: SyncError) -> float:
    return error.__cause__.wait_s if isinstance(error.__cause__, NoAnswer) else 0.0


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _prefixes(ref: str) -> tuple[str, ...]:
    if not ref:
        return ("HEAD",)
    return (ref,) if ref.startswith("refs/") else (f"refs/heads/{ref}", f"refs/tags/{ref}")


def _pick(refs: Sequence[Advertised], ref: str) -> Resolved | None:
    by_name = {found.name: found for found in refs}
    if not ref:
        head = by_name.get("HEAD")
        return Resolved(head.symref or "HEAD", head.digest, head.peeled or head.digest) if head else None
    both = [by_name[name] for name in _prefixes(ref) if name in by_name]
    if not both:
        return None
    note = f"has a branch and a tag named {ref}: the branch is taken (say refs/tags/{ref} for the tag)"
    return Resolved(both[0].name, both[0].digest, both[0].peeled or both[0].digest, note if both[1:] else "")


def _listed(stdout: bytes) -> list[Advertised]:
    """What `git ls-remote --symref` printed."""
    digests: dict[str, str] = {}
    symrefs: dict[str, str] = {}
    for line in stdout.decode("utf-8", "surrogateescape").splitlines():
        left, _, name = line.partition("\t")
        if left.startswith("ref: "):
            symrefs[name] = left[5:]
        elif name:
            digests[name] = left
    return [
        Advertised(name, digest, digests.get(name + "^{}", ""), symrefs.get(name, ""))
        for name, digest in digests.items()
        if not name.endswith("^{}")
    ]
