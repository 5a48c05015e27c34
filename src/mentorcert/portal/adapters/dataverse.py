"""A portal that is a table of Dataverse: reads what is stored, and writes only over what it has read."""

import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from mentorcert.errors import PortalRejectedError, PortalUnavailableError, PortalUnexpectedAnswerError
from mentorcert.portal.adapters import values
from mentorcert.portal.adapters.channel import Channel
from mentorcert.portal.adapters.port import Receipt
from mentorcert.portal.config.configuration import Configuration, DataverseTarget
from mentorcert.portal.config.mapping import Column
from mentorcert.portal.http import transport
from mentorcert.portal.model import DesiredState, PortalRecord

CONFLICT_ATTEMPTS: Final = 4

_HEADERS: Final = {"Accept": "application/json", "OData-MaxVersion": "4.0", "OData-Version": "4.0"}
_NOT_FOUND: Final = 404
_PRECONDITION_FAILED: Final = 412


@dataclass(frozen=True, slots=True)
class _Stored:
    etag: str
    version: int | None


class DataversePortal:
    """Writes single rows by an alternate key: a batch would fail whole for one bad mentor."""

    def __init__(self, configuration: Configuration, target: DataverseTarget) -> None:
        """Read the secrets; raises SecretUnreadableError."""
        self._target = target
        self._columns = target.columns
        self._channel = Channel(configuration)
        self._api = f"{target.url.rstrip('/')}{target.api}"
        self._table = f"{self._api}/{target.table}"

    async def apply(self, state: DesiredState, attempt: int) -> Receipt:
        """Read the stored version; write unless it is newer; read again where somebody wrote in between."""
        del attempt  # each is the same
        row = self._row_url(state)
        body = json.dumps(columns_of(state, self._target)).encode()
        latency = 0.0
        async with self._channel.deadline():
            for _ in range(CONFLICT_ATTEMPTS):
                stored, took = await self._read(row)
                latency += took
                if stored is None and not self._target.create_missing:
                    raise PortalRejectedError(
                        "The portal has no row for this peer mentor, and create_missing is off.",
                        http_status=_NOT_FOUND,
                    )
                if stored and stored.version is not None and stored.version > state.version:
                    return Receipt("already_newer", stored.version, 200, latency)
                condition = {"If-None-Match": "*"} if stored is None else {"If-Match": stored.etag}
                headers = {**_HEADERS, **condition, "Content-Type": "application/json"}
                response, took = await self._channel.send("PATCH", row, content=body, headers=headers)
                latency += took
                # A row that was deleted meanwhile (404) is read again as well, and then made anew.
                if response.status_code == _PRECONDITION_FAILED or (
                    stored is not None and response.status_code == _NOT_FOUND
                ):
                    continue
                transport.check(response, what="Writing a row")
                return Receipt("applied", state.version, response.status_code, latency)
        raise PortalUnavailableError(
            f"Somebody else wrote the same row {CONFLICT_ATTEMPTS} times in between.",
            http_status=_PRECONDITION_FAILED,
        )

    async def refresh(self) -> None:
        """Read secrets anew and forget tokens, if any were refused."""
        await self._channel.refresh()

    async def fetch_state(self, since: datetime | None = None) -> AsyncIterator[PortalRecord]:
        """Read all rows, or those modified since, page by page; each page has a deadline of its own."""
        conditions = [f"({self._target.filter})"] if self._target.filter else []
        if since is not None:
            conditions.append(f"{self._target.modified} ge {_instant(since)}")
        query = f"$select={','.join(self._read_columns())}"
        if conditions:
            query += f"&$filter={quote(' and '.join(conditions), safe='')}"
        url: str | None = f"{self._table}?{query}"
        seen = set[str]()
        while url is not None:
            seen.add(url)
            page = await self._page(url)
            for row in page["value"]:
                yield self._record(row)
            url = transport.next_page(page.get("@odata.nextLink"), url)
            if url in seen:
                raise PortalUnexpectedAnswerError("The portal's pages lead back to one that was read.")

    async def fetch_record(
        self, table: str, record_id: UUID, columns: Collection[str]
    ) -> dict[str, Any] | None:
        """Read these columns of one record of any table (its entity set); None where there is none."""
        url = f"{self._api}/{table}({record_id})?$select={','.join(sorted(columns))}"
        async with self._channel.deadline():
            response, _ = await self._channel.send("GET", url, headers=_HEADERS)
        if response.status_code == _NOT_FOUND:
            return None
        found = transport.document(response, what="Reading a record")
        return {name: found.get(name) for name in columns}

    async def probe(self) -> None:
        """Read at most one row, with every column of the mapping; a wrong name is found here."""
        names = {self._target.key, *(column.name for column in self._columns.every())}
        async with self._channel.deadline():
            response, _ = await self._channel.send(
                "GET", f"{self._table}?$select={','.join(sorted(names))}&$top=1", headers=_HEADERS
            )
        transport.document(response, what="Reading the table")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._channel.aclose()

    def _row_url(self, state: DesiredState) -> str:
        key = str(state.peer_mentor_id) if self._target.key_holds == "peer_mentor_id" else state.external_id
        # A quote in a key is doubled (OData), then all is percent-encoded: a key can never become a path.
        return f"{self._table}({self._target.key}='{quote(key.replace(chr(39), chr(39) * 2), safe='')}')"

    def _read_columns(self) -> list[str]:
        columns = (self._columns.version, self._columns.status, self._columns.listed)
        return sorted({self._target.key, *(column.name for column in columns)})

    async def _read(self, row: str) -> tuple[_Stored | None, float]:
        response, took = await self._channel.send(
            "GET", f"{row}?$select={self._columns.version.name}", headers=_HEADERS
        )
        if response.status_code == _NOT_FOUND:
            return None, took
        found = transport.document(response, what="Reading a row")
        etag = found.get("@odata.etag")
        if not isinstance(etag, str):
            raise PortalUnexpectedAnswerError("The portal's row has no @odata.etag.", http_status=200)
        return _Stored(etag, values.version(found.get(self._columns.version.name))), took

    async def _page(self, url: str) -> dict[str, Any]:
        headers = {**_HEADERS, "Prefer": f"odata.maxpagesize={self._target.page_size}"}
        async with self._channel.deadline():
            response, _ = await self._channel.send("GET", url, headers=headers)
        page = transport.document(response, what="Reading the table")
        rows = page.get("value")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise PortalUnexpectedAnswerError("The portal's page has no rows under value.", http_status=200)
        return page

    def _record(self, row: dict[str, Any]) -> PortalRecord:
        key = row.get(self._target.key)
        peer_mentor_id, external_id = None, None
        if key is not None and self._target.key_holds == "external_id":
            external_id = str(key)
        elif key is not None:
            peer_mentor_id = values.uuid(str(key))
            # What is no id of ours is kept visible: reconciliation calls it unknown.
            external_id = None if peer_mentor_id else str(key)
        listed = self._columns.listed.read(row.get(self._columns.listed.name))
        return PortalRecord(
            peer_mentor_id=peer_mentor_id,
            external_id=external_id,
            version=values.version(row.get(self._columns.version.name)),
            status=self._columns.status.read(row.get(self._columns.status.name)),
            listed={"true": True, "false": False}.get(listed or ""),
        )


def columns_of(state: DesiredState, target: DataverseTarget) -> dict[str, Any]:
    """Return what stands in a row for a state, by the columns' own names; its key stands in the address."""
    columns, row = target.columns, dict[str, Any]()

    def put(column: Column | None, value: Any) -> None:
        if column is not None:
            row[column.name] = value

    def day(column: Column | None, at: datetime | None, *, ends: bool = False) -> None:
        if column is not None:
            row[column.name] = _at(column, at, target, ends=ends)

    put(columns.version, state.version)
    put(columns.status, columns.status.write(state.status))
    put(columns.listed, columns.listed.write(state.listed))
    day(columns.listed_until, state.listed_until, ends=True)
    day(columns.effective_at, state.effective_at)
    held = {one.certification_type: one for one in state.certifications}
    for code, of_type in columns.certifications.items():
        one = held.get(code)
        put(of_type.status, of_type.status.write(one.status if one else None) if of_type.status else None)
        day(of_type.issued_at, one.issued_at if one else None)
        day(of_type.expires_at, one.expires_at if one else None, ends=True)
    return row


def _at(column: Column, at: datetime | None, target: DataverseTarget, *, ends: bool) -> str | None:
    """Write an instant; in a date-only column its local day, of an end the last day that still counts."""
    if at is None:
        return None
    if not column.date_only:
        return _instant(at)
    # An end is the first instant that no longer counts.
    return (at - timedelta(microseconds=1) if ends else at).astimezone(target.zone).date().isoformat()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
