"""Refuses a connection with more rights than a process needs, or with those of another one."""

from typing import Literal

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import PrivilegedConnectionError, WrongRoleError

LoginRole = Literal[
    "mentorcert_web", "mentorcert_jobs", "mentorcert_portal", "mentorcert_receiver", "mentorcert_tasks"
]

_QUERIES = rows.beside(__file__)


def require(conn: Connection) -> None:
    """Raise PrivilegedConnectionError where the connection, or a role that it may take, is privileged."""
    if rows.fetch_one(conn, bool, _QUERIES.is_privileged):
        raise PrivilegedConnectionError(
            hint="Let DATABASE_URL connect as mentorcert_web: docs/operations.md, Login roles."
        )


def require_login(conn: Connection, role: LoginRole) -> None:
    """Raise WrongRoleError unless the connection has the rights of a login role, by itself or as the owner."""
    login, is_allowed = rows.fetch_one(conn, tuple[str, bool], _QUERIES.login, role=role)
    if not is_allowed:
        raise WrongRoleError.of(role, login)


def require_owner(conn: Connection) -> None:
    """Raise WrongRoleError unless the connection has the rights of the tables' owner."""
    login, owner, is_allowed = rows.fetch_one(conn, tuple[str, str, bool], _QUERIES.owner)
    if not is_allowed:
        raise WrongRoleError.of(f"the owner of the tables, {owner}", login)
