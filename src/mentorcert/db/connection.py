"""Connections to the database, also on behalf of a user."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from mentorcert.db import embedded
from mentorcert.db.pipeline import PipelineConnection
from mentorcert.errors import (
    DatabaseUnreachableError,
    FailedTransactionError,
    OpenTransactionError,
    SettingError,
)
from mentorcert.settings import Settings, settings

Connection = psycopg.Connection[TupleRow]
AsyncConnection = psycopg.AsyncConnection[TupleRow]
_LONGEST_WAIT_S: Final = 5.0
# Else psycopg waits twice as long after each failure: after an outage of a minute, another minute.
_RECONNECT_S: Final = 5.0
# A host that is gone closes nothing: its connections count as dead after ten seconds of silence.
_PARAMETERS: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "fallback_application_name": "mentorcert",
}


def database_url(configured: Settings) -> str:
    """Return the connection string; where none is set, start the embedded server and return its own.

    Raises SettingError where several databases are set.
    """
    if configured.database_url is not None:
        return configured.database_url.get_secret_value()
    if configured.database_urls is not None or configured.databases_dir is not None:
        raise SettingError("This command works on one database.", hint="Set DATABASE_URL to the one.")
    return embedded.start(configured.home)


def connect(url: str | None = None, *, autocommit: bool = False) -> Connection:
    """Open one connection, by default to the configured database; raises DatabaseUnreachableError."""
    try:
        return psycopg.connect(**_parameters(url), autocommit=autocommit, prepare_threshold=None)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachableError(
            f"The database cannot be reached: {str(error).strip()}",
            code=error.sqlstate,
            hint="Check DATABASE_URL and that the server runs.",
        ) from None


def pool(
    url: str | None = None,
    *,
    max_size: int = 10,
    configure: Callable[[PipelineConnection], None] | None = None,
) -> ConnectionPool[PipelineConnection]:
    """Return a pool, opened and closed by `with`; a connection that died is replaced before it is lent.

    Where the database is away, who asks for one is refused after five seconds: people wait for it.
    Its connections are in autocommit: in a pipeline psycopg waits for a transaction that it begins by itself. One for
    which `configure` raises is never lent.
    """
    return ConnectionPool(
        connection_class=PipelineConnection,
        kwargs={**_parameters(url), "prepare_threshold": None, "autocommit": True},
        min_size=1,
        max_size=max_size,
        timeout=_LONGEST_WAIT_S,
        reconnect_timeout=_RECONNECT_S,
        open=False,
        configure=configure,
        check=_check,
    )


def async_pool(url: str | None = None, *, max_size: int = 4) -> AsyncConnectionPool[AsyncConnection]:
    """Return a pool of connections in autocommit, opened and closed by `async with`.

    Each statement is a transaction of its own, so that a pooler in transaction mode may stand in between.
    """
    return AsyncConnectionPool(
        kwargs={**_parameters(url), "prepare_threshold": None, "autocommit": True},
        min_size=1,
        max_size=max_size,
        reconnect_timeout=_RECONNECT_S,
        open=False,
        check=AsyncConnectionPool.check_connection,
    )


def claims_of(
    user_id: UUID | None, *, role: str = "authenticated", organisation_id: UUID | None = None
) -> dict[str, Any]:
    """Return the claims that a token of a user has at the least; a user id of None sets no `sub`."""
    claims: dict[str, Any] = {"role": role}
    if user_id is not None:
        claims["sub"] = str(user_id)
    if organisation_id is not None:
        claims["app_metadata"] = {"organisation_id": str(organisation_id)}
    return claims


@contextmanager
def acting_as(
    conn: Connection,
    user: UUID | Mapping[str, Any] | None,
    *,
    role: str = "authenticated",
    organisation_id: UUID | None = None,
) -> Iterator[Connection]:
    """Run one transaction with the rights of a user, as the Data API does.

    `user` is an id, or all claims of a token, which policies then see unchanged.

    Role and claims end with the transaction, also after an error. Raises OpenTransactionError where a
    transaction is open (the role would outlive the block), and FailedTransactionError where a statement
    failed and the error was swallowed inside the block.
    """
    if _status(conn) is not TransactionStatus.IDLE:
        raise OpenTransactionError(
            hint="Commit or roll back first; one user cannot act inside another's block."
        )
    with conn.transaction():
        become(conn, user, role=role, organisation_id=organisation_id)
        yield conn
        if _has_failed(conn):
            raise FailedTransactionError


def become(
    conn: Connection,
    user: UUID | Mapping[str, Any] | None,
    *,
    role: str = "authenticated",
    organisation_id: UUID | None = None,
) -> None:
    """Have the role and the claims of a user (an id, or all claims) for the rest of the open transaction."""
    claims = (
        user if isinstance(user, Mapping) else claims_of(user, role=role, organisation_id=organisation_id)
    )
    conn.execute(
        # Some servers' auth.uid() reads request.jwt.claim.sub alone.
        "select set_config('request.jwt.claims', %s, true),"
        " set_config('request.jwt.claim.sub', %s, true), set_config('role', %s, true)",
        (json.dumps(claims), claims.get("sub", ""), claims["role"]),
    )


def commit_and_go_on(conn: Connection, user: Mapping[str, Any]) -> None:
    """Commit inside `acting_as`, and act as the same user in another transaction, without waiting for either.

    Raises FailedTransactionError.
    """
    if _has_failed(conn):
        raise FailedTransactionError
    conn.execute("commit and chain")
    become(conn, user)


def ping(conn: Connection) -> None:
    """Ask the server for an answer; raises psycopg.Error."""
    conn.execute("select 1")


def _check(conn: PipelineConnection) -> None:
    """Raise psycopg.Error for a connection that died: an idle one to which the server said something is asked."""
    if conn.has_input:
        ConnectionPool.check_connection(conn)


def _has_failed(conn: Connection) -> bool:
    if conn.pgconn.pipeline_status == PipelineStatus.ABORTED:
        # Unless a savepoint is being undone, the commit is skipped, which rises at the end of the pipeline.
        return not (isinstance(conn, PipelineConnection) and conn.is_waiting)
    return _status(conn) is TransactionStatus.INERROR


def _status(conn: Connection) -> TransactionStatus:
    return TransactionStatus(conn.info.transaction_status)


def _parameters(url: str | None) -> dict[str, Any]:
    given = conninfo_to_dict(database_url(settings()) if url is None else url)
    return {**_PARAMETERS, **given}
