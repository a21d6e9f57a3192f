"""An object store opened through fsspec, and what its libraries say in the words of this program.

They are loaded only here. Whatever they raise becomes an error of the family: which of them it is depends on classes
of many libraries, so it is told by their standard kin (PermissionError, FileNotFoundError) and by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from directional_sync.core.escape import one_line
from directional_sync.core.redact import Redactor
from directional_sync.endpoints.base import Context
from directional_sync.endpoints.files.seen import Mark
from directional_sync.errors import CredentialError, HostError, InternalError, RemoteError, SyncError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from directional_sync.endpoints.files.options import FilesOptions

_EXTRAS = {"s3": "s3", "s3a": "s3"}
"""Scheme -> extra of this package that brings what it needs, where there is one."""
_IDENTITY = ("ETag", "etag", "e_tag", "md5Hash", "content_md5", "crc32c", "generation", "VersionId", "version")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
_KEPT = "nothing was changed on either side"
_AUTH = ("NoCredentials", "PartialCredentials", "TokenRetrieval", "UnauthorizedSSO", "CredentialRetrieval", "AuthError")
_AUTH_SAID = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccessDenied")
_NETWORK = ("Connection", "Connect", "Timeout", "Unreachable", "ClientOSError", "ServerDisconnected", "IncompleteRead")
_PARSE = ("ResponseParser", "ParseError", "JSONDecode", "ContentType")
_SAID_CHARACTERS = 300
_CONNECT_S, _READ_S = 15, 60


class Store:
    """One fsspec file system. Errors of its methods are for `told`."""

    def __init__(self, scheme: str, options: FilesOptions, context: Context) -> None:
        """Raises HostError E-FILES-EXTRA when a package is missing, CredentialError when a variable is not set."""
        self.scheme = scheme
        self.conditional = scheme in ("s3", "s3a")
        """Whether a write or a deletion can be made to depend on what is there."""
        secrets = _secrets(options, context)
        self._redactor = Redactor(secrets.values())
        self._url = options.url
        given: dict[str, Any] = {**options.settings, **secrets}
        if self.conditional:
            given |= _s3(options, context.target.retries)
        self.fs: Any = self._opened(scheme, given)
        if self.conditional:
            self.fs.retries = context.target.retries + 1

    def __repr__(self) -> str:
        return f"Store({self._url})"

    def _opened(self, scheme: str, given: Mapping[str, Any]) -> Any:
        try:
            fsspec = import_module("fsspec")
            kind = fsspec.get_filesystem_class(scheme)
        except ImportError as error:
            extra = _EXTRAS.get(scheme)
            what = f"directional-sync[{extra}]" if extra else f"{getattr(error, 'name', None) or 'fsspec'}"
            if not extra and getattr(error, "name", "") == "fsspec":
                what = "directional-sync[remotes]"
            raise HostError(
                "E-FILES-EXTRA",
                f"{self._url} needs a package that is not installed: {one_line(str(error), 200)}",
                hint=f'pip install "{what}"',
                kept=_KEPT,
            ) from error
        except ValueError as error:
            raise HostError(
                "E-FILES-EXTRA",
                f"fsspec knows no store `{scheme}://`",
                hint="check the beginning of `url`; fsspec.available_protocols() lists what it knows",
                kept=_KEPT,
            ) from error
        with self.told("opened"):
            return kind(skip_instance_cache=True, use_listings_cache=False, **given)

    @contextmanager
    def told(self, doing: str) -> Iterator[None]:
        """Turns whatever a library raises into a SyncError. `doing`: a participle, for the message."""
        try:
            yield
        except (SyncError, KeyboardInterrupt):
            raise
        except Exception as error:
            raise self.complaint(error, doing) from None  # a trace would show what the library was given

    def complaint(self, error: BaseException, doing: str) -> SyncError:
        """The error of the family for what a library raised."""
        said = self.said(error)
        names = " ".join(kind.__name__ for kind in type(error).__mro__) + " " + _code(error)
        if isinstance(error, PermissionError) or any(name in names for name in (*_AUTH, *_AUTH_SAID)):
            return CredentialError(
                "E-FILES-AUTH",
                f"{self._url} could not be {doing}: {said}",
                hint="check the variables that `key` and `secret` name, and what they may do in this bucket",
                kept=_KEPT,
            )
        if isinstance(error, FileNotFoundError):
            return RemoteError(
                "E-FILES-ROOT",
                f"{self._url} is not there: {said}",
                hint="check the bucket's name and `endpoint_url`; a bucket is never made by this program",
                kept=_KEPT,
            )
        if any(name in names for name in _PARSE):
            return _listing(self._url, f"answered something that is no listing: {said}")
        if isinstance(error, ConnectionError | TimeoutError) or any(name in names for name in _NETWORK):
            return RemoteError(
                "E-FILES-UNREACHABLE",
                f"{self._url} could not be {doing}: {said}",
                hint="check the network and `endpoint_url`; the next run tries again",
                kept=_KEPT,
                retryable=True,
            )
        if isinstance(error, TypeError | ValueError | NotImplementedError) and not isinstance(error, OSError):
            return HostError(
                "E-FILES-SETTING",
                f"{self._url} could not be {doing}: {said}",
                hint="check `settings` and `credentials` against what fsspec's implementation takes",
                kept=_KEPT,
            )
        return RemoteError(
            "E-FILES-STORE",
            f"{self._url} could not be {doing}: {said}",
            hint="look at the message of the store; the next run tries again",
            kept=_KEPT,
        )

    def said(self, error: BaseException) -> str:
        """What an error of a library says, on one line, without secrets."""
        text = one_line(f"{type(error).__name__}: {error}", _SAID_CHARACTERS)
        return self._redactor.text(text)


def incomplete(url: str, detail: str) -> RemoteError:
    """The error for a listing that cannot be all there is."""
    return _listing(url, detail)


def _listing(url: str, what: str) -> RemoteError:
    return RemoteError(
        "E-FILES-LISTING",
        f"{url} {what}",
        hint="something between here and the store may answer in its place (a proxy, a login page); run again",
        kept=_KEPT,
        retryable=True,
    )


def precondition(error: BaseException) -> bool:
    """Whether a store refused because something else is there than was expected."""
    names = f"{type(error).__name__} {_code(error)} {error}"
    return isinstance(error, FileExistsError) or "PreconditionFailed" in names or "At least one of the pre-" in names


def unconditional(error: BaseException) -> bool:
    """Whether a store knows no conditions."""
    return isinstance(error, NotImplementedError) or "NotImplemented" in f"{_code(error)} {error}"


def _code(error: BaseException) -> str:
    """The code in an answer of S3, on the error or on what it came from."""
    for one in (error, error.__cause__, error.__context__):
        response = getattr(one, "response", None)
        if isinstance(response, Mapping):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def mark_of(about: Mapping[str, Any]) -> Mark:
    """What tells one content of an object from the next; () when the store says nothing that does. An ETag does by
    itself; a time together with the size, where there is no better."""
    size = about.get("size", -1)
    for name in (*_IDENTITY, *_TIMES):
        if about.get(name):
            return (size, f"{name}={about[name]}")
    return ()


def changed_of(about: Mapping[str, Any]) -> float | None:
    """When the object was changed, in seconds since the epoch; None where the store does not say."""
    for name in _TIMES[:-1]:
        said = about.get(name)
        if isinstance(said, datetime):
            return said.timestamp() if said.tzinfo else None
        if isinstance(said, int | float) and not isinstance(said, bool):
            return float(said)
    return None


def _s3(options: FilesOptions, retries: int) -> dict[str, Any]:
    given: dict[str, Any] = {"anon": options.anonymous}
    if options.endpoint_url:
        given["endpoint_url"] = options.endpoint_url
    usual = {"retries": {"max_attempts": retries + 1, "mode": "standard"}}
    given["config_kwargs"] = {**usual, "connect_timeout": _CONNECT_S, "read_timeout": _READ_S}
    return given


def _secrets(options: FilesOptions, context: Context) -> dict[str, str]:
    """Option of the file system -> secret value."""
    names = {"key": options.key, "secret": options.secret, "token": options.token, **options.credentials}
    found = {}
    for option, name in names.items():
        if name:
            if name not in context.environment:
                raise InternalError("E-INTERNAL", f"the variable {name} was not handed to the endpoint")
            found[option] = context.environment[name]
    return found
