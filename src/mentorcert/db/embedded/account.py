"""The user that the server runs as: PostgreSQL refuses root."""

import os
import pwd
import struct
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mentorcert.errors import EmbeddedPostgresError

_NAME: Final = "pgserver"
_ACL: Final = "system.posix_acl_access"
_VERSION: Final = struct.pack("<I", 2)
_ENTRY: Final = struct.Struct("<HHI")  # kind, permissions, id
_OWNER, _USER, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY: Final = 0xFFFFFFFF
_SEARCH: Final = 0o1


@dataclass(frozen=True, slots=True)
class Account:
    """A user with its group; `is_other`: not the one that this process runs as."""

    name: str
    uid: int
    gid: int
    is_other: bool

    def for_popen(self) -> dict[str, Any]:
        """Return what makes a child run as this user, in its group and no other."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def own(self, folder: Path) -> None:
        """Hand a folder over to this user."""
        if self.is_other:
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)

    def require_path(self, folder: Path) -> None:
        """Let this user pass through the folders above; nobody else gains anything, nor may it list them."""
        if self.is_other:
            for above in reversed(folder.parents):
                if not above.stat().st_mode & _SEARCH:
                    _let_pass(above, self)

    def require_programs(self, binaries: Path) -> None:
        """Let this user run the programs, which a strict umask may have installed for root alone."""
        if self.is_other:
            self.require_path(binaries)
            for path in (binaries.parent, *binaries.parent.rglob("*")):
                mode = path.lstat().st_mode
                wanted = mode | 0o444 | (0o111 if mode & 0o100 else 0)
                if wanted != mode and not path.is_symlink():
                    path.chmod(wanted & 0o7777)


def account() -> Account:
    """Return whom the server runs as: this process's user, or for root one made for it."""
    uid = os.geteuid()
    if uid != 0:
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise EmbeddedPostgresError(
                f"This process runs as user {uid}, which has no entry in the machine's list of users.",
                hint="PostgreSQL needs one: add the user to /etc/passwd, run as a user that has an entry,"
                " or set DATABASE_URL.",
            ) from None
        return Account(entry.pw_name, uid, os.getegid(), is_other=False)
    for _ in range(2):
        with suppress(KeyError):
            entry = pwd.getpwnam(_NAME)
            return Account(_NAME, entry.pw_uid, entry.pw_gid, is_other=True)
        with suppress(OSError):
            # Two processes may do it at once; the second finds it made.
            command = ["useradd", "--system", "--user-group", _NAME]
            subprocess.run(command, capture_output=True, check=False)
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root, and the user {_NAME} could not be made for it.",
        hint="Run the command as an ordinary user, or make that user.",
    )


def _let_pass(folder: Path, account: Account) -> None:
    """Add the right to search a folder for one user, as an entry of its access control list."""
    try:
        entries = _entries(folder)
        mask = entries.get((_MASK, _NOBODY), entries[_GROUP, _NOBODY])
        entries |= {(_USER, account.uid): _SEARCH, (_MASK, _NOBODY): mask | _SEARCH}
        packed = (_ENTRY.pack(kind, bits, who) for (kind, who), bits in sorted(entries.items()))
        os.setxattr(folder, _ACL, b"".join((_VERSION, *packed)))
    except (OSError, AttributeError):
        # Not on macOS, and not on every file system.
        raise EmbeddedPostgresError(
            f"The user {account.name}, as whom the embedded PostgreSQL runs for root, cannot enter {folder}.",
            hint="Run the command as an ordinary user, or set MENTORCERT_HOME to a folder below /var/lib.",
        ) from None


def _entries(folder: Path) -> dict[tuple[int, int], int]:
    """Return the access control list as permissions by kind and id; without one, what the mode says."""
    try:
        packed = os.getxattr(folder, _ACL)
    except OSError:
        mode = folder.stat().st_mode
        bits_of = ((_OWNER, mode >> 6), (_GROUP, mode >> 3), (_OTHER, mode))
        return {(kind, _NOBODY): bits & 0o7 for kind, bits in bits_of}
    return {(kind, who): bits for kind, bits, who in _ENTRY.iter_unpack(packed[len(_VERSION) :])}
