"""A notice to a channel, a sign of life to a ping. Whatever goes wrong is one `Untold`, and never more than that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

from directional_sync.core.notices import Notice
from directional_sync.model.notify import Channel, Means, Ping
from directional_sync.notify import post, signing
from directional_sync.notify.base import Patience, Untold, bounded, held, web_address
from directional_sync.render import notices as render
from directional_sync.render.notices import Origin
from directional_sync.system.host import monotonic, utc_now
from directional_sync.system.http import Pool

_SPARE_S = 0.5
"""How much later than its own deadline a question is given up: it has better words."""
_JSON = {"Content-Type": "application/json"}


class Sender:
    """Tells, as long as its time lasts. For one thread."""

    def __init__(self, environ: Mapping[str, str], origin: Origin, patience: Patience) -> None:
        self._environ = environ
        self._origin = origin
        self._patience = patience
        self._until = monotonic() + patience.all_s
        self._pool = Pool(environ)

    def __enter__(self) -> Sender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    def tell(self, channel: Channel, notice: Notice) -> None:
        """Raises Untold."""
        left = self._left()
        if channel.means is Means.APPRISE:
            from directional_sync.notify import library

            address = held(channel.address, self._environ)
            title, _, body = render.plain(notice, self._origin).partition("\n")
            bounded(lambda: library.send(channel.address, address, title, body, timeout_s=left), left)
            return
        url = web_address(channel.address, self._environ)
        headers, body_bytes = self._written(channel, notice)
        self._ask("POST", url, headers, body_bytes, left)

    def ping(self, ping: Ping, phase: str = "") -> None:
        """`phase`: "", "start" or "fail". Raises Untold."""
        parts = urlsplit(web_address(ping.address, self._environ))
        path = f"{parts.path.rstrip('/')}/{phase}" if phase else parts.path
        url = urlunsplit(parts._replace(path=path, fragment=""))
        self._ask("GET", url, {}, b"", self._left())

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes, left: float) -> None:
        bounded(lambda: post.ask(self._pool, method, url, headers=headers, body=body, timeout_s=left), left + _SPARE_S)

    def _written(self, channel: Channel, notice: Notice) -> tuple[dict[str, str], bytes]:
        if channel.means is Means.SLACK:
            return _JSON, render.encoded(render.slack(notice, self._origin))
        if channel.means is Means.MATTERMOST:
            return _JSON, render.encoded(render.mattermost(notice, self._origin))
        now = utc_now()
        body = render.encoded(render.webhook(notice, self._origin, now))
        seconds = int(datetime.fromisoformat(now.replace("Z", "+00:00")).timestamp())
        secret = held(channel.secret, self._environ)
        return {**_JSON, **signing.signed(secret, f"msg_{notice.id}", seconds, body)}, body

    def _left(self) -> float:
        left = min(self._patience.each_s, self._until - monotonic())
        if left <= 0:
            raise Untold("there was no time left for it")
        return left


def check(channel: Channel | Ping, environ: Mapping[str, str]) -> None:
    """Whether it could be told, as far as that is seen without asking anybody. Raises Untold."""
    if isinstance(channel, Channel) and channel.means is Means.APPRISE:
        from directional_sync.notify import library

        library.check(channel.address, held(channel.address, environ))
        return
    web_address(channel.address, environ)
    if isinstance(channel, Channel) and channel.secret:
        for text in held(channel.secret, environ).split():
            signing.key(text)
