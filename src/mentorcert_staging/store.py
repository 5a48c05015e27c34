"""The staging portal's data, in SQLite: a table as in Dataverse, and every delivery."""

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
Outcome = Literal["applied", "already_newer", "erased"]

KEY: Final = "hlf_mentorcertid"
RECORD_ID: Final = "hlf_peermentorid"
VERSION: Final = "hlf_mentorversion"
EPOCH: Final = "hlf_mentorepoch"
COLUMNS: Final[dict[str, tuple[type, ...]]] = {
    KEY: (str,),
    "hlf_externalid": (str,),
    "hlf_organisation": (str,),
    VERSION: (int,),
    EPOCH: (int,),
    # A choice is a number in Dataverse; a text where the table has a plain column.
    "hlf_status": (str, int),
    "hlf_listed": (bool,),
    "hlf_listeduntil": (str,),
    "hlf_effectiveat": (str,),
}

_QUERIES: Final = aiosql.from_path(Path(__file__).with_name("store.sql"), "sqlite3")


class KeyTakenError(Exception):
    """Another row has the same alternate key."""


class Store:
    """One database; every call is made from the server's event loop without awaiting, so each is atomic.

    A row is a dict of the table's columns; `certifications` is a dict in it.
    """

    def __init__(self, file: Path | None = None, *, any_version: bool = False) -> None:
        """Open the file, or a database in memory that ends with the process; raises InvalidInputError.

        With `any_version` older messages are applied too, as by a portal that violates the contract.
        """
        self._any_version = any_version
        try:
            if file is not None:
                # For this user alone; what SQLite lays beside it has the same rights.
                file.touch(0o600)
                file.chmod(0o600)
            self._conn = sqlite3.connect(file or ":memory:", check_same_thread=False, isolation_level=None)
            self._conn.row_factory = sqlite3.Row
            # The last seconds may be lost in a power cut, but not when the process is killed.
            self._conn.execute("pragma journal_mode = wal")
            self._conn.execute("pragma synchronous = off")
            _QUERIES.create_tables(self._conn)
            if EPOCH not in {column["name"] for column in _QUERIES.columns(self._conn)}:
                _QUERIES.add_epoch(self._conn)  # a file of an earlier release
        except (sqlite3.Error, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise InvalidInputError(f"{file}: cannot be used as a SQLite file: {reason}.") from None

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
        """Return the public list at `now`: who is listed, until `listed_until`."""
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

    def receive(self, changes: Row, message_id: str) -> tuple[Outcome, int, int]:
        """Apply a message by the receiver's rule; returns the outcome, and the epoch and version now stored."""
        before = self.find(KEY, changes[KEY])
        version = _version(changes)
        stored = _version(before) if before and before[VERSION] is not None else None
        outcome: Outcome = "applied"
        if before and before["hlf_status"] == "erased" != changes["hlf_status"]:
            outcome = "erased"
        elif not self._any_version and not is_news(version, stored):
            outcome = "already_newer"
        else:
            self.save(changes, before)
        self.record("webhook", changes[KEY], changes[VERSION], outcome, message_id, epoch=version[0])
        return outcome, *(version if outcome == "applied" else stored or (0, 0))

    def record(
        self,
        route: str,
        peer_mentor_id: str,
        version: int | None,
        outcome: Outcome,
        message_id: str | None = None,
        *,
        epoch: int | None = None,
    ) -> None:
        """Append one delivery to the history."""
        _QUERIES.record(
            self._conn,
            route=route,
            peer_mentor_id=peer_mentor_id,
            mentor_version=version,
            mentor_epoch=epoch,
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


def _version(row: Row) -> tuple[int, int]:
    return row.get(EPOCH) or 0, row[VERSION]


def _row(found: sqlite3.Row | None) -> Row | None:
    return {**dict(found), "certifications": json.loads(found["certifications"])} if found else None
