"""A paged JSON list of a service as files: one document, or one file for each item. Pull only.

A snapshot reads the list to its end, proves that it is whole (`pages`), makes each item canonical (`items`) and answers
one entry per file. A list that cannot be proved whole raises, so that what is missing in it is never a deletion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from directional_sync.endpoints.base import Capabilities, Context, Endpoint
from directional_sync.endpoints.rest import asking
from directional_sync.endpoints.rest.complaints import ECHOED, EMPTY, KEY, complaint
from directional_sync.endpoints.rest.items import Item, Recipe, document, file_name, make, recipe
from directional_sync.endpoints.rest.kept import Answers, Known
from directional_sync.endpoints.rest.pages import Doubtful, Proof, Reading, Taken, agreed, place
from directional_sync.endpoints.rest.shape import How, detect, read
from directional_sync.endpoints.rest.templates import HOLE
from directional_sync.errors import InternalError
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.model.plan import Change
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import FILE, Entry, Snapshot
from directional_sync.model.values import kind_of
from directional_sync.service.client import ANSWER_BYTES_MAX, Client
from directional_sync.service.credential import credential
from directional_sync.service.pace import Pace

if TYPE_CHECKING:
    from directional_sync.endpoints.rest.options import RestOptions

_WRITTEN_AT_ONCE = 5_000
_ECHO_SHORTEST = 8
"""Shorter credentials may stand in any text by chance."""


def __getattr__(name: str) -> Any:
    """`OPTIONS`, loaded when it is asked for: a run may have its options without their class."""
    if name != "OPTIONS":
        raise AttributeError(name)
    from directional_sync.endpoints.rest import options as rest_options

    return rest_options.RestOptions


def open(context: Context) -> Endpoint:
    """The list of a target. Raises CredentialError when its credential is not set, and RemoteError
    E-SERVICE-INSECURE when it would travel in the clear."""
    return RestEndpoint(context)


class RestEndpoint:
    """One list, for one run of one target."""

    capabilities = Capabilities(writes=False, previews=True)

    def __init__(self, context: Context) -> None:
        options = context.target.options
        if kind_of(options) != "RestOptions":
            raise InternalError("E-INTERNAL", "the rest endpoint was opened with options of another kind")
        self._context = context
        self._options: RestOptions = options
        self._token = credential(context.target, options.token, context.environment) if options.token else ""
        self._client: Client | None = None

    def __repr__(self) -> str:
        return f"RestEndpoint({urlsplit(self._options.url).netloc.rpartition('@')[2]})"

    def snapshot(self, prior: Snapshot) -> Snapshot:
        """One file per item, or one for all of them. Raises SyncError E-REST-... and E-SERVICE-..."""
        self.close()
        context, options = self._context, self._options
        self._client = Client(
            asking.service(options, self._token),
            context.environment,
            retries=context.target.retries,
            timeout_s=context.target.timeout_s,
            pace=Pace(options.rate),
            stop=context.stop,
            waiting=lambda message: context.tell(Event(EventType.PROGRESS, message, context.target.name)),
        )
        look = _Look(context, options, self._client, self._token)
        items = look.whole()
        self._refuse_echo(items)
        entries = self._files(items) if HOLE in options.into else self._document(items, look.how)
        return Snapshot(entries, notes=tuple(look.notes))

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        if changes:
            raise InternalError("E-INTERNAL", "the rest endpoint cannot write to services")
        return iter(())

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _document(self, items: Sequence[Item], how: How) -> dict[str, Entry]:
        if not items and not self._context.target.policy.allow_empty:
            # A document that says so is still there: no gate over what a side holds would see that all is gone.
            raise complaint(EMPTY, f"the list of {self._service} holds no items at all")
        wrap = self._options.wrap
        name = (how.items[-1] if how.items else "items") if wrap is None else wrap
        return {self._options.into: Entry(self._context.objects.write_blob(document(items, name)), FILE)}

    def _files(self, items: Sequence[Item]) -> dict[str, Entry]:
        taken: dict[str, str] = {}
        for item in items:
            other = taken.setdefault(item.key.casefold(), item.key)
            if other != item.key:
                message = f"the keys {other!r} and {item.key!r} would be one file where letter case does not count"
                raise complaint(KEY, message)
        names = [self._options.into.replace(HOLE, file_name(item.key)) for item in items]
        entries: dict[str, Entry] = {}
        for at in range(0, len(items), _WRITTEN_AT_ONCE):
            some = slice(at, at + _WRITTEN_AT_ONCE)
            digests = self._context.objects.write_blobs([item.content + b"\n" for item in items[some]])
            entries |= {name: Entry(digest, FILE) for name, digest in zip(names[some], digests, strict=True)}
        return entries

    def _refuse_echo(self, items: Sequence[Item]) -> None:
        secret = self._token.encode()
        if len(secret) < _ECHO_SHORTEST:
            return
        for item in items:
            if secret in item.content:
                raise complaint(ECHOED, f"the item {item.key!r} holds the value of {self._options.token} itself")

    @property
    def _service(self) -> str:
        return urlsplit(self._options.url).netloc.rpartition("@")[2]


@dataclass
class _Look:
    """One look at the list: as many readings of it as it takes to be sure."""

    context: Context
    options: RestOptions
    client: Client
    token: str = field(repr=False)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recipe: Recipe = recipe(self.options)
        self.answers = Answers(self.context.cache / "answers", self.recipe, self.token)
        self.how: How = asking.said(self.options)
        self.left_bytes = self.options.max_bytes

    def whole(self) -> list[Item]:
        """All items, as they came, once it is certain that they are all. Raises SyncError."""
        doubt = ""
        try:
            reading, proof = self._reading(fresh=False)
        except Doubtful as doubtful:
            doubt = doubtful.reason
        if doubt:
            self.left_bytes = self.options.max_bytes
            try:
                reading, proof = self._reading(fresh=True)
            except Doubtful as doubtful:
                raise doubtful.error(doubt) from doubtful
            self.notes.append(f"the list was read twice: at first {doubt}")
        if proof is Proof.NONE or self.options.read_twice:
            reading = self._second(reading)
        self.answers.tidy()
        return list(reading.items.values())

    def _second(self, first: Reading) -> Reading:
        first.forget()
        self.left_bytes = self.options.max_bytes
        try:
            second, _ = self._reading(fresh=True)
            agreed(first, second)
        except Doubtful as doubtful:
            raise doubtful.error() from doubtful
        return second

    def _reading(self, *, fresh: bool) -> tuple[Reading, Proof]:
        """The list from its first page to its last. `fresh`: all of it is sent, whatever is known already."""
        url = asking.first(self.options)
        reading: Reading | None = None
        while True:
            known = self._page(url, fresh=fresh, number=1 if reading is None else reading.pages + 1)
            if reading is None:
                self.how = known.how
                reading = Reading(known.how.style, self.options.max_items)
                reading.asked(url)
            reading.add(known.page)
            self._tell(reading)
            if reading.finished:
                return reading, reading.proof()
            url = asking.following(self.options, self.how, known.page.to, reading.pages, reading.delivered)
            reading.asked(url)

    def _page(self, url: str, *, fresh: bool, number: int) -> Known:
        """One page, made into items while it is there as a whole, so that no two are ever held in that form."""
        before = None if fresh else self.answers.recall(url)
        reply = self.client.ask(
            "GET",
            url,
            exact=True,
            tag=before.tag if before is not None else "",
            bytes_max=max(1, min(ANSWER_BYTES_MAX, self.left_bytes)),
        )
        if reply.unchanged and before is not None:
            return before
        self.left_bytes -= reply.size_bytes
        how = self.how if number > 1 else self._how(reply.value, reply.headers)
        page = read(reply.value, reply.headers, how, url)
        items = [make(value, self.recipe, place(at, number)) for at, value in enumerate(page.items, 1)]
        known = Known(reply.headers.get("etag", ""), how, Taken(items, page.end, page.to, page.total, page.whole))
        if known.tag and "no-store" not in reply.headers.get("cache-control", "").lower():
            self.answers.keep(url, known)
        return known

    def _how(self, value: Any, headers: Mapping[str, str]) -> How:
        options = self.options
        return detect(
            value,
            headers,
            asking.said(options),
            style=options.pagination.style != "auto",
            items=options.items is not None,
            total=options.total is not None,
        )

    def _tell(self, reading: Reading) -> None:
        of = reading.total or 0
        known = f" of {of:,}" if of else ""
        message = f"page {reading.pages}: {len(reading.items):,}{known} items"
        data = {"done": len(reading.items), "of": of, "phase": "reading"}
        self.context.tell(Event(EventType.PROGRESS, message, self.context.target.name, data=data))
