"""An inbound message as it was sent: a RemoteExecutionContext of Dataverse, or a CloudEvent."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_LONGEST_TEXT: Final = 400
_MICROSOFT_DATE: Final = re.compile(r"/Date\((-?\d{1,15})([+-])?(?:(\d{2})(\d{2}))?\)/", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says: of which record, what changed, and all that it tells of the record (`known`).

    `message` is what was done (Create, Update, Merge …; None of a CloudEvent, whose type is the `entity`).
    """

    entity: str | None
    message: str | None
    record_id: str | None
    user_id: str | None = None
    version: int | None = None
    changed: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)


class _Pair(BaseModel):
    key: str
    value: Any = None


class _Image(BaseModel):
    attributes: list[_Pair] = Field(default_factory=list, alias="Attributes")


class _ImagePair(BaseModel):
    key: str
    value: _Image


class _Context(BaseModel):
    """The part of a RemoteExecutionContext that is used; a stripped one has nulls."""

    entity: str | None = Field(None, alias="PrimaryEntityName")
    record_id: str | None = Field(None, alias="PrimaryEntityId")
    message: str = Field(alias="MessageName")
    user_id: str | None = Field(None, alias="InitiatingUserId")
    inputs: list[_Pair] | None = Field(None, alias="InputParameters")
    images: list[_ImagePair] | None = Field(None, alias="PostEntityImages")


class _CloudEvent(BaseModel):
    model_config = ConfigDict(extra="ignore")

    specversion: str = Field(pattern=r"^1\.0$")
    type: str
    source: str
    subject: str | None = None
    sequence: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)


def parse(body: bytes) -> Message | None:
    """Read a body; None where it is not JSON, or of neither form."""
    try:
        given = json.loads(body)
        if not isinstance(given, dict):
            return None
        return _from_cloud_event(given) if "specversion" in given else _from_context(given)
    except (ValueError, ValidationError, RecursionError):
        return None


def day(value: Any, zone: ZoneInfo, *, date_only: bool) -> date | None:
    """Read a date in either of Dataverse's forms, or ISO 8601; None where it is none.

    A date-only column is the day that stands there; any other is an instant, and the day is that of `zone`.
    """
    try:
        found = _MICROSOFT_DATE.fullmatch(value)
        instant = _instant(found) if found else datetime.fromisoformat(value)
        # Without a zone of its own it is the day that stands there.
        return (instant if date_only or instant.tzinfo is None else instant.astimezone(zone)).date()
    except (ValueError, TypeError, OverflowError):
        return None


def _instant(found: re.Match[str]) -> datetime:
    """Read `/Date(ms±hhmm)/`: the milliseconds are UTC, the offset says in which zone they were meant."""
    offset = timedelta(hours=int(found[3] or 0), minutes=int(found[4] or 0))
    meant = timezone(-offset if found[2] == "-" else offset)
    return (_EPOCH + timedelta(milliseconds=int(found[1]))).astimezone(meant)


def text(value: Any) -> str | None:
    """Return a number or a short text as text that a database takes; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT or not value.isprintable():
        return None
    return value


def number(value: Any) -> int | None:
    """Return a sequence, of a number or of digits, within 64 bits; None for anything else."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,19}", value, re.ASCII):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        return None
    return value


def _from_context(given: dict[str, Any]) -> Message:
    context = _Context.model_validate(given)
    changed: dict[str, Any] = {}
    known = {
        name: value for image in context.images or [] for name, value in _columns(image.value.attributes)
    }
    for parameter in context.inputs or []:
        if isinstance(parameter.value, dict) and "Attributes" in parameter.value:
            changed.update(_columns(_Image.model_validate(parameter.value).attributes))
        else:
            # Of a Merge: Target (who stays) and SubordinateId (who goes).
            changed[parameter.key] = _plain(parameter.value)
    known.update(changed)
    known["PrimaryEntityId"] = context.record_id
    return Message(
        text(context.entity),
        text(context.message),
        text(context.record_id),
        text(context.user_id),
        None,
        changed,
        known,
    )


def _from_cloud_event(given: dict[str, Any]) -> Message:
    event = _CloudEvent.model_validate(given)
    return Message(
        entity=text(event.type),
        message=None,
        record_id=text(event.subject),
        user_id=text(event.source),
        version=number(event.sequence),
        changed=event.data,
        known=event.data,
    )


def _columns(pairs: list[_Pair]) -> list[tuple[str, Any]]:
    return [(pair.key, _plain(pair.value)) for pair in pairs]


def _plain(value: Any) -> Any:
    """Take the value out of an OptionSetValue or Money (`Value`) or an EntityReference (`Id`)."""
    if isinstance(value, dict):
        return value.get("Value", value.get("Id"))
    return value
