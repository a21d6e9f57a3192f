"""What the shell on another machine is asked to do, and how its answers are read.

Programs are for a POSIX shell with GNU find, tar and coreutils, as on any Linux server that is no appliance. Names
come and go as they are, ended by zero bytes; an answer stands between two lines that nobody else would write, so that
a greeting of the login shell is not taken for one, nor a cut answer for a whole one.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from directional_sync.endpoints.temporary import PREFIX

_RECORD = r"%y\t%m\t%s\t%i\t%T@\t%C@\0%p\0%l\0"
_STAMP = r"%y %s %i %T@ %C@"

_HEAD = """LC_ALL=C; export LC_ALL
printf '%s\\n' {mark}
quit() {{ printf '\\n%s %s\\n' {mark} "$1"; exit 0; }}
find . -maxdepth 0 -printf '' 2>/dev/null && tar --version 2>/dev/null | grep -q GNU || quit tools
[ -e {root} ] || quit absent
[ -d {root} ] || quit file
cd -P -- {root} 2>/dev/null || quit forbidden
root=$(pwd -P); root=${{root%/}}
"""
_SENTINEL = """[ -f {sentinel} ] || quit sentinel
"""
_LIST = """date +%s.%N
find . -mindepth 1 -name .git -prune -printf '{record}' \\
  -o -type d '!' '(' -readable -executable ')' -printf 'U{record}' -prune \
  -o -type f '!' -readable -printf 'U{record}' -o -printf '{record}' || failed=1
quit "done ${{failed:-}}"
"""
_READ = """tar --create --file=- --format=gnu --no-recursion --hard-dereference --ignore-failed-read \\
  --null --verbatim-files-from --files-from=- 2>/dev/null
quit done
"""
_PLACE = """t=$root/{temporary}
rm -rf -- "$t"
trap 'rm -rf -- "$t"' EXIT
mkdir -m 700 -- "$t" && tar --extract --file=- --no-same-owner --no-same-permissions -C "$t" || quit room
sync -f -- "$root" 2>/dev/null
stamp() {{ find "./$1" -maxdepth 0 -printf '{stamp}' 2>/dev/null; }}
say() {{ printf '%s\\t%s\\0' "$1" "$2"; }}
into() {{ # FOLDER make|look: goes there, through no link and into no repository
  cd -P -- "$root/" || return 1
  rest=$1
  while [ -n "$rest" ]; do
    part=${{rest%%/*}}
    case $rest in */*) rest=${{rest#*/}} ;; *) rest= ;; esac
    if [ -L "./$part" ]; then why=link; return 1; fi
    if [ ! -d "./$part" ]; then
      if [ -e "./$part" ]; then why=file; return 1; fi
      why=absent; [ "$2" = make ] && mkdir -- "./$part" 2>/dev/null || return 1
    fi
    cd -P -- "./$part" 2>/dev/null || {{ why=forbidden; return 1; }}
    if [ -e ./.git ]; then why=repository; return 1; fi
  done
  why=moved; [ "$(pwd -P)" = "$root${{1:+/$1}}" ]
}}
aside() {{ # NAME FOLDER NAME: keeps what stands at the first under the second
  [ -n "$3" ] || return 0
  here=$(pwd -P)
  (into "$2" make && {{ [ -e "./$3" ] || [ -L "./$3" ] || cp -aT -- "$here/$1" "./$3"; }})
}}
put() {{ # NUMBER FOLDER NAME STAMP MODE KEPT-FOLDER KEPT-NAME
  if ! into "$2" make; then say blocked "$why"; return; fi
  if [ -z "$4" ] && [ -d "./$3" ] && [ ! -L "./$3" ]; then
    find "./$3" -depth -type d -empty -delete 2>/dev/null
  fi
  if [ "$(stamp "$3")" != "$4" ]; then say stale; return; fi
  if [ -z "$4" ]; then
    if ! ln -T -- "$t/$1" "./$3" 2>/dev/null; then
      mv -nT -- "$t/$1" "./$3" 2>/dev/null
      if [ -e "$t/$1" ] || [ -L "$t/$1" ]; then say stale; return; fi
    fi
  else
    if [ ! -L "./$3" ] && [ ! -L "$t/$1" ]; then
      chmod --reference="./$3" -- "$t/$1" && {{ [ -z "$5" ] || chmod "$5" -- "$t/$1"; }}
    fi
    if ! aside "$3" "$6" "$7"; then say failed "it could not be kept"; return; fi
    if ! mv -fT -- "$t/$1" "./$3" 2>/dev/null; then say failed "it could not be replaced"; return; fi
  fi
  say done "$(stamp "$3")"
}}
take() {{ # FOLDER NAME STAMP KEPT-FOLDER KEPT-NAME
  if ! into "$1" look; then
    case $why in absent | file) say already ;; *) say blocked "$why" ;; esac
    return
  fi
  now=$(stamp "$2")
  if [ -z "$now" ]; then say already; return; fi
  if [ "$now" != "$3" ]; then say stale; return; fi
  if ! aside "$2" "$4" "$5"; then say failed "it could not be kept"; return; fi
  if ! rm -f -- "./$2" 2>/dev/null; then say failed "it could not be deleted"; return; fi
  if [ -n "$1" ]; then (cd -P -- "$root/" && rmdir -p -- "./$1" 2>/dev/null); fi
  say done
}}
"""
_END = """sync -f -- "$root" 2>/dev/null
date +%s.%N
quit done
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing below the folder."""

    path: str
    kind: str
    """As find names it: f, d, l, or another letter; a U before it: it may not be looked into."""
    executable: bool
    size: int
    changed: float
    """When its content was changed last, in seconds."""
    link: bytes
    stamp: str
    """Changes with whatever happens to it."""
    ctime: str


class Cut(Exception):
    """There is no whole answer."""


def listing(root: str, sentinel: str, mark: str) -> str:
    """The program that lists all below `root`, but for what is inside of repositories."""
    return _head(root, sentinel, mark) + _LIST.format(record=_RECORD)


def reading(root: str, mark: str) -> str:
    """The program that answers with a tar of the files whose names come in, each ended by a zero byte."""
    return _head(root, "", mark) + _READ


def placing(root: str, sentinel: str, mark: str, token: str, steps: Sequence[Sequence[str]]) -> str:
    """The program that carries out `steps`, the words of `put` and `take`; new content comes in as a tar."""
    words = "\n".join(shlex.join(step) for step in steps)
    temporary = f"{PREFIX}{token}"
    head = _head(root, sentinel, mark) + _PLACE.format(temporary=temporary, stamp=_STAMP)
    return f"{head}{words}\n{_END}"


def _head(root: str, sentinel: str, mark: str) -> str:
    head = _HEAD.format(mark=mark, root=shlex.quote(root))
    return head + (_SENTINEL.format(sentinel=shlex.quote(f"./{sentinel}")) if sentinel else "")


def started(program: bytes) -> str:
    """The command for the login shell of the machine, whichever it is: it reads the program, and no byte more, from
    what comes in."""
    return f"exec sh -c 'eval \"$(dd bs={len(program)} count=1 iflag=fullblock 2>/dev/null)\"'"


def span(head: bytes, tail: bytes, mark: str) -> tuple[int, int, str]:
    """Where in `head` the answer begins, how many bytes of `tail` are no longer part of it, and the last word. Both may
    be the whole. Raises Cut."""
    begin, line = mark.encode() + b"\n", b"\n" + mark.encode() + b" "
    start, end = head.find(begin), tail.rfind(line)
    if start < 0 or end < 0 or not tail.endswith(b"\n"):
        raise Cut
    return start + len(begin), len(tail) - end, tail[end + len(line) :].decode("utf-8", "replace").strip()


def rows(said: bytes) -> tuple[float, Iterator[Row]]:
    """When the list was begun, by that machine's clock, and what it says. Raises Cut."""
    clock, _, rest = said.partition(b"\n")
    parts = rest.split(b"\0")
    try:
        return float(clock), _rows(parts[:-1])
    except ValueError:
        raise Cut from None


def _rows(parts: list[bytes]) -> Iterator[Row]:
    if len(parts) % 3:
        raise Cut
    for at in range(0, len(parts), 3):
        about, path, link = parts[at : at + 3]
        try:
            kind, mode, size, inode, mtime, ctime = about.decode("ascii").split("\t")
            yield Row(
                path[2:].decode("utf-8", "surrogateescape"),
                kind,
                bool(int(mode, 8) & 0o100),
                int(size),
                float(mtime),
                link,
                f"{kind} {size} {inode} {mtime} {ctime}",
                ctime,
            )
        except ValueError:
            raise Cut from None
