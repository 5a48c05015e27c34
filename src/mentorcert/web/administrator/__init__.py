"""The administrator's pages: what the organisation is made of, and how the machinery behind it stands."""

from fastapi import APIRouter

from mentorcert.web.administrator import (
    audit,
    certificates,
    chapters,
    consequences,
    endpoints,
    extensions,
    invitations,
    landing,
    membership_name,
    memberships,
    mentor_chapters,
    mentor_invitations,
    merging,
    merging_into,
    nightly,
    organisation,
    portal,
    replay,
    retirement,
    reversals,
    topics,
    types,
    withdrawal,
)

router = APIRouter()
for _topic in (
    landing, retirement, merging_into, organisation, topics, certificates, types, chapters, memberships, membership_name,
    mentor_invitations, invitations, mentor_chapters, merging,
    consequences, extensions,
    reversals, nightly, portal, replay, endpoints, audit, withdrawal,
):  # fmt: skip
    router.include_router(_topic.router)
