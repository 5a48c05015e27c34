"""A portal that is a Dataverse table: writes conditionally on the version it has read."""

import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from mentorcert.errors import PortalRejectedError, PortalUnavailableError, PortalUnexpectedAnswerError
from mentorcert.portal.adapters.http_portal import HttpPortal
from mentorcert.portal.adapters.port import Receipt
from mentorcert.portal.config.configuration import Configuration, DataverseTarget
from mentorcert.portal.config.mapping import Column
from mentorcert.portal.contract import values
from mentorcert.portal.http import transport
from mentorcert.portal.model import DesiredState, PortalRecord

CONFLICT_ATTEMPTS: Final = 4
UNADDRESSABLE: Final = frozenset("/<>*%&:\\?+#")
"""What the Web API refuses in the value of an alternate key, also percent-encoded."""

_HEADERS: Final = {"Accept": "application/json", "OData-MaxVersion": "4.0", "OData-Version": "4.0"}
_NOT_FOUND: Final = 404
_PRECONDITION_FAILED: Final = 412


@dataclass(frozen=True, slots=True)
class _Stored:
    etag: str
    version: int | None
    epoch: int | None
    status: str | None

    def is_newer(self, state: DesiredState) -> bool:
        """Return whether it is newer than a state; without a column for epochs, by the version alone."""
        epoch = state.epoch if self.epoch is None else self.epoch
        return self.version is not None and (epoch, self.version) > (state.epoch, state.version)


class DataversePortal(HttpPortal):
    """Writes single rows by an alternate key: a batch would fail as a whole for one bad mentor."""

    def __init__(self, configuration: Configuration, target: DataverseTarget) -> None:
        """Read the secrets; raises SecretUnreadableError."""
        super().__init__(configuration)
        self._target = target
        self._columns, self._inbound = target.columns, configuration.inbound
        self._api = f"{target.url.rstrip('/')}{target.api}"
        self._table = f"{self._api}/{target.table}"

    async def apply(self, state: DesiredState) -> Receipt:
        """Withdraw former keys; read the stored version, write unless it is newer, read again after a conflict."""
        former = state.former_external_ids if self._target.key_holds == "external_id" else ()
        async with self._deadline():
            latency = 0.0
            for key in former:
                latency += (await self._withdraw(state, key)).latency
            receipt = await self._write(state, self._row_url(self._key_of(state)))
        return replace(receipt, latency=latency + receipt.latency)

    async def _withdraw(self, state: DesiredState, former: str) -> Receipt:
        """Show nobody under a number that was the peer mentor's, unless somebody newer has it by now."""
        nobody = replace(state, status="erased", listed=False, listed_until=None, certifications=())
        return await self._write(nobody, self._row_url(former), is_former=True)

    async def _write(self, state: DesiredState, row: str, *, is_former: bool = False) -> Receipt:
        body = json.dumps(columns_of(state, self._target)).encode()
        latency = 0.0
        for _ in range(CONFLICT_ATTEMPTS):
            stored, took = await self._read(row)
            latency += took
            if stored is None and is_former:
                return Receipt("applied", None, _NOT_FOUND, latency)
            if stored is None and not self._target.create_missing:
                raise PortalRejectedError(
                    "The portal has no row for this peer mentor, and create_missing is off.",
                    http_status=_NOT_FOUND,
                )
            if stored and stored.status == "erased" != state.status and self._keeps_erased:
                return Receipt("erased", stored.version, 200, latency, stored.epoch)
            if stored and stored.is_newer(state):
                return Receipt("already_newer", stored.version, 200, latency, stored.epoch)
            condition = {"If-None-Match": "*"} if stored is None else {"If-Match": stored.etag}
            headers = {**_HEADERS, **condition, "Content-Type": "application/json"}
            response, took = await self._send("PATCH", row, content=body, headers=headers)
            latency += took
            # A row deleted in between (404) is read again too, and then created.
            if response.status_code == _PRECONDITION_FAILED or (
                stored is not None and response.status_code == _NOT_FOUND
            ):
                continue
            transport.check(response, what="Writing a row")
            return Receipt("applied", state.version, response.status_code, latency, state.epoch)
        raise PortalUnavailableError(
            f"The same row was changed by others {CONFLICT_ATTEMPTS} times in between.",
            http_status=_PRECONDITION_FAILED,
        )

    async def fetch_state(self) -> AsyncIterator[PortalRecord]:
        """Read all rows page by page; each page has a deadline of its own."""
        query = f"$select={','.join(self._read_columns())}"
        if self._target.filter:
            query += f"&$filter={quote(self._target.filter, safe='')}"
        pages = self._pages(
            f"{self._table}?{query}",
            rows="value",
            next_link="@odata.nextLink",
            headers={**_HEADERS, "Prefer": f"odata.maxpagesize={self._target.page_size}"},
        )
        async for page in pages:
            for row in page:
                yield self._record(row)

    async def fetch_record(
        self, table: str, record_id: UUID, columns: Collection[str]
    ) -> dict[str, Any] | None:
        """Read these columns of one record of any table (its entity set); None where there is none."""
        url = f"{self._api}/{table}({record_id})?$select={','.join(sorted(columns))}"
        async with self._deadline():
            response, _ = await self._send("GET", url, headers=_HEADERS)
        if response.status_code == _NOT_FOUND:
            return None
        found = transport.document(response, what="Reading a record")
        return {name: found.get(name) for name in columns}

    async def probe(self) -> None:
        """Read at most one row with every column of the mapping, and of the inbound rules: wrong names show."""
        names = {self._target.key, *(column.name for column in self._columns.every())}
        await self._probe(self._target.table, names)
        if (inbound := self._inbound) is not None:
            for entity, table in inbound.tables.items():
                await self._probe(table.set, {table.api_name(name) for name in inbound.columns_of(entity)})

    async def _probe(self, table: str, names: Collection[str]) -> None:
        query = f"$select={','.join(sorted(names))}&$top=1" if names else "$top=1"
        async with self._deadline():
            response, _ = await self._send("GET", f"{self._api}/{table}?{query}", headers=_HEADERS)
        transport.document(response, what=f"Reading {', '.join(sorted(names))} of {table}")

    def _key_of(self, state: DesiredState) -> str:
        return str(state.peer_mentor_id) if self._target.key_holds == "peer_mentor_id" else state.external_id

    def _row_url(self, key: str) -> str:
        if unaddressable := sorted(UNADDRESSABLE.intersection(key)):
            raise PortalRejectedError(
                f"Dataverse cannot address a number that contains {' '.join(unaddressable)}; nothing was sent.",
                hint="Give the peer mentor a number of letters, digits, dots and hyphens.",
            )
        # A quote in a key is doubled (OData), then all is percent-encoded: a key can never become a path.
        return f"{self._table}({self._target.key}='{quote(key.replace(chr(39), chr(39) * 2), safe='')}')"

    def _read_columns(self) -> list[str]:
        columns = [
            self._columns.version,
            self._columns.epoch,
            self._columns.status,
            self._columns.listed,
            self._columns.listed_until,
            self._columns.effective_at,
        ]
        for one in self._columns.certifications.values():
            columns += [one.status, one.issued_at, one.expires_at]
        return sorted({self._target.key, *(column.name for column in columns if column is not None)})

    async def _read(self, row: str) -> tuple[_Stored | None, float]:
        columns = self._columns
        names = [one.name for one in (columns.version, columns.epoch, columns.status) if one is not None]
        response, took = await self._send("GET", f"{row}?$select={','.join(names)}", headers=_HEADERS)
        if response.status_code == _NOT_FOUND:
            return None, took
        found = transport.document(response, what="Reading a row")
        etag = found.get("@odata.etag")
        if not isinstance(etag, str):
            raise PortalUnexpectedAnswerError("The portal's row has no @odata.etag.", http_status=200)
        return _Stored(
            etag,
            values.version(found.get(columns.version.name)),
            self._epoch(found),
            columns.status.read(found.get(columns.status.name)),
        ), took

    @property
    def _keeps_erased(self) -> bool:
        """Whether a row marked as erased is one peer mentor's for good: a number may get another holder."""
        return self._target.key_holds == "peer_mentor_id"

    def _epoch(self, row: dict[str, Any]) -> int | None:
        """Return the epoch of a row, 0 for one of before epochs; None without a column."""
        return None if self._columns.epoch is None else values.epoch(row.get(self._columns.epoch.name)) or 0

    def _record(self, row: dict[str, Any]) -> PortalRecord:
        key = row.get(self._target.key)
        peer_mentor_id, external_id = None, None
        if key is not None and self._target.key_holds == "external_id":
            external_id = values.text(key)
        elif key is not None:
            peer_mentor_id = values.uuid(str(key))
            # A key that is no id of ours stays visible: reconciliation reports it as unknown.
            external_id = None if peer_mentor_id else values.text(key)
        listed = self._columns.listed.read(row.get(self._columns.listed.name))
        return PortalRecord(
            peer_mentor_id=peer_mentor_id,
            external_id=external_id,
            version=values.version(row.get(self._columns.version.name)),
            status=values.text(self._columns.status.read(row.get(self._columns.status.name))),
            listed={"true": True, "false": False}.get(listed or ""),
            details=self._details(row),
            epoch=self._epoch(row),
        )

    def _details(self, row: dict[str, Any]) -> dict[str, str | None]:
        """Return the dates, and the certifications' statuses."""

        def instant(column: Column) -> str | None:
            value = row.get(column.name)
            return values.day(value, self._target.time_zone) if column.date_only else values.instant(value)

        found: dict[str, str | None] = {}
        for name in ("listed_until", "effective_at"):
            if (column := getattr(self._columns, name)) is not None:
                found[name] = instant(column)
        for code, one in self._columns.certifications.items():
            if one.status is not None:
                found[f"certification {code} status"] = values.text(one.status.read(row.get(one.status.name)))
            if one.issued_at is not None:
                found[f"certification {code} issued_at"] = instant(one.issued_at)
            if one.expires_at is not None:
                found[f"certification {code} expires_at"] = instant(one.expires_at)
        return found


def columns_of(state: DesiredState, target: DataverseTarget) -> dict[str, Any]:
    """Return a state as a row, by the table's column names; the key is in the URL."""
    columns, row = target.columns, dict[str, Any]()

    def put(column: Column | None, value: Any) -> None:
        if column is not None:
            row[column.name] = value

    def day(column: Column | None, at: datetime | None, *, ends: bool = False) -> None:
        if column is not None:
            row[column.name] = _at(column, at, target, ends=ends)

    put(columns.version, state.version)
    put(columns.epoch, state.epoch)
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
    """Return an instant for a column; for a date-only one its local day, of an end the last valid day."""
    if at is None:
        return None
    if not column.date_only:
        return _instant(at)
    # An end is exclusive.
    return (at - timedelta(microseconds=1) if ends else at).astimezone(target.zone).date().isoformat()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
