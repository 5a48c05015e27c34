"""The golden examples of the contract; `python -m tests.portal.contract_examples` writes the files."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from mentorcert.portal.contract import message, signature
from mentorcert.portal.contract.message import CONTRACTS
from mentorcert.portal.model import CertificationState, DesiredState

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "portal" / "examples"
TARGET: Final = "https://portal.example/webhook"
KEYS: Final = (
    "whsec_ZXhhbXBsZSBrZXkgb2YgdGhlIGNvbnRyYWN0LCBuZXc=",
    "whsec_ZXhhbXBsZSBrZXkgb2YgdGhlIGNvbnRyYWN0LCBvbGQ=",
)
SENT_AT: Final = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)

_CERTIFIED: Final = DesiredState(
    organisation_id=UUID("0c2c2c1a-39bb-4d9a-9f0b-8a3d1f6d0a01"),
    organisation="hlf",
    peer_mentor_id=UUID("0c2c2c1a-39bb-4d9a-9f0b-8a3d1f6d0a02"),
    external_id="4711",
    version=3,
    status="certified",
    listed=True,
    listed_until=datetime(2028, 12, 31, 23, tzinfo=UTC),
    effective_at=datetime(2026, 3, 1, 23, tzinfo=UTC),
    certifications=(
        CertificationState(
            "hearing-basic",
            "active",
            datetime(2026, 3, 1, 23, tzinfo=UTC),
            datetime(2028, 12, 31, 23, tzinfo=UTC),
        ),
        CertificationState("ledsager-ø", "active", datetime(2026, 6, 30, 22, tzinfo=UTC), None),
    ),
)
_HELD: Final = _CERTIFIED.certifications[0]

STATES: Final[dict[str, DesiredState]] = {
    "certified": _CERTIFIED,
    "certified-not-listed": replace(_CERTIFIED, version=4, listed=False, listed_until=None),
    "expired": replace(
        _CERTIFIED,
        version=5,
        status="expired",
        listed=False,
        listed_until=None,
        effective_at=datetime(2028, 12, 31, 23, tzinfo=UTC),
        certifications=(replace(_HELD, status="expired"),),
    ),
    "suspended": replace(
        _CERTIFIED,
        version=6,
        status="suspended",
        listed=False,
        listed_until=None,
        effective_at=datetime(2026, 5, 4, 9, 15, 30, 250_000, tzinfo=UTC),
        certifications=(replace(_HELD, status="suspended"),),
    ),
    "uncertified": replace(
        _CERTIFIED, version=1, status="uncertified", listed=False, listed_until=None, certifications=()
    ),
    "erased": replace(
        _CERTIFIED, version=7, status="erased", listed=False, listed_until=None, certifications=()
    ),
}


PUBLISHED: Final = tuple(CONTRACTS)


def folder(version: str) -> str:
    return f"{version}.{CONTRACTS[version].minor}"


def files() -> Iterator[tuple[Path, bytes]]:
    """Every file with what is to stand in it: each body as it is sent, and the headers that go with them."""
    keys = [signature.key(one) for one in KEYS]
    for version in PUBLISHED:
        signed = {}
        for name, state in STATES.items():
            rendered = message.render(state, target=TARGET, version=version)
            yield FOLDER / folder(version) / f"{name}.json", rendered.body
            signed[f"{name}.json"] = signature.headers(rendered.id, rendered.body, keys, SENT_AT)
        headers = {"keys": KEYS, "content-type": message.CONTENT_TYPE, "headers": signed}
        yield FOLDER / folder(version) / "headers.json", f"{json.dumps(headers, indent=2)}\n".encode()


if __name__ == "__main__":
    for path, content in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
