"""Reads the files that hold secrets: small, text, and not to be written by others."""

import stat
from pathlib import Path
from typing import Final

from mentorcert.errors import SecretUnreadableError

LONGEST: Final = 65_536


def read(path: Path, what: str) -> str:
    """Return the text without the blanks around it; raises SecretUnreadableError, which never quotes it."""
    try:
        with path.open(encoding="utf-8") as file:
            # Of a pipe or a device nobody knows the end.
            mode = path.stat().st_mode
            if not stat.S_ISREG(mode):
                raise SecretUnreadableError(f"{what} is no regular file: {path}", hint="Name a file.")
            text = file.read(LONGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnreadableError(
            f"{what} cannot be read: {type(error).__name__}.",
            hint="Check that the file exists, is text, and is readable by this user.",
        ) from None
    if mode & stat.S_IWOTH:
        raise SecretUnreadableError(
            f"{what} can be written by every user of the machine.", hint=f"`chmod o-rwx {path}`"
        )
    if len(text) > LONGEST:
        raise SecretUnreadableError(
            f"{what} is longer than {LONGEST} characters.", hint="Is it the right file?"
        )
    return text.strip()


def is_open_to_all(path: Path) -> bool:
    """Return whether every user of the machine may read it."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
