"""An organisation, its staging portal, a worker, a reconciler, and changes made at the portal."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.conninfo import make_conninfo
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from mentorcert.db.connection import Connection, async_pool
from mentorcert.portal.reconciliation.comparison import Comparisons
from mentorcert.portal.reconciliation.comparison import Scope as RunScope
from mentorcert.portal.reconciliation.reconciler import Reconciler, Reconciliation
from mentorcert.portal.sync.connection_worker import WorkerSettings
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.state_queue import StateQueue
from mentorcert.portal.sync.worker import Worker
from mentorcert_staging.options import DEMO_WEBHOOK_KEY
from tests.portal.connections import served
from tests.portal.sending import connect_portal
from tests.portal.staging import Api, Staging, running
from tests.support.registry import Organisation, rows, set_up, today

FILE = """
organisation = "demo"
[target]
adapter = "webhook"
url = "{url}/webhook"
state_url = "{state_url}"
[[auth]]
method = "hmac"
keys = [{{ secret = "file:{key}", expires = "never" }}]
"""

Page = dict[str, Any]


@dataclass
class Listing:
    """The portal's list as the reconciler reads it: as it is, or as `change` makes it."""

    staging: Staging
    change: Callable[[Page], Page | int] = lambda page: page
    readings: int = 0
    queries: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.queries.append(request.url.query)
        self.readings += not request.url.query
        page = self.staging.client.get(f"/state.json?{request.url.query}").json()
        page["next"] = page["next"] and f"{request.base_url}{page['next'].rpartition('/')[2]}"
        changed = self.change(page)
        response = JSONResponse({}, changed) if isinstance(changed, int) else JSONResponse(changed)
        await response(scope, receive, send)


@dataclass
class Subject:
    """What a test acts on; `listing` is between the reconciler and the portal."""

    conn: Connection
    organisation: Organisation
    database: str
    staging: Staging
    listing: Listing
    file: Path

    def mentors(self, number: int = 1, prefix: str = "m") -> list[UUID]:
        """Add peer mentors who are listed."""
        return [self.certified(f"{prefix}{at}") for at in range(number)]

    def certified(self, external_id: str) -> UUID:
        mentor = self.organisation.mentor(external_id)
        self.organisation.certify(mentor, issued=today(self.conn, -10), last_day=today(self.conn, 30))
        return mentor

    def work(self) -> int:
        """Send the portal everything that is due."""

        async def once() -> int:
            connections = Connections.read([self.file])
            async with async_pool(make_conninfo(self.database, user="mentorcert_portal")) as pool:
                worker = Worker(
                    StateQueue(pool), connections, settings=WorkerSettings(mode_age_s=0, poll_s=0.02),
                )  # fmt: skip
                return await worker.run(asyncio.Event(), once=True)

        return asyncio.run(once())

    def reconcile(self, scope: RunScope = "full", *, dry_run: bool = False) -> Reconciliation:
        """Reconcile; fails where another does."""
        result = self.try_to_reconcile(scope, dry_run=dry_run)
        assert result is not None
        return result

    def try_to_reconcile(
        self, scope: RunScope = "full", *, dry_run: bool = False, only_due: bool = False
    ) -> Reconciliation | None:
        async def once() -> Reconciliation | None:
            async with async_pool(make_conninfo(self.database, user="mentorcert_portal")) as pool:
                reconciler = Reconciler(Comparisons(pool), Connections.read([self.file]), lag_s=0.01)
                return await reconciler.reconcile(
                    self.organisation.id, scope, dry_run=dry_run, only_due=only_due
                )

        return asyncio.run(once())

    def meddle(self, mentor: UUID, **columns: Any) -> None:
        """Change the portal's row by hand."""
        api = Api(self.staging)
        answer = api.call("PATCH", api.row(mentor), {f"hlf_{name}": value for name, value in columns.items()})
        assert answer.status_code == 204, answer.text

    def lose(self, mentor: UUID) -> None:
        """Delete the portal's row by hand."""
        api = Api(self.staging)
        assert api.call("DELETE", api.row(mentor)).status_code == 204

    def shown(self) -> dict[UUID, bool]:
        """Whom the portal has, and whether it shows them."""
        page = self.staging.client.get("/state.json").json()
        return {UUID(one["peer_mentor_id"]): one["listed"] for one in page["peer_mentors"]}

    def runs(self) -> list[tuple[Any, ...]]:
        """Outcome and whether there is a reason, of every run in order."""
        return rows(
            self.conn, "select outcome, reason is not null from mentorcert_portal.reconciliations order by id"
        )

    def drift(self) -> list[tuple[Any, ...]]:
        """Kind, peer mentor, whether it was marked, and whether a later run found it gone; in order."""
        return rows(
            self.conn,
            "select kind, peer_mentor_id, marked_at is not null, repaired_at is not null"
            " from mentorcert_portal.drift order by id",
        )

    def forget_when(self) -> None:
        """Make all changes and attempts old, outside of any run."""
        self.conn.execute(
            "update mentorcert_portal.states set changed_at = changed_at - interval '1 day',"
            " attempted_at = attempted_at - interval '1 day', confirmed_at = confirmed_at - interval '1 day'"
        )


@contextmanager
def subject_on(conn: Connection, database: str, folder: Path) -> Iterator[Subject]:
    """Serve a portal of the organisation demo, which is live."""
    with ExitStack() as stack:
        staging = stack.enter_context(running())
        listing = Listing(staging)
        url = stack.enter_context(served(listing))
        key, file = folder / "key", folder / "demo.toml"
        key.write_text(DEMO_WEBHOOK_KEY)
        file.write_text(FILE.format(url=staging.url, state_url=f"{url}/state.json", key=key))
        organisation = set_up(conn)
        connect_portal(conn, organisation.id)
        yield Subject(conn, organisation, database, staging, listing, file)


def only(drift: dict[Any, int]) -> dict[str, int]:
    """The kinds of which there are any."""
    return {str(kind): number for kind, number in drift.items() if number}
