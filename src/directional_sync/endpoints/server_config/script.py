"""The program that is run beside the server: plain POSIX sh with `cat`, `tr`, `sed`, `wc` and `readlink`, as the
smallest images have them. It reads, writes nothing, and answers everything in one go.

The answer is a row of parts. Each begins with a line `MARK KIND WORDS...`, holds raw bytes, and ends with a line
`MARK end STATUS SIZE`; a line `MARK done` ends all of it. The mark is drawn anew for every look, so nothing that was
written before can imitate it, and an answer that lacks its last line was cut and is never taken for a short one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT_CONFIG = "/etc/odoo/odoo.conf"
DEFAULT_PROCESS = ("*odoo-bin *", "*/odoo *", "odoo *", "*-m odoo *", "*openerp-server *")
"""Everything that runs Odoo, and some that only has its path among the arguments; see `processes`."""
FILE_BYTES_MAX = 2_000_000
PROCESSES_MAX = 64

_BODY = r"""
LC_ALL=C; export LC_ALL
say() { printf '\n%s %s\n' "$M" "$*"; }

file() { # kind path
  f=$R$2
  if [ -d "$f" ]; then say "$1" folder "$2"; say end 0 -
  elif [ -f "$f" ] && [ -r "$f" ]; then
    size=$(wc -c <"$f") || size=
    size=${size##* }
    if [ "${size:-0}" -gt "$LARGEST" ]; then say "$1" large "$2"; say end 0 -
    else
      say "$1" ok "$2"
      cat "$f" 2>/dev/null; status=$?
      after=$(wc -c <"$f") || after=
      after=${after##* }
      [ "$after" = "$size" ] || after=changed
      say end "$status" "$after"
    fi
  elif [ -e "$f" ]; then say "$1" forbidden "$2"; say end 0 -
  else
    up=$f
    while [ -n "$up" ] && [ ! -e "$up" ]; do up=${up%/*}; done
    if [ -d "${up:-/}" ] && [ ! -x "${up:-/}" ]; then say "$1" forbidden "$2"; else say "$1" missing "$2"; fi
    say end 0 -
  fi
}

configured() { # pid: the configuration file that the process was started with
  found=
  old=$IFS; IFS='
'; set -f
  set -- "$1" $(tr '\0' '\n' <"$R/proc/$1/cmdline" 2>/dev/null)
  set +f; IFS=$old
  pid=$1; shift
  while [ $# -gt 0 ]; do
    case $1 in
      -c | --config) [ $# -lt 2 ] || found=$2 ;;
      --config=*) found=${1#--config=} ;;
      -c?*) found=${1#-c} ;;
    esac
    shift
  done
  if [ -z "$found" ]; then
    for variable in ODOO_RC OPENERP_SERVER; do
      [ -n "$found" ] || found=$(tr '\0' '\n' 2>/dev/null <"$R/proc/$pid/environ" | sed -n "/^$variable=/{s///p;q;}")
    done
  fi
  case $found in
    '' | /*) ;;
    *) found=$(readlink "$R/proc/$pid/cwd")/$found ;;
  esac
}

processes() {
  if [ ! -e "$R/proc/self/cmdline" ] && [ ! -e "$R/proc/1/cmdline" ]; then say noproc; say end 0 -; return; fi
  n=0
  for d in "$R"/proc/[0-9]*; do
    p=${d##*/}
    line=$(tr '\0' ' ' 2>/dev/null <"$d/cmdline" && printf .) || continue
    line=${line%.}
    case $line in *"$M"*) continue ;; esac
    case $line in
      PATTERNS) ;;
      *) continue ;;
    esac
    above=$(sed -n 's/^PPid:[[:space:]]*//p' 2>/dev/null <"$d/status") || continue
    if [ -n "$above" ] && [ "$above" != 0 ]; then
      same=$(tr '\0' ' ' 2>/dev/null <"$R/proc/$above/cmdline" && printf .)
      [ "${same%.}" != "$line" ] || continue
    fi
    n=$((n + 1))
    if [ "$n" -gt "$MOST" ]; then say crowd; say end 0 -; break; fi
    say process "$p" "${above:-0}"; cat "$d/cmdline" 2>/dev/null; say end $? -
    if [ -n "$V" ]; then say environ "$p"; cat "$d/environ" 2>/dev/null; say end $? -; fi
    if [ -z "$C" ]; then
      configured "$p"
      if [ -n "$found" ]; then say config "$p" "$found"; say end 0 -; file conf "$found"; fi
    fi
  done
}

say begin
[ -z "$P" ] || processes 2>/dev/null
file conf "${C:-$D}" 2>/dev/null
[ -z "$E" ] || file envfile "$E" 2>/dev/null
say done
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the server."""

    config_file: str = ""
    """"": what the process says, else DEFAULT_CONFIG."""
    process: tuple[str, ...] = ()
    """Patterns for the command line; () to look for none."""
    environ: bool = False
    """Whether the variables of the process are wanted."""
    environment_file: str = ""
    root: str = ""
    """What is put before every path; "" for the root itself."""


def program(question: Question, mark: str) -> str:
    """The text for `sh`. `mark` is a word that occurs nowhere else."""
    given = {
        "M": mark,
        "R": question.root.rstrip("/"),
        "C": question.config_file,
        "D": DEFAULT_CONFIG,
        "E": question.environment_file,
        "P": "1" if question.process else "",
        "V": "1" if question.environ else "",
        "LARGEST": str(FILE_BYTES_MAX),
        "MOST": str(PROCESSES_MAX),
    }
    head = "\n".join(f"{name}={shlex.quote(value)}" for name, value in given.items())
    return f"{head}\n{_BODY.replace('PATTERNS', _patterns(question.process))}"


def _patterns(patterns: Sequence[str]) -> str:
    """As a `case` of the shell: `*` and `?` mean what they say, everything else is itself."""
    if not patterns:
        return "''"
    return " | ".join(
        "".join(part if part in ("*", "?") else shlex.quote(part) for part in re.split(r"([*?])", pattern) if part)
        for pattern in patterns
    )
