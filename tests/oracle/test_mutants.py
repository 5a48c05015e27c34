"""Every policy and grant is taken away or widened in turn, and the oracle notices each."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import aiosql
import pytest

from mentorcert.access.rules import reach
from mentorcert.db.connection import Connection, connect
from tests.oracle import function_probes, grant_probes, laying, table_probes
from tests.oracle.comparison import Difference, Probe, compare
from tests.oracle.worlds import dense
from tests.support.servers import on_embedded_18

_QUERIES = aiosql.from_path(Path(__file__).with_name("mutants.sql"), "psycopg")

# Mutants that change nothing for anybody, and why: policy or grant, and reason.
_JUDGED_BEFORE: Final = (
    "USING has judged the row before, by columns that are not granted: the new row passes as the old one did."
)
UNNOTICED: Final = {
    r"the endpoint \w+ is switched on \(\w+\): (dropped|using true)": (
        "While nothing is switched off it lets everything through; the tests of endpoints switch them off."
    ),
    r"administrators (change|rename|take)[^(]* \(\w+\): with check true": _JUDGED_BEFORE,
    r"coordinators and administrators change certifications \(\w+\): with check true": _JUDGED_BEFORE,
    r"coordinators and administrators register certifications \(\w+\): with check true": (
        "The trigger record_change asks for the same right before, with a SQLSTATE of its own."
    ),
    r"members read (certifications|peer mentors) of their organisation \(\w+\): using true": (
        "The restrictive policy beside it asks for the reach, which lies within the organisation."
    ),
    r"administrators add peer mentors to their organisation \(\w+\): with check true": (
        "The restrictive policy beside it asks for the same of a row without chapters."
    ),
    r"revoke execute on mentorcert_private\.(log_access|member_organisation_ids|sees_organisation)\(.*\) from authenticated": (
        "The access log of pages and API is written by it; nobody sees or changes a row of the registry by it."
    ),
    r"revoke execute on mentorcert_private\."
    r"(count_certifications|counted_state|latest_change|look_alikes|own_organisation|reverted_entry)\(.*\) from authenticated": (
        "Previews and forms call it: supabase/tests/database and tests/web say what it answers."
    ),
    r"grant select on mentorcert_private\."
    r"(change_batches|extensions|form_drafts|invitations|job_runs|letters|nights|task_rows) to authenticated": (
        "Each column is granted already, by name."
    ),
    r"revoke execute on mentorcert_private\.(look_up_login|found_login|member_logins|record_reversal|preview_extension"
    r"|preview_replay|preview_reversal|preview_batch_reversal|record_batch|revert_batch|undo_change|withdraw_consents|require_administ(?:ered_organisation|rator)|set_portal_mode|is_unaddressable|request_task"
    r"|addresses_to_invite|peer_mentors_to_invite|invite|invite_peer_mentors|withdraw_invitations|resend_invitations"
    r"|cancel_task|end_session|acknowledge_portal_alert|decide_portal_conflict|merge_chapter|merge_type|merge_peer_mentors"
    r"|undo_merge(?:_of_(?:chapter|type))?)\(.*\) from authenticated": (
        "The administrator's pages call it: supabase/tests/database says who may, and what it does."
    ),
    r"grant (?:execute on mentorcert\.certifications_page\(.*\)|.* on mentorcert\.\w+) to anon": (
        "Anon has no way into the schema; that right is one of its own."
    ),
    r"grant (?:insert|update|delete|truncate)\b.* on mentorcert\.peer_mentor_certifications to authenticated": (
        "The view has the rights of its caller, who needs those to the table as well."
    ),
    r"revoke execute on mentorcert_private\.(?:\w+_letter|letter_\w+|letters_to|\w+_merged_into|reply_\w+|reminders_\w+)\(.*": (
        "The pages of letters, reminders and people call it: supabase/tests/database says who may, and what it does."
    ),
    r"revoke execute on (?:rename|remove)_filter\(.*\) from authenticated": (
        "The worlds have no saved filters: supabase/tests/database says whose they are, and what may be done."
    ),
    r"revoke execute on (?:change|settle|remove)_note\(.*\) from authenticated": (
        "The worlds have no notes to change: supabase/tests/database says who may, and what it does."
    ),
    r"revoke execute on (?:\w+_renewal_request|mentorcert_private\.request_to_approve)\(.*\) from authenticated": (
        "The worlds have no requests to settle: supabase/tests/database says who may, and what it does."
    ),
    r"revoke execute on (?:(?:change|cancel|close|reopen|sign_up(?:_people)?_for|withdraw_from)_course|set_course_attendance"
    r"|missing_for_course|preview_course_closing|mentorcert_private\.(?:close_locked_course"
    r"|course_to_close|course_to_open))\(.*\) from authenticated": (
        "The worlds have no courses to manage: supabase/tests/database says who may, and what it does."
    ),
    r"revoke execute on remind_now\(.*\) from authenticated": (
        "Nobody in the worlds is due a reminder: supabase/tests/database says who may, and what it does."
    ),
    r"revoke execute on mentorcert_private\.standing_condition\(.*\) from authenticated": (
        "The list calls it where somebody asks who lacks what: tests/integration compares that with a model."
    ),
    r"revoke usage on schema public from (anon|authenticated)": "PUBLIC has it too, as PostgreSQL comes.",
}


@dataclass(frozen=True)
class Mutant:
    """One policy or grant less or more."""

    name: str
    target: str
    """The table or function that it is about."""
    statement: str


def mutants(conn: Connection) -> list[Mutant]:
    """Read the mutants of all that the catalogue has."""
    queries = (
        _QUERIES.policies,
        _QUERIES.row_level_security,
        _QUERIES.table_grants,
        _QUERIES.column_grants,
        _QUERIES.private_tables,
        _QUERIES.functions,
        _QUERIES.schemas,
    )
    return [Mutant(*row) for query in queries for row in conn.execute(query.sql)]


class Oracle:
    """Everybody's probes of one world, worked out once."""

    def __init__(self, conn: Connection) -> None:
        case = dense()
        world = laying.lay(conn, case)
        exposed = grant_probes.columns(conn, "public", "mentorcert")
        private = grant_probes.columns(conn, "mentorcert_private")
        actors = case.actors()
        self._conn = conn
        everybody = [reach(world, actor) for actor in actors]
        self._everybody = [
            *((within, list(grant_probes.probes(within, exposed, private))) for within in everybody[:2]),
            *(
                (within, [*table_probes.probes(within), *function_probes.probes(within)])
                for within in everybody
            ),
        ]

    def notices(self, mutant: Mutant, *, everywhere: bool = True) -> Difference | None:
        """Return the first difference, looking first where the mutant is, and then `everywhere`."""
        with self._conn.transaction(force_rollback=True):
            self._conn.execute(mutant.statement.encode())
            differences = chain(
                self._differences(lambda probe: probe.target == mutant.target),
                self._differences(lambda probe: everywhere and probe.target != mutant.target),
            )
            return next(differences, None)

    def _differences(self, tried: Callable[[Probe], bool]) -> Iterator[Difference]:
        for within, probes in self._everybody:
            yield from compare(self._conn, within, list(filter(tried, probes)))


@on_embedded_18
def test_the_oracle_notices_every_mutant(database: str, request: pytest.FixtureRequest) -> None:
    with connect(database) as conn:
        oracle = Oracle(conn)
        assert oracle.notices(Mutant("none", "", "select")) is None
        reasons = {mutant.name: _reason(mutant) for mutant in mutants(conn)}
        noticed = {
            mutant.name: oracle.notices(mutant, everywhere=reasons[mutant.name] is None)
            for mutant in mutants(conn)
        }
    table = "\n".join(
        f"{name:100} {difference.cell if difference else reasons[name] or 'NOBODY'}"
        for name, difference in noticed.items()
    )
    request.node.add_report_section("call", "mutants", table)
    assert [
        name for name, difference in noticed.items() if (difference is None) != (reasons[name] is not None)
    ] == []
    assert [
        pattern for pattern in UNNOTICED if not any(re.fullmatch(pattern, name) for name in noticed)
    ] == []


def _reason(mutant: Mutant) -> str | None:
    return next((reason for pattern, reason in UNNOTICED.items() if re.fullmatch(pattern, mutant.name)), None)
