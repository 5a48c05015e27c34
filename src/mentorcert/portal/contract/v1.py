"""The `data` of a message in version 1."""

from typing import Any, Final

from mentorcert.portal.contract.dates import to_text
from mentorcert.portal.model import DesiredState

MINOR: Final = 1


def data(state: DesiredState) -> dict[str, Any]:
    """Return what docs/portal/schemas/peer-mentor-status-changed/v1.1.json describes."""
    return {
        "organisation": state.organisation,
        "peer_mentor_id": str(state.peer_mentor_id),
        "external_id": state.external_id,
        "mentor_version": state.version,
        "mentor_epoch": state.epoch,
        "status": state.status,
        "listed": state.listed,
        "listed_until": to_text(state.listed_until) if state.listed_until else None,
        "effective_at": to_text(state.effective_at),
        "certifications": [
            {
                "certification_type": one.certification_type,
                "status": one.status,
                "issued_at": to_text(one.issued_at),
                "expires_at": to_text(one.expires_at) if one.expires_at else None,
            }
            for one in state.certifications
        ],
    }
