"""Guards of the forecast, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_REACH: Final = "mentorcert_private.forecast_reach()"
_ENDS: Final = "mentorcert_private.forecast_ends(uuid,integer)"
_AWAY: Final = "mentorcert_private.people_away(uuid,uuid[])"
_PLANNED: Final = "mentorcert_private.planned_renewals(uuid,uuid[],timestamptz)"
_POSSIBLE: Final = "mentorcert_private.possible_renewals(uuid,uuid[],timestamptz,uuid[])"
_LIST: Final = "mentorcert_private.list_renewals(uuid,uuid[],integer)"
_COUNT: Final = "mentorcert_private.count_coverage(uuid,uuid[],integer)"
_RENEWALS: Final = "public.forecast_renewals(integer,uuid)"


def _guard(signature: str, guard: str, instead: str = "") -> Mutation:
    return function("forecast", signature, guard, instead)


MUTATIONS: Final = [
    # Of whom
    _guard(_REACH, "perform mentorcert_private.check_endpoint('certifications');"),
    _guard(_REACH, "reach = '{}'", "false"),
    _guard(
        _REACH,
        "case when mentorcert_private.administered_organisation_id() is null"
        " then mentorcert_private.coordinated_chapter_ids() end",
        "null",
    ),
    _guard(_ENDS, "(months between 1 and 24) is not true", "false"),
    _guard(_RENEWALS, "where reach is null or id = any(reach)"),
    _guard(_LIST, "held.organisation_id = organisation and"),
    _guard(_LIST, "and (reach is null or held.chapter_ids && reach)"),
    _guard(_LIST, "and held.peer_mentor_id <> all(away)"),
    _guard(_LIST, "held.status <> 'suspended'", "true"),
    _guard(_COUNT, "and held.peer_mentor_id <> all(away)"),
    _guard(_COUNT, "and (reach is null or chapter.id = any(reach))"),
    _guard(_AWAY, "mentor.left_on <= today", "mentor.left_on < today"),
    # What is expected
    _guard(_PLANNED, "when given.outcome = 'refused' then 'refused'"),
    _guard(_PLANNED, "when sign_up.state = 'waiting' and sign_up.attendance is null then 'waits'"),
    _guard(_COUNT, "renewal.outlook = 'expected' and"),
    _guard(_POSSIBLE, "where seated.seat <= free"),
]
