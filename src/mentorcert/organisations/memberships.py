"""Admits a login to an organisation: as administrator, coordinator of a chapter, or peer mentor."""

from pathlib import Path
from typing import Literal

import aiosql

from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError
from mentorcert.organisations import organisation_file

Role = Literal["org_admin", "coordinator", "peer_mentor"]

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


def admit(
    conn: Connection,
    organisation: str,
    login: str,
    role: Role,
    *,
    chapter: str | None = None,
    peer_mentor: str | None = None,
) -> bool:
    """Give a login (e-mail address or user id) a membership; return False where it has it already.

    A coordinator needs the code of a chapter, a peer mentor the organisation's own number for the person.
    Raises UnknownOrganisationError and InvalidInputError; then nothing is changed.
    """
    if (role == "coordinator") != (chapter is not None):
        raise InvalidInputError(
            "A coordinator, and nobody else, is admitted to a chapter.",
            hint="Add --chapter CODE, or leave it out.",
        )
    if (role == "peer_mentor") != (peer_mentor is not None):
        raise InvalidInputError(
            "A peer mentor, and nobody else, is admitted as a person of the registry.",
            hint="Add --peer-mentor with the number that the organisation's files have, or leave it out.",
        )
    with conn.transaction():
        organisation_id = organisation_file.find(conn, organisation)
        user_id = _QUERIES.find_user(conn, login=login)
        if user_id is None:
            raise InvalidInputError(
                f"No login has the e-mail address or id {login!r}.",
                hint="The person signs up first: the registry makes no logins.",
            )
        chapter_id = _QUERIES.find_chapter(conn, organisation_id=organisation_id, code=chapter)
        if chapter is not None and chapter_id is None:
            raise InvalidInputError(
                f"{organisation} has no chapter {chapter!r}.", hint="Codes stand in the organisation's file."
            )
        if peer_mentor is not None and not _QUERIES.link_peer_mentor(
            conn, organisation_id=organisation_id, external_id=peer_mentor, user_id=user_id
        ):
            raise InvalidInputError(
                f"{organisation} has no peer mentor {peer_mentor!r} whose login this could be.",
                hint="Look the number up in `mentorcert export`; a peer mentor with another login keeps it.",
            )
        added: int = _QUERIES.add_membership(
            conn, organisation_id=organisation_id, user_id=user_id, role=role, chapter_id=chapter_id
        )
        return added == 1
