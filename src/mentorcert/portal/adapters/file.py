"""A portal without an API: a folder in which it finds one file with the latest state of every peer mentor."""

import asyncio
import csv
import fcntl
import hashlib
import io
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final

from mentorcert.errors import CannotReadError, PortalUnavailableError, PortalUnexpectedAnswerError
from mentorcert.portal.adapters.port import Receipt
from mentorcert.portal.config.configuration import Configuration, FileTarget
from mentorcert.portal.contract import v1
from mentorcert.portal.http import transport
from mentorcert.portal.model import DesiredState, PortalRecord

MANIFEST: Final = "manifest.json"

_FIELDS: Final = (
    "peer_mentor_id", "external_id", "organisation", "mentor_version", "status", "listed", "listed_until",
    "effective_at", "certifications",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula; the last four are the full-width forms.
_FORMULA_STARTS: Final = tuple("=+-@\t\r\n'＝＋－＠")

Row = dict[str, Any]


class FilePortal:
    """Writes the whole file anew for whatever has gathered meanwhile, in one rename; nobody sees half of it.

    `manifest.json` names the file, its sequence (one more each time), its number of rows and its SHA-256;
    the file before it stays, for a reader that has just opened it. Several processes may write.
    """

    def __init__(self, configuration: Configuration, target: FileTarget) -> None:
        self._folder, self._format = target.folder, target.format
        self._total_s = configuration.limits.total_s
        self._waiting: list[tuple[DesiredState, asyncio.Future[Receipt]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def apply(self, state: DesiredState, attempt: int) -> Receipt:
        """Hand the state over, together with what others hand over at the same time."""
        del attempt  # each is the same
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((state, receipt))
        if self._writer is None or self._writer.done():
            # A task of its own: who stops waiting does not stop the others' writing.
            self._writer = asyncio.create_task(self._write_all())
        async with transport.deadline(self._total_s):
            return await receipt

    async def refresh(self) -> None:
        """Do nothing: a folder asks for no credentials."""

    async def fetch_state(self, since: datetime | None = None) -> AsyncIterator[PortalRecord]:
        """Raise CannotReadError: what the portal made of the file is not known."""
        del since  # it knows of no time
        raise CannotReadError(
            "A portal that takes files does not say what it shows.",
            hint="Ask the portal's side for a list of what it shows; until then it is unverified.",
        )
        yield

    async def probe(self) -> None:
        """Find out whether the folder can be written to and what lies there is whole."""
        async with transport.deadline(self._total_s):
            await asyncio.to_thread(self._hand_over, [])

    async def aclose(self) -> None:
        """Wait for what is being written."""
        if self._writer is not None:
            await self._writer

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                receipts = await asyncio.to_thread(self._hand_over, [state for state, _ in batch])
            except (PortalUnavailableError, PortalUnexpectedAnswerError) as error:
                for _, waiting in batch:
                    if not waiting.done():
                        waiting.set_exception(error)
            else:
                for (_, waiting), receipt in zip(batch, receipts, strict=True):
                    if not waiting.done():
                        waiting.set_result(receipt)

    def _hand_over(self, states: Sequence[DesiredState]) -> list[Receipt]:
        started = monotonic()
        try:
            with _alone(self._folder):
                sequence, rows = self._read()
                found = [_merge(rows, state, self._format) for state in states]
                if any(changed for changed, _ in found):
                    self._write(sequence + 1, rows)
        except OSError as error:
            raise PortalUnavailableError(
                f"The folder {self._folder} cannot be used: {type(error).__name__}.",
                hint="Check that it is there (mounted?) and may be written to by this user.",
            ) from None
        took = monotonic() - started
        return [
            Receipt("already_newer" if version > state.version else "applied", version, None, took)
            for state, (_, version) in zip(states, found, strict=True)
        ]

    def _read(self) -> tuple[int, dict[str, Row]]:
        manifest = self._folder / MANIFEST
        if not manifest.exists():
            return 0, {}
        try:
            told = json.loads(manifest.read_bytes())
            content = (self._folder / Path(told["file"]).name).read_bytes()
            if hashlib.sha256(content).hexdigest() != told["sha256"]:
                raise _changed(self._folder)
            rows = _parse(content, Path(told["file"]).suffix)
            return int(told["sequence"]), {row["peer_mentor_id"]: row for row in rows}
        except (ValueError, KeyError, TypeError, FileNotFoundError):
            raise _changed(self._folder) from None

    def _write(self, sequence: int, rows: Mapping[str, Row]) -> None:
        ordered = [rows[key] for key in sorted(rows)]
        content = _as_csv(ordered) if self._format == "csv" else _as_json(ordered)
        name = _name(sequence, self._format)
        _replace(self._folder / name, content)
        manifest = {
            "sequence": sequence,
            "file": name,
            "rows": len(ordered),
            "sha256": hashlib.sha256(content).hexdigest(),
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        _replace(self._folder / MANIFEST, json.dumps(manifest, indent=2).encode())
        (self._folder / _name(sequence - 2, self._format)).unlink(missing_ok=True)


def _changed(folder: Path) -> PortalUnexpectedAnswerError:
    return PortalUnexpectedAnswerError(
        f"What lies in {folder} is not what was written there.",
        hint="Nothing was overwritten. Move the folder's files away, then replay all: a new file is begun.",
    )


def _name(sequence: int, kind: str) -> str:
    return f"peer-mentors-{sequence:09d}.{kind}"


def _merge(rows: dict[str, Row], state: DesiredState, kind: str) -> tuple[bool, int]:
    """Put a state among the rows unless a newer is there; return whether they changed, and the version."""
    key = str(state.peer_mentor_id)
    if key in rows and (stored := int(rows[key]["mentor_version"])) > state.version:
        return False, stored
    row = v1.data(state) if kind == "json" else _cells(state)
    changed = rows.get(key) != row
    rows[key] = row
    return changed, state.version


def _cells(state: DesiredState) -> Row:
    data = v1.data(state)
    held = "; ".join(
        f"{one['certification_type']} {one['status']} {one['expires_at'] or 'unlimited'}"
        for one in data["certifications"]
    )
    return {name: _cell(held if name == "certifications" else data[name]) for name in _FIELDS}


def _cell(value: Any) -> str:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _as_csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _FIELDS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _as_json(rows: Sequence[Row]) -> bytes:
    return json.dumps({"peer_mentors": rows}, ensure_ascii=False, indent=1).encode()


def _parse(content: bytes, suffix: str) -> list[Row]:
    if suffix == ".csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    rows: list[Row] = json.loads(content)["peer_mentors"]
    return rows


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step, and make it last."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes and threads out; the lock ends with the process that held it."""
    with (folder / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
