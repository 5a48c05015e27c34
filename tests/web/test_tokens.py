"""Which tokens are somebody's, and which are only made to look so."""

import base64
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import SecretStr

from mentorcert.errors import ExpiredTokenError, InvalidTokenError, SignInUnavailableError
from mentorcert.web.configuration import Auth
from mentorcert.web.security import tokens
from mentorcert.web.security.tokens import PublishedKeys, Verifier, issue
from tests.support.forging import with_altered_signature
from tests.support.processes import DEADLINE_S
from tests.web.auth_server import JWKS, Answer, AuthServer, answering

SHARED = Auth("tests", shared_secret=SecretStr("a secret of the tests, long enough"))


@pytest.fixture
def supabase() -> Iterator[AuthServer]:
    """A server that publishes one key."""
    with answering() as served:
        yield served


def refused(verifier: Verifier, token: str) -> type[Exception]:
    with pytest.raises(InvalidTokenError) as error:
        verifier.verify(token)
    return error.type


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
)
def test_good_token(supabase: AuthServer, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    supabase.publish(key=key)
    user, organisation = uuid4(), uuid4()
    token = supabase.token(
        user, email="kari@example.org", app_metadata={"organisation_id": str(organisation)}
    )
    bearer = Verifier(supabase.auth).verify(token)
    assert (bearer.id, bearer.email, bearer.organisation_id) == (
        user, "kari@example.org", organisation,
    )  # fmt: skip


HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)
IN_AN_HOUR = datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.supabase.co/auth/v1"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"role": "service_role"},
        {"role": "anon"},
        {"role": "supabase_admin"},
        {"role": None},
        {"sub": None},
        {"sub": "not a uuid"},
        {"sub": ["authenticated"]},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": IN_AN_HOUR},
        {"iat": IN_AN_HOUR},
        {"app_metadata": {"organisation_id": "x' or true --"}},
        {"app_metadata": "everything"},
        {"email": {"$ne": None}},
    ],
    # By name alone: the times differ from process to process.
    ids=lambda claims: next(iter(claims)),
)
def test_signed_but_not_for_us(supabase: AuthServer, claims: dict[str, Any]) -> None:
    verifier = Verifier(supabase.auth)
    verifier.verify(supabase.token())
    assert refused(verifier, supabase.token(**claims)) is InvalidTokenError


def test_time_is_up(supabase: AuthServer) -> None:
    verifier = Verifier(supabase.auth)
    assert refused(verifier, supabase.token(exp=HOUR_AGO)) is ExpiredTokenError
    verifier.verify(supabase.token(exp=datetime.now(UTC) - timedelta(seconds=5)))


def test_made_up(supabase: AuthServer) -> None:
    verifier = Verifier(supabase.auth)
    good = supabase.token()
    head, body, signature = good.split(".")
    other_key = ec.generate_private_key(ec.SECP256R1())
    claims = supabase.claims()
    for token in (
        "",
        ".",
        "..",
        "garbage",
        "x" * 100_000,
        f"{head}.{body}.",
        with_altered_signature(good),
        f"{head}.{_part({'role': 'authenticated'})}.{signature}",
        jwt.encode(claims, other_key, "ES256", {"kid": supabase.kid}),
        jwt.encode(claims, "", "none"),
        jwt.encode(claims, "", "none", {"kid": supabase.kid}),
        f"{_part({'alg': 'NONE', 'kid': supabase.kid})}.{body}.",
        f"{_part({'alg': 'ES256', 'kid': [supabase.kid]})}.{body}.{signature}",
        f"{_part({'alg': ['ES256'], 'kid': supabase.kid})}.{body}.{signature}",
        f"{_part(['ES256'])}.{body}.{signature}",
        f"{_part({'alg': 'ES256', 'kid': '../first', 'jku': 'https://evil.example'})}.{body}.{signature}",
        f"{_raw(b'[' * 40_000)}.{body}.{signature}",
        f"{_raw(b'[{' * 20_000)}.{body}.{signature}",
        f"{_part({'alg': 'ES256', 'kid': supabase.kid})}.{_raw(b'[' * 40_000)}.{signature}",
        "\udcff.æøå.\0",
    ):
        assert refused(verifier, token) is InvalidTokenError
    verifier.verify(good)


def test_public_key_is_no_secret(supabase: AuthServer) -> None:
    """A token signed by HMAC with what is published (algorithm confusion) is refused."""
    public = supabase.key.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    jwk = json.dumps(supabase.answers[JWKS][0].body["keys"][0]).encode()
    claims = supabase.claims() | {"iat": 0, "exp": 2**31}
    both = Auth(supabase.auth.issuer, supabase.url, shared_secret=SHARED.shared_secret)
    for auth in (supabase.auth, both):
        verifier = Verifier(auth)
        verifier.verify(supabase.token())
        for secret in (pem, der, jwk, b"publishable", b""):
            assert refused(verifier, _hmac(claims, secret, supabase.kid)) is InvalidTokenError


def test_a_published_secret_signs_nothing(supabase: AuthServer) -> None:
    """A symmetric key among those that are published belongs to anyone who can read."""
    secret = b"a secret that was published by mistake, of 32 bytes"
    supabase.answers[JWKS][0].body["keys"].append(
        {"kty": "oct", "kid": "oops", "alg": "HS256", "k": _raw(secret)}
    )
    token = jwt.encode(supabase.claims(), secret, "HS256", {"kid": "oops"})
    assert refused(Verifier(supabase.auth), token) is InvalidTokenError


def test_key_belongs_to_one_algorithm(supabase: AuthServer) -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    supabase.publish(key=rsa_key)
    verifier = Verifier(supabase.auth)
    for algorithm in ("PS256", "RS512"):
        token = jwt.encode(supabase.claims(), rsa_key, algorithm, {"kid": supabase.kid})
        assert refused(verifier, token) is InvalidTokenError


def test_shared_secret() -> None:
    user = uuid4()
    verifier = Verifier(SHARED)
    assert verifier.verify(issue(SHARED, user)).id == user
    assert refused(verifier, issue(SHARED, user, valid=timedelta(hours=-1))) is ExpiredTokenError
    other = Auth("tests", shared_secret=SecretStr("another secret, that is also long enough"))
    assert refused(verifier, issue(other, user)) is InvalidTokenError
    # Without keys to ask for, nobody can sign by one.
    key = ec.generate_private_key(ec.SECP256R1())
    assert refused(verifier, jwt.encode({"sub": str(user)}, key, "ES256")) is InvalidTokenError
    with pytest.raises(InvalidTokenError):
        issue(Auth("tests"), user)


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_unknown_key_is_asked_for_once_in_a_while(supabase: AuthServer) -> None:
    clock = Clock()
    keys = PublishedKeys(f"{supabase.url}{JWKS}", clock)
    for number in range(50):
        with pytest.raises(jwt.InvalidKeyError):
            keys.find(f"invented {number}", "ES256")
    assert supabase.number_of(JWKS) == 1
    clock.now += 31
    for number in range(50):
        with pytest.raises(jwt.InvalidKeyError):
            keys.find(f"invented {number}", "ES256")
        keys.find("first", "ES256")
    assert supabase.number_of(JWKS) == 2


def test_rotation(supabase: AuthServer) -> None:
    clock = Clock()
    keys = PublishedKeys(f"{supabase.url}{JWKS}", clock)
    old = keys.find("first", "ES256")
    supabase.publish(key=ec.generate_private_key(ec.SECP256R1()), kid="second")
    clock.now += 31
    assert keys.find("first", "ES256") is old
    assert keys.find("second", "ES256").key_id == "second"
    # A key that is not published any more, as one that was stolen, is good for ten minutes at most.
    with pytest.raises(jwt.InvalidKeyError):
        keys.find("first", "ES256")


def test_withdrawn_key_is_dropped(supabase: AuthServer) -> None:
    clock = Clock()
    keys = PublishedKeys(f"{supabase.url}{JWKS}", clock)
    keys.find("first", "ES256")
    supabase.publish(kid="second")
    clock.now += 601
    with pytest.raises(jwt.InvalidKeyError):
        keys.find("first", "ES256")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {}),
        Answer(302, {}),
        Answer(200, "<!doctype html><title>Maintenance</title>", "text/html"),
        Answer(200, []),
        Answer(200, {}),
        Answer(200, {"keys": []}),
        Answer(200, {"keys": "none"}),
        Answer(200, {"keys": [None]}),
        Answer(200, {"keys": [{"kty": "EC", "crv": "P-256", "x": 1, "y": 2}]}),
        Answer(200, {"keys": [{"kty": "nonsense"}]}),
        Answer(200, "[" * 100_000),
    ],
    ids=str,
)
def test_keys_of_before_while_there_are_none(supabase: AuthServer, answer: Answer) -> None:
    published = supabase.answers[JWKS]
    clock = Clock()
    keys = PublishedKeys(f"{supabase.url}{JWKS}", clock)
    supabase.answers[JWKS] = [answer]
    with pytest.raises(SignInUnavailableError):
        keys.find("first", "ES256")
    supabase.answers[JWKS] = published
    with pytest.raises(SignInUnavailableError):
        keys.find("first", "ES256")
    clock.now += 31
    keys.find("first", "ES256")
    supabase.answers[JWKS] = [answer]
    clock.now += 601
    keys.find("first", "ES256")
    assert supabase.number_of(JWKS) == 3


def test_a_known_key_waits_for_no_slow_answer(supabase: AuthServer) -> None:
    clock = Clock()
    keys = PublishedKeys(f"{supabase.url}{JWKS}", clock, patience=DEADLINE_S)
    old = keys.find("first", "ES256")
    supabase.ready.clear()
    supabase.publish(kid="second")
    clock.now += 301
    assert [keys.find("first", "ES256") for _ in range(3)] == [old] * 3
    clock.now += 299
    assert keys.find("first", "ES256") is old
    supabase.ready.set()
    # Who has an unknown key waits for the answer that is on its way.
    assert keys.find("second", "ES256").key_id == "second"
    assert supabase.number_of(JWKS) == 2


def test_after_ten_minutes_without_a_call_a_known_key_waits_a_moment(supabase: AuthServer) -> None:
    clock = Clock()
    keys = PublishedKeys(f"{supabase.url}{JWKS}", clock, patience=0.01)
    old = keys.find("first", "ES256")
    supabase.ready.clear()
    clock.now += 601
    assert [keys.find("first", "ES256") for _ in range(3)] == [old] * 3
    supabase.ready.set()


def test_unknown_keys_wait_within_bounds(supabase: AuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few threads at most, and not for ever; nobody is signed out because of it."""
    keys = PublishedKeys(f"{supabase.url}{JWKS}")
    supabase.ready.clear()
    with ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(keys.find, f"invented {number}", "ES256") for number in range(20)]
        refused_at_once = [
            error for call in islice(as_completed(asked, DEADLINE_S), 16) if (error := call.exception())
        ]
        assert {type(error) for error in refused_at_once} == {SignInUnavailableError}
        assert len(refused_at_once) == 16
        supabase.ready.set()
        assert {type(call.exception(DEADLINE_S)) for call in asked} == {
            SignInUnavailableError,
            jwt.InvalidKeyError,
        }
    supabase.ready.clear()
    monkeypatch.setattr(tokens, "_DEADLINE_S", 0.01)
    slow = PublishedKeys(f"{supabase.url}{JWKS}")
    with pytest.raises(SignInUnavailableError):
        slow.find("first", "ES256")


def test_keys_that_trickle(supabase: AuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part in time, and the whole never; and more than any project publishes."""
    keys = supabase.answers[JWKS][0].body["keys"]
    for limit, value in (("_DEADLINE_S", -1.0), ("_LONGEST_ANSWER", 10)):
        with monkeypatch.context() as patch:
            patch.setattr(tokens, limit, value)
            with pytest.raises(jwt.PyJWTError):
                tokens._read(f"{supabase.url}{JWKS}")
    assert json.loads(tokens._read(f"{supabase.url}{JWKS}"))["keys"] == keys


def test_nobody_publishes() -> None:
    with pytest.raises(SignInUnavailableError):
        PublishedKeys("http://127.0.0.1:9/keys").find("first", "ES256")


def _part(content: object) -> str:
    return _raw(json.dumps(content).encode())


def _raw(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _hmac(claims: dict[str, Any], secret: bytes, kid: str) -> str:
    """Sign as an attacker does, whose library has nothing against public keys as secrets."""
    plain = {name: value for name, value in claims.items() if not isinstance(value, datetime)}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{_part(plain)}"
    return f"{signed}.{_raw(hmac.digest(secret, signed.encode(), 'sha256'))}"
