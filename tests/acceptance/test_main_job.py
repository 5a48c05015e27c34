"""The main job: a national file goes in, nights pass, and the right people are on the public list."""

import csv
import json
import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from mentorcert import package_files
from mentorcert.db.connection import Connection, acting_as
from mentorcert.operations import doctor
from tests.support.command import Mentorcert
from tests.support.registry import drift, rows, utc

FOLDER = package_files.folder("examples") / "national"
OSLO = ZoneInfo("Europe/Oslo")
FIRST_NIGHT = utc(2026, 11, 1, 12)


@dataclass(frozen=True)
class Line:
    """One certification of the file; `last_day` is worked out where the file leaves it to the rule."""

    mentor: str
    name: str
    chapters: tuple[str, ...]
    consents: bool
    kind: str
    last_day: date


def day(text: str) -> date | None:
    if not text.strip():
        return None
    number, month, year = map(int, text.strip().split("."))
    return date(year, month, number)


def by_rule(rule: dict[str, Any], begins: date, held: date | None) -> date:
    """Return the last valid day that the type gives, as organisation.toml says it."""
    if rule["validity_rule"] == "unlimited":
        return date.max
    if rule["validity_rule"] == "end_of_year":
        assert rule["validity_months"] % 12 == 0
        last = date(begins.year + rule["validity_months"] // 12, 12, 31)
        if held is None or held < last:
            return last
        return max(last.replace(year=last.year + 1), held)
    assert rule["validity_months"] % 12 == 0
    year, month = begins.year + rule["validity_months"] // 12, begins.month
    last = (
        date(year, month, begins.day) if (month, begins.day) != (2, 29) else date(year, 3, 1) - timedelta(1)
    )
    return max(last, held or last)


@cache
def description() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "organisation.toml").read_text("utf-8"))


def certifications() -> list[Line]:
    """Read the file with nothing but the standard library."""
    rules = {rule["code"]: rule for rule in description()["certification_types"]}
    names = {chapter["code"]: chapter["name"] for chapter in description()["chapters"]}
    found = []
    with (FOLDER / "mentors.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            if not row["Sertifisering"]:
                continue
            rule, held = rules[row["Sertifisering"]], None
            periods = [period.partition("..") for period in row["Tidligere fornyelser"].split("|")]
            current = (row["Utstedt"], "", row["Gyldig til og med"])
            for first, _, last in [period for period in periods if period[0].strip()] + [current]:
                begins = day(first)
                assert begins is not None
                held = day(last) or by_rule(rule, begins, held)
            assert held is not None
            chapters = tuple(sorted(names[code] for code in row["Lag"].split("|") if code))
            consents = row["Samtykke til visning"] == "ja"
            found.append(Line(row["Ekstern ID"], row["Navn"], chapters, consents, row["Sertifisering"], held))
    return found


def who_is_listed(on: date) -> list[tuple[str, tuple[str, ...]]]:
    """Return name and chapters of those who consent and hold every required type on a day."""
    required = {
        rule["code"] for rule in description()["certification_types"] if rule.get("required_for_listing")
    }
    held: dict[str, set[str]] = {}
    people = {}
    for line in certifications():
        if line.last_day >= on:
            held.setdefault(line.mentor, set()).add(line.kind)
        people[line.mentor] = line
    return sorted(
        (people[mentor].name, people[mentor].chapters)
        for mentor, kinds in held.items()
        if people[mentor].consents and kinds >= required
    )


def shown_to_everybody(conn: Connection) -> list[tuple[str, tuple[str, ...]]]:
    """Return name and chapters of whom the public sees."""
    with acting_as(conn, None, role="anon"):
        shown = rows(conn, "select display_name, chapters from public.listed_peer_mentors")
    return sorted((name, tuple(sorted(chapters))) for name, chapters in shown)


def test_from_the_file_to_the_public_list(conn: Connection, mentorcert: Mentorcert) -> None:
    assert mentorcert("organisation", "apply", FOLDER / "organisation.toml").returncode == 0
    assert mentorcert("import", FOLDER / "mentors.csv", "--organisation", "hom").returncode == 0
    today = datetime.now(OSLO).date()

    # Nobody has done a night yet, and still nobody is shown whose certification has ended, now or ever.
    assert rows(conn, "select distinct status from public.peer_mentor_certifications") == [("active",)]
    assert shown_to_everybody(conn) == who_is_listed(today)
    leases = rows(conn, "select listed_until from public.listed_peer_mentors where listed_until < 'infinity'")
    for on in (today + timedelta(days) for days in (30, 90, 400)):
        begins = datetime(on.year, on.month, on.day, tzinfo=OSLO)
        assert sum(until > begins for (until,) in leases) == len(who_is_listed(on))

    first = mentorcert("nightly", "--json", "--as-of", FIRST_NIGHT.isoformat())
    assert len(json.loads(first.stdout)) == 1
    tonight = mentorcert("nightly", "--json")
    assert (tonight.returncode, tonight.stderr) == (0, "")
    assert shown_to_everybody(conn) == who_is_listed(today)
    assert 100 < len(who_is_listed(today)) < 600
    assert drift(conn) == []

    # Each certification that ended did so on its night; what is older than the ledger, on the first.
    nights = Counter(
        max(line.last_day + timedelta(1), FIRST_NIGHT.date())
        for line in certifications()
        if line.last_day < today
    )
    ledger = rows(
        conn,
        "select night.local_day, coalesce(run.expired, 0), night.caught_up, night.error from mentorcert_private.nights as night"
        " left join mentorcert_private.job_runs as run on run.job = 'nightly' and run.local_day = night.local_day"
        " order by night.local_day",
    )
    length = (today - FIRST_NIGHT.date()).days
    assert ledger == [
        (night, nights[night], night not in {FIRST_NIGHT.date(), today}, None)
        for night in (FIRST_NIGHT.date() + timedelta(number) for number in range(length + 1))
    ]
    assert nights[FIRST_NIGHT.date()] > 100
    assert {finding.state for finding in doctor.examine(conn)} == {"ok"}
