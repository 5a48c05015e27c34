"""Invitations in the pages: made, listed, made again, withdrawn, and accepted in the moment of the sign-in."""

import re
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from tests.support.cases import in_turn
from tests.support.registry import Organisation, fetch, join, rows
from tests.web.administrator.conftest import HOSTILE, Browser
from tests.web.conftest import Site, hidden

PAGE = "/admin/invitations"
MENTORS = f"{PAGE}/mentors"


def states(conn: Connection) -> list[tuple[str, str]]:
    return rows(
        conn,
        "select email, case when accepted_at is not null then 'accepted' when withdrawn_at is not null then 'withdrawn'"
        " else 'open' end from mentorcert_private.invitations order by email, invited_at",
    )


def with_address(organisation: Organisation, number: str) -> UUID:
    mentor = organisation.mentor(number)
    organisation.conn.execute(
        "update mentorcert.peer_mentors set email = %s where id = %s", (f"person{number}@example.org", mentor)
    )
    return mentor


def test_by_address(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    where = admin.post(
        PAGE,
        page=PAGE,
        emails="kari@example.org\n ola@example.org;",
        role="coordinator",
        chapter_id=organisation.chapter,
    )
    html = admin.get(where)
    assert "2 people are invited." in html
    assert "To be sent" in html
    assert "Coordinator, Oslo" in html
    assert states(conn) == [("kari@example.org", "open"), ("ola@example.org", "open")]
    admin.post(
        PAGE, page=PAGE, emails="Kari@example.org", role="coordinator", chapter_id=organisation.chapter
    )
    assert "Everybody is invited already." in admin.get(PAGE)


def test_no_answer_tells_whether_there_is_a_login(admin: Browser, conn: Connection) -> None:
    conn.execute("insert into auth.users (email, email_confirmed_at) values ('kari@example.org', now())")
    pages = []
    for name in ("kari", "nobody"):
        admin.post(PAGE, page=PAGE, emails=f"{name}@example.org", role="org_admin")
        pages.append(admin.get(PAGE))
        admin.post(
            f"{PAGE}/{fetch(conn, 'select id from mentorcert_private.invitations')}/withdraw", page=PAGE
        )
        conn.execute("delete from mentorcert_private.invitations")
    first, second = (
        re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|value=\"[^\"]*\"", "", page).replace(
            "kari", "nobody"
        )
        for page in pages
    )
    assert first.partition("<main")[2] == second.partition("<main")[2]


@in_turn(
    ("form", "said"),
    [
        ({"emails": ""}, "Write at least one e-mail address."),
        ({"emails": "kari"}, "No mail can be sent to kari."),
        ({"role": "coordinator"}, "A coordinator needs a chapter"),
        ({"chapter_id": "00000000-0000-4000-8000-000000000000"}, "A coordinator needs a chapter"),
        (
            {"role": "coordinator", "chapter_id": "00000000-0000-4000-8000-000000000000"},
            "Choose a chapter from",
        ),
    ],
)
def test_bad_input_comes_back_with_its_error(
    admin: Browser, conn: Connection, form: dict[str, str], said: str
) -> None:
    given = {"emails": "kari@example.org", "role": "org_admin", **form}
    html = admin.post(PAGE, 422, page=PAGE, **given)
    assert said in html
    assert f">{given['emails']}</textarea>" in html.replace("> ", ">")
    assert states(conn) == []


def test_all_peer_mentors(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    for number in ("1", "2", "3"):
        with_address(organisation, number)
    organisation.mentor("4")
    linked = with_address(organisation, "5")
    join(organisation, login := uuid4(), "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (login, linked))
    html = admin.get(MENTORS)
    for said in (
        "3 people get a mail",
        "Nothing is sent yet.",
        "Person 1",
        "Has no e-mail address: 1",
        "Has a login: 1",
    ):
        assert said in html
    shown = hidden(html, "shown")
    with_address(organisation, "6")
    again = admin.post(MENTORS, 409, page=MENTORS, scope="every", shown=shown)
    assert "Something has changed meanwhile." in again
    assert states(conn) == []
    admin.post(MENTORS, page=MENTORS, scope="every", shown=hidden(again, "shown"))
    assert len(states(conn)) == 4
    html = admin.get(MENTORS)
    assert "Nobody is left to invite." in html
    assert "Invited already: 4" in html


def test_chosen_of_the_list(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    chosen, _ = with_address(organisation, "1"), with_address(organisation, "2")
    html = admin.post(MENTORS, 200, page="/mentors", id=str(chosen))
    assert "1 person gets a mail" in html
    admin.post(MENTORS, page="/mentors", id=str(chosen), shown=hidden(html, "shown"))
    assert states(conn) == [("person1@example.org", "open")]
    assert "2 people" not in admin.post(MENTORS, 200, page="/mentors", scope="every", query="q=Person+2")
    admin.post(MENTORS, page="/mentors", query="q=Person+2")
    assert "Choose at least one peer mentor first." in admin.get("/mentors")


def test_the_page_of_a_peer_mentor(
    admin: Browser, site: Site, organisation: Organisation, coordinator: UUID
) -> None:
    mentor = with_address(organisation, "1")
    link = f'href="{MENTORS}?mentor={mentor}"'
    assert link in admin.get(f"/mentors/{mentor}")
    assert link not in Browser(site.client(coordinator)).get(f"/mentors/{mentor}")
    html = admin.get(f"{MENTORS}?mentor={mentor}")
    admin.post(MENTORS, page=MENTORS, id=str(mentor), shown=hidden(html, "shown"))
    assert "Invited: To be sent" in admin.get(f"/mentors/{mentor}")
    assert "1 not answered" in admin.get("/admin")


def test_again_and_withdrawn(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    admin.post(PAGE, page=PAGE, emails="kari@example.org", role="org_admin")
    one = f"{PAGE}/{fetch(conn, 'select id from mentorcert_private.invitations')}"
    assert "Send again" not in admin.get(PAGE)
    admin.post(f"{one}/resend", page=PAGE)
    assert "a moment ago" in admin.get(PAGE)
    conn.execute(
        "update mentorcert_private.invitations set invited_at = now() - interval '20 days', expires_at = now(), mailed_at = now()"
    )
    assert "Expired" in admin.get(PAGE)
    admin.post(f"{one}/resend", page=PAGE)
    assert "sent again, with a new last day" in admin.get(PAGE)
    assert fetch(conn, "select mailed_at is null and expires_at > now() from mentorcert_private.invitations")
    admin.post(f"{one}/withdraw", page=PAGE)
    assert "The invitation is withdrawn." in admin.get(PAGE)
    assert "No invitation waits for an answer." in admin.get(PAGE)
    assert "Withdrawn" in admin.get(f"{PAGE}?show=settled")
    admin.post(f"{one}/withdraw", page=PAGE)
    assert "was not open any more" in admin.get(PAGE)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("invitation_inviter", "Who invited is no longer an administrator."),
        ("invitation_mail_refused", "The address takes no mail."),
        ("23505", "Access could not be given."),
    ],
)
def test_a_failure_is_shown_in_words(admin: Browser, conn: Connection, failure: str, said: str) -> None:
    admin.post(PAGE, page=PAGE, emails="kari@example.org", role="org_admin")
    conn.execute("update mentorcert_private.invitations set failed_at = now(), failure = %s", (failure,))
    html = admin.get(PAGE)
    assert said in html
    assert failure not in html
    assert "Send again" in html


def test_pages_and_names(admin: Browser, conn: Connection, organisation: Organisation, hostile: UUID) -> None:
    admin.post(
        PAGE, page=PAGE, emails="\n".join(f"k{number}@example.org" for number in range(60)), role="coordinator",
        chapter_id=organisation.chapter,
    )  # fmt: skip
    html = admin.get(PAGE)
    assert html.count('scope="row"') == 50
    following = html.partition('rel="next" href="')[2].partition('"')[0]
    assert admin.get(following).count('scope="row"') == 10
    conn.execute("update mentorcert.peer_mentors set email = 'x@example.org' where id = %s", (hostile,))
    assert HOSTILE in admin.get(f"{MENTORS}?mentor={hostile}")


def test_only_administrators(site: Site, organisation: Organisation, coordinator: UUID) -> None:
    other = Browser(site.client(coordinator))
    other.get(PAGE, 403)
    other.get(MENTORS, 403)
    other.post(PAGE, 403, page="/mentors", emails="kari@example.org", role="org_admin")
