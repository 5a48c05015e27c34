"""Connections to the database, also on behalf of a user."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from mentorcert.db import embedded
from mentorcert.errors import DatabaseUnreachableError, FailedTransactionError, OpenTransactionError
from mentorcert.settings import Settings, settings

Connection = psycopg.Connection[TupleRow]
AsyncConnection = psycopg.AsyncConnection[TupleRow]


def database_url(configured: Settings) -> str:
    """Return the connection string; where none is set, start the embedded server and return its own."""
    if configured.database_url is not None:
        return configured.database_url.get_secret_value()
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


def pool(url: str | None = None, *, max_size: int = 10) -> ConnectionPool[Connection]:
    """Return a pool, opened and closed by `with`; a connection that died is replaced before it is lent."""
    return ConnectionPool(
        kwargs={**_parameters(url), "prepare_threshold": None},
        min_size=1,
        max_size=max_size,
        open=False,
        check=ConnectionPool.check_connection,
    )


def async_pool(url: str | None = None, *, max_size: int = 4) -> AsyncConnectionPool[AsyncConnection]:
    """Return a pool of connections in autocommit, opened and closed by `async with`.

    Each statement is a transaction of its own, so that a pooler in transaction mode may stand in between.
    """
    return AsyncConnectionPool(
        kwargs={**_parameters(url), "prepare_threshold": None, "autocommit": True},
        min_size=1,
        max_size=max_size,
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
        if _status(conn) is TransactionStatus.INERROR:
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


def ping(conn: Connection) -> None:
    """Ask the server for an answer; raises psycopg.Error."""
    conn.execute("select 1")


def _status(conn: Connection) -> TransactionStatus:
    return TransactionStatus(conn.info.transaction_status)


def _parameters(url: str | None) -> dict[str, Any]:
    given = conninfo_to_dict(database_url(settings()) if url is None else url)
    return {"connect_timeout": 10, "fallback_application_name": "mentorcert", **given}
