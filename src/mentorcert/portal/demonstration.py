"""A portal to try the sync with: a staging portal with its files, a worker for it, and both public lists."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import aiosql
import httpx2

from mentorcert.db.connection import Connection, acting_as, async_pool
from mentorcert.errors import MentorcertError
from mentorcert.portal.config import configuration
from mentorcert.portal.sync.connection_worker import WorkerSettings
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.state_queue import StateQueue
from mentorcert.portal.sync.worker import Worker
from mentorcert_staging.background import running
from mentorcert_staging.options import DEMO_WEBHOOK_KEY, Options
from mentorcert_staging.store import Outcome, Store

PublicList = dict[UUID, datetime]
"""Until when the public may be shown each peer mentor."""

_SETTINGS: Final = WorkerSettings(poll_s=0.05)

_FILE: Final = """\
# Written anew by each `mentorcert up --examples`; docs/portal/connection.example.toml explains every line.
organisation = {organisation}

[target]
adapter = "webhook"
url = {webhook}
state_url = {state}

[[auth]]
method = "hmac"
keys = [{{ secret = {key}, expires = "never" }}]
"""

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


class _Store(Store):
    """A store that tells of every message that has come."""

    arrived: Callable[[], None] | None = None

    def record(
        self,
        route: str,
        peer_mentor_id: str,
        version: int | None,
        outcome: Outcome,
        message_id: str | None = None,
    ) -> None:
        super().record(route, peer_mentor_id, version, outcome, message_id)
        if self.arrived:
            self.arrived()


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A running staging portal; its connection is described by `file`, `database` is what it remembers."""

    organisation: str
    url: str
    file: Path
    database: Path
    is_new: bool
    _store: _Store

    @property
    def port(self) -> int:
        """The port of loopback at which it listens."""
        return httpx2.URL(self.url).port or 0

    def tell(self, arrived: Callable[[int], None]) -> None:
        """Let a worker tell everything that is due; `arrived` takes the number of messages so far."""
        count = 0

        def one_more() -> None:
            nonlocal count
            count += 1
            arrived(count)

        self._store.arrived = one_more
        asyncio.run(self._work())

    async def _work(self) -> None:
        connections = Connections([configuration.load(self.file)])
        async with async_pool() as pool:
            worker = Worker(
                StateQueue(pool),
                open_portal=connections.open,
                rehearse=connections.rehearse,
                settings=_SETTINGS,
            )
            await worker.run(asyncio.Event(), once=True)

    def its_list(self) -> PublicList:
        """Return whom the portal shows to the public."""
        page = httpx2.get(f"{self.url}/list.json", trust_env=False).raise_for_status().json()
        return {
            UUID(one["peer_mentor_id"]): datetime.fromisoformat(one["listed_until"])
            for one in page["peer_mentors"]
        }

    def our_list(self, conn: Connection) -> PublicList:
        """Return whom the registry shows to the public, read as the public reads it."""
        with acting_as(conn, None, role="anon"):
            return dict(_QUERIES.public_list(conn, slug=self.organisation))

    def same_list(self, conn: Connection) -> PublicList:
        """Return the list that both show; raises MentorcertError where they differ."""
        ours, theirs = self.our_list(conn), self.its_list()
        if ours != theirs:
            missing, surplus = len(ours.keys() - theirs.keys()), len(theirs.keys() - ours.keys())
            otherwise = sum(ours[one] != theirs[one] for one in ours.keys() & theirs.keys())
            raise MentorcertError(
                f"The portal's public list is not ours: {missing} are missing there, {surplus} should not be "
                f"there, {otherwise} are shown until another day.",
                hint="`mentorcert portal status` says what was not told.",
            )
        return ours


@contextmanager
def demonstration(organisation: str, organisation_id: UUID, folder: Path) -> Iterator[Demonstration]:
    """Run a staging portal for one organisation until the block ends, and write its connection file.

    The files are in `folder`. The portal remembers what it was told for as long as its database is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    # Another registry's organisation of the same name has other peer mentors.
    database = folder / f"staging-{organisation_id}.sqlite"
    key, file = folder / "demo.key", folder / f"{organisation}.toml"
    is_new = not database.exists()
    with closing(_Store(database)) as store, running(Options(), store) as url:
        key.write_text(DEMO_WEBHOOK_KEY, "utf-8")
        values = {
            "organisation": organisation,
            "webhook": f"{url}/webhook",
            "state": f"{url}/state.json",
            "key": f"file:{key}",
        }
        file.write_text(
            _FILE.format_map({name: json.dumps(value) for name, value in values.items()}), "utf-8"
        )
        yield Demonstration(organisation, url, file, database, is_new, store)


def mode_and_reason(conn: Connection, organisation: str) -> tuple[str, str] | None:
    """Return the mode of a connection and why it was set; None where there is no connection."""
    row: tuple[str, str] | None = _QUERIES.connection(conn, slug=organisation)
    return row


def unconfirmed(conn: Connection, organisation: str) -> int:
    """Return of how many peer mentors the portal has not confirmed the latest state."""
    number: int = _QUERIES.unconfirmed(conn, slug=organisation)
    return number


def somebody_listed(conn: Connection, organisation: str) -> tuple[str, UUID] | None:
    """Return the number of somebody on our list, and the id of a certification that the list rests on."""
    row: tuple[str, UUID] | None = _QUERIES.somebody_listed(conn, slug=organisation)
    return row
