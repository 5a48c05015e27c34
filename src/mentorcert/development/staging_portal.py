"""A demonstration of the sync: a staging portal with its files, a worker, and both public lists."""

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from typing import Final
from uuid import UUID

import httpx2

from mentorcert.db import rows
from mentorcert.db.connection import Connection, acting_as, async_pool
from mentorcert.errors import MentorcertError
from mentorcert.portal.config import configuration
from mentorcert.portal.sync.connection_worker import WorkerSettings
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.state_queue import StateQueue
from mentorcert.portal.sync.worker import Worker

PublicList = dict[UUID, datetime]
"""Until when each peer mentor is listed."""

_SETTINGS: Final = WorkerSettings(poll_s=0.05)
_STAGING: Final = "mentorcert_staging"
# The staging portal's default, which only it accepts.
_KEY: Final = "whsec_bWVudG9yY2VydC1zdGFnaW5nLXBvcnRhbC1kZW1vLWtleQ=="
_START_S: Final = 30.0
_END_S: Final = 10.0

_FILE: Final = """\
# Overwritten by each `mentorcert up --examples`; docs/portal/connection.example.toml explains every line.
organisation = {organisation}

[target]
adapter = "webhook"
url = {webhook}
state_url = {state}

[[auth]]
method = "hmac"
keys = [{{ secret = {key}, expires = "never" }}]
"""

_QUERIES: Final = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A running staging portal; `file` is its connection's configuration, `database` its SQLite file."""

    organisation: str
    url: str
    file: Path
    database: Path
    is_new: bool

    @property
    def port(self) -> int:
        """The loopback port it listens at."""
        return httpx2.URL(self.url).port or 0

    def send_all(self) -> int:
        """Let a worker send everything that is due; return how many messages it took."""
        return asyncio.run(self._work())

    async def _work(self) -> int:
        connections = Connections([configuration.load(self.file)])
        async with async_pool() as pool:
            worker = Worker(StateQueue(pool), connections, settings=_SETTINGS)
            return await worker.run(asyncio.Event(), once=True)

    def portal_list(self) -> PublicList:
        """Return the portal's public list."""
        page = httpx2.get(f"{self.url}/list.json", trust_env=False).raise_for_status().json()
        return {
            UUID(one["peer_mentor_id"]): datetime.fromisoformat(one["listed_until"])
            for one in page["peer_mentors"]
        }

    def registry_list(self, conn: Connection) -> PublicList:
        """Return the registry's public list, read as the role anon."""
        with acting_as(conn, None, role="anon"):
            return dict(
                rows.fetch_all(conn, tuple[UUID, datetime], _QUERIES.public_list, slug=self.organisation)
            )

    def matching_list(self, conn: Connection) -> PublicList:
        """Return the list, if both are equal; raises MentorcertError where they differ."""
        ours, theirs = self.registry_list(conn), self.portal_list()
        if ours != theirs:
            missing, surplus = len(ours.keys() - theirs.keys()), len(theirs.keys() - ours.keys())
            otherwise = sum(ours[one] != theirs[one] for one in ours.keys() & theirs.keys())
            raise MentorcertError(
                f"The portal's public list differs: {missing} are missing, {surplus} should not be there, "
                f"{otherwise} have another end.",
                hint="`mentorcert portal status` shows what was not sent.",
            )
        return ours


def is_possible() -> bool:
    """Return whether the staging portal, a package of its own, is installed."""
    return find_spec(_STAGING) is not None


@contextmanager
def demonstration(organisation: str, organisation_id: UUID, folder: Path) -> Iterator[Demonstration]:
    """Run a staging portal for one organisation until the block ends, and write its connection file.

    The files are in `folder`, this user's alone. The portal's records last as long as its database file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    folder.chmod(0o700)
    # An organisation of the same name in another registry has other peer mentors.
    database = folder / f"staging-{organisation_id}.sqlite"
    key, file = folder / "demo.key", folder / f"{organisation}.toml"
    is_new = not database.exists()
    with _staging(database) as url:
        _write(key, _KEY)
        values = {
            "organisation": organisation,
            "webhook": f"{url}/webhook",
            "state": f"{url}/state.json",
            "key": f"file:{key}",
        }
        _write(file, _FILE.format_map({name: json.dumps(value) for name, value in values.items()}))
        yield Demonstration(organisation, url, file, database, is_new)


@contextmanager
def _staging(database: Path) -> Iterator[str]:
    """Run a staging portal at a free loopback port until the block ends; yields its base URL."""
    command = (sys.executable, "-m", _STAGING, "--port", "0", "--database", str(database))
    with Popen(command, stdout=PIPE, text=True) as process:
        try:
            yield _url(process)
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except TimeoutExpired:
                process.kill()


def _url(process: Popen[str]) -> str:
    late = threading.Timer(_START_S, process.kill)
    late.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        late.cancel()
    _, _, rest = line.partition(" listens at ")
    if not rest:
        raise MentorcertError("The staging portal did not start.", hint="The lines above say why.")
    return rest.partition(";")[0]


def _write(file: Path, text: str) -> None:
    """Write a file for this user alone, whatever it was before."""
    file.unlink(missing_ok=True)
    file.touch(0o600, exist_ok=False)
    file.write_text(text, "utf-8")


def mode_and_reason(conn: Connection, organisation: str) -> tuple[str, str] | None:
    """Return the mode of a connection and why it was set; None where there is no connection."""
    return rows.fetch_optional(conn, tuple[str, str], _QUERIES.connection, slug=organisation)


def unconfirmed(conn: Connection, organisation: str) -> int:
    """Return how many peer mentors' latest states the portal has not confirmed."""
    return rows.fetch_one(conn, int, _QUERIES.unconfirmed, slug=organisation)


def first_listed(conn: Connection, organisation: str) -> tuple[str, UUID] | None:
    """Return the number of a listed peer mentor, and the id of a certification required for listing."""
    return rows.fetch_optional(conn, tuple[str, UUID], _QUERIES.first_listed, slug=organisation)
