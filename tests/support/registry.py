"""An organisation with its people, certifications as tests want them, and what to ask of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from mentorcert.db.connection import Connection, acting_as

OSLO: Final = "Europe/Oslo"

_TYPES: Final = (
    ("basic", "months", 12, True),
    ("half", "months", 6, False),
    ("yearly", "end_of_year", 0, False),
    ("pledge", "unlimited", None, False),
)


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation, its administrator, a chapter, and the types basic (required), half, yearly, pledge."""

    conn: Connection
    id: UUID
    slug: str
    time_zone: str
    admin: UUID
    chapter: UUID

    def mentor(self, external_id: str = "1", *, consent: bool = True) -> UUID:
        """Add a peer mentor of the chapter."""
        mentor = uuid4()
        self.conn.execute(
            "insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name, listing_consent)"
            " values (%s, %s, %s, %s, %s)",
            (mentor, self.id, external_id, f"Person {external_id}", consent),
        )
        self.conn.execute(
            "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
            " values (%s, %s, %s)",
            (self.id, mentor, self.chapter),
        )
        return mentor

    def midnight(self, day: date) -> datetime:
        """Return the instant at which a day begins here."""
        begins: datetime = fetch(
            self.conn, "select mentorcert_private.day_starts(%s, %s)", day, self.time_zone
        )
        return begins

    def certify(
        self,
        mentor: UUID,
        kind: str = "basic",
        *,
        issued: date = date(2020, 1, 1),
        last_day: date | None = None,
        past: int = 0,
    ) -> UUID:
        """Add a certification, active whatever its dates, that brings as many past entries."""
        certification: UUID = fetch(
            self.conn,
            """
            insert into public.peer_mentor_certifications
              (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, renewal_history)
            values (
              %s, %s, %s, mentorcert_private.day_starts(%s, %s), mentorcert_private.day_starts(%s::date + 1, %s),
              (
                select coalesce(jsonb_agg(jsonb_build_object(
                  'schema_version', 1, 'entry_id', gen_random_uuid(), 'kind', 'imported',
                  'recorded_at', now(), 'effective_at', timestamptz '2019-01-01 00:00+01',
                  'actor', '{"job": "import"}'::jsonb, 'before', null,
                  'after', '{"status": "active", "certification_type": "basic", "expires_at": null,'
                    ' "issued_at": "2019-01-01T00:00:00+01:00"}'::jsonb
                )), '[]')
                from generate_series(1, %s)
              )
            )
            returning id
            """,
            self.id, mentor, kind, issued, self.time_zone, last_day, self.time_zone, past,
        )  # fmt: skip
        return certification

    def certify_many(self, number: int, *, last_day: date, kind: str = "basic") -> None:
        """Add as many peer mentors without consent, each with one certification."""
        self.conn.execute(
            """
            with mentors as (
              insert into mentorcert.peer_mentors (organisation_id, external_id, full_name)
              select %(id)s, 'many-' || number, 'Person ' || number
              from generate_series(1, %(number)s) as number
              returning id
            )
            insert into public.peer_mentor_certifications
              (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at)
            select
              %(id)s, id, %(kind)s,
              mentorcert_private.day_starts('2020-01-01', %(zone)s), mentorcert_private.day_starts(%(last)s::date + 1, %(zone)s)
            from mentors
            """,
            {"id": self.id, "number": number, "kind": kind, "zone": self.time_zone, "last": last_day},
        )

    @contextmanager
    def as_admin(self, conn: Connection | None = None) -> Iterator[Connection]:
        """Act as the administrator, in one transaction."""
        with acting_as(conn or self.conn, self.admin) as acting:
            yield acting


def set_up(conn: Connection, slug: str = "demo", time_zone: str = OSLO) -> Organisation:
    """Set up an organisation; needs a superuser's connection in autocommit."""
    organisation = Organisation(conn, uuid4(), slug, time_zone, uuid4(), uuid4())
    conn.execute(
        "insert into mentorcert.organisations (id, slug, name, time_zone) values (%s, %s, %s, %s)",
        (organisation.id, slug, f"Organisation {slug}", time_zone),
    )
    conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, code, name) values (%s, %s, 'OSL', 'Oslo')",
        (organisation.chapter, organisation.id),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into mentorcert.certification_types"
            " (organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            [
                (organisation.id, code, code, code, rule, months, required)
                for code, rule, months, required in _TYPES
            ],
        )
    join(organisation, organisation.admin, "org_admin")
    return organisation


def with_long_history(conn: Connection, number: int = 100) -> Organisation:
    """Set up an organisation with certifications, one of them with a long history."""
    organisation = set_up(conn)
    organisation.certify_many(number - 1, last_day=date(2024, 5, 31))
    organisation.certify(organisation.mentor(), last_day=date(2024, 5, 31), past=60)
    return organisation


def join(organisation: Organisation, user: UUID, role: str, chapter: UUID | None = None) -> UUID:
    """Give a login (made where there is none) a role; return the membership."""
    organisation.conn.execute("insert into auth.users (id) values (%s) on conflict do nothing", (user,))
    membership: UUID = fetch(
        organisation.conn,
        "insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)"
        " values (%s, %s, %s, %s) returning id",
        organisation.id, user, role, chapter,
    )  # fmt: skip
    return membership


def consent_again(conn: Connection, peer_mentor: UUID | None = None, *, given: bool = True) -> None:
    """Have a peer mentor, or everybody, consent to the public list after a withdrawal, by an explicit act."""
    with conn.transaction():
        conn.execute('select mentorcert_private.set_change_context(\'{"consent": "given"}\')')
        conn.execute(
            "update mentorcert.peer_mentors set listing_consent = %s where id = coalesce(%s, id)",
            (given, peer_mentor),
        )
        conn.execute("select mentorcert_private.set_change_context(null)")


def let_end(conn: Connection, certification: UUID) -> None:
    """Go to the instant at which a certification, and its lease on the public list, ends; nobody notices."""
    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        conn.execute(
            """
            with ended as (
              update public.peer_mentor_certifications
              set issued_at = issued_at - (expires_at - now()), expires_at = now()
              where id = %s
              returning peer_mentor_id
            )
            update public.listed_peer_mentors set listed_until = now()
            where peer_mentor_id in (select peer_mentor_id from ended)
            """,
            (certification,),
        )


def today(conn: Connection, days: int = 0, time_zone: str = OSLO) -> date:
    """Return the day it is now there, or the day this many days from it."""
    day: date = fetch(conn, "select mentorcert_private.day_of(now(), %s)", time_zone)
    return day + timedelta(days)


def utc(*parts: int) -> datetime:
    """Return an instant by its year, month, day, hour, … in UTC."""
    year, month, day, *rest = parts
    hour, minute, second, microsecond = (*rest, 0, 0, 0, 0)[:4]
    return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)


def fetch(conn: Connection, query: str, *parameters: Any) -> Any:
    """Return the one value of the one row."""
    row = conn.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def rows(conn: Connection, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return all rows."""
    return conn.execute(query.encode(), parameters).fetchall()


def status(conn: Connection, certification: UUID) -> str:
    """Return the stored status."""
    stored: str = fetch(
        conn, "select status from public.peer_mentor_certifications where id = %s", certification
    )
    return stored


def history(conn: Connection, certification: UUID) -> list[dict[str, Any]]:
    """Return the whole history, wherever it is kept."""
    return [entry for (entry,) in rows(conn, "select * from public.certification_history(%s)", certification)]


def kinds(conn: Connection, certification: UUID) -> list[str]:
    """Return the kinds of the entries, oldest first."""
    return [entry["kind"] for entry in history(conn, certification)]


def mode(conn: Connection) -> str:
    """Return where histories are kept."""
    kept: str = fetch(conn, "select mode from mentorcert_private.history_storage")
    return kept


def histories(conn: Connection) -> dict[UUID, list[dict[str, Any]]]:
    """Return the history of every certification."""
    every = rows(conn, "select id from public.peer_mentor_certifications order by id")
    return {id_: history(conn, id_) for (id_,) in every}


def cached(conn: Connection, certification: UUID) -> list[dict[str, Any]]:
    """Return what stands in the certification itself."""
    entries: list[dict[str, Any]] = fetch(
        conn, "select renewal_history from public.peer_mentor_certifications where id = %s", certification
    )
    return entries


def expired_once(conn: Connection) -> bool:
    """Return whether each certification has as many `expired` entries as its status says: one or none."""
    wrong = rows(
        conn,
        """
        select certification.id from public.peer_mentor_certifications as certification
        where (certification.status = 'expired')::integer <> (
          select count(*) from public.certification_history(certification.id) as entry
          where entry ->> 'kind' = 'expired'
        )
        """,
    )
    return wrong == []


def ledger(conn: Connection) -> list[tuple[Any, ...]]:
    """Return slug, day, caught up, expired, unlisted, error, finished; one row for each day."""
    return rows(
        conn,
        """
select organisation.slug, night.local_day, night.caught_up, coalesce(run.expired, 0), coalesce(run.unlisted, 0), night.error,
  night.finished_at is not null
from mentorcert.organisations as organisation
join mentorcert_private.nights as night on night.time_zone = organisation.time_zone
left join mentorcert_private.job_runs as run
  on run.organisation_id = organisation.id and run.job = 'nightly' and run.local_day = night.local_day
order by organisation.slug, night.local_day
""",
    )


def drift(conn: Connection) -> list[tuple[Any, ...]]:
    """Return what the public list says but the rules do not derive, and the other way about."""
    return rows(
        conn,
        """
        with derived as (select to_jsonb(row) as row from mentorcert_private.derived_listing(null) as row),
        listed as (
            select to_jsonb(row) - array['sort_key', 'search_keys'] as row, listed_until
            from public.listed_peer_mentors as row
        )
        (select 'listed', row from listed where listed_until > now() except select 'listed', row from derived)
        union all
        (select 'derived', row from derived except select 'derived', row from listed)
        """,
    )
