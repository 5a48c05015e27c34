"""A calendar of the days on which certifications end, as RFC 5545 has it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from icalendar import Alarm, Calendar, Event

from mentorcert.translations import Language, translations
from mentorcert.web.rendering.templating import last_valid_day

# Long enough for a course to be found, and once more when it is due.
_REMINDERS: Final = (timedelta(days=90), timedelta(days=60), timedelta(days=30))
_REFRESH: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class ExpiringCertification:
    """A certification and the first instant at which it no longer holds."""

    certification_id: UUID
    name_nb: str
    name_en: str
    expires_at: datetime


def write(
    endings: Iterable[ExpiringCertification], organisation: str, time_zone: str, language: Language
) -> bytes:
    """Return the calendar file; an event keeps its UID for as long as the certification lives."""
    gettext = translations(language).gettext
    calendar = Calendar()
    calendar.add("prodid", "-//mentorcert//certifications//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    organisation = _one_line(organisation)
    name = gettext("Certifications in %(organisation)s") % {"organisation": organisation}
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", _REFRESH, parameters={"value": "DURATION"})
    for ending in endings:
        calendar.add_component(_event(ending, organisation, time_zone, language))
    return bytes(calendar.to_ical())


def _event(ending: ExpiringCertification, organisation: str, time_zone: str, language: Language) -> Event:
    gettext = translations(language).gettext
    kind = _one_line(ending.name_en if language == "en" else ending.name_nb)
    day = last_valid_day(ending.expires_at, time_zone)
    summary = gettext("Last valid day: %(type)s") % {"type": kind}
    event = Event()
    event.add("uid", f"{ending.certification_id}@mentorcert")
    event.add("dtstamp", datetime.now(UTC))
    event.add("dtstart", day)
    event.add("dtend", day + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    event.add("summary", summary, parameters={"language": language})
    event.add(
        "description",
        gettext("Ask the coordinator of your chapter in %(organisation)s to renew it in time.")
        % {"organisation": organisation},
        parameters={"language": language},
    )
    for before in _REMINDERS:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", summary)
        alarm.add("trigger", -before)
        event.add_component(alarm)
    return event


def _one_line(text: str) -> str:
    """Return a name without what RFC 5545 does not allow in a text."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
