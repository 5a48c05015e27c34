"""The login of an identity at an OpenID Connect provider; the connection is one of the pages."""

from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection

_QUERIES = rows.beside(__file__)


def sign_in(conn: Connection, issuer: str, subject: str, email: str) -> UUID | None:
    """Return the id of the login; None where this identity has none here, or the login is another one's."""
    return rows.fetch_optional(conn, UUID, _QUERIES.sign_in, issuer=issuer, subject=subject, email=email)
