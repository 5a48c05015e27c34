"""What changes of rows hold, in words: fields by their labels, values as the pages write them, ids by names."""

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from mentorcert.access import audit_log
from mentorcert.errors import EndpointDisabledError
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.portal_reasons import known_reason
from mentorcert.web.context import RequestContext
from mentorcert.web.coordinator.display_names import time_zone_of, written

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CODE: Final = re.compile(r"[a-z]+(_[a-z]+)+")
# Said by the page around an entry already, or of no use to a reader.
HIDDEN: Final = frozenset(
    {"id", "organisation_id", "version", "created_at", "updated_at", "preview_id", "changed_by"}
)

_FIELDS: Final[Mapping[str, LazyText]] = {
    "absorbed_id": LazyText("Merged"),
    "accepted_at": LazyText("Accepted"),
    "adapter": LazyText("Connected by"),
    "attendance": LazyText("Attendance"),
    "canary_peer_mentor_ids": LazyText("Peer mentors in canary"),
    "certificate_en": LazyText("English sentence"),
    "certificate_nb": LazyText("Norwegian sentence"),
    "chapter_id": LazyText("Chapter"),
    "chapter_ids": LazyText("Chapters"),
    "certifications": LazyText("Certifications"),
    "code": LazyText("Code"),
    "contact_email": LazyText("E-mail"),
    "contact_phone": LazyText("Phone"),
    "contract_version": LazyText("Contract"),
    "certification_id": LazyText("Certification"),
    "course_id": LazyText("Course"),
    "days": LazyText("Days"),
    "done_at": LazyText("Done"),
    "done_on": LazyText("Day"),
    "due_on": LazyText("To be done by"),
    "after_lapse": LazyText("What it takes after that"),
    "early_renewal_days": LazyText("Early renewal, days before"),
    "refresher_months": LazyText("Refresher, months after the end"),
    "edited_at": LazyText("Text changed"),
    "ended_at": LazyText("Ended"),
    "expires_at": LazyText("Open until"),
    "external_id": LazyText("Number"),
    "failure": LazyText("Failed"),
    "first_id": LazyText("Peer mentor"),
    "second_id": LazyText("Peer mentor"),
    "gives_certificate": LazyText("Gives a certificate"),
    "is_offered": LazyText("Can be chosen, and is shown"),
    "kept_id": LazyText("Kept"),
    "kind": LazyText("Kind"),
    "left_on": LazyText("Left from"),
    "listed": LazyText("On the public list"),
    "listed_until": LazyText("On the public list until"),
    "listing_consent": LazyText("Consent to the public list"),
    "merged_into": LazyText("Merged into"),
    "merged_into_id": LazyText("Merged into"),
    "mode": LazyText("Mode"),
    "name": LazyText("Name"),
    "name_en": LazyText("English name"),
    "name_nb": LazyText("Norwegian name"),
    "options": LazyText("How"),
    "parent_id": LazyText("Lies under"),
    "peer_mentor_id": LazyText("Peer mentor"),
    "places": LazyText("Postal places and codes"),
    "reason": LazyText("Reason"),
    "reminder_days": LazyText("Reminders, days before"),
    "reminders_paused": LazyText("Reminders wait"),
    "required_types": LazyText("Types that are held before"),
    "required_for_listing": LazyText("Required for the public list"),
    "responsible_id": LazyText("Responsible"),
    "retired_on": LazyText("Retired from"),
    "retired_reason": LazyText("Reason"),
    "readmission_reason": LazyText("Reason"),
    "readmitted_at": LazyText("Let in again"),
    "role": LazyText("Role"),
    "seats": LazyText("Seats"),
    "selection": LazyText("Which of them"),
    "signatory": LazyText("Who signs"),
    "signatory_title": LazyText("Title"),
    "slug": LazyText("In addresses"),
    "state": LazyText("Status"),
    "status": LazyText("Status"),
    "time_zone": LazyText("Time zone"),
    "types": LazyText("Types that it gives or renews"),
    "undone_at": LazyText("Undone"),
    "user_id": LazyText("Login"),
    "validity_months": LazyText("Months"),
    "validity_rule": LazyText("How long it holds"),
    "withdrawn_at": LazyText("Withdrawn"),
    "website": LazyText("Web page"),
}
_OTHER: Final = LazyText("Another detail")
_VALUES: Final[Mapping[str, LazyText]] = {
    "coordinator": LazyText("Coordinator"),
    "language": LazyText("Language"),
    "org_admin": LazyText("Administrator"),
    "peer_mentor": LazyText("Peer mentor"),
    "topic": LazyText("Topic"),
    "import_preview": LazyText("Preview of an import"),
    "import": LazyText("Import"),
    "export": LazyText("Export"),
    "months": LazyText("Months from the day of issue"),
    "end_of_year": LazyText("To 31 December, a number of years on"),
    "unlimited": LazyText("Without end"),
    "open": LazyText("Waits for a coordinator"),
    "asked_back": LazyText("Waits for the peer mentor's answer"),
    "approved": LazyText("Approved"),
    "refused": LazyText("Refused"),
    "withdrawn": LazyText("Withdrawn"),
    "planned": LazyText("Planned"),
    "cancelled": LazyText("Called off"),
    "closed": LazyText("Closed"),
    "seated": LazyText("Has a seat"),
    "waiting": LazyText("On the waiting list"),
    "unannounced": LazyText("Came without having signed up"),
    "attended": LazyText("Attended"),
    "absent": LazyText("Did not come"),
}


def row_names(context: RequestContext, ids: Collection[UUID]) -> dict[UUID, str]:
    """Return what the rows with these ids are called; of what is switched off, nothing."""
    try:
        with context.conn.transaction():
            return audit_log.row_names(context.conn, context.member()[1].id, ids, context.language)
    except EndpointDisabledError:
        return {}


def field_text(context: RequestContext, name: str) -> str:
    """Return what a field is called."""
    return context._(_FIELDS.get(name, _OTHER))


def value_text(context: RequestContext, value: Any, names: Mapping[str, str]) -> str:
    """Return a value as people read it; an id without a name, and a code without a word, are not shown."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return ", ".join(value_text(context, item, names) for item in value) or "–"
    if isinstance(value, bool):
        return context._("Yes") if value else context._("No")
    if not isinstance(value, str):
        return "–" if value is None else str(value)
    known = names.get(value) or (context._(_VALUES[value]) if value in _VALUES else None)
    if known is None and (_ID.fullmatch(value) or _CODE.fullmatch(value)):
        return context._("not shown")
    return known or known_reason(context, value) or _time_text(context, value) or value


def _time_text(context: RequestContext, value: str) -> str | None:
    try:
        return written(context, "day", date.fromisoformat(value))
    except ValueError:
        pass
    try:
        return written(context, "moment", datetime.fromisoformat(value), time_zone_of(context))
    except ValueError:
        return None
