"""The endpoint `notion`: documents of the repository as rows of a database. See docs/design/notion.md."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from directional_sync.core.strict_json import dump
from directional_sync.endpoints.base import Capabilities, Context
from directional_sync.endpoints.notion import complaints, rows, schema
from directional_sync.endpoints.notion.api import VERSION, Api
from directional_sync.endpoints.notion.blocks import Block
from directional_sync.endpoints.notion.documents import Problem
from directional_sync.endpoints.notion.far import Look
from directional_sync.endpoints.notion.keys import decode, encode
from directional_sync.endpoints.notion.patience import Patience
from directional_sync.endpoints.notion.rows import Row
from directional_sync.endpoints.notion.table import Table
from directional_sync.endpoints.notion.values import BadValue, identifier
from directional_sync.endpoints.notion.writing import Writer
from directional_sync.model.lifecycle import Event, EventType
from directional_sync.model.plan import Change
from directional_sync.model.record import Attempt, Effect
from directional_sync.model.snapshot import FILE, GITLINK, LINK, Entry, Snapshot
from directional_sync.service.client import Client, Service
from directional_sync.service.credential import credential
from directional_sync.service.pace import Pace
from directional_sync.system import host

_FIRST_WAIT_S = 2.0
_WAIT_MAX_S = 15.0
_CLOCKS_DIFFER_S = 60
_IN_ADDRESS = re.compile(r"([0-9a-f]{32})(?:\?|\Z)")
KINDS_OF_OTHERS = {LINK: "a link", GITLINK: "a submodule"}


def __getattr__(name: str) -> Any:
    """`OPTIONS`, whose library takes long to load."""
    if name != "OPTIONS":
        raise AttributeError(name)
    from directional_sync.endpoints.notion.options import NotionOptions

    return NotionOptions


def open(context: Context) -> Notion:
    """Raises CredentialError E-ENV-MISSING and RemoteError."""
    options: Any = context.target.options
    token = credential(context.target, options.token, context.environment)
    headers = {"Authorization": f"Bearer {token}", "Notion-Version": VERSION}
    service = Service(options.url, headers, options.token)
    tell = _teller(context)
    client = Client(
        service,
        context.environment,
        retries=context.target.retries,
        timeout_s=context.target.timeout_s,
        pace=_pace(options.url, hashlib.sha256(token.encode()).hexdigest(), options.rate),
        stop=context.stop,
        waiting=tell,
    )
    return Notion(context, Api(client), _database(context), Patience(tell, context.stop))


@lru_cache(maxsize=64)
def _pace(url: str, token: str, rate: float) -> Pace:
    """One for each integration: targets that share it share what it may ask."""
    return Pace(rate)


def _teller(context: Context) -> Any:
    return lambda message: context.tell(Event(EventType.PROGRESS, message, context.target.name))


def _database(context: Context) -> str:
    """The id that the options name, by itself, in an address or by a variable."""
    said = str(context.target.options.database)
    for text in (said, context.environment.get(said, "")):
        found = _identifier(text)
        if found:
            return found
    variable = said if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", said) else ""
    if variable and not context.environment.get(variable, "").strip():
        what = "the id of the database"
        raise complaints.unset(variable, what, context.target.name, str(context.target.place))
    hint = "take the 32 hex digits from the address of the database, before its question mark"
    raise complaints.no_database(variable or "`database`", "this is no id of a database", hint)


def _identifier(text: str) -> str:
    try:
        return identifier(text)
    except BadValue:
        found = _IN_ADDRESS.search(text.strip().rpartition("/")[2].replace("-", "")) if "://" in text else None
        return identifier(found[1]) if found else ""


@dataclass(frozen=True)
class _Dated:
    """A look and when it began, by both clocks."""

    look: Look
    began: float
    since: str


class Notion:
    """One database, opened for one run of one target."""

    capabilities = Capabilities(writes=True, previews=True)

    def __init__(self, context: Context, api: Api, database: str, patience: Patience) -> None:
        options: Any = context.target.options
        self._context = context
        self._settle_s = float(options.settle)
        self._owned = schema.owned(options.properties)
        self._recipe = rows.recipe(options, self._owned)
        self._api = api
        self._patience = patience
        store, kept = context.objects.write_blobs, context.cache / "schema.json"
        self._table = Table(api, options, self._owned, database, store, kept)
        self._rows: dict[str, Row] = {}
        self._ahead: _Dated | None = None
        """A look that was taken for `translate` and serves the `snapshot` after it."""
        self._seen: _Dated | None = None
        self._known: set[str] = set()

    def __repr__(self) -> str:
        return f"Notion({self._context.target.name})"

    def close(self) -> None:
        self._api.close()

    # looking

    def translate(self, repo: Snapshot) -> Snapshot:
        """The repository's records as rows. Raises InputError E-NOTION-INPUT with every mistake, and as `snapshot`."""
        target = self._context.target.name
        self._rows, problems = rows.gather(self._documents(repo), self._recipe)
        problems += self._others(repo)
        if problems:
            problems += self._values(list(self._rows.values()), remembered=True)[1]
            raise complaints.broken_input(target, problems)
        self._ahead = self._look()
        ordered = list(self._rows.values())
        plains, problems = self._values(ordered)
        if problems and not self._table.confirmed_by_asking:
            self._table.refresh()  # an option may be new
            plains, problems = self._values(ordered)
        if problems:
            raise complaints.broken_input(target, problems)
        digests = self._context.objects.write_blobs([dump(plain) for plain in plains])
        return Snapshot({encode(row.key): Entry(digest, FILE) for row, digest in zip(ordered, digests, strict=True)})

    def _documents(self, repo: Snapshot) -> Iterator[tuple[str, bytes]]:
        for path, entry in sorted(repo.entries.items()):
            if entry.mode not in KINDS_OF_OTHERS:
                yield path, self._context.objects.read(entry.digest)

    def _others(self, repo: Snapshot) -> list[Problem]:
        return [
            Problem(path, 1, f"it is {KINDS_OF_OTHERS[entry.mode]}, and only files are read")
            for path, entry in repo.entries.items()
            if entry.mode in KINDS_OF_OTHERS
        ]

    def _values(self, found: list[Row], *, remembered: bool = False) -> tuple[list[dict[str, Any]], list[Problem]]:
        reader = self._table.remembered() if remembered else self._table.reader
        if reader is None:
            return [], []
        return rows.settle(found, self._recipe, reader.source, reader.spelling)

    def snapshot(self, prior: Snapshot) -> Snapshot:
        """All rows that have an external id and are not in the trash. Raises SyncError."""
        self._seen, self._ahead = self._ahead or self._look(), None
        attempts = self._context.ledger.attempts()
        self._settle(attempts, self._seen)
        self._known = {decode(key) for key in prior.entries} | {decode(key) for key in attempts}
        return Snapshot({encode(key): row.entry for key, row in self._seen.look.rows.items()})

    def _look(self) -> _Dated:
        began, since = host.monotonic(), host.utc_now()
        look = self._table.look(self._context.target.name)
        taken_s = host.monotonic() - began
        return _Dated(look, began, _minute(self._api.told_at or since, taken_s + _CLOCKS_DIFFER_S))

    def _settle(self, attempts: Mapping[str, Attempt], seen: _Dated) -> None:
        """Brings the look up to what runs have written so shortly before it that queries may not show it."""
        look, since_s = seen.look, host.monotonic() - seen.began
        pending: dict[str, float] = {}
        for key, attempt in attempts.items():
            external = decode(key)
            row = look.rows.get(external)
            if attempt.age_s - since_s >= self._settle_s or look.at(external).digest == attempt.after:
                continue
            pages = [page for page in (attempt.facts.get("id"), row.id if row is not None else "") if page]
            if pages:
                self._ask_for(look, external, pages)
            if attempt.after and not attempt.done and look.at(external).absent:
                pending[external] = max(0.0, self._settle_s - attempt.age_s)
        self._wait_for(look, pending)

    def _ask_for(self, look: Look, external: str, pages: list[str]) -> None:
        """The row as it is, by its id: queries may still show what was there before, or one that is in the trash."""
        found = self._table.alive(external, pages)
        look.rows.pop(external, None)
        if len(found) > 1:
            raise complaints.duplicates([(external, [row.url for row in found])], self._context.target.name)
        if found:
            look.rows[external] = found[0]

    def _wait_for(self, look: Look, pending: dict[str, float]) -> None:
        """Rows that an earlier run may have made without hearing so, until they show or time has told."""
        left, wait = max(pending.values(), default=0.0), _FIRST_WAIT_S
        last = False
        while pending and not last:
            step, last = min(wait, left), wait >= left
            what = f"{len(pending)} row" + ("" if len(pending) == 1 else "s")
            if step > 0:
                self._patience.wait(step, f"an earlier run was cut off while it made {what}, which may not show yet")
            left, wait = left - step, min(_WAIT_MAX_S, 2 * wait)
            for external in list(pending):
                for row in self._table.find(external):
                    look.rows[external] = row
                    pending.pop(external, None)

    # writing

    def apply(self, changes: Sequence[Change]) -> Iterator[Effect]:
        if not changes:
            return
        seen = self._seen or self._look()
        writer = Writer(
            self._api,
            self._table,
            self._context.ledger,
            self._patience,
            self._settle_s,
            self._context.objects.read,
            self._content,
            self._known,
            seen.look,
            seen.began,
            seen.since,
        )
        yield from writer.apply(changes)

    def _content(self, external: str) -> list[Block]:
        row = self._rows.get(external)
        return rows.content(row, self._recipe) if row is not None else []


def _minute(moment: str, back_s: float) -> str:
    """The full minute that lies at least `back_s` before `moment`: Notion keeps no seconds of edits."""
    from datetime import datetime, timedelta

    found = datetime.fromisoformat(moment) - timedelta(seconds=back_s)
    return found.strftime("%Y-%m-%dT%H:%M:00.000Z")
