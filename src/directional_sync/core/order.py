"""In which order targets run: `needs`, then `priority`, then the order of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from directional_sync.model.target import Target


def in_order(targets: Sequence[Target]) -> tuple[Target, ...]:
    """All of `targets`, each after those among them that it needs; among the ready ones the higher priority
    first, then file order. A need that is not among `targets` does not hold anyone back. Holds: no cycle."""
    waiting = list(targets)
    names = {target.name for target in targets}
    done: list[Target] = []
    finished: set[str] = set()
    while waiting:
        ready = [t for t in waiting if all(need in finished or need not in names for need in t.needs)]
        if not ready:
            raise ValueError("needs form a cycle: " + " -> ".join(cycle({t.name: t.needs for t in waiting})))
        first = max(ready, key=lambda t: (t.priority, -waiting.index(t)))
        waiting.remove(first)
        finished.add(first.name)
        done.append(first)
    return tuple(done)


def cycle(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The first cycle found, from a name back to itself ("a", "b", "a"); () when there is none. Names that
    are not keys are taken as needing nothing."""
    settled: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> tuple[str, ...]:
        if name in path:
            return (*path[path.index(name) :], name)
        if name in settled:
            return ()
        for need in needs.get(name, ()):
            if found := visit(need, (*path, name)):
                return found
        settled.add(name)
        return ()

    for name in needs:
        if found := visit(name, ()):
            return found
    return ()
