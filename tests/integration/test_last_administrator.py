"""An organisation keeps an administrator, also where two end each other's membership at once."""

from collections.abc import Callable
from uuid import UUID, uuid4

import psycopg
import pytest

from mentorcert.db.connection import Connection, become
from mentorcert.errors import ConflictError, LastAdministratorError, from_postgres
from tests.support.registry import Organisation, fetch, join, set_up
from tests.support.sessions import meanwhile


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_of_two_endings_at_once_one_is_refused(conn: Connection, database: str, isolation: str) -> None:
    organisation = set_up(conn)
    first: UUID = fetch(conn, "select id from mentorcert.memberships where user_id = %s", organisation.admin)
    other_admin = uuid4()
    second = join(organisation, other_admin, "org_admin")

    def end(membership: UUID, by: UUID) -> Callable[[Connection], None]:
        def work(session: Connection) -> None:
            session.execute(f"set transaction isolation level {isolation}".encode())
            become(session, by)
            session.execute("update mentorcert.memberships set ended_at = now() where id = %s", (membership,))

        return work

    with pytest.raises(psycopg.Error) as caught:
        meanwhile(conn, database, end(second, organisation.admin), end(first, other_admin))
    refused = LastAdministratorError if isolation == "read committed" else ConflictError
    assert isinstance(from_postgres(caught.value), refused)
    assert administrators(organisation) == 1


def administrators(organisation: Organisation) -> int:
    number: int = fetch(
        organisation.conn,
        "select count(*) from mentorcert.memberships"
        " where organisation_id = %s and role = 'org_admin' and ended_at is null",
        organisation.id,
    )
    return number
