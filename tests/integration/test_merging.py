"""Two rows of one person, by the doors beside the pages: files, the portal, the command line, several at once."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from uuid import UUID, uuid4

import pytest

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection, become
from mentorcert.errors import MissingRightError
from mentorcert.imports import exporting
from mentorcert.organisations import merges
from tests.portal.inbound import merged, withdrawn, work
from tests.support.mentor_file import import_rows, row
from tests.support.merging import merge, merge_as, undo
from tests.support.registry import Organisation, drift, fetch, rows, set_up, today
from tests.support.sessions import meanwhile

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


@pytest.fixture
def twice(conn: Connection, organisation: Organisation) -> tuple[UUID, UUID]:
    """One person under the numbers 42 and 0042, each certified."""
    kept, absorbed = organisation.mentor("42"), organisation.mentor("0042")
    organisation.certify(kept, last_day=today(conn, 30))
    organisation.certify(absorbed, last_day=today(conn, 300))
    return kept, absorbed


def test_a_file_names_the_kept_one(
    conn: Connection, organisation: Organisation, twice: tuple[UUID, UUID], tmp_path: Path
) -> None:
    merge(organisation, *twice)
    report = import_rows(conn, tmp_path, row("0042", chapters="Oslo"))
    assert not report.is_written
    assert "this number was merged into number 42" in [str(problem.reason) for problem in report.problems]
    assert b"0042" not in exporting.export(conn, organisation.slug)


def test_a_message_about_either_is_about_the_kept_one(conn: Connection, organisation: Organisation) -> None:
    kept, absorbed = (str(uuid4()) for _ in range(2))
    mentors = [organisation.mentor(number) for number in (kept, absorbed)]
    assert work(conn, merged(kept, absorbed))[0] == "needs_person"
    merge(organisation, *mentors)
    assert work(conn, merged(absorbed, kept)) == ("ignored", "both are the same peer mentor")
    assert work(conn, withdrawn(absorbed)) == ("worked", None)
    consents = dict(rows(conn, "select external_id, listing_consent from mentorcert.peer_mentors"))
    assert consents == {kept: False, absorbed: True}


def test_a_person_is_exported_and_erased_whole(
    conn: Connection, organisation: Organisation, twice: tuple[UUID, UUID], mentorcert: Run
) -> None:
    kept, absorbed = twice
    for name, mentors in {"both": twice, "without consent": (kept,)}.items():
        topic = fetch(
            conn,
            "insert into mentorcert_private.topics (organisation_id, kind, name_nb, name_en)"
            " values (%s, 'topic', %s, %s) returning id",
            organisation.id, name, name,
        )  # fmt: skip
        for mentor in mentors:
            conn.execute(
                "insert into mentorcert_private.peer_mentor_topics (organisation_id, peer_mentor_id, topic_id)"
                " values (%s, %s, %s)",
                (organisation.id, mentor, topic),
            )
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (kept,))
    with organisation.as_admin() as acting:
        acting.execute("select public.set_listing_consent(%s, false)", (absorbed,))
        acting.execute("select public.set_listing_consent(%s, true)", (absorbed,))
    merge(organisation, kept, absorbed)
    for number in ("42", "0042"):
        everything = json.loads(mentorcert("person", "export", "demo", number).stdout)
        assert everything["peer_mentor"]["external_id"] == "42"
        assert [row["external_id"] for row in everything["merged"]] == ["0042"]
        assert len(everything["certifications"]) == 2
        # A choice of both is one, and one that the merge left out stands with the merge.
        assert [topic["name_en"] for topic in everything["topics"]] == ["both"]
        assert [topic["name_en"] for topic in everything["merged"][0]["topics_set_aside"]] == [
            "without consent"
        ]
    done = mentorcert("person", "erase", "demo", "0042", "--yes")
    assert done.stdout == f"erased: {kept}; login: none\n", done.stderr
    assert fetch(conn, "select count(*) from mentorcert.peer_mentors where erased_at is not null") == 2
    assert rows(conn, "select reason, state from mentorcert_private.peer_mentor_merges") == [(None, None)]


def test_history_in_events_is_read_and_taken_back(
    conn: Connection, organisation: Organisation, twice: tuple[UUID, UUID]
) -> None:
    kept, absorbed = twice
    conn.execute("select mentorcert_private.switch_history_to_events()")
    replaced = fetch(
        conn, "select id from public.peer_mentor_certifications where peer_mentor_id = %s", absorbed
    )
    merge(organisation, kept, absorbed)
    with organisation.as_admin():
        assert fetch(conn, "select count(*) from public.certification_history(%s)", replaced) == 1
    undo(organisation, absorbed)
    assert drift(conn) == []


@pytest.mark.parametrize("renews_first", [True, False])
def test_a_renewal_at_the_same_time(
    conn: Connection,
    database: str,
    organisation: Organisation,
    twice: tuple[UUID, UUID],
    *,
    renews_first: bool,
) -> None:
    """It is seen by the merge, or finds what it would renew out of reach."""
    kept, absorbed = twice
    conn.execute(
        "update mentorcert.certification_types set validity_months = 60, validity_rule = 'months' where code = 'basic'"
    )
    certification = fetch(
        conn, "select id from public.peer_mentor_certifications where peer_mentor_id = %s", absorbed
    )

    def merging(acting: Connection) -> None:
        become(acting, organisation.admin)
        merge_as(acting, kept, absorbed)

    def renewing(acting: Connection) -> None:
        become(acting, organisation.admin)
        repository.renew(acting, certification)

    if renews_first:
        meanwhile(conn, database, renewing, merging)
    else:
        with pytest.raises(MissingRightError):
            meanwhile(conn, database, merging, renewing)
    ends = rows(conn, "select expires_at from public.peer_mentor_certifications order by 1")
    assert len(set(ends)) == 1
    assert drift(conn) == []


def test_two_merges_that_cross(
    conn: Connection, database: str, organisation: Organisation, twice: tuple[UUID, UUID]
) -> None:
    """One of them is made; the other finds one of the two gone."""
    kept, absorbed = twice

    def merging(into: UUID, gone: UUID) -> Callable[[Connection], None]:
        def work(acting: Connection) -> None:
            become(acting, organisation.admin)
            merge_as(acting, into, gone)

        return work

    with pytest.raises(MissingRightError):
        meanwhile(conn, database, merging(kept, absorbed), merging(absorbed, kept))
    assert fetch(conn, "select count(*) from mentorcert.peer_mentors where merged_into is not null") == 1
    assert fetch(conn, "select mentorcert_private.kept_peer_mentor_id(%s)", absorbed) == kept


def test_pairs_beyond_what_one_page_looks_at(conn: Connection, organisation: Organisation) -> None:
    """A page of a large organisation may be empty; the next one goes on behind it."""
    conn.execute("set session_replication_role = replica")
    conn.execute(
        "insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name)"
        " select lpad(to_hex(number), 32, '0')::uuid, %s, 'x' || number, 'Person ' || number"
        " from generate_series(1, 20000) as number",
        (organisation.id,),
    )
    conn.execute(
        "insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name)"
        " select ('ffffffff-0000-0000-0000-00000000000' || length(number))::uuid, %s, number, number"
        " from unnest(array['7', '007']) as number",
        (organisation.id,),
    )
    conn.execute("reset session_replication_role")
    with organisation.as_admin() as acting:
        first = merges.look_alikes(acting)
        assert (first.rows, first.next is not None) == ([], True)
        second = merges.look_alikes(acting, after=first.next)
    assert [(pair.first_number, pair.second_number) for pair in second.rows] == [("7", "007")]
    assert second.next is None
