"""Writes the example organisations: `python examples/generate.py [FOLDER]` always writes the same.

People, places, numbers and addresses are made up: example.org belongs to nobody, and no Norwegian telephone
number begins with 00.
"""

import calendar
import csv
import io
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from faker import Faker

if TYPE_CHECKING:
    import random

LAST_DAY = date(2026, 10, 31)  # the last day of issue in the files
COUNTIES = (
    "Østfold", "Akershus", "Oslo", "Hedmark", "Oppland", "Buskerud", "Vestfold", "Telemark", "Aust-Agder",
    "Vest-Agder", "Rogaland", "Hordaland", "Sogn og Fjordane", "Møre og Romsdal", "Sør-Trøndelag",
    "Nord-Trøndelag", "Nordland", "Troms", "Finnmark",
)  # fmt: skip

Period = tuple[date, date | None]


@dataclass(frozen=True)
class Kind:
    """A certification type, and how likely a mentor holds it."""

    code: str
    name_nb: str
    name_en: str
    rule: str
    months: int | None
    required: bool
    share: float

    def last_valid_day(self, issued: date, held_until: date | None) -> date | None:
        """Return what the database reckons for the same rule."""
        if self.months is None:
            return None
        if self.rule == "months":
            return max(add_months(issued, self.months), held_until or issued)
        year_end = date(add_months(issued, self.months).year, 12, 31)
        if held_until is None or held_until < year_end:
            return year_end
        return max(date(year_end.year + 1, 12, 31), held_until)


@dataclass(frozen=True)
class Chapter:
    """A chapter and the code of the one above it."""

    code: str
    name: str
    parent: str | None = None


@dataclass(frozen=True)
class Person:
    """A mentor with the periods of each certification, oldest first."""

    number: str
    name: str
    email: str
    phone: str
    chapters: Sequence[str]
    consent: bool
    certifications: dict[str, list[Period]] = field(default_factory=dict)


NATIONAL_KINDS = (
    Kind("likeperson", "Likeperson", "Peer mentor", "end_of_year", 24, required=True, share=0.99),
    Kind("taushetsplikt", "Taushetserklæring", "Pledge of confidentiality", "unlimited", None, True, 0.98),
    Kind("politiattest", "Politiattest sett", "Police certificate seen", "months", 36, False, 0.95),
    Kind("horselshjelper", "Hørselshjelper", "Hearing aid helper", "months", 60, False, 0.93),
)
SMALL_KINDS = (
    Kind("conversation", "Samtalepartner", "Conversation partner", "months", 18, required=True, share=1.0),
    Kind("first-aid", "Førstehjelp", "First aid", "months", 24, required=False, share=0.7),
)


def add_months(day: date, months: int) -> date:
    """Add months, clamped at the end of the month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


class Generator:
    """Draws people and their certifications; the same seed gives the same."""

    def __init__(self, seed: int) -> None:
        self.fake = Faker("no_NO")
        self.fake.seed_instance(seed)
        self.random: random.Random = self.fake.random

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.random.random() < probability

    def local_chapters(self, count: int, parents: Sequence[Chapter]) -> list[Chapter]:
        """Return chapters of made-up places, spread over the parents."""
        beginnings = (
            "Bjørke Elve Furu Grane Høy Kvern Lang Løv Mose Myr Nord Rogne Skog Sol Stein Sør Vester Øster"
        )
        endings = "bygda dal fjell heim li nes sand strand sund vik ås øya"
        places = [f"{beginning}{ending}" for beginning in beginnings.split() for ending in endings.split()]
        return [
            Chapter(f"L{number:03}", f"{place} lokallag", parents[number % len(parents)].code)
            for number, place in enumerate(self.random.sample(places, count), start=1)
        ]

    def person(self, number: int, chapters: Sequence[Chapter], kinds: Sequence[Kind], first: date) -> Person:
        """Return a mentor who began some day since `first`."""
        name = f"{self.fake.first_name()} {self.fake.last_name()}"
        letters = name.lower().translate(str.maketrans("æøå ", "eoa."))
        address = unicodedata.normalize("NFKD", letters).encode("ascii", "ignore").decode()
        digits = f"{self.random.randrange(10**6):06}"
        phone = f"00 {digits[:2]} {digits[2:4]} {digits[4:]}"
        began = first + timedelta(days=self.random.randrange((LAST_DAY - first).days))
        held = kinds if self.chance(0.98) else ()
        joined = self.random.sample(chapters, 2 if self.chance(0.08) else 1)
        return Person(
            number=str(number),
            name=name,
            email=f"{address}.{number}@example.org" if self.chance(0.9) else "",
            phone="" if self.chance(0.08) else f"+47 {phone}" if self.chance(0.15) else phone,
            chapters=[chapter.code for chapter in joined],
            consent=self.chance(0.75),
            certifications={kind.code: self.periods(kind, began) for kind in held if self.chance(kind.share)},
        )

    def periods(self, kind: Kind, began: date) -> list[Period]:
        """Return period after period, until somebody forgot to renew or one lasts beyond the last day."""
        issued = min(began + timedelta(days=self.random.randrange(60)), LAST_DAY)
        periods: list[Period] = []
        held_until = None
        while issued <= LAST_DAY:
            held_until = kind.last_valid_day(issued, held_until)
            periods.append((issued, held_until))
            if held_until is None or not self.chance(0.94):
                break
            issued = max(
                held_until + timedelta(days=self.random.randint(-90, 45)), issued + timedelta(days=30)
            )
        return periods

    def rows(
        self, person: Person, write: Callable[[date], str], yes_no: tuple[str, str]
    ) -> Iterator[list[str]]:
        """Write a person's rows; some cells leave to the type's rule what others state."""
        own = [
            person.number, person.name, person.email, person.phone, "|".join(person.chapters),
            yes_no[not person.consent],
        ]  # fmt: skip
        for code, periods in person.certifications.items():
            *past, (issued, expires) = periods
            written = [
                f"{write(starts)}..{write(ends)}" if ends and self.chance(0.7) else write(starts)
                for starts, ends in past
            ]
            last = write(expires) if expires and self.chance(0.6) else ""
            yield [*own, code, write(issued), last, " | ".join(written)]
        if not person.certifications:
            yield [*own, "", "", "", ""]


def organisation_toml(slug: str, name: str, kinds: Sequence[Kind], chapters: Sequence[Chapter]) -> str:
    """Write what `mentorcert organisation apply` reads."""
    lines = ["[organisation]", f'slug = "{slug}"', f'name = "{name}"', 'time_zone = "Europe/Oslo"']
    for kind in kinds:
        lines += [
            "",
            "[[certification_types]]",
            f'code = "{kind.code}"',
            f'name_nb = "{kind.name_nb}"',
            f'name_en = "{kind.name_en}"',
            f'validity_rule = "{kind.rule}"',
            *([] if kind.months is None else [f"validity_months = {kind.months}"]),
            f"required_for_listing = {str(kind.required).lower()}",
        ]
    for chapter in chapters:
        lines += ["", "[[chapters]]", f'code = "{chapter.code}"', f'name = "{chapter.name}"']
        lines += [f'parent = "{chapter.parent}"'] if chapter.parent else []
    return "\n".join(lines) + "\n"


def csv_text(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """Write rows with the line ends of RFC 4180 and Excel."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def national() -> dict[str, bytes]:
    """Return the national organisation: 600 mentors, 219 chapters; CSV as Norwegian Excel writes it."""
    generator = Generator(seed=19)
    counties = [
        Chapter(f"F{number:02}", f"{name} fylkeslag") for number, name in enumerate(COUNTIES, start=1)
    ]
    chapters = [*counties, *generator.local_chapters(200, counties)]
    headings = [
        "Ekstern ID", "Navn", "E-post", "Telefon", "Lag", "Samtykke til visning", "Sertifisering", "Utstedt",
        "Gyldig til og med", "Tidligere fornyelser",
    ]  # fmt: skip
    rows = [headings]
    for number in range(1001, 1601):
        person = generator.person(number, chapters, NATIONAL_KINDS, date(2006, 11, 1))
        rows += generator.rows(person, lambda day: f"{day:%d.%m.%Y}", ("ja", "nei"))
    name = "Landsforeningen for Hørsel og Mestring"
    return {
        "organisation.toml": organisation_toml("hom", name, NATIONAL_KINDS, chapters).encode(),
        "mentors.csv": csv_text(rows, ";").encode("utf-8-sig"),
    }


def small() -> dict[str, bytes]:
    """Return the smaller organisation: 40 mentors, 5 chapters; CSV by RFC 4180 with ISO dates."""
    generator = Generator(seed=5)
    towns = ("Nordvik", "Sørvik", "Østvik", "Vestvik", "Midtvik")
    chapters = [Chapter(town.lower().replace("ø", "o"), town) for town in towns]
    headings = [
        "External ID", "Name", "E-mail", "Phone", "Chapters", "Consent to listing", "Certification type",
        "Issued", "Valid through", "Past renewals",
    ]  # fmt: skip
    rows = [headings]
    for number in range(1, 41):
        person = generator.person(number, chapters, SMALL_KINDS, date(2018, 1, 1))
        rows += generator.rows(person, date.isoformat, ("yes", "no"))
    name = "Foreningen Åpen Samtale"
    return {
        "organisation.toml": organisation_toml("apen-samtale", name, SMALL_KINDS, chapters).encode(),
        "mentors.csv": csv_text(rows, ",").encode(),
    }


def main(folder: Path) -> None:
    """Write both organisations, each into a folder of its own."""
    for name, files in (("national", national()), ("small", small())):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (folder / name / file).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
