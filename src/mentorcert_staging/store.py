"""What the staging portal knows, in SQLite: a table as Dataverse would have it, and every delivery."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import uuid4

import aiosql

from mentorcert.errors import InvalidInputError
from mentorcert.portal.contract.dates import to_text
from mentorcert.portal.contract.receiver import is_news

Row = dict[str, Any]
Outcome = Literal["applied", "already_newer"]

KEY: Final = "hlf_mentorcertid"
RECORD_ID: Final = "hlf_peermentorid"
VERSION: Final = "hlf_mentorversion"
COLUMNS: Final[dict[str, tuple[type, ...]]] = {
    KEY: (str,),
    "hlf_externalid": (str,),
    "hlf_organisation": (str,),
    VERSION: (int,),
    # A choice is a number at Dataverse; a text where the table has a plain column.
    "hlf_status": (str, int),
    "hlf_listed": (bool,),
    "hlf_listeduntil": (str,),
    "hlf_effectiveat": (str,),
}

_QUERIES: Final = aiosql.from_path(Path(__file__).with_name("store.sql"), "sqlite3")


class KeyTakenError(Exception):
    """Another row has the same alternate key."""


class Store:
    """One database; every call comes from the server's event loop and does not wait, so each is atomic.

    A row is a dict of the table's columns; `certifications` is a dict in it.
    """

    def __init__(self, file: Path | None = None, *, any_version: bool = False) -> None:
        """Open the file, or a database in memory that ends with the process; raises InvalidInputError.

        With `any_version` messages replace newer ones too, as at a portal that breaks the contract's rule.
        """
        self._any_version = any_version
        try:
            self._conn = sqlite3.connect(file or ":memory:", check_same_thread=False, isolation_level=None)
            self._conn.row_factory = sqlite3.Row
            # A staging portal may lose its last seconds in a power cut, but not when it is killed.
            self._conn.execute("pragma journal_mode = wal")
            self._conn.execute("pragma synchronous = off")
            _QUERIES.create_tables(self._conn)
        except sqlite3.Error as error:
            raise InvalidInputError(f"{file}: cannot be used as a SQLite file: {error}.") from None

    def find(self, column: str, value: str) -> Row | None:
        """Return the row with this value of its primary key or of an alternate one."""
        match column:
            case "hlf_mentorcertid":
                return _row(_QUERIES.by_key(self._conn, key=value))
            case "hlf_externalid":
                return _row(_QUERIES.by_external_id(self._conn, external_id=value))
            case _:
                return _row(_QUERIES.by_id(self._conn, id=value))

    def rows(self, after: int = 0) -> Iterator[tuple[int, Row]]:
        """Yield all rows in the order of their creation, each with its position, from after a position."""
        for found in _QUERIES.rows_after(self._conn, after=after):
            row = dict(found)
            yield row.pop("rowid"), {**row, "certifications": json.loads(row["certifications"])}

    def listed(self, now: datetime) -> list[Row]:
        """Return whom the public is shown at `now`: who is listed, as long as the lease lasts."""
        return [dict(found) for found in _QUERIES.public_list(self._conn, now=to_text(now))]

    def save(self, changes: Row, before: Row | None, *, record_id: str | None = None) -> Row:
        """Write a row, new or changed, with a new etag; returns it. Raises KeyTakenError."""
        # Dataverse's modifiedon has no fractions of a second.
        now = to_text(datetime.now(UTC).replace(microsecond=0))
        row: Row = {
            RECORD_ID: record_id or str(uuid4()),
            **dict.fromkeys(COLUMNS),
            "certifications": {},
            "createdon": now,
            **(before or {}),
            **changes,
            "modifiedon": now,
            "versionnumber": _QUERIES.next_versionnumber(self._conn)["next"],
        }
        try:
            _QUERIES.save(self._conn, **{**row, "certifications": json.dumps(row["certifications"])})
        except sqlite3.IntegrityError:
            raise KeyTakenError from None
        return row

    def delete(self, record_id: str) -> None:
        """Remove a row."""
        _QUERIES.delete(self._conn, id=record_id)

    def receive(self, changes: Row, message_id: str) -> tuple[Outcome, int]:
        """Apply a message by the receiver's rule; returns the outcome, and the version stored then."""
        before = self.find(KEY, changes[KEY])
        version: int = changes[VERSION]
        stored: int | None = before[VERSION] if before else None
        if stored is not None and not self._any_version and not is_news(version, stored):
            self.record("webhook", changes[KEY], version, "already_newer", message_id)
            return "already_newer", stored
        self.save(changes, before)
        self.record("webhook", changes[KEY], version, "applied", message_id)
        return "applied", version

    def record(
        self,
        route: str,
        peer_mentor_id: str,
        version: int | None,
        outcome: Outcome,
        message_id: str | None = None,
    ) -> None:
        """Append one delivery to the history."""
        _QUERIES.record(
            self._conn,
            route=route,
            peer_mentor_id=peer_mentor_id,
            mentor_version=version,
            outcome=outcome,
            message_id=message_id,
            recorded_at=to_text(datetime.now(UTC)),
        )

    def deliveries(self, peer_mentor_id: str | None = None) -> list[Row]:
        """Return every delivery in order, of all or of one peer mentor."""
        return [dict(one) for one in _QUERIES.deliveries(self._conn, peer_mentor_id=peer_mentor_id)]

    def close(self) -> None:
        """Close the database."""
        self._conn.close()


def _row(found: sqlite3.Row | None) -> Row | None:
    return {**dict(found), "certifications": json.loads(found["certifications"])} if found else None
