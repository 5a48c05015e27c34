"""The status: what is stored, what is true now, and how the two come together."""

from datetime import date, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection, become
from mentorcert.errors import TransitionError
from mentorcert.operations import nightly
from tests.support.registry import (
    Organisation,
    fetch,
    history,
    kinds,
    let_end,
    rows,
    set_up,
    status,
    today,
    utc,
)


def derived(conn: Connection, certification: UUID) -> str:
    """Return what the Data API's computed column says."""
    answer: str = fetch(
        conn,
        "select public.current_status(held) from public.peer_mentor_certifications as held where id = %s",
        certification,
    )
    return answer


def test_stored_and_derived_before_and_after_the_night(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    certifications = {
        kind: organisation.certify(mentor, kind, issued=today(conn, -20), last_day=last_day)
        for kind, last_day in [("basic", today(conn, -1)), ("half", today(conn)), ("pledge", None)]
    }

    def both() -> dict[str, tuple[str, str]]:
        return {kind: (status(conn, id_), derived(conn, id_)) for kind, id_ in certifications.items()}

    still = {"half": ("active", "active"), "pledge": ("active", "active")}
    assert both() == {"basic": ("active", "expired"), **still}
    (day,) = nightly.run(conn)
    assert day.expired == 1
    assert both() == {"basic": ("expired", "expired"), **still}
    assert kinds(conn, certifications["basic"]) == ["issued", "expired"]
    assert kinds(conn, certifications["half"]) == ["issued"]


def test_suspension_lies_on_top_of_the_dates(conn: Connection) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(
        organisation.mentor(), issued=today(conn, -20), last_day=today(conn, 5)
    )
    with organisation.as_admin():
        assert repository.suspend(conn, certification, "complaint").status == "suspended"
    let_end(conn, certification)
    assert derived(conn, certification) == "suspended"
    assert nightly.due(conn) == []
    nightly.run(conn)
    assert status(conn, certification) == "suspended"
    with organisation.as_admin():
        assert repository.reinstate(conn, certification).status == "expired"
    assert status(conn, certification) == "expired"
    newest = history(conn, certification)[-1]
    assert (newest["kind"], newest["before"], newest["after"]) == (
        "reinstated",
        {"status": "suspended"},
        {"status": "expired"},
    )


def test_reinstated_in_time_it_is_active(conn: Connection) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(
        organisation.mentor(), issued=today(conn, -20), last_day=today(conn, 5)
    )
    with organisation.as_admin():
        repository.suspend(conn, certification, "complaint")
        assert repository.reinstate(conn, certification, "unfounded").status == "active"
    assert status(conn, certification) == "active"
    assert kinds(conn, certification) == ["issued", "suspended", "reinstated"]


def test_a_renewal_leaves_a_suspension_standing(conn: Connection) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(
        organisation.mentor(), issued=today(conn, -20), last_day=today(conn, 5)
    )
    with organisation.as_admin():
        repository.suspend(conn, certification, "complaint")
        renewed = repository.renew(conn, certification)
    assert renewed.status == status(conn, certification) == "suspended"
    assert renewed.issued_at == organisation.midnight(today(conn))


def test_nobody_expires_by_hand_what_is_still_valid(conn: Connection) -> None:
    organisation = set_up(conn)
    certification = organisation.certify(
        organisation.mentor(), issued=today(conn, -20), last_day=today(conn, 5)
    )
    with pytest.raises(TransitionError), organisation.as_admin():
        repository.reinstate(conn, certification)
    conn.execute(
        "update public.peer_mentor_certifications set status = 'active' where id = %s", (certification,)
    )
    assert kinds(conn, certification) == ["issued"]


def test_at_the_instant_itself_it_is_over(conn: Connection) -> None:
    at = utc(2026, 1, 1)
    for microseconds, expected in [(-1, "expired"), (0, "expired"), (1, "active")]:
        expires_at = at + timedelta(microseconds=microseconds)
        assert fetch(conn, "select mentorcert_private.status_at(false, %s, %s)", expires_at, at) == expected
        assert fetch(conn, "select mentorcert_private.status_at(true, %s, %s)", expires_at, at) == "suspended"
    assert fetch(conn, "select mentorcert_private.status_at(false, null, %s)", at) == "active"


class Model:
    """What a certification is: suspended or not, and its days."""

    def __init__(self, issued: date, last_day: date) -> None:
        self.suspended, self.issued, self.last_day = False, issued, last_day

    def status(self, on: date) -> str:
        if self.suspended:
            return "suspended"
        return "expired" if self.last_day < on else "active"


@pytest.mark.parametrize("last_day", [-3, 3])
def test_whatever_is_done_to_it(conn: Connection, last_day: int) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    now = today(conn)
    steps = st.sampled_from(["suspend", "reinstate", "renew to the past", "renew", "night", "extend"])

    @settings(max_examples=30, deadline=None)
    @given(st.lists(steps, max_size=8))
    def check(steps: list[str]) -> None:
        with conn.transaction(force_rollback=True):
            model = Model(now - timedelta(20), now + timedelta(last_day))
            id_ = organisation.certify(mentor, issued=model.issued, last_day=model.last_day)
            for step in steps:
                do(organisation, id_, step, model, now)
                assert derived(conn, id_) == model.status(now)
                # Only what nobody has touched since it ended waits for the night.
                assert status(conn, id_) in {model.status(now), "active"}
            conn.execute("select mentorcert_private.run_nightly()")
            assert status(conn, id_) == derived(conn, id_) == model.status(now)
            entries = history(conn, id_)
            statuses = [entry["after"]["status"] for entry in entries if "status" in entry["after"]]
            assert statuses[-1] == model.status(now)
            assert all(one != following for one, following in pairwise(statuses))

    check()


def do(organisation: Organisation, id_: UUID, step: str, model: Model, now: date) -> None:
    """Do a step, to the certification and to the model, unless there is no such transition."""
    conn = organisation.conn
    if step == "night":
        conn.execute("select mentorcert_private.run_nightly()")
        return
    become(conn, organisation.admin)
    if step == "suspend" and not model.suspended:
        repository.suspend(conn, id_, "complaint")
        model.suspended = True
    elif step == "reinstate" and model.suspended:
        repository.reinstate(conn, id_)
        model.suspended = False
    elif step == "renew" and model.issued < now:
        model.issued, model.last_day = now, max(now + timedelta(30), model.last_day)
        repository.renew(conn, id_, renewed_on=now, last_valid_day=model.last_day)
    elif step == "renew to the past" and model.last_day == now - timedelta(3):
        repository.renew(conn, id_, renewed_on=now - timedelta(10), last_valid_day=now - timedelta(2))
        model.issued, model.last_day = now - timedelta(10), now - timedelta(2)
    elif step == "extend" and now <= model.last_day < now + timedelta(60):
        repository.extend(conn, "basic", now + timedelta(60), "illness")
        model.last_day = now + timedelta(60)
    conn.execute("select set_config('role', 'none', true), set_config('request.jwt.claims', '', true)")


def test_the_counts_of_a_list_are_of_what_is_true_now(conn: Connection) -> None:
    organisation = set_up(conn)
    for number, last_day in enumerate([-2, -1, 0, 1]):
        organisation.certify(
            organisation.mentor(str(number)), issued=today(conn, -20), last_day=today(conn, last_day)
        )
    with organisation.as_admin():
        found = {
            wanted: len(repository.page(conn, status=wanted).rows)
            for wanted in ("active", "expired", "suspended")
        }
    assert found == {"active": 2, "expired": 2, "suspended": 0}
    assert rows(conn, "select distinct status from public.peer_mentor_certifications") == [("active",)]
