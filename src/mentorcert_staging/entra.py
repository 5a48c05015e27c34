"""The token endpoint of Entra ID: OAuth 2 client credentials, by secret or by certificate."""

import hmac
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

import jwt
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from mentorcert_staging.options import Options
from mentorcert_staging.portal import Lent

_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

router = APIRouter()


@router.get("/{tenant}/v2.0/.well-known/openid-configuration")
async def discovery(tenant: str, request: Request) -> dict[str, str]:
    """Lead a client to the token endpoint."""
    base = str(request.base_url)
    return {
        "issuer": f"{base}{tenant}/v2.0",
        "authorization_endpoint": f"{base}{tenant}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}{tenant}/oauth2/v2.0/token",
    }


@router.post("/{tenant}/oauth2/v2.0/token")
async def token(tenant: str, request: Request, portal: Lent) -> JSONResponse:
    """Issue a token to the one client that is known."""
    asked = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    if asked.get("grant_type") != "client_credentials":
        return _refusal("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
    if not asked.get("scope", "").endswith("/.default"):
        return _refusal("invalid_scope", 70011, "The value for the input parameter 'scope' is not valid.")
    if not _knows(portal.options, asked, f"{request.base_url}{tenant}/oauth2/v2.0/token"):
        return _refusal("invalid_client", 7000215, "Invalid client secret provided.", 401)
    lifetime_s = portal.tokens.lifetime_s
    answer = {"token_type": "Bearer", "expires_in": lifetime_s, "ext_expires_in": lifetime_s}
    return JSONResponse(
        answer | {"access_token": portal.tokens.issue()}, headers={"cache-control": "no-store"}
    )


def _knows(options: Options, asked: dict[str, str], audience: str) -> bool:
    if not hmac.compare_digest(asked.get("client_id", "").encode(), options.client_id.encode()):
        return False
    if asked.get("client_assertion_type") == _ASSERTION and options.client_public_key is not None:
        return _signed(
            asked.get("client_assertion", ""), options.client_public_key, options.client_id, audience
        )
    return hmac.compare_digest(asked.get("client_secret", "").encode(), options.client_secret.encode())


def _signed(assertion: str, public_key: str, client_id: str, audience: str) -> bool:
    try:
        claims: dict[str, Any] = jwt.decode(
            assertion, public_key, algorithms=["RS256", "PS256"], audience=audience
        )
    except jwt.InvalidTokenError:
        return False
    return claims.get("iss") == claims.get("sub") == client_id


def _refusal(error: str, code: int, text: str, status: int = 400) -> JSONResponse:
    answer = {
        "error": error,
        "error_description": f"AADSTS{code}: {text}",
        "error_codes": [code],
        "correlation_id": str(uuid4()),
    }
    return JSONResponse(answer, status)
