"""Authentication over real HTTP: tokens fetched once, secrets read again, nothing leaked, TLS verified."""

import asyncio
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mentorcert.errors import (
    PortalConfigurationError,
    PortalError,
    PortalUnauthorisedError,
    PortalUnavailableError,
    PortalUnexpectedAnswerError,
    SecretUnreadableError,
    SettingError,
)
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.http.tokens import TokenSource
from mentorcert_staging.options import DEMO_CLIENT_ID, Options
from tests.portal.connections import (
    SECRETS,
    Answers,
    apply,
    assert_harmless,
    assert_no_secret,
    connected,
    dataverse,
    do,
    failure,
    oauth2,
    secret,
    served,
    webhook,
)
from tests.portal.staging import STATE, Staging, running
from tests.support.processes import DEADLINE_S

pytestmark = pytest.mark.usefixtures("secrets")

JSON = {"content-type": "application/json"}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy")


@dataclass(frozen=True)
class Certificate:
    """A certificate for loopback, which signs itself: the authority, the server and the client in one."""

    certificate: Path
    key: Path
    both: Path
    public_key: str


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    files = Certificate(folder / "certificate.pem", folder / "key.pem", folder / "both.pem", public.decode())
    files.certificate.write_bytes(made.public_bytes(pem))
    files.key.write_bytes(private)
    files.both.write_bytes(private + made.public_bytes(pem))
    return files


@pytest.fixture
def https(certificate: Certificate) -> Iterator[Staging]:
    options = Options(client_public_key=certificate.public_key)
    with running(options, certificate=certificate.certificate, certificate_key=certificate.key) as staging:
        yield staging


def entra(staging: Staging, **credential: Any) -> dict[str, Any]:
    return {
        "method": "entra",
        "tenant": "tenant",
        "client_id": DEMO_CLIENT_ID,
        "authority": staging.url,
        **credential,
    }


def test_entra_by_secret(https: Staging, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # which the environment has no say in
    monkeypatch.delenv("NO_PROXY", raising=False)
    auth = entra(https, client_secret=secret("PORTAL_CLIENT_SECRET"))
    connection = dataverse(https.url, auth, ca_file=certificate.certificate)
    assert do(connection, apply).outcome == "applied"


def test_entra_by_certificate(https: Staging, certificate: Certificate) -> None:
    by = {"secret": f"file:{certificate.both}", "expires": "never"}
    connection = dataverse(https.url, entra(https, certificate=by), ca_file=certificate.certificate)
    assert do(connection, apply).outcome == "applied"


def test_entra_refuses_a_wrong_secret(
    https: Staging, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_API_KEY", SECRETS["PORTAL_API_KEY"])
    auth = entra(https, client_secret=secret("PORTAL_API_KEY"))
    failed = failure(dataverse(https.url, auth, ca_file=certificate.certificate), apply)
    assert type(failed) is PortalUnauthorisedError
    assert "invalid_client" in str(failed)


@pytest.mark.parametrize("kind", ["drop", "login_page", "truncated", "server_error", "throttled"])
def test_entra_that_fails_is_tried_again_later(https: Staging, certificate: Certificate, kind: str) -> None:
    https.use({"kind": kind, "route": "token"})
    auth = entra(https, client_secret=secret("PORTAL_CLIENT_SECRET"))
    failed = failure(dataverse(https.url, auth, ca_file=certificate.certificate), apply)
    assert isinstance(failed, PortalUnavailableError | PortalUnauthorisedError)


def test_a_certificate_that_is_no_certificate(https: Staging, certificate: Certificate) -> None:
    by = {"secret": f"file:{certificate.key}", "expires": "never"}
    with pytest.raises(PortalConfigurationError, match="lacks BEGIN CERTIFICATE") as caught:
        do(dataverse(https.url, entra(https, certificate=by)), apply)
    assert certificate.key.read_text() not in str(caught.value)


def test_whom_we_do_not_trust_learns_nothing(
    https: Staging, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))  # the environment has no say in trust
    assert type(failure(webhook(https.url), apply)) is PortalUnavailableError
    auth = entra(https, client_secret=secret("PORTAL_CLIENT_SECRET"))
    assert type(failure(dataverse(https.url, auth), apply)) is PortalUnavailableError
    assert https.applied() == []


def test_the_environment_s_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with running() as staging:
        assert do(dataverse(staging.url), apply).outcome == "applied"


def test_a_configured_proxy_is_used() -> None:
    proxy = Answers((204, {}, b""))
    with served(proxy) as url:
        do(webhook("http://127.0.0.1:9", proxy=url), apply)
    assert proxy.requests.get_nowait()["raw_path"] == b"http://127.0.0.1:9/webhook" or proxy.requests.empty()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((400, JSON, b'{"error": "invalid_client"}'), PortalUnauthorisedError),
        ((401, JSON, b"not json"), PortalUnauthorisedError),
        ((500, JSON, b"{}"), PortalUnavailableError),
        ((429, JSON | {"retry-after": "9"}, b"{}"), PortalUnavailableError),
        ((302, {"location": "/login"}, b""), PortalUnexpectedAnswerError),
        ((200, {"content-type": "text/html"}, b"<html>"), PortalUnexpectedAnswerError),
        ((200, JSON, b"{}"), PortalUnexpectedAnswerError),
        ((200, JSON, b'{"access_token": 5}'), PortalUnexpectedAnswerError),
        ((200, JSON, rb'{"access_token": "a\r\nX-Injected: 1"}'), PortalUnexpectedAnswerError),
        ((200, JSON, b"[" * 1_500_000), PortalUnexpectedAnswerError),
    ],
)
def test_what_a_token_endpoint_may_answer(
    answer: tuple[int, dict[str, str], bytes], error: type[PortalError]
) -> None:
    with served(Answers(answer)) as url:
        assert type(failure(dataverse(url, oauth2(url)), apply)) is error


def test_a_token_is_kept_until_shortly_before_it_expires() -> None:
    grants = iter([("a", 3600), ("b", 0), ("c", 3600), ("d", "soon"), ("e", None)])

    async def fetch() -> dict[str, Any]:
        token, lifetime = next(grants)
        return {"access_token": token} | ({} if lifetime is None else {"expires_in": lifetime})

    async def use() -> list[str]:
        source = TokenSource(fetch)
        got = [await source.get(), await source.get()]
        got += [await source.get("a"), await source.get()]  # b has expired at once
        got += [await source.get("a"), await source.get("c"), await source.get("d")]
        return got

    assert asyncio.run(use()) == ["a", "a", "b", "c", "c", "d", "e"]


def test_who_fetches_may_give_up_without_harm_to_those_who_wait() -> None:
    async def use() -> str:
        begun, calls = asyncio.Event(), list[int]()

        async def fetch() -> dict[str, Any]:
            calls.append(1)
            if len(calls) == 1:
                begun.set()
                await asyncio.wait_for(asyncio.Event().wait(), DEADLINE_S)
            return {"access_token": f"token-{len(calls)}"}

        source = TokenSource(fetch)
        first, second = asyncio.create_task(source.get()), asyncio.create_task(source.get())
        await asyncio.wait_for(begun.wait(), DEADLINE_S)
        first.cancel()
        return await asyncio.wait_for(second, DEADLINE_S)

    assert asyncio.run(use()) == "token-2"


def test_a_secret_that_was_exchanged_is_read_after_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(portal: Portal) -> str:
        with pytest.raises(PortalUnauthorisedError) as caught:
            await portal.apply(STATE)
        assert_harmless(caught.value)
        monkeypatch.setenv("PORTAL_CLIENT_SECRET", SECRETS["PORTAL_CLIENT_SECRET"])
        await portal.refresh()
        return (await portal.apply(STATE)).outcome

    with running() as staging:
        monkeypatch.setenv("PORTAL_CLIENT_SECRET", "the old one")
        assert do(dataverse(staging.url), work) == "applied"


def test_without_a_refusal_a_refresh_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(portal: Portal) -> None:
        await portal.apply(STATE)
        monkeypatch.delenv("PORTAL_CLIENT_SECRET")
        await portal.refresh()
        await portal.apply(STATE)
        staging.use({"kind": "expired_token", "route": "dataverse"})
        with pytest.raises(PortalUnauthorisedError):
            await portal.apply(STATE)
        with pytest.raises(PortalUnauthorisedError, match="env:PORTAL_CLIENT_SECRET is empty or missing"):
            await portal.refresh()

    with running() as staging:
        do(dataverse(staging.url), work)


@pytest.mark.parametrize("value", ["", "  ", None])
def test_a_missing_secret_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("PORTAL_KEY")
    else:
        monkeypatch.setenv("PORTAL_KEY", value)
    with pytest.raises(SecretUnreadableError, match="env:PORTAL_KEY is empty or missing"):
        do(webhook("http://127.0.0.1:9"), apply)


def test_a_key_that_is_none_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_KEY", SECRETS["PORTAL_API_KEY"])
    with pytest.raises(SettingError) as caught:
        do(webhook("http://127.0.0.1:9"), apply)
    assert_harmless(caught.value)


def test_no_secret_shows_in_what_is_printed_of_a_connection() -> None:
    async def show() -> str:
        connection = webhook("http://127.0.0.1:9")
        async with connected(connection) as portal:
            inside = [*vars(portal).values(), *vars(vars(portal)["_auth"]).values()]
            return repr((connection, portal, inside, connection.model_dump()))

    assert_no_secret(asyncio.run(show()))
