"""A calendar of last valid days, and of courses (RFC 5545)."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, vDuration

from mentorcert.certifications.calendar_feeds import ExpiringCertification
from mentorcert.courses.calendar import CalendarCourse
from mentorcert.translations import Language, translations
from mentorcert.web.rendering.templating import last_valid_day

# The day begins at midnight: alarms come when people are up.
_ALARM_AT: Final = timedelta(hours=9)
_REFRESH: Final = timedelta(hours=12)


def write(
    expiring: Iterable[ExpiringCertification],
    organisation: str,
    time_zone: str,
    language: Language,
    *,
    courses: Iterable[CalendarCourse] = (),
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
    for course in courses:
        for event in _course_events(course, time_zone, language):
            calendar.add_component(event)
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


def _course_events(course: CalendarCourse, time_zone: str, language: Language) -> Iterator[Event]:
    """Yield an event for each day: with its times, where they are known."""
    gettext = translations(language).gettext
    name = _one_line((course.name_en if language == "en" else None) or course.name_nb)
    zone = ZoneInfo(time_zone)
    for number, (day, starts, ends) in enumerate(
        zip(course.days, course.starts, course.ends, strict=True), start=1
    ):
        event = Event()
        event.add("uid", f"{course.id}-{number}@mentorcert")
        event.add("dtstamp", datetime.now(UTC))
        event.add("sequence", course.version)
        if starts is None:
            event.add("dtstart", day)
            event.add("dtend", day + timedelta(days=1))
        else:
            event.add("dtstart", datetime.combine(day, starts, zone).astimezone(UTC))
            if ends is not None:
                event.add("dtend", datetime.combine(day, ends, zone).astimezone(UTC))
        said = gettext("Waiting list: %(course)s") % {"course": name} if course.is_waiting else name
        event.add("summary", said, parameters={"language": language})
        where = ", ".join(filter(None, (course.place, course.link)))
        if where:
            event.add("location", _one_line(where))
        if course.link:
            event.add("url", course.link)
        status = "CANCELLED" if course.is_cancelled else "TENTATIVE" if course.is_waiting else "CONFIRMED"
        event.add("status", status)
        yield event


def _one_line(text: str) -> str:
    """Return a name without what RFC 5545 does not allow in a text."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
