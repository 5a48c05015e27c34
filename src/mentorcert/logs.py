"""JSON logs, one line per event on stderr, without personal data."""

import json
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, TextIO

_LOGGER: Final = logging.getLogger("mentorcert")
_PERSONAL: Final = frozenset({"name", "full_name", "display_name", "email", "phone"})

Field = str | int | float | bool | None

_process: dict[str, Field] = {}
_BOUND: Final[ContextVar[dict[str, Field]]] = ContextVar("bound")


class _JsonLine(logging.Formatter):
    """One JSON object a line; of an exception only its type, since its text may quote a row."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Field] = getattr(record, "fields", {})
        line: dict[str, Field] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **({} if record.name == _LOGGER.name else {"logger": record.name}),
            **_process,
            **_BOUND.get({}),
            **fields,
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is when the event comes; what it was at the start may be closed by then."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def configure(level: str) -> None:
    """Log events of `level` and above, and the warnings of libraries, to stderr; may be called again."""
    root = logging.getLogger()
    if not any(isinstance(handler, _Stderr) for handler in root.handlers):
        handler = _Stderr()
        handler.setFormatter(_JsonLine())
        root.addHandler(handler)
    _LOGGER.setLevel(level)
    # Below warnings, libraries write down statements, headers and addresses with their values.
    root.setLevel(max(logging.WARNING, _LOGGER.level))
    logging.captureWarnings(capture=True)


def identify(service: str, version: str) -> None:
    """Have every line say from which process it is."""
    _process.update(service=service, version=version, host=socket.gethostname())


@contextmanager
def bound(**fields: Field) -> Iterator[None]:
    """Have every event of the block, also in threads that it waits for, carry these facts."""
    token = _BOUND.set({**_BOUND.get({}), **fields})
    try:
        yield
    finally:
        _BOUND.reset(token)


def of_database(name: str) -> AbstractContextManager[None]:
    """Have every event of the block say of which of several databases it is; of an only one, without a name, nothing."""
    return bound(database=name) if name else nullcontext()


def event(
    name: str, *, level: int = logging.INFO, error: BaseException | None = None, **fields: Field
) -> None:
    """Log one event with its facts: ids, counts, seconds; raises ValueError for a field of personal data."""
    if personal := _PERSONAL & fields.keys():
        raise ValueError(f"personal data does not belong in the log: {', '.join(sorted(personal))}")
    _LOGGER.log(level, name, exc_info=error, extra={"fields": fields})
