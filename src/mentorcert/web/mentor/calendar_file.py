"""A calendar of last valid days (RFC 5545)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from icalendar import Alarm, Calendar, Event, vDuration

from mentorcert.certifications.calendar_feeds import ExpiringCertification
from mentorcert.translations import Language, translations
from mentorcert.web.rendering.templating import last_valid_day

# The day begins at midnight: alarms come when people are up.
_ALARM_AT: Final = timedelta(hours=9)
_REFRESH: Final = timedelta(hours=12)


def write(
    expiring: Iterable[ExpiringCertification], organisation: str, time_zone: str, language: Language
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
    # What Outlook and older programs go by.
    calendar.add("x-published-ttl", vDuration(_REFRESH))
    for certification in expiring:
        calendar.add_component(_event(certification, organisation, time_zone, language))
    return bytes(calendar.to_ical())


def _event(
    certification: ExpiringCertification, organisation: str, time_zone: str, language: Language
) -> Event:
    gettext = translations(language).gettext
    kind = _one_line(certification.name_en if language == "en" else certification.name_nb)
    day = last_valid_day(certification.expires_at, time_zone)
    summary = gettext("Last valid day: %(type)s") % {"type": kind}
    event = Event()
    event.add("uid", f"{certification.certification_id}@mentorcert")
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
    for days in sorted(certification.reminder_days, reverse=True):
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", summary)
        alarm.add("trigger", _ALARM_AT - timedelta(days=days))
        event.add_component(alarm)
    return event


def _one_line(text: str) -> str:
    """Return a name without what RFC 5545 does not allow in a text."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
