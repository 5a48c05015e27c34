"""What an actor tries with every table, and its result by the model."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import sql

from mentorcert.access.model import (
    KEYS,
    TABLES,
    Certification,
    CertificationType,
    Chapter,
    Membership,
    PeerMentor,
    PeerMentorChapter,
    Row,
    World,
    qualified,
)
from mentorcert.access.rules import (
    OPEN_TABLES,
    UPDATE_COLUMNS,
    Reach,
    ids_within,
    may_insert,
    may_select,
    may_update,
)
from tests.oracle.comparison import AS_DONE, DONE, Probe, closed_table, ids
from tests.oracle.worlds import MISSING, TYPE_CODES, holds, key
from tests.support.registry import OSLO

REFUSED: Final = "42501"
NOT_THERE: Final = "23503"
# A change of weight whose consequences were not asked for.
UNSEEN: Final = "PT428"
TWICE: Final = "23505"
LAST_ADMINISTRATOR: Final = "MC011"

NEW: Final = key("missing", 1)
"""The key that a row to be added stands for; the database makes its own."""

# The same value for every row: such an UPDATE reads no column, so no policy for SELECT stands before it.
_BLIND_CHANGES: Final[Mapping[str, str]] = {
    "organisations": "name = 'Other'",
    "chapters": "name = 'Other'",
    "memberships": "ended_at = now()",
    "peer_mentors": "full_name = 'Other'",
    "peer_mentor_chapters": "ended_at = now()",
    "certification_types": "name_nb = 'Other'",
    # A renewal, since more than that is not the coordinator's to do.
    "peer_mentor_certifications": "issued_at = '{midnight}'",
}


def probes(within: Reach) -> Iterator[Probe]:
    """Yield what the actor tries with each table."""
    yield Probe("session", "role", "select array[current_user::text]", frozenset({_role(within)}))
    for table in TABLES:
        yield from reading(within, table)
        yield from changing(within, table)
        yield from removing(within, table)
        yield from adding(within, table)
    if within.administers:
        yield from moving(within)


def _role(within: Reach) -> str:
    return "anon" if within.actor.user_id is None else "authenticated"


def midnight(within: Reach, days: int = 0) -> datetime:
    """Return the midnight, in the organisations' time zone, that begins the day this many days from today."""
    day = within.world.as_of.astimezone(ZoneInfo(OSLO)) + timedelta(days)
    return day.replace(hour=0, minute=0, second=0, microsecond=0)


def reading(within: Reach, table: str) -> Iterator[Probe]:
    rows = within.world.rows(table)
    seen = frozenset(map(str, ids_within(within, rows)))
    closed = within.actor.user_id is None and table not in OPEN_TABLES
    hidden = sql.Literal(sorted(ids(rows) - seen)).as_string()
    id_ = f"{KEYS[table]}::text"
    yield Probe(
        table,
        "select",
        f"select array_agg({id_}) from {qualified(table)}",
        REFUSED if closed else seen,
        rows,
        may_select,
    )
    if table == "peer_mentor_certifications":
        view = f"mentorcert.{table}"
        yield Probe(view, "select", f"select array_agg({id_}) from {view}", REFUSED if closed else seen, rows)
    yield Probe(
        table, "count",
        f"select array[count(*)::text] from {qualified(table)}",
        REFUSED if closed else frozenset({str(len(seen))}),
    )  # fmt: skip
    # What the caller's own condition raises on a hidden row would reveal it.
    yield Probe(
        table, "select with a condition that fails on hidden rows",
        f"select array_agg({id_}) from {qualified(table)}"
        f" where 1 / (case when {id_} = any({hidden}) then 0 else 1 end) = 1",
        REFUSED if closed else seen,
    )  # fmt: skip


def changing(within: Reach, table: str) -> Iterator[Probe]:
    rows = within.world.rows(table)
    id_ = f"{KEYS[table]}::text"
    if table not in UPDATE_COLUMNS or within.actor.user_id is None:
        yield Probe(
            table, "update", f"update {qualified(table)} set {KEYS[table]} = null", REFUSED, rows, may_update
        )
        return
    changed = frozenset(map(str, ids_within(within, rows, may_update)))
    for column in sorted(UPDATE_COLUMNS[table]):
        yield Probe(
            table, f"update {column}",
            f"with changed as (update {qualified(table)} set {column} = {column} returning {id_})"
            " select array_agg(id) from changed",
            changed, rows, may_update,
        )  # fmt: skip
    blind_change = _BLIND_CHANGES[table].format(midnight=midnight(within))
    # Every membership that an administrator may end: the last administrator's is among them.
    is_refused = table == "memberships" and within.administers
    yield Probe(
        table, "update", f"update {qualified(table)} set {blind_change}",
        LAST_ADMINISTRATOR if is_refused else changed, rows, may_update,
        f"select oracle.touched('{qualified(table)}', '{KEYS[table]}')",
    )  # fmt: skip


def moving(within: Reach) -> Iterator[Probe]:
    """Yield an administrator's attempts to put a chapter under one that is not of the organisation."""
    moved = next(row for row in within.world.chapters if row.organisation_id == within.organisation_id)
    for parent, organisation in _organisations(within.world.chapters).items():
        if organisation != within.organisation_id:
            yield Probe(
                "chapters", "update parent_id to another's",
                f"update mentorcert.chapters set parent_id = '{parent}' where id = '{moved.id}'",
                UNSEEN, (moved,), sent=parent, afterwards=AS_DONE,
            )  # fmt: skip


def removing(within: Reach, table: str) -> Iterator[Probe]:
    rows = within.world.rows(table)
    for command, statement in {"delete": "delete from", "truncate": "truncate"}.items():
        yield Probe(
            table,
            command,
            f"{statement} {qualified(table)}",
            REFUSED,
            rows,
            saying=closed_table(within, qualified(table)),
        )


def adding(within: Reach, table: str) -> Iterator[Probe]:
    """Yield the attempts to add rows here and to others' organisations, chapters and peer mentors."""
    candidates = list(_candidates(within, table))
    for one in candidates:
        columns, values = zip(*one.values.items(), strict=True) if one.values else ((), ())
        yield Probe(
            table, f"insert {one.varies}",
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.SQL(qualified(table)),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.SQL(", ").join(map(sql.Literal, values)),
            ).as_string(),
            _expected(within, one), (one.row,), may_insert, AS_DONE, one.sent,
        )  # fmt: skip
    if not candidates:
        yield Probe(
            table,
            "insert",
            f"insert into {qualified(table)} default values",
            REFUSED,
            (),
            may_insert,
            AS_DONE,
        )


@dataclass(frozen=True)
class _Candidate:
    """A row to be added: what the client sends, and which id in it varies."""

    row: Row
    values: Mapping[str, object]
    varies: str = ""
    sent: UUID | None = None
    there: bool = True
    """Whether what the row refers to is in its organisation."""
    twice: bool = False
    """Whether it is there already."""


def _expected(within: Reach, one: _Candidate) -> frozenset[str] | str:
    if may_insert(within, one.row) is None or within.actor.user_id is None:
        return REFUSED
    if one.twice:
        return TWICE
    return DONE if one.there else NOT_THERE


def _candidates(within: Reach, table: str) -> Iterator[_Candidate]:
    here = within.organisation_id or MISSING
    match table:
        case "chapters":
            yield from _chapters(within.world, here)
        case "memberships":
            yield from _memberships(within.world, here)
        case "peer_mentors":
            yield _Candidate(PeerMentor(NEW, here), {"external_id": "new", "full_name": "New"})
        case "peer_mentor_chapters":
            yield from _peer_mentor_chapters(within.world, here)
        case "certification_types":
            yield _Candidate(
                CertificationType(NEW, here),
                {"code": "new", "name_nb": "New", "name_en": "New", "validity_rule": "unlimited"},
            )
        case "peer_mentor_certifications":
            yield from _certifications(within)


def _chapters(world: World, here: UUID) -> Iterator[_Candidate]:
    for parent, organisation in [(None, here), *_organisations(world.chapters).items()]:
        yield _Candidate(
            Chapter(NEW, here, parent),
            {"parent_id": parent, "code": "new", "name": "New"},
            "parent_id", parent, organisation == here,
        )  # fmt: skip


def _memberships(world: World, here: UUID) -> Iterator[_Candidate]:
    user = world.memberships[0].user_id
    for chapter, organisation in _organisations(world.chapters).items():
        new = Membership(NEW, here, user, "coordinator", chapter)
        yield _Candidate(
            new, {"user_id": user, "role": "coordinator", "chapter_id": chapter},
            "chapter_id", chapter, organisation == here, holds(world.memberships, new),
        )  # fmt: skip
    yield _Candidate(
        Membership(NEW, here, MISSING, "org_admin"), {"user_id": MISSING, "role": "org_admin"},
        "user_id", MISSING, there=False,
    )  # fmt: skip


def _peer_mentor_chapters(world: World, here: UUID) -> Iterator[_Candidate]:
    mentors, chapters = _organisations(world.peer_mentors), _organisations(world.chapters)
    some_mentor, some_chapter = (
        next((id_ for id_, organisation in of.items() if organisation == here), MISSING)
        for of in (mentors, chapters)
    )
    pairs = [("peer_mentor_id", mentor, mentor, some_chapter) for mentor in mentors]
    pairs += [("chapter_id", chapter, some_mentor, chapter) for chapter in chapters]
    for varies, sent, mentor, chapter in pairs:
        new = PeerMentorChapter(NEW, here, mentor, chapter)
        there = mentors[mentor] == here == chapters[chapter]
        yield _Candidate(
            new, {"peer_mentor_id": mentor, "chapter_id": chapter},
            varies, sent, there, holds(world.peer_mentor_chapters, new),
        )  # fmt: skip


def _certifications(within: Reach) -> Iterator[_Candidate]:
    validity = {"issued_at": midnight(within), "expires_at": midnight(within, 100)}
    for mentor, organisation in _organisations(within.world.peer_mentors).items():
        yield _Candidate(
            Certification(NEW, organisation, mentor),
            {"peer_mentor_id": mentor, "certification_type": TYPE_CODES[2], **validity},
            "peer_mentor_id", mentor,
        )  # fmt: skip


def _organisations(rows: Iterable[Chapter] | Iterable[PeerMentor]) -> dict[UUID, UUID]:
    """Return of which organisation each is; one that is missing is of a missing one."""
    return {**{row.id: row.organisation_id for row in rows}, MISSING: MISSING}
