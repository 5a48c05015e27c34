"""The receiver of our own contract: signature, schema, the receiver's rule; all versions side by side."""

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from mentorcert.errors import SignatureError
from mentorcert.portal.contract import schemas, signature
from mentorcert.portal.contract.message import CONTRACTS
from mentorcert_staging.options import Options
from mentorcert_staging.portal import CurrentPortal
from mentorcert_staging.store import EPOCH, KEY, VERSION, Row

_MEDIA_TYPE: Final = "application/cloudevents+json"

router = APIRouter()


class RefusedError(Exception):
    """A refused message, with its answer."""

    def __init__(self, status: int, error: str, problems: list[str] | None = None) -> None:
        """Take the status, what is wrong, and the violations of the schema."""
        super().__init__(error)
        self.status = status
        self.answer = {"error": error} | ({"problems": problems} if problems else {})

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(self.answer, self.status)


@router.post("/webhook")
async def webhook(request: Request, portal: CurrentPortal) -> dict[str, Any]:
    """Receive one message; an older or equal version is answered 200 too, and ignored."""
    body = await request.body()
    try:
        message_id = signature.verify(request.headers, body, portal.keys, datetime.now(UTC))
    except SignatureError as error:
        raise RefusedError(401, str(error)) from None
    if not has_key(portal.options, request):
        raise RefusedError(401, "The key is missing or wrong.")
    if request.headers.get("content-type", "").partition(";")[0].strip() != _MEDIA_TYPE:
        raise RefusedError(415, f"The content type is not {_MEDIA_TYPE}.")
    outcome, epoch, version = portal.store.receive(_changes(body), message_id)
    return {"outcome": outcome, "mentor_version": version, "mentor_epoch": epoch}


def has_key(options: Options, request: Request) -> bool:
    """Return whether the request has the API key, if one is required."""
    if options.api_key is None:
        return True
    given = request.headers.get("x-api-key") or request.query_params.get("code", "")
    return hmac.compare_digest(given.encode(), options.api_key.encode())


def _changes(body: bytes) -> Row:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "The body is not JSON.") from None
    if isinstance(event, dict) and event.get("type") not in READERS:
        raise RefusedError(400, "The type is not known.")
    if problems := schemas.problems(event):
        raise RefusedError(422, "The message does not follow its schema.", problems)
    return READERS[event["type"]](event["data"])


def _v1(data: dict[str, Any]) -> Row:
    return {
        KEY: data["peer_mentor_id"],
        "hlf_externalid": data["external_id"],
        "hlf_organisation": data["organisation"],
        VERSION: data["mentor_version"],
        EPOCH: data.get("mentor_epoch", 0),
        "hlf_status": data["status"],
        "hlf_listed": data["listed"],
        "hlf_listeduntil": data["listed_until"],
        "hlf_effectiveat": data["effective_at"],
        "certifications": {one["certification_type"]: one for one in data["certifications"]},
    }


READERS: Final[dict[str, Callable[[dict[str, Any]], Row]]] = {CONTRACTS["v1"].event_type: _v1}
"""How the data of each version of the contract become a row."""
