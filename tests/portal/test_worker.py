"""The worker, against a real HTTP portal: what it sends, when, and how it handles the answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mentorcert.db.connection import Connection, connect
from mentorcert.portal import adapters
from tests.portal.sending import certified, outcomes, set_mode, shown, situation, stored
from tests.portal.staging import Staging
from tests.support.processes import Thread
from tests.support.registry import Organisation, fetch, rows
from tests.support.sessions import wait_until

Work = Callable[..., int]


def test_the_portal_says_what_the_registry_says(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging
) -> None:
    listed, other = certified(organisation, "1"), organisation.mentor("2")
    assert work() == 2
    assert {id_: on for id_, (_, on) in shown(staging).items()} == {listed: True, other: False}
    assert outcomes(conn, listed) == ["applied"]
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    work()
    assert {on for _, on in shown(staging).values()} == {False}
    assert situation(conn, organisation.id, listed) == "in_sync"
    assert shown(staging)[listed][0] == stored(conn, listed).confirmed_version
    assert fetch(conn, "select count(*) from mentorcert_portal.workers") == 0


def test_removals_go_first(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging
) -> None:
    mentors = [certified(organisation, str(number)) for number in range(5)]
    work()
    conn.execute("update public.peer_mentor_certifications set expires_at = expires_at + interval '7 days'")
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentors[3],))
    work(concurrency=1, batch=2)
    deliveries = staging.client.get("/history").json()["deliveries"]
    assert UUID(deliveries[5]["peer_mentor_id"]) == mentors[3]
    assert len(deliveries) == 10


@pytest.mark.parametrize("mode", ["capture", "paused"])
def test_nothing_reaches_the_portal(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging, mode: str
) -> None:
    mentor = certified(organisation)
    set_mode(conn, organisation.id, mode)
    work()
    assert staging.client.get("/history").json()["deliveries"] == []
    assert outcomes(conn, mentor) == []
    set_mode(conn, organisation.id, "live")
    work()
    assert shown(staging) == {mentor: (stored(conn, mentor).version, True)}


def test_the_canary_alone_reaches_the_portal(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging
) -> None:
    named, _other = certified(organisation, "1"), certified(organisation, "2")
    set_mode(conn, organisation.id, "canary", named)
    work()
    assert set(shown(staging)) == {named}


def test_a_mode_that_flips_between_claim_and_send_stops_the_send(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging
) -> None:
    for number in range(6):
        certified(organisation, str(number))
    staging.use({"kind": "delay", "seconds": 1, "times": 1})
    working = Thread(target=work, kwargs={"concurrency": 1})
    working.start()
    wait_until(
        lambda: (
            fetch(conn, "select count(*) from mentorcert_portal.states where lease_token is not null") == 6
        ),
        "claims",
    )
    set_mode(conn, organisation.id, "paused")
    working.join()
    assert len(shown(staging)) <= 1
    assert fetch(conn, "select count(*) from mentorcert_portal.states where lease_token is not null") == 0
    set_mode(conn, organisation.id, "live")
    work()
    assert len(shown(staging)) == 6


def test_a_change_during_a_send_is_sent_after_it(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging
) -> None:
    mentor = certified(organisation)
    staging.use({"kind": "delay", "seconds": 1, "times": 1})
    working = Thread(target=work)
    working.start()
    wait_until(lambda: stored(conn, mentor).lease_token is not None, "the claim")
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    working.join()
    assert shown(staging) == {mentor: (stored(conn, mentor).version, False)}
    assert len(staging.applied(mentor)) == 2
    assert situation(conn, organisation.id, mentor) == "in_sync"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "server_error"}, "unavailable"),
        ({"kind": "throttled", "retry_after": 600}, "unavailable"),
        ({"kind": "reset"}, "unavailable"),
        ({"kind": "drop"}, "unavailable"),
        ({"kind": "redirect"}, "unexpected_answer"),
        ({"kind": "login_page"}, "unexpected_answer"),
        ({"kind": "v2_only"}, "rejected"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_what_goes_wrong_is_tried_again(
    organisation: Organisation, work: Work, staging: Staging, fault: dict[str, Any], outcome: str
) -> None:
    conn = organisation.conn
    # The time until the next attempt is drawn at random, and may be none.
    conn.execute(
        "create or replace function mentorcert_portal.retry_delay(attempts integer) returns interval language sql"
        " as $$ select interval '1 hour' $$"
    )
    mentor = certified(organisation)
    staging.use({**fault, "times": 1})
    work()
    assert outcomes(conn, mentor) == [outcome]
    after = stored(conn, mentor)
    assert (after.state, after.lease_token) == ("retry", None)
    # What set_mode does lets it be tried at once.
    set_mode(conn, organisation.id, "live")
    work()
    assert shown(staging) == {mentor: (stored(conn, mentor).version, True)}
    assert situation(conn, organisation.id, mentor) == "in_sync"


def test_refused_messages_stay_with_their_rows_and_nothing_is_lost(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging
) -> None:
    for number in range(8):
        certified(organisation, str(number))
    staging.use({"kind": "v2_only"})
    work(concurrency=1)
    assert fetch(conn, "select breaker from mentorcert_portal.connections") == "closed"
    assert fetch(conn, "select count(*) from mentorcert_portal.states where error_class = 'rejected'") == 8
    staging.use()
    conn.execute("update mentorcert_portal.states set next_attempt_at = now()")
    work()
    assert len(shown(staging)) == 8


def test_refused_credentials_are_read_again_and_heal_by_themselves(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging, file: Path
) -> None:
    mentor = certified(organisation)
    key = file.with_name("key")
    right = key.read_text()
    key.write_text("whsec_d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc=")
    work()
    assert set(outcomes(conn, mentor)) == {"unauthorised"}
    assert situation(conn, organisation.id, mentor) == "retry"
    key.write_text(right)
    conn.execute("update mentorcert_portal.states set next_attempt_at = now()")
    work()
    assert situation(conn, organisation.id, mentor) == "in_sync"


def test_a_file_that_differs_from_what_was_connected_sends_nothing(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging
) -> None:
    certified(organisation)
    conn.execute("select mentorcert_portal.connect(%s, 'webhook', 'v2', 'test')", (organisation.id,))
    assert work() == 0
    assert shown(staging) == {}
    assert fetch(conn, "select count(*) from mentorcert_portal.attempts") == 0


def test_two_workers_send_each_version_once(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging
) -> None:
    mentors = [certified(organisation, str(number)) for number in range(40)]
    workers = [Thread(target=work, kwargs={"batch": 3}) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(staging.client.get("/history").json()["deliveries"]) == 40
    assert all(situation(conn, organisation.id, mentor) == "in_sync" for mentor in mentors)


def test_a_change_that_holds_a_row_does_not_hold_up_the_others(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging, database: str
) -> None:
    first, second = certified(organisation, "1"), certified(organisation, "2")
    with connect(database) as other:
        other.execute("update mentorcert.peer_mentors set external_id = 'x' where id = %s", (first,))
        assert work() == 1
        assert set(shown(staging)) == {second}


def test_a_row_that_cannot_be_recorded_holds_up_no_other(
    conn: Connection, organisation: Organisation, work: Work, staging: Staging
) -> None:
    bad, *others = [certified(organisation, str(number)) for number in range(4)]
    conn.execute(
        f"alter table mentorcert_portal.states add constraint broken check (confirmed is null or peer_mentor_id <> '{bad}')"
    )
    work()
    assert {situation(conn, organisation.id, mentor) for mentor in others} == {"in_sync"}
    ours = rows(
        conn, "select error_class, error from mentorcert_portal.states where peer_mentor_id = %s", bad
    )
    assert ours == [("internal", "The result applied could not be recorded: broken.")]


def test_whatever_one_organisation_brings_up_the_others_are_served(
    conn: Connection,
    organisation: Organisation,
    work: Work,
    staging: Staging,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mentor = certified(organisation)
    monkeypatch.setattr(adapters, "connect", lambda _: 1 / 0)
    assert work() == 0
    monkeypatch.undo()
    work()
    assert situation(conn, organisation.id, mentor) == "in_sync"
