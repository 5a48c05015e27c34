"""Webhooks as Dataverse sends them: the RemoteExecutionContext of a change, stripped if large."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import httpx2
from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

LARGEST_BYTES: Final = 256 * 1024
TIMEOUT_S: Final = 60.0

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RETRIED: Final = frozenset({502, 503, 504})
_STRIPPED: Final = ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages")
_ENTITY: Final = "Entity:http://schemas.microsoft.com/xrm/2011/Contracts"
_NOBODY: Final = UUID(int=0)

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _read_instant(value: object) -> object:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return datetime.fromisoformat(value)
    return value


Value = Annotated[datetime | bool | int | float | str | None, BeforeValidator(_read_instant)]


class DataverseWebhook(BaseModel):
    """One change in the portal, and the receiver. ISO 8601 instants are sent as Dataverse dates.

    `headers` and `query` carry the static secret. `date_offset`, like `+0200`, selects the longer date form.
    `stripped` None: above 256 KB, as Dataverse does.
    """

    model_config = ConfigDict(extra="forbid")

    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    query: dict[str, str] = Field(default_factory=dict)
    message: str = "Update"
    entity: str = "contact"
    record_id: UUID
    changed: dict[str, Value] = Field(default_factory=dict)
    image: dict[str, Value] = Field(default_factory=dict)
    user_id: UUID = _NOBODY
    created_at: AwareDatetime | None = None
    date_offset: str = Field("", pattern=r"^([+-]\d{4})?$")
    correlation_id: UUID = Field(default_factory=uuid4)
    organisation: str = "staging"
    stripped: bool | None = None


router = APIRouter()


@router.post("/emit")
async def send_webhook(webhook: DataverseWebhook) -> dict[str, list[int | str]]:
    """Send a webhook; return the result of each attempt: a status, or the error's name."""
    return {"attempts": await send(webhook)}


async def send(webhook: DataverseWebhook) -> list[int | str]:
    """Send it as Dataverse does: with a timeout of 60 s, and one retry after 502, 503 or 504 only."""
    headers, content = render(webhook)
    attempts = list[int | str]()
    async with httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
        for _ in range(2):
            try:
                answer = await client.post(
                    webhook.url, params=webhook.query, headers=headers, content=content
                )
            except httpx2.HTTPError as error:
                attempts.append(type(error).__name__)
                break
            attempts.append(answer.status_code)
            if answer.status_code not in _RETRIED:
                break
    return attempts


def render(webhook: DataverseWebhook) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body."""
    context = remote_execution_context(webhook)
    content = httpx2.Request("POST", webhook.url, json=context).content
    headers = {
        "content-type": "application/json",
        "x-ms-dynamics-organization": webhook.organisation,
        "x-ms-dynamics-entity-name": webhook.entity,
        "x-ms-dynamics-request-name": webhook.message,
        "x-ms-correlation-request-id": str(webhook.correlation_id),
        **webhook.headers,
    }
    if webhook.stripped or (webhook.stripped is None and len(content) > LARGEST_BYTES):
        headers["x-ms-dynamics-msg-size-exceeded"] = "true"
        kept = {name: value for name, value in context.items() if name not in _STRIPPED}
        content = httpx2.Request("POST", webhook.url, json=kept).content
    return headers, content


def remote_execution_context(webhook: DataverseWebhook) -> dict[str, Any]:
    """Return the context of the change; its collections are arrays of key and value, as in .NET."""
    record = str(webhook.record_id)
    target = _entity(webhook, webhook.changed)
    return {
        "BusinessUnitId": str(_NOBODY),
        "CorrelationId": str(webhook.correlation_id),
        "Depth": 1,
        "InitiatingUserAzureActiveDirectoryObjectId": str(_NOBODY),
        "InitiatingUserId": str(webhook.user_id),
        "InputParameters": [{"key": "Target", "value": target}],
        "IsExecutingOffline": False,
        "IsInTransaction": False,
        "IsOfflinePlayback": False,
        "IsolationMode": 1,
        "MessageName": webhook.message,
        "Mode": 1,
        "OperationCreatedOn": to_dataverse(webhook.created_at or datetime.now(UTC), "+0000"),
        "OperationId": str(uuid4()),
        "OrganizationId": str(_NOBODY),
        "OrganizationName": webhook.organisation,
        "OutputParameters": [],
        "OwningExtension": {
            "Id": str(_NOBODY),
            "KeyAttributes": [],
            "LogicalName": "sdkmessageprocessingstep",
            "Name": None,
            "RowVersion": None,
        },
        "ParentContext": None,
        "PostEntityImages": _image(webhook),
        "PreEntityImages": [],
        "PrimaryEntityId": record,
        "PrimaryEntityName": webhook.entity,
        "RequestId": str(uuid4()),
        "SecondaryEntityName": "none",
        "SharedVariables": [],
        "Stage": 40,
        "UserId": str(webhook.user_id),
    }


def to_dataverse(at: datetime, offset: str = "") -> str:
    """Return `/Date(ms)/`, or `/Date(ms±hhmm)/` with an offset; rounded down to 1 ms."""
    return f"/Date({(at - _EPOCH) // timedelta(milliseconds=1)}{offset})/"


def _image(webhook: DataverseWebhook) -> list[dict[str, Any]]:
    if not webhook.image:
        return []
    return [{"key": "image", "value": _entity(webhook, webhook.image)}]


def _entity(webhook: DataverseWebhook, columns: dict[str, Value]) -> dict[str, Any]:
    def plain(value: Value) -> Any:
        return to_dataverse(value, webhook.date_offset) if isinstance(value, datetime) else value

    return {
        "__type": _ENTITY,
        "Attributes": [{"key": name, "value": plain(value)} for name, value in columns.items()],
        "EntityState": None,
        "FormattedValues": [],
        "Id": str(webhook.record_id),
        "KeyAttributes": [],
        "LogicalName": webhook.entity,
        "RelatedEntities": [],
        "RowVersion": None,
    }
