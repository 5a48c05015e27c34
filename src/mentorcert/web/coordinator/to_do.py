"""What there is to do today: how much of each, with the first names, and the page on which it is done."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from mentorcert.certifications import pages, renewal_requests, search
from mentorcert.certifications.forecast import Coverage, month_ends
from mentorcert.certifications.mentor_list import Lacking
from mentorcert.courses import courses
from mentorcert.courses.courses import Course
from mentorcert.imports.tasks import requests
from mentorcert.notices import reminders
from mentorcert.organisations import invitations, notes
from mentorcert.organisations.chapters import Chapter
from mentorcert.web.context import RequestContext
from mentorcert.web.coordinator.display_names import Names, today_of, written
from mentorcert.web.coordinator.list_query import COUNTED, ListQuery
from mentorcert.web.coordinator.mentors_query import MentorsQuery
from mentorcert.web.course_words import course_name

FIRST: Final = 5
_ENDS_WITHIN: Final = "30"
_LACKS_WITHIN: Final = 6
_FAILED_SINCE: Final = timedelta(days=14)
_NOT_CLOSED_SINCE: Final = timedelta(days=180)
_SEATS_WITHIN: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class ToDo:
    """One matter: `names` are the first ones, each with its page; `path` has all of them."""

    text: str
    names: Sequence[tuple[str, str]]
    has_more: bool
    path: str


Found = Callable[[], Iterator[ToDo]]


def ask(context: RequestContext, names: Names) -> Callable[[Sequence[Lacking]], Iterator[ToDo]]:
    """Ask for all of it without waiting; what is returned takes who lacks what, and reads the answers."""
    first = [_follow_ups(context), _requests(context), _courses(context), _ending(context)]
    last = [_unreached(context)]
    if "org_admin" in context.roles:
        last += [_invitations(context), _imports(context)]

    def matters(lacking: Sequence[Lacking]) -> Iterator[ToDo]:
        for one in first:
            yield from one()
        yield from _lacking(context, names, lacking)
        for one in last:
            yield from one()

    return matters


def _follow_ups(context: RequestContext) -> Found:
    sent = context.ahead(notes.follow_ups, of_everybody=False)

    def read() -> Iterator[ToDo]:
        today = today_of(context)
        due = [one for one in sent.value if one.due_on <= today]
        late = sum(one.due_on < today for one in due)
        people = list(dict.fromkeys((one.full_name, f"/mentors/{one.peer_mentor_id}/notes") for one in due))
        if due:
            yield ToDo(
                context.ngettext(
                    "%(num)s follow-up is due, %(late)s overdue",
                    "%(num)s follow-ups are due, %(late)s overdue",
                    len(due),
                    late=late,
                )
                if late
                else context.ngettext("%(num)s follow-up is due", "%(num)s follow-ups are due", len(due)),
                people[:FIRST],
                len(people) > FIRST,
                "/follow-ups",
            )

    return read


def _requests(context: RequestContext) -> Found:
    sent = context.ahead(renewal_requests.waiting)

    def read() -> Iterator[ToDo]:
        asked = [one for one in sent.value if one.state == "open" and not one.is_own]
        if asked:
            yield ToDo(
                context.ngettext(
                    "%(num)s request for renewal waits", "%(num)s requests for renewal wait", len(asked)
                ),
                [(one.full_name, f"/requests/{one.id}") for one in asked[:FIRST]],
                len(asked) > FIRST,
                "/requests",
            )

    return read


def _courses(context: RequestContext) -> Found:
    today = today_of(context)
    sent = context.ahead(courses.between, today - _NOT_CLOSED_SINCE, today + _SEATS_WITHIN)

    def read() -> Iterator[ToDo]:
        planned = [one for one in sent.value if one.state == "planned" and one.may_manage]
        over = [one for one in planned if one.days[-1] <= today]
        if over:
            yield ToDo(
                context.ngettext(
                    "%(num)s course waits to be closed", "%(num)s courses wait to be closed", len(over)
                ),
                _named(context, over),
                len(over) > FIRST,
                "/courses",
            )
        free = [one for one in planned if one.days[0] > today and (one.free_seats or 0) > 0]
        if free:
            yield ToDo(
                context.ngettext(
                    "%(num)s course within 14 days has free seats",
                    "%(num)s courses within 14 days have free seats",
                    len(free),
                ),
                _named(context, free),
                len(free) > FIRST,
                "/courses",
            )

    return read


def _named(context: RequestContext, found: Sequence[Course]) -> list[tuple[str, str]]:
    return [(course_name(one, context.language), f"/courses/{one.id}") for one in found[:FIRST]]


def short_of_mentors(
    context: RequestContext, chapters: Sequence[Chapter], covered: Mapping[UUID, Coverage]
) -> Iterator[ToDo]:
    """Name the chapters that have peer mentors today and will have none, also with the courses planned."""
    ends = month_ends(today_of(context), _LACKS_WITHIN)
    short = sorted(
        (
            (ends[end], chapter)
            for chapter in chapters
            if (end := covered[chapter.id].lacks_from(_LACKS_WITHIN)) is not None
        ),
        key=lambda found: found[0],
    )
    if short:
        yield ToDo(
            context.ngettext(
                "%(num)s chapter will have nobody with every required certification within six months: plan a course",
                "%(num)s chapters will have nobody with every required certification within six months: plan a course",
                len(short),
            ),
            [
                (
                    context._(
                        "%(chapter)s: %(number)s today, none on %(day)s",
                        chapter=chapter.name,
                        number=covered[chapter.id].today,
                        day=written(context, "day", day),
                    ),
                    f"/forecast?chapter={chapter.id}",
                )
                for day, chapter in short[:FIRST]
            ],
            len(short) > FIRST,
            "/forecast",
        )


def _ending(context: RequestContext) -> Found:
    query, today = ListQuery(status="active", ends=_ENDS_WITHIN), today_of(context)
    counted = context.ahead(search.count, query.filters(today), at_most=COUNTED + 1)
    sent = context.ahead(pages.page, query.parts(today), size=FIRST)

    def read() -> Iterator[ToDo]:
        if number := counted.value:
            yield ToDo(
                context.ngettext(
                    "%(found)s certification ends within 30 days",
                    "%(found)s certifications end within 30 days",
                    number,
                    found=_number(context, number),
                ),
                [(row.full_name, f"/certifications/{row.id}") for row in sent.value.rows],
                number > FIRST,
                query.path(),
            )

    return read


def _lacking(context: RequestContext, names: Names, found: Sequence[Lacking]) -> Iterator[ToDo]:
    for lacking in found:
        yield ToDo(
            context.ngettext(
                "%(found)s peer mentor does not hold “%(type)s”, which the public list requires",
                "%(found)s peer mentors do not hold “%(type)s”, which the public list requires",
                lacking.number,
                found=_number(context, lacking.number),
                type=names.type(lacking.certification_type),
            ),
            [(name, f"/mentors/{id_}") for id_, name in zip(lacking.ids, lacking.full_names, strict=True)],
            lacking.number > FIRST,
            MentorsQuery(type=lacking.certification_type, standing="not_held").path(),
        )


def _unreached(context: RequestContext) -> Found:
    sent = context.ahead(reminders.ahead, only_failing=True, size=FIRST)

    def read() -> Iterator[ToDo]:
        if page := sent.value.rows:
            people = {row.peer_mentor_id: row.full_name for row in page}
            yield ToDo(
                context._("Reminders do not reach somebody whose certification ends soon"),
                [(name, f"/mentors/{id_}/contact") for id_, name in people.items()],
                sent.value.next is not None,
                "/reminders?show=failing",
            )

    return read


def _invitations(context: RequestContext) -> Found:
    sent = context.ahead(invitations.search, context.member()[1].id, size=FIRST + 1)

    def read() -> Iterator[ToDo]:
        if opened := sent.value:
            yield ToDo(
                context._("Invitations that nobody has answered yet"),
                [(one.email, "/admin/invitations") for one in opened[:FIRST] if one.email],
                len(opened) > FIRST,
                "/admin/invitations",
            )

    return read


def _imports(context: RequestContext) -> Found:
    sent = context.ahead(requests.recent, "import", "import_preview", size=FIRST)

    def read() -> Iterator[ToDo]:
        since = datetime.now(UTC) - _FAILED_SINCE
        failed = [task for task in sent.value if task.state == "failed" and task.created_at > since]
        if failed:
            yield ToDo(
                context.ngettext("%(num)s import has failed", "%(num)s imports have failed", len(failed)),
                [(task.file_name or context._("Import"), f"/imports/{task.id}") for task in failed],
                False,
                "/imports",
            )

    return read


def _number(context: RequestContext, number: int) -> str:
    return context._("More than %(number)s", number=COUNTED) if number > COUNTED else str(number)
