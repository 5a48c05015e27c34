"""Figures: by hand on the example and after real changes, within the reach, what masking leaves, the workbook and the command."""

import io
import json
from collections import defaultdict
from datetime import date
from itertools import product
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import openpyxl
import pytest

from mentorcert import package_files
from mentorcert.certifications import course_figures, figures, repository
from mentorcert.certifications.figures import DEFINITIONS, Figures, Period
from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import InvalidArgumentError, LaterError, MissingRightError
from mentorcert.imports import importing
from mentorcert.imports.figures_workbook import Naming, figures_workbook
from mentorcert.organisations import chapters, organisation_file, organisations, types
from tests.support.command import Mentorcert
from tests.support.large_registry import COORDINATORS, key
from tests.support.merging import merge
from tests.support.registry import Organisation, fetch, join, rows, set_up, today

YEAR: Final = Period(date(2025, 1, 1), date(2025, 12, 31))
Numbers = tuple[int | None, ...]
# Of the small example in 2025, counted with a pencil in examples/small/mentors.csv.
BY_HAND: Final[dict[tuple[str | None, str | None], Numbers]] = {
    (None, None): (30, 6, 17, 0, 0, 0),
    ("conversation", None): (28, 6, 15, 1, 0, 0),
    ("first-aid", None): (19, 4, 7, 1, 0, 0),
    (None, "midtvik"): (7, 2, 4, 0, 0, 0),
    (None, "nordvik"): (7, 1, 3, 0, 0, 0),
    (None, "ostvik"): (10, 1, 7, 0, 0, 0),
    (None, "sorvik"): (4, 1, 2, 0, 0, 0),
    (None, "vestvik"): (7, 2, 4, 0, 0, 0),
}


_LONG_KNOWN: Final = (
    "update public.peer_mentor_certifications set renewal_history ="
    " jsonb_set(renewal_history, '{0,recorded_at}', to_jsonb(now() - interval '60 days'))"
)


def by_key(found: list[Figures], names: dict[UUID, str]) -> dict[tuple[str | None, str | None], Numbers]:
    return {
        (one.certification_type, names[one.chapter_id] if one.chapter_id else None): tuple(one.numbers)
        for one in found
    }


@pytest.fixture
def small(conn: Connection) -> UUID:
    """The small example; return the organisation."""
    folder = package_files.folder("examples") / "small"
    organisation_file.apply(conn, organisation_file.read(folder / "organisation.toml"))
    importing.import_file(conn, folder / "mentors.csv", "apen-samtale")
    return organisations.by_slug(conn, "apen-samtale").id


def test_by_hand_on_the_small_example(conn: Connection, small: UUID) -> None:
    names = {chapter.id: chapter.code for chapter in chapters.of_organisation(conn, small)}
    found = by_key(figures.of_organisation(conn, small, YEAR), names)
    assert {key_: numbers for key_, numbers in found.items() if None in key_} == BY_HAND
    # Each type in each chapter has a row where somebody counts.
    assert found["conversation", "nordvik"] == (6, 1, 3, 1, 0, 0)
    # All of it came by the import: the registry knew nothing at the end of the year.
    then = figures.of_organisation(conn, small, Period(YEAR.first_day, YEAR.last_day, YEAR.last_day))
    assert {tuple(one.numbers) for one in then} == {(0, 0, 0, 0, 0, 0)}
    assert set(by_key(then, names)) == set(BY_HAND)


def of_days(conn: Connection, first: int, last: int, known: int | None = None) -> Period:
    return Period(today(conn, first), today(conn, last), None if known is None else today(conn, known))


@pytest.fixture
def changed(conn: Connection) -> tuple[Organisation, UUID]:
    """What was known for long, and what happened today; return also the chapter that somebody came to."""
    organisation = set_up(conn)
    bergen = fetch(
        conn,
        "insert into mentorcert.chapters (organisation_id, code, name) values (%s, 'BGO', 'Bergen') returning id",
        organisation.id,
    )
    mentors = {
        name: organisation.mentor(name)
        for name in ("left", "moved", "erased", "kept", "same", "late", "undone", "suspended")
    }
    held = {
        name: organisation.certify(
            mentor, issued=today(conn, -300), last_day=today(conn, -21 if name in {"late", "same"} else 30)
        )
        for name, mentor in mentors.items()
    }
    organisation.certify(mentors["same"], "half", issued=today(conn, -100), last_day=today(conn, 50))
    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        conn.execute(
            "update mentorcert.peer_mentor_chapters set created_at = created_at - interval '60 days'"
        )
        conn.execute(_LONG_KNOWN)
    with organisation.as_admin():
        conn.execute("select public.mark_left(%s, %s)", (mentors["left"], today(conn, -10)))
        conn.execute(
            "update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = %s",
            (mentors["moved"],),
        )
        conn.execute(
            "insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (%s, %s)",
            (mentors["moved"], bergen),
        )
        conn.execute("select public.renew_certification(%s, %s)", (held["late"], today(conn, -15)))
        conn.execute("select public.suspend_certification(%s, 'Leave')", (held["suspended"],))
        conn.execute("select public.renew_certification(%s, %s)", (held["undone"], today(conn, -5)))
        (*_, renewal) = repository.history_of(conn, held["undone"])
        conn.execute(
            "select public.revert_change(%s, %s, 'Wrong person')",
            (held["undone"], renewal.model_dump()["entry_id"]),
        )
    conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (mentors["erased"],))
    merge(organisation, mentors["kept"], mentors["same"])
    return organisation, bergen


def test_as_it_was_and_as_was_known(conn: Connection, changed: tuple[Organisation, UUID]) -> None:
    organisation, bergen = changed
    names = {organisation.chapter: "Oslo", bergen: "Bergen"}

    def counted(known: int | None) -> dict[tuple[str | None, str | None], Numbers]:
        with organisation.as_admin():
            found = by_key(figures.of_reach(conn, of_days(conn, -30, 0, known)), names)
        return {key_: numbers for key_, numbers in found.items() if any(numbers)}

    half: dict[tuple[str | None, str | None], Numbers] = {
        ("half", None): (1, 0, 0, 0, 0, 0),
        ("half", "Oslo"): (1, 0, 0, 0, 0, 0),
    }
    # Moved, kept, late and undone are valid; late was renewed; left and erased are gone.
    assert counted(None) == half | {
        (type_, chapter): numbers
        for type_ in ("basic", None)
        for chapter, numbers in (
            (None, (4, 0, 1, 0, 2, 0)), ("Oslo", (3, 0, 1, 0, 2, 0)), ("Bergen", (1, 0, 0, 0, 0, 0)),
        )
    }  # fmt: skip
    # Nobody had left, late had lapsed, and moved was in Oslo.
    assert counted(-1) == half | {
        (type_, chapter): (6, 0, 0, 1, 0, 0) for type_ in ("basic", None) for chapter in (None, "Oslo")
    }
    assert counted(1) == counted(None)


def test_reach(conn: Connection, changed: tuple[Organisation, UUID]) -> None:
    organisation, bergen = changed
    coordinator, mentor = uuid4(), uuid4()
    join(organisation, coordinator, "coordinator", bergen)
    join(organisation, mentor, "peer_mentor")
    with acting_as(conn, coordinator):
        found = figures.of_reach(conn, of_days(conn, -30, 0))
        assert {one.chapter_id for one in found} == {None, bergen}
        assert {tuple(one.numbers) for one in found if one.certification_type in {None, "basic"}} == {
            (1, 0, 0, 0, 0, 0)
        }
    stranger = set_up(conn, "other")
    with acting_as(conn, stranger.admin):
        assert not any(any(one.numbers) for one in figures.of_reach(conn, of_days(conn, -30, 0)))
    for nobody in (mentor, uuid4()):
        with pytest.raises(MissingRightError), acting_as(conn, nobody):
            figures.of_reach(conn, of_days(conn, -30, 0))


def test_refused(conn: Connection) -> None:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor())
    with pytest.raises(InvalidArgumentError) as caught, organisation.as_admin():
        figures.of_reach(conn, of_days(conn, 0, -1))
    assert caught.value.constraint == "last_day"
    conn.execute("update mentorcert_private.log_retention set keep = '40 days' where log = 'audit_log'")
    with organisation.as_admin():
        figures.of_reach(conn, of_days(conn, -60, 0, -39))
    with pytest.raises(InvalidArgumentError) as caught, organisation.as_admin():
        figures.of_reach(conn, of_days(conn, -60, 0, -41))
    assert caught.value.constraint == "known_on"
    # Who is changing something now may have begun before midnight.
    with conn.transaction(force_rollback=True):
        conn.execute("set local session_replication_role = replica")
        conn.execute(_LONG_KNOWN)
        conn.execute("select from public.peer_mentor_certifications for update")
        with pytest.raises(LaterError):
            figures.of_organisation(conn, organisation.id, of_days(conn, -60, 0, -1))


_COUNTED: Final = """
create or replace function mentorcert_private.count_figures(
  organisation uuid, reach uuid[], first_day date, last_day date, known_on date default null
)
returns table (
  certification_type text, chapter_id uuid, valid integer, started integer, renewed integer, lapsed integer,
  stopped integer, outdated integer
)
language sql
as $$ select type, chapter, number, number, 0, 0, number, number from counted $$
"""


def test_what_is_masked_cannot_be_worked_out(conn: Connection) -> None:
    """Of a county with two chapters and one beside it: what is published says no number from 1 to 4.

    Also to somebody who knows the rule, and that everybody is in one chapter and none in the county itself.
    """
    organisation = set_up(conn)
    county, *local = (uuid4() for _ in range(3))
    for id_, parent in ((county, None), *((id_, county) for id_ in local)):
        conn.execute(
            "insert into mentorcert.chapters (id, organisation_id, parent_id, code, name) values (%s, %s, %s, %s::text, 'C')",
            (id_, organisation.id, parent, id_),
        )
    places = [None, county, *local, organisation.chapter]
    worlds: defaultdict[tuple[Numbers, ...], list[tuple[int, ...]]] = defaultdict(list)
    with conn.transaction(force_rollback=True):
        conn.execute("create temporary table counted (type text, chapter uuid, number integer)")
        conn.execute(_COUNTED.encode())
        for first, second, beside in product([0, 1, 2, 3, 4, 5, 6, 9, 10], repeat=3):
            world = (first + second + beside, first + second, first, second, beside)
            conn.execute("truncate counted")
            conn.cursor().executemany(
                "insert into counted values (%s, %s, %s)",
                [
                    *((None, place, number) for place, number in zip(places, world, strict=True)),
                    ("basic", None, world[0]),
                    ("basic", county, 3),
                ],
            )
            found = figures.of_organisation(
                conn, organisation.id, Period(YEAR.first_day, YEAR.last_day, None, masked=True)
            )
            shown = {one.chapter_id: tuple(one.numbers) for one in found if one.certification_type is None}
            assert {one.chapter_id for one in found if one.certification_type} == {None}
            for place, number in zip(places, world, strict=True):
                valid, started, *others, stopped, outdated = shown[place]
                assert valid == started == stopped == outdated
                assert others == ([None, None] if None in others else [0, 0])
                assert valid is None or valid == number - number % 5
                assert valid is None or number not in range(1, 5)
            worlds[tuple(shown[place] for place in places)].append(world)
    assert max(map(len, worlds.values())) < 200
    for possible in worlds.values():
        for column in range(len(places)):
            numbers = {world[column] for world in possible}
            assert not numbers <= set(range(1, 5)) or len(numbers) > 1, possible


def test_masked_as_counted(conn: Connection, small: UUID) -> None:
    names = {chapter.id: chapter.code for chapter in chapters.of_organisation(conn, small)}
    masked = Period(YEAR.first_day, YEAR.last_day, masked=True)
    found = by_key(figures.of_organisation(conn, small, masked), names)
    assert set(found) == set(BY_HAND)
    # One chapter has four that are valid, and two types have four or one.
    assert found[None, None] == (30, 5, 15, 0, 0, 0)
    assert found["conversation", None] == (25, None, 15, None, 0, 0)
    assert {found[None, code] for code in names.values()} == {(None, None, None, 0, 0, 0)}


def test_workbook(conn: Connection, small: UUID) -> None:
    naming = Naming(
        "=cmd|' /C calc'!A0", types.of_organisation(conn, small), chapters.of_organisation(conn, small)
    )

    def sheets(period: Period, language: str = "en") -> dict[str, list[tuple[object, ...]]]:
        found = figures.of_organisation(conn, small, period)
        of_courses = course_figures.of_organisation(conn, small, period)
        content = figures_workbook(period, (found, of_courses), naming, language, date(2026, 2, 1))  # type: ignore[arg-type]
        book = openpyxl.load_workbook(io.BytesIO(content))
        return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}

    found = sheets(YEAR)
    assert list(found) == [
        "By type", "By chapter", "Type and chapter", "Courses", "Courses by type", "Courses by chapter", "Courses, each",
        "Definitions",
    ]  # fmt: skip
    assert found["Courses"][1] == ("All courses", *[0] * 10)
    assert found["By type"] == [
        ("Certification", "Valid", "Newly certified", "Renewed", "Lapsed", "Left", "Outdated"),
        ("All types", 30, 6, 17, 0, 0, 0),
        ("Conversation partner", 28, 6, 15, 1, 0, 0),
        ("First aid", 19, 4, 7, 1, 0, 0),
    ]
    assert ("Nordvik", 7, 1, 3, 0, 0, 0) in found["By chapter"]
    assert ("Conversation partner", "Nordvik", 6, 1, 3, 1, 0, 0) in found["Type and chapter"]
    said: dict[object, object] = {line[0]: line[1] for line in found["Definitions"]}
    assert said["Organisation"] == "'=cmd|' /C calc'!A0"
    assert str(said["First day"])[:10] == "2025-01-01"
    # What is read years later says of which day its knowledge is.
    assert "2026-02-01" in {str(line[1])[:10] for line in found["Definitions"] if line[0] == "As known on"}
    assert {said[name] for name in DEFINITIONS if name != "As known on"} <= set(
        map(str, DEFINITIONS.values())
    )

    public = sheets(Period(YEAR.first_day, YEAR.last_day, masked=True), "nb")
    assert list(public) == [
        "Etter type",
        "Etter lag",
        "Kurs",
        "Kurs etter type",
        "Kurs etter lag",
        "Definisjoner",
    ]
    assert ("Samtalepartner", 25, None, 15, None, 0, 0) in public["Etter type"]


def test_command(mentorcert: Mentorcert, conn: Connection, small: UUID, tmp_path: Path) -> None:
    asked = ("figures", "--organisation", "apen-samtale", "--year", "2025")
    printed = mentorcert(*asked)
    assert "all types" in printed.stdout
    assert printed.stdout.split("Nordvik")[1].replace("│", "").split()[:5] == ["7", "1", "3", "0", "0"]
    (whole, *_others) = json.loads(mentorcert(*asked, "--json").stdout)
    assert whole == {
        "certification_type": None, "chapter_id": None, "valid": 30, "started": 6, "renewed": 17, "lapsed": 0,
        "stopped": 0, "outdated": 0,
    }  # fmt: skip
    period = ("--first-day", "2025-01-01", "--last-day", "2025-12-31", "--known-on", "2025-12-31")
    (nothing, *_others) = json.loads(mentorcert(*asked[:3], *period, "--json").stdout)
    assert nothing["valid"] == 0
    (masked, *_others) = json.loads(mentorcert(*asked, "--masked", "--json").stdout)
    assert masked["renewed"] == 15
    assert "refresher" in mentorcert(*asked, "--courses").stdout
    (of_courses, *_others) = json.loads(mentorcert(*asked, "--courses", "--json").stdout)
    assert (of_courses["kind"], of_courses["held"]) == (None, 0)
    file = tmp_path / "figures.xlsx"
    assert mentorcert(*asked, "--xlsx", file, "--language", "en").stdout == ""
    assert openpyxl.load_workbook(file)["By type"]["B2"].value == 30
    for wrong in (asked[:3], (*asked, "--first-day", "2025-01-01")):
        refused = mentorcert(*wrong)
        assert refused.returncode != 0
        assert "--first-day and --last-day" in refused.stderr


@pytest.mark.parametrize("who", [*COORDINATORS, "admin"])
def test_reads_an_organisation_once(large: Connection, who: str) -> None:
    """Each row of its tables about once, and nothing of another organisation; what is known on a day adds its log."""
    tables = {
        "peer_mentor_certifications": "public", "peer_mentors": "mentorcert", "peer_mentor_chapters": "mentorcert",
        "audit_log": "mentorcert",
    }  # fmt: skip
    stored = {
        name: fetch(
            large, f"select count(*) from {schema}.{name} where organisation_id = %s", key("organisation1")
        )
        for name, schema in tables.items()
    }
    for known, with_log in ((None, False), (-1, True)):
        with acting_as(large, key(who)):
            # In one transaction, and so in one session also behind a pooler.
            before = read_so_far(large)
            found = figures.of_reach(large, of_days(large, -300, 0, known))
            large.execute("reset role")
            after = read_so_far(large)
        assert len(found) > 5
        excess = {
            name: (after[name] - before[name], stored[name])
            for name in tables
            if after[name] - before[name] > 2 * stored[name] * (with_log or name != "audit_log") + 100
        }
        assert excess == {}


def read_so_far(conn: Connection) -> dict[str, int]:
    """Return how many rows of each table this session has read."""
    return dict(
        rows(
            conn,
            "select relname::text, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_catalog.pg_stat_xact_user_tables",
        )
    )
