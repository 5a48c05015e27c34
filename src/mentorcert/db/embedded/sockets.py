"""The folder of the server's socket: one that only its user may enter, with a path that sockets can have."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from mentorcert.db.embedded.account import Account
from mentorcert.errors import EmbeddedPostgresError

PORT: Final = 5432
_NAME: Final = f".s.PGSQL.{PORT}"
# Of macOS; Linux takes four more.
_LONGEST: Final = 103


def socket_folder(home: Path, data: Path, account: Account) -> Path:
    """Return the data folder where its path will do, else a private one that `home`/postgres.socket names.

    Such a one has a name by chance, so that nobody can take it first, and is used again as long as it is
    what it was. Raises EmbeddedPostgresError.
    """
    if _fits(data):
        return data
    record = home / "postgres.socket"
    if record.is_symlink() and _is_private(kept := record.readlink(), account):
        return kept
    for base in map(Path, dict.fromkeys((tempfile.gettempdir(), "/tmp"))):  # noqa: S108
        if _fits(base / "mentorcert-12345678") and _is_safe(base):
            made = Path(tempfile.mkdtemp(prefix="mentorcert-", dir=base))
            account.own(made)
            record.unlink(missing_ok=True)
            record.symlink_to(made)
            return made
    raise EmbeddedPostgresError(
        f"The path {data} is too long for a socket, and no folder for temporary files is safe.",
        hint="Set MENTORCERT_HOME to a folder with a shorter path.",
    )


def _fits(folder: Path) -> bool:
    # libpq takes a comma for the end of a host.
    return len(os.fsencode(folder / _NAME)) <= _LONGEST and "," not in str(folder)


def _is_private(folder: Path, account: Account) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and not found.st_mode & 0o077


def _is_safe(base: Path) -> bool:
    """Return whether nobody else can move away what lies in it."""
    mode = base.stat().st_mode
    return bool(mode & stat.S_ISVTX) or not mode & (stat.S_IWGRP | stat.S_IWOTH)
