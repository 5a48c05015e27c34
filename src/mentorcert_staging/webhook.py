"""The receiving end of our own contract: signature, schema, the receiver's rule; versions side by side."""

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
from mentorcert_staging.portal import Lent
from mentorcert_staging.store import KEY, VERSION, Row

_MEDIA_TYPE: Final = "application/cloudevents+json"

router = APIRouter()


class RefusedError(Exception):
    """A message that is not taken, with the answer to it."""

    def __init__(self, status: int, error: str, problems: list[str] | None = None) -> None:
        """Take the status, what is wrong, and where the schema is broken."""
        super().__init__(error)
        self.status = status
        self.answer = {"error": error} | ({"problems": problems} if problems else {})

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(self.answer, self.status)


@router.post("/webhook")
async def webhook(request: Request, portal: Lent) -> dict[str, Any]:
    """Take one message; an older or equal version is answered 200 too, and ignored."""
    body = await request.body()
    try:
        message_id = signature.verify(request.headers, body, portal.keys, datetime.now(UTC))
    except SignatureError as error:
        raise RefusedError(401, str(error)) from None
    if not has_key(portal.options, request):
        raise RefusedError(401, "The key is missing or wrong.")
    if request.headers.get("content-type", "").partition(";")[0].strip() != _MEDIA_TYPE:
        raise RefusedError(415, f"The content type is not {_MEDIA_TYPE}.")
    outcome, version = portal.store.receive(_changes(body), message_id)
    return {"outcome": outcome, "mentor_version": version}


def has_key(options: Options, request: Request) -> bool:
    """Say whether the request has the API key, if one is asked for."""
    if options.api_key is None:
        return True
    given = request.headers.get("x-api-key") or request.query_params.get("code", "")
    return hmac.compare_digest(given.encode(), options.api_key.encode())


def _changes(body: bytes) -> Row:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "The body is not JSON.") from None
    if isinstance(event, dict) and event.get("type") not in _READERS:
        raise RefusedError(400, "The type is not known.")
    if problems := schemas.problems(event):
        raise RefusedError(422, "The message does not follow its schema.", problems)
    return _READERS[event["type"]](event["data"])


def _v1(data: dict[str, Any]) -> Row:
    return {
        KEY: data["peer_mentor_id"],
        "hlf_externalid": data["external_id"],
        "hlf_organisation": data["organisation"],
        VERSION: data["mentor_version"],
        "hlf_status": data["status"],
        "hlf_listed": data["listed"],
        "hlf_listeduntil": data["listed_until"],
        "hlf_effectiveat": data["effective_at"],
        "certifications": {one["certification_type"]: one for one in data["certifications"]},
    }


def _v2(data: dict[str, Any]) -> Row:
    listing = data["listing"]
    return {
        KEY: data["peer_mentor"]["id"],
        "hlf_externalid": data["peer_mentor"]["external_id"],
        "hlf_organisation": data["organisation"],
        VERSION: data["mentor_version"],
        "hlf_status": data["status"],
        "hlf_listed": listing is not None,
        "hlf_listeduntil": listing and listing["until"],
        "hlf_effectiveat": data["effective_at"],
        "certifications": data["certifications"],
    }


_READERS: Final[dict[str, Callable[[dict[str, Any]], Row]]] = {
    CONTRACTS["v1"].event_type: _v1,
    CONTRACTS["v2"].event_type: _v2,
}
