"""Invitations from the prompt to the first sign-in: the command, the mails and logins, and two sign-ins at once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from mentorcert.access import sessions
from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.errors import SettingError
from mentorcert.notices import logins
from mentorcert.notices.invitations import InvitationSender
from mentorcert.notices.logins import LoginMaker
from mentorcert.organisations import invitations
from mentorcert.settings import Settings
from tests.support import mail
from tests.support.command import Mentorcert
from tests.support.mail import PAGES, Mailbox, hang_up, text_of
from tests.support.noticing import address, person
from tests.support.registry import Organisation, fetch, rows, set_up
from tests.web.auth_server import Answer, AuthServer, answering

ADMIN_USERS = "/auth/v1/admin/users"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail.mailbox() as taking:
        yield taking


@pytest.fixture
def auth() -> Iterator[AuthServer]:
    with answering() as served:
        served.answers[ADMIN_USERS] = [Answer(body={"id": "x"})]
        yield served


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


def send(conn: Connection, box: Mailbox, auth: AuthServer | None = None) -> dict[str, int]:
    maker = LoginMaker(auth.url, SecretStr("service")) if auth else None
    report = InvitationSender(box.server, PAGES, maker).run(conn)
    return dict(report.mails) | ({"error": 1} if report.error else {})


def login(conn: Connection, email: str) -> UUID:
    made: UUID = fetch(
        conn, "insert into auth.users (email, email_confirmed_at) values (%s, now()) returning id", email
    )
    return made


def states(conn: Connection, organisation: Organisation) -> list[tuple[str | None, str, str | None]]:
    found = invitations.search(conn, organisation.id, selection="all")
    return sorted((one.email, one.state, one.failure) for one in found)


def test_the_mail_says_who_why_and_until_when(
    conn: Connection, organisation: Organisation, box: Mailbox, auth: AuthServer
) -> None:
    conn.execute("update auth.users set email = 'adam@example.org' where id = %s", (organisation.admin,))
    mentor = person(organisation, "1", language="en")
    with organisation.as_admin() as acting:
        invitations.invite_peer_mentors(acting, organisation.id, [mentor])
        invitations.invite(acting, organisation.id, ["kari@example.org"], "coordinator", organisation.chapter)
    assert send(conn, box, auth) == {"sent": 2}
    by_address = {to: text_of(message) for to, message in box.mails}
    for said in ("adam@example.org inviterer deg", "koordinator for Oslo", f"{PAGES}/sign-in", "til og med"):
        assert said in by_address["kari@example.org"]
    for said in (
        "Hello Person 1,",
        "adam@example.org invites you",
        "own certifications",
        "that day included",
    ):
        assert said in by_address[address(1)]
    assert {asked.body["email"] for asked in auth.asked} == set(by_address)
    assert {asked.authorization for asked in auth.asked} == {"Bearer service"}
    assert send(conn, box, auth) == {}
    assert states(conn, organisation) == [("kari@example.org", "sent", None), (address(1), "sent", None)]


@pytest.mark.parametrize(
    ("answer", "sent", "state"),
    [
        (Answer(422, {"error_code": "email_exists"}), {"sent": 1}, ("sent", None)),
        (
            Answer(400, {"error_code": "email_address_invalid"}),
            {"refused": 1},
            ("failed", "invitation_mail_refused"),
        ),
        (Answer(401, {"msg": "Invalid API key"}), {"error": 1}, ("waiting", None)),
        (Answer(500, "down", "text/html"), {"error": 1}, ("waiting", None)),
        (Answer(429, {"error_code": "over_request_rate_limit"}), {"error": 1}, ("waiting", None)),
    ],
    ids=["is there", "refused", "key", "down", "too many"],
)
def test_what_auth_answers(
    conn: Connection,
    organisation: Organisation,
    box: Mailbox,
    auth: AuthServer,
    *,
    answer: Answer,
    sent: dict[str, int],
    state: tuple[str, str | None],
) -> None:
    invitations.invite(conn, organisation.id, ["kari@example.org"], "org_admin", None)
    auth.answers[ADMIN_USERS] = [answer]
    assert send(conn, box, auth) == sent
    assert states(conn, organisation) == [("kari@example.org", *state)]
    assert len(box.mails) == sent.get("sent", 0)
    auth.answers[ADMIN_USERS] = [Answer(body={"id": "x"})]
    assert send(conn, box, auth) == ({"sent": 1} if "error" in sent else {})


def test_a_mail_in_doubt_is_not_sent_again(
    conn: Connection, organisation: Organisation, box: Mailbox
) -> None:
    invitations.invite(conn, organisation.id, ["kari@example.org", "ola@example.org"], "org_admin", None)
    box.refused = {"ola@example.org"}
    box.after_data = hang_up
    assert send(conn, box) == {"uncertain": 1, "refused": 1}
    assert send(conn, box) == {}
    assert states(conn, organisation) == [
        ("kari@example.org", "waiting", None), ("ola@example.org", "failed", "invitation_mail_refused"),
    ]  # fmt: skip


def test_two_senders_at_once(
    conn: Connection, database: str, organisation: Organisation, box: Mailbox
) -> None:
    invitations.invite(
        conn, organisation.id, [f"k{number}@example.org" for number in range(150)], "org_admin", None
    )
    with ThreadPoolExecutor(2) as threads:

        def run(_: int) -> dict[str, int]:
            with connect(database, autocommit=True) as own:
                return send(own, box)

        sent = list(threads.map(run, range(2)))
    assert sum(one.get("sent", 0) for one in sent) == 150
    assert len(set(box.recipients)) == len(box.recipients) == 150


def test_two_sign_ins_at_once_accept_once(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    mentor = person(organisation)
    invitations.invite_peer_mentors(conn, organisation.id, [mentor])
    invitations.invite(conn, organisation.id, [address(1)], "coordinator", organisation.chapter)
    user = login(conn, address(1))

    def sign_in(_: int) -> int:
        with connect(database, autocommit=True) as own, acting_as(own, user) as acting:
            return sessions.begin(acting)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(sign_in, range(4))) == 2
    assert sorted(rows(conn, "select role from mentorcert.memberships where user_id = %s", user)) == [
        ("coordinator",), ("peer_mentor",),
    ]  # fmt: skip
    assert {state for _, state, _ in states(conn, organisation)} == {"accepted"}


def test_a_withdrawal_that_commits_first_holds(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    """The sign-in waits for the withdrawal, and then sees it."""
    invitations.invite(conn, organisation.id, ["kari@example.org"], "org_admin", None)
    user = login(conn, "kari@example.org")

    def sign_in() -> int:
        with connect(database, autocommit=True) as own, acting_as(own, user) as acting:
            return sessions.begin(acting)

    with connect(database) as other, ThreadPoolExecutor(1) as threads:
        ids = [one.id for one in invitations.search(other, organisation.id)]
        assert invitations.withdraw(other, organisation.id, ids) == 1
        waiting = threads.submit(sign_in)
        while not fetch(conn, "select count(*) from pg_locks where not granted"):
            assert not waiting.done()
        other.commit()
        assert waiting.result(60) == 0


def test_the_command(
    mentorcert: Mentorcert, conn: Connection, organisation: Organisation, tmp_path: Path
) -> None:
    for number in ("1", "2"):
        person(organisation, number)
    organisation.mentor("3")
    dry = mentorcert("invite", "demo", "--all-without-login", "--dry-run")
    for said in ("Person 1", "no usable address: 1", "to be invited: 2", "Nobody was invited"):
        assert said in dry.stdout
    assert mentorcert("invite", "demo", address(1)).stdout.endswith("1 invited.\n")
    found: dict[str, Any] = json.loads(mentorcert("invite", "demo", "--all-without-login", "--json").stdout)
    assert (found["invited"], found["outcomes"]) == (1, {"open": 1, "invite": 1, "no_address": 1})
    file = tmp_path / "addresses.txt"
    file.write_text("kari@example.org\n\nola@example.org\n")
    given = ("invite", "demo", "--role", "coordinator", "--chapter", "OSL", "--file", str(file))
    assert "2 invited." in mentorcert(*given).stdout
    assert "0 invited." in mentorcert(*given).stdout
    listed = json.loads(mentorcert("invite", "list", "demo", "--json").stdout)
    assert [one["state"] for one in listed] == ["waiting"] * 4
    assert "example.org" not in json.dumps(listed)
    assert "kari@example.org" in mentorcert("invite", "list", "demo").stdout
    assert "1 withdrawn; 0 were not open." in mentorcert("invite", "withdraw", "demo", listed[0]["id"]).stdout
    for wrong in (
        ("nobody@example.org",), (), ("x@example.org", "--role", "coordinator"), (address(1), "--all-without-login"),
    ):  # fmt: skip
        assert mentorcert("invite", "demo", *wrong).stderr.startswith("error:")
    assert len(invitations.search(conn, organisation.id)) == 3


def test_the_service_key_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("secret-key\n")
    given = {"SUPABASE_URL": "https://x.example", "MENTORCERT_SERVICE_KEY_FILE": str(file)}
    assert logins.from_settings(Settings.model_validate(given)) is not None
    assert logins.from_settings(Settings.model_validate({})) is None
    for broken in (None, "", "two keys"):
        file.unlink(missing_ok=True)
        if broken is not None:
            file.write_text(broken)
        with pytest.raises(SettingError) as raised:
            logins.from_settings(Settings.model_validate(given))
        assert "two keys" not in str(raised.value)
