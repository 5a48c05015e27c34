"""A portal without an API: a folder with one file of the latest state of every peer mentor."""

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
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final

from mentorcert.errors import CannotReadError, PortalUnavailableError, PortalUnexpectedAnswerError
from mentorcert.portal.adapters.port import Receipt
from mentorcert.portal.config.configuration import Configuration, FileTarget
from mentorcert.portal.contract import v1
from mentorcert.portal.http import transport
from mentorcert.portal.http.threads import in_thread
from mentorcert.portal.model import DesiredState, PortalRecord

MANIFEST: Final = "manifest.json"

_THREAD: Final = "portal-file"
_FIELDS: Final = (
    "peer_mentor_id", "external_id", "organisation", "mentor_version", "mentor_epoch", "status", "listed", "listed_until",
    "effective_at", "certifications",
)  # fmt: skip
# A spreadsheet treats a cell that starts with these as a formula; the last four are full-width forms.
_FORMULA_STARTS: Final = tuple("=+-@\t\r\n'＝＋－＠")

Row = dict[str, Any]


class FilePortal:
    """Rewrites the whole file for each batch of states, by an atomic rename.

    `manifest.json` names the file, its sequence number, its number of rows and its SHA-256; the previous file
    stays, for a reader that has just opened it. Several processes may write.
    """

    def __init__(self, configuration: Configuration, target: FileTarget) -> None:
        self._folder, self._format = target.folder, target.format
        self._total_s = configuration.limits.total_s
        self._waiting: list[tuple[DesiredState, asyncio.Future[Receipt]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def apply(self, state: DesiredState) -> Receipt:
        """Write the state, together with other states of the same time."""
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((state, receipt))
        if self._writer is None or self._writer.done():
            # A separate task: one caller's cancellation does not stop the others' writing.
            self._writer = asyncio.create_task(self._write_all())
        async with transport.deadline(self._total_s):
            return await receipt

    async def refresh(self) -> None:
        """Do nothing: a folder has no credentials."""

    async def fetch_state(self) -> AsyncIterator[PortalRecord]:
        """Raise CannotReadError: what the portal shows is unknown."""
        raise CannotReadError(
            "What a portal shows cannot be read through the file adapter.",
            hint="Ask the portal's side for a list of what it shows; until then it is unverified.",
        )
        yield

    async def probe(self) -> None:
        """Check that the folder is writable and its files are intact."""
        async with transport.deadline(self._total_s):
            await in_thread(lambda: self._store([]), _THREAD)

    async def aclose(self) -> None:
        """Wait for what is being written; a folder that hangs is left to itself."""
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=self._total_s)
            self._writer.cancel()

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                states = [state for state, _ in batch]
                receipts = await in_thread(partial(self._store, states), _THREAD)
            except (PortalUnavailableError, PortalUnexpectedAnswerError) as error:
                for _, waiting in batch:
                    if not waiting.done():
                        waiting.set_exception(error)
            else:
                for (_, waiting), receipt in zip(batch, receipts, strict=True):
                    if not waiting.done():
                        waiting.set_result(receipt)

    def _store(self, states: Sequence[DesiredState]) -> list[Receipt]:
        started = monotonic()
        try:
            with _locked(self._folder):
                sequence, rows = self._read()
                found = [_merge(rows, state, self._format) for state in states]
                if any(changed for changed, _ in found):
                    self._write(sequence + 1, rows)
        except OSError as error:
            raise PortalUnavailableError(
                f"The folder {self._folder} cannot be used: {type(error).__name__}.",
                hint="Check that it exists (mounted?) and is writable by this user.",
            ) from None
        took = monotonic() - started
        return [
            Receipt(
                "already_newer" if there > (state.epoch, state.version) else "applied",
                there[1],
                None,
                took,
                there[0],
            )
            for state, (_, there) in zip(states, found, strict=True)
        ]

    def _read(self) -> tuple[int, dict[str, Row]]:
        manifest = self._folder / MANIFEST
        if not manifest.exists():
            return 0, {}
        try:
            manifest = json.loads(manifest.read_bytes())
            content = (self._folder / Path(manifest["file"]).name).read_bytes()
            if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
                raise _changed(self._folder)
            rows = _parse(content, Path(manifest["file"]).suffix)
            return int(manifest["sequence"]), {row["peer_mentor_id"]: row for row in rows}
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
        f"The files in {folder} were changed by others.",
        hint="Nothing was overwritten. Move the files away, then replay all: a new file is written.",
    )


def _name(sequence: int, kind: str) -> str:
    return f"peer-mentors-{sequence:09d}.{kind}"


def _merge(rows: dict[str, Row], state: DesiredState, kind: str) -> tuple[bool, tuple[int, int]]:
    """Add a state to the rows unless a newer one is there; return whether they changed, epoch and version."""
    key, ours = str(state.peer_mentor_id), (state.epoch, state.version)
    if key in rows:
        # A file of before epochs has none.
        stored = int(rows[key].get("mentor_epoch") or 0), int(rows[key]["mentor_version"])
        if stored > ours:
            return False, stored
    row = v1.data(state) if kind == "json" else _cells(state)
    changed = rows.get(key) != row
    rows[key] = row
    return changed, ours


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
    """Write a file atomically and durably."""
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
def _locked(folder: Path) -> Iterator[None]:
    """Lock out other processes and threads; the lock ends with the process."""
    with (folder / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
