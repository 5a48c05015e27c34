"""What types, chapters and days are called on the pages of an organisation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from mentorcert.organisations import chapters, types
from mentorcert.organisations.chapters import Chapter
from mentorcert.web.context import RequestContext
from mentorcert.web.rendering.templating import environment


@dataclass(frozen=True, slots=True)
class Names:
    """The words of one organisation in one language; what is unknown is called by its code, or not at all."""

    types: dict[str, str]
    chapters: list[Chapter]
    time_zone: str

    def type(self, code: str | None) -> str:
        """Return what a certification type is called."""
        return self.types.get(code or "", code or "")

    def first_day(self, issued_at: datetime) -> date:
        """Return the day on which a certification was issued or renewed."""
        return issued_at.astimezone(ZoneInfo(self.time_zone)).date()

    def chapters_of(self, chapter_ids: Iterable[UUID]) -> list[str]:
        """Return what the chapters are called, in the order of their names."""
        wanted = set(chapter_ids)
        return [chapter.name for chapter in self.chapters if chapter.id in wanted]

    def type_options(self, empty: str | None = None) -> list[tuple[str, str]]:
        """Return the choices of a field, by name."""
        named = sorted(self.types.items(), key=lambda item: item[1].casefold())
        return [*([("", empty)] if empty is not None else []), *named]

    def chapter_options(self, empty: str) -> list[tuple[str, str]]:
        """Return the choices of a field, by name."""
        return [("", empty), *((str(chapter.id), chapter.name) for chapter in self.chapters)]


def names_of(context: RequestContext) -> Names:
    """Read the words of the visitor's organisation."""
    _, organisation = context.member()
    return Names(
        {
            type_.code: type_.name_nb if context.language == "nb" else type_.name_en
            for type_ in types.of_organisation(context.conn, organisation.id)
        },
        chapters.of_organisation(context.conn, organisation.id),
        organisation.time_zone,
    )


def today_of(context: RequestContext) -> date:
    """Return today in the visitor's organisation."""
    return datetime.now(ZoneInfo(time_zone_of(context))).date()


def time_zone_of(context: RequestContext) -> str:
    """Return the time zone of the visitor's organisation."""
    return context.member()[1].time_zone


def written(context: RequestContext, filter_: str, *values: Any) -> str:
    """Write a value as the templates do."""
    write: Callable[..., object] = environment(context.language).filters[filter_]
    return str(write(*values))
