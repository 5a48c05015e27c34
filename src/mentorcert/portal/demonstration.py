"""A demonstration of the sync: a staging portal with its files, a worker, and both public lists."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
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
from mentorcert_staging.background import running
from mentorcert_staging.options import DEMO_WEBHOOK_KEY, Options
from mentorcert_staging.store import Store

PublicList = dict[UUID, datetime]
"""Until when each peer mentor is listed."""

_SETTINGS: Final = WorkerSettings(poll_s=0.05)

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
    _store: Store

    @property
    def port(self) -> int:
        """The loopback port it listens at."""
        return httpx2.URL(self.url).port or 0

    def send_all(self, arrived: Callable[[int], None]) -> None:
        """Let a worker send everything that is due; `arrived` takes the number of messages so far."""
        count = 0

        def one_more() -> None:
            nonlocal count
            count += 1
            arrived(count)

        self._store.recorded = one_more
        asyncio.run(self._work())

    async def _work(self) -> None:
        connections = Connections([configuration.load(self.file)])
        async with async_pool() as pool:
            worker = Worker(StateQueue(pool), connections, settings=_SETTINGS)
            await worker.run(asyncio.Event(), once=True)

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


@contextmanager
def demonstration(organisation: str, organisation_id: UUID, folder: Path) -> Iterator[Demonstration]:
    """Run a staging portal for one organisation until the block ends, and write its connection file.

    The files are in `folder`. The portal's records last as long as its database file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    # An organisation of the same name in another registry has other peer mentors.
    database = folder / f"staging-{organisation_id}.sqlite"
    key, file = folder / "demo.key", folder / f"{organisation}.toml"
    is_new = not database.exists()
    with closing(Store(database)) as store, running(Options(), store) as url:
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
    return rows.fetch_optional(conn, tuple[str, str], _QUERIES.connection, slug=organisation)


def unconfirmed(conn: Connection, organisation: str) -> int:
    """Return how many peer mentors' latest states the portal has not confirmed."""
    return rows.fetch_one(conn, int, _QUERIES.unconfirmed, slug=organisation)


def first_listed(conn: Connection, organisation: str) -> tuple[str, UUID] | None:
    """Return the number of a listed peer mentor, and the id of a certification required for listing."""
    return rows.fetch_optional(conn, tuple[str, UUID], _QUERIES.first_listed, slug=organisation)
