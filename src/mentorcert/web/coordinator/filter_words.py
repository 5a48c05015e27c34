"""What a list is narrowed to, in words, and the choices of its filter."""

from collections.abc import Iterator
from datetime import date

from babel.dates import format_date

from mentorcert.web.context import RequestContext
from mentorcert.web.coordinator.display_names import Names, written
from mentorcert.web.coordinator.list_query import NEVER, WITHIN, ListQuery
from mentorcert.web.coordinator.mentors_query import MentorsQuery
from mentorcert.web.rendering.languages import locale_of


def in_words(context: RequestContext, names: Names, query: ListQuery | MentorsQuery) -> str:
    """Return the filter as it narrows the list."""
    return ", ".join(_words(context, names, query))


def _words(context: RequestContext, names: Names, query: ListQuery | MentorsQuery) -> Iterator[str]:
    if query.q:
        yield context._("“%(what)s”", what=query.q)
    if isinstance(query, ListQuery):
        yield from _certifications(context, names, query)
    chapter = next((one.name for one in names.chapters if one.id == query.chapter), None)
    if chapter:
        yield f"{context._('Chapter')}: {chapter}"
    if isinstance(query, ListQuery):
        if query.ends:
            yield f"{context._('Last valid day')}: {dict(endings(context, query.ends))[query.ends]}"
    else:
        yield from _standing(context, names, query)
    if query.left:
        yield context._("Also those who left")


def _certifications(context: RequestContext, names: Names, query: ListQuery) -> Iterator[str]:
    if query.status:
        yield f"{context._('Status')}: {dict(statuses(context))[query.status]}"
    if query.type:
        yield f"{context._('Certification')}: {names.type(query.type)}"


def _standing(context: RequestContext, names: Names, query: MentorsQuery) -> Iterator[str]:
    if query.holds:
        yield f"{context._('They hold')}: {names.type(query.holds)}"
    type_ = names.type(query.type)
    if query.type and query.standing == "ends":
        label = context._("%(type)s ends", type=type_)
        yield f"{label}: {_period(context, query)}"
    elif query.type and query.standing == "obtained":
        label = context._("%(type)s got or renewed", type=type_)
        yield f"{label}: {_period(context, query)}"
    elif query.type and query.standing:
        yield f"{dict(standings(context))[query.standing]}: {type_}"
    if query.on:
        yield context._("as of %(day)s", day=written(context, "day", query.on))


def _period(context: RequestContext, query: MentorsQuery) -> str:
    first = written(context, "day", query.first) if query.first else ""
    last = written(context, "day", query.last) if query.last else ""
    if first and last:
        return f"{first} – {last}"
    return context._("until %(day)s", day=last) if last else context._("from %(day)s", day=first)


def statuses(context: RequestContext) -> list[tuple[str, str]]:
    """Return the choices of the status of certifications."""
    return [
        ("", context._("All statuses")),
        ("active", context._("Valid")),
        ("expired", context._("Expired")),
        ("outdated", context._("Outdated")),
        ("suspended", context._("Suspended")),
    ]


def endings(context: RequestContext, chosen: str | None) -> list[tuple[str, str]]:
    """Return the choices of when certifications end; a month that was asked for by a link is one too."""
    options = [("", context._("Any date"))]
    if chosen and "-" in chosen:
        options.append((chosen, context._("In %(month)s", month=_month(context, chosen))))
    options += [(str(days), context._("Within %(days)s days", days=days)) for days in WITHIN]
    return [*options, (NEVER, context._("Without an end"))]


def _month(context: RequestContext, month: str) -> str:
    return format_date(date.fromisoformat(f"{month}-01"), "LLLL y", locale=locale_of(context.language))


def standings(context: RequestContext) -> list[tuple[str, str]]:
    """Return how people can stand with a certification, as the list is narrowed by it."""
    return [
        ("not_held", context._("do not hold")),
        ("never", context._("have never had")),
        ("lapsed", context._("have had, now expired")),
        ("suspended", context._("have, but suspended")),
        ("held", context._("hold")),
        ("ends", context._("have until a day between")),
        ("obtained", context._("got or renewed between")),
    ]
