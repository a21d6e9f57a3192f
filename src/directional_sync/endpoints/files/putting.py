"""Changes carried into an object store: each is made to depend on what is there, where the store can do that.

S3 takes conditions (If-None-Match, If-Match), so that nobody's write in the same moment is lost. Other stores are asked
what they hold right before; between that look and the write somebody else may still come in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from directional_sync.core.line_ends import with_lf
from directional_sync.endpoints.base import Context
from directional_sync.endpoints.files.deeds import ALREADY, HELD_BYTES, Deed, ordered, portions, sifted, unfit_for_store
from directional_sync.endpoints.files.far import stopper
from directional_sync.endpoints.files.reading import WHOLE_BYTES
from directional_sync.endpoints.files.seen import Memory
from directional_sync.endpoints.files.stores import Store, mark_of, precondition, unconditional
from directional_sync.errors import SyncError
from directional_sync.git.objects import ObjectStore
from directional_sync.git.quarantine import hash_object
from directional_sync.model.record import Effect
from directional_sync.model.snapshot import Entry
from directional_sync.system import host

if TYPE_CHECKING:
    from directional_sync.endpoints.files.options import FilesOptions

_CHUNK = 1 << 22


class Putting:
    """One `apply` to one store."""

    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        memory: Memory,
        name: Callable[[str], str],
        options: FilesOptions,
        context: Context,
    ) -> None:
        """`name`: the full name of the object at a path."""
        self._store, self._objects, self._memory, self._name = store, objects, memory, name
        self._options, self._context = options, context
        self._away: SyncError | None = None

    def apply(self, deeds: Sequence[Deed], agreed: Callable[[str], Entry]) -> Iterator[Effect]:
        """One effect for each that was attempted. `agreed`: what both sides held last at a path. Raises InterruptedRun
        between two portions, and RemoteError E-FILES-UNREACHABLE when the store went away meanwhile: whoever cannot be
        reached is not asked a thousand times."""
        fit, why = sifted(deeds, unfit_for_store, (), folds=False)
        yield from (deed.refused(why[deed.path]) for deed in deeds if deed.path in why)
        stop = stopper(self._context, "writing")
        sizes = self._objects.size_many(deed.after.digest for deed in fit if deed.after.present)
        with ThreadPoolExecutor(self._options.concurrency, thread_name_prefix="files") as pool:
            for portion in portions(ordered(fit), sizes):
                stop()
                effects = list(pool.map(lambda deed: self._one(deed, sizes, agreed), portion))
                yield from (effect for effect in effects if effect is not None)
                if self._away is not None:
                    raise self._away

    def _one(self, deed: Deed, sizes: Mapping[str, int], agreed: Callable[[str], Entry]) -> Effect | None:
        """None when it was not attempted."""
        if self._away is not None:
            return None
        try:
            return self._guarded(deed, sizes, agreed)
        except Exception as error:  # whatever the library of a store raises
            try:
                done = self._now(deed.path)[0] == deed.after.digest  # perhaps only the answer was lost
            except Exception:
                done = False
            if done:
                return deed.done()
            complaint = self._store.complaint(error, "written")
            if complaint.code == "E-FILES-UNREACHABLE":
                self._away = complaint
            return deed.failed(self._store.said(error), complaint.exit)

    def _guarded(self, deed: Deed, sizes: Mapping[str, int], agreed: Callable[[str], Entry]) -> Effect:
        now, tag = self._now(deed.path)
        if now == deed.after.digest:
            return deed.done(ALREADY)
        if now != deed.before.digest:
            return deed.stale()
        if self._options.keep_deleted and now and (deed.after.absent or now != agreed(deed.path).digest):
            self._store.fs.cp_file(self._name(deed.path), self._name(self._kept(deed.path, now)))
        try:
            if deed.after.absent:
                self._delete(deed.path, tag)
            elif deed.after.digest not in sizes:
                return deed.failed("its content is not in this repository")
            else:
                self._write(deed, tag, large=sizes[deed.after.digest] > HELD_BYTES)
        except Exception as error:
            if not precondition(error):
                raise
            return deed.done(ALREADY) if self._now(deed.path)[0] == deed.after.digest else deed.stale()
        return deed.done()

    def _kept(self, path: str, digest: str) -> str:
        return f"{self._options.keep_deleted}/{path}.{digest[:12]}"

    def _now(self, path: str) -> tuple[str, str]:
        """The digest of what is there, "" for nothing, and its ETag, "" where there is none."""
        try:
            about = self._store.fs.info(self._name(path))
        except FileNotFoundError:
            return "", ""
        if about.get("type") != "file":
            return "", ""
        mark, tag = mark_of(about), str(about.get("ETag") or "")
        known = self._memory.known(path, mark)
        if known is not None:
            return known.digest, tag
        return self._digest(path, int(about["size"])), tag

    def _digest(self, path: str, size: int) -> str:
        if self._options.eol == "lf" and size <= WHOLE_BYTES:
            return hash_object("blob", with_lf(self._store.fs.cat_file(self._name(path))), self._objects.hash_name)
        total = hashlib.new(self._objects.hash_name, b"blob %d\0" % size)
        with self._store.fs.open(self._name(path), "rb") as file:
            while part := file.read(_CHUNK):
                total.update(part)
        return total.hexdigest()

    def _delete(self, path: str, tag: str) -> None:
        fs, name = self._store.fs, self._name(path)
        self._memory.learn(path, (), "")
        if self._store.conditional and tag:
            bucket, key, _ = fs.split_path(name)
            try:
                fs.call_s3("delete_object", Bucket=bucket, Key=key, IfMatch=tag)
                return
            except Exception as error:
                if not unconditional(error):
                    raise
        fs.rm_file(name)

    def _write(self, deed: Deed, tag: str, *, large: bool) -> None:
        condition: dict[str, str] = {}
        if self._store.conditional:
            condition = {"IfMatch": tag} if deed.before.present else {"mode": "create"}
        put = self._put_large if large else self._put
        self._memory.learn(deed.path, (), "")
        try:
            put(deed, condition)
        except Exception as error:
            if not condition or not unconditional(error):
                raise
            put(deed, {})

    def _put(self, deed: Deed, condition: Mapping[str, str]) -> None:
        content = self._objects.read(deed.after.digest)
        self._store.fs.pipe_file(self._name(deed.path), content, **condition)
        if not self._store.conditional:
            return
        # Where the ETag is that of these very bytes, nobody has written after us and they need not be read again.
        about = self._store.fs.info(self._name(deed.path))
        if str(about.get("ETag", "")).strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest():
            self._memory.learn(deed.path, mark_of(about), deed.after.digest)

    def _put_large(self, deed: Deed, condition: Mapping[str, str]) -> None:
        spool = self._context.cache / f"put-{host.new_id()}"
        try:
            with spool.open("wb") as file:
                for part in self._objects.parts(deed.after.digest):
                    file.write(part)
            self._store.fs.put_file(str(spool), self._name(deed.path), **condition)
        finally:
            spool.unlink(missing_ok=True)
