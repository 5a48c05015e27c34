"""Creates and verifies signatures of Standard Webhooks 1.0.0.

Own code: the library `standardwebhooks` 1.1.0 raises bare ValueError on malformed headers and signs a wrong
time for an aware one that is not UTC.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from mentorcert.errors import SettingError, SignatureError

TOLERANCE: Final = timedelta(minutes=5)

_LONGEST_ID: Final = 255
_PREFIX: Final = "whsec_"
_KEY_BYTES: Final = range(24, 65)
_TIMESTAMP: Final = re.compile(r"\d{1,12}", re.ASCII)


def key(secret: str) -> bytes:
    """Return the key in `whsec_<base64>`; raises SettingError, which does not quote it, for anything else."""
    try:
        decoded = base64.b64decode(secret.removeprefix(_PREFIX).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        decoded = b""
    if not secret.startswith(_PREFIX) or len(decoded) not in _KEY_BYTES:
        raise SettingError(
            "A webhook secret must be whsec_ and the base64 of 24 to 64 bytes.",
            hint="Create one: echo whsec_$(openssl rand -base64 32)",
        )
    return decoded


def headers(message_id: str, body: bytes, keys: Sequence[bytes], at: datetime) -> dict[str, str]:
    """Return the three headers of one attempt at `at`; one signature per key, in their order.

    `message_id` stays the same over all attempts. Raises ValueError for an instant without a time zone, and
    where there is no key.
    """
    if at.utcoffset() is None or not keys:
        raise ValueError("a signature needs an instant with a time zone, and a key")
    timestamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(one, message_id, timestamp, body) for one in keys),
    }


def verify(
    given: Mapping[str, str],
    body: bytes,
    keys: Sequence[bytes],
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> str:
    """Return the id of a message signed with one of the keys within `tolerance` of `now`.

    The names of the headers may be in any case. Raises SignatureError for everything else.
    """
    lowered = {name.lower(): value for name, value in given.items()}
    message_id = lowered.get("webhook-id", "")
    timestamp = lowered.get("webhook-timestamp", "")
    # With a full stop in the id, id and timestamp could be split at another place.
    if not 0 < len(message_id) <= _LONGEST_ID or "." in message_id or not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureError("The headers webhook-id and webhook-timestamp are missing or malformed.")
    if abs(now.timestamp() - int(timestamp)) > tolerance.total_seconds():
        raise SignatureError("The message's webhook-timestamp is too far from now.")
    # Compare the text, not its bytes: base64 has several spellings of the same bytes.
    signatures = [
        one.encode("utf-8", "surrogatepass") for one in lowered.get("webhook-signature", "").split(" ")
    ]
    expected = [_signature(one, message_id, timestamp, body).encode() for one in keys]
    # Compare all of them, so that the time does not reveal which pair matched.
    matches = [hmac.compare_digest(own, one) for own in expected for one in signatures]
    if not any(matches):
        raise SignatureError("None of the message's signatures is of a known key.")
    return message_id


def _signature(signing_key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((message_id.encode("utf-8", "surrogatepass"), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(signing_key, signed, hashlib.sha256)).decode()
