"""The staging portal's sign-in and service limits are those of Entra ID and Dataverse, over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import msal
import pytest
import requests

from mentorcert_staging.limits import ServiceProtection
from mentorcert_staging.odata import ODataError
from mentorcert_staging.options import DEMO_CLIENT_ID, DEMO_CLIENT_KEY, Options, ServiceLimits
from tests.portal.staging import TABLE, Api, running
from tests.support import processes


@pytest.fixture
def api() -> Iterator[Api]:
    with running() as staging:
        yield Api(staging)


def test_nobody_is_let_in_without_a_token(api: Api) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic YTpi"}):
        answer = api.staging.client.get(TABLE, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert api.call("GET", "/api/data/v9.2/WhoAmI").status_code == 200
    assert api.staging.client.get("/api/data/v9.2/WhoAmI").status_code == 401


def test_a_token_expires() -> None:
    with running(Options(token_lifetime_s=0)) as staging:
        assert Api(staging).call("GET", TABLE).status_code == 401


def test_the_token_endpoint_refuses_in_its_own_words(api: Api) -> None:
    good = {
        "grant_type": "client_credentials",
        "client_id": DEMO_CLIENT_ID,
        "client_secret": DEMO_CLIENT_KEY,
        "scope": "https://portal.example/.default",
    }

    def refusal(**changes: str) -> tuple[int, str]:
        answer = api.staging.client.post("/tenant/oauth2/v2.0/token", data=good | changes)
        return answer.status_code, answer.json().get("error", "")

    wrong = "wrong"
    assert refusal()[0] == 200
    assert refusal(client_secret=wrong) == (401, "invalid_client")
    assert refusal(client_id=wrong) == (401, "invalid_client")
    assert refusal(scope="https://portal.example") == (400, "invalid_scope")
    assert refusal(grant_type="password") == (400, "unsupported_grant_type")
    assert refusal(client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer")[0] == 200


def test_what_is_above_the_service_limits_is_refused() -> None:
    with running(Options(limits=ServiceLimits(requests=2))) as staging:
        api = Api(staging)
        answers = [api.call("GET", TABLE) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        left = [answer.headers.get("x-ms-ratelimit-burst-remaining-xrm-requests") for answer in answers]
        assert left == ["1", "0", None]
        assert 0 < int(answers[2].headers["retry-after"]) <= 300
        assert answers[2].json()["error"]["code"] == "0x80072322"


def test_limits_are_of_a_sliding_window() -> None:
    now = 0.0
    limits = ServiceLimits(window_s=300, requests=3, execution_s=10, concurrent=2)
    protection = ServiceProtection(limits, clock=lambda: now)

    def call(took: float = 0.0) -> None:
        nonlocal now
        with protection.guarded():
            now += took

    def refused() -> str:
        with pytest.raises(ODataError) as caught:
            call()
        assert caught.value.headers
        return f"{caught.value.code} after {caught.value.headers['retry-after']}"

    call(took=10)
    assert refused() == "0x80072321 after 290"
    now = 300
    for _ in range(3):
        call()
    assert refused() == "0x80072322 after 300"
    now = 599.5
    assert refused() == "0x80072322 after 1"
    now = 600
    with protection.guarded(), protection.guarded():
        assert refused() == "0x80072326 after 1"
    call()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=staging", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", str(files[0]), "-keyout", str(files[1])]
    processes.run(*command)
    return files


@pytest.fixture(scope="module")
def public_key(certificate: tuple[Path, Path]) -> str:
    command = ["openssl", "pkey", "-in", str(certificate[1]), "-pubout"]
    return processes.run(*command).stdout


def test_msal_gets_a_token_by_secret_and_by_certificate(
    certificate: tuple[Path, Path], public_key: str
) -> None:
    options = Options(client_public_key=public_key)
    signing = {"private_key": certificate[1].read_text(), "thumbprint": "00" * 20}
    with running(options, certificate=certificate[0], certificate_key=certificate[1]) as staging:
        for credential in (DEMO_CLIENT_KEY, signing):
            session = requests.Session()
            session.trust_env, session.verify = False, str(certificate[0])
            client = msal.ConfidentialClientApplication(
                DEMO_CLIENT_ID,
                client_credential=credential,
                authority=f"{staging.url}/tenant",
                instance_discovery=False,
                http_client=session,
            )
            granted = client.acquire_token_for_client([f"{staging.url}/.default"])
            headers = {"authorization": f"Bearer {granted['access_token']}"}
            assert staging.client.get(TABLE, headers=headers).status_code == 200
            session.close()


def test_an_assertion_must_be_signed_by_the_client_for_this_endpoint(
    certificate: tuple[Path, Path], public_key: str
) -> None:
    with running(Options(client_public_key=public_key)) as staging:
        url = f"{staging.url}/tenant/oauth2/v2.0/token"
        good = {"iss": DEMO_CLIENT_ID, "sub": DEMO_CLIENT_ID, "aud": url, "exp": 32_503_680_000}

        def status(claims: dict[str, Any], key: str, algorithm: str = "RS256") -> int:
            form = {
                "grant_type": "client_credentials",
                "client_id": DEMO_CLIENT_ID,
                "scope": "x/.default",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": jwt.encode(claims, key, algorithm),
            }
            return staging.client.post(url, data=form).status_code

        key = certificate[1].read_text()
        assert status(good, key) == 200
        assert status(good | {"aud": "another"}, key) == 401
        assert status(good | {"sub": "another"}, key) == 401
        assert status(good | {"exp": 0}, key) == 401
        assert status(good, "x" * 32, "HS256") == 401
