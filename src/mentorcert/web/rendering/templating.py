"""Templates, and how days, numbers and statuses are written in them."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mentorcert.translations import Language, translations
from mentorcert.web.rendering.languages import locale_of
from mentorcert.web.rendering.texts import texts_of
from mentorcert.web.static_files import static_path


class _Day(Protocol):
    """A day of a course, with its times where they are known."""

    @property
    def day(self) -> date: ...

    @property
    def starts(self) -> time | None: ...

    @property
    def ends(self) -> time | None: ...


TEMPLATES: Final = Path(__file__).parents[1] / "templates"


# Lists and calendars write the same few midnights in row after row.
@lru_cache(maxsize=10_000)
def day_of(at: datetime, time_zone: str) -> date:
    """Return the day on which an instant lies."""
    return at.astimezone(ZoneInfo(time_zone)).date()


@lru_cache(maxsize=10_000)
def last_valid_day(expires_at: datetime, time_zone: str) -> date:
    """Return the last day on which something holds: of a midnight that ends it, the day before."""
    return day_of(expires_at - timedelta.resolution, time_zone)


@lru_cache(maxsize=200)
def options_of(options: tuple[tuple[str, str], ...], chosen: str) -> Markup:
    """Return the choices of a field as HTML: hundreds of chapters are written once, until one of them changes."""
    line, selected = Markup('  <option value="{}"{}>{}</option>\n'), Markup(" selected")
    return Markup("").join(
        line.format(value, selected if value == chosen else "", text) for value, text in options
    )


# In one go: a chart of chapters and months has more than a thousand.
def _cells(write_number: Callable[[int], str], numbers: Iterable[int]) -> Markup:
    cells = "".join(f"<td>{write_number(number)}</td>" for number in numbers)
    return Markup(cells)  # noqa: S704 - numbers


def kept_options(options: Iterable[tuple[str, str]], chosen: str) -> Markup:
    """Return the same, for templates, which have them as lists."""
    return options_of(tuple(options), chosen)


@cache
def environment(language: Language) -> Environment:
    """Return the templates in a language; each is compiled once."""
    # Every value is escaped, whatever the file is called.
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    texts = translations(language)
    locale = locale_of(language)

    # As the reader types it, in one piece: a day is not broken over two lines.
    day_pattern = "d\N{NO-BREAK SPACE}MMMM\N{NO-BREAK SPACE}y" if language == "en" else "dd.MM.y"

    # A page writes the same few days in row after row.
    @lru_cache(maxsize=10_000)
    def write_day(day: date) -> str:
        return format_date(day, format=day_pattern, locale=locale)

    # Where a line of a phone holds no more.
    @lru_cache(maxsize=10_000)
    def write_short_day(day: date) -> str:
        return format_date(day, format=day_pattern.replace("MMMM", "MMM"), locale=locale)

    def write_last_day(expires_at: datetime | None, time_zone: str) -> str:
        if expires_at is None:
            return texts.gettext("does not expire")
        return write_day(last_valid_day(expires_at, time_zone))

    def write_course_day(day: _Day) -> str:
        written = write_day(day.day)
        if day.starts is None:
            return written
        clock = "%H:%M" if language == "en" else "%H.%M"
        hours = "–".join(f"{at:{clock}}" for at in (day.starts, day.ends) if at is not None)
        return texts.gettext("%(day)s, %(hours)s") % {"day": written, "hours": hours}

    def write_moment(at: datetime, time_zone: str) -> str:
        return format_datetime(at, format=f"{day_pattern} HH:mm", tzinfo=ZoneInfo(time_zone), locale=locale)

    @cache
    def write_status(status: str) -> Markup:
        return Markup('<span class="badge badge-{}">{}</span>').format(status, status_text(status, language))

    # A chart's table has a thousand of them, mostly the same.
    @lru_cache(maxsize=10_000)
    def write_number(number: int) -> str:
        return format_decimal(number, locale=locale)

    templates.globals.update(texts_of(language))
    templates.globals["static"] = static_path
    templates.globals["kept_options"] = kept_options
    templates.filters.update(
        day=write_day,
        short_day=write_short_day,
        course_day=write_course_day,
        last_day=write_last_day,
        moment=write_moment,
        status=write_status,
        number=write_number,
        cells=partial(_cells, write_number),
    )
    return templates


def status_text(status: str, language: Language) -> str:
    """Return the word for a certification's status."""
    gettext = translations(language).gettext
    return {
        "active": gettext("Valid"),
        "expired": gettext("Expired"),
        "outdated": gettext("Outdated"),
        "suspended": gettext("Suspended"),
    }[status]
