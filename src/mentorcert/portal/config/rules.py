"""The inbound rules: who may send, and which rule turns a message into an action."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from mentorcert.portal.config.credentials import HeaderName, HmacAuth
from mentorcert.portal.config.mapping import STRICT, Name, Value
from mentorcert.portal.config.secret import Secret
from mentorcert.portal.contract import inbound as messages
from mentorcert.portal.contract import values
from mentorcert.portal.contract.inbound import Message

ActionName = Literal["renew", "attend", "merge", "withdraw_consent"]

_MESSAGES: Final = (
    "Create", "Update", "Upsert", "Delete", "Merge", "Assign", "SetState", "SetStateDynamicEntity", "Associate",
    "Disassociate", "CreateMultiple", "UpdateMultiple", "Restore",
)  # fmt: skip
_GUIDS: Final = frozenset({"SubordinateId", "Target", "PrimaryEntityId"})


class InboundHeader(BaseModel):
    """A static secret in a header."""

    model_config = STRICT

    method: Literal["header"]
    name: HeaderName
    value: Secret


class InboundCode(BaseModel):
    """A WebhookKey of Dataverse: `?code=…`."""

    model_config = STRICT

    method: Literal["code"]
    value: Secret


class InboundQuery(BaseModel):
    """Static query parameters, all of which must match."""

    model_config = STRICT

    method: Literal["query"]
    parameters: dict[str, Secret] = Field(min_length=1)


InboundAuth = Annotated[InboundHeader | InboundCode | InboundQuery | HmacAuth, Field(discriminator="method")]


class MentorColumn(BaseModel):
    """The column that identifies a peer mentor, and which id it holds.

    `record_id`: the CRM's own GUID, where the registry's numbers are these GUIDs.
    """

    model_config = STRICT

    column: Name
    holds: Literal["peer_mentor_id", "external_id", "record_id"] = "external_id"


class Rule(BaseModel):
    """An action for messages of this entity and message whose columns have these values.

    At least one of these columns must have been changed by the message. `sequence` is a column that increases
    with each change of the record: a message not above the last one is older.
    """

    model_config = STRICT

    name: str = Field(min_length=1, max_length=100)
    action: ActionName
    entity: str = Field(min_length=1)
    message: str | None = None
    columns: dict[Name, Value] = Field(default_factory=dict)
    mentor: MentorColumn
    into: Name | None = None
    certification_type: str | None = None
    date_column: Name | None = None
    date_only: bool = True
    sequence: Name | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        needs = {
            "renew": {"certification_type", "date_column"},
            "attend": {"certification_type", "date_column"},
            "merge": {"into"},
            "withdraw_consent": set(),
        }
        given = {
            name for name in ("certification_type", "date_column", "into") if getattr(self, name) is not None
        }
        if missing := needs[self.action] - given:
            raise ValueError(f"the action {self.action} needs {' and '.join(sorted(missing))}")
        if surplus := given - needs[self.action]:
            raise ValueError(f"the action {self.action} has no use for {' and '.join(sorted(surplus))}")
        if self.action != "merge" and not self.columns:
            raise ValueError("needs columns: without a condition every change of the record would match")
        return self

    @model_validator(mode="after")
    def _can_match(self) -> Self:
        if re.search(r"[.:/]", self.entity):
            if self.message is not None:
                raise ValueError(
                    f"{self.entity} is the type of a CloudEvent, which has no message: leave it out"
                )
            return self
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.entity):
            raise ValueError(f"entity: Dataverse's logical names are lower case; not {self.entity}")
        if self.message is not None and self.message not in _MESSAGES and "_" not in self.message:
            near = did_you_mean(self.message.capitalize(), _MESSAGES)
            raise ValueError(f"message: Dataverse knows no {self.message}{near}")
        if self.mentor.column in _GUIDS and self.mentor.holds == "external_id":
            raise ValueError(
                f"{self.mentor.column} holds a GUID of the CRM, which is never equal to a member number: say"
                ' holds = "record_id" if the registry\'s numbers are these GUIDs; else leave the rule out, and a'
                " person decides"
            )
        names = (*self.columns, self.mentor.column, self.into, self.date_column, self.sequence)
        if wrong := [name for name in names if name and name not in _GUIDS and name != name.lower()]:
            raise ValueError(
                f"{wrong[0]}: Dataverse's column names are lower case, such as {wrong[0].lower()}"
            )
        return self

    def fits(self, message: Message) -> bool:
        """Return whether the rule matches the message."""
        return (
            message.entity == self.entity
            and self.message in {None, message.message}
            and all(_same(message.known.get(name), value) for name, value in self.columns.items())
            and (not self.columns or not message.changed.keys().isdisjoint(self.columns))
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the question whether another name is meant, empty where none is near."""
    near = get_close_matches(name, [*known], 1, cutoff=0.8)
    return f"; did you mean {near[0]}?" if near else ""


def _as_table(value: Any) -> Any:
    return {"set": value} if isinstance(value, str) else value


class Table(BaseModel):
    """Where the records of an entity are read: its entity set, and which of its columns are lookups.

    A plain string in the file is the entity set.
    """

    model_config = STRICT

    set: Name
    lookups: tuple[Name, ...] = ()

    def api_name(self, column: str) -> str:
        """Return a column's name in the Web API, which may differ from the messages'."""
        return f"_{column}_value" if column in self.lookups else column


class Inbound(BaseModel):
    """The inbound side; any one of `auth` authenticates a sender, so that secrets can be rotated one by one.

    `own_users` are the ids of our application users (of a CloudEvent: sources), `own_columns` the columns
    that only we write: both identify echoes of our own writes. `tables` says where records are read whose
    messages arrived without contents.
    """

    model_config = STRICT

    auth: tuple[InboundAuth, ...] = Field(min_length=1)
    own_users: tuple[str, ...] = ()
    own_columns: tuple[Name, ...] = ()
    keep_bodies_days: int = Field(30, ge=0)
    tables: dict[Name, Annotated[Table, BeforeValidator(_as_table)]] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _entities_are_alike(self) -> Self:
        # Entities differ from portal to portal; but one that is nearly one of the tables is a slip.
        for rule in self.rules:
            if rule.entity not in self.tables and (near := did_you_mean(rule.entity, self.tables)):
                raise ValueError(f"rules: {rule.name}: no table of the file is {rule.entity}{near}")
        return self

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len({*names}) < len(names):
            raise ValueError("rules: each needs its own name")
        return self

    def is_own(self, message: Message) -> bool:
        """Return whether one of our own users made the change."""
        return (message.user_id or "").lower() in {user.lower() for user in self.own_users}

    def touches_own_columns(self, message: Message) -> bool:
        """Return whether a column changed that only we write: an echo, unless a rule fits.

        A form that sends all columns touches ours too, and may withdraw a consent.
        """
        return not message.changed.keys().isdisjoint(self.own_columns)

    def columns_of(self, entity: str) -> frozenset[str]:
        """Return the columns of a record that the rules of an entity need."""
        return frozenset(
            column
            for rule in self.rules
            if rule.entity == entity and rule.action != "merge"
            for column in (*rule.columns, rule.mentor.column, rule.date_column, rule.sequence)
            if column not in {None, "PrimaryEntityId"}
        )

    def may_withdraw(self, entity: str | None) -> bool:
        """Return whether a change of this entity may withdraw a consent."""
        return any(rule.entity == entity and rule.action == "withdraw_consent" for rule in self.rules)

    def rule_for(self, message: Message) -> Rule | None:
        """Return the first rule that matches."""
        return next((rule for rule in self.rules if rule.fits(message)), None)


@dataclass(frozen=True, slots=True)
class Action:
    """An action with its arguments; `sequence` is None where the message has none."""

    rule: str
    name: ActionName
    peer_mentor_id: UUID | None
    external_id: str | None
    sequence: int | None
    into: str | None = None
    certification_type: str | None = None
    on: date | None = None


def action(rule: Rule, message: Message, zone: ZoneInfo) -> Action | str:
    """Return the action of a rule for a message, or which column lacks a value for it."""
    peer_mentor_id, external_id = None, messages.text(message.known.get(rule.mentor.column))
    if external_id is not None and rule.mentor.holds == "peer_mentor_id":
        peer_mentor_id, external_id = values.uuid(external_id), None
    elif rule.mentor.holds == "record_id":
        external_id = _guid(external_id)
    if peer_mentor_id is None and external_id is None:
        return f"{rule.mentor.column} names no peer mentor"
    on = None
    if rule.date_column is not None:
        on = messages.day(message.known.get(rule.date_column), zone, date_only=rule.date_only)
        if on is None:
            return f"{rule.date_column} is no date"
    into = None
    if rule.into is not None:
        into = messages.text(message.known.get(rule.into))
        into = _guid(into) if rule.mentor.holds == "record_id" else into
        if into is None:
            return f"{rule.into} names nobody"
    sequence = messages.number(message.known.get(rule.sequence)) if rule.sequence else message.version
    return Action(
        rule.name, rule.action, peer_mentor_id, external_id, sequence, into, rule.certification_type, on
    )


def _guid(text: str | None) -> str | None:
    found = values.uuid(text)
    return None if found is None else str(found)


def _same(given: Any, wanted: Value) -> bool:
    # True must not equal 1, as it does in Python.
    return type(given) is type(wanted) and given == wanted
