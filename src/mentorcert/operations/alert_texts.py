"""What people and programs are sent of an error: a mail in the reader's language, or JSON."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from mentorcert.notices.rendering import compose
from mentorcert.portal.monitoring.alerts import KINDS
from mentorcert.portal.monitoring.descriptions import DESCRIPTIONS
from mentorcert.translatable import LazyText
from mentorcert.translations import Language, translations

Kind = Literal["began", "stands", "unacknowledged", "ended", "well"]

_ALL = LazyText("All organisations")
_OPERATOR = LazyText("the operator")


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice to one recipient; without an address to the operator. Only `well` has no code and no beginning.

    `informed` are the addresses that were sent something of the same error before.
    """

    id: UUID
    kind: Kind
    channel: Literal["mail", "webhook"]
    address: str | None
    language: Language | None
    organisation: str | None
    organisation_name: str | None
    time_zone: str
    code: str | None
    what: str | None
    began_at: datetime | None
    ended_at: datetime | None
    informed: list[str] | None
    operator_was_informed: bool


def document(notice: Notice) -> dict[str, Any]:
    """Return what the webhook gets; `text` is what chat services show."""
    whose = notice.organisation or "all organisations"
    return {
        "type": "mentorcert.portal.alert",
        "id": str(notice.id),
        "kind": notice.kind,
        "severity": "error",
        "organisation": notice.organisation,
        "code": notice.code,
        "what": notice.what,
        "advice": KINDS[notice.code].advice if notice.code else None,
        "began_at": notice.began_at and notice.began_at.isoformat(),
        "ended_at": notice.ended_at and notice.ended_at.isoformat(),
        "text": f"mentorcert, {whose}: {notice.code} {notice.kind}: {notice.what}",
    }


def mail(
    notice: Notice, address: str, language: Language, *, sender: str, public_url: str | None
) -> EmailMessage:
    """Return the mail; raises ValueError for an address that can't be used."""
    translate, zone = translations(language).gettext, ZoneInfo(notice.time_zone)
    informed = [*(notice.informed or [])]
    if notice.informed is not None and notice.operator_was_informed:
        informed.append(translate(_OPERATOR))
    facts = {
        "kind": notice.kind,
        "organisation": notice.organisation_name or translate(_ALL),
        "description": translate(DESCRIPTIONS[notice.code]) if notice.code else "",
        "began_at": notice.began_at and notice.began_at.astimezone(zone),
        "ended_at": notice.ended_at and notice.ended_at.astimezone(zone),
        "informed": informed,
        "page": f"{public_url}/admin/portal" if public_url and notice.organisation else None,
    }
    name = "all_well" if notice.kind == "well" else "alert"
    return compose(name, facts, language, mail_id=notice.id, address=address, sender=sender)
