"""Whether a portal shows what the registry says, and whether it ever went back to an older version."""

from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx2

from mentorcert.db.connection import Connection
from tests.support.registry import fetch, rows

_UNSETTLED = """
select count(*) from mentorcert_portal.states
where organisation_id = %s
  and (
    state <> 'in_sync' or lease_token is not null
    or next_attempt_at < clock_timestamp() + interval '1 minute'
  )
"""
_EXPECTED = """
select
  desired.peer_mentor_id,
  state.epoch,
  state.confirmed_version,
  desired.content ->> 'status',
  (desired.content ->> 'listed')::boolean,
  (desired.content ->> 'listed_until')::timestamptz
from mentorcert_portal.states as state
cross join lateral mentorcert_portal.desired_content(array[state.peer_mentor_id], clock_timestamp()) as desired
where state.organisation_id = %s
"""


def is_settled(conn: Connection, organisation: UUID) -> bool:
    """Return whether everything is confirmed, nothing is leased, and nothing becomes due within a minute."""
    unsettled: int = fetch(conn, _UNSETTLED, organisation)
    return unsettled == 0


def disagreements(conn: Connection, organisation: UUID, portal: httpx2.Client) -> list[str]:
    """Return of whom the portal says something else than the registry, or less, and what is unconfirmed."""
    said, after = dict[UUID, tuple[Any, ...]](), "/state.json"
    while after:
        page = portal.get(after).raise_for_status().json()
        said |= {UUID(one["peer_mentor_id"]): _of(one) for one in page["peer_mentors"]}
        after = page["next"]
    expected = {mentor: tuple(rest) for mentor, *rest in rows(conn, _EXPECTED, organisation)}
    found = [
        f"{mentor}: the portal says {said.get(mentor)}, the registry {expected.get(mentor)}"
        for mentor in said.keys() | expected.keys()
        if said.get(mentor) != expected.get(mentor)
    ]
    return found if is_settled(conn, organisation) else [*found, "not everything is confirmed"]


def steps_back(portal: httpx2.Client) -> list[str]:
    """Return where the portal let an older version replace a newer one."""
    applied: dict[str, list[tuple[int, int]]] = {}
    for one in portal.get("/history").raise_for_status().json()["deliveries"]:
        if one["outcome"] == "applied":
            version = one["mentor_epoch"] or 0, one["mentor_version"]
            applied.setdefault(one["peer_mentor_id"], []).append(version)
    return [
        f"{mentor}: version {later} over {earlier}"
        for mentor, versions in applied.items()
        for earlier, later in pairwise(versions)
        if later < earlier
    ]


def _of(one: dict[str, Any]) -> tuple[Any, ...]:
    until = one["listed_until"]
    return (
        one["mentor_epoch"] or 0,
        one["mentor_version"],
        one["status"],
        one["listed"],
        until and datetime.fromisoformat(until),
    )
