"""Guards of the sending to portals: the breaker's parts; see `tests.support.mutations`."""

from typing import Final

from tests.support.mutations import Mutation, function

_CLAIM: Final = "mentorcert_portal.claim(uuid,integer,interval,timestamptz)"
_RECORD: Final = "mentorcert_portal.record_failures(uuid,jsonb,timestamptz)"
_ACKNOWLEDGE: Final = "mentorcert_portal.acknowledge(uuid,jsonb,text,timestamptz)"

MUTATIONS: Final[list[Mutation]] = [
    # Half open: one row at a time, after a pause, of all a removal.
    function("portal_leases", _CLAIM, "if connection.breaker = 'open' then", "if false then"),
    function("portal_leases", _CLAIM, "limit 1\n", "limit 50\n"),
    function(
        "portal_leases",
        _CLAIM,
        "order by state.attempts, not state.is_removal,",
        "order by state.is_removal,",
    ),
    function("portal_leases", _CLAIM, "set resume_at = at + lease", "set resume_at = at"),
    # A removal waits 15 minutes at most.
    function(
        "portal_leases",
        "mentorcert_portal.longest_pause(boolean)",
        "interval '15 minutes'",
        "interval '6 hours'",
    ),
    # What is about a row stays with the row, and the connection is blocked only while nothing succeeds.
    function(
        "portal_leases",
        _RECORD,
        "or result.outcome = 'rejected' and result.attempt = 1",
        "or result.outcome = 'rejected'",
    ),
    function(
        "portal_leases",
        _RECORD,
        "breaker = case when connection.failures + failed >= 20",
        "breaker = case when false",
    ),
    function("portal_leases", _ACKNOWLEDGE, "failures = 0, breaker = 'closed'", "breaker = 'closed'"),
    function("portal_leases", _ACKNOWLEDGE, "failures = 0, breaker = 'closed'", "failures = 0"),
]
