"""When we are wrong ourselves: the trace goes into a file, the person gets one sentence and where the file is."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

from directional_sync import __version__
from directional_sync.cli.options import Face
from directional_sync.errors import InternalError
from directional_sync.system import host


def crashed(error: Exception, face: Face) -> InternalError:
    """Writes the report file and answers the error to show. Never raises."""
    trace = "".join(traceback.format_exception(error))
    mask = face.redactor()
    text = mask.text(
        f"directional-sync {__version__}\n{platform.python_implementation()} {platform.python_version()} "
        f"on {platform.platform()}\ncommand: {face.command}\ntime: {host.utc_now()}\n\n{trace}"
    )
    where = _written(text, face)
    return InternalError(
        "E-INTERNAL",
        mask.text(f"this is a fault in directional-sync itself: {type(error).__name__}: {error}"),
        kept="a target is written whole or not at all; see what is left to finish: dsync status",
        hint=f"please report it with the file {where}" if where else "please report it with the output of -vv",
        detail=text.splitlines() if face.console.looks.verbose > 1 else (),
    )


def _written(text: str, face: Face) -> str:
    """Where the report was written: under the state directory, else in a temporary file, else nowhere ("")."""
    if face.workspace is not None:
        path = face.workspace.state / "crashes" / f"{host.new_id()}.txt"
        try:
            host.atomic_write(path, text.encode("utf-8", "backslashreplace"))
        except Exception:
            pass
        else:
            return str(path)
    try:
        descriptor, name = tempfile.mkstemp(prefix="dsync-crash-", suffix=".txt")
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
        return str(Path(name))
    except OSError:
        sys.stderr.write(text)
        return ""
