"""Reads from PostgreSQL's csvlog (log_statement = 'all', or pgaudit) who named which ids."""

import csv
import io
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from mentorcert.access import statements
from mentorcert.access.access_log import Coverage, Named, Outcome
from mentorcert.access.model import Actor
from mentorcert.access.statements import Parameters, Setting, Statement
from mentorcert.errors import LogFileError
from mentorcert.progress import Progress, silent

_COLUMNS: Final = range(23, 27)
"""23 before PostgreSQL 13, 24 in 13, 26 since 14; what is new stands at the end."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \S+$")
_STATEMENT: Final = re.compile(
    r"(?:duration: [\d.]+ ms  )?(?:statement|execute (?:fetch from )?[^:]+): (.*)", re.DOTALL
)
_PARAMETER: Final = re.compile(r"\$(\d+) = (?:NULL|'((?:[^']|'')*)')")
_OPEN_SESSIONS: Final = 10_000
_REPORTED_EVERY: Final = 5_000
_EVERY_FIELD: Final = 2**31 - 1
_FAILED: Final = frozenset({"ERROR", "FATAL", "PANIC"})


@dataclass(frozen=True, slots=True)
class _Line:
    """The columns that matter."""

    number: int
    at: str
    session: str
    transaction: str
    severity: str
    message: str
    detail: str


@dataclass(slots=True)
class _Evidence:
    """What is known of an id that somebody named in a transaction; pgaudit knows best."""

    line: _Line
    outcome: Outcome = "unknown"
    rank: int = 0
    """0: by the statement; 1: by pgaudit; 2: by pgaudit, for a table by name."""

    def add(self, outcome: Outcome, rank: int) -> None:
        order: tuple[Outcome, ...] = ("none", "unknown", "rows")
        if rank >= self.rank:
            self.outcome = max(self.outcome, outcome, key=order.index) if rank == self.rank else outcome
            self.rank = rank


@dataclass(slots=True)
class _Session:
    """One session: its settings, and the transaction that is open or was the last."""

    settings: dict[str, str] = field(default_factory=dict)
    actor: Actor | None = None
    transaction: str = ""
    local_settings: dict[str, str] = field(default_factory=dict)
    is_a_users: bool = False
    named: dict[UUID, dict[Actor, _Evidence]] = field(default_factory=dict)
    last_named: list[_Evidence] = field(default_factory=list)

    def set(self, setting: Setting) -> None:
        if setting.name == "all":
            self.settings.clear()
            self.local_settings.clear()
        elif setting.is_local:
            self.local_settings[setting.name] = setting.value
        else:
            self.settings[setting.name] = setting.value
            self.local_settings.pop(setting.name, None)
        self._find_actor()

    def end(self) -> Iterator[Named]:
        """Yield what was named in the transaction, and forget it."""
        for row_id, by_actor in self.named.items():
            for actor, evidence in by_actor.items():
                place = f"line {evidence.line.number}"
                yield Named(evidence.line.at, actor.user_id, row_id, evidence.outcome, place)
        self.named, self.last_named, self.is_a_users = {}, [], False
        if self.local_settings:
            self.local_settings = {}
            self._find_actor()

    def _find_actor(self) -> None:
        self.actor = statements.actor({**self.settings, **self.local_settings})


def read(
    path: Path, objects: frozenset[str], coverage: Coverage, *, progress: Progress = silent
) -> Iterator[Named]:
    """Yield which ids users named in statements that mention `objects`; memory does not grow with the file.

    `coverage` is filled meanwhile. Raises LogFileError where the file is no csvlog, or has no statements.
    """
    sessions: OrderedDict[str, _Session] = OrderedDict()
    statements_seen = 0
    for line in _lines(path, coverage, progress):
        session = sessions.setdefault(line.session, _Session())
        sessions.move_to_end(line.session)
        # A ROLLBACK of a failed transaction, for one, is logged without a transaction.
        if line.transaction not in {"", session.transaction} and not line.transaction.endswith("/0"):
            yield from session.end()
            session.transaction = line.transaction
        statements_seen += _take(session, line, objects, coverage)
        if len(sessions) > _OPEN_SESSIONS:
            yield from sessions.popitem(last=False)[1].end()
    for session in sessions.values():
        yield from session.end()
    if not statements_seen:
        raise LogFileError(
            f"{path}: there is no statement in this log, so it shows nothing.",
            hint="Set log_statement = 'all' or load pgaudit; see docs/operations.md on the audit.",
        )


def _take(session: _Session, line: _Line, objects: frozenset[str], coverage: Coverage) -> bool:
    """Note what the line says; return whether it is of a statement."""
    written = _STATEMENT.match(line.message)
    is_audit = line.message.startswith("AUDIT: ")
    if is_audit:
        _audit(session, line, objects)
    elif written:
        _statement(session, line, written[1], objects, coverage)
    elif line.severity in _FAILED:
        for evidence in session.last_named:
            evidence.outcome = evidence.outcome if evidence.rank else "none"
    if session.actor is not None and not session.is_a_users:
        session.is_a_users = True
        coverage.requests += 1
    return is_audit or written is not None


def _statement(
    session: _Session, line: _Line, text: str, objects: frozenset[str], coverage: Coverage
) -> None:
    parameters = {
        int(number): content.replace("''", "'") for number, content in _PARAMETER.findall(line.detail)
    }
    statement = statements.read(text, parameters, objects)
    coverage.without_parameters += "$1" in text and not line.detail
    for setting in statement.settings:
        session.set(setting)
    session.last_named = []
    actor = session.actor
    if actor is not None and not statements.is_public(statement.objects):
        for row_id in statement.ids:
            by_actor = session.named.setdefault(row_id, {})
            if actor not in by_actor:
                by_actor[actor] = _Evidence(line)
                session.last_named.append(by_actor[actor])


def _audit(session: _Session, line: _Line, objects: frozenset[str]) -> None:
    match next(csv.reader(io.StringIO(line.message.removeprefix("AUDIT: "), newline="")), []):
        case [_, _, _, "READ" | "WRITE", _, _, name, text, parameters, *rows]:
            statement = statements.read(text, _audited_parameters(parameters), objects)
        case _:
            return
    for setting in statement.settings:
        session.set(setting)
    touched = objects.intersection({name.rpartition(".")[2]}) if name else statement.objects
    if statements.is_public(touched):
        return
    for row_id in statement.ids:
        # Written when the statement ends, which may be after the next one has begun to act for somebody else.
        by_actor = session.named.setdefault(row_id, {})
        if not by_actor and session.actor is not None:
            by_actor[session.actor] = _Evidence(line)
        for evidence in by_actor.values():
            evidence.add(_outcome(rows[0] if rows else "", statement), 2 if name else 1)


def _audited_parameters(text: str) -> Parameters:
    return dict(enumerate(next(csv.reader(io.StringIO(text, newline="")), []), start=1))


def _outcome(rows: str, statement: Statement) -> Outcome:
    if rows == "0":
        return "none"
    return "rows" if rows.isdigit() and statement.shows_rows else "unknown"


def _lines(path: Path, coverage: Coverage, progress: Progress) -> Iterator[_Line]:
    csv.field_size_limit(_EVERY_FIELD)
    size = path.stat().st_size
    with path.open("rb") as file:
        records = csv.reader(io.TextIOWrapper(file, "utf-8", errors="replace", newline=""))
        first_line = 1
        try:
            for columns in records:
                if len(columns) not in _COLUMNS or not _TIME.match(columns[0]):
                    if coverage.records and file.tell() == size and next(records, None) is None:
                        coverage.is_cut_off = True
                        break
                    raise _no_csvlog(path, first_line)
                coverage.records += 1
                if coverage.records % _REPORTED_EVERY == 0:
                    progress("bytes read", file.tell(), size)
                yield _Line(
                    first_line, columns[0], columns[5], columns[9], columns[11], columns[13], columns[14]
                )
                first_line = records.line_num + 1
        except csv.Error:
            raise _no_csvlog(path, first_line) from None
    progress("bytes read", size, size)


def _no_csvlog(path: Path, line: int) -> LogFileError:
    return LogFileError(
        f"{path}, line {line}: this is no line of PostgreSQL's csvlog, which begins with a time and has "
        f"{_COLUMNS[0]} to {_COLUMNS[-1]} columns.",
        hint="Give the .csv file that log_destination = 'csvlog' writes, as it is.",
    )
