"""Where a journal lies: a file, or an object behind HTTP that one writer at a time replaces."""

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx2

from mentorcert.errors import JournalError, SettingError
from mentorcert.portal.config.credentials import is_loopback
from mentorcert.portal.config.secret import Secret
from mentorcert.portal.http import diagnosis
from mentorcert.settings import Settings

LARGEST: Final = 64 * 1024 * 1024
LONGEST_S: Final = 20.0

# What is no version of anything: a store that takes it would take anything.
_NO_VERSION: Final = '"mentorcert-no-version"'
_CONFLICT: Final = frozenset({409, 412})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """What a place holds; `version` is None where it holds nothing, and where a lock makes one needless."""

    content: bytes
    version: str | None = None


class ConflictError(Exception):
    """What was put is not what is there; another writer was faster, as a rule: read again."""


class Place(Protocol):
    """Where a journal lies."""

    def read(self, *, or_none: bool = False) -> Stored:
        """Return what it holds; raises JournalError, also where it holds nothing, unless `or_none`."""

    def replace(self, before: Stored, content: bytes) -> None:
        """Put `content` in the place of what was read; raises ConflictError or JournalError."""

    def writing(self) -> AbstractContextManager[None]:
        """Keep others of this kind from writing, where that can be."""


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file: replaced as a whole, under a lock, so that no line is ever half there."""

    file: Path

    def __str__(self) -> str:
        return str(self.file)

    def read(self, *, or_none: bool = False) -> Stored:
        """Return what the file holds."""
        try:
            return Stored(self.file.read_bytes())
        except FileNotFoundError as error:
            if or_none:
                return Stored(b"")
            self._refuse(error)
        except OSError as error:
            self._refuse(error)

    def replace(self, before: Stored, content: bytes) -> None:  # noqa: ARG002 - the lock is its guard
        """Write a new file, and put it in the place of the old one when it is on the disk."""
        target = self.file.resolve()
        new = target.with_name(f".{target.name}.new")
        try:
            with os.fdopen(
                os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb"
            ) as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            new.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            self._refuse(error)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock of a file beside it."""
        target = self.file.resolve()
        lock = target.with_name(f".{target.name}.lock")
        try:
            opened = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._refuse(error)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield
        finally:
            os.close(opened)

    def _refuse(self, error: OSError) -> NoReturn:
        raise JournalError(
            f"The journal {self.file} cannot be used: {error.strerror or type(error).__name__}.",
            hint="Mount its disk, or correct MENTORCERT_JOURNAL; leave that empty only if no journal was ever kept.",
        ) from None


@dataclass(slots=True)
class UrlPlace:
    """An object behind GET and PUT: `put_url` where a signed address is for one method only.

    Two writers lose nothing: what is put says which version it replaces. That the store heeds it is tried once.
    """

    url: str
    put_url: str | None = None
    token_file: Path | None = None
    longest_s: float = LONGEST_S
    _heeds_versions: bool = False

    def __str__(self) -> str:
        # Without the query, which may be a signature.
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    def read(self, *, or_none: bool = False) -> Stored:
        """Get the object."""
        return self._run(lambda client: self._get(client, or_none=or_none))

    def replace(self, before: Stored, content: bytes) -> None:
        """Put the object, and look whether it is there."""
        self._run(lambda client: self._replace(client, before, content))

    def writing(self) -> AbstractContextManager[None]:
        """Nobody else can be kept away; see `replace`."""
        return nullcontext()

    async def _replace(self, client: httpx2.AsyncClient, before: Stored, content: bytes) -> None:
        if len(content) > LARGEST:
            raise JournalError(f"The journal {self} would be larger than {LARGEST} bytes.")
        condition = {"If-None-Match": "*"} if before.version is None else {"If-Match": before.version}
        await self._put(client, content, condition)
        if (await self._get(client, or_none=True)).content != content:
            raise ConflictError
        if not self._heeds_versions:
            try:
                await self._put(client, content, {"If-Match": _NO_VERSION})
            except ConflictError:
                self._heeds_versions = True
            else:
                raise JournalError(
                    f"The journal {self} is at a store that does not heed If-Match: two writers would lose lines.",
                    hint="Use one that has conditional writes, such as S3 or Azure Blob Storage, or a file.",
                )

    async def _get(self, client: httpx2.AsyncClient, *, or_none: bool) -> Stored:
        async with client.stream("GET", self.url, headers=self._sign()) as response:
            if response.status_code == httpx2.codes.NOT_FOUND and or_none:
                return Stored(b"")
            self._require(response.status_code == httpx2.codes.OK, response, "reading")
            content = bytearray()
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > LARGEST:
                    raise JournalError(f"The journal {self} is larger than {LARGEST} bytes.")
            version = response.headers.get("etag", "")
        if not version.startswith('"') or response.headers.get("content-encoding", "identity") != "identity":
            raise JournalError(
                f"The journal {self} came without a strong ETag, or compressed: two writers would lose lines.",
                hint="Have the store, or the proxy before it, hand the object out as it is.",
            )
        return Stored(bytes(content), version)

    async def _put(self, client: httpx2.AsyncClient, content: bytes, condition: dict[str, str]) -> None:
        # Azure asks for the kind of blob; others leave it aside.
        headers = {"Content-Type": "application/x-ndjson", "x-ms-blob-type": "BlockBlob", **condition}
        request = client.build_request(
            "PUT", self.put_url or self.url, content=content, headers={**headers, **self._sign()}
        )
        response = await client.send(request, stream=True)
        await response.aclose()
        if response.status_code in _CONFLICT:
            raise ConflictError
        self._require(response.is_success, response, "writing")

    def _require(self, is_right: bool, response: httpx2.Response, what: str) -> None:
        if not is_right:
            raise JournalError(
                f"The journal {self} cannot be used: {what} was answered with {response.status_code}.",
                hint="Check its address, its signature or token, and what they permit: GET and PUT of one object."
                " Redirects are not followed.",
            )

    def _sign(self) -> dict[str, str]:
        if self.token_file is None:
            return {}
        token = Secret(secret=f"file:{self.token_file}", expires="never").read()
        return {"Authorization": f"Bearer {token.get_secret_value()}"}

    def _run(self, work: Callable[[httpx2.AsyncClient], Awaitable[T]]) -> T:
        async def bounded() -> T:
            async with (
                asyncio.timeout(self.longest_s),
                httpx2.AsyncClient(
                    timeout=self.longest_s,
                    follow_redirects=False,
                    trust_env=False,
                    headers={"Accept-Encoding": "identity", "User-Agent": "mentorcert"},
                ) as client,
            ):
                return await work(client)

        try:
            return asyncio.run(bounded())
        except (httpx2.TransportError, httpx2.InvalidURL, TimeoutError) as error:
            why, hint = diagnosis.cause(error)
            raise JournalError(f"The journal {self} cannot be reached: {why}.", hint=hint) from None


def from_settings(settings: Settings) -> Place | None:
    """Return where the journal lies, None where none is kept; raises SettingError for an address that is not safe."""
    if settings.journal is None:
        return None
    where = settings.journal.get_secret_value()
    if "://" not in where:
        return FilePlace(Path(where))
    put = settings.journal_put_url.get_secret_value() if settings.journal_put_url else None
    for name, url in (("MENTORCERT_JOURNAL", where), ("MENTORCERT_JOURNAL_PUT_URL", put)):
        if url is not None and not _is_safe(url):
            raise SettingError(
                f"{name} is no address that begins with https://, without a user.",
                hint="Plain http is for this machine itself (loopback) only; a token belongs into MENTORCERT_JOURNAL_TOKEN_FILE.",
            )
    return UrlPlace(where, put, settings.journal_token_file)


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return (
        bool(parts.hostname)
        and parts.username is None
        and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")))
    )


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
