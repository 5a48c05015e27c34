"""Planning a course, and changing one that is planned."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import Field

from mentorcert.courses import courses
from mentorcert.courses.courses import Course, Kind, Plan, Responsible
from mentorcert.db.rows import Answer
from mentorcert.errors import CourseSettledError, RetiredError, UnknownTypeError
from mentorcert.translatable import LazyText
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.coordinator.chapter_choices import grouped
from mentorcert.web.coordinator.courses import course_page, managed
from mentorcert.web.coordinator.display_names import Names, names_of, written
from mentorcert.web.course_days import UnreadableLineError, read_days
from mentorcert.web.course_words import KINDS, course_name
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Chosen, OptionalId, Text
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried

router = APIRouter()

_MOST_SEATS: Final = 5000
_DAYS: Final = LazyText("Write at least one day, and at most 20.")
_TYPES: Final = LazyText("Choose at least one certification.")
_REFUSALS: Final[Mapping[str, Refusal]] = {
    "courses_name_valid": Refusal("name_nb", LazyText("Write the name.")),
    "courses_name_characters": unreadable("name_nb"),
    "courses_name_length": too_long("name_nb"),
    "courses_types_valid": Refusal("types", _TYPES),
    "courses_chapter_ids_known": Refusal("chapter", LazyText("Choose one of these.")),
    "courses_chapter_ids_valid": Refusal("chapter", LazyText("Choose one of these.")),
    "courses_days_valid": Refusal("days", _DAYS),
    "courses_times_valid": Refusal("days", _DAYS),
    "courses_place_characters": unreadable("place"),
    "courses_place_length": too_long("place"),
    "courses_link_valid": Refusal(
        "link", LazyText("Write the whole address, such as https://example.org/room, without a password.")
    ),
    "courses_link_length": too_long("link"),
    "courses_seats_taken": Refusal(
        "seats", LazyText("More have a seat already. Take some of them off first.")
    ),
    "courses_responsible_id_known": Refusal("responsible", LazyText("Choose one of these.")),
    "courses_note_characters": unreadable("note"),
    "courses_note_length": too_long("note"),
}
_LABELS: Final[Mapping[str, LazyText]] = {
    "kind": LazyText("Kind"),
    "name_nb": LazyText("Norwegian name"),
    "name_en": LazyText("English name"),
    "types": LazyText("Certifications that it gives or renews"),
    "required": LazyText("Must be held before"),
    "days": LazyText("Days"),
    "place": LazyText("Place"),
    "link": LazyText("Link, if it is online"),
    "seats": LazyText("Seats"),
    "chapter": LazyText("Chapters"),
    "responsible": LazyText("Responsible"),
    "note": LazyText("Information"),
}


class CourseForm(VersionedForm):
    """A course as its form sends it; `days` has one a line, no `chapter` is the whole organisation."""

    kind: Chosen[Kind] = "refresher"
    name_nb: Text = ""
    name_en: Text = ""
    types: Chosen[list[str]] = Field(default_factory=list)
    required: Chosen[list[str]] = Field(default_factory=list)
    days: Text = ""
    place: Text = ""
    link: Text = ""
    seats: Text = ""
    chapter: Chosen[list[UUID]] = Field(default_factory=list)
    responsible: OptionalId = None
    note: Text = ""

    def plan(self) -> Plan:
        """Return what is written of the course; `_invalid` has found nothing wrong."""
        return Plan(
            kind=self.kind,
            name_nb=self.name_nb.strip(),
            name_en=self.name_en.strip() or None,
            types=self.types,
            required_types=self.required,
            days=read_days(self.days),
            place=self.place.strip() or None,
            link=self.link.strip() or None,
            seats=int(self.seats) if self.seats.strip() else None,
            chapter_ids=self.chapter,
            responsible_id=self.responsible,
            note=self.note.strip() or None,
        )


@router.get("/courses/new")
def new(context: CurrentCoordinator) -> Response:
    """Show an empty form: a coordinator of one chapter plans for that one."""
    names = names_of(context)
    own = [one.id for one in names.open_chapters if one.is_coordinated]
    is_clear = "org_admin" not in context.roles and len(own) == 1
    form = CourseForm(chapter=own if is_clear else [], responsible=context.member()[0].id)
    return _page(context, names, None, form)


@router.post("/courses/new")
def add(context: CurrentCoordinator, form: Annotated[CourseForm, Form()]) -> Response:
    """Plan it."""
    names = names_of(context)
    sent = context.ahead(courses.responsibles)
    course_id = None
    if not (errors := _invalid(context, names, form)):
        errors, course_id = _written(context, lambda: courses.plan(context.conn, form.plan()))
    if errors or course_id is None:
        return _page(context, names, None, form, errors, members=sent)
    return context.redirect(
        f"/courses/{course_id}",
        notice=context._("The course is planned. Peer mentors of its chapters see it."),
    )


@router.get("/courses/{course_id}/edit")
def edit(context: CurrentCoordinator, course_id: UUID) -> Response:
    """Show the form with what is written of a course."""
    names = names_of(context)
    course = managed(context, course_id)
    if course.state != "planned":
        return course_page(context, course_id, is_settled=True)
    return _page(context, names, course, opened(context, _form_of(context, course), course.version))


@router.post("/courses/{course_id}/edit")
def change(context: CurrentCoordinator, course_id: UUID, form: Annotated[CourseForm, Form()]) -> Response:
    """Write what this person changed, unless somebody else changed something meanwhile."""
    return retried(lambda: _change(context, course_id, form))


def _change(context: RequestContext, course_id: UUID, form: CourseForm) -> Response:
    names = names_of(context)
    sent = context.ahead(courses.responsibles)
    course = managed(context, course_id)
    if course.state != "planned":
        return course_page(context, course_id, is_settled=True)
    if errors := _invalid(context, names, form):
        return _page(context, names, course, form, errors, members=sent)
    people = dict(_responsibles(context, course, sent))

    def write(name: str, value: Any) -> str:
        return {
            "kind": lambda: context._(KINDS[value]),
            "types": lambda: ", ".join(names.types_of(value)),
            "required": lambda: ", ".join(names.types_of(value)),
            "chapter": lambda: ", ".join(names.chapters_of(map(UUID, value))),
            "responsible": lambda: people.get(value, ""),
        }.get(name, lambda: str(value))()

    now = merged(context, form, _form_of(context, course), course.version, labels=_LABELS, write=write)
    if now is not None:
        return _page(context, names, course, now.form, differences=now.differences, members=sent)
    try:
        errors, _ = _written(
            context, lambda: courses.change(context.conn, course_id, form.plan(), version=course.version)
        )
    except CourseSettledError:
        return course_page(context, course_id, is_settled=True)
    if errors:
        return _page(context, names, course, form, errors, members=sent)
    return context.redirect(f"/courses/{course_id}", notice=context._("The course was changed."))


def _written(context: RequestContext, write: Any) -> tuple[dict[str, str], UUID | None]:
    """Write it; return what was refused, by field."""
    found = None
    try:
        with field_errors(context, _REFUSALS) as errors:
            found = write()
    except (RetiredError, UnknownTypeError):
        return {"types": context._("One of them is not given any more. Leave it out.")}, None
    return errors, found


def _invalid(context: RequestContext, names: Names, form: CourseForm) -> dict[str, str]:
    """Return what is wrong with what was typed, by field: all of it at once."""
    errors = form.faults(context)
    if not form.name_nb.strip():
        errors["name_nb"] = context._("Write the name.")
    if not form.types:
        errors["types"] = context._(_TYPES)
    for field in ("types", "required"):
        if not set(getattr(form, field)) <= names.types.keys():
            errors[field] = context._("Choose one of these.")
    if set(form.types) & set(form.required):
        errors["required"] = context._("A course cannot ask for what it gives or renews.")
    try:
        if not read_days(form.days):
            errors["days"] = context._(_DAYS)
    except UnreadableLineError as error:
        errors["days"] = context._(
            "Line %(number)s: write a day that exists, each day once, with the time it begins and ends.",
            number=error.number,
        )
    seats = form.seats.strip()
    if seats and not (seats.isdecimal() and 1 <= int(seats[:9]) <= _MOST_SEATS):
        errors["seats"] = context._("Give a whole number from 1 to 5000, or leave it empty.")
    if not form.chapter and "org_admin" not in context.roles:
        errors["chapter"] = context._("Choose at least one chapter.")
    return errors


def _form_of(context: RequestContext, course: Course) -> CourseForm:
    return CourseForm(
        kind=course.kind,
        name_nb=course.name_nb,
        name_en=course.name_en or "",
        types=course.types,
        required=course.required_types,
        days="\n".join(written(context, "course_day", day) for day in course.schedule),
        place=course.place or "",
        link=course.link or "",
        seats="" if course.seats is None else str(course.seats),
        chapter=course.chapter_ids,
        responsible=course.responsible_id,
        note=course.note or "",
    )


def _responsibles(
    context: RequestContext, course: Course | None, sent: Answer[list[Responsible]]
) -> list[tuple[str, str]]:
    """Return who can be responsible: the visitor, whom the visitor may name, and the one who is."""
    user, _ = context.member()
    found = {"": context._("Nobody"), str(user.id): context._("Me")}
    for one in sent.value:
        found.setdefault(str(one.user_id), one.name)
    if course and course.responsible_id:
        found.setdefault(str(course.responsible_id), course.responsible or context._("name not shown"))
    return list(found.items())


def _page(
    context: RequestContext,
    names: Names,
    course: Course | None,
    form: CourseForm,
    errors: Mapping[str, str] | None = None,
    *,
    differences: Sequence[Difference] = (),
    members: Answer[list[Responsible]] | None = None,
) -> Response:
    sent = members or context.ahead(courses.responsibles)
    groups = grouped(context, names)
    if "org_admin" not in context.roles:
        groups = [(name, [one for one in found if one.is_coordinated]) for name, found in groups]
    kept = {*form.types, *form.required}
    return context.page(
        "coordinator/course_form.html",
        status=409 if differences else 422 if errors else 200,
        course=course,
        course_name=course_name,
        form=form,
        errors=errors or {},
        differences=differences,
        kinds=[
            ("refresher", context._("Refresher: renews what is held")),
            ("course", context._("Course: gives a first certification, and renews what is held")),
        ],
        types=[option for option in names.type_options() if option[0] not in names.retired - kept],
        groups=[(name, found) for name, found in groups if found],
        is_for_all="org_admin" in context.roles,
        responsibles=_responsibles(context, course, sent),
    )
