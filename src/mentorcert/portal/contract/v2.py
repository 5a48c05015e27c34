"""The `data` of a message in version 2, a draft: mentor and listing are objects of their own."""

from typing import Any, Final

from mentorcert.portal.contract.dates import to_text
from mentorcert.portal.model import DesiredState

MINOR: Final = 0


def data(state: DesiredState) -> dict[str, Any]:
    """Return what docs/portal/schemas/peer-mentor-status-changed/v2.0.json describes."""
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
