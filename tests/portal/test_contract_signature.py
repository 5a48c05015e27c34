"""Signatures: others accept ours, we accept theirs, and nothing else."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from mentorcert.errors import SettingError, SignatureError
from mentorcert.portal.contract import signature
from tests.portal.contract_examples import FOLDER, KEYS, SENT_AT, files

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
SECRET, OTHER_SECRET = KEYS
KEY, OTHER_KEY = (signature.key(one) for one in KEYS)
SIGNING_KEYS = st.binary(min_size=24, max_size=64)
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="."), min_size=1)
# With surrogates: what a decoder makes of bytes that are no text.
ANYTHING = st.text(st.characters(), max_size=40)


def signed(message_id: str = "an-id", body: bytes = b"{}", at: datetime = NOW) -> dict[str, str]:
    return signature.headers(message_id, body, [KEY], at)


@given(message_id=IDS, body=st.binary(), keys=st.lists(SIGNING_KEYS, min_size=1, max_size=3), data=st.data())
def test_what_is_signed_is_verified_by_each_of_the_keys(
    message_id: str, body: bytes, keys: list[bytes], data: st.DataObject
) -> None:
    headers = signature.headers(message_id, body, keys, NOW)
    one = data.draw(st.sampled_from(keys))
    assert signature.verify(headers, body, [one], NOW) == message_id
    assert signature.verify(headers, body, [OTHER_KEY, one], NOW) == message_id
    shouted = {name.upper(): value for name, value in headers.items()}
    assert signature.verify(shouted, body, keys, NOW) == message_id


@given(body=st.binary(), key=SIGNING_KEYS, other=SIGNING_KEYS)
def test_nobody_without_the_key_can_sign(body: bytes, key: bytes, other: bytes) -> None:
    assume(key != other)
    headers = signature.headers("an-id", body, [key], NOW)
    for keys in ([other], []):
        with pytest.raises(SignatureError):
            signature.verify(headers, body, keys, NOW)


@given(
    signed_parts=st.tuples(IDS, st.integers(0, 9), st.binary()),
    given_parts=st.tuples(IDS | ANYTHING, st.integers(0, 9), st.binary()),
)
def test_a_signature_is_of_one_id_one_time_and_one_body(
    signed_parts: tuple[str, int, bytes], given_parts: tuple[str, int, bytes]
) -> None:
    assume(signed_parts != given_parts)
    (message_id, second, body), (other_id, other_second, other_body) = signed_parts, given_parts
    headers = signed(message_id, body, NOW + timedelta(seconds=second))
    timestamp = str(int(headers["webhook-timestamp"]) - second + other_second)
    changed = headers | {"webhook-id": other_id, "webhook-timestamp": timestamp}
    with pytest.raises(SignatureError):
        signature.verify(changed, other_body, [KEY], NOW)


def test_a_full_stop_cannot_be_moved_from_the_id_into_the_time() -> None:
    timestamp = str(int(NOW.timestamp()))
    headers = signed("a", f"{timestamp}.tail".encode())
    moved = headers | {"webhook-id": f"a.{timestamp}"}
    with pytest.raises(SignatureError):
        signature.verify(moved, b"tail", [KEY], NOW)


@given(message_id=ANYTHING, timestamp=ANYTHING | st.just(signed()["webhook-timestamp"]), value=ANYTHING)
def test_whatever_the_headers_say_there_is_but_one_error(message_id: str, timestamp: str, value: str) -> None:
    headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": value}
    with pytest.raises(SignatureError) as caught:
        signature.verify(headers, b"{}", [KEY], NOW)
    assert caught.value.error_class == "signature"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-signature"])
def test_a_header_that_is_no_text_is_refused(name: str) -> None:
    for text in ("\udc80", "?"):
        with pytest.raises(SignatureError):
            signature.verify(signed() | {name: text}, b"{}", [KEY], NOW)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed(missing: str) -> None:
    headers = signed()
    del headers[missing]
    with pytest.raises(SignatureError):
        signature.verify(headers, b"{}", [KEY], NOW)


@pytest.mark.parametrize("timestamp", ["", "٣", "1e3", "+1", "1_0", " 1", "1.5", "-1", "9" * 13, "9" * 5000])
def test_a_time_that_is_no_number_of_seconds_is_refused(timestamp: str) -> None:
    with pytest.raises(SignatureError, match="malformed"):
        signature.verify(signed() | {"webhook-timestamp": timestamp}, b"{}", [KEY], NOW)


def test_a_time_far_away_is_refused_before_anything_is_compared() -> None:
    for far in ("0", "9" * 12):
        with pytest.raises(SignatureError, match="too far"):
            signature.verify(signed() | {"webhook-timestamp": far}, b"{}", [KEY], NOW)


def test_five_minutes_are_tolerated_in_both_directions_and_no_more() -> None:
    for sign in (-1, 1):
        limit = NOW + sign * timedelta(minutes=5)
        assert signature.verify(signed(at=limit), b"{}", [KEY], NOW)
        with pytest.raises(SignatureError, match="too far"):
            signature.verify(signed(at=limit + sign * timedelta(seconds=1)), b"{}", [KEY], NOW)


def test_another_spelling_of_the_same_signature_is_refused() -> None:
    headers = signed()
    text = headers["webhook-signature"]
    for other in (
        text.rstrip("="),
        f"{text}=",
        f"v1a{text[2:]}",
        text[3:],
        f"{text},",
        text.replace(",", ", "),
    ):
        with pytest.raises(SignatureError):
            signature.verify(headers | {"webhook-signature": other}, b"{}", [KEY], NOW)
    for also in (f"v2,abc {text}", f"{text} v1a,abc", f"  {text} "):
        assert signature.verify(headers | {"webhook-signature": also}, b"{}", [KEY], NOW) == "an-id"


def test_an_attempt_has_a_time_of_its_own_and_the_same_id() -> None:
    first, second = signed(), signed(at=NOW + timedelta(seconds=30))
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 30
    assert first["webhook-signature"] != second["webhook-signature"]


def test_a_time_is_the_same_in_every_zone() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    assert signed(at=elsewhere) == signed()


def test_nothing_is_signed_without_a_key_or_a_zone() -> None:
    with pytest.raises(ValueError, match="key"):
        signature.headers("an-id", b"{}", [], NOW)
    with pytest.raises(ValueError, match="time zone"):
        signature.headers("an-id", b"{}", [KEY], datetime.fromisoformat("2026-03-02"))


@given(body=st.text(st.characters(exclude_categories=["Cs"])), message_id=IDS)
def test_the_standardwebhooks_library_accepts_ours_and_we_accept_its(body: str, message_id: str) -> None:
    now = datetime.now(UTC)
    library, old_library = Webhook(SECRET), Webhook(OTHER_SECRET)
    ours = signature.headers(message_id, body.encode(), [KEY, OTHER_KEY], now)
    library.verify(body, ours, json_parse=False)
    old_library.verify(body, ours, json_parse=False)
    theirs = ours | {"webhook-signature": library.sign(message_id, now, body)}
    assert ours["webhook-signature"].startswith(theirs["webhook-signature"])
    assert signature.verify(theirs, body.encode(), [KEY], now) == message_id


def test_the_golden_headers_are_those_of_the_golden_bodies() -> None:
    for path, content in files():
        if path.name != "headers.json":
            continue
        for name, headers in json.loads(content)["headers"].items():
            body = (FOLDER / path.parent.name / name).read_bytes()
            for key in (KEY, OTHER_KEY):
                assert signature.verify(headers, body, [key], SENT_AT) == json.loads(body)["id"]


@given(SIGNING_KEYS)
def test_a_secret_holds_its_key(key: bytes) -> None:
    assert signature.key(f"whsec_{base64.b64encode(key).decode()}") == key


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "hunter2hunter2hunter2hunter2hunter2hunter2",
        base64.b64encode(b"x" * 32).decode(),
        f"whsec_{base64.b64encode(b'x' * 23).decode()}",
        f"whsec_{base64.b64encode(b'x' * 65).decode()}",
        f"whsec_{base64.b64encode(b'x' * 32).decode()}\n",
        "whsec_not base64, but long enough to be thought so",
        "whsec_ææææææææææææææææææææææææææææææææ",
    ],
)
def test_what_is_no_secret_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(SettingError) as caught:
        signature.key(secret)
    assert caught.value.__cause__ is None
    assert secret in {"", "whsec_"} or secret.removeprefix("whsec_") not in str(caught.value)
