"""Why the embedded PostgreSQL did not start, in words, with the next step."""

import errno
import re
import shutil
from pathlib import Path
from typing import Final

from mentorcert.errors import EmbeddedPostgresError

_ROOM: Final = 2**20
_DISK_FULL: Final = (
    "Make room, a hundred megabytes at least, or set MENTORCERT_HOME to a folder on another disk."
)
_NO_RIGHT: Final = (
    "Run the command as the user that owns the folder, or set MENTORCERT_HOME to a folder of your own."
)
_ENDING: Final = re.compile(r"pre-existing shared memory block")
_HINTS: Final = (
    (re.compile(r"No space left on device|Disk quota exceeded"), _DISK_FULL),
    (re.compile(r"invalid permissions"), "Take the rights of others away: chmod 700, as its owner."),
    (re.compile(r"Permission denied|Read-only file system|wrong ownership"), _NO_RIGHT),
    (_ENDING, "A server that was killed has not ended yet: end its sessions, then try again."),
    (
        re.compile(r"lock file .* already exists"),
        "Another server uses the same data: stop it, or set MENTORCERT_HOME to another folder.",
    ),
    (
        re.compile(r"Cannot allocate memory|could not (?:map anonymous|create) shared memory"),
        "Free some memory, or give this machine or container more.",
    ),
)
_SEVERE: Final = re.compile(r"(?:FATAL|PANIC|ERROR|error|Error): ")
_LINES: Final = 3
_CHARACTERS: Final = 300


def is_ending(words: str) -> bool:
    """Return whether a killed server's last processes are in the way, which end by themselves."""
    return _ENDING.search(words) is not None


def failure(data: Path, words: str, log: Path | None = None) -> EmbeddedPostgresError:
    """Return the error for what initdb or postgres wrote."""
    if not words.strip() and shutil.disk_usage(data.parent).free < _ROOM:
        # Then nothing could be written of it either.
        words = "No space left on device"
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    severe = [line for line in lines if _SEVERE.search(line)] or lines
    cause = "; ".join(
        _SEVERE.split(line, maxsplit=1)[-1][:_CHARACTERS].rstrip(".") for line in severe[-_LINES:]
    )
    hint = next((hint for pattern, hint in _HINTS if pattern.search(words)), None)
    return EmbeddedPostgresError(
        f"The embedded PostgreSQL in {data} did not start: {cause or 'it ended without a word'}.",
        hint=hint or f"Read {log}, or set DATABASE_URL to a server of your own.",
    )


def from_os_error(data: Path, error: OSError) -> EmbeddedPostgresError:
    """Return the error for a folder or file that this process could not use."""
    hint = "Set MENTORCERT_HOME to a folder of your own."
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        hint = _DISK_FULL
    elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        hint = _NO_RIGHT
    at = f"{error.filename}: " if error.filename else ""
    return EmbeddedPostgresError(
        f"The embedded PostgreSQL in {data} did not start: {at}{error.strerror or type(error).__name__}.",
        hint=hint,
    )
