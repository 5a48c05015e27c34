"""Webhooks as Dataverse sends them: the RemoteExecutionContext of a change, stripped where it is large."""

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
_TRIED_AGAIN: Final = frozenset({502, 503, 504})
_STRIPPED: Final = ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages")
_ENTITY: Final = "Entity:http://schemas.microsoft.com/xrm/2011/Contracts"
_NOBODY: Final = UUID(int=0)

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _read_instant(value: object) -> object:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return datetime.fromisoformat(value)
    return value


Value = Annotated[datetime | bool | int | float | str | None, BeforeValidator(_read_instant)]


class Emission(BaseModel):
    """One change in the portal, and whom to tell. Columns that hold ISO 8601 instants are sent as dates.

    `headers` and `query` carry the static secret. `date_offset`, like `+0200`, chooses the longer date form.
    `stripped` None: as Dataverse does, above 256 KB.
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
async def emit(emission: Emission) -> dict[str, list[int | str]]:
    """Send a webhook and show what came of each attempt: a status, or why there was none."""
    return {"attempts": await send(emission)}


async def send(emission: Emission) -> list[int | str]:
    """Send it as Dataverse does: within 60 s, and once more after 502, 503 or 504 only."""
    headers, content = render(emission)
    attempts = list[int | str]()
    async with httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
        for _ in range(2):
            try:
                answer = await client.post(
                    emission.url, params=emission.query, headers=headers, content=content
                )
            except httpx2.HTTPError as error:
                attempts.append(type(error).__name__)
                break
            attempts.append(answer.status_code)
            if answer.status_code not in _TRIED_AGAIN:
                break
    return attempts


def render(emission: Emission) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body."""
    context = remote_execution_context(emission)
    content = httpx2.Request("POST", emission.url, json=context).content
    headers = {
        "content-type": "application/json",
        "x-ms-dynamics-organization": emission.organisation,
        "x-ms-dynamics-entity-name": emission.entity,
        "x-ms-dynamics-request-name": emission.message,
        "x-ms-correlation-request-id": str(emission.correlation_id),
        **emission.headers,
    }
    if emission.stripped or (emission.stripped is None and len(content) > LARGEST_BYTES):
        headers["x-ms-dynamics-msg-size-exceeded"] = "true"
        kept = {name: value for name, value in context.items() if name not in _STRIPPED}
        content = httpx2.Request("POST", emission.url, json=kept).content
    return headers, content


def remote_execution_context(emission: Emission) -> dict[str, Any]:
    """Return the context of the change; its collections are arrays of key and value, as .NET writes them."""
    record = str(emission.record_id)
    target = _entity(emission, emission.changed)
    return {
        "BusinessUnitId": str(_NOBODY),
        "CorrelationId": str(emission.correlation_id),
        "Depth": 1,
        "InitiatingUserAzureActiveDirectoryObjectId": str(_NOBODY),
        "InitiatingUserId": str(emission.user_id),
        "InputParameters": [{"key": "Target", "value": target}],
        "IsExecutingOffline": False,
        "IsInTransaction": False,
        "IsOfflinePlayback": False,
        "IsolationMode": 1,
        "MessageName": emission.message,
        "Mode": 1,
        "OperationCreatedOn": to_dataverse(emission.created_at or datetime.now(UTC), "+0000"),
        "OperationId": str(uuid4()),
        "OrganizationId": str(_NOBODY),
        "OrganizationName": emission.organisation,
        "OutputParameters": [],
        "OwningExtension": {
            "Id": str(_NOBODY),
            "KeyAttributes": [],
            "LogicalName": "sdkmessageprocessingstep",
            "Name": None,
            "RowVersion": None,
        },
        "ParentContext": None,
        "PostEntityImages": _image(emission),
        "PreEntityImages": [],
        "PrimaryEntityId": record,
        "PrimaryEntityName": emission.entity,
        "RequestId": str(uuid4()),
        "SecondaryEntityName": "none",
        "SharedVariables": [],
        "Stage": 40,
        "UserId": str(emission.user_id),
    }


def to_dataverse(at: datetime, offset: str = "") -> str:
    """Return `/Date(ms)/`, or `/Date(ms±hhmm)/` with an offset; what is below 1 ms is lost."""
    return f"/Date({(at - _EPOCH) // timedelta(milliseconds=1)}{offset})/"


def _image(emission: Emission) -> list[dict[str, Any]]:
    if not emission.image:
        return []
    return [{"key": "image", "value": _entity(emission, emission.image)}]


def _entity(emission: Emission, columns: dict[str, Value]) -> dict[str, Any]:
    def plain(value: Value) -> Any:
        return to_dataverse(value, emission.date_offset) if isinstance(value, datetime) else value

    return {
        "__type": _ENTITY,
        "Attributes": [{"key": name, "value": plain(value)} for name, value in columns.items()],
        "EntityState": None,
        "FormattedValues": [],
        "Id": str(emission.record_id),
        "KeyAttributes": [],
        "LogicalName": emission.entity,
        "RelatedEntities": [],
        "RowVersion": None,
    }
