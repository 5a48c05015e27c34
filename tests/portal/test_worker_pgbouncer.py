"""Several workers behind PgBouncer in transaction mode: they need nothing that outlives a statement."""

import asyncio
from pathlib import Path

from mentorcert.db.connection import Connection, async_pool
from mentorcert.portal.sync.state_queue import Connection as PortalConnection
from mentorcert.portal.sync.state_queue import Result, StateQueue
from tests.portal.reconciling import only, subject_on
from tests.portal.telling import connect_portal, situation
from tests.support.registry import set_up
from tests.support.servers import on_pooled_15

pytestmark = on_pooled_15


def test_claims_and_reports_work_through_it(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    mentors = [organisation.mentor(str(number)) for number in range(20)]
    connect_portal(conn, organisation.id)

    async def one_worker(leases: StateQueue, connection: PortalConnection) -> int:
        told = 0
        while claims := (await leases.claim(connection, 3, 60.0))[0]:
            # What somebody else holds at the moment is to be reported again.
            results = [Result(claim, "applied") for claim in claims]
            while results:
                results = await leases.report(results, "test")
            told += len(claims)
        return told

    async def work() -> list[int]:
        async with async_pool(database, max_size=4) as pool:
            leases = StateQueue(pool)
            (connection,) = await leases.due()
            return await asyncio.gather(*(one_worker(leases, connection) for _ in range(4)))

    assert sum(asyncio.run(work())) == len(mentors)
    assert {situation(conn, organisation.id, mentor) for mentor in mentors} == {"in_sync"}


def test_a_reconciliation_works_through_it(conn: Connection, database: str, tmp_path: Path) -> None:
    with subject_on(conn, database, tmp_path) as subject:
        mentor, *_ = subject.mentors(5)
        subject.work()
        subject.lose(mentor)
        assert only(subject.reconcile().drift) == {"missing": 1}
        subject.work()
        assert subject.reconcile().is_clean
