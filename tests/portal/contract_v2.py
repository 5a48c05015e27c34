"""A draft of version 2 of the contract, known to the tests alone: it proves that two versions work side by side."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mentorcert.portal.contract import schemas
from mentorcert.portal.contract.dates import to_text
from mentorcert.portal.contract.message import CONTRACTS, Contract
from mentorcert.portal.model import DesiredState
from mentorcert_staging.store import EPOCH, KEY, VERSION, Row
from mentorcert_staging.webhook import READERS

SCHEMA = json.loads((Path(__file__).parent / "drafts" / "v2.0.json").read_text("utf-8"))


def data(state: DesiredState) -> dict[str, Any]:
    """What drafts/v2.0.json describes: the peer mentor and the listing are objects of their own."""
    return {
        "organisation": state.organisation,
        "peer_mentor": {"id": str(state.peer_mentor_id), "external_id": state.external_id},
        "mentor_version": state.version,
        "status": state.status,
        "effective_at": to_text(state.effective_at),
        "listing": {"until": to_text(state.listed_until) if state.listed_until else None}
        if state.listed
        else None,
        "certifications": {
            one.certification_type: {
                "status": one.status,
                "valid_from": to_text(one.issued_at),
                "valid_until": to_text(one.expires_at) if one.expires_at else None,
            }
            for one in state.certifications
        },
    }


def row(given: dict[str, Any]) -> Row:
    """How a portal reads it."""
    listing = given["listing"]
    return {
        KEY: given["peer_mentor"]["id"],
        "hlf_externalid": given["peer_mentor"]["external_id"],
        "hlf_organisation": given["organisation"],
        VERSION: given["mentor_version"],
        EPOCH: 0,
        "hlf_status": given["status"],
        "hlf_listed": listing is not None,
        "hlf_listeduntil": listing and listing["until"],
        "hlf_effectiveat": given["effective_at"],
        "certifications": given["certifications"],
    }


@contextmanager
def known() -> Iterator[None]:
    """Both sides know version 2, beside version 1, until the block ends."""
    contract = Contract("v2", 0, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CONTRACTS, "v2", contract)
        patch.setitem(schemas.published(), contract.dataschema, SCHEMA)
        patch.setitem(READERS, contract.event_type, row)
        yield
