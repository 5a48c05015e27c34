"""A portal that misbehaves stops one row or one organisation, and what it does is said in words."""

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import httpx2
import pytest

from mentorcert.errors import (
    PortalError,
    PortalRejectedError,
    PortalUnauthorisedError,
    PortalUnavailableError,
    PortalUnexpectedAnswerError,
)
from mentorcert.portal.contract import values
from mentorcert.portal.http import diagnosis, tokens, transport
from tests.portal.connections import Answers, apply, dataverse, do, failure, oauth2, read, served, webhook
from tests.portal.misbehaving import certificate, serving, tls, trickle

pytestmark = pytest.mark.usefixtures("secrets")

JSON = {"content-type": "application/json"}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "headers", "body", "outcome"),
    [
        *[(status, {}, b"", "applied") for status in (200, 201, 202, 203, 204, 205, 208)],
        *[(status, {}, b"", PortalUnexpectedAnswerError) for status in (206, 207, 226)],
        (200, {"content-type": "text/plain"}, b"OK", "applied"),
        (200, {"content-type": "text/plain; charset=utf-8"}, b"Accepted.\n", "applied"),
        (200, {"content-type": "text/plain"}, b"error: not stored", PortalUnexpectedAnswerError),
        (200, {"content-type": "text/html"}, b"OK", PortalUnexpectedAnswerError),
        (200, {"content-type": "text/json"}, b'{"outcome": "applied"}', "applied"),
        (200, {"content-type": "application/vnd.hlf+json"}, b'{"outcome": "applied"}', "applied"),
        (200, JSON | {"content-encoding": "Identity"}, b'{"outcome": "applied"}', "applied"),
        (200, JSON | {"content-encoding": "gzip"}, b"{}", PortalUnexpectedAnswerError),
        (409, JSON, b"{}", PortalRejectedError),
        (423, JSON, b"{}", PortalRejectedError),
    ],
)
def test_what_counts_as_stored_is_decided(
    status: int, headers: dict[str, str], body: bytes, outcome: str | type[PortalError]
) -> None:
    with served(Answers((status, headers, body))) as url:
        if isinstance(outcome, str):
            assert do(webhook(url), apply).outcome == outcome
        else:
            assert type(failure(webhook(url), apply)) is outcome


def test_texts_are_what_the_database_accepts() -> None:
    assert [values.text(given) for given in ("4711", 4711, "a\0b", "\ud800", "x" * 9000)] == [
        "4711", "4711", "a?b", "?", "x" * 200,
    ]  # fmt: skip
    absurd: tuple[Any, ...] = (None, True, 1.5, [], {}, 10**5000)
    assert [values.text(one) for one in absurd] == [None] * len(absurd)


@pytest.mark.parametrize("version", ["1e30", "9223372036854775807", "4503599627370496", "-1", '"x"', "[]"])
def test_a_version_that_cannot_be_is_an_answer_that_was_not_expected(version: str) -> None:
    body = f'{{"outcome": "already_newer", "mentor_version": {version}}}'.encode()
    with served(Answers((200, JSON, body))) as url:
        assert type(failure(webhook(url), apply)) is PortalUnexpectedAnswerError


def test_versions_are_bounded() -> None:
    assert values.version(2**52 - 1) == 2**52 - 1
    for absurd in (2**52, 2**63, 1e30, 7.5, float("inf"), float("nan"), "9" * 5000, -1, True, None):
        assert values.version(absurd) is None


@pytest.mark.parametrize(
    "link", ["/state.json?page=\u0000", "/\r\nx: 1", "/" + "x" * 65_536, "http://[::1", 7, {"a": 1}]
)
def test_a_link_to_a_next_page_that_is_none(link: Any) -> None:
    with pytest.raises(PortalUnexpectedAnswerError, match="next page"):
        transport.next_page(link, "http://127.0.0.1/state.json")


@pytest.mark.parametrize("next_link", [r'"/state.json?\u0000"', r'"http://127.0.0.1:port/"', '"http://["'])
def test_a_page_that_leads_astray_ends_its_own_reading_only(next_link: str) -> None:
    body = f'{{"peer_mentors": [], "next": {next_link}}}'.encode()
    with served(Answers((200, JSON, body))) as url:
        assert type(failure(webhook(url), read)) is PortalUnexpectedAnswerError


@pytest.mark.parametrize(
    ("retry_after", "date", "expected"),
    [
        ("9" * 400, "", 21_600.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", "", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "", 21_600.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", "", 0.0),
        (f"Fri, 31 Dec {'9' * 30} 23:59:59 GMT", "", None),
        ("Sun, 01 Mar 2026 00:01:00 GMT", "Fri, 31 Dec 99999 00:00:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 00:01:00 GMT", "nonsense", 60.0),
    ],
)
def test_absurd_dates_are_none(retry_after: str, date: str, expected: float | None) -> None:
    assert transport.retry_after({"retry-after": retry_after, "date": date}, NOW) == expected


def test_a_wait_that_the_portal_asks_for_stands_in_the_error() -> None:
    with served(Answers((429, {"retry-after": "86400"}, b""))) as url:
        assert "asks to wait 21600 s" in str(failure(webhook(url), apply))


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_wrong_is_named_beside_a_refusal(hours: int) -> None:
    now = datetime.now(UTC)
    date = format_datetime(now + timedelta(hours=hours), usegmt=True)
    with pytest.raises(PortalUnauthorisedError, match=r"60 minutes (ahead of|behind) ours") as caught:
        transport.check(httpx2.Response(401, headers={"date": date}), what="The message")
    assert ("ahead" in str(caught.value)) == (hours > 0)
    assert "clocks" in (caught.value.hint or "")
    assert diagnosis.clock_skew({"date": format_datetime(now, usegmt=True)}, now) is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((400, JSON, b'{"error": "temporarily_unavailable"}'), PortalUnavailableError),
        ((403, {"content-type": "text/html"}, b"<h1>Request blocked</h1>"), PortalUnavailableError),
        ((403, JSON, b'{"error": "unauthorized_client"}'), PortalUnauthorisedError),
        ((401, JSON, b'{"error": "invalid_client"}'), PortalUnauthorisedError),
        ((401, JSON, b'{"error": "temporarily_unavailable"}'), PortalUnavailableError),
        ((400, JSON, b'{"error": ["invalid_client"]}'), PortalUnauthorisedError),
        ((429, JSON | {"retry-after": "9"}, b"{}"), PortalUnavailableError),
        ((503, {"content-type": "text/html"}, b"<h1>Maintenance</h1>"), PortalUnavailableError),
        ((200, {"content-type": "text/html"}, b"<h1>Sign in</h1>"), PortalUnexpectedAnswerError),
        ((200, JSON, b'{"error": "invalid_client"}'), PortalUnexpectedAnswerError),
        ((302, {"location": "/login"}, b""), PortalUnexpectedAnswerError),
    ],
)
def test_a_sign_in_that_is_down_is_not_wrong_credentials(
    answer: tuple[int, dict[str, str], bytes], error: type[PortalError]
) -> None:
    with served(Answers(answer)) as url:
        assert type(failure(dataverse(url, oauth2(url)), apply)) is error


def test_a_sign_in_that_trickles_ends_at_its_deadline() -> None:
    configuration = dataverse("http://127.0.0.1:9")

    async def sign_in(url: str) -> None:
        client = transport.client(configuration)
        http = tokens._MsalHttp(client, asyncio.get_running_loop(), 0.5)
        with ThreadPoolExecutor(1) as thread:
            try:
                await asyncio.get_running_loop().run_in_executor(thread, lambda: http.get(url))
            finally:
                await client.aclose()

    with serving(trickle) as port:
        began = monotonic()
        with pytest.raises(PortalUnavailableError, match=r"within 0\.\d+ seconds"):
            asyncio.run(sign_in(f"http://127.0.0.1:{port}"))
        assert monotonic() - began < 10


@pytest.mark.parametrize("lifetime", ["1e400", "NaN", "-5", '"soon"'])
def test_a_token_s_lifetime_is_bounded(lifetime: str) -> None:
    body = f'{{"access_token": "a", "expires_in": {lifetime}}}'.encode()
    grant = httpx2.Response(200, content=body).json()
    assert 0 <= tokens._lifetime_s(grant) <= 86_400


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        ("self-signed", "certificate is self-signed"),
        ("expired", "certificate has expired"),
        ("other host", "certificate is for another host"),
        ("no TLS", "TLS could not be agreed on"),
    ],
)
def test_what_is_wrong_with_tls_is_said(
    tmp_path: Path, flaw: Literal["self-signed", "expired", "other host", "no TLS"], words: str
) -> None:
    context = certificate(
        tmp_path, ended=flaw == "expired", host="192.0.2.1" if flaw == "other host" else "127.0.0.1"
    )
    trusted = {} if flaw == "self-signed" else {"ca_file": str(tmp_path / "server.pem")}
    with serving(trickle if flaw == "no TLS" else tls(context)) as port:
        error = failure(webhook(f"https://127.0.0.1:{port}", **trusted), apply)
    assert (type(error), words in str(error)) == (PortalUnavailableError, True), str(error)
    assert error.hint


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://portal.invalid", "host name is not known (DNS)"),
        ("http://127.0.0.1:9", "refused the connection"),
    ],
)
def test_what_is_wrong_with_the_way_there_is_said(url: str, words: str) -> None:
    error = failure(webhook(url), apply)
    assert (type(error), words in str(error)) == (PortalUnavailableError, True), str(error)
    proxied = failure(webhook("https://portal.invalid", proxy="http://127.0.0.1:9"), apply)
    assert "refused the connection" in str(proxied) or "proxy" in str(proxied)


def test_an_old_tls_is_named() -> None:
    error = ssl.SSLError(1, "[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol")
    error.reason = "UNSUPPORTED_PROTOCOL"
    wrapped = httpx2.ConnectError("x")
    wrapped.__cause__ = error
    assert diagnosis.cause(wrapped) == (
        "it offers no TLS that is safe today",
        "The portal must offer TLS 1.2 or later.",
    )
