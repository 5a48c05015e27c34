"""`mentorcert explain-access`: the rule that holds, or why none does, and Postgres as a second witness."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from tests.support.command import Mentorcert
from tests.support.registry import Organisation, join, set_up

DROP_RESTRICTIVE = (
    "do $$ declare name text; begin for name in select policyname from pg_policies"
    " where tablename = 'peer_mentor_certifications' and permissive = 'RESTRICTIVE' loop"
    " execute format('drop policy %I on public.peer_mentor_certifications', name); end loop; end $$"
)


@dataclass(frozen=True)
class Case:
    """An organisation with one certified peer mentor in chapter OSL, another organisation, and a stranger."""

    conn: Connection
    one: Organisation
    other: Organisation
    mentor: UUID
    certification: UUID
    login: UUID

    def chapter(self, code: str, parent: UUID | None = None) -> UUID:
        chapter = uuid4()
        self.conn.execute(
            "insert into mentorcert.chapters (id, organisation_id, parent_id, code, name)"
            " values (%s, %s, %s, %s, 'Name')",
            (chapter, self.one.id, parent, code),
        )
        return chapter

    def end(self, membership: UUID) -> None:
        self.conn.execute(
            "update mentorcert.memberships set ended_at = '2026-11-01 12:00Z' where id = %s", (membership,)
        )


@pytest.fixture
def case(conn: Connection) -> Case:
    one, other, login = set_up(conn, "one"), set_up(conn, "other"), uuid4()
    conn.execute("insert into auth.users (id, email) values (%s, 'Kari@example.org')", (login,))
    mentor = one.mentor()
    return Case(conn, one, other, mentor, one.certify(mentor), login)


def explain(
    mentorcert: Mentorcert, case: Case, *arguments: str, login: UUID | str | None = None, exit_code: int = 0
) -> dict[str, Any]:
    """Run the command; return its JSON."""
    user = str(login or case.login)
    done = mentorcert("explain-access", user, str(case.certification), "--json", *arguments)
    assert done.returncode == exit_code, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["by_postgres"] == answer["by_model"] or exit_code
    return answer


def says(answer: dict[str, Any], *, sees: bool, changes: bool, reason: str, advice: str = "") -> None:
    """Assert what the rules say, and why."""
    assert answer["by_model"] == {"sees": sees, "changes": changes}
    assert reason in answer["reason"]
    assert advice in answer["advice"]
    assert bool(answer["advice"]) is not sees


def test_the_administrator(case: Case, mentorcert: Mentorcert) -> None:
    says(
        explain(mentorcert, case, login=case.one.admin), sees=True, changes=True, reason="whole organisation"
    )


def test_the_coordinator_of_a_chapter_above(case: Case, mentorcert: Mentorcert) -> None:
    county = case.chapter("COUNTY")
    case.conn.execute(
        "update mentorcert.chapters set parent_id = %s where id = %s", (county, case.one.chapter)
    )
    join(case.one, case.login, "coordinator", county)
    says(explain(mentorcert, case), sees=True, changes=True, reason="coordinated chapters")


def test_the_peer_mentor_reads_and_does_not_change(case: Case, mentorcert: Mentorcert) -> None:
    case.conn.execute("update mentorcert.peer_mentors set user_id = %s", (case.login,))
    join(case.one, case.login, "peer_mentor")
    says(explain(mentorcert, case, login="kari@EXAMPLE.org"), sees=True, changes=False, reason="is the own")


def test_never_a_member(case: Case, mentorcert: Mentorcert) -> None:
    says(
        explain(mentorcert, case), sees=False, changes=False, reason="no membership", advice="never a member"
    )


def test_a_membership_that_ended(case: Case, mentorcert: Mentorcert) -> None:
    case.end(join(case.one, case.login, "org_admin"))
    answer = explain(mentorcert, case)
    says(answer, sees=False, changes=False, reason="no membership", advice="has ended")
    text = mentorcert("explain-access", str(case.login), str(case.certification)).stdout
    assert "org_admin in one, ended on 2026-11-01" in text


def test_of_another_organisation(case: Case, mentorcert: Mentorcert) -> None:
    answer = explain(mentorcert, case, login=case.other.admin)
    says(
        answer,
        sees=False,
        changes=False,
        reason="not of the organisation",
        advice="where the login is no member.",
    )


def test_of_another_organisation_since_the_membership_ended(case: Case, mentorcert: Mentorcert) -> None:
    case.end(join(case.one, case.other.admin, "coordinator", case.one.chapter))
    answer = explain(mentorcert, case, login=case.other.admin)
    says(answer, sees=False, changes=False, reason="not of the organisation", advice="ended on 2026-11-01")


def test_the_coordinator_of_another_chapter(case: Case, mentorcert: Mentorcert) -> None:
    join(case.one, case.login, "coordinator", case.chapter("BGO"))
    answer = explain(mentorcert, case)
    says(answer, sees=False, changes=False, reason="neither", advice="coordinates BGO and what lies under it")
    assert "the peer mentor is in OSL" in answer["advice"]


def test_a_peer_mentor_whose_row_has_no_login(case: Case, mentorcert: Mentorcert) -> None:
    join(case.one, case.login, "peer_mentor")
    says(
        explain(mentorcert, case),
        sees=False, changes=False, reason="neither", advice="no peer mentor of one has this login",
    )  # fmt: skip


def test_two_organisations_and_what_the_token_names(case: Case, mentorcert: Mentorcert) -> None:
    join(case.one, case.other.admin, "coordinator", case.one.chapter)

    def explained(*arguments: str) -> dict[str, Any]:
        return explain(mentorcert, case, *arguments, login=case.other.admin)

    says(explained(), sees=False, changes=False, reason="names none", advice="one of one, other")
    says(
        explained("--organisation-claim", "other"),
        sees=False, changes=False, reason="not of", advice="--organisation-claim one",
    )  # fmt: skip
    answer = explained("--organisation-claim", "one")
    says(answer, sees=True, changes=True, reason="coordinated chapters")
    assert answer["acts_in"] == "one"


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ("for select to authenticated using (true)", {"sees": True, "changes": False}),
        ("as restrictive for select to authenticated using (false)", {"sees": False, "changes": False}),
        ("for all to authenticated using (true)", {"sees": True, "changes": True}),
    ],
)
def test_a_disagreement_is_reported(
    case: Case, mentorcert: Mentorcert, policy: str, found: dict[str, bool]
) -> None:
    login = case.one.admin if "restrictive" in policy else case.other.admin
    if "restrictive" not in policy:
        case.conn.execute(DROP_RESTRICTIVE)
    case.conn.execute(f"create policy gap on public.peer_mentor_certifications {policy}".encode())
    assert explain(mentorcert, case, login=login, exit_code=1)["by_postgres"] == found
    done = mentorcert("explain-access", str(login), str(case.certification))
    assert done.returncode == 1
    assert "Report this" in done.stdout


def test_a_switched_off_endpoint_is_named(case: Case, mentorcert: Mentorcert) -> None:
    case.conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'a gap')"
    )
    done = mentorcert("explain-access", str(case.one.admin), str(case.certification))
    assert done.returncode == 0
    assert "by the rules: sees it: yes" in done.stdout
    assert "the endpoint certifications has been switched off" in done.stdout
    assert "(a gap)" in done.stdout
    assert "Postgres answers" not in done.stdout


def test_bad_input(case: Case, mentorcert: Mentorcert) -> None:
    for user, certification, claim, said in (
        ("nobody@example.org", case.certification, "one", "No login has this"),
        (case.one.admin, uuid4(), "one", "There is no certification"),
        (case.one.admin, case.certification, "third", "third"),
    ):
        done = mentorcert("explain-access", str(user), str(certification), "--organisation-claim", claim)
        assert done.returncode == 2
        assert said in done.stderr
        assert "nobody@example.org" not in done.stderr


def test_who_signs_up_for_courses_and_says_who_attended(mentorcert: Mentorcert, case: Case) -> None:
    login = uuid4()
    join(case.one, login, "peer_mentor")
    case.conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (login, case.mentor))
    own = explain(mentorcert, case, login=login)
    assert (own["signs_up"], own["settles"], own["forecasts"]) == (True, False, False)
    assert not explain(mentorcert, case)["signs_up"]
    join(case.one, case.login, "coordinator", case.one.chapter)
    coordinator = explain(mentorcert, case)
    assert (coordinator["signs_up"], coordinator["settles"], coordinator["forecasts"]) == (True, True, True)
    text = mentorcert("explain-access", str(case.login), str(case.certification)).stdout
    assert "has it in the forecast, while it is to end: yes" in text
