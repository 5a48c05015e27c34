"""HTTP to a portal, strict about TLS, redirects, proxies, size and time; every failure is a PortalError."""

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, NoReturn
from urllib.parse import urljoin, urlsplit

import httpx2

from mentorcert.errors import (
    PortalConfigurationError,
    PortalError,
    PortalRejectedError,
    PortalUnauthorisedError,
    PortalUnavailableError,
    PortalUnexpectedAnswerError,
)
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.http import diagnosis
from mentorcert.portal.http.threads import Resolving

LARGEST_ANSWER: Final = 1_048_576
LONGEST_RETRY_AFTER_S: Final = 6 * 3600.0

_LONGEST_LINK: Final = 8192
_JSON: Final = re.compile(r"(application|text)/([a-z0-9.-]+\+)?json")
# Of a server that answers in plain text; anything else may say that something is wrong.
_PLAIN_YES: Final = frozenset({"ok", "accepted", "received", "success", "true", "1"})
_SUCCESS: Final = frozenset({200, 201, 202, 203, 204, 205, 208})
_OF_A_PART: Final = frozenset({206, 207, 226})
_LATER: Final = frozenset({408, 425, 429})

# httpx2 logs whole URLs at INFO, with query keys in them.
logging.getLogger("httpx2").addFilter(lambda _record: False)


class _BoundedStream(httpx2.AsyncByteStream):
    """A response body that raises an error where it is too large."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > LARGEST_ANSWER:
                raise PortalUnexpectedAnswerError(
                    f"The portal's answer is larger than {LARGEST_ANSWER} bytes."
                )
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _BoundedTransport(httpx2.AsyncHTTPTransport):
    """Limits the size of every response, also of those that httpx2 reads itself; looks up names by itself."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # httpx2 has no option for it.
        self._pool._network_backend = Resolving(self._pool._network_backend)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _BoundedStream(response.stream)
        if response.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
            await response.aclose()
            # A few compressed bytes can decompress to gigabytes.
            raise PortalUnexpectedAnswerError(
                "The portal's answer is compressed, which was not requested.",
                http_status=response.status_code,
            )
        return response


def trust(configuration: Configuration) -> ssl.SSLContext:
    """Return the trusted authorities: the operating system's, or those of the connection's own file."""
    if configuration.ca_file is None:
        return httpx2.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=str(configuration.ca_file))
    except OSError as error:
        raise PortalConfigurationError(
            f"ca_file {configuration.ca_file} cannot be used: {type(error).__name__}.",
            hint="Give a PEM file with the authority's certificate.",
        ) from None


def client(configuration: Configuration, auth: httpx2.Auth | None = None) -> httpx2.AsyncClient:
    """Return a client for the connection; environment variables do not affect proxies or trust."""
    limits = configuration.limits
    return httpx2.AsyncClient(
        auth=auth,
        transport=_BoundedTransport(
            verify=trust(configuration),
            trust_env=False,
            proxy=configuration.proxy,
            limits=httpx2.Limits(max_connections=limits.concurrency),
        ),
        timeout=httpx2.Timeout(limits.total_s, connect=limits.connect_s),
        headers={"Accept-Encoding": "identity", "User-Agent": "mentorcert"},
        follow_redirects=False,
        trust_env=False,
    )


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Bound the whole block: the token, all requests and their responses."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise PortalUnavailableError(f"The portal did not answer within {seconds:g} seconds.") from None


async def send(client: httpx2.AsyncClient, request: httpx2.Request) -> tuple[httpx2.Response, float]:
    """Send a request and read the whole response of any status; return it and the seconds it took."""
    started = monotonic()
    try:
        response = await client.send(request, stream=True)
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        why, hint = diagnosis.cause(error)
        raise PortalUnavailableError(f"The portal cannot be reached: {why}.", hint=hint) from None
    try:
        await response.aread()
    except httpx2.TransportError as error:
        raise PortalUnexpectedAnswerError(
            f"The portal's answer broke off: {type(error).__name__}.", http_status=response.status_code
        ) from None
    except PortalError as error:
        error.http_status = response.status_code
        raise
    finally:
        await response.aclose()
    return response, monotonic() - started


def check(response: httpx2.Response, *, what: str) -> None:
    """Raise the PortalError of a response that is no success, by its status or its content type."""
    if response.status_code not in _SUCCESS:
        refuse(response, what=what)
    media_type = _media_type(response)
    if response.content and not _JSON.fullmatch(media_type) and not _says_yes(response):
        raise PortalUnexpectedAnswerError(
            f"{what}: the portal answered {response.status_code} with {media_type[:80] or 'no type'}, not JSON.",
            http_status=response.status_code,
            hint="An HTML page (a sign-in page?) is no success: check the URL and the sign-in.",
        )


def document(response: httpx2.Response, *, what: str) -> dict[str, Any]:
    """Return the JSON object of a success; an empty one for a plain OK."""
    check(response, what=what)
    try:
        given = {} if _says_yes(response) else response.json()
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise PortalUnexpectedAnswerError(
            f"{what}: the portal's answer is no JSON object.", http_status=response.status_code
        )
    return given


def refuse(response: httpx2.Response, *, what: str) -> NoReturn:
    """Raise the PortalError of a status that is no success."""
    status, now = response.status_code, datetime.now(UTC)
    wait_s = retry_after(response.headers, now)
    asks = f", and asks to wait {wait_s:.0f} s" if wait_s else ""
    skew = diagnosis.clock_skew(response.headers, now)
    kind: type[PortalError]
    if status in _LATER or httpx2.codes.is_server_error(status):
        kind, hint = PortalUnavailableError, None
    elif status in {401, 403}:
        kind, hint = (
            PortalUnauthorisedError,
            "Set the clocks right: signatures and tokens are valid for minutes."
            if skew
            else "Check the credentials under [[auth]] and when they expire.",
        )
    elif httpx2.codes.is_client_error(status):
        kind, hint = (
            PortalRejectedError,
            "Compare the contract, or the mapping, with what the portal expects now.",
        )
    elif status in _OF_A_PART:
        kind, hint = (
            PortalUnexpectedAnswerError,
            "It speaks of a part or of several results; 200 is expected.",
        )
    else:
        kind, hint = PortalUnexpectedAnswerError, "Redirects are not followed: give the final URL."
    named = f" {skew}" if skew and kind is PortalUnauthorisedError else ""
    raise kind(
        f"{what}: the portal answered {status}{asks}.{named}",
        http_status=status,
        retry_after=wait_s,
        hint=hint,
    )


def next_page(link: Any, current: str) -> str | None:
    """Return the address of the next page, None after the last; raises PortalUnexpectedAnswerError."""
    if link is None:
        return None
    if not isinstance(link, str) or len(link) > _LONGEST_LINK or not link.isprintable():
        raise PortalUnexpectedAnswerError("The portal's next page is no address.", http_status=200)
    try:
        url = urljoin(current, link)
        is_same_host = urlsplit(url)[:2] == urlsplit(current)[:2]
    except ValueError:
        raise PortalUnexpectedAnswerError("The portal's next page is no address.", http_status=200) from None
    # Another host would receive our credentials.
    if not is_same_host:
        raise PortalUnexpectedAnswerError("The portal's next page is at another host.", http_status=200)
    return url


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of `Retry-After`, in either form; at most LONGEST_RETRY_AFTER_S."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:20]), LONGEST_RETRY_AFTER_S)
    until = diagnosis.http_date(value)
    if until is None:
        return None
    # By the portal's clock, which may differ from ours.
    now = diagnosis.http_date(headers.get("date", "")) or now
    return min(max((until - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER_S)


def _media_type(response: httpx2.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _says_yes(response: httpx2.Response) -> bool:
    word = response.content[:20].strip().rstrip(b".!").lower()
    return _media_type(response) == "text/plain" and word.decode("ascii", "replace") in _PLAIN_YES
