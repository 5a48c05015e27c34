"""The payloads that would be sent now, byte for byte what the worker sends; nothing is sent or marked."""

from collections.abc import Sequence
from typing import Any, Final

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.portal import adapters
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.sync import control
from mentorcert.portal.sync.state_queue import Derived, desired_state

_QUERIES: Final = rows.beside(__file__)


def payloads(conn: Connection, configuration: Configuration, names: Sequence[str]) -> list[Any]:
    """Return the payloads about peer mentors named by number or id, in this order.

    Raises InvalidInputError for unknown ones, MessageInvalidError where our own contract's schema is violated.
    """
    slug = configuration.organisation
    ids = control.peer_mentors(conn, slug, names)
    id_ = control.organisation_id(conn, slug)
    derived = rows.fetch_all(conn, Derived, _QUERIES.derived, peer_mentor_ids=ids)
    return [adapters.payload(configuration, desired_state(id_, slug, row)) for row in derived]
