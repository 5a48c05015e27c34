"""Messages of the portal and the rules for them, for tests of the inbox."""

import json
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from mentorcert.db.connection import Connection
from mentorcert.portal.config.rules import Inbound
from mentorcert.portal.inbound import inbox
from mentorcert_staging.dataverse_webhooks import DataverseWebhook, render
from tests.support.registry import rows

OWN_USER: Final = UUID("5ca90fb0-3d5c-5f0e-8d9b-000000000001")
RECORD: Final = UUID("5ca90fb0-3d5c-5f0e-8d9b-000000000002")

OLD, NEW = (f"5ca90fb0-3d5c-5f0e-8d9b-00000000000{at}" for at in (3, 4))

RULES: Final[list[dict[str, Any]]] = [
    {
        "name": "course completed",
        "action": "renew",
        "certification_type": "basic",
        "entity": "hlf_course",
        "message": "Update",
        "columns": {"hlf_status": 3},
        "mentor": {"column": "hlf_number"},
        "date_column": "hlf_completedon",
        "sequence": "versionnumber",
    },
    {
        "name": "contact merged",
        "action": "merge",
        "entity": "contact",
        "message": "Merge",
        "mentor": {"column": "SubordinateId", "holds": "record_id"},
        "into": "Target",
    },
    {
        "name": "consent withdrawn",
        "action": "withdraw_consent",
        "entity": "contact",
        "message": "Update",
        "columns": {"hlf_showonlist": False},
        "mentor": {"column": "hlf_number"},
        "sequence": "versionnumber",
    },
]


def inbound(**more: Any) -> Inbound:
    return Inbound.model_validate(
        {
            "auth": [{"method": "code", "value": {"secret": "env:INBOUND_CODE", "expires": "never"}}],
            "own_users": [str(OWN_USER)],
            "own_columns": ["hlf_mentorversion"],
            "rules": RULES,
            **more,
        }
    )


def sent(**webhook: Any) -> bytes:
    """The body of a message as Dataverse sends it."""
    defaults = {"url": "http://unused", "record_id": RECORD}
    return render(DataverseWebhook.model_validate(defaults | webhook))[1]


def completed(on: datetime | str, number: str = "1", *, sequence: int | None = None, **more: Any) -> bytes:
    """A course that was completed on a day."""
    changed = {"hlf_status": 3, "hlf_number": number, "hlf_completedon": on}
    if sequence is not None:
        changed["versionnumber"] = sequence
    return sent(entity="hlf_course", changed=changed, **more)


def withdrawn(number: str = "1", **more: Any) -> bytes:
    """A consent that was withdrawn."""
    return sent(entity="contact", changed={"hlf_showonlist": False}, image={"hlf_number": number}, **more)


def merged(gone: str, stays: str) -> bytes:
    """A contact that was merged into another."""
    reference = "EntityReference:http://schemas.microsoft.com/xrm/2011/Contracts"
    parameters = [
        {"key": "Target", "value": {"__type": reference, "Id": stays, "LogicalName": "contact"}},
        {"key": "SubordinateId", "value": gone},
        {"key": "UpdateContent", "value": {"__type": "Entity:x", "Attributes": [], "LogicalName": "contact"}},
    ]
    return json.dumps(
        {
            "MessageName": "Merge",
            "PrimaryEntityName": "contact",
            "PrimaryEntityId": stays,
            "InitiatingUserId": str(uuid4()),
            "OperationId": str(uuid4()),
            "InputParameters": parameters,
        }
    ).encode()


DEMO: Final = {"demo": inbound()}


def receive(conn: Connection, body: bytes, *, organisation: str = "demo", **more: Any) -> int:
    stored = inbox.store(conn, organisation, body, {"x-ms-dynamics-organization": "staging"}, **more)
    assert stored
    return stored.id


def work(
    conn: Connection, body: bytes, understood: Inbound | None = None, **more: Any
) -> tuple[str, str | None]:
    """Store a message and work it; return its state and the reason."""
    id_ = receive(conn, body, **more)
    assert inbox.work(conn, {"demo": understood} if understood else DEMO) == 1
    return state(conn, id_)


def state(conn: Connection, id_: int) -> tuple[str, str | None]:
    (found,) = rows(conn, "select state, reason from mentorcert_portal.inbox where id = %s", id_)
    return found
