"""What an inbound message means: which sender is let in, and which rule turns a message into an action."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from mentorcert.portal.config.credentials import HeaderName, HmacAuth
from mentorcert.portal.config.mapping import STRICT, Name, Value
from mentorcert.portal.config.secret import Secret
from mentorcert.portal.contract import inbound as messages
from mentorcert.portal.contract.inbound import Message

ActionName = Literal["renew", "merge", "withdraw_consent"]


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
    """Static query parameters, all of which must be right."""

    model_config = STRICT

    method: Literal["query"]
    parameters: dict[str, Secret] = Field(min_length=1)


InboundAuth = Annotated[InboundHeader | InboundCode | InboundQuery | HmacAuth, Field(discriminator="method")]


class MentorColumn(BaseModel):
    """The column by which a message names a peer mentor, and which of our two numbers stands in it."""

    model_config = STRICT

    column: Name
    holds: Literal["peer_mentor_id", "external_id"] = "external_id"


class Rule(BaseModel):
    """When a message is of this entity and message and its columns have these values: what to do.

    One of the columns named must be among those that the message says were changed.
    `sequence` is a column that grows with each change of the record: a message below the last one is older.
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
        needs = {"renew": {"certification_type", "date_column"}, "merge": {"into"}, "withdraw_consent": set()}
        given = {
            name for name in ("certification_type", "date_column", "into") if getattr(self, name) is not None
        }
        if missing := needs[self.action] - given:
            raise ValueError(f"the action {self.action} needs {' and '.join(sorted(missing))}")
        if surplus := given - needs[self.action]:
            raise ValueError(f"the action {self.action} has no use for {' and '.join(sorted(surplus))}")
        if self.action != "merge" and not self.columns:
            raise ValueError("needs columns: without a condition every change of the record would be meant")
        return self

    def fits(self, message: Message) -> bool:
        """Tell whether the message is what this rule is about."""
        return (
            message.entity == self.entity
            and self.message in {None, message.message}
            and all(_same(message.known.get(name), value) for name, value in self.columns.items())
            and (not self.columns or not message.changed.keys().isdisjoint(self.columns))
        )


def _as_table(value: Any) -> Any:
    return {"set": value} if isinstance(value, str) else value


class Table(BaseModel):
    """Where the records of an entity are read: its entity set, and which of its columns are lookups.

    A plain text in the file is the entity set.
    """

    model_config = STRICT

    set: Name
    lookups: tuple[Name, ...] = ()

    def api_name(self, column: str) -> str:
        """Return a column's name in the Web API, where it is not that of the messages."""
        return f"_{column}_value" if column in self.lookups else column


class Inbound(BaseModel):
    """The inbound side; any one of `auth` lets a sender in, so that secrets can be exchanged one by one.

    `own_users` are the ids of the application users by which we write (of a CloudEvent: sources), and
    `own_columns` those that nobody else writes: both tell an echo of our own writes. `tables` says where the
    record of an entity is read whose message came without contents.
    """

    model_config = STRICT

    auth: tuple[InboundAuth, ...] = Field(min_length=1)
    own_users: tuple[str, ...] = ()
    own_columns: tuple[Name, ...] = ()
    keep_bodies_days: int = Field(30, ge=0)
    tables: dict[Name, Annotated[Table, BeforeValidator(_as_table)]] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len({*names}) < len(names):
            raise ValueError("rules: each has a name of its own")
        return self

    def is_echo(self, message: Message) -> bool:
        """Tell whether the message reports what we wrote ourselves."""
        own = {user.lower() for user in self.own_users}
        return (message.user_id or "").lower() in own or not message.changed.keys().isdisjoint(
            self.own_columns
        )

    def columns_of(self, entity: str) -> frozenset[str]:
        """Return the columns that the rules of an entity need, and that a record can be asked for."""
        return frozenset(
            column
            for rule in self.rules
            if rule.entity == entity and rule.action != "merge"
            for column in (*rule.columns, rule.mentor.column, rule.date_column, rule.sequence)
            if column not in {None, "PrimaryEntityId"}
        )

    def rule_for(self, message: Message) -> Rule | None:
        """Return the first rule that fits."""
        return next((rule for rule in self.rules if rule.fits(message)), None)


@dataclass(frozen=True, slots=True)
class Action:
    """What to do, with all that it takes; `sequence` is None where the message has none."""

    rule: str
    name: ActionName
    peer_mentor_id: UUID | None
    external_id: str | None
    sequence: int | None
    into: str | None = None
    certification_type: str | None = None
    on: date | None = None


def action(rule: Rule, message: Message, zone: ZoneInfo) -> Action | str:
    """Take from a message what its rule needs; or return which column lacks it."""
    peer_mentor_id, external_id = None, messages.text(message.known.get(rule.mentor.column))
    if external_id is not None and rule.mentor.holds == "peer_mentor_id":
        peer_mentor_id, external_id = _uuid(external_id), None
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
        if into is None:
            return f"{rule.into} names nobody"
    sequence = messages.number(message.known.get(rule.sequence)) if rule.sequence else message.version
    return Action(
        rule.name, rule.action, peer_mentor_id, external_id, sequence, into, rule.certification_type, on
    )


def _same(given: Any, wanted: Value) -> bool:
    # True is no 1 here, as it is in Python.
    return type(given) is type(wanted) and given == wanted


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
