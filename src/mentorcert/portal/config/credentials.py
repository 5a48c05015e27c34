"""Our credentials: a static header, a query key, a signature, or an OAuth 2 token."""

from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, model_validator

from mentorcert.portal.config.mapping import STRICT
from mentorcert.portal.config.secret import Secret


def _is_safe_url(text: str) -> str:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise ValueError("must be a URL") from None
    if not url.hostname or url.scheme not in {"https", "http"}:
        raise ValueError("must be a URL that begins with https://")
    if url.username is not None or url.query or url.fragment:
        raise ValueError("must have no user, query or fragment: credentials belong under [[auth]]")
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise ValueError("must begin with https://; plain http is for this machine itself (loopback) only")
    return text


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_header(text: str) -> str:
    if not text or not all(c.isascii() and (c.isalnum() or c in "-_") for c in text):
        raise ValueError("must be the name of an HTTP header")
    return text


Url = Annotated[str, AfterValidator(_is_safe_url)]
HeaderName = Annotated[str, AfterValidator(_is_header)]


class HeaderAuth(BaseModel):
    """A static header; `prefix` is for `Authorization: Bearer …`."""

    model_config = STRICT

    method: Literal["header"]
    name: HeaderName
    prefix: str = ""
    value: Secret


class QueryAuth(BaseModel):
    """A key in the query of each request."""

    model_config = STRICT

    method: Literal["query"]
    name: str = Field(min_length=1)
    value: Secret


class HmacAuth(BaseModel):
    """The signature of Standard Webhooks; two keys during rotation, the newer first."""

    model_config = STRICT

    method: Literal["hmac"]
    keys: tuple[Secret, ...] = Field(min_length=1, max_length=2)


class OAuth2Auth(BaseModel):
    """OAuth 2 client credentials at any token endpoint."""

    model_config = STRICT

    method: Literal["oauth2"]
    token_url: Url
    client_id: str = Field(min_length=1)
    client_secret: Secret
    scope: str | None = None


class EntraAuth(BaseModel):
    """OAuth 2 client credentials of Microsoft Entra ID, by secret or by certificate.

    The certificate is one PEM text: the private key and the certificate that is registered for the app.
    """

    model_config = STRICT

    method: Literal["entra"]
    tenant: str = Field(pattern=r"^[A-Za-z0-9.-]+$")
    client_id: str = Field(min_length=1)
    client_secret: Secret | None = None
    certificate: Secret | None = None
    authority: Url = "https://login.microsoftonline.com"
    scope: str | None = None

    @model_validator(mode="after")
    def _has_one_credential(self) -> Self:
        if (self.client_secret is None) == (self.certificate is None):
            raise ValueError("needs client_secret or certificate, and not both")
        return self


Auth = Annotated[
    HeaderAuth | QueryAuth | HmacAuth | OAuth2Auth | EntraAuth,
    Field(discriminator="method"),
]
