"""The same deed for many things, several at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
_LOOK_S = 0.2


def each(
    deed: Callable[[T], None],
    things: Iterable[T],
    at_once: int,
    *,
    keep_on: Callable[[], None],
    give_up: Callable[[], None],
    name: str,
) -> None:
    """Does `deed` for each of `things`, in threads called `name`, at most `at_once` at a time; returns when all is
    done. `keep_on` is asked a few times a second, by the caller's thread; it raises to stop. When it or a deed raises,
    no other deed is begun, `give_up` is called to end those under way, and once they have ended the error is raised.
    (The standard library's pools bring a logging library along, which takes longer to load than most runs take.)"""
    waiting = list(reversed(list(things)))
    failed: list[BaseException] = []
    ended = threading.Semaphore(0)

    def work() -> None:
        try:
            while True:
                try:
                    thing = waiting.pop()
                except IndexError:
                    return
                deed(thing)
        except BaseException as error:
            failed.append(error)
        finally:
            ended.release()

    threads = [threading.Thread(target=work, name=f"{name}-{n}") for n in range(min(at_once, len(waiting)))]
    try:
        for thread in threads:
            thread.start()
        left = len(threads)
        while left:
            if ended.acquire(timeout=_LOOK_S):
                left -= 1
            else:
                keep_on()
            if failed:
                raise failed[0]
    except BaseException:
        waiting.clear()
        give_up()
        raise
    finally:
        for thread in threads:
            if thread.ident is not None:
                thread.join()
