"""The rows that the Data API returns, a class for each table; written by `make types`."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue


class _Row(BaseModel):
    # Rows hold personal data, which no error may show.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class MentorcertAuditLog(_Row):
    """A row of `mentorcert.audit_log`."""

    action: str
    actor: JsonValue
    after: JsonValue | None
    before: JsonValue | None
    id: UUID
    organisation_id: UUID | None
    recorded_at: datetime
    row_id: str
    table_name: str


class MentorcertCertificationRenewalEvents(_Row):
    """A row of `mentorcert.certification_renewal_events`."""

    certification_id: UUID
    entry: JsonValue
    entry_id: UUID
    organisation_id: UUID
    position: int


class MentorcertCertificationTypes(_Row):
    """A row of `mentorcert.certification_types`."""

    after_lapse: str
    certificate_en: str | None
    certificate_nb: str | None
    code: str
    created_at: datetime
    early_renewal_days: int | None
    gives_certificate: bool
    id: UUID
    merged_into_id: UUID | None
    name_en: str
    name_nb: str
    organisation_id: UUID
    refresher_months: int | None
    reminder_days: list[int]
    required_for_listing: bool
    retired_on: date | None
    retired_reason: str | None
    updated_at: datetime
    validity_months: int | None
    validity_rule: str
    version: int


class MentorcertChapters(_Row):
    """A row of `mentorcert.chapters`."""

    code: str
    contact_email: str | None
    contact_phone: str | None
    created_at: datetime
    id: UUID
    merged_into_id: UUID | None
    name: str
    organisation_id: UUID
    parent_id: UUID | None
    places: list[str]
    retired_on: date | None
    retired_reason: str | None
    updated_at: datetime
    version: int
    website: str | None


class MentorcertListingConsents(_Row):
    """A row of `mentorcert.listing_consents`."""

    actor: JsonValue
    id: UUID
    is_given: bool
    organisation_id: UUID
    peer_mentor_id: UUID
    reason: str | None
    recorded_at: datetime
    way: str


class MentorcertMemberships(_Row):
    """A row of `mentorcert.memberships`."""

    chapter_id: UUID | None
    created_at: datetime
    ended_at: datetime | None
    full_name: str | None
    id: UUID
    organisation_id: UUID
    role: str
    updated_at: datetime
    user_id: UUID
    version: int


class MentorcertOrganisations(_Row):
    """A row of `mentorcert.organisations`."""

    created_at: datetime
    id: UUID
    name: str
    slug: str
    time_zone: str
    updated_at: datetime
    version: int


class MentorcertPeerMentorChapters(_Row):
    """A row of `mentorcert.peer_mentor_chapters`."""

    chapter_id: UUID
    created_at: datetime
    ended_at: datetime | None
    id: UUID
    organisation_id: UUID
    peer_mentor_id: UUID
    updated_at: datetime
    version: int


class MentorcertPeerMentors(_Row):
    """A row of `mentorcert.peer_mentors`."""

    chapter_ids: list[UUID]
    created_at: datetime
    display_name: str | None
    email: str | None
    erased_at: datetime | None
    external_id: str
    full_name: str
    id: UUID
    language: str
    left_on: date | None
    left_reason: str | None
    listing_consent: bool
    merged_into: UUID | None
    organisation_id: UUID
    phone: str | None
    reminders_paused: bool
    search_keys: str
    sort_key: str
    updated_at: datetime
    user_id: UUID | None
    version: int


class PublicListedPeerMentors(_Row):
    """A row of `public.listed_peer_mentors`."""

    chapter_codes: list[str]
    chapters: list[str]
    display_name: str
    listed_until: datetime
    organisation_id: UUID
    organisation_slug: str
    peer_mentor_id: UUID
    search_keys: str
    sort_key: str
    topic_ids: list[UUID]


class PublicPeerMentorCertifications(_Row):
    """A row of `public.peer_mentor_certifications`."""

    certification_type: str
    chapter_ids: list[UUID]
    created_at: datetime
    expires_at: datetime | None
    id: UUID
    issued_at: datetime
    organisation_id: UUID
    peer_mentor_id: UUID
    renewal_history: JsonValue
    status: str
    updated_at: datetime


class MentorcertPeerMentorCertifications(_Row):
    """A row of `mentorcert.peer_mentor_certifications`."""

    certification_type: str
    chapter_ids: list[UUID]
    created_at: datetime
    current_status: str | None
    expires_at: datetime | None
    id: UUID
    issued_at: datetime
    last_valid_day: date | None
    organisation_id: UUID
    peer_mentor_id: UUID
    renewal_history: JsonValue
    status: str
    updated_at: datetime
