"""One change of many: previewed, all or nothing, by the same rules as one by one."""

from collections import Counter
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from mentorcert.certifications import bulk, repository
from mentorcert.certifications.bulk import Change
from mentorcert.certifications.history import Evidence
from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import (
    InvalidArgumentError,
    MentorcertError,
    MissingRightError,
    NotRevertibleError,
    ReasonRequiredError,
    TransitionError,
    from_postgres,
)
from tests.support.registry import Organisation, history, join, kinds, rows, set_up, today

_CHANGES: tuple[Change, ...] = ("renew", "suspend", "reinstate", "revert")


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


@pytest.fixture
def coordinator(organisation: Organisation) -> UUID:
    user = uuid4()
    join(organisation, user, "coordinator", organisation.chapter)
    return user


def varied(organisation: Organisation) -> list[UUID]:
    """Certify in every way in which changes differ; also one that the coordinator does not see."""
    conn = organisation.conn
    made = []
    for number, (kind, last) in enumerate(
        [
            ("basic", today(conn, 5)),
            ("basic", today(conn, -5)),
            ("half", today(conn, 400)),
            ("yearly", date(today(conn).year, 12, 31)),
            ("yearly", date(today(conn).year - 1, 12, 31)),
            ("pledge", None),
        ]
    ):
        for state in ("plain", "suspended", "renewed", "corrected", "expired"):
            id_ = organisation.certify(organisation.mentor(f"{number}-{state}"), kind, last_day=last)
            made.append(id_)
            with organisation.as_admin():
                if state == "suspended":
                    repository.suspend(conn, id_, "Leave")
                elif state == "renewed":
                    repository.renew(conn, id_, renewed_on=today(conn, -2))
                elif state == "corrected":
                    conn.execute(
                        "update public.peer_mentor_certifications"
                        " set issued_at = mentorcert_private.day_starts(%s, %s) where id = %s",
                        (date(2019, 5, 1), organisation.time_zone, id_),
                    )
            if state == "expired":
                conn.execute("select mentorcert_private.expire_due_certifications(now())")
    hidden = organisation.certify(organisation.mentor("hidden"), last_day=today(conn, 5))
    conn.execute(
        "update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id ="
        " (select peer_mentor_id from public.peer_mentor_certifications where id = %s)",
        (hidden,),
    )
    return [*made, hidden, uuid4()]


def one_by_one(
    conn: Connection, who: UUID, change: Change, id_: UUID, day: date | None
) -> tuple[Any, Any] | MentorcertError:
    """Make the change of a single one by its own function, and undo it."""
    try:
        with acting_as(conn, who), conn.transaction(force_rollback=True):
            if change == "renew":
                changed = repository.renew(conn, id_, renewed_on=day)
            elif change == "suspend":
                changed = repository.suspend(conn, id_, "Reason")
            elif change == "reinstate":
                changed = repository.reinstate(conn, id_)
            else:
                entries = [entry for entry in history(conn, id_) if entry["kind"] != "expired"]
                entry_id = entries[-1]["entry_id"] if entries else uuid4()
                changed = repository.revert(conn, id_, entry_id, "Reason")
            return changed.expires_at, changed.status
    except MentorcertError as error:
        return error


@pytest.mark.parametrize("change", _CHANGES)
@pytest.mark.parametrize("role", ["coordinator", "admin"])
def test_preview_says_what_single_changes_give(
    organisation: Organisation, coordinator: UUID, change: Change, role: str
) -> None:
    conn = organisation.conn
    who = organisation.admin if role == "admin" else coordinator
    ids = varied(organisation)
    days = (None, today(conn, -3), today(conn, -1), today(conn, 1)) if change == "renew" else (None,)
    seen = set()
    for day in days:
        with acting_as(conn, who):
            outcomes = {
                outcome.certification_id: outcome
                for outcome in bulk.preview(conn, change, ids, renewed_on=day).outcomes
            }
        assert set(outcomes) == set(ids)
        for id_ in ids:
            single = one_by_one(conn, who, change, id_, day)
            outcome = outcomes[id_]
            if isinstance(single, MentorcertError):
                assert outcome.refusal == single.constraint, (day, kinds(conn, id_))
            else:
                assert (outcome.refusal, outcome.expires_at, outcome.status) == (None, *single)
            seen.add(outcome.refusal)
    assert None in seen
    assert len(seen) >= 2


@pytest.mark.parametrize("change", _CHANGES)
def test_all_as_previewed(organisation: Organisation, coordinator: UUID, change: Change) -> None:
    conn = organisation.conn
    ids = varied(organisation)
    evidence = Evidence(seen="Course list", seen_on=today(conn, -1), seen_by=None)
    with acting_as(conn, coordinator):
        willing = [outcome for outcome in bulk.preview(conn, change, ids).outcomes if outcome.refusal is None]
        before = {item.certification_id: len(history(conn, item.certification_id)) for item in willing}
        number = bulk.apply(
            conn,
            change,
            [item.certification_id for item in willing],
            note="Together",
            evidence=evidence if change == "renew" else None,
        )
    assert number == len(willing) > 2
    for item in willing:
        with acting_as(conn, coordinator):
            now = repository.get(conn, item.certification_id)
        assert (now.expires_at, now.status) == (item.expires_at, item.status)
        entries = history(conn, item.certification_id)
        assert len(entries) == before[item.certification_id] + 1
        assert entries[-1]["kind"] == {
            "renew": "renewed", "suspend": "suspended", "reinstate": "reinstated", "revert": "reverted",
        }[change]  # fmt: skip
        assert entries[-1]["note"] == "Together"
        assert entries[-1]["actor"] == {"user_id": str(coordinator), "role": "coordinator"}
        if change == "renew":
            assert entries[-1]["evidence"]["seen_by"] == str(coordinator)
        if change == "revert":
            latest = next(entry for entry in reversed(entries[:-1]) if entry["kind"] != "expired")
            assert entries[-1]["reverts"] == latest["entry_id"]


@pytest.mark.parametrize("change", _CHANGES)
def test_all_or_nothing(organisation: Organisation, coordinator: UUID, change: Change) -> None:
    conn = organisation.conn
    ids = varied(organisation)
    before = rows(conn, "select * from public.peer_mentor_certifications order by id")
    rule = NotRevertibleError if change == "revert" else MissingRightError
    with pytest.raises(rule), acting_as(conn, coordinator):
        bulk.apply(conn, change, ids, note="Together")
    assert rows(conn, "select * from public.peer_mentor_certifications order by id") == before


def test_hidden_and_missing_are_alike(organisation: Organisation, coordinator: UUID) -> None:
    conn = organisation.conn
    *_, hidden, missing = varied(organisation)
    with acting_as(conn, coordinator):
        outcomes = bulk.preview(conn, "renew", [hidden, missing]).outcomes
    assert {(outcome.refusal, outcome.full_name, outcome.expires_at) for outcome in outcomes} == {
        ("certification_right", None, None)
    }
    for id_ in (hidden, missing):
        with pytest.raises(MissingRightError), acting_as(conn, coordinator):
            bulk.apply(conn, "renew", [id_])


def test_peer_mentor_changes_nothing(organisation: Organisation) -> None:
    conn = organisation.conn
    user, mentor = uuid4(), organisation.mentor()
    own = organisation.certify(mentor, last_day=today(conn, 5))
    join(organisation, user, "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (user, mentor))
    for change in _CHANGES:
        with acting_as(conn, user):
            (outcome,) = bulk.preview(conn, change, [own]).outcomes
        assert (outcome.refusal, outcome.full_name) == ("certification_right", "Person 1")
        with pytest.raises(MissingRightError), acting_as(conn, user):
            bulk.apply(conn, change, [own], note="Mine")


def test_erased_persons_are_left_alone(organisation: Organisation) -> None:
    conn = organisation.conn
    mentor = organisation.mentor()
    id_ = organisation.certify(mentor, last_day=today(conn, 5))
    conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (mentor,))
    for change in _CHANGES:
        with organisation.as_admin():
            (outcome,) = bulk.preview(conn, change, [id_]).outcomes
        assert outcome.refusal == "certification_right"


def test_an_id_twice_counts_once(organisation: Organisation) -> None:
    conn = organisation.conn
    id_ = organisation.certify(organisation.mentor(), last_day=today(conn, 5))
    with organisation.as_admin():
        assert len(bulk.preview(conn, "renew", [id_, id_]).outcomes) == 1
        assert bulk.apply(conn, "renew", [id_, id_]) == 1
    assert kinds(conn, id_) == ["issued", "renewed"]


def test_outcomes_show_every_difference(organisation: Organisation) -> None:
    conn = organisation.conn
    ids = [organisation.certify(organisation.mentor(f"{n}"), last_day=today(conn, 5)) for n in range(3)]
    with organisation.as_admin():
        first = bulk.preview(conn, "renew", ids).outcomes
        assert bulk.preview(conn, "renew", ids[::-1]).outcomes == first
        assert bulk.preview(conn, "renew", ids[:2]).outcomes != first
        assert bulk.preview(conn, "renew", ids, renewed_on=today(conn, -1)).outcomes != first
        repository.suspend(conn, ids[0], "Leave")
        assert bulk.preview(conn, "renew", ids).outcomes != first


@pytest.mark.parametrize("change", ["suspend", "revert"])
def test_a_reason_is_required(organisation: Organisation, change: Change) -> None:
    conn = organisation.conn
    id_ = organisation.certify(organisation.mentor(), last_day=today(conn, 5))
    with organisation.as_admin():
        repository.renew(conn, id_)
    with pytest.raises(ReasonRequiredError), organisation.as_admin():
        bulk.apply(conn, change, [id_], note=" ")


@pytest.mark.parametrize(
    ("change", "error"),
    [("reinstate", TransitionError), ("revert", NotRevertibleError), ("renew", None)],
)
def test_errors_by_rule(
    organisation: Organisation, change: Change, error: type[MentorcertError] | None
) -> None:
    conn = organisation.conn
    id_ = organisation.certify(organisation.mentor(), last_day=today(conn, 5))
    if error is None:
        with organisation.as_admin():
            assert bulk.apply(conn, change, [id_]) == 1
        return
    with pytest.raises(error), organisation.as_admin():
        bulk.apply(conn, change, [id_], note="Reason")


@pytest.mark.parametrize("number", [0, 5001])
def test_how_many(organisation: Organisation, number: int) -> None:
    for call in (bulk.preview, bulk.apply):
        with pytest.raises(InvalidArgumentError) as raised, organisation.as_admin() as conn:
            call(conn, "renew", [uuid4() for _ in range(number)])
        assert raised.value.constraint == "certification_ids"


def test_unknown_change(organisation: Organisation) -> None:
    with pytest.raises(psycopg.Error) as raised, organisation.as_admin() as conn:
        conn.execute("select public.preview_changes('erase', array[gen_random_uuid()])")
    assert from_postgres(raised.value).constraint == "change"


def test_revert_of_an_expired_renewal_looks_past_the_expiry(organisation: Organisation) -> None:
    conn = organisation.conn
    id_ = organisation.certify(organisation.mentor(), last_day=today(conn, 5))
    with organisation.as_admin():
        repository.renew(conn, id_)
    with conn.transaction():
        conn.execute(
            'select mentorcert_private.set_change_context(\'{"job": "tests", "as_of": "2150-01-01"}\')'
        )
        conn.execute("update public.peer_mentor_certifications set status = 'expired' where id = %s", (id_,))
    assert kinds(conn, id_) == ["issued", "renewed", "expired"]
    with organisation.as_admin():
        (outcome,) = bulk.preview(conn, "revert", [id_]).outcomes
        assert (outcome.takes_back, outcome.refusal, outcome.status) == ("renewed", None, "active")
        assert bulk.apply(conn, "revert", [id_], note="By mistake") == 1
    assert kinds(conn, id_)[-1] == "reverted"


# What is the same for all rows of a statement, or was asked for each by a query of its own.
_SHARED = {
    "acting_user", "actor", "administered_organisation_id", "canonical_remarks", "certification_history", "check_endpoint",
    "check_note_and_evidence", "get_user_organisation_id", "jwt", "latest_change", "require_type", "time_zone_of", "uid",
}  # fmt: skip


def calls_for_each_row(organisation: Organisation, statement: str) -> dict[str, float]:
    """Count, by function, the calls that ten more rows cost, divided by ten."""
    conn = organisation.conn
    conn.execute("set track_functions = 'all'")
    counted: list[Counter[str]] = []
    for number in (10, 20):
        with organisation.as_admin():
            ids = [id_ for (id_,) in rows(conn, _RENEWABLE, number)]
            assert len(ids) == number
            # The view also has what came before, as far as it was not reported yet.
            before = Counter(dict(rows(conn, _CALLS)))
            conn.execute(statement, {"ids": ids})
            after = Counter(dict(rows(conn, _CALLS)))
            after.subtract(before)
            counted.append(after)
            raise psycopg.Rollback
    fewer, more = counted
    more.subtract(fewer)
    # One call more is the planner's, which asks some of them to estimate.
    return {name: calls / 10 for name, calls in more.items() if calls > 1}


_RENEWABLE = "select id from public.peer_mentor_certifications order by id limit %s"
_CALLS = "select funcname, sum(calls)::integer from pg_catalog.pg_stat_xact_user_functions group by funcname"


@pytest.mark.parametrize(
    ("statement", "at_most"),
    [
        ("select * from public.preview_changes('renew', %(ids)s)", 10),
        ("select public.change_certifications('renew', %(ids)s, note => 'Seen')", 26),
    ],
)
def test_what_rows_share_is_derived_once(organisation: Organisation, statement: str, at_most: int) -> None:
    organisation.certify_many(30, last_day=today(organisation.conn, 5))
    calls = calls_for_each_row(organisation, statement)
    assert not _SHARED & calls.keys()
    assert sum(calls.values()) <= at_most, calls
