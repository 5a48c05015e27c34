"""Style sheet and pictures, by names that hold a hash of their content: each may be kept for ever."""

import hashlib
import os
import re
from functools import cache
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOLDER: Final = Path(__file__).parent / "static"
_HASH: Final = re.compile(r"\.[0-9a-f]{16}(\.[a-z]+)$")
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@cache
def static_path(name: str) -> str:
    """Return the address of a file as it is now."""
    digest = hashlib.sha256((_FOLDER / name).read_bytes()).hexdigest()[:16]
    stem, _, suffix = name.rpartition(".")
    return f"/static/{stem}.{digest}.{suffix}"


class HashedFiles(StaticFiles):
    """Serves each file by its name, and by the name with its hash.

    Another hash is one of another version, whose pages ask this process while a new one is installed: who asks
    gets the file as it is here, and keeps it for no longer than any file without a hash.
    """

    def __init__(self) -> None:
        super().__init__(directory=_FOLDER)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Find the file without the hash."""
        return super().lookup_path(_HASH.sub(r"\1", path))

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with the file, and say for how long it may be kept."""
        answer = await super().get_response(path, scope)
        name = _HASH.sub(r"\1", path)
        is_current = path != name and static_path(name) == f"/static/{path}"
        answer.headers["Cache-Control"] = _FOR_EVER if is_current else "public, no-cache"
        return answer
