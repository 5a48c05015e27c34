"""Guards of what is kept for the overview, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "counted_changes"
_STATE: Final = "mentorcert_private.counted_state(pg_snapshot)"
_MARKS: Final = "mentorcert_private.delete_outdated_marks()"

MUTATIONS: Final = [
    *(
        Mutation(_FILE, f"alter table mentorcert_private.{table} disable trigger mark_counted_on_{event}")
        for table in ("courses", "course_sign_ups")
        for event in ("insert", "update", "delete", "truncate")
    ),
    *(
        function(_FILE, _STATE, f"perform mentorcert_private.check_endpoint('{endpoint}');", "")
        for endpoint in ("certifications", "organisations", "peer_mentors")
    ),
    function(_FILE, _STATE, "change.organisation_id = administered and", ""),
    function(_FILE, _STATE, "and not pg_visible_in_snapshot(change.transaction_id, known)", ""),
    function(
        _FILE,
        _STATE,
        "change.transaction_id >= pg_snapshot_xmin(known)",
        "change.transaction_id >= pg_snapshot_xmax(known)",
    ),
    function(_FILE, _STATE, "known is not null and", "known is null or"),
    function(_FILE, _MARKS, "interval '1 day'", "interval '0'"),
    function(_FILE, _MARKS, "change.settled_at <", "change.recorded_at <"),
    function(_FILE, _MARKS, " where change.settled_at is null", ""),
    function(
        _FILE,
        "mentorcert_private.delete_outdated(integer)",
        "perform mentorcert_private.delete_outdated_marks();",
        "",
    ),
]
